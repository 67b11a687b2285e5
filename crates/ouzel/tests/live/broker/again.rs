//! A live run, played again from its journal: the same bytes.

use super::{CLIENT, end_mark, now, source, wait_for_end_mark};
use crate::live::ouzel::{Desk, say};
use ouzel_testkit::services::mosquitto::Mosquitto;
use ouzel_testkit::services::mqtt::publish_all;
use ouzel_testkit::services::until;
use serde_json::json;
use std::process::Stdio;
use std::sync::atomic::AtomicU64;

/// Something for every noun: windows, a detector that learns and two that do not, late readings, alerts.
const WATCHFUL: &str = r#"
late = "100ms"

[channel.value]
range = [-1000, 1000]

[window.second]
over = "value"
size = "1s"

[detector.odd]
type = "zscore"
on   = "value"
past = "50"

[detector.high]
type  = "threshold"
on    = "value"
above = { warning = 150, critical = 400 }

[detector.silent]
type    = "missing"
on      = "value"
silence = "2s"

[alert.process]
on    = ["odd", "high"]
clear = "1s"

[alert.sensor]
on = "silent"

[sink.files]
type = "file"
path = "out"
"#;

#[test]
fn a_journal_gives_again_what_the_live_run_gave() {
    let Some(broker) = Mosquitto::start() else { return };
    let desk = Desk::with(&source(broker.port(), WATCHFUL));
    let mut ouzel = desk.run();
    broker.wait_for_subscription(CLIENT);
    let begin = now() - 100_000_000;
    let payload = |n: u64| {
        let peak = if n.is_multiple_of(97) { 300.0 } else { 0.0 } + if n.is_multiple_of(501) { 900.0 } else { 0.0 };
        let value = (n * 7_919 % 100) as f64 + peak;
        // Every eleventh is out of order; every hundredth of these is too late, at a time that no other has.
        let back = match n {
            _ if n.is_multiple_of(1_100) => 3_001_000,
            _ if n.is_multiple_of(11) => 60_000,
            _ => 0,
        };
        match n {
            _ if n.is_multiple_of(333) => "{\"value\": ".to_owned(),
            _ if n % 5 == 4 => json!({ "value": value }).to_string(),
            _ => json!({ "time": begin + n * 10_000 - back, "value": value }).to_string(),
        }
    };
    // A machine each for those with and without a time.
    let topic = |n: u64| format!("hall/{}/press-{}/telemetry", n % 2, n % 5);
    publish_all(broker.port(), "publisher", 3_000, |n| (topic(n), payload(n)), &AtomicU64::new(0));
    ouzel.wait_for_readings(1_500);
    // A restart in the middle belongs to the run.
    ouzel.kill();
    ouzel = desk.run();
    publish_all(broker.port(), "publisher", 3_000, |n| (topic(n), payload(n + 3_000)), &AtomicU64::new(0));
    end_mark(broker.port());
    wait_for_end_mark(&ouzel);
    until("a machine is silent", || {
        let found = ouzel.json("/api/v1/anomalies?limit=1000")["anomalies"].to_string();
        found.contains("\"silent\"").then_some(())
    });
    ouzel.stop();
    let nouns = ["aggregates", "anomalies", "alerts", "late", "rejected"];
    let live = nouns.map(|noun| desk.text(&format!("out/{noun}.ndjson")));
    for (noun, text) in nouns.iter().zip(&live) {
        say(&format!("replayed: {} {noun}", text.lines().count()));
        assert!(!text.is_empty(), "the live run has no {noun}");
    }
    let args = ["replay", "--journal", "journal", "--config", "live.toml", "--out", "again"];
    let status = desk.command(&args).stderr(Stdio::inherit()).status().expect("the binary starts");
    assert_eq!(status.code(), Some(0));
    for (noun, text) in nouns.iter().zip(&live) {
        let again = desk.text(&format!("again/{noun}.ndjson"));
        let differs = text.lines().zip(again.lines()).find(|(one, other)| one != other);
        assert!(
            *text == again,
            "{noun}: {} lines live, {} again; first {differs:?}",
            text.lines().count(),
            again.lines().count()
        );
    }
}
