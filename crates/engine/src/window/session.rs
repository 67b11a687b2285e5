//! Sessions: readings without a long pause, from the first to the last activity.
//!
//! Without conditions each good reading is activity. With them the shard judges and says so by [`Session::begin`] and
//! [`Session::active`], before the readings of that moment go in. What comes after the last activity is pending: the next
//! activity within the gap takes it in, and without one it was not part of the session. A session that ends at its
//! longest length goes on, as another one, with the next activity within the gap.

use super::edges::LAST;
use super::kept::{MOST, horizon};
use crate::aggregate::Tally;
use crate::plan::{SessionSpec, Shape, WindowSpec};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One open session at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    start: Time,
    /// The last activity.
    last: Time,
    /// When it is over if nothing comes; [`Time::MAX`] while none is open.
    end: Time,
    tally: Tally,
    /// What came after the last activity.
    pending: Tally,
    /// Until then activity begins another one without being asked, because the last one grew too long.
    again_until: Option<Time>,
    /// Those that late readings may still join, oldest first.
    kept: VecDeque<Past>,
}

/// A session that has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Past {
    start: Time,
    last: Time,
    end: Time,
    tally: Tally,
    given: u32,
}

impl Session {
    /// None open.
    pub fn new(spec: &WindowSpec) -> Session {
        Session {
            start: Time::MIN,
            last: Time::MIN,
            end: Time::MAX,
            tally: Tally::new(spec),
            pending: Tally::new(spec),
            again_until: None,
            kept: VecDeque::new(),
        }
    }

    /// Its starting condition is met: opens one if none is open. Gives the end of the next one to close if that came
    /// into being, else [`Time::MAX`].
    pub fn begin(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if self.end != Time::MAX {
            return Time::MAX;
        }
        self.start = time;
        self.last = time;
        self.again_until = None;
        self.set_end(spec);
        self.end
    }

    /// There is activity: it goes on, or begins where nothing else has to begin it.
    pub fn active(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if self.end == Time::MAX {
            let begins = rules(spec).is_none_or(|rules| rules.start.is_none())
                || self.again_until.is_some_and(|until| time <= until);
            return if begins { self.begin(spec, time) } else { Time::MAX };
        }
        self.last = self.last.max(time);
        if !self.pending.is_empty() {
            self.tally.absorb(&self.pending);
            self.pending = Tally::new(spec);
        }
        self.set_end(spec);
        Time::MAX
    }

    fn set_end(&mut self, spec: &WindowSpec) {
        let (gap, longest) = limits(spec);
        let over = (self.last + gap + Span(1)).min(LAST);
        self.end = longest.map_or(over, |longest| over.min(self.start + longest));
    }

    /// Takes in a good reading; see [`super::Windows::add`].
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64, with: f64) -> Time {
        let judged = rules(spec).is_some_and(|rules| rules.active.is_some());
        let opened = if judged { Time::MAX } else { self.active(spec, time) };
        if let Some(tally) = self.of(time) {
            tally.add_pair(time, value, with);
        }
        opened
    }

    /// Takes in a bad reading, which is no activity.
    pub fn add_bad(&mut self, _spec: &WindowSpec, time: Time) -> Time {
        if let Some(tally) = self.of(time) {
            tally.add_bad(time);
        }
        Time::MAX
    }

    /// Where something of this time goes.
    #[inline]
    fn of(&mut self, time: Time) -> Option<&mut Tally> {
        match self.end {
            Time::MAX => None,
            _ if time <= self.last => Some(&mut self.tally),
            _ => Some(&mut self.pending),
        }
    }

    /// Takes in an anomaly; `false` where it is ahead of all readings.
    pub fn add_anomaly(&mut self, _spec: &WindowSpec, time: Time, place: u16) -> bool {
        let (start, last) = (self.start, self.last);
        match self.of(time) {
            Some(tally) if !tally.is_empty() => {
                if start <= time {
                    tally.add_anomaly(place);
                }
                true
            }
            Some(_) => time < last,
            None => false,
        }
    }

    /// When the open one is over if nothing comes.
    pub fn next_end(&self) -> Time {
        self.end
    }

    /// Ends the open one: from its first to its last activity, and what was in it.
    pub fn close(&mut self, spec: &WindowSpec) -> Option<(Time, Time, Tally)> {
        let end = std::mem::replace(&mut self.end, Time::MAX);
        if end == Time::MAX {
            return None;
        }
        let (gap, _) = limits(spec);
        self.again_until = (end <= self.last + gap).then(|| self.last + gap);
        let tally = std::mem::replace(&mut self.tally, Tally::new(spec));
        if !self.pending.is_empty() {
            self.pending = Tally::new(spec);
        }
        if let Some(horizon) = horizon(spec) {
            let (start, last) = (self.start, self.last);
            self.kept.push_back(Past { start, last, end, tally: tally.clone(), given: 0 });
            while self.kept.len() > MOST || self.kept.front().is_some_and(|past| past.end + horizon <= end) {
                self.kept.pop_front();
            }
        }
        Some((self.start, self.last, tally))
    }

    /// The open one, up to its last activity.
    pub fn peek(&self, _spec: &WindowSpec) -> Option<(Time, Time, Tally)> {
        (self.end != Time::MAX).then(|| (self.start, self.last, self.tally.clone()))
    }

    /// The one that ended last was given.
    pub fn said(&mut self, start: Time) {
        if let Some(past) = self.kept.back_mut().filter(|past| past.start == start) {
            past.given = past.given.saturating_add(1);
        }
    }

    /// A late reading joins a session that it lies in, and stretches none. See [`super::Windows::late`]; `tell` is asked
    /// with edges, content and revision, and answers whether it was given.
    pub fn late(
        &mut self,
        spec: &WindowSpec,
        (time, value): (Time, f64),
        watermark: Time,
        mut tell: impl FnMut(Time, Time, &Tally, u32) -> bool,
    ) -> bool {
        let Some(horizon) = horizon(spec) else { return false };
        if self.end != Time::MAX && self.start <= time && time <= self.last {
            self.tally.add(time, value);
            return true;
        }
        let at = self.kept.partition_point(|past| past.last < time);
        let lies_in = |past: &&mut Past| past.start <= time && time <= past.last && past.end + horizon > watermark;
        let Some(past) = self.kept.get_mut(at).filter(lies_in) else { return false };
        past.tally.add(time, value);
        if tell(past.start, past.last, &past.tally, past.given) {
            past.given = past.given.saturating_add(1);
        }
        true
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let kept = self.kept.iter().map(|past| past.tally.heap_bytes()).sum::<usize>();
        self.tally.heap_bytes() + self.pending.heap_bytes() + self.kept.capacity() * size_of::<Past>() + kept
    }
}

fn rules(spec: &WindowSpec) -> Option<&SessionSpec> {
    if let Shape::Session(rules) = &spec.shape { Some(rules) } else { None }
}

fn limits(spec: &WindowSpec) -> (Span, Option<Span>) {
    rules(spec).map_or((Span(1), None), |rules| (rules.gap, rules.longest))
}
