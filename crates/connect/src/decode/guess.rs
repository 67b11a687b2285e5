//! What a config leaves out of a format, guessed from the first lines.
//!
//! A guess goes by names first (`ts`, `sensor_id`, `value`) and asks the cells whether they agree. It never overrules
//! a hint. It is printed as a line of config by [`Format::to_toml`], so that a wrong one is seen and mended.

use super::columns::{Columns, listed};
use super::number::{self, Cell};
use super::time::{self, KNOWN_FORMS, TimeReader};
use super::{csv, line, quoted};
use crate::fault::Fault;
use crate::format::{ChannelFrom, DeviceFrom, EpochUnit, Format, FormatHints, Kind, Shape, TimeForm, TimeFrom, Zone};
use ouzel_engine::time::{Span, Time};

/// Names of columns that are times, the likeliest first.
const TIMES: [&str; 14] = [
    "time",
    "timestamp",
    "ts",
    "datetime",
    "date_time",
    "_time",
    "event_time",
    "time_stamp",
    "measured_at",
    "created_at",
    "date",
    "at",
    "t",
    "epoch",
];

/// Names of columns that are devices, the likeliest first.
const DEVICES: [&str; 22] = [
    "device",
    "device_id",
    "deviceid",
    "device_name",
    "sensor",
    "sensor_id",
    "sensorid",
    "sensor_name",
    "machine",
    "machine_id",
    "asset",
    "asset_id",
    "node",
    "node_id",
    "station",
    "station_id",
    "equipment",
    "host",
    "hostname",
    "mote",
    "moteid",
    "id",
];

/// Names of columns that are channels, in the narrow shape.
const CHANNELS: [&str; 12] = [
    "channel",
    "metric",
    "_field",
    "sensor_type",
    "measurement",
    "parameter",
    "variable",
    "field",
    "name",
    "key",
    "tag",
    "type",
];

/// Names of columns that are values, in the narrow shape.
const VALUES: [&str; 4] = ["value", "_value", "val", "reading"];

/// Patterns that are tried for a time, besides RFC 3339 and numbers.
const PATTERNS: [&str; 9] = [
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S%.f",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%Y.%m.%d.%H.%M.%S",
    "%Y-%m-%d-%H.%M.%S%.f",
    "%a %b %d %H:%M:%S %Y",
];

/// Patterns of which one has the day and one the month first: only a date such as 31/12 tells them apart.
const EITHER_WAY: [(&str, &str); 3] =
    [("%d/%m/%Y %H:%M:%S%.f", "%m/%d/%Y %H:%M:%S%.f"), ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"), ("%d/%m/%Y", "%m/%d/%Y")];

/// The first rows of an input, as texts.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Name of the source, for messages.
    pub source: String,
    /// Names of the columns, in order of first sight.
    pub columns: Vec<String>,
    /// Their cells; `None` where there is none.
    pub rows: Vec<Vec<Option<String>>>,
    /// Line number of the first row.
    pub first_line: u64,
}

/// A whole format, and what the guess leaves aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// How to read.
    pub format: Format,
    /// Whether more than the hints went into it.
    pub guessed: bool,
    /// Columns that are neither used nor numbers.
    pub ignored: Vec<String>,
    /// The channels that the sample has.
    pub channels: Vec<String>,
}

/// The kind of a file: by the end of its name, else by its first bytes.
///
/// # Errors
/// A kind of file that cannot be read, with what to do.
pub fn kind(source: &str, extension: Option<&str>, bytes: &[u8]) -> Result<Kind, Fault> {
    let fault = |what: &str| Err(Fault::yours(format!("{source} {what}")));
    match bytes {
        [0x1f, 0x8b, ..] => return fault("is compressed with gzip: unpack it first"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return fault("is compressed with zstd: unpack it first"),
        [b'P', b'K', 3, 4, ..] => return fault("is a zip archive or a spreadsheet: unpack it, or save it as CSV"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return fault("is written in UTF-16: save it as UTF-8"),
        [b'P', b'A', b'R', b'1', ..] => return Ok(Kind::Parquet),
        _ => {}
    }
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv" | "tsv") => return Ok(Kind::Csv),
        Some("ndjson" | "jsonl") => return Ok(Kind::Ndjson),
        Some("lp" | "line") => return Ok(Kind::Line),
        Some("parquet") => return Ok(Kind::Parquet),
        _ => {}
    }
    let text = bytes.trim_ascii_start();
    let first = text.split(|&b| b == b'\n').find(|l| !l.trim_ascii().is_empty() && l[0] != b'#').unwrap_or_default();
    match text.first() {
        Some(b'{') => Ok(Kind::Ndjson),
        Some(b'[') => fault("is a JSON list: one object a line is needed (jq -c '.[]' makes it so)"),
        _ if line::looks_like(first) => Ok(Kind::Line),
        _ => Ok(Kind::Csv),
    }
}

/// How a CSV file is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Between two fields.
    pub separator: u8,
    /// The first line has names.
    pub header: bool,
}

