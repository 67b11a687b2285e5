//! Compression: which readings of a series are kept, so that those left out can be drawn from them again.
//!
//! What is kept is a derived channel, `slim.temperature`; the channel itself stays as it is. Three ways:
//!
//! * *Swinging door* (Bristol 1990, as historians use it): every reading left out lies within `error` of the straight
//!   line between its kept neighbours. Each reading allows a corridor of slopes from the last kept one; a reading
//!   is left out as soon as the next one lies within the corridor of all between. (Bristol's own test, whether the two
//!   doors still open, only promises that *some* line fits; the line through the kept readings may then be off by up to
//!   twice `error`. Here the slope of the reading itself is tested, so the promise holds for that line.) A reading can
//!   only be judged when the next one is there, so it is kept one step late.
//! * *Dead band*: every reading left out lies within `error` of the last kept one before it.
//! * *Every*: the first of each span of time, aligned to the epoch, or the first of each so many readings. No promise.
//!
//! Cost: a division and a few comparisons a reading, 88 bytes a series.

use crate::plan::{CompressSpec, Keep};
use crate::reading::{Flags, Reading};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// How many readings were kept and left out. In = kept + left out + at most one a series that is not judged yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Readings that went on.
    pub kept: u64,
    /// Readings that did not.
    pub left_out: u64,
}

impl AddAssign for Kept {
    fn add_assign(&mut self, other: Kept) {
        self.kept = self.kept.saturating_add(other.kept);
        self.left_out = self.left_out.saturating_add(other.left_out);
    }
}

impl Kept {
    /// Adds what came between two counts.
    pub fn add(&mut self, before: Kept, after: Kept) {
        // A state that was read back may say anything; counts of it are no reason to stop.
        self.kept = self.kept.saturating_add(after.kept.saturating_sub(before.kept));
        self.left_out = self.left_out.saturating_add(after.left_out.saturating_sub(before.left_out));
    }
}

/// What is known of one series.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Compress {
    count: Kept,
    /// The last reading that was kept.
    last: Option<Point>,
    /// Readings since then; of the swinging door, the one that is not judged yet among them.
    since: u32,
    door: Option<Door>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    time: Time,
    value: f64,
    flags: Flags,
}

/// The newest reading since the last kept one, and the slopes from there that pass all readings since, it among them,
/// within the error. Slopes are per nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Door {
    newest: Point,
    low: f64,
    high: f64,
}

impl Compress {
    /// A reading in its turn. Gives those that are kept, in order of time: this one, or the one before, or both.
    pub fn observe(&mut self, spec: &CompressSpec, reading: &Reading, mut keep: impl FnMut(Reading)) {
        let point = Point { time: reading.time, value: reading.value, flags: reading.flags };
        let Some(last) = self.last else { return self.keep(point, reading, &mut keep) };
        let due = spec.at_least.is_some_and(|longest| point.time.since(last.time) >= longest);
        let keeps = match spec.by {
            Keep::SwingingDoor { error } => return self.swing(spec, error, point, reading, &mut keep),
            Keep::DeadBand { error } => (point.value - last.value).abs() > error,
            Keep::Every(span) => point.time.floor(span, Span::ZERO) != last.time.floor(span, Span::ZERO),
            Keep::First(count) => self.since + 1 >= count,
        };
        if keeps || due { self.keep(point, reading, &mut keep) } else { self.leave_out() }
    }

    /// The input has ended: what was not judged yet is kept, for there is no next one.
    pub fn end(&mut self, like: Reading, mut keep: impl FnMut(Reading)) {
        if let Some(door) = self.door {
            self.keep(door.newest, &like, &mut keep);
        }
    }

    /// How many were kept and left out so far.
    pub fn count(&self) -> Kept {
        self.count
    }

