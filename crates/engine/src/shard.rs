//! The loop. One input in, outputs out; the same inputs in the same order give the same outputs.
//!
//! Start reading here: [`Shard::step`] is all that can happen, [`Shard::read`] is the way of a reading. Names become
//! routes in `declare`; state goes to bytes and back in `snapshot`.
//!
//! Invariants. A reading is worked off row by row: a node never sees a later row of the same batch, so batch size
//! cannot matter. Nothing of one device reads the state of another, so the number of shards cannot matter. Within an
//! input, outputs stand in the order of device name, node and ordinal.

mod declare;
mod snapshot;

use crate::detector::Moment;
use crate::node::{Node, Subject};
use crate::order::Order;
use crate::output::{Aggregate, Output, What};
use crate::plan::{Plan, Statistic};
use crate::reading::{Batch, Flags, Quality, Reading, StreamClock, TICK};
use crate::series::{Declaration, Device, Series};
use crate::time::{Span, Time};
use std::sync::Arc;

/// Everything that can happen to a shard.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// New names. Every shard hears all of them and keeps its own.
    Declare(&'a [Declaration]),
    /// Readings and ticks in order of arrival. A shard gets its own readings and every tick.
    Batch(&'a Batch),
    /// The input has ended, as this number: nothing is waited for any more, open windows close.
    End(u64),
    /// Give the state of your slots.
    Save,
}

/// What a step gives. Reused from step to step, so that a quiet system allocates nothing.
#[derive(Debug, Default)]
pub struct Outputs {
    /// In order of place.
    pub list: Vec<Output>,
    /// The state of each slot that has any, after [`Input::Save`].
    pub saved: Vec<(u8, Vec<u8>)>,
}

/// One thread's share of the devices, with all their state.
#[derive(Debug)]
pub struct Shard {
    plan: Arc<Plan>,
    /// The slots that are ours, a bit each.
    slots: u64,
    nodes: Vec<Node>,
    /// Our devices and series; others refer to them by their place here.
    devices: Vec<Spoken>,
    facts: Vec<DeviceFacts>,
    series: Vec<Followed>,
    /// The channel of each series.
    channels: Vec<String>,
    /// From the stream's numbers to our places; [`NOT_OURS`] for those of other shards.
    device_places: Vec<u32>,
    series_places: Vec<u32>,
    /// What is to be done for each series, its entries side by side.
    routes: Vec<Route>,
    /// For each node, the series of each of its states.
    owners: Vec<Vec<u32>>,
    /// Whether any device's clock is the clock of arrival, which ticks move.
    arrival_clocks: bool,
    clock: StreamClock,
}

const NOT_OURS: u32 = u32::MAX;

/// Rows whose state is fetched together.
const AHEAD: usize = 16;

/// The state of this many series is in the processor's own cache anyway: looking ahead gains nothing at 1 000 series,
/// and takes a reading at 100 000 from about 320 ns to 130 ns.
const NEAR: usize = 1_500;

/// A device of ours, as far as each reading needs it.
#[derive(Debug)]
struct Spoken {
    order: Order,
    /// No window of it ends before this; [`Time::MAX`] if none is open.
    next_end: Time,
    device: Device,
}

/// What is seldom needed of a device.
#[derive(Debug)]
struct DeviceFacts {
    name: String,
    slot: u8,
    /// Its series and their channels, in the order of declaration.
    series: Vec<(u32, String)>,
}

/// A series of ours.
#[derive(Debug)]
struct Followed {
    series: Series,
    device: u32,
    /// The series of readings that it is derived from, or itself.
    origin: u32,
    /// Readings so far.
    seen: u32,
    /// Plausible values, both ends included; everything where nothing is known.
    range: (f64, f64),
    /// Nodes that take it in order of time, and those that take it as it arrives: ranges of `routes`.
    in_order: (u32, u32),
    on_arrival: (u32, u32),
}

/// One node that takes a series, and the place of its state there.
#[derive(Clone, Copy, Debug)]
struct Route {
    node: u16,
    takes_bad: bool,
    state: u32,
}

impl Shard {
    /// A shard that owns the slots whose bits are set.
    pub fn new(plan: Arc<Plan>, slots: u64) -> Shard {
        let nodes = plan.operators.iter().map(Node::new).collect::<Vec<_>>();
        Shard {
            plan,
            slots,
            owners: vec![Vec::new(); nodes.len()],
            nodes,
            devices: Vec::new(),
            facts: Vec::new(),
            series: Vec::new(),
            channels: Vec::new(),
            device_places: Vec::new(),
            series_places: Vec::new(),
            routes: Vec::new(),
            arrival_clocks: false,
            clock: StreamClock::default(),
        }
    }

    /// One step. Inputs come in one order; the same inputs give the same outputs.
    pub fn step(&mut self, input: &Input, out: &mut Outputs) {
        match input {
            Input::Declare(declarations) => declarations.iter().for_each(|d| self.declare(d)),
            Input::Batch(batch) => {
                for (chunk, rows) in batch.rows.chunks(AHEAD).enumerate() {
                    if self.series.len() > NEAR {
                        self.look_ahead(rows);
                    }
                    for (index, row) in rows.iter().enumerate() {
                        self.row(batch.number(chunk * AHEAD + index), row, out);
                    }
                }
            }
            Input::End(number) => self.end(*number, out),
            Input::Save => out.saved = self.save(),
        }
    }

    /// One row of a batch, and the order of what it brings about.
    #[inline(always)]
    fn row(&mut self, number: u64, row: &Reading, out: &mut Outputs) {
        let start = out.list.len();
        match row.series {
            TICK => self.tick(number, row, out),
            _ => self.read(number, *row, out),
        }
        if out.list.len() > start + 1 {
            self.settle(start, out);
        }
    }

    /// Touches what the next rows will need, so that it is in the cache when their turn comes. The state of a series
    /// is three steps through memory away, and a row is too long for the processor to see past it; here the steps of
    /// many rows run side by side ("group prefetching", Chen, Ailamaki, Gibbons, Mowry 2004). Changes nothing.
    #[inline]
    fn look_ahead(&self, rows: &[Reading]) {
        let mut touched = 0;
        for row in rows {
            let Some(&place) = self.series_places.get(row.series.0 as usize) else { continue };
            let Some(series) = self.series.get(place as usize) else { continue };
            let device = &self.devices[series.device as usize];
            touched ^= device.next_end.0 ^ device.order.touch();
            if let Some(route) = self.routes.get(series.in_order.0 as usize) {
                touched ^= self.nodes[route.node as usize].touch(route.state);
            }
        }
        std::hint::black_box(touched);
    }

    /// The way of a reading, top to bottom.
    #[inline(always)]
    fn read(&mut self, number: u64, mut reading: Reading, out: &mut Outputs) {
        let place = self.series_places[reading.series.0 as usize];
        let Some(series) = self.series.get(place as usize) else { return };
        let (low, high) = series.range;
        if !(low <= reading.value && reading.value <= high) {
            reading.quality = Quality::OutOfRange;
        }
        let (index, hears) = (series.device, series.on_arrival.0 < series.on_arrival.1);
        let device = &mut self.devices[index as usize];
        if reading.time < device.order.watermark() {
            return out.late(number, device.device, reading);
        }
        device.order.hear(reading.time);
        if device.order.waits() {
            device.order.hold(reading);
            if hears {
                self.walk(number, place, self.series[place as usize].on_arrival, &reading, out);
            }
            self.release(number, index, out);
        } else {
            if hears {
                self.walk(number, place, self.series[place as usize].on_arrival, &reading, out);
            }
            self.follow(number, place, &reading, out);
        }
        self.close(number, index, out);
    }

    /// What a device held back and may now go on, in order of time.
    #[inline(always)]
    fn release(&mut self, number: u64, device: u32, out: &mut Outputs) {
        while let Some(reading) = self.devices[device as usize].order.release() {
            self.follow(number, self.series_places[reading.series.0 as usize], &reading, out);
        }
    }

    /// A reading in its turn: first the windows that end before it, then every node that takes it.
    #[inline(always)]
    fn follow(&mut self, number: u64, place: u32, reading: &Reading, out: &mut Outputs) {
        let series = &mut self.series[place as usize];
        series.seen = series.seen.saturating_add(u32::from(reading.quality == Quality::Good));
        let (device, routes) = (series.device, series.in_order);
        while self.devices[device as usize].next_end <= reading.time {
            self.close_next(number, device, out);
        }
        self.walk(number, place, routes, reading, out);
    }

    /// Gives a reading to each node of a list. (Split into fields, so that the list, the nodes and the device can be
    /// held at the same time and are looked up once.)
    #[inline(always)]
    fn walk(&mut self, number: u64, place: u32, routes: (u32, u32), reading: &Reading, out: &mut Outputs) {
        let Shard { series, devices, nodes, routes: all, clock, .. } = self;
        let device = &mut devices[series[place as usize].device as usize];
        for route in &all[routes.0 as usize..routes.1 as usize] {
            if reading.quality != Quality::Good && !route.takes_bad {
                continue;
            }
            match &mut nodes[route.node as usize] {
                Node::Window(window) => {
                    let upto = Span(i64::from(reading.flags.has(Flags::UP_TO)));
                    let opened = window.add(route.state, reading.time - upto, reading.value);
                    device.next_end = device.next_end.min(opened);
                }
                node => {
                    let here = &series[place as usize];
                    let (time, watermark) = (reading.time, device.order.watermark());
                    let at = Moment { time, watermark, range: here.range };
                    let subject = Subject { series: here.series, seen: series[here.origin as usize].seen };
                    let speaker = Speaker { number, device: device.device, node: route.node };
                    judge(node, route.state, at, clock.heard(time), reading.value, subject, speaker, out);
                }
            }
        }
    }

    /// Closes the windows that a device's watermark has reached, in order of their ends, and follows what they give.
    #[inline]
    fn close(&mut self, number: u64, device: u32, out: &mut Outputs) {
        loop {
            let spoken = &self.devices[device as usize];
            if spoken.next_end > spoken.order.watermark() || spoken.next_end == Time::MAX {
                return;
            }
            self.close_next(number, device, out);
        }
    }

    #[inline(never)]
    fn close_next(&mut self, number: u64, device: u32, out: &mut Outputs) {
        let end = std::mem::replace(&mut self.devices[device as usize].next_end, Time::MAX);
        let mut next = Time::MAX;
        for index in 0..self.facts[device as usize].series.len() {
            let place = self.facts[device as usize].series[index].0;
            let (from, to) = self.series[place as usize].in_order;
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
                    self.walk(number, derived, self.series[derived as usize].in_order, &reading, out);
                }
            }
        }
        // Windows over derived channels may have been opened on the way; they stand in `next_end` already.
        let device = &mut self.devices[device as usize];
        device.next_end = device.next_end.min(next);
    }

    /// The stream's clock has moved: arrival-time clocks with it, and what timed detectors have to say.
    #[inline(never)]
    fn tick(&mut self, number: u64, tick: &Reading, out: &mut Outputs) {
        self.clock.tick(tick);
        let now = self.clock.now();
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

    fn end(&mut self, number: u64, out: &mut Outputs) {
        let start = out.list.len();
        for device in 0..self.devices.len() as u32 {
            self.devices[device as usize].order.end();
            self.release(number, device, out);
            self.close(number, device, out);
        }
        self.settle(start, out);
    }

    /// Puts the outputs of one input in their order: device name, node, channel name.
    #[inline(never)]
    fn settle(&self, start: usize, out: &mut Outputs) {
        let said = &mut out.list[start..];
        let device = |of: &Output| &self.facts[self.device_places[of.device.0 as usize] as usize].name;
        let channel = |of: &Output| &self.channels[self.series_places[of.what.series().0 as usize] as usize];
        let by_node = |a: &Output, b: &Output| a.node.cmp(&b.node).then_with(|| channel(a).cmp(channel(b)));
        said.sort_by(|a, b| device(a).cmp(device(b)).then_with(|| by_node(a, b)));
        for i in 1..said.len() {
            let same = said[i - 1].device == said[i].device && said[i - 1].node == said[i].node;
            said[i].ordinal = if same { said[i - 1].ordinal.saturating_add(1) } else { 0 };
        }
    }

    /// Bytes that the operators keep for all series.
    pub fn bytes(&self) -> usize {
        self.nodes.iter().map(Node::bytes).sum::<usize>()
            + self
                .devices
                .iter()
                .map(|d| size_of::<Spoken>() + size_of::<DeviceFacts>() + d.order.heap_bytes())
                .sum::<usize>()
            + self.series.capacity() * size_of::<Followed>()
            + self.routes.capacity() * size_of::<Route>()
    }
}

