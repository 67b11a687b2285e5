//! Is it alive, and is it ready: for those who start it and wait.

use crate::app::{App, json, text};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use ouzel_engine::time::Span;
use serde_json::json;
use std::sync::atomic::Ordering;

/// There is a tick a second, so a run that has been still for longer than this is stuck.
const STILL: Span = Span::from_secs(5);

/// `GET /healthz`
pub async fn alive() -> Response<Body> {
    text("text/plain; charset=utf-8", "ok")
}

/// `GET /readyz`
pub async fn ready(State(app): State<App>) -> Result<Response<Body>, Problem> {
    let mut waiting: Vec<String> = Vec::new();
    for source in app.counters.sources.iter().filter(|source| !source.connected.load(Ordering::Relaxed)) {
        waiting.push(format!("source `{}` is not connected", source.name));
    }
    let (fresh, journal) = app
        .hub
        .ask(|hub| (hub.model.fresh(), hub.model.troubles().of("journal").map(|trouble| trouble.what.clone())))
        .await?;
    if app.counters.full.load(Ordering::Relaxed) {
        // The words may still be on their way through what was set aside of the disk.
        waiting.push(journal.unwrap_or_else(|| "the journal cannot be written; no readings are taken in".to_owned()));
    }
    match fresh {
        None => waiting.push("the journal of the last run is still being read".to_owned()),
        Some(last) => {
            let still = app.clock.now().since(last);
            if still > STILL {
                waiting.push(format!("nothing has happened for {} s", still.as_secs_f64().round()));
            }
        }
    }
    let mut response = json(&json!({ "ready": waiting.is_empty(), "waiting": waiting }));
    if !waiting.is_empty() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}
