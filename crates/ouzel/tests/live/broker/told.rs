//! An alert on its way to people: refused, tried again, delivered once.

use super::{CLIENT, end_mark, source, wait_for_end_mark};
use crate::live::hook::Hook;
use crate::live::ouzel::Desk;
use ouzel_testkit::services::mosquitto::Mosquitto;
use ouzel_testkit::services::mqtt::{Client, Heard};
use ouzel_testkit::services::until;
use serde_json::{Value, json};

#[test]
fn an_alert_reaches_a_webhook_that_refuses_twice_and_subscribers_of_a_broker() {
    let Some(broker) = Mosquitto::start() else { return };
    let hook = Hook::answering(&[503, 503]);
    let rest = format!(
        "[detector.hot]\ntype = \"threshold\"\non = \"value\"\nabove = 80\n\n\
         [alert.hot]\non = \"hot\"\nsend = [\"desk\", \"plant\"]\nsay = \"{{device}} in line {{line}} is at {{value}}\"\n\n\
         [sink.desk]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{}/hook\"\nallow_private = true\n\
         body = '{{\"text\": \"{{message}}\", \"severity\": \"{{severity}}\"}}'\n\n\
         [sink.plant]\ntype = \"mqtt\"\nbroker = \"mqtt://127.0.0.1:{}\"\n",
        hook.port(),
        broker.port()
    );
    let desk = Desk::with(&source(broker.port(), &format!("\n{rest}")));
    let ouzel = desk.run();
    broker.wait_for_subscription(CLIENT);
    let mut listener = Client::connect(broker.port(), "listener").expect("it listens");
    listener.subscribe("ouzel/#").expect("everybody may");
    let mut machine = Client::connect(broker.port(), "machine").expect("it listens");
    machine.publish(1, false, "hall/3/press/telemetry", b"{\"value\": 95}").expect("it listens");
    let Heard::Message { topic, payload } = listener.hear().expect("the alert comes") else { panic!("no message") };
    let alert: Value = serde_json::from_str(&payload).expect("it is JSON");
    assert_eq!(topic, "ouzel/alerts/press");
    assert_eq!(
        (alert["message"].as_str(), alert["state"].as_str()),
        (Some("press in line 3 is at 95"), Some("firing"))
    );
    let sinks = until("both have it", || {
        let sinks = ouzel.json("/api/v1/pipeline")["sinks"].clone();
        let both = sinks.as_array()?.iter().all(|sink| sink["delivered"] == 1);
        both.then_some(sinks)
    });
    assert_eq!((&sinks[0]["retries"], &sinks[0]["dropped"]), (&json!(2), &json!(0)), "{sinks}");
    let calls = hook.calls();
    assert_eq!(calls.len(), 3);
    let key = calls[0].header("idempotency-key");
    assert!(!key.is_empty() && calls.iter().all(|call| call.header("idempotency-key") == key), "{calls:?}");
    for call in &calls {
        let body: Value = serde_json::from_str(&call.body).expect("it is JSON");
        assert_eq!(body["text"], "press in line 3 is at 95");
    }
    // Neither is told again what it was told before a restart.
    ouzel.stop();
    let ouzel = desk.run();
    end_mark(broker.port());
    wait_for_end_mark(&ouzel);
    ouzel.stop();
    assert_eq!(hook.calls().len(), 3);
}
