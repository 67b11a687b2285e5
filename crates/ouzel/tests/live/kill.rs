//! SIGKILL under load, again and again: at random moments, and inside what may not be torn. What was acknowledged is in
//! the lake once, with a part of what was on its way; a replay of the journal gives what the file sink has; and nobody is
//! told of an alert too often.
//!
//! Logs roll and checkpoints are made many times a second here, so that kills meet them. 25 kills in the test;
//! `OUZEL_CYCLES=5000 cargo test -p ouzel --test live random_moments -- --nocapture` for more.

mod load;
mod verdict;

use super::broker::{self, CLIENT};
use super::hook::Hook;
use super::ouzel::{Desk, Ouzel, say};
use load::{Load, Sent};
use ouzel_testkit::services::mosquitto::Mosquitto;
use ouzel_testkit::services::until;
use std::time::{Duration, Instant};

/// Kills at random moments in the test.
const CYCLES: u64 = 25;

/// Kills before a journal is looked at, and a new one begun: a journal that is kept whole grows.
const ROUND: u64 = 25;

/// The points at which a process kills itself, and how often each is tried.
const POINTS: [&str; 5] = ["segment-roll", "checkpoint-write", "checkpoint-rename", "cursor", "lake-roll"];
const TIMES: u64 = 5;

/// The point at which old parts of the journal go. Where they do, a replay begins with a checkpoint.
const CUT: &str = "truncate";

/// The longest that a process may live before it has to have come to its point.
const POINT_IN: Duration = Duration::from_secs(20);

/// The least that is to be acknowledged, by all ways together, the time in which nobody is there to take it among it.
const READINGS_A_SECOND: f64 = 20_000.0;

/// What the process keeps, and how. Everything is small, and so often begun anew.
const HOUSE: &str = r#"
[server]
listen = "127.0.0.1:0"

[checkpoint]
every = "200ms"
after = "256KiB"

[lake]
dir = "lake"
every = "1s"

[journal]
dir     = "journal"
segment = "32KiB"
"#;

/// The journal stays whole, so that a replay gives everything.
const WHOLE: &str = "keep = \"1GiB\"\n";

/// What it computes, and whom it tells.
fn config(broker: u16, hook: u16, journal: &str) -> String {
    let floor = broker::source(broker, "");
    format!(
        r#"{floor}
[source.gateways]
type = "http"

[window.second]
over = "x"
size = "1s"
give = ["count", "mean", "max"]

[detector.hot]
type  = "threshold"
on    = "x"
above = {hot}

[alert.hot]
on    = "hot"
clear = "1s"
send  = ["desk"]

[sink.files]
type = "file"
path = "out"

[sink.desk]
type = "webhook"
url  = "http://127.0.0.1:{hook}/hook"
allow_private = true
{HOUSE}{journal}"#,
        hot = load::HOT
    )
}

/// Chance from a seed: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// How a life ends.
enum End {
    /// So long after it took readings.
    After(Duration),
    /// At the nth call of a point.
    At(&'static str, u64),
}

/// A journal's time: a few lives under load, each killed, and one that ends as it should.
struct Round {
    desk: Desk,
    broker: Mosquitto,
    hook: Hook,
    /// Its journal was not cut.
    whole: bool,
    kills: u64,
    /// How long others sent, whether it was there or not.
    took: Duration,
    sent: Vec<Sent>,
}

impl Round {
    fn new(journal: &str) -> Option<Round> {
        let broker = Mosquitto::start()?;
        let hook = Hook::answering(&[]);
        let desk = Desk::alone(&config(broker.port(), hook.port(), journal));
        let whole = journal == WHOLE;
        Some(Round { desk, broker, hook, whole, kills: 0, took: Duration::ZERO, sent: Vec::new() })
    }

    /// Lives these lives under load.
    fn live(&mut self, ends: impl Iterator<Item = End>) {
        // The broker has to know us before it keeps anything for us.
        let first = self.desk.run();
        self.broker.wait_for_subscription(CLIENT);
        first.kill();
        self.kills += 1;
        let (began, load) = (Instant::now(), Load::start(self.broker.port()));
        for end in ends {
            self.life(&load, &end).kill();
            load.is_at(None);
            self.kills += 1;
        }
        // What was sent to the broker is all taken in the end.
        let last = self.desk.run();
        load.is_at(Some(last.page()));
        self.sent = load.stop();
        self.took = began.elapsed();
        broker::end_mark(self.broker.port());
        broker::wait_for_end_mark(&last);
        last.wait_until_idle();
        until("all is told", || {
            (last.json("/api/v1/pipeline")["sinks"].to_string().contains("\"waiting\":0")).then_some(())
        });
        last.stop();
    }

    fn life(&mut self, load: &Load, end: &End) -> Ouzel {
        match *end {
            End::After(time) => {
                let ouzel = self.desk.run();
                load.is_at(Some(ouzel.page()));
                std::thread::sleep(time);
                ouzel
            }
            End::At(point, nth) => {
                let mut ouzel = self.desk.run_until(point, nth);
                if ouzel.comes_up() {
                    load.is_at(Some(ouzel.page()));
                    assert!(ouzel.is_killed_within(POINT_IN), "it has not come to `{point}` for the {nth}th time");
                }
                ouzel
            }
        }
    }
}

#[test]
fn killed_at_random_moments_it_keeps_what_it_acknowledged() {
    let cycles = std::env::var("OUZEL_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(CYCLES);
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut left = cycles;
    while left > 0 {
        let Some(mut round) = Round::new(WHOLE) else { return };
        let now = left.min(ROUND);
        round.live((0..now).map(|_| End::After(Duration::from_millis(300 + chance.below(2_500)))));
        left -= now;
        let judged = verdict::judge(&round);
        say(&format!("killed at random moments: {} of {cycles} kills, {judged}", cycles - left));
        assert!(judged.rate >= READINGS_A_SECOND, "{judged}");
    }
}

#[test]
fn killed_inside_what_may_not_be_torn_it_keeps_what_it_acknowledged() {
    let Some(mut round) = Round::new(WHOLE) else { return };
    let times = |point| (0..TIMES).map(move |time| End::At(point, 1 + time % 3));
    round.live(POINTS.into_iter().flat_map(times));
    say(&format!("killed inside {POINTS:?}, {TIMES} times each: {}", verdict::judge(&round)));
}

#[test]
fn killed_while_old_parts_of_the_journal_go_it_keeps_what_it_acknowledged() {
    let Some(mut round) = Round::new("") else { return };
    round.live((0..TIMES).map(|time| End::At(CUT, 1 + time % 3)));
    say(&format!("killed inside {CUT:?}, {TIMES} times: {}", verdict::judge(&round)));
}
