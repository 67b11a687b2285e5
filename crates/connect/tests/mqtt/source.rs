//! The source: what it takes, when it acknowledges, and what it says of a broker that behaves badly.

use super::broker::{Fake, Guest, LONG, message};
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::mqtt::topic::Pattern;
use ouzel_connect::mqtt::{Qos, Version};
use ouzel_connect::source::live::{Fate, LiveSource, Packet};
use ouzel_connect::source::mqtt::{Mqtt, Settings};
use ouzel_engine::series::{Declaration, Timing};
use ouzel_engine::time::Time;
use rumqttc::v5::mqttbytes::v5 as five;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

fn settings(fake: &Fake) -> Settings {
    let topics = ["hall/{line}/{device}/up", "bare/{device}/{channel}"].map(|topic| Pattern::parse(topic).unwrap());
    Settings::new(fake.connection(Version::Five), topics.to_vec())
}

fn source(settings: &Settings) -> Mqtt {
    Mqtt::new("hall", settings, Timing::default(), Arc::new(|| Time::from_secs(1_000))).unwrap()
}

async fn next(source: &mut Mqtt) -> Result<Packet, Fault> {
    timeout(LONG, source.next()).await.expect("something comes").map(Option::unwrap)
}

/// Lets the source connect and listen.
async fn meet(fake: &Fake, source: &mut Mqtt, session: bool) -> Guest {
    tokio::select! {
        guest = fake.host(session) => guest,
        packet = source.next() => panic!("{packet:?}"),
    }
}

fn tell(mut packet: Packet) -> Packet {
    packet.ack.take().unwrap().tell(Fate::Kept);
    packet
}

const OWN_TIME: &str = r#"{"ts":5,"heat":1.5}"#;

#[tokio::test]
async fn a_message_is_acknowledged_once_it_is_kept_and_not_before() {
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    assert!(!source.connected());
    let mut guest = meet(&fake, &mut source, false).await;
    let properties = guest.connect.properties.clone().unwrap();
    assert_eq!((guest.connect.client_id.as_str(), guest.connect.clean_start), ("ouzel-hall", false));
    assert_eq!((properties.receive_maximum, properties.max_packet_size), (Some(65_535), Some(1 << 20)));
    assert_eq!(properties.session_expiry_interval, Some(86_400));

    guest.publish("hall/3/p1/up", OWN_TIME, 1, 7, false).await;
    guest.publish("bare/p2/heat", " 21.5 ", 1, 8, false).await;
    let first = next(&mut source).await.unwrap();
    let second = next(&mut source).await.unwrap();
    assert!(source.connected());
    assert_eq!((first.rows[0].time, first.rows[0].value), (Time::from_secs(5), 1.5));
    assert_eq!((second.rows[0].time, second.rows[0].value), (Time::from_secs(1_000), 21.5));
    let Declaration::Device { name, tags, .. } = &first.declarations[0] else { panic!("{first:?}") };
    assert_eq!((name.as_str(), &tags[..]), ("p1", &[("line".to_owned(), "3".to_owned())][..]));
    let Declaration::Series { channel, .. } = &second.declarations[1] else { panic!("{second:?}") };
    assert_eq!(channel, "heat");
    // Only what carries its own time can be recognised when it comes again.
    assert!(first.mark.unwrap().compare && second.mark.is_none());

    // The second is told first, so the broker hears of it first: nothing was acknowledged before.
    tell(second);
    tell(first);
    for expected in [8, 7] {
        let five::Packet::PubAck(ack) = guest.packet().await else { panic!("no PUBACK") };
        assert_eq!(ack.pkid, expected);
    }
}

