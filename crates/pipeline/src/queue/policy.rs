//! What a full queue does.
//!
//! | policy | when a packet does not fit |
//! | --- | --- |
//! | `block` | its sender waits |
//! | `drop-oldest` | the packet that waits longest is given up, until it fits |
//! | `drop-newest` | it is given up |
//! | `drop-random` | one of those in the queue and it itself is given up, each as likely as any other, until it fits or is the one |
//! | `sample` | it is given up; from 80 % on only one packet of 2 is kept, from 85 % of 4, 90 % of 8, 95 % of 16 |
//! | `spill` | its sender waits; the journal behind the queue may hold more than others' |

/// What a full queue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The sender waits.
    Block,
    /// The oldest packet is given up.
    DropOldest,
    /// The new packet is given up.
    DropNewest,
    /// Any packet is given up, the new one among them.
    DropRandom,
    /// From 80 % on only some of the new packets are kept, the fewer the fuller it is.
    Sample,
    /// The sender waits, but the bound of the journal is raised, so that it has to wait later.
    Spill,
}

impl WhenFull {
    /// All of them, by the words of a config.
    pub const ALL: [(&'static str, WhenFull); 6] = [
        ("block", WhenFull::Block),
        ("drop-oldest", WhenFull::DropOldest),
        ("drop-newest", WhenFull::DropNewest),
        ("drop-random", WhenFull::DropRandom),
        ("sample", WhenFull::Sample),
        ("spill", WhenFull::Spill),
    ];

    /// Whether senders wait for room, and nothing is given up.
    pub fn waits(self) -> bool {
        matches!(self, WhenFull::Block | WhenFull::Spill)
    }

    /// The word of a config.
    pub fn word(self) -> &'static str {
        WhenFull::ALL.iter().find(|(_, policy)| *policy == self).map_or("", |(word, _)| word)
    }
}

/// Why a packet was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// By [`WhenFull::DropOldest`].
    Oldest,
    /// By [`WhenFull::DropNewest`].
    Newest,
    /// By [`WhenFull::DropRandom`].
    Random,
    /// By [`WhenFull::Sample`].
    Sampled,
    /// Nothing could be kept, and its sender was told so at once.
    Refused,
}

/// Chance with a seed: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * u128::from(end)) >> 64) as u64
    }
}

/// Which packets [`WhenFull::Sample`] keeps: of each `of` that come one after the other exactly one, which one by chance.
/// Sensors speak in turns, and if it were always the second, every other of them would not be heard at all.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    of: u64,
    seen: u64,
    kept: u64,
}

impl Sampler {
    /// Whether the next packet is kept, while the queue is so full.
    pub(super) fn keeps(&mut self, level: f64, chance: &mut Chance) -> bool {
        let of = one_of(level);
        if of != self.of || self.seen == of {
            *self = Sampler { of, seen: 0, kept: chance.below(of) };
        }
        self.seen += 1;
        self.seen == self.kept + 1
    }
}

/// How many packets there are for one that is kept, while the queue is so full.
fn one_of(level: f64) -> u64 {
    match level {
        _ if level < 0.8 => 1,
        _ if level < 0.85 => 2,
        _ if level < 0.9 => 4,
        _ if level < 0.95 => 8,
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_the_queue_the_fewer_are_kept() {
        for (level, of) in [(0.0, 1), (0.79, 1), (0.8, 2), (0.85, 4), (0.9, 8), (0.95, 16), (1.0, 16)] {
            let (mut sampler, mut chance) = (Sampler::default(), Chance::new(7));
            for _ in 0..100 {
                let kept = (0..of).filter(|_| sampler.keeps(level, &mut chance)).count();
                assert_eq!(kept, 1, "{level}");
            }
        }
    }

    #[test]
    fn who_speaks_in_turns_is_heard_in_turns() {
        let (mut sampler, mut chance) = (Sampler::default(), Chance::new(7));
        let mut heard = [0; 4];
        for number in 0..4_000 {
            heard[number % 4] += usize::from(sampler.keeps(0.85, &mut chance));
        }
        assert_eq!(heard.iter().sum::<usize>(), 1_000);
        assert!(heard.iter().all(|&count| (200..300).contains(&count)), "{heard:?}");
    }

    #[test]
    fn chance_reaches_all_and_nothing_else() {
        let mut chance = Chance::new(1);
        let mut met = [0; 7];
        for _ in 0..7_000 {
            met[chance.below(7) as usize] += 1;
        }
        assert!(met.iter().all(|&count| (900..1_100).contains(&count)), "{met:?}");
    }
}
