//! What the `mqtt` source and the `mqtt` sink share: how a broker is reached.
//!
//! rumqttc speaks the protocol, in version 5 or 3.1.1. What it leaves to us, and where each trap was met:
//!
//! * Its loop must be polled without a pause, by a task that never waits for the same client: [`link`].
//! * It does not subscribe again, does not notice a broker that says nothing, and holds packets back at 10 KiB: [`link`].
//! * Its event loop is made anew for each connection, so that nothing of an old one is acknowledged on a new one.

use crate::fault::{Fault, Retry, Whose};
use crate::secret::Secret;
use crate::tls;
use std::path::PathBuf;
use std::time::Duration;

pub mod topic;
pub(crate) mod link;
pub(crate) mod trouble;

/// The largest message by default, in bytes.
pub const PACKET_MAX: u32 = 1 << 20;

/// How often a quiet connection is tried.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long a broker of MQTT 5 keeps a session for us while we are away: a day.
const SESSION: u32 = 86_400;

/// How to reach a broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Where it is.
    pub broker: Broker,
    /// Which protocol it speaks.
    pub version: Version,
    /// Who we are to it; without one `ouzel-NAME`, with the name of the section, so that a session survives a restart.
    pub client_id: Option<String>,
    /// The user's name.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// Certificates that the broker's one goes back to; without them those of the system.
    pub ca: Option<PathBuf>,
    /// Our own certificate, where the broker asks for one.
    pub cert: Option<PathBuf>,
    /// The key of our own certificate.
    pub private_key: Option<PathBuf>,
    /// How often a quiet connection is tried; at least 5 s.
    pub keep_alive: Duration,
    /// The largest message, in bytes.
    pub packet_max: u32,
}

impl Connection {
    /// A connection to this broker, with the defaults of the manual.
    pub fn to(broker: Broker) -> Connection {
        Connection {
            broker,
            version: Version::Five,
            client_id: None,
            user: None,
            password: None,
            ca: None,
            cert: None,
            private_key: None,
            keep_alive: KEEP_ALIVE,
            packet_max: PACKET_MAX,
        }
    }
}

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
}

impl Broker {
    /// Reads `mqtt://host`, `mqtt://host:1883` or `mqtts://host:8883`.
    ///
    /// # Errors
    /// A phrase on what is wrong, for the person who wrote it.
    pub fn parse(url: &str) -> Result<Broker, String> {
        let (scheme, rest) =
            url.split_once("://").ok_or("has no scheme: write mqtt://HOST:1883 or mqtts://HOST:8883")?;
        let (tls, port) = match scheme {
            "mqtt" | "tcp" => (false, 1883),
            "mqtts" | "ssl" => (true, 8883),
            "ws" | "wss" => return Err("is a web socket, which is not known yet: write mqtt:// or mqtts://".into()),
            other => return Err(format!("begins with {other}://: write mqtt:// or mqtts://")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err("has user or password in it: write them as `user` and `password`".into());
        }
        if rest.contains('/') {
            return Err("has a path: topics stand in `topics` or `topic`".into());
        }
        let (host, port) = match rest.rsplit_once(':').filter(|(host, _)| !host.starts_with('[') || host.ends_with(']'))
        {
            Some((host, text)) => (host, text.parse().map_err(|_| format!("has the port {text:?}: it is a number"))?),
            None => (rest, port),
        };
        if host.is_empty() {
            return Err("names no host: write mqtt://HOST:1883".into());
        }
        Ok(Broker { host: host.to_owned(), port, tls })
    }
}

/// Versions of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1
    Three,
    /// 5
    Five,
}

/// How surely a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Qos {
    /// At most once.
    Zero,
    /// At least once.
    One,
    /// Exactly once on the wire.
    Two,
}

/// What of a connection differs between those who use it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    /// The broker keeps subscriptions and messages while we are away.
    pub(crate) session: bool,
    /// How many messages may be unacknowledged; MQTT 5 only.
    pub(crate) receive_max: u16,
}

