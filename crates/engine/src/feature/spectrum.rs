//! Vibration: how much of a block of even readings swings in which band of frequencies, and where its strongest line is.
//!
//! From each block its mean under a Hann window is taken, that window laid over the rest, and the power of each line of its Fourier
//! transform worked out (Welch, "The use of fast Fourier transform for the estimation of power spectra", 1967; windows:
//! Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", 1978). Powers are one-sided and
//! scaled so that all lines together have the variance of the block, so a band has the root of its share of it, in the
//! channel's unit. The strongest line is found between two lines from their ratio, which is exact for one sine under a Hann
//! window (Grandke, "Interpolation algorithms for discrete Fourier transforms of weighted signals", 1983).
//!
//! A block is of readings that follow each other by the sampling interval: one that comes after more than 1.5 intervals,
//! or less than half of one, begins it anew, which is counted.

use super::node::is_wanted;
use crate::plan::{Spectral, SpectrumSpec};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::sync::OnceLock;

/// What is kept of one series: the block so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    #[serde(with = "crate::checkpoint::floats")]
    block: Vec<f64>,
    /// Of the last reading.
    last: Time,
    /// How often a block was begun anew, because its readings were not even.
    broken: u64,
}

impl Spectrum {
    /// No reading yet.
    pub fn new(_: &SpectrumSpec) -> Spectrum {
        Spectrum { block: Vec::new(), last: Time::MIN, broken: 0 }
    }

    /// How often a block was begun anew, because its readings were not even.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// A reading; at the end of a block, what is said of it goes to `give`, with the place in the spec's `give`.
    #[inline(never)]
    pub fn observe(
        &mut self,
        spec: &SpectrumSpec,
        wanted: u64,
        time: Time,
        value: f64,
        give: &mut impl FnMut(usize, f64),
    ) {
        let apart = time.since(self.last).as_secs_f64() * spec.hertz;
        if !self.block.is_empty() && !(0.5..=1.5).contains(&apart) {
            self.broken = self.broken.saturating_add(1);
            self.block.clear();
        }
        self.last = time;
        if self.block.capacity() < spec.block as usize && self.block.len() == self.block.capacity() {
            // Doubles, but not past a block.
            let more = self.block.len().max(SpectrumSpec::BLOCK_LEAST as usize);
            self.block.reserve_exact(more.min(spec.block as usize - self.block.len()));
        }
        self.block.push(value);
        if self.block.len() == spec.block as usize {
            self.end(spec, wanted, give);
        }
    }

    /// A block is full.
    #[inline(never)]
    fn end(&mut self, spec: &SpectrumSpec, wanted: u64, give: &mut impl FnMut(usize, f64)) {
        let lines = Lines::of(&self.block);
        self.block.drain(..(spec.hop as usize).clamp(1, self.block.len()));
        for (index, what) in spec.give.iter().enumerate().filter(|(index, _)| is_wanted(wanted, *index)) {
            let said = match what {
                Spectral::Peak => lines.peak() * spec.hertz,
                Spectral::Band(band) => match spec.bands.get(usize::from(*band)) {
                    Some(&(low, high)) => lines.rms(low / spec.hertz, high / spec.hertz),
                    None => f64::NAN,
                },
            };
            give(index, said);
        }
    }

    /// Whether a state that was read back can be gone on with.
    pub fn fits(&self, spec: &SpectrumSpec) -> bool {
        self.block.len() < spec.block as usize
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.block.capacity() * size_of::<f64>()
    }
}

/// The lines of a block, from no frequency to half the sampling rate.
#[derive(Debug)]
struct Lines {
    /// Their one-sided powers: shares of the variance where `scale` is 1.
    powers: Vec<f64>,
    /// The root of what a power of 1 stands for, in the channel's unit.
    scale: f64,
}

