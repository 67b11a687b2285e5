//! `[feature.NAME]` with `is`: a value that is worked out of a device's channels, as a channel of its own: `load.value`.

use super::place::Findings;
use super::sections::Section;
use super::tree::At;
use super::window::Input;
use ouzel_engine::condition;
use ouzel_engine::plan::FORMULA_RESULT;

/// A formula as it was read. What could not be read is left open, so that one mistake is one problem.
#[derive(Debug)]
pub(crate) struct Formula {
    pub(crate) name: At<String>,
    /// Its text: it may name channels that come later in the file.
    pub(crate) is: Option<At<String>>,
    /// What it means, once that is read.
    pub(crate) work: Option<condition::Formula>,
    /// The channels that it asks for.
    pub(crate) asks: Vec<Input>,
}

impl Formula {
    /// One that is not read yet.
    pub(crate) fn open(name: At<String>, is: Option<At<String>>) -> Formula {
        Formula { name, is, work: None, asks: Vec::new() }
    }

    /// What to say of a name that begins like its result and is another.
    pub(crate) fn has_no_result(&self, name: &str) -> (String, String) {
        let message = format!("`{name}` names no result of `feature.{}`", self.name.what);
        let hint = format!(
            "a formula has one: {}.{FORMULA_RESULT}; a channel of that name stands in backticks",
            self.name.what
        );
        (message, hint)
    }
}

/// Whether a `[feature.NAME]` is a formula, or what others call one.
pub(crate) fn is_one(section: &Section<'_>) -> bool {
    ["is", "formula", "expression"].iter().any(|key| section.has(key)) && !section.has("on")
}

/// Reads a section.
pub(crate) fn read(section: &Section<'_>, found: &mut Findings) -> Formula {
    let mut table = section.table(found);
    let is = table.text("is");
    table.need("is", "what it is worked out of: is = \"power / speed\"");
    table.finish(&[
        ("formula", "write `is`"),
        ("expression", "write `is`"),
        ("value", "write `is`"),
        ("=", "write `is`"),
        ("when", "a condition is a formula, too: write `is`"),
        ("give", "a formula has one result: `value`"),
    ]);
    Formula::open(section.name.clone(), is)
}
