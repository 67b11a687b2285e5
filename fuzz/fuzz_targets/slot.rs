//! The state of a slot under a fixed plan: any bytes are taken back or refused; what is taken back can be saved, and that
//! is taken back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_engine::reading::StreamClock;
use ouzel_fuzz::{REAL, nearly};
use ouzel_pipeline::stream::Stream;

fn saved(slot: u8, bytes: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut stream = Stream::begin(&REAL.config.plan, 1, &REAL.names, StreamClock::default(), 80);
    stream.restore_slot(slot, bytes).ok()?;
    let mut slots = Vec::new();
    stream.save_slots(|slot, bytes| slots.push((slot, bytes.to_vec())));
    Some(slots)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, rest)) = bytes.split_first() else { return };
    let (slot, real) = &REAL.slots[usize::from(which) % REAL.slots.len()];
    let bytes = if which >= 0x80 { nearly(real, rest) } else { rest.to_vec() };
    let Some(slots) = saved(*slot, &bytes) else { return };
    for (slot, bytes) in &slots {
        let again = saved(*slot, bytes).expect("it was saved a moment ago");
        assert!(again.contains(&(*slot, bytes.clone())), "saving what was just loaded gives other bytes");
    }
});
