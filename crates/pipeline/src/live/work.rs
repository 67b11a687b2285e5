//! The thread that works: it follows the synced journal, feeds the shards, and hands on what comes out.
//!
//! It reads what the intake wrote, live and after a restart in the same way, so that both give the same outputs. The
//! lake may make it wait; a page may not: what a page is too slow for is left out there, and counted.

use super::cursor::Place;
use super::drive::Placed;
use super::notice::Notices;
use crate::clock::Clock;
use crate::control::{Control, Order};
use crate::counters::Counters;
use crate::intake::Stretch;
use crate::journal::{Journalled, Mender, Next, Record, Tail};
use crate::outlet::Outlet;
use crate::step::{Expected, Step};
use crate::stream::Stream;
use ouzel_connect::encode::{Book, identity, ndjson};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::live::Delivery;
use ouzel_engine::output::{Id, Output, State, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::time::Time;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;
use tokio::sync::mpsc;

/// More series than this have no expected band on the page: it could not show them all, and asking is not free.
const BANDS: usize = 2_000;

/// The thread that works.
pub(super) struct Work {
    pub(super) plan: Arc<Plan>,
    pub(super) clock: Clock,
    pub(super) tail: Tail,
    /// Records that were in the journal when the process began.
    pub(super) past: u64,
    pub(super) mender: Mender,
    pub(super) stream: Stream,
    pub(super) outlet: Outlet,
    pub(super) posts: Vec<Post>,
    pub(super) lake: Option<LakeWay>,
    pub(super) watch: Watch,
    pub(super) silences: Silences,
    pub(super) counters: Arc<Counters>,
    pub(super) notices: Notices,
}

/// The alerts that nobody is to be told of, by identity, and until when. As many as people have silenced and time has
/// not freed yet.
#[derive(Debug, Default)]
pub(super) struct Silences(HashMap<String, Time>);

impl Silences {
    fn heed(&mut self, controls: &[Control]) {
        for Control { at, what, .. } in controls {
            self.0.retain(|_, until| *until > *at);
            if let Order::Silence { alert, until } = what {
                self.0.insert(alert.clone(), *until);
            }
        }
    }

    /// Whether this change, which was decided `at`, is not to be told: it fires, or got worse, and somebody knows. That
    /// it is over is told.
    fn cover(&self, what: &What, book: &Book<'_>, at: Time) -> bool {
        let What::Alert(alert) = what else { return false };
        let firing = alert.state == State::Firing && !self.0.is_empty();
        firing && self.0.get(&identity(alert, book).to_string()).is_some_and(|until| at < *until)
    }
}

/// Where deliveries for a sink go.
pub(super) struct Post {
    pub(super) name: String,
    pub(super) takes: Vec<Noun>,
    /// The alert rules that send here, by number.
    pub(super) rules: Vec<bool>,
    pub(super) to: mpsc::Sender<Placed>,
    pub(super) index: usize,
    /// What is to be delivered next; all before it was, by an earlier process.
    pub(super) next: Place,
    pub(super) last: Option<Place>,
    /// It was said that too many wait.
    pub(super) told: bool,
}

/// The way to the lake's thread.
pub(super) struct LakeWay {
    pub(super) to: SyncSender<Arc<Step>>,
    /// The lake has no room, neither on disk nor in memory.
    pub(super) stuck: Arc<AtomicBool>,
}

/// Those who look on. Where they are too slow, readings are left out for them, but nothing that comes only once.
pub(super) struct Watch {
    pub(super) to: Option<mpsc::Sender<Arc<Step>>>,
    pub(super) owed: Option<Step>,
}

/// How long to wait for the journal before files are flushed and the end is looked for.
const IDLE: Duration = Duration::from_millis(100);

impl Work {
    /// Runs until the journal is closed and read to its end; then closes the sinks.
    pub(super) fn run(mut self) -> Result<(), Fault> {
        let mut read = 0u64;
        let mut controls = Vec::new();
        let ended = loop {
            match self.tail.next(IDLE) {
                Ok(Next::Record(record)) => {
                    // The begin of a segment counts as a record, too, but is not shown here.
                    read += 1;
                    let past = read <= self.past;
                    match record {
                        Record::Begin => {}
                        Record::Control(control) => controls.push(control),
                        Record::Stretch(journalled) => self.step(*journalled, std::mem::take(&mut controls), past),
                    }
                    self.counters.followed.add(u64::from(!past));
                    continue;
                }
                Ok(Next::Idle) => {}
                Ok(Next::End) => break Ok(()),
                Err(fault) => break Err(fault),
            }
            if !controls.is_empty() {
                self.silences.heed(&controls);
                self.show(Step { controls: std::mem::take(&mut controls), ..Step::default() });
            }
            self.watch.settle(&self.counters);
            if let Err(fault) = self.outlet.flush() {
                self.notices.warn(fault.to_string());
            }
        };
        ended.and(self.outlet.finish())
    }

    fn step(&mut self, journalled: Journalled, controls: Vec<Control>, past: bool) {
        let Journalled { arrived, mut stretch, .. } = journalled;
        self.mender.mend(&mut stretch);
        let mut outputs = Vec::new();
        self.stream.step(&stretch, &mut outputs);
        self.silences.heed(&controls);
        let readings = (stretch.batch.rows.len() - stretch.ticks.len()) as u64;
        self.count(&outputs, readings, past);
        if let Err(fault) = self.outlet.write(&outputs, &stretch.rejected, self.stream.names(), &self.plan) {
            self.notices.warn(fault.to_string());
        }
        self.post(&outputs, arrived, past);
        if !past && readings > 0 && matches!(self.clock, Clock::Wall) {
            let took = self.clock.now().since(arrived).0.max(0).unsigned_abs();
            self.counters.latency.record(Duration::from_nanos(took), readings);
        }
        let expected = if past || stretch.ticks.is_empty() { Vec::new() } else { self.expected(&stretch) };
        self.show(Step { stretch, controls, outputs, expected, past });
    }

    /// Counts what this process has done; what it only reads again was counted by an earlier one.
    fn count(&self, outputs: &[Output], readings: u64, past: bool) {
        let counters = &self.counters;
        counters.firing.set(self.stream.firing() as i64);
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
                What::Alert(_) | What::Over(_) => {}
            }
        }
    }

    /// Gives deliveries to the sinks over networks; those that were made before the process began not again.
    fn post(&mut self, outputs: &[Output], arrived: Time, past: bool) {
        if self.posts.is_empty() {
            return;
        }
        let book = Book { names: self.stream.names(), plan: &self.plan };
        for output in outputs {
            let Some(noun) = Noun::of(&output.what) else { continue };
            let mut worded = None;
            for post in self.posts.iter_mut().filter(|post| post.wants(noun, &output.what)) {
                let ordinal = post.last.filter(|last| last.0 == output.input).map_or(0, |last| last.1 + 1);
                let place = (output.input, ordinal);
                post.last = Some(place);
                if place < post.next || self.silences.cover(&output.what, &book, arrived) {
                    continue;
                }
                let delivery = worded.get_or_insert_with(|| delivery(output, noun, &book)).clone();
                post.send(Placed { place, delivery }, past, &self.counters, &self.notices);
            }
        }
    }

    fn expected(&mut self, stretch: &Stretch) -> Vec<Expected> {
        if self.stream.names().series_count() > BANDS {
            return Vec::new();
        }
        let Some(time) = stretch.ticks.last().map(|(_, tick)| tick.time) else { return Vec::new() };
        let expected = self.stream.expected();
        expected.iter().map(|&(series, low, high)| Expected { series, time, low, high }).collect()
    }

    fn show(&mut self, step: Step) {
        let step = Arc::new(step);
        if let Some(lake) = &self.lake
            && !lake.send(&step)
        {
            if lake.stuck.load(Ordering::Relaxed) {
                let what = "the lake has no room and is left behind, so that people are still told of trouble; nothing \
                            is lost: the next start fills it from the journal";
                self.notices.warn(what);
            }
            // Else its thread has ended, and said why.
            self.lake = None;
        }
        self.watch.show(step, &self.counters);
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

impl Post {
    /// Puts a delivery into the sink's channel. What the journal gives again may wait there, because it waits in the
    /// journal; what comes now may not, because nobody is to be slowed by a sink.
    fn send(&mut self, placed: Placed, past: bool, counters: &Counters, notices: &Notices) {
        let sent = match past {
            true => self.to.blocking_send(placed).is_ok(),
            false => self.to.try_send(placed).is_ok(),
        };
        let waiting = self.to.max_capacity() - self.to.capacity();
        counters.sinks[self.index].waiting.set(waiting as i64);
        if sent {
            // One delivery more or less is no news: it has to get well before it is said again.
            self.told &= waiting > self.to.max_capacity() / 2;
            return;
        }
        counters.sinks[self.index].dropped.add(1);
        if !std::mem::replace(&mut self.told, true) {
            notices.warn(format!("sink `{}`: too many deliveries wait; the newest are given up", self.name));
        }
    }

    fn wants(&self, noun: Noun, what: &What) -> bool {
        self.takes.contains(&noun)
            || matches!(what, What::Alert(alert) if self.rules.get(usize::from(alert.rule)) == Some(&true))
    }
}

fn delivery(output: &Output, noun: Noun, book: &Book<'_>) -> Delivery {
    let mut line = Vec::new();
    ndjson::push(output, book, &mut line);
    line.truncate(line.trim_ascii_end().len());
    let severity = match &output.what {
        What::Anomaly(anomaly) => Some(anomaly.severity),
        What::Alert(alert) => Some(alert.severity),
        _ => None,
    };
    let json = String::from_utf8_lossy(&line).into_owned();
    // What the output says is what makes it itself; late readings of one time differ in their input.
    let key = Id::of(&[&json], &[output.input as i64]).to_string();
    Delivery { input: output.input, noun, key, severity, json }
}

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
    counters.unseen.add((step.stretch.batch.rows.len() - step.stretch.ticks.len()) as u64);
    owed.past &= step.past;
    owed.stretch.declarations.extend_from_slice(&step.stretch.declarations);
    owed.controls.extend_from_slice(&step.controls);
    let room = OWED.saturating_sub(owed.outputs.len());
    counters.unseen.add(step.outputs.len().saturating_sub(room) as u64);
    owed.outputs.extend(step.outputs.iter().take(room).cloned());
}
