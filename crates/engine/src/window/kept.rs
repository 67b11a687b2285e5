//! What has closed and may still change: panes that are kept for late readings, and how often each window was given.
//!
//! A closed window is kept until the watermark has reached its end plus the horizon, as Flink's allowed lateness has
//! it. The panes of a hopping window serve all windows that cover them. At the bound the oldest go first; what lay in
//! them is refused from then on, which the shard counts with the late.

use super::stacks::Part;
use crate::plan::{WhenLate, WindowSpec};
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The most panes, windows or sessions that a series keeps.
pub const MOST: usize = 1_024;

/// How long closed windows are kept; nothing where they never change.
pub fn horizon(spec: &WindowSpec) -> Option<Span> {
    if let WhenLate::Revise(horizon) = spec.when_late { Some(horizon) } else { None }
}

/// The panes and windows of a series that may still change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept<P> {
    /// Sealed panes by their starts, oldest first.
    panes: VecDeque<(Time, P)>,
    /// Windows that were given by their starts, oldest first, and how often.
    given: VecDeque<(Time, u32)>,
    /// Windows that began before have lost panes at the bound.
    from: Time,
}

impl<P: Part> Kept<P> {
    /// Nothing yet.
    pub fn new() -> Kept<P> {
        Kept { panes: VecDeque::new(), given: VecDeque::new(), from: Time::MIN }
    }

    /// Keeps a pane that takes no more readings in order.
    pub fn keep(&mut self, start: Time, pane: P) {
        let at = self.panes.partition_point(|&(other, _)| other < start);
        match self.panes.get_mut(at) {
            Some((other, kept)) if *other == start => kept.absorb(&pane),
            _ => self.panes.insert(at, (start, pane)),
        }
        self.bound();
    }

    /// Lets something late into the pane that begins at `start`.
    pub fn join(&mut self, spec: &WindowSpec, start: Time, into: impl FnOnce(&mut P)) {
        let at = self.panes.partition_point(|&(other, _)| other < start);
        if self.panes.get(at).is_none_or(|&(other, _)| other != start) {
            self.panes.insert(at, (start, P::empty(spec)));
        }
        into(&mut self.panes[at].1);
        self.bound();
    }

    /// All that is in the window `[start, end)`.
    pub fn sum(&self, spec: &WindowSpec, start: Time, end: Time) -> P {
        let mut sum = P::empty(spec);
        let from = self.panes.partition_point(|&(other, _)| other < start);
        self.panes.range(from..).take_while(|(other, _)| *other < end).for_each(|(_, pane)| sum.absorb(pane));
        sum
    }

    /// Counts that the window beginning at `start` was given once more.
    pub fn said(&mut self, start: Time) {
        let at = self.given.partition_point(|&(other, _)| other < start);
        match self.given.get_mut(at) {
            Some((other, times)) if *other == start => *times = times.saturating_add(1),
            _ => self.given.insert(at, (start, 1)),
        }
        self.bound();
    }

    /// How often the window beginning at `start` was given.
    pub fn times_given(&self, start: Time) -> u32 {
        let at = self.given.partition_point(|&(other, _)| other < start);
        self.given.get(at).map_or(0, |&(other, times)| if other == start { times } else { 0 })
    }

    /// Whether nothing of a window that begins at `start` was lost at the bound.
    pub fn is_whole(&self, start: Time) -> bool {
        self.from <= start
    }

    /// Forgets what began before `time`.
    pub fn forget_before(&mut self, time: Time) {
        while self.panes.front().is_some_and(|&(start, _)| start < time) {
            self.panes.pop_front();
        }
        while self.given.front().is_some_and(|&(start, _)| start < time) {
            self.given.pop_front();
        }
    }

    /// Forgets windows that do not overlap and ended at or before `time`: those whose successor began by then.
    pub fn forget_ended(&mut self, time: Time) {
        let ended = self.panes.iter().skip(1).take_while(|&&(start, _)| start <= time).last();
        if let Some(&(oldest, _)) = ended {
            self.forget_before(oldest);
        }
    }

    fn bound(&mut self) {
        while self.panes.len() > MOST {
            self.lose(self.panes[0].0);
        }
        while self.given.len() > MOST {
            self.lose(self.given[0].0);
        }
    }

    fn lose(&mut self, start: Time) {
        self.from = self.from.max(start + Span(1));
        // A start at the very end of time has no later one: then it goes by itself.
        self.forget_before(self.from);
        if self.panes.len() > MOST {
            self.panes.pop_front();
        }
        if self.given.len() > MOST {
            self.given.pop_front();
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Kept<P>>()
            + self.panes.capacity() * size_of::<(Time, P)>()
            + self.given.capacity() * size_of::<(Time, u32)>()
            + self.panes.iter().map(|(_, pane)| pane.heap_bytes()).sum::<usize>()
    }
}
