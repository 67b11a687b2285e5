//! The configs in `examples/`: all of them can be run as they stand, and say what the studies behind them say.

use ouzel_engine::plan::{Levels, Past, Plan, Shape, Statistic, Work};
use ouzel_engine::time::Span;
use ouzel_pipeline::cases;
use ouzel_pipeline::config::{Config, SourceKind, read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is")).join("../../examples")
}

/// An example by its name, without problems and without advice that it does not explain.
fn example(name: &str) -> Config {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    let read = read(name, &text, Path::new("/plant"));
    assert!(read.problems.is_empty(), "{}", read.render_all(&text));
    for advice in &read.advice {
        // Waiting for stragglers has its price, and those examples say so beside it.
        assert!(advice.message.contains("wait"), "{}", advice.render(name, &text));
    }
    read.config.unwrap()
}

fn work<'a>(plan: &'a Plan, name: &str) -> Vec<&'a Work> {
    plan.operators.iter().filter(|operator| operator.name == name).map(|operator| &operator.work).collect()
}

#[test]
fn every_example_can_be_run_as_it_stands() {
    let mut names: Vec<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".toml"));
    names.sort();
    assert_eq!(
        names,
        [
            "days.toml",
            "facility.toml",
            "fleet.toml",
            "hall.toml",
            "lab.toml",
            "minute.toml",
            "motion.toml",
            "nab.toml",
            "plausible.toml",
            "skab.toml",
            "sliding.toml",
            "visits.toml"
        ]
    );
    for name in names {
        let config = example(&name);
        assert!(!config.plan.operators.is_empty(), "{name} computes nothing");
        assert!(!config.sinks.is_empty() || !config.live_sinks.is_empty(), "{name} gives its results to nobody");
    }
}

#[test]
fn the_cases_of_every_example_hold() {
    let mut run = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".toml") {
            continue;
        }
        let config = example(&name);
        for test in &config.tests {
            let verdict = cases::run(&config, test, &AtomicBool::new(false)).unwrap();
            assert!(verdict.holds(), "{name}, {}: {}\n{}", test.name, verdict.summary(), verdict.differences(test));
            run += 1;
        }
    }
    assert!(run >= 4, "only {run} cases were found");
}

#[test]
fn the_fleet_has_the_figures_of_its_study() {
    let config = example("fleet.toml");
    let SourceKind::Simulate(settings) = &config.sources[0].what else { panic!("the fleet is simulated") };
    assert_eq!((settings.seed, settings.length), (42, Some(Span::from_secs(86_400))));
    let plan = &config.plan;
    let [Work::Window(window)] = work(plan, "five")[..] else { panic!("one window") };
    assert_eq!(window.shape, Shape::Time { size: Span::from_secs(300), every: Span::from_secs(60) });
    let [Work::ZScore(spec, limits)] = work(plan, "spike")[..] else { panic!("one z-score") };
    assert_eq!((spec.floor, spec.past), (0.1, Past::Count(300)));
    assert_eq!(limits.above, Levels { warning: Some(3.0), critical: Some(5.0) });
    let [Work::Threshold(limits)] = work(plan, "high_vibration")[..] else { panic!("one threshold") };
    assert_eq!(limits.above, Levels { warning: Some(2.0), critical: Some(5.0) });
    let [Work::Threshold(limits)] = work(plan, "low_battery")[..] else { panic!("one threshold") };
    assert_eq!(limits.below, Levels { warning: Some(20.0), critical: Some(5.0) });
    let [Work::MissingRate(spec, limits)] = work(plan, "high_missing_rate")[..] else { panic!("one rate") };
    assert_eq!((spec.past, spec.every, limits.above.warning), (Span::from_secs(300), Span::from_secs(1), Some(0.1)));
}

#[test]
fn the_facility_sums_up_minutes_and_looks_three_deviations_far() {
    let plan = example("facility.toml").plan;
    let [Work::Window(window)] = work(&plan, "minute")[..] else { panic!("one window") };
    assert_eq!(window.shape, Shape::Time { size: Span::from_secs(60), every: Span::from_secs(60) });
    let [Work::ZScore(_, limits)] = work(&plan, "odd")[..] else { panic!("one z-score") };
    assert_eq!(limits.above.warning, Some(3.0));
}

#[test]
fn the_minute_is_the_one_that_the_benchmark_measures() {
    let config = example("minute.toml");
    assert_eq!(config.sources[0].timing.late, Span::from_secs(2));
    let [Work::Window(window)] = work(&config.plan, "minute")[..] else { panic!("one window") };
    assert!(window.is_plain() && window.give.len() == Statistic::USUAL.len());
    assert_eq!(config.plan.operators.len(), 1);
}
