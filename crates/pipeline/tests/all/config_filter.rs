//! `[filter.NAME]` and `[devices]`, from the user's side.

use crate::config::{advised, good, shown};
use insta::assert_snapshot;
use ouzel_engine::plan::{CompressSpec, Keep, Work};
use ouzel_engine::series::Names;
use ouzel_engine::time::Span;
use ouzel_pipeline::config::DevicesConfig;

const THREE_WAYS: &str = r#"
[window.minute]
over = ["door.temperature", "band.`Volume Flow RateRMS`", "temperature"]
size = "1m"

[filter.again]
type  = "compress"
on    = "minute.temperature.mean"
by    = "every"
count = 10

[filter.band]
type     = "compress"
on       = ["temperature", "`Volume Flow RateRMS`"]
by       = "dead-band"
error    = 0.5
at_least = "5m"

[filter.door]
type  = "compress"
on    = "temperature"
by    = "swinging-door"
error = 1

[filter.tens]
type  = "compress"
on    = "door.temperature"
by    = "every"
every = "10s"

[detector.gaps]
type = "missing"
on   = "tens.door.temperature"

[detector.odd]
type = "zscore"
on   = "again.minute.temperature.mean"
"#;

#[test]
fn filters_stand_before_those_who_take_what_they_keep() {
    let config = good(THREE_WAYS);
    let operators = config.plan.operators.iter();
    let lines: Vec<String> = operators.map(|o| format!("{} on {}", o.name, o.on.join(", "))).collect();
    assert_eq!(
        lines,
        [
            "band on temperature, Volume Flow RateRMS",
            "door on temperature",
            "minute on door.temperature, band.Volume Flow RateRMS, temperature",
            "tens on door.temperature",
            "again on minute.temperature.mean",
            "gaps on tens.door.temperature",
            "odd on again.minute.temperature.mean",
        ]
    );
    let spec = |name: &str| match config.plan.operators.iter().find(|o| o.name == name).map(|o| &o.work) {
        Some(Work::Compress(spec)) => *spec,
        other => panic!("{name} is {other:?}"),
    };
    let minutes = Span::from_secs(300);
    assert_eq!(spec("band"), CompressSpec { by: Keep::DeadBand { error: 0.5 }, at_least: Some(minutes) });
    assert_eq!(spec("door"), CompressSpec { by: Keep::SwingingDoor { error: 1.0 }, at_least: None });
    assert_eq!(spec("again"), CompressSpec { by: Keep::First(10), at_least: None });
    assert_eq!(spec("tens"), CompressSpec { by: Keep::Every(Span::from_secs(10)), at_least: None });
    // What is expected of a filter by time is known: five times ten seconds without a word is silence.
    let silence = config.plan.operators.iter().find_map(|o| match &o.work {
        Work::Silence(spec, _) => Some(spec.after),
        _ => None,
    });
    assert_eq!(silence, Some(Span::from_secs(50)));
}

#[test]
fn mistakes_in_filters_are_shown_with_a_way_out() {
    assert_snapshot!(shown(
        r#"
[filter.nothing]

[filter.slim]
type  = "compress"
on    = "temperature"
by    = "swinging"
error = 0.5

[filter.bare]
type  = "compress"
on    = "temperature"
by    = "dead-band"
every = "10s"

[filter.both]
type  = "compress"
on    = "temperature"
by    = "every"
every = "10s"
count = 1
error = 1

[filter.none]
type      = "mark"
on        = "temperature"
by        = "every"
tolerance = 3

[filter.minute]
type  = "compress"
on    = "slim.pressure"
by    = "every"
count = 5

[window.minute]
over = ["slim.", "slim.temprature"]
size = "1m"
"#
    ));
}

#[test]
fn windows_and_filters_in_a_circle_are_named() {
    assert_snapshot!(shown(
        r#"
[filter.slim]
type  = "compress"
on    = "minute.slim.mean"
by    = "every"
count = 2

[window.minute]
over = "slim.minute.slim.mean"
size = "1m"
"#
    ));
}

#[test]
fn a_filter_that_nobody_uses_is_advised_against() {
    assert_snapshot!(advised(
        r#"
[source.hall]
type = "stdin"

[filter.slim]
type  = "compress"
on    = "temperature"
by    = "swinging-door"
error = 0.5

[detector.hot]
type  = "threshold"
on    = "slin.temperature"
above = 80
"#
    ));
}

#[test]
fn devices_have_a_limit_and_may_be_retired() {
    let devices = |section: &str| good(&format!("[source.hall]\ntype = \"stdin\"\n{section}")).devices;
    assert_eq!(devices(""), DevicesConfig { limit: 100_000, idle: None });
    let month = Span::from_secs(30 * 86_400);
    assert_eq!(devices("[devices]\nlimit = 250\nidle = \"30d\""), DevicesConfig { limit: 250, idle: Some(month) });
    assert_eq!(devices("[devices]\nlimit = 1_000_000").limit, Names::LIMIT);
    assert_snapshot!(shown("[source.hall]\ntype = \"stdin\"\n[devices]\nlimit = 2_000_000\nidle = \"0s\"\nmax = 3\n"));
}
