//! Reading files: of a file only the row groups that may have what is wanted, of these only the columns that decide
//! it, and of the others only the rows that are left.

use super::open::File;
use crate::points::{Mark, Point, Stretch, moment, quality_of};
use crate::tier::Bucket;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrowPrimitiveType, BooleanArray, DictionaryArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType};
use ouzel_connect::encode::Value;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

/// What is asked of a file. Empty lists take all.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) devices: Vec<String>,
    pub(crate) channels: Vec<String>,
    pub(crate) stretch: Stretch,
}

/// The columns that decide whether a row is wanted.
#[derive(Clone, Copy, Debug)]
struct Keys {
    device: &'static str,
    channel: &'static str,
    time: &'static str,
}

const READINGS: Keys = Keys { device: "device", channel: "channel", time: "time" };
const BUCKETS: Keys = Keys { device: "device", channel: "channel", time: "start" };

/// A row of the readings' table that is not of a series known beforehand.
pub(crate) struct Found<'a> {
    pub(crate) device: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) point: Point,
}

/// Adds the readings of a series.
pub(crate) fn points(file: &File, wanted: &Wanted, into: &mut Vec<Point>) -> Result<()> {
    scan(file, READINGS, wanted, &["seq", "time", "value", "quality", "late"], |batch| {
        let rows = Rows::of(batch)?;
        into.extend((0..batch.num_rows()).map(|row| rows.point(row)));
        Ok(())
    })
}

