//! `cargo xtask ui`: the page's committed build, the same bytes each time; with `--check`, whether it still is.

use crate::run;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Not `npm ci`: that refuses where a registry does not have the builds of esbuild and rollup for every system, which
/// nobody needs. The versions are those of the lock file all the same.
pub const INSTALL: [&str; 3] = ["npm", "install", "--no-save"];

/// Types, tests and the build; the build goes to `ui/dist`, or is compared with what is there.
pub fn run(root: &Path, check: bool) -> ExitCode {
    let ui = root.join("ui");
    if !has_node() {
        eprintln!("the page is built with Node.js 18 or later and npm, and this machine has neither: install them");
        return ExitCode::FAILURE;
    }
    let mut steps: Vec<&[&str]> = Vec::new();
    if !installed(&ui) {
        steps.push(&INSTALL);
    }
    steps.extend([&["npm", "run", "check"][..], &["npm", "test"]]);
    let fresh = ui.join("dist-fresh");
    steps.push(if check { &["npx", "vite", "build", "--outDir", "dist-fresh"] } else { &["npm", "run", "build"] });
    if !steps.iter().all(|step| run::succeeds_in(&ui, step)) {
        return ExitCode::FAILURE;
    }
    if !check {
        return ExitCode::SUCCESS;
    }
    let differ = difference(&files(&ui.join("dist")), &files(&fresh));
    // What cannot be removed is ignored by git, and replaced by the next run.
    let _ = fs::remove_dir_all(&fresh);
    if differ.is_empty() {
        eprintln!("ui/dist is what its sources give, byte for byte");
        return ExitCode::SUCCESS;
    }
    eprintln!("ui/dist is not what its sources give; run `cargo xtask ui` and commit it:");
    differ.iter().for_each(|line| eprintln!("  {line}"));
    ExitCode::FAILURE
}

/// Whether this machine can build the page.
pub fn has_node() -> bool {
    let here = Path::new("/");
    run::says(here, &["node", "--version"]).is_some() && run::says(here, &["npm", "--version"]).is_some()
}

/// Whether the packages of the lock file are there: npm notes what it has installed.
pub fn installed(ui: &Path) -> bool {
    let when = |path: &str| fs::metadata(ui.join(path)).and_then(|about| about.modified()).ok();
    matches!((when("node_modules/.package-lock.json"), when("package-lock.json")), (Some(done), Some(lock)) if done >= lock)
}

/// All files under a folder, by their path in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(here) = folders.pop() {
        for entry in fs::read_dir(&here).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let (Ok(name), Ok(bytes)) = (path.strip_prefix(folder), fs::read(&path)) {
                found.insert(name.to_owned(), bytes);
            }
        }
    }
    found
}

fn difference(committed: &BTreeMap<PathBuf, Vec<u8>>, made: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    let names = committed.keys().chain(made.keys()).collect::<std::collections::BTreeSet<_>>();
    let say = |name: &&PathBuf| match (committed.get(*name), made.get(*name)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(_), Some(_)) => Some(format!("{} differs", name.display())),
        (Some(_), None) => Some(format!("{} is not made any more", name.display())),
        _ => Some(format!("{} is missing", name.display())),
    };
    names.iter().filter_map(say).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_named() {
        let tree = |files: &[(&str, &str)]| -> BTreeMap<PathBuf, Vec<u8>> {
            files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect()
        };
        let committed = tree(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let made = tree(&[("a", "1"), ("b", "0"), ("d", "4")]);
        assert_eq!(difference(&committed, &made), ["b differs", "c is not made any more", "d is missing"]);
        assert!(difference(&made, &made).is_empty());
    }
}
