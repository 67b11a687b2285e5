//! What the manual and the README say of configs is true: every example in them runs, and no setting is left out.

use ouzel_pipeline::config::read;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is")).join("../..")
}

/// The TOML blocks of a page, with the line that each begins in.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        match line.trim_end() {
            "```toml" => {
                inside = true;
                blocks.push((number + 2, String::new()));
            }
            "```" => inside = false,
            line if inside => {
                let block = &mut blocks.last_mut().unwrap().1;
                block.push_str(line);
                block.push('\n');
            }
            _ => {}
        }
    }
    blocks
}

#[test]
fn every_example_of_the_manual_and_the_readme_can_be_run() {
    for (page, least) in [("README.md", 1), ("docs/config.md", 14)] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        let blocks = blocks(&text);
        assert!(blocks.len() >= least, "only {} examples were found in {page}", blocks.len());
        for (line, block) in blocks {
            let label = format!("{page}, from line {line} on");
            let read = read(&label, &block, Path::new("/plant"));
            assert!(read.problems.is_empty(), "{}", read.render_all(&block));
        }
    }
}

/// The settings that the code asks for: the first text after a method that reads one.
fn settings_asked_for(source: &str) -> BTreeSet<String> {
    const READERS: [&str; 20] = [
        ".text(",
        ".texts(",
        ".raw_text(",
        ".span(",
        ".length(",
        ".number(",
        ".not_negative(",
        ".flag(",
        ".choice(",
        ".whole(",
        ".size(",
        ".past(",
        ".time(",
        ".pair(",
        ".table(",
        ".tables(",
        "levels(table, ",
        "distance(table, ",
        ".secret(",
        ".need(",
    ];
    let code = source.split("#[cfg(test)]").next().unwrap();
    let after = READERS.iter().flat_map(|reader| code.match_indices(reader).map(|(at, _)| &code[at + reader.len()..]));
    after.filter_map(|rest| rest.strip_prefix('"')?.split_once('"')).map(|(setting, _)| setting.to_owned()).collect()
}

#[test]
fn the_manual_has_every_setting() {
    let manual = std::fs::read_to_string(root().join("docs/config.md")).unwrap();
    let code = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is"))
        .join("src/config");
    let mut asked = BTreeSet::new();
    for entry in std::fs::read_dir(code).unwrap() {
        asked.extend(settings_asked_for(&std::fs::read_to_string(entry.unwrap().path()).unwrap()));
    }
    assert!(asked.len() > 50, "only {} settings were found in the code: {asked:?}", asked.len());
    let silent: Vec<&String> = asked.iter().filter(|setting| !manual.contains(&format!("| `{setting}` |"))).collect();
    assert!(silent.is_empty(), "docs/config.md has no row for {silent:?}");
}
