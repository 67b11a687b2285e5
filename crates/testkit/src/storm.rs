//! A live run on a simulated disk whose power is cut again and again, from a seed; then what is left is looked at.
//!
//! A storm is a few lives. In each, messages are said, people say something, the clock moves, and at some call of the
//! disk (which one, the seed decides) the power goes, in a way that POSIX allows. The next life finds what is left. After
//! each cut, every reading that was acknowledged stands in the journal once, and none twice, in order. After the last
//! life, every output of a straight run over the surviving journal was delivered, nothing else was, and the lake holds
//! what the journal holds.
//!
//! The threads of a life race as they do in a real one, so a seed gives the same plan, not the same schedule: one that
//! fails may have to be tried a few times.

mod check;
mod life;

use crate::chance::Chance;
use life::{Life, Setting};
use ouzel_connect::disk::{Disk, Lasting};
use ouzel_connect::source::live::Fate;
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::control::Order;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a storm was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Processes that were started.
    pub lives: u64,
    /// Readings that were said.
    pub said: u64,
    /// Readings that were acknowledged before a cut could take them away.
    pub acknowledged: u64,
    /// Readings in the journal at the end.
    pub kept: u64,
    /// Checkpoints that were made.
    pub checkpoints: u64,
    /// Readings that were read again from the journal by later processes.
    pub replayed: u64,
    /// Outputs that were delivered, each counted once.
    pub delivered: u64,
    /// Deliveries that were made again.
    pub again: u64,
    /// The most of them behind one cut.
    pub again_most: u64,
}

impl Report {
    /// Both together.
    pub fn add(&mut self, other: &Report) {
        self.lives += other.lives;
        self.said += other.said;
        self.acknowledged += other.acknowledged;
        self.kept += other.kept;
        self.checkpoints += other.checkpoints;
        self.replayed += other.replayed;
        self.delivered += other.delivered;
        self.again += other.again;
        self.again_most = self.again_most.max(other.again_most);
    }
}

/// A message, and what became of it.
#[derive(Clone, Debug)]
struct Message {
    device: usize,
    /// No two readings of a storm have the same time.
    rows: Vec<(Time, f64)>,
    /// It carries by what it is recognised, and is sent again until it is acknowledged, as MQTT has it. One without is
    /// sent once, as over HTTP by who does not try again.
    marked: bool,
    /// How often it was said.
    said: u64,
    acknowledged: bool,
}

/// An output that reached a sink, in the order in which they came.
type Told = Vec<String>;

struct Storm {
    chance: Chance,
    setting: Setting,
    disk: Disk,
    now: Time,
    messages: Vec<Message>,
    /// What people said and were told is kept.
    orders: Vec<Order>,
    /// By life.
    told: Vec<Told>,
    readings: u64,
    checkpoints: u64,
    replayed: u64,
}

/// Calls of the disk until the power goes, at most: more than a life takes, so that some end by themselves.
const CALLS: u64 = 400;

/// What is done in a life, at most.
const DEEDS: u64 = 40;

/// Whether there can be a lake of files.
const FILES: bool = cfg!(feature = "parquet");

/// One storm.
///
/// # Errors
/// What does not hold that should, in words.
pub fn storm(seed: u64) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(Storm::new(seed).run()).map_err(|why| format!("seed {seed}: {why}"))
}

/// What becomes of a small run whose `n`-th call of the disk fails so: it may not start, or end, but says why; it may not
/// panic, nor lose what it has acknowledged; and when the disk works again, all goes on. Gives how many calls there were.
///
/// # Errors
/// What does not hold that should, in words.
pub fn fault(n: u64, errno: i32, lasting: Lasting) -> Result<u64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let failed = |why| format!("call {n} fails with {} ({lasting:?}): {why}", io::Error::from_raw_os_error(errno));
    runtime.block_on(Storm::new(n).through_fault(n, errno, lasting)).map_err(failed)
}

