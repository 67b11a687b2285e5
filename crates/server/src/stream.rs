//! The live stream: server-sent events, and the acknowledgements that keep them fresh.

use crate::app::{App, json, text};
use crate::hub::{Wishes, client, window};
use crate::problem::Problem;
use crate::query::Query;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use http_body::Frame;
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// Frames a second where nobody says: ten look smooth.
const HZ: f64 = 10.0;

/// The slowest and the fastest.
const HZ_RANGE: std::ops::RangeInclusive<f64> = 0.1..=30.0;

/// `GET /api/v1/stream`
pub async fn stream(State(app): State<App>, query: Query, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    let wishes = wishes(&query)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let last = last.filter(|id| !id.is_empty());
    let connected = app.hub.ask(move |hub| hub.connect(wishes, last.as_deref())).await??;
    let mut response = text("text/event-stream", Body::new(Events(connected.events)));
    // nginx would keep events back until its buffer is full.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn wishes(query: &Query) -> Result<Wishes, Problem> {
    let topics = query.list("topics");
    if let Some(other) = topics.iter().find(|topic| !["frame", "kpi", "alert", "lane"].contains(&topic.as_str())) {
        return Err(Problem::bad(format!("`topics` cannot have `{other}`; there are frame, kpi, alert and lane")));
    }
    let wants = |topic: &str| topics.is_empty() || topics.iter().any(|one| one == topic);
    let hz = match query.text("hz") {
        None => HZ,
        Some(text) => {
            let number = text.parse::<f64>().ok().filter(|hz| hz.is_finite() && *hz > 0.0);
            let wrong = || Problem::bad(format!("`hz` cannot be `{text}`; write a number from 0.1 to 30"));
            number.ok_or_else(wrong)?.clamp(*HZ_RANGE.start(), *HZ_RANGE.end())
        }
    };
    let mut series = query.series()?;
    series.iter_mut().for_each(|series| series.truncate(client::SERIES));
    Ok(Wishes {
        frames: wants("frame"),
        kpi: wants("kpi"),
        alerts: wants("alert"),
        lanes: wants("lane"),
        windows: looked(query.numbers("windows")?.unwrap_or_default()),
        choice: client::Choice { series, every: Duration::from_micros((1e6 / hz) as u64) },
    })
}

/// A response's body, fed by the hub.
struct Events(mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}

/// A body of pieces that somebody makes on the way.
pub fn pieces(receiver: mpsc::Receiver<Bytes>) -> Body {
    Body::new(Events(receiver))
}

/// What a page says of what it has.
#[derive(Deserialize)]
struct Ack {
    seq: u64,
    #[serde(default)]
    lag_ms: f64,
    /// The series whose windows it shows from now on.
    windows: Option<Vec<u32>>,
}

/// So many as one may look at, ascending.
fn looked(mut series: Vec<u32>) -> Vec<u32> {
    series.truncate(window::LOOKED);
    series.sort_unstable();
    series.dedup();
    series
}

/// `POST /api/v1/stream/{cid}/ack`
pub async fn ack(State(app): State<App>, Path(cid): Path<String>, body: Body) -> Result<Response<Body>, Problem> {
    let wrong = || Problem::bad("an acknowledgement looks like {\"seq\":41,\"lag_ms\":12}");
    let body = to_bytes(body, 4_096).await.map_err(|_| wrong())?;
    let ack: Ack = serde_json::from_slice(&body).map_err(|_| wrong())?;
    let (named, windows) = (cid.clone(), ack.windows.map(looked));
    if !app.hub.ask(move |hub| hub.ack(&named, ack.seq, ack.lag_ms, windows)).await? {
        return Err(Problem::unknown(format!("there is no live stream `{cid}`; open one at /api/v1/stream")));
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// `POST /api/v1/test/advance`, where the clock is moved by hand
pub async fn advance(State(app): State<App>, body: Body) -> Result<Response<Body>, Problem> {
    #[derive(Deserialize)]
    struct By {
        ms: u32,
    }
    let Some(advance) = app.advance.clone() else {
        return Err(Problem::unknown("the clock is the machine's; only a run with a manual clock can be moved on"));
    };
    let wrong = || Problem::bad("say how far: {\"ms\":1000}");
    let body = to_bytes(body, 4_096).await.map_err(|_| wrong())?;
    let by: By = serde_json::from_slice(&body).map_err(|_| wrong())?;
    advance(ouzel_engine::time::Span::from_millis(i64::from(by.ms))).await;
    // The hub follows all steps that were sent before it answers.
    let now = app.hub.ask(|hub| hub.now()).await?;
    Ok(json(&serde_json::json!({ "now": crate::model::micros(now) })))
}
