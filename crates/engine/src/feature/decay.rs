//! Exponential mean and spread: a reading counts half as much a half-life later.
//!
//! Weights are 0.5^(age / half-life), divided by their sum, age in readings or in time: what pandas calls
//! `ewm(halflife=…)` with `adjust=True` and `bias=True`, and with `times=…`. Mean and squares move as West has it ("Updating
//! mean and variance estimates: an improved method", 1979) with all that was before fading at each reading: O(1), and no
//! past is kept. It speaks after one half-life: of steady readings it has half of the weight then that it will ever have.

use super::node::is_wanted;
use crate::plan::{DecaySpec, Decayed, Past};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// What a series has been, mostly lately.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decay {
    /// Times of the first and the newest reading.
    first: Time,
    last: Time,
    /// Readings so far.
    seen: u32,
    /// The sum of all weights; the newest reading has 1.
    weight: f64,
    mean: f64,
    /// Weighted sum of squared distances from the mean.
    squares: f64,
    /// How much weight is left after so long; of the last two readings, since most come evenly.
    #[serde(skip)]
    fading: Fading,
}

#[derive(Clone, Copy, Debug)]
struct Fading {
    after: Span,
    left: f64,
}

impl Default for Fading {
    fn default() -> Fading {
        Fading { after: Span::ZERO, left: 1.0 }
    }
}

impl Fading {
    #[inline]
    fn left(&mut self, after: Span, half_life: f64) -> f64 {
        if self.after != after {
            *self = Fading { after, left: libm::exp2(-(after.0 as f64) / half_life) };
        }
        self.left
    }
}

impl Decay {
    /// Nothing yet.
    pub fn new(_spec: &DecaySpec) -> Decay {
        let fading = Fading::default();
        Decay { first: Time::MIN, last: Time::MIN, seen: 0, weight: 0.0, mean: 0.0, squares: 0.0, fading }
    }

    /// A reading in its turn. Those of `wanted`, a bit each, go to `give` if there are readings enough.
    #[inline(never)]
    pub fn observe(
        &mut self,
        spec: &DecaySpec,
        wanted: u64,
        time: Time,
        value: f64,
        give: &mut impl FnMut(usize, f64),
    ) {
        self.take(spec, time, value);
        let speaks = match (spec.min, spec.half_life) {
            (Some(least), _) | (None, Past::Count(least)) => self.seen >= least,
            (None, Past::Span(span)) => time.since(self.first) >= span,
        };
        if !speaks {
            return;
        }
        for (index, what) in spec.give.iter().enumerate() {
            if is_wanted(wanted, index) {
                give(
                    index,
                    match what {
                        Decayed::Mean => self.mean,
                        Decayed::Variance => self.squares / self.weight,
                        Decayed::Std => (self.squares / self.weight).sqrt(),
                    },
                );
            }
        }
    }

    #[inline]
    fn take(&mut self, spec: &DecaySpec, time: Time, value: f64) {
        let (after, half_life) = match spec.half_life {
            Past::Count(readings) => (Span(1), f64::from(readings)),
            Past::Span(span) => (time.since(self.last).max(Span::ZERO), span.0 as f64),
        };
        let left = if self.seen == 0 { 0.0 } else { self.fading.left(after, half_life) };
        let before = self.weight * left;
        if before == 0.0 {
            // The first one, or all before it is so long ago that nothing is left of it.
            (self.weight, self.mean, self.squares) = (1.0, value, 0.0);
        } else {
            self.weight = before + 1.0;
            let (apart, share) = (value - self.mean, before / self.weight);
            // From the nearer side: an outlier that has nearly gone takes its digits with it.
            self.mean = if share < 0.5 { value - apart * share } else { self.mean + apart / self.weight };
            // Of what is nearly gone some is left: no difference of nearly equal numbers here.
            self.squares = self.squares * left + apart * apart * share;
        }
        if self.seen == 0 {
            self.first = time;
        }
        (self.last, self.seen) = (time, self.seen.saturating_add(1));
        if !(self.mean.is_finite() && self.squares.is_finite()) {
            // Past the largest number nothing ever fades: it begins anew with this reading.
            (self.first, self.seen) = (time, 1);
            (self.weight, self.mean, self.squares) = (1.0, value, 0.0);
        }
    }

