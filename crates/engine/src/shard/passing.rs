//! What passing time brings about: windows close, clocks tick, the input ends; and the order of what comes of it.

use super::state::{NOBODY, Route};
use super::{Outputs, Shard};
use crate::node::{Node, Subject};
use crate::output::{Aggregate, Output, What};
use crate::reading::{Flags, Reading};
use crate::time::{Span, Time};
use crate::window::Closed;

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
            if self.series[place as usize].behind {
                continue;
            }
            let (from, to) = self.series[place as usize].in_order();
            for route in from..to {
                let route = self.routes[route as usize];
                let Node::Window(window) = &mut self.nodes[route.node as usize] else { continue };
                let closed = window.close(route.state, end);
                next = next.min(window.states[route.state as usize].next_end());
                if let Some(closed) = closed {
                    self.give(number, place, route, &closed, out);
                }
            }
        }
        // Windows over derived channels may have been opened on the way; they stand in `next_end` already.
        let device = &mut self.devices[device as usize];
        device.next_end = device.next_end.min(next);
    }

    /// What a window says at its end, to people and to those who work on it.
    fn give(&mut self, number: u64, place: u32, route: Route, closed: &Closed, out: &mut Outputs) {
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
            more: None,
            revision: 0,
            partial: false,
        };
        let speaker = self.devices[self.series[place as usize].device as usize].device;
        out.say(number, speaker, route.node, What::Aggregate(aggregate.clone()));
        let feeds = |nodes: &[Node]| match &nodes[route.node as usize] {
            Node::Window(window) => window.feeds[route.state as usize].len(),
            _ => 0,
        };
        for feed in 0..feeds(&self.nodes) {
            let Node::Window(window) = &self.nodes[route.node as usize] else { continue };
            let (index, derived) = window.feeds[route.state as usize][feed];
            let value = aggregate.value(&window.spec.give, usize::from(index));
            let mut reading = Reading::new(self.series[derived as usize].series, closed.end, value);
            reading.flags = Flags::UP_TO;
            self.pass_on(number, derived, &reading, out);
        }
    }

    /// A reading of a derived channel. What comes behind the device's clock closes its own windows: first those that
    /// end before it, and where it stands for all that was before, those that end with it.
    fn pass_on(&mut self, number: u64, place: u32, reading: &Reading, out: &mut Outputs) {
        let up_to = reading.flags.has(Flags::UP_TO);
        if self.series[place as usize].behind {
            self.close_behind(number, place, reading.time - Span(i64::from(up_to)), out);
        }
        self.walk(number, place, self.series[place as usize].on_arrival(), reading, out);
        self.walk(number, place, self.series[place as usize].in_order(), reading, out);
        if self.series[place as usize].behind && up_to {
            self.close_behind(number, place, reading.time, out);
        }
    }

    /// What filters have kept of a reading goes on, in its order.
    #[cold]
    #[inline(never)]
    pub(super) fn pass_on_kept(&mut self, number: u64, out: &mut Outputs) {
        let mut kept = std::mem::take(&mut self.kept);
        for (place, reading) in kept.drain(..) {
            let reading = Reading { series: self.series[place as usize].series, ..reading };
            self.pass_on(number, place, &reading, out);
        }
        self.kept = kept;
    }

    /// Closes the windows of a series that end at or before `time`.
    fn close_behind(&mut self, number: u64, place: u32, time: Time, out: &mut Outputs) {
        let (from, to) = self.series[place as usize].in_order();
        for route in from..to {
            let route = self.routes[route as usize];
            while let Node::Window(window) = &mut self.nodes[route.node as usize] {
                let end = window.states[route.state as usize].next_end();
                if end > time || end == Time::MAX {
                    break;
                }
                if let Some(closed) = window.close(route.state, end) {
                    self.give(number, place, route, &closed, out);
                }
            }
        }
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
        // Series stand in the order of their numbers: what is derived comes after what it is derived from.
        for index in 0..self.facts[device as usize].series.len() {
            self.end_series(number, self.facts[device as usize].series[index], out);
        }
    }

    /// What a filter has not judged yet goes on, and what came behind closes.
    fn end_series(&mut self, number: u64, place: u32, out: &mut Outputs) {
        if self.series[place as usize].behind {
            self.close_behind(number, place, Time::MAX, out);
        }
        let (from, to) = self.series[place as usize].in_order();
        for route in from..to {
            let route = self.routes[route as usize];
            let Shard { nodes, kept, series, .. } = self;
            let Node::Compress(filter) = &mut nodes[route.node as usize] else { continue };
            let like = Reading::new(series[place as usize].series, Time::MIN, 0.0);
            filter.end(route.state, like, |to, reading| kept.push((to, reading)));
            self.pass_on_kept(number, out);
        }
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
