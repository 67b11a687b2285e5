//! Detectors: a score for each reading, and from the score a verdict.
//!
//! A detector author writes one file with one [`Detector`]: what it knows of a series, and the score it gives. The
//! [`Judge`] around it holds one for each series, applies limits (two levels, two sides, hysteresis, hold) and says
//! what is an anomaly. Everything is plain data, so that a judge is saved and restored by its series.

pub mod flatline;
pub mod missing;
pub mod threshold;
pub mod zscore;

use crate::checkpoint::append;
use crate::output::{Class, Severity};
use crate::plan::{Levels, Limits};
use crate::time::Time;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Judges one series, a reading at a time. No clock, no I/O, no chance.
pub trait Detector: Clone + Serialize + DeserializeOwned {
    /// Its settings, shared by all series.
    type Spec;
    /// The kind of trouble, where the user has no word for it.
    const KIND: &'static str;
    /// Process or sensor.
    const CLASS: Class;
    /// Whether each reading past the limit is an anomaly of its own (a spike), or the verdict stands until it ends
    /// (a level).
    const EACH: bool = false;
    /// Whether it compares with what it has seen before; an alert then waits for its warm-up.
    const LEARNS: bool = false;
    /// Whether it sees readings as they arrive rather than in order of time, and hears the ticks.
    const TIMED: bool = false;
    /// Whether it sees readings outside the plausible range, too.
    const TAKES_BAD: bool = false;

    /// One that has seen nothing.
    fn new(spec: &Self::Spec) -> Self;

    /// Takes a point (one value per channel; single-channel detectors get one) and scores it; `None` while warming up.
    fn observe(&mut self, spec: &Self::Spec, at: Moment, point: &[f64]) -> Option<Score>;

    /// Timed detectors: what has come to pass by itself at this moment, and since when. Asked before each reading
    /// and at ticks, again and again until there is nothing more.
    fn tick(&mut self, _spec: &Self::Spec, _now: Moment) -> Option<(Time, Score)> {
        None
    }

    /// Timed detectors: how long after `now` something can come to pass by itself, at the earliest.
    fn due(&self, _spec: &Self::Spec, _now: Moment) -> Option<crate::time::Span> {
        None
    }

    /// Timed detectors: the first reading after the process was started again. What was missed meanwhile was missed
    /// by us, and is nobody's fault.
    fn resume(&mut self, _spec: &Self::Spec, _at: Moment) {}

    /// Where the score as a function of the next value has its zero, and how much of the value a step of one is;
    /// `None` while warming up, and where there is no such function. For people: the expected band on a chart.
    fn usual(&self, _spec: &Self::Spec) -> Option<(f64, f64)> {
        None
    }

    /// A limit of the score as a limit of the value, for people.
    fn threshold(_spec: &Self::Spec, _score: &Score, limit: f64) -> f64 {
        limit
    }

    /// Reads a little of what is on the heap, to have it near.
    fn touch(&self) -> u64 {
        0
    }

    /// Bytes on the heap.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// Where a device's clock stands, and what its channel may show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Time of the reading, or as much later as the ticks say.
    pub time: Time,
    /// The device's watermark, moved likewise.
    pub watermark: Time,
    /// The channel's plausible values, both ends included.
    pub range: (f64, f64),
}

impl Moment {
    /// A moment of a device whose clock is never behind, of a channel that may show anything.
    pub fn at(time: Time) -> Moment {
        Moment { time, watermark: time, range: (f64::NEG_INFINITY, f64::INFINITY) }
    }
}

/// How odd a reading is, and compared with what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// What the limits are compared with.
    pub score: f64,
    /// The value judged; NaN where there is none.
    pub value: f64,
    /// What would be usual; NaN where nothing is.
    pub expected: f64,
    /// The usual spread around it; NaN where there is none.
    pub spread: f64,
}

