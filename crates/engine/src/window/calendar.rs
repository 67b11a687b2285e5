//! The calendar's windows: hours, days, weeks, months and years as the clocks of a zone show them.
//!
//! Clocks are turned, so local times repeat or are missing. An edge is the moment in UTC at which the local clock first
//! shows its boundary or anything after it: where a boundary is skipped, the moment of the turn; where it repeats, the
//! first time. Written as B(k) = inf { t : local(t) ≥ k }, it grows with k whatever the turns are, so windows never
//! overlap and leave no gap; a day has 23, 24 or 25 hours, the hour that is shown twice has two, and a day that a zone
//! skips (Apia, 30 December 2011) has no window. The window of a moment is found by the latest local time shown up to it:
//! B(k) ≤ t exactly where that is ≥ k. Dates are Howard Hinnant's arithmetic; after the last turn its offset goes on.

use crate::plan::{Step, Zone};
use crate::time::{Time, civil_from_days, days_from_civil};

const SECOND: i128 = 1_000_000_000;
const HOUR: i128 = 3_600 * SECOND;
const DAY: i128 = 24 * HOUR;

/// Start and end of the window with `time` in it; saturates at the ends of time.
pub fn window(step: Step, zone: &Zone, time: Time) -> (Time, Time) {
    let (from, to) = boundaries(step, shown_up_to(zone, time));
    (first_shown(zone, from), first_shown(zone, to))
}

/// The local time that clocks show at a moment, in nanoseconds since 1970.
pub fn shown(zone: &Zone, time: Time) -> i128 {
    let passed = zone.turns.partition_point(|(turn, _)| *turn <= time);
    let offset = passed.checked_sub(1).and_then(|last| zone.turns.get(last)).map_or(zone.first, |turn| turn.1);
    local(time, offset)
}

/// The latest local time, in nanoseconds, that clocks have shown up to a moment.
fn shown_up_to(zone: &Zone, time: Time) -> i128 {
    let mut offset = zone.first;
    let mut latest = i128::MIN;
    for &(turn, next) in &zone.turns {
        if turn > time {
            break;
        }
        latest = latest.max(local(turn, offset) - 1);
        offset = next;
    }
    latest.max(local(time, offset))
}

/// The first moment at which clocks show `boundary` or later.
fn first_shown(zone: &Zone, boundary: i128) -> Time {
    let mut offset = zone.first;
    let mut from = i128::MIN;
    for &(turn, next) in &zone.turns {
        let shown = from.max(boundary - i128::from(offset) * SECOND);
        if shown < i128::from(turn.0) {
            return moment(shown);
        }
        from = i128::from(turn.0);
        offset = next;
    }
    moment(from.max(boundary - i128::from(offset) * SECOND))
}

fn local(time: Time, offset: i32) -> i128 {
    i128::from(time.0) + i128::from(offset) * SECOND
}

