//! What a reading costs in features of days and frequencies, in 1 000 series: `cargo run --release -p ouzel-engine --example
//! signal_speed`.
#![expect(clippy::print_stdout, reason = "an example that prints what it measured")]

use ouzel_engine::feature::clock::Clock;
use ouzel_engine::feature::daily::Daily;
use ouzel_engine::feature::spectrum::Spectrum;
use ouzel_engine::plan::{self, ClockSpec, DailySpec, Hand, Spectral, SpectrumSpec, Zone};
use ouzel_engine::time::Time;
use std::time::Instant;

const SERIES: usize = 1_000;

/// Prints nanoseconds a reading.
fn measure(name: &str, rounds: i64, every: i64, mut observe: impl FnMut(usize, Time, f64) -> f64) {
    let (begin, mut sum) = (Instant::now(), 0.0);
    for round in 0..rounds {
        for series in 0..SERIES {
            sum += observe(series, Time(round * every), ((round * 7_919 + series as i64 * 31) % 1_000) as f64);
        }
    }
    let each = begin.elapsed().as_nanos() as f64 / (rounds as f64 * SERIES as f64);
    println!("{name:<48} {each:6.1} ns a reading   ({})", std::hint::black_box(sum) > 0.0);
}

fn main() {
    for block in [256, 1_024, 16_384] {
        let bands = vec![(0.0, 10.0), (10.0, 200.0), (200.0, 500.0)];
        let give = (0..3).map(Spectral::Band).chain([Spectral::Peak]).collect();
        let spec = SpectrumSpec { hertz: 1_000.0, block, hop: block / 2, bands, give };
        let mut states: Vec<Spectrum> = (0..SERIES).map(|_| Spectrum::new(&spec)).collect();
        measure(
            &format!("spectrum, block {block}, overlap 0.5"),
            2 * i64::from(block),
            1_000_000,
            |series, time, value| {
                let mut sum = 0.0;
                states[series].observe(&spec, u64::MAX, time, value, &mut |_, value| sum += value);
                sum
            },
        );
    }
    let give = vec![plan::Daily::Expected, plan::Daily::Residual];
    let spec = DailySpec { slots: 288, days: 8, zone: Zone::default(), give };
    for (name, every) in [("each 10 s", 10), ("each 5 min", 300)] {
        let mut states: Vec<Daily> = (0..SERIES).map(|_| Daily::new(&spec)).collect();
        measure(
            &format!("daily, slots of 5 min, a reading {name}"),
            5_000,
            every * 1_000_000_000,
            |series, time, value| {
                let mut sum = 0.0;
                states[series].observe(&spec, u64::MAX, time, value, &mut |_, value| sum += value);
                sum
            },
        );
    }
    let spec = ClockSpec { zone: Zone::default(), give: vec![Hand::HourSin, Hand::HourCos] };
    measure("clock, sine and cosine of the hour", 5_000, 1_000_000_000, |_, time, _| {
        let mut sum = 0.0;
        Clock::new(&spec).observe(&spec, u64::MAX, time, &mut |_, value| sum += value);
        sum
    });
}
