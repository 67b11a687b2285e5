//! `[sink.NAME]`: files in a folder, standard output, webhooks and brokers.

use super::LiveSinkKind;
#[cfg(feature = "mqtt")]
use super::mqtt;
use super::place::Findings;
use super::sections::{Kind, Section, Sections};
use super::take;
use super::tree::{At, Table};
#[cfg(feature = "http")]
use super::webhook;
use super::window::Windows;
use ouzel_connect::sink::limit::{Beyond, Rate};
use ouzel_connect::sink::{Encoding, Noun, SinkSettings, Take, Target};
use std::path::{Path, PathBuf};
#[cfg(any(feature = "mqtt", feature = "http"))]
use {
    super::suggest,
    ouzel_connect::encode,
    ouzel_connect::sink::limit,
    ouzel_connect::sink::template::Template,
    ouzel_engine::plan::{Plan, Statistic},
};

#[derive(Clone, Copy)]
enum Type {
    File,
    Stdout,
    Webhook,
    Mqtt,
}

/// One sink of either sort: written to by the run itself, or standing on another machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SinkKind {
    Here(SinkSettings),
    #[cfg_attr(not(any(feature = "mqtt", feature = "http")), expect(dead_code, reason = "such a build refuses them"))]
    Live(LiveSinkKind, Take, Pace),
}

/// How fast a sink may be sent to, and what happens to what comes faster.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    pub(crate) at_most: Option<Rate>,
    pub(crate) beyond: Beyond,
}

impl SinkKind {
    /// What it takes.
    pub(crate) fn take(&self) -> &Take {
        match self {
            SinkKind::Here(settings) => &settings.take,
            SinkKind::Live(_, take, _) => take,
        }
    }
}

/// Reads all sections of this kind. Paths are relative to `folder`, where the config stands.
pub(crate) fn read_all(
    sections: &Sections<'_>,
    windows: &Windows,
    folder: &Path,
    found: &mut Findings,
) -> Vec<(At<String>, SinkKind)> {
    let mut sinks: Vec<(At<String>, SinkKind)> = Vec::new();
    for section in sections.of(Kind::Sink) {
        let Some(settings) = read(section, windows, folder, found) else { continue };
        if let Some((other, shared)) = sinks.iter().find_map(|(other, s)| Some((other, shared(s, &settings)?))) {
            let message = format!("`sink.{}` writes {shared} to where `sink.{}` does", section.name.what, other.what);
            found.problem(&section.name.place, message, "give one of them another `path`, `format` or `take`");
        }
        sinks.push((section.name.clone(), settings));
    }
    sinks
}

/// What two sinks would both write into, so that one would tear the lines of the other.
fn shared(one: &SinkKind, other: &SinkKind) -> Option<String> {
    let (SinkKind::Here(one), SinkKind::Here(other)) = (one, other) else { return None };
    if one.target != other.target {
        return None;
    }
    if one.target == Target::Stdout {
        return Some("its lines".into());
    }
    let noun = one.take.nouns().iter().find(|noun| other.take.has(**noun)).filter(|_| one.encoding == other.encoding);
    noun.map(|noun| format!("`{}`", noun.name()))
}

fn read(section: &Section<'_>, windows: &Windows, folder: &Path, found: &mut Findings) -> Option<SinkKind> {
    let mut table = section.table(found);
    table.need("type", "one of file, stdout, webhook, mqtt");
    let types = [("file", Type::File), ("stdout", Type::Stdout), ("webhook", Type::Webhook), ("mqtt", Type::Mqtt)];
    let kind = table.choice("type", &types)?;
    let (target, encoding, take) = match kind.what {
        Type::File => {
            table.need("path", "the folder to write to: path = \"out\"");
            let path = table.text("path").map_or_else(PathBuf::new, |path| folder.join(path.what));
            let forms = [("ndjson", Encoding::Ndjson), ("csv", Encoding::Csv), ("parquet", Encoding::Parquet)];
            (Target::Folder(path), encoding(&mut table, &forms, Encoding::Ndjson), Take::from(&Noun::NAMED))
        }
        Type::Stdout => {
            let forms = [("text", Encoding::Text), ("ndjson", Encoding::Ndjson), ("csv", Encoding::Csv)];
            (Target::Stdout, encoding(&mut table, &forms, Encoding::Text), Take::from(&[Noun::Alerts]))
        }
        Type::Webhook | Type::Mqtt => return live(&kind, table, windows, folder),
    };
    let take = take::read(&mut table, &Noun::NAMED, windows).unwrap_or(take);
    table.finish(&[("takes", "write `take`"), ("dir", "write `path`"), ("url", "that is for type = \"webhook\"")]);
    Some(SinkKind::Here(SinkSettings { target, encoding, take }))
}

