//! Every question of the API, and what it is answered.

use crate::bench::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use ouzel_engine::feature::Made;
use ouzel_engine::output::{Severity, State};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::control::Order;
use ouzel_pipeline::counted::{FeatureCount, FilterCount, JoinCount};
use ouzel_pipeline::counters::Quarantined;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use tower::ServiceExt;

fn seconds(seconds: i64) -> Span {
    Span::from_secs(seconds)
}

#[tokio::test]
async fn meta_names_what_people_see_and_no_derived_series() {
    let bench = Bench::begun().await;
    let meta = bench.get("/api/v1/meta").await.good();
    let series = |s: u32, device: &str, channel: &str| json!({ "s": s, "device": device, "channel": channel, "tags": { "location": "lab" } });
    assert_eq!(
        meta,
        json!({
            "v": 1, "boot": "boot1", "version": env!("CARGO_PKG_VERSION"), "name": "demo", "now": START_US, "write": true,
            "channels": [
                { "name": "temperature", "unit": "°C", "range": [-40.0, 125.0] },
                { "name": "x.y", "unit": "", "range": null },
            ],
            "series": [series(0, "lab-1", "temperature"), series(2, "lab-2", "temperature"), series(4, "lab-1", "x.y")],
            "detectors": [{ "name": "spike", "type": "zscore" }, { "name": "drift", "type": "threshold" }],
            "more": false,
        })
    );
}

#[tokio::test]
async fn devices_are_found_by_name_and_tag_and_say_how_they_are() {
    let mut bench = Bench::begun().await;
    for second in 0..30 {
        bench.clock.advance(seconds(1));
        bench.play(&[(0, START + seconds(second), 20.5)], vec![]).await;
        bench.settle().await;
    }
    bench.play(&[], vec![alert(2, START, State::Firing)]).await;
    let page = bench.get("/api/v1/devices").await.good();
    assert_eq!(page["total"], 2);
    let lab = &page["devices"][0];
    assert_eq!(
        (&lab["device"], &lab["state"], &lab["last"]),
        (&json!("lab-1"), &json!("ok"), &json!(START_US + 29_000_000))
    );
    assert_eq!(
        lab["series"][0],
        json!({ "s": 0, "channel": "temperature", "value": 20.5, "time": START_US + 29_000_000, "rate": 1.0 })
    );
    assert_eq!(page["devices"][1]["state"], "critical");
    bench.clock.advance(seconds(10));
    let page = bench.get("/api/v1/devices?search=LAB-1").await.good();
    assert_eq!(
        (&page["total"], &page["devices"][0]["state"], &page["devices"][0]["series"][0]["rate"]),
        (&json!(1), &json!("stale"), &json!(0.0))
    );
    bench.clock.advance(seconds(30));
    assert_eq!(bench.get("/api/v1/devices?limit=1").await.good()["devices"][0]["state"], "silent");
    assert_eq!(bench.get("/api/v1/devices?search=location").await.good()["total"], 0);
    assert_eq!(bench.get("/api/v1/devices?search=lab&offset=2").await.good(), json!({ "total": 2, "devices": [] }));
}

