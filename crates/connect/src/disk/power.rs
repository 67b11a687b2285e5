//! What a loss of power leaves of a simulated disk.
//!
//! Modelled, each file and each name by itself, chosen by the seed:
//! * What a file's last sync covered is there. Bytes written since are there, are not, or are there in part: a beginning
//!   that ends at any byte; or any of the 4 KiB pages of each write, one of them torn at any byte.
//! * The length of a file is any that it had since its last sync, or one between, whatever of its bytes has arrived:
//!   what has not arrived reads as zeros, or as what stood there before.
//! * Names that were made, given and removed since their folder was synced: all, none, the first few, or any of them,
//!   but changes of one name keep their order. A rename within a folder is one change; between folders it is two, and the
//!   file may then have both names, but never none. So a name may point at a file whose bytes have not arrived.
//!
//! Not modelled: bytes that were synced do not rot, a torn page does not harm its neighbours, a disk does not lie about a
//! sync, folders themselves are durable as soon as they are made (`Disk::create_folder` syncs them), and a sync of a
//! file says nothing of its name (ext4 is kinder).

use super::simulated::{Change, File, Memory, put, set};
use std::collections::BTreeMap;

/// The unit in which systems write what was not synced.
const PAGE: u64 = 4096;

/// Splitmix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not 0.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn half(&mut self) -> bool {
        self.below(2) == 0
    }
}

impl Memory {
    pub(super) fn crash(&mut self, torn: usize) {
        let used = self.used();
        for file in self.files.values_mut() {
            let mut left = std::mem::take(&mut file.synced);
            let end = file.bytes.len().min(left.len().saturating_add(torn));
            if left.len() < end {
                left.extend_from_slice(&file.bytes[left.len()..end]);
            }
            file.settle(left);
        }
        self.names = self.durable.clone();
        self.wake(used);
    }

    pub(super) fn crash_with(&mut self, seed: u64) {
        let used = self.used();
        for (number, file) in &mut self.files {
            let left = wreck(file, seed.wrapping_mul(31).wrapping_add(*number));
            file.settle(left);
        }
        let mut chance = Chance(seed);
        let first = chance.below(self.pending.len() as u64 + 1);
        let way = chance.below(4);
        let mut back = self.pending.len() as u64;
        let landed = self.landed(|_| {
            back -= 1;
            match way {
                0 => false,
                1 => true,
                2 => back < first,
                _ => chance.half(),
            }
        });
        let mut names: BTreeMap<_, _> = self.durable.clone();
        self.pending
            .iter()
            .filter(|naming| landed.contains(&naming.number))
            .for_each(|naming| set(&mut names, &naming.sets));
        (self.names, self.durable) = (names.clone(), names);
        self.wake(used);
    }

    /// After the power has come back: the names are settled, and room is what is not used any more.
    fn wake(&mut self, used: u64) {
        self.pending.clear();
        self.sweep();
        let room = self.room().map(|room| (room + used).saturating_sub(self.used()));
        self.limit(room);
    }

    /// The bytes of all files that somebody sees.
    fn used(&self) -> u64 {
        let seen = self.files.iter().filter(|(number, _)| self.is_seen(**number));
        seen.map(|(_, file)| file.bytes.len() as u64).sum()
    }
}

impl File {
    /// What the power has left is all there is, and durable.
    fn settle(&mut self, left: Vec<u8>) {
        self.bytes.clone_from(&left);
        self.synced = left;
        self.since.clear();
    }
}

/// What may be left of a file.
pub(super) fn wreck(file: &File, seed: u64) -> Vec<u8> {
    let mut left = file.synced.clone();
    if file.since.is_empty() {
        return left;
    }
    let mut chance = Chance(seed);
    match chance.below(6) {
        0 => left,
        1 => {
            file.since.iter().for_each(|change| change.apply(&mut left));
            left
        }
        2 | 3 => beginning(file, &mut chance),
        _ => pages(file, &mut chance),
    }
}

/// The first changes have arrived, and the last of them is torn.
fn beginning(file: &File, chance: &mut Chance) -> Vec<u8> {
    let mut left = file.synced.clone();
    let whole = chance.below(file.since.len() as u64) as usize;
    file.since[..whole].iter().for_each(|change| change.apply(&mut left));
    if let Change::Write { at, bytes } = &file.since[whole] {
        let torn = chance.below(bytes.len() as u64 + 1) as usize;
        put(&mut left, *at as usize, &bytes[..torn]);
    }
    left
}

/// Any pages have arrived, and any length that the file had since it was last cut, as far as that has arrived.
fn pages(file: &File, chance: &mut Chance) -> Vec<u8> {
    let mut left = file.synced.clone();
    let mut sizes = vec![left.len() as u64];
    for change in &file.since {
        match change {
            Change::Cut { size } if chance.half() => {
                change.apply(&mut left);
                sizes = vec![*size];
            }
            Change::Cut { .. } => {}
            Change::Write { at, bytes } => {
                for (at, piece) in pieces(*at, bytes) {
                    match chance.below(8) {
                        0..4 => put(&mut left, at as usize, piece),
                        4 => put(&mut left, at as usize, &piece[..chance.below(piece.len() as u64) as usize]),
                        _ => {}
                    }
                }
                sizes.push((at + bytes.len() as u64).max(sizes[sizes.len() - 1]));
            }
        }
    }
    let which = chance.below(sizes.len() as u64) as usize;
    let (low, high) = (sizes[which.saturating_sub(1)], sizes[which]);
    let size = if chance.half() { high } else { low + chance.below(high - low + 1) };
    left.resize(size as usize, 0);
    left
}

/// A write by the pages it touches.
fn pieces(at: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut begin = 0;
    std::iter::from_fn(move || {
        let here = at + begin as u64;
        let room = (PAGE - here % PAGE) as usize;
        let piece = &bytes[begin..bytes.len().min(begin + room)];
        begin += piece.len();
        (!piece.is_empty()).then_some((here, piece))
    })
}
