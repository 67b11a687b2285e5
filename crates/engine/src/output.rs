//! What comes out: late readings, aggregates, anomalies and alerts, each with its place and its id.
//!
//! The *place* orders the output log: number of the input that let the output be decided, key name, node, ordinal. The
//! ordinal counts by the names of channels, and in order of time within a channel: numbers of series depend on who
//! was seen first, names do not.
//! The *id* is made of what the output says (window, key, start; detector, subject, time), so that it is the same
//! on every run, whatever the batch size, the shard count or the moment of a kill.

use crate::aggregate::Tally;
use crate::plan::{Given, Statistic, WindowSpec};
use crate::reading::Reading;
use crate::series::{Device, Series};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use xxhash_rust::xxh3::xxh3_128;

/// One output, in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Number of the input that let it be decided.
    pub input: u64,
    /// Whose it is; outputs of one input are in the order of their devices' names.
    pub device: Device,
    /// The operator that says it: its position in the plan; alerts come after all operators.
    pub node: u16,
    /// Position among the outputs of this input, device and node.
    pub ordinal: u32,
    /// What it says.
    pub what: What,
}

/// The nouns that come out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// A reading that came after its device's watermark had passed it. The input's number is its own.
    Late(Reading),
    /// What a window says of a series.
    Aggregate(Aggregate),
    /// What a detector says of a reading.
    Anomaly(Box<Anomaly>),
    /// A detector's standing trouble is over. Not an output for people: the alert book hears it.
    Over(Over),
    /// What people are told.
    Alert(Box<Alert>),
    /// A reading that did not meet the condition of a filter.
    Filtered(Filtered),
    /// What one device has of a window of several devices. Not an output for people: the fleet puts them together.
    Part(Box<Part>),
    /// A reading of a derived channel that somebody named.
    Reading(Said),
}

impl What {
    /// The series it speaks of.
    pub fn series(&self) -> Series {
        match self {
            What::Late(reading) => reading.series,
            What::Aggregate(aggregate) => aggregate.series,
            What::Anomaly(anomaly) => anomaly.series,
            What::Over(over) => over.series,
            What::Alert(alert) => alert.series,
            What::Filtered(filtered) => filtered.reading.series,
            What::Part(part) => part.series,
            What::Reading(said) => said.reading.series,
        }
    }
}

/// What a window says of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Of which channel of which device.
    pub series: Series,
    /// First moment inside; of windows without edges of their own the time of the first reading.
    pub start: Time,
    /// First moment after; of sliding, count and session windows the last moment inside.
    pub end: Time,
    /// Good readings in it; at least 1.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Population standard deviation.
    pub std: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// The value of each statistic that the window gives and that is none of the above, in the order of its `give`; NaN where
    /// there is none.
    pub more: Option<Box<[f64]>>,
    /// How often it was given before: 0, but for windows that late readings changed.
    pub revision: u32,
    /// The series was first heard after its start.
    pub partial: bool,
}

impl Aggregate {
    /// The value of the `index`-th statistic of `give`; NaN where there is none.
    pub fn value(&self, give: &[Given], index: usize) -> f64 {
        match give[index].what {
            Statistic::Count => self.count as f64,
            Statistic::Mean => self.mean,
            Statistic::Std => self.std,
            Statistic::Min => self.min,
            Statistic::Max => self.max,
            _ => {
                let place = give[..index].iter().filter(|given| !Statistic::USUAL.contains(&given.what)).count();
                self.more.as_ref().and_then(|more| more.get(place)).copied().unwrap_or(f64::NAN)
            }
        }
    }
}

/// A reading that did not meet the condition of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filtered {
    /// The reading. The number of the input is not always its own: a point is judged when it is complete.
    pub reading: Reading,
    /// The parts of the condition that it failed: a bit each, in their order.
    pub failed: u64,
    /// It went no further.
    pub dropped: bool,
}

/// A reading of a derived channel that somebody named.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The reading, as it was passed on. Its node is the operator that made it.
    pub reading: Reading,
    /// The channel, by its position in [`Plan::said`](crate::plan::Plan::said).
    pub said: u16,
}

/// What one device has of a window of several devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Of which channel of which device.
    pub series: Series,
    /// First moment inside.
    pub start: Time,
    /// First moment after.
    pub end: Time,
    /// The device was first heard after the start.
    pub partial: bool,
    /// Its readings.
    pub tally: Tally,
}

