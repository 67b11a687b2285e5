//! What a channel does when nothing is wrong: mean + amplitude · wave + noise, with drift and shift as far as asked
//! for.
//!
//! The profile brings each of its channels as a [`Spec`]; the user's [`Signal`]s change single terms of it:
//!
//! | given | what becomes of the profile's own |
//! | --- | --- |
//! | `mean` | replaces the base drawn for each device (for the battery: where it starts) |
//! | `amplitude` | replaces that of the profile's wave, which keeps its period (a day, for most) |
//! | `period` | the wave is sin(2π t / period), t from the start; the amplitude stays unless given |
//! | `noise` | replaces the standard deviation |
//! | `drift`, `shift` | are added; the profile has none |
//!
//! Humidity still follows temperature (fleet), the battery still drains, and scenes (lab) are added to whatever the
//! signal is. The facility's slow trend counts as part of the wave: it goes when amplitude or period are given.

use super::Signal;
use crate::fault::Fault;
use ouzel_engine::time::Span;
use std::f64::consts::TAU;

/// Values beyond this are a slip of the keyboard; within it, no sum or product here overflows.
pub(super) const SIZE_MAX: f64 = 1e12;

/// A channel as its profile has it.
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// Places after the point that the sensor reports.
    pub(super) decimals: u8,
    /// Values are kept within these, faults included: the sensor knows no others.
    pub(super) range: (f64, f64),
    /// Standard deviation.
    pub(super) noise: f64,
    /// Amplitude of the profile's wave; 0: it has none.
    pub(super) amplitude: f64,
    /// A state such as 0 or 1, to which no signal can be given.
    pub(super) state: bool,
}

/// The range of a channel that has none. Finite, so that a factor on top of a factor stays a number.
pub(super) const ANY: (f64, f64) = (-1e18, 1e18);

/// A channel with the user's changes.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) mean: Option<f64>,
    pub(super) noise: f64,
    amplitude: Option<f64>,
    sine: Option<(f64, Span)>,
    drift_an_hour: f64,
    shift: f64,
    shift_at: Span,
    range: (f64, f64),
    scale: f64,
}

impl Model {
    /// A channel of the profile.
    pub(super) fn of_profile(spec: &Spec, signal: Option<&Signal>) -> Result<Model, Fault> {
        let mut model = Model {
            mean: None,
            noise: spec.noise,
            amplitude: None,
            sine: None,
            drift_an_hour: 0.0,
            shift: 0.0,
            shift_at: Span::ZERO,
            range: spec.range,
            scale: power_of_ten(spec.decimals),
        };
        let Some(signal) = signal else { return Ok(model) };
        if spec.state {
            return Err(Fault::yours(format!(
                "`{}` is a state, 0 or 1: it cannot be given a signal, only faults",
                spec.name
            )));
        }
        model.change(signal, spec.amplitude)?;
        model.scale = model.scale.max(power_of_ten(decimals_for(model.noise)));
        Ok(model)
    }

    /// A channel that the profile lacks: mean, noise and the rest are 0 unless given.
    pub(super) fn of_user(signal: &Signal) -> Result<Model, Fault> {
        let spec = Spec { name: "", unit: "", decimals: 4, range: ANY, noise: 0.0, amplitude: 0.0, state: false };
        Model::of_profile(&spec, Some(signal))
    }

    fn change(&mut self, signal: &Signal, amplitude: f64) -> Result<(), Fault> {
        let name = &signal.channel;
        for (what, value) in [
            ("mean", signal.mean),
            ("amplitude", signal.amplitude),
            ("noise", signal.noise),
            ("drift", signal.drift),
            ("shift", signal.shift),
        ] {
            if let Some(value) = value {
                check_size(value, || format!("the {what} of signal `{name}`"))?;
            }
        }
        if let Some(noise) = signal.noise.filter(|&noise| noise < 0.0) {
            return Err(Fault::yours(format!(
                "the noise of signal `{name}` is {noise}: it is a standard deviation, 0 or more"
            )));
        }
        if let Some(period) = signal.period.filter(|&period| period <= Span::ZERO) {
            return Err(Fault::yours(format!("the period of signal `{name}` is {period}: it must be longer than 0")));
        }
        if let Some(at) = signal.shift_at.filter(|&at| at < Span::ZERO) {
            return Err(Fault::yours(format!(
                "signal `{name}` shifts at {at}: the start of the run is 0, a shift comes after it"
            )));
        }
        if signal.shift_at.is_some() && signal.shift.is_none() {
            return Err(Fault::yours(format!(
                "signal `{name}` has a time for its shift but no size: add `shift`, in the channel's unit"
            )));
        }
        match (signal.amplitude, signal.period) {
            (None, Some(_)) if amplitude == 0.0 => {
                return Err(Fault::yours(format!(
                    "signal `{name}` has a period but no amplitude: add `amplitude`, in the channel's unit"
                )));
            }
            (Some(size), None) if amplitude == 0.0 && size != 0.0 => {
                return Err(Fault::yours(format!(
                    "signal `{name}` has an amplitude but no period: add `period`, for example \"1h\""
                )));
            }
            (size, Some(period)) => self.sine = Some((size.unwrap_or(amplitude), period)),
            (size, None) => self.amplitude = size,
        }
        self.mean = signal.mean;
        self.noise = signal.noise.unwrap_or(self.noise);
        self.drift_an_hour = signal.drift.unwrap_or(0.0);
        self.shift = signal.shift.unwrap_or(0.0);
        self.shift_at = signal.shift_at.unwrap_or(Span::ZERO);
        Ok(())
    }

