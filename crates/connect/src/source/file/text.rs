//! A file of lines, read from its begin or from any line on.
//!
//! A place is a number of bytes, the begin of a line. Most formats can be read from there at once: only the lines before
//! it are counted, for the numbers of rejections. Where what a line means depends on those before it (rows that have no
//! time but follow each other, channels that are whatever was met) they are decoded again and forgotten.

use super::{broken, decoder};
use crate::decode::Decoder;
use crate::decode::lines::{Found, Lines};
use crate::fault::Fault;
use crate::format::{Format, Kind, Shape, TimeFrom};
use crate::source::{Rows, Source};
use ouzel_engine::series::{Names, Timing};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much is read at once to count lines.
const BLOCK: usize = 256 << 10;

/// A file or pipe of lines.
pub(super) struct Text {
    name: String,
    lines: Lines,
    decoder: Decoder,
    /// What it takes to read it again; `None`: a pipe.
    again: Option<Again>,
    /// Lines before this place were read before, and are read only for what they mean to those behind it.
    passing: Option<u64>,
    /// Reading ends here.
    until: Option<u64>,
}

/// How a file is read a second time.
pub(super) struct Again {
    pub(super) path: PathBuf,
    /// Where its first row begins, behind the header.
    pub(super) body: u64,
    pub(super) first_line: u64,
    /// See [`remakes`].
    pub(super) remakes: bool,
    pub(super) format: Format,
    pub(super) columns: Vec<String>,
    pub(super) timing: Timing,
}

/// Whether what a line means depends on those before it.
pub(super) fn remakes(format: &Format) -> bool {
    let open = format.kind != Kind::Csv && matches!(&format.shape, Shape::Wide(pairs) if pairs.is_empty());
    open || matches!(format.time, TimeFrom::Every { .. })
}

impl Text {
    pub(super) fn new(name: &str, lines: Lines, decoder: Decoder, again: Option<Again>) -> Text {
        Text { name: name.to_owned(), lines, decoder, again, passing: None, until: None }
    }

    fn fault(&self, error: &io::Error) -> Fault {
        broken(&self.name, error)
    }

    /// Decodes the lines at hand, but none from `limit` on.
    fn decode(&mut self, limit: Option<u64>, names: &mut Names, into: &mut Rows) {
        let (whole, unfinished) = (self.lines.whole(), self.lines.unfinished());
        let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.lines.place()));
        // The line feed that a last line was given stands behind the last place.
        let all = room >= whole.len() as u64 - u64::from(unfinished);
        let block = if all { whole } else { &whole[..room as usize] };
        let used = self.decoder.decode(block, unfinished && block.len() == whole.len(), names, into);
        self.lines.consume(used);
    }

    /// Opens the file anew, at this place.
    fn reopen(&mut self, again: &Again, place: u64) -> io::Result<()> {
        let mut file = File::open(&again.path)?;
        file.seek(SeekFrom::Start(place))?;
        self.lines = Lines::from_place(Box::new(file), place, self.lines.progress());
        Ok(())
    }

    /// Goes to a place where lines mean what they say; only counts those before it.
    fn jump(&mut self, again: &Again, place: u64) -> io::Result<()> {
        let here = self.lines.place();
        let (from, line) = if here <= place { (here, self.decoder.line()) } else { (again.body, again.first_line) };
        let line = line + newlines(&again.path, from, place)?;
        self.reopen(again, place)?;
        self.decoder.go_to_line(line);
        Ok(())
    }

    /// Goes to a place by way of all that is before it; but not over what was just read.
    fn walk(&mut self, again: &Again, place: u64) -> Result<(), Fault> {
        if self.lines.place() > place {
            self.decoder = decoder(&self.name, &again.format, &again.columns, again.timing, again.first_line)?;
            self.reopen(again, again.body).map_err(|e| self.fault(&e))?;
        }
        self.passing = Some(place);
        Ok(())
    }
}

impl Source for Text {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let before = (into.rows.len(), into.rejected.len(), into.absent);
        let mut known = Rows::default();
        loop {
            if self.passing.is_some_and(|place| self.lines.place() >= place) {
                self.passing = None;
            }
            if self.passing.is_none() && self.until.is_some_and(|place| self.lines.place() >= place) {
                return Ok(false);
            }
            match self.lines.fill().map_err(|error| self.fault(&error))? {
                Found::Whole if self.passing.is_some() => {
                    self.decode(self.passing, names, &mut known);
                    known = Rows::default();
                }
                Found::Whole => self.decode(self.until, names, into),
                Found::TooLong(start) => {
                    self.decoder.skip_long(&start, if self.passing.is_some() { &mut known } else { into });
                    // Of a pipe nobody asks the place, and somebody may wait for the word on this line.
                    if self.again.is_some() {
                        self.lines.pass_long().map_err(|error| self.fault(&error))?;
                    }
                }
                Found::Ended => return Ok(false),
            }
            if (into.rows.len(), into.rejected.len(), into.absent) != before {
                return Ok(true);
            }
        }
    }

    fn place(&self) -> Option<u64> {
        self.again.as_ref().map(|_| self.passing.unwrap_or_else(|| self.lines.place()))
    }

    fn seek(&mut self, place: u64) -> Result<(), Fault> {
        let Some(again) = self.again.take() else {
            return Err(Fault::yours(format!("{} can be read only once: it is a pipe", self.name)));
        };
        let place = place.max(again.body);
        let sought = match again.path.metadata() {
            Ok(about) if about.len() < place => Err(Fault::theirs(format!(
                "{} is shorter than it was: it has {} bytes, and {place} were read",
                self.name,
                about.len()
            ))),
            Ok(_) if again.remakes => self.walk(&again, place),
            Ok(_) => self.jump(&again, place).map_err(|error| self.fault(&error)),
            Err(error) => Err(self.fault(&error)),
        };
        self.again = Some(again);
        sought
    }

    fn until(&mut self, place: Option<u64>) {
        self.until = place;
    }
}

/// How many lines end between two places of a file.
fn newlines(path: &Path, from: u64, to: u64) -> io::Result<u64> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut rest = file.take(to - from);
    let mut block = vec![0; BLOCK];
    let mut lines = 0;
    loop {
        match rest.read(&mut block) {
            Ok(0) => return Ok(lines),
            Ok(count) => lines += memchr::memchr_iter(b'\n', &block[..count]).count() as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
