//! Slow and obvious: what windows, filters, features and z-scores should say, recomputed from all readings for every answer.
//!
//! Written from the definitions (the docs of `plan.rs` in the engine, the manual), not from the engine's code. [`whole`] is
//! the way from a recorded stream and a plan to all that must be said; [`compare`] holds it against what was said.

pub mod arrived;
pub mod civil;
pub mod compare;
pub mod feature;
pub mod meet;
pub mod points;
pub mod shapes;
pub mod signal;
pub mod statistic;
pub mod tables;
pub mod whole;

/// The statistics of some values, in two passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plain {
    /// How many.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Population standard deviation.
    pub std: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

/// Statistics of `values` (not empty): sums with the error of each addition carried along (Neumaier 1974).
pub fn plain(values: &[f64]) -> Plain {
    let count = values.len() as f64;
    let mean = exact_sum(values.iter().copied()) / count;
    // The rounding of the mean itself would show in the spread of values far from 0.
    let rest = exact_sum(values.iter().map(|v| v - mean)) / count;
    let squares = exact_sum(values.iter().map(|v| (v - mean - rest) * (v - mean - rest)));
    Plain {
        count: values.len(),
        mean: mean + rest,
        std: (squares / count).sqrt(),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

pub(crate) fn exact_sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0f64, 0.0f64);
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() { (total - next) + value } else { (value - next) + total };
        total = next;
    }
    total + lost
}

/// Every window `[start, start + size)` with at least one reading; starts are multiples of `every`. `readings` are
/// (time, value) in any order; all numbers in the same unit of time.
pub fn windows(readings: &[(i64, f64)], size: i64, every: i64) -> Vec<(i64, i64, Plain)> {
    let mut starts: Vec<i64> = Vec::new();
    for &(time, _) in readings {
        let mut start = time.div_euclid(every) * every;
        while start > time - size {
            starts.push(start);
            start -= every;
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let inside = |start: i64| -> Vec<f64> {
        readings.iter().filter(|r| start <= r.0 && r.0 < start + size).map(|r| r.1).collect()
    };
    starts.into_iter().map(|start| (start, start + size, plain(&inside(start)))).collect()
}

/// The z-score of each value against the `past` values before it; `None` until there are `min` of those, and 0 where
/// they have no spread.
pub fn zscores(values: &[f64], past: usize, min: usize) -> Vec<Option<f64>> {
    let score = |i: usize| {
        let before = &values[i.saturating_sub(past)..i];
        (before.len() >= min).then(|| {
            let p = plain(before);
            if p.std <= f64::EPSILON * p.mean.abs() { 0.0 } else { (values[i] - p.mean) / p.std }
        })
    };
    (0..values.len()).map(score).collect()
}
