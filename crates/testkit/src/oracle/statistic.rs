//! Every statistic of a window, from the list of its readings.

use super::arrived::One;
use super::{exact_sum, plain};
use ouzel_engine::plan::Statistic;

/// What a window knows when it speaks.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// First moment of the window.
    pub start: i64,
    /// Until when the last value holds, and readings were to be expected: the window's end, or its last reading.
    pub until: i64,
    /// When the series was first heard.
    pub first: i64,
    /// Expected time between readings.
    pub expected: Option<i64>,
    /// Start and mean of the result before.
    pub previous: Option<(i64, f64)>,
    /// Good readings so far, and results with this one.
    pub so_far: (usize, usize),
    /// How many anomalies of each detector are in it.
    pub anomalies: Vec<usize>,
}

/// The interval that readings at these times (in order) teach: the median of the last 15 gaps that are not zero, from three
/// on.
pub fn learned(times: &[i64]) -> Option<i64> {
    let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0).collect();
    let mut last = gaps[gaps.len().saturating_sub(15)..].to_vec();
    last.sort_unstable();
    let middle = (last.get(last.len().checked_sub(1)? / 2)?, last[last.len() / 2]);
    (last.len() >= 3).then_some(middle.0 + (middle.1 - middle.0) / 2)
}

/// A statistic of good readings (in the order of times, not empty) and bad ones; NaN where there is none.
pub fn value(what: Statistic, good: &[One], bad: usize, around: &Around) -> f64 {
    let values: Vec<f64> = good.iter().map(|one| one.value).collect();
    let (plain, n) = (plain(&values), values.len() as f64);
    let (earliest, latest) = (good[0], good[good.len() - 1]);
    let variance = plain.std * plain.std;
    let sample = if values.len() > 1 { variance * n / (n - 1.0) } else { f64::NAN };
    match what {
        Statistic::Count => n,
        Statistic::Mean => plain.mean,
        Statistic::Std => plain.std,
        Statistic::Min => plain.min,
        Statistic::Max => plain.max,
        Statistic::Sum => exact_sum(values.into_iter()),
        Statistic::StdSample => sample.sqrt(),
        Statistic::Variance => variance,
        Statistic::VarianceSample => sample,
        Statistic::Range => plain.max - plain.min,
        Statistic::First => earliest.value,
        Statistic::Last => latest.value,
        Statistic::Rate => {
            let seconds = (latest.time - earliest.time) as f64 / 1e9;
            if seconds > 0.0 { (latest.value - earliest.value) / seconds } else { f64::NAN }
        }
        Statistic::Quantile(q) => quantile(values, f64::from(q) / 100_000.0),
        Statistic::TimeMean => {
            let held = held(good, around.until);
            let total: f64 = held.iter().map(|held| held.1).sum();
            let weighed = exact_sum(held.iter().map(|(value, time)| (value - earliest.value) * time));
            if total > 0.0 { earliest.value + weighed / total } else { latest.value }
        }
        Statistic::Share(state) => {
            let held = held(good, around.until);
            let total: f64 = held.iter().map(|held| held.1).sum();
            let is = |value: f64| value == f64::from(state);
            let of_state: f64 = held.iter().filter(|held| is(held.0)).map(|held| held.1).sum();
            if total > 0.0 { of_state / total } else { f64::from(u8::from(is(latest.value))) }
        }
        Statistic::Missing => missing(&[(good.len() + bad, around.clone())]),
        Statistic::Bad => bad as f64,
        Statistic::Gap => {
            let gaps = good.windows(2).map(|pair| (pair[1].time - pair[0].time) as f64 / 1e9);
            gaps.fold(f64::NAN, f64::max)
        }
        Statistic::Anomalies(place) => around.anomalies[usize::from(place)] as f64,
        Statistic::Change => around.previous.map_or(f64::NAN, |(_, mean)| plain.mean - mean),
        Statistic::Slope => around.previous.map_or(f64::NAN, |(start, mean)| {
            let seconds = (around.start - start) as f64 / 1e9;
            if seconds == 0.0 { f64::NAN } else { (plain.mean - mean) / seconds }
        }),
        Statistic::Reduction => around.so_far.0 as f64 / around.so_far.1 as f64,
        Statistic::Covariance | Statistic::Correlation | Statistic::SlopeWith => {
            let others: Vec<f64> = good.iter().map(|one| one.with).collect();
            pair(what, &values, &others)
        }
    }
}

/// Covariance (population), Pearson's correlation, and the slope of the least-squares line of `values` over `others`.
fn pair(what: Statistic, values: &[f64], others: &[f64]) -> f64 {
    let (ours, theirs) = (plain(values), plain(others));
    let products = values.iter().zip(others).map(|(value, other)| (value - ours.mean) * (other - theirs.mean));
    let covariance = exact_sum(products) / values.len() as f64;
    let flat = |all: &[f64]| all.iter().all(|value| *value == all[0]);
    match what {
        Statistic::Covariance => covariance,
        Statistic::Correlation if flat(values) || flat(others) => f64::NAN,
        Statistic::Correlation => covariance / (ours.std * theirs.std),
        _ if flat(others) => f64::NAN,
        _ => covariance / (theirs.std * theirs.std),
    }
}

/// The share of expected readings that did not come, of several series together: how many came, and what was known of each.
pub fn missing(parts: &[(usize, Around)]) -> f64 {
    let known = |around: &Around| around.expected.filter(|every| *every > 0);
    let expected = |around: &Around, every: i64| {
        let covered = around.until - around.start.max(around.first);
        (covered as f64 / every as f64).max(1.0)
    };
    let told: Vec<(usize, f64)> =
        parts.iter().filter_map(|(got, around)| Some((*got, expected(around, known(around)?)))).collect();
    let (got, expected) = told.iter().fold((0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    if told.is_empty() { f64::NAN } else { (1.0 - got as f64 / expected).clamp(0.0, 1.0) }
}

/// Each value with the nanoseconds that it held.
fn held(good: &[One], until: i64) -> Vec<(f64, f64)> {
    let ends = good[1..].iter().map(|next| next.time).chain([until]);
    good.iter().zip(ends).map(|(one, end)| (one.value, (end - one.time).max(0) as f64)).collect()
}

/// Linear interpolation between the two nearest (type 7 of Hyndman and Fan 1996).
pub(super) fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = share * (values.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let high = (low + 1).min(values.len() - 1);
    values[low] * (1.0 - part) + values[high] * part
}
