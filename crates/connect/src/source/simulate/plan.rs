//! From settings to a simulator that is ready to play, or to a sentence about what would be right.

use super::chance::{Chance, Purpose, fingerprint};
use super::faults::{Active, Faults, Target};
use super::label::Labels;
use super::pace::Pace;
use super::play::{Cast, Losses, Own};
use super::signal::{Model, Spec, check_size};
use super::{Column, Device, FaultKind, PlacedFault, Profile, Settings, Simulator, Tick};
use super::{facility, fleet, lab};
use crate::fault::Fault;
use hashbrown::HashMap;
use ouzel_engine::series::Timing;
use ouzel_engine::time::Span;
use std::ops::Range;

/// The most devices: some 50 MB of them.
const DEVICES_MAX: u32 = 100_000;
/// The most channels of all devices together; what the user adds to each device multiplies.
const SERIES_MAX: usize = 2_000_000;
/// The most placed faults.
const FAULTS_MAX: usize = 10_000;

/// A placed fault, its names looked up.
#[derive(Debug)]
pub(super) struct Placed {
    kind: FaultKind,
    target: Target,
    pub(super) first: u64,
    readings: u64,
    size: f64,
    /// The device; `None`: all that have the channel.
    device: Option<usize>,
}

impl Placed {
    /// The devices in question, of `count`.
    pub(super) fn devices(&self, count: usize) -> Range<usize> {
        self.device.map_or(0..count, |device| device..device + 1)
    }

    /// Whether it befalls a device with these columns.
    pub(super) fn befalls(&self, layout: &[u16]) -> bool {
        match self.target {
            Target::Channel(column) => layout.contains(&column),
            Target::Device | Target::First => true,
        }
    }

    /// The fault for a device whose first column is `first_column`.
    pub(super) fn fault(&self, first_column: u16) -> Active {
        Active::new(self.kind, self.target, first_column, self.first, self.readings, self.size)
    }
}

/// The simulator that plays `settings`.
pub(super) fn simulator(settings: &Settings, timing: Timing) -> Result<Simulator, Fault> {
    let specs: &[Spec] = match settings.profile {
        Profile::Fleet => &fleet::CHANNELS,
        Profile::Facility => &facility::CHANNELS,
        Profile::Lab => &lab::CHANNELS,
    };
    let (own_devices, own_rate) = match settings.profile {
        Profile::Fleet => (10, 1.0),
        Profile::Facility => (facility::SENSORS, facility::RATE_HZ),
        Profile::Lab => (1, lab::RATE_HZ),
    };
    let count = settings.devices.unwrap_or(own_devices);
    if !(1..=DEVICES_MAX).contains(&count) {
        return Err(Fault::yours(format!("{count} devices cannot be played: there must be 1 to {DEVICES_MAX}")));
    }
    let count = count as usize;
    let pace = Pace::new(settings.start, settings.rate_hz.unwrap_or(own_rate))?;
    let readings = readings(settings, &pace)?;
    let (columns, models) = channels(settings, specs)?;
    if columns.len() * count > SERIES_MAX {
        return Err(Fault::yours(format!(
            "{count} devices with {} channels each cannot be played: there may be {SERIES_MAX} channels together",
            columns.len()
        )));
    }
    let layouts = layouts(settings.profile, specs.len(), columns.len());
    let names: Vec<String> = (0..count).map(|index| name(settings.profile, index)).collect();
    let placed = placed(settings, &pace, readings, &columns, &layouts, &names)?;
    let noise = (0..count).flat_map(|device| {
        let of = move |column: &Column| Chance::new(settings.seed, device, Purpose::Own(fingerprint(&column.name)));
        columns[specs.len()..].iter().map(of)
    });
    Ok(Simulator {
        pace,
        readings,
        own: Own { first: specs.len(), noise: noise.collect() },
        cast: cast(settings, count, &models),
        devices: names.into_iter().enumerate().map(|(index, name)| device(settings, index, name)).collect(),
        placed,
        placed_next: 0,
        tick: Tick::default(),
        next_index: 0,
        turn: count,
        extra: vec![0.0; columns.len()],
        clean: vec![0.0; columns.len()],
        cells: Vec::with_capacity(columns.len()),
        labels: Labels::default(),
        timing,
        series: vec![None; columns.len() * count],
        columns,
        models,
        layouts,
    })
}

