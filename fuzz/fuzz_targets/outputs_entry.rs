//! An entry of the output log: any bytes whose checksum is right are read or passed over, and what is read has places.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_fuzz::{FOLDER, REAL, disk_with, given, segment};
use ouzel_pipeline::outputs::{Entry, Heard, Listener};
use std::path::Path;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let odd = given(bytes, &REAL.entries);
    let disk = disk_with("00000000000000000000.outputs", &segment([&REAL.entries[0][..], &odd, &REAL.entries[1]]));
    let mut listener = Listener::recorded(&disk, Path::new(FOLDER));
    let mut heard = 0;
    loop {
        match listener.next(Duration::ZERO) {
            Ok(Heard::Entry(entry)) => {
                heard += 1;
                if let Entry::Said(said) = *entry {
                    assert_eq!(said.placed().count(), said.outputs.len());
                }
            }
            Ok(Heard::Idle | Heard::End) => break,
            // It says that it is the begin of a log that is foreign, or newer.
            Err(_) => return,
        }
    }
    assert!(heard >= 1, "what stands behind it is read");
});
