//! Sinks that are slow, hang, are away, may not be sent so much: none of them costs another anything, the memory stays in
//! its bounds, the counters are exact to the output, and what was delivered was delivered once.
//!
//! 15 seconds of load in the test; `OUZEL_SECONDS=60 cargo test -p ouzel --test live sinks -- --nocapture` for a minute.

mod receiver;

use super::ouzel::{Desk, Ouzel, say};
use ouzel_testkit::services::{free_port, until};
use receiver::{Got, Manners, Receiver, Speaker};
use std::collections::{HashMap, HashSet};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// How long there is load.
const SECONDS: u64 = 15;

/// Outputs of a second: each reading is one.
const RATE: u64 = 500;

/// A slow one takes this share of it.
const SLOW: Manners = Manners::AnswersAfter(Duration::from_millis(1_000 * 100 / RATE));

/// Devices that speak in turns.
const DEVICES: u64 = 20;

/// How many times the live rate a sink that was away catches up at the least.
const CATCH_UP: f64 = 3.0;

/// By so much the memory may be larger with three bad sinks than with a good one: for each the four batches of 256 results
/// that are read ahead, and what its connections take.
const MEMORY: u64 = 24 << 20;

/// What the latency of others may differ by however good it is: a machine that tests has other things to do.
const JITTER: Duration = Duration::from_millis(10);

const INPUT: &str = "[source.gateways]\ntype = \"http\"\n
[detector.all]\ntype = \"threshold\"\non = \"x\"\nabove = -1\n";

fn sink(name: &str, port: u16, more: &str) -> String {
    format!(
        "\n[sink.{name}]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{port}/{name}\"\nallow_private = true\n\
         take = [\"anomalies\"]\n{more}\n"
    )
}

fn load() -> Duration {
    let seconds = std::env::var("OUZEL_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(SECONDS))
}

/// What is counted of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    owed: u64,
    delivered: u64,
    dropped: u64,
    thinned: u64,
    waiting: u64,
}

fn counts(ouzel: &Ouzel, sink: &str) -> Counts {
    let all = ouzel.json("/api/v1/pipeline");
    let found = all["sinks"].as_array().expect("a list").iter().find(|one| one["name"] == sink).expect("the sink");
    let of = |name: &str| found[name].as_u64().unwrap_or_else(|| panic!("no count `{name}` in {found}"));
    Counts {
        owed: of("owed"),
        delivered: of("delivered"),
        dropped: of("dropped"),
        thinned: of("thinned"),
        waiting: of("waiting"),
    }
}

/// Waits until nothing waits, and sees that nothing is missing in what is counted.
fn settled(ouzel: &Ouzel, sink: &str, owed: u64) -> Counts {
    let counts = until(&format!("nothing waits for `{sink}`"), || {
        Some(counts(ouzel, sink)).filter(|counts| counts.owed == owed && counts.waiting == 0)
    });
    let Counts { delivered, dropped, thinned, waiting, .. } = counts;
    assert_eq!(owed, delivered + dropped + thinned + waiting, "{sink}: {counts:?}");
    counts
}

fn memory(ouzel: &Ouzel) -> u64 {
    ouzel.json("/api/v1/pipeline")["memory_bytes"].as_u64().expect("this system tells")
}

/// All of them, once, and in their order.
fn assert_whole(name: &str, got: &[Got], count: u64) {
    let numbers: Vec<u64> = got.iter().map(Got::number).collect();
    let differs = numbers.iter().zip(0..count).find(|(number, due)| **number != *due);
    assert!(numbers.len() as u64 == count && differs.is_none(), "{name}: {} of {count}, {differs:?}", numbers.len());
}

/// A run with one good sink, at the same time as another one, so that both have the same machine.
struct Alone {
    good: Receiver,
    ouzel: Ouzel,
    speaker: Speaker,
    _desk: Desk,
}

impl Alone {
    fn start() -> Alone {
        let good = Receiver::with(Manners::Answers);
        let desk = Desk::with(&format!("{INPUT}{}", sink("good", good.port(), "batch = 100")));
        Alone { good, ouzel: desk.run(), speaker: Speaker::default(), _desk: desk }
    }

