//! Parquet files in, readings out.
#![cfg(feature = "parquet")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
};
use ouzel_connect::format::FormatHints;
use ouzel_connect::source::{Rows, file};
use ouzel_engine::reading::Flags;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::Span;
use parquet::arrow::ArrowWriter;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

fn hints() -> FormatHints {
    FormatHints::default()
}

fn array(array: impl arrow_array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read(path: &Path, hints: &FormatHints) -> String {
    let opened = match file::open(path, hints, Timing::default(), None) {
        Ok(opened) => opened,
        Err(fault) => return fault.what,
    };
    let mut text = format!("{}\n", opened.format.to_toml());
    if !opened.ignored.is_empty() {
        writeln!(text, "ignored {}", opened.ignored.join(", ")).unwrap();
    }
    let (mut names, mut rows, mut source) = (Names::new(), Rows::default(), opened.source);
    while source.next(&mut names, &mut rows).unwrap() {}
    for reading in &rows.rows {
        let (device, channel) = names.of(reading.series);
        let (device, channel) = (names.device_name(device), names.channel_name(channel));
        let end = if reading.flags.has(Flags::END_OF_MESSAGE) { "." } else { "" };
        writeln!(text, "{} {device}/{channel}#{} {}{end}", reading.time, reading.place, reading.value).unwrap();
    }
    for rejected in &rows.rejected {
        writeln!(text, "row {} {} | {}", rejected.line, rejected.reason, rejected.text).unwrap();
    }
    if rows.absent > 0 {
        writeln!(text, "absent {}", rows.absent).unwrap();
    }
    text
}

fn check(columns: Vec<(&str, ArrayRef)>, hints: &FormatHints, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    write(&path, columns);
    let said = read(&path, hints).replace(&format!("{}/", dir.path().display()), "");
    assert_eq!(said.trim_end(), expected.trim_end(), "said:\n{said}");
}

#[test]
fn a_wide_file_gives_a_message_a_row() {
    check(
        vec![
            (
                "ts",
                array(TimestampMillisecondArray::from(vec![Some(0), Some(250), None, Some(1000)]).with_timezone("UTC")),
            ),
            ("device", array(StringArray::from(vec![Some("a"), Some("b"), Some("a"), None]))),
            ("heat", array(Float64Array::from(vec![Some(1.5), None, Some(2.0), Some(3.0)]))),
            ("up", array(BooleanArray::from(vec![true, false, true, true]))),
            ("count", array(Int64Array::from(vec![7, 8, 9, 10]))),
            ("note", array(StringArray::from(vec!["x", "y", "z", "w"]))),
        ],
        &hints(),
        "format = { type = \"parquet\", time = \"ts\", time_format = \"rfc3339\", device = \"device\", \
         channels = [\"heat\", \"up\", \"count\"] }\n\
         ignored note\n\
         1970-01-01T00:00:00Z a/heat#0 1.5\n\
         1970-01-01T00:00:00Z a/up#1 1\n\
         1970-01-01T00:00:00Z a/count#2 7.\n\
         1970-01-01T00:00:00.250Z b/up#1 0\n\
         1970-01-01T00:00:00.250Z b/count#2 8.\n\
         row 3 column \"ts\" is empty, so there is no time | ts=, device=a, heat=2.0, up=true, count=9\n\
         row 4 the name of the device is empty | ts=1970-01-01T00:00:01Z, device=, heat=3.0, up=true, count=10\n\
         absent 1",
    );
}

#[test]
fn a_narrow_file_gives_a_reading_a_row() {
    let words = vec!["heat", "damp", "heat", "heat"];
    check(
        vec![
            ("time", array(Int64Array::from(vec![1_704_067_200, 1_704_067_201, 1_704_067_202, 1_704_067_203]))),
            ("sensor", array(LargeStringArray::from(vec!["a", "a", "b", "b"]))),
            ("metric", array(words.into_iter().collect::<arrow_array::DictionaryArray<Int32Type>>())),
            ("value", array(Float32Array::from(vec![0.5, f32::NAN, f32::INFINITY, 4.0]))),
        ],
        &hints(),
        "format = { type = \"parquet\", time = \"time\", time_format = \"s\", device = \"sensor\", channel = \"metric\", \
         value = \"value\" }\n\
         2024-01-01T00:00:00Z a/heat#0 0.5\n\
         2024-01-01T00:00:03Z b/heat#0 4\n\
         row 3 column \"value\": \"inf\" is infinite, a reading is finite | time=1704067202, sensor=b, metric=heat, value=inf\n\
         absent 1",
    );
}

#[test]
fn times_without_a_zone_are_of_the_zone_that_is_given() {
    let noon = 1_719_835_200_000_000;
    let columns = || {
        vec![
            ("when", array(TimestampMicrosecondArray::from(vec![noon]))),
            ("value", array(Float64Array::from(vec![1.0]))),
        ]
    };
    let zone = FormatHints { time: Some("when".into()), zone: Some("Europe/Berlin".into()), ..hints() };
    check(
        columns(),
        &zone,
        "format = { type = \"parquet\", time = \"when\", time_format = \"rfc3339\", zone = \"Europe/Berlin\", \
         device_name = \"t\", channels = [\"value\"] }\n\
         2024-07-01T10:00:00Z t/value#0 1.",
    );
    check(
        columns(),
        &FormatHints { zone: None, ..zone },
        "format = { type = \"parquet\", time = \"when\", time_format = \"rfc3339\", device_name = \"t\", \
         channels = [\"value\"] }\n\
         2024-07-01T12:00:00Z t/value#0 1.",
    );
}

#[test]
fn times_and_values_may_be_days_and_text() {
    check(
        vec![("day", array(Date32Array::from(vec![19_723]))), ("value", array(StringArray::from(vec!["1.5"])))],
        &hints(),
        "format = { type = \"parquet\", time = \"day\", time_format = \"rfc3339\", device_name = \"t\", \
         channels = [\"value\"] }\n\
         2024-01-01T00:00:00Z t/value#0 1.5.",
    );
    check(
        vec![
            ("ts", array(StringArray::from(vec!["2024-01-01 00:00:00", "soon", "2024-01-01 00:00:02"]))),
            ("value", array(StringArray::from(vec!["1.5", "2", "abc"]))),
        ],
        &FormatHints { device_name: Some("x".into()), ..hints() },
        "format = { type = \"parquet\", time = \"ts\", time_format = \"rfc3339\", device_name = \"x\", \
         channels = [\"value\"] }\n\
         2024-01-01T00:00:00Z x/value#0 1.5.\n\
         row 2 column \"ts\": \"soon\" is not a time like 2024-01-01T00:00:00Z | ts=soon, value=2\n\
         row 3 column \"value\": \"abc\" is not a number | ts=2024-01-01 00:00:02, value=abc",
    );
}

#[test]
fn rows_without_a_time_are_counted_and_their_tags_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    let rows = 20_000;
    let devices: Vec<String> = (0..rows).map(|i| format!("d{}", i % 7)).collect();
    write(
        &path,
        vec![
            ("id", array(StringArray::from(devices))),
            ("room", array(StringArray::from(vec!["lab"; rows]))),
            ("value", array(Float64Array::from_iter_values((0..rows).map(|i| i as f64)))),
        ],
    );
    let hints = FormatHints { every: Some(Span::from_secs(1)), tags: vec!["room".into()], ..hints() };
    let opened = file::open(&path, &hints, Timing::default(), None).unwrap();
    let (mut names, mut into, mut source) = (Names::new(), Rows::default(), opened.source);
    let mut calls = 0;
    while source.next(&mut names, &mut into).unwrap() {
        calls += 1;
    }
    assert_eq!((calls, into.rows.len(), names.device_count()), (10, rows, 7));
    assert!(into.rows.iter().enumerate().all(|(i, r)| r.value == i as f64 && r.time.0 == i as i64 * 1_000_000_000));
    assert_eq!(names.device_tags(ouzel_engine::series::Device(3)), [("room".to_owned(), "lab".to_owned())]);
    assert_eq!(opened.progress.load(std::sync::atomic::Ordering::Relaxed), opened.size_bytes.unwrap());
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    write(&path, vec![("ts", array(Int64Array::from(vec![1]))), ("value", array(Float64Array::from(vec![1.0])))]);
    let whole = std::fs::read(&path).unwrap();
    for length in (4..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let said = read(&path, &hints());
        assert!(said.contains("t.parquet is not a whole Parquet file: "), "{length}: {said}");
    }
}

#[test]
fn a_missing_column_is_named_with_a_suggestion() {
    check(
        vec![("ts", array(Int64Array::from(vec![1]))), ("value", array(Float64Array::from(vec![1.0])))],
        &FormatHints { value: Some("vlaue".into()), ..hints() },
        "t.parquet has no column \"vlaue\"; its columns are ts, value: did you mean \"value\"?",
    );
}
