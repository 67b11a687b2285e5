//! What a receiver refuses for good, put aside: `dead-letter/SINK.ndjson`, a line each, with the reason.
//!
//! ```text
//! {"time":"2024-01-01T00:00:00Z","sink":"desk","reason":"…","key":"k1","output":{…}}
//! ```
//! The file is bounded. At the bound it becomes `SINK.1.ndjson`, in place of an older one; the letters that go with
//! that one are counted. Each letter is synced before the sink's cursor may pass what it holds, so a kill loses none; it
//! may be there twice.

use super::live::Delivery;
use crate::disk::{Disk, DiskFile};
use crate::encode::ndjson::push_string;
use crate::encode::number::push_time;
use ouzel_engine::time::Time;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How large the file may become where nobody says it: some hundred thousand letters.
pub const BOUND: u64 = 64 << 20;

/// The folder of all dead letters.
pub const FOLDER: &str = "dead-letter";

/// How much is read at once.
const BLOCK: usize = 64 << 10;

/// The dead letters of a sink. The file is made with the first of them.
#[derive(Debug)]
pub struct DeadLetters {
    disk: Disk,
    folder: PathBuf,
    sink: String,
    bound: u64,
    file: Option<DiskFile>,
    size: u64,
    lost: u64,
}

impl DeadLetters {
    /// The dead letters of this sink, below `folder`. What a kill has left of a last line is cut off.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(disk: &Disk, folder: &Path, sink: &str, bound: u64) -> io::Result<DeadLetters> {
        let folder = folder.join(FOLDER);
        let mut letters =
            DeadLetters { disk: disk.clone(), folder, sink: sink.to_owned(), bound, file: None, size: 0, lost: 0 };
        match disk.open(&letters.path()) {
            Ok(mut file) => {
                let size = file.size()?;
                letters.size = whole_lines(&file, size)?;
                if letters.size < size {
                    file.cut(letters.size)?;
                }
                letters.file = Some(file);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(letters)
    }

    /// Where they are.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.ndjson", self.sink))
    }

