//! The cells of one message to readings: what all decoders of text share.
//!
//! A decoder finds the cells, each in its *slot*; the mapping knows which slot is the time, the device, a channel, and
//! turns them into readings or into words about what is wrong. A bad time or device rejects the message, a bad value
//! only its own cell.

use super::columns::Columns;
use super::number::{self, Cell};
use super::roster::{MAX_CHANNELS, Roster};
use super::time::{self, NoTime, TimeReader};
use super::{excerpt, quoted};
use crate::fault::Fault;
use crate::format::{ChannelFrom, DeviceFrom, Format, Shape, TimeFrom};
use crate::source::{Numbered, Rejected, Retold, Rows};
use ouzel_engine::reading::{Flags, Quality, Reading};
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};

/// How many bad cells of one line are described each; the rest is summed up in one sentence.
const DESCRIBED: usize = 16;

/// A cell: where it stands in the text of its message, and how it is written.
///
/// ```text
/// start 32 | written 2, end 30
/// ```
/// Eight bytes rather than twelve, because every cell of every row goes through one. A line has at most
/// [`MAX_LINE`](super::lines::MAX_LINE) bytes and the block around it little more, so 30 bits are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    start: u32,
    end: u32,
}

/// How a cell is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As text that stands for itself.
    Text,
    /// It is not there.
    Missing,
    /// As `null`.
    Null,
    /// As a list or an object.
    Nested,
}

const END: u32 = (1 << 30) - 1;

impl Field {
    /// Not there.
    pub const MISSING: Field = Field { start: 0, end: 1 << 30 };

    /// Text from here to there.
    #[inline]
    pub fn text(start: usize, end: usize) -> Field {
        debug_assert!(end <= END as usize);
        Field { start: start as u32, end: end as u32 }
    }

    /// `null`, from here to there.
    pub fn null(start: usize, end: usize) -> Field {
        Field { start: start as u32, end: end as u32 | 2 << 30 }
    }

    /// A list, from here to there.
    pub fn nested(start: usize, end: usize) -> Field {
        Field { start: start as u32, end: end as u32 | 3 << 30 }
    }

    /// How it is written.
    pub fn written(self) -> Written {
        match self.end >> 30 {
            0 => Written::Text,
            1 => Written::Missing,
            2 => Written::Null,
            _ => Written::Nested,
        }
    }

    /// Where it stands.
    #[inline]
    pub fn place(self) -> std::ops::Range<usize> {
        self.start as usize..(self.end & END) as usize
    }

    #[inline]
    fn is_text(self) -> bool {
        self.end <= END
    }
}

/// One message with its cells.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Line number from 1.
    pub line: u64,
    /// The line as it stands in the file.
    pub raw: &'a [u8],
    /// What the fields point into.
    pub text: &'a [u8],
    /// A cell for each slot.
    pub fields: &'a [Field],
    /// The input ended before the line did.
    pub unfinished: bool,
}

impl<'a> Message<'a> {
    #[inline]
    fn cell(&self, slot: usize) -> Option<&'a [u8]> {
        let field = self.fields.get(slot)?;
        if field.is_text() { self.text.get(field.place()) } else { None }
    }
}

/// Which slot is what.
#[derive(Debug)]
pub struct Mapping {
    source: String,
    /// What a slot is called in messages: `column 3 (temperature)`.
    labels: Vec<String>,
    /// A missing cell is an error (CSV), rather than something that was not said (JSON).
    complete: bool,
    clock: Clock,
    /// `None`: the one device, place 0 of the roster once it was entered.
    device: Option<usize>,
    device_name: String,
    tags: Vec<(String, usize)>,
    /// Whether there are tags, of its own cells or of the way it comes.
    tagged: bool,
    /// Where the number of a message stands.
    sequence: Option<usize>,
    values: Values,
    point: u8,
    roster: Roster,
    /// Only for payloads of live sources.
    outside: Option<Outside>,
}

#[derive(Debug)]
enum Clock {
    Column(usize, TimeReader),
    Every { now: Time, next: Time, every: Span },
    Live(LiveClock),
}

