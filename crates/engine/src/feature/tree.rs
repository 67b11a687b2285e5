//! Sum, smallest and largest value of the values in a ring, of which nothing is ever taken back out.
//!
//! The ring is cut into blocks of sixteen values, with a tree over the folds of the blocks. In the block that is being written
//! over stand new values, and behind them what is left of the last lap: the fold of the new ones grows by one value a reading, and
//! those of what is left, from each place on, are worked out when the block is entered (van Herk 1992; Gil and Werman 1993). So
//! a reading takes two steps for each fold, and one in sixteen some forty more, with a past of a million twice as many. Nothing
//! is subtracted, so a sum of whole numbers is exact and an outlier leaves no trace; and each lap costs the same, whatever the
//! values are. (Two stacks, as in `folded`, need a ring for each fold, and all of it at once when they turn over. A monotonic
//! wedge, Lemire 2006, needs as much for a signal that only falls or rises.)

use super::Fold;

/// So many stand in a block, and under a node.
const EACH: usize = 16;

/// A ring of up to so many values is looked at whole.
const FEW: usize = 2 * EACH;

/// Which folds are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// The sum.
    pub sum: bool,
    /// The smallest value.
    pub least: bool,
    /// The largest value.
    pub most: bool,
}

/// What the values of a ring come to. It follows from them, so it is not saved.
///
/// The result of each fold; and once the ring is full and has more than a few values, for each fold a [`Block`], and then the
/// nodes of its levels, the lowest level first.
#[derive(Clone, Debug, Default)]
pub struct Tree(Box<[f64]>);

/// The block that is being written over: what all others come to, what the new values in it come to, and for each place what
/// the old ones behind it do.
type Block = [f64; BLOCK];

const BLOCK: usize = 2 + EACH;

const OTHERS: usize = 0;
const NEWER: usize = 1;
const OLDER: usize = 2;

impl Kinds {
    fn all(self) -> impl Iterator<Item = Fold> {
        let kinds = [(self.sum, Fold::Sum), (self.least, Fold::Least), (self.most, Fold::Most)];
        kinds.into_iter().filter_map(|(kept, fold)| kept.then_some(fold))
    }

    /// Whether nothing is kept.
    pub fn is_none(self) -> bool {
        self == Kinds::default()
    }

    /// Does something for each, with its place among them: for each in a piece of code of its own.
    #[inline(always)]
    fn for_each(self, mut work: impl FnMut(usize, Fold)) {
        if self.sum {
            work(0, Fold::Sum);
        }
        if self.least {
            work(self.place(Fold::Least), Fold::Least);
        }
        if self.most {
            work(self.place(Fold::Most), Fold::Most);
        }
    }

    /// How many are kept.
    #[inline]
    fn count(self) -> usize {
        usize::from(self.sum) + usize::from(self.least) + usize::from(self.most)
    }

    /// How many are kept before one.
    #[inline]
    pub fn place(self, fold: Fold) -> usize {
        match fold {
            Fold::Sum => 0,
            Fold::Least => usize::from(self.sum),
            Fold::Most => usize::from(self.sum) + usize::from(self.least),
        }
    }
}

impl Tree {
    /// Takes in that a value has come to a ring that grows, in order of their coming, up to `most` of them.
    #[cold]
    #[inline(never)]
    pub fn grow(&mut self, kinds: Kinds, values: &[f64], most: usize) {
        if values.len() >= most || self.0.len() != kinds.count() || values.len() < 2 {
            return self.build(kinds, values, most, values.len().saturating_sub(1));
        }
        if let Some(&value) = values.last() {
            for (fold, result) in kinds.all().zip(&mut self.0) {
                *result = fold.of(*result, value);
            }
        }
    }

    /// Makes all of it anew; the newest value stands at a place.
    #[cold]
    pub fn build(&mut self, kinds: Kinds, values: &[f64], most: usize, newest: usize) {
        let count = kinds.count();
        if values.len() < most || values.len() <= FEW {
            let folded = |fold: Fold| values.iter().copied().reduce(|a, b| fold.of(a, b)).unwrap_or(f64::NAN);
            self.0 = kinds.all().map(folded).collect();
            if values.len() >= most {
                self.fold_few(kinds, values);
            }
            return;
        }
        self.0 = vec![f64::NAN; count * (1 + BLOCK + nodes(values.len()))].into();
        let (_, _, levels) = self.parts(kinds);
        for (fold, own) in kinds.all().zip(levels.chunks_mut(nodes(values.len()))) {
            own.fill(fold.of_none());
            for (block, node) in values.chunks(EACH).zip(&mut *own) {
                *node = forward(fold, block);
            }
            for block in (0..above(values.len())).step_by(EACH) {
                climb(fold, own, values.len(), block, own[block]);
            }
        }
        // As if the block of the newest had been entered with the values that are in it now: those behind the newest are old.
        self.enter(kinds, values, newest);
        (newest - newest % EACH..=newest).for_each(|at| self.step(kinds, values[at], at));
    }

