//! The golden runner: a folder a case (`config.toml`, `input.*`, `expected.txt`), each run every way that must not matter.
//!
//! Straight; in batches of odd sizes; on 1, 2 and 5 shards; on threads; stopped at several places, saved to bytes,
//! resumed on another shard count; and by way of the disk, killed anywhere and recovered from journal, output log and
//! checkpoints. The outputs (as NDJSON, with ids) and their places must be the same bytes every time, and their text
//! form must be what `expected.txt` says.
//!
//! Tables of joins stand beside the input. `limits.from-7.csv` is the version of `limits.csv` that is in force from the seventh
//! reading on.
//!
//! A case is written by hand: `OUZEL_BLESS=1` writes `expected.txt` anew, and then it is read and checked against the
//! input, line by line.

use crate::play::{Outcome, Recorded, first_difference, threaded};
use crate::recovery::{Journalled, Told};
use ouzel_connect::source::{Source, file};
use ouzel_engine::plan::{Operator, Plan, WhenLate, Work};
use ouzel_engine::time::Time;
use ouzel_pipeline::config::{self, Config, InForce, SourceKind};
use ouzel_pipeline::journal::{Configured, Record};
use ouzel_pipeline::tables::{self, TableConfig, Tables};
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
    let recorded = record(&plan, &config)?;
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
        // Files that are replayed have one version of a table.
        if !recorded.tables_change() {
            let inputs = (open(&config)?, tables(&config)?);
            way(format!("{shards} shards on threads"), threaded(&plan, inputs, shards)?)?;
        }
    }
    let rows = recorded.rows;
    let stops: Vec<usize> = if rows <= 24 { (0..=rows).collect() } else { (0..=12).map(|i| rows * i / 12).collect() };
    for (turn, stop) in stops.into_iter().enumerate() {
        let (before, after) = (SHARDS[turn % 3], SHARDS[(turn + 1) % 3]);
        let outcome = recorded.play_with_stop(&plan, stop, before, after)?;
        way(format!("stopped before row {stop} on {before} shards, resumed on {after}"), outcome)?;
    }
    killed_and_recovered(&config_in_force(folder, plan)?, &recorded, &reference)?;
    expect(folder, &reference.text)
}

/// Seeds of kills that each case is run with, with the config it has, and with one that changes on the way.
const KILLS: std::ops::Range<u64> = 0..12;

/// An operator that is there for a while.
const GUEST: &str = "guest-7f";

fn killed_and_recovered(config: &InForce, recorded: &Recorded, reference: &Outcome) -> Result<(), String> {
    let compare = |way: &str, expected: &str, got: &str| match expected == got {
        true => Ok(()),
        false => Err(format!("{way} differs:\n{}", first_difference(expected, got))),
    };
    for rows in [1, 7] {
        let journalled = Journalled::of(config, recorded.records(rows))?;
        let straight = journalled.straight()?;
        compare("by way of the disk", &reference.bytes, &straight.outcome.bytes)?;
        if straight.rejected != recorded.rejected() {
            let (there, here) = (recorded.rejected(), &straight.rejected);
            return Err(format!("by way of the disk, {here:?} is rejected, not {there:?}"));
        }
        all_killed(&journalled, &straight, "")?;
    }
    let Some(changed) = recorded.channel().and_then(|channel| with_guest(config, &channel)) else { return Ok(()) };
    let mut records = recorded.records(3);
    let (middle, later) = (records.len() / 3, records.len() * 2 / 3);
    change(&mut records, later, config);
    change(&mut records, middle, &changed);
    let journalled = Journalled::of(config, records)?.started_with(changed);
    let straight = journalled.straight()?;
    let (expected, got) = (reference.without(GUEST), straight.outcome.without(GUEST));
    compare("with another operator for a while", &expected, &got)?;
    all_killed(&journalled, &straight, ", the config changing on the way")
}

fn all_killed(journalled: &Journalled, straight: &Told, how: &str) -> Result<(), String> {
    for seed in KILLS {
        let wrong = |why: String| format!("killed and recovered from disk, seed {seed}{how}: {why}");
        let (told, _) = journalled.killed(seed).map_err(wrong)?;
        if told != *straight {
            let differs = first_difference(&straight.outcome.bytes, &told.outcome.bytes);
            return Err(wrong(format!("the output log is not that of a run that nobody stopped:\n{differs}")));
        }
    }
    Ok(())
}

/// Another config is in force from a record on. What was recorded has no number to spare for it, and a change that ends no
/// alert needs none: it takes that of the row before.
fn change(records: &mut Vec<Record>, at: usize, config: &InForce) {
    let row_before = records[..at].iter().rev().find_map(|record| match record {
        Record::Stretch(it) => (it.stretch.batch.first + it.stretch.batch.rows.len() as u64).checked_sub(1),
        _ => None,
    });
    let (input, text) = (row_before.unwrap_or(0), config.text.to_string());
    records.insert(at, Record::Config(Configured { input, at: Time(0), text }));
}

/// The config with one operator more, which changes nothing for the others: a window, but where late readings do not simply go
/// aside. There a window would have its say, and a detector has none.
fn with_guest(config: &InForce, channel: &str) -> Option<InForce> {
    let aside = |operator: &Operator| match &operator.work {
        Work::Window(spec) => spec.when_late == WhenLate::Aside,
        _ => true,
    };
    let guest = match config.plan.operators.iter().all(aside) {
        true => format!("[window.{GUEST}]\nover = \"{channel}\"\nsize = \"3s\"\n"),
        false => format!("[detector.{GUEST}]\ntype = \"flatline\"\non = \"{channel}\"\npast = \"3\"\n"),
    };
    InForce::read(&format!("{}\n{guest}", config.text)).ok()
}

fn config_in_force(folder: &Path, plan: Arc<Plan>) -> Result<InForce, String> {
    let path = folder.join("config.toml");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(InForce { text: text.into(), plan })
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

/// Reads the input of a case.
///
/// # Errors
/// What is wrong with its config or its files.
pub fn recorded(folder: &Path) -> Result<(Arc<Plan>, Recorded), String> {
    let config = read_config(folder)?;
    let plan = Arc::new(config.plan.clone());
    let recorded = record(&plan, &config)?;
    Ok((plan, recorded))
}

fn read_config(folder: &Path) -> Result<Config, String> {
    let path = folder.join("config.toml");
    let toml = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let read = config::read("config.toml", &toml, folder);
    let all = read.render_all(&toml);
    read.config.ok_or(all)
}

fn tables(config: &Config) -> Result<Tables, String> {
    tables::read_all(&config.tables).map_err(|fault| fault.what)
}

/// The input of a case, with all versions of its tables.
fn record(plan: &Arc<Plan>, config: &Config) -> Result<Recorded, String> {
    let mut recorded = Recorded::with_tables(plan, open(config)?, tables(config)?)?;
    for table in &config.tables {
        let name =
            |part: Option<&std::ffi::OsStr>| part.map_or(String::new(), |part| part.to_string_lossy().into_owned());
        let (stem, end) = (name(table.path.file_stem()), name(table.path.extension()));
        for reading in 1..=recorded.readings() {
            let path = table.path.with_file_name(format!("{stem}.from-{reading}.{end}"));
            if path.exists() {
                let version = TableConfig { path, ..table.clone() };
                recorded.change_tables(reading, tables::read_all(&[version]).map_err(|fault| fault.what)?);
            }
        }
    }
    Ok(recorded)
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