    /// The latency of its sink, and the memory in use.
    fn end(self) -> (Duration, u64) {
        settled(&self.ouzel, "good", self.speaker.count());
        let found = (self.speaker.p99(&self.good.got()), memory(&self.ouzel));
        self.ouzel.stop();
        found
    }
}

/// Looks on until something is over: the most memory that was in use.
fn watch(ouzel: &Ouzel, over: impl Fn() -> bool) -> u64 {
    let mut most = 0;
    while !over() {
        most = memory(ouzel).max(most);
        sleep(Duration::from_millis(100));
    }
    most
}

#[test]
fn a_bad_sink_costs_the_others_nothing() {
    let span = load();
    let alone = Alone::start();
    let [good, slow, hung] = [Manners::Answers, SLOW, Manners::Hangs].map(Receiver::with);
    let port = free_port();
    let sinks = [("good", good.port(), "batch = 100"), ("slow", slow.port(), ""), ("hung", hung.port(), "")];
    let mut config: String = sinks.iter().map(|(name, port, more)| sink(name, *port, more)).collect();
    config.push_str(&sink("gone", port, "batch = 100"));
    let desk = Desk::with(&format!("{INPUT}{config}"));
    let (ouzel, speaker) = (desk.run(), Speaker::default());
    let (at, other) = (ouzel.page(), speaker.clone());
    let speaks = spawn(move || other.speak(at, RATE, span));
    let (at, other) = (alone.ouzel.page(), alone.speaker.clone());
    let speaks_there = spawn(move || other.speak(at, RATE, span));
    // One that was away comes back while others still speak.
    let began = Instant::now();
    let most = watch(&ouzel, || began.elapsed() > span / 3);
    let gone = Receiver::at(port, Manners::Answers);
    until("it is tried again", || (gone.count() > 0).then_some(()));
    let behind = speaker.count();
    until("it has caught up", || (gone.count() >= behind).then_some(()));
    let caught = gone.got();
    let took = caught[behind as usize - 1].at - caught[0].at;
    let catch_up = behind as f64 / took.as_secs_f64();
    let most = most.max(watch(&ouzel, || speaks.is_finished()));
    [speaks, speaks_there].into_iter().for_each(|speaks| speaks.join().expect("it does not panic"));
    let (alone, memory_alone) = alone.end();
    let count = speaker.count();
    settled(&ouzel, "good", count);
    settled(&ouzel, "gone", count);
    for name in ["slow", "hung"] {
        let counts = until("the counters stand still for a moment", || {
            let one = counts(&ouzel, name);
            (one == counts(&ouzel, name)).then_some(one)
        });
        let Counts { owed, delivered, dropped, thinned, waiting } = counts;
        assert_eq!((owed, dropped, thinned), (count, 0, 0), "{name}");
        assert_eq!(owed, delivered + waiting, "{name}: {counts:?}");
        assert!(waiting > count / 2, "{name} is not slow: {counts:?}");
    }
    let (p99, few) = (speaker.p99(&good.got()), slow.count());
    say(&format!(
        "{count} outputs in {} s to four sinks: p99 of the good one {p99:?} (alone {alone:?}); the slow one took {few}; \
         the one that was away caught up with {behind} at {catch_up:.0} a second, live are {RATE}; memory {} MiB at most \
         (alone {})",
        span.as_secs(),
        most >> 20,
        memory_alone >> 20
    ));
    assert!(p99 <= alone * 2 + JITTER, "the good one takes {p99:?}, alone {alone:?}");
    assert!(catch_up >= CATCH_UP * RATE as f64, "{behind} in {took:?}, {catch_up:.0} a second");
    assert!(most <= memory_alone + MEMORY, "{most} bytes, alone {memory_alone}");
    // Those who mend their ways get everything.
    [&slow, &hung].into_iter().for_each(|one| one.becomes(Manners::Answers));
    for (name, receiver) in [("good", &good), ("slow", &slow), ("hung", &hung), ("gone", &gone)] {
        let counts = settled(&ouzel, name, count);
        assert_eq!(counts.delivered, count, "{name}");
        assert_whole(name, &receiver.got(), count);
    }
    ouzel.stop();
}

