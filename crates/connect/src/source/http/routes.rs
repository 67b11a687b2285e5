//! The entrance of the `http` source: who may come in, how much at once, and what they hear.
//!
//! | answer | when |
//! | --- | --- |
//! | 204 | all of it is in the journal, now or already |
//! | 400 | some of it could not be read, or was put aside; the rest is in the journal. The body names lines and reasons |
//! | 401, 403 | without the key; from a web page |
//! | 408, 413, 415 | too slow, too large, in a form that is not known |
//! | 429, `Retry-After` | the queue makes senders wait and is full, or nearly so; nothing of the request was read |
//! | 503, `Retry-After` | given up by the queue's policy, or not asked for in time, or the run has ended |
//! | 507, `Retry-After` | the journal cannot be written, for the disk is full. The body says how much of it was kept |
//!
//! Bodies that wait share a budget of four full ones; a request takes its part before its body is read. That is also when
//! it is turned away, if it is: a body that was begun goes its way to the end, so that there is one answer to all of it.

use super::answer::{Heard, answer, no_room, refuse, too_many, unavailable};
use crate::format::EpochUnit;
use crate::source::live::{Pressing, Pressure};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use http_body_util::LengthLimitError;
use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How long a body may take to come, and a request may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many full bodies may wait at once.
const BODIES: usize = 4;

/// A queue that is nearly full for a shorter time than this turns nobody away: a large body fills it for the moment until
/// it is taken out, and who is sent away stays away for a second. The journal's default sync is a tenth of it.
const A_MOMENT: Duration = Duration::from_millis(250);

/// An idempotency key and a hash of a message are not taken for each other.
const SEED: u64 = 0x6964_656d;

/// A body on its way to the decoder.
pub(super) struct Request {
    pub(super) body: Bytes,
    pub(super) gzip: bool,
    pub(super) language: Language,
    /// Hash of its idempotency key.
    pub(super) key: Option<u64>,
    /// One word for each of its packets and one for itself, so it needs no bound of its own; senders of it must not wait.
    pub(super) heard: mpsc::UnboundedSender<Heard>,
    /// Its part of the budget, given back once it is decoded.
    pub(super) part: OwnedSemaphorePermit,
}

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// That of the source's format: JSON.
    Plain,
    /// Line protocol, whose times count this.
    Lines(EpochUnit),
}

/// What all requests share.
#[derive(Clone)]
pub(super) struct Door(Arc<Inner>);

struct Inner {
    requests: mpsc::Sender<Request>,
    /// In KiB.
    budget: Arc<Semaphore>,
    key: Option<String>,
    body_max: usize,
    csv: bool,
    /// How the queue stands. A lock, because the routes are there before their queue is, and may get another one.
    pressure: Mutex<Pressure>,
    /// Requests that came while the queue was nearly full, and those that were turned away.
    pressed: AtomicU64,
    turned_away: AtomicU64,
}

impl Door {
    pub(super) fn new(requests: mpsc::Sender<Request>, key: Option<String>, body_max: usize, csv: bool) -> Door {
        let budget = Arc::new(Semaphore::new(kib(body_max) as usize * BODIES));
        Door(Arc::new(Inner {
            requests,
            budget,
            key,
            body_max,
            csv,
            pressure: Mutex::default(),
            pressed: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
        }))
    }

    /// The queue behind it stands so from now on.
    pub(super) fn heed(&self, pressure: Pressure) {
        *self.0.pressure.lock().unwrap_or_else(PoisonError::into_inner) = pressure;
    }

    /// How many requests were turned away.
    pub(super) fn turned_away(&self) -> u64 {
        self.0.turned_away.load(Ordering::Relaxed)
    }

    fn pressing(&self) -> Pressing {
        self.0.pressure.lock().unwrap_or_else(PoisonError::into_inner).get()
    }

    /// After how many seconds it is worth to come again.
    fn retry_after(&self) -> u32 {
        self.pressing().retry_after
    }

