//! Names become places and routes: which nodes take a series, and where its state stands in each.

use super::Shard;
use super::state::{DeviceFacts, Followed, Known, Late, NOBODY, NOT_OURS, Passed, Route, Shape as Room, Spoken};
use crate::node::{Node, Points};
use crate::order::Order;
use crate::plan::{Keep, Operator, Plan, Shape, WindowSpec, Work};
use crate::point::Port;
use crate::series::{Declaration, Device, Names, Series, Timing};
use crate::time::Time;

impl Shard {
    pub(super) fn declare(&mut self, declaration: &Declaration) {
        match declaration {
            Declaration::Device { device, name, timing, tags } => self.declare_device(*device, name, *timing, tags),
            Declaration::Series { series, device, channel } => self.declare_series(*series, *device, channel),
        }
    }

    /// A device comes to life; one that lives already is left as it is.
    pub(super) fn declare_device(&mut self, device: Device, name: &str, timing: Timing, tags: &[(String, String)]) {
        let slot = self.plan.slot(name, tags);
        if self.slots & (1 << slot) == 0 {
            return put(&mut self.device_places, device.0, NOT_OURS);
        }
        if self.place_of(device).is_some() {
            return;
        }
        self.arrival_clocks |= timing.arrival;
        let spoken = Spoken { order: Order::new(timing), next_end: Time::MAX, device, gathers: false, meets: 0 };
        let asked = self.nodes.iter().any(|node| matches!(node, Node::Points(_) | Node::Meet(_)));
        let tags = if asked { tags.into() } else { Box::default() };
        let facts = DeviceFacts { name: name.into(), tags, slot, ..DeviceFacts::default() };
        let place = self.free_devices.pop().unwrap_or(self.devices.len() as u32);
        if place as usize == self.devices.len() {
            self.devices.push(spoken);
            self.facts.push(facts);
        } else {
            (self.devices[place as usize], self.facts[place as usize]) = (spoken, facts);
        }
        put(&mut self.device_places, device.0, place);
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
        let channel = self.channel(channel);
        let Known { shape, range, late, passed, .. } = self.channels[channel as usize];
        let place = self.free_series[shape as usize].pop().unwrap_or_else(|| self.make_room(shape));
        put(&mut self.series_places, series.0, place);
        self.enter_points(device, place, series, channel);
        self.enter_tables(device, place, channel);
        self.enter_groups(device, place, channel);
        let Fed { origin, behind, is_worked_out } = self.feed(device, place, channel).unwrap_or(Fed::itself(place));
        let joined = !self.plan.has_groups();
        let followed = &mut self.series[place as usize];
        *followed = Followed {
            series,
            device,
            origin,
            channel,
            seen: 0,
            first: Time::MAX,
            range,
            behind,
            is_worked_out,
            joined,
            late,
            passed,
            ..*followed
        };
        let Shard { facts, series: all, .. } = self;
        let facts = &mut facts[device as usize].series;
        let at = facts.partition_point(|&other| all[other as usize].series < series);
        facts.insert(at, place);
        self.feed_formulas(device);
    }

    /// What a formula makes is named by its section alone, so under another config it may have been declared before what it is made
    /// of: it is looked for again.
    fn feed_formulas(&mut self, device: u32) {
        for at in 0..self.facts[device as usize].series.len() {
            let place = self.facts[device as usize].series[at];
            let Followed { channel, is_worked_out, .. } = self.series[place as usize];
            if is_worked_out || !self.channels[channel as usize].of_formula {
                continue;
            }
            let Some(Fed { behind, .. }) = self.feed(device, place, channel) else { continue };
            self.series[place as usize].is_worked_out = true;
            for other in &self.facts[device as usize].series {
                let other = &mut self.series[*other as usize];
                other.behind |= behind && other.origin == place;
            }
        }
    }

