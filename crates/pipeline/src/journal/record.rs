//! What stands in a journal: stretches of input and what people said, as bytes and back.
//!
//! A record is a byte for its kind and a body. Heads are written by postcard. Rows are written one after the other,
//! each as a byte that says what is as in the row before it, and then the rest: a reading of a device that speaks
//! regularly takes 10 to 16 bytes instead of 24, and fewer bytes wear flash less.

use crate::control::{Control, Order};
use crate::intake::Stretch;
use crate::log::Unreadable;
use crate::sequence::BySource;
use ouzel_connect::source::Rejected;
use ouzel_engine::reading::{Batch, Flags, Quality, Reading, TICK};
use ouzel_engine::series::{Declaration, Series};
use ouzel_engine::table::Table;
use ouzel_engine::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Input.
    Stretch(Box<Journalled>),
    /// Input that stands in a file and can be read there again.
    Reference(Box<Referred>),
    /// What somebody said.
    Control(Control),
    /// The config that is in force from here on.
    Config(Configured),
    /// The version of a table that is in force from here on.
    Table(Tabled),
}

/// A change of the config. It has a number among the inputs, for alerts may end by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// Its number.
    pub input: u64,
    /// When it came.
    pub at: Time,
    /// The text that is in force from here on.
    pub text: String,
}

/// A version of a table, whole. It has a number among the inputs, as all has that may change what comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Tabled {
    /// Its number.
    pub input: u64,
    /// When it came.
    pub at: Time,
    /// The name of its join.
    pub join: String,
    /// What the file said; nothing: the join has no table any more.
    pub table: Arc<Table>,
}

/// A stretch of input, and what is to be known of how it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journalled {
    /// When it arrived.
    pub arrived: Time,
    /// By what second deliveries of its messages are recognised: which source (a hash of its name), which message.
    pub marks: Vec<(u32, u64)>,
    /// The messages in it that their devices have numbered, by source.
    pub numbers: BySource,
    /// The input itself.
    pub stretch: Stretch,
}

/// Input by reference: where it stands, and how to know that it is still the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Referred {
    /// When it arrived.
    pub arrived: Time,
    /// The name of its source.
    pub source: String,
    /// Which of the source's files.
    pub file: String,
    /// From where in the file to where, as its reader counts.
    pub from: u64,
    /// See `from`.
    pub to: u64,
    /// The number of its first row, and how many rows it has.
    pub first: u64,
    /// See `first`.
    pub rows: u32,
    /// XXH3 of the rows, see [`checksum`].
    pub checksum: u64,
    /// Names that are new in it.
    pub declarations: Vec<Declaration>,
    /// What could not be read of it.
    pub rejected: Vec<Rejected>,
    /// Empty cells.
    pub absent: u64,
    /// What was left out of it.
    #[serde(skip)]
    pub sifted: Sifted,
}

/// What was left out of input by reference, and how that is known the next time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sifted {
    /// Readings behind this time went aside.
    pub latest: Time,
    /// Rows of the file that came before and were not taken a second time: where they begin, and how many they are.
    pub again: Vec<(u32, u32)>,
    /// The messages in it that their devices have numbered.
    pub numbers: BySource,
}

/// The first format knew one allowance for times that are ahead.
const FIRST_AHEAD: Span = Span::from_secs(3_600);

/// XXH3 of rows: series, time, value and quality of each.
pub fn checksum(rows: &[Reading]) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for row in rows {
        let mut bytes = [0u8; 21];
        bytes[..4].copy_from_slice(&row.series.0.to_le_bytes());
        bytes[4..12].copy_from_slice(&row.time.0.to_le_bytes());
        bytes[12..20].copy_from_slice(&row.value.to_bits().to_le_bytes());
        bytes[20] = row.quality as u8;
        hash.update(&bytes);
    }
    hash.digest()
}

