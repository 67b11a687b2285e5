//! How Ouzel runs: the config, and the way of the readings from sources through shards to sinks.
//!
//! No protocol details and no arithmetic.

pub mod config;
pub mod intake;
pub mod tables;
pub mod stream;
pub mod worker;
pub mod counted;
pub mod outlet;
pub mod summary;
pub mod run;
pub mod cases;
pub mod clock;
pub mod counters;
pub mod control;
pub mod trouble;
pub mod step;
pub mod log;
pub mod journal;
pub mod sequence;
pub mod known;
pub mod outputs;
pub mod wants;
pub mod words;
pub mod checkpoint;
pub mod reserve;
pub mod runner;
pub mod queue;
pub mod live;
