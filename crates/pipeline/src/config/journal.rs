//! `[journal]`: where a live run writes down what it takes in, and how soon that is durable.

use super::place::Findings;
use super::sections::{Kind, Sections};
use ouzel_engine::time::Span;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the journal is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// Its folder.
    pub dir: PathBuf,
    /// The longest that a message waits until it is durable; zero: each one by itself.
    pub sync: Duration,
}

/// A wait that nobody notices, and that a hundred messages can share.
const SYNC: Duration = Duration::from_millis(20);

/// Longer than this and a sender believes that nobody hears it.
const LONGEST: Span = Span::from_secs(10);

/// Reads the section, if there is one. Without it the journal is in `journal` beside the config.
pub(crate) fn read(sections: &Sections<'_>, folder: &Path, found: &mut Findings) -> JournalSettings {
    let mut settings = JournalSettings { dir: folder.join("journal"), sync: SYNC };
    let Some(section) = sections.of(Kind::Journal).next() else { return settings };
    let mut table = section.table(found);
    if let Some(dir) = table.text("dir") {
        settings.dir = folder.join(dir.what);
    }
    if let Some(sync) = table.text("sync") {
        let span = if sync.what == "each" { Ok(Span::ZERO) } else { Span::parse(&sync.what) };
        match span {
            Ok(span) if span <= LONGEST && span >= Span::ZERO => {
                settings.sync = Duration::from_nanos(span.0.unsigned_abs());
            }
            Ok(_) => {
                let hint = "until then no sender is answered: write 10s or less, \"20ms\" for example";
                table.found.problem(&sync.place, format!("`sync` of {} is too long", sync.what), hint);
            }
            Err(_) => {
                let hint = "write `each` (every message by itself), or the longest wait, \"20ms\" for example";
                table.found.problem(&sync.place, format!("`sync` cannot be {:?}", sync.what), hint);
            }
        }
    }
    table.finish(&[("path", "write `dir`"), ("fsync", "write `sync`")]);
    settings
}
