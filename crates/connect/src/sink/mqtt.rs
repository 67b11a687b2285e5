//! Results published to an MQTT broker: under QoS 1 and 2 a delivery is done once the broker has it.
//!
//! Up to 64 are under way at once, so that not each message waits for the broker's word on the one before, unless that has
//! shown to be faster. The connection is made by the first delivery and kept; one that has ended meanwhile is made again by the next. What failed
//! half-way may have arrived, so a receiver may see an `id` twice.

use super::live::{Delivered, Delivery, LiveSink, Undelivered};
use super::template::{Fields, Template, Use};
use crate::fault::{Fault, Retry, Whose};
use crate::mqtt::link::{Event, Link, OUTGOING, State};
use crate::mqtt::{Connection, Qos, Role, later};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a broker may take to take us, and to take a message.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many it takes at once: enough that the tail of a batch ([`Way`]) counts little, and some MiB.
const BATCH: usize = 4_096;

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
    way: Way,
}

impl Mqtt {
    /// A sink of this name. It connects when there is something to deliver.
    pub fn new(name: &str, settings: &Settings) -> Mqtt {
        // A source of the same name would have the same client id, and each would throw the other out.
        let name = format!("sink-{name}");
        Mqtt { name, settings: settings.clone(), state: Arc::default(), link: None, way: Way::default() }
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
            None => {
                self.way = Way::default();
                self.connect().await?
            }
        };
        let (qos, retain) = (self.settings.qos, self.settings.retain);
        // The first that the broker refused.
        let mut refused: Option<Fault> = None;
        let (mut queued, mut ahead, began) = (0, self.way.ahead(topics.len()), Instant::now());
        while !batch.is_settled() {
            if queued == 1 && batch.settled() == 1 && self.way.answered(began.elapsed()) {
                ahead = self.way.ahead(topics.len());
            }
            let most = topics.len().min(batch.settled().saturating_add(ahead));
            for (delivery, topic) in deliveries.iter().zip(topics).take(most).skip(queued) {
                if !link.client.publish(topic, qos, retain, delivery.json.clone().into_bytes()) {
                    return Err(self.slow("did not take a message"));
                }
            }
            queued = most;
            let event =
                timeout(PATIENCE, link.next()).await.map_err(|_| self.slow("did not acknowledge a message"))??;
            match event {
                Event::Sent(packet) => batch.sent(packet),
                Event::Acknowledged(packet, why) => {
                    if let Some((number, why)) = batch.acknowledged(packet, why) {
                        // The others are waited for, so that none of them counts as lost.
                        refused.get_or_insert_with(|| self.refused(&topics[number], &why));
                    }
                }
                _ => {}
            }
        }
        self.way.done(topics.len(), ahead, began.elapsed());
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

/// How long the way to the broker is, as this connection has found it.
///
/// A broker that leaves Nagle's algorithm on, as Mosquitto does unless `set_tcp_nodelay true` is set, holds its second
/// acknowledgement back until we have acknowledged its first one on the level of TCP, and a system that has nothing to
/// send takes 40 ms for that. So a batch under way at once has a tail of 40 ms there, and a small one is faster one by
/// one (measured on loopback: 16 in 45 ms at once, in 0.8 ms one by one).
#[derive(Debug, Default)]
struct Way {
    /// How long the last batch took that was under way at once.
    together: Option<Duration>,
    /// How long an answer to a single one takes.
    alone: Option<Duration>,
}

impl Way {
    /// What is too short for such a tail.
    const SHORT: Duration = Duration::from_millis(20);

    /// How many of a batch may be ahead of the broker's word.
    fn ahead(&self, size: usize) -> usize {
        match (self.together, self.alone) {
            (Some(together), Some(alone)) if alone.saturating_mul(size as u32) < together => 1,
            // The first goes alone, once, to see how long that takes.
            (Some(together), None) if together >= Way::SHORT => 1,
            _ => usize::MAX,
        }
    }

    /// The first of a batch was answered; whether that is news.
    fn answered(&mut self, after: Duration) -> bool {
        let news = self.alone.is_none();
        self.alone.get_or_insert(after);
        news
    }

    /// A batch has come to its end.
    fn done(&mut self, size: usize, ahead: usize, took: Duration) {
        if size > 1 && ahead > 1 {
            self.together = Some(took);
        } else if size > 0 {
            self.alone = Some(took / size as u32);
        }
    }
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

    fn settled(&self) -> usize {
        self.fates.len() - self.open
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
        // Many batches of what is under way at once, so that their tails do not count.
        // Under QoS 2 rumqttc uses a packet number again while its last bearer waits for the PUBCOMP, if a broker that allows
        // fewer than a batch answers out of order. Mosquitto allows 20.
        if self.settings.qos == Qos::Two { 16 } else { BATCH }
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
    fn a_batch_is_under_way_at_once_unless_one_by_one_was_faster() {
        let ms = Duration::from_millis;
        let mut way = Way::default();
        assert_eq!(way.ahead(16), usize::MAX);
        // No tail, so there is nothing to be found out.
        way.done(16, usize::MAX, ms(2));
        assert_eq!(way.ahead(16), usize::MAX);
        way.done(16, usize::MAX, ms(45));
        assert_eq!(way.ahead(16), 1);
        assert!(way.answered(ms(1)));
        assert_eq!((way.ahead(16), way.ahead(64)), (1, usize::MAX));
        way.done(16, 1, ms(32));
        assert_eq!((way.ahead(22), way.ahead(23), way.answered(ms(1))), (1, usize::MAX, false));
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
