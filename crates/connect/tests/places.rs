//! Places in files: from each of them exactly the rest is read again, whatever the blocks were.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use ouzel_connect::format::FormatHints;
use ouzel_connect::source::{Rows, Source, file};
use ouzel_engine::reading::Flags;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::Span;
use proptest::prelude::*;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A source with the names that it gave.
struct Reader {
    source: Box<dyn Source>,
    names: Names,
}

impl Reader {
    fn open(path: &Path, hints: &FormatHints) -> Reader {
        let source = file::open(path, hints, Timing::default(), None).unwrap().source;
        Reader { source, names: Names::new() }
    }

    fn place(&self) -> u64 {
        self.source.place().unwrap()
    }

    /// One call, as text: a line a reading, by names, and a line a rejection.
    fn next(&mut self) -> Option<String> {
        let mut rows = Rows::default();
        if !self.source.next(&mut self.names, &mut rows).unwrap() {
            return None;
        }
        let (mut text, names) = (String::new(), &self.names);
        for reading in &rows.rows {
            let (device, channel) = names.of(reading.series);
            let (device, channel) = (names.device_name(device), names.channel_name(channel));
            let end = if reading.flags.has(Flags::END_OF_MESSAGE) { "." } else { "" };
            writeln!(text, "{} {device}/{channel}#{} {}{end}", reading.time, reading.place, reading.value).unwrap();
        }
        rows.rejected.iter().for_each(|r| writeln!(text, "{}:{} {} {}", r.source, r.line, r.reason, r.text).unwrap());
        (0..rows.absent).for_each(|_| text.push_str("absent\n"));
        Some(text)
    }

    fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(text) = self.next() {
            lines.extend(text.lines().map(str::to_owned));
        }
        // A call gives readings, then rejections: what stands in one depends on the blocks.
        lines.sort();
        lines
    }

    /// What stands before a place.
    fn up_to(&mut self, place: u64) -> Vec<String> {
        self.source.until(Some(place));
        let lines = self.drain();
        assert_eq!(self.place(), place);
        self.source.until(None);
        lines
    }
}

fn at(path: &Path, hints: &FormatHints, place: u64) -> Reader {
    let mut reader = Reader::open(path, hints);
    reader.source.seek(place).unwrap();
    assert_eq!(reader.place(), place);
    reader
}

/// What is read before `a`, between `a` and `b`, and behind `b` is the same in one go, from a place, and after coming back.
fn check(path: &Path, hints: &FormatHints, [a, b]: [u64; 2]) {
    let mut straight = Reader::open(path, hints);
    let parts = [straight.up_to(a), straight.up_to(b), straight.drain()];
    let mut all = parts.concat();
    all.sort();
    assert_eq!(Reader::open(path, hints).drain(), all);
    assert_eq!(at(path, hints, a).up_to(b), parts[1], "from {a} to {b}");
    assert_eq!(at(path, hints, b).drain(), parts[2], "from {b}");
    // The one that has read all of it goes back, and forth.
    straight.source.seek(a).unwrap();
    assert_eq!(straight.up_to(b), parts[1]);
    straight.source.seek(a).unwrap();
    straight.source.seek(b).unwrap();
    assert_eq!(straight.drain(), parts[2]);
}

/// Beginnings of lines, and the end.
fn boundaries(text: &[u8], head: usize) -> Vec<u64> {
    let ends = text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at as u64 + 1);
    let mut all: Vec<u64> = std::iter::once(head as u64).chain(ends).filter(|at| *at >= head as u64).collect();
    all.push(text.len() as u64);
    all.dedup();
    all
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Csv,
    CsvWithoutTimes,
    Ndjson,
    OpenNdjson,
    Line,
    OpenLine,
}

const FORMS: [Form; 6] = [Form::Csv, Form::CsvWithoutTimes, Form::Ndjson, Form::OpenNdjson, Form::Line, Form::OpenLine];

