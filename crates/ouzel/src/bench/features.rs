//! What features cost: through the shard, with a threshold on each result and on the reading itself where that is named, and
//! beside it the feature's own work alone, its states taking turns.
//!
//! A result that somebody takes is a reading more on its way, and that costs more than the sum it stands for: both are told.

use super::kinds::{Kind, Measured};
use ouzel_engine::aggregate::{EXACT, Sketch};
use ouzel_engine::feature::FeatureNode;
use ouzel_engine::plan::{Plan, Work};
use ouzel_engine::reading::Reading;
use std::hint::black_box;

/// A section, and the threshold that takes its results.
macro_rules! kinds {
    ($($name:literal, $settings:literal, $on:literal;)*) => {
        [$(
            Kind { name: concat!("feature: ", $name), config: concat!($settings, "\n[detector.d]\ntype = \"threshold\"\non = ", $on, "\nabove = 1e9"), measured: Measured::Whole },
            Kind { name: concat!("feature alone: ", $name), config: concat!($settings, "\n[detector.d]\ntype = \"threshold\"\non = ", $on, "\nabove = 1e9"), measured: Measured::Feature },
        )*]
    };
}

const KINDS: [Kind; 18] = kinds! {
    "mean+std of 100", "[feature.f]\non = \"value\"\npast = \"100\"\ngive = [\"mean\", \"std\"]", "[\"f.value.mean\", \"f.value.std\"]";
    "min+max of 100", "[feature.f]\non = \"value\"\npast = \"100\"\ngive = [\"min\", \"max\"]", "[\"f.value.min\", \"f.value.max\"]";
    "median of 100", "[feature.f]\non = \"value\"\npast = \"100\"\ngive = [\"median\"]", "[\"f.value.median\"]";
    "p95 of 100", "[feature.f]\non = \"value\"\npast = \"100\"\ngive = [\"p95\"]", "[\"f.value.p95\"]";
    "median of 1 000", "[feature.f]\non = \"value\"\npast = \"1000\"\ngive = [\"median\"]", "[\"f.value.median\"]";
    "lags 1, 5, 10", "[feature.f]\non = \"value\"\ngive = [\"lag_1\", \"lag_5\", \"lag_10\"]", "[\"f.value.lag_1\", \"f.value.lag_5\", \"f.value.lag_10\"]";
    "ewm mean+std, 20 readings", "[feature.f]\non = \"value\"\nhalf_life = \"20\"\ngive = [\"ewm_mean\", \"ewm_std\"]", "[\"f.value.ewm_mean\", \"f.value.ewm_std\"]";
    "mean+std of 1m", "[feature.f]\non = \"value\"\npast = \"1m\"\ngive = [\"mean\", \"std\"]", "[\"f.value.mean\", \"f.value.std\"]";
    "median of 1m", "[feature.f]\non = \"value\"\npast = \"1m\"\ngive = [\"median\"]", "[\"f.value.median\"]";
};

/// What the results cost without any feature: a threshold on the readings.
const THRESHOLD: Kind = Kind {
    name: "feature: none, a threshold",
    config: "[detector.d]\ntype = \"threshold\"\non = \"value\"\nabove = 1e9",
    measured: Measured::Whole,
};

/// What a window with quantiles puts each reading into.
const SKETCH: Kind = Kind {
    name: "sketch alone: more than 1 024 values",
    config: "[window.w]\nover = [\"value\"]\nsize = \"1m\"\ngive = [\"p95\"]",
    measured: Measured::Sketch,
};

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Kind> {
    [THRESHOLD, SKETCH].into_iter().chain(KINDS)
}

/// Nanoseconds a reading of sketches that hold more values than they can hold exactly, and are about to make room for more at
/// different times, as those of windows are that have run for a while.
pub(super) fn sketches(series: u32, rows: &[Reading]) -> f64 {
    let filled = |number: u32| {
        let mut sketch = Sketch::default();
        let count = 2 * EXACT + number.wrapping_mul(7_919) as usize % (2 * EXACT);
        rows.iter().cycle().skip(number as usize).take(count).for_each(|row| sketch.add(row.value));
        sketch
    };
    let mut sketches: Vec<Sketch> = (0..series).map(filled).collect();
    let start = crate::meter::cpu_seconds();
    for row in rows {
        sketches[row.series.0 as usize].add(row.value);
    }
    black_box(&sketches);
    (crate::meter::cpu_seconds() - start) * 1e9 / rows.len() as f64
}

/// Nanoseconds a reading of the first feature of a plan, with states for so many series and all results taken. What comes
/// before fills its pasts and is not counted.
pub(super) fn alone(plan: &Plan, series: u32, before: &[Reading], rows: &[Reading]) -> f64 {
    let spec = plan
        .operators
        .iter()
        .find_map(|operator| if let Work::Feature(spec) = &operator.work { Some(spec) } else { None });
    let Some(spec) = spec else { return f64::NAN };
    let mut node = FeatureNode::new(spec.clone());
    for place in 0..series {
        node.add_series();
        (0..spec.names().count()).for_each(|index| node.feed(place, index, index as u32));
    }
    let mut made = Vec::new();
    let mut observe = |row: &Reading| {
        // As the shard takes them.
        node.observe(row.series.0, row, &mut made);
        black_box(&made);
        made.clear();
    };
    before.iter().for_each(&mut observe);
    let start = crate::meter::cpu_seconds();
    rows.iter().for_each(observe);
    (crate::meter::cpu_seconds() - start) * 1e9 / rows.len() as f64
}
