//! The study of stream analytics on an edge node: its figures on its signals, and ours.
//!
//! Its windows of the last 50 samples after every 10, and of the last 5 seconds every second, give 26 and 29 results of 300
//! samples (11.5 and 10.3 samples a result), the latter of 46.7 samples on average. Its rolling z-score finds 36, 4 and 1
//! anomalies past 2, 2.5 and 3 standard deviations in 600 samples. The rule of that one: the last 100 samples, the judged one among them; silent until there are 20; 0 where the spread is below
//! 1e-6, which this signal never is. With the judged sample left out the same signal gives 42, 5 and 2.

use ouzel_connect::fault::Fault;
use ouzel_connect::source::{Rows, Source};
use ouzel_engine::output::{Aggregate, What};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::config;
use ouzel_pipeline::intake::Intake;
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::numpy::{RandomState, linspace};
use ouzel_testkit::oracle::plain;
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

/// Samples with their times in nanoseconds.
struct Samples(Vec<(i64, f64)>);

impl Source for Samples {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let device = names.device("node", Timing::default(), &[]).expect("one device");
        let channel = names.channel("signal");
        let series = names.series(device, channel);
        let more = !self.0.is_empty();
        into.rows.extend(self.0.drain(..).map(|(time, value)| Reading::new(series, Time(time), value)));
        Ok(more)
    }
}

/// What a config says of samples.
fn said(text: &str, samples: Vec<(i64, f64)>) -> Vec<What> {
    let read = config::read("seed 000", text, Path::new("."));
    let shown = read.render_all(text);
    let plan = Arc::new(read.config.unwrap_or_else(|| panic!("{shown}")).plan);
    let mut intake = Intake::new(Arc::clone(&plan), vec![Box::new(Samples(samples))]);
    let (mut stream, mut outputs) = (Stream::new(&plan, 1), Vec::new());
    while let Some(stretch) = intake.next_stretch().unwrap_or_else(|fault| panic!("{}", fault.what)) {
        stream.step(&stretch, &mut outputs);
    }
    outputs.into_iter().map(|output| output.what).collect()
}

fn found(threshold: f64, include: bool) -> usize {
    let text = format!(
        "[detector.spike]\ntype = \"zscore\"\non = \"signal\"\npast = \"100\"\nmin = 20\ninclude = {include}\n\
         warning = {threshold}\n"
    );
    let step = Span::from_millis(100).0;
    let samples = (0..).zip(signal()).map(|(i, value)| (i * step, value)).collect();
    said(&text, samples).iter().filter(|what| matches!(what, What::Anomaly(_))).count()
}

#[test]
fn thresholds_find_what_they_find_in_the_study() {
    assert_eq!([2.0, 2.5, 3.0].map(|threshold| found(threshold, true)), [36, 4, 1]);
}

#[test]
fn without_the_judged_sample_more_is_found() {
    assert_eq!([2.0, 2.5, 3.0].map(|threshold| found(threshold, false)), [42, 5, 2]);
}

/// 30 seconds at 10 Hz: a trend and a wave with noise, and three spikes.
fn trend() -> Vec<(i64, f64)> {
    let mut chance = RandomState::new(42);
    let times = linspace(0.0, 30.0, 300);
    let wave = |t: f64| 50.0 + 0.5 * t + 10.0 * (2.0 * PI * 0.2 * t).sin();
    let mut signal: Vec<f64> = times.iter().map(|&t| wave(t) + chance.normal(0.0, 2.0)).collect();
    for spike in [100, 150, 200] {
        signal[spike] += f64::from(chance.choice(&[-15, 15]));
    }
    times.iter().map(|t| (t * 1e9).round() as i64).zip(signal).collect()
}

fn windows(text: &str) -> Vec<Aggregate> {
    let aggregate = |what| if let What::Aggregate(aggregate) = what { Some(aggregate) } else { None };
    said(text, trend()).into_iter().filter_map(aggregate).collect()
}

#[test]
fn the_last_50_samples_after_every_10_are_26_results() {
    let results =
        windows("[window.w]\nover = \"signal\"\ncount = 50\nevery = 10\ngive = [\"count\", \"mean\", \"reduction\"]\n");
    assert_eq!(results.len(), 26);
    assert!(results.iter().all(|result| result.count == 50));
    // 80 % of the samples of a window are in the next one, too.
    let samples = trend();
    let at = |time: Time| samples.iter().position(|sample| sample.0 == time.0).unwrap();
    for pair in results.windows(2) {
        assert_eq!(at(pair[0].end) + 1 - at(pair[1].start), 40);
    }
    for (turn, result) in results.iter().enumerate() {
        let values: Vec<f64> = samples[10 * turn..10 * turn + 50].iter().map(|sample| sample.1).collect();
        let plain = plain(&values);
        assert!((result.mean - plain.mean).abs() < 1e-9 && (result.std - plain.std).abs() < 1e-9);
        assert_eq!((result.min, result.max), (plain.min, plain.max));
    }
    // "0.9 results/sec", "11.5x". The last result is of sample 300.
    assert_eq!(format!("{:.1}", results.len() as f64 / 30.0), "0.9");
    let reduction = results.last().and_then(|last| last.more.as_ref()).map(|more| more[0]).unwrap();
    assert_eq!(format!("{reduction:.1}"), "11.5");
}

#[test]
fn the_last_5_seconds_every_second_are_29_results_of_46_7_samples() {
    let results = windows("[window.w]\nover = \"signal\"\nsliding = \"5s\"\nevery = \"1s\"\n");
    assert_eq!(results.len(), 29);
    let samples: u64 = results.iter().map(|result| result.count).sum();
    assert_eq!(format!("{:.1}", samples as f64 / results.len() as f64), "46.7");
    assert_eq!(format!("{:.1}", 300.0 / results.len() as f64), "10.3");
    let all = trend();
    for result in results {
        let inside = all.iter().filter(|sample| result.start.0 <= sample.0 && sample.0 <= result.end.0);
        let values: Vec<f64> = inside.map(|sample| sample.1).collect();
        let plain = plain(&values);
        assert_eq!((result.count as usize, result.min, result.max), (plain.count, plain.min, plain.max));
        assert!((result.mean - plain.mean).abs() < 1e-9 && (result.std - plain.std).abs() < 1e-9);
        assert_eq!(result.end.0 - result.start.0, 5_000_000_000);
    }
}
