//! A source's queue, and how the source's numbers become the stream's.

use crate::queue::{Queue, Waiting};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Declaration, Device, Names, Series};
use ouzel_engine::time::Span;
use std::collections::HashMap;
use std::sync::Arc;

/// See the head of this file.
pub(in crate::live) struct Feed {
    pub(in crate::live) name: String,
    pub(in crate::live) queue: Arc<Queue>,
    /// Its place among the counters.
    pub(super) index: usize,
    /// Its senders do nothing else until they are answered, so a sync is not put off for them.
    pub(super) eager: bool,
    /// Its source has gone, and only what stands in the queue is to be taken still.
    pub(super) goes: bool,
    /// How far past the clock here a time may be.
    pub(super) ahead: Span,
    /// Bytes that the journal may have more than others allow, while this source is taken from.
    pub(super) spill: u64,
    devices: Vec<Option<Device>>,
    /// The stream's number of each series, and whether its device's times are those of arrival.
    pub(super) series: Vec<Option<(Series, bool)>>,
    /// By device.
    arrival: Vec<bool>,
    /// What was declared of devices for which there was no room, and whose their series are, all in the source's numbers.
    /// A source may name only so many, so they are bounded, too.
    outside: HashMap<u32, Vec<Declaration>>,
    series_outside: HashMap<u32, u32>,
    /// A hash of the name, under which its marks stand in the journal.
    pub(super) key: u32,
    /// Packets that were taken from the queue and wait for the next round.
    pub(super) rest: Vec<Waiting>,
}

impl Feed {
    pub(in crate::live) fn new(name: String, queue: Arc<Queue>, index: usize, eager: bool, ahead: Span) -> Feed {
        let (key, spill) = (key_of(&name), queue.settings().spill);
        let (devices, series, arrival) = (Vec::new(), Vec::new(), Vec::new());
        let (outside, series_outside) = (HashMap::new(), HashMap::new());
        Feed {
            name,
            queue,
            index,
            eager,
            goes: false,
            ahead,
            spill,
            devices,
            series,
            arrival,
            outside,
            series_outside,
            key,
            rest: Vec::new(),
        }
    }

    /// Whether there is something to be taken.
    pub(super) fn waits(&self) -> bool {
        !(self.rest.is_empty() && self.queue.is_empty())
    }

    /// Whether there is nothing to be taken, and never will be.
    pub(super) fn is_over(&self) -> bool {
        self.rest.is_empty() && self.queue.is_over()
    }

    /// The source has new names: they get the stream's numbers. A new device beyond `limit` gets none, and is given to
    /// `refuse` by its name.
    pub(super) fn learn(
        &mut self,
        declarations: &[Declaration],
        names: &mut Names,
        limit: usize,
        mut refuse: impl FnMut(&str),
    ) {
        for declaration in declarations {
            match declaration {
                Declaration::Device { device, name, timing, tags } => {
                    let tags: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                    let has_room = names.device_count() < limit || names.find_device(name).is_some();
                    let ours = if has_room { names.device(name, *timing, &tags).ok() } else { None };
                    if ours.is_none() {
                        refuse(name);
                        self.outside.insert(device.0, vec![declaration.clone()]);
                    }
                    put(&mut self.devices, device.0, ours);
                    put(&mut self.arrival, device.0, timing.arrival);
                }
                Declaration::Series { series: number, device, channel } => {
                    let arrives = self.arrival.get(device.0 as usize).copied().unwrap_or(false);
                    if let Some(declared) = self.outside.get_mut(&device.0) {
                        declared.push(declaration.clone());
                        self.series_outside.insert(number.0, device.0);
                    }
                    let device = self.devices.get(device.0 as usize).copied().flatten();
                    let series = device.map(|device| {
                        let channel = names.channel(channel);
                        (names.series(device, channel), arrives)
                    });
                    put(&mut self.series, number.0, series);
                }
            }
        }
    }

    /// Whether one of these speaks for whom there was no room.
    pub(super) fn is_heard_outside(&self, rows: &[Reading]) -> bool {
        !self.outside.is_empty() && rows.iter().any(|row| self.series_outside.contains_key(&row.series.0))
    }

    /// Lets those in for whom there was no room when they first spoke, and who speak now that there is.
    pub(super) fn let_in(&mut self, rows: &[Reading], names: &mut Names, limit: usize) {
        for row in rows {
            let Some(device) = self.series_outside.get(&row.series.0) else { continue };
            let is_known = |declared: &Declaration| match declared {
                Declaration::Device { name, .. } => names.find_device(name).is_some(),
                Declaration::Series { .. } => false,
            };
            let fits = names.device_count() < limit || self.outside[device].iter().any(is_known);
            if let Some(declared) = fits.then(|| self.outside.remove(device)).flatten() {
                for declaration in &declared {
                    if let Declaration::Series { series, .. } = declaration {
                        self.series_outside.remove(&series.0);
                    }
                }
                self.learn(&declared, names, limit, |_| {});
            }
        }
    }

    /// How many devices the source has named, with those for whom there was no room.
    pub(super) fn named(&self) -> usize {
        self.devices.len()
    }
}

/// A source's name as a number: FNV-1a, which stays the same wherever and whenever it is computed.
fn key_of(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn put<T: Default>(list: &mut Vec<T>, at: u32, what: T) {
    let at = at as usize;
    if list.len() <= at {
        list.resize_with(at + 1, T::default);
    }
    list[at] = what;
}
