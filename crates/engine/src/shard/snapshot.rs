//! The state of a slot as bytes, and back.
//!
//! Sections by device name, channel and operator, where an operator is known by the hash of its definition: under a
//! changed config an operator that did not change finds its state, one that is new begins afresh, and what no
//! operator wants any more is dropped. Held readings keep their series' numbers, so the names are saved beside.

use super::Shard;
use super::state::NOT_OURS;
use crate::node::Node;
use crate::order::Order;
use crate::reading::StreamClock;
use crate::time::Time;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Slot {
    devices: Vec<SavedDevice>,
}

#[derive(Serialize, Deserialize)]
struct SavedDevice {
    name: String,
    order: Order,
    series: Vec<SavedSeries>,
}

#[derive(Serialize, Deserialize)]
struct SavedSeries {
    channel: String,
    seen: u32,
    /// Definition and state of each operator that takes it.
    operators: Vec<(u64, Vec<u8>)>,
}

/// Why a slot could not be read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSlot(pub String);

impl Shard {
    /// The state of every slot of ours that has a device.
    pub(super) fn save(&self) -> Vec<(u8, Vec<u8>)> {
        let definitions: Vec<u64> = self.plan.operators.iter().map(|o| o.definition()).collect();
        let mut slots = Vec::new();
        for slot in 0..crate::series::SLOTS as u8 {
            let devices: Vec<SavedDevice> = self
                .facts
                .iter()
                .zip(&self.devices)
                .filter(|(facts, _)| facts.slot == slot)
                .map(|(facts, device)| SavedDevice {
                    name: facts.name.clone(),
                    order: device.order.clone(),
                    series: facts.series.iter().map(|s| self.save_series(s.0, &s.1, &definitions)).collect(),
                })
                .collect();
            if !devices.is_empty() {
                slots.push((slot, postcard::to_allocvec(&Slot { devices }).expect("plain data always encodes")));
            }
        }
        slots
    }

    fn save_series(&self, place: u32, channel: &str, definitions: &[u64]) -> SavedSeries {
        let series = &self.series[place as usize];
        let routes = [series.in_order, series.on_arrival];
        let routes = routes.iter().flat_map(|&(from, to)| &self.routes[from as usize..to as usize]);
        let operators = routes
            .map(|route| (definitions[route.node as usize], self.nodes[route.node as usize].save(route.state)))
            .collect();
        SavedSeries { channel: channel.to_owned(), seen: series.seen, operators }
    }

    /// Takes the stream's clock back, with or without any slot that was saved.
    pub fn resume(&mut self, clock: StreamClock) {
        self.clock = clock;
        self.nodes.iter_mut().for_each(|node| node.start(clock.started()));
    }

    /// Takes a slot's state back. Its devices and series must have been declared.
    ///
    /// # Errors
    /// When the bytes are damaged, or speak of a device or channel that was not declared.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), BadSlot> {
        let slot: Slot = postcard::from_bytes(bytes).map_err(|e| BadSlot(format!("the state is damaged: {e}")))?;
        let definitions: Vec<u64> = self.plan.operators.iter().map(|o| o.definition()).collect();
        let places: HashMap<String, usize> =
            self.facts.iter().enumerate().map(|(place, facts)| (facts.name.clone(), place)).collect();
        for saved in slot.devices {
            let device = places.get(&saved.name).copied();
            let device = device.ok_or_else(|| BadSlot(format!("device `{}` was not declared", saved.name)))?;
            self.devices[device].order = saved.order;
            for series in saved.series {
                self.restore_series(device, series, &definitions)?;
            }
            self.devices[device].next_end = self.earliest_end(device);
        }
        Ok(())
    }

    fn restore_series(&mut self, device: usize, saved: SavedSeries, definitions: &[u64]) -> Result<(), BadSlot> {
        let known = self.facts[device].series.iter().find(|(_, channel)| *channel == saved.channel);
        // A derived channel that no operator takes any more is not declared again.
        let Some(&(place, _)) = known else { return Ok(()) };
        self.series[place as usize].seen = saved.seen;
        for (from, to) in [self.series[place as usize].in_order, self.series[place as usize].on_arrival] {
            for route in from..to {
                let route = self.routes[route as usize];
                let definition = definitions[route.node as usize];
                let Some((_, bytes)) = saved.operators.iter().find(|(d, _)| *d == definition) else { continue };
                self.nodes[route.node as usize]
                    .load(route.state, bytes)
                    .map_err(|e| BadSlot(format!("the state of channel `{}` is damaged: {e}", saved.channel)))?;
            }
        }
        Ok(())
    }

    fn earliest_end(&self, device: usize) -> Time {
        let mut earliest = Time::MAX;
        for &(place, _) in &self.facts[device].series {
            debug_assert_ne!(place, NOT_OURS);
            let (from, to) = self.series[place as usize].in_order;
            for route in &self.routes[from as usize..to as usize] {
                if let Node::Window(window) = &self.nodes[route.node as usize] {
                    earliest = earliest.min(window.states[route.state as usize].next_end());
                }
            }
        }
        earliest
    }
}
