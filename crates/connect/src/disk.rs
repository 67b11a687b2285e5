//! Files of the logs, the lake and checkpoints: the one door to the file system for what must survive a kill.
//!
//! [`Disk::Real`] is the machine's. [`Disk::Simulated`] lives in memory and knows what was synced: after
//! [`Disk::crash`] a file holds what its last sync made durable and a torn part of the rest, and names that no sync of
//! their folder made durable are gone. So a test can cut the power at any moment.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where files are.
#[derive(Clone, Debug)]
pub enum Disk {
    /// The machine's file system.
    Real,
    /// In memory. The lock is held for single operations only; tests share the disk with what runs on it.
    Simulated(Arc<Mutex<Memory>>),
}

/// The files of a simulated disk.
#[derive(Debug, Default)]
pub struct Memory {
    files: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    /// The names as they stand after a crash.
    durable: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    /// How many more bytes may be written; `None`: any number.
    room: Option<u64>,
    /// How many more changes there will be before the power goes; `None`: any number.
    steps: Option<u64>,
    /// No file can be synced any more.
    no_sync: bool,
}

impl Memory {
    /// Counts a change; when none is left it fails, and so does every later one.
    fn step(&mut self) -> io::Result<()> {
        if let Some(steps) = &mut self.steps {
            *steps = steps.checked_sub(1).ok_or_else(|| io::Error::other("the simulated power is gone"))?;
        }
        Ok(())
    }
}

/// What is in a simulated file, and how much of it would survive.
#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: Vec<u8>,
}

/// An open file: read at any place, written at its end.
#[derive(Debug)]
pub struct DiskFile(Open);

#[derive(Debug)]
enum Open {
    Real(fs::File),
    Simulated { content: Arc<Mutex<Content>>, memory: Arc<Mutex<Memory>>, at: u64 },
}

/// A poisoned lock means that another test thread has failed; its files are still plain bytes.
fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{} does not exist", path.display()))
}

impl Disk {
    /// An empty disk in memory.
    pub fn simulated() -> Disk {
        Disk::Simulated(Arc::default())
    }

    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create_folder(&self, path: &Path) -> io::Result<()> {
        match self {
            Disk::Real => fs::create_dir_all(path),
            // Folders of the simulated disk are the beginnings of names.
            Disk::Simulated(_) => Ok(()),
        }
    }

