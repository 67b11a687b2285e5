//! A live run: sources over networks, the journal, the shards, those who look on; started, and stopped with nothing lost.
//!
//! ```text
//! source → queue ┐                        ┌→ lake
//! source → queue ┼→ intake → journal → work ┼→ page
//! source → queue ┘                        └→ sinks
//! ```
//! Sources and sinks are tasks, intake, work and lake are threads; they share counters and pass everything else on.

mod cursor;
mod drive;
mod entry;
mod keep;
pub mod notice;
pub mod play;
mod work;

use crate::clock::Clock;
use crate::control::Controls;
use crate::counters::{Counters, SinkCounters, SourceCounters};
use crate::journal::{Journal, Mender, Opening};
use crate::outlet::Outlet;
use crate::queue::{Bell, Queue, QueueSettings};
use crate::step::Step;
use crate::stream::Stream;
use cursor::Cursor;
use drive::{SinkDriver, SourceDriver};
use entry::{Entry, Feed, Known};
use notice::Notices;
use ouzel_connect::disk::Disk;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::live::LiveSink;
use ouzel_connect::source::live::LiveSource;
use ouzel_engine::plan::Plan;
use ouzel_engine::time::Span;
use ouzel_lake::{LakeReader, LakeSettings};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use work::{Post, Silences, Watch, Work};

/// What a live run is made of.
pub struct Parts {
    /// What is computed.
    pub plan: Arc<Plan>,
    /// What time it is.
    pub clock: Clock,
    /// Where files are.
    pub disk: Disk,
    /// The journal's folder.
    pub journal: PathBuf,
    /// The longest that a message waits for a sync.
    pub sync: Duration,
    /// Where readings come from.
    pub sources: Vec<SourcePart>,
    /// Sinks that are files.
    pub outlet: Outlet,
    /// Sinks over networks.
    pub sinks: Vec<SinkPart>,
    /// Where results rest.
    pub lake: Lake,
    /// Where people hear of trouble.
    pub notices: Notices,
}

/// Where results rest.
pub enum Lake {
    /// In files.
    Files(LakeSettings),
    /// In memory, the newest: for a page without a lake.
    Memory(LakeSettings),
    /// Nowhere.
    None,
}

/// A source.
pub struct SourcePart {
    /// Its name.
    pub name: String,
    /// What is waited for.
    pub source: Box<dyn LiveSource>,
    /// Its queue.
    pub queue: QueueSettings,
    /// Its senders do nothing until they are answered, so a sync is not put off for them.
    pub eager: bool,
}

/// A sink over a network.
pub struct SinkPart {
    /// Its name.
    pub name: String,
    /// What delivers.
    pub sink: Box<dyn LiveSink>,
    /// The nouns it takes, beside the alerts that are sent to it by name.
    pub take: Vec<Noun>,
}

/// A run that is going on.
pub struct Live {
    /// What it counts.
    pub counters: Arc<Counters>,
    /// Where people's words go.
    pub controls: Controls,
    /// What happens; for one listener.
    pub steps: Option<mpsc::Receiver<Arc<Step>>>,
    /// What is at rest.
    pub lake: Option<LakeReader>,
    bell: Arc<Bell>,
    stopping: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    queues: Vec<Arc<Queue>>,
    threads: Vec<JoinHandle<Result<(), Fault>>>,
    sinks: Vec<tokio::task::JoinHandle<()>>,
    sources: Vec<tokio::task::JoinHandle<()>>,
}

/// Deliveries that may wait for a sink.
const DELIVERIES: usize = 10_000;

/// Steps that a page may be behind before readings are left out for it.
const STEPS: usize = 256;

/// What all parts have in common.
struct Common {
    plan: Arc<Plan>,
    clock: Clock,
    disk: Disk,
    /// The journal's.
    folder: PathBuf,
    counters: Arc<Counters>,
    notices: Notices,
    /// For threads: goes up when the sources have ended.
    stopping: Arc<AtomicBool>,
    /// For tasks: goes up when the run is to end.
    stopped: watch::Receiver<bool>,
}