/// The clock of messages that may say when they were measured, and else count from when they came.
#[derive(Debug)]
struct LiveClock {
    /// Where a time may stand; the first that has something counts.
    slots: Vec<usize>,
    needed: bool,
    /// A number counts the unit that its size tells.
    by_size: bool,
    reader: TimeReader,
    now: Time,
    /// The last message had a time of its own.
    told: bool,
    /// All messages since the payload began had one.
    all_told: bool,
}

/// Who sent a payload, where its own cells do not say it.
#[derive(Debug, Default)]
struct Outside {
    /// Where the device's name may stand; the first that has something counts.
    slots: Vec<usize>,
    /// What the way it came says; empty: nothing.
    device: String,
    tags: Vec<(String, String)>,
    /// Where a name stands that is better than none.
    last: Option<usize>,
}

/// Where the messages of a live source have what a file's rows have in fixed columns. Slots are numbers of columns.
#[derive(Debug)]
pub struct Live {
    /// Where a time may stand, the likeliest first; without any the moment of arrival counts.
    pub times: Vec<usize>,
    /// A message without a time is an error.
    pub time_needed: bool,
    /// A number counts the unit that its size tells; else the reader reads it.
    pub by_size: bool,
    /// Reads the times.
    pub reader: TimeReader,
    /// Where the device's name may stand, the likeliest first.
    pub devices: Vec<usize>,
    /// Where a name stands that is better than that of the source.
    pub last: Option<usize>,
}

#[derive(Debug)]
enum Values {
    /// The slot of each channel; the channel's place in the roster is its place here.
    Wide(Vec<usize>),
    Narrow {
        channel: Option<usize>,
        value: usize,
    },
}

impl Mapping {
    /// Finds the columns of a format among those that there are: a slot is the number of a column.
    ///
    /// # Errors
    /// A column that is not there, a zone or a name that is not right.
    pub fn new(format: &Format, columns: Columns<'_>, labels: Vec<String>, timing: Timing) -> Result<Mapping, Fault> {
        Mapping::with(format, columns, labels, timing, Vec::new())
    }

    /// The same for messages of a live source. Time and device of the format are what holds where a message has none.
    ///
    /// # Errors
    /// As [`Mapping::new`].
    pub fn live(
        format: &Format,
        columns: Columns<'_>,
        labels: Vec<String>,
        timing: Timing,
        live: Live,
    ) -> Result<Mapping, Fault> {
        let Live { times, time_needed, by_size, reader, devices, last } = live;
        let taken = times.iter().chain(&devices).copied().chain(last).collect();
        let mapping = Mapping::with(format, columns, labels, timing, taken)?;
        let now = Time(0);
        let clock = LiveClock { slots: times, needed: time_needed, by_size, reader, now, told: false, all_told: false };
        let outside = Outside { slots: devices, last, ..Outside::default() };
        Ok(Mapping { clock: Clock::Live(clock), outside: Some(outside), ..mapping })
    }

    /// `taken`: slots that are no channels, whatever the format says.
    fn with(
        format: &Format,
        columns: Columns<'_>,
        labels: Vec<String>,
        timing: Timing,
        mut taken: Vec<usize>,
    ) -> Result<Mapping, Fault> {
        let mut find = |name: &str| columns.find(name).inspect(|&slot| taken.push(slot));
        let clock = match &format.time {
            TimeFrom::Column(name, form) => Clock::Column(find(name)?, TimeReader::new(form)?),
            &TimeFrom::Every { start, every } => Clock::Every { now: start, next: start, every },
        };
        let (device, device_name) = match &format.device {
            DeviceFrom::Column(name) => (Some(find(name)?), String::new()),
            DeviceFrom::Fixed(name) => (None, name.clone()),
        };
        let tags: Vec<(String, usize)> =
            format.tags.iter().map(|tag| Ok((tag.clone(), find(tag)?))).collect::<Result<_, Fault>>()?;
        let sequence = format.sequence.as_deref().map(&mut find).transpose()?;
        let mut roster = Roster::new(timing);
        let mut enter = |name: &str| match roster.channel(name.as_bytes()) {
            Some(_) => Err(Fault::yours(format!("{}: two columns give the channel \"{name}\"", columns.source))),
            None => {
                roster.enter_channel(name.as_bytes()).map_err(|why| Fault::yours(format!("{}: {why}", columns.source)))
            }
        };
        let values = match &format.shape {
            Shape::Narrow { channel, value } => {
                let channel = match channel {
                    ChannelFrom::Column(name) => Some(find(name)?),
                    ChannelFrom::Fixed(name) => {
                        enter(name)?;
                        None
                    }
                };
                Values::Narrow { channel, value: find(value)? }
            }
            Shape::Wide(pairs) => {
                let mut slots = Vec::new();
                for (column, channel) in pairs {
                    slots.push(columns.find(column)?);
                    enter(channel)?;
                }
                if pairs.is_empty() {
                    for (slot, name) in columns.names.iter().enumerate().filter(|(slot, _)| !taken.contains(slot)) {
                        slots.push(slot);
                        enter(name)?;
                    }
                }
                Values::Wide(slots)
            }
        };
        let point = if format.decimal_comma { b',' } else { b'.' };
        let source = columns.source.to_owned();
        let outside = None;
        Ok(Mapping {
            tagged: !tags.is_empty(),
            source,
            labels,
            complete: false,
            clock,
            device,
            device_name,
            tags,
            sequence,
            values,
            point,
            roster,
            outside,
        })
    }

