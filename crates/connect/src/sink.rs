//! Where results go. A sink names the nouns it takes and the form it writes them in.

use crate::encode::Book;
use crate::fault::{Fault, Retry, Whose};
use crate::source::Rejected;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Plan;
use std::io;
use std::path::PathBuf;
pub use take::Take;

pub mod file;
pub mod stdout;
pub mod live;
pub mod take;
pub mod limit;
pub mod dead;
pub mod template;
#[cfg(feature = "http")]
pub mod webhook;
#[cfg(feature = "mqtt")]
pub mod mqtt;

/// A place that results are written to. The driver owns retry and stop; a sink writes, or says why it cannot.
///
/// Opened by [`open`], files and standard output are written anew, as a replay wants it. Opened by [`resume`], files are
/// gone on with, and hold each row once whatever kills the run; standard output may show the last lines twice.
pub trait Sink: Send {
    /// Writes those of `outputs` whose noun this sink takes, in their order. They may stay in a buffer.
    ///
    /// # Errors
    /// A [`Fault`] when they cannot be written; some of them may have been.
    fn write(&mut self, outputs: &[Output], book: &Book<'_>) -> Result<(), Fault>;

    /// Writes input that could not be read, if this sink takes [`Noun::Rejected`].
    ///
    /// # Errors
    /// A [`Fault`] when it cannot be written.
    fn reject(&mut self, rejected: &[Rejected]) -> Result<(), Fault>;

    /// Hands on what is in buffers, so that others see it: for a live run, when nothing else is to be done. Parquet
    /// keeps its rows until the end all the same.
    ///
    /// # Errors
    /// A [`Fault`] when it cannot be written.
    fn flush(&mut self) -> Result<(), Fault>;

    /// Writes all that is left. Nothing may be written afterwards.
    ///
    /// # Errors
    /// A [`Fault`] when it cannot be written.
    fn finish(&mut self) -> Result<(), Fault>;

    /// Makes what was written so far durable, and gives what [`resume`] needs to go on behind it: a cursor stores that
    /// together with its place. `None`: some of it is in a file that is not whole yet, so the cursor stays where it is.
    /// That passes with more rows or with time (Parquet: 100 000, or a quarter of an hour), so ask now and then, whether
    /// rows come or not.
    ///
    /// After a fault, here or in [`Sink::write`], the sink is done with: drop it, and later [`resume`] behind the last
    /// progress and give it again what came since.
    ///
    /// # Errors
    /// A [`Fault`] when it cannot be made durable.
    fn progress(&mut self) -> Result<Option<Progress>, Fault> {
        self.flush()?;
        Ok(Some(Progress::new()))
    }

    /// Outputs are computed by this plan from now on. Where a table gets other columns by it, another file begins. Gives
    /// what is to be said of that.
    ///
    /// # Errors
    /// A [`Fault`] when the new file cannot be made, or what is left of the old one cannot be written.
    fn plan(&mut self, _plan: &Plan) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }
}

/// How far a sink's files have come: the name and size of the last file of each noun, in bytes.
pub type Progress = Vec<(String, u64)>;

/// Opens a sink for outputs of a plan. Files are made now, one for each noun taken, so that an empty result is an
/// empty file; those of an earlier run are replaced.
///
/// # Errors
/// A [`Fault`] when the target cannot be written, or cannot have this encoding.
pub fn open(settings: &SinkSettings, plan: &Plan) -> Result<Box<dyn Sink>, Fault> {
    match &settings.target {
        Target::Folder(folder) => Ok(Box::new(file::Folder::open(folder, settings.encoding, &settings.take, plan)?)),
        Target::Stdout => {
            let out = Box::new(io::stdout());
            Ok(Box::new(stdout::Stdout::open(out, settings.encoding, &settings.take, plan)?))
        }
    }
}

/// Opens a sink for outputs of a plan behind what it has written already, so that it may be given all outputs from its
/// cursor on and none is doubled or lost. Gives what is to be said of the files, as sentences for a log.
///
/// With a `progress`, text files are cut to the size that they had then and written on, a CSV file with other columns than
/// those of the plan gets a successor, and Parquet goes on in a new part. Without one the files are new; nothing of an
/// earlier run is written over: it is kept under another name.
///
/// # Errors
/// A [`Fault`] when the target cannot be written, or cannot have this encoding.
pub fn resume(
    settings: &SinkSettings,
    plan: &Plan,
    progress: Option<&[(String, u64)]>,
) -> Result<(Box<dyn Sink>, Vec<String>), Fault> {
    match &settings.target {
        Target::Folder(folder) => {
            let (sink, notes) = file::Folder::resume(folder, settings.encoding, &settings.take, plan, progress)?;
            Ok((Box::new(sink), notes))
        }
        Target::Stdout => Ok((open(settings, plan)?, Vec::new())),
    }
}

/// What a [`Fault`] says when the reader of a pipe has gone: `ouzel replay … | head` ends so, and quietly.
pub const CLOSED: &str = "what reads the output has gone away";

/// What a [`Fault`] says where Parquet is asked of a build without it.
pub const NO_PARQUET: &str = "this build of ouzel cannot write parquet; choose ndjson or csv";

