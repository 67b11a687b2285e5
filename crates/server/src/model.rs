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
mod track;

pub use alerts::{Acknowledged, Alerts, Entry, WireAlert, parse_id};
pub use found::{Found, Mark, WireAnomaly};
pub use lanes::{CELL, Lane, Lanes, level};
pub use names::{ChannelView, SeriesView};
pub use pulse::{DeviceState, Pulse};
pub use track::{Band, Track};

use hashbrown::{HashMap, HashSet};
use ouzel_connect::encode::{Book, id};
use ouzel_engine::output::{Id, Severity, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Flags, Quality, TICK};
use ouzel_engine::series::{Names, Series};
use ouzel_engine::time::Time;
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
}

/// See the head of this file.
#[derive(Debug)]
pub struct Model {
    plan: Arc<Plan>,
    names: Names,
    /// Series that people see: all but the derived ones, in order of first sight.
    shown: Vec<Series>,
    channels: Vec<String>,
    known_channels: HashSet<String>,
    /// By number of series.
    tracks: Vec<Track>,
    /// By number of device.
    pulses: Vec<Pulse>,
    latest: VecDeque<Latest>,
    found: Found,
    alerts: Alerts,
    lanes: Lanes,
    /// When the last step came, and whether it was of this process.
    heard: Option<Time>,
    live: bool,
    readings: u64,
    /// Names that came out of turn, because a step was lost on the way here.
    lost_names: u64,
}

impl Model {
    /// How many of the latest readings are kept.
    const LATEST: usize = 1_000;

    /// Nothing seen yet.
    pub fn new(plan: Arc<Plan>) -> Model {
        Model {
            plan,
            names: Names::new(),
            shown: Vec::new(),
            channels: Vec::new(),
            known_channels: HashSet::new(),
            tracks: Vec::new(),
            pulses: Vec::new(),
            latest: VecDeque::new(),
            found: Found::default(),
            alerts: Alerts::default(),
            lanes: Lanes::default(),
            heard: None,
            live: false,
            readings: 0,
            lost_names: 0,
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

    /// Names that could not be taken over.
    pub fn lost_names(&self) -> u64 {
        self.lost_names
    }

    /// Follows a step that came at `now`.
    pub fn apply(&mut self, step: &Step, now: Time) -> Changes {
        let mut changes = Changes::default();
        let now = if step.past { self.past_time(step) } else { now };
        self.live |= !step.past;
        self.heard = Some(now);
        self.found.begins(now);
        step.stretch.declarations.iter().for_each(|declaration| self.declare(declaration));
        for control in &step.controls {
            changes.alerts.extend(self.alerts.heed(control));
        }
        self.take_readings(step, now, &mut changes);
        self.take_outputs(step, &mut changes);
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

    /// When a step of the past happened: at its last tick. Ticks come every second, so this is right within one.
    fn past_time(&self, step: &Step) -> Time {
        let last = step.stretch.batch.rows.iter().rev().find(|row| row.series == TICK).map(|tick| tick.time);
        let first = || step.stretch.span().map(|(_, to)| to);
        last.or(self.heard).or_else(first).unwrap_or(Time(0))
    }

    fn take_readings(&mut self, step: &Step, now: Time, changes: &mut Changes) {
        let said = said_of_readings(step);
        let batch = &step.stretch.batch;
        for (index, row) in batch.rows.iter().enumerate() {
            if let Some(track) = self.tracks.get_mut(row.series.0 as usize).filter(|track| track.presumed) {
                track.is_of_its_own();
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
            self.pulses[track.device.0 as usize].beat(now);
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
            let shown = track.origin;
            match &output.what {
                What::Anomaly(anomaly) => {
                    let book = Book { names: &self.names, plan: &self.plan };
                    let cell = self.lanes.mark(micros(anomaly.time), shown, anomaly.severity);
                    changes.lanes.extend(cell.map(|start| (start, shown)));
                    if !step.past {
                        changes.marks.push(Mark::of(output, anomaly, shown, &book));
                    }
                    self.found.push(output.clone());
                }
                What::Alert(alert) => {
                    let book = Book { names: &self.names, plan: &self.plan };
                    let id = self.alerts.change(alert, &book);
                    if !changes.alerts.contains(&id) {
                        changes.alerts.push(id);
                    }
                }
                What::Late(_) => {
                    // Most lie in this step; those of one before are found by their number.
                    let late = self.latest.iter_mut().rev().find(|latest| latest.seq == output.input);
                    late.into_iter().for_each(|latest| latest.flags |= bits::LATE);
                }
                What::Aggregate(_) | What::Over(_) => {}
            }
        }
    }

    /// Takes over what somebody said before its step comes, so that an answer shows what was asked for.
    pub fn heed(&mut self, control: &ouzel_pipeline::control::Control) -> Option<Id> {
        self.alerts.heed(control)
    }

    /// An alert as it stands on the wire.
    pub fn wire_alert<'a>(&'a self, entry: &'a Entry) -> WireAlert<'a> {
        let shown = self.track(entry.alert.series).map_or(entry.alert.series, |track| track.origin);
        entry.wire(shown, &self.book())
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

    /// The id that sinks give to an output.
    pub fn id(&self, output: &ouzel_engine::output::Output) -> Id {
        id(output, &self.book())
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
            What::Aggregate(_) | What::Over(_) | What::Alert(_) => continue,
        };
        *said.entry((series, time)).or_insert(0) |= bit;
    }
    said
}
