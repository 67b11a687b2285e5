//! Seeded chance that is the same, bit for bit, on every machine.
//!
//! `xoshiro256++` (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2019), its state filled by
//! `splitmix64` as its authors advise. A crate would do, but then an update of it could change what a seed plays.
//! Logarithms come from `libm`: the platform's own differ in the last bit. Addition to division and the square
//! root are exact by IEEE 754, so they may come from anywhere.

/// What a stream is for. One stream a device and purpose: whoever draws more from one changes no other.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// What the device is like: its bases and phases.
    Nature,
    /// Noise of the profile's channels.
    Noise,
    /// Which messages get lost.
    Losses,
    /// When which random fault strikes, or which scene is played.
    Faults,
    /// Noise of a channel that the user added, by name: its place among the others does not matter.
    Own(u64),
}

/// A stream of chance: 2^256 − 1 values of 64 bits.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    state: [u64; 4],
    spare: Option<f64>,
}

impl Chance {
    /// The stream of a device for a purpose.
    pub(super) fn new(seed: u64, device: usize, purpose: Purpose) -> Chance {
        let purpose = match purpose {
            Purpose::Nature => 1,
            Purpose::Noise => 2,
            Purpose::Losses => 3,
            Purpose::Faults => 4,
            Purpose::Own(name) => name | 1 << 63,
        };
        // Each step is a bijection of 64 bits, so two devices never meet for want of mixing.
        let mut mixed = seed;
        for part in [device as u64, purpose] {
            mixed = splitmix(&mut mixed).wrapping_add(part);
        }
        Chance { state: std::array::from_fn(|_| splitmix(&mut mixed)), spare: None }
    }

    /// 64 bits.
    fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Evenly from `[0, 1)`, in steps of 2^-53.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Evenly from `[low, high)`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Evenly from `0..count`. `count` is tiny against 2^64, so the multiplication's bias is nothing.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(count)) >> 64) as u64
    }

    /// From the normal distribution with mean 0 and standard deviation 1, by Marsaglia's polar method.
    ///
    /// It gives two values a round; the second waits for the next call.
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if 0.0 < square && square < 1.0 {
                let stretch = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * stretch);
                return x * stretch;
            }
        }
    }

    /// How many failures come before the first success, where `log_miss` is the logarithm of the chance of a failure.
    ///
    /// One draw an event instead of one a reading, with the same law.
    pub(super) fn misses(&mut self, log_miss: f64) -> u64 {
        // A conversion of floats saturates: a chance of nothing waits for ever.
        (libm::log(1.0 - self.unit()) / log_miss) as u64
    }
}

/// The logarithm of the chance that something of chance `chance` does not happen; for [`Chance::misses`].
pub(super) fn log_miss(chance: f64) -> f64 {
    libm::log1p(-chance)
}

/// FNV-1a, so that a channel's name can choose its stream.
pub(super) fn fingerprint(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `splitmix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First values of the authors' C code from state 1, 2, 3, 4.
    #[test]
    fn bits_agree_with_the_reference_of_xoshiro() {
        let mut chance = Chance { state: [1, 2, 3, 4], spare: None };
        let first: [u64; 10] = std::array::from_fn(|_| chance.bits());
        let reference = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
            14_011_001_112_246_962_877,
            12_406_186_145_184_390_807,
            15_849_039_046_786_891_736,
            10_450_023_813_501_588_000,
        ];
        assert_eq!(first, reference);
    }

    #[test]
    fn splitmix_agrees_with_its_reference() {
        let mut state = 1_234_567;
        let first: [u64; 3] = std::array::from_fn(|_| splitmix(&mut state));
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn normal_values_have_mean_0_deviation_1_and_normal_tails() {
        let mut chance = Chance::new(1, 0, Purpose::Noise);
        let values: Vec<f64> = (0..200_000).map(|_| chance.normal()).collect();
        let mean = values.iter().sum::<f64>() / 200_000.0;
        let square = values.iter().map(|v| v * v).sum::<f64>() / 200_000.0;
        let beyond_two = values.iter().filter(|v| v.abs() > 2.0).count() as f64 / 200_000.0;
        assert!(mean.abs() < 0.01 && (square - 1.0).abs() < 0.02, "mean {mean}, square {square}");
        assert!((beyond_two - 0.0455).abs() < 0.003, "beyond two deviations: {beyond_two}");
    }

    #[test]
    fn misses_follow_the_chance() {
        let mut chance = Chance::new(1, 0, Purpose::Losses);
        let rate = log_miss(0.02);
        let mean = (0..100_000).map(|_| chance.misses(rate)).sum::<u64>() as f64 / 100_000.0;
        assert!((mean - 49.0).abs() < 1.0, "{mean}");
        assert_eq!(chance.misses(log_miss(0.0)), u64::MAX);
    }

    #[test]
    fn streams_of_devices_and_purposes_differ() {
        let mut seen = Vec::new();
        for device in 0..200 {
            for purpose in [Purpose::Nature, Purpose::Noise, Purpose::Losses, Purpose::Faults, Purpose::Own(7)] {
                seen.push(Chance::new(3, device, purpose).bits());
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
