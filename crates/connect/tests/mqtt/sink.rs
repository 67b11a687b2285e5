//! The sink: where it publishes, and what it takes for delivered.

use super::broker::{Fake, Guest, LONG};
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::mqtt::{Qos, Version};
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::live::{Delivery, LiveSink};
use ouzel_connect::sink::mqtt::{Mqtt, Settings};
use rumqttc::v5::mqttbytes::v5 as five;
use tokio::time::timeout;

fn delivery() -> Delivery {
    let json = r#"{"device":"press/1","value":9}"#.to_owned();
    Delivery { input: 7, noun: Noun::Alerts, key: "k1".into(), severity: None, json }
}

fn settings(fake: &Fake) -> Settings {
    Settings::to(fake.connection(Version::Five))
}

async fn deliver(sink: &mut Mqtt) -> Result<(), Fault> {
    let done = timeout(LONG, sink.deliver(&[delivery()])).await.expect("it is done, or says why not");
    done.map_err(|undelivered| undelivered.fault)
}

async fn message(guest: &mut Guest, reason: five::PubAckReason) -> five::Publish {
    let five::Packet::Publish(publish) = guest.packet().await else { panic!("no PUBLISH") };
    if publish.pkid > 0 {
        guest.send(five::Packet::PubAck(five::PubAck { pkid: publish.pkid, reason, properties: None })).await;
    }
    publish
}

#[tokio::test]
async fn a_delivery_is_done_once_the_broker_has_it() {
    let fake = Fake::new().await;
    let mut sink = Mqtt::new("desk", &Settings { retain: true, ..settings(&fake) });
    let broker = async {
        let mut guest = fake.welcome(false, five::ConnectReturnCode::Success).await;
        let publish = message(&mut guest, five::PubAckReason::Success).await;
        (guest, publish)
    };
    let ((mut guest, publish), done) = tokio::join!(broker, deliver(&mut sink));
    assert_eq!(done, Ok(()));
    assert_eq!((guest.connect.client_id.as_str(), guest.connect.clean_start), ("ouzel-sink-desk", true));
    assert_eq!((&publish.topic[..], publish.retain), (&b"ouzel/alerts/press_1"[..], true));
    assert_eq!(publish.payload, delivery().json);

    // On the same connection.
    let (_, done) = tokio::join!(message(&mut guest, five::PubAckReason::NotAuthorized), deliver(&mut sink));
    let fault = done.unwrap_err();
    assert_eq!((fault.whose, fault.retry), (Whose::You, Retry::Never));
    assert!(fault.what.contains("does not take messages on `ouzel/alerts/press_1`: NotAuthorized"), "{fault}");
}

#[tokio::test]
async fn a_connection_that_ended_is_made_again() {
    let fake = Fake::new().await;
    let mut sink = Mqtt::new("desk", &settings(&fake));
    for _ in 0..3 {
        let broker = async {
            let mut guest = fake.welcome(false, five::ConnectReturnCode::Success).await;
            message(&mut guest, five::PubAckReason::Success).await;
        };
        // The one before has hung up; where the sink has not seen it yet, its first try says so.
        let delivered = async {
            while let Err(fault) = deliver(&mut sink).await {
                assert_eq!(fault.retry, Retry::Later, "{fault}");
            }
        };
        tokio::join!(broker, delivered);
    }
}

fn numbered(count: u64) -> Vec<Delivery> {
    (0..count)
        .map(|n| Delivery { key: format!("k{n}"), json: format!("{{\"device\":\"d{n}\"}}"), ..delivery() })
        .collect()
}

#[tokio::test]
async fn a_batch_is_under_way_at_once() {
    let fake = Fake::new().await;
    let mut sink = Mqtt::new("desk", &settings(&fake));
    assert!(sink.batch() >= 64);
    let deliveries = numbered(64);
    let broker = async {
        let mut guest = fake.welcome(false, five::ConnectReturnCode::Success).await;
        let mut packets = Vec::new();
        // All come before any is acknowledged.
        for number in 0..64 {
            let five::Packet::Publish(publish) = guest.packet().await else { panic!("no PUBLISH") };
            assert_eq!(publish.topic, format!("ouzel/alerts/d{number}"));
            packets.push(publish.pkid);
        }
        for pkid in packets.into_iter().rev() {
            let reason = five::PubAckReason::Success;
            guest.send(five::Packet::PubAck(five::PubAck { pkid, reason, properties: None })).await;
        }
    };
    let (_, done) = tokio::join!(broker, async { timeout(LONG, sink.deliver(&deliveries)).await.unwrap() });
    assert_eq!(done, Ok(()));
}

