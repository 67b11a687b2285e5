//! What devices have said of themselves, their tags, as a hash each: enough to see that one says something else.

use hashbrown::DefaultHashBuilder;
use std::hash::{BuildHasher, Hash, Hasher};

/// The last words of the devices of one source, by their places.
#[derive(Debug, Default)]
pub(super) struct Told {
    hasher: DefaultHashBuilder,
    hashes: Vec<u64>,
}

/// It was declared with what it says first.
const NEW: u64 = 0;

/// Others have declared it before it spoke here.
const KNOWN: u64 = 1;

impl Told {
    /// The next device; `known`: it was declared before, with whatever it said then.
    pub(super) fn enter(&mut self, known: bool) {
        self.hashes.push(if known { KNOWN } else { NEW });
    }

    /// What is said, as a number. What is empty says nothing; `None`: nothing is said at all.
    #[inline]
    pub(super) fn hash<'a>(&self, said: impl Iterator<Item = &'a [u8]>) -> Option<u64> {
        let (mut hasher, mut any) = (self.hasher.build_hasher(), false);
        for (place, text) in said.enumerate().filter(|(_, text)| !text.is_empty()) {
            (place, text).hash(&mut hasher);
            any = true;
        }
        any.then(|| hasher.finish() | 2)
    }

    /// Whether a device says this, where it said something else the last time. With a message that has no reading it is
    /// not yet heard.
    #[inline]
    pub(super) fn is_news(&mut self, device: u32, hash: u64, with_readings: bool) -> bool {
        let Some(known) = self.hashes.get_mut(device as usize) else { return false };
        if *known == hash {
            return false;
        }
        if *known == NEW {
            *known = hash;
            return false;
        }
        if with_readings {
            *known = hash;
        }
        with_readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_what_is_said_for_the_first_time_by_somebody_known() {
        let mut told = Told::default();
        let hash = |told: &Told, said: &[&str]| told.hash(said.iter().map(|text| text.as_bytes()));
        told.enter(false);
        told.enter(true);
        let (a, b) = (hash(&told, &["a", ""]).unwrap(), hash(&told, &["", "a"]).unwrap());
        assert_ne!(a, b, "whose text it is counts");
        assert_eq!(hash(&told, &["", ""]), None);
        assert!(!told.is_news(0, a, true) && !told.is_news(0, a, true), "it was declared with that");
        assert!(!told.is_news(0, b, false), "nothing came with it");
        assert!(told.is_news(0, b, true) && !told.is_news(0, b, true) && told.is_news(0, a, true));
        assert!(told.is_news(1, a, true) && !told.is_news(1, a, true), "others have declared it");
    }
}
