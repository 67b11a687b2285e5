//! Every format that was ever released is opened by this build, as it stands in `tests/fixtures`; newer ones are refused.
//!
//! `OUZEL_BLESS=1` writes those of today's formats anew, for which there is a reason only while they are not released.

use super::live::{Started, start};
use ouzel_connect::disk::Disk;
use ouzel_connect::encode::{Book, ndjson};
use ouzel_connect::source::live::Fate;
use ouzel_engine::series::Names;
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::checkpoint::{FORMAT, Store};
use ouzel_pipeline::config::InForce;
use ouzel_pipeline::journal::{self, Follower, JOURNAL, Record};
use ouzel_pipeline::live::reached;
use ouzel_pipeline::log::block;
use ouzel_pipeline::outputs::{Entry, Heard, Listener, OUTPUTS, Place, Sizes};
use ouzel_pipeline::runner::{Where, recover};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

const FOLDER: &str = "journal";

fn fixtures(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format)
}

/// A disk with the files of a fixture.
fn disk_of(format: &str) -> Disk {
    let disk = Disk::simulated();
    for entry in std::fs::read_dir(fixtures(format)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        disk.create(&Path::new(FOLDER).join(name)).unwrap().write_all(&std::fs::read(&path).unwrap()).unwrap();
    }
    disk
}

/// The readings of a journal.
fn readings(disk: &Disk) -> Vec<(Time, f64)> {
    let mut follower = Follower::recorded(disk, Path::new(FOLDER), 0);
    let mut readings = Vec::new();
    while let journal::Next::Record(record) = follower.next(Duration::ZERO).unwrap() {
        let Record::Stretch(journalled) = record else { continue };
        let ticks: Vec<_> = journalled.stretch.ticks.iter().map(|(_, tick)| tick).collect();
        let rows = journalled.stretch.batch.rows.iter().filter(|row| !ticks.contains(row));
        readings.extend(rows.map(|row| (row.time, row.value)));
    }
    assert_eq!(follower.damaged(), 0);
    readings
}

/// The outputs of an output log, a line each.
fn lines(disk: &Disk) -> String {
    let (mut names, mut follower) = (Names::new(), Follower::recorded(disk, Path::new(FOLDER), 0));
    while let journal::Next::Record(record) = follower.next(Duration::ZERO).unwrap() {
        if let Record::Stretch(journalled) = record {
            journalled.stretch.declarations.iter().for_each(|declaration| names.follow(declaration));
        }
    }
    let mut listener = Listener::recorded(disk, Path::new(FOLDER));
    let (mut config, mut lines) = (None, Vec::new());
    while let Heard::Entry(entry) = listener.next(Duration::ZERO).unwrap() {
        if let Some(opening) = listener.take_opening() {
            config = Some(InForce::read(&opening.text).unwrap());
        }
        match *entry {
            Entry::Config(text) => config = Some(InForce::read(&text).unwrap()),
            Entry::Said(said) => {
                let book = Book { names: &names, plan: &config.as_ref().unwrap().plan };
                said.outputs.iter().for_each(|output| ndjson::push(output, &book, &mut lines));
            }
            Entry::Trouble(..) => {}
        }
    }
    assert_eq!(listener.damaged(), 0);
    String::from_utf8(lines).unwrap()
}

/// The second of the first reading of a fixture.
const BEGIN: i64 = 1_767_225_600;

/// The readings that the fixtures have: `heat` 20, 24, … 56 of `oven`, a second after the other.
fn expected(begin: i64) -> Vec<(Time, f64)> {
    (0..10).map(|second| (Time::from_secs(begin + second), 20.0 + 4.0 * second as f64)).collect()
}

