//! Nanoseconds a point in judging conditions alone: `cargo run --release -p ouzel-engine --example condition_speed`.

use ouzel_engine::condition::{Condition, Known, Memory, Truth};
use ouzel_engine::time::Time;
use std::hint::black_box;
use std::time::Instant;

const POINTS: i64 = 4_000_000;

fn main() {
    let texts = [
        "a > 0.5",
        "a > 0.5 and b",
        "a - previous(a) > 2 and b",
        "a > mean(a, 60s) + 3 * std(a, 60s)",
        "a > mean(a, 50) + 3 * std(a, 50)",
        "a = max(a, 60s) or a = min(a, 60s)",
        "a rises above 0.9 (back below 0.1)",
        "lag(a, 1000) < a",
    ];
    let resolve = |name: &str| Ok(name.to_owned());
    for text in texts {
        let known = Known { channels: &[], resolve: &resolve };
        let condition = match Condition::parse(text, &known) {
            Ok(condition) => condition,
            Err(mistake) => return show(&format!("{text}: {mistake}")),
        };
        let mut best = f64::INFINITY;
        let mut held = 0;
        for _ in 0..5 {
            let mut memory = Memory::new(&condition, &[]);
            let mut state = 1u64;
            held = 0;
            let begin = Instant::now();
            for i in 0..POINTS {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let point = [(state >> 11) as f64 / (1u64 << 53) as f64, (state >> 63) as f64];
                let judged = memory.judge(&condition, Time(i * 1_000_000_000), black_box(&point));
                held += u64::from(judged.truth == Truth::True);
            }
            best = best.min(begin.elapsed().as_secs_f64());
        }
        let nanos = best * 1e9 / POINTS as f64;
        show(&format!("{nanos:7.1} ns a point, true in {:4.1} %  {text}", held as f64 * 100.0 / POINTS as f64));
    }
}

#[expect(clippy::print_stdout, reason = "an example says what it measured")]
fn show(line: &str) {
    println!("{line}");
}
