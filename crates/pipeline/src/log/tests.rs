//! A log from the outside: what is synced survives, what is torn is cut, what is damaged is told.

use super::*;
use crate::control::{Control, Order};
use crate::journal::{self, Follower, JOURNAL, Record, record};
use ouzel_engine::time::Time;
use proptest::prelude::*;

fn said(number: usize, size: usize) -> Control {
    let what = Order::Acknowledge { alert: format!("{number}"), note: "x".repeat(size) };
    Control { at: Time(number as i64), by: String::new(), what }
}

fn bytes(control: &Control) -> Vec<u8> {
    let mut bytes = Vec::new();
    record::control(control, &mut bytes);
    bytes
}

/// What an opening gives, as recovery does it: the log, what was torn and damaged, and the records that are there.
fn open(disk: &Disk, segment: u64) -> Opened {
    try_open(disk, segment).unwrap()
}

/// The log, bytes that were torn and bytes that were damaged, and the records.
type Opened = (Log, (u64, u64), Vec<usize>);

fn try_open(disk: &Disk, segment: u64) -> Result<Opened, Fault> {
    let folder = Path::new("j");
    let mut follower = Follower::recorded(disk, folder, 0);
    let mut seen = Vec::new();
    while let Some((record, _)) = follower.next_head()? {
        if let Record::Control(control) = record {
            seen.push(control.at.0 as usize);
        }
    }
    let (cut, damaged) = journal::cut_of(disk, folder, &follower)?;
    let (log, torn) = journal::open(disk, folder, segment, cut, 7)?;
    Ok((log, (torn, damaged), seen))
}

/// Adds a record.
fn add(log: &mut Log, control: &Control) {
    log.append(&bytes(control), || journal::head(7)).unwrap();
}

/// What a reader sees now.
fn read(tail: &mut Follower) -> Vec<usize> {
    let mut seen = Vec::new();
    while let journal::Next::Record(record) = tail.next(Duration::ZERO).unwrap() {
        if let Record::Control(control) = record {
            seen.push(control.at.0 as usize);
        }
    }
    seen
}

const SEGMENT: u64 = 64 << 20;

#[test]
fn a_reader_sees_what_is_synced_and_no_more() {
    let disk = Disk::simulated();
    let (mut journal, _, _) = open(&disk, SEGMENT);
    let mut tail = Follower::of(&journal.readers(), 0);
    add(&mut journal, &said(1, 10));
    assert!(read(&mut tail).is_empty());
    journal.sync().unwrap();
    add(&mut journal, &said(2, 10));
    assert_eq!(read(&mut tail), [1]);
    journal.sync().unwrap();
    assert_eq!(read(&mut tail), [2]);
    drop(journal);
    assert_eq!(tail.next(Duration::ZERO).unwrap(), journal::Next::End);
}

#[test]
fn a_newer_journal_is_refused_and_left_as_it_is() {
    let disk = Disk::simulated();
    drop(open(&disk, SEGMENT));
    let path = JOURNAL.path(Path::new("j"), 0);
    let mut record = JOURNAL.begin(&journal::head(0));
    record[9] = 9;
    let mut newer = Vec::new();
    block::push(&record, 0, &mut newer);
    disk.create(&path).unwrap().write_all(&newer).unwrap();
    let why = try_open(&disk, SEGMENT).map(drop).unwrap_err();
    assert!(why.what.contains("format 9") && why.what.contains("up to format 2"), "{why}");
    assert_eq!(disk.read(&path).unwrap(), newer);
}

#[test]
fn a_full_disk_is_said_and_what_was_written_stays_good() {
    let disk = Disk::simulated();
    let (mut journal, _, _) = open(&disk, SEGMENT);
    add(&mut journal, &said(1, 10));
    disk.limit(Some(100));
    let full = journal.append(&bytes(&said(2, 1_000)), || journal::head(0)).unwrap_err();
    assert!(full.what.contains("disk is full"));
    disk.limit(None);
    add(&mut journal, &said(3, 10));
    journal.sync().unwrap();
    let mut tail = Follower::of(&journal.readers(), 0);
    assert_eq!(read(&mut tail), [1, 3]);
    drop(journal);
    assert_eq!(open(&disk, SEGMENT).2, [1, 3]);
}

