//! With a real broker: what it was acknowledged is in the lake once, whoever falls over in the middle; what is wrong is
//! said as it is; and a live run can be played again.

use super::files;
use super::hook::Hook;
use super::ouzel::{Desk, Ouzel, say};
use super::proxy::Proxy;
use ouzel_testkit::services::mosquitto::Mosquitto;
use ouzel_testkit::services::mqtt::{Client, Heard, publish_all};
use ouzel_testkit::services::until;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::spawn;
use std::time::{Instant, SystemTime};

/// As the source of these tests is known to the broker.
const CLIENT: &str = "ouzel-floor";

fn source(port: u16, more: &str) -> String {
    format!(
        "[source.floor]\ntype = \"mqtt\"\nbroker = \"mqtt://127.0.0.1:{port}\"\n\
         topics = [\"hall/{{line}}/{{device}}/telemetry\"]\n{more}\n"
    )
}

/// Microseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(since.as_micros()).expect("for a long time yet")
}

/// Message number `n`, of one of seven machines, made `n` milliseconds after `begin`.
fn message(begin: u64, n: u64) -> (String, String) {
    let topic = format!("hall/{}/press-{}/telemetry", n % 2, n % 7);
    (topic, json!({ "time": begin + n * 1_000, "value": n }).to_string())
}

/// The last message: what a broker has queued before it has come when it has.
fn end_mark(port: u16) {
    let end = |_| ("hall/0/end/telemetry".to_owned(), json!({ "time": now(), "value": -1 }).to_string());
    publish_all(port, "end", 1, end, &AtomicU64::new(0));
}

fn wait_for_end_mark(ouzel: &Ouzel) {
    let came = || !ouzel.json("/api/v1/readings?device=end")["readings"].as_array().expect("a list").is_empty();
    until("the last message has come", || came().then_some(()));
}

#[test]
fn all_that_was_acknowledged_is_in_the_lake_once_through_cuts_restarts_and_kills() {
    through_it_all("", 100_000);
}

#[test]
fn the_same_holds_under_mqtt_3_1_1() {
    through_it_all("version = \"3.1.1\"", 10_000);
}

fn through_it_all(version: &str, count: u64) {
    let Some(mut broker) = Mosquitto::start() else { return };
    let proxy = Proxy::to(broker.port());
    let desk = Desk::with(&source(proxy.port(), version));
    let mut ouzel = desk.run();
    broker.wait_for_subscription(CLIENT);
    let begin = now() - 600_000_000;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let publisher = {
        let (acknowledged, port) = (Arc::clone(&acknowledged), broker.port());
        spawn(move || publish_all(port, "publisher", count, |n| message(begin, n), &acknowledged))
    };
    let wait_for = |part: u64| {
        let what = format!("{part} of {count} messages are acknowledged");
        until(&what, || (acknowledged.load(Ordering::Relaxed) >= part).then_some(()));
    };
    wait_for(count / 5);
    proxy.cut();
    wait_for(count * 2 / 5);
    broker.end();
    broker.start_again();
    wait_for(count * 3 / 5);
    let known_before = ouzel.source()["known"].as_u64().expect("a count");
    ouzel.kill();
    wait_for(count * 4 / 5);
    ouzel = desk.run();
    publisher.join().expect("all is published");
    end_mark(broker.port());
    wait_for_end_mark(&ouzel);
    ouzel.wait_for_readings(count + 1);
    ouzel.assert_that_counters_add_up();
    let known = known_before + ouzel.source()["known"].as_u64().expect("a count");
    say(&format!("{count} messages {version}: {known} came again and were known"));

    // As the page and programs see it while it runs.
    let path = format!("/api/v1/series?channel=value&from={begin}&to=now");
    let answer = super::ask::ask(ouzel.page(), "GET", &path, &[("Accept", "text/csv")], b"").expect("it answers");
    let text = answer.text();
    let rows = text.lines().skip(1).map(|line| line.rsplit(',').next().expect("a value").parse().expect("a number"));
    assert_whole("the API", count, rows.filter(|&value: &f64| value >= 0.0));
    // And as it rests.
    ouzel.stop();
    let rows = files::readings(&desk.path("lake"));
    let machines: HashSet<&str> = rows.iter().map(|(device, _)| device.as_str()).collect();
    assert_eq!(machines.len(), 8, "{machines:?}");
    assert_whole("the lake", count, rows.iter().filter(|(device, _)| device != "end").map(|(_, value)| *value));
}