    /// Takes in that the value at a place of a full ring has become another: places change in their order, round and round.
    #[inline]
    pub fn change(&mut self, kinds: Kinds, values: &[f64], at: usize) {
        if values.len() <= FEW {
            return self.fold_few(kinds, values);
        }
        if at.is_multiple_of(EACH) {
            self.leave(kinds, values, at.checked_sub(1).unwrap_or(values.len() - 1));
            self.enter(kinds, values, at);
        }
        if let Some(&value) = values.get(at) {
            self.step(kinds, value, at);
        }
    }

    /// A block has been written over to its end, which stands at a place.
    #[inline(never)]
    fn leave(&mut self, kinds: Kinds, values: &[f64], at: usize) {
        let (_, blocks, levels) = self.parts(kinds);
        let each = nodes(values.len());
        kinds.for_each(|place, fold| {
            if let (Some(block), Some(own)) = (blocks.get(place), levels.get_mut(place * each..(place + 1) * each)) {
                climb(fold, own, values.len(), at / EACH, block[NEWER]);
            }
        });
    }

    /// The block that a place is in is written over from now on.
    #[inline(never)]
    fn enter(&mut self, kinds: Kinds, values: &[f64], at: usize) {
        let (_, blocks, levels) = self.parts(kinds);
        let each = nodes(values.len());
        let old = values.get(at - at % EACH..).unwrap_or_default();
        let old = old.get(..EACH).unwrap_or(old);
        kinds.for_each(|place, fold| {
            let (Some(block), Some(own)) = (blocks.get_mut(place), levels.get_mut(place * each..(place + 1) * each))
            else {
                return;
            };
            block[OTHERS] = climb(fold, own, values.len(), at / EACH, fold.of_none());
            block[NEWER] = fold.of_none();
            let mut behind = fold.of_none();
            for (older, &value) in block[OLDER..].iter_mut().zip(old).rev() {
                *older = behind;
                behind = fold.of(behind, value);
            }
        });
    }

    /// A new value stands in the block that is being written over.
    #[inline]
    fn step(&mut self, kinds: Kinds, value: f64, at: usize) {
        let (results, blocks, _) = self.parts(kinds);
        kinds.for_each(|place, fold| {
            if let (Some(result), Some(block)) = (results.get_mut(place), blocks.get_mut(place)) {
                block[NEWER] = fold.of(block[NEWER], value);
                *result = fold.of(fold.of(block[OTHERS], block[NEWER]), block[OLDER + at % EACH]);
            }
        });
    }

    #[inline(never)]
    fn fold_few(&mut self, kinds: Kinds, values: &[f64]) {
        kinds.for_each(|place, fold| {
            if let Some(result) = self.0.get_mut(place) {
                *result = together(values, |a, b| fold.of(a, b));
            }
        });
    }

    /// The results, the blocks, and the nodes of all levels.
    #[inline]
    fn parts(&mut self, kinds: Kinds) -> (&mut [f64], &mut [Block], &mut [f64]) {
        let count = kinds.count().min(self.0.len());
        let (results, rest) = self.0.split_at_mut(count);
        let (blocks, levels) = rest.split_at_mut((count * BLOCK).min(rest.len()));
        (results, blocks.as_chunks_mut().0, levels)
    }

