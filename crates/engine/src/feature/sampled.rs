//! Values of a span of time in order, for its quantiles: all of them up to 4 096, else some that weigh as much as they stand for.
//!
//! From 4 097 readings in the span on, until there are fewer than 2 048 again, readings that follow each other are one
//! sample: those of the same 1/4096 of the span, but never more than 1/1024 of all readings, so that neither a burst
//! nor what came before it is lost. Which of them stands for the others is decided by a hash of its time, so that no rhythm
//! of the signal can hide behind that of the samples. A sample says what so many equal readings would say (`weighted.rs`).
//! Ranks are then off by 2.1 % at most in what the tests try of even readings: noise, waves, and waves whose period is that
//! of the pieces; and by 4 % where bursts are a hundred times as dense as the rest.

use super::Ranked;
use super::weighted::Weighted;
use crate::aggregate::mix;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The most readings of a span that are all kept, and the pieces that a fuller one is cut into.
pub const SAMPLES: usize = 4_096;

/// The most samples: where readings are uneven, pieces of time and pieces of a thousandth of all readings come together.
const MOST: usize = 2 * SAMPLES;

/// A sample stands for at most this part of all readings.
const SHARE: u64 = 1_024;

/// The most bytes of what is kept of a span, about: each sample in its place and in order.
pub const SAMPLED_BYTES_MOST: usize = 440_000;

/// Readings of a span, or some of them, with their values in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampled {
    samples: VecDeque<Sample>,
    /// For how many readings they stand.
    readings: u64,
    /// There are so many that readings that follow each other are one sample.
    dense: bool,
    /// Where each sample is one reading. Not saved, nor is the other: they follow from the samples.
    #[serde(skip)]
    ranked: Ranked,
    /// Where one is more.
    #[serde(skip)]
    weighted: Option<Box<Weighted>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Sample {
    time: Time,
    value: f64,
    /// Readings that it stands for, itself among them.
    count: u32,
}

impl Sampled {
    /// Takes a value in, and lets go what is no longer in the half-open `(time − span, time]`.
    pub fn take(&mut self, span: Span, time: Time, value: f64) {
        let leaving = self.let_go(span, time);
        self.readings += 1;
        self.dense &= self.readings > SAMPLES as u64 / 2;
        if self.dense && self.joins_the_newest(span, time, value) {
            if self.weighted.is_none() {
                self.rank();
            }
            return;
        }
        self.samples.push_back(Sample { time, value, count: 1 });
        match (&mut self.weighted, leaving) {
            (Some(weighted), _) => weighted.insert(value, 1),
            (None, Some(leaving)) => drop(self.ranked.replace(leaving, value)),
            (None, None) => self.ranked.insert(value),
        }
        if self.samples.len() > if self.dense { MOST } else { SAMPLES } {
            self.gather(span);
        } else if self.weighted.is_some() && self.is_each_itself() {
            self.rank();
        }
    }

    /// Lets go what is no longer in the half-open `(time − span, time]`.
    pub fn advance(&mut self, span: Span, time: Time) {
        if let Some(leaving) = self.let_go(span, time) {
            self.ranked.remove(leaving);
        }
    }

    /// Lets go samples, of which the last still stands in the order, where each is one reading.
    fn let_go(&mut self, span: Span, time: Time) -> Option<f64> {
        let mut leaving = None;
        while let Some(&oldest) = self.samples.front().filter(|oldest| time.since(oldest.time) >= span) {
            self.readings = self.readings.saturating_sub(u64::from(oldest.count));
            if let Some(weighted) = &mut self.weighted {
                weighted.remove(oldest.value, oldest.count);
            } else if let Some(earlier) = leaving.replace(oldest.value) {
                self.ranked.remove(earlier);
            }
            self.samples.pop_front();
        }
        leaving
    }

    /// Whether each sample is one reading.
    fn is_each_itself(&self) -> bool {
        self.samples.len() as u64 == self.readings
    }

    /// The most readings that a sample stands for.
    fn most(&self) -> u64 {
        self.readings / SHARE + 1
    }

    /// The newest sample stands for this reading, too.
    fn joins_the_newest(&mut self, span: Span, time: Time, value: f64) -> bool {
        let most = self.most();
        let Some(newest) = self.samples.back_mut() else { return false };
        if u64::from(newest.count) >= most || !same_piece(span, newest.time, time) {
            return false;
        }
        let before = *newest;
        newest.count += 1;
        if hash(time) < hash(newest.time) {
            (newest.time, newest.value) = (time, value);
        }
        if let Some(weighted) = &mut self.weighted {
            weighted.remove(before.value, before.count);
            weighted.insert(newest.value, newest.count);
        }
        true
    }

