//! The `http` source from a sender's side: what it answers, and what came of the request.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use ouzel_connect::format::FormatHints;
use ouzel_connect::secret::Secret;
use ouzel_connect::source::http::{Http, Settings, listen, serve};
use ouzel_connect::source::live::{Fate, LiveSource, Packet, Pressing, Pressure};
use ouzel_engine::series::{Declaration, Timing};
use ouzel_engine::time::Time;
use proptest::prelude::*;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tower::ServiceExt;

fn source(settings: &Settings) -> Http {
    Http::new("hall", settings, Timing::default(), Arc::new(|| Time::from_secs(1_000))).unwrap()
}

struct Said {
    status: StatusCode,
    body: String,
    retry: bool,
    packets: Vec<Packet>,
}

/// Sends one request; each packet that comes of it meets this fate.
async fn send(settings: &Settings, request: Request<Body>, fate: Fate) -> Said {
    send_in_parts(settings, request, |_| fate).await
}

/// The same, with a fate for each packet by its number.
async fn send_in_parts(settings: &Settings, request: Request<Body>, fate: impl Fn(usize) -> Fate) -> Said {
    let mut source = source(settings);
    let routes = source.routes();
    let mut packets = Vec::new();
    let mut answer = Box::pin(routes.oneshot(request));
    let response = loop {
        tokio::select! {
            response = &mut answer => break response.unwrap(),
            packet = source.next() => {
                let mut packet = packet.unwrap().unwrap();
                packet.ack.take().unwrap().tell(fate(packets.len()));
                packets.push(packet);
            }
        }
    };
    let (status, retry) = (response.status(), response.headers().contains_key("retry-after"));
    let body = String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
    Said { status, body, retry, packets }
}

fn post(path: &str) -> axum::http::request::Builder {
    Request::post(path)
}

/// What a plain request is answered, and how many readings it brought.
async fn check(request: Request<Body>, status: u16, readings: usize) -> Said {
    let said = send(&Settings::default(), request, Fate::Kept).await;
    assert_eq!(said.status.as_u16(), status, "{}", said.body);
    assert_eq!(said.packets.iter().map(|packet| packet.rows.len()).sum::<usize>(), readings);
    said
}

