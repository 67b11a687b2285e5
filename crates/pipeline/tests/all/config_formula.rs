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
fn mistakes_in_time_of_day_and_vibration_are_shown_with_a_way_out() {
    assert_snapshot!(shown(
        r#"
[feature.slots]
on   = "power"
give = ["daily_residual", "hour_sin"]
slot = "7m"
days = 90
zone = "Berlin"

[feature.fine]
on   = "power"
give = "daily_expected"
slot = "10s"
days = 1

[feature.odd]
on       = "power"
give     = ["bands", "peaks"]
block    = 1000
bands    = ["0-10Hz"]
sampling = "1kHz"

[feature.units]
on       = "power"
give     = ["band_0_10"]
bands    = ["0-10"]
sampling = "1000"

[feature.which]
on       = "power"
give     = ["band_0_100"]
bands    = ["0-10Hz", "10-100Hz"]
sampling = "1kHz"

[feature.how]
on    = ["power", "speed"]
give  = "bands"
bands = "0-10Hz"

[feature.high]
on      = "power"
give    = "bands"
bands   = ["0-10Hz", "500-600Hz"]
overlap = 0.5
min     = 3

[feature.much]
on      = "power"
give    = ["peak"]
overlap = 1

[feature.alone]
on    = "power"
give  = "lag_1"
slot  = "5m"
bands = "0-10Hz"

[channel.power]
every = "1ms"
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
