//! Another config while it runs: the difference is applied, what did not change goes on untouched.
//!
//! The text goes into the journal like everything that changes state, so that a restart and a replay change over at the
//! same input. Sources and sinks that are the same keep their connections, queues and cursors; one that changed is
//! ended and begun again behind the same cursor and the same counters.

use super::drive::SourceDriver;
use super::entry::{Change, Feed};
use super::work::Sinks;
use super::{Live, SinkPart, SourcePart, fault};
use crate::config::{DevicesConfig, InForce};
use crate::counters::{SinkCounters, SourceCounters};
use crate::queue::Queue;
use crate::tables::{TableConfig, Watched, look_now};
use crate::wants::Wants;
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Take;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// What is to be there afterwards.
pub struct Reload {
    /// The config.
    pub config: InForce,
    /// How many devices there may be, and when one is retired.
    pub devices: DevicesConfig,
    /// The tables of its joins; they are read again, changed or not.
    pub tables: Vec<TableConfig>,
    /// Sources that are new or changed, and the names of those that are the same.
    pub sources: (Vec<SourcePart>, BTreeSet<String>),
    /// The same of sinks.
    pub sinks: (Vec<SinkPart>, Vec<Same>),
}

/// A sink that is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Same {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub take: Take,
    /// Whether people stand behind it.
    pub people: bool,
}

/// A source that runs.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) index: usize,
    pub(super) queue: Arc<Queue>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) task: tokio::task::JoinHandle<()>,
}

impl Live {
    /// Applies another config. Gives what has changed, in words.
    ///
    /// # Errors
    /// When the journal cannot take it: then nothing has changed. Or when a sink cannot be opened: then the others have.
    pub async fn reload(&mut self, reload: Reload) -> Result<Vec<String>, Fault> {
        let Reload { config, devices, tables, sources, sinks } = reload;
        let mut said = Vec::new();
        // A file on a network may take its time.
        let looked = tokio::task::spawn_blocking(|| look_now(tables.into_iter().map(Watched::new).collect())).await;
        let looked = looked.map_err(|error| fault(&error.to_string()))?;
        if config.text != self.common.config.text {
            self.controls.reload(config.clone(), looked).await?;
            if config.plan != self.common.config.plan {
                said.push(
                    "what is computed has changed; windows and detectors that did not keep their state".to_owned(),
                );
            }
            self.common.config = config;
        } else if !looked.is_empty() {
            self.controls.reload(config, looked).await?;
        }
        let _ = self.to_intake.send(Change::Devices(devices)).await;
        self.reload_sinks(sinks, &mut said).await?;
        self.reload_sources(sources, devices, &mut said).await?;
        if said.is_empty() {
            said.push("nothing has changed".to_owned());
        }
        Ok(said)
    }

    async fn reload_sinks(
        &mut self,
        (parts, same): (Vec<SinkPart>, Vec<Same>),
        said: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let plan = Arc::clone(&self.common.config.plan);
        let wants = |part: &SinkPart| Wants::new(&part.name, &part.take, part.people(), &plan);
        let mut all: Vec<Wants> = same.iter().map(|s| Wants::new(&s.name, &s.take, s.people, &plan)).collect();
        all.extend(parts.iter().map(wants));
        all.extend(self.sinks.kept().map(|(name, take)| Wants::new(name, take, false, &plan)));
        let keep: BTreeSet<&str> = same.iter().map(|same| same.name.as_str()).collect();
        let gone = self.sinks.leave(&keep).await;
        let (done, stand) = oneshot::channel();
        let text = Arc::clone(&self.common.config.text);
        self.to_work.send(Sinks { text, wants: all, done }).await.map_err(|_| fault("the pipeline has stopped"))?;
        let stand = stand.await.map_err(|_| fault("the pipeline has stopped"))?;
        for name in gone.iter().filter(|name| !parts.iter().any(|part| part.name == **name)) {
            said.push(format!("sink `{name}` has gone; what it was owed waits until it comes back"));
            if let Some(index) = self.counters.sinks.find(|sink| sink.name == *name) {
                self.counters.sinks.show(index, false);
            }
        }
        for part in parts {
            let word = if gone.contains(&part.name) { "has changed" } else { "is new" };
            said.push(format!("sink `{}` {word}", part.name));
            let index = match self.counters.sinks.find(|sink| sink.name == part.name) {
                Some(index) => index,
                None => {
                    let counters = SinkCounters { name: part.name.clone(), ..SinkCounters::default() };
                    self.counters.sinks.push(counters).ok_or_else(too_many)?
                }
            };
            self.counters.sinks.show(index, true);
            self.sinks.start(&self.common, part, index, &self.readers, &self.roll, &stand)?;
        }
        Ok(())
    }

