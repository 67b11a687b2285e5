//! `ouzel replay`: recorded readings through a config, or through a plan that is good enough to begin with.

mod inputs;
mod outputs;
mod plan;
mod report;
mod watch;

use crate::ending::{Done, Ending, Failure};
use crate::live::reopen;
use crate::load::{Loaded, load};
use crate::{meter, screen, stop};
use inputs::Inputs;
use outputs::Form;
use ouzel_connect::disk::Disk;
use ouzel_pipeline::config::Config;
use ouzel_pipeline::outlet::Outlet;
use ouzel_pipeline::run::{self, Settings};
use ouzel_pipeline::{runner, tables};
use report::Report;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::Instant;
use watch::Watch;

/// Run recorded readings through a config and sum up what was found
#[derive(clap::Args)]
pub struct Args {
    /// Files to read, `-` for standard input; several are merged by event time. Without any, those of the config
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Replay the journal of a live run; with its config, the outputs are the same
    #[arg(long, value_name = "DIR", requires = "config", conflicts_with_all = ["inputs", "speed", "shards"])]
    journal: Option<PathBuf>,
    /// What to compute. Without it: one-minute windows and a z-score over all channels
    #[arg(short, long, value_name = "CONFIG")]
    config: Option<PathBuf>,
    /// How fast: `max`, or as a multiple of the pace of recording, such as `1x` or `60x`; then one thread does all
    #[arg(long, default_value = "max", value_parser = speed)]
    speed: Speed,
    /// Write aggregates, anomalies, alerts, late and rejected readings to this folder, a file each
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Derived channels whose readings are written to DIR, too, such as `minute.temperature.mean`; by commas
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',', requires = "out")]
    take: Vec<String>,
    /// The form of the files in DIR
    #[arg(long, value_enum, default_value = "ndjson", requires = "out")]
    format: Form,
    /// End with one JSON object instead of a summary
    #[arg(long)]
    json: bool,
    /// Threads that compute, beside the one that reads; 0: one thread does all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=64))]
    shards: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Speed {
    Max,
    Times(f64),
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let times = text.strip_suffix(['x', 'X']).and_then(|number| number.parse::<f64>().ok());
    match times.filter(|times| times.is_finite() && *times > 0.0) {
        Some(times) => Ok(Speed::Times(times)),
        None => Err("write `max`, or a multiple such as `1x` or `60x`".into()),
    }
}

/// Runs the command.
///
/// # Errors
/// When the config has problems, an input cannot be read or an output cannot be written.
pub fn run(args: &Args) -> Done {
    let began = Instant::now();
    let stop = stop::listen()?;
    if let Some(folder) = &args.journal {
        return journal(args, folder, &stop, began);
    }
    let Prepared { inputs, mut config, notes } = match prepared(args, &stop) {
        // Whoever stops a pipe before anything came knows that it was empty.
        Err(Failure::Failed(_)) if stop.load(Ordering::Relaxed) => return Ok(Ending::Interrupted),
        prepared => prepared?,
    };
    let sinks =
        outputs::sinks(&mut config, args.out.as_deref().map(|folder| (folder, args.format)), &args.take, args.json)?;
    outputs::spare_inputs(&sinks, &inputs)?;
    let tables = tables::read_all(&config.tables)?;
    let plan = Arc::new(config.plan);
    let mut outlet = Outlet::open(&sinks, &plan)?;
    notes.iter().for_each(|note| screen::say(note));
    let (sources, watch) = Watch::over(inputs, !args.json && !outputs::fill_screen(&sinks));
    let ran = match args.speed {
        Speed::Max => {
            let settings = Settings { shards: args.shards.map_or_else(usual_shards, usize::from) };
            run::run(&plan, (sources, tables), &mut outlet, settings, &stop)
        }
        Speed::Times(times) => run::run_paced(&plan, (sources, tables), &mut outlet, times, &stop),
    };
    watch.end();
    let report = Report {
        ran: &ran?,
        plan: &plan,
        sinks: &sinks,
        seconds: began.elapsed().as_secs_f64(),
        cpu_seconds: meter::cpu_seconds(),
        peak_rss_bytes: meter::peak_rss_bytes(),
    };
    tell(&report, args.json)?;
    // Standard input ends where the user stops it, and then all was read that there was.
    let interrupted = report.ran.stopped || stop.load(Ordering::Relaxed);
    Ok(if interrupted { Ending::Interrupted } else { Ending::Done })
}

