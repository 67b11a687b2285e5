//! Where the benchmark data is: `OUZEL_DATA`, or `../shared/data` beside the checkout. It is not part of the project,
//! so a machine may lack it; tests on it then say that they were not run, and `cargo xtask test` reports it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The folder with this data set in it (`skab`, `nab/data`), if this machine has it.
pub fn folder(set: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is"))
        .join("../../../shared/data");
    let all = std::env::var_os("OUZEL_DATA").map_or(beside, PathBuf::from);
    Some(all.join(set)).filter(|folder| folder.is_dir())
}

/// All files of a data set that end so, in the order of their names; `None`, and a line that says so, where the
/// machine does not have it.
pub fn files(set: &str, ending: &str) -> Option<Vec<PathBuf>> {
    let Some(folder) = folder(set) else {
        not_run(&format!("this machine has no benchmark data `{set}`; set OUZEL_DATA to the folder it is in"));
        return None;
    };
    let mut files = Vec::new();
    collect(&folder, ending, &mut files);
    files.sort();
    Some(files)
}

/// Tells the person that a test was not run. Past the test runner, which shows nothing of tests that pass.
pub fn not_run(why: &str) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "not run: {why}");
}

fn collect(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, ending, files);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
    }
}
