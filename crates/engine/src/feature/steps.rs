//! Readings before: the value so many readings ago, the difference from the last one, and that per second.
//!
//! One ring holds what the furthest lag needs. What is not there yet is not given: no zero ever stands for it.

use super::node::is_wanted;
use crate::plan::{Stepped, StepsSpec};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// The last values of a series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Steps {
    #[serde(with = "crate::checkpoint::floats")]
    values: Vec<f64>,
    /// Where the next value goes; the oldest one stands there once the ring is full.
    next: u32,
    /// Time of the newest.
    last: Time,
}

impl Steps {
    /// Nothing yet.
    pub fn new(_spec: &StepsSpec) -> Steps {
        Steps { values: Vec::new(), next: 0, last: Time::MIN }
    }

    /// A reading in its turn. Those of `wanted`, a bit each, go to `give` if there are readings enough before it.
    #[inline(never)]
    pub fn observe(
        &mut self,
        spec: &StepsSpec,
        wanted: u64,
        time: Time,
        value: f64,
        give: &mut impl FnMut(usize, f64),
    ) {
        for (index, &what) in spec.give.iter().enumerate() {
            if !is_wanted(wanted, index) {
                continue;
            }
            let back = if let Stepped::Lag(back) = what { back } else { 1 };
            let Some(before) = self.before(back) else { continue };
            give(
                index,
                match what {
                    Stepped::Lag(_) => before,
                    Stepped::Difference => value - before,
                    // No time has passed between two readings of one moment: no number, or none that is finite.
                    Stepped::Rate => (value - before) / time.since(self.last).as_secs_f64(),
                },
            );
        }
        self.push(spec.furthest(), value);
        self.last = time;
    }

    /// The value so many readings ago, before the newest one is taken in.
    #[inline]
    fn before(&self, back: u32) -> Option<f64> {
        let (length, back) = (self.values.len(), back as usize);
        let next = if self.next as usize >= length { length } else { self.next as usize };
        let place = if back <= next { next - back } else { (next + length).checked_sub(back)? };
        self.values.get(place).copied().filter(|_| back <= length)
    }

    #[inline]
    fn push(&mut self, most: u32, value: f64) {
        if self.values.len() < most as usize {
            if self.values.len() == self.values.capacity() {
                // Doubles, but not past the limit.
                self.values.reserve_exact(self.values.len().max(4).min(most as usize - self.values.len()));
            }
            self.values.push(value);
        } else {
            self.values[self.next as usize] = value;
            self.next = if self.next + 1 == most { 0 } else { self.next + 1 };
        }
    }

    /// Whether a state that was read back can be gone on with.
    pub fn fits(&self, spec: &StepsSpec) -> bool {
        let (length, most) = (self.values.len(), spec.furthest() as usize);
        length <= most && if length < most { self.next == 0 } else { (self.next as usize) < most }
    }

    /// Reads the first of what the next reading needs.
    #[inline]
    pub fn touch(&self) -> i64 {
        i64::from(self.next)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn given(steps: &mut Steps, spec: &StepsSpec, time: i64, value: f64) -> Vec<Option<f64>> {
        let mut all = vec![None; spec.give.len()];
        steps.observe(spec, u64::MAX, Time(time), value, &mut |index, value| all[index] = Some(value));
        all
    }

    #[test]
    fn a_rate_is_per_second_and_there_is_none_between_readings_of_one_moment() {
        let spec = StepsSpec { give: vec![Stepped::Rate, Stepped::Difference] };
        let mut steps = Steps::new(&spec);
        assert_eq!(given(&mut steps, &spec, 0, 1.0), [None, None]);
        assert_eq!(given(&mut steps, &spec, 500_000_000, 2.0), [Some(2.0), Some(1.0)]);
        let twin = given(&mut steps, &spec, 500_000_000, 5.0);
        assert!(!twin[0].unwrap().is_finite() && twin[1] == Some(3.0));
    }

    proptest! {
        #[test]
        fn a_lag_is_the_value_so_many_readings_ago(
            lags in prop::collection::vec(1u32..12, 1..4), values in prop::collection::vec(-1e3f64..1e3, 1..60), cut in 0usize..60,
        ) {
            let spec = StepsSpec { give: lags.iter().map(|&lag| Stepped::Lag(lag)).collect() };
            let mut steps = Steps::new(&spec);
            for (at, &value) in values.iter().enumerate() {
                let expected: Vec<Option<f64>> =
                    lags.iter().map(|&lag| at.checked_sub(lag as usize).map(|before| values[before])).collect();
                prop_assert_eq!(given(&mut steps, &spec, at as i64, value), expected);
                if at == cut {
                    steps = postcard::from_bytes(&postcard::to_allocvec(&steps).unwrap()).unwrap();
                }
                prop_assert!(steps.fits(&spec));
            }
        }
    }
}
