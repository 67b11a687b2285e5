//! What was played, and when: the truth that detectors are judged by.

use super::FaultKind;
use ouzel_engine::time::Time;
use std::collections::VecDeque;
use std::fmt::Write;

/// A fault or a scene that was played.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// What: a fault's [`FaultKind::name`], or a scene of the lab (`quiet`, `visit`, `flashlight`, `heat`,
    /// `activity`).
    pub kind: &'static str,
    /// The device.
    pub device: String,
    /// The channel; `None`: the whole device.
    pub channel: Option<String>,
    /// Time of the first affected reading; for a gap, of the first that is not there.
    pub start: Time,
    /// Time of the last affected reading, itself affected: `start <= t && t <= end`. A spike has `start == end`.
    ///
    /// It is fixed when the fault begins, so a run that is stopped in its midst never gets there. The reading itself
    /// may have been lost on its way; none after it is affected.
    pub end: Time,
    /// Size: added (spike, shift), added at the end (drift), a factor (burst), degrees (heat, flashlight), number of
    /// movements (activity); 0 where there is none.
    pub size: f64,
}

/// Writes labels as CSV: `start,end,device,channel,kind,size`, times in RFC 3339; an empty channel is the whole
/// device.
///
/// The header line comes first if `header` is set; an incremental writer sets it once.
pub fn labels_to_csv(labels: &[Label], header: bool) -> String {
    let mut csv = String::new();
    if header {
        csv.push_str("start,end,device,channel,kind,size\n");
    }
    for label in labels {
        let (device, channel) = (quoted(&label.device), quoted(label.channel.as_deref().unwrap_or_default()));
        let Label { kind, start, end, size, .. } = label;
        writeln!(csv, "{start},{end},{device},{channel},{kind},{size}").expect("a string takes all text");
    }
    csv
}

/// A CSV field after RFC 4180.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A label before its names are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Played {
    pub(super) kind: &'static str,
    pub(super) device: usize,
    pub(super) channel: Option<u16>,
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) size: f64,
}

/// Labels that nobody has taken yet, in order of start.
#[derive(Debug, Default)]
pub(super) struct Labels {
    waiting: VecDeque<Played>,
    dropped: u64,
}

impl Labels {
    /// The most labels that wait, about 60 MB: a pipeline that watches the simulator for months asks for none.
    pub(super) const HELD_MAX: usize = 1_000_000;

    /// Adds one; at the bound the oldest goes and is counted.
    pub(super) fn push(&mut self, played: Played) {
        if self.waiting.len() >= Labels::HELD_MAX {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(played);
    }

    /// Those that wait, oldest first.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Played> {
        self.waiting.drain(..)
    }

    /// How many went untaken.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl FaultKind {
    /// The word for it in configs and labels: `spike`, `shift`, `drift`, `flatline`, `gap`, `burst`.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::Spike => "spike",
            FaultKind::Shift => "shift",
            FaultKind::Drift => "drift",
            FaultKind::Flatline => "flatline",
            FaultKind::Gap => "gap",
            FaultKind::Burst => "burst",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_as_csv() {
        let spike = Label {
            kind: "spike",
            device: "sensor_001".into(),
            channel: Some("flow, left".into()),
            start: Time::from_secs(1),
            end: Time::from_secs(1),
            size: -50.0,
        };
        let gap = Label { kind: "gap", channel: None, end: Time::from_secs(9), size: 0.0, ..spike.clone() };
        assert_eq!(
            labels_to_csv(&[spike, gap], true),
            "start,end,device,channel,kind,size\n\
             1970-01-01T00:00:01Z,1970-01-01T00:00:01Z,sensor_001,\"flow, left\",spike,-50\n\
             1970-01-01T00:00:01Z,1970-01-01T00:00:09Z,sensor_001,,gap,0\n"
        );
    }

    #[test]
    fn labels_that_nobody_takes_are_bounded_and_counted() {
        let mut labels = Labels::default();
        let played = Played { kind: "gap", device: 0, channel: None, start: Time(0), end: Time(0), size: 0.0 };
        for _ in 0..Labels::HELD_MAX + 3 {
            labels.push(played);
        }
        assert_eq!(labels.dropped(), 3);
        assert_eq!(labels.drain().count(), Labels::HELD_MAX);
    }
}
