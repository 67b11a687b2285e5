//! A checkpoint beside a real journal: whatever stands in the file, a run starts or says why not, and goes on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_fuzz::{FOLDER, REAL, nearly, place};
use ouzel_pipeline::runner::recover;
use std::io::Write;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let file = match bytes.split_first() {
        Some((&which, changes)) if which >= 0x80 => nearly(&REAL.checkpoint, changes),
        _ => bytes.to_vec(),
    };
    let disk = REAL.disk.fork();
    let folder = Path::new(FOLDER);
    let mut newest = disk.files(folder).expect("a folder").into_iter();
    let newest = newest.rfind(|path| path.extension().is_some_and(|it| it == "checkpoint")).expect("there is one");
    disk.create(&newest).and_then(|mut it| it.write_all(&file)).expect("a disk in memory");
    let recovered = recover(&place(&disk), &REAL.config, None);
    // Its sections stand twice, and there are two checkpoints before it.
    assert!(recovered.is_ok_and(|found| found.report.continued && !found.report.forgotten));
});
