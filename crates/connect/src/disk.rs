//! Files of the logs, the lake and checkpoints: the one door to the file system for what must survive a kill.
//!
//! [`Disk::Real`] is the machine's. [`Disk::Simulated`] lives in memory (`disk/simulated.rs`), knows what was synced,
//! and loses the rest when a test cuts the power (`disk/power.rs` says what is modelled, and what is not). It can be
//! full, and its n-th call can fail.

mod power;
mod simulated;

pub use simulated::{Call, EIO, ENOSPC, EROFS, Lasting, Memory};

use simulated::{Handle, open};
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Where files are.
#[derive(Clone, Debug)]
pub enum Disk {
    /// The machine's file system.
    Real,
    /// In memory. The lock is held for single operations only; tests share the disk with what runs on it.
    Simulated(Arc<Mutex<Memory>>),
}

/// An open file: read at any place, written at its end or in place.
#[derive(Debug)]
pub struct DiskFile(Open);

#[derive(Debug)]
enum Open {
    Real(fs::File),
    Simulated(Handle),
}

impl Disk {
    /// An empty disk in memory.
    pub fn simulated() -> Disk {
        Disk::Simulated(Arc::default())
    }

    /// Makes a folder and those above it, and makes their names durable: a file whose folder is gone after a kill is
    /// gone, too, however well it was synced.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create_folder(&self, path: &Path) -> io::Result<()> {
        match self {
            Disk::Real => {
                let new: Vec<&Path> = path.ancestors().take_while(|above| !is_here(above)).collect();
                fs::create_dir_all(path)?;
                new.iter().try_for_each(|made| fs::File::open(parent(made))?.sync_all())
            }
            // Folders of the simulated disk are the beginnings of names, and last as these do here.
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
            Disk::Simulated(memory) => Ok(DiskFile(Open::Simulated(Handle::create(memory, path)?))),
        }
    }

    /// Makes a new file of `bytes` zeros whose room is really taken, and synced, so that to remove it gives that room
    /// back. Where it cannot be made whole, nothing is left of it.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] where there is not enough room; else what the file system says.
    pub fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut file = self.create(path)?;
        let made = file.fill(bytes).and_then(|()| file.sync());
        if made.is_err() {
            drop(file);
            // What matters to the caller is why it could not be made.
            let _ = self.remove(path);
        }
        made
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
            Disk::Simulated(memory) => Ok(DiskFile(Open::Simulated(Handle::open(memory, path)?))),
        }
    }

    /// All bytes of a file.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::NotFound`] where there is none.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Disk::Real => fs::read(path),
            Disk::Simulated(memory) => open(memory).read(path),
        }
    }

    /// How long a file is.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::NotFound`] where there is none.
    pub fn size(&self, path: &Path) -> io::Result<u64> {
        match self {
            Disk::Real => Ok(fs::metadata(path)?.len()),
            Disk::Simulated(memory) => open(memory).size(path),
        }
    }

    /// How many bytes this user may still write to the file system that `path`, which is there, stands on.
    ///
    /// # Errors
    /// What the file system says.
    pub fn free(&self, path: &Path) -> io::Result<u64> {
        match self {
            Disk::Real => {
                let all = rustix::fs::statvfs(path)?;
                Ok(all.f_bavail.saturating_mul(all.f_frsize))
            }
            Disk::Simulated(memory) => Ok(open(memory).room().unwrap_or(u64::MAX)),
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
        self.sync_folder(parent(path))
    }

    /// Gives a file another name, in place of what had that name.
    ///
    /// # Errors
    /// What the file system says.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Disk::Real => fs::rename(from, to),
            Disk::Simulated(memory) => open(memory).rename(from, to),
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        match self {
            Disk::Real => fs::remove_file(path),
            Disk::Simulated(memory) => open(memory).remove(path),
        }
    }

    /// The files right in a folder, by name, sorted; nothing where there is no such folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn files(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        match self {
            Disk::Real => inside(folder, Path::is_file),
            Disk::Simulated(memory) => Ok(open(memory).files(folder)),
        }
    }

    /// The folders right in a folder, by name, sorted; nothing where there is no such folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn folders(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        match self {
            Disk::Real => inside(folder, Path::is_dir),
            Disk::Simulated(memory) => Ok(open(memory).folders(folder)),
        }
    }

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match self {
            Disk::Real => fs::File::open(named(folder))?.sync_all(),
            Disk::Simulated(memory) => open(memory).sync_folder(folder),
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
}

