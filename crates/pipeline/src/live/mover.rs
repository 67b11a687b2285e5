//! Moves a manual clock on, and waits until all that follows from it is done.

use crate::clock::Clock;
use crate::counters::Counters;
use crate::queue::{Bell, Queue};
use ouzel_engine::time::Span;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// See [`Live::mover`].
#[derive(Clone)]
pub struct Mover {
    clock: Clock,
    bell: Arc<Bell>,
    queues: Vec<Arc<Queue>>,
    counters: Arc<Counters>,
}

impl Mover {
    pub(super) fn new(clock: &Clock, bell: &Arc<Bell>, queues: &[Arc<Queue>], counters: &Arc<Counters>) -> Mover {
        let (bell, counters) = (Arc::clone(bell), Arc::clone(counters));
        Mover { clock: clock.clone(), bell, queues: queues.to_vec(), counters }
    }

    /// Moves the clock on, and waits until all that follows from it is done.
    pub async fn advance(&self, by: Span) {
        let mut left = by;
        while left > Span::ZERO {
            let step = left.min(Span::from_millis(100));
            self.clock.advance(step);
            left = Span(left.0 - step.0);
            self.settle().await;
        }
    }

    /// Waits until nothing is on its way: whoever plays by the clock sleeps, the queues are empty, the intake has looked
    /// round since, and all that it wrote was worked off.
    async fn settle(&self) {
        let Clock::Manual(clock) = &self.clock else { return };
        while !clock.all_sleep() || self.queues.iter().any(|queue| !queue.is_empty()) {
            tokio::time::sleep(LOOK).await;
        }
        // The first round may have begun before the ring.
        let rounds = self.counters.rounds.get();
        while self.counters.rounds.get() < rounds + 2 || self.counters.records.get() > self.counters.followed.get() {
            self.bell.ring();
            tokio::time::sleep(LOOK).await;
        }
        // A sink that does not take what it gets is not waited for.
        let until = Instant::now() + SINKS;
        while self.counters.sinks.iter().any(|sink| sink.waiting() > 0) && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How often somebody who waits for a run to come to rest looks at it.
const LOOK: Duration = Duration::from_micros(200);

/// How long a sink may take for what a step of the clock brought about.
const SINKS: Duration = Duration::from_secs(1);

/// A manual clock rings for the intake when it is moved.
pub(super) fn ring_on_advance(clock: &Clock, bell: &Arc<Bell>) {
    if let Clock::Manual(now) = clock {
        let (mut moved, bell) = (now.moves(), Arc::clone(bell));
        tokio::spawn(async move {
            while moved.changed().await.is_ok() {
                bell.ring();
            }
        });
    }
}
