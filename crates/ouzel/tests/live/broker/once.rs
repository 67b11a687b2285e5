//! Exactly once, counted to the last message.

use super::{CLIENT, end_mark, message, now, source, wait_for_end_mark};
use crate::live::ask::ask;
use crate::live::files;
use crate::live::ouzel::{Desk, Ouzel, say};
use crate::live::proxy::Proxy;
use ouzel_testkit::services::mosquitto::Mosquitto;
use ouzel_testkit::services::mqtt::publish_all;
use ouzel_testkit::services::until;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::spawn;

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
    let known_by = |ouzel: &Ouzel| ouzel.source()["known"].as_u64().expect("a count");
    let mut known = 0;
    for tenth in [5, 6, 7] {
        wait_for(count * tenth / 10);
        known += known_by(&ouzel);
        ouzel.kill();
        // Much has come for it when it is back; and in the midst of that it is killed again.
        wait_for(count * tenth / 10 + count / 20);
        ouzel = desk.run();
        until("it takes what has come", || (ouzel.count("journalled") > 0).then_some(()));
        ouzel.kill();
        ouzel = desk.run();
    }
    wait_for(count * 8 / 10);
    // The gentler sort of an end, under load too.
    known += known_by(&ouzel);
    ouzel.stop();
    ouzel = desk.run();
    publisher.join().expect("all is published");
    end_mark(broker.port());
    wait_for_end_mark(&ouzel);
    ouzel.wait_until_idle();
    ouzel.assert_that_counters_add_up();
    known += known_by(&ouzel);
    say(&format!("{count} messages {version}: {known} came again and were known"));

    // As the page and programs see it while it runs.
    let path = format!("/api/v1/series?channel=value&from={begin}&to=now");
    let answer = ask(ouzel.page(), "GET", &path, &[("Accept", "text/csv")], b"").expect("it answers");
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
