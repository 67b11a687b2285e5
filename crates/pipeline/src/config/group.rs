//! `[group.NAME]`: devices that belong together; and `per`, whose readings are put together.

use super::place::Findings;
use super::sections::{Kind, Section, Sections};
use super::suggest;
use super::tree::{At, Table};
use ouzel_engine::plan::Per;

/// A group as it was read.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: At<String>,
    /// Who belongs together; `None` if that could not be read.
    pub(crate) per: Option<Per>,
    /// The group that each of these lies in.
    within: Option<At<String>>,
}

impl Group {
    /// Whether it names this one as the group around it.
    pub(crate) fn lies_in(&self, other: &str) -> bool {
        self.within.as_ref().is_some_and(|within| within.what == other)
    }
}

/// Words of `per` that no group may be called.
const TAKEN: [&str; 2] = ["device", "all"];

/// Reads all sections of this kind.
pub(crate) fn read_all(sections: &Sections<'_>, found: &mut Findings) -> Vec<Group> {
    let mut groups: Vec<Group> = sections.of(Kind::Group).map(|section| read(section, found)).collect();
    nest(&mut groups, found);
    groups
}

fn read(section: &Section<'_>, found: &mut Findings) -> Group {
    let mut table = section.table(found);
    if TAKEN.contains(&section.name.what.as_str()) {
        let message = format!("`{}` has a meaning of its own in `per`", section.name.what);
        table.found.problem(&section.name.place, message, "give the group another name");
    }
    let (by, listed) = (table.text("by"), table.has("devices"));
    let within = table.text("in");
    let per = match (by, listed) {
        (Some(by), true) => {
            table.found.problem(&by.place, "`by` stands beside `devices`", "write one of them");
            table.get("devices");
            None
        }
        (Some(by), false) => {
            let tag = tag_of(&by.what);
            if tag.is_none() {
                let hint = format!("write by = \"tag:{}\"", by.what.trim());
                table.found.problem(&by.place, format!("`by` names a tag, not `{}`", by.what), hint);
            }
            tag.map(Per::Tag)
        }
        (None, true) => {
            let hint = "devices on a list lie in no other group; leave `in` out, or write `by`";
            table.refuse("in", "is for groups by a tag", hint);
            lists(&mut table, &section.name.what)
        }
        (None, false) => {
            table.need("by", "what its devices have in common: by = \"tag:room\"; or a list: devices = [\"a\", \"b\"]");
            None
        }
    };
    table.finish(&[
        ("tag", "write by = \"tag:NAME\""),
        ("per", "write `by`"),
        ("within", "write `in`"),
        ("list", "write `devices`"),
        ("members", "write `devices`"),
    ]);
    Group { name: section.name.clone(), per, within }
}

/// `devices = ["a", "b"]`, or several lists with names: `devices = { north = ["a"], south = ["b", "c"] }`.
fn lists(table: &mut Table<'_, '_>, name: &str) -> Option<Per> {
    if !table.is_table("devices") {
        let devices = table.texts("devices")?.into_iter().map(|device| device.what).collect();
        return Some(Per::Listed(vec![(name.to_owned(), devices)]));
    }
    let mut inner = table.table("devices", "devices = { north = [\"a\"], south = [\"b\", \"c\"] }")?;
    let mut lists: Vec<(String, Vec<String>)> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (list, value) in inner.own_keys() {
        if list.what.trim().is_empty() {
            inner.found.problem(&list.place, "a list needs a name", "write north = [\"a\", \"b\"]");
            return None;
        }
        let devices = inner.texts_of(&list.what, value)?;
        for device in &devices {
            if seen.contains(&device.what) {
                let message = format!("`{}` stands on two lists", device.what);
                inner.found.problem(&device.place, message, "a device is on one of them; write two groups");
            }
            seen.push(device.what.clone());
        }
        lists.push((list.what, devices.into_iter().map(|device| device.what).collect()));
    }
    Some(Per::Listed(lists))
}

/// A group in another one has the tags of that one before its own.
fn nest(groups: &mut [Group], found: &mut Findings) {
    for index in 0..groups.len() {
        let (mut tags, mut at) = (Vec::new(), index);
        // As many steps as there are groups: more would be a circle.
        for step in 0..=groups.len() {
            let Some(Per::Tag(tag)) = own_tag(&groups[at].per) else { break };
            tags.insert(0, tag);
            let Some(within) = &groups[at].within else { break };
            let Some(outer) = groups.iter().position(|group| group.name.what == within.what) else {
                if at == index {
                    let known: Vec<&str> = groups.iter().map(|group| group.name.what.as_str()).collect();
                    let message = format!("no group is called `{}`", within.what);
                    found.problem(&within.place, message, suggest::hint(&within.what, &known));
                }
                break;
            };
            if step == groups.len() || outer == index {
                found.problem(&within.place, "this group lies in itself", "leave `in` out of one of them");
                break;
            }
            if at == index && matches!(groups[outer].per, Some(Per::Listed(_))) {
                let message = format!("`{}` is a list of devices, in which no group lies", within.what);
                found.problem(&within.place, message, "name a group by a tag, or leave `in` out");
            }
            at = outer;
        }
        if tags.len() > 1 {
            groups[index].per = Some(Per::Tags(tags));
        }
    }
}

/// The tag that a group adds to those around it.
fn own_tag(per: &Option<Per>) -> Option<Per> {
    match per {
        Some(Per::Tags(tags)) => tags.last().cloned().map(Per::Tag),
        per => per.clone(),
    }
}

fn tag_of(text: &str) -> Option<String> {
    text.trim().strip_prefix("tag:").map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned)
}

/// Reads `per`.
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
        Some(group) => At { what: group.per.clone().unwrap_or_default(), place: per.place },
        None => {
            let mut known = vec!["device", "all"];
            known.extend(groups.iter().map(|group| group.name.what.as_str()).filter(|name| !TAKEN.contains(name)));
            let hint = format!("{}; for devices with the same tag write \"tag:{word}\"", suggest::hint(word, &known));
            table.found.problem(&per.place, format!("`per` cannot be `{word}`"), hint);
            otherwise
        }
    }
}
