//! Counters of parts that come and go while others read them: a reload may add a source or a sink.

use std::ops::Index;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A list that only grows, up to a bound, and that nobody has to lock. What has gone keeps its place, and is not shown.
#[derive(Debug)]
pub struct Row<T> {
    slots: Vec<(OnceLock<T>, AtomicBool)>,
}

/// How many may be added to those that were there at the start. A name that comes back has its old place.
const SPARE: usize = 256;

impl<T> Row<T> {
    /// Those that are there.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        let here = |(slot, gone): &'_ (OnceLock<T>, AtomicBool)| !gone.load(Ordering::Relaxed) && slot.get().is_some();
        self.slots.iter().filter(move |slot| here(slot)).filter_map(|(slot, _)| slot.get())
    }

    /// The places of those that are there.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        (0..self.known()).filter(|&place| !self.slots[place].1.load(Ordering::Relaxed))
    }

    /// How many there have ever been: all places are below.
    pub fn known(&self) -> usize {
        self.slots.iter().take_while(|(slot, _)| slot.get().is_some()).count()
    }

    /// The place of one, gone or not.
    pub fn find(&self, is: impl Fn(&T) -> bool) -> Option<usize> {
        self.slots.iter().position(|(slot, _)| slot.get().is_some_and(&is))
    }

    /// Adds one, and gives its place; `None`: there is no room.
    pub fn push(&self, mut what: T) -> Option<usize> {
        for (place, (slot, _)) in self.slots.iter().enumerate() {
            match slot.set(what) {
                Ok(()) => return Some(place),
                Err(back) => what = back,
            }
        }
        None
    }

    /// Shows one no more, or again.
    pub fn show(&self, place: usize, here: bool) {
        self.slots[place].1.store(!here, Ordering::Relaxed);
    }
}

impl<T> Default for Row<T> {
    fn default() -> Row<T> {
        Row::from(Vec::new())
    }
}

impl<T> From<Vec<T>> for Row<T> {
    fn from(all: Vec<T>) -> Row<T> {
        all.into_iter().collect()
    }
}

impl<T> FromIterator<T> for Row<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Row<T> {
        let mut slots: Vec<_> = all.into_iter().map(|one| (OnceLock::from(one), AtomicBool::new(false))).collect();
        slots.extend((0..SPARE).map(|_| (OnceLock::new(), AtomicBool::new(false))));
        Row { slots }
    }
}

impl<T> Index<usize> for Row<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        self.slots[place].0.get().expect("a place is given by `push`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_gone_is_not_shown_and_keeps_its_place() {
        let row: Row<u32> = vec![1, 2].into();
        assert_eq!(row.push(3), Some(2));
        row.show(1, false);
        assert_eq!(row.iter().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!((row.places().collect::<Vec<_>>(), row.known()), (vec![0, 2], 3));
        assert_eq!((row[1], row.find(|n| *n == 2)), (2, Some(1)));
        row.show(1, true);
        assert_eq!(row.iter().count(), 3);
    }

    #[test]
    fn there_is_a_bound() {
        let row: Row<usize> = Row::default();
        assert!((0..SPARE).all(|n| row.push(n) == Some(n)));
        assert_eq!(row.push(9), None);
    }
}
