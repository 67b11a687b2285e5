//! One JSON object a line. Nested keys are named with dots: `{"a": {"b": 1}}` has the key `a.b`.
//!
//! A line is gone over once and no tree is built. Cells stay text until the mapping reads them, with the same routines
//! as those of CSV: `serde_json` rounds a number of 17 digits to a neighbour of the nearest `f64` unless it is
//! told to be slow, and the same readings must give the same results from each kind of file.
//!
//! What no column needs is only skipped: of a number there it is not asked whether it is well written. `NaN` and
//! `Infinity`, which Python writes, are taken as what they mean.

use super::lines::MAX_LINE;
use super::mapping::{Field, Mapping, Message};
use super::payload::{Inside, Place, Progress, Room};
use super::roster::NameTable;
use super::{each_line, guess::Sample};
use crate::source::Rows;
use memchr::{memchr, memchr_iter, memmem};
use ouzel_engine::series::Names;

/// Objects and lists may stand in each other this deep.
pub const MAX_DEPTH: usize = 64;

/// Decodes JSON objects, one a line.
#[derive(Debug)]
pub struct Ndjson {
    mapping: Mapping,
    /// A key that is not mapped becomes a channel once it holds a number.
    open: bool,
    keys: NameTable,
    line: u64,
    fields: Vec<Field>,
    path: Vec<u8>,
    /// The line with its unescaped strings behind it, where there are any.
    unescaped: Vec<u8>,
}

/// A value that is not an object.
#[derive(Clone, Copy, Debug)]
pub struct Leaf {
    /// First byte, of a string behind its quote.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it is.
    pub is: Is,
}

/// The kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// A number, `true` or `false`.
    Number,
    /// A string as it stands.
    Plain,
    /// A string with backslashes.
    Escaped,
    /// `null`.
    Null,
    /// A list.
    List,
}

impl Ndjson {
    /// Decodes by this mapping, whose slots are `keys`. `open`: other keys become channels, too.
    pub fn new(mapping: Mapping, keys: &[String], open: bool, line: u64) -> Ndjson {
        let mut table = NameTable::default();
        for key in keys {
            table.add(key.as_bytes());
        }
        let fields = vec![Field::MISSING; keys.len()];
        Ndjson { mapping, open, keys: table, line, fields, path: Vec::new(), unescaped: Vec::new() }
    }

    /// Decodes whole lines, each with its line feed, and gives how many bytes it took. `unfinished`: the line feed
    /// of the last one is not in the input.
    pub fn decode(&mut self, block: &[u8], unfinished: bool, names: &mut Names, into: &mut Rows) -> usize {
        each_line(block, unfinished, into, |line, unfinished, into| {
            self.line(line, unfinished, names, into);
            self.line += 1;
        })
    }

    /// A line that was too long to be held.
    pub fn skip_long(&mut self, start: &[u8], into: &mut Rows) {
        self.mapping.begin();
        self.mapping.reject(self.line, start, super::too_long(), into);
        self.line += 1;
    }

    fn line(&mut self, raw: &[u8], unfinished: bool, names: &mut Names, into: &mut Rows) {
        if raw.trim_ascii().is_empty() {
            return;
        }
        self.mapping.begin();
        if raw.len() > MAX_LINE {
            return self.mapping.reject(self.line, raw, super::too_long(), into);
        }
        match self.scan_line(raw) {
            Ok(()) => self.take(raw, unfinished, names, into),
            Err(why) if unfinished => {
                self.mapping.reject(self.line, raw, format!("the input ends in the middle of this line: {why}"), into);
            }
            Err(why) => self.mapping.reject(self.line, raw, why, into),
        }
    }

    /// Finds the cells of a line that is one object.
    fn scan_line(&mut self, raw: &[u8]) -> Result<(), String> {
        self.fields.fill(Field::MISSING);
        self.unescaped.clear();
        let Ndjson { mapping, open, keys, fields, path, unescaped, .. } = self;
        scan(raw, path, &mut |key, leaf| match slot_of(key, leaf, *open, keys, fields, mapping)? {
            Some(slot) => {
                fields[slot] = field(raw, leaf, unescaped)?;
                Ok(())
            }
            None => Ok(()),
        })
    }

