//! Windows of two channels: covariance, correlation, and the slope of one over the other.
//!
//! A reading counts where the other channel spoke at the same moment; the windows are those of any shape, of each device.

use crate::condition::{Judged, Truth};
use crate::node::Onward;
use crate::plan::WindowSpec;
use crate::point::{Over, Point, Port};
use crate::reading::Reading;
use crate::series::Series;
use crate::time::{Span, Time};
use crate::window::{SeriesFacts, Windows};
use serde::{Deserialize, Serialize};

/// A window with another channel, and what it keeps of each device.
#[derive(Debug)]
pub struct PairNode {
    /// Its shape, the other channel, and what it gives.
    pub spec: WindowSpec,
    states: Vec<Watched>,
    free: Vec<u32>,
    /// Empty between two calls.
    waiting: Vec<Reading>,
}

/// What is kept of one device.
#[derive(Debug)]
struct Watched {
    state: State,
    over: Over,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// Asks for the other channel.
    point: Point,
    /// What the other channel said at the moment of the point that was judged last.
    with: f64,
    /// Of each channel that has spoken together with the other one: when it did first, and its windows.
    windows: Vec<(Series, Time, Windows)>,
}

/// There is nothing to judge: a point that is complete counts.
const KNOWN: Judged = Judged { truth: Truth::True, failed: 0 };

impl PairNode {
    /// Without any device yet.
    pub fn new(spec: WindowSpec) -> PairNode {
        PairNode { spec, states: Vec::new(), free: Vec::new(), waiting: Vec::new() }
    }

    /// Room for a device; gives its place.
    pub fn add(&mut self) -> u32 {
        let state = State { point: Point::new(1), with: f64::NAN, windows: Vec::new() };
        let watched = Watched { state, over: Over::default() };
        let place = self.free.pop().unwrap_or(self.states.len() as u32);
        if place as usize == self.states.len() {
            self.states.push(watched);
        } else {
            self.states[place as usize] = watched;
        }
        place
    }

    /// The device at this place is gone.
    pub fn free(&mut self, place: u32) {
        self.states[place as usize].over = Over::default();
        self.free.push(place);
    }

    /// The channels of a device that are summed up.
    pub fn over(&mut self, place: u32) -> &mut Over {
        &mut self.states[place as usize].over
    }

    /// Which statistic of a channel goes on, and as what.
    pub fn fed(&self, place: u32, of: Series, index: usize) -> Option<(u16, u32)> {
        self.states[place as usize].over.fed(of, index)
    }

    /// A reading in its turn; windows that close by it go to `give`.
    pub fn observe(&mut self, place: u32, port: Port, reading: &Reading, give: &mut dyn FnMut(Onward)) {
        if self.states[place as usize].state.point.is_over(port, reading) {
            self.settle(place, give);
        }
        let state = &mut self.states[place as usize].state;
        if state.point.take(port, reading).is_some() {
            if port.waits() {
                self.sum(place, reading, give);
            }
        } else if state.point.is_complete() {
            self.judge(place, true, give);
        }
    }

    /// Nothing more comes of the point of a device.
    pub fn settle(&mut self, place: u32, give: &mut dyn FnMut(Onward)) {
        match self.states[place as usize].state.point.gathers() {
            Some(_) => self.judge(place, false, give),
            None => self.states[place as usize].state.point.forget(),
        }
    }

    /// The device's clock has come to `time`.
    pub fn pass(&mut self, place: u32, time: Time, give: &mut dyn FnMut(Onward)) {
        if self.states[place as usize].state.point.gathers().is_some_and(|gathers| gathers < time) {
            self.judge(place, false, give);
        }
        self.close(place, time, give);
    }

    fn close(&mut self, place: u32, time: Time, give: &mut dyn FnMut(Onward)) {
        let Watched { state, over } = &mut self.states[place as usize];
        for (series, first, windows) in &mut state.windows {
            while windows.next_end() <= time && windows.next_end() != Time::MAX {
                let facts = SeriesFacts { first: *first, expected: over.every(*series) };
                if let Some(closed) = windows.close(&self.spec, &facts) {
                    give(Onward::Closed(*series, closed));
                }
            }
        }
    }

    /// The clock at which a point is judged or a window closes.
    pub fn next(&self, place: u32) -> Time {
        let State { point, windows, .. } = &self.states[place as usize].state;
        let judged = point.gathers().map_or(Time::MAX, |gathers| gathers + Span(1));
        windows.iter().map(|(_, _, windows)| windows.next_end()).fold(judged, Time::min)
    }

    fn judge(&mut self, place: u32, more: bool, give: &mut dyn FnMut(Onward)) {
        let state = &mut self.states[place as usize].state;
        let (_, values) = state.point.asked();
        state.with = values.first().copied().unwrap_or(f64::NAN);
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend(state.point.judged(KNOWN, more));
        waiting.drain(..).for_each(|reading| self.sum(place, &reading, give));
        self.waiting = waiting;
    }

    /// A reading of the moment that was judged last counts if the other channel spoke.
    fn sum(&mut self, place: u32, reading: &Reading, give: &mut dyn FnMut(Onward)) {
        let state = &mut self.states[place as usize].state;
        if state.with.is_nan() {
            return;
        }
        let windows = &mut state.windows;
        let at = windows.partition_point(|(series, ..)| *series < reading.series);
        if windows.get(at).is_none_or(|(series, ..)| *series != reading.series) {
            windows.insert(at, (reading.series, reading.time, Windows::new(&self.spec)));
        }
        windows[at].2.add_pair(&self.spec, reading.time, reading.value, state.with);
        // A window of so many readings may be full by now.
        self.close(place, reading.time, give);
    }

    /// Adds the state of a device to bytes.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        crate::checkpoint::append(&self.states[place as usize].state, into);
    }

    /// Takes it back.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let state: State = postcard::from_bytes(bytes)?;
        if !state.point.fits(1) || !state.windows.iter().all(|(_, _, windows)| windows.fits(&self.spec)) {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        self.states[place as usize].state = state;
        Ok(())
    }

    /// Bytes for all devices.
    pub fn bytes(&self) -> usize {
        let heap = |watched: &Watched| {
            let windows = watched.state.windows.iter().map(|(_, _, windows)| windows.heap_bytes()).sum::<usize>();
            let places = watched.state.windows.capacity() * size_of::<(Series, Time, Windows)>();
            windows + places + watched.state.point.heap_bytes() + watched.over.heap_bytes()
        };
        self.states.capacity() * size_of::<Watched>() + self.states.iter().map(heap).sum::<usize>()
    }
}
