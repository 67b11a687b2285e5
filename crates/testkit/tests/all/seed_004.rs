//! The lab of complex events: the temperature when motion starts, and when it ends, and how far it has risen in between. The
//! example that joins them on the lab's profile, against a plain walk over its readings.

use ouzel_connect::source::Source;
use ouzel_connect::source::simulate::Simulator;
use ouzel_engine::output::What;
use ouzel_engine::time::Time;
use ouzel_pipeline::config::{self, SourceKind};
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::play::Recorded;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// By the name of a channel.
type Said = BTreeMap<String, Vec<(Time, f64)>>;

/// Of each visit the temperature at its begin and at its end, and the rise.
fn walk(readings: &Said) -> Said {
    let temperatures: BTreeMap<Time, f64> = readings["temperature"].iter().copied().collect();
    let mut said = Said::new();
    let mut say =
        |channel: &str, time: Time, value: f64| said.entry(channel.to_owned()).or_default().push((time, value));
    let mut began = None;
    for pair in readings["motion"].windows(2) {
        let time = pair[1].0;
        match (pair[0].1, pair[1].1) {
            (0.0, 1.0) => {
                began = Some(temperatures[&time]);
                say("warmth.came.motion.value", time, temperatures[&time]);
            }
            (1.0, 0.0) => {
                say("warmth.left.motion.value", time, temperatures[&time]);
                began.into_iter().for_each(|began| say("rise.value", time, temperatures[&time] - began));
            }
            _ => {}
        }
    }
    // Who is still there at the end leaves with it.
    if let (Some(began), Some(&(time, 1.0))) = (began, readings["motion"].last()) {
        say("rise.value", time, temperatures[&time] - began);
    }
    said
}

#[test]
fn the_example_tells_how_warm_it_was_when_motion_began_and_ended() {
    let path = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../examples/motion.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let config = config::read("motion.toml", &text, path.parent().unwrap()).config.unwrap();
    let said = ["rise.value", "warmth.came.motion.value", "warmth.left.motion.value"].map(str::to_owned).to_vec();
    assert_eq!(config.plan.said, said);
    let SourceKind::Simulate(settings) = &config.sources[0].what else { panic!("it is not simulated") };
    let source: Box<dyn Source> = Box::new(Simulator::new(settings, config.sources[0].timing).unwrap());
    let plan = Arc::new(config.plan);
    let recorded = Recorded::of(&plan, vec![source]).unwrap();
    let (mut stream, mut outputs) = (Stream::new(&plan, 1), Vec::new());
    recorded.stretches().iter().for_each(|stretch| stream.step(stretch, &mut outputs));
    let channel = |series| stream.names().channel_name(stream.names().of(series).1).to_owned();
    let (mut readings, mut got) = (Said::new(), Said::new());
    for row in recorded.stretches().iter().flat_map(|stretch| &stretch.batch.rows) {
        if (row.series.0 as usize) < stream.names().series_count() {
            readings.entry(channel(row.series)).or_default().push((row.time, row.value));
        }
    }
    for output in &outputs {
        if let What::Reading(said) = &output.what {
            got.entry(channel(said.reading.series)).or_default().push((said.reading.time, said.reading.value));
        }
    }
    let expected = walk(&readings);
    assert!(expected["rise.value"].len() >= 10, "{} visits", expected["rise.value"].len());
    assert_eq!(got, expected);
}
