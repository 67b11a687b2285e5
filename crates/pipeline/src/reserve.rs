//! Room that is set aside on the disk, so that ticks, words of people, alarms and a checkpoint can go on when it is full.
//!
//! It is a file of real bytes that is removed when they are needed. It is made again before input is taken again.

use ouzel_connect::disk::Disk;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The room. Shared by those who write: the one who needs it first opens it for all.
#[derive(Debug)]
pub struct Reserve {
    disk: Disk,
    path: PathBuf,
    /// A lock, because intake, worker and checkpoints write side by side; held for making or removing a file.
    room: Mutex<Room>,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: u64,
    there: bool,
}

impl Reserve {
    /// Sets room aside, if there is enough of it; a disk that is full already has none.
    pub fn new(disk: &Disk, folder: &Path, bytes: u64) -> Reserve {
        let room = Mutex::new(Room { bytes, there: false });
        let reserve = Reserve { disk: disk.clone(), path: folder.join("reserve"), room };
        // Where it cannot be made, nothing is taken in until it can.
        let _ = reserve.make();
        reserve
    }

    fn room(&self) -> std::sync::MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it, where it is not there. Says whether it is there now.
    ///
    /// # Errors
    /// What the file system says, but for a full disk.
    pub fn make(&self) -> io::Result<bool> {
        let mut room = self.room();
        if room.there || room.bytes == 0 {
            return Ok(true);
        }
        match self.disk.allocate(&self.path, room.bytes) {
            Ok(()) => room.there = true,
            Err(error) => {
                let _ = self.disk.remove(&self.path);
                if !crate::log::is_full(&error) {
                    return Err(error);
                }
            }
        }
        Ok(room.there)
    }

    /// Gives the room up to whoever writes next; says whether there was any.
    pub fn open(&self) -> bool {
        let mut room = self.room();
        std::mem::take(&mut room.there) && self.disk.remove(&self.path).is_ok()
    }

    /// How much is to be set aside from now on: it changes with the size of a checkpoint.
    pub fn resize(&self, bytes: u64) {
        let mut room = self.room();
        let grown = bytes > room.bytes + room.bytes / 4 || bytes < room.bytes / 2;
        if grown {
            if std::mem::take(&mut room.there) {
                let _ = self.disk.remove(&self.path);
            }
            room.bytes = bytes;
            drop(room);
            let _ = self.make();
        }
    }

    /// How much is set aside.
    pub fn bytes(&self) -> u64 {
        let room = self.room();
        if room.there { room.bytes } else { 0 }
    }
}
