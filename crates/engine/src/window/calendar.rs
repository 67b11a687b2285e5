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
