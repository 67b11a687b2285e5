//! Results published to an MQTT broker, one at a time: under QoS 1 and 2 a delivery is done once the broker has it.
//!
//! The connection is made by the first delivery and kept; one that has ended meanwhile is made again by the next. A
//! delivery that failed half-way may have arrived, so a receiver may see an `id` twice.

use super::live::{Delivered, Delivery, LiveSink};
use super::template::{Fields, Template, Use};
use crate::fault::{Fault, Retry, Whose};
use crate::mqtt::link::{Event, Link, State};
use crate::mqtt::{Connection, Qos, Role, later};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a broker may take to take us, and to take a message.
const PATIENCE: Duration = Duration::from_secs(10);

/// A `[sink.NAME]` of type `mqtt`.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How the broker is reached.
    pub connection: Connection,
    /// Where to: `ouzel/{noun}/{device}`.
    pub topic: Template,
    /// How surely.
    pub qos: Qos,
    /// Whether the broker keeps the last message of each topic for those who come later.
    pub retain: bool,
}

/// The topic where nothing else is said.
pub const TOPIC: &str = "ouzel/{noun}/{device}";

impl Settings {
    /// Publishes to this broker, with the defaults of the manual.
    pub fn to(connection: Connection) -> Settings {
        Settings { connection, topic: Template::parse(TOPIC), qos: Qos::One, retain: false }
    }
}

/// Publishes results.
pub struct Mqtt {
    name: String,
    settings: Settings,
    state: Arc<State>,
    link: Option<Link>,
}

impl Mqtt {
    /// A sink of this name. It connects when there is something to deliver.
    pub fn new(name: &str, settings: &Settings) -> Mqtt {
        // A source of the same name would have the same client id, and each would throw the other out.
        let name = format!("sink-{name}");
        Mqtt { name, settings: settings.clone(), state: Arc::default(), link: None }
    }

    async fn publish(&mut self, delivery: &Delivery) -> Result<(), Fault> {
        let topic = self.settings.topic.fill(&Fields::of(delivery)?, Use::Topic);
        if topic.is_empty() || topic.len() > 60_000 {
            return Err(Fault::yours("the topic is empty or longer than a topic may be: mend `topic`"));
        }
        // Put back only after a delivery that was seen to its end: what a half-way one leaves behind would be taken for
        // the answer to the next.
        let mut link = match self.link.take().and_then(still_there) {
            Some(link) => link,
            None => self.connect().await?,
        };
        let (qos, retain) = (self.settings.qos, self.settings.retain);
        if !link.client.publish(&topic, qos, retain, delivery.json.clone().into_bytes()) {
            return Err(self.slow("did not take a message"));
        }
        let mut sent = None;
        loop {
            let event =
                timeout(PATIENCE, link.next()).await.map_err(|_| self.slow("did not acknowledge a message"))??;
            match event {
                Event::Sent(packet) if sent.is_none() => sent = Some(packet),
                Event::Acknowledged(packet, refused) if sent == Some(packet) => match refused {
                    None => break,
                    Some(why) => return Err(self.refused(&topic, &why)),
                },
                _ => {}
            }
            if sent.is_some() && qos == Qos::Zero {
                break;
            }
        }
        self.link = Some(link);
        Ok(())
    }

    async fn connect(&self) -> Result<Link, Fault> {
        let role = Role { session: false, receive_max: 64 };
        let mut link = Link::open(&self.name, &self.settings.connection, role, None, &self.state)?;
        loop {
            match timeout(PATIENCE, link.next()).await.map_err(|_| self.slow("does not answer"))?? {
                Event::Connected { .. } => return Ok(link),
                _ => continue,
            }
        }
    }

    fn slow(&self, what: &str) -> Fault {
        let broker = &self.settings.connection.broker;
        later(Whose::Peer, format!("the broker at {}:{} {what} within 10 s", broker.host, broker.port))
    }

    fn refused(&self, topic: &str, why: &str) -> Fault {
        let broker = &self.settings.connection.broker;
        let what = format!("the broker at {}:{} does not take messages on `{topic}`: {why}", broker.host, broker.port);
        let retry = if why == "QuotaExceeded" { Retry::Later } else { Retry::Never };
        Fault { whose: Whose::You, retry, what: format!("{what}; mend `topic`, or its list of rights") }
    }
}

/// The connection, unless it has ended while nothing was to be done.
fn still_there(mut link: Link) -> Option<Link> {
    while let Some(event) = link.next_now() {
        if event.is_err() {
            return None;
        }
    }
    Some(link)
}

impl LiveSink for Mqtt {
    fn deliver<'a>(&'a mut self, delivery: &'a Delivery) -> Delivered<'a> {
        Box::pin(self.publish(delivery))
    }
}
