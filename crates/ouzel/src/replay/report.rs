//! What a run has found: for people a page, for programs one object.

use super::outputs;
use crate::figures::{bytes, counted, grouped, rate, seconds};
use ouzel_connect::sink::SinkSettings;
use ouzel_engine::feature::Made;
use ouzel_engine::lateness::{LateCounts, Lateness};
use ouzel_engine::plan::Plan;
use ouzel_pipeline::counted::{Counted, FeatureCount, FilterCount, JoinCount, at_most};
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
struct Object<'r> {
    readings: u64,
    rejected: u64,
    duplicates: u64,
    moved: u64,
    late: u64,
    out_of_order: u64,
    forgotten: u64,
    revised: u64,
    missed_parts: u64,
    filtered: u64,
    said: u64,
    aggregates: u64,
    anomalies: u64,
    alerts: u64,
    matches: u64,
    /// How late readings came that were out of order: up to so many seconds, `null` for all that were later.
    lateness: Vec<Lag>,
    filters: Vec<Filter<'r>>,
    features: Vec<Feature<'r>>,
    joins: Vec<Join<'r>>,
    seconds: f64,
    cpu_seconds: f64,
    peak_rss_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Lag {
    up_to_s: Option<f64>,
    count: u64,
}

#[derive(Serialize)]
struct Filter<'r> {
    name: &'r str,
    passed: u64,
    failed: u64,
    unknown: u64,
    parts: Vec<Part<'r>>,
}

#[derive(Serialize)]
struct Feature<'r> {
    name: &'r str,
    given: u64,
    not_full: u64,
    no_value: u64,
    uneven: u64,
}

#[derive(Serialize)]
struct Join<'r> {
    name: &'r str,
    found: u64,
    missing: u64,
    late: u64,
    dropped: u64,
}

#[derive(Serialize)]
struct Part<'r> {
    part: &'r str,
    failed: u64,
}

