//! One JSON object a line. What there is none of is `null`; so is an infinity, which JSON cannot say.

use super::number::{push_hex, push_integer, push_number, push_time};
use super::{Book, Statistics, Value, fields, rejected_fields};
use crate::source::Rejected;
use ouzel_engine::output::{Output, What};

/// Adds the line of an output.
pub fn push(output: &Output, book: &Book<'_>, into: &mut Vec<u8>) {
    if matches!(output.what, What::Over(_) | What::Part(_)) {
        return;
    }
    let mut object = Object::begin(into);
    fields(output, book, Statistics::Own, |name, value| object.field(name, value));
    object.end();
}

/// Adds the line of a piece of input that could not be read.
pub fn push_rejected(rejected: &Rejected, into: &mut Vec<u8>) {
    let mut object = Object::begin(into);
    rejected_fields(rejected, |name, value| object.field(name, value));
    object.end();
}

/// An object on its way into a line.
pub(super) struct Object<'b> {
    into: &'b mut Vec<u8>,
    mark: u8,
}

impl<'b> Object<'b> {
    pub(super) fn begin(into: &'b mut Vec<u8>) -> Object<'b> {
        Object { into, mark: b'{' }
    }

    /// Adds a field whose name needs no escapes.
    #[inline]
    pub(super) fn field(&mut self, name: &str, value: Value<'_>) {
        self.into.push(self.mark);
        self.into.push(b'"');
        self.into.extend_from_slice(name.as_bytes());
        self.into.extend_from_slice(b"\":");
        push_value(value, self.into);
        self.mark = b',';
    }

    /// Adds a field of any name.
    pub(super) fn named(&mut self, name: &str, value: Value<'_>) {
        self.into.push(self.mark);
        push_string(name, self.into);
        self.into.push(b':');
        push_value(value, self.into);
        self.mark = b',';
    }

    pub(super) fn end(self) {
        if self.mark == b'{' {
            self.into.push(b'{');
        }
        self.into.extend_from_slice(b"}\n");
    }
}

fn push_value(value: Value<'_>, into: &mut Vec<u8>) {
    match value {
        Value::Number(number) if number.is_finite() => push_number(number, into),
        Value::Null | Value::Number(_) => into.extend_from_slice(b"null"),
        Value::Text(text) => push_string(text, into),
        Value::Integer(number) => push_integer(number, into),
        Value::Flag(flag) => into.extend_from_slice(if flag { b"true" } else { b"false" }),
        Value::Time(time) => {
            into.push(b'"');
            push_time(time, into);
            into.push(b'"');
        }
        Value::Id(id) => {
            into.push(b'"');
            push_hex(id.0, into);
            into.push(b'"');
        }
    }
}

/// Adds a string in quotes, with the escapes of RFC 8259 and no others: `°` stays `°`.
pub fn push_string(text: &str, into: &mut Vec<u8>) {
    into.push(b'"');
    let bytes = text.as_bytes();
    let mut clean_from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        into.extend_from_slice(&bytes[clean_from..at]);
        clean_from = at + 1;
        match byte {
            b'"' => into.extend_from_slice(b"\\\""),
            b'\\' => into.extend_from_slice(b"\\\\"),
            b'\n' => into.extend_from_slice(b"\\n"),
            b'\r' => into.extend_from_slice(b"\\r"),
            b'\t' => into.extend_from_slice(b"\\t"),
            _ => {
                let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
                into.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
    into.extend_from_slice(&bytes[clean_from..]);
    into.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_string_reads_back(text in any::<String>()) {
            let mut bytes = Vec::new();
            push_string(&text, &mut bytes);
            prop_assert_eq!(serde_json::from_slice::<String>(&bytes).unwrap(), text);
        }
    }
}
