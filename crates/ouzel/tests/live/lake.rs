//! What was sent over HTTP, as two programs that others wrote read it out of the lake: counts and sums agree.

use super::files;
use super::ouzel::{Desk, Ouzel};
use flate2::Compression;
use flate2::write::GzEncoder;
use ouzel_testkit::services::{lacking, until};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

const HTTP: &str = "[source.gateways]\ntype = \"http\"\n";

/// Whether Python has both programs; if not, that is said.
fn can_read() -> bool {
    let mut command = Command::new("python3");
    command.args(["-c", "import duckdb, pyarrow"]).stdout(Stdio::null()).stderr(Stdio::null());
    let found = command.status().is_ok_and(|status| status.success());
    if !found {
        lacking("DuckDB and pyarrow for Python");
    }
    found
}

/// What both programs say of each table; they agree.
fn read(desk: &Desk) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/python/read_lake.py");
    let answer = Command::new("python3").arg(script).arg(desk.path("lake")).output().expect("it was found");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let said: Value = serde_json::from_slice(&answer.stdout).expect("it prints JSON");
    let tables = said.as_object().expect("an object").iter();
    let both = tables.map(|(table, by)| {
        assert_eq!(by["duckdb"], by["pyarrow"], "{table}");
        (table.clone(), by["duckdb"].clone())
    });
    Value::Object(both.collect())
}

/// Ten minutes ago, in whole seconds.
fn begin() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970").as_secs() - 600
}

/// Seconds of readings: from machines by line protocol, two channels each, and from one that speaks JSON.
const SECONDS: u64 = 500;
const MACHINES: u64 = 4;

/// Whole numbers, so that sums are exact in any order.
fn value(machine: u64, second: u64) -> u64 {
    machine * 1_000 + second
}

fn lines(begin: u64, seconds: std::ops::Range<u64>) -> String {
    let line = |machine, second| {
        let (value, time) = (value(machine, second), begin + second);
        format!("press,device=press-{machine} temperature={value},vibration={}i {time}\n", value * 2)
    };
    seconds.flat_map(|second| (0..MACHINES).map(move |machine| line(machine, second))).collect()
}

fn objects(begin: u64, seconds: std::ops::Range<u64>) -> String {
    let object = |second| json!({ "device": "meter", "time": begin + second, "power": value(9, second), "on": true });
    Value::Array(seconds.map(object).collect()).to_string()
}

fn send(ouzel: &Ouzel, begin: u64, seconds: std::ops::Range<u64>) {
    let answer = ouzel.post("/api/v2/write?precision=s&org=x&bucket=y", &[], lines(begin, seconds.clone()).as_bytes());
    assert_eq!(answer.status, 204, "{answer:?}");
    let kind = [("Content-Type", "application/json")];
    let answer = ouzel.post("/api/v1/readings", &kind, objects(begin, seconds).as_bytes());
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// Compares what was read with what was sent in the first so many seconds.
fn compare(found: &Value, begin: u64, seconds: u64) {
    let of = |machine| (0..seconds).map(|second| value(machine, second)).sum::<u64>();
    let sum = (0..MACHINES).map(|machine| 3 * of(machine)).sum::<u64>() + of(9) + seconds;
    let count = seconds * (2 * MACHINES + 2);
    let readings = &found["readings"];
    assert_eq!((&readings["rows"], &readings["distinct_seq"]), (&json!(count), &json!(count)));
    assert_eq!(readings["sum"], json!(sum as f64));
    assert_eq!(readings["devices"], json!(MACHINES + 1));
    assert_eq!(readings["quality"], json!({ "good": count }));
    assert_eq!(
        (&readings["first"], &readings["last"]),
        (&json!(begin * 1_000_000), &json!((begin + seconds - 1) * 1_000_000))
    );
    assert_eq!(readings["late"], json!(0));
    for tier in ["tier_10s", "tier_1m", "tier_10m"] {
        assert_eq!(found[tier]["count"], json!(count), "{tier}");
        let weight = found[tier]["weight"].as_f64().expect("a number");
        assert!((weight - sum as f64).abs() <= 1e-9 * sum as f64, "{tier}: {weight}, sent were {sum}");
    }
}

/// Whole files only, under their own names.
fn assert_no_rests(lake: &Path) {
    for path in files::below(lake) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(name.ends_with(".parquet") || name == "manifest.jsonl" || name == "lock", "{}", path.display());
    }
}