    /// The same, for a kind of file where each line has all cells.
    #[must_use]
    pub fn complete(self) -> Mapping {
        Mapping { complete: true, ..self }
    }

    /// A payload has come at this time; by the way it came, it is of this device (if not empty) with these tags.
    pub fn arrive(&mut self, now: Time, device: &str, tags: &[(String, String)]) {
        if let Clock::Live(clock) = &mut self.clock {
            clock.now = now;
            clock.all_told = true;
        }
        if let Some(outside) = &mut self.outside {
            outside.device.clear();
            outside.device.push_str(device);
            if outside.tags != tags {
                outside.tags = tags.to_vec();
                self.tagged = !(self.tags.is_empty() && tags.is_empty());
            }
        }
    }

    /// Whether all messages since the last payload arrived had a time of their own.
    pub fn own_times(&self) -> bool {
        match &self.clock {
            Clock::Live(clock) => clock.all_told,
            Clock::Column(..) | Clock::Every { .. } => true,
        }
    }

    /// From now on times of live messages are read so.
    pub fn read_times(&mut self, reader: TimeReader) {
        if let Clock::Live(clock) = &mut self.clock {
            (clock.reader, clock.by_size) = (reader, false);
        }
    }

    /// The name of the source, for messages.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// One past the last slot that is looked at.
    pub fn slots(&self) -> usize {
        let values: &[usize] = match &self.values {
            Values::Wide(slots) => slots,
            Values::Narrow { channel: Some(channel), value } => &[*channel, *value],
            Values::Narrow { channel: None, value } => &[*value],
        };
        let times: &[usize] = match &self.clock {
            Clock::Column(slot, _) => std::slice::from_ref(slot),
            Clock::Live(clock) => &clock.slots,
            Clock::Every { .. } => &[],
        };
        let tags = self.tags.iter().map(|(_, slot)| slot);
        let outside = self.outside.iter().flat_map(|outside| outside.slots.iter().chain(&outside.last));
        let all = values.iter().chain(times).chain(tags).chain(outside).chain(&self.device).chain(&self.sequence);
        all.max().map_or(0, |last| last + 1)
    }

    /// Adds a channel that was met in the middle of the input, in a new slot.
    ///
    /// # Errors
    /// There are too many, or the name is too long.
    pub fn add_channel(&mut self, slot: usize, name: &str, label: String) -> Result<(), String> {
        debug_assert_eq!(slot, self.labels.len());
        let Values::Wide(slots) = &mut self.values else { return Ok(()) };
        let place = self.roster.enter_channel(name.as_bytes())? as usize;
        debug_assert!(place == slots.len() && place < MAX_CHANNELS);
        slots.push(slot);
        self.labels.push(label);
        Ok(())
    }

    /// A message begins. Where rows have no time, the clock moves on, whatever comes of the message.
    #[inline]
    pub fn begin(&mut self) {
        if let Clock::Every { now, next, every } = &mut self.clock {
            *now = *next;
            *next = *next + *every;
        }
    }

    /// Gives up a message.
    #[cold]
    pub fn reject(&self, line: u64, raw: &[u8], reason: impl Into<String>, into: &mut Rows) {
        let reason = reason.into();
        into.rejected.push(Rejected { source: self.source.clone(), line, reason, text: excerpt(raw) });
    }

