//! Files of all kinds, and standard input: opened, understood, and read on at the reader's pace.

use crate::decode::Decoder;
use crate::decode::columns::Columns;
use crate::decode::csv::Csv;
use crate::decode::guess::{self, Guess, Layout, Sample};
use crate::decode::line::{self, LineProtocol};
use crate::decode::lines::{Lines, MAX_LINE, Wait};
use crate::decode::mapping::Mapping;
use crate::decode::ndjson::{self, Ndjson};
use crate::fault::{Fault, Retry, Whose};
use crate::format::{ChannelFrom, DeviceFrom, Format, FormatHints, Kind, Shape, TimeFrom};
use ouzel_engine::series::Timing;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

mod text;

use crate::source::Source;
use text::{Again, Text, remakes};

/// A file that was opened and understood.
pub struct Opened {
    /// Its readings.
    pub source: Box<dyn Source>,
    /// How it is read; [`Format::to_toml`] prints it.
    pub format: Format,
    /// Whether more than the hints went into the format.
    pub guessed: bool,
    /// How large it is; a pipe does not say.
    pub size_bytes: Option<u64>,
    /// How many bytes of it were read so far.
    pub progress: Arc<AtomicU64>,
    /// Columns that go unused: neither mapped nor numbers.
    pub ignored: Vec<String>,
    /// The channels that its first rows have. JSON and line protocol may bring more, unless the config names them.
    pub channels: Vec<String>,
}

/// Opens a file. What the hints leave out is guessed from its first 64 KiB.
///
/// The name of the device, where no column has it, is `default_device`, or else the file's name without its end.
///
/// # Errors
/// A file that cannot be opened, has nothing in it, or does not fit the hints.
pub fn open(path: &Path, hints: &FormatHints, timing: Timing, default_device: Option<&str>) -> Result<Opened, Fault> {
    let source = path.display().to_string();
    let file = File::open(path).map_err(|error| cannot_open(&source, &error))?;
    let about = file.metadata().map_err(|error| cannot_open(&source, &error))?;
    if about.is_dir() {
        return Err(Fault::yours(format!("{source} is a folder: name a file in it")));
    }
    let stem = path.file_stem().map_or_else(|| source.clone(), |stem| stem.to_string_lossy().into_owned());
    let device = default_device.unwrap_or(&stem);
    let extension = path.extension().map(|end| end.to_string_lossy().into_owned());
    // A named pipe has a path, too, and may be live.
    let size_bytes = about.is_file().then_some(about.len());
    let wait = if about.is_file() { Wait::Sample } else { Wait::ThreeLines };
    let mut lines = Lines::new(Box::new(file));
    let kind = understood(&source, &mut lines, wait, hints, extension.as_deref())?;
    if kind == Kind::Parquet {
        return parquet(path, &source, hints, timing, device);
    }
    let separator = (extension.as_deref() == Some("tsv")).then_some(b'\t');
    let hints = &FormatHints { separator: hints.separator.or(separator), ..hints.clone() };
    let again = about.is_file().then_some(path);
    let opened = text(&source, lines, wait, kind, hints, timing, device, again)?;
    Ok(Opened { size_bytes, ..opened })
}

/// Reads from something that has no path: standard input. Waits for three lines, or for what comes in one piece, before
/// the format is guessed; nothing is lost.
///
/// # Errors
/// As [`open`], and Parquet, whose end has to be read first.
pub fn from_reader(
    name: &str,
    reader: Box<dyn Read + Send>,
    hints: &FormatHints,
    timing: Timing,
    default_device: Option<&str>,
) -> Result<Opened, Fault> {
    let mut lines = Lines::new(reader);
    let kind = understood(name, &mut lines, Wait::ThreeLines, hints, None)?;
    if kind == Kind::Parquet {
        return Err(Fault::yours(format!(
            "{name}: Parquet cannot be read from a pipe, for its end comes first: name a file"
        )));
    }
    text(name, lines, Wait::ThreeLines, kind, hints, timing, default_device.unwrap_or(name), None)
}

pub(crate) fn cannot_open(source: &str, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::yours(format!("{source} does not exist")),
        io::ErrorKind::PermissionDenied => Fault::yours(format!("{source} may not be read: permission denied")),
        _ => broken(source, error),
    }
}

fn broken(source: &str, error: &io::Error) -> Fault {
    Fault { whose: Whose::Peer, retry: Retry::Later, what: format!("{source} cannot be read: {error}") }
}

/// The kind of an input, by hints, name and first bytes.
fn understood(
    source: &str,
    lines: &mut Lines,
    wait: Wait,
    hints: &FormatHints,
    extension: Option<&str>,
) -> Result<Kind, Fault> {
    let first = lines.peek(wait).map_err(|error| broken(source, &error))?;
    if first.is_empty() {
        return Err(Fault::yours(format!("{source} is empty")));
    }
    let mark = first.strip_prefix(b"\xef\xbb\xbf").map_or(0, |_| 3);
    let kind = hints.kind.map_or_else(|| guess::kind(source, extension, &first[mark..]), Ok)?;
    lines.skip(mark);
    Ok(kind)
}

#[cfg(feature = "parquet")]
fn parquet(path: &Path, source: &str, hints: &FormatHints, timing: Timing, device: &str) -> Result<Opened, Fault> {
    crate::decode::parquet::open(path, source, hints, timing, device)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &Path, source: &str, _: &FormatHints, _: Timing, _: &str) -> Result<Opened, Fault> {
    Err(Fault::yours(format!("{source} is a Parquet file, and this ouzel was built without Parquet")))
}

