//! What a series costs in memory, so that `check` can say it before 10 000 devices do.

use ouzel_engine::feature::sampled::{SAMPLED_BYTES_MOST, SAMPLES};
use ouzel_engine::plan::{
    How, Operator, PartSpec, Past, Plan, Rolled, Shape, Statistic, Step, WhenLate, WindowSpec, Work,
};
use ouzel_engine::time::Span;

/// Names, counters and the last value of a series.
const SERIES: u64 = 64;
/// Where a channel's interval is not known, one reading a second is assumed.
const ASSUMED_EVERY: Span = Span::from_secs(1);
/// Deeper chains of windows than this are not followed; a plan without circles ends long before.
const DEPTH: usize = 64;

/// Bytes of state of the channel that costs most, with all series derived from it.
pub(crate) fn bytes_per_series(plan: &Plan) -> u64 {
    let channels = plan.operators.iter().flat_map(|operator| &operator.on);
    channels.map(|channel| cost(plan, channel, DEPTH)).max().unwrap_or(SERIES)
}

fn cost(plan: &Plan, channel: &str, depth: usize) -> u64 {
    let taking = plan.operators.iter().filter(|operator| operator.on.iter().any(|on| on == channel));
    let own = taking.map(|operator| {
        let derived = operator.derived(channel);
        let used = derived.iter().filter(|name| depth > 0 && is_used(plan, name));
        state(plan, operator, channel).saturating_add(used.map(|name| cost(plan, name, depth - 1)).sum())
    });
    own.fold(SERIES, u64::saturating_add)
}

fn is_used(plan: &Plan, channel: &str) -> bool {
    plan.operators.iter().any(|operator| operator.on.iter().any(|on| on == channel))
}

fn state(plan: &Plan, operator: &Operator, channel: &str) -> u64 {
    match &operator.work {
        Work::Window(spec) => window(spec, every(plan, channel)),
        // A ring of values; with time, each value has its moment beside it.
        Work::ZScore(spec, _) => match spec.past {
            Past::Count(count) => 100 + 8 * u64::from(count),
            Past::Span(span) => readings(span, every(plan, channel)).saturating_mul(16).saturating_add(100),
        },
        // Candidates for smallest and largest value; at worst every reading of the stretch is one.
        Work::Flatline(spec, _) => match spec.past {
            Past::Count(count) => 100 + 16 * u64::from(count),
            Past::Span(span) => readings(span, every(plan, channel)).saturating_mul(16).saturating_add(100),
        },
        Work::Compress(_) => 96,
        Work::Feature(spec) => spec.parts.iter().map(|part| feature(&part.work, every(plan, channel))).sum(),
        // Its row, what was counted, and what takes the results.
        Work::Table(spec) => 48 + 8 * spec.words().count() as u64,
        // Its past, and the point that waits: of a device, so this counts it once for each of its channels.
        Work::Filter(spec) => 160 + 48 * spec.when.channels().len() as u64 + spec.when.heap_bytes() as u64,
        // The newest value in three orders; of a group, so this counts it once for each of its devices.
        Work::Among(_) => 300,
        Work::Join(spec) => {
            let both =
                readings(spec.tolerance, every(plan, channel)) + readings(spec.tolerance, every(plan, &spec.with));
            400 + if spec.how == How::AsOf { 0 } else { both.min(2 * JOINED).saturating_mul(64) }
        }
        Work::Formula(formula) => 160 + 16 * formula.channels().len() as u64 + formula.heap_bytes() as u64,
        Work::Threshold(_) | Work::Silence(..) | Work::MissingRate(..) | Work::RangeFault(_) => 64,
    }
}

