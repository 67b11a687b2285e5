//! How the bytes of a source are to be read: which columns are time, device, channel, value and tags.
//!
//! The same words for every format: a *column* is a CSV or Parquet column, a key of a JSON object, a field or tag of
//! line protocol. What a config leaves out is guessed from the first lines, and the guess is printed as config.

use ouzel_engine::time::{Span, Time};
use std::fmt::Write;

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
    /// The column with the number that the device gave the message: one more for each. Not for Parquet.
    pub sequence: Option<String>,
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
    /// `sequence = "seq"`: the column with the number of the message.
    pub sequence: Option<String>,
    /// `separator = ";"`
    pub separator: Option<u8>,
    /// `decimal = ","`
    pub decimal_comma: Option<bool>,
    /// `header = false`
    pub header: Option<bool>,
}

impl Format {
    /// This format as a line of config, to be pasted and mended: `format = { type = "csv", time = "ts", … }`. What is
    /// the default is left out, the time's form is not.
    pub fn to_toml(&self) -> String {
        let mut items = vec![format!("type = \"{}\"", self.kind.word())];
        let mut set = |key: &str, value: String| items.push(format!("{key} = {value}"));
        if self.kind == Kind::Csv {
            if self.separator != b',' {
                set("separator", text(&char::from(self.separator).to_string()));
            }
            if self.decimal_comma {
                set("decimal", text(","));
            }
            if !self.header {
                set("header", "false".into());
            }
        }
        match &self.time {
            TimeFrom::Every { start, every } => {
                set("every", text(&every.to_string()));
                if *start != Time(0) {
                    set("start", text(&start.to_string()));
                }
            }
            TimeFrom::Column(column, form) => {
                set("time", text(column));
                let (word, zone) = match form {
                    TimeForm::Rfc3339(zone) => ("rfc3339", Some(zone)),
                    TimeForm::Epoch(unit) => (unit.word(), None),
                    TimeForm::Pattern(pattern, zone) => (pattern.as_str(), Some(zone)),
                };
                set("time_format", text(word));
                if let Some(zone) = zone.filter(|zone| **zone != Zone::default()) {
                    set("zone", text(&zone.0));
                }
            }
        }
        match &self.device {
            DeviceFrom::Column(column) => set("device", text(column)),
            DeviceFrom::Fixed(name) => set("device_name", text(name)),
        }
        match &self.shape {
            Shape::Narrow { channel, value } => {
                match channel {
                    ChannelFrom::Column(column) => set("channel", text(column)),
                    ChannelFrom::Fixed(name) => set("channel_name", text(name)),
                }
                set("value", text(value));
            }
            Shape::Wide(pairs) if pairs.is_empty() => {}
            Shape::Wide(pairs) if pairs.iter().all(|(column, channel)| column == channel) => {
                set("channels", list(pairs.iter().map(|(column, _)| text(column))));
            }
            Shape::Wide(pairs) => {
                let pairs = pairs.iter().map(|(column, channel)| format!("{} = {}", key(channel), text(column)));
                set("channels", format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", ")));
            }
        }
        if !self.tags.is_empty() {
            set("tags", list(self.tags.iter().map(|tag| text(tag))));
        }
        if let Some(column) = &self.sequence {
            set("sequence", text(column));
        }
        format!("format = {{ {} }}", items.join(", "))
    }
}

impl Kind {
    /// The word of a config: `csv`, `ndjson`, `line` or `parquet`.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Csv => "csv",
            Kind::Ndjson => "ndjson",
            Kind::Line => "line",
            Kind::Parquet => "parquet",
        }
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A key of TOML, in quotes where it must be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if bare { name.to_owned() } else { text(name) }
}

/// A basic string of TOML.
fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            char if char.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_prints_as_a_line_of_config() {
        let mut format = Format {
            kind: Kind::Csv,
            time: TimeFrom::Column("datetime".into(), TimeForm::Rfc3339(Zone::default())),
            device: DeviceFrom::Fixed("valve 1".into()),
            shape: Shape::Wide(vec![("a".into(), "a".into()), ("b".into(), "b".into())]),
            tags: Vec::new(),
            sequence: None,
            separator: b';',
            decimal_comma: true,
            header: true,
        };
        assert_eq!(
            format.to_toml(),
            "format = { type = \"csv\", separator = \";\", decimal = \",\", time = \"datetime\", \
             time_format = \"rfc3339\", device_name = \"valve 1\", channels = [\"a\", \"b\"] }"
        );
        format.separator = b'\t';
        format.decimal_comma = false;
        format.time = TimeFrom::Every { start: Time(0), every: Span::from_secs(90) };
        format.device = DeviceFrom::Column("say \"id\"".into());
        format.shape = Shape::Wide(vec![("temp_c".into(), "heat".into()), ("b".into(), "light [lx]".into())]);
        format.tags = vec!["room".into()];
        format.sequence = Some("seq".into());
        assert_eq!(
            format.to_toml(),
            "format = { type = \"csv\", separator = \"\\t\", every = \"1m30s\", device = \"say \\\"id\\\"\", \
             channels = { heat = \"temp_c\", \"light [lx]\" = \"b\" }, tags = [\"room\"], sequence = \"seq\" }"
        );
    }
}
