//! Count, mean, spread and extremes of some readings; grows by a value, merges with another.
//!
//! Sums are kept relative to a pivot near the mean, so that values around 1e9 with a spread of 1 lose nothing. The
//! pivot starts at the first value and moves to the mean whenever the count reaches a power of two: as the pivot is
//! then a mean of half of all values, the squared sum is at most a few times the true one, and the last subtraction
//! cancels a digit at most. No division per value, unlike Welford's form. Two parts merge by the formula of Chan,
//! Golub and LeVeque (1979).

use serde::{Deserialize, Serialize};

/// What is known of some values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    count: u64,
    pivot: f64,
    /// Sum of (value − pivot).
    sum: f64,
    /// Sum of (value − pivot)².
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Summary {
    fn default() -> Summary {
        Summary::EMPTY
    }
}

impl Summary {
    /// Of no values.
    pub const EMPTY: Summary =
        Summary { count: 0, pivot: 0.0, sum: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    /// Takes in a finite value.
    #[inline(always)]
    pub fn add(&mut self, value: f64) {
        if self.count == 0 {
            self.pivot = value;
        }
        let off = value - self.pivot;
        // Counts wrap, because a state that was read back may say anything.
        self.count = self.count.wrapping_add(1);
        self.sum += off;
        self.squares += off * off;
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
        if self.count & self.count.wrapping_sub(1) == 0 {
            self.centre();
        }
    }

    /// Moves the pivot to the mean.
    #[cold]
    fn centre(&mut self) {
        let count = self.count as f64;
        let moved = self.pivot + self.sum / count;
        let step = moved - self.pivot;
        self.squares = (self.squares - step * (2.0 * self.sum - count * step)).max(0.0);
        self.sum -= count * step;
        self.pivot = moved;
    }

    /// This and another one, taken together.
    #[must_use]
    pub fn merged(&self, other: &Summary) -> Summary {
        if self.count == 0 {
            return *other;
        }
        if other.count == 0 {
            return *self;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let apart = other.mean() - self.mean();
        let mean = self.mean() + apart * (b / (a + b));
        Summary {
            count: self.count.wrapping_add(other.count),
            pivot: mean,
            sum: 0.0,
            squares: self.squared_deviations() + other.squared_deviations() + apart * apart * (a * b / (a + b)),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    fn squared_deviations(&self) -> f64 {
        (self.squares - self.sum * self.sum / self.count as f64).max(0.0)
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Arithmetic mean; of no values it is NaN.
    pub fn mean(&self) -> f64 {
        self.pivot + self.sum / self.count as f64
    }

    /// Population standard deviation; of no values it is NaN.
    pub fn std(&self) -> f64 {
        (self.squared_deviations() / self.count as f64).sqrt()
    }

    /// Population variance; of no values it is NaN.
    pub fn variance(&self) -> f64 {
        self.squared_deviations() / self.count as f64
    }

    /// Sample variance, divided by n − 1; of fewer than two values it is NaN.
    pub fn variance_sample(&self) -> f64 {
        if self.count < 2 { f64::NAN } else { self.squared_deviations() / (self.count - 1) as f64 }
    }

    /// Smallest value; of no values it is +∞.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// Largest value; of no values it is −∞.
    pub fn max(&self) -> f64 {
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Summary {
        let mut summary = Summary::EMPTY;
        values.iter().for_each(|&v| summary.add(v));
        summary
    }

    /// Mean and standard deviation in two passes with compensated sums: slow and right.
    fn plain(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
        let sum = |values: &mut dyn Iterator<Item = f64>| {
            let (mut total, mut lost, mut n) = (0.0f64, 0.0f64, 0u64);
            for v in values {
                let next = total + v;
                lost += if total.abs() >= v.abs() { (total - next) + v } else { (v - next) + total };
                total = next;
                n += 1;
            }
            (total + lost, n as f64)
        };
        let first = values.clone().next().unwrap_or(0.0);
        let (total, n) = sum(&mut values.clone().map(|v| v - first));
        let mean = total / n;
        let (squares, _) = sum(&mut values.map(|v| (v - first - mean).powi(2)));
        (first + mean, (squares / n).sqrt())
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs().max(1e-9)
    }

    #[test]
    fn a_handful_by_hand() {
        let s = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!((s.count(), s.mean(), s.std(), s.min(), s.max()), (8, 5.0, 2.0, 2.0, 9.0));
    }

    #[test]
    fn ten_million_readings_around_a_billion_keep_their_spread() {
        // A seeded stream with a spread of 1 around 1e9; the sum of twelve uniform numbers is nearly normal.
        let mut state = 42u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let values: Vec<f64> = (0..10_000_000).map(|_| 1e9 + (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect();
        let (mean, std) = plain(values.iter().copied());
        let summary = of(&values);
        assert!(close(summary.mean(), mean), "{} {mean}", summary.mean());
        assert!(close(summary.std(), std), "{} {std}", summary.std());
        assert!((std - 1.0).abs() < 0.01);
        let halves = of(&values[..3_000_000]).merged(&of(&values[3_000_000..]));
        assert!(close(halves.std(), std));
    }

    #[test]
    fn a_first_value_far_off_does_not_spoil_the_spread() {
        let values: Vec<f64> = std::iter::once(0.0).chain((0..100_000).map(|i| 1e9 + f64::from(i % 7))).collect();
        let (mean, std) = plain(values.iter().copied());
        assert!(close(of(&values).mean(), mean));
        assert!(close(of(&values).std(), std));
    }

    #[test]
    fn equal_values_have_no_spread_at_all() {
        assert_eq!(of(&[1e9 + 0.1; 1000]).std(), 0.0);
        assert_eq!(of(&[0.1; 7]).merged(&of(&[0.1; 9])).std(), 0.0);
    }

    proptest! {
        #[test]
        fn merged_parts_equal_the_whole(a in prop::collection::vec(-1e6f64..1e6, 0..60), b in prop::collection::vec(-1e6f64..1e6, 1..60)) {
            let merged = of(&a).merged(&of(&b));
            let whole: Vec<f64> = a.iter().chain(&b).copied().collect();
            let (mean, std) = plain(whole.iter().copied());
            prop_assert_eq!(merged.count(), whole.len() as u64);
            prop_assert!((merged.mean() - mean).abs() <= 1e-9 * 1e6);
            prop_assert!((merged.std() - std).abs() <= 1e-9 * std.max(1.0));
            prop_assert_eq!(merged.min(), whole.iter().copied().fold(f64::INFINITY, f64::min));
        }
    }
}
