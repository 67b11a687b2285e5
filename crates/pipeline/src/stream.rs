//! A whole stream in one thread: shards and fleet, stretch by stretch, saved and resumed.
//!
//! This is what `replay` runs on one core, and what every law is tested on: the same stretches cut elsewhere, on
//! another number of shards, or resumed from a checkpoint in between, give the same outputs.

use crate::counted::Counted;
use crate::intake::Stretch;
use ouzel_engine::checkpoint::Checkpoint;
use ouzel_engine::filter::Kept;
use ouzel_engine::fleet::Fleet;
use ouzel_engine::output::{Aggregate, Alert, Output};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, Reading, StreamClock, TICK};
use ouzel_engine::series::{Declaration, Device, Names, SLOTS, Series};
use ouzel_engine::shard::{Input, Outputs, Shard};
use ouzel_engine::table::Table;
use ouzel_engine::time::{Span, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Shards and fleet of one stream.
pub struct Stream {
    shards: Vec<Shard>,
    fleet: Fleet,
    /// The versions of tables in force, by the names of their joins; shards have them, too, by reference.
    tables: BTreeMap<String, Arc<Table>>,
    names: Names,
    split: Split,
    next_input: u64,
    clock: StreamClock,
    out: Outputs,
}

impl Stream {
    /// A stream that has seen nothing, on this many shards (at least one).
    pub fn new(plan: &Arc<Plan>, shards: usize) -> Stream {
        Stream {
            shards: (0..shards).map(|index| Shard::new(Arc::clone(plan), slots_of(index, shards))).collect(),
            fleet: Fleet::new(plan),
            tables: BTreeMap::new(),
            names: Names::new(),
            split: Split::new(plan, shards),
            next_input: 0,
            clock: StreamClock::default(),
            out: Outputs::default(),
        }
    }

    /// A stream that goes on from a checkpoint, on any number of shards.
    ///
    /// # Errors
    /// When the checkpoint's parts cannot be read; says which.
    pub fn resume(plan: &Arc<Plan>, shards: usize, checkpoint: &Checkpoint) -> Result<Stream, String> {
        let mut stream = Stream::begin(plan, shards, &checkpoint.names, checkpoint.clock, checkpoint.next_input);
        for (name, table) in &checkpoint.tables {
            stream.take_table(name, &Arc::new(table.clone()));
        }
        checkpoint.slots.iter().try_for_each(|(slot, bytes)| stream.restore_slot(*slot, bytes))?;
        stream.restore_fleet(&checkpoint.fleet)?;
        Ok(stream)
    }

    /// A stream that goes on with these names and this clock, before its slots and its fleet are taken back. Its
    /// devices come to life with their slots: one that no slot has is retired, and must be declared again to be heard.
    pub fn begin(
        plan: &Arc<Plan>,
        shards: usize,
        names: &[Declaration],
        clock: StreamClock,
        next_input: u64,
    ) -> Stream {
        let mut stream = Stream::new(plan, shards);
        names.iter().for_each(|declaration| stream.names.follow(declaration));
        stream.split.learn(&stream.names, &[]);
        stream.fleet.resume(clock);
        stream.shards.iter_mut().for_each(|shard| shard.resume(clock));
        (stream.next_input, stream.clock) = (next_input, clock);
        stream
    }

    /// Takes back what [`Stream::save_slots`] gave of a slot.
    ///
    /// # Errors
    /// When the bytes cannot be read; says which slot and why.
    pub fn restore_slot(&mut self, slot: u8, bytes: &[u8]) -> Result<(), String> {
        let Stream { shards, names, .. } = self;
        // Each takes its own: a change of the config may have given devices other keys, and so other slots.
        shards
            .iter_mut()
            .try_for_each(|shard| shard.restore(bytes, names))
            .map_err(|why| format!("slot {slot}: {}", why.0))
    }

    /// Takes back what [`Stream::fleet_bytes`] gave.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    pub fn restore_fleet(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.fleet.restore(bytes).map_err(|why| format!("the alert book: {why}"))
    }

    /// Works off one stretch; adds what comes out to `outputs`, in order.
    pub fn step(&mut self, stretch: &Stretch, outputs: &mut Vec<Output>) {
        if let Some((number, device)) = stretch.moved {
            return self.retire(number, &[device], outputs);
        }
        stretch.tables.iter().for_each(|(name, table)| self.take_table(name, table));
        self.declare(&stretch.declarations);
        self.out.clear();
        if let [shard] = &mut self.shards[..] {
            shard.step(&Input::Batch(&stretch.batch), &mut self.out);
        } else {
            for (shard, batch) in self.shards.iter_mut().zip(self.split.batches(&stretch.batch)) {
                shard.step(&Input::Batch(&batch), &mut self.out);
            }
        }
        if let Some(number) = stretch.end {
            self.shards.iter_mut().for_each(|shard| shard.step(&Input::End(number), &mut self.out));
        }
        self.next_input =
            stretch.end.map(|end| end + 1).unwrap_or(stretch.batch.first + stretch.batch.rows.len() as u64);
        stretch.ticks.iter().for_each(|(_, tick)| self.clock.tick(tick));
        self.fleet.gather(&mut self.out.list, self.shards.len(), &stretch.ticks, stretch.end, &self.names);
        outputs.append(&mut self.out.list);
    }

    /// Retires devices, as the input of this number, which is nobody else's: the windows that they have open are given,
    /// their alerts are cleared, and their room is free. A device that is declared again begins afresh under its old
    /// numbers ([`Names::declarations_of`]); until then its readings go nowhere, and are counted ([`Stream::strays`]).
    pub fn retire(&mut self, number: u64, devices: &[Device], outputs: &mut Vec<Output>) {
        self.out.clear();
        self.shards.iter_mut().for_each(|shard| shard.step(&Input::Retire(number, devices), &mut self.out));
        self.next_input = self.next_input.max(number + 1);
        self.fleet.retire(&mut self.out.list, self.shards.len(), (number, devices), &self.names);
        outputs.append(&mut self.out.list);
    }

    /// From here on this is the version of the table of the join called `name`, for all devices; one without a row and without
    /// a column: there is no table any more.
    pub fn take_table(&mut self, name: &str, table: &Arc<Table>) {
        self.shards.iter_mut().for_each(|shard| shard.step(&Input::Table(name, table), &mut self.out));
        if **table == Table::default() {
            self.tables.remove(name);
        } else {
            self.tables.insert(name.to_owned(), Arc::clone(table));
        }
    }

    /// The versions of tables in force, by the names of their joins.
    pub fn tables(&self) -> &BTreeMap<String, Arc<Table>> {
        &self.tables
    }

    fn declare(&mut self, declarations: &[Declaration]) {
        if declarations.is_empty() {
            return;
        }
        declarations.iter().for_each(|declaration| self.names.follow(declaration));
        self.split.learn(&self.names, declarations);
        self.shards.iter_mut().for_each(|shard| shard.step(&Input::Declare(declarations), &mut self.out));
    }

    /// The state between two stretches.
    pub fn save(&mut self) -> Checkpoint {
        let mut slots = Vec::new();
        self.save_slots(|slot, bytes| slots.push((slot, bytes.to_vec())));
        Checkpoint {
            names: self.names.declarations(),
            next_input: self.next_input,
            clock: self.clock,
            slots,
            fleet: self.fleet.save(),
            tables: self.tables.iter().map(|(name, table)| (name.clone(), Table::clone(table))).collect(),
        }
    }

    /// The state of each slot that has a device, in order, one at a time in the same room: a checkpoint of a large
    /// fleet would otherwise stand in memory beside it. The bytes do not depend on the number of shards.
    pub fn save_slots(&mut self, mut take: impl FnMut(u8, &[u8])) {
        let shards = self.shards.len();
        for slot in 0..SLOTS as u8 {
            self.shards[usize::from(slot) % shards].step(&Input::Save(slot), &mut self.out);
            if !self.out.saved.is_empty() {
                take(slot, &self.out.saved);
            }
        }
        // A slot of a large fleet is megabytes: the room is not kept until the next checkpoint.
        self.out.saved = Vec::new();
    }

    /// The state of the fleet: the alerts that are open.
    pub fn fleet_bytes(&self) -> Vec<u8> {
        self.fleet.save()
    }

    /// Where the stream's clock stands.
    pub fn clock(&self) -> StreamClock {
        self.clock
    }

    /// The number of the next input.
    pub fn next_input(&self) -> u64 {
        self.next_input
    }

    /// What the detectors expect: of a series, the lowest and the highest value that would be no anomaly.
    pub fn expected(&mut self) -> Vec<(Series, f64, f64)> {
        self.out.clear();
        self.shards.iter_mut().for_each(|shard| shard.step(&Input::Expect, &mut self.out));
        std::mem::take(&mut self.out.expected)
    }

    /// What the open windows of these series would say by now, each with its operator's position in the plan.
    pub fn open(&mut self, series: &[Series]) -> Vec<(u16, Aggregate)> {
        self.out.clear();
        self.shards.iter_mut().for_each(|shard| shard.step(&Input::Look(series), &mut self.out));
        std::mem::take(&mut self.out.open)
    }

    /// From now on readings that these operators pass on are told, by their positions in the plan.
    pub fn tap(&mut self, nodes: &[u16]) {
        self.shards.iter_mut().for_each(|shard| shard.step(&Input::Tap(nodes), &mut self.out));
    }

    /// What they have passed on in the last step, and how many readings were too many to be told.
    pub fn tapped(&mut self) -> (Vec<(u16, Reading)>, u64) {
        (std::mem::take(&mut self.out.tapped), std::mem::take(&mut self.out.untold))
    }

    /// Readings of devices that were not declared, or were retired, since the stream began.
    pub fn strays(&self) -> u64 {
        self.shards.iter().map(Shard::strays).sum()
    }

    /// The alerts that are firing, each as its last change left it; the count and the worst are of now.
    pub fn open_alerts(&self) -> Vec<Alert> {
        self.fleet.open_alerts()
    }

    /// Of each filter, by its place in the plan's operators, how many readings it has kept and left out: of the devices
    /// that are here, since they were declared, and of those that were retired, since the stream was begun.
    pub fn kept(&self) -> BTreeMap<u16, Kept> {
        let mut all = BTreeMap::new();
        for (index, kept) in self.shards.iter().flat_map(Shard::kept) {
            *all.entry(index).or_insert_with(Kept::default) += kept;
        }
        all
    }

    /// What the operators count: of filters since their devices were declared, of the rest since the stream was begun or
    /// resumed.
    pub fn counted(&self) -> Counted {
        let mut all = Counted { missed: self.fleet.missed(), ..Counted::default() };
        self.shards.iter().for_each(|shard| all += &Counted::of(shard));
        all
    }

    /// Bytes that the shards keep of devices and series.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(Shard::bytes).sum()
    }

    /// Devices that have said nothing for so long, by the stream's clock.
    pub fn silent_for(&self, idle: Span) -> Vec<Device> {
        let now = self.clock.now();
        if now == Time::MIN {
            return Vec::new();
        }
        let since = now - idle;
        self.shards.iter().flat_map(|shard| shard.silent_since(since)).collect()
    }

    /// How many alerts are firing.
    pub fn firing(&self) -> usize {
        self.fleet.firing()
    }

    /// The names so far.
    pub fn names(&self) -> &Names {
        &self.names
    }
}

