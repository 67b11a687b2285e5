//! What a live run counts. Written by the parts, read by the server at any time; no part waits for another here.

mod row;

pub use row::Row;

use crate::counted::{FeatureCount, FilterCount, JoinCount};
use crate::queue::Reason;
use ouzel_engine::lateness::LateCounts;
use ouzel_engine::time::{Span, Time};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    /// Sets it.
    pub fn set(&self, level: i64) {
        self.0.store(level, Ordering::Relaxed);
    }

    /// What it is.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is so now, where that is more than a number. A lock, because nothing smaller is read whole; it is held for a copy,
/// and what is in it changes seldom.
#[derive(Debug, Default)]
pub struct Latest<T>(Mutex<T>);

impl<T: Clone> Latest<T> {
    /// Sets it.
    pub fn set(&self, what: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// What it is.
    pub fn get(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A time that something takes, in milliseconds, where there is one.
#[derive(Debug)]
pub struct Wait(AtomicU64);

impl Wait {
    const NONE: u64 = u64::MAX;

    /// Sets it.
    pub fn set(&self, wait: Option<Duration>) {
        let millis = wait.map_or(Wait::NONE, |wait| u64::try_from(wait.as_millis()).unwrap_or(Wait::NONE));
        self.0.store(millis, Ordering::Relaxed);
    }

    /// What it is.
    pub fn get(&self) -> Option<Duration> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&millis| millis != Wait::NONE).map(Duration::from_millis)
    }
}

impl Default for Wait {
    fn default() -> Wait {
        Wait(AtomicU64::new(Wait::NONE))
    }
}

/// All counters of a live run.
#[derive(Debug, Default)]
pub struct Counters {
    /// Of each source, in the order of the config.
    pub sources: Row<SourceCounters>,
    /// Of each sink, in the order of the config.
    pub sinks: Row<SinkCounters>,
    /// Readings in the journal, and so never lost.
    pub journalled: Count,
    /// Records written to the journal.
    pub records: Count,
    /// Of these, worked off.
    pub followed: Count,
    /// Rounds of the intake.
    pub rounds: Count,
    /// Bytes written to the journal.
    pub journal_bytes: Count,
    /// Syncs of the journal.
    pub syncs: Count,
    /// How long a sync took.
    pub sync_time: Histogram,
    /// Readings that the shards have worked off.
    pub worked: Count,
    /// Readings of earlier processes that were read again from the journal at the start.
    pub past: Count,
    /// Readings that came later than their device's watermark.
    pub late: Count,
    /// Readings that filters turned away and told of.
    pub filtered: Count,
    /// Aggregates that came out.
    pub aggregates: Count,
    /// Anomalies that came out.
    pub anomalies: Count,
    /// Alerts that fired; not their changes.
    pub alerts: Count,
    /// Alerts firing now.
    pub firing: Level,
    /// Devices known.
    pub devices: Level,
    /// Series known.
    pub series: Level,
    /// How often a device has started a new key, because its tags were others; and how often it could not.
    pub moved: Count,
    /// See `moved`.
    pub unmoved: Count,
    /// From the arrival of a message to all that follows from it.
    pub latency: Histogram,
    /// Readings in files of the lake.
    pub lake_readings: Level,
    /// Files of the lake.
    pub lake_files: Level,
    /// Steps that a page missed because it looked on too slowly.
    pub unseen: Count,
    /// Bytes of the journal that are there now, and how many it may have.
    pub journal_held: Level,
    /// See `journal_held`.
    pub journal_holds: Level,
    /// Bytes of the output log that are there now.
    pub outputs_held: Level,
    /// Bytes written to the output log.
    pub outputs_bytes: Count,
    /// Checkpoints made.
    pub checkpoints: Count,
    /// Bytes written for them.
    pub checkpoint_bytes: Count,
    /// How long the worker stood still for each.
    pub checkpoint_pause: Histogram,
    /// When the newest was made, in microseconds since 1970; 0: none yet.
    pub checkpoint_us: Level,
    /// From the time of a reading, by its own clock, to its arrival here; those that came ahead of it count as none.
    pub travel: Histogram,
    /// From the arrival of a message to the moment it is durable.
    pub durable: Histogram,
    /// Readings that the journal only refers to, and that could not be read again.
    pub unread: Count,
    /// The journal cannot be written now.
    pub full: AtomicBool,
    /// How late readings came, and what became of late ones that did not go aside.
    pub late_counts: Latest<LateCounts>,
    /// What filters with a condition have let through.
    pub filters: Latest<Vec<FilterCount>>,
    /// What features have given and withheld.
    pub features: Latest<Vec<FeatureCount>>,
    /// What joins have found.
    pub joins: Latest<Vec<JoinCount>>,
    /// Parts of groups that came after their window.
    pub missed: Level,
    /// Devices whose clock is too far ahead of the one here.
    pub quarantined: Level,
    /// The first of them.
    pub quarantine: Latest<Vec<Quarantined>>,
}

/// A device whose readings go aside, because its clock is too far ahead of the one here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its name.
    pub device: String,
    /// The source that it was heard by.
    pub source: String,
    /// Since when, by the clock here.
    pub since: Time,
    /// How far it was ahead then.
    pub by: Span,
}

