//! Readings of one series, in order of arrival, in few bytes.
//!
//! Gorilla's idea (Pelkonen et al., VLDB 2015: store what differs from what was to be expected) in whole bytes instead
//! of bits, because appending is what must be cheap. A point is
//!
//! ```text
//! head   bits 0-1  value: 0 as the last one, 1 decimal step, 2 bytes of the double, 3 decimal with another exponent
//!        bit  2    the step of time is as the last one
//!        bit  3    the step of the number is as the last one
//!        bits 4-6  mark: quality, late
//!        bit  7    of the double only the five upper bytes: all that a 32-bit float has
//! time   zigzag varint: change of the step, in µs                   unless bit 2
//! seq    zigzag varint: change of the step                          unless bit 3
//! value  nothing | varint step | 5 or 8 bytes | exponent, varint
//! ```
//! Sensors report decimals: 22.51 is 2251 with exponent 2, and the next one is a step of a few away. A double that no
//! exponent up to 6 gives back bit by bit is stored as it is.

use crate::points::{Mark, Point, Stretch};

/// Points of a chunk. A shorter one repeats its first, long point more often; of a longer one a reader decodes more
/// than it asked for, and its open end is copied under the lock: some 3 KiB.
pub(crate) const CHUNK: u32 = 512;

const SAME: u8 = 0;
const STEP: u8 = 1;
const DOUBLE: u8 = 2;
const DECIMAL: u8 = 3;
const SAME_TIME_STEP: u8 = 1 << 2;
const SAME_SEQ_STEP: u8 = 1 << 3;
const SHORT: u8 = 1 << 7;

const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

/// After a value that is no decimal, this many are not tried: most series have either only decimals or none.
const PATIENCE: u8 = 15;

/// What both sides know after each point.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    time: i64,
    time_step: i64,
    seq: i64,
    seq_step: i64,
    bits: u64,
    decimal: i64,
    exponent: u8,
}

/// Points that cannot change any more.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    bytes: Box<[u8]>,
    pub(crate) count: u32,
    /// Smallest and largest time.
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// A chunk that is being written.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    bytes: Vec<u8>,
    count: u32,
    first: i64,
    last: i64,
    state: Last,
    patience: u8,
}

impl Default for Open {
    fn default() -> Open {
        Open { bytes: Vec::new(), count: 0, first: i64::MAX, last: i64::MIN, state: Last::default(), patience: 0 }
    }
}

impl Open {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of memory behind it.
    pub(crate) fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// Smallest and largest time.
    pub(crate) fn span(&self) -> (i64, i64) {
        (self.first, self.last)
    }

    /// Adds a point; gives a chunk each time one is full.
    #[inline]
    pub(crate) fn push(&mut self, point: &Point) -> Option<Chunk> {
        // One check of room for all parts of a point: head, two varints, exponent, value.
        let mut part = [0u8; 40];
        let mut at = 1;
        let state = &mut self.state;
        let mut head = point.mark.0 << 4;
        let time_step = point.time.wrapping_sub(state.time);
        if time_step == state.time_step {
            head |= SAME_TIME_STEP;
        } else {
            at = put(&mut part, at, zigzag(time_step.wrapping_sub(state.time_step)));
        }
        let seq_step = (point.seq as i64).wrapping_sub(state.seq);
        if seq_step == state.seq_step {
            head |= SAME_SEQ_STEP;
        } else {
            at = put(&mut part, at, zigzag(seq_step.wrapping_sub(state.seq_step)));
        }
        (state.time, state.time_step) = (point.time, time_step);
        (state.seq, state.seq_step) = (point.seq as i64, seq_step);
        let (form, end) = value(point.value, state, &mut self.patience, &mut part, at);
        part[0] = head | form;
        self.bytes.extend_from_slice(&part[..end]);
        self.count += 1;
        self.first = self.first.min(point.time);
        self.last = self.last.max(point.time);
        (self.count == CHUNK).then(|| self.seal())
    }

