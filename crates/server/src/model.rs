//! What a live run looks like now: bounded read models, made by following its steps.
//!
//! One task owns a [`Model`] (the hub); handlers ask that task. Nothing here is shared with the engine. Every part has
//! its bound: [`Alerts`] keep what is open and the last thousand that are over, [`Found`] the last ten thousand
//! anomalies, [`Lanes`] six hours, and bands and the latest readings have rings of their own.

mod alerts;
mod found;
mod lanes;
mod names;
mod pulse;
mod skew;
mod track;
mod troubles;
mod windows;

pub use alerts::{Acknowledged, Alerts, Entry, WireAlert, parse_id};
pub use found::{Found, Mark, WireAnomaly};
pub use lanes::{CELL, Lane, Lanes, level};
pub use names::{ChannelView, SeriesView};
pub use pulse::{DeviceState, Pulse};
pub use skew::Skew;
pub use track::{Band, Track};
pub use troubles::{TroubleView, Troubles};
pub use windows::{Row, Windows};

use hashbrown::{HashMap, HashSet};
use ouzel_connect::encode::Book;
use ouzel_engine::output::{Id, Output, Severity, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Flags, Quality, TICK};
use ouzel_engine::series::{Names, Series};
use ouzel_engine::time::Time;
use ouzel_pipeline::control::{Control, Order};
use ouzel_pipeline::step::Step;
use std::collections::VecDeque;
use std::sync::Arc;

/// Microseconds since 1970, as times stand on the wire.
pub fn micros(time: Time) -> i64 {
    time.0.div_euclid(1_000)
}

/// The bits of `f` on the wire.
pub mod bits {
    /// A warning anomaly.
    pub const WARNING: u8 = 1;
    /// A critical anomaly.
    pub const CRITICAL: u8 = 2;
    /// The value is not to be trusted.
    pub const BAD: u8 = 4;
    /// It came after its device's watermark.
    pub const LATE: u8 = 8;
}

/// One of the latest readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latest {
    /// Its number in the journal.
    pub seq: u64,
    /// Which series.
    pub series: Series,
    /// When it was measured.
    pub time: Time,
    /// What was measured.
    pub value: f64,
    /// Whether it may be trusted.
    pub quality: Quality,
    /// What is known of it, as [`bits`].
    pub flags: u8,
}

/// What a step changed, for those who look on.
#[derive(Debug, Default)]
pub struct Changes {
    /// Its readings, without ticks and derived ones.
    pub readings: Vec<Latest>,
    /// Anomalies.
    pub marks: Vec<Mark>,
    /// Alerts that changed or were marked, each once.
    pub alerts: Vec<Id>,
    /// Lane cells that changed.
    pub lanes: Vec<(i64, Series)>,
    /// Bands that changed.
    pub bands: Vec<(Series, f64, f64)>,
    /// Windows that have closed, of series whose windows are looked at.
    pub closed: Vec<Row>,
    /// What is open of those was told anew.
    pub open: bool,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Model {
    /// In force as of the last step, and how many others were before it.
    plan: Arc<Plan>,
    configs: u64,
    names: Names,
    /// Series that people see: all but the derived ones and those of retired devices, in order of first sight.
    shown: Vec<Series>,
    ever_shown: usize,
    channels: Vec<String>,
    known_channels: HashSet<String>,
    /// By number of series.
    tracks: Vec<Track>,
    /// By number of device.
    pulses: Vec<Pulse>,
    /// Likewise.
    skews: Vec<Skew>,
    latest: VecDeque<Latest>,
    found: Found,
    alerts: Alerts,
    lanes: Lanes,
    troubles: Troubles,
    windows: Windows,
    /// When the last step came, and whether it was of this process.
    heard: Option<Time>,
    live: bool,
    readings: u64,
    /// Names that came out of turn, because a step was lost on the way here, and what cannot be put into words.
    lost: u64,
}

impl Model {
    /// How many of the latest readings are kept.
    const LATEST: usize = 1_000;

