//! Where results go: the sinks of the config, and the folder that the user named.

use super::inputs::Inputs;
use crate::ending::Failure;
use crate::screen;
use ouzel_connect::sink::{Encoding, Noun, SinkSettings, Take, Target};
use ouzel_engine::plan::{Operator, Plan};
use ouzel_pipeline::cases;
use ouzel_pipeline::config::Config;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

/// A form of files.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Form {
    /// One JSON object a line
    Ndjson,
    /// A table with commas
    Csv,
    /// Apache Parquet
    Parquet,
}

impl Form {
    fn encoding(self) -> Encoding {
        match self {
            Form::Ndjson => Encoding::Ndjson,
            Form::Csv => Encoding::Csv,
            Form::Parquet => Encoding::Parquet,
        }
    }
}

/// What messages call the sink of `--out`.
const OUT: &str = "--out";

/// All sinks. Where standard output is for one JSON object, sinks that write there are left out, and that is said.
///
/// # Errors
/// When `--out` is where a sink of the config writes, or `--take` names what nobody makes.
pub fn sinks(
    config: &mut Config,
    out: Option<(&Path, Form)>,
    channels: &[String],
    json: bool,
) -> Result<Vec<(String, SinkSettings)>, Failure> {
    let mut sinks = Vec::new();
    for (name, settings) in &config.sinks {
        if json && settings.target == Target::Stdout {
            screen::say(&format!("`sink.{name}` is left out: with --json, standard output has one object and no more"));
        } else {
            sinks.push((name.clone(), settings.clone()));
        }
    }
    if let Some((folder, form)) = out {
        let take = Take::new(&Noun::NAMED, &say(&mut config.plan, channels)?);
        let settings = SinkSettings { target: Target::Folder(folder.into()), encoding: form.encoding(), take };
        let same = |(_, other): &&(String, SinkSettings)| {
            other.target == settings.target && other.encoding == settings.encoding
        };
        if let Some((name, _)) = sinks.iter().find(same) {
            return Err(Failure::Usage(format!(
                "--out {} is where `sink.{name}` of the config writes: choose another folder, or leave --out out",
                folder.display()
            )));
        }
        sinks.push((OUT.to_owned(), settings));
    }
    Ok(sinks)
}

/// Has a plan say the readings of derived channels; gives their names.
fn say(plan: &mut Plan, channels: &[String]) -> Result<Vec<String>, Failure> {
    if let Some(channel) = channels.iter().find(|channel| plan.maker(channel).is_none()) {
        let made = |operator: &Operator| operator.on.iter().flat_map(|on| operator.derived(on)).collect::<Vec<_>>();
        let made: Vec<String> = plan.operators.iter().flat_map(made).collect();
        let made: Vec<&str> = made.iter().map(String::as_str).collect();
        let way = cases::nearest(channel, &made);
        return Err(Failure::Usage(format!("no window, filter, feature or join makes `{channel}`; {way}")));
    }
    plan.said.extend(channels.iter().cloned());
    plan.said.sort_unstable();
    plan.said.dedup();
    Ok(channels.to_vec())
}

/// The sinks of a config when the journal of its live run is replayed: its files are those of the live run, which may be
/// going on, so they are left alone, and that is said.
pub fn spare_live_files(config: &mut Config) {
    config.sinks.retain(|(name, settings)| {
        let is_file = matches!(settings.target, Target::Folder(_));
        if is_file {
            screen::say(&format!("`sink.{name}` is left out: its files are the live run's; --out DIR writes others"));
        }
        !is_file
    });
}

/// Refuses to write over what is read.
///
/// # Errors
/// When a file would be both.
pub fn spare_inputs(sinks: &[(String, SinkSettings)], inputs: &Inputs) -> Result<(), Failure> {
    let read: Vec<PathBuf> = inputs.known.iter().filter_map(|known| known.path.as_ref()?.canonicalize().ok()).collect();
    for file in sinks.iter().flat_map(|(_, sink)| files(sink)) {
        if file.canonicalize().is_ok_and(|path| read.contains(&path)) {
            return Err(Failure::Usage(format!(
                "{} would be read and written over at once: choose another folder for the results",
                file.display()
            )));
        }
    }
    Ok(())
}

/// The files that a sink writes.
fn files(sink: &SinkSettings) -> impl Iterator<Item = PathBuf> {
    let folder = match &sink.target {
        Target::Folder(folder) => Some(folder),
        Target::Stdout => None,
    };
    let name = |noun: &Noun| format!("{}.{}", noun.name(), sink.encoding.extension());
    folder.into_iter().flat_map(move |folder| sink.take.nouns().iter().map(move |noun| folder.join(name(noun))))
}

/// The folders that results are written to.
pub fn folders(sinks: &[(String, SinkSettings)]) -> impl Iterator<Item = &Path> {
    sinks.iter().filter_map(|(_, sink)| match &sink.target {
        Target::Folder(folder) => Some(folder.as_path()),
        Target::Stdout => None,
    })
}

/// The file in which all rejected input stands, if there is one.
pub fn rejected_file(sinks: &[(String, SinkSettings)]) -> Option<PathBuf> {
    sinks
        .iter()
        .flat_map(|(_, sink)| files(sink))
        .find(|file| file.file_stem().is_some_and(|stem| stem == Noun::Rejected.name()))
}

/// Whether results go to standard output.
pub fn on_stdout(sinks: &[(String, SinkSettings)]) -> bool {
    sinks.iter().any(|(_, sink)| sink.target == Target::Stdout)
}

/// Whether results scroll over the terminal, where a progress bar would only be in their way.
pub fn fill_screen(sinks: &[(String, SinkSettings)]) -> bool {
    on_stdout(sinks) && io::stdout().is_terminal()
}
