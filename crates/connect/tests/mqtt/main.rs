//! MQTT from the broker's side: a source and a sink against a broker that a test plays packet by packet.
#![expect(clippy::unwrap_used, reason = "what a test plays may stop the test")]

mod broker;
mod sink;
mod source;
