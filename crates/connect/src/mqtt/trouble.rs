//! What goes wrong on the way to a broker, in words: whose it is, and what to do.

use super::{Connection, Version, later};
use crate::fault::{Fault, Whose};
use std::error::Error;
use std::io;

/// What rumqttc says of either version, in one form.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The broker does not take us.
    Refused(Refusal),
    /// No answer in time.
    Slow,
    /// The way there.
    Io(io::Error),
    /// Certificates and the like.
    Tls(String),
    /// It closed without a word.
    Closed,
    /// Another connection took our name.
    TakenOver,
    /// It said why it closes.
    Said(String),
    /// A message that is larger than we take.
    TooLarge(usize),
    /// Something that this version of the protocol has no word for.
    Garbled(String),
}

/// Why a broker does not take us.
#[derive(Debug)]
pub(crate) enum Refusal {
    Version,
    ClientId,
    Login,
    Busy,
    Other(String),
}

impl Trouble {
    /// In words. `connected`: it happened after the broker had taken us.
    pub(crate) fn fault(self, connection: &Connection, id: &str, connected: bool) -> Fault {
        let broker = &connection.broker;
        let at = format!("the broker at {}:{}", broker.host, broker.port);
        let other = match connection.version {
            Version::Five => "3.1.1",
            Version::Three => "5",
        };
        match self {
            Trouble::Refused(Refusal::Version) => {
                Fault::yours(format!("{at} does not speak this version of MQTT: write version = \"{other}\""))
            }
            Trouble::Refused(Refusal::ClientId) => {
                Fault::yours(format!("{at} does not take the client id `{id}`: choose another with client_id = \"…\""))
            }
            Trouble::Refused(Refusal::Login) => {
                let way = match &connection.user {
                    Some(user) => {
                        format!("its user `{user}`: mend `user` and `password`, or the broker's list of users")
                    }
                    None => "anybody without a user: write `user` and `password`".to_owned(),
                };
                later(Whose::You, format!("{at} does not let in {way}"))
            }
            Trouble::Refused(Refusal::Busy) => later(Whose::Peer, format!("{at} has no room for us now")),
            Trouble::Refused(Refusal::Other(why)) => later(Whose::Peer, format!("{at} does not take us: {why}")),
            Trouble::Slow => later(Whose::Peer, format!("{at} does not answer")),
            Trouble::Io(error) => io_fault(&at, broker.host.as_str(), &error),
            Trouble::Tls(why) => later(Whose::You, format!("{at}: the secure connection fails: {why}")),
            Trouble::Closed if connected => {
                let way = format!("if it does so again and again, another client may use the client id `{id}`");
                later(Whose::Peer, format!("{at} closed the connection; {way}"))
            }
            Trouble::Closed => {
                let way =
                    format!("it may not speak this version (write version = \"{other}\"), or only TLS (mqtts://)");
                later(Whose::Peer, format!("{at} closed the connection before it answered; {way}"))
            }
            Trouble::TakenOver => {
                let way = "two must not use the same: give one of them another with client_id = \"…\"";
                later(Whose::You, format!("{at} gave the client id `{id}` to another client; {way}"))
            }
            Trouble::Said(why) => later(Whose::Peer, format!("{at} closed the connection: {why}")),
            Trouble::TooLarge(size) => {
                let most = connection.packet_max;
                let way = "write a larger `packet_max`, or send smaller ones";
                later(Whose::You, format!("{at} sent a message of {size} bytes, and {most} are allowed; {way}"))
            }
            Trouble::Garbled(why) if connected => later(Whose::Peer, format!("{at} sent what cannot be read: {why}")),
            Trouble::Garbled(why) => {
                let way = format!("is it a broker? or write version = \"{other}\"");
                later(Whose::Peer, format!("{at} answered what cannot be read ({why}): {way}"))
            }
        }
    }
}

fn io_fault(at: &str, host: &str, error: &io::Error) -> Fault {
    use io::ErrorKind as Kind;
    let what = match error.kind() {
        Kind::ConnectionRefused => format!("{at} is not there: nobody listens; is it started?"),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
            format!("{at} broke the connection off")
        }
        Kind::TimedOut => format!("{at} does not answer"),
        Kind::HostUnreachable | Kind::NetworkUnreachable => format!("{at} cannot be reached: {error}"),
        // rustls speaks through errors of this kind.
        Kind::InvalidData => return later(Whose::You, format!("{at}: the secure connection fails: {error}")),
        _ if error.to_string().contains("lookup") || error.to_string().contains("resolve") => {
            format!("{at} is not there: no machine is called {host:?}")
        }
        _ => format!("{at} cannot be reached: {error}"),
    };
    later(Whose::Peer, what)
}