/// What a part of a feature keeps of a series, with what its results cost.
fn feature(part: &PartSpec, every: Span) -> u64 {
    const BASE: u64 = 250;
    match part {
        PartSpec::Rolling(spec) => {
            let asks = |of: fn(&Rolled) -> bool| u64::from(spec.give.iter().any(of));
            let folds = asks(|what| *what == Rolled::Sum)
                + asks(|what| matches!(what, Rolled::Min | Rolled::Range | Rolled::Crest))
                + asks(|what| matches!(what, Rolled::Max | Rolled::Range | Rolled::Crest));
            let order = asks(|what| matches!(what, Rolled::Quantile(_)));
            let sums = asks(|what| {
                use Rolled::{Count, Max, Min, Quantile, Range, Sum};
                !matches!(what, Count | Sum | Min | Max | Range | Quantile(_))
            });
            let boxes = BASE + 200 * order;
            match spec.past {
                // A ring, for each fold a block and a fifteenth of the ring, and the values in order.
                Past::Count(count) => boxes + 200 * folds + u64::from(count) * (8 + folds + in_order(count) * order),
                Past::Span(span) => {
                    let all = readings(span, every);
                    let panes = all.min(2 * SLIDING).next_power_of_two();
                    let counts = asks(|what| *what == Rolled::Count).max(u64::from(spec.min.is_some()));
                    let samples = match all.next_power_of_two() {
                        _ if all > EXACT_SAMPLES => SAMPLED,
                        all => all * (24 + in_order(all as u32)),
                    };
                    boxes + 240 * folds.min(1) + panes * (32 * sums.max(counts) + 16 * folds) + samples * order
                }
            }
        }
        PartSpec::Steps(spec) => BASE + 8 * u64::from(spec.furthest()),
        PartSpec::Decay(_) | PartSpec::Clock(_) => BASE,
        PartSpec::Daily(spec) => BASE + 8 * spec.kept() as u64,
        PartSpec::Spectrum(spec) => BASE + 8 * u64::from(spec.block),
    }
}

/// Bytes of each of so many values in order: where they are more than an array, half of each may be room.
fn in_order(values: u32) -> u64 {
    if u64::from(values) <= SLIDING { 8 } else { 17 }
}

/// What a window keeps of a series.
fn window(spec: &WindowSpec, every: Span) -> u64 {
    let (parts, each) = match &spec.shape {
        Shape::Time { size, every: step } => {
            let kept = match spec.when_late {
                WhenLate::Revise(horizon) => (horizon.0 / pane(*size, *step).0.max(1)) as u64 + 1,
                _ => 0,
            };
            (panes(*size, *step).saturating_add(kept), readings(pane(*size, *step), every))
        }
        // Its days are long, but there is one at a time.
        Shape::Calendar { step, .. } => {
            const HOUR: i64 = 3_600_000_000_000;
            let hours = match step {
                Step::Hours(hours) => i64::from(*hours),
                Step::Day => 25,
                Step::Week => 7 * 24 + 1,
                Step::Month => 31 * 24 + 1,
                Step::Year => 366 * 24,
            };
            let kept = match spec.when_late {
                WhenLate::Revise(horizon) => (horizon.0 / (hours * HOUR)) as u64 + 1,
                _ => 0,
            };
            (1 + kept, readings(Span(hours.saturating_mul(HOUR)), every))
        }
        // Readings by themselves, and pieces of many where there are more.
        Shape::Sliding { size, .. } => {
            let all = readings(*size, every);
            (all.min(SLIDING), all / SLIDING + 1)
        }
        Shape::Count { size, every: step } => {
            let pieces = panes(Span(i64::from(*size)), Span(i64::from(*step)));
            (pieces, u64::from(*size) / pieces.max(1))
        }
        // What came since the last activity waits beside what belongs to the session.
        Shape::Session(session) => {
            let judged = session.start.iter().chain(&session.active).map(|one| one.heap_bytes() as u64 + 160);
            let kept = match spec.when_late {
                WhenLate::Revise(horizon) => {
                    (horizon.0 / session.longest.map_or(session.gap, |longest| longest.min(session.gap)).0.max(1))
                        as u64
                        + 1
                }
                _ => 0,
            };
            let parts = 2 + kept;
            return parts.saturating_mul(part(spec, u64::MAX)).saturating_add(100 + judged.sum::<u64>());
        }
    };
    parts.saturating_mul(part(spec, each)).saturating_add(100)
}

