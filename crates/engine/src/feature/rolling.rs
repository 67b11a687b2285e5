//! Rolling statistics of a series: mean and spread of its last readings, by count or by time.
//!
//! Sums relative to a pivot, one value added and one removed per reading. Adding and removing alone drifts: after an
//! outlier leaves, its rounding stays, and on four of the NAB files the result is off by more than 1e-9. So the sums
//! are computed anew from the ring once a lap, when one removal takes more than half of the squared sum, and when the
//! mean has moved so far from the pivot that the last subtraction would cancel (squared distance over 1e5 variances).

use crate::plan::Past;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The most pieces that a span of time is cut into. Up to this many readings a span each stands for itself and leaves
/// at its own time; denser ones are gathered by 1/1024 of the span and leave together.
pub const PANES: i64 = 1_024;

/// Count, mean and standard deviation over the recent past of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rolling {
    ring: Ring,
    count: u32,
    // (The pivot between them: side by side the compiler takes both sums as one vector, and packs and unpacks more than it adds.)
    sum: f64,
    pivot: f64,
    squares: f64,
    /// Removals since the sums were last computed anew.
    removed: u32,
}

/// What the sums say.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// How many readings.
    pub count: f64,
    /// Arithmetic mean; NaN of none.
    pub mean: f64,
    /// Sum of squared deviations from the mean, times the count.
    apart: f64,
}

impl Moments {
    /// Of nothing.
    pub const NONE: Moments = Moments { count: 0.0, mean: f64::NAN, apart: 0.0 };

    /// Population variance; NaN of none.
    #[inline]
    pub fn variance(self) -> f64 {
        self.apart / (self.count * self.count)
    }

