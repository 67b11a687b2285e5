//! What one round takes in: packets become rows, and their senders are remembered until the rows are in the journal.

use super::pieces::pieces;
use super::sift::{Moment, sift};
use super::{Entry, Feed, Senders, declare_again};
use crate::intake::Stretch;
use crate::journal::{Referred, Sifted, record};
use crate::queue::Waiting;
use crate::sequence::{BySource, Seen};
use ouzel_connect::fault::Fault;
use ouzel_connect::source::Rejected;
use ouzel_connect::source::live::{Ack, Fate, Packet, Reference};
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Device, Series};
use ouzel_engine::time::{Span, Time};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Readings that go into one record, more or less.
const RECORD: u64 = 32_768;

/// Pieces of input that could not be read, named one by one in a record; the rest of them is counted.
const NAMED: usize = 1_000;

/// See the head of this file.
pub(super) struct Round {
    pub(super) stretch: Stretch,
    kept: Vec<Kept>,
    /// Packets that stand in files, each by itself.
    references: VecDeque<Standing>,
    /// Devices that start a new key with it; their declarations are in it.
    pub(super) moved: Vec<Device>,
    /// How long the oldest packet has stood in its queue.
    waited: Duration,
    /// When it is.
    now: Time,
    /// The last tick before it.
    ticked: Time,
}

/// A packet that stands in a file.
struct Standing {
    kept: Kept,
    reference: Reference,
    /// The name of its source, and when it arrived: its rows were judged by that.
    source: String,
    arrived: Time,
    /// What lies behind this went aside.
    latest: Time,
    rows: Vec<Reading>,
    /// Rows of the file that came before.
    again: Vec<(u32, u32)>,
    rejected: Vec<Rejected>,
}

/// A packet, once its rows are in a round.
struct Kept {
    /// Which source: its place among the counters, and its key.
    source: usize,
    key: u32,
    /// Its rows in the round, and how many it had.
    rows: Range<usize>,
    given: u64,
    rejected: u64,
    absent: u64,
    mark: Option<u64>,
    ack: Option<Ack>,
    fate: Fate,
    /// Its sender stands and waits.
    waits: bool,
    /// Readings that came before, and readings that were ahead of the clock.
    duplicates: u64,
    ahead: u64,
    /// Its messages that their devices have numbered.
    numbers: Vec<Seen>,
}

impl Kept {
    fn new(source: usize, key: u32, given: u64, fate: Fate) -> Kept {
        let (rejected, absent, duplicates, ahead) = (0, 0, 0, 0);
        let (mark, ack, waits, numbers) = (None, None, false, Vec::new());
        Kept { source, key, rows: 0..0, given, rejected, absent, mark, ack, fate, waits, duplicates, ahead, numbers }
    }
}

impl Round {
    pub(super) fn new(first: u64, now: Time, ticked: Time) -> Round {
        let batch = Batch { first, ..Batch::default() };
        let stretch = Stretch { batch, ..Stretch::default() };
        let (kept, references, moved, waited) = (Vec::new(), VecDeque::new(), Vec::new(), Duration::ZERO);
        Round { stretch, kept, references, moved, waited, now, ticked }
    }

