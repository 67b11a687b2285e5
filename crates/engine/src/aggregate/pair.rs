//! Two channels of one moment: covariance, correlation and the slope of one over the other.
//!
//! Sums relative to a pivot in the middle, which moves as the one of [`super::Summary`] does and for the same reason: values
//! around 1e9 with a spread of 1 keep their digits. Two parts merge by the formulas of Chan, Golub and LeVeque (1979) and
//! Pébay (2008).

use serde::{Deserialize, Serialize};

/// What is known of some pairs of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    count: u64,
    pivot: (f64, f64),
    /// Sums of (x − pivot) and (y − pivot).
    sum: (f64, f64),
    /// Sums of (x − pivot)², (y − pivot)² and (x − pivot)(y − pivot).
    squares: (f64, f64, f64),
}

impl Pair {
    /// Takes in two finite values of one moment.
    #[inline]
    pub fn add(&mut self, x: f64, y: f64) {
        if self.count == 0 {
            self.pivot = (x, y);
        }
        let (dx, dy) = (x - self.pivot.0, y - self.pivot.1);
        // Counts wrap, because a state that was read back may say anything.
        self.count = self.count.wrapping_add(1);
        self.sum = (self.sum.0 + dx, self.sum.1 + dy);
        self.squares = (self.squares.0 + dx * dx, self.squares.1 + dy * dy, self.squares.2 + dx * dy);
        if self.count & self.count.wrapping_sub(1) == 0 {
            self.centre();
        }
    }

    /// Moves the pivot to the means.
    #[cold]
    fn centre(&mut self) {
        let n = self.count as f64;
        let moved = (self.pivot.0 + self.sum.0 / n, self.pivot.1 + self.sum.1 / n);
        let (a, b) = (moved.0 - self.pivot.0, moved.1 - self.pivot.1);
        let (x, y) = self.sum;
        self.squares = (
            (self.squares.0 - a * (2.0 * x - n * a)).max(0.0),
            (self.squares.1 - b * (2.0 * y - n * b)).max(0.0),
            self.squares.2 - (a * y + b * x - n * a * b),
        );
        (self.sum, self.pivot) = ((x - n * a, y - n * b), moved);
    }

