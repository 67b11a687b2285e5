//! Quantiles of many values in few bytes: the sketch of Karnin, Lang and Liberty (2016), exact up to 1 024 values.
//!
//! Values stand on levels; one on level h stands for 2^h. When there is no more room, the lowest level that has more
//! than its share is sorted, every second value goes up and the others go. Which half goes up is drawn for every first
//! time on a level and is the other half the next time, so that errors cancel in pairs (Ivkin, Liberty, Lang, Karnin,
//! Braverman 2019). The draws come from a counter in the state and not from chance: the same values in the same order
//! give the same bits. A level that has room to spare lends it to the others ("lazy", as in Apache DataSketches).
//!
//! All levels stand in one list, the highest first:
//!
//! ```text
//! | level 2, sorted | level 1, sorted | level 0, as the values came |
//! ```
//!
//! The error and the bytes are those that the tests measured; `examples/tally_speed.rs` measures the time.

use crate::checkpoint::floats;
use serde::{Deserialize, Serialize};

/// Room of the highest level, and the most values of which quantiles are exact.
pub const EXACT: usize = 1_024;

/// Room of the lowest levels. The paper lets it shrink to 2; with 64 a sort has something to do, for 3 KiB more.
const LEAST: u32 = 64;

/// The most levels. Room for 10^17 values: three thousand years of a million a second.
const LEVELS: usize = 48;

/// Room of a level that has so many above it: two thirds of the one above.
const ROOM: [u32; LEVELS] = {
    let mut room = [LEAST; LEVELS];
    let (mut at, mut share) = (0, EXACT as u32);
    while at < LEVELS && share > LEAST {
        room[at] = share;
        share = share * 2 / 3;
        at += 1;
    }
    room
};

/// Some values, of which the quantiles are known nearly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Saved")]
pub struct Sketch {
    /// The highest level first.
    #[serde(with = "floats")]
    values: Vec<f64>,
    /// How many values stand on each level above the lowest, from below.
    above: Vec<u32>,
    draws: Draws,
    /// Room of all levels together. Not saved: it follows from the number of levels.
    #[serde(skip_serializing)]
    room: usize,
}

/// Which half goes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Draws {
    /// How often one was drawn.
    count: u64,
    /// Levels whose next half is already decided, a bit each.
    decided: u64,
    /// Which half that is.
    upper: u64,
}

/// What is read back; it may say anything.
#[derive(Deserialize)]
struct Saved {
    #[serde(with = "floats")]
    values: Vec<f64>,
    above: Vec<u32>,
    draws: Draws,
}

impl TryFrom<Saved> for Sketch {
    type Error = &'static str;

    fn try_from(saved: Saved) -> Result<Sketch, &'static str> {
        let Saved { values, above, draws } = saved;
        if above.len() >= LEVELS {
            return Err("a sketch has more levels than there are");
        }
        let room = room(above.len() + 1);
        if above.iter().map(|&count| count as usize).sum::<usize>() > values.len() || values.len() > room {
            return Err("a sketch has more values than it has room for");
        }
        let sketch = Sketch { values, above, draws, room };
        // Levels are merged as sorted lists.
        for level in 1..=sketch.above.len() {
            let (from, to) = sketch.place(level);
            if !sketch.values[from..to].is_sorted_by(|a, b| a.total_cmp(b).is_le()) {
                return Err("a level of a sketch is not sorted");
            }
        }
        Ok(sketch)
    }
}

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch { values: Vec::new(), above: Vec::new(), draws: Draws::default(), room: EXACT }
    }
}

