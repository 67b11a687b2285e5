//! What did not come: silence, too few readings, and readings that no sensor in order could give.
//!
//! Silence and rate see readings as they arrive, because a reading that waits to be put in order has been heard all
//! the same. Silence: no reading for more than `after`; its anomaly has the time at which the allowed gap ran out,
//! whether a tick finds it or the next reading does. Rate: readings in a stretch of `past`, aligned to the epoch,
//! against the expected one per `every`; a first stretch expects only what its covered part allows. Range: a reading
//! outside the `[channel]`'s range.

use super::{Detector, Moment, Score};
use crate::output::Class;
use crate::plan::{MissingRateSpec, SilenceSpec};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// When a series was last heard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Silence {
    last: Time,
    /// The present silence has been reported.
    told: bool,
}

impl Detector for Silence {
    type Spec = SilenceSpec;
    const KIND: &'static str = "silence";
    const CLASS: Class = Class::Sensor;
    const TIMED: bool = true;
    const TAKES_BAD: bool = true;

    fn new(_spec: &SilenceSpec) -> Silence {
        Silence { last: Time::MIN, told: false }
    }

    fn observe(&mut self, _spec: &SilenceSpec, at: Moment, _point: &[f64]) -> Option<Score> {
        self.last = self.last.max(at.time);
        self.told = false;
        Some(Score { score: 0.0, value: f64::NAN, expected: f64::NAN, spread: f64::NAN })
    }

    fn tick(&mut self, spec: &SilenceSpec, now: Moment) -> Option<(Time, Score)> {
        let silent = self.last != Time::MIN && now.time.since(self.last) > spec.after;
        if !silent || self.told {
            return None;
        }
        self.told = true;
        let seconds = spec.after.as_secs_f64();
        Some((self.last + spec.after, Score { score: seconds, value: f64::NAN, expected: f64::NAN, spread: f64::NAN }))
    }

    fn resume(&mut self, _spec: &SilenceSpec, at: Moment) {
        self.last = self.last.max(at.time);
    }

    fn due(&self, spec: &SilenceSpec, now: Moment) -> Option<Span> {
        (self.last != Time::MIN && !self.told).then(|| (self.last + spec.after).since(now.time))
    }

    /// The limit of the score is 0: any silence it speaks of is too long. For people it is the longest allowed gap.
    fn threshold(spec: &SilenceSpec, _score: &Score, _limit: f64) -> f64 {
        spec.after.as_secs_f64()
    }
}

/// How many readings of a series came in the stretches that are not over yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MissingRate {
    /// First reading ever; a first stretch expects readings from here on.
    first: Time,
    /// Start of the oldest stretch that is not over.
    start: Time,
    /// Readings in it and in the ones after it; as many as the allowance for stragglers spans.
    counts: Vec<u32>,
}

impl Detector for MissingRate {
    type Spec = MissingRateSpec;
    const KIND: &'static str = "missing_rate";
    const CLASS: Class = Class::Sensor;
    const TIMED: bool = true;
    const TAKES_BAD: bool = true;

    fn new(_spec: &MissingRateSpec) -> MissingRate {
        MissingRate { first: Time::MIN, start: Time::MIN, counts: Vec::new() }
    }

    fn observe(&mut self, spec: &MissingRateSpec, at: Moment, _point: &[f64]) -> Option<Score> {
        if self.first == Time::MIN {
            self.first = at.time;
            self.start = at.watermark.floor(spec.past, Span::ZERO);
        }
        self.first = self.first.min(at.time);
        // What belongs to a stretch that has been judged already, while the device was silent, changes nothing.
        let index = at.time.since(self.start).0.div_euclid(spec.past.0);
        let index = usize::try_from(index).ok()?.min(MOST_STRETCHES);
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
        None
    }

    fn tick(&mut self, spec: &MissingRateSpec, now: Moment) -> Option<(Time, Score)> {
        if self.first == Time::MIN {
            return None;
        }
        while now.watermark.since(self.start) >= spec.past {
            let end = self.start + spec.past;
            let said = self.rate(spec, end);
            // After a long gap all further stretches are as empty as this one: one verdict stands for them.
            self.start = if self.counts.is_empty() { now.watermark.floor(spec.past, Span::ZERO) } else { end };
            if !self.counts.is_empty() {
                self.counts.remove(0);
            }
            if said.is_some() {
                return said;
            }
        }
        None
    }

    /// The stretch that the stop fell into is given up: the next one begins with this reading.
    fn resume(&mut self, spec: &MissingRateSpec, _at: Moment) {
        *self = MissingRate::new(spec);
    }

    fn due(&self, spec: &MissingRateSpec, now: Moment) -> Option<Span> {
        (self.first != Time::MIN).then(|| (self.start + spec.past).since(now.watermark))
    }
}

/// The allowance for stragglers may span this many stretches; readings further ahead are counted in the last.
const MOST_STRETCHES: usize = 4_096;

impl MissingRate {
    /// The share that is missing of a stretch that ends at `end`, if anything was to be expected in it.
    fn rate(&self, spec: &MissingRateSpec, end: Time) -> Option<(Time, Score)> {
        let got = self.counts.first().copied().unwrap_or(0);
        let begin = (end - spec.past).max(self.first);
        let expected = end.since(begin).0 as f64 / spec.every.0 as f64;
        let missing = ((expected - f64::from(got)) / expected.max(1.0)).max(0.0);
        (end > begin).then_some((end, Score { score: missing, value: missing, expected: f64::NAN, spread: f64::NAN }))
    }
}

/// A value that no sensor in order could give.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RangeFault;

impl Detector for RangeFault {
    type Spec = ();
    const KIND: &'static str = "range";
    const CLASS: Class = Class::Sensor;
    const TAKES_BAD: bool = true;

    fn new((): &()) -> RangeFault {
        RangeFault
    }

    /// The score is the distance from the range, in the channel's unit; expected is the nearest plausible value.
    fn observe(&mut self, (): &(), at: Moment, point: &[f64]) -> Option<Score> {
        let (value, (low, high)) = (point[0], at.range);
        let nearest = value.max(low).min(high);
        Some(Score { score: (value - nearest).abs(), value, expected: nearest, spread: f64::NAN })
    }

    fn threshold((): &(), score: &Score, _limit: f64) -> f64 {
        score.expected
    }
}
