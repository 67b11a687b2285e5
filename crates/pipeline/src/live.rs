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
use ouzel_lake::{LakeReader, LakeSettings, LakeWriter};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use work::{LakeWay, Post, Silences, Watch, Work};

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
    /// What the opening of the journal found.
    pub opening: Opening,
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

/// Steps that the lake may be behind before the shards wait for it: they come from the journal and lose nothing.
const LAKE_STEPS: usize = 16;

impl Live {
    /// Starts everything, the last part first. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the journal or the lake cannot be opened.
    pub fn start(parts: Parts) -> Result<Live, Fault> {
        let Parts { plan, clock, disk, journal: folder, sync, sources, outlet, sinks, lake, notices } = parts;
        let counters = Arc::new(Counters {
            sources: sources.iter().map(|s| SourceCounters { name: s.name.clone(), ..Default::default() }).collect(),
            sinks: sinks.iter().map(|s| SinkCounters { name: s.name.clone(), ..Default::default() }).collect(),
            ..Counters::default()
        });
        let (mut known, mut past) = (Known::default(), 0);
        let (journal, opening) = Journal::open(&disk, &folder, |record| {
            past += u64::from(record != crate::journal::Record::Begin);
            known.see(record);
        })?;
        report(&opening, &notices);
        let (stop, stopped) = watch::channel(false);
        let mut threads = Vec::new();
        let opened = match lake {
            Lake::Files(settings) => Some(LakeWriter::open(&disk, &settings.dir.clone(), Arc::clone(&plan), settings)?),
            Lake::Memory(settings) => Some(LakeWriter::in_memory(Arc::clone(&plan), settings)),
            Lake::None => None,
        };
        let stopping = Arc::new(AtomicBool::new(false));
        let (mut to_lake, mut lake) = (None, None);
        if let Some((writer, reader)) = opened {
            if writer.kept() > known.next_number {
                let what = "the lake has more than the journal, which was removed or cut; it goes on behind that";
                notices.warn(what);
                known.next_number = writer.kept();
            }
            let (to, steps) = sync_channel(LAKE_STEPS);
            let (clock, counters, notices) = (clock.clone(), Arc::clone(&counters), notices.clone());
            let (stuck, stop) = (Arc::new(AtomicBool::new(false)), Arc::clone(&stopping));
            let way = LakeWay { to, stuck: Arc::clone(&stuck) };
            let keeper = Keeper { writer, clock, counters, reader: reader.clone(), notices, stuck, stop };
            threads.push(spawn("lake", move || keeper.run(&steps))?);
            (to_lake, lake) = (Some(way), Some(reader));
        }
        let (to_watch, steps) = mpsc::channel(STEPS);
        let (mut posts, mut deliverers) = (Vec::new(), Vec::new());
        for (index, part) in sinks.into_iter().enumerate() {
            let (to, deliveries) = mpsc::channel(DELIVERIES);
            let (cursor, said) = Cursor::open(&disk, &folder, &part.name, known.next_number)?;
            said.into_iter().for_each(|what| notices.warn(format!("sink `{}`: {what}", part.name)));
            posts.push(Post {
                name: part.name.clone(),
                takes: part.take,
                rules: plan.alerts.iter().map(|rule| rule.send.contains(&part.name)).collect(),
                to,
                index,
                next: cursor.next(),
                last: None,
                told: false,
            });
            let (counters, notices, stop) = (Arc::clone(&counters), notices.clone(), stopped.clone());
            let (name, sink) = (part.name, part.sink);
            let driver = SinkDriver { name, sink, deliveries, counters, index, notices, stop, ends: None, cursor };
            deliverers.push(tokio::spawn(driver.run()));
        }
        let work = Work {
            stream: Stream::new(&plan, 1),
            plan: Arc::clone(&plan),
            clock: clock.clone(),
            tail: journal.tail(),
            past,
            mender: Mender::default(),
            outlet,
            posts,
            lake: to_lake,
            silences: Silences::default(),
            watch: Watch { to: Some(to_watch), owed: None },
            counters: Arc::clone(&counters),
            notices: notices.clone(),
        };
        threads.push(spawn("work", move || work.run())?);
        let bell = Arc::new(Bell::default());
        let (mut feeds, mut queues, mut drivers) = (Vec::new(), Vec::new(), Vec::new());
        for (index, part) in sources.into_iter().enumerate() {
            let queue = Arc::new(Queue::new(part.queue, Arc::clone(&bell), Arc::clone(&counters), index));
            queues.push(Arc::clone(&queue));
            feeds.push(Feed::new(part.name.clone(), Arc::clone(&queue), part.eager));
            drivers.push(SourceDriver {
                name: part.name,
                source: part.source,
                queue,
                counters: Arc::clone(&counters),
                index,
                clock: clock.clone(),
                notices: notices.clone(),
                stop: stopped.clone(),
            });
        }
        let (controls, said) = Controls::new(clock.clone());
        let entry = Entry {
            plan,
            clock: clock.clone(),
            sync,
            journal,
            bell: Arc::clone(&bell),
            feeds,
            known,
            said,
            counters: Arc::clone(&counters),
            notices,
            stop: Arc::clone(&stopping),
        };
        threads.push(spawn("intake", move || entry.run())?);
        let sources = drivers.into_iter().map(|driver| tokio::spawn(driver.run())).collect();
        ring_on_advance(&clock, &bell);
        let steps = Some(steps);
        Ok(Live {
            counters,
            controls,
            steps,
            lake,
            opening,
            bell,
            stopping,
            stop,
            queues,
            threads,
            sinks: deliverers,
            sources,
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

fn report(opening: &Opening, notices: &Notices) {
    if opening.torn > 0 {
        notices.note(format!(
            "the journal's last {} bytes were torn by a stop in their midst, and were cut",
            opening.torn
        ));
    }
    if opening.damaged > 0 {
        notices.warn(format!("{} bytes of the journal are damaged and were skipped", opening.damaged));
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

/// How often the lake looks whether files are to be written.
const TICK: Duration = Duration::from_secs(1);

/// The thread that keeps the lake.
struct Keeper {
    writer: LakeWriter,
    clock: Clock,
    counters: Arc<Counters>,
    reader: LakeReader,
    notices: Notices,
    /// Up while there is no room.
    stuck: Arc<AtomicBool>,
    /// The run is to end.
    stop: Arc<AtomicBool>,
}

impl Keeper {
    fn run(mut self, steps: &Receiver<Arc<Step>>) -> Result<(), Fault> {
        let mut told = None;
        loop {
            let kept = match steps.recv_timeout(TICK) {
                Ok(step) => self.keep(&step, &mut told),
                Err(RecvTimeoutError::Timeout) => self.writer.tick(self.clock.now()),
                Err(RecvTimeoutError::Disconnected) => return self.writer.finish(),
            };
            self.tell(kept, &mut told);
            self.counters.lake_files.set(self.reader.files() as i64);
            self.counters.lake_readings.set(self.reader.rows_kept() as i64);
        }
    }

    /// Takes a step, and rolls files where it is time. What the lake has no room for waits here, and the journal holds
    /// what comes behind it.
    fn keep(&mut self, step: &Step, told: &mut Option<String>) -> Result<(), Fault> {
        let stretch = &step.stretch;
        while let Err(fault) = self.writer.take(&stretch.declarations, &stretch.batch, &step.outputs) {
            if fault.retry == Retry::Never || self.stop.load(Ordering::Relaxed) {
                return Err(fault);
            }
            self.stuck.store(true, Ordering::Relaxed);
            self.tell(Err(fault), told);
            std::thread::sleep(TICK);
            // A failed roll is tried again by this.
            let _ = self.writer.tick(self.clock.now());
        }
        self.stuck.store(false, Ordering::Relaxed);
        if step.past { Ok(()) } else { self.writer.tick(self.clock.now()) }
    }

    /// The same trouble is told once, not once a second.
    fn tell(&self, kept: Result<(), Fault>, told: &mut Option<String>) {
        let trouble = kept.err().map(|fault| fault.to_string());
        if let Some(what) = trouble.as_ref().filter(|_| trouble != *told) {
            self.notices.warn(format!("the lake: {what}"));
        }
        *told = trouble;
    }
}
