//! The files of the lake: Apache Parquet, written and read through [`Disk`](ouzel_connect::disk::Disk).

mod open;
mod read;
mod runs;
mod write;

pub(crate) use open::{File, Opened};
pub(crate) use read::{Found, Wanted, buckets, newest, points, rows};
pub(crate) use write::{Buckets, Labels, Readings};
