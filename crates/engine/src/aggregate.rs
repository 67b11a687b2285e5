//! What is said of readings that belong together. A [`Tally`] grows by a reading and merges with another.
//!
//! Count, mean, spread and extremes stand in a [`Summary`] and cost no heap. What else a window gives is on the heap, each
//! part only where a statistic asks for it: a [`sketch`] for quantiles, a [`course`] for all that goes by time. Tallies
//! merge in two ways: with what came *later* (the panes of a window), and with what others had *beside* it at the same time
//! (the devices of a group). What only the series as a whole knows comes in as [`Around`], from its [`History`].

mod course;
mod history;
mod pair;
mod sketch;
mod summary;
#[cfg(test)]
mod tests;

pub use history::History;
pub use pair::Pair;

pub use sketch::{EXACT, Ranked, Sketch};
pub(crate) use sketch::{between, mix};
pub use summary::Summary;

use crate::plan::{Shape, Statistic, WindowSpec};
use crate::time::{Span, Time};
use course::Course;
use serde::{Deserialize, Serialize};

/// All that a window knows of its readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    summary: Summary,
    /// Where the window gives more than the summary knows.
    more: Option<Box<More>>,
}

/// What not every window asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct More {
    bad: u64,
    /// Readings expected and readings got in parts of other devices, where it is known of any.
    expected: Option<(f64, u64)>,
    /// By place in [`WindowSpec::counts`].
    anomalies: Box<[u64]>,
    sum: Option<Sum>,
    course: Option<Course>,
    sketch: Option<Sketch>,
    /// Of (the other channel, this one).
    pair: Option<Box<Pair>>,
}

/// A sum that keeps what each addition rounds off (Neumaier 1974), so that whole numbers stay whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    total: f64,
    lost: f64,
}

/// What a tally does not know itself, and statistics ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Around {
    /// First moment of the window.
    pub start: Time,
    /// First moment after the window.
    pub end: Time,
    /// When the series was first heard.
    pub first: Time,
    /// Expected time between two readings, given or learned; `None`: nobody knows.
    pub expected: Option<Span>,
    /// Start and mean of the result before this one.
    pub previous: Option<(Time, f64)>,
    /// Readings of the series so far, and results so far with this one.
    pub so_far: (u64, u64),
}

impl Tally {
    /// Of no readings, with room for what this window gives.
    pub fn new(spec: &WindowSpec) -> Tally {
        let more = (!spec.is_plain()).then(|| Box::new(More::new(spec)));
        Tally { summary: Summary::EMPTY, more }
    }

    /// Takes in a good reading; in order of time, but for windows that are revised.
    #[inline]
    pub fn add(&mut self, time: Time, value: f64) {
        self.summary.add(value);
        if let Some(more) = &mut self.more {
            more.add(time, value);
        }
    }

    /// Takes in a good reading and what another channel said at the same moment.
    #[inline]
    pub fn add_pair(&mut self, time: Time, value: f64, with: f64) {
        self.add(time, value);
        if let Some(pair) = self.more.as_mut().and_then(|more| more.pair.as_mut()) {
            pair.add(with, value);
        }
    }

    /// Takes in a bad reading. Where only good ones are asked for, it leaves no trace.
    pub fn add_bad(&mut self, _time: Time) {
        if let Some(more) = &mut self.more {
            more.bad = more.bad.saturating_add(1);
        }
    }

    /// Takes in that a detector found an anomaly: its place in [`WindowSpec::counts`].
    pub fn add_anomaly(&mut self, place: u16) {
        let counts = self.more.as_mut().map(|more| &mut more.anomalies);
        if let Some(count) = counts.and_then(|counts| counts.get_mut(usize::from(place))) {
            *count = count.saturating_add(1);
        }
    }

    /// Takes in what came later than all that is in it.
    pub fn absorb(&mut self, later: &Tally) {
        self.summary = self.summary.merged(&later.summary);
        if let (Some(more), Some(next)) = (&mut self.more, &later.more) {
            more.merge(next);
            if let (Some(course), Some(next)) = (&mut more.course, &next.course) {
                course.absorb(next);
            }
        }
    }

    /// Takes in what another device had at the same time. What asks for an order of readings is NaN from then on, and
    /// [`Statistic::Missing`] is of those parts that were [settled](Tally::settle) before.
    pub fn merge_beside(&mut self, other: &Tally) {
        self.summary = self.summary.merged(&other.summary);
        if let (Some(more), Some(next)) = (&mut self.more, &other.more) {
            more.merge(next);
            if let (Some(course), Some(next)) = (&mut more.course, &next.course) {
                course.merge_beside(next);
            }
        }
    }

