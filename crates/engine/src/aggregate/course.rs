//! Readings by their time: the earliest and the latest, the longest gap, the mean weighted by time, time in states.
//!
//! Between readings a value is a step: it holds until the next reading. What is before the first reading has no
//! weight; how long the last one holds is up to who asks. Parts of one series that follow one another merge to the
//! same: the gap between them belongs to the last value of the earlier one. Parts of several series know their earliest
//! and latest reading together, and nothing that asks for an order.
//!
//! Times in states are whole nanoseconds and merge without rounding. The area under the values is kept relative to the
//! first one, as a value around 1e9 with a spread of 1 would else lose its last digits.

use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// What is known of some readings by their time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    run: Option<Run>,
    /// How long the value was each of the states that are asked for, until the latest reading.
    states: Box<[(u16, Span)]>,
    /// Parts of several series are in it.
    beside: bool,
}

/// From the earliest to the latest reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Run {
    first: (Time, f64),
    last: (Time, f64),
    /// The longest time between two readings; zero of a single one.
    gap: Span,
    /// There were two readings, and so there is a gap.
    several: bool,
    pivot: f64,
    /// Integral of (value − pivot) over the nanoseconds from the first to the last reading.
    area: f64,
}

impl Course {
    /// Of no readings; counts the time in these states.
    pub fn new(states: impl Iterator<Item = u16>) -> Course {
        Course { run: None, states: states.map(|state| (state, Span::ZERO)).collect(), beside: false }
    }

    /// Forgets all readings.
    pub fn clear(&mut self) {
        self.run = None;
        self.beside = false;
        self.states.iter_mut().for_each(|state| state.1 = Span::ZERO);
    }

    /// Takes in a reading. Of readings that come out of order the earliest and the latest are right, and nothing else.
    #[inline]
    pub fn add(&mut self, time: Time, value: f64) {
        let Some(run) = &mut self.run else {
            let (gap, several) = (Span::ZERO, false);
            self.run = Some(Run { first: (time, value), last: (time, value), gap, several, pivot: value, area: 0.0 });
            return;
        };
        run.several = true;
        if time >= run.last.0 {
            let held = time.since(run.last.0);
            run.gap = run.gap.max(held);
            run.area += (run.last.1 - run.pivot) * held.0 as f64;
            hold(&mut self.states, run.last.1, held);
            run.last = (time, value);
        } else if time < run.first.0 {
            run.first = (time, value);
        }
    }

    /// Takes in what came later in the same series.
    pub fn absorb(&mut self, later: &Course) {
        self.beside |= later.beside;
        let (Some(run), Some(next)) = (&mut self.run, &later.run) else {
            if self.run.is_none() {
                self.run = later.run;
                add_up(&mut self.states, &later.states);
            }
            return;
        };
        let between = next.first.0.since(run.last.0).max(Span::ZERO);
        run.gap = run.gap.max(between).max(next.gap);
        run.several = true;
        run.area += (run.last.1 - run.pivot) * between.0 as f64
            + (next.pivot - run.pivot) * nanos(next.first.0, next.last.0)
            + next.area;
        hold(&mut self.states, run.last.1, between);
        add_up(&mut self.states, &later.states);
        join(run, next);
    }

    /// Takes in what another series had at the same time. Of readings of the same time its own one is the earlier.
    pub fn merge_beside(&mut self, other: &Course) {
        match (&mut self.run, &other.run) {
            (Some(run), Some(next)) => {
                run.several = true;
                join(run, next);
            }
            (None, Some(_)) => self.run = other.run,
            _ => {}
        }
        self.beside = true;
    }

    /// The value of the earliest reading; NaN of none.
    pub fn first(&self) -> f64 {
        self.run.map_or(f64::NAN, |run| run.first.1)
    }

    /// The value of the latest reading; NaN of none.
    pub fn last(&self) -> f64 {
        self.run.map_or(f64::NAN, |run| run.last.1)
    }

    /// Change per second from the earliest to the latest reading; NaN where they have the same time.
    pub fn rate(&self) -> f64 {
        match self.run {
            Some(run) if run.last.0 > run.first.0 && !self.beside => {
                (run.last.1 - run.first.1) / (nanos(run.first.0, run.last.0) / 1e9)
            }
            _ => f64::NAN,
        }
    }

    /// The longest time between two readings, in seconds; NaN of fewer than two.
    pub fn gap(&self) -> f64 {
        self.in_order().filter(|run| run.several).map_or(f64::NAN, |run| run.gap.as_secs_f64())
    }

    /// The mean weighted by time, where the last value holds until `end`. Where no time passes it is the last value.
    pub fn mean(&self, end: Time) -> f64 {
        let Some(run) = self.in_order() else { return f64::NAN };
        let (rest, total) = (nanos(run.last.0, end), nanos(run.first.0, end.max(run.last.0)));
        if total > 0.0 { run.pivot + (run.area + (run.last.1 - run.pivot) * rest) / total } else { run.last.1 }
    }

    /// The share of the time, 0 to 1, in which the value was this one of the states, where the last value holds until
    /// `end`. Where no time passes the last value has all of it.
    pub fn share(&self, state: u16, end: Time) -> f64 {
        let held = self.states.iter().find(|known| known.0 == state);
        let (Some(run), Some((_, held))) = (self.in_order(), held) else { return f64::NAN };
        let is = f64::from(u8::from(run.last.1 == f64::from(state)));
        let (rest, total) = (nanos(run.last.0, end), nanos(run.first.0, end.max(run.last.0)));
        if total > 0.0 { ((held.0 as f64 + is * rest) / total).clamp(0.0, 1.0) } else { is }
    }

    fn in_order(&self) -> Option<&Run> {
        self.run.as_ref().filter(|_| !self.beside)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.states)
    }
}

/// The value was this for so long.
#[inline]
fn hold(states: &mut [(u16, Span)], value: f64, held: Span) {
    for (state, total) in states {
        if value == f64::from(*state) {
            total.0 = total.0.saturating_add(held.0);
        }
    }
}

fn add_up(states: &mut [(u16, Span)], others: &[(u16, Span)]) {
    for ((_, total), (_, other)) in states.iter_mut().zip(others) {
        total.0 = total.0.saturating_add(other.0);
    }
}

/// The earliest and the latest of both.
fn join(run: &mut Run, next: &Run) {
    if next.first.0 < run.first.0 {
        run.first = next.first;
    }
    if next.last.0 >= run.last.0 {
        run.last = next.last;
    }
}

/// Nanoseconds between two moments, whatever moments they are; none where the second is the earlier.
fn nanos(from: Time, to: Time) -> f64 {
    (i128::from(to.0) - i128::from(from.0)).max(0) as f64
}
