//! Readings from an MQTT broker.
//!
//! | | |
//! | --- | --- |
//! | QoS 1 and 2 | acknowledged once they are in the journal, in the order in which they came; what a kill or a cut leaves unacknowledged comes again |
//! | a message that cannot be kept | is not acknowledged; a broker sends it again only on a new connection, so there is one |
//! | QoS 0 | what comes faster than it is taken is given up, counted |
//! | a message that comes again | is recognised by its bytes, if it carries its own time; else it is a second reading |
//! | silence | connected, subscribed, and nothing comes: told once, and subscribed again |
//!
//! The connection and its task: [`crate::mqtt`].

use super::live::{Ack, Fate, LiveSource, Mark, Next, Now, Packet};
use super::{Rejected, Rows, declarations};
use crate::decode::excerpt;
use crate::decode::number::{self, Cell};
use crate::decode::payload::{Given, Payload};
use crate::fault::{Fault, Retry, Whose};
use crate::format::{FormatHints, Kind};
use crate::mqtt::link::{Event, Link, Listening, Message, State};
use crate::mqtt::topic::{Pattern, Said};
use crate::mqtt::{Connection, Qos, Role};
use bytes::Bytes;
use ouzel_engine::series::{Names, Timing};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Silence for so long is told.
pub const SILENT_AFTER: Duration = Duration::from_secs(60);

/// How many messages a broker of MQTT 5 may send before the first of them is acknowledged.
pub const RECEIVE_MAX: u16 = u16::MAX;

/// After a connection is made, so many messages may have come before: packet numbers end there.
const MAY_BE_REPEATED: u32 = 65_535;

/// A `[source.NAME]` of type `mqtt`.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How the broker is reached.
    pub connection: Connection,
    /// What to listen to; at least one.
    pub topics: Vec<Pattern>,
    /// How surely.
    pub qos: Qos,
    /// Whether messages that the broker has kept from earlier are taken.
    pub retained: bool,
    /// Silence for so long is told; `None`: never.
    pub silent_after: Option<Duration>,
    /// How many messages may be unacknowledged; MQTT 5 only.
    pub receive_max: u16,
    /// What messages mean.
    pub format: FormatHints,
}

impl Settings {
    /// Listens to these topics, with the defaults of the manual.
    pub fn new(connection: Connection, topics: Vec<Pattern>) -> Settings {
        Settings {
            connection,
            topics,
            qos: Qos::One,
            retained: true,
            silent_after: Some(SILENT_AFTER),
            receive_max: RECEIVE_MAX,
            format: FormatHints::default(),
        }
    }

    /// Why the connection is cut after a message could not be kept.
    fn refused(&self) -> Fault {
        let broker = &self.connection.broker;
        let way = "the connection was cut, so that the broker sends it again";
        let what = format!("a message of the broker at {}:{} could not be kept; {way}", broker.host, broker.port);
        Fault { whose: Whose::Us, retry: Retry::Later, what }
    }
}

/// Messages of a broker.
pub struct Mqtt {
    name: String,
    settings: Settings,
    payload: Payload,
    names: Names,
    now: Now,
    state: Arc<State>,
    link: Option<Link>,
    /// Rings when a message of this connection was refused.
    refused: Arc<Notify>,
    /// No connection was subscribed yet.
    first: bool,
    /// How many of the next messages may have come before.
    repeated: u32,
    said: Said,
    scratch: Vec<u8>,
}

impl Mqtt {
    /// A source of this name. It connects when it is first asked for a packet.
    ///
    /// # Errors
    /// A format that contradicts itself.
    pub fn new(name: &str, settings: &Settings, timing: Timing, now: Now) -> Result<Mqtt, Fault> {
        Ok(Mqtt {
            name: name.to_owned(),
            payload: Payload::new(name, &settings.format, timing)?,
            settings: settings.clone(),
            names: Names::new(),
            now,
            state: Arc::default(),
            link: None,
            refused: Arc::default(),
            first: true,
            repeated: 0,
            said: Said::default(),
            scratch: Vec::new(),
        })
    }

    async fn packet(&mut self) -> Result<Packet, Fault> {
        loop {
            let link = match &mut self.link {
                Some(link) => link,
                None => {
                    // Who is told late of a message of an earlier connection does not cut this one.
                    self.refused = Arc::default();
                    self.link.insert(connect(&self.name, &self.settings, self.first, &self.state)?)
                }
            };
            let event = tokio::select! {
                biased;
                () = self.refused.notified() => Err(self.settings.refused()),
                event = link.next() => event,
            };
            match event {
                Ok(Event::Connected { .. }) => (self.first, self.repeated) = (false, MAY_BE_REPEATED),
                Ok(Event::Message(message)) => {
                    if let Some(packet) = self.take(message) {
                        return Ok(packet);
                    }
                }
                Ok(Event::Silent(after)) => return Err(self.silence(after)),
                Ok(_) => {}
                Err(fault) => {
                    self.link = None;
                    return Err(fault);
                }
            }
        }
    }