impl Lines {
    fn of(block: &[f64]) -> Lines {
        let size = block.len();
        let largest = block.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        let none = || Lines { powers: vec![0.0; size / 2 + 1], scale: 0.0 };
        if !(largest > 0.0 && largest.is_finite()) {
            return none();
        }
        // In parts of the largest value nothing is too large to be squared.
        let of_largest = || block.iter().map(|value| value / largest);
        let sines = sines(size);
        let window = |at: usize| 0.5 - 0.5 * sines[(at + size / 4) % size];
        let mean = of_largest().sum::<f64>() / size as f64;
        // The mean under the window, so that a wave that is cut off leaves nothing at frequency 0. The window's own is ½.
        let level = of_largest().enumerate().map(|(at, value)| value * window(at)).sum::<f64>() / (0.5 * size as f64);
        let (mut variance, mut even, mut odd) = (0.0, Vec::with_capacity(size / 2), Vec::with_capacity(size / 2));
        for (at, value) in of_largest().enumerate() {
            variance += (value - mean) * (value - mean);
            let windowed = (value - level) * window(at);
            if at % 2 == 0 { even.push(windowed) } else { odd.push(windowed) }
        }
        variance /= size as f64;
        let mut powers = transformed(even, odd, sines);
        powers[1..size / 2].iter_mut().for_each(|power| *power *= 2.0);
        let sum: f64 = powers.iter().sum();
        // What is left of equal values by rounding is no vibration.
        if !(variance > 1e-24 * (mean * mean).max(f64::MIN_POSITIVE) && sum > 0.0) {
            return none();
        }
        Lines { scale: largest * (variance / sum).sqrt(), powers }
    }

    /// The root of the mean square of the lines from one frequency up to another, in parts of the sampling rate. Half of that,
    /// the last line, belongs to the band that reaches it.
    fn rms(&self, low: f64, high: f64) -> f64 {
        let last = self.powers.len() - 1;
        let frequency = |line: usize| line as f64 / (2 * last) as f64;
        let inside =
            |line: &usize| low <= frequency(*line) && (frequency(*line) < high || (*line == last && high >= 0.5));
        let power: f64 = (0..=last).filter(inside).map(|line| self.powers[line]).sum();
        self.scale * power.sqrt()
    }

    /// The frequency of the strongest line, in parts of the sampling rate; none where nothing vibrates.
    fn peak(&self) -> f64 {
        let last = self.powers.len() - 1;
        if self.scale == 0.0 {
            return f64::NAN;
        }
        // The ends are one-sided by themselves.
        let amplitude = |line: usize| (self.powers[line] * if line == last || line == 0 { 2.0 } else { 1.0 }).sqrt();
        let strongest = (1..=last).fold(1, |best, line| if amplitude(line) > amplitude(best) { line } else { best });
        let beside = |line: usize| amplitude(line) / amplitude(strongest);
        let (below, above) = (beside(strongest - 1), if strongest < last { beside(strongest + 1) } else { 0.0 });
        let ratio = below.max(above);
        // Where both are the same the line is in the middle, and far from a neighbour it is where it is.
        let off = ((2.0 * ratio - 1.0) / (ratio + 1.0)).clamp(0.0, 0.5);
        let line = strongest as f64 + if above > below { off } else { -off };
        line.min(last as f64) / (2 * last) as f64
    }
}

/// The squared lines of real values whose even and odd ones are given: one complex transform of half the size (Sorensen, Jones,
/// Heideman and Burrus, "Real-valued fast Fourier transform algorithms", 1987).
fn transformed(mut re: Vec<f64>, mut im: Vec<f64>, sines: &[f64]) -> Vec<f64> {
    let (half, size) = (re.len(), 2 * re.len());
    transform(&mut re, &mut im, sines);
    let line = |k: usize| {
        let (a, b) = (k % half, (half - k) % half);
        let (even_re, even_im) = ((re[a] + re[b]) / 2.0, (im[a] - im[b]) / 2.0);
        let (odd_re, odd_im) = ((im[a] + im[b]) / 2.0, (re[b] - re[a]) / 2.0);
        let (sine, cosine) = (-sines[k % size], sines[(k + size / 4) % size]);
        let x = even_re + odd_re * cosine - odd_im * sine;
        let y = even_im + odd_re * sine + odd_im * cosine;
        x * x + y * y
    };
    (0..=half).map(line).collect()
}

