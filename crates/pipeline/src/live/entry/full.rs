//! What the intake does when the disk takes no more: it says so, takes no input, and looks for room again.
//!
//! Senders who stand and wait are told at once; others wait as they do at a full queue. Ticks, words of people and the
//! alarm about the trouble itself go on in the room that was set aside.

use super::round::Round;
use super::{Entry, Senders};
use crate::control::{Control, Order};
use crate::journal::record;
use crate::trouble::Trouble;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_engine::time::Time;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often to look for room.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// How long input is refused at least.
const REST: Duration = Duration::from_millis(500);

/// The journal cannot be written.
pub(in crate::live) struct Full {
    since: Time,
    /// What was taken in already, and may not be refused.
    parked: Option<Round>,
    began: Instant,
    looked: Instant,
}

const NO_ROOM: &str = "the disk of the journal is full";
const NO_JOURNAL: &str = "the journal cannot be written";

impl Entry {
    /// A round could not be written.
    pub(super) fn stop_taking(&mut self, fault: &Fault, round: Round, senders: &mut Senders) {
        if fault.retry == Retry::Never {
            // Nobody is told anything of this round, nor of those before it that were not synced.
            self.broken = Some(fault.clone());
            return;
        }
        let why = if fault.whose == Whose::You { NO_ROOM } else { NO_JOURNAL };
        self.notices.warn(format!("{fault}; no readings are taken in until it can"));
        self.held.set_full(true);
        self.counters.full.store(true, Ordering::Relaxed);
        self.feeds.iter().for_each(|feed| feed.queue.refuse(Some(why)));
        let ticks: Vec<_> = round.stretch.ticks.iter().map(|(_, tick)| *tick).collect();
        let mut round = round.without_ticks();
        self.turn_away(&mut round, why);
        // Names were given, and are to be declared before they are used.
        round.stretch.rejected.truncate(100);
        let since = self.clock.now();
        let now = Instant::now();
        self.full = Some(Full { since, parked: Some(round), began: now, looked: now });
        self.reserve.open();
        let part = "journal".to_owned();
        let trouble =
            Trouble { part, what: format!("{fault}; no readings are taken in"), since, at: since, over: false };
        self.mention(trouble, senders);
        let mut later = Round::new(self.next_number, since, since);
        ticks.into_iter().for_each(|tick| later.tick(tick));
        self.write(later, senders);
    }

    pub(super) fn mention(&mut self, trouble: Trouble, senders: &mut Senders) {
        self.remembered.trouble(&trouble);
        let mut bytes = Vec::new();
        record::control(&Control { at: trouble.at, by: String::new(), what: Order::Trouble(trouble) }, &mut bytes);
        // Where not even this finds room, the notice has said it.
        if self.append(&bytes).is_ok() {
            senders.written();
            senders.eager = true;
        }
    }

    /// Time goes on while nothing else does.
    pub(super) fn write_ticks(&mut self, mut round: Round, senders: &mut Senders) {
        debug_assert!(!round.has_input(), "nothing is taken while the disk is full");
        // Names keep their order: those that were parked come first.
        self.declare(&mut round);
        if let Some(parked) = self.full.as_mut().and_then(|full| full.parked.as_mut()) {
            parked.stretch.declarations.append(&mut round.stretch.declarations);
            parked.moved.append(&mut round.moved);
        }
        // A tick that finds no room is no loss: the next one says the same.
        let _ = self.try_write(&mut round, senders);
    }

    /// Looks whether there is room again; then what was parked goes first.
    pub(super) fn look_for_room(&mut self, ticked: Time, senders: &mut Senders) {
        let Some(full) = &mut self.full else { return };
        // Not at the first free block: what comes and goes would make one alarm after the other.
        let waited = full.began.elapsed() >= REST;
        if full.looked.elapsed() < LOOK || !waited {
            return;
        }
        full.looked = Instant::now();
        if !self.reserve.make().unwrap_or(false) {
            return;
        }
        let (since, parked) = (full.since, full.parked.take());
        if let Some(mut round) = parked {
            let now = self.clock.now();
            let arrives: std::collections::HashSet<_> = self
                .feeds
                .iter()
                .flat_map(|feed| feed.series.iter().flatten())
                .filter(|(_, a)| *a)
                .map(|(s, _)| *s)
                .collect();
            round.arrive(now, ticked, |row| arrives.contains(&row.series));
            if self.try_write(&mut round, senders).is_err() {
                if let Some(full) = &mut self.full {
                    full.parked = Some(round);
                }
                self.reserve.open();
                return;
            }
        }
        self.full = None;
        self.held.set_full(false);
        self.counters.full.store(false, Ordering::Relaxed);
        self.feeds.iter().for_each(|feed| feed.queue.refuse(None));
        self.notices.note("the journal can be written again; readings are taken in");
        let what = "the journal can be written again".to_owned();
        let trouble = Trouble { part: "journal".to_owned(), what, since, at: self.clock.now(), over: true };
        self.mention(trouble, senders);
        self.bell.ring();
    }

    /// Writes a record into the room that was set aside, where there is no other.
    pub(super) fn append_with_reserve(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match self.append(bytes) {
            Err(_) if self.reserve.open() => self.append(bytes),
            done => done,
        }
    }

    /// Writes a record that must be written before anything else, and tries until the disk takes it; `false`: until the
    /// run was to end.
    pub(super) fn insist(&mut self, bytes: &[u8]) -> bool {
        let mut told = false;
        while let Err(fault) = self.append_with_reserve(bytes) {
            if !std::mem::replace(&mut told, true) {
                self.notices.warn(format!("{fault}; nothing goes on until it can"));
                self.feeds.iter().for_each(|feed| feed.queue.refuse(Some(NO_JOURNAL)));
            }
            if fault.retry == Retry::Never || self.stop.load(Ordering::Relaxed) {
                self.broken = Some(fault);
                return false;
            }
            std::thread::sleep(LOOK);
        }
        if told {
            self.feeds.iter().for_each(|feed| feed.queue.refuse(None));
        }
        true
    }
}
