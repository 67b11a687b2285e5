//! Checkpoints: the state at a place of the journal, so that a start need not read what comes before it.
//!
//! A checkpoint is a file of sections and a table of them at its end. A section that has not changed since the one
//! before is not written a third time: the table says where it stands twice, in two older files, so that one damaged
//! byte costs no state. The last three checkpoints are kept, with the files they speak of; the newest one whose
//! sections all verify is used.
//! ```text
//! offset  0         8         …                   size − 24   size − 16  size − 8
//!         OUZELCKP  sections  table (postcard)    offset of   XXH3 of    OUZELCKP
//!                                                 the table   the table
//! ```
//! It is written under a temporary name, synced and renamed: under its own name it is whole. Its name is the journal's
//! position: `00000000000000004711.checkpoint`.

use crate::log;
use crate::outputs::Stand;
use ouzel_connect::crash;
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_engine::reading::StreamClock;
use ouzel_engine::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// The format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"OUZELCKP";

/// Bytes behind the table.
const FOOT: usize = 24;

/// Checkpoints that are kept.
pub const KEPT: usize = 3;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// Names of devices and series, some thousands of declarations each.
    Names(u32),
    /// The state of a slot.
    Slot(u8),
    /// The alert book.
    Fleet,
    /// What the intake knows: marks, places in files.
    Intake,
    /// What people said of alerts that are open.
    Words,
    /// The version of a table that is in force, with the name of its join; in the order of these names.
    Table(u32),
}

/// What a checkpoint says of the moment it was made at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Where the journal goes on.
    pub position: u64,
    /// The number of the next input.
    pub next_input: u64,
    /// The stream's clock.
    pub clock: StreamClock,
    /// Where the output log goes on.
    pub outputs: Stand,
    /// The config in force.
    pub text: String,
    /// When it was made.
    pub at: Time,
    /// By which version of ouzel.
    pub version: String,
}

/// Where the bytes of a section stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Copy {
    /// The checkpoint's file, by its position.
    file: u64,
    offset: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    part: Part,
    length: u64,
    hash: u64,
    /// One or two of them.
    copies: Vec<Copy>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Table {
    format: u32,
    moment: Moment,
    entries: Vec<Entry>,
}

/// The checkpoints of a folder.
#[derive(Debug)]
pub struct Store {
    disk: Disk,
    folder: PathBuf,
    /// Those that are kept, oldest first.
    tables: Vec<(u64, Table)>,
}

/// A checkpoint that was read.
#[derive(Debug)]
pub struct Found {
    /// When it was made.
    pub moment: Moment,
    /// Its sections, in order.
    pub parts: BTreeMap<Part, Vec<u8>>,
}

impl Store {
    /// The checkpoints of a folder, the newest that can be used, and why newer ones cannot. Drafts of earlier processes
    /// are removed, so the folder must be ours. `begin` is where the journal begins.
    ///
    /// # Errors
    /// When the folder cannot be read, or a checkpoint is of a newer Ouzel.
    pub fn open(disk: &Disk, folder: &Path, begin: u64) -> Result<(Store, Option<Found>, Vec<String>), Fault> {
        let wrong = |error: io::Error| cannot(folder, &error);
        let is_draft = |path: &&PathBuf| path.to_string_lossy().ends_with(".checkpoint.tmp");
        disk.files(folder)
            .map_err(wrong)?
            .iter()
            .filter(is_draft)
            .try_for_each(|path| disk.remove(path))
            .map_err(wrong)?;
        let (mut store, mut skipped) = Store::look(disk, folder)?;
        // Those that the journal does not reach any more are there for their sections only.
        while let Some((position, table)) = store.tables.last().filter(|(position, _)| *position >= begin) {
            match store.read(table) {
                Ok(parts) => {
                    let moment = table.moment.clone();
                    return Ok((store, Some(Found { moment, parts }), skipped));
                }
                Err(why) => {
                    skipped.push(format!("{}: {why}", path_of(folder, *position).display()));
                    // What cannot be used must not be referred to either.
                    store.tables.pop();
                }
            }
        }
        Ok((store, None, skipped))
    }

