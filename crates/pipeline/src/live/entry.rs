//! The intake of a live run: packets from the queues become numbered rows in the journal, and their senders hear of it.
//!
//! One thread. It translates the numbers of each source into the stream's, adds a tick a second, and writes what came
//! together as one record. Many packets share a sync: it comes after `sync` at the latest, and at once when the queues
//! are empty and senders stand and wait. What comes from files that stay is written by reference.
//!
//! The tick clock goes on by whole seconds and never back, whatever the wall's clock does. Readings that have no time of
//! their own are not before the last tick: what stood in a queue while it ticked has arrived when it is taken out.
//!
//! Where the journal has no room, or the disk none, nothing more is taken from the queues: see `entry/full.rs`.

mod feed;
mod full;
mod moved;
mod pieces;
mod quarantine;
mod round;
mod sift;
mod tables;
mod ticks;

pub(super) use feed::Feed;

use super::held::{Held, Places};
use super::notice::Notices;
use super::roll::Roll;
use crate::clock::Clock;
use crate::config::{DevicesConfig, InForce};
use crate::control::{Control, Order, Said, Word};
use crate::counters::Counters;
use crate::journal::{self, Configured, record};
use crate::known::Remembered;
use crate::log::Log;
use crate::queue::{Bell, Dropping, Fullness};
use crate::reserve::Reserve;
use crate::tables::Looked;
use crate::trouble::Trouble;
use full::Full;
use ouzel_connect::disk::DiskFile;
use ouzel_connect::fault::Fault;
use ouzel_connect::source::live::{Ack, Fate};
use ouzel_engine::reading::{Flags, Reading};
use ouzel_engine::series::{Declaration, Device};
use ouzel_engine::time::{Span, Time};
pub(super) use quarantine::Quarantine;
use round::Round;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
pub(super) use tables::Watching;
use ticks::Ticked;
use tokio::sync::{mpsc, oneshot};

/// This many senders that wait are worth a sync of their own.
const CROWD: usize = 16;

const SECOND: Span = Span::from_secs(1);

/// The thread that writes the journal.
pub(super) struct Entry {
    pub(super) config: InForce,
    pub(super) clock: Clock,
    /// The longest wait for a sync.
    pub(super) sync: Duration,
    pub(super) journal: Log,
    pub(super) bounds: Bounds,
    pub(super) reserve: Arc<Reserve>,
    pub(super) held: Arc<Held>,
    pub(super) places: Places,
    pub(super) bell: Arc<Bell>,
    pub(super) feeds: Vec<Feed>,
    pub(super) roll: Roll,
    pub(super) devices: DevicesConfig,
    pub(super) remembered: Remembered,
    /// The number of the next input.
    pub(super) next_number: u64,
    /// The text in force at the journal's end; `None`: it does not say.
    pub(super) text: Option<String>,
    /// Devices that were retired and have not spoken since.
    pub(super) retired: HashSet<Device>,
    /// Devices that stand for groups: no source has named them, and they take nobody's room.
    pub(super) stand_ins: usize,
    pub(super) said: mpsc::Receiver<Said>,
    /// What changes while it runs.
    pub(super) changes: mpsc::Receiver<Change>,
    pub(super) counters: Arc<Counters>,
    pub(super) notices: Notices,
    /// Goes up when all has been said and the queues need only be emptied.
    pub(super) stop: Arc<AtomicBool>,
    pub(super) quarantine: Quarantine,
    pub(super) tables: Watching,
    pub(super) full: Option<Full>,
    /// The disk has failed in a way after which nobody knows what is on it.
    pub(super) broken: Option<Fault>,
    /// The folder is ours as long as the journal is written.
    pub(super) _lock: DiskFile,
}

/// What changes while it runs.
pub(super) enum Change {
    /// A source comes.
    Come(Box<Feed>),
    /// A source goes: once what stands in its queue is taken.
    Go(usize),
    /// There may be more devices, or fewer.
    Devices(DevicesConfig),
}

/// How large the journal may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// At this size the queues are not emptied any more.
    pub(super) holds: u64,
    /// So much is kept although nobody needs it.
    pub(super) keep: u64,
}

/// Who waits for the next sync.
#[derive(Default)]
struct Senders {
    acks: Vec<(Ack, Fate)>,
    people: Vec<oneshot::Sender<Result<(), Fault>>>,
    /// When the first unsynced record was written.
    since: Option<Instant>,
    eager: bool,
}

impl Senders {
    fn written(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }
}

impl Entry {
    /// Runs until it is stopped and the queues are empty. The journal is synced and closed then.
    ///
    /// # Errors
    /// When a sync failed: nobody knows what is on the disk then, so the process has to end and read it again.
    pub(super) fn run(mut self) -> Result<(), Fault> {
        let ended = self.take_in();
        if ended.is_err() {
            // Nobody is to wait for what will not come.
            self.feeds.iter().for_each(|feed| feed.queue.refuse(Some("the journal cannot be written")));
        }
        ended
    }

