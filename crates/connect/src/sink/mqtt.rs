//! Results published to an MQTT broker: under QoS 1 and 2 a delivery is done once the broker has it.
//!
//! Up to 64 are under way at once, so that a broker's answer costs a batch one wait and not each message one. The
//! connection is made by the first delivery and kept; one that has ended meanwhile is made again by the next. What failed
//! half-way may have arrived, so a receiver may see an `id` twice.

use super::live::{Delivered, Delivery, LiveSink, Undelivered};
use super::template::{Fields, Template, Use};
use crate::fault::{Fault, Retry, Whose};
use crate::mqtt::link::{Event, Link, OUTGOING, State};
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

    async fn publish(&mut self, deliveries: &[Delivery]) -> Result<(), Undelivered> {
        let mut topics = Vec::with_capacity(deliveries.len());
        let mut unfit = None;
        for delivery in deliveries {
            match self.topic(delivery) {
                Ok(topic) => topics.push(topic),
                Err(fault) => {
                    // Those before it go out all the same, and those behind it wait for what the driver makes of it.
                    unfit = Some(fault);
                    break;
                }
            }
        }
        let mut batch = Batch::new(topics.len(), self.settings.qos);
        let sent = if topics.is_empty() { Ok(()) } else { self.send(deliveries, &topics, &mut batch).await };
        match (sent, unfit) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(fault)) => Err(Undelivered { done: topics.len(), fault }),
            (Err(fault), _) => Err(Undelivered { done: batch.front(), fault }),
        }
    }

    fn topic(&self, delivery: &Delivery) -> Result<String, Fault> {
        let topic = self.settings.topic.fill(&Fields::of(delivery)?, Use::Topic);
        if topic.is_empty() || topic.len() > 60_000 {
            return Err(Fault::yours("the topic is empty or longer than a topic may be: mend `topic`"));
        }
        Ok(topic)
    }

    async fn send(&mut self, deliveries: &[Delivery], topics: &[String], batch: &mut Batch) -> Result<(), Fault> {
        // Put back only after a batch that was seen to its end: what a half-way one leaves behind would be taken for
        // the answer to the next.
        let mut link = match self.link.take().and_then(still_there) {
            Some(link) => link,
            None => self.connect().await?,
        };
        let (qos, retain) = (self.settings.qos, self.settings.retain);
        for (delivery, topic) in deliveries.iter().zip(topics) {
            if !link.client.publish(topic, qos, retain, delivery.json.clone().into_bytes()) {
                return Err(self.slow("did not take a message"));
            }
        }
        // The first that the broker refused; the others are waited for, so that none of them counts as lost.
        let mut refused: Option<Fault> = None;
        while !batch.is_settled() {
            let event =
                timeout(PATIENCE, link.next()).await.map_err(|_| self.slow("did not acknowledge a message"))??;
            match event {
                Event::Sent(packet) => batch.sent(packet),
                Event::Acknowledged(packet, why) => {
                    if let Some((number, why)) = batch.acknowledged(packet, why) {
                        refused.get_or_insert_with(|| self.refused(&topics[number], &why));
                    }
                }
                _ => {}
            }
        }
        self.link = Some(link);
        refused.map_or(Ok(()), Err)
    }

    async fn connect(&self) -> Result<Link, Fault> {
        let role = Role { session: false, receive_max: OUTGOING };
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

/// What became of the messages of a batch.
struct Batch {
    fates: Vec<Fate>,
    /// How many the loop has sent: it sends them in their order.
    sent: usize,
    /// How many are neither acknowledged nor refused.
    open: usize,
    /// Which of them have a packet number. One number may come back before the word on its last bearer was handed over,
    /// so the oldest bearer of a number is the one that is meant.
    numbered: Vec<(u16, usize)>,
    sure: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Open,
    Delivered,
    Refused,
}

impl Batch {
    fn new(size: usize, qos: Qos) -> Batch {
        Batch { fates: vec![Fate::Open; size], sent: 0, open: size, numbered: Vec::new(), sure: qos != Qos::Zero }
    }

    fn sent(&mut self, packet: u16) {
        let number = self.sent;
        self.sent += 1;
        match self.sure {
            true => self.numbered.push((packet, number)),
            false => self.settle(number, Fate::Delivered),
        }
    }

    /// The message that was refused, if this was that, and why.
    fn acknowledged(&mut self, packet: u16, why: Option<String>) -> Option<(usize, String)> {
        let at = self.numbered.iter().position(|(number, _)| *number == packet)?;
        let (_, number) = self.numbered.remove(at);
        self.settle(number, if why.is_none() { Fate::Delivered } else { Fate::Refused });
        why.map(|why| (number, why))
    }

    fn settle(&mut self, number: usize, fate: Fate) {
        if let Some(open) = self.fates.get_mut(number).filter(|open| **open == Fate::Open) {
            *open = fate;
            self.open -= 1;
        }
    }

    fn is_settled(&self) -> bool {
        self.open == 0
    }

    /// How many of the front were delivered.
    fn front(&self) -> usize {
        self.fates.iter().take_while(|fate| **fate == Fate::Delivered).count()
    }
}

impl LiveSink for Mqtt {
    fn deliver<'a>(&'a mut self, deliveries: &'a [Delivery]) -> Delivered<'a> {
        Box::pin(self.publish(deliveries))
    }

    fn batch(&self) -> usize {
        // Under QoS 2 rumqttc uses a packet number again while its last bearer waits for the PUBCOMP, if a broker that allows
        // fewer than a batch answers out of order. Mosquitto allows 20.
        if self.settings.qos == Qos::Two { 16 } else { usize::from(OUTGOING) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_was_acknowledged_without_a_gap() {
        let mut batch = Batch::new(4, Qos::One);
        (1..=3).for_each(|packet| batch.sent(packet));
        assert_eq!(batch.acknowledged(2, None), None);
        assert_eq!(batch.front(), 0);
        assert_eq!(batch.acknowledged(1, None), None);
        assert_eq!((batch.front(), batch.is_settled()), (2, false));
        // A word on something else changes nothing.
        assert_eq!(batch.acknowledged(9, None), None);
        assert_eq!(batch.acknowledged(3, Some("NotAuthorized".into())), Some((2, "NotAuthorized".into())));
        // The number of the first comes back for the fourth.
        batch.sent(1);
        assert_eq!(batch.acknowledged(1, None), None);
        assert_eq!((batch.front(), batch.is_settled()), (2, true));
    }

    #[test]
    fn unsure_messages_are_delivered_once_they_are_sent() {
        let mut batch = Batch::new(2, Qos::Zero);
        batch.sent(0);
        assert_eq!((batch.front(), batch.is_settled()), (1, false));
        batch.sent(0);
        assert!(batch.is_settled());
    }
}