/// The discrete Fourier transform in place, radix 2, decimated in time (Cooley and Tukey 1965). `sines` is of twice the size.
fn transform(re: &mut [f64], im: &mut [f64], sines: &[f64]) {
    let (size, turn) = (re.len(), sines.len());
    let bits = size.trailing_zeros();
    for at in 1..size {
        let other = at.reverse_bits() >> (usize::BITS - bits);
        if at < other {
            re.swap(at, other);
            im.swap(at, other);
        }
    }
    let mut length = 2;
    while length <= size {
        let (middle, step) = (length / 2, turn / length);
        for (re, im) in re.chunks_exact_mut(length).zip(im.chunks_exact_mut(length)) {
            let ((re_a, re_b), (im_a, im_b)) = (re.split_at_mut(middle), im.split_at_mut(middle));
            for at in 0..middle {
                let (sine, cosine) = (-sines[at * step], sines[at * step + turn / 4]);
                let x = re_b[at] * cosine - im_b[at] * sine;
                let y = re_b[at] * sine + im_b[at] * cosine;
                (re_b[at], im_b[at]) = (re_a[at] - x, im_a[at] - y);
                (re_a[at], im_a[at]) = (re_a[at] + x, im_a[at] + y);
            }
        }
        length *= 2;
    }
}

