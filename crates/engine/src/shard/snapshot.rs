//! The state of a slot as bytes, and back; a slot at a time, so that saving needs no second copy of everything.
//!
//! ```text
//! slot    format u8, definitions of the plan's operators (list of u64), count of devices, then these by number, then
//!         count of groups whose readings meet, then these
//! device  number, its clock with what it holds, count of series, then the series by number, then states of its points
//! series  number, readings so far, time of the first, then states
//! group   whose it is, its clock and its members, then states
//! states  how many, then each: place of its definition, length u32 LE, state
//! ```
//! All of it is postcard but for the lengths. An operator is known by the hash of its definition: under a changed
//! config an operator that did not change finds its state, one that is new begins afresh, and what no operator wants
//! any more is dropped. Format 1 has no times of first readings and no states of points, format 2 no groups. Names are saved beside, once for all slots. A device that is not here is retired.

use super::Shard;
use super::state::{AHEAD, NOT_OURS, Route};
use crate::checkpoint::append;
use crate::node::Node;
use crate::order::Order;
use crate::reading::StreamClock;
use crate::series::{Device, Names, Series};
use crate::time::Time;
use serde::de::DeserializeOwned;

/// The format of a slot that this build writes, and the newest it reads.
const FORMAT: u8 = 3;

/// Why a slot could not be read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSlot(pub String);

impl Shard {
    /// The state of a slot; nothing if it is not ours, or has no device.
    pub(super) fn save(&self, slot: u8, into: &mut Vec<u8>) {
        into.clear();
        let places = &self.by_slot[usize::from(slot)];
        if places.is_empty() {
            return;
        }
        into.push(FORMAT);
        append(&(self.definitions(), places.len() as u32), into);
        for some in places.chunks(AHEAD) {
            self.look_ahead_of_saving(some);
            some.iter().for_each(|&place| self.save_device(place as usize, into));
        }
        self.save_groups(places, into);
    }

    /// Touches what the next devices will need, as `look_ahead` does: those of a slot stand far apart. At 100 000 devices it
    /// takes saving from 130 ms to 93 ms.
    fn look_ahead_of_saving(&self, places: &[u32]) {
        let mut touched = 0;
        for &place in places {
            touched ^= self.devices[place as usize].order.touch() as u64;
            for &place in &self.facts[place as usize].series {
                let (from, to) = self.series[place as usize].all();
                for route in &self.routes[from as usize..to as usize] {
                    touched ^= self.nodes[route.node as usize].touch_all(route.state);
                }
            }
        }
        std::hint::black_box(touched);
    }

    fn save_device(&self, place: usize, into: &mut Vec<u8>) {
        let (device, facts) = (&self.devices[place], &self.facts[place]);
        append(&(device.device, &device.order, facts.series.len() as u32), into);
        for &place in &facts.series {
            let series = &self.series[place as usize];
            let (from, to) = series.all();
            let routes = self.routes[from as usize..to as usize].iter();
            let own = routes.filter(|route| !self.is_of_points(route.node)).map(|route| (route.node, route.state));
            append(&(series.series, series.seen, series.first), into);
            self.save_states(own, into);
        }
        self.save_states(facts.points.iter().copied(), into);
    }

    pub(super) fn save_states(&self, states: impl Iterator<Item = (u16, u32)> + Clone, into: &mut Vec<u8>) {
        append(&(states.clone().count() as u32), into);
        for (node, state) in states {
            append(&node, into);
            let length = into.len();
            into.extend_from_slice(&[0; 4]);
            self.nodes[usize::from(node)].save(state, into);
            let written = (into.len() - length - 4) as u32;
            into[length..length + 4].copy_from_slice(&written.to_le_bytes());
        }
    }

    fn is_of_points(&self, node: u16) -> bool {
        matches!(self.nodes[usize::from(node)], Node::Points(_) | Node::Meet(_))
    }

    fn definitions(&self) -> Vec<u64> {
        self.plan.operators.iter().map(|operator| operator.definition()).collect()
    }

    /// Takes the stream's clock back, with or without any slot that was saved.
    pub fn resume(&mut self, clock: StreamClock) {
        self.clock = clock;
        self.nodes.iter_mut().for_each(|node| node.start(clock.started()));
    }

    /// Takes a slot's state back; its devices come to life with the names that `names` has for them. Those that are not ours are left
    /// to other shards.
    ///
    /// # Errors
    /// When the bytes are damaged or newer, or speak of a device or series that has no name.
    pub fn restore(&mut self, bytes: &[u8], names: &Names) -> Result<(), BadSlot> {
        let mut left = match bytes.split_first() {
            Some((1..=FORMAT, left)) => left,
            Some((format, _)) if *format > FORMAT => {
                let what = format!("it has format {format}, written by a newer ouzel; this one reads up to {FORMAT}");
                return Err(BadSlot(what));
            }
            _ => return Err(BadSlot("this is not the state of a slot".to_owned())),
        };
        let (saved, count): (Vec<u64>, u32) = take(&mut left)?;
        let first = bytes[0] == 1;
        let definitions = if first { self.first_definitions() } else { self.definitions() };
        let nodes: Vec<Option<u16>> =
            saved.iter().map(|s| definitions.iter().position(|d| d == s).map(|node| node as u16)).collect();
        let mut places = Vec::new();
        for _ in 0..count {
            places.extend(self.restore_device(&mut left, &nodes, names, first)?);
        }
        if bytes[0] > 2 {
            self.restore_groups(&mut left, &nodes)?;
        }
        self.join_known(&places, |node| nodes.contains(&Some(node)));
        if left.is_empty() { Ok(()) } else { Err(damaged("something stands behind its end")) }
    }

