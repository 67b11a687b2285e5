//! Apache Parquet, by columns: only those that are needed are read, and names once a dictionary rather than once a row.
//!
//! ```text
//! file -> row groups -> pages -> batch of up to 2048 rows -> times: i64s | devices: keys of a dictionary | values: f64s
//!                                                             `-- zipped row by row into Rows
//! ```
//! Time is any timestamp, date, whole number or text; a value any number, switch or text that is one. Lists and
//! structs are left aside.

mod tags;

use super::columns::Columns;
use super::guess::{self, Guess, Layout, Sample};
use super::number::{self, Cell};
use super::roster::Roster;
use super::time::{NoTime, TimeReader};
use super::{excerpt, quoted};
use crate::fault::Fault;
use crate::format::{ChannelFrom, DeviceFrom, Format, FormatHints, Kind, Shape, TimeForm, TimeFrom, Zone};
use crate::source::file::{Opened, wanted};
use crate::source::{Rejected, Retold, Rows, Source};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_buffer::NullBuffer;
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use ouzel_engine::reading::{Flags, Quality, Reading};
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tags::TagColumn;

/// The most rows of a batch; fewer where a row has many channels.
const BATCH: usize = 2_048;

/// The most readings of a batch.
const READINGS: usize = 65_536;

/// Rows that are looked at to guess the format.
const SAMPLE: usize = 200;

/// Nobody was looked up under this key of a dictionary yet.
const NOBODY: u32 = u32::MAX;

/// Opens a Parquet file; see [`file::open`](crate::source::file::open).
///
/// # Errors
/// A file that is damaged or does not fit the hints.
pub fn open(path: &Path, source: &str, hints: &FormatHints, timing: Timing, device: &str) -> Result<Opened, Fault> {
    if let Some(column) = &hints.sequence {
        let what = "numbers of messages are read from CSV, JSON and line protocol, not from Parquet";
        return Err(Fault::yours(format!("{source}: sequence = \"{column}\": {what}; leave it out")));
    }
    let damaged = |what: &dyn std::fmt::Display| Fault::theirs(format!("{source} is not a whole Parquet file: {what}"));
    let file = File::open(path).map_err(|error| damaged(&error))?;
    let size = file.metadata().map_err(|error| damaged(&error))?.len();
    let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| damaged(&error))?;
    let again = || file.try_clone().map_err(|error| damaged(&error));

    let (sample, nested) = sample(source, again()?, &plain).map_err(|error| damaged(&error))?;
    let layout = Layout { separator: b',', header: true };
    let Guess { format, guessed, mut ignored, channels } =
        guess::format(Kind::Parquet, &sample, layout, hints, device)?;
    ignored.extend(nested);

    let wanted = wanted(&format);
    let metadata = with_dictionaries(&file, &plain);
    let schema = metadata.schema();
    let roots = wanted.iter().filter_map(|name| schema.index_of(name).ok());
    let mask = ProjectionMask::roots(metadata.metadata().file_metadata().schema_descr(), roots);
    let rows = metadata.metadata().file_metadata().num_rows().max(0) as u64;
    let batch = (READINGS / channels.len().max(1)).clamp(64, BATCH);
    let table = Table { file: again()?, metadata, mask, batch };
    let reader = table.behind(0).map_err(|error| damaged(&error))?;
    let progress = Arc::new(AtomicU64::new(0));
    let parquet = Parquet {
        plan: Plan::new(source, &format, &sample.columns)?,
        table,
        reader,
        rest: None,
        until: None,
        roster: Roster::new(timing),
        row: 0,
        rows,
        size,
        progress: Arc::clone(&progress),
        times: Vec::new(),
        known: Known::default(),
    };
    let size_bytes = Some(size);
    Ok(Opened { source: Box::new(parquet), format, guessed, size_bytes, progress, ignored, channels })
}

/// What is read of a file, whichever row it begins with.
struct Table {
    file: File,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    batch: usize,
}

