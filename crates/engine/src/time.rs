//! Time and spans as types: nanoseconds since 1970-01-01 UTC in an `i64` (1677 to 2262), never plain numbers.
//!
//! Arithmetic saturates at the ends of the range: a reading at the last representable moment must not wrap
//! a window round to 1677. The text forms are RFC 3339 in UTC for a time and `1h30m`, `500ms` for a span.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A moment: nanoseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Time(pub i64);

/// A length of time in nanoseconds. Spans from a config are positive; a difference of times may be negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span(pub i64);

impl Time {
    /// Before every other time: the clock of a device that has not spoken yet.
    pub const MIN: Time = Time(i64::MIN);
    /// After every other time: where all clocks stand once an input has ended.
    pub const MAX: Time = Time(i64::MAX);

    /// A time from whole seconds since the epoch; saturates.
    pub const fn from_secs(seconds: i64) -> Time {
        Time(seconds.saturating_mul(SECOND))
    }

    /// How long from `earlier` to this moment; saturates.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The latest multiple of `step` (counted from the epoch) at or before this moment, moved by `offset`.
    ///
    /// `step` must be positive. Rounds towards the past for times before 1970, too.
    pub fn floor(self, step: Span, offset: Span) -> Time {
        debug_assert!(step.0 > 0);
        let shifted = self.0.saturating_sub(offset.0);
        Time(shifted.saturating_sub(shifted.rem_euclid(step.0)).saturating_add(offset.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span from whole seconds; saturates.
    pub const fn from_secs(seconds: i64) -> Span {
        Span(seconds.saturating_mul(SECOND))
    }

    /// A span from whole milliseconds; saturates.
    pub const fn from_millis(millis: i64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }

    /// This span in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// Reads `90s`, `500ms`, `1h30m`, `1.5h`, `250us`, `10ns`, `2d`. A bare number has no unit and is refused.
    ///
    /// # Errors
    /// A phrase that says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Span, String> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err("a duration is missing, for example \"10s\"".into());
        }
        let mut total = 0f64;
        let mut exact = 0i128;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(rest.len());
            let number = rest[..digits].replace('_', "");
            let unit_end =
                rest[digits..].find(|c: char| !c.is_ascii_alphabetic() && c != 'µ').map_or(rest.len(), |i| digits + i);
            let unit = &rest[digits..unit_end];
            let factor: i64 = match unit {
                "ns" => 1,
                "us" | "µs" => 1_000,
                "ms" => 1_000_000,
                "s" => SECOND,
                "m" | "min" => 60 * SECOND,
                "h" => 3_600 * SECOND,
                "d" => DAY,
                "w" => 7 * DAY,
                "" => return Err(format!("`{text}` has no unit: write \"{text}s\", \"{text}ms\" or \"{text}m\"")),
                other => return Err(format!("`{other}` is not a unit of time (ns, us, ms, s, m, h, d, w)")),
            };
            if number.is_empty() {
                return Err(format!("`{text}` is not a duration: a number comes before the unit, as in \"10s\""));
            }
            match number.parse::<i64>() {
                Ok(whole) => exact += i128::from(whole) * i128::from(factor),
                Err(_) => {
                    let part: f64 = number.parse().map_err(|_| format!("`{number}` in `{text}` is not a number"))?;
                    total += part * factor as f64;
                }
            }
            rest = rest[unit_end..].trim_start();
        }
        i64::try_from(exact.saturating_add(total.round() as i128))
            .map(Span)
            .map_err(|_| format!("`{text}` is longer than 292 years"))
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible
/// low-level date algorithms", `days_from_civil`). The month counts from 1.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * (i64::from(month) + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day number; the inverse of [`days_from_civil`].
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = (if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 }) as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// RFC 3339 in UTC, with as many decimals as the moment needs in groups of three: `2024-01-01T00:00:00.250Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let of_day = self.0.rem_euclid(DAY);
        let (seconds, nanos) = (of_day / SECOND, of_day % SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T")?;
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match nanos {
            0 => {}
            n if n % 1_000_000 == 0 => write!(f, ".{:03}", n / 1_000_000)?,
            n if n % 1_000 == 0 => write!(f, ".{:06}", n / 1_000)?,
            n => write!(f, ".{n:09}")?,
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Time::MIN => f.write_str("Time::MIN"),
            Time::MAX => f.write_str("Time::MAX"),
            _ => write!(f, "{self}"),
        }
    }
}

/// The shortest form that [`Span::parse`] reads back: `90s` prints as `1m30s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        let units = [(DAY, "d"), (3_600 * SECOND, "h"), (60 * SECOND, "m"), (SECOND, "s")];
        for (size, unit) in units.into_iter().chain([(1_000_000, "ms"), (1_000, "us"), (1, "ns")]) {
            let whole = rest / size as u64;
            if whole > 0 {
                write!(f, "{whole}{unit}")?;
                rest -= whole * size as u64;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_units() {
        for (text, nanos) in [
            ("10s", 10 * SECOND),
            ("1h30m", 5_400 * SECOND),
            ("500ms", 500_000_000),
            ("1.5h", 5_400 * SECOND),
            ("1m 30s", 90 * SECOND),
            ("250us", 250_000),
            ("7ns", 7),
            ("2d", 2 * DAY),
        ] {
            assert_eq!(Span::parse(text), Ok(Span(nanos)), "{text}");
        }
    }

    #[test]
    fn a_span_without_a_unit_says_what_to_write() {
        assert_eq!(Span::parse("10").unwrap_err(), "`10` has no unit: write \"10s\", \"10ms\" or \"10m\"");
        assert!(Span::parse("ten s").is_err());
        assert!(Span::parse("").is_err());
        assert!(Span::parse("10 parsecs").is_err());
        assert!(Span::parse("400000d").unwrap_err().contains("292 years"));
    }

    #[test]
    fn printed_spans_are_read_back() {
        for nanos in [1, 999, 1_000, 90 * SECOND, DAY + 1, 3_600 * SECOND, i64::MAX] {
            assert_eq!(Span::parse(&Span(nanos).to_string()), Ok(Span(nanos)));
        }
    }

    #[test]
    fn times_print_as_rfc_3339() {
        assert_eq!(Time(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Time(1_704_067_200_250_000_000).to_string(), "2024-01-01T00:00:00.250Z");
        assert_eq!(Time(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(Time::MAX.to_string(), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(Time::MIN.to_string(), "1677-09-21T00:12:43.145224192Z");
    }

    #[test]
    fn dates_and_day_numbers_are_inverse() {
        for days in (-800_000..800_000).step_by(37) {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
    }

    #[test]
    fn floor_rounds_to_the_past_and_saturates() {
        let minute = Span::from_secs(60);
        assert_eq!(Time::from_secs(61).floor(minute, Span::ZERO), Time::from_secs(60));
        assert_eq!(Time::from_secs(-1).floor(minute, Span::ZERO), Time::from_secs(-60));
        assert_eq!(Time::from_secs(61).floor(minute, Span::from_secs(5)), Time::from_secs(5));
        assert!(Time::MIN.floor(minute, Span::ZERO) >= Time::MIN);
    }
}
