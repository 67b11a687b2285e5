//! Drives a sink over a network: reads the output log from its cursor on, delivers, tries again, gives up what is refused.
//!
//! A thread reads and puts into words, a task delivers; a short channel between them is all that is in memory of what
//! waits. So a sink that is slow, hung or gone costs nobody else anything, and may be away as long as the log reaches.

use super::behind::{Behind, Chunk};
use super::cursor::{Cursor, Reached};
use super::drive::BackOff;
use super::notice::Notices;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::outputs::Place;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::sink::dead::DeadLetters;
use ouzel_connect::sink::limit::{Gate, Take};
use ouzel_connect::sink::live::{Delivery, LiveSink, Undelivered};
use ouzel_engine::time::Time;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// A delivery, where the cursor goes once it is made, and when its cause arrived.
pub(super) struct Due {
    delivery: Delivery,
    mark: Mark,
    /// It is trouble of the pipeline itself, which no sink is owed.
    trouble: bool,
}

/// What the gate carries: where the cursor may go.
#[derive(Clone, Debug, Default)]
pub(super) struct Mark {
    next: Place,
    journal: u64,
    done: u64,
    arrived: Time,
}

/// Deliveries that are in words ahead of the sink, in batches.
pub(super) const AHEAD: usize = 4;

/// Deliveries of a batch, more or less.
const BATCH: usize = 256;

/// How long the reader waits before it looks whether it is still wanted.
const IDLE: Duration = Duration::from_millis(200);