/// A source's. `received = passed on + dropped + held`, in readings, whenever nobody is in the middle of a step.
#[derive(Debug, Default)]
pub struct SourceCounters {
    /// Its name.
    pub name: String,
    /// Messages (or packets) that came.
    pub messages: Count,
    /// Readings that came.
    pub received: Count,
    /// Readings handed on to the journal, those known already among them.
    pub passed: Count,
    /// Readings given up by the queue, whatever the reason.
    pub dropped: Count,
    /// The same by reason; their sum is `dropped`.
    pub drops: Drops,
    /// Bytes that came, as they were sent, where that is known: bodies of HTTP, messages of MQTT.
    pub bytes: Count,
    /// Requests that were asked to come again, or refused, before they were read.
    pub turned_away: Count,
    /// Messages given up before they were readings: QoS 0 that came faster than it could be read.
    pub lost: Count,
    /// Readings in the queue.
    pub held: Level,
    /// What fills the queue, in readings' worth: input that could not be read takes room, too.
    pub used: Level,
    /// Readings the queue may hold.
    pub holds: Level,
    /// When the queue will be full if it goes on as in the last ten seconds; none while it is not filling.
    pub full_in: Wait,
    /// Readings that were in the journal already and were not taken a second time.
    pub known: Count,
    /// Readings of messages that came before, by the numbers of their devices, and were not taken a second time.
    pub duplicates: Count,
    /// Readings that went aside because their time lay too far ahead of the clock here.
    pub ahead: Count,
    /// Pieces of input that could not be read.
    pub rejected: Count,
    /// Empty cells.
    pub absent: Count,
    /// Times that it could not go on and was tried again.
    pub retries: Count,
    /// Connected now.
    pub connected: AtomicBool,
    /// When the last packet came, in microseconds since 1970; 0: none yet.
    pub last_packet_us: Level,
}

impl SourceCounters {
    /// How full the queue is, from 0 to 1; with a packet that is larger than the queue, more.
    pub fn utilisation(&self) -> f64 {
        self.used.get() as f64 / self.holds.get().max(1) as f64
    }
}

/// Readings that a queue gave up, by reason.
#[derive(Debug, Default)]
pub struct Drops {
    /// The oldest ones, for new ones.
    pub oldest: Count,
    /// New ones, for which there was no room.
    pub newest: Count,
    /// Chosen by chance.
    pub random: Count,
    /// Left out by sampling.
    pub sampled: Count,
    /// Nothing could be kept, and the sender was told so at once.
    pub refused: Count,
}

impl Drops {
    /// The counter of a reason.
    pub fn of(&self, reason: Reason) -> &Count {
        match reason {
            Reason::Oldest => &self.oldest,
            Reason::Newest => &self.newest,
            Reason::Random => &self.random,
            Reason::Sampled => &self.sampled,
            Reason::Refused => &self.refused,
        }
    }

