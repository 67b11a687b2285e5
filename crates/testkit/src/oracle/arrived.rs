//! What arrived, device by device: which readings are late, in which order the others go on, and when.
//!
//! A device's watermark is its largest time minus the allowance of its source, both moved by readings that are not late.
//! A reading is late when its time is before the watermark. The others go on in the order of their times, those of one
//! time in the order of arrival, each as soon as the watermark has reached it.

use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Flags, TICK};
use ouzel_engine::series::Declaration;
use ouzel_pipeline::intake::Stretch;
use std::collections::BTreeMap;

/// The number of the input's end, which closes everything.
pub const END: u64 = u64::MAX;

/// A reading with all that the oracle asks of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct One {
    /// The number of its input: unique, and the order of arrival.
    pub number: u64,
    /// In nanoseconds.
    pub time: i64,
    /// What was measured.
    pub value: f64,
    /// Within the plausible range.
    pub good: bool,
    /// How many messages of the device had ended before it, where the format has messages.
    pub message: u64,
    /// The input by which it went on, in the order of times.
    pub released: u64,
    /// What the other channel said at this moment, for windows that have another one.
    pub with: f64,
    /// How large the numbers are that it was computed from, if it was: what cancels cannot be told better than that.
    pub size: f64,
}

/// Everything of one device.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Allowance of its source, in nanoseconds.
    pub allowance: i64,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// By channel: what was not late, in the order of times.
    pub in_order: BTreeMap<String, Vec<One>>,
    /// In the order of arrival: what was late, its channel, and the watermark that it was behind.
    pub late: Vec<(String, One, i64)>,
    /// The watermark after each reading that moved it.
    marks: Vec<(u64, i64)>,
}

impl Device {
    /// The input by which the watermark has reached this moment.
    pub fn passes(&self, time: i128) -> u64 {
        let first = self.marks.partition_point(|mark| i128::from(mark.1) < time);
        self.marks.get(first).map_or(END, |mark| mark.0)
    }

    /// Takes in all that it sent, in the order of arrival: channel, reading, and whether its message ends with it.
    fn hear(&mut self, sent: &[(String, One, bool)]) {
        let (mut latest, mut kept): (Option<i64>, Vec<(String, One, bool)>) = (None, Vec::new());
        for (channel, one, ends) in sent {
            let watermark = latest.map_or(i64::MIN, |latest| latest.saturating_sub(self.allowance));
            // The very last moment is where clocks stand that have ended: no reading can be of it.
            if one.time < watermark || one.time == i64::MAX {
                self.late.push((channel.clone(), *one, watermark));
                continue;
            }
            latest = Some(latest.map_or(one.time, |latest| latest.max(one.time)));
            let watermark = latest.unwrap_or(i64::MIN).saturating_sub(self.allowance);
            self.marks.push((one.number, watermark));
            kept.push((channel.clone(), *one, *ends));
        }
        kept.sort_by_key(|(_, one, _)| (one.time, one.number));
        let mut message = 0;
        for (channel, mut one, ends) in kept {
            one.message = message;
            message += u64::from(ends);
            one.released = one.number.max(self.passes(i128::from(one.time)));
            self.in_order.entry(channel).or_default().push(one);
        }
    }
}

/// All devices of a recorded stream, in the order of their numbers.
pub fn devices(plan: &Plan, stretches: &[Stretch]) -> Vec<Device> {
    let mut devices: BTreeMap<u32, Device> = BTreeMap::new();
    let mut series: BTreeMap<u32, (u32, String)> = BTreeMap::new();
    let mut sent: BTreeMap<u32, Vec<(String, One, bool)>> = BTreeMap::new();
    for stretch in stretches {
        for declaration in &stretch.declarations {
            match declaration {
                Declaration::Device { device, name, timing, tags } => {
                    let known = Device {
                        name: name.clone(),
                        allowance: timing.late.0,
                        tags: tags.clone(),
                        ..Device::default()
                    };
                    devices.entry(device.0).or_insert(known);
                }
                Declaration::Series { series: of, device, channel } => {
                    series.insert(of.0, (device.0, channel.clone()));
                }
            }
        }
        for (index, row) in stretch.batch.rows.iter().enumerate().filter(|(_, row)| row.series != TICK) {
            let Some((device, channel)) = series.get(&row.series.0) else { continue };
            let range = plan.channels.iter().find(|facts| facts.name == *channel).and_then(|facts| facts.range);
            let good = range.is_none_or(|(low, high)| low <= row.value && row.value <= high);
            let (number, time, value) = (stretch.batch.number(index), row.time.0, row.value);
            let one = One { number, time, value, good, message: 0, released: 0, with: f64::NAN, size: 0.0 };
            let ends = row.flags.has(Flags::END_OF_MESSAGE);
            sent.entry(*device).or_default().push((channel.clone(), one, ends));
        }
    }
    for (device, sent) in sent {
        if let Some(device) = devices.get_mut(&device) {
            device.hear(&sent);
        }
    }
    devices.into_values().collect()
}
