//! What time it is: the clock on the wall, or one that a test moves by hand.

use ouzel_engine::time::{Span, Time};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// The clock of a live run: arrival times, ticks and the simulator ask it.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    Wall,
    /// Stands still until it is moved.
    Manual(Arc<Manual>),
}

/// A clock that a test moves, and who plays by it.
#[derive(Debug)]
pub struct Manual {
    now: watch::Sender<Time>,
    /// Until when those that play by it sleep, and how many there are. A lock, held to count.
    sleeping: Mutex<Vec<Time>>,
    players: AtomicUsize,
}

impl Manual {
    /// Hears of every move.
    pub fn moves(&self) -> watch::Receiver<Time> {
        self.now.subscribe()
    }

    /// Somebody plays by the clock from now on: before time moves on, everybody has to sleep again.
    pub fn join(&self) {
        self.players.fetch_add(1, Ordering::SeqCst);
    }

    /// The opposite of [`Manual::join`].
    pub fn leave(&self) {
        self.players.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether all players sleep until some later time.
    pub fn all_sleep(&self) -> bool {
        let now = *self.now.borrow();
        let sleeping = self.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
        sleeping.iter().filter(|until| **until > now).count() >= self.players.load(Ordering::SeqCst)
    }
}

/// Stands in the list of sleepers; leaves it however the sleep ends.
struct Sleep<'c>(&'c Manual, Time);

impl<'c> Sleep<'c> {
    fn begin(clock: &'c Manual, until: Time) -> Sleep<'c> {
        clock.sleeping.lock().unwrap_or_else(PoisonError::into_inner).push(until);
        Sleep(clock, until)
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        let mut sleeping = self.0.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = sleeping.iter().position(|until| *until == self.1) {
            sleeping.swap_remove(at);
        }
    }
}

impl Clock {
    /// A clock that stands at `now` until it is moved.
    pub fn manual(now: Time) -> Clock {
        let (sleeping, players) = (Mutex::default(), AtomicUsize::new(0));
        Clock::Manual(Arc::new(Manual { now: watch::Sender::new(now), sleeping, players }))
    }

    /// The time.
    pub fn now(&self) -> Time {
        match self {
            Clock::Wall => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
            }
            Clock::Manual(clock) => *clock.now.borrow(),
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
            Clock::Manual(clock) => {
                let _sleep = Sleep::begin(clock, time);
                // The sender lives in this clock, so it cannot have gone.
                let _ = clock.now.subscribe().wait_for(|&now| now >= time).await;
            }
        }
    }

    /// Moves a manual clock on; the wall's goes by itself.
    pub fn advance(&self, by: Span) {
        if let Clock::Manual(clock) = self {
            clock.now.send_modify(|now| *now = *now + by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_plays_by_the_clock_wakes_when_it_is_moved_and_sleeps_again() {
        let clock = Clock::manual(Time(0));
        let Clock::Manual(manual) = &clock else { unreachable!() };
        manual.join();
        assert!(!manual.all_sleep());
        let mut sleep = Box::pin(clock.until(Time(5)));
        assert!(futures_poll(&mut sleep).await.is_pending());
        assert!(manual.all_sleep());
        clock.advance(Span(5));
        assert!(!manual.all_sleep());
        sleep.await;
        assert_eq!(clock.now(), Time(5));
    }

    /// One look at a future.
    async fn futures_poll(future: &mut (impl Future<Output = ()> + Unpin)) -> std::task::Poll<()> {
        let mut future = Some(future);
        std::future::poll_fn(move |cx| {
            let polled = future.take().map(|future| std::pin::Pin::new(future).poll(cx));
            std::task::Poll::Ready(polled.unwrap_or(std::task::Poll::Pending))
        })
        .await
    }
}
