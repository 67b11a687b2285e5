//! Values in order, of which some leave and others come: any rank, any quantile, exactly.
//!
//! Up to 1 024 values stand in one sorted array. Where one leaves and another comes, which is all that a past by count ever
//! does, only what stands between the two places moves. More stand in blocks of at most 1 024, each with its smallest
//! value beside it: a value costs a search among blocks, one inside, and a shift there, so about √n up to a million.
//! Equal values are as good as each other, and so are 0.0 and −0.0: zeros have no sign here, so that no order in which
//! values came can be seen. What is no number is not taken.

use crate::aggregate::between;
use crate::checkpoint::floats;
use serde::{Deserialize, Serialize};

/// The most values in one array.
const MOST: usize = 1_024;

/// A block with fewer than this joins a neighbour.
const LEAST: usize = 192;

/// Values in order, as often as they were put in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "Saved", try_from = "Saved")]
pub struct Ranked {
    /// All of them, as long as they are few.
    few: Vec<f64>,
    /// All of them, once they are more.
    many: Option<Box<Blocks>>,
}

/// Sorted blocks, none of them empty, each beginning where the one before it ends.
#[derive(Clone, Debug, PartialEq)]
struct Blocks {
    blocks: Vec<Vec<f64>>,
    /// The smallest value of each.
    first: Vec<f64>,
    len: usize,
}

/// All values in order; what is read back may say anything.
#[derive(Serialize, Deserialize)]
struct Saved(#[serde(with = "floats")] Vec<f64>);

impl From<Ranked> for Saved {
    fn from(ranked: Ranked) -> Saved {
        Saved(ranked.iter().collect())
    }
}

impl TryFrom<Saved> for Ranked {
    type Error = &'static str;

    fn try_from(Saved(values): Saved) -> Result<Ranked, &'static str> {
        let sorted = values.iter().all(|value| !value.is_nan()) && values.is_sorted();
        if sorted { Ok(Ranked::of_sorted(values)) } else { Err("values that should stand in order do not") }
    }
}

impl Ranked {
    /// Nothing yet.
    pub fn new() -> Ranked {
        Ranked::default()
    }

