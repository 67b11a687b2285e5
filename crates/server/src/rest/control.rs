//! What people do to the run itself: a device is gone for good, another config is to be in force.

use super::Answer;
use crate::app::{App, json};
use crate::hub::Hub;
use crate::model::micros;
use crate::problem::Problem;
use crate::query::Query;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ouzel_pipeline::control::Order;
use serde_json::json;

/// `DELETE /api/v1/devices/{name}`
pub async fn retire(State(app): State<App>, Path(device): Path<String>, query: Query) -> Answer {
    let name = device.clone();
    let unknown = move |hub: &mut Hub| {
        let nearest = || hub.model.nearest(&name).map(str::to_owned);
        (!hub.model.knows(&name)).then(nearest)
    };
    if let Some(nearest) = app.hub.ask(unknown).await? {
        let hint = nearest.map(|nearest| format!("did you mean `{nearest}`? ")).unwrap_or_default();
        return Err(Problem::unknown(format!("there is no device `{device}`; {hint}/api/v1/devices lists them")));
    }
    let by = query.text("by").unwrap_or(super::alerts::SOMEBODY);
    // The intake gives the number.
    let control = app.controls.say(Order::Retire { device: device.clone(), input: 0 }, by).await?;
    let retired = micros(control.at);
    app.hub.ask(move |hub| hub.heed(&control)).await?;
    Ok(json(&json!({ "device": device, "retired": retired, "by": by })))
}

/// `POST /api/v1/reload`
pub async fn reload(State(app): State<App>) -> Answer {
    let Some(reload) = &app.reload else {
        let what = "this run has no config file that could be read again";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, what));
    };
    match reload().await {
        Ok(changed) => Ok(json(&json!({ "changed": changed }))),
        Err(problems) => {
            let what = "the config has problems, and nothing was changed; mend them and reload again";
            Err(Problem { problems, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what) })
        }
    }
}
