//! The command: what the user typed, to what the other crates do. Results go to standard output, all else to standard
//! error; how it ended is in the exit code (`ending.rs`).

mod about;
mod check;
mod demo;
mod ending;
mod figures;
mod live;
mod load;
mod meter;
mod replay;
mod run;
mod bench;
mod screen;
mod simulate;
mod stop;
mod tally;
mod tap;
mod test;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Watches sensor streams and tells people what is wrong, while it is happening.
#[derive(Parser)]
#[command(name = "ouzel", version, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Run(run::Args),
    Check(check::Args),
    Test(test::Args),
    Tap(tap::Args),
    Simulate(simulate::Args),
    Replay(replay::Args),
    Bench(bench::Args),
    Completions(about::CompletionsArgs),
    Version(about::VersionArgs),
}

const AFTER: &str = "\
To see it at work:
  ouzel demo

Exit codes: 0 ok, 1 finding or failure, 2 wrong usage, 78 wrong config, 130 interrupted";

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Tap(args) => tap::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => about::completions::<Cli>(&args),
        Command::Version(args) => about::version(&args),
    };
    ending::exit(done)
}
