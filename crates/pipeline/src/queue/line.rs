//! Packets in the order in which they came. One may be taken from their midst; then the names that it declared pass to
//! the next one behind it, so that whoever takes packets out still hears every name, in order, before it is used.
//!
//! ```text
//! front  [p1]  [  ]  [p3]  [p4]  back        a gap where p2 was
//! ```
//! Gaps rather than closing up: a removal would move half of a long line. There are never more gaps than packets.

use super::policy::Chance;
use ouzel_connect::source::live::Packet;
use ouzel_engine::series::Declaration;
use std::collections::VecDeque;
use std::time::Instant;

/// A packet, and when it was put in.
pub type Waiting = (Instant, Packet);

/// What a piece of input that could not be read weighs: its words take as much room as some readings.
const REJECTED: u64 = 16;

/// How much of a queue a packet takes: at least one reading's worth.
pub(super) fn weight_of(packet: &Packet) -> u64 {
    (packet.rows.len() as u64 + packet.rejected.len() as u64 * REJECTED).max(1)
}

/// See the head of this file. The first slot is never a gap.
#[derive(Debug, Default)]
pub(super) struct Line {
    slots: VecDeque<Option<Waiting>>,
    packets: usize,
    readings: u64,
    weight: u64,
    /// Names of packets that were given up with none behind them. There are as many as a source may have names.
    orphans: Vec<Declaration>,
}

impl Line {
    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    pub(super) fn readings(&self) -> u64 {
        self.readings
    }

    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    /// Since when the oldest packet waits.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.slots.front()?.as_ref().map(|(since, _)| *since)
    }

    /// Puts a packet at the back.
    pub(super) fn push(&mut self, now: Instant, mut packet: Packet) {
        put_before(&mut packet.declarations, std::mem::take(&mut self.orphans));
        self.packets += 1;
        self.readings += packet.rows.len() as u64;
        self.weight += weight_of(&packet);
        self.slots.push_back(Some((now, packet)));
    }

    /// A packet does not come in; its names do.
    pub(super) fn pass_by(&mut self, packet: &mut Packet) {
        self.orphans.append(&mut packet.declarations);
    }

    /// Takes the oldest packet out, with its names.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let oldest = self.slots.pop_front().flatten()?;
        self.forget(&oldest.1);
        self.trim();
        Some(oldest)
    }

    /// Gives the oldest packet up.
    pub(super) fn give_up_oldest(&mut self) -> Option<Packet> {
        let (_, mut packet) = self.pop()?;
        self.pass_on(0, &mut packet);
        Some(packet)
    }

    /// Gives one of them up, each as likely as any other.
    pub(super) fn give_up_any(&mut self, chance: &mut Chance) -> Option<Packet> {
        if self.packets == 0 {
            return None;
        }
        // At least half of the slots have a packet, so this ends soon.
        let (at, (_, mut packet)) = loop {
            let at = chance.below(self.slots.len() as u64) as usize;
            if let Some(waiting) = self.slots[at].take() {
                break (at, waiting);
            }
        };
        self.forget(&packet);
        self.pass_on(at, &mut packet);
        self.trim();
        if self.slots.len() > 2 * self.packets {
            self.slots.retain(Option::is_some);
        }
        Some(packet)
    }

    /// Gives all up that are `such`.
    pub(super) fn give_up_all(&mut self, such: impl Fn(&Packet) -> bool) -> Vec<Packet> {
        let mut given_up = Vec::new();
        let mut names = Vec::new();
        for (since, mut packet) in std::mem::take(&mut self.slots).into_iter().flatten() {
            if such(&packet) {
                self.forget(&packet);
                names.append(&mut packet.declarations);
                given_up.push(packet);
            } else {
                put_before(&mut packet.declarations, std::mem::take(&mut names));
                self.slots.push_back(Some((since, packet)));
            }
        }
        put_before(&mut self.orphans, names);
        given_up
    }

    fn forget(&mut self, packet: &Packet) {
        self.packets -= 1;
        self.readings -= packet.rows.len() as u64;
        self.weight -= weight_of(packet);
    }

    /// The names of a packet pass to the next one from `at` on.
    fn pass_on(&mut self, at: usize, packet: &mut Packet) {
        let names = std::mem::take(&mut packet.declarations);
        if names.is_empty() {
            return;
        }
        match self.slots.range_mut(at..).flatten().next() {
            Some((_, heir)) => put_before(&mut heir.declarations, names),
            None => put_before(&mut self.orphans, names),
        }
    }

    fn trim(&mut self) {
        while self.slots.front().is_some_and(Option::is_none) {
            self.slots.pop_front();
        }
    }
}

fn put_before(names: &mut Vec<Declaration>, mut others: Vec<Declaration>) {
    if !others.is_empty() {
        others.append(names);
        *names = others;
    }
}