/// Goes on where the fixture ends: a reading more, and one that closes the minute; nothing of what was there is lost.
async fn goes_on(disk: &Disk, before: &[(Time, f64)]) {
    let next = before.last().unwrap().0.0 / 1_000_000_000 + 1;
    let Started { live, mut voice, clock, .. } = start(disk, next);
    for second in [next, next + 60] {
        assert_eq!(voice.say(second, 21.0, false).await.await, Ok(Fate::Kept));
    }
    live.mover(&clock).advance(Span::from_secs(1)).await;
    live.stop().await.unwrap();
    let after = readings(disk);
    assert_eq!(after[..before.len()], *before);
    assert_eq!(after[before.len()..], [(Time::from_secs(next), 21.0), (Time::from_secs(next + 60), 21.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_the_first_format_is_read_replayed_and_written_on() {
    let disk = disk_of("format-1");
    let there = readings(&disk);
    assert_eq!(there, expected(BEGIN));
    goes_on(&disk, &there).await;
    // All that follows from the old readings stands in the output log that this build has begun.
    let lines = lines(&disk);
    let of = |what: &str| lines.lines().filter(|line| line.contains(what)).count();
    assert_eq!((of("\"count\":11"), of("\"detector\":\"hot\",\"device\"")), (1, 2), "{lines}");
    assert_eq!(of("\"alert\":\"hot\""), 2, "{lines}");
}

/// Makes the fixtures of today's formats.
async fn bless() {
    let disk = Disk::simulated();
    let Started { live, mut voice, clock, .. } = start(&disk, BEGIN);
    for (time, value) in expected(BEGIN) {
        assert_eq!(voice.say(time.0 / 1_000_000_000, value, false).await.await, Ok(Fate::Kept));
        live.mover(&clock).advance(Span::from_secs(1)).await;
    }
    live.stop().await.unwrap();
    let folder = fixtures("format-2");
    std::fs::create_dir_all(&folder).unwrap();
    for path in disk.files(Path::new(FOLDER)).unwrap() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if [".journal", ".outputs", ".checkpoint", ".cursor"].iter().any(|kind| name.ends_with(kind)) {
            std::fs::write(folder.join(name), disk.read(&path).unwrap()).unwrap();
        }
    }
    std::fs::write(folder.join("expected.ndjson"), lines(&disk)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_todays_formats_wrote_once_is_read_as_it_was_and_written_on() {
    if std::env::var_os("OUZEL_BLESS").is_some() {
        bless().await;
    }
    let disk = disk_of("format-2");
    let there = readings(&disk);
    assert_eq!(there, expected(BEGIN));
    assert_eq!(lines(&disk), std::fs::read_to_string(fixtures("format-2").join("expected.ndjson")).unwrap());
    let (store, skipped) = Store::look(&disk, Path::new(FOLDER)).unwrap();
    let found = store.load_oldest(0).unwrap();
    assert_eq!((skipped.len(), found.parts.len()), (0, 5), "names, one slot, alerts, what the intake knows, words");
    assert!(found.moment.text.contains("[window.minute]"));
    let cursor = reached(&disk.read(&Path::new(FOLDER).join("sink-desk.cursor")).unwrap()).unwrap();
    assert!(cursor.done >= 3 && cursor.next > Place::default(), "{cursor:?}");
    goes_on(&disk, &there).await;
    let now = lines(&disk);
    assert!(now.contains("\"count\":11"), "the window that was open when it was saved goes on: {now}");
}

/// Checkpoints of the builds before windows of many shapes: tumbling windows, detectors and alerts go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_whose_slots_have_the_first_format_is_gone_on_with() {
    let disk = disk_of("slots-1");
    let there = readings(&disk);
    assert_eq!(there, expected(BEGIN));
    let before = lines(&disk);
    assert_eq!(before, std::fs::read_to_string(fixtures("slots-1").join("expected.ndjson")).unwrap());
    goes_on(&disk, &there).await;
    let now = lines(&disk);
    assert!(now.contains("\"count\":11"), "the window that was open when it was saved goes on: {now}");
    let fired = |lines: &str| lines.lines().filter(|line| line.contains("\"state\":\"firing\"")).count();
    assert_eq!(fired(&now), fired(&before), "an alert that was firing is not told anew: {now}");
}

#[test]
fn outputs_of_the_first_format_are_read_as_they_were() {
    let expected = std::fs::read_to_string(fixtures("outputs-1").join("expected.ndjson")).unwrap();
    assert_eq!(lines(&disk_of("outputs-1")), expected);
    assert!(expected.contains("\"alert\":\"hot\""));
}

fn refused(disk: &Disk) -> String {
    let sizes = Sizes { segment: 1 << 20, bound: 1 << 30 };
    let place = Where { disk: disk.clone(), folder: FOLDER.into(), journal: sizes, outputs: sizes };
    let config = InForce::read("[window.w]\nover = \"heat\"\nsize = \"1m\"\n").unwrap();
    recover(&place, &config, None).err().unwrap().what
}

#[test]
fn newer_formats_are_refused_with_both_versions_named_and_nothing_is_touched() {
    let head = |magic: &[u8; 8]| {
        let mut segment = Vec::new();
        let record = [&[0][..], magic, &9u32.to_le_bytes(), b"whatever a newer one says"].concat();
        block::push(&record, 0, &mut segment);
        segment
    };
    let table = [9, 1, 2, 3];
    let foot = [&8u64.to_le_bytes()[..], &xxh3_64(&table).to_le_bytes(), b"OUZELCKP"].concat();
    let checkpoint = [b"OUZELCKP", &table[..], &foot].concat();
    let files = [
        ("00000000000000000000.journal", head(JOURNAL.magic), JOURNAL.format),
        ("00000000000000000000.outputs", head(OUTPUTS.magic), OUTPUTS.format),
        ("00000000000000000100.checkpoint", checkpoint, FORMAT),
    ];
    for (name, bytes, ours) in files {
        let (disk, path) = (Disk::simulated(), Path::new(FOLDER).join(name));
        disk.create(&path).unwrap().write_all(&bytes).unwrap();
        let why = refused(&disk);
        assert!(why.contains("format 9") && why.contains(&format!("up to format {ours}")), "{name}: {why}");
        assert_eq!(disk.read(&path).unwrap(), bytes, "{name}");
    }
}
