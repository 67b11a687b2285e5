//! Sinks that other machines stand behind: what they are given, and what becomes of it.
//!
//! The driver owns order, retry, back-off and stop; a sink delivers a batch once, or says how far it came and why it came
//! no further. A batch that is refused for good ([`Retry::Never`]) may hold a single delivery that is: the driver halves
//! it until that one stands alone, and puts it aside ([`dead`](super::dead)).
//!
//! [`Retry::Never`]: crate::fault::Retry::Never

use super::Noun;
use crate::fault::Fault;
use ouzel_engine::output::Severity;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// What [`LiveSink::deliver`] gives.
pub type Delivered<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// How far a batch came, and why no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// How many of the front were delivered. Some behind them may have been, too: the receiver knows them by their keys.
    pub done: usize,
    /// What stands in the way of the rest, or of one among it.
    pub fault: Fault,
}

impl Undelivered {
    /// Nothing was delivered.
    pub fn all(fault: Fault) -> Undelivered {
        Undelivered { done: 0, fault }
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

/// A sink over a network.
pub trait LiveSink: Send {
    /// Delivers, in this order. May be called again with the same deliveries after a fault that may pass, so the receiver
    /// is told their keys; a driver that tries again does so with the same batch, less the front that was delivered, so
    /// that the key of a whole batch stays the same, too. May be dropped half-way, as if the connection had ended.
    fn deliver<'a>(&'a mut self, deliveries: &'a [Delivery]) -> Delivered<'a>;

    /// How many deliveries it takes at once, at the most.
    fn batch(&self) -> usize {
        1
    }
}

/// One output, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Number of the input that let it be decided.
    pub input: u64,
    /// What it is.
    pub noun: Noun,
    /// The id of the output and, for an alert, of this change of it: the same at every try and after every restart.
    pub key: String,
    /// How bad it is, where it has a severity.
    pub severity: Option<Severity>,
    /// The output as one JSON object, as `encode::ndjson` writes it, without the line's end.
    pub json: String,
}
