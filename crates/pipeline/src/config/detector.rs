//! `[detector.NAME]`: settings of each type, and what they compile to.

use super::place::Findings;
use super::sections::{Kind, Section, Sections};
use super::tree::{At, Table};
use super::window::{Input, Windows};
use super::{advice, missing};
use ouzel_engine::output::Severity;
use ouzel_engine::plan::{ChannelFacts, FlatlineSpec, Levels, Limits, Operator, Past, Work, ZScoreSpec};
use ouzel_engine::time::Span;

/// What detectors may know of channels before any reading has come.
pub(crate) struct Known<'k> {
    pub(crate) facts: &'k [ChannelFacts],
    pub(crate) windows: &'k Windows,
}

impl Known<'_> {
    /// The section of a channel, if there is one.
    pub(crate) fn facts(&self, input: &Input) -> Option<&ChannelFacts> {
        self.facts.iter().find(|facts| facts.name == input.name)
    }

    /// Expected time between values: from the channel's section, or from what makes them.
    pub(crate) fn every(&self, input: &Input) -> Option<Span> {
        let stated = |input: &Input| self.facts(input).and_then(|facts| facts.every);
        // What features are of comes as often as they do. (Circles are somebody else's problem.)
        let chain = std::iter::successors(Some(input), |input| self.windows.source_of(input));
        let mut chain = chain.take(self.windows.count() + 1);
        chain.find_map(|input| stated(input).or_else(|| self.windows.every(input.from?)))
    }
}

/// A detector as it was read. `operators` is empty where something is wrong.
#[derive(Debug)]
pub(crate) struct Detector {
    pub(crate) name: At<String>,
    pub(crate) on: Vec<Input>,
    pub(crate) operators: Vec<Operator>,
}

/// What all types have in common.
pub(crate) struct Common {
    pub(crate) name: String,
    kind: Option<String>,
    hysteresis: f64,
    hold: Span,
}

impl Common {
    /// Limits under a kind of the user's own, or that of the type.
    pub(crate) fn limits(&self, kind: &str, above: Levels, below: Levels) -> Limits {
        let kind = self.kind.clone().unwrap_or_else(|| kind.to_owned());
        Limits { above, below, hysteresis: self.hysteresis, hold: self.hold, kind }
    }

    /// An operator over these channels.
    pub(crate) fn operator(&self, on: &[Input], work: Work) -> Operator {
        Operator { name: self.name.clone(), on: on.iter().map(|input| input.name.clone()).collect(), work }
    }
}

#[derive(Clone, Copy)]
enum Type {
    Threshold,
    ZScore,
    Flatline,
    Missing,
}

/// Reads all sections of this kind.
pub(crate) fn read_all(sections: &Sections<'_>, known: &Known<'_>, found: &mut Findings) -> Vec<Detector> {
    sections.of(Kind::Detector).map(|section| read(section, known, found)).collect()
}

fn read(section: &Section<'_>, known: &Known<'_>, found: &mut Findings) -> Detector {
    let mut table = section.table(found);
    let types = [
        ("threshold", Type::Threshold),
        ("zscore", Type::ZScore),
        ("flatline", Type::Flatline),
        ("missing", Type::Missing),
    ];
    table.need("type", "one of threshold, zscore, flatline, missing");
    table.need("on", "the channel it watches: on = \"temperature\"");
    let kind = table.choice("type", &types);
    let names = table.texts("on").unwrap_or_default();
    let on: Vec<Input> = names.iter().filter_map(|name| known.windows.resolve(name, table.found)).collect();
    let mut detector = Detector { name: section.name.clone(), on, operators: Vec::new() };
    let Some(kind) = kind else { return detector };
    // What is stuck or missing is so for a time already, and ends with one reading: no hold and no hysteresis. A verdict
    // on each reading by itself has nothing to hold on to, so no hysteresis there.
    let (holds, stands) = match kind.what {
        Type::Threshold => (true, true),
        Type::ZScore => (true, false),
        Type::Flatline | Type::Missing => (false, false),
    };
    let hysteresis = if stands { table.not_negative("hysteresis") } else { None };
    let hold = if holds { table.span("hold") } else { None };
    let common = Common {
        name: section.name.what.clone(),
        kind: table.text("kind").map(|kind| kind.what),
        hysteresis: hysteresis.map_or(0.0, |number| number.what),
        hold: hold.map_or(Span::ZERO, |hold| hold.what),
    };
    detector.operators = match kind.what {
        Type::Threshold => threshold(&mut table, &detector.on, &common),
        Type::ZScore => zscore(&mut table, &detector.on, &common),
        Type::Flatline => flatline(&mut table, &detector.on, &common, known),
        Type::Missing => missing::read(&mut table, &detector.on, &common, known),
    };
    table.finish(ways(kind.what));
    detector
}

