//! What is in the files, read back by the parquet crate alone.

use crate::play::{Expected, Stream, patient};
use ouzel_connect::disk::Disk;
use ouzel_engine::reading::Quality;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::Time;
use ouzel_lake::points::quality_name;
use ouzel_lake::{FileFacts, LakeReader, LakeWriter, Table, Tier};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

pub const DIR: &str = "lake";

fn bytes(disk: &Disk, file: &FileFacts) -> bytes::Bytes {
    disk.read(&file.path(Path::new(DIR))).unwrap().into()
}

/// The rows of a file, each as cells by name.
fn rows(disk: &Disk, file: &FileFacts) -> Vec<BTreeMap<String, Field>> {
    let reader = SerializedFileReader::new(bytes(disk, file)).unwrap();
    let cells = |row: Row| row.into_columns().into_iter().collect();
    reader.get_row_iter(None).unwrap().map(|row| cells(row.unwrap())).collect()
}

/// All rows of a table, with the date of their file.
pub fn table(disk: &Disk, reader: &LakeReader, table: Table) -> Vec<(i64, BTreeMap<String, Field>)> {
    let listing = reader.listing();
    let files = listing.iter().filter(|file| file.table == table);
    files.flat_map(|file| rows(disk, file).into_iter().map(|row| (file.day, row))).collect()
}

/// The readings in all files, in the order of their numbers.
pub fn readings(disk: &Disk, reader: &LakeReader) -> Vec<Expected> {
    let rows = table(disk, reader, Table::Readings);
    let mut readings: Vec<Expected> = rows.into_iter().map(|(day, row)| expected(day, &row)).collect();
    readings.sort_by_key(|reading| reading.seq);
    readings
}

fn expected(day: i64, row: &BTreeMap<String, Field>) -> Expected {
    let micros = match row["time"] {
        Field::TimestampMicros(micros) => micros,
        ref other => panic!("time is {other:?}"),
    };
    assert_eq!(micros.div_euclid(86_400_000_000), day);
    let tags =
        if text(&row["device"]).as_deref() == Some("press-1") { r#"{"line":"3","place":"hall \"B\""}"# } else { "{}" };
    assert_eq!(text(&row["tags"]).as_deref(), Some(tags));
    let quality = text(&row["quality"]).unwrap();
    let all = [Quality::Good, Quality::OutOfRange, Quality::Flagged];
    Expected {
        seq: whole(&row["seq"]) as u64,
        device: text(&row["device"]).unwrap(),
        channel: text(&row["channel"]).unwrap(),
        micros,
        value: number(&row["value"]),
        quality: all.into_iter().find(|&each| quality_name(each) == quality).unwrap(),
        late: row["late"] == Field::Bool(true),
        state: text(&row["state"]),
    }
}

fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        Field::Null => None,
        other => panic!("not words: {other:?}"),
    }
}

pub fn whole(field: &Field) -> i64 {
    match *field {
        Field::Long(number) | Field::TimestampMicros(number) => number,
        ref other => panic!("not a whole number: {other:?}"),
    }
}

pub fn number(field: &Field) -> f64 {
    match *field {
        Field::Double(number) => number,
        ref other => panic!("not a number: {other:?}"),
    }
}

/// A lake with a stream in it, written in as many rolls as there are steps between `every`.
pub fn poured(stream: &Stream, every: usize) -> (Disk, LakeReader) {
    let disk = Disk::simulated();
    let (mut writer, reader) = LakeWriter::open(&disk, Path::new(DIR), Arc::clone(&stream.plan), patient()).unwrap();
    for (index, step) in stream.steps.iter().enumerate() {
        writer.take(&step.declarations, &step.batch, &step.outputs).unwrap();
        if index % every == every - 1 {
            writer.finish().unwrap();
        }
    }
    writer.finish().unwrap();
    (disk, reader)
}

