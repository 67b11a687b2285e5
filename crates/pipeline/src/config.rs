//! The config file: TOML in, a plan with its sources and sinks out; or all that is wrong with it, at once.
//!
//! Sections are `[kind.name]`, names connect, and their order in the file is free. The spanned tree of the `toml`
//! crate is walked by hand (`config/tree.rs`), because every mistake must be shown where it stands. Mistakes are
//! noted and reading goes on; what a mistake leaves open is not complained about a second time.

mod advice;
mod alert;
mod channel;
mod condition;
mod detector;
mod devices;
mod feature;
mod filter;
mod fit;
mod format;
mod formula;
mod give;
mod group;
mod in_force;
mod journal;
mod lake;
mod late;
#[cfg(feature = "http")]
mod http;
mod maker;
mod meet;
mod memory;
mod missing;
#[cfg(feature = "mqtt")]
mod mqtt;
mod order;
mod place;
mod queue;
#[cfg(any(feature = "mqtt", feature = "http"))]
mod secret;
mod results;
mod sections;
mod server;
mod shape;
mod signal;
mod simulate;
mod sink;
mod size;
mod source;
mod suggest;
mod table;
mod take;
mod test;
mod times;
mod tree;
#[cfg(feature = "http")]
mod webhook;
mod window;
mod words;
mod zone;

pub use devices::DevicesConfig;
pub use in_force::InForce;
pub use place::{Level, Problem};
pub use server::ServerConfig;
pub(crate) use suggest::hint as nearest_of;
pub use test::{Expect, Input, TestConfig};
pub use words::shape_in_words;

use crate::live::Logs;
use crate::queue::QueueSettings;
use crate::tables::TableConfig;
use ouzel_connect::format::FormatHints;
use ouzel_connect::sink::limit::{Beyond, Rate};
use ouzel_connect::sink::{SinkSettings, Take};
use ouzel_connect::source::simulate::Settings;
use ouzel_engine::plan::{AlertRule, ChannelFacts, Plan};
use ouzel_engine::series::Timing;
use ouzel_engine::time::Span;
use ouzel_lake::LakeSettings;
pub(crate) use place::Findings;
use sections::{Kind, Sections};
use std::path::{Path, PathBuf};
use toml::de::{DeTable, Error};
use tree::At;

/// A config that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where readings come from, in the order of the file; may be empty, then the command names the input.
    pub sources: Vec<SourceConfig>,
    /// What is computed.
    pub plan: Plan,
    /// Where results go, by name, in the order of the file.
    pub sinks: Vec<(String, SinkSettings)>,
    /// Where a live run writes down what it takes in.
    pub journal: Logs,
    /// Where results are kept, if they are.
    pub lake: Option<LakeSettings>,
    /// Where the page is; `None`: nobody said.
    pub server: Option<ServerConfig>,
    /// How many devices there may be, and when one is gone.
    pub devices: DevicesConfig,
    /// Tables of joins, in the order of the file.
    pub tables: Vec<TableConfig>,
    /// The same on other machines: for a live run only.
    pub live_sinks: Vec<LiveSinkConfig>,
    /// The cases of `ouzel test`, in the order of the file.
    pub tests: Vec<TestConfig>,
}

/// A `[sink.NAME]` section whose results leave the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveSinkConfig {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: LiveSinkKind,
    /// What it takes.
    pub take: Take,
    /// How fast it may be sent to; `None`: as fast as it takes.
    pub at_most: Option<Rate>,
    /// What happens to what comes faster.
    pub beyond: Beyond,
}

/// The types of sinks on other machines.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveSinkKind {
    /// `type = "webhook"`
    #[cfg(feature = "http")]
    Webhook(Box<ouzel_connect::sink::webhook::Settings>),
    /// `type = "mqtt"`
    #[cfg(feature = "mqtt")]
    Mqtt(Box<ouzel_connect::sink::mqtt::Settings>),
}

/// A `[source.NAME]` section.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceConfig {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: SourceKind,
    /// Clock and allowance of its devices.
    pub timing: Timing,
    /// How far past the clock here a time of its readings may be. Of live runs only: a replay has no clock.
    pub ahead: Span,
    /// What stands between it and the journal; of live sources only.
    pub queue: QueueSettings,
}

/// The types of live sources.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveKind {
    /// `type = "mqtt"`
    #[cfg(feature = "mqtt")]
    Mqtt(Box<ouzel_connect::source::mqtt::Settings>),
    /// `type = "http"`
    #[cfg(feature = "http")]
    Http(Box<ouzel_connect::source::http::Settings>),
}

