//! Alerts, and what people say of them. What they say is answered once the journal holds it.

use super::Answer;
use crate::app::{App, json};
use crate::hub::Hub;
use crate::model::parse_id;
use crate::problem::Problem;
use crate::query::Query;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ouzel_engine::output::{Id, State as Life};
use ouzel_engine::time::Span;
use ouzel_pipeline::control::Order;
use serde::Deserialize;
use serde_json::json;

/// The longest note and name, in characters.
const WORDS: usize = 2_000;

/// The longest silence: whoever wants more should take the alert out of the config.
const LONGEST: Span = Span::from_secs(366 * 86_400);

/// Who it was, where nobody says.
pub(super) const SOMEBODY: &str = "somebody";

/// `GET /api/v1/alerts`
pub async fn alerts(State(app): State<App>, query: Query) -> Answer {
    let open = match query.text("state") {
        None | Some("all") => false,
        Some("open") => true,
        Some(other) => return Err(Problem::bad(format!("`state` cannot be `{other}`; write open or all"))),
    };
    let limit = query.whole("limit", 100, 1, 10_000)?;
    let page = app.hub.ask(move |hub| json!({ "alerts": hub.model.wire_alerts(open, limit) })).await?;
    Ok(json(&page))
}

#[derive(Default, Deserialize)]
struct Acknowledge {
    #[serde(default)]
    note: String,
    #[serde(default)]
    by: String,
}

/// `POST /api/v1/alerts/{id}/acknowledge`
pub async fn acknowledge(State(app): State<App>, Path(id): Path<String>, body: Body) -> Answer {
    let id = open_alert(&app, &id).await?;
    let said: Acknowledge = read(body, "{\"note\":\"on my way\",\"by\":\"ann\"}").await?.unwrap_or_default();
    if said.note.chars().count() > WORDS || said.by.chars().count() > WORDS {
        return Err(Problem::bad(format!("`note` and `by` have at most {WORDS} characters")));
    }
    say(&app, id, Order::Acknowledge { alert: id.to_string(), note: said.note }, &said.by).await
}

#[derive(Deserialize)]
struct Silence {
    r#for: String,
    #[serde(default)]
    by: String,
}

/// `POST /api/v1/alerts/{id}/silence`
pub async fn silence(State(app): State<App>, Path(id): Path<String>, body: Body) -> Answer {
    const EXAMPLE: &str = "{\"for\":\"1h\"}";
    let id = open_alert(&app, &id).await?;
    let said: Option<Silence> = read(body, EXAMPLE).await?;
    let said = said.ok_or_else(|| Problem::bad(format!("say for how long: {EXAMPLE}")))?;
    let span = Span::parse(&said.r#for).map_err(|wrong| Problem::bad(format!("`for`: {wrong}")))?;
    if span <= Span::ZERO || span > LONGEST {
        return Err(Problem::bad(format!("`for` cannot be {span}; write more than nothing and at most {LONGEST}")));
    }
    let until = app.clock.now() + span;
    say(&app, id, Order::Silence { alert: id.to_string(), until }, &said.by).await
}

async fn say(app: &App, id: Id, order: Order, by: &str) -> Answer {
    let by = if by.trim().is_empty() { SOMEBODY } else { by };
    let control = app.controls.say(order, by).await?;
    let alert = move |hub: &mut Hub| {
        hub.heed(&control);
        hub.model.alerts().get(id).map(|entry| json!(hub.model.wire_alert(entry)))
    };
    // It was there a moment ago; only a flood of a thousand cleared ones could have pushed it out.
    app.hub.ask(alert).await?.map(|alert| json(&alert)).ok_or_else(|| Problem::unknown("this alert is long over"))
}

/// The identity of an alert that is not over.
async fn open_alert(app: &App, text: &str) -> Result<Id, Problem> {
    let unknown = || Problem::unknown("there is no such alert; /api/v1/alerts lists them");
    let id = parse_id(text).ok_or_else(unknown)?;
    match app.hub.ask(move |hub| hub.model.alerts().get(id).map(|entry| entry.alert.state)).await? {
        None => Err(unknown()),
        Some(Life::Cleared) => Err(Problem::new(StatusCode::CONFLICT, "this alert is over; nothing is left to do")),
        Some(Life::Pending | Life::Firing) => Ok(id),
    }
}

/// A small body of JSON; `None` where there is none.
async fn read<T: for<'d> Deserialize<'d>>(body: Body, example: &str) -> Result<Option<T>, Problem> {
    let bytes = to_bytes(body, 16 * 1_024).await.map_err(|_| Problem::bad("this is too long; 16 KiB are enough"))?;
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|_| Problem::bad(format!("the body should look like {example}")))
}
