//! A start after a stop: the hub is told what the logs have, in this order, and looks as it did before.

use crate::bench::*;
use ouzel_engine::output::{Severity, State, What};
use ouzel_engine::plan::{ChannelFacts, Plan, ZScoreSpec};
use ouzel_engine::reading::{Reading, TICK};
use ouzel_engine::series::Series;
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::config::InForce;
use ouzel_pipeline::control::{Control, Order};
use ouzel_pipeline::intake::Stretch;
use ouzel_pipeline::step::Step;
use serde_json::{Value, json};
use std::time::Duration;

fn seconds(seconds: i64) -> Span {
    Span::from_secs(seconds)
}

/// Names, as they come before anything else.
async fn names(bench: &mut Bench) {
    let stretch = Stretch { declarations: declarations(), ..Stretch::default() };
    bench.send(Step { stretch, past: true, ..Step::default() }).await;
}

/// What the output log still has.
async fn said(bench: &mut Bench, whats: Vec<What>) {
    let step = Step { past: true, ..bench.step(&[], whats) };
    bench.send(step).await;
}

/// Readings that are in no file of the lake, with the tick that came with them.
async fn read(bench: &mut Bench, readings: &[(u32, Time, f64)], tick: Time) {
    let mut step = Step { past: true, ..bench.step(readings, vec![]) };
    step.stretch.batch.rows.push(Reading::new(TICK, tick, 0.0));
    bench.send(step).await;
}

async fn open_alerts(bench: &Bench) -> Vec<Value> {
    bench.get("/api/v1/alerts?state=open").await.good()["alerts"].as_array().unwrap().clone()
}

fn acknowledged(id: &str) -> Control {
    let what = Order::Acknowledge { alert: id.to_owned(), note: "on my way".into() };
    Control { at: START - seconds(30), by: "ann".into(), what }
}

#[tokio::test]
async fn an_alert_that_is_told_twice_is_one_and_its_acknowledgement_comes_after_it() {
    let mut bench = Bench::new();
    names(&mut bench).await;
    let old = START - seconds(600);
    said(&mut bench, vec![alert(0, old, State::Firing), alert(2, old, State::Firing)]).await;
    said(&mut bench, vec![alert(0, old, State::Cleared)]).await;
    // What is open comes once more, by itself; what is over may come again, too, also as what it was before.
    said(&mut bench, vec![alert(2, old, State::Firing), alert(0, old, State::Cleared)]).await;
    said(&mut bench, vec![alert(0, old, State::Firing)]).await;
    let open = open_alerts(&bench).await;
    assert_eq!((open.len(), &open[0]["device"]), (1, &json!("lab-2")));
    let all = bench.get("/api/v1/alerts").await.good()["alerts"].as_array().unwrap().clone();
    assert_eq!(all.iter().map(|one| one["state"].as_str().unwrap()).collect::<Vec<_>>(), ["cleared", "firing"]);
    let controls = vec![acknowledged(open[0]["id"].as_str().unwrap())];
    bench.send(Step { controls, past: true, ..Step::default() }).await;
    assert_eq!(open_alerts(&bench).await[0]["acknowledged"]["by"], "ann");
    // The same change once more takes nothing away of what people said.
    said(&mut bench, vec![alert(2, old, State::Firing)]).await;
    assert_eq!(open_alerts(&bench).await[0]["acknowledged"]["by"], "ann");
}

#[tokio::test]
async fn words_that_were_put_together_with_their_alert_are_heeded() {
    let mut other = Bench::begun().await;
    other.play(&[], vec![alert(0, START, State::Firing)]).await;
    let id = open_alerts(&other).await[0]["id"].as_str().unwrap().to_owned();
    let mut bench = Bench::begun().await;
    let step = Step { controls: vec![acknowledged(&id)], ..bench.step(&[], vec![alert(0, START, State::Firing)]) };
    bench.send(step).await;
    assert_eq!(open_alerts(&bench).await[0]["acknowledged"]["note"], "on my way");
}

