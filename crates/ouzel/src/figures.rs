//! Numbers for people.

/// `1234567` as `1 234 567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// `1 reading`, `2 readings`, `12 345 anomalies`; words that end in `s` are not asked for.
pub fn counted(number: u64, word: &str) -> String {
    let number_shown = grouped(number);
    match word.strip_suffix('y').filter(|_| number != 1) {
        Some(stem) => format!("{number_shown} {stem}ies"),
        None if number == 1 => format!("{number_shown} {word}"),
        None => format!("{number_shown} {word}s"),
    }
}

/// A size in powers of 1024, with three digits or so: `812 B`, `1.4 KiB`, `23 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let (mut size, mut unit) = (number as f64 / 1024.0, 0);
    // What would be rounded to 1024 belongs to the next unit.
    while size >= 1023.5 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(size < 9.95);
    format!("{size:.decimals$} {}", UNITS[unit])
}

/// Three digits of something per second: `431 000`.
pub fn rate(count: u64, seconds: f64) -> String {
    let rate = if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    let step = 10f64.powf((rate.max(1.0).log10().floor() - 2.0).max(0.0));
    grouped(((rate / step).round() * step) as u64)
}

/// Seconds, as fine as is of use: `0.004 s`, `1.25 s`, `312 s`.
pub fn seconds(seconds: f64) -> String {
    let decimals = match seconds {
        s if s < 0.1 => 3,
        s if s < 10.0 => 2,
        s if s < 100.0 => 1,
        _ => 0,
    };
    format!("{seconds:.decimals$} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!([0, 1, 2].map(|n| counted(n, "sink")), ["0 sinks", "1 sink", "2 sinks"]);
        assert_eq!([0, 1].map(|n| counted(n, "anomaly")), ["0 anomalies", "1 anomaly"]);
    }

    #[test]
    fn sizes_have_units() {
        let sizes = [0, 1_023, 1_024, 1_434, 10_239, 1_048_575, 24_117_248, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.4 KiB", "10 KiB", "1.0 MiB", "23 MiB", "16777216 TiB"]);
    }

    #[test]
    fn rates_have_three_digits() {
        assert_eq!(rate(430_996, 1.0), "431 000");
        assert_eq!(rate(7, 2.0), "4");
        assert_eq!(rate(12_345_678, 1.0), "12 300 000");
        assert_eq!(rate(5, 0.0), "0");
    }

    #[test]
    fn seconds_are_as_fine_as_is_of_use() {
        assert_eq!([0.0041, 1.253, 12.53, 312.4].map(seconds), ["0.004 s", "1.25 s", "12.5 s", "312 s"]);
    }
}
