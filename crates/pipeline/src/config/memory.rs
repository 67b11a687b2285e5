//! What a series costs in memory, so that `check` can say it before 10 000 devices do.

use ouzel_engine::plan::{Operator, Past, Plan, Shape, Work};
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
        Work::Window(spec) => match spec.shape {
            Shape::Time { size, every } => panes(size, every).saturating_mul(64).saturating_add(100),
            _ => 100,
        },
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
        Work::Compress(_) | Work::Filter(_) => 96,
        Work::Threshold(_) | Work::Silence(..) | Work::MissingRate(..) | Work::RangeFault(_) => 64,
    }
}

/// The pieces a window is put together from: a tumbling one is one piece.
pub(crate) fn panes(size: Span, every: Span) -> u64 {
    let (mut a, mut b) = (size.0.max(1), every.0.max(1));
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (size.0.max(1) / a) as u64
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
    fn panes_are_cut_at_all_edges() {
        let seconds = Span::from_secs;
        assert_eq!(panes(seconds(60), seconds(60)), 1);
        assert_eq!(panes(seconds(300), seconds(1)), 300);
        assert_eq!(panes(seconds(10), seconds(4)), 5);
    }
}
