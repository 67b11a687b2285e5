//! The questions of the page and of programs, one handler each; `routes.rs` says where they are asked.

mod alerts;
mod charts;
mod control;
mod pipeline;
mod rows;

pub use alerts::{acknowledge, alerts, silence};
pub use charts::series;
pub use control::{reload, retire};
pub use pipeline::pipeline;
pub use rows::{aggregates, anomalies, filtered, readings};

use crate::app::{App, json};
use crate::hub::Hub;
use crate::model::micros;
use crate::problem::Problem;
use crate::query::Query;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use ouzel_engine::series::Series;
use serde_json::json;

/// Series in one answer of `meta`.
const SERIES: usize = 2_000;

type Answer = Result<Response<Body>, Problem>;

/// `GET /api/v1/meta`
pub async fn meta(State(app): State<App>) -> Answer {
    let (name, boot) = (app.name.clone(), app.boot.clone());
    let meta = move |hub: &mut Hub| {
        let shown = hub.model.shown();
        let series: Vec<_> = shown.iter().take(SERIES).map(|&series| hub.model.series_view(series)).collect();
        json!({
            "v": 1,
            "boot": &*boot,
            "version": env!("CARGO_PKG_VERSION"),
            "name": &*name,
            "now": micros(hub.now()),
            // Whoever is let in at all may acknowledge and silence.
            "write": true,
            "channels": hub.model.channel_views(0),
            "series": series,
            "detectors": hub.model.detectors(),
            "more": shown.len() > SERIES,
        })
    };
    Ok(json(&app.hub.ask(meta).await?))
}

/// `GET /api/v1/devices`
pub async fn devices(State(app): State<App>, query: Query) -> Answer {
    let search = query.text("search").unwrap_or("").to_owned();
    let limit = query.whole("limit", 100, 1, 1_000)?;
    let offset = query.whole("offset", 0, 0, usize::MAX)?;
    let page = app.hub.ask(move |hub| hub.model.devices(&search, limit, offset, hub.now())).await?;
    Ok(json(&page))
}

/// `GET /api/v1/lanes`
pub async fn lanes(State(app): State<App>, query: Query) -> Answer {
    let (from, to) = query.range(app.clock.now())?;
    let buckets = query.whole("buckets", 120, 1, 10_000)?;
    let lane = move |hub: &mut Hub| hub.model.lanes().lane(micros(from), micros(to), buckets, SERIES);
    Ok(json(&app.hub.ask(lane).await?))
}

/// The series a query chooses: by number, or by names of devices and channels; at most `limit`.
///
/// # Errors
/// When a number is nobody's: the numbers of another start of the process, most likely.
fn chosen(hub: &Hub, query: &Query, limit: usize) -> Result<Vec<Series>, Problem> {
    let (devices, channels) = (query.list("device"), query.list("channel"));
    let Some(numbers) = query.series()? else { return Ok(hub.model.select(&devices, &channels, limit)) };
    let known = |number: &u32| hub.model.track(Series(*number)).is_some_and(|track| track.is_shown());
    match numbers.iter().find(|number| !known(number)) {
        Some(stranger) => Err(Problem::unknown(format!("there is no series {stranger}; /api/v1/meta lists them"))),
        None => Ok(numbers.into_iter().take(limit).map(Series).collect()),
    }
}
