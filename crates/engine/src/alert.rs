//! The alert book: one trouble is one alert with a count, and people hear of it when it begins, worsens and ends.
//!
//! Identity = rule, series, time of the first cause. *Pending* until it has lasted `hold`, then *firing*, *cleared*
//! when there has been no trouble for `clear`. A standing trouble (a level) counts as trouble until its detector says
//! that it is over; a momentary one (a spike) only when it happens. How long something lasts is told by the ticks, so
//! a silent device's alert clears, too. Alerts of detectors that compare with the past wait for `warm_up` readings.

use crate::output::{Alert, Anomaly, Over, Severity, State, What};
use crate::plan::{AlertRule, Plan};
use crate::reading::{Reading, StreamClock};
use crate::series::Series;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All alerts that are pending or firing. Grows with the series that have trouble at the same time, at most one entry
/// for each rule and series.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// For each operator, the rules that listen to it.
    listeners: Vec<Vec<u16>>,
    rules: Vec<AlertRule>,
    open: BTreeMap<(u16, Series), Open>,
    clock: StreamClock,
}

/// An alert that is not over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    alert: Alert,
    /// Detectors whose trouble still stands.
    standing: Vec<u16>,
    /// When it was opened and when there was trouble last, by the stream's clock.
    opened: Time,
    heard: Time,
    /// Time of the last trouble, by the device's clock.
    last: Time,
}

impl Book {
    /// An empty book of a plan's rules.
    pub fn new(plan: &Plan) -> Book {
        let numbered = || (0u16..).zip(&plan.alerts);
        let listeners = plan
            .operators
            .iter()
            .map(|operator| numbered().filter(|(_, rule)| rule.on.contains(&operator.name)).map(|(i, _)| i).collect())
            .collect();
        Book { listeners, rules: plan.alerts.clone(), open: BTreeMap::new(), clock: StreamClock::default() }
    }

    /// Whether any rule listens to any operator.
    pub fn listens(&self) -> bool {
        !self.rules.is_empty()
    }

    /// An operator has said something; gives the changes of alerts that follow.
    pub fn hear(&mut self, operator: u16, what: &What, mut say: impl FnMut(Alert)) {
        for index in 0..self.listeners.get(operator as usize).map_or(0, Vec::len) {
            let rule = self.listeners[operator as usize][index];
            match what {
                What::Anomaly(anomaly) => self.trouble(rule, operator, anomaly, &mut say),
                What::Over(over) => self.over(rule, operator, over),
                _ => {}
            }
        }
    }

    fn trouble(&mut self, number: u16, operator: u16, anomaly: &Anomaly, say: &mut impl FnMut(Alert)) {
        let rule = &self.rules[number as usize];
        if anomaly.seen < rule.warm_up {
            return;
        }
        let severity = rule.severity.unwrap_or(anomaly.severity);
        let heard = self.clock.heard(anomaly.time);
        let open = self.open.entry((number, anomaly.series)).or_insert_with(|| Open {
            alert: Alert {
                rule: number,
                series: anomaly.series,
                detector: operator,
                state: State::Pending,
                severity,
                since: anomaly.time,
                time: anomaly.time,
                count: 0,
                worst: anomaly.clone(),
            },
            standing: Vec::new(),
            opened: heard,
            heard,
            last: anomaly.time,
        });
        open.heard = open.heard.max(heard);
        open.last = open.last.max(anomaly.time);
        open.alert.count += 1;
        if worse(anomaly, &open.alert.worst) {
            open.alert.worst = anomaly.clone();
        }
        if anomaly.stands && !open.standing.contains(&operator) {
            open.standing.push(operator);
        }
        let rises = severity > open.alert.severity;
        open.alert.severity = open.alert.severity.max(severity);
        let lasted = anomaly.time.since(open.alert.since) >= rule.hold;
        match open.alert.state {
            State::Pending if lasted => say(open.now(State::Firing, anomaly.time)),
            State::Firing if rises => say(open.now(State::Firing, anomaly.time)),
            _ => {}
        }
    }

    fn over(&mut self, rule: u16, operator: u16, over: &Over) {
        let heard = self.clock.heard(over.time);
        if let Some(open) = self.open.get_mut(&(rule, over.series)) {
            open.standing.retain(|&o| o != operator);
            open.heard = open.heard.max(heard);
            open.last = open.last.max(over.time);
            if open.alert.state == State::Pending && open.standing.is_empty() {
                self.open.remove(&(rule, over.series));
            }
        }
    }

    /// The stream's clock has moved: what has lasted long enough fires, what has been quiet long enough clears.
    pub fn tick(&mut self, tick: &Reading, mut say: impl FnMut(Alert)) {
        self.clock.tick(tick);
        let now = self.clock.now();
        let rules = &self.rules;
        self.open.retain(|&(rule, _), open| {
            let rule = &rules[rule as usize];
            let stands = !open.standing.is_empty();
            if stands && open.alert.state == State::Pending && now.since(open.opened) >= rule.hold {
                say(open.now(State::Firing, open.alert.since + rule.hold));
            }
            let quiet = !stands && now.since(open.heard) >= rule.clear;
            if quiet && open.alert.state == State::Firing {
                say(open.now(State::Cleared, open.last + rule.clear));
            }
            !quiet
        });
    }

    /// How many alerts are firing.
    pub fn firing(&self) -> usize {
        self.open.values().filter(|open| open.alert.state == State::Firing).count()
    }

    /// The open alerts, as bytes. Rules are known by name, so that a changed config finds its own.
    pub fn save(&self) -> Vec<u8> {
        let open: Vec<(&str, &Open)> =
            self.open.iter().map(|(&(rule, _), open)| (self.rules[rule as usize].name.as_str(), open)).collect();
        postcard::to_allocvec(&(self.clock, open)).expect("plain data always encodes")
    }

    /// Takes the open alerts back; those of rules that are gone are dropped.
    ///
    /// # Errors
    /// When the bytes are not such a list.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), postcard::Error> {
        let (clock, saved): (StreamClock, Vec<(String, Open)>) = postcard::from_bytes(bytes)?;
        self.clock = clock;
        for (name, mut open) in saved {
            if let Some(rule) = self.rules.iter().position(|r| r.name == name) {
                open.alert.rule = rule as u16;
                self.open.insert((rule as u16, open.alert.series), open);
            }
        }
        Ok(())
    }
}

impl Open {
    fn now(&mut self, state: State, time: Time) -> Alert {
        self.alert.state = state;
        self.alert.time = time;
        self.alert.clone()
    }
}

/// More severe, or as severe and further out.
fn worse(a: &Anomaly, b: &Anomaly) -> bool {
    let rank = |x: &Anomaly| (x.severity, if x.score.is_nan() { 0.0 } else { x.score.abs() });
    let ((severity_a, score_a), (severity_b, score_b)): ((Severity, f64), (Severity, f64)) = (rank(a), rank(b));
    severity_a > severity_b || (severity_a == severity_b && score_a > score_b)
}
