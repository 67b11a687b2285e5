//! The lab: one room with a thermometer, a light sensor, a motion sensor and a potentiometer, in which scenes are
//! played.
//!
//! Quiet comes first and between all others; the others come in rounds of five, shuffled, so that each is played
//! within about five minutes. All is told in seconds, so that the patterns keep their limits at any rate above 2 Hz.
//!
//! | scene | what happens | who should notice |
//! | --- | --- | --- |
//! | `quiet` | dark, nobody, around 24 °C | nobody |
//! | `visit` (twice a round) | motion, within 3 s the lamp, both on for 8–20 s | room entry |
//! | `flashlight` | motion, within 1.5 s a jump of 2.6–4 °C from one reading to the next, light above 70 % by 3.5 s | intruder; room entry |
//! | `heat` | 8–11 °C up in 8–12 s, above the threshold for at least 12 s, nobody there | sustained heat |
//! | `activity` | motion on and off two to four times, each 1–2 s, in the dark | activity burst |
//!
//! Scenes are the lab's only random faults: with those turned off it stays quiet. A label covers a scene from its
//! first to its last reading; everything is back to quiet by then.

use super::chance::{Chance, Purpose};
use super::signal::{ANY, Model, Spec, sine_of};
use ouzel_engine::time::{Span, Time};

/// Readings a second.
pub(super) const RATE_HZ: f64 = 10.0;

const TEMPERATURE: usize = 0;
const LIGHT: usize = 1;
const MOTION: usize = 2;
const THRESHOLD: usize = 3;

/// Means: degrees, per cent of light in the dark room, nobody, and degrees of the threshold.
const BASES: [f64; 4] = [24.0, 15.0, 0.0, 30.0];

/// The channels, in order.
pub(super) const CHANNELS: [Spec; 4] = [
    Spec { name: "temperature", unit: "°C", decimals: 2, range: ANY, noise: 0.05, amplitude: 0.5, state: false },
    Spec { name: "light", unit: "%", decimals: 1, range: (0.0, 100.0), noise: 0.5, amplitude: 2.0, state: false },
    Spec { name: "motion", unit: "", decimals: 0, range: (0.0, 1.0), noise: 0.0, amplitude: 0.0, state: true },
    Spec { name: "threshold", unit: "°C", decimals: 2, range: (0.0, 50.0), noise: 0.0, amplitude: 0.5, state: false },
];

/// Periods of the waves of [`CHANNELS`]: none is a multiple of another.
const PERIODS: [Span; 4] = [Span::from_secs(900), Span::from_secs(600), Span::from_secs(1), Span::from_secs(1260)];

/// What all rooms share at one moment: the waves.
#[derive(Debug, Default)]
pub(super) struct Shared([f64; 4]);

impl Shared {
    pub(super) fn at(since: Span, models: &[Model]) -> Shared {
        Shared(std::array::from_fn(|channel| match models[channel].amplitude(CHANNELS[channel].amplitude) {
            0.0 => 0.0,
            amplitude => amplitude * sine_of(since, PERIODS[channel]),
        }))
    }
}

/// What is going on in a room. Spans count from the scene's first reading.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    plot: Plot,
    length: Span,
}

#[derive(Clone, Debug)]
enum Plot {
    Quiet,
    Visit { lamp: (Span, Span), motion: (Span, Span), brightness: f64 },
    Flashlight { jump: Span, rise: f64, beam: (Span, Span), brightness: f64, motion: (Span, Span) },
    Heat { rise: f64, ramp: Span },
    Activity { motions: Vec<(Span, Span)> },
}

/// Before anyone moves a scene has a second of darkness, so that "light is low, then motion" lies inside its label.
const BEFORE: f64 = 1.0;

/// One room.
#[derive(Debug)]
pub(super) struct Device {
    base: [f64; 4],
    noise: Chance,
    script: Option<Chance>,
    /// Scenes that this round still has, last first.
    round: Vec<fn(&mut Chance) -> Scene>,
    scene: Scene,
    began: Option<Time>,
}

/// `lab`, then `lab_2` and on.
pub(super) fn name(index: usize) -> String {
    if index == 0 { "lab".into() } else { format!("lab_{}", index + 1) }
}

impl Device {
    pub(super) fn new(seed: u64, index: usize, models: &[Model], scenes: bool) -> Device {
        Device {
            base: std::array::from_fn(|channel| models[channel].mean.unwrap_or(BASES[channel])),
            noise: Chance::new(seed, index, Purpose::Noise),
            script: scenes.then(|| Chance::new(seed, index, Purpose::Faults)),
            round: Vec::new(),
            scene: Scene { plot: Plot::Quiet, length: Span(i64::MAX) },
            began: None,
        }
    }

    /// Moves on to the next scene if the last is over; gives it on its first reading.
    pub(super) fn turn(&mut self, now: Time) -> Option<&Scene> {
        let script = self.script.as_mut()?;
        self.scene = match (self.began, &self.scene.plot) {
            (Some(began), _) if now.since(began) < self.scene.length => return None,
            (Some(_), Plot::Quiet) => next_of(&mut self.round, script)(script),
            _ => quiet(script),
        };
        self.began = Some(now);
        Some(&self.scene)
    }