fn hints(form: Form) -> FormatHints {
    let none = FormatHints::default();
    let channels = vec![("a".to_owned(), "a".to_owned()), ("b".to_owned(), "b".to_owned())];
    match form {
        // Of a file that is broken from end to end nobody could guess how its times are written.
        Form::Csv => {
            let (time, time_format) = (Some("ts".into()), Some("s".into()));
            FormatHints { time, time_format, device: Some("id".into()), ..none }
        }
        Form::CsvWithoutTimes => {
            FormatHints { every: Some(Span::from_secs(1)), device: Some("id".into()), channels, ..none }
        }
        Form::Ndjson | Form::Line => FormatHints { channels, ..none },
        Form::OpenNdjson | Form::OpenLine => none,
    }
}

fn head(form: Form) -> &'static str {
    match form {
        Form::Csv | Form::CsvWithoutTimes => "\u{feff}ts,id,a,b\n",
        _ => "",
    }
}

/// A line of what may come: good, empty in part, broken, blank, or with a channel that was not there before.
fn line(form: Form, kind: u8, number: u64) -> String {
    let (time, device) = (1_704_067_200 + number, number % 5);
    match (form, kind) {
        (_, 0) => String::new(),
        (_, 1) => format!("broken {number}"),
        (Form::Csv | Form::CsvWithoutTimes, 2) => format!("{time},d{device},,{number}"),
        (Form::Csv | Form::CsvWithoutTimes, 3) => format!("{time},\"d{device}\",x,{number}"),
        (Form::Csv | Form::CsvWithoutTimes, 4) => format!("{time},d{device},1,2,3\r"),
        (Form::Csv | Form::CsvWithoutTimes, _) => format!("{time},d{device},{number},{number}.5"),
        (Form::Ndjson | Form::OpenNdjson, 2) => {
            format!("{{\"ts\":{time},\"device\":\"d{device}\",\"a\":null,\"b\":1}}")
        }
        (Form::Ndjson | Form::OpenNdjson, 3) => {
            // Of another order, and a text where a number may have been.
            format!("{{\"c{}\":\"text\",\"b\":{number},\"a\":1,\"device\":\"d{device}\",\"ts\":{time}}}", number % 3)
        }
        (Form::Ndjson | Form::OpenNdjson, 4) => {
            format!("{{\"ts\":{time},\"device\":\"d{device}\",\"c{}\":{number},\"a\":2}}", number % 3)
        }
        (Form::Ndjson | Form::OpenNdjson, _) => {
            format!("{{\"ts\":{time},\"device\":\"d{device}\",\"a\":{number},\"b\":0.5}}")
        }
        (_, 2) => format!("m,device=d{device} b={number},a=1i {time}000000000"),
        (_, 3) => format!("# {number}"),
        (_, 4) => format!("m,device=d{device} c{}={number},a=2 {time}000000000", number % 3),
        _ => format!("m,device=d{device} a={number},b=0.5 {time}000000000"),
    }
}

/// A file with a first line that can be guessed by, and these behind it.
fn text(form: Form, kinds: &[u8], ends: bool) -> Vec<u8> {
    let mut text = head(form).to_owned();
    let lines: Vec<String> =
        std::iter::once(&5).chain(kinds).enumerate().map(|(number, kind)| line(form, *kind, number as u64)).collect();
    text.push_str(&lines.join("\n"));
    if ends {
        text.push('\n');
    }
    text.into_bytes()
}

fn written(folder: &tempfile::TempDir, form: Form, text: &[u8]) -> PathBuf {
    let end = match form {
        Form::Csv | Form::CsvWithoutTimes => "csv",
        Form::Ndjson | Form::OpenNdjson => "ndjson",
        Form::Line | Form::OpenLine => "lp",
    };
    let path = folder.path().join(format!("t.{end}"));
    std::fs::write(&path, text).unwrap();
    path
}

proptest! {
    #[test]
    fn from_any_line_on_the_rest_is_the_same(
        form in proptest::sample::select(&FORMS[..]),
        kinds in proptest::collection::vec(0u8..8, 0..40),
        ends in any::<bool>(),
        cuts in any::<[proptest::sample::Index; 2]>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let text = text(form, &kinds, ends);
        let path = written(&folder, form, &text);
        let boundaries = boundaries(&text, head(form).len());
        let mut cuts = cuts.map(|cut| *cut.get(&boundaries));
        cuts.sort_unstable();
        check(&path, &hints(form), cuts);
    }
}

