//! The live stream: what comes at once, what waits, what is held, and what nobody may miss.

use crate::bench::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use ouzel_engine::output::{Severity, State};
use ouzel_engine::time::Span;
use ouzel_server::ServerSettings;
use serde_json::json;
use std::time::Duration;

const TENTH: Duration = Duration::from_millis(100);

async fn ack(bench: &Bench, live: &Live, seq: u64) {
    let path = format!("/api/v1/stream/{}/ack", live.cid);
    let body = format!("{{\"seq\":{seq},\"lag_ms\":12.5,\"drawn\":{seq}}}");
    assert_eq!(bench.post(&path, &body).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_with_hello_and_how_things_are() {
    let mut bench = Bench::begun().await;
    bench.play(&[(0, START, 21.5)], vec![alert(0, START, State::Firing)]).await;
    let mut live = bench.stream("", None).await;
    let hello = live.next().await;
    let expected =
        json!({ "v": 1, "boot": "boot1", "cid": "c1", "now": START_US, "hz": 10.0, "gap": false, "series": 3 });
    assert_eq!(hello.data, expected);
    let sync = live.until("sync").await;
    assert_eq!(sync.data["series"], json!([{ "s": 0, "t": START_US, "v": 21.5 }]));
    assert_eq!(sync.data["alerts"][0]["alert"], "hot");
    assert_eq!(sync.data["lanes"]["width"], 10_000_000);
    assert_eq!(sync.data["kpi"]["devices"], json!({ "ok": 1, "warning": 0, "critical": 1, "stale": 0 }));
}

#[tokio::test(start_paused = true)]
async fn the_first_reading_after_a_pause_comes_at_once_and_the_next_ones_share_a_frame() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("topics=frame&hz=10&series=0,2", None).await;
    live.until("sync").await;
    let before = tokio::time::Instant::now();
    bench.play(&[(0, START, 1.0)], vec![]).await;
    let frame = live.until("frame").await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(frame.data["v"], json!([1]));
    bench.play(&[(0, START + Span::from_millis(1), 2.0), (1, START, 9.0), (4, START, 9.0)], vec![]).await;
    bench.play(&[(2, START, 200.0)], vec![]).await;
    bench.expect(0, 20.0, f64::INFINITY).await;
    let frame = live.until("frame").await;
    assert_eq!(before.elapsed(), TENTH);
    // The derived series and the one nobody chose are not told; 200 °C is not plausible.
    assert_eq!(
        (&frame.data["s"], &frame.data["v"], &frame.data["f"]),
        (&json!([0, 2]), &json!([2, 200]), &json!([0, 4]))
    );
    assert_eq!((&frame.data["t0"], &frame.data["t"]), (&json!(START_US + 1_000), &json!([0, -1_000])));
    assert_eq!(frame.data["band"], json!({ "s": [0], "low": [20], "high": [null] }));
    assert_eq!(frame.id, format!("boot1-{}", frame.data["seq"]));
}

#[tokio::test(start_paused = true)]
async fn an_anomaly_is_a_flag_a_mark_a_cell_and_an_alert() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("", None).await;
    live.until("sync").await;
    let what = vec![found(anomaly(0, START, Severity::Critical)), alert(0, START, State::Firing)];
    bench.play(&[(0, START, 27.8)], what).await;
    let events = live.within(Duration::from_millis(500)).await;
    let of = |name: &str| &events.iter().find(|event| event.name == name).unwrap_or_else(|| panic!("no {name}")).data;
    assert_eq!(of("frame")["f"], json!([2]));
    assert_eq!(
        (&of("mark")["s"], &of("mark")["kind"], &of("mark")["value"]),
        (&json!(0), &json!("zscore"), &json!(27.8))
    );
    assert_eq!(
        of("lane"),
        &json!({ "t": START_US, "width": 10_000_000, "all": 2, "s": [0], "level": [2], "count": [1] })
    );
    assert_eq!((&of("alert")["state"], &of("alert")["s"]), (&json!("firing"), &json!(0)));
    let order: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(order, ["mark", "alert", "lane", "frame"]);
}

#[tokio::test(start_paused = true)]
async fn trouble_of_a_derived_channel_is_shown_at_the_readings_it_is_made_of() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("", None).await;
    bench.play(&[], vec![found(anomaly(3, START, Severity::Warning))]).await;
    assert_eq!(live.until("mark").await.data["s"], 2);
}

