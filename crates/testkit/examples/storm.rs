//! Storms over many seeds: `cargo run --release -p ouzel-testkit --example storm -- --seeds 1000000 --from 0 --threads 2`.
//!
//! Says how it goes on, and every seed that found something; ends with 1 if one did.

#![expect(clippy::print_stdout, reason = "this is a command")]

use ouzel_testkit::storm::{Report, storms};
use std::process::ExitCode;
use std::time::Instant;

/// Seeds between two lines.
const LINE: u64 = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, otherwise: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.replace('_', "").parse().ok()).unwrap_or(otherwise)
    };
    let (from, seeds, threads) = (number("--from", 0), number("--seeds", 10_000), number("--threads", 2));
    let began = Instant::now();
    let (mut all, mut found) = (Report::default(), 0);
    let mut next = from;
    while next < from + seeds {
        let end = (next + LINE).min(from + seeds);
        let (report, wrong) = storms(next..end, threads as usize);
        all.add(&report);
        found += wrong.len();
        wrong.iter().for_each(|why| println!("{why}"));
        println!("{} seeds, {found} found something, {:.0} s: {all:?}", end - from, began.elapsed().as_secs_f64());
        next = end;
    }
    ExitCode::from(u8::from(found > 0))
}
