//! Readings as wide rows, a row a message: what `ouzel simulate` writes and every decoder reads.
//!
//! ```text
//! csv     time,device,location,temperature,humidity
//!         2024-01-01T00:00:00Z,press-1,hall 3,21.5,
//! ndjson  {"time":"2024-01-01T00:00:00Z","device":"press-1","location":"hall 3","temperature":21.5}
//! line    fleet,device=press-1,location=hall\ 3 temperature=21.5 1704067200000000000
//! ```
//! A value that is absent is an empty cell, a missing key, a missing field or a null. A row without any value is
//! still a row, but for line protocol, which cannot say that.

use super::csv::Line;
use super::ndjson::Object;
use super::number::{push_integer, push_number};
#[cfg(feature = "parquet")]
use super::parquet::Table;
use super::{Column, Kind, Value};
use crate::fault::Fault;
use crate::sink::file::{Draft, create};
use crate::sink::{NO_PARQUET, fault};
use ouzel_engine::reading::{Flags, Reading, TICK};
use ouzel_engine::series::{Device, Names};
use ouzel_engine::time::Time;
use std::io::Write;
use std::path::Path;

/// The forms of rows of readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Comma-separated with a header line.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// InfluxDB line protocol, times in nanoseconds.
    Line,
    /// Apache Parquet.
    Parquet,
}

/// What the rows will have, known before the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// What line protocol calls the rows: the profile's name.
    pub measurement: String,
    /// Keys of the devices' tags.
    pub tags: Vec<String>,
    /// The channels.
    pub channels: Vec<String>,
}

/// What a device said at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// When.
    pub time: Time,
    /// Who.
    pub device: &'a str,
    /// Facts about the device, as (key, value).
    pub tags: &'a [(String, String)],
    /// A value for each channel of the head, NaN where it is absent.
    pub values: &'a [f64],
}

/// Writes rows of readings in one form.
pub struct ReadingWriter {
    head: Head,
    /// Where to, in messages.
    place: String,
    body: Body,
    /// The row that readings gather in; its device is `None` between rows.
    open: Open,
    draft: Option<Draft>,
}

type Out = Box<dyn Write + Send>;

enum Body {
    Lines {
        form: Form,
        out: Out,
        buffer: Vec<u8>,
    },
    #[cfg(feature = "parquet")]
    Table(Box<Table<Out>>),
}

#[derive(Default)]
struct Open {
    device: Option<Device>,
    time: Time,
    values: Vec<f64>,
}

/// Bytes that gather before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

impl ReadingWriter {
    /// Writes to `out`, which messages call `place`.
    ///
    /// # Errors
    /// A [`Fault`] when this build has no Parquet.
    pub fn new(form: Form, head: Head, out: Out, place: &str) -> Result<ReadingWriter, Fault> {
        let open = Open { values: vec![f64::NAN; head.channels.len()], ..Open::default() };
        let body = match form {
            Form::Csv | Form::Ndjson | Form::Line => {
                let mut buffer = Vec::with_capacity(BUFFER_BYTES + 4096);
                if form == Form::Csv {
                    super::csv::push_head(&columns(&head), &mut buffer);
                }
                Body::Lines { form, out, buffer }
            }
            #[cfg(feature = "parquet")]
            Form::Parquet => Body::Table(Box::new(Table::new(&columns(&head), out).map_err(|e| fault(place, &e))?)),
            #[cfg(not(feature = "parquet"))]
            Form::Parquet => return Err(Fault::yours(NO_PARQUET)),
        };
        Ok(ReadingWriter { head, place: place.to_owned(), body, open, draft: None })
    }

