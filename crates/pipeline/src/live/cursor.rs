//! How far a sink has come: a small file beside the journal, written after each delivery.
//!
//! ```text
//! slot 0 at 0, slot 1 at 1 024, written in turn:
//! offset  0         4         8       16
//!         CRC-32C   length    count   what is stored (postcard)
//!         of all behind it
//! ```
//! A write that a kill or a cut of the power tears leaves the other slot, which is one delivery older. It is not synced each
//! time, but when nothing more is to be delivered, and once in a while: a kill takes nothing that was written, and after a
//! cut of the power the receivers know repeats by their ids.

use crate::outputs::Place;
use ouzel_connect::crash;
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::Fault;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a cursor says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// The place of what is to be delivered next.
    pub next: Place,
    /// Everything before this place of the journal was delivered that has no place: what was rejected.
    pub journal: u64,
    /// How many of those that the sink was owed were delivered or given up, in all.
    pub done: u64,
    /// The files that a sink writes, and how far.
    pub progress: Vec<(String, u64)>,
}

const SLOT: usize = 1_024;
const HEAD: usize = 16;

/// How often it is made durable.
const SYNC_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Cursor {
    path: PathBuf,
    file: DiskFile,
    count: u64,
    reached: Reached,
    synced: Instant,
    dirty: bool,
}

