//! The facility: 25 sensors, one of each of five types in each of five places, one channel each.
//!
//! Every sensor has a baseline of its place, a daily cycle that peaks in the afternoon, a slow trend of at most ±2.0
//! units, and noise. 5 % of its readings are multiplied by 1.5–3.0, as if the world were a sensor fault.
//!
//! A sensor speaks every two seconds. The study that this profile follows measured 10–15 messages a second from its
//! 25 sensors, which is 12.5 at 0.5 Hz, and computes deviations over windows of a minute, which needs the 30 readings
//! of it. (It also gives 150–300 rows per five minutes as the size of a table; both cannot be.)

use super::chance::{Chance, Purpose};
use super::faults::{Hazard, Strike, Target};
use super::signal::{ANY, Model, Spec};
use super::{FaultKind, Tick};
use ouzel_engine::time::{Span, Time};
use std::f64::consts::TAU;

/// Sensors in the building.
pub(super) const SENSORS: u32 = 25;
/// Readings of each a second.
pub(super) const RATE_HZ: f64 = 0.5;

/// Share of readings that are multiplied.
const ANOMALIES: f64 = 0.05;
/// The trend stays within this, in the channel's unit.
const TREND_MAX: f64 = 2.0;

/// The places, in order.
const PLACES: [&str; 5] = ["server_room", "office", "warehouse", "laboratory", "manufacturing"];

/// The channels, in order; amplitudes are those of the daily cycle in an office.
pub(super) const CHANNELS: [Spec; 5] = [
    Spec { name: "temperature", unit: "°C", decimals: 2, range: ANY, noise: 0.3, amplitude: 2.0, state: false },
    Spec { name: "humidity", unit: "%", decimals: 2, range: ANY, noise: 1.0, amplitude: 5.0, state: false },
    Spec { name: "air_quality", unit: "AQI", decimals: 2, range: ANY, noise: 2.0, amplitude: 8.0, state: false },
    Spec { name: "pressure", unit: "hPa", decimals: 2, range: ANY, noise: 0.4, amplitude: 1.5, state: false },
    Spec { name: "co2", unit: "ppm", decimals: 2, range: ANY, noise: 10.0, amplitude: 80.0, state: false },
];

/// Baselines, a row a place. The study says that places differ, not by how much; these are ordinary for such rooms.
const BASES: [[f64; 5]; 5] = [
    [20.0, 45.0, 25.0, 1013.0, 450.0],
    [22.0, 45.0, 40.0, 1013.0, 700.0],
    [18.0, 55.0, 55.0, 1012.5, 500.0],
    [21.0, 40.0, 20.0, 1014.0, 480.0],
    [25.0, 50.0, 85.0, 1012.0, 650.0],
];

/// How much of an office's daily cycle a place has: a server room is cooled, a warehouse is not.
const CYCLES: [f64; 5] = [0.25, 1.0, 1.5, 0.5, 1.0];

/// The hour of the daily peak, a column a type. Humidity peaks when it is coldest.
const PEAKS: [f64; 5] = [15.0, 3.0, 14.0, 10.0, 14.0];

/// One sensor.
#[derive(Debug)]
pub(super) struct Device {
    channel: usize,
    base: f64,
    /// Amplitude of the daily cycle times cosine and sine of its peak.
    cycle: (f64, f64),
    trend: f64,
    /// Turns a second and at the start.
    trend_turns: (f64, f64),
    noise: Chance,
}

/// What all sensors share at one moment: cosine and sine of the hour, and seconds since the start.
#[derive(Debug, Default)]
pub(super) struct Shared {
    hour: (f64, f64),
    seconds: f64,
}

impl Shared {
    pub(super) fn at(tick: &Tick) -> Shared {
        let angle = TAU * day_share(tick.time);
        Shared { hour: (libm::cos(angle), libm::sin(angle)), seconds: tick.since.as_secs_f64() }
    }
}

/// How much of its day has passed at a moment: `[0, 1)`.
fn day_share(time: Time) -> f64 {
    let day = Span::from_secs(86_400).0;
    time.0.rem_euclid(day) as f64 / day as f64
}

/// A sensor's place and type: all types of a place, then the next place, then the next building.
fn place_and_type(index: usize) -> (usize, usize) {
    (index / 5 % 5, index % 5)
}

/// `temperature_server_room_01`; the number is that of the building.
pub(super) fn name(index: usize) -> String {
    let (place, kind) = place_and_type(index);
    format!("{}_{}_{:02}", CHANNELS[kind].name, PLACES[place], index / SENSORS as usize + 1)
}

/// Where a sensor is; its tag `location`.
pub(super) fn place(index: usize) -> &'static str {
    PLACES[place_and_type(index).0]
}

impl Device {
    pub(super) fn new(seed: u64, index: usize, models: &[Model]) -> Device {
        let (place, channel) = place_and_type(index);
        let model = &models[channel];
        let mut nature = Chance::new(seed, index, Purpose::Nature);
        // Sensors of one room do not agree to the last place, and their days are not in step to the minute.
        let spread = nature.between(-1.0, 1.0) * CHANNELS[channel].noise;
        let peak = TAU * (PEAKS[channel] + nature.between(-0.5, 0.5)) / 24.0;
        let trend = nature.between(0.5, TREND_MAX);
        let hours = nature.between(5.0, 11.0);
        let turned = nature.unit();
        let amplitude = model.amplitude(CHANNELS[channel].amplitude * CYCLES[place]);
        Device {
            channel,
            base: model.mean.unwrap_or(BASES[place][channel] + spread),
            cycle: (amplitude * libm::cos(peak), amplitude * libm::sin(peak)),
            trend: if model.has_own_wave() { trend } else { 0.0 },
            trend_turns: (1.0 / (hours * 3600.0), turned),
            noise: Chance::new(seed, index, Purpose::Noise),
        }
    }

    /// The value of this moment, faults aside.
    pub(super) fn play(&mut self, shared: &Shared, models: &[Model], extra: &[f64], values: &mut [f64]) {
        // cos(hour − peak), without a cosine for each sensor.
        let cycle = self.cycle.0 * shared.hour.0 + self.cycle.1 * shared.hour.1;
        let (speed, turned) = self.trend_turns;
        let turns = shared.seconds * speed + turned;
        let trend = self.trend * libm::sin(TAU * (turns - turns.floor()));
        let noise = models[self.channel].noise * self.noise.normal();
        values[self.channel] = self.base + cycle + trend + noise + extra[self.channel];
    }
}

/// The random faults of a sensor.
pub(super) fn hazards(chance: &mut Chance) -> Vec<Hazard> {
    vec![Hazard::new(ANOMALIES, multiplied, chance)]
}

fn multiplied(chance: &mut Chance) -> Strike {
    Strike { kind: FaultKind::Burst, target: Target::First, readings: 1, size: chance.between(1.5, 3.0) }
}
