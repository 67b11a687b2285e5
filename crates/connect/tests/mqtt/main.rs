//! MQTT from the broker's side: a source and a sink against a broker that a test plays packet by packet.

mod broker;
mod sink;
mod source;