    /// Writes down how many readings were expected, before it becomes a part of a group: only its own series knows.
    pub fn settle(&mut self, spec: &WindowSpec, around: &Around) {
        let count = self.summary.count();
        if let Some(more) = self.more.as_mut().filter(|_| spec.gives(Statistic::Missing)) {
            more.expected = around.readings(spec).map(|expected| (expected, count.saturating_add(more.bad)));
        }
    }

    /// Forgets everything, and keeps its room.
    pub fn clear(&mut self) {
        self.summary = Summary::EMPTY;
        if let Some(more) = &mut self.more {
            more.clear();
        }
    }

    /// Whether neither good nor bad readings are in it.
    pub fn is_empty(&self) -> bool {
        self.summary.count() == 0 && self.more.as_ref().is_none_or(|more| more.bad == 0)
    }

    /// Count, mean, spread and extremes.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The statistics that the window gives and that are not in the summary, in the order of its `give`: see
    /// [`crate::output::Aggregate::more`]. NaN where there is none.
    pub fn more(&self, spec: &WindowSpec, around: &Around) -> Option<Box<[f64]>> {
        if spec.is_plain() {
            return None;
        }
        // Sorted once, however many quantiles are asked for.
        let ranked = self.more.as_ref().and_then(|more| more.sketch.as_ref()).map(Sketch::ranked);
        let asked = spec.give.iter().map(|given| given.what).filter(|what| !Statistic::USUAL.contains(what));
        let value = |what| match what {
            Statistic::Quantile(share) => self.quantile(ranked.as_ref(), share),
            _ => self.value(what, spec, around),
        };
        Some(asked.map(value).collect())
    }

    /// The sketch may have lost the extremes; the summary has not.
    fn quantile(&self, ranked: Option<&Ranked>, share: u32) -> f64 {
        match (ranked, share) {
            (Some(_), _) if self.summary.count() == 0 => f64::NAN,
            (Some(_), 0) => self.summary.min(),
            (Some(_), 100_000..) => self.summary.max(),
            (Some(ranked), share) => ranked.quantile(share),
            (None, _) => f64::NAN,
        }
    }

    fn value(&self, what: Statistic, spec: &WindowSpec, around: &Around) -> f64 {
        let (summary, more) = (&self.summary, self.more.as_deref());
        let course = more.and_then(|more| more.course.as_ref());
        let of_course = |of: &dyn Fn(&Course) -> f64| course.map_or(f64::NAN, of);
        match what {
            Statistic::Count => summary.count() as f64,
            Statistic::Mean => summary.mean(),
            Statistic::Std => summary.std(),
            Statistic::Min => summary.min(),
            Statistic::Max => summary.max(),
            Statistic::Sum => more.and_then(|more| more.sum).map_or(f64::NAN, Sum::value),
            Statistic::StdSample => summary.variance_sample().sqrt(),
            Statistic::Variance => summary.variance(),
            Statistic::VarianceSample => summary.variance_sample(),
            Statistic::Range if summary.count() == 0 => f64::NAN,
            Statistic::Range => summary.max() - summary.min(),
            Statistic::First => of_course(&Course::first),
            Statistic::Last => of_course(&Course::last),
            Statistic::Rate => of_course(&Course::rate),
            Statistic::TimeMean => of_course(&|course| course.mean(around.until(spec))),
            Statistic::Share(state) => of_course(&|course| course.share(state, around.until(spec))),
            Statistic::Gap => of_course(&Course::gap),
            Statistic::Missing => self.missing(spec, around),
            Statistic::Bad => more.map_or(f64::NAN, |more| more.bad as f64),
            Statistic::Anomalies(place) => {
                let count = more.and_then(|more| more.anomalies.get(usize::from(place)));
                count.map_or(f64::NAN, |&count| count as f64)
            }
            Statistic::Change => around.previous.map_or(f64::NAN, |(_, mean)| summary.mean() - mean),
            Statistic::Slope => self.slope(around),
            Statistic::Covariance => {
                more.and_then(|more| more.pair.as_ref()).map_or(f64::NAN, |pair| pair.covariance())
            }
            Statistic::Correlation => {
                more.and_then(|more| more.pair.as_ref()).map_or(f64::NAN, |pair| pair.correlation())
            }
            Statistic::SlopeWith => more.and_then(|more| more.pair.as_ref()).map_or(f64::NAN, |pair| pair.slope()),
            Statistic::Reduction => around.so_far.0 as f64 / around.so_far.1 as f64,
            // `more` asks the sketch.
            Statistic::Quantile(_) => f64::NAN,
        }
    }