    fn take_in(&mut self) -> Result<(), Fault> {
        let mut senders = Senders::default();
        let mut ticked = Ticked { second: self.clock.now().floor(SECOND, Span::ZERO), when: Instant::now() };
        self.begin(&mut senders)?;
        loop {
            self.bell.wait(self.deadline(&senders, ticked.second));
            let stop = self.stop.load(Ordering::Relaxed);
            self.change();
            self.listen(&mut senders);
            self.look_at_tables(ticked.second, &mut senders);
            let now = self.clock.now();
            let mut round = Round::new(self.next_number, now, ticked.second);
            if self.full.is_none() {
                for index in 0..self.feeds.len() {
                    self.take(index, &mut round, &mut senders);
                }
            }
            self.tell_clocks(now, &mut senders);
            let ticks = ticked.advance(&self.clock, now);
            if ticks {
                round.tick(Reading::tick(ticked.second));
            } else if round.is_bare() {
                // The last tick, once more: nothing follows from it, but it has a number.
                round.tick(Reading::tick(ticked.second));
            }
            self.write(round, &mut senders);
            if let Some(fault) = self.broken.take() {
                return Err(fault);
            }
            if self.full.is_some() {
                self.look_for_room(ticked.second, &mut senders);
            }
            if self.is_time(&senders) {
                self.commit(&mut senders)?;
            }
            if ticks {
                self.release();
                self.tell_room();
            }
            self.counters.rounds.add(1);
            if stop && (self.full.is_some() || self.feeds.iter().all(Feed::is_over)) {
                self.listen(&mut senders);
                return self.commit(&mut senders);
            }
            if self.full.is_none() && self.feeds.iter().any(|feed| feed.waits() && self.may_take(feed)) {
                // What did not fit into this record is not to wait for the next packet.
                self.bell.ring();
            }
        }
    }

    /// The config is written, if it is another one; the start is said, and ticked, so that nobody counts as silent for
    /// the time that we were away.
    fn begin(&mut self, senders: &mut Senders) -> Result<(), Fault> {
        let now = self.clock.now();
        if self.text.as_deref() != Some(&*self.config.text) {
            let bytes = self.configured(&self.config.clone());
            if !self.insist(&bytes) {
                return self.broken.take().map_or(Ok(()), Err);
            }
            self.next_number += 1;
        }
        let mut bytes = Vec::new();
        record::control(&Control { at: now, by: String::new(), what: Order::Start }, &mut bytes);
        if !self.insist(&bytes) {
            return self.broken.take().map_or(Ok(()), Err);
        }
        // What was trouble for the last process is said again, if it still is.
        let over: Vec<Trouble> = self.remembered.troubles().cloned().collect();
        for trouble in over {
            let what = "ouzel was started anew; if it still is so, it will be said".to_owned();
            self.mention(Trouble { what, at: now, over: true, ..trouble }, senders);
        }
        self.begin_tables(senders);
        let second = now.floor(SECOND, Span::ZERO);
        let mut round = Round::new(self.next_number, now, second);
        round.stretch.declarations = self.config.plan.declare_known(&mut self.roll.write());
        self.stand_ins = self.config.plan.group_devices(&self.roll.read());
        round.tick(Reading { flags: Flags::START, ..Reading::tick(second) });
        self.write(round, senders);
        self.commit(senders)
    }

    fn change(&mut self) {
        while let Ok(change) = self.changes.try_recv() {
            match change {
                Change::Come(feed) => self.feeds.push(*feed),
                Change::Go(index) => {
                    self.feeds.iter_mut().filter(|feed| feed.index == index).for_each(|feed| feed.goes = true);
                }
                Change::Devices(devices) => self.devices = devices,
            }
        }
        self.feeds.retain(|feed| !(feed.goes && feed.is_over()));
    }

    fn deadline(&self, senders: &Senders, ticked: Time) -> Instant {
        let now = Instant::now();
        let tick = match &self.clock {
            Clock::Wall => {
                // Not longer than a second, wherever the wall's clock has been set.
                let wait = (ticked + SECOND).since(self.clock.now()).0.clamp(0, SECOND.0);
                now + Duration::from_nanos(wait.unsigned_abs())
            }
            // It rings when it is moved; this is for the end of a run.
            Clock::Manual(_) => now + Duration::from_secs(1),
        };
        let tick = if self.full.is_some() { tick.min(now + full::LOOK) } else { tick };
        senders.since.map_or(tick, |since| tick.min(since + self.sync))
    }

    /// What people said goes into the journal before the readings that come after it.
    fn listen(&mut self, senders: &mut Senders) {
        while let Ok(Said { word, done }) = self.said.try_recv() {
            let written = match word {
                Word::Control(control) => self.control(control),
                Word::Config(config, looked) => self.reload(config, looked, senders),
            };
            match written {
                Ok(()) => {
                    senders.written();
                    senders.people.push(done);
                    senders.eager = true;
                }
                // Whoever has gone meanwhile need not be told.
                Err(fault) => drop(done.send(Err(fault))),
            }
        }
    }