    /// All of them, by the words of metrics and API.
    pub fn all(&self) -> [(&'static str, &Count); 5] {
        [
            ("oldest", &self.oldest),
            ("newest", &self.newest),
            ("random", &self.random),
            ("sampled", &self.sampled),
            ("refused", &self.refused),
        ]
    }
}

/// A sink's.
#[derive(Debug, Default)]
pub struct SinkCounters {
    /// Its name.
    pub name: String,
    /// Outputs delivered.
    pub delivered: Count,
    /// Tries that failed.
    pub retries: Count,
    /// Outputs given up, because the receiver will never take them or too many waited.
    pub dropped: Count,
    /// Outputs that were left out, or merged into others, to keep to the rate.
    pub thinned: Count,
    /// How many outputs it was owed in all, by this process and those before.
    pub owed: Level,
    /// How many of them are delivered, left out or given up.
    pub handled: Level,
    /// From the arrival of what caused an output to its confirmation by the receiver.
    pub confirmed: Histogram,
}

impl SinkCounters {
    /// Outputs that wait.
    pub fn waiting(&self) -> u64 {
        u64::try_from(self.owed.get() - self.handled.get()).unwrap_or(0)
    }
}

/// A histogram of durations: four buckets an octave, from 1 µs to 4 700 s, so a quantile is right within a fifth.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; Histogram::BUCKETS],
    sum_ns: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: std::array::from_fn(|_| AtomicU64::new(0)), sum_ns: AtomicU64::new(0) }
    }
}

impl Histogram {
    const BUCKETS: usize = 130;

    /// Counts a duration, `times` times.
    pub fn record(&self, duration: Duration, times: u64) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[Histogram::bucket(nanos)].fetch_add(times, Ordering::Relaxed);
        self.sum_ns.fetch_add(nanos.saturating_mul(times), Ordering::Relaxed);
    }

    fn bucket(nanos: u64) -> usize {
        let micros = (nanos as f64 / 1e3).max(1.0);
        ((micros.log2() * 4.0).ceil() as usize).min(Histogram::BUCKETS - 1)
    }

    /// The upper end of a bucket.
    fn upper(bucket: usize) -> Duration {
        Duration::from_secs_f64((bucket as f64 / 4.0).exp2() / 1e6)
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// Their sum.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.load(Ordering::Relaxed))
    }

    /// How many of them took at most `limit`, by whole buckets.
    pub fn at_most(&self, limit: Duration) -> u64 {
        let within = |bucket: &usize| Histogram::upper(*bucket) <= limit;
        (0..Histogram::BUCKETS).filter(within).map(|bucket| self.buckets[bucket].load(Ordering::Relaxed)).sum()
    }

    /// The duration that a share `q` (0 to 1) of them did not exceed, as the upper end of its bucket; `None` while
    /// nothing was counted.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        self.snapshot().quantile(q)
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(std::array::from_fn(|bucket| self.buckets[bucket].load(Ordering::Relaxed)))
    }

    /// What was counted since then.
    pub fn since(&self, then: &Snapshot) -> Snapshot {
        let mut now = self.snapshot();
        now.0.iter_mut().zip(then.0).for_each(|(now, then)| *now = now.saturating_sub(then));
        now
    }
}

/// How many durations a [`Histogram`] had in each of its buckets.
#[derive(Clone, Debug)]
pub struct Snapshot([u64; Histogram::BUCKETS]);

impl Default for Snapshot {
    fn default() -> Snapshot {
        Snapshot([0; Histogram::BUCKETS])
    }
}

impl Snapshot {
    /// See [`Histogram::quantile`].
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let total: u64 = self.0.iter().sum();
        let rank = (total as f64 * q).ceil().max(1.0) as u64;
        let mut seen = 0;
        (0..Histogram::BUCKETS).find_map(|bucket| {
            seen += self.0[bucket];
            (total > 0 && seen >= rank).then(|| Histogram::upper(bucket))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_bucket() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for millis in 1..=100 {
            histogram.record(Duration::from_millis(millis), 1);
        }
        let p99 = histogram.quantile(0.99).unwrap().as_secs_f64();
        assert!((0.099..0.12).contains(&p99), "{p99}");
        assert_eq!(histogram.count(), 100);
        assert_eq!(histogram.at_most(Duration::from_secs(10)), 100);
    }

    #[test]
    fn what_was_counted_since_a_moment_knows_nothing_of_before() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_secs(9), 1_000);
        let then = histogram.snapshot();
        assert_eq!(histogram.since(&then).quantile(0.99), None);
        histogram.record(Duration::from_millis(4), 10);
        let recent = histogram.since(&then).quantile(0.99).unwrap();
        assert!((0.004..0.005).contains(&recent.as_secs_f64()), "{recent:?}");
        assert!(histogram.quantile(0.99).unwrap() >= Duration::from_secs(9));
    }
}
