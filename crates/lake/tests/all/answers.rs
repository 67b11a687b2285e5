//! Questions, answered from memory, from files, and from both: always the same.

use crate::files::DIR;
use crate::play::{Expected, START, Stream, patient};
use ouzel_connect::disk::Disk;
use ouzel_connect::encode::{Book, ndjson};
use ouzel_connect::sink::Noun;
use ouzel_engine::output::Output;
use ouzel_engine::time::{Span, Time};
use ouzel_lake::{Asked, LakeReader, LakeWriter, Row, Tier};
use std::path::Path;
use std::sync::Arc;

/// The same stream in three lakes: all in memory, half and half, all in files.
fn lakes(stream: &Stream) -> Vec<(LakeWriter, LakeReader)> {
    let cuts = [stream.steps.len(), stream.steps.len() / 2, 0];
    let one = |cut: usize| {
        let disk = Disk::simulated();
        let (mut writer, reader) =
            LakeWriter::open(&disk, Path::new(DIR), Arc::clone(&stream.plan), patient()).unwrap();
        for (index, step) in stream.steps.iter().enumerate() {
            writer.take(&step.declarations, &step.batch, &step.outputs).unwrap();
            if index + cut == stream.steps.len() || index % 5 == 0 && index + cut < stream.steps.len() {
                writer.finish().unwrap();
            }
        }
        if cut == 0 {
            writer.finish().unwrap();
            assert_eq!(reader.waiting().0, 0);
        }
        (writer, reader)
    };
    cuts.into_iter().map(one).collect()
}

fn row(expected: &Expected) -> Row {
    Row {
        seq: expected.seq,
        device: expected.device.clone(),
        channel: expected.channel.clone(),
        time: Time(expected.micros * 1_000),
        value: expected.value,
        quality: expected.quality,
        late: expected.late,
    }
}

#[test]
fn points_come_in_order_of_time_from_wherever_they_are() {
    let stream = Stream::play(7, 1_200);
    let mut expected: Vec<Expected> = stream.expected().into_iter().filter(|e| e.device == "press-1").collect();
    expected.sort_by_key(|reading| (reading.micros, reading.seq));
    let (from, to) = (START + Span::from_secs(20), START + Span::from_secs(200));
    for (_writer, reader) in lakes(&stream) {
        let all = reader.points("press-1", "temperature", Time::MIN, Time::MAX, usize::MAX).unwrap();
        assert_eq!(all.seq, expected.iter().map(|reading| reading.seq).collect::<Vec<_>>());
        assert_eq!(all.value, expected.iter().map(|reading| reading.value).collect::<Vec<_>>());
        assert_eq!(all.quality, expected.iter().map(|reading| reading.quality).collect::<Vec<_>>());
        assert_eq!(all.late, expected.iter().map(|reading| reading.late).collect::<Vec<_>>());
        assert!(!all.more);

        let inside = expected.iter().filter(|e| from.0 / 1_000 <= e.micros && e.micros < to.0 / 1_000);
        let inside: Vec<Time> = inside.map(|reading| Time(reading.micros * 1_000)).collect();
        assert!(inside.len() > 50);
        assert_eq!(reader.points("press-1", "temperature", from, to, usize::MAX).unwrap().time, inside);
        let first = reader.points("press-1", "temperature", from, to, 10).unwrap();
        assert_eq!((first.time, first.more), (inside[..10].to_vec(), true));
        assert!(reader.points("press-1", "door", from, to, 10).unwrap().is_empty());
        assert!(reader.points("nobody", "temperature", from, to, 10).unwrap().is_empty());
    }
}

#[test]
fn buckets_are_the_same_before_and_after_a_roll() {
    let stream = Stream::play(8, 1_200);
    for tier in Tier::ALL {
        let (from, to) = (START + Span::from_secs(25), START + Span::from_secs(145));
        let answers: Vec<Vec<(Time, u64, f64, f64)>> = lakes(&stream)
            .iter()
            .map(|(_, reader)| {
                let buckets = reader.buckets(tier, "press 2", "temperature", from, to).unwrap();
                buckets.iter().map(|bucket| (bucket.start, bucket.count, bucket.min, bucket.max)).collect()
            })
            .collect();
        assert_eq!(answers[0][0].0, from.floor(tier.width(), Span::ZERO));
        assert!(answers[0].iter().all(|bucket| bucket.0 < to));
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0], answers[2]);
    }
}

#[test]
fn several_series_are_answered_as_each_by_itself() {
    let stream = Stream::play(12, 1_200);
    let series = [("press 2", "temperature"), ("gate \"A\"", "door"), ("press-1", "door"), ("press-1", "temperature")];
    for (_writer, reader) in lakes(&stream) {
        let all = reader.buckets_of(Tier::Minute, &series, Time::MIN, Time::MAX).unwrap();
        for ((device, channel), buckets) in series.into_iter().zip(&all) {
            assert_eq!(*buckets, reader.buckets(Tier::Minute, device, channel, Time::MIN, Time::MAX).unwrap());
        }
        assert!(all[2].is_empty() && !all[0].is_empty() && !all[1].is_empty() && !all[3].is_empty());
    }
}

