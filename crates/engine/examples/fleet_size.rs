//! What a large fleet costs: `cargo run --release -p ouzel-engine --example fleet_size [-- DEVICES]`. Bytes a device of
//! the names and of the state (one channel, a one-minute window, a z-score past 100 readings, full), and how long
//! saving and restoring take. Bytes are what the process grew by, so on Linux only.

use ouzel_engine::plan::{Levels, Limits, Operator, Past, Plan, Statistic, WindowSpec, Work, ZScoreSpec};
use ouzel_engine::reading::{Batch, Reading, StreamClock};
use ouzel_engine::series::{Names, SLOTS, Series, Timing};
use ouzel_engine::shard::{Input, Outputs, Shard};
use ouzel_engine::time::{Span, Time};
use std::sync::Arc;
use std::time::Instant;

fn plan() -> Plan {
    let window = WindowSpec::time(Span::from_secs(60), Span::from_secs(60), &Statistic::USUAL);
    let limits = Limits { above: Levels { warning: Some(6.0), critical: None }, ..Limits::default() };
    let zscore = ZScoreSpec { past: Past::Count(100), min: 20, floor: 0.0, include: false };
    let of = |name: &str, work| Operator { name: name.into(), on: vec!["temperature".into()], work };
    let operators = vec![of("minute", Work::Window(window)), of("spike", Work::ZScore(zscore, limits))];
    Plan { operators, ..Plan::default() }
}

fn names(devices: u32) -> Names {
    let mut names = Names::new();
    let channel = names.channel("temperature");
    for index in 0..devices {
        let name = format!("hall3-line{}-press-{index}", index % 7);
        let line = ["1", "2", "3", "4", "5", "6", "7"][index as usize % 7];
        let tags = [("line", line), ("site", "hall3")];
        let device = names.device(&name, Timing::default(), &tags).expect("below the limit");
        names.series(device, channel);
    }
    names
}

/// Resident bytes of the process.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) * 1024.0
}

#[expect(clippy::print_stdout, reason = "an example that prints its result")]
fn main() {
    let devices = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000u32);
    let each = |bytes: f64| bytes / f64::from(devices);
    let mut names = names(devices);
    let declarations = names.take_fresh();
    let declared = resident();
    let copies: Vec<Names> = (0..4)
        .map(|_| {
            let mut copy = Names::new();
            declarations.iter().for_each(|declaration| copy.follow(declaration));
            copy
        })
        .collect();
    let fresh = resident();
    println!("{devices} devices; names: {:.0} bytes a device and copy", each(fresh - declared) / copies.len() as f64);
    let plan = Arc::new(plan());
    let mut out = Outputs::default();
    let empty = resident();
    let mut shard = Shard::new(Arc::clone(&plan), u64::MAX);
    shard.step(&Input::Declare(&declarations), &mut out);
    println!("state: {:.0} bytes a device when it has said nothing", each(resident() - empty));
    let mut number = 0;
    for second in 0..130 {
        let row = |index: u32| {
            let noise = f64::from(index.wrapping_mul(2_654_435_761).rotate_left(second) % 1_000) / 1_000.0;
            Reading::new(Series(index), Time::from_secs(1_700_000_000 + i64::from(second)), 20.0 + noise)
        };
        for begin in (0..devices).step_by(4_096) {
            let rows: Vec<Reading> = (begin..devices.min(begin + 4_096)).map(row).collect();
            let batch = Batch { first: number, rows, offsets: Vec::new() };
            number += batch.rows.len() as u64;
            out.clear();
            shard.step(&Input::Batch(&batch), &mut out);
        }
    }
    println!(
        "state: {:.0} bytes a device, full; {:.0} by its own account",
        each(resident() - empty),
        each(shard.bytes() as f64)
    );

    for _ in 0..3 {
        let start = Instant::now();
        let (mut bytes, mut largest) = (0, 0);
        for slot in 0..SLOTS as u8 {
            shard.step(&Input::Save(slot), &mut out);
            (bytes, largest) = (bytes + out.saved.len(), largest.max(out.saved.len()));
        }
        let took = start.elapsed().as_secs_f64() * 1e3;
        println!("save: {took:.0} ms, {bytes} bytes, {:.0} a device, {largest} the largest slot", each(bytes as f64));
    }
    let mut save = |slot| {
        shard.step(&Input::Save(slot), &mut out);
        out.saved.clone()
    };
    let slots: Vec<Vec<u8>> = (0..SLOTS as u8).map(&mut save).collect();
    for _ in 0..3 {
        let start = Instant::now();
        let mut restored = Shard::new(Arc::clone(&plan), u64::MAX);
        restored.resume(StreamClock::default());
        for slot in slots.iter().filter(|slot| !slot.is_empty()) {
            restored.restore(slot, &names).unwrap_or_else(|why| panic!("{}", why.0));
        }
        println!("restore: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
        restored.step(&Input::Save(7), &mut out);
        assert!(out.saved == slots[7], "what was restored is what was saved");
    }
}
