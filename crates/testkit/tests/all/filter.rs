//! What must hold of filters in a stream, and of state under a config that was changed.

use super::laws::{arrived, config, one, source, span, stream};
use ouzel_engine::condition::{Formula, Known};
use ouzel_engine::filter::Kept;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::*;
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Device, Names, Timing};
use ouzel_engine::time::Time;
use ouzel_pipeline::intake::Stretch;
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::play::Recorded;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn operator(name: &str, on: &str, work: Work) -> Operator {
    Operator { name: name.to_owned(), on: vec![on.to_owned()], work }
}

fn slim(by: Keep) -> Operator {
    operator("slim", "x", Work::Compress(CompressSpec { by, at_least: Some(span(40)) }))
}

fn window(name: &str, on: &str, steps: i64) -> Operator {
    operator(name, on, Work::Window(WindowSpec::time(span(steps), span(steps), &Statistic::USUAL)))
}

proptest! {
    #![proptest_config(config())]

    /// In = kept + left out, when all is over; wherever it was stopped and resumed; and what is kept is in a window.
    #[test]
    fn every_reading_is_kept_or_left_out_and_counted(
        sent in stream(0), shards in 1usize..4, stop in 0f64..1.0,
        by in prop_oneof![Just(Keep::SwingingDoor { error: 0.2 }), Just(Keep::DeadBand { error: 0.2 }), Just(Keep::First(3))],
    ) {
        let sent = arrived(&sent);
        let plan = Arc::new(Plan { operators: vec![slim(by), window("all", "slim.x", 7)], ..Plan::default() });
        let recorded = Recorded::of(&plan, source(&sent, 0, 5)).unwrap();
        let stop = (stop * recorded.stretches().len() as f64) as usize;
        let (mut stream, mut outputs) = (Stream::new(&plan, shards), Vec::new());
        for (index, stretch) in recorded.stretches().iter().enumerate() {
            if index == stop {
                let saved = stream.save();
                stream = Stream::resume(&plan, 2, &saved).unwrap();
                prop_assert_eq!(stream.save(), saved);
            }
            stream.step(stretch, &mut outputs);
        }
        let Kept { kept, left_out } = stream.kept()[&0];
        prop_assert_eq!((kept + left_out) as usize, sent.iter().filter(|sent| sent.channel == 0).count());
        let in_windows = |output: &Output| if let What::Aggregate(window) = &output.what { window.count } else { 0 };
        prop_assert_eq!(outputs.iter().map(in_windows).sum::<u64>(), kept);
    }
}

/// Readings of one device, a second apart, each given with its stretch.
fn step(stream: &mut Stream, names: &mut Names, number: u64, value: f64) -> Vec<u64> {
    let device = names.device("boiler", Timing::default(), &[]).unwrap();
    let channel = names.channel("x");
    let series = names.series(device, channel);
    let rows = vec![Reading::new(series, Time::from_secs(number as i64), value)];
    let batch = Batch { first: number, rows, offsets: Vec::new() };
    let mut outputs = Vec::new();
    stream.step(&Stretch { declarations: names.take_fresh(), batch, ..Stretch::default() }, &mut outputs);
    let count = |output: &Output| if let What::Aggregate(window) = &output.what { Some(window.count) } else { None };
    outputs.iter().filter_map(count).collect()
}

#[test]
fn an_operator_that_did_not_change_keeps_its_state_under_another_plan() {
    let of = |operators: Vec<Operator>| Arc::new(Plan { operators, ..Plan::default() });
    let before = of(vec![window("five", "x", 10), operator("hot", "x", Work::Threshold(one(80.0)))]);
    let after = of(vec![window("new", "x", 10), slim(Keep::First(2)), window("five", "x", 10)]);
    let (mut stream, mut names) = (Stream::new(&before, 3), Names::new());
    (0..4).for_each(|second| assert_eq!(step(&mut stream, &mut names, second, 90.0), [0; 0]));
    let mut stream = Stream::resume(&after, 2, &stream.save()).unwrap();
    // The window that is new has one reading of the first five seconds, the one that stayed has all five.
    assert_eq!(step(&mut stream, &mut names, 4, 90.0), [0; 0]);
    assert_eq!(step(&mut stream, &mut names, 5, 90.0), [1, 5]);
    assert_eq!(stream.kept(), BTreeMap::from([(1, Kept { kept: 1, left_out: 1 })]));
}

