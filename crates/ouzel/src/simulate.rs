//! `ouzel simulate`: readings to try things out on, and the truth about their faults.

mod words;

use crate::ending::{Done, Ending, Failure};
use crate::figures::{counted, grouped};
use crate::{screen, stop};
use indicatif::{ProgressBar, ProgressStyle};
use ouzel_connect::encode::readings::{Form, Head, ReadingWriter, Row};
use ouzel_connect::source::simulate::{Label, PlacedFault, Profile, Settings, Signal, Simulator, labels_to_csv};
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Play sensors with labelled faults; the same seed gives the same bytes
#[derive(clap::Args)]
pub struct Args {
    /// The family of sensors
    #[arg(long, value_enum, default_value = "fleet")]
    profile: ProfileName,
    /// How many devices [default: the profile's own]
    #[arg(long, value_name = "N")]
    devices: Option<u32>,
    /// Readings of each device a second [default: the profile's own]
    #[arg(long, value_name = "HZ")]
    rate: Option<f64>,
    /// How long
    #[arg(long = "for", value_name = "DUR", default_value = "1h", value_parser = Span::parse)]
    length: Span,
    /// The seed of chance
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Time of the first reading
    #[arg(long, value_name = "TIME", default_value = "2024-01-01T00:00:00Z", value_parser = words::time)]
    start: Time,
    /// The form of the readings [default: that of FILE's name, else csv]
    #[arg(long, value_enum)]
    format: Option<FormName>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write what was played, and when, to this CSV file
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Play none of the profile's own random faults
    #[arg(long)]
    no_faults: bool,
    /// Place a fault: `spike at=10s size=50`, with `channel=`, `device=` and `for=` where wanted; may be repeated.
    /// Kinds: spike, shift, drift, flatline, gap, burst
    #[arg(long, value_name = "WORDS", value_parser = words::fault)]
    fault: Vec<PlacedFault>,
    /// Change or add a channel: `channel=x mean=20 amplitude=5 period=60s noise=0.1`, with `drift=` (an hour),
    /// `shift=` and `shift_at=` where wanted; may be repeated
    #[arg(long, value_name = "WORDS", value_parser = words::signal)]
    signal: Vec<Signal>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ProfileName {
    /// Ten machines at 1 Hz: temperature, humidity, pressure, vibration, battery
    Fleet,
    /// 25 sensors in five rooms at 0.5 Hz: temperature, humidity, air_quality, pressure, co2
    Facility,
    /// One room at 10 Hz: temperature, light, motion, threshold
    Lab,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum FormName {
    /// A table with commas
    Csv,
    /// One JSON object a line
    Ndjson,
    /// InfluxDB line protocol
    Line,
    /// Apache Parquet
    Parquet,
}

/// Runs the command.
///
/// # Errors
/// When the settings cannot be played or a file cannot be written.
pub fn run(args: &Args) -> Done {
    let form = form(args)?;
    let mut simulator =
        Simulator::new(&settings(args), Timing::default()).map_err(|fault| Failure::Usage(fault.what))?;
    let stop = stop::listen()?;
    let head = head(args.profile, &simulator);
    let writer = match &args.out {
        Some(path) => ReadingWriter::create(form, head, path)?,
        None => ReadingWriter::new(form, head, Box::new(io::stdout()), "standard output")?,
    };
    let labels = args.labels.as_deref().map(LabelFile::create).transpose()?;
    let bar = (args.out.is_some() && screen::is_watched()).then(|| bar(args.length));
    let mut played = Played { labels, ..Played::default() };
    let done = played.play(&mut simulator, writer, |time| {
        if let Some(bar) = &bar {
            bar.set_position(seconds(time.since(args.start)));
        }
        !stop.load(Ordering::Relaxed)
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    done?;
    screen::say(&played.line(&simulator, args));
    Ok(if stop.load(Ordering::Relaxed) { Ending::Interrupted } else { Ending::Done })
}

fn settings(args: &Args) -> Settings {
    let profile = match args.profile {
        ProfileName::Fleet => Profile::Fleet,
        ProfileName::Facility => Profile::Facility,
        ProfileName::Lab => Profile::Lab,
    };
    Settings {
        profile,
        devices: args.devices,
        rate_hz: args.rate,
        length: Some(args.length),
        seed: args.seed,
        start: args.start,
        signals: args.signal.clone(),
        random_faults: !args.no_faults,
        faults: args.fault.clone(),
    }
}

/// The form that was asked for, or that the file's name asks for.
fn form(args: &Args) -> Result<Form, Failure> {
    if args.out.is_some() && args.out == args.labels {
        return Err(Failure::Usage(
            "readings and labels cannot go to the same file: give --labels another name".into(),
        ));
    }
    let end = args.out.as_ref().and_then(|path| path.extension()).map(|end| end.to_string_lossy().to_lowercase());
    let form = match args.format {
        Some(FormName::Csv) => Form::Csv,
        Some(FormName::Ndjson) => Form::Ndjson,
        Some(FormName::Line) => Form::Line,
        Some(FormName::Parquet) => Form::Parquet,
        None => match end.as_deref() {
            Some("ndjson" | "jsonl") => Form::Ndjson,
            Some("lp" | "line") => Form::Line,
            Some("parquet") => Form::Parquet,
            _ => Form::Csv,
        },
    };
    if form == Form::Parquet && args.out.is_none() && io::stdout().is_terminal() {
        return Err(Failure::Usage("parquet is not for a terminal: name a file with -o".into()));
    }
    Ok(form)
}

fn head(profile: ProfileName, simulator: &Simulator) -> Head {
    let measurement = match profile {
        ProfileName::Fleet => "fleet",
        ProfileName::Facility => "facility",
        ProfileName::Lab => "lab",
    };
    Head {
        measurement: measurement.to_owned(),
        tags: simulator.tags().map(str::to_owned).collect(),
        channels: simulator.columns().iter().map(|column| column.name.clone()).collect(),
    }
}

fn bar(length: Span) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %, {eta} left");
    ProgressBar::new(seconds(length)).with_style(style.expect("the template is fixed and right"))
}

fn seconds(span: Span) -> u64 {
    span.as_secs_f64().max(0.0) as u64
}

/// What was played so far.
#[derive(Default)]
struct Played {
    messages: u64,
    readings: u64,
    kinds: BTreeMap<&'static str, u64>,
    labels: Option<LabelFile>,
}

/// Messages between two looks at the clock, the stop and the labels.
const STEP: u64 = 4_096;

impl Played {
    /// Plays to the end, or until `go_on` says no.
    fn play(
        &mut self,
        simulator: &mut Simulator,
        mut writer: ReadingWriter,
        go_on: impl Fn(Time) -> bool,
    ) -> Result<(), Failure> {
        let mut values = vec![f64::NAN; simulator.columns().len()];
        while let Some(message) = simulator.next_message() {
            let time = message.time;
            values.fill(f64::NAN);
            message.cells.iter().for_each(|&(column, value)| values[usize::from(column)] = value);
            writer.write(&Row { time, device: message.device, tags: message.tags, values: &values })?;
            self.messages += 1;
            self.readings += message.cells.len() as u64;
            if self.messages.is_multiple_of(STEP) {
                self.note(&simulator.drain_labels())?;
                if !go_on(time) {
                    break;
                }
            }
        }
        self.note(&simulator.drain_labels())?;
        Ok(writer.finish(&Names::new())?)
    }

    fn note(&mut self, labels: &[Label]) -> Result<(), Failure> {
        labels.iter().for_each(|label| *self.kinds.entry(label.kind).or_default() += 1);
        self.labels.as_mut().map_or(Ok(()), |file| file.write(&labels_to_csv(labels, false)))
    }

    /// What to tell in the end.
    fn line(&self, simulator: &Simulator, args: &Args) -> String {
        let to = |path: &Option<PathBuf>| path.as_ref().map_or(String::new(), |path| format!(" to {}", path.display()));
        let devices = counted(simulator.devices() as u64, "device");
        let (readings, messages) = (counted(self.readings, "reading"), counted(self.messages, "message"));
        let faults: u64 = self.kinds.values().sum();
        let word = if matches!(args.profile, ProfileName::Lab) { "label" } else { "fault" };
        let kinds: Vec<String> = self.kinds.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        format!(
            "{readings} in {messages} from {devices}{}; {}{kinds}{}",
            to(&args.out),
            counted(faults, word),
            to(&args.labels)
        )
    }
}

/// The CSV file of the labels.
struct LabelFile {
    file: File,
    place: String,
}

impl LabelFile {
    fn create(path: &Path) -> Result<LabelFile, Failure> {
        let place = path.display().to_string();
        let file = File::create(path).map_err(|error| unwritable(&place, &error))?;
        let mut labels = LabelFile { file, place };
        labels.write(&labels_to_csv(&[], true))?;
        Ok(labels)
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.file.write_all(text.as_bytes()).map_err(|error| unwritable(&self.place, &error))
    }
}

fn unwritable(place: &str, error: &io::Error) -> Failure {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder; make it or choose another path".to_owned(),
        _ => error.to_string(),
    };
    Failure::Failed(format!("cannot write to {place}: {what}"))
}