    /// Whether a state that was read back can be gone on with.
    pub fn fits(&self, _spec: &DecaySpec) -> bool {
        self.mean.is_finite() && self.squares >= 0.0 && self.weight >= 0.0 && self.weight.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Mean and variance of all readings so far, weighted one by one.
    fn plain(half_life: Past, readings: &[(i64, f64)]) -> (f64, f64) {
        let newest = readings.len() - 1;
        let weight = |at: usize| match half_life {
            Past::Count(count) => 0.5f64.powf((newest - at) as f64 / f64::from(count)),
            Past::Span(span) => 0.5f64.powf((readings[newest].0 - readings[at].0) as f64 / span.0 as f64),
        };
        let all: f64 = (0..=newest).map(weight).sum();
        let mean = (0..=newest).map(|at| weight(at) * readings[at].1).sum::<f64>() / all;
        (mean, (0..=newest).map(|at| weight(at) * (readings[at].1 - mean).powi(2)).sum::<f64>() / all)
    }

    proptest! {
        #[test]
        fn it_is_the_weighted_mean_of_all_readings(
            half_life in prop_oneof![(1u32..20).prop_map(Past::Count), (1i64..50).prop_map(|n| Past::Span(Span(n)))],
            steps in prop::collection::vec((0i64..9, -1e3f64..1e3), 1..120), cut in 0usize..120,
        ) {
            let spec = DecaySpec { half_life, min: Some(1), give: vec![Decayed::Mean, Decayed::Variance] };
            let (mut decay, mut readings, mut time) = (Decay::new(&spec), Vec::new(), 0);
            for (at, (step, value)) in steps.into_iter().enumerate() {
                time += step;
                readings.push((time, value));
                let mut got = [f64::NAN; 2];
                decay.observe(&spec, u64::MAX, Time(time), value, &mut |index, value| got[index] = value);
                let (mean, variance) = plain(half_life, &readings);
                prop_assert!((got[0] - mean).abs() <= 1e-9 && (got[1] - variance).abs() <= 1e-6, "{got:?} {mean} {variance}");
                if at == cut {
                    decay = postcard::from_bytes(&postcard::to_allocvec(&decay).unwrap()).unwrap();
                    prop_assert!(decay.fits(&spec));
                }
            }
        }
    }

    #[test]
    fn it_speaks_after_one_half_life_and_survives_numbers_too_large() {
        let spec = DecaySpec { half_life: Past::Count(3), min: None, give: vec![Decayed::Mean] };
        let mut decay = Decay::new(&spec);
        let mut said = Vec::new();
        for (at, value) in [1.0, 1.0, 1.0, f64::MAX, f64::MIN, 2.0, 2.0, 2.0].into_iter().enumerate() {
            decay.observe(&spec, u64::MAX, Time(at as i64), value, &mut |_, value| said.push((at, value)));
        }
        assert_eq!(said[0], (2, 1.0));
        assert!(said.iter().all(|(_, value)| value.is_finite()));
        assert!(decay.fits(&spec));
    }

    #[test]
    fn an_outlier_that_has_nearly_gone_takes_no_digits_with_it() {
        let half_life = Past::Span(Span(1));
        let spec = DecaySpec { half_life, min: Some(1), give: vec![Decayed::Mean, Decayed::Variance] };
        for pause in [10, 30, 57, 80, 300] {
            let readings = [(0, 1e9), (pause, 20.2), (pause + 1, 20.5)];
            let (mut decay, mut got) = (Decay::new(&spec), [f64::NAN; 2]);
            for (time, value) in readings {
                decay.observe(&spec, u64::MAX, Time(time), value, &mut |index, value| got[index] = value);
            }
            let (mean, variance) = plain(half_life, &readings);
            let apart = [(got[0] / mean - 1.0).abs(), (got[1] / variance - 1.0).abs()];
            assert!(apart.iter().all(|apart| *apart < 1e-12), "{pause}: {apart:?}");
        }
    }

    #[test]
    fn equal_values_have_no_spread_at_all() {
        let spec = DecaySpec { half_life: Past::Span(Span(7)), min: Some(1), give: vec![Decayed::Std] };
        let mut decay = Decay::new(&spec);
        for time in 0..100 {
            decay.observe(&spec, u64::MAX, Time(time * time), 0.1, &mut |_, std| assert_eq!(std, 0.0));
        }
    }
}