/// Whose word an output is.
#[derive(Clone, Copy)]
struct Speaker {
    number: u64,
    device: Device,
    node: u16,
}

/// A detector's turn. Apart from `walk`, so that readings which only windows take do not pay for its frame.
#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "one call site; a struct would only move the list")]
fn judge(
    node: &mut Node,
    state: u32,
    at: Moment,
    heard: Time,
    value: f64,
    subject: Subject,
    by: Speaker,
    out: &mut Outputs,
) {
    node.observe(state, at, heard, value, subject, |what| out.say(by.number, by.device, by.node, what));
}

/// Late readings stand before what any operator says.
pub const LATE_NODE: u16 = 0;

fn of(aggregate: &Aggregate, statistic: Statistic) -> f64 {
    match statistic {
        Statistic::Count => aggregate.count as f64,
        Statistic::Mean => aggregate.mean,
        Statistic::Std => aggregate.std,
        Statistic::Min => aggregate.min,
        Statistic::Max => aggregate.max,
    }
}

impl Outputs {
    /// Adds an output; its ordinal is given when the input is settled.
    fn say(&mut self, input: u64, device: Device, node: u16, what: What) {
        self.list.push(Output { input, device, node, ordinal: 0, what });
    }

    #[cold]
    fn late(&mut self, input: u64, device: Device, mut reading: Reading) {
        reading.flags = reading.flags.with(Flags::LATE);
        self.say(input, device, LATE_NODE, What::Late(reading));
    }

    /// Forgets what was given, and keeps the room.
    pub fn clear(&mut self) {
        self.list.clear();
        self.saved.clear();
    }
}
