//! A live run: sources over networks, the journal, the shards, those who look on; started, and stopped with nothing lost.
//!
//! ```text
//! source → queue ┐                        ┌→ lake
//! source → queue ┼→ intake → journal → work ┼→ page
//! source → queue ┘              ↓         └→ output log → sinks, each at its own pace
//!                          checkpoints
//! ```
//! Sources and sinks over networks are tasks; intake, work, lake, checkpoints and each file are threads. They share
//! counters and pass everything else on.

mod behind;
mod cursor;
mod deliver;
mod drive;
mod entry;
mod held;
mod keep;
mod mover;
pub mod notice;
mod open;
pub mod play;
mod record;
mod reload;
mod roll;
mod save;
mod sinks;
mod work;

pub use cursor::{Reached, reached};
pub use mover::Mover;
pub use reload::{Reload, Same, at_next_start};
pub use save::Often;

use crate::clock::Clock;
use crate::config::{DevicesConfig, InForce};
use crate::control::Controls;
use crate::counters::Counters;
use crate::log::Readers;
use crate::outputs::Sizes;
use crate::queue::{Bell, QueueSettings};
use crate::runner::Reread;
use crate::step::Step;
use crate::tables::TableConfig;
use entry::Change;
use held::{Held, Places};
use notice::Notices;
use ouzel_connect::disk::Disk;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::sink::limit::{Beyond, Rate};
use ouzel_connect::sink::live::LiveSink;
use ouzel_connect::sink::{Sink, SinkSettings, Take};
use ouzel_connect::source::live::LiveSource;
use ouzel_engine::series::Series;
use ouzel_engine::time::Span;
use ouzel_lake::{LakeReader, LakeSettings};
use roll::Roll;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use work::Sinks;

/// What a live run is made of.
pub struct Parts {
    /// What is computed, and the text that says so.
    pub config: InForce,
    /// What time it is.
    pub clock: Clock,
    /// Where files are.
    pub disk: Disk,
    /// Where logs and checkpoints are, and how large they may be.
    pub logs: Logs,
    /// How many devices there may be, and when one is retired.
    pub devices: DevicesConfig,
    /// Tables of joins.
    pub tables: Vec<TableConfig>,
    /// Where readings come from.
    pub sources: Vec<SourcePart>,
    /// Where results go.
    pub sinks: Vec<SinkPart>,
    /// Where results rest.
    pub lake: Lake,
    /// Reads files again that the journal refers to.
    pub reread: Option<Box<dyn Reread>>,
    /// Where people hear of trouble.
    pub notices: Notices,
}

/// Journal, output log and checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Their folder.
    pub folder: PathBuf,
    /// The longest that a message waits for a sync.
    pub sync: Duration,
    /// When the journal is full, and when a segment of it is.
    pub journal: Sizes,
    /// So much of the journal is kept although nobody needs it.
    pub keep: u64,
    /// When the output log gives its oldest segment up, and when a segment of it is full.
    pub outputs: Sizes,
    /// When checkpoints are made.
    pub checkpoints: Often,
    /// Room on the disk that is set aside, beside that for a checkpoint.
    pub reserve: u64,
}

impl Logs {
    /// In this folder, of usual sizes.
    pub fn new(folder: impl Into<PathBuf>) -> Logs {
        Logs {
            folder: folder.into(),
            sync: Duration::from_millis(20),
            journal: Sizes { segment: 64 << 20, bound: 2 << 30 },
            keep: 0,
            outputs: Sizes { segment: 16 << 20, bound: 256 << 20 },
            checkpoints: Often { every: Duration::from_secs(60), after: 64 << 20 },
            reserve: 1 << 20,
        }
    }
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
    /// How far past the clock here a time of its readings may be; what is further goes aside.
    pub ahead: Span,
}

/// A sink.
pub struct SinkPart {
    /// Its name.
    pub name: String,
    /// What it takes, beside the alerts that are sent to it by name.
    pub take: Take,
    /// What it is.
    pub what: SinkWhat,
}

impl SinkPart {
    /// Whether people stand behind it: what they silenced is not told, and trouble of the pipeline is.
    fn people(&self) -> bool {
        matches!(self.what, SinkWhat::Live { .. })
    }
}

/// The sorts of sinks.
pub enum SinkWhat {
    /// Files that go on where they were left.
    Files(SinkSettings),
    /// Written to by this process from now on: standard output, a witness.
    Now(Box<dyn Sink>),
    /// Over a network.
    Live {
        /// What delivers.
        sink: Box<dyn LiveSink>,
        /// How much it may be sent.
        at_most: Option<Rate>,
        /// What becomes of more.
        beyond: Beyond,
    },
}

/// A run that is going on.
pub struct Live {
    /// What it counts.
    pub counters: Arc<Counters>,
    /// Where people's words go.
    pub controls: Controls,
    /// What happens; for one listener.
    pub steps: Option<mpsc::Receiver<Arc<Step>>>,
    /// The series whose open windows the listener wants to hear of; a few.
    pub looks: watch::Sender<Arc<[Series]>>,
    /// The names of the operators whose readings the listener wants to hear; a few.
    pub taps: watch::Sender<Arc<[String]>>,
    /// What is at rest.
    pub lake: Option<LakeReader>,
    common: Common,
    bell: Arc<Bell>,
    roll: Roll,
    /// Makes readers of the output log.
    readers: Readers,
    to_intake: mpsc::Sender<Change>,
    to_work: mpsc::Sender<Sinks>,
    places: Places,
    /// Those without which nothing goes on, in the order of their start.
    threads: Vec<JoinHandle<Result<(), Fault>>>,
    sinks: sinks::Running,
    sources: Vec<reload::Source>,
}

/// What all parts have in common.
struct Common {
    config: InForce,
    clock: Clock,
    disk: Disk,
    logs: Logs,
    counters: Arc<Counters>,
    held: Arc<Held>,
    notices: Notices,
    /// For threads: goes up when the sources have ended.
    stopping: Arc<AtomicBool>,
}

impl Live {
    /// Stops: sources first, then what is on its way goes to its end. Nothing that was acknowledged is lost.
    ///
    /// # Errors
    /// The first fault of a part that could not end well.
    pub async fn stop(self) -> Result<(), Fault> {
        let Live { common, bell, threads, sinks, sources, .. } = self;
        for source in &sources {
            // A driver that has ended already need not be told.
            let _ = source.stop.send(true);
        }
        for source in sources {
            let _ = source.task.await;
        }
        common.stopping.store(true, Ordering::Relaxed);
        bell.ring();
        let ended = tokio::task::spawn_blocking(move || {
            let mut first = Ok(());
            for thread in threads.into_iter().rev() {
                first = first.and(joined(thread));
            }
            first
        });
        let ended = ended.await.unwrap_or_else(|error| Err(fault(&error.to_string())));
        // The output log is closed by now, so whoever reads it comes to its end.
        ended.and(sinks.end().await)
    }

    /// Whether a part has ended that should not have: the run cannot go on, and [`Live::stop`] says why.
    pub fn is_broken(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// What moves a manual clock on: in steps of 100 ms, each to its end. The wall's clock it leaves alone.
    pub fn mover(&self, clock: &Clock) -> Mover {
        let queues: Vec<_> = self.sources.iter().map(|source| Arc::clone(&source.queue)).collect();
        Mover::new(clock, &self.bell, &queues, &self.counters)
    }
}

fn joined(thread: JoinHandle<Result<(), Fault>>) -> Result<(), Fault> {
    thread.join().unwrap_or_else(|_| Err(fault("a thread has stopped; its message stands above")))
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