/// Settings that people expect, and what they may write instead.
fn ways(kind: Type) -> &'static [(&'static str, &'static str)] {
    match kind {
        Type::Threshold => &[
            ("side", "a threshold says its sides by `above` and `below`"),
            ("threshold", "write `above` or `below`"),
            ("warning", "write above = { warning = 80, critical = 95 }"),
            ("critical", "write above = { warning = 80, critical = 95 }"),
        ],
        Type::ZScore => &[
            ("false_alarms", "it comes with calibration; until then write `warning` and `critical`"),
            ("hysteresis", "each reading is judged by itself; a `clear` in the alert keeps it from flapping"),
            ("threshold", "write `warning` or `critical`: distances from the mean in standard deviations"),
            ("above", "write `warning` or `critical`, and `side = \"above\"`"),
            ("below", "write `warning` or `critical`, and `side = \"below\"`"),
        ],
        Type::Flatline => &[
            ("false_alarms", "it comes with calibration, and not for this type"),
            ("hold", "`past` says how long the value must be stuck"),
            ("hysteresis", "`spread` says how far it may move and still be stuck"),
        ],
        Type::Missing => &[
            ("false_alarms", "it comes with calibration, and not for this type"),
            ("hold", "`silence` and `past` say how long; an alert may have a `hold` of its own"),
            ("hysteresis", "one reading ends a silence"),
        ],
    }
}

/// The level that a single limit stands for.
pub(crate) fn one_level(severity: Severity, limit: f64) -> Levels {
    match severity {
        Severity::Warning => Levels { warning: Some(limit), critical: None },
        Severity::Critical => Levels { warning: None, critical: Some(limit) },
    }
}

/// The setting `severity`: a warning where it is left out.
pub(crate) fn severity(table: &mut Table<'_, '_>) -> Severity {
    let words = [Severity::Warning, Severity::Critical].map(|severity| (severity.name(), severity));
    table.choice("severity", &words).map_or(Severity::Warning, |severity| severity.what)
}

fn threshold(table: &mut Table<'_, '_>, on: &[Input], common: &Common) -> Vec<Operator> {
    if table.is_table("above") || table.is_table("below") {
        let way = "write severities inside: above = { critical = 95 }";
        if !(table.is_number("above") || table.is_number("below")) {
            table.refuse("severity", "is for limits that are one number", way);
        }
    }
    let severity = severity(table);
    let above = levels(table, "above", severity, 1.0);
    let below = levels(table, "below", severity, -1.0);
    if !table.has("below") {
        table.need("above", "at least one limit: `above` or `below`");
    }
    if let (Some(low), Some(high)) = (nearest_limit(&below, f64::max), nearest_limit(&above, f64::min))
        && low > high
        && let Some(place) = table.key_place("below")
    {
        let message = format!("`below` ({low}) is higher than `above` ({high}): every value is past one of them");
        table.found.problem(&place, message, format!("swap them: above = {low}, below = {high}"));
    }
    vec![common.operator(on, Work::Threshold(common.limits("threshold", above, below)))]
}

fn nearest_limit(levels: &Levels, choose: fn(f64, f64) -> f64) -> Option<f64> {
    levels.warning.into_iter().chain(levels.critical).reduce(choose)
}

/// `above = 80` or `above = { warning = 80, critical = 95 }`. `outwards` is +1 above and −1 below.
fn levels(table: &mut Table<'_, '_>, key: &'static str, severity: Severity, outwards: f64) -> Levels {
    if !table.is_table(key) {
        return table.number(key).map_or_else(Levels::default, |limit| one_level(severity, limit.what));
    }
    let Some(mut inner) = table.table(key, "{ warning = 80, critical = 95 }") else { return Levels::default() };
    let warning = inner.number("warning");
    let critical = inner.number("critical");
    if !inner.has("critical") {
        inner.need("warning", "write { warning = 80 }, { critical = 95 } or both");
    }
    in_order(&mut inner, warning.as_ref(), critical.as_ref(), outwards);
    inner.finish(&[]);
    Levels { warning: warning.map(|level| level.what), critical: critical.map(|level| level.what) }
}