    /// Nothing seen yet.
    pub fn new(plan: Arc<Plan>) -> Model {
        Model {
            plan,
            configs: 0,
            names: Names::new(),
            shown: Vec::new(),
            ever_shown: 0,
            channels: Vec::new(),
            known_channels: HashSet::new(),
            tracks: Vec::new(),
            pulses: Vec::new(),
            skews: Vec::new(),
            latest: VecDeque::new(),
            found: Found::default(),
            alerts: Alerts::default(),
            lanes: Lanes::default(),
            troubles: Troubles::default(),
            windows: Windows::default(),
            heard: None,
            live: false,
            readings: 0,
            lost: 0,
        }
    }

    /// What it takes to put numbers into words.
    pub fn book(&self) -> Book<'_> {
        Book { names: &self.names, plan: &self.plan }
    }

    /// Anomalies.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Alerts.
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// Lanes.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// What is wrong with the pipeline itself.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// Windows of the series that somebody looks at.
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The same, to say whose are looked at.
    pub fn windows_mut(&mut self) -> &mut Windows {
        &mut self.windows
    }

    /// How often another config came in force.
    pub fn configs(&self) -> u64 {
        self.configs
    }

    /// The latest readings, latest last.
    pub fn latest(&self) -> impl DoubleEndedIterator<Item = &Latest> {
        self.latest.iter()
    }

    /// When the last step of this process came; `None` while the journal is still being read.
    pub fn fresh(&self) -> Option<Time> {
        self.heard.filter(|_| self.live)
    }

    /// Readings seen, those of the past among them.
    pub fn readings(&self) -> u64 {
        self.readings
    }

    /// Names that could not be taken over, and what cannot be put into words.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Follows a step that came at `now`.
    pub fn apply(&mut self, step: &Step, now: Time) -> Changes {
        let mut changes = Changes::default();
        let now = if step.past { self.past_time(step) } else { Some(now) };
        self.heard = now.or(self.heard);
        if let Some(now) = now {
            self.found.begins(now);
        }
        if let Some(config) = &step.config {
            let over = self.replan(&config.plan, now);
            changes.alerts.extend(over);
        }
        step.stretch.declarations.iter().for_each(|declaration| self.declare(declaration));
        let mut early = Vec::new();
        for control in &step.controls {
            match self.heed(control) {
                Some(alert) => changes.alerts.push(alert),
                None => early.push(control),
            }
        }
        self.take_readings(step, now, &mut changes);
        self.take_outputs(step, &mut changes);
        // Of steps that were put together for one who is slow, what was said may be of an alert that is in them.
        let late = early.into_iter().filter_map(|control| self.alerts.heed(control));
        changes.alerts.extend(late.filter(|id| !changes.alerts.contains(id)).collect::<Vec<Id>>());
        if !step.past && !std::mem::replace(&mut self.live, true) {
            // Who was never heard, or so long ago that the logs have nothing of it, is silent from here on.
            self.pulses
                .iter_mut()
                .filter(|pulse| !pulse.is_retired())
                .for_each(|pulse| pulse.expect(now.unwrap_or(Time(0))));
        }
        if let Some(open) = &step.open {
            let tracks = &self.tracks;
            changes.open = self.windows.open(open, |series| tracks.get(series.0 as usize).map(|track| track.origin));
        }
        for expected in &step.expected {
            if let Some(track) = self.tracks.get_mut(expected.series.0 as usize).filter(|track| track.is_shown()) {
                let band = Band { time: micros(expected.time), low: expected.low, high: expected.high };
                if track.expect(band, Track::bands_of_each(self.shown.len())) {
                    changes.bands.push((expected.series, expected.low, expected.high));
                }
            }
        }
        changes
    }