    /// What there is so far, as a chunk; the next one begins.
    pub(crate) fn seal(&mut self) -> Chunk {
        let chunk = self.copy();
        let bytes = std::mem::take(&mut self.bytes);
        *self = Open { bytes, patience: self.patience, ..Open::default() };
        self.bytes.clear();
        chunk
    }

    /// What there is so far, as a chunk of its own.
    pub(crate) fn copy(&self) -> Chunk {
        Chunk { bytes: self.bytes.as_slice().into(), count: self.count, first: self.first, last: self.last }
    }
}

#[inline]
fn value(value: f64, state: &mut Last, patience: &mut u8, part: &mut [u8; 40], at: usize) -> (u8, usize) {
    let bits = value.to_bits();
    if bits == state.bits {
        return (SAME, at);
    }
    state.bits = bits;
    if *patience == 0 {
        if let Some(decimal) = decimal(value, state.exponent) {
            let step = decimal - state.decimal;
            state.decimal = decimal;
            return (STEP, put(part, at, zigzag(step)));
        }
        for exponent in 0..POWERS.len() as u8 {
            if let Some(decimal) = decimal(value, exponent) {
                (state.decimal, state.exponent) = (decimal, exponent);
                part[at] = exponent;
                return (DECIMAL, put(part, at + 1, zigzag(decimal)));
            }
        }
        *patience = PATIENCE;
    } else {
        *patience -= 1;
    }
    if bits.trailing_zeros() >= 24 {
        part[at..at + 5].copy_from_slice(&bits.to_be_bytes()[..5]);
        return (DOUBLE | SHORT, at + 5);
    }
    part[at..at + 8].copy_from_slice(&bits.to_be_bytes());
    (DOUBLE, at + 8)
}

/// The whole number that is `value` with its point moved, if going back gives the same bits.
#[inline]
fn decimal(value: f64, exponent: u8) -> Option<i64> {
    let power = POWERS[usize::from(exponent)];
    let moved = value * power;
    // Beyond 2^53 whole numbers have gaps. The comparison is false for NaN, too.
    if !(-9e15..9e15).contains(&moved) {
        return None;
    }
    // The cast cuts towards zero, so a half is added first; a zero with a sign has other bits and is no decimal.
    let whole = (moved + 0.5f64.copysign(moved)) as i64;
    ((whole as f64 / power).to_bits() == value.to_bits()).then_some(whole)
}

impl Chunk {
    /// Bytes of memory behind it.
    pub(crate) fn room(&self) -> usize {
        self.bytes.len()
    }

    /// Whether any of its points may be inside.
    pub(crate) fn meets(&self, stretch: Stretch) -> bool {
        stretch.meets(self.first, self.last)
    }

    /// Its points, in order of arrival.
    pub(crate) fn points(&self) -> ChunkPoints<'_> {
        ChunkPoints { bytes: &self.bytes, left: self.count, state: Last::default() }
    }
}

/// The points of a chunk.
pub(crate) struct ChunkPoints<'a> {
    bytes: &'a [u8],
    left: u32,
    state: Last,
}

impl ChunkPoints<'_> {
    fn byte(&mut self) -> u8 {
        let (&byte, rest) = self.bytes.split_first().expect("a chunk holds as many points as it says");
        self.bytes = rest;
        byte
    }

    fn varint(&mut self) -> i64 {
        let (mut number, mut shift) = (0u64, 0);
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return (number >> 1) as i64 ^ -((number & 1) as i64);
            }
            shift += 7;
        }
    }

    fn double(&mut self, length: usize) -> u64 {
        let mut bytes = [0; 8];
        let (value, rest) = self.bytes.split_at(length);
        bytes[..length].copy_from_slice(value);
        self.bytes = rest;
        u64::from_be_bytes(bytes)
    }

    fn moved(&mut self, decimal: i64) {
        self.state.decimal = decimal;
        self.state.bits = (decimal as f64 / POWERS[usize::from(self.state.exponent)]).to_bits();
    }
}