#[test]
fn duckdb_and_pyarrow_read_what_was_sent() {
    if !can_read() {
        return;
    }
    let desk = Desk::with(HTTP);
    let ouzel = desk.run();
    let begin = begin();
    for from in (0..SECONDS).step_by(100) {
        send(&ouzel, begin, from..from + 100);
    }
    ouzel.assert_that_counters_add_up();
    ouzel.stop();
    compare(&read(&desk), begin, SECONDS);
    assert_no_rests(&desk.path("lake"));
}

#[test]
fn a_lake_is_read_while_it_is_written() {
    if !can_read() {
        return;
    }
    let desk = Desk::with(HTTP);
    let text = desk.text("live.toml").replace("dir = \"lake\"", "dir = \"lake\"\nevery = \"1s\"");
    std::fs::write(desk.path("live.toml"), text).expect("it can be written");
    let ouzel = desk.run();
    let begin = begin();
    send(&ouzel, begin, 0..300);
    let count = 300 * (2 * MACHINES + 2);
    let kept = || ouzel.json("/api/v1/pipeline")["lake"]["readings"].as_u64();
    until("all is in files", || (kept() == Some(count)).then_some(()));
    compare(&read(&desk), begin, 300);
    // What comes later goes into further files, and buckets may be in several.
    send(&ouzel, begin, 300..SECONDS);
    ouzel.stop();
    compare(&read(&desk), begin, SECONDS);
    assert_no_rests(&desk.path("lake"));
}

#[test]
fn a_request_that_comes_again_is_kept_once_also_after_a_kill() {
    let desk = Desk::with(HTTP);
    let ouzel = desk.run();
    let key = [("Idempotency-Key", "batch-7")];
    let body = b"press temperature=71.5\npress temperature=72.5";
    for _ in 0..2 {
        assert_eq!(ouzel.post("/write", &key, body).status, 204);
    }
    ouzel.kill();
    let ouzel = desk.run();
    assert_eq!(ouzel.post("/write", &key, body).status, 204);
    assert_eq!(ouzel.source()["known"], json!(2));
    assert_eq!(ouzel.post("/write", &[("Idempotency-Key", "batch-8")], b"press temperature=73.5").status, 204);
    ouzel.stop();
    let mut values: Vec<f64> = files::readings(&desk.path("lake")).into_iter().map(|(_, value)| value).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values, [71.5, 72.5, 73.5]);
}

#[test]
fn a_packed_body_is_taken_and_a_mistake_is_named_with_its_line() {
    let desk = Desk::with(HTTP);
    let ouzel = desk.run();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(b"press,device=a temperature=1\npress,device=b temperature=2").expect("a Vec takes all");
    let packed = packed.finish().expect("a Vec takes all");
    assert_eq!(ouzel.post("/write", &[("Content-Encoding", "gzip")], &packed).status, 204);
    let answer = ouzel.post("/write", &[], b"press temperature=3\npress temperature=\npress temperature=4");
    assert_eq!(answer.status, 400);
    let said: Value = serde_json::from_slice(&answer.body).expect("it is JSON");
    assert_eq!(said["line"], json!(2), "{said}");
    assert!(said["message"].as_str().is_some_and(|words| words.contains("all else was kept")), "{said}");
    let answer = ouzel.post(
        "/api/v1/readings",
        &[],
        b"[{\"device\": \"c\", \"temperature\": 5}, {\"device\": \"c\", \"temperature\": {}}, 7]",
    );
    assert_eq!(answer.status, 400, "{answer:?}");
    ouzel.stop();
    let sum = files::readings(&desk.path("lake")).into_iter().map(|(_, value)| value).sum::<f64>();
    assert_eq!(sum, 15.0);
}

/// What could not be read was lost on its way to sinks wherever it came alone.
#[test]
fn what_cannot_be_read_reaches_its_sink_when_it_comes_alone() {
    let sink = "[sink.bad]\ntype = \"file\"\npath = \"out\"\ntake = [\"rejected\"]\n";
    let desk = Desk::with(&format!("[source.gateways]\ntype = \"http\"\n{sink}"));
    let ouzel = desk.run();
    assert_eq!(ouzel.post("/write", &[], b"m,device=d x=1").status, 204);
    for n in 0..20 {
        assert_eq!(ouzel.post("/write", &[], format!("m,device=d x=bad-{n}").as_bytes()).status, 400);
    }
    ouzel.stop();
    let rejected = desk.text("out/rejected.ndjson");
    let found = (0..20).filter(|n| rejected.contains(&format!("bad-{n}"))).count();
    assert_eq!((found, rejected.lines().count()), (20, 20), "{rejected}");
}
