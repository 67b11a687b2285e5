//! How far a sink has come: what is to be delivered next, in a small file beside the journal.
//!
//! After a restart the journal is replayed and gives the same outputs again; those before the cursor are not delivered a
//! second time. It is written at most five times a second, so after a kill the last few may be: receivers get the id. A
//! sink that is new begins with what comes now, not with all that the journal has.

use ouzel_connect::disk::Disk;
use ouzel_connect::fault::Fault;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A place among the deliveries of a sink: the input, and how many of that input's came before.
pub(super) type Place = (u64, u32);

const EVERY: Duration = Duration::from_millis(200);

pub(super) struct Cursor {
    disk: Disk,
    path: PathBuf,
    next: Place,
    saved: Place,
    when: Instant,
}

impl Cursor {
    /// The cursor of a sink, as it was left. Where there is none it begins at `now`, the number of the next input, and so
    /// does one that cannot be read; then the text says so.
    ///
    /// # Errors
    /// When it can be neither read nor begun.
    pub(super) fn open(disk: &Disk, folder: &Path, sink: &str, now: u64) -> Result<(Cursor, Option<String>), Fault> {
        let path = folder.join(format!("sink-{sink}.cursor"));
        let (found, said) = match disk.read(&path) {
            Ok(bytes) => match parse(&bytes) {
                Some(next) => (Some(next), None),
                None => {
                    let what =
                        format!("{} cannot be read; what was not delivered before this start is not", path.display());
                    (None, Some(what))
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, None),
            Err(error) => return Err(crate::journal::cannot(&path, &error)),
        };
        let next = found.unwrap_or((now, 0));
        let mut cursor = Cursor { disk: disk.clone(), path, next, saved: next, when: Instant::now() };
        if found.is_none() {
            cursor.write()?;
        }
        Ok((cursor, said))
    }

    /// What is to be delivered next.
    pub(super) fn next(&self) -> Place {
        self.next
    }

    /// A delivery was made, or given up. `idle`: none follows at once.
    pub(super) fn reached(&mut self, (input, ordinal): Place, idle: bool) -> Result<(), Fault> {
        self.next = (input, ordinal + 1);
        if idle || self.when.elapsed() >= EVERY { self.save() } else { Ok(()) }
    }

    pub(super) fn save(&mut self) -> Result<(), Fault> {
        if self.next == self.saved { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), Fault> {
        let (input, ordinal) = self.next;
        let written = self.disk.replace(&self.path, format!("{input} {ordinal}\n").as_bytes());
        written.map_err(|error| crate::journal::cannot(&self.path, &error))?;
        (self.saved, self.when) = (self.next, Instant::now());
        Ok(())
    }
}

fn parse(bytes: &[u8]) -> Option<Place> {
    let (input, ordinal) = std::str::from_utf8(bytes).ok()?.trim().split_once(' ')?;
    Some((input.parse().ok()?, ordinal.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_cursor_is_found_where_it_was_left_and_a_new_one_begins_now() {
        let disk = Disk::simulated();
        let open = |now| Cursor::open(&disk, Path::new("j"), "desk", now).unwrap();
        assert_eq!(open(9).0.next(), (9, 0));
        assert_eq!(open(20).0.next(), (9, 0));
        open(20).0.reached((9, 2), true).unwrap();
        disk.crash(0);
        assert_eq!(open(30).0.next(), (9, 3));
        disk.create(Path::new("j/sink-desk.cursor")).unwrap().write_all(b"\xff").unwrap();
        let (cursor, said) = open(40);
        assert_eq!(cursor.next(), (40, 0));
        assert!(said.unwrap().contains("cannot be read"));
    }
}
