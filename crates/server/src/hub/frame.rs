//! Frames: what is new of a choice of series, written once for all clients that made the same choice.

use super::event::Events;
use crate::model::{Changes, Latest, micros};
use bytes::Bytes;
use hashbrown::HashMap;
use ouzel_connect::encode::number::{push_integer, push_number};
use ouzel_engine::series::Series;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The most series of one stream.
pub const SERIES: usize = 200;

/// The most readings of one frame; beyond, only the newest of each series is told.
const READINGS: usize = 2_000;

/// Which series, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// These, ascending; `None`: the first [`SERIES`] of all.
    pub series: Option<Vec<u32>>,
    /// The shortest time between two frames.
    pub every: Duration,
}

impl Choice {
    /// Whether a series belongs to it; `last` is that of [`Choice::last`].
    pub fn has(&self, series: Series, last: Option<Series>) -> bool {
        match &self.series {
            Some(chosen) => chosen.binary_search(&series.0).is_ok(),
            None => last.is_none_or(|last| series <= last),
        }
    }

    /// The highest number among the first [`SERIES`] that people see; `None`: there are not so many. Numbers ascend in the
    /// order of first sight, but for a few that were taken for derived ones until a reading came.
    pub fn last(shown: &[Series]) -> Option<Series> {
        shown.get(..SERIES).and_then(|first| first.iter().max().copied())
    }

    /// The series of it that there are.
    pub fn series(&self, shown: &[Series]) -> Vec<Series> {
        let last = Choice::last(shown);
        shown.iter().copied().filter(|&series| self.has(series, last)).take(SERIES).collect()
    }
}

/// What waits to be told to the clients of one choice.
#[derive(Debug)]
pub struct Group {
    /// The choice.
    pub choice: Choice,
    waiting: Vec<Latest>,
    /// There were too many, and only the newest of each series are left.
    conflated: bool,
    bands: BTreeMap<u32, (f64, f64)>,
    told: Option<Instant>,
}

impl Group {
    /// Nothing waits.
    pub fn new(choice: Choice) -> Group {
        Group { choice, waiting: Vec::new(), conflated: false, bands: BTreeMap::new(), told: None }
    }

    /// Takes what is new of its series.
    pub fn take(&mut self, changes: &Changes, shown: &[Series]) {
        let last = Choice::last(shown);
        for reading in &changes.readings {
            if self.choice.has(reading.series, last) {
                self.waiting.push(*reading);
                if self.waiting.len() > READINGS {
                    self.conflate();
                }
            }
        }
        for &(series, low, high) in &changes.bands {
            if self.choice.has(series, last) {
                self.bands.insert(series.0, (low, high));
            }
        }
    }

    /// Keeps the newest of each series, with the marks of those that go.
    fn conflate(&mut self) {
        self.conflated = true;
        let mut places: HashMap<Series, usize> = HashMap::new();
        let mut newest: Vec<Latest> = Vec::new();
        for reading in self.waiting.drain(..) {
            let place = *places.entry(reading.series).or_insert(newest.len());
            match newest.get_mut(place) {
                Some(kept) => {
                    let flags = kept.flags | reading.flags;
                    *kept = Latest { flags, ..if reading.time >= kept.time { reading } else { *kept } };
                }
                None => newest.push(reading),
            }
        }
        self.waiting = newest;
    }

    /// When the next frame is due; `None` while nothing waits. After a pause that is at once.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let soonest = self.told.map_or(now, |told| told + self.choice.every);
        (!self.waiting.is_empty()).then_some(soonest)
    }

    /// The frame, if it is due, and nothing waits any more.
    pub fn flush(&mut self, now: Instant, moment: i64, events: &mut Events) -> Option<Frame> {
        if self.due(now).is_none_or(|due| due > now) {
            return None;
        }
        if self.conflated {
            self.conflate();
        }
        self.told = Some(now);
        let frame = Frame::write(moment, &self.waiting, &self.bands, events);
        self.waiting.clear();
        self.bands.clear();
        self.conflated = false;
        Some(frame)
    }
}

/// A frame as bytes.
#[derive(Debug)]
pub struct Frame {
    /// Its number.
    pub seq: u64,
    /// For a client that missed none before it.
    pub whole: Bytes,
    /// Everything up to the number of frames missed.
    before_skipped: usize,
}

impl Frame {
    fn write(moment: i64, readings: &[Latest], bands: &BTreeMap<u32, (f64, f64)>, events: &mut Events) -> Frame {
        let seq = events.next();
        let t0 = readings.first().map_or(moment, |reading| micros(reading.time));
        let mut into = events.head(seq, "frame");
        into.reserve(readings.len() * 24 + 64);
        into.extend_from_slice(format!("{{\"now\":{moment},\"seq\":{seq},\"t0\":{t0}").as_bytes());
        column("s", readings, &mut into, |reading, into| push_integer(i64::from(reading.series.0), into));
        column("t", readings, &mut into, |reading, into| push_integer(micros(reading.time).saturating_sub(t0), into));
        column("v", readings, &mut into, |reading, into| push_value(reading.value, into));
        column("f", readings, &mut into, |reading, into| push_integer(i64::from(reading.flags), into));
        if !bands.is_empty() {
            let bands: Vec<(u32, f64, f64)> = bands.iter().map(|(&s, &(low, high))| (s, low, high)).collect();
            into.extend_from_slice(b",\"band\":{\"s\":");
            list(&bands, &mut into, |band, into| push_integer(i64::from(band.0), into));
            column("low", &bands, &mut into, |band, into| push_value(band.1, into));
            column("high", &bands, &mut into, |band, into| push_value(band.2, into));
            into.push(b'}');
        }
        into.extend_from_slice(b",\"skipped\":");
        let before_skipped = into.len();
        into.extend_from_slice(b"0}\n\n");
        Frame { seq, whole: into.into(), before_skipped }
    }

