//! Messages that came before, known by the numbers that their devices gave them.
//!
//! Of each series the last 1 024 numbers are kept, a bit each, as DTLS and IPsec keep theirs against replays (RFC 6347,
//! 4.1.2.6; RFC 4303, 3.4.3). A message is looked for under the series of its first reading: its channels share its number,
//! and where each channel comes as a message of its own under one number, each has a place of its own.
//!
//! A device that is started again begins at a small number, and a counter of 8, 16 or 32 bits comes back to 0: neither is
//! a second delivery. What tells them apart is time. A copy has the time of what it copies, so it lies within what was
//! heard; a device that began anew goes on behind it, or, where its clock was lost, before it. Where messages have no time,
//! only a small number far behind says so.

use ouzel_engine::reading::Reading;
use ouzel_engine::series::Series;
use ouzel_engine::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Numbers of a series that a second delivery is looked for among.
pub const NUMBERS: u64 = 1_024;

/// Below this a number may be the first of a device that was started again.
const SMALL: u64 = 16;

/// Less far behind, a message is one that came out of order, rather than of a device that was started again.
const FAR: u64 = 64;

/// Series whose numbers are kept for sure: those that spoke last. 160 bytes each, and there may be twice as many.
const SERIES: usize = 65_536;

/// A message that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The series of its first reading.
    pub series: Series,
    /// Its number.
    pub number: u64,
    /// Its time, if it had one.
    pub time: Option<Time>,
}

/// Messages that were taken in, by a hash of the name of their source.
pub type BySource = Vec<(u32, Vec<Seen>)>;

/// The numbers of all series.
///
/// Those that spoke last are in `young`; once it is full it becomes `old`, and who speaks again comes back from there. So
/// what is forgotten has been silent longer than all that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    young: BTreeMap<(u32, Series), Window>,
    old: BTreeMap<(u32, Series), Window>,
}

impl Numbers {
    /// Takes a message of a source; `false`: it came before.
    pub fn take(&mut self, source: u32, seen: Seen) -> bool {
        let key = (source, seen.series);
        if let Some(window) = self.young.get_mut(&key) {
            return window.take(seen.number, seen.time);
        }
        let mut window = self.old.remove(&key);
        let new = window.as_mut().is_none_or(|window| window.take(seen.number, seen.time));
        if self.young.len() >= SERIES {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, window.unwrap_or_else(|| Window::begin(seen.number, seen.time)));
        new
    }

    /// A message that was to be taken in was not: it may come again.
    pub fn forget(&mut self, source: u32, seen: Seen) {
        let key = (source, seen.series);
        if let Some(window) = self.young.get_mut(&key).or_else(|| self.old.get_mut(&key)) {
            window.forget(seen.number);
        }
    }
}

/// Takes rows out that came before: where they begin, and how many they are, in order.
pub fn leave_out(rows: &mut Vec<Reading>, again: &[(u32, u32)]) {
    let (mut index, mut ranges) = (0u32, again.iter().peekable());
    if again.is_empty() {
        return;
    }
    rows.retain(|_| {
        let here = index;
        index += 1;
        while ranges.next_if(|(from, count)| from.saturating_add(*count) <= here).is_some() {}
        ranges.peek().is_none_or(|(from, _)| here < *from)
    });
}

/// The last numbers of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    last: u64,
    /// Bit n: the number n before the last has not come. Where nothing is missing, these are zeros, and short as bytes.
    missing: [u64; Window::WORDS],
    /// The first and the newest time since it began.
    first: Time,
    newest: Time,
}

impl Window {
    const WORDS: usize = (NUMBERS / 64) as usize;

    fn begin(number: u64, time: Option<Time>) -> Window {
        let mut missing = [u64::MAX; Window::WORDS];
        missing[0] &= !1;
        let (first, newest) = time.map_or((Time::MAX, Time::MIN), |time| (time, time));
        Window { last: number, missing, first, newest }
    }

    fn take(&mut self, number: u64, time: Option<Time>) -> bool {
        let Some(behind) = self.last.checked_sub(number) else {
            self.go_on(number - self.last);
            self.last = number;
            self.hear(0, time);
            return true;
        };
        let is_missing = behind < NUMBERS && self.missing[(behind / 64) as usize] >> (behind % 64) & 1 == 1;
        let begins_anew = match time {
            Some(time) if is_missing => time > self.newest && behind >= FAR,
            Some(time) => time > self.newest || time < self.first,
            None => behind >= NUMBERS || number < SMALL && behind >= FAR,
        };
        if begins_anew {
            *self = Window::begin(number, time);
            return true;
        }
        if is_missing {
            self.hear(behind, time);
        }
        // Too far behind to be told, it is taken: a reading twice is better than none.
        is_missing || behind >= NUMBERS
    }

    fn hear(&mut self, behind: u64, time: Option<Time>) {
        self.missing[(behind / 64) as usize] &= !(1 << (behind % 64));
        if let Some(time) = time {
            (self.first, self.newest) = (self.first.min(time), self.newest.max(time));
        }
    }

    /// Moves all numbers back by `steps`; the new ones are missing.
    fn go_on(&mut self, steps: u64) {
        let (words, bits) = ((steps / 64) as usize, steps % 64);
        let old = std::mem::replace(&mut self.missing, [u64::MAX; Window::WORDS]);
        for place in words..Window::WORDS {
            let from = place - words;
            // What comes in from below is missing, too.
            let below = if from == 0 { u64::MAX } else { old[from - 1] };
            self.missing[place] = if bits == 0 { old[from] } else { old[from] << bits | below >> (64 - bits) };
        }
    }

