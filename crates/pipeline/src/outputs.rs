//! The output log: what came out, in order of place; every sink's buffer, and the one memory of what was decided.
//!
//! It is a [`Log`] of [`Entry`]s. The thread that works appends what comes out of each stretch; a sink reads from its
//! cursor on, as late as it likes. The log is bounded: its oldest segment goes when it is too large, and a sink that
//! has not come so far is overtaken, which it counts: each segment says in its head how much each sink was owed when it
//! began.
//!
//! Outputs stand by number, not in words. Numbers of devices and series never change their meaning; what an operator's
//! number means is said by the config, whose text stands in the head of each segment and wherever it changes.

mod earlier;

use crate::log::{Head, Kind, Log, Next, Readers, Tail};
use crate::trouble::Trouble;
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::Fault;
use ouzel_connect::source::Rejected;
use ouzel_engine::output::Output;
use ouzel_engine::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What the output log is among logs.
pub static OUTPUTS: Kind =
    Kind { name: "the output log", suffix: "outputs", magic: b"OUZELOUT", format: 2, numbered: 1 };

/// A place among all outputs: the number of an input, and how many of its outputs come before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The input.
    pub input: u64,
    /// How many of its outputs come before.
    pub nth: u32,
}

impl Place {
    /// Before all outputs of an input.
    pub fn before(input: u64) -> Place {
        Place { input, nth: 0 }
    }
}

/// What stands in the output log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// The text of the config in force from here on.
    Config(String),
    /// What came out of a stretch.
    Said(Said),
    /// Trouble of the pipeline itself has begun, or is over; and where the journal goes on behind the word of it.
    Trouble(Trouble, u64),
}

/// What came out of a stretch of input, or of a part of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The place of the first output.
    pub from: Place,
    /// Everything before this place stands in the log, up to this entry.
    pub through: Place,
    /// Where the journal goes on behind the record that it came of: what was rejected has no place of its own.
    pub journal: u64,
    /// When the input arrived.
    pub arrived: Time,
    /// In order of place.
    pub outputs: Vec<Output>,
    /// Which of them people are not to be told of, because they silenced the alert.
    pub quiet: Vec<u32>,
    /// Input that could not be read.
    pub rejected: Vec<Rejected>,
    /// How many of the outputs each sink is to get, by name.
    pub owed: Vec<(String, u32)>,
}

impl Said {
    /// The outputs with their places.
    pub fn placed(&self) -> impl Iterator<Item = (Place, &Output)> {
        self.outputs.iter().scan(self.from, |next, output| {
            if output.input != next.input {
                *next = Place::before(output.input);
            }
            let place = *next;
            next.nth += 1;
            Some((place, output))
        })
    }
}

/// What each sink was owed so far, by name: all that was ever written for it.
pub type Owed = BTreeMap<String, u64>;

/// What the head of a segment adds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// The config in force.
    pub text: String,
    /// The place of what comes next.
    pub place: Place,
    /// Everything before this place of the journal was worked off.
    pub journal: u64,
    /// What each sink was owed before.
    pub owed: Owed,
}

impl Opening {
    /// Of a segment's head.
    pub fn of(head: &Head) -> Option<Opening> {
        postcard::from_bytes(&head.more).ok()
    }
}

/// Where the output log stood at some moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stand {
    /// Where the next entry goes, in bytes.
    pub position: u64,
    /// The place of what comes next.
    pub place: Place,
    /// Everything before this place of the journal was worked off.
    pub journal: u64,
    /// What each sink was owed before.
    pub owed: Owed,
}

/// Writes the output log.
#[derive(Debug)]
pub struct OutputLog {
    log: Log,
    text: Arc<str>,
    place: Place,
    journal: u64,
    owed: Owed,
    /// Bytes that it may have.
    bound: u64,
    record: Vec<u8>,
}

/// Outputs of one entry at the most: some 4 MB, far below what a record may have.
const PIECE: usize = 20_000;

