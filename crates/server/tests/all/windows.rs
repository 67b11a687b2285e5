//! What windows say, for those who look at them: so far while they are open, and then what they came to.

use crate::bench::*;
use axum::http::StatusCode;
use ouzel_engine::output::{Aggregate, What};
use ouzel_engine::series::Series;
use ouzel_engine::time::Span;
use ouzel_pipeline::step::Step;
use serde_json::{Value, json};

/// The window of the minute that begins `minutes` after the start, of so many readings.
fn minute(series: u32, minutes: i64, count: u64) -> Aggregate {
    let start = START + Span::from_secs(60 * minutes);
    let (mean, std, min, max) = (20.5, 0.5, 20.0, 21.0);
    let (end, series) = (start + Span::from_secs(60), Series(series));
    Aggregate { series, start, end, count, mean, std, min, max, more: None, revision: 0, partial: minutes == 0 }
}

/// A step in which windows have closed, and one that tells what is open.
async fn closes(bench: &mut Bench, aggregate: Aggregate) {
    let mut step = bench.step(&[], vec![What::Aggregate(aggregate)]);
    step.outputs[0].node = 0;
    bench.send(step).await;
}

async fn tells(bench: &mut Bench, open: Vec<Aggregate>) {
    let open = open.into_iter().map(|aggregate| (0, aggregate)).collect();
    bench.send(Step { open: Some(open), ..Step::default() }).await;
}

fn starts(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["start"].as_str().unwrap()).collect()
}

fn looked(bench: &Bench) -> Vec<u32> {
    bench.looked.borrow().iter().map(|series| series.0).collect()
}

const SIX: &str = "2025-11-21T06:00:00Z";

#[tokio::test(start_paused = true)]
async fn an_open_window_is_told_so_far_and_is_gone_when_it_has_closed() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("topics=frame&windows=0", None).await;
    live.until("sync").await;
    assert_eq!(looked(&bench), [0]);
    tells(&mut bench, vec![minute(0, 0, 7), minute(2, 0, 9)]).await;
    let told = live.until("window").await.data;
    let row = &told["open"][0];
    let (id, expected) = (
        row["id"].clone(),
        json!({
            "s": 0, "provisional": true, "id": row["id"], "window": "minute", "key": "lab-1", "channel": "temperature",
            "start": SIX, "end": "2025-11-21T06:01:00Z", "partial": true, "mean": 20.5,
        }),
    );
    assert_eq!(told, json!({ "now": START_US, "gap": false, "open": [expected], "closed": [] }));

    closes(&mut bench, minute(0, 0, 60)).await;
    let told = live.until("window").await.data;
    assert_eq!((&told["open"], starts(&told["closed"])), (&json!([]), vec![SIX]));
    assert_eq!((&told["closed"][0]["provisional"], &told["closed"][0]["id"]), (&json!(false), &id));

    // What late readings changed comes again, and leaves the window alone that is open by now.
    tells(&mut bench, vec![minute(0, 1, 3)]).await;
    live.until("window").await;
    closes(&mut bench, Aggregate { revision: 1, ..minute(0, 0, 61) }).await;
    let told = live.until("window").await.data;
    assert_eq!((starts(&told["open"]), &told["closed"][0]["revision"]), (vec!["2025-11-21T06:01:00Z"], &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn who_looks_at_nothing_hears_nothing_and_asks_for_nothing() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("topics=frame", None).await;
    live.until("sync").await;
    assert!(looked(&bench).is_empty());
    tells(&mut bench, vec![minute(0, 0, 7)]).await;
    closes(&mut bench, minute(0, 0, 60)).await;
    let told = live.within(std::time::Duration::from_millis(900)).await;
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_says_whose_windows_are_looked_at_from_now_on() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("topics=frame", None).await;
    live.until("sync").await;
    let path = format!("/api/v1/stream/{}/ack", live.cid);
    let ack = async |bench: &Bench, body: Value| {
        assert_eq!(bench.post(&path, &body.to_string()).await.status, StatusCode::NO_CONTENT);
    };
    ack(&bench, json!({ "seq": 0, "windows": [2, 0, 2] })).await;
    assert_eq!(looked(&bench), [0, 2]);
    ack(&bench, json!({ "seq": 0 })).await;
    assert_eq!(looked(&bench), [0, 2]);
    // What is derived is told at the readings that it is made of.
    tells(&mut bench, vec![minute(3, 0, 2), minute(4, 0, 1)]).await;
    let told = live.until("window").await.data;
    let of: Vec<_> = told["open"].as_array().unwrap().iter().map(|row| (&row["s"], &row["channel"])).collect();
    assert_eq!(of, [(&json!(2), &json!("minute.temperature.mean"))]);
    ack(&bench, json!({ "seq": 0, "windows": [] })).await;
    assert!(looked(&bench).is_empty());
    ack(&bench, json!({ "seq": 0, "windows": (0..99).collect::<Vec<u32>>() })).await;
    assert_eq!(looked(&bench).len(), 16);
    drop(live);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    bench.settle().await;
    assert!(looked(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_has_missed_rows_is_told_so() {
    let mut bench = Bench::begun().await;
    let mut live = bench.stream("topics=frame&windows=0", None).await;
    live.until("sync").await;
    // Nobody reads the stream meanwhile.
    for second in 0..20 {
        closes(&mut bench, minute(0, second, 60)).await;
        bench.settle().await;
    }
    let told = live.within(std::time::Duration::from_millis(1)).await;
    assert!(told.len() < 12, "{}", told.len());
    closes(&mut bench, minute(0, 20, 60)).await;
    let told = live.until("window").await.data;
    assert_eq!((&told["gap"], told["closed"].as_array().unwrap().len()), (&json!(true), 1));
    closes(&mut bench, minute(0, 21, 60)).await;
    assert_eq!(live.until("window").await.data["gap"], false);
}

#[tokio::test]
async fn a_series_that_cannot_be_looked_at_is_said() {
    let bench = Bench::begun().await;
    let error = bench.get("/api/v1/stream?windows=x").await.error(StatusCode::BAD_REQUEST);
    assert_eq!(error, "`windows` cannot have `x`; write numbers from /api/v1/meta");
}