/// Each of 0, 1, … below `count`, once.
fn assert_whole(place: &str, count: u64, values: impl Iterator<Item = f64>) {
    let values: Vec<u64> = values.map(|value| value as u64).collect();
    let different: HashSet<u64> = values.iter().copied().collect();
    let missing = (0..count).filter(|n| !different.contains(n)).count();
    let twice = values.len() - different.len();
    assert_eq!((missing, twice, values.len() as u64), (0, 0, count), "missing, twice, and all in {place}");
    assert_eq!(values.iter().sum::<u64>(), count * (count - 1) / 2);
}

#[test]
fn a_wrong_password_is_told_until_it_is_right() {
    let Some(broker) = Mosquitto::with_users(&[("ouzel", "another")]) else { return };
    let desk = Desk::with(&source(broker.port(), "user = \"ouzel\"\npassword = \"${file:password}\""));
    fs::write(desk.path("password"), "right\n").expect("a new file can be written");
    let mut ouzel = desk.run();
    let said = ouzel.wait_for("source `floor`");
    assert!(said.contains("does not let in its user `ouzel`: mend `user` and `password`"), "{said}");
    assert!(!ouzel.said().contains("right"), "a password is nobody's business");
    let ready = ouzel.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("source `floor` is not connected"), "{}", ready.text());
    assert!(ouzel.source()["retries"].as_u64() > Some(0));
    broker.set_users(&[("ouzel", "right")]);
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
    publish_all(broker.port(), "publisher", 1_000, |n| ("hall/1/press/telemetry".to_owned(), payload(n)), &AtomicU64::new(0));
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
    let mut ouzel = desk.run();
    broker.wait_for_subscription(CLIENT);
    let mut machine = Client::connect(broker.port(), "machine").expect("it listens");
    machine.publish(1, false, "hall/1/press/telemetry", b"{\"value\": 7}").expect("it listens");
    assert_eq!(machine.next().expect("it answers"), Heard::Acknowledged(1));
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

/// Something for every noun: windows, a detector that learns and two that do not, late readings, alerts.
const WATCHFUL: &str = r#"
late = "50ms"

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
        let value = (n * 7_919 % 100) as f64 + if n % 97 == 0 { 300.0 } else { 0.0 } + if n % 501 == 0 { 900.0 } else { 0.0 };
        // Every eleventh is out of order, and every hundredth of these too late; every 50th has no time of its own.
        let back = if n % 1_100 == 0 { 3_000_000 } else if n % 11 == 0 { 20_000 } else { 0 };
        match n {
            _ if n % 333 == 0 => "{\"value\": ".to_owned(),
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
        assert!(*text == again, "{noun}: {} lines live, {} again; first {differs:?}", text.lines().count(), again.lines().count());
    }
}

#[test]
fn an_alert_reaches_a_webhook_that_refuses_twice_and_subscribers_of_a_broker() {
    let Some(broker) = Mosquitto::start() else { return };
    let hook = Hook::answering(&[503, 503]);
    let rest = format!(
        "[detector.hot]\ntype = \"threshold\"\non = \"value\"\nabove = 80\n\n\
         [alert.hot]\non = \"hot\"\nsend = [\"desk\", \"plant\"]\nsay = \"{{device}} in line {{line}} is at {{value}}\"\n\n\
         [sink.desk]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{}/hook\"\nallow_private = true\n\
         body = '{{\"text\": \"{{message}}\", \"severity\": \"{{severity}}\"}}'\n\n\
         [sink.plant]\ntype = \"mqtt\"\nbroker = \"mqtt://127.0.0.1:{}\"\n",
        hook.port(),
        broker.port()
    );
    let desk = Desk::with(&source(broker.port(), &format!("\n{rest}")));
    let ouzel = desk.run();
    broker.wait_for_subscription(CLIENT);
    let mut listener = Client::connect(broker.port(), "listener").expect("it listens");
    listener.subscribe("ouzel/#").expect("everybody may");
    let mut machine = Client::connect(broker.port(), "machine").expect("it listens");
    machine.publish(1, false, "hall/3/press/telemetry", b"{\"value\": 95}").expect("it listens");
    let Heard::Message { topic, payload } = listener.next().expect("the alert comes") else { panic!("no message") };
    let alert: Value = serde_json::from_str(&payload).expect("it is JSON");
    assert_eq!(topic, "ouzel/alerts/press");
    assert_eq!((alert["message"].as_str(), alert["state"].as_str()), (Some("press in line 3 is at 95"), Some("firing")));
    let sinks = until("both have it", || {
        let sinks = ouzel.json("/api/v1/pipeline")["sinks"].clone();
        let both = sinks.as_array()?.iter().all(|sink| sink["delivered"] == 1);
        both.then_some(sinks)
    });
    assert_eq!((&sinks[0]["retries"], &sinks[0]["dropped"]), (&json!(2), &json!(0)), "{sinks}");
    let calls = hook.calls();
    assert_eq!(calls.len(), 3);
    let key = calls[0].header("idempotency-key");
    assert!(!key.is_empty() && calls.iter().all(|call| call.header("idempotency-key") == key), "{calls:?}");
    for call in &calls {
        let body: Value = serde_json::from_str(&call.body).expect("it is JSON");
        assert_eq!(body["text"], "press in line 3 is at 95");
    }
    // Neither is told again what it was told before a restart.
    ouzel.stop();
    let ouzel = desk.run();
    end_mark(broker.port());
    wait_for_end_mark(&ouzel);
    ouzel.stop();
    assert_eq!(hook.calls().len(), 3);
}