#[tokio::test(start_paused = true)]
async fn new_names_are_told_before_their_readings() {
    let mut bench = Bench::new();
    let mut live = bench.stream("topics=frame", None).await;
    live.until("sync").await;
    bench.declare().await;
    bench.play(&[(0, START, 1.0)], vec![]).await;
    let names = live.next().await;
    assert_eq!(names.name, "names");
    assert_eq!(
        names.data["channels"],
        json!([
            { "name": "temperature", "unit": "°C", "range": [-40.0, 125.0] },
            { "name": "x.y", "unit": "", "range": null },
        ])
    );
    let series: Vec<_> = names.data["series"].as_array().unwrap().iter().map(|s| s["s"].as_u64().unwrap()).collect();
    assert_eq!(series, [0, 2, 4]);
    assert_eq!(live.next().await.name, "frame");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_acknowledge_gets_twenty_frames_at_most_and_slows_nobody() {
    let mut bench = Bench::begun().await;
    let mut slow = bench.stream("topics=frame,alert", None).await;
    let mut quick = bench.stream("topics=frame,alert", None).await;
    slow.until("sync").await;
    quick.until("sync").await;
    let (mut to_quick, mut lag_seen) = (0, false);
    let mut to_slow = Vec::new();
    for tenth in 0..50 {
        bench.play(&[(0, START + Span::from_millis(100 * tenth), tenth as f64)], vec![]).await;
        for event in quick.within(TENTH).await {
            assert_eq!(event.name, "frame");
            to_quick += 1;
            ack(&bench, &quick, event.data["seq"].as_u64().unwrap()).await;
        }
        to_slow.extend(slow.within(Duration::ZERO).await);
        lag_seen |= to_slow.iter().any(|event| event.name == "lag");
    }
    assert_eq!(to_quick, 50);
    assert!(lag_seen);
    let frames = to_slow.iter().filter(|event| event.name == "frame").count();
    assert!((10..=20).contains(&frames), "{frames}");
    assert_eq!(to_slow.iter().filter(|event| event.name == "lag").count(), 1);

    // Alerts and marks go on while frames are held.
    bench.play(&[], vec![alert(0, START, State::Firing)]).await;
    assert_eq!(slow.next().await.name, "alert");

    let view = bench.get("/api/v1/pipeline").await.good();
    assert_eq!((&view["clients"][0]["lagging"], &view["clients"][1]["lagging"]), (&json!(true), &json!(false)));

    // At the next acknowledgement: how things are now, once, and then frames again.
    let last = to_slow.iter().rev().find(|event| event.name == "frame").unwrap().data["seq"].as_u64().unwrap();
    ack(&bench, &slow, last).await;
    let sync = slow.next().await;
    assert_eq!((sync.name.as_str(), &sync.data["series"][0]["v"]), ("sync", &json!(49.0)));
    bench.play(&[(0, START + Span::from_secs(10), 99.0)], vec![]).await;
    let frame = slow.next().await;
    assert_eq!((frame.name.as_str(), &frame.data["v"]), ("frame", &json!([99])));
    assert_eq!(frame.data["skipped"], 50 - frames);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_for_half_a_minute_is_told_goodbye() {
    let bench = Bench::begun().await;
    let mut live = bench.stream("topics=frame", None).await;
    let mut alerts_only = bench.stream("topics=alert", None).await;
    let bye = live.until("bye").await;
    assert_eq!(bye.data, json!({ "why": "too_slow", "retry": 3_000 }));
    assert!(live.try_next().await.is_none());
    alerts_only.until("sync").await;
    assert_eq!(alerts_only.within(Duration::from_secs(60)).await.len(), 0);
    let error =
        bench.post(&format!("/api/v1/stream/{}/ack", live.cid), "{\"seq\":1}").await.error(StatusCode::NOT_FOUND);
    assert_eq!(error, "there is no live stream `c1`; open one at /api/v1/stream");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_never_reads_has_a_bounded_mailbox_and_still_misses_no_alert() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("topics=alert,kpi", None).await;
    for second in 0..200 {
        bench.play(&[], vec![alert(0, START + Span::from_secs(second), State::Firing)]).await;
    }
    tokio::time::sleep(Duration::from_secs(100)).await;
    let events = live.within(Duration::from_secs(3)).await;
    let alerts = events.iter().filter(|event| event.name == "alert").count();
    assert_eq!(alerts, 200);
    assert!(events.iter().filter(|event| event.name == "kpi").count() < 20);
    let ids: Vec<u64> = events.iter().map(|event| event.id.rsplit_once('-').unwrap().1.parse().unwrap()).collect();
    assert!(ids.is_sorted(), "whoever resumes after an id must have all before it");
}

#[tokio::test(start_paused = true)]
async fn alerts_and_marks_after_the_last_event_are_told_again() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("", None).await;
    bench.play(&[], vec![alert(0, START, State::Firing)]).await;
    let last = live.until("alert").await.id;
    drop(live);
    let later = START + Span::from_secs(1);
    bench.play(&[], vec![found(anomaly(0, later, Severity::Warning)), alert(2, later, State::Firing)]).await;
    let mut live = bench.stream("topics=frame,alert", Some(&last)).await;
    let hello = live.next().await;
    assert_eq!((&hello.data["gap"], &hello.id), (&json!(false), &last));
    let names: Vec<String> = live.within(Duration::from_millis(1)).await.into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["mark", "alert", "sync"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_and_a_forgotten_past_are_gaps() {
    let mut bench = Bench::with("boot2", ServerSettings::default());
    bench.declare().await;
    let mut live = bench.stream("", Some("boot1-7")).await;
    let hello = live.next().await;
    assert_eq!((&hello.data["gap"], &hello.data["boot"]), (&json!(true), &json!("boot2")));
    assert_eq!(live.next().await.name, "sync");
    for second in 0..1_002 {
        bench.play(&[], vec![found(anomaly(0, START + Span::from_secs(second), Severity::Warning))]).await;
    }
    let mut live = bench.stream("", Some("boot2-0")).await;
    assert_eq!(live.next().await.data["gap"], true);
    assert_eq!(live.next().await.name, "sync");
}

#[tokio::test(start_paused = true)]
async fn what_the_journal_held_is_known_and_not_told_as_news() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("", None).await;
    live.until("sync").await;
    let what = vec![found(anomaly(0, START, Severity::Warning)), alert(0, START, State::Firing)];
    let past = ouzel_pipeline::step::Step { past: true, ..bench.step(&[(0, START, 1.0)], what) };
    bench.send(past).await;
    assert_eq!(bench.get("/api/v1/alerts?state=open").await.good()["alerts"].as_array().unwrap().len(), 1);
    let news = live.within(Duration::from_millis(900)).await;
    assert!(news.iter().all(|event| event.name == "kpi"), "{news:?}");
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_sixty_four_and_the_next_is_told_so() {
    let bench = Bench::begun().await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(bench.stream("", None).await);
    }
    let full = bench.get("/api/v1/stream").await;
    assert_eq!(full.headers["retry-after"], "3");
    let error = full.error(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(error, "64 live streams are open, the most there may be; close one and try again");
    open.pop();
    bench.stream("", None).await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_readings_is_told_by_the_newest_of_each_series() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("topics=frame", None).await;
    live.until("sync").await;
    let flood: Vec<_> = (0..9_000).map(|n| (if n % 2 == 0 { 0 } else { 2 }, START + Span(n), n as f64)).collect();
    bench.play(&flood, vec![]).await;
    let frame = live.until("frame").await;
    assert_eq!(frame.data["v"], json!([8998, 8999]));
}

#[tokio::test(start_paused = true)]
async fn figures_come_every_second_and_the_clock_can_be_moved() {
    let mut bench = Bench::begun().await;
    bench.play(&[(0, START, 1.0)], vec![]).await;
    let mut live = bench.stream("topics=kpi", None).await;
    live.until("kpi").await;
    bench.counters.worked.add(1_000);
    assert_eq!(
        bench.post("/api/v1/test/advance", "{\"ms\":2000}").await.good(),
        json!({ "now": START_US + 2_000_000 })
    );
    live.until("kpi").await;
    let kpi = live.until("kpi").await.data;
    assert_eq!((&kpi["readings"], &kpi["rate"], &kpi["clients"]), (&json!(1_000), &json!(500.0), &json!(1)));
    assert_eq!(kpi["p50_ms"], json!(null));
}

#[tokio::test]
async fn wishes_that_cannot_be_met_are_said() {
    let bench = Bench::begun().await;
    for (query, error) in [
        ("topics=frame,weather", "`topics` cannot have `weather`; there are frame, kpi, alert and lane"),
        ("hz=0", "`hz` cannot be `0`; write a number from 0.1 to 30"),
        ("hz=NaN", "`hz` cannot be `NaN`; write a number from 0.1 to 30"),
        ("series=-1", "`series` cannot have `-1`; write numbers from /api/v1/meta"),
    ] {
        assert_eq!(bench.get(&format!("/api/v1/stream?{query}")).await.error(StatusCode::BAD_REQUEST), error);
    }
    for body in ["", "{}", "{\"seq\":-1}", "[]"] {
        let request =
            Request::post("/api/v1/stream/c1/ack").header("host", "localhost").body(Body::from(body)).unwrap();
        assert_eq!(bench.request(request).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
}
