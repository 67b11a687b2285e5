//! Windows of points: sessions that conditions begin and keep open, and windows of two channels.
//!
//! What one reading cannot tell is asked of the point that it belongs to: whether a session begins (`start`) or has activity
//! (`active`), and what the other channel (`with`) said at that moment. Then each channel that is summed up has windows of
//! its own, those of [`crate::window`]. A channel that speaks for the first time in an open session is in it.

use crate::condition::{Condition, Judged, Memory, Truth};
use crate::node::Onward;
use crate::plan::{Operator, SessionSpec, Shape, WindowSpec};
use crate::point::{Over, Places, Point, Port};
use crate::reading::Reading;
use crate::series::Series;
use crate::time::{Span, Time};
use crate::window::{Closed, SeriesFacts, Windows};
use serde::{Deserialize, Serialize};

/// A window of points, and what it keeps of each device.
#[derive(Debug)]
pub struct JointNode {
    /// Its shape, what it asks for, and what it gives.
    pub spec: WindowSpec,
    /// How many channels are asked for; which of them the conditions ask for, and which is the other one of pairs.
    asked: usize,
    start: Vec<usize>,
    active: Vec<usize>,
    with: Option<usize>,
    states: Places<Watched>,
    /// Empty between two calls.
    waiting: Vec<Reading>,
    asking: Vec<f64>,
}

/// What is kept of one device.
#[derive(Debug)]
struct Watched {
    state: State,
    over: Over,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    start: Option<Memory>,
    active: Option<Memory>,
    point: Point,
    /// What the other channel said at the moment of the point that was judged last; NaN if nothing.
    with: f64,
    /// Where a channel begins that has not spoken yet.
    fresh: Windows,
    /// Of each channel that has spoken: when it did first, and its windows.
    windows: Vec<(Series, Time, Windows)>,
}

/// What conditions say of a point does not matter to the readings in it: they all count.
const KNOWN: Judged = Judged { truth: Truth::True, failed: 0 };

impl JointNode {
    /// Without any device yet.
    pub fn new(operator: &Operator, spec: WindowSpec) -> JointNode {
        let asks: Vec<&str> = operator.asks().collect();
        let place = |channel: &String| asks.iter().position(|asked| asked == channel);
        let places = |condition: Option<&Condition>| {
            condition.map_or(&[][..], Condition::channels).iter().filter_map(place).collect()
        };
        let rules = rules(&spec);
        JointNode {
            asked: asks.len(),
            start: places(rules.and_then(|rules| rules.start.as_ref())),
            active: places(rules.and_then(|rules| rules.active.as_ref())),
            with: spec.with.as_ref().and_then(place),
            spec,
            states: Places::new(),
            waiting: Vec::new(),
            asking: Vec::new(),
        }
    }

    /// Room for a device with these tags; gives its place.
    pub fn add(&mut self, tags: &[(String, String)]) -> u32 {
        let watched = self.fresh(tags);
        self.states.enter(watched)
    }

    fn fresh(&self, tags: &[(String, String)]) -> Watched {
        let rules = rules(&self.spec);
        let memory = |condition: Option<&Condition>| condition.map(|condition| Memory::new(condition, tags));
        let state = State {
            start: memory(rules.and_then(|rules| rules.start.as_ref())),
            active: memory(rules.and_then(|rules| rules.active.as_ref())),
            point: Point::new(self.asked),
            with: f64::NAN,
            fresh: Windows::new(&self.spec),
            windows: Vec::new(),
        };
        Watched { state, over: Over::default() }
    }

    /// The device at this place is gone.
    pub fn free(&mut self, place: u32) {
        let nobody = self.fresh(&[]);
        self.states.leave(place, nobody);
    }

    /// The channels of a device that are summed up.
    pub fn over(&mut self, place: u32) -> &mut Over {
        &mut self.states[place].over
    }

    /// Which statistic of a channel goes on, and as what.
    pub fn fed(&self, place: u32, of: Series, index: usize) -> Option<(u16, u32)> {
        self.states[place].over.fed(of, index)
    }