#[test]
fn damage_in_the_middle_is_skipped_and_counted() {
    let disk = Disk::simulated();
    let (mut journal, _, _) = open(&disk, SEGMENT);
    (0..100).for_each(|number| add(&mut journal, &said(number, 1_000)));
    drop(journal);
    let path = JOURNAL.path(Path::new("j"), 0);
    let mut content = disk.read(&path).unwrap();
    content[40_000] ^= 1;
    disk.create(&path).unwrap().write_all(&content).unwrap();
    let (journal, opening, seen) = open(&disk, SEGMENT);
    assert!(opening.1 > 0 && opening.0 == 0, "{opening:?}");
    assert!(seen.len() > 60 && seen.last() == Some(&99), "{seen:?}");
    let mut tail = Follower::of(&journal.readers(), 0);
    assert_eq!(read(&mut tail), seen);
    assert!(tail.damaged() > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever was synced survives a cut of the power, and what survives is a beginning of what was appended.
    #[test]
    fn a_cut_of_the_power_loses_nothing_that_was_synced(
        sizes in proptest::collection::vec((0usize..60_000, any::<bool>()), 1..30),
        torn in 0usize..40_000,
        segment in prop_oneof![Just(SEGMENT), 1_000u64..100_000],
    ) {
        let disk = Disk::simulated();
        let (mut journal, _, _) = open(&disk, segment);
        let mut synced = 0;
        for (number, &(size, sync)) in sizes.iter().enumerate() {
            add(&mut journal, &said(number, size));
            if sync {
                journal.sync().unwrap();
                synced = number + 1;
            }
        }
        drop(journal);
        disk.crash(torn);
        let (mut journal, opening, seen) = open(&disk, segment);
        prop_assert!(seen.len() >= synced, "{} of {}", seen.len(), synced);
        prop_assert_eq!(&seen, &(0..seen.len()).collect::<Vec<_>>());
        prop_assert_eq!(opening.1, 0);
        // And it can be written on.
        add(&mut journal, &said(1_000, 5));
        journal.sync().unwrap();
        let mut tail = Follower::of(&journal.readers(), 0);
        let mut expected = seen.clone();
        expected.push(1_000);
        prop_assert_eq!(read(&mut tail), expected.clone());
        drop(journal);
        prop_assert_eq!(open(&disk, segment).2, expected);
    }
}

/// Every byte of a small journal, one after the other.
#[test]
fn one_flipped_byte_is_told_and_costs_one_record_or_what_stands_behind_it_at_the_end() {
    let disk = Disk::simulated();
    let (mut journal, _, _) = open(&disk, SEGMENT);
    (0..40).for_each(|number| add(&mut journal, &said(number, 60 + number)));
    drop(journal);
    let path = JOURNAL.path(Path::new("j"), 0);
    let whole = disk.read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        let other = Disk::simulated();
        other.create(&path).unwrap().write_all(&flipped).unwrap();
        let opened = try_open(&other, SEGMENT);
        let (journal, opening, seen) = opened.unwrap_or_else(|why| panic!("byte {at}: {why}"));
        assert!(opening.0 + opening.1 > 0, "byte {at} was not noticed");
        assert!(seen.len() >= 39 && seen.is_sorted(), "byte {at} cost {} records", 40 - seen.len());
        let mut tail = Follower::of(&journal.readers(), 0);
        assert_eq!(read(&mut tail), seen, "byte {at}");
    }
}

/// Found by fuzzing: a kill right after a segment was made leaves it empty.
#[test]
fn an_empty_segment_is_opened_and_written_on() {
    for behind in [false, true] {
        let disk = Disk::simulated();
        let mut start = 0;
        if behind {
            let (mut journal, _, _) = open(&disk, SEGMENT);
            add(&mut journal, &said(1, 10));
            journal.sync().unwrap();
            start = journal.end();
        }
        disk.create(&JOURNAL.path(Path::new("j"), start)).unwrap();
        let (mut journal, opening, seen) = open(&disk, SEGMENT);
        assert_eq!((opening, seen.len()), ((0, 0), usize::from(behind)));
        add(&mut journal, &said(2, 10));
        journal.sync().unwrap();
        let mut tail = Follower::of(&journal.readers(), 0);
        assert_eq!(read(&mut tail).last(), Some(&2));
        drop(journal);
        assert_eq!(open(&disk, SEGMENT).2.last(), Some(&2));
    }
}

/// A length says that more bytes follow than the segment has; there are good records behind it all the same.
#[test]
fn a_damaged_length_in_a_segment_that_is_not_the_last_costs_its_record_alone() {
    let disk = Disk::simulated();
    let (mut log, _, _) = open(&disk, 2_000);
    (0..100).for_each(|number| add(&mut log, &said(number, 50)));
    log.sync().unwrap();
    drop(log);
    let path = disk.files(Path::new("j")).unwrap().remove(0);
    let mut bytes = disk.read(&path).unwrap();
    // The high byte of the length of the second record.
    let first = block::HEAD + 21;
    bytes[first + 5] ^= 0x40;
    disk.create(&path).unwrap().write_all(&bytes).unwrap();
    let (_, (torn, damaged), seen) = open(&disk, 2_000);
    assert_eq!((torn, seen), (0, (1..100).collect()));
    assert!(damaged > 0);
}

/// What a checkpoint stands on is gone: no place is given twice, or what comes now would never be worked off.
#[test]
fn a_log_that_ends_before_the_place_where_it_goes_on_begins_a_segment_there() {
    let disk = Disk::simulated();
    let (mut log, _, _) = open(&disk, SEGMENT);
    (0..3).for_each(|number| add(&mut log, &said(number, 50)));
    log.sync().unwrap();
    drop(log);
    let folder = Path::new("j");
    let mut follower = Follower::recorded(&disk, folder, 5_000);
    assert_eq!(follower.next_head().unwrap(), None);
    let (cut, damaged) = journal::cut_of(&disk, folder, &follower).unwrap();
    let end = disk.size(&disk.files(folder).unwrap()[0]).unwrap();
    assert_eq!((cut, damaged), (5_000, 5_000 - end));
    let (mut log, torn) = journal::open(&disk, folder, SEGMENT, cut, 7).unwrap();
    assert_eq!(torn, 0);
    let mut behind = Follower::of(&log.readers(), cut);
    add(&mut log, &said(3, 50));
    log.sync().unwrap();
    assert_eq!(read(&mut behind), [3]);
    assert_eq!(read(&mut Follower::recorded(&disk, folder, 0)), [0, 1, 2, 3]);
}