    /// Puts samples together. No two neighbours of a piece of time have room for each other then: there are three quarters
    /// of [`MOST`] at most, so this is seldom.
    fn gather(&mut self, span: Span) {
        let most = self.most();
        let mut gathered: VecDeque<Sample> = VecDeque::with_capacity(SAMPLES + 2);
        for sample in &self.samples {
            let fits = |newest: &&mut Sample| {
                same_piece(span, newest.time, sample.time) && u64::from(newest.count) + u64::from(sample.count) <= most
            };
            match gathered.back_mut().filter(fits) {
                Some(newest) => {
                    let chosen = if hash(sample.time) < hash(newest.time) { *sample } else { *newest };
                    *newest = Sample { count: newest.count + sample.count, ..chosen };
                }
                None => gathered.push_back(*sample),
            }
        }
        self.samples = gathered;
        self.dense = true;
        self.rank();
    }

    /// A quantile, in hundred-thousandths; NaN of no readings.
    pub fn quantile(&self, hundred_thousandths: u32) -> f64 {
        match &self.weighted {
            Some(weighted) => weighted.quantile(hundred_thousandths),
            None => self.ranked.quantile(hundred_thousandths),
        }
    }

    /// Puts what was read back in order.
    pub fn rank(&mut self) {
        (self.ranked, self.weighted) = match self.is_each_itself() {
            true => (Ranked::of(self.samples.iter().map(|sample| sample.value)), None),
            false => {
                let all = self.samples.iter().map(|sample| (sample.value, sample.count));
                (Ranked::new(), Some(Box::new(Weighted::of(all))))
            }
        };
    }

    /// Whether a state that was read back can be gone on with.
    pub fn fits(&self) -> bool {
        let counted: u64 = self.samples.iter().map(|sample| u64::from(sample.count)).sum();
        let is_sound = |sample: &Sample| sample.value.is_finite() && sample.count > 0;
        self.samples.len() <= MOST && counted == self.readings && self.samples.iter().all(is_sound)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let weighted = self.weighted.as_ref().map_or(0, |weighted| size_of::<Weighted>() + weighted.heap_bytes());
        self.samples.capacity() * size_of::<Sample>() + self.ranked.heap_bytes() + weighted
    }
}

fn same_piece(span: Span, a: Time, b: Time) -> bool {
    // Rounded up: never more pieces than there is room for.
    let piece = Span((span.0 - 1).max(0) / SAMPLES as i64 + 1);
    a.floor(piece, Span::ZERO) == b.floor(piece, Span::ZERO)
}

