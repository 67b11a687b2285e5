//! Conditions over the channels of a device, in words: `temperature - previous(temperature) > 2 and motion`.

use crate::time::Time;
use serde::{Deserialize, Serialize};

/// A condition that was read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    text: String,
    channels: Vec<String>,
    parts: Vec<String>,
}

impl Condition {
    /// The channels it asks for; a point has a value for each, in this order.
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// The parts that all must be met, as they were written.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

/// What a condition remembers of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Truth {
    /// It does not.
    False,
    /// It cannot be told: a value is absent, or a past is not full yet.
    Unknown,
    /// It does.
    True,
}

/// What came of judging a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether the condition holds.
    pub truth: Truth,
    /// The parts that are false: a bit each, in their order.
    pub failed: u64,
}

impl Memory {
    /// Of a device with these tags, nothing of which was heard yet.
    pub fn new(_condition: &Condition, _tags: &[(String, String)]) -> Memory {
        Memory {}
    }

    /// Judges a point of one time: a value for each channel of the condition, NaN where there is none. Points come in
    /// order of time.
    pub fn judge(&mut self, _condition: &Condition, _time: Time, _point: &[f64]) -> Judged {
        Judged { truth: Truth::Unknown, failed: 0 }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        0
    }
}
