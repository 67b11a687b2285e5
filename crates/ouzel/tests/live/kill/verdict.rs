//! What is left after the kills, against what was sent and acknowledged.

use super::Round;
use super::load::{number, sender};
use crate::live::files;
use std::collections::HashMap;
use std::fmt;
use std::process::Stdio;

/// How many deliveries a kill may catch between their receiver and the cursor, which is written after each.
const CAUGHT: u64 = 1;

/// What a round came to.
pub(super) struct Judged {
    kills: u64,
    acknowledged: u64,
    /// Readings that were not acknowledged and are there all the same.
    more: u64,
    /// Readings acknowledged in a second.
    pub(super) rate: f64,
    alerts: usize,
    /// Deliveries that came again.
    again: u64,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Judged { kills, acknowledged, more, rate, alerts, again } = self;
        write!(
            f,
            "{kills} kills: {acknowledged} readings acknowledged and in the lake once, {more} more that were on their \
             way, {rate:.0} readings/s; {alerts} alerts told, {again} told again"
        )
    }
}

/// Judges a round that is over.
pub(super) fn judge(round: &Round) -> Judged {
    let (acknowledged, more) = lake(round);
    replay(round);
    let (alerts, again) = told(round);
    let rate = acknowledged as f64 / round.took.as_secs_f64();
    Judged { kills: round.kills, acknowledged, more, rate, alerts, again }
}

/// The lake holds what was acknowledged, once, and of the rest nothing twice. Gives how many of each.
fn lake(round: &Round) -> (u64, u64) {
    let mut counts: HashMap<String, Vec<u8>> = HashMap::new();
    for sent in &round.sent {
        let end = sent.batches.last().map_or(0, |(numbers, _)| numbers.end);
        counts.insert(sent.name.clone(), vec![0; end as usize]);
    }
    for (device, value) in files::readings(&round.desk.path("lake")) {
        if device != "end" {
            let counts = counts.get_mut(sender(&device)).unwrap_or_else(|| panic!("nobody has sent for {device}"));
            counts[number(value) as usize] += 1;
        }
    }
    let (mut acknowledged, mut more) = (0, 0);
    for sent in &round.sent {
        let counts = &counts[&sent.name];
        for (numbers, kept) in &sent.batches {
            let counts = &counts[numbers.start as usize..numbers.end as usize];
            let twice = counts.iter().filter(|count| **count > 1).count();
            let there = counts.iter().filter(|count| **count == 1).count() as u64;
            assert_eq!(twice, 0, "readings {numbers:?} of {} are there twice (acknowledged: {kept})", sent.name);
            if *kept {
                assert_eq!(there, numbers.end - numbers.start, "readings {numbers:?} of {} are lost", sent.name);
                acknowledged += there;
            } else {
                more += there;
            }
        }
    }
    (acknowledged, more)
}

/// A replay of the journal gives what the file sink has, to the byte; of one whose begin was cut off, the end of it.
fn replay(round: &Round) {
    let args = ["replay", "--journal", "journal", "--config", "live.toml", "--out", "again"];
    let status = round.desk.command(&args).stderr(Stdio::inherit()).status().expect("the binary starts");
    assert_eq!(status.code(), Some(0));
    for noun in ["aggregates", "anomalies", "alerts"] {
        let [live, again] = ["out", "again"].map(|folder| round.desk.text(&format!("{folder}/{noun}.ndjson")));
        assert!(!live.is_empty() && !again.is_empty(), "there are no {noun}");
        if !round.whole {
            let begin = live.len().saturating_sub(again.len());
            let live = &live[live.floor_char_boundary(begin)..];
            let differs = live.lines().zip(again.lines()).enumerate().find(|(_, (one, other))| one != other);
            assert!(live == again, "{noun}: first that differs from the end of the live ones: {differs:?}");
            continue;
        }
        let differs = live.lines().zip(again.lines()).enumerate().find(|(_, (one, other))| one != other);
        let lines = (live.lines().count(), again.lines().count());
        assert!(live == again, "{noun}: lines live and again: {lines:?}; first that differs: {differs:?}");
    }
}

/// Every alert was told; again was told only what a kill caught on its way. Gives how many there are, and how many
/// deliveries came again.
fn told(round: &Round) -> (usize, u64) {
    let mut told: HashMap<String, u64> = HashMap::new();
    for call in round.hook.calls() {
        *told.entry(call.header("idempotency-key").to_owned()).or_default() += 1;
    }
    let alerts = round.desk.text("out/alerts.ndjson").lines().count();
    assert_eq!(told.len(), alerts, "alerts that were told, and alerts there are");
    let most = told.values().max().copied().unwrap_or(0);
    assert!(most <= 1 + round.kills, "an alert was told {most} times, with {} kills", round.kills);
    let again = told.values().map(|count| count - 1).sum();
    let caught = round.kills * CAUGHT;
    assert!(again <= caught, "{again} deliveries came again, with {} kills: more than were on their way", round.kills);
    (alerts, again)
}
