//! A queue of panes that knows the sum of all of them: two stacks.
//!
//! Tangwongsan, Hirzel, Schneider and Wu 2015 ("General incremental sliding-window aggregation", two-stacks): `front`
//! holds sums from each pane to the newest of its stack, `back` the newer panes and their sum. The sum of all is one
//! merge; when `front` runs out, `back` is turned over into it, so each pane costs two or three merges in all, however
//! many there are. Panes only ever leave at the old end and come at the new one, but for what is late: that goes into
//! every sum it belongs to.

use crate::aggregate::{Around, Summary, Tally};
use crate::plan::WindowSpec;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What a pane is made of: grows by a reading, merges with what came later.
pub trait Part: Clone {
    /// Of no readings.
    fn empty(spec: &WindowSpec) -> Self;
    /// Takes in a good reading.
    fn add(&mut self, time: Time, value: f64);
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
    /// What else the window gives.
    fn more(&self, spec: &WindowSpec, around: &Around) -> Option<Box<[f64]>>;
    /// All of it, ready to be put beside that of other devices; none where only a summary is kept.
    fn tally(&self, spec: &WindowSpec, around: &Around) -> Option<Box<Tally>>;
    /// Bytes on the heap.
    fn heap_bytes(&self) -> usize;
}

/// Panes in two stacks, oldest to newest; `K` tells them apart and grows from pane to pane.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stacks<K, P> {
    /// The older panes, oldest last: key, and the sum from this pane to the newest of this stack.
    front: Vec<(K, P)>,
    /// The newer panes, oldest first.
    back: VecDeque<(K, P)>,
    /// The sum of `back`.
    back_sum: P,
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
        self.front.last().or(self.back.front()).map(|&(key, _)| key)
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
        match self.front.last() {
            Some((_, front)) if self.back.is_empty() => front.clone(),
            Some((_, front)) => {
                let mut sum = front.clone();
                sum.absorb(&self.back_sum);
                sum
            }
            None => self.back_sum.clone(),
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
                Some(&(key, _)) if gone(key) => self.front.pop(),
                _ => return,
            };
        }
    }

    fn turn_over(&mut self, spec: &WindowSpec) {
        self.front.reserve_exact(self.back.len());
        while let Some((key, mut sum)) = self.back.pop_back() {
            if let Some((_, newer)) = self.front.last() {
                sum.absorb(newer);
            }
            self.front.push((key, sum));
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
        let at = self.front.partition_point(|&(other, _)| other > key);
        if self.front.get(at).is_none_or(|&(other, _)| other != key) {
            let newer = if at == 0 { P::empty(spec) } else { self.front[at - 1].1.clone() };
            self.front.insert(at, (key, newer));
        }
        self.front[at..].iter_mut().for_each(|(_, sum)| into(sum));
    }

    /// The key of the newest pane at or before `key`.
    pub fn at_or_before(&self, key: K) -> Option<K> {
        let back = self.back.partition_point(|&(other, _)| other <= key);
        if back > 0 {
            return self.back.get(back - 1).map(|&(key, _)| key);
        }
        let front = self.front.partition_point(|&(other, _)| other > key);
        self.front.get(front).map(|&(key, _)| key)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let parts = self.front.iter().chain(&self.back).map(|(_, part)| part.heap_bytes()).sum::<usize>();
        (self.front.capacity() + self.back.capacity()) * size_of::<(K, P)>() + parts + self.back_sum.heap_bytes()
    }
}

impl Part for Summary {
    fn empty(_: &WindowSpec) -> Summary {
        Summary::EMPTY
    }

    #[inline(always)]
    fn add(&mut self, _: Time, value: f64) {
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

    fn more(&self, _: &WindowSpec, _: &Around) -> Option<Box<[f64]>> {
        None
    }

    fn tally(&self, _: &WindowSpec, _: &Around) -> Option<Box<Tally>> {
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
    fn add(&mut self, time: Time, value: f64) {
        Tally::add(self, time, value);
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

    fn more(&self, spec: &WindowSpec, around: &Around) -> Option<Box<[f64]>> {
        Tally::more(self, spec, around)
    }

    fn tally(&self, spec: &WindowSpec, around: &Around) -> Option<Box<Tally>> {
        let mut tally = Box::new(self.clone());
        tally.settle(spec, around);
        Some(tally)
    }

    fn heap_bytes(&self) -> usize {
        Tally::heap_bytes(self)
    }
}
