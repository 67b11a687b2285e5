//! What Ouzel computes. The same input gives the same output, on one shard or on five, in one go or resumed.
//!
//! No I/O, no clock, no thread, no unseeded chance: time and names arrive as inputs. The modules stand in the order
//! in which a reading meets them.

pub mod time;
pub mod series;
pub mod reading;
pub mod plan;
pub mod output;
