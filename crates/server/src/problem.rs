//! What went wrong with a request, as its sender is told: a status, a sentence with a way out, and the request's id.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use ouzel_connect::fault::{Fault, Retry, Whose};

/// A problem on its way to the one who asked. The id of the request is put in by `access.rs`, which gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whose it is, in the words of HTTP.
    pub status: StatusCode,
    /// A sentence: lower case, with a way out.
    pub what: String,
    /// Where it is several at once, as in a config: each with its place.
    pub problems: Vec<String>,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, what: impl Into<String>) -> Problem {
        Problem { status, what: what.into(), problems: Vec::new() }
    }

    /// The request cannot be understood.
    pub fn bad(what: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, what)
    }

    /// There is no such thing.
    pub fn unknown(what: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, what)
    }

    /// The server is about to end.
    pub fn stopping() -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping; try again in a few seconds")
    }

    /// The answer's body.
    pub fn body(&self, request: &str) -> String {
        let mut body = serde_json::json!({ "error": self.what, "request": request });
        if !self.problems.is_empty() {
            body["problems"] = self.problems.clone().into();
        }
        body.to_string()
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        let status = match (fault.retry, fault.whose) {
            (Retry::Later | Retry::After(_) | Retry::Now, _) => StatusCode::SERVICE_UNAVAILABLE,
            (Retry::Never, Whose::You) => StatusCode::BAD_REQUEST,
            (Retry::Never, _) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Problem::new(status, fault.what)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body("")));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("3"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