    fn take(&mut self, raw: &[u8], unfinished: bool, names: &mut Names, into: &mut Rows) {
        let text = if self.unescaped.is_empty() { raw } else { &self.unescaped };
        let message = Message { line: self.line, raw, text, fields: &self.fields, unfinished };
        self.mapping.take(&message, names, into);
    }

    /// What the mapping knows of payloads.
    pub fn mapping(&mut self) -> &mut Mapping {
        &mut self.mapping
    }

    /// The next line has this number.
    pub fn go_to_line(&mut self, line: u64) {
        self.line = line;
    }

    /// The number of the line, or of the element of a list, that is read.
    pub fn number(&self) -> u64 {
        self.line
    }

    /// Reads on in a payload: one object (over as many lines as it likes), a list of objects, or several objects one after
    /// the other, each on a line of its own or not. Rejections of a list are numbered by its elements, others by lines.
    ///
    /// Behind a mistake inside a list nothing can be told apart any more; else reading goes on with the next line that
    /// begins with an object.
    pub fn payload(
        &mut self,
        text: &[u8],
        place: &mut Place,
        room: &Room,
        names: &mut Names,
        into: &mut Rows,
    ) -> Progress {
        if place.inside == Inside::Nothing {
            self.line = 1;
            let at = behind_blanks(text, place.at);
            *place = match text.get(at) {
                Some(b'[') => Place { at: behind_blanks(text, at + 1), inside: Inside::List },
                // Blank lines before it count.
                _ => Place { at: place.at, inside: Inside::Objects },
            };
            if place.inside == Inside::List && text.get(place.at) == Some(&b']') {
                return self.behind_list(text, place.at + 1, into);
            }
        }
        match place.inside {
            Inside::List => self.list(text, place, room, names, into),
            _ => self.objects(text, place, room, names, into),
        }
    }

    fn list(&mut self, text: &[u8], place: &mut Place, room: &Room, names: &mut Names, into: &mut Rows) -> Progress {
        loop {
            if room.full(into).is_some() {
                return Progress::More;
            }
            let Some(length) = self.value(&text[place.at..], names, into) else { return Progress::Broken(self.line) };
            let at = behind_blanks(text, place.at + length);
            match text.get(at) {
                Some(b',') => place.at = behind_blanks(text, at + 1),
                Some(b']') => return self.behind_list(text, at + 1, into),
                _ => {
                    let why = "is not valid JSON: a comma or a closing bracket is missing after this element";
                    self.mapping.reject(self.line, &text[at..], why, into);
                    return if at < text.len() { Progress::Broken(self.line) } else { Progress::Ended };
                }
            }
            self.line += 1;
        }
    }

    fn behind_list(&mut self, text: &[u8], at: usize, into: &mut Rows) -> Progress {
        if behind_blanks(text, at) == text.len() {
            return Progress::Ended;
        }
        let why = "is not valid JSON: there is more after the list";
        self.mapping.reject(self.line, &text[at..], why, into);
        Progress::Broken(self.line)
    }

    fn objects(&mut self, text: &[u8], place: &mut Place, room: &Room, names: &mut Names, into: &mut Rows) -> Progress {
        loop {
            let counted = place.at;
            place.at = behind_blanks(text, counted);
            self.line += memchr_iter(b'\n', &text[counted..place.at]).count() as u64;
            let rest = &text[place.at..];
            if rest.is_empty() {
                return Progress::Ended;
            }
            if room.full(into).is_some() {
                return Progress::More;
            }
            let Some(length) = self.value(rest, names, into) else {
                // What lies between belongs to the broken object, most likely. Where nothing begins any more, that is
                // so of all the rest; one line that is broken has lost only itself.
                match memmem::find(rest, b"\n{") {
                    Some(next) => {
                        self.skip(&rest[..next], into);
                        place.at += next;
                        continue;
                    }
                    None => {
                        let line = memchr(b'\n', rest).unwrap_or(rest.len());
                        let lost = !rest[line..].trim_ascii().is_empty();
                        return if lost { Progress::Broken(self.line) } else { Progress::Ended };
                    }
                }
            };
            self.line += memchr_iter(b'\n', &rest[..length]).count() as u64;
            place.at += length;
        }
    }

    /// Passes over the rest of a broken object, and says so where that is more than its line.
    fn skip(&mut self, broken: &[u8], into: &mut Rows) {
        let lines = memchr_iter(b'\n', broken).count() as u64;
        let first = memchr(b'\n', broken).unwrap_or(broken.len());
        if !broken[first..].trim_ascii().is_empty()
            && let Some(last) = into.rejected.last_mut()
        {
            last.reason.push_str(&format!("; reading goes on in line {}", self.line + lines + 1));
        }
        self.line += lines;
    }

