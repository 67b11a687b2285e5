//! `ouzel version` and `ouzel completions`: what the program says of itself.

use crate::ending::{Done, Ending};
use crate::screen;
use clap::CommandFactory;
use clap_complete::Shell;
use std::env::consts::{ARCH, OS};

/// Print the version and what is built in
#[derive(clap::Args)]
pub struct VersionArgs {
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Print a script that completes this command's words in a shell
#[derive(clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// The optional parts of this build.
const FEATURES: &[&str] = &[
    #[cfg(feature = "http")]
    "http",
    #[cfg(feature = "mqtt")]
    "mqtt",
    #[cfg(feature = "parquet")]
    "parquet",
];

/// Runs `version`.
///
/// # Errors
/// When nobody reads the answer.
pub fn version(args: &VersionArgs) -> Done {
    let version = env!("CARGO_PKG_VERSION");
    let target = format!("{ARCH}-{OS}");
    screen::print(&if args.json {
        format!("{}\n", serde_json::json!({ "version": version, "features": FEATURES, "target": target }))
    } else {
        let features = if FEATURES.is_empty() { "none".to_owned() } else { FEATURES.join(", ") };
        format!("ouzel {version}, features: {features}, target: {target}\n")
    })?;
    Ok(Ending::Done)
}

/// Runs `completions` for the command `C`.
///
/// # Errors
/// When nobody reads the answer.
pub fn completions<C: CommandFactory>(args: &CompletionsArgs) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut C::command(), "ouzel", &mut script);
    screen::print(&String::from_utf8_lossy(&script))?;
    Ok(Ending::Done)
}
