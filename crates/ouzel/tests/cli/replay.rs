use super::typed::Desk;
use insta::assert_snapshot;
use std::io::{BufRead, BufReader, Read};

/// Says something of every reading of a channel, on standard output.
const TALKATIVE: &str = r#"
[source.room]
type = "simulate"
profile = "lab"
for = "30d"

[window.each]
over = "temperature"
size = "100ms"

[sink.screen]
type = "stdout"
format = "ndjson"
take = ["aggregates"]
"#;

fn nouns(desk: &Desk, folder: &str) -> [String; 5] {
    ["aggregates", "anomalies", "alerts", "late", "rejected"].map(|noun| desk.text(&format!("{folder}/{noun}.ndjson")))
}

#[test]
fn neither_shards_nor_pace_change_a_byte() {
    let desk = Desk::with(&[]);
    assert_eq!(desk.ouzel("simulate --devices 30 --for 10m -o in.csv").code, Some(0));
    let mut outs = Vec::new();
    for (index, how) in
        ["--shards 0", "--shards 1", "--shards 2", "--shards 5", "--speed 1000000x", ""].iter().enumerate()
    {
        let answer = desk.ouzel(&format!("replay in.csv --out out{index} {how}"));
        assert_eq!(answer.code, Some(0), "{how}: {}", answer.err);
        outs.push((nouns(&desk, &format!("out{index}")), answer.count("readings"), answer.count("alerts")));
    }
    assert!(outs[0].2 > 0);
    assert!(outs.iter().all(|out| *out == outs[0]));
}

#[test]
fn without_a_config_what_is_shown_is_what_runs() {
    let desk = Desk::with(&[]);
    desk.ouzel("simulate --profile facility --for 10m -o in.csv");
    let answer = desk.ouzel("replay in.csv --out shown");
    assert_snapshot!(answer.shown());
    desk.put("plan.toml", &answer.err);
    let again = desk.ouzel("replay -c plan.toml --out runs");
    assert_eq!((again.code, again.err.as_str()), (Some(0), ""));
    assert_eq!(nouns(&desk, "shown"), nouns(&desk, "runs"));
}

#[test]
fn files_that_read_alike_share_a_source_and_unused_columns_are_named() {
    let rows =
        |value: f64| format!("ts;x;note\n2024-01-01T00:00:00Z;{value};fine\n2024-01-01T00:00:01Z;{value};good\n");
    let desk =
        Desk::with(&[("a.csv", &rows(1.5)), ("b.csv", &rows(2.5)), ("c.ndjson", "{\"ts\":1704067200,\"y\":3}\n")]);
    std::fs::create_dir(desk.path("other")).unwrap();
    desk.put("other/a.csv", rows(3.5));
    assert_snapshot!(desk.ouzel("replay a.csv b.csv c.ndjson other/a.csv").shown());
}