    fn forget(&mut self, number: u64) {
        if let Some(behind) = self.last.checked_sub(number).filter(|behind| *behind < NUMBERS) {
            self.missing[(behind / 64) as usize] |= 1 << (behind % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn seen(number: u64, time: Option<i64>) -> Seen {
        Seen { series: Series(3), number, time: time.map(Time::from_secs) }
    }

    /// Numbers in, each with a second or without; `x` for those that came before.
    fn check(messages: &[(u64, Option<i64>)], expected: &str) {
        let mut numbers = Numbers::default();
        let mut told = String::new();
        for &(number, time) in messages {
            told.push(if numbers.take(1, seen(number, time)) { '.' } else { 'x' });
            let bytes = postcard::to_allocvec(&numbers).unwrap();
            let back: Numbers = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(back, numbers);
        }
        assert_eq!(told, expected, "{messages:?}");
    }

    #[test]
    fn a_second_delivery_is_known_out_of_order_too() {
        check(&[(7, Some(7)), (9, Some(9)), (7, Some(7)), (8, Some(8)), (8, Some(8)), (9, Some(9))], "..x.xx");
        check(&[(7, None), (9, None), (7, None), (8, None), (8, None), (9, None)], "..x.xx");
    }

    #[test]
    fn a_device_that_is_started_again_is_heard_from_its_first_message_on() {
        let counting = |from: u64, to: u64, at: i64| (from..to).map(move |n| (n, Some(at + n as i64)));
        // It had sent 500 messages, and begins at 0.
        let twice: Vec<_> = counting(0, 500, 0).chain(counting(0, 600, 1_000)).collect();
        check(&twice, &".".repeat(1_100));
        // Its clock begins in 1970 again.
        let lost: Vec<_> = counting(0, 50, 90_000).chain(counting(0, 60, 0)).collect();
        check(&lost, &".".repeat(110));
        // Without times, a small number far behind.
        let twice: Vec<_> = counting(0, 500, 0).chain(counting(2, 600, 0)).map(|(number, _)| (number, None)).collect();
        check(&twice, &".".repeat(1_098));
    }

    #[test]
    fn a_counter_of_eight_bits_comes_back_to_zero() {
        let timed: Vec<_> = (0..1_000u64).map(|n| (n % 256, Some(n as i64))).collect();
        check(&timed, &".".repeat(1_000));
        let untimed: Vec<_> = timed.iter().map(|(number, _)| (*number, None)).collect();
        check(&untimed, &".".repeat(1_000));
        let twice: Vec<_> = timed.iter().flat_map(|one| [*one, *one]).collect();
        check(&twice, &".x".repeat(1_000));
    }

    #[test]
    fn a_buffer_that_is_sent_once_more_is_known_as_far_back_as_numbers_are_kept() {
        let all: Vec<_> = (0..2_000u64).map(|n| (n, Some(n as i64))).collect();
        let twice: Vec<_> = all.iter().chain(&all).copied().collect();
        let kept = NUMBERS as usize;
        check(&twice, &format!("{}{}", ".".repeat(4_000 - kept), "x".repeat(kept)));
    }

    #[test]
    fn the_ends_of_all_numbers_and_times_are_like_any_other() {
        let ends =
            [(u64::MAX, Some(Time::MAX)), (u64::MAX, Some(Time::MAX)), (0, Some(Time::MIN)), (0, Some(Time::MIN))];
        let mut numbers = Numbers::default();
        let told = ends.map(|(number, time)| numbers.take(1, Seen { series: Series(0), number, time }));
        assert_eq!(told, [true, false, true, false]);
    }

    #[test]
    fn what_was_turned_away_may_come_again_and_sources_are_apart() {
        let mut numbers = Numbers::default();
        assert!(numbers.take(1, seen(5, None)) && numbers.take(2, seen(5, None)));
        numbers.forget(1, seen(5, None));
        assert!(numbers.take(1, seen(5, None)) && !numbers.take(1, seen(5, None)) && !numbers.take(2, seen(5, None)));
    }

    #[test]
    fn there_is_a_bound_and_those_who_spoke_last_are_kept() {
        let mut numbers = Numbers::default();
        let of = |series| Seen { series: Series(series), number: 1, time: None };
        for series in 0..3 * SERIES as u32 {
            assert!(numbers.take(1, of(series)));
            assert!(!numbers.take(1, of(0)), "it speaks all the time");
        }
        assert!(numbers.young.len() + numbers.old.len() <= 2 * SERIES);
        assert!(!numbers.take(1, of(3 * SERIES as u32 - 1)) && numbers.take(1, of(1)));
    }

    #[test]
    fn a_series_in_order_takes_few_bytes() {
        let mut numbers = Numbers::default();
        (0..5_000).for_each(|n| assert!(numbers.take(1, seen(n, Some(n as i64)))));
        assert!(postcard::to_allocvec(&numbers).unwrap().len() < 48);
    }

    proptest! {
        #[test]
        fn within_the_numbers_kept_it_is_a_set(steps in proptest::collection::vec((0..40u64, 0..60u64), 1..400)) {
            let (mut numbers, mut all, mut last) = (Numbers::default(), HashSet::new(), 2_000u64);
            for (on, back) in steps {
                last += on;
                let number = last - back;
                // A time that says what the number says.
                let new = numbers.take(1, seen(number, Some(number as i64)));
                let first = all.is_empty();
                prop_assert_eq!(new, all.insert(number) , "{} {}", number, first);
            }
        }
    }
}
