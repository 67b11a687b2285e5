//! Windows over event time: tumbling, and hopping by panes.
//!
//! `[start, start + size)`, starts are multiples of `every` since the epoch. A window closes when the watermark of
//! its key reaches its end; a window without readings says nothing.
//!
//! A hopping window is cut into panes at every start and every end, so a reading is added once, however many windows
//! it falls in. Sealed panes stand in two stacks (Tangwongsan, Hirzel, Schneider, Wu 2015, "two-stacks"): `front` holds
//! sums from each pane to the newest of its stack, `back` the newer panes and their sum. A window is one merge;
//! when `front` runs out, `back` is turned over into it, so each pane costs two or three merges in all, whatever
//! size / every is.

use crate::aggregate::Summary;
use crate::plan::{Shape, WindowSpec};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The open windows of one series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Windows {
    /// One open window at most.
    Tumbling(Tumbling),
    /// As many as overlap; on the heap, because it is much larger than the common kind.
    Hopping(Box<Hopping>),
}

/// What is known of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// When it was first heard.
    pub first: Time,
    /// Expected time between readings.
    pub expected: Option<Span>,
}

/// A window that has closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// First moment inside.
    pub start: Time,
    /// First moment after.
    pub end: Time,
    /// What was in it; at least one value.
    pub summary: Summary,
    /// m
    pub more: Option<Box<[f64]>>,
    /// r
    pub revision: u32,
    /// p
    pub partial: bool,
    /// t
    pub tally: Option<Box<crate::aggregate::Tally>>,
}

impl Closed {
    /// As an output.
    pub fn aggregate(self, series: crate::series::Series) -> crate::output::Aggregate {
        let Closed { start, end, summary: s, more, revision, partial, .. } = self;
        let (count, mean, std, min, max) = (s.count(), s.mean(), s.std(), s.min(), s.max());
        crate::output::Aggregate { series, start, end, count, mean, std, min, max, more, revision, partial }
    }
}

impl Windows {
    /// b
    pub fn add_bad(&mut self, _spec: &WindowSpec, _time: Time) -> Time {
        Time::MAX
    }
    /// a
    pub fn add_anomaly(&mut self, _spec: &WindowSpec, _time: Time, _place: u16) {}
    /// l
    pub fn late(&mut self, _s: &WindowSpec, _h: &Heard, _t: Time, _v: f64, _w: Time, _g: impl FnMut(Closed)) -> bool {
        false
    }

    /// None open.
    pub fn new(spec: &WindowSpec) -> Windows {
        if size(spec) == every(spec) {
            Windows::Tumbling(Tumbling { end: Time::MAX, summary: Summary::EMPTY })
        } else {
            Windows::Hopping(Box::new(Hopping::new()))
        }
    }

    /// Takes in a value. Everything that ends at or before `time` must have been closed before. Gives the end of the
    /// next window to close if none was open before, else [`Time::MAX`].
    #[inline(always)]
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64) -> Time {
        match self {
            Windows::Tumbling(window) => window.add(spec, time, value),
            Windows::Hopping(windows) => windows.add(spec, time, value),
        }
    }

    /// The end of the next window to close; [`Time::MAX`] if none is open.
    #[inline]
    pub fn next_end(&self) -> Time {
        match self {
            Windows::Tumbling(window) => window.end,
            Windows::Hopping(windows) => windows.next_end,
        }
    }

    /// Closes the next window, if one is open.
    pub fn close(&mut self, spec: &WindowSpec, _heard: &Heard) -> Option<Closed> {
        match self {
            Windows::Tumbling(window) => window.close(spec),
            Windows::Hopping(windows) => windows.close(spec),
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Windows::Tumbling(_) => 0,
            Windows::Hopping(windows) => {
                size_of::<Hopping>()
                    + (windows.front.capacity() + windows.back.capacity()) * size_of::<(Time, Summary)>()
            }
        }
    }
}

/// One open window at most: the next begins where it ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tumbling {
    /// [`Time::MAX`] while none is open.
    end: Time,
    summary: Summary,
}

