//! Every feature of every reading, from the list of all readings before it.

use super::arrived::{Device, One};
use super::statistic::quantile;
use super::{exact_sum, plain, signal};
use ouzel_engine::plan::{
    DecaySpec, Decayed, FeatureSpec, Operator, PartSpec, Past, Rolled, RollingSpec, Stepped, StepsSpec,
};
use std::collections::BTreeMap;

/// Puts what a feature makes of a device's channels beside these, as channels of their own.
pub fn feature(operator: &Operator, spec: &FeatureSpec, device: &mut Device, first: &mut BTreeMap<String, i64>) {
    for channel in &operator.on {
        let Some(all) = device.in_order.get(channel) else { continue };
        let good: Vec<One> = all.iter().filter(|one| one.good).copied().collect();
        for part in &spec.parts {
            for (index, name) in part.names.iter().enumerate() {
                let derived = format!("{}.{channel}.{name}", operator.name);
                let made: Vec<One> = (0..good.len()).filter_map(|at| result(&part.work, index, &good[..=at])).collect();
                if let Some(heard) = first.get(channel).copied() {
                    first.insert(derived.clone(), heard);
                }
                if !made.is_empty() {
                    device.in_order.insert(derived, made);
                }
            }
        }
    }
}

/// What is said of the last of these readings, as a reading with its time; nothing where there are too few, or no number.
fn result(work: &PartSpec, index: usize, all: &[One]) -> Option<One> {
    let (value, size) = match work {
        PartSpec::Rolling(spec) => rolled(spec, spec.give[index], all),
        PartSpec::Steps(StepsSpec { give }) => stepped(give[index], all),
        PartSpec::Decay(spec) => decayed(spec, spec.give[index], all),
        PartSpec::Clock(spec) => Some((signal::hand(spec, spec.give[index], all[all.len() - 1].time), 1.0)),
        PartSpec::Daily(spec) => signal::daily(spec, spec.give[index], all),
        PartSpec::Spectrum(spec) => signal::spectrum(spec, spec.give[index], all),
    }?;
    let newest = all[all.len() - 1];
    value.is_finite().then_some(One { value, size, ..newest })
}

/// How large a value is, and what it was computed from.
fn size(one: &One) -> f64 {
    one.value.abs().max(one.size)
}

fn largest(all: &[One]) -> f64 {
    all.iter().map(size).fold(0.0, f64::max)
}

/// How long before the newest.
fn age(all: &[One], at: usize) -> i128 {
    i128::from(all[all.len() - 1].time) - i128::from(all[at].time)
}

fn speaks(min: Option<u32>, past: Past, inside: usize, all: &[One]) -> bool {
    match (min, past) {
        (Some(min), _) => inside >= min as usize,
        (None, Past::Count(count)) => all.len() >= count as usize,
        (None, Past::Span(span)) => age(all, 0) >= i128::from(span.0),
    }
}

fn rolled(spec: &RollingSpec, what: Rolled, all: &[One]) -> Option<(f64, f64)> {
    let inside = match spec.past {
        Past::Count(count) => &all[all.len().saturating_sub(count as usize)..],
        Past::Span(span) => {
            let outside = (0..all.len()).take_while(|&at| age(all, at) >= i128::from(span.0)).count();
            &all[outside..]
        }
    };
    let most = largest(inside);
    let inside: Vec<f64> = inside.iter().map(|one| one.value).collect();
    if !speaks(spec.min, spec.past, inside.len(), all) {
        return None;
    }
    let (of, n) = (plain(&inside), inside.len() as f64);
    let sample = if inside.len() > 1 { of.std * of.std * n / (n - 1.0) } else { f64::NAN };
    let rms = (exact_sum(inside.iter().map(|value| value * value)) / n).sqrt();
    let size = match what {
        Rolled::Variance | Rolled::VarianceSample => most * most,
        // The quotient of two numbers of which nothing is known is anything.
        Rolled::Crest if rms < 1e-9 * most => f64::INFINITY,
        _ => most,
    };
    let value = match what {
        Rolled::Count => n,
        Rolled::Sum => exact_sum(inside.into_iter()),
        Rolled::Mean => of.mean,
        Rolled::Std => of.std,
        Rolled::StdSample => sample.sqrt(),
        Rolled::Variance => of.std * of.std,
        Rolled::VarianceSample => sample,
        Rolled::Min => of.min,
        Rolled::Max => of.max,
        Rolled::Range => of.max - of.min,
        Rolled::Quantile(q) => quantile(inside, f64::from(q) / 100_000.0),
        Rolled::Rms => rms,
        Rolled::Crest => of.min.abs().max(of.max.abs()) / rms,
    };
    Some((value, size))
}

fn stepped(what: Stepped, all: &[One]) -> Option<(f64, f64)> {
    let newest = all.len() - 1;
    let back = if let Stepped::Lag(back) = what { back as usize } else { 1 };
    let before = newest.checked_sub(back)?;
    let step = all[newest].value - all[before].value;
    let (most, seconds) = (largest(&all[before..]), age(all, before) as f64 / 1e9);
    Some(match what {
        Stepped::Lag(_) => (all[before].value, all[before].size),
        Stepped::Difference => (step, most),
        Stepped::Rate => (step / seconds, most / seconds),
    })
}

fn decayed(spec: &DecaySpec, what: Decayed, all: &[One]) -> Option<(f64, f64)> {
    if !speaks(spec.min, spec.half_life, all.len(), all) {
        return None;
    }
    let weight = |at: usize| match spec.half_life {
        Past::Count(count) => 0.5f64.powf((all.len() - 1 - at) as f64 / f64::from(count)),
        Past::Span(span) => 0.5f64.powf(age(all, at) as f64 / span.0 as f64),
    };
    let total = exact_sum((0..all.len()).map(weight));
    // From the newest on, so that of equal values the mean is theirs, and their spread exactly 0.
    let newest = all[all.len() - 1].value;
    let mean = newest + exact_sum((0..all.len()).map(|at| weight(at) * (all[at].value - newest))) / total;
    let variance = exact_sum((0..all.len()).map(|at| weight(at) * (all[at].value - mean).powi(2))) / total;
    let weighed = |power: i32| (0..all.len()).map(|at| weight(at) * size(&all[at]).powi(power)).fold(0.0, f64::max);
    Some(match what {
        // Digits are lost while a value fades: a mean of what is left of 20 after many half-lives is known to 20's last digits.
        Decayed::Mean => (mean, largest(all)),
        Decayed::Variance => (variance, weighed(2)),
        Decayed::Std => (variance.sqrt(), weighed(2).sqrt()),
    })
}
