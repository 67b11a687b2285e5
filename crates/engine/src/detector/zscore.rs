//! Distance from the mean of the past, in standard deviations.
//!
//! z = (x − mean) / max(std, floor), over the last `past` readings or the last `past` of time, population standard
//! deviation. The judged reading is not part of its own past: with it a score cannot pass √(n − 1), so that among
//! 10 readings nothing is ever further than 3 away. `include = true` gives that form all the same, as the lab has it.
//! A past without spread gives 0, never a division by zero; set `floor` where a first step from a constant matters.
//! Cost: one square root a reading, 8 bytes a remembered reading.

use super::{Detector, Moment, Score};
use crate::feature::Rolling;
use crate::output::Class;
use crate::plan::ZScoreSpec;
use serde::{Deserialize, Serialize};

/// The recent past of one series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ZScore {
    past: Rolling,
}

impl Detector for ZScore {
    type Spec = ZScoreSpec;
    const KIND: &'static str = "spike";
    const CLASS: Class = Class::Process;
    const EACH: bool = true;
    const LEARNS: bool = true;

    fn new(spec: &ZScoreSpec) -> ZScore {
        ZScore { past: Rolling::new(spec.past) }
    }

    #[inline]
    fn observe(&mut self, spec: &ZScoreSpec, at: Moment, point: &[f64]) -> Option<Score> {
        let value = point[0];
        self.past.advance(spec.past, at.time);
        if spec.include {
            self.past.push(spec.past, at.time, value);
        }
        let score = (self.past.count() >= spec.min.max(1)).then(|| {
            let (expected, spread) = (self.past.mean(), self.past.std().max(spec.floor));
            // A spread at the rounding of the mean is no spread.
            let none = spread <= f64::EPSILON * expected.abs();
            let score = if none { 0.0 } else { (value - expected) / spread };
            Score { score, value, expected, spread }
        });
        if !spec.include {
            self.past.push(spec.past, at.time, value);
        }
        score
    }

    fn usual(&self, spec: &ZScoreSpec) -> Option<(f64, f64)> {
        let speaks = self.past.count() >= spec.min.max(1) && !spec.include;
        speaks.then(|| (self.past.mean(), self.past.std().max(spec.floor)))
    }

    fn threshold(_spec: &ZScoreSpec, score: &Score, limit: f64) -> f64 {
        score.expected + limit * score.spread
    }

    fn touch(&self) -> u64 {
        self.past.touch()
    }

    fn heap_bytes(&self) -> usize {
        self.past.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Past;
    use crate::time::Time;

    fn scores(spec: ZScoreSpec, values: &[f64]) -> Vec<Option<f64>> {
        let mut detector = ZScore::new(&spec);
        let at = |i: usize| Moment::at(Time::from_secs(i as i64));
        values.iter().enumerate().map(|(i, &v)| detector.observe(&spec, at(i), &[v]).map(|s| s.score)).collect()
    }

    const SPEC: ZScoreSpec = ZScoreSpec { past: Past::Count(4), min: 2, floor: 0.0, include: false };

    #[test]
    fn the_past_does_not_hold_the_judged_reading() {
        // Mean 2, spread 1 before the 5: three deviations. Then 1, 3, 5: mean 3, spread √(8/3).
        assert_eq!(scores(SPEC, &[1.0, 3.0, 5.0]), [None, None, Some(3.0)]);
    }

    #[test]
    fn the_form_of_the_lab_holds_it_and_is_capped() {
        let spec = ZScoreSpec { include: true, past: Past::Count(11), min: 11, ..SPEC };
        let mut values = vec![0.0; 10];
        values.push(1e9);
        let last = scores(spec, &values).pop().flatten().unwrap();
        assert!((last - 10f64.sqrt()).abs() < 1e-12, "{last}");
    }

    #[test]
    fn a_constant_signal_scores_nothing_and_a_floor_lets_its_first_step_count() {
        assert_eq!(scores(SPEC, &[0.1, 0.1, 0.1, 0.6])[3], Some(0.0));
        let spec = ZScoreSpec { floor: 0.1, ..SPEC };
        assert!((scores(spec, &[0.1, 0.1, 0.1, 0.6])[3].unwrap() - 5.0).abs() < 1e-12);
    }
}