    /// When it is.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    pub(super) fn tick(&mut self, tick: Reading) {
        let batch = &mut self.stretch.batch;
        self.stretch.ticks.push((batch.first + batch.rows.len() as u64, tick));
        batch.rows.push(tick);
    }

    /// Whether there is nothing in it to write.
    pub(super) fn is_empty(&self) -> bool {
        let Stretch { declarations, batch, rejected, absent, .. } = &self.stretch;
        batch.rows.is_empty()
            && rejected.is_empty()
            && *absent == 0
            && declarations.is_empty()
            && self.kept.is_empty()
            && self.references.is_empty()
            && self.moved.is_empty()
    }

    /// Whether it has input that could not be read, and no row: then nothing in it has a number, and by its numbers the
    /// output log knows whether it has what came of a record.
    pub(super) fn is_bare(&self) -> bool {
        self.stretch.batch.rows.is_empty() && !self.stretch.rejected.is_empty()
    }

    /// Whether it has nothing but ticks.
    pub(super) fn has_input(&self) -> bool {
        !self.kept.is_empty() || !self.references.is_empty() || self.stretch.batch.rows.len() > self.stretch.ticks.len()
    }

    /// Numbers it anew: others went before it.
    fn number(&mut self, first: u64) {
        let old = std::mem::replace(&mut self.stretch.batch.first, first);
        self.stretch.ticks.iter_mut().for_each(|(number, _)| *number = *number - old + first);
    }

    /// Takes its ticks out: they are of a time that is over.
    pub(super) fn without_ticks(mut self) -> Round {
        if !self.stretch.ticks.is_empty() {
            let first = self.stretch.batch.first;
            let at: Vec<usize> = self.stretch.ticks.drain(..).map(|(number, _)| (number - first) as usize).collect();
            self.cut(&at.iter().map(|&at| at..at + 1).collect::<Vec<_>>());
        }
        self
    }

    /// Takes rows out; ranges in order.
    fn cut(&mut self, ranges: &[Range<usize>]) {
        let out = |index: usize| ranges.iter().any(|range| range.contains(&index));
        let mut index = 0;
        self.stretch.batch.rows.retain(|_| {
            index += 1;
            !out(index - 1)
        });
        let before = |at: usize| at - ranges.iter().map(|range| range.end.min(at) - range.start.min(at)).sum::<usize>();
        self.kept.iter_mut().for_each(|kept| kept.rows = before(kept.rows.start)..before(kept.rows.end));
    }

    /// Takes out the packets whose senders stand and wait, with all that came of them.
    fn part(&mut self) -> Vec<Kept> {
        let (waiting, kept): (Vec<Kept>, Vec<Kept>) = std::mem::take(&mut self.kept).into_iter().partition(|k| k.waits);
        self.kept = kept;
        self.cut(&waiting.iter().map(|kept| kept.rows.clone()).collect::<Vec<_>>());
        waiting
    }

    /// What has no time of its own arrives only now.
    pub(super) fn arrive(&mut self, now: Time, ticked: Time, arrives: impl Fn(&Reading) -> bool) {
        (self.now, self.ticked) = (now, ticked);
        for row in self.stretch.batch.rows.iter_mut().filter(|row| arrives(row)) {
            row.time = row.time.max(ticked);
        }
    }
}

impl Entry {
    /// Whether the journal's bound lets a source be taken from.
    pub(super) fn may_take(&self, feed: &Feed) -> bool {
        self.journal.size() < self.bounds.holds.saturating_add(feed.spill)
    }

    /// Takes what waits in a queue.
    pub(super) fn take(&mut self, index: usize, round: &mut Round, senders: &mut Senders) {
        let feed = &self.feeds[index];
        if let Some(fullness) = feed.queue.crossed(Instant::now()) {
            self.tell(&feed.name, fullness);
        }
        if let Some(dropping) = feed.queue.dropping(Instant::now()) {
            self.tell_drops(&feed.name, dropping);
        }
        if !self.may_take(feed) {
            return;
        }
        let mut packets: Vec<Waiting> = std::mem::take(&mut self.feeds[index].rest);
        let feed = &self.feeds[index];
        if packets.is_empty() {
            feed.queue.take(RECORD, &mut packets);
        }
        if let Some((since, _)) = packets.first() {
            round.waited = round.waited.max(since.elapsed());
            senders.eager |= feed.eager;
        }
        let mut packets = packets.into_iter();
        while let Some((since, packet)) = packets.next() {
            if round.has_input() && self.moves_somebody(&packet) {
                // What came before it is of the key before.
                self.feeds[index].rest = std::iter::once((since, packet)).chain(packets).collect();
                return;
            }
            self.take_packet(index, packet, round);
        }
    }

