//! The journal: all that changes state, in order, on disk. What it has synced is acknowledged and never lost.
//!
//! It is a [`Log`] with input, words of people and configs in it (`journal/record.rs`). The intake appends and syncs;
//! [`Follower`] reads what is synced, and is the one reader that shards and lake are fed from, live and after a restart.
//!
//! A bad end of the last segment, with nothing good behind it, was torn off by a kill before anybody was told that it is
//! kept: it is cut, and a copy stays beside the journal. A bad place with anything good behind it is damage: it is
//! skipped, and reported with its size and the times around it.

mod mend;
pub mod record;

pub use mend::Mender;
pub use record::{Configured, Journalled, Record, Referred, Sifted, Tabled};

use crate::log::{self, Kind, Log, Readers, Tail};
use ouzel_connect::disk::Disk;
use ouzel_connect::fault::Fault;
use ouzel_engine::time::Time;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What the journal is among logs.
pub static JOURNAL: Kind = Kind { name: "the journal", suffix: "journal", magic: b"OUZELJNL", format: 2, numbered: 2 };

/// What a reader finds.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The next record.
    Record(Record),
    /// Nothing was synced for as long as was waited.
    Idle,
    /// There will be nothing more.
    End,
}

/// A place that could not be read, between the arrivals of what stands before and behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Bytes.
    pub bytes: u64,
    /// When what stands before it arrived; `None`: nothing does.
    pub after: Option<Time>,
    /// When what stands behind it arrived.
    pub before: Time,
}

/// Reads the journal's records.
#[derive(Debug)]
pub struct Follower {
    tail: Tail,
    /// Damage that was reported, and the last arrival before it.
    told: u64,
    last: Option<Time>,
    damages: Vec<Damage>,
}

/// Damaged places that are told one by one; a disk that has more of them is known to be bad.
const DAMAGES: usize = 20;

impl Follower {
    /// Behind the intake, from a position on.
    pub fn of(readers: &Readers, position: u64) -> Follower {
        Follower::new(readers.tail(position))
    }

    /// Reads the journal in a folder, from a position on, to the end that it has now.
    pub fn recorded(disk: &Disk, folder: &Path, position: u64) -> Follower {
        Follower::new(Tail::recorded(disk, folder, &JOURNAL, position))
    }

    fn new(tail: Tail) -> Follower {
        Follower { tail, told: 0, last: None, damages: Vec::new() }
    }

    /// The next record; waits for it up to `wait`.
    ///
    /// # Errors
    /// When the files cannot be read, or are of a newer Ouzel.
    pub fn next(&mut self, wait: Duration) -> Result<Next, Fault> {
        loop {
            match self.tail.next(wait)? {
                log::Next::Idle => return Ok(Next::Idle),
                log::Next::End => return Ok(Next::End),
                log::Next::Record => match record::read(self.tail.record()) {
                    Ok(record) => {
                        self.note(arrived(&record));
                        return Ok(Next::Record(record));
                    }
                    Err(_) => self.tail.refuse(),
                },
            }
        }
    }

    /// The next record's names and numbers, without its rows; see [`record::read_head`]. `None` at the end.
    ///
    /// # Errors
    /// As [`Follower::next`].
    pub fn next_head(&mut self) -> Result<Option<(Record, Option<u64>)>, Fault> {
        while self.tail.next(Duration::ZERO)? == log::Next::Record {
            match record::read_head(self.tail.record()) {
                Ok((record, next)) => {
                    self.note(arrived(&record));
                    return Ok(Some((record, next)));
                }
                Err(_) => self.tail.refuse(),
            }
        }
        Ok(None)
    }

    fn note(&mut self, arrived: Option<Time>) {
        let Some(now) = arrived else { return };
        let bytes = self.tail.damaged() - self.told;
        if bytes > 0 && self.damages.len() < DAMAGES {
            self.damages.push(Damage { bytes, after: self.last, before: now });
        }
        self.told = self.tail.damaged();
        self.last = Some(now);
    }

    /// Makes more readers of the same journal.
    pub fn readers(&self) -> Readers {
        self.tail.readers()
    }

    /// Where it stands in the whole journal.
    pub fn position(&self) -> u64 {
        self.tail.position()
    }

    /// Where the last good record ends.
    pub fn good(&self) -> log::Good {
        self.tail.good()
    }

    /// Bytes that could not be read so far.
    pub fn damaged(&self) -> u64 {
        self.tail.damaged()
    }

    /// The damaged places since the last call, the first of them.
    pub fn take_damages(&mut self) -> Vec<Damage> {
        std::mem::take(&mut self.damages)
    }
}

fn arrived(record: &Record) -> Option<Time> {
    match record {
        Record::Stretch(journalled) => Some(journalled.arrived),
        Record::Reference(referred) => Some(referred.arrived),
        Record::Control(control) => Some(control.at),
        Record::Config(configured) => Some(configured.at),
        Record::Table(tabled) => Some(tabled.at),
    }
}

/// Whether a folder has a journal, and where it begins.
///
/// # Errors
/// When the folder cannot be read.
pub fn begin(disk: &Disk, folder: &Path) -> Result<Option<u64>, Fault> {
    let segments = JOURNAL.segments(disk, folder).map_err(|error| cannot(folder, &error))?;
    Ok(segments.first().map(|(start, _)| *start))
}

/// Where the journal of a folder is to be written on, after `follower` has read it to its end: behind the last good
/// record of its last segment, for what stands behind that was torn off. Gives also the bytes that were damaged before
/// that place.
///
/// # Errors
/// When the folder cannot be read.
pub fn cut_of(disk: &Disk, folder: &Path, follower: &Follower) -> Result<(u64, u64), Fault> {
    let segments = JOURNAL.segments(disk, folder).map_err(|error| cannot(folder, &error))?;
    let Some((last, path)) = segments.last() else { return Ok((follower.position(), 0)) };
    let good = follower.good();
    let size = disk.size(path).map_err(|error| cannot(folder, &error))?;
    if good.position > last + size {
        // It ends before the place from which it was to be read: what stood between was synced, and is gone.
        return Ok((good.position, good.position - last - size));
    }
    let damaged = if good.position < *last { follower.damaged().saturating_sub(size) } else { good.damaged };
    Ok((good.position.clamp(*last, last + size), damaged))
}

/// A log that can be written on, and what was found at its end.
///
/// # Errors
/// As [`Log::open`].
pub fn open(disk: &Disk, folder: &Path, segment: u64, cut: u64, next: u64) -> Result<(Log, u64), Fault> {
    Log::open(disk, folder, &JOURNAL, segment, cut, &head(next))
}

/// What a segment says of itself that begins before the input numbered `next`.
pub fn head(next: u64) -> log::Head {
    log::Head { next: Some(next), more: Vec::new() }
}

pub(crate) fn cannot(path: &Path, error: &io::Error) -> Fault {
    log::cannot(&JOURNAL, path, error)
}
