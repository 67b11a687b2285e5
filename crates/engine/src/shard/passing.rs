//! What passing time brings about: windows close, clocks tick, the input ends; and the order of what comes of it.

use super::state::{Followed, NOBODY, Route};
use super::{Outputs, Shard};
use crate::node::{Node, Onward, Points, Subject, WindowNode};
use crate::output::{Output, Part, Said, What};
use crate::plan::{Per, Shape};
use crate::reading::{Flags, Quality, Reading};
use crate::series::Series;
use crate::time::{Span, Time};
use crate::window::{Closed, SeriesFacts};

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
        let mut next = self.pass_points(number, device, end, out);
        for index in 0..self.facts[device as usize].series.len() {
            let place = self.facts[device as usize].series[index];
            if self.series[place as usize].behind {
                continue;
            }
            let (from, to) = self.series[place as usize].in_order();
            let heard = self.heard(place);
            for route in from..to {
                let route = self.routes[route as usize];
                if let Some(windows_next) = self.close_window(number, place, route, end, &heard, out) {
                    next = next.min(windows_next);
                }
            }
        }
        // Windows over derived channels may have been opened on the way; they stand in `next_end` already.
        let device = &mut self.devices[device as usize];
        device.next_end = device.next_end.min(next);
    }

    /// Judges the points of a device that are over at `time`, and ends its sessions that do; gives when there is more to do.
    fn pass_points(&mut self, number: u64, device: u32, time: Time, out: &mut Outputs) -> Time {
        let mut next = Time::MAX;
        if self.facts[device as usize].points.is_empty() {
            return next;
        }
        for index in 0..self.facts[device as usize].points.len() {
            let (node, state) = self.facts[device as usize].points[index];
            let Shard { nodes, onward, .. } = self;
            let Node::Points(points) = &mut nodes[usize::from(node)] else { continue };
            points.pass(state, time, &mut |it| onward.push((node, it)));
            if !self.onward.is_empty() {
                self.go_on(number, out);
            }
        }
        for &(node, state) in &self.facts[device as usize].points {
            if let Node::Points(points) = &self.nodes[usize::from(node)] {
                next = next.min(points.next(state));
            }
        }
        next
    }

    /// A device's message has ended, and with it the point of its time.
    #[inline(never)]
    pub(super) fn settle_points(&mut self, number: u64, device: u32, out: &mut Outputs) {
        self.devices[device as usize].gathers = false;
        for index in 0..self.facts[device as usize].points.len() {
            let (node, state) = self.facts[device as usize].points[index];
            let Shard { nodes, onward, .. } = self;
            let Node::Points(points) = &mut nodes[usize::from(node)] else { continue };
            points.settle(state, &mut |it| onward.push((node, it)));
            if !self.onward.is_empty() {
                self.go_on(number, out);
            }
        }
    }

    /// What windows need to know of a series.
    pub(super) fn heard(&self, place: u32) -> SeriesFacts {
        let series = &self.series[place as usize];
        // What is derived was heard when its readings were.
        let first = self.series[series.origin as usize].first;
        SeriesFacts { first, expected: self.channels[series.channel as usize].every }
    }

    /// Closes the window of a series that ends at `end`, if there is one, and gives when the next one ends; nothing if the
    /// node is no window.
    fn close_window(
        &mut self,
        number: u64,
        place: u32,
        route: Route,
        end: Time,
        heard: &SeriesFacts,
        out: &mut Outputs,
    ) -> Option<Time> {
        let Node::Window(window) = &mut self.nodes[usize::from(route.node)] else { return None };
        if window.spec.per == Per::Device {
            let closed = window.close(route.state, end, heard);
            let next = window.states[route.state as usize].next_end();
            if let Some(closed) = closed {
                self.give(number, place, route, closed, out);
            }
            return Some(next);
        }
        let part = window.close_part(route.state, end, heard);
        let next = window.states[route.state as usize].next_end();
        if let Some((start, end, tally)) = part {
            let series = &self.series[place as usize];
            // A device that was not there from the beginning makes the group's window a partial one.
            let partial = heard.first > start + heard.expected.unwrap_or_default();
            let part = Box::new(Part { series: series.series, start, end, partial, tally });
            out.say(number, self.devices[series.device as usize].device, route.node, What::Part(part));
        }
        Some(next)
    }

    /// What a window says at its end, to people and to those who work on it.
    fn give(&mut self, number: u64, place: u32, route: Route, closed: Closed, out: &mut Outputs) {
        let Node::Window(window) = &self.nodes[usize::from(route.node)] else { return };
        let (end, of_moments) = (closed.end, has_edges(&window.spec.shape));
        if window.feeds[route.state as usize].is_empty() {
            return self.say_closed(number, place, route.node, closed, out);
        }
        let aggregate = closed.clone().aggregate(self.series[place as usize].series);
        self.say_closed(number, place, route.node, closed, out);
        for feed in 0.. {
            let Node::Window(window) = &self.nodes[usize::from(route.node)] else { break };
            let Some(&(index, derived)) = window.feeds[route.state as usize].get(feed) else { break };
            let value = aggregate.value(&window.spec.give, usize::from(index));
            self.derive(number, derived, end, of_moments, value, out);
        }
    }

    /// The same for a window of points.
    fn give_of_points(&mut self, number: u64, node: u16, series: Series, closed: Closed, out: &mut Outputs) {
        let Some(&place) = self.series_places.get(series.0 as usize) else { return };
        let Some(of) = self.series.get(place as usize) else { return };
        let device = of.device;
        let Some(&(_, state)) = self.facts[device as usize].points.iter().find(|known| known.0 == node) else { return };
        let end = closed.end;
        let aggregate = closed.clone().aggregate(series);
        self.say_closed(number, place, node, closed, out);
        for feed in 0.. {
            let Node::Points(points) = &self.nodes[usize::from(node)] else { break };
            let Some((spec, (index, derived))) = points.fed(state, series, feed) else { break };
            let value = aggregate.value(&spec.give, usize::from(index));
            let of_moments = has_edges(&spec.shape);
            self.derive(number, derived, end, of_moments, value, out);
        }
    }

    /// A statistic goes on as a reading of a channel of its own; not where there is none.
    fn derive(&mut self, number: u64, derived: u32, end: Time, up_to: bool, value: f64, out: &mut Outputs) {
        if !value.is_finite() {
            return;
        }
        let mut reading = Reading::new(self.series[derived as usize].series, end, value);
        if up_to {
            reading.flags = Flags::UP_TO;
        }
        self.pass_on(number, derived, &reading, out);
    }

    #[inline]
    fn say_closed(&mut self, number: u64, place: u32, node: u16, closed: Closed, out: &mut Outputs) {
        let series = &self.series[place as usize];
        let aggregate = closed.aggregate(series.series);
        out.say(number, self.devices[series.device as usize].device, node, What::Aggregate(aggregate));
    }

    /// A reading that came after the watermark had passed it.
    #[cold]
    #[inline(never)]
    pub(super) fn late(&mut self, number: u64, place: u32, reading: Reading, out: &mut Outputs) {
        let (device, late) = (self.series[place as usize].device, self.series[place as usize].late);
        let spoken = &self.devices[device as usize];
        let (name, watermark) = (spoken.device, spoken.order.watermark());
        if reading.time < spoken.order.latest() {
            self.late.lateness.add(spoken.order.latest().since(reading.time));
        }
        let mut taken = false;
        if late.revise && reading.quality == Quality::Good && reading.time != Time::MAX {
            let ((from, to), heard) = (self.series[place as usize].in_order(), self.heard(place));
            let Shard { nodes, routes, series, devices, .. } = self;
            for route in &routes[from as usize..to as usize] {
                // What a filter may drop is not let past it.
                if matches!(&nodes[usize::from(route.node)], Node::Points(points) if points.stops(route.port)) {
                    break;
                }
                let Node::Window(window) = &mut nodes[usize::from(route.node)] else { continue };
                let WindowNode { spec, states, .. } = window;
                if spec.per != Per::Device {
                    continue;
                }
                let windows = &mut states[route.state as usize];
                taken |= windows.late(spec, &heard, reading.time, reading.value, watermark, |closed| {
                    let aggregate = closed.aggregate(series[place as usize].series);
                    out.say(number, name, route.node, What::Aggregate(aggregate));
                });
                devices[device as usize].next_end = devices[device as usize].next_end.min(windows.next_end());
            }
        }
        self.late.revised += u64::from(taken);
        if late.aside || (!taken && !late.forget) {
            out.late(number, name, reading);
        } else if !taken {
            self.late.forgotten += 1;
        }
    }

    /// A reading of a derived channel. What comes behind the device's clock closes its own windows: first those that
    /// end before it, and where it stands for all that was before, those that end with it.
    fn pass_on(&mut self, number: u64, place: u32, reading: &Reading, out: &mut Outputs) {
        let up_to = reading.flags.has(Flags::UP_TO);
        let Followed { device, passed, .. } = self.series[place as usize];
        if passed.said != u16::MAX {
            let said = Said { reading: *reading, said: passed.said };
            out.say(number, self.devices[device as usize].device, passed.by, What::Reading(said));
        }
        self.overhear(passed.by, reading, out);
        if self.has_windows(place) {
            self.close_behind(number, place, reading.time - Span(i64::from(up_to)), out);
        }
        let series = &mut self.series[place as usize];
        if series.is_worked_out {
            series.seen = series.seen.saturating_add(1);
            series.first = series.first.min(reading.time);
        }
        // Each walk has its price, and features bring a reading here for each of their results.
        if series.arriving > 0 {
            self.walk_on_arrival(number, place, reading, out);
        }
        self.walk(number, place, self.series[place as usize].in_order(), reading, out);
        if self.series[place as usize].behind && up_to {
            self.close_behind(number, place, reading.time, out);
        }
    }

    /// Apart, because few channels that are derived have detectors that look at the clock.
    #[inline(never)]
    fn walk_on_arrival(&mut self, number: u64, place: u32, reading: &Reading, out: &mut Outputs) {
        self.walk(number, place, self.series[place as usize].on_arrival(), reading, out);
    }

    /// Whether there is anything to close.
    #[inline]
    fn has_windows(&self, place: u32) -> bool {
        let (from, to) = self.series[place as usize].in_order();
        let mut routes = self.routes[from as usize..to as usize].iter();
        routes.any(|route| matches!(self.nodes[usize::from(route.node)], Node::Window(_)))
    }

    /// What features have made of a reading goes on, in its order, from this place of the list on.
    #[inline(never)]
    pub(super) fn go_on_as_made(&mut self, number: u64, first: usize, reading: &Reading, out: &mut Outputs) {
        // What other nodes have let go came after it.
        let waiting = (!self.onward.is_empty()).then(|| std::mem::take(&mut self.onward));
        for index in first..self.made.len() {
            let (place, value) = self.made[index];
            let reading = Reading { series: self.series[place as usize].series, value, ..*reading };
            self.pass_on(number, place, &reading, out);
        }
        self.made.truncate(first);
        if let Some(waiting) = waiting {
            self.onward = waiting;
        }
    }

    /// What filters and sessions have let go goes on, in its order.
    #[inline(never)]
    pub(super) fn go_on(&mut self, number: u64, out: &mut Outputs) {
        let mut onward = std::mem::take(&mut self.onward);
        for (node, what) in onward.drain(..) {
            match what {
                Onward::To(place, reading) => {
                    let reading = Reading { series: self.series[place as usize].series, ..reading };
                    self.pass_on(number, place, &reading, out);
                }
                Onward::Resume(reading) => {
                    self.overhear(node, &reading, out);
                    self.resume_walk(number, node, &reading, out);
                }
                Onward::Aside(filtered) => {
                    let Some(&place) = self.series_places.get(filtered.reading.series.0 as usize) else { continue };
                    let Some(series) = self.series.get(place as usize) else { continue };
                    let device = self.devices[series.device as usize].device;
                    out.say(number, device, node, What::Filtered(filtered));
                }
                Onward::Closed(series, closed) => self.give_of_points(number, node, series, closed, out),
            }
        }
        // What came up on the way has gone on already; the room is kept.
        if self.onward.is_empty() {
            self.onward = onward;
        }
    }

    /// A series has spoken for the first time: from now on the groups that it belongs to wait for it, and for what is derived
    /// from it.
    #[cold]
    #[inline(never)]
    pub(super) fn join_groups(&mut self, number: u64, place: u32, out: &mut Outputs) {
        self.series[place as usize].joined = true;
        let device = self.series[place as usize].device;
        let chains = self.chains_from(device, place);
        for &other in &self.facts[device as usize].series {
            let series = &self.series[other as usize];
            let (from, to) = series.in_order();
            let joins = chains.contains(&series.origin);
            for route in &self.routes[from as usize..to as usize] {
                let Node::Window(window) = &self.nodes[usize::from(route.node)] else { continue };
                if joins && window.spec.per != Per::Device {
                    let part = Box::new(Part::joined(series.series, &window.spec));
                    out.say(number, self.devices[device as usize].device, route.node, What::Part(part));
                }
            }
        }
    }

    /// A series of readings, and all that formulas work out of it and of each other: where chains of derived series begin.
    fn chains_from(&self, device: u32, place: u32) -> Vec<u32> {
        let mut chains = vec![place];
        let mut next = 0;
        while let Some(&origin) = chains.get(next) {
            next += 1;
            let of_chain = self.facts[device as usize].series.iter().map(|place| &self.series[*place as usize]);
            for series in of_chain.filter(|series| series.origin == origin) {
                let (from, to) = series.in_order();
                for route in &self.routes[from as usize..to as usize] {
                    let Node::Points(Points::Formula(formula)) = &self.nodes[usize::from(route.node)] else { continue };
                    chains.extend(formula.fed(route.state).filter(|fed| !chains.contains(fed)));
                }
            }
        }
        chains
    }

    /// A reading that a filter has held goes on to the nodes behind it.
    fn resume_walk(&mut self, number: u64, node: u16, reading: &Reading, out: &mut Outputs) {
        let Some(&place) = self.series_places.get(reading.series.0 as usize) else { return };
        let Some(series) = self.series.get(place as usize) else { return };
        let (from, to) = series.in_order();
        let behind = self.routes[from as usize..to as usize].iter().position(|route| route.node == node);
        let from = behind.map_or(to, |at| from + at as u32 + 1);
        // One that went on before it may have filled a window.
        self.close_behind(number, place, reading.time, out);
        self.walk(number, place, (from, to), reading, out);
    }

    /// Closes the windows of a series that end at or before `time`.
    #[inline(never)]
    fn close_behind(&mut self, number: u64, place: u32, time: Time, out: &mut Outputs) {
        let (from, to) = self.series[place as usize].in_order();
        for route in from..to {
            let route = self.routes[route as usize];
            while let Node::Window(window) = &self.nodes[usize::from(route.node)] {
                let end = window.states[route.state as usize].next_end();
                if end > time || end == Time::MAX {
                    break;
                }
                let heard = self.heard(place);
                self.close_window(number, place, route, end, &heard, out);
            }
        }
    }

    /// The stream's clock has moved: arrival-time clocks with it, and what timed detectors have to say.
    #[inline(never)]
    pub(super) fn tick(&mut self, number: u64, tick: &Reading, out: &mut Outputs) {
        let begins = self.clock.now() == Time::MIN;
        self.clock.tick(tick);
        let now = self.clock.now();
        if tick.flags.has(Flags::START) {
            self.nodes.iter_mut().for_each(|node| node.start(now));
        }
        for device in 0..if self.arrival_clocks { self.devices.len() as u32 } else { 0 } {
            if self.devices[device as usize].order.tick(now) {
                self.release(number, device, out);
                self.close(number, device, out);
                if self.devices[device as usize].meets != 0 {
                    self.meet(number, device, out);
                }
            }
        }
        self.tick_groups(number, begins || tick.flags.has(Flags::START), out);
        if self.plan.has_groups() {
            (0..self.devices.len() as u32).for_each(|device| self.give_to_groups(number, device, now, out));
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

    /// A device that is silent gives its groups what it has of windows that they do not wait for any longer.
    fn give_to_groups(&mut self, number: u64, device: u32, now: Time, out: &mut Outputs) {
        let spoken = &self.devices[device as usize];
        let allowance = spoken.order.allowance();
        if spoken.next_end == Time::MAX || spoken.next_end + allowance > now {
            return;
        }
        for index in 0..self.facts[device as usize].series.len() {
            let place = self.facts[device as usize].series[index];
            let heard = self.heard(place);
            let (from, to) = self.series[place as usize].in_order();
            for route in from..to {
                let route = self.routes[route as usize];
                while let Node::Window(window) = &self.nodes[usize::from(route.node)] {
                    let end = window.states[route.state as usize].next_end();
                    let wait = Span(window.spec.idle().0.saturating_add(allowance.0));
                    if window.spec.per == Per::Device || end == Time::MAX || end + wait > now {
                        break;
                    }
                    self.close_window(number, place, route, end, &heard, out);
                }
            }
        }
        self.devices[device as usize].next_end = self.earliest_end(device as usize);
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
        self.end_groups(number, out);
        for device in 0..self.devices.len() as u32 {
            self.end_all_series(number, device, out);
        }
        self.settle(start, out);
    }

    pub(super) fn end_device(&mut self, number: u64, device: u32, out: &mut Outputs) {
        self.devices[device as usize].order.end();
        self.release(number, device, out);
        self.settle_points(number, device, out);
        self.close(number, device, out);
        self.pass_points(number, device, Time::MAX, out);
    }

    /// What came behind the device's clock ends.
    pub(super) fn end_all_series(&mut self, number: u64, device: u32, out: &mut Outputs) {
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
            let Shard { nodes, onward, series, .. } = self;
            let Node::Compress(filter) = &mut nodes[route.node as usize] else { continue };
            let like = Reading::new(series[place as usize].series, Time::MIN, 0.0);
            filter.end(route.state, like, |to, kept| onward.push((route.node, Onward::To(to, kept))));
            self.go_on(number, out);
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

/// Whether a result stands for what was before its end, as opposed to what was up to it.
fn has_edges(shape: &Shape) -> bool {
    matches!(shape, Shape::Time { .. } | Shape::Calendar { .. })
}