/// What goes in at QoS 1, beside what Mosquitto's own programs reach with the same broker; printed, not judged.
///
/// `cargo test --release -p ouzel --test live -- --ignored --nocapture --test-threads 1 messages_a_second`
#[test]
#[ignore = "a measurement, which wants a machine to itself"]
fn messages_a_second() {
    const COUNT: u64 = 200_000;
    let Some(broker) = Mosquitto::start() else { return };
    let port = broker.port().to_string();
    let desk = Desk::with(&source(broker.port(), ""));
    let begin = now() - 1_000_000_000;
    let lines: String = (0..COUNT).map(|n| message(begin, n).1 + "\n").collect();
    fs::write(desk.path("lines"), lines).expect("a new file can be written");
    let publish = || {
        let input = fs::File::open(desk.path("lines")).expect("it was written");
        let mut command = Command::new("mosquitto_pub");
        command.args(["-p", &port, "-q", "1", "-t", "hall/1/press/telemetry", "-l"]).stdin(input);
        command.spawn().expect("it comes with mosquitto")
    };
    let rate = |what: &str, began: Instant| {
        say(&format!("{:>9.0} messages/s  {what}", COUNT as f64 / began.elapsed().as_secs_f64()));
    };

    let mut command = Command::new("mosquitto_sub");
    command.args(["-p", &port, "-q", "1", "-t", "hall/+/+/telemetry", "-i", "reader", "-c", "-C", &COUNT.to_string()]);
    let mut reader = command.stdout(Stdio::null()).spawn().expect("it comes with mosquitto");
    broker.wait_for_subscription("reader");
    let began = Instant::now();
    let mut publisher = publish();
    reader.wait().expect("it ends by itself");
    rate("mosquitto_pub -l to mosquitto_sub", began);
    publisher.wait().expect("it ends by itself");
    let ouzel = desk.run();
    broker.wait_for_subscription(CLIENT);
    let began = Instant::now();
    publisher = publish();
    ouzel.wait_for_readings(COUNT);
    rate("mosquitto_pub -l to ouzel", began);
    publisher.wait().expect("it ends by itself");
    ouzel.stop();

    // What has been queued for each while it was away: no publisher is in the way.
    let others = |n: u64| message(begin + 1, n);
    publish_all(broker.port(), "publisher", COUNT, others, &AtomicU64::new(0));
    let began = Instant::now();
    let mut reader = command.stdout(Stdio::null()).spawn().expect("it comes with mosquitto");
    reader.wait().expect("it ends by itself");
    rate("queued before, to mosquitto_sub", began);
    let began = Instant::now();
    let ouzel = desk.run();
    ouzel.wait_for_readings(2 * COUNT);
    rate("queued before, to ouzel (its start among it)", began);
    let began = Instant::now();
    publish_all(broker.port(), "publisher", COUNT, |n| message(begin + 2, n), &AtomicU64::new(0));
    ouzel.wait_for_readings(3 * COUNT);
    rate("a publisher with 500 on their way, to ouzel", began);
    ouzel.assert_that_counters_add_up();
    ouzel.stop();
}
