//! How fast files become readings: nanoseconds a row, the best of 25 runs, data in memory.
//!
//! `cargo run --release -p ouzel-connect --example decode_speed -- [WORD]`: only what has the word in its name.
#![expect(clippy::print_stdout, reason = "an example prints")]

use ouzel_connect::decode::payload::{Given, Payload};
use ouzel_connect::format::{FormatHints, Kind};
use ouzel_connect::source::{Rows, Source, file};
use ouzel_engine::series::{Names, Timing};
use std::io::Cursor;
use std::time::Instant;

/// A run is shorter than a slice of the scheduler, so that the best of them had the core to itself.
const ROWS: usize = 200_000;
const RUNS: usize = 25;

fn main() {
    for sensors in [25, 1000] {
        text(&format!("csv rfc3339, {sensors} sensors"), ROWS, || rows(sensors, |i| rfc3339(i as u64 * 250)));
        text(&format!("csv epoch s, {sensors} sensors"), ROWS, || {
            rows(sensors, |i| (1_704_067_200 + i / 4).to_string())
        });
        text(&format!("csv epoch ms, {sensors} sensors"), ROWS, || {
            rows(sensors, |i| (1_704_067_200_000u64 + i as u64 * 250).to_string())
        });
    }
    text("csv rfc3339, 1000 sensors in any order", ROWS, || {
        let mut seed = 7u64;
        table(|i| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!(
                "{},sensor_{:03},{:.2}",
                rfc3339(i as u64 * 250),
                (seed >> 33) % 1000,
                20.0 + (i % 977) as f64 / 100.0
            )
        })
    });
    let message = |i: usize| {
        let (device, heat, damp) = (i % 25, 20.0 + (i % 977) as f64 / 100.0, 40.0 + (i % 499) as f64 / 10.0);
        let ts = 1_704_067_200_000u64 + i as u64 * 250;
        format!("{{\"ts\":{ts},\"device\":\"sensor_{device:03}\",\"temperature\":{heat:.2},\"humidity\":{damp:.1}}}\n")
    };
    text("ndjson, 2 channels", ROWS / 2, || (0..ROWS / 2).map(message).collect());
    let point = |i: usize| {
        let (device, heat) = (i % 25, 20.0 + (i % 977) as f64 / 100.0);
        format!("weather,device=sensor_{device:03} temperature={heat:.2} {}\n", 1_704_067_200_000_000_000u64 + i as u64)
    };
    text("line protocol, 1 field", ROWS / 2, || (0..ROWS / 2).map(point).collect());
    payloads();
    #[cfg(feature = "parquet")]
    for sensors in [25, 1000] {
        parquet(sensors);
    }
}

/// What live sources are sent: one message of four fields at a time, and bodies of a thousand lines.
fn payloads() {
    let heat = |i: usize| 20.0 + (i % 977) as f64 / 100.0;
    let ts = |i: usize| 1_704_067_200_000u64 + i as u64 * 250;
    let message = |i: usize| {
        let (device, heat, damp) = (i % 25, heat(i), 40.0 + (i % 499) as f64 / 10.0);
        format!(
            "{{\"ts\":{},\"device\":\"sensor_{device:03}\",\"temperature\":{heat:.2},\"humidity\":{damp:.1}}}\n",
            ts(i)
        )
    };
    let point = |i: usize| format!("weather,device=sensor_{:03} temperature={:.2} {}000000\n", i % 25, heat(i), ts(i));
    let json: Vec<String> = (0..ROWS / 2).map(message).collect();
    let lines: Vec<String> = (0..ROWS / 2).map(point).collect();
    payload("payload: json of four fields, one a message", Kind::Ndjson, json.len(), &json);
    payload("payload: the same, a thousand a message", Kind::Ndjson, json.len(), &bodies(&json));
    payload("payload: line protocol, a thousand a message", Kind::Line, lines.len(), &bodies(&lines));
}

fn bodies(messages: &[String]) -> Vec<String> {
    messages.chunks(1_000).map(<[String]>::concat).collect()
}