/// The separator, and whether there is a header.
pub fn layout(text: &[u8], hints: &FormatHints) -> Layout {
    let lines: Vec<&[u8]> = lines(text).take(50).collect();
    let separator = hints.separator.unwrap_or_else(|| separator(&lines));
    let header = hints.header.unwrap_or_else(|| {
        let first = lines.first().map_or(Vec::new(), |line| cells(line, separator));
        // A line with a number or a time in it is not one of names.
        !first.iter().any(|cell| {
            matches!(number::read(cell.as_bytes(), b'.'), Cell::Value(_))
                || matches!(number::read(cell.as_bytes(), b','), Cell::Value(_))
                || cell.bytes().next().is_some_and(|b| b.is_ascii_digit()) && form_of(&[cell], &Zone::default()).is_ok()
        })
    });
    Layout { separator, header }
}

/// The sample of a CSV file.
pub fn csv_sample(source: &str, text: &[u8], layout: Layout) -> Sample {
    let mut rows = lines(text).map(|line| cells(line, layout.separator));
    let first_line = 1 + u64::from(layout.header);
    let mut sample = Sample { source: source.into(), first_line, ..Sample::default() };
    if layout.header {
        sample.columns = rows.next().unwrap_or_default();
    }
    sample.rows = rows.take(200).map(|row| row.into_iter().map(Some).collect()).collect();
    let width = if layout.header { sample.columns.len() } else { sample.rows.first().map_or(0, Vec::len) };
    for number in 0..width {
        match sample.columns.get_mut(number) {
            Some(name) if name.is_empty() => *name = (number + 1).to_string(),
            Some(_) => {}
            None => sample.columns.push((number + 1).to_string()),
        }
    }
    sample
}

/// Lines that are not blank.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| line.iter().any(|&b| b != b' '))
}

/// The cells of a line; one with a wrong quote has a single one.
pub fn cells(line: &[u8], separator: u8) -> Vec<String> {
    let (mut unquoted, mut fields) = (Vec::new(), Vec::new());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match csv::split(line, separator, &mut unquoted, &mut fields) {
        Ok(()) => fields.iter().map(|field| text(&unquoted[field.place()])).collect(),
        Err(_) => vec![text(line)],
    }
}

/// The separator under which the lines have the same number of fields, and more than one.
fn separator(lines: &[&[u8]]) -> u8 {
    let lines = &lines[..lines.len().min(20)];
    let width = |line: &[u8], separator| cells(line, separator).len();
    let mut best = (0, b',');
    for separator in [b',', b';', b'\t', b'|'] {
        let Some(first) = lines.first().map(|line| width(line, separator)).filter(|&w| w > 1) else { continue };
        let same = lines.iter().filter(|line| width(line, separator) == first).count();
        // Agreement counts more than the number of fields: a decimal comma makes many fields, but not the same many.
        let score = same * 1_000 / lines.len() * 1_000 + first.min(999);
        if score > best.0 {
            best = (score, separator);
        }
    }
    best.1
}

/// What the cells of a column are.
struct Column<'a> {
    name: &'a str,
    /// Cells that say something.
    cells: Vec<&'a str>,
    numbers: usize,
    decimals: bool,
}

impl Column<'_> {
    fn numeric(&self) -> bool {
        self.cells.is_empty() || self.numbers * 2 >= self.cells.len()
    }

    /// Each row has another one, as in a row number.
    fn counts_rows(&self) -> bool {
        let mut cells = self.cells.clone();
        cells.sort_unstable();
        cells.dedup();
        cells.len() >= 5 && cells.len() == self.cells.len() && self.numbers == self.cells.len()
    }
}

/// A name as the lists above write it: `Device ID` is `device_id`.
fn folded(name: &str) -> String {
    let name: String = name.trim().chars().map(|c| if matches!(c, ' ' | '-' | '.') { '_' } else { c }).collect();
    name.to_lowercase()
}