/// What a test does to a simulated disk. All of it does nothing to a real one.
impl Disk {
    fn memory(&self, change: impl FnOnce(&mut Memory)) {
        if let Disk::Simulated(memory) = self {
            change(&mut open(memory));
        }
    }

    /// A disk of its own that holds what this one holds now. With [`Disk::crash_with`] it is what a kill at this moment
    /// would leave, whatever those who write to the first one go on to do. Faults that are planned stay behind.
    #[must_use]
    pub fn fork(&self) -> Disk {
        match self {
            Disk::Real => Disk::Real,
            Disk::Simulated(memory) => Disk::Simulated(Arc::new(Mutex::new(open(memory).fork()))),
        }
    }

    /// A [`Disk::fork`], and how many calls there had been at that very moment: what others were told before so many is
    /// in it, whatever threads do meanwhile.
    pub fn fork_and_count(&self) -> (Disk, u64) {
        match self {
            Disk::Real => (Disk::Real, 0),
            Disk::Simulated(memory) => {
                let memory = open(memory);
                (Disk::Simulated(Arc::new(Mutex::new(memory.fork()))), memory.calls())
            }
        }
    }

    /// Remembers a [`Disk::fork`] of the moment just before call number `call`, counted as [`Disk::calls`] does. Those who
    /// write notice nothing, and nothing that they do later is in it.
    pub fn fork_at(&self, call: u64) {
        self.memory(|memory| memory.fork_at(call));
    }

    /// What [`Disk::fork_at`] has remembered, once that moment has come.
    pub fn forked(&self) -> Option<Disk> {
        match self {
            Disk::Real => None,
            Disk::Simulated(memory) => {
                open(memory).remembered().map(|memory| Disk::Simulated(Arc::new(Mutex::new(memory))))
            }
        }
    }

    /// The power goes, the plain way: names that no sync of their folder made durable are gone, and of what was not
    /// synced, `torn` bytes behind the end of each file have reached it all the same.
    pub fn crash(&self, torn: usize) {
        self.memory(|memory| memory.crash(torn));
    }

    /// The power goes, in one of the ways that POSIX allows; `disk/power.rs` lists them. The same seed gives the same
    /// wreck.
    pub fn crash_with(&self, seed: u64) {
        self.memory(|memory| memory.crash_with(seed));
    }

    /// From now on no file can be synced, though it can be written.
    pub fn fail_syncs(&self) {
        self.fail_nth(Some(Call::Sync), 1, EIO, Lasting::Forever);
    }

    /// The `n`-th call of this kind from now on (1: the next one; `None`: of any kind) fails with this number of the
    /// operating system, as [`EIO`] or [`ENOSPC`]: once, or from then on. Several may be planned.
    ///
    /// Of a write that fails, half has reached the file. A sync that fails does as Linux does: what it was to make
    /// durable may be lost, though it can be read, and the next sync will not make it durable either.
    pub fn fail_nth(&self, call: Option<Call>, n: u64, errno: i32, lasting: Lasting) {
        self.memory(|memory| memory.plan(call, n, errno, lasting));
    }

    /// No call fails any more that was planned to.
    pub fn mend(&self) {
        self.memory(Memory::mend);
    }

    /// How many calls there were that can be made to fail, so that a test can run for every n.
    pub fn calls(&self) -> u64 {
        match self {
            Disk::Real => 0,
            Disk::Simulated(memory) => open(memory).calls(),
        }
    }

