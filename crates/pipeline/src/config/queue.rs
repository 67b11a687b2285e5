//! `queue = { holds = 50_000, when_full = "block" }` of a live source, or `{ when_full = "spill", spill = "4GiB" }`.

#[cfg(any(feature = "mqtt", feature = "http"))]
use super::tree::Table;
use crate::queue::{QueueSettings, WhenFull};

/// How many readings a queue holds where nothing is said: 1.2 MB of them.
const HOLDS: u64 = 50_000;

/// The least that the journal's bound is raised by: less is used up before anybody sees it.
#[cfg(any(feature = "mqtt", feature = "http"))]
const SPILL_LEAST: u64 = 1 << 20;

/// The queue of a source whose senders can wait, or cannot.
pub(crate) fn of(waits: bool) -> QueueSettings {
    QueueSettings { holds: HOLDS, when_full: if waits { WhenFull::Block } else { WhenFull::DropOldest }, spill: 0 }
}

/// Reads the queue of a source whose senders can wait, or cannot.
#[cfg(any(feature = "mqtt", feature = "http"))]
pub(crate) fn read(source: &mut Table<'_, '_>, waits: bool) -> QueueSettings {
    let default = of(waits);
    let Some(mut table) = source.table("queue", "{ holds = 50_000, when_full = \"drop-oldest\" }") else {
        return default;
    };
    let holds = table.whole("holds", 100, 100_000_000).map_or(default.holds, |holds| holds.what);
    let when_full = table.choice("when_full", &WhenFull::ALL);
    if let Some(at) = when_full.as_ref().filter(|at| at.what.waits() && !waits) {
        let message = "messages of QoS 0 cannot wait: what comes too fast is given up before the queue";
        table.found.advice(&at.place, message, "write qos = 1, or when_full = \"drop-oldest\"");
    }
    let spill = spill(&mut table, when_full.as_ref().map(|at| at.what));
    table.finish(&[
        ("size", "write `holds`, a number of readings"),
        ("capacity", "write `holds`, a number of readings"),
        ("policy", "write `when_full`"),
        ("overflow", "write `when_full`"),
    ]);
    QueueSettings { holds, when_full: when_full.map_or(default.when_full, |at| at.what), spill }
}

/// By how much the journal's bound is raised: a decision that only who knows the disk can take, so it has no default.
#[cfg(any(feature = "mqtt", feature = "http"))]
fn spill(table: &mut Table<'_, '_>, when_full: Option<WhenFull>) -> u64 {
    let spill = table.size("spill", SPILL_LEAST).map_or(0, |size| size.what);
    if when_full == Some(WhenFull::Spill) {
        table.need("spill", "say by how much the journal may grow beyond its bound: spill = \"4GiB\"");
        return spill;
    }
    // What `when_full` says may be a mistake that is told already.
    if when_full.is_some() || !table.has("when_full") {
        table.refuse("spill", "has a meaning only with when_full = \"spill\"", "write that, or leave it out");
    }
    0
}
