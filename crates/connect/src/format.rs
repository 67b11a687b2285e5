//! How the bytes of a source are to be read: which columns are time, device, channel, value and tags.
//!
//! The same words for every format: a *column* is a CSV or Parquet column, a key of a JSON object, a field or tag of
//! line protocol. What a config leaves out is guessed from the first lines, and the guess is printed as config.

use ouzel_engine::time::{Span, Time};

/// How to read one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// The kind of file or message.
    pub kind: Kind,
    /// Where the time of a reading comes from.
    pub time: TimeFrom,
    /// Where the name of the device comes from.
    pub device: DeviceFrom,
    /// One channel a row, or several.
    pub shape: Shape,
    /// Columns that are facts about the device rather than measurements.
    pub tags: Vec<String>,
    /// CSV only: what stands between two fields. Default `,`.
    pub separator: u8,
    /// CSV only: `1,5` is one and a half. Default false.
    pub decimal_comma: bool,
    /// CSV only: whether the first line has the names of the columns. Without it columns are called `1`, `2`, …
    pub header: bool,
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text with a separator; quotes as in RFC 4180, but a quoted field never spans lines.
    Csv,
    /// One JSON object a line. Nested keys are named with dots.
    Ndjson,
    /// InfluxDB line protocol. Columns are `measurement`, the tag keys, the field keys and `time`.
    Line,
    /// Apache Parquet.
    Parquet,
}

/// Where the time of a reading comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum TimeFrom {
    /// A column, read as this form says.
    Column(String, TimeForm),
    /// There is none: the first row is at `start`, each further one `every` later.
    Every {
        /// Time of the first row.
        start: Time,
        /// From row to row.
        every: Span,
    },
}

/// How a time is written.
#[derive(Clone, Debug, PartialEq)]
pub enum TimeForm {
    /// `2024-01-01T00:00:00.250Z`, `2024-01-01 00:00:00+01:00`; without an offset in the zone given, UTC by default.
    Rfc3339(Zone),
    /// A number since 1970-01-01 UTC, in this unit; decimals allowed.
    Epoch(EpochUnit),
    /// A pattern in the manner of `strftime`: `%d.%m.%Y %H:%M:%S`.
    Pattern(String, Zone),
}

/// The time zone of times that are written without one. `UTC` or a name of the IANA database, `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(pub String);

impl Default for Zone {
    fn default() -> Zone {
        Zone("UTC".into())
    }
}

/// The unit of an epoch number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// Where the name of the device comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceFrom {
    /// A column.
    Column(String),
    /// All rows are of one device: the name of the file without its extension, or of the source.
    Fixed(String),
}

/// One channel a row, or several.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A column a channel. Each row is one message. Pairs of (column, channel name); empty: every column that is
    /// not the time, the device or a tag, under its own name.
    Wide(Vec<(String, String)>),
    /// One value a row.
    Narrow {
        /// The column with the channel's name, or one name for all rows.
        channel: ChannelFrom,
        /// The column with the value.
        value: String,
    },
}

/// Where the name of the channel comes from, in the narrow shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelFrom {
    /// A column.
    Column(String),
    /// All rows are of one channel.
    Fixed(String),
}

/// What a config says of a format; `None` and empty are guessed or defaulted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FormatHints {
    /// `type = "csv"`; else by the file's extension, else by its first bytes.
    pub kind: Option<Kind>,
    /// `time = "ts"`
    pub time: Option<String>,
    /// `time_format = "rfc3339" | "s" | "ms" | "us" | "ns" | "%d.%m.%Y %H:%M"`
    pub time_format: Option<String>,
    /// `zone = "Europe/Berlin"`
    pub zone: Option<String>,
    /// `every = "1s"`: the rows have no time.
    pub every: Option<Span>,
    /// `start = "2024-01-01T00:00:00Z"`, with `every`. Default 1970-01-01.
    pub start: Option<Time>,
    /// `device = "sensor_id"`: the column with the device's name.
    pub device: Option<String>,
    /// `device_name = "boiler"`: all rows are of this device.
    pub device_name: Option<String>,
    /// `channel = "sensor_type"`: narrow shape, the column with the channel's name.
    pub channel: Option<String>,
    /// `channel_name = "temperature"`: narrow shape, one channel for all rows.
    pub channel_name: Option<String>,
    /// `value = "value"`: narrow shape, the column with the value.
    pub value: Option<String>,
    /// `channels = ["a", "b"]` or `channels = { temperature = "temp_c" }`: wide shape, as (column, channel name).
    pub channels: Vec<(String, String)>,
    /// `tags = ["location"]`
    pub tags: Vec<String>,
    /// `separator = ";"`
    pub separator: Option<u8>,
    /// `decimal = ","`
    pub decimal_comma: Option<bool>,
    /// `header = false`
    pub header: Option<bool>,
}
