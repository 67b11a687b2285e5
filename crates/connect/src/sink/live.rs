//! Sinks that other machines stand behind: what they are given, one delivery at a time.

use super::Noun;
use crate::fault::Fault;
use ouzel_engine::output::Severity;
use std::future::Future;
use std::pin::Pin;

/// What [`LiveSink::deliver`] gives.
pub type Delivered<'a> = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>>;

/// A sink over a network. The driver owns order, retry, back-off and stop; a sink delivers once, or says why it cannot.
pub trait LiveSink: Send {
    /// Delivers. May be called again with the same delivery after a fault that may pass, so the receiver is told its id.
    fn deliver<'a>(&'a mut self, delivery: &'a Delivery) -> Delivered<'a>;
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
