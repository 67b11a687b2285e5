//! Recorded data of SKAB and NAB through the configs in `examples/`, against a plain, slow recomputation: the same
//! windows and the same z-scores, to 1e-9, in one thread and on several.

use super::oracle::agree_on;
use ouzel_connect::format::FormatHints;
use ouzel_connect::source::{Source, file};
use ouzel_engine::output::What;
use ouzel_engine::plan::*;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, days_from_civil};
use ouzel_pipeline::config::{self, SourceKind};
use ouzel_pipeline::intake::Intake;
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::oracle::{self, Plain};
use ouzel_testkit::{data, play};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How far two ways of computing may be apart.
const APART: f64 = 1e-9;

#[test]
fn every_file_of_skab_gives_what_a_plain_recomputation_gives() {
    check("skab.toml", "skab", 18, ';');
}

#[test]
fn every_file_of_nab_gives_what_a_plain_recomputation_gives() {
    check("nab.toml", "nab/data", 29, ',');
}

fn check(example: &str, set: &str, least: usize, separator: char) {
    let Some(files) = data::files(set, "csv") else { return };
    assert!(files.len() >= least, "only {} files were found in {set}", files.len());
    let example = Example::read(example);
    let mut compared = 0;
    for path in &files {
        let table = Table::read(path, separator, &example.channels);
        compared += example.check(path, &table);
    }
    assert!(compared > 10_000, "only {compared} numbers were compared in {set}");
}

#[test]
fn every_kind_of_window_on_skab_says_what_the_oracle_says() {
    every_kind("skab.toml", "skab", Span::from_secs(1));
}

#[test]
fn every_kind_of_window_on_nab_says_what_the_oracle_says() {
    every_kind("nab.toml", "nab/data", Span::from_secs(300));
}

/// Windows of all shapes, with all statistics, for readings that come about once a `step`.
fn every_kind(example: &str, set: &str, step: Span) {
    let Some(files) = data::files(set, "csv") else { return };
    let mut example = Example::read(example);
    let steps = |many: i64| Span(step.0 * many);
    let session = SessionSpec { gap: steps(3), longest: Some(steps(500)), start: None, active: None };
    let shapes = [
        Shape::Time { size: steps(60), every: steps(60) },
        Shape::Time { size: steps(300), every: steps(70) },
        Shape::Calendar { step: Step::Hours(1), zone: Zone::default() },
        Shape::Sliding { size: steps(200), every: steps(50) },
        Shape::Count { size: 100, every: 30 },
        Shape::Session(Box::new(session)),
    ];
    let pairs = [Statistic::Covariance, Statistic::Correlation, Statistic::SlopeWith];
    let mut all: Vec<Statistic> = Statistic::NAMED.iter().map(|named| named.1).collect();
    all.retain(|what| !pairs.contains(what));
    all.extend([5_000, 50_000, 99_900].map(Statistic::Quantile));
    let of = |(index, shape): (usize, Shape)| {
        // An hour may have more readings than quantiles are exact for.
        let exact = |what: &&Statistic| !matches!((&shape, what), (Shape::Calendar { .. }, Statistic::Quantile(_)));
        let give: Vec<Statistic> = all.iter().filter(exact).copied().collect();
        let work = Work::Window(WindowSpec::of(shape, &give));
        Operator { name: format!("n{index}"), on: example.channels.clone(), work }
    };
    let operators = shapes.into_iter().enumerate().map(of).collect();
    example.plan =
        Arc::new(Plan { channels: example.plan.channels.clone(), operators, alerts: Vec::new(), ..Plan::default() });
    let mut compared = 0;
    for path in &files {
        let recorded = play::Recorded::of(&example.plan, example.open(path)).unwrap();
        compared += agree_on(&example.plan, &recorded).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    }
    assert!(compared > 100_000, "only {compared} numbers were compared in {set}");
}

/// A config of `examples/` whose z-scores all come out.
struct Example {
    plan: Arc<Plan>,
    format: FormatHints,
    timing: Timing,
    channels: Vec<String>,
}

