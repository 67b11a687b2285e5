//! Devices whose clock is ahead of ours: their readings go aside and move nobody's watermark, and people hear of it once.
//!
//! A device is quarantined with the first reading that is more than `ahead` past the clock here, and no more once it has
//! sent readings that are not for a minute. Of one that says nothing more it is forgotten after a day.

use super::{Entry, Senders};
use crate::counters::Quarantined;
use crate::trouble::Trouble;
use ouzel_engine::series::{Device, Series};
use ouzel_engine::time::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Devices of a source that are named to people one by one; of more there is a count, and the pipeline's page.
const NAMED: usize = 10;

/// Devices that the pipeline's page gets to know.
const SHOWN: usize = 1_000;

/// So long its readings have to be sane.
const CALM: Span = Span::from_secs(60);

/// So long a device is remembered that says nothing more.
const FORGOTTEN: Span = Span::from_secs(24 * 3_600);

/// See the head of this file. There are never more devices in it than there may be in all.
#[derive(Default)]
pub(in crate::live) struct Quarantine {
    devices: BTreeMap<Device, Ahead>,
    /// Since when people know of a source, by its place among the counters.
    told: BTreeMap<usize, Time>,
    changed: bool,
}

struct Ahead {
    source: usize,
    since: Time,
    /// When its last reading came that was ahead, and how far that was.
    last: Time,
    by: Span,
}

impl Quarantine {
    /// Whether nobody is in it: then nothing has to be looked up.
    pub(super) fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    fn catch(&mut self, device: Device, source: usize, time: Time, now: Time) {
        self.changed |= !self.devices.contains_key(&device);
        let by = time.since(now);
        let ahead = self.devices.entry(device).or_insert(Ahead { source, since: now, last: now, by });
        (ahead.last, ahead.by) = (now, by);
    }

    /// A reading of the device is as it should be.
    fn calm(&mut self, device: Device, now: Time) {
        if self.devices.get(&device).is_some_and(|ahead| now.since(ahead.last) >= CALM) {
            self.leave(device);
        }
    }

    /// The device has gone.
    pub(super) fn leave(&mut self, device: Device) {
        self.changed |= self.devices.remove(&device).is_some();
    }
}

impl Entry {
    /// Readings of a packet were ahead of the clock, others were not.
    pub(super) fn watch_clocks(&mut self, source: usize, ahead: &[(Series, Time)], sane: &BTreeSet<Series>, now: Time) {
        let roll = self.roll.read();
        sane.iter().for_each(|series| self.quarantine.calm(roll.of(*series).0, now));
        ahead.iter().for_each(|(series, time)| self.quarantine.catch(roll.of(*series).0, source, *time, now));
    }

    /// Tells people what has changed.
    pub(super) fn tell_clocks(&mut self, now: Time, senders: &mut Senders) {
        let Quarantine { devices, changed, .. } = &mut self.quarantine;
        let before = devices.len();
        devices.retain(|_, ahead| now.since(ahead.last) < FORGOTTEN);
        if !std::mem::take(changed) && devices.len() == before {
            return;
        }
        let roll = self.roll.read();
        let mut first: BTreeMap<usize, (String, Span, usize)> = BTreeMap::new();
        let mut shown = Vec::new();
        for (device, ahead) in &self.quarantine.devices {
            let name = roll.device_name(*device);
            let source = &self.counters.sources[ahead.source].name;
            let known = self.quarantine.told.contains_key(&ahead.source);
            let (_, _, count) = first.entry(ahead.source).or_insert_with(|| (name.to_owned(), ahead.by, 0));
            *count += 1;
            if ahead.since == now && (*count <= NAMED) && (known || *count > 1) {
                self.notices.warn(format!("source `{source}`: {}", so_far(name, ahead.by)));
            }
            if shown.len() < SHOWN {
                shown.push(Quarantined {
                    device: name.to_owned(),
                    source: source.clone(),
                    since: ahead.since,
                    by: ahead.by,
                });
            }
        }
        drop(roll);
        self.counters.quarantined.set(self.quarantine.devices.len() as i64);
        self.counters.quarantine.set(shown);
        let troubles = self.news(&first, now);
        for trouble in troubles {
            let what = format!("{}: {}", trouble.part, trouble.what);
            if trouble.over {
                self.notices.note(what);
            } else {
                self.notices.warn(what);
            }
            self.mention(trouble, senders);
        }
    }

    /// What people do not know yet of each source: that its first device is ahead, and that none is any more.
    fn news(&mut self, first: &BTreeMap<usize, (String, Span, usize)>, now: Time) -> Vec<Trouble> {
        let part = |source: &usize| format!("clocks of source `{}`", self.counters.sources[*source].name);
        let told = &mut self.quarantine.told;
        let mut news = Vec::new();
        for (source, (device, by, _)) in first {
            if !told.contains_key(source) {
                told.insert(*source, now);
                let what = format!("{}; such readings go aside", so_far(device, *by));
                news.push(Trouble { part: part(source), what, since: now, at: now, over: false });
            }
        }
        told.retain(|source, since| {
            let stays = first.contains_key(source);
            if !stays {
                let what = "no device is ahead of the clock here any more".to_owned();
                news.push(Trouble { part: part(source), what, since: *since, at: now, over: true });
            }
            stays
        });
        news
    }
}

fn so_far(device: &str, by: Span) -> String {
    // Nobody needs the nanoseconds of three days.
    let by = Span(by.0 / 1_000_000_000 * 1_000_000_000);
    format!("the clock of device `{device}` is {by} ahead of the clock here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_let_out_when_it_was_sane_for_a_minute() {
        let second = Time::from_secs;
        let (mut quarantine, device) = (Quarantine::default(), Device(3));
        quarantine.catch(device, 0, second(9_000), second(10));
        assert!(std::mem::take(&mut quarantine.changed));
        quarantine.calm(device, second(11));
        quarantine.catch(device, 0, second(9_000), second(12));
        quarantine.calm(device, second(71));
        assert!(!quarantine.is_empty() && !quarantine.changed, "it has not changed its mind for a minute yet");
        assert_eq!(quarantine.devices[&device].since, second(10));
        quarantine.calm(device, second(72));
        assert!(quarantine.is_empty() && quarantine.changed);
    }
}
