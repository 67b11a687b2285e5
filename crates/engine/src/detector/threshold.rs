//! Fixed limits: the value is its own score.
//!
//! Sides, two levels, hysteresis and hold are the [`Judge`](super::Judge)'s; there is nothing to remember.
//! Cost: two comparisons a reading, 56 bytes a series.

use super::{Detector, Moment, Score};
use crate::output::Class;
use serde::{Deserialize, Serialize};

/// The value against fixed limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Threshold;

impl Detector for Threshold {
    type Spec = ();
    const KIND: &'static str = "limit";
    const CLASS: Class = Class::Process;

    fn new((): &()) -> Threshold {
        Threshold
    }

    fn observe(&mut self, (): &(), _at: Moment, point: &[f64]) -> Option<Score> {
        Some(Score { score: point[0], value: point[0], expected: f64::NAN, spread: f64::NAN })
    }

    fn usual(&self, (): &()) -> Option<(f64, f64)> {
        Some((0.0, 1.0))
    }
}
