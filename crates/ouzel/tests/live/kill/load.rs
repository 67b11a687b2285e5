//! Those who send while it is killed: over HTTP by line protocol and JSON, and through a broker by MQTT. Each numbers its
//! readings, notes what was acknowledged, and sends nothing twice.

use crate::live::ask::ask;
use crate::live::broker::now;
use ouzel_testkit::services::mqtt::publish_all;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// A reading above this is one that people are told of.
pub(super) const HOT: f64 = 1e10;

/// Every so many readings there is a hot one.
const HOT_EVERY: u64 = 1_009;

/// Devices of each sender.
const DEVICES: u64 = 8;

/// Readings of a request, and how long it takes at the least: more would fill journals, not find more.
const BATCH: u64 = 200;
const BATCH_TAKES: Duration = Duration::from_millis(20);

/// Messages that are published at a time, and how long that takes at the least.
const CHUNK: u64 = 500;
const CHUNK_TAKES: Duration = Duration::from_millis(125);

/// The senders over HTTP, by what they speak.
const SPEAKS: [Speech; 5] = [Speech::Line, Speech::Line, Speech::Line, Speech::Json, Speech::Json];

#[derive(Clone, Copy)]
enum Speech {
    Line,
    Json,
}

/// What a sender has sent.
pub(super) struct Sent {
    pub(super) name: String,
    /// Ranges of its numbers, and whether they were acknowledged.
    pub(super) batches: Vec<(Range<u64>, bool)>,
}

/// The value of a reading: its number, and whether it is hot.
fn value(n: u64) -> f64 {
    n as f64 + if n.is_multiple_of(HOT_EVERY) { 2.0 * HOT } else { 0.0 }
}

/// The number of a reading, from its value.
pub(super) fn number(value: f64) -> u64 {
    (if value > HOT { value - 2.0 * HOT } else { value }) as u64
}

fn device(name: &str, n: u64) -> String {
    format!("{name}-{}", n % DEVICES)
}

/// The sender that a device belongs to.
pub(super) fn sender(device: &str) -> &str {
    device.rsplit_once('-').map_or(device, |(name, _)| name)
}

/// Senders at work.
pub(super) struct Load {
    at: Arc<Mutex<Option<SocketAddr>>>,
    over: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Sent>>,
}

impl Load {
    pub(super) fn start(broker: u16) -> Load {
        let (at, over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let mut senders = Vec::new();
        for (index, speech) in SPEAKS.into_iter().enumerate() {
            let (at, over) = (Arc::clone(&at), Arc::clone(&over));
            senders.push(spawn(move || http(&format!("http{index}"), speech, &at, &over)));
        }
        let ends = Arc::clone(&over);
        senders.push(spawn(move || mqtt(broker, &ends)));
        Load { at, over, senders }
    }

    /// Where the process listens now.
    pub(super) fn is_at(&self, at: Option<SocketAddr>) {
        *self.at.lock().expect("nobody panics with it") = at;
    }

    pub(super) fn stop(self) -> Vec<Sent> {
        self.over.store(true, Ordering::Relaxed);
        self.senders.into_iter().map(|sender| sender.join().expect("it does not panic")).collect()
    }
}

fn http(name: &str, speech: Speech, at: &Mutex<Option<SocketAddr>>, over: &AtomicBool) -> Sent {
    let mut sent = Sent { name: name.to_owned(), batches: Vec::new() };
    let mut next = 0;
    while !over.load(Ordering::Relaxed) {
        let here = *at.lock().expect("nobody panics with it");
        let Some(here) = here else {
            sleep(Duration::from_millis(1));
            continue;
        };
        let (began, numbers) = (Instant::now(), next..next + BATCH);
        let (path, body) = match speech {
            Speech::Line => ("/write", lines(name, numbers.clone())),
            Speech::Json => ("/api/v1/readings", objects(name, numbers.clone())),
        };
        let answer = ask(here, "POST", path, &[], body.as_bytes());
        let kept = match &answer {
            Ok(answer) if answer.status == 204 => true,
            // Given up, or going down: it may be there or not.
            Ok(answer) if answer.status >= 500 => false,
            Ok(answer) => panic!("{path}: {answer:?}"),
            Err(_) => false,
        };
        sent.batches.push((numbers, kept));
        next += BATCH;
        sleep(BATCH_TAKES.saturating_sub(began.elapsed()));
    }
    sent
}

fn lines(name: &str, numbers: Range<u64>) -> String {
    let (begin, mut lines) = (now() * 1_000, String::new());
    for n in numbers {
        let _ = writeln!(lines, "m,device={} x={} {}", device(name, n), value(n), begin + n % BATCH);
    }
    lines
}

fn objects(name: &str, numbers: Range<u64>) -> String {
    let (begin, mut lines) = (now(), String::new());
    for n in numbers {
        let (device, value, time) = (device(name, n), value(n), begin + n % BATCH);
        let _ = writeln!(lines, r#"{{"device":"{device}","time":{time},"x":{value}}}"#);
    }
    lines
}

/// Through the broker, which has all that it acknowledges, and keeps it for who is away.
fn mqtt(broker: u16, over: &AtomicBool) -> Sent {
    let name = "mqtt";
    let mut sent = Sent { name: name.into(), batches: Vec::new() };
    let mut next = 0;
    while !over.load(Ordering::Relaxed) {
        let (began, begin) = (Instant::now(), now());
        let message = |of: u64| {
            let n = next + of;
            let topic = format!("hall/{}/{}/telemetry", n % 2, device(name, n));
            (topic, format!(r#"{{"time":{},"x":{}}}"#, begin + of, value(n)))
        };
        publish_all(broker, "publisher", CHUNK, message, &AtomicU64::new(0));
        sent.batches.push((next..next + CHUNK, true));
        next += CHUNK;
        sleep(CHUNK_TAKES.saturating_sub(began.elapsed()));
    }
    sent
}
