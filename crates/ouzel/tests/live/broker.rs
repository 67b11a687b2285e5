//! With a real broker: what it was acknowledged is in the lake once, whoever falls over in the middle; what is wrong is
//! said as it is; a live run can be played again; an alert arrives.

mod again;
mod once;
mod speed;
mod told;
mod trouble;

use super::ouzel::Ouzel;
use ouzel_testkit::services::mqtt::publish_all;
use ouzel_testkit::services::until;
use serde_json::json;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

/// As the source of these tests is known to the broker.
pub(crate) const CLIENT: &str = "ouzel-floor";

pub(crate) fn source(port: u16, more: &str) -> String {
    format!(
        "[source.floor]\ntype = \"mqtt\"\nbroker = \"mqtt://127.0.0.1:{port}\"\n\
         topics = [\"hall/{{line}}/{{device}}/telemetry\"]\n{more}\n"
    )
}

/// Microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(since.as_micros()).expect("for a long time yet")
}

/// Message number `n`, of one of seven machines, made `n` milliseconds after `begin`.
pub(crate) fn message(begin: u64, n: u64) -> (String, String) {
    let topic = format!("hall/{}/press-{}/telemetry", n % 2, n % 7);
    (topic, json!({ "time": begin + n * 1_000, "value": n }).to_string())
}

/// The last message: what a broker has queued before it has come when it has.
pub(crate) fn end_mark(port: u16) {
    let end = |_| ("hall/0/end/telemetry".to_owned(), json!({ "time": now(), "value": -1 }).to_string());
    publish_all(port, "end", 1, end, &AtomicU64::new(0));
}

pub(crate) fn wait_for_end_mark(ouzel: &Ouzel) {
    let came = || !ouzel.json("/api/v1/readings?device=end")["readings"].as_array().expect("a list").is_empty();
    until("the last message has come", || came().then_some(()));
}