    fn control(&mut self, mut control: Control) -> Result<(), Fault> {
        if let Order::Retire { device, input } = &mut control.what {
            let Some(number) = self.roll.read().find_device(device) else {
                return Err(Fault::yours(format!("there is no device `{device}`")));
            };
            if self.retired.contains(&number) {
                return Ok(());
            }
            *input = self.next_number;
        }
        let mut bytes = Vec::new();
        record::control(&control, &mut bytes);
        self.append_with_reserve(&bytes)?;
        match &control.what {
            Order::Retire { device, .. } => {
                self.next_number += 1;
                self.remembered.set_retired(device, true);
                let number = self.roll.read().find_device(device);
                self.retired.extend(number);
                number.into_iter().for_each(|device| self.quarantine.leave(device));
            }
            Order::Trouble(trouble) => self.remembered.trouble(trouble),
            _ => {}
        }
        Ok(())
    }

    fn configured(&self, config: &InForce) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (input, at, text) = (self.next_number, self.clock.now(), config.text.to_string());
        record::config(&Configured { input, at, text }, &mut bytes);
        bytes
    }

    /// Another config is in force from here on, if it is another one, with its tables as they are now; what its windows and
    /// features derive of known devices is declared.
    fn reload(&mut self, config: InForce, looked: Looked, senders: &mut Senders) -> Result<(), Fault> {
        if config.text == self.config.text {
            self.change_tables(looked, senders);
            return Ok(());
        }
        let bytes = self.configured(&config);
        self.append_with_reserve(&bytes)?;
        self.next_number += 1;
        self.change_tables(looked, senders);
        let declarations = config.plan.declare_known(&mut self.roll.write());
        self.config = config;
        self.stand_ins = self.config.plan.group_devices(&self.roll.read());
        if !declarations.is_empty() {
            let now = self.clock.now();
            let mut round = Round::new(self.next_number, now, now);
            round.stretch.declarations = declarations;
            self.write(round, senders);
        }
        Ok(())
    }

    fn tell(&self, source: &str, fullness: Fullness) {
        let say = |what: &str| format!("source `{source}`: its queue {what}");
        match fullness {
            Fullness::Fine => self.notices.note(say("has room again")),
            Fullness::High => self.notices.warn(say("is 80 % full")),
            Fullness::Full => self.notices.warn(say("is 95 % full; what `when_full` says comes next")),
        }
    }

    fn tell_drops(&self, source: &str, dropping: Dropping) {
        let what = format!("source `{source}` {dropping}");
        match dropping {
            Dropping::Much { .. } => self.notices.warn(what),
            Dropping::Little => self.notices.note(what),
        }
    }

    fn is_time(&self, senders: &Senders) -> bool {
        let Some(since) = senders.since else { return false };
        let idle = || !self.feeds.iter().any(Feed::waits);
        since.elapsed() >= self.sync || (senders.eager || senders.acks.len() >= CROWD) && idle()
    }

    /// Syncs, and answers everybody who waited for it.
    fn commit(&mut self, senders: &mut Senders) -> Result<(), Fault> {
        let began = Instant::now();
        self.journal.sync()?;
        self.counters.syncs.add(1);
        self.counters.sync_time.record(began.elapsed(), 1);
        let Senders { acks, people, since, .. } = std::mem::take(senders);
        if let Some(since) = since {
            self.counters.durable.record(since.elapsed(), acks.len().max(1) as u64);
        }
        acks.into_iter().for_each(|(ack, fate)| ack.tell(fate));
        // Whoever has gone meanwhile need not be told.
        people.into_iter().for_each(|done| drop(done.send(Ok(()))));
        let roll = self.roll.read();
        let others = self.retired.len() + self.stand_ins;
        self.counters.devices.set(roll.device_count() as i64 - others as i64);
        self.counters.series.set(roll.series_count() as i64);
        Ok(())
    }

    /// Cuts off what nobody needs any more.
    fn release(&mut self) {
        if self.full.is_none() {
            // Somebody else may have used it, and there is room again; else the next full disk will say so.
            let _ = self.reserve.make();
        }
        let (position, next) = self.held.free();
        let position = position.min(self.journal.end().saturating_sub(self.bounds.keep));
        if let Err(fault) = self.journal.release(position, next) {
            self.notices.warn(format!("old parts of the journal could not be removed: {fault}"));
        }
        self.counters.journal_held.set(self.journal.size() as i64);
        self.counters.journal_holds.set(self.bounds.holds as i64);
    }

    /// Sources may name as many devices as there is room for, beside those that they have named; and always somewhat more
    /// than there may be, so that it is the stream that refuses.
    fn tell_room(&self) {
        let limit = self.devices.limit;
        let room = (limit + self.retired.len() + self.stand_ins).saturating_sub(self.roll.read().device_count());
        for feed in &self.feeds {
            feed.queue.set_names((limit.saturating_add(limit / 4)).max(feed.named() + room));
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let next = self.next_number;
        self.journal.append(bytes, || journal::head(next))?;
        self.counters.journal_bytes.add(bytes.len() as u64);
        self.counters.records.add(1);
        Ok(())
    }
}

/// Declares a device and its series once more: it was retired, and is back.
fn declare_again(roll: &Roll, device: Device) -> Vec<Declaration> {
    roll.read().declarations_of(device)
}
