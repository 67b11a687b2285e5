//! The seam to what is at rest: the lake and what no file holds yet.
//!
//! Calls block (files are read), so the server makes them on threads for blocking work, a few at a time. Names, not
//! numbers, say what is meant: numbers of series differ from one start to the next.

use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_engine::reading::Quality;
use ouzel_engine::time::{Span, Time};

/// What can be asked of the past. Ranges are half-open, `from <= time < to`.
pub trait History: Send + Sync + 'static {
    /// One series for a chart: at most four points a column, pinned moments kept, gaps marked.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn series(&self, ask: &SeriesAsk<'_>) -> Result<SeriesColumns, Fault>;

    /// All good readings of a series, earliest first; at most `limit`.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn points(&self, device: &str, channel: &str, range: (Time, Time), limit: usize)
    -> Result<Vec<(Time, f64)>, Fault>;

    /// Readings, latest first.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn readings(&self, ask: &RowsAsk<'_>) -> Result<Vec<ReadingRow>, Fault>;

    /// Aggregates or anomalies as JSON objects (what `encode::ndjson` writes, without the line's end), latest first.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn rows(&self, noun: Noun, ask: &RowsAsk<'_>) -> Result<Vec<String>, Fault>;
}

/// What a chart asks.
#[derive(Clone, Copy, Debug)]
pub struct SeriesAsk<'a> {
    /// Of which device.
    pub device: &'a str,
    /// Of which channel.
    pub channel: &'a str,
    /// From here.
    pub from: Time,
    /// To here.
    pub to: Time,
    /// From readings, or from sums of them.
    pub tier: Tier,
    /// How many pixels wide the chart is.
    pub px: usize,
    /// Readings at these moments must be in the answer; ascending.
    pub pins: &'a [Time],
    /// Where readings are further apart than this, something is missing between them.
    pub gap: Span,
}

/// What a chart gets: columns of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesColumns {
    /// When, in microseconds since 1970; ascending.
    pub time: Vec<i64>,
    /// The reading, or the mean of a tier's stretch; NaN where a gap is.
    pub value: Vec<f64>,
    /// Smallest and largest reading of each stretch; with tiers only.
    pub extremes: Option<(Vec<f64>, Vec<f64>)>,
}

/// How fine the past is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Every reading.
    Raw,
    /// Stretches of 10 s.
    TenSeconds,
    /// Stretches of a minute.
    Minute,
    /// Stretches of ten minutes.
    TenMinutes,
}

impl Tier {
    /// The coarsest tier that still has two stretches for each pixel.
    pub fn fitting(range: Span, px: usize) -> Tier {
        let column = range.0 / i64::try_from(px.max(1)).unwrap_or(i64::MAX);
        let fits = |tier: &Tier| tier.width().0 <= column / 2;
        [Tier::TenMinutes, Tier::Minute, Tier::TenSeconds].into_iter().find(fits).unwrap_or(Tier::Raw)
    }

    /// How long a stretch is; nothing for readings.
    pub fn width(self) -> Span {
        Span::from_secs(match self {
            Tier::Raw => 0,
            Tier::TenSeconds => 10,
            Tier::Minute => 60,
            Tier::TenMinutes => 600,
        })
    }

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Raw => "raw",
            Tier::TenSeconds => "10s",
            Tier::Minute => "1m",
            Tier::TenMinutes => "10m",
        }
    }
}

/// Rows of a range. An empty list of names means all.
#[derive(Clone, Copy, Debug)]
pub struct RowsAsk<'a> {
    /// Of these devices.
    pub devices: &'a [String],
    /// Of these channels.
    pub channels: &'a [String],
    /// From here.
    pub from: Time,
    /// To here.
    pub to: Time,
    /// The latest so many.
    pub limit: usize,
}

/// A reading as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadingRow {
    /// Its number in the journal.
    pub seq: u64,
    /// Of which device.
    pub device: String,
    /// Of which channel.
    pub channel: String,
    /// When it was measured.
    pub time: Time,
    /// What was measured.
    pub value: f64,
    /// Whether it may be trusted.
    pub quality: Quality,
    /// Whether it came after its device's watermark.
    pub late: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_range_is_told_by_the_coarsest_tier_that_fills_its_pixels() {
        let hours = |hours: i64| Span::from_secs(hours * 3600);
        for (range, px, tier) in [
            (Span::from_secs(900), 1480, Tier::Raw),
            (hours(6), 1480, Tier::Raw),
            (hours(24), 1480, Tier::TenSeconds),
            (hours(24 * 7), 1480, Tier::Minute),
            (hours(24 * 30), 1480, Tier::TenMinutes),
            (hours(1), 0, Tier::TenMinutes),
        ] {
            assert_eq!(Tier::fitting(range, px), tier, "{range} on {px}");
        }
    }
}
