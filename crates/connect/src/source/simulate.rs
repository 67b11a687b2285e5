//! A seeded simulator of sensors with labelled faults.

use ouzel_engine::time::{Span, Time};

/// What to play. Every field has its default in [`Settings::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The family of sensors.
    pub profile: Profile,
    /// How many devices; `None`: the profile's own number.
    pub devices: Option<u32>,
    /// Readings of each device a second; `None`: the profile's own rate.
    pub rate_hz: Option<f64>,
    /// How long to play; `None`: until stopped.
    pub length: Option<Span>,
    /// The seed; the same seed gives the same bytes on every machine.
    pub seed: u64,
    /// Time of the first reading. Default 2024-01-01T00:00:00Z.
    pub start: Time,
    /// Changes to the profile's signals, or channels of one's own.
    pub signals: Vec<Signal>,
    /// Whether the profile's own random faults are played. Default true.
    pub random_faults: bool,
    /// Faults at chosen places, beside the random ones.
    pub faults: Vec<PlacedFault>,
}

/// The families of sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Ten devices with temperature, humidity, pressure, vibration and battery at 1 Hz.
    Fleet,
    /// 25 sensors in five places, one channel each.
    Facility,
    /// One room with temperature, light, motion and a potentiometer at 10 Hz.
    Lab,
}

/// The model of one channel: mean + amplitude · sin(2π t / period) + drift · t + noise, and a shift from some time on.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The channel it is for.
    pub channel: String,
    /// Mean, in the channel's unit; `None`: the profile's own.
    pub mean: Option<f64>,
    /// Amplitude of the sine.
    pub amplitude: Option<f64>,
    /// Period of the sine.
    pub period: Option<Span>,
    /// Standard deviation of the noise.
    pub noise: Option<f64>,
    /// Change per hour.
    pub drift: Option<f64>,
    /// Added from `shift_at` on.
    pub shift: Option<f64>,
    /// When the shift begins, from the start.
    pub shift_at: Option<Span>,
}

/// A fault at a chosen place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedFault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// The device; `None`: all.
    pub device: Option<String>,
    /// The channel; `None`: all of the device (gaps) or the profile's first (others).
    pub channel: Option<String>,
    /// When it begins, from the start.
    pub at: Span,
    /// How long it lasts; zero: one reading.
    pub length: Span,
    /// Its size in the channel's unit (spike, shift), at its end (drift), or as a factor (burst).
    pub size: f64,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// One reading far off.
    Spike,
    /// A temporary change of level.
    Shift,
    /// A ramp.
    Drift,
    /// Stuck at one value.
    Flatline,
    /// No readings.
    Gap,
    /// Values multiplied.
    Burst,
}