/// Fills in what the hints leave out.
///
/// # Errors
/// A hint that names what is not there, or something that cannot be guessed, with what to set.
pub fn format(kind: Kind, sample: &Sample, layout: Layout, hints: &FormatHints, device: &str) -> Result<Guess, Fault> {
    let source = &sample.source;
    let word = if kind == Kind::Ndjson { "key" } else { "column" };
    let names = Columns { source, word, names: &sample.columns };
    let point_guess = matches!(layout.separator, b';' | b'\t') && decimal_commas(sample);
    let decimal_comma = kind == Kind::Csv && hints.decimal_comma.unwrap_or(point_guess);
    let columns = facts(sample, if decimal_comma { b',' } else { b'.' });
    let mut guesser = Guesser { kind, sample, names, columns, hints, taken: Vec::new(), guessed: false };
    if kind == Kind::Csv {
        guesser.guessed |= hints.separator.is_none() && layout.separator != b',';
        guesser.guessed |= hints.header.is_none() && !layout.header;
        guesser.guessed |= hints.decimal_comma.is_none() && decimal_comma;
    }

    let time = guesser.time()?;
    for tag in &hints.tags {
        names.find(tag)?;
        guesser.taken.push(tag.clone());
    }
    if let Some(column) = &hints.sequence {
        names.find(column)?;
        guesser.taken.push(column.clone());
    }
    let device = guesser.device(device)?;
    let shape = guesser.shape()?;
    if let (Shape::Wide(_), DeviceFrom::Column(name)) = (&shape, &device) {
        guesser.taken.push(name.clone());
    }
    guesser.first_time(&time)?;

    let (channels, ignored) = guesser.channels_and_rest(&shape);
    if channels.is_empty() && matches!(shape, Shape::Wide(_)) && !sample.rows.is_empty() {
        let columns = listed(&sample.columns);
        return Err(Fault::yours(format!("{source} has no {word} with numbers to watch; its {word}s are {columns}")));
    }
    // CSV and Parquet have the same columns in each row; JSON and line protocol may bring more.
    let shape = match shape {
        Shape::Wide(pairs) if pairs.is_empty() && matches!(kind, Kind::Csv | Kind::Parquet) => {
            Shape::Wide(channels.iter().map(|name| (name.clone(), name.clone())).collect())
        }
        other => other,
    };
    let (tags, sequence) = (hints.tags.clone(), hints.sequence.clone());
    let Layout { separator, header } = layout;
    let format = Format { kind, time, device, shape, tags, sequence, separator, decimal_comma, header };
    Ok(Guess { format, guessed: guesser.guessed, ignored, channels })
}

/// Numbers are written `1,5` and none `1.5`.
pub fn decimal_commas(sample: &Sample) -> bool {
    let cells = || sample.rows.iter().flatten().flatten().map(String::as_bytes);
    let with =
        |point: u8| cells().any(|cell| cell.contains(&point) && matches!(number::read(cell, point), Cell::Value(_)));
    with(b',') && !with(b'.')
}

fn facts(sample: &Sample, point: u8) -> Vec<Column<'_>> {
    sample
        .columns
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let mut found = Column { name, cells: Vec::new(), numbers: 0, decimals: false };
            for cell in sample.rows.iter().filter_map(|row| row.get(number)?.as_deref()) {
                match number::read(cell.as_bytes(), point) {
                    Cell::Absent => continue,
                    Cell::Value(value) => {
                        found.numbers += 1;
                        found.decimals |= value.fract() != 0.0;
                    }
                    Cell::Infinite => found.numbers += 1,
                    Cell::Text => {}
                }
                found.cells.push(cell);
            }
            found
        })
        .collect()
}

struct Guesser<'a> {
    kind: Kind,
    sample: &'a Sample,
    names: Columns<'a>,
    columns: Vec<Column<'a>>,
    hints: &'a FormatHints,
    /// Columns that have their part.
    taken: Vec<String>,
    guessed: bool,
}

