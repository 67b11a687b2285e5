//! What of the faults that were played was found: the end of a demo, and the proof that it does something.
//!
//! A fault counts as found when an anomaly of its device (and channel, where it has one) lies between its begin and a
//! little after its end; an anomaly that lies in no fault is extra. Faults that began before a detector has seen enough
//! to speak are counted apart.

use ouzel_connect::encode::Book;
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Sink;
use ouzel_connect::source::Rejected;
use ouzel_connect::source::simulate::Label;
use ouzel_engine::output::{Output, What};
use ouzel_engine::time::{Span, Time};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Anomalies that are remembered; a demo that runs for days is judged by its last ones.
const REMEMBERED: usize = 200_000;

/// How long after a fault its anomaly may come: silence is noticed only after it has lasted.
const AFTER: Span = Span::from_secs(15);

/// An anomaly: when, of which device and channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// When.
    pub time: Time,
    /// Of which device.
    pub device: String,
    /// Of which channel.
    pub channel: String,
}

/// Remembers anomalies as they pass.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<Mutex<VecDeque<Seen>>>);

impl Witness {
    /// What was seen.
    pub fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Sink for Witness {
    fn write(&mut self, outputs: &[Output], book: &Book<'_>) -> Result<(), Fault> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for output in outputs {
            let What::Anomaly(anomaly) = &output.what else { continue };
            let (device, channel) = book.names.of(anomaly.series);
            let (device, channel) = (book.names.device_name(device).into(), book.names.channel_name(channel).into());
            seen.push_back(Seen { time: anomaly.time, device, channel });
        }
        let old = seen.len().saturating_sub(REMEMBERED);
        seen.drain(..old);
        Ok(())
    }

    fn reject(&mut self, _: &[Rejected]) -> Result<(), Fault> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// How it came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Faults that were played and could be found.
    pub injected: usize,
    /// Of these, found.
    pub found: usize,
    /// Faults before the detectors spoke.
    pub early: usize,
    /// Anomalies in no fault.
    pub extra: usize,
    /// All anomalies.
    pub anomalies: usize,
}

/// Compares. `speaks` is when the detectors have seen enough, `now` where the run ended: a fault that has only just
/// begun is not held against anybody.
pub fn judge(labels: &[Label], seen: &[Seen], speaks: Time, now: Time) -> Verdict {
    let mut by_device: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, label) in labels.iter().enumerate() {
        by_device.entry(&label.device).or_default().push(index);
    }
    let mut found = vec![false; labels.len()];
    let mut verdict = Verdict { anomalies: seen.len(), ..Verdict::default() };
    for one in seen {
        let mut hit = false;
        for &index in by_device.get(one.device.as_str()).into_iter().flatten() {
            let label = &labels[index];
            let here = label.channel.as_ref().is_none_or(|channel| *channel == one.channel);
            if here && label.start <= one.time && one.time <= label.end + AFTER {
                (found[index], hit) = (true, true);
            }
        }
        verdict.extra += usize::from(!hit);
    }
    for (label, found) in labels.iter().zip(found) {
        if label.start < speaks {
            verdict.early += 1;
        } else if label.start + Span::from_secs(1) <= now {
            verdict.injected += 1;
            verdict.found += usize::from(found);
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(start: i64, end: i64, device: &str, channel: Option<&str>) -> Label {
        let (start, end) = (Time::from_secs(start), Time::from_secs(end));
        Label { kind: "spike", device: device.into(), channel: channel.map(Into::into), start, end, size: 1.0 }
    }

    fn seen(time: i64, device: &str, channel: &str) -> Seen {
        Seen { time: Time::from_secs(time), device: device.into(), channel: channel.into() }
    }

    #[test]
    fn found_missed_extra_and_early_are_told_apart() {
        let labels = [
            label(5, 5, "a", Some("heat")),
            label(50, 50, "a", Some("heat")),
            label(60, 80, "b", None),
            label(90, 90, "c", Some("heat")),
            label(100, 100, "a", Some("heat")),
        ];
        let said = [seen(50, "a", "heat"), seen(61, "b", "noise"), seen(61, "a", "noise"), seen(50, "c", "heat")];
        let verdict = judge(&labels, &said, Time::from_secs(10), Time::from_secs(100));
        assert_eq!(verdict, Verdict { injected: 3, found: 2, early: 1, extra: 2, anomalies: 4 });
    }
}