impl Table {
    fn behind(&self, row: u64) -> Result<ParquetRecordBatchReader, Box<dyn std::error::Error>> {
        // Groups before the row are not looked at.
        let groups = self.metadata.metadata().row_groups();
        let mut offset = row;
        let mut first = 0;
        while let Some(rows) = groups.get(first).map(|group| group.num_rows().max(0) as u64)
            && offset >= rows
        {
            offset -= rows;
            first += 1;
        }
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.try_clone()?, self.metadata.clone());
        Ok(builder
            .with_projection(self.mask.clone())
            .with_batch_size(self.batch)
            .with_row_groups((first..groups.len()).collect())
            .with_offset(offset as usize)
            .build()?)
    }
}

/// The first rows as text, and the columns that are lists or structs.
fn sample(
    source: &str,
    file: File,
    metadata: &ArrowReaderMetadata,
) -> Result<(Sample, Vec<String>), Box<dyn std::error::Error>> {
    let (flat, nested): (Vec<_>, Vec<_>) =
        metadata.schema().fields().iter().enumerate().partition(|(_, field)| !field.data_type().is_nested());
    let mask = ProjectionMask::roots(
        metadata.metadata().file_metadata().schema_descr(),
        flat.iter().map(|(number, _)| *number),
    );
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
        .with_projection(mask)
        .with_limit(SAMPLE)
        .with_batch_size(SAMPLE)
        .build()?;
    let columns = flat.iter().map(|(_, field)| field.name().clone()).collect();
    let mut sample = Sample { source: source.into(), columns, rows: Vec::new(), first_line: 1 };
    for batch in reader {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let cell = |column: &ArrayRef| column.is_valid(row).then(|| text_of(column, row));
            sample.rows.push(batch.columns().iter().map(cell).collect());
        }
    }
    Ok((sample, nested.into_iter().map(|(_, field)| field.name().clone()).collect()))
}

/// The same file, with its columns of text asked for as dictionaries; as it is, where the library refuses.
fn with_dictionaries(file: &File, plain: &ArrowReaderMetadata) -> ArrowReaderMetadata {
    let fields: Vec<Field> = plain
        .schema()
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                field.as_ref().clone().with_data_type(text)
            }
            _ => field.as_ref().clone(),
        })
        .collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, plain.schema().metadata().clone()));
    ArrowReaderMetadata::load(file, ArrowReaderOptions::new().with_schema(schema)).unwrap_or_else(|_| plain.clone())
}

/// Which column is what, by name: a batch has its columns in the order of the file.
struct Plan {
    source: String,
    clock: Clock,
    device: DeviceFrom,
    tags: Vec<String>,
    shape: Shape,
}

enum Clock {
    Column { name: String, reader: TimeReader, nanos: i64, zone: Option<Zone> },
    Every { start: Time, next: Time, every: Span },
}

impl Plan {
    fn new(source: &str, format: &Format, columns: &[String]) -> Result<Plan, Fault> {
        let names = Columns { source, word: "column", names: columns };
        for name in wanted(format) {
            names.find(&name)?;
        }
        let clock = match &format.time {
            TimeFrom::Column(name, form) => {
                let nanos = if let TimeForm::Epoch(unit) = form { unit.nanos() } else { 1 };
                let zone = match form {
                    TimeForm::Rfc3339(zone) | TimeForm::Pattern(_, zone) => Some(zone.clone()),
                    TimeForm::Epoch(_) => None,
                };
                let zone = zone.filter(|zone| *zone != Zone::default());
                Clock::Column { name: name.clone(), reader: TimeReader::new(form)?, nanos, zone }
            }
            &TimeFrom::Every { start, every } => Clock::Every { start, next: start, every },
        };
        let (device, tags, shape) = (format.device.clone(), format.tags.clone(), format.shape.clone());
        Ok(Plan { source: source.to_owned(), clock, device, tags, shape })
    }
}

