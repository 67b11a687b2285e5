//! Where windows of time begin and end: multiples of a span since the epoch, or the calendar's own edges.
//!
//! Exact over the whole range of times, without wider numbers: ends are found by what is left until them. A window that
//! would begin before the first moment of time begins there. One that would end after [`LAST`] ends there, because
//! [`Time::MAX`] means that none is open; so readings of that very last nanosecond come in a row of their own.

use super::calendar;
use crate::plan::{Shape, WindowSpec};
use crate::time::{Span, Time};

/// The latest end of a window.
pub const LAST: Time = Time(i64::MAX - 1);

/// Length of a window of time.
#[inline(always)]
pub fn size(spec: &WindowSpec) -> Span {
    if let Shape::Time { size, .. } = spec.shape { Span(size.0.max(1)) } else { Span(1) }
}

/// From one start to the next.
#[inline(always)]
pub fn every(spec: &WindowSpec) -> Span {
    if let Shape::Time { every, .. } = spec.shape { Span(every.0.max(1)) } else { Span(1) }
}

/// The end of a tumbling window of `size` with `time` in it.
#[inline(always)]
pub fn tumbling_end(size: Span, time: Time) -> Time {
    (time + Span(size.0 - time.0.rem_euclid(size.0))).min(LAST)
}

/// The start of the tumbling window that ends at `end`, which may be cut off at [`LAST`].
#[inline]
pub fn tumbling_start(size: Span, end: Time) -> Time {
    let inside = Time(end.0.saturating_sub(1));
    inside - Span(inside.0.rem_euclid(size.0))
}

/// Start and end of the one window with `time` in it, where windows do not overlap.
pub fn alone(spec: &WindowSpec, time: Time) -> (Time, Time) {
    let (start, end) = match &spec.shape {
        Shape::Calendar { step, zone } => calendar::window(*step, zone, time),
        _ => {
            let end = tumbling_end(size(spec), time);
            (tumbling_start(size(spec), end), end)
        }
    };
    (start.min(LAST), end.min(LAST))
}

/// Start and end of the pane with `time` in it: from the last start or end of any window to the next.
pub fn pane(spec: &WindowSpec, time: Time) -> (Time, Time) {
    let every = every(spec).0;
    let from_start = time.0.rem_euclid(every);
    let from_end = (from_start - size(spec).0 % every).rem_euclid(every);
    let begin = from_start.min(from_end);
    let until = (every - from_start).min(every - from_end);
    (time - Span(begin), time + Span(until))
}

/// The first window with `time` in it, where windows overlap.
pub fn first(spec: &WindowSpec, time: Time) -> (Time, Time) {
    let (size, every) = (size(spec), every(spec));
    // Ends are multiples of `every`, moved by `size`.
    let since_end = (time.0.rem_euclid(every.0) - size.0 % every.0).rem_euclid(every.0);
    let end = (time + Span(every.0 - since_end)).min(LAST);
    if end < LAST {
        return (end - size, end);
    }
    let before = time - size;
    (before + Span(every.0 - before.0.rem_euclid(every.0)), LAST)
}

/// The window after this one; nothing where time ends first.
pub fn next(spec: &WindowSpec, (start, end): (Time, Time)) -> Option<(Time, Time)> {
    let (size, every) = (size(spec), every(spec));
    if end < LAST {
        let after = i128::from(end.0) + i128::from(every.0);
        let start = (after - i128::from(size.0)).max(i128::from(i64::MIN)) as i64;
        return (start < LAST.0).then_some((Time(start), (end + every).min(LAST)));
    }
    let start = start.0.checked_add(every.0)?;
    (start < LAST.0).then_some((Time(start), LAST))
}