    /// Takes a message: its readings, its absent cells, and what was wrong.
    #[inline]
    pub fn take(&mut self, message: &Message<'_>, names: &mut Names, into: &mut Rows) {
        if message.unfinished {
            return self.take_last(message, names, into);
        }
        let first = into.rows.len();
        match self.read(message, names, into) {
            Ok(device) if self.tagged && names.heeds_tags() => self.hear_tags(message, device, first, into),
            Ok(_) => {}
            Err(reason) => self.reject(message.line, message.raw, reason, into),
        }
        if let Some(slot) = self.sequence {
            self.number(slot, message, first, into);
        }
    }

    /// Notes where a device says other tags of itself than before.
    #[inline(never)]
    fn hear_tags(&mut self, message: &Message<'_>, device: u32, first: usize, into: &mut Rows) {
        let own = self.tags.iter().map(|(_, slot)| trimmed(message.cell(*slot).unwrap_or_default()));
        let outside = self.outside.iter().flat_map(|outside| &outside.tags).map(|(_, text)| text.as_bytes());
        let Some(hash) = self.roster.told().hash(own.chain(outside)) else { return };
        if self.roster.told().is_news(device, hash, into.rows.len() > first) {
            let (row, device) = (first as u32, self.roster.number(device));
            into.retold.push(Retold { row, device, tags: self.texts(message) });
        }
    }

    /// The tags of a message: those of its own cells, and of the way it came.
    fn texts(&self, message: &Message<'_>) -> Vec<(String, String)> {
        let own = self.tags.iter().filter_map(|(tag, slot)| Some((tag, message.cell(*slot)?)));
        let mut texts: Vec<(String, String)> =
            own.map(|(tag, cell)| (tag.clone(), String::from_utf8_lossy(trimmed(cell)).into_owned())).collect();
        for (tag, text) in self.outside.iter().flat_map(|outside| &outside.tags) {
            if !texts.iter().any(|(name, _)| name == tag) {
                texts.push((tag.clone(), text.clone()));
            }
        }
        texts
    }

    /// Notes the number of a message. One without a number, or with something else in its place, is taken as it is: that
    /// it came before nobody can tell.
    fn number(&self, slot: usize, message: &Message<'_>, first: usize, into: &mut Rows) {
        let count = into.rows.len() - first;
        if let Some(number) = message.cell(slot).and_then(whole).filter(|_| count > 0) {
            let timed = match &self.clock {
                Clock::Column(..) => true,
                Clock::Every { .. } => false,
                Clock::Live(clock) => clock.told,
            };
            into.numbered.push(Numbered { row: first as u32, count: count as u32, number, timed });
        }
    }

    /// A line that the end of the input cut: all of it is good, or none is used.
    #[cold]
    fn take_last(&mut self, message: &Message<'_>, names: &mut Names, into: &mut Rows) {
        let (rows, absent, rejected) = (into.rows.len(), into.absent, into.rejected.len());
        let (numbered, retold) = (into.numbered.len(), into.retold.len());
        let whole = Message { unfinished: false, ..*message };
        self.take(&whole, names, into);
        if let Some(first) = into.rejected.get(rejected) {
            let reason = format!("the input ends in the middle of this line: {}", first.reason);
            into.rows.truncate(rows);
            into.numbered.truncate(numbered);
            into.retold.truncate(retold);
            into.rejected.truncate(rejected);
            into.absent = absent;
            self.reject(message.line, message.raw, reason, into);
        }
    }

