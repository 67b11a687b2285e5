//! Windows of time that overlap, by panes.
//!
//! They are cut into panes at every start and every end, so a reading is added once, however many windows it falls in.
//! Sealed panes stand in two stacks; a window is one merge of them.

use super::edges;
use super::kept::{Kept, MOST, horizon};
use super::stacks::{Part, Stacks};
use crate::plan::WindowSpec;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// As many open windows as overlap.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hopping<P> {
    /// Start and end of the next window to close; its end is [`Time::MAX`] while there is no reading.
    next: (Time, Time),
    /// Start and end of the pane that takes readings now; they are equal where there is none.
    open_edges: (Time, Time),
    open: P,
    sealed: Stacks<Time, P>,
    kept: Option<Box<Kept<P>>>,
}

impl<P: Part> Hopping<P> {
    /// None open.
    pub fn new(spec: &WindowSpec) -> Hopping<P> {
        Hopping {
            next: (Time::MIN, Time::MAX),
            open_edges: (Time::MIN, Time::MIN),
            open: P::empty(spec),
            sealed: Stacks::new(spec),
            kept: horizon(spec).map(|_| Box::new(Kept::new())),
        }
    }

    /// Takes in a good reading; see [`super::Windows::add`].
    #[inline(never)]
    pub fn add(&mut self, spec: &WindowSpec, time: Time, value: f64, with: f64) -> Time {
        let opened = self.open(spec, time);
        self.open.add(time, value, with);
        opened
    }

    /// Takes in a bad reading.
    pub fn add_bad(&mut self, spec: &WindowSpec, time: Time) -> Time {
        let opened = self.open(spec, time);
        self.open.add_bad(time);
        opened
    }

    /// Makes the pane of `time` the open one.
    #[inline(always)]
    fn open(&mut self, spec: &WindowSpec, time: Time) -> Time {
        if self.open_edges.0 <= time && time < self.open_edges.1 && self.next.1 != Time::MAX {
            return Time::MAX;
        }
        self.turn_page(spec, time)
    }

    #[inline(never)]
    fn turn_page(&mut self, spec: &WindowSpec, time: Time) -> Time {
        self.seal(spec);
        self.open_edges = edges::pane(spec, time);
        // Only in damaged state does the next window begin after a reading, and its panes would never go.
        if self.next.1 != Time::MAX && self.next.0 <= time {
            return Time::MAX;
        }
        self.sealed.clear(spec);
        self.next = edges::first(spec, time);
        self.next.1
    }

    fn seal(&mut self, spec: &WindowSpec) {
        if !self.open.is_empty() {
            let pane = std::mem::replace(&mut self.open, P::empty(spec));
            if let Some(kept) = &mut self.kept {
                kept.keep(self.open_edges.0, pane.clone());
            }
            self.sealed.push(self.open_edges.0, pane);
        }
        self.open_edges = (Time::MIN, Time::MIN);
    }

    /// Takes in an anomaly; `false` where it is ahead of all readings.
    pub fn add_anomaly(&mut self, spec: &WindowSpec, time: Time, place: u16) -> bool {
        if self.next.1 == Time::MAX || (time >= self.open_edges.1 && !self.open.is_empty()) {
            return false;
        }
        if self.open_edges.0 <= time && !self.open.is_empty() {
            self.open.add_anomaly(place);
            return true;
        }
        let (pane, _) = edges::pane(spec, time);
        let known = self.sealed.at_or_before(pane) == Some(pane);
        if known {
            self.sealed.join(spec, pane, |part| part.add_anomaly(place));
            if let Some(kept) = &mut self.kept {
                kept.join(spec, pane, |part| part.add_anomaly(place));
            }
        }
        known || !self.open.is_empty()
    }

    /// The end of the next window to close.
    pub fn next_end(&self) -> Time {
        self.next.1
    }

    /// Closes the next window: its edges and what was in it.
    pub fn close(&mut self, spec: &WindowSpec) -> Option<(Time, Time, P)> {
        if self.next.1 == Time::MAX {
            return None;
        }
        let (start, end) = self.next;
        self.seal(spec);
        self.sealed.forget(spec, |pane| pane < start);
        let part = self.sealed.sum();
        // What the next window no longer holds goes now, so that a silent series stops after its last reading.
        let next = edges::next(spec, self.next);
        match next {
            Some((next, _)) => self.sealed.forget(spec, |pane| pane < next),
            None => self.sealed.clear(spec),
        }
        // No window in between is empty; but damaged state must not make the way long.
        self.next = match (self.sealed.oldest(), next) {
            (Some(oldest), Some(next)) if oldest < next.1 || next.1 == edges::LAST => next,
            (Some(oldest), Some(_)) => edges::first(spec, oldest),
            _ => (Time::MIN, Time::MAX),
        };
        if let Some(kept) = &mut self.kept {
            kept.forget_before(end - horizon(spec).unwrap_or_default() - edges::size(spec));
        }
        Some((start, end, part))
    }

    /// The window that closes next.
    pub fn peek(&self, _spec: &WindowSpec) -> Option<(Time, Time, P)> {
        if self.next.1 == Time::MAX {
            return None;
        }
        // What is before its start is gone already.
        let ((start, end), mut part) = (self.next, self.sealed.sum());
        part.absorb(&self.open);
        Some((start, end, part))
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
        let (mut closed, mut live) = (Vec::new(), None);
        // The first window that holds the reading and is not gone for good.
        let mut window = Some(edges::first(spec, time.max(watermark - horizon)));
        while let Some((start, end)) = window.filter(|w| w.0 <= time && closed.len() <= MOST && live.is_none()) {
            if end > watermark {
                live = Some((start, end));
            } else if kept.is_whole(start) {
                closed.push((start, end));
            }
            window = edges::next(spec, (start, end));
        }
        if closed.is_empty() && live.is_none() {
            return false;
        }
        let (pane, _) = edges::pane(spec, time);
        let open = (!self.open.is_empty()).then_some(self.open_edges.0);
        let newest = open.or_else(|| self.sealed.at_or_before(Time::MAX));
        if let Some(live) =
            live.filter(|_| closed.is_empty() && (newest.is_none_or(|n| n < pane) || open == Some(pane)))
        {
            let idle = self.next.1 == Time::MAX;
            self.add(spec, time, value, f64::NAN);
            // The first window that holds the reading may be one that is gone.
            self.next = if idle { live } else { self.next };
            return true;
        }
        kept.join(spec, pane, |part| part.add(time, value, f64::NAN));
        if let Some(live) = live {
            self.sealed.join(spec, pane, |part| part.add(time, value, f64::NAN));
            self.next = if live.1 < self.next.1 { live } else { self.next };
        }
        for (start, end) in closed {
            if tell(start, end, &kept.sum(spec, start, end), kept.times_given(start)) {
                kept.said(start);
            }
        }
        true
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.open.heap_bytes() + self.sealed.heap_bytes() + self.kept.as_ref().map_or(0, |kept| kept.heap_bytes())
    }
}
