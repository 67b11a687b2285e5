//! The intake of a live run: packets from the queues become numbered rows in the journal, and their senders hear of it.
//!
//! One thread. It translates the numbers of each source into the stream's, adds a tick a second, and writes what came
//! together as one record. Many packets share a sync: it comes after `sync` at the latest, and at once when the queues
//! are empty and senders stand and wait.
//!
//! The tick clock goes on by whole seconds and never back, whatever the wall's clock does. Readings that have no time of
//! their own are not before the last tick: what stood in a queue while it ticked has arrived when it is taken out.

use super::notice::Notices;
use crate::clock::Clock;
use crate::control::{Control, Order, Said};
use crate::counters::Counters;
use crate::intake::Stretch;
use crate::journal::{Journal, Mender, Record, record};
use crate::queue::{Bell, Fullness, Queue, Waiting};
use ouzel_connect::fault::Fault;
use ouzel_connect::source::Rejected;
use ouzel_connect::source::live::{Ack, Fate, Packet};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, Flags, Reading};
use ouzel_engine::series::{Declaration, Device, Names, Series};
use ouzel_engine::time::{Span, Time};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Readings that go into one record, more or less.
const RECORD: u64 = 32_768;

/// Messages of a source that a second delivery is looked for among: the largest Receive Maximum of MQTT 5.
const REMEMBERED: usize = 65_535;

/// This many senders that wait are worth a sync of their own.
const CROWD: usize = 16;

/// Readings further in the future than this go aside.
const AHEAD: Span = Span::from_secs(3_600);

/// The thread that writes the journal.
pub(super) struct Entry {
    pub(super) plan: Arc<Plan>,
    pub(super) clock: Clock,
    /// The longest wait for a sync.
    pub(super) sync: Duration,
    pub(super) journal: Journal,
    pub(super) bell: Arc<Bell>,
    pub(super) feeds: Vec<Feed>,
    pub(super) known: Known,
    pub(super) said: mpsc::Receiver<Said>,
    pub(super) counters: Arc<Counters>,
    pub(super) notices: Notices,
    /// Goes up when all has been said and the queues need only be emptied.
    pub(super) stop: Arc<AtomicBool>,
}

/// A source's queue, and how its numbers become ours.
pub(super) struct Feed {
    pub(super) name: String,
    pub(super) queue: Arc<Queue>,
    /// Its senders do nothing else until they are answered, so a sync is not put off for them.
    pub(super) eager: bool,
    devices: Vec<Option<Device>>,
    /// The stream's number of each series, and whether its device's times are those of arrival.
    series: Vec<Option<(Series, bool)>>,
    /// By device.
    arrival: Vec<bool>,
    /// A hash of the name, under which its marks stand in the journal.
    key: u32,
}

impl Feed {
    pub(super) fn new(name: String, queue: Arc<Queue>, eager: bool) -> Feed {
        let key = key_of(&name);
        Feed { name, queue, eager, devices: Vec::new(), series: Vec::new(), arrival: Vec::new(), key }
    }
}

/// A source's name as a number: FNV-1a, which stays the same wherever and whenever it is computed.
fn key_of(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What the intake knows of the journal before it writes on.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: Names,
    pub(super) next_number: u64,
    marks: HashMap<u32, Marks>,
    mender: Mender,
}

impl Known {
    /// Readings whose series nobody knows any more.
    pub(super) fn lost(&self) -> u64 {
        self.mender.lost()
    }

    /// Takes a record of the journal into account.
    pub(super) fn see(&mut self, record: Record) {
        let Record::Stretch(mut journalled) = record else { return };
        let stretch = &mut journalled.stretch;
        self.next_number = stretch.batch.first + stretch.batch.rows.len() as u64;
        self.mender.mend(stretch);
        stretch.declarations.iter().for_each(|declaration| self.names.follow(declaration));
        for &(source, hash) in &journalled.marks {
            self.marks.entry(source).or_default().keep(hash);
        }
    }
}

/// The marks of the last messages of a source.
#[derive(Debug, Default)]
struct Marks {
    order: VecDeque<u64>,
    all: HashSet<u64>,
}

