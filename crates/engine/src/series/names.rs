//! The names of a stream: who is who, in few bytes. A live run keeps the names of a fleet four times over (intake, engine,
//! lake, page), and once more for each source, so that no part waits for another: 60 bytes a device and copy, not 460.
//!
//! The names of devices stand in one text, end to end. What many devices share, tags and clock, stands once. The tables
//! that find a number by its name hold numbers only, and look the name up where it stands.

use super::{Channel, Declaration, Device, Series, Timing};
use crate::table::Table;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

/// The names of a stream: who is who. Bounded: see [`Names::limited`].
#[derive(Clone, Debug)]
pub struct Names {
    limit: usize,
    devices: Vec<DeviceName>,
    /// All names of devices, one after the other.
    text: String,
    kinds: Vec<Kind>,
    channels: Vec<Box<str>>,
    series: Vec<SeriesName>,
    /// From what a number stands for to the number.
    found: Found,
    /// What nobody has been told yet.
    fresh: Vec<Declaration>,
    /// Tables whose tags new devices get.
    tables: Vec<Arc<Table>>,
    /// See [`Names::set_heeds_tags`].
    heeds_tags: bool,
}

/// Tables of numbers; what they stand for is looked up in the lists.
#[derive(Clone, Debug, Default)]
struct Found {
    hasher: DefaultHashBuilder,
    devices: HashTable<u32>,
    kinds: HashTable<u32>,
    channels: HashTable<u32>,
    series: HashTable<u32>,
}

#[derive(Clone, Debug)]
struct DeviceName {
    /// Where its name ends in the text; it begins where the one before ends.
    end: u32,
    kind: u32,
    /// The newest of its series, or [`NONE`].
    newest: u32,
}

/// What devices have in common: usually there are as many as sources and places.
#[derive(Clone, Debug)]
struct Kind {
    timing: Timing,
    tags: Box<[(String, String)]>,
}

#[derive(Clone, Debug)]
struct SeriesName {
    device: Device,
    channel: Channel,
    /// The series of its device before it, or [`NONE`].
    before: u32,
}

const NONE: u32 = u32::MAX;

/// There is no room for another device; the reading that brought it is rejected by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyDevices;

impl Default for Names {
    fn default() -> Names {
        Names::limited(Names::LIMIT)
    }
}

impl Names {
    /// The most devices that one stream may ever have. A typing error in a topic, or a device that makes up a new
    /// name for each message, must not eat the memory of the others.
    pub const LIMIT: usize = 1_000_000;

    /// Sets of tags that devices may have had beside those that they have: a tag that is another one with each message must
    /// not eat the memory either.
    const SPARE_KINDS: usize = 65_536;

    /// No names yet, and as many as there may ever be.
    pub fn new() -> Names {
        Names::default()
    }

    /// No names yet, and at most so many devices; never more than [`Names::LIMIT`].
    pub fn limited(limit: usize) -> Names {
        Names {
            limit: limit.min(Names::LIMIT),
            devices: Vec::new(),
            text: String::new(),
            kinds: Vec::new(),
            channels: Vec::new(),
            series: Vec::new(),
            found: Found::default(),
            fresh: Vec::new(),
            tables: Vec::new(),
            heeds_tags: true,
        }
    }

    /// Whether anybody wants to know when a device that is known says other tags of itself. To look costs a little with each
    /// message.
    pub fn set_heeds_tags(&mut self, heeds: bool) {
        self.heeds_tags = heeds;
    }

    /// See [`Names::set_heeds_tags`].
    pub fn heeds_tags(&self) -> bool {
        self.heeds_tags
    }

