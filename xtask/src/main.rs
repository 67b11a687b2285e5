//! What a contributor and CI do, one command each: `cargo xtask test`, `check`, `ui`, `bench`.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "what it prints is for the person who runs it")]

mod changed;
mod check;
mod needs;
mod run;
mod test;
mod ui;

use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  test [ARGS]    all tests of the workspace; installs what they need where it can
                 (as root on Debian), and says at the end what was not run.
                 ARGS go to `cargo test`
  check          before a commit: format, clippy with warnings as errors, and the
                 tests of the crates that changed and of those that build on them
  ui [--check]   the page: types, tests, and its build in ui/dist, which is committed;
                 with --check it is only compared with what its sources give
  bench [ARGS]   the figures of the README, by `ouzel bench` in a release build.
                 ARGS go to it: --json, --against FILE
  help           this

With CI=true, what a machine lacks is a failure.
";

/// Wrong use of the command, as everywhere in Ouzel.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    match command.as_deref() {
        Some("test") => test::run(&root(), &rest),
        Some("check") if rest.is_empty() => check::run(&root()),
        Some("check") => wrong("`check` takes no arguments"),
        Some("ui") => match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => ui::run(&root(), false),
            ["--check"] => ui::run(&root(), true),
            _ => wrong("`ui` takes nothing but --check"),
        },
        Some("bench") => bench(&rest),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Some(other) => wrong(&format!("no command is called `{other}`")),
        None => wrong("which command?"),
    }
}

fn wrong(what: &str) -> ExitCode {
    eprint!("{what}\n\n{HELP}");
    ExitCode::from(USAGE)
}

fn bench(rest: &[String]) -> ExitCode {
    let before = ["run", "--release", "--package", "ouzel", "--", "bench"].map(str::to_owned);
    let args: Vec<String> = before.into_iter().chain(rest.iter().cloned()).collect();
    ExitCode::from(run::cargo(&root(), &args))
}

/// The folder of the workspace. Asked at run time: several checkouts may share a target directory, and then this
/// program with it.
fn root() -> PathBuf {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where a package is"));
    here.parent().map_or(here.clone(), PathBuf::from)
}
