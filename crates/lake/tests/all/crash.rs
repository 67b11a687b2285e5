//! The power goes at every moment in turn: nothing that the journal gives again is lost, nothing is there twice.

use crate::files::{DIR, readings, table};
use crate::play::{Stream, patient};
use ouzel_connect::disk::Disk;
use ouzel_engine::output::What;
use ouzel_engine::time::Time;
use ouzel_lake::{LakeReader, LakeWriter, Table, Tier};
use std::path::Path;
use std::sync::Arc;

/// Pours a stream, with a roll every four steps, until the power goes; gives how many changes of the disk that took,
/// or `None` if it went.
fn pour(disk: &Disk, stream: &Stream, steps: Option<u64>) -> Option<LakeReader> {
    disk.stop_after(steps);
    let (mut writer, reader) = LakeWriter::open(disk, Path::new(DIR), Arc::clone(&stream.plan), patient()).ok()?;
    for (index, step) in stream.steps.iter().enumerate() {
        writer.take(&step.declarations, &step.batch, &step.outputs).ok()?;
        if index % 4 == 3 {
            writer.finish().ok()?;
        }
    }
    writer.finish().ok()?;
    Some(reader)
}

/// The whole journal is played again to what is left on the disk; then everything is there once.
fn check(disk: &Disk, stream: &Stream) {
    let reader = pour(disk, stream, None).expect("the disk works again");
    assert_eq!(readings(disk, &reader), stream.expected());
    let count = |what: fn(&What) -> bool| stream.outputs().filter(|output| what(&output.what)).count();
    for (of, expected) in [
        (Table::Aggregates, count(|what| matches!(what, What::Aggregate(_)))),
        (Table::Anomalies, count(|what| matches!(what, What::Anomaly(_)))),
        (Table::Alerts, count(|what| matches!(what, What::Alert(_)))),
    ] {
        assert_eq!(table(disk, &reader, of).len(), expected);
    }
    let good = stream.expected().iter().filter(|reading| reading.quality == ouzel_lake::Quality::Good).count() as u64;
    for tier in Tier::ALL {
        let of = |(device, channel)| reader.buckets(tier, device, channel, Time::MIN, Time::MAX).unwrap();
        let series = [("press-1", "temperature"), ("press 2", "temperature"), ("gate \"A\"", "door")];
        assert_eq!(series.into_iter().flat_map(of).map(|bucket| bucket.count).sum::<u64>(), good);
    }
    // No file is there that the manifest does not list.
    let listed: Vec<_> = reader.listing().iter().map(|file| file.path(Path::new(DIR))).collect();
    for table in Table::ALL {
        for folder in disk.folders(&Path::new(DIR).join(table.name())).unwrap() {
            assert!(disk.files(&folder).unwrap().iter().all(|file| listed.contains(file)));
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_wherever_the_power_goes() {
    let stream = Stream::play(4, 200);
    let mut moments = 0;
    for steps in 0.. {
        let disk = Disk::simulated();
        let whole = pour(&disk, &stream, Some(steps)).is_some();
        for torn in [0, 17, usize::MAX] {
            // The same wreck three ways: what was not synced is gone, torn, or has all arrived.
            let wreck = Disk::simulated();
            pour(&wreck, &stream, Some(steps));
            wreck.crash(torn);
            check(&wreck, &stream);
        }
        moments += 1;
        if whole {
            break;
        }
    }
    assert!(moments > 100, "{moments} moments were tried");
}

#[test]
fn the_same_life_goes_on_after_a_disk_that_failed_for_a_while() {
    let stream = Stream::play(5, 120);
    for steps in (0..300).step_by(5) {
        let disk = Disk::simulated();
        let (mut writer, reader) =
            LakeWriter::open(&disk, Path::new(DIR), Arc::clone(&stream.plan), patient()).unwrap();
        disk.stop_after(Some(steps));
        for (index, step) in stream.steps.iter().enumerate() {
            writer.take(&step.declarations, &step.batch, &step.outputs).unwrap();
            if index % 4 == 3 && writer.finish().is_err() {
                disk.stop_after(None);
            }
        }
        disk.stop_after(None);
        writer.finish().unwrap();
        assert_eq!(readings(&disk, &reader), stream.expected());
        disk.crash(0);
        check(&disk, &stream);
    }
}

#[test]
fn what_was_kept_is_passed_over_when_the_journal_gives_it_again() {
    let stream = Stream::play(6, 500);
    let disk = Disk::simulated();
    let half = stream.steps.len() / 2;
    {
        let (mut writer, _) = LakeWriter::open(&disk, Path::new(DIR), Arc::clone(&stream.plan), patient()).unwrap();
        for step in &stream.steps[..half] {
            writer.take(&step.declarations, &step.batch, &step.outputs).unwrap();
        }
        assert_eq!(writer.kept(), 0);
        writer.finish().unwrap();
        assert_eq!(writer.kept(), stream.steps[half].batch.first);
    }
    disk.crash(0);
    let (writer, reader) = LakeWriter::open(&disk, Path::new(DIR), Arc::clone(&stream.plan), patient()).unwrap();
    assert_eq!(writer.kept(), stream.steps[half].batch.first);
    assert_eq!(reader.waiting().0, 0);
    drop((writer, reader));
    check(&disk, &stream);
}