#[derive(Serialize, Deserialize)]
struct Head {
    arrived: Time,
    first: u64,
    rows: u32,
    end: Option<u64>,
    absent: u64,
    marks: Vec<(u32, u64)>,
    declarations: Vec<Declaration>,
    rejected: Vec<Rejected>,
}

/// The same with times as what they are before the arrival, or the other way round: that is shorter.
fn relative(arrived: Time, numbers: BySource) -> BySource {
    let mut numbers = numbers;
    for time in numbers.iter_mut().flat_map(|(_, all)| all).filter_map(|seen| seen.time.as_mut()) {
        *time = Time(arrived.0.wrapping_sub(time.0));
    }
    numbers
}

impl Head {
    /// The number of the input behind the record; `None`: it is none that was ever given.
    fn next(&self) -> Option<u64> {
        let behind = self.first.checked_add(u64::from(self.rows))?;
        self.end.map_or(Some(behind), |end| end.checked_add(1))
    }
}

// 0 is the begin of a segment.
const STRETCH: u8 = 1;
const CONTROL: u8 = 2;
const CONFIG: u8 = 3;
const REFERENCE: u8 = 4;
// The same, with the numbers of its messages before the head.
const NUMBERED: u8 = 5;
// The same, with what was left out before the rest.
const SIFTED: u8 = 6;
const TABLE: u8 = 7;

/// A change of the config, as bytes.
pub fn config(configured: &Configured, into: &mut Vec<u8>) {
    into.push(CONFIG);
    into.extend_from_slice(&configured.input.to_le_bytes());
    into.extend_from_slice(&configured.at.0.to_le_bytes());
    into.extend_from_slice(configured.text.as_bytes());
}

fn read_config(body: &[u8]) -> Option<Configured> {
    let (input, rest) = body.split_first_chunk()?;
    let (at, text) = rest.split_first_chunk()?;
    let text = String::from_utf8(text.to_vec()).ok()?;
    Some(Configured { input: u64::from_le_bytes(*input), at: Time(i64::from_le_bytes(*at)), text })
}

/// A version of a table, as bytes.
pub fn table(tabled: &Tabled, into: &mut Vec<u8>) {
    into.push(TABLE);
    into.extend_from_slice(&tabled.input.to_le_bytes());
    into.extend_from_slice(&tabled.at.0.to_le_bytes());
    into.extend(postcard::to_allocvec(&(&tabled.join, &*tabled.table)).expect("plain data always encodes"));
}

fn read_table(body: &[u8]) -> Option<Tabled> {
    let (input, rest) = body.split_first_chunk()?;
    let (at, rest) = rest.split_first_chunk()?;
    let (join, table): (String, Table) = postcard::from_bytes(rest).ok()?;
    let (input, at) = (u64::from_le_bytes(*input), Time(i64::from_le_bytes(*at)));
    (input < u64::MAX && table.fits()).then(|| Tabled { input, at, join, table: Arc::new(table) })
}

/// Input by reference, as bytes.
pub fn reference(referred: &Referred, into: &mut Vec<u8>) {
    let Sifted { latest, again, numbers } = &referred.sifted;
    if again.is_empty() && numbers.is_empty() && *latest == referred.arrived + FIRST_AHEAD {
        into.push(REFERENCE);
    } else {
        into.push(SIFTED);
        into.extend(postcard::to_allocvec(&referred.sifted).expect("plain data always encodes"));
    }
    into.extend(postcard::to_allocvec(referred).expect("plain data always encodes"));
}

/// What somebody said, as bytes.
pub fn control(control: &Control, into: &mut Vec<u8>) {
    into.push(CONTROL);
    into.extend(postcard::to_allocvec(control).expect("plain data always encodes"));
}

