//! What a memory keeps: no more than was promised, the same after it was saved, and nothing that could do harm after damage.

use super::*;
use proptest::prelude::*;

const ALL: &str = "x > previous(x) and lag(x, 5) > 1 and rate(x) > 0 and mean(x, 8) > std(x, 3s) and sum(x, 4) > min(x, 5s) \
    and median(x, 6) > median(x, 4s) and last(x, 2s) > max(x, 3) and count(x, 4s) > 2 and x rises above 3 (back below 1) and tag.room = \"kitchen\"";

fn point(i: i64) -> [f64; 1] {
    [if i % 7 == 3 { f64::NAN } else { (i * 37 % 11) as f64 / 2.0 }]
}

fn grown(condition: &Condition) -> Memory {
    let mut memory = Memory::new(condition, &kitchen());
    for i in 0..40 {
        memory.judge(condition, Time(i * 700_000_000), &point(i));
    }
    memory
}

#[test]
fn the_memory_of_another_condition_says_nothing() {
    let (ours, other) = (parse("x > previous(x)").unwrap(), parse("x > lag(x, 2)").unwrap());
    let mut memory = Memory::new(&ours, &[]);
    assert!(memory.fits(&ours) && !memory.fits(&other));
    let judged = memory.judge(&other, Time(0), &[1.0]);
    assert_eq!((judged.truth, judged.failed), (Truth::Unknown, 0));
    memory.judge(&ours, Time(0), &[1.0]);
    assert_eq!(memory.judge(&other, Time(1), &[2.0]).truth, Truth::Unknown);
    assert_eq!(memory.judge(&ours, Time(2), &[3.0]).truth, Truth::True);
}

#[test]
fn a_point_that_is_too_short_has_no_values() {
    let condition = parse("x > 1 or y is absent").unwrap();
    assert_eq!(Memory::new(&condition, &[]).judge(&condition, Time(0), &[]).truth, Truth::True);
}

#[test]
fn equal_texts_and_no_others_compile_to_the_same() {
    let bytes = |text: &str| postcard::to_allocvec(&parse(text).unwrap()).unwrap();
    assert_eq!(bytes("x > 1"), bytes("x > 1"));
    assert_ne!(bytes("x > 1"), bytes("x > 2"));
    assert_eq!(postcard::from_bytes::<Condition>(&bytes(ALL)).unwrap(), parse(ALL).unwrap());
    // The words are the same, and mean something else when the states are others.
    let with = |states: &[&str]| {
        let states = states.iter().map(|&state| state.into()).collect();
        let facts = [ChannelFacts { name: "door".into(), states, ..ChannelFacts::default() }];
        Condition::parse("door is open", &Known { channels: &facts, resolve: &resolve }).unwrap()
    };
    assert_ne!(with(&["closed", "open"]), with(&["open", "closed"]));
}

#[test]
fn what_is_full_grown_grows_no_more() {
    let condition =
        parse("mean(x, 10s) + min(x, 10s) + sum(x, 500) + lag(x, 300) + std(x, 400) + median(x, 700) > 0").unwrap();
    let mut memory = Memory::new(&condition, &[]);
    let mut sizes = Vec::new();
    for i in 0..40_000i64 {
        memory.judge(&condition, Time(i * 1_000_000), &[(i * 7_919 % 1_000) as f64]);
        if i % 10_000 == 9_999 {
            sizes.push(memory.heap_bytes());
        }
    }
    assert!(sizes.windows(2).all(|two| two[0] == two[1]), "{sizes:?}");
    assert!(sizes[0] <= condition.heap_bytes(), "{} of {}", sizes[0], condition.heap_bytes());
    assert!(sizes[0] * 3 > condition.heap_bytes(), "{} is far below {}", sizes[0], condition.heap_bytes());
}

#[test]
fn a_span_whose_readings_come_in_the_worst_order_stays_within_its_bound() {
    for text in ["mean(x, 1s) > 0", "max(x, 1s) > 0", "median(x, 1s) > 0"] {
        let condition = parse(text).unwrap();
        let mut memory = Memory::new(&condition, &[]);
        // As many as may stand for themselves in the first piece of the span, and then one for each piece.
        let first = (0..1_024).map(|i| i * 100);
        let rest = (1..5_000).map(|i| 200_000 + i * 976_562);
        for time in first.chain(rest) {
            memory.judge(&condition, Time(time), &[1.0]);
            assert!(memory.heap_bytes() <= condition.heap_bytes(), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn damaged_bytes_are_refused_or_do_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in prop::option::of(0usize..400)
    ) {
        let condition = parse(ALL).unwrap();
        let mut bytes = postcard::to_allocvec(&grown(&condition)).unwrap();
        for (place, byte) in &changes {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        bytes.truncate(cut.unwrap_or(usize::MAX));
        if let Ok(mut memory) = postcard::from_bytes::<Memory>(&bytes) {
            let fits = memory.fits(&condition);
            for i in 40..80 {
                let truth = memory.judge(&condition, Time(i * 700_000_000), &point(i)).truth;
                prop_assert!(fits || truth == Truth::Unknown);
            }
        }
    }
}
