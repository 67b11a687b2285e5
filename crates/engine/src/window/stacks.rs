//! A queue of panes that knows the sum of all of them: two stacks.
//!
//! Tangwongsan, Hirzel, Schneider and Wu 2015 ("General incremental sliding-window aggregation", two-stacks): `front`
//! holds sums from each pane to the newest of its stack, `back` the newer panes and their sum. The sum of all is one
//! merge; when `front` runs out, `back` is turned over into it, so each pane costs two or three merges in all, however
//! many there are. Panes only ever leave at the old end and come at the new one, but for what is late: that goes into
//! every sum it belongs to.
//!
//! Parts with a quantile sketch are large, and sums of them larger: 300 of them would be megabytes a series. Of those
//! only each [`STRIDE`]th pane in `front` has a sum, and the few panes before it are added up when they are asked for.

use crate::aggregate::{Around, Summary, Tally};
use crate::plan::{Statistic, WindowSpec};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Of large parts, one in so many panes in the front has a sum.
const STRIDE: usize = 16;

/// What a pane is made of: grows by a reading, merges with what came later.
pub trait Part: Clone {
    /// Of no readings.
    fn empty(spec: &WindowSpec) -> Self;
    /// Takes in a good reading, and what another channel said at that moment; NaN where nobody asks.
    fn add(&mut self, time: Time, value: f64, with: f64);
    /// Takes in a bad reading.
    fn add_bad(&mut self, time: Time);
    /// Takes in an anomaly of a detector.
    fn add_anomaly(&mut self, place: u16);
    /// Takes in what came later.
    fn absorb(&mut self, later: &Self);
    /// Whether nothing is in it.
    fn is_empty(&self) -> bool;
    /// Count, mean, spread and extremes.
    fn summary(&self) -> &Summary;
    /// Whether it is much larger than what a reading or two would need.
    fn is_large(spec: &WindowSpec) -> bool;
    /// What else the window gives.
    fn more(&self, spec: &WindowSpec, around: &Around) -> Option<Box<[f64]>>;
    /// Bytes on the heap.
    fn heap_bytes(&self) -> usize;
}

/// Panes in two stacks, oldest to newest; `K` tells them apart and grows from pane to pane.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stacks<K, P> {
    /// The older panes, oldest last.
    front: Vec<Front<K, P>>,
    /// The newer panes, oldest first.
    back: VecDeque<(K, P)>,
    /// The sum of `back`.
    back_sum: P,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Front<K, P> {
    key: K,
    /// This pane, or the sum from this pane to the newest of the front.
    part: P,
    is_sum: bool,
}

impl<K: Copy + Ord, P: Part> Stacks<K, P> {
    /// Without panes.
    pub fn new(spec: &WindowSpec) -> Stacks<K, P> {
        Stacks { front: Vec::new(), back: VecDeque::new(), back_sum: P::empty(spec) }
    }

