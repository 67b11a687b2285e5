//! Hours as angles, what is usual at a time of day, and bands of vibration, by their definitions.

use super::arrived::One;
use super::plain;
use ouzel_engine::plan::{ClockSpec, Daily, DailySpec, Hand, Spectral, SpectrumSpec, Zone};
use std::collections::BTreeMap;
use std::f64::consts::TAU;

const DAY: i128 = 86_400_000_000_000;

/// What clocks show at a moment, in nanoseconds.
fn shown(zone: &Zone, time: i64) -> i128 {
    let ahead = zone.turns.iter().rev().find(|turn| turn.0.0 <= time).map_or(zone.first, |turn| turn.1);
    i128::from(time) + i128::from(ahead) * 1_000_000_000
}

/// Where a hand stands.
pub fn hand(spec: &ClockSpec, hand: Hand, time: i64) -> f64 {
    let shown = shown(&spec.zone, time);
    let hours = shown.rem_euclid(DAY) as f64 / 3.6e12;
    // 1970 began on a Thursday, three days behind a Monday.
    let weekday = (shown.div_euclid(DAY) + 3).rem_euclid(7) as f64;
    match hand {
        Hand::HourSin => (TAU * hours.floor() / 24.0).sin(),
        Hand::HourCos => (TAU * hours.floor() / 24.0).cos(),
        Hand::DaySin => (TAU * hours / 24.0).sin(),
        Hand::DayCos => (TAU * hours / 24.0).cos(),
        Hand::WeekdaySin => (TAU * weekday / 7.0).sin(),
        Hand::WeekdayCos => (TAU * weekday / 7.0).cos(),
        Hand::WeekSin => (TAU * (weekday + hours / 24.0) / 7.0).sin(),
        Hand::WeekCos => (TAU * (weekday + hours / 24.0) / 7.0).cos(),
    }
}

/// What is usual at the time of day of the last of these readings, and how large the numbers are.
pub fn daily(spec: &DailySpec, what: Daily, all: &[One]) -> Option<(f64, f64)> {
    let slot = |one: &One| {
        let shown = shown(&spec.zone, one.time);
        shown.div_euclid(DAY) * i128::from(spec.slots) + shown.rem_euclid(DAY) * i128::from(spec.slots) / DAY
    };
    let slots: Vec<i128> = all.iter().map(slot).collect();
    let (last, kept) = (all.len() - 1, spec.kept() as i128);
    let (mut means, mut newest): (BTreeMap<i128, Vec<f64>>, i128) = (BTreeMap::new(), slots[0]);
    for at in 0..=last {
        if (slots[at] - newest).abs() >= kept && slots[at] != newest {
            // Nothing of what is known was said in these days.
            means.clear();
            newest = slots[at];
        }
        newest = newest.max(slots[at]);
        let values = means.entry(slots[at]).or_default();
        // A slot that is shown again begins anew.
        if at > 0 && slots[at - 1] != slots[at] {
            values.clear();
        }
        if at < last {
            values.push(all[at].value);
        }
    }
    let days = (1..=i128::from(spec.days))
        .flat_map(|day| [-1, 0, 1].map(|beside| slots[last] - day * i128::from(spec.slots) + beside));
    let known = days.filter(|slot| *slot > newest - kept).filter_map(|slot| means.get(&slot));
    let mut values: Vec<f64> = known.filter(|values| !values.is_empty()).map(|values| plain(values).mean).collect();
    values.sort_by(f64::total_cmp);
    let count = values.len();
    if count < DailySpec::VALUES_LEAST {
        return None;
    }
    let expected = (values[(count - 1) / 2] + values[count / 2]) / 2.0;
    let size = all.iter().map(|one| one.value.abs().max(one.size)).fold(0.0, f64::max);
    Some((if what == Daily::Expected { expected } else { all[last].value - expected }, size))
}

/// What is said of the block that ends with the last of these readings, if one does.
pub fn spectrum(spec: &SpectrumSpec, what: Spectral, all: &[One]) -> Option<(f64, f64)> {
    let (block, hop) = (spec.block as usize, spec.hop as usize);
    let (mut inside, mut ends) = (0, false);
    for at in 0..all.len() {
        let apart = all[at].time - all[at.saturating_sub(1)].time;
        let even = (0.5..=1.5).contains(&(apart as f64 / 1e9 * spec.hertz));
        inside = if even || inside == 0 { inside + 1 } else { 1 };
        ends = inside == block;
        inside -= if ends { hop } else { 0 };
    }
    if !ends {
        return None;
    }
    let values: Vec<f64> = all[all.len() - block..].iter().map(|one| one.value).collect();
    let size = values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    let window = |at: usize| 0.5 - 0.5 * (TAU * at as f64 / block as f64).cos();
    let level = values.iter().enumerate().map(|(at, value)| value * window(at)).sum::<f64>() / (block as f64 / 2.0);
    let power = |line: usize| {
        let turn = |at: usize| TAU * ((at * line) % block) as f64 / block as f64;
        let of = |part: fn(f64) -> f64| {
            values.iter().enumerate().map(|(at, value)| (value - level) * window(at) * part(turn(at))).sum::<f64>()
        };
        let both = of(f64::cos).powi(2) + of(f64::sin).powi(2);
        if line == 0 || line == block / 2 { both } else { 2.0 * both }
    };
    let powers: Vec<f64> = (0..=block / 2).map(power).collect();
    let variance = plain(&values).std.powi(2);
    if variance <= 1e-20 * size * size {
        return if what == Spectral::Peak { None } else { Some((0.0, size)) };
    }
    let frequency = |line: usize| line as f64 * spec.hertz / block as f64;
    let Spectral::Band(band) = what else { return Some((peak(&powers) * spec.hertz / block as f64, size)) };
    let (low, high) = spec.bands[usize::from(band)];
    let inside = |line: &usize| {
        low <= frequency(*line) && (frequency(*line) < high || (*line == block / 2 && high >= spec.hertz / 2.0))
    };
    let share = (0..=block / 2).filter(inside).map(|line| powers[line]).sum::<f64>() / powers.iter().sum::<f64>();
    Some(((variance * share).sqrt(), size))
}

/// The strongest line, between two by Grandke's ratio.
fn peak(powers: &[f64]) -> f64 {
    let last = powers.len() - 1;
    let amplitude = |line: usize| (powers[line] * if line == 0 || line == last { 2.0 } else { 1.0 }).sqrt();
    let strongest = (1..=last).fold(1, |best, line| if amplitude(line) > amplitude(best) { line } else { best });
    let (below, above) = (amplitude(strongest - 1), if strongest < last { amplitude(strongest + 1) } else { 0.0 });
    let ratio = below.max(above) / amplitude(strongest);
    let off = ((2.0 * ratio - 1.0) / (ratio + 1.0)).clamp(0.0, 0.5);
    (strongest as f64 + if above > below { off } else { -off }).min(last as f64)
}
