//! A measurement beside Mosquitto's own programs.

use super::{CLIENT, message, now, source};
use crate::live::ouzel::{Desk, say};
use ouzel_testkit::services::mosquitto::Mosquitto;
use ouzel_testkit::services::mqtt::publish_all;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// What goes in at QoS 1, beside what Mosquitto's own programs reach with the same broker; printed, not judged.
///
/// `cargo test --release -p ouzel --test live -- --ignored --nocapture --test-threads 1 messages_a_second`
#[test]
#[ignore = "a measurement, which wants a machine to itself"]
fn messages_a_second() {
    // mosquitto_pub -l ends before all is sent where packet numbers, which end at 65 535, come a second time.
    const COUNT: u64 = 60_000;
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
    ouzel.wait_for_readings(COUNT);
    rate("queued before, to ouzel (its start among it)", began);
    ouzel.assert_that_counters_add_up();
    ouzel.stop();
}
