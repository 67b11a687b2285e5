//! What a stage passes on, live, as lines of JSON.

use crate::app::{App, json, text};
use crate::problem::Problem;
use crate::query::Query;
use crate::stream::pieces;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::http::header::{HeaderName, HeaderValue};

/// `GET /api/v1/tap`; without a stage, what there is to listen to.
pub async fn tap(State(app): State<App>, query: Query) -> Result<Response<Body>, Problem> {
    let Some(stage) = query.text("stage").map(str::to_owned) else {
        let stages = app.hub.ask(|hub| hub.stages()).await?;
        let stages: Vec<serde_json::Value> =
            stages.iter().map(|stage| serde_json::json!({ "name": stage.name, "kind": stage.kind })).collect();
        return Ok(json(&serde_json::json!({ "stages": stages })));
    };
    let device = query.text("device").map(str::to_owned);
    let lines = app.hub.ask(move |hub| hub.tap(&stage, device)).await??;
    let mut response = text("application/x-ndjson", pieces(lines));
    // nginx would keep lines back until its buffer is full.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}
