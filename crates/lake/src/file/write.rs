//! Writing readings and buckets: columns are filled series by series, and go into the file a row group at a time.

use super::runs::{NULL, Runs};
use crate::points::{Point, micros, quality_name};
use crate::tier::Bucket;
use ouzel_connect::encode::ndjson::push_string;
use ouzel_engine::plan::ChannelFacts;
use ouzel_engine::reading::Quality;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{BoolType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnDescPtr, ColumnPath};
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a row group. A question for one series reads the groups with its name; of a thousand series in a file of a
/// million rows that is one group or two. Half as many bytes as a usual cache has.
const GROUP: usize = 65_536;

/// `tags` is a JSON object in a string: DuckDB asks it by `tags->>'line'`, pandas and pyarrow by `json.loads` of the
/// few words of its dictionary, where a map would come as a list of pairs, and cost two more columns of each row.
/// `seq` is signed because more readers know it so.
const READINGS: &str = "message reading {
    required int64 seq;
    required binary device (STRING);
    required binary channel (STRING);
    required int64 time (TIMESTAMP(MICROS, true));
    required double value;
    optional binary state (STRING);
    required binary quality (STRING);
    required binary tags (STRING);
    required boolean late;
}";

const BUCKETS: &str = "message bucket {
    required binary device (STRING);
    required binary channel (STRING);
    required int64 start (TIMESTAMP(MICROS, true));
    required int64 count;
    required double min;
    required double max;
    required double mean;
    required double first;
    required double last;
}";

/// The words of a series that stand in each of its rows.
#[derive(Clone, Debug)]
pub(crate) struct Labels<'a> {
    pub(crate) device: &'a str,
    pub(crate) channel: &'a str,
    /// A JSON object.
    pub(crate) tags: String,
    /// Names of states, where values are numbers of states.
    pub(crate) states: &'a [String],
}

impl<'a> Labels<'a> {
    pub(crate) fn new(
        device: &'a str,
        channel: &'a str,
        tags: &[(String, String)],
        facts: Option<&'a ChannelFacts>,
    ) -> Labels<'a> {
        let mut json = Vec::new();
        for (key, value) in tags {
            json.push(if json.is_empty() { b'{' } else { b',' });
            push_string(key, &mut json);
            json.push(b':');
            push_string(value, &mut json);
        }
        json.extend_from_slice(if json.is_empty() { b"{}" } else { b"}" });
        let tags = String::from_utf8(json).expect("words are UTF-8 and escapes ASCII");
        Labels { device, channel, tags, states: facts.map_or(&[], |facts| &facts.states) }
    }
}

/// A file of readings on its way.
pub(crate) struct Readings<W: Write + Send> {
    file: SerializedFileWriter<W>,
    seq: Vec<i64>,
    time: Vec<i64>,
    value: Vec<f64>,
    late: Vec<bool>,
    device: Runs,
    channel: Runs,
    state: Runs,
    quality: Runs,
    tags: Runs,
}

impl<W: Write + Send> Readings<W> {
    pub(crate) fn new(to: W) -> io::Result<Readings<W>> {
        Ok(Readings {
            file: begin(READINGS, &["seq", "time"], to)?,
            seq: Vec::new(),
            time: Vec::new(),
            value: Vec::new(),
            late: Vec::new(),
            device: Runs::default(),
            channel: Runs::default(),
            state: Runs::default(),
            quality: Runs::default(),
            tags: Runs::default(),
        })
    }

    /// Adds the readings of a series, in order of time. Series come in order of device and channel.
    pub(crate) fn series(&mut self, labels: &Labels<'_>, mut points: &[Point]) -> io::Result<()> {
        while !points.is_empty() {
            let (now, later) = points.split_at(points.len().min(GROUP - self.seq.len()));
            self.part(labels, now);
            points = later;
            if self.seq.len() == GROUP {
                self.flush().map_err(io_error)?;
            }
        }
        Ok(())
    }

    fn part(&mut self, labels: &Labels<'_>, points: &[Point]) {
        self.seq.extend(points.iter().map(|point| point.seq as i64));
        self.time.extend(points.iter().map(|point| point.time));
        self.value.extend(points.iter().map(|point| point.value));
        self.late.extend(points.iter().map(|point| point.mark.late()));
        let rows = points.len() as u32;
        let constant: [(&mut Runs, &str); 3] =
            [(&mut self.device, labels.device), (&mut self.channel, labels.channel), (&mut self.tags, &labels.tags)];
        for (runs, word) in constant {
            let code = runs.code(word);
            runs.push(code, rows);
        }
        // By the byte of the mark, so that a code is looked up once a change.
        let mut last = (None, NULL);
        for point in points {
            let quality: Quality = point.mark.quality();
            if last.0 != Some(quality) {
                last = (Some(quality), self.quality.code(quality_name(quality)));
            }
            self.quality.push(last.1, 1);
        }
        if labels.states.is_empty() {
            self.state.push(NULL, rows);
            return;
        }
        for point in points {
            let code = state(labels.states, point.value).map_or(NULL, |word| self.state.code(word));
            self.state.push(code, 1);
        }
    }

