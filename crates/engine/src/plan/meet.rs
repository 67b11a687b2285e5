//! What is made of readings that meet: `[feature.NAME]` with `per`, and `[join.NAME]` of streams.

use super::Per;
use crate::time::Span;
use serde::{Deserialize, Serialize};

/// What the newest values of the devices of a group say together, each time that one of them speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmongSpec {
    /// The groups.
    pub per: Per,
    /// What it gives, in the order of the config.
    pub give: Vec<AmongGiven>,
    /// A device whose newest value is older than this takes no part.
    pub fresh: Span,
    /// Devices that must take part before anything is said; at least 1.
    pub min: u32,
    /// See [`IDLE`].
    pub idle: Span,
}

/// A statistic of a group with the word for it in channel names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmongGiven {
    /// `median`, `share_open`.
    pub name: String,
    /// What it is.
    pub what: Among,
}

/// A statistic of the newest values of a group's devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Among {
    /// How many devices take part.
    Count,
    /// Sum of their values.
    Sum,
    /// Arithmetic mean.
    Mean,
    /// Population standard deviation.
    Std,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Largest minus smallest value.
    Range,
    /// A quantile in hundred-thousandths, as of windows: 50 000 is the median.
    Quantile(u32),
    /// How many have a value other than 0.
    CountTrue,
    /// Share of them that have, 0 to 1.
    ShareTrue,
    /// How many have this value, a state.
    CountOf(u16),
    /// Share of them that have, 0 to 1.
    ShareOf(u16),
    /// Of each reading: its value minus the median of the group, itself included. The others are of the group.
    Residual,
}

impl Among {
    /// Whether it is said of the device that spoke, and not of the group.
    pub fn is_of_device(self) -> bool {
        self == Among::Residual
    }
}

/// Readings of one channel with their partners of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JoinSpec {
    /// Whose readings meet: of each device, or of the devices of a group.
    pub per: Per,
    /// The channel of the partners.
    pub with: String,
    /// The device of the partners; none: any device of the group.
    pub of: Option<String>,
    /// Which readings are partners.
    pub how: How,
    /// How far apart partners may be, this far included.
    pub tolerance: Span,
    /// What it gives, in the order of the config.
    pub give: Vec<Paired>,
    /// See [`IDLE`].
    pub idle: Span,
}

/// Which readings are partners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// The newest that is not newer.
    AsOf,
    /// The nearest in time, before or after; of two that are as near the earlier one.
    Nearest,
    /// All.
    Interval,
}

/// What is said of a reading and its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Paired {
    /// The partner's value.
    Value,
    /// How much older the partner is, in seconds; negative if it is newer.
    Age,
    /// The reading's value minus the partner's.
    Difference,
    /// The reading's value divided by the partner's; none where that is 0.
    Ratio,
}

impl Paired {
    /// All, in the order of the manual.
    pub const ALL: [Paired; 4] = [Paired::Value, Paired::Age, Paired::Difference, Paired::Ratio];

    /// The word in configs and channel names.
    pub fn name(self) -> &'static str {
        match self {
            Paired::Value => "value",
            Paired::Age => "age",
            Paired::Difference => "difference",
            Paired::Ratio => "ratio",
        }
    }
}

/// A device that has been silent for so long, by the stream's clock, holds its groups back no longer, unless the config says otherwise.
pub const IDLE: Span = Span::from_secs(10);