#[tokio::test]
async fn what_comes_again_after_a_cut_has_the_mark_it_had() {
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    let mut guest = meet(&fake, &mut source, false).await;
    guest.publish("hall/3/p1/up", OWN_TIME, 1, 7, false).await;
    let first = next(&mut source).await.unwrap();
    drop(guest);
    let fault = next(&mut source).await.unwrap_err();
    assert_eq!(fault.retry, Retry::Later, "{fault}");
    assert!(!source.connected());
    // Too late: its connection is gone, and the number may mean another message on the next one.
    let first = tell(first);

    let mut guest = meet(&fake, &mut source, true).await;
    guest.publish("hall/3/p1/up", OWN_TIME, 1, 9, true).await;
    let again = tell(next(&mut source).await.unwrap());
    assert_eq!(again.mark, first.mark);
    assert!(again.declarations.is_empty());
    let five::Packet::PubAck(ack) = guest.packet().await else { panic!("no PUBACK") };
    assert_eq!(ack.pkid, 9);
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged_and_comes_again() {
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    let mut guest = meet(&fake, &mut source, false).await;
    guest.publish("hall/3/p1/up", OWN_TIME, 1, 7, false).await;
    guest.publish("hall/3/p1/up", r#"{"ts":6,"heat":2}"#, 1, 8, false).await;
    let mut first = next(&mut source).await.unwrap();
    assert!(!first.waits && first.bytes == OWN_TIME.len() as u64);
    let mut late = next(&mut source).await.unwrap();
    first.ack.take().unwrap().tell(Fate::Refused { why: "the disk of the journal is full" });
    let fault = next(&mut source).await.unwrap_err();
    assert_eq!((fault.whose, fault.retry), (Whose::Us, Retry::Later));
    let way = "could not be kept; the connection was cut, so that the broker sends it again";
    assert!(fault.what.ends_with(way), "{fault}");
    assert!(guest.hung_up().await.is_empty());

    // One of the old connection that is refused only now does not cut the new one.
    let mut guest = meet(&fake, &mut source, true).await;
    late.ack.take().unwrap().tell(Fate::Refused { why: "the disk of the journal is full" });
    guest.publish("hall/3/p1/up", OWN_TIME, 1, 7, true).await;
    let again = tell(next(&mut source).await.unwrap());
    assert_eq!(again.mark, first.mark);
    let five::Packet::PubAck(ack) = guest.packet().await else { panic!("no PUBACK") };
    assert_eq!(ack.pkid, 7);
}

#[tokio::test]
async fn made_up_devices_are_rejected_by_name_and_the_others_of_a_message_go_on() {
    const LIMIT: usize = 100;
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    source.limit(LIMIT);
    let mut guest = meet(&fake, &mut source, false).await;
    let (mut devices, mut readings) = (0, 0);
    for message in 0..100u32 {
        let made_up = (0..900).map(|i| format!("{{\"device\":\"d{message}-{i}\",\"ts\":5,\"heat\":1}}"));
        let known = "{\"device\":\"p1\",\"ts\":5,\"heat\":1}".to_owned();
        let list = [known.clone()].into_iter().chain(made_up).chain([known]).collect::<Vec<_>>().join(",");
        guest.publish("hall/3/p0/up", &format!("[{list}]"), 1, message as u16 + 1, false).await;
        let packet = tell(next(&mut source).await.unwrap());
        devices += packet.declarations.iter().filter(|one| matches!(one, Declaration::Device { .. })).count();
        readings += packet.rows.len();
        let refused = if message == 0 { 900 - (LIMIT - 1) } else { 900 };
        assert_eq!((packet.rows.len() + packet.rejected.len(), packet.rejected.len()), (902, refused));
        let reason = &packet.rejected[0].reason;
        assert!(reason.ends_with("is over the cardinality limit: there are 100 devices already, as many as may be"));
        assert!(message == 0 || reason.contains(&format!("device \"d{message}-0\"")), "{reason}");
    }
    assert_eq!((devices, readings), (LIMIT, 200 + LIMIT - 1));
}

#[tokio::test]
async fn a_release_of_before_the_reconnect_is_completed() {
    let fake = Fake::new().await;
    let mut source = source(&Settings { qos: Qos::Two, ..settings(&fake) });
    let mut guest = meet(&fake, &mut source, true).await;
    guest.send(five::Packet::PubRel(five::PubRel::new(65_535, None))).await;
    guest.publish("hall/3/p1/up", OWN_TIME, 2, 7, false).await;
    tell(next(&mut source).await.unwrap());
    let five::Packet::PubComp(complete) = guest.packet().await else { panic!("no PUBCOMP") };
    assert_eq!(complete.pkid, 65_535);
    let five::Packet::PubRec(received) = guest.packet().await else { panic!("no PUBREC") };
    guest.send(five::Packet::PubRel(five::PubRel::new(received.pkid, None))).await;
    let five::Packet::PubComp(complete) = guest.packet().await else { panic!("no PUBCOMP") };
    assert_eq!((received.pkid, complete.pkid), (7, 7));
}

#[tokio::test]
async fn bad_messages_are_rejected_and_acknowledged_and_empty_ones_only_acknowledged() {
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    let mut guest = meet(&fake, &mut source, false).await;
    for (packet, (topic, payload)) in
        [("hall/3/p1/up", "{\"heat\":"), ("bare/p1/heat", "warm"), ("other", "1"), ("hall/3/p1/up", "")]
            .iter()
            .enumerate()
    {
        guest.publish(topic, payload, 1, packet as u16 + 1, false).await;
    }
    guest.publish("hall/3/p1/up", OWN_TIME, 1, 5, false).await;
    let mut reasons = Vec::new();
    for _ in 0..3 {
        let packet = tell(next(&mut source).await.unwrap());
        assert!(packet.rows.is_empty());
        reasons.push(packet.rejected[0].reason.clone());
    }
    assert!(reasons[0].starts_with("is not valid JSON"), "{reasons:?}");
    assert_eq!(reasons[1], "`bare/p1/heat` names a channel, and its message is no number");
    assert!(reasons[2].starts_with("came on the topic `other`, to which nobody listens"), "{reasons:?}");
    assert_eq!(tell(next(&mut source).await.unwrap()).rows.len(), 1);
    let mut acknowledged = Vec::new();
    for _ in 0..5 {
        let five::Packet::PubAck(ack) = guest.packet().await else { panic!("no PUBACK") };
        acknowledged.push(ack.pkid);
    }
    acknowledged.sort_unstable();
    assert_eq!(acknowledged, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_message_of_which_nothing_is_taken_is_not_taken_for_one_that_was_alike() {
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    let mut guest = meet(&fake, &mut source, false).await;
    guest.publish("hall/3/p1/up", OWN_TIME, 1, 1, false).await;
    assert!(next(&mut source).await.unwrap().mark.is_some());
    for packet in [2, 3] {
        guest.publish("hall/3/p1/up", "{\"heat\":", 1, packet, false).await;
        let packet = next(&mut source).await.unwrap();
        assert_eq!((packet.rejected.len(), packet.mark), (1, None));
    }
}

async fn refused(code: five::ConnectReturnCode) -> Fault {
    let fake = Fake::new().await;
    let mut settings = settings(&fake);
    settings.connection.user = Some("me".into());
    let mut source = source(&settings);
    let (guest, packet) = tokio::join!(fake.welcome(false, code), next(&mut source));
    assert_eq!(guest.login.unwrap().username, "me");
    packet.unwrap_err()
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_mend() {
    let fault = refused(five::ConnectReturnCode::BadUserNamePassword).await;
    assert_eq!((fault.whose, fault.retry), (Whose::You, Retry::Later));
    assert!(
        fault
            .what
            .ends_with("does not let in its user `me`: mend `user` and `password`, or the broker's list of users")
    );
    let fault = refused(five::ConnectReturnCode::UnsupportedProtocolVersion).await;
    assert_eq!((fault.whose, fault.retry), (Whose::You, Retry::Never));
    assert!(fault.what.ends_with("write version = \"3.1.1\""), "{fault}");
}

#[tokio::test]
async fn a_topic_that_is_not_allowed_is_named() {
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    let broker = async {
        let mut guest = fake.welcome(false, five::ConnectReturnCode::Success).await;
        let five::Packet::Subscribe(subscribe) = guest.packet().await else { panic!("no SUBSCRIBE") };
        let return_codes = vec![
            five::SubscribeReasonCode::Success(rumqttc::v5::mqttbytes::QoS::AtLeastOnce),
            five::SubscribeReasonCode::NotAuthorized,
        ];
        guest.send(five::Packet::SubAck(five::SubAck { pkid: subscribe.pkid, return_codes, properties: None })).await;
        guest
    };
    let (_guest, packet) = tokio::join!(broker, next(&mut source));
    let fault = packet.unwrap_err();
    assert_eq!(fault.whose, Whose::You);
    assert!(fault.what.contains("does not let us listen to `bare/+/+`: NotAuthorized"), "{fault}");
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let fake = Fake::new().await;
    let settings = settings(&fake);
    drop(fake);
    let fault = next(&mut source(&settings)).await.unwrap_err();
    assert_eq!((fault.whose, fault.retry), (Whose::Peer, Retry::Later));
    assert!(fault.what.ends_with("is not there: nobody listens; is it started?"), "{fault}");
}

#[tokio::test]
async fn silence_is_told_once_and_subscribed_again_in() {
    let fake = Fake::new().await;
    let mut source = source(&Settings { silent_after: Some(Duration::from_secs(1)), ..settings(&fake) });
    let mut guest = meet(&fake, &mut source, false).await;
    let (again, packet) = tokio::join!(guest.subscribed(), next(&mut source));
    assert_eq!(again.filters[0].retain_forward_rule, five::RetainForwardRule::Never);
    let fault = packet.unwrap_err();
    assert!(fault.what.contains("nothing came on `hall/+/+/up`, `bare/+/+` for 1 s; subscribed again"), "{fault}");
    assert!(!source.connected());
    // A message ends the silence. What is retained is older than it, and was taken before.
    let old = five::Publish { retain: true, ..message("hall/3/p1/up", OWN_TIME, 0, 0, false) };
    guest.send(five::Packet::Publish(old)).await;
    guest.publish("hall/3/p1/up", r#"{"ts":6,"heat":2}"#, 0, 0, false).await;
    assert_eq!(next(&mut source).await.unwrap().rows[0].time, Time::from_secs(6));
    assert!(source.connected());
}

#[tokio::test]
async fn retained_messages_are_taken_or_left() {
    for retained in [true, false] {
        let fake = Fake::new().await;
        let mut source = source(&Settings { retained, ..settings(&fake) });
        let mut guest = meet(&fake, &mut source, false).await;
        let old = five::Publish { retain: true, ..message("hall/3/p1/up", OWN_TIME, 1, 3, false) };
        guest.send(five::Packet::Publish(old)).await;
        guest.publish("hall/3/p1/up", r#"{"ts":6,"heat":2}"#, 1, 4, false).await;
        let packet = next(&mut source).await.unwrap();
        assert_eq!(packet.rows[0].time, Time::from_secs(if retained { 5 } else { 6 }));
    }
}

#[tokio::test]
async fn unsure_messages_beyond_the_bound_are_given_up_and_counted() {
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    let mut guest = meet(&fake, &mut source, false).await;
    let large = format!("{{\"ts\":5,\"heat\":1,\"note\":\"{}\"}}", "x".repeat(1_000_000));
    const SENT: u64 = 40;
    for _ in 0..SENT {
        guest.publish("hall/3/p1/up", &large, 0, 0, false).await;
    }
    // All of them have been polled once what was sent behind them is answered.
    guest.send(five::Packet::PubRel(five::PubRel::new(1, None))).await;
    assert!(matches!(guest.packet().await, five::Packet::PubComp(_)));
    let mut taken = 0;
    while taken + source.lost() < SENT {
        assert_eq!(next(&mut source).await.unwrap().rows.len(), 1);
        taken += 1;
    }
    assert!(source.lost() > 0 && taken > 30, "{taken} and {}", source.lost());
}

#[tokio::test]
async fn sure_messages_beyond_the_bound_stay_with_the_broker() {
    let fake = Fake::new().await;
    let mut source = source(&settings(&fake));
    let mut guest = meet(&fake, &mut source, false).await;
    let large = format!("{{\"ts\":5,\"heat\":1,\"note\":\"{}\"}}", "x".repeat(1_000_000));
    let sending = async {
        let mut bytes = bytes::BytesMut::new();
        for packet in 1..=80 {
            five::Packet::Publish(message("hall/3/p1/up", &large, 1, packet, false)).write(&mut bytes, None).unwrap();
        }
        // The source hangs up in the middle.
        guest.send_raw(&bytes).await
    };
    assert!(timeout(LONG, sending).await.expect("it hangs up").is_err());
    let mut taken = 0;
    let fault = loop {
        match next(&mut source).await {
            Ok(packet) => taken += packet.rows.len(),
            Err(fault) => break fault,
        }
    };
    assert!((60..80).contains(&taken), "{taken}");
    assert!(fault.what.contains("more than 64 MiB of messages wait"), "{fault}");
}

#[tokio::test]
async fn version_3_subscribes_again_only_where_the_session_is_lost() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let fake = Fake::new().await;
    let settings = Settings { connection: fake.connection(Version::Three), ..settings(&fake) };
    let mut source = source(&settings);
    let mut packet = [0u8; 256];
    for (session, subscribes) in [(1, true), (1, false), (0, true)] {
        let broker = async {
            let mut stream = fake.accept().await;
            let connect = stream.read(&mut packet).await.unwrap();
            // Protocol level 4, and no flag for a clean session.
            assert_eq!((packet[0], &packet[4..9], packet[9] & 2), (0x10, &b"MQTT\x04"[..], 0), "{connect}");
            stream.write_all(&[0x20, 2, session, 0]).await.unwrap();
            if subscribes {
                let length = stream.read(&mut packet).await.unwrap();
                assert_eq!(packet[0], 0x82, "{length}");
                stream.write_all(&[0x90, 4, packet[2], packet[3], 1, 1]).await.unwrap();
            }
            // A message without a packet number, then the end.
            stream.write_all(b"\x30\x0e\x00\x08bare/a/bthis"[..16].as_ref()).await.unwrap();
            let mut rest = Vec::new();
            stream.shutdown().await.unwrap();
            let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("the source hangs up");
            assert!(rest.is_empty() || subscribes || rest[0] != 0x82, "subscribed again");
        };
        let taken = async {
            let packet = next(&mut source).await.unwrap();
            assert_eq!(packet.rejected.len(), 1);
            next(&mut source).await.unwrap_err()
        };
        let ((), fault) = tokio::join!(broker, taken);
        assert_eq!(fault.retry, Retry::Later);
    }
}
