//! A line for people, and for golden cases: the time first, then what it is, whose, and the numbers.
//!
//! ```text
//! 2024-01-01T00:00:00Z aggregate minute press-1.temperature to 2024-01-01T00:01:00Z count=3 mean=20.5
//! 2024-01-01T00:00:07Z anomaly spike press-1.temperature zscore critical value=27.8 expected=22.5 spread=1.2 …
//! 2024-01-01T00:00:07Z alert hot press-1.temperature firing critical since=2024-01-01T00:00:07Z count=1: too hot
//! 2024-01-01T00:00:01Z late press-1.temperature value=20.5
//! 2024-01-01T00:00:01Z filtered warm press-1.temperature value=20.5 dropped=true: temperature > 40
//! 2024-01-01T00:01:00Z reading press-1.minute.temperature.mean value=20.5
//! rejected in.csv:7: column 3 (temperature): "abc" is not a number
//! ```
//! A number that there is none of is left out. Names come from the outside, so their control characters are escaped:
//! a device cannot break a line, nor colour a terminal.

use super::number::{push_integer, push_number, push_time};
use super::{Book, Statistics, Value, failed, fields, kind, message};
use crate::source::Rejected;
use ouzel_engine::output::{Aggregate, Alert, Anomaly, Output, What};
use ouzel_engine::series::Series;
use ouzel_engine::time::Time;

/// Adds the line of an output, with its line feed.
pub fn push(output: &Output, book: &Book<'_>, into: &mut Vec<u8>) {
    match &output.what {
        What::Aggregate(aggregate) => push_aggregate(output, aggregate, book, into),
        What::Anomaly(anomaly) => push_anomaly(output.node, anomaly, book, into),
        What::Alert(alert) => push_alert(alert, book, into),
        What::Late(reading) => {
            push_start(reading.time, &["late"], reading.series, book, into);
            push_field("value", Value::number(reading.value), into);
        }
        What::Filtered(filtered) => {
            let filter = book.operator(output.node);
            push_start(filtered.reading.time, &["filtered", &filter.name], filtered.reading.series, book, into);
            push_field("value", Value::number(filtered.reading.value), into);
            if filtered.dropped {
                push_field("dropped", Value::Flag(true), into);
            }
            into.extend_from_slice(b": ");
            push_words(failed(filtered, filter).as_deref().unwrap_or("it cannot be told"), into);
        }
        What::Reading(said) => {
            push_start(said.reading.time, &["reading"], said.reading.series, book, into);
            push_field("value", Value::number(said.reading.value), into);
        }
        What::Over(_) | What::Part(_) => return,
    }
    into.push(b'\n');
}

/// The line of an output, without its line feed.
pub fn line(output: &Output, book: &Book<'_>) -> String {
    let mut bytes = Vec::with_capacity(160);
    push(output, book, &mut bytes);
    bytes.pop();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Adds the line of a piece of input that could not be read.
pub fn push_rejected(rejected: &Rejected, into: &mut Vec<u8>) {
    into.extend_from_slice(b"rejected ");
    push_words(&rejected.source, into);
    into.push(b':');
    push_integer(i64::try_from(rejected.line).unwrap_or(i64::MAX), into);
    into.extend_from_slice(b": ");
    push_words(&rejected.reason, into);
    into.push(b'\n');
}

fn push_aggregate(output: &Output, aggregate: &Aggregate, book: &Book<'_>, into: &mut Vec<u8>) {
    push_start(aggregate.start, &["aggregate", &book.operator(output.node).name], aggregate.series, book, into);
    into.extend_from_slice(b" to ");
    push_time(aggregate.end, into);
    // The statistics come last in the fields of an aggregate; what stands before them and is a number is its revision.
    fields(output, book, Statistics::Own, |name, value| {
        if matches!(value, Value::Number(_) | Value::Integer(_) | Value::Flag(_)) {
            push_field(name, value, into);
        }
    });
}

fn push_anomaly(node: u16, anomaly: &Anomaly, book: &Book<'_>, into: &mut Vec<u8>) {
    let detector = book.operator(node);
    push_start(anomaly.time, &["anomaly", &detector.name], anomaly.series, book, into);
    for word in [kind(detector), anomaly.severity.name()] {
        into.push(b' ');
        push_words(word, into);
    }
    for (name, number) in [
        ("value", anomaly.value),
        ("expected", anomaly.expected),
        ("spread", anomaly.spread),
        ("threshold", anomaly.threshold),
        ("score", anomaly.score),
    ] {
        push_field(name, Value::number(number), into);
    }
}

fn push_alert(alert: &Alert, book: &Book<'_>, into: &mut Vec<u8>) {
    let rule = &book.plan.alerts[usize::from(alert.rule)].name;
    push_start(alert.time, &["alert", rule], alert.series, book, into);
    for word in [alert.state.name(), alert.severity.name()] {
        into.push(b' ');
        into.extend_from_slice(word.as_bytes());
    }
    push_field("since", Value::Time(alert.since), into);
    push_field("count", Value::Integer(i64::try_from(alert.count).unwrap_or(i64::MAX)), into);
    into.extend_from_slice(b": ");
    push_words(&message::of_alert(alert, book), into);
}

/// `TIME WORDS… DEVICE.CHANNEL`
fn push_start(time: Time, words: &[&str], series: Series, book: &Book<'_>, into: &mut Vec<u8>) {
    let (device, channel) = book.subject(series);
    push_time(time, into);
    for word in words {
        into.push(b' ');
        push_words(word, into);
    }
    into.push(b' ');
    push_words(device, into);
    into.push(b'.');
    push_words(channel, into);
}

/// ` name=value`, or nothing where there is no value.
fn push_field(name: &str, value: Value<'_>, into: &mut Vec<u8>) {
    if value == Value::Null {
        return;
    }
    into.push(b' ');
    into.extend_from_slice(name.as_bytes());
    into.push(b'=');
    match value {
        Value::Number(number) => push_number(number, into),
        Value::Integer(number) => push_integer(number, into),
        Value::Time(time) => push_time(time, into),
        Value::Flag(flag) => into.extend_from_slice(if flag { b"true" } else { b"false" }),
        Value::Null | Value::Text(_) | Value::Id(_) => {}
    }
}

/// Adds words with their control characters (C0, DEL and C1) escaped as Rust escapes them: `\n`, `\u{1b}`.
pub fn push_words(words: &str, into: &mut Vec<u8>) {
    // C1 is U+0080 to U+009F: bytes C2 80 to C2 9F. Looking for the C2 alone keeps the usual case at a scan of bytes.
    if !words.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == 0xc2) {
        into.extend_from_slice(words.as_bytes());
        return;
    }
    let mut utf8 = [0; 4];
    for c in words.chars() {
        if c.is_control() {
            c.escape_default().for_each(|e| into.push(e as u8));
        } else {
            into.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        for (words, plain) in
            [("20 °C", "20 °C"), ("a\nb", "a\\nb"), ("\u{1b}[31m", "\\u{1b}[31m"), ("\u{9b}x", "\\u{9b}x")]
        {
            let mut bytes = Vec::new();
            push_words(words, &mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), plain);
        }
    }
}
