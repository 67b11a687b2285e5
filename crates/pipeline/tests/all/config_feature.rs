//! `[feature.NAME]`, from the user's side.

use crate::config::{advised, good, shown};
use insta::assert_snapshot;
use ouzel_engine::plan::{FeatureSpec, PartSpec, Past, Rolled, Work};
use ouzel_engine::time::Span;

fn spec(text: &str) -> FeatureSpec {
    let config = good(text);
    let of = |work: &Work| if let Work::Feature(spec) = work { Some(spec.clone()) } else { None };
    config.plan.operators.iter().find_map(|operator| of(&operator.work)).expect("it has a feature")
}

const ALL: &str = r#"
[detector.odd]
type = "zscore"
on   = "rise.recent.temperature.mean_5m.difference"

[feature.rise]
on   = "recent.temperature.mean_5m"
give = ["difference"]

[feature.recent]
on        = ["temperature", "`Volume Flow RateRMS`"]
past      = ["10", "1_000", "5m"]
half_life = "20"
min       = 5
give      = ["mean", "p99_9", "lag_10", "ewm_mean"]

[filter.calm]
on   = "temperature"
when = "recent.temperature.lag_10 > 3 and temperature > 0"

[window.minute]
over = ["recent.`Volume Flow RateRMS`.mean_1000", "calm.temperature"]
size = "1m"
"#;

#[test]
fn features_stand_before_those_who_take_them_and_share_what_they_keep() {
    let config = good(ALL);
    let operators: Vec<String> =
        config.plan.operators.iter().map(|o| format!("{} on {}", o.name, o.on.join(", "))).collect();
    assert_eq!(
        operators,
        [
            "recent on temperature, Volume Flow RateRMS",
            "rise on recent.temperature.mean_5m",
            "calm on temperature",
            "odd on rise.recent.temperature.mean_5m.difference",
            "minute on recent.Volume Flow RateRMS.mean_1000, calm.temperature",
        ]
    );
    let spec = spec(ALL);
    let names: Vec<&str> = spec.names().collect();
    assert_eq!(names, ["mean_10", "p99_9_10", "mean_1000", "p99_9_1000", "mean_5m", "p99_9_5m", "lag_10", "ewm_mean",]);
    assert_eq!(spec.parts.len(), 5);
    let PartSpec::Rolling(last) = &spec.parts[2].work else { panic!("{:?}", spec.parts[2]) };
    assert_eq!((last.past, last.min), (Past::Span(Span::from_secs(300)), Some(5)));
    assert_eq!(last.give, [Rolled::Mean, Rolled::Quantile(99_900)]);
}

#[test]
fn one_past_is_not_in_the_names() {
    let spec = spec(
        "[feature.f]\non = \"x\"\npast = \"1.5h\"\ngive = [\"mean\", \"median\"]\n[detector.d]\ntype = \"zscore\"\non = \"f.x.median\"\n",
    );
    assert_eq!(spec.names().collect::<Vec<_>>(), ["mean", "median"]);
}

#[test]
fn mistakes_in_features() {
    assert_snapshot!(shown(
        r#"
[feature.words]
on   = "x"
past = "10"
give = ["avg", "mean", "median_10", "lag_0", "p100", "diff"]

[feature.past]
on   = "x"
give = ["std", "lag_1"]

[feature.idle]
on        = "x"
past      = "5"
half_life = "5"
min       = 3
give      = ["lag_1"]

[feature.fading]
on   = "x"
give = ["ewm_mean"]

[feature.pasts]
on   = "x"
past = ["60s", "1.5h", "1m", "ten"]
give = ["mean"]

[feature.never]
on     = "x"
past   = ["5", "50"]
min    = 10
window = "5m"
give   = ["mean"]

[feature.nothing]

[detector.d]
type = "zscore"
on   = ["words.x.mode", "words.y.mean", "words.x", "never.x.mean"]
"#
    ));
}

#[test]
fn features_go_round_in_a_circle() {
    assert_snapshot!(shown(
        r#"
[channel.x]
every = "1s"

[feature.a]
on   = "b.x.lag_1"
past = "5m"
give = ["mean"]

[feature.b]
on   = "a.x.mean"
give = ["lag_1"]

[detector.d]
type = "missing"
on   = "a.b.x.lag_1.mean"
"#
    ));
}

#[test]
fn what_makes_channels_has_a_name_of_its_own() {
    assert_snapshot!(shown(
        r#"
[window.recent]
over = "x"
size = "1m"

[feature.recent]
on   = "x"
give = ["lag_1"]
"#
    ));
}

#[test]
fn unwise_features_are_advised_on() {
    assert_snapshot!(advised(
        r#"
[source.s]
type = "file"
path = "x.csv"

[channel.x]
every = "10ms"

[feature.dense]
on   = "x"
past = "10m"
give = ["median"]

[feature.long]
on   = "x"
past = "1h"
give = ["mean"]

[feature.unused]
on   = "x"
give = ["lag_1"]

[detector.d]
type = "zscore"
on   = ["dense.x.median", "long.x.mean", "lng.x.mean"]

[alert.d]
on = "d"

[sink.screen]
type = "stdout"
"#
    ));
}
