//! Sessions that conditions begin and keep open: those of a device, over several of its channels.
//!
//! A session begins at the first point that meets `start`, stays open while points that meet `active` follow each other
//! within `gap`, and is from its beginning to its last activity, both included. Readings after the last activity are
//! kept apart: the next activity takes them in, and if none comes in time they were in no session. One that has
//! become `longest` long ends at its last activity before that; the activity that would have made it longer begins the next.

use crate::aggregate::{History, Tally};
use crate::condition::{Condition, Memory, Truth};
use crate::node::Onward;
use crate::plan::{Operator, SessionSpec, Shape, WindowSpec};
use crate::point::{Over, Point, Port};
use crate::reading::Reading;
use crate::series::Series;
use crate::time::{Span, Time};
use crate::window::Closed;
use serde::{Deserialize, Serialize};

/// A window of sessions with conditions, and what it keeps of each device.
#[derive(Debug)]
pub struct SessionNode {
    /// Its conditions, and what it gives.
    pub spec: WindowSpec,
    session: SessionSpec,
    /// How many channels the conditions ask for, and which of them each asks for.
    asked: usize,
    start: Vec<usize>,
    active: Vec<usize>,
    states: Vec<Watched>,
    free: Vec<u32>,
    /// Empty between two calls.
    waiting: Vec<Reading>,
    asking: Vec<f64>,
}

/// What is kept of one device.
#[derive(Debug)]
struct Watched {
    state: State,
    /// The channels it sums up.
    over: Over,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    start: Option<Memory>,
    active: Option<Memory>,
    point: Point,
    /// First and last activity of the open session.
    open: Option<(Time, Time)>,
    /// Until then activity begins another one without being asked, because the last one grew too long.
    again_until: Option<Time>,
    /// Of each channel that has spoken in a session.
    sums: Vec<Sums>,
}

/// What an open session has of a channel.
#[derive(Debug, Serialize, Deserialize)]
struct Sums {
    series: Series,
    /// Up to the last activity.
    inside: Tally,
    /// Since then.
    pending: Tally,
    history: History,
}

impl SessionNode {
    /// Without any device yet.
    pub fn new(operator: &Operator, spec: WindowSpec) -> SessionNode {
        let session = match &spec.shape {
            Shape::Session(session) => (**session).clone(),
            _ => SessionSpec { gap: Span::ZERO, longest: None, start: None, active: None },
        };
        let asks: Vec<&str> = operator.asks().collect();
        let places = |condition: &Option<Condition>| {
            let channels = condition.as_ref().map_or(&[][..], Condition::channels);
            channels.iter().filter_map(|channel| asks.iter().position(|asked| asked == channel)).collect()
        };
        SessionNode {
            asked: asks.len(),
            start: places(&session.start),
            active: places(&session.active),
            spec,
            session,
            states: Vec::new(),
            free: Vec::new(),
            waiting: Vec::new(),
            asking: Vec::new(),
        }
    }