fn hash(time: Time) -> u64 {
    mix(time.0 as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The largest share of all readings that lie between a quantile and where it should be.
    fn worst_rank(span: i64, readings: impl Iterator<Item = (i64, f64)>) -> f64 {
        let (mut sampled, mut inside, mut worst) = (Sampled::default(), VecDeque::new(), 0f64);
        for (at, (time, value)) in readings.enumerate() {
            sampled.take(Span(span), Time(time), value);
            inside.push_back((time, value));
            while inside.front().is_some_and(|r: &(i64, f64)| r.0 <= time - span) {
                inside.pop_front();
            }
            if at % 50_021 != 50_020 || time < span {
                continue;
            }
            for q in (1..20).map(|q| q * 5_000).chain([99_000, 99_900]) {
                let said = sampled.quantile(q);
                let (below, upto) = inside.iter().fold((0, 0), |(below, upto), (_, value)| {
                    (below + usize::from(*value < said), upto + usize::from(*value <= said))
                });
                let (all, share) = (inside.len() as f64, f64::from(q) / 1e5);
                worst = worst.max(below as f64 / all - share).max(share - upto as f64 / all);
            }
        }
        assert!(sampled.fits() && sampled.heap_bytes() < 480_000, "{}", sampled.heap_bytes());
        worst
    }

    #[test]
    fn ranks_of_many_readings_are_nearly_right_whatever_the_rhythm() {
        let span = 4_096 * 1_000_000;
        let mut worst = 0f64;
        // Fast, in step with the pieces, and slower.
        for step in [10_000, 62_500, 333_333] {
            let noise = (0..400_000i64).map(|i| (i * step, (mix(i as u64) >> 11) as f64));
            let of_noise = worst_rank(span, noise);
            // A wave of a period, of half of one, and one that is no part of it.
            for period in [1_000_000.0, 500_000.0, 37_000_000.0, 1e12] {
                let wave = (0..400_000i64)
                    .map(|i| (i * step, (i as f64 * step as f64 / period * std::f64::consts::TAU).sin()));
                let of_wave = worst_rank(span, wave);
                worst = worst.max(of_wave);
            }
            worst = worst.max(of_noise);
        }
        assert!(worst <= 0.021, "the head of this file promises less: {worst}");
    }

    #[test]
    fn a_burst_weighs_as_much_as_it_has_readings() {
        // Of each second a tenth is a hundred times as dense as the rest, and its values are others; then the same with
        // one burst that is most of the span's readings and hardly any of its time.
        let noise = |i: i64| (mix(i as u64) >> 11) as f64 / (1u64 << 53) as f64;
        let mut time = 0;
        let second = |i: i64, time: &mut i64| {
            let is_burst = *time % 1_000_000 < 100_000;
            *time += if is_burst { 10 } else { 1_000 };
            (*time, if is_burst { 10.0 } else { 0.0 } + noise(i))
        };
        let many = (0..400_000).map(|i| second(i, &mut time));
        let worst = worst_rank(20_000_000, many);
        assert!(worst <= 0.04, "the head of this file promises less: {worst}");
        let once = (0..300_000i64).map(|i| match i {
            0..100_000 => (i * 1_000, noise(i)),
            100_000..200_000 => (100_000_000 + i, 10.0 + noise(i)),
            _ => (i * 1_000 - 90_000_000, noise(i)),
        });
        let worst = worst_rank(60_000_000, once);
        assert!(worst <= 0.04, "the head of this file promises less: {worst}");
    }

    #[test]
    fn what_was_saved_while_it_was_dense_goes_on_as_if_nothing_had_happened() {
        let (mut straight, mut saved, mut time) = (Sampled::default(), Sampled::default(), 0);
        for i in 0..60_000u64 {
            time += (mix(i) % 200) as i64 * if i % 9_000 < 2_000 { 60 } else { 1 };
            let value = (mix(i + 77) % 1_000) as f64;
            [&mut straight, &mut saved]
                .into_iter()
                .for_each(|sampled| sampled.take(Span(1_000_000), Time(time), value));
            if i % 3_001 == 0 {
                saved = postcard::from_bytes(&postcard::to_allocvec(&saved).unwrap()).unwrap();
                assert!(saved.fits());
                saved.rank();
            }
            if i % 501 == 0 {
                let all = |sampled: &Sampled| [1_000, 50_000, 95_000].map(|q| sampled.quantile(q).to_bits());
                assert_eq!(all(&straight), all(&saved), "{i}");
            }
        }
    }

    #[test]
    fn a_span_that_is_full_and_then_is_not_is_exact_again() {
        let (mut sampled, span) = (Sampled::default(), Span(1_000_000));
        (0..100_000).for_each(|i| sampled.take(span, Time(i * 10), f64::from(i as i32)));
        assert!(sampled.dense && sampled.fits());
        (0..3_000).for_each(|i| sampled.take(span, Time(2_000_000 + i * 1_000), f64::from(i as i32)));
        assert!(!sampled.dense);
        assert!(sampled.weighted.is_none() && sampled.ranked.len() == 1_000);
        assert_eq!(sampled.quantile(50_000), 2_499.5);
    }

    proptest! {
        #[test]
        fn up_to_so_many_readings_it_is_exact(
            span in 1i64..40, steps in prop::collection::vec((0i64..4, -1e3f64..1e3), 1..300), cut in 0usize..300,
        ) {
            let (mut sampled, mut readings, mut time) = (Sampled::default(), Vec::new(), 0);
            for (at, (step, value)) in steps.into_iter().enumerate() {
                time += step;
                readings.push((time, value));
                sampled.take(Span(span), Time(time), value);
                let inside = readings.iter().filter(|r| r.0 > time - span).map(|r| r.1);
                prop_assert_eq!(&sampled.ranked, &Ranked::of(inside));
                if at == cut {
                    sampled = postcard::from_bytes(&postcard::to_allocvec(&sampled).unwrap()).unwrap();
                    prop_assert!(sampled.fits());
                    sampled.rank();
                }
            }
        }
    }
}
