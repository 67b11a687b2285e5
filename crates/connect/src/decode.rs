//! Bytes to readings: a file a format, and what they share.
//!
//! ```text
//! bytes -> lines -> csv | ndjson | line -> mapping -> Rows
//!                   (cells of a message)   (readings, rejections)
//! file  -> parquet ------------------------------> Rows
//! ```
//! `guess` fills in what a config leaves out; `roster` turns names to series. Nothing here allocates for a row that is
//! good and whose device was seen before.

pub mod columns;
pub mod csv;
pub mod guess;
pub mod line;
pub mod lines;
pub mod mapping;
pub mod ndjson;
pub mod number;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod payload;
pub mod roster;
pub mod time;
mod told;

use crate::source::Rows;
use ouzel_engine::series::Names;

/// A call of a decoder ends after this many readings, so that memory stays bounded and the rows in the cache.
const LIMIT_ROWS: usize = 8_192;

/// A call of a decoder ends after this many rejections; each has its text.
const LIMIT_REJECTED: usize = 1_024;

/// How much of a line goes into a rejection, in bytes.
pub const EXCERPT: usize = 200;

/// A decoder of text, fed with whole lines.
pub enum Decoder {
    /// Separated text.
    Csv(csv::Csv),
    /// JSON objects.
    Ndjson(ndjson::Ndjson),
    /// Line protocol.
    Line(line::LineProtocol),
}

impl Decoder {
    /// Decodes whole lines, each with its line feed, and gives how many bytes it took: all of them, or fewer when
    /// `into` grew by a few thousand rows. `unfinished`: the line feed of the last one is not in the input.
    ///
    /// A source gives the same `names` each time, for it remembers the numbers they gave.
    pub fn decode(&mut self, block: &[u8], unfinished: bool, names: &mut Names, into: &mut Rows) -> usize {
        match self {
            Decoder::Csv(csv) => csv.decode(block, unfinished, names, into),
            Decoder::Ndjson(ndjson) => ndjson.decode(block, unfinished, names, into),
            Decoder::Line(line) => line.decode(block, unfinished, names, into),
        }
    }

    /// The number of the line that is read next; in a list of JSON, that of the element.
    pub(crate) fn line(&self) -> u64 {
        match self {
            Decoder::Csv(csv) => csv.number(),
            Decoder::Ndjson(ndjson) => ndjson.number(),
            Decoder::Line(line) => line.number(),
        }
    }

    /// The line that is read next has this number.
    pub(crate) fn go_to_line(&mut self, line: u64) {
        match self {
            Decoder::Csv(csv) => _ = csv.payload(line),
            Decoder::Ndjson(ndjson) => ndjson.go_to_line(line),
            Decoder::Line(protocol) => _ = protocol.payload(line),
        }
    }

    /// A line of more than [`lines::MAX_LINE`] bytes was met, which begins so; it counts as one rejected line.
    pub fn skip_long(&mut self, start: &[u8], into: &mut Rows) {
        match self {
            Decoder::Csv(csv) => csv.skip_long(start, into),
            Decoder::Ndjson(ndjson) => ndjson.skip_long(start, into),
            Decoder::Line(line) => line.skip_long(start, into),
        }
    }
}

/// Calls `take` for each line of a block, without its line feed, until it has given enough; how many bytes that were.
fn each_line(block: &[u8], unfinished: bool, into: &mut Rows, mut take: impl FnMut(&[u8], bool, &mut Rows)) -> usize {
    let (rows, rejected) = (into.rows.len() + LIMIT_ROWS, into.rejected.len() + LIMIT_REJECTED);
    let mut at = 0;
    while at < block.len() && into.rows.len() < rows && into.rejected.len() < rejected {
        let end = at + memchr::memchr(b'\n', &block[at..]).unwrap_or(block.len() - at);
        let line = &block[at..end];
        take(line.strip_suffix(b"\r").unwrap_or(line), unfinished && end + 1 == block.len(), into);
        at = end + 1;
    }
    at.min(block.len())
}

/// The begin of a line for a rejection: at most [`EXCERPT`] bytes, cut between characters.
pub fn excerpt(raw: &[u8]) -> String {
    cut(raw, EXCERPT)
}

/// A cell for a message: in quotes, and not all of a long one.
fn quoted(cell: &[u8]) -> String {
    let text = cell.trim_ascii();
    let shown = cut(text, 60);
    if text.len() > 60 { format!("\"{shown}…\"") } else { format!("\"{shown}\"") }
}

fn cut(raw: &[u8], limit: usize) -> String {
    let mut end = raw.len().min(limit);
    // Not inside a character: its further bytes begin with the bits 10.
    while end > 0 && end < raw.len() && limit - end < 4 && raw[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let mut text = String::from_utf8_lossy(&raw[..end]).into_owned();
    // Each bad byte became a mark of three.
    while text.len() > limit {
        text.pop();
    }
    text
}

fn too_long() -> String {
    format!("the line is longer than {} MiB", lines::MAX_LINE >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_cut_between_characters() {
        let long = "ä".repeat(150);
        assert_eq!(excerpt(long.as_bytes()), "ä".repeat(100));
        assert_eq!(excerpt(format!("x{long}").as_bytes()).len(), 199);
        assert_eq!(excerpt(b"a\xffb"), "a\u{fffd}b");
        assert!(excerpt(&[0xff; 300]).len() <= EXCERPT);
        assert_eq!(quoted(b" abc "), "\"abc\"");
    }
}
