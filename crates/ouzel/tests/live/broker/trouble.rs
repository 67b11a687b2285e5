//! What goes wrong with a broker is told as what it is.

use super::{CLIENT, end_mark, message, now, source, wait_for_end_mark};
use crate::live::files;
use crate::live::ouzel::Desk;
use ouzel_testkit::services::mosquitto::Mosquitto;
use ouzel_testkit::services::mqtt::{Client, Heard, publish_all};
use ouzel_testkit::services::until;
use serde_json::json;
use std::fs;
use std::sync::atomic::AtomicU64;

#[test]
fn a_wrong_password_is_told_until_it_is_right() {
    let Some(broker) = Mosquitto::with_users(&[("ouzel", "right")]) else { return };
    let desk = Desk::with(&source(broker.port(), "user = \"ouzel\"\npassword = \"${file:password}\""));
    fs::write(desk.path("password"), "mistaken\n").expect("a new file can be written");
    let ouzel = desk.run();
    let said = ouzel.wait_for("source `floor`");
    assert!(said.contains("does not let in its user `ouzel`: mend `user` and `password`"), "{said}");
    assert!(!ouzel.said().contains("mistaken"), "a password is nobody's business");
    let ready = ouzel.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("source `floor` is not connected"), "{}", ready.text());
    assert!(ouzel.source()["retries"].as_u64() > Some(0));
    // Mended where the config says it stands; nothing is started anew.
    fs::write(desk.path("password"), "right\n").expect("it can be written");
    broker.wait_for_subscription(CLIENT);
    until("it is ready", || (ouzel.get("/readyz").status == 200).then_some(()));
    ouzel.stop();
}

#[test]
fn bad_messages_among_good_ones_are_counted_with_their_reasons() {
    let Some(broker) = Mosquitto::start() else { return };
    let rejected = "[sink.bad]\ntype = \"file\"\npath = \"out\"\ntake = [\"rejected\"]\n";
    let desk = Desk::with(&source(broker.port(), &format!("\n{rejected}")));
    let ouzel = desk.run();
    broker.wait_for_subscription(CLIENT);
    let begin = now() - 600_000_000;
    let payload = |n: u64| match n % 10 {
        3 => "{\"value\": 17".to_owned(),
        5 => "{\"value\": \"cold\"}".to_owned(),
        7 => json!({ "time": now() + 7_200_000_000, "value": n }).to_string(),
        _ => message(begin, n).1,
    };
    publish_all(
        broker.port(),
        "publisher",
        1_000,
        |n| ("hall/1/press/telemetry".to_owned(), payload(n)),
        &AtomicU64::new(0),
    );
    end_mark(broker.port());
    wait_for_end_mark(&ouzel);
    let source = ouzel.source();
    assert_eq!((source["messages"].as_u64(), source["rejected"].as_u64()), (Some(1_001), Some(300)), "{source}");
    ouzel.stop();
    let reasons = desk.text("out/rejected.ndjson");
    assert_eq!(reasons.lines().count(), 300);
    let with = |words: &str| reasons.lines().filter(|line| line.contains(words)).count();
    assert_eq!(with("lies more than 1h ahead"), 100, "{}", reasons.lines().nth(2).unwrap_or(""));
    assert_eq!(with("cold"), 100, "{}", reasons.lines().nth(1).unwrap_or(""));
    let values: Vec<f64> = files::readings(&desk.path("lake")).into_iter().map(|(_, value)| value).collect();
    let good = (0..1_000).filter(|n| ![3, 5, 7].contains(&(n % 10))).map(f64::from).sum::<f64>();
    assert_eq!((values.len(), values.iter().sum::<f64>()), (701, good - 1.0));
}

#[test]
fn a_topic_that_falls_silent_is_an_anomaly_and_the_source_says_so() {
    let Some(broker) = Mosquitto::start() else { return };
    let silent = "[detector.silent]\ntype = \"missing\"\non = \"value\"\nsilence = \"2s\"\nseverity = \"critical\"\n";
    let desk = Desk::with(&source(broker.port(), &format!("silent_after = \"3s\"\n\n{silent}")));
    let ouzel = desk.run();
    broker.wait_for_subscription(CLIENT);
    let mut machine = Client::connect(broker.port(), "machine").expect("it listens");
    machine.publish(1, false, "hall/1/press/telemetry", b"{\"value\": 7}").expect("it listens");
    assert_eq!(machine.hear().expect("it answers"), Heard::Acknowledged(1));
    let anomaly = until("its silence is found", || {
        let found = ouzel.json("/api/v1/anomalies");
        found["anomalies"].as_array().and_then(|all| all.first().cloned())
    });
    let words = ["device", "channel", "detector", "severity"].map(|name| anomaly[name].as_str().unwrap_or(""));
    assert_eq!(words, ["press", "value", "silent", "critical"], "{anomaly}");
    let said = ouzel.wait_for("nothing came on");
    assert!(said.contains("source `floor`: connected to the broker"), "{said}");
    until("it is not ready", || (ouzel.get("/readyz").status == 503).then_some(()));
    machine.publish(2, false, "hall/1/press/telemetry", b"{\"value\": 8}").expect("it listens");
    until("it is ready again", || (ouzel.get("/readyz").status == 200).then_some(()));
    ouzel.wait_for("source `floor` is back");
    ouzel.stop();
}
