//! One connection to a broker, polled by a task of its own from its first packet to its last.
//!
//! ```text
//! next(), deliver()  <- bounded hand-over -  task: polls, subscribes, watches  <->  broker
//!     Ack, publish   ------------------- requests, never waited for ---------------->
//! ```
//! The task only ever polls: it waits for nobody. What it cannot hand over it gives up if the sender asked for no more
//! (QoS 0, counted), or leaves with the broker by cutting the connection, since a message that is not acknowledged comes
//! again. With the connection the task ends; whoever wants another opens one, after as long as it likes.

use super::trouble::Trouble;
use super::{Connection, Qos, Role, later};
use crate::fault::{Fault, Whose};
use bytes::Bytes;
use rumqttc::v5;
use rumqttc::v5::mqttbytes::v5 as five;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How many messages of ours may wait for the broker's word: a batch of a sink. A broker of MQTT 5 may allow fewer.
pub(crate) const OUTGOING: u16 = 64;

/// Messages that wait to be decoded: all that can be unacknowledged at once, and as many of QoS 0.
const HELD: usize = 2 * ROOM_FOR_ACKNOWLEDGED;
const ROOM_FOR_ACKNOWLEDGED: usize = 65_536;

/// How many bytes may wait. The second half is for messages that the broker would have to send again.
const HELD_BYTES: usize = 64 << 20;

/// What a message costs beside its bytes.
const OVERHEAD: usize = 128;

/// What a source wants to hear.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub(crate) filters: Vec<String>,
    pub(crate) qos: Qos,
    /// Messages that the broker has kept from earlier.
    pub(crate) retained: bool,
    /// Silence for so long is told, and subscribed again in.
    pub(crate) silent_after: Option<Duration>,
    /// Nothing was subscribed to by this process yet.
    pub(crate) first: bool,
}

/// What others may look at.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) connected: AtomicBool,
    /// Connected, and yet nothing comes.
    pub(crate) silent: AtomicBool,
    /// Messages of QoS 0 that were given up.
    pub(crate) lost: AtomicU64,
    held: AtomicUsize,
}

/// A connection, or one that is being made.
pub(crate) struct Link {
    pub(crate) client: Client,
    events: mpsc::Receiver<Result<Event, Fault>>,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The broker has taken us.
    Connected {
        session: bool,
    },
    Message(Message),
    /// The broker has answered a subscription; the place and reason of the first topic that it refused.
    Subscribed(Option<(usize, String)>),
    /// Nothing came for so long.
    Silent(Duration),
    /// A message of ours is on its way, under this number.
    Sent(u16),
    /// The broker has it, or says why not.
    Acknowledged(u16, Option<String>),
    Other,
}

/// A message of somebody.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
    pub(crate) retain: bool,
    /// It may have come before.
    pub(crate) dup: bool,
    pub(crate) receipt: Option<Receipt>,
}

/// What it takes to acknowledge a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receipt {
    qos: Qos,
    packet: u16,
}

impl Link {
    /// Connects. Nothing has happened yet when it returns.
    pub(crate) fn open(
        name: &str,
        connection: &Connection,
        role: Role,
        listening: Option<Listening>,
        state: &Arc<State>,
    ) -> Result<Link, Fault> {
        let (client, polled) = super::open(name, connection, role)?;
        let (out, events) = mpsc::channel(HELD);
        state.held.store(0, Ordering::Relaxed);
        let task = Task {
            id: connection.client_id.clone().unwrap_or_else(|| format!("ouzel-{name}")),
            connection: connection.clone(),
            client: client.clone(),
            listening,
            state: Arc::clone(state),
            out,
            heard: Instant::now(),
            again: false,
        };
        Ok(Link { client, events, state: Arc::clone(state), task: tokio::spawn(task.run(polled)) })
    }

    /// What happened next. After a fault there is nothing more.
    pub(crate) async fn next(&mut self) -> Result<Event, Fault> {
        let event = self.events.recv().await;
        self.seen(event)
    }

    /// What has happened already; `None`: nothing.
    pub(crate) fn next_now(&mut self) -> Option<Result<Event, Fault>> {
        match self.events.try_recv() {
            Ok(event) => Some(self.seen(Some(event))),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(self.seen(None)),
        }
    }

    fn seen(&self, event: Option<Result<Event, Fault>>) -> Result<Event, Fault> {
        if let Some(Ok(Event::Message(message))) = &event {
            self.state.held.fetch_sub(message.cost(), Ordering::Relaxed);
        }
        event.unwrap_or_else(|| Err(later(Whose::Us, "the connection to the broker has ended")))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
        self.state.connected.store(false, Ordering::Relaxed);
    }
}

