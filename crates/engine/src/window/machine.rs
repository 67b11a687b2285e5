//! The machines of all shapes behind one face, with what they share: the past of their results, and anomalies that
//! came before their reading.

use super::count::Count;
use super::hopping::Hopping;
use super::session::Session;
use super::single::Single;
use super::sliding::Sliding;
use super::{Closed, SeriesFacts, around, say};
use crate::aggregate::{History, Tally};
use crate::plan::{Shape, WindowSpec};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Windows of any shape that give anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    kind: Kind,
    history: Option<Box<History>>,
    /// Anomalies of the reading that comes next, if it has this time.
    waiting: Vec<(Time, u16)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Kind {
    Single(Single<Tally>),
    Hopping(Hopping<Tally>),
    Sliding(Sliding),
    Count(Count),
    Session(Box<Session>),
}

/// Does the same for whichever kind it is.
macro_rules! each {
    ($kind:expr, $windows:ident => $body:expr) => {
        match $kind {
            Kind::Single($windows) => $body,
            Kind::Hopping($windows) => $body,
            Kind::Sliding($windows) => $body,
            Kind::Count($windows) => $body,
            Kind::Session($windows) => $body,
        }
    };
}

impl Machine {
    /// None open.
    pub fn new(spec: &WindowSpec) -> Machine {
        let kind = match &spec.shape {
            Shape::Time { size, every } if size != every => Kind::Hopping(Hopping::new(spec)),
            Shape::Time { .. } | Shape::Calendar { .. } => Kind::Single(Single::new(spec)),
            Shape::Sliding { .. } => Kind::Sliding(Sliding::new(spec)),
            Shape::Count { .. } => Kind::Count(Count::new(spec)),
            Shape::Session(_) => Kind::Session(Box::new(Session::new(spec))),
        };
        let history = History::is_needed(spec).then(|| Box::new(History::new(spec)));
        Machine { kind, history, waiting: Vec::new() }
    }

    /// Whether it is the machine of this window.
    pub fn fits(&self, spec: &WindowSpec) -> bool {
        let kind = match (&self.kind, &spec.shape) {
            (Kind::Hopping(_), Shape::Time { size, every }) => size != every,
            (Kind::Single(_), Shape::Time { size, every }) => size == every,
            (Kind::Single(_), Shape::Calendar { .. }) => true,
            (Kind::Sliding(_), Shape::Sliding { .. }) => true,
            (Kind::Count(_), Shape::Count { .. }) => true,
            (Kind::Session(_), Shape::Session(_)) => true,
            _ => false,
        };
        kind && self.history.is_some() == History::is_needed(spec)
    }

