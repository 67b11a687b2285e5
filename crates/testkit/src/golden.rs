//! The golden runner: a folder a case (`config.toml`, `input.*`, `expected.txt`), each run every way that must not matter.
//!
//! Straight; in batches of odd sizes; on 1, 2 and 5 shards; on threads; and stopped at several places, saved to bytes,
//! resumed on another shard count. The outputs (as NDJSON, with ids) and their places must be the same bytes every
//! time, and their text form must be what `expected.txt` says.
//!
//! A case is written by hand: `OUZEL_BLESS=1` writes `expected.txt` anew, and then it is read and checked against the
//! input, line by line.

use ouzel_connect::encode::{Book, ndjson, text};
use ouzel_connect::source::{Rejected, Source, file};
use ouzel_engine::checkpoint::Checkpoint;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, TICK};
use ouzel_engine::series::{Declaration, Names};
use ouzel_pipeline::config::{self, Config, SourceKind};
use ouzel_pipeline::intake::{Intake, Stretch};
use ouzel_pipeline::stream::Stream;
use ouzel_pipeline::worker;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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
    let reference = recorded.play(&plan, usize::MAX, 1)?;

    let way = |label: String, outcome: Outcome| {
        if outcome.bytes == reference.bytes {
            return Ok(());
        }
        Err(format!("{label} differs:\n{}", first_difference(&reference.bytes, &outcome.bytes)))
    };
    for shards in SHARDS {
        for rows in BATCHES {
            way(format!("{shards} shards, batches of {rows}"), recorded.play(&plan, rows, shards)?)?;
        }
        way(format!("{shards} shards on threads"), threaded(&plan, &config, shards)?)?;
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

fn first_difference(expected: &str, got: &str) -> String {
    let (mut left, mut right) = (expected.lines(), got.lines());
    for line in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                return format!("  line {line}\n  expected  {}\n  got       {}", a.unwrap_or("(end)"), b.unwrap_or("(end)"));
            }
        }
    }
    "  only in their line ends".into()
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

/// What one way of running gave.
struct Outcome {
    /// Places and NDJSON.
    bytes: String,
    /// The text form, rejected input among it.
    text: String,
}

impl Outcome {
    fn of(plan: &Plan, names: &Names, outputs: &[Output], rejected: &[Rejected]) -> Outcome {
        let book = Book { names, plan };
        let (mut bytes, mut lines) = (String::new(), Vec::new());
        for output in outputs {
            let mut json = Vec::new();
            ndjson::push(output, &book, &mut json);
            let device = names.device_name(output.device);
            let _ = write!(bytes, "{} {device} {} {} ", output.input, output.node, output.ordinal);
            if let What::Over(over) = &output.what {
                let _ = writeln!(bytes, "over {}", over.time);
            } else {
                bytes.push_str(&String::from_utf8_lossy(&json));
                text::push(output, &book, &mut lines);
            }
        }
        rejected.iter().for_each(|rejected| text::push_rejected(rejected, &mut lines));
        Outcome { bytes, text: String::from_utf8_lossy(&lines).into_owned() }
    }
}

/// An input as a journal would hold it, so that it can be cut anywhere.
struct Recorded {
    stretches: Vec<Stretch>,
    rejected: Vec<Rejected>,
    rows: usize,
}

impl Recorded {
    fn of(plan: &Arc<Plan>, sources: Vec<Box<dyn Source>>) -> Result<Recorded, String> {
        let mut intake = Intake::new(Arc::clone(plan), sources);
        let mut recorded = Recorded { stretches: Vec::new(), rejected: Vec::new(), rows: 0 };
        while let Some(mut stretch) = intake.next_stretch().map_err(|f| f.what)? {
            recorded.rejected.append(&mut stretch.rejected);
            recorded.rows += stretch.batch.rows.len();
            recorded.stretches.push(stretch);
        }
        // Sources name their file by the path it was opened by; a case is the same wherever it stands.
        for rejected in &mut recorded.rejected {
            let name = Path::new(&rejected.source).file_name().map(|name| name.to_string_lossy().into_owned());
            rejected.source = name.unwrap_or_default();
        }
        Ok(recorded)
    }

    /// The same rows in stretches of at most `rows`, from row `from` on, before row `to`.
    fn cut(&self, rows: usize, from: usize, to: usize) -> Vec<Stretch> {
        let mut cut = Vec::new();
        let mut at = 0;
        for whole in &self.stretches {
            let begin = at;
            at += whole.batch.rows.len();
            let (mut low, high) = (from.max(begin), to.min(at));
            let mut declarations: Vec<Declaration> =
                if (from..to.max(from + 1)).contains(&begin) || from == begin { whole.declarations.clone() } else { Vec::new() };
            while low < high {
                let next = high.min(low.saturating_add(rows));
                let first = whole.batch.first + (low - begin) as u64;
                let rows = whole.batch.rows[low - begin..next - begin].to_vec();
                let ticks = (first..).zip(&rows).filter(|(_, r)| r.series == TICK).map(|(n, r)| (n, *r)).collect();
                let batch = Batch { first, rows, offsets: Vec::new() };
                cut.push(Stretch { declarations: std::mem::take(&mut declarations), batch, ticks, ..Stretch::default() });
                low = next;
            }
        }
        let last = self.stretches.last().and_then(|stretch| stretch.end);
        if to >= self.rows {
            let first = last.unwrap_or_default();
            cut.push(Stretch { end: last, batch: Batch { first, ..Batch::default() }, ..Stretch::default() });
        }
        cut
    }

    fn play(&self, plan: &Arc<Plan>, rows: usize, shards: usize) -> Result<Outcome, String> {
        let mut stream = Stream::new(plan, shards);
        let mut outputs = Vec::new();
        self.cut(rows, 0, self.rows).iter().for_each(|stretch| stream.step(stretch, &mut outputs));
        Ok(Outcome::of(plan, stream.names(), &outputs, &self.rejected))
    }

    fn play_with_stop(&self, plan: &Arc<Plan>, stop: usize, before: usize, after: usize) -> Result<Outcome, String> {
        let mut outputs = Vec::new();
        let mut stream = Stream::new(plan, before);
        // Names of a stretch that is cut in two are all declared before its first row.
        self.cut(13, 0, stop).iter().filter(|s| s.end.is_none()).for_each(|stretch| stream.step(stretch, &mut outputs));
        let bytes = stream.save().to_bytes();
        drop(stream);
        let checkpoint = Checkpoint::from_bytes(&bytes).map_err(|why| why.to_string())?;
        let mut stream = Stream::resume(plan, after, &checkpoint)?;
        let again = stream.save().to_bytes();
        if again != bytes {
            return Err(format!("stopped before row {stop}: saving what was just loaded gives other bytes"));
        }
        let rest = self.cut(17, stop, self.rows);
        rest.iter().for_each(|stretch| stream.step(stretch, &mut outputs));
        Ok(Outcome::of(plan, stream.names(), &outputs, &self.rejected))
    }
}

fn threaded(plan: &Arc<Plan>, config: &Config, shards: usize) -> Result<Outcome, String> {
    let intake = Intake::new(Arc::clone(plan), open(config)?);
    let (mut all, mut kept) = (Vec::new(), Names::new());
    let stop = AtomicBool::new(false);
    worker::run(plan, intake, shards, &stop, |head, outputs, _| {
        head.declarations.iter().for_each(|declaration| kept.follow(declaration));
        all.extend_from_slice(outputs);
        Ok(true)
    })
    .map_err(|fault| fault.what)?;
    Ok(Outcome::of(plan, &kept, &all, &[]))
}
