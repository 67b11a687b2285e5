//! Features of a series: what windows say, and more, of a past that slides with each reading.
//!
//! `node` is a `[feature.NAME]` section at work, in parts that share their state: `recent` is one past with all statistics
//! of it, `steps` are lags, differences and rates, `decay` what counts half as much a half-life later. Below them stand
//! the kernels, which others use, too: `rolling` for sums, `folded` and `tree` for extremes, `ranked`, `sampled` and
//! `weighted` for quantiles.

pub mod clock;
pub mod daily;
pub mod decay;
pub mod folded;
pub mod node;
pub mod ranked;
pub mod recent;
pub mod rolling;
pub mod sampled;
pub mod spectrum;
pub mod steps;
pub mod tree;
pub mod weighted;

pub use folded::{Fold, Folded};
pub use node::{FeatureNode, Made};
pub use ranked::Ranked;
pub use rolling::{PANES, Rolling};
