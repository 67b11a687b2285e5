//! Values in order, each with a weight: quantiles of many readings of which some were kept.
//!
//! A value of weight 3 says what three equal readings would say, so where all weights are 1 these are the quantiles of
//! `ranked.rs`. Equal values are one entry. They stand in sorted blocks of at most 128, each with its weight beside it: a value
//! costs a search among blocks, one inside, and a shift there; a quantile walks along the blocks. Blocks that have become
//! small are joined, so n values are in about n / 64 of them.

use crate::aggregate::between;

/// The most entries of a block.
const MOST: usize = 128;

/// Values with their weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weighted {
    /// None of them empty, each beginning where the one before it ends.
    blocks: Vec<Block>,
    /// Of all together.
    weight: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Block {
    entries: Vec<(f64, u64)>,
    weight: u64,
}

impl Weighted {
    /// All of these.
    pub fn of(values: impl IntoIterator<Item = (f64, u32)>) -> Weighted {
        let mut values: Vec<(f64, u32)> = values.into_iter().collect();
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut all = Weighted::default();
        for (value, weight) in values {
            all.insert(value, weight);
        }
        all
    }

    /// Takes a value in, or makes it weigh so much more.
    pub fn insert(&mut self, value: f64, weight: u32) {
        let (value, weight) = (value + 0.0, u64::from(weight));
        if value.is_nan() || weight == 0 {
            return;
        }
        self.weight += weight;
        let at = self.block_of(value);
        let Some(block) = self.blocks.get_mut(at) else {
            return self.blocks.push(Block { entries: vec![(value, weight)], weight });
        };
        block.weight += weight;
        let place = block.entries.partition_point(|entry| entry.0 < value);
        match block.entries.get_mut(place) {
            Some(entry) if entry.0 == value => entry.1 += weight,
            _ => block.entries.insert(place, (value, weight)),
        }
        if block.entries.len() > MOST {
            // What comes in order leaves full blocks behind.
            let behind = place == MOST;
            let entries = block.entries.split_off(if behind { MOST } else { MOST / 2 });
            let weight = entries.iter().map(|entry| entry.1).sum();
            block.weight -= weight;
            self.blocks.insert(at + 1, Block { entries, weight });
        }
    }

    /// Makes a value weigh so much less; what weighs nothing is gone. `false` if it does not weigh so much.
    pub fn remove(&mut self, value: f64, weight: u32) -> bool {
        let (value, weight) = (value + 0.0, u64::from(weight));
        let at = self.block_of(value);
        let Some(block) = self.blocks.get_mut(at) else { return false };
        let place = block.entries.partition_point(|entry| entry.0 < value);
        let Some(entry) = block.entries.get_mut(place).filter(|entry| entry.0 == value && entry.1 >= weight) else {
            return false;
        };
        entry.1 -= weight;
        block.weight -= weight;
        self.weight -= weight;
        if entry.1 == 0 {
            block.entries.remove(place);
            self.join(at);
        }
        true
    }

    /// A block that has become small goes to a neighbour that is small, too.
    fn join(&mut self, at: usize) {
        if self.blocks[at].entries.is_empty() {
            self.blocks.remove(at);
            return;
        }
        for lower in [at, at.saturating_sub(1)] {
            let together = self.blocks[lower..].iter().take(2).map(|block| block.entries.len()).sum::<usize>();
            if lower + 1 < self.blocks.len() && together <= MOST / 2 {
                let upper = self.blocks.remove(lower + 1);
                self.blocks[lower].entries.extend(upper.entries);
                self.blocks[lower].weight += upper.weight;
            }
        }
    }

    /// The block where a value is if it is anywhere, and where it belongs.
    fn block_of(&self, value: f64) -> usize {
        self.blocks.partition_point(|block| block.entries[0].0 <= value).saturating_sub(1)
    }

    /// A quantile, in hundred-thousandths, as if each value stood there as often as it weighs: by linear interpolation between
    /// the two nearest (type 7 of Hyndman and Fan 1996); NaN of none.
    pub fn quantile(&self, hundred_thousandths: u32) -> f64 {
        const WHOLE: u128 = 100_000;
        let place = u128::from(self.weight.saturating_sub(1)) * u128::from(hundred_thousandths).min(WHOLE);
        let (mut rank, part) = ((place / WHOLE) as u64, (place % WHOLE) as f64 / WHOLE as f64);
        for (at, block) in self.blocks.iter().enumerate() {
            if rank >= block.weight {
                rank -= block.weight;
                continue;
            }
            for (place, &(value, weight)) in block.entries.iter().enumerate() {
                if rank < weight {
                    let behind = || self.blocks.get(at + 1).and_then(|block| block.entries.first());
                    let next = block.entries.get(place + 1).or_else(behind).filter(|_| rank + 1 == weight);
                    return between(value, next.map_or(value, |next| next.0), part);
                }
                rank -= weight;
            }
        }
        f64::NAN
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| block.entries.capacity()).sum();
        blocks * size_of::<(f64, u64)>() + self.blocks.capacity() * size_of::<Block>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::Ranked;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_weight_is_so_many_equal_readings(
            values in prop::collection::vec((-400i32..400, 1u32..5), 1..900),
            left in prop::collection::vec(any::<prop::sample::Index>(), 0..800),
            q in 0u32..=100_000,
        ) {
            let mut values: Vec<(f64, u32)> = values.into_iter().map(|(value, n)| (f64::from(value) / 8.0, n)).collect();
            let mut weighted = Weighted::default();
            values.iter().for_each(|&(value, n)| weighted.insert(value, n));
            for index in left {
                if values.len() > 1 {
                    let (value, n) = values.swap_remove(index.index(values.len()));
                    prop_assert!(weighted.remove(value, n));
                }
            }
            prop_assert!(!weighted.remove(1e9, 1));
            let all = values.iter().flat_map(|&(value, n)| std::iter::repeat_n(value, n as usize));
            let expected = Ranked::of(all);
            prop_assert_eq!(weighted.quantile(q).to_bits(), expected.quantile(q).to_bits());
            prop_assert_eq!(Weighted::of(values.iter().copied()).quantile(q).to_bits(), expected.quantile(q).to_bits());
            prop_assert!(weighted.blocks.iter().all(|block| (1..=MOST).contains(&block.entries.len())));
            prop_assert!(weighted.blocks.windows(2).all(|two| two[0].entries.len() + two[1].entries.len() > MOST / 4));
            for (value, n) in values {
                prop_assert!(weighted.remove(value, n));
            }
            prop_assert_eq!(weighted, Weighted::default());
        }
    }
}
