//! What flows through a queue, by the second over the last minute: how fast it fills, when it will be full, and how much
//! of it was given up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Over so many seconds a rate is taken: a gulp does not count as a flood, and a flood is seen in time.
const RATE_OVER: usize = 10;

/// Over so many seconds it is looked at how much was given up; the present one is the last of them.
pub(super) const SPAN: usize = 60;

/// What will be full in more than a day is not filling.
const DAY: Duration = Duration::from_secs(86_400);

/// The longest that somebody is asked to stay away, in seconds.
const AWAY_MOST: f64 = 10.0;

/// What happened within a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// What was put in, by weight.
    pub(super) entered: u64,
    /// What was taken or given up out of the queue, by weight.
    pub(super) left: u64,
    /// Readings that came, whatever became of them.
    pub(super) received: u64,
    /// Of these, given up by the policy.
    pub(super) dropped: u64,
}

/// The last minute of a queue.
#[derive(Debug)]
pub(super) struct Flow {
    began: Instant,
    /// The number of the present second, from `began` on.
    second: u64,
    present: Tally,
    /// The seconds before it, the newest first.
    past: VecDeque<Tally>,
    /// What enters and leaves in a second; `None` before the first of them is over.
    rates: Option<(f64, f64)>,
}

impl Flow {
    pub(super) fn new(now: Instant) -> Flow {
        Flow { began: now, second: 0, present: Tally::default(), past: VecDeque::with_capacity(SPAN), rates: None }
    }

    /// The tally of the second that it is now. Two threads may ask the clock in one order and come here in the other, so a
    /// time before the present second is taken for it.
    pub(super) fn at(&mut self, now: Instant) -> &mut Tally {
        let second = now.saturating_duration_since(self.began).as_secs();
        if second > self.second {
            self.roll(second);
        }
        &mut self.present
    }

    fn roll(&mut self, second: u64) {
        // Of a longer pause only the last minute is left.
        for _ in 0..(second - self.second).min(SPAN as u64) {
            self.past.truncate(SPAN - 2);
            self.past.push_front(std::mem::take(&mut self.present));
        }
        self.second = second;
        let recent = self.past.len().min(RATE_OVER);
        let (mut entered, mut left) = (0, 0);
        for tally in self.past.iter().take(recent) {
            entered += tally.entered;
            left += tally.left;
        }
        self.rates = Some((entered as f64 / recent as f64, left as f64 / recent as f64));
    }

    /// When `room` will be used up if it goes on as in the last ten seconds; `None`: it is not filling.
    pub(super) fn full_in(&self, room: u64) -> Option<Duration> {
        let (entered, left) = self.rates?;
        let net = entered - left;
        if net <= 0.0 {
            return None;
        }
        Duration::try_from_secs_f64(room as f64 / net).ok().filter(|&wait| wait < DAY)
    }

    /// After how many seconds `much` of the queue will have left.
    pub(super) fn gone_in(&self, much: u64) -> u32 {
        match self.rates {
            _ if much == 0 => 1,
            None => 1,
            // Nothing left for ten seconds: nobody knows when it goes on.
            Some((_, left)) => (much as f64 / left).ceil().clamp(1.0, AWAY_MOST) as u32,
        }
    }

    /// How many readings came in the last minute, and how many of them were given up.
    pub(super) fn given_up(&self) -> (u64, u64) {
        let all = self.past.iter().chain([&self.present]);
        all.fold((0, 0), |(received, dropped), tally| (received + tally.received, dropped + tally.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_told_when_a_queue_will_be_full() {
        let begin = Instant::now();
        let mut flow = Flow::new(begin);
        for second in 0..20 {
            let tally = flow.at(begin + second * SECOND);
            tally.entered += 300;
            tally.left += 200;
            // The first second must be over.
            let expected = (second > 0).then_some(50 * SECOND);
            assert_eq!(flow.full_in(5_000), expected);
        }
        // It empties: ten seconds later the flood is forgotten.
        for second in 20..=30 {
            flow.at(begin + second * SECOND).left += 200;
        }
        assert_eq!(flow.full_in(5_000), None);
        assert_eq!(flow.gone_in(900), 5);
        flow.at(begin + 100 * SECOND);
        assert_eq!((flow.gone_in(900), flow.gone_in(0), flow.full_in(1)), (10, 1, None));
    }

    #[test]
    fn what_was_given_up_is_forgotten_after_a_minute() {
        let begin = Instant::now();
        let mut flow = Flow::new(begin);
        *flow.at(begin) = Tally { received: 100, dropped: 10, ..Tally::default() };
        for (second, expected) in [(1, (100, 10)), (59, (100, 10)), (60, (0, 0)), (1_000_000_000, (0, 0))] {
            flow.at(begin + second * SECOND);
            assert_eq!(flow.given_up(), expected, "{second}");
        }
        // A clock that was asked a little earlier.
        flow.at(begin).received += 1;
        assert_eq!(flow.given_up(), (1, 0));
    }
}
