//! Readings that are posted: JSON at `/api/v1/readings`, InfluxDB line protocol at `/write` and `/api/v2/write`.
//!
//! ```text
//! request -> routes (key, sizes, body)  ->  bounded hand-over  ->  next(): unpacked, decoded  ->  Packet
//! answer  <- routes                     <-  channel            <-  Ack: in the journal, or given up
//! ```
//! A sender hears 204 only of what is in the journal. What waits is bounded by bytes, not only by requests, and when the
//! queue is nearly full, or nothing can be kept, requests are turned away before they are read: see [`routes`]. Bodies are unpacked and decoded by `next`, one at a time, so that a small request cannot grow into more
//! than one large one; a large body becomes several packets: see `http/post.rs`.

use super::live::{LiveSource, Next, Now, Packet, Pressure};
use crate::decode::payload::{Given, Payload};
use crate::fault::{Fault, Retry, Whose};
use crate::format::{FormatHints, Kind};
use crate::secret::Secret;
use answer::Heard;
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use ouzel_engine::series::{Names, Timing};
use post::Post;
use routes::{Door, Language, Request};
use std::io::{self, Read};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

mod answer;
mod post;
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
    /// The body that is being decoded.
    post: Option<Post>,
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
            post: None,
        })
    }

    /// Its routes, to be served at an address of their own by [`serve`], or merged with those of a server.
    pub fn routes(&self) -> Router {
        routes::routes(self.door.clone())
    }

    /// Begins a request; `None`: it was answered already.
    fn begin(&mut self, mut request: Request) -> Option<Post> {
        let mut body = std::mem::take(&mut request.body);
        let bytes = body.len() as u64;
        if request.gzip {
            match inflate(&body, self.inflated_max) {
                Ok(inflated) => body = inflated.into(),
                Err((status, why)) => {
                    let _ = request.heard.send(Heard::Refused(status, why));
                    return None;
                }
            }
        }
        let (payload, unit) = match request.language {
            Language::Plain => (&mut self.plain, None),
            Language::Lines(unit) => (&mut self.lines, Some(unit)),
        };
        let given = Given { now: (self.now)(), unit, ..Given::default() };
        Some(Post::begin(request, body, bytes, payload, &given))
    }

    /// Decodes on in the body that was begun; a packet, once there is one.
    fn step(&mut self) -> Option<Packet> {
        let post = self.post.as_mut()?;
        let payload = match post.language() {
            Language::Plain => &mut self.plain,
            Language::Lines(_) => &mut self.lines,
        };
        let (packet, over) = post.step(payload, &mut self.names);
        if over {
            self.post = None;
        }
        packet
    }
}

impl LiveSource for Http {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async {
            loop {
                if self.post.is_none() {
                    // `door` holds a sender, so there is always another request to wait for.
                    let Some(request) = self.requests.recv().await else { return Ok(None) };
                    self.post = self.begin(request);
                }
                if let Some(packet) = self.step() {
                    return Ok(Some(packet));
                }
                // A body without a reading may take long, and others share this thread.
                tokio::task::yield_now().await;
            }
        })
    }

    fn turned_away(&self) -> u64 {
        self.door.turned_away()
    }

    fn heed(&mut self, pressure: Pressure) {
        self.door.heed(pressure);
    }

    fn limit(&mut self, devices: usize) {
        self.names.set_limit(devices);
    }
}

/// Unpacks gzip, but not to more than `most` bytes: a thousandth of a body may be enough to fill the memory.
fn inflate(packed: &Bytes, most: usize) -> Result<Vec<u8>, (StatusCode, String)> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    let mut inflated = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(&packed[..]).take(limit + 1);
    match reader.read_to_end(&mut inflated) {
        Ok(_) if inflated.len() > most => {
            let why = format!("the body unpacks to more than {} MiB: send it in parts", most >> 20);
            Err((StatusCode::PAYLOAD_TOO_LARGE, why))
        }
        Ok(_) => Ok(inflated),
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