/// How many packets of ours may wait to be sent. Each message that is held here can be acknowledged once, and packet
/// numbers end at 65 535, so an acknowledgement always finds room.
const REQUESTS: usize = 65_535 + 64;

/// A client and its loop, not connected yet.
pub(crate) fn open(name: &str, connection: &Connection, role: Role) -> Result<(link::Client, link::Loop), Fault> {
    let id = connection.client_id.clone().unwrap_or_else(|| format!("ouzel-{name}"));
    let password = connection.password.as_ref().map(Secret::read).transpose()?;
    let login = match (&connection.user, password) {
        (None, None) => None,
        (user, password) => Some((user.clone().unwrap_or_default(), password.unwrap_or_default())),
    };
    let transport = match connection.broker.tls {
        false => rumqttc::Transport::Tcp,
        true => {
            let files = [&connection.ca, &connection.cert, &connection.private_key].map(Option::as_deref);
            rumqttc::Transport::Tls(rumqttc::TlsConfiguration::Rustls(tls::client(files)?))
        }
    };
    let Broker { host, port, .. } = &connection.broker;
    Ok(match connection.version {
        Version::Five => {
            let mut options = rumqttc::v5::MqttOptions::new(id, host, *port);
            options.set_transport(transport).set_keep_alive(connection.keep_alive).set_clean_start(!role.session);
            options.set_receive_maximum(Some(role.receive_max)).set_max_packet_size(Some(connection.packet_max));
            options.set_session_expiry_interval(Some(if role.session { SESSION } else { 0 }));
            options.set_manual_acks(true).set_outgoing_inflight_upper_limit(link::OUTGOING);
            if let Some((user, password)) = login {
                options.set_credentials(user, password);
            }
            let (client, events) = rumqttc::v5::AsyncClient::new(options, REQUESTS);
            (link::Client::Five(client), link::Loop::Five(Box::new(events)))
        }
        Version::Three => {
            let mut options = rumqttc::MqttOptions::new(id, host, *port);
            let most = connection.packet_max as usize;
            options.set_transport(transport).set_keep_alive(connection.keep_alive).set_clean_session(!role.session);
            options.set_max_packet_size(most, most).set_manual_acks(true).set_inflight(link::OUTGOING);
            if let Some((user, password)) = login {
                options.set_credentials(user, password);
            }
            let (client, events) = rumqttc::AsyncClient::new(options, REQUESTS);
            (link::Client::Three(client), link::Loop::Three(Box::new(events)))
        }
    })
}

/// A fault of the other side, or of the way there, that may pass.
pub(crate) fn later(whose: Whose, what: impl Into<String>) -> Fault {
    Fault { whose, retry: Retry::Later, what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(url: &str, expected: &str) {
        let said = match Broker::parse(url) {
            Ok(Broker { host, port, tls }) => format!("{host} {port} {tls}"),
            Err(why) => why,
        };
        assert_eq!(said, expected, "{url}");
    }

    #[test]
    fn brokers_are_urls() {
        check("mqtt://127.0.0.1", "127.0.0.1 1883 false");
        check("mqtt://broker.local:1884/", "broker.local 1884 false");
        check("mqtts://broker.local", "broker.local 8883 true");
        check("mqtt://[::1]:1883", "[::1] 1883 false");
        check("mqtt://[::1]", "[::1] 1883 false");
        check("broker.local", "has no scheme: write mqtt://HOST:1883 or mqtts://HOST:8883");
        check("http://x", "begins with http://: write mqtt:// or mqtts://");
        check("mqtt://me:secret@x", "has user or password in it: write them as `user` and `password`");
        check("mqtt://x/a", "has a path: topics stand in `topics` or `topic`");
        check("mqtt://x:y", "has the port \"y\": it is a number");
        check("mqtt://:1883", "names no host: write mqtt://HOST:1883");
    }

    proptest! {
        #[test]
        fn any_text_is_a_broker_or_says_why_not(text in "(mqtts?://)?[\\[\\]:/@a-z0-9]{0,12}") {
            let _ = Broker::parse(&text);
        }
    }
}
