//! Tables about devices, from CSV and Parquet files: rooms, limits, calibration.
//!
//! A table is small and read whole, so that a version of it is what one file said at one time. Separator and decimal comma
//! of CSV are guessed as they are of readings; the first line has the names. The first thing that is wrong is told with its
//! line and column, and then nothing of the file is taken.

#[cfg(feature = "parquet")]
mod parquet;

use crate::decode::columns::Columns;
use crate::decode::csv::split;
use crate::decode::guess;
use crate::decode::number::{self, Cell};
use crate::fault::{Fault, Retry};
use crate::format::{FormatHints, Kind};
use crate::source::file::cannot_open;
use ouzel_engine::table::{Builder, MAX_BYTES, Refused, Table};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Which columns of a file are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The one with names of devices.
    pub device: String,
    /// The one with names of channels, where a row is about a channel of a device.
    pub channel: Option<String>,
    /// Those with numbers.
    pub numbers: Vec<String>,
    /// Those with texts that become tags.
    pub tags: Vec<String>,
}

/// Why a table could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The column that there is not, where that is why.
    pub column: Option<String>,
    /// What is wrong, and where.
    pub fault: Fault,
}

impl From<Fault> for Bad {
    fn from(fault: Fault) -> Bad {
        Bad { column: None, fault }
    }
}

/// Reads a table.
///
/// # Errors
/// A file that cannot be read, lacks a column, says something wrong in a cell, or is too large.
pub fn read(path: &Path, wanted: &Wanted) -> Result<Table, Bad> {
    let source = path.display().to_string();
    // Later it may be there, or be opened to us: what is not read says nothing of its content.
    let cannot = |error: std::io::Error| Bad::from(Fault { retry: Retry::Later, ..cannot_open(&source, &error) });
    let mut file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err(Fault::yours(format!("{source} is a folder: name a file in it")).into());
    }
    let mut first = Vec::new();
    file.by_ref().take(1_024).read_to_end(&mut first).map_err(cannot)?;
    let extension = path.extension().map(|end| end.to_string_lossy().into_owned());
    let words = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first);
    match guess::kind(&source, extension.as_deref(), words)? {
        Kind::Csv => {
            let mut text = first;
            file.take(MAX_BYTES as u64 + 1).read_to_end(&mut text).map_err(cannot)?;
            if text.len() > MAX_BYTES {
                return Err(too_large(&source, &Refused::Bytes));
            }
            let separator = (extension.as_deref() == Some("tsv")).then_some(b'\t');
            of_csv(&source, text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text), separator, wanted)
        }
        Kind::Parquet => of_parquet(&source, file, wanted),
        Kind::Ndjson | Kind::Line => {
            Err(Fault::yours(format!("{source} is no table: save it as CSV or Parquet")).into())
        }
    }
}

#[cfg(feature = "parquet")]
fn of_parquet(source: &str, file: File, wanted: &Wanted) -> Result<Table, Bad> {
    parquet::read(source, file, wanted)
}

/// A build without Parquet says so.
#[cfg(not(feature = "parquet"))]
fn of_parquet(source: &str, _: File, _: &Wanted) -> Result<Table, Bad> {
    Err(Fault::yours(format!("{source}: this ouzel was built without Parquet: save the table as CSV")).into())
}

fn too_large(source: &str, why: &Refused) -> Bad {
    Fault::yours(format!("{source} is too large for a table: {why}")).into()
}

/// Where the columns stand that are wanted.
struct Places {
    device: usize,
    channel: Option<usize>,
    numbers: Vec<usize>,
    tags: Vec<usize>,
}

impl Places {
    fn find(columns: &Columns<'_>, wanted: &Wanted) -> Result<Places, Bad> {
        let find = |name: &String| {
            let bad = |fault| Bad { column: (!columns.names.contains(name)).then(|| name.clone()), fault };
            columns.find(name).map_err(bad)
        };
        Ok(Places {
            device: find(&wanted.device)?,
            channel: wanted.channel.as_ref().map(find).transpose()?,
            numbers: wanted.numbers.iter().map(find).collect::<Result<_, _>>()?,
            tags: wanted.tags.iter().map(find).collect::<Result<_, _>>()?,
        })
    }
}