/// Input, as bytes.
pub fn stretch(arrived: Time, marks: Vec<(u32, u64)>, numbers: BySource, stretch: &Stretch, into: &mut Vec<u8>) {
    debug_assert!(stretch.batch.offsets.is_empty(), "the journal holds every row");
    debug_assert!(stretch.tables.is_empty(), "they are records of their own");
    if numbers.is_empty() {
        into.push(STRETCH);
    } else {
        into.push(NUMBERED);
        let numbers = relative(arrived, numbers);
        into.extend(postcard::to_allocvec(&numbers).expect("plain data always encodes"));
    }
    let head = Head {
        arrived,
        first: stretch.batch.first,
        rows: stretch.batch.rows.len() as u32,
        end: stretch.end,
        absent: stretch.absent,
        marks,
        declarations: stretch.declarations.clone(),
        rejected: stretch.rejected.clone(),
    };
    into.extend(postcard::to_allocvec(&head).expect("plain data always encodes"));
    into.reserve(stretch.batch.rows.len() * 16);
    let mut before = Reading::new(Series(0), Time(0), 0.0);
    for row in &stretch.batch.rows {
        push_row(row, &before, into);
        before = *row;
    }
}

/// Reads a record.
///
/// # Errors
/// When the bytes are no record.
pub fn read(bytes: &[u8]) -> Result<Record, Unreadable> {
    let (&kind, body) = bytes.split_first().ok_or(Unreadable::Damaged)?;
    match kind {
        STRETCH | NUMBERED => {
            let (numbers, body) = split_numbers(kind, body).ok_or(Unreadable::Damaged)?;
            let stretch = read_stretch(numbers, body, true).ok_or(Unreadable::Damaged)?;
            Ok(Record::Stretch(Box::new(stretch)))
        }
        CONTROL => match postcard::from_bytes(body) {
            Ok(Control { what: Order::Retire { input: u64::MAX, .. }, .. }) | Err(_) => Err(Unreadable::Damaged),
            Ok(control) => Ok(Record::Control(control)),
        },
        CONFIG => {
            let configured = read_config(body).filter(|configured| configured.input < u64::MAX);
            configured.map(Record::Config).ok_or(Unreadable::Damaged)
        }
        TABLE => read_table(body).map(Record::Table).ok_or(Unreadable::Damaged),
        REFERENCE | SIFTED => {
            let referred = read_reference(kind, body).ok_or(Unreadable::Damaged)?;
            Ok(Record::Reference(Box::new(referred)))
        }
        _ => Err(Unreadable::Damaged),
    }
}

/// The numbers before the head of a stretch, where there are any; and the rest.
fn split_numbers(kind: u8, body: &[u8]) -> Option<(BySource, &[u8])> {
    match kind {
        NUMBERED => postcard::take_from_bytes(body).ok(),
        _ => Some((Vec::new(), body)),
    }
}

fn read_reference(kind: u8, body: &[u8]) -> Option<Referred> {
    let (sifted, body) = match kind {
        SIFTED => postcard::take_from_bytes::<Sifted>(body).map(|(sifted, rest)| (Some(sifted), rest)).ok()?,
        _ => (None, body),
    };
    let mut referred: Referred = postcard::from_bytes(body).ok()?;
    referred.first.checked_add(u64::from(referred.rows))?;
    let latest = referred.arrived + FIRST_AHEAD;
    referred.sifted = sifted.unwrap_or(Sifted { latest, ..Sifted::default() });
    Some(referred)
}

/// What a record says of names and numbers, without its rows: they are many, and whoever only goes on behind them need
/// not know them. The next number is that of the first input behind the record.
///
/// # Errors
/// As [`read`].
pub fn read_head(bytes: &[u8]) -> Result<(Record, Option<u64>), Unreadable> {
    match bytes.split_first() {
        Some((&kind @ (STRETCH | NUMBERED), body)) => {
            let (numbers, body) = split_numbers(kind, body).ok_or(Unreadable::Damaged)?;
            let (head, _): (Head, _) = postcard::take_from_bytes(body).map_err(|_| Unreadable::Damaged)?;
            let next = head.next().ok_or(Unreadable::Damaged)?;
            let stretch = read_stretch(numbers, body, false).ok_or(Unreadable::Damaged)?;
            Ok((Record::Stretch(Box::new(stretch)), Some(next)))
        }
        _ => {
            let record = read(bytes)?;
            let next = match &record {
                Record::Reference(referred) => Some(referred.first + u64::from(referred.rows)),
                Record::Control(Control { what: Order::Retire { input, .. }, .. }) => Some(input + 1),
                Record::Config(Configured { input, .. }) | Record::Table(Tabled { input, .. }) => Some(input + 1),
                _ => None,
            };
            Ok((record, next))
        }
    }
}