    /// Decodes the object that begins here and gives how long it is; `None`: nobody can tell.
    fn value(&mut self, rest: &[u8], names: &mut Names, into: &mut Rows) -> Option<usize> {
        self.mapping.begin();
        // What would be longer is not looked at to its end: each mistake would cost the whole payload.
        let shown = &rest[..rest.len().min(MAX_LINE)];
        self.fields.fill(Field::MISSING);
        self.unescaped.clear();
        let Ndjson { mapping, open, keys, fields, path, .. } = self;
        let mut escaped = false;
        let scanned = scan_first(shown, path, &mut |key, leaf| {
            if let Some(slot) = slot_of(key, leaf, *open, keys, fields, mapping)? {
                escaped |= leaf.is == Is::Escaped;
                fields[slot] = match leaf.is {
                    Is::Number | Is::Plain | Is::Escaped => Field::text(leaf.start, leaf.end),
                    Is::Null => Field::null(leaf.start, leaf.end),
                    Is::List => Field::nested(leaf.start, leaf.end),
                };
            }
            Ok(())
        });
        match scanned {
            Ok(length) => {
                let raw = &rest[..length];
                // Unescaped text goes behind a copy of the object, whose end had to be found first.
                match if escaped { self.scan_line(raw) } else { Ok(()) } {
                    Ok(()) => self.take(raw, false, names, into),
                    Err(why) => self.mapping.reject(self.line, raw, why, into),
                }
                Some(length)
            }
            Err(why) => {
                // Perhaps only something in it is wrong, or it is a value of another kind.
                let length = value_length(shown);
                let line = memchr(b'\n', rest).map_or(rest, |end| &rest[..end]);
                let raw = length.map_or(line, |length| &rest[..length]);
                let long = length.is_none() && shown.len() < rest.len() && memchr(b'\n', shown).is_none();
                let why = if long { "the object is longer than 1 MiB".to_owned() } else { why };
                self.mapping.reject(self.line, raw, why, into);
                length
            }
        }
    }
}

#[inline]
fn behind_blanks(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = text.get(at) {
        at += 1;
    }
    at
}

/// The slot of a key, given now if it is a new channel; `None`: nobody needs it.
#[inline]
fn slot_of(
    key: &[u8],
    leaf: Leaf,
    open: bool,
    keys: &mut NameTable,
    fields: &mut Vec<Field>,
    mapping: &mut Mapping,
) -> Result<Option<usize>, String> {
    let slot = match keys.find(key) {
        Some(place) => place as usize,
        None if open && leaf.is == Is::Number => {
            let name = std::str::from_utf8(key).map_err(|_| "a key is not UTF-8".to_owned())?;
            mapping.add_channel(fields.len(), name, format!("key \"{name}\""))?;
            fields.push(Field::MISSING);
            keys.add(key) as usize
        }
        None => return Ok(None),
    };
    if fields[slot] != Field::MISSING {
        return Err(format!("the key {} stands twice", super::quoted(key)));
    }
    Ok(Some(slot))
}

/// Where the mapping finds this value.
#[inline]
fn field(raw: &[u8], leaf: Leaf, unescaped: &mut Vec<u8>) -> Result<Field, String> {
    Ok(match leaf.is {
        Is::Number | Is::Plain => Field::text(leaf.start, leaf.end),
        Is::Null => Field::null(leaf.start, leaf.end),
        Is::List => Field::nested(leaf.start, leaf.end),
        Is::Escaped => {
            if unescaped.is_empty() {
                unescaped.extend_from_slice(raw);
            }
            let start = unescaped.len();
            unescape(&raw[leaf.start..leaf.end], unescaped)?;
            Field::text(start, unescaped.len())
        }
    })
}

