//! Nanoseconds a value of each kind of statistic, and error and bytes of the quantile sketch at ten million values:
//! `cargo run --release -p ouzel-engine --example tally_speed`.
#![expect(clippy::print_stdout, reason = "an example that prints its results")]

use ouzel_engine::aggregate::{Around, Sketch, Tally};
use ouzel_engine::plan::{Shape, Statistic, WindowSpec};
use ouzel_engine::time::Time;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let values = random(10_000_000);
    println!("add, ns a value: one series, windows of a million / 1 000 series in turns, windows of 10 000");
    let kinds: [(&str, &[Statistic]); 6] = [
        ("the usual", &Statistic::USUAL),
        ("sum", &[Statistic::Sum]),
        ("first, last, rate", &[Statistic::First, Statistic::Last, Statistic::Rate]),
        (
            "time_mean, gap, two shares",
            &[Statistic::TimeMean, Statistic::Gap, Statistic::Share(0), Statistic::Share(1)],
        ),
        ("p95", &[Statistic::Quantile(95_000)]),
        (
            "p50, p95, p99, sum, last",
            &[
                Statistic::Quantile(50_000),
                Statistic::Quantile(95_000),
                Statistic::Quantile(99_000),
                Statistic::Sum,
                Statistic::Last,
            ],
        ),
    ];
    for (label, give) in kinds {
        let spec = WindowSpec::of(Shape::Count { size: 1, every: 1 }, give);
        let alone = best(|| windows(&spec, &values, 1));
        let among = best(|| windows(&spec, &values, 1_000));
        println!("  {label:<28} {alone:6.1} {among:6.1}");
    }
    println!("panes of 100 values merged one after the other, ns a value");
    for (label, give) in [kinds[0], kinds[3], kinds[4]] {
        let spec = WindowSpec::of(Shape::Count { size: 1, every: 1 }, give);
        println!("  {label:<28} {:6.1}", best(|| panes(&spec, &values[..1_000_000])) / 1e6 * 1e7);
    }
    println!("sketch: largest error of a rank at 0.1 % steps, bytes");
    for n in [100_000, 1_000_000, 10_000_000] {
        for (label, values) in orders(&values[..n]) {
            let mut sketch = Sketch::default();
            values.iter().for_each(|&value| sketch.add(value));
            println!("  {n:>9} {label:<9} {:.3} % {:6} bytes", 100.0 * error(&sketch, &values), sketch.heap_bytes());
        }
    }
}

fn random(count: usize) -> Vec<f64> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

fn best(mut run: impl FnMut()) -> f64 {
    let once = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64() * 1e9 / 1e7
    };
    (0..3).map(once).fold(f64::INFINITY, f64::min)
}

fn around() -> Around {
    let time = Time(0);
    Around { start: time, end: time, first: time, expected: None, previous: None, so_far: (1, 1) }
}

fn windows(spec: &WindowSpec, values: &[f64], series: usize) {
    let mut tallies: Vec<Tally> = (0..series).map(|_| Tally::new(spec)).collect();
    let most = if series == 1 { 1_000_000 } else { 10_000 };
    for (i, &value) in values.iter().enumerate() {
        let tally = &mut tallies[i % series];
        tally.add(Time(i as i64), value);
        if tally.summary().count() == most {
            black_box(tally.more(spec, &around()));
            *tally = Tally::new(spec);
        }
    }
    black_box(tallies);
}

fn panes(spec: &WindowSpec, values: &[f64]) {
    let mut whole = Tally::new(spec);
    for (i, values) in values.chunks(100).enumerate() {
        let mut pane = Tally::new(spec);
        values.iter().enumerate().for_each(|(j, &value)| pane.add(Time((i * 100 + j) as i64), value));
        whole.absorb(&pane);
    }
    black_box(whole);
}

fn orders(values: &[f64]) -> [(&'static str, Vec<f64>); 5] {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let reversed = sorted.iter().rev().copied().collect();
    let zigzag = (0..sorted.len()).map(|i| sorted[if i % 2 == 0 { i / 2 } else { sorted.len() - 1 - i / 2 }]).collect();
    let ties = values.iter().map(|value| (value * value * 20.0).floor()).collect();
    [("random", values.to_vec()), ("sorted", sorted), ("reversed", reversed), ("zigzag", zigzag), ("ties", ties)]
}

/// How far the ranks of the answers are from those that were asked for, as a share of all values.
fn error(sketch: &Sketch, values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (n, ranked) = (sorted.len() as f64, sketch.ranked());
    let off = |share: u32| {
        let (value, rank) = (ranked.quantile(share), f64::from(share) / 1e5 * n);
        let below = sorted.partition_point(|&v| v < value) as f64;
        let upto = sorted.partition_point(|&v| v <= value) as f64;
        (below - rank).max(rank - upto).max(0.0) / n
    };
    (0..=1_000).map(|step| off(step * 100)).fold(0.0, f64::max)
}