impl Message {
    fn cost(&self) -> usize {
        self.payload.len() + self.topic.len() + OVERHEAD
    }
}

/// What the task of a connection holds.
struct Task {
    id: String,
    connection: Connection,
    client: Client,
    listening: Option<Listening>,
    state: Arc<State>,
    out: mpsc::Sender<Result<Event, Fault>>,
    /// When the last message came that was not kept from earlier.
    heard: Instant,
    /// It was subscribed a second time, so what is retained comes a second time, too.
    again: bool,
}

impl Task {
    async fn run(mut self, mut polled: Loop) {
        let fault = self.poll(&mut polled).await;
        self.state.connected.store(false, Ordering::Relaxed);
        // Nothing is polled any more, so there is time to wait for room. Nobody to hear it: nobody to tell.
        let _ = self.out.send(Err(fault)).await;
    }

    /// Polls until the connection is over, and says why it is.
    async fn poll(&mut self, polled: &mut Loop) -> Fault {
        // A ping goes out in each of these stretches; where nothing happens for three of them, the loop itself is stuck.
        let stuck = 3 * self.connection.keep_alive + Duration::from_secs(5);
        let mut watch = interval(Duration::from_secs(1));
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connected = false;
        loop {
            let event = {
                let mut next = pin!(polled.next());
                let began = Instant::now();
                loop {
                    // Given up half-way, a poll may lose what it was writing; so it goes on behind the watch.
                    tokio::select! {
                        biased;
                        event = &mut next => break event,
                        now = watch.tick() => {
                            if now.duration_since(began) > stuck {
                                break Err(Trouble::Slow);
                            }
                            if connected {
                                self.watch(now);
                            }
                        }
                    }
                }
            };
            let event = match event {
                Ok(event) => event,
                Err(trouble) => {
                    // What was read together with the end of the connection stands before it.
                    while let Some(event) = polled.left() {
                        let _ = self.hand_over(event);
                    }
                    return trouble.fault(&self.connection, &self.id, connected);
                }
            };
            if let Event::Connected { session } = event {
                connected = true;
                polled.mend(self.connection.keep_alive, self.listening.is_some());
                self.connected(session);
            }
            if let Err(fault) = self.hand_over(event) {
                return fault;
            }
        }
    }

    fn connected(&mut self, session: bool) {
        self.heard = Instant::now();
        self.state.silent.store(false, Ordering::Relaxed);
        self.state.connected.store(true, Ordering::Relaxed);
        let Some(listening) = &self.listening else { return };
        // A broker that kept our session kept its subscriptions. Under 3.1.1 another one would bring all that is retained
        // again, so only a new process asks again there: its topics may be others than those of the last.
        if !session || listening.first || matches!(self.client, Client::Five(_)) {
            self.client.subscribe(listening, false);
        }
    }

    /// Looks whether it has become silent.
    fn watch(&mut self, now: Instant) {
        let Some((listening, limit)) = self.listening.as_ref().and_then(|l| Some((l, l.silent_after?))) else { return };
        if now.duration_since(self.heard) < limit {
            return;
        }
        self.heard = now;
        self.again = true;
        self.client.subscribe(listening, true);
        if !self.state.silent.swap(true, Ordering::Relaxed) {
            let _ = self.out.try_send(Ok(Event::Silent(limit)));
        }
    }

    fn hand_over(&mut self, event: Event) -> Result<(), Fault> {
        match (event, &self.listening) {
            (Event::Message(message), Some(listening)) => {
                if message.retain && (self.again || !listening.retained) {
                    message.receipt.into_iter().for_each(|receipt| self.client.acknowledge(receipt));
                    return Ok(());
                }
                self.hand_over_message(message)
            }
            (Event::Subscribed(Some((place, why))), Some(listening)) => {
                let topic = listening.filters.get(place).map_or("", String::as_str);
                let broker = &self.connection.broker;
                let at = format!("the broker at {}:{}", broker.host, broker.port);
                Err(later(
                    Whose::You,
                    format!("{at} does not let us listen to `{topic}`: {why}; mend its list of rights"),
                ))
            }
            (Event::Other | Event::Message(_), _) => Ok(()),
            // Sources have room for what their messages leave; of a sink's events there are a handful.
            (event, _) => {
                let _ = self.out.try_send(Ok(event));
                Ok(())
            }
        }
    }