    /// Reads a message; gives the place of its device.
    #[inline]
    fn read(&mut self, message: &Message<'_>, names: &mut Names, into: &mut Rows) -> Result<u32, String> {
        let time = match &mut self.clock {
            Clock::Column(slot, reader) => {
                let slot = *slot;
                let cell = message.cell(slot).unwrap_or_default();
                match reader.read(cell) {
                    Ok(time) => time,
                    Err(why) => return Err(self.no_time(message, slot, cell, why)),
                }
            }
            Clock::Every { now, .. } => *now,
            Clock::Live(clock) => match clock.read(message) {
                Ok(time) => time,
                Err((slot, why)) => {
                    let cell = message.cell(slot).unwrap_or_default();
                    return Err(self.no_time(message, slot, cell, why));
                }
            },
        };
        let device = match self.device {
            None if self.outside.is_some() => self.live_device(message, names)?,
            Some(slot) => {
                let name = trimmed(message.cell(slot).unwrap_or_default());
                match self.roster.device(name) {
                    Some(device) => device,
                    None => self.enter(message, slot, name, names)?,
                }
            }
            None => match self.roster.device(self.device_name.as_bytes()) {
                Some(device) => device,
                None => self.enter_the_one(message, names)?,
            },
        };
        match &self.values {
            Values::Wide(_) => self.wide(message, time, device, names, into),
            &Values::Narrow { channel, value } => self.narrow(message, time, device, (channel, value), names, into)?,
        }
        Ok(device)
    }

    #[inline]
    fn wide(&mut self, message: &Message<'_>, time: Time, device: u32, names: &mut Names, into: &mut Rows) {
        let Values::Wide(slots) = &self.values else { return };
        let before = into.rows.len();
        let mut bad = 0;
        for (place, &slot) in slots.iter().enumerate() {
            let field = message.fields.get(slot).copied().unwrap_or(Field::MISSING);
            match cell_of(message, field, self.point) {
                Some(Cell::Value(value)) => {
                    let series = self.roster.series(device, place as u32, names);
                    let place = place as u16;
                    into.rows.push(Reading { series, place, quality: Quality::Good, flags: Flags::NONE, time, value });
                }
                Some(Cell::Absent) => into.absent += 1,
                None if field.written() == Written::Missing && !self.complete => {}
                wrong => {
                    bad += 1;
                    if bad <= DESCRIBED {
                        let reason = self.bad_cell(message, slot, field, wrong);
                        self.reject(message.line, message.raw, reason, into);
                    }
                }
            }
        }
        if let Some(last) = into.rows[before..].last_mut() {
            last.flags = Flags::END_OF_MESSAGE;
        }
        if bad > DESCRIBED {
            let reason = format!("{} more cells of this line cannot be read either", bad - DESCRIBED);
            self.reject(message.line, message.raw, reason, into);
        }
    }

    #[inline]
    fn narrow(
        &mut self,
        message: &Message<'_>,
        time: Time,
        device: u32,
        (channel, value): (Option<usize>, usize),
        names: &mut Names,
        into: &mut Rows,
    ) -> Result<(), String> {
        let field = message.fields.get(value).copied().unwrap_or(Field::MISSING);
        let number = match cell_of(message, field, self.point) {
            Some(Cell::Value(number)) => number,
            Some(Cell::Absent) => {
                into.absent += 1;
                return Ok(());
            }
            wrong => return Err(self.bad_cell(message, value, field, wrong)),
        };
        let channel = match channel {
            None => 0,
            Some(slot) => {
                let name = trimmed(message.cell(slot).unwrap_or_default());
                match self.roster.channel(name) {
                    Some(channel) => channel,
                    None => self.roster.enter_channel(name).map_err(|why| format!("{}: {why}", self.labels[slot]))?,
                }
            }
        };
        let series = self.roster.series(device, channel, names);
        into.rows.push(Reading::new(series, time, number));
        Ok(())
    }

    #[cold]
    fn enter(&mut self, message: &Message<'_>, slot: usize, name: &[u8], names: &mut Names) -> Result<u32, String> {
        if let Clock::Live(clock) = &self.clock {
            self.roster.set_arrival(!clock.told);
        }
        let texts = self.texts(message);
        let tags: Vec<(&str, &str)> = texts.iter().map(|(tag, text)| (tag.as_str(), text.as_str())).collect();
        self.roster.enter(name, &tags, names).map_err(|why| match self.labels.get(slot) {
            Some(label) => format!("{label}: {why}"),
            None => why,
        })
    }