    /// The checkpoints of a folder that may be another process's, and why others cannot be used.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn look(disk: &Disk, folder: &Path) -> Result<(Store, Vec<String>), Fault> {
        let wrong = |error: io::Error| cannot(folder, &error);
        let mut store = Store { disk: disk.clone(), folder: folder.to_owned(), tables: Vec::new() };
        let mut skipped = Vec::new();
        for path in disk.files(folder).map_err(wrong)? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let Some(position) = name.strip_suffix(".checkpoint").and_then(|stem| stem.parse().ok()) else { continue };
            match read_table(disk, &path) {
                Ok(table) if table.format > FORMAT => {
                    return Err(Fault::yours(format!(
                        "{} has format {}, written by a newer ouzel; this one reads up to format {FORMAT}",
                        path.display(),
                        table.format
                    )));
                }
                Ok(table) => store.tables.push((position, table)),
                Err(why) => skipped.push(format!("{}: {why}", path.display())),
            }
        }
        store.tables.sort_by_key(|(position, _)| *position);
        Ok((store, skipped))
    }

    /// The oldest that can be used with a journal that begins at `begin`. Files of older ones may still be there, because
    /// newer ones refer to them; what follows those in the journal was cut off.
    pub fn load_oldest(&self, begin: u64) -> Option<Found> {
        self.tables.iter().filter(|(position, _)| *position >= begin).find_map(|(_, table)| {
            let parts = self.read(table).ok()?;
            Some(Found { moment: table.moment.clone(), parts })
        })
    }

    fn read(&self, table: &Table) -> Result<BTreeMap<Part, Vec<u8>>, String> {
        let mut files: HashMap<u64, DiskFile> = HashMap::new();
        let mut parts = BTreeMap::new();
        for entry in &table.entries {
            let mut why = "it stands nowhere".to_owned();
            let bytes = entry.copies.iter().find_map(|copy| {
                let opened = match files.entry(copy.file) {
                    std::collections::hash_map::Entry::Occupied(file) => Ok(file.into_mut()),
                    std::collections::hash_map::Entry::Vacant(slot) => {
                        self.disk.open(&path_of(&self.folder, copy.file)).map(|file| slot.insert(file))
                    }
                };
                let read = opened.and_then(|file| read_exactly(file, copy.offset, entry.length));
                match read {
                    Ok(bytes) if xxh3_64(&bytes) == entry.hash => Some(bytes),
                    Ok(_) => {
                        why = "its checksum does not agree".to_owned();
                        None
                    }
                    Err(error) => {
                        why = error.to_string();
                        None
                    }
                }
            });
            parts.insert(entry.part, bytes.ok_or(format!("section {:?}: {why}", entry.part))?);
        }
        Ok(parts)
    }

    /// Where the oldest kept checkpoint stands in the journal: what comes before nobody needs. `None`: there is none.
    pub fn oldest(&self) -> Option<u64> {
        self.tables.first().map(|(position, _)| *position)
    }

    /// The journal's position and the size of the newest.
    pub fn newest(&self) -> Option<(u64, u64)> {
        let (position, _) = self.tables.last()?;
        Some((*position, self.disk.size(&path_of(&self.folder, *position)).ok()?))
    }

    /// Begins a new one, which counts when it is [kept](Draft::keep).
    ///
    /// # Errors
    /// When the disk cannot.
    pub fn begin(&self, position: u64) -> Result<Draft, Fault> {
        let path = temporary(&path_of(&self.folder, position));
        let wrong = |error: io::Error| cannot(&self.folder, &error);
        let mut file = self.disk.create(&path).map_err(wrong)?;
        file.write_all(MAGIC).map_err(wrong)?;
        Ok(Draft {
            position,
            path,
            file,
            size: MAGIC.len() as u64,
            entries: Vec::new(),
            buffer: Vec::new(),
            written: 0,
        })
    }

    /// Adds a section to a draft; one that stands twice already is only referred to.
    ///
    /// # Errors
    /// When the disk cannot.
    pub fn add(&self, draft: &mut Draft, part: Part, bytes: &[u8]) -> Result<(), Fault> {
        let (hash, length) = (xxh3_64(bytes), bytes.len() as u64);
        let before = self.tables.last().and_then(|(_, table)| table.entries.iter().find(|entry| entry.part == part));
        let mut copies = match before {
            Some(entry) if entry.hash == hash && entry.length == length => entry.copies.clone(),
            _ => Vec::new(),
        };
        if copies.len() < 2 || !self.worth(&copies) {
            copies.truncate(1);
            if copies.len() == 1 && !self.worth(&copies) {
                copies.clear();
            }
            copies.push(Copy { file: draft.position, offset: draft.size });
            draft.write(bytes).map_err(|error| cannot(&self.folder, &error))?;
        }
        draft.entries.push(Entry { part, length, hash, copies });
        Ok(())
    }

    /// Whether to go on referring to these places: not to files so old that little of them is still needed.
    fn worth(&self, copies: &[Copy]) -> bool {
        let files: BTreeSet<u64> =
            self.tables.iter().flat_map(|(position, table)| referred(*position, table)).collect();
        let newest: Vec<u64> = files.into_iter().rev().take(FILES).collect();
        copies.iter().all(|copy| newest.contains(&copy.file))
    }

    /// Makes a draft a checkpoint: durable, and listed; those that are not needed any more go. `before` is done when its
    /// bytes are durable and before it counts.
    ///
    /// # Errors
    /// When the disk cannot; then it is as if it had not been begun.
    pub fn keep(
        &mut self,
        mut draft: Draft,
        moment: Moment,
        before: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<u64, Fault> {
        let table = Table { format: FORMAT, moment, entries: std::mem::take(&mut draft.entries) };
        let kept = self.finish(&mut draft, &table, before);
        if let Err(fault) = kept {
            self.drop_draft(&draft);
            return Err(fault);
        }
        self.tables.retain(|(position, _)| *position != draft.position);
        self.tables.push((draft.position, table));
        self.tables.sort_by_key(|(position, _)| *position);
        self.tidy()?;
        Ok(draft.written)
    }

    /// Forgets a draft.
    pub fn drop_draft(&self, draft: &Draft) {
        // What is left of it goes at the next start.
        let _ = self.disk.remove(&draft.path);
    }

    fn finish(
        &self,
        draft: &mut Draft,
        table: &Table,
        before: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let wrong = |error: io::Error| cannot(&self.folder, &error);
        let bytes = postcard::to_allocvec(table).expect("plain data always encodes");
        let offset = draft.size;
        draft.write(&bytes).map_err(wrong)?;
        let foot = [&offset.to_le_bytes()[..], &xxh3_64(&bytes).to_le_bytes(), MAGIC].concat();
        draft.write(&foot).map_err(wrong)?;
        draft.flush().map_err(wrong)?;
        draft.file.sync().map_err(wrong)?;
        crash::point("checkpoint-rename");
        before()?;
        self.disk.rename(&draft.path, &path_of(&self.folder, draft.position)).map_err(wrong)?;
        self.disk.sync_folder(&self.folder).map_err(wrong)
    }

    /// Keeps the last ones and the files they speak of.
    fn tidy(&mut self) -> Result<(), Fault> {
        let old = self.tables.len().saturating_sub(KEPT);
        self.tables.drain(..old);
        let needed: BTreeSet<u64> =
            self.tables.iter().flat_map(|(position, table)| referred(*position, table)).collect();
        for path in self.disk.files(&self.folder).map_err(|error| cannot(&self.folder, &error))? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(position) = name.strip_suffix(".checkpoint").and_then(|stem| stem.parse().ok()) else { continue };
            if !needed.contains(&position) {
                self.disk.remove(&path).map_err(|error| cannot(&self.folder, &error))?;
            }
        }
        Ok(())
    }
}