    /// Makes a new file, or empties one that is there, to be written and read.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(&self, path: &Path) -> io::Result<DiskFile> {
        match self {
            Disk::Real => {
                let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
                Ok(DiskFile(Open::Real(file)))
            }
            Disk::Simulated(memory) => {
                let content = Arc::default();
                open(memory).step()?;
                open(memory).files.insert(path.to_owned(), Arc::clone(&content));
                Ok(DiskFile(Open::Simulated { content, memory: Arc::clone(memory), at: 0 }))
            }
        }
    }

    /// Opens a file that is there, to be read and written on at its end.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::NotFound`] where there is none.
    pub fn open(&self, path: &Path) -> io::Result<DiskFile> {
        match self {
            Disk::Real => {
                let mut file = fs::OpenOptions::new().read(true).write(true).open(path)?;
                file.seek(SeekFrom::End(0))?;
                Ok(DiskFile(Open::Real(file)))
            }
            Disk::Simulated(memory) => {
                let content = Arc::clone(open(memory).files.get(path).ok_or_else(|| not_found(path))?);
                let at = open(&content).bytes.len() as u64;
                Ok(DiskFile(Open::Simulated { content, memory: Arc::clone(memory), at }))
            }
        }
    }

    /// All bytes of a file.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::NotFound`] where there is none.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Disk::Real => fs::read(path),
            Disk::Simulated(memory) => {
                let content = Arc::clone(open(memory).files.get(path).ok_or_else(|| not_found(path))?);
                let bytes = open(&content).bytes.clone();
                Ok(bytes)
            }
        }
    }

    /// Puts `bytes` where a reader finds either these or what was there before, whatever happens: a temporary name,
    /// a sync, a rename, a sync of the folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        let temporary = PathBuf::from(name);
        let mut file = self.create(&temporary)?;
        file.write_all(bytes)?;
        file.sync()?;
        self.rename(&temporary, path)?;
        self.sync_folder(path.parent().unwrap_or(Path::new(".")))
    }

    /// Gives a file another name, in place of what had that name.
    ///
    /// # Errors
    /// What the file system says.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Disk::Real => fs::rename(from, to),
            Disk::Simulated(memory) => {
                let mut memory = open(memory);
                memory.step()?;
                let content = memory.files.remove(from).ok_or_else(|| not_found(from))?;
                memory.files.insert(to.to_owned(), content);
                Ok(())
            }
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        match self {
            Disk::Real => fs::remove_file(path),
            Disk::Simulated(memory) => {
                let mut memory = open(memory);
                memory.step()?;
                memory.files.remove(path).map(drop).ok_or_else(|| not_found(path))
            }
        }
    }

    /// The files right in a folder, by name, sorted; nothing where there is no such folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn files(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut files = match self {
            Disk::Real => match fs::read_dir(folder) {
                Ok(entries) => {
                    let entries = entries.collect::<io::Result<Vec<_>>>()?;
                    entries.iter().map(fs::DirEntry::path).filter(|path| path.is_file()).collect()
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            },
            Disk::Simulated(memory) => {
                let memory = open(memory);
                memory.files.keys().filter(|path| path.parent() == Some(folder)).cloned().collect::<Vec<_>>()
            }
        };
        files.sort();
        Ok(files)
    }

    /// The folders right in a folder, by name, sorted; nothing where there is no such folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn folders(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut folders = match self {
            Disk::Real => match fs::read_dir(folder) {
                Ok(entries) => {
                    let entries = entries.collect::<io::Result<Vec<_>>>()?;
                    entries.iter().map(fs::DirEntry::path).filter(|path| path.is_dir()).collect()
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            },
            Disk::Simulated(memory) => {
                let memory = open(memory);
                let under = memory.files.keys().filter_map(|path| path.strip_prefix(folder).ok());
                let first = under.filter(|rest| rest.components().count() > 1);
                first.filter_map(|rest| rest.components().next()).map(|first| folder.join(first)).collect::<Vec<_>>()
            }
        };
        folders.sort();
        folders.dedup();
        Ok(folders)
    }

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match self {
            Disk::Real => fs::File::open(folder)?.sync_all(),
            Disk::Simulated(memory) => {
                let mut memory = open(memory);
                memory.step()?;
                let Memory { files, durable, .. } = &mut *memory;
                durable.retain(|path, _| path.parent() != Some(folder));
                let here = files.iter().filter(|(path, _)| path.parent() == Some(folder));
                durable.extend(here.map(|(path, content)| (path.clone(), Arc::clone(content))));
                Ok(())
            }
        }
    }

    /// Takes a file for this process alone, as long as what it gives is kept.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where another process has it; else what the file system says.
    pub fn lock(&self, path: &Path) -> io::Result<DiskFile> {
        let file = match self.create(path)? {
            DiskFile(Open::Real(file)) => {
                file.try_lock().map_err(|error| match error {
                    fs::TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
                    fs::TryLockError::Error(error) => error,
                })?;
                Open::Real(file)
            }
            DiskFile(simulated) => simulated,
        };
        Ok(DiskFile(file))
    }

    /// Simulated only: a disk of its own that holds what this one holds now. With [`Disk::crash`] it is what a kill at
    /// this moment would leave, whatever those who write to the first one go on to do.
    #[must_use]
    pub fn fork(&self) -> Disk {
        let Disk::Simulated(memory) = self else { return Disk::Real };
        let memory = open(memory);
        let mut copies = Vec::<(*const Mutex<Content>, Arc<Mutex<Content>>)>::new();
        let mut copy = |content: &Arc<Mutex<Content>>| {
            let known = copies.iter().find(|(of, _)| *of == Arc::as_ptr(content)).map(|(_, copy)| Arc::clone(copy));
            known.unwrap_or_else(|| {
                let copy = Arc::new(Mutex::new(open(content).clone()));
                copies.push((Arc::as_ptr(content), Arc::clone(&copy)));
                copy
            })
        };
        let files = memory.files.iter().map(|(path, content)| (path.clone(), copy(content))).collect();
        let durable = memory.durable.iter().map(|(path, content)| (path.clone(), copy(content))).collect();
        Disk::Simulated(Arc::new(Mutex::new(Memory {
            files,
            durable,
            room: memory.room,
            steps: memory.steps,
            no_sync: memory.no_sync,
        })))
    }

    /// Simulated only: the power goes. Of what was not synced, `torn` bytes of each file have reached it all the same.
    pub fn crash(&self, torn: usize) {
        let Disk::Simulated(memory) = self else { return };
        let mut memory = open(memory);
        memory.files = memory.durable.clone();
        for content in memory.files.values() {
            let content = &mut *open(content);
            // A write that was under way has left its beginning.
            let kept = content.synced.len();
            if content.bytes.len() > kept {
                content.bytes.truncate(kept + torn.min(content.bytes.len() - kept));
            } else {
                content.bytes.clone_from(&content.synced);
            }
            content.synced.clone_from(&content.bytes);
        }
    }

    /// Simulated only: from now on no file can be synced, though it can be written.
    pub fn fail_syncs(&self) {
        if let Disk::Simulated(memory) = self {
            open(memory).no_sync = true;
        }
    }

    /// Simulated only: how many more bytes may be written before the disk is full.
    pub fn limit(&self, room: Option<u64>) {
        if let Disk::Simulated(memory) = self {
            open(memory).room = room;
        }
    }

    /// Simulated only: how many more changes (writes, syncs, cuts, names made, given and removed) there will be before
    /// the power goes and all others fail; `None`: any number. So a test can stop before each of them in turn.
    pub fn stop_after(&self, steps: Option<u64>) {
        if let Disk::Simulated(memory) = self {
            open(memory).steps = steps;
        }
    }
}