/// Readings of each side that a join keeps at the most.
const JOINED: u64 = 65_536;
/// Readings that a sliding window keeps by themselves; beyond, they are gathered into as many pieces.
const SLIDING: u64 = 1_024;
/// Readings of which a past by time knows the quantiles, and bytes of what it keeps of more.
const EXACT_SAMPLES: u64 = SAMPLES as u64;
const SAMPLED: u64 = SAMPLED_BYTES_MOST as u64;
/// A sketch keeps this many values as they are, and seldom three times as many bytes afterwards.
const EXACT: u64 = 1_024;

/// What is kept of so many readings that are summed up together.
fn part(spec: &WindowSpec, readings: u64) -> u64 {
    if spec.is_plain() {
        return 64;
    }
    let quantiles = spec.give.iter().any(|given| matches!(given.what, Statistic::Quantile(_)));
    let sketch = match quantiles {
        true if readings <= EXACT => 8 * readings,
        true => 27_000,
        false => 0,
    };
    let shares = spec.give.iter().filter(|given| matches!(given.what, Statistic::Share(_))).count() as u64;
    300 + 16 * shares + 8 * spec.counts.len() as u64 + sketch
}

/// The length of the pieces of a window: what all its edges have in common.
pub(crate) fn pane(size: Span, every: Span) -> Span {
    let (mut a, mut b) = (size.0.max(1), every.0.max(1));
    while b != 0 {
        (a, b) = (b, a % b);
    }
    Span(a)
}

/// The pieces a window is put together from: a tumbling one is one piece.
pub(crate) fn panes(size: Span, every: Span) -> u64 {
    (size.0.max(1) / pane(size, every).0) as u64
}

fn every(plan: &Plan, channel: &str) -> Span {
    let stated = plan.channels.iter().find(|facts| facts.name == channel).and_then(|facts| facts.every);
    stated.unwrap_or(ASSUMED_EVERY)
}

fn readings(span: Span, every: Span) -> u64 {
    (span.0.max(0) / every.0.max(1)) as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_is_never_larger_than_it_was_said_to_be_and_never_less_than_a_third_of_it() {
        use ouzel_engine::feature::recent::{Recent, Rule};
        use ouzel_engine::plan::RollingSpec;
        use ouzel_engine::time::Time;
        let (p95, seconds) = (Rolled::Quantile(95_000), |seconds| Past::Span(Span::from_secs(seconds)));
        for (past, give) in [
            (Past::Count(100), vec![Rolled::Mean]),
            (Past::Count(100), vec![p95]),
            (Past::Count(1_000), vec![Rolled::Std, Rolled::Crest, p95]),
            (Past::Count(1_024), vec![p95]),
            (Past::Count(1_025), vec![p95]),
            (Past::Count(100_000), vec![p95, Rolled::Sum]),
            (seconds(100), vec![Rolled::Mean, Rolled::Min]),
            (seconds(1_000), vec![p95]),
            (seconds(2_000), vec![p95, Rolled::Count]),
            (seconds(4_096), vec![p95]),
            (seconds(6_000), vec![p95, Rolled::Range]),
            (seconds(100_000), vec![p95]),
        ] {
            let spec = RollingSpec { past, min: None, give };
            let estimate = feature(&PartSpec::Rolling(spec.clone()), ASSUMED_EVERY);
            // Values that rise leave blocks half full; those that jump do not.
            for step in [1, 7_919] {
                let (rule, mut most) = (Rule::of(&spec), 0);
                let mut recent = Recent::new(&rule);
                for second in 0..150_000i64 {
                    let value = (second * step % 150_001) as f64;
                    recent.take(&rule, Time::from_secs(second), value);
                    if second % 1_000 == 0 {
                        most = most.max(recent.heap_bytes());
                    }
                }
                let real = (size_of::<Recent>() + most) as u64;
                assert!((real..=3 * real).contains(&estimate), "{spec:?}, {step}: {estimate} said, {real} taken");
            }
        }
    }

    #[test]
    fn panes_are_cut_at_all_edges() {
        let seconds = Span::from_secs;
        assert_eq!(panes(seconds(60), seconds(60)), 1);
        assert_eq!(panes(seconds(300), seconds(1)), 300);
        assert_eq!(panes(seconds(10), seconds(4)), 5);
    }
}