/// A Parquet file that is being read.
struct Parquet {
    plan: Plan,
    table: Table,
    reader: ParquetRecordBatchReader,
    /// What was read and stands behind where reading was to end.
    rest: Option<RecordBatch>,
    /// The row that reading ends before.
    until: Option<u64>,
    roster: Roster,
    /// Rows read, of so many.
    row: u64,
    rows: u64,
    size: u64,
    progress: Arc<AtomicU64>,
    /// The times of a batch; room that is used again.
    times: Vec<i64>,
    /// Devices that were looked up in an earlier batch.
    known: Known,
}

/// The places of a dictionary's words. All batches of a row group share one dictionary, so its words are looked up
/// once a row group.
#[derive(Default)]
struct Known {
    dictionary: Option<ArrayRef>,
    places: Vec<u32>,
}

impl Source for Parquet {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let before = (into.rows.len(), into.rejected.len(), into.absent);
        while (into.rows.len(), into.rejected.len(), into.absent) == before {
            if self.until.is_some_and(|row| self.row >= row) {
                return Ok(false);
            }
            let Some(batch) = self.rest.take().map(Ok).or_else(|| self.reader.next()) else {
                self.progress.store(self.size, Ordering::Relaxed);
                return Ok(false);
            };
            let mut batch = batch.map_err(|error| damaged(&self.plan.source, self.row, &error))?;
            if let Some(room) = self.until.map(|row| (row - self.row) as usize)
                && room < batch.num_rows()
            {
                self.rest = Some(batch.slice(room, batch.num_rows() - room));
                batch = batch.slice(0, room);
            }
            let first = self.row;
            self.row += batch.num_rows() as u64;
            // Pages are read ahead, so bytes are as good as rows here.
            let share = self.row as f64 / self.rows.max(1) as f64;
            self.progress.store((self.size as f64 * share.min(1.0)) as u64, Ordering::Relaxed);
            self.batch(&batch, first, names, into).map_err(|error| damaged(&self.plan.source, first, &error))?;
        }
        Ok(true)
    }

    fn place(&self) -> Option<u64> {
        Some(self.row)
    }

    fn seek(&mut self, row: u64) -> Result<(), Fault> {
        if row > self.rows {
            let (source, rows) = (&self.plan.source, self.rows);
            return Err(Fault::theirs(format!(
                "{source} is shorter than it was: it has {rows} rows, and {row} were read"
            )));
        }
        self.reader = self.table.behind(row).map_err(|error| damaged(&self.plan.source, row, &error))?;
        (self.rest, self.row) = (None, row);
        if let Clock::Every { start, next, every } = &mut self.plan.clock {
            *next = Time(start.0.saturating_add(every.0.saturating_mul(row as i64)));
        }
        Ok(())
    }

    fn until(&mut self, place: Option<u64>) {
        self.until = place;
    }
}

fn damaged(source: &str, row: u64, what: &dyn std::fmt::Display) -> Fault {
    Fault::theirs(format!("{source} is damaged after row {row}: {what}"))
}

