//! The state of a whole stream as bytes, and back: with a format number and a checksum.
//!
//! ```text
//! offset  0         8         12        20
//!         OUZELCKP  format    checksum  body (postcard)
//!                   u32 LE    XXH3-64 of the body, seeded with the format, u64 LE
//! ```

use crate::reading::StreamClock;
use crate::series::Declaration;
use crate::table::Table;
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The format this build writes, and the newest it reads.
pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"OUZELCKP";
const HEADER: usize = 20;

/// Everything that must be known to go on as if nothing had happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// All names, in the order in which they got their numbers.
    pub names: Vec<Declaration>,
    /// The number of the next input.
    pub next_input: u64,
    /// Where the stream's clock stands.
    pub clock: StreamClock,
    /// The state of each slot that has any.
    pub slots: Vec<(u8, Vec<u8>)>,
    /// The state of the fleet.
    pub fleet: Vec<u8>,
    /// The versions of tables in force, by the names of their joins. They stand behind the rest, and only where there are
    /// some, so that a checkpoint without them is what it was before there were any.
    #[serde(skip)]
    pub tables: Vec<(String, Table)>,
}

/// Why bytes are not a checkpoint that this build can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// They do not begin as a checkpoint does.
    NotACheckpoint,
    /// Written by a newer Ouzel, in this format.
    Newer(u32),
    /// They begin well and then differ from what was written.
    Damaged,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::NotACheckpoint => f.write_str("this is not a checkpoint of ouzel"),
            Unreadable::Newer(format) => write!(
                f,
                "the checkpoint has format {format}, written by a newer ouzel; this one reads up to format {FORMAT}"
            ),
            Unreadable::Damaged => f.write_str("the checkpoint is damaged: its checksum does not match"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Checkpoint {
    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = postcard::to_allocvec(self).expect("plain data always encodes");
        if !self.tables.is_empty() {
            append(&self.tables, &mut body);
        }
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&xxh3_64_with_seed(&body, u64::from(FORMAT)).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// From bytes.
    ///
    /// # Errors
    /// When the bytes are foreign, newer or damaged; they are never half taken.
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, Unreadable> {
        if bytes.len() < HEADER || &bytes[..8] != MAGIC {
            return Err(Unreadable::NotACheckpoint);
        }
        let format = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
        if format > FORMAT {
            return Err(Unreadable::Newer(format));
        }
        let checksum = u64::from_le_bytes(bytes[12..HEADER].try_into().expect("eight bytes"));
        if xxh3_64_with_seed(&bytes[HEADER..], u64::from(format)) != checksum {
            return Err(Unreadable::Damaged);
        }
        let damaged = |_| Unreadable::Damaged;
        let (mut checkpoint, rest): (Checkpoint, &[u8]) =
            postcard::take_from_bytes(&bytes[HEADER..]).map_err(damaged)?;
        if !rest.is_empty() {
            checkpoint.tables = postcard::from_bytes(rest).map_err(damaged)?;
        }
        if checkpoint.tables.iter().all(|(_, table)| table.fits()) { Ok(checkpoint) } else { Err(Unreadable::Damaged) }
    }
}

/// Adds a value to bytes: no list of its own for each, as there are hundreds of thousands in a checkpoint.
pub(crate) fn append<T: Serialize>(value: &T, to: &mut Vec<u8>) {
    postcard::serialize_with_flavor(value, End(to)).expect("plain data always encodes");
}

/// The end of a list of bytes, as a place to write to.
struct End<'a>(&'a mut Vec<u8>);

impl Flavor for End<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Numbers as the bytes they are, instead of one by one: what detectors remember is most of a checkpoint.
pub(crate) mod floats {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub(crate) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
        let mut bytes = vec![0; values.len() * 8];
        bytes.chunks_exact_mut(8).zip(values).for_each(|(place, value)| place.copy_from_slice(&value.to_le_bytes()));
        to.serialize_bytes(&bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        from.deserialize_bytes(Numbers)
    }

    struct Numbers;

    impl Visitor<'_> for Numbers {
        type Value = Vec<f64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("numbers of eight bytes each")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<f64>, E> {
            if !bytes.len().is_multiple_of(8) {
                return Err(E::invalid_length(bytes.len(), &self));
            }
            let number = |eight: &[u8]| f64::from_le_bytes(eight.try_into().expect("eight bytes"));
            Ok(bytes.chunks_exact(8).map(number).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_back() {
        let checkpoint = Checkpoint { next_input: 7, slots: vec![(3, vec![1, 2, 3])], ..Checkpoint::default() };
        assert_eq!(Checkpoint::from_bytes(&checkpoint.to_bytes()), Ok(checkpoint));
    }

    #[test]
    fn one_flipped_bit_anywhere_is_noticed() {
        let bytes = Checkpoint { fleet: vec![9; 40], ..Checkpoint::default() }.to_bytes();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(Checkpoint::from_bytes(&flipped).is_err(), "byte {at}");
            assert!(Checkpoint::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_with_both_versions_named() {
        let mut bytes = Checkpoint::default().to_bytes();
        bytes[8] = 9;
        let why = Checkpoint::from_bytes(&bytes).unwrap_err().to_string();
        assert!(why.contains("format 9") && why.contains("up to format 1"), "{why}");
    }
}
