//! What Ouzel computes. The same input gives the same output, on one shard or on five, in one go or resumed.
//!
//! No I/O, no clock, no thread, no unseeded chance: time and names arrive as inputs. [`shard`] is the loop and the
//! place to start reading; the modules stand in the order in which a reading meets them.

pub mod aggregate;
pub mod alert;
pub mod checkpoint;
pub mod condition;
pub mod detector;
pub mod feature;
pub mod filter;
pub mod fleet;
pub mod formula;
pub mod group;
pub mod joint;
pub mod lateness;
pub mod meet;
pub mod node;
pub mod order;
pub mod output;
pub mod plan;
pub mod point;
pub mod reading;
pub mod series;
pub mod shard;
pub mod table;
pub mod time;
pub mod window;
