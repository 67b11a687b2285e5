//! One clock a device: holds what came out of order, releases it in order, sets the late aside.
//!
//! A device's *watermark* is its largest time minus the allowance (`late`) of its source. A reading before the
//! watermark is late, decided reading by reading in order of arrival, so that batch size cannot matter. Readings up to
//! the watermark are released in order of time, ties in order of arrival.
//!
//! Nearly all disorder is small, so the few oldest held readings stand beside the clock itself, where a reading finds
//! them without another step through memory. What does not fit stands in a ring sorted by insertion from its end, and
//! a straggler that would move more than [`REACH`] others there in a heap. Bounded by [`HELD_LIMIT`]: at the bound the
//! oldest is released early and the watermark moves with it, counted.

use crate::reading::Reading;
use crate::series::Timing;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// The most readings that one device may have waiting: 2 MiB.
pub const HELD_LIMIT: usize = 65_536;

/// How many places a reading may be moved in the ring; past that a heap is cheaper than moving memory.
const REACH: usize = 48;

/// The clock of one device, and what it holds back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Order {
    timing: Timing,
    /// Largest time so far.
    latest: Time,
    watermark: Time,
    /// The oldest held readings, oldest first; the first `count` places are in use.
    few: [Reading; FEW],
    count: u8,
    /// What did not fit: nothing in it is older than anything in `few`.
    more: Option<Box<More>>,
}

/// At a reading a second and a second's disorder, that is all there are.
const FEW: usize = 4;

/// The same without the places that are not in use.
#[derive(Serialize, Deserialize)]
struct Saved {
    timing: Timing,
    latest: Time,
    watermark: Time,
    few: Vec<Reading>,
    more: Option<Box<More>>,
}

impl From<Order> for Saved {
    fn from(order: Order) -> Saved {
        let Order { timing, latest, watermark, few, count, more } = order;
        Saved { timing, latest, watermark, few: few[..usize::from(count)].to_vec(), more }
    }
}

impl TryFrom<Saved> for Order {
    type Error = &'static str;

