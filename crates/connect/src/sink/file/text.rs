//! A file of lines: begun by `open`, or gone on with where an earlier run was.
//!
//! A file has one head, so where a new config gives its table other columns another file begins: `alerts-2.csv`.

use super::earlier::{files, put_aside};
use super::place;
use crate::encode::lines::Lines;
use crate::fault::Fault;
use crate::sink::{Encoding, Noun, fault};
use ouzel_engine::plan::Plan;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes that gather before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

pub(super) struct Text {
    folder: PathBuf,
    encoding: Encoding,
    noun: Noun,
    /// Which file of its noun it is, from 1.
    part: u64,
    path: PathBuf,
    lines: Lines,
    head: Vec<u8>,
    file: File,
    /// How much is in it.
    size: u64,
    buffer: Vec<u8>,
}

/// `alerts.csv`, `alerts-2.csv`
fn name(noun: Noun, encoding: Encoding, part: u64) -> String {
    let (noun, end) = (noun.name(), encoding.extension());
    if part == 1 { format!("{noun}.{end}") } else { format!("{noun}-{part}.{end}") }
}

/// Which file of its noun has this name.
fn part_of(name_of_file: &str, noun: Noun, encoding: Encoding) -> Option<u64> {
    let stem = name_of_file.strip_suffix(encoding.extension())?.strip_suffix('.')?;
    let part = match stem.strip_prefix(noun.name())? {
        "" => 1,
        rest => rest.strip_prefix('-')?.parse().ok()?,
    };
    (name(noun, encoding, part) == name_of_file).then_some(part)
}

impl Text {
    /// A new file, in the place of one that is there.
    pub(super) fn create(folder: &Path, encoding: Encoding, noun: Noun, plan: &Plan) -> Result<Text, Fault> {
        let path = folder.join(name(noun, encoding, 1));
        Ok(Text::new(folder, encoding, noun, plan, 1, super::create(&path)?).begun())
    }

    /// The file that an earlier run has come so far with, or a new one.
    pub(super) fn resume(
        folder: &Path,
        encoding: Encoding,
        noun: Noun,
        plan: &Plan,
        progress: &[(String, u64)],
        notes: &mut Vec<String>,
    ) -> Result<Text, Fault> {
        let known = progress.iter().filter_map(|(name, size)| Some((part_of(name, noun, encoding)?, *size))).max();
        let behind = known.map_or(0, |(part, _)| part);
        for (part, path) in files(folder, |name| part_of(name, noun, encoding))? {
            if part > behind {
                let why = if known.is_some() { "was not known to be done" } else { "is of an earlier run" };
                put_aside(&path, why, notes)?;
            }
        }
        let Some((part, size)) = known else { return Text::create(folder, encoding, noun, plan) };
        let path = folder.join(name(noun, encoding, part));
        let failed = |e: &io::Error| fault(&place(&path), e);
        // A pipe, perhaps: there is nothing to go on with.
        let is_pipe = path.metadata().is_ok_and(|about| !about.is_file());
        let mut options = OpenOptions::new();
        let file =
            options.read(!is_pipe).write(true).create(true).truncate(false).open(&path).map_err(|e| failed(&e))?;
        let mut text = Text::new(folder, encoding, noun, plan, part, file);
        if !is_pipe {
            text.size = text.cut(size, notes).map_err(|e| failed(&e))?;
        }
        if text.size == 0 {
            return Ok(text.begun());
        }
        if text.has_its_head().map_err(|e| failed(&e))? { Ok(text) } else { text.next(notes) }
    }

    fn new(folder: &Path, encoding: Encoding, noun: Noun, plan: &Plan, part: u64, file: File) -> Text {
        let path = folder.join(name(noun, encoding, part));
        let (lines, head) = lines_and_head(encoding, noun, plan);
        // Room for the row that passes the mark, so that the buffer does not grow for it.
        let buffer = Vec::with_capacity(BUFFER_BYTES + 4096);
        Text { folder: folder.to_owned(), encoding, noun, part, path, lines, head, file, size: 0, buffer }
    }

    /// With its head, which an empty file has not.
    fn begun(mut self) -> Text {
        self.buffer.extend_from_slice(&self.head);
        self
    }

    /// Cuts off what will come again, and gives how much is left: of a file that is not as it was left, whole lines.
    fn cut(&mut self, size: u64, notes: &mut Vec<String>) -> io::Result<u64> {
        let (found, mut keep) = (self.file.metadata()?.len(), size);
        if found < size {
            let path = place(&self.path);
            keep = end_of_lines(&mut self.file, found)?;
            notes.push(match found {
                0 => format!("{path} is gone, with {size} bytes of earlier results; it begins anew"),
                _ => format!("{path} has lost {} bytes of earlier results; it goes on behind the rest", size - keep),
            });
        }
        if found > keep {
            self.file.set_len(keep)?;
        }
        self.file.seek(SeekFrom::Start(keep))
    }

