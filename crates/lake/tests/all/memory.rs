//! A lake without files, in every build.

use crate::play::{START, Stream, patient};
use ouzel_connect::sink::Noun;
use ouzel_engine::output::What;
use ouzel_engine::time::{Span, Time};
use ouzel_lake::{Asked, LakeSettings, LakeWriter, Tier};
use std::sync::Arc;

#[test]
fn without_files_the_newest_readings_stay() {
    let stream = Stream::play(30, 5_000);
    let settings = LakeSettings { recent: 60_000, ..patient() };
    let (mut writer, reader) = LakeWriter::in_memory(Arc::clone(&stream.plan), settings);
    for step in &stream.steps {
        writer.take(&step.declarations, &step.batch, &step.outputs).unwrap();
        writer.tick(START).unwrap();
        assert!(reader.waiting().1 <= 60_000);
    }
    writer.finish().unwrap();
    let (waiting, _) = reader.waiting();
    assert!(writer.forgotten() > 0 && waiting > 300);
    assert_eq!(waiting + writer.forgotten(), 5_000);
    let asked = Asked { limit: usize::MAX / 4, ..Asked::default() };
    let mut numbers: Vec<u64> = reader.readings(&asked).unwrap().iter().map(|row| row.seq).collect();
    numbers.sort_unstable();
    let expected: Vec<u64> = stream.expected().iter().map(|reading| reading.seq).collect();
    assert_eq!(numbers, expected[expected.len() - waiting as usize..]);
    // Nothing is to be played again for it.
    let last = stream.steps.last().unwrap();
    assert_eq!(writer.kept(), last.batch.first + last.batch.rows.len() as u64);
}

#[test]
fn what_is_in_memory_can_be_asked() {
    let stream = Stream::play(31, 800);
    let (mut writer, reader) = LakeWriter::in_memory(Arc::clone(&stream.plan), patient());
    stream.pour(&mut writer);
    let expected = stream.expected();
    let ours = expected.iter().filter(|reading| reading.device == "press-1");
    let points = reader.points("press-1", "temperature", Time::MIN, Time::MAX, usize::MAX).unwrap();
    assert_eq!(points.len(), ours.clone().count());
    let buckets =
        reader.buckets(Tier::Minute, "press-1", "temperature", START, START + Span::from_secs(7_200)).unwrap();
    let good = ours.filter(|reading| reading.quality == ouzel_lake::Quality::Good).count() as u64;
    let early = points.time.iter().filter(|&&time| time < START.floor(Span::from_secs(60), Span::ZERO)).count();
    assert!(buckets.iter().map(|bucket| bucket.count).sum::<u64>() + early as u64 >= good);
    let anomalies = stream.outputs().filter(|output| matches!(output.what, What::Anomaly(_))).count();
    assert_eq!(reader.rows(Noun::Anomalies, &Asked { limit: 10_000, ..Asked::default() }).unwrap().len(), anomalies);
    assert_eq!((reader.files(), reader.bytes(), reader.rows_kept()), (0, 0, 0));
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_so() {
    let disk = ouzel_connect::disk::Disk::simulated();
    let fault = LakeWriter::open(&disk, std::path::Path::new("lake"), Arc::default(), patient()).unwrap_err();
    assert_eq!(
        fault.what,
        "this build of ouzel has no Parquet and cannot keep a lake in lake; take one with the feature `parquet`, or \
         leave out `[lake]`"
    );
}
