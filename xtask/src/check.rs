//! `cargo xtask check`: what a commit must pass. All three parts run, so that one look shows all there is to mend.

use crate::changed::{self, Changed};
use crate::{run, test};
use std::path::Path;
use std::process::ExitCode;

/// Format, clippy, and the tests of what changed.
pub fn run(root: &Path) -> ExitCode {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut failed = Vec::new();
    if run::cargo(root, &words("fmt --all --check")) != 0 {
        failed.push("format (`cargo fmt` mends it)");
    }
    if run::cargo(root, &words("clippy --workspace --all-targets -- -D warnings")) != 0 {
        failed.push("clippy");
    }
    let packages = match changed::paths(root) {
        Some(paths) => changed::packages(&paths),
        None => {
            eprintln!("git does not say what changed, so everything is tested");
            Changed::All
        }
    };
    let args = match packages {
        Changed::All => words("test --workspace"),
        Changed::Some(packages) if packages.is_empty() => {
            eprintln!("nothing changed that a test could notice");
            Vec::new()
        }
        Changed::Some(packages) => {
            let each = packages.into_iter().flat_map(|package| ["--package".to_owned(), package.to_owned()]);
            words("test").into_iter().chain(each).collect()
        }
    };
    if !args.is_empty() && test::with_needs(root, &args) != 0 {
        failed.push("tests");
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("failed: {}", failed.join(", "));
    ExitCode::FAILURE
}
