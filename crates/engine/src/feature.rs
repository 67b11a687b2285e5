//! Features of a series: the same as windows say, over a past that slides with each reading.

pub mod ranked;
pub mod rolling;

pub use ranked::Ranked;
pub use rolling::{PANES, Rolling};