#[test]
fn a_sink_that_is_overtaken_loses_what_is_said_and_no_more() {
    let port = free_port();
    let config = format!("{INPUT}{}", sink("gone", port, ""));
    let desk = Desk::with(&config);
    let text = desk.text("live.toml").replace("[journal]", "[journal]\noutputs = \"256KiB\"");
    std::fs::write(desk.path("live.toml"), text).expect("it can be written");
    let (ouzel, speaker) = (desk.run(), Speaker::default());
    // Many times what the log holds, and what is read ahead of the sink.
    (0..200).for_each(|_| speaker.say(ouzel.page(), 100));
    let count = speaker.count();
    until("all came out", || (counts(&ouzel, "gone").owed == count).then_some(()));
    let gone = Receiver::at(port, Manners::Answers);
    let Counts { delivered, dropped, .. } = settled(&ouzel, "gone", count);
    let numbers: HashSet<u64> = gone.got().iter().map(Got::number).collect();
    assert_eq!((numbers.len() as u64, gone.count()), (delivered, delivered));
    assert!(dropped > 0 && numbers.contains(&(count - 1)), "{dropped} of {count} dropped");
    let said = ouzel.said();
    let words: Vec<&str> = said.lines().filter(|line| line.contains("too far behind")).collect();
    say(&format!("overtaken: {dropped} of {count} dropped, and said: {words:?}"));
    assert_eq!(words.len(), 1, "{said}");
    assert!(words[0].contains(&format!(": {dropped} outputs")), "{dropped}: {words:?}");
    ouzel.stop();
}

/// A sink that may be sent 50 a second, and is owed ten times as many for some seconds.
fn limited(beyond: &str) -> (Vec<Got>, Counts, Duration) {
    let receiver = Receiver::with(Manners::Answers);
    let more = format!("at_most = \"50/s\"\nbeyond = \"{beyond}\"");
    let desk = Desk::with(&format!("{INPUT}{}", sink("few", receiver.port(), &more)));
    let (ouzel, speaker) = (desk.run(), Speaker::default());
    let began = Instant::now();
    speaker.speak(ouzel.page(), RATE, Duration::from_secs(4));
    let counts = settled(&ouzel, "few", speaker.count());
    let took = began.elapsed();
    ouzel.stop();
    let got = receiver.got();
    assert_eq!(got.len() as u64, counts.delivered);
    assert!(got.len() as f64 <= 50.0 * (took.as_secs_f64() + 1.0) + 1.0, "{} in {took:?}", got.len());
    assert_eq!(got.iter().map(|got| &got.key).collect::<HashSet<_>>().len(), got.len(), "one came twice");
    say(&format!("50/s, beyond it `{beyond}`: {} delivered, {} thinned of {}", got.len(), counts.thinned, counts.owed));
    (got, counts, took)
}

#[test]
fn of_what_is_too_much_a_sample_goes_out_and_the_rest_is_counted() {
    let (got, counts, _) = limited("sample");
    assert_eq!(counts.owed, counts.delivered + counts.thinned);
    assert!(counts.thinned > counts.owed / 2, "{counts:?}");
    assert!(got.windows(2).all(|two| two[0].number() < two[1].number()), "out of order");
}

#[test]
fn of_what_is_too_much_the_latest_of_each_series_goes_out_with_how_many_it_stands_for() {
    let (got, counts, _) = limited("latest");
    let stands_for = |got: &Got| got.body["merged"].as_u64().unwrap_or(1);
    assert_eq!(got.iter().map(stands_for).sum::<u64>(), counts.owed, "all are in what was sent");
    let mut last: HashMap<String, u64> = HashMap::new();
    for one in &got {
        last.insert(one.body["device"].to_string(), one.number());
    }
    let newest: HashSet<u64> = (counts.owed - DEVICES..counts.owed).collect();
    assert_eq!(last.values().copied().collect::<HashSet<u64>>(), newest, "the newest of each device");
}