#[tokio::test]
async fn of_a_broken_off_batch_the_acknowledged_front_is_done() {
    let fake = Fake::new().await;
    let mut sink = Mqtt::new("desk", &settings(&fake));
    let deliveries = numbered(5);
    let broker = async {
        let mut guest = fake.welcome(false, five::ConnectReturnCode::Success).await;
        let mut packets = Vec::new();
        for _ in 0..5 {
            let five::Packet::Publish(publish) = guest.packet().await else { panic!("no PUBLISH") };
            packets.push(publish.pkid);
        }
        // Not the third.
        for place in [0, 1, 3] {
            let (pkid, reason) = (packets[place], five::PubAckReason::Success);
            guest.send(five::Packet::PubAck(five::PubAck { pkid, reason, properties: None })).await;
        }
    };
    let (_, done) = tokio::join!(broker, async { timeout(LONG, sink.deliver(&deliveries)).await.unwrap() });
    let undelivered = done.unwrap_err();
    assert_eq!((undelivered.done, undelivered.fault.retry), (2, Retry::Later), "{undelivered}");
}

#[tokio::test]
async fn what_has_no_topic_stops_those_behind_it_and_none_before_it() {
    let fake = Fake::new().await;
    let mut sink = Mqtt::new("desk", &settings(&fake));
    let mut deliveries = numbered(3);
    deliveries[1].json = "no object".into();
    let broker = async {
        let mut guest = fake.welcome(false, five::ConnectReturnCode::Success).await;
        message(&mut guest, five::PubAckReason::Success).await;
        guest
    };
    let (_guest, done) = tokio::join!(broker, async { timeout(LONG, sink.deliver(&deliveries)).await.unwrap() });
    let undelivered = done.unwrap_err();
    assert_eq!((undelivered.done, undelivered.fault.retry), (1, Retry::Never), "{undelivered}");
    let undelivered = sink.deliver(&deliveries[1..2]).await.unwrap_err();
    assert_eq!((undelivered.done, undelivered.fault.retry), (0, Retry::Never), "{undelivered}");
}

#[tokio::test]
async fn an_unsure_delivery_is_done_once_it_is_sent() {
    let fake = Fake::new().await;
    let mut sink = Mqtt::new("desk", &Settings { qos: Qos::Zero, ..settings(&fake) });
    let broker = async {
        let mut guest = fake.welcome(false, five::ConnectReturnCode::Success).await;
        message(&mut guest, five::PubAckReason::Success).await.pkid
    };
    let (packet, done) = tokio::join!(broker, deliver(&mut sink));
    assert_eq!((packet, done), (0, Ok(())));
}

#[tokio::test]
async fn the_surest_delivery_takes_four_packets() {
    let fake = Fake::new().await;
    let mut sink = Mqtt::new("desk", &Settings { qos: Qos::Two, ..settings(&fake) });
    let broker = async {
        let mut guest = fake.welcome(false, five::ConnectReturnCode::Success).await;
        let five::Packet::Publish(publish) = guest.packet().await else { panic!("no PUBLISH") };
        guest.send(five::Packet::PubRec(five::PubRec::new(publish.pkid, None))).await;
        let five::Packet::PubRel(release) = guest.packet().await else { panic!("no PUBREL") };
        guest.send(five::Packet::PubComp(five::PubComp::new(release.pkid, None))).await;
    };
    assert_eq!(tokio::join!(broker, deliver(&mut sink)).1, Ok(()));
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_mend() {
    let fake = Fake::new().await;
    let mut sink = Mqtt::new("desk", &settings(&fake));
    let (_, done) = tokio::join!(fake.welcome(false, five::ConnectReturnCode::NotAuthorized), deliver(&mut sink));
    let fault = done.unwrap_err();
    assert_eq!((fault.whose, fault.retry), (Whose::You, Retry::Later));
    assert!(fault.what.ends_with("does not let in anybody without a user: write `user` and `password`"), "{fault}");
}
