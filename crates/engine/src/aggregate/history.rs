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

    /// Takes in that there was a good reading. One that comes late counts, and teaches nothing of intervals.
    #[inline]
    pub fn heard(&mut self, time: Time) {
        self.readings = self.readings.saturating_add(1);
        self.heard_bad(time);
    }

    /// Takes in that there was a bad reading: it came when it was expected, and is none of those that results are made of.
    #[inline]
    pub fn heard_bad(&mut self, time: Time) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Shape, Statistic};

    fn history(give: &[Statistic], times: &[i64]) -> History {
        let mut history = History::new(&spec(give));
        times.iter().for_each(|&time| history.heard(Time(time)));
        history
    }

    fn spec(give: &[Statistic]) -> WindowSpec {
        WindowSpec::of(Shape::Count { size: 1, every: 1 }, give)
    }

    fn learned(times: &[i64]) -> Option<i64> {
        let around = history(&[Statistic::Missing], times).around(Time(0), Time(9), Time(0), None);
        around.expected.map(|span| span.0)
    }

    #[test]
    fn the_interval_is_the_median_of_the_last_gaps() {
        assert_eq!(learned(&[]), None);
        assert_eq!(learned(&[0, 10, 20]), None, "two gaps teach nothing");
        assert_eq!(learned(&[0, 10, 20, 500]), Some(10), "a silence does not move it");
        assert_eq!(learned(&[0, 10, 30, 50, 60]), Some(15), "of an even number it is the middle of two");
        assert_eq!(learned(&[0, 10, 10, 10, 20, 30]), Some(10), "twins have no gap between them");
        assert_eq!(learned(&[0, 10, 20, 30, 15, 40]), Some(10), "a late one teaches nothing");
        let slower: Vec<i64> = (0..100).chain((1..=8).map(|i| 99 + 7 * i)).collect();
        assert_eq!(learned(&slower[..107]), Some(1));
        assert_eq!(learned(&slower), Some(7), "after eight it believes in another one");
        assert_eq!(learned(&[i64::MIN, i64::MAX, i64::MAX]), None);
    }

    #[test]
    fn a_given_interval_goes_before_a_learned_one() {
        let history = history(&[Statistic::Missing], &[0, 1, 2, 3, 4]);
        assert_eq!(history.around(Time(0), Time(9), Time(0), Some(Span(5))).expected, Some(Span(5)));
    }

    #[test]
    fn results_and_readings_are_counted_and_the_last_result_is_known() {
        let mut history = history(&[Statistic::Reduction], &[1, 2, 3]);
        assert_eq!(history.heap_bytes(), 0);
        let around = history.around(Time(1), Time(4), Time(0), None);
        assert_eq!((around.so_far, around.previous, around.expected), ((3, 1), None, None));
        history.told(Time(1), 2.5);
        history.heard(Time(7));
        let around = history.around(Time(5), Time(9), Time(0), None);
        assert_eq!((around.so_far, around.previous), ((4, 2), Some((Time(1), 2.5))));
    }

    #[test]
    fn it_is_kept_only_where_it_is_asked_for() {
        assert!(!History::is_needed(&spec(&[Statistic::Mean, Statistic::Rate, Statistic::Quantile(95_000)])));
        for what in [Statistic::Missing, Statistic::Change, Statistic::Slope, Statistic::Reduction] {
            assert!(History::is_needed(&spec(&[Statistic::Mean, what])));
        }
    }

    #[test]
    fn it_goes_on_after_it_was_saved_and_damaged_bytes_do_no_harm() {
        let mut history = history(&[Statistic::Missing, Statistic::Change], &[0, 10, 20, 35]);
        history.told(Time(0), 1.0);
        let bytes = postcard::to_allocvec(&history).unwrap();
        assert_eq!(postcard::from_bytes::<History>(&bytes).unwrap(), history);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(mut history) = postcard::from_bytes::<History>(&damaged) {
                (0..40).for_each(|i| history.heard(Time(i * 1_000)));
                history.told(Time(0), 1.0);
                history.around(Time::MIN, Time::MAX, Time(0), None);
            }
        }
    }
}
