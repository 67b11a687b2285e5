//! Sources that speak when they want to: brokers, HTTP. The sibling of [`Source`](super::Source) for what must be waited
//! for.
//!
//! Such a source hands over packets. The driver puts them into a bounded queue; the intake writes them into the journal
//! and only then answers, so that a sender hears "kept" of what a kill cannot take away.

pub use super::pressure::{Pressing, Pressure};
use super::{Numbered, Rejected};
use crate::fault::Fault;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::Declaration;
use ouzel_engine::time::Time;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What [`LiveSource::next`] gives.
pub type Next<'a> = Pin<Box<dyn Future<Output = Result<Option<Packet>, Fault>> + Send + 'a>>;

/// Says what time it is, where a message does not: the run has one clock, and a test moves it by hand.
pub type Now = Arc<dyn Fn() -> Time + Send + Sync>;

/// A source that is waited for. It owns its names: the numbers in its packets are its own, and the intake translates.
pub trait LiveSource: Send {
    /// Waits for the next packet; `None` once there will be none any more.
    ///
    /// May be dropped while it waits, and loses nothing by it. After a fault that may pass ([`Retry::Later`]) the driver
    /// waits and calls again, which is when the source tries to connect again.
    ///
    /// [`Retry::Later`]: crate::fault::Retry::Later
    fn next(&mut self) -> Next<'_>;

    /// Whether it is connected now, for readiness and the pipeline's page.
    fn connected(&self) -> bool {
        true
    }

    /// How many messages it gave up before they became packets, because they came faster than [`LiveSource::next`] was
    /// called and nobody could be asked to wait.
    fn lost(&self) -> u64 {
        0
    }

    /// How many requests it asked to come again, or refused, before it read them, because the queue is under pressure.
    fn turned_away(&self) -> u64 {
        0
    }

    /// Gets to know how its queue stands: before the first [`LiveSource::next`], and whenever it gets another queue. Whoever cannot ask senders to
    /// come again need not listen: the driver does not call [`LiveSource::next`] while there is no room.
    fn heed(&mut self, _pressure: Pressure) {}

    /// Goes on where its files were left, for a source of files that stay: `place` knows how far each was read, by the name
    /// that its packets gave. Called once, before the first [`LiveSource::next`].
    fn resume(&mut self, _place: &dyn Fn(&str) -> Option<u64>) {}

    /// How many devices it may name. One beyond them is rejected by its name, and takes no memory; those it knows stay.
    /// May be called again, with another limit.
    fn limit(&mut self, _devices: usize) {}
}

/// One message, or several that are acknowledged together.
#[derive(Debug, Default)]
pub struct Packet {
    /// Names that its rows use for the first time, in the source's numbers.
    pub declarations: Vec<Declaration>,
    /// Its readings, in the order of the message; `series` are the source's numbers.
    pub rows: Vec<Reading>,
    /// Which of them came in messages that their device has numbered.
    pub numbered: Vec<Numbered>,
    /// What could not be read of it.
    pub rejected: Vec<Rejected>,
    /// What could not be read of it beside that: counted, and not named one by one.
    pub unnamed: u64,
    /// Empty cells.
    pub absent: u64,
    /// By what a second delivery is recognised.
    pub mark: Option<Mark>,
    /// Who waits to hear what became of it.
    pub ack: Option<Ack>,
    /// Where it stands in a file that can be read there again.
    pub reference: Option<Reference>,
    /// Its sender stands and waits for that, so it is told at once when nothing can be kept.
    pub waits: bool,
    /// How many bytes it came in, as they were sent, where that is known. Of several packets of a body the first has all.
    pub bytes: u64,
}

/// Where the rows of a packet stand in a file that stays: who has this can read them again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The file.
    pub file: String,
    /// Where they begin and end, as the file's reader counts: see [`Source::place`](super::Source::place).
    pub from: u64,
    /// See `from`.
    pub to: u64,
}

/// By what a second delivery of a message is recognised: a hash of what the sender says is the message's identity
/// (an idempotency key), or of the message itself where it carries its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The hash.
    pub hash: u64,
    /// Whether to look for it among those that were kept. A message that cannot be a redelivery is only remembered.
    pub compare: bool,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the journal, synced.
    Kept,
    /// It is in the journal, synced, but for some readings that were put aside.
    Partly {
        /// How many.
        aside: u64,
        /// Why, for the person at the sender: lower case, no full stop.
        why: &'static str,
    },
    /// It was in the journal already.
    Known,
    /// The queue was full and its policy gave this packet up.
    Dropped,
    /// Nothing can be kept now: the journal cannot be written. It is not there, and may be sent again later.
    Refused {
        /// Why, for the person at the sender: lower case, no full stop (`the disk of the journal is full`).
        why: &'static str,
    },
}

/// An answer that somebody waits for. Called on the intake's thread, so it must not block. Dropped without an answer:
/// the run has ended before the packet was kept.
pub struct Ack(Box<dyn FnOnce(Fate) + Send>);

impl Ack {
    /// An answer that calls `tell`.
    pub fn new(tell: impl FnOnce(Fate) + Send + 'static) -> Ack {
        Ack(Box::new(tell))
    }

    /// Answers.
    pub fn tell(self, fate: Fate) {
        (self.0)(fate);
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ack")
    }
}
