//! So many good readings: the last `size` of them, after every `every`.
//!
//! The same panes as for windows of time, cut where a window starts or ends, but counted in readings. It speaks only
//! when full, at the reading that fills it. Bad readings count for nothing and stand between the good ones.

use super::edges::LAST;
use super::stacks::Stacks;
use crate::aggregate::Tally;
use crate::plan::{Shape, WindowSpec};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Where a pane begins: number and time of its first good reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place {
    number: u64,
    time: Time,
}

/// The last readings of a series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Count {
    /// The pane that takes readings now.
    open: Tally,
    first: Option<Place>,
    sealed: Stacks<Place, Tally>,
    /// Good readings so far.
    seen: u64,
    /// Time of the newest reading.
    newest: Time,
    /// The time of the reading that has filled a window; [`Time::MAX`] when none is full.
    due: Time,
}

impl Count {
    /// No readings yet.
    pub fn new(spec: &WindowSpec) -> Count {
        Count {
            open: Tally::new(spec),
            first: None,
            sealed: Stacks::new(spec),
            seen: 0,
            newest: Time::MIN,
            due: Time::MAX,
        }
    }

    /// Takes in a good reading; see [`super::Windows::add`].
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64, with: f64) -> Time {
        let (size, every) = sizes(spec);
        self.open.add_pair(time, value, with);
        let first = *self.first.get_or_insert(Place { number: self.seen, time });
        self.newest = time;
        self.seen = self.seen.wrapping_add(1);
        let since_start = self.seen % every;
        let ends = since_start == size % every;
        if ends || since_start == 0 {
            // More than two panes for each reading are in damaged state only.
            if self.sealed.len() as u64 > size.saturating_mul(2) {
                self.sealed.clear(spec);
            }
            self.sealed.push(first, std::mem::replace(&mut self.open, Tally::new(spec)));
            self.first = None;
        }
        if ends && self.seen >= size {
            self.due = time.min(LAST);
        }
        self.due
    }

    /// Takes in a bad reading.
    pub fn add_bad(&mut self, _spec: &WindowSpec, time: Time) -> Time {
        self.open.add_bad(time);
        self.newest = time;
        Time::MAX
    }

    /// Takes in an anomaly; `false` where it is ahead of all readings.
    pub fn add_anomaly(&mut self, spec: &WindowSpec, time: Time, place: u16) -> bool {
        if time == self.newest {
            if !self.open.is_empty() {
                self.open.add_anomaly(place);
            } else if let Some(pane) = self.sealed.at_or_before(Place { number: u64::MAX, time: Time::MAX }) {
                self.sealed.join(spec, pane, |part| part.add_anomaly(place));
            }
        }
        time <= self.newest
    }

    /// When it speaks.
    pub fn next_end(&self) -> Time {
        self.due
    }

    /// Speaks, if a window is full.
    pub fn close(&mut self, spec: &WindowSpec) -> Option<(Time, Time, Tally)> {
        let end = std::mem::replace(&mut self.due, Time::MAX);
        if end == Time::MAX {
            return None;
        }
        let (size, every) = sizes(spec);
        let from = self.seen.saturating_sub(size);
        self.sealed.forget(spec, |pane| pane.number < from);
        let start = self.sealed.oldest().map_or(end, |pane| pane.time);
        let sum = self.sealed.sum();
        self.sealed.forget(spec, |pane| pane.number < from.saturating_add(every));
        Some((start, end, sum))
    }

    /// What has come of the window that is full next.
    pub fn peek(&self, _spec: &WindowSpec) -> Option<(Time, Time, Tally)> {
        let first = self.sealed.oldest().or(self.first)?;
        let mut sum = self.sealed.sum();
        sum.absorb(&self.open);
        Some((first.time, self.newest, sum))
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.open.heap_bytes() + self.sealed.heap_bytes()
    }
}

fn sizes(spec: &WindowSpec) -> (u64, u64) {
    if let Shape::Count { size, every } = spec.shape {
        (u64::from(size.max(1)), u64::from(every.max(1)))
    } else {
        (1, 1)
    }
}
