//! The tick clock of a live run: whole seconds, never back, whatever the wall's clock does.

use super::SECOND;
use crate::clock::Clock;
use ouzel_engine::time::{Span, Time};
use std::time::Instant;

/// The last tick: its second, and when it was given by a clock that nobody sets.
pub(super) struct Ticked {
    pub(super) second: Time,
    pub(super) when: Instant,
}

impl Ticked {
    /// Goes on where a second has passed, by the wall's clock or, while that stands behind us, by our own. Says whether.
    pub(super) fn advance(&mut self, clock: &Clock, now: Time) -> bool {
        let mut second = now.floor(SECOND, Span::ZERO);
        if second < self.second && matches!(clock, Clock::Wall) {
            second = self.second + Span::from_secs(self.when.elapsed().as_secs() as i64);
        }
        let steps = second > self.second;
        if steps {
            (self.second, self.when) = (second, Instant::now());
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ticks_go_on_while_the_walls_clock_stands_behind_them() {
        let mut ticked = Ticked { second: Time::from_secs(100), when: Instant::now() - Duration::from_millis(1_500) };
        assert!(ticked.advance(&Clock::Wall, Time::from_secs(50)));
        assert_eq!(ticked.second, Time::from_secs(101));
        assert!(!ticked.advance(&Clock::Wall, Time::from_secs(50)));
        assert!(ticked.advance(&Clock::Wall, Time::from_secs(103)));
    }
}
