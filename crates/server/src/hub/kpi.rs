//! The figures of a second, and how things are for one who has missed some.

use super::Hub;
use super::client::Wishes;
use crate::model::{CELL, Model, micros};
use ouzel_engine::series::Series;
use ouzel_engine::time::Time;
use ouzel_pipeline::counters::{Count, Counters, Histogram, Snapshot, SourceCounters};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// How many open alerts a sync has at most.
const ALERTS: usize = 1_000;

/// How far back the lanes of a sync go, in microseconds, and in how many columns.
const LANES: (i64, usize) = (15 * 60 * 1_000_000, 90);

/// How many series the lanes of a sync list at most.
const LANE_SERIES: usize = 200;

/// Readings a second, over the last few seconds of the run's clock.
#[derive(Debug, Default)]
pub struct Pace {
    samples: VecDeque<(Time, u64)>,
}

impl Pace {
    /// Seconds that the rate is taken over.
    const SECONDS: usize = 5;

    /// A second has gone by. While the journal is still being read, nothing is counted: that would be its speed.
    pub fn note(&mut self, model: &Model, counters: &Counters, now: Time) {
        if model.fresh().is_none() || self.samples.back().is_some_and(|&(last, _)| last >= now) {
            return;
        }
        if self.samples.len() > Pace::SECONDS {
            self.samples.pop_front();
        }
        self.samples.push_back((now, counters.worked.get()));
    }

    /// Readings a second.
    pub fn rate(&self) -> f64 {
        let (Some(&(from, first)), Some(&(to, last))) = (self.samples.front(), self.samples.back()) else { return 0.0 };
        let seconds = to.since(from).as_secs_f64();
        if seconds > 0.0 { ((last - first) as f64 / seconds * 10.0).round() / 10.0 } else { 0.0 }
    }
}

/// What took how long of late. A histogram knows all since the start, and after a day nothing of a bad minute is seen in
/// that.
#[derive(Debug, Default)]
pub struct Recent {
    /// One a second, the oldest first: a kilobyte each.
    snapshots: VecDeque<Snapshot>,
}

impl Recent {
    /// So many seconds are looked back: long enough for a quantile of a quiet run, short enough to see trouble end.
    pub const SECONDS: usize = 30;

    /// A second has gone by.
    pub fn note(&mut self, histogram: &Histogram) {
        if self.snapshots.len() >= Recent::SECONDS {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back(histogram.snapshot());
    }

    /// What was counted in the last seconds; in the first of them, all.
    fn of(&self, histogram: &Histogram) -> Snapshot {
        match self.snapshots.front() {
            Some(then) if self.snapshots.len() == Recent::SECONDS => histogram.since(then),
            _ => histogram.snapshot(),
        }
    }
}

/// The duration that a share of all did not exceed, in milliseconds; null while there was none.
pub fn millis(counted: &Snapshot, share: f64) -> Value {
    json!(counted.quantile(share).map(|duration| (duration.as_secs_f64() * 1e6).round() / 1e3))
}

impl Hub {
    /// The figures of now.
    pub fn kpi(&self) -> Value {
        let counters = &self.counters;
        let sum = |of: fn(&SourceCounters) -> &Count| counters.sources.iter().map(|s| of(s).get()).sum::<u64>();
        let fill = |source: &SourceCounters| match source.holds.get() {
            holds if holds > 0 => source.held.get() as f64 / holds as f64,
            _ => 0.0,
        };
        let latency = self.recent.of(&counters.latency);
        let (warning, critical) = self.model.open_alerts();
        let [ok, warned, worse, stale] = self.model.device_states(self.clock.now());
        json!({
            "now": micros(self.clock.now()),
            "readings": counters.worked.get(),
            "rate": self.pace.rate(),
            "anomalies": counters.anomalies.get(),
            "open": { "warning": warning, "critical": critical },
            "devices": { "ok": ok, "warning": warned, "critical": worse, "stale": stale },
            "dropped": sum(|source| &source.dropped),
            "late": counters.late.get(),
            "rejected": sum(|source| &source.rejected),
            "p50_ms": millis(&latency, 0.5),
            "p99_ms": millis(&latency, 0.99),
            "queue": (counters.sources.iter().map(fill).fold(0.0, f64::max) * 1e3).round() / 1e3,
            "behind": counters.journalled.get().saturating_sub(counters.worked.get()),
            "clients": self.clients.len(),
        })
    }

    /// How things are, for one who asked for this.
    pub fn sync(&self, wishes: &Wishes) -> Value {
        let now = micros(self.clock.now());
        let newest = |series: Series| {
            let (time, value) = self.model.track(series)?.last?;
            Some(json!({ "s": series.0, "t": micros(time), "v": value }))
        };
        let series: Vec<Value> = wishes.choice.series(self.model.shown()).into_iter().filter_map(newest).collect();
        json!({
            "now": now,
            "alerts": self.model.wire_alerts(true, ALERTS),
            "series": series,
            "kpi": self.kpi(),
            "lanes": self.model.lanes().lane(now - LANES.0, now, LANES.1, LANE_SERIES),
        })
    }

    /// The cells that start at a moment and have changed.
    pub fn lane_event<'a>(&self, start: i64, changed: impl Iterator<Item = &'a (i64, Series)>) -> Value {
        let lanes = self.model.lanes();
        let cells: Vec<(u32, (u8, u32))> = changed.map(|&(_, series)| (series.0, lanes.cell(start, series))).collect();
        json!({
            "t": start,
            "width": CELL,
            "all": lanes.worst(start),
            "s": cells.iter().map(|cell| cell.0).collect::<Vec<u32>>(),
            "level": cells.iter().map(|cell| cell.1.0).collect::<Vec<u8>>(),
            "count": cells.iter().map(|cell| cell.1.1).collect::<Vec<u32>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bad_moment_is_forgotten_after_half_a_minute() {
        let (mut recent, histogram) = (Recent::default(), Histogram::default());
        histogram.record(Duration::from_secs(8), 100);
        let mut bad = Vec::new();
        for second in 0..100 {
            recent.note(&histogram);
            histogram.record(Duration::from_millis(2), 1);
            let p99 = recent.of(&histogram).quantile(0.99).unwrap();
            bad.extend((p99 > Duration::from_secs(1)).then_some(second));
        }
        assert_eq!(bad, (0..29).collect::<Vec<_>>());
        assert_eq!(recent.snapshots.len(), Recent::SECONDS);
    }
}