fn moment(nanos: i128) -> Time {
    Time(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
}

/// The boundaries in local time around a local time.
fn boundaries(step: Step, local: i128) -> (i128, i128) {
    // Times fit 64 bits of nanoseconds and offsets 32 of seconds, so days fit easily.
    let day = local.div_euclid(DAY) as i64;
    let (year, month, _) = civil_from_days(day);
    let midnight = |day: i64| i128::from(day) * DAY;
    match step {
        Step::Hours(hours) => {
            let length = i128::from(hours.clamp(1, 24)) * HOUR;
            let start = midnight(day) + local.rem_euclid(DAY).div_euclid(length) * length;
            (start, (start + length).min(midnight(day + 1)))
        }
        Step::Day => (midnight(day), midnight(day + 1)),
        // Day 0 was a Thursday.
        Step::Week => {
            let monday = day - (day + 3).rem_euclid(7);
            (midnight(monday), midnight(monday + 7))
        }
        Step::Month => {
            let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            (midnight(days_from_civil(year, month, 1)), midnight(days_from_civil(next.0, next.1, 1)))
        }
        Step::Year => (midnight(days_from_civil(year, 1, 1)), midnight(days_from_civil(year + 1, 1, 1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const HOURS: i64 = 3_600;

    fn zone(first: i64, turns: &[(i64, i64)]) -> Zone {
        let turns = turns.iter().map(|&(at, offset)| (Time::from_secs(at), offset as i32)).collect();
        Zone { name: "Test/Zone".into(), first: first as i32, turns }
    }

    fn at(year: i64, month: u32, day: u32, hour: i64) -> Time {
        Time::from_secs(days_from_civil(year, month, day) * 86_400 + hour * HOURS)
    }

    /// Clocks of Berlin in 2024: an hour ahead from 31 March at 1:00 UTC to 27 October at 1:00 UTC.
    fn berlin() -> Zone {
        let turn = |at: Time, hours| (at.0 / 1_000_000_000, hours * HOURS);
        zone(HOURS, &[turn(at(2024, 3, 31, 1), 2), turn(at(2024, 10, 27, 1), 1)])
    }

    fn hours(step: Step, zone: &Zone, time: Time) -> f64 {
        let (start, end) = window(step, zone, time);
        assert!(start <= time && time < end);
        end.since(start).as_secs_f64() / 3_600.0
    }

    #[test]
    fn days_have_23_24_or_25_hours() {
        let zone = berlin();
        assert_eq!(hours(Step::Day, &zone, at(2024, 3, 30, 12)), 24.0);
        assert_eq!(hours(Step::Day, &zone, at(2024, 3, 31, 12)), 23.0);
        assert_eq!(hours(Step::Day, &zone, at(2024, 10, 27, 12)), 25.0);
        assert_eq!(window(Step::Day, &zone, at(2024, 7, 1, 12)), (at(2024, 6, 30, 22), at(2024, 7, 1, 22)));
        assert_eq!(hours(Step::Week, &zone, at(2024, 10, 27, 12)), 169.0);
    }

    #[test]
    fn weeks_begin_on_monday_months_and_years_on_the_first() {
        let utc = Zone::default();
        assert_eq!(window(Step::Week, &utc, at(2024, 1, 1, 0)), (at(2024, 1, 1, 0), at(2024, 1, 8, 0)));
        assert_eq!(window(Step::Week, &utc, at(1970, 1, 1, 0)), (at(1969, 12, 29, 0), at(1970, 1, 5, 0)));
        assert_eq!(window(Step::Month, &utc, at(2024, 2, 29, 5)), (at(2024, 2, 1, 0), at(2024, 3, 1, 0)));
        assert_eq!(window(Step::Month, &utc, at(1969, 12, 31, 23)), (at(1969, 12, 1, 0), at(1970, 1, 1, 0)));
        assert_eq!(window(Step::Year, &utc, at(2023, 12, 31, 23)), (at(2023, 1, 1, 0), at(2024, 1, 1, 0)));
        assert_eq!(window(Step::Hours(8), &utc, at(2024, 5, 5, 17)), (at(2024, 5, 5, 16), at(2024, 5, 6, 0)));
    }

    #[test]
    fn the_hour_that_is_shown_twice_has_two_hours_and_the_missing_one_has_no_window() {
        let zone = berlin();
        // 2:00 is first shown at 0:00 UTC and again at 1:00 UTC.
        let twice = (at(2024, 10, 27, 0), at(2024, 10, 27, 2));
        assert_eq!(window(Step::Hours(1), &zone, at(2024, 10, 27, 0)), twice);
        assert_eq!(window(Step::Hours(1), &zone, at(2024, 10, 27, 1)), twice);
        assert_eq!(window(Step::Hours(1), &zone, at(2024, 3, 31, 0)), (at(2024, 3, 31, 0), at(2024, 3, 31, 1)));
        assert_eq!(window(Step::Hours(1), &zone, at(2024, 3, 31, 1)), (at(2024, 3, 31, 1), at(2024, 3, 31, 2)));
    }

    #[test]
    fn a_day_that_a_zone_skips_has_no_window() {
        // Apia went from 10 hours behind UTC to 14 ahead at the end of 29 December 2011, at 10:00 UTC of the 30th.
        let turn = at(2011, 12, 30, 10);
        let apia = zone(-10 * HOURS, &[(turn.0 / 1_000_000_000, 14 * HOURS)]);
        assert_eq!(window(Step::Day, &apia, Time(turn.0 - 1)), (at(2011, 12, 29, 10), turn));
        assert_eq!(window(Step::Day, &apia, turn), (turn, at(2011, 12, 31, 10)));
    }

    #[test]
    fn a_day_begins_with_the_turn_where_midnight_is_skipped_and_once_where_it_repeats() {
        // São Paulo turned its clocks at midnight: 0:00 became 1:00 on 4 November 2018, and on 17 February 2019 it became 23:00.
        let (spring, autumn) = (at(2018, 11, 4, 3), at(2019, 2, 17, 2));
        let seconds = |time: Time| time.0 / 1_000_000_000;
        let zone = zone(-3 * HOURS, &[(seconds(spring), -2 * HOURS), (seconds(autumn), -3 * HOURS)]);
        assert_eq!(window(Step::Day, &zone, spring), (spring, at(2018, 11, 5, 2)));
        assert_eq!(window(Step::Day, &zone, autumn), (at(2019, 2, 16, 2), at(2019, 2, 17, 3)));
    }

    fn steps() -> impl Strategy<Value = Step> {
        let hours = prop::sample::select(vec![1u8, 2, 3, 4, 6, 8, 12]).prop_map(Step::Hours);
        prop_oneof![hours, Just(Step::Day), Just(Step::Week), Just(Step::Month), Just(Step::Year)]
    }

    proptest! {
        /// Edges by going through the minutes and looking at the clock, whatever the turns are.
        #[test]
        fn edges_are_where_the_clock_first_shows_a_boundary(
            hours in prop::sample::select(vec![1i64, 2, 3, 4, 6, 8, 12, 24]), first in -96i64..96,
            turns in prop::collection::vec((1i64..2_000, -96i64..96), 0..5), asked in 0i64..(6 * 24 * 60)
        ) {
            // Offsets in quarters of an hour up to a day; turns at any minute of six days.
            let mut at = 0;
            let turns: Vec<_> = turns.iter().map(|&(after, offset)| { at += after; (at * 60, offset * 900) }).collect();
            let zone = zone(first * 900, &turns);
            let local = |minute: i64| {
                let offset = turns.iter().rev().find(|turn| turn.0 <= minute * 60).map_or(first * 900, |turn| turn.1);
                minute + offset / 60
            };
            // The first minute at which the clock shows a boundary or later, for all boundaries around.
            let all = -5 * 24 * 60..12 * 24 * 60;
            let (mut edges, mut shown) = (BTreeSet::new(), i64::MIN);
            for minute in all {
                let boundary = local(minute).div_euclid(hours * 60);
                if boundary > shown {
                    edges.insert(minute);
                    shown = boundary;
                }
            }
            let start = *edges.range(..=asked).next_back().unwrap();
            let end = *edges.range(asked + 1..).next().unwrap();
            let step = if hours == 24 { Step::Day } else { Step::Hours(hours as u8) };
            let got = window(step, &zone, Time::from_secs(asked * 60 + 59));
            prop_assert_eq!(got, (Time::from_secs(start * 60), Time::from_secs(end * 60)));
        }

        #[test]
        fn windows_neither_overlap_nor_leave_a_gap(
            step in steps(), first in any::<i32>(), turns in prop::collection::vec((any::<i64>(), any::<i32>()), 0..6), time in any::<i64>()
        ) {
            let mut turns: Vec<_> = turns.into_iter().map(|(at, offset)| (Time(at), offset)).collect();
            turns.sort_unstable();
            turns.dedup_by_key(|turn| turn.0);
            let zone = Zone { name: String::new(), first, turns };
            let time = Time(time.min(i64::MAX - 1));
            let (start, end) = window(step, &zone, time);
            prop_assert!(start <= time && time < end);
            prop_assert_eq!(window(step, &zone, start), (start, end));
            prop_assert_eq!(window(step, &zone, Time(end.0 - 1)), (start, end));
            if end != Time::MAX {
                prop_assert_eq!(window(step, &zone, end).0, end);
            }
        }
    }
}