    fn silence(&self, after: Duration) -> Fault {
        let topics: Vec<String> = self.settings.topics.iter().map(Pattern::filter).collect();
        let broker = &self.settings.connection.broker;
        let what = format!(
            "connected to the broker at {}:{}, but nothing came on `{}` for {} s; subscribed again",
            broker.host,
            broker.port,
            topics.join("`, `"),
            after.as_secs()
        );
        // The connection stands, and what may come on it must not wait for a back-off.
        Fault { whose: Whose::Peer, retry: Retry::Now, what }
    }

    fn take(&mut self, message: Message) -> Option<Packet> {
        let Message { topic, payload, retain, dup, receipt } = message;
        let client = self.link.as_ref().map(|link| &link.client)?;
        let repeated = self.repeated > 0;
        self.repeated = self.repeated.saturating_sub(u32::from(receipt.is_some()));
        if payload.trim_ascii().is_empty() {
            // That is how a retained message is taken back.
            receipt.into_iter().for_each(|receipt| client.acknowledge(receipt));
            return None;
        }
        let ack = receipt.map(|receipt| {
            let (client, refused) = (client.clone(), Arc::clone(&self.refused));
            Ack::new(move |fate| match fate {
                Fate::Refused { .. } => refused.notify_one(),
                _ => client.acknowledge(receipt),
            })
        });
        let bytes = payload.len() as u64;
        let mut rows = Rows::default();
        let own_times = self.decode(&topic, &payload, &mut rows);
        // Where nothing could be taken there is no time that tells two such messages apart, and nothing to take twice.
        let mark = (own_times && !rows.rows.is_empty() && (ack.is_some() || retain))
            .then(|| Mark { hash: xxh3_64_with_seed(&payload, xxh3_64(&topic)), compare: dup || retain || repeated });
        let Rows { rows, rejected, absent, numbered, retold } = rows;
        let declarations = declarations(&mut self.names, retold);
        // Its sender is a broker, which sends on meanwhile: it can wait as long as it takes.
        Some(Packet {
            declarations,
            rows,
            numbered,
            rejected,
            unnamed: 0,
            absent,
            mark,
            ack,
            waits: false,
            bytes,
            reference: None,
        })
    }

    /// Decodes a message; whether all of it carried times of its own.
    fn decode(&mut self, topic: &Bytes, payload: &Bytes, rows: &mut Rows) -> bool {
        let Mqtt { name, settings, said, scratch, now, names, .. } = self;
        let text = std::str::from_utf8(topic).unwrap_or_default();
        if !settings.topics.iter().any(|pattern| pattern.read(text, said)) {
            let way =
                "an earlier subscription of this client id still holds; choose another client_id, or let it expire";
            let reason = format!("came on the topic `{text}`, to which nobody listens any more: {way}");
            rows.rejected.push(Rejected { source: name.clone(), line: 1, reason, text: excerpt(payload) });
            return true;
        }
        let given = Given { now: now(), device: &said.device, tags: &said.tags, unit: None };
        let text_begins = payload.trim_ascii_start().first().copied();
        let json = matches!(settings.format.kind, None | Some(Kind::Ndjson));
        let bare = json && !said.channel.is_empty() && !matches!(text_begins, Some(b'{' | b'['));
        if !bare {
            return self.payload.decode(payload, &given, names, rows);
        }
        match number::read(payload, b'.') {
            Cell::Value(value) => {
                // A bare number is an object of one key, its channel. Writing to a Vec cannot fail.
                scratch.clear();
                scratch.push(b'{');
                let _ = serde_json::to_writer(&mut *scratch, &said.channel);
                let _ = write!(scratch, ":{value}}}");
                self.payload.decode(scratch, &given, names, rows)
            }
            Cell::Absent => {
                rows.absent += 1;
                false
            }
            Cell::Text | Cell::Infinite => {
                let reason = format!("`{text}` names a channel, and its message is no number");
                rows.rejected.push(Rejected { source: name.clone(), line: 1, reason, text: excerpt(payload) });
                false
            }
        }
    }
}

fn connect(name: &str, settings: &Settings, first: bool, state: &Arc<State>) -> Result<Link, Fault> {
    let Settings { connection, topics, qos, retained, silent_after, receive_max, .. } = settings;
    let filters = topics.iter().map(Pattern::filter).collect();
    let listening = Listening { filters, qos: *qos, retained: *retained, silent_after: *silent_after, first };
    let role = Role { session: *qos != Qos::Zero, receive_max: *receive_max };
    Link::open(name, connection, role, Some(listening), state)
}

impl LiveSource for Mqtt {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async { self.packet().await.map(Some) })
    }

    /// Not while it is silent: a source that hears nothing is not ready, whatever its socket says.
    fn connected(&self) -> bool {
        self.state.connected.load(Ordering::Relaxed) && !self.state.silent.load(Ordering::Relaxed)
    }

    fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }

    fn limit(&mut self, devices: usize) {
        self.names.set_limit(devices);
    }
}
