//! `ouzel run`: the real thing. Runs until it is told to stop, and loses nothing of what it has acknowledged.

use crate::ending::{Done, Ending, Failure};
use crate::figures::{counted, grouped, seconds};
use crate::live::{Ended, Launch};
use crate::load::{Loaded, load};
use crate::{screen, stop, tally};
use ouzel_lake::LakeSettings;
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config::Config;
use ouzel_pipeline::live::Lake;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Run a config: take readings in, watch them, tell people, keep everything; until Ctrl-C or SIGTERM
#[derive(clap::Args)]
pub struct Args {
    /// The config
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Serve the page from this folder, while working on it
    #[arg(long, value_name = "DIR")]
    ui_dir: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the config has problems, or something in it cannot be opened.
pub fn run(args: &Args) -> Done {
    let stop = stop::listen()?;
    let (config, in_force) = load(&args.config).and_then(Loaded::in_force).map_err(Failure::Config)?;
    if config.sources.is_empty() {
        let what = "it has no `[source.NAME]`, so there is nothing to run";
        return Err(Failure::Config(format!("{}: {what}", args.config.display())));
    }
    let name = args.config.file_stem().map_or_else(|| "ouzel".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let (listen, key) = page(&config)?;
    let launch = Launch {
        name,
        clock: Clock::Wall,
        text: in_force.text.to_string(),
        path: Some(args.config.clone()),
        logs: config.journal.clone(),
        lake: lake(&config, !listen.is_empty()),
        listen,
        or_nearby: false,
        key: key.clone(),
        ui_dir: args.ui_dir.clone(),
        witness: None,
        stop,
        length: None,
        config,
    };
    let ended = launch.run(|addresses| {
        for address in addresses {
            // The key stands in the config's secret, not in a log.
            let key = if key.is_some() { "?key=…" } else { "" };
            screen::say(&format!("page at http://{address}/{key}"));
        }
        screen::say("running; Ctrl-C or SIGTERM ends it");
    })?;
    sum_up(&ended);
    Ok(Ending::Done)
}

/// Where the page is served, and what visitors must show.
fn page(config: &Config) -> Result<(Vec<SocketAddr>, Option<String>), Failure> {
    let Some(server) = &config.server else { return Ok((Vec::new(), None)) };
    let key = server.key.as_ref().map(|key| key.read()).transpose()?;
    Ok((server.listen.clone(), key))
}

/// The lake of the config; without one, a page has what fits into memory.
fn lake(config: &Config, has_page: bool) -> Lake {
    match &config.lake {
        Some(settings) => Lake::Files(settings.clone()),
        None if has_page => Lake::Memory(LakeSettings::new("")),
        None => Lake::None,
    }
}

fn sum_up(ended: &Ended) {
    let counters = &ended.counters;
    let dropped: u64 = counters.sources.iter().map(|source| source.dropped.get()).sum();
    let rejected: u64 = counters.sources.iter().map(|source| source.rejected.get()).sum();
    screen::say(&format!(
        "ended after {}: {} taken in, {} dropped, {} rejected, {} late; {}, {}",
        seconds(ended.ran.as_secs_f64()),
        counted(counters.journalled.get(), "reading"),
        grouped(dropped),
        grouped(rejected),
        grouped(counters.late.get()),
        counted(counters.anomalies.get(), "anomaly"),
        counted(counters.alerts.get(), "alert"),
    ));
    tally::lines(counters).iter().for_each(|(word, rest)| screen::say(&format!("{word}: {rest}")));
}
