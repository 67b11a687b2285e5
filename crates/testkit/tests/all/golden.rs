//! Every folder of `cases/` run every way that must not matter, and held against the oracle where it knows the way.

use super::oracle::agree_on;
use ouzel_engine::plan::{Operator, Work};
use ouzel_testkit::golden;
use std::path::PathBuf;

fn folders() -> Vec<PathBuf> {
    let cases =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is")).join("cases");
    let mut folders: Vec<_> = std::fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 90, "only {} cases were found in {}", folders.len(), cases.display());
    folders
}

/// Windows over what windows say, and `compress`, are not for the oracle: those cases were checked by hand alone.
#[test]
fn what_windows_filters_and_features_say_in_every_case_is_what_the_oracle_says() {
    let (mut failed, mut compared, mut asked) = (Vec::new(), 0, 0);
    for folder in folders() {
        let (plan, recorded) = golden::recorded(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        let filters = || plan.operators.iter().filter(|operator| matches!(operator.work, Work::Filter(_)));
        let passes = |on: &str| filters().any(|filter| on.split_once('.').is_some_and(|(name, _)| name == filter.name));
        let windows = || plan.operators.iter().filter(|operator| matches!(operator.work, Work::Window(_)));
        let features =
            || plan.operators.iter().filter(|operator| matches!(operator.work, Work::Feature(_) | Work::Table(_)));
        let made = |on: &str| {
            let of =
                |operator: &Operator| operator.on.iter().any(|of| operator.derived(of).iter().any(|made| made == on));
            features().any(of)
        };
        let known = |on: &str| !on.contains('.') || passes(on) || made(on);
        if windows().chain(filters()).chain(features()).any(|operator| {
            let on = operator.on.iter().map(String::as_str);
            !operator.asks().chain(on).all(known)
        }) {
            continue;
        }
        asked += 1;
        match agree_on(&plan, &recorded) {
            Ok(numbers) => compared += numbers,
            Err(why) => failed.push(format!("{}: {why}", folder.display())),
        }
    }
    assert!(failed.is_empty(), "{} cases failed\n\n{}", failed.len(), failed.join("\n\n"));
    assert!(asked > 60 && compared > 300, "only {asked} cases and {compared} numbers");
}

#[test]
fn every_case_gives_its_lines_every_way_it_is_run() {
    let folders = folders();
    let failed: Vec<String> = folders
        .iter()
        .filter_map(|folder| golden::run(folder).err().map(|why| format!("{}: {why}", folder.display())))
        .collect();
    assert!(failed.is_empty(), "{} of {} cases failed\n\n{}", failed.len(), folders.len(), failed.join("\n\n"));
}
