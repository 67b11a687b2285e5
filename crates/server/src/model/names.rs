//! Who is there: devices, channels and series, as people see them.

use super::{DeviceState, Model, Pulse, Skew, Track, micros};
use hashbrown::HashMap;
use ouzel_connect::encode::is_statistic;
use ouzel_engine::output::Severity;
use ouzel_engine::plan::Work;
use ouzel_engine::series::{Declaration, Device, Series};
use ouzel_engine::time::Time;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A series as the wire names it.
#[derive(Debug, Serialize)]
pub struct SeriesView<'a> {
    s: u32,
    device: &'a str,
    channel: &'a str,
    tags: BTreeMap<&'a str, &'a str>,
}

/// A channel as the wire names it.
#[derive(Debug, Serialize)]
pub struct ChannelView<'a> {
    name: &'a str,
    unit: &'a str,
    range: Option<(f64, f64)>,
}

impl Model {
    /// Takes over a name. One that is out of turn is counted and left out: it came in a step that got lost. One that is known
    /// is back, perhaps with other tags.
    pub(super) fn declare(&mut self, declaration: &Declaration) {
        let is_known = match declaration {
            Declaration::Device { device, .. } => (device.0 as usize) < self.names.device_count(),
            Declaration::Series { series, .. } => (series.0 as usize) < self.names.series_count(),
        };
        if is_known {
            return self.names.follow(declaration);
        }
        let in_turn = match declaration {
            Declaration::Device { device, .. } => device.0 as usize == self.names.device_count(),
            Declaration::Series { series, device, .. } => {
                series.0 as usize == self.names.series_count() && (device.0 as usize) < self.names.device_count()
            }
        };
        if !in_turn {
            self.lost += 1;
            return;
        }
        self.names.follow(declaration);
        match declaration {
            Declaration::Device { .. } => {
                self.pulses.push(Pulse::default());
                self.skews.push(Skew::default());
            }
            Declaration::Series { series, device, channel } => self.declare_series(*series, *device, channel),
        }
    }

    fn declare_series(&mut self, series: Series, device: Device, channel: &str) {
        let (_, number) = self.names.of(series);
        let planned = self.origin(device, channel);
        let presumed = if planned.is_none() { self.presumed_origin(device, channel) } else { None };
        let origin = planned.or(presumed).unwrap_or(series);
        let range = self.book().facts(channel).and_then(|facts| facts.range);
        let mut track = Track::new(series, origin, device, number, range);
        track.presumed = presumed.is_some();
        self.tracks.push(track);
        self.pulses[device.0 as usize].add(series);
        if origin == series && !self.pulses[device.0 as usize].is_retired() {
            self.show(series);
        }
    }

    /// People see a series from now on.
    pub(super) fn show(&mut self, series: Series) {
        self.shown.push(series);
        self.ever_shown += 1;
        let channel = self.names.channel_name(self.names.of(series).1);
        if !self.known_channels.contains(channel) {
            self.known_channels.insert(channel.to_owned());
            self.channels.push(channel.to_owned());
        }
    }

    /// Nobody expects a device to speak any more: it is in no list until it does.
    pub(super) fn retire(&mut self, name: &str) {
        let Some(device) = self.names.find_device(name) else { return };
        let pulse = &mut self.pulses[device.0 as usize];
        pulse.retire();
        for series in pulse.series() {
            self.tracks[series.0 as usize].forget();
        }
        self.skews[device.0 as usize] = Skew::default();
        let names = &self.names;
        self.shown.retain(|series| names.of(*series).0 != device);
    }

    /// A device that was retired speaks again.
    pub(super) fn unretire(&mut self, device: Device) {
        let pulse = &mut self.pulses[device.0 as usize];
        pulse.unretire();
        let own = |series: &&Series| self.tracks[series.0 as usize].is_shown();
        let again: Vec<Series> = pulse.series().iter().filter(own).copied().collect();
        again.into_iter().for_each(|series| self.show(series));
    }

    /// Whether there is such a device, retired or not.
    pub fn knows(&self, device: &str) -> bool {
        self.names.find_device(device).is_some()
    }

    /// A device whose name is nearly this.
    pub fn nearest(&self, device: &str) -> Option<&str> {
        let asked = device.to_lowercase();
        let all = (0..self.names.device_count() as u32).map(|number| self.names.device_name(Device(number)));
        let near = |name: &&str| {
            let name = name.to_lowercase();
            name == asked || name.contains(&asked) || asked.contains(&name)
        };
        all.filter(|_| !asked.is_empty()).find(near)
    }