/// The sample of a file: its first objects, each key a column.
pub fn sample(source: &str, text: &[u8]) -> Sample {
    let mut sample = Sample { source: source.into(), first_line: 1, ..Sample::default() };
    let (mut path, mut strings) = (Vec::new(), Vec::new());
    for line in text.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(200) {
        let mut row: Vec<Option<String>> = vec![None; sample.columns.len()];
        let columns = &mut sample.columns;
        let scanned = scan(line, &mut path, &mut |key, leaf| {
            let key = String::from_utf8_lossy(key);
            let number = columns.iter().position(|name| *name == key).unwrap_or_else(|| {
                columns.push(key.into_owned());
                row.push(None);
                columns.len() - 1
            });
            row[number] = match leaf.is {
                Is::Null => None,
                Is::Escaped => {
                    strings.clear();
                    unescape(&line[leaf.start..leaf.end], &mut strings)?;
                    Some(String::from_utf8_lossy(&strings).into_owned())
                }
                _ => Some(String::from_utf8_lossy(&line[leaf.start..leaf.end]).into_owned()),
            };
            Ok(())
        });
        if scanned.is_ok() {
            sample.rows.push(row);
        }
    }
    sample
}

/// Goes over the object of a line and calls `leaf` for each value in it, with its path.
///
/// # Errors
/// What is wrong and where, or what `leaf` says.
pub fn scan<F>(line: &[u8], path: &mut Vec<u8>, leaf: &mut F) -> Result<(), String>
where
    F: FnMut(&[u8], Leaf) -> Result<(), String>,
{
    let end = scan_first(line, path, leaf)?;
    let mut scanner = Scanner { line, at: end, leaf };
    match scanner.next() {
        None => Ok(()),
        Some(_) => Err(scanner.wrong("there is more after the object")),
    }
}

/// The same, and gives where the object ends: others may follow.
#[inline]
fn scan_first<F>(text: &[u8], path: &mut Vec<u8>, leaf: &mut F) -> Result<usize, String>
where
    F: FnMut(&[u8], Leaf) -> Result<(), String>,
{
    path.clear();
    let mut scanner = Scanner { line: text, at: 0, leaf };
    if scanner.next() != Some(b'{') {
        return Err("is not a JSON object".into());
    }
    scanner.object(path, 1)?;
    Ok(scanner.at)
}

/// How long the value is that begins here, if it is well written.
#[cold]
fn value_length(text: &[u8]) -> Option<usize> {
    let mut scanner = Scanner { line: text, at: 0, leaf: &mut |_: &[u8], _| Ok(()) };
    match scanner.next() {
        Some(b'{') => scanner.object(&mut Vec::new(), 1).ok()?,
        first => scanner.value(first, 1).map(drop).ok()?,
    }
    Some(scanner.at)
}

struct Scanner<'a, F> {
    line: &'a [u8],
    at: usize,
    leaf: &'a mut F,
}

