//! A verdict for people: a line a case, and below it what differs, expected above got, field above field.

use super::{Pair, Verdict};
use crate::config::{Expect, TestConfig};
use ouzel_connect::source::Rejected;
use std::fmt::Write;

/// So many differences of a case are shown; the first ones mostly explain the others.
const SHOWN: usize = 20;

/// What begins a line that was expected, one that came, and what is said of both. Whoever has colours gives them by these.
pub const EXPECTED: &str = "  - ";
/// See [`EXPECTED`].
pub const GOT: &str = "  + ";

impl Verdict {
    /// How it went, without the name: `ok       3 of 3 lines, 12 readings`.
    pub fn summary(&self) -> String {
        let word = if self.holds() { "ok" } else { "differs" };
        let (held, wanted) = (self.held(), self.expected.lines.len());
        let lines = match wanted {
            0 if self.holds() => "nothing, as expected".to_owned(),
            _ => format!("{held} of {}", count(wanted as u64, "line")),
        };
        let mut line = format!("{word:7}  {lines}, {}", count(self.readings, "reading"));
        let came = self.got.len() as u64 + self.more;
        if came != wanted as u64 {
            let _ = write!(line, "; {came} came out");
        }
        if self.rejected.0 > 0 {
            let _ = write!(line, "; {} could not be read", count(self.rejected.0, "line"));
        }
        if self.stopped {
            line.push_str("; stopped on the way");
        }
        line
    }

    /// What differs, a few lines each.
    pub fn differences(&self, test: &TestConfig) -> String {
        let mut text = String::new();
        if let (number, Some(Rejected { line, reason, .. })) = &self.rejected
            && !self.holds()
        {
            let of = if *number > 1 { ", the first of them" } else { "" };
            let _ = writeln!(text, "  line {line} of the input could not be read{of}: {reason}");
        }
        let file = match &test.expect {
            Expect::File(name, ..) => format!("{name}, "),
            Expect::Lines(_) => String::new(),
        };
        let differ = self.pairs.iter().filter(|pair| !matches!(pair, Pair::Holds(..)));
        for pair in differ.clone().take(SHOWN) {
            self.push(*pair, &file, &mut text);
        }
        let left = differ.count().saturating_sub(SHOWN) as u64 + self.more;
        if left > 0 {
            let _ = writeln!(text, "  and {} more", count(left, "difference"));
        }
        text
    }

    fn push(&self, pair: Pair, file: &str, text: &mut String) {
        let number = |line: usize| self.expected.lines[line].number;
        let _ = match pair {
            Pair::Holds(..) => Ok(()),
            Pair::Missing(line) => {
                writeln!(
                    text,
                    "  {file}line {} did not come\n{EXPECTED}{}",
                    number(line),
                    self.expected.lines[line].text
                )
            }
            Pair::Extra(got) => {
                let got = &self.got[got];
                writeln!(text, "  not expected, from {}\n{GOT}{}", got.noun.name(), got.text)
            }
            Pair::Differs(line, got) => {
                let [expected, came, marks] = self.beside(line, got);
                writeln!(text, "  {file}line {} differs\n{EXPECTED}{expected}\n{GOT}{came}\n    {marks}", number(line))
            }
        };
    }

    /// The fields of an expected line, those of what came in its place below them, and marks below those that differ.
    fn beside(&self, line: usize, got: usize) -> [String; 3] {
        let (line, got) = (&self.expected.lines[line], &self.got[got]);
        let differs = line.differs(got.noun, &got.fields);
        let (mut above, mut below, mut marks) = ("{".to_owned(), "{".to_owned(), " ".to_owned());
        for (at, (name, wanted)) in line.fields.0.iter().enumerate() {
            let wanted = format!("\"{name}\": {wanted}");
            let came = match got.fields.get(name) {
                Some(value) => format!("\"{name}\": {value}"),
                None if name == "noun" => format!("\"{name}\": \"{}\"", got.noun.name()),
                None => format!("(no \"{name}\")"),
            };
            let width = wanted.chars().count().max(came.chars().count());
            let end = if at + 1 < line.fields.0.len() { ", " } else { "}" };
            // What is padded looks better with its comma at the word.
            let padded = |word: &str| format!("{:1$}", format!("{word}{end}"), width + end.len());
            above.push_str(&padded(&wanted));
            below.push_str(&padded(&came));
            let mark = if differs.contains(&at) { "^" } else { " " };
            marks.push_str(&mark.repeat(width));
            marks.push_str(&" ".repeat(end.len()));
        }
        [above, below, marks].map(|line| line.trim_end().to_owned())
    }

    /// The same for programs.
    pub fn to_json(&self) -> serde_json::Value {
        let differences = self.pairs.iter().filter_map(|pair| {
            let (kind, line, got) = match *pair {
                Pair::Holds(..) => return None,
                Pair::Differs(line, got) => ("differs", Some(line), Some(got)),
                Pair::Missing(line) => ("missing", Some(line), None),
                Pair::Extra(got) => ("unexpected", None, Some(got)),
            };
            let line = line.map(|line| &self.expected.lines[line]);
            let got = got.map(|got| &self.got[got]);
            let fields: Vec<&str> = line.zip(got).map_or(Vec::new(), |(line, got)| {
                let differ = line.differs(got.noun, &got.fields);
                differ.into_iter().map(|at| line.fields.0[at].0.as_str()).collect()
            });
            let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            Some(serde_json::json!({
                "kind": kind,
                "line": line.map(|line| line.number),
                "expected": line.and_then(|line| parsed(&line.text)),
                "got": got.and_then(|got| parsed(&got.text)),
                "fields": fields,
            }))
        });
        serde_json::json!({
            "name": self.name,
            "ok": self.holds(),
            "expected": self.expected.lines.len(),
            "held": self.held(),
            "got": self.got.len() as u64 + self.more,
            "readings": self.readings,
            "rejected": self.rejected.0,
            "differences": differences.collect::<Vec<_>>(),
        })
    }
}

fn count(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
