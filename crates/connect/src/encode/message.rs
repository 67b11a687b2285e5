//! Findings in plain words, and the templates of alerts.
//!
//! A message says where, what and how far; `why` says by which evidence. Numbers are rounded for reading (the exact
//! ones stand in fields of their own), but a limit stands as the user wrote it.

use super::number::{exact, plain, rounded};
use super::{Book, kind};
use ouzel_engine::output::{Alert, Anomaly, Class, State};
use ouzel_engine::plan::{FlatlineSpec, Operator, Past, Work};
use ouzel_engine::time::Span;

/// Significant digits of a value, of what is usual, and of a score.
const DIGITS_OF_VALUE: usize = 6;
const DIGITS_OF_USUAL: usize = 4;
const DIGITS_OF_SCORE: usize = 2;

/// What an anomaly says: `press-1 temperature 95.2 °C is above 80 °C`.
///
/// Where the numbers are not such as `detector` gives, the words fall back to the limit, or to its kind.
pub fn of_anomaly(anomaly: &Anomaly, detector: &Operator, book: &Book<'_>) -> String {
    let (device, channel) = book.subject(anomaly.series);
    let value = book.quantity(anomaly.value, channel, DIGITS_OF_VALUE);
    match &detector.work {
        _ if !fits(anomaly, &detector.work) => limit_crossed(anomaly, detector, book),
        Work::ZScore(..) => {
            let usual = book.quantity(anomaly.expected, channel, DIGITS_OF_USUAL);
            if anomaly.score.is_infinite() {
                return format!("{channel} of {device} is {value}, and its usual {usual} never varied");
            }
            let score = plain(anomaly.score.abs(), DIGITS_OF_SCORE);
            let side = if anomaly.score < 0.0 { "below" } else { "above" };
            format!("{channel} of {device} is {value}, {score} standard deviations {side} its usual {usual}")
        }
        Work::Flatline(..) => format!("{channel} of {device} is stuck at {value}"),
        Work::Silence(..) => {
            format!("{device} has sent no {channel} for {}", seconds(anomaly.score))
        }
        Work::MissingRate(..) => {
            let (missing, limit) = (share(anomaly.value), share(anomaly.threshold));
            format!("{missing} of the readings of {device} {channel} are missing, more than {limit}")
        }
        Work::RangeFault(_) => {
            let bounds = range_of(anomaly, channel, book);
            format!("{channel} of {device} is {value}, outside {bounds}: a sensor fault")
        }
        Work::Threshold(_) | Work::Window(_) | Work::Compress(_) | Work::Filter(_) | Work::Table(_) => {
            limit_crossed(anomaly, detector, book)
        }
    }
}

fn limit_crossed(anomaly: &Anomaly, detector: &Operator, book: &Book<'_>) -> String {
    let (device, channel) = book.subject(anomaly.series);
    if anomaly.value.is_nan() || anomaly.threshold.is_nan() {
        return format!("{device} {channel}: {}", kind(detector));
    }
    let value = book.quantity(anomaly.value, channel, DIGITS_OF_VALUE);
    let limit = book.measured(exact(anomaly.threshold), anomaly.threshold, channel);
    format!("{device} {channel} {value} is {} {limit}", side(anomaly))
}

/// Whether an anomaly has the numbers that this work gives. No two kinds of detector give the same.
fn fits(anomaly: &Anomaly, work: &Work) -> bool {
    let there = [anomaly.value, anomaly.expected, anomaly.spread].map(|number| !number.is_nan());
    match work {
        Work::Window(_) | Work::Compress(_) | Work::Filter(_) | Work::Table(_) => false,
        Work::Silence(..) => there == [false, false, false] && !anomaly.score.is_nan(),
        Work::Threshold(_) => there == [true, false, false] && anomaly.class == Class::Process,
        Work::MissingRate(..) => there == [true, false, false] && anomaly.class == Class::Sensor,
        Work::RangeFault(_) => there == [true, true, false],
        Work::Flatline(..) => there == [true, false, true],
        Work::ZScore(..) => there == [true, true, true] && !anomaly.score.is_nan(),
    }
}

