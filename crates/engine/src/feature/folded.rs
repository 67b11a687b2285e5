//! Sum, smallest and largest value of a past that slides, without ever taking anything back out.
//!
//! Two stacks in one queue (Tangwongsan, Hirzel and Schneider, "Low-latency sliding-window aggregation in worst-case
//! constant time", DEBS 2017): nothing is subtracted, so a sum of whole numbers is exact, and an outlier leaves no
//! trace. A value costs three operations on average. As [`super::Rolling`] does, a span of time keeps up to 1 024 values each
//! for itself, and denser ones by 1/1024 of the span.

use super::PANES;
use crate::plan::Past;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fold {
    /// All together.
    Sum,
    /// The smallest.
    Least,
    /// The largest.
    Most,
}

/// Values of a past with their fold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Folded {
    /// Of a span: the time of the newest reading in each; nothing by count.
    times: VecDeque<Time>,
    /// The first `settled` are folds of a value and all behind it up to there; the others are values. The newest is never
    /// settled, so that it can take more in.
    values: VecDeque<f64>,
    settled: u32,
    /// The fold of what is not settled.
    rest: f64,
}

impl Fold {
    /// What changes nothing.
    pub(super) fn of_none(self) -> f64 {
        match self {
            Fold::Sum => 0.0,
            Fold::Least => f64::INFINITY,
            Fold::Most => f64::NEG_INFINITY,
        }
    }

    /// Two values as one. (Neither is no number, so a comparison does.)
    #[inline]
    pub(super) fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Fold::Sum => a + b,
            Fold::Least if b < a => b,
            Fold::Most if b > a => b,
            Fold::Least | Fold::Most => a,
        }
    }
}

impl Folded {
    /// Whether a state that was read back can be gone on with.
    pub fn fits(&self, past: Past) -> bool {
        let settled = self.settled as usize;
        let in_order = settled < self.values.len() || (self.values.is_empty() && settled == 0);
        in_order
            && match past {
                Past::Count(most) => self.times.is_empty() && self.values.len() <= most as usize,
                Past::Span(_) => self.times.len() == self.values.len(),
            }
    }

    /// Takes a value in at a time, if there is one, lets go what is no longer in the past, and gives the fold of the rest:
    /// no number of none.
    #[inline]
    pub fn take(&mut self, fold: Fold, past: Past, time: Time, value: f64) -> f64 {
        if let Past::Span(span) = past {
            while self.times.front().is_some_and(|&oldest| time.since(oldest) >= span) {
                self.times.pop_front();
                self.let_go(fold);
            }
        }
        if !value.is_nan() {
            self.push(fold, past, time, value);
        }
        self.value(fold)
    }

    #[inline]
    fn push(&mut self, fold: Fold, past: Past, time: Time, value: f64) {
        match past {
            Past::Count(most) => {
                if self.values.len() == most as usize {
                    self.let_go(fold);
                } else if self.values.len() == self.values.capacity() {
                    self.values.reserve_exact(self.values.len().max(4).min(most as usize - self.values.len()));
                }
            }
            Past::Span(span) if self.joins_the_newest(span, time) => {
                if let (Some(last), Some(newest)) = (self.values.back_mut(), self.times.back_mut()) {
                    (*last, *newest) = (fold.of(*last, value), time);
                }
                self.rest = fold.of(self.rest, value);
                return;
            }
            Past::Span(_) => self.times.push_back(time),
        }
        self.rest = if self.values.is_empty() { value } else { fold.of(self.rest, value) };
        self.values.push_back(value);
    }

    /// Whether the newest pane stands for the same piece of a span that is full of them.
    fn joins_the_newest(&self, span: Span, time: Time) -> bool {
        let piece = Span((span.0 / PANES).max(1));
        let same = |newest: Time| newest.floor(piece, Span::ZERO) == time.floor(piece, Span::ZERO);
        self.times.len() >= PANES as usize && self.times.back().is_some_and(|&newest| same(newest))
    }

    /// The oldest value leaves.
    #[inline]
    fn let_go(&mut self, fold: Fold) {
        if self.settled == 0 && self.values.len() > 1 {
            self.settle(fold);
        }
        self.values.pop_front();
        self.settled = self.settled.saturating_sub(1);
    }

    #[inline(never)]
    fn settle(&mut self, fold: Fold) {
        let newest = self.values.len() - 1;
        for i in (0..newest - 1).rev() {
            self.values[i] = fold.of(self.values[i], self.values[i + 1]);
        }
        self.settled = newest as u32;
        self.rest = self.values[newest];
    }

    /// The fold of what is in it now; no number of none.
    #[inline]
    pub fn value(&self, fold: Fold) -> f64 {
        match (self.values.front(), self.settled) {
            (None, _) => f64::NAN,
            (Some(_), 0) => self.rest,
            (Some(&front), _) => fold.of(front, self.rest),
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        (self.times.capacity() + self.values.capacity()) * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn extremes_and_sums_are_those_of_what_is_in_the_past(
            n in 1u32..30, steps in prop::collection::vec((0i64..4, -1e3f64..1e3), 1..200),
        ) {
            let (mut time, mut readings) = (0, Vec::new());
            let pasts = [Past::Count(n), Past::Span(Span(i64::from(n)))];
            let mut kept: Vec<[Folded; 3]> = pasts.iter().map(|_| Default::default()).collect();
            for (step, value) in steps {
                time += step;
                readings.push((time, value.round()));
                for (past, kept) in pasts.iter().zip(&mut kept) {
                    let inside: Vec<f64> = match *past {
                        Past::Count(n) => readings.iter().rev().take(n as usize).map(|r| r.1).collect(),
                        Past::Span(span) => readings.iter().filter(|r| r.0 > time - span.0).map(|r| r.1).collect(),
                    };
                    let expected = [
                        inside.iter().sum(),
                        inside.iter().copied().fold(f64::INFINITY, f64::min),
                        inside.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    ];
                    for ((fold, folded), expected) in [Fold::Sum, Fold::Least, Fold::Most].iter().zip(kept).zip(expected) {
                        let got = folded.take(*fold, *past, Time(time), value.round());
                        prop_assert_eq!(got, expected);
                        prop_assert!(folded.fits(*past));
                    }
                }
            }
        }
    }
}