fn payload(what: &str, kind: Kind, count: usize, messages: &[String]) {
    if std::env::args().nth(1).is_some_and(|word| !what.contains(&word)) {
        return;
    }
    let hints = FormatHints { kind: Some(kind), ..FormatHints::default() };
    let mut best = f64::MAX;
    for _ in 0..RUNS {
        let mut payload = Payload::new("bench", &hints, Timing::default()).expect("the format is good");
        let (mut names, mut into) = (Names::new(), Rows::default());
        let start = Instant::now();
        for message in messages {
            into.rows.clear();
            assert!(payload.decode(message.as_bytes(), &Given::default(), &mut names, &mut into));
        }
        best = best.min(start.elapsed().as_nanos() as f64 / count as f64);
        assert!(into.rejected.is_empty(), "{:?}", into.rejected[0]);
    }
    println!("{what}: {best:.1} ns each");
}

fn rows(sensors: usize, time: impl Fn(usize) -> String) -> String {
    table(|i| format!("{},sensor_{:03},{:.2}", time(i), i % sensors, 20.0 + (i % 977) as f64 / 100.0))
}

fn table(mut row: impl FnMut(usize) -> String) -> String {
    let mut text = String::from("ts,sensor,value\n");
    for i in 0..ROWS {
        text.push_str(&row(i));
        text.push('\n');
    }
    text
}

fn rfc3339(millis: u64) -> String {
    ouzel_engine::time::Time((1_704_067_200_000 + millis as i64) * 1_000_000 + 1_000_000).to_string()
}

fn text(what: &str, count: usize, data: impl FnOnce() -> String) {
    if std::env::args().nth(1).is_some_and(|word| !what.contains(&word)) {
        return;
    }
    let data: &'static [u8] = data().leak().as_bytes();
    let open = || {
        let reader = Box::new(Cursor::new(data));
        file::from_reader("bench", reader, &FormatHints::default(), Timing::default(), None).map(|opened| opened.source)
    };
    measure(&format!("{what} ({} bytes a row)", data.len() / count), count, open);
}

#[cfg(feature = "parquet")]
fn parquet(sensors: usize) {
    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
    use std::sync::Arc;
    let name = format!("parquet, {sensors} sensors");
    if std::env::args().nth(1).is_some_and(|word| !name.contains(&word)) {
        return;
    }
    const COUNT: usize = 10 * ROWS;
    let times = (0..COUNT as i64).map(|i| 1_704_067_200_000 + i * 250);
    let names = (0..COUNT).map(|i| Some(format!("sensor_{:03}", i % sensors)));
    let values = (0..COUNT).map(|i| 20.0 + (i % 977) as f64 / 100.0);
    let columns: [(&str, ArrayRef); 3] = [
        ("ts", Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))),
        ("sensor", Arc::new(names.collect::<StringArray>())),
        ("value", Arc::new(Float64Array::from_iter_values(values))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("the columns are as long as each other");
    let file = tempfile::Builder::new().suffix(".parquet").tempfile().expect("there is room for a file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(&file, batch.schema(), None).expect("the schema is good");
    writer.write(&batch).and_then(|()| writer.close().map(drop)).expect("there is room for the rows");
    let open = || file::open(file.path(), &FormatHints::default(), Timing::default(), None).map(|opened| opened.source);
    measure(&name, COUNT, open);
}

fn measure<E: std::fmt::Debug>(what: &str, count: usize, open: impl Fn() -> Result<Box<dyn Source>, E>) {
    let mut best = f64::MAX;
    let mut found = 0;
    for _ in 0..RUNS {
        let (mut names, mut into) = (Names::new(), Rows::default());
        let mut source = open().expect("the data is good");
        found = 0;
        let start = Instant::now();
        while source.next(&mut names, &mut into).expect("memory can be read") {
            found += into.rows.len();
            assert!(into.rejected.is_empty(), "{:?}", into.rejected[0]);
            into.rows.clear();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / count as f64);
    }
    assert!(found >= count);
    println!("{what}: {best:.1} ns a row");
}
