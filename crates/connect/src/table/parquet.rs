//! A table from a Parquet file: the wanted columns of it, and no others.

use super::{Bad, Places, Wanted, builder, nameless, too_large, twice};
use crate::decode::columns::Columns;
use crate::decode::parquet::{Values, Words};
use crate::fault::Fault;
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use ouzel_engine::table::{MAX_CELLS, Refused, Table};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;

pub(super) fn read(source: &str, file: File, wanted: &Wanted) -> Result<Table, Bad> {
    let damaged = |what: &dyn std::fmt::Display| {
        Bad::from(Fault::theirs(format!("{source} is not a whole Parquet file: {what}")))
    };
    let builder_of = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| damaged(&error))?;
    let names: Vec<String> = builder_of.schema().fields().iter().map(|field| field.name().clone()).collect();
    let places = Places::find(&Columns { source, word: "column", names: &names }, wanted)?;
    // Before anything of it is read: a few bytes of a file can stand for very many rows.
    let rows = builder_of.metadata().file_metadata().num_rows().max(0);
    if usize::try_from(rows).map_or(true, |rows| rows > MAX_CELLS) {
        return Err(too_large(source, &Refused::Cells));
    }
    let all = [places.device].into_iter().chain(places.channel).chain(places.numbers).chain(places.tags);
    let mask = ProjectionMask::roots(builder_of.metadata().file_metadata().schema_descr(), all);
    let reader = builder_of.with_projection(mask).build().map_err(|error| damaged(&error))?;
    let (mut table, mut about) = (builder(wanted), Vec::new());
    for batch in reader {
        let batch = batch.map_err(|error| damaged(&error))?;
        let columns = Read::of(&batch, wanted).map_err(|error| damaged(&error))?;
        for row in 0..batch.num_rows() {
            let number = about.len() as u64 + 1;
            let (device, channel) = (columns.device.text(row), columns.channel.as_ref().map(|words| words.text(row)));
            for (name, column) in [(Some(device), Some(&wanted.device)), (channel, wanted.channel.as_ref())] {
                if let (Some(""), Some(column)) = (name, column) {
                    return Err(nameless(source, number, column));
                }
            }
            if let Some(wrong) = columns.numbers.iter().find(|values| values.at(row).is_infinite()) {
                return Err(Fault::yours(format!("{source}:{number}: {}", wrong.wrong(row))).into());
            }
            let numbers = columns.numbers.iter().map(|values| values.at(row));
            let tags = columns.tags.iter().map(|words| words.text(row));
            let channel = channel.unwrap_or("");
            table.push((device, channel), numbers, tags).map_err(|why| too_large(source, &why))?;
            about.push((device.to_owned(), channel.to_owned()));
        }
    }
    table.finish().map_err(|why| match why {
        Refused::Twice(first, second) => {
            let of = about.get(first as usize).map_or(("", ""), |about| (about.0.as_str(), about.1.as_str()));
            twice(source, "row", (u64::from(first) + 1, u64::from(second) + 1), of)
        }
        why => too_large(source, &why),
    })
}

/// The wanted columns of a batch.
struct Read<'a> {
    device: Words<'a>,
    channel: Option<Words<'a>>,
    numbers: Vec<Values<'a>>,
    tags: Vec<Words<'a>>,
}

impl<'a> Read<'a> {
    fn of(batch: &'a RecordBatch, wanted: &'a Wanted) -> Result<Read<'a>, ArrowError> {
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("column {name} is not in it")))
        };
        let words = |name: &'a String| Words::of(column(name)?);
        Ok(Read {
            device: words(&wanted.device)?,
            channel: wanted.channel.as_ref().map(words).transpose()?,
            numbers: wanted.numbers.iter().map(|name| Values::of(name, column(name)?)).collect::<Result<_, _>>()?,
            tags: wanted.tags.iter().map(words).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Float64Array, Int32Array, StringArray};
    use parquet::arrow::ArrowWriter;
    use std::io::{Seek, SeekFrom};
    use std::sync::Arc;

    fn file(columns: Vec<(&str, ArrayRef)>) -> File {
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = ArrowWriter::try_new(file.try_clone().unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    }

    fn columns(devices: Vec<&str>) -> Vec<(&'static str, ArrayRef)> {
        vec![
            ("room", Arc::new(StringArray::from(vec![None, Some("a")])) as ArrayRef),
            ("id", Arc::new(StringArray::from(devices))),
            ("low", Arc::new(Int32Array::from(vec![Some(-3), None]))),
            ("high", Arc::new(Float64Array::from(vec![80.5, 1.0]))),
        ]
    }

    fn wanted() -> Wanted {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Wanted { device: "id".into(), channel: None, numbers: list(&["high", "low"]), tags: list(&["room"]) }
    }

    #[test]
    fn a_table_from_parquet_has_numbers_of_all_kinds_and_empty_cells() {
        let table = read("t.parquet", file(columns(vec!["oven", "belt"])), &wanted()).unwrap();
        let (oven, belt) = (table.row("oven", "").unwrap(), table.row("belt", "").unwrap());
        assert_eq!((table.number(oven, 0), table.number(oven, 1)), (80.5, -3.0));
        assert!(table.number(belt, 1).is_nan());
        assert_eq!((table.tags_of("oven"), table.tags_of("belt")), (vec![], vec![("room", "a")]));
    }

    #[test]
    fn two_rows_about_one_device_and_a_column_that_is_not_there_are_told() {
        let why = |devices: Vec<&str>, wanted: &Wanted| {
            read("t.parquet", file(columns(devices)), wanted).unwrap_err().fault.what
        };
        let twice = "t.parquet has two rows about \"oven\", in rows 1 and 2: leave one of them out";
        assert_eq!(why(vec!["oven", "oven"], &wanted()), twice);
        let other = Wanted { device: "di".into(), ..wanted() };
        let missing = "t.parquet has no column \"di\"; its columns are room, id, low, high: did you mean \"id\"?";
        assert_eq!(why(vec!["a", "b"], &other), missing);
        let text = Wanted { numbers: vec!["id".into()], ..wanted() };
        assert_eq!(why(vec!["7", "b"], &text), "t.parquet:2: column \"id\": \"b\" is not a number");
    }
}
