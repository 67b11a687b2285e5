//! The config file, from the user's side: what is said of mistakes, and what a good config becomes.

use insta::assert_snapshot;
use ouzel_connect::secret::Secret;
use ouzel_connect::sink::{Encoding, Noun, SinkSettings, Target};
use ouzel_connect::source::simulate::{FaultKind, Profile};
use ouzel_engine::plan::*;
use ouzel_engine::time::{Span, Time};
use ouzel_lake::LakeSettings;
use ouzel_pipeline::config::{Config, Read, ServerConfig, SourceKind, read};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn reading(text: &str) -> Read {
    read("press-line.toml", text, Path::new("/plant"))
}

pub fn shown(text: &str) -> String {
    reading(text).render_all(text)
}

/// A config that must be without problems.
pub fn good(text: &str) -> Config {
    let read = reading(text);
    assert!(read.problems.is_empty(), "{}", read.render_all(text));
    read.config.expect("a config without problems can be run")
}

/// The advice on a config that must be without problems.
pub fn advised(text: &str) -> String {
    good(text);
    shown(text)
}

fn operators(text: &str) -> Vec<String> {
    let lines = good(text).plan.operators.into_iter();
    lines.map(|operator| format!("{} on {} = {:?}", operator.name, operator.on.join(", "), operator.work)).collect()
}

const PRESS_LINE: &str = r#"
[channel.temperature]
unit  = "°C"
range = [-40, 125]
every = "1s"

[source.floor]
type   = "file"
paths  = ["monday.csv", "/data/tuesday.csv"]
format = { type = "csv", time = "ts", time_format = "ms", device = "press", channels = ["temperature", "vibration"], tags = ["line"], separator = ";", decimal = "," }

[alert.hot]                       # before what it names: the order is free
on       = ["spike", "drift"]
severity = "critical"
say      = "{device} on line {line}: {channel} is {value}, {expected} is usual"
clear    = "15m"
send     = ["screen"]

[detector.drift]
type  = "threshold"
on    = "minute.temperature.mean"
above = { warning = 80, critical = 95.5 }
kind  = "too hot"

[window.minute]
over = ["temperature", "vibration"]
per  = "device"
size = "1m"
every = "20s"
give = ["mean", "max"]

[detector.spike]
type     = "zscore"
on       = "temperature"
past     = "60"
critical = 5
side     = "above"

[sink.screen]
type = "stdout"

[sink.archive]
type   = "file"
path   = "out"
format = "csv"
take   = ["aggregates", "anomalies"]
"#;

