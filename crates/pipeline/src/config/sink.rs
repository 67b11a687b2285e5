//! `[sink.NAME]`: files in a folder, and standard output.

use super::place::Findings;
use super::sections::{Kind, Section, Sections};
use super::tree::{At, Table};
use ouzel_connect::sink::{Encoding, Noun, SinkSettings, Target};
use std::path::{Path, PathBuf};

#[derive(Clone, Copy)]
enum Type {
    File,
    Stdout,
}

/// Reads all sections of this kind. Paths are relative to `folder`, where the config stands.
pub(crate) fn read_all(
    sections: &Sections<'_>,
    folder: &Path,
    found: &mut Findings,
) -> Vec<(At<String>, SinkSettings)> {
    let mut sinks: Vec<(At<String>, SinkSettings)> = Vec::new();
    for section in sections.of(Kind::Sink) {
        let Some(settings) = read(section, folder, found) else { continue };
        if let Some((other, shared)) = sinks.iter().find_map(|(other, s)| Some((other, shared(s, &settings)?))) {
            let message = format!("`sink.{}` writes {shared} to where `sink.{}` does", section.name.what, other.what);
            found.problem(&section.name.place, message, "give one of them another `path`, `format` or `take`");
        }
        sinks.push((section.name.clone(), settings));
    }
    sinks
}

/// What two sinks would both write into, so that one would tear the lines of the other.
fn shared(one: &SinkSettings, other: &SinkSettings) -> Option<String> {
    if one.target != other.target {
        return None;
    }
    if one.target == Target::Stdout {
        return Some("its lines".into());
    }
    let noun = one.take.iter().find(|noun| other.take.contains(noun)).filter(|_| one.encoding == other.encoding);
    noun.map(|noun| format!("`{}`", noun.name()))
}

fn read(section: &Section<'_>, folder: &Path, found: &mut Findings) -> Option<SinkSettings> {
    let mut table = section.table(found);
    table.need("type", "one of file, stdout");
    let kind = table.choice("type", &[("file", Type::File), ("stdout", Type::Stdout)])?;
    let (target, encoding, take) = match kind.what {
        Type::File => {
            table.need("path", "the folder to write to: path = \"out\"");
            let path = table.text("path").map_or_else(PathBuf::new, |path| folder.join(path.what));
            let forms = [("ndjson", Encoding::Ndjson), ("csv", Encoding::Csv), ("parquet", Encoding::Parquet)];
            (Target::Folder(path), encoding(&mut table, &forms, Encoding::Ndjson), Noun::ALL.to_vec())
        }
        Type::Stdout => {
            let forms = [("text", Encoding::Text), ("ndjson", Encoding::Ndjson), ("csv", Encoding::Csv)];
            (Target::Stdout, encoding(&mut table, &forms, Encoding::Text), vec![Noun::Alerts])
        }
    };
    let take = table.choices("take", &Noun::ALL.map(|noun| (noun.name(), noun))).unwrap_or(take);
    table.finish(&[
        ("takes", "write `take`"),
        ("dir", "write `path`"),
        ("url", "sinks that send over the network come in a later version"),
    ]);
    Some(SinkSettings { target, encoding, take })
}

fn encoding(table: &mut Table<'_, '_>, forms: &[(&'static str, Encoding)], default: Encoding) -> Encoding {
    let Some(form) = table.choice("format", forms) else { return default };
    if form.what == Encoding::Parquet && !cfg!(feature = "parquet") {
        table.found.problem(&form.place, "this build of ouzel has no Parquet", "use one with the feature `parquet`");
    }
    form.what
}
