//! What people hear of a queue: that it is 80 % and 95 % full, that it gives up more than one reading of a hundred, and
//! when it is well again. Each is said once, when it changes.

use super::flow::SPAN;
use super::policy::WhenFull;
use std::fmt;
use std::time::{Duration, Instant};

/// How full a queue is, as far as people want to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fullness {
    /// Below 80 %; after a warning, below 70 %.
    Fine,
    /// At 80 %: it will soon be full.
    High,
    /// At 95 %: as good as full.
    Full,
}

/// Whether a queue gives up more than people accept without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropping {
    /// More than 1 % of the last minute's readings were given up.
    Much {
        /// Readings that were given up.
        dropped: u64,
        /// Readings that came.
        received: u64,
        /// By this policy.
        policy: WhenFull,
    },
    /// After that: at most 0.5 % again.
    Little,
}

impl fmt::Display for Dropping {
    /// What a queue does, to stand behind its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dropping::Much { dropped, received, policy } => write!(
                f,
                "gave up {dropped} of the {received} readings of the last {SPAN} s, by when_full = \"{}\"; if that is more \
                 than you want to lose, raise `holds`, or let less be sent",
                policy.word()
            ),
            Dropping::Little => write!(f, "gives up at most 0.5 % of its readings again"),
        }
    }
}

/// How long a queue has to be so full before people hear of it.
const WHILE: Duration = Duration::from_secs(1);

/// What was said, and what may be said next.
#[derive(Debug, Default)]
pub(super) struct Warned {
    fullness: Option<Fullness>,
    /// Since when it is as full as it was not yet told.
    crossed: Option<(Fullness, Instant)>,
    dropping: bool,
}

impl Warned {
    /// Whether how full it is has crossed a mark, and has stayed so for a while: what comes in one gulp fills it for a
    /// moment, and is nothing to hear of.
    pub(super) fn crossed(&mut self, level: f64, now: Instant) -> Option<Fullness> {
        let before = self.fullness.unwrap_or(Fullness::Fine);
        let here = match level {
            _ if level >= 0.95 => Fullness::Full,
            _ if level >= 0.8 => before.max(Fullness::High),
            _ if level >= 0.7 => before.min(Fullness::High),
            _ => Fullness::Fine,
        };
        if here == before {
            self.crossed = None;
            return None;
        }
        let since = match self.crossed {
            Some((fullness, since)) if fullness == here => since,
            _ => now,
        };
        self.crossed = Some((here, since));
        if now.saturating_duration_since(since) < WHILE {
            return None;
        }
        (self.fullness, self.crossed) = (Some(here), None);
        Some(here)
    }

    /// Whether it has begun, or ceased, to give up much of what came in the last minute.
    pub(super) fn dropping(&mut self, (received, dropped): (u64, u64), policy: WhenFull) -> Option<Dropping> {
        let (much, little) = (dropped * 100 > received, dropped * 200 <= received);
        if self.dropping && little {
            self.dropping = false;
            return Some(Dropping::Little);
        }
        if !self.dropping && much {
            self.dropping = true;
            return Some(Dropping::Much { dropped, received, policy });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_in_a_moment_is_nothing_to_hear_of() {
        let (mut warned, now) = (Warned::default(), Instant::now());
        assert_eq!(warned.crossed(1.0, now), None);
        assert_eq!(warned.crossed(0.0, now + WHILE), None);
        assert_eq!(warned.crossed(1.0, now + 2 * WHILE), None);
        assert_eq!(warned.crossed(1.0, now + 3 * WHILE), Some(Fullness::Full));
    }

    #[test]
    fn more_than_one_reading_of_a_hundred_given_up_is_said_once_and_so_is_its_end() {
        let mut warned = Warned::default();
        let policy = WhenFull::DropRandom;
        let mut say = |received, dropped| warned.dropping((received, dropped), policy).map(|said| said.to_string());
        assert_eq!(say(0, 0), None);
        assert_eq!(say(1_000, 10), None);
        assert_eq!(
            say(1_000, 11).unwrap(),
            "gave up 11 of the 1000 readings of the last 60 s, by when_full = \"drop-random\"; if that is more than you \
             want to lose, raise `holds`, or let less be sent"
        );
        assert_eq!(say(1_000, 500), None);
        assert_eq!(say(1_000, 6), None);
        assert_eq!(say(1_000, 5).unwrap(), "gives up at most 0.5 % of its readings again");
        assert_eq!(say(1_000, 0), None);
    }
}
