//! `[filter.NAME]`: which readings are kept, as a channel of its own: `slim.temperature`.

use super::place::Findings;
use super::sections::Section;
use super::tree::{At, Table};
use super::window::Input;
use ouzel_engine::plan::{CompressSpec, Keep};

/// A filter as it was read. What could not be read is left open, so that one mistake is one problem.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) name: At<String>,
    /// The channels; empty if they could not be read.
    pub(crate) on: Vec<Input>,
    pub(crate) spec: Option<CompressSpec>,
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
    table.need("type", "there is one type so far: type = \"compress\"");
    table.choice("type", &[("compress", ())]);
    let on = table.texts("on").unwrap_or_default();
    table.need("on", "the channels it takes: on = [\"temperature\"]");
    let ways = [("swinging-door", By::SwingingDoor), ("dead-band", By::DeadBand), ("every", By::Every)];
    table.need("by", "one of swinging-door, dead-band, every");
    let by = table.choice("by", &ways);
    let (error, every) = (table.not_negative("error"), table.length("every"));
    let count = table.whole("count", 2, u64::from(u32::MAX));
    let at_least = table.length("at_least").map(|span| span.what);
    let keep = by.and_then(|by| match by.what {
        By::SwingingDoor => {
            bounded(&mut table);
            error.map(|error| Keep::SwingingDoor { error: error.what })
        }
        By::DeadBand => {
            bounded(&mut table);
            error.map(|error| Keep::DeadBand { error: error.what })
        }
        By::Every => {
            one_in_so_many(&mut table);
            every.map(|span| Keep::Every(span.what)).or(count.map(|count| Keep::First(count.what as u32)))
        }
    });
    table.finish(&[
        ("over", "write `on`"),
        ("tolerance", "write `error`: how far off a reading may be that is left out"),
        ("deviation", "write `error`: how far off a reading may be that is left out"),
        ("when", "filters by a condition come in a later version"),
    ]);
    let spec = keep.map(|by| CompressSpec { by, at_least });
    (Filter { name: section.name.clone(), on: Vec::new(), spec }, on)
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
