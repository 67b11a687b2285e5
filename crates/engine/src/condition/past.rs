//! What a condition remembers: earlier values, sums and extremes over a past, and whether something had turned.
//!
//! A past takes the values that are known, and nothing else. Mean and spread are [`Rolling`]'s. Sum, smallest and
//! largest value are folded by two stacks in one queue (Tangwongsan, Hirzel and Schneider, "Low-latency sliding-window
//! aggregation in worst-case constant time", DEBS 2017): nothing is ever subtracted, so a sum of whole numbers
//! is exact, and an outlier leaves no trace. A value costs three operations on average. As [`Rolling`] does, a span of time keeps
//! up to 1 024 values each for itself, and denser ones by 1/1024 of the span.

use super::program::{UNKNOWN, known};
use crate::feature::{PANES, Rolling};
use crate::plan::Past;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What a step keeps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum PastSpec {
    /// So many values.
    Lag(u32),
    /// The newest value and its time.
    Newest,
    /// The newest value and its time, as long as it is not older.
    Last(Span),
    /// For mean, spread and count.
    Rolling(Past),
    Fold(Fold, Past),
    /// On which side something was.
    Side,
}

/// How values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fold {
    Sum,
    Least,
    Most,
}

/// What was kept for a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Kept {
    Lag(Ring),
    Newest(Option<(Time, f64)>),
    Rolling(Box<Rolling>),
    Folded(Box<Folded>),
    Side(Side),
}

/// The last values; `next` is the oldest once it is full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ring {
    #[serde(with = "crate::checkpoint::floats")]
    values: Vec<f64>,
    next: u32,
}

/// On which side something was when it was last known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Side {
    Never,
    Off,
    On,
}

/// Values of a past with their fold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Folded {
    /// Of a span: the time of the newest reading in each; nothing by count.
    times: VecDeque<Time>,
    /// The first `settled` are folds of a value and all behind it up to there; the others are values. The newest is never
    /// settled, so that it can take more in.
    values: VecDeque<f64>,
    settled: u32,
    /// The fold of what is not settled.
    rest: f64,
}

impl PastSpec {
    /// Nothing kept yet.
    pub(super) fn empty(&self) -> Kept {
        match *self {
            PastSpec::Lag(_) => Kept::Lag(Ring::default()),
            PastSpec::Newest | PastSpec::Last(_) => Kept::Newest(None),
            PastSpec::Rolling(past) => Kept::Rolling(Box::new(Rolling::new(past))),
            PastSpec::Fold(..) => Kept::Folded(Box::default()),
            PastSpec::Side => Kept::Side(Side::Never),
        }
    }

    /// The most bytes on the heap. A span holds at most 1 024 values, and then a pane more for each of its 1 024 pieces;
    /// a queue has room for the next power of two.
    pub(super) fn heap_bytes_most(&self) -> usize {
        let panes = 4 * PANES as usize;
        match *self {
            PastSpec::Lag(count) => count.max(4) as usize * 8,
            PastSpec::Newest | PastSpec::Last(_) | PastSpec::Side => 0,
            PastSpec::Rolling(Past::Count(count)) => size_of::<Rolling>() + count.max(4) as usize * 8,
            PastSpec::Rolling(Past::Span(_)) => size_of::<Rolling>() + panes * 32,
            PastSpec::Fold(_, Past::Count(count)) => size_of::<Folded>() + count.max(4) as usize * 8,
            PastSpec::Fold(_, Past::Span(_)) => size_of::<Folded>() + panes * 16,
        }
    }
}

impl Kept {
    /// Whether bytes that were read back are what this keeps: nothing that is done with it can go wrong then.
    pub(super) fn fits(&self, spec: &PastSpec) -> bool {
        match (self, *spec) {
            (Kept::Lag(ring), PastSpec::Lag(most)) => ring.fits(most),
            (Kept::Newest(_), PastSpec::Newest | PastSpec::Last(_)) | (Kept::Side(_), PastSpec::Side) => true,
            (Kept::Rolling(rolling), PastSpec::Rolling(past)) => rolling.fits(past),
            (Kept::Folded(folded), PastSpec::Fold(_, past)) => folded.fits(past),
            _ => false,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Kept::Lag(ring) => ring.values.capacity() * 8,
            Kept::Newest(_) | Kept::Side(_) => 0,
            Kept::Rolling(rolling) => size_of::<Rolling>() + rolling.heap_bytes(),
            Kept::Folded(folded) => size_of::<Folded>() + (folded.times.capacity() + folded.values.capacity()) * 8,
        }
    }
}

impl Ring {
    fn fits(&self, most: u32) -> bool {
        let (length, most) = (self.values.len(), most as usize);
        length <= most && if length < most { self.next == 0 } else { (self.next as usize) < most }
    }

    /// Takes a value in, and gives the one that was taken `most` before it.
    #[inline]
    pub(super) fn push(&mut self, most: u32, value: f64) -> f64 {
        if self.values.len() < most as usize {
            if self.values.len() == self.values.capacity() {
                // Doubles, but not past the limit.
                self.values.reserve_exact(self.values.len().max(4).min(most as usize - self.values.len()));
            }
            self.values.push(value);
            return f64::NAN;
        }
        let oldest = std::mem::replace(&mut self.values[self.next as usize], value);
        self.next = if self.next + 1 == most { 0 } else { self.next + 1 };
        oldest
    }
}

impl Side {
    /// Whether it is armed: while it is off.
    #[inline]
    pub(super) fn armed(self) -> f64 {
        match self {
            Side::Never => UNKNOWN,
            Side::Off => 1.0,
            Side::On => 0.0,
        }
    }

    /// The side after what sets it and what brings it back were looked at; unknown ones change nothing.
    #[inline]
    pub(super) fn after(self, set: f64, reset: f64) -> Side {
        match self {
            Side::Never | Side::Off if set == 1.0 => Side::On,
            Side::Never if set == 0.0 => Side::Off,
            Side::On if reset == 1.0 => Side::Off,
            _ => self,
        }
    }
}

impl Fold {
    #[inline]
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Fold::Sum => a + b,
            Fold::Least => a.min(b),
            Fold::Most => a.max(b),
        }
    }
}

impl Folded {
    fn fits(&self, past: Past) -> bool {
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
    pub(super) fn take(&mut self, fold: Fold, past: Past, time: Time, value: f64) -> f64 {
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
    fn let_go(&mut self, fold: Fold) {
        if self.settled == 0 && self.values.len() > 1 {
            let newest = self.values.len() - 1;
            for i in (0..newest - 1).rev() {
                self.values[i] = fold.of(self.values[i], self.values[i + 1]);
            }
            self.settled = newest as u32;
            self.rest = self.values[newest];
        }
        self.values.pop_front();
        self.settled = self.settled.saturating_sub(1);
    }

    fn value(&self, fold: Fold) -> f64 {
        known(match (self.values.front(), self.settled) {
            (None, _) => f64::NAN,
            (Some(_), 0) => self.rest,
            (Some(&front), _) => fold.of(front, self.rest),
        })
    }
}