    fn flush(&mut self) -> Result<()> {
        let columns = self.file.schema_descr().columns().to_vec();
        let mut group = self.file.next_row_group()?;
        plain::<Int64Type, W>(&mut group, &self.seq)?;
        self.device.write(&mut group, columns[1].clone())?;
        self.channel.write(&mut group, columns[2].clone())?;
        plain::<Int64Type, W>(&mut group, &self.time)?;
        plain::<DoubleType, W>(&mut group, &self.value)?;
        self.state.write(&mut group, columns[5].clone())?;
        self.quality.write(&mut group, columns[6].clone())?;
        self.tags.write(&mut group, columns[7].clone())?;
        plain::<BoolType, W>(&mut group, &self.late)?;
        group.close()?;
        self.seq.clear();
        self.time.clear();
        self.value.clear();
        self.late.clear();
        Ok(())
    }

    /// Writes what is left, and gives the writer back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.seq.is_empty() {
            self.flush().map_err(io_error)?;
        }
        self.file.into_inner().map_err(io_error)
    }
}

/// The name of a state, where the value is the number of one.
fn state(states: &[String], value: f64) -> Option<&str> {
    let whole = value as usize;
    states.get(whole).filter(|_| whole as f64 == value).map(String::as_str)
}

/// A file of buckets on its way.
pub(crate) struct Buckets<W: Write + Send> {
    file: SerializedFileWriter<W>,
    device: Runs,
    channel: Runs,
    start: Vec<i64>,
    count: Vec<i64>,
    statistics: [Vec<f64>; 5],
    /// Rows so far.
    pub(crate) rows: u64,
    /// Smallest and largest start.
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl<W: Write + Send> Buckets<W> {
    pub(crate) fn new(to: W) -> io::Result<Buckets<W>> {
        Ok(Buckets {
            file: begin(BUCKETS, &["start", "count"], to)?,
            device: Runs::default(),
            channel: Runs::default(),
            start: Vec::new(),
            count: Vec::new(),
            statistics: Default::default(),
            rows: 0,
            first: i64::MAX,
            last: i64::MIN,
        })
    }

    /// Adds the buckets of a series, in order of time. Series come in order of device and channel.
    pub(crate) fn series(&mut self, labels: &Labels<'_>, mut buckets: &[Bucket]) -> io::Result<()> {
        while !buckets.is_empty() {
            let (now, later) = buckets.split_at(buckets.len().min(GROUP - self.start.len()));
            self.part(labels, now);
            buckets = later;
            if self.start.len() == GROUP {
                self.flush().map_err(io_error)?;
            }
        }
        Ok(())
    }

    fn part(&mut self, labels: &Labels<'_>, buckets: &[Bucket]) {
        let rows = buckets.len() as u32;
        self.rows += u64::from(rows);
        for (runs, word) in [(&mut self.device, labels.device), (&mut self.channel, labels.channel)] {
            let code = runs.code(word);
            runs.push(code, rows);
        }
        for bucket in buckets {
            let start = micros(bucket.start);
            self.first = self.first.min(start);
            self.last = self.last.max(start);
            self.start.push(start);
            self.count.push(bucket.count as i64);
            let values = [bucket.min, bucket.max, bucket.mean, bucket.first, bucket.last];
            self.statistics.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        }
    }

    fn flush(&mut self) -> Result<()> {
        let columns: Vec<ColumnDescPtr> = self.file.schema_descr().columns().to_vec();
        let mut group = self.file.next_row_group()?;
        self.device.write(&mut group, columns[0].clone())?;
        self.channel.write(&mut group, columns[1].clone())?;
        plain::<Int64Type, W>(&mut group, &self.start)?;
        plain::<Int64Type, W>(&mut group, &self.count)?;
        for column in &mut self.statistics {
            plain::<DoubleType, W>(&mut group, column)?;
            column.clear();
        }
        group.close()?;
        self.start.clear();
        self.count.clear();
        Ok(())
    }

    /// Writes what is left, and gives the writer back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.start.is_empty() {
            self.flush().map_err(io_error)?;
        }
        self.file.into_inner().map_err(io_error)
    }
}

fn begin<W: Write + Send>(schema: &str, growing: &[&str], to: W) -> io::Result<SerializedFileWriter<W>> {
    let schema = Arc::new(parse_message_type(schema).map_err(io_error)?);
    let cut = "nanoseconds are cut towards the past, to microseconds".to_owned();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(io_error)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(vec![KeyValue::new("ouzel.time".to_owned(), cut)]))
        .set_created_by(concat!("ouzel ", env!("CARGO_PKG_VERSION")).to_owned());
    for name in growing {
        properties = properties.set_column_encoding(ColumnPath::from(*name), Encoding::DELTA_BINARY_PACKED);
    }
    SerializedFileWriter::new(to, schema, Arc::new(properties.build())).map_err(io_error)
}

/// Adds a column without nulls.
fn plain<T: DataType, W: Write + Send>(group: &mut SerializedRowGroupWriter<'_, W>, values: &[T::T]) -> Result<()> {
    let missing = || ParquetError::General("the schema has fewer columns than are written".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

/// The writer's own error where it is one, so that a full disk is still called a full disk.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(io) => *io,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
