//! `[source.NAME]`: files, standard input, the simulator, brokers and what is posted.

#[cfg(any(feature = "mqtt", feature = "http"))]
use super::LiveKind;
#[cfg(feature = "http")]
use super::http;
#[cfg(feature = "mqtt")]
use super::mqtt;
use super::place::Findings;
use super::queue;
use super::sections::{Kind, Section, Sections};
use super::tree::{At, Table};
use super::{SourceConfig, SourceKind, advice, format, simulate};
use ouzel_connect::decode::payload::ARRIVAL;
use ouzel_connect::format::FormatHints;
use ouzel_engine::series::Timing;
use ouzel_engine::time::Span;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy)]
enum Type {
    File,
    Stdin,
    Simulate,
    Mqtt,
    Http,
}

/// Clocks drift by seconds, and one that missed the end of summer time is an hour wrong. What is further ahead was never set.
const AHEAD: Span = Span::from_secs(3_600);

/// Reads one section. Paths are relative to `folder`, where the config stands.
pub(crate) fn read(section: &Section<'_>, folder: &Path, found: &mut Findings) -> Option<SourceConfig> {
    let mut table = section.table(found);
    let types = [
        ("file", Type::File),
        ("stdin", Type::Stdin),
        ("simulate", Type::Simulate),
        ("mqtt", Type::Mqtt),
        ("http", Type::Http),
    ];
    let Some(kind) = table.choice("type", &types) else {
        table.need("type", "one of file, stdin, simulate, mqtt, http");
        return None;
    };
    let own_pace = queue::of(true);
    let what = match kind.what {
        #[cfg(feature = "mqtt")]
        Type::Mqtt => mqtt::source(&mut table, folder)
            .map(|(settings, queue)| (SourceKind::Live(LiveKind::Mqtt(Box::new(settings))), queue)),
        #[cfg(feature = "http")]
        Type::Http => {
            let (settings, queue) = http::source(&mut table, folder);
            Some((SourceKind::Live(LiveKind::Http(Box::new(settings))), queue))
        }
        #[cfg(not(feature = "mqtt"))]
        Type::Mqtt => return not_built("MQTT", "mqtt", &kind, &mut table),
        #[cfg(not(feature = "http"))]
        Type::Http => return not_built("HTTP", "http", &kind, &mut table),
        Type::File => {
            let paths = paths(&mut table, folder);
            Some((SourceKind::Files { paths, format: format::read(&mut table) }, own_pace))
        }
        Type::Stdin => Some((SourceKind::Stdin { format: format::read(&mut table) }, own_pace)),
        Type::Simulate => Some((SourceKind::Simulate(simulate::read(&mut table)), own_pace)),
    };
    let late = table.span("late");
    if let Some(late) = &late {
        advice::late(&section.label(), late, table.found);
    }
    let ahead = table.span("ahead").map_or(AHEAD, |ahead| ahead.what);
    table.finish(&[
        ("queue", "it comes with sources that cannot wait; files, stdin and the simulator are read as fast as they are needed"),
        ("time", "write it inside `format`: format = { time = \"…\" }"),
        ("device", "write it inside `format`: format = { device = \"…\" }"),
        ("channels", "write it inside `format`: format = { channels = […] }"),
        ("sequence", "write it inside `format`: format = { sequence = \"…\" }"),
    ]);
    let (what, queue) = what?;
    let arrival = live_format(&what).is_some_and(|format| format.time.as_deref() == Some(ARRIVAL));
    let timing = Timing { late: late.map_or_else(Default::default, |late| late.what), arrival };
    Some(SourceConfig { name: section.name.what.clone(), what, timing, ahead, queue })
}

#[cfg(not(all(feature = "mqtt", feature = "http")))]
fn not_built<T, U>(what: &str, feature: &str, kind: &At<T>, table: &mut Table<'_, '_>) -> Option<U> {
    let message = format!("this build of ouzel has no {what}");
    table.found.problem(&kind.place, message, format!("use one with the feature `{feature}`"));
    None
}

/// The format of a live source.
pub(crate) fn live_format(what: &SourceKind) -> Option<&FormatHints> {
    let SourceKind::Live(live) = what else { return None };
    match *live {
        #[cfg(feature = "mqtt")]
        LiveKind::Mqtt(ref settings) => Some(&settings.format),
        #[cfg(feature = "http")]
        LiveKind::Http(ref settings) => Some(&settings.format),
    }
}

/// The tags that a source is known to give.
pub(crate) fn tags(source: &SourceConfig) -> Vec<String> {
    match &source.what {
        SourceKind::Files { format, .. } | SourceKind::Stdin { format } => format.tags.clone(),
        SourceKind::Simulate(settings) => simulate::tags(settings),
        SourceKind::Live(live) => match *live {
            #[cfg(feature = "mqtt")]
            LiveKind::Mqtt(ref settings) => {
                let of_topics = settings.topics.iter().flat_map(|topic| topic.tags()).map(str::to_owned);
                of_topics.chain(settings.format.tags.iter().cloned()).collect()
            }
            #[cfg(feature = "http")]
            LiveKind::Http(ref settings) => settings.format.tags.clone(),
        },
    }
}

fn paths(table: &mut Table<'_, '_>, folder: &Path) -> Vec<PathBuf> {
    let path = table.text("path");
    let paths = table.texts("paths");
    if table.has("path") && table.has("paths") {
        table.refuse("path", "and `paths` exclude each other", "write all files into `paths`");
    } else if !table.has("paths") {
        table.need("path", "for example path = \"readings.csv\"");
    }
    let all: Vec<At<String>> = path.into_iter().chain(paths.into_iter().flatten()).collect();
    all.into_iter().map(|path| folder.join(path.what)).collect()
}

/// Standard input can be read once.
pub(crate) fn one_stdin(sections: &Sections<'_>, sources: &[SourceConfig], found: &mut Findings) {
    let is_stdin = |name: &str| sources.iter().any(|s| s.name == name && matches!(s.what, SourceKind::Stdin { .. }));
    let mut readers = sections.of(Kind::Source).filter(|section| is_stdin(&section.name.what));
    let Some(first) = readers.next() else { return };
    for other in readers {
        let message = format!("`{}` reads standard input, and so does `{}`", other.label(), first.label());
        found.problem(&other.name.place, message, "leave one of them out");
    }
}

/// The channels a source is known to give, if its section tells; else `None`: only its input does.
pub(crate) fn channels(source: &SourceConfig) -> Option<Vec<String>> {
    match &source.what {
        SourceKind::Files { format, .. } | SourceKind::Stdin { format } => named(format),
        SourceKind::Simulate(settings) => Some(simulate::channels(settings)),
        SourceKind::Live(live) => match *live {
            #[cfg(feature = "mqtt")]
            LiveKind::Mqtt(ref settings) => named(&settings.format),
            // Line protocol is taken beside whatever the format says, and brings what it likes.
            #[cfg(feature = "http")]
            LiveKind::Http(_) => None,
        },
    }
}

fn named(format: &FormatHints) -> Option<Vec<String>> {
    if !format.channels.is_empty() {
        return Some(format.channels.iter().map(|(_, channel)| channel.clone()).collect());
    }
    format.channel_name.clone().map(|one| vec![one])
}