    /// The amplitude of the profile's own wave, whose value without changes is `own`.
    pub(super) fn amplitude(&self, own: f64) -> f64 {
        if self.sine.is_some() { 0.0 } else { self.amplitude.unwrap_or(own) }
    }

    /// Whether amplitude and period are the profile's own.
    pub(super) fn has_own_wave(&self) -> bool {
        self.sine.is_none() && self.amplitude.is_none()
    }

    /// What the user's sine, drift and shift add at `since` from the start: the same for all devices.
    pub(super) fn extra(&self, since: Span) -> f64 {
        let sine = self.sine.map_or(0.0, |(amplitude, period)| amplitude * sine_of(since, period));
        let drift = if self.drift_an_hour == 0.0 { 0.0 } else { self.drift_an_hour * (since.as_secs_f64() / 3600.0) };
        let shift = if since >= self.shift_at { self.shift } else { 0.0 };
        sine + drift + shift
    }

    /// The value as the sensor reports it: within its range and to its last place. Half a place rounds away from 0.
    pub(super) fn report(&self, value: f64) -> f64 {
        let (low, high) = self.range;
        // `+ 0.0` makes 0 of -0, which would print as "-0".
        (value.clamp(low, high) * self.scale).round() / self.scale + 0.0
    }
}

/// sin(2π `since` / `period`); whole periods are taken off as integers, so it is as sharp after a year as at first.
pub(super) fn sine_of(since: Span, period: Span) -> f64 {
    libm::sin(TAU * (since.0.rem_euclid(period.0) as f64 / period.0 as f64))
}

/// A size must be a number with which one can calculate.
pub(super) fn check_size(value: f64, whose: impl Fn() -> String) -> Result<(), Fault> {
    if value.abs() <= SIZE_MAX {
        return Ok(());
    }
    Err(Fault::yours(format!("{} is {value}: it must lie between {:e} and {SIZE_MAX:e}", whose(), -SIZE_MAX)))
}

/// Enough places that noise of this deviation shows in the values: a tenth of it, and at most nine.
fn decimals_for(noise: f64) -> u8 {
    if noise == 0.0 {
        return 0;
    }
    (0..9).find(|&decimals| 1.0 / power_of_ten(decimals) <= noise / 10.0).unwrap_or(9)
}

fn power_of_ten(decimals: u8) -> f64 {
    10u32.pow(u32::from(decimals)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal() -> Signal {
        Signal::new("flow")
    }

    fn spec(amplitude: f64) -> Spec {
        Spec { name: "flow", unit: "l/s", decimals: 2, range: (0.0, 100.0), noise: 0.3, amplitude, state: false }
    }

    fn refusal(signal: &Signal) -> String {
        Model::of_user(signal).unwrap_err().what
    }

    #[test]
    fn terms_add_up() {
        let model = Model::of_user(&Signal {
            amplitude: Some(2.0),
            period: Some(Span::from_secs(4)),
            drift: Some(3.6),
            shift: Some(10.0),
            shift_at: Some(Span::from_secs(3)),
            ..signal()
        })
        .unwrap();
        for (second, value) in [(0, 0.0), (1, 2.001), (2, 0.002), (3, 8.003), (401, 12.401)] {
            let extra = model.extra(Span::from_secs(second));
            assert!((extra - value).abs() < 1e-9, "{extra} after {second} s");
        }
    }

    #[test]
    fn what_is_not_given_stays_the_profiles() {
        let model = Model::of_profile(&spec(3.0), Some(&Signal { mean: Some(9.0), ..signal() })).unwrap();
        assert_eq!((model.mean, model.noise, model.amplitude(3.0)), (Some(9.0), 0.3, 3.0));
        assert!(model.has_own_wave());
        let model = Model::of_profile(&spec(3.0), Some(&Signal { amplitude: Some(1.0), ..signal() })).unwrap();
        assert_eq!((model.mean, model.amplitude(3.0)), (None, 1.0));
        let period = Some(Span::from_secs(4));
        let model = Model::of_profile(&spec(3.0), Some(&Signal { period, ..signal() })).unwrap();
        assert_eq!((model.amplitude(3.0), model.extra(Span::from_secs(1))), (0.0, 3.0));
    }

    #[test]
    fn a_value_is_reported_in_range_and_rounded() {
        let model = Model::of_profile(&spec(0.0), None).unwrap();
        for (value, reported) in [(1.005_1, 1.01), (-3.0, 0.0), (-0.001, 0.0), (250.0, 100.0)] {
            assert_eq!(model.report(value).to_bits(), f64::to_bits(reported));
        }
    }

    #[test]
    fn fine_noise_gets_the_places_to_show() {
        assert_eq!([0.0, 0.3, 0.05, 0.001, 1e-12].map(decimals_for), [0, 2, 3, 4, 9]);
    }

    #[test]
    fn a_signal_that_cannot_be_played_says_what_would_be_right() {
        let (size, span) = (Some(1.0), Some(Span::from_secs(1)));
        assert!(refusal(&Signal { noise: Some(-1.0), ..signal() }).contains("0 or more"));
        assert!(refusal(&Signal { mean: Some(f64::NAN), ..signal() }).contains("must lie between -1e12 and 1e12"));
        assert!(refusal(&Signal { amplitude: size, ..signal() }).contains("add `period`"));
        assert!(refusal(&Signal { period: span, ..signal() }).contains("add `amplitude`"));
        assert!(refusal(&Signal { period: Some(Span(-1)), ..signal() }).contains("longer than 0"));
        assert!(refusal(&Signal { shift_at: span, ..signal() }).contains("add `shift`"));
    }
}
