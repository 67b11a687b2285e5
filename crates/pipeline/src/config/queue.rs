//! `queue = { holds = 50_000, when_full = "block" }` of a live source.

#[cfg(any(feature = "mqtt", feature = "http"))]
use super::tree::Table;
use crate::queue::{QueueSettings, WhenFull};

/// How many readings a queue holds where nothing is said: 1.2 MB of them.
const HOLDS: u64 = 50_000;

/// The queue of a source whose senders can wait, or cannot.
pub(crate) fn of(waits: bool) -> QueueSettings {
    QueueSettings { holds: HOLDS, when_full: if waits { WhenFull::Block } else { WhenFull::DropOldest } }
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
    if let Some(at) = when_full.as_ref().filter(|at| at.what == WhenFull::Block && !waits) {
        let message = "messages of QoS 0 cannot wait: what comes too fast is given up before the queue";
        table.found.advice(&at.place, message, "write qos = 1, or when_full = \"drop-oldest\"");
    }
    table.finish(&[
        ("size", "write `holds`, a number of readings"),
        ("policy", "write `when_full`"),
        ("spill", "it comes in a later version"),
    ]);
    QueueSettings { holds, when_full: when_full.map_or(default.when_full, |at| at.what) }
}