    /// The device of a live message: by its own cells, by the way it came, by what is better than nothing.
    #[inline]
    fn live_device(&mut self, message: &Message<'_>, names: &mut Names) -> Result<u32, String> {
        let Some(outside) = &self.outside else { return Err("has no device".into()) };
        let said = |slot: &usize| Some((*slot, message.cell(*slot).map(trimmed).filter(|name| !name.is_empty())?));
        let own = outside.slots.iter().find_map(said);
        let own = own.or_else(|| outside.last.as_ref().filter(|_| outside.device.is_empty()).and_then(said));
        let (slot, name) = match own {
            Some(own) => own,
            None if outside.device.is_empty() => (usize::MAX, self.device_name.as_bytes()),
            None => (usize::MAX, outside.device.as_bytes()),
        };
        if let Some(device) = self.roster.device(name) {
            return Ok(device);
        }
        let name = name.to_vec();
        self.enter(message, slot, &name, names)
    }

    #[cold]
    fn enter_the_one(&mut self, message: &Message<'_>, names: &mut Names) -> Result<u32, String> {
        let name = self.device_name.clone();
        self.enter(message, usize::MAX, name.as_bytes(), names)
    }

    #[cold]
    fn no_time(&self, message: &Message<'_>, slot: usize, cell: &[u8], why: NoTime) -> String {
        let (reader, also) = match &self.clock {
            Clock::Column(_, reader) => (reader, ""),
            Clock::Live(clock) => (&clock.reader, if clock.by_size { " and no number since 1970" } else { "" }),
            Clock::Every { .. } => return String::new(),
        };
        let label = &self.labels[slot];
        if trimmed(cell).is_empty() {
            return match message.fields.get(slot).map(|f| f.written()) {
                None | Some(Written::Missing) => format!("{label} is missing, and with it the time"),
                _ => format!("{label} is empty, so there is no time"),
            };
        }
        match why {
            NoTime::Unreadable => format!("{label}: {} {}{also}", quoted(cell), reader.expects()),
            NoTime::OutOfRange => format!("{label}: {} lies outside the years 1677 to 2262", quoted(cell)),
        }
    }

    #[cold]
    fn bad_cell(&self, message: &Message<'_>, slot: usize, field: Field, wrong: Option<Cell>) -> String {
        let label = &self.labels[slot];
        let text = message.text.get(field.place()).unwrap_or_default();
        match (wrong, field.written()) {
            (_, Written::Nested) => format!("{label}: {} is not a number but a list or an object", quoted(text)),
            (None, _) => format!("{label} is missing"),
            (Some(Cell::Infinite), _) => format!("{label}: {} is infinite, a reading is finite", quoted(text)),
            _ if self.point == b'.' && matches!(number::read(text, b','), Cell::Value(_)) => {
                format!("{label}: {} is not a number; if the comma marks decimals, set decimal = \",\"", quoted(text))
            }
            _ => format!("{label}: {} is not a number", quoted(text)),
        }
    }
}

impl LiveClock {
    #[inline]
    fn read(&mut self, message: &Message<'_>) -> Result<Time, (usize, NoTime)> {
        for &slot in &self.slots {
            let Some(cell) = message.cell(slot).filter(|cell| !cell.is_empty()) else { continue };
            self.told = true;
            // A date has a dash behind its year; a number has none there.
            let number = self.by_size && cell.get(4) != Some(&b'-');
            let time = if number { time::by_size(cell) } else { self.reader.read(cell) };
            return time.map_err(|why| (slot, why));
        }
        if let (true, Some(&slot)) = (self.needed, self.slots.first()) {
            return Err((slot, NoTime::Unreadable));
        }
        (self.told, self.all_told) = (false, false);
        Ok(self.now)
    }
}

#[inline]
fn cell_of(message: &Message<'_>, field: Field, point: u8) -> Option<Cell> {
    if field.is_text() {
        let place = field.place();
        return Some(number::read_at(message.text, place.start, place.end, point));
    }
    (field.written() == Written::Null).then_some(Cell::Absent)
}

/// A whole number from 0 on, as counters are written: `17`, or by a careless sender `17.0`.
fn whole(cell: &[u8]) -> Option<u64> {
    let cell = trimmed(cell);
    let digits = cell.strip_suffix(b".0").unwrap_or(cell);
    let digit = |number: Option<u64>, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number?.checked_mul(10)?.checked_add(digit)
    };
    digits.iter().fold(Some(0), digit).filter(|_| !digits.is_empty())
}

/// Without blanks around it; most have none.
#[inline]
fn trimmed(text: &[u8]) -> &[u8] {
    match text {
        [first, .., last] if *first > b' ' && *last > b' ' => text,
        _ => text.trim_ascii(),
    }
}
