//! What a reading costs in each kind of window and feature, without decoding: nanoseconds of processor time a reading.
//!
//! The same readings for all: one a second of each series in order of time, with a pause of a minute after every 300 seconds, so
//! that sessions end. Each row runs in a process of its own, several times; the median counts. What is not the window's
//! (making the readings, reading the config) is not counted.

use super::{Row, features};
use crate::ending::Failure;
use crate::meter;
use ouzel_engine::plan::{PartSpec, Past, Plan, Work};
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::Time;
use ouzel_pipeline::config;
use ouzel_pipeline::intake::Stretch;
use ouzel_pipeline::stream::Stream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// A kind of window or feature, by what a user writes.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// What its row is called.
    pub(super) name: &'static str,
    /// Its section.
    pub(super) config: &'static str,
    /// What of it is measured.
    pub(super) measured: Measured,
}

/// What of a kind is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    /// All of the way through the shard.
    Whole,
    /// The feature's own work.
    Feature,
    /// Taking a value into the sketch of quantiles.
    Sketch,
}

const KINDS: [Kind; 16] = {
    const fn kind(name: &'static str, config: &'static str) -> Kind {
        Kind { name, config, measured: Measured::Whole }
    }
    [
        kind("window: tumbling, 1m", "[window.w]\nover = [\"value\"]\nsize = \"1m\""),
        kind(
            "window: hopping, 100 readings a slide",
            "[window.w]\nover = [\"value\"]\nsize = \"30_000s\"\nevery = \"100s\"",
        ),
        kind("window: hopping, 1 reading a slide", "[window.w]\nover = [\"value\"]\nsize = \"300s\"\nevery = \"1s\""),
        kind("window: calendar day", "[window.w]\nover = [\"value\"]\ncalendar = \"day\"\nzone = \"Europe/Berlin\""),
        kind("window: sliding 1m, at each reading", "[window.w]\nover = [\"value\"]\nsliding = \"1m\""),
        kind("window: sliding 1m, every 10s", "[window.w]\nover = [\"value\"]\nsliding = \"1m\"\nevery = \"10s\""),
        kind("window: count 50", "[window.w]\nover = [\"value\"]\ncount = 50"),
        kind("window: count 50, every 10", "[window.w]\nover = [\"value\"]\ncount = 50\nevery = 10"),
        kind("window: session, gap 30s", "[window.w]\nover = [\"value\"]\ngap = \"30s\""),
        kind(
            "window: session with conditions",
            "[window.w]\nover = [\"value\"]\ngap = \"30s\"\nstart = \"delta(value) > 0.5\"\nactive = \"value > 20.2\"",
        ),
        kind("window: tumbling, revise 5m", "[window.w]\nover = [\"value\"]\nsize = \"1m\"\nwhen_late = \"revise 5m\""),
        kind("window: tumbling, with p95", "[window.w]\nover = [\"value\"]\nsize = \"1m\"\ngive = [\"mean\", \"p95\"]"),
        kind(
            "window: tumbling, by time and missing",
            "[window.w]\nover = [\"value\"]\nsize = \"1m\"\ngive = [\"mean\", \"time_mean\", \"gap\", \"missing\"]",
        ),
        kind("window: tumbling, of all devices", "[window.w]\nover = [\"value\"]\nsize = \"1m\"\nper = \"all\""),
        kind("window: filter, mark", "[filter.f]\non = [\"value\"]\nwhen = \"value - previous(value) < 0.5\""),
        kind(
            "window: filter, drop, and tumbling",
            "[filter.f]\non = [\"value\"]\nwhen = \"value < 20.9\"\ndo = \"drop\"\n[window.w]\nover = [\"value\"]\nsize = \"1m\"",
        ),
    ]
};

const SERIES: [u32; 3] = [25, 1_000, 100_000];
/// Readings that are measured of each series, at the least.
const EACH_LEAST: u64 = 20;
/// Readings before the measurement, of all series together, at the most: 3 GB. What takes longer to fill is not measured
/// with so many series.
const WARM_MOST: u64 = 50_000_000;

fn all() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().chain(features::all())
}

impl Kind {
    fn plan(&self) -> Result<Plan, Failure> {
        let text = format!("[source.none]\ntype = \"file\"\npath = \"none.csv\"\n{}", self.config);
        let read = config::read("kind.toml", &text, Path::new("."));
        let shown = read.render_all(&text);
        Ok(read.config.ok_or(Failure::Config(shown))?.plan)
    }
}

/// Readings of a series, one a second, after which the pasts of all features are full: none where there are no features.
fn fills(plan: &Plan) -> u64 {
    let of = |past: Past| match past {
        Past::Count(count) => u64::from(count),
        Past::Span(span) => span.as_secs_f64().ceil() as u64 + 1,
    };
    let parts = plan.operators.iter().filter_map(|operator| match &operator.work {
        Work::Feature(spec) => Some(&spec.parts),
        _ => None,
    });
    let each = parts.flatten().map(|part| match &part.work {
        PartSpec::Rolling(spec) => of(spec.past),
        PartSpec::Decay(spec) => of(spec.half_life),
        PartSpec::Steps(spec) => u64::from(spec.furthest()),
        PartSpec::Spectrum(spec) => u64::from(spec.block),
        PartSpec::Clock(_) | PartSpec::Daily(_) => 0,
    });
    each.max().unwrap_or(0)
}

