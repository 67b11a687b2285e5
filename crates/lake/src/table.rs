//! The tables of a lake. Each is a folder with a folder a date: `readings/date=2026-01-01/`.

use crate::tier::Tier;
use ouzel_connect::sink::Noun;

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Every reading, the bad and the late ones, too.
    Readings,
    /// Good readings summed up in buckets.
    Tier(Tier),
    /// What windows said.
    Aggregates,
    /// What detectors said.
    Anomalies,
    /// Every change of every alert.
    Alerts,
    /// Readings that did not meet the condition of a filter.
    Filtered,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 8] = [
        Table::Readings,
        Table::Tier(Tier::TenSeconds),
        Table::Tier(Tier::Minute),
        Table::Tier(Tier::TenMinutes),
        Table::Aggregates,
        Table::Anomalies,
        Table::Alerts,
        Table::Filtered,
    ];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Table::Readings => "readings",
            Table::Tier(Tier::TenSeconds) => "tier_10s",
            Table::Tier(Tier::Minute) => "tier_1m",
            Table::Tier(Tier::TenMinutes) => "tier_10m",
            Table::Aggregates => "aggregates",
            Table::Anomalies => "anomalies",
            Table::Alerts => "alerts",
            Table::Filtered => "filtered",
        }
    }

    /// The table that keeps a noun; late and rejected input, and readings of derived channels, have none of its own.
    pub fn of(noun: Noun) -> Option<Table> {
        match noun {
            Noun::Aggregates => Some(Table::Aggregates),
            Noun::Anomalies => Some(Table::Anomalies),
            Noun::Alerts => Some(Table::Alerts),
            Noun::Filtered => Some(Table::Filtered),
            Noun::Late | Noun::Readings | Noun::Rejected => None,
        }
    }
}