    /// A good reading.
    #[inline(never)]
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64, with: f64) -> Time {
        if let Some(history) = &mut self.history {
            history.heard(time);
        }
        let end = each!(&mut self.kind, windows => windows.add(spec, time, value, with));
        if !self.waiting.is_empty() {
            self.settle(spec, time);
        }
        end
    }

    /// A bad reading.
    pub fn add_bad(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if let Some(history) = &mut self.history {
            history.heard_bad(time);
        }
        let end = each!(&mut self.kind, windows => windows.add_bad(spec, time));
        if !self.waiting.is_empty() {
            self.settle(spec, time);
        }
        end
    }

    /// An anomaly of the reading that went in last, or of the one that comes next.
    pub fn add_anomaly(&mut self, spec: &WindowSpec, time: Time, place: u16) {
        let known = each!(&mut self.kind, windows => windows.add_anomaly(spec, time, place));
        if !known {
            self.waiting.retain(|&(other, _)| other == time);
            // A detector finds one at a reading.
            if self.waiting.len() < spec.counts.len() {
                self.waiting.push((time, place));
            }
        }
    }

    fn settle(&mut self, spec: &WindowSpec, time: Time) {
        for (at, place) in std::mem::take(&mut self.waiting) {
            if at == time {
                each!(&mut self.kind, windows => windows.add_anomaly(spec, time, place));
            }
        }
    }

    /// The starting condition of a session is met.
    pub fn begin(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if let Kind::Session(session) = &mut self.kind { session.begin(spec, time) } else { Time::MAX }
    }

    /// There is activity in a session.
    pub fn active(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if let Kind::Session(session) = &mut self.kind { session.active(spec, time) } else { Time::MAX }
    }

    /// The end of the next window to close.
    #[inline]
    pub fn next_end(&self) -> Time {
        each!(&self.kind, windows => windows.next_end())
    }

    /// Closes the next window.
    pub fn close(&mut self, spec: &WindowSpec, series: &SeriesFacts) -> Option<Closed> {
        let (start, end, tally) = each!(&mut self.kind, windows => windows.close(spec))?;
        let around = around(spec, series, self.history.as_deref(), (start, end), None);
        let closed = say(spec, &around, &tally, (start, end))?;
        self.said(start, closed.summary.mean());
        Some(closed)
    }

    /// Closes the next window of a device in a group: what it adds to the group's.
    pub fn close_part(&mut self, spec: &WindowSpec, series: &SeriesFacts) -> Option<(Time, Time, Tally)> {
        let (start, end, mut tally) = each!(&mut self.kind, windows => windows.close(spec))?;
        if tally.is_empty() {
            return None;
        }
        tally.settle(spec, &around(spec, series, self.history.as_deref(), (start, end), None));
        self.said(start, tally.summary().mean());
        Some((start, end, tally))
    }

    /// The window that begins at `start` was given.
    fn said(&mut self, start: Time, mean: f64) {
        if let Some(history) = &mut self.history {
            history.told(start, mean);
        }
        match &mut self.kind {
            Kind::Single(windows) => windows.said(start),
            Kind::Hopping(windows) => windows.said(start),
            Kind::Sliding(windows) => windows.said(start),
            Kind::Session(windows) => windows.said(start),
            Kind::Count(_) => {}
        }
    }

    /// What the window that closes next would say now.
    pub fn provisional(&self, spec: &WindowSpec, series: &SeriesFacts, now: Time) -> Option<Closed> {
        let (start, end, tally) = each!(&self.kind, windows => windows.peek(spec))?;
        say(spec, &around(spec, series, self.history.as_deref(), (start, end), Some(now)), &tally, (start, end))
    }

    /// A late reading.
    pub fn late(
        &mut self,
        spec: &WindowSpec,
        series: &SeriesFacts,
        reading: (Time, f64),
        watermark: Time,
        mut give: impl FnMut(Closed),
    ) -> bool {
        let history = self.history.as_deref();
        let tell = |start, end, tally: &Tally, revision| {
            let mut around = around(spec, series, history, (start, end), None);
            // The window before it is not the one that was given last.
            around.previous = None;
            let closed = say(spec, &around, tally, (start, end));
            closed.map(|closed| give(Closed { revision, ..closed })).is_some()
        };
        let found = match &mut self.kind {
            Kind::Single(windows) => windows.late(spec, reading, watermark, tell),
            Kind::Hopping(windows) => windows.late(spec, reading, watermark, tell),
            Kind::Session(windows) => windows.late(spec, reading, watermark, tell),
            Kind::Sliding(_) | Kind::Count(_) => false,
        };
        if let Some(history) = self.history.as_mut().filter(|_| found) {
            history.heard(reading.0);
        }
        found
    }

    /// Bytes on the heap, its own among them.
    pub fn heap_bytes(&self) -> usize {
        let history = self.history.as_ref().map_or(0, |history| size_of::<History>() + history.heap_bytes());
        let session = if matches!(self.kind, Kind::Session(_)) { size_of::<Session>() } else { 0 };
        let waiting = self.waiting.capacity() * size_of::<(Time, u16)>();
        size_of::<Machine>() + session + history + waiting + each!(&self.kind, windows => windows.heap_bytes())
    }
}
