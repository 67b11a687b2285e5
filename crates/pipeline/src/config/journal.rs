//! `[journal]` and `[checkpoint]`: where a live run writes down what it takes in, how soon that is durable, how much it may be.

use super::place::Findings;
use super::sections::{Kind, Sections};
use super::tree::Table;
use crate::live::Logs;
use ouzel_engine::time::Span;
use std::path::Path;
use std::time::Duration;

/// Longer than this and a sender believes that nobody hears it.
const LONGEST: Span = Span::from_secs(10);

/// A journal has some segments at the least, and a segment some blocks.
const SEGMENTS: u64 = 8;
const SMALLEST: u64 = 256 << 10;

/// Reads the sections, if there are any. Without them the journal is in `journal` beside the config.
pub(crate) fn read(sections: &Sections<'_>, folder: &Path, found: &mut Findings) -> Logs {
    let mut logs = Logs::new(folder.join("journal"));
    if let Some(section) = sections.of(Kind::Journal).next() {
        let mut table = section.table(found);
        if let Some(dir) = table.text("dir") {
            logs.folder = folder.join(dir.what);
        }
        sync(&mut table, &mut logs);
        logs.journal.bound = size(&mut table, "holds", logs.journal.bound);
        logs.keep = table.size("keep", 0).map_or(logs.keep, |size| size.what);
        if logs.keep > logs.journal.bound / 2 {
            let hint = "a journal that only keeps has no room to take in: raise `holds` to twice as much or more";
            table.refuse("keep", "is more than half of what the journal holds", hint);
        }
        logs.outputs.bound = size(&mut table, "outputs", logs.outputs.bound);
        logs.reserve = table.size("reserve", 0).map_or(logs.reserve, |size| size.what);
        if let Some(segment) = table.size("segment", SMALLEST / SEGMENTS) {
            logs.journal.segment = segment.what;
            logs.outputs.segment = logs.journal.segment;
        }
        table.finish(&[("path", "write `dir`"), ("fsync", "write `sync`"), ("max", "write `holds`")]);
    }
    logs.journal.segment = logs.journal.segment.min(logs.journal.bound / SEGMENTS);
    logs.outputs.segment = logs.outputs.segment.min(logs.outputs.bound / SEGMENTS);
    if let Some(section) = sections.of(Kind::Checkpoint).next() {
        let mut table = section.table(found);
        if let Some(every) = table.span("every") {
            match every.what {
                span if span >= Span::from_millis(100) => {
                    logs.checkpoints.every = Duration::from_nanos(span.0.unsigned_abs());
                }
                _ => table.found.problem(&every.place, "`every` is too short", "write 1s or more, \"1m\" for example"),
            }
        }
        logs.checkpoints.after = size(&mut table, "after", logs.checkpoints.after);
        table.finish(&[("interval", "write `every`"), ("bytes", "write `after`")]);
    }
    logs
}

/// A size that may not be too small to work with.
fn size(table: &mut Table<'_, '_>, key: &'static str, default: u64) -> u64 {
    table.size(key, SMALLEST).map_or(default, |size| size.what)
}

fn sync(table: &mut Table<'_, '_>, logs: &mut Logs) {
    let Some(sync) = table.text("sync") else { return };
    let span = if sync.what == "each" { Ok(Span::ZERO) } else { Span::parse(&sync.what) };
    match span {
        Ok(span) if span <= LONGEST && span >= Span::ZERO => {
            logs.sync = Duration::from_nanos(span.0.unsigned_abs());
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