/// How many readings each device has.
fn readings(settings: &Settings, pace: &Pace) -> Result<u64, Fault> {
    match settings.length {
        Some(length) if length < Span::ZERO => {
            Err(Fault::yours(format!("a run of {length} cannot be played: its length must be 0 or more")))
        }
        Some(length) => Ok(pace.within(length)),
        None => Ok(u64::MAX),
    }
}

/// The profile's channels with the user's changes, then the user's own.
fn channels(settings: &Settings, specs: &[Spec]) -> Result<(Vec<Column>, Vec<Model>), Fault> {
    for (place, signal) in settings.signals.iter().enumerate() {
        let name = &signal.channel;
        if name.is_empty() {
            return Err(Fault::yours("a signal has an empty channel: give it the name of one"));
        }
        if settings.signals[..place].iter().any(|other| other.channel == *name) {
            return Err(Fault::yours(format!("channel `{name}` has two signals: put all into one")));
        }
    }
    let (mut columns, mut models) = (Vec::new(), Vec::new());
    for spec in specs {
        let signal = settings.signals.iter().find(|signal| signal.channel == spec.name);
        models.push(Model::of_profile(spec, signal)?);
        columns.push(Column { name: spec.name.to_owned(), unit: spec.unit });
    }
    for signal in settings.signals.iter().filter(|signal| specs.iter().all(|spec| spec.name != signal.channel)) {
        models.push(Model::of_user(signal)?);
        columns.push(Column { name: signal.channel.clone(), unit: "" });
    }
    if columns.len() > usize::from(u16::MAX) {
        return Err(Fault::yours(format!("a device cannot have {} channels: at most {}", columns.len(), u16::MAX)));
    }
    Ok((columns, models))
}

/// The columns of a device, in order of column. A sensor of the facility has one of the profile's.
fn layouts(profile: Profile, own: usize, all: usize) -> Vec<Vec<u16>> {
    let user = own as u16..all as u16;
    match profile {
        Profile::Facility => {
            (0..own as u16).map(|channel| [channel].into_iter().chain(user.clone()).collect()).collect()
        }
        Profile::Fleet | Profile::Lab => vec![(0..all as u16).collect()],
    }
}

fn name(profile: Profile, index: usize) -> String {
    match profile {
        Profile::Fleet => format!("sensor_{:03}", index + 1),
        Profile::Facility => facility::name(index),
        Profile::Lab => lab::name(index),
    }
}

fn cast(settings: &Settings, count: usize, models: &[Model]) -> Cast {
    let seed = settings.seed;
    match settings.profile {
        Profile::Fleet => {
            let devices = (0..count).map(|index| fleet::Device::new(seed, index, models)).collect();
            Cast::Fleet(fleet::Shared::default(), devices)
        }
        Profile::Facility => {
            let devices = (0..count).map(|index| facility::Device::new(seed, index, models)).collect();
            Cast::Facility(facility::Shared::default(), devices)
        }
        Profile::Lab => {
            let scenes = settings.random_faults;
            let rooms = (0..count).map(|index| lab::Device::new(seed, index, models, scenes)).collect();
            Cast::Lab(lab::Shared::default(), rooms)
        }
    }
}

fn device(settings: &Settings, index: usize, name: String) -> Device {
    let losses = || Losses::new(Chance::new(settings.seed, index, Purpose::Losses), fleet::LOSS);
    let mut chance = Chance::new(settings.seed, index, Purpose::Faults);
    let hazards = match settings.profile {
        _ if !settings.random_faults => Vec::new(),
        Profile::Fleet => fleet::hazards(&mut chance),
        Profile::Facility => facility::hazards(&mut chance),
        Profile::Lab => Vec::new(),
    };
    let tags = match settings.profile {
        Profile::Facility => vec![("location".to_owned(), facility::place(index).to_owned())],
        Profile::Fleet | Profile::Lab => Vec::new(),
    };
    Device {
        name,
        tags,
        losses: (settings.profile == Profile::Fleet).then(losses),
        faults: Faults::new(hazards, chance),
    }
}

