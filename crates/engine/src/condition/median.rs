//! The values of a past in median, for their median.

use super::past::Ring;
use crate::feature::Ranked;
use crate::feature::sampled::Sampled;
use crate::plan::Past;
use crate::time::Time;
use serde::{Deserialize, Deserializer, Serialize, de};

/// By count a ring and its values in median; by time up to 4 096 values, else [samples](Sampled) of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Median {
    /// The order is not saved: it follows from the ring.
    Count(Ring, #[serde(skip)] Ranked),
    Span(Sampled),
}

impl Median {
    /// Nothing yet.
    pub(super) fn new(past: Past) -> Median {
        match past {
            Past::Count(_) => Median::Count(Ring::default(), Ranked::new()),
            Past::Span(_) => Median::Span(Sampled::default()),
        }
    }

    /// Takes a value in, if there is one, lets go what is no longer in the past, and gives the median of the rest; no number
    /// of none.
    pub(super) fn take(&mut self, past: Past, time: Time, value: f64) -> f64 {
        const HALF: u32 = 50_000;
        match (self, past) {
            (Median::Count(ring, ranked), Past::Count(most)) => {
                if !value.is_nan() {
                    let leaving = ring.push(most, value);
                    if leaving.is_nan() {
                        ranked.insert(value);
                    } else {
                        ranked.replace(leaving, value);
                    }
                }
                ranked.quantile(HALF)
            }
            (Median::Span(sampled), Past::Span(span)) => {
                if value.is_nan() {
                    sampled.advance(span, time);
                } else {
                    sampled.take(span, time, value);
                }
                sampled.quantile(HALF)
            }
            _ => f64::NAN,
        }
    }

    /// Whether it can be gone on with for such a past.
    pub(super) fn fits(&self, past: Past) -> bool {
        match (self, past) {
            (Median::Count(ring, _), Past::Count(most)) => ring.fits(most),
            (Median::Span(_), Past::Span(_)) => true,
            _ => false,
        }
    }

    /// What was saved, with its values in order again.
    ///
    /// # Errors
    /// When no such values can have been saved.
    pub(super) fn restored<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Median>, D::Error> {
        let mut median = Box::<Median>::deserialize(from)?;
        let is_sound = match &mut *median {
            Median::Count(ring, ranked) => {
                *ranked = Ranked::of(ring.values().iter().copied());
                ring.values().iter().all(|value| value.is_finite())
            }
            Median::Span(sampled) => sampled.fits(),
        };
        if let (Median::Span(sampled), true) = (&mut *median, is_sound) {
            sampled.rank();
        }
        if is_sound { Ok(median) } else { Err(de::Error::custom("values of a past that cannot have been saved")) }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Median::Count(ring, ranked) => ring.heap_bytes() + ranked.heap_bytes(),
            Median::Span(sampled) => sampled.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use serde::Serializer;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Saved(#[serde(deserialize_with = "Median::restored")] Box<Median>);

    impl Serialize for Saved {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(to)
        }
    }

    const PASTS: [Past; 3] = [Past::Count(5), Past::Span(Span(40)), Past::Span(Span(1_000_000))];

    /// Every ninth value is unknown, and there are pauses in which all values leave.
    fn take(median: &mut Median, past: Past, readings: std::ops::Range<i64>) -> Vec<u64> {
        let one = |i: i64| {
            let value = if i % 9 == 0 { f64::NAN } else { ((i * 7_919) % 101) as f64 };
            median.take(past, Time(i * 7 + i / 50 * 100), value).to_bits()
        };
        readings.map(one).collect()
    }

    #[test]
    fn what_was_saved_goes_on_as_if_nothing_had_happened() {
        for past in PASTS {
            for cut in [0, 1, 3, 6, 50, 99, 6_000] {
                let mut straight = Median::new(past);
                let expected = take(&mut straight, past, 0..9_000);
                let mut before = Median::new(past);
                let mut said = take(&mut before, past, 0..cut);
                let bytes = postcard::to_allocvec(&Saved(Box::new(before))).unwrap();
                let Saved(mut after) = postcard::from_bytes(&bytes).unwrap();
                assert!(after.fits(past));
                said.extend(take(&mut after, past, cut..9_000));
                assert!(said == expected, "{past:?}, cut at {cut}");
            }
        }
    }

    #[test]
    fn a_median_by_time_forgets_while_nothing_is_known() {
        let past = Past::Span(Span(10));
        let mut median = Median::new(past);
        assert!(median.take(past, Time(0), f64::NAN).is_nan());
        assert_eq!(median.take(past, Time(1), 4.0), 4.0);
        assert_eq!(median.take(past, Time(2), 7.0), 5.5);
        assert_eq!(median.take(past, Time(11), f64::NAN), 7.0);
        assert!(median.take(past, Time(12), f64::NAN).is_nan());
    }

    #[test]
    fn damaged_bytes_are_refused_or_gone_on_with() {
        for past in PASTS {
            let mut median = Median::new(past);
            take(&mut median, past, 0..30);
            let bytes = postcard::to_allocvec(&Saved(Box::new(median))).unwrap();
            for at in 0..bytes.len() {
                for flip in [1, 0x10, 0x80, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= flip;
                    if let Ok(Saved(mut other)) = postcard::from_bytes(&damaged)
                        && other.fits(past)
                    {
                        take(&mut other, past, 30..90);
                    }
                }
                assert!(postcard::from_bytes::<Saved>(&bytes[..at]).is_err());
            }
        }
    }
}