/// The types of sources.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// `type = "file"`
    Files {
        /// The files in the order in which they are read; at least one. Relative paths start at the config's folder.
        paths: Vec<PathBuf>,
        /// What is known of their columns.
        format: FormatHints,
    },
    /// `type = "stdin"`
    Stdin {
        /// What is known of its columns.
        format: FormatHints,
    },
    /// `type = "simulate"`
    Simulate(Settings),
    /// What speaks when it wants to: for a live run only.
    Live(LiveKind),
}

/// What became of a config.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// What messages call the file: its path as the user wrote it.
    pub label: String,
    /// The config; `None` if there are problems.
    pub config: Option<Config>,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
    /// What is legal but unwise, in the order of the file.
    pub advice: Vec<Problem>,
    /// The joins whose tables were looked at, and how many rows each has.
    pub tables: Vec<(String, usize)>,
}

/// Reads a config. `label` is what messages call it; relative paths in it start at `folder`.
pub fn read(label: &str, text: &str, folder: &Path) -> Read {
    read_as(label, text, folder, false)
}

/// The same, with a look at the tables that it names: what is wrong with those are problems, too.
pub fn read_with_tables(label: &str, text: &str, folder: &Path) -> Read {
    read_as(label, text, folder, true)
}

fn read_as(label: &str, text: &str, folder: &Path, look: bool) -> Read {
    let (mut found, mut tables) = (Findings::default(), Vec::new());
    let (tree, faults) = DeTable::parse_recoverable(text);
    let config = match faults.is_empty() {
        true => compile(tree.get_ref(), (text, folder), look.then_some(&mut tables), &mut found),
        false => {
            // What could be recovered of a broken file would only give problems that are none.
            syntax(&faults, text, &mut found);
            None
        }
    };
    let (problems, advice) = found.sorted(text);
    let config = config.filter(|_| problems.is_empty());
    Read { label: label.to_owned(), config, problems, advice, tables }
}

impl Read {
    /// All problems, then all advice, for people; `text` is what was read.
    pub fn render_all(&self, text: &str) -> String {
        let all = self.problems.iter().chain(&self.advice);
        let mut out: String = all.map(|problem| problem.render(&self.label, text)).collect();
        match self.problems.len() {
            0 => {}
            1 => out.push_str("1 problem; nothing was started\n"),
            n => out.push_str(&format!("{n} problems; nothing was started\n")),
        }
        out
    }

    /// The same for programs: `{"problems": […], "advice": […], "memory_bytes_per_series": …}`.
    pub fn to_json(&self) -> serde_json::Value {
        let list = |problems: &[Problem]| -> Vec<serde_json::Value> {
            let one = |p: &Problem| {
                serde_json::json!({
                    "message": p.message, "file": self.label, "line": p.line, "column": p.column, "hint": p.hint,
                })
            };
            problems.iter().map(one).collect()
        };
        serde_json::json!({
            "problems": list(&self.problems),
            "advice": list(&self.advice),
            "memory_bytes_per_series": self.config.as_ref().map(Config::bytes_per_series),
        })
    }
}

impl Config {
    /// An estimate of the state of one series of the channel that costs most, in bytes.
    pub fn bytes_per_series(&self) -> u64 {
        memory::bytes_per_series(&self.plan)
    }
}

/// Notes what the TOML parser says, once a line: after its first complaint it is often only confused.
fn syntax(faults: &[Error], text: &str, found: &mut Findings) {
    let line_of = |at: usize| text[..at].matches('\n').count();
    let mut last_line = None;
    let mut repeated_section = false;
    for fault in faults {
        let place = fault.span().unwrap_or(text.len()..text.len());
        let start = text.floor_char_boundary(place.start);
        let line = line_of(start);
        if last_line.replace(line) == Some(line) {
            continue;
        }
        let in_header = text.lines().nth(line).is_some_and(|line| line.trim_start().starts_with('['));
        if fault.message() == "duplicate key" {
            // All settings of a repeated section are repeated, too; its header is what is wrong.
            if !in_header && repeated_section {
                continue;
            }
            repeated_section = in_header;
            let name = text.get(place.clone()).unwrap_or("this name");
            found.problem(
                &place,
                format!("`{name}` stands here for the second time"),
                "give it another name, or leave one out",
            );
            continue;
        }
        let hint = match fault.message() {
            message if message.contains("string") => "text stands in double quotes: \"like this\"",
            _ => "settings are lines such as `name = \"text\"`, headers such as `[detector.spike]`",
        };
        found.problem(&place, fault.message(), hint);
    }
}

