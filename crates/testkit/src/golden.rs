//! The golden runner: a folder a case (`config.toml`, `input.*`, `expected.txt`), each run every way that must not matter.
//!
//! Straight; in batches of odd sizes; on 1, 2 and 5 shards; on threads; and stopped at several places, saved to bytes,
//! resumed on another shard count. The outputs (as NDJSON, with ids) and their places must be the same bytes every
//! time, and their text form must be what `expected.txt` says.
//!
//! A case is written by hand: `OUZEL_BLESS=1` writes `expected.txt` anew, and then it is read and checked against the
//! input, line by line.

use crate::play::{Outcome, Recorded, first_difference, threaded};
use ouzel_connect::source::{Source, file};
use ouzel_pipeline::config::{self, Config, SourceKind};
use std::path::Path;
use std::sync::Arc;

/// The shard counts that each case is run on.
pub const SHARDS: [usize; 3] = [1, 2, 5];

/// Rows a batch; the last one is everything at once.
pub const BATCHES: [usize; 5] = [1, 2, 7, 61, usize::MAX];

/// Runs one case every way.
///
/// # Errors
/// What differs from what, for the person who reads the failed test.
pub fn run(folder: &Path) -> Result<(), String> {
    let config = read_config(folder)?;
    let plan = Arc::new(config.plan.clone());
    let recorded = Recorded::of(&plan, open(&config)?)?;
    let reference = recorded.play(&plan, usize::MAX, 1);

    let way = |label: String, outcome: Outcome| {
        if outcome.bytes == reference.bytes {
            return Ok(());
        }
        Err(format!("{label} differs:\n{}", first_difference(&reference.bytes, &outcome.bytes)))
    };
    for shards in SHARDS {
        for rows in BATCHES {
            way(format!("{shards} shards, batches of {rows}"), recorded.play(&plan, rows, shards))?;
        }
        way(format!("{shards} shards on threads"), threaded(&plan, open(&config)?, shards)?)?;
    }
    let rows = recorded.rows;
    let stops: Vec<usize> = if rows <= 24 { (0..=rows).collect() } else { (0..=12).map(|i| rows * i / 12).collect() };
    for (turn, stop) in stops.into_iter().enumerate() {
        let (before, after) = (SHARDS[turn % 3], SHARDS[(turn + 1) % 3]);
        let outcome = recorded.play_with_stop(&plan, stop, before, after)?;
        way(format!("stopped before row {stop} on {before} shards, resumed on {after}"), outcome)?;
    }
    expect(folder, &reference.text)
}

fn expect(folder: &Path, text: &str) -> Result<(), String> {
    let path = folder.join("expected.txt");
    if std::env::var_os("OUZEL_BLESS").is_some() {
        return std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()));
    }
    let expected = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    if expected == text {
        return Ok(());
    }
    Err(format!("the outputs are not those of {}:\n{}", path.display(), first_difference(&expected, text)))
}

fn read_config(folder: &Path) -> Result<Config, String> {
    let path = folder.join("config.toml");
    let toml = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let read = config::read("config.toml", &toml, folder);
    let all = read.render_all(&toml);
    read.config.ok_or(all)
}

fn open(config: &Config) -> Result<Vec<Box<dyn Source>>, String> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for source in &config.sources {
        let SourceKind::Files { paths, format } = &source.what else {
            return Err(format!("source `{}` is not of type file", source.name));
        };
        for path in paths {
            sources.push(file::open(path, format, source.timing, None).map_err(|f| f.what)?.source);
        }
    }
    Ok(sources)
}
