//! The time of a reading as points of a circle: sine and cosine of the hour, the day, the weekday and the week.
//!
//! Midnight is near 23:59 there, which it is not as a number; and both together tell each time from every other. Times are
//! those of the clock on the wall in a zone. Nothing is kept: it costs a search among the turns of the zone's clocks, and
//! a sine for each that is taken.

use super::node::is_wanted;
use crate::plan::{ClockSpec, Hand};
use crate::time::Time;
use crate::window::calendar;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

const HOUR: i128 = 3_600_000_000_000;
const DAY: i128 = 24 * HOUR;

/// Nothing but the time of a reading counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock;

impl Clock {
    /// A clock has no past.
    pub fn new(_: &ClockSpec) -> Clock {
        Clock
    }

    /// A reading; what is said of its time goes to `give`, with the place in the spec's `give`. Bits of `wanted` say which.
    #[inline(never)]
    pub fn observe(&self, spec: &ClockSpec, wanted: u64, time: Time, give: &mut impl FnMut(usize, f64)) {
        let shown = calendar::shown(&spec.zone, time);
        for (index, hand) in spec.give.iter().enumerate() {
            if is_wanted(wanted, index) {
                give(index, stands(*hand, shown));
            }
        }
    }
}

/// Where a hand stands at a local time in nanoseconds.
fn stands(hand: Hand, shown: i128) -> f64 {
    let (day, of_day) = (shown.div_euclid(DAY), shown.rem_euclid(DAY));
    // Day 0 was a Thursday.
    let weekday = (day + 3).rem_euclid(7);
    let turn = |part: i128, of: i128| TAU * (part as f64 / of as f64);
    match hand {
        Hand::HourSin => libm::sin(turn(of_day / HOUR, 24)),
        Hand::HourCos => libm::cos(turn(of_day / HOUR, 24)),
        Hand::DaySin => libm::sin(turn(of_day, DAY)),
        Hand::DayCos => libm::cos(turn(of_day, DAY)),
        Hand::WeekdaySin => libm::sin(turn(weekday, 7)),
        Hand::WeekdayCos => libm::cos(turn(weekday, 7)),
        Hand::WeekSin => libm::sin(turn(weekday * DAY + of_day, 7 * DAY)),
        Hand::WeekCos => libm::cos(turn(weekday * DAY + of_day, 7 * DAY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Zone;
    use crate::time::days_from_civil;
    use proptest::prelude::*;

    fn at(zone: &Zone, time: Time) -> Vec<f64> {
        let give = Hand::NAMED.iter().map(|named| named.1).collect();
        let spec = ClockSpec { zone: zone.clone(), give };
        let mut all = Vec::new();
        Clock::new(&spec).observe(&spec, u64::MAX, time, &mut |index, value| {
            assert_eq!(index, all.len());
            all.push(value);
        });
        all
    }

    fn moment(year: i64, month: u32, day: u32, minutes: i64) -> Time {
        Time::from_secs(days_from_civil(year, month, day) * 86_400 + minutes * 60)
    }

    fn near(got: &[f64], expected: &[f64]) {
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} and not {expected:?}");
    }

    #[test]
    fn hands_stand_where_the_clock_on_the_wall_shows_them() {
        let turn = |share: f64| [(TAU * share).sin(), (TAU * share).cos()];
        // A Tuesday, 18:30 in London's winter.
        let got = at(&Zone::default(), moment(2024, 1, 2, 18 * 60 + 30));
        near(&got[..2], &[-1.0, 0.0]);
        near(&got[2..4], &turn(18.5 / 24.0));
        near(&got[4..6], &turn(1.0 / 7.0));
        near(&got[6..], &turn((1.0 + 18.5 / 24.0) / 7.0));
        // Half past midnight on Wednesday where clocks are six hours ahead, in summer seven.
        let turns = vec![(moment(2024, 4, 1, 0), 7 * 3_600), (moment(2024, 10, 1, 0), 6 * 3_600)];
        let zone = Zone { name: "Somewhere".into(), first: 6 * 3_600, turns };
        let got = at(&zone, moment(2024, 1, 2, 18 * 60 + 30));
        near(&got[..2], &[0.0, 1.0]);
        near(&got[4..6], &turn(2.0 / 7.0));
        near(&at(&zone, moment(2024, 7, 2, 12 * 60 + 10))[..2], &turn(19.0 / 24.0));
        near(&at(&zone, moment(2024, 11, 2, 12 * 60 + 10))[..2], &turn(18.0 / 24.0));
    }

    #[test]
    fn what_nobody_takes_is_not_worked_out() {
        let spec = ClockSpec { zone: Zone::default(), give: vec![Hand::HourSin, Hand::HourCos, Hand::WeekSin] };
        let mut given = Vec::new();
        Clock::new(&spec).observe(&spec, 0b101, Time(0), &mut |index, _| given.push(index));
        assert_eq!(given, [0, 2]);
    }

    proptest! {
        #[test]
        fn every_time_and_every_zone_has_its_place_on_the_circle(
            time in any::<i64>(), first in any::<i32>(), turn in any::<(i64, i32)>()
        ) {
            let zone = Zone { name: String::new(), first, turns: vec![(Time(turn.0), turn.1)] };
            for pair in at(&zone, Time(time)).chunks(2) {
                prop_assert!((pair[0] * pair[0] + pair[1] * pair[1] - 1.0).abs() < 1e-9, "{:?}", pair);
            }
        }
    }
}