    /// For a client that missed so many before it.
    pub fn after(&self, skipped: u64) -> Bytes {
        if skipped == 0 {
            return self.whole.clone();
        }
        let mut own = self.whole[..self.before_skipped].to_vec();
        own.extend_from_slice(format!("{skipped}}}\n\n").as_bytes());
        own.into()
    }
}

fn column<T>(name: &str, all: &[T], into: &mut Vec<u8>, push: impl Fn(&T, &mut Vec<u8>)) {
    into.extend_from_slice(format!(",\"{name}\":").as_bytes());
    list(all, into, push);
}

fn list<T>(all: &[T], into: &mut Vec<u8>, push: impl Fn(&T, &mut Vec<u8>)) {
    into.push(b'[');
    for (place, one) in all.iter().enumerate() {
        if place > 0 {
            into.push(b',');
        }
        push(one, into);
    }
    into.push(b']');
}

/// A number, or null where JSON has no word for it.
fn push_value(value: f64, into: &mut Vec<u8>) {
    if value.is_finite() { push_number(value, into) } else { into.extend_from_slice(b"null") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::reading::Quality;
    use ouzel_engine::time::Time;

    fn reading(series: u32, second: i64, flags: u8) -> Latest {
        let (series, time) = (Series(series), Time::from_secs(second));
        Latest { seq: 0, series, time, value: second as f64, quality: Quality::Good, flags }
    }

    fn choice(series: Option<Vec<u32>>) -> Choice {
        Choice { series, every: Duration::from_millis(100) }
    }

    fn data(frame: &Frame) -> serde_json::Value {
        let text = String::from_utf8(frame.whole.to_vec()).unwrap();
        serde_json::from_str(text.lines().nth(2).unwrap().strip_prefix("data: ").unwrap()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_reading_after_a_pause_goes_at_once_and_the_next_waits_its_turn() {
        let mut events = Events::new("b");
        let mut group = Group::new(choice(Some(vec![1])));
        let shown = [Series(0), Series(1)];
        let changes =
            |second| Changes { readings: vec![reading(0, 9, 0), reading(1, second, 1)], ..Changes::default() };
        group.take(&changes(1), &shown);
        let frame = group.flush(Instant::now(), 7, &mut events).unwrap();
        let line = "id: b-1\nevent: frame\ndata: {\"now\":7,\"seq\":1,\"t0\":1000000,\"s\":[1],\"t\":[0],\"v\":[1],\
                    \"f\":[1],\"skipped\":0}\n\n";
        assert_eq!(frame.whole, line);
        assert_eq!(frame.after(41), line.replace("\"skipped\":0", "\"skipped\":41"));
        group.take(&changes(2), &shown);
        assert!(group.flush(Instant::now(), 8, &mut events).is_none());
        tokio::time::advance(Duration::from_millis(100)).await;
        assert!(group.flush(Instant::now(), 9, &mut events).is_some());
        assert_eq!(group.due(Instant::now()), None);
    }

    #[tokio::test]
    async fn beyond_two_thousand_readings_the_newest_of_each_series_is_told_with_all_marks() {
        let mut events = Events::new("b");
        let mut group = Group::new(choice(None));
        let readings = (0..5_000).map(|n| reading(n % 2, i64::from(n), if n == 10 { 2 } else { 0 })).collect();
        let bands = vec![(Series(1), 0.5, f64::INFINITY)];
        group.take(&Changes { readings, bands, ..Changes::default() }, &[Series(0), Series(1)]);
        let frame = data(&group.flush(Instant::now(), 0, &mut events).unwrap());
        assert_eq!(frame["v"], serde_json::json!([4998, 4999]));
        assert_eq!(frame["f"], serde_json::json!([2, 0]));
        assert_eq!(frame["band"], serde_json::json!({ "s": [1], "low": [0.5], "high": [null] }));
    }

    #[test]
    fn without_a_choice_there_are_the_first_two_hundred_series() {
        let shown: Vec<Series> = (0..300).map(|n| Series(n * 2)).collect();
        let all = choice(None);
        assert_eq!(all.series(&shown).len(), SERIES);
        let last = Choice::last(&shown);
        assert!(all.has(Series(398), last) && !all.has(Series(400), last));
        assert_eq!(choice(Some(vec![4, 5])).series(&shown), [Series(4)]);
        // One that was shown late does not push others out.
        let mut late = shown;
        late.insert(SERIES - 1, Series(3));
        assert!(all.has(Series(396), Choice::last(&late)) && all.has(Series(3), Choice::last(&late)));
    }
}
