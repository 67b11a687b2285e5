//! What the newest values of a group's devices say together.
//!
//! Each device has one value, its newest, for as long as that is fresh. They stand in one sorted multiset, so that the median of
//! a hall of 1 000 sensors costs a reading two searches. Sums are kept relative to a pivot and computed anew each time
//! that as many values have left as there are, or one that was most of them, as in [`crate::feature::Rolling`]: nothing drifts.

use super::{Joined, Waiting, Whose};
use crate::feature::Ranked;
use crate::plan::{Among, AmongSpec};
use crate::series::Series;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The devices of a group, by the channels that are looked at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Crowds(Vec<Crowd>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Crowd {
    /// The newest value of each device, and when it was measured.
    newest: BTreeMap<Series, (Time, f64)>,
    /// The same by time: who grows too old stands first.
    by_age: BTreeSet<(Time, Series)>,
    ranked: Ranked,
    /// How many devices have each value that is asked for as a state, in the order of `give`; others are 0.
    states: Vec<u32>,
    sums: Sums,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Sums {
    pivot: f64,
    sum: f64,
    squares: f64,
    /// Values that have left since they were computed anew.
    left: u32,
    /// Digits may have been lost with one that has left.
    worn: bool,
}

impl Crowds {
    pub(super) fn new(on: usize) -> Crowds {
        Crowds((0..on).map(|_| Crowd::default()).collect())
    }

    /// All readings of one moment; first all are taken in, then it is said what they say together.
    pub(super) fn moment(
        &mut self,
        spec: &AmongSpec,
        moment: &[Waiting],
        total: &mut Joined,
        tell: &mut dyn FnMut(Whose, Time, u16, f64),
    ) {
        let Some(time) = moment.first().map(|first| first.time) else { return };
        for waiting in moment {
            if let Some(crowd) = self.0.get_mut(usize::from(waiting.on)) {
                crowd.let_go(spec, time);
                match waiting.leaves() {
                    true => crowd.leave(spec, waiting.series),
                    false => crowd.take(spec, waiting),
                }
            }
        }
        for (on, crowd) in (0u8..).zip(&mut self.0) {
            let mut of_channel = moment.iter().filter(|waiting| waiting.on == on && !waiting.leaves()).peekable();
            if of_channel.peek().is_none() {
                continue;
            }
            if crowd.newest.len() < spec.min as usize {
                total.missing += of_channel.count() as u64;
                continue;
            }
            for (index, given) in (0..).zip(&spec.give).filter(|(_, given)| !given.what.is_of_device()) {
                tell(Whose::OfGroup(on), time, index, crowd.value(given.what, usize::from(index)));
            }
            let middle = crowd.ranked.quantile(50_000);
            for waiting in of_channel {
                total.paired += 1;
                for (index, _) in (0..).zip(&spec.give).filter(|(_, given)| given.what.is_of_device()) {
                    tell(Whose::Of(waiting.series), time, index, waiting.value - middle);
                }
            }
        }
    }

    /// As [`Crowd::leave`], at once.
    pub(super) fn leave(&mut self, spec: &AmongSpec, on: u8, series: Series) {
        if let Some(crowd) = self.0.get_mut(usize::from(on)) {
            crowd.leave(spec, series);
        }
    }

    /// Whether it can be gone on with: what it knows of each device agrees.
    pub(super) fn fits(&self, on: usize) -> bool {
        let agrees = |crowd: &Crowd| {
            let by_age: BTreeSet<(Time, Series)> =
                crowd.newest.iter().map(|(series, (time, _))| (*time, *series)).collect();
            by_age == crowd.by_age && crowd.ranked.len() == crowd.newest.len()
        };
        self.0.len() == on && self.0.iter().all(agrees)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let of = |crowd: &Crowd| crowd.newest.len() * 64 + crowd.ranked.heap_bytes() + crowd.states.capacity() * 4;
        self.0.iter().map(of).sum()
    }
}

impl Crowd {
    /// Forgets values that are not fresh any more.
    fn let_go(&mut self, spec: &AmongSpec, now: Time) {
        let mut left = 0;
        while let Some(&(time, series)) = self.by_age.first() {
            if now.since(time) <= spec.fresh {
                break;
            }
            self.by_age.pop_first();
            if let Some((_, value)) = self.newest.remove(&series) {
                self.remove(spec, value);
                left += 1;
            }
        }
        // Those of one age leave in the order of their numbers, which the last digits must not show.
        self.sums.worn |= left > 1;
    }

    /// A device is not in the group any more: what it said last does not count.
    fn leave(&mut self, spec: &AmongSpec, series: Series) {
        if let Some((time, value)) = self.newest.remove(&series) {
            self.by_age.remove(&(time, series));
            self.remove(spec, value);
        }
    }

    fn take(&mut self, spec: &AmongSpec, waiting: &Waiting) {
        if let Some((time, value)) = self.newest.insert(waiting.series, (waiting.time, waiting.value)) {
            self.by_age.remove(&(time, waiting.series));
            self.remove(spec, value);
        }
        self.by_age.insert((waiting.time, waiting.series));
        self.ranked.insert(waiting.value);
        self.count(spec, waiting.value, 1);
        if self.newest.len() == 1 {
            self.sums = Sums { pivot: waiting.value, ..Sums::default() };
        }
        let off = waiting.value - self.sums.pivot;
        self.sums.sum += off;
        self.sums.squares += off * off;
        let count = self.newest.len() as f64;
        let far = self.sums.sum * self.sums.sum / count;
        let is_astray = far > 1e5 * (self.sums.squares - far) && far > 0.0 && f64::from(self.sums.left) >= count / 64.0;
        if self.sums.worn || self.sums.left as usize >= self.newest.len() || is_astray {
            self.recompute();
        }
    }

    fn remove(&mut self, spec: &AmongSpec, value: f64) {
        self.ranked.remove(value);
        self.count(spec, value, -1);
        let off = value - self.sums.pivot;
        self.sums.worn |= off * off > self.sums.squares * 0.5 || !self.sums.squares.is_finite();
        self.sums.sum -= off;
        self.sums.squares -= off * off;
        self.sums.left += 1;
    }

    /// Counts a value that is asked for as a state, or as true.
    fn count(&mut self, spec: &AmongSpec, value: f64, by: i32) {
        self.states.resize(spec.give.len(), 0);
        for (given, count) in spec.give.iter().zip(&mut self.states) {
            let is = match given.what {
                Among::CountTrue | Among::ShareTrue => value != 0.0,
                Among::CountOf(state) | Among::ShareOf(state) => value == f64::from(state),
                _ => false,
            };
            if is {
                *count = count.saturating_add_signed(by);
            }
        }
    }

    fn recompute(&mut self) {
        // In order of value: numbers of series depend on who spoke first.
        let values = || self.ranked.iter();
        let first = values().next().unwrap_or(0.0);
        let pivot = first + values().map(|value| value - first).sum::<f64>() / self.newest.len() as f64;
        let fold = |(sum, squares): (f64, f64), off: f64| (sum + off, squares + off * off);
        let (sum, squares) = values().map(|value| value - pivot).fold((0.0, 0.0), fold);
        self.sums = Sums { pivot, sum, squares, left: 0, worn: false };
    }

    fn value(&self, what: Among, index: usize) -> f64 {
        let count = self.newest.len() as f64;
        let nth = |nth: usize| self.ranked.nth(nth).unwrap_or(f64::NAN);
        let counted = || f64::from(self.states.get(index).copied().unwrap_or(0));
        match what {
            Among::Count => count,
            Among::Sum => self.sums.pivot * count + self.sums.sum,
            Among::Mean => self.sums.pivot + self.sums.sum / count,
            Among::Std => ((self.sums.squares - self.sums.sum * self.sums.sum / count).max(0.0) / count).sqrt(),
            Among::Min => nth(0),
            Among::Max => nth(self.newest.len() - 1),
            Among::Range => nth(self.newest.len() - 1) - nth(0),
            Among::Quantile(q) => self.ranked.quantile(q),
            Among::CountTrue | Among::CountOf(_) => counted(),
            Among::ShareTrue | Among::ShareOf(_) => counted() / count,
            Among::Residual => f64::NAN,
        }
    }
}