/// What a judge says of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// An anomaly.
    Anomaly {
        /// When.
        time: Time,
        /// How odd, and compared with what.
        score: Score,
        /// How bad.
        severity: Severity,
        /// The limit that was crossed, on the value's scale.
        threshold: f64,
        /// How many anomalies of this series and time came before it.
        twin: u32,
    },
    /// The trouble that was reported has ended.
    Over(Time),
}

/// A detector for every series that an operator takes, and the limits that turn scores into verdicts.
#[derive(Clone, Debug)]
pub struct Judge<D: Detector> {
    spec: D::Spec,
    limits: Limits,
    states: Vec<State<D>>,
    /// Timed detectors: for each series, the device's clocks at the last reading, and when that was by the stream's
    /// clock. Nothing for the others.
    heard: Vec<Option<(Moment, Time)>>,
    /// No timed detector has anything due before this tick.
    next_due: Time,
    /// When the process was started, by the stream's clock.
    started: Time,
}

/// What is kept of one series.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
struct State<D: Detector> {
    detector: D,
    standing: Standing,
}

/// The side of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Side {
    Above,
    Below,
}

/// How a series stands with its limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Standing {
    /// Since when the score has been past the warning limit, the critical limit, and on which side.
    warning: Option<(Time, Side)>,
    critical: Option<(Time, Side)>,
    /// The level that was reported and still stands.
    told: Option<Severity>,
    /// Time of the last anomaly, and how many of that time there were before it.
    last: Option<(Time, u32)>,
}

impl<D: Detector> Judge<D> {
    /// A judge of no series yet.
    pub fn new(spec: D::Spec, limits: Limits) -> Judge<D> {
        Judge { spec, limits, states: Vec::new(), heard: Vec::new(), next_due: Time::MIN, started: Time::MIN }
    }

    /// Makes room for one more series; gives its place.
    pub fn add(&mut self) -> u32 {
        self.states.push(State { detector: D::new(&self.spec), standing: Standing::default() });
        self.heard.resize(if D::TIMED { self.states.len() } else { 0 }, None);
        self.states.len() as u32 - 1
    }

    /// Forgets what it knows of the series at a place.
    pub fn reset(&mut self, place: u32) {
        self.states[place as usize] = State { detector: D::new(&self.spec), standing: Standing::default() };
        if let Some(heard) = self.heard.get_mut(place as usize) {
            *heard = None;
        }
    }

    /// A reading of the series at `place`, heard at `heard` by the stream's clock.
    #[inline]
    pub fn observe(&mut self, place: u32, at: Moment, heard: Time, value: f64, mut say: impl FnMut(Verdict)) {
        let state = &mut self.states[place as usize];
        let mut last = if D::TIMED { self.heard.get_mut(place as usize) } else { None };
        if let Some(last) = &mut last {
            if last.is_some_and(|(_, heard)| heard < self.started) {
                state.detector.resume(&self.spec, at);
            }
            while let Some((time, score)) = state.detector.tick(&self.spec, at) {
                state.standing.judge::<D>(&self.spec, &self.limits, time, score, &mut say);
            }
            let newest = last.map_or(at.time, |(before, _)| before.time.max(at.time));
            **last = Some((Moment { time: newest, ..at }, heard));
        }
        if let Some(score) = state.detector.observe(&self.spec, at, &[value]) {
            state.standing.judge::<D>(&self.spec, &self.limits, at.time, score, &mut say);
        }
        if let Some(&mut Some((heard_at, heard))) = last
            && let Some(wait) = state.detector.due(&self.spec, heard_at)
        {
            // A reading makes no other series due any earlier.
            self.next_due = self.next_due.min(heard + wait);
        }
    }

