//! Bytes of a reader as whole lines, in one buffer that is used over and over.
//!
//! ```text
//! buffer  |  used  |  whole lines ...  \n|  begin of a line  |  free  |
//!         0      begin                 whole                end   capacity
//! ```
//! The buffer is 256 KiB, because larger reads gained nothing and smaller ones cost system calls. It grows for a long
//! line up to [`MAX_LINE`]; what is longer is skipped to its end without being held.

use super::EXCERPT;
use memchr::{memchr, memrchr};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The longest line that is read, in bytes without its line feed.
pub const MAX_LINE: usize = 1 << 20;

/// How much of the reader is taken at once.
const BLOCK: usize = 256 << 10;

/// How much is looked at to guess the format.
const SAMPLE: usize = 64 << 10;

/// A reader, seen as lines.
pub struct Lines {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    begin: usize,
    whole: usize,
    end: usize,
    ended: bool,
    unfinished: bool,
    /// Inside a line that is too long.
    skipping: bool,
    /// How many bytes were read; the progress bar looks at it from another thread.
    read: Arc<AtomicU64>,
}

/// What [`Lines::fill`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// There are whole lines in [`Lines::whole`].
    Whole,
    /// A line that is longer than [`MAX_LINE`] begins so.
    TooLong(Vec<u8>),
    /// The input has ended and all of it was used.
    Ended,
}

/// How much of an input to wait for before its format is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A file: 64 KiB, or all of it.
    Sample,
    /// A pipe that may be live: what comes together, but three lines.
    ThreeLines,
}

impl Lines {
    /// Reads from here.
    pub fn new(reader: Box<dyn Read + Send>) -> Lines {
        Lines {
            reader,
            buffer: vec![0; BLOCK],
            begin: 0,
            whole: 0,
            end: 0,
            ended: false,
            unfinished: false,
            skipping: false,
            read: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Reads from here, a place in a file: so many bytes were before it. Whoever looks at `read` sees it.
    pub fn from_place(reader: Box<dyn Read + Send>, place: u64, read: Arc<AtomicU64>) -> Lines {
        read.store(place, Ordering::Relaxed);
        Lines { read, ..Lines::new(reader) }
    }

    /// How many bytes stand before what is read next.
    pub fn place(&self) -> u64 {
        let left = self.end - self.begin;
        // The line feed that a last line was given is none of the input's.
        self.read.load(Ordering::Relaxed) - left.saturating_sub(usize::from(self.unfinished)) as u64
    }

    /// How many bytes were read so far, to be looked at while reading goes on.
    pub fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// The first bytes of the input, which stay to be read: whole lines, or all there is. Longer than 64 KiB only
    /// where the first line is.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn peek(&mut self, wait: Wait) -> io::Result<&[u8]> {
        loop {
            let seen = &self.buffer[self.begin..self.end];
            let lines = memchr::memchr_iter(b'\n', seen).take(3).count();
            let enough = match wait {
                Wait::ThreeLines if lines == 3 => true,
                _ => seen.len() >= SAMPLE && lines > 0,
            };
            if enough || self.ended || seen.len() > MAX_LINE {
                break;
            }
            self.more()?;
        }
        let seen = &self.buffer[self.begin..self.end];
        let limit = seen.len().min(SAMPLE.max(first_line(seen)));
        // A line cut at the end of the sample would be misread; at the end of the input it is all there is.
        let whole = if self.ended && limit == seen.len() { limit } else { last_line(&seen[..limit]) };
        Ok(&seen[..whole])
    }

    /// Makes sure of at least one whole line, if there is one.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn fill(&mut self) -> io::Result<Found> {
        loop {
            if self.skipping {
                match memchr(b'\n', &self.buffer[self.begin..self.end]) {
                    Some(at) => {
                        self.begin += at + 1;
                        self.skipping = false;
                    }
                    None => self.begin = self.end,
                }
            }
            if self.begin < self.whole {
                return Ok(Found::Whole);
            }
            // Where whole lines were not sought yet.
            if let Some(at) = memrchr(b'\n', &self.buffer[self.begin..self.end]) {
                self.whole = self.begin + at + 1;
                return Ok(Found::Whole);
            }
            if self.ended {
                if self.begin == self.end {
                    return Ok(Found::Ended);
                }
                if self.end - self.begin <= MAX_LINE {
                    self.close_last_line();
                    return Ok(Found::Whole);
                }
            }
            if self.end - self.begin > MAX_LINE {
                let start = self.buffer[self.begin..][..EXCERPT + 4].to_vec();
                self.begin = self.end;
                self.skipping = true;
                return Ok(Found::TooLong(start));
            }
            self.more()?;
        }
    }

