//! Comma-separated values as in RFC 4180, with a header line and a plain line feed at the end of each line.
//!
//! Spreadsheets run a cell that begins like a formula. Words that do so get a leading `'`, as OWASP advises
//! ("CSV Injection"); numbers are never touched, so `-5` stays a number.

use super::number::{push_hex, push_integer, push_number, push_time};
use super::{Book, Column, Statistics, Value, fields, rejected_fields};
use crate::source::Rejected;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Given;

/// Adds the header line.
pub fn push_head(columns: &[Column], into: &mut Vec<u8>) {
    let mut line = Line::begin(into);
    columns.iter().for_each(|column| line.cell(Value::Text(&column.name)));
    line.end();
}

/// Adds the line of an output, in the columns that [`super::columns`] gives for the same statistics.
pub fn push(output: &Output, book: &Book<'_>, statistics: &[Given], into: &mut Vec<u8>) {
    if matches!(output.what, What::Over(_) | What::Part(_)) {
        return;
    }
    let mut line = Line::begin(into);
    fields(output, book, Statistics::Columns(statistics), |_, value| line.cell(value));
    line.end();
}

/// Adds the line of a piece of input that could not be read.
pub fn push_rejected(rejected: &Rejected, into: &mut Vec<u8>) {
    let mut line = Line::begin(into);
    rejected_fields(rejected, |_, value| line.cell(value));
    line.end();
}

/// A line on its way.
pub(super) struct Line<'b> {
    into: &'b mut Vec<u8>,
    first: bool,
}

impl<'b> Line<'b> {
    pub(super) fn begin(into: &'b mut Vec<u8>) -> Line<'b> {
        Line { into, first: true }
    }

    #[inline]
    pub(super) fn cell(&mut self, value: Value<'_>) {
        if !self.first {
            self.into.push(b',');
        }
        self.first = false;
        match value {
            Value::Null => {}
            Value::Text(text) => push_text(text, self.into),
            Value::Integer(number) => push_integer(number, self.into),
            Value::Number(number) => push_number(number, self.into),
            Value::Time(time) => push_time(time, self.into),
            Value::Flag(flag) => self.into.extend_from_slice(if flag { b"true" } else { b"false" }),
            Value::Id(id) => push_hex(id.0, self.into),
        }
    }

    pub(super) fn end(self) {
        self.into.push(b'\n');
    }
}

/// Adds words as a cell: quoted where they must be, and never a formula.
pub fn push_text(text: &str, into: &mut Vec<u8>) {
    let formula = matches!(text.as_bytes().first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'));
    let quoted = text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    if quoted {
        into.push(b'"');
    }
    if formula {
        into.push(b'\'');
    }
    if quoted {
        for byte in text.bytes() {
            if byte == b'"' {
                into.push(b'"');
            }
            into.push(byte);
        }
        into.push(b'"');
    } else {
        into.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must_be_and_never_run() {
        for (text, cell) in [
            ("press-1", "press-1"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("-5", "'-5"),
            ("@home,x", "\"'@home,x\""),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
        ] {
            let mut bytes = Vec::new();
            push_text(text, &mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), cell);
        }
    }

    #[test]
    fn numbers_are_never_touched() {
        let mut bytes = Vec::new();
        let mut line = Line::begin(&mut bytes);
        [Value::Number(-5.0), Value::Null, Value::Integer(-1), Value::Number(1e-7)]
            .into_iter()
            .for_each(|v| line.cell(v));
        line.end();
        assert_eq!(bytes, b"-5,,-1,1e-7\n");
    }
}