#[test]
fn bytes_that_are_no_slot_are_refused_with_a_reason() {
    let plan = Arc::new(Plan { operators: vec![window("five", "x", 10)], ..Plan::default() });
    let (mut stream, mut names) = (Stream::new(&plan, 1), Names::new());
    step(&mut stream, &mut names, 0, 1.0);
    let saved = stream.save();
    let (slot, bytes) = &saved.slots[0];
    let begin = || Stream::begin(&plan, 2, &saved.names, saved.clock, saved.next_input);
    assert_eq!(begin().restore_slot(*slot, bytes), Ok(()));
    let newer: Vec<u8> = std::iter::once(9).chain(bytes[1..].iter().copied()).collect();
    let why = begin().restore_slot(*slot, &newer).unwrap_err();
    assert!(why.starts_with(&format!("slot {slot}: ")) && why.contains("format 9") && why.contains("up to 3"), "{why}");
    for end in 1..bytes.len() {
        assert!(begin().restore_slot(*slot, &bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
    }
    assert!(begin().restore_slot(*slot, &[&bytes[..], &[0]].concat()).is_err(), "one byte too many");
    // Under another config the device may have another key: it goes where it belongs.
    assert_eq!(begin().restore_slot((slot + 1) % 64, bytes), Ok(()));
    let why = Stream::begin(&plan, 2, &[], saved.clock, 0).restore_slot(*slot, bytes).unwrap_err();
    assert!(why.contains("has no name"), "{why}");
    let mut stream = begin();
    stream.restore_slot(*slot, bytes).unwrap();
    assert_eq!((stream.next_input(), stream.names().device_name(Device(0))), (1, "boiler"));
}

#[test]
fn a_formula_that_is_made_of_something_else_than_before_goes_on() {
    let formula = |name: &str, text: &str| {
        let resolve = |name: &str| Ok(name.to_owned());
        let formula = Formula::parse(text, &Known { channels: &[], resolve: &resolve }).unwrap();
        let on = formula.channels().to_vec();
        Operator { name: name.to_owned(), on, work: Work::Formula(formula) }
    };
    let each = |on: &str| {
        let spec = WindowSpec::of(Shape::Count { size: 1, every: 1 }, &[Statistic::Count]);
        Operator { name: "each".to_owned(), on: vec![on.to_owned()], work: Work::Window(spec) }
    };
    let of = |operators: Vec<Operator>| Arc::new(Plan { operators, ..Plan::default() });
    let before = of(vec![formula("drift", "x - 1"), each("drift.value")]);
    let after = of(vec![formula("load", "x * 2"), formula("drift", "load.value - 1"), each("drift.value")]);
    let (mut stream, mut names) = (Stream::new(&before, 3), Names::new());
    before.declare_known(&mut names);
    (0..3).for_each(|second| drop(said(&mut stream, &mut names, &before, second)));
    // `drift.value` has a number already when `load.value` gets its own.
    let mut stream = Stream::resume(&after, 2, &stream.save()).unwrap();
    let declarations = after.declare_known(&mut names);
    stream.step(&Stretch { declarations, ..Stretch::default() }, &mut Vec::new());
    let said: Vec<f64> = (3..6).flat_map(|second| said(&mut stream, &mut names, &after, second)).collect();
    assert_eq!(said, [5.0, 7.0, 9.0]);
}

/// What windows say when `x` is the second, of the device `boiler`.
fn said(stream: &mut Stream, names: &mut Names, plan: &Plan, second: u64) -> Vec<f64> {
    let device = names.device("boiler", Timing::default(), &[]).unwrap();
    let channel = names.channel("x");
    let series = names.series(device, channel);
    let rows = vec![Reading::new(series, Time::from_secs(second as i64), second as f64)];
    let batch = Batch { first: second, rows, offsets: Vec::new() };
    let mut outputs = Vec::new();
    stream.step(&Stretch { declarations: plan.declare(names), batch, ..Stretch::default() }, &mut outputs);
    let mean = |output: &Output| if let What::Aggregate(window) = &output.what { Some(window.mean) } else { None };
    outputs.iter().filter_map(mean).collect()
}
