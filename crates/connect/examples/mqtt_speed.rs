//! How fast results go to a broker: `cargo run --release -p ouzel-connect --example mqtt_speed -- mqtt://127.0.0.1:1883`

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use ouzel_connect::mqtt::{Broker, Connection};
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::live::{Delivery, LiveSink};
use ouzel_connect::sink::mqtt::{Mqtt, Settings};
use std::error::Error;
use std::time::Instant;

const COUNT: u64 = 200_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "mqtt://127.0.0.1:1883".into());
    let deliveries: Vec<Delivery> = (0..COUNT).map(delivery).collect();
    for batch in [1, 16, 64, 4_096] {
        let mut sink = Mqtt::new("speed", &Settings::to(Connection::to(Broker::parse(&url)?)));
        // The connection is made by the first.
        sink.deliver(&deliveries[..1]).await.map_err(|undelivered| undelivered.fault)?;
        let some = &deliveries[..if batch < 4_096 { deliveries.len() / 5 } else { deliveries.len() }];
        let began = Instant::now();
        for batch in some.chunks(batch) {
            sink.deliver(batch).await.map_err(|undelivered| undelivered.fault)?;
        }
        println!("{batch:>4} a batch  {:>9.0} messages/s", some.len() as f64 / began.elapsed().as_secs_f64());
    }
    Ok(())
}

/// An anomaly of 300 bytes.
fn delivery(number: u64) -> Delivery {
    let json = format!(
        "{{\"id\":\"{number:032x}\",\"detector\":\"spike\",\"device\":\"press-{}\",\"channel\":\"temperature\",\
         \"time\":\"2024-01-01T00:00:00Z\",\"value\":27.8,\"expected\":22.5,\"spread\":1.2,\"threshold\":26.1,\
         \"score\":4.4,\"message\":\"temperature of press-1 is 27.8 °C, 4.4 standard deviations above its usual\"}}",
        number % 1_000
    );
    Delivery { input: number, noun: Noun::Anomalies, key: format!("{number:032x}"), severity: None, json }
}
