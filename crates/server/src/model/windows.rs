//! What windows say of the few series whose windows somebody looks at: those that are open, and those that have just closed.
//!
//! A row is the one that `ndjson` sinks write, with the number of the series that people see and whether it is
//! provisional before it. A provisional row has the id that its final one will have. What closed before is at rest in
//! the lake and not kept here.

use ouzel_connect::encode::{Book, ndjson};
use ouzel_engine::output::{Aggregate, Output, What};
use ouzel_engine::plan::Work;
use ouzel_engine::series::Series;
use std::collections::BTreeSet;

/// A row for those who look at a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The series of readings that it is about.
    pub shown: Series,
    /// Its JSON.
    pub json: String,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Windows {
    /// The series that somebody looks at.
    looked: BTreeSet<Series>,
    /// Those of readings, the operators, and what they would say by now.
    open: Vec<(Series, u16, Aggregate)>,
}

impl Windows {
    /// Other series are looked at from now on.
    pub fn look(&mut self, looked: BTreeSet<Series>) {
        self.open.retain(|(shown, ..)| looked.contains(shown));
        self.looked = looked;
    }

    /// The series that somebody looks at.
    pub fn looked(&self) -> &BTreeSet<Series> {
        &self.looked
    }

    /// What is open now; `shown` gives the series of readings that one is made of.
    pub fn open(&mut self, rows: &[(u16, Aggregate)], shown: impl Fn(Series) -> Option<Series>) {
        let looked = &self.looked;
        let of = |(node, aggregate): &(u16, Aggregate)| {
            let shown = shown(aggregate.series).filter(|shown| looked.contains(shown))?;
            Some((shown, *node, aggregate.clone()))
        };
        self.open = rows.iter().filter_map(of).collect();
    }

    /// A window has closed, and is not open any more. Gives its row, if somebody looks at it.
    pub fn close(&mut self, shown: Series, output: &Output, aggregate: &Aggregate, book: &Book<'_>) -> Option<Row> {
        if !self.looked.contains(&shown) {
            return None;
        }
        let same = |of: &Aggregate| of.series == aggregate.series && of.start == aggregate.start;
        self.open.retain(|(_, node, open)| *node != output.node || !same(open));
        row(shown, output, false, book)
    }

    /// Another plan is in force: what was open was of the one before.
    pub fn forget(&mut self) {
        self.open.clear();
    }

    /// The rows of all that is open, in the order of series and plan.
    pub fn rows(&self, book: &Book<'_>) -> Vec<Row> {
        let rows = self.open.iter().filter_map(|(shown, node, aggregate)| {
            let device = book.names.of(aggregate.series).0;
            let what = What::Aggregate(aggregate.clone());
            row(*shown, &Output { input: 0, device, node: *node, ordinal: 0, what }, true, book)
        });
        rows.collect()
    }
}

/// Nothing where the output is of no window of the plan.
fn row(shown: Series, output: &Output, provisional: bool, book: &Book<'_>) -> Option<Row> {
    let operator = book.plan.operators.get(usize::from(output.node))?;
    if !matches!(operator.work, Work::Window(_)) {
        return None;
    }
    let mut line = Vec::new();
    ndjson::push(output, book, &mut line);
    let line = String::from_utf8_lossy(line.trim_ascii_end());
    let fields = line.strip_prefix('{')?;
    Some(Row { shown, json: format!("{{\"s\":{},\"provisional\":{provisional},{fields}", shown.0) })
}
