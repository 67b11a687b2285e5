//! Names of a source to series, without a look into the stream's [`Names`] for each row.
//!
//! A table of device names and one of channel names, and between them a matrix of series, filled as they are seen:
//!
//! ```text
//!              channel 0   channel 1   ...  width
//! device 0     series 4    none
//! device 1     series 5    series 9
//! ```
//! Sensors tend to speak in turns, so each name remembers which one followed it the last time: one comparison of three
//! numbers instead of a hash. Where the guess fails the table is asked.

use super::told::Told;
use hashbrown::{DefaultHashBuilder, HashTable};
use ouzel_engine::series::{Channel, Device, Names, Series, Timing};
use std::hash::BuildHasher;

/// The longest name of a device or channel, in bytes.
pub const MAX_NAME: usize = 255;

/// The most channels that the rows of one source may name.
pub const MAX_CHANNELS: usize = 4_096;

/// The most cells of the matrix: 256 MiB.
const MAX_CELLS: usize = 64 << 20;

const NONE: Series = Series(u32::MAX);

/// The devices and channels of one source.
#[derive(Debug)]
pub struct Roster {
    timing: Timing,
    devices: NameTable,
    device_numbers: Vec<Device>,
    channels: NameTable,
    channel_numbers: Vec<Option<Channel>>,
    width: usize,
    series: Vec<Series>,
    told: Told,
}

impl Roster {
    /// Nobody yet. Devices are declared with this timing.
    pub fn new(timing: Timing) -> Roster {
        Roster {
            timing,
            devices: NameTable::default(),
            device_numbers: Vec::new(),
            channels: NameTable::default(),
            channel_numbers: Vec::new(),
            width: 1,
            series: Vec::new(),
            told: Told::default(),
        }
    }

    /// What devices have said of themselves.
    #[inline]
    pub(super) fn told(&mut self) -> &mut Told {
        &mut self.told
    }

    /// The stream's number of a device that was entered.
    pub(super) fn number(&self, device: u32) -> Device {
        self.device_numbers[device as usize]
    }

    /// Whether the devices that are entered from now on count from when their messages come.
    pub fn set_arrival(&mut self, arrival: bool) {
        self.timing.arrival = arrival;
    }

    /// The place of a device that was entered before.
    #[inline]
    pub fn device(&mut self, name: &[u8]) -> Option<u32> {
        self.devices.find(name)
    }

    /// The place of a device that is new here.
    ///
    /// # Errors
    /// Why it cannot be taken, as a phrase that begins with the name.
    #[cold]
    pub fn enter(&mut self, name: &[u8], tags: &[(&str, &str)], names: &mut Names) -> Result<u32, String> {
        let text = checked(name, "device")?;
        if (self.device_numbers.len() + 1).saturating_mul(self.width) > MAX_CELLS {
            return Err(format!(
                "device {text:?} finds no room: this source has {} devices and {} channels already",
                self.device_numbers.len(),
                self.channel_numbers.len()
            ));
        }
        let known = names.find_device(text).is_some();
        let device = names.device(text, self.timing, tags).map_err(|_| {
            let count = names.device_count();
            format!(
                "device {text:?} is over the cardinality limit: there are {count} devices already, as many as may be"
            )
        })?;
        self.device_numbers.push(device);
        self.told.enter(known);
        self.series.resize(self.device_numbers.len() * self.width, NONE);
        Ok(self.devices.add(name))
    }

    /// The place of a channel that was entered before.
    #[inline]
    pub fn channel(&mut self, name: &[u8]) -> Option<u32> {
        self.channels.find(name)
    }

    /// The place of a channel that is new here.
    ///
    /// # Errors
    /// Why it cannot be taken, as a phrase that begins with the name.
    #[cold]
    pub fn enter_channel(&mut self, name: &[u8]) -> Result<u32, String> {
        let text = checked(name, "channel")?;
        let count = self.channel_numbers.len() + 1;
        if count > MAX_CHANNELS || count.next_power_of_two() * self.device_numbers.len() > MAX_CELLS {
            return Err(format!("channel {text:?} finds no room: this source has {} channels already", count - 1));
        }
        self.channel_numbers.push(None);
        if count > self.width {
            self.widen(count.next_power_of_two());
        }
        Ok(self.channels.add(name))
    }

    /// The series of a device's channel, both by their place here.
    #[inline]
    pub fn series(&mut self, device: u32, channel: u32, names: &mut Names) -> Series {
        let at = device as usize * self.width + channel as usize;
        let series = self.series[at];
        if series == NONE { self.declare(device, channel, at, names) } else { series }
    }

    #[cold]
    fn declare(&mut self, device: u32, channel: u32, at: usize, names: &mut Names) -> Series {
        let number = match self.channel_numbers[channel as usize] {
            Some(number) => number,
            None => {
                let name = String::from_utf8_lossy(&self.channels.entries[channel as usize].name);
                *self.channel_numbers[channel as usize].insert(names.channel(&name))
            }
        };
        self.series[at] = names.series(self.device_numbers[device as usize], number);
        self.series[at]
    }

