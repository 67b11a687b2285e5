//! Drives sources: retry with back-off and jitter, stop, and metrics, once for all of them.

use super::notice::Notices;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::queue::Queue;
use ouzel_connect::fault::Retry;
use ouzel_connect::source::live::LiveSource;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// Waits between tries: twice as long each time, up to a bound, and never just as long as everybody else's.
#[derive(Debug)]
pub(super) struct BackOff {
    tries: u32,
}

impl BackOff {
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(30);

    pub(super) fn new() -> BackOff {
        BackOff { tries: 0 }
    }

    /// How long to wait now: between half and all of the step.
    pub(super) fn next(&mut self) -> Duration {
        let step = BackOff::FIRST.saturating_mul(1 << self.tries.min(16)).min(BackOff::LONGEST);
        self.tries += 1;
        // The seeds of hash maps are the only chance that the standard library gives.
        let chance = RandomState::new().hash_one(self.tries) as f64 / u64::MAX as f64;
        step.mul_f64(0.5 + chance / 2.0)
    }

    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// How often a source that waits is asked whether it is connected.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A source's driver.
pub(super) struct SourceDriver {
    pub(super) name: String,
    pub(super) source: Box<dyn LiveSource>,
    pub(super) queue: Arc<Queue>,
    pub(super) counters: Arc<Counters>,
    /// Its place among the counters.
    pub(super) index: usize,
    pub(super) clock: Clock,
    pub(super) notices: Notices,
    pub(super) stop: watch::Receiver<bool>,
}

impl SourceDriver {
    /// Runs until the source ends or the run is stopped. Its queue is closed then.
    pub(super) async fn run(mut self) {
        // Closed however this ends, so that nobody waits for what will not come.
        let _closed = Closed(Arc::clone(&self.queue));
        let mut back_off = BackOff::new();
        let mut away = false;
        self.source.heed(self.queue.pressure());
        loop {
            let counters = &self.counters.sources[self.index];
            let (lost, turned_away) = (self.source.lost(), self.source.turned_away());
            counters.lost.add(lost.saturating_sub(counters.lost.get()));
            counters.turned_away.add(turned_away.saturating_sub(counters.turned_away.get()));
            let next = tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => break,
                next = self.source.next() => next,
                () = tokio::time::sleep(LOOK_EVERY) => {
                    counters.connected.store(self.source.connected(), Ordering::Relaxed);
                    continue;
                }
            };
            match next {
                Ok(Some(packet)) => {
                    counters.messages.add(1);
                    counters.bytes.add(packet.bytes);
                    counters.last_packet_us.set(self.clock.now().0 / 1_000);
                    counters.connected.store(true, Ordering::Relaxed);
                    back_off.reset();
                    if std::mem::take(&mut away) {
                        self.notices.note(format!("source `{}` is back", self.name));
                    }
                    tokio::select! {
                        biased;
                        () = self.queue.put(packet) => {}
                        // What nobody has room for is not acknowledged, and will be sent again.
                        _ = self.stop.wait_for(|stop| *stop) => break,
                    }
                }
                Ok(None) => {
                    self.notices.note(format!("source `{}` has come to its end", self.name));
                    break;
                }
                Err(fault) => {
                    counters.connected.store(false, Ordering::Relaxed);
                    counters.retries.add(1);
                    self.notices.warn(format!("source `{}`: {fault}", self.name));
                    let wait = match fault.retry {
                        Retry::Never => break,
                        Retry::Now => {
                            away = true;
                            continue;
                        }
                        Retry::Later => back_off.next(),
                        Retry::After(wait) => wait,
                    };
                    away = true;
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = self.stop.wait_for(|stop| *stop) => break,
                    }
                }
            }
        }
        self.counters.sources[self.index].connected.store(false, Ordering::Relaxed);
    }
}

/// Closes a queue.
struct Closed(Arc<Queue>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ() {
        let mut back_off = BackOff::new();
        let waits: Vec<Duration> = (0..40).map(|_| back_off.next()).collect();
        assert!(waits[0] >= BackOff::FIRST / 2 && waits[0] <= BackOff::FIRST);
        assert!(waits[39] >= BackOff::LONGEST / 2 && waits[39] <= BackOff::LONGEST);
        assert!(waits[20..].windows(2).any(|pair| pair[0] != pair[1]));
    }
}