fn read_stretch(numbers: BySource, body: &[u8], with_rows: bool) -> Option<Journalled> {
    let (mut head, mut rest): (Head, _) = postcard::take_from_bytes(body).ok()?;
    head.next()?;
    if !with_rows {
        head.rows = 0;
    }
    // A row has two bytes at least.
    let mut rows = Vec::with_capacity((head.rows as usize).min(rest.len() / 2));
    let mut before = Reading::new(Series(0), Time(0), 0.0);
    for _ in 0..head.rows {
        before = take_row(&before, &mut rest)?;
        rows.push(before);
    }
    let tick = |(index, row): (usize, &Reading)| (row.series == TICK).then_some((head.first + index as u64, *row));
    let ticks = rows.iter().enumerate().filter_map(tick).collect();
    let batch = Batch { first: head.first, rows, offsets: Vec::new() };
    let Head { arrived, marks, declarations, end, rejected, absent, .. } = head;
    let stretch = Stretch { declarations, batch, ticks, end, rejected, absent, ..Stretch::default() };
    Some(Journalled { arrived, marks, numbers: relative(arrived, numbers), stretch })
}

// What a row's first byte says.
const NEXT_SERIES: u8 = 1;
const SAME_TIME: u8 = 2;
const FIRST_PLACE: u8 = 4;
const PLAIN: u8 = 8;
const SAME_VALUE: u8 = 16;
const SHORT_VALUE: u8 = 32;

fn push_row(row: &Reading, before: &Reading, into: &mut Vec<u8>) {
    let next = row.series.0 == before.series.0.wrapping_add(1);
    let plain = row.quality == Quality::Good && row.flags == Flags::NONE;
    let same_value = row.value.to_bits() == before.value.to_bits();
    // Many sensors give few digits: those are a short number of thousandths.
    let short = short(row.value).filter(|_| !same_value);
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    into.push(
        bit(next, NEXT_SERIES)
            | bit(row.time == before.time, SAME_TIME)
            | bit(row.place == 0, FIRST_PLACE)
            | bit(plain, PLAIN)
            | bit(same_value, SAME_VALUE)
            | bit(short.is_some(), SHORT_VALUE),
    );
    if !next {
        push_varint(zigzag(i64::from(row.series.0) - i64::from(before.series.0)), into);
    }
    if row.time != before.time {
        push_varint(zigzag(row.time.0.wrapping_sub(before.time.0)), into);
    }
    if row.place != 0 {
        push_varint(u64::from(row.place), into);
    }
    if !plain {
        into.extend([row.quality as u8, row.flags.0]);
    }
    match short {
        _ if same_value => {}
        Some(thousandths) => push_varint(zigzag(thousandths), into),
        None => into.extend(row.value.to_le_bytes()),
    }
}

/// A value that is a small whole number of thousandths, as that number.
fn short(value: f64) -> Option<i64> {
    let thousandths = (value * 1e3).round();
    // The way back must give the same bits; minus zero does not, and is written in full.
    let exact = thousandths.abs() < 1e9 && (thousandths as i64 as f64 / 1e3).to_bits() == value.to_bits();
    exact.then_some(thousandths as i64)
}

