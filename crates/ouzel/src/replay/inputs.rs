//! What is read: the files that the user named, or the sources of the config.

use crate::ending::Failure;
use crate::stop;
use ouzel_connect::format::{DeviceFrom, Format, FormatHints, Kind, Shape};
use ouzel_connect::source::Source;
use ouzel_connect::source::file::{self, Opened};
use ouzel_connect::source::simulate::Simulator;
use ouzel_engine::plan::Plan;
use ouzel_engine::series::Timing;
use ouzel_pipeline::config::{Config, SourceConfig, SourceKind};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// What is read, in the order in which ties go.
#[derive(Default)]
pub struct Inputs {
    /// The readings.
    pub sources: Vec<Box<dyn Source>>,
    /// What was understood of each file and of standard input.
    pub known: Vec<Known>,
    /// Channels that sources say themselves.
    own_channels: Vec<String>,
    /// Bytes read so far, of each.
    pub read: Vec<Arc<AtomicU64>>,
    /// Bytes of all together; `None` where one does not say.
    pub size_bytes: Option<u64>,
}

/// What was understood of a file or of standard input.
pub struct Known {
    /// The file; `None`: standard input.
    pub path: Option<PathBuf>,
    /// How it is read.
    pub format: Format,
    /// The channels of its first rows.
    pub channels: Vec<String>,
    guessed: bool,
    ignored: Vec<String>,
}

/// What messages call standard input, and what its device is called where nothing else says it.
const STDIN: &str = "stdin";

/// Opens what the config names.
///
/// # Errors
/// When an input cannot be read or understood, or would never end.
pub fn of_config(config: &Config, stop: &Arc<AtomicBool>) -> Result<Inputs, Failure> {
    if config.sources.is_empty() {
        return Err(Failure::Usage(
            "the config has no source: name the files to read, or `-` for standard input".into(),
        ));
    }
    let mut inputs = Inputs { size_bytes: Some(0), ..Inputs::default() };
    for source in &config.sources {
        match &source.what {
            SourceKind::Files { paths, format } => {
                for path in paths {
                    inputs.add(Some(path), file::open(path, format, source.timing, None)?);
                }
            }
            SourceKind::Stdin { format } => {
                let reader = Box::new(stop::Input::until(stop));
                inputs.add(None, file::from_reader(STDIN, reader, format, source.timing, Some(&source.name))?);
            }
            SourceKind::Live(_) => {
                return Err(Failure::Usage(format!(
                    "`source.{}` is live, and what was not recorded cannot be replayed: name the files to read instead",
                    source.name
                )));
            }
            SourceKind::Simulate(settings) if settings.length.is_none() => {
                return Err(Failure::Config(format!(
                    "`source.{}` never ends: say how long it plays, for example `for = \"1h\"`",
                    source.name
                )));
            }
            SourceKind::Simulate(settings) => {
                let simulator = Simulator::new(settings, source.timing)
                    .map_err(|fault| Failure::Config(format!("`source.{}`: {}", source.name, fault.what)))?;
                inputs.own_channels.extend(simulator.columns().iter().map(|column| column.name.clone()));
                inputs.sources.push(Box::new(simulator));
                inputs.size_bytes = None;
            }
        }
    }
    Ok(inputs)
}

/// Opens what the user named. Formats and allowances are those of the first source that fits.
///
/// # Errors
/// When an input cannot be read or understood.
pub fn of_paths(paths: &[PathBuf], sources: &[SourceConfig], stop: &Arc<AtomicBool>) -> Result<Inputs, Failure> {
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(Failure::Usage("`-` stands twice, and standard input can be read once".into()));
    }
    let mut inputs = Inputs { size_bytes: Some(0), ..Inputs::default() };
    for path in paths {
        let (hints, timing) = fitting(path, sources);
        if is_stdin(path) {
            let reader = Box::new(stop::Input::until(stop));
            inputs.add(None, file::from_reader(STDIN, reader, &hints, timing, None)?);
        } else {
            inputs.add(Some(path), file::open(path, &hints, timing, None)?);
        }
    }
    Ok(inputs)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// What the config knows of a file: the `format` and allowance of its first source that has no `type` in its format,
/// or that which the file's name ends with. A name that says nothing fits every type.
fn fitting(path: &Path, sources: &[SourceConfig]) -> (FormatHints, Timing) {
    let kind = path.extension().and_then(|end| match end.to_string_lossy().to_ascii_lowercase().as_str() {
        "csv" | "tsv" => Some(Kind::Csv),
        "ndjson" | "jsonl" => Some(Kind::Ndjson),
        "lp" | "line" => Some(Kind::Line),
        "parquet" => Some(Kind::Parquet),
        _ => None,
    });
    let fits = |hints: &FormatHints| hints.kind.is_none() || kind.is_none() || hints.kind == kind;
    let found = sources.iter().find_map(|source| match &source.what {
        SourceKind::Files { format, .. } | SourceKind::Stdin { format } if fits(format) => {
            Some((format.clone(), source.timing))
        }
        _ => None,
    });
    found.unwrap_or_default()
}

