//! `[filter.NAME]`: which readings are kept, as a channel of its own: `slim.temperature`. By a way of compressing, or by a
//! condition.

use super::place::Findings;
use super::sections::Section;
use super::tree::{At, Table};
use super::window::Input;
use ouzel_engine::condition::Condition;
use ouzel_engine::plan::{CompressSpec, FilterSpec, Keep, Work};

/// A filter as it was read. What could not be read is left open, so that one mistake is one problem.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) name: At<String>,
    /// The channels; empty if they could not be read.
    pub(crate) on: Vec<Input>,
    /// What it does; of a condition once that is read.
    pub(crate) work: Option<Work>,
    /// The text of a condition: it may name channels that come later in the file.
    pub(crate) when: Option<At<String>>,
    /// The channels that the condition asks for.
    pub(crate) asks: Vec<Input>,
    /// What does not meet the condition goes aside; it is told.
    drop: bool,
    tell: bool,
}

impl Filter {
    /// One that does nothing yet.
    pub(crate) fn open(name: At<String>, on: Vec<Input>) -> Filter {
        Filter { name, on, work: None, when: None, asks: Vec::new(), drop: false, tell: false }
    }

    /// Its condition, read.
    pub(crate) fn meet(&mut self, when: Condition, asks: Vec<Input>) {
        self.work = Some(Work::Filter(FilterSpec { when, drop: self.drop, tell: self.tell }));
        self.asks = asks;
    }

    /// Whether readings that it turns away reach nobody else.
    pub(crate) fn drops(&self) -> bool {
        matches!(&self.work, Some(Work::Filter(spec)) if spec.drop)
    }

    /// Whether it does something that is seen without anybody naming what it makes.
    pub(crate) fn is_heard(&self) -> bool {
        matches!(&self.work, Some(Work::Filter(spec)) if spec.drop || spec.tell)
    }
}

#[derive(Clone, Copy)]
enum Type {
    Compress,
    Condition,
}

#[derive(Clone, Copy)]
enum By {
    SwingingDoor,
    DeadBand,
    Every,
}

/// Reads a section; the names of its channels are given beside, not looked up yet.
pub(crate) fn read(section: &Section<'_>, found: &mut Findings) -> (Filter, Vec<At<String>>) {
    let mut table = section.table(found);
    let kind = match table.choice("type", &[("compress", Type::Compress), ("condition", Type::Condition)]) {
        Some(kind) => Some(kind.what),
        None if table.has("when") => Some(Type::Condition),
        None => {
            table.need("type", "a condition: when = \"temperature < 80\"; or type = \"compress\"");
            // The rest is read as what it looks like.
            ["type", "by"].iter().any(|key| table.has(key)).then_some(Type::Compress)
        }
    };
    let on = table.texts("on").unwrap_or_default();
    table.need("on", "the channels it takes: on = [\"temperature\"]");
    let mut filter = Filter::open(section.name.clone(), Vec::new());
    let ways: &[(&str, &str)] = &[
        ("over", "write `on`"),
        ("tolerance", "write `error`: how far off a reading may be that is left out"),
        ("deviation", "write `error`: how far off a reading may be that is left out"),
        ("if", "write `when`"),
        ("where", "write `when`"),
        ("condition", "write `when`"),
        ("action", "write `do`"),
    ];
    match kind {
        Some(Type::Condition) => {
            condition(&mut table, &mut filter);
            table.finish(ways);
        }
        Some(Type::Compress) => {
            filter.work = compress(&mut table).map(Work::Compress);
            table.refuse("when", "is not for `type = \"compress\"`", "a filter by a condition has no `type`");
            table.get("when");
            table.finish(ways);
        }
        None => {}
    }
    (filter, on)
}

fn condition(table: &mut Table<'_, '_>, filter: &mut Filter) {
    filter.when = table.text("when");
    table.need("when", "what a reading has to meet: when = \"temperature < 80\"");
    let drop = table.choice("do", &[("mark", false), ("drop", true)]);
    filter.drop = drop.is_some_and(|drop| drop.what);
    // What goes nowhere else comes out, unless somebody says that it is of no interest.
    filter.tell = table.flag("tell").map_or(filter.drop, |tell| tell.what);
}

fn compress(table: &mut Table<'_, '_>) -> Option<CompressSpec> {
    let ways = [("swinging-door", By::SwingingDoor), ("dead-band", By::DeadBand), ("every", By::Every)];
    table.need("by", "one of swinging-door, dead-band, every");
    let by = table.choice("by", &ways);
    let (error, every) = (table.not_negative("error"), table.length("every"));
    let count = table.whole("count", 2, u64::from(u32::MAX));
    let at_least = table.length("at_least").map(|span| span.what);
    let keep = by.and_then(|by| match by.what {
        By::SwingingDoor => {
            bounded(table);
            error.map(|error| Keep::SwingingDoor { error: error.what })
        }
        By::DeadBand => {
            bounded(table);
            error.map(|error| Keep::DeadBand { error: error.what })
        }
        By::Every => {
            one_in_so_many(table);
            every.map(|span| Keep::Every(span.what)).or(count.map(|count| Keep::First(count.what as u32)))
        }
    });
    keep.map(|by| CompressSpec { by, at_least })
}

/// What belongs to the ways that have an error, and what does not.
fn bounded(table: &mut Table<'_, '_>) {
    for key in ["every", "count"] {
        table.refuse(key, "is for `by = \"every\"`", "how often a reading is kept whatever it says: `at_least`");
    }
    table.need("error", "how far off a reading may be that is left out, in the channel's unit: error = 0.5");
}

/// What belongs to the way that has none.
fn one_in_so_many(table: &mut Table<'_, '_>) {
    table.refuse("error", "is not for `by = \"every\"`", "for a bounded error write by = \"swinging-door\"");
    if table.has("every") {
        table.refuse("count", "stands beside `every`", "write one of them");
    } else if !table.has("count") {
        table.need("every", "every = \"10s\" (the first reading of each), or count = 10 (the first of ten)");
    }
}
