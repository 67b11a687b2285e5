//! Long answers in JSON are packed with gzip for whoever can read it: charts over a slow line come in a fifth of the
//! time. Live streams are not, for their events would wait in the packer; files of the page are packed when the program
//! is built.

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::middleware::Next;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// What is shorter fits into a packet or two anyway.
const SHORT: u64 = 1_024;

/// Packs what comes from behind it.
pub async fn pack(request: Request, next: Next) -> Response<Body> {
    let wanted = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    if !is_long_json(&response) {
        return response;
    }
    // Somebody between us and them may keep it.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !wanted {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It is whole already, for its length is known.
    let plain = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let packed = plain.clone();
    // Megabytes take a tenth of a second, for which the threads that answer others have no time.
    let body = match tokio::task::spawn_blocking(move || gzip(&packed)).await {
        Ok(Some(packed)) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(packed.len()));
            Body::from(packed)
        }
        // The runtime ends, and with it this answer.
        _ => Body::from(plain),
    };
    Response::from_parts(parts, body)
}

fn gzip(plain: &Bytes) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    packer.write_all(plain).ok()?;
    packer.finish().ok()
}

fn is_long_json(response: &Response<Body>) -> bool {
    let headers = response.headers();
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    json && !headers.contains_key(header::CONTENT_ENCODING)
        && response.body().size_hint().exact().is_some_and(|length| length > SHORT)
}

/// Whether `Accept-Encoding` has gzip, or anything, and not with a weight of nothing.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let weight = |name: &str| {
        let all = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(',')).find_map(|one| {
            let (coding, weight) = one.split_once(';').unwrap_or((one, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
            coding.trim().eq_ignore_ascii_case(name).then(|| weight.unwrap_or(0.0))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_has_to_be_asked_for() {
        let of =
            |value: &'static str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        for value in ["gzip", "br, GZIP;q=0.5", "deflate, gzip, br", "*", "*;q=0, gzip"] {
            assert!(takes_gzip(&of(value)), "{value}");
        }
        for value in ["", "br", "identity", "gzip;q=0", "*, gzip;q=0", "*;q=0.0", "gzip;x"] {
            assert!(!takes_gzip(&of(value)), "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