#[test]
fn a_good_config_becomes_its_plan() {
    let config = good(PRESS_LINE);
    let text = |s: &str| s.to_owned();

    let [source] = &config.sources[..] else { panic!("{:?}", config.sources) };
    assert_eq!((source.name.as_str(), source.timing.late, source.timing.arrival), ("floor", Span::ZERO, false));
    let SourceKind::Files { paths, format } = &source.what else { panic!("{source:?}") };
    assert_eq!(paths, &[PathBuf::from("/plant/monday.csv"), PathBuf::from("/data/tuesday.csv")]);
    assert_eq!(format.channels[1], (text("vibration"), text("vibration")));
    assert_eq!((format.separator, format.decimal_comma, format.header), (Some(b';'), Some(true), None));
    assert_eq!((format.time_format.as_deref(), format.device.as_deref()), (Some("ms"), Some("press")));

    let give = [Statistic::Mean, Statistic::Max];
    let minute = WindowSpec::time(Span::from_secs(60), Span::from_secs(20), &give);
    let spike = ZScoreSpec { past: Past::Count(60), min: 20, floor: 0.0, include: false };
    let five = Levels { warning: None, critical: Some(5.0) };
    let hot = Levels { warning: Some(80.0), critical: Some(95.5) };
    let expected = Plan {
        channels: vec![ChannelFacts {
            name: text("temperature"),
            unit: text("°C"),
            range: Some((-40.0, 125.0)),
            every: Some(Span::from_secs(1)),
            resolution: None,
            states: vec![],
        }],
        operators: vec![
            Operator {
                name: text("minute"),
                on: vec![text("temperature"), text("vibration")],
                work: Work::Window(minute),
            },
            Operator {
                name: text("spike"),
                on: vec![text("temperature")],
                work: Work::ZScore(spike, Limits { above: five, kind: text("spike"), ..Limits::default() }),
            },
            Operator {
                name: text("drift"),
                on: vec![text("minute.temperature.mean")],
                work: Work::Threshold(Limits { above: hot, kind: text("too hot"), ..Limits::default() }),
            },
        ],
        alerts: vec![AlertRule {
            name: text("hot"),
            on: vec![text("spike"), text("drift")],
            severity: Some(ouzel_engine::output::Severity::Critical),
            hold: Span::ZERO,
            clear: Span::from_secs(900),
            warm_up: 30,
            say: text("{device} on line {line}: {channel} is {value}, {expected} is usual"),
            send: vec![text("screen")],
        }],
        said: Vec::new(),
    };
    assert_eq!(config.plan, expected);

    let screen = SinkSettings { target: Target::Stdout, encoding: Encoding::Text, take: vec![Noun::Alerts].into() };
    let archive = SinkSettings {
        target: Target::Folder("/plant/out".into()),
        encoding: Encoding::Csv,
        take: vec![Noun::Aggregates, Noun::Anomalies].into(),
    };
    assert_eq!(config.sinks, [(text("screen"), screen), (text("archive"), archive)]);
    assert!(reading(PRESS_LINE).advice.is_empty(), "{}", shown(PRESS_LINE));
}

#[test]
fn ten_mistakes_are_ten_problems_in_one_pass() {
    let text = r#"
[chanel.temperature]
unit = "°C"

[source.floor]
type   = "file"
path   = "monday.csv"
format = { type = "csv", tme = "ts" }

[window.minute]
over = "temperature"
size = 60
give = ["mean", "p950"]

[detector.spike]
type     = "zscore"
on       = "minute.temperature.max"
treshold = 3

[detector.hot]
type  = "treshold"
on    = "temperature"

[alert.hot]
on   = ["hot", "spikes"]
say  = "{device}: {vale} °C"
send = ["screen"]

[sink.screen]
type = "stdout"
format = "txt"
"#;
    let read = reading(text);
    assert_snapshot!("ten_mistakes", read.render_all(text));
    assert_eq!(read.problems.len(), 10);
    assert_eq!(read.config, None);
    assert!(read.advice.is_empty());
}

#[test]
fn an_empty_file_shows_the_least_that_is_needed() {
    assert_snapshot!("empty", shown(""));
    assert_snapshot!("only_a_comment", shown("# nothing yet\n"));
    assert_snapshot!("nothing_to_do", shown("[channel.temperature]\nunit = \"°C\"\n"));
}

#[test]
fn broken_toml_is_a_problem_with_a_place() {
    assert_snapshot!("syntax", shown("[detector.spike]\ntype = zscore\non = \"temperature\npast = \"100\"\n"));
    assert_snapshot!("syntax_header", shown("[detector.spike\ntype = \"zscore\"\n"));
    assert_snapshot!(
        "twice",
        shown("[detector.a]\ntype = \"zscore\"\non = \"t\"\n\n[detector.a]\ntype = \"zscore\"\n")
    );
}

#[test]
fn what_is_no_section_is_shown_its_form() {
    assert_snapshot!(
        "headers",
        shown(
            "sources = 3\n[detector]\ntype = \"zscore\"\non = \"t\"\n[window]\n[[sink]]\n[[sinks.x]]\n[pattern.x]\n[source.\"a.b\"]\ntype = \"stdin\"\n[server]\n"
        )
    );
}