    /// Definitions as format 1 has them: windows were of fewer kinds, and told by less.
    fn first_definitions(&self) -> Vec<u64> {
        let operators = self.plan.operators.iter();
        operators.map(|operator| operator.first_definition().unwrap_or_else(|| operator.definition())).collect()
    }

    fn restore_device(
        &mut self,
        left: &mut &[u8],
        nodes: &[Option<u16>],
        names: &Names,
        in_first: bool,
    ) -> Result<Option<u32>, BadSlot> {
        let (device, order, count): (Device, Order, u32) = take(left)?;
        if device.0 as usize >= names.device_count() {
            return Err(BadSlot(format!("device {} has no name", device.0)));
        }
        let tags = names.device_tags(device);
        self.declare_device(device, names.device_name(device), names.device_timing(device), tags);
        // Under another plan devices may have other keys, and this one's slot may belong to another shard.
        let Some(place) = self.place_of(device) else {
            for _ in 0..count {
                take::<(Series, u32)>(left)?;
                if !in_first {
                    take::<Time>(left)?;
                }
                self.restore_states(left, nodes, |_, _, _| Ok(()))?;
            }
            if !in_first {
                self.restore_states(left, nodes, |_, _, _| Ok(()))?;
            }
            return Ok(None);
        };
        for series in names.series_of(device) {
            self.declare_series(series, device, names.channel_name(names.of(series).1));
        }
        self.devices[place as usize].order = order;
        for _ in 0..count {
            // Format 1 does not know when a series was first heard: before all that comes.
            let (series, seen) = take::<(Series, u32)>(left)?;
            let first = if in_first { Time::MIN } else { take(left)? };
            let at = self.series_places.get(series.0 as usize).copied().unwrap_or(NOT_OURS);
            if self.series.get(at as usize).is_none_or(|known| known.device != place) {
                return Err(BadSlot(format!("series {} has no name", series.0)));
            }
            (self.series[at as usize].seen, self.series[at as usize].first) = (seen, first);
            self.restore_states(left, nodes, |shard, node, state| shard.load(at, node, state))?;
        }
        if !in_first {
            self.restore_points(place, left, nodes)?;
        }
        self.devices[place as usize].gathers = !self.facts[place as usize].points.is_empty();
        self.devices[place as usize].next_end = self.earliest_end(place as usize);
        Ok(Some(place))
    }

    fn restore_points(&mut self, place: u32, left: &mut &[u8], nodes: &[Option<u16>]) -> Result<(), BadSlot> {
        self.restore_states(left, nodes, |shard, node, state| {
            let known = shard.facts[place as usize].points.iter().find(|known| known.0 == node);
            let Some(&(_, at)) = known else { return Ok(()) };
            shard.nodes[usize::from(node)].load(at, state).map_err(damaged)
        })
    }

    pub(super) fn restore_states(
        &mut self,
        left: &mut &[u8],
        nodes: &[Option<u16>],
        mut load: impl FnMut(&mut Shard, u16, &[u8]) -> Result<(), BadSlot>,
    ) -> Result<(), BadSlot> {
        let count: u32 = take(left)?;
        for _ in 0..count {
            let node: u16 = take(left)?;
            let length = u32::from_le_bytes(cut(left, 4)?.try_into().expect("four bytes")) as usize;
            let state = cut(left, length)?;
            let node = nodes.get(usize::from(node)).ok_or_else(|| damaged("an operator is unknown"))?;
            if let Some(node) = node {
                load(self, *node, state)?;
            }
        }
        Ok(())
    }

    /// Takes back the state of a series in a node, if the node still takes it.
    fn load(&mut self, place: u32, node: u16, bytes: &[u8]) -> Result<(), BadSlot> {
        let (from, to) = self.series[place as usize].all();
        let own = |route: &&Route| route.node == node && !self.is_of_points(node);
        let route = self.routes[from as usize..to as usize].iter().find(own);
        let Some(route) = route else { return Ok(()) };
        self.nodes[usize::from(node)].load(route.state, bytes).map_err(damaged)
    }

    /// When the next thing is to be done for a device.
    pub(super) fn earliest_end(&self, device: usize) -> Time {
        let mut earliest = Time::MAX;
        for &(node, state) in &self.facts[device].points {
            if let Node::Points(points) = &self.nodes[usize::from(node)] {
                earliest = earliest.min(points.next(state));
            }
        }
        for &place in self.facts[device].series.iter().filter(|place| !self.series[**place as usize].behind) {
            let (from, to) = self.series[place as usize].in_order();
            for route in &self.routes[from as usize..to as usize] {
                if let Node::Window(window) = &self.nodes[route.node as usize] {
                    earliest = earliest.min(window.states[route.state as usize].next_end());
                }
            }
        }
        earliest
    }
}

pub(super) fn damaged(why: impl std::fmt::Display) -> BadSlot {
    BadSlot(format!("the state is damaged: {why}"))
}

pub(super) fn take<T: DeserializeOwned>(left: &mut &[u8]) -> Result<T, BadSlot> {
    let (value, rest) = postcard::take_from_bytes(left).map_err(damaged)?;
    *left = rest;
    Ok(value)
}

fn cut<'a>(left: &mut &'a [u8], length: usize) -> Result<&'a [u8], BadSlot> {
    let (part, rest) = left.split_at_checked(length).ok_or_else(|| damaged("it ends too early"))?;
    *left = rest;
    Ok(part)
}
