//! The bounded queue between a source and the intake, and what happens when it is full.
//!
//! Counted in readings: in = out + dropped + held, always. What fills it is more than that: a message that could not be
//! read takes room, too, and counts as much as some readings. A packet is given up whole, and whoever waits for it hears
//! so; the names it declared go on with the next packet, for others may use them.
//!
//! `queue/policy.rs` has the policies, `queue/line.rs` the packets in their order, `queue/flow.rs` how fast it fills,
//! `queue/warn.rs` what people hear of it.

mod flow;
mod line;
mod policy;
mod warn;

#[cfg(test)]
mod tests;

use crate::counters::{Counters, SourceCounters};
use flow::Flow;
pub use line::Waiting;
use line::{Line, weight_of};
use ouzel_connect::source::live::{Fate, Packet, Pressing, Pressure};
use policy::{Chance, Sampler};
pub use policy::{Reason, WhenFull};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use warn::Warned;
pub use warn::{Dropping, Fullness};

/// How much a queue holds, and what it does at that bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Readings.
    pub holds: u64,
    /// What happens to more.
    pub when_full: WhenFull,
    /// By how many bytes the journal's bound is raised for [`WhenFull::Spill`]; 0 for others.
    pub spill: u64,
}

/// Rings when there is something to do for the intake; shared by all queues.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    sound: Condvar,
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.sound.notify_one();
    }

    /// Waits until it has rung since the last wait, or until `deadline`.
    pub fn wait(&self, deadline: Instant) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*rung {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            rung = self.sound.wait_timeout(rung, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *rung = false;
    }
}

/// Until a queue is so full again it is not worth to come back to it.
const ROOMY: f64 = 0.7;

/// Takes back, however it ends, that somebody waits.
struct Blocked<'q>(&'q Queue);

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        if inner.blocked.take().is_some() {
            self.0.show(&mut inner, Instant::now());
        }
    }
}

/// One source's queue.
#[derive(Debug)]
pub struct Queue {
    settings: QueueSettings,
    bell: Arc<Bell>,
    /// Where the counters of this source stand in those of the run.
    counters: Arc<Counters>,
    source: usize,
    /// What its source sees of it.
    pressure: Pressure,
    /// How many devices its source may name; 0 until the intake has said so.
    names: AtomicUsize,
    /// A lock, because a task puts in and a thread takes out; held for moving a packet.
    inner: Mutex<Inner>,
    room: Notify,
}

#[derive(Debug)]
struct Inner {
    line: Line,
    /// Since when somebody waits to put a packet in.
    blocked: Option<Instant>,
    /// Since when it is [`Pressure::HIGH`].
    high_since: Option<Instant>,
    /// Why nothing can be kept.
    refused: Option<&'static str>,
    sampler: Sampler,
    chance: Chance,
    flow: Flow,
    warned: Warned,
    closed: bool,
}

/// What becomes of a new packet.
enum Verdict {
    In,
    Wait,
    Out(Reason),
}

/// Packets that were given up, and why.
type GivenUp = Vec<(Packet, Reason)>;

fn weight_of_all(given_up: &GivenUp) -> u64 {
    given_up.iter().map(|(packet, _)| weight_of(packet)).sum()
}

impl Queue {
    /// An empty queue. Chance is seeded with the source's number: which packets are given up depends on when they come,
    /// and not on which start of the process it is.
    pub fn new(settings: QueueSettings, bell: Arc<Bell>, counters: Arc<Counters>, source: usize) -> Queue {
        counters.sources[source].holds.set(settings.holds as i64);
        let inner = Inner {
            line: Line::default(),
            blocked: None,
            high_since: None,
            refused: None,
            sampler: Sampler::default(),
            chance: Chance::new(source as u64),
            flow: Flow::new(Instant::now()),
            warned: Warned::default(),
            closed: false,
        };
        let pressure = Pressure::default();
        pressure.set(Pressing { waits: settings.when_full.waits(), retry_after: 1, ..Pressing::default() });
        let (names, inner, room) = (AtomicUsize::new(0), Mutex::new(inner), Notify::new());
        Queue { settings, bell, counters, source, pressure, names, inner, room }
    }

    /// How it is set.
    pub fn settings(&self) -> QueueSettings {
        self.settings
    }

