//! What was said against what must be said.

use super::arrived::END;
use super::plain;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::{Plan, Work};
use ouzel_engine::series::{Names, Series};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// What a window says of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The input by which it is given; `None` where the oracle does not know.
    pub given: Option<u64>,
    /// First moment, and the one after the last, or the last.
    pub start: i64,
    /// See `start`.
    pub end: i64,
    /// How often it was given before.
    pub revision: u32,
    /// The series was first heard after its start.
    pub partial: bool,
    /// In the order of the window's `give`.
    pub values: Vec<f64>,
    /// How large the numbers are that it was computed from: what cancels cannot be told better than that.
    pub size: f64,
}

/// A reading that went aside.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub struct Aside {
    /// Its device and channel.
    pub of: (String, String),
    /// When, and what.
    pub time: i64,
    /// See `time`.
    pub value: f64,
    /// The parts that it failed, and whether it was dropped; of those that are late the number of the input.
    pub why: (u64, bool),
}

/// All that comes of a stream.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// By operator, device (or group) and channel, in the order in which they are given.
    pub windows: BTreeMap<(u16, String, String), Vec<Told>>,
    /// In the order of input.
    pub late: Vec<Aside>,
    /// By operator, in any order.
    pub filtered: BTreeMap<u16, Vec<Aside>>,
}

impl Said {
    /// What the engine said.
    pub fn of(plan: &Plan, names: &Names, outputs: &[Output], end: Option<u64>) -> Said {
        let mut said = Said::default();
        let of = |series: Series| {
            let (device, channel) = names.of(series);
            (names.device_name(device).to_owned(), names.channel_name(channel).to_owned())
        };
        for output in outputs {
            match &output.what {
                What::Aggregate(a) => {
                    let Work::Window(spec) = &plan.operators[usize::from(output.node)].work else { continue };
                    let (device, channel) = of(a.series);
                    let given = if end == Some(output.input) { END } else { output.input };
                    let told = Told {
                        given: Some(given),
                        start: a.start.0,
                        end: a.end.0,
                        revision: a.revision,
                        partial: a.partial,
                        values: (0..spec.give.len()).map(|index| a.value(&spec.give, index)).collect(),
                        size: 0.0,
                    };
                    said.windows.entry((output.node, device, channel)).or_default().push(told);
                }
                What::Late(reading) => said.late.push(Aside {
                    of: of(reading.series),
                    time: reading.time.0,
                    value: reading.value,
                    why: (output.input, false),
                }),
                What::Filtered(it) => said.filtered.entry(output.node).or_default().push(Aside {
                    of: of(it.reading.series),
                    time: it.reading.time.0,
                    value: it.reading.value,
                    why: (it.failed, it.dropped),
                }),
                _ => {}
            }
        }
        said
    }
}

/// Compares everything; gives how many numbers of windows were compared.
///
/// # Errors
/// The first thing that differs, for the person who reads a failed test.
pub fn compare(plan: &Plan, expected: &Said, got: &Said) -> Result<usize, String> {
    lists("late readings", &expected.late, &got.late)?;
    for (node, operator) in (0u16..).zip(&plan.operators) {
        let sorted = |said: &Said| {
            let mut all = said.filtered.get(&node).cloned().unwrap_or_default();
            all.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            all
        };
        lists(&format!("filtered by {}", operator.name), &sorted(expected), &sorted(got))?;
    }
    let mut compared = 0;
    let keys: std::collections::BTreeSet<_> = expected.windows.keys().chain(got.windows.keys()).collect();
    for key in keys {
        let (node, device, channel) = key;
        let operator = &plan.operators[usize::from(*node)];
        let Work::Window(spec) = &operator.work else { continue };
        let of = |said: &Said| said.windows.get(key).cloned().unwrap_or_default();
        let (expected, got) = (of(expected), of(got));
        let at = format!(
            "{} of {channel} of {device} ({:?}, {:?}, with {:?})",
            operator.name, spec.shape, spec.when_late, spec.with
        );
        let both = || format!("\n  expected {}\n  got      {}", shown(&expected), shown(&got));
        for (e, g) in expected.iter().zip(&got) {
            let same = (e.start, e.end, e.revision, e.partial) == (g.start, g.end, g.revision, g.partial);
            let in_time = e.given.is_none_or(|given| Some(given) == g.given);
            if !same || !in_time {
                return Err(format!("{at}: expected\n  {e:?}, got\n  {g:?}{}", both()));
            }
            for ((given, e_value), g_value) in spec.give.iter().zip(&e.values).zip(&g.values) {
                let within = 1e-9 * e_value.abs() + 1e-12 * e.size;
                let near = (e_value - g_value).abs() <= within || (e_value.is_nan() && g_value.is_nan());
                if !near {
                    let name = &given.name;
                    return Err(format!("{at}: [{}, {}] {name}: expected {e_value}, got {g_value}", e.start, e.end));
                }
                compared += 1;
            }
        }
        if expected.len() != got.len() {
            return Err(format!("{at}: expected {} results, got {}{}", expected.len(), got.len(), both()));
        }
    }
    Ok(compared)
}

fn shown(all: &[Told]) -> String {
    let one = |told: &Told| {
        format!(
            "\n    {:?} [{}, {}] r{} p{} {:?}",
            told.given, told.start, told.end, told.revision, told.partial, told.values
        )
    };
    all.iter().take(40).map(one).collect()
}

fn lists<T: PartialEq + Debug>(what: &str, expected: &[T], got: &[T]) -> Result<(), String> {
    let differs = expected.iter().zip(got).find(|(e, g)| e != g);
    match differs {
        Some((e, g)) => Err(format!("{what}: expected\n  {e:?}, got\n  {g:?}")),
        None if expected.len() != got.len() => {
            let more = expected.get(got.len()).or(got.get(expected.len()));
            Err(format!(
                "{what}: expected {}, got {}; the first that is not in both: {more:?}",
                expected.len(),
                got.len()
            ))
        }
        None => Ok(()),
    }
}

/// The largest of some values, without their sign.
pub fn size(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { plain(values).min.abs().max(plain(values).max.abs()) }
}