fn builder(wanted: &Wanted) -> Builder {
    Builder::new(wanted.numbers.clone(), wanted.tags.clone(), wanted.channel.is_some())
}

/// What two rows are about is told once, with the places of both.
fn twice(source: &str, word: &str, (first, second): (u64, u64), about: (&str, &str)) -> Bad {
    let about =
        if about.1.is_empty() { format!("\"{}\"", about.0) } else { format!("\"{}\" of \"{}\"", about.1, about.0) };
    let what = format!("{source} has two rows about {about}, in {word}s {first} and {second}: leave one of them out");
    Fault::yours(what).into()
}

/// A name that is missing in a row.
fn nameless(source: &str, row: u64, column: &str) -> Bad {
    Fault::yours(format!("{source}:{row}: column \"{column}\" is empty, so nobody knows what the row is about")).into()
}

fn of_csv(source: &str, text: &[u8], separator: Option<u8>, wanted: &Wanted) -> Result<Table, Bad> {
    let hints = FormatHints { separator, header: Some(true), ..FormatHints::default() };
    let layout = guess::layout(text, &hints);
    let sample = guess::csv_sample(source, text, layout);
    if sample.columns.is_empty() {
        return Err(
            Fault::yours(format!("{source} is empty: its first line should have the names of its columns")).into()
        );
    }
    let point = if guess::decimal_commas(&sample) { b',' } else { b'.' };
    let places = Places::find(&Columns { source, word: "column", names: &sample.columns }, wanted)?;
    let width = sample.columns.len();
    let mut table = builder(wanted);
    let (mut unquoted, mut fields, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let lines = (1u64..).zip(text.split(|&byte| byte == b'\n'));
    let lines = lines.map(|(number, line)| (number, line.strip_suffix(b"\r").unwrap_or(line)));
    let says = |line: &[u8]| line.iter().any(|&byte| byte != b' ');
    for (number, line) in lines.filter(|(_, line)| says(line)).skip(1) {
        let wrong = |what: String| Bad::from(Fault::yours(format!("{source}:{number}: {what}")));
        split(line, layout.separator, &mut unquoted, &mut fields).map_err(wrong)?;
        if fields.len() > width {
            return Err(wrong(format!("the line has {} fields, the first line has {width}", fields.len())));
        }
        let cells = std::str::from_utf8(&unquoted).map_err(|_| wrong("the line is not UTF-8".to_owned()))?;
        // Separators and quotes are single bytes, so a field begins and ends between characters.
        let cell = |place: usize| fields.get(place).and_then(|field| cells.get(field.place())).unwrap_or("").trim();
        let mut numbers = Vec::with_capacity(places.numbers.len());
        for (name, &place) in wanted.numbers.iter().zip(&places.numbers) {
            numbers.push(match number::read(cell(place).as_bytes(), point) {
                Cell::Value(value) => value,
                Cell::Absent => f64::NAN,
                Cell::Text => return Err(wrong(format!("column \"{name}\": \"{}\" is not a number", cell(place)))),
                Cell::Infinite => {
                    return Err(wrong(format!("column \"{name}\": \"{}\" is infinite, a cell is finite", cell(place))));
                }
            });
        }
        let about = (cell(places.device), places.channel.map_or("", cell));
        for (name, column) in [(Some(about.0), Some(&wanted.device)), (Some(about.1), wanted.channel.as_ref())] {
            if let (Some(""), Some(column)) = (name, column) {
                return Err(nameless(source, number, column));
            }
        }
        let tags = places.tags.iter().map(|&place| cell(place));
        table.push(about, numbers.into_iter(), tags).map_err(|why| too_large(source, &why))?;
        rows.push((number, line));
    }
    let found = table.finish().map_err(|why| match why {
        Refused::Twice(first, second) => {
            let at = |row: u32| rows.get(row as usize).map_or((0, &b""[..]), |row| *row);
            let cells = guess::cells(at(first).1, layout.separator);
            let cell = |place: usize| cells.get(place).map_or("", String::as_str);
            let about = (cell(places.device), places.channel.map_or("", cell));
            twice(source, "line", (at(first).0, at(second).0), about)
        }
        why => too_large(source, &why),
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Wanted { device: "id".into(), channel: None, numbers: list(&["high", "low"]), tags: list(&["room"]) }
    }

    fn said(text: &str, wanted: &Wanted) -> String {
        match of_csv("t.csv", text.as_bytes(), None, wanted) {
            Err(bad) => bad.fault.what,
            Ok(table) => {
                let one = |device: &str| {
                    let row = table.row(device, "heat");
                    let number = |column| row.map_or(f64::NAN, |row| table.number(row, column));
                    format!("{device} {} {} {:?}", number(0), number(1), table.tags_of(device))
                };
                table.devices().map(one).collect::<Vec<_>>().join("; ")
            }
        }
    }

    #[test]
    fn cells_are_found_by_the_names_of_their_columns_and_empty_ones_are_empty() {
        let text = "room,low,id,high,what\r\n\"hall, 3\",-1.5,oven,80,x\n\n,,belt\n";
        assert_eq!(said(text, &wanted()), "belt NaN NaN []; oven 80 -1.5 [(\"room\", \"hall, 3\")]");
        let german = "id;high;low;room\nofen;80,5;NA;a\n";
        assert_eq!(said(german, &wanted()), "ofen 80.5 NaN [(\"room\", \"a\")]");
        let by_channel = Wanted { channel: Some("of".into()), ..wanted() };
        let text = "id,of,high,low,room\na,heat,1,2,x\na,flow,3,4,\n";
        assert_eq!(said(text, &by_channel), "a 1 2 [(\"room\", \"x\")]");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_column() {
        let by_channel = Wanted { channel: Some("of".into()), ..wanted() };
        for (text, wanted, what) in [
            ("id,high,low,room\na,1,2,x\nb,warm,2,x\n", wanted(), "t.csv:3: column \"high\": \"warm\" is not a number"),
            (
                "id,high,low,room\na,1e999,2,x\n",
                wanted(),
                "t.csv:2: column \"high\": \"1e999\" is infinite, a cell is finite",
            ),
            (
                "id,high,low,room\n ,1,2,x\n",
                wanted(),
                "t.csv:2: column \"id\" is empty, so nobody knows what the row is about",
            ),
            ("id,high,low,room\na,1,2,x,7\n", wanted(), "t.csv:2: the line has 5 fields, the first line has 4"),
            (
                "id,high,low,room\na,1,2,x\n\nb,1,2,x\na,1,2,x\n",
                wanted(),
                "t.csv has two rows about \"a\", in lines 2 and 5: leave one of them out",
            ),
            (
                "id,of,high,low,room\na,heat,1,2,x\na,heat,1,2,x\n",
                by_channel,
                "t.csv has two rows about \"heat\" of \"a\", in lines 2 and 3: leave one of them out",
            ),
            (
                "id,hihg,low,room\na,1,2,x\n",
                wanted(),
                "t.csv has no column \"high\"; its columns are id, hihg, low, room: did you mean \"hihg\"?",
            ),
            ("", wanted(), "t.csv is empty: its first line should have the names of its columns"),
        ] {
            assert_eq!(said(text, &wanted), what);
        }
        let bad = of_csv("t.csv", b"id,low,room\n", None, &wanted()).unwrap_err();
        assert_eq!(bad.column.as_deref(), Some("high"));
    }

    #[test]
    fn a_file_that_is_not_there_or_is_no_table_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let said = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            if !bytes.is_empty() {
                std::fs::write(&path, bytes).unwrap();
            }
            let what = read(&path, &wanted()).unwrap_err().fault.what;
            what.replace(&format!("{}/", folder.path().display()), "")
        };
        assert_eq!(said("none.csv", b""), "none.csv does not exist");
        assert_eq!(said("a.jsonl", b"{\"id\": 1}\n"), "a.jsonl is no table: save it as CSV or Parquet");
        assert_eq!(
            said("large.csv", &vec![b'x'; MAX_BYTES + 1]),
            "large.csv is too large for a table: it has more than 16 MiB of text"
        );
    }
}
