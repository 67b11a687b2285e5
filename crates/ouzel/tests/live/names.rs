//! Somebody sends readings of ever new devices: those beyond the limit are refused by name, the others notice nothing, the
//! memory stays in its bounds, and a device that is retired leaves room for another one.
//!
//! 30 000 names against a limit of 3 000 in the test;
//! `OUZEL_NAMES=1000000 cargo test --release -p ouzel --test live unknown_names -- --nocapture` for a million against 100 000.

use super::ask::ask;
use super::files;
use super::ouzel::{Desk, HOUSE, Ouzel, say};
use ouzel_testkit::services::until;
use std::fmt::Write as _;
use std::time::Instant;

/// Names in the test; a tenth of them is the limit.
const NAMES: u64 = 30_000;

/// Names of a request.
const BATCH: u64 = 1_000;

/// By so much the memory may grow for each name that is refused, and for all that passes through meanwhile.
const A_NAME: u64 = 64;
const PASSING: u64 = 48 << 20;

const CONFIG: &str = "[source.gateways]\ntype = \"http\"\n
[window.minute]\nover = \"x\"\nsize = \"1m\"\ngive = [\"mean\"]\n
[detector.odd]\ntype = \"zscore\"\non = \"x\"\npast = \"100\"\n";

fn memory(ouzel: &Ouzel) -> u64 {
    ouzel.json("/api/v1/pipeline")["memory_bytes"].as_u64().expect("this system tells")
}

/// A reading of each of these devices.
fn lines(devices: impl Iterator<Item = u64>) -> String {
    devices.fold(String::new(), |mut lines, n| {
        let _ = writeln!(lines, "m,device=device-{n} x={n}");
        lines
    })
}

fn status(ouzel: &Ouzel, devices: impl Iterator<Item = u64>) -> (u16, String) {
    let answer = ouzel.post("/write", &[], lines(devices).as_bytes());
    (answer.status, answer.text())
}

fn retire(ouzel: &Ouzel, device: &str) -> u16 {
    ask(ouzel.page(), "DELETE", &format!("/api/v1/devices/{device}"), &[], b"").expect("it answers").status
}

#[test]
fn unknown_names_beyond_the_limit_are_refused_by_name_and_cost_the_others_nothing() {
    let names = std::env::var("OUZEL_NAMES").ok().and_then(|names| names.parse().ok()).unwrap_or(NAMES);
    let limit = names / 10;
    let desk = Desk::alone(&format!("{CONFIG}{HOUSE}\n[devices]\nlimit = {limit}\n"));
    let ouzel = desk.run();
    for first in (0..limit).step_by(BATCH as usize) {
        assert_eq!(status(&ouzel, first..first + BATCH), (204, String::new()));
    }
    ouzel.wait_until_idle();
    let (before, began) = (memory(&ouzel), Instant::now());
    let mut most = before;
    let mut kept = limit;
    for first in (limit..names).step_by(BATCH as usize) {
        let (code, text) = status(&ouzel, first..first + BATCH);
        assert_eq!(code, 400, "{text}");
        assert!(text.contains("limit of devices") || text.contains("cardinality limit"), "{text}");
        // Those who were there first are taken as ever.
        let known = first % limit..first % limit + 10;
        assert_eq!(status(&ouzel, known), (204, String::new()));
        kept += 10;
        most = most.max(memory(&ouzel));
    }
    let took = began.elapsed();
    let refused = ouzel.get("/api/v1/pipeline").text();
    say(&format!(
        "{names} names against a limit of {limit}: {} refused in {took:.1?}; memory {} MiB with those that may be, {} MiB \
         at most",
        names - limit,
        before >> 20,
        most >> 20
    ));
    assert_eq!(ouzel.count("devices"), limit, "{refused}");
    assert!(most <= before + A_NAME * (names - limit) + PASSING, "{most} bytes, {before} before");
    // Room for another one, which was refused before.
    assert_eq!(status(&ouzel, names - 1..names).0, 400);
    assert_eq!(retire(&ouzel, "device-0"), 200);
    // One that the stream had no room for and one that came later still: whoever speaks first.
    until("another one is taken in its place", || (status(&ouzel, names - 1..names).0 == 204).then_some(()));
    kept += 1;
    assert_eq!(status(&ouzel, limit..limit + 1).0, 400, "there was room for one");
    assert_eq!(status(&ouzel, names - 2..names - 1).0, 400, "there was room for one");
    assert_eq!(retire(&ouzel, "device-1"), 200);
    until("one of the first to be refused is taken", || (status(&ouzel, limit..limit + 1).0 == 204).then_some(()));
    kept += 1;
    ouzel.wait_until_idle();
    assert_eq!(ouzel.count("worked"), kept);
    ouzel.stop();
    let lake = files::readings(&desk.path("lake"));
    let mut devices: Vec<&str> = lake.iter().map(|(device, _)| device.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    assert_eq!((lake.len() as u64, devices.len() as u64), (kept, limit + 2));
}