    /// From now on at most so many devices; those that there are stay.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(Names::LIMIT);
    }

    /// How many devices there may be.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The number of a device, given now if it is new.
    ///
    /// # Errors
    /// [`TooManyDevices`] when a new one would pass the limit.
    pub fn device(&mut self, name: &str, timing: Timing, tags: &[(&str, &str)]) -> Result<Device, TooManyDevices> {
        if let Some(device) = self.find_device(name) {
            return Ok(device);
        }
        let room = u32::try_from(self.text.len() + name.len()).is_ok();
        if self.devices.len() >= self.limit || !room {
            return Err(TooManyDevices);
        }
        let tables = std::mem::take(&mut self.tables);
        let tags = joined(name, tags, &tables);
        let device = self.add_device(name, timing, &tags);
        self.tables = tables;
        self.fresh.push(self.declare_device(device));
        Ok(device)
    }

    /// From now on new devices get the tags that these tables have for them, beside their own; what a device says of itself
    /// stands. Devices that are known keep the tags that they have.
    pub fn enrich(&mut self, tables: impl Iterator<Item = Arc<Table>>) {
        self.tables = tables.filter(|table| table.has_tags()).collect();
    }

    /// From now on a known device has these tags; it and its series are declared again. `false`: so many kinds of devices have
    /// been here that there is no room for another, and it keeps the tags that it has.
    pub fn retag(&mut self, device: Device, tags: &[(String, String)]) -> bool {
        if self.kinds.len() >= self.devices.len() + Names::SPARE_KINDS {
            return false;
        }
        self.set_tags(device, tags);
        self.fresh.extend(self.declarations_of(device));
        true
    }

    fn set_tags(&mut self, device: Device, tags: &[(String, String)]) {
        let tags: Vec<(&str, &str)> = words(tags).collect();
        let kind = self.kind(self.kind_of(device).timing, &tags);
        self.devices[device.0 as usize].kind = kind;
    }

    /// Lets others know what a known device says of itself now; here it keeps the tags that it has.
    pub fn say_again(&mut self, device: Device, tags: Vec<(String, String)>) {
        let (name, timing) = (self.device_name(device).to_owned(), self.device_timing(device));
        self.fresh.push(Declaration::Device { device, name, timing, tags });
    }

    fn add_device(&mut self, name: &str, timing: Timing, tags: &[(&str, &str)]) -> Device {
        let (number, kind) = (self.devices.len() as u32, self.kind(timing, tags));
        self.text.push_str(name);
        self.devices.push(DeviceName { end: self.text.len() as u32, kind, newest: NONE });
        let Names { found, devices, text, .. } = self;
        let hash = |&number: &u32| found.hasher.hash_one(name_of(devices, text, number));
        found.devices.insert_unique(found.hasher.hash_one(name), number, hash);
        Device(number)
    }

    fn kind(&mut self, timing: Timing, tags: &[(&str, &str)]) -> u32 {
        let Names { found, kinds, .. } = self;
        let same = |kind: &Kind| kind.timing == timing && words(&kind.tags).eq(tags.iter().copied());
        let hash = hash_kind(&found.hasher, timing, tags.iter().copied());
        if let Some(&number) = found.kinds.find(hash, |&number| same(&kinds[number as usize])) {
            return number;
        }
        let number = kinds.len() as u32;
        kinds.push(Kind { timing, tags: tags.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect() });
        let again = |&number: &u32| {
            let kind = &kinds[number as usize];
            hash_kind(&found.hasher, kind.timing, words(&kind.tags))
        };
        found.kinds.insert_unique(hash, number, again);
        number
    }

    /// The number of a channel, given now if it is new.
    pub fn channel(&mut self, name: &str) -> Channel {
        if let Some(channel) = self.find_channel(name) {
            return channel;
        }
        let number = self.channels.len() as u32;
        self.channels.push(name.into());
        let Names { found, channels, .. } = self;
        let hash = |&number: &u32| found.hasher.hash_one(&*channels[number as usize]);
        found.channels.insert_unique(found.hasher.hash_one(name), number, hash);
        Channel(number)
    }

    /// The number of a channel of a device, given now if it is new.
    pub fn series(&mut self, device: Device, channel: Channel) -> Series {
        if let Some(series) = self.find_series(device, channel) {
            return series;
        }
        let series = self.add_series(device, channel);
        self.fresh.push(self.declare_series(series));
        series
    }

    fn add_series(&mut self, device: Device, channel: Channel) -> Series {
        let number = self.series.len() as u32;
        let before = std::mem::replace(&mut self.devices[device.0 as usize].newest, number);
        self.series.push(SeriesName { device, channel, before });
        let Names { found, series, .. } = self;
        let hash = |&number: &u32| {
            let SeriesName { device, channel, .. } = &series[number as usize];
            found.hasher.hash_one((device, channel))
        };
        found.series.insert_unique(found.hasher.hash_one((device, channel)), number, hash);
        Series(number)
    }

    /// Takes over what another stream's names declared, so that this side can print them. Numbers must agree. What is
    /// known already may be declared again, with other tags. The other side has kept to a limit, so none is asked for here.
    pub fn follow(&mut self, declaration: &Declaration) {
        match declaration {
            Declaration::Device { device, name, timing, tags } => {
                if device.0 as usize == self.devices.len() {
                    let tags: Vec<(&str, &str)> = words(tags).collect();
                    self.add_device(name, *timing, &tags);
                } else if (device.0 as usize) < self.devices.len() && *self.device_tags(*device) != **tags {
                    self.set_tags(*device, tags);
                }
            }
            Declaration::Series { series, device, channel } => {
                if series.0 as usize == self.series.len() && (device.0 as usize) < self.devices.len() {
                    let channel = self.channel(channel);
                    self.add_series(*device, channel);
                }
            }
        }
        self.fresh.clear();
    }

    /// All names as declarations, in the order of their numbers: following them gives the same numbers.
    pub fn declarations(&self) -> Vec<Declaration> {
        let devices = (0..self.devices.len() as u32).map(|number| self.declare_device(Device(number)));
        devices.chain((0..self.series.len() as u32).map(|number| self.declare_series(Series(number)))).collect()
    }

    /// A device and its series as declarations: what brings a device back that was retired.
    pub fn declarations_of(&self, device: Device) -> Vec<Declaration> {
        let series = self.series_of(device).into_iter().map(|series| self.declare_series(series));
        std::iter::once(self.declare_device(device)).chain(series).collect()
    }

    fn declare_device(&self, device: Device) -> Declaration {
        let (name, kind) = (self.device_name(device).to_owned(), self.kind_of(device));
        Declaration::Device { device, name, timing: kind.timing, tags: kind.tags.to_vec() }
    }

    fn declare_series(&self, series: Series) -> Declaration {
        let (device, channel) = self.of(series);
        Declaration::Series { series, device, channel: self.channel_name(channel).to_owned() }
    }

    /// The same, some at a time: `most` of them behind the first `done`. A large fleet's, all at once, would take more
    /// memory than the names themselves.
    pub fn declarations_behind(&self, done: usize, most: usize) -> Vec<Declaration> {
        let devices = self.device_count();
        let all = done..(done + most).min(devices + self.series_count());
        all.map(|at| match at.checked_sub(devices) {
            None => self.declare_device(Device(at as u32)),
            Some(series) => self.declare_series(Series(series as u32)),
        })
        .collect()
    }

    /// What was declared since the last call, in order.
    pub fn take_fresh(&mut self) -> Vec<Declaration> {
        std::mem::take(&mut self.fresh)
    }

    /// The number of a series by its names, if there is one.
    pub fn find(&self, device: &str, channel: &str) -> Option<Series> {
        self.find_series(self.find_device(device)?, self.find_channel(channel)?)
    }

    /// The number of a device by its name, if there is one.
    pub fn find_device(&self, name: &str) -> Option<Device> {
        let same = |&number: &u32| name_of(&self.devices, &self.text, number) == name;
        self.found.devices.find(self.found.hasher.hash_one(name), same).map(|&number| Device(number))
    }

    fn find_channel(&self, name: &str) -> Option<Channel> {
        let same = |&number: &u32| *self.channels[number as usize] == *name;
        self.found.channels.find(self.found.hasher.hash_one(name), same).map(|&number| Channel(number))
    }

    fn find_series(&self, device: Device, channel: Channel) -> Option<Series> {
        let same = |&number: &u32| self.of(Series(number)) == (device, channel);
        self.found.series.find(self.found.hasher.hash_one((device, channel)), same).map(|&number| Series(number))
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
        name_of(&self.devices, &self.text, device.0)
    }

    /// A device's tags, in the order the source gave them.
    pub fn device_tags(&self, device: Device) -> &[(String, String)] {
        &self.kind_of(device).tags
    }

    /// Clock and allowance of a device.
    pub fn device_timing(&self, device: Device) -> Timing {
        self.kind_of(device).timing
    }

    fn kind_of(&self, device: Device) -> &Kind {
        &self.kinds[self.devices[device.0 as usize].kind as usize]
    }

    /// The series of a device, in the order of their numbers.
    pub fn series_of(&self, device: Device) -> Vec<Series> {
        let known = |number: u32| Some(number).filter(|&number| number != NONE);
        let newest = known(self.devices[device.0 as usize].newest);
        let back = std::iter::successors(newest, |&number| known(self.series[number as usize].before));
        let mut series: Vec<Series> = back.map(Series).collect();
        series.reverse();
        series
    }

    /// A channel's name.
    pub fn channel_name(&self, channel: Channel) -> &str {
        &self.channels[channel.0 as usize]
    }

    /// The device and channel of a series.
    pub fn of(&self, series: Series) -> (Device, Channel) {
        let SeriesName { device, channel, .. } = self.series[series.0 as usize];
        (device, channel)
    }
}

