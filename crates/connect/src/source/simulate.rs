//! A seeded simulator of sensors with labelled faults.
//!
//! Three profiles play: a [fleet](Profile::Fleet) of machines, the rooms of a [facility](Profile::Facility), and a
//! [lab](Profile::Lab) with scenes. Reading `i` of a device is due at `start + i / rate`; the devices speak one after
//! the other with the same time. A device says all its channels in one message, which is a wide row.
//!
//! The same settings give the same bits on every machine. Each device has its own streams of chance, one for what it
//! is like, one for noise, one for lost messages and one for faults: another device, or a fault more or less, changes
//! nothing else. So two runs with and without faults differ inside the labels and nowhere else. Lost messages are
//! life, not a fault: they are played without random faults too, and have no label.
//!
//! Speed: `next` gives 10 (facility) to 30 (fleet) million readings a second on one core, drained into a `Rows`.

mod chance;
mod facility;
mod faults;
mod fleet;
mod lab;
mod label;
mod pace;
mod plan;
mod play;
mod signal;

use self::faults::Faults;
pub use self::label::{Label, labels_to_csv};
use self::label::{Labels, Played};
use self::pace::Pace;
use self::plan::Placed;
use self::play::{Cast, Losses, Own, Turn};
use self::signal::Model;
use super::{Rows, Source};
use crate::fault::Fault;
use ouzel_engine::reading::{Flags, Quality, Reading};
use ouzel_engine::series::{Names, Series, Timing};
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

impl Settings {
    /// A profile as it is: its own devices and rate, seed 42, from 2024-01-01T00:00:00Z until stopped, with its
    /// random faults and no others.
    pub fn new(profile: Profile) -> Settings {
        Settings {
            profile,
            devices: None,
            rate_hz: None,
            length: None,
            seed: 42,
            start: Time::from_secs(1_704_067_200),
            signals: Vec::new(),
            random_faults: true,
            faults: Vec::new(),
        }
    }
}

/// The families of sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Ten devices `sensor_001`… with temperature (°C), humidity (%), pressure (hPa), vibration (mm/s) and battery
    /// (%) at 1 Hz; spikes, bursts, drifts, stuck sensors and gaps; 2 % of the messages get lost.
    Fleet,
    /// 25 sensors `temperature_server_room_01`… at 0.5 Hz: temperature (°C), humidity (%), air_quality (AQI),
    /// pressure (hPa) and co2 (ppm) in each of five places, tag `location`; 5 % of the readings multiplied.
    Facility,
    /// One room `lab` (then `lab_2`…) at 10 Hz: temperature (°C), light (%), motion (0 or 1) and threshold (a
    /// potentiometer, °C); scenes: quiet, visits, an intruder with a flashlight, heat, activity.
    Lab,
}

/// The model of one channel: mean + amplitude · sin(2π t / period) + drift · t + noise, and a shift from some time
/// on.
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

impl Signal {
    /// A channel without changes.
    pub fn new(channel: impl Into<String>) -> Signal {
        Signal {
            channel: channel.into(),
            mean: None,
            amplitude: None,
            period: None,
            noise: None,
            drift: None,
            shift: None,
            shift_at: None,
        }
    }
}

/// A fault at a chosen place. It is played on the readings with `at <= t && t < at + length`, at least on one: where
/// that one is lost or swallowed by a gap, on the next.
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
    /// Its size in the channel's unit (spike, shift), at its end (drift), or as a factor (burst); else ignored.
    pub size: f64,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// One reading far off.
    Spike,
    /// A temporary change of level.
    Shift,
    /// A ramp from 0 to its size, then back to 0 at once, as after a calibration.
    Drift,
    /// Stuck at the value of its first reading.
    Flatline,
    /// No readings.
    Gap,
    /// Values multiplied.
    Burst,
}

/// A column of what is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The channel.
    pub name: String,
    /// Its unit; empty where it has none or the user brought the channel.
    pub unit: &'static str,
}

/// What a device says at one moment. Only channels that it has, without those in a gap; never empty.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// When it was measured.
    pub time: Time,
    /// The device's name.
    pub device: &'a str,
    /// Facts about the device, in the order of [`Simulator::tags`].
    pub tags: &'a [(String, String)],
    /// Column number in [`Simulator::columns`] and value, by column.
    pub cells: &'a [(u16, f64)],
    columns: &'a [Column],
}

impl<'a> Message<'a> {
    /// Channel and value of each cell.
    pub fn values(&self) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        let columns = self.columns;
        self.cells.iter().map(move |&(column, value)| (columns[usize::from(column)].name.as_str(), value))
    }
}

/// Plays a profile. Both ways to read it, [`Source::next`] and [`Simulator::next_message`], give the same values.
///
/// ```
/// use ouzel_connect::source::simulate::{Profile, Settings, Simulator};
/// use ouzel_engine::{series::Timing, time::Span};
///
/// let minute = Settings { length: Some(Span::from_secs(60)), ..Settings::new(Profile::Lab) };
/// let mut lab = Simulator::new(&minute, Timing::default())?;
/// let mut messages = 0;
/// while let Some(message) = lab.next_message() {
///     let (channel, degrees) = message.values().next().expect("a message is never empty");
///     assert!(channel == "temperature" && degrees > 20.0);
///     messages += 1;
/// }
/// assert_eq!(messages, 600);
/// assert_eq!(lab.drain_labels()[0].kind, "quiet");
/// # Ok::<(), ouzel_connect::fault::Fault>(())
/// ```
#[derive(Debug)]
pub struct Simulator {
    pace: Pace,
    /// How many readings a device has; the largest number until stopped.
    readings: u64,
    columns: Vec<Column>,
    models: Vec<Model>,
    /// Columns of a device: that of its number modulo the number of layouts.
    layouts: Vec<Vec<u16>>,
    devices: Vec<Device>,
    cast: Cast,
    own: Own,
    /// By time; those before `placed_next` have begun.
    placed: Vec<Placed>,
    placed_next: usize,
    tick: Tick,
    next_index: u64,
    /// Whose turn it is in this moment; once all had theirs, the next begins.
    turn: usize,
    /// What each model adds for all devices at this moment.
    extra: Vec<f64>,
    /// Values before faults, by column.
    clean: Vec<f64>,
    /// The message that is being made, or was made last.
    cells: Vec<(u16, f64)>,
    labels: Labels,
    timing: Timing,
    /// Numbers by device and column, as far as declared.
    series: Vec<Option<Series>>,
}

