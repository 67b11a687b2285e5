//! How far a sink has come: the place of its last delivery, in a small file beside the journal.
//!
//! After a restart the journal is replayed and gives the same outputs again; those up to the cursor are not delivered a
//! second time. It is written at most five times a second, so after a kill the last few may be: receivers get the id.

use ouzel_connect::disk::Disk;
use ouzel_connect::fault::Fault;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A place among the deliveries of a sink: the input, and how many of that input's came before.
pub(super) type Place = (u64, u32);

const EVERY: Duration = Duration::from_millis(200);

pub(super) struct Cursor {
    disk: Disk,
    path: PathBuf,
    reached: Option<Place>,
    saved: Option<Place>,
    when: Instant,
}

impl Cursor {
    /// The cursor of a sink, as it was left. One that cannot be read is as good as none.
    pub(super) fn open(disk: &Disk, folder: &Path, sink: &str) -> Cursor {
        let path = folder.join(format!("sink-{sink}.cursor"));
        let read = || {
            let text = String::from_utf8(disk.read(&path).ok()?).ok()?;
            let (input, ordinal) = text.trim().split_once(' ')?;
            Some((input.parse().ok()?, ordinal.parse().ok()?))
        };
        let reached = read();
        Cursor { disk: disk.clone(), path, reached, saved: reached, when: Instant::now() }
    }

    /// The last delivery.
    pub(super) fn last(&self) -> Option<Place> {
        self.reached
    }

    /// A delivery was made. `idle`: none follows at once.
    pub(super) fn reached(&mut self, place: Place, idle: bool) -> Result<(), Fault> {
        self.reached = Some(place);
        if idle || self.when.elapsed() >= EVERY { self.save() } else { Ok(()) }
    }

    pub(super) fn save(&mut self) -> Result<(), Fault> {
        let Some((input, ordinal)) = self.reached.filter(|_| self.reached != self.saved) else { return Ok(()) };
        let written = self.disk.replace(&self.path, format!("{input} {ordinal}\n").as_bytes());
        written.map_err(|error| crate::journal::cannot(&self.path, &error))?;
        (self.saved, self.when) = (self.reached, Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_found_where_it_was_left() {
        let disk = Disk::simulated();
        let open = || Cursor::open(&disk, Path::new("j"), "desk");
        assert_eq!(open().last(), None);
        open().reached((7, 2), true).unwrap();
        disk.crash(0);
        assert_eq!(open().last(), Some((7, 2)));
    }
}
