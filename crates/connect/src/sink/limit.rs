//! How much a receiver is sent, and what becomes of the rest.
//!
//! ```text
//! log -> put() -> [ what goes out next ] -> take() -> sink
//!                        beyond the rate: wait | sample | latest
//! ```
//! A bucket holds a second's worth of deliveries and fills at the rate; a delivery takes one of it. What finds none
//! *waits*, which is what alerts do whatever is said of the others; or it is *sampled*: every n-th waits and the others are
//! thinned, and n grows while more comes than goes; or of each series only the *latest* waits, and says in `merged` how
//! many it stands for. [`Gate::reached`] is as far as a cursor may go: behind all that was sent or thinned, and before
//! all that is held here, so a kill loses nothing of it.
//!
//! Nothing here asks a clock: a moment is how long ago some other was, and never runs back.

use super::Noun;
use super::live::Delivery;
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// So many in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per: Duration,
}

/// The forms that [`Rate::parse`] reads.
pub const FORMS: &str = "\"50/s\", \"600/m\" or \"1000/h\"";

impl Rate {
    /// Reads `50/s`, `600/m` or `1000/h`; `None`: it is none of these.
    pub fn parse(text: &str) -> Option<Rate> {
        let (count, unit) = text.trim().split_once('/')?;
        let per = match unit.trim() {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            _ => return None,
        };
        // Beyond a million a second there is nothing to be spared.
        let count = count.trim().replace('_', "").parse().ok().filter(|count| (1..=1_000_000).contains(count))?;
        Some(Rate { count, per: Duration::from_secs(per) })
    }

    /// The time that one takes, in nanoseconds; rounded up, so that the rate is never passed.
    fn each(self) -> u64 {
        (self.per.as_nanos() as u64).div_ceil(u64::from(self.count))
    }

    /// How many may go at once after a quiet time: those of a second, but one at the least. Receivers that count do so by
    /// the second, so 3600 an hour are not sent in its first minute.
    pub fn burst(self) -> usize {
        ((u64::from(self.count) / self.per.as_secs()) as usize).max(1)
    }
}

/// What happens to what comes beyond the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beyond {
    /// It waits; the log holds it.
    #[default]
    Wait,
    /// Every n-th of it waits, the others are thinned, counted.
    Sample,
    /// The latest of each series waits, and says how many it stands for.
    Latest,
}

/// A bucket of what may go out, told the time.
#[derive(Debug)]
struct Bucket {
    each: u64,
    /// How far the time of the last may lie ahead: that of a burst.
    ahead: u64,
    /// When the last that went would have gone, one after the other.
    until: u64,
    burst: usize,
}

impl Bucket {
    fn new(rate: Rate) -> Bucket {
        Bucket { each: rate.each(), ahead: rate.each() * rate.burst() as u64, until: 0, burst: rate.burst() }
    }

    /// How many may go now.
    fn holds(&self, now: u64) -> usize {
        let used = self.until.saturating_sub(now);
        (self.ahead.saturating_sub(used) / self.each) as usize
    }

    fn take(&mut self, now: u64, count: usize) {
        debug_assert!(count <= self.holds(now).min(self.burst));
        self.until = self.until.max(now) + self.each * count as u64;
    }

    /// How long until one may go.
    fn wait(&self, now: u64) -> Duration {
        Duration::from_nanos((self.until + self.each).saturating_sub(now.saturating_add(self.ahead)))
    }
}

/// How many are held here at the most: enough to find work for the largest batch, and for a merge the series that a
/// receiver with a limit can follow.
const HELD: usize = 10_000;

/// The smallest n of a sample: of what is too much, at least every other one goes.
const SPARSEST: u64 = 2;

/// Stands between the log and a sink. `P` is what a cursor stores.
#[derive(Debug)]
pub struct Gate<P> {
    bucket: Option<Bucket>,
    beyond: Beyond,
    held: VecDeque<Held<P>>,
    /// The cursor before each that was taken and is not done yet.
    taken: VecDeque<Option<P>>,
    /// The cursor behind the last that was put.
    last: Option<P>,
    /// Where the latest of a series is held, counted from the first that ever was; `latest` only.
    places: HashMap<String, u64>,
    first: u64,
    /// Every n-th of what is too much goes; `sample` only.
    every: u64,
    beyond_count: u64,
    /// Those that a sample chose wait, so nothing is read before they are gone.
    draining: bool,
    thinned: u64,
    merged: u64,
}

