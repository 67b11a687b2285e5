//! Reads a journal from its begin: behind its writer as far as is synced, or on its own to the end.

use super::block::{Assembly, BLOCK, Found};
use super::record::{self, Record};
use super::{Synced, Unreadable, cannot, segments};
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::Fault;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How much is read at once.
const CHUNK: usize = 8 * BLOCK;

/// A reader of a journal.
#[derive(Debug)]
pub struct Tail {
    disk: Disk,
    folder: PathBuf,
    /// The writer, if there is one; else the journal ends where its files end.
    synced: Option<Arc<Synced>>,
    segment: Option<(u64, DiskFile)>,
    assembly: Assembly,
    /// What was read of the segment ahead of `at`, and where in the segment it stands.
    bytes: Vec<u8>,
    begin: usize,
    at: u64,
    /// Bytes that could not be read.
    damaged: u64,
    good: Good,
}

/// Where the last good record ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Good {
    /// The begin of its segment, and the place in it.
    pub(super) segment: u64,
    pub(super) end: u64,
    /// Bytes before it that could not be read.
    pub(super) damaged: u64,
}

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

impl Tail {
    pub(super) fn following(disk: Disk, folder: PathBuf, synced: Arc<Synced>) -> Tail {
        Tail::new(disk, folder, Some(synced))
    }

    /// Reads the journal in a folder, to the end that it has now.
    ///
    /// # Errors
    /// When there is none.
    pub fn recorded(disk: &Disk, folder: &Path) -> Result<Tail, Fault> {
        let none = segments(disk, folder).map_err(|error| cannot(folder, &error))?.is_empty();
        if none {
            return Err(Fault::yours(format!("{} has no journal: name the folder of a `[journal]`", folder.display())));
        }
        Ok(Tail::new(disk.clone(), folder.to_owned(), None))
    }

    fn new(disk: Disk, folder: PathBuf, synced: Option<Arc<Synced>>) -> Tail {
        let (assembly, bytes) = (Assembly::default(), Vec::new());
        Tail {
            disk,
            folder,
            synced,
            segment: None,
            assembly,
            bytes,
            begin: 0,
            at: 0,
            damaged: 0,
            good: Good::default(),
        }
    }

    /// Where the last good record ends, of those that were read.
    pub(super) fn good(&self) -> Good {
        self.good
    }

    /// Bytes that could not be read so far.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The next record; waits for it up to `wait`.
    ///
    /// # Errors
    /// When the files cannot be read, or are of a newer Ouzel.
    pub fn next(&mut self, wait: Duration) -> Result<Next, Fault> {
        loop {
            if let Some(found) = self.step()? {
                return Ok(found);
            }
            if !self.fill(wait)? {
                // What is synced ends with a whole record, so what is left over is none: torn off, or damaged.
                let left = self.bytes.get(self.begin..).unwrap_or_default();
                if let Some(size) = self.assembly.give_up(left) {
                    self.damaged += size as u64;
                    self.go(size);
                    continue;
                }
                let closed = self.synced.as_ref().is_none_or(|synced| synced.past(0, Duration::ZERO).closed);
                return Ok(if closed && !self.fill(Duration::ZERO)? { Next::End } else { Next::Idle });
            }
        }
    }

    /// Works off what was read: the next record in it, if there is a whole one.
    fn step(&mut self) -> Result<Option<Next>, Fault> {
        while self.begin < self.bytes.len() {
            let size = match self.assembly.read(&self.bytes[self.begin..], self.at) {
                Found::Short => return Ok(None),
                Found::Part(size) => size,
                Found::Bad(size) => {
                    self.damaged += size as u64;
                    size
                }
                Found::Record(size) => {
                    self.go(size);
                    let read = record::read(self.assembly.record());
                    if read.is_ok() {
                        let segment = self.segment.as_ref().map_or(0, |(start, _)| *start);
                        self.good = Good { segment, end: self.at, damaged: self.damaged };
                    }
                    match read {
                        Ok(Record::Begin) => continue,
                        Ok(record) => return Ok(Some(Next::Record(record))),
                        Err(Unreadable::Damaged) => self.damaged += size as u64,
                        Err(why) => return Err(Fault::yours(format!("{}: {why}", self.folder.display()))),
                    }
                    continue;
                }
            };
            self.go(size);
        }
        Ok(None)
    }

    fn go(&mut self, size: usize) {
        self.begin += size;
        self.at += size as u64;
    }

    /// Reads on; `false` when there is nothing to read.
    fn fill(&mut self, wait: Duration) -> Result<bool, Fault> {
        self.bytes.drain(..self.begin.min(self.bytes.len()));
        self.begin = 0;
        // Behind a damaged place the next one to look at may lie ahead of what was read.
        let position = self.at + self.bytes.len() as u64;
        if self.segment.is_none() && !self.open_next(None)? {
            return Ok(false);
        }
        let Some((start, file)) = &self.segment else { return Ok(false) };
        let limit = match &self.synced {
            Some(synced) => synced.past(start + position, wait).end,
            None => u64::MAX,
        };
        let size = file.size().map_err(|error| cannot(&self.folder, &error))?;
        let end = size.min(limit.saturating_sub(*start));
        if end > position {
            // To the end of a block, so that whoever looks for what is good behind damage sees all of the block.
            let count = (CHUNK - (position % BLOCK as u64) as usize).min((end - position) as usize);
            let old = self.bytes.len();
            self.bytes.resize(old + count, 0);
            let read = file.read_at(position, &mut self.bytes[old..]).map_err(|error| cannot(&self.folder, &error))?;
            self.bytes.truncate(old + read);
            return Ok(read > 0);
        }
        // The segment is read; whatever is left of it will not become a record if there is another one behind it.
        let (start, next) = (*start, *start + size);
        if limit > next && self.open_next(Some((start, next)))? {
            self.damaged += self.bytes.len() as u64;
            self.bytes.clear();
            self.assembly.reset();
            self.at = 0;
            return Ok(true);
        }
        Ok(false)
    }

    /// Opens the first segment, or the one behind that which begins at `start` and ends at `end`.
    fn open_next(&mut self, before: Option<(u64, u64)>) -> Result<bool, Fault> {
        let wrong = |error| cannot(&self.folder, &error);
        let segments = segments(&self.disk, &self.folder).map_err(wrong)?;
        let is_next = |segment: &u64| before.is_none_or(|(start, _)| *segment > start);
        let Some((start, path)) = segments.into_iter().find(|(start, _)| is_next(start)) else { return Ok(false) };
        // A segment that is missing leaves a hole of its size.
        self.damaged += before.map_or(0, |(_, end)| start.saturating_sub(end));
        self.segment = Some((start, self.disk.open(&path).map_err(wrong)?));
        Ok(true)
    }
}
