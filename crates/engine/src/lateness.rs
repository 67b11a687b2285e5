//! How late readings come: what the allowance of a source should be is read off here.
//!
//! The *lateness* of a reading is how far its time lies behind the newest time of its device when it arrives: 0 in order. An
//! allowance of d (`late`) keeps every reading whose lateness is at most d.

use crate::time::Span;
use std::ops::AddAssign;

/// What became of readings that were out of order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LateCounts {
    /// How far behind readings came.
    pub lateness: Lateness,
    /// Late readings that nobody wanted to hear of.
    pub forgotten: u64,
    /// Late readings that windows took in.
    pub revised: u64,
}

/// Counts of lateness, by powers of ten and what people have between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    counts: [u64; Lateness::EDGES.len() + 1],
    sum: u64,
}

const SECOND: i64 = 1_000_000_000;

impl Lateness {
    /// Upper ends, included; the last count is of what is later than all.
    pub const EDGES: [Span; 10] = [
        Span(SECOND / 1_000),
        Span(SECOND / 100),
        Span(SECOND / 10),
        Span(SECOND),
        Span(10 * SECOND),
        Span(60 * SECOND),
        Span(600 * SECOND),
        Span(3_600 * SECOND),
        Span(24 * 3_600 * SECOND),
        Span(7 * 24 * 3_600 * SECOND),
    ];

    /// A reading came this far behind; more than 0.
    pub fn add(&mut self, by: Span) {
        let place = Lateness::EDGES.iter().position(|edge| by <= *edge).unwrap_or(Lateness::EDGES.len());
        self.counts[place] += 1;
        self.sum = self.sum.saturating_add(by.0.unsigned_abs());
    }

    /// How many came with each lateness: up to each of [`Lateness::EDGES`], and beyond.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many came out of order.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all lateness, in seconds.
    pub fn seconds(&self) -> f64 {
        self.sum as f64 / SECOND as f64
    }
}

impl AddAssign<&LateCounts> for LateCounts {
    fn add_assign(&mut self, other: &LateCounts) {
        self.forgotten += other.forgotten;
        self.revised += other.revised;
        self.lateness.counts.iter_mut().zip(&other.lateness.counts).for_each(|(to, from)| *to += from);
        self.lateness.sum = self.lateness.sum.saturating_add(other.lateness.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_what_is_below_it() {
        let mut lateness = Lateness::default();
        for by in [Span(1), Lateness::EDGES[0], Span(Lateness::EDGES[0].0 + 1), Span(i64::MAX)] {
            lateness.add(by);
        }
        assert_eq!((lateness.counts()[0], lateness.counts()[1], lateness.counts()[10]), (2, 1, 1));
        assert_eq!(lateness.total(), 4);
    }
}
