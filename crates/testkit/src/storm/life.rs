//! A process of a storm: a live run with one source that the storm speaks through, and one sink that remembers.
//!
//! Whatever it hears, it hears with the number of calls that the disk had seen by then, so that the storm can tell what
//! came before a cut of the power.

use super::Message;
use ouzel_connect::disk::Disk;
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::limit::Beyond;
use ouzel_connect::sink::live::{Delivered, Delivery, LiveSink};
use ouzel_connect::source::live::{Ack, Fate, LiveSource, Mark, Next, Packet};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_lake::{LakeReader, LakeSettings};
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config::{DevicesConfig, InForce};
use ouzel_pipeline::control::Order;
use ouzel_pipeline::live::notice::Notices;
use ouzel_pipeline::live::{Lake, Live, Logs, Often, Parts, SinkPart, SinkWhat, SourcePart};
use ouzel_pipeline::outputs::Sizes;
use ouzel_pipeline::queue::{QueueSettings, WhenFull};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const CONFIG: &str = r#"
[window.short]
over = "heat"
size = "5s"
give = ["count", "mean", "max"]

[detector.hot]
type = "threshold"
on = "heat"
above = { warning = 30, critical = 50 }

[detector.gone]
type = "missing"
on = "heat"
silence = "10s"

[alert.hot]
on = ["hot", "gone"]
"#;

/// Where the journal of a storm is.
pub(super) const JOURNAL: &str = "journal";

/// Where its lake is.
pub(super) const LAKE: &str = "lake";

/// What a run says at its end of a thread that has panicked.
pub(super) const PANICKED: &str = "a thread has stopped";

/// What the sink of a storm takes.
pub(super) const TAKE: [Noun; 3] = [Noun::Aggregates, Noun::Anomalies, Noun::Alerts];

/// By how much the clock moves while a life comes to rest.
pub(super) const SETTLE: Span = Span::from_millis(100);

/// How often somebody who waits for an answer looks whether there can be one.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How the lives of a storm are set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) lake: bool,
    pub(super) sync_ms: u64,
    pub(super) eager: bool,
    /// Bytes of journal from one checkpoint to the next.
    pub(super) checkpoint: u64,
}

/// What is computed in a storm.
///
/// # Errors
/// Never, but for a mistake in the config above.
pub(super) fn plan() -> Result<Arc<Plan>, String> {
    InForce::read(CONFIG).map(|config| config.plan)
}

/// The parts of a run; what a run needs that a storm does not care for is decided here alone.
fn parts(disk: &Disk, clock: &Clock, setting: Setting, source: Spoken, desk: Desk) -> Result<Parts, String> {
    let queue = QueueSettings { holds: 1_000, when_full: WhenFull::Block, spill: 0 };
    Ok(Parts {
        config: InForce::read(CONFIG)?,
        clock: clock.clone(),
        disk: disk.clone(),
        // Small, so that a life has several segments and checkpoints; and all of it is kept, to be looked at.
        logs: Logs {
            sync: Duration::from_millis(setting.sync_ms),
            journal: Sizes { segment: 2_000, bound: 1 << 30 },
            keep: u64::MAX,
            outputs: Sizes { segment: 3_000, bound: 1 << 30 },
            checkpoints: Often { every: Duration::from_secs(3_600), after: setting.checkpoint },
            reserve: 100,
            ..Logs::new(JOURNAL)
        },
        devices: DevicesConfig { limit: 100, idle: None },
        tables: Vec::new(),
        sources: vec![SourcePart {
            name: "floor".into(),
            source: Box::new(source),
            queue,
            eager: setting.eager,
            ahead: Span::from_secs(3_600),
        }],
        sinks: vec![SinkPart {
            name: "desk".into(),
            take: (&TAKE).into(),
            what: SinkWhat::Live { sink: Box::new(desk), at_most: None, beyond: Beyond::Wait },
        }],
        reread: None,
        lake: match setting.lake {
            true => Lake::Files(LakeSettings { rows: 30, ..LakeSettings::new(LAKE) }),
            false => Lake::None,
        },
        notices: Notices::new().0,
    })
}

/// The source: what the storm says.
struct Spoken(mpsc::Receiver<Packet>);

impl LiveSource for Spoken {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async { Ok(self.0.recv().await) })
    }
}

/// The sink: it remembers.
struct Desk {
    disk: Disk,
    told: Arc<Mutex<Vec<(String, u64)>>>,
}

impl LiveSink for Desk {
    fn deliver<'a>(&'a mut self, deliveries: &'a [Delivery]) -> Delivered<'a> {
        let calls = self.disk.calls();
        // What the pipeline says of its own trouble is not in the journal's readings.
        let outputs = deliveries.iter().filter(|delivery| !delivery.json.contains("\"alert\":\"ouzel\""));
        lock(&self.told).extend(outputs.map(|delivery| (delivery.json.clone(), calls)));
        Box::pin(async { Ok(()) })
    }
}

