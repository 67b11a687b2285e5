//! The thread that works: it follows the synced journal, feeds the shards, and writes down what comes out.
//!
//! It reads what the intake wrote, live and after a restart in the same way, so that both give the same outputs; what is
//! in the output log already is not written there a second time. Sinks read that log by themselves. The lake may make
//! this thread wait; a page may not: what a page is too slow for is left out there, and counted.

mod catch_up;

use super::held::Held;
use super::notice::Notices;
use super::save::Saves;
use crate::clock::Clock;
use crate::control::{Controls, Order};
use crate::counted::Counted;
use crate::counters::Counters;
use crate::intake::Stretch;
use crate::journal::{Follower, Next, Record};
use crate::outputs::Stand;
use crate::reserve::Reserve;
use crate::runner::{Runner, Taken};
use crate::step::{Expected, Step};
use crate::wants::Wants;
use ouzel_connect::fault::{Fault, Retry};
use ouzel_engine::output::{Aggregate, Output, State, What};
use ouzel_engine::plan::Operator;
use ouzel_engine::series::Series;
use ouzel_engine::time::{Span, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// More series than this have no expected band on the page: it could not show them all, and asking is not free.
const BANDS: usize = 2_000;

/// The thread that works.
pub(super) struct Work {
    pub(super) runner: Runner,
    pub(super) clock: Clock,
    pub(super) follower: Follower,
    /// What comes before this place in the journal was there before this process.
    pub(super) end: u64,
    pub(super) saves: Saves,
    pub(super) lake: Option<LakeWay>,
    pub(super) watch: Watch,
    pub(super) held: Arc<Held>,
    pub(super) reserve: Arc<Reserve>,
    pub(super) counters: Arc<Counters>,
    pub(super) notices: Notices,
    /// Sinks that were added or taken away while it runs.
    pub(super) changes: mpsc::Receiver<Sinks>,
    /// A change that waits for its config to be in force.
    pub(super) change: Option<Sinks>,
    /// Where it asks that idle devices be retired.
    pub(super) controls: Controls,
    /// Devices that are silent for so long are retired.
    pub(super) idle: Option<Span>,
    pub(super) looked: Instant,
    /// What was counted under configs that were in force before.
    pub(super) earlier: Counted,
    /// The run is to end.
    pub(super) stop: Arc<AtomicBool>,
}

/// The sinks that there are under a config.
pub(super) struct Sinks {
    /// The text of the config.
    pub(super) text: Arc<str>,
    pub(super) wants: Vec<Wants>,
    /// Hears where the output log stands when they are taken over.
    pub(super) done: oneshot::Sender<Stand>,
}

/// The way to the lake's thread.
pub(super) struct LakeWay {
    pub(super) to: SyncSender<Arc<Step>>,
    /// The lake has no room, neither on disk nor in memory.
    pub(super) stuck: Arc<AtomicBool>,
    /// The first input that the lake did not have when it was opened.
    pub(super) kept: u64,
    /// It was left behind, for it had no room: it is to get what it has missed from the logs.
    pub(super) behind: bool,
}

/// Those who look on. Where they are too slow, readings are left out for them, but nothing that comes only once.
pub(super) struct Watch {
    pub(super) to: Option<mpsc::Sender<Arc<Step>>>,
    pub(super) owed: Option<Step>,
    /// The series whose open windows they look at, a few.
    pub(super) looks: watch::Receiver<Arc<[Series]>>,
    /// The names of the operators whose readings they listen to, a few.
    pub(super) taps: watch::Receiver<Arc<[String]>>,
    /// Their positions in the plan, as the stream was told.
    pub(super) tapped: Vec<u16>,
}

/// How long to wait for the journal before the end is looked for.
const IDLE: Duration = Duration::from_millis(100);

/// How often idle devices are looked for.
const LOOK: Duration = Duration::from_secs(60);

/// How long to wait before an output log is written again that could not be.
const AGAIN: Duration = Duration::from_millis(200);

impl Work {
    /// Runs until the journal is closed and read to its end; then makes a last checkpoint.
    pub(super) fn run(mut self) -> Result<(), Fault> {
        self.catch_up()?;
        let mut told = 0;
        loop {
            self.change();
            match self.follower.next(IDLE)? {
                Next::Record(record) => self.take(record)?,
                Next::Idle => {}
                Next::End => break,
            }
            let damaged = self.follower.damaged();
            if damaged > told {
                self.notices.warn(format!("{} bytes of the journal cannot be read and are skipped", damaged - told));
                told = damaged;
            }
            self.watch.settle(&self.counters);
            self.refill()?;
            self.saves.perhaps(&mut self.runner, self.clock.now());
            self.look_for_idle();
        }
        self.saves.last(&mut self.runner, self.clock.now());
        // The last outputs are as durable as the checkpoint that speaks of them.
        self.runner.outputs().sync()
    }

    /// Takes over a change of sinks, once its config is in force.
    fn change(&mut self) {
        if let Ok(change) = self.changes.try_recv() {
            self.change = Some(change);
        }
        if let Some(Sinks { wants, done, .. }) = self.change.take_if(|change| change.text == self.runner.config().text)
        {
            self.runner.wants(wants);
            // Whoever asked may have given up.
            let _ = done.send(self.runner.outputs().stand());
        }
    }

    fn take(&mut self, record: Record) -> Result<(), Fault> {
        let position = self.follower.position();
        let past = position <= self.end;
        let before = matches!(record, Record::Config(_)).then(|| self.runner.stream().counted());
        self.listen();
        let taken = self.runner.take(record, position);
        if let Some(before) = before {
            self.begin_count(&before);
        }
        self.write()?;
        match taken {
            Taken::Stretch { arrived, stretch, outputs, control } => {
                if let Some(control) = control {
                    self.show(Step { controls: vec![*control], past, ..Step::default() });
                }
                self.step(arrived, stretch, outputs, past);
            }
            Taken::Control(control) => self.show(Step { controls: vec![control], past, ..Step::default() }),
            Taken::Config(config, over) => {
                // Another plan may be another stream, which was told nothing yet; no operator has this position.
                if !self.watch.tapped.is_empty() {
                    self.watch.tapped = vec![u16::MAX];
                }
                self.count(&over, 0, past);
                self.show(Step { outputs: over, past, ..Step::default() });
                self.show(Step { config: Some(config), past, ..Step::default() });
            }
            Taken::BadConfig(why) => self.notices.warn(format!(
                "a config that was in force once cannot be read by this ouzel; what came then is worked off by the one \
                 before it: {why}"
            )),
            // What comes of it comes with the readings behind it.
            Taken::Table(_) => {}
            Taken::Lost(referred, why) => {
                self.counters.unread.add(u64::from(referred.rows));
                let (from, rows) = (referred.first, referred.rows);
                self.notices.warn(format!(
                    "source `{}`: readings {from} to {} are lost: {why}",
                    referred.source,
                    from + u64::from(rows)
                ));
            }
        }
        self.counters.followed.add(u64::from(!past));
        Ok(())
    }

    /// Writes what came out into the output log, and tries again until the disk takes it: the journal holds what comes
    /// behind it.
    fn write(&mut self) -> Result<(), Fault> {
        let before = self.runner.outputs().stand().position;
        let mut told = false;
        while let Err(fault) = self.runner.write() {
            if self.reserve.open() {
                continue;
            }
            if fault.retry == Retry::Never || self.stop.load(Ordering::Relaxed) {
                return Err(fault);
            }
            if !std::mem::replace(&mut told, true) {
                self.notices.warn(format!("{fault}; nobody is told of anything until it can"));
            }
            std::thread::sleep(AGAIN);
        }
        let outputs = self.runner.outputs();
        let after = outputs.stand().position;
        if after > before {
            self.counters.outputs_bytes.add(after - before);
            self.counters.outputs_held.set(outputs.size() as i64);
            for sink in self.counters.sinks.iter() {
                sink.owed.set(outputs.owed(&sink.name) as i64);
            }
        }
        Ok(())
    }

    fn step(&mut self, arrived: Time, stretch: Stretch, outputs: Vec<Output>, past: bool) {
        // First of all: what is asked of the stream further down empties what its last step has left there.
        let tapped = match self.watch.tapped.is_empty() {
            true => Default::default(),
            false => self.runner.stream().tapped(),
        };
        let readings = (stretch.batch.rows.len() - stretch.ticks.len()) as u64;
        self.count(&outputs, readings, past);
        if !past && readings > 0 && matches!(self.clock, Clock::Wall) {
            let took = self.clock.now().since(arrived).0.max(0).unsigned_abs();
            self.counters.latency.record(Duration::from_nanos(took), readings);
            // One reading stands for all that arrived together: each by itself would cost more than it tells.
            if let Some((_, newest)) = stretch.span() {
                let travelled = arrived.since(newest).0.max(0).unsigned_abs();
                self.counters.travel.record(Duration::from_nanos(travelled), readings);
            }
        }
        if !stretch.ticks.is_empty() {
            self.show_counts();
        }
        let expected = if past || stretch.ticks.is_empty() { Vec::new() } else { self.expected(&stretch) };
        let open = if past || stretch.ticks.is_empty() { None } else { self.open() };
        self.show(Step { stretch, outputs, expected, open, tapped, past, arrived: Some(arrived), ..Step::default() });
    }

    /// Counts what this process has done; what it only reads again was counted by an earlier one.
    fn count(&mut self, outputs: &[Output], readings: u64, past: bool) {
        let firing = self.runner.stream().firing();
        let counters = &self.counters;
        counters.firing.set(firing as i64);
        if past {
            return counters.past.add(readings);
        }
        counters.worked.add(readings);
        for output in outputs {
            match &output.what {
                What::Late(_) => counters.late.add(1),
                What::Aggregate(_) => counters.aggregates.add(1),
                What::Anomaly(_) => counters.anomalies.add(1),
                What::Alert(alert) if alert.state == State::Firing => counters.alerts.add(1),
                What::Filtered(_) => counters.filtered.add(1),
                What::Alert(_) | What::Over(_) | What::Part(_) | What::Reading(_) => {}
            }
        }
    }

    /// Another config may have begun a stream anew, and its counts with it. Filters that did not change keep theirs.
    fn begin_count(&mut self, before: &Counted) {
        let now = self.runner.stream().counted();
        if now.late.lateness.total() < before.late.lateness.total() || now.missed < before.missed {
            self.earlier.late += &before.late;
            self.earlier.missed += before.missed;
        }
    }

    fn show_counts(&mut self) {
        let mut counted = self.runner.stream().counted();
        let filters = counted.filters(self.runner.plan());
        let features = counted.features(self.runner.plan());
        let joins = counted.joins(self.runner.plan());
        counted += &self.earlier;
        self.counters.late_counts.set(counted.late);
        self.counters.missed.set(i64::try_from(counted.missed).unwrap_or(i64::MAX));
        self.counters.filters.set(filters);
        self.counters.features.set(features);
        self.counters.joins.set(joins);
    }

    fn expected(&mut self, stretch: &Stretch) -> Vec<Expected> {
        if self.runner.names().series_count() > BANDS {
            return Vec::new();
        }
        let Some(time) = stretch.ticks.last().map(|(_, tick)| tick.time) else { return Vec::new() };
        let expected = self.runner.stream().expected();
        expected.iter().map(|&(series, low, high)| Expected { series, time, low, high }).collect()
    }

    /// What is open of the series that somebody looks at: as long as nobody does, it costs nothing.
    fn open(&mut self) -> Option<Vec<(u16, Aggregate)>> {
        let looked = Arc::clone(&self.watch.looks.borrow());
        (!looked.is_empty()).then(|| self.runner.stream().open(&looked))
    }

    /// Lets the stream know whom somebody listens to, where that is news.
    fn listen(&mut self) {
        let names = Arc::clone(&self.watch.taps.borrow());
        if names.is_empty() && self.watch.tapped.is_empty() {
            return;
        }
        let heard = |(place, operator): (u16, &Operator)| names.contains(&operator.name).then_some(place);
        let nodes: Vec<u16> = (0..).zip(&self.runner.plan().operators).filter_map(heard).collect();
        if nodes != self.watch.tapped {
            self.runner.stream().tap(&nodes);
            self.watch.tapped = nodes;
        }
    }

    /// Asks that devices be retired that nobody has heard for long. The word comes back through the journal.
    fn look_for_idle(&mut self) {
        let Some(idle) = self.idle.filter(|_| self.looked.elapsed() >= LOOK) else { return };
        self.looked = Instant::now();
        let silent = self.runner.stream().silent_for(idle);
        for device in silent {
            let device = self.runner.names().device_name(device).to_owned();
            if !self.controls.mention(Order::Retire { device, input: 0 }, "ouzel") {
                // Too many at once; the next look finds them again.
                return;
            }
        }
    }

    fn show(&mut self, step: Step) {
        let step = Arc::new(step);
        self.keep(&step);
        self.watch.show(step, &self.counters);
    }

    /// Gives a step to the lake.
    fn keep(&mut self, step: &Arc<Step>) {
        let Some(lake) = self.lake.as_mut().filter(|lake| !lake.behind && !lake.send(step)) else { return };
        if lake.stuck.load(Ordering::Relaxed) {
            let what = "the lake has no room and is left behind, so that people are still told of trouble; nothing \
                        is lost: it is filled from the journal when there is room";
            self.notices.warn(what);
            lake.behind = true;
        } else {
            // Its thread has ended, and said why.
            self.lake = None;
        }
    }

    /// A lake that was left behind and has room again gets what it has missed.
    fn refill(&mut self) -> Result<(), Fault> {
        let has_room = |lake: &LakeWay| lake.behind && !lake.stuck.load(Ordering::Relaxed);
        if self.lake.as_ref().is_some_and(has_room) {
            let kept = self.held.free().1;
            if let Some(lake) = &mut self.lake {
                (lake.behind, lake.kept) = (false, kept);
            }
            self.notices.note("the lake has room again, and is filled from the journal");
            let mut said = catch_up::Backlog::new(&self.runner.outputs().readers(), Some(kept))?;
            self.fill_lake(kept, &mut said, false)?;
        }
        Ok(())
    }
}

impl LakeWay {
    /// Waits until the lake takes a step, but not for one that is stuck. Says whether it took it.
    fn send(&self, step: &Arc<Step>) -> bool {
        loop {
            match self.to.try_send(Arc::clone(step)) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(_)) if self.stuck.load(Ordering::Relaxed) => return false,
                Err(TrySendError::Full(_)) => std::thread::sleep(SLOW),
            }
        }
    }
}

