//! A client of MQTT 3.1.1 in which nothing is hidden: what a broker has acknowledged is known to the message.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A connection to a broker of this machine.
pub struct Client {
    to: TcpStream,
    from: BufReader<TcpStream>,
}

/// What a broker said.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// It has the message of this number.
    Acknowledged(u16),
    /// A message of somebody; acknowledged by now, where that is wanted.
    Message {
        /// On this topic.
        topic: String,
        /// What it says.
        payload: String,
    },
    /// Something else.
    Other,
}

const CONNACK: u8 = 0x20;
const PUBACK: u8 = 0x40;

impl Client {
    /// Connects with a session that ends with the connection.
    ///
    /// # Errors
    /// The broker is not there, or does not take us.
    pub fn connect(port: u16, id: &str) -> io::Result<Client> {
        let to = TcpStream::connect(("127.0.0.1", port))?;
        to.set_nodelay(true)?;
        to.set_read_timeout(Some(Duration::from_secs(60)))?;
        let from = BufReader::with_capacity(1 << 16, to.try_clone()?);
        let mut client = Client { to, from };
        let mut body = Vec::new();
        put_text(&mut body, "MQTT");
        // Level 4, a clean session, no keep-alive.
        body.extend([4, 2, 0, 0]);
        put_text(&mut body, id);
        client.send(0x10, &body)?;
        match client.packet()? {
            (CONNACK, answer) if answer.get(1) == Some(&0) => Ok(client),
            (kind, answer) => Err(io::Error::other(format!("the broker answered {kind:#x} {answer:?}"))),
        }
    }

    /// Subscribes with QoS 1, and waits until that is granted.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn subscribe(&mut self, filter: &str) -> io::Result<()> {
        let mut body = vec![0, 1];
        put_text(&mut body, filter);
        body.push(1);
        self.send(0x82, &body)?;
        self.packet().map(drop)
    }

    /// Sends a message with QoS 1 under a number; does not wait.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn publish(&mut self, number: u16, again: bool, topic: &str, payload: &[u8]) -> io::Result<()> {
        let mut packet = Vec::with_capacity(payload.len() + topic.len() + 8);
        put_publish(&mut packet, number, again, topic, payload);
        self.to.write_all(&packet)
    }

    /// What the broker says next.
    ///
    /// # Errors
    /// The connection is gone, or nothing comes for a minute.
    pub fn hear(&mut self) -> io::Result<Heard> {
        let (kind, body) = self.packet()?;
        match kind & 0xf0 {
            PUBACK if body.len() >= 2 => Ok(Heard::Acknowledged(u16::from_be_bytes([body[0], body[1]]))),
            0x30 if body.len() >= 2 => {
                let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let (topic, mut rest) = body[2..].split_at(length);
                if kind & 0x06 != 0 {
                    let (number, payload) = rest.split_at(2);
                    rest = payload;
                    self.send(PUBACK, number)?;
                }
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                Ok(Heard::Message { topic: text(topic), payload: text(rest) })
            }
            _ => Ok(Heard::Other),
        }
    }

    fn send(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let mut packet = vec![kind];
        put_length(&mut packet, body.len());
        packet.extend_from_slice(body);
        self.to.write_all(&packet)
    }

    fn packet(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut byte = [0];
        self.from.read_exact(&mut byte)?;
        let kind = byte[0];
        let (mut length, mut shift) = (0usize, 0);
        loop {
            self.from.read_exact(&mut byte)?;
            length |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

fn put_text(into: &mut Vec<u8>, text: &str) {
    into.extend((text.len() as u16).to_be_bytes());
    into.extend_from_slice(text.as_bytes());
}

fn put_length(into: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = (length % 128) as u8;
        length /= 128;
        into.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}

fn put_publish(into: &mut Vec<u8>, number: u16, again: bool, topic: &str, payload: &[u8]) {
    into.push(if again { 0x3a } else { 0x32 });
    put_length(into, 2 + topic.len() + 2 + payload.len());
    put_text(into, topic);
    into.extend(number.to_be_bytes());
    into.extend_from_slice(payload);
}

/// Messages that are on their way at once.
const WINDOW: u64 = 500;

/// Publishes message 0, 1, … up to `count`, each until the broker has acknowledged it: where the connection breaks, what
/// was not acknowledged is sent again, as the protocol wants it. `acknowledged` counts along.
///
/// # Panics
/// When the broker stays away for a minute.
pub fn publish_all(
    port: u16,
    id: &str,
    count: u64,
    message: impl Fn(u64) -> (String, String),
    acknowledged: &AtomicU64,
) {
    let mut client = connect_in_time(port, id);
    let mut first = 0;
    while first < count {
        let mut open: Vec<u64> = (first..count.min(first + WINDOW)).collect();
        let mut again = false;
        while !open.is_empty() {
            let tried = publish_some(&mut client, first, &mut open, again, &message, acknowledged);
            if tried.is_err() {
                client = connect_in_time(port, id);
                again = true;
            }
        }
        first += WINDOW;
    }
}

/// Sends what is open and takes out of it what is acknowledged.
fn publish_some(
    client: &mut Client,
    first: u64,
    open: &mut Vec<u64>,
    again: bool,
    message: &impl Fn(u64) -> (String, String),
    acknowledged: &AtomicU64,
) -> io::Result<()> {
    let mut packets = Vec::new();
    for &which in &*open {
        let (topic, payload) = message(which);
        put_publish(&mut packets, (which - first + 1) as u16, again, &topic, payload.as_bytes());
    }
    client.to.write_all(&packets)?;
    while !open.is_empty() {
        if let Heard::Acknowledged(number) = client.hear()? {
            let before = open.len();
            open.retain(|&which| which - first + 1 != u64::from(number));
            acknowledged.fetch_add((before - open.len()) as u64, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn connect_in_time(port: u16, id: &str) -> Client {
    let began = Instant::now();
    loop {
        match Client::connect(port, id) {
            Ok(client) => return client,
            Err(error) => assert!(began.elapsed() < super::PATIENCE, "the broker stays away: {error}"),
        }
        sleep(Duration::from_millis(10));
    }
}