#[derive(Debug)]
struct Held<P> {
    /// The cursor before it, or before the first that it stands for.
    before: Option<P>,
    delivery: Delivery,
    series: Option<String>,
    /// How many it stands for.
    merged: u64,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub enum Take {
    /// Deliver these, and say [`Gate::done`].
    Deliver(Vec<Delivery>),
    /// Wait for so long.
    Wait(Duration),
    /// Nothing is held: wait for the log.
    Nothing,
}

impl<P: Clone> Gate<P> {
    /// Lets so many through; without a rate all.
    pub fn new(rate: Option<Rate>, beyond: Beyond) -> Gate<P> {
        Gate {
            bucket: rate.map(Bucket::new),
            beyond,
            held: VecDeque::new(),
            taken: VecDeque::new(),
            last: None,
            places: HashMap::new(),
            first: 0,
            every: SPARSEST,
            beyond_count: 0,
            draining: false,
            thinned: 0,
            merged: 0,
        }
    }

    /// Whether another one may be put. Else the log holds it, until something was taken.
    pub fn wants(&self) -> bool {
        self.held.len() < HELD && !self.draining
    }

    /// Adds what the log has next. `next` is the cursor behind it.
    pub fn put(&mut self, now: Duration, delivery: Delivery, next: P) {
        let now = nanos(now);
        let before = self.last.replace(next);
        let room = self.bucket.as_ref().is_none_or(|bucket| bucket.holds(now) > self.held.len());
        if self.held.is_empty() && self.bucket.as_ref().is_some_and(|bucket| bucket.holds(now) == bucket.burst) {
            // Nothing came for a second, so what was too much is over.
            self.every = (self.every / 2).max(SPARSEST);
        }
        match self.beyond {
            // People are told all that concerns them, and in its order.
            _ if delivery.noun == Noun::Alerts => self.hold(before, delivery, None),
            Beyond::Wait => self.hold(before, delivery, None),
            Beyond::Sample if room => self.hold(before, delivery, None),
            Beyond::Sample => self.sample(before, delivery),
            Beyond::Latest => self.merge(before, delivery, room),
        }
    }

    /// What goes out now, `most` at the most.
    pub fn take(&mut self, now: Duration, most: usize) -> Take {
        let now = nanos(now);
        if self.held.is_empty() {
            return Take::Nothing;
        }
        let holds = self.bucket.as_ref().map_or(usize::MAX, |bucket| bucket.holds(now));
        let count = holds.min(most.max(1)).min(self.held.len());
        if let Some(bucket) = &mut self.bucket {
            if count == 0 {
                return Take::Wait(bucket.wait(now));
            }
            bucket.take(now, count);
        }
        let mut deliveries = Vec::with_capacity(count);
        for Held { before, mut delivery, series, merged } in self.held.drain(..count) {
            self.taken.push_back(before);
            if let Some(series) = series {
                // Another one of the series may be held behind this one.
                if self.places.get(&series) == Some(&self.first) {
                    self.places.remove(&series);
                }
                stands_for(&mut delivery.json, merged);
            }
            self.first += 1;
            deliveries.push(delivery);
        }
        if self.held.is_empty() {
            self.draining = false;
        }
        Take::Deliver(deliveries)
    }

    /// So many of the front of what was taken were delivered, or put aside for good.
    pub fn done(&mut self, count: usize) {
        self.taken.drain(..count.min(self.taken.len()));
    }

    /// How far the cursor may go: all before it is delivered, thinned, or merged into what is delivered. `None`: nowhere
    /// yet.
    pub fn reached(&self) -> Option<&P> {
        match (self.taken.front(), self.held.front()) {
            (Some(before), _) => before.as_ref(),
            (None, Some(held)) => held.before.as_ref(),
            (None, None) => self.last.as_ref(),
        }
    }

    /// How many are held, taken or not.
    pub fn held(&self) -> usize {
        self.held.len() + self.taken.len()
    }

    /// How many were thinned out.
    pub fn thinned(&self) -> u64 {
        self.thinned
    }

    /// How many went into a later one of their series.
    pub fn merged(&self) -> u64 {
        self.merged
    }

    fn hold(&mut self, before: Option<P>, delivery: Delivery, series: Option<String>) {
        self.held.push_back(Held { before, delivery, series, merged: 1 });
    }

    fn sample(&mut self, before: Option<P>, delivery: Delivery) {
        self.beyond_count += 1;
        if !self.beyond_count.is_multiple_of(self.every) {
            self.thinned += 1;
            return;
        }
        self.hold(before, delivery, None);
        let most = self.bucket.as_ref().map_or(HELD, |bucket| bucket.burst);
        if self.held.len() >= most {
            // More was chosen than goes in a second.
            self.draining = true;
            self.every = self.every.saturating_mul(2);
        }
    }

