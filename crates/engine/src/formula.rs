//! Features by a formula: a value that is worked out of what a device says at one moment, `power / speed`.
//!
//! Each point gives one result at its own time, or none where the value cannot be told: a channel has said nothing, a past is
//! not full, something was divided by zero. Results are counted, and so is what has none, all of it as without a value: why
//! there is none is not known of a formula as a whole. Readings go on meanwhile, untouched: a formula stops nobody. A result over the results of windows has the moment at which these end, and is of that moment: a window over it
//! that ends then has not seen it.

use crate::condition::{Formula, Judged, Memory, Truth};
use crate::feature::Made;
use crate::node::Onward;
use crate::point::{Places, Point, Port};
use crate::reading::Reading;
use crate::series::Series;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// A formula, and what it keeps of each device.
#[derive(Debug)]
pub struct FormulaNode {
    /// What is worked out.
    pub formula: Formula,
    states: Places<Working>,
    /// Of all devices together, those that have left among them.
    pub total: Made,
}

/// What is kept of one device.
#[derive(Debug)]
struct Working {
    state: State,
    /// The shard's place of the series that takes the results, if somebody does.
    feed: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    memory: Memory,
    point: Point,
    made: Made,
}

/// Nothing waits for what becomes of a point.
const DONE: Judged = Judged { truth: Truth::True, failed: 0 };

impl FormulaNode {
    /// Without any device yet.
    pub fn new(formula: Formula) -> FormulaNode {
        FormulaNode { formula, states: Places::new(), total: Made::default() }
    }

    fn fresh(&self, tags: &[(String, String)]) -> Working {
        let point = Point::new(self.formula.channels().len());
        let memory = Memory::of_formula(&self.formula, tags);
        Working { state: State { memory, point, made: Made::default() }, feed: None }
    }

    /// Room for a device with these tags; gives its place.
    pub fn add(&mut self, tags: &[(String, String)]) -> u32 {
        let working = self.fresh(tags);
        self.states.enter(working)
    }

    /// The device at this place is gone.
    pub fn free(&mut self, place: u32) {
        let nobody = self.fresh(&[]);
        self.states.leave(place, nobody);
    }

    /// Results of this device are to go to the series at `to`.
    pub fn feed(&mut self, place: u32, to: u32) {
        self.states[place].feed = Some(to);
    }

    /// Where results of this device go, if somebody takes them.
    pub fn fed(&self, place: u32) -> Option<u32> {
        self.states[place].feed
    }

    /// A reading in its turn; the result of a point that is complete by it, or over, goes to `give`.
    pub fn observe(&mut self, place: u32, port: Port, reading: &Reading, give: &mut dyn FnMut(Onward)) {
        if self.states[place].state.point.is_over(port, reading) {
            self.settle(place, give);
        }
        let point = &mut self.states[place].state.point;
        if point.take(port, reading).is_none() && point.is_complete() {
            self.work_out(place, true, give);
        }
    }

    /// Nothing more comes of the point of a device.
    pub fn settle(&mut self, place: u32, give: &mut dyn FnMut(Onward)) {
        match self.states[place].state.point.gathers() {
            Some(_) => self.work_out(place, false, give),
            None => self.states[place].state.point.forget(),
        }
    }

    /// The device's clock has come to `time`.
    pub fn pass(&mut self, place: u32, time: Time, give: &mut dyn FnMut(Onward)) {
        if self.states[place].state.point.gathers().is_some_and(|gathers| gathers < time) {
            self.work_out(place, false, give);
        }
    }

    /// The clock at which the point of a device is worked out, whatever it lacks.
    pub fn next(&self, place: u32) -> Time {
        self.states[place].state.point.gathers().map_or(Time::MAX, |gathers| gathers + Span(1))
    }

    fn work_out(&mut self, place: u32, more: bool, give: &mut dyn FnMut(Onward)) {
        let Working { state: State { memory, point, made }, feed } = &mut self.states[place];
        let (time, values) = point.asked();
        let value = memory.value(&self.formula, time, values);
        let _ = point.judged(DONE, more);
        let is_known = value.is_finite();
        let count = Made { given: u64::from(is_known), no_value: u64::from(!is_known), ..Made::default() };
        *made += count;
        self.total += count;
        if let (true, Some(feed)) = (is_known, *feed) {
            // The shard knows the series by its place.
            give(Onward::To(feed, Reading::new(Series(u32::MAX), time, value)));
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
        if !state.point.fits(self.formula.channels().len()) || !state.memory.fits_formula(&self.formula) {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        self.total += state.made;
        self.states[place].state = state;
        Ok(())
    }

    /// Bytes for all devices.
    pub fn bytes(&self) -> usize {
        self.states.bytes(|working| working.state.memory.heap_bytes() + working.state.point.heap_bytes())
    }
}