impl Parquet {
    fn batch(&mut self, batch: &RecordBatch, first: u64, names: &mut Names, into: &mut Rows) -> Result<(), ArrowError> {
        let column = |name: &str| -> Result<&ArrayRef, ArrowError> {
            batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("the column \"{name}\" is gone")))
        };
        // Rows without a time, in order, and why.
        let mut timeless = Vec::new();
        match &mut self.plan.clock {
            Clock::Column { name, reader, nanos, zone } => {
                times(column(name)?, *nanos, zone.is_some(), reader, &mut self.times, &mut timeless)?;
                timeless.iter_mut().for_each(|(_, why)| *why = format!("column \"{name}\"{why}"));
            }
            Clock::Every { next, every, .. } => {
                self.times.clear();
                for _ in 0..batch.num_rows() {
                    self.times.push(next.0);
                    *next = *next + *every;
                }
            }
        }
        let mut devices = match &self.plan.device {
            DeviceFrom::Column(name) => Words::of(column(name)?)?.knowing(column(name)?, &mut self.known),
            DeviceFrom::Fixed(name) => Words::one(name),
        };
        let mut channels = match &self.plan.shape {
            Shape::Narrow { channel: ChannelFrom::Column(name), .. } => Some(Words::of(column(name)?)?),
            Shape::Narrow { channel: ChannelFrom::Fixed(name), .. } => Some(Words::one(name)),
            Shape::Wide(_) => None,
        };
        let values: Vec<Values<'_>> = match &self.plan.shape {
            Shape::Narrow { value, .. } => vec![Values::of(value, column(value)?)?],
            Shape::Wide(pairs) => {
                pairs.iter().map(|(name, _)| Values::of(name, column(name)?)).collect::<Result<_, _>>()?
            }
        };
        if let Shape::Wide(pairs) = &self.plan.shape {
            for (_, channel) in pairs {
                if self.roster.channel(channel.as_bytes()).is_none() {
                    self.roster.enter_channel(channel.as_bytes()).map_err(ArrowError::SchemaError)?;
                }
            }
        }
        let heeded: Vec<TagColumn> = match names.heeds_tags() {
            true => self.plan.tags.iter().filter_map(|tag| TagColumn::of(batch.column_by_name(tag)?)).collect(),
            false => Vec::new(),
        };
        let mut said: Vec<String> = vec![String::new(); heeded.len()];
        let narrow = channels.is_some();
        into.rows.reserve(batch.num_rows() * values.len());
        let mut timeless = timeless.into_iter();
        let mut bad = timeless.next();
        let mut bad_row = bad.as_ref().map_or(usize::MAX, |(row, _)| *row);
        let times = &self.times[..batch.num_rows()];
        for (row, &time) in times.iter().enumerate() {
            let refuse = |reason: String, into: &mut Rows| {
                let (source, line) = (self.plan.source.clone(), first + row as u64 + 1);
                into.rejected.push(Rejected { source, line, reason, text: shown(batch, row) });
            };
            if row == bad_row {
                refuse(bad.map_or_else(String::new, |(_, why)| why), into);
                bad = timeless.next();
                bad_row = bad.as_ref().map_or(usize::MAX, |(row, _)| *row);
                continue;
            }
            let time = Time(time);
            let mut device = devices.place(row);
            if device == NOBODY {
                let found = devices.keep(row, |name| match self.roster.device(name) {
                    Some(place) => Ok(place),
                    None => enter(&mut self.roster, &self.plan.tags, name, batch, row, names),
                });
                match found {
                    Ok(place) => device = place,
                    Err(why) => {
                        refuse(why, into);
                        continue;
                    }
                }
            }
            let mut place = channels.as_ref().map_or(0, |channels| channels.place(row));
            if place == NOBODY
                && values[0].says(row)
                && let Some(channels) = &mut channels
            {
                let found = channels.keep(row, |name| match self.roster.channel(name) {
                    Some(place) => Ok(place),
                    None => self.roster.enter_channel(name),
                });
                match found {
                    Ok(found) => place = found,
                    Err(why) => {
                        refuse(why, into);
                        continue;
                    }
                }
            }
            let before = into.rows.len();
            for (number, column) in values.iter().enumerate() {
                let value = column.at(row);
                if value.is_finite() {
                    let channel = if narrow { place } else { number as u32 };
                    let series = self.roster.series(device, channel, names);
                    let (place, flags) = (number as u16, Flags::NONE);
                    into.rows.push(Reading { series, place, quality: Quality::Good, flags, time, value });
                } else if value.is_nan() {
                    into.absent += 1;
                } else {
                    refuse(column.wrong(row), into);
                }
            }
            if !narrow && let Some(last) = into.rows[before..].last_mut() {
                last.flags = Flags::END_OF_MESSAGE;
            }
            if !heeded.is_empty() {
                heeded.iter().zip(&mut said).for_each(|(column, said)| column.read(row, said));
                let told = self.roster.told();
                let hash = told.hash(said.iter().map(|text| text.as_bytes()));
                if hash.is_some_and(|hash| told.is_news(device, hash, into.rows.len() > before)) {
                    let tags = texts(&self.plan.tags, batch, row);
                    into.retold.push(Retold { row: before as u32, device: self.roster.number(device), tags });
                }
            }
        }
        if let Words::Dictionary { places, .. } = devices {
            self.known.places = places;
        }
        Ok(())
    }
}

