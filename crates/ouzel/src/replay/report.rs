//! What a run has found: for people a page, for programs one object.

use super::outputs;
use crate::figures::{bytes, counted, grouped, rate, seconds};
use ouzel_connect::sink::SinkSettings;
use ouzel_engine::plan::Plan;
use ouzel_pipeline::run::Ran;
use serde::Serialize;
use std::fmt::Write;

/// How many series with the most anomalies are shown.
const OFFENDERS: usize = 5;

/// A run and what it cost.
pub struct Report<'r> {
    /// What came of it.
    pub ran: &'r Ran,
    /// What was computed.
    pub plan: &'r Plan,
    /// Where results went.
    pub sinks: &'r [(String, SinkSettings)],
    /// Time on the wall.
    pub seconds: f64,
    /// Time of processors.
    pub cpu_seconds: f64,
    /// Memory at most.
    pub peak_rss_bytes: Option<u64>,
}

/// The object of `--json`. Its keys are a promise; `matches` comes with patterns.
#[derive(Serialize)]
struct Object {
    readings: u64,
    rejected: u64,
    late: u64,
    filtered: u64,
    aggregates: u64,
    anomalies: u64,
    alerts: u64,
    matches: u64,
    seconds: f64,
    cpu_seconds: f64,
    peak_rss_bytes: Option<u64>,
}

impl Report<'_> {
    /// One JSON object.
    pub fn json(&self) -> String {
        let summary = &self.ran.summary;
        let object = Object {
            readings: summary.readings,
            rejected: summary.rejected,
            late: summary.late,
            filtered: summary.filtered,
            aggregates: summary.aggregates,
            anomalies: summary.anomalies,
            alerts: summary.alerts,
            matches: 0,
            seconds: self.seconds,
            cpu_seconds: self.cpu_seconds,
            peak_rss_bytes: self.peak_rss_bytes,
        };
        format!("{}\n", serde_json::to_string(&object).expect("numbers always have a JSON form"))
    }

    /// A page for people.
    pub fn page(&self) -> String {
        let summary = &self.ran.summary;
        let mut page = Page::default();
        if self.ran.stopped {
            page.row("stopped", "before the end of the input");
        }
        let (devices, series) = (counted(summary.devices, "device"), summary.series);
        page.row("readings", &format!("{} from {devices}, {} series", grouped(summary.readings), grouped(series)));
        if let Some((from, to)) = summary.from.zip(summary.to) {
            page.more(&format!("{from} to {to}"));
        }
        page.row("rejected", &grouped(summary.rejected));
        self.rejected(&mut page);
        page.row("absent", &grouped(summary.absent));
        page.row("late", &grouped(summary.late));
        // Most configs have no filter that tells, and need not hear of it.
        if summary.filtered > 0 {
            page.row("filtered", &grouped(summary.filtered));
        }
        page.row("aggregates", &grouped(summary.aggregates));
        page.row("anomalies", &grouped(summary.anomalies));
        let kinds = summary.by_kind(self.plan).into_iter();
        // A detector's kind is often called like the detector itself, or is all that tells two apart.
        page.table(kinds.map(|(detector, kind, severity, n)| (format!("{detector} ({kind})"), severity.name(), n)));
        page.row("alerts", &grouped(summary.alerts));
        let rules = summary.by_rule(self.plan).into_iter();
        page.table(rules.map(|(rule, severity, n)| (rule.to_owned(), severity.name(), n)));
        let offenders = summary.top_offenders(&self.ran.names, OFFENDERS);
        // Where there is but one series, it is the one.
        if summary.series > 1 && !offenders.is_empty() {
            page.row("most trouble", "");
            page.table(offenders.into_iter().map(|(device, channel, n)| (device.to_owned(), channel, n)));
        }
        page.row("took", &self.cost());
        for folder in outputs::folders(self.sinks) {
            page.row("written to", &folder.display().to_string());
        }
        if self.sinks.is_empty() {
            page.row("written to", "nowhere; --out DIR keeps what was found");
        }
        page.0
    }

    /// The first pieces of input that could not be read, and where all of them are.
    fn rejected(&self, page: &mut Page) {
        let summary = &self.ran.summary;
        for rejected in &summary.first_rejected {
            page.more(&format!("{}:{}: {}", rejected.source, rejected.line, rejected.reason));
        }
        match outputs::rejected_file(self.sinks) {
            _ if summary.rejected == 0 => {}
            Some(file) => page.more(&format!("all of them: {}", file.display())),
            None => page.more("--out DIR writes them all to DIR/rejected.ndjson"),
        }
    }

    fn cost(&self) -> String {
        let (readings, wall) = (self.ran.summary.readings, self.seconds);
        let peak = self.peak_rss_bytes.map_or_else(String::new, |peak| format!(", {} of memory", bytes(peak)));
        format!("{}, {} readings/s, {} of CPU{peak}", seconds(wall), rate(readings, wall), seconds(self.cpu_seconds))
    }
}

/// Rows of a word and what is to be said of it, and indented tables under them.
#[derive(Default)]
struct Page(String);

impl Page {
    fn row(&mut self, word: &str, said: &str) {
        let line = format!("{word:<13}{said}");
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn more(&mut self, said: &str) {
        self.row("", said);
    }

    /// Columns as wide as they must be; numbers end at the same place.
    fn table<'a>(&mut self, rows: impl Iterator<Item = (String, &'a str, u64)>) {
        let rows: Vec<(String, &str, String)> = rows.map(|(name, word, n)| (name, word, grouped(n))).collect();
        let width = |cell: &dyn Fn(&(String, &str, String)) -> usize| rows.iter().map(cell).max().unwrap_or(0);
        let (name_width, word_width, number_width) =
            (width(&|r| r.0.chars().count()), width(&|r| r.1.chars().count()), width(&|r| r.2.len()));
        for (name, word, number) in &rows {
            let gap = if word_width == 0 { "" } else { "  " };
            let _ = writeln!(self.0, "{:<15}{name:<name_width$}{gap}{word:<word_width$}  {number:>number_width$}", "");
        }
    }
}