    /// The values of this moment, placed faults aside.
    pub(super) fn play(&mut self, now: Time, shared: &Shared, models: &[Model], extra: &[f64], values: &mut [f64]) {
        for channel in [TEMPERATURE, LIGHT, THRESHOLD] {
            let noise = models[channel].noise * self.noise.normal();
            values[channel] = self.base[channel] + shared.0[channel] + noise + extra[channel];
        }
        let scene = self.scene.at(self.began.map_or(Span::ZERO, |began| now.since(began)));
        values[TEMPERATURE] += scene.warmer;
        values[LIGHT] += scene.brighter;
        values[MOTION] = f64::from(u8::from(scene.motion));
    }
}

/// What a scene adds at one moment.
#[derive(Default)]
struct Added {
    warmer: f64,
    brighter: f64,
    motion: bool,
}

impl Scene {
    /// The word for it in labels.
    pub(super) fn name(&self) -> &'static str {
        match self.plot {
            Plot::Quiet => "quiet",
            Plot::Visit { .. } => "visit",
            Plot::Flashlight { .. } => "flashlight",
            Plot::Heat { .. } => "heat",
            Plot::Activity { .. } => "activity",
        }
    }

    /// Degrees of the flashlight and the heat, number of movements of the activity, else 0.
    pub(super) fn size(&self) -> f64 {
        match &self.plot {
            Plot::Flashlight { rise, .. } | Plot::Heat { rise, .. } => *rise,
            Plot::Activity { motions } => motions.len() as f64,
            Plot::Quiet | Plot::Visit { .. } => 0.0,
        }
    }

    /// How long it lasts.
    pub(super) fn length(&self) -> Span {
        self.length
    }

    fn at(&self, since: Span) -> Added {
        let within = |(from, to): (Span, Span)| from <= since && since < to;
        let lit = |span, brightness| if within(span) { brightness } else { 0.0 };
        match &self.plot {
            Plot::Quiet => Added::default(),
            Plot::Visit { lamp, motion, brightness } => {
                Added { brighter: lit(*lamp, *brightness), motion: within(*motion), ..Added::default() }
            }
            Plot::Flashlight { jump, rise, beam, brightness, motion } => {
                let cooled = share(since.0 - jump.0, self.length.0 - jump.0);
                let warmer = if since >= *jump { rise * (1.0 - cooled) } else { 0.0 };
                Added { warmer, brighter: lit(*beam, *brightness), motion: within(*motion) }
            }
            Plot::Heat { rise, ramp } => {
                let up = share(since.0, ramp.0).min(share(self.length.0 - since.0, ramp.0)).min(1.0);
                Added { warmer: rise * up, ..Added::default() }
            }
            Plot::Activity { motions } => {
                Added { motion: motions.iter().any(|&motion| within(motion)), ..Added::default() }
            }
        }
    }
}

/// The next scene of the round; a new round is shuffled (Fisher and Yates) when the last is through.
fn next_of(round: &mut Vec<fn(&mut Chance) -> Scene>, script: &mut Chance) -> fn(&mut Chance) -> Scene {
    if round.is_empty() {
        round.extend([visit as fn(&mut Chance) -> Scene, visit, flashlight, heat, activity]);
        for last in (1..round.len()).rev() {
            round.swap(last, script.below(last as u64 + 1) as usize);
        }
    }
    round.pop().unwrap_or(quiet)
}

fn seconds(seconds: f64) -> Span {
    Span((seconds * 1e9) as i64)
}

fn quiet(script: &mut Chance) -> Scene {
    Scene { plot: Plot::Quiet, length: seconds(script.between(20.0, 40.0)) }
}

fn visit(script: &mut Chance) -> Scene {
    let lamp = BEFORE + script.between(1.0, 3.0);
    let left = BEFORE + script.between(8.0, 20.0);
    let brightness = script.between(65.0, 73.0);
    let plot = Plot::Visit {
        lamp: (seconds(lamp), seconds(left - 1.0)),
        motion: (seconds(BEFORE), seconds(left)),
        brightness,
    };
    Scene { plot, length: seconds(left + 2.0) }
}

/// Body heat and beam come from the same person: both within the pattern's five seconds, with room to spare.
fn flashlight(script: &mut Chance) -> Scene {
    let jump = BEFORE + script.between(0.5, 1.5);
    let rise = script.between(2.6, 4.0);
    let beam = BEFORE + script.between(2.0, 3.5);
    let dark = beam + script.between(1.5, 3.0);
    let brightness = script.between(62.0, 75.0);
    let left = BEFORE + script.between(7.0, 9.0);
    let plot = Plot::Flashlight {
        jump: seconds(jump),
        rise,
        beam: (seconds(beam), seconds(dark)),
        brightness,
        motion: (seconds(BEFORE), seconds(left)),
    };
    Scene { plot, length: seconds(left + 2.0) }
}

/// From 23.5 °C at the least to above a threshold of 30.5 °C at the most, never 2 °C from reading to reading.
fn heat(script: &mut Chance) -> Scene {
    let rise = script.between(8.0, 11.0);
    let ramp = script.between(8.0, 12.0);
    let top = script.between(12.0, 25.0);
    Scene { plot: Plot::Heat { rise, ramp: seconds(ramp) }, length: seconds(2.0 * ramp + top) }
}

fn activity(script: &mut Chance) -> Scene {
    let mut now = BEFORE;
    let motions = (0..2 + script.below(3))
        .map(|_| {
            let stop = now + script.between(1.0, 2.0);
            let motion = (seconds(now), seconds(stop));
            now = stop + script.between(0.7, 1.5);
            motion
        })
        .collect();
    Scene { plot: Plot::Activity { motions }, length: seconds(now + 1.0) }
}

fn share(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}
