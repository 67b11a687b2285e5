//! What still needs the journal, and how the disk is: a few numbers that the parts of a run tell each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How far the files of each source were read: written by the intake, read when a source is begun again.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<BTreeMap<(String, String), u64>>>);

impl Places {
    /// A file of a source was read so far. A lock, held for one entry.
    pub fn set(&self, source: &str, file: &str, to: u64) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert((source.to_owned(), file.to_owned()), to);
    }

    /// How far a file of a source was read.
    pub fn get(&self, source: &str, file: &str) -> Option<u64> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&(source.to_owned(), file.to_owned())).copied()
    }
}

/// Written by checkpoints and lake, read by the intake, which cuts the journal.
#[derive(Debug)]
pub struct Held {
    /// Where the oldest kept checkpoint stands in the journal.
    checkpoint: AtomicU64,
    /// The first input that the lake has in no file.
    lake: AtomicU64,
    /// The disk is full: who can wait with writing waits.
    full: AtomicBool,
}

impl Held {
    /// As found at the start. Without a lake nothing is held for it.
    pub fn new(checkpoint: Option<u64>) -> Held {
        Held {
            checkpoint: AtomicU64::new(checkpoint.unwrap_or(0)),
            lake: AtomicU64::new(u64::MAX),
            full: AtomicBool::new(false),
        }
    }

    /// A checkpoint was made, and this is the oldest kept one.
    pub fn set_checkpoint(&self, position: u64) {
        self.checkpoint.store(position, Ordering::Relaxed);
    }

    /// The lake has this input in no file, nor any behind it.
    pub fn set_lake(&self, next: u64) {
        self.lake.store(next, Ordering::Relaxed);
    }

    /// The disk is full, or is not any more.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Before which position, and which input, nobody needs the journal.
    pub fn free(&self) -> (u64, u64) {
        (self.checkpoint.load(Ordering::Relaxed), self.lake.load(Ordering::Relaxed))
    }

    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}
