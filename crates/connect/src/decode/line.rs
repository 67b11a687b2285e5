//! InfluxDB line protocol.
//!
//! ```text
//! weather,location=lab\ 2,device=w1 temperature=21.5,motion=t,count=3i 1704067200000000000
//! |-----| |-----------------------| |--------------------------------| |-----------------|
//! measurement       tags                        fields                        time
//! ```
//! Blanks, commas and equals signs in names are written behind a backslash; a text field stands in double quotes and
//! is no measurement.

use super::lines::MAX_LINE;
use super::mapping::{Field, Mapping, Message};
use super::roster::NameTable;
use super::{each_line, guess::Sample};
use crate::source::Rows;
use ouzel_engine::series::Names;

/// Decodes line protocol.
#[derive(Debug)]
pub struct LineProtocol {
    mapping: Mapping,
    /// A field that is not mapped becomes a channel.
    open: bool,
    /// Columns by slot; fields that were met later come behind those that were mapped.
    columns: NameTable,
    mapped: usize,
    line: u64,
    fields: Vec<Field>,
    /// The line with its unescaped names behind it, where there are any.
    text: Vec<u8>,
    name: Vec<u8>,
}

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Measurement,
    Tag,
    /// A number or a switch.
    Number,
    /// A field in quotes.
    Text,
    Time,
}

impl LineProtocol {
    /// Decodes by this mapping, whose slots are `columns`. `open`: other fields become channels, too.
    pub fn new(mapping: Mapping, columns: &[String], open: bool, line: u64) -> LineProtocol {
        let mut table = NameTable::default();
        for name in columns {
            table.add(name.as_bytes());
        }
        let fields = vec![Field::MISSING; columns.len()];
        let (text, name) = (Vec::new(), Vec::new());
        LineProtocol { mapping, open, columns: table, mapped: columns.len(), line, fields, text, name }
    }

    /// Decodes whole lines, each with its line feed, and gives how many bytes it took. `unfinished`: the line feed
    /// of the last one is not in the input.
    pub fn decode(&mut self, block: &[u8], unfinished: bool, names: &mut Names, into: &mut Rows) -> usize {
        each_line(block, unfinished, into, |line, unfinished, into| {
            self.line(line, unfinished, names, into);
            self.line += 1;
        })
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

    fn line(&mut self, raw: &[u8], unfinished: bool, names: &mut Names, into: &mut Rows) {
        if blank(raw) {
            return;
        }
        self.mapping.begin();
        if raw.len() > MAX_LINE {
            return self.mapping.reject(self.line, raw, super::too_long(), into);
        }
        self.fields.fill(Field::MISSING);
        self.text.clear();
        let LineProtocol { mapping, open, columns, mapped, fields, text, name, .. } = self;
        let split = split(raw, name, &mut |part, name, value| {
            let slot = match (part, columns.find(name).map(|place| place as usize)) {
                (Part::Number | Part::Text, Some(slot)) => slot,
                (_, Some(slot)) if slot < *mapped => slot,
                (Part::Number, None) if *open => {
                    let name_text =
                        std::str::from_utf8(name).map_err(|_| "the name of a field is not UTF-8".to_owned())?;
                    mapping.add_channel(fields.len(), name_text, format!("field \"{name_text}\""))?;
                    fields.push(Field::MISSING);
                    columns.add(name) as usize
                }
                _ => return Ok(()),
            };
            if fields[slot] != Field::MISSING {
                return Err(format!("{} stands twice", super::quoted(name)));
            }
            fields[slot] = match written(part, &raw[value.0..value.1]) {
                Plain::AsItStands(length) => Field::text(value.0, value.0 + length),
                Plain::Instead(other) => {
                    if text.is_empty() {
                        text.extend_from_slice(raw);
                    }
                    text.extend_from_slice(&other);
                    Field::text(text.len() - other.len(), text.len())
                }
            };
            Ok(())
        });
        match split {
            Ok(()) => {
                let text = if text.is_empty() { raw } else { text };
                let message = Message { line: self.line, raw, text, fields, unfinished };
                mapping.take(&message, names, into);
            }
            Err(why) if unfinished => {
                mapping.reject(self.line, raw, format!("the input ends in the middle of this line: {why}"), into);
            }
            Err(why) => mapping.reject(self.line, raw, why, into),
        }
    }
}

/// Nothing, or a comment.
fn blank(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), None | Some(b'#'))
}