    async fn reload_sources(
        &mut self,
        (parts, same): (Vec<SourcePart>, BTreeSet<String>),
        devices: DevicesConfig,
        said: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let (mut keep, mut gone) = (Vec::new(), BTreeSet::new());
        for source in std::mem::take(&mut self.sources) {
            if same.contains(&source.name) {
                keep.push(source);
                continue;
            }
            let _ = source.stop.send(true);
            let _ = source.task.await;
            let _ = self.to_intake.send(Change::Go(source.index)).await;
            self.drained(&source.queue).await;
            self.counters.sources.show(source.index, false);
            gone.insert(source.name);
        }
        self.sources = keep;
        for name in gone.iter().filter(|name| !parts.iter().any(|part| part.name == **name)) {
            said.push(format!("source `{name}` has gone"));
        }
        for part in parts {
            let word = if gone.contains(&part.name) { "has changed" } else { "is new" };
            said.push(format!("source `{}` {word}", part.name));
            let index = match self.counters.sources.find(|source| source.name == part.name) {
                Some(index) => index,
                None => {
                    let counters = SourceCounters { name: part.name.clone(), ..SourceCounters::default() };
                    self.counters.sources.push(counters).ok_or_else(too_many)?
                }
            };
            self.counters.sources.show(index, true);
            let feed = self.start_source(part, index, devices);
            let _ = self.to_intake.send(Change::Come(Box::new(feed))).await;
        }
        self.bell.ring();
        Ok(())
    }

    /// Waits until what stood in a queue is in the journal, but not for a disk that is full.
    async fn drained(&self, queue: &Queue) {
        let until = Instant::now() + DRAIN;
        while !queue.is_over() && Instant::now() < until {
            self.bell.ring();
            tokio::time::sleep(LOOK).await;
        }
        let rounds = self.counters.rounds.get();
        while self.counters.rounds.get() < rounds + 2 && Instant::now() < until {
            self.bell.ring();
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Starts a source, and gives where the intake finds what it brings.
    pub(super) fn start_source(&mut self, mut part: SourcePart, index: usize, devices: DevicesConfig) -> Feed {
        part.source.limit(devices.limit.saturating_add(devices.limit / 4));
        part.source.resume(&|file| self.places.get(&part.name, file));
        let SourcePart { name, source, queue, eager, ahead } = part;
        let queue = Arc::new(Queue::new(queue, Arc::clone(&self.bell), Arc::clone(&self.counters), index));
        let feed = Feed::new(name.clone(), Arc::clone(&queue), index, eager, ahead);
        let (stop, stopped) = watch::channel(false);
        let driver = SourceDriver {
            name: name.clone(),
            source,
            queue: Arc::clone(&queue),
            counters: Arc::clone(&self.counters),
            index,
            clock: self.common.clock.clone(),
            notices: self.common.notices.clone(),
            stop: stopped,
        };
        self.sources.push(Source { name, index, queue, stop, task: tokio::spawn(driver.run()) });
        feed
    }
}

/// How long to wait for what stands in the queue of a source that goes, and how often to look.
const DRAIN: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(1);

fn too_many() -> Fault {
    fault("too many sources or sinks have come and gone; start anew")
}

/// What a reload says of a section that is only read at the start.
pub fn at_next_start(section: &str) -> String {
    format!("`[{section}]` has changed; that takes effect at the next start")
}