impl From<rumqttc::ConnectionError> for Trouble {
    fn from(error: rumqttc::ConnectionError) -> Trouble {
        use rumqttc::{ConnectReturnCode as Code, ConnectionError as E, StateError as S, mqttbytes::Error as M};
        match error {
            E::ConnectionRefused(code) => Trouble::Refused(match code {
                Code::RefusedProtocolVersion => Refusal::Version,
                Code::BadClientId => Refusal::ClientId,
                Code::BadUserNamePassword | Code::NotAuthorized => Refusal::Login,
                Code::ServiceUnavailable => Refusal::Busy,
                Code::Success => Refusal::Other("it said yes and meant no".into()),
            }),
            E::NetworkTimeout | E::FlushTimeout => Trouble::Slow,
            E::Io(error) => Trouble::Io(error),
            E::Tls(error) => tls(error),
            E::NotConnAck(_) => Trouble::Garbled("its first packet is no CONNACK".into()),
            E::RequestsDone => Trouble::Closed,
            E::MqttState(state) => match state {
                S::Io(error) | S::Deserialization(M::Io(error)) => Trouble::Io(error),
                S::ConnectionAborted => Trouble::Closed,
                S::AwaitPingResp | S::CollisionTimeout => Trouble::Slow,
                S::Deserialization(M::PayloadSizeLimitExceeded(size)) => Trouble::TooLarge(size),
                other => Trouble::Garbled(other.to_string()),
            },
        }
    }
}

impl From<rumqttc::v5::ConnectionError> for Trouble {
    fn from(error: rumqttc::v5::ConnectionError) -> Trouble {
        use rumqttc::v5::mqttbytes::Error as M;
        use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode as Code, DisconnectReasonCode as Bye};
        use rumqttc::v5::{ConnectionError as E, StateError as S};
        match error {
            E::ConnectionRefused(code) => Trouble::Refused(match code {
                Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => Refusal::Version,
                Code::BadClientId | Code::ClientIdentifierNotValid => Refusal::ClientId,
                Code::BadUserNamePassword | Code::NotAuthorized | Code::BadAuthenticationMethod | Code::Banned => {
                    Refusal::Login
                }
                Code::ServiceUnavailable
                | Code::ServerUnavailable
                | Code::ServerBusy
                | Code::QuotaExceeded
                | Code::ConnectionRateExceeded => Refusal::Busy,
                other => Refusal::Other(format!("{other:?}")),
            }),
            E::Timeout(_) => Trouble::Slow,
            E::Io(error) => Trouble::Io(error),
            E::Tls(error) => tls(error),
            E::NotConnAck(_) => Trouble::Garbled("its first packet is no CONNACK".into()),
            E::RequestsDone => Trouble::Closed,
            E::MqttState(state) => match state {
                S::Io(error) | S::Deserialization(M::Io(error)) => Trouble::Io(error),
                S::ConnectionAborted => Trouble::Closed,
                S::AwaitPingResp | S::CollisionTimeout => Trouble::Slow,
                S::IncomingPacketTooLarge { pkt_size, .. } => Trouble::TooLarge(pkt_size),
                S::Deserialization(M::PayloadSizeLimitExceeded { pkt_size, .. }) => Trouble::TooLarge(pkt_size),
                S::ServerDisconnect { reason_code: Bye::SessionTakenOver, .. } => Trouble::TakenOver,
                S::ServerDisconnect { reason_code, reason_string } => {
                    Trouble::Said(reason_string.unwrap_or_else(|| format!("{reason_code:?}")))
                }
                other => Trouble::Garbled(other.to_string()),
            },
        }
    }
}

/// The innermost word of an error of TLS: those around it say nothing.
fn tls(error: rumqttc::TlsError) -> Trouble {
    if let rumqttc::TlsError::Io(error) = error {
        return Trouble::Io(error);
    }
    let mut innermost: &dyn Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Trouble::Tls(innermost.to_string())
}