#[tokio::test]
async fn json_is_taken_as_an_object_as_a_list_and_as_lines() {
    for (kind, body) in [
        ("application/json", r#"{"ts":5,"a":1,"b":2}"#),
        ("application/json", r#"[{"a":1},{"a":2}]"#),
        ("application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n"),
        ("text/plain; charset=utf-8", "{\"a\":1}\n{\"a\":2}\n"),
    ] {
        let request = post("/api/v1/readings").header("content-type", kind).body(body.into()).unwrap();
        let said = check(request, 204, 2).await;
        assert!(said.packets[0].declarations.len() > 1);
    }
    check(post("/api/v1/readings").body("".into()).unwrap(), 204, 0).await;
}

#[tokio::test]
async fn line_protocol_is_taken_where_influx_takes_it_in_each_precision() {
    for (path, time) in [
        ("/write?db=x", 7),
        ("/api/v2/write?org=o&bucket=b&precision=ns", 7),
        ("/write?precision=u", 7_000),
        ("/api/v2/write?precision=us", 7_000),
        ("/write?precision=ms", 7_000_000),
        ("/write?precision=s", 7_000_000_000),
    ] {
        let said = check(post(path).body("m,host=h a=1 7\n".into()).unwrap(), 204, 1).await;
        assert_eq!(said.packets[0].rows[0].time, Time(time), "{path}");
    }
    let said = check(post("/write?precision=fortnights").body("m a=1 7".into()).unwrap(), 400, 0).await;
    assert!(said.body.contains("it is ns, us, ms or s"), "{}", said.body);
}

#[tokio::test]
async fn good_lines_among_bad_ones_are_kept_and_the_bad_ones_named() {
    let body = "m a=1 1\nm a=\nm a=2 2\nm b\n";
    let said = check(post("/write").body(body.into()).unwrap(), 400, 2).await;
    let answer: serde_json::Value = serde_json::from_str(&said.body).unwrap();
    assert_eq!((answer["code"].as_str(), answer["line"].as_u64()), (Some("invalid"), Some(2)));
    assert!(answer["message"].as_str().unwrap().starts_with("partial write: 2 mistakes, first in line 2: is not line"));
    assert_eq!(answer["lines"][1]["line"], 4);
    assert_eq!(said.packets[0].rejected.len(), 2);
}

#[tokio::test]
async fn readings_put_aside_are_told_beside_the_lines_that_could_not_be_read() {
    let why = "their times lie more than 1 h ahead";
    for (body, aside, line, message) in [
        (
            "m a=1 1\nm a=2 2\n",
            1,
            0,
            "partial write: 1 reading was put aside: their times lie more than 1 h ahead; all else was kept",
        ),
        (
            "m a=1 1\nm b\nm a=2 2\n",
            2,
            2,
            "partial write: 1 mistake, first in line 2: is not line protocol: at byte 3 a name and an equals sign are missing; \
          2 readings were put aside: their times lie more than 1 h ahead; all else was kept",
        ),
    ] {
        let request = post("/write").body(body.into()).unwrap();
        let said = send(&Settings::default(), request, Fate::Partly { aside, why }).await;
        assert_eq!(said.status, StatusCode::BAD_REQUEST);
        let answer: serde_json::Value = serde_json::from_str(&said.body).unwrap();
        assert_eq!(answer["code"], "invalid");
        assert_eq!((answer["line"].as_u64(), answer["aside"].as_u64()), (Some(line), Some(aside)));
        assert_eq!(answer["message"], message);
        assert_eq!(answer["lines"].as_array().unwrap().len(), usize::from(line > 0));
    }
}

#[tokio::test]
async fn good_lines_behind_many_bad_ones_are_kept_and_the_bad_ones_counted() {
    let good = |key: u32| (0..5_000).map(move |i| format!("{{\"a\":{i},\"k\":{key}}}\n")).collect::<String>();
    let body = format!("{}{}", "{\"a\":x}\n".repeat(1_500), good(1));
    let said = check(post("/api/v1/readings").body(body.into()).unwrap(), 400, 10_000).await;
    let answer: serde_json::Value = serde_json::from_str(&said.body).unwrap();
    let message = answer["message"].as_str().unwrap();
    assert!(message.starts_with("partial write: 1500 mistakes, first in line 1: "), "{message}");
    assert!(message.ends_with("; all else was kept"), "{message}");
    let [packet] = &said.packets[..] else { panic!("{} packets", said.packets.len()) };
    assert_eq!(packet.rejected.len(), 101);
    assert_eq!(packet.rejected[100].reason, "1400 more mistakes behind this line");
    assert_eq!(packet.rejected.len() as u64 + packet.unnamed, 1_500);
    assert!(packet.rejected.iter().all(|one| one.text.len() <= 200));
    let body = format!("{}m a=1 1\n", "bad\n".repeat(1_500));
    let said = check(post("/write").body(body.into()).unwrap(), 400, 1).await;
    assert!(said.body.contains("1500 mistakes"), "{}", said.body);
}

#[tokio::test]
async fn where_nothing_can_be_told_apart_any_more_the_sender_hears_it() {
    let request = |body: &'static str| post("/api/v1/readings").body(body.into()).unwrap();
    let said = check(request("[{\"a\":1},{\"a\":],{\"a\":3}]"), 400, 1).await;
    assert!(said.body.contains("nothing behind line 2 was read; all else was kept"), "{}", said.body);
    let said = check(request("{\"a\":1}\n{\"a\":]\n7\n"), 400, 1).await;
    assert!(said.body.contains("nothing behind line 2 was read; all else was kept"), "{}", said.body);
    let said = check(request("{\"a\":1}\n{\"a\":]\n"), 400, 1).await;
    assert!(!said.body.contains("nothing behind"), "{}", said.body);
}

/// A body of 70 000 readings.
fn large(with_times: bool) -> String {
    (0..70_000).map(|i| if with_times { format!("m a={i} {i}\n") } else { format!("m a={i}\n") }).collect()
}

fn marks(said: &Said) -> Vec<u64> {
    said.packets
        .iter()
        .map(|packet| packet.mark.unwrap())
        .map(|mark| mark.compare.then_some(mark.hash).unwrap())
        .collect()
}

#[tokio::test]
async fn a_large_body_is_several_packets_and_one_answer() {
    let keyed = |key: &str| post("/write").header("idempotency-key", key).body(large(false).into()).unwrap();
    let said = check(keyed("a"), 204, 70_000).await;
    assert!(said.packets.len() > 1 && said.packets.iter().all(|packet| packet.rows.len() < 50_000));
    let values: Vec<f64> = said.packets.iter().flat_map(|packet| &packet.rows).map(|row| row.value).collect();
    assert!(values.iter().enumerate().all(|(i, &value)| value == i as f64));
    assert_eq!(said.packets.iter().map(|packet| packet.declarations.len()).sum::<usize>(), 2);

    // What is the same when it comes again is another thing in each packet and under each key.
    let first = marks(&said);
    assert_eq!(first, marks(&check(keyed("a"), 204, 70_000).await));
    let other = marks(&check(keyed("b"), 204, 70_000).await);
    let all: std::collections::HashSet<u64> = first.iter().chain(&other).copied().collect();
    assert_eq!(all.len(), first.len() + other.len());
    let small = post("/write").header("idempotency-key", "a").body("m a=1 1".into()).unwrap();
    assert_eq!(marks(&check(small, 204, 1).await), first[..1]);

    let part = |number| if number == 1 { Fate::Partly { aside: 7, why: "they are odd" } } else { Fate::Kept };
    let said = send_in_parts(&Settings::default(), keyed("a"), part).await;
    assert_eq!(said.status, StatusCode::BAD_REQUEST);
    assert!(said.body.contains("7 readings were put aside: they are odd"), "{}", said.body);
}

#[tokio::test]
async fn a_large_body_that_was_kept_in_part_may_come_again() {
    let request = |with_times| post("/write").body(large(with_times).into()).unwrap();
    let part = |number| if number == 1 { Fate::Dropped } else { Fate::Kept };
    let said = send_in_parts(&Settings::default(), request(true), part).await;
    assert_eq!((said.status, said.retry), (StatusCode::SERVICE_UNAVAILABLE, true));
    assert!(said.body.contains("a part of this request"), "{}", said.body);
    // Without a key its bytes are its mark, if they cannot mean other readings.
    assert_eq!(marks(&said), marks(&check(request(true), 204, 70_000).await));
    let said = check(request(false), 204, 70_000).await;
    assert!(said.packets.iter().all(|packet| packet.mark.is_none()));

    // The run ends between two packets.
    let mut source = source(&Settings::default());
    let answer = tokio::spawn(source.routes().oneshot(request(true)));
    source.next().await.unwrap().unwrap().ack.unwrap().tell(Fate::Kept);
    drop(source);
    assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

const FULL: Fate = Fate::Refused { why: "the disk of the journal is full" };

#[tokio::test]
async fn what_cannot_be_kept_is_told_so_with_how_much_was_kept_before() {
    let small = || post("/write").body("m a=1 1".into()).unwrap();
    let said = send(&Settings::default(), small(), FULL).await;
    assert_eq!((said.status, said.retry), (StatusCode::INSUFFICIENT_STORAGE, true));
    let message = "nothing of this request was kept: the disk of the journal is full: try again";
    let answer: serde_json::Value = serde_json::from_str(&said.body).unwrap();
    assert_eq!(answer, serde_json::json!({ "code": "unavailable", "message": message, "kept": 0 }));

    let keyed = || post("/write").header("idempotency-key", "a").body(large(false).into()).unwrap();
    let part = |number| if number == 0 { Fate::Kept } else { FULL };
    let said = send_in_parts(&Settings::default(), keyed(), part).await;
    assert_eq!((said.status, said.retry), (StatusCode::INSUFFICIENT_STORAGE, true));
    let answer: serde_json::Value = serde_json::from_str(&said.body).unwrap();
    let kept = said.packets[0].rows.len() as u64;
    assert_eq!(answer["kept"], kept);
    let parts = format!("; {kept} of its readings were kept, {} were not; ", 70_000 - kept);
    assert!(answer["message"].as_str().unwrap().contains(&parts), "{}", said.body);
    // When it comes again, what was kept is known by its mark, and the rest is kept.
    let part = |number| if number == 0 { Fate::Known } else { Fate::Kept };
    let again = send_in_parts(&Settings::default(), keyed(), part).await;
    assert_eq!((again.status, marks(&again)), (StatusCode::NO_CONTENT, marks(&said)));
    // A policy gave one up, and the disk another.
    let part = |number| [Fate::Kept, Fate::Dropped, FULL][number];
    let said = send_in_parts(&Settings::default(), keyed(), part).await;
    assert_eq!(said.status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(said.body.contains(&parts), "{}", said.body);
}

#[tokio::test]
async fn what_fits_into_one_packet_is_one() {
    let line = |i: u32| format!("m a={i},b={i}\n");
    let object = |i: u32| format!("{{\"a\":{i},\"b\":{i}}}");
    let list = (0..16_384).map(object).collect::<Vec<_>>().join(",\n");
    for (path, body) in [
        ("/write", (0..16_384).map(line).collect::<String>()),
        ("/api/v1/readings", (0..16_384).map(|i| object(i) + "\n").collect()),
        ("/api/v1/readings", format!("[{list}]")),
    ] {
        let bytes = body.len() as u64;
        let said = check(post(path).body(body.into()).unwrap(), 204, 32_768).await;
        let [packet] = &said.packets[..] else { panic!("{path}: {} packets", said.packets.len()) };
        assert!(packet.waits && packet.bytes == bytes);
    }
}

/// A body of one reading that notes when it is asked for.
fn watched(read: &Arc<AtomicBool>) -> Body {
    let read = Arc::clone(read);
    Body::new(Full::new(Bytes::from("m a=1 1")).map_frame(move |frame| {
        read.store(true, Ordering::Relaxed);
        frame
    }))
}

#[tokio::test]
async fn a_queue_that_is_full_turns_requests_away_before_they_are_read() {
    let long_ago = Instant::now().checked_sub(Duration::from_secs(1));
    let now = Some(Instant::now() + Duration::from_secs(3_600));
    let full = Pressing { level: 1.0, high_since: long_ago, retry_after: 7, waits: true, refused: None };
    let disk = Some("the disk of the journal is full");
    for (pressing, status) in [
        (full, 429),
        (Pressing { refused: disk, ..full }, 507),
        (Pressing { refused: disk, waits: false, level: 0.0, high_since: None, ..full }, 507),
        // It is full for a moment; it gives up by a policy; it is as full as it may be without a word.
        (Pressing { high_since: now, ..full }, 204),
        (Pressing { waits: false, ..full }, 204),
        (Pressing { level: 0.8, ..full }, 204),
    ] {
        let mut source = source(&Settings::default());
        let pressure = Pressure::default();
        source.heed(pressure.clone());
        pressure.set(pressing);
        let (read, routes) = (Arc::new(AtomicBool::new(false)), source.routes());
        let mut answer = Box::pin(routes.oneshot(post("/write").body(watched(&read)).unwrap()));
        let response = tokio::select! {
            response = &mut answer => response.unwrap(),
            packet = source.next() => {
                packet.unwrap().unwrap().ack.unwrap().tell(Fate::Kept);
                answer.await.unwrap()
            }
        };
        assert_eq!(response.status().as_u16(), status, "{pressing:?}");
        let taken = status == 204;
        assert_eq!(read.load(Ordering::Relaxed), taken);
        assert_eq!(source.turned_away(), u64::from(!taken));
        if !taken {
            assert_eq!(response.headers()["retry-after"], "7");
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let said = match pressing.refused {
                None => ("too many requests", "the queue is nearly full: nothing of this request was read: try again"),
                Some(_) => {
                    ("unavailable", "nothing of this request was read: the disk of the journal is full: try again")
                }
            };
            assert_eq!((body["code"].as_str().unwrap(), body["message"].as_str().unwrap()), said);
        }
    }
}

#[tokio::test]
async fn a_queue_that_fills_turns_a_growing_share_away() {
    let mut source = source(&Settings::default());
    let (pressure, routes) = (Pressure::default(), source.routes());
    source.heed(pressure.clone());
    let high_since = Instant::now().checked_sub(Duration::from_secs(1));
    let mut away = Vec::new();
    for level in [0.8, 0.85, 0.9, 0.95, 1.0] {
        pressure.set(Pressing { level, high_since, retry_after: 1, waits: true, refused: None });
        let mut count = 0;
        for _ in 0..200 {
            // An empty body becomes no packet, so its answer waits for the decoder alone.
            let mut answer = Box::pin(routes.clone().oneshot(post("/write").body(Body::empty()).unwrap()));
            let response = tokio::select! {
                response = &mut answer => response.unwrap(),
                _ = source.next() => unreachable!("there is no packet"),
            };
            count += u64::from(response.status() == StatusCode::TOO_MANY_REQUESTS);
        }
        away.push(count);
    }
    assert!(away.is_sorted() && away[0] == 0 && away[4] == 200, "{away:?}");
    assert!(away[1].abs_diff(50) < 25 && away[2].abs_diff(100) < 25 && away[3].abs_diff(150) < 25, "{away:?}");
    assert_eq!(source.turned_away(), away.iter().sum::<u64>());
}

#[tokio::test]
async fn a_million_made_up_devices_take_no_room_and_nothing_from_those_that_are_known() {
    const LIMIT: usize = 1_000;
    let mut source = source(&Settings::default());
    source.limit(LIMIT);
    let routes = source.routes();
    let (mut devices, mut known, mut rejected) = (0, 0, 0);
    for part in 0..20 {
        let body: String = (0..50_000)
            .map(|i| if i % 100 == 0 { format!("m,device=d0 a={i}\n") } else { format!("m,device=d{part}-{i} a=1\n") })
            .collect();
        let mut answer = Box::pin(routes.clone().oneshot(post("/write").body(Body::from(body)).unwrap()));
        let response = loop {
            tokio::select! {
                response = &mut answer => break response.unwrap(),
                packet = source.next() => {
                    let mut packet = packet.unwrap().unwrap();
                    let new = packet.declarations.iter().filter(|one| matches!(one, Declaration::Device { .. }));
                    devices += new.count();
                    known += packet.rows.len();
                    rejected += packet.rejected.len() as u64 + packet.unnamed;
                    packet.ack.take().unwrap().tell(Fate::Kept);
                }
            }
        };
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let reason = body["lines"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("is over the cardinality limit: there are 1000 devices already"), "{reason}");
        assert!(part == 0 || reason.contains(&format!("device \"d{part}-1\"")), "{reason}");
    }
    assert_eq!(devices, LIMIT);
    // The one that was known goes on, and so do those that came before the limit.
    assert_eq!((known, rejected), (20 * 500 + LIMIT - 1, 20 * 49_500 - (LIMIT as u64 - 1)));
}

#[tokio::test]
async fn a_body_may_be_packed_but_not_without_end() {
    let pack = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let request = |body: Vec<u8>| post("/write").header("content-encoding", "gzip").body(body.into()).unwrap();
    check(request(pack(b"m a=1 1\nm a=2 2\n")), 204, 2).await;
    // A thousandth of what it becomes.
    let said = check(request(pack(&vec![b'\n'; 80 << 20])), 413, 0).await;
    assert!(said.body.contains("unpacks to more than 64 MiB"), "{}", said.body);
    let said = check(request(b"m a=1 1".to_vec()), 400, 0).await;
    assert!(said.body.contains("is not gzip"), "{}", said.body);
    let brotli = post("/write").header("content-encoding", "br").body("x".into()).unwrap();
    check(brotli, 415, 0).await;
}

#[tokio::test]
async fn what_is_too_large_or_of_another_form_is_refused() {
    let small = Settings { body_max: 1 << 10, ..Settings::default() };
    let said = send(&small, post("/write").body("x".repeat(2_000).into()).unwrap(), Fate::Kept).await;
    assert_eq!(said.status, StatusCode::PAYLOAD_TOO_LARGE);
    let said_so = post("/write").header("content-length", "2000").body(Body::empty()).unwrap();
    assert_eq!(send(&small, said_so, Fate::Kept).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let xml = post("/api/v1/readings").header("content-type", "application/xml").body("<a/>".into()).unwrap();
    let said = check(xml, 415, 0).await;
    assert!(said.body.contains("not application/xml"), "{}", said.body);
}

#[tokio::test]
async fn who_is_given_up_is_asked_to_come_again() {
    let request = || post("/write").body("m a=1 1".into()).unwrap();
    let said = send(&Settings::default(), request(), Fate::Dropped).await;
    assert_eq!((said.status, said.retry), (StatusCode::SERVICE_UNAVAILABLE, true));
    assert_eq!(send(&Settings::default(), request(), Fate::Known).await.status, StatusCode::NO_CONTENT);

    // The run ends before the packet is kept: its answer is dropped with it.
    let mut source = source(&Settings::default());
    let answer = tokio::spawn(source.routes().oneshot(request()));
    drop(source.next().await.unwrap().unwrap());
    assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn an_idempotency_key_is_the_mark_of_its_packet() {
    let mut marks = Vec::new();
    for key in ["a", "a", "b"] {
        let request = post("/write").header("Idempotency-Key", key).body("m a=1 1".into()).unwrap();
        let said = check(request, 204, 1).await;
        marks.push(said.packets[0].mark.unwrap());
    }
    assert!(marks[0] == marks[1] && marks[0] != marks[2] && marks[0].compare);
    let said = check(post("/write").body("m a=1 1".into()).unwrap(), 204, 1).await;
    assert_eq!(said.packets[0].mark, None);
}

#[tokio::test]
async fn a_key_is_asked_of_everybody_and_pages_are_kept_out_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "sesame\n").unwrap();
    let locked = Settings { key: Some(Secret::File(path)), ..Settings::default() };
    let request =
        |header: &str, value: &str, path: &str| post(path).header(header, value).body("m a=1 1".into()).unwrap();
    for (request, status) in [
        (request("authorization", "Bearer sesame", "/write"), 204),
        (request("authorization", "Token sesame", "/api/v2/write"), 204),
        (request("x", "y", "/write?u=me&p=sesame"), 204),
        (request("authorization", "Bearer sesamf", "/write"), 401),
        (request("authorization", "Basic sesame", "/write"), 401),
        (request("x", "y", "/write"), 401),
    ] {
        assert_eq!(send(&locked, request, Fate::Kept).await.status.as_u16(), status);
    }
    check(request("origin", "http://example.com", "/write"), 403, 0).await;
}

#[tokio::test]
async fn it_listens_at_an_address_of_its_own() {
    let mut source = source(&Settings::default());
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let at = listener.local_addr().unwrap();
    assert!(listen(at).await.unwrap_err().what.contains("another program listens there"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, source.routes(), async move { drop(stopped.await) }));
    let sender = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
        let request = "POST /write HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 7\r\n\r\nm a=1 1";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    let packet = source.next().await.unwrap().unwrap();
    packet.ack.unwrap().tell(Fate::Kept);
    assert!(sender.await.unwrap().starts_with("HTTP/1.1 204"));
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

proptest! {
    #[test]
    fn any_body_gets_an_answer(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        path in prop_oneof![Just("/api/v1/readings"), Just("/write"), Just("/write?precision=s")],
        gzip in any::<bool>(),
    ) {
        let mut request = post(path);
        if gzip {
            request = request.header("content-encoding", "gzip");
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let settings = Settings { format: FormatHints::default(), ..Settings::default() };
        let said = runtime.block_on(send(&settings, request.body(body.into()).unwrap(), Fate::Kept));
        prop_assert!(matches!(said.status.as_u16(), 204 | 400), "{}", said.status);
    }
}
