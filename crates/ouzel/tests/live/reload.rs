//! Another config while it runs: what did not change goes on, what did is changed over, a mistake changes nothing.

use super::hook::Hook;
use super::ouzel::{Desk, HOUSE};
use ouzel_testkit::services::until;
use rustix::process::Signal;
use std::fs;

/// A minute that stays open over the reload, and an alert that the second config has no more.
fn config(limit: &str, sinks: &str) -> String {
    format!(
        r#"
[source.in]
type = "http"
format = {{ time = "ts", device = "id" }}

[window.day]
over = "heat"
size = "1d"
give = ["count", "max"]

{limit}
{sinks}
"#
    )
}

fn post(ouzel: &super::ouzel::Ouzel, second: u32, heat: f64) {
    let body = format!(r#"{{"id":"oven","ts":"2026-01-01T00:00:{second:02}Z","heat":{heat}}}"#);
    let answer = ouzel.post("/api/v1/readings", &[("Content-Type", "application/json")], body.as_bytes());
    assert_eq!(answer.status, 204, "{answer:?}");
}

fn hot(above: f64) -> String {
    format!("[detector.hot]\ntype = \"threshold\"\non = \"heat\"\nabove = {above}\n[alert.hot]\non = \"hot\"\n")
}

#[test]
fn a_reload_changes_what_differs_and_nothing_else() {
    let (desk, first, second) = (Hook::answering(&[]), Hook::answering(&[]), Hook::answering(&[]));
    let _ = &desk;
    let sink = |name: &str, hook: &Hook| {
        format!(
            "[sink.{name}]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\nallow_private = true\ntake = [\"alerts\"]\n",
            hook.port()
        )
    };
    let files = "[sink.out]\ntype = \"file\"\npath = \"out\"\ntake = [\"aggregates\", \"alerts\"]\n";
    let before = config(&hot(50.0), &format!("{files}{}", sink("one", &first)));
    let house = Desk::with(&before);
    let ouzel = house.run();
    (0..10).for_each(|second| post(&ouzel, second, 20.0));
    post(&ouzel, 10, 60.0);
    until("the alert is told", || (first.calls().len() == 1).then_some(()));

    // A mistake: nothing changes, and it is said where it is.
    fs::write(house.path("live.toml"), format!("{before}{HOUSE}\n[detector.oops]\ntyp = \"zscore\"\n")).unwrap();
    ouzel.signal(Signal::HUP);
    let said = ouzel.wait_for("nothing has changed");
    assert!(said.contains("problems"), "{said}");
    ouzel.wait_for("`detector.oops` needs `type`");
    let answer = ouzel.post("/api/v1/reload", &[], b"");
    assert_eq!(answer.status, 422, "{answer:?}");

    // The limit is another one, so its alert is over; a second receiver comes. The window and the files go on.
    let after = config(&hot(70.0), &format!("{files}{}{}", sink("one", &first), sink("two", &second)));
    fs::write(house.path("live.toml"), format!("{after}{HOUSE}")).unwrap();
    ouzel.signal(Signal::HUP);
    ouzel.wait_for("sink `two` is new");
    until("the alert of the old limit is over", || first.calls().get(1).cloned())
        .body
        .find("\"cleared\"")
        .expect("its rule is another one");
    post(&ouzel, 20, 65.0);
    post(&ouzel, 21, 75.0);
    until("both are told of the new limit", || (first.calls().len() == 3 && second.calls().len() == 1).then_some(()));
    assert!(first.calls()[2].body.contains("75"), "{:?}", first.calls()[2]);
    assert!(second.calls()[0].body.contains("firing"), "{:?}", second.calls()[0]);

    // The window was open all the time: its end is two days later. A restart and a replay change over at the same input.
    let body = r#"{"id":"oven","ts":"2026-01-03T00:00:00Z","heat":21}"#;
    ouzel.post("/api/v1/readings", &[("Content-Type", "application/json")], body.as_bytes());
    ouzel.wait_until_idle();
    until("the day is written", || house.path("out/aggregates.ndjson").exists().then_some(()));
    until("the day is written", || house.text("out/aggregates.ndjson").contains("\"count\":13").then_some(()));
    ouzel.kill();
    let again = house.run();
    until("the alert stands, as before", || {
        again.json("/api/v1/alerts?state=open").to_string().contains("hot").then_some(())
    });
    post(&again, 30, 22.0);
    again.stop();
    let lines = house.text("out/alerts.ndjson");
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

#[test]
fn what_goes_is_ended_and_a_file_that_changes_is_not_read_twice() {
    let hook = Hook::answering(&[]);
    let text = |late: &str, sink: &str| {
        format!(
            "[source.old]\ntype = \"file\"\npath = \"old.csv\"\nlate = \"{late}\"\n\
             [detector.hot]\ntype = \"threshold\"\non = \"heat\"\nabove = 50\n[alert.hot]\non = \"hot\"\n{sink}{HOUSE}"
        )
    };
    let sink = format!(
        "[sink.desk]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\nallow_private = true\ntake = [\"alerts\"]\n",
        hook.port()
    );
    let house = Desk::alone(&text("0s", &sink));
    let rows: String =
        (0..100).map(|second| format!("2026-01-01T00:{:02}:{:02}Z,oven,20\n", second / 60, second % 60)).collect();
    fs::write(house.path("old.csv"), format!("time,device,heat\n{rows}")).unwrap();
    let ouzel = house.run();
    ouzel.wait_for_readings(100);
    fs::write(house.path("live.toml"), text("1s", &sink)).unwrap();
    ouzel.signal(Signal::HUP);
    ouzel.wait_for("source `old` has changed");
    // A sink that has nothing to do is ended, too, and the run can be stopped.
    fs::write(house.path("live.toml"), text("1s", "")).unwrap();
    ouzel.signal(Signal::HUP);
    ouzel.wait_for("sink `desk` has gone");
    assert_eq!(ouzel.count("journalled"), 100);
    ouzel.stop();
    // A restart reads neither the file nor the journal's part of it a second time.
    let again = house.run();
    again.wait_until_idle();
    assert_eq!(again.count("journalled"), 0);
    again.stop();
}
