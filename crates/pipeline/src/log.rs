//! A log: records in order, in segment files of blocks. The journal is one, the output log is another.
//!
//! Segments are files named by where in the whole log they begin, in bytes: `00000000000000000000.journal`. Each is a
//! row of blocks (`log/block.rs`) with records in them; the first record of a segment says what it is:
//! ```text
//! offset  0     1        9         13             21
//!         kind  magic    format    next           more …
//!         0     8 bytes  u32 LE    u64 LE (in the journal since format 2): the number of the next input
//! ```
//! One thread appends; [`Tail`]s follow what is shown. What nobody needs any more goes by whole segments, from the
//! begin. A position is a byte's place in the whole log, and stays so when old segments go.

pub mod block;
mod tail;

pub use tail::{Good, Next, Tail};

use ouzel_connect::crash;
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::{Fault, Retry, Whose};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What distinguishes one log from another.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// What people call it.
    pub name: &'static str,
    /// What its files end with.
    pub suffix: &'static str,
    /// What its segments begin with.
    pub magic: &'static [u8; 8],
    /// The format that is written, and the newest that is read.
    pub format: u32,
    /// Since which format a segment says the number of its next input.
    pub numbered: u32,
}

/// Why bytes are no record that this build can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The file does not begin as such a log does.
    Foreign,
    /// Written by a newer Ouzel, in this format.
    Newer(u32),
    /// Not what was written.
    Damaged,
}

impl Kind {
    /// Why a record cannot be taken, for people.
    fn refuse(&self, folder: &Path, why: Unreadable) -> Fault {
        let (name, place) = (self.name, folder.display());
        Fault::yours(match why {
            Unreadable::Foreign => format!("{place}: this is not {name} of ouzel"),
            Unreadable::Newer(format) => format!(
                "{place}: {name} has format {format}, written by a newer ouzel; this one reads up to format {}",
                self.format
            ),
            Unreadable::Damaged => format!("{place}: the record is damaged"),
        })
    }

    fn path(&self, folder: &Path, start: u64) -> PathBuf {
        folder.join(format!("{start:020}.{}", self.suffix))
    }

    /// The segments of a folder with their begins, in order.
    pub(crate) fn segments(&self, disk: &Disk, folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
        let start = |path: &PathBuf| {
            let stem = path.file_name()?.to_str()?.strip_suffix(self.suffix)?.strip_suffix('.')?;
            let start = stem.parse().ok().filter(|start| stem.len() == 20 && *start < FARTHEST)?;
            Some((start, path.clone()))
        };
        let mut segments: Vec<(u64, PathBuf)> = disk.files(folder)?.iter().filter_map(start).collect();
        segments.sort();
        Ok(segments)
    }

    /// The first record of a segment.
    fn begin(&self, head: &Head) -> Vec<u8> {
        let mut bytes = vec![BEGIN];
        bytes.extend_from_slice(self.magic);
        bytes.extend_from_slice(&self.format.to_le_bytes());
        bytes.extend_from_slice(&head.next.unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend_from_slice(&head.more);
        bytes
    }

    /// Reads the first record of a segment; `None` for any other record.
    fn read_begin(&self, record: &[u8]) -> Result<Option<Head>, Unreadable> {
        let Some(body) = record.strip_prefix(&[BEGIN]) else { return Ok(None) };
        let (format, rest) =
            body.strip_prefix(self.magic).and_then(<[u8]>::split_first_chunk).ok_or(Unreadable::Foreign)?;
        match u32::from_le_bytes(*format) {
            newer if newer > self.format => Err(Unreadable::Newer(newer)),
            older if older < self.numbered => Ok(Some(Head::default())),
            _ => {
                let (next, more) = rest.split_first_chunk().ok_or(Unreadable::Damaged)?;
                Ok(Some(Head { next: Some(u64::from_le_bytes(*next)), more: more.to_vec() }))
            }
        }
    }
}

/// No log comes so far; a file that says so is not ours.
const FARTHEST: u64 = 1 << 62;

/// The kind of a segment's first record; no record of any log may begin so.
const BEGIN: u8 = 0;

/// What a segment's first record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of the next input; not in segments of format 1.
    pub next: Option<u64>,
    /// What the kind of log adds.
    pub more: Vec<u8>,
}