    /// Turns a request away before anything of its body is read, if it has to be.
    ///
    /// From 80 % on a share of the requests is, which grows with the level: none at 80 %, all at 100 %. Which ones is told
    /// by a hash of their number: the same requests in a test each time, but not every second one, which of two senders
    /// that take turns would always be the same.
    fn turn_away(&self) -> Option<Response> {
        let Pressing { level, high_since, retry_after, waits, refused } = self.pressing();
        let turned = if let Some(why) = refused {
            no_room(why, retry_after)
        } else if waits && high_since.is_some_and(|since| since.elapsed() >= A_MOMENT) {
            let number = self.0.pressed.fetch_add(1, Ordering::Relaxed);
            is_chosen(number, share_of(level)).then(|| too_many(retry_after))?
        } else {
            return None;
        };
        self.0.turned_away.fetch_add(1, Ordering::Relaxed);
        Some(turned)
    }
}

/// What share of the requests is turned away while the queue is so full.
fn share_of(level: f64) -> f64 {
    ((level - Pressure::HIGH) / (1.0 - Pressure::HIGH)).clamp(0.0, 1.0)
}

/// Whether a number is one of such a share of all numbers.
fn is_chosen(number: u64, share: f64) -> bool {
    // 53 bits, which a float holds exactly, so that the sum is below 1.
    let place = (xxh3_64(&number.to_le_bytes()) >> 11) as f64 / (1u64 << 53) as f64;
    place < share
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX)
}

type Asked = HashMap<String, String>;

/// The routes of a source.
pub(super) fn routes(door: Door) -> Router {
    Router::new()
        .route("/api/v1/readings", post(readings))
        .route("/write", post(write))
        .route("/api/v2/write", post(write))
        // Clients of InfluxDB ask this before they write.
        .route("/ping", get(|| async { StatusCode::NO_CONTENT }))
        .with_state(door)
}

async fn readings(State(door): State<Door>, headers: HeaderMap, Query(asked): Query<Asked>, body: Body) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // What `curl -d` says of everything is no reason to refuse it.
    let known = match kind.as_str() {
        "text/csv" => door.0.csv,
        ""
        | "application/json"
        | "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/json-lines"
        | "text/plain"
        | "application/octet-stream"
        | "application/x-www-form-urlencoded" => true,
        other => other.ends_with("+json"),
    };
    if !known {
        let why = format!("readings are JSON (an object, a list, or one object a line), not {kind}");
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why);
    }
    door.take(Language::Plain, &headers, &asked, body).await
}

async fn write(State(door): State<Door>, headers: HeaderMap, Query(asked): Query<Asked>, body: Body) -> Response {
    let unit = match asked.get("precision").map_or("ns", String::as_str) {
        "" | "ns" | "n" => EpochUnit::Nanos,
        "us" | "u" | "µ" | "µs" => EpochUnit::Micros,
        "ms" => EpochUnit::Millis,
        "s" => EpochUnit::Seconds,
        other => {
            let why = format!("precision cannot be {other:?}: it is ns, us, ms or s");
            return refuse(StatusCode::BAD_REQUEST, &why);
        }
    };
    door.take(Language::Lines(unit), &headers, &asked, body).await
}

impl Door {
    async fn take(&self, language: Language, headers: &HeaderMap, asked: &Asked, body: Body) -> Response {
        match self.hand_over(language, headers, asked, body).await {
            Err(refused) => refused,
            Ok(heard) => answer(heard, || self.retry_after()).await,
        }
    }

