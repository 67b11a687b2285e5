//! `[window.NAME]`, `[group.NAME]` and filters by conditions, from the user's side.

use crate::config::{advised, good, shown};
use insta::assert_snapshot;
use ouzel_engine::plan::{
    FilterSpec, Given, Operator, Per, SessionSpec, Shape, Statistic, Step, WhenLate, WindowSpec, Work,
};
use ouzel_engine::time::Span;

/// The operators of a config that go by this name.
fn called(text: &str, name: &str) -> Vec<Operator> {
    good(text).plan.operators.into_iter().filter(|operator| operator.name == name).collect()
}

/// The one window of a config.
fn window(settings: &str) -> WindowSpec {
    let text = format!("[window.w]\nover = \"temperature\"\n{settings}\n");
    match &called(&text, "w")[..] {
        [Operator { work: Work::Window(spec), .. }] => spec.clone(),
        other => panic!("not one window: {other:?}"),
    }
}

fn filter(text: &str) -> FilterSpec {
    match &called(text, "f")[..] {
        [Operator { work: Work::Filter(spec), .. }] => spec.clone(),
        other => panic!("not one filter: {other:?}"),
    }
}

fn seconds(seconds: i64) -> Span {
    Span::from_secs(seconds)
}

#[test]
fn every_shape_has_its_key() {
    let session = |longest| SessionSpec { gap: seconds(30), longest, start: None, active: None };
    for (settings, shape) in [
        ("size = \"1m\"", Shape::Time { size: seconds(60), every: seconds(60) }),
        ("size = \"1m\"\nevery = \"7s\"", Shape::Time { size: seconds(60), every: seconds(7) }),
        ("sliding = \"5s\"", Shape::Sliding { size: seconds(5), every: Span::ZERO }),
        ("sliding = \"5s\"\nevery = \"1s\"", Shape::Sliding { size: seconds(5), every: seconds(1) }),
        ("count = 50", Shape::Count { size: 50, every: 50 }),
        ("count = 50\nevery = 10", Shape::Count { size: 50, every: 10 }),
        ("gap = \"30s\"", Shape::Session(Box::new(session(None)))),
        ("gap = \"30s\"\nlongest = \"1h\"", Shape::Session(Box::new(session(Some(seconds(3_600)))))),
    ] {
        assert_eq!(window(settings).shape, shape, "{settings}");
    }
}

#[test]
fn days_are_those_of_a_zone() {
    let shape = |settings: &str| match window(settings).shape {
        Shape::Calendar { step, zone } => (step, zone),
        other => panic!("{other:?}"),
    };
    let (step, zone) = shape("calendar = \"day\"");
    assert_eq!((step, zone.name.as_str(), zone.first, zone.turns.len()), (Step::Day, "UTC", 0, 0));
    let (step, zone) = shape("calendar = \"6h\"\nzone = \"Europe/Berlin\"");
    assert_eq!((step, zone.name.as_str(), zone.first), (Step::Hours(6), "Europe/Berlin", 3_600));
    assert!(zone.turns.len() > 200);
}

#[test]
fn whose_readings_and_what_becomes_of_late_ones() {
    let spec = window("size = \"1m\"\nmin = 5\nwhen_late = \"revise 5m\"");
    assert_eq!((spec.min, spec.per, spec.when_late), (5, Per::Device, WhenLate::Revise(seconds(300))));
    assert_eq!(window("size = \"1m\"\nwhen_late = \"forget\"").when_late, WhenLate::Forget);
    assert_eq!(window("size = \"1m\"\nper = \"tag:room\"").per, Per::Tag("room".to_owned()));
    assert_eq!(window("size = \"1m\"\nper = \"all\"").per, Per::All);
    let text = "[group.place]\nby = \"tag:room\"\n[window.w]\nover = \"x\"\nper = \"place\"\nsize = \"1m\"\n";
    let [Operator { work: Work::Window(spec), .. }] = &called(text, "w")[..] else { panic!("one window") };
    assert_eq!(spec.per, Per::Tag("room".to_owned()));
}

#[test]
fn a_window_gives_what_it_is_asked_for_in_the_order_asked_for() {
    let spec = window("size = \"1m\"\ngive = [\"p95\", \"mean\", \"p99_9\", \"share_1\", \"median\", \"time_mean\"]");
    let given = |name: &str, what| Given { name: name.to_owned(), what };
    assert_eq!(
        spec.give,
        [
            given("p95", Statistic::Quantile(95_000)),
            given("mean", Statistic::Mean),
            given("p99_9", Statistic::Quantile(99_900)),
            given("share_1", Statistic::Share(1)),
            given("median", Statistic::Quantile(50_000)),
            given("time_mean", Statistic::TimeMean),
        ]
    );
    let usual: Vec<Statistic> = window("size = \"1m\"").give.iter().map(|given| given.what).collect();
    assert_eq!(usual, Statistic::USUAL);
}