impl Example {
    fn read(name: &str) -> Example {
        let folder =
            std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is"))
                .join("../../examples");
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let read = config::read(name, &text, &folder);
        let shown = read.render_all(&text);
        let mut config = read.config.unwrap_or_else(|| panic!("{shown}"));
        for operator in &mut config.plan.operators {
            if let Work::ZScore(_, limits) = &mut operator.work {
                // Lower than any score, so that every reading that has one is an anomaly.
                let all = Levels { warning: Some(f64::MIN), critical: None };
                *limits = Limits { above: all, ..Limits::default() };
            }
        }
        let source = config.sources.swap_remove(0);
        let SourceKind::Files { format, .. } = source.what else { panic!("{name} reads files") };
        let channels = format.channels.iter().map(|(_, channel)| channel.clone()).collect();
        Example { plan: Arc::new(config.plan), format, timing: source.timing, channels }
    }

    fn open(&self, path: &Path) -> Vec<Box<dyn Source>> {
        vec![file::open(path, &self.format, self.timing, None).unwrap_or_else(|fault| panic!("{}", fault.what)).source]
    }

    /// Compares a whole file; gives how many windows and scores there were.
    fn check(&self, path: &Path, table: &Table) -> usize {
        let mut intake = Intake::new(Arc::clone(&self.plan), self.open(path));
        let mut stream = Stream::new(&self.plan, 1);
        let (mut outputs, mut rejected) = (Vec::new(), 0);
        while let Some(stretch) = intake.next_stretch().unwrap_or_else(|fault| panic!("{}", fault.what)) {
            rejected += stretch.rejected.len();
            stream.step(&stretch, &mut outputs);
        }
        assert_eq!(rejected, 0, "{} has lines that cannot be read", path.display());
        let late = outputs.iter().filter(|output| matches!(output.what, What::Late(_))).count();
        assert_eq!(late, table.late * self.channels.len(), "{}", path.display());
        let one = play::Outcome::of(&self.plan, stream.names(), &outputs, &[]);
        for shards in [1, 2] {
            let threads = play::threaded(&self.plan, (self.open(path), Vec::new()), shards).unwrap();
            let differs = || play::first_difference(&one.bytes, &threads.bytes);
            assert!(one.bytes == threads.bytes, "{} on {shards} threads:\n{}", path.display(), differs());
        }

        let mut said = Said::default();
        outputs.iter().for_each(|output| said.take(&self.plan, stream.names(), output.node, &output.what));
        let mut compared = 0;
        for (node, operator) in (0u16..).zip(&self.plan.operators) {
            for on in &operator.on {
                let at = format!("{}: {} on {on}", path.display(), operator.name);
                match &operator.work {
                    Work::Window(spec) => compared += windows(&at, spec, &table.channels[on], said.windows(node, on)),
                    Work::ZScore(spec, _) => {
                        compared += scores(&at, spec, &self.values(on, table), said.scores(node, on));
                    }
                    _ => {}
                }
            }
        }
        compared
    }

    /// What an operator takes under this name: readings, or what a window says of them.
    fn values(&self, on: &str, table: &Table) -> Vec<f64> {
        if let Some(readings) = table.channels.get(on) {
            return readings.iter().map(|reading| reading.1).collect();
        }
        let (window, rest) = on.split_once('.').unwrap();
        let (channel, statistic) = rest.rsplit_once('.').unwrap();
        assert_eq!(statistic, "mean", "the examples take means of windows");
        let operator = self.plan.operators.iter().find(|operator| operator.name == window).unwrap();
        let Work::Window(spec) = &operator.work else { panic!("{window} is a window") };
        oracle::windows(&table.channels[channel], size_of(spec).0, size_of(spec).1).iter().map(|w| w.2.mean).collect()
    }
}

/// A file, read in the plainest way: times in nanoseconds, and the readings of each channel that were not late.
struct Table {
    channels: BTreeMap<String, Vec<(i64, f64)>>,
    late: usize,
}

impl Table {
    fn read(path: &Path, separator: char, wanted: &[String]) -> Table {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let head: Vec<&str> = lines.next().unwrap().split(separator).collect();
        let columns: Vec<usize> =
            wanted.iter().map(|channel| head.iter().position(|name| name == channel).unwrap()).collect();
        let mut channels: BTreeMap<String, Vec<(i64, f64)>> = wanted.iter().map(|c| (c.clone(), Vec::new())).collect();
        let (mut latest, mut late) = (i64::MIN, 0);
        for line in lines {
            let cells: Vec<&str> = line.split(separator).collect();
            let time = nanos(cells[0]);
            if time < latest {
                late += 1;
                continue;
            }
            latest = time;
            for (channel, &column) in wanted.iter().zip(&columns) {
                channels.get_mut(channel).unwrap().push((time, cells[column].parse().unwrap()));
            }
        }
        Table { channels, late }
    }
}

