//! A sensor that is stuck: its value stays within `spread` for more than `past`, readings or time.
//!
//! A stretch begins at a reading and goes on while largest minus smallest value stay within `spread`; the reading that
//! breaks it begins the next. The score is the length of the stretch as a multiple of `past`, so the limit is 1.
//! Constant memory; with a `spread` above 0 a stretch may be found a few readings later than by trying every start.

use super::{Detector, Moment, Score};
use crate::output::Class;
use crate::plan::{FlatlineSpec, Past};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// The present stretch of one series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flatline {
    since: Time,
    readings: u64,
    min: f64,
    max: f64,
}

impl Detector for Flatline {
    type Spec = FlatlineSpec;
    const KIND: &'static str = "flatline";
    const CLASS: Class = Class::Sensor;

    fn new(_spec: &FlatlineSpec) -> Flatline {
        Flatline { since: Time::MIN, readings: 0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }

    fn observe(&mut self, spec: &FlatlineSpec, at: Moment, point: &[f64]) -> Option<Score> {
        let value = point[0];
        let (min, max) = (self.min.min(value), self.max.max(value));
        // 1.1 − 1.0 is a hair more than 0.1 in binary; a step of exactly `spread` stays inside.
        let rounding = 2.0 * f64::EPSILON * max.abs().max(min.abs());
        if self.readings > 0 && max - min <= spec.spread + rounding {
            (self.min, self.max) = (min, max);
            self.readings += 1;
        } else {
            *self = Flatline { since: at.time, readings: 1, min: value, max: value };
        }
        let score = match spec.past {
            Past::Count(limit) => self.readings as f64 / f64::from(limit),
            Past::Span(limit) => at.time.since(self.since).0 as f64 / limit.0 as f64,
        };
        Some(Score { score, value, expected: f64::NAN, spread: self.max - self.min })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn scores(past: Past, spread: f64, values: &[f64]) -> Vec<f64> {
        let spec = FlatlineSpec { past, spread };
        let mut detector = Flatline::new(&spec);
        let at = |i: usize| Moment::at(Time::from_secs(i as i64));
        values.iter().enumerate().filter_map(|(i, &v)| detector.observe(&spec, at(i), &[v])).map(|s| s.score).collect()
    }

    #[test]
    fn a_stretch_grows_until_a_reading_breaks_it() {
        assert_eq!(scores(Past::Count(2), 0.0, &[1.0, 1.0, 1.0, 2.0, 2.0]), [0.5, 1.0, 1.5, 0.5, 1.0]);
    }

    #[test]
    fn small_movement_within_the_spread_is_still_stuck() {
        assert_eq!(scores(Past::Span(Span::from_secs(2)), 0.1, &[1.0, 1.05, 1.1, 1.15]), [0.0, 0.5, 1.0, 0.0]);
    }
}