    /// When a step of the past happened: as it arrived, or at its last tick, which is right within a second. `None` for
    /// one that only tells what is known by then, such as names and alerts: it has no time of its own.
    fn past_time(&self, step: &Step) -> Option<Time> {
        let rows = &step.stretch.batch.rows;
        let tick = || rows.iter().rev().find(|row| row.series == TICK).map(|tick| tick.time);
        let known = || self.heard.filter(|_| !rows.is_empty());
        let newest = || step.stretch.span().map(|(_, to)| to);
        step.arrived.or_else(tick).or_else(known).or_else(newest)
    }

    /// Another plan is in force. Gives the alerts that are over by it.
    fn replan(&mut self, plan: &Arc<Plan>, now: Option<Time>) -> Vec<Id> {
        if *self.plan == **plan {
            return Vec::new();
        }
        self.plan = Arc::clone(plan);
        self.configs += 1;
        self.windows.forget();
        for track in &mut self.tracks {
            let channel = self.names.channel_name(track.channel);
            track.limit(plan.channels.iter().find(|facts| facts.name == channel).and_then(|facts| facts.range));
        }
        self.alerts.replan(plan, now.or(self.heard).unwrap_or(Time(0)))
    }

    fn take_readings(&mut self, step: &Step, now: Option<Time>, changes: &mut Changes) {
        let said = said_of_readings(step);
        let batch = &step.stretch.batch;
        for (index, row) in batch.rows.iter().enumerate() {
            if let Some(track) = self.tracks.get_mut(row.series.0 as usize).filter(|track| track.presumed) {
                let channel = self.names.channel_name(track.channel);
                let facts = self.plan.channels.iter().find(|facts| facts.name == channel);
                track.is_of_its_own(facts.and_then(|facts| facts.range));
                self.show(row.series);
            }
            let Some(track) = self.tracks.get_mut(row.series.0 as usize).filter(|track| track.is_shown()) else {
                continue;
            };
            let quality = match row.quality {
                Quality::Good if !track.plausible(row.value) => Quality::OutOfRange,
                other => other,
            };
            let mut flags = if said.is_empty() { 0 } else { said.get(&(row.series, row.time)).copied().unwrap_or(0) };
            flags |= if quality == Quality::Good { 0 } else { bits::BAD };
            flags |= if row.flags.has(Flags::LATE) { bits::LATE } else { 0 };
            track.take(row.time, row.value);
            let device = track.device;
            if self.pulses[device.0 as usize].is_retired() {
                self.unretire(device);
            }
            let other = now.is_some_and(|now| self.pulses[device.0 as usize].beat(now));
            if let Some(arrived) = step.arrived {
                let skew = &mut self.skews[device.0 as usize];
                if other {
                    skew.message();
                }
                skew.reading(row.time, arrived);
            }
            self.readings += 1;
            let (series, time, value) = (row.series, row.time, row.value);
            changes.readings.push(Latest { seq: batch.number(index), series, time, value, quality, flags });
        }
        let keep = changes.readings.len().saturating_sub(Model::LATEST);
        for &reading in &changes.readings[keep..] {
            if self.latest.len() >= Model::LATEST {
                self.latest.pop_front();
            }
            self.latest.push_back(reading);
        }
    }