/// A test that has failed elsewhere is no reason to say something else here.
fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a sender was told.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) message: usize,
    pub(super) fate: Fate,
    /// Calls of the disk before it.
    pub(super) at: u64,
}

/// All that a life has let others know.
pub(super) struct Heard {
    pub(super) answers: Vec<Answer>,
    pub(super) orders: Vec<(Order, u64)>,
    pub(super) told: Vec<(String, u64)>,
    /// Checkpoints that were made, and readings that were read again.
    pub(super) checkpoints: u64,
    pub(super) past: u64,
}

pub(super) struct Life {
    live: Live,
    disk: Disk,
    clock: Clock,
    to: mpsc::Sender<Packet>,
    names: Names,
    answers: Arc<Mutex<Vec<Answer>>>,
    waiting: Vec<oneshot::Receiver<()>>,
    orders: Arc<Mutex<Vec<(Order, u64)>>>,
    told: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Life {
    pub(super) fn start(disk: &Disk, now: Time, setting: Setting) -> Result<Life, String> {
        let (to, heard) = mpsc::channel(100);
        let (clock, told) = (Clock::manual(now), Arc::default());
        let desk = Desk { disk: disk.clone(), told: Arc::clone(&told) };
        let parts = parts(disk, &clock, setting, Spoken(heard), desk)?;
        let live = Live::start(parts).map_err(|fault| format!("it does not start: {fault}"))?;
        let (answers, waiting) = (Arc::default(), Vec::new());
        Ok(Life {
            live,
            disk: disk.clone(),
            clock,
            to,
            names: Names::new(),
            answers,
            waiting,
            orders: Arc::default(),
            told,
        })
    }

    /// Says a message; the answer comes when it comes.
    pub(super) async fn say(&mut self, number: usize, message: &Message) {
        let name = format!("oven-{}", message.device);
        let device = self.names.device(&name, Timing::default(), &[("hall", "3")]).expect("there are three");
        let channel = self.names.channel("heat");
        let series = self.names.series(device, channel);
        let (disk, answers) = (self.disk.clone(), Arc::clone(&self.answers));
        let (tell, told) = oneshot::channel();
        let ack = Ack::new(move |fate| {
            lock(&answers).push(Answer { message: number, fate, at: disk.calls() });
            // Who has stopped waiting does not mind.
            let _ = tell.send(());
        });
        let mark = message.marked.then_some(Mark { hash: number as u64, compare: message.said > 1 });
        let packet = Packet {
            declarations: self.names.take_fresh(),
            rows: message.rows.iter().map(|&(time, value)| Reading::new(series, time, value)).collect(),
            mark,
            ack: Some(ack),
            ..Packet::default()
        };
        // Where the run has ended, nobody is answered.
        if self.to.send(packet).await.is_ok() {
            self.waiting.push(told);
        }
    }

    /// Waits until all that was said is answered, or never will be, because the run cannot go on.
    pub(super) async fn answered(&mut self) {
        for mut told in self.waiting.drain(..) {
            while !self.live.is_broken() && tokio::time::timeout(LOOK_EVERY, &mut told).await.is_err() {}
        }
    }

    /// Somebody says something, and waits until it is kept, which nobody else waits for.
    pub(super) fn order(&self, order: Order) {
        let (controls, disk, orders) = (self.live.controls.clone(), self.disk.clone(), Arc::clone(&self.orders));
        tokio::spawn(async move {
            if controls.say(order.clone(), "ann").await.is_ok() {
                lock(&orders).push((order, disk.calls()));
            }
        });
    }

    pub(super) fn advance(&self, by: Span) {
        self.clock.advance(by);
    }

    /// Waits until nothing is on its way.
    pub(super) async fn settle(&self) {
        self.live.mover(&self.clock).advance(SETTLE).await;
    }

    pub(super) fn lake(&self) -> Option<LakeReader> {
        self.live.lake.clone()
    }

    /// Stops the run, and gives what it has let others know, and what it says of its end.
    pub(super) async fn stop(self) -> (Heard, Result<(), String>) {
        let Life { live, to, answers, orders, told, .. } = self;
        drop(to);
        let counters = Arc::clone(&live.counters);
        let ended = live.stop().await.map_err(|fault| fault.what);
        // They have run by now, or never will: what people said has come to its end with the run.
        tokio::task::yield_now().await;
        let (answers, told) = (std::mem::take(&mut *lock(&answers)), std::mem::take(&mut *lock(&told)));
        let orders = std::mem::take(&mut *lock(&orders));
        let (checkpoints, past) = (counters.checkpoints.get(), counters.past.get());
        (Heard { answers, orders, told, checkpoints, past }, ended)
    }
}
