//! When reading `i` is due: `start + i / rate`, from `i` each time, so that nothing adds up over a long run.
//!
//! The rate is taken as the decimal fraction that the user wrote: 0.1 Hz is one reading each ten seconds, not
//! each 9.999999999999999445 as the nearest binary fraction would have it.

use crate::fault::Fault;
use ouzel_engine::time::{Span, Time};

/// Readings of a device a second: at least, and at most.
const RATES_HZ: (f64, f64) = (1e-9, 1e9);

/// The times of a run. A reading's time is rounded down to the nanosecond.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    start: Time,
    /// Nanoseconds a reading, as a reduced fraction.
    nanos: u128,
    readings: u128,
}

impl Pace {
    /// A run from `start` at `rate_hz` readings a second.
    pub(super) fn new(start: Time, rate_hz: f64) -> Result<Pace, Fault> {
        let (low, high) = RATES_HZ;
        if !(low <= rate_hz && rate_hz <= high) {
            return Err(Fault::yours(format!(
                "a rate of {rate_hz} readings a second cannot be played: it must lie between {low:e} and {high:e}"
            )));
        }
        let (digits, exponent) = decimal(rate_hz);
        let ten_to = |power: i32| 10u128.pow(power.max(0).unsigned_abs());
        let (nanos, readings) = (1_000_000_000 * ten_to(-exponent), u128::from(digits) * ten_to(exponent));
        let common = greatest_common_divisor(nanos, readings);
        Ok(Pace { start, nanos: nanos / common, readings: readings / common })
    }

    /// The time of the first reading.
    pub(super) fn start(&self) -> Time {
        self.start
    }

    /// From the start to reading `index`; `None` where the numbers end.
    pub(super) fn since(&self, index: u64) -> Option<Span> {
        if self.readings == 1 {
            return index.checked_mul(u64::try_from(self.nanos).ok()?).and_then(|n| i64::try_from(n).ok()).map(Span);
        }
        let nanos = u128::from(index).checked_mul(self.nanos)? / self.readings;
        i64::try_from(nanos).ok().map(Span)
    }

    /// The time of reading `index`; `None` past the last representable moment.
    pub(super) fn time(&self, index: u64) -> Option<Time> {
        self.start.0.checked_add(self.since(index)?.0).map(Time)
    }

    /// How many readings a run of `length` has: floor(length × rate).
    pub(super) fn within(&self, length: Span) -> u64 {
        let scaled = u128::from(length.0.max(0).unsigned_abs()).saturating_mul(self.readings);
        u64::try_from(scaled / self.nanos).unwrap_or(u64::MAX)
    }

    /// The first reading at or after `span` from the start.
    pub(super) fn first_at(&self, span: Span) -> u64 {
        let scaled = u128::from(span.0.max(0).unsigned_abs()).saturating_mul(self.readings);
        u64::try_from(scaled.div_ceil(self.nanos)).unwrap_or(u64::MAX)
    }
}

/// The shortest decimal that reads back as `value`: digits × 10^exponent. `value` is positive and finite.
fn decimal(value: f64) -> (u64, i32) {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}").parse().expect("17 digits fit into 64 bits");
    let exponent: i32 = exponent.parse().expect("the exponent of a float is a small number");
    (digits, exponent - part.len() as i32)
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(rate_hz: f64, index: u64) -> i64 {
        Pace::new(Time(0), rate_hz).unwrap().since(index).unwrap().0
    }

    #[test]
    fn times_are_those_of_the_decimal_rate() {
        assert_eq!(nanos(1.0, 86_400), 86_400_000_000_000);
        assert_eq!(nanos(0.1, 1), 10_000_000_000);
        assert_eq!(nanos(0.1, 900_000_000), 9_000_000_000_000_000_000);
        assert_eq!(nanos(3.0, 1), 333_333_333);
        assert_eq!(nanos(3.0, 3_000_000_000), 1_000_000_000_000_000_000);
        assert_eq!(nanos(1e9, 7), 7);
        assert_eq!(nanos(0.04, 2), 50_000_000_000);
    }

    #[test]
    fn a_length_holds_the_readings_that_fit() {
        let pace = Pace::new(Time(0), 10.0).unwrap();
        assert_eq!(pace.within(Span::from_secs(60)), 600);
        assert_eq!(pace.within(Span::from_millis(99)), 0);
        assert_eq!(Pace::new(Time(0), 0.1).unwrap().within(Span::from_secs(30)), 3);
        assert_eq!(Pace::new(Time(0), 0.3).unwrap().within(Span::from_secs(10)), 3);
    }

    #[test]
    fn the_first_reading_at_a_moment_is_not_before_it() {
        for rate in [0.3, 1.0, 3.0, 7.7, 10.0] {
            let pace = Pace::new(Time(0), rate).unwrap();
            for millis in (0..20_000).step_by(333) {
                let span = Span::from_millis(millis);
                let first = pace.first_at(span);
                assert!(pace.since(first).unwrap() >= span);
                assert!(first == 0 || pace.since(first - 1).unwrap() < span);
            }
        }
    }

    #[test]
    fn a_run_ends_with_the_numbers_and_not_in_1677() {
        let pace = Pace::new(Time(i64::MAX - 5), 1e9).unwrap();
        assert_eq!(pace.time(5), Some(Time::MAX));
        assert_eq!(pace.time(6), None);
        assert_eq!(Pace::new(Time(0), 1.234_567_890_123_456e-9).unwrap().time(u64::MAX), None);
    }

    #[test]
    fn rates_that_cannot_be_played_are_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e10, 1e-10] {
            assert!(Pace::new(Time(0), rate).unwrap_err().what.contains("between"), "{rate}");
        }
    }
}
