//! How the lake is kept: a `[lake]` section.

use ouzel_engine::time::Span;
use std::path::PathBuf;

/// The settings of a lake, with defaults for all but its folder.
#[derive(Clone, Debug, PartialEq)]
pub struct LakeSettings {
    /// The folder.
    pub dir: PathBuf,
    /// Files are written at least this often, by the clock on the wall. Default 5 minutes: a day has 288 files then,
    /// which is few enough for any reader of a folder.
    pub every: Span,
    /// Files are written when this many readings are waiting. Default 1 000 000: half a second of work.
    pub rows: u64,
    /// Days older than this go, by their date. Default: none.
    pub keep: Option<Span>,
    /// When all files together are larger than this many bytes, the oldest go. Default: no bound.
    pub at_most: Option<u64>,
    /// The most memory for what no file holds yet, in bytes. Default 32 MiB. Near it files are written early.
    pub recent: u64,
}

impl LakeSettings {
    /// The defaults, in this folder.
    pub fn new(dir: impl Into<PathBuf>) -> LakeSettings {
        LakeSettings {
            dir: dir.into(),
            every: Span::from_secs(300),
            rows: 1_000_000,
            keep: None,
            at_most: None,
            recent: 32 << 20,
        }
    }
}
