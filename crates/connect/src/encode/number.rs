//! Numbers and times as bytes. Data gets the shortest decimal that reads back; sentences get what a person reads.
//!
//! Nothing here asks a locale, and nothing allocates but [`plain`].

use ouzel_engine::time::{Span, Time, civil_from_days};

/// Adds the shortest decimal that reads back as `number`: `20.5`, `3`, `-0`, `1e300`, and `inf` or `NaN`.
pub fn push_number(number: f64, into: &mut Vec<u8>) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format(number);
    into.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

/// Adds a whole number.
pub fn push_integer(number: i64, into: &mut Vec<u8>) {
    // i64::MIN has 19 digits.
    let mut digits = [0u8; 19];
    let mut rest = number.unsigned_abs();
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        into.push(b'-');
    }
    into.extend_from_slice(&digits[at..]);
}

/// Adds a time as [`Time`] prints itself, without the machinery of `fmt`: a row of a window has two of them.
pub fn push_time(time: Time, into: &mut Vec<u8>) {
    const DAY: i64 = 86_400_000_000_000;
    let (year, month, day) = civil_from_days(time.0.div_euclid(DAY));
    let of_day = time.0.rem_euclid(DAY);
    let (seconds, nanos) = ((of_day / 1_000_000_000) as u32, (of_day % 1_000_000_000) as u32);
    // Nanoseconds in an i64 reach from 1677 to 2262, so a year always has four digits.
    push_digits::<4>(year as u32, into);
    for (mark, number) in [(b'-', month), (b'-', day), (b'T', seconds / 3600)] {
        into.push(mark);
        push_digits::<2>(number, into);
    }
    for number in [seconds / 60 % 60, seconds % 60] {
        into.push(b':');
        push_digits::<2>(number, into);
    }
    if nanos > 0 {
        into.push(b'.');
        match nanos {
            n if n % 1_000_000 == 0 => push_digits::<3>(n / 1_000_000, into),
            n if n % 1_000 == 0 => push_digits::<6>(n / 1_000, into),
            n => push_digits::<9>(n, into),
        }
    }
    into.push(b'Z');
}

fn push_digits<const N: usize>(number: u32, into: &mut Vec<u8>) {
    let mut digits = [b'0'; N];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    into.extend_from_slice(&digits);
}

/// Adds 128 bits as 32 hexadecimal digits.
pub fn push_hex(number: u128, into: &mut Vec<u8>) {
    let digits: [u8; 32] = std::array::from_fn(|i| b"0123456789abcdef"[(number >> (124 - 4 * i)) as usize & 15]);
    into.extend_from_slice(&digits);
}

/// A number for a sentence: this many significant digits, the whole part always in full, no trailing zeros.
pub fn plain(number: f64, digits: usize) -> String {
    if !number.is_finite() {
        return exact(number);
    }
    let decimals = digits.saturating_sub(1);
    let scientific = format!("{number:.decimals$e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let text = if (-5..15).contains(&exponent) {
        let decimals = (decimals as i32 - exponent).max(0) as usize;
        trimmed(&format!("{number:.decimals$}")).to_owned()
    } else {
        format!("{}e{exponent}", trimmed(mantissa))
    };
    if text == "-0" { "0".to_owned() } else { text }
}

/// A number for a sentence as it is: limits stand as the user wrote them.
pub fn exact(number: f64) -> String {
    let text = ryu::Buffer::new().format(number).to_owned();
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal }
}

/// A span for a sentence: whole seconds from a minute on, whole milliseconds from a second on.
pub fn rounded(span: Span) -> Span {
    const SECOND: i64 = 1_000_000_000;
    let step = match span.0.unsigned_abs() {
        n if n >= 60 * SECOND as u64 => SECOND,
        n if n >= SECOND as u64 => SECOND / 1000,
        _ => 1,
    };
    Span(span.0.saturating_add(step / 2).div_euclid(step).saturating_mul(step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = Vec::new();
        push(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn numbers_are_short_and_exact() {
        for (number, text) in [
            (20.0, "20"),
            (20.5, "20.5"),
            (-0.0, "-0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e300, "1e300"),
            (1e-7, "1e-7"),
        ] {
            assert_eq!(written(|b| push_number(number, b)), text);
        }
        for (number, text) in
            [(0, "0"), (-7, "-7"), (i64::MIN, "-9223372036854775808"), (i64::MAX, "9223372036854775807")]
        {
            assert_eq!(written(|b| push_integer(number, b)), text);
        }
        assert_eq!(written(|b| push_hex(0xab, b)), format!("{:032x}", 0xab));
    }

    #[test]
    fn sentences_get_few_digits_but_the_whole_part_in_full() {
        for (number, digits, text) in [
            (22.498_765, 4, "22.5"),
            (27.833_333_333, 6, "27.8333"),
            (101_325.4, 4, "101325"),
            (4.38, 2, "4.4"),
            (0.000_123_456, 4, "0.0001235"),
            (-0.000_000_1, 2, "-1e-7"),
            (1e300, 4, "1e300"),
            (-0.0, 4, "0"),
            (99.96, 3, "100"),
            (100.0, 2, "100"),
        ] {
            assert_eq!(plain(number, digits), text, "{number}");
        }
    }

    #[test]
    fn spans_in_sentences_are_rounded() {
        for (nanos, text) in
            [(12_000_000_001, "12s"), (720_400_000_000, "12m"), (1_234_567_890, "1s235ms"), (900, "900ns")]
        {
            assert_eq!(rounded(Span(nanos)).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let text = written(|b| push_number(number, b));
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }

        #[test]
        fn times_print_as_the_engine_prints_them(nanos in any::<i64>(), coarse in prop::sample::select(vec![1, 1_000, 1_000_000, 1_000_000_000])) {
            let time = Time(nanos / coarse * coarse);
            prop_assert_eq!(written(|b| push_time(time, b)), time.to_string());
        }

        #[test]
        fn integers_print_as_rust_prints_them(number in any::<i64>()) {
            prop_assert_eq!(written(|b| push_integer(number, b)), number.to_string());
        }
    }
}