const BY_CHANNEL: &str = r#"
[channel.door]
states = ["closed", "open"]
[channel.gate]
states = ["open", "closed", "stuck"]

[window.minute]
over = ["temperature", "battery", "door", "gate", "Volume Flow RateRMS"]
size = "1m"
give = ["mean", "battery.last", "share_open", "anomalies_odd", "`Volume Flow RateRMS`.p95"]

[detector.odd]
type = "zscore"
on   = ["door", "temperature"]

[detector.flat]
type      = "threshold"
on        = "minute.battery.last"
below     = 20
"#;

#[test]
fn channels_that_get_other_statistics_are_operators_of_their_own() {
    let lines: Vec<String> = called(BY_CHANNEL, "minute")
        .iter()
        .map(|operator| {
            let Work::Window(spec) = &operator.work else { panic!("a window") };
            let give: Vec<String> = spec.give.iter().map(|given| format!("{}={:?}", given.name, given.what)).collect();
            format!("{}: {} {:?}", operator.on.join(", "), give.join(" "), spec.counts)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "temperature: mean=Mean anomalies_odd=Anomalies(0) [\"odd\"]",
            "battery: mean=Mean last=Last []",
            "door: mean=Mean share_open=Share(1) anomalies_odd=Anomalies(0) [\"odd\"]",
            "gate: mean=Mean share_open=Share(0) []",
            "Volume Flow RateRMS: mean=Mean p95=Quantile(95000) []",
        ]
    );
    // The detector whose anomalies are counted has to have spoken.
    let names: Vec<String> = good(BY_CHANNEL).plan.operators.into_iter().map(|operator| operator.name).collect();
    assert_eq!(names, ["odd", "minute", "minute", "minute", "minute", "minute", "flat"]);
}

#[test]
fn a_session_has_conditions_over_other_channels_and_results() {
    let text = r#"
[window.visit]
over   = "temperature"
gap    = "10m"
start  = "motion becomes true or minute.temperature.mean > 30"
active = "motion"

[window.minute]
over = "temperature"
size = "1m"
"#;
    let [Operator { work: Work::Window(WindowSpec { shape: Shape::Session(spec), .. }), .. }] =
        &called(text, "visit")[..]
    else {
        panic!("one session")
    };
    assert_eq!(spec.start.as_ref().unwrap().channels(), ["motion", "minute.temperature.mean"]);
    assert_eq!(spec.active.as_ref().unwrap().text(), "motion");
    // What the condition asks for is made before.
    let names: Vec<String> = good(text).plan.operators.into_iter().map(|operator| operator.name).collect();
    assert_eq!(names, ["minute", "visit"]);
}

#[test]
fn a_filter_marks_in_silence_and_drops_aloud() {
    let text = |more: &str| format!("[filter.f]\non = \"temperature\"\nwhen = \"temperature < 80 and motion\"\n{more}");
    let said = |more: &str| {
        let spec = filter(&text(more));
        (spec.drop, spec.tell)
    };
    assert_eq!(said("[window.w]\nover = \"f.temperature\"\nsize = \"1m\"\n"), (false, false));
    assert_eq!(said("tell = true\n[window.w]\nover = \"x\"\nsize = \"1m\"\n"), (false, true));
    assert_eq!(said("do = \"drop\"\n[window.w]\nover = \"x\"\nsize = \"1m\"\n"), (true, true));
    assert_eq!(said("do = \"drop\"\ntell = false\n[window.w]\nover = \"x\"\nsize = \"1m\"\n"), (true, false));
    let when = filter(&text("type = \"condition\"\n[window.w]\nover = \"x\"\nsize = \"1m\"\n")).when;
    assert_eq!((when.channels().len(), when.parts().len()), (2, 2));
}

#[test]
fn what_a_filter_drops_reaches_nobody_whatever_the_order_of_the_file() {
    let text = r#"
[window.minute]
over = "temperature"
size = "1m"

[detector.hot]
type  = "threshold"
on    = "temperature"
above = 80

[window.ten]
over = "light"
size = "10s"

[filter.plausible]
on   = "temperature"
when = "temperature between -20 and 60 and ten.light.max < 3"
do   = "drop"
"#;
    let names: Vec<String> = good(text).plan.operators.into_iter().map(|operator| operator.name).collect();
    assert_eq!(names, ["ten", "plausible", "minute", "hot"]);
    // A filter that needs what it would come before keeps its place behind it.
    let names: Vec<String> = good(&text.replace("ten.light.max", "minute.temperature.max"))
        .plan
        .operators
        .into_iter()
        .map(|operator| operator.name)
        .collect();
    assert_eq!(names, ["minute", "ten", "plausible", "hot"]);
}

