//! A segment of the journal: whatever stands in the file, it is opened or refused; an opened one takes a record, and gives
//! it back behind those that it had.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_connect::disk::Disk;
use ouzel_engine::time::Time;
use ouzel_pipeline::control::{Control, Order};
use ouzel_pipeline::journal::{Journal, Record, record};
use std::io::Write;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let disk = Disk::simulated();
    let mut file = disk.create(Path::new("j/00000000000000000000.journal")).expect("a disk in memory");
    file.write_all(bytes).expect("a disk in memory");
    let mut before = 0;
    let Ok((mut journal, _)) = Journal::open(&disk, Path::new("j"), |_| before += 1) else { return };
    let said = Control { at: Time(1), by: "me".into(), what: Order::Start };
    let mut written = Vec::new();
    record::control(&said, &mut written);
    journal.append(&written).expect("there is room");
    journal.sync().expect("it can be synced");
    drop(journal);
    let mut after = Vec::new();
    Journal::open(&disk, Path::new("j"), |record| after.push(record)).expect("it was opened before");
    assert_eq!(after.len(), before + 1);
    assert_eq!(after.last(), Some(&Record::Control(said)));
});