/// `2020-03-01 15:44:06` as nanoseconds since 1970.
fn nanos(text: &str) -> i64 {
    let parts: Vec<i64> = text.split(['-', ' ', ':']).map(|part| part.parse().unwrap()).collect();
    let [year, month, day, hour, minute, second] = parts[..] else { panic!("`{text}` is not a time") };
    let days = days_from_civil(year, month as u32, day as u32);
    (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000
}

/// Start, end, and what was in it.
type Window = (i64, i64, Plain);

/// A score, what was expected, and the spread.
type Judged = (f64, f64, f64);

/// What came out, by node and channel.
#[derive(Default)]
struct Said {
    windows: BTreeMap<(u16, String), Vec<Window>>,
    scores: BTreeMap<(u16, String), Vec<Judged>>,
}

impl Said {
    fn take(&mut self, plan: &Plan, names: &Names, node: u16, what: &What) {
        let channel = |series| names.channel_name(names.of(series).1).to_owned();
        match what {
            What::Aggregate(a) => {
                let plain = Plain { count: a.count as usize, mean: a.mean, std: a.std, min: a.min, max: a.max };
                self.windows.entry((node, channel(a.series))).or_default().push((a.start.0, a.end.0, plain));
            }
            What::Anomaly(a) if matches!(plan.operators[node as usize].work, Work::ZScore(..)) => {
                let judged = (a.score, a.expected, a.spread);
                self.scores.entry((node, channel(a.series))).or_default().push(judged);
            }
            _ => {}
        }
    }

    fn windows(&self, node: u16, channel: &str) -> &[Window] {
        self.windows.get(&(node, channel.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn scores(&self, node: u16, channel: &str) -> &[Judged] {
        self.scores.get(&(node, channel.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// Length and step of a window of time.
fn size_of(spec: &WindowSpec) -> (i64, i64) {
    let Shape::Time { size, every } = spec.shape else { panic!("the examples have windows of time") };
    (size.0, every.0)
}

fn windows(at: &str, spec: &WindowSpec, readings: &[(i64, f64)], got: &[Window]) -> usize {
    let expected = oracle::windows(readings, size_of(spec).0, size_of(spec).1);
    assert_eq!(got.len(), expected.len(), "{at}: number of windows");
    for (g, e) in got.iter().zip(&expected) {
        let at = format!("{at}: window from {} s", e.0 / 1_000_000_000);
        assert_eq!((g.0, g.1, g.2.count), (e.0, e.1, e.2.count), "{at}");
        assert_eq!((g.2.min, g.2.max), (e.2.min, e.2.max), "{at}");
        let size = e.2.min.abs().max(e.2.max.abs());
        close(&at, "mean", g.2.mean, e.2.mean, size);
        close(&at, "std", g.2.std, e.2.std, size);
    }
    expected.len()
}

fn scores(at: &str, spec: &ZScoreSpec, values: &[f64], got: &[Judged]) -> usize {
    let Past::Count(past) = spec.past else { panic!("{at}: the examples look back by readings") };
    assert!(!spec.include && spec.floor == 0.0, "{at}: the recomputation knows the plain form only");
    let expected = oracle::zscores(values, past as usize, spec.min as usize);
    let judged: Vec<(usize, f64)> = expected.iter().enumerate().filter_map(|(i, z)| Some((i, (*z)?))).collect();
    assert_eq!(got.len(), judged.len(), "{at}: number of scores");
    for (&(score, mean, spread), &(i, z)) in got.iter().zip(&judged) {
        let before = &values[i.saturating_sub(past as usize)..i];
        let plain = oracle::plain(before);
        let at = format!("{at}: reading {i}");
        let size = plain.min.abs().max(plain.max.abs());
        close(&at, "expected", mean, plain.mean, size);
        close(&at, "spread", spread, plain.std, size);
        // Near the mean the difference has few digits left; a score counts in deviations, so 1 is its measure there.
        assert!((score - z).abs() <= APART * z.abs().max(1.0), "{at}: score {score}, by plain recomputation {z}");
    }
    judged.len()
}

/// Relative to the number itself; where all of `size` cancels, what 53 bits can know of it.
fn close(at: &str, what: &str, got: f64, expected: f64, size: f64) {
    let allowed = APART * expected.abs().max(size * 1e-6);
    assert!((got - expected).abs() <= allowed, "{at}: {what} {got}, by plain recomputation {expected}");
}
