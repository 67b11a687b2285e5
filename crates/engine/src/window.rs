//! Windows over event time: which readings of a series belong together, and when it is said.
//!
//! [`Windows`] is what a shard keeps of a series; each [`Shape`] has a machine in a file of its own. All speak by the
//! same contract: before a reading at `t` goes in, everything with [`Windows::next_end`] ≤ `t` has been closed, and after
//! it everything with `next_end` ≤ the watermark is. So a window of time closes when the watermark reaches its end, a
//! count window right after the reading that fills it, and a session when it can no longer go on. A window without
//! good readings says nothing. The two most common kinds, windows of time with plain statistics, have fast forms.

pub mod calendar;
mod count;
mod edges;
mod hopping;
mod kept;
mod machine;
mod session;
mod single;
mod sliding;
mod stacks;
mod tumbling;

use crate::aggregate::{Around, History, Summary, Tally};
use crate::output::Aggregate;
use crate::plan::{Per, Shape, WhenLate, WindowSpec};
use crate::series::Series;
use crate::time::{Span, Time};
use hopping::Hopping;
use machine::Machine;
use serde::{Deserialize, Serialize};
use stacks::Part;
use tumbling::Tumbling;

pub use edges::LAST;
pub use kept::MOST;

/// The windows of one series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Windows {
    /// Tumbling, of plain statistics.
    Tumbling(Tumbling),
    /// Hopping, of plain statistics; on the heap, because it is much larger.
    Hopping(Box<Hopping<Summary>>),
    /// Any shape, and whatever it gives.
    Any(Box<Machine>),
}

/// A window that has closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// First moment inside; of count and session windows the time of the first reading or activity.
    pub start: Time,
    /// First moment after; of sliding, count and session windows the last moment inside.
    pub end: Time,
    /// What was in it; at least one value.
    pub summary: Summary,
    /// What else it gives: see [`crate::output::Aggregate::more`].
    pub more: Option<Box<[f64]>>,
    /// How often it was given before.
    pub revision: u32,
    /// The series was first heard after its start.
    pub partial: bool,
}

impl Closed {
    /// What it says of a series.
    pub fn aggregate(self, series: Series) -> Aggregate {
        let Closed { start, end, summary, more, revision, partial } = self;
        let (count, mean, std) = (summary.count(), summary.mean(), summary.std());
        let (min, max) = (summary.min(), summary.max());
        Aggregate { series, start, end, count, mean, std, min, max, more, revision, partial }
    }
}

/// What is known of a series beside its readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesFacts {
    /// When it was first heard.
    pub first: Time,
    /// Expected time between its readings, where somebody said so.
    pub expected: Option<Span>,
}

impl Windows {
    /// None open.
    pub fn new(spec: &WindowSpec) -> Windows {
        match &spec.shape {
            Shape::Time { size, every } if is_fast(spec) => match size == every {
                true => Windows::Tumbling(Tumbling::new()),
                false => Windows::Hopping(Box::new(Hopping::new(spec))),
            },
            _ => Windows::Any(Box::new(Machine::new(spec))),
        }
    }

    /// Whether this is the state of such a window: what was read back may be anything.
    pub fn fits(&self, spec: &WindowSpec) -> bool {
        match (self, &spec.shape) {
            (Windows::Tumbling(_), Shape::Time { size, every }) => is_fast(spec) && size == every,
            (Windows::Hopping(_), Shape::Time { size, every }) => is_fast(spec) && size != every,
            (Windows::Any(machine), Shape::Time { .. }) => !is_fast(spec) && machine.fits(spec),
            (Windows::Any(machine), _) => machine.fits(spec),
            _ => false,
        }
    }

