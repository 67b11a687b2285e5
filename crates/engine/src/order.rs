//! One clock a device: holds what came out of order, releases it in order, sets the late aside.
//!
//! A device's *watermark* is its largest time minus the allowance (`late`) of its source. A reading before the
//! watermark is late, decided reading by reading in order of arrival, so that batch size cannot matter. Readings up to
//! the watermark are released in order of time, ties in order of arrival.
//!
//! Nearly all disorder is small, so held readings stand in a ring sorted by insertion from its end; a straggler that
//! would move more than [`REACH`] others goes to a heap beside it. Bounded by [`HELD_LIMIT`]: at the bound the oldest
//! is released early and the watermark moves with it, counted.

use crate::reading::Reading;
use crate::series::Timing;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// The most readings that one device may have waiting: 2 MiB.
pub const HELD_LIMIT: usize = 65_536;

/// How many places a reading may be moved in the ring; past that a heap is cheaper than moving memory.
const REACH: usize = 48;

/// The clock of one device, and what it holds back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    timing: Timing,
    /// Largest time so far.
    latest: Time,
    /// Where the watermark was pushed because too much was held.
    pushed: Time,
    /// Readings so far; gives ties their order.
    arrivals: u64,
    ring: VecDeque<Held>,
    stragglers: BinaryHeap<Held>,
    /// How often the bound was met.
    early: u64,
}

/// What becomes of a reading on arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Too late: aside with it.
    Late,
    /// In order, and nothing to wait for: it may go on now.
    Pass,
    /// Kept until the watermark reaches it; see [`Order::release`].
    Held,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Held {
    reading: Reading,
    arrival: u64,
}

impl Held {
    fn rank(&self) -> (Time, u64) {
        (self.reading.time, self.arrival)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.rank() == other.rank()
    }
}
impl Eq for Held {}
impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Held {
    /// The other way round: the heap gives its largest first, and the oldest is wanted.
    fn cmp(&self, other: &Held) -> Ordering {
        other.rank().cmp(&self.rank())
    }
}

impl Order {
    /// A device that has not spoken yet.
    pub fn new(timing: Timing) -> Order {
        Order {
            timing,
            latest: Time::MIN,
            pushed: Time::MIN,
            arrivals: 0,
            ring: VecDeque::new(),
            stragglers: BinaryHeap::new(),
            early: 0,
        }
    }

    /// Everything before this moment has been released, and will be late if it comes now.
    pub fn watermark(&self) -> Time {
        match self.latest {
            Time::MIN => Time::MIN,
            latest => (latest - self.timing.late).max(self.pushed),
        }
    }

    /// Takes a reading. After [`Admitted::Held`], call [`Order::release`] until it has nothing more.
    #[inline]
    pub fn admit(&mut self, reading: Reading) -> Admitted {
        if reading.time < self.watermark() {
            return Admitted::Late;
        }
        self.latest = self.latest.max(reading.time);
        if self.timing.late.0 == 0 {
            return Admitted::Pass;
        }
        self.hold(reading);
        Admitted::Held
    }

    fn hold(&mut self, reading: Reading) {
        let held = Held { reading, arrival: self.arrivals };
        self.arrivals += 1;
        let mut place = self.ring.len();
        while place > 0 && self.ring[place - 1].reading.time > reading.time {
            place -= 1;
            if self.ring.len() - place > REACH {
                self.stragglers.push(held);
                return self.bound();
            }
        }
        if place == self.ring.len() {
            self.ring.push_back(held);
        } else {
            self.ring.insert(place, held);
        }
        self.bound();
    }

    fn bound(&mut self) {
        if self.ring.len() + self.stragglers.len() > HELD_LIMIT {
            let oldest = self.oldest().expect("more than the limit is more than none");
            self.pushed = self.pushed.max(oldest);
            self.early += 1;
        }
    }

