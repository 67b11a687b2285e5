//! Which packages a change can break: those it touches, and those that build on them.

use crate::run;
use std::path::Path;

/// The crates in their line: each may use those before it. The testkit is for tests; the command's use it, too.
const LINE: [&str; 7] =
    ["ouzel-engine", "ouzel-connect", "ouzel-lake", "ouzel-pipeline", "ouzel-server", "ouzel-testkit", "ouzel"];
const BESIDE: &str = "xtask";

/// What is to be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Everything: the toolchain or the dependencies changed.
    All,
    /// These, in the order of the line.
    Some(Vec<&'static str>),
}

/// What differs from where this branch left `main`, and what is not committed yet. On `main` itself only the latter.
pub fn paths(root: &Path) -> Option<Vec<String>> {
    let base = run::says(root, &["git", "merge-base", "HEAD", "main"]);
    let base = base.map_or("HEAD".to_owned(), |base| base.trim().to_owned());
    let differ = run::says(root, &["git", "diff", "--name-only", &base])?;
    let fresh = run::says(root, &["git", "ls-files", "--others", "--exclude-standard"])?;
    Some(differ.lines().chain(fresh.lines()).map(str::to_owned).collect())
}

/// The packages whose tests can notice that these files changed.
pub fn packages(paths: &[String]) -> Changed {
    let mut earliest = LINE.len();
    let mut others: Vec<&'static str> = Vec::new();
    for path in paths {
        match owner(path) {
            Owner::All => return Changed::All,
            Owner::Package(package) => match LINE.iter().position(|known| *known == package) {
                Some(place) => earliest = earliest.min(place),
                None => others.push(package),
            },
            // The manual and the examples are tested by the pipeline, the map and the shape of files by the testkit.
            Owner::Pages => others.extend(["ouzel-pipeline", "ouzel-testkit"]),
            Owner::Nobody => {}
        }
    }
    if earliest < LINE.len() {
        others.extend(&LINE[earliest..]);
    }
    let all = LINE.into_iter().chain([BESIDE]);
    Changed::Some(all.filter(|package| others.contains(package)).collect())
}

enum Owner {
    All,
    Package(&'static str),
    Pages,
    Nobody,
}

fn owner(path: &str) -> Owner {
    const ALL: [&str; 5] = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml", "clippy.toml"];
    let package = |folder: &str| match folder {
        "engine" => Owner::Package("ouzel-engine"),
        "connect" => Owner::Package("ouzel-connect"),
        "lake" => Owner::Package("ouzel-lake"),
        "pipeline" => Owner::Package("ouzel-pipeline"),
        "server" => Owner::Package("ouzel-server"),
        "ouzel" => Owner::Package("ouzel"),
        "testkit" => Owner::Package("ouzel-testkit"),
        _ => Owner::All,
    };
    match path.split_once('/') {
        _ if ALL.contains(&path) => Owner::All,
        Some(("crates", rest)) => package(rest.split('/').next().unwrap_or_default()),
        Some(("xtask", _)) => Owner::Package(BESIDE),
        // The server has the page's build in it, and the command tries it in a browser.
        Some(("ui", _)) => Owner::Package("ouzel-server"),
        Some(("docs" | "examples", _)) => Owner::Pages,
        _ if path.ends_with(".md") => Owner::Pages,
        _ => Owner::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> Changed {
        packages(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_change_is_tested_in_its_crate_and_in_those_that_build_on_it() {
        assert_eq!(
            of(&["crates/connect/src/sink.rs"]),
            Changed::Some(vec![
                "ouzel-connect",
                "ouzel-lake",
                "ouzel-pipeline",
                "ouzel-server",
                "ouzel-testkit",
                "ouzel"
            ])
        );
        assert_eq!(of(&["crates/testkit/src/golden.rs"]), Changed::Some(vec!["ouzel-testkit", "ouzel"]));
        assert_eq!(of(&["xtask/src/main.rs", "crates/ouzel/src/main.rs"]), Changed::Some(vec!["ouzel", "xtask"]));
        assert_eq!(of(&["README.md"]), Changed::Some(vec!["ouzel-pipeline", "ouzel-testkit"]));
        assert_eq!(of(&["LICENSE"]), Changed::Some(vec![]));
        assert_eq!(of(&["docs/config.md", "Cargo.lock"]), Changed::All);
    }

    #[test]
    fn a_new_crate_must_take_its_place_in_the_line() {
        let crates =
            std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is"))
                .join("../crates");
        for folder in std::fs::read_dir(crates).unwrap() {
            let folder = folder.unwrap().file_name().into_string().unwrap();
            let known = matches!(owner(&format!("crates/{folder}/src/lib.rs")), Owner::Package(_));
            assert!(known, "crates/{folder} is not in the line of xtask/src/changed.rs");
        }
    }
}
