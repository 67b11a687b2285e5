//! What flows: a reading of 24 bytes, and batches of them.
//!
//! ```text
//! offset  0        4      6        7      8               16              24
//!         series   place  quality  flags  time (ns, i64)  value (f64)
//! ```
//! `place` is the position in its message, so that what a device said at once stays in its order.

use crate::series::Series;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// One measurement of one channel of one device. Copied freely; the value is finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[repr(C)]
pub struct Reading {
    /// Which channel of which device.
    pub series: Series,
    /// Position in its message, from 0.
    pub place: u16,
    /// Whether the value may be trusted.
    pub quality: Quality,
    /// What else is to be known of it.
    pub flags: Flags,
    /// When it was measured, by the device's clock.
    pub time: Time,
    /// What was measured, in the channel's unit.
    pub value: f64,
}

const _: () = assert!(size_of::<Reading>() == 24);

/// Whether a value may be trusted. A bad reading reaches the lake, `missing` and no other statistic or detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Quality {
    /// Inside the channel's range, and the producer said nothing against it.
    #[default]
    Good,
    /// Outside the channel's plausible range: a sensor fault, not an anomaly.
    OutOfRange,
    /// The producer itself marked it as bad.
    Flagged,
}

/// A row with this series is a tick: no measurement, but the stream's clock moving on.
pub const TICK: Series = Series(u32::MAX);

/// The stream's clock, as the ticks tell it.
///
/// On the wall, or made from recorded times. A recorded clock lags behind the device that leads: a reading moves it
/// only when a second device follows. There, what is heard from a device ahead of the clock counts as heard at its own
/// time, or its next tick would make it seem silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamClock {
    now: Time,
    recorded: bool,
    /// When the process was started that gives the ticks now; silence counts from there at the earliest.
    started: Time,
}

impl Default for StreamClock {
    fn default() -> StreamClock {
        StreamClock { now: Time::MIN, recorded: true, started: Time::MIN }
    }
}

impl StreamClock {
    /// A tick has come; the clock never runs back.
    pub fn tick(&mut self, tick: &Reading) {
        self.now = self.now.max(tick.time);
        self.recorded = tick.flags.has(Flags::DATA_TIME);
        if tick.flags.has(Flags::START) {
            self.started = self.now;
        }
    }

    /// Where it stands; [`Time::MIN`] before the first tick.
    pub fn now(self) -> Time {
        self.now
    }

    /// When the process was started that gives the ticks now; [`Time::MIN`] where nobody has said.
    pub fn started(self) -> Time {
        self.started
    }

    /// When something of this time was heard, by this clock.
    #[inline]
    pub fn heard(self, time: Time) -> Time {
        if self.recorded || self.now == Time::MIN { self.now.max(time) } else { self.now }
    }
}

/// Bits that travel with a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flags(pub u8);

impl Flags {
    /// Nothing to say.
    pub const NONE: Flags = Flags(0);
    /// Came after its device's watermark had passed it.
    pub const LATE: Flags = Flags(1);
    /// The last reading of its message; set by wide formats only, where a message is a row.
    pub const END_OF_MESSAGE: Flags = Flags(2);
    /// Derived from a window that ended at its time: it stands for what was before, and windows over it count it so.
    pub const UP_TO: Flags = Flags(4);
    /// Of a tick: made from recorded times.
    pub const DATA_TIME: Flags = Flags(8);

    /// Of a tick: the process has just been started. Nobody was listened to before, so nobody was silent.
    pub const START: Flags = Flags(16);

    /// Whether all bits of `other` are set here.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These bits and those.
    #[must_use]
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl Reading {
    /// A good reading that stands alone in its message.
    pub fn new(series: Series, time: Time, value: f64) -> Reading {
        Reading { series, place: 0, quality: Quality::Good, flags: Flags::NONE, time, value }
    }

    /// The stream's clock has come to `now`. Ticks stand among the readings, with a number of their own, because
    /// their place in the order decides what they bring about.
    pub fn tick(now: Time) -> Reading {
        Reading::new(TICK, now, 0.0)
    }

    /// A tick made from the times of recorded readings, not from a clock on the wall.
    pub fn data_tick(now: Time) -> Reading {
        Reading { flags: Flags::DATA_TIME, ..Reading::tick(now) }
    }
}

/// Readings in order of arrival, with the numbers of the inputs they came as.
///
/// Every reading and every tick of a stream has a number, counted from 0 in order of arrival. A batch for one of
/// several shards has gaps, so the numbers stand beside the 24-byte rows; where there are none, `offsets` stays empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Number of the first row if there are no offsets, else the number the offsets count from.
    pub first: u64,
    /// The readings.
    pub rows: Vec<Reading>,
    /// Number of each row minus `first`; empty where the rows follow each other without a gap.
    pub offsets: Vec<u32>,
}

impl Batch {
    /// The number of row `index`.
    pub fn number(&self, index: usize) -> u64 {
        self.first + self.offsets.get(index).map_or(index as u64, |&offset| u64::from(offset))
    }
}