    /// Writes to a file. Parquet gets its name when it is finished: without its footer it is of no use to anyone.
    ///
    /// # Errors
    /// A [`Fault`] when the file cannot be made, or this build has no Parquet.
    pub fn create(form: Form, head: Head, path: &Path) -> Result<ReadingWriter, Fault> {
        let place = path.display().to_string();
        if form != Form::Parquet {
            let file = create(path)?;
            return ReadingWriter::new(form, head, Box::new(file), &place);
        }
        if cfg!(not(feature = "parquet")) {
            return Err(Fault::yours(NO_PARQUET));
        }
        let (draft, file) = Draft::begin(path)?;
        let mut writer = ReadingWriter::new(form, head, Box::new(file), &place)?;
        writer.draft = Some(draft);
        Ok(writer)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// A [`Fault`] when it cannot be written.
    pub fn write(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        let head = &self.head;
        let result = match &mut self.body {
            Body::Lines { form, out, buffer } => {
                match form {
                    Form::Csv => push_csv(row, head, buffer),
                    Form::Ndjson => push_ndjson(row, head, buffer),
                    Form::Line | Form::Parquet => push_line(row, head, buffer),
                }
                if buffer.len() < BUFFER_BYTES {
                    return Ok(());
                }
                let result = out.write_all(buffer);
                buffer.clear();
                result
            }
            #[cfg(feature = "parquet")]
            Body::Table(table) => {
                cells(row, head, |value| table.cell(value));
                table.end_row()
            }
        };
        result.map_err(|e| fault(&self.place, &e))
    }

    /// Writes readings as rows: what a device says with one time, up to the end of its message, is a row. The last
    /// row stays open for the next call. Ticks, and readings of channels that the head
    /// has not, are left out.
    ///
    /// # Errors
    /// A [`Fault`] when they cannot be written.
    pub fn write_readings(&mut self, readings: &[Reading], names: &Names) -> Result<(), Fault> {
        for reading in readings.iter().filter(|reading| reading.series != TICK) {
            let (device, channel) = names.of(reading.series);
            if self.open.device != Some(device) || self.open.time != reading.time || reading.place == 0 {
                self.close(names)?;
            }
            self.open.device = Some(device);
            self.open.time = reading.time;
            let channel = names.channel_name(channel);
            if let Some(at) = self.head.channels.iter().position(|name| name == channel) {
                self.open.values[at] = reading.value;
            }
            if reading.flags.has(Flags::END_OF_MESSAGE) {
                self.close(names)?;
            }
        }
        Ok(())
    }

    /// Writes the row that readings gathered in.
    fn close(&mut self, names: &Names) -> Result<(), Fault> {
        let Some(device) = self.open.device.take() else { return Ok(()) };
        let mut values = std::mem::take(&mut self.open.values);
        let (time, tags) = (self.open.time, names.device_tags(device));
        let result = self.write(&Row { time, device: names.device_name(device), tags, values: &values });
        values.fill(f64::NAN);
        self.open.values = values;
        result
    }

    /// Hands on what has gathered, so that a reader at the other end sees it. Parquet keeps it until the end.
    ///
    /// # Errors
    /// A [`Fault`] when it cannot be written.
    pub fn flush(&mut self) -> Result<(), Fault> {
        let result = match &mut self.body {
            Body::Lines { out, buffer, .. } => {
                let result = out.write_all(buffer).and_then(|()| out.flush());
                buffer.clear();
                result
            }
            #[cfg(feature = "parquet")]
            Body::Table(_) => Ok(()),
        };
        result.map_err(|e| fault(&self.place, &e))
    }

    /// Writes all that is left. `names` are those of [`ReadingWriter::write_readings`], whose last row may be open.
    ///
    /// # Errors
    /// A [`Fault`] when it cannot be written.
    pub fn finish(mut self, names: &Names) -> Result<(), Fault> {
        self.close(names)?;
        self.flush()?;
        #[cfg(feature = "parquet")]
        if let Body::Table(table) = &mut self.body {
            table.finish().and_then(|out| out.flush()).map_err(|e| fault(&self.place, &e))?;
        }
        self.draft.take().map_or(Ok(()), Draft::keep)
    }
}

/// The columns of the rows, in their order.
fn columns(head: &Head) -> Vec<Column> {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let fixed = [column("time", Kind::Time), column("device", Kind::Text)];
    let tags = head.tags.iter().map(|tag| column(tag, Kind::Text));
    let channels = head.channels.iter().map(|channel| column(channel, Kind::Number));
    fixed.into_iter().chain(tags).chain(channels).collect()
}

fn tag<'r>(row: &Row<'r>, key: &str) -> Option<&'r str> {
    row.tags.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
}

fn cells(row: &Row<'_>, head: &Head, mut visit: impl FnMut(Value<'_>)) {
    visit(Value::Time(row.time));
    visit(Value::Text(row.device));
    head.tags.iter().for_each(|key| visit(tag(row, key).map_or(Value::Null, Value::Text)));
    values(row, head).for_each(|(_, value)| visit(Value::number(value)));
}

fn values<'r>(row: &Row<'r>, head: &'r Head) -> impl Iterator<Item = (&'r String, f64)> {
    debug_assert_eq!(row.values.len(), head.channels.len());
    head.channels.iter().zip(row.values.iter().copied())
}

fn push_csv(row: &Row<'_>, head: &Head, into: &mut Vec<u8>) {
    let mut line = Line::begin(into);
    cells(row, head, |value| line.cell(value));
    line.end();
}

fn push_ndjson(row: &Row<'_>, head: &Head, into: &mut Vec<u8>) {
    let mut object = Object::begin(into);
    object.field("time", Value::Time(row.time));
    object.field("device", Value::Text(row.device));
    for key in &head.tags {
        if let Some(value) = tag(row, key) {
            object.named(key, Value::Text(value));
        }
    }
    for (channel, value) in values(row, head).filter(|(_, value)| !value.is_nan()) {
        object.named(channel, Value::Number(value));
    }
    object.end();
}

fn push_line(row: &Row<'_>, head: &Head, into: &mut Vec<u8>) {
    // Line protocol has no infinity, and no line without a field.
    let mut fields = values(row, head).filter(|(_, value)| value.is_finite()).peekable();
    if fields.peek().is_none() {
        return;
    }
    push_escaped(&head.measurement, b", ", into);
    into.extend_from_slice(b",device=");
    push_escaped(row.device, b",= ", into);
    for key in &head.tags {
        // A tag without a value is an error there.
        if let Some(value) = tag(row, key).filter(|value| !value.is_empty()) {
            into.push(b',');
            push_escaped(key, b",= ", into);
            into.push(b'=');
            push_escaped(value, b",= ", into);
        }
    }
    let mut mark = b' ';
    for (channel, value) in fields {
        into.push(mark);
        push_escaped(channel, b",= ", into);
        into.push(b'=');
        push_number(value, into);
        mark = b',';
    }
    into.push(b' ');
    push_integer(row.time.0, into);
    into.push(b'\n');
}

