//! The cursor of a sink: whatever stands in the file, it says a place, or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_fuzz::nearly;
use ouzel_pipeline::live::{Reached, reached};
use ouzel_pipeline::outputs::Place;

/// A slot whose checksum is right.
fn slot(count: u64, body: &[u8]) -> Vec<u8> {
    let mut slot = vec![0; 4];
    slot.extend_from_slice(&(body.len() as u32).to_le_bytes());
    slot.extend_from_slice(&count.to_le_bytes());
    slot.extend_from_slice(body);
    let checksum = crc32c::crc32c(&slot[4..]);
    slot[..4].copy_from_slice(&checksum.to_le_bytes());
    slot.resize(slot.len().max(1_024), 0);
    slot
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, rest)) = bytes.split_first() else { return };
    if which < 0x80 {
        reached(rest);
        return;
    }
    let real =
        Reached { next: Place::before(4_711), done: 12, progress: vec![("a.csv".into(), 99)], ..Reached::default() };
    let body = nearly(&postcard::to_allocvec(&real).expect("plain data"), rest);
    let older = slot(1, &postcard::to_allocvec(&Reached::default()).expect("plain data"));
    let both = [older, slot(2, &body)].concat();
    assert!(reached(&both).is_some(), "one of them is good");
});