impl Common {
    /// The drivers of the sinks, and the ways to them. A sink that is new begins at the input numbered `now`.
    fn sinks(&self, parts: Vec<SinkPart>, now: u64) -> Result<(Vec<Post>, Vec<tokio::task::JoinHandle<()>>), Fault> {
        let (mut posts, mut drivers) = (Vec::new(), Vec::new());
        for (index, SinkPart { name, sink, take }) in parts.into_iter().enumerate() {
            let (to, deliveries) = mpsc::channel(DELIVERIES);
            let (cursor, said) = Cursor::open(&self.disk, &self.folder, &name, now)?;
            said.into_iter().for_each(|what| self.notices.warn(format!("sink `{name}`: {what}")));
            let rules = self.plan.alerts.iter().map(|rule| rule.send.contains(&name)).collect();
            let next = cursor.next();
            posts.push(Post { name: name.clone(), takes: take, rules, to, index, next, last: None, told: false });
            let (counters, notices, stop) = (Arc::clone(&self.counters), self.notices.clone(), self.stopped.clone());
            let driver = SinkDriver { name, sink, deliveries, counters, index, notices, stop, ends: None, cursor };
            drivers.push(tokio::spawn(driver.run()));
        }
        Ok((posts, drivers))
    }

    /// The drivers of the sources, not yet started, and where the intake finds what they bring.
    fn sources(&self, parts: Vec<SourcePart>, bell: &Arc<Bell>) -> (Vec<Feed>, Vec<SourceDriver>) {
        let (mut feeds, mut drivers) = (Vec::new(), Vec::new());
        for (index, SourcePart { name, source, queue, eager }) in parts.into_iter().enumerate() {
            let counters = Arc::clone(&self.counters);
            let queue = Arc::new(Queue::new(queue, Arc::clone(bell), Arc::clone(&counters), index));
            feeds.push(Feed::new(name.clone(), Arc::clone(&queue), eager));
            let (clock, notices, stop) = (self.clock.clone(), self.notices.clone(), self.stopped.clone());
            drivers.push(SourceDriver { name, source, queue, counters, index, clock, notices, stop });
        }
        (feeds, drivers)
    }
}

fn counters_of(sources: &[SourcePart], sinks: &[SinkPart]) -> Counters {
    let source = |part: &SourcePart| SourceCounters { name: part.name.clone(), ..SourceCounters::default() };
    let sink = |part: &SinkPart| SinkCounters { name: part.name.clone(), ..SinkCounters::default() };
    Counters {
        sources: sources.iter().map(source).collect(),
        sinks: sinks.iter().map(sink).collect(),
        ..Counters::default()
    }
}

impl Live {
    /// Starts everything, those who listen before those who speak. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the journal, the lake or a sink's cursor cannot be opened.
    pub fn start(parts: Parts) -> Result<Live, Fault> {
        let Parts { plan, clock, disk, journal: folder, sync, sources, outlet, sinks, lake, notices } = parts;
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::new(counters_of(&sources, &sinks));
        let stopping = Arc::new(AtomicBool::new(false));
        let common = Common { plan, clock, disk, folder, counters, notices, stopping, stopped };
        let (mut known, mut past) = (Known::default(), 0);
        let (journal, opening) = Journal::open(&common.disk, &common.folder, |record| {
            past += 1;
            known.see(record);
        })?;
        report(&opening, known.lost(), &common.notices);
        let mut threads = Vec::new();
        let (to_lake, lake) = match keep::start(&common, lake, &mut known.next_number)? {
            Some(kept) => {
                threads.push(kept.thread);
                (Some(kept.way), Some(kept.reader))
            }
            None => (None, None),
        };
        let (to_watch, steps) = mpsc::channel(STEPS);
        let (posts, deliverers) = common.sinks(sinks, known.next_number)?;
        let work = Work {
            stream: Stream::new(&common.plan, 1),
            plan: Arc::clone(&common.plan),
            clock: common.clock.clone(),
            tail: journal.tail(),
            past,
            mender: Mender::default(),
            outlet,
            posts,
            lake: to_lake,
            silences: Silences::default(),
            watch: Watch { to: Some(to_watch), owed: None },
            counters: Arc::clone(&common.counters),
            notices: common.notices.clone(),
        };
        threads.push(spawn("work", move || work.run())?);
        let bell = Arc::new(Bell::default());
        let (feeds, drivers) = common.sources(sources, &bell);
        let queues = feeds.iter().map(|feed| Arc::clone(&feed.queue)).collect();
        let (controls, said) = Controls::new(common.clock.clone());
        let entry = Entry {
            plan: Arc::clone(&common.plan),
            clock: common.clock.clone(),
            sync,
            journal,
            bell: Arc::clone(&bell),
            feeds,
            known,
            said,
            counters: Arc::clone(&common.counters),
            notices: common.notices.clone(),
            stop: Arc::clone(&common.stopping),
        };
        threads.push(spawn("intake", move || entry.run())?);
        ring_on_advance(&common.clock, &bell);
        Ok(Live {
            counters: common.counters,
            controls,
            steps: Some(steps),
            lake,
            bell,
            stopping: common.stopping,
            stop,
            queues,
            threads,
            sinks: deliverers,
            sources: drivers.into_iter().map(|driver| tokio::spawn(driver.run())).collect(),
        })
    }

