//! Readings of points that meet a condition go on.
//!
//! Only what is known to be true passes: where a value is absent, or a past is not full yet, nobody can tell. Of every
//! part of the condition it is counted how often it failed.

use crate::condition::{Condition, Judged, Memory, Truth};
use crate::node::Onward;
use crate::output::Filtered;
use crate::plan::FilterSpec;
use crate::point::{Places, Point, Port};
use crate::reading::Reading;
use crate::series::Series;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// How many readings passed a filter, and why others did not. In = passed + failed + unknown + those that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// Readings that met the condition.
    pub passed: u64,
    /// Readings that did not.
    pub failed: u64,
    /// Readings of which nobody could tell.
    pub unknown: u64,
    /// How many readings failed each part of the condition.
    pub parts: Vec<u64>,
}

impl Tested {
    fn of(parts: usize) -> Tested {
        Tested { parts: vec![0; parts], ..Tested::default() }
    }

    /// Share of the readings that passed, 0 to 1; NaN before the first.
    pub fn pass_rate(&self) -> f64 {
        self.passed as f64 / (self.passed + self.failed + self.unknown) as f64
    }

    fn count(&mut self, judged: Judged) {
        let count = match judged.truth {
            Truth::True => &mut self.passed,
            Truth::False => &mut self.failed,
            Truth::Unknown => &mut self.unknown,
        };
        *count = count.saturating_add(1);
        let mut failed = judged.failed;
        while failed != 0 {
            if let Some(part) = self.parts.get_mut(failed.trailing_zeros() as usize) {
                *part = part.saturating_add(1);
            }
            failed &= failed - 1;
        }
    }
}

impl AddAssign<&Tested> for Tested {
    fn add_assign(&mut self, other: &Tested) {
        for (to, from) in
            [(&mut self.passed, other.passed), (&mut self.failed, other.failed), (&mut self.unknown, other.unknown)]
        {
            *to = to.saturating_add(from);
        }
        for (to, from) in self.parts.iter_mut().zip(&other.parts) {
            *to = to.saturating_add(*from);
        }
    }
}

/// A filter with a condition, and what it keeps of each device.
#[derive(Debug)]
pub struct FilterNode {
    /// What has to be met, and what becomes of the others.
    pub spec: FilterSpec,
    states: Places<Filtering>,
    /// Empty between two calls.
    waiting: Vec<Reading>,
    /// Of all devices together, those that have left among them.
    pub total: Tested,
}

/// What is kept of one device.
#[derive(Debug)]
struct Filtering {
    state: State,
    /// Series that wait for the verdict, and the shard's places of those that take what passes of them.
    feeds: Vec<(Series, u32)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    memory: Memory,
    point: Point,
    tested: Tested,
}

impl State {
    fn new(condition: &Condition, tags: &[(String, String)]) -> State {
        let point = Point::new(condition.channels().len());
        State { memory: Memory::new(condition, tags), point, tested: Tested::of(condition.parts().len()) }
    }
}

impl FilterNode {
    /// Without any device yet.
    pub fn new(spec: FilterSpec) -> FilterNode {
        let total = Tested::of(spec.when.parts().len());
        FilterNode { spec, states: Places::new(), waiting: Vec::new(), total }
    }

    /// Room for a device with these tags; gives its place.
    pub fn add(&mut self, tags: &[(String, String)]) -> u32 {
        self.states.enter(Filtering { state: State::new(&self.spec.when, tags), feeds: Vec::new() })
    }

    /// The device at this place is gone.
    pub fn free(&mut self, place: u32) {
        let nobody = Filtering { state: State::new(&self.spec.when, &[]), feeds: Vec::new() };
        self.states.leave(place, nobody);
    }

    /// What passes of this series is to go to the one at `to`.
    pub fn feed(&mut self, place: u32, from: Series, to: u32) {
        self.states[place].feeds.push((from, to));
    }

    /// A reading in its turn; what comes of it, and of what waited for it, goes to `give`.
    pub fn observe(&mut self, place: u32, port: Port, reading: &Reading, give: &mut dyn FnMut(Onward)) {
        if self.states[place].state.point.is_over(port, reading) {
            self.settle(place, give);
        }
        let known = self.states[place].state.point.take(port, reading);
        match known {
            Some(judged) if port.waits() => self.tell(place, *reading, judged, give),
            Some(_) => {}
            None if self.states[place].state.point.is_complete() => self.judge(place, true, give),
            None => {}
        }
    }

    /// Nothing more comes of the point of a device.
    pub fn settle(&mut self, place: u32, give: &mut dyn FnMut(Onward)) {
        match self.states[place].state.point.gathers() {
            Some(_) => self.judge(place, false, give),
            None => self.states[place].state.point.forget(),
        }
    }

    /// The device's clock has come to `time`.
    pub fn pass(&mut self, place: u32, time: Time, give: &mut dyn FnMut(Onward)) {
        if self.states[place].state.point.gathers().is_some_and(|gathers| gathers < time) {
            self.judge(place, false, give);
        }
    }

    /// The clock at which the point of a device is judged, whatever it lacks.
    pub fn next(&self, place: u32) -> Time {
        self.states[place].state.point.gathers().map_or(Time::MAX, |gathers| gathers + Span(1))
    }

    fn judge(&mut self, place: u32, more: bool, give: &mut dyn FnMut(Onward)) {
        let State { memory, point, .. } = &mut self.states[place].state;
        let (time, values) = point.asked();
        let judged = memory.judge(&self.spec.when, time, values);
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend(point.judged(judged, more));
        waiting.drain(..).for_each(|reading| self.tell(place, reading, judged, give));
        self.waiting = waiting;
    }

    /// What becomes of a reading that was judged.
    fn tell(&mut self, place: u32, reading: Reading, judged: Judged, give: &mut dyn FnMut(Onward)) {
        let Filtering { state, feeds } = &mut self.states[place];
        state.tested.count(judged);
        self.total.count(judged);
        if judged.truth == Truth::True {
            if let Some(feed) = feeds.iter().find(|feed| feed.0 == reading.series) {
                give(Onward::To(feed.1, reading));
            }
        } else if self.spec.tell {
            give(Onward::Aside(Filtered { reading, failed: judged.failed, dropped: self.spec.drop }));
        }
        if self.spec.drop && judged.truth == Truth::True {
            give(Onward::Resume(reading));
        }
    }

    /// Adds the state of a device to bytes.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        crate::checkpoint::append(&self.states[place].state, into);
    }

    /// Takes it back.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let state: State = postcard::from_bytes(bytes)?;
        let condition = &self.spec.when;
        let fits = state.point.fits(condition.channels().len()) && state.memory.fits(condition);
        if !fits || state.tested.parts.len() != condition.parts().len() {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        self.total += &state.tested;
        self.states[place].state = state;
        Ok(())
    }

    /// Bytes for all devices.
    pub fn bytes(&self) -> usize {
        let heap = |state: &Filtering| {
            state.state.memory.heap_bytes()
                + state.state.point.heap_bytes()
                + state.feeds.capacity() * 8
                + state.state.tested.parts.capacity() * 8
        };
        self.states.bytes(heap)
    }
}
