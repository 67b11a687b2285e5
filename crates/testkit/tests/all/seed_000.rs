//! The study of stream analytics on an edge node: its rolling z-score finds 36, 4 and 1 anomalies past 2, 2.5 and 3
//! standard deviations in 600 samples, and so does ours on the same signal.
//!
//! Its rule: the last 100 samples, the judged one among them; silent until there are 20; 0 where the spread is below
//! 1e-6, which this signal never is. With the judged sample left out the same signal gives 42, 5 and 2.

use ouzel_connect::fault::Fault;
use ouzel_connect::source::{Rows, Source};
use ouzel_engine::output::What;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::config;
use ouzel_pipeline::intake::Intake;
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::numpy::{RandomState, linspace};
use std::f64::consts::PI;
use std::path::Path;
use std::sync::Arc;

const SAMPLES: usize = 600;

/// 60 seconds at 10 Hz: a slow wave with noise; four spikes, a shift and a drift.
fn signal() -> Vec<f64> {
    let mut chance = RandomState::new(42);
    let wave = |t: f64| 100.0 + 5.0 * (2.0 * PI * 0.1 * t).sin();
    let times = linspace(0.0, 60.0, SAMPLES);
    let mut signal: Vec<f64> = times.iter().map(|&t| wave(t) + chance.normal(0.0, 1.0)).collect();
    for spike in [50, 150, 250, 400] {
        signal[spike] += f64::from(chance.choice(&[-10, 10]));
    }
    signal[300..350].iter_mut().for_each(|value| *value += 8.0);
    signal[500..580].iter_mut().zip(linspace(0.0, 15.0, 80)).for_each(|(value, drift)| *value += drift);
    signal
}

#[test]
fn the_signal_is_the_one_of_the_study() {
    let signal = signal();
    for (sample, expected) in [
        (0, 100.496_714_153_011_23),
        (1, 100.176_211_732_716_87),
        (50, 90.297_860_444_763_05),
        (150, 110.171_825_161_765_26),
        (300, 107.328_320_891_303_14),
        (599, 100.377_300_493_044_84),
    ] {
        assert!((signal[sample] - expected).abs() < 1e-12, "sample {sample}: {}, not {expected}", signal[sample]);
    }
}

struct Samples(Vec<f64>);

impl Source for Samples {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let device = names.device("node", Timing::default(), &[]).expect("one device");
        let channel = names.channel("signal");
        let series = names.series(device, channel);
        let more = !self.0.is_empty();
        let step = Span::from_millis(100).0;
        let rows = (0..).zip(self.0.drain(..)).map(|(i, value)| Reading::new(series, Time(i * step), value));
        into.rows.extend(rows);
        Ok(more)
    }
}

fn found(threshold: f64, include: bool) -> usize {
    let text = format!(
        "[detector.spike]\ntype = \"zscore\"\non = \"signal\"\npast = \"100\"\nmin = 20\ninclude = {include}\n\
         warning = {threshold}\n"
    );
    let read = config::read("seed 000", &text, Path::new("."));
    let shown = read.render_all(&text);
    let plan = Arc::new(read.config.unwrap_or_else(|| panic!("{shown}")).plan);
    let mut intake = Intake::new(Arc::clone(&plan), vec![Box::new(Samples(signal()))]);
    let (mut stream, mut outputs) = (Stream::new(&plan, 1), Vec::new());
    while let Some(stretch) = intake.next_stretch().unwrap_or_else(|fault| panic!("{}", fault.what)) {
        stream.step(&stretch, &mut outputs);
    }
    outputs.iter().filter(|output| matches!(output.what, What::Anomaly(_))).count()
}

#[test]
fn thresholds_find_what_they_find_in_the_study() {
    assert_eq!([2.0, 2.5, 3.0].map(|threshold| found(threshold, true)), [36, 4, 1]);
}

#[test]
fn without_the_judged_sample_more_is_found() {
    assert_eq!([2.0, 2.5, 3.0].map(|threshold| found(threshold, false)), [42, 5, 2]);
}
