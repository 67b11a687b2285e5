//! Names to small numbers, once, at the edge; the engine works with the numbers.
//!
//! A *device* is what speaks, a *channel* what it measures, a *series* one channel of one device. Numbers are given
//! in order of first sight and never reused, so the same input gives the same numbers. The names travel to the
//! shards as [`Declaration`]s, in the same order as the readings.

use crate::time::Span;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// A device by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device(pub u32);

/// A channel by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Channel(pub u32);

/// A channel of a device by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series(pub u32);

/// What a device's clock is, and how long it waits for stragglers. Set by the source that the device speaks through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// A device's watermark stands this far behind its largest time.
    pub late: Span,
    /// Event time is arrival time, so silence moves the clock too.
    pub arrival: bool,
}

/// A new name, on its way to the shards. Declared before the first reading that uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Declaration {
    /// A device that was not known before.
    Device {
        /// Its number.
        device: Device,
        /// Its name, as the source gave it.
        name: String,
        /// Clock and allowance.
        timing: Timing,
        /// Facts about it: `line = 3`, `location = lab`.
        tags: Vec<(String, String)>,
    },
    /// A channel of a device that was not known before.
    Series {
        /// Its number.
        series: Series,
        /// The device.
        device: Device,
        /// The channel's name.
        channel: String,
    },
}

/// The names of a stream: who is who. Bounded: see [`Names::LIMIT`].
#[derive(Clone, Debug, Default)]
pub struct Names {
    devices: Vec<DeviceName>,
    device_by_name: HashMap<String, Device>,
    channels: Vec<String>,
    channel_by_name: HashMap<String, Channel>,
    series: Vec<(Device, Channel)>,
    series_by_pair: HashMap<(Device, Channel), Series>,
    /// What nobody has been told yet.
    fresh: Vec<Declaration>,
    /// The most devices; without it [`Names::LIMIT`].
    limit: Option<usize>,
}

#[derive(Clone, Debug)]
struct DeviceName {
    name: String,
    tags: Vec<(String, String)>,
    timing: Timing,
    slot: u8,
}

/// There is no room for another device; the reading that brought it is rejected by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyDevices;

impl Names {
    /// The most devices that one stream may have. A typing error in a topic, or a device that makes up a new
    /// name for each message, must not eat the memory of the others.
    pub const LIMIT: usize = 1_000_000;

    /// No names yet.
    pub fn new() -> Names {
        Names::default()
    }

    /// No names yet, and room for so many devices.
    pub fn limited(limit: usize) -> Names {
        Names { limit: Some(limit), ..Names::default() }
    }

