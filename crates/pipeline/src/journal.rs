//! The journal: all that changes state, in order, on disk. What it has synced is acknowledged and never lost.
//!
//! Segments are files named by where in the whole journal they begin, in bytes: `00000000000000000000.journal`. Each
//! is a row of blocks (`journal/block.rs`) with records in them (`journal/record.rs`). One thread appends and syncs;
//! [`Tail`] follows what is synced, and is the one reader that shards and lake are fed from, live and after a restart.
//!
//! A bad end of the last segment, with nothing good behind it, was torn off by a kill before anybody was told that it is
//! kept: it is cut, and a copy stays beside the journal. A bad place with anything good behind it is damage: it is
//! skipped, and reported with its size.

pub mod block;
mod mend;
pub mod record;
mod tail;

pub use mend::Mender;
pub use record::{Journalled, Record};
pub use tail::{Next, Tail};

use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::{Fault, Retry, Whose};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When a segment is full. A segment is the unit in which old input will be given up.
pub const SEGMENT: u64 = 64 << 20;

/// Writes the journal.
#[derive(Debug)]
pub struct Journal {
    disk: Disk,
    folder: PathBuf,
    file: DiskFile,
    /// Where the open segment begins in the whole journal, and how long it is.
    start: u64,
    size: u64,
    segment: u64,
    buffer: Vec<u8>,
    dirty: bool,
    /// A write failed in its midst, and what it left could not be cut off either.
    ragged: bool,
    synced: Arc<Synced>,
    _lock: DiskFile,
}

/// How far the journal is synced; the writer's word to its readers.
#[derive(Debug, Default)]
struct Synced {
    /// A lock, because a reader sleeps on it; held for a look at two numbers.
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    end: u64,
    closed: bool,
}

impl Synced {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }

    /// The state, once it is past `end` or closed, or `wait` is over.
    fn past(&self, end: u64, wait: Duration) -> State {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + wait;
        let mut state = state;
        while state.end <= end && !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.moved.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *state
    }
}

/// What an opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Bytes of a torn end that were cut.
    pub torn: u64,
    /// Bytes that could not be read, with something good behind them.
    pub damaged: u64,
    /// Records that were read.
    pub records: u64,
}

/// Why bytes are no record that this build can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The file does not begin as a journal does.
    NotAJournal,
    /// Written by a newer Ouzel, in this format.
    Newer(u32),
    /// Not what was written.
    Damaged,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::NotAJournal => f.write_str("this is not a journal of ouzel"),
            Unreadable::Newer(format) => write!(
                f,
                "the journal has format {format}, written by a newer ouzel; this one reads up to format {}",
                record::FORMAT
            ),
            Unreadable::Damaged => f.write_str("the record is damaged"),
        }
    }
}

impl Journal {
    /// Opens the journal in a folder, or begins one. Every record that is there is shown to `see`, in order; then the
    /// torn end is cut.
    ///
    /// # Errors
    /// When the folder cannot be used, another process uses it, or the journal is of a newer Ouzel.
    pub fn open(disk: &Disk, folder: &Path, see: impl FnMut(Record)) -> Result<(Journal, Opening), Fault> {
        Journal::with_segments(disk, folder, SEGMENT, see)
    }