#[tokio::test]
async fn a_chart_has_its_points_band_and_anomalies() {
    let mut bench = Bench::begun().await;
    for tenth in 0..20 {
        let time = START + Span::from_millis(100 * tenth);
        bench.history.put(tenth as u64, "lab-1", "temperature", time, tenth as f64);
        bench.play(&[(0, time, tenth as f64)], vec![]).await;
    }
    bench.expect(0, 18.0, f64::INFINITY).await;
    bench
        .play(
            &[],
            vec![
                found(anomaly(0, START + seconds(1), Severity::Warning)),
                found(anomaly(1, START, Severity::Critical)),
            ],
        )
        .await;
    bench.clock.advance(seconds(2));
    let path = format!("/api/v1/series?series=0&from={START_US}&to=now&px=100");
    let chart = bench.get(&path).await.good();
    assert_eq!(
        (&chart["from"], &chart["to"], &chart["tier"]),
        (&json!(START_US), &json!(START_US + 2_000_000), &json!("raw"))
    );
    let line = &chart["series"][0];
    assert_eq!(
        (&line["s"], &line["t"][1], &line["v"][1], &line["v"][20]),
        (&json!(0), &json!(START_US + 100_000), &json!(1.0), &json!(null))
    );
    assert_eq!(
        line["band"],
        json!({ "t": [START_US, START_US + 2_000_000], "low": [18.0, 18.0], "high": [null, null] })
    );
    let found: Vec<(&Value, &Value)> =
        line["anomalies"].as_array().unwrap().iter().map(|a| (&a["detector"], &a["severity"])).collect();
    assert_eq!(found, [(&json!("spike"), &json!("warning")), (&json!("drift"), &json!("critical"))]);
    assert!(line.get("min").is_none());
    // Ten readings a second, two pixels are 40 ms: five usual gaps are the larger.
    let (tier, gap, pins) = bench.history.asked.lock().unwrap()[0];
    assert!((0.49..0.51).contains(&gap) && tier == "raw" && pins == 2, "{gap} {tier} {pins}");

    bench.get("/api/v1/series?device=lab-1&channel=temperature&from=-30d&px=1480").await.good();
    assert_eq!(bench.history.asked.lock().unwrap()[1].0, "10m");
    let error = bench.get("/api/v1/series?series=0,1").await.error(StatusCode::NOT_FOUND);
    assert_eq!(error, "there is no series 1; /api/v1/meta lists them");
    assert_eq!(bench.get("/api/v1/series?device=nobody").await.good()["series"], json!([]));
}

