//! What windows, detectors and alerts said and no file holds yet: outputs as they came, put into words when asked.

use crate::points::{Stretch, micros};
#[cfg(feature = "parquet")]
use crate::table::Table;
use ouzel_connect::sink::Noun;
use ouzel_engine::output::{Alert, Anomaly, Output, What};
use std::sync::Arc;

/// Outputs of a block. A reader clones the open block under the lock, some 50 µs at the most.
const BLOCK: usize = 256;

/// Outputs of one noun, in their order. Whole blocks are shared with readers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    blocks: Vec<Arc<Vec<Output>>>,
    open: Vec<Output>,
}

impl Said {
    /// Adds an output; gives the bytes of memory it takes.
    pub(crate) fn push(&mut self, output: &Output) -> usize {
        self.open.push(output.clone());
        if self.open.len() == BLOCK {
            self.blocks.push(Arc::new(std::mem::take(&mut self.open)));
        }
        let boxed = match &output.what {
            What::Anomaly(_) => size_of::<Anomaly>(),
            What::Alert(_) => size_of::<Alert>(),
            What::Aggregate(aggregate) => aggregate.more.as_ref().map_or(0, |more| size_of_val(&**more)),
            What::Late(_) | What::Over(_) | What::Part(_) | What::Filtered(_) | What::Reading(_) => 0,
        };
        size_of::<Output>() + boxed
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len() * BLOCK + self.open.len()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Output> {
        self.blocks.iter().flat_map(|block| block.iter()).chain(&self.open)
    }
}

/// The nouns that the lake keeps, in the order of [`slot`].
pub(crate) const NOUNS: [Noun; 4] = [Noun::Aggregates, Noun::Anomalies, Noun::Alerts, Noun::Filtered];

/// The place of a noun among those kept.
pub(crate) fn slot(noun: Noun) -> Option<usize> {
    NOUNS.iter().position(|&kept| kept == noun)
}

/// The moment that an output is filed and asked by: when a window began, when an anomaly was, when an alert changed.
pub(crate) fn time_of(what: &What) -> i64 {
    micros(match what {
        What::Late(reading) => reading.time,
        What::Aggregate(aggregate) => aggregate.start,
        What::Anomaly(anomaly) => anomaly.time,
        What::Over(over) => over.time,
        What::Part(part) => part.start,
        What::Alert(alert) => alert.time,
        What::Filtered(filtered) => filtered.reading.time,
        What::Reading(said) => said.reading.time,
    })
}

/// The columns of [`time_of`], device and channel in the table of a noun.
#[cfg(feature = "parquet")]
pub(crate) fn key_columns(noun: Noun) -> (&'static str, &'static str) {
    if noun == Noun::Aggregates { ("start", "key") } else { ("time", "device") }
}

/// The table of a kept noun.
#[cfg(feature = "parquet")]
pub(crate) fn table(noun: Noun) -> Table {
    Table::of(noun).expect("only nouns with a table are kept")
}

/// Whether an output is inside.
pub(crate) fn meets(output: &Output, stretch: Stretch) -> bool {
    stretch.has(time_of(&output.what))
}
