//! The same stream on several threads: one reads, one works for each shard, the caller gathers.
//!
//! Threads share nothing; each owns its part and passes messages through short bounded channels, so a slow stage makes
//! the ones before it wait. Stretches keep their order in every channel, so the gathered outputs are those of
//! [`Stream`](crate::stream::Stream), byte for byte.

use crate::counted::Counted;
use crate::intake::{Intake, Stretch};
use crate::stream::{Split, slots_of};
use crate::tables::Tables;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_engine::fleet::Fleet;
use ouzel_engine::output::Output;
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::Batch;
use ouzel_engine::series::{Declaration, Device, Names};
use ouzel_engine::shard::{Input, Outputs, Shard};
use ouzel_engine::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Stretches that may wait between two threads: enough to smooth, few enough to stay in cache.
const WAITING: usize = 4;

/// One shard's part of a stretch.
struct Part {
    moved: Option<(u64, Device)>,
    tables: Tables,
    declarations: Arc<[Declaration]>,
    batch: Batch,
    end: Option<u64>,
}

/// Runs an intake to its end on `shards` threads beside the reading one. `take` gets each stretch (its rows are gone by
/// then, only their count is left) with what came out of it, in order; it may end the run by giving `false`, as may
/// `stop`. Gives what the operators have counted.
///
/// # Errors
/// What the sources or `take` could not do.
pub fn run(
    plan: &Arc<Plan>,
    intake: Intake,
    shards: usize,
    stop: &AtomicBool,
    mut take: impl FnMut(&Gathered, &[Output], &Names) -> Result<bool, Fault>,
) -> Result<Counted, Fault> {
    thread::scope(|scope| {
        let (parts_out, parts_in): (Vec<_>, Vec<_>) = (0..shards).map(|_| sync_channel(WAITING)).unzip();
        let (done_out, done_in): (Vec<_>, Vec<_>) = (0..shards).map(|_| sync_channel(WAITING)).unzip();
        let (heads_out, heads_in) = sync_channel(WAITING * 2);
        let mut workers = Vec::new();
        for (index, (parts, done)) in parts_in.into_iter().zip(done_out).enumerate() {
            let shard = Shard::new(Arc::clone(plan), slots_of(index, shards));
            workers.push(scope.spawn(move || work(shard, &parts, &done)));
        }
        let reader = scope.spawn(move || read(plan, intake, stop, &parts_out, &heads_out));
        let gathered = gather(plan, heads_in, done_in, &mut take);
        // The channels are closed by now, so every thread ends. One that panicked has said so; it is a fault of ours
        // like any other, so that the caller can still close its sinks.
        let mut counted = Counted::default();
        let mut panicked = false;
        for worker in workers {
            match worker.join() {
                Ok(part) => counted += &part,
                Err(_) => panicked = true,
            }
        }
        panicked |= reader.join().is_err();
        if panicked {
            return Err(died());
        }
        counted.missed += gathered?;
        Ok(counted)
    })
}

/// Takes what came of each stretch from every shard, in order. Gives how many parts of groups came after their window.
fn gather(
    plan: &Plan,
    heads: Receiver<Result<Gathered, Fault>>,
    done: Vec<Receiver<Vec<Output>>>,
    take: &mut impl FnMut(&Gathered, &[Output], &Names) -> Result<bool, Fault>,
) -> Result<u64, Fault> {
    let (mut fleet, mut names) = (Fleet::new(plan), Names::new());
    let mut outputs = Vec::new();
    for head in heads {
        let head = head?;
        head.declarations.iter().for_each(|declaration| names.follow(declaration));
        outputs.clear();
        for done in &done {
            let mut part = done.recv().map_err(|_| died())?;
            if outputs.is_empty() { outputs = part } else { outputs.append(&mut part) }
        }
        match head.stretch.moved {
            Some((number, device)) => fleet.retire(&mut outputs, done.len(), (number, &[device]), &names),
            None => fleet.gather(&mut outputs, done.len(), &head.stretch.ticks, head.stretch.end, &names),
        }
        if !take(&head, &outputs, &names)? {
            return Ok(fleet.missed());
        }
    }
    Ok(fleet.missed())
}

/// A stretch after its rows went to the shards.
pub struct Gathered {
    /// The names that are new in it.
    pub declarations: Arc<[Declaration]>,
    /// What is left of it: ticks, rejected lines, its end.
    pub stretch: Stretch,
    /// How many readings it had.
    pub readings: u64,
    /// First and last time of them.
    pub span: Option<(Time, Time)>,
}

fn died() -> Fault {
    Fault { whose: Whose::Us, retry: Retry::Never, what: "a worker has stopped; its message stands above".into() }
}

/// The reading thread. Ends with the input, at `stop`, or when nobody listens any more.
fn read(
    plan: &Arc<Plan>,
    mut intake: Intake,
    stop: &AtomicBool,
    parts: &[SyncSender<Part>],
    heads: &SyncSender<Result<Gathered, Fault>>,
) {
    let mut split = Split::new(plan, parts.len());
    let mut names = Names::new();
    while !stop.load(Ordering::Relaxed) {
        let mut stretch = match intake.next_stretch() {
            Ok(Some(stretch)) => stretch,
            Ok(None) => return,
            Err(fault) => return drop(heads.send(Err(fault))),
        };
        let declarations: Arc<[Declaration]> = std::mem::take(&mut stretch.declarations).into();
        let tables = std::mem::take(&mut stretch.tables);
        let span = stretch.span();
        let batch = std::mem::take(&mut stretch.batch);
        let readings = (batch.rows.len() - stretch.ticks.len()) as u64;
        let batches = if parts.len() == 1 {
            vec![batch]
        } else {
            declarations.iter().for_each(|declaration| names.follow(declaration));
            split.learn(&names, &declarations);
            split.batches(&batch)
        };
        for (to, batch) in parts.iter().zip(batches) {
            let (moved, end) = (stretch.moved, stretch.end);
            let part = Part { moved, tables: tables.clone(), declarations: Arc::clone(&declarations), batch, end };
            if to.send(part).is_err() {
                return;
            }
        }
        if heads.send(Ok(Gathered { declarations, stretch, readings, span })).is_err() {
            return;
        }
    }
}

/// A shard's thread. Gives what the shard has counted.
fn work(mut shard: Shard, parts: &Receiver<Part>, done: &SyncSender<Vec<Output>>) -> Counted {
    let mut out = Outputs::default();
    for part in parts {
        part.tables.iter().for_each(|(name, table)| shard.step(&Input::Table(name, table), &mut out));
        match part.moved {
            Some((number, device)) => shard.step(&Input::Retire(number, &[device]), &mut out),
            None => {
                shard.step(&Input::Declare(&part.declarations), &mut out);
                shard.step(&Input::Batch(&part.batch), &mut out);
            }
        }
        if let Some(number) = part.end {
            shard.step(&Input::End(number), &mut out);
        }
        if done.send(std::mem::take(&mut out.list)).is_err() {
            break;
        }
    }
    Counted::of(&shard)
}