impl Cursor {
    /// The cursor of a sink, as it was left. Where there is none it begins at `now`, and so does one that cannot be read;
    /// then the text says so. Gives also whether it was found.
    ///
    /// # Errors
    /// When it can be neither read nor begun.
    pub(super) fn open(
        disk: &Disk,
        folder: &Path,
        sink: &str,
        now: Reached,
    ) -> Result<(Cursor, bool, Option<String>), Fault> {
        let path = folder.join(format!("sink-{sink}.cursor"));
        let wrong = |error: io::Error| crate::journal::cannot(&path, &error);
        let (found, said) = match disk.read(&path) {
            Ok(bytes) => match read(&bytes).or_else(|| old(&bytes).map(|reached| (0, reached))) {
                Some(found) => (Some(found), None),
                None => {
                    let place = path.display();
                    (None, Some(format!("{place} cannot be read; what was not delivered before this start is not")))
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, None),
            Err(error) => return Err(wrong(error)),
        };
        let was_found = found.is_some();
        let (count, reached) = found.unwrap_or((0, now));
        let file = match disk.open(&path) {
            Ok(file) if file.size().map_err(wrong)? == 2 * SLOT as u64 => file,
            _ => {
                let mut file = disk.create(&path).map_err(wrong)?;
                file.write_all(&[0; 2 * SLOT]).map_err(wrong)?;
                disk.sync_folder(folder).map_err(wrong)?;
                file
            }
        };
        let mut cursor = Cursor { path, file, count, reached, synced: Instant::now(), dirty: true };
        cursor.write()?;
        cursor.sync()?;
        Ok((cursor, was_found, said))
    }

    /// What it says.
    pub(super) fn reached(&self) -> &Reached {
        &self.reached
    }

    /// It was come so far.
    ///
    /// # Errors
    /// When it cannot be written: after a kill more than the last delivery may be repeated.
    pub(super) fn set(&mut self, reached: Reached) -> Result<(), Fault> {
        if reached == self.reached {
            return Ok(());
        }
        self.reached = reached;
        crash::point("cursor");
        self.write()?;
        if self.synced.elapsed() >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Whether it was written since it was made durable.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    fn write(&mut self) -> Result<(), Fault> {
        let body = postcard::to_allocvec(&self.reached).expect("plain data always encodes");
        let mut slot = vec![0; HEAD];
        slot.extend_from_slice(&body);
        slot[4..8].copy_from_slice(&(body.len() as u32).to_le_bytes());
        self.count += 1;
        slot[8..16].copy_from_slice(&self.count.to_le_bytes());
        let checksum = crc32c::crc32c(&slot[4..]);
        slot[..4].copy_from_slice(&checksum.to_le_bytes());
        debug_assert!(slot.len() <= SLOT, "a sink writes a handful of files");
        slot.resize(SLOT, 0);
        let at = self.count % 2 * SLOT as u64;
        self.file.write_at(at, &slot).map_err(|error| crate::journal::cannot(&self.path, &error))?;
        self.dirty = true;
        Ok(())
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// When the disk cannot.
    pub(super) fn sync(&mut self) -> Result<(), Fault> {
        if self.dirty {
            self.file.sync().map_err(|error| crate::journal::cannot(&self.path, &error))?;
            self.dirty = false;
        }
        self.synced = Instant::now();
        Ok(())
    }
}

/// What the bytes of a cursor say, for whoever looks at the files of a run; `None`: they say nothing.
pub fn reached(bytes: &[u8]) -> Option<Reached> {
    read(bytes).map(|(_, reached)| reached).or_else(|| old(bytes))
}

/// The newer of the slots that are good.
fn read(bytes: &[u8]) -> Option<(u64, Reached)> {
    let slot = |slot: &[u8]| {
        let length = u32::from_le_bytes(slot.get(4..8)?.try_into().ok()?) as usize;
        let good = slot.get(4..HEAD.checked_add(length)?)?;
        if crc32c::crc32c(good).to_le_bytes() != slot[..4] {
            return None;
        }
        let count = u64::from_le_bytes(slot[8..16].try_into().ok()?);
        Some((count, postcard::from_bytes(&slot[HEAD..HEAD + length]).ok()?))
    };
    bytes.chunks(SLOT).filter_map(slot).max_by_key(|(count, _)| *count)
}

/// A cursor as the first version wrote it, `input ordinal`: the ordinals counted something else, so the input's outputs are
/// given once more.
fn old(bytes: &[u8]) -> Option<Reached> {
    let (input, ordinal) = std::str::from_utf8(bytes).ok()?.trim().split_once(' ')?;
    let _: u32 = ordinal.parse().ok()?;
    Some(Reached { next: Place::before(input.parse().ok()?), ..Reached::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(input: u64) -> Reached {
        Reached { next: Place::before(input), done: input, ..Reached::default() }
    }

    #[test]
    fn a_cursor_is_found_where_it_was_left_and_a_new_one_begins_now() {
        let disk = Disk::simulated();
        let open = |now| Cursor::open(&disk, Path::new("j"), "desk", at(now)).unwrap();
        assert_eq!(open(9).0.reached(), &at(9));
        assert_eq!(open(20).0.reached(), &at(9));
        open(20).0.set(at(10)).unwrap();
        open(20).0.set(at(11)).unwrap();
        assert_eq!((open(30).0.reached(), open(30).1), (&at(11), true));
        disk.create(Path::new("j/sink-desk.cursor")).unwrap().write_all(b"\xff").unwrap();
        let (cursor, _, said) = open(40);
        assert_eq!(cursor.reached(), &at(40));
        assert!(said.unwrap().contains("cannot be read"));
    }

    #[test]
    fn a_flipped_byte_costs_one_delivery_at_the_most() {
        let disk = Disk::simulated();
        let path = Path::new("j/sink-desk.cursor");
        let open = |disk: &Disk| Cursor::open(disk, Path::new("j"), "desk", at(0)).unwrap().0;
        let mut cursor = open(&disk);
        (1..8).for_each(|input| cursor.set(at(input)).unwrap());
        let whole = disk.read(path).unwrap();
        for byte in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[byte] ^= 4;
            disk.create(path).unwrap().write_all(&flipped).unwrap();
            let found = open(&disk).reached().next.input;
            assert!((6..=7).contains(&found), "byte {byte}: {found}");
        }
    }

    #[test]
    fn the_first_versions_cursor_is_understood() {
        let disk = Disk::simulated();
        disk.create(Path::new("j/sink-desk.cursor")).unwrap().write_all(b"4711 3\n").unwrap();
        let (cursor, found, _) = Cursor::open(&disk, Path::new("j"), "desk", at(9_999)).unwrap();
        assert_eq!((cursor.reached().next, found), (Place::before(4711), true));
    }
}
