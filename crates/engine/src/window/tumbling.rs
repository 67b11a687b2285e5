//! The common window: of time, not overlapping, with plain statistics. One compare and one sum for a reading.

use super::edges;
use crate::aggregate::Summary;
use crate::plan::WindowSpec;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// One open window at most: the next begins where it ends, or later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tumbling {
    /// [`Time::MAX`] while none is open.
    end: Time,
    summary: Summary,
}

impl Tumbling {
    /// None open.
    pub fn new() -> Tumbling {
        Tumbling { end: Time::MAX, summary: Summary::EMPTY }
    }

    /// Takes in a good reading; see [`super::Windows::add`].
    #[inline(always)]
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64) -> Time {
        self.summary.add(value);
        if self.end != Time::MAX {
            return Time::MAX;
        }
        self.end = edges::tumbling_end(edges::size(spec), time);
        self.end
    }

    /// The end of the open window.
    #[inline(always)]
    pub fn next_end(&self) -> Time {
        self.end
    }

    /// Closes the open window: its edges and what was in it.
    pub fn close(&mut self, spec: &WindowSpec) -> Option<(Time, Time, Summary)> {
        let window = self.peek(spec);
        *self = Tumbling::new();
        window
    }

    /// The open window.
    pub fn peek(&self, spec: &WindowSpec) -> Option<(Time, Time, Summary)> {
        let start = edges::tumbling_start(edges::size(spec), self.end);
        (self.end != Time::MAX).then_some((start, self.end, self.summary))
    }
}

impl Default for Tumbling {
    fn default() -> Tumbling {
        Tumbling::new()
    }
}