    /// Sample variance; NaN of one or none.
    #[inline]
    pub fn variance_sample(self) -> f64 {
        if self.count > 1.0 { self.apart / (self.count * (self.count - 1.0)) } else { f64::NAN }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Ring {
    /// The last values; `next` is the oldest once the ring is full.
    Count {
        #[serde(with = "crate::checkpoint::floats")]
        values: Vec<f64>,
        next: u32,
    },
    /// Values with their times, gathered when dense.
    Span(VecDeque<Pane>),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Pane {
    /// Time of the newest value in it.
    time: Time,
    count: u32,
    mean: f64,
    /// Sum of squared deviations from its mean.
    squares: f64,
}

impl Rolling {
    /// No past yet.
    pub fn new(past: Past) -> Rolling {
        let ring = match past {
            Past::Count(_) => Ring::Count { values: Vec::new(), next: 0 },
            Past::Span(_) => Ring::Span(VecDeque::new()),
        };
        Rolling { ring, count: 0, pivot: 0.0, sum: 0.0, squares: 0.0, removed: 0 }
    }

    /// How many readings are in it.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Arithmetic mean; NaN of none.
    #[inline]
    pub fn mean(&self) -> f64 {
        self.moments().mean
    }

    /// Population standard deviation; NaN of none.
    #[inline]
    pub fn std(&self) -> f64 {
        self.moments().variance().sqrt()
    }

    /// Mean and spread. Neither waits for the division of the other.
    #[inline]
    pub fn moments(&self) -> Moments {
        let count = f64::from(self.count);
        let apart = (self.squares * count - self.sum * self.sum).max(0.0);
        Moments { count, mean: self.pivot + self.sum / count, apart }
    }

    /// By count: the values in it, in no order of use.
    pub fn values(&self) -> &[f64] {
        if let Ring::Count { values, .. } = &self.ring { values } else { &[] }
    }

    /// Forgets what is no longer in the past at `time`: for a span the half-open `(time − span, time]`.
    #[inline]
    pub fn advance(&mut self, past: Past, time: Time) {
        if let Past::Span(span) = past {
            while let Some(pane) = self.expired(time, span) {
                self.remove(pane);
            }
        }
    }

    #[inline]
    fn expired(&mut self, time: Time, span: Span) -> Option<Pane> {
        match &mut self.ring {
            Ring::Span(panes) if panes.front().is_some_and(|p| time.since(p.time) >= span) => panes.pop_front(),
            _ => None,
        }
    }

    /// Takes in a value; by count, the oldest makes room.
    #[inline]
    pub fn push(&mut self, past: Past, time: Time, value: f64) {
        match self.turn(past, time, value) {
            Some(leaving) => self.exchange(leaving, value),
            None => self.add(value),
        }
    }

    /// The same for who asks for values alone: mean and spread are no more to be asked for.
    #[inline]
    pub fn push_value(&mut self, past: Past, time: Time, value: f64) {
        let leaving = self.turn(past, time, value);
        self.count += u32::from(leaving.is_none());
    }

    /// By count: where the newest value stands.
    #[inline]
    pub fn newest(&self) -> usize {
        match &self.ring {
            Ring::Count { values, next: 0 } => values.len().saturating_sub(1),
            Ring::Count { next, .. } => *next as usize - 1,
            Ring::Span(_) => 0,
        }
    }

    /// By count: a value takes the place of the oldest of so many, which is given back; nothing is done where there are fewer.
    /// Mean and spread stay as they were.
    #[inline(always)]
    pub fn replace(&mut self, limit: u32, value: f64) -> Option<f64> {
        let Ring::Count { values, next } = &mut self.ring else { return None };
        if values.len() != limit as usize {
            return None;
        }
        let leaving = std::mem::replace(values.get_mut(*next as usize)?, value);
        *next = if *next + 1 == limit { 0 } else { *next + 1 };
        Some(leaving)
    }

    /// Mean and spread take in that a value has taken the place of another.
    #[inline(always)]
    pub fn exchange(&mut self, leaving: f64, value: f64) {
        let off = value - self.pivot;
        self.sum += off;
        self.squares += off * off;
        let off = leaving - self.pivot;
        self.take_away(1, off, off * off);
    }

    #[inline(always)]
    fn turn(&mut self, past: Past, time: Time, value: f64) -> Option<f64> {
        match (&mut self.ring, past) {
            (Ring::Count { .. }, Past::Count(limit)) => {
                // A ring that is full is nearly always there.
                if let Some(leaving) = self.replace(limit, value) {
                    return Some(leaving);
                }
                if let Ring::Count { values, .. } = &mut self.ring {
                    grow(values, limit, value);
                }
            }
            (Ring::Span(panes), Past::Span(span)) => gather(panes, span, time, value),
            _ => unreachable!("a ring is made for its past and never changes"),
        }
        None
    }

    /// Sums a value more.
    #[inline(always)]
    fn add(&mut self, value: f64) {
        if self.count == 0 {
            self.pivot = value;
        }
        let off = value - self.pivot;
        self.sum += off;
        self.squares += off * off;
        self.count += 1;
        if self.astray() {
            self.recompute();
        }
    }

    fn remove(&mut self, pane: Pane) {
        let off = pane.mean - self.pivot;
        let count = f64::from(pane.count);
        self.count -= pane.count;
        self.take_away(pane.count, count * off, pane.squares + count * off * off);
    }

    #[inline(always)]
    fn take_away(&mut self, count: u32, sum: f64, squares: f64) {
        let takes_most = squares > self.squares * 0.5;
        self.sum -= sum;
        self.squares -= squares;
        self.removed += count;
        // A square past the largest number is infinite, and stays so until it is computed anew.
        let in_range = self.squares < f64::INFINITY;
        if takes_most | (self.removed >= self.count) | !in_range || self.astray() {
            self.recompute();
        }
    }

    /// Whether the pivot is so far from the mean that digits would be lost. A few removals must lie between two
    /// computations, so that no signal, however odd, makes each reading cost a lap.
    #[inline(always)]
    fn astray(&self) -> bool {
        // Both sides times the count, and the distance on one of them: nothing is divided at each reading, and little said.
        self.sum * self.sum * (1.0 + 1e-5) > self.squares * f64::from(self.count) && self.removed >= self.count / 64
    }

    #[cold]
    #[inline(never)]
    fn recompute(&mut self) {
        self.removed = 0;
        (self.pivot, self.sum, self.squares) = match &self.ring {
            Ring::Count { values, .. } => {
                let pivot = centre(values.iter().map(|&v| (v, 1.0)));
                let (sum, squares) =
                    values.iter().fold((0.0, 0.0), |(s, q), v| (s + (v - pivot), q + (v - pivot) * (v - pivot)));
                (pivot, sum, squares)
            }
            Ring::Span(panes) => {
                let pivot = centre(panes.iter().map(|p| (p.mean, f64::from(p.count))));
                panes.iter().fold((pivot, 0.0, 0.0), |(pivot, s, q), p| {
                    let (off, count) = (p.mean - pivot, f64::from(p.count));
                    (pivot, s + count * off, q + p.squares + count * off * off)
                })
            }
        };
    }

    /// Whether a state that was read back can be gone on with: its counts agree, and it is of such a past.
    pub fn fits(&self, past: Past) -> bool {
        let counted = match (&self.ring, past) {
            (Ring::Count { values, next }, Past::Count(limit)) => {
                let full = values.len() == limit as usize;
                let in_place = if full { *next < limit } else { *next == 0 && values.len() < limit as usize };
                in_place.then_some(values.len() as u64)
            }
            (Ring::Span(panes), Past::Span(_)) if panes.iter().all(|pane| pane.count > 0) => {
                Some(panes.iter().map(|pane| u64::from(pane.count)).sum())
            }
            _ => None,
        };
        // Half of the range is left for what is still to come.
        counted == Some(u64::from(self.count)) && self.count < u32::MAX / 2 && self.removed <= self.count
    }

    /// Reads a value of each 128 bytes, to have all of it near.
    pub fn touch(&self) -> u64 {
        match &self.ring {
            Ring::Count { values, .. } => values.iter().step_by(16).fold(0, |touched, value| touched ^ value.to_bits()),
            Ring::Span(_) => 0,
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match &self.ring {
            Ring::Count { values, .. } => values.capacity() * size_of::<f64>(),
            Ring::Span(panes) => panes.capacity() * size_of::<Pane>(),
        }
    }
}

/// A ring that is not full yet.
#[cold]
#[inline(never)]
fn grow(values: &mut Vec<f64>, limit: u32, value: f64) {
    if values.len() == values.capacity() {
        // Doubles, but not past the limit: a hundred readings are 800 bytes and not 1 024.
        values.reserve_exact(values.len().max(4).min((limit as usize).saturating_sub(values.len())));
    }
    values.push(value);
}

/// Adds a value to the newest pane, where that one already stands for the same 1/1024 of a span that is full of
/// panes, else as a pane of its own.
fn gather(panes: &mut VecDeque<Pane>, span: Span, time: Time, value: f64) {
    let piece = Span((span.0 / PANES).max(1));
    let dense = panes.len() >= PANES as usize;
    match panes.back_mut() {
        Some(last) if dense && last.time.floor(piece, Span::ZERO) == time.floor(piece, Span::ZERO) => {
            last.count += 1;
            let apart = value - last.mean;
            last.mean += apart / f64::from(last.count);
            last.squares += apart * (value - last.mean);
            last.time = time;
        }
        _ => panes.push_back(Pane { time, count: 1, mean: value, squares: 0.0 }),
    }
}

/// A pivot near the mean; exactly the value itself where all are equal, so that their spread is exactly 0.
fn centre(weighted: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let first = weighted.clone().next().map_or(0.0, |(v, _)| v);
    let (sum, count) = weighted.fold((0.0, 0.0), |(s, n), (v, w)| (s + (v - first) * w, n + w));
    if count > 0.0 { first + sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let first = values[0];
        let mean = values.iter().map(|v| v - first).sum::<f64>() / n;
        (first + mean, (values.iter().map(|v| (v - first - mean).powi(2)).sum::<f64>() / n).sqrt())
    }

    fn check(past: Past, readings: &[(i64, f64)]) {
        let mut rolling = Rolling::new(past);
        for (i, &(time, value)) in readings.iter().enumerate() {
            rolling.advance(past, Time(time));
            rolling.push(past, Time(time), value);
            let inside: Vec<f64> = match past {
                Past::Count(n) => readings[(i + 1).saturating_sub(n as usize)..=i].iter().map(|r| r.1).collect(),
                Past::Span(s) => readings[..=i].iter().filter(|r| r.0 > time - s.0).map(|r| r.1).collect(),
            };
            let (mean, std) = plain(&inside);
            assert_eq!(rolling.count() as usize, inside.len());
            assert!((rolling.mean() - mean).abs() <= 1e-9 * mean.abs().max(1e-6), "{} {mean}", rolling.mean());
            assert!(
                (rolling.std() - std).abs() <= 1e-9 * std.max(1e-9 * mean.abs().max(1.0)),
                "{} {std}",
                rolling.std()
            );
        }
    }

    #[test]
    fn an_outlier_leaves_no_trace_after_it_has_left() {
        let mut readings: Vec<(i64, f64)> = (0..400).map(|i| (i, f64::from(i as i32 % 7) * 0.001)).collect();
        readings[50].1 = 1e12;
        check(Past::Count(20), &readings);
        check(Past::Span(Span(20)), &readings);
    }

    #[test]
    fn a_level_far_away_keeps_its_digits() {
        let readings: Vec<(i64, f64)> =
            (0..600).map(|i| (i, if i < 150 { 0.5 } else { 1e7 } + f64::from(i as i32 % 5) * 0.01)).collect();
        check(Past::Count(100), &readings);
    }

    #[test]
    fn equal_values_have_no_spread_at_all() {
        let mut rolling = Rolling::new(Past::Count(10));
        for i in 0..100 {
            rolling.push(Past::Count(10), Time(i), 0.1);
            assert_eq!(rolling.std(), 0.0);
        }
    }

    #[test]
    fn a_dense_span_is_gathered_and_stays_bounded() {
        let past = Past::Span(Span(1_024_000));
        let mut rolling = Rolling::new(past);
        for i in 0..100_000i64 {
            rolling.advance(past, Time(i * 50));
            rolling.push(past, Time(i * 50), (i % 10) as f64);
        }
        assert!(rolling.heap_bytes() < 200_000, "{}", rolling.heap_bytes());
        assert!((f64::from(rolling.count()) - 20_480.0).abs() < 50.0, "{}", rolling.count());
        assert!((rolling.mean() - 4.5).abs() < 0.01);
        assert!((rolling.std() - 8.25f64.sqrt()).abs() < 0.01);
    }

    proptest! {
        #[test]
        fn rolling_equals_a_naive_recomputation(
            n in 1u32..30, steps in prop::collection::vec((0i64..4, -1e3f64..1e3, 0u8..20), 1..200)
        ) {
            let mut time = 0;
            let readings: Vec<(i64, f64)> =
                steps.iter().map(|&(s, v, big)| { time += s; (time, if big == 0 { v * 1e6 } else { v }) }).collect();
            check(Past::Count(n), &readings);
            check(Past::Span(Span(i64::from(n))), &readings);
        }
    }
}
