//! What is usual at this time of day, and how far a reading is from it.
//!
//! A day is cut into slots by the clock on the wall. What a slot of a day says is the mean of its readings; what is expected
//! of a reading is the median of its own slot and its two neighbours over the last days, today not among them. In our own
//! comparison of detectors on the Numenta benchmark this residual, over 8 days, was as good as a model of the series.
//!
//! Slots are numbered on and on, days times slots, so that the neighbours of midnight are where they should be. Clocks that
//! are turned leave slots out, or show them twice: then the second showing counts. What is expected changes with the slot
//! alone, so a reading costs a division as long as its slot lasts.

use super::node::is_wanted;
use crate::plan::{Daily as Said, DailySpec};
use crate::time::Time;
use crate::window::calendar;
use serde::{Deserialize, Serialize};

const DAY: i128 = 86_400_000_000_000;

/// What is kept of one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Daily {
    /// By number of slot, modulo the length; no number where nothing was said. Empty before the first reading.
    #[serde(with = "crate::checkpoint::floats")]
    means: Vec<f64>,
    /// The highest slot so far, and the one of the last reading.
    newest: i64,
    slot: i64,
    /// Readings of that slot.
    count: u32,
    /// What is expected in it; no number where nobody can tell.
    expected: f64,
}

impl Daily {
    /// Nothing is known yet.
    pub fn new(_: &DailySpec) -> Daily {
        Daily { means: Vec::new(), newest: 0, slot: 0, count: 0, expected: f64::NAN }
    }

    /// A reading; what is said goes to `give`, with its place in the spec's `give`, once there are values enough.
    #[inline(never)]
    pub fn observe(
        &mut self,
        spec: &DailySpec,
        wanted: u64,
        time: Time,
        value: f64,
        give: &mut impl FnMut(usize, f64),
    ) {
        let slot = slot_of(spec, time);
        if slot != self.slot || self.means.is_empty() {
            self.turn_to(spec, slot);
        }
        self.add(value);
        if self.expected.is_nan() {
            return;
        }
        for (index, said) in spec.give.iter().enumerate().filter(|(index, _)| is_wanted(wanted, *index)) {
            give(index, if *said == Said::Expected { self.expected } else { value - self.expected });
        }
    }

    fn add(&mut self, value: f64) {
        let place = self.place(self.slot);
        self.count = self.count.saturating_add(1);
        let (mean, count) = (&mut self.means[place], f64::from(self.count));
        let step = (value - *mean) / count;
        *mean = match self.count {
            1 => value,
            _ if step.is_finite() => *mean + step,
            // They are further apart than any number is large.
            _ => *mean / count * (count - 1.0) + value / count,
        };
    }

    /// The first reading of another slot, seldom of an earlier one.
    fn turn_to(&mut self, spec: &DailySpec, slot: i64) {
        let kept = spec.kept();
        let is_kept = self.newest.saturating_sub(slot) < kept as i64;
        if self.means.is_empty() || !is_kept || slot.saturating_sub(self.newest) >= kept as i64 {
            // The first reading, or nothing of what is known was said in these days.
            self.means.clear();
            self.means.resize(kept, f64::NAN);
            self.newest = slot;
        }
        while self.newest < slot {
            self.newest += 1;
            let place = self.place(self.newest);
            self.means[place] = f64::NAN;
        }
        (self.slot, self.count) = (slot, 0);
        self.expected = self.median(spec);
    }

    /// The median of the slot and its neighbours over the days before.
    fn median(&self, spec: &DailySpec) -> f64 {
        let oldest = self.newest - self.means.len() as i64;
        let mut values = [0.0; 3 * DailySpec::DAYS_MOST as usize];
        let mut count = 0;
        for day in 1..=i64::from(spec.days.min(DailySpec::DAYS_MOST)) {
            let slot = self.slot - day * i64::from(spec.slots);
            for slot in (slot - 1..=slot + 1).filter(|slot| *slot > oldest) {
                let mean = self.means[self.place(slot)];
                if mean.is_finite() {
                    values[count] = mean;
                    count += 1;
                }
            }
        }
        if count < DailySpec::VALUES_LEAST {
            return f64::NAN;
        }
        let values = &mut values[..count];
        values.sort_unstable_by(f64::total_cmp);
        let (below, above) = (values[(count - 1) / 2], values[count / 2]);
        // Halved first: the sum of two large numbers is none.
        if below == above { below } else { below / 2.0 + above / 2.0 }
    }

    fn place(&self, slot: i64) -> usize {
        slot.rem_euclid(self.means.len() as i64) as usize
    }

