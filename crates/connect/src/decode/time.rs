//! Text to a time.
//!
//! Rows of a file follow each other within a day, so the first ten bytes of an RFC 3339 time are nearly always those
//! of the row before: they are compared as two numbers, and its day is used again. The clock is checked and read eight
//! bytes at once:
//!
//! ```text
//! 2024-01-01T06:30:15.250Z
//! |--------| |------|
//!  day, kept  one u64: digits and colons checked with one mask each
//! ```
//! What does not look like that goes to jiff, which also knows the time zones.

use crate::fault::Fault;
use crate::format::{EpochUnit, TimeForm, Zone};
use jiff::civil;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use ouzel_engine::time::{Time, days_from_civil};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Reads the times of one column.
#[derive(Debug)]
pub struct TimeReader {
    form: Form,
    /// The first ten bytes of the last date read, and when it began.
    date: (u64, u16),
    day_begin: i64,
}

#[derive(Debug)]
enum Form {
    /// Without an offset: UTC, or the zone.
    Rfc3339(Option<TimeZone>),
    /// Nanoseconds a unit, and decimals that a nanosecond needs.
    Epoch(EpochUnit),
    Pattern(String, TimeZone),
}

/// Why a text gave no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTime {
    /// It is written in another form.
    Unreadable,
    /// It lies before 1677-09-21 or after 2262-04-11.
    OutOfRange,
}

impl EpochUnit {
    /// Nanoseconds in one.
    pub fn nanos(self) -> i64 {
        match self {
            EpochUnit::Seconds => SECOND,
            EpochUnit::Millis => 1_000_000,
            EpochUnit::Micros => 1_000,
            EpochUnit::Nanos => 1,
        }
    }

    /// The word of a config: `s`, `ms`, `us` or `ns`.
    pub fn word(self) -> &'static str {
        match self {
            EpochUnit::Seconds => "s",
            EpochUnit::Millis => "ms",
            EpochUnit::Micros => "us",
            EpochUnit::Nanos => "ns",
        }
    }

    /// In full: `milliseconds`.
    pub fn name(self) -> &'static str {
        match self {
            EpochUnit::Seconds => "seconds",
            EpochUnit::Millis => "milliseconds",
            EpochUnit::Micros => "microseconds",
            EpochUnit::Nanos => "nanoseconds",
        }
    }

    /// The unit under which a number of this size lies within the years 1973 to 5138: below 10^11 it counts seconds,
    /// below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds.
    pub fn by_size(number: f64) -> EpochUnit {
        match number.abs() {
            n if n < 1e11 => EpochUnit::Seconds,
            n if n < 1e14 => EpochUnit::Millis,
            n if n < 1e17 => EpochUnit::Micros,
            _ => EpochUnit::Nanos,
        }
    }
}

/// The form of a time that a config names: `rfc3339`, `s`, `ms`, `us`, `ns` or a pattern with `%`.
///
/// # Errors
/// A phrase that says which words are known.
pub fn form(word: &str, zone: Zone) -> Result<TimeForm, String> {
    Ok(match word {
        "rfc3339" | "iso8601" => TimeForm::Rfc3339(zone),
        "s" => TimeForm::Epoch(EpochUnit::Seconds),
        "ms" => TimeForm::Epoch(EpochUnit::Millis),
        "us" | "µs" => TimeForm::Epoch(EpochUnit::Micros),
        "ns" => TimeForm::Epoch(EpochUnit::Nanos),
        pattern if pattern.contains('%') => TimeForm::Pattern(pattern.into(), zone),
        other => return Err(format!("`{other}` is not a form of time: {KNOWN_FORMS}")),
    })
}

/// The forms a config may name, for messages.
pub const KNOWN_FORMS: &str = "time_format is \"rfc3339\" (2024-01-01T00:00:00Z), \"s\", \"ms\", \"us\" or \"ns\" \
     (a number since 1970), or a pattern such as \"%d.%m.%Y %H:%M:%S\"";

fn zone_of(zone: &Zone) -> Result<TimeZone, Fault> {
    if zone.0.eq_ignore_ascii_case("utc") || zone.0 == "Z" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(&zone.0).map_err(|_| {
        Fault::yours(format!(
            "\"{}\" is not a time zone: use \"UTC\" or an IANA name such as \"Europe/Berlin\"",
            zone.0
        ))
    })
}