impl DiskFile {
    /// How long it is.
    ///
    /// # Errors
    /// What the file system says.
    pub fn size(&self) -> io::Result<u64> {
        match &self.0 {
            Open::Real(file) => Ok(file.metadata()?.len()),
            Open::Simulated { content, .. } => Ok(open(content).bytes.len() as u64),
        }
    }

    /// Reads what it can from `offset` on; gives how many bytes, 0 at the end.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Open::Real(file) => std::os::unix::fs::FileExt::read_at(file, into, offset),
            Open::Simulated { content, .. } => {
                let content = open(content);
                let start = content.bytes.len().min(offset as usize);
                let count = into.len().min(content.bytes.len() - start);
                into[..count].copy_from_slice(&content.bytes[start..start + count]);
                Ok(count)
            }
        }
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync(&self) -> io::Result<()> {
        match &self.0 {
            Open::Real(file) => file.sync_data(),
            Open::Simulated { content, memory, .. } => {
                {
                    let mut memory = open(memory);
                    memory.step()?;
                    if memory.no_sync {
                        return Err(io::Error::other("the simulated disk does not sync"));
                    }
                }
                let content = &mut *open(content);
                content.synced.clone_from(&content.bytes);
                Ok(())
            }
        }
    }

    /// Cuts it, and writes on from there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn cut(&mut self, size: u64) -> io::Result<()> {
        match &mut self.0 {
            Open::Real(file) => {
                file.set_len(size)?;
                file.seek(SeekFrom::Start(size)).map(drop)
            }
            Open::Simulated { content, memory, at } => {
                open(memory).step()?;
                open(content).bytes.truncate(size as usize);
                *at = size;
                Ok(())
            }
        }
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Open::Real(file) => file.write(bytes),
            Open::Simulated { content, memory, at } => {
                open(memory).step()?;
                if let Some(room) = &mut open(memory).room {
                    if *room < bytes.len() as u64 {
                        return Err(io::ErrorKind::StorageFull.into());
                    }
                    *room -= bytes.len() as u64;
                }
                let content = &mut *open(content);
                content.bytes.truncate(*at as usize);
                content.bytes.extend_from_slice(bytes);
                *at += bytes.len() as u64;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for DiskFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Open::Real(file) => file.read(into),
            Open::Simulated { at, .. } => {
                let from = *at;
                let count = self.read_at(from, into)?;
                if let Open::Simulated { at, .. } = &mut self.0 {
                    *at += count as u64;
                }
                Ok(count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_keeps_what_was_synced_and_tears_the_rest() {
        let disk = Disk::simulated();
        let path = Path::new("log/1");
        let mut file = disk.create(path).unwrap();
        file.write_all(b"durable").unwrap();
        file.sync().unwrap();
        disk.sync_folder(Path::new("log")).unwrap();
        file.write_all(b" and lost").unwrap();
        disk.create(Path::new("log/2")).unwrap().write_all(b"no name").unwrap();
        disk.crash(4);
        assert_eq!(disk.read(path).unwrap(), b"durable and");
        assert_eq!(disk.files(Path::new("log")).unwrap(), [path]);
    }

    #[test]
    fn what_is_replaced_is_there_whole_or_not_at_all() {
        let disk = Disk::simulated();
        let path = Path::new("mark");
        disk.replace(path, b"one").unwrap();
        disk.limit(Some(1));
        assert_eq!(disk.replace(path, b"two").unwrap_err().kind(), io::ErrorKind::StorageFull);
        disk.crash(0);
        assert_eq!(disk.read(path).unwrap(), b"one");
    }

    #[test]
    fn both_disks_do_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a");
        for disk in [Disk::Real, Disk::simulated()] {
            disk.create_folder(&root.join("date=2026-01-01")).unwrap();
            let path = root.join("date=2026-01-01/one");
            let mut file = disk.create(&path).unwrap();
            file.write_all(b"0123456789").unwrap();
            file.cut(4).unwrap();
            file.write_all(b"ab").unwrap();
            file.sync().unwrap();
            let mut bytes = [0; 3];
            assert_eq!((file.size().unwrap(), file.read_at(2, &mut bytes).unwrap()), (6, 3));
            assert_eq!(&bytes, b"23a");
            let mut again = disk.open(&path).unwrap();
            again.write_all(b"!").unwrap();
            assert_eq!(disk.read(&path).unwrap(), b"0123ab!");
            assert_eq!(disk.folders(&root).unwrap(), [root.join("date=2026-01-01")]);
            disk.rename(&path, &root.join("two")).unwrap();
            assert_eq!(disk.files(&root).unwrap(), [root.join("two")]);
            disk.remove(&root.join("two")).unwrap();
            assert_eq!(disk.files(&root.join("nothing")).unwrap(), Vec::<PathBuf>::new());
        }
    }
}
