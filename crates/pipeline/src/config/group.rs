//! `[group.NAME]`: devices that belong together; and `per`, whose readings a window puts together.

use super::place::Findings;
use super::sections::{Kind, Section, Sections};
use super::suggest;
use super::tree::{At, Table};
use ouzel_engine::plan::Per;

/// A group as it was read.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: At<String>,
    /// The tag; `None` if it could not be read.
    pub(crate) tag: Option<String>,
}

/// Words of `per` that no group may be called.
const TAKEN: [&str; 2] = ["device", "all"];

/// Reads all sections of this kind.
pub(crate) fn read_all(sections: &Sections<'_>, found: &mut Findings) -> Vec<Group> {
    sections.of(Kind::Group).map(|section| read(section, found)).collect()
}

fn read(section: &Section<'_>, found: &mut Findings) -> Group {
    let mut table = section.table(found);
    if TAKEN.contains(&section.name.what.as_str()) {
        let message = format!("`{}` has a meaning of its own in `per`", section.name.what);
        table.found.problem(&section.name.place, message, "give the group another name");
    }
    let by = table.text("by");
    table.need("by", "what its devices have in common: by = \"tag:room\"");
    let tag = by.and_then(|by| {
        let tag = tag_of(&by.what);
        if tag.is_none() {
            let hint = format!("write by = \"tag:{}\"", by.what.trim());
            table.found.problem(&by.place, format!("`by` names a tag, not `{}`", by.what), hint);
        }
        tag
    });
    table.finish(&[("tag", "write by = \"tag:NAME\""), ("per", "write `by`")]);
    Group { name: section.name.clone(), tag }
}

fn tag_of(text: &str) -> Option<String> {
    text.trim().strip_prefix("tag:").map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned)
}

/// Reads `per` of a window.
pub(crate) fn per(table: &mut Table<'_, '_>, groups: &[Group]) -> At<Per> {
    let otherwise = At { what: Per::Device, place: table.place.clone() };
    let Some(per) = table.text("per") else { return otherwise };
    let word = per.what.trim();
    let what = match word {
        "device" => Some(Per::Device),
        "all" => Some(Per::All),
        _ => tag_of(word).map(Per::Tag),
    };
    if let Some(what) = what {
        return At { what, place: per.place };
    }
    match groups.iter().find(|group| group.name.what == word) {
        // What is wrong with the group is told there.
        Some(group) => {
            let what = group.tag.clone().map_or(Per::Device, Per::Tag);
            At { what, place: per.place }
        }
        None => {
            let mut known = vec!["device", "all"];
            known.extend(groups.iter().map(|group| group.name.what.as_str()).filter(|name| !TAKEN.contains(name)));
            let hint = format!("{}; for devices with the same tag write \"tag:{word}\"", suggest::hint(word, &known));
            table.found.problem(&per.place, format!("`per` cannot be `{word}`"), hint);
            otherwise
        }
    }
}
