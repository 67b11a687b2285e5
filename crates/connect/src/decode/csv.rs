//! Text with a separator, as in RFC 4180, but a quoted field never spans lines: a forgotten quote costs its own line
//! and not the rest of the file.
//!
//! A field's end is sought eight bytes at once, line feeds included, so a row is gone over once before its cells are
//! read. A line with a quoted field is copied, unquoted, and read from the copy.

use super::lines::MAX_LINE;
use super::mapping::{Field, Mapping, Message};
use super::{LIMIT_REJECTED, LIMIT_ROWS};
use crate::source::Rows;
use memchr::{memchr, memchr_iter};
use ouzel_engine::series::Names;

const LOW: u64 = u64::MAX / 255;
const HIGH: u64 = LOW << 7;

/// Decodes the lines of a CSV file, after its header.
#[derive(Debug)]
pub struct Csv {
    mapping: Mapping,
    separator: u8,
    /// How many fields a line has, and who says so.
    width: usize,
    measure: &'static str,
    /// How many of them are looked at.
    needed: usize,
    line: u64,
    /// The fields of a line, as many as are needed.
    fields: Vec<Field>,
    /// The fields of a line with quotes, one behind the other.
    unquoted: Vec<u8>,
    unquoted_fields: Vec<Field>,
}

impl Csv {
    /// Decodes lines of `width` fields; the first of them has this number.
    pub fn new(mapping: Mapping, separator: u8, width: usize, header: bool, line: u64) -> Csv {
        let mapping = mapping.complete();
        let needed = mapping.slots();
        let measure = if header { "header" } else { "first line" };
        let fields = vec![Field::MISSING; needed];
        let (unquoted, unquoted_fields) = (Vec::new(), Vec::new());
        Csv { mapping, separator, width, measure, needed, line, fields, unquoted, unquoted_fields }
    }

    /// Decodes whole lines, each with its line feed, and gives how many bytes it took. `unfinished`: the line feed
    /// of the last one is not in the input.
    pub fn decode(&mut self, block: &[u8], unfinished: bool, names: &mut Names, into: &mut Rows) -> usize {
        let (rows, rejected) = (into.rows.len() + LIMIT_ROWS, into.rejected.len() + LIMIT_REJECTED);
        let mut ends = Ends::new(block, self.separator);
        let mut begin = 0;
        while begin < block.len() && into.rows.len() < rows && into.rejected.len() < rejected {
            begin = self.row(&mut ends, begin, unfinished, names, into);
            self.line += 1;
        }
        begin.min(block.len())
    }

    /// What the mapping knows of payloads, of which the next line has this number.
    pub fn payload(&mut self, line: u64) -> &mut Mapping {
        self.line = line;
        &mut self.mapping
    }

    /// The number of the next line.
    pub fn number(&self) -> u64 {
        self.line
    }

    /// A line that was too long to be held.
    pub fn skip_long(&mut self, start: &[u8], into: &mut Rows) {
        self.mapping.begin();
        self.mapping.reject(self.line, start, super::too_long(), into);
        self.line += 1;
    }

    /// Decodes the row that begins here and gives where the next one does.
    #[inline]
    fn row(
        &mut self,
        ends: &mut Ends<'_>,
        begin: usize,
        unfinished: bool,
        names: &mut Names,
        into: &mut Rows,
    ) -> usize {
        let block = ends.block;
        let (mut start, mut count) = (begin, 0);
        let end = loop {
            if block.get(start) == Some(&b'"') {
                return self.quoted_row(ends, begin, unfinished, names, into);
            }
            let end = ends.next();
            let last = block.get(end).is_none_or(|&b| b == b'\n');
            let shown = end - usize::from(last && end > start && block[end - 1] == b'\r');
            if let Some(field) = self.fields.get_mut(count) {
                *field = Field::text(start, shown);
            }
            count += 1;
            if last {
                break end;
            }
            start = end + 1;
            if count == self.needed && self.needed < self.width {
                // Only the number of fields matters from here on.
                let end = start + memchr(b'\n', &block[start..]).unwrap_or(block.len() - start);
                let rest = &block[start..end];
                if memchr(b'"', rest).is_some() {
                    return self.quoted_row(ends, begin, unfinished, names, into);
                }
                count += 1 + memchr_iter(self.separator, rest).count();
                ends.seek(end + 1);
                break end;
            }
        };
        let raw = line_of(block, begin, end);
        let unfinished = unfinished && end + 1 == block.len();
        if raw.iter().any(|&b| b != b' ') {
            self.mapping.begin();
            if count > self.width || raw.len() > MAX_LINE {
                self.refuse(raw, count, into);
            } else {
                if count < self.needed {
                    self.fields[count..].fill(Field::MISSING);
                }
                let message = Message { line: self.line, raw, text: block, fields: &self.fields, unfinished };
                self.mapping.take(&message, names, into);
            }
        }
        end + 1
    }

    #[cold]
    fn refuse(&mut self, raw: &[u8], count: usize, into: &mut Rows) {
        let reason = if raw.len() > MAX_LINE {
            super::too_long()
        } else {
            format!("has {count} fields, the {} has {}", self.measure, self.width)
        };
        self.mapping.reject(self.line, raw, reason, into);
    }

