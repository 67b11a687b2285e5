//! The loop. One input in, outputs out; the same inputs in the same order give the same outputs.
//!
//! Start reading here: [`Shard::step`] is all that can happen, [`Shard::read`] is the way of a reading. Beside it, in
//! `shard/`: `state` is what is kept of a device and a series, names become routes in `declare` and leave in `retire`,
//! versions of tables come in by `table`, what passing time brings about is in `passing`, whose readings meet in `meeting`,
//! what is open by now in `open`, what nodes pass on is heard in `tap`, and state goes to bytes and back in `snapshot`.
//!
//! Invariants. A reading is worked off row by row: a node never sees a later row of the same batch, so batch size
//! cannot matter. Nothing of one device reads the state of another, but where their readings meet, and then they share a slot: so
//! the number of shards cannot matter. Within an
//! input, outputs stand in the order of device name, node and ordinal.

mod state;
mod declare;
mod meeting;
mod passing;
mod open;
mod table;
mod retire;
mod snapshot;
mod tap;

use crate::detector::Moment;
use crate::lateness::LateCounts;
use crate::node::{Node, Onward, Subject};
use crate::output::{Aggregate, Output, What};
use crate::plan::Plan;
use crate::reading::{Batch, Flags, Quality, Reading, StreamClock, TICK};
use crate::series::{Declaration, Device, SLOTS, Series};
use crate::table::Table;
use crate::time::{Span, Time};
use hashbrown::HashMap;
use meeting::Groups;
use state::{AHEAD, DeviceFacts, Followed, Known, NEAR, NOT_OURS, Route, Shape, Spoken};
use std::sync::Arc;