    /// How many panes.
    pub fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }

    /// The key of the oldest pane.
    pub fn oldest(&self) -> Option<K> {
        self.front.last().map(|pane| pane.key).or_else(|| self.back.front().map(|&(key, _)| key))
    }

    /// Adds a pane that is newer than all others.
    #[inline]
    pub fn push(&mut self, key: K, pane: P) {
        self.back_sum.absorb(&pane);
        self.back.push_back((key, pane));
    }

    /// The sum of all panes.
    #[inline]
    pub fn sum(&self) -> P {
        let Some((oldest, newer)) = self.front.split_last() else { return self.back_sum.clone() };
        let mut sum = oldest.part.clone();
        if !oldest.is_sum {
            Self::absorb_until_sum(&mut sum, newer);
        }
        if !self.back.is_empty() {
            sum.absorb(&self.back_sum);
        }
        sum
    }

    /// Adds what is newer than a pane of the front: panes up to the next sum, and that.
    fn absorb_until_sum(sum: &mut P, newer: &[Front<K, P>]) {
        for pane in newer.iter().rev() {
            sum.absorb(&pane.part);
            if pane.is_sum {
                return;
            }
        }
    }

    /// Drops the oldest panes as long as `gone` says so of their keys.
    #[inline]
    pub fn forget(&mut self, spec: &WindowSpec, gone: impl Fn(K) -> bool) {
        loop {
            if self.front.is_empty() {
                if self.back.front().is_none_or(|&(key, _)| !gone(key)) {
                    return;
                }
                self.turn_over(spec);
            }
            match self.front.last() {
                Some(oldest) if gone(oldest.key) => self.front.pop(),
                _ => return,
            };
        }
    }

    fn turn_over(&mut self, spec: &WindowSpec) {
        let stride = if P::is_large(spec) { STRIDE } else { 1 };
        self.front.reserve_exact(self.back.len());
        while let Some((key, mut part)) = self.back.pop_back() {
            let is_sum = (self.front.len() + 1).is_multiple_of(stride);
            if is_sum {
                Self::absorb_until_sum(&mut part, &self.front);
            }
            self.front.push(Front { key, part, is_sum });
        }
        self.back_sum = P::empty(spec);
    }

    /// Drops all panes.
    pub fn clear(&mut self, spec: &WindowSpec) {
        self.front.clear();
        self.back.clear();
        self.back_sum = P::empty(spec);
    }

    /// Lets something late into the pane with this key, which is made if there is none, and into every sum it is in.
    /// Costs as much as there are panes.
    pub fn join(&mut self, spec: &WindowSpec, key: K, into: impl Fn(&mut P)) {
        if self.back.front().is_some_and(|&(oldest, _)| oldest <= key) || self.front.is_empty() {
            let at = self.back.partition_point(|&(other, _)| other < key);
            if self.back.get(at).is_none_or(|&(other, _)| other != key) {
                self.back.insert(at, (key, P::empty(spec)));
            }
            into(&mut self.back[at].1);
            return into(&mut self.back_sum);
        }
        // The front runs from the newest to the oldest.
        let at = self.front.partition_point(|pane| pane.key > key);
        if self.front.get(at).is_none_or(|pane| pane.key != key) {
            self.front.insert(at, Front { key, part: P::empty(spec), is_sum: false });
        }
        into(&mut self.front[at].part);
        self.front[at + 1..].iter_mut().filter(|pane| pane.is_sum).for_each(|pane| into(&mut pane.part));
    }

    /// The key of the newest pane at or before `key`.
    pub fn at_or_before(&self, key: K) -> Option<K> {
        let back = self.back.partition_point(|&(other, _)| other <= key);
        if back > 0 {
            return self.back.get(back - 1).map(|&(key, _)| key);
        }
        let front = self.front.partition_point(|pane| pane.key > key);
        self.front.get(front).map(|pane| pane.key)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let front = self.front.iter().map(|pane| pane.part.heap_bytes()).sum::<usize>();
        let back = self.back.iter().map(|(_, part)| part.heap_bytes()).sum::<usize>();
        let own = self.front.capacity() * size_of::<Front<K, P>>() + self.back.capacity() * size_of::<(K, P)>();
        own + front + back + self.back_sum.heap_bytes()
    }
}

impl Part for Summary {
    fn empty(_: &WindowSpec) -> Summary {
        Summary::EMPTY
    }

    #[inline(always)]
    fn add(&mut self, _: Time, value: f64, _: f64) {
        Summary::add(self, value);
    }

    fn add_bad(&mut self, _: Time) {}

    fn add_anomaly(&mut self, _: u16) {}

    #[inline]
    fn absorb(&mut self, later: &Summary) {
        *self = self.merged(later);
    }

    fn is_empty(&self) -> bool {
        self.count() == 0
    }

    fn summary(&self) -> &Summary {
        self
    }

    fn is_large(_: &WindowSpec) -> bool {
        false
    }

    fn more(&self, _: &WindowSpec, _: &Around) -> Option<Box<[f64]>> {
        None
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

impl Part for Tally {
    fn empty(spec: &WindowSpec) -> Tally {
        Tally::new(spec)
    }

    #[inline]
    fn add(&mut self, time: Time, value: f64, with: f64) {
        Tally::add_pair(self, time, value, with);
    }

    fn add_bad(&mut self, time: Time) {
        Tally::add_bad(self, time);
    }

    fn add_anomaly(&mut self, place: u16) {
        Tally::add_anomaly(self, place);
    }

    #[inline]
    fn absorb(&mut self, later: &Tally) {
        Tally::absorb(self, later);
    }

    fn is_empty(&self) -> bool {
        Tally::is_empty(self)
    }

    fn summary(&self) -> &Summary {
        Tally::summary(self)
    }

    fn is_large(spec: &WindowSpec) -> bool {
        spec.give.iter().any(|given| matches!(given.what, Statistic::Quantile(_)))
    }

    fn more(&self, spec: &WindowSpec, around: &Around) -> Option<Box<[f64]>> {
        Tally::more(self, spec, around)
    }

    fn heap_bytes(&self) -> usize {
        Tally::heap_bytes(self)
    }
}
