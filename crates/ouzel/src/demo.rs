//! `ouzel demo`: a simulated hall of machines, the whole pipeline and its page; no file and no server needed.

mod judge;
mod plan;

use crate::ending::{Done, Ending, Failure};
use crate::figures::{counted, grouped};
use crate::live::{Ended, Launch, new_key};
use crate::{screen, stop, tally};
use judge::{Witness, judge};
use ouzel_engine::time::{Span, Time};
use ouzel_lake::LakeSettings;
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config;
use ouzel_pipeline::live::{Lake, Logs};
use plan::Play;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Watch simulated machines: pipeline, lake and page at once; no file and no server needed
#[derive(clap::Args)]
pub struct Args {
    /// Machines
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// Messages of each machine a second; a message has five readings
    #[arg(long, value_name = "HZ", default_value_t = 2.0, value_parser = rate)]
    rate: f64,
    /// The seed; the same seed plays the same readings
    #[arg(long, value_name = "S", default_value_t = 42)]
    seed: u64,
    /// End after this long, such as `30s` or `10m`
    #[arg(long = "for", value_name = "DUR", value_parser = length)]
    length: Option<Duration>,
    /// Where the page is served; an address that others reach gets a key [default: 127.0.0.1:8080, or a port near it]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Serve the page from this folder, while working on it
    #[arg(long, value_name = "DIR")]
    ui_dir: Option<PathBuf>,
    /// Print the config of the demo and end, for `ouzel run`
    #[arg(long)]
    print_config: bool,
    /// A clock that begins at these seconds since 1970, and that only `POST /api/v1/test/advance` moves; for tests
    #[arg(long, hide = true, value_name = "SECONDS")]
    manual_clock: Option<i64>,
    /// Where the journal and the lake are, and stay; for tests
    #[arg(long, hide = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "write messages a second, such as `2` or `0.5`".to_owned())?;
    if rate > 0.0 && rate <= 1_000.0 { Ok(rate) } else { Err("between 0 and 1000 messages a second".to_owned()) }
}

fn length(text: &str) -> Result<Duration, String> {
    let span = Span::parse(text)?;
    if span > Span::ZERO {
        Ok(Duration::from_nanos(span.0.unsigned_abs()))
    } else {
        Err("it must be longer".to_owned())
    }
}

const PAGE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Readings of a series before the detector that compares with the past speaks.
const SPEAKS: f64 = 20.0;

/// Runs the command.
///
/// # Errors
/// When an address cannot be listened at, or the temporary folder not be written.
pub fn run(args: &Args) -> Done {
    let play = Play { devices: args.devices, rate: args.rate, seed: args.seed };
    let text = plan::config(play);
    if args.print_config {
        screen::print(&text)?;
        return Ok(Ending::Done);
    }
    let stop = stop::listen()?;
    let clock = args.manual_clock.map_or(Clock::Wall, |seconds| Clock::manual(Time::from_secs(seconds)));
    let read = config::read("the demo", &text, Path::new(""));
    let shown = read.render_all(&text);
    let ours = || Failure::Failed(format!("the demo has a config that cannot be read, which is our mistake:\n{shown}"));
    let config = read.config.ok_or_else(ours)?;
    let folder = tempfile::Builder::new().prefix("ouzel-demo-").tempdir();
    let folder = folder.map_err(|error| Failure::Failed(format!("cannot make a temporary folder: {error}")))?;
    let data = args.data.as_deref().unwrap_or(folder.path());
    let listen = args.listen.unwrap_or(PAGE);
    let key = if listen.ip().is_loopback() { None } else { Some(new_key()?) };
    let witness = Witness::default();
    let began = clock.now();
    let launch = Launch {
        name: "demo".into(),
        config,
        clock,
        text: text.clone(),
        path: None,
        logs: Logs::new(data.join("journal")),
        lake: lake(data),
        listen: vec![listen],
        or_nearby: args.listen.is_none(),
        key: key.clone(),
        ui_dir: args.ui_dir.clone(),
        witness: Some(Box::new(witness.clone())),
        stop,
        length: args.length,
    };
    let ended = launch.run(|addresses| welcome(play, addresses, key.as_deref()))?;
    sum_up(&ended, &witness, began + Span((SPEAKS / play.rate * 1e9) as i64));
    Ok(Ending::Done)
}

/// Files, or memory where this build writes none.
fn lake(data: &Path) -> Lake {
    let settings = LakeSettings { every: Span::from_secs(60), ..LakeSettings::new(data.join("lake")) };
    if cfg!(feature = "parquet") { Lake::Files(settings) } else { Lake::Memory(settings) }
}

fn welcome(play: Play, addresses: &[SocketAddr], key: Option<&str>) {
    let Some(address) = addresses.first() else { return };
    let Play { devices, rate, seed } = play;
    let each = grouped((f64::from(devices) * rate * 5.0).round() as u64);
    screen::say(&format!(
        "  playing   {} with 5 sensors, {each} readings a second, seed {seed}",
        counted(devices.into(), "machine")
    ));
    screen::say("  looking   for spikes, vibration, stuck and silent sensors, low batteries");
    let host =
        if address.ip().is_unspecified() { format!("THIS-MACHINE:{}", address.port()) } else { address.to_string() };
    match key {
        None => {
            screen::say(&format!("  page      http://{host}/"));
            screen::say(&format!("  try       curl --data-binary 'machine temperature=21.5' http://{host}/write"));
        }
        Some(key) => {
            screen::say(&format!("  page      http://{host}/?key={key}"));
            screen::say("            whoever has the key can see it; it changes with every start");
        }
    }
    screen::say("  end       Ctrl-C");
}

fn sum_up(ended: &Ended, witness: &Witness, speaks: Time) {
    let counters = &ended.counters;
    let labels: Vec<_> = ended.truth.iter().flat_map(|truth| truth.labels()).collect();
    let verdict = judge(&labels, &witness.seen(), speaks, ended.now);
    let sum = |of: fn(&ouzel_pipeline::counters::SourceCounters) -> u64| counters.sources.iter().map(of).sum::<u64>();
    let seconds = ended.ran.as_secs_f64();
    let readings = sum(|source| source.received.get());
    screen::say(&format!(
        "\n  ran       {:.1} s · {} readings · {} dropped · {} rejected · {} late",
        seconds,
        grouped(readings),
        grouped(sum(|source| source.dropped.get())),
        grouped(sum(|source| source.rejected.get())),
        grouped(counters.late.get()),
    ));
    screen::say(&format!(
        "  found     {} of {} faults · {} missed · {} extra · {} before the detectors had seen enough",
        verdict.found,
        verdict.injected,
        verdict.injected - verdict.found,
        verdict.extra,
        verdict.early,
    ));
    screen::say(&format!(
        "  said      {} anomalies · {} alerts · {} aggregates",
        grouped(counters.anomalies.get()),
        grouped(counters.alerts.get()),
        grouped(counters.aggregates.get()),
    ));
    tally::lines(counters).iter().for_each(|(word, rest)| screen::say(&format!("  {word:<10}{rest}")));
    screen::say("  next      ouzel demo --print-config > hall.toml && ouzel run hall.toml");
}