/// Storms of all these seeds, on so many threads; what they were made of together, and what was wrong.
pub fn storms(seeds: std::ops::Range<u64>, threads: usize) -> (Report, Vec<String>) {
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new((Report::default(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let outcome = storm(seed);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    match outcome {
                        Ok(report) => found.0.add(&report),
                        Err(why) => found.1.push(why),
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let mut chance = Chance(seed);
        // The lake writes Parquet, which costs more than all else together.
        let (lake, sync_ms, eager) = (chance.one_in(8) && FILES, chance.below(4), !chance.one_in(4));
        let setting = Setting { lake, sync_ms, eager, checkpoint: 500 + chance.below(3_000) };
        Storm {
            chance,
            setting,
            disk: Disk::simulated(),
            now: Time::from_secs(1_000),
            messages: Vec::new(),
            orders: Vec::new(),
            told: Vec::new(),
            readings: 0,
            checkpoints: 0,
            replayed: 0,
        }
    }

    async fn run(mut self) -> Result<Report, String> {
        let lives = 1 + self.chance.below(4);
        for life in 0..lives {
            self.live_until_cut().await.map_err(|why| format!("life {life}: {why}"))?;
            let journal = check::Journal::read(&self.disk).map_err(|why| format!("after life {life}: {why}"))?;
            journal.check(&self.messages, &self.orders).map_err(|why| format!("after life {life}: {why}"))?;
        }
        self.close().await
    }

    async fn through_fault(mut self, n: u64, errno: i32, lasting: Lasting) -> Result<u64, String> {
        self.setting = Setting { lake: FILES, sync_ms: 1, eager: true, checkpoint: 700 };
        self.disk.fail_nth(None, n, errno, lasting);
        match Life::start(&self.disk, self.now, self.setting) {
            Ok(life) => self.small_life(life, lasting).await?,
            Err(why) if why.contains(life::JOURNAL) || why.contains(life::LAKE) => {}
            Err(why) => return Err(format!("it is not said what cannot be used: {why}")),
        }
        let calls = self.disk.calls();
        self.disk.mend();
        self.disk.crash_with(n);
        check::Journal::read(&self.disk)?.check(&self.messages, &self.orders)?;
        self.close().await?;
        Ok(calls)
    }

    /// A few messages, each answered before the next one where that can be, and a second between some of them.
    async fn small_life(&mut self, mut life: Life, lasting: Lasting) -> Result<(), String> {
        for deed in 0..8 {
            let index = self.message();
            self.say(&mut life, index).await;
            if lasting == Lasting::Once {
                life.answered().await;
            }
            if deed % 2 == 1 {
                life.advance(Span::from_secs(1));
                self.now = self.now + Span::from_secs(1);
            }
        }
        self.disk.mend();
        life.answered().await;
        let (heard, ended) = life.stop().await;
        self.hear(heard, u64::MAX)?;
        match ended {
            Err(why) if why.contains(life::PANICKED) => Err(why),
            Err(why) if why.is_empty() => Err("it ends and does not say why".into()),
            _ => Ok(()),
        }
    }

    /// The last life, and what must hold behind it.
    async fn close(mut self) -> Result<Report, String> {
        let lake = self.live_to_the_end().await.map_err(|why| format!("the last life: {why}"))?;
        let journal = check::Journal::read(&self.disk)?;
        journal.check(&self.messages, &self.orders)?;
        if let Some(lake) = lake {
            journal.check_lake(&lake)?;
        }
        let outputs = check::outputs(&self.disk)?;
        let (again, again_most) = check::deliveries(&outputs, &self.told)?;
        let rows = |message: &Message| message.rows.len() as u64;
        Ok(Report {
            lives: self.told.len() as u64,
            said: self.readings,
            acknowledged: self.messages.iter().filter(|message| message.acknowledged).map(rows).sum(),
            kept: journal.rows.len() as u64,
            checkpoints: self.checkpoints,
            replayed: self.replayed,
            delivered: outputs.len() as u64,
            again,
            again_most,
        })
    }

    /// A life whose power is cut.
    async fn live_until_cut(&mut self) -> Result<(), String> {
        self.disk = self.disk.fork();
        let cut = 1 + self.chance.below(CALLS);
        self.disk.fork_at(cut);
        let mut life = Life::start(&self.disk, self.now, self.setting)?;
        self.deeds(&mut life).await?;
        // Where it has not come to the cut, the power goes at rest, or behind a clean end.
        let early = self.disk.forked();
        let (wreck, cut) = match early {
            Some(wreck) => (wreck, cut),
            None if self.chance.one_in(2) => {
                let (wreck, calls) = self.disk.fork_and_count();
                (wreck, calls + 1)
            }
            None => {
                self.finish(life, u64::MAX).await?;
                self.disk.crash_with(self.chance.any());
                return Ok(());
            }
        };
        self.finish(life, cut).await?;
        wreck.crash_with(self.chance.any());
        self.disk = wreck;
        Ok(())
    }

    /// The last life, which is stopped as it should be.
    async fn live_to_the_end(&mut self) -> Result<Option<ouzel_lake::LakeReader>, String> {
        self.disk = self.disk.fork();
        let mut life = Life::start(&self.disk, self.now, self.setting)?;
        self.deeds(&mut life).await?;
        life.settle().await;
        let lake = life.lake();
        self.finish(life, u64::MAX).await?;
        Ok(lake)
    }

    async fn deeds(&mut self, life: &mut Life) -> Result<(), String> {
        for index in 0..self.messages.len() {
            let message = &self.messages[index];
            // Who was not answered says it again, and some who were.
            if message.marked && (!message.acknowledged || self.chance.one_in(16)) {
                self.say(life, index).await;
            }
        }
        for _ in 0..self.chance.below(DEEDS) {
            match self.chance.below(20) {
                0..13 => {
                    let index = self.message();
                    self.say(life, index).await;
                }
                13..16 => life.answered().await,
                16..18 => {
                    let by = Span::from_millis(100 * (1 + self.chance.below(40) as i64));
                    life.advance(by);
                    self.now = self.now + by;
                }
                18 => {
                    life.settle().await;
                    self.now = self.now + life::SETTLE;
                }
                _ => self.order(life),
            }
        }
        if self.chance.one_in(2) {
            life.answered().await;
        }
        Ok(())
    }

    /// Makes a message.
    fn message(&mut self) -> usize {
        let device = self.chance.below(3) as usize;
        let rows = 1 + if self.chance.one_in(20) { self.chance.below(400) } else { self.chance.below(4) };
        let rows = (0..rows).map(|_| {
            self.readings += 1;
            let value = if self.chance.one_in(12) { 60.0 } else { 20.0 };
            (self.now + Span(1_000 * self.readings as i64), value)
        });
        let rows = rows.collect();
        let marked = self.chance.one_in(2);
        self.messages.push(Message { device, rows, marked, said: 0, acknowledged: false });
        self.messages.len() - 1
    }

    async fn say(&mut self, life: &mut Life, index: usize) {
        self.messages[index].said += 1;
        life.say(index, &self.messages[index]).await;
    }

    fn order(&mut self, life: &Life) {
        let order = Order::Acknowledge { alert: format!("{:032x}", self.chance.any()), note: String::new() };
        life.order(order);
    }

    /// Stops a life, and takes to heart what others were told before call `cut`.
    async fn finish(&mut self, life: Life, cut: u64) -> Result<(), String> {
        let (heard, ended) = life.stop().await;
        self.hear(heard, cut)?;
        ended.map_err(|why| format!("it does not end well: {why}"))
    }

    /// Takes to heart what others were told before call `cut`; the next process comes a moment later, or much later.
    fn hear(&mut self, heard: life::Heard, cut: u64) -> Result<(), String> {
        self.checkpoints += heard.checkpoints;
        self.replayed += heard.past;
        for answer in heard.answers.iter().filter(|answer| answer.at < cut) {
            match answer.fate {
                Fate::Kept | Fate::Known => self.messages[answer.message].acknowledged = true,
                ref other => return Err(format!("message {} became {other:?}", answer.message)),
            }
        }
        self.orders.extend(heard.orders.into_iter().filter(|(_, at)| *at < cut).map(|(order, _)| order));
        self.told.push(heard.told.into_iter().filter(|(_, at)| *at < cut).map(|(told, _)| told).collect());
        self.now = (self.now + Span::from_millis(100 * self.chance.below(300) as i64)).max(self.now);
        Ok(())
    }
}