    /// How many clocks are wrong by more than people should put up with.
    pub fn wrong_clocks(&self) -> u64 {
        self.skews.iter().filter(|skew| skew.told_s().is_some()).count() as u64
    }

    /// Clocks that are wrong by more than people should put up with: how many, and the worst `most` of them with the
    /// seconds that they are behind.
    pub fn clocks(&self, most: usize) -> Value {
        let told = self.skews.iter().enumerate().filter_map(|(number, skew)| Some((number, skew.told_s()?)));
        let mut wrong: Vec<(usize, f64)> = told.collect();
        let count = wrong.len();
        wrong.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        wrong.truncate(most);
        let worst = wrong.iter().map(|&(number, behind)| (self.names.device_name(Device(number as u32)), behind));
        json!({ "wrong": count, "worst": worst.collect::<Vec<_>>() })
    }

    /// The journal remembers names for ever, and so those that windows made which the config has no longer. Nothing comes
    /// on such a series any more, and an empty chart of it would tell people nothing. What is named `a.CHANNEL.mean`, where
    /// the device has that channel, is taken for one, until it has a reading of its own; no window ever gets one.
    fn presumed_origin(&self, device: Device, channel: &str) -> Option<Series> {
        let (rest, last) = channel.rsplit_once('.')?;
        let (window, on) = rest.split_once('.')?;
        if window.is_empty() || !is_statistic(last) {
            return None;
        }
        let mut others = self.pulses[device.0 as usize].series().iter().map(|other| &self.tracks[other.0 as usize]);
        others.find(|other| self.names.channel_name(other.channel) == on).map(|other| other.origin)
    }

    /// The readings that a derived channel of a device is made of; `None` where it is one of readings itself. Keys of
    /// JSON may have dots, so the name alone does not tell: a window of the plan has to make it.
    fn origin(&self, device: Device, channel: &str) -> Option<Series> {
        if !channel.contains('.') {
            return None;
        }
        for &other in self.pulses[device.0 as usize].series() {
            let track = &self.tracks[other.0 as usize];
            let name = self.names.channel_name(track.channel);
            let windows = self.plan.operators.iter().filter(|operator| operator.on.iter().any(|on| on == name));
            if windows.into_iter().any(|window| window.derived(name).iter().any(|derived| derived == channel)) {
                return Some(track.origin);
            }
        }
        None
    }

    /// The derived channels of a device that are made of a series.
    pub fn channels_made_of(&self, series: Series) -> Vec<String> {
        let Some(track) = self.track(series) else { return Vec::new() };
        let others = self.pulses[track.device.0 as usize].series().iter().filter(|&&other| other != series);
        let made = others.map(|other| &self.tracks[other.0 as usize]).filter(|other| other.origin == series);
        made.map(|other| self.names.channel_name(other.channel).to_owned()).collect()
    }

    /// Series that people see, in order of first sight.
    pub fn shown(&self) -> &[Series] {
        &self.shown
    }

    /// How often a series was shown for the first time, or again.
    pub fn ever_shown(&self) -> usize {
        self.ever_shown
    }

    /// What was shown since `ever_shown` was so much; where others have gone meanwhile, a few before it, too.
    pub fn shown_since(&self, known: usize) -> &[Series] {
        &self.shown[self.shown.len().saturating_sub(self.ever_shown.saturating_sub(known))..]
    }

