//! Windows of time that do not overlap, one open at most: tumbling and the calendar's, with whatever they give.
//!
//! The plain tumbling window, by far the most common one, is [`super::tumbling`]; this is the general form beside it.

use super::edges;
use super::kept::{Kept, horizon};
use super::stacks::Part;
use crate::plan::WindowSpec;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// One open window at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Single<P> {
    start: Time,
    /// [`Time::MAX`] while none is open.
    end: Time,
    part: P,
    kept: Option<Box<Kept<P>>>,
}

impl<P: Part> Single<P> {
    /// None open.
    pub fn new(spec: &WindowSpec) -> Single<P> {
        let kept = horizon(spec).map(|_| Box::new(Kept::new()));
        Single { start: Time::MIN, end: Time::MAX, part: P::empty(spec), kept }
    }

    /// Takes in a good reading; see [`super::Windows::add`].
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64, with: f64) -> Time {
        self.part.add(time, value, with);
        self.open(spec, time)
    }

    /// Takes in a bad reading.
    pub fn add_bad(&mut self, spec: &WindowSpec, time: Time) -> Time {
        self.part.add_bad(time);
        self.open(spec, time)
    }

    #[inline]
    fn open(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if self.end != Time::MAX {
            return Time::MAX;
        }
        (self.start, self.end) = edges::alone(spec, time);
        self.end
    }

    /// Takes in an anomaly; `false` where it is ahead of all readings.
    pub fn add_anomaly(&mut self, _spec: &WindowSpec, time: Time, place: u16) -> bool {
        let open = self.end != Time::MAX;
        if open && self.start <= time && time < self.end {
            self.part.add_anomaly(place);
        }
        open && time < self.end
    }

    /// The end of the open window.
    pub fn next_end(&self) -> Time {
        self.end
    }

    /// Closes the open window: its edges and what was in it.
    pub fn close(&mut self, spec: &WindowSpec) -> Option<(Time, Time, P)> {
        if self.end == Time::MAX {
            return None;
        }
        let (start, end) = (self.start, std::mem::replace(&mut self.end, Time::MAX));
        let part = std::mem::replace(&mut self.part, P::empty(spec));
        if let Some(kept) = &mut self.kept {
            kept.keep(start, part.clone());
            kept.forget_ended(end - horizon(spec).unwrap_or_default());
        }
        Some((start, end, part))
    }

    /// The open window.
    pub fn peek(&self, _spec: &WindowSpec) -> Option<(Time, Time, P)> {
        (self.end != Time::MAX).then(|| (self.start, self.end, self.part.clone()))
    }

    /// The window that begins at `start` was given.
    pub fn said(&mut self, start: Time) {
        if let Some(kept) = &mut self.kept {
            kept.said(start);
        }
    }

    /// A late reading; see [`super::Windows::late`]. `tell` is asked with edges, content and revision, and answers
    /// whether it was given.
    pub fn late(
        &mut self,
        spec: &WindowSpec,
        (time, value): (Time, f64),
        watermark: Time,
        mut tell: impl FnMut(Time, Time, &P, u32) -> bool,
    ) -> bool {
        let (Some(kept), Some(horizon)) = (&mut self.kept, horizon(spec)) else { return false };
        let (start, end) = edges::alone(spec, time);
        if end > watermark {
            let ours = self.end == Time::MAX || self.start == start;
            if ours {
                self.add(spec, time, value, f64::NAN);
            }
            return ours;
        }
        if end + horizon <= watermark || !kept.is_whole(start) {
            return false;
        }
        kept.join(spec, start, |pane| pane.add(time, value, f64::NAN));
        if tell(start, end, &kept.sum(spec, start, end), kept.times_given(start)) {
            kept.said(start);
        }
        true
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.part.heap_bytes() + self.kept.as_ref().map_or(0, |kept| kept.heap_bytes())
    }
}