/// What is critical lies further out than what is a warning.
fn in_order(table: &mut Table<'_, '_>, warning: Option<&At<f64>>, critical: Option<&At<f64>>, outwards: f64) {
    let (Some(warning), Some(critical)) = (warning, critical) else { return };
    if critical.what * outwards <= warning.what * outwards {
        let message = format!("`critical` ({}) is not past `warning` ({})", critical.what, warning.what);
        let side = if outwards > 0.0 { "higher" } else { "lower" };
        table.found.problem(&critical.place, message, format!("write a number {side} than {}", warning.what));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Both,
    Above,
    Below,
}

fn zscore(table: &mut Table<'_, '_>, on: &[Input], common: &Common) -> Vec<Operator> {
    let past = table.past("past");
    let min = table.whole("min", 2, u64::from(u32::MAX));
    let floor = table.not_negative("floor").map_or(0.0, |floor| floor.what);
    let include = table.flag("include");
    let warning = distance(table, "warning");
    let critical = distance(table, "critical");
    let sides = [("both", Side::Both), ("above", Side::Above), ("below", Side::Below)];
    let side = table.choice("side", &sides).map_or(Side::Both, |side| side.what);
    in_order(table, warning.as_ref(), critical.as_ref(), 1.0);
    let spec = ZScoreSpec {
        past: past.as_ref().map_or(Past::Count(100), |past| past.what),
        min: min.as_ref().map_or(20, |min| min.what as u32),
        floor,
        include: include.as_ref().is_some_and(|include| include.what),
    };
    // Three standard deviations are the habit of control charts; one reading in 370 of a normal process.
    let stated = table.has("warning") || table.has("critical");
    let levels = Levels {
        warning: warning.as_ref().map(|level| level.what).or((!stated).then_some(3.0)),
        critical: critical.as_ref().map(|level| level.what),
    };
    advice::zscore(table, &spec, &levels);
    let mirrored = Levels { warning: levels.warning.map(|w| -w), critical: levels.critical.map(|c| -c) };
    let above = if side == Side::Below { Levels::default() } else { levels };
    let below = if side == Side::Above { Levels::default() } else { mirrored };
    vec![common.operator(on, Work::ZScore(spec, common.limits("spike", above, below)))]
}

/// A level in standard deviations: more than 0.
fn distance(table: &mut Table<'_, '_>, key: &'static str) -> Option<At<f64>> {
    let level = table.number(key)?;
    if level.what <= 0.0 {
        let hint = "write a number above 0, for example 3; for the low side only add side = \"below\"";
        table.found.problem(&level.place, format!("`{key}` is a distance and must be above 0"), hint);
        return None;
    }
    Some(level)
}

fn flatline(table: &mut Table<'_, '_>, on: &[Input], common: &Common, known: &Known<'_>) -> Vec<Operator> {
    let past = table.past("past");
    table.need("past", "how long a stuck value is trouble: \"30\" readings or \"5m\"");
    let spread = table.not_negative("spread");
    let severity = severity(table);
    let Some(past) = past else { return Vec::new() };
    let spread_of = |input: &Input| {
        let resolution = || known.facts(input).and_then(|facts| facts.resolution);
        spread.as_ref().map(|spread| spread.what).or_else(resolution).unwrap_or(0.0)
    };
    let each = by_setting(on, spread_of).into_iter().map(|(spread, inputs)| {
        // The score is how many times `past` the stretch has lasted.
        let limits = common.limits("flatline", one_level(severity, 1.0), Levels::default());
        common.operator(&inputs, Work::Flatline(FlatlineSpec { past: past.what, spread }, limits))
    });
    each.collect()
}

/// Channels with the same value of a setting, in the order in which they were named: an operator has one value.
pub(crate) fn by_setting<T: PartialEq>(on: &[Input], of: impl Fn(&Input) -> T) -> Vec<(T, Vec<Input>)> {
    let mut groups: Vec<(T, Vec<Input>)> = Vec::new();
    for input in on {
        let value = of(input);
        match groups.iter_mut().find(|(existing, _)| *existing == value) {
            Some((_, inputs)) => inputs.push(input.clone()),
            None => groups.push((value, vec![input.clone()])),
        }
    }
    groups
}