    fn take_packet(&mut self, index: usize, mut packet: Packet, round: &mut Round) {
        let mut refused = Refused::default();
        let limit = self.devices.limit + self.retired.len() + self.stand_ins;
        let feed = &mut self.feeds[index];
        if feed.is_heard_outside(&packet.rows) {
            feed.let_in(&packet.rows, &mut self.roll.write(), limit);
        }
        if !packet.declarations.is_empty() {
            feed.learn(&packet.declarations, &mut self.roll.write(), limit, |name| refused.add(name));
        }
        let feed = &self.feeds[index];
        let again = packet.mark.is_some_and(|mark| mark.compare && self.remembered.has(feed.key, mark.hash));
        let ack = packet.ack.take();
        let given = packet.rows.len() as u64;
        if again {
            // The first one may be in this very round: what becomes of that is told to both.
            let at = round.stretch.batch.rows.len();
            let kept = Kept::new(feed.index, feed.key, given, Fate::Known);
            round.kept.push(Kept { rows: at..at, ack, waits: packet.waits, ..kept });
            return;
        }
        self.heed_tags(&packet.declarations, round);
        let feed = &self.feeds[index];
        let mark = packet.mark.map(|mark| mark.hash);
        if let Some(hash) = mark {
            self.remembered.keep(feed.key, hash);
        }
        let mut rows = std::mem::take(&mut round.stretch.batch.rows);
        let start = rows.len();
        let at = Moment { now: round.now, ticked: round.ticked };
        let sifted = sift(feed, &packet, at, &mut self.remembered, &mut rows);
        packet.rejected.extend(sifted.aside.told(&feed.name));
        packet.rejected.extend(refused.told(&feed.name, self.devices.limit));
        let rejected = packet.rejected.len() as u64 + packet.unnamed + refused.unnamed();
        let (key, source, absent, latest) = (feed.key, feed.index, packet.absent, round.now + feed.ahead);
        if !self.retired.is_empty() {
            self.revive(&rows[start..], round);
        }
        if !sifted.ahead.is_empty() || !self.quarantine.is_empty() {
            let sane: BTreeSet<Series> = rows[start..].iter().map(|row| row.series).collect();
            self.watch_clocks(source, &sifted.ahead, &sane, round.now);
        }
        let (waits, duplicates, ahead) = (packet.waits, sifted.duplicates(), sifted.aside.ahead);
        let (fate, again, numbers) = (sifted.aside.fate(), sifted.again, sifted.numbers);
        let mut kept = Kept {
            rejected,
            absent,
            mark,
            ack,
            waits,
            duplicates,
            ahead,
            numbers,
            ..Kept::new(source, key, given, fate)
        };
        if let Some(reference) = packet.reference.take() {
            let own = rows.split_off(start);
            let (source, arrived) = (self.feeds[index].name.clone(), round.now);
            let rejected = packet.rejected.into_iter().take(NAMED).collect();
            round.references.push_back(Standing {
                kept,
                reference,
                source,
                arrived,
                latest,
                rows: own,
                again,
                rejected,
            });
            round.stretch.batch.rows = rows;
            return;
        }
        kept.rows = start..rows.len();
        round.kept.push(kept);
        round.stretch.batch.rows = rows;
        round.stretch.absent += absent;
        let room = NAMED.saturating_sub(round.stretch.rejected.len());
        round.stretch.rejected.extend(packet.rejected.into_iter().take(room));
    }

    /// Devices that were retired and speak again are declared again.
    fn revive(&mut self, rows: &[Reading], round: &mut Round) {
        for row in rows {
            let device = self.roll.read().of(row.series).0;
            if self.retired.remove(&device) {
                round.stretch.declarations.extend(declare_again(&self.roll, device));
                let name = self.roll.read().device_name(device).to_owned();
                self.remembered.set_retired(&name, false);
            }
        }
    }

    /// Writes a round. What cannot be written waits, or its sender is told so: see `full.rs`.
    pub(super) fn write(&mut self, mut round: Round, senders: &mut Senders) {
        if round.is_empty() {
            return;
        }
        if self.full.is_some() {
            return self.write_ticks(round, senders);
        }
        match self.try_write(&mut round, senders) {
            Ok(()) => {}
            Err(fault) => self.stop_taking(&fault, round, senders),
        }
    }

    /// Writes a round, or nothing of it.
    pub(super) fn try_write(&mut self, round: &mut Round, senders: &mut Senders) -> Result<(), Fault> {
        if self.full.is_none() {
            self.declare(round);
        }
        self.write_moves(round)?;
        while let Some(standing) = round.references.pop_front() {
            if let Err((fault, unwritten)) = self.refer(standing, round, senders) {
                round.references.push_front(*unwritten);
                return Err(fault);
            }
        }
        round.number(self.next_number);
        let arrived = round.now - Span(round.waited.as_nanos() as i64);
        let stretch = std::mem::take(&mut round.stretch);
        let (count, ticks) = (stretch.batch.rows.len() as u64, stretch.ticks.len() as u64);
        let marks: Vec<(u32, u64)> = round.kept.iter().filter_map(|kept| Some((kept.key, kept.mark?))).collect();
        let numbers = by_source(&round.kept);
        let empty = count == 0 && stretch.rejected.is_empty() && stretch.absent == 0 && stretch.declarations.is_empty();
        if !(empty && marks.is_empty()) {
            let pieces = pieces(stretch);
            let last = pieces.len() - 1;
            for (index, piece) in pieces.iter().enumerate() {
                // With the last piece: a message of which only the begin was written is not known.
                let (marks, numbers) =
                    if index == last { (marks.clone(), numbers.clone()) } else { (Vec::new(), Vec::new()) };
                let mut bytes = Vec::new();
                record::stretch(arrived, marks, numbers, piece, &mut bytes);
                if index > 0 {
                    // What was begun is brought to its end; where it cannot be, nobody is told that it is kept.
                    if !self.insist(&bytes) {
                        round.kept.clear();
                        return Ok(());
                    }
                } else if let Err(fault) = self.append(&bytes) {
                    round.stretch = join(pieces);
                    return Err(fault);
                }
            }
            senders.written();
        }
        self.next_number += count;
        self.counters.journalled.add(count - ticks);
        for kept in std::mem::take(&mut round.kept) {
            self.settle(kept, senders);
        }
        Ok(())
    }

