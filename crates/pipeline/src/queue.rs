//! The bounded queue between a source and the intake, and what happens when it is full.
//!
//! Counted in readings: in = out + dropped + held, always. What fills it is more than that: a message that could not be
//! read takes room, too, and counts as much as some readings. A packet is given up whole, and whoever waits for it hears
//! so; the names it declared go on with the next packet, for others may use them.

use crate::counters::SourceCounters;
use ouzel_connect::source::live::{Fate, Packet};
use ouzel_engine::series::Declaration;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How much a queue holds, and what it does at that bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Readings.
    pub holds: u64,
    /// What happens to more.
    pub when_full: WhenFull,
}

/// What a full queue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The sender waits.
    Block,
    /// The oldest packet is given up.
    DropOldest,
    /// The new packet is given up.
    DropNewest,
}

impl WhenFull {
    /// All of them, by the words of a config.
    pub const ALL: [(&'static str, WhenFull); 3] =
        [("block", WhenFull::Block), ("drop-oldest", WhenFull::DropOldest), ("drop-newest", WhenFull::DropNewest)];
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

/// How full a queue is, as far as people want to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fullness {
    /// Below 80 %; after a warning, below 70 %.
    Fine,
    /// At 80 %: it will soon be full.
    High,
    /// At 95 %: as good as full.
    Full,
}

/// How long a queue has to be so full before people hear of it.
const WHILE: Duration = Duration::from_secs(1);

/// What a piece of input that could not be read weighs: its words take as much room as some readings.
const REJECTED: u64 = 16;

/// How much of a queue a packet takes: at least one reading's worth.
fn weight_of(packet: &Packet) -> u64 {
    (packet.rows.len() as u64 + packet.rejected.len() as u64 * REJECTED).max(1)
}

/// Takes back, however it ends, that somebody waits.
struct Blocked<'q>(&'q Queue);

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        self.0.inner().blocked = None;
    }
}

/// One source's queue.
#[derive(Debug)]
pub struct Queue {
    settings: QueueSettings,
    bell: Arc<Bell>,
    /// Where the counters of this source stand in those of the run.
    counters: Arc<crate::counters::Counters>,
    source: usize,
    /// A lock, because a task puts in and a thread takes out; held for moving a packet.
    inner: Mutex<Inner>,
    room: Notify,
}

/// A packet, and when it was put in.
pub type Waiting = (Instant, Packet);

#[derive(Debug, Default)]
struct Inner {
    packets: VecDeque<Waiting>,
    held: u64,
    /// What fills it, in readings' worth.
    weight: u64,
    /// Since when somebody waits to put a packet in.
    blocked: Option<Instant>,
    /// Names of packets that were given up.
    orphans: Vec<Declaration>,
    told: Option<Fullness>,
    /// Since when it is as full as it was not yet told.
    crossed: Option<(Fullness, Instant)>,
    closed: bool,
}

