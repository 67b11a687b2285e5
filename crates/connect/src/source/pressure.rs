//! How a queue presses on the source in front of it: set by the queue, looked at by a source that can turn senders away.
//!
//! Without it a sender would hear of a full queue by waiting for an answer that does not come. The queue only says how it
//! stands; what a sender hears of it is the source's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How a queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressing {
    /// How full it is, from 0 to 1; 1 also while somebody waits to put something in.
    pub level: f64,
    /// Since when it is [`Pressure::HIGH`] or more without a pause.
    pub high_since: Option<Instant>,
    /// After how many seconds it is worth to come again.
    pub retry_after: u32,
    /// What does not fit waits, rather than being given up by a policy. Only then is it right to turn anybody away before.
    pub waits: bool,
    /// Nothing can be kept now, and why: a phrase for the person at the sender, lower case, no full stop.
    pub refused: Option<&'static str>,
}

/// A handle that a queue and its source share.
///
/// A lock rather than a number each, so that level and reason belong together; it is held for copying a few words.
#[derive(Clone, Debug, Default)]
pub struct Pressure(Arc<Mutex<Pressing>>);

impl Pressure {
    /// From this level on a source may begin to turn senders away.
    pub const HIGH: f64 = 0.8;

    /// How the queue stands.
    pub fn get(&self) -> Pressing {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue stands so now.
    pub fn set(&self, pressing: Pressing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pressing;
    }
}