#[tokio::test]
async fn anomalies_from_before_the_start_are_asked_of_the_past() {
    let mut bench = Bench::begun().await;
    let old = "{\"id\":\"00\",\"detector\":\"spike\",\"device\":\"lab-1\",\"channel\":\"temperature\",\
               \"time\":\"2025-11-21T05:59:00Z\",\"value\":30.5,\"kind\":\"zscore\",\"severity\":\"warning\"}";
    bench.history.anomalies.lock().unwrap().push(old.to_owned());
    bench.play(&[], vec![found(anomaly(0, START, Severity::Critical))]).await;
    bench.clock.advance(seconds(1));
    let chart = bench.get("/api/v1/series?series=0").await.good();
    let times: Vec<i64> =
        chart["series"][0]["anomalies"].as_array().unwrap().iter().map(|a| a["t"].as_i64().unwrap()).collect();
    assert_eq!(times, [START_US - 60_000_000, START_US]);
    let of = |page: &Value| {
        page["anomalies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["severity"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&bench.get("/api/v1/anomalies").await.good()), ["critical", "warning"]);
    assert_eq!(of(&bench.get("/api/v1/anomalies?severity=warning").await.good()), ["warning"]);
    assert_eq!(of(&bench.get(&format!("/api/v1/anomalies?from={START_US}")).await.good()), ["critical"]);
    assert_eq!(of(&bench.get("/api/v1/anomalies?limit=1").await.good()), ["critical"]);
    assert_eq!(bench.get("/api/v1/anomalies?severity=bad").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(bench.get("/api/v1/aggregates").await.good(), json!({ "aggregates": [{ "window": "minute" }] }));
}

#[tokio::test]
async fn readings_come_latest_first_from_memory_and_from_the_past() {
    let mut bench = Bench::begun().await;
    bench.history.put(900, "lab-1", "temperature", START - seconds(5), 1.0);
    bench.play(&[(0, START, 2.0), (2, START, 300.0), (0, START + seconds(1), 3.0)], vec![]).await;
    bench.clock.advance(seconds(2));
    let all = bench.get("/api/v1/readings?limit=10&from=-60s").await.good();
    let values: Vec<f64> = all["readings"].as_array().unwrap().iter().map(|r| r["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [3.0, 300.0, 2.0, 1.0]);
    assert_eq!(
        all["readings"][1],
        json!({ "seq": 1, "s": 2, "device": "lab-2", "channel": "temperature", "t": START_US, "value": 300.0, "quality": "out_of_range", "late": false })
    );
    let one = bench.get("/api/v1/readings?series=0&limit=2").await.good();
    assert_eq!(one["readings"].as_array().unwrap().len(), 2);
    let one = bench.get("/api/v1/readings?device=lab-2").await.good();
    assert_eq!(one["readings"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_table_has_every_reading() {
    let bench = Bench::begun().await;
    bench.history.put(0, "lab-1", "temperature", START - seconds(5), 1.5);
    bench.history.put(1, "lab-2", "temperature", START - seconds(4), 2.0);
    let of = |query: &str| {
        let request =
            Request::get(format!("/api/v1/series{query}")).header("host", "localhost").header("accept", "text/csv");
        request.body(Body::empty()).unwrap()
    };
    let answer = bench.request(of("?channel=temperature")).await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    let lines = "device,channel,time,value\nlab-1,temperature,2025-11-21T05:59:55Z,1.5\nlab-2,temperature,2025-11-21T05:59:56Z,2\n";
    assert_eq!(answer.text(), lines);
    assert_eq!(bench.request(of("?device=nobody")).await.text(), "device,channel,time,value\n");
}

#[tokio::test]
async fn an_alert_is_acknowledged_and_silenced_through_the_journal() {
    let mut bench = Bench::begun().await;
    bench.play(&[], vec![alert(0, START, State::Firing)]).await;
    let alerts = bench.get("/api/v1/alerts?state=open").await.good();
    let mut expected = json!({
        "id": alerts["alerts"][0]["id"], "alert": "hot", "s": 0, "device": "lab-1", "channel": "temperature", "state": "firing",
        "severity": "critical", "since": START_US, "time": START_US, "cleared": null, "count": 1, "kind": "zscore",
        "detector": "spike", "value": 27.8, "expected": 22.5, "score": 4.4, "threshold": 26.1,
        "message": "temperature of lab-1 is 27.8 °C, 4.4 standard deviations above its usual 22.5 °C",
        "acknowledged": null, "silenced_until": null,
    });
    assert_eq!(alerts, json!({ "alerts": [expected] }));
    let id = alerts["alerts"][0]["id"].as_str().unwrap().to_owned();

    let mut live = bench.stream("topics=alert", None).await;
    live.until("sync").await;
    bench.clock.advance(seconds(1));
    let answer =
        bench.post(&format!("/api/v1/alerts/{id}/acknowledge"), "{\"note\":\"on my way\",\"by\":\"ann\"}").await.good();
    expected["acknowledged"] = json!({ "at": START_US + 1_000_000, "by": "ann", "note": "on my way" });
    assert_eq!(answer, expected);
    assert_eq!(live.next().await.data, expected);
    let said = bench.said.lock().unwrap()[0].clone();
    assert_eq!(
        (said.by.as_str(), &said.what),
        ("ann", &Order::Acknowledge { alert: id.clone(), note: "on my way".into() })
    );

    let answer = bench.post(&format!("/api/v1/alerts/{id}/silence"), "{\"for\":\"1h\"}").await.good();
    expected["silenced_until"] = json!(START_US + 3_601_000_000i64);
    assert_eq!((&answer, &live.next().await.data), (&expected, &expected));

    // The step that brings the same words is no news; one with others is.
    let controls = bench.said.lock().unwrap().clone();
    bench.send(ouzel_pipeline::step::Step { controls, ..bench.step(&[], vec![]) }).await;
    bench.play(&[], vec![alert(0, START, State::Cleared)]).await;
    let cleared = live.next().await.data;
    assert_eq!(
        (&cleared["state"], &cleared["cleared"], &cleared["acknowledged"]["by"]),
        (&json!("cleared"), &json!(START_US + 60_000_000), &json!("ann"))
    );
    assert_eq!(cleared["id"], id);
    assert_eq!(bench.get("/api/v1/alerts?state=open").await.good(), json!({ "alerts": [] }));
    assert_eq!(bench.get("/api/v1/alerts").await.good()["alerts"][0]["state"], "cleared");
    let over = bench.post(&format!("/api/v1/alerts/{id}/acknowledge"), "").await.error(StatusCode::CONFLICT);
    assert_eq!(over, "this alert is over; nothing is left to do");
}

#[tokio::test]
async fn words_about_alerts_that_cannot_be_heeded_are_refused() {
    let mut bench = Bench::begun().await;
    bench.play(&[], vec![alert(0, START, State::Firing)]).await;
    let id = bench.get("/api/v1/alerts").await.good()["alerts"][0]["id"].as_str().unwrap().to_owned();
    for unknown in ["x", "00000000000000000000000000000000", "%00"] {
        let error = bench.post(&format!("/api/v1/alerts/{unknown}/acknowledge"), "").await.error(StatusCode::NOT_FOUND);
        assert_eq!(error, "there is no such alert; /api/v1/alerts lists them");
    }
    for (body, error) in [
        ("", "say for how long: {\"for\":\"1h\"}"),
        ("{}", "the body should look like {\"for\":\"1h\"}"),
        ("{\"for\":\"1\"}", "`for`: `1` has no unit: write \"1s\", \"1ms\" or \"1m\""),
        ("{\"for\":\"0s\"}", "`for` cannot be 0s; write more than nothing and at most 366d"),
        ("{\"for\":\"90000d\"}", "`for` cannot be 90000d; write more than nothing and at most 366d"),
    ] {
        assert_eq!(
            bench.post(&format!("/api/v1/alerts/{id}/silence"), body).await.error(StatusCode::BAD_REQUEST),
            error
        );
    }
    let long = format!("{{\"note\":\"{}\"}}", "x".repeat(2_001));
    bench.post(&format!("/api/v1/alerts/{id}/acknowledge"), &long).await.error(StatusCode::BAD_REQUEST);
    assert!(bench.said.lock().unwrap().is_empty());
    assert_eq!(bench.get("/api/v1/alerts?state=closed").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn lanes_show_where_there_was_trouble() {
    let mut bench = Bench::begun().await;
    let what =
        vec![found(anomaly(0, START, Severity::Critical)), found(anomaly(3, START + seconds(25), Severity::Warning))];
    bench.play(&[], what).await;
    bench.clock.advance(seconds(40));
    let lanes = bench.get(&format!("/api/v1/lanes?from={START_US}&buckets=4")).await.good();
    assert_eq!(
        lanes,
        json!({
            "from": START_US, "to": START_US + 40_000_000, "width": 10_000_000, "all": [2, 0, 1, 0],
            "series": [{ "s": 0, "cells": [[0, 2, 1]] }, { "s": 2, "cells": [[2, 1, 1]] }],
        })
    );
}

#[tokio::test]
async fn the_pipeline_is_told_by_its_counters() {
    let bench = Bench::begun().await;
    bench.counters.sources[0].received.add(7);
    bench.counters.journalled.add(7);
    bench.counters.latency.record(std::time::Duration::from_millis(3), 1);
    let page = bench.get("/api/v1/pipeline").await.good();
    for name in [
        "now",
        "boot",
        "started",
        "sources",
        "sinks",
        "journal",
        "journalled",
        "worked",
        "late",
        "aggregates",
        "anomalies",
        "alerts",
        "firing",
        "devices",
        "series",
        "latency",
        "lake",
        "stages",
        "outputs",
        "checkpoints",
        "written",
        "troubles",
        "full",
        "clocks",
        "unread",
        "unseen",
        "clients",
        "memory_bytes",
    ] {
        assert!(page.get(name).is_some(), "{name}");
    }
    assert_eq!((&page["sources"][0]["received"], &page["sources"][0]["last"]), (&json!(7), &json!(null)));
    assert_eq!(page["journal"]["sync_p99_ms"], json!(null));
    let p99 = page["latency"]["p99_ms"].as_f64().unwrap();
    assert!((3.0..3.7).contains(&p99), "{p99}");
}

#[tokio::test]
async fn it_is_ready_when_sources_are_connected_and_something_happens() {
    let mut bench = Bench::new();
    assert_eq!(bench.get("/healthz").await.text(), "ok");
    let not = bench.get("/readyz").await;
    assert_eq!(not.status, StatusCode::SERVICE_UNAVAILABLE);
    let waiting = ["source `floor` is not connected", "the journal of the last run is still being read"];
    assert_eq!(not.json(), json!({ "ready": false, "waiting": waiting }));
    bench.counters.sources[0].connected.store(true, Ordering::Relaxed);
    bench.declare().await;
    assert_eq!(bench.get("/readyz").await.good(), json!({ "ready": true, "waiting": [] }));
    bench.clock.advance(seconds(9));
    assert_eq!(bench.get("/readyz").await.json()["waiting"], json!(["nothing has happened for 9 s"]));
}

#[tokio::test]
async fn metrics_name_sources_and_never_a_device() {
    let mut bench = Bench::begun().await;
    bench.play(&[(0, START, 1.0)], vec![]).await;
    let page = bench.get("/metrics").await;
    assert_eq!(page.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(page.text().contains("ouzel_source_received_readings_total{source=\"floor\"} 0\n"));
    assert!(!page.text().contains("lab-1"));
}

#[tokio::test]
async fn a_name_that_got_lost_on_the_way_is_counted_and_breaks_nothing() {
    let mut bench = Bench::new();
    let mut names = declarations();
    names.remove(0);
    let stretch = ouzel_pipeline::intake::Stretch { declarations: names, ..Default::default() };
    bench.send(ouzel_pipeline::step::Step { stretch, ..Default::default() }).await;
    bench.play(&[(0, START, 1.0), (9, START, 1.0)], vec![found(anomaly(7, START, Severity::Warning))]).await;
    assert_eq!(bench.get("/api/v1/meta").await.good()["series"], json!([]));
    assert!(bench.counters.unseen.get() > 0);
}

#[tokio::test]
async fn the_document_describes_every_answer_that_is_asked_here() {
    let bench = Bench::begun().await;
    let document = bench.get("/api/v1/openapi.json").await.good();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, schema) in [
        ("/api/v1/meta", "Meta"),
        ("/api/v1/devices", "Devices"),
        ("/api/v1/series", "Chart"),
        ("/api/v1/lanes", "Lanes"),
        ("/api/v1/pipeline", "Pipeline"),
    ] {
        let answer = bench.get(path).await.good();
        let described = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
        let said: Vec<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(said, described.keys().collect::<Vec<_>>(), "{path}");
    }
    let parts = vec![("heat > 20".to_owned(), 3)];
    bench.counters.filters.set(vec![FilterCount { name: "warm".into(), passed: 7, failed: 3, unknown: 1, parts }]);
    bench
        .counters
        .features
        .set(vec![FeatureCount { name: "recent".into(), made: Made { given: 7, ..Made::default() } }]);
    bench.counters.joins.set(vec![JoinCount { word: "join", name: "limits".into(), found: 7, ..JoinCount::default() }]);
    let (device, source, since) = ("wrong".into(), "floor".into(), Time::from_secs(5));
    bench.counters.quarantine.set(vec![Quarantined { device, source, since, by: Span::from_secs(7_200) }]);
    let page = bench.get("/api/v1/pipeline").await.good();
    assert_eq!(page["filters"][0]["parts"], json!([{ "part": "heat > 20", "failed": 3 }]));
    assert_eq!(page["quarantine"]["devices"][0]["ahead_s"], json!(7200.0));
    assert_eq!(page["order"]["lateness"].as_array().unwrap().len(), 11);
    for (part, schema) in [
        ("/sources/0", "Source"),
        ("/sinks/0", "Sink"),
        ("/stages/0", "Stage"),
        ("/clocks", "Clocks"),
        ("/order", "Order"),
        ("/filters/0", "Filter"),
        ("/features/0", "Feature"),
        ("/joins/0", "Join"),
        ("/quarantine", "Quarantine"),
    ] {
        let described = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
        let said: Vec<&String> = page.pointer(part).unwrap().as_object().unwrap().keys().collect();
        assert_eq!(said, described.keys().collect::<Vec<_>>(), "{part}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_query_string_is_too_odd(
        query in "[!$-;=?-Z_a-z~]{0,40}|((from|to|px|limit|offset|series|buckets|hz|topics|state|search)=(-?[0-9]{1,21}|now|-[0-9]{1,9}[smhdw]|%[0-9a-f]{2}|[0-9T:Z.-]{0,24})&){0,5}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::begun().await;
            bench.play(&[(0, START, 1.0)], vec![found(anomaly(0, START, Severity::Warning))]).await;
            for path in ["meta", "devices", "series", "readings", "aggregates", "anomalies", "alerts", "lanes", "pipeline", "stream"] {
                let Ok(request) = Request::get(format!("/api/v1/{path}?{query}")).header("host", "localhost").body(Body::empty()) else { continue };
                let status = bench.router.clone().oneshot(request).await.unwrap().status();
                assert!([200, 400, 404].contains(&status.as_u16()), "{path}?{query}: {status}");
            }
        });
    }
}

#[tokio::test]
async fn long_answers_are_packed_for_whoever_can_unpack_them() {
    use axum::body::Body;
    use axum::http::Request;
    use std::io::Read;
    use tower::ServiceExt;
    let bench = Bench::begun().await;
    let ask = |path: &str, accept: &str| {
        let request = Request::get(path).header("host", "localhost").header("accept-encoding", accept);
        bench.request(request.body(Body::empty()).unwrap())
    };
    let path = "/api/v1/openapi.json";
    let packed = ask(path, "gzip, deflate, br").await;
    assert_eq!(
        (&packed.headers["content-encoding"], &packed.headers["vary"]),
        (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
    );
    assert_eq!(packed.headers["content-length"], packed.body.len().to_string());
    let plain = ask(path, "identity").await;
    assert!(!plain.headers.contains_key("content-encoding") && packed.body.len() * 3 < plain.body.len());
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
    // What is short stays as it is, and a live stream does, too.
    for path in ["/api/v1/series?series=0", "/healthz"] {
        assert!(!ask(path, "gzip").await.headers.contains_key("content-encoding"), "{path}");
    }
    let request = Request::get("/api/v1/stream").header("host", "localhost").header("accept-encoding", "gzip");
    let stream = ServiceExt::oneshot(bench.router.clone(), request.body(Body::empty()).unwrap()).await;
    assert!(!stream.unwrap().headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn what_windows_of_an_old_config_made_is_not_shown_until_it_speaks() {
    use ouzel_engine::series::{Declaration, Device, Series};
    use ouzel_pipeline::intake::Stretch;
    use ouzel_pipeline::step::Step;
    let mut bench = Bench::begun().await;
    // After those of the bench: two of windows that are gone, and two that no window could have made.
    let channels = ["old.temperature.max", "day.old.temperature.max.mean", "a.pressure.mean", "b.temperature.total"];
    let declarations = channels.iter().enumerate().map(|(place, channel)| {
        let (series, device) = (Series(5 + place as u32), Device(0));
        Declaration::Series { series, device, channel: (*channel).to_owned() }
    });
    let stretch = Stretch { declarations: declarations.collect(), ..Stretch::default() };
    bench.send(Step { stretch, ..Step::default() }).await;
    let shown = |meta: Value| -> Vec<u64> {
        meta["series"].as_array().unwrap().iter().map(|one| one["s"].as_u64().unwrap()).collect()
    };
    assert_eq!(shown(bench.get("/api/v1/meta").await.good()), [0, 2, 4, 7, 8]);
    let mut live = bench.stream("topics=frame", None).await;
    // Somebody's JSON has such a key after all.
    bench.play(&[(5, START, 21.5)], Vec::new()).await;
    let meta = bench.get("/api/v1/meta").await.good();
    assert!(
        meta["channels"].as_array().unwrap().iter().any(|channel| channel["name"] == "old.temperature.max"),
        "{meta}"
    );
    assert_eq!(shown(meta), [0, 2, 4, 7, 8, 5]);
    let names = loop {
        let event = live.next().await;
        if event.name == "names" {
            break event.data;
        }
    };
    assert_eq!(names["series"][0]["channel"], "old.temperature.max", "{names}");
}
