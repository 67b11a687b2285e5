//! Nanoseconds a reading of each kind of feature, of the node alone and through the shard with a threshold on each result:
//! `cargo run --release -p ouzel-engine --example feature_speed [WORD] [SERIES] [READINGS]`.
#![expect(clippy::print_stdout, reason = "an example that prints its results")]

use ouzel_engine::feature::FeatureNode;
use ouzel_engine::plan::*;
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Names, Series, Timing};
use ouzel_engine::shard::{Input, Outputs, Shard};
use ouzel_engine::time::{Span, Time};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

fn rolling(past: Past, give: &[Rolled]) -> FeatureSpec {
    let names = (0..give.len()).map(|index| format!("f{index}")).collect();
    let work = PartSpec::Rolling(RollingSpec { past, min: None, give: give.to_vec() });
    FeatureSpec { parts: vec![FeaturePart { names, work }] }
}

fn kinds() -> Vec<(&'static str, FeatureSpec)> {
    let (hundred, five) = (Past::Count(100), Past::Span(Span::from_secs(300)));
    let part = |names: &[&str], work| FeatureSpec {
        parts: vec![FeaturePart { names: names.iter().map(|name| (*name).to_owned()).collect(), work }],
    };
    let lags = StepsSpec { give: [1, 5, 10].map(Stepped::Lag).to_vec() };
    let half_life = |half_life| DecaySpec { half_life, min: None, give: vec![Decayed::Mean, Decayed::Std] };
    vec![
        ("mean+std of 100", rolling(hundred, &[Rolled::Mean, Rolled::Std])),
        ("min+max of 100", rolling(hundred, &[Rolled::Min, Rolled::Max])),
        ("median of 100", rolling(hundred, &[Rolled::Quantile(50_000)])),
        ("p95 of 100", rolling(hundred, &[Rolled::Quantile(95_000)])),
        ("median of 1 000", rolling(Past::Count(1_000), &[Rolled::Quantile(50_000)])),
        ("median of 10 000", rolling(Past::Count(10_000), &[Rolled::Quantile(50_000)])),
        ("lags 1, 5, 10", part(&["a", "b", "c"], PartSpec::Steps(lags))),
        ("ewm mean+std, 20 readings", part(&["a", "b"], PartSpec::Decay(half_life(Past::Count(20))))),
        ("ewm mean+std, 5m", part(&["a", "b"], PartSpec::Decay(half_life(five)))),
        ("mean+std of 5m", rolling(five, &[Rolled::Mean, Rolled::Std])),
        ("min+max of 5m", rolling(five, &[Rolled::Min, Rolled::Max])),
        ("median of 5m", rolling(five, &[Rolled::Quantile(50_000)])),
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = arguments.first().map_or("", String::as_str);
    let of = |text: &String| text.parse().expect("a number of series");
    let series: Vec<u32> = arguments.get(1).map_or(vec![25, 1_000, 100_000], |text| vec![of(text)]);
    let count = arguments.get(2).map_or(5_000_000, |text| of(text) as usize);
    println!("{:<28} {:>8} {:>8} {:>8} {:>8}", "", "series", "node", "shard", "bytes");
    for series in series {
        let (mut names, rows) = readings(series, count);
        shard_row("a threshold alone", None, series, &mut names, &rows);
        for (label, spec) in kinds().into_iter().filter(|(label, _)| label.contains(word)) {
            shard_row(label, Some(&spec), series, &mut names, &rows);
        }
    }
}

fn shard_row(label: &str, spec: Option<&FeatureSpec>, series: u32, names: &mut Names, rows: &[Reading]) {
    let node = spec.map_or(0.0, |spec| best(|| alone(spec, series, rows)));
    let (mut shard, mut bytes) = (f64::INFINITY, 0);
    for _ in 0..3 {
        let (nanos, kept) = whole(spec, names, rows);
        (shard, bytes) = (shard.min(nanos), kept);
    }
    println!("{label:<28} {series:>8} {node:8.1} {shard:8.1} {:8}", bytes / series as usize);
}

fn best(mut run: impl FnMut() -> f64) -> f64 {
    (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
}

#[inline(never)]
fn alone(spec: &FeatureSpec, series: u32, rows: &[Reading]) -> f64 {
    let mut node = FeatureNode::new(spec.clone());
    for place in 0..series {
        node.add_series();
        (0..spec.names().count()).for_each(|index| node.feed(place, index, index as u32));
    }
    let (start, mut made) = (Instant::now(), Vec::new());
    for row in rows {
        // As the shard takes them.
        node.observe(row.series.0, row, &mut made);
        black_box(&made);
        made.clear();
    }
    start.elapsed().as_secs_f64() * 1e9 / rows.len() as f64
}

#[inline(never)]
fn whole(spec: Option<&FeatureSpec>, names: &mut Names, rows: &[Reading]) -> (f64, usize) {
    let above = Levels { warning: Some(1e9), critical: None };
    let threshold = Work::Threshold(Limits { above, ..Limits::default() });
    let operator = |name: &str, on: Vec<String>, work| Operator { name: name.to_owned(), on, work };
    let mut operators = Vec::new();
    let mut on = vec!["value".to_owned()];
    if let Some(spec) = spec {
        on = spec.names().map(|name| format!("f.value.{name}")).collect();
        operators.push(operator("f", vec!["value".to_owned()], Work::Feature(spec.clone())));
    }
    operators.push(operator("t", on, threshold));
    let plan = Arc::new(Plan { operators, ..Plan::default() });
    let mut known = Names::new();
    let channel = known.channel("value");
    for number in 0..names.series_count() as u32 {
        let name = names.device_name(names.of(Series(number)).0);
        let device = known.device(name, Timing::default(), &[]).expect("few devices");
        known.series(device, channel);
    }
    let declarations = plan.declare(&mut known);
    let batch =
        |(i, rows): (usize, &[Reading])| Batch { first: i as u64 * 4_096, rows: rows.to_vec(), offsets: Vec::new() };
    let batches: Vec<Batch> = rows.chunks(4_096).enumerate().map(batch).collect();
    let (mut shard, mut out) = (Shard::new(plan, u64::MAX), Outputs::default());
    shard.step(&Input::Declare(&declarations), &mut out);
    let start = Instant::now();
    for batch in &batches {
        shard.step(&Input::Batch(batch), &mut out);
    }
    (start.elapsed().as_secs_f64() * 1e9 / rows.len() as f64, shard.bytes())
}

/// A reading a second of each series, in order of time.
fn readings(series: u32, least: usize) -> (Names, Vec<Reading>) {
    let mut names = Names::new();
    let channel = names.channel("value");
    let all: Vec<Series> = (0..series)
        .map(|number| {
            let device = names.device(&format!("sensor-{number}"), Timing::default(), &[]).expect("few devices");
            names.series(device, channel)
        })
        .collect();
    let mut state = 1u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let count = least.max(series as usize * 120);
    let rows = (0..count).map(|at| {
        let time = Time::from_secs(1_704_067_200 + (at / series as usize) as i64);
        Reading::new(all[at % series as usize], time, 20.0 + uniform())
    });
    (names, rows.collect())
}
