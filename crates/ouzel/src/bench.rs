//! `ouzel bench`: the figures that the README claims, measured here.
//!
//! Each row runs in a process of its own, so that its memory and processor time are its own, several times; the median
//! counts. "One core" figures are readings per second of processor time over all threads, so that a second core or a
//! busy machine does not flatter or hide anything.

mod data;
mod features;
mod kinds;
mod live;
mod measure;

use crate::ending::{Done, Ending, Failure};
use crate::screen;
use clap::Args as ClapArgs;
use data::{Kind, TimeForm};
use indicatif::ProgressBar;
use measure::Measured;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Measure how fast this machine runs ouzel
#[derive(ClapArgs)]
pub struct Args {
    /// Print the rows as JSON
    #[arg(long)]
    json: bool,
    /// Compare with the rows of an earlier `bench --json`
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Only rows with this word in their name or setting
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// Readings in each input
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    readings: u64,
    /// Runs of each row; the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..100))]
    runs: u32,
    /// Measure one row in this process (what bench starts for each of its runs)
    #[arg(long, hide = true, requires = "input")]
    measure: Option<measure::Work>,
    /// The input of --measure
    #[arg(long, hide = true)]
    input: Option<PathBuf>,
    /// Measure one kind of window in this process
    #[arg(long, hide = true, value_name = "KIND,SERIES")]
    measure_kind: Option<String>,
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    name: String,
    setting: String,
    value: f64,
    unit: String,
    peak_rss_bytes: u64,
}

/// What is to be measured: a name, on which input, how.
struct Task {
    name: &'static str,
    kind: Kind,
    time: TimeForm,
    sensors: u32,
    work: measure::Work,
}

const TASKS: [Task; 11] = {
    use TimeForm::{Epoch, Rfc3339};
    use measure::Work::{Decode, Replay, Windows};
    const fn task(name: &'static str, kind: Kind, time: TimeForm, sensors: u32, work: measure::Work) -> Task {
        Task { name, kind, time, sensors, work }
    }
    [
        task("csv to one-minute windows", Kind::Csv, Epoch, 25, Windows),
        task("ouzel replay of the same", Kind::Csv, Epoch, 25, Replay),
        task("csv to one-minute windows", Kind::Csv, Epoch, 1_000, Windows),
        task("ouzel replay of the same", Kind::Csv, Epoch, 1_000, Replay),
        task("csv to one-minute windows", Kind::Csv, Rfc3339, 25, Windows),
        task("ouzel replay of the same", Kind::Csv, Rfc3339, 25, Replay),
        task("csv to one-minute windows", Kind::Csv, Rfc3339, 1_000, Windows),
        task("ouzel replay of the same", Kind::Csv, Rfc3339, 1_000, Replay),
        task("parquet to one-minute windows", Kind::Parquet, Epoch, 25, Windows),
        task("parquet to one-minute windows", Kind::Parquet, Epoch, 1_000, Windows),
        task("json of four fields to readings", Kind::Ndjson, Epoch, 1_000, Decode),
    ]
};

impl Task {
    fn setting(&self) -> String {
        match self.kind {
            Kind::Csv => format!("{} sensors, {} times, disorder 1.5 s", self.sensors, self.time.name()),
            Kind::Parquet => format!("{} sensors, disorder 1.5 s", self.sensors),
            Kind::Ndjson => format!("{} devices, {} times", self.sensors, self.time.name()),
        }
    }

    fn unit(&self) -> &'static str {
        if self.work == measure::Work::Decode { "messages per CPU second" } else { "readings per CPU second" }
    }

    fn wanted(&self, word: Option<&str>) -> bool {
        word.is_none_or(|word| self.name.contains(word) || self.setting().contains(word))
    }
}