/// How long to wait before the lake is looked at again that was too slow a moment ago.
const SLOW: Duration = Duration::from_millis(1);

impl Watch {
    fn show(&mut self, step: Arc<Step>, counters: &Counters) {
        self.settle(counters);
        let Some(to) = &self.to else { return };
        if let Some(owed) = &mut self.owed {
            return owe(owed, &step, counters);
        }
        match to.try_send(step) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(step)) => {
                let mut owed = Step { past: step.past, ..Step::default() };
                owe(&mut owed, &step, counters);
                self.owed = Some(owed);
            }
            Err(mpsc::error::TrySendError::Closed(_)) => self.to = None,
        }
    }

    /// Hands over what is owed, if there is room by now.
    fn settle(&mut self, counters: &Counters) {
        let (Some(to), Some(owed)) = (&self.to, &mut self.owed) else { return };
        match to.try_send(Arc::new(std::mem::take(owed))) {
            Ok(()) => self.owed = None,
            Err(mpsc::error::TrySendError::Full(step)) => *owed = Arc::unwrap_or_clone(step),
            Err(mpsc::error::TrySendError::Closed(step)) => {
                counters.unseen.add(step.outputs.len() as u64);
                (self.to, self.owed) = (None, None);
            }
        }
    }
}

/// How many outputs are kept for those who look on too slowly.
const OWED: usize = 100_000;

/// Keeps what comes only once: names, words of people, outputs.
fn owe(owed: &mut Step, step: &Step, counters: &Counters) {
    let rows = (step.stretch.batch.rows.len() - step.stretch.ticks.len()) as u64;
    counters.unseen.add(rows);
    // Who listens misses these, too, and is told how many.
    owed.left_out += rows + step.left_out;
    owed.tapped.1 += step.tapped.0.len() as u64 + step.tapped.1;
    owed.past &= step.past;
    owed.stretch.declarations.extend_from_slice(&step.stretch.declarations);
    owed.controls.extend_from_slice(&step.controls);
    if step.config.is_some() {
        owed.config.clone_from(&step.config);
    }
    let room = OWED.saturating_sub(owed.outputs.len());
    counters.unseen.add(step.outputs.len().saturating_sub(room) as u64);
    owed.outputs.extend(step.outputs.iter().take(room).cloned());
}
