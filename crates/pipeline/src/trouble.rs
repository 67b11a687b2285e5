//! Trouble of the pipeline itself: the disk is full, a sink was overtaken. People are told of it like of any other.

use ouzel_connect::sink::Noun;
use ouzel_connect::sink::live::Delivery;
use ouzel_engine::output::{Id, Severity};
use ouzel_engine::time::Time;
use serde::{Deserialize, Serialize};

/// What is wrong with the pipeline itself. A journal's record names it, so that a restart knows of it, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Which part: `journal`, `lake`, `sink desk`.
    pub part: String,
    /// What is the matter, in words.
    pub what: String,
    /// When it began.
    pub since: Time,
    /// When this was said.
    pub at: Time,
    /// It is over.
    pub over: bool,
}

impl Trouble {
    /// As the receiver of alerts gets it: an alert named `ouzel` whose device is the part.
    pub fn delivery(&self, input: u64) -> Delivery {
        let state = if self.over { "cleared" } else { "firing" };
        let id = Id::of(&["ouzel", &self.part], &[self.since.0]);
        let json = serde_json::json!({
            "id": id.to_string(), "alert": "ouzel", "state": state, "severity": "critical", "device": self.part,
            "since": self.since.to_string(), "time": self.at.to_string(), "message": self.what,
        });
        let key = Id::of(&["ouzel", &self.part, state], &[self.since.0, self.at.0]).to_string();
        Delivery { input, noun: Noun::Alerts, key, severity: Some(Severity::Critical), json: json.to_string() }
    }
}