    /// How many were given up since this was opened, to stay inside the bound.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Puts a delivery aside, durably.
    ///
    /// # Errors
    /// What the file system says; then it is not put aside.
    pub fn put(&mut self, delivery: &Delivery, reason: &str, at: Time) -> io::Result<()> {
        let line = line(delivery, &self.sink, reason, at);
        if self.size > 0 && self.size + line.len() as u64 > self.bound {
            self.turn()?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                self.disk.create_folder(&self.folder)?;
                let file = self.disk.create(&self.folder.join(format!("{}.ndjson", self.sink)))?;
                self.disk.sync_folder(&self.folder)?;
                none.insert(file)
            }
        };
        let written = file.write_all(&line).and_then(|()| file.sync());
        if written.is_err() {
            // Half a line must not stay in the way of the next one. Where not even that can be done, opening does it.
            let _ = file.cut(self.size);
            return written;
        }
        self.size += line.len() as u64;
        Ok(())
    }

    /// Begins a new file; the one there was is kept in place of an older one.
    fn turn(&mut self) -> io::Result<()> {
        let older = self.folder.join(format!("{}.1.ndjson", self.sink));
        let lost = match self.disk.open(&older) {
            Ok(file) => lines(&file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        self.disk.rename(&self.path(), &older)?;
        self.disk.sync_folder(&self.folder)?;
        (self.file, self.size) = (None, 0);
        self.lost += lost;
        Ok(())
    }
}

fn line(delivery: &Delivery, sink: &str, reason: &str, at: Time) -> Vec<u8> {
    let mut line = b"{\"time\":\"".to_vec();
    push_time(at, &mut line);
    line.push(b'"');
    for (name, text) in [("sink", sink), ("reason", reason), ("key", &delivery.key)] {
        line.extend_from_slice(format!(",\"{name}\":").as_bytes());
        push_string(text, &mut line);
    }
    line.extend_from_slice(b",\"output\":");
    line.extend_from_slice(delivery.json.as_bytes());
    line.extend_from_slice(b"}\n");
    line
}

/// Where the last whole line ends.
fn whole_lines(file: &DiskFile, size: u64) -> io::Result<u64> {
    let mut end = size;
    let mut block = vec![0; BLOCK];
    while end > 0 {
        let begin = end.saturating_sub(BLOCK as u64);
        let block = &mut block[..(end - begin) as usize];
        fill(file, begin, block)?;
        if let Some(at) = memchr::memrchr(b'\n', block) {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// How many lines a file has.
fn lines(file: &DiskFile) -> io::Result<u64> {
    let (mut at, mut lines) = (0, 0);
    let mut block = vec![0; BLOCK];
    loop {
        match file.read_at(at, &mut block)? {
            0 => return Ok(lines),
            count => {
                lines += memchr::memchr_iter(b'\n', &block[..count]).count() as u64;
                at += count as u64;
            }
        }
    }
}

fn fill(file: &DiskFile, mut at: u64, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        match file.read_at(at, into)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                at += count as u64;
                into = &mut into[count..];
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::template::tests::delivery;
    use super::*;

    fn open(disk: &Disk, bound: u64) -> DeadLetters {
        DeadLetters::open(disk, Path::new("j"), "desk", bound).unwrap()
    }

    fn text(disk: &Disk, name: &str) -> String {
        String::from_utf8(disk.read(&Path::new("j/dead-letter").join(name)).unwrap()).unwrap()
    }

    #[test]
    fn a_letter_says_when_why_and_what() {
        let disk = Disk::simulated();
        let mut letters = open(&disk, BOUND);
        assert!(disk.files(Path::new("j/dead-letter")).unwrap().is_empty());
        letters.put(&delivery(r#"{"value":9}"#), "desk answered 400: \"no\"", Time::from_secs(1_704_067_200)).unwrap();
        // It is on disk when it is put.
        disk.crash(0);
        let said = r#"{"time":"2024-01-01T00:00:00Z","sink":"desk","reason":"desk answered 400: \"no\"","key":"k1","output":{"value":9}}"#;
        assert_eq!(text(&disk, "desk.ndjson"), format!("{said}\n"));
        let read: serde_json::Value = serde_json::from_str(said).unwrap();
        assert_eq!(read["output"]["value"], 9);
        assert_eq!(letters.path(), Path::new("j/dead-letter/desk.ndjson"));
    }

    #[test]
    fn at_the_bound_the_oldest_letters_go_and_are_counted() {
        let disk = Disk::simulated();
        let size = line(&delivery("{}"), "desk", "no", Time(0)).len() as u64;
        let mut letters = open(&disk, 3 * size);
        for _ in 0..6 {
            letters.put(&delivery("{}"), "no", Time(0)).unwrap();
        }
        assert_eq!((text(&disk, "desk.ndjson").lines().count(), letters.lost()), (3, 0));
        letters = open(&disk, 3 * size);
        letters.put(&delivery("{}"), "no", Time(0)).unwrap();
        assert_eq!(text(&disk, "desk.ndjson").lines().count(), 1);
        assert_eq!(text(&disk, "desk.1.ndjson").lines().count(), 3);
        assert_eq!(letters.lost(), 3);
    }

    #[test]
    fn half_a_line_is_cut_off() {
        for torn in 0..200 {
            let disk = Disk::simulated();
            open(&disk, BOUND).put(&delivery("{}"), "no", Time(0)).unwrap();
            let mut file = disk.open(Path::new("j/dead-letter/desk.ndjson")).unwrap();
            let second = line(&delivery("{}"), "desk", "no", Time(0));
            let reached = torn.min(second.len());
            file.write_all(&second[..reached]).unwrap();
            open(&disk, BOUND).put(&delivery("{}"), "again", Time(0)).unwrap();
            let lines = if reached == second.len() { 3 } else { 2 };
            let text = text(&disk, "desk.ndjson");
            assert_eq!(text.lines().count(), lines);
            assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
        }
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_no_half_line() {
        let disk = Disk::simulated();
        let mut letters = open(&disk, BOUND);
        letters.put(&delivery("{}"), "no", Time(0)).unwrap();
        disk.limit(Some(20));
        assert!(letters.put(&delivery("{}"), "no", Time(0)).is_err());
        disk.limit(None);
        letters.put(&delivery("{}"), "no", Time(0)).unwrap();
        assert_eq!(text(&disk, "desk.ndjson").lines().count(), 2);
    }
}