#[expect(clippy::too_many_arguments, reason = "all that is known of a file, handed on once")]
fn text(
    source: &str,
    mut lines: Lines,
    wait: Wait,
    kind: Kind,
    hints: &FormatHints,
    timing: Timing,
    device: &str,
    again: Option<&Path>,
) -> Result<Opened, Fault> {
    let first = lines.peek(wait).map_err(|error| broken(source, &error))?;
    if first.trim_ascii().is_empty() {
        return Err(Fault::yours(format!("{source} has nothing in it but blanks")));
    }
    if first.len() > MAX_LINE {
        return Err(Fault::yours(format!("{source} is not a file of lines: the first has more than 1 MiB")));
    }
    let (sample, layout) = sample(source, first, kind, hints);
    if sample.rows.is_empty() && matches!(kind, Kind::Ndjson | Kind::Line) {
        return Err(Fault::yours(format!(
            "{source} has no line that can be read: the first {}",
            first_fault(first, kind)
        )));
    }
    let Guess { format, guessed, ignored, channels } = guess::format(kind, &sample, layout, hints, device)?;
    let blank = header_lines(first, layout.header && kind == Kind::Csv);
    lines.skip(blank.bytes);
    let decoder = decoder(source, &format, &sample.columns, timing, 1 + blank.lines)?;
    let progress = lines.progress();
    let again = again.map(|path| Again {
        path: path.to_owned(),
        body: lines.place(),
        first_line: 1 + blank.lines,
        remakes: remakes(&format),
        format: format.clone(),
        columns: sample.columns,
        timing,
    });
    let source = Box::new(Text::new(source, lines, decoder, again));
    Ok(Opened { source, format, guessed, size_bytes: None, progress, ignored, channels })
}

fn sample(source: &str, first: &[u8], kind: Kind, hints: &FormatHints) -> (Sample, Layout) {
    let none = Layout { separator: b',', header: true };
    match kind {
        Kind::Ndjson => (ndjson::sample(source, first), none),
        Kind::Line => (line::sample(source, first), none),
        Kind::Csv | Kind::Parquet => {
            let layout = guess::layout(first, hints);
            (guess::csv_sample(source, first, layout), layout)
        }
    }
}

/// What is wrong with the first line.
fn first_fault(first: &[u8], kind: Kind) -> String {
    let line = first.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).find(|l| !l.is_empty()).unwrap_or_default();
    let fault = match kind {
        Kind::Ndjson => ndjson::scan(line, &mut Vec::new(), &mut |_, _| Ok(())),
        _ => line::check(line),
    };
    fault.err().unwrap_or_else(|| "is a comment".into())
}

/// What stands before the first row.
struct Head {
    bytes: usize,
    lines: u64,
}

fn header_lines(first: &[u8], header: bool) -> Head {
    let mut head = Head { bytes: 0, lines: 0 };
    if header {
        for line in first.split_inclusive(|&b| b == b'\n') {
            head.bytes += line.len();
            head.lines += 1;
            if line.iter().any(|b| !matches!(b, b' ' | b'\r' | b'\n')) {
                break;
            }
        }
    }
    head
}

/// A decoder for text of this format. `columns`: all columns of a CSV file in their order; else nothing.
///
/// # Errors
/// A column that is not there, or a name or zone that is not right.
pub fn decoder(
    source: &str,
    format: &Format,
    columns: &[String],
    timing: Timing,
    first_line: u64,
) -> Result<Decoder, Fault> {
    if matches!(format.kind, Kind::Csv) {
        let labels = columns.iter().enumerate().map(|(i, name)| match (i + 1).to_string() {
            number if number == *name => format!("column {number}"),
            number => format!("column {number} ({name})"),
        });
        let names = Columns { source, word: "column", names: columns };
        let mapping = Mapping::new(format, names, labels.collect(), timing)?;
        return Ok(Decoder::Csv(Csv::new(mapping, format.separator, columns.len(), format.header, first_line)));
    }
    let wanted = wanted(format);
    let word = if format.kind == Kind::Ndjson { "key" } else { "column" };
    let labels = wanted.iter().map(|name| format!("{word} \"{name}\"")).collect();
    let mapping = Mapping::new(format, Columns { source, word, names: &wanted }, labels, timing)?;
    let open = matches!(&format.shape, Shape::Wide(pairs) if pairs.is_empty());
    Ok(match format.kind {
        Kind::Ndjson => Decoder::Ndjson(Ndjson::new(mapping, &wanted, open, first_line)),
        Kind::Line => Decoder::Line(LineProtocol::new(mapping, &wanted, open, first_line)),
        Kind::Csv | Kind::Parquet => return Err(Fault::yours(format!("{source}: Parquet is not text"))),
    })
}

/// The columns that a format names, each once.
pub(crate) fn wanted(format: &Format) -> Vec<String> {
    let mut names: Vec<&String> = Vec::new();
    if let TimeFrom::Column(name, _) = &format.time {
        names.push(name);
    }
    if let DeviceFrom::Column(name) = &format.device {
        names.push(name);
    }
    match &format.shape {
        Shape::Wide(pairs) => names.extend(pairs.iter().map(|(column, _)| column)),
        Shape::Narrow { channel, value } => {
            if let ChannelFrom::Column(name) = channel {
                names.push(name);
            }
            names.push(value);
        }
    }
    names.extend(&format.tags);
    names.extend(&format.sequence);
    let mut wanted: Vec<String> = Vec::new();
    for name in names {
        if !wanted.contains(name) {
            wanted.push(name.clone());
        }
    }
    wanted
}