#[test]
fn mistakes_in_shapes_are_shown_with_a_way_out() {
    assert_snapshot!(shown(
        r#"
[window.none]
over = "x"

[window.two]
over = "x"
size = "1m"
gap  = "5s"

[window.other]
over   = "x"
count  = 50
zone   = "Europe/Berlin"
active = "x > 3"

[window.steps]
over  = "x"
count = 10
every = 20

[window.unit]
over  = "x"
count = 10
every = "20s"

[window.slow]
over    = "x"
sliding = "5s"
every   = "6s"

[window.pieces]
over  = "x"
size  = "100d"
every = "7s"

[window.place]
over     = "x"
calendar = "day"
zone     = "Berlin"

[window.hours]
over     = "x"
calendar = "5h"

[window.many]
over  = "x"
count = 5
min   = 6
"#
    ));
}

#[test]
fn mistakes_in_what_is_given_are_shown_with_a_way_out() {
    assert_snapshot!(shown(
        r#"
[channel.door]
states = ["closed", "open"]

[window.words]
over = ["x", "door"]
size = "1m"
give = ["avg", "medan", "p99.9", "p100", "share_opn", "door.share_ajar", "battery.last", ".last"]

[window.states]
over = "x"
size = "1m"
give = ["share_on"]

[window.nothing]
over = ["x", "door"]
size = "1m"
give = ["door.last"]

[window.counts]
over = "x"
size = "1m"
give = ["anomalies_od", "anomalies_silent", "anomalies_odd"]

[detector.odd]
type = "zscore"
on   = "door"

[detector.silent]
type    = "missing"
on      = "x"
silence = "5s"
"#
    ));
}

#[test]
fn mistakes_in_lateness_and_groups_are_shown_with_a_way_out() {
    assert_snapshot!(shown(
        r#"
[group.room]
by = "room"

[group.all]
by = "tag:x"

[window.words]
over      = "x"
size      = "1m"
when_late = "revise"

[window.kept]
over      = "x"
size      = "1s"
when_late = "revise 1h"

[window.order]
over      = "x"
size      = "1m"
give      = ["mean", "time_mean", "missing"]
when_late = "revise 5m"

[window.month]
over      = "x"
calendar  = "month"
when_late = "revise 5m"

[window.session]
over      = "x"
gap       = "1m"
active    = "x > 3"
when_late = "revise 5m"

[window.beside]
over      = "x"
per       = "all"
size      = "1m"
give      = ["mean", "rate", "share_1"]
when_late = "revise 5m"

[window.slides]
over    = "x"
per     = "roon"
sliding = "1m"

[window.counts]
over  = "x"
per   = "tag:room"
count = 10

[detector.hot]
type  = "threshold"
on    = "beside.x.mean"
above = 3
"#
    ));
}

#[test]
fn mistakes_in_conditions_are_shown_where_they_stand() {
    assert_snapshot!(shown(
        r#"
[channel.door]
states = ["closed", "open"]

[filter.f]
on   = "x"
when = "x > 3 and door = \"ajar\""

[filter.g]
on   = "x"
when = 'x > 3 and door = "opne" and motion'

[filter.h]
on   = ["x", "y"]
when = "x > 3 and minute.x.p95 < 7"
do   = "remove"

[filter.i]
on    = "x"
by    = "every"
when  = "x > 3"

[filter.j]
type  = "compress"
on    = "x"
by    = "every"
every = "1s"
when  = "x > 3"

[window.minute]
over = "x"
size = "1m"

[window.visit]
over  = "x"
gap   = "1m"
start = "x rises over 3"
"#
    ));
}

#[test]
fn a_circle_through_conditions_and_counted_anomalies_is_named() {
    assert_snapshot!(shown(
        r#"
[window.minute]
over = "kept.x"
size = "1m"
give = ["mean", "anomalies_odd"]

[filter.kept]
on   = "x"
when = "x < minute.kept.x.mean"

[detector.odd]
type = "zscore"
on   = "kept.x"
"#
    ));
}

#[test]
fn what_is_told_to_nobody_is_advised_against() {
    assert_snapshot!(advised(
        r#"
[source.hall]
type = "file"
path = "in.csv"

[group.room]
by = "tag:room"

[filter.quiet]
on   = "temperature"
when = "motion"

[filter.loud]
on   = "temperature"
when = "motion"
tell = true

[window.now]
over    = "temperature"
sliding = "5s"

[channel.temperature]
every = "1s"

[sink.results]
type = "file"
path = "out"
"#
    ));
}
