//! Where what is asked. The table is what the router is made of, and what the OpenAPI document is compared with.

use crate::access::{Access, Asks, guard};
use crate::app::{App, text};
use crate::pack::pack;
use crate::problem::Problem;
use crate::{health, metrics, rest, stream, tap};
use axum::Router;
use axum::body::Body;
use axum::http::header::HeaderMap;
use axum::http::{Method, Response, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, post};
use std::sync::Arc;

/// The OpenAPI document.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Every path with its method.
pub fn table() -> Vec<(&'static str, &'static str, MethodRouter<App>)> {
    vec![
        ("get", "/api/v1/meta", get(rest::meta)),
        ("get", "/api/v1/devices", get(rest::devices)),
        ("delete", "/api/v1/devices/{name}", delete(rest::retire)),
        ("get", "/api/v1/series", get(rest::series)),
        ("get", "/api/v1/readings", get(rest::readings)),
        ("get", "/api/v1/aggregates", get(rest::aggregates)),
        ("get", "/api/v1/filtered", get(rest::filtered)),
        ("get", "/api/v1/anomalies", get(rest::anomalies)),
        ("get", "/api/v1/alerts", get(rest::alerts)),
        ("post", "/api/v1/alerts/{id}/acknowledge", post(rest::acknowledge)),
        ("post", "/api/v1/alerts/{id}/silence", post(rest::silence)),
        ("get", "/api/v1/lanes", get(rest::lanes)),
        ("get", "/api/v1/pipeline", get(rest::pipeline)),
        ("post", "/api/v1/reload", post(rest::reload)),
        ("get", "/api/v1/tap", get(tap::tap)),
        ("get", "/api/v1/stream", get(stream::stream)),
        ("post", "/api/v1/stream/{cid}/ack", post(stream::ack)),
        ("post", "/api/v1/test/advance", post(stream::advance)),
        ("get", "/api/v1/openapi.json", get(openapi)),
        ("get", "/healthz", get(health::alive)),
        ("get", "/readyz", get(health::ready)),
        ("get", "/metrics", get(metrics::metrics)),
    ]
}

/// All routes behind the rules of access; `extra` has those of others, and `keyed` those that ask for a key of their own.
pub fn router(app: App, access: Access, extra: Router, keyed: Router) -> Router {
    let access = Arc::new(access);
    let add = |router: Router<App>, (_, path, route)| router.route(path, route);
    let own = table().into_iter().fold(Router::new(), add).with_state(app.clone()).layer(from_fn(pack));
    let all = own.merge(extra).fallback(page).with_state(());
    let with_page = all.layer(axum::Extension(app));
    let guarded = with_page.layer(from_fn_with_state((Arc::clone(&access), Asks::Here), guard));
    guarded.merge(keyed.layer(from_fn_with_state((access, Asks::ByThemselves), guard)))
}

async fn openapi() -> Response<Body> {
    text("application/json", OPENAPI)
}

/// What no route has: a file of the page, or nothing.
async fn page(
    axum::Extension(app): axum::Extension<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let nothing =
        || Problem::unknown(format!("there is nothing at {}; /api/v1/openapi.json lists what there is", uri.path()));
    let reads = method == Method::GET || method == Method::HEAD;
    if !reads || uri.path() == "/api" || uri.path().starts_with("/api/") {
        return Err(nothing());
    }
    app.page.answer(uri.path(), &headers).await.ok_or_else(nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_openapi_document_has_every_route_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let methods = |(path, methods): (&String, &serde_json::Value)| {
            let methods: Vec<String> = methods.as_object().unwrap().keys().cloned().collect();
            methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
        };
        let described: BTreeSet<(String, String)> = paths.iter().flat_map(methods).collect();
        let routed: BTreeSet<(String, String)> =
            table().into_iter().map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
        assert_eq!(described, routed);
    }
}
