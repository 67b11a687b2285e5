//! What time it is: the clock on the wall, or one that a test moves by hand.

use ouzel_engine::time::{Span, Time};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// The clock of a live run: arrival times, ticks and the simulator ask it.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    Wall,
    /// Stands still until it is moved.
    Manual(Arc<watch::Sender<Time>>),
}

impl Clock {
    /// A clock that stands at `now` until it is moved.
    pub fn manual(now: Time) -> Clock {
        Clock::Manual(Arc::new(watch::Sender::new(now)))
    }

    /// The time.
    pub fn now(&self) -> Time {
        match self {
            Clock::Wall => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
            }
            Clock::Manual(now) => *now.borrow(),
        }
    }

    /// Waits until it is `time` or later.
    pub async fn until(&self, time: Time) {
        match self {
            Clock::Wall => {
                let wait = time.since(self.now());
                if wait > Span::ZERO {
                    tokio::time::sleep(Duration::from_nanos(wait.0.unsigned_abs())).await;
                }
            }
            Clock::Manual(now) => {
                // The sender lives in this clock, so it cannot have gone.
                let _ = now.subscribe().wait_for(|&now| now >= time).await;
            }
        }
    }

    /// Moves a manual clock on; the wall's goes by itself.
    pub fn advance(&self, by: Span) {
        if let Clock::Manual(now) = self {
            now.send_modify(|now| *now = *now + by);
        }
    }
}
