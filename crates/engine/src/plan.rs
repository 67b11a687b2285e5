//! What a config compiles to: channel facts, one flat list of operators in topological order, and the alerts.
//!
//! Plain data. Names are resolved when a series is declared: an operator takes every series whose channel it names.
//! An operator's *definition* is its section without its place in the list, so that state saved under one config
//! finds its operator under the next one if that operator did not change.

use crate::time::Span;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Everything the engine needs to know of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Facts about channels; a channel that is not listed has none.
    pub channels: Vec<ChannelFacts>,
    /// The operators; each may only name channels of readings or of operators before it.
    pub operators: Vec<Operator>,
    /// What people are told about.
    pub alerts: Vec<AlertRule>,
}

/// What is known of a channel: a `[channel.NAME]` section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelFacts {
    /// The channel.
    pub name: String,
    /// Unit of its values, for people.
    pub unit: String,
    /// Plausible range, both ends included. A value outside is a sensor fault.
    pub range: Option<(f64, f64)>,
    /// Expected time between readings.
    pub every: Option<Span>,
    /// Smallest step of its values.
    pub resolution: Option<f64>,
    /// Names of states, where values are numbers of states: `["off", "on"]`.
    pub states: Vec<String>,
}

/// One node of the list: a filter, a window or a detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operator {
    /// The name of its section: `spike` for `[detector.spike]`.
    pub name: String,
    /// The channels it takes: of readings (`temperature`) or derived (`minute.temperature.mean`).
    pub on: Vec<String>,
    /// What it does.
    pub work: Work,
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// `[window.NAME]`
    Window(WindowSpec),
    /// `type = "threshold"`
    Threshold(Limits),
    /// `type = "zscore"`
    ZScore(ZScoreSpec, Limits),
    /// `type = "flatline"`
    Flatline(FlatlineSpec, Limits),
    /// `type = "missing"`: a device's channel fell silent
    Silence(SilenceSpec, Limits),
    /// `type = "missing"`: too few of the expected readings came
    MissingRate(MissingRateSpec, Limits),
    /// `type = "missing"`: readings outside the channel's plausible range
    RangeFault(Limits),
    /// `[filter.NAME]` with `type = "compress"`
    Compress(CompressSpec),
}

/// A window over time: tumbling where `every` equals `size`, else hopping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowSpec {
    /// Length; `[start, start + size)`.
    pub size: Span,
    /// From one start to the next; starts are multiples of it since the epoch. Not longer than `size`.
    pub every: Span,
    /// The statistics to give, in the order asked for.
    pub give: Vec<Statistic>,
}

/// Which readings of a series are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompressSpec {
    /// The way of choosing.
    pub by: Keep,
    /// A reading that comes this long after the last kept one, or later, is kept whatever it says.
    pub at_least: Option<Span>,
}

/// The ways of choosing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Keep {
    /// What is left out lies within `error` of the line between its kept neighbours.
    SwingingDoor {
        /// In the channel's unit.
        error: f64,
    },
    /// What is left out lies within `error` of the last kept reading.
    DeadBand {
        /// In the channel's unit.
        error: f64,
    },
    /// The first reading of each span, aligned to the epoch.
    Every(Span),
    /// The first of each so many readings; at least 1.
    First(u32),
}

/// What a window says of its readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Statistic {
    /// How many good readings.
    Count,
    /// Arithmetic mean.
    Mean,
    /// Population standard deviation.
    Std,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
}

impl Statistic {
    /// All of them, in the order of the manual.
    pub const ALL: [Statistic; 5] = [Statistic::Count, Statistic::Mean, Statistic::Std, Statistic::Min, Statistic::Max];

    /// The word in configs, channel names and output.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::Count => "count",
            Statistic::Mean => "mean",
            Statistic::Std => "std",
            Statistic::Min => "min",
            Statistic::Max => "max",
        }
    }
}

/// How far back a rolling statistic looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Past {
    /// This many readings.
    Count(u32),
    /// This long.
    Span(Span),
}

/// Distance from the mean of the past, in standard deviations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZScoreSpec {
    /// How far back.
    pub past: Past,
    /// Readings before it speaks. Default 20.
    pub min: u32,
    /// The spread is taken to be at least this, in the channel's unit. Default 0.
    pub floor: f64,
    /// Whether the judged reading is part of its own past (the form of the lab, which caps the score at
    /// √(n − 1)). Default false.
    pub include: bool,
}

/// A value that stays within `spread` for too long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlatlineSpec {
    /// Stuck for this many readings, or for this long.
    pub past: Past,
    /// Largest minus smallest value of a stuck stretch, in the channel's unit. Default: the channel's resolution, or 0.
    pub spread: f64,
}

/// No reading for longer than `after`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SilenceSpec {
    /// The longest allowed gap; a gap exactly as long is not silence.
    pub after: Span,
}

/// Fewer readings than expected in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissingRateSpec {
    /// Length of a stretch; stretches are aligned to the epoch.
    pub past: Span,
    /// Expected time between readings.
    pub every: Span,
}

/// From a score to a verdict: two levels, two sides, hysteresis and hold. Comparisons are strict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Limits on the high side.
    pub above: Levels,
    /// Limits on the low side, as values of the score (for a z-score: negative numbers).
    pub below: Levels,
    /// A verdict ends when the score is this far back inside its limit. Default 0: at the limit.
    pub hysteresis: f64,
    /// The score must stay past its limit this long. Default 0: at once.
    pub hold: Span,
    /// What kind of trouble it is, in the user's word or the detector's own (`spike`, `flatline`).
    pub kind: String,
}

/// One side's limits. A missing level never fires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// Past this it is a warning.
    pub warning: Option<f64>,
    /// Past this it is critical.
    pub critical: Option<f64>,
}

/// An `[alert.NAME]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRule {
    /// Its name.
    pub name: String,
    /// Names of the detectors it listens to.
    pub on: Vec<String>,
    /// Severity, where it is not the anomaly's own.
    pub severity: Option<crate::output::Severity>,
    /// The trouble must last this long before anyone is told. Default 0.
    pub hold: Span,
    /// Quiet for this long means it is over. Default 5 minutes.
    pub clear: Span,
    /// Readings of a series before its trouble counts. Default 30.
    pub warm_up: u32,
    /// What to tell, with `{device}`, `{channel}`, `{value}` and so on in braces; empty: the anomaly's own message.
    pub say: String,
    /// Names of the sinks to send it to.
    pub send: Vec<String>,
}

impl Operator {
    /// A number for what this operator is: equal definitions have equal hashes on every machine.
    pub fn definition(&self) -> u64 {
        xxh3_64(&postcard::to_allocvec(self).expect("plain data always encodes"))
    }

    /// The channels this operator makes, for one channel it takes: `minute.temperature.mean`.
    pub fn derived(&self, channel: &str) -> Vec<String> {
        match &self.work {
            Work::Window(spec) => spec.give.iter().map(|s| format!("{}.{channel}.{}", self.name, s.name())).collect(),
            Work::Compress(_) => vec![format!("{}.{channel}", self.name)],
            _ => Vec::new(),
        }
    }
}