    async fn hand_over(
        &self,
        language: Language,
        headers: &HeaderMap,
        asked: &Asked,
        body: Body,
    ) -> Result<mpsc::UnboundedReceiver<Heard>, Response> {
        let inner = &*self.0;
        self.let_in(headers, asked).map_err(|(status, why)| refuse(status, why))?;
        let gzip = match text(headers, header::CONTENT_ENCODING.as_str()) {
            "" | "identity" => false,
            "gzip" | "x-gzip" => true,
            other => {
                let why = format!("a body may be packed with gzip, not with {other}");
                return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why));
            }
        };
        let said: Option<usize> = text(headers, header::CONTENT_LENGTH.as_str()).parse().ok();
        if said.is_some_and(|length| length > inner.body_max) {
            return Err(self.too_large());
        }
        if let Some(turned) = self.turn_away() {
            return Err(turned);
        }
        let part = kib(said.unwrap_or(inner.body_max));
        let part = timeout(PATIENCE, Arc::clone(&inner.budget).acquire_many_owned(part)).await;
        let Ok(Ok(part)) = part else { return Err(unavailable("too many requests wait", self.retry_after())) };
        if let Some(why) = self.pressing().refused {
            // It had to wait for its part, and what it waits for now may take long.
            self.0.turned_away.fetch_add(1, Ordering::Relaxed);
            return Err(no_room(why, self.retry_after()));
        }
        let body = match timeout(PATIENCE, to_bytes(body, inner.body_max)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => {
                return Err(self.too_large());
            }
            Ok(Err(error)) => return Err(refuse(StatusCode::BAD_REQUEST, &format!("the body broke off: {error}"))),
            Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body took longer than 30 s to come")),
        };
        let key = headers.get("idempotency-key").map(|key| xxh3_64_with_seed(key.as_bytes(), SEED));
        let (heard, hears) = mpsc::unbounded_channel();
        let request = Request { body, gzip, language, key, heard, part };
        match timeout(PATIENCE, inner.requests.send(request)).await {
            Ok(Ok(())) => Ok(hears),
            Ok(Err(_)) => Err(unavailable("ouzel is stopping", self.retry_after())),
            Err(_) => Err(unavailable("too many requests wait", self.retry_after())),
        }
    }

    /// The key, as our own clients send it and as those of InfluxDB do. Without one a browser is kept out: any page that
    /// somebody looks at could post to this machine.
    fn let_in(&self, headers: &HeaderMap, asked: &Asked) -> Result<(), (StatusCode, &'static str)> {
        let Some(key) = &self.0.key else {
            if headers.contains_key(header::ORIGIN) {
                let why = "web pages may not post readings here: give the source a key";
                return Err((StatusCode::FORBIDDEN, why));
            }
            return Ok(());
        };
        let shown = text(headers, header::AUTHORIZATION.as_str());
        let shown = shown.split_once(' ').filter(|(scheme, _)| matches!(*scheme, "Bearer" | "Token"));
        let shown = shown.map(|(_, shown)| shown.trim()).or_else(|| asked.get("p").map(String::as_str));
        if shown.is_some_and(|shown| same(shown.as_bytes(), key.as_bytes())) {
            return Ok(());
        }
        let why = "this source needs its key: send `Authorization: Bearer KEY`";
        Err((StatusCode::UNAUTHORIZED, why))
    }

    fn too_large(&self) -> Response {
        let why = format!("the body is larger than {} MiB: send it in parts", self.0.body_max >> 20);
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &why)
    }
}

/// A header's text; empty where there is none.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Compares in a time that says nothing of where two keys differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_the_queue_the_more_requests_are_turned_away() {
        for (level, share) in [(0.0, 0), (0.8, 0), (0.85, 2_500), (0.9, 5_000), (0.95, 7_500), (1.0, 10_000)] {
            let away = (0..10_000).filter(|&number| is_chosen(number, share_of(level))).count();
            assert!(away.abs_diff(share) < 150, "{level}: {away}");
            assert!(away == share || (1..10_000).contains(&share), "{level}: {away}");
        }
    }

    #[test]
    fn two_senders_that_take_turns_are_turned_away_alike() {
        let of = |first: u64| (first..10_000).step_by(2).filter(|&number| is_chosen(number, 0.5)).count();
        assert!(of(0).abs_diff(2_500) < 100 && of(1).abs_diff(2_500) < 100, "{} {}", of(0), of(1));
    }
}