impl<'a> Guesser<'a> {
    fn free(&self) -> impl Iterator<Item = &Column<'a>> {
        self.columns.iter().filter(|column| !self.taken.iter().any(|name| name == column.name))
    }

    /// The first of these names that a free column has and whose cells agree.
    fn named(&self, likely: &[&str], agrees: impl Fn(&Column<'_>) -> bool) -> Option<&Column<'a>> {
        likely.iter().find_map(|name| self.free().find(|column| folded(column.name) == *name && agrees(column)))
    }

    fn cells(&self, name: &str) -> &[&'a str] {
        self.columns.iter().find(|column| column.name == name).map_or(&[], |column| &column.cells)
    }

    fn time(&mut self) -> Result<TimeFrom, Fault> {
        let hints = self.hints;
        if let Some(every) = hints.every {
            if hints.time.is_some() {
                let what = "time names a column and every says that there is none: leave one of them out";
                return Err(Fault::yours(format!("{}: {what}", self.sample.source)));
            }
            if every <= Span::ZERO {
                return Err(Fault::yours(format!("{}: every = \"{every}\" has to be positive", self.sample.source)));
            }
            return Ok(TimeFrom::Every { start: hints.start.unwrap_or(Time(0)), every });
        }
        let zone = hints.zone.clone().map_or_else(Zone::default, Zone);
        let name = match &hints.time {
            Some(name) => {
                self.names.find(name)?;
                name.clone()
            }
            None => {
                self.guessed = true;
                self.time_column(&zone)?
            }
        };
        let form = match &hints.time_format {
            Some(word) => {
                time::form(word, zone).map_err(|why| Fault::yours(format!("{}: {why}", self.sample.source)))?
            }
            None => {
                self.guessed = true;
                let cells = self.cells(&name);
                match self.kind {
                    Kind::Line => line_precision(cells),
                    _ if cells.is_empty() => TimeForm::Rfc3339(zone),
                    _ => form_of(cells, &zone).map_err(|why| {
                        // The first cell that is in no form at all; where one is readable, that one tells nothing.
                        let odd = cells.iter().find(|cell| form_of(&[cell], &zone).is_err()).unwrap_or(&cells[0]);
                        self.unreadable(&name, odd, &why)
                    })?,
                }
            }
        };
        self.taken.push(name.clone());
        Ok(TimeFrom::Column(name, form))
    }

    fn time_column(&self, zone: &Zone) -> Result<String, Fault> {
        let readable = |column: &Column<'_>| column.cells.is_empty() || form_of(&column.cells, zone).is_ok();
        let date = |column: &Column<'_>| !column.numeric() && readable(column);
        // A name that is nearly right, then cells that can be nothing but times.
        let by_name = |column: &&Column<'_>| {
            let name = folded(column.name);
            (name.contains("time") || name.contains("date")) && readable(column)
        };
        let found = match &self.hints.time_format {
            // A form that is given need not be one that would be guessed.
            Some(_) => self.named(&TIMES, |_| true),
            None => self.named(&TIMES, readable),
        };
        let found = found
            .or_else(|| self.free().find(by_name))
            .or_else(|| self.free().find(|c| !c.cells.is_empty() && date(c)))
            .or_else(|| self.free().find(|c| c.numeric() && recent(&c.cells)))
            .or_else(|| self.named(&TIMES, |_| true));
        match found {
            Some(column) => Ok(column.name.to_owned()),
            None => {
                let Columns { source, word, names } = self.names;
                Err(Fault::yours(format!(
                    "{source} has no {word} that looks like a time; its {word}s are {}: name it with time = \"…\", \
                     or, if the rows have no time, say how far apart they are with every = \"1s\"",
                    listed(names)
                )))
            }
        }
    }

    fn unreadable(&self, column: &str, text: &str, why: &str) -> Fault {
        let Columns { source, word, .. } = self.names;
        Fault::yours(format!("{source}: {word} \"{column}\" has the time {}, {why}", quoted(text.as_bytes())))
    }

    /// The time can be read in at least one of the first rows; else the first is quoted.
    fn first_time(&self, time: &TimeFrom) -> Result<(), Fault> {
        let TimeFrom::Column(name, form) = time else { return Ok(()) };
        let mut reader = TimeReader::new(form)?;
        let cells = self.cells(name);
        let cells = &cells[..cells.len().min(20)];
        if cells.is_empty() && !self.sample.rows.is_empty() {
            let Columns { source, word, .. } = self.names;
            return Err(Fault::yours(format!(
                "{source}: {word} \"{name}\", the time, is empty in the first rows: if the rows have no time, say how far \
                 apart they are with every = \"1s\""
            )));
        }
        if cells.is_empty() || cells.iter().any(|cell| reader.read(cell.as_bytes()).is_ok()) {
            return Ok(());
        }
        Err(self.unreadable(name, cells[0], &format!("which {}; {KNOWN_FORMS}", reader.expects())))
    }

    fn device(&mut self, fallback: &str) -> Result<DeviceFrom, Fault> {
        if let Some(name) = &self.hints.device {
            self.names.find(name)?;
            self.taken.push(name.clone());
            return Ok(DeviceFrom::Column(name.clone()));
        }
        if let Some(name) = &self.hints.device_name {
            return Ok(DeviceFrom::Fixed(name.clone()));
        }
        let spoken_for = |column: &Column<'_>| {
            let hints = self.hints;
            let named = [&hints.channel, &hints.value].into_iter().flatten().any(|name| name == column.name);
            named || hints.channels.iter().any(|(name, _)| name == column.name)
        };
        let found = self.named(&DEVICES, |column| {
            !spoken_for(column) && !column.cells.is_empty() && !column.decimals && !column.counts_rows()
        });
        let found = found.map(|column| column.name.to_owned()).or_else(|| {
            (self.kind == Kind::Line && self.hints.channel.as_deref() != Some("measurement"))
                .then(|| "measurement".to_owned())
        });
        Ok(match found {
            Some(name) => {
                self.guessed = true;
                self.taken.push(name.clone());
                DeviceFrom::Column(name)
            }
            None => DeviceFrom::Fixed(fallback.to_owned()),
        })
    }

    fn shape(&mut self) -> Result<Shape, Fault> {
        let hints = self.hints;
        if !hints.channels.is_empty() {
            let there = hints.channels.iter().filter(|(name, _)| self.names.names.contains(name)).count();
            // Keys that are not in the first messages may come in later ones; some has to be there.
            let may_come = matches!(self.kind, Kind::Ndjson | Kind::Line) && (there > 0 || self.sample.rows.is_empty());
            for (name, _) in &hints.channels {
                if !may_come {
                    self.names.find(name)?;
                }
                self.taken.push(name.clone());
            }
            return Ok(Shape::Wide(hints.channels.clone()));
        }
        if hints.channel.is_some() || hints.channel_name.is_some() || hints.value.is_some() {
            return self.narrow();
        }
        self.guessed = true;
        if self.kind != Kind::Line {
            let text = |column: &Column<'_>| !column.cells.is_empty() && column.numbers == 0;
            let channel = self.named(&CHANNELS, text).map(|column| column.name.to_owned());
            let value = self.named(&VALUES, |column| column.numeric()).map(|column| column.name.to_owned());
            if let (Some(channel), Some(value)) = (channel, value) {
                self.taken.extend([channel.clone(), value.clone()]);
                return Ok(Shape::Narrow { channel: ChannelFrom::Column(channel), value });
            }
        }
        Ok(Shape::Wide(Vec::new()))
    }

    /// The narrow shape, of which the hints name a part.
    fn narrow(&mut self) -> Result<Shape, Fault> {
        let hints = self.hints;
        if let Some(name) = &hints.channel {
            self.names.find(name)?;
            self.taken.push(name.clone());
        }
        let value = match &hints.value {
            Some(name) => {
                self.names.find(name)?;
                name.clone()
            }
            None => {
                self.guessed = true;
                let mut numeric = self.free().filter(|column| column.numeric() && !column.cells.is_empty());
                let only = numeric.next().filter(|_| numeric.next().is_none());
                let named = self.named(&VALUES, |column| column.numeric());
                let Some(column) = named.or(only) else {
                    let Columns { source, word, names } = self.names;
                    return Err(Fault::yours(format!(
                        "{source}: which {word} is the value? name it with value = \"…\"; its {word}s are {}",
                        listed(names)
                    )));
                };
                column.name.to_owned()
            }
        };
        self.taken.push(value.clone());
        let channel = match (&hints.channel, &hints.channel_name) {
            (Some(name), _) => ChannelFrom::Column(name.clone()),
            (None, Some(name)) => ChannelFrom::Fixed(name.clone()),
            (None, None) => ChannelFrom::Fixed(value.clone()),
        };
        Ok(Shape::Narrow { channel, value })
    }

    /// The channels of the sample, and the columns that go unused.
    fn channels_and_rest(&self, shape: &Shape) -> (Vec<String>, Vec<String>) {
        let names = |columns: Vec<&Column<'_>>| columns.iter().map(|column| column.name.to_owned()).collect();
        match shape {
            Shape::Wide(pairs) if pairs.is_empty() => {
                // Row numbers are no measurement; pandas writes its own as a first column without a name.
                let index = |column: &Column<'_>| match folded(column.name).as_str() {
                    "1" => self.sample.columns.len() > 2 && self.named_columns() && column.counts_rows(),
                    "id" | "index" | "row" | "row_id" | "no" | "nr" => column.counts_rows(),
                    name => name == "unnamed:_0",
                };
                let (channels, rest): (Vec<_>, Vec<_>) = self.free().partition(|c| c.numeric() && !index(c));
                (names(channels), names(rest))
            }
            Shape::Wide(pairs) => (pairs.iter().map(|(_, name)| name.clone()).collect(), names(self.free().collect())),
            Shape::Narrow { channel: ChannelFrom::Fixed(name), .. } => {
                (vec![name.clone()], names(self.free().collect()))
            }
            Shape::Narrow { channel: ChannelFrom::Column(column), .. } => {
                let mut channels: Vec<String> = Vec::new();
                for cell in self.cells(column) {
                    if !channels.iter().any(|name| name == cell) {
                        channels.push((*cell).to_owned());
                    }
                }
                (channels, names(self.free().collect()))
            }
        }
    }

    /// Some column has a name of its own rather than its number.
    fn named_columns(&self) -> bool {
        self.columns.iter().enumerate().any(|(i, column)| column.name != (i + 1).to_string())
    }
}