    /// Whether a state that was read back can be gone on with.
    pub fn fits(&self, spec: &DailySpec) -> bool {
        let most = slot_of(spec, Time::MAX);
        let least = slot_of(spec, Time::MIN);
        let in_range = |slot: i64| least - 2 * i64::from(u32::MAX) <= slot && slot <= most + 2 * i64::from(u32::MAX);
        let is_kept = (0..spec.kept() as i64).contains(&self.newest.saturating_sub(self.slot));
        (self.means.is_empty() || self.means.len() == spec.kept()) && in_range(self.newest) && is_kept
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.means.capacity() * size_of::<f64>()
    }
}

/// The number of the slot of a moment, since 1970.
fn slot_of(spec: &DailySpec, time: Time) -> i64 {
    let shown = calendar::shown(&spec.zone, time);
    let slots = i128::from(spec.slots.max(1));
    // At most 107 000 days and those of an offset, times 2 000: far from the ends.
    (shown.div_euclid(DAY) * slots + shown.rem_euclid(DAY) * slots / DAY) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Zone;
    use crate::time::days_from_civil;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const MINUTE: i64 = 60_000_000_000;
    const BOTH: [Said; 2] = [Said::Expected, Said::Residual];

    fn spec(slots: u32, days: u32) -> DailySpec {
        DailySpec { slots, days, zone: Zone::default(), give: BOTH.to_vec() }
    }

    /// What is said of each reading: expected and residual, if anything.
    fn said(spec: &DailySpec, readings: &[(Time, f64)], saved: impl Fn(usize) -> bool) -> Vec<Option<(f64, f64)>> {
        let mut daily = Daily::new(spec);
        let one = |(index, &(time, value)): (usize, &(Time, f64))| {
            if saved(index) {
                daily = postcard::from_bytes(&postcard::to_allocvec(&daily).unwrap()).unwrap();
                assert!(daily.fits(spec));
            }
            let mut both = [f64::NAN; 2];
            daily.observe(spec, u64::MAX, time, value, &mut |index, value| both[index] = value);
            (!both[0].is_nan()).then_some((both[0], both[1]))
        };
        readings.iter().enumerate().map(one).collect()
    }

    /// The same from all readings, by the definition.
    fn slowly(spec: &DailySpec, readings: &[(Time, f64)]) -> Vec<Option<(f64, f64)>> {
        let slots: Vec<i64> = readings.iter().map(|(time, _)| slot_of(spec, *time)).collect();
        let expected = |index: usize| {
            // A slot that is shown again begins anew.
            let mut means: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
            for i in 0..index {
                let again = i > 0 && slots[i] != slots[i - 1];
                let values = means.entry(slots[i]).or_default();
                if again {
                    values.clear();
                }
                values.push(readings[i].1);
            }
            let newest = slots[..=index].iter().max().unwrap();
            let (own, kept) = (slots[index], spec.kept() as i64);
            let mut values: Vec<f64> = (1..=i64::from(spec.days))
                .flat_map(|day| (-1..=1).map(move |beside| own - day * i64::from(spec.slots) + beside))
                .filter(|slot| *slot > newest - kept)
                .filter_map(|slot| means.get(&slot))
                .map(|values| values.iter().sum::<f64>() / values.len() as f64)
                .collect();
            values.sort_by(f64::total_cmp);
            let n = values.len();
            (n >= 6).then(|| (values[(n - 1) / 2] + values[n / 2]) / 2.0)
        };
        (0..readings.len()).map(|i| expected(i).map(|expected| (expected, readings[i].1 - expected))).collect()
    }

    fn near(got: &[Option<(f64, f64)>], expected: &[Option<(f64, f64)>]) -> Result<(), TestCaseError> {
        for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
            let same = match (got, expected) {
                (Some(got), Some(expected)) => near(got.0, expected.0) && near(got.1, expected.1),
                (got, expected) => got.is_none() && expected.is_none(),
            };
            prop_assert!(same, "{}: {:?} and not {:?}", index, got, expected);
        }
        Ok(())
    }

    #[test]
    fn a_rhythm_of_days_leaves_no_residual_and_a_change_leaves_itself() {
        let spec = spec(24, 8);
        let value = |hour: i64| if (8..18).contains(&(hour % 24)) { 40.0 } else { 10.0 };
        let mut readings: Vec<(Time, f64)> = (0..24 * 5).map(|hour| (Time(hour * 60 * MINUTE), value(hour))).collect();
        readings.push((Time(5 * 24 * 60 * MINUTE), 17.0));
        let said = said(&spec, &readings, |_| false);
        // Two days back there are 6 values: two days, three slots each. (The first slot has no neighbour before it.)
        assert!(said[..48].iter().all(Option::is_none));
        assert!(said[49..120].iter().all(Option::is_some));
        for (hour, said) in said.iter().enumerate().skip(49).take(70) {
            // At the edges two of three slots are as the hour itself.
            assert_eq!(*said, Some((value(hour as i64), 0.0)), "{hour}");
        }
        assert_eq!(said[120], Some((10.0, 7.0)));
    }

    #[test]
    fn a_day_of_23_or_25_hours_shifts_nothing() {
        let turn = |day: i64, hour: i64| Time::from_secs((day * 24 + hour) * 3_600);
        let (spring, autumn) = (days_from_civil(2024, 3, 31), days_from_civil(2024, 10, 27));
        let turns = vec![(turn(spring, 1), 7_200), (turn(autumn, 1), 3_600)];
        let zone = Zone { name: "Europe/Berlin".into(), first: 3_600, turns };
        let spec = DailySpec { zone: zone.clone(), ..spec(24, 4) };
        for around in [spring, autumn] {
            // By the clock on the wall something happens at nine.
            let hours = (around - 6) * 24..(around + 6) * 24;
            let readings: Vec<(Time, f64)> = hours
                .map(|hour| {
                    let time = Time::from_secs(hour * 3_600);
                    let shown = calendar::shown(&zone, time) / 3_600_000_000_000;
                    (time, if shown.rem_euclid(24) >= 9 { 5.0 } else { 1.0 })
                })
                .collect();
            let said = said(&spec, &readings, |_| false);
            assert!(said[48..].iter().all(|said| said.is_none_or(|said| said.1 == 0.0)));
            assert!(said[72..].iter().all(Option::is_some));
        }
    }

    #[test]
    fn what_is_kept_has_its_bound_and_a_long_pause_forgets_it() {
        let spec = spec(288, 8);
        let mut daily = Daily::new(&spec);
        let mut given = 0;
        for i in 0..288 * 12 {
            daily.observe(&spec, 1, Time(i * 5 * MINUTE), 1.0, &mut |_, _| given += 1);
        }
        assert_eq!(daily.heap_bytes(), (288 * 8 + 2) * 8);
        assert!(given > 288 * 9);
        for time in [Time(400 * 1_440 * MINUTE), Time::MAX, Time::MIN, Time::MAX] {
            daily.observe(&spec, 1, time, 1.0, &mut |_, _| panic!("nothing is known of these days"));
            assert!(daily.fits(&spec));
        }
    }

    proptest! {
        #[test]
        fn the_engine_says_what_a_slow_recomputation_says_wherever_it_is_saved(
            slots in 4u32..12, days in 2u32..5, steps in prop::collection::vec((0i64..400, -20f64..20.0), 1..250),
            turns in prop::collection::vec((0i64..20_000, -5_000i32..5_000), 0..4), saved in prop::collection::vec(any::<bool>(), 250)
        ) {
            let mut at = 0;
            let turns = turns.iter().map(|(after, ahead)| { at += after; (Time(at * MINUTE), *ahead) }).collect();
            let spec = DailySpec { zone: Zone { name: String::new(), first: 0, turns }, ..spec(slots, days) };
            let mut time = 0;
            let readings: Vec<(Time, f64)> = steps.iter().map(|(step, value)| { time += step; (Time(time * MINUTE), *value) }).collect();
            let got = said(&spec, &readings, |_| false);
            near(&got, &slowly(&spec, &readings))?;
            let again = said(&spec, &readings, |index| saved[index]);
            let bits = |said: &[Option<(f64, f64)>]| said.iter().map(|said| said.map(|it| (it.0.to_bits(), it.1.to_bits()))).collect::<Vec<_>>();
            prop_assert_eq!(bits(&got), bits(&again));
        }

        #[test]
        fn damaged_bytes_are_refused_or_do_no_harm(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
        ) {
            let spec = spec(4, 2);
            let mut daily = Daily::new(&spec);
            (0..40).for_each(|i| daily.observe(&spec, 3, Time(i * 300 * MINUTE), i as f64, &mut |_, _| ()));
            let mut bytes = postcard::to_allocvec(&daily).unwrap();
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            if let Ok(mut daily) = postcard::from_bytes::<Daily>(&bytes) && daily.fits(&spec) {
                (40..80).for_each(|i| daily.observe(&spec, 3, Time(i * 300 * MINUTE), i as f64, &mut |_, _| ()));
            }
        }
    }
}