#[test]
fn a_journal_has_a_folder_and_a_longest_wait() {
    let of = |section: &str| good(&format!("[source.s]\ntype = \"stdin\"\n{section}")).journal;
    let millis = |sync: &str| of(&format!("[journal]\nsync = \"{sync}\"")).sync.as_millis();
    assert_eq!((of("").folder, of("").sync.as_millis()), ("/plant/journal".into(), 20));
    assert_eq!(of("[journal]\ndir = \"j\"").folder, Path::new("/plant/j"));
    assert_eq!((millis("each"), millis("1s")), (0, 1_000));
}

#[test]
fn mistakes_of_a_journal_are_shown() {
    assert_snapshot!(
        "journal",
        shown(
            r#"
[source.s]
type = "stdin"

[journal]
path = "j"
sync = "1m"
"#
        )
    );
    assert_snapshot!(
        "journal_sync",
        shown(
            r#"
[source.s]
type = "stdin"

[journal]
sync = "soon"
"#
        )
    );
}

#[test]
fn a_lake_has_a_folder_and_bounds() {
    let text = "[source.s]\ntype = \"stdin\"\n[lake]\ndir = \"lake\"\n";
    let defaults = LakeSettings::new("/plant/lake");
    assert_eq!(good(text).lake, Some(defaults.clone()));
    let all = format!("{text}every = \"1m\"\nkeep = \"30d\"\nat_most = \"10GB\"\nrecent = \"64 MiB\"\n");
    let settings = LakeSettings {
        every: Span::from_secs(60),
        keep: Some(Span::from_secs(30 * 86_400)),
        at_most: Some(10_000_000_000),
        recent: 64 << 20,
        ..defaults
    };
    assert_eq!(good(&all).lake, Some(settings));
    assert_eq!(good("[source.s]\ntype = \"stdin\"\n").lake, None);
}

#[test]
fn mistakes_of_a_lake_are_shown() {
    assert_snapshot!(
        "lake",
        shown(
            r#"
[source.s]
type = "stdin"
[lake]
path    = "lake"
every   = "10ms"
keep    = "0s"
at_most = 10
recent  = "12kB"
format  = "csv"
"#
        )
    );
    assert_snapshot!(
        "lake_size",
        shown("[source.s]\ntype = \"stdin\"\n[lake]\ndir = \"l\"\nat_most = \"10 gigs\"\nkept = \"1d\"\n")
    );
    assert_snapshot!("lake_list", shown("[source.s]\ntype = \"stdin\"\n[[lake]]\ndir = \"l\"\n"));
}

#[test]
fn the_server_is_for_this_machine_alone_unless_there_is_a_key() {
    let config = |text: &str| good(&format!("[source.a]\ntype = \"stdin\"\n{text}")).server;
    assert_eq!(config(""), None);
    let listen = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
    assert_eq!(config("[server]"), Some(ServerConfig { listen: listen(&["127.0.0.1:8080"]), key: None }));
    let text = "[server]\nlisten = [\"localhost:1\", \"0.0.0.0:2\"]\nkey = \"${file:key}\"";
    let key = Some(Secret::File("/plant/key".into()));
    assert_eq!(config(text), Some(ServerConfig { listen: listen(&["127.0.0.1:1", "0.0.0.0:2"]), key }));
    let around = |text: &str| shown(&format!("[source.a]\ntype = \"stdin\"\n{text}"));
    assert_snapshot!("server", around("[server]\nlisten = [\"127.0.0.1\", \"[::]:80\"]\nport = 80\n"));
    assert_snapshot!("server_key", around("[server]\nlisten = \"0.0.0.0:80\"\nkey = \"secret\"\ntokens = 1\n"));
    assert_snapshot!("server_form", around("[[server]]\nlisten = \"0.0.0.0:80\"\n"));
}