/// Who found an alert's worst anomaly. The alert knows who gave the first cause; its rule may listen to several, and
/// a `missing` detector is up to three operators of one name, so the numbers decide where they must.
fn finder<'a>(alert: &Alert, book: &Book<'a>) -> &'a Operator {
    let first = book.operator(alert.detector);
    if fits(&alert.worst, &first.work) {
        return first;
    }
    let listens = &book.plan.alerts[usize::from(alert.rule)].on;
    let mut heard = book.plan.operators.iter().filter(|operator| listens.contains(&operator.name));
    heard.find(|operator| fits(&alert.worst, &operator.work)).unwrap_or(first)
}

/// The evidence, in one short phrase: `mean 22.5 °C and standard deviation 1.2 °C over the last 100 readings`.
pub fn why(anomaly: &Anomaly, detector: &Operator, book: &Book<'_>) -> String {
    let (_, channel) = book.subject(anomaly.series);
    match &detector.work {
        Work::Window(_) | Work::Compress(_) | Work::Filter(_) | Work::Table(_) => String::new(),
        Work::Threshold(_) => {
            let limit = book.measured(exact(anomaly.threshold), anomaly.threshold, channel);
            let side = if anomaly.value < anomaly.threshold { "lower" } else { "upper" };
            format!("past the {side} {} limit of {limit}", anomaly.severity)
        }
        Work::ZScore(spec, _) => {
            let mean = book.quantity(anomaly.expected, channel, DIGITS_OF_USUAL);
            let spread = book.quantity(anomaly.spread, channel, DIGITS_OF_USUAL);
            let past = match spec.past {
                Past::Count(count) if anomaly.seen > count => format!("the last {count} readings"),
                Past::Count(_) => "the readings so far".to_owned(),
                Past::Span(span) => format!("the last {span}"),
            };
            format!("mean {mean} and standard deviation {spread} over {past}")
        }
        Work::Flatline(spec, _) => {
            let spread = book.quantity(anomaly.spread, channel, DIGITS_OF_USUAL);
            format!("varied by {spread} over {}", stretch(spec, anomaly.score))
        }
        Work::Silence(spec, _) => format!("at most {} between readings is allowed", spec.after),
        Work::MissingRate(spec, _) => format!("one reading every {} is expected, over {}", spec.every, spec.past),
        Work::RangeFault(_) => format!("the plausible range is {}", range_of(anomaly, channel, book)),
    }
}

/// What an alert says: its rule's template, filled, or else what its worst anomaly says. Once it is over, that comes
/// first: `cleared after 12m: …`.
pub fn of_alert(alert: &Alert, book: &Book<'_>) -> String {
    let rule = &book.plan.alerts[usize::from(alert.rule)];
    let says = if rule.say.is_empty() {
        of_anomaly(&alert.worst, finder(alert, book), book)
    } else {
        fill(&rule.say, |name| word(name, alert, book))
    };
    match alert.state {
        State::Cleared => format!("cleared after {}: {says}", rounded(alert.lasted())),
        State::Pending | State::Firing => says,
    }
}