/// The sines of a full turn in so many steps, a power of two. Written once for each size and the same for ever, which is
/// why a static is no harm: a series of a kilobyte would otherwise carry a table of its own.
fn sines(size: usize) -> &'static [f64] {
    static TABLES: [OnceLock<Box<[f64]>>; 17] = [const { OnceLock::new() }; 17];
    let table = &TABLES[(size.trailing_zeros() as usize).min(16)];
    table.get_or_init(|| (0..size).map(|at| libm::sin(TAU * at as f64 / size as f64)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec(block: u32, hop: u32, hertz: f64, bands: &[(f64, f64)]) -> SpectrumSpec {
        let give = (0..bands.len() as u16).map(Spectral::Band).chain([Spectral::Peak]).collect();
        SpectrumSpec { hertz, block, hop, bands: bands.to_vec(), give }
    }

    /// What is said at each reading: nothing, or all bands and the peak.
    fn said(spec: &SpectrumSpec, readings: &[(Time, f64)], saved: impl Fn(usize) -> bool) -> (Vec<Vec<f64>>, Spectrum) {
        let mut spectrum = Spectrum::new(spec);
        let one = |(index, &(time, value)): (usize, &(Time, f64))| {
            if saved(index) {
                spectrum = postcard::from_bytes(&postcard::to_allocvec(&spectrum).unwrap()).unwrap();
                assert!(spectrum.fits(spec));
            }
            let mut all = Vec::new();
            spectrum.observe(spec, u64::MAX, time, value, &mut |index, value| {
                assert_eq!(index, all.len());
                all.push(value);
            });
            all
        };
        (readings.iter().enumerate().map(one).collect(), spectrum)
    }

    fn even(hertz: f64, count: usize, value: impl Fn(f64) -> f64) -> Vec<(Time, f64)> {
        let at = |index: usize| index as f64 / hertz;
        (0..count).map(|index| (Time((at(index) * 1e9).round() as i64), value(at(index)))).collect()
    }

    /// The powers of lines by the definition.
    fn slowly(values: &[f64]) -> Vec<f64> {
        let size = values.len();
        let line = |k: usize| {
            let turn = |at: usize| TAU * ((at * k) % size) as f64 / size as f64;
            let re: f64 = values.iter().enumerate().map(|(at, value)| value * turn(at).cos()).sum();
            let im: f64 = values.iter().enumerate().map(|(at, value)| value * turn(at).sin()).sum();
            re * re + im * im
        };
        (0..=size / 2).map(line).collect()
    }

    fn fast(values: &[f64]) -> Vec<f64> {
        let of = |rest: usize| values.iter().skip(rest).step_by(2).copied().collect::<Vec<f64>>();
        transformed(of(0), of(1), sines(values.len()))
    }

    #[test]
    fn a_sine_is_in_its_band_with_its_strength_and_its_frequency() {
        for (hertz, frequency, amplitude) in [(1_000.0, 50.0, 2.0), (1_000.0, 47.3, 0.01), (25_600.0, 3_217.77, 4e6)] {
            let sine = |at: f64| 9.0 + amplitude * (TAU * frequency * at + 0.3).sin();
            let bands = [(0.0, hertz / 50.0), (hertz / 50.0, hertz / 5.0), (hertz / 5.0, hertz / 2.0)];
            let (all, _) = said(&spec(1_024, 1_024, hertz, &bands), &even(hertz, 1_024, sine), |_| false);
            let [low, band, high, peak] = all[1_023][..] else { panic!("{:?}", all[1_023]) };
            let rms = amplitude / 2f64.sqrt();
            assert!((band - rms).abs() < 0.01 * rms, "{band} and not {rms}");
            assert!(low < 1e-3 * rms && high < 1e-3 * rms, "{low} {high}");
            assert!((peak - frequency).abs() < 1e-3 * hertz / 1_024.0, "{peak} and not {frequency}");
        }
    }

    #[test]
    fn blocks_share_readings_and_begin_anew_where_readings_are_not_even() {
        let spec = spec(16, 8, 100.0, &[(0.0, 50.0)]);
        let mut readings = even(100.0, 100, |at| (TAU * 20.0 * at).cos());
        // A gap of two intervals behind the 40th, and a twin behind the 70th.
        readings.iter_mut().skip(40).for_each(|(time, _)| time.0 += 10_000_000);
        readings.insert(70, readings[69]);
        let (all, spectrum) = said(&spec, &readings, |_| false);
        let ends: Vec<usize> = (0..all.len()).filter(|index| !all[*index].is_empty()).collect();
        assert_eq!(ends, [15, 23, 31, 39, 55, 63, 85, 93]);
        assert_eq!(spectrum.broken(), 2);
    }

    #[test]
    fn what_does_not_move_has_no_strength_and_no_frequency() {
        for value in [0.0, 0.1, -1e300, 5e-324] {
            let (all, _) = said(&spec(64, 64, 10.0, &[(0.0, 5.0)]), &even(10.0, 64, |_| value), |_| false);
            assert!(all[63][0] == 0.0 && all[63][1].is_nan(), "{value}: {:?}", all[63]);
        }
        // What is very large is no trouble either.
        let (all, _) = said(&spec(64, 64, 10.0, &[(0.0, 5.0)]), &even(10.0, 64, |at| 1e300 * at.sin()), |_| false);
        assert!(all[63].iter().all(|value| value.is_finite()), "{:?}", all[63]);
    }

    #[test]
    fn what_is_kept_is_a_block() {
        let spec = spec(1_024, 512, 1_000.0, &[(0.0, 500.0)]);
        let (_, spectrum) = said(&spec, &even(1_000.0, 5_000, f64::sin), |_| false);
        assert_eq!(spectrum.heap_bytes(), 8_192);
    }

    proptest! {
        #[test]
        fn fast_lines_are_the_slow_ones(bits in 4u32..9, seed in any::<u64>()) {
            let mut state = seed;
            let mut random = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
            };
            let values: Vec<f64> = (0..1usize << bits).map(|_| random()).collect();
            let size: f64 = values.iter().map(|value| value * value).sum::<f64>() * values.len() as f64;
            for (fast, slow) in fast(&values).into_iter().zip(slowly(&values)) {
                prop_assert!((fast - slow).abs() <= 1e-13 * size, "{} and not {}", fast, slow);
            }
        }

        #[test]
        fn all_bands_together_have_the_variance_of_the_block_wherever_it_is_saved(
            bits in 4u32..8, values in prop::collection::vec(-20f64..20.0, 300), edges in prop::collection::vec(0f64..0.5, 0..4),
            hop in 1u32..64, saved in prop::collection::vec(any::<bool>(), 300)
        ) {
            let block = 1u32 << bits;
            let mut edges: Vec<f64> = edges.into_iter().chain([0.0, 0.5]).collect();
            edges.sort_by(f64::total_cmp);
            let bands: Vec<(f64, f64)> = edges.windows(2).map(|two| (two[0], two[1])).collect();
            let spec = spec(block, hop.min(block), 1.0, &bands);
            let readings: Vec<(Time, f64)> = values.iter().enumerate().map(|(at, value)| (Time::from_secs(at as i64), *value)).collect();
            let (all, _) = said(&spec, &readings, |_| false);
            for (end, said) in all.iter().enumerate().filter(|(_, said)| !said.is_empty()) {
                let inside = &values[end + 1 - block as usize..=end];
                let mean = inside.iter().sum::<f64>() / f64::from(block);
                let variance = inside.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / f64::from(block);
                let together: f64 = said[..bands.len()].iter().map(|rms| rms * rms).sum();
                prop_assert!((together - variance).abs() <= 1e-9 * variance, "{} and not {}", together, variance);
            }
            let (again, _) = said(&spec, &readings, |index| saved[index]);
            let bits = |all: &[Vec<f64>]| all.iter().map(|said| said.iter().map(|it| it.to_bits()).collect()).collect::<Vec<Vec<u64>>>();
            prop_assert_eq!(bits(&all), bits(&again));
        }
    }
}