    /// Our number of a channel, with the nodes that take it.
    fn channel(&mut self, name: &str) -> u32 {
        if let Some(&known) = self.channel_by_name.get(name) {
            return known;
        }
        let facts = self.plan.channels.iter().find(|facts| facts.name == name);
        let range = facts.and_then(|facts| facts.range).unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let every = facts.and_then(|facts| facts.every);
        let windows = self.plan.operators.iter().filter(|operator| operator.on.iter().any(|on| on == name));
        let late = Late::of(windows.filter_map(|operator| match &operator.work {
            Work::Window(spec) => Some(spec.when_late),
            _ => None,
        }));
        // Groups have an order of their own, in which what a device still holds back for stragglers is not missed when the device
        // falls silent; but what a filter may drop must not be let past it.
        let drops = |operator: &Operator| matches!(&operator.work, Work::Filter(spec) if spec.drop && operator.on.iter().any(|on| on == name));
        let is_dropped = self.plan.operators.iter().any(drops);
        let as_it_arrives = |node: &Node| if matches!(node, Node::Meet(_)) { !is_dropped } else { node.timed() };
        let takes = |timed: bool| {
            let operators = self.plan.operators.iter().zip(&self.nodes).enumerate();
            let takes = operators.filter(|(_, (operator, node))| as_it_arrives(node) == timed && operator.takes(name));
            takes.map(|(index, _)| index as u16).collect()
        };
        let shape = Room { in_order: takes(false), on_arrival: takes(true) };
        let known = self.shapes.iter().position(|known| *known == shape);
        let shape = known.unwrap_or_else(|| {
            self.shapes.push(shape);
            self.free_series.push(Vec::new());
            self.shapes.len() - 1
        }) as u32;
        let number = self.channels.len() as u32;
        let made = |operator: &Operator| operator.derived("").iter().any(|made| made == name);
        let formulas = self.plan.operators.iter().filter(|operator| matches!(operator.work, Work::Formula(_)));
        let of_formula = formulas.into_iter().any(made);
        self.channels.push(Known {
            name: name.into(),
            of_formula,
            range,
            every,
            shape,
            late,
            passed: Passed::of(&self.plan, name),
        });
        self.channel_by_name.insert(name.into(), number);
        number
    }

    /// Room for one more series: a state in every node that takes it, listed side by side.
    fn make_room(&mut self, shape: u32) -> u32 {
        let (place, routes) = (self.series.len() as u32, self.routes.len() as u32);
        let Room { in_order, on_arrival } = &self.shapes[shape as usize];
        for &index in in_order.iter().chain(on_arrival) {
            let node = &mut self.nodes[usize::from(index)];
            let (takes_bad, state) = (node.takes_bad(), node.add());
            self.routes.push(Route { node: index, takes_bad, port: Port::new(false, None), state });
            self.owners[usize::from(index)].push(place);
        }
        let (ordered, arriving) = (in_order.len() as u16, on_arrival.len() as u16);
        let (device, origin, range) = (NOT_OURS, place, (f64::NEG_INFINITY, f64::INFINITY));
        self.series.push(Followed {
            series: NOBODY,
            device,
            origin,
            seen: 0,
            channel: 0,
            first: Time::MAX,
            routes,
            ordered,
            arriving,
            behind: false,
            is_worked_out: false,
            joined: true,
            late: Late::default(),
            passed: Passed::NOBODY,
            range,
        });
        place
    }

    /// Nodes that judge points have one state for all channels of a device: the routes of a series lead there.
    fn enter_points(&mut self, device: u32, place: u32, series: Series, channel: u32) {
        let Shard { series: all, routes, nodes, facts, plan, channels, .. } = self;
        let DeviceFacts { points, tags, .. } = &mut facts[device as usize];
        let Known { name, every, .. } = &channels[channel as usize];
        let (from, to) = all[place as usize].in_order();
        for route in &mut routes[from as usize..to as usize] {
            let Node::Points(node) = &mut nodes[usize::from(route.node)] else { continue };
            let operator = &plan.operators[usize::from(route.node)];
            let known = points.iter().find(|known| known.0 == route.node);
            let state = known.map_or_else(|| node.enter(tags), |known| known.1);
            if known.is_none() {
                points.push((route.node, state));
                points.sort_unstable();
            }
            // A formula has what it needs of a reading with its value.
            let waits = !matches!(node, Points::Formula(_)) && operator.on.iter().any(|on| **on == **name);
            route.port = Port::new(waits, operator.asks().position(|asked| *asked == **name));
            route.state = state;
            if waits && let Some(over) = node.over(state) {
                over.take_in(series, *every);
            }
        }
    }

