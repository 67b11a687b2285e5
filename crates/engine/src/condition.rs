//! Conditions over the channels of a device, in words: `temperature - previous(temperature) > 2 and motion`.
//!
//! `docs/conditions.md` is the manual, and its examples are run as tests. A text is cut into words (`lex`), read
//! (`parse`, `claim`, `calls`), checked (`meaning`) and compiled to a flat list of steps (`program`) in one pass; there is no tree, so no
//! text is too deep for the stack. A [`Memory`] is what a condition remembers of one device (`past`); it goes through
//! all steps at each point (`judge`), also where the outcome was clear early, so that what is remembered never depends
//! on the order in which parts were written.
//!
//! A [`Formula`] is the same of which the value is asked: `power / speed`.
//!
//! Truth has three values (Kleene 1938): what cannot be told is unknown, and `false and unknown` is false.

mod amiss;
mod calls;
mod claim;
mod formula;
mod judge;
mod lex;
mod meaning;
mod median;
mod parse;
mod past;
mod program;
mod suggest;

pub use formula::Formula;
pub use judge::Memory;

use crate::plan::ChannelFacts;
use program::Program;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// The longest text of a condition, in bytes.
pub const TEXT_MOST: usize = 4_096;

/// How deep brackets, functions, `not` and signs may stand inside each other.
pub const DEPTH_MOST: usize = 64;

/// The most parts joined by `and` at the top: a bit each in [`Judged::failed`].
pub const PARTS_MOST: usize = 64;

/// The most readings that a past by count may hold.
pub const READINGS_MOST: u32 = 100_000;

/// The functions of the language.
pub const FUNCTIONS: [&str; 16] = [
    "abs", "sqrt", "round", "min", "max", "previous", "lag", "delta", "rate", "last", "mean", "median", "std", "range",
    "sum", "count",
];

/// The words of the language that are no names; a channel called so stands in backticks.
pub const KEYWORDS: [&str; 16] = [
    "and", "or", "not", "true", "false", "is", "between", "in", "becomes", "rises", "falls", "above", "below", "back",
    "absent", "present",
];

/// A condition that was read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    text: String,
    channels: Vec<String>,
    parts: Vec<String>,
    /// What the text means. It is part of the plan's hash: a build that reads the same words otherwise finds no old state.
    program: Program,
}

/// What a condition is read with.
pub struct Known<'a> {
    /// Facts about channels, for their states.
    pub channels: &'a [ChannelFacts],
    /// Makes the plan's name of a channel as it was written, with its backticks; or says what is wrong with it and a hint.
    #[expect(clippy::type_complexity, reason = "a message and a hint, in this order, as everywhere")]
    pub resolve: &'a dyn Fn(&str) -> Result<String, (String, String)>,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, in bytes of the text; on the borders of characters.
    pub at: Range<usize>,
    /// What is wrong.
    pub what: String,
    /// The way out.
    pub hint: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Truth {
    /// It does not.
    False,
    /// It cannot be told: a value is absent, or a past is not full yet.
    Unknown,
    /// It does.
    True,
}

/// What came of judging a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether the condition holds.
    pub truth: Truth,
    /// The parts that are false: a bit each, in their order.
    pub failed: u64,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// The first mistake, with its place and a way out.
    pub fn parse(text: &str, known: &Known<'_>) -> Result<Condition, Mistake> {
        parse::read(text, known)
    }

    /// It as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The channels it asks for; a point has a value for each, in this order. A condition on tags alone has none.
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// The tags of a device that it asks for; one may be there twice.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.program.tags_asked()
    }

    /// The parts that all must be met, as they were written; one, if no `and` stands at the top.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The most bytes on the heap that its memory of one device can take.
    pub fn heap_bytes(&self) -> usize {
        self.program.heap_bytes_most()
    }
}

impl Mistake {
    fn new(at: Range<usize>, what: impl Into<String>, hint: impl Into<String>) -> Mistake {
        Mistake { at, what: what.into(), hint: hint.into() }
    }

    /// The column of its beginning in a text of one line, in characters from 1 on.
    pub fn column(&self, text: &str) -> usize {
        text.get(..self.at.start).map_or(1, |before| before.chars().count() + 1)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.hint)
    }
}

impl Truth {
    /// From a number as the steps have it.
    fn of(number: f64) -> Truth {
        if number == 0.0 {
            Truth::False
        } else if number == 1.0 {
            Truth::True
        } else {
            Truth::Unknown
        }
    }
}
