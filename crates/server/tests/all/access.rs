//! Who is let in, and what every answer carries.

use crate::bench::*;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::routing::post;
use ouzel_server::{ServerSettings, listen, serve};

const PAGE: &str = "/alerts";

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let builder =
        headers.iter().fold(Request::builder().method(method).uri(path), |b, (name, value)| b.header(*name, *value));
    builder.body(Body::empty()).unwrap()
}

fn keyed() -> ServerSettings {
    ServerSettings { key: Some("s;cret é".into()), ..ServerSettings::default() }
}

#[tokio::test]
async fn every_answer_has_the_headers_of_safety() {
    let bench = Bench::new();
    for path in [PAGE, "/api/v1/meta", "/healthz", "/api/v1/nothing", "/gone.js"] {
        let answer = bench.get(path).await;
        let policy =
            "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'; base-uri 'none'";
        assert_eq!(answer.headers["content-security-policy"], policy, "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(path.starts_with("/api"), answer.headers.get("cache-control").is_some_and(|c| c == "no-store"));
    }
}

#[tokio::test]
async fn a_name_that_was_pointed_at_loopback_is_refused() {
    let bench = Bench::new();
    for path in [PAGE, "/api/v1/meta", "/metrics", "/api/v1/stream"] {
        let answer = bench.request(request(Method::GET, path, &[("host", "rebind.example:8080")])).await;
        assert!(answer.error(StatusCode::FORBIDDEN).contains("localhost only"), "{path}");
    }
    assert_eq!(bench.request(request(Method::GET, "/healthz", &[])).await.status, StatusCode::FORBIDDEN);
    assert_eq!(bench.request(request(Method::GET, "/healthz", &[("host", "[::1]:8080")])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_change_anything() {
    let bench = Bench::new();
    let path = "/api/v1/stream/c1/ack";
    let from = |origin| request(Method::POST, path, &[("host", "localhost:8080"), ("origin", origin)]);
    for origin in ["http://evil.example", "http://localhost:9090", "null", ""] {
        assert!(bench.request(from(origin)).await.error(StatusCode::FORBIDDEN).contains("another site"), "{origin}");
    }
    assert_eq!(bench.request(from("http://localhost:8080")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn with_a_key_nothing_is_without_it() {
    let bench = Bench::with("b", keyed());
    let host = ("host", "plant.example");
    for path in [PAGE, "/api/v1/meta", "/metrics", "/healthz", "/api/v1/meta?key=wrong"] {
        let error = bench.request(request(Method::GET, path, &[host])).await.error(StatusCode::UNAUTHORIZED);
        assert!(error.starts_with("this needs the key"), "{path}");
    }
    let wrong = [host, ("authorization", "Bearer secret"), ("cookie", "ouzel_key=00")];
    assert_eq!(bench.request(request(Method::GET, "/healthz", &wrong)).await.status, StatusCode::UNAUTHORIZED);

    let page = request(Method::GET, "/alerts?tab=open&key=s%3Bcret%20%C3%A9", &[host, ("accept", "text/html,*/*")]);
    let answer = bench.request(page).await;
    assert_eq!(
        (answer.status, &answer.headers["location"]),
        (StatusCode::SEE_OTHER, &"/alerts?tab=open".parse().unwrap())
    );
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000"), "{cookie}");
    let cookie = format!("theme=dark; {}", cookie.split(';').next().unwrap());
    assert_eq!(
        bench.request(request(Method::GET, "/healthz", &[host, ("cookie", &cookie)])).await.status,
        StatusCode::OK
    );

    let script = bench.request(request(Method::GET, "/healthz?key=s%3Bcret%20%C3%A9", &[host])).await;
    assert_eq!((script.status, script.headers.contains_key("set-cookie")), (StatusCode::OK, true));
    let posted = request(Method::POST, "/api/v1/stream/c1/ack?key=s%3Bcret%20%C3%A9", &[host]);
    assert_eq!(bench.request(posted).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn programs_send_the_key_as_a_bearer() {
    let settings = ServerSettings { key: Some("abc".into()), ..ServerSettings::default() };
    let extra = Router::new().route("/write", post(|| async { StatusCode::NO_CONTENT }));
    let bench = Bench::with("b", ServerSettings { extra, ..settings });
    for (scheme, status) in
        [("Bearer abc", 204), ("token abc", 204), ("Basic abc", 401), ("Bearer abcd", 401), ("", 401)]
    {
        let answer = bench.request(request(Method::POST, "/write", &[("host", "x"), ("authorization", scheme)])).await;
        assert_eq!(answer.status.as_u16(), status, "{scheme}");
    }
}

#[tokio::test]
async fn where_a_source_asks_for_a_key_of_its_own_the_servers_is_not_asked_for() {
    use ouzel_connect::secret::Secret;
    use ouzel_connect::source::http::{Http, Settings};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "sesame").unwrap();
    let settings = Settings { key: Some(Secret::File(path)), ..Settings::default() };
    let now = std::sync::Arc::new(|| START);
    let source = Http::new("hall", &settings, ouzel_engine::series::Timing::default(), now).unwrap();
    let keyed = source.routes();
    let bench = Bench::with("b", ServerSettings { key: Some("abc".into()), keyed, ..ServerSettings::default() });
    for (method, path, key, status) in [
        // Past the key; nobody drives the source here, so it must be something that its door answers.
        (Method::POST, "/write", "Bearer sesame", 415),
        (Method::POST, "/write", "Bearer abc", 401),
        (Method::POST, "/api/v1/readings", "Bearer abc", 401),
        (Method::POST, "/api/v1/readings", "", 401),
        (Method::GET, "/ping", "", 204),
        (Method::GET, "/api/v1/readings?limit=1", "Bearer abc", 200),
        (Method::GET, "/api/v1/readings?limit=1", "Bearer sesame", 401),
        (Method::PUT, "/api/v1/readings", "Bearer abc", 405),
        (Method::GET, "/api/v1/meta", "Bearer sesame", 401),
    ] {
        let headers = [("host", "plant.example"), ("authorization", key), ("content-encoding", "br")];
        let answer = bench.request(request(method.clone(), path, &headers)).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {key}");
        assert!(answer.headers.contains_key("x-request-id"));
    }
    let origin = [("host", "x"), ("origin", "http://evil.example"), ("authorization", "Bearer sesame")];
    assert_eq!(bench.request(request(Method::POST, "/write", &origin)).await.status, StatusCode::FORBIDDEN);
    drop(source);
}

#[tokio::test]
async fn a_redirect_never_leaves_this_server() {
    let settings = ServerSettings { key: Some("abc".into()), ..ServerSettings::default() };
    let bench = Bench::with("b", settings);
    let page = request(Method::GET, "//evil.example/?key=abc", &[("accept", "text/html")]);
    assert_eq!(bench.request(page).await.headers["location"], "/evil.example/");
}

#[tokio::test]
async fn what_there_is_not_is_said_in_words() {
    let bench = Bench::new();
    let error = bench.get("/api/v1/weather").await.error(StatusCode::NOT_FOUND);
    assert_eq!(error, "there is nothing at /api/v1/weather; /api/v1/openapi.json lists what there is");
    let error = bench.post("/api/v1/meta", "").await.error(StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(error, "this address does not take that method; /api/v1/openapi.json lists them");
    let head = bench.request(request(Method::HEAD, PAGE, &[("host", "localhost")])).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
}

fn running() -> (ouzel_server::Running, tokio::sync::mpsc::Sender<std::sync::Arc<ouzel_pipeline::step::Step>>) {
    let clock = ouzel_pipeline::clock::Clock::Wall;
    let (controls, _) = ouzel_pipeline::control::Controls::new(clock.clone(), std::sync::Arc::default());
    let (send, steps) = tokio::sync::mpsc::channel(1);
    let running = ouzel_server::Running {
        name: "demo".into(),
        boot: "b".into(),
        plan: plan().into(),
        counters: Default::default(),
        clock,
        steps,
        looks: tokio::sync::watch::Sender::new(std::sync::Arc::from([])),
        taps: tokio::sync::watch::Sender::new(std::sync::Arc::from([])),
        controls,
        history: std::sync::Arc::new(Past::default()),
        advance: None,
        reload: None,
    };
    (running, send)
}

#[tokio::test]
async fn an_address_for_everybody_needs_a_key() {
    let open = listen("0.0.0.0:0".parse().unwrap()).unwrap();
    let refused = serve(vec![open], running().0, ServerSettings::default(), std::future::ready(())).await.unwrap_err();
    assert!(refused.what.ends_with("for everybody; give it a key, or use 127.0.0.1"), "{refused}");
    let open = listen("0.0.0.0:0".parse().unwrap()).unwrap();
    serve(vec![open], running().0, keyed(), std::future::ready(())).await.unwrap();
    let taken = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let fault = listen(taken.local_addr().unwrap()).unwrap_err();
    assert!(fault.what.contains("another program listens there"), "{fault}");
}

#[tokio::test]
async fn a_stop_says_goodbye_to_streams_over_a_real_socket() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (running, _steps) = running();
    let server = tokio::spawn(serve(vec![listener], running, ServerSettings::default(), async {
        let _ = stopped.await;
    }));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET /api/v1/stream HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    while !text.contains("event: sync") {
        let mut bytes = [0; 4_096];
        let read = socket.read(&mut bytes).await.unwrap();
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    stop.send(()).unwrap();
    let mut rest = String::new();
    socket.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("event: bye") && rest.contains("\"why\":\"shutdown\""), "{rest}");
    server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_sends_half_a_head_holds_nothing_up() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{Duration, Instant};
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (running, _steps) = running();
    let server = tokio::spawn(serve(vec![listener], running, ServerSettings::default(), async {
        let _ = stopped.await;
    }));
    let half = || async {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET /healthz HTTP/1.1\r\nho").await.unwrap();
        socket
    };
    let mut rest = Vec::new();
    // It is closed, in its time.
    half().await.read_to_end(&mut rest).await.unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
    let slow = half().await;
    // An answer on another one shows that the first was taken.
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    rest.clear();
    socket.read_to_end(&mut rest).await.unwrap();
    assert!(rest.starts_with(b"HTTP/1.1 200 OK"));
    let began = Instant::now();
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
    drop(slow);
}
