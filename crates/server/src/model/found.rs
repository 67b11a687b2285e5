//! The latest anomalies, and how they stand on the wire.

use super::micros;
use ouzel_connect::encode::{Book, id, kind, message};
use ouzel_engine::output::{Anomaly, Id, Output, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::series::{Names, Series};
use ouzel_engine::time::Time;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;

/// An anomaly on the live stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    s: u32,
    t: i64,
    value: f64,
    severity: &'static str,
    kind: String,
    detector: String,
    id: String,
    message: String,
}

/// An anomaly beside the points of its series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WireAnomaly {
    /// When, in microseconds.
    pub t: i64,
    /// The value judged; null where there is none.
    pub value: Option<f64>,
    /// How bad.
    pub severity: String,
    /// What kind of trouble.
    pub kind: String,
    /// Who found it.
    pub detector: String,
    /// Its id, as in sinks.
    pub id: String,
}

impl Mark {
    /// The mark of an anomaly, on the series that people see.
    pub fn of(output: &Output, anomaly: &Anomaly, shown: Series, book: &Book<'_>) -> Mark {
        let detector = book.operator(output.node);
        Mark {
            s: shown.0,
            t: micros(anomaly.time),
            value: anomaly.value,
            severity: anomaly.severity.name(),
            kind: kind(detector).to_owned(),
            detector: detector.name.clone(),
            id: id(output, book).to_string(),
            message: message::of_anomaly(anomaly, detector, book),
        }
    }
}

/// A ring of the latest anomalies.
#[derive(Debug, Default)]
pub struct Found {
    /// With the plan under which each was said.
    outputs: VecDeque<(Arc<Plan>, Output)>,
    /// From when on it holds all there were.
    complete: Option<Time>,
}

impl Found {
    /// How many are kept.
    pub const KEPT: usize = 10_000;

    /// Something was seen at `now`: if it is the first, what is found is complete from here on.
    pub fn begins(&mut self, now: Time) {
        self.complete.get_or_insert(now);
    }

    /// Adds an anomaly; at the bound the oldest goes.
    pub fn push(&mut self, output: Output, plan: &Arc<Plan>) {
        if self.outputs.len() >= Found::KEPT
            && let Some((_, gone)) = self.outputs.pop_front()
            && let What::Anomaly(anomaly) = gone.what
        {
            // Anomalies are not quite in order of time, so one that went may be later than one that stays.
            let after = Time(anomaly.time.0.saturating_add(1));
            self.complete = Some(self.complete.map_or(after, |complete| complete.max(after)));
        }
        self.outputs.push_back((Arc::clone(plan), output));
    }

    /// Whether all anomalies since `from` are here.
    pub fn covers(&self, from: Time) -> bool {
        self.complete.is_some_and(|complete| complete <= from)
    }

    /// Those in `[from, to)`, latest first, each with what puts its numbers into words.
    pub fn within<'a>(
        &'a self,
        names: &'a Names,
        (from, to): (Time, Time),
    ) -> impl Iterator<Item = (&'a Output, &'a Anomaly, Book<'a>)> {
        let all = self.outputs.iter().rev().filter_map(move |(plan, output)| match &output.what {
            What::Anomaly(anomaly) => Some((output, &**anomaly, Book { names, plan })),
            _ => None,
        });
        all.filter(move |(_, anomaly, _)| from <= anomaly.time && anomaly.time < to)
    }

    /// How one stands beside its series.
    pub fn wire(output: &Output, anomaly: &Anomaly, book: &Book<'_>) -> WireAnomaly {
        let detector = book.operator(output.node);
        let id: Id = id(output, book);
        WireAnomaly {
            t: micros(anomaly.time),
            value: Some(anomaly.value).filter(|value| value.is_finite()),
            severity: anomaly.severity.name().to_owned(),
            kind: kind(detector).to_owned(),
            detector: detector.name.clone(),
            id: id.to_string(),
        }
    }
}