impl Sketch {
    /// Takes in a value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        if self.values.len() >= self.room {
            self.compact();
        }
        self.values.push(value);
    }

    /// Takes in all values of another one.
    pub fn merge(&mut self, other: &Sketch) {
        if other.above.is_empty() {
            return other.values.iter().for_each(|&value| self.add(value));
        }
        let levels = self.above.len().max(other.above.len());
        let mut values = Vec::with_capacity(self.values.len() + other.values.len());
        let mut above = vec![0; levels];
        for level in (1..=levels).rev() {
            let before = values.len();
            merge_sorted(self.level(level), other.level(level), &mut values);
            above[level - 1] = (values.len() - before) as u32;
        }
        values.extend_from_slice(self.level(0));
        values.extend_from_slice(other.level(0));
        // Two that drew the same so far must not go on drawing the same.
        self.draws.count = self.draws.count.wrapping_add(other.draws.count).wrapping_add(1);
        (self.values, self.above, self.room) = (values, above, room(levels + 1));
        while self.values.len() > self.room {
            self.compact();
        }
        self.values.shrink_to(self.room);
    }

    /// Forgets all values, and keeps its room.
    pub fn clear(&mut self) {
        self.values.clear();
        self.above.clear();
        (self.draws, self.room) = (Draws::default(), EXACT);
    }

    /// Where a level stands.
    fn place(&self, level: usize) -> (usize, usize) {
        let from = self.above.iter().skip(level).map(|&count| count as usize).sum();
        let end = match level {
            0 => self.values.len(),
            _ => from + self.above.get(level - 1).map_or(0, |&count| count as usize),
        };
        (from, end)
    }

    fn level(&self, level: usize) -> &[f64] {
        let (from, end) = self.place(level);
        &self.values[from..end]
    }

    /// Makes room: the lowest level that has more than its share gives half of its values up.
    #[cold]
    #[inline(never)]
    fn compact(&mut self) {
        let top = self.above.len();
        let full = |&level: &usize| self.level(level).len() >= ROOM[top - level] as usize;
        let level = (0..=top).find(full).unwrap_or(0);
        let (from, end) = self.place(level);
        if level == 0 {
            self.values[from..end].sort_unstable_by(f64::total_cmp);
        }
        // There is no level above the last one; its values lose half of their weight, which nobody lives to see.
        let rises = level + 1 < LEVELS;
        if level == top && rises {
            self.above.push(0);
            self.room = room(top + 2);
        }
        // Of an odd number the smallest stays, so that the others stand for as many as before.
        let stays = if rises { (end - from) % 2 } else { 0 };
        let kept = self.values[from];
        let half = (end - from) / 2;
        let upper = usize::from(self.draw(level));
        for i in (0..half).rev() {
            self.values[end - half + i] = self.values[from + stays + 2 * i + upper];
        }
        let above = self.above.get(level).map_or(0, |&count| count as usize);
        merge_up(&mut self.values[from - above..end], above, half);
        if stays == 1 {
            self.values[from + half] = kept;
        }
        self.values.copy_within(end.., from + half + stays);
        self.values.truncate(self.values.len() - (end - from) + half + stays);
        if let Some(count) = self.above.get_mut(level) {
            *count += half as u32;
        }
        if level > 0 {
            self.above[level - 1] = if rises { stays } else { half } as u32;
        }
        // Exactly what there is room for: growing by doubling would take half as much again.
        self.values.reserve_exact(self.room.saturating_sub(self.values.len()));
    }

    /// Whether the upper half goes up from this level.
    fn draw(&mut self, level: usize) -> bool {
        let bit = 1 << level;
        if self.draws.decided & bit != 0 {
            self.draws.decided &= !bit;
            return self.draws.upper & bit != 0;
        }
        self.draws.count = self.draws.count.wrapping_add(1);
        let upper = mix(self.draws.count) & 1 == 1;
        self.draws.decided |= bit;
        self.draws.upper = if upper { self.draws.upper & !bit } else { self.draws.upper | bit };
        upper
    }

    /// For how many values it stands.
    pub fn count(&self) -> u64 {
        (0..=self.above.len()).map(|level| (self.level(level).len() as u64) << level).sum()
    }

    /// Its values in order, to ask for quantiles.
    pub fn ranked(&self) -> Ranked {
        let mut values: Vec<(f64, u64)> = Vec::with_capacity(self.values.len());
        for level in (0..=self.above.len()).rev() {
            values.extend(self.level(level).iter().map(|&value| (value, 1 << level)));
        }
        // The stable sort takes sorted stretches as they are and merges them.
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut rank = 0;
        for (_, last) in &mut values {
            rank += *last;
            *last = rank;
        }
        Ranked { values, exact: self.above.is_empty() }
    }

    /// Bytes on the heap: 8 KiB at most while it is exact, 27 KiB at ten million values, never more than 44 KiB.
    pub fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<f64>() + self.above.capacity() * size_of::<u32>()
    }
}

/// The values of a sketch in order.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// Each with the rank, from 1, of the last value that it stands for.
    values: Vec<(f64, u64)>,
    exact: bool,
}

impl Ranked {
    /// A quantile, in hundred-thousandths; NaN of no values.
    ///
    /// Up to 1 024 values it is exact: linear interpolation between the two nearest (type 7 of Hyndman and Fan 1996, the
    /// default of NumPy and R). Beyond that it is the value at the rank, the smallest one that at least this share of all
    /// values does not exceed.
    pub fn quantile(&self, hundred_thousandths: u32) -> f64 {
        const WHOLE: u64 = 100_000;
        let (Some(&(_, count)), share) = (self.values.last(), u64::from(hundred_thousandths).min(WHOLE)) else {
            return f64::NAN;
        };
        if self.exact {
            let place = (count - 1) * share;
            let low = (place / WHOLE) as usize;
            let high = (low + 1).min(self.values.len() - 1);
            return between(self.values[low].0, self.values[high].0, (place % WHOLE) as f64 / WHOLE as f64);
        }
        let rank = (u128::from(count) * u128::from(share)).div_ceil(u128::from(WHOLE)) as u64;
        let at = self.values.partition_point(|&(_, last)| last < rank);
        self.values[at.min(self.values.len() - 1)].0
    }
}

/// From `low` towards `high`, as NumPy does it: monotone in `share`, and exact where both are equal.
fn between(low: f64, high: f64, share: f64) -> f64 {
    let step = high - low;
    if !step.is_finite() {
        return low * (1.0 - share) + high * share;
    }
    if share < 0.5 { low + step * share } else { high - step * (1.0 - share) }
}

/// Room of so many levels together.
fn room(levels: usize) -> usize {
    ROOM[..levels].iter().map(|&room| room as usize).sum()
}

/// Two sorted lists as one, behind what is already there.
fn merge_sorted(mut a: &[f64], mut b: &[f64], into: &mut Vec<f64>) {
    while let (Some(&x), Some(&y)) = (a.first(), b.first()) {
        if x.total_cmp(&y).is_le() {
            into.push(x);
            a = &a[1..];
        } else {
            into.push(y);
            b = &b[1..];
        }
    }
    into.extend_from_slice(a);
    into.extend_from_slice(b);
}

/// Merges a sorted list at the beginning with one of `half` values at the end, where at least as many places stand between
/// them as the latter has values; the result stands at the beginning. From the largest down, so that nothing is
/// overwritten that was not read.
fn merge_up(values: &mut [f64], mut above: usize, half: usize) {
    let (mut left, mut rising) = (half, values.len());
    while left > 0 {
        let to = above + left - 1;
        if above > 0 && values[above - 1].total_cmp(&values[rising - 1]).is_gt() {
            values[to] = values[above - 1];
            above -= 1;
        } else {
            values[to] = values[rising - 1];
            (rising, left) = (rising - 1, left - 1);
        }
    }
}

/// Evenly spread bits of a number (SplitMix64: Steele, Lea, Flood 2014).
fn mix(number: u64) -> u64 {
    let z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