/// Files that sections may lie in. More would keep much that nobody needs, fewer would write much that has not changed.
const FILES: usize = 8;

fn referred(position: u64, table: &Table) -> impl Iterator<Item = u64> {
    let copies = table.entries.iter().flat_map(|entry| &entry.copies);
    copies.map(|copy| copy.file).chain([position])
}

/// A checkpoint that is being written.
#[derive(Debug)]
pub struct Draft {
    position: u64,
    path: PathBuf,
    file: DiskFile,
    size: u64,
    entries: Vec<Entry>,
    buffer: Vec<u8>,
    written: u64,
}

/// Small sections are written together.
const BUFFER: usize = 256 * 1024;

impl Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        match bytes.len() > BUFFER {
            true => self.file.write_all(bytes)?,
            false => self.buffer.extend_from_slice(bytes),
        }
        self.size += bytes.len() as u64;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        crash::point("checkpoint-write");
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

fn path_of(folder: &Path, position: u64) -> PathBuf {
    folder.join(format!("{position:020}.checkpoint"))
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

fn read_table(disk: &Disk, path: &Path) -> Result<Table, String> {
    let file = disk.open(path).map_err(|error| error.to_string())?;
    let size = file.size().map_err(|error| error.to_string())?;
    let cut = || "it does not end as a checkpoint does".to_owned();
    let foot = size.checked_sub(FOOT as u64).ok_or_else(cut)?;
    let bytes = read_exactly(&file, foot, FOOT as u64).map_err(|error| error.to_string())?;
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
    if &bytes[16..] != MAGIC {
        return Err(cut());
    }
    let offset = number(0);
    let length = foot.checked_sub(offset).ok_or_else(cut)?;
    let table = read_exactly(&file, offset, length).map_err(|error| error.to_string())?;
    if xxh3_64(&table) != number(8) {
        return Err("the checksum of its table does not agree".to_owned());
    }
    // The format stands first, so that a newer one is known by it whatever comes after.
    let (format, _): (u32, _) = postcard::take_from_bytes(&table).map_err(|_| cut())?;
    if format > FORMAT {
        return Ok(Table { format, ..Table::default() });
    }
    postcard::from_bytes(&table).map_err(|_| "its table cannot be read".to_owned())
}

/// The most that a section may have; a table that says more is not what was written.
const LARGEST: u64 = 4 << 30;

fn read_exactly(file: &DiskFile, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let short = || io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than it should be");
    if length > LARGEST || offset.saturating_add(length) > file.size()? {
        return Err(short());
    }
    let mut bytes = vec![0; length as usize];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(offset + read as u64, &mut bytes[read..])? {
            0 => return Err(short()),
            more => read += more,
        }
    }
    Ok(bytes)
}

fn cannot(folder: &Path, error: &io::Error) -> Fault {
    let place = folder.display();
    let what = match error {
        full if log::is_full(full) => format!("a checkpoint in {place} cannot be written: the disk is full; make room"),
        other => format!("checkpoints in {place} cannot be used: {other}"),
    };
    Fault { whose: Whose::Us, retry: Retry::Later, what }
}

#[cfg(test)]
mod tests;