    fn swing(&mut self, spec: &CompressSpec, error: f64, point: Point, like: &Reading, keep: &mut impl FnMut(Reading)) {
        let Some(mut last) = self.last else { return };
        if let Some(door) = self.door {
            let slope = last.slope(point, 0.0);
            if !(door.low <= slope && slope <= door.high) {
                // The line to here would pass one of them too far away; the line to the one before does not.
                self.keep(door.newest, like, keep);
                last = door.newest;
            }
        }
        if point.time == last.time {
            // No line leads from a moment to the same moment.
            let near = (point.value - last.value).abs() <= error;
            return if near { self.leave_out() } else { self.keep(point, like, keep) };
        }
        let (low, high) = self.door.map_or((f64::NEG_INFINITY, f64::INFINITY), |door| (door.low, door.high));
        if self.door.take().is_some() {
            self.leave_out();
        }
        if spec.at_least.is_some_and(|longest| point.time.since(last.time) >= longest) {
            return self.keep(point, like, keep);
        }
        let (low, high) = (low.max(last.slope(point, -error)), high.min(last.slope(point, error)));
        self.door = Some(Door { newest: point, low, high });
    }

    fn keep(&mut self, point: Point, like: &Reading, keep: &mut impl FnMut(Reading)) {
        self.count.kept += 1;
        (self.last, self.since, self.door) = (Some(point), 0, None);
        keep(Reading { time: point.time, value: point.value, flags: point.flags, ..*like });
    }

    fn leave_out(&mut self) {
        self.count.left_out += 1;
        self.since = self.since.saturating_add(1);
    }
}

