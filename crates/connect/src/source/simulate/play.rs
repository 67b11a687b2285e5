//! Playing, a device's turn at a time: the profile's values, then the user's own, then faults and losses.
//!
//! Every value is drawn whether it is sent or not, so that what is lost or faulty moves nothing after it.

use super::chance::{Chance, log_miss};
use super::faults::Active;
use super::label::Played;
use super::pace::Pace;
use super::signal::Model;
use super::{Device, Simulator, Tick, facility, fleet, lab};
use ouzel_engine::time::{Span, Time};

/// Which messages of a device get lost.
#[derive(Debug)]
pub(super) struct Losses {
    chance: Chance,
    log_miss: f64,
    next: u64,
}

/// The devices of the profile, with what they share at one moment.
#[derive(Debug)]
pub(super) enum Cast {
    Fleet(fleet::Shared, Vec<fleet::Device>),
    Facility(facility::Shared, Vec<facility::Device>),
    Lab(lab::Shared, Vec<lab::Device>),
}

/// The channels that the profile lacks: the last columns of every device.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) first: usize,
    /// By device, then column.
    pub(super) noise: Vec<Chance>,
}

/// What came of a device's turn.
pub(super) enum Turn {
    Sent { device: usize, absent: u64 },
    Silent,
    Over,
}

impl Simulator {
    /// The next device's turn; its message is in `cells`.
    pub(super) fn play(&mut self) -> Turn {
        if self.turn >= self.devices.len() {
            match self.next_due() {
                Some(time) => self.begin(time),
                None => return Turn::Over,
            }
        }
        let device = self.turn;
        self.turn += 1;
        self.cast.play(device, &self.tick, &self.models, &self.extra, &mut self.clean);
        self.own.play(device, &self.models, &self.extra, &mut self.clean);
        self.speak(device)
    }

    /// A new moment: what all devices share, scenes that begin, and faults that were placed here.
    fn begin(&mut self, time: Time) {
        self.tick = Tick { index: self.next_index, time, since: time.since(self.pace.start()) };
        self.next_index += 1;
        self.turn = 0;
        for (extra, model) in self.extra.iter_mut().zip(&self.models) {
            *extra = model.extra(self.tick.since);
        }
        self.cast.share(&self.tick, &self.models);
        self.label_scenes();
        while let Some(placed) = self.placed.get(self.placed_next).filter(|placed| placed.first <= self.tick.index) {
            for device in placed.devices(self.devices.len()) {
                let layout = &self.layouts[device % self.layouts.len()];
                if placed.befalls(layout) {
                    self.devices[device].faults.place(placed.fault(layout[0]));
                }
            }
            self.placed_next += 1;
        }
    }

    /// Turns the scenes of the lab that are over, and labels those that begin.
    fn label_scenes(&mut self) {
        let Cast::Lab(_, rooms) = &mut self.cast else { return };
        let Tick { time, since, .. } = self.tick;
        for (device, room) in rooms.iter_mut().enumerate() {
            if let Some(scene) = room.turn(time) {
                let after = self.pace.first_at(Span(since.0.saturating_add(scene.length().0)));
                let end = end_of(&self.pace, self.readings, after.saturating_sub(1));
                let (kind, size) = (scene.name(), scene.size());
                self.labels.push(Played { kind, device, channel: None, start: time, end, size });
            }
        }
    }

    /// Lets faults and losses have the device's clean values; what is left becomes its message.
    fn speak(&mut self, device: usize) -> Turn {
        let Simulator { pace, labels, tick, models, clean, cells, readings, .. } = self;
        let mut label = |fault: &Active| {
            let (kind, channel, size) = (fault.kind.name(), fault.channel, fault.size);
            let end = end_of(pace, *readings, fault.last.max(tick.index));
            labels.push(Played { kind, device, channel, start: tick.time, end, size });
        };
        let layout = &self.layouts[device % self.layouts.len()];
        let Device { losses, faults, .. } = &mut self.devices[device];
        cells.clear();
        faults.strike(tick.index, layout[0]);
        let lost = losses.as_mut().is_some_and(|losses| losses.take(tick.index));
        if faults.quiet() {
            if !lost {
                cells.extend(layout.iter().map(|&column| {
                    let at = usize::from(column);
                    (column, models[at].report(clean[at]))
                }));
            }
        } else {
            let lost = faults.gap(None, &mut label) || lost;
            for &column in layout {
                if !faults.gap(Some(column), &mut label) && !lost {
                    let model = &models[usize::from(column)];
                    let report = |value| model.report(value);
                    let clean = clean[usize::from(column)];
                    cells.push((column, faults.touch(tick.index, column, clean, report, &mut label)));
                }
            }
            faults.end(tick.index);
        }
        if cells.is_empty() {
            return Turn::Silent;
        }
        Turn::Sent { device, absent: (layout.len() - cells.len()) as u64 }
    }
}

/// The time of reading `last`, or of the run's last if that comes before.
fn end_of(pace: &Pace, readings: u64, last: u64) -> Time {
    pace.time(last.min(readings - 1)).unwrap_or(Time::MAX)
}

impl Losses {
    /// Each gets lost with chance `share`.
    pub(super) fn new(mut chance: Chance, share: f64) -> Losses {
        let log_miss = log_miss(share);
        let next = chance.misses(log_miss);
        Losses { chance, log_miss, next }
    }

    /// Whether message `index` gets lost. To be asked in order of the messages.
    fn take(&mut self, index: u64) -> bool {
        if index < self.next {
            return false;
        }
        self.next = index.saturating_add(1).saturating_add(self.chance.misses(self.log_miss));
        true
    }
}

impl Own {
    fn play(&mut self, device: usize, models: &[Model], extra: &[f64], values: &mut [f64]) {
        let count = models.len() - self.first;
        for (own, noise) in self.noise[device * count..][..count].iter_mut().enumerate() {
            let column = self.first + own;
            let model = &models[column];
            values[column] = model.mean.unwrap_or(0.0) + model.noise * noise.normal() + extra[column];
        }
    }
}

impl Cast {
    fn share(&mut self, tick: &Tick, models: &[Model]) {
        match self {
            Cast::Fleet(shared, _) => *shared = fleet::Shared::at(tick, models),
            Cast::Facility(shared, _) => *shared = facility::Shared::at(tick),
            Cast::Lab(shared, _) => *shared = lab::Shared::at(tick.since, models),
        }
    }

    fn play(&mut self, device: usize, tick: &Tick, models: &[Model], extra: &[f64], values: &mut [f64]) {
        match self {
            Cast::Fleet(shared, devices) => devices[device].play(shared, models, extra, values),
            Cast::Facility(shared, devices) => devices[device].play(shared, models, extra, values),
            Cast::Lab(shared, devices) => devices[device].play(tick.time, shared, models, extra, values),
        }
    }
}
