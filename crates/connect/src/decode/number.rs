//! Text to a value: numbers, `true` and `false`, and the ways of writing that there is nothing.
//!
//! A short plain decimal (at most 15 digits) is an integer of at most 2^53 divided by a power of ten of at most
//! 10^22. Both are exact in an `f64` and one division rounds once, so the result is the nearest `f64`, the same as
//! the general algorithm gives (Clinger, "How to Read Floating Point Numbers Accurately", 1990). All else goes to
//! `fast-float2`.

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// A finite number; `true` is 1 and `false` 0.
    Value(f64),
    /// Nothing: empty, `null`, `NaN`, `NA`, `N/A` or `none`, in any case.
    Absent,
    /// An infinity, or a number too large for one.
    Infinite,
    /// Something else.
    Text,
}

/// Powers of ten that are exact in an `f64`, as far as the fast path needs them.
const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Reads the cell that stands from `start` to `end` in `text`. What follows it is looked at and not used: a number of up
/// to eight bytes is read as one word.
#[inline]
pub fn read_at(text: &[u8], start: usize, end: usize, point: u8) -> Cell {
    if let Some(chunk) = text.get(start..).and_then(|rest| rest.first_chunk())
        && let Some(value) = word(u64::from_le_bytes(*chunk), end.wrapping_sub(start), point)
    {
        return Cell::Value(value);
    }
    read(text.get(start..end).unwrap_or_default(), point)
}