/// The slots of one of several shards, a bit each.
pub fn slots_of(shard: usize, shards: usize) -> u64 {
    (0..SLOTS).filter(|slot| slot % shards == shard).fold(0, |bits, slot| bits | 1 << slot)
}

/// Deals the rows of a batch out to the shards: readings to their owner, ticks to all.
#[derive(Debug)]
pub struct Split {
    plan: Arc<Plan>,
    shards: usize,
    /// The shard of each series.
    owner: Vec<u16>,
}

impl Split {
    /// For this many shards; the plan says which devices must be together.
    pub fn new(plan: &Arc<Plan>, shards: usize) -> Split {
        Split { plan: Arc::clone(plan), shards, owner: Vec::new() }
    }

    /// Learns whose the new series are, and those that were declared again: their device may be somewhere else now.
    pub fn learn(&mut self, names: &Names, declared: &[Declaration]) {
        for series in self.owner.len()..names.series_count() {
            let owner = self.owner_of(Series(series as u32), names);
            self.owner.push(owner);
        }
        for declaration in declared {
            if let Declaration::Series { series, .. } = declaration
                && (series.0 as usize) < self.owner.len()
            {
                self.owner[series.0 as usize] = self.owner_of(*series, names);
            }
        }
    }

    fn owner_of(&self, series: Series, names: &Names) -> u16 {
        let device = names.of(series).0;
        let slot = self.plan.slot(names.device_name(device), names.device_tags(device));
        (usize::from(slot) % self.shards) as u16
    }

    /// One batch for each shard, with the numbers the rows had.
    pub fn batches(&self, batch: &Batch) -> Vec<Batch> {
        let share = batch.rows.len() / self.shards + 64;
        let empty =
            || Batch { first: batch.first, rows: Vec::with_capacity(share), offsets: Vec::with_capacity(share) };
        let mut parts: Vec<Batch> = (0..self.shards).map(|_| empty()).collect();
        for (index, row) in batch.rows.iter().enumerate() {
            let offset = (batch.number(index) - batch.first) as u32;
            let (from, to) = match row.series {
                TICK => (0, self.shards),
                series => (self.owner[series.0 as usize] as usize, self.owner[series.0 as usize] as usize + 1),
            };
            for part in &mut parts[from..to] {
                part.rows.push(*row);
                part.offsets.push(offset);
            }
        }
        parts
    }
}