/// Shows `visit` all readings that are wanted.
pub(crate) fn newest(file: &File, wanted: &Wanted, mut visit: impl FnMut(Found<'_>)) -> Result<()> {
    let columns = ["seq", "device", "channel", "time", "value", "quality", "late"];
    scan(file, READINGS, wanted, &columns, |batch| {
        let rows = Rows::of(batch)?;
        let (device, channel) = (Words::of(batch, "device")?, Words::of(batch, "channel")?);
        for row in 0..batch.num_rows() {
            let (device, channel) = (device.get(row).unwrap_or(""), channel.get(row).unwrap_or(""));
            visit(Found { device, channel, point: rows.point(row) });
        }
        Ok(())
    })
}

/// Shows `visit` all buckets that are wanted, with device and channel.
pub(crate) fn buckets(file: &File, wanted: &Wanted, mut visit: impl FnMut(&str, &str, Bucket)) -> Result<()> {
    let columns = ["device", "channel", "start", "count", "min", "max", "mean", "first", "last"];
    scan(file, BUCKETS, wanted, &columns, |batch| {
        let (device, channel) = (Words::of(batch, "device")?, Words::of(batch, "channel")?);
        let start = numbers::<TimestampMicrosecondType>(batch, "start")?;
        let count = numbers::<Int64Type>(batch, "count")?;
        let column = |name| numbers::<Float64Type>(batch, name);
        let (min, max, mean) = (column("min")?, column("max")?, column("mean")?);
        let (first, last) = (column("first")?, column("last")?);
        for row in 0..batch.num_rows() {
            let bucket = Bucket {
                start: moment(start.value(row)),
                count: count.value(row) as u64,
                min: min.value(row),
                max: max.value(row),
                mean: mean.value(row),
                first: first.value(row),
                last: last.value(row),
            };
            visit(device.get(row).unwrap_or(""), channel.get(row).unwrap_or(""), bucket);
        }
        Ok(())
    })
}

/// Shows `visit` rows of a noun: time, number of the input, then each cell by its column's name.
pub(crate) fn rows(
    file: &File,
    time: &'static str,
    device: &'static str,
    wanted: &Wanted,
    mut visit: impl FnMut(i64, u64, &[(&str, Value<'_>)]),
) -> Result<()> {
    let schema = file.footer.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let keys = Keys { device, channel: "channel", time };
    scan(file, keys, wanted, &names, |batch| {
        let columns: Vec<(&str, Cells<'_>)> =
            names.iter().map(|&name| Ok((name, Cells::of(batch, name)?))).collect::<Result<_>>()?;
        let (when, seq) = (numbers::<TimestampMicrosecondType>(batch, time)?, numbers::<Int64Type>(batch, "seq")?);
        let mut cells = Vec::with_capacity(columns.len());
        for row in 0..batch.num_rows() {
            cells.clear();
            cells.extend(columns.iter().map(|(name, column)| (*name, column.get(row))));
            visit(when.value(row), seq.value(row) as u64, &cells);
        }
        Ok(())
    })
}

fn scan(
    file: &File,
    keys: Keys,
    wanted: &Wanted,
    columns: &[&str],
    mut each: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let groups = file.footer.metadata().row_groups().iter().enumerate();
    let groups: Vec<usize> =
        groups.filter(|(_, group)| may_have(group, keys, wanted)).map(|(index, _)| index).collect();
    if groups.is_empty() {
        return Ok(());
    }
    let schema = file.footer.metadata().file_metadata().schema_descr();
    let mask = |names: &[&str]| ProjectionMask::columns(schema, names.iter().copied());
    let mut predicates: Vec<Box<dyn ArrowPredicate>> = Vec::new();
    for (column, words) in [(keys.device, &wanted.devices), (keys.channel, &wanted.channels)] {
        if !words.is_empty() {
            let words = words.clone();
            let one = move |batch: RecordBatch| is_one_of(&batch, column, &words);
            predicates.push(Box::new(ArrowPredicateFn::new(mask(&[column]), one)));
        }
    }
    let stretch = wanted.stretch;
    let inside = move |batch: RecordBatch| {
        let times = numbers::<TimestampMicrosecondType>(&batch, keys.time).map_err(outer)?;
        Ok(times.values().iter().map(|&time| Some(stretch.has(time))).collect::<BooleanArray>())
    };
    predicates.push(Box::new(ArrowPredicateFn::new(mask(&[keys.time]), inside)));
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.data.clone(), file.footer.clone())
        .with_row_groups(groups)
        .with_projection(mask(columns))
        .with_row_filter(RowFilter::new(predicates))
        .build()?;
    for batch in reader {
        each(&batch.map_err(|error| ParquetError::External(Box::new(error)))?)?;
    }
    Ok(())
}

/// What the statistics of a row group leave open. A column without them may have anything.
fn may_have(group: &RowGroupMetaData, keys: Keys, wanted: &Wanted) -> bool {
    let statistics = |name: &str| {
        let column = group.columns().iter().find(|column| column.column_path().string() == name);
        column.and_then(|column| column.statistics())
    };
    let words = |name: &str, words: &[String]| match statistics(name) {
        Some(Statistics::ByteArray(found)) if !words.is_empty() => {
            let (Some(min), Some(max)) = (found.min_opt(), found.max_opt()) else { return true };
            words.iter().any(|word| min.data() <= word.as_bytes() && word.as_bytes() <= max.data())
        }
        _ => true,
    };
    let time = match statistics(keys.time) {
        Some(Statistics::Int64(found)) => {
            found.min_opt().zip(found.max_opt()).is_none_or(|(&first, &last)| wanted.stretch.meets(first, last))
        }
        _ => true,
    };
    time && words(keys.device, &wanted.devices) && words(keys.channel, &wanted.channels)
}

fn is_one_of(batch: &RecordBatch, column: &str, wanted: &[String]) -> std::result::Result<BooleanArray, ArrowError> {
    let words = Words::of(batch, column).map_err(outer)?;
    let dictionary = words.words.iter().map(|word| word.is_some_and(|word| wanted.iter().any(|want| want == word)));
    let takes: Vec<bool> = dictionary.collect();
    Ok(words.codes.iter().map(|code| Some(code.is_some_and(|code| takes[code as usize]))).collect())
}

fn outer(error: ParquetError) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

/// The columns of a reading.
struct Rows<'a> {
    seq: &'a PrimitiveArray<Int64Type>,
    time: &'a PrimitiveArray<TimestampMicrosecondType>,
    value: &'a PrimitiveArray<Float64Type>,
    quality: Words<'a>,
    late: &'a BooleanArray,
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Rows<'a>> {
        Ok(Rows {
            seq: numbers(batch, "seq")?,
            time: numbers(batch, "time")?,
            value: numbers(batch, "value")?,
            quality: Words::of(batch, "quality")?,
            late: column(batch, "late")?,
        })
    }

    fn point(&self, row: usize) -> Point {
        let quality = quality_of(self.quality.get(row).unwrap_or(""));
        Point {
            time: self.time.value(row),
            seq: self.seq.value(row) as u64,
            value: self.value.value(row),
            mark: Mark::new(quality, self.late.value(row)),
        }
    }
}

/// A column of words.
struct Words<'a> {
    codes: &'a PrimitiveArray<Int32Type>,
    words: &'a StringArray,
}

impl<'a> Words<'a> {
    fn of(batch: &'a RecordBatch, name: &str) -> Result<Words<'a>> {
        let dictionary: &DictionaryArray<Int32Type> = column(batch, name)?;
        let words = dictionary.values().as_any().downcast_ref().ok_or_else(|| not_ours(name))?;
        Ok(Words { codes: dictionary.keys(), words })
    }

    fn get(&self, row: usize) -> Option<&'a str> {
        self.codes.is_valid(row).then(|| self.words.value(self.codes.value(row) as usize))
    }
}

/// A column of any kind that a noun has.
enum Cells<'a> {
    Words(Words<'a>),
    Whole(&'a PrimitiveArray<Int64Type>),
    Numbers(&'a PrimitiveArray<Float64Type>),
    Times(&'a PrimitiveArray<TimestampMicrosecondType>),
    Flags(&'a BooleanArray),
}

impl<'a> Cells<'a> {
    fn of(batch: &'a RecordBatch, name: &str) -> Result<Cells<'a>> {
        let array = batch.column_by_name(name).ok_or_else(|| not_ours(name))?;
        Ok(match array.data_type() {
            DataType::Dictionary(..) => Cells::Words(Words::of(batch, name)?),
            DataType::Int64 => Cells::Whole(numbers(batch, name)?),
            DataType::Boolean => Cells::Flags(column(batch, name)?),
            DataType::Float64 => Cells::Numbers(numbers(batch, name)?),
            _ => Cells::Times(numbers(batch, name)?),
        })
    }

    fn get(&self, row: usize) -> Value<'a> {
        match self {
            Cells::Words(words) => words.get(row).map_or(Value::Null, Value::Text),
            Cells::Whole(column) if column.is_valid(row) => Value::Integer(column.value(row)),
            Cells::Numbers(column) if column.is_valid(row) => Value::Number(column.value(row)),
            Cells::Times(column) if column.is_valid(row) => Value::Time(moment(column.value(row))),
            Cells::Flags(column) if column.is_valid(row) => Value::Flag(column.value(row)),
            Cells::Whole(_) | Cells::Numbers(_) | Cells::Times(_) | Cells::Flags(_) => Value::Null,
        }
    }
}

fn numbers<'a, T: ArrowPrimitiveType>(batch: &'a RecordBatch, name: &str) -> Result<&'a PrimitiveArray<T>> {
    column(batch, name)
}

fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T> {
    let array = batch.column_by_name(name).ok_or_else(|| not_ours(name))?;
    array.as_any().downcast_ref().ok_or_else(|| not_ours(name))
}

fn not_ours(name: &str) -> ParquetError {
    ParquetError::General(format!("its column `{name}` is not one that the lake writes"))
}
