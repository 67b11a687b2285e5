//! Where results go. A sink names the nouns it takes and the form it writes them in.

use std::path::PathBuf;

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
