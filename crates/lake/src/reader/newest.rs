//! The newest rows of many that are looked at.

use std::cmp::Reverse;

/// Keeps the newest `limit` of what is offered, by time and then by number.
pub(super) struct Newest<T> {
    limit: usize,
    rows: Vec<(i64, u64, T)>,
    /// Older than this is not among the newest any more.
    floor: i64,
}

impl<T> Newest<T> {
    pub(super) fn new(limit: usize) -> Newest<T> {
        Newest { limit, rows: Vec::new(), floor: i64::MIN }
    }

    /// Whether nothing as old as `time` or older can be among them. Of equal times the larger number is newer, so only
    /// what is truly older is out.
    pub(super) fn beyond(&self, time: i64) -> bool {
        self.limit == 0 || time < self.floor
    }

    /// Offers a row; `make` is called only if it may be among them.
    pub(super) fn offer(&mut self, time: i64, seq: u64, make: impl FnOnce() -> T) {
        if self.beyond(time) {
            return;
        }
        self.rows.push((time, seq, make()));
        // Sorting twice as many, and seldom, costs less than keeping a heap in order.
        if self.rows.len() >= 2 * self.limit + 16 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        // Stable: outputs of one input stay in the order in which they were offered.
        self.rows.sort_by_key(|&(time, seq, _)| Reverse((time, seq)));
        self.rows.truncate(self.limit);
        if let (true, Some(oldest)) = (self.rows.len() == self.limit, self.rows.last()) {
            self.floor = oldest.0;
        }
    }

    /// They, newest first.
    pub(super) fn rows(mut self) -> Vec<T> {
        self.cut();
        self.rows.into_iter().map(|(_, _, row)| row).collect()
    }
}