#[test]
fn the_newest_readings_come_first() {
    let stream = Stream::play(9, 1_200);
    let mut expected: Vec<Row> = stream.expected().iter().map(row).collect();
    expected.sort_by_key(|reading| std::cmp::Reverse((reading.time, reading.seq)));
    for (_writer, reader) in lakes(&stream) {
        for limit in [0, 1, 30, 5_000] {
            let found = reader.readings(&Asked { limit, ..Asked::default() }).unwrap();
            assert_eq!(found, expected[..limit.min(1_200)]);
        }
        let to = START + Span::from_secs(100);
        let asked = Asked { devices: vec!["gate \"A\"".into(), "press 2".into()], to, limit: 7, ..Asked::default() };
        let inside = expected.iter().filter(|row| row.device != "press-1" && row.time < to);
        assert_eq!(reader.readings(&asked).unwrap(), inside.take(7).cloned().collect::<Vec<_>>());
    }
}

#[test]
fn what_was_said_reads_as_in_ndjson_before_and_after_a_roll() {
    let stream = Stream::play(10, 1_200);
    let book = Book { names: &stream.names, plan: &stream.plan };
    let line = |output: &Output| {
        let mut line = Vec::new();
        ndjson::push(output, &book, &mut line);
        String::from_utf8(line).unwrap().trim_end().to_owned()
    };
    let time = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value.get("time").or_else(|| value.get("start")).unwrap().as_str().unwrap().to_owned()
    };
    for noun in [Noun::Aggregates, Noun::Anomalies, Noun::Alerts, Noun::Filtered] {
        let mut expected: Vec<String> =
            stream.outputs().filter(|output| Noun::of(&output.what) == Some(noun)).map(line).collect();
        assert!(expected.len() > 50);
        expected.sort();
        for (_writer, reader) in lakes(&stream) {
            let found = reader.rows(noun, &Asked { limit: 10_000, ..Asked::default() }).unwrap();
            assert!(found.iter().map(|line| time(line)).is_sorted_by(|newer, older| newer >= older));
            let mut sorted = found.clone();
            sorted.sort();
            assert_eq!(sorted, expected);
            assert_eq!(reader.rows(noun, &Asked { limit: 9, ..Asked::default() }).unwrap(), found[..9]);

            let asked = Asked {
                severities: vec!["critical".into()],
                devices: vec!["press-1".into()],
                channels: vec!["temperature".into()],
                limit: 10_000,
                ..Asked::default()
            };
            let here = |line: &&String| {
                line.contains("\"press-1\"")
                    && (matches!(noun, Noun::Aggregates | Noun::Filtered) || line.contains("\"severity\":\"critical\""))
            };
            assert_eq!(reader.rows(noun, &asked).unwrap(), found.iter().filter(here).cloned().collect::<Vec<_>>());
        }
    }
    assert!(lakes(&stream)[0].1.rows(Noun::Late, &Asked::default()).unwrap().is_empty());
}

#[test]
fn readers_see_each_reading_once_while_files_are_written() {
    let stream = Stream::play(11, 20_000);
    let disk = Disk::simulated();
    let (mut writer, reader) = LakeWriter::open(&disk, Path::new(DIR), Arc::clone(&stream.plan), patient()).unwrap();
    let expected = stream.expected().iter().filter(|reading| reading.device == "press-1").count();
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut seen = 0;
            while seen < expected {
                let points = reader.points("press-1", "temperature", Time::MIN, Time::MAX, usize::MAX).unwrap();
                let mut numbers = points.seq.clone();
                numbers.sort_unstable();
                numbers.dedup();
                assert_eq!(numbers.len(), points.len(), "twice");
                assert!(points.len() >= seen, "{} after {seen}", points.len());
                seen = points.len();
                let newest = reader.readings(&Asked { limit: 5, ..Asked::default() }).unwrap();
                assert!(newest.is_sorted_by(|newer, older| (newer.time, newer.seq) > (older.time, older.seq)));
                let count: u64 = reader
                    .buckets(Tier::Minute, "press-1", "temperature", Time::MIN, Time::MAX)
                    .unwrap()
                    .iter()
                    .map(|bucket| bucket.count)
                    .sum();
                assert!(count as usize <= expected);
            }
        });
        for (index, step) in stream.steps.iter().enumerate() {
            writer.take(&step.declarations, &step.batch, &step.outputs).unwrap();
            if index % 20 == 19 {
                writer.finish().unwrap();
            }
        }
        looking.join().unwrap();
    });
}
