//! What nodes pass on, for those who listen: a side channel that changes no state and no output.
//!
//! Readings that were derived are seen nowhere else, and those that a filter has let past it look like any other. As long as
//! nobody listens, it costs one look at an empty list for each reading that is passed on.

use super::{Outputs, Shard};
use crate::reading::Reading;

/// So many readings are told of a step at the most; a step has some thousand rows.
const TOLD: usize = 10_000;

impl Shard {
    /// A node has passed a reading on.
    #[inline]
    pub(super) fn overhear(&self, node: u16, reading: &Reading, out: &mut Outputs) {
        if !self.tapped.is_empty() && self.tapped.contains(&node) {
            if out.tapped.len() < TOLD {
                out.tapped.push((node, *reading));
            } else {
                out.untold += 1;
            }
        }
    }
}