    fn has_its_head(&mut self) -> io::Result<bool> {
        let mut head = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        Read::by_ref(&mut self.file).take(self.head.len() as u64).read_to_end(&mut head)?;
        self.file.seek(SeekFrom::Start(self.size))?;
        Ok(head == self.head)
    }

    /// The next file of the noun: this one has other columns.
    fn next(mut self, notes: &mut Vec<String>) -> Result<Text, Fault> {
        self.flush()?;
        self.file.sync_data().map_err(|e| self.fault(&e))?;
        let (mut part, mut options) = (self.part, OpenOptions::new());
        let (path, file) = loop {
            part += 1;
            let path = self.folder.join(name(self.noun, self.encoding, part));
            match options.write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(fault(&place(&path), &e)),
            }
        };
        super::sync_folder(&self.folder)?;
        notes.push(format!("{} has other columns now: they begin in {}", place(&self.path), place(&path)));
        Ok(Text { part, path, file, size: 0, ..self }.begun())
    }

    pub(super) fn push(&mut self, row: impl FnOnce(&Lines, &mut Vec<u8>)) -> Result<(), Fault> {
        row(&self.lines, &mut self.buffer);
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    pub(super) fn flush(&mut self) -> Result<(), Fault> {
        let left = self.buffer.len();
        let result = write_out(&self.file, &mut self.buffer);
        self.size += (left - self.buffer.len()) as u64;
        result.map_err(|e| self.fault(&e))
    }

    /// What it is called and how much is in it, durably.
    pub(super) fn progress(&mut self) -> Result<(String, u64), Fault> {
        self.flush()?;
        match self.file.sync_data() {
            // A pipe cannot be synced, and need not be.
            Err(e) if e.kind() != io::ErrorKind::InvalidInput => return Err(self.fault(&e)),
            _ => {}
        }
        Ok((name(self.noun, self.encoding, self.part), self.size))
    }

    /// From now on by this plan.
    pub(super) fn plan(&mut self, plan: &Plan, notes: &mut Vec<String>) -> Result<(), Fault> {
        let (lines, head) = lines_and_head(self.encoding, self.noun, plan);
        if head == self.head {
            self.lines = lines;
            return Ok(());
        }
        self.flush()?;
        let file = self.file.try_clone().map_err(|e| self.fault(&e))?;
        let (folder, path) = (self.folder.clone(), self.path.clone());
        let (encoding, noun, part, size) = (self.encoding, self.noun, self.part, self.size);
        let next = Text { folder, encoding, noun, part, path, lines, head, file, size, buffer: Vec::new() };
        *self = next.next(notes)?;
        Ok(())
    }

    fn fault(&self, error: &io::Error) -> Fault {
        fault(&place(&self.path), error)
    }
}

fn lines_and_head(encoding: Encoding, noun: Noun, plan: &Plan) -> (Lines, Vec<u8>) {
    let lines = Lines::of(encoding, plan).expect("only forms that are lines come here");
    let mut head = Vec::new();
    lines.push_head(noun, plan, &mut head);
    (lines, head)
}

/// Where the last whole line ends, before `end`.
fn end_of_lines(file: &mut File, mut end: u64) -> io::Result<u64> {
    let mut block = vec![0; BUFFER_BYTES];
    while end > 0 {
        let begin = end.saturating_sub(BUFFER_BYTES as u64);
        let block = &mut block[..(end - begin) as usize];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(block)?;
        if let Some(at) = memchr::memrchr(b'\n', block) {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// Writes the buffer, and empties it as far as it was written: after a fault, trying again repeats no byte.
fn write_out(mut file: impl Write, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut written = 0;
    let result = loop {
        if written == buffer.len() {
            break Ok(());
        }
        match file.write(&buffer[written..]) {
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    buffer.drain(..written);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_say_which_they_are() {
        for part in [1, 2, 17] {
            assert_eq!(part_of(&name(Noun::Alerts, Encoding::Csv, part), Noun::Alerts, Encoding::Csv), Some(part));
        }
        for other in ["alerts-1.csv", "alerts-02.csv", "alerts.ndjson", "alerts.csv.old-1", "late.csv", "alerts-x.csv"]
        {
            assert_eq!(part_of(other, Noun::Alerts, Encoding::Csv), None, "{other}");
        }
    }

    #[test]
    fn trying_again_after_a_fault_repeats_no_byte() {
        /// Takes four bytes, then fails once, and so on.
        struct Tired(Vec<u8>, bool);
        impl Write for Tired {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if !self.1 {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let some = &bytes[..bytes.len().min(4)];
                self.0.extend_from_slice(some);
                Ok(some.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut tired = Tired(Vec::new(), false);
        let mut buffer = b"one line\nanother\n".to_vec();
        while write_out(&mut tired, &mut buffer).is_err() {}
        assert_eq!(tired.0, b"one line\nanother\n");
    }
}
