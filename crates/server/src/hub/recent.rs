//! How fast and how slow it is of late: what comes in a second, and what took how long.
//!
//! Counters and histograms know all since the start, and after a day nothing of a bad minute is seen in that. So they are
//! looked at once a second, and what they were a few seconds ago is taken off.

use crate::model::Model;
use ouzel_engine::time::Time;
use ouzel_pipeline::counters::{Counters, Histogram, Snapshot};
use std::collections::VecDeque;

/// Readings and bytes a second, over the last few seconds of the run's clock.
#[derive(Debug, Default)]
pub struct Pace {
    /// The oldest first: all that was worked off, and of each source readings and bytes.
    samples: VecDeque<(Time, u64, Vec<[u64; 2]>)>,
}

impl Pace {
    /// Seconds that the rate is taken over.
    const SECONDS: usize = 5;

    /// A second has gone by. While the journal is still being read, nothing is counted: that would be its speed.
    pub fn note(&mut self, model: &Model, counters: &Counters, now: Time) {
        if model.fresh().is_none() || self.samples.back().is_some_and(|(last, ..)| *last >= now) {
            return;
        }
        if self.samples.len() > Pace::SECONDS {
            self.samples.pop_front();
        }
        let sources = &counters.sources;
        let sources = (0..sources.known()).map(|at| [sources[at].received.get(), sources[at].bytes.get()]).collect();
        self.samples.push_back((now, counters.worked.get(), sources));
    }

    /// Readings worked off a second.
    pub fn rate(&self) -> f64 {
        self.over(|(_, worked, _)| *worked)
    }

    /// Readings and bytes a second of the source at this place in the config.
    pub fn of_source(&self, index: usize) -> [f64; 2] {
        [0, 1].map(|which| self.over(|(.., sources)| sources.get(index).map_or(0, |counts| counts[which])))
    }

    fn over(&self, count: impl Fn(&(Time, u64, Vec<[u64; 2]>)) -> u64) -> f64 {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return 0.0 };
        let seconds = last.0.since(first.0).as_secs_f64();
        let grown = count(last).saturating_sub(count(first)) as f64;
        if seconds > 0.0 { (grown / seconds * 10.0).round() / 10.0 } else { 0.0 }
    }
}

/// A way of a reading whose time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From its own time to its arrival.
    Travel,
    /// From its arrival until it is durable.
    Durable,
    /// From its arrival to all that follows from it.
    Latency,
    /// From its arrival to the confirmation by the sink at this place in the config.
    Confirmed(usize),
}

impl Stage {
    /// Those that every run has, in their order.
    pub const OWN: [Stage; 3] = [Stage::Travel, Stage::Durable, Stage::Latency];

    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Travel => "travel",
            Stage::Durable => "durable",
            Stage::Latency => "latency",
            Stage::Confirmed(_) => "confirmed",
        }
    }

    /// Its histogram.
    pub fn histogram(self, counters: &Counters) -> &Histogram {
        match self {
            Stage::Travel => &counters.travel,
            Stage::Durable => &counters.durable,
            Stage::Latency => &counters.latency,
            Stage::Confirmed(sink) => &counters.sinks[sink].confirmed,
        }
    }

    fn place(self) -> usize {
        match self {
            Stage::Travel => 0,
            Stage::Durable => 1,
            Stage::Latency => 2,
            Stage::Confirmed(sink) => Stage::OWN.len() + sink,
        }
    }

    /// All of a run: its own, and one a sink.
    pub fn all(counters: &Counters) -> impl Iterator<Item = Stage> {
        Stage::OWN.into_iter().chain((0..counters.sinks.known()).map(Stage::Confirmed))
    }
}

/// What took how long of late.
#[derive(Debug, Default)]
pub struct Recent {
    /// One a second, the oldest first: a kilobyte a stage.
    seconds: VecDeque<Vec<Snapshot>>,
}

impl Recent {
    /// So many seconds are looked back: long enough for a quantile of a quiet run, short enough to see trouble end.
    pub const SECONDS: usize = 30;

    /// A second has gone by.
    pub fn note(&mut self, counters: &Counters) {
        if self.seconds.len() >= Recent::SECONDS {
            self.seconds.pop_front();
        }
        self.seconds.push_back(Stage::all(counters).map(|stage| stage.histogram(counters).snapshot()).collect());
    }

    /// What was counted in the last seconds; in the first of them, all.
    pub fn of(&self, stage: Stage, counters: &Counters) -> Snapshot {
        let histogram = stage.histogram(counters);
        match self.seconds.front().and_then(|then| then.get(stage.place())) {
            Some(then) if self.seconds.len() == Recent::SECONDS => histogram.since(then),
            _ => histogram.snapshot(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_pipeline::counters::SinkCounters;
    use std::time::Duration;

    #[test]
    fn a_bad_moment_is_forgotten_after_half_a_minute() {
        let counters = Counters { sinks: vec![SinkCounters::default()].into(), ..Counters::default() };
        let mut recent = Recent::default();
        counters.sinks[0].confirmed.record(Duration::from_secs(8), 100);
        let mut bad = Vec::new();
        for second in 0..100 {
            recent.note(&counters);
            counters.sinks[0].confirmed.record(Duration::from_millis(2), 1);
            let p99 = recent.of(Stage::Confirmed(0), &counters).quantile(0.99).unwrap();
            bad.extend((p99 > Duration::from_secs(1)).then_some(second));
        }
        assert_eq!(bad, (0..29).collect::<Vec<_>>());
        assert_eq!(recent.seconds.len(), Recent::SECONDS);
        assert_eq!(recent.of(Stage::Travel, &counters).quantile(0.5), None);
    }
}