#[test]
fn a_value_of_the_wrong_type_is_answered_with_the_right_one() {
    assert_snapshot!(
        "types",
        shown(
            r#"
[channel.temperature]
unit = 3
range = [125, -40]
every = "1"
resolution = -0.1
states = []
[channel.light]
range = [1, "2"]
states = ["off", "off"]
[source.floor]
type = "simulate"
profile = "lap"
devices = 2.5
rate = "10 Hz"
for = "1 hour"
seed = -1
start = "yesterday"
random_faults = "yes"
signals = { channel = "a" }
faults = [{ kind = "spike" }, { kind = "spke", at = "1s", size = 1 }, 3]
[detector.spike]
type = "zscore"
on = []
past = 100
min = "20"
floor = nan
warning = "3"
hold = "0"
hysteresis = 9e999
"#
        )
    );
}

#[test]
fn settings_of_a_format_that_contradict_each_other_are_problems() {
    assert_snapshot!(
        "formats",
        shown(
            r#"
[source.a]
type = "stdin"
format = { type = "ndjson", time = "ts", every = "1s", separator = ";", zone = "Europe/Berln" }
[source.e]
type = "file"
path = "x.csv"
format = { decimal = ",", separator = ",", every = "1s", time_format = "ms" }
[source.b]
type = "file"
path = "x.csv"
paths = ["y.csv"]
format = { channels = { a = "x", b = 2, c = true }, channel = "c", value = "v", device = "d", device_name = "e", time_format = "%Y %!", decimal = ";" }
[source.d]
type = "stdin"
[source.c]
type = "file"
format = { start = 2024-01-01T00:00:00Z, separator = ";;", time_format = "iso" }
queue = {}
time = "ts"
"#
        )
    );
}

#[test]
fn detectors_say_what_they_need() {
    assert_snapshot!(
        "detectors",
        shown(
            r#"
[channel.light]
unit = "lx"
[detector.nothing]
[detector.untyped]
on = "light"
[detector.bare]
type = "threshold"
on = "light"
side = "above"
[detector.turned]
type = "threshold"
on = "light"
above = { warning = 10, critical = 5, severe = 1 }
below = { critical = 20 }
severity = "critical"
[detector.spike]
type = "zscore"
on = "light"
false_alarms = "1 in 10_000"
warning = -3
critical = 0
past = "1"
[detector.distance]
type = "zscore"
on = "light"
warning = 4
critical = 3
[detector.stuck]
type = "flatline"
on = "light"
[detector.gaps]
type = "missing"
on = "light"
[detector.few]
type = "missing"
on = "light"
rate = 10
[detector.fewer]
type = "missing"
on = "light"
rate = 0.1
past = "5m"
range = true
[detector.least]
type = "missing"
on = "light"
every = "1m"
past = "5m"
"#
        )
    );
}

#[test]
fn names_that_lead_nowhere_are_answered_with_those_that_exist() {
    assert_snapshot!(
        "names",
        shown(
            r#"
[window.minute]
over = ["temperature", "`Volume Flow RateRMS`"]
size = "1m"
give = ["mean", "max"]
[window.hour]
over = ["minute.temperature.mean", "minute.temprature.mean"]
size = "1h"
every = "2h"
[window.year]
over = "temperature"
size = "365d"
every = "1ms"
[detector.a]
type = "zscore"
on = ["minute.temperature", "minute.pressure.mean", "minute.temperature.std", "minute.temperature.men"]
[alert.a]
on = ["minute", "b"]
send = ["archive", "a", "scren"]
say = "{device} {tag:line} {tag:} {{ {tag:kind} } {"
[sink.archive]
type = "file"
path = "out"
take = ["anomalies"]
[sink.screen]
type = "stdout"
[sink.other]
type = "stdout"
[sink.copy]
type = "file"
path = "out"
format = "ndjson"
"#
        )
    );
}

#[test]
fn windows_over_their_own_results_are_named_as_a_circle() {
    assert_snapshot!(
        "circles",
        shown(
            r#"
[window.a]
over = ["t", "b.t.mean"]
size = "1m"
[window.b]
over = ["t", "c.t.mean"]
size = "1m"
[window.c]
over = ["t", "a.t.mean"]
size = "1m"
[window.own]
over = ["t", "own.t.mean"]
size = "1m"
"#
        )
    );
}

