//! What a run has done, counted on the way: by noun, kind, severity, and who gave the most trouble.

use ouzel_engine::output::{Output, Severity, State, What};
use ouzel_engine::plan::{Plan, Work};
use ouzel_engine::series::{Device, Names};
use ouzel_engine::time::Time;
use std::collections::BTreeMap;

/// The counts of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Readings taken in.
    pub readings: u64,
    /// Pieces of input that could not be read.
    pub rejected: u64,
    /// Empty cells.
    pub absent: u64,
    /// Readings that came too late.
    pub late: u64,
    /// What windows said.
    pub aggregates: u64,
    /// What detectors said.
    pub anomalies: u64,
    /// Alerts that fired; not their changes.
    pub alerts: u64,
    /// Devices and series seen.
    pub devices: u64,
    /// Series seen, derived ones among them.
    pub series: u64,
    /// First and last event time of what came out.
    pub from: Option<Time>,
    /// See `from`.
    pub to: Option<Time>,
    kinds: BTreeMap<(u16, Severity), u64>,
    offenders: BTreeMap<Device, u64>,
    fired: BTreeMap<(u16, Severity), u64>,
    told: std::collections::BTreeSet<(u16, u32, Time)>,
}

impl Summary {
    /// Counts the outputs of a stretch.
    pub fn count(&mut self, outputs: &[Output]) {
        for output in outputs {
            match &output.what {
                What::Late(_) => self.late += 1,
                What::Aggregate(aggregate) => {
                    self.aggregates += 1;
                    self.span(aggregate.start, aggregate.end);
                }
                What::Anomaly(anomaly) => {
                    self.anomalies += 1;
                    self.span(anomaly.time, anomaly.time);
                    *self.kinds.entry((output.node, anomaly.severity)).or_default() += 1;
                    *self.offenders.entry(output.device).or_default() += 1;
                }
                What::Alert(alert) if alert.state == State::Firing => {
                    let first = self.told.insert((alert.rule, alert.series.0, alert.since));
                    self.alerts += u64::from(first);
                    *self.fired.entry((alert.rule, alert.severity)).or_default() += u64::from(first);
                }
                What::Alert(alert) => {
                    self.told.remove(&(alert.rule, alert.series.0, alert.since));
                }
                What::Over(_) => {}
            }
        }
    }

    fn span(&mut self, from: Time, to: Time) {
        self.from = Some(self.from.map_or(from, |t| t.min(from)));
        self.to = Some(self.to.map_or(to, |t| t.max(to)));
    }

    /// Anomalies by detector, kind and severity, most first.
    pub fn by_kind<'a>(&self, plan: &'a Plan) -> Vec<(&'a str, &'a str, Severity, u64)> {
        let mut rows: Vec<_> = self
            .kinds
            .iter()
            .filter_map(|(&(node, severity), &count)| {
                let operator = plan.operators.get(node as usize)?;
                Some((operator.name.as_str(), kind(&operator.work), severity, count))
            })
            .collect();
        rows.sort_by(|a, b| b.3.cmp(&a.3).then(a.0.cmp(b.0)).then(a.2.cmp(&b.2)));
        rows
    }

    /// Alerts that fired, by rule and the severity they fired with first.
    pub fn by_rule<'a>(&self, plan: &'a Plan) -> Vec<(&'a str, Severity, u64)> {
        let rule = |number: u16| plan.alerts[number as usize].name.as_str();
        self.fired.iter().filter(|(_, count)| **count > 0).map(|(&(r, s), &count)| (rule(r), s, count)).collect()
    }

    /// The devices with the most anomalies, most first.
    pub fn top_offenders<'a>(&self, names: &'a Names, most: usize) -> Vec<(&'a str, u64)> {
        let mut rows: Vec<_> = self.offenders.iter().map(|(&d, &count)| (names.device_name(d), count)).collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        rows.truncate(most);
        rows
    }
}

fn kind(work: &Work) -> &str {
    match work {
        Work::Window(_) => "window",
        Work::Threshold(limits)
        | Work::ZScore(_, limits)
        | Work::Flatline(_, limits)
        | Work::Silence(_, limits)
        | Work::MissingRate(_, limits)
        | Work::RangeFault(limits) => &limits.kind,
    }
}