impl Tumbling {
    #[inline(always)]
    fn add(&mut self, spec: &WindowSpec, time: Time, value: f64) -> Time {
        debug_assert!(time < self.end);
        self.summary.add(value);
        if self.end != Time::MAX {
            return Time::MAX;
        }
        self.end = time.floor(size(spec), Span::ZERO) + size(spec);
        self.end
    }

    fn close(&mut self, spec: &WindowSpec) -> Option<Closed> {
        let summary = std::mem::take(&mut self.summary);
        let end = std::mem::replace(&mut self.end, Time::MAX);
        (summary.count() > 0).then_some(Closed {
            start: end - size(spec),
            end,
            summary,
            more: None,
            revision: 0,
            partial: false,
            tally: None,
        })
    }
}

/// Overlapping windows, by panes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hopping {
    /// The next window to close; [`Time::MAX`] while there is no reading.
    next_end: Time,
    /// Start and content of the pane that takes readings now.
    open: (Time, Summary),
    /// The older sealed panes, oldest last: start, and the sum from this pane to the newest of this stack.
    front: Vec<(Time, Summary)>,
    /// The newer sealed panes, oldest first.
    back: VecDeque<(Time, Summary)>,
    /// The sum of `back`.
    back_sum: Summary,
}

impl Hopping {
    fn new() -> Hopping {
        Hopping {
            next_end: Time::MAX,
            open: (Time::MIN, Summary::EMPTY),
            front: Vec::new(),
            back: VecDeque::new(),
            back_sum: Summary::EMPTY,
        }
    }

    #[inline(never)]
    fn add(&mut self, spec: &WindowSpec, time: Time, value: f64) -> Time {
        let mut opened = Time::MAX;
        if self.next_end == Time::MAX {
            self.next_end = (time - size(spec)).floor(every(spec), Span::ZERO) + every(spec) + size(spec);
            opened = self.next_end;
        }
        let pane = pane_start(spec, time);
        if pane != self.open.0 {
            self.seal();
            self.open.0 = pane;
        }
        self.open.1.add(value);
        opened
    }

    fn seal(&mut self) {
        if self.open.1.count() > 0 {
            self.back_sum = self.back_sum.merged(&self.open.1);
            self.back.push_back(self.open);
        }
        self.open = (Time::MIN, Summary::EMPTY);
    }

    fn close(&mut self, spec: &WindowSpec) -> Option<Closed> {
        if self.next_end == Time::MAX {
            return None;
        }
        let (start, end) = (self.next_end - size(spec), self.next_end);
        self.seal();
        self.forget_before(start);
        let summary = self.front.last().map_or(Summary::EMPTY, |&(_, sum)| sum).merged(&self.back_sum);
        // What the next window no longer holds goes now, so that a silent series stops after its last reading.
        self.forget_before(start + every(spec));
        let empty = self.front.is_empty() && self.back.is_empty();
        self.next_end = if empty { Time::MAX } else { end + every(spec) };
        (summary.count() > 0).then_some(Closed {
            start,
            end,
            summary,
            more: None,
            revision: 0,
            partial: false,
            tally: None,
        })
    }

    /// Drops panes that begin before `start`.
    fn forget_before(&mut self, start: Time) {
        loop {
            if self.front.is_empty() {
                if self.back.front().is_none_or(|&(begin, _)| begin >= start) {
                    return;
                }
                self.turn_over();
            }
            match self.front.last() {
                Some(&(begin, _)) if begin < start => self.front.pop(),
                _ => return,
            };
        }
    }

    fn turn_over(&mut self) {
        let mut sum = Summary::EMPTY;
        while let Some((begin, pane)) = self.back.pop_back() {
            sum = pane.merged(&sum);
            self.front.push((begin, sum));
        }
        self.back_sum = Summary::EMPTY;
    }
}

fn size(spec: &WindowSpec) -> Span {
    if let Shape::Time { size, .. } = spec.shape { size } else { Span(1) }
}

