//! The chance of NumPy's `RandomState`, so that a signal made with `np.random.seed(42)` is the same here.
//!
//! MT19937 (Matsumoto, Nishimura 1998) seeded as `init_genrand` does, doubles of 53 bits, normals by the polar method
//! of Marsaglia in the order in which NumPy's `legacy_gauss` gives them, choices by masked rejection. NumPy has frozen
//! all of these, so the test vectors stay true.

/// How many words the generator keeps, and how far apart those are that it mixes.
const WORDS: usize = 624;
const APART: usize = 397;

/// NumPy's global generator after `np.random.seed(seed)`.
#[derive(Clone, Debug)]
pub struct RandomState {
    words: [u32; WORDS],
    next: usize,
    /// Normals come in pairs; the second one waits here.
    waiting: Option<f64>,
}

impl RandomState {
    /// `np.random.seed(seed)`
    pub fn new(seed: u32) -> RandomState {
        let mut words = [seed; WORDS];
        for i in 1..WORDS {
            let before = words[i - 1];
            words[i] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        RandomState { words, next: WORDS, waiting: None }
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == WORDS {
            self.turn();
        }
        let mut word = self.words[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn turn(&mut self) {
        for i in 0..WORDS {
            let joined = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % WORDS] & 0x7fff_ffff);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[i] = self.words[(i + APART) % WORDS] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }

    /// `np.random.random_sample()`: 53 bits in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `np.random.normal(mean, std)`
    pub fn normal(&mut self, mean: f64, std: f64) -> f64 {
        mean + std * self.gauss()
    }

    fn gauss(&mut self) -> f64 {
        if let Some(second) = self.waiting.take() {
            return second;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.waiting = Some(factor * x);
                return factor * y;
            }
        }
    }

    /// `np.random.choice(items)`; there is at least one.
    pub fn choice<T: Copy>(&mut self, items: &[T]) -> T {
        let last = items.len() as u32 - 1;
        if last == 0 {
            return items[0];
        }
        let mask = u32::MAX >> last.leading_zeros();
        loop {
            let drawn = self.next_u32() & mask;
            if drawn <= last {
                return items[drawn as usize];
            }
        }
    }
}

/// `np.linspace(from, to, count)`, for at least two.
pub fn linspace(from: f64, to: f64, count: usize) -> Vec<f64> {
    let step = (to - from) / (count - 1) as f64;
    let mut all: Vec<f64> = (0..count).map(|i| i as f64 * step + from).collect();
    all[count - 1] = to;
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All vectors are what NumPy 2 prints after `np.random.seed(42)`.
    #[test]
    fn bits_are_those_of_numpy() {
        let mut chance = RandomState::new(42);
        assert_eq!([chance.words[1], chance.words[2]], [3_107_752_595, 1_895_908_407]);
        assert_eq!([(); 3].map(|()| chance.next_u32()), [0x5fe1_dc66, 0xcbea_3db3, 0xf362_035c]);
    }

    #[test]
    fn normals_and_choices_are_those_of_numpy() {
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 5e-9, "{got} {expected}");
        let mut chance = RandomState::new(42);
        for expected in [0.49671415, -0.1382643, 0.64768854, 1.52302986, -0.23415337] {
            close(chance.normal(0.0, 1.0), expected);
        }
        let mut chance = RandomState::new(42);
        let drawn: Vec<i32> = (0..12).map(|_| chance.choice(&[-10, 10])).collect();
        assert_eq!(drawn, [-10, 10, -10, -10, -10, 10, -10, -10, -10, 10, -10, -10]);
        let mut chance = RandomState::new(42);
        let drawn: Vec<usize> = (0..10).map(|_| chance.choice(&[0, 1, 2, 3, 4])).collect();
        assert_eq!(drawn, [3, 4, 2, 4, 4, 1, 2, 2, 2, 4]);
        // A choice between normals leaves the one that waits alone.
        let mut chance = RandomState::new(42);
        let normals = [(); 3].map(|()| chance.normal(0.0, 1.0));
        assert_eq!([(); 4].map(|()| chance.choice(&[-10, 10])), [-10, 10, -10, -10]);
        close(normals[2], 0.64768854);
        close(chance.normal(0.0, 1.0), 1.52302986);
        close(chance.normal(0.0, 1.0), 1.57921282);
    }

    #[test]
    fn a_line_of_numbers_ends_where_it_should() {
        assert_eq!(linspace(0.0, 60.0, 600)[1], 0.100_166_944_908_180_3);
        assert_eq!(linspace(0.0, 60.0, 600)[599], 60.0);
    }
}