    /// A reading in its turn; windows that close by it go to `give`.
    pub fn observe(&mut self, place: u32, port: Port, reading: &Reading, give: &mut dyn FnMut(Onward)) {
        if self.states[place].state.point.is_over(port, reading) {
            self.settle(place, give);
        }
        let state = &mut self.states[place].state;
        if state.point.take(port, reading).is_some() {
            // Its point has been judged, and it belongs where that one does.
            if port.waits() {
                self.keep_open(place, reading.time);
                self.sum(place, reading, give);
            }
        } else if state.point.is_complete() {
            self.judge(place, true, give);
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
        self.close(place, time, give);
    }

    /// The clock at which a point is judged or a window closes.
    pub fn next(&self, place: u32) -> Time {
        let State { point, fresh, windows, .. } = &self.states[place].state;
        let judged = point.gathers().map_or(Time::MAX, |gathers| gathers + Span(1));
        windows.iter().map(|(_, _, windows)| windows.next_end()).fold(judged.min(fresh.next_end()), Time::min)
    }

    /// What the window of a channel that closes next would say by now; changes nothing.
    pub fn provisional(&self, place: u32, series: Series, now: Time) -> Option<Closed> {
        let Watched { state, over } = &self.states[place];
        let (_, first, windows) = state.windows.iter().find(|(other, ..)| *other == series)?;
        windows.provisional(&self.spec, &SeriesFacts { first: *first, expected: over.every(series) }, now)
    }

    fn close(&mut self, place: u32, time: Time, give: &mut dyn FnMut(Onward)) {
        let Watched { state, over } = &mut self.states[place];
        let is_due = |windows: &Windows| windows.next_end() <= time && windows.next_end() != Time::MAX;
        for (series, first, windows) in &mut state.windows {
            let facts = SeriesFacts { first: *first, expected: over.every(*series) };
            while is_due(windows) {
                if let Some(closed) = windows.close(&self.spec, &facts) {
                    give(Onward::Closed(*series, closed));
                }
            }
        }
        while is_due(&state.fresh) {
            // Nothing is in it.
            let _ = state.fresh.close(&self.spec, &SeriesFacts { first: time, expected: None });
        }
    }

    fn judge(&mut self, place: u32, more: bool, give: &mut dyn FnMut(Onward)) {
        let state = &mut self.states[place].state;
        let (time, values) = state.point.asked();
        let rules = rules(&self.spec);
        let mut ask = |condition: Option<&Condition>, memory: &mut Option<Memory>, places: &[usize]| {
            let (Some(condition), Some(memory)) = (condition, memory) else { return None };
            self.asking.clear();
            self.asking.extend(places.iter().map(|place| values[*place]));
            Some(memory.judge(condition, time, &self.asking).truth == Truth::True)
        };
        let begins = ask(rules.and_then(|rules| rules.start.as_ref()), &mut state.start, &self.start);
        let keeps = ask(rules.and_then(|rules| rules.active.as_ref()), &mut state.active, &self.active);
        state.with = self.with.map_or(f64::NAN, |place| values[place]);
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend(state.point.judged(KNOWN, more));
        let judged = rules.is_some_and(|rules| rules.start.is_some() || rules.active.is_some());
        let counts = !waiting.is_empty() && (self.with.is_none() || !state.with.is_nan());
        if judged {
            self.close(place, time, give);
            let State { fresh, windows, .. } = &mut self.states[place].state;
            let all = windows.iter_mut().map(|(_, _, windows)| windows).chain([fresh]);
            for windows in all {
                if begins == Some(true) {
                    windows.begin(&self.spec, time);
                }
                // Without a condition each reading is activity.
                if keeps.unwrap_or(counts) {
                    windows.active(&self.spec, time);
                }
            }
        }
        waiting.drain(..).for_each(|reading| self.sum(place, &reading, give));
        self.waiting = waiting;
    }

    /// Without a condition for it each reading is activity for all channels, also one that comes after its point was judged.
    fn keep_open(&mut self, place: u32, time: Time) {
        if rules(&self.spec).is_some_and(|rules| rules.start.is_some() && rules.active.is_none()) {
            let State { fresh, windows, .. } = &mut self.states[place].state;
            for windows in windows.iter_mut().map(|(_, _, windows)| windows).chain([fresh]) {
                windows.active(&self.spec, time);
            }
        }
    }

    /// A reading of the moment that was judged last.
    fn sum(&mut self, place: u32, reading: &Reading, give: &mut dyn FnMut(Onward)) {
        let Watched { state: State { with, fresh, windows, .. }, over } = &mut self.states[place];
        if self.with.is_some() && with.is_nan() {
            return;
        }
        let at = windows.partition_point(|(series, ..)| *series < reading.series);
        if windows.get(at).is_none_or(|(series, ..)| *series != reading.series) {
            windows.insert(at, (reading.series, reading.time, fresh.clone()));
        }
        let (series, first, windows) = &mut windows[at];
        windows.add_pair(&self.spec, reading.time, reading.value, *with);
        // A window of so many readings may be full by now; those of other channels were closed before the point was judged.
        let facts = SeriesFacts { first: *first, expected: over.every(*series) };
        while windows.next_end() <= reading.time {
            if let Some(closed) = windows.close(&self.spec, &facts) {
                give(Onward::Closed(*series, closed));
            }
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
        let rules = rules(&self.spec);
        let remembers = |memory: &Option<Memory>, condition: Option<&Condition>| match (memory, condition) {
            (Some(memory), Some(condition)) => memory.fits(condition),
            (memory, condition) => memory.is_none() && condition.is_none(),
        };
        let fits = state.point.fits(self.asked)
            && remembers(&state.start, rules.and_then(|rules| rules.start.as_ref()))
            && remembers(&state.active, rules.and_then(|rules| rules.active.as_ref()))
            && state.fresh.fits(&self.spec)
            && state.windows.iter().all(|(_, _, windows)| windows.fits(&self.spec));
        if !fits {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        self.states[place].state = state;
        Ok(())
    }

    /// Bytes for all devices.
    pub fn bytes(&self) -> usize {
        let heap = |watched: &Watched| {
            let State { start, active, point, fresh, windows, .. } = &watched.state;
            start.iter().chain(active).map(Memory::heap_bytes).sum::<usize>()
                + point.heap_bytes()
                + watched.over.heap_bytes()
                + fresh.heap_bytes()
                + windows.iter().map(|(_, _, windows)| windows.heap_bytes()).sum::<usize>()
                + windows.capacity() * size_of::<(Series, Time, Windows)>()
        };
        self.states.bytes(heap)
    }
}

fn rules(spec: &WindowSpec) -> Option<&SessionSpec> {
    if let Shape::Session(rules) = &spec.shape { Some(rules) } else { None }
}
