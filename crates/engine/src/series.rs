//! Names to small numbers, once, at the edge; the engine works with the numbers.
//!
//! A *device* is what speaks, a *channel* what it measures, a *series* one channel of one device. Numbers are given
//! in order of first sight and never reused, so the same input gives the same numbers. The names travel to the
//! shards as [`Declaration`]s, in the same order as the readings.

mod names;

pub use names::{Names, TooManyDevices, tags_after};

use crate::time::Span;
use serde::{Deserialize, Serialize};

/// A device by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device(pub u32);

/// A channel by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Channel(pub u32);

/// A channel of a device by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series(pub u32);

/// What a device's clock is, and how long it waits for stragglers. Set by the source that the device speaks through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Timing {
    /// A device's watermark stands this far behind its largest time.
    pub late: Span,
    /// Event time is arrival time, so silence moves the clock too.
    pub arrival: bool,
}

/// A new name, on its way to the shards. Declared before the first reading that uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Declaration {
    /// A device that was not known before.
    Device {
        /// Its number.
        device: Device,
        /// Its name, as the source gave it.
        name: String,
        /// Clock and allowance.
        timing: Timing,
        /// Facts about it: `line = 3`, `location = lab`.
        tags: Vec<(String, String)>,
    },
    /// A channel of a device that was not known before.
    Series {
        /// Its number.
        series: Series,
        /// The device.
        device: Device,
        /// The channel's name.
        channel: String,
    },
}

/// How many slots there are: the unit of snapshot and, in a cluster, the Kafka partition. Never changes.
pub const SLOTS: usize = 64;

/// The slot of a key: Kafka's default partitioner over [`SLOTS`] partitions, so that the slot of a device on one
/// machine is its partition in a cluster.
pub fn slot_of(key: &str) -> u8 {
    ((murmur2(key.as_bytes()) & 0x7fff_ffff) % SLOTS as u32) as u8
}

/// MurmurHash2 with the seed of Apache Kafka's Java client (`Utils.murmur2`).
pub fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ k;
    }
    let tail = chunks.remainder();
    if !tail.is_empty() {
        for (i, &byte) in tail.iter().enumerate() {
            h ^= u32::from(byte) << (8 * i);
        }
        h = h.wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Apache Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_agrees_with_kafka() {
        for (text, hash) in [
            ("21", -973_932_308i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }
}