#[cfg(not(any(feature = "mqtt", feature = "http")))]
fn live(kind: &At<Type>, table: Table<'_, '_>, _: &Windows, _: &Path) -> Option<SinkKind> {
    let message = "this build of ouzel cannot send over the network";
    table.found.problem(&kind.place, message, "use one with the features `http` and `mqtt`");
    None
}

/// What other machines may be sent. What could not be read goes into files.
#[cfg(any(feature = "mqtt", feature = "http"))]
const SENT: [Noun; 5] = [Noun::Aggregates, Noun::Anomalies, Noun::Alerts, Noun::Late, Noun::Filtered];

#[cfg(any(feature = "mqtt", feature = "http"))]
fn live(kind: &At<Type>, mut table: Table<'_, '_>, windows: &Windows, folder: &Path) -> Option<SinkKind> {
    let taken = take::read(&mut table, &SENT, windows).unwrap_or(Take::from(&[Noun::Alerts]));
    let take = taken.nouns();
    let pace = pace(&mut table, take);
    let what: Option<LiveSinkKind> = match kind.what {
        #[cfg(feature = "http")]
        Type::Webhook => webhook::sink(&mut table, take, folder).map(|sink| LiveSinkKind::Webhook(Box::new(sink))),
        #[cfg(feature = "mqtt")]
        Type::Mqtt => mqtt::sink(&mut table, take, folder).map(|sink| LiveSinkKind::Mqtt(Box::new(sink))),
        _ => {
            let message = "this build of ouzel cannot send over the network";
            table.found.problem(&kind.place, message, "use one with the features `http` and `mqtt`");
            return None;
        }
    };
    table.finish(&[
        ("takes", "write `take`"),
        ("template", "write `body`"),
        ("topics", "write `topic`: a sink publishes to one"),
        ("format", "it is JSON; write `body` for a webhook's own words"),
        ("queue", "what a sink has not taken waits in the journal"),
    ]);
    what.map(|what| SinkKind::Live(what, taken, pace))
}

#[cfg(any(feature = "mqtt", feature = "http"))]
fn pace(table: &mut Table<'_, '_>, take: &[Noun]) -> Pace {
    let at_most = table.text("at_most").and_then(|text| {
        let rate = Rate::parse(&text.what);
        if rate.is_none() {
            let message = format!("`at_most` cannot be {:?}", text.what);
            table.found.problem(&text.place, message, format!("write so many in so long: {}", limit::FORMS));
        }
        rate
    });
    let ways = [("wait", Beyond::Wait), ("sample", Beyond::Sample), ("latest", Beyond::Latest)];
    let beyond = table.choice("beyond", &ways).map_or(Beyond::Wait, |beyond| beyond.what);
    if table.has("beyond") && !table.has("at_most") {
        table.refuse("beyond", "stands without `at_most`", "add at_most = \"50/s\"");
    }
    if beyond != Beyond::Wait && take.iter().all(|noun| *noun == Noun::Alerts) {
        table.refuse("beyond", "changes nothing here: alerts always wait", "leave it out, or `take` something else");
    }
    Pace { at_most, beyond }
}

/// Notes the fields of a template that no output of these nouns has.
#[cfg(any(feature = "mqtt", feature = "http"))]
pub(crate) fn fields(table: &mut Table<'_, '_>, key: &str, text: &At<String>, template: &Template, take: &[Noun]) {
    let plan = Plan::default();
    let mut known: Vec<String> = vec!["noun".into(), "key".into()];
    known.extend(take.iter().flat_map(|noun| encode::columns(*noun, &plan)).map(|column| column.name));
    if take.contains(&Noun::Aggregates) {
        known.extend(Statistic::NAMED.iter().map(|named| named.0.to_owned()));
        known.push("median".into());
    }
    if table.has("beyond") {
        known.push("merged".into());
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for name in template.fields() {
        let is_other = take.contains(&Noun::Aggregates) && encode::is_statistic(name);
        if !known.contains(&name) && !is_other {
            let message = format!("`{key}` names {{{name}}}, which nothing that it takes has");
            table.found.problem(&text.place, message, suggest::hint(name, &known));
        }
    }
}

fn encoding(table: &mut Table<'_, '_>, forms: &[(&'static str, Encoding)], default: Encoding) -> Encoding {
    let Some(form) = table.choice("format", forms) else { return default };
    if form.what == Encoding::Parquet && !cfg!(feature = "parquet") {
        table.found.problem(&form.place, "this build of ouzel has no Parquet", "use one with the feature `parquet`");
    }
    form.what
}
