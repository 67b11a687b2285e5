//! What came within a span up to a reading: `[t − size, t]`, both ends included.
//!
//! The first reading starts the count; it speaks at the first reading at least `every` after that, and then at the
//! first one at least `every` after it spoke last: with `every = 0` at each. Up to [`PANES`] readings each stand
//! for themselves and leave at their own time; denser ones are gathered by 1/1024 of the span and leave together when
//! the newest of them does. Then the old edge is up to that much too early.

use super::edges::LAST;
use super::stacks::Stacks;
use crate::aggregate::Tally;
use crate::feature::PANES;
use crate::plan::{Shape, WindowSpec};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// More panes than these are in damaged state only: the single ones, and one for each piece of the span.
const TOO_MANY: usize = 3 * PANES as usize;

/// The recent past of a series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sliding {
    /// The newest pane, and the time of its newest reading; later than all others.
    open: Tally,
    newest: Time,
    /// The other panes, by the time of their newest reading.
    sealed: Stacks<Time, Tally>,
    /// When it spoke last, or the first reading.
    spoke: Option<Time>,
    /// When it speaks; [`Time::MAX`] when it does not.
    due: Time,
}

impl Sliding {
    /// No past yet.
    pub fn new(spec: &WindowSpec) -> Sliding {
        let (open, sealed) = (Tally::new(spec), Stacks::new(spec));
        Sliding { open, newest: Time::MIN, sealed, spoke: None, due: Time::MAX }
    }

    /// Takes in a good reading; see [`super::Windows::add`].
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64, with: f64) -> Time {
        self.make_room(spec, time);
        self.open.add_pair(time, value, with);
        let since = *self.spoke.get_or_insert(time);
        if time.since(since) < every(spec) {
            return Time::MAX;
        }
        self.due = time.min(LAST);
        self.due
    }

    /// Takes in a bad reading: it stands there like the others, but nothing is said because of it.
    pub fn add_bad(&mut self, spec: &WindowSpec, time: Time) -> Time {
        self.make_room(spec, time);
        self.open.add_bad(time);
        Time::MAX
    }

    /// Forgets what has left at `time`, and makes the pane of `time` the newest.
    fn make_room(&mut self, spec: &WindowSpec, time: Time) {
        let from = time - size(spec);
        self.sealed.forget(spec, |pane| pane < from);
        if self.newest < from && !self.open.is_empty() {
            self.open = Tally::new(spec);
        }
        let piece = Span((size(spec).0 / PANES).max(1));
        let dense = self.sealed.len() + 1 >= PANES as usize;
        let gathers = dense && self.newest.floor(piece, Span::ZERO) == time.floor(piece, Span::ZERO);
        if !gathers && !self.open.is_empty() {
            let pane = std::mem::replace(&mut self.open, Tally::new(spec));
            self.sealed.push(self.newest, pane);
        }
        self.newest = time;
        if self.sealed.len() > TOO_MANY {
            self.sealed.clear(spec);
        }
    }

    /// Takes in an anomaly; `false` where it is ahead of all readings.
    pub fn add_anomaly(&mut self, _spec: &WindowSpec, time: Time, place: u16) -> bool {
        if time == self.newest && !self.open.is_empty() {
            self.open.add_anomaly(place);
        }
        time <= self.newest && !self.open.is_empty()
    }

    /// When it speaks.
    pub fn next_end(&self) -> Time {
        self.due
    }

    /// Speaks, if it is time.
    pub fn close(&mut self, spec: &WindowSpec) -> Option<(Time, Time, Tally)> {
        if std::mem::replace(&mut self.due, Time::MAX) == Time::MAX { None } else { self.peek(spec) }
    }

    /// What it would say at the newest reading.
    pub fn peek(&self, spec: &WindowSpec) -> Option<(Time, Time, Tally)> {
        if self.open.is_empty() {
            return None;
        }
        let mut sum = self.sealed.sum();
        sum.absorb(&self.open);
        Some((self.newest - size(spec), self.newest, sum))
    }

    /// It was given; what has too few readings is not, and then the next reading may speak.
    pub fn said(&mut self, _start: Time) {
        self.spoke = Some(self.newest);
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.open.heap_bytes() + self.sealed.heap_bytes()
    }
}

fn size(spec: &WindowSpec) -> Span {
    if let Shape::Sliding { size, .. } = spec.shape { size } else { Span(1) }
}

fn every(spec: &WindowSpec) -> Span {
    if let Shape::Sliding { every, .. } = spec.shape { every } else { Span(1) }
}
