//! The entrance of the `http` source: who may come in, how much at once, and what they hear.
//!
//! | answer | when |
//! | --- | --- |
//! | 204 | all of it is in the journal, now or already |
//! | 400 | some of it could not be read; the rest is in the journal. The body names lines and reasons |
//! | 401, 403 | without the key; from a web page |
//! | 408, 413, 415 | too slow, too large, in a form that is not known |
//! | 503, `Retry-After` | given up by the queue's policy, or not asked for in time, or the run has ended |
//!
//! Bodies that wait share a budget of four full ones; a request takes its part before its body is read.

use crate::format::EpochUnit;
use crate::source::Rejected;
use crate::source::live::Fate;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::LengthLimitError;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How long a body may take to come, and a request may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many full bodies may wait at once.
const BODIES: usize = 4;

/// How many mistakes an answer names.
const NAMED: usize = 100;

/// An idempotency key and a hash of a message are not taken for each other.
const SEED: u64 = 0x6964_656d;

/// A body on its way to the decoder.
pub(super) struct Request {
    pub(super) body: Bytes,
    pub(super) gzip: bool,
    pub(super) language: Language,
    /// Hash of its idempotency key.
    pub(super) key: Option<u64>,
    pub(super) reply: oneshot::Sender<Answer>,
    /// Its part of the budget, given back once it is decoded.
    _part: OwnedSemaphorePermit,
}

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// That of the source's format: JSON.
    Plain,
    /// Line protocol, whose times count this.
    Lines(EpochUnit),
}

/// What became of a request.
pub(super) enum Answer {
    Done(Fate, Option<Report>),
    Refused(StatusCode, String),
}

/// What could not be read of a body.
#[derive(Debug)]
pub(super) struct Report {
    count: usize,
    first: Vec<(u64, String)>,
}

impl Report {
    pub(super) fn of(rejected: &[Rejected]) -> Option<Report> {
        let first = rejected.iter().take(NAMED).map(|one| (one.line, one.reason.clone())).collect();
        (!rejected.is_empty()).then_some(Report { count: rejected.len(), first })
    }

    /// As InfluxDB writes it, with all of the lines beside the first.
    fn response(&self) -> Response {
        let lines: Vec<_> =
            self.first.iter().map(|(line, reason)| serde_json::json!({ "line": line, "reason": reason })).collect();
        let (line, reason) = self.first.first().map_or((0, ""), |(line, reason)| (*line, reason));
        let count = self.count;
        let many = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
        let message = format!("partial write: {many}, first in line {line}: {reason}; all else was kept");
        let body = serde_json::json!({ "code": "invalid", "message": message, "line": line, "lines": lines });
        (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
    }
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
}

impl Door {
    pub(super) fn new(requests: mpsc::Sender<Request>, key: Option<String>, body_max: usize, csv: bool) -> Door {
        let budget = Arc::new(Semaphore::new(kib(body_max) as usize * BODIES));
        Door(Arc::new(Inner { requests, budget, key, body_max, csv }))
    }
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
            Ok(answer) => match answer.await {
                Ok(Answer::Done(Fate::Kept | Fate::Known, None)) => StatusCode::NO_CONTENT.into_response(),
                Ok(Answer::Done(Fate::Kept | Fate::Known, Some(report))) => report.response(),
                Ok(Answer::Done(Fate::Partly { aside, why }, _)) => refuse(
                    StatusCode::BAD_REQUEST,
                    &format!("{aside} readings were put aside: {why}; all else was kept"),
                ),
                Ok(Answer::Done(Fate::Dropped, _)) => later("the queue is full and gave this request up"),
                Ok(Answer::Refused(status, why)) => refuse(status, &why),
                Err(_) => later("ouzel is stopping"),
            },
        }
    }

    async fn hand_over(
        &self,
        language: Language,
        headers: &HeaderMap,
        asked: &Asked,
        body: Body,
    ) -> Result<oneshot::Receiver<Answer>, Response> {
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
        let part = kib(said.unwrap_or(inner.body_max));
        let part = timeout(PATIENCE, Arc::clone(&inner.budget).acquire_many_owned(part)).await;
        let Ok(Ok(part)) = part else { return Err(later("too many requests wait")) };
        let body = match timeout(PATIENCE, to_bytes(body, inner.body_max)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => {
                return Err(self.too_large());
            }
            Ok(Err(error)) => return Err(refuse(StatusCode::BAD_REQUEST, &format!("the body broke off: {error}"))),
            Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT, "the body took longer than 30 s to come")),
        };
        let key = headers.get("idempotency-key").map(|key| xxh3_64_with_seed(key.as_bytes(), SEED));
        let (reply, answer) = oneshot::channel();
        let request = Request { body, gzip, language, key, reply, _part: part };
        match timeout(PATIENCE, inner.requests.send(request)).await {
            Ok(Ok(())) => Ok(answer),
            Ok(Err(_)) => Err(later("ouzel is stopping")),
            Err(_) => Err(later("too many requests wait")),
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

fn refuse(status: StatusCode, why: &str) -> Response {
    let code = match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::PAYLOAD_TOO_LARGE => "request too large",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "invalid",
    };
    (status, axum::Json(serde_json::json!({ "code": code, "message": why }))).into_response()
}

fn later(why: &str) -> Response {
    let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, &format!("{why}: try again"));
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    response
}
