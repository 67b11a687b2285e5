//! The page: files that were put into the program when it was built, or a folder while somebody works on them.

use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use std::path::{Component, Path, PathBuf};

/// A file of the page.
pub struct Asset {
    /// Its path below the page's root.
    pub path: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
    /// The same, compressed; empty where that saves nothing.
    pub gzip: &'static [u8],
    /// A hash of what is in it, in quotes.
    pub etag: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What there is where the page was not built.
const NO_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Ouzel</title>\
    <h1>Ouzel is running</h1><p>This build has no dashboard in it: there was no <code>ui/dist</code> when it was built. \
    Make one with <code>cargo xtask ui</code> and build again, or name a folder with <code>--ui-dir</code>.</p>\
    <p>The API is here all the same: <a href=\"/api/v1/openapi.json\">openapi.json</a>, \
    <a href=\"/metrics\">metrics</a>.</p></html>\n";

/// Where files come from.
#[derive(Debug)]
pub enum Page {
    /// The program itself.
    Embedded,
    /// A folder; read at each request, and never kept by browsers.
    Folder(PathBuf),
}

/// Names in here have a hash of what is in them, so what one of them means never changes.
const HASHED: &str = "assets/";

impl Page {
    /// The answer to a path. `None`: no such file. A path that looks like a place of the page's own, and not like a
    /// file, is the page.
    pub async fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { "index.html" } else { path };
        let is_place = !path.rsplit('/').next().unwrap_or(path).contains('.');
        match self {
            Page::Embedded => {
                let named = |name: &str| ASSETS.iter().find(|asset| asset.path == name);
                match named(path).or_else(|| named("index.html").filter(|_| is_place)) {
                    Some(asset) => Some(embedded(asset, headers)),
                    None => {
                        (is_place || path == "index.html").then(|| whole("index.html", NO_PAGE.as_bytes().to_vec()))
                    }
                }
            }
            Page::Folder(folder) => {
                let paths = [Some(path), is_place.then_some("index.html")];
                for name in paths.into_iter().flatten() {
                    if let Some(bytes) = read(folder, name).await {
                        return Some(whole(name, bytes));
                    }
                }
                None
            }
        }
    }
}

/// A file of the folder; nothing outside of it.
async fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let name = Path::new(name);
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let path = folder.join(name);
    tokio::task::spawn_blocking(move || std::fs::read(path).ok()).await.ok()?
}

fn whole(name: &str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    set(&mut response, header::CONTENT_TYPE, kind(name));
    set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

fn embedded(asset: &'static Asset, headers: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let hashed = asset.path.starts_with(HASHED);
    set(&mut response, header::CACHE_CONTROL, if hashed { "public, max-age=31536000, immutable" } else { "no-cache" });
    set(&mut response, header::ETAG, asset.etag);
    set(&mut response, header::VARY, "accept-encoding");
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let known = text(header::IF_NONE_MATCH).split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    if known.into_iter().any(|tag| tag == asset.etag || tag == "*") {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    set(&mut response, header::CONTENT_TYPE, kind(asset.path));
    if !asset.gzip.is_empty() && takes_gzip(text(header::ACCEPT_ENCODING)) {
        set(&mut response, header::CONTENT_ENCODING, "gzip");
        *response.body_mut() = Body::from(asset.gzip);
    } else {
        *response.body_mut() = Body::from(asset.bytes);
    }
    response
}

fn takes_gzip(accept: &str) -> bool {
    accept.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let named = matches!(parts.next(), Some("gzip" | "*"));
        named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (accept, takes) in
            [("gzip, br", true), ("br;q=1.0, gzip;q=0.5", true), ("*", true), ("", false), ("gzip;q=0", false)]
        {
            assert_eq!(takes_gzip(accept), takes, "{accept}");
        }
    }

    #[tokio::test]
    async fn an_embedded_file_is_known_again_and_a_hashed_name_is_kept_for_ever() {
        static ASSET: Asset = Asset { path: "assets/a-1.js", bytes: b"let a;", gzip: b"zipped", etag: "\"e1\"" };
        let of =
            |name: HeaderName, value: &'static str| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        let plain = embedded(&ASSET, &HeaderMap::new());
        assert_eq!(plain.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(plain.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(plain.into_body().collect().await.unwrap().to_bytes(), "let a;");
        let zipped = embedded(&ASSET, &of(header::ACCEPT_ENCODING, "gzip"));
        assert_eq!(zipped.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(embedded(&ASSET, &of(header::IF_NONE_MATCH, "W/\"e1\"")).status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn a_folder_serves_its_files_and_nothing_outside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("ui")).unwrap();
        std::fs::write(folder.path().join("secret.txt"), "s").unwrap();
        std::fs::write(folder.path().join("ui/index.html"), "the page").unwrap();
        let page = Page::Folder(folder.path().join("ui"));
        let none = HeaderMap::new();
        for path in ["/", "/index.html", "/alerts", "/a/b"] {
            let answer = page.answer(path, &none).await.unwrap();
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-cache");
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "the page", "{path}");
        }
        for path in ["/../secret.txt", "/a/../../secret.txt", "//secret.txt", "/gone.js", "/\0.js"] {
            assert!(page.answer(path, &none).await.is_none(), "{path}");
        }
    }

    #[tokio::test]
    async fn the_embedded_page_is_there_whether_it_was_built_or_not() {
        let answer = Page::Embedded.answer("/alerts/now", &HeaderMap::new()).await.unwrap();
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(Page::Embedded.answer("/no-such-file.js", &HeaderMap::new()).await.is_none());
    }
}