/// The thread's part: reads until the log ends, or nobody takes what it reads.
pub(super) fn read(
    mut behind: Behind,
    from: &Reached,
    to: &mpsc::Sender<Vec<Due>>,
    lost: impl Fn(u64),
    notices: &Notices,
    leave: &AtomicBool,
) -> Result<(), Fault> {
    let Reached { next, journal, done, .. } = *from;
    let mut mark = Mark { next, journal, done, arrived: Time(0) };
    let mut batch = Vec::new();
    loop {
        let chunk = behind.next(if batch.is_empty() { IDLE } else { Duration::ZERO })?;
        behind.tell_damage(notices);
        let over = matches!(chunk, Chunk::End);
        let idle = matches!(chunk, Chunk::Idle);
        match chunk {
            Chunk::Said { said, lost: gone } => {
                if gone > 0 {
                    mark.done += gone;
                    lost(gone);
                }
                (mark.arrived, mark.journal) = (said.arrived, said.journal);
                for (next, delivery) in behind.deliveries(&said) {
                    mark.done += 1;
                    mark.next = next;
                    batch.push(Due { delivery, mark: mark.clone(), trouble: false });
                }
            }
            Chunk::Trouble(trouble, journal) if behind.wants().hears_alerts() && journal > mark.journal => {
                (mark.arrived, mark.journal) = (trouble.at, journal);
                let delivery = trouble.delivery(mark.next.input);
                batch.push(Due { delivery, mark: mark.clone(), trouble: true });
            }
            Chunk::Trouble(..) | Chunk::Idle | Chunk::End => {}
        }
        let goes = !batch.is_empty() && (batch.len() >= BATCH || idle || over);
        if goes && to.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
        if over || to.is_closed() || leave.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
}

/// The task's part.
pub(super) struct Deliverer {
    pub(super) name: String,
    pub(super) sink: Box<dyn LiveSink>,
    pub(super) due: mpsc::Receiver<Vec<Due>>,
    pub(super) gate: Gate<Mark>,
    pub(super) dead: Option<DeadLetters>,
    pub(super) cursor: Cursor,
    pub(super) clock: Clock,
    pub(super) counters: Arc<Counters>,
    pub(super) index: usize,
    pub(super) notices: Notices,
    /// After this is up, what fails is not tried again.
    pub(super) stop: watch::Receiver<bool>,
    /// When the last try ends, once it was stopped.
    pub(super) ends: Option<Instant>,
    pub(super) began: Instant,
    /// Read, and not in the gate yet.
    pub(super) read: VecDeque<Due>,
    /// Keys of the troubles that are on their way: they are delivered like others, and counted nowhere.
    pub(super) troubles: Vec<String>,
    /// People know that it does not take what it gets.
    pub(super) told: bool,
}

/// It was stopped in the middle; the next start goes on.
struct Stopped;

impl Deliverer {
    /// Runs until nothing is to be read any more and all is delivered or given up, or until it is stopped.
    pub(super) async fn run(mut self) {
        loop {
            while self.gate.wants() {
                if self.read.is_empty() {
                    match self.due.try_recv() {
                        Ok(batch) => self.read.extend(batch),
                        Err(_) => break,
                    }
                }
                let now = self.began.elapsed();
                if let Some(Due { delivery, mark, trouble }) = self.read.pop_front() {
                    if trouble {
                        self.troubles.push(delivery.key.clone());
                    }
                    self.gate.put(now, delivery, mark);
                }
            }
            // What was thinned behind the last delivery is handled, too.
            self.reached(0);
            match self.gate.take(self.began.elapsed(), self.sink.batch()) {
                Take::Deliver(batch) => {
                    if let Err(Stopped) = self.deliver(&batch).await {
                        break;
                    }
                }
                Take::Wait(wait) => {
                    let stopped = self.stop.wait_for(|stop| *stop);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = stopped => break,
                    }
                }
                Take::Nothing => match self.more().await {
                    Some(batch) => self.read.extend(batch),
                    None => break,
                },
            }
        }
        // It was written after each delivery; where it cannot be synced that was said.
        let _ = self.cursor.sync();
    }

    /// Waits for more to deliver; meanwhile the cursor is made durable.
    async fn more(&mut self) -> Option<Vec<Due>> {
        if self.cursor.is_dirty() {
            if let Ok(more) = tokio::time::timeout(REST, self.due.recv()).await {
                return more;
            }
            if let Err(fault) = self.cursor.sync() {
                self.notices
                    .warn(format!("sink `{}`: {fault}; after a cut of the power some may be repeated", self.name));
            }
        }
        self.due.recv().await
    }

    /// Delivers a batch, to its end: tries again what may pass, halves what is refused until one stands alone.
    async fn deliver(&mut self, batch: &[Delivery]) -> Result<(), Stopped> {
        let mut left: Vec<Range<usize>> = Vec::new();
        left.push(0..batch.len());
        let mut back_off = BackOff::new();
        while let Some(part) = left.pop() {
            let tried = {
                let Deliverer { sink, stop, ends, .. } = self;
                tokio::select! {
                    biased;
                    tried = sink.deliver(&batch[part.clone()]) => tried,
                    () = late(stop, ends) => return Err(Stopped),
                }
            };
            let Err(Undelivered { done, fault }) = tried else {
                self.settled(&batch[part], true);
                back_off.reset();
                if std::mem::take(&mut self.told) {
                    self.notices.note(format!("sink `{}` takes what it gets again", self.name));
                }
                continue;
            };
            self.settled(&batch[part.start..part.start + done], true);
            let rest = part.start + done..part.end;
            if rest.is_empty() {
                continue;
            }
            match fault.retry {
                Retry::Never if rest.len() == 1 => self.bury(&batch[rest.start], &fault),
                Retry::Never => {
                    let middle = rest.start + rest.len() / 2;
                    left.push(middle..rest.end);
                    left.push(rest.start..middle);
                }
                Retry::Now | Retry::Later | Retry::After(_) => {
                    left.push(rest);
                    self.counters.sinks[self.index].retries.add(1);
                    if !std::mem::replace(&mut self.told, true) {
                        self.notices.warn(format!("sink `{}`: {fault}; it is tried again", self.name));
                    }
                    let wait = if let Retry::After(wait) = fault.retry { wait } else { back_off.next() };
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
                    }
                }
            }
        }
        Ok(())
    }

    /// Puts a delivery aside that the receiver will never take.
    fn bury(&mut self, delivery: &Delivery, fault: &Fault) {
        let counters = &self.counters.sinks[self.index];
        let put = match &mut self.dead {
            Some(dead) => dead.put(delivery, &fault.what, self.clock.now()).map(|()| dead.path().display().to_string()),
            None => Err(std::io::Error::other("there is no file for it")),
        };
        // The first, and then every thousandth: a sink that refuses all must not fill the log of the machine.
        if counters.dropped.get().is_multiple_of(1_000) {
            let what = format!("sink `{}` refuses {}: {fault}", self.name, delivery.noun.name());
            self.notices.warn(match &put {
                Ok(path) => format!("{what}; it stands in {path}"),
                Err(error) => format!("{what}; it is given up, for {error}"),
            });
        }
        self.settled(std::slice::from_ref(delivery), false);
    }

    /// These of the front are done: delivered, or given up.
    fn settled(&mut self, batch: &[Delivery], delivered: bool) {
        if batch.is_empty() {
            return;
        }
        self.gate.done(batch.len());
        let all = self.troubles.len();
        if all > 0 {
            self.troubles.retain(|key| !batch.iter().any(|delivery| delivery.key == *key));
        }
        let owed = (batch.len() - (all - self.troubles.len())) as u64;
        let counters = &self.counters.sinks[self.index];
        if delivered { &counters.delivered } else { &counters.dropped }.add(owed);
        self.reached(if delivered { owed } else { 0 });
    }

    /// Moves the cursor behind all that is done, `delivered` of it a moment ago.
    fn reached(&mut self, delivered: u64) {
        let counters = &self.counters.sinks[self.index];
        let thinned = self.gate.thinned() + self.gate.merged();
        counters.thinned.add(thinned.saturating_sub(counters.thinned.get()));
        let Some(Mark { next, journal, done, arrived }) = self.gate.reached().cloned() else { return };
        if delivered > 0 && matches!(self.clock, Clock::Wall) {
            let took = self.clock.now().since(arrived).0.max(0).unsigned_abs();
            counters.confirmed.record(Duration::from_nanos(took), delivered);
        }
        counters.handled.set(done as i64);
        if let Err(fault) = self.cursor.set(Reached { next, journal, done, progress: Vec::new() }) {
            self.notices.warn(format!("sink `{}`: {fault}; after a restart some may be delivered twice", self.name));
        }
    }
}

/// How long after the last delivery the cursor is made durable.
const REST: Duration = Duration::from_millis(50);

/// How long all deliveries together may go on after the stop.
const GRACE: Duration = Duration::from_secs(3);

/// Waits for the end of the time that is left after the stop.
async fn late(stop: &mut watch::Receiver<bool>, ends: &mut Option<Instant>) {
    // The sender lives as long as the run.
    let _ = stop.wait_for(|stop| *stop).await;
    tokio::time::sleep_until(*ends.get_or_insert_with(|| Instant::now() + GRACE)).await;
}

/// A fault of ours that stands for a thread.
pub(super) fn ours(what: &str) -> Fault {
    Fault { whose: Whose::Us, retry: Retry::Never, what: what.to_owned() }
}