fn compile(
    root: &DeTable<'_>,
    (text, folder): (&str, &Path),
    look: Option<&mut Vec<(String, usize)>>,
    found: &mut Findings,
) -> Option<Config> {
    let sections = Sections::split(root, found);
    let described: Vec<At<String>> = sections.of(Kind::Channel).map(|section| section.name.clone()).collect();
    let channels: Vec<ChannelFacts> = sections.of(Kind::Channel).map(|section| channel::read(section, found)).collect();
    let sources: Vec<SourceConfig> =
        sections.of(Kind::Source).filter_map(|section| source::read(section, folder, found)).collect();
    source::one_stdin(&sections, &sources, found);
    #[cfg(feature = "http")]
    http::one_address(&sections, &sources, found);
    let groups = group::read_all(&sections, found);
    let windows = window::Windows::read(&sections, &channels, &groups, (text, folder), found);
    let known = detector::Known { facts: &channels, windows: &windows };
    let detectors = detector::read_all(&sections, &known, found);
    let operators = order::operators(&windows, &detectors, &channels, found);
    let sinks = sink::read_all(&sections, &windows, folder, found);
    let lake = lake::read(&sections, folder, found);
    let devices = devices::read(&sections, found);
    let journal = journal::read(&sections, folder, found);
    let server = server::read(&sections, folder, found);
    #[cfg(feature = "mqtt")]
    mqtt::one_client_id(&sections, &sources, &sinks, found);
    let mut tags = tags(&sources);
    tags.extend(windows.tables.iter().flat_map(|table| table.tags().to_vec()));
    if let Some(looked) = look {
        let look = |table: &table::TableJoin| Some((table.name.what.clone(), table.look(found)?));
        looked.extend(windows.tables.iter().filter_map(look));
    }
    let around = alert::Around { text, tags: &tags, sinks: &sinks };
    let alerts: Vec<(At<String>, AlertRule)> = sections
        .of(Kind::Alert)
        .map(|section| (section.name.clone(), alert::read(section, &sections, &around, found)))
        .collect();
    advice::windows(&known, found);
    advice::features(&known, found);
    fit::advise(&windows, found);
    if found.clean() {
        let given = given(&sources);
        let given = given.as_deref();
        let whole = advice::Whole {
            known: &known,
            detectors: &detectors,
            alerts: &alerts,
            groups: &groups,
            sinks: &sinks,
            given,
            described: &described,
            has_page: server.is_some(),
            has_lake: lake.is_some(),
        };
        whole.advise(found);
    }
    let alerts = alerts.into_iter().map(|(_, rule)| rule).collect();
    let said = said(sinks.iter().map(|(_, sink)| sink.take()));
    let plan = Plan { channels, operators, alerts, said };
    let tests = test::read_all(&sections, &sources, &windows, &plan, folder, found);
    let (mut here, mut live_sinks) = (Vec::new(), Vec::new());
    for (name, sink) in sinks {
        match sink {
            sink::SinkKind::Here(settings) => here.push((name.what, settings)),
            sink::SinkKind::Live(what, take, sink::Pace { at_most, beyond }) => {
                live_sinks.push(LiveSinkConfig { name: name.what, what, take, at_most, beyond });
            }
        }
    }
    let tables = windows.tables.iter().filter_map(table::TableJoin::config).collect();
    Some(Config { sources, plan, sinks: here, journal, lake, server, devices, tables, live_sinks, tests })
}

/// All derived channels that somebody takes, each once, by name: their order is not that of the sinks, so that a sink may be
/// moved without any difference.
fn said<'t>(takes: impl Iterator<Item = &'t Take>) -> Vec<String> {
    let mut said: Vec<String> = takes.flat_map(|take| take.channels().iter().cloned()).collect();
    said.sort_unstable();
    said.dedup();
    said
}

/// The tags that sources are known to give.
fn tags(sources: &[SourceConfig]) -> Vec<String> {
    sources.iter().flat_map(source::tags).collect()
}

/// All channels, if there are sources and each one's section tells what it gives.
fn given(sources: &[SourceConfig]) -> Option<Vec<String>> {
    let each: Option<Vec<Vec<String>>> = sources.iter().map(source::channels).collect();
    each.filter(|each| !each.is_empty()).map(|each| each.concat())
}