    fn slope(&self, around: &Around) -> f64 {
        let Some((start, mean)) = around.previous else { return f64::NAN };
        let seconds = (i128::from(around.start.0) - i128::from(start.0)) as f64 / 1e9;
        if seconds == 0.0 { f64::NAN } else { (self.summary.mean() - mean) / seconds }
    }

    fn missing(&self, spec: &WindowSpec, around: &Around) -> f64 {
        let Some(more) = &self.more else { return f64::NAN };
        let alone = || around.readings(spec).map(|expected| (expected, self.summary.count().saturating_add(more.bad)));
        let counted = more.expected.or_else(alone);
        counted.map_or(f64::NAN, |(expected, got)| (1.0 - got as f64 / expected).clamp(0.0, 1.0))
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.bytes())
    }
}

impl Around {
    /// Until when the last value holds: a window that ends with a reading, and not before a moment, has its end inside.
    fn until(&self, spec: &WindowSpec) -> Time {
        match spec.shape {
            Shape::Time { .. } | Shape::Calendar { .. } => self.end,
            Shape::Sliding { .. } | Shape::Count { .. } | Shape::Session(_) => self.end - Span(1),
        }
    }

    /// How many readings could be expected since the series was first heard, at least 1; `None` where nobody knows.
    fn readings(&self, spec: &WindowSpec) -> Option<f64> {
        let every = self.expected.filter(|&every| every > Span::ZERO)?;
        let covered = self.until(spec).since(self.start.max(self.first));
        Some((covered.0 as f64 / every.0 as f64).max(1.0))
    }
}

impl More {
    fn new(spec: &WindowSpec) -> More {
        use Statistic::{Correlation, Covariance, First, Gap, Last, Quantile, Rate, Share, SlopeWith, TimeMean};
        let asked = || spec.give.iter().map(|given| given.what);
        let states = || asked().filter_map(|what| if let Share(state) = what { Some(state) } else { None });
        let by_time = |what| matches!(what, First | Last | Rate | TimeMean | Share(_) | Gap);
        More {
            bad: 0,
            expected: None,
            anomalies: vec![0; spec.counts.len()].into(),
            sum: spec.gives(Statistic::Sum).then(Sum::default),
            course: asked().any(by_time).then(|| Course::new(states())),
            sketch: asked().any(|what| matches!(what, Quantile(_))).then(Sketch::default),
            pair: asked().any(|what| matches!(what, Covariance | Correlation | SlopeWith)).then(Box::default),
        }
    }

    #[inline]
    fn add(&mut self, time: Time, value: f64) {
        if let Some(sum) = &mut self.sum {
            sum.add(value);
        }
        if let Some(course) = &mut self.course {
            course.add(time, value);
        }
        if let Some(sketch) = &mut self.sketch {
            sketch.add(value);
        }
    }

    /// All that merges in the same way with later parts as with those beside.
    fn merge(&mut self, other: &More) {
        self.bad = self.bad.saturating_add(other.bad);
        self.expected = match (self.expected, other.expected) {
            (Some(a), Some(b)) => Some((a.0 + b.0, a.1.saturating_add(b.1))),
            (a, b) => a.or(b),
        };
        self.anomalies.iter_mut().zip(&other.anomalies).for_each(|(a, b)| *a = a.saturating_add(*b));
        if let (Some(sum), Some(other)) = (&mut self.sum, &other.sum) {
            sum.add(other.total);
            sum.add(other.lost);
        }
        if let (Some(sketch), Some(other)) = (&mut self.sketch, &other.sketch) {
            sketch.merge(other);
        }
        if let (Some(pair), Some(other)) = (&mut self.pair, &other.pair) {
            **pair = pair.merged(other);
        }
    }

    fn clear(&mut self) {
        (self.bad, self.expected) = (0, None);
        self.anomalies.fill(0);
        self.sum = self.sum.map(|_| Sum::default());
        self.course.iter_mut().for_each(Course::clear);
        self.sketch.iter_mut().for_each(Sketch::clear);
        self.pair.iter_mut().for_each(|pair| **pair = Pair::default());
    }

    fn bytes(&self) -> usize {
        size_of::<More>()
            + size_of_val(&*self.anomalies)
            + self.course.as_ref().map_or(0, Course::heap_bytes)
            + self.sketch.as_ref().map_or(0, Sketch::heap_bytes)
            + self.pair.as_ref().map_or(0, |_| size_of::<Pair>())
    }
}

impl Sum {
    #[inline]
    fn add(&mut self, value: f64) {
        let total = self.total + value;
        self.lost +=
            if self.total.abs() >= value.abs() { (self.total - total) + value } else { (value - total) + self.total };
        self.total = total;
    }

    /// Past the largest number nothing can be said of what was lost.
    fn value(self) -> f64 {
        if self.total.is_finite() { self.total + self.lost } else { self.total }
    }
}
