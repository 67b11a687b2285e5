//! A small store, and what becomes of it when a byte of it is flipped, a file is cut or gone, or something foreign lies
//! beside it.
//!
//! The store is what a real run has left when it was killed: journal and output log in several segments, three
//! checkpoints, two sinks with their cursors, one of which has delivered all, and one that is behind. Then a run is
//! started on what was damaged, is told a little more, and stopped. What must hold is in [`Found::check`].

use ouzel_connect::disk::Disk;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::limit::Beyond;
use ouzel_connect::sink::live::{Delivered, Delivery, LiveSink, Undelivered};
use ouzel_connect::source::live::{Ack, Fate, LiveSource, Next, Packet};
use ouzel_engine::reading::{Reading, TICK};
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config::{DevicesConfig, InForce};
use ouzel_pipeline::journal::{self, Follower, Record};
use ouzel_pipeline::live::notice::{Notice, Notices};
use ouzel_pipeline::live::{Lake, Live, Logs, Often, Parts, SinkPart, SinkWhat, SourcePart};
use ouzel_pipeline::outputs::Sizes;
use ouzel_pipeline::queue::{QueueSettings, WhenFull};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Where its files are.
pub const FOLDER: &str = "journal";

const CONFIG: &str = r#"
[window.short]
over = "heat"
size = "5s"
give = ["count", "mean"]

[detector.hot]
type = "threshold"
on = "heat"
above = 30

[alert.hot]
on = "hot"
"#;

/// The sink that has delivered all, and the one that is behind.
const SINKS: [&str; 2] = ["desk", "slow"];

/// Readings of the first run, and of the one behind it.
const READINGS: i64 = 34;
const MORE: i64 = 3;

/// The sink that is behind has taken what came of this one, and nothing since.
const LAST_TAKEN: i64 = 12;

/// A reading has this time, and belongs to one message.
fn moment(number: i64) -> Time {
    Time::from_secs(100 + number)
}

/// What a sink was told, by key, in order.
type Told = Vec<String>;

/// A run, in our hands.
struct Run {
    live: Live,
    clock: Clock,
    to: mpsc::Sender<Packet>,
    names: Names,
    told: [Arc<Mutex<Told>>; 2],
    notices: Receiver<Notice>,
}

struct Spoken(mpsc::Receiver<Packet>);

impl LiveSource for Spoken {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async { Ok(self.0.recv().await) })
    }
}

struct Desk {
    told: Arc<Mutex<Told>>,
    /// From now on it takes nothing.
    shut: Arc<AtomicBool>,
}

impl LiveSink for Desk {
    fn deliver<'a>(&'a mut self, deliveries: &'a [Delivery]) -> Delivered<'a> {
        if self.shut.load(Ordering::Relaxed) {
            let retry = Retry::After(Duration::from_secs(3_600));
            let fault = Fault { whose: Whose::You, retry, what: "it is shut".to_owned() };
            return Box::pin(async { Err(Undelivered { done: 0, fault }) });
        }
        let keys = deliveries.iter().map(|delivery| delivery.json.clone());
        self.told.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
        Box::pin(async { Ok(()) })
    }
}

impl Run {
    fn start(disk: &Disk, now: Time, shut: &Arc<AtomicBool>) -> Result<Run, Fault> {
        let (to, heard) = mpsc::channel(100);
        let (clock, told) = (Clock::manual(now), [Arc::default(), Arc::default()]);
        let queue = QueueSettings { holds: 1_000, when_full: WhenFull::Block, spill: 0 };
        let (notices, heard_notices) = Notices::new();
        let sink = |index: usize, told: &Arc<Mutex<Told>>| {
            let shut = if index == 1 { Arc::clone(shut) } else { Arc::default() };
            let sink = Box::new(Desk { told: Arc::clone(told), shut });
            let what = SinkWhat::Live { sink, at_most: None, beyond: Beyond::Wait };
            SinkPart {
                name: SINKS[index].into(),
                take: vec![Noun::Aggregates, Noun::Anomalies, Noun::Alerts].into(),
                what,
            }
        };
        let live = Live::start(Parts {
            config: InForce::read(CONFIG).map_err(Fault::yours)?,
            clock: clock.clone(),
            disk: disk.clone(),
            logs: Logs {
                sync: Duration::ZERO,
                journal: Sizes { segment: 700, bound: 1 << 30 },
                keep: u64::MAX,
                outputs: Sizes { segment: 1_000, bound: 1 << 30 },
                checkpoints: Often { every: Duration::from_secs(3_600), after: 500 },
                reserve: 0,
                ..Logs::new(FOLDER)
            },
            devices: DevicesConfig { limit: 100, idle: None },
            tables: Vec::new(),
            sources: vec![SourcePart {
                name: "floor".into(),
                source: Box::new(Spoken(heard)),
                queue,
                eager: true,
                ahead: Span::from_secs(3_600),
            }],
            sinks: told.iter().enumerate().map(|(index, told)| sink(index, told)).collect(),
            reread: None,
            lake: Lake::None,
            notices,
        })?;
        Ok(Run { live, clock, to, names: Names::new(), told, notices: heard_notices })
    }

