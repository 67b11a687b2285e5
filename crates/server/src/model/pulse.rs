//! Whether a device still speaks: how long ago it was heard, against how often it usually is.

use ouzel_engine::output::Severity;
use ouzel_engine::series::Series;
use ouzel_engine::time::{Span, Time};

/// How a device is doing. What is not heard any more comes before what was last known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Heard, and nothing is wrong.
    Ok,
    /// Has an open warning.
    Warning,
    /// Has an open critical alert.
    Critical,
    /// Not heard for more than five times its usual interval.
    Stale,
    /// Not heard for more than twenty times its usual interval.
    Silent,
}

impl DeviceState {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            DeviceState::Ok => "ok",
            DeviceState::Warning => "warning",
            DeviceState::Critical => "critical",
            DeviceState::Stale => "stale",
            DeviceState::Silent => "silent",
        }
    }
}

/// When a device was heard, by the run's clock and not by its own: a device with a wrong clock is not silent.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    series: Vec<Series>,
    heard: Option<Time>,
    /// Usual time between two moments at which it was heard, in seconds; 0 while nobody knows.
    usual_s: f64,
    /// Nobody expects it to speak any more.
    retired: bool,
}

impl Pulse {
    /// A network is late by this much now and then, and a device that speaks ten times a second is not stale for it.
    const PATIENCE: Span = Span::from_secs(2);
    /// Taken to be usual until a device has spoken twice.
    const UNKNOWN_S: f64 = 10.0;

    /// It has one more series.
    pub fn add(&mut self, series: Series) {
        self.series.push(series);
    }

    /// Its series, the derived ones, too.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// It was heard. Gives whether that is another moment than the last.
    pub fn beat(&mut self, now: Time) -> bool {
        if let Some(heard) = self.heard {
            let gap = now.since(heard).as_secs_f64();
            if gap <= 0.0 {
                return false;
            }
            let gap = if self.usual_s > 0.0 { gap.min(10.0 * self.usual_s) } else { gap };
            let before = if self.usual_s > 0.0 { self.usual_s } else { gap };
            self.usual_s = before + 0.1 * (gap - before);
        }
        self.heard = Some(now);
        true
    }

    /// Its silence counts from here, if it was never heard.
    pub fn expect(&mut self, now: Time) {
        self.heard.get_or_insert(now);
    }

    /// Nobody expects it to speak any more; if it does, it is new.
    pub fn retire(&mut self) {
        *self = Pulse { series: std::mem::take(&mut self.series), retired: true, ..Pulse::default() };
    }

    /// It speaks again.
    pub fn unretire(&mut self) {
        self.retired = false;
    }

    /// Whether nobody expects it to speak.
    pub fn is_retired(&self) -> bool {
        self.retired
    }

    /// How it is doing, where `worst` is the worst of its open alerts.
    pub fn state(&self, now: Time, worst: Option<Severity>) -> DeviceState {
        let usual = Span((if self.usual_s > 0.0 { self.usual_s } else { Pulse::UNKNOWN_S } * 1e9) as i64);
        let times = |factor: i64| Span(usual.0.saturating_mul(factor)).max(Pulse::PATIENCE);
        let quiet = self.heard.map_or(Span::ZERO, |heard| now.since(heard));
        match worst {
            _ if quiet > Span(times(20).0.max(4 * Pulse::PATIENCE.0)) => DeviceState::Silent,
            _ if quiet > times(5) => DeviceState::Stale,
            Some(Severity::Critical) => DeviceState::Critical,
            Some(Severity::Warning) => DeviceState::Warning,
            None => DeviceState::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_stale_after_five_and_silent_after_twenty_usual_intervals() {
        let mut pulse = Pulse::default();
        assert!((0..50).all(|second| pulse.beat(Time::from_secs(second))));
        let at = |second: i64| pulse.state(Time::from_secs(49 + second), Some(Severity::Warning));
        assert_eq!(at(5), DeviceState::Warning);
        assert_eq!(at(6), DeviceState::Stale);
        assert_eq!(at(20), DeviceState::Stale);
        assert_eq!(at(21), DeviceState::Silent);
    }

    #[test]
    fn a_fast_device_is_given_two_seconds() {
        let mut pulse = Pulse::default();
        assert!((0..50).all(|tenth| pulse.beat(Time(tenth * 100_000_000))));
        let at = |tenth: i64| pulse.state(Time((49 + tenth) * 100_000_000), None);
        assert_eq!((at(20), at(21), at(81)), (DeviceState::Ok, DeviceState::Stale, DeviceState::Silent));
    }
}