/// Runs the command.
///
/// # Errors
/// When an input cannot be made or a run fails.
pub fn run(args: &Args) -> Done {
    if let (Some(work), Some(input)) = (args.measure, &args.input) {
        screen::print(&format!("{}\n", measure::run(work, input)?.to_json()))?;
        return Ok(Ending::Done);
    }
    if let Some(kind) = &args.measure_kind {
        screen::print(&kinds::measure(kind, args.readings)?)?;
        return Ok(Ending::Done);
    }
    let before = args.against.as_deref().map(read_rows).transpose()?;
    let folder = tempfile::tempdir().map_err(|e| Failure::Failed(format!("cannot make a temporary folder: {e}")))?;
    let bar = if screen::is_watched() && !args.json { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut rows = Vec::new();
    let mut made: Option<(Kind, TimeForm, u32, PathBuf)> = None;
    for task in TASKS.iter().filter(|task| task.wanted(args.only.as_deref())) {
        if task.kind == Kind::Parquet && cfg!(not(feature = "parquet")) {
            screen::say("not measured: parquet, which this build does not have");
            continue;
        }
        // Tasks on the same input stand side by side, so only one input is on the disk at a time.
        let input = match &made {
            Some((kind, time, sensors, path)) if (*kind, *time, *sensors) == (task.kind, task.time, task.sensors) => {
                path.clone()
            }
            _ => {
                if let Some((.., path)) = made.take() {
                    let _ = std::fs::remove_file(path);
                }
                bar.set_message(format!("making {} ({})", task.kind.file(), task.setting()));
                let path = folder.path().join(task.kind.file());
                data::make(&path, task.kind, task.time, task.sensors, args.readings)?;
                made = Some((task.kind, task.time, task.sensors, path.clone()));
                path
            }
        };
        bar.set_message(format!("{} ({})", task.name, task.setting()));
        rows.push(median(task, &input, args.runs)?);
    }
    bar.set_message("kinds of windows and features");
    rows.extend(kinds::rows(args.only.as_deref(), args.readings, args.runs)?);
    bar.set_message("live runs");
    rows.extend(live::rows(args.only.as_deref(), args.readings, args.runs)?);
    bar.finish_and_clear();
    if args.json {
        let json = serde_json::to_string_pretty(&rows).expect("rows are plain data");
        screen::print(&format!("{json}\n"))?;
    } else {
        screen::print(&table(&rows, before.as_deref()))?;
    }
    Ok(Ending::Done)
}

/// Runs a task in processes of its own, a warm-up first.
fn median(task: &Task, input: &Path, runs: u32) -> Result<Row, Failure> {
    once(task, input)?;
    let mut measured: Vec<Measured> = (0..runs).map(|_| once(task, input)).collect::<Result<_, _>>()?;
    measured.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    Ok(Row {
        name: task.name.into(),
        setting: task.setting(),
        value: measured[measured.len() / 2].rate().round(),
        unit: task.unit().into(),
        peak_rss_bytes: measured.iter().map(|m| m.peak_rss_bytes).max().unwrap_or_default(),
    })
}

fn once(task: &Task, input: &Path) -> Result<Measured, Failure> {
    let failed = |why: String| Failure::Failed(format!("{} ({}): {why}", task.name, task.setting()));
    let program = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
    let mut command = Command::new(program);
    let config;
    if task.work == measure::Work::Replay {
        config = input.with_file_name("minute.toml");
        std::fs::write(&config, measure::MINUTE).map_err(|e| failed(e.to_string()))?;
        command.arg("replay").arg(input).arg("--config").arg(&config).arg("--json");
    } else {
        command.args(["bench", "--measure", task.work.name(), "--input"]).arg(input);
    }
    let output = command.output().map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Measured::from_json(&output.stdout).ok_or_else(|| failed("its run printed no figures".into()))
}

fn read_rows(path: &Path) -> Result<Vec<Row>, Failure> {
    let text = std::fs::read(path).map_err(|e| Failure::Failed(format!("{}: {e}", path.display())))?;
    serde_json::from_slice(&text)
        .map_err(|e| Failure::Failed(format!("{} is not what `ouzel bench --json` prints: {e}", path.display())))
}

/// The rows for people: `8.41 M`, memory, and the ratio to the earlier run.
fn table(rows: &[Row], before: Option<&[Row]>) -> String {
    let mut text = String::new();
    for row in rows {
        let earlier = before.and_then(|b| b.iter().find(|b| b.name == row.name && b.setting == row.setting));
        let ratio = earlier.map_or(String::new(), |b| format!("  {:.2}×", row.value / b.value));
        let value = match row.unit.as_str() {
            "ms" | "MiB" | "ns a reading" => format!("{:>7.1} {}", row.value, row.unit),
            unit => format!("{:>7.2} M {unit}", row.value / 1e6),
        };
        let peak = match row.peak_rss_bytes {
            0 => String::new(),
            peak => format!(", {:>5.1} MiB at most", peak as f64 / 1_048_576.0),
        };
        text.push_str(&format!("{:<32} {:<52} {value}{peak}{ratio}\n", row.name, row.setting));
    }
    text
}
