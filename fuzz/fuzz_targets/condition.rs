//! A condition: it is read, or its mistake has a place in the text and a way out; one that is read judges any points, the same
//! after its memory was saved and read back, and memory that is damaged does no harm.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_engine::condition::{Condition, Known, Memory};
use ouzel_engine::plan::ChannelFacts;
use ouzel_engine::time::Time;

/// The number that eight bytes are; often a small one.
fn number(bytes: &[u8]) -> f64 {
    let bits = bytes.iter().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
    if bits & 3 == 0 { f64::from_bits(bits.rotate_right(7)) } else { (bits >> 32) as i8 as f64 / 4.0 }
}

fuzz_target!(|bytes: &[u8]| {
    // The text, a zero, the points, a zero, changes to the memory.
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    let Some(Ok(text)) = parts.next().map(std::str::from_utf8) else { return };
    let states = ["closed", "open"].map(str::to_owned).to_vec();
    let facts = [ChannelFacts { name: "door".into(), states, ..ChannelFacts::default() }];
    let resolve = |name: &str| match name {
        "nobody" => Err(("there is no such channel".to_owned(), "there is `door`".to_owned())),
        _ => Ok(name.replace('`', "")),
    };
    let condition = match Condition::parse(text, &Known { channels: &facts, resolve: &resolve }) {
        Ok(condition) => condition,
        Err(mistake) => {
            assert!(text.get(mistake.at.clone()).is_some() && !mistake.what.is_empty() && !mistake.hint.is_empty());
            assert!(mistake.column(text) <= text.chars().count() + 1);
            return;
        }
    };
    assert!((1..=64).contains(&condition.parts().len()));
    assert!(condition.parts().iter().all(|part| text.contains(part.as_str())));
    let mut memory = Memory::new(&condition, &[("room".to_owned(), "a".to_owned())]);
    let mut saved = memory.clone();
    let points: Vec<&[u8]> = parts.next().unwrap_or_default().chunks(8).collect();
    let mut time = 0i64;
    for (i, bytes) in points.iter().enumerate() {
        time = time.saturating_add(i64::from(bytes[0]) << (bytes[0] % 50));
        let point: Vec<f64> = (0..condition.channels().len()).map(|c| number(points[(i + c) % points.len()])).collect();
        let judged = memory.judge(&condition, Time(time), &point);
        saved = postcard::from_bytes(&postcard::to_allocvec(&saved).expect("plain data")).expect("it was saved");
        assert_eq!(saved.judge(&condition, Time(time), &point), judged);
        assert!(memory.heap_bytes() <= condition.heap_bytes());
    }
    let mut bytes = postcard::to_allocvec(&memory).expect("plain data");
    for change in parts.next().unwrap_or_default().chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[place] = change[2];
    }
    let Ok(mut damaged) = postcard::from_bytes::<Memory>(&bytes) else { return };
    for i in 0..10 {
        let point = vec![f64::from(i); condition.channels().len()];
        damaged.judge(&condition, Time(time.saturating_add(i64::from(i))), &point);
    }
});