impl Marks {
    fn keep(&mut self, hash: u64) {
        if self.all.insert(hash) {
            self.order.push_back(hash);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
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

/// What one round takes in.
struct Round {
    stretch: Stretch,
    marks: Vec<(u32, u64)>,
    /// How long the oldest packet has stood in its queue.
    waited: Duration,
    /// The last tick before it.
    ticked: Time,
}

impl Round {
    fn tick(&mut self, tick: Reading) {
        let batch = &mut self.stretch.batch;
        self.stretch.ticks.push((batch.first + batch.rows.len() as u64, tick));
        batch.rows.push(tick);
    }
}

impl Entry {
    /// Runs until it is stopped and the queues are empty. The journal is synced and closed then.
    ///
    /// # Errors
    /// When a sync failed: nobody knows what is on the disk then, so the process has to end and read it again.
    pub(super) fn run(mut self) -> Result<(), Fault> {
        let mut senders = Senders::default();
        let mut ticked = Ticked { second: self.clock.now().floor(SECOND, Span::ZERO), when: Instant::now() };
        self.begin(&mut senders)?;
        loop {
            self.bell.wait(self.deadline(&senders, ticked.second));
            let stop = self.stop.load(Ordering::Relaxed);
            self.listen(&mut senders);
            let mut round = self.round(ticked.second);
            for index in 0..self.feeds.len() {
                self.take(index, &mut round, &mut senders);
            }
            let now = self.clock.now();
            if ticked.advance(&self.clock, now) {
                round.tick(Reading::tick(ticked.second));
            }
            self.write(now, round, &mut senders);
            if self.is_time(&senders) {
                self.commit(&mut senders)?;
            }
            self.counters.rounds.add(1);
            if stop && self.feeds.iter().all(|feed| feed.queue.is_over()) {
                self.listen(&mut senders);
                return self.commit(&mut senders);
            }
            if self.feeds.iter().any(|feed| !feed.queue.is_empty()) {
                // What did not fit into this record is not to wait for the next packet.
                self.bell.ring();
            }
        }
    }

    /// The start is said, and ticked, so that nobody counts as silent for the time that we were away.
    fn begin(&mut self, senders: &mut Senders) -> Result<(), Fault> {
        let now = self.clock.now();
        self.control(&Control { at: now, by: String::new(), what: Order::Start }, senders);
        let second = now.floor(SECOND, Span::ZERO);
        let mut round = self.round(second);
        round.stretch.declarations = self.plan.declare_known(&mut self.known.names);
        round.tick(Reading { flags: Flags::START, ..Reading::tick(second) });
        self.write(now, round, senders);
        self.commit(senders)
    }

    fn round(&self, ticked: Time) -> Round {
        let batch = Batch { first: self.known.next_number, ..Batch::default() };
        Round { stretch: Stretch { batch, ..Stretch::default() }, marks: Vec::new(), waited: Duration::ZERO, ticked }
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
        senders.since.map_or(tick, |since| tick.min(since + self.sync))
    }

    /// What people said goes into the journal before the readings that come after it.
    fn listen(&mut self, senders: &mut Senders) {
        while let Ok(Said { control, done }) = self.said.try_recv() {
            self.control(&control, senders);
            senders.people.push(done);
            senders.eager = true;
        }
    }

    fn control(&mut self, control: &Control, senders: &mut Senders) {
        let mut bytes = Vec::new();
        record::control(control, &mut bytes);
        self.append(&bytes);
        senders.since.get_or_insert_with(Instant::now);
    }

    /// Takes what waits in a queue.
    fn take(&mut self, index: usize, round: &mut Round, senders: &mut Senders) {
        let mut packets: Vec<Waiting> = Vec::new();
        let feed = &self.feeds[index];
        let fullness = feed.queue.crossed(Instant::now());
        feed.queue.take(RECORD, &mut packets);
        if let Some(fullness) = fullness {
            self.tell(&feed.name, fullness);
        }
        if let Some((since, _)) = packets.first() {
            round.waited = round.waited.max(since.elapsed());
            senders.eager |= feed.eager;
        }
        for (_, packet) in packets {
            self.take_packet(index, packet, round, senders);
        }
    }

    fn tell(&self, source: &str, fullness: Fullness) {
        let say = |what: &str| format!("source `{source}`: its queue {what}");
        match fullness {
            Fullness::Fine => self.notices.note(say("has room again")),
            Fullness::High => self.notices.warn(say("is 80 % full")),
            Fullness::Full => self.notices.warn(say("is 95 % full; what `when_full` says comes next")),
        }
    }

    fn take_packet(&mut self, index: usize, mut packet: Packet, round: &mut Round, senders: &mut Senders) {
        self.learn(index, &packet.declarations);
        let counters = &self.counters.sources[index];
        counters.passed.add(packet.rows.len() as u64);
        let feed = &self.feeds[index];
        let ours = self.known.marks.entry(feed.key).or_default();
        let again = packet.mark.is_some_and(|mark| mark.compare && ours.all.contains(&mark.hash));
        let ack = packet.ack.take();
        if ack.is_some() {
            senders.since.get_or_insert_with(Instant::now);
        }
        if again {
            senders.acks.extend(ack.map(|ack| (ack, Fate::Known)));
            return counters.known.add(packet.rows.len() as u64);
        }
        if let Some(mark) = packet.mark {
            ours.keep(mark.hash);
            round.marks.push((feed.key, mark.hash));
        }
        let latest = self.clock.now() + AHEAD;
        let rows = &mut round.stretch.batch.rows;
        let mut aside = Aside::default();
        for row in &packet.rows {
            match feed.series.get(row.series.0 as usize).copied().flatten() {
                Some((series, true)) => rows.push(Reading { series, time: row.time.max(round.ticked), ..*row }),
                Some((series, false)) if row.time <= latest => rows.push(Reading { series, ..*row }),
                Some(_) => aside.add(TOO_EARLY),
                None => aside.add(TOO_MANY),
            }
        }
        packet.rejected.extend(aside.told(&feed.name));
        counters.absent.add(packet.absent);
        counters.rejected.add(packet.rejected.len() as u64 + packet.unnamed);
        round.stretch.absent += packet.absent;
        round.stretch.rejected.append(&mut packet.rejected);
        senders.acks.extend(ack.map(|ack| (ack, aside.fate())));
    }

    /// A source has new names: they get the stream's numbers.
    fn learn(&mut self, index: usize, declarations: &[Declaration]) {
        let Feed { devices, series, arrival, .. } = &mut self.feeds[index];
        let names = &mut self.known.names;
        for declaration in declarations {
            match declaration {
                Declaration::Device { device, name, timing, tags } => {
                    let tags: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                    put(devices, device.0, names.device(name, *timing, &tags).ok());
                    arrival.resize(arrival.len().max(device.0 as usize + 1), false);
                    arrival[device.0 as usize] = timing.arrival;
                }
                Declaration::Series { series: number, device, channel } => {
                    let arrives = arrival.get(device.0 as usize).copied().unwrap_or(false);
                    let device = devices.get(device.0 as usize).copied().flatten();
                    let channel = names.channel(channel);
                    put(series, number.0, device.map(|device| (names.series(device, channel), arrives)));
                }
            }
        }
    }

    fn write(&mut self, now: Time, round: Round, senders: &mut Senders) {
        let Round { mut stretch, marks, waited, .. } = round;
        let arrived = now - Span(waited.as_nanos() as i64);
        if stretch.batch.rows.is_empty() && stretch.rejected.is_empty() && stretch.absent == 0 && marks.is_empty() {
            return;
        }
        stretch.declarations.append(&mut self.plan.declare(&mut self.known.names));
        self.known.next_number += stretch.batch.rows.len() as u64;
        self.counters.journalled.add((stretch.batch.rows.len() - stretch.ticks.len()) as u64);
        senders.since.get_or_insert_with(Instant::now);
        let pieces = pieces(stretch);
        let last = pieces.len() - 1;
        for (index, piece) in pieces.into_iter().enumerate() {
            // With the last piece: a message of which only the begin was written is not known.
            let marks = if index == last { marks.clone() } else { Vec::new() };
            let mut bytes = Vec::new();
            record::stretch(arrived, marks, &piece, &mut bytes);
            self.append(&bytes);
        }
    }

    /// Writes a record, and tries again until the disk takes it: what stands in the queues waits meanwhile, and they do
    /// what they do when they are full.
    fn append(&mut self, bytes: &[u8]) {
        self.counters.journal_bytes.add(bytes.len() as u64);
        self.counters.records.add(1);
        let mut told = false;
        while let Err(fault) = self.journal.append(bytes) {
            if !std::mem::replace(&mut told, true) {
                self.notices.warn(format!("{fault}; nothing is acknowledged until it can"));
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn is_time(&self, senders: &Senders) -> bool {
        let Some(since) = senders.since else { return false };
        let idle = || self.feeds.iter().all(|feed| feed.queue.is_empty());
        since.elapsed() >= self.sync || (senders.eager || senders.acks.len() >= CROWD) && idle()
    }

    /// Syncs, and answers everybody who waited for it.
    fn commit(&mut self, senders: &mut Senders) -> Result<(), Fault> {
        let began = Instant::now();
        self.journal.sync()?;
        self.counters.syncs.add(1);
        self.counters.sync_time.record(began.elapsed(), 1);
        let Senders { acks, people, .. } = std::mem::take(senders);
        acks.into_iter().for_each(|(ack, fate)| ack.tell(fate));
        // Whoever has gone meanwhile need not be told.
        people.into_iter().for_each(|done| drop(done.send(Ok(()))));
        self.counters.devices.set(self.known.names.device_count() as i64);
        self.counters.series.set(self.known.names.series_count() as i64);
        Ok(())
    }
}

/// The last tick: its second, and when it was given by a clock that nobody sets.
struct Ticked {
    second: Time,
    when: Instant,
}

impl Ticked {
    /// Goes on where a second has passed, by the wall's clock or, while that stands behind us, by our own. Says whether.
    fn advance(&mut self, clock: &Clock, now: Time) -> bool {
        let mut second = now.floor(SECOND, Span::ZERO);
        if second < self.second && matches!(clock, Clock::Wall) {
            second = self.second + Span::from_secs(self.when.elapsed().as_secs() as i64);
        }
        let steps = second > self.second;
        if steps {
            (self.second, self.when) = (second, Instant::now());
        }
        steps
    }
}

const TOO_EARLY: &str = "their time lies more than 1h ahead of the clock here";
const TOO_MANY: &str = "a stream has at most 1000000 devices";

/// Readings of a packet that were put aside: how many, and why the first of them.
#[derive(Default)]
struct Aside {
    count: u64,
    why: Option<&'static str>,
}

impl Aside {
    fn add(&mut self, why: &'static str) {
        self.count += 1;
        self.why.get_or_insert(why);
    }

    /// For the sender.
    fn fate(&self) -> Fate {
        self.why.map_or(Fate::Kept, |why| Fate::Partly { aside: self.count, why })
    }

    /// For the people here.
    fn told(&self, source: &str) -> Option<Rejected> {
        let reason = format!("{} readings of a message were put aside: {}", self.count, self.why?);
        Some(Rejected { source: source.to_owned(), line: 0, reason, text: String::new() })
    }
}

/// Rows and names of one record at the most: some 15 MB, far below what a record may have.
const PIECE: usize = 500_000;

/// A stretch that is too large for one record, in pieces; one of usual size as it is.
fn pieces(mut stretch: Stretch) -> Vec<Stretch> {
    let mut pieces = Vec::new();
    while stretch.declarations.len() > PIECE / 10 {
        let rest = stretch.declarations.split_off(PIECE / 10);
        let declarations = std::mem::replace(&mut stretch.declarations, rest);
        let batch = Batch { first: stretch.batch.first, ..Batch::default() };
        pieces.push(Stretch { declarations, batch, ..Stretch::default() });
    }
    while stretch.batch.rows.len() > PIECE {
        let mut rest = stretch.batch.rows.split_off(PIECE);
        std::mem::swap(&mut rest, &mut stretch.batch.rows);
        let end = stretch.batch.first + PIECE as u64;
        let later = stretch.ticks.split_off(stretch.ticks.partition_point(|&(number, _)| number < end));
        pieces.push(Stretch {
            declarations: std::mem::take(&mut stretch.declarations),
            batch: Batch { first: stretch.batch.first, rows: rest, offsets: Vec::new() },
            ticks: std::mem::replace(&mut stretch.ticks, later),
            rejected: std::mem::take(&mut stretch.rejected),
            absent: std::mem::take(&mut stretch.absent),
            end: None,
        });
        stretch.batch.first = end;
    }
    pieces.push(stretch);
    pieces
}

const SECOND: Span = Span::from_secs(1);

fn put<T>(list: &mut Vec<Option<T>>, at: u32, what: Option<T>) {
    let at = at as usize;
    if list.len() <= at {
        list.resize_with(at + 1, || None);
    }
    list[at] = what;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_stretch_is_cut_and_nothing_of_it_is_lost() {
        let tick = Reading::tick(Time::from_secs(1));
        let mut rows = vec![Reading::new(Series(0), Time(0), 1.0); 2 * PIECE + 10];
        (rows[7], rows[PIECE]) = (tick, tick);
        let ticks = vec![(107, tick), (100 + PIECE as u64, tick)];
        let whole = Stretch {
            batch: Batch { first: 100, rows: rows.clone(), offsets: Vec::new() },
            ticks: ticks.clone(),
            absent: 3,
            ..Stretch::default()
        };
        let pieces = pieces(whole);
        assert_eq!(pieces.len(), 3);
        let mut next = 100;
        for piece in &pieces {
            assert_eq!(piece.batch.first, next);
            next += piece.batch.rows.len() as u64;
            assert!(piece.ticks.iter().all(|(number, _)| (piece.batch.first..next).contains(number)));
        }
        assert_eq!(pieces.iter().map(|piece| piece.absent).sum::<u64>(), 3);
        assert_eq!(pieces.iter().flat_map(|piece| piece.ticks.clone()).collect::<Vec<_>>(), ticks);
        assert_eq!(pieces.into_iter().flat_map(|piece| piece.batch.rows).collect::<Vec<_>>(), rows);
    }

    #[test]
    fn ticks_go_on_while_the_walls_clock_stands_behind_them() {
        let mut ticked = Ticked { second: Time::from_secs(100), when: Instant::now() - Duration::from_millis(1_500) };
        assert!(ticked.advance(&Clock::Wall, Time::from_secs(50)));
        assert_eq!(ticked.second, Time::from_secs(101));
        assert!(!ticked.advance(&Clock::Wall, Time::from_secs(50)));
        assert!(ticked.advance(&Clock::Wall, Time::from_secs(103)));
    }
}
