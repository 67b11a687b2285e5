//! Readings that are posted: JSON at `/api/v1/readings`, InfluxDB line protocol at `/write` and `/api/v2/write`.
//!
//! ```text
//! request -> routes (key, sizes, body)  ->  bounded hand-over  ->  next(): unpacked, decoded  ->  Packet
//! answer  <- routes                     <-  oneshot            <-  Ack: in the journal, or given up
//! ```
//! A sender hears 204 only of what is in the journal. What waits is bounded by bytes, not only by requests: see
//! [`routes`]. Bodies are unpacked and decoded by `next`, one at a time, so that a small request cannot grow into more
//! than one large one.

use super::Rows;
use super::live::{Ack, Fate, LiveSource, Mark, Next, Now, Packet};
use crate::decode::payload::{Given, Payload};
use crate::fault::{Fault, Retry, Whose};
use crate::format::{FormatHints, Kind};
use crate::secret::Secret;
use axum::Router;
use axum::http::StatusCode;
use ouzel_engine::series::{Names, Timing};
use routes::{Answer, Door, Language, Report, Request};
use std::io::{self, Read};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub mod routes;

/// The most bytes of a body, as it is sent.
pub const BODY_MAX: usize = 16 << 20;

/// How much more a body may be once it is unpacked.
const INFLATED: usize = 4;

/// How many requests wait for the decoder.
const WAITING: usize = 64;

/// A `[source.NAME]` of type `http`.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where to listen; without it the routes are served where the pages are.
    pub listen: Option<SocketAddr>,
    /// What a sender must show.
    pub key: Option<Secret>,
    /// What JSON (or CSV) means. Line protocol needs nothing, unless this says that it is line protocol.
    pub format: FormatHints,
    /// The most bytes of a body, as it is sent.
    pub body_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { listen: None, key: None, format: FormatHints::default(), body_max: BODY_MAX }
    }
}

/// Readings that others post.
pub struct Http {
    requests: mpsc::Receiver<Request>,
    door: Door,
    plain: Payload,
    lines: Payload,
    names: Names,
    now: Now,
    inflated_max: usize,
    inflated: Vec<u8>,
}

impl Http {
    /// A source of this name; [`Http::routes`] are its entrance.
    ///
    /// # Errors
    /// A key that cannot be read, a format that contradicts itself.
    pub fn new(name: &str, settings: &Settings, timing: Timing, now: Now) -> Result<Http, Fault> {
        let line = FormatHints { kind: Some(Kind::Line), ..FormatHints::default() };
        let (plain, lines) = match settings.format.kind {
            Some(Kind::Line) => (FormatHints::default(), &settings.format),
            _ => (settings.format.clone(), &line),
        };
        let (sender, requests) = mpsc::channel(WAITING);
        let key = settings.key.as_ref().map(Secret::read).transpose()?;
        Ok(Http {
            requests,
            door: Door::new(sender, key, settings.body_max, plain.kind == Some(Kind::Csv)),
            plain: Payload::new(name, &plain, timing)?,
            lines: Payload::new(name, lines, timing)?,
            names: Names::new(),
            now,
            inflated_max: settings.body_max.saturating_mul(INFLATED),
            inflated: Vec::new(),
        })
    }

    /// Its routes, to be served at an address of their own by [`serve`], or merged with those of a server.
    pub fn routes(&self) -> Router {
        routes::routes(self.door.clone())
    }

    /// Decodes a request; `None`: it was answered already.
    fn take(&mut self, request: Request) -> Option<Packet> {
        let Request { body, gzip, language, key, reply, .. } = request;
        let body: &[u8] = if gzip {
            self.inflated.clear();
            // A body that was once unpacked to 64 MiB must not hold them for ever.
            self.inflated.shrink_to(1 << 20);
            if let Err((status, why)) = inflate(&body, self.inflated_max, &mut self.inflated) {
                let _ = reply.send(Answer::Refused(status, why));
                return None;
            }
            &self.inflated
        } else {
            &body
        };
        let (payload, unit) = match language {
            Language::Plain => (&mut self.plain, None),
            Language::Lines(unit) => (&mut self.lines, Some(unit)),
        };
        let mut rows = Rows::default();
        let given = Given { now: (self.now)(), unit, ..Given::default() };
        payload.decode(body, &given, &mut self.names, &mut rows);
        let Rows { rows, rejected, absent } = rows;
        let report = Report::of(&rejected);
        if rows.is_empty() && rejected.is_empty() && absent == 0 {
            let _ = reply.send(Answer::Done(Fate::Kept, report));
            return None;
        }
        // Whoever asked may have gone; then nobody hears it.
        let ack = Ack::new(move |fate| drop(reply.send(Answer::Done(fate, report))));
        Some(Packet {
            declarations: self.names.take_fresh(),
            rows,
            rejected,
            absent,
            mark: key.map(|hash| Mark { hash, compare: true }),
            ack: Some(ack),
        })
    }
}

impl LiveSource for Http {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async {
            // `door` holds a sender, so there is always another request to wait for.
            while let Some(request) = self.requests.recv().await {
                if let Some(packet) = self.take(request) {
                    return Ok(Some(packet));
                }
            }
            Ok(None)
        })
    }
}

/// Unpacks gzip, but not to more than `most` bytes: a thousandth of a body may be enough to fill the memory.
fn inflate(packed: &[u8], most: usize, into: &mut Vec<u8>) -> Result<(), (StatusCode, String)> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    let mut reader = flate2::read::MultiGzDecoder::new(packed).take(limit + 1);
    match reader.read_to_end(into) {
        Ok(_) if into.len() > most => {
            let why = format!("the body unpacks to more than {} MiB: send it in parts", most >> 20);
            Err((StatusCode::PAYLOAD_TOO_LARGE, why))
        }
        Ok(_) => Ok(()),
        Err(error) => Err((StatusCode::BAD_REQUEST, format!("the body is not gzip as its header says: {error}"))),
    }
}

/// Listens at an address.
///
/// # Errors
/// It is taken, or not one of this machine.
pub async fn listen(at: SocketAddr) -> Result<TcpListener, Fault> {
    TcpListener::bind(at).await.map_err(|error| {
        let (whose, way) = match error.kind() {
            io::ErrorKind::AddrInUse => (Whose::You, "another program listens there; choose another port"),
            io::ErrorKind::PermissionDenied => (Whose::You, "that needs rights; choose a port above 1023"),
            io::ErrorKind::AddrNotAvailable => (Whose::You, "this machine has no such address"),
            _ => {
                return Fault {
                    whose: Whose::Us,
                    retry: Retry::Later,
                    what: format!("cannot listen at {at}: {error}"),
                };
            }
        };
        Fault { whose, retry: Retry::Later, what: format!("cannot listen at {at}: {way}") }
    })
}

/// Serves routes at an address of their own until `until` is over; requests that have begun are answered.
///
/// # Errors
/// The listener cannot be used any more.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    until: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Fault> {
    axum::serve(listener, routes).with_graceful_shutdown(until).await.map_err(|error| Fault {
        whose: Whose::Us,
        retry: Retry::Later,
        what: format!("the http source cannot listen any more: {error}"),
    })
}