    /// Says a reading, and waits for the answer.
    async fn say(&mut self, number: i64) -> Result<(), String> {
        let device = self.names.device(["oven", "press"][number as usize % 2], Timing::default(), &[]);
        let (device, channel) = (device.map_err(|_| "two devices are too many")?, self.names.channel("heat"));
        let series = self.names.series(device, channel);
        let (tell, told) = oneshot::channel();
        let value = if number % 7 == 3 { 60.0 } else { 20.0 };
        let packet = Packet {
            declarations: self.names.take_fresh(),
            rows: vec![Reading::new(series, moment(number), value)],
            ack: Some(Ack::new(move |fate| {
                // Who has stopped waiting does not mind.
                let _ = tell.send(fate);
            })),
            ..Packet::default()
        };
        self.to.send(packet).await.map_err(|_| "the source has ended")?;
        match told.await {
            Ok(Fate::Kept) => Ok(()),
            other => Err(format!("reading {number} became {other:?}")),
        }
    }

    async fn settle(&self) {
        self.live.mover(&self.clock).advance(Span::from_millis(100)).await;
    }

    fn told(&self) -> [Told; 2] {
        [0, 1].map(|index| self.told[index].lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// A small store, and what is known of it.
pub struct Store {
    /// Its files.
    pub disk: Disk,
    /// What the sinks had been told when the run was killed.
    before: [Told; 2],
    /// What they are told in all when nothing is damaged.
    whole: [Told; 2],
    /// Readings in the journal.
    readings: Readings,
}

/// The readings of a journal by their times, with the bytes of the whole journal that the record of each takes; and how
/// many bytes cannot be read.
#[derive(Clone, Debug, Default)]
struct Readings {
    all: BTreeMap<Time, (u64, u64)>,
    damaged: u64,
    /// Where records begin and end, of all kinds.
    records: BTreeMap<u64, u64>,
}

/// Bytes of a segment's head.
const HEAD: u64 = 28;

/// A damage, in words and deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The bits of this byte of a file are changed.
    Flip(PathBuf, usize, u8),
    /// A file ends here.
    Cut(PathBuf, usize),
    /// A file is gone.
    Gone(PathBuf),
    /// A file that is not ours has this name.
    Foreign(PathBuf, Vec<u8>),
}

/// What a run made of a damaged store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// It was said that something is wrong: at the start, or by whoever reads all of the journal.
    pub noticed: bool,
    /// It was said that the end of the journal was torn.
    pub torn: bool,
    /// Readings that are gone.
    pub lost: u64,
    /// Outputs that no sink was told of, though they had come out.
    pub untold: u64,
    /// Outputs that a sink was told of a second time.
    pub again: u64,
}

impl Store {
    /// Runs, and is killed.
    ///
    /// # Errors
    /// What does not work that should.
    pub fn make() -> Result<Store, String> {
        runtime()?.block_on(async {
            let disk = Disk::simulated();
            let shut = Arc::default();
            let mut run = Run::start(&disk, moment(0), &shut).map_err(|fault| fault.what)?;
            for number in 0..READINGS {
                run.say(number).await?;
                run.clock.advance(Span::from_secs(1));
                if number <= LAST_TAKEN {
                    // Not behind it: who settles waits for sinks.
                    run.settle().await;
                    shut.store(number == LAST_TAKEN, Ordering::Relaxed);
                }
            }
            run.settle().await;
            // All that was written is there: the power has not gone.
            let (killed, before) = (disk.fork(), run.told());
            drop(run);
            let readings = readings(&killed)?;
            let store = Store { disk: killed, before, whole: Default::default(), readings };
            let (_, told, _) = store.go_on(&store.disk.fork()).await?;
            let all = |index: usize| [&store.before[index][..], &told[index]].concat();
            Ok(Store { whole: [all(0), all(1)], ..store })
        })
    }

    /// Where the last record of the journal begins.
    pub fn last_record(&self) -> u64 {
        self.readings.records.last_key_value().map_or(0, |(from, _)| *from)
    }

    /// Whether a file that is cut so looks as if nothing had ever stood behind it: the cut is between two records of the
    /// last segment.
    pub fn is_clean(&self, damage: &Damage) -> bool {
        let Damage::Cut(path, size) = damage else { return false };
        let at = begin_of(path).map(|begin| begin + *size as u64);
        at.is_some_and(|at| self.readings.records.contains_key(&at))
    }

    /// Its files, with their bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = self.disk.files(Path::new(FOLDER)).unwrap_or_default().into_iter();
        let ours = |path: &PathBuf| {
            let kind = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
            ["journal", "outputs", "checkpoint", "cursor"].contains(&kind)
        };
        files.filter(ours).map(|path| (path.clone(), self.disk.read(&path).unwrap_or_default())).collect()
    }

