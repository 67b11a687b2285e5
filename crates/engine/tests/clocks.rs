//! What moves the clock of a device: its readings, and, where event time is arrival time, the ticks. And what a series
//! costs in memory.

#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

use ouzel_engine::output::What;
use ouzel_engine::plan::{Limits, Operator, Past, Plan, Statistic, WindowSpec, Work, ZScoreSpec};
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Names, Series, Timing};
use ouzel_engine::shard::{Input, Outputs, Shard};
use ouzel_engine::time::{Span, Time};
use std::sync::Arc;

/// Ten-second windows over one reading at second 1, then ticks of a clock on the wall; gives the numbers of the inputs
/// at which a window closed.
fn closed_at(timing: Timing, ticks: &[i64]) -> Vec<u64> {
    let size = Span::from_secs(10);
    let work = Work::Window(WindowSpec::time(size, size, &[Statistic::Count]));
    let operator = Operator { name: "ten".into(), on: vec!["x".into()], work };
    let plan = Arc::new(Plan { operators: vec![operator], ..Plan::default() });
    let mut names = Names::new();
    let device = names.device("a", timing, &[]).unwrap();
    let channel = names.channel("x");
    let series = names.series(device, channel);

    let (mut shard, mut out) = (Shard::new(Arc::clone(&plan), u64::MAX), Outputs::default());
    shard.step(&Input::Declare(&plan.declare(&mut names)), &mut out);
    let mut rows = vec![Reading::new(series, Time::from_secs(1), 5.0)];
    rows.extend(ticks.iter().map(|&second| Reading::tick(Time::from_secs(second))));
    shard.step(&Input::Batch(&Batch { rows, ..Batch::default() }), &mut out);
    out.list.iter().filter(|o| matches!(o.what, What::Aggregate(_))).map(|o| o.input).collect()
}

#[test]
fn a_reading_at_the_end_of_time_goes_aside_and_moves_no_clock() {
    let mut names = Names::new();
    let device = names.device("a", Timing::default(), &[]).unwrap();
    let channel = names.channel("x");
    let series = names.series(device, channel);
    let plan = Arc::new(Plan::default());
    let (mut shard, mut out) = (Shard::new(Arc::clone(&plan), u64::MAX), Outputs::default());
    shard.step(&Input::Declare(&plan.declare(&mut names)), &mut out);
    let rows = [Time::MAX, Time::from_secs(1)].map(|time| Reading::new(series, time, 5.0)).to_vec();
    shard.step(&Input::Batch(&Batch { rows, ..Batch::default() }), &mut out);
    let late: Vec<u64> = out.list.iter().filter(|o| matches!(o.what, What::Late(_))).map(|o| o.input).collect();
    assert_eq!(late, [0]);
}

#[test]
fn a_series_with_a_window_and_a_z_score_takes_less_than_one_and_a_half_kib() {
    let spec = ZScoreSpec { past: Past::Count(100), min: 20, floor: 0.0, include: false };
    let size = Span::from_secs(60);
    let window = Work::Window(WindowSpec::time(size, size, &Statistic::USUAL));
    let operator = |work| Operator { name: "o".into(), on: vec!["x".into()], work };
    let operators = vec![operator(window), operator(Work::ZScore(spec, Limits::default()))];
    let plan = Arc::new(Plan { operators, ..Plan::default() });
    let mut names = Names::new();
    let channel = names.channel("x");
    let series: Vec<Series> = (0..1_000)
        .map(|number| {
            let device = names.device(&format!("device {number}"), Timing::default(), &[]).unwrap();
            names.series(device, channel)
        })
        .collect();
    let (mut shard, mut out) = (Shard::new(Arc::clone(&plan), u64::MAX), Outputs::default());
    shard.step(&Input::Declare(&plan.declare(&mut names)), &mut out);
    let at = |second| series.iter().map(move |&series| Reading::new(series, Time::from_secs(second), second as f64));
    let rows: Vec<Reading> = (0..150).flat_map(at).collect();
    shard.step(&Input::Batch(&Batch { rows, ..Batch::default() }), &mut out);
    let bytes = shard.bytes() / series.len();
    assert!((900..1_536).contains(&bytes), "{bytes} bytes a series");
}

#[test]
fn silence_moves_a_clock_of_arrival() {
    let timing = Timing { late: Span::ZERO, arrival: true };
    assert_eq!(closed_at(timing, &[5, 9, 10, 11]), [3]);
}

#[test]
fn a_clock_of_arrival_waits_for_its_allowance_too() {
    let timing = Timing { late: Span::from_secs(2), arrival: true };
    assert_eq!(closed_at(timing, &[5, 10, 11, 12]), [4]);
}

#[test]
fn silence_never_moves_a_clock_of_event_time() {
    assert_eq!(closed_at(Timing::default(), &[5, 10, 1_000]), []);
}
