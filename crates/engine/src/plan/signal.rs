//! Parts of a `[feature.NAME]` section that know of the clock on the wall, of days, and of frequencies.

use super::Zone;
use serde::{Deserialize, Serialize};

/// Where the hands of a clock stand, as points of a circle: 23:59 is near 0:00.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockSpec {
    /// Where the clock hangs.
    pub zone: Zone,
    /// What it gives.
    pub give: Vec<Hand>,
}

/// Sine and cosine of a full turn's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hand {
    /// The hour that is shown, 0 to 23, of 24.
    HourSin,
    /// See `HourSin`.
    HourCos,
    /// How much of the day is over, by the clock on the wall.
    DaySin,
    /// See `DaySin`.
    DayCos,
    /// The day of the week, Monday 0, of 7.
    WeekdaySin,
    /// See `WeekdaySin`.
    WeekdayCos,
    /// How much of the week is over, from Monday on.
    WeekSin,
    /// See `WeekSin`.
    WeekCos,
}

impl Hand {
    /// All of them, in the order of the manual.
    pub const NAMED: [(&'static str, Hand); 8] = [
        ("hour_sin", Hand::HourSin),
        ("hour_cos", Hand::HourCos),
        ("day_sin", Hand::DaySin),
        ("day_cos", Hand::DayCos),
        ("weekday_sin", Hand::WeekdaySin),
        ("weekday_cos", Hand::WeekdayCos),
        ("week_sin", Hand::WeekSin),
        ("week_cos", Hand::WeekCos),
    ];
}

/// What is usual at this time of day: the median of the slot and its two neighbours over the last days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DailySpec {
    /// Pieces of a day, by the clock on the wall; from [`DailySpec::SLOTS_LEAST`] to [`DailySpec::SLOTS_MOST`].
    pub slots: u32,
    /// Days back, today not among them; from 2 to [`DailySpec::DAYS_MOST`].
    pub days: u32,
    /// Where the days are counted.
    pub zone: Zone,
    /// What it gives.
    pub give: Vec<Daily>,
}

/// What is said of the time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Daily {
    /// The median.
    Expected,
    /// The value less the median.
    Residual,
}

impl Daily {
    /// Both, in the order of the manual.
    pub const NAMED: [(&'static str, Daily); 2] =
        [("daily_expected", Daily::Expected), ("daily_residual", Daily::Residual)];
}

impl DailySpec {
    /// Coarser pieces than a quarter of a day say nothing of it.
    pub const SLOTS_LEAST: u32 = 4;
    /// 43 s, finer than any daily routine.
    pub const SLOTS_MOST: u32 = 2_000;
    /// Two months: what is older is another season.
    pub const DAYS_MOST: u32 = 60;
    /// Fewer values than this have no median worth the name.
    pub const VALUES_LEAST: usize = 6;

    /// The slots that are kept: those of the days, and a neighbour on both sides.
    pub fn kept(&self) -> usize {
        self.slots as usize * self.days as usize + 2
    }
}

/// How strong a vibration is in bands of frequencies, block by block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectrumSpec {
    /// Readings a second.
    pub hertz: f64,
    /// Readings of a block: a power of two from [`SpectrumSpec::BLOCK_LEAST`] to [`SpectrumSpec::BLOCK_MOST`].
    pub block: u32,
    /// Readings from the beginning of a block to that of the next; from 1 to `block`.
    pub hop: u32,
    /// Frequencies from the first up to the second, without it, in hertz.
    pub bands: Vec<(f64, f64)>,
    /// What it gives.
    pub give: Vec<Spectral>,
}

/// What is said of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spectral {
    /// Root of the mean square of what is in a band, by its place in [`SpectrumSpec::bands`].
    Band(u16),
    /// The frequency of the strongest line, in hertz.
    Peak,
}

impl SpectrumSpec {
    /// The shortest block: eight lines.
    pub const BLOCK_LEAST: u32 = 16;
    /// The longest: half a megabyte a series.
    pub const BLOCK_MOST: u32 = 65_536;

    /// The readings from one block to the next, where blocks share so much, 0 to 1.
    pub fn hop_of(block: u32, overlap: f64) -> u32 {
        // Rounding is of no weight: it is a whole number for all that people write.
        ((f64::from(block) * (1.0 - overlap)).round() as u32).clamp(1, block.max(1))
    }
}