/// The plain decimal in the first `length` bytes of a word, if it is one of at most eight bytes.
///
/// ```text
/// "21.53,..."  ->  "00021.53"  ->  "00002153", two decimals  ->  2153 / 100
///                   pushed up       the point taken out
/// ```
/// The sum of eight digits by three multiplications: Daniel Lemire, "Quickly parsing eight digits" (2022).
#[inline]
fn word(mut word: u64, mut length: usize, point: u8) -> Option<f64> {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    const ZEROS: u64 = LOW * b'0' as u64;
    if length == 0 || length > 8 {
        return None;
    }
    let negative = word & 0xff == u64::from(b'-');
    if negative {
        word >>= 8;
        length -= 1;
        if length == 0 {
            return None;
        }
    }
    let free = 64 - 8 * length as u32;
    // With length 8 nothing is free, and a shift by 64 is not one.
    let fill = if free == 0 { 0 } else { ZEROS >> (64 - free) };
    word = word << free | fill;
    let x = word ^ (LOW * u64::from(point));
    let hit = x.wrapping_sub(LOW) & !x & HIGH;
    let mut decimals = 0;
    if hit != 0 {
        // The lowest byte of the point; a digit stands on each side of it.
        let at = hit.trailing_zeros() & !7;
        if at == 56 || at == free {
            return None;
        }
        let below = (1 << at) - 1;
        word = word & !(below | 0xff << at) | (word & below) << 8 | u64::from(b'0');
        decimals = 7 - at / 8;
    }
    let d = word ^ ZEROS;
    if (d.wrapping_add(LOW * 0x76) | d) & HIGH != 0 {
        return None;
    }
    let d = (d.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let d = (d.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    let mantissa = d.wrapping_mul(1 + (10_000 << 32)) >> 32;
    let value = mantissa as f64 / TENS[(decimals & 7) as usize];
    Some(if negative { -value } else { value })
}

/// Reads a cell whose numbers have `point` (a dot or a comma) before their decimals.
#[inline]
pub fn read(text: &[u8], point: u8) -> Cell {
    match plain(text, point) {
        Some(value) => Cell::Value(value),
        None => general(text, point),
    }
}

/// The fast path: `-12.345` with 1 to 15 digits, and a digit on each side of the point.
#[inline]
fn plain(text: &[u8], point: u8) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let mut mantissa = 0u64;
    let mut at = 0;
    while at < digits.len() {
        let digit = digits[at].wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        mantissa = mantissa * 10 + u64::from(digit);
        at += 1;
    }
    let mut decimals = 0;
    if at < digits.len() {
        if digits[at] != point || at == 0 {
            return None;
        }
        let tail = &digits[at + 1..];
        if tail.is_empty() {
            return None;
        }
        for &byte in tail {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            mantissa = mantissa * 10 + u64::from(digit);
        }
        decimals = tail.len();
    } else if digits.len() == 16 {
        return None;
    }
    // At most 15 digits, so the mantissa is below 2^53 and its conversion is exact.
    let value = mantissa as f64 / TENS[decimals];
    Some(if negative { -value } else { value })
}

#[cold]
fn general(text: &[u8], point: u8) -> Cell {
    let text = text.trim_ascii();
    let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
    if text.is_empty() || is("nan") || is("null") || is("na") || is("n/a") || is("none") || is("-nan") {
        return Cell::Absent;
    }
    if is("true") {
        return Cell::Value(1.0);
    }
    if is("false") {
        return Cell::Value(0.0);
    }
    let mut dotted = [0u8; 64];
    let text = if point == b'.' {
        text
    } else {
        if text.len() > dotted.len() || text.contains(&b'.') {
            return Cell::Text;
        }
        for (to, &from) in dotted.iter_mut().zip(text) {
            *to = if from == point { b'.' } else { from };
        }
        &dotted[..text.len()]
    };
    match fast_float2::parse::<f64, _>(text) {
        Ok(value) if value.is_finite() => Cell::Value(value),
        Ok(value) if value.is_infinite() => Cell::Infinite,
        _ => Cell::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_numbers_switches_or_nothing() {
        for (text, cell) in [
            ("21.5", Cell::Value(21.5)),
            (" 21.5 ", Cell::Value(21.5)),
            ("-0.25", Cell::Value(-0.25)),
            ("1e3", Cell::Value(1000.0)),
            ("+7", Cell::Value(7.0)),
            ("true", Cell::Value(1.0)),
            ("False", Cell::Value(0.0)),
            ("", Cell::Absent),
            ("  ", Cell::Absent),
            ("NaN", Cell::Absent),
            ("null", Cell::Absent),
            ("NA", Cell::Absent),
            ("inf", Cell::Infinite),
            ("-Infinity", Cell::Infinite),
            ("1e999", Cell::Infinite),
            ("abc", Cell::Text),
            ("1,5", Cell::Text),
            ("1.2.3", Cell::Text),
            ("-", Cell::Text),
            (".", Cell::Text),
        ] {
            assert_eq!(read(text.as_bytes(), b'.'), cell, "{text}");
        }
    }

    #[test]
    fn a_decimal_comma_makes_the_dot_an_error() {
        assert_eq!(read(b"1,5", b','), Cell::Value(1.5));
        assert_eq!(read(b"1,5e3", b','), Cell::Value(1500.0));
        assert_eq!(read(b"1.500,5", b','), Cell::Text);
    }

    #[test]
    fn minus_zero_keeps_its_sign() {
        assert!(plain(b"-0.0", b'.').unwrap().is_sign_negative());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn the_fast_path_gives_what_the_standard_library_gives(text in "-?[0-9]{0,17}(\\.[0-9]{0,17})?") {
            if let Some(value) = plain(text.as_bytes(), b'.') {
                prop_assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits());
            }
        }

        #[test]
        fn a_word_is_read_as_its_text_whatever_follows(text in "-?[0-9.]{0,9}|[-+0-9.e,]{0,9}", tail in "[0-9,.\n]{8}") {
            let whole = format!("{text}{tail}");
            let read_at = read_at(whole.as_bytes(), 0, text.len(), b'.');
            prop_assert_eq!(read_at, read(text.as_bytes(), b'.'));
            if let (Cell::Value(ours), Ok(theirs)) = (read_at, text.parse::<f64>()) {
                prop_assert_eq!(ours.to_bits(), theirs.to_bits());
            }
        }

        #[test]
        fn every_number_that_is_printed_is_read_back(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            prop_assert_eq!(read(format!("{value}").as_bytes(), b'.'), Cell::Value(value));
            prop_assert_eq!(read(format!("{value:e}").as_bytes(), b'.'), Cell::Value(value));
        }

        #[test]
        fn any_text_is_a_number_exactly_when_the_standard_library_says_so(text in "[-+0-9.eE]{0,12}") {
            match (read(text.as_bytes(), b'.'), text.parse::<f64>()) {
                (Cell::Value(ours), Ok(theirs)) => prop_assert_eq!(ours.to_bits(), theirs.to_bits()),
                (Cell::Infinite, Ok(theirs)) => prop_assert!(theirs.is_infinite()),
                (Cell::Text | Cell::Absent, Err(_)) => {}
                (ours, theirs) => prop_assert!(false, "{ours:?} but {theirs:?}"),
            }
        }
    }
}