#[test]
fn operators_stand_after_those_whose_results_they_take() {
    let lines = operators(
        r#"
[detector.late]
type = "threshold"
on = "hour.minute.t.mean.max"
above = 1
[window.hour]
over = "minute.t.mean"
size = "1h"
give = "max"
[detector.early]
type = "threshold"
on = "t"
above = 1
[window.minute]
over = "t"
size = "1m"
"#,
    );
    let names: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["early", "minute", "hour", "late"]);
}

#[test]
fn names_in_backticks_are_channels_as_devices_call_them() {
    let lines = operators(
        r#"
[window.minute]
over = ["Volume Flow RateRMS", "minute"]
size = "1m"
[detector.a]
type = "threshold"
on = ["Volume Flow RateRMS", "`minute.x`", "minute.`Volume Flow RateRMS`.mean", "engine.oil.pressure"]
above = 1
"#,
    );
    assert!(lines[0].starts_with("minute on Volume Flow RateRMS, minute ="));
    let on = "a on Volume Flow RateRMS, minute.x, minute.Volume Flow RateRMS.mean, engine.oil.pressure =";
    assert!(lines[1].starts_with(on), "{}", lines[1]);
}

#[test]
fn a_tag_that_no_format_lists_is_written_with_its_kind() {
    let alert = "[detector.d]\ntype = \"zscore\"\non = \"t\"\n[alert.a]\non = \"d\"\nsay = \"{{ {tag:line} { device }: ä }}\"\n";
    assert_eq!(good(alert).plan.alerts[0].say, "{{ {line} {device}: ä }}");
}

#[test]
fn detectors_take_defaults_from_their_channels() {
    let text = r#"
[channel.temperature]
every = "2s"
range = [0, 50]
resolution = 0.1
[channel.light]
every = "1s"
[detector.gaps]
type = "missing"
on = ["temperature", "light"]
[detector.few]
type = "missing"
on = "light"
rate = 0.1
past = "5m"
severity = "critical"
[detector.stuck]
type = "flatline"
on = ["temperature", "light"]
past = "30"
[detector.spike]
type = "zscore"
on = "light"
[detector.low]
type = "zscore"
on = "light"
side = "below"
warning = 2
critical = 4
past = "5m"
min = 50
floor = 0.5
include = true
hold = "10s"
[detector.cold]
type = "threshold"
on = "temperature"
below = 5
hysteresis = 0.5
severity = "critical"
[window.minute]
over = "light"
size = "1m"
[detector.dark]
type = "missing"
on = "minute.light.count"
"#;
    assert_snapshot!("defaults", operators(text).join("\n"));
}

#[test]
fn a_simulator_is_set_up_in_full() {
    let config = good(
        r#"
[source.lab]
type = "simulate"
profile = "lab"
devices = 3
rate = "30/m"
for = "1h"
seed = 7
start = 2024-05-01T12:00:00+02:00
random_faults = false
signals = [{ channel = "oil", mean = 3, amplitude = 0.5, period = "60s", noise = 0.1, drift = 0.01, shift = -1, shift_at = "10s" }]
faults = [{ kind = "gap", device = "lab", at = "10s", for = "5s" }, { kind = "burst", channel = "oil", at = "1m", size = 5 }]
late = "500ms"
"#,
    );
    let SourceKind::Simulate(settings) = &config.sources[0].what else { panic!("{config:?}") };
    assert_eq!((settings.profile, settings.devices, settings.rate_hz), (Profile::Lab, Some(3), Some(0.5)));
    assert_eq!((settings.length, settings.seed), (Some(Span::from_secs(3_600)), 7));
    assert_eq!(settings.start, Time::from_secs(1_714_557_600));
    assert!(!settings.random_faults);
    assert_eq!(settings.signals[0].shift_at, Some(Span::from_secs(10)));
    assert_eq!((settings.signals[0].mean, settings.signals[0].shift), (Some(3.0), Some(-1.0)));
    let kinds: Vec<FaultKind> = settings.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::Gap, FaultKind::Burst]);
    assert_eq!(config.sources[0].timing.late, Span::from_millis(500));

    let config = good("[source.s]\ntype = \"simulate\"\n");
    let SourceKind::Simulate(settings) = &config.sources[0].what else { panic!("{config:?}") };
    assert_eq!((settings.profile, settings.random_faults, settings.length), (Profile::Fleet, true, None));
}

