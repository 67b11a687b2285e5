//! The forms that are lines of text, behind one door: what a sink writes into its buffer.

use super::{Book, columns, csv, ndjson, statistics, text};
use crate::sink::{Encoding, Noun};
use crate::source::Rejected;
use ouzel_engine::output::Output;
use ouzel_engine::plan::{Given, Plan};

/// A form whose rows are lines.
#[derive(Clone, Debug, PartialEq)]
pub enum Lines {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated, with these statistics as columns of aggregates.
    Csv(Vec<Given>),
    /// A line for people.
    Text,
}

impl Lines {
    /// The lines of an encoding under a plan; `None` for Parquet, which has none.
    pub fn of(encoding: Encoding, plan: &Plan) -> Option<Lines> {
        match encoding {
            Encoding::Ndjson => Some(Lines::Ndjson),
            Encoding::Csv => Some(Lines::Csv(statistics(plan))),
            Encoding::Text => Some(Lines::Text),
            Encoding::Parquet => None,
        }
    }

    /// Adds what stands before the first row of a noun: the header line of CSV.
    pub fn push_head(&self, noun: Noun, plan: &Plan, into: &mut Vec<u8>) {
        if let Lines::Csv(_) = self {
            csv::push_head(&columns(noun, plan), into);
        }
    }

    /// Adds the line of an output.
    pub fn push(&self, output: &Output, book: &Book<'_>, into: &mut Vec<u8>) {
        match self {
            Lines::Ndjson => ndjson::push(output, book, into),
            Lines::Csv(statistics) => csv::push(output, book, statistics, into),
            Lines::Text => text::push(output, book, into),
        }
    }

    /// Adds the line of a piece of input that could not be read.
    pub fn push_rejected(&self, rejected: &Rejected, into: &mut Vec<u8>) {
        match self {
            Lines::Ndjson => ndjson::push_rejected(rejected, into),
            Lines::Csv(_) => csv::push_rejected(rejected, into),
            Lines::Text => text::push_rejected(rejected, into),
        }
    }
}
