//! The lake from outside: what goes in, what is in the files, what is answered, and what a kill leaves.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

#[cfg(feature = "parquet")]
mod answers;
#[cfg(feature = "parquet")]
mod crash;
#[cfg(feature = "parquet")]
mod files;
#[cfg(feature = "parquet")]
mod keep;
mod memory;
mod play;