#[test]
fn columns_may_be_renamed_and_separated_by_tabs() {
    let config = good(
        "[source.s]\ntype = \"stdin\"\nformat = { channels = { z = \"col b\", a = 2 }, separator = \"\\t\", header = false, every = \"1s\", start = \"2024-01-01T00:00:00Z\" }\n",
    );
    let SourceKind::Stdin { format } = &config.sources[0].what else { panic!("{config:?}") };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(format.channels, [pair("col b", "z"), pair("2", "a")]);
    assert_eq!((format.separator, format.header), (Some(b'\t'), Some(false)));
    assert_eq!(format.start, Some(Time::from_secs(1_704_067_200)));
}

#[test]
fn unwise_settings_get_advice_and_start_all_the_same() {
    assert_snapshot!(
        "advice",
        advised(
            r#"
[channel.temperature]
every = "10s"
[channel.oil]
unit = "bar"
[source.floor]
type = "file"
path = "x.csv"
format = { channels = ["temperature", "light"] }
late = "2s"
[window.minute]
over = "temperature"
size = "1m"
[window.fine]
over = ["light", "temprature"]
size = "1h"
every = "10ms"
[detector.few]
type = "zscore"
on = "light"
past = "10"
min = 5
warning = 1
[detector.never]
type = "zscore"
on = "minutes.light.mean"
past = "15"
[detector.capped]
type = "zscore"
on = "light"
past = "30"
include = true
warning = 5.3
[detector.heard]
type = "threshold"
on = "light"
above = 3
[alert.nowhere]
on = "heard"
"#
        )
    );
}

#[test]
fn advice_on_channels_waits_until_all_of_them_are_known() {
    let open = "[source.a]\ntype = \"stdin\"\n[detector.d]\ntype = \"zscore\"\non = \"anything\"\n[alert.a]\non = \"d\"\nsend = \"s\"\n[sink.s]\ntype = \"stdout\"\n";
    assert_eq!(advised(open), "");
    let closed = open.replace("\"stdin\"", "\"simulate\"");
    assert_snapshot!("closed_set", advised(&closed));
}

#[test]
fn memory_is_estimated_for_the_series_that_costs_most() {
    assert_eq!(good("[source.s]\ntype = \"stdin\"\n").bytes_per_series(), 64);
    let spike = "[detector.spike]\ntype = \"zscore\"\non = \"a\"\n";
    assert_eq!(good(spike).bytes_per_series(), 64 + 100 + 800);
    let window = format!(
        "{spike}[window.m]\nover = [\"a\", \"b\"]\nsize = \"5m\"\nevery = \"1m\"\n[detector.l]\ntype = \"threshold\"\non = \"m.a.max\"\nabove = 1\n"
    );
    assert_eq!(good(&window).bytes_per_series(), 64 + 900 + (100 + 5 * 64) + (64 + 64));
}

#[test]
fn programs_get_the_same_as_json() {
    let text = "[detector.spike]\ntype = \"zscore\"\non = \"t\"\ntreshold = 3\n";
    let hint = "write `warning` or `critical`: distances from the mean in standard deviations";
    let problem = serde_json::json!({
        "message": "`detector.spike` has no setting `treshold`", "file": "press-line.toml", "line": 4, "column": 1, "hint": hint,
    });
    let whole = serde_json::json!({ "problems": [problem], "advice": [], "memory_bytes_per_series": null });
    assert_eq!(reading(text).to_json(), whole);
    let fine = reading("[detector.spike]\ntype = \"zscore\"\non = \"t\"\n").to_json();
    assert_eq!(fine["memory_bytes_per_series"], 964);
    assert_eq!(fine["problems"], serde_json::json!([]));
}