fn every(spec: &WindowSpec) -> Span {
    if let Shape::Time { every, .. } = spec.shape { every } else { Span(1) }
}

/// Where the pane of a moment begins: at the last start or the last end of any window before it.
fn pane_start(spec: &WindowSpec, time: Time) -> Time {
    let remainder = Span(size(spec).0 % every(spec).0);
    let last_start = time.floor(every(spec), Span::ZERO);
    if remainder.0 == 0 { last_start } else { last_start.max(time.floor(every(spec), remainder)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Statistic;
    use proptest::prelude::*;

    fn spec(size: i64, every: i64) -> WindowSpec {
        WindowSpec::time(Span(size), Span(every), &Statistic::USUAL)
    }

    /// Plays (time, value) in order of time and gives (start, end, count, mean, min, max) of every window.
    fn play(spec: &WindowSpec, readings: &[(i64, f64)]) -> Vec<(i64, i64, u64, f64, f64, f64)> {
        let mut windows = Windows::new(spec);
        let mut out = Vec::new();
        let mut close_until = |windows: &mut Windows, time: i64| {
            while windows.next_end() != Time::MAX && windows.next_end() <= Time(time) {
                if let Some(Closed { start, end, summary: s }) = windows.close(spec) {
                    out.push((start.0, end.0, s.count(), s.mean(), s.min(), s.max()));
                }
            }
        };
        for &(time, value) in readings {
            close_until(&mut windows, time);
            windows.add(spec, Time(time), value);
        }
        close_until(&mut windows, i64::MAX);
        out
    }

    #[test]
    fn tumbling_windows_hold_their_start_and_not_their_end() {
        assert_eq!(
            play(&spec(10, 10), &[(0, 1.0), (9, 3.0), (10, 5.0), (35, 7.0)]),
            [(0, 10, 2, 2.0, 1.0, 3.0), (10, 20, 1, 5.0, 5.0, 5.0), (30, 40, 1, 7.0, 7.0, 7.0)]
        );
    }

    #[test]
    fn hopping_windows_overlap_and_stop_after_the_last_reading() {
        assert_eq!(
            play(&spec(10, 5), &[(7, 1.0), (12, 3.0)]),
            [(0, 10, 1, 1.0, 1.0, 1.0), (5, 15, 2, 2.0, 1.0, 3.0), (10, 20, 1, 3.0, 3.0, 3.0)]
        );
    }

    #[test]
    fn times_before_1970_fall_into_their_window() {
        assert_eq!(play(&spec(10, 10), &[(-1, 1.0)]), [(-10, 0, 1, 1.0, 1.0, 1.0)]);
    }

    proptest! {
        /// Panes in two stacks against every window recomputed from all readings.
        #[test]
        fn panes_equal_a_naive_recomputation(
            every in 1i64..12, factor in 1i64..5, extra in 0i64..12, steps in prop::collection::vec((0i64..25, -100f64..100.0), 1..120)
        ) {
            let size = every * factor + extra % every;
            let mut time = 0;
            let readings: Vec<(i64, f64)> = steps.iter().map(|&(step, v)| { time += step; (time, v) }).collect();
            let mut expected = Vec::new();
            let mut start = -size - size % every;
            start -= start.rem_euclid(every);
            while start <= time {
                let inside: Vec<f64> = readings.iter().filter(|r| start <= r.0 && r.0 < start + size).map(|r| r.1).collect();
                if !inside.is_empty() { expected.push((start, start + size, inside)); }
                start += every;
            }
            let got = play(&spec(size, every), &readings);
            prop_assert_eq!(got.len(), expected.len());
            for (g, e) in got.iter().zip(&expected) {
                prop_assert_eq!((g.0, g.1, g.2), (e.0, e.1, e.2.len() as u64));
                prop_assert!((g.3 - e.2.iter().sum::<f64>() / e.2.len() as f64).abs() < 1e-9);
                prop_assert_eq!(g.4, e.2.iter().copied().fold(f64::INFINITY, f64::min));
                prop_assert_eq!(g.5, e.2.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
}
