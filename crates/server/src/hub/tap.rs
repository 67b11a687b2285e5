//! Who listens to a stage: what it passes on is told line by line, as it happens, to whoever is fast enough.
//!
//! A stage is the sources together (`readings`), an operator of the plan, or an alert. What windows, detectors and alerts say comes
//! with every step; readings that filters, features and joins pass on only where somebody listens, for which the run is told their
//! names. A listener has a bounded mailbox; what finds it full is lost, counted, and told with the next line that fits.

use super::Hub;
use crate::model::Model;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::http::StatusCode;
use ouzel_connect::encode::number::{push_number, push_time};
use ouzel_connect::encode::{Book, ndjson};
use ouzel_engine::output::What;
use ouzel_engine::plan::{Operator, Plan, Work};
use ouzel_engine::reading::{Quality, Reading, TICK};
use ouzel_engine::series::Series;
use ouzel_pipeline::cases::nearest;
use ouzel_pipeline::step::Step;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// So many may listen at the same time. Each costs the hub what it is told.
const MOST: usize = 16;

/// Pieces that wait for a listener, each with the lines of a step.
const MAILBOX: usize = 64;

/// Room in a mailbox that lines leave to the note that ends them.
const NOTES: usize = 1;

/// Lines of a step for a listener. Nobody reads faster, and a mailbox holds some megabytes at the most.
const LINES: usize = 1_000;

/// What the sources together are called.
const READINGS: &str = "readings";

/// A part of the run that somebody can listen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What sort of part: `source`, `filter`, `window`, `feature` (also one of a group or a formula), `join` (of streams or with
    /// a table), `detector`, `alert`.
    pub kind: &'static str,
    /// Its name in the config.
    pub name: String,
}

/// All listeners.
pub struct Taps {
    all: Vec<Tap>,
    /// Where the run hears to which operators somebody listens.
    told: watch::Sender<Arc<[String]>>,
}

/// A listener.
struct Tap {
    stage: Stage,
    device: Option<String>,
    /// Lines that it was not told, since the last one that it was.
    lost: u64,
    to: mpsc::Sender<Bytes>,
}

/// Lines for a listener.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    count: usize,
    beyond: u64,
}

impl Taps {
    /// Nobody yet.
    pub fn new(told: watch::Sender<Arc<[String]>>) -> Taps {
        Taps { all: Vec::new(), told }
    }

    /// Tells all listeners what a step has of their stages; the model has followed it already.
    pub(super) fn follow(&mut self, step: &Step, model: &Model) {
        if self.all.is_empty() || step.past {
            return;
        }
        let book = model.book();
        for tap in &mut self.all {
            tap.follow(step, &book);
        }
    }

    /// Another config is in force: whoever listens to what it does not have any more hears that, and no more.
    pub(super) fn replan(&mut self, plan: &Plan) {
        if self.all.is_empty() {
            return;
        }
        let stages = stages(plan);
        self.all.retain_mut(|tap| {
            let stays = stages.contains(&tap.stage);
            if !stays {
                let Stage { kind, name } = &tap.stage;
                tap.note(&format!("another config is in force, and has no {kind} `{name}`"));
            }
            stays
        });
        self.tell();
    }

    /// Forgets those who have gone.
    pub(super) fn tidy(&mut self) {
        let before = self.all.len();
        self.all.retain(|tap| !tap.to.is_closed());
        if self.all.len() < before {
            self.tell();
        }
    }

    /// All listeners have heard the last.
    pub(super) fn end(&mut self) {
        self.all.clear();
        self.tell();
    }

    fn tell(&self) {
        // What windows say is there already, as aggregates.
        let passes_on = |tap: &&Tap| !matches!(tap.stage.kind, "source" | "alert" | "window");
        let names: BTreeSet<&str> = self.all.iter().filter(passes_on).map(|tap| tap.stage.name.as_str()).collect();
        // Nobody hears it where the run is at its end.
        self.told.send_replace(names.into_iter().map(str::to_owned).collect());
    }
}

impl Tap {
    fn follow(&mut self, step: &Step, book: &Book<'_>) {
        let mut lines = Lines::default();
        match self.stage.kind {
            "source" => self.readings(step, book, &mut lines),
            _ => self.said(step, book, &mut lines),
        }
        // What others have passed on nobody misses here. Of those whose readings come beside the outputs nobody knows whose
        // were too many: they are told too many rather than too few.
        lines.beyond += match self.stage.kind {
            "source" => step.left_out,
            "filter" | "feature" | "join" => step.tapped.1,
            _ => 0,
        };
        self.send(lines);
    }