impl Inputs {
    fn add(&mut self, path: Option<&Path>, opened: Opened) {
        let Opened { source, format, guessed, size_bytes, progress, ignored, channels } = opened;
        self.sources.push(source);
        self.known.push(Known { path: path.map(Path::to_owned), format, channels, guessed, ignored });
        self.read.push(progress);
        self.size_bytes = self.size_bytes.zip(size_bytes).map(|(all, this)| all + this);
    }

    /// What was guessed, as config, and which columns go unused by that; what is the same for several inputs once.
    pub fn guesses(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for alike in alike(&self.known, |one, other| one.guessed == other.guessed && one.reads_like(other)) {
            if alike[0].guessed {
                notes.push(format!("{} guessed: {}", together(&alike), alike[0].format_line()));
            }
        }
        notes.extend(self.unused());
        notes.extend(self.namesakes());
        notes
    }

    /// Which columns go unused. Whoever named all columns in a config knows it.
    pub fn unused(&self) -> Vec<String> {
        let told = |known: &Known| known.guessed && !known.ignored.is_empty();
        let groups = alike(&self.known, |one, other| told(one) == told(other) && one.ignored == other.ignored);
        let told = groups.iter().filter(|alike| told(alike[0]));
        told.map(|alike| format!("{} not used: {}", together(alike), alike[0].ignored.join(", "))).collect()
    }

    /// Inputs that are taken for one device only because their files are called alike.
    pub fn namesakes(&self) -> Vec<String> {
        let same = |one: &Known, other: &Known| one.device_by_file() == other.device_by_file();
        let groups = alike(&self.known, |one, other| one.device_by_file().is_some() && same(one, other));
        let note = |alike: &Vec<&Known>| {
            let name = alike[0].device_by_file().filter(|_| alike.len() > 1)?;
            let way = "sources of their own, each with a device_name in its format, tell them apart";
            Some(format!("{} read as one device, `{name}`; {way}", together(alike)))
        };
        groups.iter().filter_map(note).collect()
    }

    /// Which channels of a plan no input has: a typing error there is easy to make and hard to see.
    pub fn unknown_channels(&self, plan: &Plan) -> Option<String> {
        let given = self.known.iter().flat_map(|known| &known.channels).chain(&self.own_channels);
        let given: BTreeSet<&str> = given.map(String::as_str).collect();
        let named: BTreeSet<&str> = plan.operators.iter().flat_map(|op| &op.on).map(String::as_str).collect();
        let missing = named.into_iter().filter(|&name| !given.contains(name) && plan.maker(name).is_none());
        let missing = missing.collect::<Vec<_>>().join("`, `");
        let given = given.into_iter().collect::<Vec<_>>().join(", ");
        (!missing.is_empty())
            .then(|| format!("the config names `{missing}`, which the first rows do not have; they have: {given}"))
    }
}

impl Known {
    /// What messages call it.
    pub fn label(&self) -> String {
        self.path.as_ref().map_or_else(|| STDIN.to_owned(), |path| path.display().to_string())
    }

    /// Whether both are read in the same way; each may be a device of its own, called like its file.
    pub fn reads_like(&self, other: &Known) -> bool {
        self.path.is_some() == other.path.is_some() && self.format_line() == other.format_line()
    }

    /// The name of the device, where the file's name gives it.
    fn device_by_file(&self) -> Option<&str> {
        let stem = self.path.as_ref()?.file_stem()?.to_string_lossy();
        match &self.format.device {
            DeviceFrom::Fixed(name) if *name == stem => Some(name),
            _ => None,
        }
    }

    /// The format as a line of config. The device's name is left out where the file's name gives it.
    pub fn format_line(&self) -> String {
        if self.device_by_file().is_none() {
            return self.format.to_toml();
        }
        // A name that needs no escapes, so that it is found again.
        let plain = Format { device: DeviceFrom::Fixed("stem".into()), ..self.format.clone() };
        plain.to_toml().replacen(", device_name = \"stem\"", "", 1)
    }

    /// Whether channels may come that the first rows do not have.
    pub fn is_open(&self) -> bool {
        match &self.format.shape {
            Shape::Wide(pairs) => pairs.is_empty() && self.format.kind != Kind::Csv,
            Shape::Narrow { .. } => true,
        }
    }
}

/// Splits a list into those that are alike, each in the order of its first.
fn alike(all: &[Known], same: impl Fn(&Known, &Known) -> bool) -> Vec<Vec<&Known>> {
    let mut groups: Vec<Vec<&Known>> = Vec::new();
    for known in all {
        match groups.iter_mut().find(|group| same(group[0], known)) {
            Some(group) => group.push(known),
            None => groups.push(vec![known]),
        }
    }
    groups
}

/// `a.csv:`, `a.csv and 3 more:`
fn together(alike: &[&Known]) -> String {
    match alike.len() {
        1 => format!("{}:", alike[0].label()),
        n => format!("{} and {} more:", alike[0].label(), n - 1),
    }
}
