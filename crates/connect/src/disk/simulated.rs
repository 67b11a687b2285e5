//! A disk in memory: files with what is synced of them and what was written since, names with what was done to them
//! since their folder was synced, room that is taken and given back, and faults at the n-th call.
//!
//! Files and names are apart, as on a real disk: a name points at a numbered file, and a file whose name is gone lives on
//! for those who have it open. One lock stands around all of it, held for single operations; it is a tests' disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of "input/output error" of the operating system.
pub const EIO: i32 = rustix::io::Errno::IO.raw_os_error();
/// The number of "no space left on device".
pub const ENOSPC: i32 = rustix::io::Errno::NOSPC.raw_os_error();
/// The number of "read-only file system".
pub const EROFS: i32 = rustix::io::Errno::ROFS.raw_os_error();

/// A call to the disk that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Bytes are written.
    Write,
    /// A file is synced.
    Sync,
    /// A file gets another name.
    Rename,
    /// A file is made, opened, or read whole.
    Open,
    /// A name is removed.
    Remove,
    /// The names in a folder are synced.
    SyncFolder,
    /// A file is cut.
    Cut,
}

/// How long a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// One call fails, all others go on.
    Once,
    /// That call fails and all of its kind behind it.
    Forever,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    call: Option<Call>,
    /// Calls until it fails, this one included.
    left: u64,
    errno: i32,
    lasting: Lasting,
}

/// What a simulated disk holds.
#[derive(Debug, Default)]
pub struct Memory {
    /// By number.
    pub(super) files: BTreeMap<u64, File>,
    pub(super) names: BTreeMap<PathBuf, u64>,
    /// The names that a sync of their folder has made durable.
    pub(super) durable: BTreeMap<PathBuf, u64>,
    /// What was done to names since, in order.
    pub(super) pending: Vec<Naming>,
    /// The number of the next file, and of the next change of names.
    next: u64,
    room: Option<u64>,
    /// Changes until the power goes.
    steps: Option<u64>,
    calls: u64,
    failures: Vec<Failure>,
    /// At which call to remember how all of this is, and how it was.
    moment: Option<u64>,
    remembered: Option<Box<Memory>>,
}

/// A file.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    /// What a reader sees.
    pub(super) bytes: Vec<u8>,
    /// What is durable.
    pub(super) synced: Vec<u8>,
    /// What makes the one out of the other, in order; unless a sync has failed.
    pub(super) since: Vec<Change>,
    /// How many hold it open.
    open: u64,
}

/// A change of a file.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Cut { size: u64 },
}

/// A change of names that takes place as a whole.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) number: u64,
    /// Names with what they point at from then on; `None`: at nothing.
    pub(super) sets: Vec<(PathBuf, Option<u64>)>,
    /// Takes place only behind that other change.
    pub(super) needs: Option<u64>,
}

/// A poisoned lock means that another test thread has failed; its files are still plain bytes.
pub(super) fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{} does not exist", path.display()))
}

/// Whether a name stands right in a folder.
fn is_in(path: &Path, folder: &Path) -> bool {
    super::parent(path) == super::named(folder)
}

impl Change {
    /// Does to a file what was done.
    pub(super) fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { at, bytes } => put(to, *at as usize, bytes),
            Change::Cut { size } => to.resize(*size as usize, 0),
        }
    }
}