    fn take_outputs(&mut self, step: &Step, changes: &mut Changes) {
        for output in &step.outputs {
            let Some(track) = self.tracks.get(output.what.series().0 as usize) else { continue };
            if !self.has_words(output) {
                self.lost += 1;
                continue;
            }
            let shown = track.origin;
            match &output.what {
                What::Anomaly(anomaly) => {
                    let book = Book { names: &self.names, plan: &self.plan };
                    let cell = self.lanes.mark(micros(anomaly.time), shown, anomaly.severity);
                    changes.lanes.extend(cell.map(|start| (start, shown)));
                    if !step.past {
                        changes.marks.push(Mark::of(output, anomaly, shown, &book));
                    }
                    self.found.push(output.clone(), &self.plan);
                }
                What::Alert(alert) => {
                    let id = self.alerts.change(alert, &self.names, &self.plan);
                    changes.alerts.extend(id.filter(|id| !changes.alerts.contains(id)));
                }
                What::Late(_) => {
                    // Most lie in this step; those of one before are found by their number.
                    let late = self.latest.iter_mut().rev().find(|latest| latest.seq == output.input);
                    late.into_iter().for_each(|latest| latest.flags |= bits::LATE);
                }
                What::Aggregate(aggregate) if !step.past => {
                    let book = Book { names: &self.names, plan: &self.plan };
                    changes.closed.extend(self.windows.close(shown, output, aggregate, &book));
                }
                What::Aggregate(_) | What::Over(_) | What::Part(_) | What::Filtered(_) | What::Reading(_) => {}
            }
        }
    }

    /// Whether an output's numbers mean something in the plan in force. Those of an earlier config may not.
    fn has_words(&self, output: &Output) -> bool {
        let Plan { operators, alerts, .. } = &*self.plan;
        match &output.what {
            What::Alert(alert) => {
                usize::from(alert.rule) < alerts.len() && usize::from(alert.detector) < operators.len()
            }
            What::Anomaly(_) => usize::from(output.node) < operators.len(),
            What::Late(_)
            | What::Aggregate(_)
            | What::Over(_)
            | What::Part(_)
            | What::Filtered(_)
            | What::Reading(_) => true,
        }
    }

    /// Takes over what somebody said; before its step comes, too, so that an answer shows what was asked for. Gives the
    /// alert that is marked by it, if that is news.
    pub fn heed(&mut self, control: &Control) -> Option<Id> {
        match &control.what {
            Order::Acknowledge { .. } | Order::Silence { .. } => return self.alerts.heed(control),
            Order::Retire { device, .. } => self.retire(device),
            Order::Trouble(trouble) => self.lost += self.troubles.take(trouble),
            Order::Start => self.troubles.begin(),
        }
        None
    }

    /// An alert as it stands on the wire.
    pub fn wire_alert<'a>(&'a self, entry: &'a Entry) -> WireAlert<'a> {
        let shown = self.track(entry.alert.series).map_or(entry.alert.series, |track| track.origin);
        entry.wire(shown, &self.names)
    }

    /// The newest alerts first; with `open` only those that are not over.
    pub fn wire_alerts(&self, open: bool, limit: usize) -> Vec<WireAlert<'_>> {
        self.alerts.newest(open, limit).into_iter().map(|entry| self.wire_alert(entry)).collect()
    }

    /// What is kept of a series; `None` for a number that nobody has.
    pub fn track(&self, series: Series) -> Option<&Track> {
        self.tracks.get(series.0 as usize)
    }

    /// Open alerts by severity: warning, critical.
    pub fn open_alerts(&self) -> (u64, u64) {
        self.alerts.open().fold((0, 0), |(warning, critical), entry| match entry.alert.severity {
            Severity::Warning => (warning + 1, critical),
            Severity::Critical => (warning, critical + 1),
        })
    }
}

/// What the outputs of a step say of single readings, as [`bits`].
fn said_of_readings(step: &Step) -> HashMap<(Series, Time), u8> {
    let mut said = HashMap::new();
    for output in &step.outputs {
        let (series, time, bit) = match &output.what {
            What::Anomaly(anomaly) if anomaly.severity == Severity::Critical => {
                (anomaly.series, anomaly.time, bits::CRITICAL)
            }
            What::Anomaly(anomaly) => (anomaly.series, anomaly.time, bits::WARNING),
            What::Late(reading) => (reading.series, reading.time, bits::LATE),
            What::Aggregate(_)
            | What::Over(_)
            | What::Part(_)
            | What::Alert(_)
            | What::Filtered(_)
            | What::Reading(_) => continue,
        };
        *said.entry((series, time)).or_insert(0) |= bit;
    }
    said
}