    /// Room for a device with these tags; gives its place.
    pub fn add(&mut self, tags: &[(String, String)]) -> u32 {
        let memory = |condition: &Option<Condition>| condition.as_ref().map(|condition| Memory::new(condition, tags));
        let state = State {
            start: memory(&self.session.start),
            active: memory(&self.session.active),
            point: Point::new(self.asked),
            open: None,
            again_until: None,
            sums: Vec::new(),
        };
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

    /// A reading in its turn; sessions that end by it go to `give`.
    pub fn observe(&mut self, place: u32, port: Port, reading: &Reading, give: &mut dyn FnMut(Onward)) {
        if self.states[place as usize].state.point.is_over(port, reading) {
            self.settle(place, give);
        }
        let Watched { state, .. } = &mut self.states[place as usize];
        if state.point.take(port, reading).is_some() {
            // Its point has been judged, and it belongs where that one does.
            if port.waits() {
                if self.session.active.is_none() {
                    self.turn(place, reading.time, (false, true), give);
                }
                self.states[place as usize].state.sum(&self.spec, reading);
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
        let gap = self.session.gap;
        let over = |(_, last): (Time, Time)| time == Time::MAX || last + gap < time;
        if self.states[place as usize].state.open.is_some_and(over) {
            self.end(place, give);
        }
    }

    /// The clock at which a point is judged or the session of a device ends.
    pub fn next(&self, place: u32) -> Time {
        let State { point, open, .. } = &self.states[place as usize].state;
        let judged = point.gathers().map_or(Time::MAX, |gathers| gathers + Span(1));
        judged.min(open.map_or(Time::MAX, |(_, last)| last + self.session.gap + Span(1)))
    }

    fn judge(&mut self, place: u32, more: bool, give: &mut dyn FnMut(Onward)) {
        let Watched { state, .. } = &mut self.states[place as usize];
        let (time, values) = state.point.asked();
        let mut ask = |condition: &Option<Condition>, memory: &mut Option<Memory>, places: &[usize]| {
            let (Some(condition), Some(memory)) = (condition, memory) else { return None };
            self.asking.clear();
            self.asking.extend(places.iter().map(|place| values[*place]));
            Some(memory.judge(condition, time, &self.asking))
        };
        let starts = ask(&self.session.start, &mut state.start, &self.start);
        let keeps = ask(&self.session.active, &mut state.active, &self.active);
        let Some(verdict) = starts.or(keeps) else { return };
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend(state.point.judged(verdict, more));
        let active = keeps.map_or(!waiting.is_empty(), |keeps| keeps.truth == Truth::True);
        let starts = starts.map_or(active, |starts| starts.truth == Truth::True);
        self.turn(place, time, (starts, active), give);
        let Watched { state, .. } = &mut self.states[place as usize];
        waiting.drain(..).for_each(|reading| state.sum(&self.spec, &reading));
        self.waiting = waiting;
    }

    /// Whether a moment begins a session, and whether it is active: the open one ends, goes on, or another one begins.
    fn turn(&mut self, place: u32, time: Time, (starts, active): (bool, bool), give: &mut dyn FnMut(Onward)) {
        let SessionSpec { gap, longest, .. } = self.session;
        if let Some((since, last)) = self.states[place as usize].state.open {
            let silent = last + gap < time;
            if silent || longest.is_some_and(|longest| time.since(since) >= longest) {
                self.end(place, give);
                self.states[place as usize].state.again_until = (!silent).then_some(last + gap);
            }
        }
        let Watched { state, .. } = &mut self.states[place as usize];
        let again = active && state.again_until.is_some_and(|until| time <= until);
        let begins = state.open.is_none() && (starts || again);
        if begins {
            state.open = Some((time, time));
            state.again_until = None;
        }
        if let Some((_, last)) = state.open.as_mut().filter(|_| active || begins) {
            *last = time;
            state.sums.iter_mut().for_each(Sums::take_in_pending);
        }
    }

    /// The session of a device has ended, at its last activity.
    fn end(&mut self, place: u32, give: &mut dyn FnMut(Onward)) {
        let Watched { state, over } = &mut self.states[place as usize];
        let Some((start, end)) = state.open.take() else { return };
        state.sums.sort_unstable_by_key(|sums| sums.series);
        for Sums { series, inside, pending, history } in &mut state.sums {
            let count = inside.summary().count();
            if count >= self.spec.min.max(1) {
                let around = history.around(start, end + Span(1), start, over.every(*series));
                let more = inside.more(&self.spec, &around);
                history.told(start, inside.summary().mean());
                let summary = *inside.summary();
                let closed = Closed { start, end, summary, more, revision: 0, partial: false };
                give(Onward::Closed(*series, closed));
            }
            inside.clear();
            pending.clear();
        }
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
        let fits = state.point.fits(self.asked)
            && state.start.is_some() == self.session.start.is_some()
            && state.active.is_some() == self.session.active.is_some();
        if !fits {
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        self.states[place as usize].state = state;
        Ok(())
    }

    /// Bytes for all devices.
    pub fn bytes(&self) -> usize {
        let sums = |sums: &Sums| {
            size_of::<Sums>() + sums.inside.heap_bytes() + sums.pending.heap_bytes() + sums.history.heap_bytes()
        };
        let heap = |watched: &Watched| {
            let State { start, active, point, sums: all, .. } = &watched.state;
            let memories = start.iter().chain(active).map(Memory::heap_bytes).sum::<usize>();
            memories + point.heap_bytes() + all.iter().map(sums).sum::<usize>() + watched.over.heap_bytes()
        };
        self.states.capacity() * size_of::<Watched>() + self.states.iter().map(heap).sum::<usize>()
    }
}

impl State {
    /// A reading at or after the last activity of the session that is open, if one is.
    fn sum(&mut self, spec: &WindowSpec, reading: &Reading) {
        let Some((_, last)) = self.open else { return };
        let known = self.sums.iter().position(|sums| sums.series == reading.series);
        let at = known.unwrap_or_else(|| {
            let (inside, pending) = (Tally::new(spec), Tally::new(spec));
            self.sums.push(Sums { series: reading.series, inside, pending, history: History::new(spec) });
            self.sums.len() - 1
        });
        let sums = &mut self.sums[at];
        sums.history.heard(reading.time);
        if reading.time <= last { &mut sums.inside } else { &mut sums.pending }.add(reading.time, reading.value);
    }
}

impl Sums {
    /// There is activity again: what came since the last one is inside.
    fn take_in_pending(&mut self) {
        if !self.pending.is_empty() {
            self.inside.absorb(&self.pending);
            self.pending.clear();
        }
    }
}
