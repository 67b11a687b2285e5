//! The calendar of people, counted day by day: which window of a zone's clocks a moment belongs to.
//!
//! Clocks are turned, so they show some moments twice and some never. What counts is the latest moment that they have
//! shown so far: a new hour, day or month begins when they first show it, or the first time they show anything after it.

use ouzel_engine::plan::{Step, Zone};

const SECOND: i128 = 1_000_000_000;
const HOUR: i128 = 3_600 * SECOND;
const DAY: i128 = 24 * HOUR;

/// The window `[start, end)` with this moment in it, in nanoseconds.
pub fn window(step: Step, zone: &Zone, time: i128) -> (i128, i128) {
    let shown = latest_shown(zone, time);
    let (from, to) = unit(step, shown);
    (first_shown(zone, from), first_shown(zone, to))
}

/// Stretches of time with one offset each: from, to, and nanoseconds ahead of UTC.
fn stretches(zone: &Zone) -> Vec<(i128, i128, i128)> {
    let (mut from, mut ahead) = (i128::MIN / 4, i128::from(zone.first) * SECOND);
    let mut all = Vec::new();
    for &(turn, next) in &zone.turns {
        all.push((from, i128::from(turn.0), ahead));
        (from, ahead) = (i128::from(turn.0), i128::from(next) * SECOND);
    }
    all.push((from, i128::MAX / 4, ahead));
    all
}

/// The latest moment that the clocks on the wall have shown up to `time`.
fn latest_shown(zone: &Zone, time: i128) -> i128 {
    let begun = stretches(zone).into_iter().filter(|stretch| stretch.0 <= time);
    // Of a stretch that is over, the nanosecond before the turn.
    begun.map(|(_, to, ahead)| time.min(to - 1) + ahead).max().unwrap_or(time)
}

/// When the clocks on the wall first show `moment` or later.
fn first_shown(zone: &Zone, moment: i128) -> i128 {
    let shows = stretches(zone).into_iter().find(|(_, to, ahead)| to - 1 + ahead >= moment);
    shows.map_or(moment, |(from, _, ahead)| from.max(moment - ahead))
}

/// The unit that a moment on the wall falls in, and the next one: both in nanoseconds on the wall.
fn unit(step: Step, shown: i128) -> (i128, i128) {
    let day = shown.div_euclid(DAY);
    match step {
        Step::Hours(hours) => {
            let length = i128::from(hours) * HOUR;
            let start = day * DAY + (shown - day * DAY) / length * length;
            (start, start + length)
        }
        Step::Day => (day * DAY, (day + 1) * DAY),
        // 1970 began on a Thursday.
        Step::Week => {
            let monday = day - (day + 3).rem_euclid(7);
            (monday * DAY, (monday + 7) * DAY)
        }
        Step::Month => {
            let (year, month, first) = month_of(day);
            (first * DAY, (first + days_in(year, month)) * DAY)
        }
        Step::Year => {
            let (year, month, first) = month_of(day);
            let begins = first - (1..month).map(|month| days_in(year, month)).sum::<i128>();
            let days = (1..=12).map(|month| days_in(year, month)).sum::<i128>();
            (begins * DAY, (begins + days) * DAY)
        }
    }
}

/// Year and month of a day since 1970, and the month's first day: by walking there.
fn month_of(day: i128) -> (i128, u32, i128) {
    let (mut year, mut month, mut first) = (1970, 1, 0);
    while day >= first + days_in(year, month) {
        first += days_in(year, month);
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    while day < first {
        (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
        first -= days_in(year, month);
    }
    (year, month, first)
}

fn days_in(year: i128, month: u32) -> i128 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i128::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