    /// If this channel is what a window, a filter, a feature or a formula makes of another channel of the device, that will feed it.
    fn feed(&mut self, device: u32, derived: u32, channel: u32) -> Option<Fed> {
        let channel = &*self.channels[channel as usize].name.clone();
        if !channel.contains('.') || !self.plan.wants(channel) {
            return None;
        }
        if self.feed_of_group(device, derived, channel) {
            return Some(Fed { origin: derived, behind: true, is_worked_out: true });
        }
        for source in &self.facts[device as usize].series {
            let source = &self.series[*source as usize];
            let (from, to) = source.all();
            for route in &self.routes[from as usize..to as usize] {
                let node = &mut self.nodes[route.node as usize];
                if !matches!(
                    node,
                    Node::Window(_)
                        | Node::Compress(_)
                        | Node::Feature(_)
                        | Node::Points(_)
                        | Node::Meet(_)
                        | Node::Table(_)
                ) {
                    continue;
                }
                let source_channel = &self.channels[source.channel as usize].name;
                let operator = &self.plan.operators[route.node as usize];
                if !operator.on.iter().any(|on| **on == **source_channel) {
                    continue;
                }
                let names = operator.derived(source_channel);
                let Some(index) = names.iter().position(|name| *name == *channel) else { continue };
                let (mut origin, mut behind) = (source.origin, source.behind);
                match node {
                    Node::Window(window) => {
                        window.feeds[route.state as usize].push((index as u16, derived));
                        behind |= matches!(window.spec.shape, Shape::Session(_));
                    }
                    Node::Points(Points::Filter(filter)) => filter.feed(route.state, source.series, derived),
                    // Of its channels this is the first that the device has; the others find it fed.
                    Node::Points(Points::Formula(formula)) => {
                        formula.feed(route.state, derived);
                        origin = derived;
                    }
                    Node::Points(points) => {
                        if let Some(over) = points.over(route.state) {
                            over.feed(source.series, (index as u16, derived));
                        }
                        behind |= matches!(operator.work, Work::Window(WindowSpec { shape: Shape::Session(_), .. }));
                    }
                    // Where its device is in no group nobody says anything of it.
                    Node::Meet(meet) => {
                        if route.state != NOT_OURS {
                            meet.feed(route.state, source.series, index, derived);
                        }
                        behind = true;
                    }
                    Node::Table(table) => table.feed(route.state, index as u16, derived),
                    Node::Compress(filter) => {
                        filter.feeds[route.state as usize] = Some(derived);
                        behind |= matches!(filter.spec.by, Keep::SwingingDoor { .. });
                    }
                    Node::Feature(features) => features.feed(route.state, index, derived),
                    _ => {}
                }
                return Some(Fed { origin, behind, is_worked_out: origin == derived });
            }
        }
        None
    }
}

/// What a derived series is fed by.
struct Fed {
    /// The series of readings at the beginning of the chain; of what a formula makes of several, that series itself.
    origin: u32,
    /// Whether it will come behind its device's clock.
    behind: bool,
    is_worked_out: bool,
}

impl Fed {
    /// Nobody: it is a series of readings.
    fn itself(place: u32) -> Fed {
        Fed { origin: place, behind: false, is_worked_out: false }
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
                    self.declare_groups(names, *device, channel);
                }
            }
            all.extend(fresh);
        }
    }

    /// The same for every series that is known already: a plan that was changed may take what an earlier one did not.
    pub fn declare_known(&self, names: &mut Names) -> Vec<Declaration> {
        for number in 0..names.series_count() {
            let (device, channel) = names.of(Series(number as u32));
            let channel = names.channel_name(channel).to_owned();
            for derived in self.wanted(&channel) {
                let derived = names.channel(&derived);
                names.series(device, derived);
            }
            self.declare_groups(names, device, &channel);
        }
        self.declare(names)
    }

    /// The channels derived from `channel` that some operator takes, or whose readings come out.
    fn wanted(&self, channel: &str) -> Vec<String> {
        let makers = self.operators.iter().filter(|operator| operator.on.iter().any(|on| on == channel));
        let derived = makers.flat_map(|operator| operator.derived(channel));
        derived.filter(|name| self.wants(name)).collect()
    }

    /// Whether somebody takes this channel.
    pub(crate) fn wants(&self, channel: &str) -> bool {
        self.said.iter().any(|said| said == channel) || self.operators.iter().any(|operator| operator.takes(channel))
    }
}