/// A segment that is there.
#[derive(Clone, Copy, Debug)]
struct Segment {
    start: u64,
    /// All inputs before it have smaller numbers; `None` where its format does not say.
    next: Option<u64>,
}

/// Writes a log.
#[derive(Debug)]
pub struct Log {
    disk: Disk,
    folder: PathBuf,
    kind: &'static Kind,
    /// Those before the open one.
    closed: VecDeque<Segment>,
    open: Segment,
    file: DiskFile,
    /// How long the open segment is, and when it is full.
    size: u64,
    full: u64,
    buffer: Vec<u8>,
    dirty: bool,
    /// A write failed in its midst, and what it left could not be cut off either.
    ragged: bool,
    /// A sync has failed: what is on the disk nobody knows, and nothing more may be said to be there.
    failed: Option<Fault>,
    synced: Arc<Synced>,
}

/// How far the log may be read; the writer's word to its readers.
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

impl Log {
    /// Opens the log of a folder to be written on from `cut`, a place where a record ends; what stands behind it is cut
    /// off, with a copy of what was cut beside the log. An empty folder begins a log, and so does one whose log ends before
    /// that place: no place of a log is ever given twice. Gives also how many bytes were cut.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub fn open(
        disk: &Disk,
        folder: &Path,
        kind: &'static Kind,
        full: u64,
        cut: u64,
        head: &Head,
    ) -> Result<(Log, u64), Fault> {
        let wrong = |error: io::Error| cannot(kind, folder, &error);
        let mut segments = kind.segments(disk, folder).map_err(wrong)?;
        let mut torn = 0;
        while let Some((_, path)) = segments.pop_if(|(start, _)| *start > cut) {
            torn += disk.size(&path).map_err(wrong)?;
            disk.remove(&path).map_err(wrong)?;
        }
        let last = match segments.last() {
            Some((start, path)) => start + disk.size(path).map_err(wrong)?,
            None => 0,
        };
        let (start, file, size) = match segments.pop_if(|_| last >= cut) {
            Some((start, path)) => {
                let mut file = disk.open(&path).map_err(wrong)?;
                let (whole, end) = (file.size().map_err(wrong)?, cut - start);
                if whole > end {
                    torn += whole - end;
                    keep_torn(disk, folder, &file, end, whole).map_err(wrong)?;
                    file.cut(end).map_err(wrong)?;
                    file.sync().map_err(wrong)?;
                }
                (start, file, end)
            }
            None => (cut, disk.create(&kind.path(folder, cut)).map_err(wrong)?, 0),
        };
        let mut closed = VecDeque::new();
        for (start, path) in segments {
            closed.push_back(Segment { start, next: head_of(disk, kind, &path).and_then(|head| head.next) });
        }
        let next = match size {
            0 => head.next,
            _ => head_of(disk, kind, &kind.path(folder, start)).and_then(|head| head.next),
        };
        let mut log = Log {
            disk: disk.clone(),
            folder: folder.to_owned(),
            kind,
            closed,
            open: Segment { start, next },
            file,
            size,
            full,
            buffer: Vec::new(),
            dirty: true,
            ragged: false,
            failed: None,
            synced: Arc::default(),
        };
        if log.size == 0 {
            log.write(&kind.begin(head))?;
        }
        log.sync()?;
        log.disk.sync_folder(folder).map_err(wrong)?;
        Ok((log, torn))
    }

    /// Adds a record. `head` is what the next segment would say of itself, if one has to begin.
    ///
    /// # Errors
    /// When it cannot be written; then it is as if it had not been tried. One that is larger than any record may be is
    /// never written.
    pub fn append(&mut self, record: &[u8], head: impl FnOnce() -> Head) -> Result<(), Fault> {
        if record.len() > block::LARGEST {
            let what = format!("a record of {} bytes is larger than {} can hold", record.len(), self.kind.name);
            return Err(Fault { whose: Whose::Us, retry: Retry::Never, what });
        }
        self.trusted()?;
        if self.size >= self.full {
            self.roll(&head())?;
        }
        self.write(record)
    }

    fn write(&mut self, record: &[u8]) -> Result<(), Fault> {
        self.smooth()?;
        self.buffer.clear();
        let end = block::push(record, self.size, &mut self.buffer);
        if let Err(error) = self.file.write_all(&self.buffer) {
            // A part may have been written; what comes next must not stand behind it.
            self.ragged = true;
            let _ = self.smooth();
            return Err(cannot(self.kind, &self.folder, &error));
        }
        if self.buffer.capacity() > KEPT_BUFFER {
            self.buffer = Vec::new();
        }
        (self.size, self.dirty) = (end, true);
        Ok(())
    }

    /// Cuts off what a failed write has left.
    fn smooth(&mut self) -> Result<(), Fault> {
        if self.ragged {
            self.file.cut(self.size).map_err(|error| cannot(self.kind, &self.folder, &error))?;
            self.ragged = false;
        }
        Ok(())
    }

    /// Begins a new segment. Where that fails nothing has changed but for an empty file, which the next try uses.
    fn roll(&mut self, head: &Head) -> Result<(), Fault> {
        self.smooth()?;
        self.sync()?;
        let start = self.end();
        let path = self.kind.path(&self.folder, start);
        let wrong = |error: io::Error| cannot(self.kind, &self.folder, &error);
        let mut file = self.disk.create(&path).map_err(wrong)?;
        crash::point("segment-roll");
        let mut begin = Vec::new();
        let size = block::push(&self.kind.begin(head), 0, &mut begin);
        file.write_all(&begin).map_err(wrong)?;
        self.disk.sync_folder(&self.folder).map_err(wrong)?;
        self.closed.push_back(self.open);
        (self.open, self.file, self.size) = (Segment { start, next: head.next }, file, size);
        self.dirty = true;
        Ok(())
    }

    /// Makes all records durable, and shows them to the readers.
    ///
    /// # Errors
    /// When the disk cannot. What was added since the last sync may be lost then, and must not be synced a second time:
    /// Linux gives up the pages of a failed sync, and the next one would succeed over the hole ("fsyncgate", 2018).
    pub fn sync(&mut self) -> Result<(), Fault> {
        self.trusted()?;
        if self.dirty {
            if let Err(error) = self.file.sync() {
                self.failed = Some(Fault { retry: Retry::Never, ..cannot(self.kind, &self.folder, &error) });
            }
            self.trusted()?;
            self.dirty = false;
        }
        self.show();
        Ok(())
    }

    /// Whether no sync has failed.
    fn trusted(&self) -> Result<(), Fault> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Shows all records to the readers, durable or not.
    pub fn show(&self) {
        let end = self.end();
        self.synced.change(|state| state.end = end);
    }

    /// The open segment's file, so that another thread may sync it: those before it are synced when they are full.
    ///
    /// # Errors
    /// When the system gives no second handle.
    pub fn handle(&self) -> Result<DiskFile, Fault> {
        self.file.try_clone().map_err(|error| cannot(self.kind, &self.folder, &error))
    }

    /// Where the next record will stand.
    pub fn end(&self) -> u64 {
        self.open.start + self.size
    }

    /// Where the oldest record stands.
    pub fn begin(&self) -> u64 {
        self.closed.front().map_or(self.open.start, |segment| segment.start)
    }

    /// Bytes of it, from the oldest to the newest.
    pub fn size(&self) -> u64 {
        self.end() - self.begin()
    }

    /// When a segment is full.
    pub fn segment(&self) -> u64 {
        self.full
    }

    /// Removes the segments that have only records before `position`, and only inputs before `next`. Gives how many.
    ///
    /// # Errors
    /// When the disk cannot; what is left will be removed by the next call.
    pub fn release(&mut self, position: u64, next: u64) -> Result<usize, Fault> {
        let after = self.closed.iter().skip(1).chain([&self.open]);
        let free = |segment: &Segment| segment.start <= position && segment.next.is_some_and(|first| first <= next);
        // A segment that does not say its number goes with one behind it that does.
        let count = after.map(free).collect::<Vec<_>>().iter().rposition(|free| *free).map_or(0, |last| last + 1);
        for removed in 0..count {
            if !self.give_up_oldest()? {
                return Ok(removed);
            }
        }
        Ok(count)
    }

    /// Removes the oldest segment, whoever still needs it; says whether there was one but the open one.
    ///
    /// # Errors
    /// When the disk cannot.
    pub fn give_up_oldest(&mut self) -> Result<bool, Fault> {
        let Some(segment) = self.closed.front() else { return Ok(false) };
        crash::point("truncate");
        let wrong = |error: io::Error| cannot(self.kind, &self.folder, &error);
        match self.disk.remove(&self.kind.path(&self.folder, segment.start)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrong(error)),
            _ => {}
        }
        // Else a cut of the power could bring this one back and not the next one, and leave a hole between.
        self.disk.sync_folder(&self.folder).map_err(wrong)?;
        self.closed.pop_front();
        Ok(true)
    }

    /// A reader from `position` on, which is where a record begins; or from the oldest one, if that has gone.
    pub fn tail(&self, position: u64) -> Tail {
        Tail::following(self.disk.clone(), self.folder.clone(), self.kind, position, Arc::clone(&self.synced))
    }

    /// The same, for whoever makes readers while another writes.
    pub fn readers(&self) -> Readers {
        Readers {
            disk: self.disk.clone(),
            folder: self.folder.clone(),
            kind: self.kind,
            synced: Arc::clone(&self.synced),
        }
    }
}