    /// The same with segments of another size, for tests.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn with_segments(
        disk: &Disk,
        folder: &Path,
        segment: u64,
        see: impl FnMut(Record),
    ) -> Result<(Journal, Opening), Fault> {
        let wrong = |error: io::Error| cannot(folder, &error);
        disk.create_folder(folder).map_err(wrong)?;
        let lock = disk.lock(&folder.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Fault::yours(format!(
                "another ouzel runs with the journal {}: stop it, or give this one a journal of its own",
                folder.display()
            )),
            _ => wrong(error),
        })?;
        let segments = segments(disk, folder).map_err(wrong)?;
        let (found, end) = scan(disk, folder, &segments, see)?;
        let (start, file, size) = match segments.last() {
            Some((start, path)) => {
                let mut file = disk.open(path).map_err(wrong)?;
                let whole = file.size().map_err(wrong)?;
                if whole > end {
                    keep_torn(disk, folder, &file, end, whole).map_err(wrong)?;
                    file.cut(end).map_err(wrong)?;
                    file.sync().map_err(wrong)?;
                }
                (*start, file, end)
            }
            None => (0, disk.create(&path_of(folder, 0)).map_err(wrong)?, 0),
        };
        let mut journal = Journal {
            disk: disk.clone(),
            folder: folder.to_owned(),
            file,
            start,
            size,
            segment,
            buffer: Vec::new(),
            dirty: true,
            ragged: false,
            synced: Arc::default(),
            _lock: lock,
        };
        journal.begin()?;
        journal.sync()?;
        journal.disk.sync_folder(folder).map_err(wrong)?;
        Ok((journal, found))
    }

    /// Adds a record. It is durable after the next [`Journal::sync`].
    ///
    /// # Errors
    /// When it cannot be written; then it is as if it had not been tried. One that is larger than any record may be is
    /// never written.
    pub fn append(&mut self, record: &[u8]) -> Result<(), Fault> {
        if record.len() > block::LARGEST {
            let what = format!("a record of {} bytes is larger than the journal can hold", record.len());
            return Err(Fault { whose: Whose::Us, retry: Retry::Never, what });
        }
        if self.size >= self.segment {
            self.next_segment()?;
        }
        self.begin()?;
        self.write(record)
    }

    /// The head of a segment that has none yet.
    fn begin(&mut self) -> Result<(), Fault> {
        if self.size == 0 { self.write(&record::begin()) } else { Ok(()) }
    }

    fn write(&mut self, record: &[u8]) -> Result<(), Fault> {
        self.smooth()?;
        self.buffer.clear();
        let end = block::push(record, self.size, &mut self.buffer);
        if let Err(error) = self.file.write_all(&self.buffer) {
            // A part may have been written; what comes next must not stand behind it.
            self.ragged = true;
            self.smooth()?;
            return Err(cannot(&self.folder, &error));
        }
        (self.size, self.dirty) = (end, true);
        Ok(())
    }

    /// Cuts off what a failed write has left.
    fn smooth(&mut self) -> Result<(), Fault> {
        if self.ragged {
            self.file.cut(self.size).map_err(|error| cannot(&self.folder, &error))?;
            self.ragged = false;
        }
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), Fault> {
        self.smooth()?;
        self.sync()?;
        let start = self.start + self.size;
        let path = path_of(&self.folder, start);
        let file = self.disk.create(&path).map_err(|error| cannot(&path, &error))?;
        self.disk.sync_folder(&self.folder).map_err(|error| cannot(&self.folder, &error))?;
        (self.file, self.start, self.size) = (file, start, 0);
        Ok(())
    }

    /// Makes all records durable, and tells the readers.
    ///
    /// # Errors
    /// When the disk cannot. What was added since the last sync may be lost then, and must not be synced a second time:
    /// Linux gives up the pages of a failed sync, and the next one would succeed over the hole ("fsyncgate", 2018).
    pub fn sync(&mut self) -> Result<(), Fault> {
        if self.dirty {
            self.file.sync().map_err(|error| cannot(&self.folder, &error))?;
            self.dirty = false;
            let end = self.end();
            self.synced.change(|state| state.end = end);
        }
        Ok(())
    }

    /// Where the next record will stand.
    pub fn end(&self) -> u64 {
        self.start + self.size
    }

    /// A reader from the begin.
    pub fn tail(&self) -> Tail {
        Tail::following(self.disk.clone(), self.folder.clone(), Arc::clone(&self.synced))
    }
}

/// Puts what will be cut beside the journal, for whoever wants to look at it; the last one is kept.
fn keep_torn(disk: &Disk, folder: &Path, file: &DiskFile, from: u64, to: u64) -> io::Result<()> {
    let mut torn = vec![0; usize::try_from(to - from).unwrap_or(0).min(block::LARGEST)];
    let mut read = 0;
    while read < torn.len() {
        match file.read_at(from + read as u64, &mut torn[read..])? {
            0 => break,
            more => read += more,
        }
    }
    disk.replace(&folder.join("last.torn"), &torn[..read])
}

/// Readers end when they have read all.
impl Drop for Journal {
    fn drop(&mut self) {
        self.synced.change(|state| state.closed = true);
    }
}

fn path_of(folder: &Path, start: u64) -> PathBuf {
    folder.join(format!("{start:020}.journal"))
}

/// The segments of a folder with their begins, in order.
fn segments(disk: &Disk, folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let start = |path: &PathBuf| {
        let stem = path.file_name()?.to_str()?.strip_suffix(".journal")?;
        stem.parse().ok().map(|start| (start, path.clone()))
    };
    let mut segments: Vec<(u64, PathBuf)> = disk.files(folder)?.iter().filter_map(start).collect();
    segments.sort();
    Ok(segments)
}

/// Reads all records, a little at a time; gives what was found, and where in the last segment the good part ends.
fn scan(
    disk: &Disk,
    folder: &Path,
    segments: &[(u64, PathBuf)],
    mut see: impl FnMut(Record),
) -> Result<(Opening, u64), Fault> {
    let Some((last, path)) = segments.last() else { return Ok((Opening::default(), 0)) };
    let (mut tail, mut records) = (Tail::recorded(disk, folder)?, 0);
    while let Next::Record(record) = tail.next(Duration::ZERO)? {
        records += 1;
        see(record);
    }
    // What cannot be read behind the last good record of the last segment was torn; all else is damage.
    let good = tail.good();
    let end = if good.segment == *last { good.end } else { 0 };
    let size = disk.open(path).and_then(|file| file.size()).map_err(|error| cannot(path, &error))?;
    let torn = size - end;
    let damaged = if good.segment == *last { good.damaged } else { tail.damaged().saturating_sub(torn) };
    Ok((Opening { torn, damaged, records }, end))
}

pub(crate) fn cannot(path: &Path, error: &io::Error) -> Fault {
    let place = path.display();
    let (whose, what) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (Whose::You, format!("the journal {place} cannot be written: the disk is full; make room"))
        }
        io::ErrorKind::PermissionDenied => {
            (Whose::You, format!("the journal {place} may not be used: permission denied; choose another `dir`"))
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            (Whose::You, format!("the journal {place} cannot be written: the file system is read-only"))
        }
        _ => (Whose::Us, format!("the journal {place} cannot be used: {error}")),
    };
    Fault { whose, retry: Retry::Later, what }
}

#[cfg(test)]
mod tests;