/// Writes over what is there; a gap is filled with zeros.
pub(super) fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if to.len() < at + bytes.len() {
        to.resize(at + bytes.len(), 0);
    }
    to[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Memory {
    pub(super) fn fork(&self) -> Memory {
        let mut fork = Memory {
            files: self.files.clone(),
            names: self.names.clone(),
            durable: self.durable.clone(),
            pending: self.pending.clone(),
            next: self.next,
            room: self.room,
            ..Memory::default()
        };
        fork.files.values_mut().for_each(|file| file.open = 0);
        fork.sweep();
        fork
    }

    pub(super) fn plan(&mut self, call: Option<Call>, n: u64, errno: i32, lasting: Lasting) {
        self.failures.push(Failure { call, left: n.max(1), errno, lasting });
    }

    pub(super) fn mend(&mut self) {
        self.failures.clear();
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn fork_at(&mut self, call: u64) {
        (self.moment, self.remembered) = (Some(call), None);
    }

    pub(super) fn remembered(&mut self) -> Option<Memory> {
        self.remembered.take().map(|memory| *memory)
    }

    pub(super) fn room(&self) -> Option<u64> {
        self.room
    }

    pub(super) fn limit(&mut self, room: Option<u64>) {
        self.room = room;
    }

    pub(super) fn stop_after(&mut self, steps: Option<u64>) {
        self.steps = steps;
    }

    /// Counts a change; when none is left it fails, and so does every later one. Then as [`Memory::call`].
    fn change(&mut self, call: Call) -> io::Result<()> {
        if let Some(steps) = &mut self.steps {
            *steps = steps.checked_sub(1).ok_or_else(|| io::Error::other("the simulated power is gone"))?;
        }
        self.call(call)
    }

    /// Counts a call, and lets it fail where that is planned.
    fn call(&mut self, call: Call) -> io::Result<()> {
        self.calls += 1;
        if self.moment == Some(self.calls) {
            self.remembered = Some(Box::new(self.fork()));
        }
        let mut failed = None;
        self.failures.retain_mut(|failure| {
            if failure.call.is_some_and(|wanted| wanted != call) {
                return true;
            }
            failure.left -= 1;
            if failure.left > 0 {
                return true;
            }
            failed = Some(failure.errno);
            failure.left = 1;
            failure.lasting == Lasting::Forever
        });
        failed.map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
    }

    fn at(&self, path: &Path) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| not_found(path))
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn create(&mut self, path: &Path) -> io::Result<u64> {
        self.change(Call::Open)?;
        if let Ok(number) = self.at(path) {
            self.resize(number, 0)?;
            return Ok(number);
        }
        let number = self.number();
        self.files.insert(number, File::default());
        self.name(vec![(path.to_owned(), Some(number))], None);
        Ok(number)
    }

    fn find(&mut self, path: &Path) -> io::Result<u64> {
        self.call(Call::Open)?;
        self.at(path)
    }

    pub(super) fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let number = self.find(path)?;
        Ok(self.files[&number].bytes.clone())
    }

    pub(super) fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(self.files[&self.at(path)?].bytes.len() as u64)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Call::Rename)?;
        let number = self.at(from)?;
        if from == to {
            return Ok(());
        }
        let (gone, new) = ((from.to_owned(), None), (to.to_owned(), Some(number)));
        if from.parent() == to.parent() {
            self.name(vec![gone, new], None);
        } else {
            // Two folders are synced apart. No file system lets a file go before it stands at its new place.
            let linked = self.name(vec![new], None);
            self.name(vec![gone], Some(linked));
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.change(Call::Remove)?;
        self.at(path)?;
        self.name(vec![(path.to_owned(), None)], None);
        Ok(())
    }

    /// Changes names now, and for good once their folder is synced.
    fn name(&mut self, sets: Vec<(PathBuf, Option<u64>)>, needs: Option<u64>) -> u64 {
        let before: Vec<u64> = sets.iter().filter_map(|(path, _)| self.names.get(path).copied()).collect();
        set(&mut self.names, &sets);
        let number = self.number();
        self.pending.push(Naming { number, sets, needs });
        before.into_iter().for_each(|file| self.release(file));
        number
    }

    pub(super) fn files(&self, folder: &Path) -> Vec<PathBuf> {
        self.names.keys().filter(|path| is_in(path, folder)).cloned().collect()
    }

    pub(super) fn folders(&self, folder: &Path) -> Vec<PathBuf> {
        let under = self.names.keys().filter_map(|path| path.strip_prefix(folder).ok());
        let first = under.filter(|rest| rest.components().count() > 1).filter_map(|rest| rest.components().next());
        first.map(|first| folder.join(first)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        self.change(Call::SyncFolder)?;
        let landed = self.landed(|naming| naming.sets.iter().any(|(path, _)| is_in(path, folder)));
        self.pending.retain(|naming| {
            let lands = landed.contains(&naming.number);
            if lands {
                set(&mut self.durable, &naming.sets);
            }
            !lands
        });
        self.sweep();
        Ok(())
    }

    /// The changes of names that have taken place for good where those that `chosen` picks have: with a change come all
    /// earlier ones of the same names, and the one it needs.
    pub(super) fn landed(&self, mut chosen: impl FnMut(&Naming) -> bool) -> BTreeSet<u64> {
        let (mut landed, mut names) = (BTreeSet::new(), BTreeSet::new());
        for naming in self.pending.iter().rev() {
            let picked = chosen(naming);
            if picked || landed.contains(&naming.number) || naming.sets.iter().any(|(path, _)| names.contains(path)) {
                landed.insert(naming.number);
                landed.extend(naming.needs);
                names.extend(naming.sets.iter().map(|(path, _)| path));
            }
        }
        landed
    }

    /// Whether somebody sees a file: by a name, or because it is open.
    pub(super) fn is_seen(&self, file: u64) -> bool {
        self.files.get(&file).is_some_and(|held| held.open > 0) || self.names.values().any(|&named| named == file)
    }

    /// Gives back the room of a file that nobody sees any more. Its bytes stay for as long as a loss of power may bring
    /// a name of it back.
    fn release(&mut self, file: u64) {
        if self.is_seen(file) {
            return;
        }
        let size = self.files.get(&file).map_or(0, |held| held.bytes.len() as u64);
        if let Some(room) = &mut self.room {
            *room += size;
        }
    }

    /// Forgets the files that nobody sees and no loss of power can bring back.
    pub(super) fn sweep(&mut self) {
        let mut kept: BTreeSet<u64> = self.names.values().chain(self.durable.values()).copied().collect();
        kept.extend(self.pending.iter().flat_map(|naming| naming.sets.iter().filter_map(|(_, file)| *file)));
        self.files.retain(|number, file| file.open > 0 || kept.contains(number));
    }

    fn file(&mut self, number: u64) -> &mut File {
        self.files.get_mut(&number).expect("who has a file open keeps it")
    }

    /// Writes what there is room for.
    fn write(&mut self, number: u64, at: u64, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.change(Call::Write) {
            if self.steps != Some(0) {
                self.put(number, at, &bytes[..bytes.len() / 2]);
            }
            return Err(error);
        }
        match self.put(number, at, bytes) {
            0 if !bytes.is_empty() => Err(io::ErrorKind::StorageFull.into()),
            written => Ok(written),
        }
    }

    fn put(&mut self, number: u64, at: u64, bytes: &[u8]) -> usize {
        let size = self.file(number).bytes.len() as u64;
        // What is written over takes no room, and holes take as much as data.
        let fits = self.room.map_or(u64::MAX, |room| (size + room).saturating_sub(at));
        let count = fits.min(bytes.len() as u64);
        if count > 0 {
            if let Some(room) = &mut self.room {
                *room -= (at + count).saturating_sub(size);
            }
            self.file(number).change(Change::Write { at, bytes: bytes[..count as usize].to_vec() });
        }
        count as usize
    }

    fn resize(&mut self, number: u64, size: u64) -> io::Result<()> {
        let before = self.file(number).bytes.len() as u64;
        if let Some(room) = &mut self.room {
            *room = (*room + before).checked_sub(size).ok_or(io::ErrorKind::StorageFull)?;
        }
        if before != size {
            self.file(number).change(Change::Cut { size });
        }
        Ok(())
    }

    fn sync(&mut self, number: u64) -> io::Result<()> {
        let synced = self.change(Call::Sync);
        let (powered, seed) = (self.steps != Some(0), self.calls ^ (number << 32));
        let file = self.file(number);
        match &synced {
            Ok(()) => std::mem::take(&mut file.since).iter().for_each(|change| change.apply(&mut file.synced)),
            Err(_) if powered => {
                // The pages are given up: some have reached the disk, and no later sync cares for the others.
                file.synced = super::power::wreck(file, seed);
                file.since.clear();
            }
            Err(_) => {}
        }
        synced
    }
}

