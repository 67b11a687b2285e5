//! What pandas says of a series, feature by feature, to 1e-9: the seven features of one published detector, the rolling
//! windows and lags of another, and more of a past, by time, and of what fades.
//!
//! `python/features.py` made both files: what came in, and what pandas says of each reading. An empty cell is a past that is
//! not full yet, and there nothing may be given.

use ouzel_engine::output::What;
use ouzel_engine::time::Time;
use ouzel_pipeline::config::{self, SourceKind};
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::play::Recorded;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CONFIG: &str = r#"
[source.press]
type = "file"
path = "input.csv"
format = { type = "csv", time = "time", time_format = "s", device = "device", channels = ["temperature"] }

[feature.seven]
on   = "temperature"
past = "10"
give = ["hour_sin", "hour_cos", "difference", "mean", "std", "range"]

[feature.recent]
on   = "temperature"
past = ["10", "60", "300"]
give = ["mean", "std_sample", "min", "max", "lag_1", "lag_5", "lag_10"]

[feature.more]
on   = "temperature"
past = "25"
give = ["median", "p95", "sum"]

[feature.timed]
on   = "temperature"
past = "15m"
give = ["mean", "median", "count", "max"]

[feature.least]
on   = "temperature"
past = "15m"
min  = 5
give = ["mean", "variance_sample"]

[feature.fading]
on        = "temperature"
half_life = "20"
give      = ["ewm_mean", "ewm_std"]

[feature.timed_fading]
on        = "temperature"
half_life = "20m"
give      = ["ewm_mean"]
"#;

fn folder() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is");
    Path::new(&here).join("fixtures/features")
}

/// By channel and time in seconds.
type Results = BTreeMap<(String, i64), f64>;

fn expected() -> (Vec<String>, Results) {
    let text = std::fs::read_to_string(folder().join("expected.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head: Vec<String> = lines.next().unwrap().into_iter().skip(1).map(str::to_owned).collect();
    let mut all = Results::new();
    for line in lines {
        let time = line[0].parse().unwrap();
        let cells = head.iter().zip(&line[1..]).filter(|(_, cell)| !cell.is_empty());
        all.extend(cells.map(|(name, cell)| ((name.clone(), time), cell.parse::<f64>().unwrap())));
    }
    (head, all)
}

/// What Ouzel says of each reading: a window of one reading says what is in it.
fn given(channels: &[String]) -> Results {
    let over: Vec<String> = channels.iter().map(|channel| format!("{channel:?}")).collect();
    let each = format!("[window.each]\nover = [{}]\ncount = 1\ngive = [\"last\"]\n", over.join(", "));
    let text = format!("{CONFIG}\n{each}");
    let read = config::read("features.toml", &text, &folder());
    let shown = read.render_all(&text);
    let config = read.config.unwrap_or_else(|| panic!("{shown}"));
    let SourceKind::Files { paths, format } = &config.sources[0].what else { panic!("{:?}", config.sources) };
    let source = ouzel_connect::source::file::open(&paths[0], format, config.sources[0].timing, None).unwrap().source;
    let plan = Arc::new(config.plan);
    let recorded = Recorded::of(&plan, vec![source]).unwrap();
    let (mut stream, mut outputs) = (Stream::new(&plan, 1), Vec::new());
    recorded.stretches().iter().for_each(|stretch| stream.step(stretch, &mut outputs));
    let mut all = Results::new();
    for output in outputs {
        let What::Aggregate(a) = output.what else { continue };
        let Time(time) = a.end;
        let channel = stream.names().channel_name(stream.names().of(a.series).1).to_owned();
        let earlier = all.insert((channel, time / 1_000_000_000), a.more.unwrap()[0]);
        assert_eq!(earlier, None, "one result a reading");
    }
    all
}

#[test]
fn rolling_lag_and_fading_features_are_those_of_pandas() {
    let (channels, expected) = expected();
    let given = given(&channels);
    for (of, value) in &expected {
        let Some(got) = given.get(of) else { panic!("{of:?}: pandas says {value}, and we say nothing") };
        assert!((got - value).abs() <= 1e-9 * value.abs().max(1.0), "{of:?}: {got} is not {value}");
    }
    let more = given.keys().find(|of| !expected.contains_key(*of));
    assert_eq!(more, None, "we say something that pandas does not say");
    assert!(channels.len() >= 28 && expected.len() > 9_000, "{} channels, {} numbers", channels.len(), expected.len());
}