    fn widen(&mut self, width: usize) {
        let mut series = vec![NONE; self.device_numbers.len() * width];
        for (old, new) in self.series.chunks_exact(self.width).zip(series.chunks_exact_mut(width)) {
            new[..old.len()].copy_from_slice(old);
        }
        (self.series, self.width) = (series, width);
    }
}

fn checked<'a>(name: &'a [u8], what: &str) -> Result<&'a str, String> {
    let shown = || String::from_utf8_lossy(&name[..name.len().min(40)]);
    if name.is_empty() {
        return Err(format!("the name of the {what} is empty"));
    }
    if name.len() > MAX_NAME {
        let (shown, length) = (shown(), name.len());
        return Err(format!("the name of the {what}, \"{shown}…\", has {length} bytes; the most is {MAX_NAME}"));
    }
    std::str::from_utf8(name).map_err(|_| format!("the name of the {what}, \"{}\", is not UTF-8", shown()))
}

/// Names to places, in order of entry.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    entries: Vec<Entry>,
    last: u32,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    /// Who came after it the last time.
    next: u32,
    name: Box<[u8]>,
}

/// A name as three numbers; the whole of it up to 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    head: u64,
    tail: u64,
    length: usize,
}

impl Key {
    #[inline]
    fn of(name: &[u8]) -> Key {
        let length = name.len();
        let (head, tail) = if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
        } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            (u64::from(u32::from_le_bytes(*head)), u64::from(u32::from_le_bytes(*tail)))
        } else {
            // Up to three bytes: the first, the middle and the last tell them all.
            let at = |i: usize| name.get(i).map_or(0, |&b| u64::from(b));
            (at(0) | at(length / 2) << 8 | at(length.wrapping_sub(1)) << 16, 0)
        };
        Key { head, tail, length }
    }
}

impl Entry {
    #[inline]
    fn is(&self, key: Key, name: &[u8]) -> bool {
        self.key == key && (key.length <= 16 || *self.name == *name)
    }
}

impl NameTable {
    #[inline]
    pub(super) fn find(&mut self, name: &[u8]) -> Option<u32> {
        let key = Key::of(name);
        let next = self.entries.get(self.last as usize)?.next;
        if self.entries[next as usize].is(key, name) {
            self.last = next;
            return Some(next);
        }
        let hash = hash(&self.hasher, key, name);
        let found = *self.table.find(hash, |&place| self.entries[place as usize].is(key, name))?;
        self.entries[self.last as usize].next = found;
        self.last = found;
        Some(found)
    }

    pub(super) fn add(&mut self, name: &[u8]) -> u32 {
        let place = self.entries.len() as u32;
        let key = Key::of(name);
        self.entries.push(Entry { key, next: place, name: name.into() });
        let (hasher, entries) = (&self.hasher, &self.entries);
        let rehash = |&place: &u32| {
            let entry = &entries[place as usize];
            hash(hasher, entry.key, &entry.name)
        };
        self.table.insert_unique(hash(hasher, key, name), place, rehash);
        self.entries[self.last as usize].next = place;
        self.last = place;
        place
    }
}

#[inline]
fn hash(hasher: &DefaultHashBuilder, key: Key, name: &[u8]) -> u64 {
    if key.length <= 16 { hasher.hash_one((key.head, key.tail)) } else { hasher.hash_one(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn series_are_given_in_order_of_first_reading() {
        let (mut roster, mut names) = (Roster::new(Timing::default()), Names::new());
        let heat = roster.enter_channel(b"heat").unwrap();
        let a = roster.enter(b"a", &[], &mut names).unwrap();
        let first = roster.series(a, heat, &mut names);
        let light = roster.enter_channel(b"light").unwrap();
        let noise = roster.enter_channel(b"noise").unwrap();
        let b = roster.enter(b"b", &[], &mut names).unwrap();
        let second = roster.series(b, noise, &mut names);
        assert_eq!((first, second), (Series(0), Series(1)));
        assert_eq!(roster.series(a, heat, &mut names), first);
        assert_eq!(roster.series(b, light, &mut names), Series(2));
        assert_eq!(names.channel_name(names.of(second).1), "noise");
    }

    #[test]
    fn names_that_cannot_be_taken_say_why() {
        let (mut roster, mut names) = (Roster::new(Timing::default()), Names::new());
        let mut enter = |name: &[u8]| roster.enter(name, &[], &mut names).unwrap_err();
        assert_eq!(enter(b""), "the name of the device is empty");
        assert_eq!(enter(b"k\xffln"), "the name of the device, \"k\u{fffd}ln\", is not UTF-8");
        assert!(enter(&[b'x'; 300]).ends_with("has 300 bytes; the most is 255"));
    }

    proptest! {
        #[test]
        fn every_name_keeps_its_place(names in proptest::collection::vec("[ab]{0,18}", 0..200)) {
            let mut table = NameTable::default();
            let mut places: Vec<String> = Vec::new();
            for name in names {
                let known = places.iter().position(|n| *n == name).map(|i| i as u32);
                prop_assert_eq!(table.find(name.as_bytes()), known);
                if known.is_none() {
                    prop_assert_eq!(table.add(name.as_bytes()), places.len() as u32);
                    places.push(name);
                }
            }
        }
    }
}
