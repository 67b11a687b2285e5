//! What a condition remembers: earlier values, sums and extremes over a past, and whether something had turned.
//!
//! A past takes the values that are known, and nothing else. Mean and spread are [`Rolling`]'s; sum, smallest and
//! largest value are [`Folded`]'s, and the median is [`Median`]'s.

use super::median::Median;
use super::program::UNKNOWN;
use crate::feature::sampled::SAMPLED_BYTES_MOST;
use crate::feature::{Fold, Folded, PANES, Rolling};
use crate::plan::Past;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

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
    /// The values in order.
    Median(Past),
    /// On which side something was.
    Side,
}

/// What was kept for a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Kept {
    Lag(Ring),
    Newest(Option<(Time, f64)>),
    Rolling(Box<Rolling>),
    Folded(Box<Folded>),
    Median(#[serde(deserialize_with = "Median::restored")] Box<Median>),
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

impl PastSpec {
    /// Nothing kept yet.
    pub(super) fn empty(&self) -> Kept {
        match *self {
            PastSpec::Lag(_) => Kept::Lag(Ring::default()),
            PastSpec::Newest | PastSpec::Last(_) => Kept::Newest(None),
            PastSpec::Rolling(past) => Kept::Rolling(Box::new(Rolling::new(past))),
            PastSpec::Fold(..) => Kept::Folded(Box::default()),
            PastSpec::Median(past) => Kept::Median(Box::new(Median::new(past))),
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
            // In its place, and in order; half of the room for many in order may be free.
            PastSpec::Median(Past::Count(count)) => size_of::<Median>() + count.max(4) as usize * 25,
            PastSpec::Median(Past::Span(_)) => size_of::<Median>() + SAMPLED_BYTES_MOST,
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
            (Kept::Median(median), PastSpec::Median(past)) => median.fits(past),
            _ => false,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Kept::Lag(ring) => ring.heap_bytes(),
            Kept::Newest(_) | Kept::Side(_) => 0,
            Kept::Rolling(rolling) => size_of::<Rolling>() + rolling.heap_bytes(),
            Kept::Folded(folded) => size_of::<Folded>() + folded.heap_bytes(),
            Kept::Median(median) => size_of::<Median>() + median.heap_bytes(),
        }
    }
}

impl Ring {
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<f64>()
    }

    pub(super) fn fits(&self, most: u32) -> bool {
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