impl Queue {
    /// An empty queue.
    pub fn new(
        settings: QueueSettings,
        bell: Arc<Bell>,
        counters: Arc<crate::counters::Counters>,
        source: usize,
    ) -> Queue {
        counters.sources[source].holds.set(settings.holds as i64);
        Queue { settings, bell, counters, source, inner: Mutex::default(), room: Notify::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counters(&self) -> &SourceCounters {
        &self.counters.sources[self.source]
    }

    /// Puts a packet in; under [`WhenFull::Block`] it waits until there is room. A packet that is larger than the queue
    /// goes into an empty one.
    ///
    /// Dropped while it waits, the packet is gone: the caller does so only when the run ends.
    pub async fn put(&self, packet: Packet) {
        let mut packet = Some(packet);
        let blocked = Blocked(self);
        loop {
            let room = self.room.notified();
            if self.offer(&mut packet) {
                drop(blocked);
                return self.bell.ring();
            }
            self.inner().blocked.get_or_insert_with(Instant::now);
            room.await;
        }
    }

    /// Takes the packet out of `packet` where it can be dealt with now.
    fn offer(&self, packet: &mut Option<Packet>) -> bool {
        let Some((size, weight)) = packet.as_ref().map(|packet| (packet.rows.len() as u64, weight_of(packet))) else {
            return true;
        };
        let mut given_up = Vec::new();
        {
            let mut inner = self.inner();
            while inner.weight > 0 && inner.weight + weight > self.settings.holds {
                match self.settings.when_full {
                    WhenFull::Block => return false,
                    WhenFull::DropNewest => {
                        given_up.extend(packet.take());
                        break;
                    }
                    WhenFull::DropOldest => {
                        let Some((_, oldest)) = inner.packets.pop_front() else { break };
                        inner.held -= oldest.rows.len() as u64;
                        inner.weight -= weight_of(&oldest);
                        given_up.push(oldest);
                    }
                }
            }
            self.counters().received.add(size);
            for packet in &mut given_up {
                inner.orphans.append(&mut packet.declarations);
                self.counters().dropped.add(packet.rows.len() as u64);
            }
            if let Some(packet) = packet.take() {
                inner.held += size;
                inner.weight += weight;
                inner.packets.push_back((Instant::now(), packet));
            }
            self.counters().held.set(inner.held as i64);
        }
        for packet in given_up {
            if let Some(ack) = packet.ack {
                ack.tell(Fate::Dropped);
            }
        }
        true
    }

    /// Takes packets out, oldest first, until they weigh `most` or more.
    pub fn take(&self, most: u64, into: &mut Vec<Waiting>) {
        let mut inner = self.inner();
        let (mut taken, mut weight) = (0, 0);
        let first = into.len();
        while weight < most
            && let Some(packet) = inner.packets.pop_front()
        {
            taken += packet.1.rows.len() as u64;
            weight += weight_of(&packet.1);
            into.push(packet);
        }
        if into.len() == first {
            return;
        }
        inner.held -= taken;
        inner.weight -= weight;
        self.counters().held.set(inner.held as i64);
        if !inner.orphans.is_empty() {
            let mut declarations = std::mem::take(&mut inner.orphans);
            declarations.append(&mut into[first].1.declarations);
            into[first].1.declarations = declarations;
        }
        drop(inner);
        self.room.notify_waiters();
    }

    /// Since when the oldest packet waits.
    pub fn oldest(&self) -> Option<Instant> {
        let inner = self.inner();
        inner.packets.front().map(|(since, _)| *since).or(inner.blocked)
    }

    /// Whether nothing waits in it.
    pub fn is_empty(&self) -> bool {
        self.inner().packets.is_empty()
    }

    /// Whether how full it is has crossed a mark, and has stayed so for a while: what comes in one gulp fills it for a
    /// moment, and is nothing to hear of.
    pub fn crossed(&self, now: Instant) -> Option<Fullness> {
        let mut inner = self.inner();
        let share = inner.weight as f64 / self.settings.holds.max(1) as f64;
        let before = inner.told.unwrap_or(Fullness::Fine);
        let here = match share {
            _ if share >= 0.95 => Fullness::Full,
            _ if share >= 0.8 => before.max(Fullness::High),
            _ if share >= 0.7 => before.min(Fullness::High),
            _ => Fullness::Fine,
        };
        if here == before {
            inner.crossed = None;
            return None;
        }
        let since = match inner.crossed {
            Some((fullness, since)) if fullness == here => since,
            _ => now,
        };
        inner.crossed = Some((here, since));
        if now.duration_since(since) < WHILE {
            return None;
        }
        (inner.told, inner.crossed) = (Some(here), None);
        Some(here)
    }

    /// Nothing will be put in any more.
    pub fn close(&self) {
        self.inner().closed = true;
        self.bell.ring();
    }

    /// Whether it is closed and empty.
    pub fn is_over(&self) -> bool {
        let inner = self.inner();
        inner.closed && inner.packets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Counters;
    use ouzel_connect::source::live::Ack;
    use ouzel_engine::reading::Reading;
    use ouzel_engine::series::Series;
    use ouzel_engine::time::Time;
    use proptest::prelude::*;
    use std::sync::Mutex as TestMutex;

    fn packet(number: usize, size: usize, fates: &Arc<TestMutex<Vec<(usize, Fate)>>>) -> Packet {
        let fates = Arc::clone(fates);
        Packet {
            rows: vec![Reading::new(Series(0), Time(number as i64), 0.0); size],
            ack: Some(Ack::new(move |fate| fates.lock().unwrap().push((number, fate)))),
            ..Packet::default()
        }
    }

    fn queue(holds: u64, when_full: WhenFull) -> (Queue, Arc<Counters>) {
        let counters = Arc::new(Counters { sources: vec![SourceCounters::default()], ..Counters::default() });
        (Queue::new(QueueSettings { holds, when_full }, Arc::default(), Arc::clone(&counters), 0), counters)
    }

    #[derive(Clone, Debug)]
    enum Move {
        Put(usize),
        Take(u64),
    }

    proptest! {
        #[test]
        fn in_is_out_and_dropped_and_held(
            holds in 1u64..50,
            drop_oldest in any::<bool>(),
            moves in proptest::collection::vec(
                prop_oneof![(0usize..20).prop_map(Move::Put), (0u64..30).prop_map(Move::Take)], 0..60),
        ) {
            let when_full = if drop_oldest { WhenFull::DropOldest } else { WhenFull::DropNewest };
            let (queue, counters) = queue(holds, when_full);
            let fates = Arc::default();
            let (mut out, mut order) = (0, Vec::new());
            for (number, step) in moves.iter().enumerate() {
                match step {
                    Move::Put(size) => {
                        prop_assert!(queue.offer(&mut Some(packet(number, *size, &fates))));
                    }
                    Move::Take(most) => {
                        let mut taken = Vec::new();
                        queue.take(*most, &mut taken);
                        out += taken.iter().map(|(_, packet)| packet.rows.len() as u64).sum::<u64>();
                        order.extend(taken.iter().filter_map(|(_, packet)| packet.rows.first()).map(|row| row.time));
                    }
                }
                let source = &counters.sources[0];
                prop_assert_eq!(source.received.get(), out + source.dropped.get() + source.held.get() as u64);
                prop_assert!(source.held.get() as u64 <= holds.max(20));
            }
            prop_assert!(order.is_sorted());
            prop_assert!(fates.lock().unwrap().iter().all(|(_, fate)| *fate == Fate::Dropped));
        }
    }

    #[test]
    fn the_oldest_goes_and_its_names_stay() {
        let (queue, counters) = queue(10, WhenFull::DropOldest);
        let fates = Arc::default();
        let name = Declaration::Series {
            series: Series(0),
            device: ouzel_engine::series::Device(0),
            channel: "heat".to_owned(),
        };
        let first = Packet { declarations: vec![name.clone()], ..packet(0, 6, &fates) };
        assert!(queue.offer(&mut Some(first)));
        assert!(queue.offer(&mut Some(packet(1, 6, &fates))));
        let mut taken = Vec::new();
        queue.take(100, &mut taken);
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].1.declarations, [name]);
        assert_eq!(*fates.lock().unwrap(), [(0, Fate::Dropped)]);
        assert_eq!(counters.sources[0].dropped.get(), 6);
    }

    #[tokio::test]
    async fn who_may_wait_waits_until_there_is_room() {
        let (queue, _) = queue(10, WhenFull::Block);
        let (queue, fates) = (Arc::new(queue), Arc::default());
        queue.put(packet(0, 10, &fates)).await;
        let waiting = {
            let (queue, packet) = (Arc::clone(&queue), packet(1, 1, &fates));
            tokio::spawn(async move { queue.put(packet).await })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let mut taken = Vec::new();
        queue.take(1, &mut taken);
        waiting.await.unwrap();
        queue.take(1, &mut taken);
        assert_eq!(taken.len(), 2);
    }

    #[test]
    fn people_hear_of_a_queue_that_fills_and_of_one_that_empties() {
        let (queue, _) = queue(100, WhenFull::DropNewest);
        let fates = Arc::default();
        let (mut heard, mut taken, mut now) = (Vec::new(), Vec::new(), Instant::now());
        let mut look = |left: usize| {
            queue.crossed(now);
            now += WHILE;
            heard.extend(queue.crossed(now).map(|fullness| (left, fullness)));
        };
        for number in 0..100 {
            assert!(queue.offer(&mut Some(packet(number, 1, &fates))));
            look(number + 1);
        }
        for left in (0..100).rev() {
            queue.take(1, &mut taken);
            look(left);
        }
        let expected = [(80, Fullness::High), (95, Fullness::Full), (79, Fullness::High), (69, Fullness::Fine)];
        assert_eq!(heard, expected);
    }

    #[test]
    fn what_passes_in_a_moment_is_nothing_to_hear_of() {
        let (queue, _) = queue(100, WhenFull::DropNewest);
        let (fates, now, mut taken) = (Arc::default(), Instant::now(), Vec::new());
        assert!(queue.offer(&mut Some(packet(0, 100, &fates))));
        assert_eq!(queue.crossed(now), None);
        queue.take(100, &mut taken);
        assert_eq!(queue.crossed(now + WHILE), None);
    }

    #[test]
    fn messages_that_cannot_be_read_fill_a_queue_too() {
        let (queue, counters) = queue(100, WhenFull::DropNewest);
        let bad = || Packet {
            rejected: vec![
                ouzel_connect::source::Rejected {
                    source: "a".into(),
                    line: 1,
                    reason: "bad".into(),
                    text: "x".repeat(200)
                };
                3
            ],
            ..Packet::default()
        };
        for _ in 0..10 {
            assert!(queue.offer(&mut Some(bad())));
        }
        let mut taken = Vec::new();
        queue.take(1_000, &mut taken);
        assert_eq!(taken.len(), 2);
        assert_eq!(counters.sources[0].received.get(), 0);
    }
}
