//! Names become places and routes: which nodes take a series, and where its state stands in each.

use super::Shard;
use super::state::{DeviceFacts, Followed, NOT_OURS, Route, Spoken};
use crate::node::Node;
use crate::order::Order;
use crate::plan::Plan;
use crate::series::{Declaration, Device, Names, Series, Timing, slot_of};
use crate::time::Time;

impl Shard {
    pub(super) fn declare(&mut self, declaration: &Declaration) {
        match declaration {
            Declaration::Device { device, name, timing, .. } => self.declare_device(*device, name, *timing),
            Declaration::Series { series, device, channel } => self.declare_series(*series, *device, channel),
        }
    }

    /// A device comes to life; one that lives already is left as it is.
    pub(super) fn declare_device(&mut self, device: Device, name: &str, timing: Timing) {
        let slot = slot_of(name);
        if self.slots & (1 << slot) == 0 {
            return put(&mut self.device_places, device.0, NOT_OURS);
        }
        if self.place_of(device).is_some() {
            return;
        }
        let place = self.devices.len() as u32;
        put(&mut self.device_places, device.0, place);
        self.arrival_clocks |= timing.arrival;
        self.devices.push(Spoken { order: Order::new(timing), next_end: Time::MAX, device });
        self.facts.push(DeviceFacts { name: name.to_owned(), series: Vec::new() });
        let Shard { by_slot, devices, .. } = self;
        let places = &mut by_slot[usize::from(slot)];
        let at = places.partition_point(|&other| devices[other as usize].device < device);
        places.insert(at, place);
    }

    /// Where a device that lives with us stands.
    pub(super) fn place_of(&self, device: Device) -> Option<u32> {
        self.device_places.get(device.0 as usize).copied().filter(|&place| place != NOT_OURS)
    }

    /// A channel of a device that lives with us; one that is known already is left as it is.
    pub(super) fn declare_series(&mut self, series: Series, device: Device, channel: &str) {
        let Some(device) = self.place_of(device) else {
            return put(&mut self.series_places, series.0, NOT_OURS);
        };
        if self.series_places.get(series.0 as usize).is_some_and(|&place| place != NOT_OURS) {
            return;
        }
        let place = self.series.len() as u32;
        put(&mut self.series_places, series.0, place);
        let facts = self.plan.channels.iter().find(|facts| facts.name == channel);
        let range = facts.and_then(|facts| facts.range).unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let in_order = self.route(place, channel, false);
        let on_arrival = self.route(place, channel, true);
        let origin = self.feed(device, place, channel).unwrap_or(place);
        self.series.push(Followed { series, device, origin, seen: 0, range, in_order, on_arrival });
        self.channels.push(channel.to_owned());
        self.facts[device as usize].series.push((place, channel.to_owned()));
    }

    /// Gives the series a state in every node that takes its channel, and lists them side by side.
    fn route(&mut self, place: u32, channel: &str, timed: bool) -> (u32, u32) {
        let from = self.routes.len() as u32;
        for (index, operator) in self.plan.operators.iter().enumerate() {
            let node = &mut self.nodes[index];
            if operator.on.iter().any(|on| on == channel) && node.timed() == timed {
                let state = node.add();
                self.owners[index].push(place);
                self.routes.push(Route { node: index as u16, takes_bad: node.takes_bad(), state });
            }
        }
        (from, self.routes.len() as u32)
    }

    /// If this channel is what a window says of another channel of the device, the window will feed it. Gives the
    /// series of readings at the beginning of the chain.
    fn feed(&mut self, device: u32, derived: u32, channel: &str) -> Option<u32> {
        if !channel.contains('.') {
            return None;
        }
        for (source, source_channel) in &self.facts[device as usize].series {
            let (from, to) = self.series[*source as usize].in_order;
            for route in &self.routes[from as usize..to as usize] {
                let Node::Window(window) = &mut self.nodes[route.node as usize] else { continue };
                let names = self.plan.operators[route.node as usize].derived(source_channel);
                if let Some(index) = names.iter().position(|name| name == channel) {
                    window.feeds[route.state as usize].push((window.spec.give[index], derived));
                    return Some(self.series[*source as usize].origin);
                }
            }
        }
        None
    }
}

fn put(places: &mut Vec<u32>, number: u32, place: u32) {
    if places.len() <= number as usize {
        places.resize(number as usize + 1, NOT_OURS);
    }
    places[number as usize] = place;
}

impl Plan {
    /// Names the derived channels that operators of this plan take, for every series declared since the last call;
    /// then gives all that was declared. Whoever numbers names calls this before the readings go on.
    pub fn declare(&self, names: &mut Names) -> Vec<Declaration> {
        let mut all = Vec::new();
        loop {
            let fresh = names.take_fresh();
            if fresh.is_empty() {
                return all;
            }
            for declaration in &fresh {
                if let Declaration::Series { device, channel, .. } = declaration {
                    for derived in self.wanted(channel) {
                        let derived = names.channel(&derived);
                        names.series(*device, derived);
                    }
                }
            }
            all.extend(fresh);
        }
    }

    /// The same for every series that is known already: a plan that was changed may take what an earlier one did not.
    pub fn declare_known(&self, names: &mut Names) -> Vec<Declaration> {
        for number in 0..names.series_count() {
            let (device, channel) = names.of(Series(number as u32));
            for derived in self.wanted(names.channel_name(channel)) {
                let derived = names.channel(&derived);
                names.series(device, derived);
            }
        }
        self.declare(names)
    }

    /// The channels derived from `channel` that some operator takes.
    fn wanted(&self, channel: &str) -> Vec<String> {
        let windows = self.operators.iter().filter(|operator| operator.on.iter().any(|on| on == channel));
        let derived = windows.flat_map(|operator| operator.derived(channel));
        derived.filter(|name| self.operators.iter().any(|operator| operator.on.contains(name))).collect()
    }
}
