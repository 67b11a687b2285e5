//! `cargo xtask test`: everything at once, and an honest list of what was not run.

use crate::needs::{self, Need};
use crate::run;
use std::path::Path;
use std::process::ExitCode;

/// Runs all tests of the workspace.
pub fn run(root: &Path, rest: &[String]) -> ExitCode {
    let args = ["test", "--workspace"].map(str::to_owned).into_iter().chain(rest.iter().cloned());
    ExitCode::from(with_needs(root, &args.collect::<Vec<_>>()))
}

/// Runs `cargo test` after the needs were seen to; gives the exit code.
pub fn with_needs(root: &Path, args: &[String]) -> u8 {
    let lacking = needs::see_to(root);
    let code = run::cargo(root, args);
    lacking.iter().for_each(|need| eprintln!("not run: {} (needs {})", need.tests, need.name));
    verdict(code, &lacking, is_ci())
}

/// A failed test counts before anything else; in CI nothing may be left out.
fn verdict(code: u8, lacking: &[Need], ci: bool) -> u8 {
    match code {
        0 if ci && !lacking.is_empty() => {
            eprintln!("failed: with CI=true every test must run");
            1
        }
        code => code,
    }
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_run_fails_in_ci_only() {
        assert_eq!(verdict(0, &needs::NEEDS, false), 0);
        assert_eq!(verdict(0, &needs::NEEDS, true), 1);
        assert_eq!(verdict(0, &[], true), 0);
        assert_eq!(verdict(101, &needs::NEEDS, false), 101);
    }
}