/// What a part says, as the other formats write it.
enum Plain {
    /// So many bytes of it.
    AsItStands(usize),
    /// Other bytes.
    Instead(Vec<u8>),
}

fn written(part: Part, value: &[u8]) -> Plain {
    match (part, value) {
        (Part::Number, [.., b'0'..=b'9', b'i' | b'u']) => Plain::AsItStands(value.len() - 1),
        (Part::Number, b"t" | b"T") => Plain::Instead(b"true".into()),
        (Part::Number, b"f" | b"F") => Plain::Instead(b"false".into()),
        (Part::Text | Part::Measurement | Part::Tag, _) if value.contains(&b'\\') => {
            let mut text = Vec::new();
            unescape(value, if part == Part::Text { b"\"\\" } else { b", =" }, &mut text);
            Plain::Instead(text)
        }
        _ => Plain::AsItStands(value.len()),
    }
}

fn unescape(text: &[u8], special: &[u8], into: &mut Vec<u8>) {
    let mut bytes = text.iter().peekable();
    while let Some(&byte) = bytes.next() {
        match bytes.peek() {
            Some(&&next) if byte == b'\\' && special.contains(&next) => {
                into.push(next);
                bytes.next();
            }
            _ => into.push(byte),
        }
    }
}

/// Where a name ends: at one of `stops` without a backslash before it.
fn until(line: &[u8], from: usize, stops: &[u8]) -> usize {
    let mut at = from;
    while at < line.len() && !stops.contains(&line[at]) {
        at += if line[at] == b'\\' { 2 } else { 1 };
    }
    at.min(line.len())
}

/// Calls `part` for each part of a line with its name and where its value stands. `name` is room for names.
fn split<F>(line: &[u8], name: &mut Vec<u8>, part: &mut F) -> Result<(), String>
where
    F: FnMut(Part, &[u8], (usize, usize)) -> Result<(), String>,
{
    let wrong = |at: usize, what: &str| Err(format!("is not line protocol: at byte {} {what}", at + 1));
    let begin = line.len() - line.trim_ascii_start().len();
    let mut at = until(line, begin, b", ");
    if at == begin {
        return wrong(at, "the measurement is missing");
    }
    part(Part::Measurement, b"measurement", (begin, at))?;
    while line.get(at) == Some(&b',') {
        at = pair(line, at + 1, name, |at| Ok((until(line, at, b", "), Part::Tag)), part)?;
    }
    while line.get(at) == Some(&b' ') {
        at += 1;
    }
    if at == line.len() {
        return wrong(at, "the fields are missing");
    }
    loop {
        at = pair(line, at, name, |at| value(line, at), part)?;
        if line.get(at) != Some(&b',') {
            break;
        }
        at += 1;
    }
    let rest = line[at..].trim_ascii();
    let start = at + (line[at..].len() - line[at..].trim_ascii_start().len());
    if rest.is_empty() {
        return Ok(());
    }
    if !rest.iter().all(|b| b.is_ascii_digit() || *b == b'-') {
        return wrong(start, "a time should stand, a whole number");
    }
    part(Part::Time, b"time", (start, start + rest.len()))
}

/// A name, an equals sign and a value, whose end and kind `end` finds.
fn pair<F>(
    line: &[u8],
    at: usize,
    name: &mut Vec<u8>,
    end: impl Fn(usize) -> Result<(usize, Part), String>,
    part: &mut F,
) -> Result<usize, String>
where
    F: FnMut(Part, &[u8], (usize, usize)) -> Result<(), String>,
{
    let equals = until(line, at, b"=, ");
    if line.get(equals) != Some(&b'=') || equals == at {
        return Err(format!("is not line protocol: at byte {} a name and an equals sign are missing", at + 1));
    }
    let (close, kind) = end(equals + 1)?;
    if close == equals + 1 {
        return Err(format!("is not line protocol: at byte {} a value is missing", close + 1));
    }
    let value = if kind == Part::Text { (equals + 2, close - 1) } else { (equals + 1, close) };
    let plain = &line[at..equals];
    if plain.contains(&b'\\') {
        name.clear();
        unescape(plain, b", =", name);
        part(kind, name, value)?;
    } else {
        part(kind, plain, value)?;
    }
    Ok(close)
}