    /// How many bytes more there is room for; `None`: any number. As on a real disk, writing takes room, and to cut,
    /// replace or remove a file gives it back.
    pub fn limit(&self, room: Option<u64>) {
        self.memory(|memory| memory.limit(room));
    }

    /// How many more changes (writes, syncs, cuts, names made, given and removed) there will be before the power goes
    /// and all others fail; `None`: any number. So a test can stop before each of them in turn.
    pub fn stop_after(&self, steps: Option<u64>) {
        self.memory(|memory| memory.stop_after(steps));
    }
}

fn is_here(folder: &Path) -> bool {
    folder.as_os_str().is_empty() || folder.is_dir()
}

/// The folder of a name.
fn parent(path: &Path) -> &Path {
    named(path.parent().unwrap_or(path))
}

/// A folder by a name that can be opened: where a process stands is `.`, not nothing.
fn named(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn inside(folder: &Path, wanted: fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).filter(|path| wanted(path)).collect();
    paths.sort();
    Ok(paths)
}

/// Zeros are written in pieces of this size where the file system cannot set room aside.
const PIECE: usize = 64 << 10;

impl DiskFile {
    /// How long it is.
    ///
    /// # Errors
    /// What the file system says.
    pub fn size(&self) -> io::Result<u64> {
        match &self.0 {
            Open::Real(file) => Ok(file.metadata()?.len()),
            Open::Simulated(handle) => Ok(handle.size()),
        }
    }

    /// Another hold on the same file, so that one thread writes while another syncs. Both have one place at which
    /// [`Write`] and [`Read`] go on.
    ///
    /// # Errors
    /// What the system says, which has only so many.
    pub fn try_clone(&self) -> io::Result<DiskFile> {
        Ok(DiskFile(match &self.0 {
            Open::Real(file) => Open::Real(file.try_clone()?),
            Open::Simulated(handle) => Open::Simulated(handle.clone()),
        }))
    }

    /// Reads what it can from `offset` on; gives how many bytes, 0 at the end.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Open::Real(file) => std::os::unix::fs::FileExt::read_at(file, into, offset),
            Open::Simulated(handle) => Ok(handle.read_at(offset, into)),
        }
    }

    /// Writes all of it at `offset`, over what is there; a gap before it reads as zeros. Where [`Write`] goes on does
    /// not move.
    ///
    /// # Errors
    /// What the file system says; then a part may have been written.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match &self.0 {
            Open::Real(file) => std::os::unix::fs::FileExt::write_all_at(file, bytes, offset),
            Open::Simulated(handle) => {
                let mut written = 0;
                while written < bytes.len() {
                    written += handle.write_at(offset + written as u64, &bytes[written..])?;
                }
                Ok(())
            }
        }
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// What the file system says. Then what was to be synced is in doubt for good: a later sync says nothing of it.
    pub fn sync(&self) -> io::Result<()> {
        match &self.0 {
            Open::Real(file) => file.sync_data(),
            Open::Simulated(handle) => handle.sync(),
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
            Open::Simulated(handle) => handle.cut(size),
        }
    }

    /// Makes a new file that long, with its room taken.
    fn fill(&mut self, bytes: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Open::Real(file) = &self.0 {
            match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes.max(1)) {
                Ok(()) => return file.set_len(bytes),
                // Not every file system has it: FAT and NFS before 4.2 have not.
                Err(rustix::io::Errno::OPNOTSUPP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let zeros = [0; PIECE];
        let mut left = bytes;
        while left > 0 {
            let piece = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
            self.write_all(&zeros[..piece])?;
            left -= piece as u64;
        }
        Ok(())
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Open::Real(file) => file.write(bytes),
            Open::Simulated(handle) => handle.write(bytes),
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
            Open::Simulated(handle) => Ok(handle.read(into)),
        }
    }
}

#[cfg(test)]
mod tests;