/// Enters the device of a row with its tags.
#[cold]
fn enter(
    roster: &mut Roster,
    tags: &[String],
    name: &[u8],
    batch: &RecordBatch,
    row: usize,
    names: &mut Names,
) -> Result<u32, String> {
    let texts = texts(tags, batch, row);
    let tags: Vec<(&str, &str)> = texts.iter().map(|(tag, text)| (tag.as_str(), text.as_str())).collect();
    roster.enter(name, &tags, names)
}

#[cold]
fn texts(tags: &[String], batch: &RecordBatch, row: usize) -> Vec<(String, String)> {
    tags.iter().map(|tag| (tag.clone(), cell_text(batch, tag, row))).collect()
}

/// The times of a column, a number for each row; the rows that have none, with the end of a sentence.
fn times(
    column: &ArrayRef,
    unit: i64,
    local: bool,
    reader: &mut TimeReader,
    into: &mut Vec<i64>,
    timeless: &mut Vec<(usize, String)>,
) -> Result<(), ArrowError> {
    into.clear();
    let empty = || " is empty, so there is no time".to_owned();
    let (numbers, nanos, civil): (&[i64], i64, bool);
    let widened;
    match column.data_type() {
        DataType::Timestamp(_, zone) => {
            civil = local && zone.is_none();
            (numbers, nanos) = instants(column).unwrap_or_default();
        }
        DataType::Date32 => {
            widened =
                column.as_primitive::<Date32Type>().values().iter().map(|&day| i64::from(day)).collect::<Vec<_>>();
            (numbers, nanos, civil) = (&widened, 86_400_000_000_000, local);
        }
        DataType::Date64 => {
            (numbers, nanos, civil) = (column.as_primitive::<Date64Type>().values(), 1_000_000, local);
        }
        DataType::Int64 => (numbers, nanos, civil) = (column.as_primitive::<Int64Type>().values(), unit, false),
        whole if whole.is_integer() => {
            let cast = cast(column, &DataType::Int64)?;
            widened = cast.as_primitive::<Int64Type>().values().to_vec();
            (numbers, nanos, civil) = (&widened, unit, false);
        }
        _ => {
            // Text, or a number with decimals.
            let texts = Words::of(column)?;
            for row in 0..column.len() {
                let text = texts.text(row);
                match reader.read(text.as_bytes()) {
                    Ok(time) => into.push(time.0),
                    Err(why) => {
                        into.push(0);
                        let quoted = quoted(text.as_bytes());
                        timeless.push((
                            row,
                            match why {
                                _ if column.is_null(row) || text.trim().is_empty() => empty(),
                                NoTime::Unreadable => format!(": {quoted} {}", reader.expects()),
                                NoTime::OutOfRange => format!(": {quoted} lies outside the years 1677 to 2262"),
                            },
                        ));
                    }
                }
            }
            return Ok(());
        }
    }
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    let most = i64::MAX / nanos;
    if nulls.is_none() && !civil && numbers.iter().all(|number| (-most..=most).contains(number)) {
        into.extend(numbers.iter().map(|number| number * nanos));
        return Ok(());
    }
    for (row, &number) in numbers.iter().enumerate() {
        let time = number.checked_mul(nanos).and_then(|time| if civil { zoned(time, reader) } else { Some(time) });
        into.push(time.unwrap_or(0));
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            timeless.push((row, empty()));
        } else if time.is_none() {
            timeless.push((row, format!(": {number} lies outside the years 1677 to 2262")));
        }
    }
    Ok(())
}