impl<F: FnMut(&[u8], Leaf) -> Result<(), String>> Scanner<'_, F> {
    /// The next byte that is not blank; it stays where it is.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.line.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Behind an opening brace, to behind its closing one.
    fn object(&mut self, path: &mut Vec<u8>, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("objects stand in each other more than 64 deep"));
        }
        self.at += 1;
        let base = path.len();
        if self.next() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.next() != Some(b'"') {
                return Err(self.wrong("a key in double quotes is missing"));
            }
            let (start, end, escaped) = self.string()?;
            let line = self.line;
            let plain = &line[start..end];
            if self.next() != Some(b':') {
                return Err(self.wrong("a colon is missing after the key"));
            }
            self.at += 1;
            let first = self.next();
            if first == Some(b'{') || base > 0 || escaped {
                if base > 0 {
                    path.push(b'.');
                }
                if escaped {
                    unescape(plain, path)?;
                } else {
                    path.extend_from_slice(plain);
                }
                if first == Some(b'{') {
                    self.object(path, depth + 1)?;
                } else {
                    let found = self.value(first, depth)?;
                    (self.leaf)(path, found)?;
                }
                path.truncate(base);
            } else {
                let found = self.value(first, depth)?;
                (self.leaf)(plain, found)?;
            }
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("a comma or a closing brace is missing")),
            }
        }
    }

    /// A value that is not an object; `first` is its first byte.
    #[inline]
    fn value(&mut self, first: Option<u8>, depth: usize) -> Result<Leaf, String> {
        let start = self.at;
        let is = match first {
            Some(b'"') => {
                let (start, end, escaped) = self.string()?;
                return Ok(Leaf { start, end, is: if escaped { Is::Escaped } else { Is::Plain } });
            }
            Some(b'-' | b'0'..=b'9') => {
                self.at += 1;
                while let Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-') = self.line.get(self.at) {
                    self.at += 1;
                }
                if self.at == start + 1 && first == Some(b'-') {
                    self.word(b"Infinity")?;
                }
                Is::Number
            }
            Some(b't') => self.word(b"true").map(|()| Is::Number)?,
            Some(b'f') => self.word(b"false").map(|()| Is::Number)?,
            Some(b'N') => self.word(b"NaN").map(|()| Is::Number)?,
            Some(b'I') => self.word(b"Infinity").map(|()| Is::Number)?,
            Some(b'n') => self.word(b"null").map(|()| Is::Null)?,
            Some(b'[') => self.list(depth + 1).map(|()| Is::List)?,
            _ => return Err(self.wrong("a value is missing")),
        };
        Ok(Leaf { start, end: self.at, is })
    }

    fn word(&mut self, word: &[u8]) -> Result<(), String> {
        if !self.line[self.at..].starts_with(word) {
            return Err(self.wrong("this is not a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Behind an opening bracket, to behind its closing one. What is inside has no name and is skipped.
    fn list(&mut self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("lists stand in each other more than 64 deep"));
        }
        self.at += 1;
        if self.next() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            match self.next() {
                Some(b'{') => self.skip_object(depth + 1)?,
                first => {
                    self.value(first, depth)?;
                }
            }
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("a comma or a closing bracket is missing")),
            }
        }
    }

    /// A string: where it begins and ends without its quotes, and whether it has backslashes.
    #[inline]
    fn string(&mut self) -> Result<(usize, usize, bool), String> {
        let start = self.at + 1;
        let at = special(self.line, start);
        match self.line.get(at) {
            Some(b'"') => {
                self.at = at + 1;
                Ok((start, at, false))
            }
            _ => self.escaped_string(start, at),
        }
    }

    #[cold]
    fn escaped_string(&mut self, start: usize, mut at: usize) -> Result<(usize, usize, bool), String> {
        while let Some(byte) = self.line.get(at) {
            match byte {
                b'"' => {
                    self.at = at + 1;
                    return Ok((start, at, true));
                }
                b'\\' => at += 2,
                0..0x20 => {
                    self.at = at;
                    return Err(self.wrong("a control character stands in a string"));
                }
                _ => at += 1,
            }
        }
        self.at = self.line.len();
        Err(self.wrong("a string is not closed"))
    }

    /// An object inside a list: its keys have no path.
    fn skip_object(&mut self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("objects stand in each other more than 64 deep"));
        }
        self.at += 1;
        if self.next() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.next() != Some(b'"') {
                return Err(self.wrong("a key in double quotes is missing"));
            }
            self.string()?;
            if self.next() != Some(b':') {
                return Err(self.wrong("a colon is missing after the key"));
            }
            self.at += 1;
            match self.next() {
                Some(b'{') => self.skip_object(depth + 1)?,
                first => {
                    self.value(first, depth)?;
                }
            }
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("a comma or a closing brace is missing")),
            }
        }
    }

    #[cold]
    fn wrong(&self, what: &str) -> String {
        format!("is not valid JSON: at byte {} {what}", self.at + 1)
    }
}

/// The first quote, backslash or control character from here on.
#[inline]
fn special(text: &[u8], from: usize) -> usize {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    let mut at = from;
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let bytes = u64::from_le_bytes(*chunk);
        let (quote, slash) = (bytes ^ (LOW * 0x22), bytes ^ (LOW * 0x5c));
        let below = |x: u64, limit: u64| x.wrapping_sub(LOW * limit) & !x;
        let hit = (below(quote, 1) | below(slash, 1) | below(bytes, 0x20)) & HIGH;
        if hit != 0 {
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while at < text.len() && !matches!(text[at], b'"' | b'\\' | 0..0x20) {
        at += 1;
    }
    at
}

/// Adds the text that a string with backslashes means.
fn unescape(mut text: &[u8], into: &mut Vec<u8>) -> Result<(), String> {
    let wrong = || "is not valid JSON: a backslash in a string is followed by something unknown".to_owned();
    while let Some(at) = memchr(b'\\', text) {
        into.extend_from_slice(&text[..at]);
        let (&letter, rest) = text[at + 1..].split_first().ok_or_else(wrong)?;
        text = rest;
        into.push(match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = unit(&mut text).ok_or_else(wrong)?;
                // Two units make one character outside the basic plane (RFC 8259, section 7).
                if (0xd800..0xdc00).contains(&code) {
                    text = text.strip_prefix(b"\\u").ok_or_else(wrong)?;
                    let low = unit(&mut text).filter(|low| (0xdc00..0xe000).contains(low)).ok_or_else(wrong)?;
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                }
                let char = char::from_u32(code).ok_or_else(wrong)?;
                into.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return Err(wrong()),
        });
    }
    into.extend_from_slice(text);
    Ok(())
}