    /// What all values together come to, by the [place](Kinds::place) of a fold; no number of none, and where it is not kept.
    #[inline]
    pub fn value(&self, place: usize) -> f64 {
        self.0.get(place).copied().unwrap_or(f64::NAN)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// Values of a block in their order.
fn forward(fold: Fold, values: &[f64]) -> f64 {
    values.iter().fold(fold.of_none(), |all, &value| fold.of(all, value))
}

/// Nodes of the lowest level over so many values or nodes: some more than there are, which say nothing, to be taken four at
/// a time.
#[inline(always)]
fn above(count: usize) -> usize {
    (count.wrapping_add(EACH - 1) / EACH + 3) & !3
}

/// Nodes of all levels over so many values.
#[inline(never)]
fn nodes(values: usize) -> usize {
    let mut level = above(values);
    let mut all = level;
    while level > EACH {
        level = above(level);
        all += level;
    }
    all
}

/// Tells the nodes over so many values what a block comes to now; gives what all of them do.
#[inline(always)]
fn climb(fold: Fold, nodes: &mut [f64], values: usize, block: usize, mut folded: f64) -> f64 {
    let of = |a, b| fold.of(a, b);
    let (mut place, mut from, mut count) = (block, 0, above(values));
    while let Some(level) = nodes.get_mut(from..from + count) {
        if let Some(node) = level.get_mut(place) {
            *node = folded;
        }
        if count <= EACH {
            return together(level, of);
        }
        place /= EACH;
        folded = group(level, place, of);
        (from, count) = (from + count, above(count));
    }
    f64::NAN
}

/// What stands under a node.
#[inline(always)]
fn group(level: &[f64], place: usize, of: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let from = level.get(place * EACH..).unwrap_or_default();
    match from.first_chunk::<EACH>() {
        Some(sixteen) => together(sixteen, of),
        None => together(from, of),
    }
}

/// Values as one. Each four by themselves, in a row: the processor does not wait for one before it begins the next, and
/// nothing invites the compiler to load two at once. One of them was stored a moment ago, and a load that is wider than the
/// store has to wait until that one is through.
#[inline(always)]
fn together(values: &[f64], of: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let four = |&[a, b, c, d]: &[f64; 4]| of(of(of(a, b), c), d);
    let (fours, rest) = values.as_chunks::<4>();
    let Some((first, others)) = fours.split_first() else {
        return rest.iter().copied().reduce(of).unwrap_or(f64::NAN);
    };
    let folded = others.iter().map(four).fold(four(first), of);
    rest.iter().copied().fold(folded, of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [Kinds; 3] = [
        Kinds { sum: true, least: true, most: true },
        Kinds { sum: false, least: true, most: true },
        Kinds { sum: true, least: false, most: false },
    ];

    proptest! {
        /// Of whole numbers, whose sums are exact in any order.
        #[test]
        fn folds_are_those_of_what_is_in_the_ring(
            most in prop_oneof![1usize..70, 250usize..700], values in prop::collection::vec(-1_000i32..1_000, 1..900),
            cut in 0usize..900,
        ) {
            for kinds in KINDS {
                let (mut tree, mut ring, mut next) = (Tree::default(), Vec::new(), 0);
                for (index, value) in values.iter().map(|&value| f64::from(value)).enumerate() {
                    if ring.len() < most {
                        ring.push(value);
                        tree.grow(kinds, &ring, most);
                    } else {
                        ring[next] = value;
                        tree.change(kinds, &ring, next);
                        next = (next + 1) % most;
                    }
                    let least = ring.iter().copied().fold(f64::INFINITY, f64::min);
                    let largest = ring.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    for (kept, fold, expected) in [
                        (kinds.sum, Fold::Sum, ring.iter().sum()),
                        (kinds.least, Fold::Least, least),
                        (kinds.most, Fold::Most, largest),
                    ] {
                        prop_assert!(!kept || tree.value(kinds.place(fold)) == expected, "{fold:?}");
                    }
                    if index == cut {
                        let newest = (next + ring.len() - 1) % ring.len();
                        tree = Tree::default();
                        tree.build(kinds, &ring, most, newest);
                    }
                }
            }
        }
    }

    /// Bit for bit, whatever was there before: what is made anew after a load is what was there.
    #[test]
    fn sums_of_any_numbers_depend_on_the_ring_alone() {
        let kinds = Kinds { sum: true, ..Kinds::default() };
        let (mut tree, mut ring) = (Tree::default(), Vec::new());
        for index in 0..1_000 {
            let value = f64::from(index * 7_919 % 1_009) / 7.0 - 50.0;
            match ring.len() {
                300 => {
                    ring[index as usize % 300] = value;
                    tree.change(kinds, &ring, index as usize % 300);
                }
                _ => {
                    ring.push(value);
                    tree.grow(kinds, &ring, 300);
                }
            }
            let mut other = Tree::default();
            other.build(kinds, &ring, 300, index as usize % 300);
            assert_eq!(other.value(0).to_bits(), tree.value(0).to_bits());
        }
        assert!(Tree::default().value(0).is_nan());
    }
}
