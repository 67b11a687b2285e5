//! Listening to a stage: what it passes on, and nothing else.

use crate::bench::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use ouzel_connect::source::Rejected;
use ouzel_engine::output::{Aggregate, Severity, State, What};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::Series;
use ouzel_engine::time::Span;
use ouzel_pipeline::config::InForce;
use ouzel_pipeline::step::Step;
use serde_json::Value;
use tower::ServiceExt;

/// What a listener hears.
struct Heard(Body);

impl Heard {
    /// The lines of the next piece; none at the end.
    async fn next(&mut self) -> Vec<Value> {
        let Some(frame) = self.0.frame().await else { return Vec::new() };
        let bytes = frame.unwrap().into_data().unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

async fn listen(bench: &Bench, query: &str) -> Heard {
    let request = Request::get(format!("/api/v1/tap?{query}")).header("host", "localhost:8080");
    let response = bench.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    Heard(response.into_body())
}

fn values<'l>(lines: &'l [Value], field: &str) -> Vec<&'l Value> {
    lines.iter().map(|line| &line[field]).collect()
}

fn numbers(lines: &[Value]) -> Vec<Option<f64>> {
    lines.iter().map(|line| line["value"].as_f64()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_source_is_heard_with_what_could_not_be_read() {
    let mut bench = Bench::begun().await;
    let (mut all, mut one) =
        (listen(&bench, "stage=readings").await, listen(&bench, "stage=readings&device=lab-2").await);
    assert!(bench.tapped.borrow().is_empty(), "readings come anyway");
    let mut step = bench.step(&[(0, START, 20.5), (2, START, 21.0)], vec![]);
    step.stretch.rejected =
        vec![Rejected { source: "floor".into(), line: 7, reason: "no time".into(), text: "x".into() }];
    bench.send(step).await;
    let lines = all.next().await;
    assert_eq!(numbers(&lines), [Some(20.5), Some(21.0), None]);
    assert_eq!((&lines[0]["device"], &lines[2]["reason"]), (&"lab-1".into(), &"no time".into()));
    bench.play(&[(0, START, 22.0)], vec![]).await;
    assert_eq!(numbers(&all.next().await), [Some(22.0)]);
    let devices = one.next().await;
    assert!(devices.iter().all(|line| line["device"] == "lab-2") && devices.len() == 1, "{devices:?}");
}

#[tokio::test(start_paused = true)]
async fn an_operator_and_an_alert_are_heard_each_by_itself() {
    let mut bench = Bench::begun().await;
    let list = bench.get("/api/v1/tap").await.good();
    let kinds: Vec<(&str, &str)> = list["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| (stage["name"].as_str().unwrap(), stage["kind"].as_str().unwrap()))
        .collect();
    assert!(kinds.contains(&("readings", "source")) && kinds.contains(&("spike", "detector")), "{kinds:?}");
    let alert_name = kinds.iter().find(|(_, kind)| *kind == "alert").unwrap().0;
    let mut spike = listen(&bench, "stage=spike").await;
    let mut told = listen(&bench, &format!("stage=alert.{alert_name}")).await;
    let names: Vec<String> = bench.tapped.borrow().to_vec();
    assert_eq!(names, ["spike"], "the run hears whose readings are wanted");
    let whats = vec![found(anomaly(0, START, Severity::Critical)), alert(0, START, State::Firing)];
    bench.play(&[(0, START, 27.8)], whats).await;
    let (anomalies, alerts) = (spike.next().await, told.next().await);
    assert_eq!((values(&anomalies, "detector"), anomalies.len()), (vec![&Value::from("spike")], 1));
    assert_eq!((values(&alerts, "state"), alerts.len()), (vec![&Value::from("firing")], 1));

    // Readings that operators passed on come beside the outputs of a step.
    let passed = Reading::new(Series(0), START + Span::from_secs(1), 3.5);
    bench.send(Step { tapped: (vec![(1, passed), (0, passed)], 0), ..Step::default() }).await;
    assert_eq!(numbers(&spike.next().await), [Some(3.5)]);

    drop(spike);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    bench.settle().await;
    assert!(bench.tapped.borrow().is_empty(), "who has gone is listened for no longer");
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_told_how_much_it_has_missed() {
    let mut bench = Bench::begun().await;
    let mut slow = listen(&bench, "stage=readings").await;
    for second in 0..100 {
        bench.play(&[(0, START + Span::from_secs(second), second as f64)], vec![]).await;
        bench.settle().await;
    }
    let mut heard = 0;
    for _ in 0..64 {
        heard += slow.next().await.len();
    }
    assert_eq!(heard, 64);
    bench.play(&[(0, START + Span::from_secs(100), 100.0)], vec![]).await;
    let lines = slow.next().await;
    assert_eq!((&lines[0]["lost"], numbers(&lines[1..])), (&Value::from(36), vec![Some(100.0)]));
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_is_none_is_answered_with_those_there_are() {
    let bench = Bench::begun().await;
    let wrong = bench.get("/api/v1/tap?stage=spik").await.error(StatusCode::NOT_FOUND);
    assert!(wrong.starts_with("no stage is called `spik`; did you mean `spike`? known here: readings, "), "{wrong}");
    // The one source that there is may be called by its name.
    drop(listen(&bench, "stage=floor").await);
    let mut kept = Vec::new();
    for _ in 0..16 {
        kept.push(listen(&bench, "stage=readings").await);
    }
    let full = bench.get("/api/v1/tap?stage=readings").await.error(StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.starts_with("16 listen already"), "{full}");
    kept.pop();
    listen(&bench, "stage=readings").await;
}

#[tokio::test(start_paused = true)]
async fn what_others_have_passed_on_is_no_loss_of_who_listens_to_readings_or_a_window() {
    let mut bench = Bench::begun().await;
    let (mut all, mut minute) = (listen(&bench, "stage=readings").await, listen(&bench, "stage=minute").await);
    assert!(bench.tapped.borrow().is_empty(), "aggregates come anyway");
    bench.send(Step { tapped: (Vec::new(), 7), ..Step::default() }).await;
    bench.send(Step { left_out: 3, ..Step::default() }).await;
    let end = START + Span::from_secs(60);
    let (mean, std, min, max) = (20.5, 0.0, 20.5, 20.5);
    let of_minute = Aggregate {
        series: Series(0),
        start: START,
        end,
        count: 1,
        mean,
        std,
        min,
        max,
        more: None,
        revision: 0,
        partial: false,
    };
    let mut step = bench.step(&[(0, START, 20.5)], vec![What::Aggregate(of_minute)]);
    // Its window is the first operator of the plan.
    step.outputs[0].node = 0;
    bench.send(step).await;
    let (readings, aggregates) = (all.next().await, minute.next().await);
    assert_eq!((&readings[0]["lost"], readings.len()), (&3.into(), 2));
    assert_eq!((aggregates[0].get("lost"), aggregates.len()), (None, 1));
}

/// A step that puts a config with these sections in force.
fn config(text: &str) -> Step {
    Step { config: Some(InForce::read(text).unwrap()), ..Step::default() }
}

const WARM: &str = "[filter.warm]\non = \"temperature\"\nwhen = \"temperature > 20\"\n";
const MINUTE: &str = "[window.minute]\nover = \"temperature\"\nsize = \"1m\"\n";

#[tokio::test(start_paused = true)]
async fn a_listener_hears_that_nobody_takes_what_a_filter_makes_and_that_a_stage_has_gone() {
    let mut bench = Bench::begun().await;
    bench.send(config(&format!("{WARM}{MINUTE}"))).await;
    let mut warm = listen(&bench, "stage=warm").await;
    let note = "nobody takes what filter `warm` makes, so nothing is worked out";
    assert_eq!(values(&warm.next().await, "note"), [note]);
    bench.send(config(&format!("{WARM}{}", MINUTE.replace("temperature", "warm.temperature")))).await;
    let mut taken = listen(&bench, "stage=warm").await;
    let mut all = listen(&bench, "stage=readings").await;
    bench.send(config(MINUTE)).await;
    let gone = "another config is in force, and has no filter `warm`";
    for heard in [&mut warm, &mut taken] {
        assert_eq!(values(&heard.next().await, "note"), [gone]);
        assert!(heard.next().await.is_empty(), "it is over");
    }
    bench.settle().await;
    assert!(bench.tapped.borrow().is_empty());
    bench.play(&[(0, START, 22.0)], vec![]).await;
    assert_eq!(numbers(&all.next().await), [Some(22.0)]);
}
