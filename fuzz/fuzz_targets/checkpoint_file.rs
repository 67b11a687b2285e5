//! A checkpoint beside two older ones: whatever stands in the file, one of the three is found whole, or a newer one refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_fuzz::{FOLDER, REAL, nearly};
use ouzel_pipeline::checkpoint::Store;
use std::io::Write;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let file = match bytes.split_first() {
        Some((&which, changes)) if which >= 0x80 => nearly(&REAL.checkpoint, changes),
        _ => bytes.to_vec(),
    };
    let disk = REAL.disk.fork();
    let folder = Path::new(FOLDER);
    let mut files = disk.files(folder).expect("a folder").into_iter();
    let newest = files.rfind(|path| path.extension().is_some_and(|it| it == "checkpoint")).expect("there is one");
    disk.create(&newest).and_then(|mut it| it.write_all(&file)).expect("a disk in memory");
    // Its sections stand twice, and there are two checkpoints before it. A checksum that agrees with a newer format is
    // beyond a fuzzer.
    let (_, found, skipped) = Store::open(&disk, folder, 0).expect("a folder");
    let found = found.expect("two are whole");
    let position = newest.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
    assert_eq!(Some(found.moment.position) == position, skipped.is_empty(), "{skipped:?}");
    assert!(found.parts.len() >= 5, "all of its sections are there");
});