impl TimeReader {
    /// Reads times of this form.
    ///
    /// # Errors
    /// A zone that the IANA database does not have.
    pub fn new(form: &TimeForm) -> Result<TimeReader, Fault> {
        let form = match form {
            TimeForm::Rfc3339(zone) => {
                let zone = zone_of(zone)?;
                Form::Rfc3339((zone != TimeZone::UTC).then_some(zone))
            }
            TimeForm::Epoch(unit) => Form::Epoch(*unit),
            TimeForm::Pattern(pattern, zone) => Form::Pattern(pattern.clone(), zone_of(zone)?),
        };
        // No date has ten zero bytes.
        Ok(TimeReader { form, date: (0, 0), day_begin: 0 })
    }

    /// The time a cell says.
    ///
    /// # Errors
    /// [`NoTime`], small because it may happen on every line; [`TimeReader::expects`] has the words.
    #[inline]
    pub fn read(&mut self, text: &[u8]) -> Result<Time, NoTime> {
        match &self.form {
            Form::Rfc3339(None) => match self.fixed(text) {
                Some((local, Offset::Known(offset))) => local.checked_sub(offset).map(Time).ok_or(NoTime::OutOfRange),
                Some((utc, Offset::Unsaid)) => Ok(Time(utc)),
                None => rfc3339(text, &TimeZone::UTC),
            },
            Form::Epoch(unit) => epoch(text, *unit),
            Form::Rfc3339(Some(_)) => self.zoned(text),
            Form::Pattern(pattern, zone) => patterned(text, pattern, zone),
        }
    }

    /// What a time of this column looks like: `is not a time like 2024-01-01T00:00:00Z`.
    pub fn expects(&self) -> String {
        match &self.form {
            Form::Rfc3339(_) => "is not a time like 2024-01-01T00:00:00Z".into(),
            Form::Epoch(unit) => format!("is not a number of {} since 1970", unit.name()),
            Form::Pattern(pattern, _) => format!("is not a time like the pattern \"{pattern}\""),
        }
    }

    #[inline(never)]
    fn zoned(&mut self, text: &[u8]) -> Result<Time, NoTime> {
        let fixed = self.fixed(text);
        let Form::Rfc3339(Some(zone)) = &self.form else { return Err(NoTime::Unreadable) };
        match fixed {
            Some((local, Offset::Known(offset))) => local.checked_sub(offset).map(Time).ok_or(NoTime::OutOfRange),
            Some((local, Offset::Unsaid)) => {
                // The clock of the zone as if it were UTC; exact, for both count the same civil seconds.
                let civil =
                    TimeZone::UTC.to_datetime(jiff::Timestamp::from_nanosecond(i128::from(local)).map_err(out)?);
                at(civil, zone)
            }
            None => rfc3339(text, zone),
        }
    }

    /// The fast path: nanoseconds since 1970 of what the clock showed, and its offset.
    #[inline]
    fn fixed(&mut self, text: &[u8]) -> Option<(i64, Offset)> {
        let (head, rest) = text.split_first_chunk::<19>()?;
        let date = (u64::from_le_bytes(*head.first_chunk()?), u16::from_le_bytes([head[8], head[9]]));
        if date != self.date {
            self.day_begin = begin_of(&head[..10])?;
            self.date = date;
        }
        if !matches!(head[10], b'T' | b' ' | b't') {
            return None;
        }
        let second = clock(u64::from_le_bytes(*head.last_chunk()?))?;
        let (nanos, rest) = match rest {
            [b'.', rest @ ..] => fraction(rest)?,
            rest => (0, rest),
        };
        let local = self.day_begin.checked_add(second * SECOND)?.checked_add(nanos)?;
        let offset = match rest {
            [b'Z' | b'z'] => Offset::Known(0),
            [] => Offset::Unsaid,
            &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = hours * 3600 + minutes * 60;
                Offset::Known(if sign == b'-' { -seconds } else { seconds } * SECOND)
            }
            _ => return None,
        };
        Some((local, offset))
    }
}

#[derive(Clone, Copy)]
enum Offset {
    Known(i64),
    Unsaid,
}