impl OutputLog {
    /// Opens the log of a folder to be written on. Entries behind `stand` (of the last checkpoint; `None`: there was none)
    /// count as long as nothing between them is damaged; what follows is cut, for the replay of the journal gives it
    /// again. Gives also how many bytes were cut.
    ///
    /// # Errors
    /// When the files cannot be used, or are of a newer Ouzel.
    pub fn open(
        disk: &Disk,
        folder: &Path,
        sizes: Sizes,
        stand: Option<&Stand>,
        text: &Arc<str>,
    ) -> Result<(OutputLog, u64), Fault> {
        let first = || Ok(OUTPUTS.segments(disk, folder)?.first().map_or(0, |(start, _)| *start));
        let from = match stand {
            Some(stand) => stand.position,
            None => first().map_err(|error| crate::log::cannot(&OUTPUTS, folder, &error))?,
        };
        let mut found = stand.cloned().unwrap_or(Stand { position: from, ..Stand::default() });
        let mut in_force = Arc::clone(text);
        let mut tail = Tail::recorded(disk, folder, &OUTPUTS, from);
        while tail.next(Duration::ZERO)? == Next::Record && tail.damaged() == 0 {
            if let Some(opening) = tail.take_head().as_ref().and_then(Opening::of).filter(|_| stand.is_none()) {
                (found.place, found.journal, found.owed) = (opening.place, opening.journal, opening.owed);
            }
            match read(tail.record()) {
                Some(Entry::Said(said)) => {
                    (found.place, found.journal) = (said.through, said.journal);
                    for (sink, count) in said.owed {
                        *found.owed.entry(sink).or_default() += u64::from(count);
                    }
                }
                Some(Entry::Config(text)) => in_force = text.into(),
                Some(Entry::Trouble(_, journal)) => found.journal = journal,
                None => break,
            }
            found.position = tail.position();
        }
        let Stand { place, journal, owed, .. } = found.clone();
        let opening = Opening { text: in_force.to_string(), place, journal, owed };
        let (log, cut) = Log::open(disk, folder, &OUTPUTS, sizes.segment, found.position, &head(&opening))?;
        let Stand { place, journal, owed, .. } = found;
        let bound = sizes.bound;
        Ok((OutputLog { log, text: in_force, place, journal, owed, bound, record: Vec::new() }, cut))
    }

    /// Adds what came out of a stretch; what stands in the log already is passed over. Gives how many outputs were added.
    ///
    /// # Errors
    /// When the disk cannot; then the last of it may be missing, and the same call may be made again.
    pub fn say(
        &mut self,
        mut said: Said,
        owed: impl Fn(&[Output], &[u32]) -> Vec<(String, u32)>,
    ) -> Result<u64, Fault> {
        if said.journal <= self.journal {
            // It stands in an entry that was written before the stop.
            said.rejected.clear();
        }
        if said.through <= self.place && said.rejected.is_empty() {
            return Ok(0);
        }
        let known = said.placed().take_while(|(place, _)| *place < self.place).count();
        said.outputs.drain(..known);
        said.quiet = said.quiet.iter().filter_map(|index| index.checked_sub(known as u32)).collect();
        (said.from, said.through) = (said.from.max(self.place), said.through.max(self.place));
        if said.outputs.is_empty() && said.rejected.is_empty() {
            // Nothing to remember; the next entry says how far it goes.
            return Ok(0);
        }
        let added = said.outputs.len() as u64;
        let places: Vec<Place> = said.placed().map(|(place, _)| place).collect();
        while said.outputs.len() > PIECE {
            let done = places.len() - said.outputs.len();
            let outputs = said.outputs.drain(..PIECE).collect();
            let (quiet, later) = said.quiet.iter().partition::<Vec<u32>, _>(|index| (**index as usize) < PIECE);
            said.quiet = later.iter().map(|index| index - PIECE as u32).collect();
            let (from, through) = (places[done], places[done + PIECE]);
            let (rejected, journal, arrived) = (std::mem::take(&mut said.rejected), said.journal, said.arrived);
            self.write(Said { from, through, journal, arrived, outputs, quiet, rejected, owed: Vec::new() }, &owed)?;
            said.from = through;
        }
        self.write(said, &owed)?;
        Ok(added)
    }

    fn write(&mut self, mut said: Said, owed: &impl Fn(&[Output], &[u32]) -> Vec<(String, u32)>) -> Result<(), Fault> {
        said.owed = owed(&said.outputs, &said.quiet);
        let (through, journal) = (said.through, said.journal);
        let counts = said.owed.clone();
        self.append(&Entry::Said(said))?;
        (self.place, self.journal) = (through, journal);
        for (sink, count) in counts {
            *self.owed.entry(sink).or_default() += u64::from(count);
        }
        Ok(())
    }

    /// The config has changed.
    ///
    /// # Errors
    /// When the disk cannot.
    pub fn config(&mut self, text: &Arc<str>) -> Result<(), Fault> {
        if *text != self.text {
            self.append(&Entry::Config(text.to_string()))?;
            self.text = Arc::clone(text);
        }
        Ok(())
    }

    /// Trouble of the pipeline itself.
    ///
    /// # Errors
    /// When the disk cannot.
    pub fn trouble(&mut self, trouble: &Trouble, journal: u64) -> Result<(), Fault> {
        if journal > self.journal {
            self.append(&Entry::Trouble(trouble.clone(), journal))?;
            self.journal = journal;
        }
        Ok(())
    }

