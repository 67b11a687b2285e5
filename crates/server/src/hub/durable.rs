//! Events that no client may miss: alerts and marks, the last thousand of each.
//!
//! A client has a cursor, the number of the last one it was given, and is given the next ones when there is room in
//! its mailbox. Whoever falls behind the ring is told all that is open instead.

use bytes::Bytes;
use std::collections::VecDeque;

/// How many of each kind are kept.
const KEPT: usize = 1_000;

/// A ring of one kind.
#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<(u64, Bytes)>,
    /// Number of the last one that is not kept any more; 0: none.
    forgotten: u64,
}

impl Ring {
    fn push(&mut self, seq: u64, bytes: Bytes) {
        if self.events.len() >= KEPT
            && let Some((gone, _)) = self.events.pop_front()
        {
            self.forgotten = gone;
        }
        self.events.push_back((seq, bytes));
    }

    fn after(&self, cursor: u64) -> Option<&(u64, Bytes)> {
        self.events.get(self.events.partition_point(|&(seq, _)| seq <= cursor))
    }
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Durable {
    alerts: Ring,
    marks: Ring,
}

impl Durable {
    /// Keeps an alert's change.
    pub fn alert(&mut self, seq: u64, bytes: Bytes) {
        self.alerts.push(seq, bytes);
    }

    /// Keeps a mark.
    pub fn mark(&mut self, seq: u64, bytes: Bytes) {
        self.marks.push(seq, bytes);
    }

    /// The first event after `cursor` among the kinds wanted.
    pub fn next(&self, cursor: u64, alerts: bool, marks: bool) -> Option<(u64, Bytes)> {
        let alert = self.alerts.after(cursor).filter(|_| alerts);
        let mark = self.marks.after(cursor).filter(|_| marks);
        alert.into_iter().chain(mark).min_by_key(|(seq, _)| *seq).cloned()
    }

    /// Whether something wanted after `cursor` is not kept any more.
    pub fn missed(&self, cursor: u64, alerts: bool, marks: bool) -> bool {
        alerts && self.alerts.forgotten > cursor || marks && self.marks.forgotten > cursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_come_in_their_order_and_a_storm_of_marks_does_not_push_out_alerts() {
        let mut durable = Durable::default();
        durable.alert(1, Bytes::from_static(b"a"));
        (2..KEPT as u64 + 3).for_each(|seq| durable.mark(seq, Bytes::from_static(b"m")));
        assert_eq!(durable.next(0, true, true).unwrap().0, 1);
        assert_eq!(durable.next(1, true, true).unwrap().0, 3);
        assert_eq!(durable.next(1, true, false), None);
        assert!(durable.missed(1, true, true) && !durable.missed(1, true, false) && !durable.missed(2, true, true));
    }
}