#[tokio::test]
async fn anomalies_of_the_past_stand_in_their_cells_and_older_ones_are_asked_of_the_lake() {
    let mut bench = Bench::new();
    names(&mut bench).await;
    let past = START - seconds(3_600);
    let late = found(anomaly(0, past - seconds(1_800), Severity::Warning));
    said(&mut bench, vec![found(anomaly(0, past, Severity::Critical)), late]).await;
    // Seven hours ago is further back than lanes go.
    said(&mut bench, vec![found(anomaly(0, START - seconds(7 * 3_600), Severity::Critical))]).await;
    let at_rest = format!(
        "{{\"id\":\"00\",\"detector\":\"spike\",\"device\":\"lab-1\",\"channel\":\"temperature\",\"time\":\"{}\",\
         \"value\":30.5,\"kind\":\"zscore\",\"severity\":\"warning\"}}",
        START - seconds(1_000)
    );
    bench.history.anomalies.lock().unwrap().push(at_rest);
    let lanes = bench.get("/api/v1/lanes?from=-6h&buckets=6").await.good();
    assert_eq!(lanes["series"][0]["cells"], json!([[4, 1, 1], [5, 2, 1]]));
    let anomalies = bench.get("/api/v1/anomalies?from=-6h").await.good();
    assert_eq!(anomalies["anomalies"].as_array().unwrap().len(), 3, "{anomalies}");
    // From the first tick on the hub has all there are, and the lake is not asked.
    read(&mut bench, &[(0, START - seconds(700), 1.0)], START - seconds(700)).await;
    let anomalies = bench.get("/api/v1/anomalies?from=-11m").await.good();
    assert_eq!(anomalies["anomalies"], json!([]));
    assert_eq!(bench.get("/api/v1/anomalies?from=-30m").await.good()["anomalies"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_was_silent_before_the_stop_is_silent_and_who_was_never_heard_becomes_so() {
    let mut bench = Bench::new();
    names(&mut bench).await;
    for second in -300..-200 {
        let time = START + seconds(second);
        read(&mut bench, &[(0, time, 1.0)], time).await;
    }
    bench.play(&[], vec![]).await;
    let states = async |bench: &Bench| {
        let page = bench.get("/api/v1/devices").await.good();
        page["devices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&bench).await, ["silent", "ok"]);
    bench.clock.advance(seconds(51));
    assert_eq!(states(&bench).await, ["silent", "stale"]);
}

#[tokio::test(start_paused = true)]
async fn who_looks_on_already_is_told_how_things_are_once_the_logs_are_read() {
    let mut bench = Bench::new();
    let mut live = bench.stream("topics=frame,alert", None).await;
    live.until("sync").await;
    names(&mut bench).await;
    said(&mut bench, vec![alert(0, START, State::Firing), found(anomaly(0, START, Severity::Warning))]).await;
    assert_eq!(live.within(Duration::from_millis(500)).await.iter().filter(|one| one.name != "names").count(), 0);
    bench.play(&[(0, START, 21.5)], vec![]).await;
    let sync = live.until("sync").await.data;
    assert_eq!((&sync["alerts"][0]["alert"], &sync["series"][0]["v"]), (&json!("hot"), &json!(21.5)));
}

/// The plan of the bench, with another detector before its own, another name for its rule's, and another range.
fn other_plan(keep_rule: bool) -> Plan {
    let mut plan = plan();
    let mut first = plan.operators[1].clone();
    first.name = "early".into();
    plan.operators.insert(1, first);
    if let ouzel_engine::plan::Work::ZScore(ZScoreSpec { min, .. }, _) = &mut plan.operators[1].work {
        *min = 30;
    }
    plan.channels[0] = ChannelFacts { range: Some((0.0, 50.0)), unit: "K".into(), ..plan.channels[0].clone() };
    if !keep_rule {
        plan.alerts[0].name = "other".into();
    }
    plan
}

#[tokio::test]
async fn another_config_has_its_own_words_and_takes_none_from_what_was_said_before() {
    for keep_rule in [true, false] {
        let mut bench = Bench::begun().await;
        bench.play(&[], vec![alert(0, START, State::Firing), found(anomaly(0, START, Severity::Warning))]).await;
        bench.clock.advance(seconds(5));
        let config = Some(InForce::new("another text", other_plan(keep_rule)));
        bench.send(Step { config, ..Step::default() }).await;
        let alerts = bench.get("/api/v1/alerts").await.good();
        let state = if keep_rule { "firing" } else { "cleared" };
        let alert = &alerts["alerts"][0];
        assert_eq!(
            (&alert["alert"], &alert["detector"], &alert["state"]),
            (&json!("hot"), &json!("spike"), &json!(state))
        );
        bench.clock.advance(seconds(1));
        assert_eq!(bench.get("/api/v1/series?series=0").await.good()["series"][0]["anomalies"][0]["detector"], "spike");
        let meta = bench.get("/api/v1/meta").await.good();
        assert_eq!(meta["detectors"][0]["name"], "early");
        assert_eq!((&meta["channels"][0]["unit"], &meta["channels"][0]["range"]), (&json!("K"), &json!([0.0, 50.0])));
        bench.play(&[(0, START + seconds(6), 60.0)], vec![]).await;
        bench.clock.advance(seconds(2));
        assert_eq!(bench.get("/api/v1/readings?limit=1").await.good()["readings"][0]["quality"], "out_of_range");
    }
}

#[tokio::test]
async fn outputs_of_a_config_that_nobody_knows_any_more_are_counted_and_break_nothing() {
    let mut bench = Bench::begun().await;
    let mut step = Step { past: true, ..bench.step(&[], vec![found(anomaly(0, START, Severity::Warning))]) };
    step.outputs[0].node = 77;
    bench.send(step).await;
    let mut foreign = alert(0, START, State::Firing);
    if let What::Alert(alert) = &mut foreign {
        alert.rule = 9;
    }
    said(&mut bench, vec![foreign]).await;
    assert!(open_alerts(&bench).await.is_empty());
    assert_eq!(bench.counters.unseen.get(), 2);
}

#[tokio::test]
async fn a_clock_that_is_behind_is_told_once_a_few_messages_say_so() {
    let mut bench = Bench::begun().await;
    for second in 0..20 {
        bench.clock.advance(seconds(1));
        let now = START + seconds(second + 1);
        let readings = [(0, now - Span::from_millis(3_250), 1.0), (2, now - Span::from_millis(40), 2.0)];
        let mut step = Step { arrived: Some(now), ..bench.step(&readings, vec![]) };
        step.stretch.batch.rows.insert(0, Reading::new(Series(0), now - seconds(9), 1.0));
        bench.send(step).await;
        bench.settle().await;
        if second == 1 {
            assert_eq!(bench.get("/api/v1/devices").await.good()["devices"][0]["behind_s"], json!(null));
        }
    }
    let devices = bench.get("/api/v1/devices").await.good();
    assert_eq!((&devices["devices"][0]["behind_s"], &devices["devices"][1]["behind_s"]), (&json!(3.25), &json!(0.04)));
    let clocks = &bench.get("/api/v1/pipeline").await.good()["clocks"];
    assert_eq!(clocks, &json!({ "wrong": 1, "worst": [["lab-1", 3.3]] }));
    assert!(bench.get("/metrics").await.text().contains("\nouzel_wrong_clocks 1\n"));
}
