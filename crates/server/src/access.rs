//! Who may ask, and what every answer carries: the key, the host, the origin; a request's id and the headers of safety.
//!
//! On loopback without a key everybody on the machine may do everything. What must be kept out are pages of others in
//! the user's browser: one that points its own name at 127.0.0.1 (DNS rebinding) is known by its `Host`, one that
//! posts across by its `Origin`. With a key, nothing is without it, but for routes that ask for a key of their own.

use crate::problem::Problem;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The cookie that a key becomes.
const COOKIE: &str = "ouzel_key";

/// How long a browser keeps it: 30 days, in seconds.
const COOKIE_AGE: u32 = 30 * 86_400;

/// What a page may load: its own files and nothing else.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'; \
     base-uri 'none'";

/// The rules.
#[derive(Debug)]
pub struct Access {
    boot: String,
    requests: AtomicU64,
    key: Option<String>,
}

impl Access {
    /// The rules with or without a key.
    pub fn new(boot: &str, key: Option<String>) -> Access {
        Access { boot: boot.to_owned(), requests: AtomicU64::new(0), key }
    }

    /// Whether the request may go on, or what it is answered instead. A key in the address becomes a cookie.
    fn check(&self, request: &Request, asks: Asks) -> Result<Option<HeaderValue>, Box<Response<Body>>> {
        let headers = request.headers();
        let mut cookie = None;
        match &self.key {
            Some(_) if asks == Asks::ByThemselves => {}
            Some(key) if key_of_headers(headers).any(|given| same(&given, key)) => {}
            Some(key) => {
                let given = key_of_address(request).filter(|given| same(given, key));
                if given.is_none() {
                    return Err(Box::new(keyless().into_response()));
                }
                let value = format!(
                    "{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={COOKIE_AGE}",
                    hex(key.as_bytes())
                );
                cookie = HeaderValue::from_str(&value).ok();
                if is_page(request) {
                    return Err(Box::new(to_the_same_without_key(request, cookie)));
                }
            }
            None if is_loopback(headers) => {}
            None => {
                let what =
                    "this server answers to localhost only; open http://localhost or http://127.0.0.1 with its port";
                return Err(Box::new(Problem::new(StatusCode::FORBIDDEN, what).into_response()));
            }
        }
        let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
        if !reads && !is_own_origin(headers) {
            let what =
                "this request comes from another site's page; send it from this server's own page, or without `Origin`";
            return Err(Box::new(Problem::new(StatusCode::FORBIDDEN, what).into_response()));
        }
        Ok(cookie)
    }
}

/// Who asks for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// These rules ask for the server's.
    Here,
    /// The routes behind them ask for one of their own. Both stand in the header `Authorization`, so nobody could show
    /// two; and who may only post readings need not see everything.
    ByThemselves,
}

/// Stands before all routes.
pub async fn guard(State((access, asks)): State<(Arc<Access>, Asks)>, request: Request, next: Next) -> Response<Body> {
    let id = format!("{}-{}", access.boot, access.requests.fetch_add(1, Ordering::Relaxed) + 1);
    let is_api = request.uri().path().starts_with("/api/");
    let (mut response, cookie) = match access.check(&request, asks) {
        Ok(cookie) => (next.run(request).await, cookie),
        Err(response) => (*response, None),
    };
    // Problems of this crate are written here, where the id is known, and so are those that axum only numbers.
    let silent = |response: &Response<Body>| !response.headers().contains_key(header::CONTENT_TYPE);
    let unnamed = (response.status().is_client_error() || response.status().is_server_error()) && silent(&response);
    if unnamed {
        response = in_words(response.status()).into_response();
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = Body::from(problem.body(&id));
    }
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("x-request-id"), &id);
    if is_api {
        set(header::CACHE_CONTROL, "no-store");
    }
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn keyless() -> Problem {
    let what = "this needs the key; open the address that was printed at the start, with `?key=`, or send \
                `Authorization: Bearer KEY`";
    Problem::new(StatusCode::UNAUTHORIZED, what)
}

fn in_words(status: StatusCode) -> Problem {
    let what = match status {
        StatusCode::METHOD_NOT_ALLOWED => "this address does not take that method; /api/v1/openapi.json lists them",
        StatusCode::NOT_FOUND => "there is nothing at this address; /api/v1/openapi.json lists what there is",
        StatusCode::PAYLOAD_TOO_LARGE => "this is too long; send less at once",
        _ => "this request cannot be answered; /api/v1/openapi.json says what can",
    };
    Problem::new(status, what)
}

/// Keys that the headers bring: of programs (`Token` is the word of InfluxDB's clients) and of browsers.
fn key_of_headers(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let bearer = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        ["bearer", "token"].iter().any(|s| scheme.eq_ignore_ascii_case(s)).then(|| key.trim().to_owned())
    });
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let ours = cookies.flat_map(|all| all.split(';')).filter_map(|one| one.trim().split_once('='));
    bearer.chain(ours.filter(|(name, _)| *name == COOKIE).filter_map(|(_, value)| unhex(value)))
}

/// The key in the address. Only reading requests may bring it so: an address is written into logs.
fn key_of_address(request: &Request) -> Option<String> {
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(request.uri()).ok()?;
    pairs.0.into_iter().find(|(name, _)| reads && name == "key").map(|(_, key)| key)
}

fn is_page(request: &Request) -> bool {
    let html = |value: &HeaderValue| value.to_str().is_ok_and(|accept| accept.contains("text/html"));
    request.headers().get(header::ACCEPT).is_some_and(html)
}

/// The key must not stay in the address bar, where it is copied and remembered.
fn to_the_same_without_key(request: &Request, cookie: Option<HeaderValue>) -> Response<Body> {
    let query = request.uri().query().unwrap_or("");
    let rest: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("key=") && !pair.is_empty()).collect();
    // A path of two slashes would be read as the name of another host.
    let mut place = format!("/{}", request.uri().path().trim_start_matches('/'));
    if !rest.is_empty() {
        let _ = write!(place, "?{}", rest.join("&"));
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let place = HeaderValue::from_str(&place).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, place);
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Compares all bytes, so that the time it takes does not tell how many were right.
fn same(given: &str, key: &str) -> bool {
    let differences = given.bytes().zip(key.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == key.len() && differences == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<String> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let bytes = digits?.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
    String::from_utf8(bytes).ok()
}

/// The host of `Host`, without its port.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let name = host_name(host.to_str().unwrap_or("")).trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Programs send no origin; browsers do with all that changes something.
fn is_own_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        let of = |host: &'static str| HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        for host in
            ["localhost", "localhost:8080", "LOCALHOST.", "127.0.0.1:80", "127.8.9.1", "[::1]:8080", "a.localhost"]
        {
            assert!(is_loopback(&of(host)), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", "["] {
            assert!(!is_loopback(&of(host)), "{host}");
        }
        let mut twice = of("localhost");
        twice.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(!is_loopback(&twice) && !is_loopback(&HeaderMap::new()));
    }

    #[test]
    fn keys_survive_the_cookie_and_are_compared_whole() {
        assert_eq!(unhex(&hex("k;é=ü".as_bytes())).as_deref(), Some("k;é=ü"));
        assert_eq!(unhex("xy"), None);
        assert!(same("secret", "secret"));
        for wrong in ["", "s", "secre", "secrets", "Secret"] {
            assert!(!same(wrong, "secret"), "{wrong}");
        }
    }
}