/// A moment of the run.
#[derive(Clone, Copy, Debug, Default)]
struct Tick {
    index: u64,
    time: Time,
    since: Span,
}

#[derive(Debug)]
struct Device {
    name: String,
    tags: Vec<(String, String)>,
    losses: Option<Losses>,
    faults: Faults,
}

/// Rows that a call adds before it returns, so that memory stays bounded and a stop is heard.
const ROWS: usize = 4096;
/// Turns that a call takes: in a gap of all devices there are no rows to stop at.
const TURNS: usize = 65_536;

impl Simulator {
    /// A run of `settings`, whose devices have the clock and allowance `timing`.
    ///
    /// # Errors
    /// A fault of the user that says what would be right: more than 100 000 devices, a rate that is not above 0, a
    /// negative length or noise, a device or channel that is not there, a fault that begins after the end.
    pub fn new(settings: &Settings, timing: Timing) -> Result<Simulator, Fault> {
        plan::simulator(settings, timing)
    }

    /// All channels in order: those of the profile, then those the user brought.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The names of the tags of every device.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.devices[0].tags.iter().map(|(name, _)| name.as_str())
    }

    /// How many devices play: at least one.
    pub fn devices(&self) -> usize {
        self.devices.len()
    }

    /// The time of what comes next; `None`: it is over. Whoever plays along with the wall clock waits for it, then
    /// calls [`Simulator::read_until`].
    pub fn next_due(&self) -> Option<Time> {
        if self.turn < self.devices.len() {
            return Some(self.tick.time);
        }
        if self.next_index < self.readings { self.pace.time(self.next_index) } else { None }
    }

    /// The next message; `None` once the run is over.
    pub fn next_message(&mut self) -> Option<Message<'_>> {
        loop {
            match self.play() {
                Turn::Sent { device, .. } => {
                    let Device { name, tags, .. } = &self.devices[device];
                    let (cells, columns) = (&self.cells, &self.columns);
                    return Some(Message { time: self.tick.time, device: name, tags, cells, columns });
                }
                Turn::Silent => {}
                Turn::Over => return None,
            }
        }
    }

    /// Like [`Source::next`], but stops before what is due after `until`; `false` when nothing was added, because the
    /// run is over or nothing is due.
    ///
    /// # Errors
    /// When `names` has no room for another device.
    pub fn read_until(&mut self, until: Time, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let before = into.rows.len();
        for _ in 0..TURNS {
            if into.rows.len() - before >= ROWS || self.next_due().is_none_or(|due| due > until) {
                break;
            }
            if let Turn::Sent { device, absent } = self.play() {
                into.absent += absent;
                self.add_rows(device, names, into)?;
            }
        }
        Ok(into.rows.len() > before || self.next_due().is_some_and(|due| due <= until))
    }

    /// What was played since the last call, in order of start; a fault is there as soon as it has begun.
    pub fn drain_labels(&mut self) -> Vec<Label> {
        let (devices, columns) = (&self.devices, &self.columns);
        let named = |played: Played| Label {
            kind: played.kind,
            device: devices[played.device].name.clone(),
            channel: played.channel.map(|column| columns[usize::from(column)].name.clone()),
            start: played.start,
            end: played.end,
            size: played.size,
        };
        self.labels.drain().map(named).collect()
    }

    /// How many labels were dropped because nobody took them: a million wait, then the oldest go.
    pub fn labels_dropped(&self) -> u64 {
        self.labels.dropped()
    }
}

/// Readings for a stream.
impl Simulator {
    /// Adds the message just made as a wide row.
    fn add_rows(&mut self, device: usize, names: &mut Names, into: &mut Rows) -> Result<(), Fault> {
        for (place, &(column, value)) in self.cells.iter().enumerate() {
            let at = device * self.columns.len() + usize::from(column);
            let series = match self.series[at] {
                Some(series) => series,
                None => self.declare(device, column, names)?,
            };
            self.series[at] = Some(series);
            let flags = if place + 1 == self.cells.len() { Flags::END_OF_MESSAGE } else { Flags::NONE };
            let (place, time) = (place as u16, self.tick.time);
            into.rows.push(Reading { series, place, quality: Quality::Good, flags, time, value });
        }
        Ok(())
    }

    fn declare(&self, device: usize, column: u16, names: &mut Names) -> Result<Series, Fault> {
        let Device { name, tags, .. } = &self.devices[device];
        let tags: Vec<(&str, &str)> = tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let Ok(number) = names.device(name, self.timing, &tags) else {
            return Err(Fault::yours(format!(
                "there is no room for device `{name}`: a stream has at most {} devices, let the simulator play fewer",
                names.limit()
            )));
        };
        let channel = names.channel(&self.columns[usize::from(column)].name);
        Ok(names.series(number, channel))
    }
}

impl Source for Simulator {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        self.read_until(Time::MAX, names, into)
    }
}
