//! Apache Parquet: rows gather in columns, every 8192 rows become a record batch, every 262 144 a row group.
//!
//! Times are microseconds in UTC (nanoseconds are cut towards the past), words are UTF-8 with a dictionary, whole
//! numbers are signed 64 bits, all columns may be null. Compression is Snappy, as most writers have it and
//! every reader knows it. A file without
//! its footer is no file, so nothing can be read before [`Table::finish`].

use super::{Column, Kind, Value};
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use ouzel_engine::time::Time;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a record batch: arrow's own customary number, and a few hundred KiB at our widths.
const BATCH_ROWS: usize = 8192;

/// Rows of a row group. All of an open group is in memory, so this bounds a table to some 20 MiB.
const GROUP_ROWS: usize = 262_144;

/// A table on its way into a file.
pub struct Table<W: Write + Send> {
    schema: SchemaRef,
    cells: Vec<Cells>,
    /// The column that the next cell belongs to.
    next: usize,
    rows: usize,
    writer: ArrowWriter<W>,
}

enum Cells {
    Text(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Time(TimestampMicrosecondBuilder),
    Flag(BooleanBuilder),
}

impl<W: Write + Send> Table<W> {
    /// A table with these columns and no rows.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(columns: &[Column], to: W) -> io::Result<Table<W>> {
        let fields: Vec<Field> = columns.iter().map(|c| Field::new(&c.name, data_type(c.kind), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("ouzel ", env!("CARGO_PKG_VERSION")).to_owned());
        for column in columns {
            let path = || ColumnPath::from(column.name.as_str());
            // No id and hardly any time comes twice, so a dictionary would be all cost; times grow by small steps.
            if matches!(column.kind, Kind::Id | Kind::Time) {
                properties = properties.set_column_dictionary_enabled(path(), false);
            }
            if column.kind == Kind::Time {
                properties = properties.set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED);
            }
        }
        let writer = ArrowWriter::try_new(to, schema.clone(), Some(properties.build())).map_err(io_error)?;
        let cells = columns.iter().map(|c| Cells::new(c.kind)).collect();
        Ok(Table { schema, cells, next: 0, rows: 0, writer })
    }

    /// Adds the next cell of the row. A value that is not of its column's kind becomes null.
    pub fn cell(&mut self, value: Value<'_>) {
        self.cells[self.next].push(value);
        self.next += 1;
    }

    /// Ends the row.
    ///
    /// # Errors
    /// What the writer says.
    ///
    /// # Panics
    /// When the row has not a cell for every column: that is a mistake of ours.
    pub fn end_row(&mut self) -> io::Result<()> {
        assert_eq!(self.next, self.cells.len(), "a row has a cell for every column");
        self.next = 0;
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Writes the rows that are left and the footer, and gives the writer back by reference.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(&mut self) -> io::Result<&mut W> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.writer.finish().map_err(io_error)?;
        Ok(self.writer.inner_mut())
    }

    fn flush(&mut self) -> io::Result<()> {
        let arrays = self.cells.iter_mut().map(Cells::take).collect();
        self.rows = 0;
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(io_error)
    }
}

impl Cells {
    fn new(kind: Kind) -> Cells {
        match kind {
            Kind::Text | Kind::Id => Cells::Text(StringBuilder::new()),
            Kind::Integer => Cells::Integer(Int64Builder::new()),
            Kind::Number => Cells::Number(Float64Builder::new()),
            Kind::Time => Cells::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Flag => Cells::Flag(BooleanBuilder::new()),
        }
    }

    fn push(&mut self, value: Value<'_>) {
        match (self, value) {
            (Cells::Text(cells), Value::Text(text)) => cells.append_value(text),
            (Cells::Text(cells), Value::Id(id)) => cells.append_value(id.to_string()),
            (Cells::Text(cells), _) => cells.append_null(),
            (Cells::Integer(cells), Value::Integer(number)) => cells.append_value(number),
            (Cells::Integer(cells), _) => cells.append_null(),
            (Cells::Number(cells), Value::Number(number)) => cells.append_value(number),
            (Cells::Number(cells), _) => cells.append_null(),
            (Cells::Time(cells), Value::Time(Time(nanos))) => cells.append_value(nanos.div_euclid(1000)),
            (Cells::Time(cells), _) => cells.append_null(),
            (Cells::Flag(cells), Value::Flag(flag)) => cells.append_value(flag),
            (Cells::Flag(cells), _) => cells.append_null(),
        }
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Cells::Text(cells) => Arc::new(cells.finish()),
            Cells::Integer(cells) => Arc::new(cells.finish()),
            Cells::Number(cells) => Arc::new(cells.finish()),
            Cells::Time(cells) => Arc::new(cells.finish()),
            Cells::Flag(cells) => Arc::new(cells.finish()),
        }
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::Id => DataType::Utf8,
        Kind::Integer => DataType::Int64,
        Kind::Number => DataType::Float64,
        Kind::Flag => DataType::Boolean,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
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