    /// What came in, and what could not be read.
    fn readings(&self, step: &Step, book: &Book<'_>, lines: &mut Lines) {
        for row in step.stretch.batch.rows.iter().filter(|row| row.series != TICK) {
            if self.wants(row.series, book) {
                lines.add(|into| push(row, book, into));
            }
        }
        for rejected in step.stretch.rejected.iter().filter(|_| self.device.is_none()) {
            lines.add(|into| ndjson::push_rejected(rejected, into));
        }
    }

    /// What an operator or an alert said, and the readings that it passed on.
    fn said(&self, step: &Step, book: &Book<'_>, lines: &mut Lines) {
        let named = |node: u16| {
            let operator = book.plan.operators.get(usize::from(node));
            operator.is_some_and(|operator| operator.name == self.stage.name && kind(&operator.work) == self.stage.kind)
        };
        for output in &step.outputs {
            let mine = match &output.what {
                What::Alert(alert) => {
                    let rule = book.plan.alerts.get(usize::from(alert.rule));
                    self.stage.kind == "alert" && rule.is_some_and(|rule| rule.name == self.stage.name)
                }
                What::Aggregate(_) | What::Anomaly(_) | What::Filtered(_) => named(output.node),
                // Readings that sinks take are among those that were passed on.
                What::Late(_) | What::Over(_) | What::Part(_) | What::Reading(_) => false,
            };
            if mine && self.wants(output.what.series(), book) {
                lines.add(|into| ndjson::push(output, book, into));
            }
        }
        // What windows say is there already, as aggregates.
        let passed = step.tapped.0.iter().filter(|_| self.stage.kind != "window");
        for (_, reading) in passed.filter(|(node, reading)| named(*node) && self.wants(reading.series, book)) {
            lines.add(|into| push(reading, book, into));
        }
    }

    fn wants(&self, series: Series, book: &Book<'_>) -> bool {
        let known = (series.0 as usize) < book.names.series_count();
        let is = |device: &String| book.names.device_name(book.names.of(series).0) == device;
        known && self.device.as_ref().is_none_or(is)
    }

    /// A line that is not about readings. It has a room of its own in the mailbox, so that the last one comes, too.
    fn note(&self, what: &str) {
        // Who has gone is forgotten within a second.
        let _ = self.to.try_send(format!("{}\n", serde_json::json!({ "note": what })).into());
    }

    fn send(&mut self, lines: Lines) {
        let all = lines.count as u64 + lines.beyond;
        if lines.count == 0 {
            self.lost += lines.beyond;
            return;
        }
        let mut bytes = lines.bytes;
        if self.lost > 0 {
            let head = format!("{{\"lost\":{}}}\n", self.lost);
            bytes.splice(0..0, head.into_bytes());
        }
        if self.to.capacity() <= NOTES {
            self.lost += all;
            return;
        }
        match self.to.try_send(bytes.into()) {
            Ok(()) => self.lost = lines.beyond,
            // Who has gone is forgotten within a second.
            Err(mpsc::error::TrySendError::Full(_) | mpsc::error::TrySendError::Closed(_)) => self.lost += all,
        }
    }
}

impl Lines {
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.count < LINES {
            write(&mut self.bytes);
            self.count += 1;
        } else {
            self.beyond += 1;
        }
    }
}

/// Adds the line of a reading.
fn push(reading: &Reading, book: &Book<'_>, into: &mut Vec<u8>) {
    let (device, channel) = book.names.of(reading.series);
    let (device, channel) = (book.names.device_name(device), book.names.channel_name(channel));
    into.extend_from_slice(b"{\"device\":");
    ndjson::push_string(device, into);
    into.extend_from_slice(b",\"channel\":");
    ndjson::push_string(channel, into);
    into.extend_from_slice(b",\"time\":\"");
    push_time(reading.time, into);
    into.extend_from_slice(b"\",\"value\":");
    push_number(reading.value, into);
    into.extend_from_slice(match reading.quality {
        Quality::Good => b"}\n",
        Quality::OutOfRange => b",\"quality\":\"out_of_range\"}\n",
        Quality::Flagged => b",\"quality\":\"flagged\"}\n",
    });
}