    #[inline(never)]
    fn quoted_row(
        &mut self,
        ends: &mut Ends<'_>,
        begin: usize,
        unfinished: bool,
        names: &mut Names,
        into: &mut Rows,
    ) -> usize {
        let block = ends.block;
        let end = begin + memchr(b'\n', &block[begin..]).unwrap_or(block.len() - begin);
        ends.seek(end + 1);
        let raw = line_of(block, begin, end);
        self.mapping.begin();
        if raw.len() > MAX_LINE {
            self.refuse(raw, 0, into);
            return end + 1;
        }
        match split(raw, self.separator, &mut self.unquoted, &mut self.unquoted_fields) {
            Ok(()) if self.unquoted_fields.len() > self.width => self.refuse(raw, self.unquoted_fields.len(), into),
            Ok(()) => {
                let unfinished = unfinished && end + 1 == block.len();
                let (text, fields) = (&self.unquoted, &self.unquoted_fields);
                let message = Message { line: self.line, raw, text, fields, unfinished };
                self.mapping.take(&message, names, into);
            }
            Err(reason) => self.mapping.reject(self.line, raw, reason, into),
        }
        end + 1
    }
}

/// The line between these, without a carriage return at its end.
fn line_of(block: &[u8], begin: usize, end: usize) -> &[u8] {
    let line = &block[begin..end];
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Splits a line that may have quoted fields into `fields`, which point into `unquoted`.
///
/// # Errors
/// A phrase on the quote that is wrong.
pub fn split(line: &[u8], separator: u8, unquoted: &mut Vec<u8>, fields: &mut Vec<Field>) -> Result<(), String> {
    unquoted.clear();
    fields.clear();
    let mut at = 0;
    loop {
        let start = unquoted.len();
        if line.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(close) = memchr(b'"', &line[at..]).map(|i| at + i) else {
                    let number = fields.len() + 1;
                    return Err(format!(
                        "column {number}: its quote is not closed on this line; a field may not span lines"
                    ));
                };
                unquoted.extend_from_slice(&line[at..close]);
                at = close + 1;
                if line.get(at) != Some(&b'"') {
                    break;
                }
                unquoted.push(b'"');
                at += 1;
            }
            if line.get(at).is_some_and(|&b| b != separator) {
                let number = fields.len() + 1;
                return Err(format!(
                    "column {number}: there is text after the closing quote; write a quote inside as two"
                ));
            }
        } else {
            let end = at + memchr(separator, &line[at..]).unwrap_or(line.len() - at);
            unquoted.extend_from_slice(&line[at..end]);
            at = end;
        }
        fields.push(Field::text(start, unquoted.len()));
        if at >= line.len() {
            return Ok(());
        }
        at += 1;
    }
}

/// Where fields end: the separators and line feeds of a block, one after the other.
///
/// Eight bytes are compared at once, and each word once, for a row is not much longer than three of them.
struct Ends<'a> {
    block: &'a [u8],
    separators: u64,
    /// Where the word stands, and the high bit of each of its bytes that is an end still to be given.
    word: usize,
    hits: u64,
}

impl<'a> Ends<'a> {
    fn new(block: &'a [u8], separator: u8) -> Ends<'a> {
        let mut ends = Ends { block, separators: LOW * u64::from(separator), word: 0, hits: 0 };
        ends.seek(0);
        ends
    }

    /// Goes on from here.
    #[inline]
    fn seek(&mut self, at: usize) {
        self.word = at;
        self.look();
    }

    /// The next end. Behind the block stands nothing but line feeds.
    #[inline]
    fn next(&mut self) -> usize {
        while self.hits == 0 {
            self.word += 8;
            self.look();
        }
        let at = self.word + (self.hits.trailing_zeros() / 8) as usize;
        self.hits &= self.hits - 1;
        at
    }

    #[inline]
    fn look(&mut self) {
        let bytes = match self.block.get(self.word..).and_then(|rest| rest.first_chunk()) {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => last_word(self.block, self.word),
        };
        self.hits = zeros(bytes ^ self.separators) | zeros(bytes ^ (LOW * u64::from(b'\n')));
    }
}

/// The high bit of each byte that is zero ("Hacker's Delight", 6-1: the form that is right for each byte, not for the
/// lowest alone, because `,-` would be two hits in the shorter one).
#[inline]
fn zeros(word: u64) -> u64 {
    !((word & !HIGH).wrapping_add(!HIGH) | word | !HIGH)
}

#[cold]
fn last_word(block: &[u8], at: usize) -> u64 {
    let mut word = [b'\n'; 8];
    let rest = block.get(at..).unwrap_or_default();
    word[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: &str) {
        let (mut unquoted, mut fields) = (Vec::new(), Vec::new());
        let said = match split(line.as_bytes(), b',', &mut unquoted, &mut fields) {
            Ok(()) => fields
                .iter()
                .map(|f| String::from_utf8_lossy(&unquoted[f.place()]).into_owned())
                .collect::<Vec<_>>()
                .join("|"),
            Err(reason) => reason,
        };
        assert_eq!(said, expected, "{line}");
    }

    #[test]
    fn fields_are_split_and_unquoted() {
        check("a,b,c", "a|b|c");
        check("a,,c,", "a||c|");
        check("\"a,b\",\"say \"\"so\"\"\",\"\"", "a,b|say \"so\"|");
        check("a,b\"c,d", "a|b\"c|d");
        check("a,\"b", "column 2: its quote is not closed on this line; a field may not span lines");
        check("\"a\"b,c", "column 1: there is text after the closing quote; write a quote inside as two");
        check("", "");
    }

    proptest! {
        #[test]
        fn eight_bytes_at_once_find_what_one_at_a_time_finds(
            text in proptest::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'-'), Just(b'+'), any::<u8>()], 0..40),
            from in 0usize..8
        ) {
            let from = from.min(text.len());
            let mut ends = Ends::new(&text, b',');
            ends.seek(from);
            for at in (from..text.len()).filter(|&i| matches!(text[i], b',' | b'\n')) {
                prop_assert_eq!(ends.next(), at);
            }
            prop_assert_eq!(ends.next(), text.len());
        }
    }
}