    fn append(&mut self, entry: &Entry) -> Result<(), Fault> {
        self.record.push(ENTRY);
        self.record = postcard::to_extend(entry, std::mem::take(&mut self.record)).unwrap_or_default();
        let opening = || {
            let (text, owed) = (self.text.to_string(), self.owed.clone());
            head(&Opening { text, place: self.place, journal: self.journal, owed })
        };
        let appended = self.log.append(&self.record, opening);
        self.record.clear();
        if self.record.capacity() > KEPT_BUFFER {
            self.record = Vec::new();
        }
        appended?;
        while self.log.size() > self.bound && self.log.give_up_oldest()? {}
        Ok(())
    }

    /// Shows the readers what was added.
    pub fn show(&self) {
        self.log.show();
    }

    /// Where it stands.
    pub fn stand(&self) -> Stand {
        Stand { position: self.log.end(), place: self.place, journal: self.journal, owed: self.owed.clone() }
    }

    /// Everything before this place stands in it.
    pub fn place(&self) -> Place {
        self.place
    }

    /// What a sink is owed in all.
    pub fn owed(&self, sink: &str) -> u64 {
        self.owed.get(sink).copied().unwrap_or_default()
    }

    /// Bytes of it.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    /// See [`Log::handle`].
    ///
    /// # Errors
    /// When the system gives no second handle.
    pub fn handle(&self) -> Result<DiskFile, Fault> {
        self.log.handle()
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// When the disk cannot.
    pub fn sync(&mut self) -> Result<(), Fault> {
        self.log.sync()
    }

    /// Makes readers.
    pub fn readers(&self) -> Readers {
        self.log.readers()
    }
}

/// What an entry begins with; 0 is the begin of a segment, and 1 what an earlier Ouzel wrote.
const ENTRY: u8 = 2;

fn read(record: &[u8]) -> Option<Entry> {
    match record.split_first()? {
        (&ENTRY, body) => postcard::from_bytes(body).ok(),
        (&earlier::FIRST, body) => earlier::read(body),
        _ => None,
    }
}

/// A buffer keeps no more than this between two entries.
const KEPT_BUFFER: usize = 1 << 20;

/// How large a log may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// When a segment is full, in bytes.
    pub segment: u64,
    /// What all segments together may have, more or less one segment.
    pub bound: u64,
}

fn head(opening: &Opening) -> Head {
    let more = postcard::to_allocvec(opening).expect("plain data always encodes");
    Head { next: Some(opening.place.input), more }
}

/// Reads the output log.
#[derive(Debug)]
pub struct Listener {
    tail: Tail,
    opening: Option<Opening>,
}

impl Listener {
    /// Behind the writer, from the segment that has `place`: what stands before it there is read, too. Gives also what
    /// that segment says of itself.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of(readers: &Readers, place: Place) -> Result<Listener, Fault> {
        let heads = readers.heads()?;
        // What stood before the oldest was given up, which is no damage.
        let mut from = heads.first().map_or(0, |(start, _)| *start);
        for (start, head) in heads {
            match Opening::of(&head) {
                Some(opening) if opening.place > place => break,
                Some(_) => from = start,
                // Its head is damaged; what stands before it may be what is looked for.
                None => {}
            }
        }
        Ok(Listener { tail: readers.tail(from), opening: None })
    }

    /// The log of a folder, from its begin to the end that it has now.
    pub fn recorded(disk: &Disk, folder: &Path) -> Listener {
        Listener { tail: Tail::recorded(disk, folder, &OUTPUTS, 0), opening: None }
    }

    /// The next entry; waits for it up to `wait`.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn next(&mut self, wait: Duration) -> Result<Heard, Fault> {
        loop {
            match self.tail.next(wait)? {
                Next::Idle => return Ok(Heard::Idle),
                Next::End => return Ok(Heard::End),
                Next::Record => {
                    if let Some(opening) = self.tail.take_head().as_ref().and_then(Opening::of) {
                        self.opening = Some(opening);
                    }
                    match read(self.tail.record()) {
                        Some(entry) => return Ok(Heard::Entry(Box::new(entry))),
                        None => self.tail.refuse(),
                    }
                }
            }
        }
    }

    /// What the segment says of itself that the last entry is the first of; once for each segment.
    pub fn take_opening(&mut self) -> Option<Opening> {
        self.opening.take()
    }

    /// Bytes that could not be read so far.
    pub fn damaged(&self) -> u64 {
        self.tail.damaged()
    }
}

/// What a reader of the output log finds.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The next entry.
    Entry(Box<Entry>),
    /// Nothing for as long as was waited.
    Idle,
    /// There will be nothing more.
    End,
}

#[cfg(test)]
mod tests;