    /// Stops: sources first, then what is on its way goes to its end. Nothing that was acknowledged is lost.
    ///
    /// # Errors
    /// The first fault of a part that could not end well.
    pub async fn stop(self) -> Result<(), Fault> {
        let Live { stop, stopping, bell, threads, sinks, sources, .. } = self;
        // The drivers hold a receiver each, as long as they run.
        let _ = stop.send(true);
        for source in sources {
            let _ = source.await;
        }
        stopping.store(true, Ordering::Relaxed);
        bell.ring();
        let ended = tokio::task::spawn_blocking(move || {
            let mut first = Ok(());
            for thread in threads.into_iter().rev() {
                let ended =
                    thread.join().unwrap_or_else(|_| Err(fault("a thread has stopped; its message stands above")));
                first = first.and(ended);
            }
            first
        });
        let ended = ended.await.unwrap_or_else(|error| Err(fault(&error.to_string())));
        for sink in sinks {
            let _ = sink.await;
        }
        ended
    }

    /// Whether a part has ended that should not have: the run cannot go on, and [`Live::stop`] says why.
    pub fn is_broken(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// What moves a manual clock on: in steps of 100 ms, each to its end. The wall's clock it leaves alone.
    pub fn mover(&self, clock: &Clock) -> Mover {
        Mover {
            clock: clock.clone(),
            bell: Arc::clone(&self.bell),
            queues: self.queues.clone(),
            counters: Arc::clone(&self.counters),
        }
    }
}

/// See [`Live::mover`].
#[derive(Clone)]
pub struct Mover {
    clock: Clock,
    bell: Arc<Bell>,
    queues: Vec<Arc<Queue>>,
    counters: Arc<Counters>,
}

impl Mover {
    /// Moves the clock on, and waits until all that follows from it is done.
    pub async fn advance(&self, by: Span) {
        let mut left = by;
        while left > Span::ZERO {
            let step = left.min(Span::from_millis(100));
            self.clock.advance(step);
            left = Span(left.0 - step.0);
            self.settle().await;
        }
    }

    /// Waits until nothing is on its way: whoever plays by the clock sleeps, the queues are empty, the intake has looked
    /// round since, and all that it wrote was worked off.
    async fn settle(&self) {
        let Clock::Manual(clock) = &self.clock else { return };
        while !clock.all_sleep() || self.queues.iter().any(|queue| !queue.is_empty()) {
            tokio::time::sleep(LOOK).await;
        }
        // The first round may have begun before the ring.
        let rounds = self.counters.rounds.get();
        while self.counters.rounds.get() < rounds + 2 || self.counters.records.get() > self.counters.followed.get() {
            self.bell.ring();
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How often somebody who waits for a run to come to rest looks at it.
const LOOK: Duration = Duration::from_micros(200);

/// A manual clock rings for the intake when it is moved.
fn ring_on_advance(clock: &Clock, bell: &Arc<Bell>) {
    if let Clock::Manual(now) = clock {
        let (mut moved, bell) = (now.moves(), Arc::clone(bell));
        tokio::spawn(async move {
            while moved.changed().await.is_ok() {
                bell.ring();
            }
        });
    }
}

fn report(opening: &Opening, lost: u64, notices: &Notices) {
    if opening.torn > 0 {
        notices.note(format!(
            "the journal's last {} bytes were torn by a stop in their midst, and were cut",
            opening.torn
        ));
    }
    if opening.damaged > 0 {
        notices.warn(format!("{} bytes of the journal are damaged and were skipped", opening.damaged));
    }
    if lost > 0 {
        notices.warn(format!(
            "{lost} readings of the journal are left out: the names of their series were in what is damaged"
        ));
    }
}

fn spawn(
    name: &str,
    run: impl FnOnce() -> Result<(), Fault> + Send + 'static,
) -> Result<JoinHandle<Result<(), Fault>>, Fault> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| fault(&format!("cannot start a thread: {error}")))
}

fn fault(what: &str) -> Fault {
    Fault { whose: Whose::Us, retry: Retry::Never, what: what.to_owned() }
}
