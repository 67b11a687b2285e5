//! Nanoseconds a reading in the loop alone, without decoding: `cargo run --release -p ouzel-engine --example shard_speed`.
//! With arguments only one setting, for a profiler: devices, disorder in seconds, number of the plan, readings.

use ouzel_engine::plan::{Levels, Limits, Operator, Past, Plan, Statistic, WindowSpec, Work, ZScoreSpec};
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::shard::{Input, Outputs, Shard};
use ouzel_engine::time::{Span, Time};
use std::sync::Arc;
use std::time::Instant;

fn window(size: i64, every: i64) -> Operator {
    let spec = WindowSpec::time(Span::from_secs(size), Span::from_secs(every), &Statistic::USUAL);
    Operator { name: format!("w{size}_{every}"), on: vec!["value".into()], work: Work::Window(spec) }
}

fn zscore() -> Operator {
    let limits = Limits { above: Levels { warning: Some(6.0), critical: None }, ..Limits::default() };
    let spec = ZScoreSpec { past: Past::Count(100), min: 20, floor: 0.0, include: false };
    Operator { name: "z".into(), on: vec!["value".into()], work: Work::ZScore(spec, limits) }
}

/// A reading a second of each device, up to `disorder` late, in order of arrival.
fn readings(devices: u32, count: usize, disorder: f64) -> (Names, Vec<Reading>) {
    let mut names = Names::new();
    let timing = Timing { late: Span::from_millis((disorder * 1000.0) as i64), arrival: false };
    let channel = names.channel("value");
    let series: Vec<_> = (0..devices)
        .map(|i| {
            let device = names.device(&format!("sensor-{i}"), timing, &[]).expect("few devices");
            names.series(device, channel)
        })
        .collect();
    let mut state = 1u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut arriving: Vec<(f64, Reading)> = (0..count)
        .map(|i| {
            let second = i / devices as usize;
            let at = second as f64 + (i % devices as usize) as f64 / f64::from(devices);
            let time = Time((1_704_067_200.0 * 1e9) as i64 + (at * 1e3) as i64 * 1_000_000);
            (at + uniform() * disorder, Reading::new(series[i % devices as usize], time, 20.0 + uniform()))
        })
        .collect();
    arriving.sort_by(|a, b| a.0.total_cmp(&b.0));
    (names, arriving.into_iter().map(|(_, r)| r).collect())
}

fn main() {
    let plans: [(&str, Vec<Operator>); 5] = [
        ("tumbling 1m", vec![window(60, 60)]),
        ("zscore 100", vec![zscore()]),
        ("both", vec![window(60, 60), zscore()]),
        ("hopping 300 panes of 100 readings", vec![window(30_000, 100)]),
        ("hopping 300 panes of 1 reading", vec![window(300, 1)]),
    ];
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [devices, disorder, plan, count] = &arguments[..] {
        let number = |text: &String| text.parse::<f64>().expect("a number");
        let (label, operators) = &plans[number(plan) as usize];
        return measure(label, operators, number(devices) as u32, number(disorder), number(count) as usize, 1);
    }
    for devices in [25, 1_000, 100_000] {
        for disorder in [0.0, 1.5] {
            for (label, operators) in &plans {
                measure(label, operators, devices, disorder, 5_000_000, 3);
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "an example that prints its result")]
fn measure(label: &str, operators: &[Operator], devices: u32, disorder: f64, count: usize, runs: u32) {
    let (mut names, rows) = readings(devices, count, disorder);
    let declarations = names.take_fresh();
    let plan = Arc::new(Plan { operators: operators.to_vec(), ..Plan::default() });
    let batch =
        |(i, rows): (usize, &[Reading])| Batch { first: i as u64 * 4_096, rows: rows.to_vec(), offsets: Vec::new() };
    let batches: Vec<Batch> = rows.chunks(4_096).enumerate().map(batch).collect();
    let (mut best, mut outputs) = (f64::INFINITY, 0);
    for _ in 0..runs {
        let mut shard = Shard::new(Arc::clone(&plan), u64::MAX);
        let mut out = Outputs::default();
        shard.step(&Input::Declare(&declarations), &mut out);
        outputs = 0;
        let start = Instant::now();
        for batch in &batches {
            out.clear();
            shard.step(&Input::Batch(batch), &mut out);
            outputs += out.list.len();
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let nanos = best * 1e9 / rows.len() as f64;
    println!("{devices:>7} devices, disorder {disorder} s, {label:<34} {nanos:6.1} ns a reading, {outputs} outputs");
}