/// Makes readers of a log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Readers {
    disk: Disk,
    folder: PathBuf,
    kind: &'static Kind,
    synced: Arc<Synced>,
}

impl Readers {
    /// See [`Log::tail`].
    pub fn tail(&self, position: u64) -> Tail {
        Tail::following(self.disk.clone(), self.folder.clone(), self.kind, position, Arc::clone(&self.synced))
    }

    /// Where what is shown ends.
    pub fn end(&self) -> u64 {
        self.synced.past(u64::MAX, Duration::ZERO).end
    }

    /// The segments that are there, and what each says of itself.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn heads(&self) -> Result<Vec<(u64, Head)>, Fault> {
        let wrong = |error: io::Error| cannot(self.kind, &self.folder, &error);
        let segments = self.kind.segments(&self.disk, &self.folder).map_err(wrong)?;
        let head = |(start, path): (u64, PathBuf)| (start, head_of(&self.disk, self.kind, &path).unwrap_or_default());
        Ok(segments.into_iter().map(head).collect())
    }
}

/// A buffer for records keeps no more than this between two of them: a large one is rare.
const KEPT_BUFFER: usize = 1 << 20;

/// What a segment says of itself; nothing, where that cannot be read.
fn head_of(disk: &Disk, kind: &Kind, path: &Path) -> Option<Head> {
    let file = disk.open(path).ok()?;
    let mut bytes = vec![0; block::BLOCK];
    let read = file.read_at(0, &mut bytes).ok()?;
    let mut assembly = block::Assembly::default();
    match assembly.read(&bytes[..read], 0) {
        block::Found::Record(_) => kind.read_begin(assembly.record()).ok().flatten(),
        _ => None,
    }
}

