//! How far a device's clock is behind ours, as far as that can be told from here.
//!
//! Of each message we know when it arrived and what time its newest reading says. The difference is the error of the
//! device's clock and the time the message was under way, and only the latter varies from one message to the next, so the
//! smallest difference of several is the nearest to the clock's error (NTP filters its samples by the same thought). The
//! estimate is the smallest of the last 16 to 32 messages: two halves of 16, of which the older is forgotten when the
//! newer is full. A network or a sender that always takes long looks like a clock that is behind, and so do recorded
//! readings that are sent now; for those who look at charts it is the same.

use ouzel_engine::time::Time;

/// See the head of this file: twelve bytes a device.
#[derive(Clone, Copy, Debug)]
pub struct Skew {
    /// The smallest difference of the half before, in seconds; infinity: none yet. `f32` has milliseconds up to hours,
    /// and minutes where a clock stands in 1970.
    before: f32,
    /// The smallest of this half.
    now: f32,
    /// Messages of this half.
    count: u8,
}

impl Default for Skew {
    fn default() -> Skew {
        Skew { before: f32::INFINITY, now: f32::INFINITY, count: 0 }
    }
}

impl Skew {
    /// Messages of one half.
    const HALF: u8 = 16;

    /// Before so many messages nothing is said: the first ones after a connect often waited for it.
    const FEW: u8 = 4;

    /// What is less is told to nobody: a sync of the journal, a busy broker, a clock set by hand.
    pub const BEYOND_S: f64 = 2.0;

    /// A message begins; its readings follow.
    pub fn message(&mut self) {
        if self.count >= Skew::HALF {
            (self.before, self.now, self.count) = (self.now, f32::INFINITY, 0);
        }
        self.count += 1;
    }

    /// A reading of the message.
    pub fn reading(&mut self, time: Time, arrived: Time) {
        self.now = self.now.min(arrived.since(time).as_secs_f64() as f32);
    }

    /// How far it is behind, in seconds; less than nothing: it is ahead. `None` while too little is known.
    pub fn behind_s(&self) -> Option<f64> {
        let known = self.before.is_finite() || self.count >= Skew::FEW;
        Some(f64::from(self.now.min(self.before))).filter(|behind| known && behind.is_finite())
    }

    /// The same where people should know of it, in tenths of a second.
    pub fn told_s(&self) -> Option<f64> {
        let told = self.behind_s().filter(|behind| behind.abs() > Skew::BEYOND_S);
        told.map(|behind| (behind * 10.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::time::Span;

    /// A device whose clock is `behind`, heard through a network that takes 0 to 3 s.
    fn heard(skew: &mut Skew, from: i64, messages: i64, behind: i64) {
        for second in from..from + messages {
            let sent = Time::from_secs(second);
            let arrived = sent + Span::from_millis(50 + (second * 7_919) % 3_000);
            skew.message();
            skew.reading(sent - Span::from_millis(behind + 400), arrived);
            skew.reading(sent - Span::from_millis(behind), arrived);
        }
    }

    #[test]
    fn a_slow_network_is_not_taken_for_a_slow_clock() {
        let mut skew = Skew::default();
        heard(&mut skew, 0, 3, 0);
        assert_eq!(skew.behind_s(), None);
        heard(&mut skew, 3, 200, 0);
        assert!(skew.behind_s().unwrap() < 0.5, "{skew:?}");
        assert_eq!(skew.told_s(), None);
    }

    #[test]
    fn a_clock_that_is_behind_or_ahead_is_told_and_one_that_was_set_right_is_not() {
        let mut skew = Skew::default();
        heard(&mut skew, 0, 50, 3_200);
        assert!((3.2..3.6).contains(&skew.told_s().unwrap()), "{skew:?}");
        heard(&mut skew, 50, 40, -60_000);
        assert!((-60.0..-59.0).contains(&skew.told_s().unwrap()), "{skew:?}");
        heard(&mut skew, 90, 33, 0);
        assert_eq!(skew.told_s(), None, "{skew:?}");
    }

    #[test]
    fn a_clock_in_1970_is_no_reason_to_overflow() {
        let mut skew = Skew::default();
        for _ in 0..9 {
            skew.message();
            skew.reading(Time(0), Time::from_secs(1_763_704_800));
            skew.reading(Time::MIN, Time::MAX);
        }
        assert!((1.7e9..1.8e9).contains(&skew.told_s().unwrap()), "{skew:?}");
        assert_eq!(size_of::<Skew>(), 12);
    }
}
