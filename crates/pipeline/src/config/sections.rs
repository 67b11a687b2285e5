//! Splits a config into its sections, `[kind.name]` or `[lake]`, and finds a section by the name that another one uses.

use super::place::{Findings, Place};
use super::suggest;
use super::tree::{At, Table};
use toml::de::{DeTable, DeValue};

/// What a section can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Source,
    Filter,
    Feature,
    Window,
    Detector,
    Alert,
    Sink,
    Lake,
    Journal,
    Checkpoint,
    Server,
    Devices,
    Group,
    Join,
    Test,
}

impl Kind {
    const ALL: [Kind; 16] = [
        Kind::Channel,
        Kind::Source,
        Kind::Group,
        Kind::Filter,
        Kind::Feature,
        Kind::Join,
        Kind::Window,
        Kind::Detector,
        Kind::Alert,
        Kind::Sink,
        Kind::Lake,
        Kind::Journal,
        Kind::Checkpoint,
        Kind::Server,
        Kind::Devices,
        Kind::Test,
    ];

    /// There is one of it at the most, without a name: `[lake]`.
    fn is_single(self) -> bool {
        matches!(self, Kind::Lake | Kind::Journal | Kind::Checkpoint | Kind::Server | Kind::Devices)
    }

    /// The word in a section's header.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Channel => "channel",
            Kind::Source => "source",
            Kind::Filter => "filter",
            Kind::Feature => "feature",
            Kind::Window => "window",
            Kind::Detector => "detector",
            Kind::Alert => "alert",
            Kind::Sink => "sink",
            Kind::Lake => "lake",
            Kind::Journal => "journal",
            Kind::Checkpoint => "checkpoint",
            Kind::Server => "server",
            Kind::Devices => "devices",
            Kind::Group => "group",
            Kind::Test => "test",
            Kind::Join => "join",
        }
    }
}

/// One `[kind.name]` and what is in it.
#[derive(Debug)]
pub(crate) struct Section<'t> {
    pub(crate) kind: Kind,
    pub(crate) name: At<String>,
    entries: &'t DeTable<'t>,
}

impl<'t> Section<'t> {
    /// The reader of this section's settings.
    pub(crate) fn table<'f>(&self, found: &'f mut Findings) -> Table<'f, 't> {
        Table::new(self.label(), self.name.place.clone(), self.entries, found)
    }

    /// Whether it has this setting.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// What messages call it: `detector.spike`.
    pub(crate) fn label(&self) -> String {
        if self.kind.is_single() {
            return self.kind.word().to_owned();
        }
        format!("{}.{}", self.kind.word(), self.name.what)
    }
}

/// All sections that could be told apart, in the order of the file.
#[derive(Debug)]
pub(crate) struct Sections<'t>(Vec<Section<'t>>);

/// The shortest config that does something, for a file that has nothing in it.
const LEAST: &str = "a config needs a source or a detector at the least, for example\n\n\
    [detector.spike]\n\
    type = \"zscore\"\n\
    on   = \"temperature\"";

