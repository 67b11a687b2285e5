//! Results at rest: Parquet files, what no file holds yet, tiers.
//!
//! A thread owns a [`LakeWriter`] and gives it every step of a run, in order. What comes is held in memory, compressed
//! and bounded, until a *roll* writes it to files: readings, their sums in buckets of 10 s, 1 min and 10 min, and what
//! windows, detectors and alerts said. One roll is one range of input numbers and one line of the manifest, so after a
//! kill nothing is lost (the journal holds what no roll does) and nothing is there twice. [`LakeReader`]s answer
//! questions from files and memory together.
//!
//! Without the feature `parquet` nothing is written: what is in memory can be asked, and the oldest of it is forgotten.

pub mod settings;
pub mod table;
pub mod points;
mod chunk;
mod held;
pub mod tier;
mod said;
#[cfg(feature = "parquet")]
mod file;
#[cfg(feature = "parquet")]
mod manifest;
#[cfg(feature = "parquet")]
mod roll;
mod shared;
mod writer;
mod reader;
pub mod downsample;

pub use points::{Points, Quality};
pub use reader::{Asked, LakeReader, Row};
pub use settings::LakeSettings;
pub use shared::{FileFacts, SharedNames};
pub use table::Table;
pub use tier::{Bucket, Tier};
pub use writer::LakeWriter;
