//! Settings that are times, durations, or reach into the past.

use super::place::Place;
use super::tree::{At, Table, scalar};
use ouzel_engine::plan::Past;
use ouzel_engine::time::{Span, Time};
use toml::de::DeValue;

/// The most readings that a rolling statistic may hold: 8 MB a series.
const PAST_MAX: u32 = 1_000_000;

impl Table<'_, '_> {
    /// A duration, zero allowed.
    pub(crate) fn span(&mut self, key: &'static str) -> Option<At<Span>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => self.span_of(key, text, &value.span()),
            other => {
                let raw = scalar(other).filter(|_| matches!(other, DeValue::Integer(_) | DeValue::Float(_)));
                let way = raw.map_or("write a duration in quotes, for example \"10s\"".to_owned(), |raw| {
                    let raw = raw.trim_start_matches(['-', '+']);
                    format!("write \"{raw}s\", \"{raw}ms\" or \"{raw}m\"")
                });
                self.wrong(key, value, "a duration with a unit", way);
                None
            }
        }
    }

    /// The duration that a text is.
    fn span_of(&mut self, key: &str, text: &str, place: &Place) -> Option<At<Span>> {
        match Span::parse(text) {
            Ok(what) => Some(At { what, place: place.clone() }),
            Err(why) => {
                let message = format!("`{key}` is a duration, not `{text}`");
                self.found.problem(place, message, duration_way(text, why));
                None
            }
        }
    }

    /// A duration longer than zero.
    pub(crate) fn length(&mut self, key: &'static str) -> Option<At<Span>> {
        let span = self.span(key)?;
        self.longer_than_nothing(key, span)
    }

    fn longer_than_nothing(&mut self, key: &str, span: At<Span>) -> Option<At<Span>> {
        if span.what <= Span::ZERO {
            self.found.problem(&span.place, format!("`{key}` must be longer than nothing"), "for example \"10s\"");
            return None;
        }
        Some(span)
    }

    /// How far back: `"100"` is readings, `"5m"` is time.
    pub(crate) fn past(&mut self, key: &'static str) -> Option<At<Past>> {
        let value = self.get(key)?;
        let DeValue::String(text) = value.get_ref() else {
            let raw = scalar(value.get_ref()).unwrap_or_else(|| "100".into());
            let way = format!("write \"{raw}\" for {raw} readings, or \"{raw}s\" for time");
            self.wrong(key, value, "text", way);
            return None;
        };
        self.past_of(key, text, &value.span())
    }

    /// How far back a text says.
    pub(crate) fn past_of(&mut self, key: &str, text: &str, place: &Place) -> Option<At<Past>> {
        let digits = text.trim().replace('_', "");
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            let span = self.span_of(key, text, place)?;
            return self
                .longer_than_nothing(key, span)
                .map(|span| At { what: Past::Span(span.what), place: span.place });
        }
        match digits.parse::<u32>().ok().filter(|n| (2..=PAST_MAX).contains(n)) {
            Some(count) => Some(At { what: Past::Count(count), place: place.clone() }),
            None => {
                let message = format!("`{key}` cannot hold {digits} readings");
                self.found.problem(place, message, format!("2 to {PAST_MAX} readings, or a time such as \"5m\""));
                None
            }
        }
    }

    /// A moment, in RFC 3339 with or without quotes.
    pub(crate) fn time(&mut self, key: &'static str) -> Option<At<Time>> {
        let value = self.get(key)?;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            _ => {
                self.wrong(key, value, "a time", "for example \"2024-01-01T00:00:00Z\"");
                return None;
            }
        };
        let time = text.parse::<jiff::Timestamp>().ok().and_then(|t| i64::try_from(t.as_nanosecond()).ok());
        if time.is_none() {
            let message = format!("`{text}` is not a time with its zone between 1678 and 2262");
            self.found.problem(&value.span(), message, "for example \"2024-01-01T00:00:00Z\"");
        }
        Some(At { what: Time(time?), place: value.span() })
    }
}

/// How a duration would be written that is not: `1 hour` is `1h`. `why` is what [`Span::parse`] says.
fn duration_way(text: &str, why: String) -> String {
    const WORDS: [(&str, &str); 10] = [
        ("nano", "ns"),
        ("micro", "us"),
        ("milli", "ms"),
        ("ms", "ms"),
        ("s", "s"),
        ("min", "m"),
        ("m", "m"),
        ("h", "h"),
        ("d", "d"),
        ("w", "w"),
    ];
    let text = text.trim();
    let word_at = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, word) = (text[..word_at].trim(), text[word_at..].to_lowercase());
    let unit = WORDS.iter().find(|(start, _)| word.starts_with(start)).map(|(_, unit)| unit);
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match unit {
        Some(unit) if is_number && Span::parse(&format!("{number}{unit}")).is_ok() => {
            format!("write \"{number}{unit}\"")
        }
        _ if is_number && word.is_empty() => why,
        _ => "for example \"10s\", \"500ms\" or \"1h30m\"".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_words_are_answered_with_units() {
        for (text, way) in [
            ("1 hour", "write \"1h\""),
            ("2.5 Seconds", "write \"2.5s\""),
            ("10 minutes", "write \"10m\""),
            ("5 msec", "write \"5ms\""),
            ("10", "why"),
            ("-1s", "for example \"10s\", \"500ms\" or \"1h30m\""),
            ("10 parsecs", "for example \"10s\", \"500ms\" or \"1h30m\""),
            ("soon", "for example \"10s\", \"500ms\" or \"1h30m\""),
        ] {
            assert_eq!(duration_way(text, "why".into()), way, "{text}");
        }
    }
}
