//! When files are written, and when they go.

use crate::files::{DIR, readings};
use crate::play::{START, Stream, patient};
use ouzel_connect::disk::Disk;
use ouzel_connect::fault::Retry;
use ouzel_engine::time::{Span, Time};
use ouzel_lake::{LakeReader, LakeSettings, LakeWriter, Table};
use std::path::Path;
use std::sync::Arc;

fn open(disk: &Disk, stream: &Stream, settings: LakeSettings) -> (LakeWriter, LakeReader) {
    LakeWriter::open(disk, Path::new(DIR), Arc::clone(&stream.plan), settings).unwrap()
}

#[test]
fn files_are_written_by_the_clock() {
    let stream = Stream::play(20, 300);
    let disk = Disk::simulated();
    let (mut writer, reader) = open(&disk, &stream, patient());
    let second = |seconds| START + Span::from_secs(seconds);
    writer.tick(second(0)).unwrap();
    stream.pour(&mut writer);
    writer.tick(second(299)).unwrap();
    assert_eq!((reader.files(), reader.rows_kept(), reader.waiting().0), (0, 0, 300));
    writer.tick(second(300)).unwrap();
    assert!(reader.files() > 0);
    assert_eq!((reader.rows_kept(), reader.waiting().0), (300, 0));
    let files = reader.files();
    writer.tick(second(600)).unwrap();
    assert_eq!(reader.files(), files, "nothing came, so nothing is written");
}

#[test]
fn files_are_written_early_when_many_rows_or_bytes_wait() {
    let stream = Stream::play(21, 4_000);
    for settings in [LakeSettings { rows: 500, ..patient() }, LakeSettings { recent: 60_000, ..patient() }] {
        let disk = Disk::simulated();
        let (mut writer, reader) = open(&disk, &stream, settings.clone());
        let mut most = 0;
        for step in &stream.steps {
            writer.take(&step.declarations, &step.batch, &step.outputs).unwrap();
            most = most.max(reader.waiting().1);
        }
        assert!(most <= settings.recent, "{most} bytes");
        assert!(reader.rows_kept() > 2_000);
        writer.finish().unwrap();
        assert_eq!(readings(&disk, &reader), stream.expected());
    }
}

#[test]
fn a_full_disk_holds_the_stream_up_and_loses_nothing() {
    let stream = Stream::play(22, 4_000);
    let disk = Disk::simulated();
    let (mut writer, reader) = open(&disk, &stream, LakeSettings { recent: 60_000, ..patient() });
    disk.limit(Some(3_000));
    let mut refused = 0;
    let mut steps = stream.steps.iter();
    let mut waiting = steps.next();
    while let Some(step) = waiting {
        match writer.take(&step.declarations, &step.batch, &step.outputs) {
            Ok(()) => waiting = steps.next(),
            Err(fault) => {
                refused += 1;
                assert_eq!(fault.retry, Retry::Later);
                assert_eq!(
                    fault.what,
                    "the lake in lake cannot go on: the disk is full; make room, or set `keep` or `at_most`"
                );
                assert_eq!(writer.tick(START), Err(fault));
                if refused == 3 {
                    disk.limit(None);
                }
            }
        }
    }
    assert_eq!(refused, 3);
    writer.finish().unwrap();
    assert_eq!(readings(&disk, &reader), stream.expected());
}

#[test]
fn old_dates_go_and_readers_who_are_at_them_go_on() {
    let stream = Stream::play(23, 2_000);
    let disk = Disk::simulated();
    let day = Span::from_secs(86_400);
    let (mut writer, reader) = open(&disk, &stream, LakeSettings { keep: Some(day), ..patient() });
    writer.tick(START).unwrap();
    stream.pour(&mut writer);
    writer.tick(START + Span::from_secs(300)).unwrap();
    let days = |reader: &LakeReader| {
        let mut days: Vec<i64> = reader.listing().iter().map(|file| file.day).collect();
        days.dedup();
        days.sort_unstable();
        days.dedup();
        days
    };
    let old_year = START.0.div_euclid(day.0);
    assert_eq!(days(&reader), [old_year, old_year + 1]);
    // What was old as it was looked at stays readable to who holds its list.
    let listing = reader.listing();
    // The old year's last day ends at midnight; it is too old when all of it is.
    writer.tick(START + day).unwrap();
    assert_eq!(days(&reader), [old_year, old_year + 1]);
    writer.tick(START + day + Span::from_secs(300)).unwrap();
    assert_eq!(days(&reader), [old_year + 1]);
    let gone: Vec<_> = listing.iter().filter(|file| file.day == old_year).collect();
    assert_eq!(reader.retired(), gone.len() as u64);
    for file in gone {
        assert!(disk.read(&file.path(Path::new(DIR))).is_err());
    }
    let points = reader.points("press-1", "temperature", Time::MIN, Time::MAX, usize::MAX).unwrap();
    let midnight = Time((old_year + 1) * day.0);
    assert!(!points.is_empty() && points.time.iter().all(|&time| time >= midnight));
    // And after a restart they are not there, either.
    drop(writer);
    disk.crash(0);
    assert_eq!(days(&open(&disk, &stream, patient()).1), [old_year + 1]);
}

#[test]
fn the_oldest_files_go_when_all_are_too_large() {
    let stream = Stream::play(24, 3_000);
    let disk = Disk::simulated();
    let (mut writer, reader) = open(&disk, &stream, LakeSettings { at_most: Some(60_000), ..patient() });
    let mut now = START;
    writer.tick(now).unwrap();
    for step in &stream.steps {
        writer.take(&step.declarations, &step.batch, &step.outputs).unwrap();
        now = now + Span::from_secs(300);
        writer.tick(now).unwrap();
        assert!(reader.bytes() <= 60_000);
    }
    assert!(reader.retired() > 0 && reader.rows_kept() > 0);
    let listing = reader.listing();
    let first = listing.iter().filter(|file| file.table == Table::Readings).map(|file| file.from).min();
    assert!(first > Some(0));
}

#[test]
fn ticks_alone_let_the_journal_go_on() {
    let stream = Stream::play(25, 100);
    let disk = Disk::simulated();
    let (mut writer, _reader) = open(&disk, &stream, patient());
    stream.pour(&mut writer);
    writer.finish().unwrap();
    let end = writer.kept();
    let ticks = (0..50).map(|second| ouzel_engine::reading::Reading::tick(START + Span::from_secs(second)));
    let batch = ouzel_engine::reading::Batch { first: end, rows: ticks.collect(), offsets: Vec::new() };
    writer.take(&[], &batch, &[]).unwrap();
    assert_eq!(writer.kept(), end + 50);
}
