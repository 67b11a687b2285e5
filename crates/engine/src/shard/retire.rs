//! Devices leave: what they have left comes out, and their room goes to others.
//!
//! A place keeps its states and routes when its series leaves, and waits for another series that the same nodes take:
//! so nothing is moved, and a fleet that changes all the time takes no more room than its largest moment. Which place
//! a series has is seen nowhere in what comes out.

use super::state::{DeviceFacts, NOBODY, NOT_OURS, Spoken};
use super::{Outputs, Shard};
use crate::node::Node;
use crate::order::Order;
use crate::series::{Device, Timing};
use crate::time::Time;

impl Shard {
    /// Ends what these devices began, as the end of the input would, and forgets them. Those that are not ours, or not
    /// here any more, are left out.
    pub(super) fn retire(&mut self, number: u64, devices: &[Device], out: &mut Outputs) {
        let start = out.list.len();
        for &device in devices {
            if let Some(place) = self.place_of(device) {
                self.take_back(place);
                self.end_device(number, place, out);
            }
        }
        for &device in devices {
            if let Some(place) = self.place_of(device) {
                self.leave_groups(number, place, out);
            }
        }
        for &device in devices {
            if let Some(place) = self.place_of(device) {
                self.end_all_series(number, place, out);
                self.forget_groups(place);
            }
        }
        self.settle(start, out);
        for &device in devices {
            if let Some(place) = self.place_of(device) {
                self.free(device, place);
            }
        }
    }

    /// Devices of ours that were heard once, and nothing of whose clock is behind `since`.
    pub fn silent_since(&self, since: Time) -> Vec<Device> {
        let silent =
            |spoken: &&Spoken| spoken.device.0 != NOBODY.0 && (Time(0)..since).contains(&spoken.order.latest());
        self.devices.iter().filter(silent).map(|spoken| spoken.device).collect()
    }

    fn free(&mut self, device: Device, place: u32) {
        let nobody = Spoken {
            order: Order::new(Timing::default()),
            next_end: Time::MAX,
            device: Device(NOBODY.0),
            gathers: false,
            meets: 0,
        };
        self.devices[place as usize] = nobody;
        let DeviceFacts { slot, series, points, .. } = std::mem::take(&mut self.facts[place as usize]);
        for at in series {
            self.free_series(at);
        }
        for (node, state) in points {
            if let Node::Points(node) = &mut self.nodes[usize::from(node)] {
                node.leave(state);
            }
        }
        self.device_places[device.0 as usize] = NOT_OURS;
        self.by_slot[usize::from(slot)].retain(|&other| other != place);
        self.free_devices.push(place);
    }

    fn free_series(&mut self, place: u32) {
        let (from, to) = self.series[place as usize].all();
        for route in &self.routes[from as usize..to as usize] {
            self.nodes[route.node as usize].reset(route.state);
        }
        let followed = &mut self.series[place as usize];
        self.series_places[followed.series.0 as usize] = NOT_OURS;
        (followed.series, followed.device) = (NOBODY, NOT_OURS);
        let shape = self.channels[followed.channel as usize].shape;
        self.free_series[shape as usize].push(place);
    }
}