    /// Reads to the end of a line that is too long, so that [`Lines::place`] is the begin of one.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn pass_long(&mut self) -> io::Result<()> {
        while self.skipping {
            match memchr(b'\n', &self.buffer[self.begin..self.end]) {
                Some(at) => {
                    self.begin += at + 1;
                    self.skipping = false;
                }
                None => {
                    self.begin = self.end;
                    if self.ended {
                        return Ok(());
                    }
                    self.more()?;
                }
            }
        }
        Ok(())
    }

    /// The whole lines at hand, each ended by a line feed.
    pub fn whole(&self) -> &[u8] {
        &self.buffer[self.begin..self.whole]
    }

    /// Whether the last of [`Lines::whole`] had no line feed of its own: the input ended in the middle of it.
    pub fn unfinished(&self) -> bool {
        self.unfinished
    }

    /// Takes the first `count` bytes of [`Lines::whole`] as used.
    pub fn consume(&mut self, count: usize) {
        debug_assert!(self.begin + count <= self.whole);
        self.begin += count;
    }

    /// Takes `count` bytes of [`Lines::peek`] as used: a byte order mark, a header.
    pub fn skip(&mut self, count: usize) {
        self.begin = (self.begin + count).min(self.end);
    }

    fn close_last_line(&mut self) {
        if self.end == self.buffer.len() {
            self.buffer.push(0);
        }
        self.buffer[self.end] = b'\n';
        self.end += 1;
        self.whole = self.end;
        self.unfinished = true;
    }

    /// Reads once, behind what is there.
    fn more(&mut self) -> io::Result<()> {
        if self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.begin = 0;
            self.whole = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize((self.end * 2).min(MAX_LINE + BLOCK), 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.end += count;
                    self.read.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

/// How long the first line is, with its line feed.
fn first_line(text: &[u8]) -> usize {
    memchr(b'\n', text).map_or(text.len(), |at| at + 1)
}

/// Where the last whole line ends.
fn last_line(text: &[u8]) -> usize {
    memrchr(b'\n', text).map_or(text.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives a few bytes at a time.
    struct Drops(Vec<u8>, usize, usize);

    impl Read for Drops {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len()).min(self.0.len() - self.2);
            into[..count].copy_from_slice(&self.0[self.2..][..count]);
            self.2 += count;
            Ok(count)
        }
    }

    fn all(text: &[u8], at_once: usize) -> (Vec<String>, bool) {
        let mut lines = Lines::new(Box::new(Drops(text.to_vec(), at_once, 0)));
        let mut found = Vec::new();
        loop {
            match lines.fill().unwrap() {
                Found::Whole => {
                    let end = memchr(b'\n', lines.whole()).unwrap();
                    found.push(format!("{}", String::from_utf8_lossy(&lines.whole()[..end.min(20)])));
                    lines.consume(end + 1);
                }
                Found::TooLong(start) => found.push(format!("long {}", String::from_utf8_lossy(&start[..3]))),
                Found::Ended => return (found, lines.unfinished()),
            }
        }
    }

    #[test]
    fn lines_come_whole_however_they_are_read() {
        for at_once in [1, 2, 3, 7, 1000] {
            assert_eq!(
                all(b"one\n\ntwo\nthree", at_once),
                (vec!["one".into(), "".into(), "two".into(), "three".into()], true)
            );
            assert_eq!(all(b"one\n", at_once), (vec!["one".into()], false));
            assert_eq!(all(b"", at_once), (vec![], false));
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        let mut text = vec![b'x'; 3 * MAX_LINE];
        text.extend_from_slice(b"\nafter\n");
        for at_once in [1000, BLOCK, usize::MAX] {
            assert_eq!(all(&text, at_once), (vec!["long xxx".into(), "after".into()], false));
        }
        let lines = Lines::new(Box::new(Drops(text, 5000, 0)));
        assert!(lines.buffer.len() <= MAX_LINE + BLOCK);
    }

    #[test]
    fn peeking_loses_nothing() {
        let mut lines = Lines::new(Box::new(Drops(b"a\nb\nc\nd".to_vec(), 1, 0)));
        assert_eq!(lines.peek(Wait::ThreeLines).unwrap(), b"a\nb\nc\n");
        assert_eq!(lines.peek(Wait::Sample).unwrap(), b"a\nb\nc\nd");
        assert_eq!(lines.fill().unwrap(), Found::Whole);
        assert_eq!(lines.whole(), b"a\nb\nc\n");
    }
}