/// Problems must stand inside the file, and be printable.
fn check_places(text: &str) {
    let read = reading(text);
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in read.problems.iter().chain(&read.advice) {
        assert!(1 <= problem.line && problem.line <= lines.len(), "{problem:?} in {text:?}");
        let length = lines[problem.line - 1].chars().count();
        assert!(problem.column >= 1 && problem.column - 1 + problem.length <= length, "{problem:?} in {text:?}");
    }
    assert_eq!(read.config.is_some(), read.problems.is_empty());
    read.render_all(text);
}

#[test]
fn odd_files_are_read_without_panic() {
    for text in ["\u{feff}[a]", "a\u{0}b", "\r", "[a]\r\nb = 'é", "a = \"\"\"\nlong\n", "=", "]", "\u{1b}[2J = 1"] {
        check_places(text);
    }
    check_places(&"a.".repeat(50_000));
    check_places(&format!("a = {}", "[".repeat(50_000)));
    check_places(&format!("a = {}", "{ a = ".repeat(50_000)));
}

/// Lines of a config, some of them right.
fn line() -> impl Strategy<Value = String> {
    let header = ("channel|source|window|detector|alert|sink|x", "[a-c]").prop_map(|(k, n)| format!("[{k}.{n}]"));
    let key = "type|on|over|past|size|every|give|take|say|send|path|format|range|above|rate|silence|signals|é";
    let value = prop_oneof![
        "\"(zscore|threshold|missing|flatline|file|stdout|stdin|simulate|a|b|a.t.mean|b.a.t.mean.max|`a`|1m|10|5s|\\{x|é)\"",
        "\"[ -~]{0,8}\"".prop_map(|s| s.replace('\\', "")),
        "-?[0-9]{1,3}",
        Just("[1, 2]".to_owned()),
        Just("[\"a.t.mean\", \"b.t.mean\", \"t\"]".to_owned()),
        Just("{ time = \"é\", warning = 1 }".to_owned()),
        Just("[{ channel = 1 }, {}]".to_owned()),
        Just("true".to_owned()),
    ];
    prop_oneof![header, (key, value).prop_map(|(k, v)| format!("{k} = {v}"))]
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic_and_with_places_inside(text in ".{0,200}") {
        check_places(&text);
    }

    #[test]
    fn any_lines_are_read_without_panic_and_with_places_inside(lines in prop::collection::vec(line(), 0..30)) {
        // A key only once in a section, so that most cases get past the TOML parser.
        let mut seen = std::collections::HashSet::new();
        let mut section = String::new();
        let mut text = String::new();
        for line in lines {
            if line.starts_with('[') { section = line.clone(); }
            let key = line.split(" = ").next().unwrap_or_default();
            if seen.insert(format!("{section} {key}")) {
                text.push_str(&line);
                text.push('\n');
            }
        }
        check_places(&text);
    }

    #[test]
    fn a_damaged_config_is_read_without_panic_and_with_places_inside(at in 0..PRESS_LINE.len(), with in "[\\[\\]{}=\"a.0é\n]{0,2}") {
        let at = PRESS_LINE.floor_char_boundary(at);
        let next = PRESS_LINE[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        check_places(&format!("{}{with}{}", &PRESS_LINE[..at], &PRESS_LINE[next..]));
    }
}

#[test]
fn two_of_one_client_id_and_blocking_without_acknowledgement_are_told() {
    let text = r#"
[source.floor]
type      = "mqtt"
broker    = "mqtt://plant"
client_id = "me"
topics    = "a/#"
qos       = 0
queue     = { when_full = "block" }

[detector.d]
type = "zscore"
on   = "x"

[alert.a]
on   = "d"
send = "plant"

[sink.plant]
type      = "mqtt"
broker    = "mqtt://plant"
client_id = "me"
"#;
    assert_snapshot!("client_ids", shown(text));
}