impl Iterator for ChunkPoints<'_> {
    type Item = Point;

    fn next(&mut self) -> Option<Point> {
        self.left = self.left.checked_sub(1)?;
        let head = self.byte();
        if head & SAME_TIME_STEP == 0 {
            self.state.time_step = self.state.time_step.wrapping_add(self.varint());
        }
        self.state.time = self.state.time.wrapping_add(self.state.time_step);
        if head & SAME_SEQ_STEP == 0 {
            self.state.seq_step = self.state.seq_step.wrapping_add(self.varint());
        }
        self.state.seq = self.state.seq.wrapping_add(self.state.seq_step);
        match head & 3 {
            SAME => {}
            STEP => {
                let decimal = self.state.decimal.wrapping_add(self.varint());
                self.moved(decimal);
            }
            DECIMAL => {
                self.state.exponent = self.byte();
                let decimal = self.varint();
                self.moved(decimal);
            }
            _ => self.state.bits = self.double(if head & SHORT == 0 { 8 } else { 5 }),
        }
        Some(Point {
            time: self.state.time,
            seq: self.state.seq as u64,
            value: f64::from_bits(self.state.bits),
            mark: Mark(head >> 4 & 7),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

/// Small numbers of either sign become small numbers without one.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

#[inline]
fn put(part: &mut [u8; 40], mut at: usize, mut number: u64) -> usize {
    while number >= 0x80 {
        part[at] = number as u8 | 0x80;
        number >>= 7;
        at += 1;
    }
    part[at] = number as u8;
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::reading::Quality;
    use proptest::prelude::*;

    fn round_trip(points: &[Point]) -> usize {
        let mut open = Open::default();
        let mut chunks: Vec<Chunk> = points.iter().filter_map(|point| open.push(point)).collect();
        if !open.is_empty() {
            chunks.push(open.seal());
        }
        let back: Vec<Point> = chunks.iter().flat_map(Chunk::points).collect();
        assert_eq!(back.len(), points.len());
        for (back, point) in back.iter().zip(points) {
            assert_eq!(back.value.to_bits(), point.value.to_bits(), "{point:?}");
            assert_eq!((back.time, back.seq, back.mark), (point.time, point.seq, point.mark));
        }
        chunks.iter().map(Chunk::room).sum()
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>().prop_filter("readings are finite", |value| value.is_finite()),
            any::<f32>().prop_filter("readings are finite", |value| value.is_finite()).prop_map(f64::from),
            (-1_000_000i32..1_000_000, 0usize..7).prop_map(|(whole, exponent)| f64::from(whole) / POWERS[exponent]),
            Just(0.0),
            Just(-0.0),
            Just(f64::MAX),
        ]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            rows in proptest::collection::vec((any::<i64>(), 0u64..u64::MAX, any_value(), 0u8..7), 0..700),
        ) {
            let points: Vec<Point> =
                rows.into_iter().map(|(time, seq, value, mark)| Point { time, seq, value, mark: Mark(mark) }).collect();
            round_trip(&points);
        }
    }

    #[test]
    fn a_steady_series_of_decimals_takes_two_bytes_a_point() {
        let points: Vec<Point> = (0..5_120i64)
            .map(|i| Point {
                time: 1_700_000_000_000_000 + i * 100_000,
                seq: (i * 25) as u64,
                value: f64::from((2_000 + (i * 7) % 50) as i32) / 100.0,
                mark: Mark::new(Quality::Good, false),
            })
            .collect();
        assert!(round_trip(&points) < 5_120 * 22 / 10, "{}", round_trip(&points));
    }

    #[test]
    fn marks_survive() {
        for quality in [Quality::Good, Quality::OutOfRange, Quality::Flagged] {
            for late in [false, true] {
                let mark = Mark::new(quality, late);
                assert_eq!((mark.quality(), mark.late()), (quality, late));
            }
        }
    }
}