/// The rows whose name or setting has this word.
///
/// # Errors
/// When a run fails.
pub fn rows(only: Option<&str>, readings: u64, runs: u32) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for series in SERIES {
        for (index, kind) in all().enumerate() {
            let (name, setting) = (kind.name.to_owned(), format!("{series} series"));
            if only.is_some_and(|word| !name.contains(word) && !setting.contains(word)) {
                continue;
            }
            if fills(&kind.plan()?) * u64::from(series) > WARM_MOST {
                continue;
            }
            let mut measured: Vec<(f64, f64)> =
                (0..runs).map(|_| once(index, series, readings)).collect::<Result<_, _>>()?;
            measured.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (value, peak) = measured[measured.len() / 2];
            rows.push(Row { name, setting, value, unit: "ns a reading".into(), peak_rss_bytes: peak as u64 });
        }
    }
    Ok(rows)
}

/// One run in a process of its own: nanoseconds a reading, and its most memory.
fn once(kind: usize, series: u32, readings: u64) -> Result<(f64, f64), Failure> {
    let name = all().nth(kind).map_or("", |kind| kind.name);
    let failed = |why: String| Failure::Failed(format!("{name}: {why}"));
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let arguments = ["bench", "--measure-kind", &format!("{kind},{series}"), "--readings", &readings.to_string()];
    let output = Command::new(program).args(arguments).output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(nanos)), Some(Ok(peak))) => Ok((nanos, peak)),
        _ => Err(failed("its run printed no figures".into())),
    }
}

/// What a child process does: `kind,series`. Prints nanoseconds a reading and bytes of memory.
///
/// # Errors
/// When there is no such kind.
pub fn measure(which: &str, readings: u64) -> Result<String, Failure> {
    let parts = which.split_once(',').and_then(|(kind, series)| Some((kind.parse().ok()?, series.parse().ok()?)));
    let found = parts.and_then(|(kind, series): (usize, u32)| Some((all().nth(kind)?, series)));
    let Some((kind, series)) = found else { return Err(Failure::Failed(format!("no such kind: {which}"))) };
    let plan = Arc::new(kind.plan()?);
    // Pasts are filled first: until then a feature says nothing, and that costs less.
    let warm = fills(&plan) * u64::from(series);
    let (mut names, rows) = made(series, warm + readings.max(u64::from(series) * EACH_LEAST));
    let (before, rows) = rows.split_at(warm as usize);
    let alone = match kind.measured {
        Measured::Whole => None,
        Measured::Feature => Some(features::alone(&plan, series, before, rows)),
        Measured::Sketch => Some(features::sketches(series, rows)),
    };
    if let Some(nanos) = alone {
        return Ok(format!("{nanos} {}\n", meter::peak_rss_bytes().unwrap_or_default()));
    }
    let mut stream = Stream::new(&plan, 1);
    let declarations = plan.declare(&mut names);
    let mut outputs = Vec::new();
    stream.step(&Stretch { declarations, ..Stretch::default() }, &mut outputs);
    let cut = |rows: &[Reading], first: u64| -> Vec<Stretch> {
        let one = |(index, rows): (usize, &[Reading])| {
            let batch = Batch { first: first + index as u64 * 4_096, rows: rows.to_vec(), offsets: Vec::new() };
            Stretch { batch, ..Stretch::default() }
        };
        rows.chunks(4_096).enumerate().map(one).collect()
    };
    for chunk in before.chunks(4_096).enumerate() {
        outputs.clear();
        cut(chunk.1, chunk.0 as u64 * 4_096).iter_mut().for_each(|stretch| stream.step(stretch, &mut outputs));
    }
    let mut stretches = cut(rows, warm);
    let start = meter::cpu_seconds();
    for stretch in &mut stretches {
        outputs.clear();
        stream.step(stretch, &mut outputs);
    }
    let nanos = (meter::cpu_seconds() - start) * 1e9 / rows.len() as f64;
    Ok(format!("{nanos} {}\n", meter::peak_rss_bytes().unwrap_or_default()))
}

/// A reading a second of each series, in order of time.
fn made(series: u32, count: u64) -> (Names, Vec<Reading>) {
    const START: i64 = 1_704_067_200;
    let mut names = Names::new();
    let channel = names.channel("value");
    let all: Vec<_> = (0..series)
        .filter_map(|number| {
            let device = names.device(&format!("sensor-{number}"), Timing::default(), &[]).ok()?;
            Some(names.series(device, channel))
        })
        .collect();
    let mut state = 1u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let seconds = (0..).map(|second: i64| START + second + second / 300 * 60);
    let rows = seconds.flat_map(|second| all.iter().map(move |&series| (second, series)));
    let rows = rows.take(count as usize);
    let rows = rows.map(|(second, series)| Reading::new(series, Time::from_secs(second), 20.0 + uniform())).collect();
    (names, rows)
}
