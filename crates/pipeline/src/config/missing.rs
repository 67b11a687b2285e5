//! `[detector.NAME]` of type `missing`: silence, too few readings, readings outside the plausible range.
//!
//! One section compiles to up to three kinds of operators under its name. A channel's own facts fill in what the
//! section leaves out, so channels with different facts get operators of their own.

use super::detector::{Common, Known, by_setting, one_level, severity};
use super::tree::{At, Table};
use super::window::Input;
use ouzel_engine::output::Severity;
use ouzel_engine::plan::{Levels, MissingRateSpec, Operator, SilenceSpec, Work};
use ouzel_engine::time::Span;

/// Silence is this many times the expected time between readings, where the section does not say.
const SILENT_TIMES: i64 = 5;

/// Reads what stands beside the common settings.
pub(crate) fn read(table: &mut Table<'_, '_>, on: &[Input], common: &Common, known: &Known<'_>) -> Vec<Operator> {
    let silence = table.length("silence");
    let rate = rate(table);
    let past = table.length("past");
    let every = table.length("every");
    let range = table.flag("range");
    let severity = severity(table);
    let every_of = |input: &Input| every.as_ref().map(|every| every.what).or_else(|| known.every(input));
    let limits = |kind: &str, limit: f64| common.limits(kind, one_level(severity, limit), Levels::default());

    let mut operators = Vec::new();
    for (after, inputs) in by_setting(on, |input| silent_after(table, silence.as_ref(), every_of(input))) {
        let Some(after) = after else { continue };
        let work = Work::Silence(SilenceSpec { after }, limits("silence", 0.0));
        operators.push(common.operator(&inputs, work));
    }
    if let Some((rate, past)) = rate.zip(stretch(table, past)) {
        for (every, inputs) in by_setting(on, every_of) {
            let Some(every) = every else {
                lacks_every(table, "rate", &inputs);
                continue;
            };
            fits(table, &past, every);
            let spec = MissingRateSpec { past: past.what, every };
            operators.push(common.operator(&inputs, Work::MissingRate(spec, limits("missing_rate", rate))));
        }
    }
    operators.extend(range_faults(table, on, range.as_ref(), common, severity, known));
    if !["silence", "rate", "range"].iter().any(|key| table.has(key)) {
        let has_range = |input: &Input| known.facts(input).is_some_and(|facts| facts.range.is_some());
        for input in on.iter().filter(|input| every_of(input).is_none() && !has_range(input)) {
            let message = format!("`{}` does not know what to look for in `{}`", table.label, input.name);
            let hint = format!("write silence = \"5s\", or add `every` or `range` to {}", section_of(&input.name));
            table.found.problem(&input.place, message, hint);
        }
    }
    operators
}

/// After how long a channel counts as silent. A section that asks for something else does not get silence on top.
fn silent_after(table: &Table<'_, '_>, stated: Option<&At<Span>>, every: Option<Span>) -> Option<Span> {
    if table.has("silence") {
        return stated.map(|silence| silence.what);
    }
    if table.has("rate") || table.has("range") {
        return None;
    }
    every.map(|every| Span(every.0.saturating_mul(SILENT_TIMES)))
}

/// The share of expected readings that may be missing.
fn rate(table: &mut Table<'_, '_>) -> Option<f64> {
    let rate = table.number("rate")?;
    if rate.what >= 0.0 && rate.what < 1.0 {
        return Some(rate.what);
    }
    let percent = (1.0..=100.0).contains(&rate.what);
    let hint = match percent {
        true => format!("write {} for {} %", rate.what / 100.0, rate.what),
        false => "write a number from 0 to 1, for example 0.1".to_owned(),
    };
    table.found.problem(&rate.place, "`rate` is a share below 1", hint);
    None
}

/// The stretch that readings are counted over: it and `rate` need each other.
fn stretch(table: &mut Table<'_, '_>, past: Option<At<Span>>) -> Option<At<Span>> {
    if table.has("rate") {
        table.need("past", "the stretch over which readings are counted: past = \"5m\"");
    } else {
        table.refuse("past", "has no meaning without `rate`", "add `rate = 0.1`, or leave `past` out");
    }
    past
}

fn fits(table: &mut Table<'_, '_>, past: &At<Span>, every: Span) {
    if past.what < every {
        let message = format!("`past` ({}) is shorter than the {every} between readings", past.what);
        let hint = format!("write \"{}\" or more", Span(every.0.saturating_mul(20)));
        table.found.problem(&past.place, message, hint);
    }
}

fn lacks_every(table: &mut Table<'_, '_>, key: &str, inputs: &[Input]) {
    let Some(place) = table.key_place(key) else { return };
    for input in inputs {
        let message = format!("`{key}` needs to know how often `{}` is read", input.name);
        let hint = format!("add every = \"1s\" here, or to {}", section_of(&input.name));
        table.found.problem(&place, message, hint);
    }
}

fn range_faults(
    table: &mut Table<'_, '_>,
    on: &[Input],
    range: Option<&At<bool>>,
    common: &Common,
    severity: Severity,
    known: &Known<'_>,
) -> Option<Operator> {
    let has_range = |input: &&Input| known.facts(input).is_some_and(|facts| facts.range.is_some());
    match range {
        Some(At { what: false, .. }) => return None,
        Some(At { what: true, place }) => {
            for input in on.iter().filter(|input| !has_range(input)) {
                let message = format!("no range is known of `{}`", input.name);
                let hint = format!("add range = [low, high] to {}", section_of(&input.name));
                table.found.problem(place, message, hint);
            }
        }
        None => {}
    }
    let inputs: Vec<Input> = on.iter().filter(has_range).cloned().collect();
    if inputs.is_empty() {
        return None;
    }
    let limits = common.limits("range", one_level(severity, 0.0), Levels::default());
    Some(common.operator(&inputs, Work::RangeFault(limits)))
}

/// The header that a channel's section has.
fn section_of(channel: &str) -> String {
    let bare = channel.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { format!("`[channel.{channel}]`") } else { format!("`[channel.\"{channel}\"]`") }
}