/// The journal of a live run through the config.
fn journal(args: &Args, folder: &Path, stop: &AtomicBool, began: Instant) -> Done {
    let path = args.config.as_deref().unwrap_or(Path::new(""));
    let (mut config, in_force) = load(path).and_then(Loaded::in_force).map_err(Failure::Config)?;
    outputs::spare_live_files(&mut config);
    let sinks =
        outputs::sinks(&mut config, args.out.as_deref().map(|folder| (folder, args.format)), &args.take, args.json)?;
    let recorded = runner::recorded(&Disk::Real, folder, &in_force)?;
    let reread = reopen(&Arc::new(config.sources.clone().into()));
    let plan = Arc::new(config.plan);
    let mut outlet = Outlet::open(&sinks, &plan)?;
    let ran = run::run_journal(&plan, recorded, Some(Box::new(reread)), &mut outlet, stop)?;
    if ran.damaged > 0 {
        let (bytes, readings) = (ran.damaged, ran.lost);
        screen::say(&format!(
            "warning: {bytes} bytes of the journal are damaged and were skipped, and {readings} readings that lost their names"
        ));
    }
    let report = Report {
        ran: &ran,
        plan: &plan,
        sinks: &sinks,
        seconds: began.elapsed().as_secs_f64(),
        cpu_seconds: meter::cpu_seconds(),
        peak_rss_bytes: meter::peak_rss_bytes(),
    };
    tell(&report, args.json)?;
    Ok(if report.ran.stopped { Ending::Interrupted } else { Ending::Done })
}

/// All that can be known before the first reading.
struct Prepared {
    inputs: Inputs,
    config: Config,
    /// What the user should know of them.
    notes: Vec<String>,
}

/// Opens the inputs, and reads the config or makes one.
fn prepared(args: &Args, stop: &Arc<AtomicBool>) -> Result<Prepared, Failure> {
    let Some(path) = &args.config else {
        if args.inputs.is_empty() {
            let what = "name the files to read, `-` for standard input, or a --config that has a source";
            return Err(Failure::Usage(format!("there is nothing to replay: {what}")));
        }
        let inputs = inputs::of_paths(&args.inputs, &[], stop)?;
        let (config, notes) = plan::for_inputs(&inputs)?;
        return Ok(Prepared { inputs, config, notes });
    };
    let config = load(path).and_then(Loaded::config).map_err(Failure::Config)?;
    let inputs = match args.inputs.is_empty() {
        true => inputs::of_config(&config, stop)?,
        false => inputs::of_paths(&args.inputs, &config.sources, stop)?,
    };
    let mut notes = inputs.guesses();
    notes.extend(inputs.unknown_channels(&config.plan));
    Ok(Prepared { inputs, config, notes })
}

/// The result goes to standard output, unless sinks have that already.
fn tell(report: &Report<'_>, json: bool) -> Result<(), Failure> {
    match (json, outputs::on_stdout(report.sinks)) {
        (true, _) => screen::print(&report.json()),
        (false, false) => screen::print(&report.page()),
        (false, true) => {
            screen::say(report.page().trim_end());
            Ok(())
        }
    }
}

/// A thread beside the reading one, where there is a core for it: more gain nothing while reading is what costs.
fn usual_shards() -> usize {
    usize::from(available_parallelism().is_ok_and(|cores| cores.get() > 1))
}
