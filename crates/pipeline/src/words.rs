//! What people said of alerts that are open: who takes care of one, and of which ones nobody is to be told.

use crate::control::{Control, Order};
use ouzel_connect::encode::{Book, identity};
use ouzel_engine::output::{Output, State, What};
use ouzel_engine::time::Time;
use std::collections::BTreeMap;

/// The last word of each sort on each alert, by its identity. A word goes when its alert is over, and as many alerts are
/// open as rules have series in trouble.
#[derive(Clone, Debug, Default)]
pub struct Words {
    acknowledged: BTreeMap<String, Control>,
    silenced: BTreeMap<String, Control>,
}

/// Words on alerts that nobody knows are kept, for one may be said before its alert is worked off; no more than these.
const MOST: usize = 100_000;

impl Words {
    /// As they were kept.
    pub fn of(controls: Vec<Control>) -> Words {
        let mut words = Words::default();
        controls.iter().for_each(|control| words.heed(control));
        words
    }

    /// To be kept.
    pub fn controls(&self) -> Vec<Control> {
        self.acknowledged.values().chain(self.silenced.values()).cloned().collect()
    }

    /// Somebody has said something.
    pub fn heed(&mut self, control: &Control) {
        let now = control.at;
        self.silenced.retain(|_, said| matches!(said.what, Order::Silence { until, .. } if until > now));
        let (words, alert) = match &control.what {
            Order::Acknowledge { alert, .. } => (&mut self.acknowledged, alert),
            Order::Silence { alert, .. } => (&mut self.silenced, alert),
            _ => return,
        };
        if words.len() < MOST || words.contains_key(alert) {
            words.insert(alert.clone(), control.clone());
        }
    }

    /// Which of these, decided by what arrived then, nobody is to be told of: an alert fires, or got worse, and somebody
    /// has silenced it. That it is over is told. Alerts that are over are forgotten.
    pub fn quiet(&mut self, outputs: &[Output], book: &Book<'_>, arrived: Time) -> Vec<u32> {
        let mut quiet = Vec::new();
        if self.acknowledged.is_empty() && self.silenced.is_empty() {
            return quiet;
        }
        for (index, output) in outputs.iter().enumerate() {
            let What::Alert(alert) = &output.what else { continue };
            let id = identity(alert, book).to_string();
            if alert.state == State::Cleared {
                self.acknowledged.remove(&id);
                self.silenced.remove(&id);
            } else if let Some(Control { what: Order::Silence { until, .. }, .. }) = self.silenced.get(&id)
                && arrived < *until
            {
                quiet.push(index as u32);
            }
        }
        quiet
    }
}