#[test]
fn programs_get_one_object_with_these_keys() {
    let desk = Desk::with(&[("in.csv", "time,x\n2024-01-01T00:00:00Z,1\n2024-01-01T00:01:00Z,2\nx,y\n")]);
    let answer = desk.ouzel("replay in.csv --json");
    assert_eq!((answer.code, answer.out.lines().count()), (Some(0), 1));
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&answer.out).unwrap();
    let mut keys = [
        "readings",
        "rejected",
        "duplicates",
        "moved",
        "features",
        "late",
        "out_of_order",
        "forgotten",
        "revised",
        "said",
        "missed_parts",
        "filtered",
        "lateness",
        "filters",
        "joins",
        "aggregates",
        "anomalies",
        "alerts",
        "matches",
        "seconds",
        "cpu_seconds",
        "peak_rss_bytes",
    ];
    keys.sort_unstable();
    assert_eq!(object.keys().collect::<Vec<_>>(), keys);
    let counts = ["readings", "rejected", "late", "filtered", "aggregates", "anomalies", "alerts", "matches"];
    assert_eq!(counts.map(|key| object[key].as_u64().unwrap()), [2, 1, 0, 0, 2, 0, 0, 0]);
    assert!(object["cpu_seconds"].as_f64().unwrap() > 0.0 && object["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn results_on_standard_output_send_the_summary_to_standard_error() {
    let desk = Desk::with(&[("talk.toml", &TALKATIVE.replace("30d", "300ms"))]);
    assert_snapshot!(desk.ouzel("replay -c talk.toml").shown());
    let answer = desk.ouzel("replay -c talk.toml --json");
    assert_eq!(answer.out.lines().count(), 1);
    assert!(answer.err.contains("`sink.screen` is left out"));
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let desk = Desk::with(&[("talk.toml", TALKATIVE)]);
    let mut child = desk.command("replay -c talk.toml").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    drop(lines);
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_between_two_steps_with_a_summary() {
    use rustix::process::{Pid, Signal, kill_process};
    let desk = Desk::with(&[("talk.toml", TALKATIVE)]);
    for speed in ["max", "1x"] {
        let mut child =
            desk.command(&format!("replay -c talk.toml --speed {speed} --out out-{speed}")).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        lines.read_to_string(&mut out).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{err}");
        assert!(err.starts_with("stopped      before the end of the input\n"), "{err}");
        let written = desk.text(&format!("out-{speed}/aggregates.ndjson"));
        assert!(written.ends_with("}\n"), "{speed}: what was written is not whole");
        assert_eq!(written.lines().count(), out.lines().count() + 1);
    }
}

#[test]
fn a_format_and_an_allowance_are_those_of_the_first_source_that_fits() {
    let config = r#"
[source.json]
type = "file"
path = "none.ndjson"
format = { type = "ndjson", time = "never" }
[source.table]
type = "file"
path = "none.csv"
late = "5s"
format = { type = "csv", time = "when", time_format = "s", device = "who", channels = { heat = "h" } }
[window.ten]
over = "heat"
size = "10s"
"#;
    let rows = "who,when,h,when2\na,100,1,0\na,104,2,0\na,101,3,0\na,90,4,0\n";
    let desk = Desk::with(&[("plan.toml", config), ("in.csv", rows)]);
    let answer = desk.ouzel("replay in.csv -c plan.toml --out out");
    assert_eq!((answer.code, answer.err.as_str()), (Some(0), ""));
    assert_eq!((answer.count("readings"), answer.count("late")), (4, 1));
    assert!(desk.text("out/aggregates.ndjson").contains(r#""channel":"heat""#));
    // On standard input any type may come; the first source's is taken at its word.
    assert!(desk.ouzel_fed("replay - -c plan.toml", rows).err.contains("stdin"));
}

#[test]
fn standard_input_is_read_as_the_config_says() {
    let config = "[source.hall]\ntype = \"stdin\"\n[window.minute]\nover = \"x\"\nsize = \"1m\"\n\
                  [sink.screen]\ntype = \"stdout\"\nformat = \"ndjson\"\ntake = [\"aggregates\"]\n";
    let desk = Desk::with(&[("plan.toml", config)]);
    let answer = desk.ouzel_fed("replay -c plan.toml", "time,x\n2024-01-01T00:00:00Z,1\n2024-01-01T00:00:30Z,3\n");
    assert!(answer.out.contains(r#""key":"hall""#) && answer.out.contains(r#""mean":2"#), "{}", answer.shown());
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let endless = TALKATIVE.replace("for = \"30d\"\n", "");
    let lost = TALKATIVE.replace("temperature", "temprature").replace("30d", "1s");
    let desk = Desk::with(&[
        ("endless.toml", &endless),
        ("lost.toml", &lost),
        ("bare.toml", "[window.minute]\nover = \"x\"\nsize = \"1m\"\n[sink.a]\ntype = \"file\"\npath = \"out\"\n"),
        ("wrong.toml", "[window.minute]\nover = \"x\"\nsise = \"1m\"\n"),
        ("aggregates.ndjson", "{\"ts\":1704067200,\"y\":3}\n"),
        ("words.csv", "time,word\n2024-01-01T00:00:00Z,a\n2024-01-01T00:00:01Z,b\n"),
    ]);
    let shown = [
        "replay",
        "replay -c none.toml",
        "replay -c wrong.toml",
        "replay -c bare.toml",
        "replay -c endless.toml",
        "replay -c lost.toml --json",
        "replay - -",
        "replay -c bare.toml aggregates.ndjson --out out",
        "replay aggregates.ndjson --out .",
        "replay words.csv",
        "replay aggregates.ndjson --speed 0x",
    ]
    .map(|line| {
        let answer = desk.ouzel(line);
        let quiet = if answer.out.starts_with('{') { "{…}\n" } else { &answer.out };
        format!("$ ouzel {line}\n{}{}--- exit code {}\n\n", quiet, answer.err, answer.code.unwrap())
    });
    assert_snapshot!(shown.concat());
}

#[test]
fn a_live_source_is_not_replayed_and_says_what_to_name_instead() {
    let live = "[source.floor]\ntype = \"http\"\n\n[detector.d]\ntype = \"zscore\"\non = \"x\"\n";
    let desk = Desk::with(&[("live.toml", live), ("in.ndjson", "{\"ts\":1704067200,\"x\":3}\n")]);
    let answer = desk.ouzel("replay -c live.toml");
    assert_eq!(answer.code, Some(2));
    assert!(answer.err.contains("`source.floor` is live"), "{}", answer.err);
    assert!(answer.err.contains("name the files to read instead"), "{}", answer.err);
    assert_eq!(desk.ouzel("replay in.ndjson -c live.toml").code, Some(0));
}

const LIMITS: &str = r#"
[source.plant]
type = "file"
path = "plant.csv"
format = { time = "ts", device = "id", channels = ["heat"] }

[join.limits]
table = "limits.csv"
on = "heat"
give = ["high"]

[filter.hot]
on = "heat"
when = "heat > limits.heat.high"

[window.peaks]
over = "hot.heat"
count = 1
give = ["last"]
"#;

#[test]
fn limits_of_each_device_come_from_a_table_that_is_read_once_and_a_bad_one_stops_a_replay() {
    let plant = "ts,id,heat\n2024-01-01T00:00:00Z,a,70\n2024-01-01T00:00:00Z,b,70\n2024-01-01T00:00:01Z,c,70\n";
    let desk = Desk::with(&[("c.toml", LIMITS), ("plant.csv", plant), ("limits.csv", "device;high\na;60\nb;70,5\n")]);
    let checked = desk.ouzel("check c.toml");
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked.out.contains("1 filter, 1 join, 1 window")
            && checked.out.contains("  join limits: a table of 2 rows\n")
    );
    for shards in ["--shards 0", "--shards 3", "--speed 1000x"] {
        let answer = desk.ouzel(&format!("replay -c c.toml --json {shards}"));
        let object: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
        assert_eq!((&object["aggregates"], &object["joins"][0]["missing"]), (&1.into(), &1.into()), "{answer:?}");
    }
    let page = desk.ouzel("replay -c c.toml").out;
    assert!(page.contains("join limits: 2 readings found all that was asked for; 1 lacked something\n"), "{page}");
    desk.put("limits.csv", "device;high\na;60\na;61\n");
    let twice = "limits.csv has two rows about \"a\", in lines 2 and 3: leave one of them out";
    let answer = desk.ouzel("replay -c c.toml");
    assert_eq!((answer.code, answer.err.contains(twice)), (Some(1), true), "{answer:?}");
    let answer = desk.ouzel("check c.toml");
    assert_eq!((answer.code, answer.out.contains(twice)), (Some(78), true), "{answer:?}");
}