impl Part {
    /// A device has begun to speak: from now on its group waits for it.
    pub fn joined(series: Series, spec: &WindowSpec) -> Part {
        Part { series, start: Time::MIN, end: Time::MIN, partial: false, tally: Tally::new(spec) }
    }

    /// Whether it is no part of a window yet.
    pub fn joins(&self) -> bool {
        self.end == Time::MIN
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Somebody should look.
    Warning,
    /// Somebody must act.
    Critical,
}

impl Severity {
    /// The word in configs and output.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether it is the process that is odd, or the sensor that measures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// What is measured is odd.
    Process,
    /// The sensor, or the way to it, is broken.
    Sensor,
}

impl Class {
    /// The word in output.
    pub fn name(self) -> &'static str {
        match self {
            Class::Process => "process",
            Class::Sensor => "sensor",
        }
    }
}

/// What a detector found: what, where, when, how far from normal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Of which channel of which device; a derived channel where the detector works on aggregates.
    pub series: Series,
    /// When.
    pub time: Time,
    /// The value judged; NaN where there is none (silence).
    pub value: f64,
    /// What would be usual; NaN where nothing is.
    pub expected: f64,
    /// The usual spread around it; NaN where there is none.
    pub spread: f64,
    /// The limit that was crossed, on the scale of the value where the detector knows it.
    pub threshold: f64,
    /// The detector's own measure; NaN for plain limits.
    pub score: f64,
    /// How bad.
    pub severity: Severity,
    /// Process or sensor.
    pub class: Class,
    /// How many anomalies of the same detector, series and time came before this one: 0, but for readings of one time.
    /// Part of the id, so that twins have ids of their own, whatever else the same input decides.
    pub twin: u32,
    /// The trouble stands until its detector says that it is over; otherwise it was of one moment.
    pub stands: bool,
    /// Readings of the series so far, which an alert's warm-up asks for; the largest number where the detector
    /// compares with nothing it has seen before and needs no warm-up.
    pub seen: u32,
}

/// The trouble that a detector reported of a series has ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Over {
    /// Of which series.
    pub series: Series,
    /// When it was seen to be over.
    pub time: Time,
}

/// The life of an alert. Acknowledged and silenced stand beside these, as marks of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Trouble has begun, but has not lasted long enough to tell anyone.
    Pending,
    /// People have been told.
    Firing,
    /// It is over.
    Cleared,
}

impl State {
    /// The word in output.
    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Firing => "firing",
            State::Cleared => "cleared",
        }
    }
}

/// A change in the life of an alert: it fires, gets worse, or clears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule, by its position in the plan.
    pub rule: u16,
    /// Of which series; with the rule and `since` it is the alert's identity.
    pub series: Series,
    /// The detector that gave the first cause, by its position in the plan.
    pub detector: u16,
    /// What it is now.
    pub state: State,
    /// How bad it has been at worst.
    pub severity: Severity,
    /// Time of the first cause.
    pub since: Time,
    /// When this change happened.
    pub time: Time,
    /// How many anomalies it stands for so far.
    pub count: u64,
    /// The worst anomaly so far.
    pub worst: Anomaly,
}

impl Alert {
    /// From the first cause to this change.
    pub fn lasted(&self) -> Span {
        self.time.since(self.since)
    }
}

/// The id of an output: 128 bits of XXH3 over what it says, printed as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub u128);

impl Id {
    /// An id over words and numbers. Words are written with their length, so that no two lists read alike.
    pub fn of(words: &[&str], numbers: &[i64]) -> Id {
        // XXH3 has a short way for up to 240 bytes in one piece, several times as fast; names are seldom longer.
        let mut short = [0u8; 240];
        let size = words.iter().map(|word| 8 + word.len()).sum::<usize>() + 8 * numbers.len();
        let mut long = Vec::new();
        let bytes = if size <= short.len() {
            &mut short[..size]
        } else {
            long.resize(size, 0);
            &mut long[..]
        };
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        for word in words {
            put(&(word.len() as u64).to_le_bytes());
            put(word.as_bytes());
        }
        numbers.iter().for_each(|number| put(&number.to_le_bytes()));
        Id(xxh3_128(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
