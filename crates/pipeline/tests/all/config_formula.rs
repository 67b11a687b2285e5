//! `[feature.NAME]` with `is`, from the user's side.

use crate::config::{advised, good, shown};
use insta::assert_snapshot;
use ouzel_engine::plan::Work;

#[test]
fn formulas_stand_before_those_who_take_their_values() {
    let config = good(
        r#"
[feature.again]
is = "load.value - previous(load.value)"

[feature.load]
is = "power / `speed in 1/min`"

[feature.peak]
is = "minute.load.value.max - minute.load.value.min"

[window.minute]
over = ["load.value", "slow.load.value"]
size = "1m"

[filter.slow]
on   = "load.value"
when = "load.value < 3 and again.value is present"

[detector.peaks]
type  = "threshold"
on    = "peak.value"
above = 3
"#,
    );
    let operators = config.plan.operators.iter();
    let lines: Vec<String> = operators.map(|o| format!("{} on {}", o.name, o.on.join(", "))).collect();
    assert_eq!(
        lines,
        [
            "load on power, speed in 1/min",
            "again on load.value",
            "slow on load.value",
            "minute on load.value, slow.load.value",
            "peak on minute.load.value.max, minute.load.value.min",
            "peaks on peak.value",
        ]
    );
    let formula = |name: &str| match config.plan.operators.iter().find(|o| o.name == name).map(|o| &o.work) {
        Some(Work::Formula(formula)) => formula.text().to_owned(),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(formula("load"), "power / `speed in 1/min`");
}

#[test]
fn mistakes_in_formulas_are_shown_with_a_way_out() {
    assert_snapshot!(shown(
        r#"
[feature.nothing]

[feature.other]
formula = "power / speed"

[feature.constant]
is = "2 * 3"

[feature.load]
is = "power / sped(x)"

[feature.text]
is = "door is opne"

[feature.late]
is = "session.power.mean / speed"

[feature.door]
is = "slim.power + power"

[feature.result]
is = "minute.power.median + load.mean + 1"

[feature.minute]
is = "power * 2"

[channel.door]
states = ["closed", "open"]

[window.session]
over = "power"
gap  = "1m"

[window.minute]
over = "power"
size = "1m"

[filter.slim]
type  = "compress"
on    = "power"
by    = "swinging-door"
error = 1

[detector.hot]
type  = "threshold"
on    = ["load.mean", "load."]
above = 3
"#
    ));
}

#[test]
fn formulas_in_a_circle_are_named() {
    assert_snapshot!(shown(
        r#"
[feature.load]
is = "power / minute.load.value.mean"

[window.minute]
over = "load.value"
size = "1m"
"#
    ));
}

#[test]
fn formulas_that_nobody_uses_or_that_hardly_ever_speak_are_advised_against() {
    assert_snapshot!(advised(
        r#"
[source.hall]
type = "stdin"

[feature.load]
is = "power / speed"

[feature.drift]
is = "temperature - minute.temperature.mean"

[feature.held]
is = "temperature - last(minute.temperature.mean, 2m)"

[window.minute]
over = "temperature"
size = "1m"

[detector.odd]
type  = "threshold"
on    = ["drift.value", "held.value", "laod.value"]
above = 3

[alert.odd]
on = "odd"

[sink.screen]
type = "stdout"
"#
    ));
}
