//! Formulas: what a condition is made of, of which the value is asked and not whether it holds: `power / speed`.
//!
//! The words are the same, and so are the steps and what is remembered. A formula that is a condition (`door is open`) is 1
//! where that holds, 0 where it does not, and has no value where it cannot be told.

use super::program::{Place, Program};
use super::{Known, Mistake, parse};
use serde::{Deserialize, Serialize};

/// A formula that was read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Formula {
    text: String,
    channels: Vec<String>,
    /// What the text means, as in a condition; its one part is the step of which the result is asked.
    pub(super) program: Program,
    /// It is a condition, whose truths become numbers.
    pub(super) is_truth: bool,
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// The first mistake, with its place and a way out.
    pub fn parse(text: &str, known: &Known<'_>) -> Result<Formula, Mistake> {
        parse::read_formula(text, known)
    }

    pub(super) fn new(text: &str, channels: Vec<String>, program: Program, is_truth: bool) -> Formula {
        Formula { text: text.to_owned(), channels, program, is_truth }
    }

    /// The tags of a device that it asks for; one may be there twice.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.program.tags_asked()
    }

    /// It as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The channels it asks for, at least one; a point has a value for each, in this order.
    pub fn channels(&self) -> &[String] {
        &self.channels
    }

    /// Whether it is a condition: its values are 1 and 0.
    pub fn is_condition(&self) -> bool {
        self.is_truth
    }

    /// Whether a channel is asked for by `last` alone, so that it need not have spoken at the point.
    pub fn is_held(&self, channel: &str) -> bool {
        let place = self.channels.iter().position(|known| known == channel);
        place.is_some_and(|place| self.program.is_held(place as u16))
    }

    /// The most bytes on the heap that its memory of one device can take.
    pub fn heap_bytes(&self) -> usize {
        self.program.heap_bytes_most()
    }

    /// The step of which the result is asked.
    pub(super) fn result(&self) -> Place {
        self.program.parts.first().copied().unwrap_or(Place::MAX)
    }
}
