//! Readings of one series as columns: what the lake keeps, and what it answers.
//!
//! Times in the lake are microseconds: nanoseconds are cut towards the past, on the way in, so that a reading looks
//! the same before and after it went into a file.

use ouzel_engine::time::Time;

pub use ouzel_engine::reading::Quality;

/// What is to be known of a value beside the value: its quality, and whether it came late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) u8);

impl Mark {
    const LATE: u8 = 4;

    pub(crate) fn new(quality: Quality, late: bool) -> Mark {
        Mark(quality as u8 | if late { Mark::LATE } else { 0 })
    }

    pub(crate) fn quality(self) -> Quality {
        match self.0 & 3 {
            0 => Quality::Good,
            1 => Quality::OutOfRange,
            _ => Quality::Flagged,
        }
    }

    pub(crate) fn late(self) -> bool {
        self.0 & Mark::LATE != 0
    }
}

/// The word in files and on the wire.
pub fn quality_name(quality: Quality) -> &'static str {
    match quality {
        Quality::Good => "good",
        Quality::OutOfRange => "out_of_range",
        Quality::Flagged => "flagged",
    }
}

/// The opposite of [`quality_name`]; a word of a later version counts as flagged.
#[cfg(feature = "parquet")]
pub(crate) fn quality_of(name: &str) -> Quality {
    match name {
        "good" => Quality::Good,
        "out_of_range" => Quality::OutOfRange,
        _ => Quality::Flagged,
    }
}

/// One reading of a known series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Microseconds since 1970.
    pub(crate) time: i64,
    pub(crate) seq: u64,
    pub(crate) value: f64,
    pub(crate) mark: Mark,
}

/// A moment in whole microseconds, cut towards the past.
pub(crate) fn micros(time: Time) -> i64 {
    time.0.div_euclid(1_000)
}

/// The moment of a number of microseconds; saturates.
pub(crate) fn moment(micros: i64) -> Time {
    Time(micros.saturating_mul(1_000))
}

/// A stretch of time `[from, to)` in microseconds. A moment between two microseconds counts from the next one on, as
/// the times of readings are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Stretch {
    pub(crate) fn new(from: Time, to: Time) -> Stretch {
        // Time::MAX stands for no end at all.
        let to = if to == Time::MAX { i64::MAX } else { micros(to) };
        Stretch { from: micros(from), to }
    }

    pub(crate) fn has(self, time: i64) -> bool {
        self.from <= time && time < self.to
    }

    /// Whether anything from `first` to `last`, both included, may be inside.
    pub(crate) fn meets(self, first: i64, last: i64) -> bool {
        first < self.to && self.from <= last
    }
}

/// Readings of one series in order of time; all columns have the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// When, cut to microseconds.
    pub time: Vec<Time>,
    /// What was measured.
    pub value: Vec<f64>,
    /// Numbers in the stream.
    pub seq: Vec<u64>,
    /// Whether the value may be trusted.
    pub quality: Vec<Quality>,
    /// Whether it came after its device's watermark.
    pub late: Vec<bool>,
    /// There were more than asked for; these are the first of them.
    pub more: bool,
}

impl Points {
    /// How many.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Sorts, removes what is there twice, and keeps the first `limit`.
    pub(crate) fn of(mut all: Vec<Point>, limit: usize) -> Points {
        all.sort_by_key(|point| (point.time, point.seq));
        all.dedup_by_key(|point| point.seq);
        let more = all.len() > limit;
        all.truncate(limit);
        Points {
            time: all.iter().map(|point| moment(point.time)).collect(),
            value: all.iter().map(|point| point.value).collect(),
            seq: all.iter().map(|point| point.seq).collect(),
            quality: all.iter().map(|point| point.mark.quality()).collect(),
            late: all.iter().map(|point| point.mark.late()).collect(),
            more,
        }
    }
}
