//! `[source.NAME]`: files, standard input, the simulator.

use super::place::Findings;
use super::sections::{Kind, Section, Sections};
use super::tree::{At, Table};
use super::{SourceConfig, SourceKind, advice, format, simulate};
use ouzel_connect::format::FormatHints;
use ouzel_engine::series::Timing;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy)]
enum Type {
    File,
    Stdin,
    Simulate,
}

/// Reads one section. Paths are relative to `folder`, where the config stands.
pub(crate) fn read(section: &Section<'_>, folder: &Path, found: &mut Findings) -> Option<SourceConfig> {
    let mut table = section.table(found);
    let types = [("file", Type::File), ("stdin", Type::Stdin), ("simulate", Type::Simulate)];
    let Some(kind) = table.choice("type", &types) else {
        table.need("type", "one of file, stdin, simulate");
        return None;
    };
    let what = match kind.what {
        Type::File => {
            let paths = paths(&mut table, folder);
            SourceKind::Files { paths, format: format::read(&mut table) }
        }
        Type::Stdin => SourceKind::Stdin { format: format::read(&mut table) },
        Type::Simulate => SourceKind::Simulate(simulate::read(&mut table)),
    };
    let late = table.span("late");
    if let Some(late) = &late {
        advice::late(&section.label(), late, table.found);
    }
    table.finish(&[
        ("queue", "it comes with sources that cannot wait; files, stdin and the simulator are read as fast as they are needed"),
        ("time", "write it inside `format`: format = { time = \"…\" }"),
        ("device", "write it inside `format`: format = { device = \"…\" }"),
        ("channels", "write it inside `format`: format = { channels = […] }"),
    ]);
    let timing = Timing { late: late.map_or_else(Default::default, |late| late.what), arrival: false };
    Some(SourceConfig { name: section.name.what.clone(), what, timing })
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
    }
}

fn named(format: &FormatHints) -> Option<Vec<String>> {
    if !format.channels.is_empty() {
        return Some(format.channels.iter().map(|(_, channel)| channel.clone()).collect());
    }
    format.channel_name.clone().map(|one| vec![one])
}