    /// From now on there is room for so many devices. Those that are known stay, even where they are more.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = Some(limit);
    }

    /// The number of a device, given now if it is new.
    ///
    /// # Errors
    /// [`TooManyDevices`] when a new one would pass the limit.
    pub fn device(&mut self, name: &str, timing: Timing, tags: &[(&str, &str)]) -> Result<Device, TooManyDevices> {
        if let Some(&device) = self.device_by_name.get(name) {
            return Ok(device);
        }
        if self.devices.len() >= self.limit.unwrap_or(Names::LIMIT) {
            return Err(TooManyDevices);
        }
        let device = Device(self.devices.len() as u32);
        let tags: Vec<(String, String)> = tags.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        self.devices.push(DeviceName { name: name.to_owned(), tags: tags.clone(), timing, slot: slot_of(name) });
        self.device_by_name.insert(name.to_owned(), device);
        self.fresh.push(Declaration::Device { device, name: name.to_owned(), timing, tags });
        Ok(device)
    }

    /// The number of a channel, given now if it is new.
    pub fn channel(&mut self, name: &str) -> Channel {
        if let Some(&channel) = self.channel_by_name.get(name) {
            return channel;
        }
        let channel = Channel(self.channels.len() as u32);
        self.channels.push(name.to_owned());
        self.channel_by_name.insert(name.to_owned(), channel);
        channel
    }

    /// The number of a channel of a device, given now if it is new.
    pub fn series(&mut self, device: Device, channel: Channel) -> Series {
        if let Some(&series) = self.series_by_pair.get(&(device, channel)) {
            return series;
        }
        let series = Series(self.series.len() as u32);
        self.series.push((device, channel));
        self.series_by_pair.insert((device, channel), series);
        self.fresh.push(Declaration::Series { series, device, channel: self.channel_name(channel).to_owned() });
        series
    }

    /// Takes over what another stream's names declared, so that this side can print them. Numbers must agree.
    pub fn follow(&mut self, declaration: &Declaration) {
        match declaration {
            Declaration::Device { device, name, timing, tags } => {
                let tags: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                let given = self.device(name, *timing, &tags);
                debug_assert_eq!(given, Ok(*device));
            }
            Declaration::Series { series, device, channel } => {
                let channel = self.channel(channel);
                let given = self.series(*device, channel);
                debug_assert_eq!(given, *series);
            }
        }
        self.fresh.clear();
    }

    /// All names as declarations, in the order of their numbers: following them gives the same numbers.
    pub fn declarations(&self) -> Vec<Declaration> {
        let devices = self.devices.iter().enumerate().map(|(number, device)| Declaration::Device {
            device: Device(number as u32),
            name: device.name.clone(),
            timing: device.timing,
            tags: device.tags.clone(),
        });
        let series = self.series.iter().enumerate().map(|(number, &(device, channel))| Declaration::Series {
            series: Series(number as u32),
            device,
            channel: self.channel_name(channel).to_owned(),
        });
        devices.chain(series).collect()
    }

    /// What was declared since the last call, in order.
    pub fn take_fresh(&mut self) -> Vec<Declaration> {
        std::mem::take(&mut self.fresh)
    }

    /// The number of a series by its names, if there is one.
    pub fn find(&self, device: &str, channel: &str) -> Option<Series> {
        let device = self.device_by_name.get(device)?;
        let channel = self.channel_by_name.get(channel)?;
        self.series_by_pair.get(&(*device, *channel)).copied()
    }

    /// How many devices there are.
    pub fn device_count(&self) -> usize {
        self.devices.len()
    }

    /// How many series there are.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// A device's name.
    pub fn device_name(&self, device: Device) -> &str {
        &self.devices[device.0 as usize].name
    }

    /// A device's tags, in the order the source gave them.
    pub fn device_tags(&self, device: Device) -> &[(String, String)] {
        &self.devices[device.0 as usize].tags
    }

    /// The slot a device's state lives in.
    pub fn slot(&self, device: Device) -> u8 {
        self.devices[device.0 as usize].slot
    }

    /// A channel's name.
    pub fn channel_name(&self, channel: Channel) -> &str {
        &self.channels[channel.0 as usize]
    }

    /// The device and channel of a series.
    pub fn of(&self, series: Series) -> (Device, Channel) {
        self.series[series.0 as usize]
    }
}

/// How many slots there are: the unit of snapshot and, in a cluster, the Kafka partition. Never changes.
pub const SLOTS: usize = 64;

/// The slot of a key: Kafka's default partitioner over [`SLOTS`] partitions, so that the slot of a device on one
/// machine is its partition in a cluster.
pub fn slot_of(key: &str) -> u8 {
    ((murmur2(key.as_bytes()) & 0x7fff_ffff) % SLOTS as u32) as u8
}

/// MurmurHash2 with the seed of Apache Kafka's Java client (`Utils.murmur2`).
pub fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ k;
    }
    let tail = chunks.remainder();
    if !tail.is_empty() {
        for (i, &byte) in tail.iter().enumerate() {
            h ^= u32::from(byte) << (8 * i);
        }
        h = h.wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Apache Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_agrees_with_kafka() {
        for (text, hash) in [
            ("21", -973_932_308i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }

    #[test]
    fn numbers_are_given_once_and_in_order() {
        let mut names = Names::new();
        let a = names.device("press-1", Timing::default(), &[("line", "3")]).unwrap();
        let b = names.device("press-2", Timing::default(), &[]).unwrap();
        assert_eq!((a, b), (Device(0), Device(1)));
        assert_eq!(names.device("press-1", Timing::default(), &[]).unwrap(), a);
        let heat = names.channel("temperature");
        let series = names.series(b, heat);
        assert_eq!(names.of(series), (b, heat));
        let declared = names.take_fresh();
        assert_eq!(declared.len(), 3);
        assert!(names.take_fresh().is_empty());

        let mut few = Names::limited(1);
        few.device("press-1", Timing::default(), &[]).unwrap();
        assert_eq!(few.device("press-2", Timing::default(), &[]), Err(TooManyDevices));
        few.set_limit(2);
        few.device("press-2", Timing::default(), &[]).unwrap();
        few.set_limit(0);
        few.device("press-1", Timing::default(), &[]).unwrap();

        let mut other = Names::new();
        declared.iter().for_each(|d| other.follow(d));
        assert_eq!(other.device_name(other.of(series).0), "press-2");
        assert_eq!(other.device_tags(a), [("line".to_owned(), "3".to_owned())]);
    }
}