/// What sort of part an operator is.
fn kind(work: &Work) -> &'static str {
    match work {
        Work::Window(_) => "window",
        Work::Compress(_) | Work::Filter(_) => "filter",
        Work::Feature(_) | Work::Formula(_) | Work::Among(_) => "feature",
        Work::Join(_) | Work::Table(_) => "join",
        Work::Threshold(_)
        | Work::ZScore(..)
        | Work::Flatline(..)
        | Work::Silence(..)
        | Work::MissingRate(..)
        | Work::RangeFault(_) => "detector",
    }
}

/// The parts of a plan that somebody can listen to, in the order of a reading's way. A section may be several operators.
fn stages(plan: &Plan) -> Vec<Stage> {
    let mut all = vec![Stage { kind: "source", name: READINGS.to_owned() }];
    let operators = plan.operators.iter().map(|operator| (kind(&operator.work), &operator.name));
    for (kind, name) in operators.chain(plan.alerts.iter().map(|rule| ("alert", &rule.name))) {
        if !all.iter().any(|known| known.kind == kind && known.name == *name) {
            all.push(Stage { kind, name: name.clone() });
        }
    }
    all
}

/// Whether nothing comes of a part, for nobody takes the channels that it makes. Windows, detectors and alerts say what they
/// have found anyway, and so do filters that tell what they have turned away or let the rest go on.
fn is_idle(stage: &Stage, plan: &Plan) -> bool {
    if !matches!(stage.kind, "filter" | "feature" | "join") {
        return false;
    }
    let is_taken =
        |channel: &String| plan.said.contains(channel) || plan.operators.iter().any(|operator| operator.takes(channel));
    let is_heard = |operator: &Operator| {
        let says = matches!(&operator.work, Work::Filter(spec) if spec.drop || spec.tell);
        let of_group = |on: &String| operator.derived_of_group(on).into_iter().map(|(_, channel)| channel);
        says || operator.on.iter().any(|on| operator.derived(on).into_iter().chain(of_group(on)).any(|c| is_taken(&c)))
    };
    let mine = |operator: &&Operator| operator.name == stage.name && kind(&operator.work) == stage.kind;
    !plan.operators.iter().filter(mine).any(is_heard)
}

impl Hub {
    /// The parts that somebody can listen to.
    pub fn stages(&self) -> Vec<Stage> {
        stages(self.model.book().plan)
    }

    /// Lets somebody listen to a stage, by its name or by kind and name (`alert.hot`), of one device or of all.
    ///
    /// # Errors
    /// When there is no such stage or more than one, and when there are as many listeners as there may be.
    pub fn tap(&mut self, name: &str, device: Option<String>) -> Result<mpsc::Receiver<Bytes>, Problem> {
        let stage = self.stage(name)?;
        self.taps.tidy();
        if self.taps.all.len() >= MOST {
            let what = format!("{MOST} listen already, the most there may be; end one of them and try again");
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, what));
        }
        let (to, lines) = mpsc::channel(MAILBOX + NOTES);
        let tap = Tap { stage, device, lost: 0, to };
        if is_idle(&tap.stage, self.model.book().plan) {
            let Stage { kind, name } = &tap.stage;
            tap.note(&format!("nobody takes what {kind} `{name}` makes, so nothing is worked out"));
        }
        self.taps.all.push(tap);
        self.taps.tell();
        Ok(lines)
    }

    fn stage(&self, name: &str) -> Result<Stage, Problem> {
        let all = self.stages();
        let called = |stage: &&Stage| stage.name == name || format!("{}.{}", stage.kind, stage.name) == name;
        let found: Vec<&Stage> = all.iter().filter(called).collect();
        match found[..] {
            [one] => Ok(one.clone()),
            [] => {
                let called = name.strip_prefix("source.").unwrap_or(name);
                let sources: Vec<&str> = self.counters.sources.iter().map(|source| source.name.as_str()).collect();
                if sources == [called] {
                    return Ok(all[0].clone());
                }
                if sources.contains(&called) {
                    let what = "the readings of all sources are one stage: ask for `readings`, and for a device";
                    return Err(Problem::unknown(format!("`{name}` cannot be told from other sources: {what}")));
                }
                let known: Vec<&str> = all.iter().map(|stage| stage.name.as_str()).collect();
                Err(Problem::unknown(format!("no stage is called `{name}`; {}", nearest(name, &known))))
            }
            _ => {
                let ways: Vec<String> = found.iter().map(|stage| format!("{}.{name}", stage.kind)).collect();
                Err(Problem::bad(format!("`{name}` is several things: ask for {}", ways.join(" or "))))
            }
        }
    }
}
