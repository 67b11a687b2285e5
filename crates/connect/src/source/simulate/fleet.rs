//! The fleet: devices on machines in one hall, each with temperature, humidity, pressure, vibration and battery.
//!
//! The figures are those of the study that this profile follows, counted in readings as there, at 1 Hz:
//! temperature has a daily cycle of ±3 °C (coolest at midnight UTC, warmest at noon) and spikes at a rate of the
//! device's own; humidity falls by 1.5 % a degree; pressure is a slow wave of ±5 hPa; vibration bursts; the battery
//! runs down and stays at 0; 2 % of the messages get lost. Three things differ. Drift comes in bounded episodes:
//! without a bound it reaches 86 °C a day and pins humidity to the end of its range. Stuck sensors and long gaps were
//! added. And humidity follows the air, not the faulty thermometer, so that a fault touches one channel.

use super::chance::{Chance, Purpose, fingerprint};
use super::faults::{Hazard, Strike, Target};
use super::signal::{ANY, Model, Spec, sine_of};
use super::{FaultKind, Tick};
use ouzel_engine::time::Span;

/// Share of messages that get lost.
pub(super) const LOSS: f64 = 0.02;

/// Degrees that the temperature moves by day: warmest at noon.
const DAILY: f64 = 3.0;
/// Per cent of humidity lost a degree.
const DRYING: f64 = 1.5;
/// The pressure's wave is sin(readings / 1000).
const PRESSURE_READINGS: f64 = 1000.0;
/// The battery loses up to this much a reading, in per cent.
const DRAIN: f64 = 0.01;

const TEMPERATURE: usize = 0;
const HUMIDITY: usize = 1;
const PRESSURE: usize = 2;
const VIBRATION: usize = 3;
const BATTERY: usize = 4;

/// The channels, in order.
pub(super) const CHANNELS: [Spec; 5] = [
    Spec { name: "temperature", unit: "°C", decimals: 2, range: ANY, noise: 0.3, amplitude: DAILY, state: false },
    Spec { name: "humidity", unit: "%", decimals: 2, range: (10.0, 100.0), noise: 2.0, amplitude: 0.0, state: false },
    Spec { name: "pressure", unit: "hPa", decimals: 2, range: ANY, noise: 0.5, amplitude: 5.0, state: false },
    Spec {
        name: "vibration",
        unit: "mm/s",
        decimals: 4,
        range: (0.0, ANY.1),
        noise: 0.05,
        amplitude: 0.0,
        state: false,
    },
    Spec { name: "battery", unit: "%", decimals: 2, range: (0.0, 100.0), noise: 0.0, amplitude: 0.0, state: false },
];

/// One device.
#[derive(Debug)]
pub(super) struct Device {
    base: [f64; 4],
    battery: f64,
    noise: Chance,
    /// Of its own, for the profile has none: whoever asks for it changes no other channel.
    battery_noise: Chance,
}

/// What all devices share at one moment.
#[derive(Debug, Default)]
pub(super) struct Shared {
    warmth: f64,
    pressure: f64,
}

impl Shared {
    pub(super) fn at(tick: &Tick, models: &[Model]) -> Shared {
        let by_day = sine_of(Span(tick.time.0.saturating_sub(6 * HOUR.0)), Span(24 * HOUR.0));
        // Readings are counted from 1.
        let slow = libm::sin((tick.index + 1) as f64 / PRESSURE_READINGS);
        Shared {
            warmth: models[TEMPERATURE].amplitude(DAILY) * by_day,
            pressure: models[PRESSURE].amplitude(CHANNELS[PRESSURE].amplitude) * slow,
        }
    }
}

const HOUR: Span = Span::from_secs(3600);

impl Device {
    pub(super) fn new(seed: u64, index: usize, models: &[Model]) -> Device {
        let mut nature = Chance::new(seed, index, Purpose::Nature);
        let drawn =
            [(20.0, 25.0), (40.0, 60.0), (1010.0, 1020.0), (0.1, 0.5)].map(|(low, high)| nature.between(low, high));
        Device {
            base: std::array::from_fn(|channel| models[channel].mean.unwrap_or(drawn[channel])),
            battery: models[BATTERY].mean.unwrap_or(100.0),
            noise: Chance::new(seed, index, Purpose::Noise),
            battery_noise: Chance::new(seed, index, Purpose::Own(fingerprint("battery"))),
        }
    }

    /// The values of this moment, faults aside.
    pub(super) fn play(&mut self, shared: &Shared, models: &[Model], extra: &[f64], values: &mut [f64]) {
        let mut noise = |channel: usize| models[channel].noise * self.noise.normal() + extra[channel];
        let warmer = shared.warmth + noise(TEMPERATURE);
        values[TEMPERATURE] = self.base[TEMPERATURE] + warmer;
        values[HUMIDITY] = self.base[HUMIDITY] - DRYING * warmer + noise(HUMIDITY);
        values[PRESSURE] = self.base[PRESSURE] + shared.pressure + noise(PRESSURE);
        values[VIBRATION] = self.base[VIBRATION] + noise(VIBRATION);
        self.battery = (self.battery - self.noise.between(0.0, DRAIN)).max(0.0);
        values[BATTERY] = self.battery + extra[BATTERY];
        if models[BATTERY].noise > 0.0 {
            values[BATTERY] += models[BATTERY].noise * self.battery_noise.normal();
        }
    }
}

/// The random faults of a device: spikes at a rate drawn from 0.1–1 % of the readings, bursts of vibration at 0.5 %;
/// a drift about each 40 000 readings, a stuck sensor and a gap about each 60 000.
pub(super) fn hazards(chance: &mut Chance) -> Vec<Hazard> {
    let spikes = chance.between(0.001, 0.01);
    vec![
        Hazard::new(spikes, spike, chance),
        Hazard::new(0.005, burst, chance),
        Hazard::new(1.0 / 40_000.0, drift, chance),
        Hazard::new(1.0 / 60_000.0, stuck, chance),
        Hazard::new(1.0 / 60_000.0, gap, chance),
    ]
}

fn strike(kind: FaultKind, channel: usize, readings: u64, size: f64) -> Strike {
    Strike { kind, target: Target::Channel(channel as u16), readings, size }
}

fn spike(chance: &mut Chance) -> Strike {
    strike(FaultKind::Spike, TEMPERATURE, 1, [-50.0, 50.0, 100.0, -30.0][chance.below(4) as usize])
}

fn burst(chance: &mut Chance) -> Strike {
    strike(FaultKind::Burst, VIBRATION, 1, chance.between(3.0, 10.0))
}

/// Up to ±0.001 °C a reading, at least a third of that, for half an hour to an hour and a half.
fn drift(chance: &mut Chance) -> Strike {
    let readings = 2_000 + chance.below(4_000);
    let rate = chance.between(0.000_33, 0.001) * if chance.below(2) == 0 { 1.0 } else { -1.0 };
    strike(FaultKind::Drift, TEMPERATURE, readings, rate * readings as f64)
}

/// The thermometer in half of the cases, else humidity, pressure or vibration.
fn stuck(chance: &mut Chance) -> Strike {
    let channel = [TEMPERATURE, TEMPERATURE, TEMPERATURE, HUMIDITY, PRESSURE, VIBRATION][chance.below(6) as usize];
    strike(FaultKind::Flatline, channel, 300 + chance.below(900), 0.0)
}

fn gap(chance: &mut Chance) -> Strike {
    Strike { kind: FaultKind::Gap, target: Target::Device, readings: 60 + chance.below(540), size: 0.0 }
}