/// Puts what will be cut beside the log, for whoever wants to look at it; the last one is kept.
fn keep_torn(disk: &Disk, folder: &Path, file: &DiskFile, from: u64, to: u64) -> io::Result<()> {
    let mut torn = vec![0; usize::try_from(to - from).unwrap_or(0).min(KEPT_BUFFER)];
    let mut read = 0;
    while read < torn.len() {
        match file.read_at(from + read as u64, &mut torn[read..])? {
            0 => break,
            more => read += more,
        }
    }
    // Where there is no room for the copy there is none to keep.
    match disk.replace(&folder.join("last.torn"), &torn[..read]) {
        Err(error) if is_full(&error) => Ok(()),
        done => done,
    }
}

/// Readers end when they have read all.
impl Drop for Log {
    fn drop(&mut self) {
        self.synced.change(|state| state.closed = true);
    }
}

/// Whether an error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

pub(crate) fn cannot(kind: &Kind, path: &Path, error: &io::Error) -> Fault {
    let (place, name) = (path.display(), kind.name);
    let (whose, what) = match error.kind() {
        _ if is_full(error) => {
            (Whose::You, format!("{name} in {place} cannot be written: the disk is full; make room"))
        }
        io::ErrorKind::PermissionDenied => {
            (Whose::You, format!("{name} in {place} may not be used: permission denied; choose another `dir`"))
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            (Whose::You, format!("{name} in {place} cannot be written: the file system is read-only"))
        }
        _ => (Whose::Us, format!("{name} in {place} cannot be used: {error}")),
    };
    Fault { whose, retry: Retry::Later, what }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests;