/// The placed faults by the time they begin; those of one moment in the order they were given.
fn placed(
    settings: &Settings,
    pace: &Pace,
    readings: u64,
    columns: &[Column],
    layouts: &[Vec<u16>],
    names: &[String],
) -> Result<Vec<Placed>, Fault> {
    if settings.faults.len() > FAULTS_MAX {
        return Err(Fault::yours(format!(
            "{} faults cannot be placed in one run: at most {FAULTS_MAX}",
            settings.faults.len()
        )));
    }
    let by_name: HashMap<&str, usize> = names.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut placed = Vec::with_capacity(settings.faults.len());
    for fault in &settings.faults {
        let (first, count) = moments(fault, settings, pace, readings)?;
        let column = match &fault.channel {
            Some(channel) => Some(column(channel, columns)?),
            None => None,
        };
        let device = match &fault.device {
            Some(device) => Some(*by_name.get(device.as_str()).ok_or_else(|| unknown_device(device, names))?),
            None => None,
        };
        let target = match column {
            Some(column) => Target::Channel(column),
            None if fault.kind == FaultKind::Gap => Target::Device,
            None => Target::First,
        };
        let (kind, size) = (fault.kind, fault.size);
        let this = Placed { kind, target, first, readings: count, size, device };
        // Layouts repeat, so a round of them stands for all devices.
        let mut some = this.devices(names.len().min(layouts.len()));
        if !some.any(|device| this.befalls(&layouts[device % layouts.len()])) {
            return Err(lacks(fault, device, columns, layouts, names));
        }
        placed.push(this);
    }
    placed.sort_by_key(|placed| placed.first);
    Ok(placed)
}

/// The fault's first reading, and how many it lasts.
fn moments(fault: &PlacedFault, settings: &Settings, pace: &Pace, readings: u64) -> Result<(u64, u64), Fault> {
    let (kind, at, length, size) = (fault.kind.name(), fault.at, fault.length, fault.size);
    if at < Span::ZERO {
        return Err(Fault::yours(format!(
            "a {kind} is placed at {at}: the start of the run is 0, faults come after it"
        )));
    }
    if length < Span::ZERO {
        return Err(Fault::yours(format!(
            "a {kind} at {at} lasts {length}: its length must be 0 (one reading) or more"
        )));
    }
    if !matches!(fault.kind, FaultKind::Gap | FaultKind::Flatline) {
        check_size(size, || format!("the size of a {kind} at {at}"))?;
    }
    if fault.kind == FaultKind::Burst && size < 0.0 {
        return Err(Fault::yours(format!("a burst at {at} has size {size}: it is a factor, 0 or more, for example 3")));
    }
    let first = pace.first_at(at);
    if first >= readings {
        let run = settings.length.unwrap_or(Span(i64::MAX));
        return Err(Fault::yours(format!("a {kind} at {at} would never be played: the run lasts {run}")));
    }
    let after = pace.first_at(Span(at.0.saturating_add(length.0)));
    Ok((first, (after - first).max(1)))
}

fn column(channel: &str, columns: &[Column]) -> Result<u16, Fault> {
    match columns.iter().position(|column| column.name == channel) {
        Some(at) => Ok(at as u16),
        None => {
            let all: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            Err(Fault::yours(format!(
                "a fault names channel `{channel}`, which is not there: there are {}",
                all.join(", ")
            )))
        }
    }
}

fn unknown_device(device: &str, names: &[String]) -> Fault {
    let there = match names {
        [only] => format!("the only one is `{only}`"),
        [first, .., last] => format!("there are {}, from `{first}` to `{last}`", names.len()),
        [] => "there are none".to_owned(),
    };
    Fault::yours(format!("a fault names device `{device}`, which is not there: {there}"))
}

fn lacks(
    fault: &PlacedFault,
    device: Option<usize>,
    columns: &[Column],
    layouts: &[Vec<u16>],
    names: &[String],
) -> Fault {
    let channel = fault.channel.as_deref().unwrap_or_default();
    let Some(device) = device else {
        return Fault::yours(format!(
            "a fault names channel `{channel}`, which none of the {} devices has: play more of them",
            names.len()
        ));
    };
    let (name, layout) = (&names[device], &layouts[device % layouts.len()]);
    let has: Vec<&str> = layout.iter().map(|&column| columns[usize::from(column)].name.as_str()).collect();
    Fault::yours(format!("a fault names channel `{channel}`, which device `{name}` has not: it has {}", has.join(", ")))
}