/// Where the value of a field ends: text behind its closing quote.
fn value(line: &[u8], from: usize) -> Result<(usize, Part), String> {
    if line.get(from) != Some(&b'"') {
        return Ok((until(line, from, b", "), Part::Number));
    }
    let close = until(line, from + 1, b"\"");
    if close >= line.len() {
        return Err(format!("is not line protocol: at byte {} a text is not closed", from + 1));
    }
    Ok((close + 1, Part::Text))
}

/// Whether a line can be split at all.
///
/// # Errors
/// What is wrong and where.
pub fn check(line: &[u8]) -> Result<(), String> {
    if blank(line) { Ok(()) } else { split(line, &mut Vec::new(), &mut |_, _, _| Ok(())) }
}

/// Whether a line is line protocol rather than CSV.
pub fn looks_like(line: &[u8]) -> bool {
    let mut numbers = 0;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let split = split(line, &mut Vec::new(), &mut |part, _, value| {
        let plain = match written(part, &line[value.0..value.1]) {
            Plain::AsItStands(length) => line[value.0..value.0 + length].to_vec(),
            Plain::Instead(other) => other,
        };
        if part == Part::Number && matches!(super::number::read(&plain, b'.'), super::number::Cell::Text) {
            return Err(String::new());
        }
        numbers += usize::from(matches!(part, Part::Number | Part::Text));
        Ok(())
    });
    split.is_ok() && numbers > 0
}

/// The sample of a file: its first lines, with `measurement`, tags, fields and `time` as columns.
pub fn sample(source: &str, text: &[u8]) -> Sample {
    let mut sample = Sample { source: source.into(), first_line: 1, ..Sample::default() };
    let mut name = Vec::new();
    for line in text.split(|&b| b == b'\n').filter(|line| !blank(line)).take(200) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut row: Vec<Option<String>> = vec![None; sample.columns.len()];
        let columns = &mut sample.columns;
        let split = split(line, &mut name, &mut |part, name, value| {
            let name = String::from_utf8_lossy(name);
            let number = columns.iter().position(|column| *column == name).unwrap_or_else(|| {
                columns.push(name.into_owned());
                row.push(None);
                columns.len() - 1
            });
            let text = match written(part, &line[value.0..value.1]) {
                Plain::AsItStands(length) => line[value.0..value.0 + length].to_vec(),
                Plain::Instead(other) => other,
            };
            row[number] = Some(String::from_utf8_lossy(&text).into_owned());
            Ok(())
        });
        if split.is_ok() {
            sample.rows.push(row);
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let sample = sample("x", line.as_bytes());
        let said = match sample.rows.first() {
            Some(row) => sample
                .columns
                .iter()
                .zip(row)
                .map(|(name, cell)| format!("{name}={}", cell.as_deref().unwrap_or("-")))
                .collect::<Vec<_>>()
                .join("|"),
            None => split(line.as_bytes(), &mut Vec::new(), &mut |_, _, _| Ok(())).unwrap_err(),
        };
        assert_eq!(said, expected, "{line}");
    }

    #[test]
    fn lines_are_split_into_their_parts() {
        check(
            "weather,location=lab,device=w1 temperature=21.5,count=3i,up=t,down=F,big=7u 17",
            "measurement=weather|location=lab|device=w1|temperature=21.5|count=3|up=true|down=false|big=7|time=17",
        );
        check(r"my\ room,a\,b=c\=d e\ f=1", "measurement=my room|a,b=c=d|e f=1");
        check(r#"m text="a, \"b\" \\ c=d",x=1 5"#, r#"measurement=m|text=a, "b" \ c=d|x=1|time=5"#);
        check("  m   x=1   5  ", "measurement=m|x=1|time=5");
    }

    #[test]
    fn lines_that_are_something_else_say_where_they_break() {
        check(",a=b x=1", "is not line protocol: at byte 1 the measurement is missing");
        check("m,a=b", "is not line protocol: at byte 6 the fields are missing");
        check("m x", "is not line protocol: at byte 3 a name and an equals sign are missing");
        check("m x= 5", "is not line protocol: at byte 5 a value is missing");
        check("m x=\"a", "is not line protocol: at byte 5 a text is not closed");
        check("m x=1 soon", "is not line protocol: at byte 7 a time should stand, a whole number");
    }

    #[test]
    fn csv_does_not_look_like_it() {
        assert!(looks_like(b"m,a=b x=1 5"));
        assert!(!looks_like(b"ts,device,value"));
        assert!(!looks_like(b"2024-01-01 00:00:00,1.5"));
    }
}
