//! Tiers: readings summed up in buckets of 10 s, 1 min and 10 min, so that a long range never scans raw readings.
//!
//! A bucket is made of good readings only; late ones are among them, as a page that looks back wants what has come by
//! now. Each roll writes the buckets of its own readings, all of them, so that a tier is always a sum over exactly the
//! readings that are in files, and a kill can count none twice. A bucket across two rolls has a part in each; readers
//! add parts up. What no file holds yet is summed up when somebody asks.

use crate::points::{Point, moment};
use ouzel_engine::reading::Quality;
use ouzel_engine::time::{Span, Time};

/// How long the buckets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// 10 s
    TenSeconds,
    /// 1 min
    Minute,
    /// 10 min
    TenMinutes,
}

impl Tier {
    /// All of them, short ones first.
    pub const ALL: [Tier; 3] = [Tier::TenSeconds, Tier::Minute, Tier::TenMinutes];

    /// From the start of a bucket to the next one; starts are multiples of it since the epoch.
    pub fn width(self) -> Span {
        match self {
            Tier::TenSeconds => Span::from_secs(10),
            Tier::Minute => Span::from_secs(60),
            Tier::TenMinutes => Span::from_secs(600),
        }
    }

    /// The word on the wire: `10s`, `1m`, `10m`.
    pub fn name(self) -> &'static str {
        match self {
            Tier::TenSeconds => "10s",
            Tier::Minute => "1m",
            Tier::TenMinutes => "10m",
        }
    }

    /// The coarsest tier that still has two buckets or more a column of this width; `None` where that takes readings.
    pub fn for_columns(width: Span) -> Option<Tier> {
        Tier::ALL.into_iter().rev().find(|tier| tier.width().0 <= width.0 / 2)
    }

    /// The start of the bucket of a moment, both in microseconds.
    pub(crate) fn floor(self, micros: i64) -> i64 {
        micros.saturating_sub(micros.rem_euclid(self.width().0 / 1_000))
    }
}

/// The good readings of a series in `[start, start + width)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// First moment inside.
    pub start: Time,
    /// How many; at least 1.
    pub count: u64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// The value of the earliest reading. Where a bucket has parts in several files it is that of the first part:
    /// the part of the readings that came first.
    pub first: f64,
    /// The value of the latest reading; of the last part, where it has parts.
    pub last: f64,
}

impl Bucket {
    fn of(start: i64, value: f64) -> Bucket {
        Bucket { start: moment(start), count: 1, min: value, max: value, mean: value, first: value, last: value }
    }

    /// Takes in the next reading of its time.
    fn fold(&mut self, value: f64) {
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        // Divided before it is subtracted: the largest doubles may stand on both sides.
        self.mean += value / self.count as f64 - self.mean / self.count as f64;
        self.last = value;
    }

    /// Takes in a part of the same bucket that came later.
    fn join(&mut self, part: &Bucket) {
        let count = self.count + part.count;
        let share = part.count as f64 / count as f64;
        self.mean += part.mean * share - self.mean * share;
        self.count = count;
        self.min = self.min.min(part.min);
        self.max = self.max.max(part.max);
        self.last = part.last;
    }
}

/// Takes a later bucket into an earlier one.
pub(crate) fn join_into(bucket: &mut Bucket, later: &Bucket) {
    bucket.join(later);
}

/// The buckets of points in order of time.
pub(crate) fn buckets<'p>(tier: Tier, points: impl Iterator<Item = &'p Point>) -> Vec<Bucket> {
    let width = tier.width().0 / 1_000;
    let mut buckets: Vec<Bucket> = Vec::new();
    // The end of the last bucket, so that the division is done once a bucket.
    let mut end = i64::MIN;
    for point in points.filter(|point| point.mark.quality() == Quality::Good) {
        match buckets.last_mut() {
            Some(bucket) if point.time < end => bucket.fold(point.value),
            _ => {
                let start = tier.floor(point.time);
                end = start.saturating_add(width);
                buckets.push(Bucket::of(start, point.value));
            }
        }
    }
    buckets
}

/// Parts of buckets, those that came first standing first among equals: whole buckets in order of time.
pub(crate) fn join(mut parts: Vec<Bucket>) -> Vec<Bucket> {
    parts.sort_by_key(|part| part.start);
    let mut whole: Vec<Bucket> = Vec::with_capacity(parts.len());
    for part in &parts {
        match whole.last_mut() {
            Some(bucket) if bucket.start == part.start => bucket.join(part),
            _ => whole.push(*part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::Mark;
    use proptest::prelude::*;

    fn point(millis: i64, value: f64) -> Point {
        Point { time: millis * 1_000, seq: 0, value, mark: Mark::default() }
    }

    #[test]
    fn a_bucket_says_what_its_good_readings_were() {
        let bad = Point { mark: Mark::new(Quality::OutOfRange, false), ..point(5_000, 999.0) };
        let points = [point(0, 2.0), point(4_000, -1.0), bad, point(9_999, 5.0), point(10_000, 7.0), point(-1, 3.0)];
        let mut sorted = points;
        sorted.sort_by_key(|point| point.time);
        let buckets = buckets(Tier::TenSeconds, sorted.iter());
        let whole = Bucket { start: Time(0), count: 3, min: -1.0, max: 5.0, mean: 2.0, first: 2.0, last: 5.0 };
        assert_eq!(buckets.len(), 3);
        assert_eq!(buckets[0], Bucket::of(-10_000_000, 3.0));
        assert_eq!(buckets[1], whole);
        assert_eq!(buckets[2], Bucket::of(10_000_000, 7.0));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            values in proptest::collection::vec(-1e6f64..1e6, 1..200),
            cut in 0usize..200,
            step in 1i64..20_000,
        ) {
            let points: Vec<Point> =
                values.iter().enumerate().map(|(i, &value)| point(i as i64 * step, value)).collect();
            let cut = cut.min(points.len());
            for tier in Tier::ALL {
                let whole = buckets(tier, points.iter());
                let parts = [buckets(tier, points[..cut].iter()), buckets(tier, points[cut..].iter())].concat();
                let joined = join(parts);
                prop_assert_eq!(joined.len(), whole.len());
                for (joined, whole) in joined.iter().zip(&whole) {
                    prop_assert!((joined.mean - whole.mean).abs() < 1e-6);
                    prop_assert_eq!(Bucket { mean: 0.0, ..*joined }, Bucket { mean: 0.0, ..*whole });
                }
            }
        }
    }
}
