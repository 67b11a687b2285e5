//! Every folder of `cases/` run every way that must not matter.

use ouzel_testkit::golden;
use std::path::PathBuf;

#[test]
fn every_case_gives_its_lines_every_way_it_is_run() {
    let cases =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is")).join("cases");
    let mut folders: Vec<_> = std::fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 25, "only {} cases were found in {}", folders.len(), cases.display());
    let failed: Vec<String> = folders
        .iter()
        .filter_map(|folder| golden::run(folder).err().map(|why| format!("{}: {why}", folder.display())))
        .collect();
    assert!(failed.is_empty(), "{} of {} cases failed\n\n{}", failed.len(), folders.len(), failed.join("\n\n"));
}
