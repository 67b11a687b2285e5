//! Sum, smallest and largest value of the values in a ring: a tree over it, and nothing is ever taken back out.
//!
//! Up to sixteen values, or folds of them, stand under each node, and a value that takes the place of another changes one node
//! a level: 23 values are looked at of a past of 100, and 80 of one of a million. Nothing is subtracted, so a sum of whole
//! numbers is exact and an outlier leaves no trace; and each reading costs the same, whatever the values are. (Two stacks, as
//! in `folded`, need a ring for each fold, and all of it at once when they turn over. A monotonic wedge, Lemire 2006, needs as
//! much for a signal that only falls or rises.)

use super::Fold;

/// So many stand under a node.
const EACH: usize = 16;

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
/// The result of each fold, and once the ring is full for each fold the nodes of its levels, the lowest level first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree(Box<[f64]>);

impl Kinds {
    fn all(self) -> impl Iterator<Item = Fold> {
        let kinds = [(self.sum, Fold::Sum), (self.least, Fold::Least), (self.most, Fold::Most)];
        kinds.into_iter().filter_map(|(kept, fold)| kept.then_some(fold))
    }

    /// Whether nothing is kept.
    pub fn is_none(self) -> bool {
        self == Kinds::default()
    }

    /// How many are kept, and how many of them stand before one.
    fn place(self, fold: Fold) -> (usize, usize) {
        let (sum, least, most) = (usize::from(self.sum), usize::from(self.least), usize::from(self.most));
        let before = match fold {
            Fold::Sum => 0,
            Fold::Least => sum,
            Fold::Most => sum + least,
        };
        (sum + least + most, before)
    }
}

impl Tree {
    /// Takes in that a value has come to a ring that grows, in order of their coming, up to `most` of them.
    #[cold]
    #[inline(never)]
    pub fn grow(&mut self, kinds: Kinds, values: &[f64], most: usize) {
        if values.len() >= most || self.0.len() != kinds.place(Fold::Sum).0 || values.len() < 2 {
            return self.build(kinds, values, most);
        }
        if let Some(&value) = values.last() {
            for (fold, result) in kinds.all().zip(&mut self.0) {
                *result = fold.of(*result, value);
            }
        }
    }

    /// Makes all of it anew.
    #[cold]
    pub fn build(&mut self, kinds: Kinds, values: &[f64], most: usize) {
        let (count, full) = (kinds.place(Fold::Sum).0, values.len() >= most);
        self.0 = vec![f64::NAN; count * if full { 1 + nodes(values.len()) } else { 1 }].into();
        if !full {
            for (fold, result) in kinds.all().zip(&mut self.0) {
                *result = values.iter().copied().reduce(|a, b| fold.of(a, b)).unwrap_or(f64::NAN);
            }
            return;
        }
        for (fold, own) in kinds.all().zip(self.0[count..].chunks_mut(nodes(values.len()).max(1))) {
            own.fill(fold.of_none());
        }
        (0..values.len()).step_by(EACH).for_each(|at| self.change(kinds, values, at));
    }

    /// Takes in that the value at a place of a full ring has become another.
    #[inline(never)]
    pub fn change(&mut self, kinds: Kinds, values: &[f64], at: usize) {
        let (lowest, mut from) = (above(values.len()), kinds.place(Fold::Sum).0);
        let (each, mut result) = (if lowest <= EACH { lowest } else { nodes(values.len()) }, 0);
        if kinds.sum {
            self.change_one(result, from, each, |nodes| climb(values, nodes, lowest, at, |a, b| Fold::Sum.of(a, b)));
            (result, from) = (result + 1, from + each);
        }
        if kinds.least {
            self.change_one(result, from, each, |nodes| climb(values, nodes, lowest, at, |a, b| Fold::Least.of(a, b)));
            (result, from) = (result + 1, from + each);
        }
        if kinds.most {
            self.change_one(result, from, each, |nodes| climb(values, nodes, lowest, at, |a, b| Fold::Most.of(a, b)));
        }
    }

    #[inline(always)]
    fn change_one(&mut self, result: usize, from: usize, each: usize, climb: impl FnOnce(&mut [f64]) -> f64) {
        let Some(nodes) = self.0.get_mut(from..from + each) else { return };
        let folded = climb(nodes);
        if let Some(result) = self.0.get_mut(result) {
            *result = folded;
        }
    }

    /// What all values together come to; no number of none, and where it is not kept.
    #[inline]
    pub fn value(&self, kinds: Kinds, fold: Fold) -> f64 {
        self.0.get(kinds.place(fold).1).copied().unwrap_or(f64::NAN)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
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

/// The nodes above a place, from below; gives what all values come to.
#[inline(always)]
fn climb(values: &[f64], nodes: &mut [f64], lowest: usize, at: usize, of: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let (mut place, mut from, mut count) = (at / EACH, 0, lowest);
    let mut folded = group(values, place, of);
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
                        prop_assert!(!kept || tree.value(kinds, fold) == expected, "{fold:?}");
                    }
                    if index == cut {
                        let mut other = Tree::default();
                        other.build(kinds, &ring, most);
                        prop_assert_eq!(&other, &tree);
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
            other.build(kinds, &ring, 300);
            assert_eq!(other.value(kinds, Fold::Sum).to_bits(), tree.value(kinds, Fold::Sum).to_bits());
        }
        assert!(Tree::default().value(kinds, Fold::Sum).is_nan());
    }
}