#[test]
fn every_reading_is_in_one_file_as_it_came() {
    let stream = Stream::play(1, 2_000);
    for every in [1, 7, usize::MAX] {
        let (disk, reader) = poured(&stream, every);
        assert_eq!(readings(&disk, &reader), stream.expected());
        assert_eq!(reader.rows_kept(), 2_000);
        let sizes: u64 = reader.listing().iter().map(|file| bytes(&disk, file).len() as u64).sum();
        assert_eq!(reader.bytes(), sizes);
        assert_eq!(disk.files(&Path::new(DIR).join("tmp")).unwrap(), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn the_disk_of_the_machine_gives_the_same_answers() {
    let stream = Stream::play(13, 600);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("kept/lake");
    let open = || LakeWriter::open(&Disk::Real, &dir, Arc::clone(&stream.plan), patient()).unwrap();
    {
        let (mut writer, _) = open();
        stream.pour(&mut writer);
        writer.finish().unwrap();
    }
    let (_writer, reader) = open();
    let (_, simulated) = poured(&stream, usize::MAX);
    let files = |reader: &LakeReader| {
        reader.listing().iter().map(|file| (file.day, file.from, file.bytes)).collect::<BTreeSet<_>>()
    };
    assert_eq!(files(&reader), files(&simulated));
    let of = |reader: &LakeReader| reader.points("press-1", "temperature", Time::MIN, Time::MAX, 1_000).unwrap();
    assert_eq!(of(&reader), of(&simulated));
}

#[test]
fn files_stand_under_their_dates_and_are_sorted() {
    let stream = Stream::play(2, 1_500);
    let (disk, reader) = poured(&stream, usize::MAX);
    let listing = reader.listing();
    let of_readings: Vec<_> = listing.iter().filter(|file| file.table == Table::Readings).collect();
    let last = stream.steps.last().unwrap();
    let end = last.batch.first + last.batch.rows.len() as u64;
    let paths: Vec<String> = of_readings.iter().map(|file| file.path(Path::new(DIR)).display().to_string()).collect();
    let name = |date: &str| format!("lake/readings/date={date}/000000000000-{end:012}.parquet");
    assert_eq!(paths, [name("2025-12-31"), name("2026-01-01")]);
    for file in of_readings {
        let keys: Vec<_> = rows(&disk, file)
            .iter()
            .map(|row| (text(&row["device"]), text(&row["channel"]), whole(&row["time"]), whole(&row["seq"])))
            .collect();
        assert!(keys.is_sorted());
        assert_eq!(
            (file.first, file.last),
            (keys.iter().map(|key| key.2).min().unwrap(), keys.iter().map(|key| key.2).max().unwrap())
        );
    }
}

#[test]
fn tiers_sum_up_the_good_readings_however_they_were_rolled() {
    let stream = Stream::play(3, 3_000);
    for (every, tier) in [(1, Tier::TenSeconds), (5, Tier::Minute), (usize::MAX, Tier::TenMinutes)] {
        let (disk, reader) = poured(&stream, every);
        let good: Vec<Expected> =
            stream.expected().into_iter().filter(|reading| reading.quality == Quality::Good).collect();
        let rows = table(&disk, &reader, Table::Tier(tier));
        let sum =
            |cell: &str| rows.iter().map(|(_, row)| number(&row[cell]) * whole(&row["count"]) as f64).sum::<f64>();
        assert_eq!(rows.iter().map(|(_, row)| whole(&row["count"])).sum::<i64>(), good.len() as i64);
        assert!((sum("mean") - good.iter().map(|reading| reading.value).sum::<f64>()).abs() < 1e-6);
        for device in ["press-1", "press 2", "gate \"A\""] {
            let channel = if device.starts_with("press") { "temperature" } else { "door" };
            let buckets = reader.buckets(tier, device, channel, Time::MIN, Time::MAX).unwrap();
            let mut by_hand: BTreeMap<i64, Vec<&Expected>> = BTreeMap::new();
            for reading in good.iter().filter(|reading| reading.device == device) {
                by_hand.entry(reading.micros * 1_000 / tier.width().0 * tier.width().0).or_default().push(reading);
            }
            assert_eq!(buckets.len(), by_hand.len());
            for (bucket, (start, mut readings)) in buckets.iter().zip(by_hand) {
                assert_eq!((bucket.start.0, bucket.count), (start, readings.len() as u64));
                let values = || readings.iter().map(|reading| reading.value);
                assert_eq!(bucket.min, values().fold(f64::MAX, f64::min));
                assert_eq!(bucket.max, values().fold(f64::MIN, f64::max));
                assert!((bucket.mean - values().sum::<f64>() / bucket.count as f64).abs() < 1e-9);
                if every == usize::MAX {
                    readings.sort_by_key(|reading| (reading.micros, reading.seq));
                    assert_eq!((bucket.first, bucket.last), (readings[0].value, readings[readings.len() - 1].value));
                }
            }
        }
    }
}

#[test]
fn a_row_group_says_which_series_it_has() {
    let mut names = Names::new();
    let disk = Disk::simulated();
    let (mut writer, reader) = LakeWriter::open(&disk, Path::new(DIR), Arc::default(), patient()).unwrap();
    let mut batch = ouzel_engine::reading::Batch::default();
    for number in 0..200_000u32 {
        let device = names.device(&format!("d{:03}", number % 100), Timing::default(), &[]).unwrap();
        let channel = names.channel("heat");
        let series = names.series(device, channel);
        let time = Time::from_secs(i64::from(number) / 100);
        batch.rows.push(ouzel_engine::reading::Reading::new(series, time, f64::from(number)));
    }
    writer.take(&names.take_fresh(), &batch, &[]).unwrap();
    writer.finish().unwrap();
    let listing = reader.listing();
    let file = listing.iter().find(|file| file.table == Table::Readings).unwrap();
    let parquet = SerializedFileReader::new(bytes(&disk, file)).unwrap();
    let groups = parquet.metadata().row_groups();
    let spans: Vec<(String, String)> = groups
        .iter()
        .map(|group| {
            let statistics = group.column(1).statistics().unwrap();
            let word = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
            (word(statistics.min_bytes_opt()), word(statistics.max_bytes_opt()))
        })
        .collect();
    let expected = [("d000", "d032"), ("d032", "d065"), ("d065", "d098"), ("d098", "d099")];
    assert_eq!(spans, expected.map(|(min, max)| (min.to_owned(), max.to_owned())));
    let points = reader.points("d032", "heat", Time::MIN, Time::MAX, usize::MAX).unwrap();
    assert_eq!(points.value, (0..2_000).map(|i| f64::from(i * 100 + 32)).collect::<Vec<_>>());
}
