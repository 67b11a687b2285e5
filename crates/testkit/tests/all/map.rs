//! The map is true, and the code keeps the shape that the house style asks for.

use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is")).join("../..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// What stands in backticks and begins with a folder of the project, or is linked to, on a page in `folder`.
fn paths(page: &str, folder: &str) -> Vec<String> {
    const FOLDERS: [&str; 8] = ["crates/", "xtask/", "docs/", "examples/", "ui/", "fuzz/", ".ci/", ".cargo/"];
    let code = page.split('`').skip(1).step_by(2).filter(|code| FOLDERS.iter().any(|folder| code.starts_with(folder)));
    let linked = page.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let linked = linked.filter(|link| !link.is_empty() && !link.contains("://"));
    let shown = page.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let linked = linked.chain(shown).map(|link| format!("{folder}{link}"));
    code.filter(|code| !code.contains(['*', ' ', '…'])).map(str::to_owned).chain(linked).collect()
}

#[test]
fn every_path_on_every_page_exists() {
    let mut pages = vec!["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/config.md"];
    let decisions: Vec<String> = std::fs::read_dir(root().join("docs/decisions"))
        .unwrap()
        .map(|entry| format!("docs/decisions/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    pages.extend(decisions.iter().map(String::as_str));
    let mut gone = Vec::new();
    for page in &pages {
        let folder = page.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let named = paths(&text(page), &folder);
        assert!(*page != "ARCHITECTURE.md" || named.len() >= 40, "the map names only {} paths", named.len());
        gone.extend(named.iter().filter(|path| !root().join(path).exists()).map(|path| format!("{page}: {path}")));
    }
    assert!(gone.is_empty(), "these are named and do not exist:\n{}", gone.join("\n"));
}

#[test]
fn every_module_of_the_engine_and_the_pipeline_is_on_the_map() {
    let map = text("ARCHITECTURE.md");
    for crate_folder in ["crates/engine/src", "crates/pipeline/src"] {
        for entry in std::fs::read_dir(root().join(crate_folder)).unwrap() {
            let path = format!("{crate_folder}/{}", entry.unwrap().file_name().to_string_lossy());
            let is_module = path.ends_with(".rs") && !path.ends_with("/lib.rs");
            assert!(!is_module || map.contains(&format!("`{path}`")), "ARCHITECTURE.md does not name {path}");
        }
    }
}

/// Logs, checkpoints and the lake reach files by `Disk` alone: what goes round it no test can cut the power of.
#[test]
fn what_must_survive_a_kill_reaches_files_by_the_disk_alone() {
    let kept = ["crates/lake/src/", "crates/pipeline/src/journal", "crates/pipeline/src/live"];
    let of_logs = |path: &str| kept.iter().any(|folder| path.starts_with(folder));
    let sources = sources();
    let logs: Vec<_> = sources.iter().filter(|(path, _)| of_logs(path)).collect();
    assert!(logs.len() > 25, "only {} files were looked at", logs.len());
    let round: Vec<&str> = logs
        .iter()
        .filter(|(_, text)| text.contains("std::fs") || text.contains("fs::"))
        .map(|(path, _)| path.as_str())
        .collect();
    assert!(round.is_empty(), "these go round the disk: {round:?}");
}

/// All Rust files of the project with their paths.
fn sources() -> Vec<(String, String)> {
    let mut waiting = vec![root().join("crates"), root().join("xtask")];
    let mut sources = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                sources.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources.sort();
    assert!(sources.len() > 80, "only {} files were found", sources.len());
    sources
}

/// The part of a file that is not tests.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

/// Nothing is longer than this. It may be lowered, never raised: a file past it has a second subject.
const LINES_MOST: usize = 700;

#[test]
fn no_file_has_grown_past_one_subject() {
    let tests = |name: &str| name.contains("/tests/");
    let long: Vec<String> = sources()
        .iter()
        .filter(|(name, _)| !tests(name))
        .map(|(name, source)| (name, without_tests(source).lines().count()))
        .filter(|(_, lines)| *lines > LINES_MOST)
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();
    assert!(long.is_empty(), "longer than {LINES_MOST} lines without their tests:\n{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(name, _)| !name.contains("/tests/"))
        .filter(|(_, source)| !source.lines().take(3).any(|line| line.starts_with("//!")))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "these do not begin with what they are for (`//!`):\n{}", silent.join("\n"));
}

#[test]
fn nothing_is_left_for_later_and_no_machine_is_named() {
    // Put together here, so that this file does not find itself.
    let words = [concat!("todo", "!("), concat!("dbg", "!("), concat!("unimplemented", "!("), concat!("/ro", "ot/")];
    let mut found = Vec::new();
    for (name, source) in sources() {
        let hits = words.iter().filter(|word| source.contains(**word));
        found.extend(hits.map(|word| format!("{name}: {word}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