/// Whether a fault is [`CLOSED`]: a reason to stop, but none to complain.
pub fn is_closed(fault: &Fault) -> bool {
    fault.what == CLOSED
}

/// What a writer's error means to the person at the machine.
pub(crate) fn fault(place: &str, error: &io::Error) -> Fault {
    use io::ErrorKind as Kind;
    let (whose, retry, what) = match error.kind() {
        Kind::BrokenPipe => return Fault { whose: Whose::Peer, retry: Retry::Never, what: CLOSED.to_owned() },
        Kind::PermissionDenied => (Whose::You, Retry::Never, "permission denied; choose another path"),
        Kind::ReadOnlyFilesystem => (Whose::You, Retry::Never, "the file system is read-only; choose another path"),
        Kind::NotADirectory | Kind::AlreadyExists => {
            (Whose::You, Retry::Never, "a file is in the way; choose another path")
        }
        Kind::IsADirectory => (Whose::You, Retry::Never, "that is a folder; choose another path"),
        Kind::NotFound => (Whose::You, Retry::Never, "there is no such folder; make it or choose another path"),
        Kind::StorageFull | Kind::QuotaExceeded => {
            (Whose::You, Retry::Later, "the disk is full; make room or choose another path")
        }
        _ => {
            return Fault {
                whose: Whose::Peer,
                retry: Retry::Later,
                what: format!("cannot write to {place}: {error}"),
            };
        }
    };
    Fault { whose, retry, what: format!("cannot write to {place}: {what}") }
}

/// The nouns a sink may take, and the name of the file each is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Noun {
    /// What windows say.
    Aggregates,
    /// What detectors say.
    Anomalies,
    /// What people are told.
    Alerts,
    /// Readings that came too late.
    Late,
    /// Readings that did not meet the condition of a filter.
    Filtered,
    /// Readings of the derived channels that the sink names.
    Readings,
    /// Input that could not be read, with the reason.
    Rejected,
}

impl Noun {
    /// All of them, in the order of the manual.
    pub const ALL: [Noun; 7] =
        [Noun::Aggregates, Noun::Anomalies, Noun::Alerts, Noun::Late, Noun::Filtered, Noun::Readings, Noun::Rejected];

    /// Those that can be taken by their own word; readings are taken by the names of their channels.
    pub const NAMED: [Noun; 6] =
        [Noun::Aggregates, Noun::Anomalies, Noun::Alerts, Noun::Late, Noun::Filtered, Noun::Rejected];

    /// The word in configs and file names.
    pub fn name(self) -> &'static str {
        match self {
            Noun::Aggregates => "aggregates",
            Noun::Anomalies => "anomalies",
            Noun::Alerts => "alerts",
            Noun::Late => "late",
            Noun::Filtered => "filtered",
            Noun::Readings => "readings",
            Noun::Rejected => "rejected",
        }
    }

    /// The noun of an output; `None` for the end of a detector's trouble, which is not for people.
    pub fn of(what: &What) -> Option<Noun> {
        match what {
            What::Late(_) => Some(Noun::Late),
            What::Aggregate(_) => Some(Noun::Aggregates),
            What::Anomaly(_) => Some(Noun::Anomalies),
            What::Alert(_) => Some(Noun::Alerts),
            What::Filtered(_) => Some(Noun::Filtered),
            What::Reading(_) => Some(Noun::Readings),
            What::Over(_) | What::Part(_) => None,
        }
    }
}

/// The form of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180 with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// A line for people; standard output only.
    Text,
}

/// Where a sink writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A folder with a file a noun: `aggregates.ndjson`, `alerts.ndjson`, …
    Folder(PathBuf),
    /// Standard output.
    Stdout,
}

impl Encoding {
    /// The ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Encoding::Ndjson => "ndjson",
            Encoding::Csv => "csv",
            Encoding::Parquet => "parquet",
            Encoding::Text => "txt",
        }
    }
}

/// A `[sink.NAME]` section of type `file` or `stdout`.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkSettings {
    /// Where to.
    pub target: Target,
    /// In which form.
    pub encoding: Encoding,
    /// What it takes.
    pub take: Take,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_say_what_to_do_and_whose_they_are() {
        for (kind, whose, retry, what) in [
            (io::ErrorKind::BrokenPipe, Whose::Peer, Retry::Never, CLOSED),
            (
                io::ErrorKind::PermissionDenied,
                Whose::You,
                Retry::Never,
                "cannot write to out/: permission denied; choose another path",
            ),
            (
                io::ErrorKind::StorageFull,
                Whose::You,
                Retry::Later,
                "cannot write to out/: the disk is full; make room or choose another path",
            ),
            (io::ErrorKind::TimedOut, Whose::Peer, Retry::Later, "cannot write to out/: timed out"),
        ] {
            let fault = fault("out/", &kind.into());
            assert_eq!(fault, Fault { whose, retry, what: what.to_owned() });
            assert_eq!(is_closed(&fault), kind == io::ErrorKind::BrokenPipe);
        }
    }
}