    /// A later process: it is told a little more, and stopped.
    async fn go_on(&self, disk: &Disk) -> Result<(Vec<Notice>, [Told; 2], Readings), String> {
        let mut run = Run::start(disk, moment(READINGS), &Arc::default()).map_err(|fault| fault.what)?;
        for number in READINGS..READINGS + MORE {
            run.say(number).await?;
            run.clock.advance(Span::from_secs(1));
        }
        run.settle().await;
        let Run { live, told, notices, to, .. } = run;
        drop(to);
        live.stop().await.map_err(|fault| format!("it does not end well: {fault}"))?;
        let told = told.map(|told| std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner)));
        Ok((notices.try_iter().collect(), told, readings(disk)?))
    }

    /// Damages a copy, starts a run on it, and looks what becomes of it.
    ///
    /// # Errors
    /// What does not hold that should, in words.
    pub fn with(&self, damage: &Damage) -> Result<Outcome, String> {
        let disk = self.disk.fork();
        damage.done_to(&disk).map_err(|error| error.to_string())?;
        let found = runtime()?
            .block_on(self.go_on(&disk))
            .and_then(|(notices, told, readings)| self.check(damage, &notices, &told, &readings));
        found.map_err(|why| format!("{damage:?}: {why}"))
    }

    fn check(
        &self,
        damage: &Damage,
        notices: &[Notice],
        told: &[Told; 2],
        readings: &Readings,
    ) -> Result<Outcome, String> {
        let mut outcome = Outcome { noticed: !notices.is_empty() || readings.damaged > 0, ..Outcome::default() };
        outcome.torn = notices.iter().any(|notice| notice.what.contains("torn by a stop"));
        for number in READINGS..READINGS + MORE {
            if !readings.all.contains_key(&moment(number)) {
                return Err(format!("reading {number} was acknowledged afterwards, and is not in the journal"));
            }
        }
        let hit = damage.hits();
        for (time, place) in &self.readings.all {
            if readings.all.contains_key(time) {
                continue;
            }
            outcome.lost += 1;
            if hit.as_ref().is_none_or(|(from, to)| place.1 <= *from || place.0 >= *to) {
                return Err(format!("the reading of {time}, which stands at {place:?}, is lost"));
            }
        }
        for index in 0..SINKS.len() {
            let before: BTreeSet<&String> = self.before[index].iter().collect();
            let after: BTreeSet<&String> = told[index].iter().collect();
            if after.len() < told[index].len() {
                return Err(format!("sink `{}` was told something twice by one process", SINKS[index]));
            }
            outcome.again += after.intersection(&before).count() as u64;
            outcome.untold +=
                self.whole[index].iter().filter(|key| !before.contains(key) && !after.contains(key)).count() as u64;
        }
        Ok(outcome)
    }
}

impl Damage {
    fn done_to(&self, disk: &Disk) -> std::io::Result<()> {
        match self {
            Damage::Flip(path, at, bits) => {
                let mut bytes = disk.read(path)?;
                bytes[*at] ^= bits;
                disk.create(path)?.write_all(&bytes)
            }
            Damage::Cut(path, size) => disk.open(path)?.cut(*size as u64),
            Damage::Gone(path) => disk.remove(path),
            Damage::Foreign(path, bytes) => disk.create(path)?.write_all(bytes),
        }
    }

    /// The bytes of the whole journal that are damaged.
    fn hits(&self) -> Option<(u64, u64)> {
        match self {
            Damage::Flip(path, at, _) => begin_of(path).map(|begin| (begin + *at as u64, begin + *at as u64 + 1)),
            Damage::Cut(path, size) => begin_of(path).map(|begin| (begin + *size as u64, begin + 1_000)),
            Damage::Gone(path) => begin_of(path).map(|begin| (begin, begin + 1_000)),
            Damage::Foreign(..) => None,
        }
    }
}

/// Where a segment of the journal begins.
fn begin_of(path: &Path) -> Option<u64> {
    let journal = path.extension().is_some_and(|it| it == "journal");
    path.file_stem().filter(|_| journal)?.to_str()?.parse::<u64>().ok()
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))
}

fn readings(disk: &Disk) -> Result<Readings, String> {
    let begin = journal::begin(disk, Path::new(FOLDER)).map_err(|fault| fault.what)?.unwrap_or_default();
    let mut follower = Follower::recorded(disk, Path::new(FOLDER), begin);
    let (mut all, mut records, mut from) = (BTreeMap::new(), BTreeMap::new(), begin);
    let files = disk.files(Path::new(FOLDER)).map_err(|error| error.to_string())?;
    let begins: Vec<u64> = files.iter().filter_map(|path| begin_of(path)).collect();
    while let journal::Next::Record(record) = follower.next(Duration::ZERO).map_err(|fault| fault.what)? {
        let to = follower.position();
        // Its head stands before the first record of a segment.
        from += if begins.contains(&from) { HEAD } else { 0 };
        records.insert(from, to);
        if let Record::Stretch(journalled) = record {
            for row in journalled.stretch.batch.rows.iter().filter(|row| row.series != TICK) {
                if all.insert(row.time, (from, to)).is_some() {
                    return Err(format!("the reading of {} stands in the journal twice", row.time));
                }
            }
        }
        from = to;
    }
    Ok(Readings { all, damaged: follower.damaged(), records })
}
