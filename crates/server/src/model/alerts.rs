//! Alerts by their identity, with what people said of them.

use super::micros;
use hashbrown::HashMap;
use ouzel_connect::encode::{Book, identity, kind, message};
use ouzel_engine::output::{Alert, Id, State};
use ouzel_engine::plan::Plan;
use ouzel_engine::series::{Names, Series};
use ouzel_engine::time::Time;
use ouzel_pipeline::control::{Control, Order};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;

/// Somebody has seen it.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledged {
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// What they said.
    pub note: String,
}

/// An alert and its marks.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its identity.
    pub id: Id,
    /// Its last change.
    pub alert: Alert,
    /// Who has seen it.
    pub acknowledged: Option<Acknowledged>,
    /// Until when nobody is told.
    pub silenced_until: Option<Time>,
    /// Under which it was said: rules and detectors are positions there.
    plan: Arc<Plan>,
}

/// All alerts that are open, and the last that are over.
#[derive(Debug, Default)]
pub struct Alerts {
    open: HashMap<Id, Entry>,
    cleared: VecDeque<Entry>,
}

impl Alerts {
    /// How many that are over are kept. Open ones are bounded by rules times series.
    const CLEARED: usize = 1_000;

    /// Takes over a change that was said under `plan`, whose rule and detector it has; gives the identity, unless this
    /// is known: what the logs tell at a start was told in part before.
    pub fn change(&mut self, alert: &Alert, names: &Names, plan: &Arc<Plan>) -> Option<Id> {
        let id = identity(alert, &Book { names, plan });
        if !self.open.contains_key(&id)
            && let Some(over) = self.cleared.iter().rev().find(|over| over.id == id)
        {
            // It begins at a moment, and so it ends once.
            return (over.alert != *alert && over.alert.time < alert.time).then(|| self.put(id, alert, plan));
        }
        Some(self.put(id, alert, plan))
    }

    fn put(&mut self, id: Id, alert: &Alert, plan: &Arc<Plan>) -> Id {
        let (acknowledged, silenced_until) = (None, None);
        let entry = || Entry { id, alert: alert.clone(), acknowledged, silenced_until, plan: Arc::clone(plan) };
        let entry = self.open.entry(id).or_insert_with(entry);
        entry.alert = alert.clone();
        entry.plan = Arc::clone(plan);
        if alert.state == State::Cleared {
            self.end(id);
        }
        id
    }

    fn end(&mut self, id: Id) {
        let Some(over) = self.open.remove(&id) else { return };
        self.cleared.retain(|known| known.id != id);
        if self.cleared.len() >= Alerts::CLEARED {
            self.cleared.pop_front();
        }
        self.cleared.push_back(over);
    }

    /// Another plan is in force from `now` on. Alerts go on whose rule and detector are in it, and the others are over:
    /// nobody looks any more whether their cause has gone. Gives those.
    pub fn replan(&mut self, plan: &Plan, now: Time) -> Vec<Id> {
        let goes_on = |entry: &Entry| {
            let (rule, detector) = (usize::from(entry.alert.rule), usize::from(entry.alert.detector));
            plan.alerts.iter().any(|known| known.name == entry.plan.alerts[rule].name)
                && plan.operators.contains(&entry.plan.operators[detector])
        };
        let over: Vec<Id> = self.open.values().filter(|entry| !goes_on(entry)).map(|entry| entry.id).collect();
        for &id in &over {
            if let Some(entry) = self.open.get_mut(&id) {
                (entry.alert.state, entry.alert.time) = (State::Cleared, now.max(entry.alert.since));
            }
            self.end(id);
        }
        over
    }

    /// Marks an alert; gives its identity if that is news.
    pub fn heed(&mut self, control: &Control) -> Option<Id> {
        let (alert, at) = match &control.what {
            Order::Acknowledge { alert, .. } | Order::Silence { alert, .. } => (alert, control.at),
            Order::Start | Order::Retire { .. } | Order::Trouble(_) => return None,
        };
        let entry = self.open.get_mut(&parse_id(alert)?)?;
        let before = (entry.acknowledged.clone(), entry.silenced_until);
        match &control.what {
            Order::Acknowledge { note, .. } => {
                entry.acknowledged = Some(Acknowledged { at, by: control.by.clone(), note: note.clone() });
            }
            Order::Silence { until, .. } => entry.silenced_until = Some(*until),
            Order::Start | Order::Retire { .. } | Order::Trouble(_) => {}
        }
        (before != (entry.acknowledged.clone(), entry.silenced_until)).then_some(entry.id)
    }

    /// The alert of this identity.
    pub fn get(&self, id: Id) -> Option<&Entry> {
        self.open.get(&id).or_else(|| self.cleared.iter().rev().find(|entry| entry.id == id))
    }

    /// Those that are not over, in no order.
    pub fn open(&self) -> impl Iterator<Item = &Entry> {
        self.open.values()
    }

    /// The latest change first.
    pub fn newest(&self, open: bool, limit: usize) -> Vec<&Entry> {
        let over = self.cleared.iter().filter(|_| !open);
        let mut all: Vec<&Entry> = self.open.values().chain(over).collect();
        all.sort_by_key(|entry| (std::cmp::Reverse(entry.alert.time), entry.id));
        all.truncate(limit);
        all
    }
}

/// Reads an identity: 32 hexadecimal digits.
pub fn parse_id(text: &str) -> Option<Id> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Id)
}

/// An alert as it stands on the wire.
#[derive(Debug, Serialize)]
pub struct WireAlert<'a> {
    id: String,
    alert: &'a str,
    s: u32,
    device: &'a str,
    channel: &'a str,
    state: &'static str,
    severity: &'static str,
    since: i64,
    time: i64,
    cleared: Option<i64>,
    count: u64,
    kind: &'a str,
    detector: &'a str,
    value: f64,
    expected: f64,
    score: f64,
    threshold: f64,
    message: String,
    acknowledged: Option<WireAcknowledged<'a>>,
    silenced_until: Option<i64>,
}

#[derive(Debug, Serialize)]
struct WireAcknowledged<'a> {
    at: i64,
    by: &'a str,
    note: &'a str,
}

impl Entry {
    /// The words of it. `shown` is the series that people see it at; NaN becomes null.
    pub fn wire<'a>(&'a self, shown: Series, names: &'a Names) -> WireAlert<'a> {
        let (alert, book) = (&self.alert, Book { names, plan: &self.plan });
        let (device, channel) = book.subject(alert.series);
        let detector = book.operator(alert.detector);
        let acknowledged = self.acknowledged.as_ref();
        WireAlert {
            id: self.id.to_string(),
            alert: &book.plan.alerts[usize::from(alert.rule)].name,
            s: shown.0,
            device,
            channel,
            state: alert.state.name(),
            severity: alert.severity.name(),
            since: micros(alert.since),
            time: micros(alert.time),
            cleared: (alert.state == State::Cleared).then_some(micros(alert.time)),
            count: alert.count,
            kind: kind(detector),
            detector: &detector.name,
            value: alert.worst.value,
            expected: alert.worst.expected,
            score: alert.worst.score,
            threshold: alert.worst.threshold,
            message: message::of_alert(alert, &book),
            acknowledged: acknowledged.map(|a| WireAcknowledged { at: micros(a.at), by: &a.by, note: &a.note }),
            silenced_until: self.silenced_until.map(micros),
        }
    }
}
