//! Reads a log from a position on: behind its writer as far as is shown, or on its own to the end.

use super::block::{Assembly, BLOCK, Found};
use super::{Head, Kind, Readers, Synced, Unreadable, cannot};
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::Fault;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How much is read at once.
const CHUNK: usize = 8 * BLOCK;

/// A reader of a log. It reads a chunk ahead and never more, however long the log is.
#[derive(Debug)]
pub struct Tail {
    disk: Disk,
    folder: PathBuf,
    kind: &'static Kind,
    /// The writer, if there is one; else the log ends where its files end.
    synced: Option<Arc<Synced>>,
    segment: Option<(u64, DiskFile)>,
    /// Where to begin, before the first segment is opened.
    from: u64,
    assembly: Assembly,
    /// What was read of the segment ahead of `at`, and where in the segment it stands.
    bytes: Vec<u8>,
    begin: usize,
    at: u64,
    /// Bytes that could not be read.
    damaged: u64,
    good: Good,
    head: Option<Head>,
}

/// Where the last good record ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Good {
    /// Its place in the whole log; where the reader began, if there was none.
    pub position: u64,
    /// Bytes before it that could not be read.
    pub damaged: u64,
}

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A record; [`Tail::record`] has its bytes.
    Record,
    /// Nothing was shown for as long as was waited.
    Idle,
    /// There will be nothing more.
    End,
}

impl Tail {
    pub(super) fn following(disk: Disk, folder: PathBuf, kind: &'static Kind, from: u64, synced: Arc<Synced>) -> Tail {
        Tail::new(disk, folder, kind, from, Some(synced))
    }

    /// Reads the log in a folder from `position` on, to the end that it has now. A folder without one has no records.
    pub fn recorded(disk: &Disk, folder: &Path, kind: &'static Kind, position: u64) -> Tail {
        Tail::new(disk.clone(), folder.to_owned(), kind, position, None)
    }

    fn new(disk: Disk, folder: PathBuf, kind: &'static Kind, from: u64, synced: Option<Arc<Synced>>) -> Tail {
        let (assembly, bytes) = (Assembly::default(), Vec::new());
        let (begin, at, damaged, good) = (0, 0, 0, Good { position: from, damaged: 0 });
        Tail { disk, folder, kind, synced, segment: None, from, assembly, bytes, begin, at, damaged, good, head: None }
    }

    /// Makes more readers of the same log, as far as it is shown to this one.
    pub fn readers(&self) -> Readers {
        let synced = self.synced.clone().unwrap_or_default();
        Readers { disk: self.disk.clone(), folder: self.folder.clone(), kind: self.kind, synced }
    }

    /// The record that was found last.
    pub fn record(&self) -> &[u8] {
        self.assembly.record()
    }

    /// Where the last good record ends, of those that were read.
    pub fn good(&self) -> Good {
        self.good
    }

    /// Where it stands: behind the record that was found last, or behind what could not be read.
    pub fn position(&self) -> u64 {
        self.segment.as_ref().map_or(self.from, |(start, _)| start + self.at)
    }

    /// Bytes that could not be read so far.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The last record was one only by its checksum: whoever was to understand it could not.
    pub fn refuse(&mut self) {
        self.damaged += self.assembly.record().len() as u64;
    }

    /// What the segment says of itself whose records are read now, once: `None` until the next segment.
    pub fn take_head(&mut self) -> Option<Head> {
        self.head.take()
    }

