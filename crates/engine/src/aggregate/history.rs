//! What a series' window keeps from result to result: the usual time between readings, how many there were, the last mean.
//!
//! Only some statistics ask for it: `missing` for the interval, where no config gives it; `change` and `slope` for the
//! result before; `reduction` for the numbers so far. The interval is learned as the median of the last gaps: one long
//! silence does not move it, and a device that was set to another interval is believed after eight readings.

use super::Around;
use crate::plan::{Statistic, WindowSpec};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// So many gaps are remembered. An odd number, so that the median is one of them.
const GAPS: usize = 15;

/// Fewer gaps than this teach nothing: of two, one may be a silence.
const ENOUGH: usize = 3;

/// What a window of one series keeps from result to result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Kept where the share of missing readings is asked for.
    gaps: Option<Box<Gaps>>,
    readings: u64,
    results: u64,
    previous: Option<(Time, f64)>,
}

/// The last gaps between readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Gaps {
    last: Option<Time>,
    /// A ring; the rest is zero until it is full.
    ring: [Span; GAPS],
    next: u8,
}

impl History {
    /// Whether a window that gives these has use for it.
    pub fn is_needed(spec: &WindowSpec) -> bool {
        use Statistic::{Change, Missing, Reduction, Slope};
        [Missing, Change, Slope, Reduction].iter().any(|&what| spec.gives(what))
    }

    /// Nothing was heard and nothing was told yet.
    pub fn new(spec: &WindowSpec) -> History {
        let gaps = || Box::new(Gaps { last: None, ring: [Span::ZERO; GAPS], next: 0 });
        let gaps = spec.gives(Statistic::Missing).then(gaps);
        History { gaps, readings: 0, results: 0, previous: None }
    }

    /// Takes in that there was a reading, good or bad. One that comes late counts, and teaches nothing of intervals.
    #[inline]
    pub fn heard(&mut self, time: Time) {
        self.readings = self.readings.saturating_add(1);
        if let Some(gaps) = &mut self.gaps {
            gaps.heard(time);
        }
    }

    /// What the statistics of the next result ask for; `given` is the interval of the config, which goes before what was
    /// learned.
    pub fn around(&self, start: Time, end: Time, first: Time, given: Option<Span>) -> Around {
        let expected = given.or_else(|| self.gaps.as_ref().and_then(|gaps| gaps.usual()));
        let so_far = (self.readings, self.results.saturating_add(1));
        Around { start, end, first, expected, previous: self.previous, so_far }
    }

    /// Takes in that a result was given. One that is given again is not a result of its own and does not belong here.
    pub fn told(&mut self, start: Time, mean: f64) {
        self.results = self.results.saturating_add(1);
        self.previous = Some((start, mean));
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.gaps.as_ref().map_or(0, |_| size_of::<Gaps>())
    }
}

impl Gaps {
    #[inline]
    fn heard(&mut self, time: Time) {
        let gap = self.last.map_or(Span::ZERO, |last| time.since(last));
        if gap > Span::ZERO {
            // What was read back may point anywhere.
            let place = usize::from(self.next) % GAPS;
            self.ring[place] = gap;
            self.next = ((place + 1) % GAPS) as u8;
        }
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }

    fn usual(&self) -> Option<Span> {
        let mut sorted = self.ring;
        sorted.sort_unstable();
        let known = &sorted[sorted.partition_point(|&gap| gap <= Span::ZERO)..];
        let (low, high) = (known.get(known.len().checked_sub(1)? / 2)?, known[known.len() / 2]);
        (known.len() >= ENOUGH).then_some(Span(low.0 + (high.0 - low.0) / 2))
    }
}