    /// The tick clock has moved. Gives a verdict with the place of its series.
    pub fn tick(&mut self, now: Time, mut say: impl FnMut(u32, Verdict)) {
        if !D::TIMED || now < self.next_due {
            return;
        }
        self.next_due = Time::MAX;
        for (place, (state, heard)) in self.states.iter_mut().zip(&self.heard).enumerate() {
            let Some((at, heard)) = *heard else { continue };
            let passed = now.since(heard.max(self.started)).max(crate::time::Span::ZERO);
            let moved = Moment { time: at.time + passed, watermark: at.watermark + passed, ..at };
            while let Some((time, score)) = state.detector.tick(&self.spec, moved) {
                let mut say = |verdict| say(place as u32, verdict);
                state.standing.judge::<D>(&self.spec, &self.limits, time, score, &mut say);
            }
            if let Some(wait) = state.detector.due(&self.spec, moved) {
                self.next_due = self.next_due.min(now + wait);
            }
        }
    }

    /// The process was started at `at`, by the stream's clock.
    pub fn start(&mut self, at: Time) {
        (self.started, self.next_due) = (at, Time::MIN);
    }

    /// The values of a series that are no anomaly, both ends included, as far as can be told before they come.
    /// Infinite where there is no such limit; `None` while warming up.
    pub fn band(&self, place: u32) -> Option<(f64, f64)> {
        let (zero, step) = self.states[place as usize].detector.usual(&self.spec)?;
        let nearest = |side: &Levels, pick: fn(f64, f64) -> f64| match (side.warning, side.critical) {
            (Some(warning), Some(critical)) => Some(pick(warning, critical)),
            (one, other) => one.or(other),
        };
        let at = |limit: f64| zero + limit * step;
        let low = nearest(&self.limits.below, f64::max).map_or(f64::NEG_INFINITY, at);
        let high = nearest(&self.limits.above, f64::min).map_or(f64::INFINITY, at);
        Some((low, high))
    }

    /// Reads a little of the state of a series, to have it near.
    pub fn touch(&self, place: u32) -> u64 {
        self.states.get(place as usize).map_or(0, |state| state.detector.touch())
    }

    /// Adds the state of a series to bytes.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        append(&self.states[place as usize], into);
        append(&self.heard.get(place as usize), into);
    }

    /// Takes a series' state back from bytes.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let (state, heard): (State<D>, Option<Option<(Moment, Time)>>) = postcard::from_bytes(bytes)?;
        self.states[place as usize] = state;
        if let (Some(here), Some(heard)) = (self.heard.get_mut(place as usize), heard) {
            *here = heard;
        }
        self.next_due = Time::MIN;
        Ok(())
    }

    /// Bytes for all series.
    pub fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<State<D>>()
            + self.heard.capacity() * size_of::<Option<(Moment, Time)>>()
            + self.states.iter().map(|s| s.detector.heap_bytes()).sum::<usize>()
    }
}

impl Standing {
    #[inline]
    fn judge<D: Detector>(
        &mut self,
        spec: &D::Spec,
        limits: &Limits,
        time: Time,
        score: Score,
        say: &mut impl FnMut(Verdict),
    ) {
        let stands = |before: Option<(Time, Side)>| before.filter(|_| !D::EACH).map(|(_, side)| side);
        let warning = limits.past(|l| l.warning, score.score, stands(self.warning));
        let critical = limits.past(|l| l.critical, score.score, stands(self.critical));
        if warning.is_none() && critical.is_none() && self.warning.is_none() && self.critical.is_none() {
            return;
        }
        let since = |now: Option<(f64, Side)>, before: Option<(Time, Side)>| {
            now.map(|(_, side)| before.filter(|before| before.1 == side).unwrap_or((time, side)))
        };
        self.warning = since(warning, self.warning);
        self.critical = since(critical, self.critical);
        let held = |since: Option<(Time, Side)>| since.is_some_and(|(s, _)| time.since(s) >= limits.hold);
        let level = match (held(self.critical), held(self.warning)) {
            (true, _) => Some((Severity::Critical, critical)),
            (false, true) => Some((Severity::Warning, warning)),
            (false, false) => None,
        };
        match level {
            Some((severity, Some((limit, _)))) if D::EACH || self.told < Some(severity) => {
                self.told = Some(severity);
                let threshold = D::threshold(spec, &score, limit);
                let twin = self.last.filter(|last| last.0 == time).map_or(0, |last| last.1.saturating_add(1));
                self.last = Some((time, twin));
                say(Verdict::Anomaly { time, score, severity, threshold, twin });
            }
            Some((severity, _)) => self.told = Some(severity),
            None if self.warning.is_none() && self.critical.is_none() && self.told.take().is_some() && !D::EACH => {
                say(Verdict::Over(time));
            }
            None => {}
        }
    }
}

