//! What a device says at one moment, put together from its readings, for those who judge several channels at once.
//!
//! Readings of one device with the same time are one *point*. It is complete when every channel that is asked for is
//! there, when the device's message ends (formats that have whole rows say so), or when the device's clock has passed its
//! time. Readings that wait for the verdict stand in the point; those of the same moment that come after it share it.
//! Two messages of one time are two points.

use crate::condition::{Judged, Truth};
use crate::reading::Reading;
use crate::series::Series;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};

/// How a node takes a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(u8);

impl Port {
    /// One channel at most has this place; so many channels can be asked for.
    pub const MOST: usize = 127;
    const NONE: u8 = 127;

    /// A channel whose readings wait for the verdict (`waits`), or whose value is asked for at this place, or both.
    pub fn new(waits: bool, asked: Option<usize>) -> Port {
        let place = asked.filter(|place| *place < Port::MOST).map_or(Port::NONE, |place| place as u8);
        Port(place | if waits { 128 } else { 0 })
    }

    /// Whether its readings wait for the verdict.
    pub fn waits(self) -> bool {
        self.0 & 128 != 0
    }

    /// The place of its value among those that are asked for.
    pub fn asked(self) -> Option<usize> {
        let place = self.0 & 127;
        (place != Port::NONE).then_some(usize::from(place))
    }
}

/// What a node keeps of each device: at places that stay, and are used again when their device is gone.
#[derive(Debug)]
pub struct Places<T> {
    all: Vec<T>,
    free: Vec<u32>,
}

impl<T> Places<T> {
    /// Of no device yet.
    pub fn new() -> Places<T> {
        Places { all: Vec::new(), free: Vec::new() }
    }

    /// A device comes; gives its place.
    pub fn enter(&mut self, of: T) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self[place] = of;
                place
            }
            None => {
                self.all.push(of);
                self.all.len() as u32 - 1
            }
        }
    }

    /// The device at this place is gone; `nobody` is kept until another one comes.
    pub fn leave(&mut self, place: u32, nobody: T) {
        self[place] = nobody;
        self.free.push(place);
    }

    /// Bytes for all devices, with those that each has on the heap.
    pub fn bytes(&self, heap: impl Fn(&T) -> usize) -> usize {
        self.all.capacity() * size_of::<T>() + self.all.iter().map(heap).sum::<usize>()
    }
}

impl<T> Default for Places<T> {
    fn default() -> Places<T> {
        Places::new()
    }
}

impl<T> Index<u32> for Places<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: u32) -> &T {
        &self.all[place as usize]
    }
}

impl<T> IndexMut<u32> for Places<T> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.all[place as usize]
    }
}

/// So many readings may wait in a point: a clock that stands still must not fill the memory. One more begins another point.
const WAITING_MOST: usize = 1_024;

/// The channels of a device whose readings wait for the verdict.
#[derive(Debug, Default)]
pub struct Over(Vec<Channel>);

#[derive(Debug)]
struct Channel {
    series: Series,
    /// Expected time between readings.
    every: Option<Span>,
    /// Which results go on, and as what: place among them, and the shard's place of the series that takes them.
    feeds: Vec<(u16, u32)>,
}

impl Over {
    /// One more channel.
    pub fn take_in(&mut self, series: Series, every: Option<Span>) {
        self.0.push(Channel { series, every, feeds: Vec::new() });
    }

    /// A result of a channel goes on as the series at a place of the shard.
    pub fn feed(&mut self, of: Series, feed: (u16, u32)) {
        let channel = self.0.iter_mut().find(|channel| channel.series == of);
        channel.into_iter().for_each(|channel| channel.feeds.push(feed));
    }

    /// The `index`-th of these.
    pub fn fed(&self, of: Series, index: usize) -> Option<(u16, u32)> {
        self.0.iter().find(|channel| channel.series == of)?.feeds.get(index).copied()
    }

    /// The expected time between readings of a channel.
    pub fn every(&self, of: Series) -> Option<Span> {
        self.0.iter().find(|channel| channel.series == of)?.every
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Channel>()
    }
}

/// How far the point of a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Stage {
    /// There is none.
    #[default]
    None,
    /// Something may be missing yet.
    Gathering,
    /// All that is asked for was there: what else comes of this moment shares the verdict.
    Judged(Truth, u64),
}

/// The point of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    stage: Stage,
    time: Time,
    /// What is asked for; NaN where it is absent.
    values: Vec<f64>,
    /// In order of arrival.
    waiting: Vec<Reading>,
}

impl Point {
    /// None yet; this many values will be asked for.
    pub fn new(asked: usize) -> Point {
        Point { stage: Stage::None, time: Time::MIN, values: vec![f64::NAN; asked], waiting: Vec::new() }
    }

