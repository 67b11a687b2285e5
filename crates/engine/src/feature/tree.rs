//! Sum, smallest and largest value of the values in a ring: a tree over it, and nothing is ever taken back out.
//!
//! Up to sixteen values, or folds of them, stand under each node, and a value that takes the place of another changes one node
//! a level: 23 values are looked at of a past of 100, and 80 of one of a million. Nothing is subtracted, so a sum of whole
//! numbers is exact and an outlier leaves no trace; and each reading costs the same, whatever the values are. (Two stacks, as in
//! `folded`, need a ring for each fold, and all of it at once when they turn over; a monotonic wedge, Lemire 2006, guesses
//! wrong at every other reading of a noisy signal.)

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
/// For each fold in turn its result, and once the ring is full the nodes of each level behind it, the lowest level first.
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
        let full = values.len() >= most;
        let each = if full { 1 + nodes(values.len()) } else { 1 };
        self.0 = vec![f64::NAN; kinds.place(Fold::Sum).0 * each].into();
        for (fold, own) in kinds.all().zip(self.0.chunks_exact_mut(each)) {
            if full {
                (0..values.len()).step_by(EACH).for_each(|at| change(fold, values, own, at));
            } else {
                own[0] = values.iter().copied().reduce(|a, b| fold.of(a, b)).unwrap_or(f64::NAN);
            }
        }
    }

    /// Takes in that the value at a place of a full ring has become another.
    #[inline(never)]
    pub fn change(&mut self, kinds: Kinds, values: &[f64], at: usize) {
        let mut rest = &mut self.0[..];
        let each = rest.len() / kinds.place(Fold::Sum).0.max(1);
        for (kept, fold) in [(kinds.sum, Fold::Sum), (kinds.least, Fold::Least), (kinds.most, Fold::Most)] {
            if kept {
                let (own, others) = rest.split_at_mut(each);
                change(fold, values, own, at);
                rest = others;
            }
        }
    }

    /// What all values together come to; no number of none, and where it is not kept.
    #[inline]
    pub fn value(&self, kinds: Kinds, fold: Fold) -> f64 {
        let (count, before) = kinds.place(fold);
        let each = self.0.len() / count.max(1);
        self.0.get(before * each).copied().unwrap_or(f64::NAN)
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// Nodes over so many values.
fn nodes(values: usize) -> usize {
    let mut level = values.div_ceil(EACH);
    let mut all = level;
    while level > EACH {
        level = level.div_ceil(EACH);
        all += level;
    }
    all
}

/// The nodes above a place, from below.
#[inline]
fn change(fold: Fold, values: &[f64], own: &mut [f64], at: usize) {
    match fold {
        Fold::Sum => climb(values, own, at, |a, b| Fold::Sum.of(a, b)),
        Fold::Least => climb(values, own, at, |a, b| Fold::Least.of(a, b)),
        Fold::Most => climb(values, own, at, |a, b| Fold::Most.of(a, b)),
    }
}

#[inline]
fn climb(values: &[f64], own: &mut [f64], at: usize, of: impl Fn(f64, f64) -> f64 + Copy) {
    let Some((result, mut above)) = own.split_first_mut() else { return };
    let (mut place, mut count) = (at / EACH, values.len().div_ceil(EACH));
    let mut folded = group(values, place, of);
    loop {
        let Some((level, rest)) = above.split_at_mut_checked(count) else { return };
        if let Some(node) = level.get_mut(place) {
            *node = folded;
        }
        if count <= EACH {
            *result = together(level, of);
            return;
        }
        (place, count) = (place / EACH, count.div_ceil(EACH));
        folded = group(level, place, of);
        above = rest;
    }
}

/// What stands under a node.
#[inline]
fn group(level: &[f64], place: usize, of: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let from = level.get(place * EACH..).unwrap_or_default();
    match from.first_chunk::<EACH>() {
        Some(sixteen) => together(sixteen, of),
        None => together(from, of),
    }
}

/// Values as one; four at a time, because the processor does not wait for one before it begins the next.
#[inline(always)]
fn together(values: &[f64], of: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let (fours, rest) = values.as_chunks::<4>();
    let Some((&first, others)) = fours.split_first() else {
        return rest.iter().copied().reduce(of).unwrap_or(f64::NAN);
    };
    let mut lanes = first;
    for four in others {
        for (lane, value) in lanes.iter_mut().zip(four) {
            *lane = of(*lane, *value);
        }
    }
    let [a, b, c, d] = lanes;
    rest.iter().copied().fold(of(of(a, c), of(b, d)), of)
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