/// Four hexadecimal digits.
fn unit(text: &mut &[u8]) -> Option<u32> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    *text = rest;
    digits.iter().try_fold(0, |code, &digit| Some(code << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn leaves(line: &str) -> Result<Vec<(String, String)>, String> {
        let mut found = Vec::new();
        scan(line.as_bytes(), &mut Vec::new(), &mut |path, leaf| {
            let mut text = Vec::new();
            match leaf.is {
                Is::Escaped => unescape(&line.as_bytes()[leaf.start..leaf.end], &mut text)?,
                _ => text.extend_from_slice(&line.as_bytes()[leaf.start..leaf.end]),
            }
            found.push((String::from_utf8_lossy(path).into_owned(), String::from_utf8_lossy(&text).into_owned()));
            Ok(())
        })?;
        Ok(found)
    }

    fn check(line: &str, expected: &str) {
        let said = match leaves(line) {
            Ok(found) => found.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "),
            Err(why) => why,
        };
        assert_eq!(said, expected, "{line}");
    }

    #[test]
    fn values_are_found_under_their_paths() {
        check(r#"{"ts":1,"a":{"b":2.5,"c":{"d":true}},"e":null}"#, "ts=1 a.b=2.5 a.c.d=true e=null");
        check(
            r#" { "k\u00e4se" : "a\n\"b\" \ud83d\ude00" , "l" : [1,{"x":[2]},"]"] } "#,
            "käse=a\n\"b\" 😀 l=[1,{\"x\":[2]},\"]\"]",
        );
        check(r#"{"a":NaN,"b":-Infinity}"#, "a=NaN b=-Infinity");
        check("{}", "");
    }

    #[test]
    fn lines_that_are_no_objects_say_where_they_break() {
        check("[1]", "is not a JSON object");
        check(r#"{"a":1"#, "is not valid JSON: at byte 7 a comma or a closing brace is missing");
        check(r#"{"a":1} x"#, "is not valid JSON: at byte 9 there is more after the object");
        check(r#"{"a" 1}"#, "is not valid JSON: at byte 6 a colon is missing after the key");
        check(r#"{a:1}"#, "is not valid JSON: at byte 2 a key in double quotes is missing");
        check(r#"{"a":"x}"#, "is not valid JSON: at byte 9 a string is not closed");
        check(r#"{"a":}"#, "is not valid JSON: at byte 6 a value is missing");
        let deep = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
        assert!(leaves(&deep).unwrap_err().ends_with("more than 64 deep"));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(leaves(&deep).unwrap_err().ends_with("more than 64 deep"));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,6}|[\"\\\\\n\t]{0,3}".prop_map(Value::from),
        ];
        let tree = leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-c\"\\\\]{1,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        proptest::collection::btree_map("[a-c]{1,2}", tree, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    fn flat(prefix: &str, value: &Value, into: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    flat(&if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") }, value, into);
                }
            }
            Value::String(text) => into.push((prefix.into(), text.clone())),
            other => into.push((prefix.into(), other.to_string())),
        }
    }

    proptest! {
        #[test]
        fn objects_have_the_leaves_that_serde_finds(value in json()) {
            let mut expected = Vec::new();
            flat("", &value, &mut expected);
            prop_assert_eq!(leaves(&value.to_string()), Ok(expected));
        }

        #[test]
        fn what_serde_takes_is_taken(text in "[{}\\[\\]\":,\\\\a1 .-]{0,24}") {
            if serde_json::from_str::<serde_json::Map<String, Value>>(&text).is_ok() {
                prop_assert!(leaves(&text).is_ok());
            }
        }

        #[test]
        fn special_bytes_are_found_eight_at_a_time(text in proptest::collection::vec(any::<u8>(), 0..40), from in 0usize..8) {
            let from = from.min(text.len());
            let slow = text[from..].iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20));
            prop_assert_eq!(special(&text, from), slow.map_or(text.len(), |i| from + i));
        }
    }
}