    /// How many devices its source may name from now on.
    pub fn set_names(&self, devices: usize) {
        self.names.store(devices, Ordering::Relaxed);
    }

    /// See [`Queue::set_names`]; `None`: as it was told at its start.
    pub fn names(&self) -> Option<usize> {
        Some(self.names.load(Ordering::Relaxed)).filter(|&devices| devices > 0)
    }

    /// What its source may look at to know how it stands.
    pub fn pressure(&self) -> Pressure {
        self.pressure.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counters(&self) -> &SourceCounters {
        &self.counters.sources[self.source]
    }

    /// Puts a packet in; under [`WhenFull::Block`] and [`WhenFull::Spill`] it waits until there is room. A packet that is
    /// larger than the queue goes into an empty one.
    ///
    /// Dropped while it waits, the packet is gone: the caller does so only when the run ends.
    pub async fn put(&self, packet: Packet) {
        let mut packet = Some(packet);
        let blocked = Blocked(self);
        loop {
            let room = self.room.notified();
            if self.offer(&mut packet, Instant::now()) {
                drop(blocked);
                return self.bell.ring();
            }
            room.await;
        }
    }

    /// Takes the packet out of `packet` where it can be dealt with now; else somebody waits from now on.
    fn offer(&self, packet: &mut Option<Packet>, now: Instant) -> bool {
        let Some(new) = packet.as_ref() else { return true };
        let mut given_up = GivenUp::new();
        let mut inner = self.inner();
        let verdict = self.judge(&mut inner, new, &mut given_up);
        if matches!(verdict, Verdict::Wait) {
            inner.blocked.get_or_insert(now);
            self.show(&mut inner, now);
            return false;
        }
        let Inner { line, flow, .. } = &mut *inner;
        let tally = flow.at(now);
        tally.left += weight_of_all(&given_up);
        // There is one: it was looked at above.
        if let Some(mut packet) = packet.take() {
            let readings = packet.rows.len() as u64;
            self.counters().received.add(readings);
            tally.received += readings;
            if let Verdict::Out(reason) = verdict {
                line.pass_by(&mut packet);
                given_up.push((packet, reason));
            } else {
                tally.entered += weight_of(&packet);
                line.push(now, packet);
            }
        }
        self.let_go(inner, given_up, now);
        true
    }

    /// What becomes of a new packet. What has to go for it is in `given_up` then.
    fn judge(&self, inner: &mut Inner, new: &Packet, given_up: &mut GivenUp) -> Verdict {
        if new.waits && inner.refused.is_some() {
            return Verdict::Out(Reason::Refused);
        }
        let Inner { line, sampler, chance, .. } = inner;
        if self.settings.when_full == WhenFull::Sample && !sampler.keeps(self.share(line), chance) {
            return Verdict::Out(Reason::Sampled);
        }
        let weight = weight_of(new);
        while line.weight() > 0 && line.weight() + weight > self.settings.holds {
            match self.settings.when_full {
                WhenFull::Block | WhenFull::Spill => return Verdict::Wait,
                WhenFull::DropNewest => return Verdict::Out(Reason::Newest),
                WhenFull::Sample => return Verdict::Out(Reason::Sampled),
                WhenFull::DropOldest => given_up.extend(line.give_up_oldest().map(|oldest| (oldest, Reason::Oldest))),
                WhenFull::DropRandom => {
                    // The new one is one of the candidates.
                    if chance.below(line.packets() as u64 + 1) == 0 {
                        return Verdict::Out(Reason::Random);
                    }
                    given_up.extend(line.give_up_any(chance).map(|any| (any, Reason::Random)));
                }
            }
        }
        Verdict::In
    }

    /// Counts what was given up, shows how the queue stands, and, once it is unlocked, tells whoever waits for an answer.
    fn let_go(&self, mut inner: MutexGuard<'_, Inner>, given_up: GivenUp, now: Instant) {
        for (packet, reason) in &given_up {
            let readings = packet.rows.len() as u64;
            if *reason != Reason::Refused {
                inner.flow.at(now).dropped += readings;
            }
            self.counters().dropped.add(readings);
            self.counters().drops.of(*reason).add(readings);
        }
        let why = inner.refused.unwrap_or("nothing can be kept now");
        self.show(&mut inner, now);
        drop(inner);
        for (packet, reason) in given_up {
            let fate = if reason == Reason::Refused { Fate::Refused { why } } else { Fate::Dropped };
            packet.ack.into_iter().for_each(|ack| ack.tell(fate));
        }
    }

    /// How full it is, from 0 to 1 and, with a packet that is larger than it, more.
    fn share(&self, line: &Line) -> f64 {
        line.weight() as f64 / self.settings.holds.max(1) as f64
    }

    /// The same, where somebody who waits finds it full.
    fn level(&self, inner: &Inner) -> f64 {
        if inner.blocked.is_some() { 1.0 } else { self.share(&inner.line).min(1.0) }
    }

    /// Shows how it stands, in the counters and to the source.
    fn show(&self, inner: &mut Inner, now: Instant) {
        inner.flow.at(now);
        let (level, weight, holds) = (self.level(inner), inner.line.weight(), self.settings.holds);
        inner.high_since = if level < Pressure::HIGH { None } else { inner.high_since.or(Some(now)) };
        let counters = self.counters();
        counters.held.set(inner.line.readings() as i64);
        counters.used.set(weight as i64);
        counters.full_in.set(inner.flow.full_in(holds.saturating_sub(weight)));
        self.pressure.set(Pressing {
            level,
            high_since: inner.high_since,
            retry_after: inner.flow.gone_in(weight.saturating_sub((holds as f64 * ROOMY) as u64)),
            waits: self.settings.when_full.waits(),
            refused: inner.refused,
        });
    }

    /// Takes packets out, oldest first, until they weigh `most` or more.
    pub fn take(&self, most: u64, into: &mut Vec<Waiting>) {
        self.take_at(Instant::now(), most, into);
    }

    fn take_at(&self, now: Instant, most: u64, into: &mut Vec<Waiting>) {
        let mut inner = self.inner();
        let mut weight = 0;
        let first = into.len();
        while weight < most
            && let Some(packet) = inner.line.pop()
        {
            weight += weight_of(&packet.1);
            into.push(packet);
        }
        if into.len() == first {
            return;
        }
        inner.flow.at(now).left += weight;
        self.show(&mut inner, now);
        drop(inner);
        self.room.notify_waiters();
    }

    /// From now on nothing can be kept, and why (a phrase, lower case, no full stop); `None`: it can again.
    ///
    /// Senders who stand and wait for an answer hear so at once, those whose packets are in the queue, too. Packets of
    /// others stay, and of more of them the queue's policy decides.
    pub fn refuse(&self, why: Option<&'static str>) {
        let now = Instant::now();
        let mut inner = self.inner();
        inner.refused = why;
        let refused = if why.is_some() { inner.line.give_up_all(|packet| packet.waits) } else { Vec::new() };
        let refused: GivenUp = refused.into_iter().map(|packet| (packet, Reason::Refused)).collect();
        inner.flow.at(now).left += weight_of_all(&refused);
        self.let_go(inner, refused, now);
        // Somebody who waits for room is to hear of it, too; and there may be room.
        self.room.notify_waiters();
    }

    /// Since when the oldest packet waits.
    pub fn oldest(&self) -> Option<Instant> {
        let inner = self.inner();
        inner.line.oldest().or(inner.blocked)
    }

    /// Whether nothing waits in it.
    pub fn is_empty(&self) -> bool {
        self.inner().line.packets() == 0
    }

    /// Whether how full it is has crossed a mark, and has stayed so for a while. To be asked again and again: figures that
    /// change with time alone are brought up to date, too.
    pub fn crossed(&self, now: Instant) -> Option<Fullness> {
        let mut inner = self.inner();
        self.show(&mut inner, now);
        let level = self.level(&inner);
        inner.warned.crossed(level, now)
    }

    /// Whether it has begun, or ceased, to give up more than 1 % of what came in the last minute. Refused packets do not
    /// count: whoever sent them knows.
    pub fn dropping(&self, now: Instant) -> Option<Dropping> {
        let mut inner = self.inner();
        inner.flow.at(now);
        let given_up = inner.flow.given_up();
        inner.warned.dropping(given_up, self.settings.when_full)
    }

    /// Nothing will be put in any more.
    pub fn close(&self) {
        self.inner().closed = true;
        self.bell.ring();
    }

    /// Whether it is closed and empty.
    pub fn is_over(&self) -> bool {
        let inner = self.inner();
        inner.closed && inner.line.packets() == 0
    }
}