impl Point {
    /// The slope of the line from here to that point, moved up by `off`.
    fn slope(self, to: Point, off: f64) -> f64 {
        (to.value - self.value + off) / to.time.since(self.time).0 as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Series;
    use proptest::prelude::*;

    /// Readings as (second, value); gives those that are kept, and how many were not.
    fn play(by: Keep, at_least: Option<i64>, readings: &[(i64, f64)]) -> Vec<(i64, f64)> {
        let spec = CompressSpec { by, at_least: at_least.map(Span) };
        let (mut state, mut kept) = (Compress::default(), Vec::new());
        for &(time, value) in readings {
            let reading = Reading::new(Series(0), Time(time), value);
            state.observe(&spec, &reading, |kept_one| kept.push((kept_one.time.0, kept_one.value)));
            let count = state.count();
            assert_eq!(count.kept as usize, kept.len());
        }
        state.end(Reading::new(Series(0), Time(0), 0.0), |kept_one| kept.push((kept_one.time.0, kept_one.value)));
        let count = state.count();
        assert_eq!((count.kept as usize, (count.kept + count.left_out) as usize), (kept.len(), readings.len()));
        kept
    }

    #[test]
    fn a_straight_line_is_its_ends_and_a_corner_is_kept() {
        let up: Vec<(i64, f64)> =
            (0..=5).map(|i| (i, i as f64)).chain((6..=10).map(|i| (i, 10.0 - i as f64))).collect();
        assert_eq!(play(Keep::SwingingDoor { error: 0.1 }, None, &up), [(0, 0.0), (5, 5.0), (10, 0.0)]);
    }

    #[test]
    fn the_line_between_kept_readings_passes_all_others_within_the_error() {
        // From 0 the doors still open at 3 (slopes from 0.5 to 0.56 pass all), but the line to 3 would leave 1 out by 0.6.
        let readings = [(0, 0.0), (1, 1.0), (2, 1.0), (3, 1.2), (4, 1.4)];
        assert_eq!(play(Keep::SwingingDoor { error: 0.5 }, None, &readings), [(0, 0.0), (2, 1.0), (4, 1.4)]);
    }

    #[test]
    fn a_dead_band_keeps_what_leaves_it() {
        let readings = [(0, 20.0), (1, 20.5), (2, 20.6), (3, 20.2), (4, 19.9)];
        assert_eq!(play(Keep::DeadBand { error: 0.5 }, None, &readings), [(0, 20.0), (2, 20.6), (4, 19.9)]);
    }

    #[test]
    fn the_first_of_each_span_or_of_so_many_is_kept() {
        let readings: Vec<(i64, f64)> = [1, 9, 10, 14, 30, 31].map(|time| (time, time as f64)).to_vec();
        let times = |by, at_least| play(by, at_least, &readings).iter().map(|r| r.0).collect::<Vec<_>>();
        assert_eq!(times(Keep::Every(Span(10)), None), [1, 10, 30]);
        assert_eq!(times(Keep::First(2), None), [1, 10, 30]);
        assert_eq!(times(Keep::First(9), Some(9)), [1, 10, 30]);
    }

    #[test]
    fn at_least_keeps_a_reading_now_and_then() {
        let flat: Vec<(i64, f64)> = (0..10).map(|i| (i, 1.0)).collect();
        assert_eq!(play(Keep::SwingingDoor { error: 0.1 }, Some(4), &flat), [(0, 1.0), (4, 1.0), (8, 1.0), (9, 1.0)]);
        assert_eq!(play(Keep::DeadBand { error: 0.1 }, Some(4), &flat), [(0, 1.0), (4, 1.0), (8, 1.0)]);
    }

    /// How far a reading is from the line between its kept neighbours, or from a kept one of the same moment.
    fn off_the_line(kept: &[(i64, f64)], (time, value): (i64, f64)) -> f64 {
        let at_once = kept.iter().filter(|k| k.0 == time).map(|k| (k.1 - value).abs());
        let lines = kept.windows(2).filter(|pair| pair[0].0 < time && time < pair[1].0).map(|pair| {
            let ((t0, v0), (t1, v1)) = (pair[0], pair[1]);
            (v0 + (v1 - v0) * ((time - t0) as f64 / (t1 - t0) as f64) - value).abs()
        });
        at_once.chain(lines).fold(f64::INFINITY, f64::min)
    }

    fn readings() -> impl Strategy<Value = Vec<(i64, f64)>> {
        let gap = prop_oneof![1 => Just(0i64), 8 => 1i64..5, 2 => 1i64..1_000_000_000_000];
        let value =
            prop_oneof![4 => (0i32..20).prop_map(|v| f64::from(v) * 0.25), 3 => -50f64..50.0, 1 => -1e9f64..1e9];
        prop::collection::vec((gap, value), 1..200).prop_map(|all| {
            let mut time = 1_700_000_000_000_000_000;
            all.into_iter()
                .map(|(gap, value)| {
                    time += gap;
                    (time, value)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn interpolation_between_kept_readings_is_within_the_error_at_every_reading(
            readings in readings(), error in prop_oneof![Just(0.0), 0f64..10.0], at_least in prop::option::of(1i64..100),
        ) {
            let kept = play(Keep::SwingingDoor { error }, at_least, &readings);
            let rounding = 1e-12 * readings.iter().fold(1.0f64, |most, r| most.max(r.1.abs()));
            for &reading in &readings {
                let off = off_the_line(&kept, reading);
                prop_assert!(off <= error + rounding, "{reading:?} is {off} off, not {error}: {kept:?}");
            }
        }

        #[test]
        fn a_dead_band_leaves_out_only_what_is_within_the_error_of_the_last_kept_one(
            readings in readings(), error in 0f64..10.0, at_least in prop::option::of(1i64..100),
        ) {
            let kept = play(Keep::DeadBand { error }, at_least, &readings);
            for (at, &(time, value)) in readings.iter().enumerate() {
                let known = kept.iter().rfind(|k| k.0 < time);
                let near = known.is_some_and(|k| (k.1 - value).abs() <= error);
                // Readings of one moment: any of them may be the last one.
                let at_once = kept.iter().any(|k| k.0 == time && (k.1 - value).abs() <= error);
                prop_assert!(near || at_once, "reading {at} is lost");
            }
        }

        /// Whatever the way, no two readings that follow each other are apart longer than they must be.
        #[test]
        fn a_reading_is_kept_at_least_so_often(
            readings in readings(), at_least in 1i64..100,
            by in prop_oneof![Just(Keep::SwingingDoor { error: 5.0 }), Just(Keep::DeadBand { error: 5.0 }), Just(Keep::First(50))],
        ) {
            let kept = play(by, Some(at_least), &readings);
            for pair in kept.windows(2) {
                let last_between = readings.iter().rfind(|r| pair[0].0 < r.0 && r.0 < pair[1].0);
                prop_assert!(last_between.is_none_or(|r| r.0 - pair[0].0 < at_least), "{pair:?}");
            }
        }
    }
}