/// All are numbers that are moments between 2001 and 2100 in some unit, and they do not run back.
fn recent(cells: &[&str]) -> bool {
    let mut last = f64::MIN;
    !cells.is_empty()
        && cells.iter().all(|cell| match number::read(cell.as_bytes(), b'.') {
            Cell::Value(number) => {
                let seconds = number * EpochUnit::by_size(number).nanos() as f64 / 1e9;
                let runs = number >= last;
                last = number;
                runs && (978_307_200.0..4_102_444_800.0).contains(&seconds)
            }
            _ => false,
        })
}

/// Line protocol counts nanoseconds unless the numbers say otherwise.
fn line_precision(cells: &[&str]) -> TimeForm {
    let number = cells.first().and_then(|cell| cell.parse::<f64>().ok()).unwrap_or(0.0);
    TimeForm::Epoch(if number.abs() < 1e8 { EpochUnit::Nanos } else { EpochUnit::by_size(number) })
}

/// The form in which at least half of these times are written.
///
/// # Errors
/// A phrase: none is known, or there are two that differ.
pub fn form_of(cells: &[&str], zone: &Zone) -> Result<TimeForm, String> {
    let cells = &cells[..cells.len().min(50)];
    let fits = |form: &TimeForm| {
        TimeReader::new(form).map_or(0, |mut reader| cells.iter().filter(|c| reader.read(c.as_bytes()).is_ok()).count())
    };
    let most = |form: &TimeForm| fits(form) * 2 >= cells.len();
    let rfc = TimeForm::Rfc3339(zone.clone());
    if most(&rfc) {
        return Ok(rfc);
    }
    let number = cells.iter().find_map(|cell| match number::read(cell.as_bytes(), b'.') {
        Cell::Value(number) if !cell.eq_ignore_ascii_case("true") && !cell.eq_ignore_ascii_case("false") => {
            Some(number)
        }
        _ => None,
    });
    if let Some(number) = number {
        let form = TimeForm::Epoch(EpochUnit::by_size(number));
        if most(&form) {
            return Ok(form);
        }
    }
    for pattern in PATTERNS {
        let form = TimeForm::Pattern(pattern.into(), zone.clone());
        if most(&form) {
            return Ok(form);
        }
    }
    for (day_first, month_first) in EITHER_WAY {
        let [day, month] = [day_first, month_first].map(|p| TimeForm::Pattern(p.into(), zone.clone()));
        return match fits(&day).cmp(&fits(&month)) {
            _ if !most(&day) && !most(&month) => continue,
            std::cmp::Ordering::Greater => Ok(day),
            std::cmp::Ordering::Less => Ok(month),
            std::cmp::Ordering::Equal => Err(format!(
                "which may have the day or the month first: set time_format = \"{day_first}\" or \"{month_first}\""
            )),
        };
    }
    Err(format!("which is in no form that is known; {KNOWN_FORMS}"))
}