/// A time of the zone's clocks: by its text, which the reader knows how to take.
fn zoned(local: i64, reader: &mut TimeReader) -> Option<i64> {
    let text = Time(local).to_string();
    reader.read(text.trim_end_matches('Z').as_bytes()).ok().map(|time| time.0)
}

/// A column of names.
pub(crate) enum Words<'a> {
    /// One for all rows, and its place in the roster.
    One(String, u32),
    /// Keys of a dictionary, and the place of each of its words.
    Dictionary { keys: &'a [i32], nulls: Option<&'a NullBuffer>, words: &'a StringArray, places: Vec<u32> },
    /// A word a row.
    Each(ArrayRef),
}

impl<'a> Words<'a> {
    fn one(name: &str) -> Words<'a> {
        Words::One(name.to_owned(), NOBODY)
    }

    pub(crate) fn of(column: &'a ArrayRef) -> Result<Words<'a>, ArrowError> {
        if let Some(dictionary) = column.as_dictionary_opt::<Int32Type>()
            && let Some(words) = dictionary.values().as_string_opt::<i32>()
        {
            let places = vec![NOBODY; words.len()];
            let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
            return Ok(Words::Dictionary { keys: dictionary.keys().values(), nulls, words, places });
        }
        Ok(Words::Each(cast(column, &DataType::Utf8)?))
    }

    /// Takes over what is known of this column's dictionary, if it is the one of the batch before.
    fn knowing(mut self, column: &ArrayRef, known: &mut Known) -> Words<'a> {
        if let Words::Dictionary { places, .. } = &mut self
            && let Some(dictionary) = column.as_dictionary_opt::<Int32Type>()
        {
            let same = known.dictionary.as_ref().is_some_and(|before| Arc::ptr_eq(before, dictionary.values()));
            if same && known.places.len() == places.len() {
                *places = std::mem::take(&mut known.places);
            }
            known.dictionary = Some(dictionary.values().clone());
        }
        self
    }

    /// The place in the roster that was kept for the word of a row.
    #[inline]
    fn place(&self, row: usize) -> u32 {
        match self {
            Words::One(_, place) => *place,
            Words::Dictionary { nulls: Some(nulls), .. } if nulls.is_null(row) => NOBODY,
            Words::Dictionary { keys, places, .. } => places.get(keys[row] as usize).copied().unwrap_or(NOBODY),
            Words::Each(_) => NOBODY,
        }
    }

    /// Asks for the place of the word of this row and keeps it.
    fn keep(&mut self, row: usize, ask: impl FnOnce(&[u8]) -> Result<u32, String>) -> Result<u32, String> {
        let place = ask(self.text(row).as_bytes())?;
        match self {
            Words::One(_, kept) => *kept = place,
            Words::Dictionary { keys, nulls, places, .. } if nulls.is_none_or(|nulls| nulls.is_valid(row)) => {
                places[keys[row] as usize] = place;
            }
            Words::Dictionary { .. } | Words::Each(_) => {}
        }
        Ok(place)
    }

    pub(crate) fn text(&self, row: usize) -> &str {
        match self {
            Words::One(name, _) => name,
            Words::Dictionary { nulls: Some(nulls), .. } if nulls.is_null(row) => "",
            Words::Dictionary { keys, words, .. } => words.value(keys[row] as usize).trim(),
            Words::Each(column) if column.is_null(row) => "",
            Words::Each(column) => column.as_string::<i32>().value(row).trim(),
        }
    }
}

