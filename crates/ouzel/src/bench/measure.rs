//! One run of one row, in the process that is measured.

use crate::ending::Failure;
use crate::meter;
use ouzel_connect::format::FormatHints;
use ouzel_connect::source::{Rows, file};
use ouzel_engine::series::{Names, Timing};
use ouzel_pipeline::config::{self, SourceKind};
use ouzel_pipeline::outlet::Outlet;
use ouzel_pipeline::run::{self, Settings};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The config of the benchmark, the one in `examples/`.
pub const MINUTE: &str = include_str!("../../../../examples/minute.toml");

/// What is done with the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// Into one-minute windows, in one thread.
    Windows,
    /// `ouzel replay`, as a user runs it.
    Replay,
    /// Into readings only.
    Decode,
}

impl Work {
    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Work::Windows => "windows",
            Work::Replay => "replay",
            Work::Decode => "decode",
        }
    }
}

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Readings, or messages.
    pub count: f64,
    /// Processor seconds of all threads, from the start of the process.
    pub cpu_seconds: f64,
    /// The most memory at once.
    pub peak_rss_bytes: u64,
}

impl Measured {
    /// How many a second.
    pub fn rate(&self) -> f64 {
        self.count / self.cpu_seconds
    }

    /// As `ouzel replay --json` prints it, as far as the bench reads it.
    pub fn to_json(self) -> String {
        serde_json::json!({
            "readings": self.count,
            "cpu_seconds": self.cpu_seconds,
            "peak_rss_bytes": self.peak_rss_bytes,
        })
        .to_string()
    }

    /// Reads what a run printed.
    pub fn from_json(json: &[u8]) -> Option<Measured> {
        let object: serde_json::Value = serde_json::from_slice(json).ok()?;
        Some(Measured {
            count: object.get("readings")?.as_f64()?,
            cpu_seconds: object.get("cpu_seconds")?.as_f64()?,
            peak_rss_bytes: object.get("peak_rss_bytes")?.as_u64()?,
        })
    }
}

/// Does the work once.
///
/// # Errors
/// When the input cannot be read.
pub fn run(work: Work, input: &Path) -> Result<Measured, Failure> {
    let count = match work {
        Work::Decode => decode(input)?,
        Work::Windows | Work::Replay => windows(input)?,
    };
    Ok(Measured {
        count: count as f64,
        cpu_seconds: meter::cpu_seconds(),
        peak_rss_bytes: meter::peak_rss_bytes().unwrap_or_default(),
    })
}

fn decode(input: &Path) -> Result<u64, Failure> {
    let mut opened = file::open(input, &FormatHints::default(), Timing::default(), None)?;
    let (mut names, mut rows, mut messages) = (Names::new(), Rows::default(), 0);
    while opened.source.next(&mut names, &mut rows)? {
        messages += rows.rows.iter().filter(|r| r.place == 0).count() as u64;
        rows.rows.clear();
    }
    Ok(messages)
}

fn windows(input: &Path) -> Result<u64, Failure> {
    // Results are written beside the input, as `ouzel replay` does it: nobody computes them for nothing.
    let read = config::read("minute.toml", MINUTE, input.parent().unwrap_or(Path::new(".")));
    let shown = read.render_all(MINUTE);
    let config = read.config.ok_or(Failure::Config(shown))?;
    let (hints, timing) = match config.sources.first() {
        Some(source) => match &source.what {
            SourceKind::Files { format, .. } => (format.clone(), source.timing),
            _ => (FormatHints::default(), source.timing),
        },
        None => (FormatHints::default(), Timing::default()),
    };
    // A Parquet file has the names that ouzel itself gives its columns; they are guessed.
    let is_parquet = input.extension().is_some_and(|end| end == "parquet");
    let hints = if is_parquet { FormatHints::default() } else { hints };
    let opened = file::open(input, &hints, timing, None)?;
    let mut outlet = Outlet::open(&config.sinks, &config.plan)?;
    let ran = run::run(
        &Arc::new(config.plan),
        (vec![opened.source], Vec::new()),
        &mut outlet,
        Settings { shards: 0 },
        &AtomicBool::new(false),
    )?;
    Ok(ran.summary.readings)
}