/// Puts words in the place of names in braces. `{{` and `}}` stand for braces; a name that nobody knows stays as it
/// is, braces and all, so that a slip of the pen is seen and nothing is lost.
pub fn fill(template: &str, word: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(literal) = after.strip_prefix(brace) {
            filled.push_str(brace);
            rest = literal;
            continue;
        }
        let name = if brace == "{" { after.split_once('}') } else { None };
        match name.and_then(|(name, behind)| Some((word(name.trim())?, behind))) {
            Some((found, behind)) => {
                // A channel without a unit must not leave the space before it: `{value} {unit}, limit …`.
                if found.is_empty() && filled.ends_with(' ') {
                    filled.pop();
                }
                filled.push_str(&found);
                rest = behind;
            }
            None => {
                filled.push_str(brace);
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// The names that every alert's template knows; the device's tags come beside them.
pub const WORDS: [&str; 16] = [
    "device",
    "channel",
    "value",
    "expected",
    "spread",
    "threshold",
    "score",
    "severity",
    "kind",
    "since",
    "time",
    "lasted",
    "count",
    "detector",
    "alert",
    "unit",
];

fn word(name: &str, alert: &Alert, book: &Book<'_>) -> Option<String> {
    let (device, channel) = book.subject(alert.series);
    let worst = &alert.worst;
    let number = |number: f64, digits| if number.is_nan() { "none".to_owned() } else { plain(number, digits) };
    Some(match name {
        "device" => device.to_owned(),
        "channel" => channel.to_owned(),
        "value" => number(worst.value, DIGITS_OF_VALUE),
        "expected" => number(worst.expected, DIGITS_OF_USUAL),
        "spread" => number(worst.spread, DIGITS_OF_USUAL),
        "threshold" => number(worst.threshold, DIGITS_OF_VALUE),
        "score" => number(worst.score, DIGITS_OF_SCORE),
        "severity" => alert.severity.name().to_owned(),
        "kind" => kind(book.operator(alert.detector)).to_owned(),
        "since" => alert.since.to_string(),
        "time" => alert.time.to_string(),
        "lasted" => rounded(alert.lasted()).to_string(),
        "count" => alert.count.to_string(),
        "detector" => book.operator(alert.detector).name.clone(),
        "alert" => book.plan.alerts[usize::from(alert.rule)].name.clone(),
        "unit" => book.unit(channel).to_owned(),
        tag => {
            let tags = book.names.device_tags(book.names.of(alert.series).0);
            tags.iter().find(|(key, _)| key == tag)?.1.clone()
        }
    })
}

impl Book<'_> {
    /// A value with its unit, or the name of the state it stands for.
    fn quantity(&self, value: f64, channel: &str, digits: usize) -> String {
        self.measured(plain(value, digits), value, channel)
    }

    fn measured(&self, number: String, value: f64, channel: &str) -> String {
        let states = self.facts(channel).map_or(&[][..], |facts| &facts.states);
        if value >= 0.0 && value.fract() == 0.0 && value < states.len() as f64 {
            return format!("{number} ({})", states[value as usize]);
        }
        match self.unit(channel) {
            "" => number,
            unit => format!("{number} {unit}"),
        }
    }
}

fn side(anomaly: &Anomaly) -> &'static str {
    if anomaly.value < anomaly.threshold { "below" } else { "above" }
}

/// `-40 … 125 °C`; without a range in the plan, the bound that was crossed.
fn range_of(anomaly: &Anomaly, channel: &str, book: &Book<'_>) -> String {
    match book.facts(channel).and_then(|facts| facts.range) {
        Some((low, high)) => {
            let unit = book.unit(channel);
            let space = if unit.is_empty() { "" } else { " " };
            format!("{} … {}{space}{unit}", exact(low), exact(high))
        }
        None => book.measured(exact(anomaly.threshold), anomaly.threshold, channel),
    }
}

/// How long a value was stuck: `score` times the past of the detector.
fn stretch(spec: &FlatlineSpec, score: f64) -> String {
    match spec.past {
        Past::Count(count) => format!("{} readings", plain((f64::from(count) * score).round(), 1)),
        Past::Span(span) => seconds(span.as_secs_f64() * score),
    }
}

fn seconds(seconds: f64) -> String {
    // A float's cast saturates, and seconds of a score came from nanoseconds.
    rounded(Span((seconds * 1e9).round() as i64)).to_string()
}

fn share(rate: f64) -> String {
    format!("{} %", plain(rate * 100.0, 3))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Bench, zscore};
    use super::*;
    use ouzel_engine::output::Severity;
    use ouzel_engine::plan::{Limits, MissingRateSpec, SilenceSpec};

    const NONE: f64 = f64::NAN;

    fn check(work: Work, [value, expected, spread, threshold, score]: [f64; 5], message: &str, because: &str) {
        let sensor =
            matches!(work, Work::Flatline(..) | Work::Silence(..) | Work::MissingRate(..) | Work::RangeFault(_));
        let bench = Bench::with(work);
        let anomaly = Anomaly {
            value,
            expected,
            spread,
            threshold,
            score,
            severity: Severity::Warning,
            class: if sensor { Class::Sensor } else { Class::Process },
            ..bench.anomaly()
        };
        let detector = bench.book().operator(1);
        assert_eq!(of_anomaly(&anomaly, detector, &bench.book()), message);
        assert_eq!(why(&anomaly, detector, &bench.book()), because);
    }

    #[test]
    fn limits_say_which_side() {
        let work = || Work::Threshold(Limits::default());
        check(
            work(),
            [95.2, NONE, NONE, 80.0, 95.2],
            "press-1 temperature 95.2 °C is above 80 °C",
            "past the upper warning limit of 80 °C",
        );
        check(
            work(),
            [-41.0, NONE, NONE, -40.0, NONE],
            "press-1 temperature -41 °C is below -40 °C",
            "past the lower warning limit of -40 °C",
        );
    }

    #[test]
    fn z_scores_say_how_far_from_what_is_usual() {
        check(
            zscore(Past::Count(100)),
            [27.8, 22.504_1, 1.204_7, 26.1, 4.396],
            "temperature of press-1 is 27.8 °C, 4.4 standard deviations above its usual 22.5 °C",
            "mean 22.5 °C and standard deviation 1.205 °C over the last 100 readings",
        );
        check(
            zscore(Past::Span(Span::from_secs(300))),
            [17.0, 22.5, 1.0, 19.5, -5.5],
            "temperature of press-1 is 17 °C, 5.5 standard deviations below its usual 22.5 °C",
            "mean 22.5 °C and standard deviation 1 °C over the last 5m",
        );
        check(
            zscore(Past::Count(1000)),
            [17.0, 22.5, 0.0, 22.5, f64::NEG_INFINITY],
            "temperature of press-1 is 17 °C, and its usual 22.5 °C never varied",
            "mean 22.5 °C and standard deviation 0 °C over the readings so far",
        );
    }

    #[test]
    fn stuck_and_silent_sensors_say_for_how_long() {
        let flat = |past| Work::Flatline(FlatlineSpec { past, spread: 0.0 }, Limits::default());
        let stuck = "temperature of press-1 is stuck at 20.5 °C";
        check(flat(Past::Count(30)), [20.5, NONE, 0.0, NONE, 1.5], stuck, "varied by 0 °C over 45 readings");
        check(
            flat(Past::Span(Span::from_secs(60))),
            [20.5, NONE, 0.1, NONE, 1.5],
            stuck,
            "varied by 0.1 °C over 1m30s",
        );
        check(
            Work::Silence(SilenceSpec { after: Span::from_secs(10) }, Limits::default()),
            [NONE, NONE, NONE, 10.0, 12.0],
            "press-1 has sent no temperature for 12s",
            "at most 10s between readings is allowed",
        );
        let spec = MissingRateSpec { past: Span::from_secs(60), every: Span::from_secs(1) };
        check(
            Work::MissingRate(spec, Limits::default()),
            [0.45, NONE, NONE, 0.2, 0.45],
            "45 % of the readings of press-1 temperature are missing, more than 20 %",
            "one reading every 1s is expected, over 1m",
        );
    }

    #[test]
    fn values_outside_the_range_are_called_sensor_faults() {
        check(
            Work::RangeFault(Limits::default()),
            [500.0, 125.0, NONE, 125.0, 375.0],
            "temperature of press-1 is 500 °C, outside -40 … 125 °C: a sensor fault",
            "the plausible range is -40 … 125 °C",
        );
    }

    #[test]
    fn numbers_that_do_not_fit_the_detector_still_make_a_sentence() {
        let bench = Bench::with(zscore(Past::Count(10)));
        let worst = Anomaly { value: 95.2, expected: NONE, spread: NONE, threshold: 80.0, ..bench.anomaly() };
        let detector = bench.book().operator(1);
        assert_eq!(of_anomaly(&worst, detector, &bench.book()), "press-1 temperature 95.2 °C is above 80 °C");
        let worst = Anomaly { value: NONE, ..worst };
        assert_eq!(of_anomaly(&worst, detector, &bench.book()), "press-1 temperature: zscore");
    }

    #[test]
    fn an_alert_of_several_detectors_speaks_as_the_one_that_found_the_worst() {
        let mut bench = Bench::with(Work::Silence(SilenceSpec { after: Span::from_secs(10) }, Limits::default()));
        let spec = MissingRateSpec { past: Span::from_secs(60), every: Span::from_secs(1) };
        for work in [Work::MissingRate(spec, Limits::default()), Work::RangeFault(Limits::default())] {
            let again = Operator { work, ..bench.plan.operators[1].clone() };
            bench.plan.operators.push(again);
        }
        let mut alert = bench.alert(State::Firing);
        for ([value, expected, threshold], says) in [
            ([NONE, NONE, 10.0], "press-1 has sent no temperature for 4s400ms"),
            ([0.45, NONE, 0.2], "45 % of the readings of press-1 temperature are missing, more than 20 %"),
            ([500.0, 125.0, 125.0], "temperature of press-1 is 500 °C, outside -40 … 125 °C: a sensor fault"),
        ] {
            let class = Class::Sensor;
            alert.worst = Anomaly { value, expected, spread: NONE, threshold, class, ..bench.anomaly() };
            assert_eq!(of_alert(&alert, &bench.book()), says);
        }
    }

    #[test]
    fn templates_are_filled_and_slips_stay_visible() {
        let known = |name: &str| matches!(name, "device").then(|| "press-1".to_owned());
        for (template, filled) in [
            ("{device} is hot", "press-1 is hot"),
            ("{ device }", "press-1"),
            ("{devise} is hot", "{devise} is hot"),
            ("{{device}} {device}}}", "{device} press-1}"),
            ("{device", "{device"),
            ("} {}", "} {}"),
            ("°{device}°", "°press-1°"),
            ("{x{device}", "{xpress-1"),
        ] {
            assert_eq!(fill(template, known), filled, "{template}");
        }
    }

    #[test]
    fn an_alert_says_its_template_with_every_word() {
        let mut bench = Bench::with(zscore(Past::Count(100)));
        let say = WORDS.map(|w| format!("{{{w}}}")).join(" | ") + " | {line} | {hall}";
        bench.plan.alerts[0].say = say;
        let mut alert = bench.alert(State::Firing);
        assert_eq!(
            of_alert(&alert, &bench.book()),
            "press-1 | temperature | 27.8 | 22.5 | 1.2 | 26.1 | 4.4 | critical | zscore | 2024-01-01T00:00:00Z | \
             2024-01-01T00:12:00Z | 12m | 7 | spike | hot | °C | 3 | {hall}"
        );
        bench.plan.alerts[0].say = "too hot".into();
        alert.state = State::Cleared;
        assert_eq!(of_alert(&alert, &bench.book()), "cleared after 12m: too hot");
    }

    #[test]
    fn states_are_called_by_their_names() {
        let mut bench = Bench::with(Work::Threshold(Limits::default()));
        bench.plan.channels[0].states = vec!["off".into(), "on".into()];
        let anomaly = Anomaly { value: 1.0, expected: NONE, spread: NONE, threshold: 0.5, ..bench.anomaly() };
        let book = bench.book();
        assert_eq!(of_anomaly(&anomaly, book.operator(1), &book), "press-1 temperature 1 (on) is above 0.5 °C");
    }
}