fn name_of<'a>(devices: &[DeviceName], text: &'a str, number: u32) -> &'a str {
    let begin = number.checked_sub(1).map_or(0, |before| devices[before as usize].end);
    &text[begin as usize..devices[number as usize].end as usize]
}

/// The tags of a device with those that tables have for it; of two with one key the first counts that says something.
fn joined<'t>(name: &str, own: &[(&'t str, &'t str)], tables: &'t [Arc<Table>]) -> Vec<(&'t str, &'t str)> {
    let mut all = own.to_vec();
    for (key, value) in tables.iter().flat_map(|table| table.tags_of(name)) {
        match all.iter_mut().find(|(known, _)| *known == key) {
            Some((_, said)) if said.is_empty() => *said = value,
            Some(_) => {}
            None => all.push((key, value)),
        }
    }
    all
}

/// The tags of a device that had `before` and has said these of itself: what it did not say, or left empty, stays.
pub fn tags_after(before: &[(String, String)], said: &[(String, String)]) -> Vec<(String, String)> {
    let mut tags = before.to_vec();
    for tag in said.iter().filter(|(_, value)| !value.is_empty()) {
        match tags.iter_mut().find(|(known, _)| *known == tag.0) {
            Some(known) => known.1.clone_from(&tag.1),
            None => tags.push(tag.clone()),
        }
    }
    tags
}