    /// Names that nobody has been told yet go with a round.
    pub(super) fn declare(&mut self, round: &mut Round) {
        let fresh = self.config.plan.declare(&mut self.roll.write());
        self.stand_ins += self.config.plan.stand_ins(&fresh);
        round.stretch.declarations.extend(fresh);
    }

    /// Writes a packet by reference; gives it back where that cannot be.
    fn refer(
        &mut self,
        standing: Standing,
        round: &mut Round,
        senders: &mut Senders,
    ) -> Result<(), (Fault, Box<Standing>)> {
        let Standing { kept, reference, source, arrived, latest, rows, again, rejected } = &standing;
        let referred = Referred {
            arrived: *arrived,
            source: source.clone(),
            file: reference.file.clone(),
            from: reference.from,
            to: reference.to,
            first: self.next_number,
            rows: rows.len() as u32,
            checksum: record::checksum(rows),
            declarations: std::mem::take(&mut round.stretch.declarations),
            rejected: rejected.clone(),
            absent: kept.absent,
            sifted: Sifted { latest: *latest, again: again.clone(), numbers: by_source(std::slice::from_ref(kept)) },
        };
        let mut bytes = Vec::new();
        record::reference(&referred, &mut bytes);
        if let Err(fault) = self.append(&bytes) {
            round.stretch.declarations = referred.declarations;
            return Err((fault, Box::new(standing)));
        }
        self.remembered.read(&referred.source, &referred.file, referred.to);
        self.places.set(&referred.source, &referred.file, referred.to);
        self.next_number += rows.len() as u64;
        self.counters.journalled.add(rows.len() as u64);
        senders.written();
        self.settle(standing.kept, senders);
        Ok(())
    }

    /// A packet is in the journal: it counts, and its sender hears of it after the next sync.
    fn settle(&mut self, kept: Kept, senders: &mut Senders) {
        let counters = &self.counters.sources[kept.source];
        counters.passed.add(kept.given);
        if kept.fate == Fate::Known {
            counters.known.add(kept.given);
        }
        counters.duplicates.add(kept.duplicates);
        counters.ahead.add(kept.ahead);
        counters.absent.add(kept.absent);
        counters.rejected.add(kept.rejected);
        if kept.ack.is_some() {
            senders.written();
        }
        senders.acks.extend(kept.ack.map(|ack| (ack, kept.fate)));
    }

    /// Tells the senders of a round who stand and wait that it is not kept, and takes their packets out of it.
    pub(super) fn turn_away(&mut self, round: &mut Round, why: &'static str) {
        for Kept { source, key, given, mark, ack, numbers, .. } in round.part() {
            let counters = &self.counters.sources[source];
            counters.dropped.add(given);
            counters.drops.refused.add(given);
            if let Some(hash) = mark {
                self.remembered.forget(key, hash);
            }
            numbers.into_iter().for_each(|seen| self.remembered.forget_number(key, seen));
            if let Some(ack) = ack {
                ack.tell(Fate::Refused { why });
            }
        }
    }
}

/// The numbered messages of packets, as the journal has them.
fn by_source(packets: &[Kept]) -> BySource {
    let mut all: BySource = Vec::new();
    for kept in packets.iter().filter(|kept| !kept.numbers.is_empty()) {
        match all.last_mut().filter(|(source, _)| *source == kept.key) {
            Some((_, numbers)) => numbers.extend(&kept.numbers),
            None => all.push((kept.key, kept.numbers.clone())),
        }
    }
    all
}

/// Pieces of a stretch, back in one.
fn join(pieces: Vec<Stretch>) -> Stretch {
    pieces
        .into_iter()
        .reduce(|mut whole, mut piece| {
            whole.declarations.append(&mut piece.declarations);
            whole.batch.rows.append(&mut piece.batch.rows);
            whole.ticks.append(&mut piece.ticks);
            whole.rejected.append(&mut piece.rejected);
            whole.absent += piece.absent;
            whole
        })
        .unwrap_or_default()
}

/// New devices of a packet for which there is no room.
#[derive(Default)]
struct Refused {
    names: Vec<String>,
    count: u64,
}

/// Devices of a packet that are refused by name.
const BY_NAME: usize = 10;

impl Refused {
    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < BY_NAME {
            self.names.push(name.chars().take(100).collect());
        }
    }

    fn unnamed(&self) -> u64 {
        self.count - self.names.len() as u64
    }

    fn told(&self, source: &str, limit: usize) -> Vec<Rejected> {
        let reason = |name: &String| {
            format!(
                "device `{name}` is one too many: cardinality limit of {limit}; raise `limit` in `[devices]`, or retire some"
            )
        };
        let rejected =
            |name| Rejected { source: source.to_owned(), line: 0, reason: reason(name), text: String::new() };
        self.names.iter().map(rejected).collect()
    }
}