    /// This and another one, taken together.
    #[must_use]
    pub fn merged(&self, other: &Pair) -> Pair {
        if self.count == 0 {
            return *other;
        }
        if other.count == 0 {
            return *self;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let (mine, its) = (self.means(), other.means());
        let apart = (its.0 - mine.0, its.1 - mine.1);
        let (here, there, both) = (self.products(), other.products(), a * b / (a + b));
        Pair {
            count: self.count.wrapping_add(other.count),
            pivot: (mine.0 + apart.0 * (b / (a + b)), mine.1 + apart.1 * (b / (a + b))),
            sum: (0.0, 0.0),
            squares: (
                here.0 + there.0 + apart.0 * apart.0 * both,
                here.1 + there.1 + apart.1 * apart.1 * both,
                here.2 + there.2 + apart.0 * apart.1 * both,
            ),
        }
    }

    /// Sums of the products of deviations from the means: x with x, y with y, x with y.
    fn products(&self) -> (f64, f64, f64) {
        let (n, (x, y)) = (self.count as f64, self.sum);
        ((self.squares.0 - x * x / n).max(0.0), (self.squares.1 - y * y / n).max(0.0), self.squares.2 - x * y / n)
    }

    /// How many pairs.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Both arithmetic means; NaN of no pairs.
    pub fn means(&self) -> (f64, f64) {
        let n = self.count as f64;
        (self.pivot.0 + self.sum.0 / n, self.pivot.1 + self.sum.1 / n)
    }

    /// Population covariance; NaN of no pairs.
    pub fn covariance(&self) -> f64 {
        self.products().2 / self.count as f64
    }

    /// Correlation (Pearson), −1 to 1; NaN where one of both never changes.
    pub fn correlation(&self) -> f64 {
        let (xx, yy, xy) = self.products();
        let scale = xx.sqrt() * yy.sqrt();
        if scale > 0.0 { (xy / scale).clamp(-1.0, 1.0) } else { f64::NAN }
    }

    /// The slope of y over x, by least squares, in units of y for each unit of x; NaN where x never changes.
    pub fn slope(&self) -> f64 {
        let (xx, _, xy) = self.products();
        if xx > 0.0 { xy / xx } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pairs: &[(f64, f64)]) -> Pair {
        let mut pair = Pair::default();
        pairs.iter().for_each(|&(x, y)| pair.add(x, y));
        pair
    }

    /// Covariance, correlation and slope in two passes.
    fn plain(pairs: &[(f64, f64)]) -> (f64, f64, f64) {
        let n = pairs.len() as f64;
        let (x0, y0) = pairs[0];
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
        let (mx, my) = (mean(&|p| p.0 - x0), mean(&|p| p.1 - y0));
        let product = |a: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(a).sum::<f64>();
        let xx = product(&|p| (p.0 - x0 - mx).powi(2));
        let yy = product(&|p| (p.1 - y0 - my).powi(2));
        let xy = product(&|p| (p.0 - x0 - mx) * (p.1 - y0 - my));
        (xy / n, xy / (xx * yy).sqrt(), xy / xx)
    }

    #[test]
    fn five_pairs_by_hand() {
        let pair = of(&[(1.0, 2.0), (2.0, 4.0), (3.0, 5.0), (4.0, 4.0), (5.0, 5.0)]);
        assert_eq!((pair.count(), pair.means()), (5, (3.0, 4.0)));
        assert!((pair.covariance() - 1.2).abs() < 1e-15);
        assert!((pair.slope() - 0.6).abs() < 1e-15);
        assert!((pair.correlation() - 0.774_596_669_241_483_4).abs() < 1e-15);
    }

    #[test]
    fn what_never_changes_has_no_correlation() {
        assert!(Pair::default().covariance().is_nan());
        let flat = of(&[(1e9 + 0.1, 1.0), (1e9 + 0.1, 2.0), (1e9 + 0.1, 4.0)]);
        assert_eq!(flat.covariance(), 0.0);
        assert!(flat.correlation().is_nan() && flat.slope().is_nan());
        assert_eq!(of(&[(1.0, 5.0), (2.0, 5.0)]).slope(), 0.0);
    }

    #[test]
    fn a_million_pairs_around_a_billion_keep_their_relation() {
        let wave = |i: i32| f64::from(i).sin();
        let pairs: Vec<_> = (0..1_000_000).map(|i| (1e9 + wave(i), -2e9 + 3.0 * wave(i) + wave(7 * i))).collect();
        let (covariance, correlation, slope) = plain(&pairs);
        let halves = of(&pairs[..300_000]).merged(&of(&pairs[300_000..]));
        for pair in [of(&pairs), halves] {
            assert!((pair.covariance() - covariance).abs() < 1e-9 * covariance);
            assert!((pair.correlation() - correlation).abs() < 1e-9);
            assert!((pair.slope() - slope).abs() < 1e-9 * slope);
        }
    }

    proptest! {
        #[test]
        fn merged_parts_equal_the_whole(
            pairs in prop::collection::vec((-1e3f64..1e3, -1e3f64..1e3), 3..80), at in 0usize..80, more in 0usize..80
        ) {
            let at = at % pairs.len();
            let then = at + more % (pairs.len() - at);
            let (a, b, c) = (of(&pairs[..at]), of(&pairs[at..then]), of(&pairs[then..]));
            let (covariance, correlation, slope) = plain(&pairs);
            for pair in [of(&pairs), a.merged(&b).merged(&c), a.merged(&b.merged(&c))] {
                prop_assert_eq!(pair.count(), pairs.len() as u64);
                prop_assert!((pair.covariance() - covariance).abs() < 1e-9 * 1e6);
                prop_assert!((pair.correlation() - correlation).abs() < 1e-9);
                prop_assert!((pair.slope() - slope).abs() < 1e-9 * slope.abs().max(1.0));
            }
        }

        #[test]
        fn a_pair_that_was_saved_is_the_same(pairs in prop::collection::vec((-1e3f64..1e3, -1e3f64..1e3), 0..80)) {
            let pair = of(&pairs);
            prop_assert_eq!(postcard::from_bytes::<Pair>(&postcard::to_allocvec(&pair).unwrap()).unwrap(), pair);
        }
    }
}