impl<'t> Sections<'t> {
    /// Goes through the file. What is no section of a known kind is a problem.
    pub(crate) fn split(root: &'t DeTable<'t>, found: &mut Findings) -> Sections<'t> {
        if root.is_empty() {
            found.problem(&(0..0), "this config has no sections", LEAST);
        }
        let mut all = Vec::new();
        for (word, value) in root {
            let place = word.span();
            match value.get_ref() {
                DeValue::Table(named) => match Kind::ALL.into_iter().find(|kind| kind.word() == word.get_ref()) {
                    Some(kind) if kind.is_single() => {
                        all.push(Section { kind, name: At { what: String::new(), place }, entries: named });
                    }
                    Some(kind) => split_kind(kind, &place, named, &mut all, found),
                    None => unknown_kind(word.get_ref(), &place, found),
                },
                DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {
                    let single = Kind::ALL.into_iter().any(|kind| kind.is_single() && kind.word() == word.get_ref());
                    let name = if single { "" } else { ".NAME" };
                    let hint = format!("write `[{word}{name}]` in single brackets", word = word.get_ref());
                    found.problem(&place, format!("`{}` is a list of sections", word.get_ref()), hint);
                }
                _ => {
                    let hint = "settings stand below a header such as `[detector.spike]`";
                    found.problem(&place, format!("`{}` stands outside of any section", word.get_ref()), hint);
                }
            }
        }
        all.sort_by_key(|section| section.name.place.start);
        let sections = Sections(all);
        if found.clean() && ![Kind::Source, Kind::Window, Kind::Detector].iter().any(|&k| sections.any(k)) {
            found.problem(&(0..0), "this config has nothing to read, watch or sum up", LEAST);
        }
        sections
    }

    /// The sections of a kind, in the order of the file.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &Section<'t>> {
        self.0.iter().filter(move |section| section.kind == kind)
    }

    /// Whether there is a section of this kind.
    pub(crate) fn any(&self, kind: Kind) -> bool {
        self.of(kind).next().is_some()
    }

    /// Checks that a name is that of a section of this kind; else notes what it is, or could have been.
    pub(crate) fn expect(&self, kind: Kind, name: &At<String>, found: &mut Findings) -> bool {
        if self.of(kind).any(|section| section.name.what == name.what) {
            return true;
        }
        let known: Vec<&str> = self.of(kind).map(|section| section.name.what.as_str()).collect();
        let word = kind.word();
        let message = match self.0.iter().find(|section| section.name.what == name.what) {
            Some(other) => format!("`{}` is a {}, not a {word}", name.what, other.kind.word()),
            None => format!("no {word} is called `{}`", name.what),
        };
        let hint = match suggest::nearest(&name.what, &known) {
            Some(near) => format!("did you mean `{near}`? {word}s here: {}", suggest::list(&known)),
            None if known.is_empty() => format!("add a section `[{word}.{}]`", name.what),
            None => format!("{word}s here: {}", suggest::list(&known)),
        };
        found.problem(&name.place, message, hint);
        false
    }
}

fn split_kind<'t>(
    kind: Kind,
    place: &Place,
    named: &'t DeTable<'t>,
    into: &mut Vec<Section<'t>>,
    found: &mut Findings,
) {
    let word = kind.word();
    if named.is_empty() {
        found.problem(place, format!("`[{word}]` has no name"), format!("write `[{word}.NAME]`"));
    }
    let mut nameless: Option<At<&str>> = None;
    for (key, value) in named {
        let name = At { what: key.get_ref().to_string(), place: key.span() };
        match value.get_ref() {
            DeValue::Table(entries) if name_is_good(kind, &name, found) => into.push(Section { kind, name, entries }),
            DeValue::Table(_) => {}
            // A header that lacks its name; once is enough, however many settings follow.
            _ if nameless.as_ref().is_some_and(|first| first.place.start < name.place.start) => {}
            _ => nameless = Some(At { what: key.get_ref(), place: name.place }),
        }
    }
    if let Some(first) = nameless {
        let message = format!("`{}` stands in `[{word}]`, which has no name", first.what);
        found.problem(&first.place, message, format!("write `[{word}.NAME]`"));
    }
}

/// Channels are called what their devices call them. All other names are parts of names with dots, and stand in lists.
fn name_is_good(kind: Kind, name: &At<String>, found: &mut Findings) -> bool {
    let good = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let is_good = match kind {
        Kind::Channel => !name.what.trim().is_empty(),
        _ => !name.what.is_empty() && name.what.chars().all(good),
    };
    if !is_good {
        let message = format!("`{}` cannot be the name of a {}", name.what, kind.word());
        found.problem(&name.place, message, "names are made of letters, digits, `_` and `-`");
    }
    is_good
}

/// Kinds that the manual's roadmap has, so that nobody looks for a typing error in them.
const LATER: [&str; 4] = ["device", "event", "model", "pattern"];

fn unknown_kind(word: &str, place: &Place, found: &mut Findings) {
    let known: Vec<&str> = Kind::ALL.into_iter().map(Kind::word).collect();
    if LATER.contains(&word) {
        let hint = format!("it comes in a later version; known here: {}", suggest::list(&known));
        found.problem(place, format!("sections of kind `{word}` are not known yet"), hint);
    } else {
        found.problem(place, format!("no kind of section is called `{word}`"), suggest::hint(word, &known));
    }
}
