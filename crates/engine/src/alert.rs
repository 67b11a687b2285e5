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
    /// What each operator is, so that a changed plan finds the ones that stand.
    definitions: Vec<u64>,
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
        let definitions = plan.operators.iter().map(|operator| operator.definition()).collect();
        let (open, clock) = (BTreeMap::new(), StreamClock::default());
        Book { listeners, rules: plan.alerts.clone(), definitions, open, clock }
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

    /// The series for which `gone` holds have left: what fires for them is over, as people are told, and what is
    /// pending is forgotten.
    pub fn retire(&mut self, gone: impl Fn(Series) -> bool, mut say: impl FnMut(Alert)) {
        let now = self.clock.now();
        self.open.retain(|&(_, series), open| {
            let gone = gone(series);
            if gone && open.alert.state == State::Firing {
                say(open.now(State::Cleared, open.last.max(now)));
            }
            !gone
        });
    }

    /// The alerts that are firing, each as its last change left it; the count and the worst are of now.
    pub fn open(&self) -> impl Iterator<Item = &Alert> {
        self.open.values().map(|open| &open.alert).filter(|alert| alert.state == State::Firing)
    }

    /// How many alerts are firing.
    pub fn firing(&self) -> usize {
        self.open().count()
    }

    /// The open alerts, as bytes. Rules are known by name and operators by definition, so that a changed plan finds
    /// its own.
    pub fn save(&self) -> Vec<u8> {
        let definition = |operator: &u16| self.definitions[*operator as usize];
        let saved = |(&(rule, _), open): (&(u16, Series), &Open)| Saved {
            rule: self.rules[rule as usize].name.clone(),
            detector: definition(&open.alert.detector),
            standing: open.standing.iter().map(definition).collect(),
            open: open.clone(),
        };
        let open: Vec<Saved> = self.open.iter().map(saved).collect();
        postcard::to_allocvec(&(self.clock, open)).expect("plain data always encodes")
    }

    /// Takes the open alerts back. Those whose rule or first detector is gone are dropped; a trouble whose detector is
    /// gone stands no longer, so that its alert can clear.
    ///
    /// # Errors
    /// When the bytes are not such a list.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), postcard::Error> {
        let (clock, saved): (StreamClock, Vec<Saved>) = postcard::from_bytes(bytes)?;
        self.clock = clock;
        let operator = |definition: &u64| self.definitions.iter().position(|d| d == definition).map(|o| o as u16);
        for Saved { rule, detector, standing, mut open } in saved {
            let rule = self.rules.iter().position(|known| known.name == rule);
            if let (Some(rule), Some(detector)) = (rule, operator(&detector)) {
                (open.alert.rule, open.alert.detector) = (rule as u16, detector);
                open.standing = standing.iter().filter_map(operator).collect();
                self.open.insert((rule as u16, open.alert.series), open);
            }
        }
        Ok(())
    }
}

/// An open alert in words that a changed plan understands, too.
#[derive(Serialize, Deserialize)]
struct Saved {
    rule: String,
    detector: u64,
    standing: Vec<u64>,
    open: Open,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Class;
    use crate::plan::{Limits, Operator, Work};
    use crate::time::Span;

    fn operator(name: &str) -> Operator {
        Operator { name: name.into(), on: vec!["x".into()], work: Work::Threshold(Limits::default()) }
    }

    fn plan(operators: &[&str]) -> Plan {
        let alert = AlertRule {
            name: "heat".into(),
            on: vec!["hot".into()],
            severity: None,
            hold: Span::ZERO,
            clear: Span::from_secs(5),
            warm_up: 0,
            say: String::new(),
            send: Vec::new(),
        };
        Plan {
            operators: operators.iter().map(|name| operator(name)).collect(),
            alerts: vec![alert],
            ..Plan::default()
        }
    }

    fn anomaly() -> What {
        What::Anomaly(Box::new(Anomaly {
            series: Series(0),
            time: Time::from_secs(1),
            value: 90.0,
            expected: f64::NAN,
            spread: f64::NAN,
            threshold: 80.0,
            score: 90.0,
            severity: Severity::Warning,
            class: Class::Process,
            twin: 0,
            stands: true,
            seen: u32::MAX,
        }))
    }

    #[test]
    fn a_changed_plan_finds_the_trouble_that_stands_by_what_its_detector_is() {
        let mut book = Book::new(&plan(&["hot"]));
        book.hear(0, &anomaly(), |_| ());
        let mut changed = Book::new(&plan(&["new", "hot"]));
        changed.restore(&book.save()).unwrap();
        let mut said = Vec::new();
        changed.tick(&Reading::data_tick(Time::from_secs(60)), |alert| said.push(alert.state));
        assert_eq!((changed.firing(), said.len()), (1, 0), "it stands as long as nobody says that it is over");
        changed.hear(1, &What::Over(Over { series: Series(0), time: Time::from_secs(61) }), |_| ());
        changed.tick(&Reading::data_tick(Time::from_secs(66)), |alert| said.push(alert.state));
        assert_eq!(said, [State::Cleared]);
    }

    #[test]
    fn an_alert_whose_detector_is_gone_is_dropped() {
        let mut book = Book::new(&plan(&["hot"]));
        book.hear(0, &anomaly(), |_| ());
        let mut changed = Book::new(&plan(&["new"]));
        changed.restore(&book.save()).unwrap();
        assert_eq!(changed.firing(), 0);
    }
}
