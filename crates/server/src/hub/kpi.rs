//! The figures of a second, and how things are for one who has missed some.

use super::Hub;
use super::client::Wishes;
use super::recent::Stage;
use crate::model::{CELL, micros};
use ouzel_engine::series::Series;
use ouzel_pipeline::counters::{Count, Snapshot, SourceCounters};
use serde_json::{Value, json};

/// How many open alerts a sync has at most.
const ALERTS: usize = 1_000;

/// How far back the lanes of a sync go, in microseconds, and in how many columns.
const LANES: (i64, usize) = (15 * 60 * 1_000_000, 90);

/// How many devices with a wrong clock are named at most.
const CLOCKS: usize = 50;

/// How many series the lanes of a sync list at most.
const LANE_SERIES: usize = 200;

/// The duration that a share of all did not exceed, in milliseconds; null while there was none.
pub fn millis(counted: &Snapshot, share: f64) -> Value {
    json!(counted.quantile(share).map(|duration| (duration.as_secs_f64() * 1e6).round() / 1e3))
}

impl Hub {
    /// The figures of now.
    pub fn kpi(&self) -> Value {
        let counters = &self.counters;
        let sum = |of: fn(&SourceCounters) -> &Count| counters.sources.iter().map(|s| of(s).get()).sum::<u64>();
        let fill = SourceCounters::utilisation;
        let latency = self.recent.of(Stage::Latency, counters);
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
            "troubles": self.model.troubles().views(),
            "clocks": self.model.clocks(CLOCKS),
            "config": self.model.configs(),
        })
    }

    /// How things are, for one who asked for this.
    pub fn sync(&self, wishes: &Wishes) -> Value {
        let now = micros(self.clock.now());
        let newest = |series: Series| {
            let (time, value) = self.model.track(series)?.last()?;
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