impl File {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.bytes);
        self.since.push(change);
    }
}

/// Lets names point at what they are to point at. A file that is renamed over its own other name keeps one.
pub(super) fn set(names: &mut BTreeMap<PathBuf, u64>, sets: &[(PathBuf, Option<u64>)]) {
    for (path, file) in sets {
        match file {
            Some(file) => names.insert(path.clone(), *file),
            None => names.remove(path),
        };
    }
}

/// A hold on a file.
#[derive(Debug)]
pub(super) struct Handle {
    memory: Arc<Mutex<Memory>>,
    file: u64,
    /// Where reading and writing go on; one place for all clones, as the system has it.
    at: Arc<AtomicU64>,
}

impl Handle {
    pub(super) fn create(memory: &Arc<Mutex<Memory>>, path: &Path) -> io::Result<Handle> {
        let mut held = open(memory);
        let file = held.create(path)?;
        held.file(file).open += 1;
        Ok(Handle { memory: Arc::clone(memory), file, at: Arc::default() })
    }

    pub(super) fn open(memory: &Arc<Mutex<Memory>>, path: &Path) -> io::Result<Handle> {
        let mut held = open(memory);
        let file = held.find(path)?;
        let held = held.file(file);
        held.open += 1;
        let at = Arc::new(AtomicU64::new(held.bytes.len() as u64));
        Ok(Handle { memory: Arc::clone(memory), file, at })
    }

    pub(super) fn size(&self) -> u64 {
        open(&self.memory).file(self.file).bytes.len() as u64
    }

    pub(super) fn read_at(&self, offset: u64, into: &mut [u8]) -> usize {
        let mut memory = open(&self.memory);
        let bytes = &memory.file(self.file).bytes;
        let start = bytes.len().min(offset as usize);
        let count = into.len().min(bytes.len() - start);
        into[..count].copy_from_slice(&bytes[start..start + count]);
        count
    }

    pub(super) fn read(&self, into: &mut [u8]) -> usize {
        let count = self.read_at(self.at.load(Ordering::Relaxed), into);
        self.at.fetch_add(count as u64, Ordering::Relaxed);
        count
    }

    pub(super) fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        open(&self.memory).write(self.file, offset, bytes)
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.write_at(self.at.load(Ordering::Relaxed), bytes)?;
        self.at.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        open(&self.memory).sync(self.file)
    }

    pub(super) fn cut(&self, size: u64) -> io::Result<()> {
        let mut memory = open(&self.memory);
        memory.change(Call::Cut)?;
        memory.resize(self.file, size)?;
        self.at.store(size, Ordering::Relaxed);
        Ok(())
    }
}

impl Clone for Handle {
    fn clone(&self) -> Handle {
        open(&self.memory).file(self.file).open += 1;
        Handle { memory: Arc::clone(&self.memory), file: self.file, at: Arc::clone(&self.at) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut memory = open(&self.memory);
        memory.file(self.file).open -= 1;
        if !memory.is_seen(self.file) {
            memory.release(self.file);
            memory.sweep();
        }
    }
}