    /// The moment that is not judged yet.
    pub fn gathers(&self) -> Option<Time> {
        (self.stage == Stage::Gathering).then_some(self.time)
    }

    /// Whether a reading is of another point than the one that stands here, so that this one has to be judged first.
    pub fn is_over(&self, port: Port, reading: &Reading) -> bool {
        let asked = || port.asked().is_some_and(|place| self.values.get(place).is_some_and(|value| !value.is_nan()));
        let is_full = self.waiting.len() >= WAITING_MOST;
        self.stage != Stage::None && (self.time != reading.time || is_full || asked())
    }

    /// Takes in a reading of this moment. Gives the verdict if it is known already; the reading does not wait then.
    pub fn take(&mut self, port: Port, reading: &Reading) -> Option<Judged> {
        if let Stage::Judged(truth, failed) = self.stage {
            return Some(Judged { truth, failed });
        }
        (self.stage, self.time) = (Stage::Gathering, reading.time);
        if let Some(value) = port.asked().and_then(|place| self.values.get_mut(place)) {
            *value = reading.value;
        }
        if port.waits() {
            self.waiting.push(*reading);
        }
        None
    }

    /// Whether everything that is asked for is there.
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::Gathering && self.values.iter().all(|value| !value.is_nan())
    }

    /// Its moment and values, to be judged.
    pub fn asked(&self) -> (Time, &[f64]) {
        (self.time, &self.values)
    }

    /// It has been judged; gives those that have waited. `more` of this moment may come, and share the verdict.
    pub fn judged(&mut self, verdict: Judged, more: bool) -> std::vec::Drain<'_, Reading> {
        self.stage = if more { Stage::Judged(verdict.truth, verdict.failed) } else { Stage::None };
        if !more {
            self.values.fill(f64::NAN);
        }
        self.waiting.drain(..)
    }

    /// Whatever comes next is of another point.
    pub fn forget(&mut self) {
        self.stage = Stage::None;
        self.values.fill(f64::NAN);
        self.waiting.clear();
    }

    /// Whether it has room for this many values, as one that was read back should.
    pub fn fits(&self, asked: usize) -> bool {
        self.values.len() == asked
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<f64>() + self.waiting.capacity() * size_of::<Reading>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(series: u32, time: i64, value: f64) -> Reading {
        Reading::new(Series(series), Time(time), value)
    }

    const TRUE: Judged = Judged { truth: Truth::True, failed: 0 };

    #[test]
    fn the_place_of_a_device_that_is_gone_is_used_again() {
        let mut places = Places::new();
        assert_eq!((places.enter("a"), places.enter("b")), (0, 1));
        places.leave(0, "");
        assert_eq!((places[0], places[1]), ("", "b"));
        assert_eq!((places.enter("c"), places.enter("d")), (0, 2));
        assert_eq!((places[0], places[1], places[2]), ("c", "b", "d"));
    }

    #[test]
    fn readings_wait_until_all_that_is_asked_for_is_there_and_later_ones_share_the_verdict() {
        let (heat, motion) = (Port::new(true, None), Port::new(false, Some(0)));
        let mut point = Point::new(1);
        assert_eq!(point.take(heat, &reading(0, 5, 20.0)), None);
        assert!(!point.is_complete());
        assert_eq!(point.gathers(), Some(Time(5)));
        assert!(!point.is_over(motion, &reading(1, 5, 1.0)));
        assert_eq!(point.take(motion, &reading(1, 5, 1.0)), None);
        assert!(point.is_complete());
        assert_eq!(point.asked(), (Time(5), &[1.0][..]));
        let waited: Vec<f64> = point.judged(TRUE, true).map(|reading| reading.value).collect();
        assert_eq!(waited, [20.0]);
        assert_eq!(point.take(heat, &reading(0, 5, 21.0)), Some(TRUE));
        assert!(point.is_over(heat, &reading(0, 6, 22.0)));
    }

    #[test]
    fn a_channel_that_is_there_already_begins_another_point_of_the_same_time() {
        let motion = Port::new(true, Some(0));
        let mut point = Point::new(2);
        point.take(motion, &reading(1, 5, 1.0));
        assert!(point.is_over(motion, &reading(1, 5, 0.0)));
        assert!(!point.is_over(Port::new(true, Some(1)), &reading(2, 5, 0.0)));
    }

    #[test]
    fn a_clock_that_stands_still_begins_another_point_at_the_bound() {
        let heat = Port::new(true, None);
        let mut point = Point::new(1);
        for _ in 0..WAITING_MOST {
            assert!(!point.is_over(heat, &reading(0, 5, 20.0)));
            point.take(heat, &reading(0, 5, 20.0));
        }
        assert!(point.is_over(heat, &reading(0, 5, 20.0)));
    }
}