/// Seconds of the day of `hh:mm:ss` in the bytes of a little-endian number; leap seconds are not for the fast path.
#[inline]
fn clock(bytes: u64) -> Option<i64> {
    // After this, digits are 0 to 9 and colons are 0; all else has some higher bit.
    let d = bytes ^ u64::from_le_bytes(*b"00:00:00");
    const COLONS: u64 = 0x0000_ff00_00ff_0000;
    // 0x76 + 9 stays below 0x80, and 0x76 + 10 does not.
    let bad = (d.wrapping_add(0x7676_7676_7676_7676) | d) & 0x8080_8080_8080_8080;
    if bad | (d & COLONS) != 0 {
        return None;
    }
    let pair = |shift: u32| ((d >> shift & 15) * 10 + (d >> (shift + 8) & 15)) as i64;
    let (hour, minute, second) = (pair(0), pair(24), pair(48));
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// One to nine decimals of a second in nanoseconds, and what follows them.
#[inline]
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let mut nanos = 0i64;
    let mut count = 0;
    while let Some(digit) = text.get(count).map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10) {
        nanos = nanos * 10 + i64::from(digit);
        count += 1;
        if count > 9 {
            return None;
        }
    }
    const SCALE: [i64; 10] = [0, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    (count > 0).then(|| (nanos * SCALE[count], &text[count..]))
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// When the day of `yyyy-mm-dd` began, if there is such a day and it fits.
#[cold]
fn begin_of(date: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let civil = civil::Date::new(year as i16, month as i8, day as i8).ok()?;
    days_from_civil(i64::from(civil.year()), month as u32, day as u32).checked_mul(DAY)
}

/// A number since 1970. Decimals beyond the nanosecond are cut.
#[inline]
fn epoch(text: &[u8], unit: EpochUnit) -> Result<Time, NoTime> {
    // 18 digits cannot overflow, and no time of our range has more in seconds to microseconds.
    if text.is_empty() || text.len() > 18 {
        return epoch_in_full(text, unit);
    }
    let (mut number, mut rest) = (0i64, text);
    if let Some((chunk, tail)) = text.split_first_chunk() {
        match eight_digits(u64::from_le_bytes(*chunk)) {
            Some(first) => (number, rest) = (first, tail),
            None => return epoch_in_full(text, unit),
        }
    }
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return epoch_in_full(text, unit);
        }
        number = number * 10 + i64::from(digit);
    }
    number.checked_mul(unit.nanos()).map(Time).ok_or(NoTime::OutOfRange)
}

/// A number since 1970 in the unit that its size tells: see [`EpochUnit::by_size`], by the digits before its point.
#[inline]
pub fn by_size(text: &[u8]) -> Result<Time, NoTime> {
    let digits = text.iter().filter(|b| !b" -+".contains(b)).take_while(|b| b.is_ascii_digit()).count();
    let unit = match digits {
        0..=11 => EpochUnit::Seconds,
        12..=14 => EpochUnit::Millis,
        15..=17 => EpochUnit::Micros,
        _ => EpochUnit::Nanos,
    };
    epoch(text, unit)
}