    fn oldest(&self) -> Option<Time> {
        let ring = self.ring.front().map(|h| h.reading.time);
        let heap = self.stragglers.peek().map(|h| h.reading.time);
        match (ring, heap) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The next held reading that the watermark has reached.
    #[inline]
    pub fn release(&mut self) -> Option<Reading> {
        let watermark = self.watermark();
        match (self.ring.front(), self.stragglers.peek()) {
            (Some(ring), None) if ring.reading.time <= watermark => self.ring.pop_front().map(|h| h.reading),
            (Some(ring), Some(heap)) if ring.rank() < heap.rank() && ring.reading.time <= watermark => {
                self.ring.pop_front().map(|h| h.reading)
            }
            (_, Some(heap)) if heap.reading.time <= watermark => self.stragglers.pop().map(|h| h.reading),
            _ => None,
        }
    }

    /// Time has passed without a word. Moves arrival-time clocks only; says whether it did.
    pub fn tick(&mut self, now: Time) -> bool {
        let moves = self.timing.arrival && self.latest != Time::MIN && now > self.latest;
        if moves {
            self.latest = now;
        }
        moves
    }

    /// The input has ended: nothing will be waited for.
    pub fn end(&mut self) {
        self.pushed = Time::MAX;
        self.latest = Time::MAX;
    }

    /// How often readings were released early because [`HELD_LIMIT`] was met.
    pub fn released_early(&self) -> u64 {
        self.early
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        (self.ring.capacity() + self.stragglers.capacity()) * size_of::<Held>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Series;
    use crate::time::Span;
    use proptest::prelude::*;

    /// Feeds times in seconds; gives what came out of it: released in order, and late.
    fn play(late: i64, times: &[i64]) -> (Vec<i64>, Vec<i64>) {
        let mut order = Order::new(Timing { late: Span(late), arrival: false });
        let (mut released, mut set_aside) = (Vec::new(), Vec::new());
        for &time in times {
            match order.admit(Reading::new(Series(0), Time(time), 0.0)) {
                Admitted::Late => set_aside.push(time),
                Admitted::Pass => released.push(time),
                Admitted::Held => released.extend(std::iter::from_fn(|| order.release()).map(|r| r.time.0)),
            }
        }
        order.end();
        released.extend(std::iter::from_fn(|| order.release()).map(|r| r.time.0));
        (released, set_aside)
    }

    #[test]
    fn without_allowance_what_is_older_than_the_newest_is_late() {
        assert_eq!(play(0, &[1, 3, 2, 3, 4]), (vec![1, 3, 3, 4], vec![2]));
    }

    #[test]
    fn a_reading_exactly_at_the_watermark_is_not_late() {
        assert_eq!(play(2, &[1, 5, 3, 2, 6]), (vec![1, 3, 5, 6], vec![2]));
    }

    #[test]
    fn ties_keep_their_order_of_arrival() {
        let mut order = Order::new(Timing { late: Span(10), arrival: false });
        for (i, time) in [5, 4, 5, 4].into_iter().enumerate() {
            order.admit(Reading::new(Series(0), Time(time), i as f64));
        }
        order.end();
        let values: Vec<f64> = std::iter::from_fn(|| order.release()).map(|r| r.value).collect();
        assert_eq!(values, [1.0, 3.0, 0.0, 2.0]);
    }

    #[test]
    fn at_the_bound_the_oldest_goes_early_and_is_counted() {
        let mut order = Order::new(Timing { late: Span(i64::MAX), arrival: false });
        for time in 0..=HELD_LIMIT as i64 {
            order.admit(Reading::new(Series(0), Time(time), 0.0));
        }
        assert_eq!(order.released_early(), 1);
        assert_eq!(order.release().map(|r| r.time), Some(Time(0)));
        assert_eq!(order.release(), None);
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        assert_eq!(play(5, &[i64::MIN + 1, 0, i64::MAX]), (vec![i64::MIN + 1, 0, i64::MAX], vec![]));
    }

    proptest! {
        /// Whatever the disorder: released is sorted, nothing is lost, late is what the definition says.
        #[test]
        fn releases_in_order_and_loses_nothing(late in 0i64..400, times in prop::collection::vec(0i64..1000, 0..600)) {
            let (released, set_aside) = play(late, &times);
            let mut newest = i64::MIN;
            let mut expected_late = Vec::new();
            let mut expected: Vec<i64> = Vec::new();
            for &t in &times {
                if newest != i64::MIN && t < newest - late { expected_late.push(t) } else { expected.push(t); newest = newest.max(t) }
            }
            expected.sort_unstable();
            prop_assert_eq!(released, expected);
            prop_assert_eq!(set_aside, expected_late);
        }
    }
}