    /// How many channels people see.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// Channels from the `first` on.
    pub fn channel_views<'a>(&'a self, first: usize) -> Vec<ChannelView<'a>> {
        let book = self.book();
        let range = |name: &str| book.facts(name).and_then(|facts| facts.range);
        let view = |name: &'a String| ChannelView { name, unit: book.unit(name), range: range(name) };
        self.channels.iter().skip(first).map(view).collect()
    }

    /// A series by name; it must be one that people see.
    pub fn series_view(&self, series: Series) -> SeriesView<'_> {
        let (device, channel) = self.book().subject(series);
        let tags = self.names.device_tags(self.names.of(series).0);
        let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        SeriesView { s: series.0, device, channel, tags }
    }

    /// The number of a series by its names, as in [`Model::shown`].
    pub fn find(&self, device: &str, channel: &str) -> Option<Series> {
        self.shown.iter().copied().find(|&series| self.book().subject(series) == (device, channel))
    }

    /// Series of these devices and channels (an empty list: all), at most `limit`.
    pub fn select(&self, devices: &[String], channels: &[String], limit: usize) -> Vec<Series> {
        let among = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
        let fits = |series: &Series| {
            let (device, channel) = self.book().subject(*series);
            among(devices, device) && among(channels, channel)
        };
        self.shown.iter().copied().filter(fits).take(limit).collect()
    }

    /// The detectors of the plan, each once: a `missing` one is up to three operators of one name.
    pub fn detectors(&self) -> Vec<Value> {
        let mut seen: Vec<&str> = Vec::new();
        let mut all = Vec::new();
        for operator in &self.plan.operators {
            let kind = match &operator.work {
                Work::Threshold(_) => "threshold",
                Work::ZScore(..) => "zscore",
                Work::Flatline(..) => "flatline",
                Work::Silence(..) | Work::MissingRate(..) | Work::RangeFault(_) => "missing",
                _ => continue,
            };
            if !seen.contains(&operator.name.as_str()) {
                seen.push(&operator.name);
                all.push(json!({ "name": operator.name, "type": kind }));
            }
        }
        all
    }

    /// The worst open alert of each device that has one.
    fn worst(&self) -> HashMap<Device, Severity> {
        let mut worst = HashMap::new();
        for entry in self.alerts.open() {
            let device = self.names.of(entry.alert.series).0;
            let known = worst.entry(device).or_insert(entry.alert.severity);
            *known = entry.alert.severity.max(*known);
        }
        worst
    }

    /// Whether a device stands for a group: it never speaks, and is nobody who could be silent.
    fn stands_for_group(&self, device: Device) -> bool {
        self.plan.stands_for_group(self.names.device_name(device))
    }

    /// How many devices are in each state: ok, warning, critical, stale (the silent ones among them).
    pub fn device_states(&self, now: Time) -> [u64; 4] {
        let worst = self.worst();
        let mut counts = [0; 4];
        let speaks = |number: usize| !self.stands_for_group(Device(number as u32));
        let all = self.pulses.iter().enumerate().filter(|(number, pulse)| !pulse.is_retired() && speaks(*number));
        for (number, pulse) in all {
            let index = match pulse.state(now, worst.get(&Device(number as u32)).copied()) {
                DeviceState::Ok => 0,
                DeviceState::Warning => 1,
                DeviceState::Critical => 2,
                DeviceState::Stale | DeviceState::Silent => 3,
            };
            counts[index] += 1;
        }
        counts
    }

    /// The devices whose name or tags have `search` in them, from the `offset`th on.
    pub fn devices(&self, search: &str, limit: usize, offset: usize, now: Time) -> Value {
        let search = search.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&search);
        let fits = |device: &Device| {
            search.is_empty()
                || has(self.names.device_name(*device))
                || self.names.device_tags(*device).iter().any(|(_, value)| has(value))
        };
        let all = (0..self.names.device_count() as u32).map(Device);
        let there = |device: &Device| !self.pulses[device.0 as usize].is_retired() && !self.stands_for_group(*device);
        let all: Vec<Device> = all.filter(there).filter(fits).collect();
        let worst = self.worst();
        let page = all.iter().skip(offset).take(limit);
        let devices: Vec<Value> = page.map(|&device| self.device(device, worst.get(&device).copied(), now)).collect();
        json!({ "total": all.len(), "devices": devices })
    }

    fn device(&self, device: Device, worst: Option<Severity>, now: Time) -> Value {
        let pulse = &self.pulses[device.0 as usize];
        let state = pulse.state(now, worst);
        let heard = !matches!(state, DeviceState::Stale | DeviceState::Silent);
        let tracks = pulse.series().iter().map(|series| (series, &self.tracks[series.0 as usize]));
        let shown: Vec<(&Series, &Track)> = tracks.filter(|(_, track)| track.is_shown()).collect();
        let last = shown.iter().filter_map(|(_, track)| track.last()).map(|(time, _)| micros(time)).max();
        let series = |(series, track): &(&Series, &Track)| {
            json!({
                "s": series.0,
                "channel": self.names.channel_name(track.channel),
                "value": track.last().map(|(_, value)| value),
                "time": track.last().map(|(time, _)| micros(time)),
                "rate": if heard { track.rate() } else { 0.0 },
            })
        };
        let tags: BTreeMap<&str, &str> =
            self.names.device_tags(device).iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        json!({
            "device": self.names.device_name(device),
            "tags": tags,
            "state": state.name(),
            "last": last,
            "behind_s": self.skews[device.0 as usize].behind_s().map(|behind| (behind * 1e3).round() / 1e3),
            "series": shown.iter().map(series).collect::<Vec<Value>>(),
        })
    }
}