#[test]
fn the_places_of_large_files_are_places_whatever_the_blocks() {
    for form in FORMS {
        let folder = tempfile::tempdir().unwrap();
        let kinds: Vec<u8> = (0..40_000u32).map(|number| (number * 7 % 11) as u8).collect();
        let text = text(form, &kinds, true);
        let path = written(&folder, form, &text);
        let hints = hints(form);
        let mut reader = Reader::open(&path, &hints);
        let mut places = vec![reader.place()];
        while reader.next().is_some() {
            assert!(reader.place() > *places.last().unwrap());
            places.push(reader.place());
        }
        assert!(places.len() > 4, "{form:?}: {places:?}");
        for pair in [[0, 1], [1, 3], [2, places.len() - 1]] {
            check(&path, &hints, pair.map(|number| places[number]));
        }
        // And lines that are no end of a block.
        let boundaries = boundaries(&text, head(form).len());
        check(&path, &hints, [boundaries[9_000], boundaries[30_001]]);
    }
}

#[test]
fn behind_a_line_that_is_too_long_there_is_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(3 << 20);
    let text = format!("ts,id,a,b\n1704067200,d,1,2\n{long}\n1704067201,d,3,4\n1704067202,d,5,6\n");
    let path = written(&folder, Form::Csv, text.as_bytes());
    let all = boundaries(text.as_bytes(), 10);
    for (from, to) in [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (2, 4)] {
        check(&path, &hints(Form::Csv), [all[from], all[to]]);
    }
}

#[test]
fn a_pipe_has_no_place_and_a_file_that_became_shorter_says_so() {
    let text = text(Form::Csv, &[5; 9], true);
    let reader = Box::new(std::io::Cursor::new(text.clone()));
    let mut pipe = file::from_reader("stdin", reader, &hints(Form::Csv), Timing::default(), None).unwrap().source;
    assert_eq!(pipe.place(), None);
    assert_eq!(pipe.seek(40).unwrap_err().what, "stdin can be read only once: it is a pipe");

    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, Form::Csv, &text[..100]);
    let fault = Reader::open(&path, &hints(Form::Csv)).source.seek(101).unwrap_err();
    assert!(fault.what.ends_with("is shorter than it was: it has 100 bytes, and 101 were read"), "{fault}");
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::*;
    use ::parquet::arrow::ArrowWriter;
    use ::parquet::file::properties::WriterProperties;
    use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;

    /// A file of so many rows in groups, some of them without a time or a value.
    fn write(path: &Path, rows: u64, group: usize) {
        let array = |array: Arc<dyn Array>| -> ArrayRef { array };
        let times = (0..rows).map(|row| (row % 13 != 5).then_some(1_704_067_200 + row as i64));
        let devices = (0..rows).map(|row| Some(format!("d{}", row % 7)));
        let values = (0..rows).map(|row| (row % 11 != 3).then_some(row as f64));
        let batch = RecordBatch::try_from_iter([
            ("ts", array(Arc::new(Int64Array::from_iter(times)))),
            ("device", array(Arc::new(StringArray::from_iter(devices)))),
            ("heat", array(Arc::new(Float64Array::from_iter(values)))),
        ])
        .unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let mut writer =
            ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn from_any_row_on_the_rest_is_the_same(
            rows in 20u64..6_000,
            group in 10usize..3_000,
            cuts in any::<[u16; 2]>(),
            every in any::<bool>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.parquet");
            write(&path, rows, group);
            let mut cuts = cuts.map(|cut| u64::from(cut) % (rows + 1));
            cuts.sort_unstable();
            let every = every.then_some(Span::from_secs(1));
            check(&path, &FormatHints { every, ..FormatHints::default() }, cuts);
        }
    }

    #[test]
    fn rows_that_are_not_there_are_no_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path, 30, 10);
        let fault = Reader::open(&path, &FormatHints::default()).source.seek(31).unwrap_err();
        assert!(fault.what.ends_with("is shorter than it was: it has 30 rows, and 31 were read"), "{fault}");
    }
}
