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
        let mut named = None;
        loop {
            // Devices are retired, and leave room for others.
            if let Some(names) = self.queue.names().filter(|names| named != Some(*names)) {
                self.source.limit(names);
                named = Some(names);
            }
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
    use crate::counters::SourceCounters;
    use crate::queue::{QueueSettings, WhenFull};
    use ouzel_connect::source::live::{Next, Packet, Pressure};

    /// A source that hands over what its queue was like when it was first asked.
    struct Heedful {
        pressure: Option<Pressure>,
        packets: u64,
    }

    impl LiveSource for Heedful {
        fn next(&mut self) -> Next<'_> {
            assert!(self.pressure.as_ref().is_some_and(|pressure| pressure.get().waits));
            self.packets += 1;
            let packet = Packet { bytes: 7, ..Packet::default() };
            let next = (self.packets <= 3).then_some(packet);
            Box::pin(async { Ok(next) })
        }

        fn turned_away(&self) -> u64 {
            self.packets
        }

        fn heed(&mut self, pressure: Pressure) {
            assert!(self.pressure.replace(pressure).is_none());
        }
    }

    /// A driver of this source, and what stops it.
    fn driver(source: Box<dyn LiveSource>) -> (SourceDriver, watch::Sender<bool>) {
        let counters = Arc::new(Counters { sources: vec![SourceCounters::default()].into(), ..Counters::default() });
        let settings = QueueSettings { holds: 100, when_full: WhenFull::Block, spill: 0 };
        let queue = Arc::new(Queue::new(settings, Arc::default(), Arc::clone(&counters), 0));
        let (stop, stopped) = watch::channel(false);
        let driver = SourceDriver {
            name: "floor".to_owned(),
            source,
            queue,
            counters,
            index: 0,
            clock: Clock::manual(ouzel_engine::time::Time(0)),
            notices: Notices::new().0,
            stop: stopped,
        };
        (driver, stop)
    }

    #[tokio::test]
    async fn a_source_knows_its_queue_and_what_came_of_it_is_counted() {
        let (driver, _stop) = driver(Box::new(Heedful { pressure: None, packets: 0 }));
        let counters = Arc::clone(&driver.counters);
        driver.run().await;
        let source = &counters.sources[0];
        assert_eq!((source.messages.get(), source.bytes.get(), source.turned_away.get()), (3, 21, 3));
    }

    #[cfg(feature = "http")]
    #[tokio::test]
    async fn who_waits_hears_that_nothing_can_be_kept_and_is_taken_once_it_can() {
        use ouzel_connect::source::http::{Http, Settings, listen, serve};
        use ouzel_connect::source::live::Fate;
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        /// Posts so many readings; the answer.
        async fn post(at: std::net::SocketAddr, readings: usize) -> String {
            let body = "m a=1\n".repeat(readings);
            let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
            let head =
                format!("POST /write HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}", body.len());
            stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        }

        let now = Arc::new(|| ouzel_engine::time::Time::from_secs(1_000));
        let http = Http::new("floor", &Settings::default(), ouzel_engine::series::Timing::default(), now).unwrap();
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (at, routes) = (listener.local_addr().unwrap(), http.routes());
        tokio::spawn(serve(listener, routes, std::future::pending()));
        let (driver, stop) = driver(Box::new(http));
        let (queue, counters) = (Arc::clone(&driver.queue), Arc::clone(&driver.counters));
        let run = tokio::spawn(driver.run());
        // One is in the queue, and one waits for room.
        let waiting = [tokio::spawn(post(at, 60)), tokio::spawn(post(at, 60))];
        while queue.pressure().get().level < 1.0 {
            tokio::task::yield_now().await;
        }
        queue.refuse(Some("the disk of the journal is full"));
        for answer in waiting {
            let answer = answer.await.unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 507") && answer.contains("nothing of this request was kept"),
                "{answer}"
            );
        }
        let answer = post(at, 60).await;
        assert!(answer.starts_with("HTTP/1.1 507") && answer.contains("nothing of this request was read"), "{answer}");
        assert!(answer.contains("the disk of the journal is full") && answer.contains("retry-after: 1"), "{answer}");

        queue.refuse(None);
        let kept = tokio::spawn(post(at, 60));
        let mut taken = Vec::new();
        while taken.is_empty() {
            tokio::task::yield_now().await;
            queue.take(1, &mut taken);
        }
        // The names are those of the packets that were refused.
        let (_, mut packet) = taken.remove(0);
        assert_eq!((packet.rows.len(), packet.declarations.len()), (60, 2));
        packet.ack.take().unwrap().tell(Fate::Kept);
        assert!(kept.await.unwrap().starts_with("HTTP/1.1 204"));
        stop.send(true).unwrap();
        run.await.unwrap();
        let source = &counters.sources[0];
        assert_eq!((source.received.get(), source.dropped.get(), source.drops.refused.get()), (180, 120, 120));
        assert_eq!((source.messages.get(), source.bytes.get()), (3, 3 * 60 * 6));
    }

    #[test]
    fn waits_grow_to_a_bound_and_differ() {
        let mut back_off = BackOff::new();
        let waits: Vec<Duration> = (0..40).map(|_| back_off.next()).collect();
        assert!(waits[0] >= BackOff::FIRST / 2 && waits[0] <= BackOff::FIRST);
        assert!(waits[39] >= BackOff::LONGEST / 2 && waits[39] <= BackOff::LONGEST);
        assert!(waits[20..].windows(2).any(|pair| pair[0] != pair[1]));
    }
}