fn words(tags: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

fn hash_kind<'a>(hasher: &DefaultHashBuilder, timing: Timing, tags: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut hasher = hasher.build_hasher();
    timing.hash(&mut hasher);
    tags.for_each(|tag| tag.hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

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

        let mut other = Names::new();
        declared.iter().for_each(|d| other.follow(d));
        assert_eq!(other.device_name(other.of(series).0), "press-2");
        assert_eq!(other.device_tags(a), [("line".to_owned(), "3".to_owned())]);
    }

    #[test]
    fn a_name_that_came_into_the_place_of_a_lost_one_keeps_all_other_numbers() {
        let device = |number: u32, name: &str| Declaration::Device {
            device: Device(number),
            name: name.to_owned(),
            timing: Timing::default(),
            tags: Vec::new(),
        };
        let mut names = Names::new();
        // The first one's name was lost; it is retired, and comes back under its own name and old number.
        [device(0, "lost-0"), device(1, "press"), device(0, "oven"), device(2, "saw")]
            .iter()
            .for_each(|d| names.follow(d));
        assert_eq!([0, 1, 2].map(|number| names.device_name(Device(number)).to_owned()), ["lost-0", "press", "saw"]);
        // A number that does not follow is no number.
        names.follow(&device(9, "far"));
        names.follow(&Declaration::Series { series: Series(4), device: Device(0), channel: "heat".into() });
        assert_eq!((names.device_count(), names.series_count()), (3, 0));
    }

    #[test]
    fn a_device_past_the_limit_is_refused_and_the_known_ones_are_not() {
        let mut names = Names::limited(2);
        let device = |names: &mut Names, name: &str| names.device(name, Timing::default(), &[]);
        assert_eq!(device(&mut names, "a"), Ok(Device(0)));
        assert_eq!(device(&mut names, "b"), Ok(Device(1)));
        assert_eq!(device(&mut names, "c"), Err(TooManyDevices));
        assert_eq!(device(&mut names, "a"), Ok(Device(0)));
        names.set_limit(3);
        assert_eq!(device(&mut names, "c"), Ok(Device(2)));
        names.set_limit(usize::MAX);
        assert_eq!(names.limit(), Names::LIMIT);
    }

    #[test]
    fn new_devices_get_the_tags_that_tables_have_for_them() {
        let table = |tag: &str, rows: &[(&str, &str)]| {
            let mut builder = crate::table::Builder::new(Vec::new(), vec![tag.to_owned()], false);
            for row in rows {
                builder.push((row.0, ""), std::iter::empty(), std::iter::once(row.1)).unwrap();
            }
            Arc::new(builder.finish().unwrap())
        };
        let mut names = Names::new();
        let before = names.device("a", Timing::default(), &[]).unwrap();
        names.enrich(
            [table("room", &[("a", "1"), ("b", "2"), ("c", "3"), ("e", "4")]), table("hall", &[("b", "x")])]
                .into_iter(),
        );
        let mut tags = |name: &str, own: &[(&str, &str)]| {
            let device = names.device(name, Timing::default(), own).unwrap();
            words(names.device_tags(device)).map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(tags("a", &[]), "", "it was known before");
        assert_eq!(tags("b", &[("line", "7")]), "line=7 room=2 hall=x");
        assert_eq!(tags("c", &[("room", "own")]), "room=own");
        assert_eq!(tags("e", &[("room", ""), ("line", "7")]), "room=4 line=7");
        assert_eq!(tags("d", &[]), "");
        assert!(names.device_tags(before).is_empty());
    }

    #[test]
    fn a_follower_takes_what_is_declared_again_and_asks_for_no_limit() {
        let mut names = Names::new();
        let (heat, light) = (names.channel("heat"), names.channel("light"));
        let devices: Vec<Device> =
            ["a", "", "ab", "b"].map(|name| names.device(name, Timing::default(), &[("hall", name)]).unwrap()).to_vec();
        let series =
            [(1, heat), (0, light), (1, light)].map(|(device, channel)| names.series(devices[device], channel));
        let declared = names.take_fresh();
        let mut other = Names::limited(1);
        declared.iter().chain(&declared).chain(&names.declarations_of(devices[1])).for_each(|d| other.follow(d));
        assert_eq!(other.declarations(), names.declarations());
        assert_eq!(other.series_of(devices[1]), [series[0], series[2]]);
        assert_eq!(other.find("", "light"), Some(series[2]));
        assert_eq!(other.device_tags(devices[2]), [("hall".to_owned(), "ab".to_owned())]);
        assert!(other.take_fresh().is_empty());
    }
}
