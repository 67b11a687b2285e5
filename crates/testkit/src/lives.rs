//! A recorded stream in which devices are retired on the way, and come back when they speak again.
//!
//! As the intake of a live run does it: a retirement is an input with a number of its own, and a device that speaks
//! again is declared again. For a law there is another way to come back: under a new name, as a device never seen.

use crate::play::{Outcome, Recorded, journalled};
use ouzel_engine::checkpoint::Checkpoint;
use ouzel_engine::output::Output;
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Reading, TICK};
use ouzel_engine::series::{Declaration, Device, Names, Series};
use ouzel_engine::time::Time;
use ouzel_pipeline::control::{Control, Order};
use ouzel_pipeline::intake::Stretch;
use ouzel_pipeline::journal::Record;
use ouzel_pipeline::stream::Stream;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What a device is called that speaks again after it was retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// As before: it is declared again.
    AsItself,
    /// By its old name with [`AGAIN`] behind it: a device that nobody has heard of.
    AsSomebodyNew,
}

/// The mark behind the name of somebody new.
pub const AGAIN: char = '~';

/// A stream with its retirements, so that it can be cut anywhere.
pub struct Lives {
    inputs: Vec<Input>,
    names: Names,
}

enum Input {
    Names(Vec<Declaration>),
    /// A row, with its number.
    Row(u64, Reading),
    Retire(u64, Device),
    End(u64),
}

/// The names on the way, and who is gone.
struct Roll {
    names: Names,
    /// From the numbers of the recording to ours.
    devices: Vec<Device>,
    series: Vec<Series>,
    gone: BTreeSet<Device>,
}

impl Lives {
    /// A recorded stream in which, before these rows, these devices are retired: of all that are known by then, the
    /// one whose turn it is.
    pub fn of(recorded: &Recorded, retired: &[(usize, usize)], back: Return) -> Lives {
        let names = Names::new();
        let mut roll = Roll { names, devices: Vec::new(), series: Vec::new(), gone: BTreeSet::new() };
        let (mut inputs, mut number, mut row) = (Vec::new(), 0, 0);
        let mut numbered = || {
            number += 1;
            number - 1
        };
        for stretch in recorded.stretches() {
            stretch.declarations.iter().for_each(|declaration| roll.declare(declaration));
            let fresh = roll.names.take_fresh();
            inputs.push(Input::Names(fresh));
            for reading in &stretch.batch.rows {
                for &(_, turn) in retired.iter().filter(|&&(at, _)| at == row) {
                    let device = roll.devices[turn % roll.devices.len()];
                    if roll.gone.insert(device) {
                        inputs.push(Input::Retire(numbered(), device));
                    }
                }
                row += 1;
                let mut reading = *reading;
                if reading.series != TICK {
                    inputs.extend(roll.revive(reading.series, back).map(Input::Names));
                    reading.series = roll.series[reading.series.0 as usize];
                }
                inputs.push(Input::Row(numbered(), reading));
            }
        }
        inputs.push(Input::End(numbered()));
        Lives { inputs, names: roll.names }
    }

    /// How many inputs it has.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// How many retirements there are in it.
    pub fn retirements(&self) -> usize {
        self.inputs.iter().filter(|input| matches!(input, Input::Retire(..))).count()
    }

    /// Plays it in stretches of at most `rows`.
    pub fn play(&self, plan: &Arc<Plan>, rows: usize, shards: usize) -> Outcome {
        let (mut stream, mut outputs) = (Stream::new(plan, shards), Vec::new());
        self.feed(&mut stream, 0..self.inputs.len(), rows, &mut outputs);
        Outcome::of(plan, &self.names, &outputs, &[])
    }

    /// Plays it up to input `stop` on `before` shards, saves, and goes on from the bytes on `after` shards.
    ///
    /// # Errors
    /// When the bytes cannot be read, or saving what was just loaded gives other bytes.
    pub fn play_with_stop(
        &self,
        plan: &Arc<Plan>,
        stop: usize,
        before: usize,
        after: usize,
    ) -> Result<Outcome, String> {
        let (mut stream, mut outputs) = (Stream::new(plan, before), Vec::new());
        self.feed(&mut stream, 0..stop, 13, &mut outputs);
        let bytes = stream.save().to_bytes();
        let checkpoint = Checkpoint::from_bytes(&bytes).map_err(|why| why.to_string())?;
        let mut stream = Stream::resume(plan, after, &checkpoint)?;
        if stream.save().to_bytes() != bytes {
            return Err(format!("stopped before input {stop}: saving what was just loaded gives other bytes"));
        }
        self.feed(&mut stream, stop..self.inputs.len(), 17, &mut outputs);
        Ok(Outcome::of(plan, &self.names, &outputs, &[]))
    }