    /// Takes in a good reading. Everything that ends at or before `time` must have been closed before. Gives the end of
    /// the next window to close if that came into being or became earlier, else [`Time::MAX`].
    #[inline(always)]
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64) -> Time {
        match self {
            Windows::Tumbling(window) => window.add(spec, time, value),
            Windows::Hopping(windows) => windows.add(spec, time, value, f64::NAN),
            Windows::Any(machine) => machine.add(spec, time, value, f64::NAN),
        }
    }

    /// The same, with what another channel said at that moment.
    pub fn add_pair(&mut self, spec: &WindowSpec, time: Time, value: f64, with: f64) -> Time {
        match self {
            Windows::Any(machine) => machine.add(spec, time, value, with),
            fast => fast.add(spec, time, value),
        }
    }

    /// Takes in a bad reading, as [`Windows::add`]; only where the window gives bad or missing readings. It opens windows
    /// of time, but a window without a good reading says nothing.
    pub fn add_bad(&mut self, spec: &WindowSpec, time: Time) -> Time {
        match self {
            Windows::Any(machine) => machine.add_bad(spec, time),
            _ => Time::MAX,
        }
    }

    /// A detector, by its place in [`WindowSpec::counts`], found an anomaly at the reading that went in last, or (where
    /// none of that time went in yet) at the one that goes in next. At a time that is closed already it is not counted.
    pub fn add_anomaly(&mut self, spec: &WindowSpec, time: Time, place: u16) {
        if let Windows::Any(machine) = self {
            machine.add_anomaly(spec, time, place);
        }
    }

    /// The condition that begins a session is met: to be said before the readings of that time go in. Gives what
    /// [`Windows::add`] gives. Other windows do not care.
    pub fn begin(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if let Windows::Any(machine) = self { machine.begin(spec, time) } else { Time::MAX }
    }

    /// The condition that keeps a session open is met: to be said before the readings of that time go in, and after
    /// [`Windows::begin`]. Gives what [`Windows::add`] gives. Other windows do not care.
    pub fn active(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if let Windows::Any(machine) = self { machine.active(spec, time) } else { Time::MAX }
    }

    /// When the next window is to be closed; [`Time::MAX`] if none is open. Never later than [`LAST`] if one is.
    #[inline]
    pub fn next_end(&self) -> Time {
        match self {
            Windows::Tumbling(window) => window.next_end(),
            Windows::Hopping(windows) => windows.next_end(),
            Windows::Any(machine) => machine.next_end(),
        }
    }

    /// Closes the next window, if one is open; nothing if it has fewer good readings than [`WindowSpec::min`].
    pub fn close(&mut self, spec: &WindowSpec, series: &SeriesFacts) -> Option<Closed> {
        let (start, end, summary) = match self {
            Windows::Tumbling(window) => window.close(spec)?,
            Windows::Hopping(windows) => windows.close(spec)?,
            Windows::Any(machine) => return machine.close(spec, series),
        };
        say(spec, &around(spec, series, None, (start, end), None), &summary, (start, end))
    }

    /// Closes the next window of a device whose windows belong to a group ([`WindowSpec::per`]): its edges, and what it adds to
    /// the group's by [`Tally::merge_beside`]. Nothing if there was no reading, good or bad; `min` is for the group to ask.
    pub fn close_part(&mut self, spec: &WindowSpec, series: &SeriesFacts) -> Option<(Time, Time, Tally)> {
        if let Windows::Any(machine) = self { machine.close_part(spec, series) } else { None }
    }

    /// What the window that closes next would say if it closed at `now`; changes nothing.
    pub fn provisional(&self, spec: &WindowSpec, series: &SeriesFacts, now: Time) -> Option<Closed> {
        let (start, end, summary) = match self {
            Windows::Tumbling(window) => window.peek(spec)?,
            Windows::Hopping(windows) => windows.peek(spec)?,
            Windows::Any(machine) => return machine.provisional(spec, series, now),
        };
        say(spec, &around(spec, series, None, (start, end), Some(now)), &summary, (start, end))
    }

    /// A good reading that came after the watermark had passed it, where closed windows are kept
    /// ([`WhenLate::Revise`]). Each closed window that it falls in is given again with its revision; in a window that is
    /// still open it only counts. `false`: it falls in no window that is kept or open, and nothing has changed. Ask for
    /// [`Windows::next_end`] afterwards: it may have opened one.
    pub fn late(
        &mut self,
        spec: &WindowSpec,
        series: &SeriesFacts,
        time: Time,
        value: f64,
        watermark: Time,
        give: impl FnMut(Closed),
    ) -> bool {
        match self {
            Windows::Any(machine) => machine.late(spec, series, (time, value), watermark, give),
            _ => false,
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Windows::Tumbling(_) => 0,
            Windows::Hopping(windows) => size_of::<Hopping<Summary>>() + windows.heap_bytes(),
            Windows::Any(machine) => machine.heap_bytes(),
        }
    }
}

/// Whether a window of time needs a summary of its readings and nothing else.
fn is_fast(spec: &WindowSpec) -> bool {
    spec.is_plain() && spec.per == Per::Device && !matches!(spec.when_late, WhenLate::Revise(_))
}

/// Whether it has edges that do not depend on readings.
fn has_edges(spec: &WindowSpec) -> bool {
    matches!(spec.shape, Shape::Time { .. } | Shape::Calendar { .. })
}

/// What statistics ask for of a window that is over, or of one that is open at `now`.
fn around(
    spec: &WindowSpec,
    series: &SeriesFacts,
    history: Option<&History>,
    (start, end): (Time, Time),
    now: Option<Time>,
) -> Around {
    // The others end with their last moment inside.
    let end = match has_edges(spec) {
        true => now.map_or(end, |now| now.min(end).max(start)),
        false => end + Span(1),
    };
    match history {
        Some(history) => history.around(start, end, series.first, series.expected),
        None => Around { start, end, first: series.first, expected: series.expected, previous: None, so_far: (0, 0) },
    }
}

/// What a window says of its readings; nothing if they are too few.
fn say<P: Part>(spec: &WindowSpec, around: &Around, part: &P, (start, end): (Time, Time)) -> Option<Closed> {
    let summary = *part.summary();
    if summary.count() < spec.min.max(1) {
        return None;
    }
    let partial = has_edges(spec) && around.first > start + around.expected.unwrap_or_default();
    Some(Closed { start, end, summary, more: part.more(spec, around), revision: 0, partial })
}

#[cfg(test)]
mod tests;
