//! What is kept of one series: its last reading, how often it speaks, and what was expected of it.

use super::micros;
use ouzel_engine::series::{Channel, Device, Series};
use ouzel_engine::time::{Span, Time};
use std::collections::VecDeque;

/// What was expected of a series at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// When, in microseconds.
    pub time: i64,
    /// Below is an anomaly; minus infinity: no limit.
    pub low: f64,
    /// Above is an anomaly; infinity: no limit.
    pub high: f64,
}

/// What is kept of a series. A derived one (`minute.temperature.mean`) only knows where it comes from.
#[derive(Clone, Debug)]
pub struct Track {
    /// Whose it is.
    pub device: Device,
    /// What it measures.
    pub channel: Channel,
    /// The series of readings it is made of; its own number where it is one of readings.
    pub origin: Series,
    /// It looks like one that a window made which the config no longer has. A reading of its own shows that it is not.
    pub presumed: bool,
    own: Series,
    /// Only of what people see: a window makes a handful of series of each, and they are no more than a name here.
    seen: Option<Box<Seen>>,
}

/// What people see of a series.
#[derive(Clone, Debug)]
struct Seen {
    /// The channel's plausible range, both ends included.
    range: (f64, f64),
    /// Time and value of its last reading.
    last: Option<(Time, f64)>,
    /// Usual time between readings, in seconds; 0 while nobody knows.
    usual_s: f64,
    bands: VecDeque<Band>,
}

impl Seen {
    fn new(range: Option<(f64, f64)>) -> Box<Seen> {
        let range = range.unwrap_or(ANY);
        Box::new(Seen { range, last: None, usual_s: 0.0, bands: VecDeque::new() })
    }
}

/// Where nothing is known of a channel.
const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

impl Track {
    /// A tenth of the way to each new gap: about ten readings are remembered.
    const SHARE: f64 = 0.1;

    /// Bands of all series together: 24 bytes each, so ten megabytes.
    const BANDS: usize = 400_000;

    /// A series that has not spoken yet.
    pub fn new(own: Series, origin: Series, device: Device, channel: Channel, range: Option<(f64, f64)>) -> Track {
        let seen = (origin == own).then(|| Seen::new(range));
        Track { device, channel, origin, presumed: false, own, seen }
    }

    /// Whether people see it: derived ones are seen as aggregates.
    pub fn is_shown(&self) -> bool {
        self.origin == self.own
    }

    /// It was presumed to be derived, and has spoken.
    pub fn is_of_its_own(&mut self, range: Option<(f64, f64)>) {
        self.origin = self.own;
        self.presumed = false;
        self.seen = Some(Seen::new(range));
    }

    /// Time and value of its last reading.
    pub fn last(&self) -> Option<(Time, f64)> {
        self.seen.as_ref()?.last
    }

    /// Another config is in force, with another range for the channel.
    pub fn limit(&mut self, range: Option<(f64, f64)>) {
        if let Some(seen) = &mut self.seen {
            seen.range = range.unwrap_or(ANY);
        }
    }

    /// Its device is gone; if it comes back it is new.
    pub fn forget(&mut self) {
        if let Some(seen) = &mut self.seen {
            *seen = Seen::new(Some(seen.range));
        }
    }

    /// Whether a value lies in the channel's range.
    pub fn plausible(&self, value: f64) -> bool {
        let (low, high) = self.seen.as_ref().map_or(ANY, |seen| seen.range);
        low <= value && value <= high
    }

    /// A reading has come. Disorder does not move the last one back.
    pub fn take(&mut self, time: Time, value: f64) {
        let Some(seen) = &mut self.seen else { return };
        if let Some((last, _)) = seen.last {
            let gap = time.since(last).as_secs_f64();
            if gap <= 0.0 {
                return;
            }
            // A long pause is no new habit: it counts as ten usual gaps at most.
            let gap = if seen.usual_s > 0.0 { gap.min(10.0 * seen.usual_s) } else { gap };
            let before = if seen.usual_s > 0.0 { seen.usual_s } else { gap };
            seen.usual_s = before + Track::SHARE * (gap - before);
        }
        seen.last = Some((time, value));
    }

    /// Usual time between readings.
    pub fn usual(&self) -> Span {
        Span((self.usual_s() * 1e9) as i64)
    }

    /// Readings a second; 0 while nobody knows.
    pub fn rate(&self) -> f64 {
        if self.usual_s() > 0.0 { 1.0 / self.usual_s() } else { 0.0 }
    }

    fn usual_s(&self) -> f64 {
        self.seen.as_ref().map_or(0.0, |seen| seen.usual_s)
    }

    /// Something is expected of it. Gives whether that is news.
    pub fn expect(&mut self, band: Band, keep: usize) -> bool {
        let Some(Seen { bands, .. }) = self.seen.as_deref_mut() else { return false };
        let same = |last: &Band| (last.low, last.high) == (band.low, band.high);
        if band.low.is_nan() || band.high.is_nan() || bands.back().is_some_and(same) {
            return false;
        }
        while bands.len() >= keep.max(1) {
            bands.pop_front();
        }
        bands.push_back(band);
        true
    }

    /// How many bands each of so many series may keep: an hour at most, and a few at the least.
    pub fn bands_of_each(series: usize) -> usize {
        (Track::BANDS / series.max(1)).clamp(16, 3_600)
    }

    /// What was expected in `[from, to)`, and what held when it began.
    pub fn bands(&self, from: Time, to: Time) -> impl Iterator<Item = &Band> {
        let (from, to) = (micros(from), micros(to));
        let bands = self.seen.as_ref().map(|seen| &seen.bands);
        let first = bands.map_or(0, |bands| bands.partition_point(|band| band.time <= from).saturating_sub(1));
        bands.into_iter().flatten().skip(first).take_while(move |band| band.time < to)
    }

    /// What is expected now.
    pub fn band(&self) -> Option<&Band> {
        self.seen.as_ref()?.bands.back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Track {
        Track::new(Series(0), Series(0), Device(0), Channel(0), Some((0.0, 10.0)))
    }

    #[test]
    fn the_usual_gap_follows_the_readings_and_not_a_pause() {
        let mut track = track();
        for tenth in 0..100 {
            track.take(Time(tenth * 100_000_000), 1.0);
        }
        assert!((track.rate() - 10.0).abs() < 0.01);
        track.take(Time::from_secs(3_600), 2.0);
        assert!(track.rate() > 5.0, "{}", track.rate());
        track.take(Time::from_secs(3_599), 3.0);
        assert_eq!(track.last(), Some((Time::from_secs(3_600), 2.0)));
    }

    #[test]
    fn bands_are_bounded_and_only_changes_are_kept() {
        let mut track = track();
        for second in 0..100 {
            let band = Band { time: second * 1_000_000, low: (second / 2) as f64, high: f64::INFINITY };
            assert_eq!(track.expect(band, 20), second % 2 == 0);
        }
        let kept: Vec<f64> = track.bands(Time::from_secs(95), Time::from_secs(99)).map(|band| band.low).collect();
        assert_eq!(kept, [47.0, 48.0, 49.0]);
        assert_eq!(track.bands(Time(0), Time::MAX).count(), 20);
        assert_eq!((Track::bands_of_each(25), Track::bands_of_each(1_000_000)), (3_600, 16));
    }
}
