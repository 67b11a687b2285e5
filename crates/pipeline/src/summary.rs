//! What a run has done, counted on the way: by noun, kind, severity, and who gave the most trouble.

use ouzel_connect::source::Rejected;
use ouzel_engine::output::{Output, Severity, State, What};
use ouzel_engine::plan::{Plan, Work};
use ouzel_engine::series::{Names, Series};
use ouzel_engine::time::Time;
use std::collections::BTreeMap;

/// The counts of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Readings taken in.
    pub readings: u64,
    /// Pieces of input that could not be read.
    pub rejected: u64,
    /// The first of them, at most [`Summary::SHOWN`].
    pub first_rejected: Vec<Rejected>,
    /// Empty cells.
    pub absent: u64,
    /// Readings of messages that came before, by the numbers of their devices.
    pub duplicates: u64,
    /// How often a device started a new key, because its tags were others.
    pub moved: u64,
    /// Readings that came too late.
    pub late: u64,
    /// Readings that did not meet a condition, as far as filters tell of them.
    pub filtered: u64,
    /// Readings of derived channels that somebody named.
    pub said: u64,
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
    /// First and last event time of the readings.
    pub from: Option<Time>,
    /// See `from`.
    pub to: Option<Time>,
    kinds: BTreeMap<(u16, Severity), u64>,
    offenders: BTreeMap<Series, u64>,
    fired: BTreeMap<(u16, Severity), u64>,
    told: std::collections::BTreeSet<(u16, u32, Time)>,
}

impl Summary {
    /// How many pieces of input that could not be read are kept to be shown.
    pub const SHOWN: usize = 3;

    /// Counts input that could not be read.
    pub fn reject(&mut self, rejected: &[Rejected]) {
        self.rejected += rejected.len() as u64;
        let room = Summary::SHOWN - self.first_rejected.len();
        self.first_rejected.extend(rejected.iter().take(room).cloned());
    }

    /// Counts the outputs of a stretch.
    pub fn count(&mut self, outputs: &[Output]) {
        for output in outputs {
            match &output.what {
                What::Late(_) => self.late += 1,
                What::Aggregate(_) => self.aggregates += 1,
                What::Anomaly(anomaly) => {
                    self.anomalies += 1;
                    *self.kinds.entry((output.node, anomaly.severity)).or_default() += 1;
                    *self.offenders.entry(anomaly.series).or_default() += 1;
                }
                What::Alert(alert) if alert.state == State::Firing => {
                    let first = self.told.insert((alert.rule, alert.series.0, alert.since));
                    self.alerts += u64::from(first);
                    *self.fired.entry((alert.rule, alert.severity)).or_default() += u64::from(first);
                }
                What::Alert(alert) => {
                    self.told.remove(&(alert.rule, alert.series.0, alert.since));
                }
                What::Filtered(_) => self.filtered += 1,
                What::Reading(_) => self.said += 1,
                What::Over(_) | What::Part(_) => {}
            }
        }
    }

    /// Counts readings that were taken in, and the times they span.
    pub fn take(&mut self, readings: u64, span: Option<(Time, Time)>) {
        self.readings += readings;
        let Some((from, to)) = span else { return };
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

    /// The series with the most anomalies, as device, channel and count, most first.
    pub fn top_offenders<'a>(&self, names: &'a Names, most: usize) -> Vec<(&'a str, &'a str, u64)> {
        let named = |(&series, &count): (&Series, &u64)| {
            let (device, channel) = names.of(series);
            (names.device_name(device), names.channel_name(channel), count)
        };
        let mut rows: Vec<_> = self.offenders.iter().map(named).collect();
        rows.sort_by(|a, b| b.2.cmp(&a.2).then(a.cmp(b)));
        rows.truncate(most);
        rows
    }
}

fn kind(work: &Work) -> &str {
    match work {
        Work::Window(_) => "window",
        Work::Compress(_) => "compress",
        Work::Filter(_) => "filter",
        Work::Among(_) => "feature",
        Work::Join(_) => "join",
        Work::Feature(_) => "feature",
        Work::Formula(_) => "formula",
        Work::Table(_) => "table",
        Work::Threshold(limits)
        | Work::ZScore(_, limits)
        | Work::Flatline(_, limits)
        | Work::Silence(_, limits)
        | Work::MissingRate(_, limits)
        | Work::RangeFault(limits) => &limits.kind,
    }
}
