//! A segment of the journal: whatever stands in the file, it is opened or refused; an opened one takes a record, and gives
//! it back behind those that it had.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_engine::time::Time;
use ouzel_fuzz::{FOLDER, REAL, disk_with, given, place, segment};
use ouzel_pipeline::control::{Control, Order};
use ouzel_pipeline::journal::{Follower, JOURNAL, Next, Record, head, record};
use ouzel_pipeline::runner::{Recovered, recover};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

static BEGIN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = vec![0];
    bytes.extend_from_slice(JOURNAL.magic);
    bytes.extend_from_slice(&JOURNAL.format.to_le_bytes());
    bytes.extend_from_slice(&0u64.to_le_bytes());
    bytes
});

fuzz_target!(|bytes: &[u8]| {
    // The file as it is; or a real one with one record that nobody wrote, but whose checksum is right.
    let file = match bytes.split_first() {
        Some((&at, rest)) if at >= 0x80 => {
            let odd = given(rest, &REAL.records);
            let mut records: Vec<&[u8]> = REAL.records.iter().take(12).map(Vec::as_slice).collect();
            records.insert(usize::from(at & 0x7f) % 13, &odd);
            segment([&BEGIN[..]].into_iter().chain(records))
        }
        _ => bytes.to_vec(),
    };
    let disk = disk_with("00000000000000000000.journal", &file);
    let Ok(Recovered { mut journal, known, .. }) = recover(&place(&disk), &REAL.config, None) else { return };
    let said = Control { at: Time(1), by: "me".into(), what: Order::Start };
    let mut written = Vec::new();
    record::control(&said, &mut written);
    journal.append(&written, || head(known.next_number)).expect("there is room");
    journal.sync().expect("it can be synced");
    drop(journal);
    let mut follower = Follower::recorded(&disk, Path::new(FOLDER), 0);
    let mut last = None;
    while let Next::Record(record) = follower.next(Duration::ZERO).expect("it was opened before") {
        last = Some(record);
    }
    assert_eq!(last, Some(Record::Control(said)));
});