    /// All of these.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Ranked {
        let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).map(unsigned).collect();
        values.sort_unstable_by(f64::total_cmp);
        Ranked::of_sorted(values)
    }

    fn of_sorted(values: Vec<f64>) -> Ranked {
        if values.len() <= MOST {
            return Ranked { few: values, many: None };
        }
        let blocks: Vec<Vec<f64>> = values.chunks(MOST / 2).map(<[f64]>::to_vec).collect();
        let first = blocks.iter().map(|block| block[0]).collect();
        Ranked { few: Vec::new(), many: Some(Box::new(Blocks { blocks, first, len: values.len() })) }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.many.as_ref().map_or(self.few.len(), |many| many.len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a value in.
    #[inline]
    pub fn insert(&mut self, value: f64) {
        let value = unsigned(value);
        if value.is_nan() {
            return;
        }
        match &mut self.many {
            Some(many) => many.insert(value),
            None if self.few.len() < MOST => {
                let at = below(&self.few, value);
                self.few.insert(at, value);
            }
            None => self.becomes_many(value),
        }
    }

    #[cold]
    fn becomes_many(&mut self, value: f64) {
        let upper = self.few.split_off(MOST / 2);
        let lower = std::mem::take(&mut self.few);
        let (first, len) = (vec![lower[0], upper[0]], MOST);
        let mut many = Blocks { blocks: vec![lower, upper], first, len };
        many.insert(value);
        self.many = Some(Box::new(many));
    }

    /// Takes one such value out; `false` if there is none.
    pub fn remove(&mut self, value: f64) -> bool {
        let value = unsigned(value);
        let Some(many) = &mut self.many else {
            let at = below(&self.few, value);
            let there = self.few.get(at) == Some(&value);
            if there {
                self.few.remove(at);
            }
            return there;
        };
        let there = many.remove(value);
        if many.blocks.len() == 1 {
            self.few = many.blocks.pop().unwrap_or_default();
            self.many = None;
        }
        there
    }

    /// One such value leaves and another comes. `false`: there is none, and nothing came either.
    #[inline]
    pub fn replace(&mut self, leaves: f64, comes: f64) -> bool {
        let (leaves, comes) = (unsigned(leaves), unsigned(comes));
        if comes.is_nan() {
            return false;
        }
        let Some(many) = &mut self.many else { return exchange(&mut self.few, leaves, comes) };
        let (from, to) = (many.place(leaves), many.place(comes));
        if from == to {
            let there = exchange(&mut many.blocks[from], leaves, comes);
            many.first[from] = many.blocks[from][0];
            return there;
        }
        let there = self.remove(leaves);
        if there {
            self.insert(comes);
        }
        there
    }

    /// The value with so many at or below it standing before it: 0 is the smallest.
    #[inline]
    pub fn nth(&self, rank: usize) -> Option<f64> {
        match &self.many {
            None => self.few.get(rank).copied(),
            Some(many) => many.pair(rank).map(|pair| pair.0),
        }
    }

    /// A quantile, in hundred-thousandths, by linear interpolation between the two nearest (type 7 of Hyndman and Fan 1996,
    /// the default of NumPy and R), as windows give it; NaN of no values.
    #[inline]
    pub fn quantile(&self, hundred_thousandths: u32) -> f64 {
        const WHOLE: u64 = 100_000;
        let (count, share) = (self.len() as u64, u64::from(hundred_thousandths).min(WHOLE));
        let place = count.saturating_sub(1) * share;
        let (low, part) = ((place / WHOLE) as usize, (place % WHOLE) as f64 / WHOLE as f64);
        let pair = match &self.many {
            None => self.few.get(low).map(|&value| (value, self.few.get(low + 1).copied().unwrap_or(value))),
            Some(many) => many.pair(low),
        };
        pair.map_or(f64::NAN, |(low, high)| between(low, high, part))
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        let blocks = self.many.iter().flat_map(|many| &many.blocks);
        self.few.iter().chain(blocks.flatten()).copied()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.few.clear();
        self.many = None;
    }

    /// Room for exactly so many values, where they are few: growing by doubling would take half as much again.
    pub fn reserve(&mut self, values: usize) {
        if self.many.is_none() {
            self.few.reserve_exact(values.min(MOST).saturating_sub(self.few.len()));
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let many = self.many.as_ref().map_or(0, |many| {
            let blocks: usize = many.blocks.iter().map(|block| block.capacity() * size_of::<f64>()).sum();
            let lists = many.blocks.capacity() * size_of::<Vec<f64>>() + many.first.capacity() * size_of::<f64>();
            size_of::<Blocks>() + blocks + lists
        });
        self.few.capacity() * size_of::<f64>() + many
    }
}

impl Blocks {
    /// The block where a value is if it is anywhere, and where it belongs.
    #[inline]
    fn place(&self, value: f64) -> usize {
        self.first.partition_point(|first| *first <= value).saturating_sub(1)
    }

    fn insert(&mut self, value: f64) {
        let mut at = self.place(value);
        if self.blocks[at].len() == MOST {
            // Before it grows: behind a block that had room for one more is room for as many again.
            let upper = self.blocks[at].split_off(MOST / 2);
            self.first.insert(at + 1, upper[0]);
            self.blocks.insert(at + 1, upper);
            at += usize::from(self.first[at + 1] <= value);
        }
        let block = &mut self.blocks[at];
        let place = below(block, value);
        block.insert(place, value);
        self.len += 1;
        self.first[at] = block[0];
    }

    fn remove(&mut self, value: f64) -> bool {
        let at = self.place(value);
        let block = &mut self.blocks[at];
        let place = below(block, value);
        if block.get(place) != Some(&value) {
            return false;
        }
        block.remove(place);
        self.len -= 1;
        if let Some(&first) = block.first() {
            self.first[at] = first;
        }
        if block.len() < LEAST && self.blocks.len() > 1 {
            self.join(at);
        }
        true
    }

    /// A block that has become small goes to its neighbour, where that one has room for it.
    fn join(&mut self, at: usize) {
        let lower = at.saturating_sub(1);
        let together = self.blocks[lower].len() + self.blocks[lower + 1].len();
        if together > MOST - LEAST && !self.blocks[at].is_empty() {
            return;
        }
        let upper = self.blocks.remove(lower + 1);
        self.first.remove(lower + 1);
        self.blocks[lower].extend(upper);
        self.first[lower] = self.blocks[lower][0];
    }

    /// The value of this rank, and the next one, or itself where it is the last.
    fn pair(&self, mut rank: usize) -> Option<(f64, f64)> {
        for (at, block) in self.blocks.iter().enumerate() {
            if let Some(&value) = block.get(rank) {
                let next = block.get(rank + 1).or_else(|| self.first.get(at + 1));
                return Some((value, next.copied().unwrap_or(value)));
            }
            rank -= block.len();
        }
        None
    }
}

/// How many values of a sorted list are smaller. (The search of the standard library does not branch.)
#[inline]
fn below(sorted: &[f64], value: f64) -> usize {
    sorted.partition_point(|other| *other < value)
}

/// One such value of a sorted list leaves and another comes: only what stands between them moves.
#[inline]
fn exchange(sorted: &mut [f64], leaves: f64, comes: f64) -> bool {
    let (from, to) = (below(sorted, leaves), below(sorted, comes));
    if sorted.get(from) != Some(&leaves) {
        return false;
    }
    if to > from {
        sorted.copy_within(from + 1..to, from);
        sorted[to - 1] = comes;
    } else {
        sorted.copy_within(to..from, to + 1);
        sorted[to] = comes;
    }
    true
}

/// A zero without its sign; every other value as it is.
#[inline]
fn unsigned(value: f64) -> f64 {
    value + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Sketch;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(f64),
        Remove(usize),
        RemoveOther(f64),
        Replace(usize, f64),
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            5 => (-20i32..20).prop_map(|v| f64::from(v) * 0.5),
            5 => -1e6f64..1e6,
            1 => Just(-0.0),
            1 => Just(f64::MAX),
            1 => Just(f64::MIN),
        ]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => value().prop_map(Step::Insert),
            2 => any::<usize>().prop_map(Step::Remove),
            1 => value().prop_map(Step::RemoveOther),
            3 => (any::<usize>(), value()).prop_map(|(at, value)| Step::Replace(at, value)),
        ];
        prop::collection::vec(step, 0..400)
    }

    /// Does the steps to the list and to a plain one, which is sorted anew each time.
    fn play(ranked: &mut Ranked, plain: &mut Vec<f64>, steps: &[Step]) {
        for step in steps {
            match *step {
                Step::Insert(value) => {
                    ranked.insert(value);
                    plain.push(value + 0.0);
                }
                Step::Remove(at) if !plain.is_empty() => assert!(ranked.remove(plain.swap_remove(at % plain.len()))),
                Step::Replace(at, value) if !plain.is_empty() => {
                    let at = at % plain.len();
                    let leaves = std::mem::replace(&mut plain[at], value + 0.0);
                    assert!(ranked.replace(leaves, value));
                }
                Step::RemoveOther(value) => {
                    let at = plain.iter().position(|other| *other == value);
                    assert_eq!(ranked.remove(value), at.is_some());
                    at.map(|at| plain.remove(at));
                }
                Step::Remove(_) | Step::Replace(..) => {}
            }
        }
    }

    fn sound(ranked: &Ranked) {
        let Some(many) = &ranked.many else { return assert!(ranked.few.len() <= MOST) };
        assert!(ranked.few.is_empty() && many.blocks.len() > 1);
        assert_eq!(many.len, many.blocks.iter().map(Vec::len).sum::<usize>());
        assert!(many.blocks.iter().all(|block| (1..=MOST).contains(&block.len())));
        assert_eq!(many.first, many.blocks.iter().map(|block| block[0]).collect::<Vec<_>>());
    }

    fn same(ranked: &Ranked, plain: &[f64]) {
        sound(ranked);
        let mut sorted = plain.to_vec();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(
            ranked.iter().map(f64::to_bits).collect::<Vec<_>>(),
            sorted.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        );
        assert_eq!(ranked.len(), sorted.len());
        let ranks = [0, 1, sorted.len() / 2, sorted.len().saturating_sub(1), sorted.len()];
        ranks.iter().for_each(|&rank| assert_eq!(ranked.nth(rank), sorted.get(rank).copied()));
    }

    proptest! {
        #[test]
        fn a_few_values_stand_in_order_whatever_comes_and_goes(steps in steps()) {
            let (mut ranked, mut plain) = (Ranked::new(), Vec::new());
            play(&mut ranked, &mut plain, &steps);
            same(&ranked, &plain);
        }

        #[test]
        fn many_values_stand_in_order_whatever_comes_and_goes(
            start in prop_oneof![Just(MOST), Just(MOST - 3), Just(5 * MOST)], kind in 0u8..3, steps in steps(),
        ) {
            let mut plain: Vec<f64> = (0..start).map(|i| match kind {
                0 => 1.0,
                1 => (i * 7919 % 4001) as f64,
                _ => (i % 5) as f64,
            }).collect();
            let mut ranked = Ranked::new();
            plain.iter().for_each(|&value| ranked.insert(value));
            play(&mut ranked, &mut plain, &steps);
            same(&ranked, &plain);
        }

        #[test]
        fn quantiles_are_those_that_windows_give(values in prop::collection::vec(value(), 1..300), q in 1u32..100_000) {
            let mut sketch = Sketch::default();
            values.iter().for_each(|&value| sketch.add(value + 0.0));
            prop_assert_eq!(Ranked::of(values).quantile(q).to_bits(), sketch.ranked().quantile(q).to_bits());
        }

        #[test]
        fn it_goes_on_after_it_was_saved(before in steps(), after in steps(), many in any::<bool>()) {
            let mut plain: Vec<f64> = (0..if many { 3_000 } else { 0 }).map(f64::from).collect();
            let mut ranked = Ranked::of(plain.iter().copied());
            play(&mut ranked, &mut plain, &before);
            let mut back: Ranked = postcard::from_bytes(&postcard::to_allocvec(&ranked).unwrap()).unwrap();
            play(&mut back, &mut plain, &after);
            same(&back, &plain);
        }
    }

    #[test]
    fn it_empties_as_it_was_filled() {
        let mut ranked = Ranked::new();
        (0..20_000).for_each(|i| ranked.insert(f64::from(i * 7_919 % 20_011)));
        sound(&ranked);
        assert_eq!(ranked.len(), 20_000);
        for i in 0..20_000 {
            assert!(ranked.remove(f64::from(i * 7_919 % 20_011)));
            if i % 500 == 0 {
                sound(&ranked);
            }
        }
        assert!(ranked.is_empty() && ranked.quantile(50_000).is_nan() && ranked.nth(0).is_none());
    }

    #[test]
    fn what_is_no_number_is_not_taken() {
        let mut ranked = Ranked::of([2.0, f64::NAN, 1.0]);
        ranked.insert(f64::NAN);
        assert!(!ranked.replace(1.0, f64::NAN) && !ranked.remove(f64::NAN));
        assert_eq!(ranked.iter().collect::<Vec<_>>(), [1.0, 2.0]);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        for values in [vec![2.0, 1.0], vec![1.0, f64::NAN]] {
            let bytes = postcard::to_allocvec(&Saved(values)).unwrap();
            assert!(postcard::from_bytes::<Ranked>(&bytes).is_err());
        }
    }

    #[test]
    fn a_million_values_cost_a_search_and_a_shift() {
        let value = |i: i64| (i * 7_919 % 1_000_003) as f64;
        let mut ranked = Ranked::of((0..1_000_000).map(value));
        for i in 0..20_000 {
            assert!(ranked.replace(value(i), i as f64 + 0.5));
        }
        sound(&ranked);
        let blocks = ranked.many.as_ref().map_or(0, |many| many.blocks.len());
        assert!(blocks < 4_000, "{blocks}");
    }
}
