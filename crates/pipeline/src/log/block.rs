//! Records in blocks of 32 KiB, as LevelDB lays out its log: a record is one fragment, or several where blocks end.
//!
//! ```text
//! offset  0           4        6     7
//!         checksum    length   kind  payload …
//!         CRC-32C of  u16 LE   1 whole, 2 first, 3 middle, 4 last
//!         kind and payload, u32 LE
//! ```
//! No fragment crosses a block's end; what is left there and too short for a head is zero. So a reader that meets a
//! bad fragment can go on at the next good one of the block, or at the next block.

/// Bytes of a block.
pub const BLOCK: usize = 32 * 1024;

/// Bytes before a fragment's payload.
pub const HEAD: usize = 7;

const WHOLE: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// The most a record may have. A length that adds up to more is damage, not data.
pub const LARGEST: usize = 64 << 20;

/// Adds a record's fragments to `into`. `offset` is where in the segment the next byte goes; gives where it goes
/// afterwards.
pub fn push(record: &[u8], offset: u64, into: &mut Vec<u8>) -> u64 {
    debug_assert!(record.len() <= LARGEST);
    let begin = into.len();
    let mut rest = record;
    let mut first = true;
    loop {
        let at = (offset + (into.len() - begin) as u64) % BLOCK as u64;
        let left = BLOCK - at as usize;
        if left < HEAD {
            into.resize(into.len() + left, 0);
            continue;
        }
        let (part, after) = rest.split_at(rest.len().min(left - HEAD));
        let kind = match (first, after.is_empty()) {
            (true, true) => WHOLE,
            (true, false) => FIRST,
            (false, false) => MIDDLE,
            (false, true) => LAST,
        };
        into.extend_from_slice(&checksum(kind, part).to_le_bytes());
        into.extend_from_slice(&(part.len() as u16).to_le_bytes());
        into.push(kind);
        into.extend_from_slice(part);
        (rest, first) = (after, false);
        if rest.is_empty() {
            return offset + (into.len() - begin) as u64;
        }
    }
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload)
}

/// Puts fragments together again.
#[derive(Debug, Default)]
pub struct Assembly {
    record: Vec<u8>,
    /// In the middle of a record.
    open: bool,
}

/// What stands at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// The end of a record; what follows begins this many bytes further on.
    Record(usize),
    /// Not yet the end of a record; what follows begins this many bytes further on.
    Part(usize),
    /// The bytes end before the fragment does.
    Short,
    /// Not what was written. The next place to look at is this many bytes further on: at a fragment that is good, or at
    /// the next block.
    Bad(usize),
}

impl Assembly {
    /// Looks at the fragment at the begin of `bytes`, which stand at `offset` of their segment. After
    /// [`Found::Record`] the record is in [`Assembly::record`].
    pub fn read(&mut self, bytes: &[u8], offset: u64) -> Found {
        let left = BLOCK - (offset % BLOCK as u64) as usize;
        if left < HEAD {
            // Only zeros may stand here; others do no harm.
            return if bytes.len() < left { Found::Short } else { Found::Part(left) };
        }
        let Some(head) = bytes.first_chunk::<HEAD>() else { return Found::Short };
        let length = usize::from(u16::from_le_bytes([head[4], head[5]]));
        let kind = head[6];
        if !(WHOLE..=LAST).contains(&kind) || HEAD + length > left {
            return self.bad(bytes, left);
        }
        let Some(payload) = bytes.get(HEAD..HEAD + length) else { return Found::Short };
        if u32::from_le_bytes([head[0], head[1], head[2], head[3]]) != checksum(kind, payload) {
            return self.bad(bytes, left);
        }
        // A first where a middle was due: the record before it was never finished, as its writer was cut off.
        if matches!(kind, WHOLE | FIRST) {
            self.record.clear();
            self.open = true;
        }
        if !self.open || self.record.len() + length > LARGEST {
            // The rest of a record whose begin is lost.
            self.open = false;
            return Found::Part(HEAD + length);
        }
        self.record.extend_from_slice(payload);
        if matches!(kind, WHOLE | LAST) {
            self.open = false;
            return Found::Record(HEAD + length);
        }
        Found::Part(HEAD + length)
    }

    #[cold]
    fn bad(&mut self, bytes: &[u8], left: usize) -> Found {
        self.open = false;
        Found::Bad(good_behind(&bytes[..bytes.len().min(left)]).unwrap_or(left))
    }

    /// Where no more bytes will come, [`Found::Short`] may be a length that is not what was written: gives how far on
    /// the next good fragment stands, if there is one.
    #[cold]
    pub fn give_up(&mut self, bytes: &[u8]) -> Option<usize> {
        let behind = good_behind(bytes)?;
        self.open = false;
        Some(behind)
    }

    /// The record that was read last.
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// Forgets a record that was begun.
    pub fn reset(&mut self) {
        self.open = false;
    }
}

/// Looks for the next good fragment behind the begin of what is there of a block: lengths cannot be trusted any more, but
/// a checksum can.
fn good_behind(block: &[u8]) -> Option<usize> {
    let good = |at: &usize| {
        let Some(head) = block[*at..].first_chunk::<HEAD>() else { return false };
        let length = usize::from(u16::from_le_bytes([head[4], head[5]]));
        let payload = block.get(at + HEAD..at + HEAD + length).filter(|_| (WHOLE..=LAST).contains(&head[6]));
        payload.is_some_and(|p| u32::from_le_bytes([head[0], head[1], head[2], head[3]]) == checksum(head[6], p))
    };
    (1..block.len()).find(good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
        let (mut at, mut assembly, mut found) = (0, Assembly::default(), Vec::new());
        loop {
            match assembly.read(&bytes[at..], at as u64) {
                Found::Record(size) => {
                    found.push(assembly.record().to_vec());
                    at += size;
                }
                Found::Part(size) | Found::Bad(size) => at += size,
                // No more bytes will come, as at the end of a file.
                Found::Short => match assembly.give_up(&bytes[at..]) {
                    Some(size) => at += size,
                    None => return found,
                },
            }
            if at >= bytes.len() {
                return found;
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(sizes in proptest::collection::vec(0usize..100_000, 0..12)) {
            let written: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(i, &size)| vec![i as u8; size]).collect();
            let mut bytes = Vec::new();
            for record in &written {
                let end = push(record, bytes.len() as u64, &mut bytes);
                prop_assert_eq!(end, bytes.len() as u64);
            }
            prop_assert_eq!(records(&bytes), written);
        }

        #[test]
        fn damage_costs_no_more_than_the_records_of_its_block(at in 0usize..200_000, with in 1u8..) {
            let written: Vec<Vec<u8>> = (0..200u8).map(|i| vec![i; 1_000]).collect();
            let mut bytes = Vec::new();
            for record in &written {
                push(record, bytes.len() as u64, &mut bytes);
            }
            bytes[at] ^= with;
            let read = records(&bytes);
            // One byte is in one fragment, and that in one record.
            prop_assert!(read.len() >= written.len() - 1);
            prop_assert!(read.iter().all(|record| written.contains(record)));
        }

        /// Where lengths are damaged in the last block, bytes seem to be missing.
        #[test]
        fn damage_at_the_end_costs_no_more(at in 195_000usize..200_000, with in 1u8..) {
            let written: Vec<Vec<u8>> = (0..200u8).map(|i| vec![i; 1_000]).collect();
            let mut bytes = Vec::new();
            for record in &written {
                push(record, bytes.len() as u64, &mut bytes);
            }
            bytes[at] ^= with;
            prop_assert!(records(&bytes).len() >= written.len() - 1);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            records(&bytes);
        }
    }
}