/// Adds words with a backslash before these bytes. Line feeds cannot be escaped there and become spaces.
fn push_escaped(words: &str, special: &[u8], into: &mut Vec<u8>) {
    for byte in words.bytes() {
        let byte = if matches!(byte, b'\n' | b'\r') { b' ' } else { byte };
        if special.contains(&byte) {
            into.push(b'\\');
        }
        into.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::series::Timing;

    const START: Time = Time(1_704_067_200_000_000_000);

    fn head() -> Head {
        let words = |words: &[&str]| words.iter().map(|&w| w.to_owned()).collect();
        Head { measurement: "fleet".into(), tags: words(&["location"]), channels: words(&["temperature", "humidity"]) }
    }

    /// Three messages: one whole, one without humidity whose end is not marked, one of a device without tags.
    fn readings() -> (Names, Vec<Reading>) {
        let mut names = Names::new();
        let press = names.device("press-1", Timing::default(), &[("location", "hall 3,\"b\"")]).unwrap();
        let other = names.device("press 2", Timing::default(), &[]).unwrap();
        let (heat, damp, wear) = (names.channel("temperature"), names.channel("humidity"), names.channel("wear"));
        let at = |names: &mut Names, device, channel, place, value, flags| Reading {
            place,
            flags,
            ..Reading::new(names.series(device, channel), START, value)
        };
        let rows = vec![
            at(&mut names, press, heat, 0, 21.5, Flags::NONE),
            at(&mut names, press, damp, 1, 40.0, Flags::END_OF_MESSAGE),
            at(&mut names, press, heat, 0, -1e-9, Flags::NONE),
            at(&mut names, other, damp, 0, 41.0, Flags::NONE),
            at(&mut names, other, wear, 1, 0.5, Flags::NONE),
            Reading::tick(START),
        ];
        (names, rows)
    }

    fn check(form: Form, lines: &[&str]) {
        let (names, rows) = readings();
        for step in 1..=rows.len() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("readings");
            let mut writer = ReadingWriter::create(form, head(), &path).unwrap();
            rows.chunks(step).for_each(|some| writer.write_readings(some, &names).unwrap());
            writer.finish(&names).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn a_message_is_a_row_however_the_readings_are_batched() {
        check(
            Form::Csv,
            &[
                "time,device,location,temperature,humidity",
                "2024-01-01T00:00:00Z,press-1,\"hall 3,\"\"b\"\"\",21.5,40",
                "2024-01-01T00:00:00Z,press-1,\"hall 3,\"\"b\"\"\",-1e-9,",
                "2024-01-01T00:00:00Z,press 2,,,41",
            ],
        );
        check(
            Form::Ndjson,
            &[
                r#"{"time":"2024-01-01T00:00:00Z","device":"press-1","location":"hall 3,\"b\"","temperature":21.5,"humidity":40}"#,
                r#"{"time":"2024-01-01T00:00:00Z","device":"press-1","location":"hall 3,\"b\"","temperature":-1e-9}"#,
                r#"{"time":"2024-01-01T00:00:00Z","device":"press 2","humidity":41}"#,
            ],
        );
        check(
            Form::Line,
            &[
                r#"fleet,device=press-1,location=hall\ 3\,"b" temperature=21.5,humidity=40 1704067200000000000"#,
                r#"fleet,device=press-1,location=hall\ 3\,"b" temperature=-1e-9 1704067200000000000"#,
                r"fleet,device=press\ 2 humidity=41 1704067200000000000",
            ],
        );
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn parquet_rows_have_nulls_where_values_are_absent() {
        use arrow_array::Array;
        use arrow_array::cast::AsArray;
        use arrow_array::types::{Float64Type, TimestampMicrosecondType};
        let (names, rows) = readings();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("readings.parquet");
        let mut writer = ReadingWriter::create(Form::Parquet, head(), &path).unwrap();
        writer.write_readings(&rows, &names).unwrap();
        assert!(!path.exists());
        writer.finish(&names).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let mut reader =
            parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batch = reader.next().unwrap().unwrap();
        assert_eq!(batch.num_rows(), 3);
        let times = batch["time"].as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.value(0), 1_704_067_200_000_000);
        let heat = batch["temperature"].as_primitive::<Float64Type>();
        assert_eq!((heat.value(0), heat.is_null(2)), (21.5, true));
        assert!(batch["location"].as_string::<i32>().is_null(2));
    }

    #[cfg(not(feature = "parquet"))]
    #[test]
    fn a_build_without_parquet_says_so() {
        let fault = ReadingWriter::new(Form::Parquet, head(), Box::new(Vec::new()), "out").err().unwrap();
        assert_eq!(fault.what, NO_PARQUET);
    }
}
