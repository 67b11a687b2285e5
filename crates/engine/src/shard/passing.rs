//! What passing time brings about: windows close, clocks tick, the input ends; and the order of what comes of it.

use super::state::NOBODY;
use super::{Outputs, Shard};
use crate::node::{Node, Subject};
use crate::output::{Aggregate, Output, What};
use crate::plan::Statistic;
use crate::reading::{Flags, Reading};
use crate::time::Time;

impl Shard {
    /// Closes the windows that a device's watermark has reached, in order of their ends, and follows what they give.
    #[inline]
    pub(super) fn close(&mut self, number: u64, device: u32, out: &mut Outputs) {
        let spoken = &self.devices[device as usize];
        if spoken.next_end <= spoken.order.watermark() {
            self.close_until(number, device, spoken.order.watermark(), out);
        }
    }

    /// Closes a device's windows that end at or before `time`.
    #[inline(never)]
    pub(super) fn close_until(&mut self, number: u64, device: u32, time: Time, out: &mut Outputs) {
        // At the last moment of time no window is open: that end means none.
        while self.devices[device as usize].next_end <= time && self.devices[device as usize].next_end != Time::MAX {
            self.close_next(number, device, out);
        }
    }

    fn close_next(&mut self, number: u64, device: u32, out: &mut Outputs) {
        let end = std::mem::replace(&mut self.devices[device as usize].next_end, Time::MAX);
        let mut next = Time::MAX;
        for index in 0..self.facts[device as usize].series.len() {
            let place = self.facts[device as usize].series[index];
            let (from, to) = self.series[place as usize].in_order();
            for route in from..to {
                let route = self.routes[route as usize];
                let Node::Window(window) = &mut self.nodes[route.node as usize] else { continue };
                let closed = window.close(route.state, end);
                next = next.min(window.states[route.state as usize].next_end());
                let Some(closed) = closed else { continue };
                let feeds = window.feeds[route.state as usize].len();
                let s = &closed.summary;
                let aggregate = Aggregate {
                    series: self.series[place as usize].series,
                    start: closed.start,
                    end: closed.end,
                    count: s.count(),
                    mean: s.mean(),
                    std: s.std(),
                    min: s.min(),
                    max: s.max(),
                };
                let speaker = self.devices[device as usize].device;
                out.say(number, speaker, route.node, What::Aggregate(aggregate));
                for feed in 0..feeds {
                    let Node::Window(window) = &self.nodes[route.node as usize] else { continue };
                    let (statistic, derived) = window.feeds[route.state as usize][feed];
                    let value = of(&aggregate, statistic);
                    let mut reading = Reading::new(self.series[derived as usize].series, end, value);
                    reading.flags = Flags::UP_TO;
                    self.walk(number, derived, self.series[derived as usize].on_arrival(), &reading, out);
                    self.walk(number, derived, self.series[derived as usize].in_order(), &reading, out);
                }
            }
        }
        // Windows over derived channels may have been opened on the way; they stand in `next_end` already.
        let device = &mut self.devices[device as usize];
        device.next_end = device.next_end.min(next);
    }

    /// The stream's clock has moved: arrival-time clocks with it, and what timed detectors have to say.
    #[inline(never)]
    pub(super) fn tick(&mut self, number: u64, tick: &Reading, out: &mut Outputs) {
        self.clock.tick(tick);
        let now = self.clock.now();
        if tick.flags.has(Flags::START) {
            self.nodes.iter_mut().for_each(|node| node.start(now));
        }
        for device in 0..if self.arrival_clocks { self.devices.len() as u32 } else { 0 } {
            if self.devices[device as usize].order.tick(now) {
                self.release(number, device, out);
                self.close(number, device, out);
            }
        }
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if !node.timed() {
                continue;
            }
            let mut said = Vec::new();
            node.tick(now, |place, verdict| said.push((place, verdict)));
            for (place, verdict) in said {
                let series = &self.series[self.owners[index][place as usize] as usize];
                let subject = Subject { series: series.series, seen: series.seen };
                let device = self.devices[series.device as usize].device;
                out.say(number, device, index as u16, subject.timed(verdict));
            }
        }
    }

    /// What the detectors expect, the first one that can tell for each series.
    pub(super) fn expect(&self, out: &mut Outputs) {
        let mut told = hashbrown::HashSet::new();
        for (node, owners) in self.nodes.iter().zip(&self.owners) {
            for (place, owner) in (0..).zip(owners) {
                let series = self.series[*owner as usize].series;
                if series != NOBODY
                    && let Some((low, high)) = node.band(place)
                    && told.insert(series)
                {
                    out.expected.push((series, low, high));
                }
            }
        }
    }

    /// The input has ended: what is held goes on, what is open closes.
    pub(super) fn end(&mut self, number: u64, out: &mut Outputs) {
        let start = out.list.len();
        for device in 0..self.devices.len() as u32 {
            self.end_device(number, device, out);
        }
        self.settle(start, out);
    }

    pub(super) fn end_device(&mut self, number: u64, device: u32, out: &mut Outputs) {
        self.devices[device as usize].order.end();
        self.release(number, device, out);
        self.close(number, device, out);
    }

    /// Puts the outputs of one input in their order: device name, node, channel name.
    #[inline(never)]
    pub(super) fn settle(&self, start: usize, out: &mut Outputs) {
        let said = &mut out.list[start..];
        let device = |of: &Output| &self.facts[self.device_places[of.device.0 as usize] as usize].name;
        let series = |of: &Output| &self.series[self.series_places[of.what.series().0 as usize] as usize];
        let channel = |of: &Output| &self.channels[series(of).channel as usize].name;
        let by_node = |a: &Output, b: &Output| a.node.cmp(&b.node).then_with(|| channel(a).cmp(channel(b)));
        said.sort_by(|a, b| device(a).cmp(device(b)).then_with(|| by_node(a, b)));
        for i in 1..said.len() {
            let same = said[i - 1].device == said[i].device && said[i - 1].node == said[i].node;
            said[i].ordinal = if same { said[i - 1].ordinal.saturating_add(1) } else { 0 };
        }
    }
}

fn of(aggregate: &Aggregate, statistic: Statistic) -> f64 {
    match statistic {
        Statistic::Count => aggregate.count as f64,
        Statistic::Mean => aggregate.mean,
        Statistic::Std => aggregate.std,
        Statistic::Min => aggregate.min,
        Statistic::Max => aggregate.max,
    }
}