    /// The next record; waits for it up to `wait`.
    ///
    /// # Errors
    /// When the files cannot be read, or are of a newer Ouzel.
    pub fn next(&mut self, wait: Duration) -> Result<Next, Fault> {
        loop {
            if self.step()? {
                return Ok(Next::Record);
            }
            if !self.fill(wait)? {
                // What is shown ends with a whole record, so what is left over is none: torn off, or damaged.
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

    /// Works off what was read; says whether there is a whole record in it.
    fn step(&mut self) -> Result<bool, Fault> {
        while self.begin < self.bytes.len() {
            let size = match self.assembly.read(&self.bytes[self.begin..], self.at) {
                Found::Short => return Ok(false),
                Found::Part(size) => size,
                Found::Bad(size) => {
                    self.damaged += size as u64;
                    size
                }
                Found::Record(size) => {
                    self.go(size);
                    match self.kind.read_begin(self.assembly.record()) {
                        Ok(None) => {}
                        Ok(head) => self.head = head,
                        Err(Unreadable::Damaged) => self.refuse(),
                        Err(why) => return Err(self.kind.refuse(&self.folder, why)),
                    }
                    self.good = Good { position: self.position(), damaged: self.damaged };
                    if self.assembly.record().first() == Some(&super::BEGIN) {
                        continue;
                    }
                    return Ok(true);
                }
            };
            self.go(size);
        }
        Ok(false)
    }

    fn go(&mut self, size: usize) {
        self.begin += size;
        self.at += size as u64;
    }

    /// Reads on; `false` when there is nothing to read.
    fn fill(&mut self, wait: Duration) -> Result<bool, Fault> {
        self.bytes.drain(..self.begin.min(self.bytes.len()));
        self.begin = 0;
        if self.segment.is_none() && !self.open_first()? {
            if let Some(synced) = &self.synced {
                synced.past(self.from, wait);
            }
            return Ok(false);
        }
        // Behind a damaged place the next one to look at may lie ahead of what was read.
        let position = self.at + self.bytes.len() as u64;
        let Some((start, file)) = &self.segment else { return Ok(false) };
        let limit = match &self.synced {
            Some(synced) => synced.past(start + position, wait).end,
            None => u64::MAX,
        };
        let size = file.size().map_err(|error| cannot(self.kind, &self.folder, &error))?;
        let end = size.min(limit.saturating_sub(*start));
        if end > position {
            // To the end of a block, so that whoever looks for what is good behind damage sees all of the block.
            let count = (CHUNK - (position % BLOCK as u64) as usize).min((end - position) as usize);
            let old = self.bytes.len();
            self.bytes.resize(old + count, 0);
            let read = file
                .read_at(position, &mut self.bytes[old..])
                .map_err(|error| cannot(self.kind, &self.folder, &error))?;
            self.bytes.truncate(old + read);
            return Ok(read > 0);
        }
        // The segment is read; whatever is left of it will not become a record if there is another one behind it.
        let (start, next) = (*start, *start + size);
        if limit > next
            && let Some(size) = self.assembly.give_up(&self.bytes)
        {
            self.damaged += size as u64;
            self.go(size);
            return Ok(true);
        }
        if limit > next && self.open_next(start, next)? {
            self.damaged += self.bytes.len() as u64;
            self.bytes.clear();
            self.assembly.reset();
            self.at = 0;
            return Ok(true);
        }
        Ok(false)
    }

    /// Opens the segment that has the place to begin at, or the first one behind it.
    fn open_first(&mut self) -> Result<bool, Fault> {
        let wrong = |error| cannot(self.kind, &self.folder, &error);
        let segments = self.kind.segments(&self.disk, &self.folder).map_err(wrong)?;
        let after = segments.partition_point(|(start, _)| *start <= self.from);
        let (start, path) = match (after.checked_sub(1).map(|index| &segments[index]), segments.get(after)) {
            (Some(here), behind) => {
                let size = self.disk.size(&here.1).map_err(wrong)?;
                // A place behind a segment's end is the begin of the one behind it, or in a hole before it.
                if self.from >= here.0 + size && self.from > here.0 { behind.unwrap_or(here) } else { here }
            }
            (None, Some(behind)) => behind,
            (None, None) => return Ok(false),
        };
        let file = self.disk.open(path).map_err(wrong)?;
        self.damaged += start.saturating_sub(self.from);
        self.at = self.from.saturating_sub(*start);
        self.segment = Some((*start, file));
        Ok(true)
    }

    /// Opens the segment behind the one that begins at `start` and ends at `end`.
    fn open_next(&mut self, start: u64, end: u64) -> Result<bool, Fault> {
        let wrong = |error| cannot(self.kind, &self.folder, &error);
        let segments = self.kind.segments(&self.disk, &self.folder).map_err(wrong)?;
        let Some((next, path)) = segments.into_iter().find(|(segment, _)| *segment > start) else { return Ok(false) };
        // A segment that is missing leaves a hole of its size.
        self.damaged += next.saturating_sub(end);
        self.segment = Some((next, self.disk.open(&path).map_err(wrong)?));
        Ok(true)
    }
}