fn take_row(before: &Reading, rest: &mut &[u8]) -> Option<Reading> {
    let head = take_byte(rest)?;
    let has = |bit: u8| head & bit != 0;
    let series = match has(NEXT_SERIES) {
        true => before.series.0.wrapping_add(1),
        false => u32::try_from(i64::from(before.series.0).checked_add(unzigzag(take_varint(rest)?))?).ok()?,
    };
    let time = match has(SAME_TIME) {
        true => before.time,
        false => Time(before.time.0.wrapping_add(unzigzag(take_varint(rest)?))),
    };
    let place = if has(FIRST_PLACE) { 0 } else { u16::try_from(take_varint(rest)?).ok()? };
    let (quality, flags) = match has(PLAIN) {
        true => (Quality::Good, Flags::NONE),
        false => {
            let quality = match take_byte(rest)? {
                0 => Quality::Good,
                1 => Quality::OutOfRange,
                2 => Quality::Flagged,
                _ => return None,
            };
            (quality, Flags(take_byte(rest)?))
        }
    };
    let value = if has(SAME_VALUE) {
        before.value
    } else if has(SHORT_VALUE) {
        unzigzag(take_varint(rest)?) as f64 / 1e3
    } else {
        let (value, after) = rest.split_first_chunk()?;
        *rest = after;
        f64::from_le_bytes(*value)
    };
    Some(Reading { series: Series(series), place, quality, flags, time, value })
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn push_varint(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn take_byte(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Order;
    use crate::sequence::Seen;
    use ouzel_engine::series::{Device, Timing};
    use proptest::prelude::*;

    fn row() -> impl Strategy<Value = Reading> {
        let value = prop_oneof![any::<i32>().prop_map(|n| f64::from(n) / 1e3), any::<f64>(), Just(-0.0), Just(21.5)];
        let series = prop_oneof![0..5u32, any::<u32>()];
        (series, prop_oneof![Just(0u16), any::<u16>()], 0..3u8, any::<u8>(), prop_oneof![0..5i64, any::<i64>()], value)
            .prop_map(|(series, place, quality, flags, time, value)| Reading {
                series: Series(series),
                place,
                quality: [Quality::Good, Quality::OutOfRange, Quality::Flagged][usize::from(quality)],
                flags: Flags(flags % 32),
                time: Time(time),
                value,
            })
    }

    proptest! {
        #[test]
        fn rows_come_back_bit_by_bit(rows in proptest::collection::vec(row(), 0..200), first in 0..u64::MAX / 2) {
            let batch = Batch { first, rows, offsets: Vec::new() };
            let mut bytes = Vec::new();
            stretch(Time(5), vec![(1, 2)], Vec::new(), &Stretch { batch: batch.clone(), ..Stretch::default() }, &mut bytes);
            let Ok(Record::Stretch(read)) = read(&bytes) else { panic!("it was just written") };
            let bits = |row: &Reading| (row.series, row.place, row.quality, row.flags, row.time, row.value.to_bits());
            let (a, b): (Vec<_>, Vec<_>) =
                (read.stretch.batch.rows.iter().map(bits).collect(), batch.rows.iter().map(bits).collect());
            prop_assert_eq!(a, b);
            prop_assert_eq!(read.stretch.batch.first, first);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
            for kind in [STRETCH, NUMBERED, SIFTED, TABLE] {
                let _ = read(&[&[kind][..], &bytes].concat());
                let _ = read_head(&[&[kind][..], &bytes].concat());
            }
        }
    }

    #[test]
    fn all_of_a_stretch_comes_back() {
        let tick = Reading::tick(Time::from_secs(9));
        let rows = vec![Reading::new(Series(0), Time::from_secs(8), 1.5), tick];
        let journalled = Journalled {
            arrived: Time(7),
            marks: vec![(1, u64::MAX)],
            numbers: vec![
                (1, vec![Seen { series: Series(0), number: 9, time: Some(Time::MIN) }]),
                (2, vec![Seen { series: Series(7), number: u64::MAX, time: None }]),
            ],
            stretch: Stretch {
                declarations: vec![Declaration::Device {
                    device: Device(0),
                    name: "press".into(),
                    timing: Timing::default(),
                    tags: vec![("line".into(), "3".into())],
                }],
                batch: Batch { first: 10, rows, offsets: Vec::new() },
                ticks: vec![(11, tick)],
                end: Some(12),
                rejected: vec![Rejected { source: "a".into(), line: 1, reason: "bad".into(), text: "x".into() }],
                absent: 4,
                ..Stretch::default()
            },
        };
        let mut bytes = Vec::new();
        stretch(
            journalled.arrived,
            journalled.marks.clone(),
            journalled.numbers.clone(),
            &journalled.stretch,
            &mut bytes,
        );
        assert_eq!(read(&bytes).unwrap(), Record::Stretch(Box::new(journalled)));
        let said = Control { at: Time(1), by: "ann".into(), what: Order::Start };
        let mut bytes = Vec::new();
        control(&said, &mut bytes);
        assert_eq!(read(&bytes).unwrap(), Record::Control(said));
    }

    #[test]
    fn a_version_of_a_table_comes_back_with_its_number() {
        let mut builder = ouzel_engine::table::Builder::new(vec!["high".into()], vec!["room".into()], false);
        builder.push(("oven", ""), std::iter::once(f64::NAN), std::iter::once("a")).unwrap();
        let table = Arc::new(builder.finish().unwrap());
        let mut bytes = Vec::new();
        super::table(&Tabled { input: 7, at: Time(3), join: "a".into(), table: Arc::clone(&table) }, &mut bytes);
        // What was released once is read for good: kind, number, time, then the join and the table.
        let head =
            b"\x07\x07\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x01a\x01\x04high\x01\x04room\0\x01\x05ovena\x03\x04\x04\x05\x08";
        assert_eq!(bytes, [&head[..], &f64::NAN.to_le_bytes()].concat());
        for table in [table, Arc::default()] {
            let tabled = Tabled { input: 7, at: Time(3), join: "limits".into(), table };
            let mut bytes = Vec::new();
            super::table(&tabled, &mut bytes);
            assert_eq!(read_head(&bytes), Ok((Record::Table(tabled), Some(8))));
        }
    }

    #[test]
    fn a_reference_comes_back_with_what_was_left_out_and_without() {
        let (arrived, file) = (Time::from_secs(100), "a.csv".to_owned());
        let plain = Referred {
            arrived,
            source: "files".into(),
            file,
            from: 1,
            to: 90,
            first: 7,
            rows: 3,
            checksum: 5,
            declarations: Vec::new(),
            rejected: Vec::new(),
            absent: 2,
            sifted: Sifted { latest: arrived + FIRST_AHEAD, ..Sifted::default() },
        };
        let seen = Seen { series: Series(1), number: 4, time: Some(arrived) };
        let sifted = Sifted { latest: Time::MAX, again: vec![(2, 3)], numbers: vec![(1, vec![seen])] };
        let with = Referred { sifted, ..plain.clone() };
        for (referred, kind) in [(plain, REFERENCE), (with, SIFTED)] {
            let mut bytes = Vec::new();
            reference(&referred, &mut bytes);
            assert_eq!((bytes[0], read(&bytes)), (kind, Ok(Record::Reference(Box::new(referred)))));
        }
    }

    #[test]
    fn a_regular_reading_takes_little_room() {
        let rows = (0..1_000).map(|i| Reading::new(Series(i % 25), Time::from_secs(i64::from(i / 25)), f64::from(i)));
        let batch = Batch { first: 0, rows: rows.collect(), offsets: Vec::new() };
        let mut bytes = Vec::new();
        stretch(Time(0), Vec::new(), Vec::new(), &Stretch { batch, ..Stretch::default() }, &mut bytes);
        assert!(bytes.len() < 6_000, "{} bytes for 1 000 readings", bytes.len());
    }
}