impl Report<'_> {
    /// One JSON object.
    pub fn json(&self) -> String {
        let summary = &self.ran.summary;
        let (late, filters) = (&self.ran.counted.late, self.ran.counted.filters(self.plan));
        let features = self.ran.counted.features(self.plan);
        let joins = self.ran.counted.joins(self.plan);
        let object = Object {
            readings: summary.readings,
            rejected: summary.rejected,
            duplicates: summary.duplicates,
            moved: summary.moved,
            late: summary.late,
            out_of_order: late.lateness.total(),
            forgotten: late.forgotten,
            revised: late.revised,
            missed_parts: self.ran.counted.missed,
            filtered: summary.filtered,
            said: summary.said,
            aggregates: summary.aggregates,
            anomalies: summary.anomalies,
            alerts: summary.alerts,
            matches: 0,
            lateness: lags(&late.lateness),
            filters: filters.iter().map(Filter::of).collect(),
            features: features.iter().map(Feature::of).collect(),
            joins: joins.iter().map(Join::of).collect(),
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
        if summary.duplicates > 0 {
            page.row("duplicates", &format!("{}, known by their numbers", grouped(summary.duplicates)));
        }
        if summary.moved > 0 {
            page.row("moved", &format!("{} of tags, with which a device began anew", counted(summary.moved, "change")));
        }
        page.row("late", &grouped(summary.late));
        self.lateness(&mut page);
        // Most configs have no filter that tells, and need not hear of it.
        if summary.filtered > 0 {
            page.row("filtered", &grouped(summary.filtered));
        }
        self.ran.counted.filters(self.plan).iter().for_each(|filter| page.more(&passed(filter)));
        self.ran.counted.features(self.plan).iter().for_each(|feature| page.more(&made(feature)));
        if summary.said > 0 {
            page.row("said", &format!("{} of derived channels", counted(summary.said, "reading")));
        }
        // Nor do most have a join.
        self.ran.counted.joins(self.plan).iter().for_each(|join| page.more(&joined(join)));
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

    /// How late readings came, and which allowance would keep nearly all of them.
    fn lateness(&self, page: &mut Page) {
        let Counted { late, missed, .. } = &self.ran.counted;
        let total = late.lateness.total();
        if total > 0 {
            page.more(&format!("{} came out of order", counted(total, "reading")));
        }
        for (count, what) in [
            (late.revised, "taken into windows that had closed"),
            (late.forgotten, "forgotten by windows that had closed"),
        ] {
            if count > 0 {
                page.more(&format!("{}: {what}", grouped(count)));
            }
        }
        if *missed > 0 {
            page.more(&format!("{} of groups came after their window", counted(*missed, "part")));
        }
        // Advice is for those who lose something.
        let is_lost = loses(self.ran.summary.late, late);
        if let Some((edge, share)) = at_most(&late.lateness, NEARLY_ALL).filter(|_| is_lost) {
            let share = percent(share);
            page.more(&format!("{share} of them were at most {edge} late: late = \"{edge}\" would keep those"));
        }
    }

    fn cost(&self) -> String {
        let (readings, wall) = (self.ran.summary.readings, self.seconds);
        let peak = self.peak_rss_bytes.map_or_else(String::new, |peak| format!(", {} of memory", bytes(peak)));
        format!("{}, {} readings/s, {} of CPU{peak}", seconds(wall), rate(readings, wall), seconds(self.cpu_seconds))
    }
}

/// How many of those out of order an allowance has to keep to be worth its wait.
const NEARLY_ALL: f64 = 0.99;

fn loses(aside: u64, late: &LateCounts) -> bool {
    aside + late.forgotten + late.revised > 0
}

fn lags(lateness: &Lateness) -> Vec<Lag> {
    let edges = Lateness::EDGES.iter().map(|edge| Some(edge.as_secs_f64())).chain([None]);
    edges.zip(lateness.counts()).map(|(up_to_s, &count)| Lag { up_to_s, count }).collect()
}

impl<'r> Filter<'r> {
    fn of(filter: &'r FilterCount) -> Filter<'r> {
        let &FilterCount { passed, failed, unknown, .. } = filter;
        let parts = filter.parts.iter().map(|(part, failed)| Part { part, failed: *failed }).collect();
        Filter { name: &filter.name, passed, failed, unknown, parts }
    }
}

impl<'r> Feature<'r> {
    fn of(feature: &'r FeatureCount) -> Feature<'r> {
        let Made { given, not_full, no_value, uneven } = feature.made;
        Feature { name: &feature.name, given, not_full, no_value, uneven }
    }
}

/// `feature recent: 11 880 results; 120 withheld, their past was not full yet`
fn made(feature: &FeatureCount) -> String {
    let Made { given, not_full, no_value, uneven } = feature.made;
    let mut said = format!("feature {}: {}", feature.name, counted(given, "result"));
    if not_full > 0 {
        let _ = write!(said, "; {} withheld, their past was not full yet", grouped(not_full));
    }
    if no_value > 0 {
        let _ = write!(said, "; {} without a value", grouped(no_value));
    }
    match uneven {
        0 => {}
        1 => said += "; a reading began a block anew: it was not even",
        _ => {
            let _ = write!(said, "; {} readings began a block anew: they are not even", grouped(uneven));
        }
    }
    said
}

impl<'r> Join<'r> {
    fn of(join: &'r JoinCount) -> Join<'r> {
        let &JoinCount { found, missing, late, dropped, .. } = join;
        Join { name: &join.name, found, missing, late, dropped }
    }
}

/// `join load: 11 900 results; 100 readings found nothing`, and of a table, in which some cells of a row may be empty,
/// `join limits: 11 900 readings found all that was asked for; 100 lacked something`
fn joined(join: &JoinCount) -> String {
    let JoinCount { word, name, is_table, found, missing, late, dropped } = join;
    if *is_table {
        let found = counted(*found, "reading");
        let mut said = format!("{word} {name}: {found} found all that was asked for");
        if *missing > 0 {
            let _ = write!(said, "; {} lacked something", grouped(*missing));
        }
        return said;
    }
    let mut said = format!("{word} {name}: {}", counted(*found, "result"));
    for (count, what) in [
        (missing, if *word == "feature" { "had fewer devices around them than `min`" } else { "found nothing" }),
        (late, "came too late for the others"),
        (dropped, "were pushed out by too many others"),
    ] {
        if *count > 0 {
            let _ = write!(said, "; {} {what}", counted(*count, "reading"));
        }
    }
    said
}

/// `filter warm: 81.0 % of 12 000 readings passed; "temperature > 20" failed 1 900 times`
fn passed(filter: &FilterCount) -> String {
    let Some(rate) = filter.pass_rate() else { return format!("filter {}: has seen no reading", filter.name) };
    let all = grouped(filter.readings());
    let mut said = format!("filter {}: {} of {all} readings passed", filter.name, percent(rate));
    if filter.unknown > 0 {
        let _ = write!(said, ", of {} nobody could tell", grouped(filter.unknown));
    }
    let mut parts: Vec<_> = filter.parts.iter().filter(|(_, failed)| *failed > 0).collect();
    parts.sort_by_key(|(_, failed)| std::cmp::Reverse(*failed));
    for (place, (part, failed)) in parts.into_iter().enumerate() {
        let _ = match place {
            0 => write!(said, "; `{part}` failed {} times", grouped(*failed)),
            _ => write!(said, ", `{part}` {} times", grouped(*failed)),
        };
    }
    said
}

/// `81.0 %`, and never `100.0 %` of what is not all.
fn percent(share: f64) -> String {
    let shown = if share < 1.0 { (share * 1e3).floor() / 10.0 } else { 100.0 };
    format!("{shown:.1} %")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_says_what_it_gave_and_what_it_withheld() {
        let feature = |made| FeatureCount { name: "recent".into(), made };
        assert_eq!(
            made(&feature(Made { given: 11_880, not_full: 120, no_value: 3, uneven: 1_204 })),
            "feature recent: 11 880 results; 120 withheld, their past was not full yet; 3 without a value; \
             1 204 readings began a block anew: they are not even"
        );
        assert_eq!(made(&feature(Made { given: 1, ..Made::default() })), "feature recent: 1 result");
    }

    #[test]
    fn a_join_with_a_table_tells_readings_that_found_all_from_those_that_lacked_something() {
        let join = |is_table| JoinCount {
            word: "join",
            name: "limits".into(),
            is_table,
            found: 1_200,
            missing: 3,
            ..JoinCount::default()
        };
        assert_eq!(joined(&join(true)), "join limits: 1 200 readings found all that was asked for; 3 lacked something");
        assert_eq!(joined(&join(false)), "join limits: 1 200 results; 3 readings found nothing");
        let feature = JoinCount { word: "feature", ..join(false) };
        let said = "feature limits: 1 200 results; 3 readings had fewer devices around them than `min`";
        assert_eq!(joined(&feature), said);
    }

    #[test]
    fn a_filter_says_what_passed_and_which_part_failed_most() {
        let parts = vec![("motion".to_owned(), 400), ("x > 1".to_owned(), 0), ("temperature > 20".to_owned(), 1_900)];
        let filter = FilterCount { name: "warm".into(), passed: 9_720, failed: 2_270, unknown: 10, parts };
        assert_eq!(
            passed(&filter),
            "filter warm: 81.0 % of 12 000 readings passed, of 10 nobody could tell; `temperature > 20` failed 1 900 times, \
             `motion` 400 times"
        );
        assert_eq!(
            passed(&FilterCount { name: "cold".into(), ..FilterCount::default() }),
            "filter cold: has seen no reading"
        );
        assert_eq!(percent(0.999_999), "99.9 %");
    }
}