    fn hand_over_message(&mut self, message: Message) -> Result<(), Fault> {
        if !message.retain {
            self.heard = Instant::now();
            self.state.silent.store(false, Ordering::Relaxed);
        }
        let (cost, sure) = (message.cost(), message.receipt.is_some());
        let held = self.state.held.load(Ordering::Relaxed) + cost;
        let full = match sure {
            true => held > HELD_BYTES,
            false => held > HELD_BYTES / 2 || self.out.capacity() <= ROOM_FOR_ACKNOWLEDGED,
        };
        if !full {
            self.state.held.fetch_add(cost, Ordering::Relaxed);
            if self.out.try_send(Ok(Event::Message(message))).is_ok() {
                return Ok(());
            }
            self.state.held.fetch_sub(cost, Ordering::Relaxed);
        }
        if sure {
            let most = HELD_BYTES >> 20;
            let way = "the connection was cut, so that the broker keeps the rest and sends it again";
            return Err(later(Whose::Us, format!("more than {most} MiB of messages wait to be taken; {way}")));
        }
        self.state.lost.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The hand that sends, of either version. It never waits.
#[derive(Clone)]
pub(crate) enum Client {
    Three(rumqttc::AsyncClient),
    Five(v5::AsyncClient),
}

impl Client {
    /// Acknowledges a message. Where its connection is gone, the broker will send it again.
    pub(crate) fn acknowledge(&self, receipt: Receipt) {
        let Receipt { qos, packet } = receipt;
        match self {
            Client::Three(client) => {
                let mut publish = rumqttc::Publish::new("", qos.into(), Vec::new());
                publish.pkid = packet;
                let _ = client.try_ack(&publish);
            }
            Client::Five(client) => {
                let publish = five::Publish { qos: qos.into(), pkid: packet, ..five::Publish::default() };
                let _ = client.try_ack(&publish);
            }
        }
    }

    /// Subscribes; `again`: without what is retained, where that can be said.
    fn subscribe(&self, listening: &Listening, again: bool) {
        let Listening { filters, qos, retained, .. } = listening;
        match self {
            Client::Three(client) => {
                let filters = filters.iter().map(|path| rumqttc::SubscribeFilter::new(path.clone(), (*qos).into()));
                let _ = client.try_subscribe_many(filters);
            }
            Client::Five(client) => {
                let filters = filters.iter().map(|path| five::Filter {
                    retain_forward_rule: match (retained, again) {
                        (true, false) => five::RetainForwardRule::OnNewSubscribe,
                        _ => five::RetainForwardRule::Never,
                    },
                    ..five::Filter::new(path.clone(), (*qos).into())
                });
                let _ = client.try_subscribe_many(filters);
            }
        }
    }

    /// Sends a message; `false`: the connection is gone.
    pub(crate) fn publish(&self, topic: &str, qos: Qos, retain: bool, payload: Vec<u8>) -> bool {
        match self {
            Client::Three(client) => client.try_publish(topic, qos.into(), retain, payload).is_ok(),
            Client::Five(client) => client.try_publish(topic, qos.into(), retain, payload).is_ok(),
        }
    }
}

impl From<Qos> for rumqttc::QoS {
    fn from(qos: Qos) -> Self {
        match qos {
            Qos::Zero => Self::AtMostOnce,
            Qos::One => Self::AtLeastOnce,
            Qos::Two => Self::ExactlyOnce,
        }
    }
}

impl From<Qos> for v5::mqttbytes::QoS {
    fn from(qos: Qos) -> Self {
        match qos {
            Qos::Zero => Self::AtMostOnce,
            Qos::One => Self::AtLeastOnce,
            Qos::Two => Self::ExactlyOnce,
        }
    }
}

/// The loop that is polled, of either version.
pub(crate) enum Loop {
    Three(Box<rumqttc::EventLoop>),
    Five(Box<v5::EventLoop>),
}

impl Loop {
    async fn next(&mut self) -> Result<Event, Trouble> {
        Ok(match self {
            Loop::Three(events) => three_says(events.poll().await?),
            Loop::Five(events) => five_says(events.poll().await?),
        })
    }

    /// What was read and not told before a poll failed.
    fn left(&mut self) -> Option<Event> {
        match self {
            Loop::Three(events) => events.state.events.pop_front().map(three_says),
            Loop::Five(events) => events.state.events.pop_front().map(five_says),
        }
    }

    /// Puts right what rumqttc leaves, once the broker has taken us and before anything else is polled.
    ///
    /// A broker of MQTT 5 may say that it wants no pings, which rumqttc takes for pings without a pause. And under QoS 2 a
    /// broker repeats a PUBREL after a reconnect, for a message of which this loop knows nothing: rumqttc would break off
    /// each connection over it. Here every number counts as one that is still to be released; under QoS 1, too, for the
    /// session may be older than that setting.
    fn mend(&mut self, keep_alive: Duration, releases: bool) {
        if let Loop::Five(events) = self
            && events.options.keep_alive().is_zero()
        {
            events.options.set_keep_alive(keep_alive);
        }
        if !releases {
            return;
        }
        for packet in 1..=u16::MAX {
            // Both only mark the number, and put an event into a list, from which it is taken again.
            match self {
                Loop::Three(events) => {
                    let mut publish = rumqttc::Publish::new("", rumqttc::QoS::ExactlyOnce, Vec::new());
                    publish.pkid = packet;
                    let _ = events.state.handle_incoming_packet(rumqttc::Packet::Publish(publish));
                    events.state.events.pop_back();
                }
                Loop::Five(events) => {
                    let qos = v5::mqttbytes::QoS::ExactlyOnce;
                    let publish = five::Publish { qos, pkid: packet, ..five::Publish::default() };
                    let _ = events.state.handle_incoming_packet(five::Packet::Publish(publish));
                    events.state.events.pop_back();
                }
            }
        }
    }
}

fn three_says(event: rumqttc::Event) -> Event {
    use rumqttc::{Outgoing, Packet, SubscribeReasonCode as Code};
    match event {
        rumqttc::Event::Incoming(Packet::ConnAck(ack)) => Event::Connected { session: ack.session_present },
        rumqttc::Event::Incoming(Packet::Publish(publish)) => {
            let qos = match publish.qos {
                rumqttc::QoS::AtMostOnce => Qos::Zero,
                rumqttc::QoS::AtLeastOnce => Qos::One,
                rumqttc::QoS::ExactlyOnce => Qos::Two,
            };
            message(publish.topic.into(), publish.payload, publish.retain, publish.dup, qos, publish.pkid)
        }
        rumqttc::Event::Incoming(Packet::SubAck(ack)) => {
            let refused = ack.return_codes.iter().position(|code| *code == Code::Failure);
            Event::Subscribed(refused.map(|place| (place, "not allowed".to_owned())))
        }
        rumqttc::Event::Incoming(Packet::PubAck(ack)) => Event::Acknowledged(ack.pkid, None),
        rumqttc::Event::Incoming(Packet::PubComp(ack)) => Event::Acknowledged(ack.pkid, None),
        rumqttc::Event::Outgoing(Outgoing::Publish(packet)) => Event::Sent(packet),
        _ => Event::Other,
    }
}

fn five_says(event: v5::Event) -> Event {
    use five::{Packet, PubAckReason, PubCompReason, PubRecReason, SubscribeReasonCode as Code};
    let why = |good: bool, reason: String| (!good).then_some(reason);
    match event {
        v5::Event::Incoming(Packet::ConnAck(ack)) => Event::Connected { session: ack.session_present },
        v5::Event::Incoming(Packet::Publish(publish)) => {
            let qos = match publish.qos {
                v5::mqttbytes::QoS::AtMostOnce => Qos::Zero,
                v5::mqttbytes::QoS::AtLeastOnce => Qos::One,
                v5::mqttbytes::QoS::ExactlyOnce => Qos::Two,
            };
            message(publish.topic, publish.payload, publish.retain, publish.dup, qos, publish.pkid)
        }
        v5::Event::Incoming(Packet::SubAck(ack)) => {
            let refused = ack.return_codes.iter().enumerate().find(|(_, code)| !matches!(code, Code::Success(_)));
            Event::Subscribed(refused.map(|(place, code)| (place, format!("{code:?}"))))
        }
        v5::Event::Incoming(Packet::PubAck(ack)) => {
            let good = matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
            Event::Acknowledged(ack.pkid, why(good, format!("{:?}", ack.reason)))
        }
        v5::Event::Incoming(Packet::PubRec(ack))
            if !matches!(ack.reason, PubRecReason::Success | PubRecReason::NoMatchingSubscribers) =>
        {
            Event::Acknowledged(ack.pkid, Some(format!("{:?}", ack.reason)))
        }
        v5::Event::Incoming(Packet::PubComp(ack)) => {
            Event::Acknowledged(ack.pkid, why(ack.reason == PubCompReason::Success, format!("{:?}", ack.reason)))
        }
        v5::Event::Outgoing(rumqttc::Outgoing::Publish(packet)) => Event::Sent(packet),
        _ => Event::Other,
    }
}

fn message(topic: Bytes, payload: Bytes, retain: bool, dup: bool, qos: Qos, packet: u16) -> Event {
    let receipt = (qos != Qos::Zero).then_some(Receipt { qos, packet });
    Event::Message(Message { topic, payload, retain, dup, receipt })
}