    fn try_from(saved: Saved) -> Result<Order, &'static str> {
        let Saved { timing, latest, watermark, few: held, more } = saved;
        let mut order = Order { latest, watermark, more, count: held.len() as u8, ..Order::new(timing) };
        order.few.get_mut(..held.len()).ok_or("more readings are held than there is room for")?.copy_from_slice(&held);
        Ok(order)
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct More {
    ring: VecDeque<Held>,
    stragglers: BinaryHeap<Held>,
    /// Readings that came here so far; gives ties their order.
    arrivals: u64,
    /// How often the bound was met.
    early: u64,
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
    /// The largest time that was heard; [`Time::MIN`]: none yet.
    pub fn latest(&self) -> Time {
        self.latest
    }

    /// A device that has not spoken yet.
    pub fn new(timing: Timing) -> Order {
        let few = [Reading::tick(Time::MIN); FEW];
        Order { timing, latest: Time::MIN, watermark: Time::MIN, few, count: 0, more: None }
    }

    /// Everything before this moment has been released, and is late if it comes now.
    #[inline]
    pub fn watermark(&self) -> Time {
        self.watermark
    }

    /// How long readings wait for stragglers.
    pub fn allowance(&self) -> Span {
        self.timing.late
    }

    /// Whether readings have to wait for stragglers at all.
    #[inline]
    pub fn waits(&self) -> bool {
        self.timing.late.0 != 0
    }

    /// Reads what the next reading will need, to have it near.
    #[inline]
    pub fn touch(&self) -> i64 {
        self.watermark.0 ^ self.few[0].time.0 ^ self.few[FEW - 1].time.0
    }

    /// A reading of this time, which is not late, has been heard.
    #[inline]
    pub fn hear(&mut self, time: Time) {
        if time > self.latest {
            self.latest = time;
            self.watermark = self.watermark.max(time - self.timing.late);
        }
    }

    /// Keeps a reading until the watermark reaches it; then [`Order::release`] gives it back, in order of time.
    #[inline]
    pub fn hold(&mut self, reading: Reading) {
        let count = self.count as usize;
        if self.more.is_some() || count == FEW {
            return self.hold_more(reading);
        }
        self.few[count] = reading;
        self.count += 1;
        for place in (1..=count).rev() {
            if self.few[place - 1].time <= reading.time {
                break;
            }
            self.few.swap(place - 1, place);
        }
    }

    #[inline(never)]
    fn hold_more(&mut self, reading: Reading) {
        let count = self.count as usize;
        let more = self.more.get_or_insert_default();
        if count == 0 || self.few[count - 1].time <= reading.time {
            more.hold(reading);
        } else {
            if count == FEW {
                // Older than everything in `more`, ties included: its arrival is before all of theirs.
                more.ring.push_front(Held { reading: self.few[FEW - 1], arrival: 0 });
                self.count -= 1;
            }
            let place = self.few[..self.count as usize].partition_point(|few| few.time <= reading.time);
            self.few.copy_within(place..self.count as usize, place + 1);
            self.few[place] = reading;
            self.count += 1;
        }
        if more.ring.len() + more.stragglers.len() > HELD_LIMIT {
            let oldest = if self.count > 0 { Some(self.few[0].time) } else { more.oldest().map(|h| h.reading.time) };
            self.watermark = self.watermark.max(oldest.unwrap_or(Time::MIN));
            more.early += 1;
        }
    }

    /// The next held reading that the watermark has reached.
    #[inline]
    pub fn release(&mut self) -> Option<Reading> {
        if self.count == 0 {
            self.fetch()?;
        }
        let first = self.few[0];
        if first.time > self.watermark {
            return None;
        }
        self.count -= 1;
        self.few.copy_within(1.., 0);
        Some(first)
    }

    /// Fills the few from what did not fit.
    #[inline]
    fn fetch(&mut self) -> Option<()> {
        let more = self.more.as_mut()?;
        while (self.count as usize) < FEW {
            let Some(held) = more.pop() else { break };
            self.few[self.count as usize] = held.reading;
            self.count += 1;
        }
        (self.count > 0).then_some(())
    }

    /// Time has passed without a word. Moves arrival-time clocks only; says whether it did.
    pub fn tick(&mut self, now: Time) -> bool {
        let moves = self.timing.arrival && self.latest != Time::MIN && now > self.latest;
        if moves {
            self.hear(now);
        }
        moves
    }

    /// The input has ended: nothing will be waited for.
    pub fn end(&mut self) {
        (self.latest, self.watermark) = (Time::MAX, Time::MAX);
    }

    /// How often readings were released early because [`HELD_LIMIT`] was met.
    pub fn released_early(&self) -> u64 {
        self.more.as_ref().map_or(0, |more| more.early)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let of = |more: &More| (more.ring.capacity() + more.stragglers.capacity()) * size_of::<Held>();
        self.more.as_ref().map_or(0, |more| size_of::<More>() + of(more))
    }
}

impl More {
    fn hold(&mut self, reading: Reading) {
        self.arrivals += 1;
        let held = Held { reading, arrival: self.arrivals };
        let mut place = self.ring.len();
        let reach = place.saturating_sub(REACH);
        if reach > 0 && self.ring[reach].reading.time > reading.time {
            return self.stragglers.push(held);
        }
        self.ring.push_back(held);
        while place > 0 && self.ring[place - 1].reading.time > reading.time {
            self.ring.swap(place, place - 1);
            place -= 1;
        }
    }

    fn heap_first(&self) -> bool {
        match (self.ring.front(), self.stragglers.peek()) {
            (Some(ring), Some(heap)) => heap.rank() < ring.rank(),
            (ring, _) => ring.is_none(),
        }
    }

    fn oldest(&self) -> Option<&Held> {
        if self.heap_first() { self.stragglers.peek() } else { self.ring.front() }
    }

    fn pop(&mut self) -> Option<Held> {
        if self.heap_first() { self.stragglers.pop() } else { self.ring.pop_front() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Series;
    use proptest::prelude::*;

    /// Feeds times in seconds; gives what came out of it: released in order, and late.
    fn play(late: i64, times: &[i64]) -> (Vec<i64>, Vec<i64>) {
        let mut order = Order::new(Timing { late: Span(late), arrival: false });
        let (mut released, mut set_aside) = (Vec::new(), Vec::new());
        for &time in times {
            if Time(time) < order.watermark() {
                set_aside.push(time);
                continue;
            }
            order.hear(Time(time));
            order.hold(Reading::new(Series(0), Time(time), 0.0));
            released.extend(std::iter::from_fn(|| order.release()).map(|r| r.time.0));
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
            order.hear(Time(time));
            order.hold(Reading::new(Series(0), Time(time), i as f64));
        }
        order.end();
        let values: Vec<f64> = std::iter::from_fn(|| order.release()).map(|r| r.value).collect();
        assert_eq!(values, [1.0, 3.0, 0.0, 2.0]);
    }

    #[test]
    fn at_the_bound_the_oldest_goes_early_and_is_counted() {
        let mut order = Order::new(Timing { late: Span(i64::MAX), arrival: false });
        for time in 0..=(HELD_LIMIT + FEW) as i64 {
            order.hear(Time(time));
            order.hold(Reading::new(Series(0), Time(time), 0.0));
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
