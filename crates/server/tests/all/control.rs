//! What people do to the run, and what it says of itself: retired devices, reloads, troubles.

use crate::bench::*;
use axum::http::StatusCode;
use ouzel_engine::output::State;
use ouzel_engine::series::{Declaration, Device, Series, Timing};
use ouzel_engine::time::Span;
use ouzel_pipeline::control::{Control, Order};
use ouzel_pipeline::intake::Stretch;
use ouzel_pipeline::step::Step;
use ouzel_pipeline::trouble::Trouble;
use ouzel_server::{Reload, ServerSettings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

async fn devices(bench: &Bench) -> Vec<String> {
    let page = bench.get("/api/v1/devices").await.good();
    page["devices"].as_array().unwrap().iter().map(|one| one["device"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_retired_device_is_in_no_list_until_it_speaks_again() {
    let mut bench = Bench::begun().await;
    bench.play(&[(0, START, 1.0), (2, START, 2.0)], vec![]).await;
    let retired = bench.delete("/api/v1/devices/lab-1?by=ann").await.good();
    assert_eq!(retired, json!({ "device": "lab-1", "retired": START_US, "by": "ann" }));
    let said = bench.said.lock().unwrap()[0].clone();
    assert_eq!((said.by.as_str(), &said.what), ("ann", &Order::Retire { device: "lab-1".into(), input: 0 }));
    assert_eq!(devices(&bench).await, ["lab-2"]);
    let shown = |meta: &Value| {
        meta["series"].as_array().unwrap().iter().map(|one| one["s"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(shown(&bench.get("/api/v1/meta").await.good()), [2]);
    let mut live = bench.stream("", None).await;
    let sync = live.until("sync").await.data;
    assert_eq!(sync["kpi"]["devices"], json!({ "ok": 1, "warning": 0, "critical": 0, "stale": 0 }));
    assert_eq!(sync["series"], json!([{ "s": 2, "t": START_US, "v": 2.0 }]));
    // The word comes back through the journal, and changes nothing.
    bench.send(Step { controls: vec![said], ..Step::default() }).await;
    assert_eq!(devices(&bench).await, ["lab-2"]);
    bench.play(&[(4, START + Span::from_secs(9), 3.0)], vec![]).await;
    let names = live.until("names").await.data;
    assert_eq!(names["series"].as_array().unwrap().iter().map(|one| &one["s"]).collect::<Vec<_>>(), [0, 4]);
    assert_eq!(live.until("frame").await.data["s"], json!([4]));
    assert_eq!(devices(&bench).await, ["lab-1", "lab-2"]);
    assert_eq!(shown(&bench.get("/api/v1/meta").await.good()), [2, 0, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_declared_again_has_the_tags_that_it_has_now() {
    let mut bench = Bench::begun().await;
    bench.play(&[(0, START, 1.0), (2, START, 2.0)], vec![]).await;
    let unseen = bench.get("/api/v1/pipeline").await.good()["unseen"].clone();
    let tags = vec![("location".to_owned(), "cellar".to_owned())];
    let name = "lab-1".to_owned();
    let device = Declaration::Device { device: Device(0), name, timing: Timing::default(), tags };
    let series = Declaration::Series { series: Series(0), device: Device(0), channel: "temperature".to_owned() };
    let retired =
        Control { at: START, by: "its tags".to_owned(), what: Order::Retire { device: "lab-1".to_owned(), input: 9 } };
    bench.send(Step { controls: vec![retired], ..Step::default() }).await;
    let stretch = Stretch { declarations: vec![device, series], ..Stretch::default() };
    bench.send(Step { stretch, ..Step::default() }).await;
    bench.play(&[(0, START + Span::from_secs(9), 3.0)], vec![]).await;
    let page = bench.get("/api/v1/devices?search=cellar").await.good();
    assert_eq!(page["devices"][0]["tags"], json!({ "location": "cellar" }), "{page}");
    assert_eq!(bench.get("/api/v1/pipeline").await.good()["unseen"], unseen);
}

#[tokio::test]
async fn a_device_that_nobody_knows_is_no_device() {
    let bench = Bench::begun().await;
    let error = bench.delete("/api/v1/devices/LAB-1").await.error(StatusCode::NOT_FOUND);
    assert_eq!(error, "there is no device `LAB-1`; did you mean `lab-1`? /api/v1/devices lists them");
    let error = bench.delete("/api/v1/devices/a%2Fb").await.error(StatusCode::NOT_FOUND);
    assert_eq!(error, "there is no device `a/b`; /api/v1/devices lists them");
    assert!(bench.said.lock().unwrap().is_empty());
}

fn answering(answer: Result<Vec<String>, Vec<String>>) -> Option<Reload> {
    let reload: Reload = Arc::new(move || {
        let answer = answer.clone();
        Box::pin(async move { answer })
    });
    Some(reload)
}

#[tokio::test]
async fn a_reload_says_what_has_changed_or_why_nothing_has() {
    let changed = vec!["window `minute` is new".to_owned()];
    let bench = Bench::made("boot1", ServerSettings::default(), answering(Ok(changed.clone())));
    assert_eq!(bench.post("/api/v1/reload", "").await.good(), json!({ "changed": changed }));
    let problems = vec!["hall.toml:3:1: there is no `[sorce.x]`".to_owned()];
    let bench = Bench::made("boot1", ServerSettings::default(), answering(Err(problems.clone())));
    let answer = bench.post("/api/v1/reload", "").await;
    assert_eq!(answer.json()["problems"], json!(problems));
    let error = answer.error(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(error, "the config has problems, and nothing was changed; mend them and reload again");
    let error = Bench::new().post("/api/v1/reload", "").await.error(StatusCode::NOT_IMPLEMENTED);
    assert_eq!(error, "this run has no config file that could be read again");
}

fn trouble(part: &str, what: &str, over: bool) -> Step {
    let trouble = Trouble { part: part.into(), what: what.into(), since: START, at: START, over };
    let control = Control { at: START, by: String::new(), what: Order::Trouble(trouble) };
    Step { controls: vec![control], ..Step::default() }
}

#[tokio::test(start_paused = true)]
async fn troubles_are_told_until_they_are_over_and_a_full_journal_is_not_ready() {
    let mut bench = Bench::begun().await;
    bench.counters.sources[0].connected.store(true, Ordering::Relaxed);
    let mut live = bench.stream("topics=kpi", None).await;
    assert_eq!(live.until("sync").await.data["kpi"]["troubles"], json!([]));
    bench.counters.full.store(true, Ordering::Relaxed);
    bench.play(&[], vec![]).await;
    let not = bench.get("/readyz").await;
    assert_eq!(not.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(not.json()["waiting"], json!(["the journal cannot be written; no readings are taken in"]));
    bench.send(trouble("journal", "the disk of the journal is full; no readings are taken in", false)).await;
    bench.send(trouble("sink desk", "gone", false)).await;
    let waiting = ["the disk of the journal is full; no readings are taken in"];
    assert_eq!(bench.get("/readyz").await.json()["waiting"], json!(waiting));
    live.until("kpi").await;
    let told = live.until("kpi").await.data["troubles"].clone();
    assert_eq!(told[0], json!({ "part": "journal", "what": waiting[0], "since": START_US }));
    let page = bench.get("/api/v1/pipeline").await.good();
    assert_eq!((&page["troubles"], &page["full"]), (&told, &json!(true)));
    bench.counters.full.store(false, Ordering::Relaxed);
    bench.send(trouble("journal", "the journal can be written again", true)).await;
    bench.get("/readyz").await.good();
    // Another process says itself what it cannot do.
    let start = Control { at: START, by: String::new(), what: Order::Start };
    bench.send(Step { controls: vec![start], ..Step::default() }).await;
    assert_eq!(bench.get("/api/v1/pipeline").await.good()["troubles"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn the_pipeline_shows_sources_stages_logs_and_sinks() {
    use std::time::Duration;
    let mut bench = Bench::begun().await;
    bench.play(&[(0, START, 1.0)], vec![alert(0, START, State::Firing)]).await;
    let mut live = bench.stream("topics=kpi", None).await;
    live.until("kpi").await;
    let source = &bench.counters.sources[0];
    source.holds.set(1_000);
    source.used.set(850);
    source.full_in.set(Some(Duration::from_millis(4_500)));
    source.bytes.add(4_000);
    source.received.add(200);
    source.drops.sampled.add(3);
    source.turned_away.add(2);
    let sink = &bench.counters.sinks[0];
    sink.owed.set(9);
    sink.handled.set(4);
    sink.confirmed.record(Duration::from_millis(80), 4);
    bench.counters.durable.record(Duration::from_millis(15), 100);
    bench.counters.checkpoint_us.set(START_US - 30_000_000);
    bench.counters.journal_bytes.add(86_400);
    bench.clock.advance(Span::from_secs(2));
    live.until("kpi").await;
    live.until("kpi").await;
    let page = bench.get("/api/v1/pipeline").await.good();
    let source = &page["sources"][0];
    assert_eq!((&source["utilisation"], &source["full_in_s"]), (&json!(0.85), &json!(4.5)));
    assert_eq!((&source["bytes_per_s"], &source["per_s"]), (&json!(2_000.0), &json!(100.0)));
    assert_eq!((&source["drops"]["sampled"], &source["turned_away"]), (&json!(3), &json!(2)));
    let sink = &page["sinks"][0];
    assert_eq!((&sink["owed"], &sink["handled"], &sink["waiting"]), (&json!(9), &json!(4), &json!(5)));
    assert!((80.0..98.0).contains(&sink["confirmed"]["recent"]["p95_ms"].as_f64().unwrap()), "{sink}");
    let stages: Vec<&str> =
        page["stages"].as_array().unwrap().iter().map(|one| one["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["travel", "durable", "latency"]);
    assert_eq!((&page["stages"][1]["count"], &page["stages"][0]["p99_ms"]), (&json!(100), &json!(null)));
    assert_eq!(page["checkpoints"]["age_s"], 32.0);
    assert_eq!(page["written"], json!({ "bytes": 86_400, "bytes_per_day": 3_732_480_000.0f64 }));
}
