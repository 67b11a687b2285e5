//! Filters: which readings go on.
//!
//! `compress` keeps those from which the others can be drawn again; `condition` those whose point meets a condition.

pub mod compress;
pub mod condition;

pub use compress::{Compress, Kept};
pub use condition::{FilterNode, Tested};
