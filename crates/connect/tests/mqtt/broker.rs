//! A broker on loopback that does what the test says, in either version of the protocol.

use bytes::BytesMut;
use ouzel_connect::mqtt::{Broker, Connection, Version};
use rumqttc::v5::mqttbytes::v5 as five;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// What never takes so long, unless it never comes.
pub const LONG: Duration = Duration::from_secs(20);

pub struct Fake {
    listener: TcpListener,
}

/// A client of the fake broker, in MQTT 5.
pub struct Guest {
    stream: TcpStream,
    buffer: BytesMut,
    pub connect: five::Connect,
    pub login: Option<five::Login>,
}

impl Fake {
    pub async fn new() -> Fake {
        Fake { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub fn connection(&self, version: Version) -> Connection {
        let port = self.listener.local_addr().unwrap().port();
        Connection { version, ..Connection::to(Broker { host: "127.0.0.1".into(), port, tls: false }) }
    }

    pub async fn accept(&self) -> TcpStream {
        timeout(LONG, self.listener.accept()).await.expect("somebody connects").unwrap().0
    }

    /// Waits for a client and answers it.
    pub async fn welcome(&self, session_present: bool, code: five::ConnectReturnCode) -> Guest {
        let mut stream = self.accept().await;
        let mut buffer = BytesMut::new();
        let five::Packet::Connect(connect, _, login) = read(&mut stream, &mut buffer).await else {
            panic!("no CONNECT")
        };
        let mut guest = Guest { stream, buffer, connect, login };
        guest.send(five::Packet::ConnAck(five::ConnAck { session_present, code, properties: None })).await;
        guest
    }

    /// Waits for a source and lets it listen.
    pub async fn host(&self, session_present: bool) -> Guest {
        let mut guest = self.welcome(session_present, five::ConnectReturnCode::Success).await;
        guest.subscribed().await;
        guest
    }
}

impl Guest {
    pub async fn send(&mut self, packet: five::Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, None).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next packet that is no ping.
    pub async fn packet(&mut self) -> five::Packet {
        loop {
            match read(&mut self.stream, &mut self.buffer).await {
                five::Packet::PingReq(_) => self.send(five::Packet::PingResp(five::PingResp)).await,
                other => return other,
            }
        }
    }

    /// Waits until the client hangs up; what it sent before that.
    pub async fn hung_up(mut self) -> Vec<u8> {
        let mut rest = self.buffer.to_vec();
        timeout(LONG, self.stream.read_to_end(&mut rest)).await.expect("the client hangs up").unwrap();
        rest
    }

    /// Waits for a subscription and grants it.
    pub async fn subscribed(&mut self) -> five::Subscribe {
        let five::Packet::Subscribe(subscribe) = self.packet().await else { panic!("no SUBSCRIBE") };
        let return_codes =
            subscribe.filters.iter().map(|filter| five::SubscribeReasonCode::Success(filter.qos)).collect();
        self.send(five::Packet::SubAck(five::SubAck { pkid: subscribe.pkid, return_codes, properties: None })).await;
        subscribe
    }

    pub async fn publish(&mut self, topic: &str, payload: &str, qos: u8, pkid: u16, dup: bool) {
        self.send(five::Packet::Publish(message(topic, payload, qos, pkid, dup))).await;
    }
}

pub fn message(topic: &str, payload: &str, qos: u8, pkid: u16, dup: bool) -> five::Publish {
    let qos = rumqttc::v5::mqttbytes::qos(qos).unwrap();
    five::Publish { pkid, dup, ..five::Publish::new(topic, qos, payload.to_owned(), None) }
}

async fn read(stream: &mut TcpStream, buffer: &mut BytesMut) -> five::Packet {
    loop {
        match five::Packet::read(buffer, None) {
            Ok(packet) => return packet,
            Err(rumqttc::v5::mqttbytes::Error::InsufficientBytes(_)) => {
                let count = timeout(LONG, stream.read_buf(buffer)).await.expect("a packet comes").unwrap();
                assert!(count > 0, "the client has gone");
            }
            Err(error) => panic!("{error}"),
        }
    }
}