/// A column of values: NaN is absent, and an infinity something to be refused.
pub(crate) struct Values<'a> {
    name: &'a str,
    numbers: Float64Array,
    nulls: bool,
    /// Where the numbers were made from texts.
    texts: Option<Words<'a>>,
}

impl<'a> Values<'a> {
    pub(crate) fn of(name: &'a str, column: &'a ArrayRef) -> Result<Values<'a>, ArrowError> {
        let kind = column.data_type();
        let (numbers, texts) = if *kind == DataType::Float64 {
            (column.as_primitive::<Float64Type>().clone(), None)
        } else if kind.is_numeric() || *kind == DataType::Boolean {
            (cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone(), None)
        } else {
            let words = Words::of(column)?;
            let number = |row: usize| match number::read(words.text(row).as_bytes(), b'.') {
                Cell::Value(value) => value,
                Cell::Absent => f64::NAN,
                Cell::Infinite | Cell::Text => f64::INFINITY,
            };
            (Float64Array::from_iter_values((0..column.len()).map(number)), Some(words))
        };
        let nulls = numbers.null_count() > 0;
        Ok(Values { name, numbers, nulls, texts })
    }

    #[inline]
    pub(crate) fn at(&self, row: usize) -> f64 {
        if self.nulls && self.numbers.is_null(row) { f64::NAN } else { self.numbers.values()[row] }
    }

    fn says(&self, row: usize) -> bool {
        self.at(row).is_finite()
    }

    #[cold]
    pub(crate) fn wrong(&self, row: usize) -> String {
        let name = self.name;
        match self.texts.as_ref().map(|texts| texts.text(row)) {
            Some(text) if number::read(text.as_bytes(), b'.') == Cell::Text => {
                format!("column \"{name}\": {} is not a number", quoted(text.as_bytes()))
            }
            Some(text) => format!("column \"{name}\": {} is infinite, a reading is finite", quoted(text.as_bytes())),
            None => format!("column \"{name}\": \"{}\" is infinite, a reading is finite", self.at(row)),
        }
    }
}

/// A row as `ts=…, device=…`, for a rejection.
#[cold]
fn shown(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema();
    let cells = schema.fields().iter().map(|field| format!("{}={}", field.name(), cell_text(batch, field.name(), row)));
    excerpt(cells.collect::<Vec<_>>().join(", ").as_bytes())
}

#[cold]
fn cell_text(batch: &RecordBatch, name: &str, row: usize) -> String {
    batch.column_by_name(name).map_or_else(String::new, |column| text_of(column, row))
}

/// A cell as text. Arrow does not print times of a named zone without a time-zone table of its own, so they are ours.
fn text_of(column: &ArrayRef, row: usize) -> String {
    if let DataType::Timestamp(_, zone) = column.data_type()
        && let Some((numbers, nanos)) = instants(column)
    {
        return match numbers[row].checked_mul(nanos) {
            _ if column.is_null(row) => String::new(),
            Some(time) if zone.is_some() => Time(time).to_string(),
            Some(time) => Time(time).to_string().trim_end_matches('Z').to_owned(),
            None => numbers[row].to_string(),
        };
    }
    let options = FormatOptions::default();
    ArrayFormatter::try_new(column, &options).map_or_else(|_| String::new(), |text| text.value(row).to_string())
}

/// The numbers of a column of timestamps, and their unit in nanoseconds.
fn instants(column: &ArrayRef) -> Option<(&[i64], i64)> {
    let DataType::Timestamp(unit, _) = column.data_type() else { return None };
    Some(match unit {
        TimeUnit::Second => (column.as_primitive::<TimestampSecondType>().values(), 1_000_000_000),
        TimeUnit::Millisecond => (column.as_primitive::<TimestampMillisecondType>().values(), 1_000_000),
        TimeUnit::Microsecond => (column.as_primitive::<TimestampMicrosecondType>().values(), 1_000),
        TimeUnit::Nanosecond => (column.as_primitive::<TimestampNanosecondType>().values(), 1),
    })
}