impl Limits {
    /// The limit of one level that `score` is past, and on which side. What already `stands` on a side ends there only
    /// at `hysteresis` inside its limit.
    #[inline]
    fn past(&self, level: impl Fn(&Levels) -> Option<f64>, score: f64, stands: Option<Side>) -> Option<(f64, Side)> {
        let back = |side| if stands == Some(side) { self.hysteresis } else { 0.0 };
        let above = level(&self.above).filter(|limit| score > limit - back(Side::Above));
        let below = || level(&self.below).filter(|limit| score < limit + back(Side::Below));
        above.map(|limit| (limit, Side::Above)).or_else(|| below().map(|limit| (limit, Side::Below)))
    }
}

#[cfg(test)]
mod tests {
    use super::threshold::Threshold;
    use super::*;
    use crate::time::Span;

    fn limits(warning: f64, critical: f64) -> Limits {
        Limits { above: Levels { warning: Some(warning), critical: Some(critical) }, ..Limits::default() }
    }

    /// Readings a second apart in, verdicts out: `3 warning`, `5 over`.
    fn check(limits: Limits, values: &[f64], expected: &[&str]) {
        let mut judge = Judge::<Threshold>::new((), limits);
        let place = judge.add();
        let mut got = Vec::new();
        for (second, &value) in values.iter().enumerate() {
            let time = Time::from_secs(second as i64);
            judge.observe(place, Moment::at(time), time, value, |verdict| {
                got.push(match verdict {
                    Verdict::Anomaly { severity, threshold, .. } => format!("{second} {severity} past {threshold}"),
                    Verdict::Over(_) => format!("{second} over"),
                });
            });
        }
        assert_eq!(got, expected);
    }

    #[test]
    fn a_level_is_told_once_rises_and_ends() {
        check(
            limits(80.0, 90.0),
            &[80.0, 81.0, 85.0, 91.0, 85.0, 95.0, 80.0, 79.0],
            &["1 warning past 80", "3 critical past 90", "5 critical past 90", "6 over"],
        );
    }

    #[test]
    fn hysteresis_keeps_a_verdict_until_the_value_is_well_inside() {
        let limits = Limits { hysteresis: 2.0, ..limits(80.0, 90.0) };
        check(limits, &[81.0, 79.0, 78.5, 81.0, 78.0, 79.0], &["0 warning past 80", "4 over"]);
    }

    #[test]
    fn hold_asks_the_value_to_stay() {
        let limits = Limits { hold: Span::from_secs(2), ..limits(80.0, 90.0) };
        check(
            limits,
            &[81.0, 70.0, 81.0, 82.0, 83.0, 95.0, 95.0, 95.0, 70.0],
            &["4 warning past 80", "7 critical past 90", "8 over"],
        );
    }

    #[test]
    fn hysteresis_holds_on_the_side_that_stands_and_not_on_the_other() {
        let below = Levels { warning: Some(20.0), critical: None };
        let limits = Limits { below, hysteresis: 2.0, ..limits(80.0, 90.0) };
        check(
            limits,
            &[85.0, 79.0, 21.0, 19.0, 21.0, 22.0],
            &["0 warning past 80", "2 over", "3 warning past 20", "5 over"],
        );
    }

    #[test]
    fn both_sides_have_their_limits() {
        let limits = Limits { below: Levels { warning: Some(10.0), critical: None }, ..limits(80.0, 90.0) };
        check(limits, &[50.0, 9.0, 50.0, 81.0], &["1 warning past 10", "2 over", "3 warning past 80"]);
    }
}
