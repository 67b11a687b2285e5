//! Where results go. A sink names the nouns it takes and the form it writes them in.

use crate::encode::Book;
use crate::fault::{Fault, Retry, Whose};
use crate::source::Rejected;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Plan;
use std::io;
use std::path::PathBuf;

pub mod file;
pub mod stdout;
pub mod live;
pub mod limit;
pub mod dead;
pub mod template;
#[cfg(feature = "http")]
pub mod webhook;
#[cfg(feature = "mqtt")]
pub mod mqtt;

/// A place that results are written to. The driver owns retry and stop; a sink writes, or says why it cannot.
///
/// Outputs carry ids made of their content, so that a sink that must survive a restart can be given the same rows
/// twice and do no harm. Files and standard output are written anew by each run and do not look at ids.
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
}

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
    /// Input that could not be read, with the reason.
    Rejected,
}

impl Noun {
    /// All of them, in the order of the manual.
    pub const ALL: [Noun; 5] = [Noun::Aggregates, Noun::Anomalies, Noun::Alerts, Noun::Late, Noun::Rejected];

    /// The word in configs and file names.
    pub fn name(self) -> &'static str {
        match self {
            Noun::Aggregates => "aggregates",
            Noun::Anomalies => "anomalies",
            Noun::Alerts => "alerts",
            Noun::Late => "late",
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
            What::Over(_) => None,
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
    /// Which nouns.
    pub take: Vec<Noun>,
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