    fn merge(&mut self, before: Option<P>, delivery: Delivery, room: bool) {
        let series = series(&delivery);
        match self
            .places
            .get(&series)
            .filter(|_| !room)
            .and_then(|place| self.held.get_mut((place - self.first) as usize))
        {
            Some(held) => {
                // In the place of the one before, so that each series has its turn.
                held.delivery = delivery;
                held.merged += 1;
                self.merged += 1;
            }
            None => {
                self.places.insert(series.clone(), self.first + self.held.len() as u64);
                self.hold(before, delivery, Some(series));
            }
        }
    }
}

fn nanos(now: Duration) -> u64 {
    // Five hundred years.
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX / 2)
}

/// What one replaces the other of: the same noun of the same window or detector, device and channel.
fn series(delivery: &Delivery) -> String {
    let fields: Map<String, Value> = serde_json::from_str(&delivery.json).unwrap_or_default();
    let mut series = delivery.noun.name().to_owned();
    for name in ["window", "detector", "key", "device", "channel"] {
        series.push('\u{1f}');
        series.push_str(fields.get(name).and_then(Value::as_str).unwrap_or_default());
    }
    series
}

/// Adds to an object how many it stands for.
fn stands_for(json: &mut String, merged: u64) {
    if let Some(end) = json.rfind('}') {
        let comma = if json[..end].trim_end().ends_with('{') { "" } else { "," };
        json.insert_str(end, &format!("{comma}\"merged\":{merged}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(noun: Noun, number: u64, device: u64) -> Delivery {
        let json = format!("{{\"device\":\"d{device}\",\"channel\":\"t\",\"value\":{number}}}");
        Delivery { input: number, noun, key: number.to_string(), severity: None, json }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rates_are_so_many_in_so_long() {
        for (text, burst) in [("50/s", Some(50)), ("600/m", Some(10)), ("1/h", Some(1)), (" 7_200 / h ", Some(2))] {
            assert_eq!(Rate::parse(text).map(Rate::burst), burst, "{text}");
        }
        for text in ["50", "0/s", "-1/s", "1/d", "1.5/s", "/s", "2000000/s"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn without_a_rate_all_goes_in_batches() {
        let mut gate = Gate::new(None, Beyond::Wait);
        for number in 0..5 {
            gate.put(Duration::ZERO, of(Noun::Late, number, 0), number + 1);
        }
        assert_eq!(gate.reached(), None);
        let Take::Deliver(three) = gate.take(Duration::ZERO, 3) else { panic!("three are there") };
        assert_eq!(three.iter().map(|d| d.input).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((gate.reached(), gate.held()), (None, 5));
        gate.done(2);
        assert_eq!(gate.reached(), Some(&2));
        gate.done(1);
        assert_eq!(gate.reached(), Some(&3));
        let Take::Deliver(two) = gate.take(Duration::ZERO, 3) else { panic!("two are there") };
        gate.done(two.len());
        assert_eq!(gate.take(Duration::ZERO, 3), Take::Nothing);
        assert_eq!(gate.reached(), Some(&5));
    }

    #[test]
    fn the_latest_of_a_series_stands_for_those_before_it() {
        let mut gate = Gate::new(Rate::parse("1/s"), Beyond::Latest);
        for (number, device) in [(0, 7), (1, 7), (2, 8), (3, 7), (4, 7)] {
            gate.put(Duration::ZERO, of(Noun::Aggregates, number, device), number + 1);
        }
        let mut sent = Vec::new();
        for second in 0..4 {
            if let Take::Deliver(one) = gate.take(second * SECOND, 9) {
                gate.done(one.len());
                sent.push((one[0].json.clone(), gate.reached().copied()));
            }
        }
        assert_eq!(
            sent,
            [
                // The first of all found room, so it stands for itself until the next one comes.
                (r#"{"device":"d7","channel":"t","value":4,"merged":4}"#.to_owned(), Some(2)),
                (r#"{"device":"d8","channel":"t","value":2,"merged":1}"#.to_owned(), Some(5)),
            ]
        );
        assert_eq!(gate.merged(), 3);
    }

    #[test]
    fn a_sample_of_twenty_times_the_rate_uses_all_of_it() {
        let mut gate = Gate::new(Rate::parse("50/s"), Beyond::Sample);
        let (mut sent, mut behind) = (0, 0_u64);
        for tick in 0..3_000_u64 {
            // A thousand a second, in the log until they are wanted.
            behind += 10;
            let now = Duration::from_millis(10 * tick);
            while behind > 0 && gate.wants() {
                behind -= 1;
                gate.put(now, of(Noun::Anomalies, tick, 0), tick);
            }
            while let Take::Deliver(some) = gate.take(now, 10) {
                sent += some.len();
                gate.done(some.len());
            }
        }
        assert!(sent > 1_200 && sent <= 50 + 50 * 30, "{sent} of 30 000 were sent in 30 s at 50/s");
        assert!(behind < 3_000, "{behind} are still in the log");
    }

    fn beyond() -> impl Strategy<Value = Beyond> {
        prop_oneof![Just(Beyond::Wait), Just(Beyond::Sample), Just(Beyond::Latest)]
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_nothing_without_a_trace(
            count in 1u32..200,
            per in prop_oneof![Just(1u64), Just(60), Just(3_600)],
            beyond in beyond(),
            // What comes: after how many milliseconds, whether it is an alert, of which device.
            coming in proptest::collection::vec((0u64..400, 0u8..4, 0u64..3), 1..300),
            most in 1usize..70,
        ) {
            let rate = Rate { count, per: Duration::from_secs(per) };
            let mut gate = Gate::new(Some(rate), beyond);
            let (mut log, mut sent) = (VecDeque::new(), Vec::<(u64, Delivery)>::new());
            let (mut now, mut alerts, mut put) = (Duration::ZERO, Vec::new(), 0u64);
            for (number, (after, kind, device)) in coming.iter().enumerate() {
                let noun = if *kind == 0 { Noun::Alerts } else { Noun::Aggregates };
                if *kind == 0 {
                    alerts.push(number as u64);
                }
                log.push_back(of(noun, number as u64, *device));
                now += Duration::from_millis(*after);
                while gate.wants() && let Some(next) = log.pop_front() {
                    put += 1;
                    gate.put(now, next, put);
                }
                if let Take::Deliver(some) = gate.take(now, most) {
                    prop_assert!(some.len() <= most);
                    gate.done(some.len());
                    sent.extend(some.into_iter().map(|one| (now.as_nanos() as u64, one)));
                }
                // What a cursor has passed is sent, thinned or merged; what it has not will come again.
                let reached = gate.reached().copied().unwrap_or(0);
                let waiting = gate.held() as u64;
                prop_assert!(reached + waiting <= put + gate.merged());
            }
            // To the end, as the clock goes on by what the gate asks for.
            loop {
                while gate.wants() && let Some(next) = log.pop_front() {
                    put += 1;
                    gate.put(now, next, put);
                }
                match gate.take(now, most) {
                    Take::Deliver(some) => {
                        gate.done(some.len());
                        sent.extend(some.into_iter().map(|one| (now.as_nanos() as u64, one)));
                    }
                    Take::Wait(wait) => {
                        prop_assert!(!wait.is_zero());
                        now += wait;
                    }
                    Take::Nothing => break,
                }
            }
            prop_assert_eq!(sent.len() as u64 + gate.thinned() + gate.merged(), coming.len() as u64);
            prop_assert_eq!(gate.reached(), Some(&(coming.len() as u64)));
            let told: Vec<u64> = sent.iter().filter(|(_, d)| d.noun == Noun::Alerts).map(|(_, d)| d.input).collect();
            prop_assert_eq!(told, alerts);
            if beyond == Beyond::Wait {
                prop_assert!(sent.iter().map(|(_, d)| d.input).eq(0..coming.len() as u64));
            }
            let stood_for: u64 = sent
                .iter()
                .map(|(_, d)| serde_json::from_str::<Value>(&d.json).unwrap()["merged"].as_u64().unwrap_or(1))
                .sum();
            prop_assert_eq!(stood_for + gate.thinned(), coming.len() as u64);
            // In any stretch of time no more than the rate and a burst.
            let times: Vec<u64> = sent.iter().map(|(at, _)| *at).collect();
            for (i, from) in times.iter().enumerate() {
                for (j, to) in times.iter().enumerate().skip(i) {
                    let most = (to - from) as f64 * f64::from(count) / (per as f64 * 1e9) + rate.burst() as f64;
                    prop_assert!((j - i + 1) as f64 <= most + 1e-6, "{} in {} ns", j - i + 1, to - from);
                }
            }
        }
    }
}