/// Everything that can happen to a shard.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// New names. Every shard hears all of them and keeps its own.
    Declare(&'a [Declaration]),
    /// Readings and ticks in order of arrival. A shard gets its own readings and every tick.
    Batch(&'a Batch),
    /// From here on this is the version of the table of the join of this name. Every shard hears of it.
    Table(&'a str, &'a Arc<Table>),
    /// These devices are gone, as this number: what they have left comes out, and their room is free.
    Retire(u64, &'a [Device]),
    /// The input has ended, as this number: nothing is waited for any more, open windows close.
    End(u64),
    /// Give the state of a slot.
    Save(u8),
    /// Say what you expect of your series: a question of those who look on, which changes nothing.
    Expect,
    /// Say what the open windows of these series, and of what is derived from them, would say by now: likewise.
    Look(&'a [Series]),
    /// From now on give the readings that these nodes, and no others, pass on: likewise.
    Tap(&'a [u16]),
}

/// What a step gives. Reused from step to step, so that a quiet system allocates nothing.
#[derive(Debug, Default)]
pub struct Outputs {
    /// In order of place.
    pub list: Vec<Output>,
    /// The state of the slot after [`Input::Save`]; nothing where the shard has no device in it.
    pub saved: Vec<u8>,
    /// After [`Input::Expect`]: of a series, the lowest and the highest value that would be no anomaly.
    pub expected: Vec<(Series, f64, f64)>,
    /// After [`Input::Look`]: of each window that is open and has readings enough, by its position in the plan, what it
    /// would say if it closed when its device's clock is what it is.
    pub open: Vec<(u16, Aggregate)>,
    /// After [`Input::Tap`]: what each of those nodes has passed on, in the order in which it did, and how many there were
    /// beyond the bound of a step.
    pub tapped: Vec<(u16, Reading)>,
    /// See [`Outputs::tapped`].
    pub untold: u64,
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
    /// The channels of our series.
    channels: Vec<Known>,
    channel_by_name: HashMap<Box<str>, u32>,
    shapes: Vec<Shape>,
    /// Places that retired devices have left, and those of their series by shape.
    free_devices: Vec<u32>,
    free_series: Vec<Vec<u32>>,
    /// The devices of each slot, in the order of their numbers.
    by_slot: Vec<Vec<u32>>,
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
    /// Groups whose readings meet.
    groups: Groups,
    /// What features have just made of the reading in hand, with the places of the series that take it: first those of the
    /// walks that the last one is part of. Empty between two rows.
    made: Vec<(u32, f64)>,
    /// What filters and sessions have just let go, with the nodes that did. Empty between two walks.
    onward: Vec<(u16, Onward)>,
    /// The nodes that have just found an anomaly. Empty between two walks.
    found: Vec<u16>,
    late: LateCounts,
    /// Nodes that somebody listens to. No part of the state: it is not saved, and nothing follows from it.
    tapped: Vec<u16>,
    /// Readings of nobody that was declared.
    strays: u64,
}

impl Shard {
    /// A shard that owns the slots whose bits are set.
    pub fn new(plan: Arc<Plan>, slots: u64) -> Shard {
        let groups = Groups::new(&plan);
        let nodes =
            plan.operators.iter().map(|operator| groups.known_to(Node::new(&plan, operator))).collect::<Vec<_>>();
        Shard {
            plan,
            slots,
            owners: vec![Vec::new(); nodes.len()],
            nodes,
            devices: Vec::new(),
            facts: Vec::new(),
            series: Vec::new(),
            channels: Vec::new(),
            channel_by_name: HashMap::new(),
            shapes: Vec::new(),
            free_devices: Vec::new(),
            free_series: Vec::new(),
            by_slot: vec![Vec::new(); SLOTS],
            device_places: Vec::new(),
            series_places: Vec::new(),
            routes: Vec::new(),
            arrival_clocks: false,
            clock: StreamClock::default(),
            groups,
            made: Vec::new(),
            onward: Vec::new(),
            found: Vec::new(),
            late: LateCounts::default(),
            tapped: Vec::new(),
            strays: 0,
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
            Input::Table(name, table) => self.take_table(name, table),
            Input::Retire(number, devices) => self.retire(*number, devices, out),
            Input::End(number) => self.end(*number, out),
            Input::Save(slot) => self.save(*slot, &mut out.saved),
            Input::Expect => self.expect(out),
            Input::Look(series) => self.look(series, out),
            Input::Tap(nodes) => self.tapped = nodes.to_vec(),
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

    /// The way of a reading, top to bottom.
    #[inline(always)]
    fn read(&mut self, number: u64, mut reading: Reading, out: &mut Outputs) {
        let place = self.series_places.get(reading.series.0 as usize).copied().unwrap_or(NOT_OURS);
        let Some(series) = self.series.get(place as usize) else { return self.strays += 1 };
        let (low, high) = series.range;
        if !(low <= reading.value && reading.value <= high) {
            reading.quality = Quality::OutOfRange;
        }
        let (index, hears, joined) = (series.device, series.arriving > 0, series.joined);
        let device = &mut self.devices[index as usize];
        // The last moment of time is where clocks stand that have ended; a reading there (a device's "no time") goes
        // aside and moves nothing.
        if reading.time < device.order.watermark() || reading.time == Time::MAX {
            return self.late(number, place, reading, out);
        }
        if reading.time < device.order.latest() {
            self.late.lateness.add(device.order.latest().since(reading.time));
        }
        device.order.hear(reading.time);
        if !joined {
            self.join_groups(number, place, out);
        }
        let device = &mut self.devices[index as usize];
        if device.order.waits() {
            device.order.hold(reading);
            if hears {
                self.walk(number, place, self.series[place as usize].on_arrival(), &reading, out);
            }
            self.release(number, index, out);
        } else {
            if hears {
                self.walk(number, place, self.series[place as usize].on_arrival(), &reading, out);
            }
            self.follow(number, place, &reading, out);
        }
        self.close(number, index, out);
        if self.devices[index as usize].meets != 0 {
            self.meet(number, index, out);
        }
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
        let series = &self.series[place as usize];
        let (device, routes) = (series.device, series.in_order());
        if self.devices[device as usize].next_end <= reading.time {
            self.close_until(number, device, reading.time, out);
        }
        // Behind what ends before it: that has not seen this one.
        let series = &mut self.series[place as usize];
        series.seen = series.seen.saturating_add(u32::from(reading.quality == Quality::Good));
        series.first = series.first.min(reading.time);
        self.walk(number, place, routes, reading, out);
        if reading.flags.has(Flags::END_OF_MESSAGE) && self.devices[device as usize].gathers {
            self.settle_points(number, device, out);
        }
    }

    /// Gives a reading to each node of a list. (Split into fields, so that the list, the nodes and the device can be
    /// held at the same time and are looked up once.)
    #[inline(always)]
    fn walk(&mut self, number: u64, place: u32, routes: (u32, u32), reading: &Reading, out: &mut Outputs) {
        let Shard { series, devices, nodes, routes: all, clock, made, onward, found, .. } = self;
        let first = made.len();
        let (of, behind) = (series[place as usize].device, series[place as usize].behind);
        let device = &mut devices[of as usize];
        for route in &all[routes.0 as usize..routes.1 as usize] {
            if reading.quality != Quality::Good && !route.takes_bad {
                continue;
            }
            match &mut nodes[route.node as usize] {
                Node::Window(window) => {
                    let upto = Span(i64::from(reading.flags.has(Flags::UP_TO)));
                    let opened = window.take(route.state, reading, reading.time - upto, found);
                    if !behind {
                        device.next_end = device.next_end.min(opened);
                    }
                }
                Node::Compress(filter) => {
                    filter.observe(route.state, reading, |to, kept| onward.push((route.node, Onward::To(to, kept))));
                }
                Node::Feature(features) => {
                    let before = made.len();
                    features.observe(route.state, reading, made);
                    if !onward.is_empty() {
                        queue(made.drain(before..), reading, route.node, onward);
                    }
                }
                Node::Table(table) => {
                    table.observe(route.state, reading, |to, made| onward.push((route.node, Onward::To(to, made))));
                }
                Node::Points(points) => {
                    points.observe(route.state, route.port, reading, &mut |it| onward.push((route.node, it)));
                    device.gathers = true;
                    device.next_end = device.next_end.min(points.next(route.state));
                    if points.stops(route.port) {
                        break;
                    }
                }
                Node::Meet(meet) => {
                    if route.state != NOT_OURS {
                        device.meets |= meet.kind;
                        meet.observe(route.state, route.port, reading);
                    }
                }
                node => {
                    let here = &series[place as usize];
                    let watermark = if behind { reading.time } else { device.order.watermark() };
                    let time = reading.time;
                    let at = Moment { time, watermark, range: here.range };
                    let subject = Subject { series: here.series, seen: series[here.origin as usize].seen };
                    let speaker = Speaker { number, device: device.device, node: route.node };
                    let before = out.list.len();
                    judge(node, route.state, at, clock.heard(time), reading.value, subject, speaker, out);
                    if out.list.len() > before {
                        note(out, before, found);
                    }
                }
            }
        }
        found.clear();
        if made.len() > first {
            self.go_on_as_made(number, first, reading, out);
        }
        if !self.onward.is_empty() {
            self.go_on(number, out);
        }
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

/// What a feature has made waits behind what another node has let go before.
#[cold]
fn queue(made: impl Iterator<Item = (u32, f64)>, of: &Reading, node: u16, onward: &mut Vec<(u16, Onward)>) {
    onward.extend(made.map(|(to, value)| (node, Onward::To(to, Reading { value, ..*of }))));
}

/// Keeps in mind that a detector has just found anomalies, for windows that count them.
#[cold]
fn note(out: &Outputs, before: usize, found: &mut Vec<u16>) {
    let anomalies = out.list[before..].iter().filter(|output| matches!(output.what, What::Anomaly(_)));
    found.extend(anomalies.map(|output| output.node));
}

/// Late readings stand before what any operator says.
pub const LATE_NODE: u16 = 0;

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
        self.expected.clear();
        self.open.clear();
        self.tapped.clear();
        self.untold = 0;
    }
}
