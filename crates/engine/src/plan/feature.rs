//! What a `[feature.NAME]` section compiles to: parts, each with what it keeps of a series and what it gives of that.
//!
//! A part is what shares its state: one past with all statistics of it, all lags together, one half-life. What is given
//! is known by its place: the statistics of the first part, then those of the second, and so on.

use super::{ClockSpec, DailySpec, Past, SpectrumSpec};
use serde::{Deserialize, Serialize};

/// Features of a series: new numbers beside each reading, of that reading and those before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureSpec {
    /// What shares its state.
    pub parts: Vec<FeaturePart>,
}

/// Features that share their state, with the words for them in channel names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeaturePart {
    /// One for each that its work gives, in that order: `mean_10`.
    pub names: Vec<String>,
    /// What it keeps, and gives.
    pub work: PartSpec,
}

/// The kinds of parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PartSpec {
    /// Statistics over a past that slides.
    Rolling(RollingSpec),
    /// Values of readings before.
    Steps(StepsSpec),
    /// Statistics in which a reading counts half as much a half-life later.
    Decay(DecaySpec),
    /// Hours and weekdays as points of a circle.
    Clock(ClockSpec),
    /// What is usual at this time of day.
    Daily(DailySpec),
    /// Bands of vibration.
    Spectrum(SpectrumSpec),
}

/// Statistics over a past that slides: the last readings, the newest one included, or those of `(t − span, t]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollingSpec {
    /// How far back.
    pub past: Past,
    /// Readings in the past before it speaks; `None`: as soon as the past is full, by time once the series was first heard
    /// at least so long ago.
    pub min: Option<u32>,
    /// What it gives.
    pub give: Vec<Rolled>,
}

/// What is said of a past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rolled {
    /// How many readings.
    Count,
    /// Their sum.
    Sum,
    /// Arithmetic mean.
    Mean,
    /// Population standard deviation.
    Std,
    /// Sample standard deviation (divided by n − 1); none of a single value.
    StdSample,
    /// Population variance.
    Variance,
    /// Sample variance (divided by n − 1); none of a single value.
    VarianceSample,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Largest minus smallest value.
    Range,
    /// A quantile, in hundred-thousandths, as windows give it. By time it is of up to 4 096 readings of the past.
    Quantile(u32),
    /// Root of the mean of squares.
    Rms,
    /// Crest factor: the largest absolute value over the root of the mean of squares; none where all values are 0.
    Crest,
}

impl Rolled {
    /// All that have one name, in the order of the manual; beside them `median`, `p95`.
    pub const NAMED: [(&'static str, Rolled); 12] = [
        ("count", Rolled::Count),
        ("sum", Rolled::Sum),
        ("mean", Rolled::Mean),
        ("std", Rolled::Std),
        ("std_sample", Rolled::StdSample),
        ("variance", Rolled::Variance),
        ("variance_sample", Rolled::VarianceSample),
        ("min", Rolled::Min),
        ("max", Rolled::Max),
        ("range", Rolled::Range),
        ("rms", Rolled::Rms),
        ("crest", Rolled::Crest),
    ];
}

/// Values of readings before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepsSpec {
    /// What it gives.
    pub give: Vec<Stepped>,
}

impl StepsSpec {
    /// How many readings back the furthest of them is; at least 1.
    pub fn furthest(&self) -> u32 {
        let back = |what: &Stepped| if let Stepped::Lag(back) = what { *back } else { 1 };
        self.give.iter().map(back).fold(1, u32::max)
    }
}

/// What is said of a reading and one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stepped {
    /// The value so many readings ago; at least 1.
    Lag(u32),
    /// How much more than the reading before.
    Difference,
    /// The same for a second between them; none where both have one time.
    Rate,
}

/// Statistics in which a reading counts half as much a half-life later: weights 0.5^(age / half-life), divided by their sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecaySpec {
    /// So many readings, or so long.
    pub half_life: Past,
    /// Readings before it speaks; `None`: once as many readings as the half-life has, or as much time, have come by.
    pub min: Option<u32>,
    /// What it gives.
    pub give: Vec<Decayed>,
}

/// What is said with weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decayed {
    /// Mean.
    Mean,
    /// Standard deviation: the root of the variance.
    Std,
    /// Variance: the weighted mean of the squared distances from the weighted mean.
    Variance,
}

impl FeatureSpec {
    /// The word for each feature, by its place.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| &part.names).map(String::as_str)
    }
}