    /// As the records of a journal, of at most `rows` rows each.
    pub fn records(&self, rows: usize) -> Vec<Record> {
        let mut records = Vec::new();
        self.each(0..self.inputs.len(), rows, |next| match next {
            Next::Stretch(stretch) => records.push(journalled(records.len(), stretch)),
            Next::Retire(input, device) => {
                let what = Order::Retire { device: self.names.device_name(device).to_owned(), input };
                let at = Time::from_secs(records.len() as i64);
                records.push(Record::Control(Control { at, by: "ann".to_owned(), what }));
            }
        });
        records
    }

    fn feed(&self, stream: &mut Stream, range: Range<usize>, rows: usize, outputs: &mut Vec<Output>) {
        self.each(range, rows, |next| match next {
            Next::Stretch(stretch) => stream.step(&stretch, outputs),
            Next::Retire(number, device) => stream.retire(number, &[device], outputs),
        });
    }

    /// The inputs of a range, rows in stretches of at most `rows`.
    fn each(&self, range: Range<usize>, rows: usize, mut take: impl FnMut(Next)) {
        let before = self.inputs[..range.start].iter().rev().find_map(Input::number);
        // Names that stand alone come before the next input.
        let (mut open, mut next) = (Stretch::default(), before.map_or(0, |number| number + 1));
        for input in &self.inputs[range] {
            let full = open.batch.rows.len() >= rows;
            if full || !matches!(input, Input::Row(..)) {
                close(&mut open, next).into_iter().for_each(&mut take);
            }
            match input {
                Input::Names(declarations) => open.declarations.extend_from_slice(declarations),
                Input::Row(number, row) => {
                    if open.batch.rows.is_empty() {
                        open.batch.first = *number;
                    }
                    open.batch.rows.push(*row);
                    if row.series == TICK {
                        open.ticks.push((*number, *row));
                    }
                }
                Input::Retire(number, device) => take(Next::Retire(*number, *device)),
                Input::End(number) => open.end = Some(*number),
            }
            next = input.number().map_or(next, |number| number + 1);
        }
        close(&mut open, next).into_iter().for_each(take);
    }
}

impl Input {
    fn number(&self) -> Option<u64> {
        match self {
            Input::Names(_) => None,
            Input::Row(number, _) | Input::Retire(number, _) | Input::End(number) => Some(*number),
        }
    }
}

/// The stretch that was open, if there is anything in it.
fn close(open: &mut Stretch, next: u64) -> Option<Next> {
    let mut stretch = std::mem::take(open);
    let empty = stretch.batch.rows.is_empty();
    if empty {
        stretch.batch.first = stretch.end.unwrap_or(next);
    }
    (!empty || !stretch.declarations.is_empty() || stretch.end.is_some()).then_some(Next::Stretch(stretch))
}

/// What a stream gets next.
enum Next {
    Stretch(Stretch),
    Retire(u64, Device),
}

impl Roll {
    fn declare(&mut self, declaration: &Declaration) {
        match declaration {
            Declaration::Device { name, timing, tags, .. } => {
                let tags: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                self.devices.push(self.names.device(name, *timing, &tags).expect("few devices"));
            }
            Declaration::Series { device, channel, .. } => {
                let channel = self.names.channel(channel);
                self.series.push(self.names.series(self.devices[device.0 as usize], channel));
            }
        }
    }

    /// What is to be declared before a reading of this series of the recording, if its device is gone.
    fn revive(&mut self, series: Series, back: Return) -> Option<Vec<Declaration>> {
        let device = self.names.of(self.series[series.0 as usize]).0;
        if !self.gone.remove(&device) {
            return None;
        }
        if back == Return::AsItself {
            return Some(self.names.declarations_of(device));
        }
        let (name, timing) = (format!("{}{AGAIN}", self.names.device_name(device)), self.names.device_timing(device));
        let tags = self.names.device_tags(device).to_vec();
        let tags: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let new = self.names.device(&name, timing, &tags).expect("few devices");
        self.devices.iter_mut().filter(|known| **known == device).for_each(|known| *known = new);
        for known in &mut self.series {
            let (of, channel) = self.names.of(*known);
            if of == device {
                *known = self.names.series(new, channel);
            }
        }
        Some(self.names.take_fresh())
    }
}
