//! Faults that strike a device: when they begin, what they do to its values, when they are over.

use super::FaultKind;
use super::chance::{Chance, log_miss};

/// What a fault touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// All channels.
    Device,
    /// The device's first channel.
    First,
    /// A channel by its column.
    Channel(u16),
}

/// A random fault, drawn.
pub(super) struct Strike {
    pub(super) kind: FaultKind,
    pub(super) target: Target,
    /// How many readings it lasts: at least one.
    pub(super) readings: u64,
    /// As in [`super::PlacedFault::size`].
    pub(super) size: f64,
}

/// Something that strikes a device at random, at most once at a time.
#[derive(Debug)]
pub(super) struct Hazard {
    log_miss: f64,
    strike: fn(&mut Chance) -> Strike,
    next: u64,
}

impl Hazard {
    /// Strikes with chance `share` at each reading.
    pub(super) fn new(share: f64, strike: fn(&mut Chance) -> Strike, chance: &mut Chance) -> Hazard {
        let log_miss = log_miss(share);
        Hazard { log_miss, strike, next: chance.misses(log_miss) }
    }
}

/// A fault under way on a device. Reading `first` is its first, `last` its last.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) kind: FaultKind,
    /// The column, or all.
    pub(super) channel: Option<u16>,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) size: f64,
    /// Waits past its end until it has touched a reading: a fault that was asked for is not lost with a message.
    pub(super) patient: bool,
    /// Whether it has touched a reading, or a gap has swallowed one.
    pub(super) shown: bool,
    /// Where a flatline is stuck.
    held: f64,
}

/// All that can befall one device.
#[derive(Debug)]
pub(super) struct Faults {
    hazards: Vec<Hazard>,
    soonest: u64,
    chance: Chance,
    active: Vec<Active>,
}

impl Faults {
    /// A device with these hazards, none if only placed faults befall it; their times and sizes come from `chance`.
    pub(super) fn new(hazards: Vec<Hazard>, chance: Chance) -> Faults {
        let soonest = hazards.iter().map(|hazard| hazard.next).min().unwrap_or(u64::MAX);
        Faults { hazards, soonest, chance, active: Vec::new() }
    }

    /// Lets the hazards strike that are due at reading `index` of a device whose first channel is `first_channel`.
    pub(super) fn strike(&mut self, index: u64, first_channel: u16) {
        if index < self.soonest {
            return;
        }
        for hazard in self.hazards.iter_mut().filter(|hazard| hazard.next == index) {
            let Strike { kind, target, readings, size } = (hazard.strike)(&mut self.chance);
            self.active.push(Active::new(kind, target, first_channel, index, readings, size));
            hazard.next = index.saturating_add(readings).saturating_add(self.chance.misses(hazard.log_miss));
        }
        self.soonest = self.hazards.iter().map(|hazard| hazard.next).min().unwrap_or(u64::MAX);
    }

    /// Adds a placed fault that begins now.
    pub(super) fn place(&mut self, fault: Active) {
        self.active.push(Active { patient: true, ..fault });
    }

    /// Whether nothing is wrong.
    pub(super) fn quiet(&self) -> bool {
        self.active.is_empty()
    }

    /// Whether a gap swallows the channel's reading, or with `None` the whole message.
    pub(super) fn gap(&mut self, channel: Option<u16>, mut label: impl FnMut(&Active)) -> bool {
        let mut swallowed = false;
        for fault in &mut self.active {
            if fault.kind == FaultKind::Gap && fault.channel == channel {
                fault.show(&mut label);
                swallowed = true;
            }
        }
        swallowed
    }

    /// The channel's reported value at reading `index`, where it would be `clean` and `report` rounds.
    pub(super) fn touch(
        &mut self,
        index: u64,
        channel: u16,
        clean: f64,
        report: impl Fn(f64) -> f64,
        mut label: impl FnMut(&Active),
    ) -> f64 {
        let here = |fault: &Active| fault.kind != FaultKind::Gap && fault.channel == Some(channel);
        // A stuck sensor shows nothing else that befalls it.
        let stuck = |fault: &&Active| here(fault) && fault.kind == FaultKind::Flatline && fault.shown;
        if let Some(fault) = self.active.iter().find(stuck) {
            return fault.held;
        }
        let mut value = clean;
        for fault in self.active.iter_mut().filter(|fault| here(fault) && fault.kind != FaultKind::Flatline) {
            value = fault.apply(index, value);
            fault.show(&mut label);
        }
        let value = report(value);
        if let Some(fault) = self.active.iter_mut().find(|fault| here(fault) && fault.kind == FaultKind::Flatline) {
            fault.held = value;
            fault.show(&mut label);
        }
        value
    }

    /// Ends what is over after reading `index`.
    pub(super) fn end(&mut self, index: u64) {
        self.active.retain(|fault| index < fault.last || (fault.patient && !fault.shown));
    }
}

impl Active {
    /// A fault of `readings` readings from `first` on.
    pub(super) fn new(
        kind: FaultKind,
        target: Target,
        first_channel: u16,
        first: u64,
        readings: u64,
        size: f64,
    ) -> Active {
        let channel = match target {
            Target::Device => None,
            Target::First => Some(first_channel),
            Target::Channel(channel) => Some(channel),
        };
        let last = first.saturating_add(readings.max(1) - 1);
        Active { kind, channel, first, last, size, patient: false, shown: false, held: 0.0 }
    }

    /// Adds, ramps up or multiplies. A ramp starts at 0 and reaches its size at its last reading.
    fn apply(&self, index: u64, value: f64) -> f64 {
        match self.kind {
            FaultKind::Spike | FaultKind::Shift => value + self.size,
            FaultKind::Drift if self.last <= index => value + self.size,
            FaultKind::Drift => value + self.size * ((index - self.first) as f64 / (self.last - self.first) as f64),
            // Finite whatever is stacked on it: the next factor may be 0.
            FaultKind::Burst => (value * self.size).clamp(super::signal::ANY.0, super::signal::ANY.1),
            FaultKind::Flatline | FaultKind::Gap => value,
        }
    }

    fn show(&mut self, label: &mut impl FnMut(&Active)) {
        if !self.shown {
            self.shown = true;
            label(self);
        }
    }
}