/// The number of eight digits; see [`number`](super::number) for where the way comes from.
#[inline]
fn eight_digits(word: u64) -> Option<i64> {
    const LOW: u64 = u64::MAX / 255;
    let d = word ^ (LOW * u64::from(b'0'));
    if (d.wrapping_add(LOW * 0x76) | d) & (LOW << 7) != 0 {
        return None;
    }
    let d = (d.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let d = (d.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    Some((d.wrapping_mul(1 + (10_000 << 32)) >> 32) as i64)
}

/// Signs, decimals, exponents, blanks, and 19 digits.
#[inline(never)]
fn epoch_in_full(text: &[u8], unit: EpochUnit) -> Result<Time, NoTime> {
    let text = text.trim_ascii();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let mut scale = i128::from(unit.nanos());
    let mut nanos = 0i128;
    let (mut seen, mut after_point) = (0, false);
    for &byte in digits {
        match byte {
            b'0'..=b'9' if after_point => {
                scale /= 10;
                nanos += i128::from(byte - b'0') * scale;
                seen += 1;
            }
            b'0'..=b'9' => {
                nanos = nanos * 10 + i128::from(byte - b'0') * scale;
                if nanos > i128::from(u64::MAX) {
                    return if digits.iter().all(u8::is_ascii_digit) {
                        Err(NoTime::OutOfRange)
                    } else {
                        float(text, unit)
                    };
                }
                seen += 1;
            }
            b'.' | b',' if !after_point => after_point = true,
            b'e' | b'E' => return float(text, unit),
            _ => return Err(NoTime::Unreadable),
        }
    }
    if seen == 0 {
        return Err(NoTime::Unreadable);
    }
    i64::try_from(if negative { -nanos } else { nanos }).map(Time).map_err(|_| NoTime::OutOfRange)
}

/// `1.704067200e9`: as near as an `f64` comes.
fn float(text: &[u8], unit: EpochUnit) -> Result<Time, NoTime> {
    let number: f64 = fast_float2::parse(text).map_err(|_| NoTime::Unreadable)?;
    let nanos = number * unit.nanos() as f64;
    if nanos.abs() < i64::MAX as f64 { Ok(Time(nanos.round() as i64)) } else { Err(NoTime::OutOfRange) }
}

/// Everything that the fast path leaves: leap seconds, short forms, dates alone, zone names in brackets.
#[cold]
fn rfc3339(text: &[u8], zone: &TimeZone) -> Result<Time, NoTime> {
    let text = std::str::from_utf8(text).map_err(|_| NoTime::Unreadable)?.trim();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return nanos(time);
    }
    if let Ok(zoned) = text.parse::<jiff::Zoned>() {
        return nanos(zoned.timestamp());
    }
    // jiff takes a lone hour or a compact form; a bare number must not become a date.
    if !text.contains('-') {
        return Err(NoTime::Unreadable);
    }
    at(text.parse::<civil::DateTime>().map_err(|_| NoTime::Unreadable)?, zone)
}

#[inline(never)]
fn patterned(text: &[u8], pattern: &str, zone: &TimeZone) -> Result<Time, NoTime> {
    let text = std::str::from_utf8(text).map_err(|_| NoTime::Unreadable)?.trim();
    let parts = strtime::parse(pattern, text).map_err(|_| NoTime::Unreadable)?;
    if let Ok(time) = parts.to_timestamp() {
        return nanos(time);
    }
    if let Ok(civil) = parts.to_datetime() {
        return at(civil, zone);
    }
    let date = parts.to_date().map_err(|_| NoTime::Unreadable)?;
    at(date.at(0, 0, 0, 0), zone)
}

/// The moment a clock of the zone shows this. In the gap of spring the time moves on by the gap, in the fold of
/// autumn the first of the two moments is meant (the "compatible" way of RFC 5545).
fn at(civil: civil::DateTime, zone: &TimeZone) -> Result<Time, NoTime> {
    nanos(zone.to_ambiguous_timestamp(civil).compatible().map_err(out)?)
}

fn nanos(time: jiff::Timestamp) -> Result<Time, NoTime> {
    i64::try_from(time.as_nanosecond()).map(Time).map_err(|_| NoTime::OutOfRange)
}

fn out(_: jiff::Error) -> NoTime {
    NoTime::OutOfRange
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reader(word: &str, zone: &str) -> TimeReader {
        TimeReader::new(&form(word, Zone(zone.into())).unwrap()).unwrap()
    }

    fn check(word: &str, zone: &str, text: &str, expected: &str) {
        let time = reader(word, zone).read(text.as_bytes());
        let said = time.map_or_else(|why| format!("{why:?}"), |time| time.to_string());
        assert_eq!(said, expected, "{word} {zone} {text}");
    }

    #[test]
    fn times_are_read_as_their_form_says() {
        for (word, zone, text, expected) in [
            ("rfc3339", "UTC", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
            ("rfc3339", "UTC", "2024-01-01T00:00:00.250Z", "2024-01-01T00:00:00.250Z"),
            ("rfc3339", "UTC", "2024-01-01 00:00:00", "2024-01-01T00:00:00Z"),
            ("rfc3339", "UTC", "2024-01-01 00:00:00.5+01:00", "2023-12-31T23:00:00.500Z"),
            ("rfc3339", "UTC", "2024-01-01 00:00", "2024-01-01T00:00:00Z"),
            ("rfc3339", "UTC", "2024-01-01", "2024-01-01T00:00:00Z"),
            ("rfc3339", "UTC", " 2024-01-01T00:00:00Z ", "2024-01-01T00:00:00Z"),
            ("rfc3339", "UTC", "2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("rfc3339", "UTC", "2023-02-29T00:00:00Z", "Unreadable"),
            ("rfc3339", "UTC", "2024-01-01T24:00:00Z", "Unreadable"),
            ("rfc3339", "UTC", "2300-01-01T00:00:00Z", "OutOfRange"),
            ("rfc3339", "UTC", "20240101", "Unreadable"),
            ("rfc3339", "UTC", "1704067200", "Unreadable"),
            ("rfc3339", "UTC", "", "Unreadable"),
            ("rfc3339", "Europe/Berlin", "2024-07-01 12:00:00", "2024-07-01T10:00:00Z"),
            ("rfc3339", "Europe/Berlin", "2024-07-01 12:00:00Z", "2024-07-01T12:00:00Z"),
            // The gap of spring and the fold of autumn.
            ("rfc3339", "Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31T01:30:00Z"),
            ("rfc3339", "Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27T00:30:00Z"),
            ("s", "UTC", "1704067200", "2024-01-01T00:00:00Z"),
            ("s", "UTC", "1704067200.25", "2024-01-01T00:00:00.250Z"),
            ("s", "UTC", "1.7040672e9", "2024-01-01T00:00:00Z"),
            ("s", "UTC", "-1.5", "1969-12-31T23:59:58.500Z"),
            ("s", "UTC", "1704067200250", "OutOfRange"),
            ("s", "UTC", "soon", "Unreadable"),
            ("s", "UTC", "-", "Unreadable"),
            ("ms", "UTC", "1704067200250", "2024-01-01T00:00:00.250Z"),
            ("us", "UTC", "1704067200250001", "2024-01-01T00:00:00.250001Z"),
            ("ns", "UTC", "1704067200250000001", "2024-01-01T00:00:00.250000001Z"),
            ("ns", "UTC", "9223372036854775808", "OutOfRange"),
            ("%d.%m.%Y %H:%M:%S", "UTC", "31.12.2023 23:59:59", "2023-12-31T23:59:59Z"),
            ("%d.%m.%Y %H:%M", "Europe/Berlin", "01.07.2024 12:00", "2024-07-01T10:00:00Z"),
            ("%d.%m.%Y", "UTC", "01.07.2024", "2024-07-01T00:00:00Z"),
            ("%d/%b/%Y:%H:%M:%S %z", "UTC", "01/Jul/2024:12:00:00 +0200", "2024-07-01T10:00:00Z"),
            ("%d.%m.%Y", "UTC", "2024-07-01", "Unreadable"),
        ] {
            check(word, zone, text, expected);
        }
    }

    #[test]
    fn a_bad_date_does_not_spoil_the_kept_day() {
        let mut reader = reader("rfc3339", "UTC");
        let good = reader.read(b"2024-01-01T00:00:00Z");
        assert!(reader.read(b"2024-13-01T00:00:00Z").is_err());
        assert_eq!(reader.read(b"2024-01-01T00:00:00Z"), good);
        assert!(reader.read(b"2024-13-01T00:00:00Z").is_err());
    }

    #[test]
    fn an_unknown_zone_and_an_unknown_form_say_what_would_be_right() {
        let zone = TimeReader::new(&TimeForm::Rfc3339(Zone("Europe/Bernau".into()))).unwrap_err();
        assert_eq!(
            zone.what,
            "\"Europe/Bernau\" is not a time zone: use \"UTC\" or an IANA name such as \"Europe/Berlin\""
        );
        assert!(form("unix", Zone::default()).unwrap_err().starts_with("`unix` is not a form of time: time_format is"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn the_fast_path_gives_what_jiff_gives(
            text in "(19|20|22)[0-9]{2}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?\
                     (Z|z|[+-][0-2][0-9]:[0-6][0-9])"
        ) {
            let theirs = text.parse::<jiff::Timestamp>().map_err(|_| NoTime::Unreadable).and_then(nanos);
            prop_assert_eq!(reader("rfc3339", "UTC").read(text.as_bytes()), theirs);
        }

        #[test]
        fn every_moment_is_read_back_as_printed(first in any::<i64>(), second in any::<i64>()) {
            let mut reader = reader("rfc3339", "UTC");
            for time in [Time(first), Time(second), Time(first)] {
                prop_assert_eq!(reader.read(time.to_string().as_bytes()), Ok(time));
            }
        }

        #[test]
        fn every_moment_is_read_back_as_a_number(nanos in any::<i64>()) {
            prop_assert_eq!(reader("ns", "UTC").read(nanos.to_string().as_bytes()), Ok(Time(nanos)));
            let (whole, rest) = (nanos.div_euclid(SECOND), nanos.rem_euclid(SECOND));
            if whole >= 0 {
                prop_assert_eq!(reader("s", "UTC").read(format!("{whole}.{rest:09}").as_bytes()), Ok(Time(nanos)));
            }
        }
    }
}
