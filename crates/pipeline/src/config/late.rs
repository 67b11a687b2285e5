//! `when_late`: what becomes of readings that come after the watermark has passed them.

use super::suggest;
use super::tree::{At, Table};
use ouzel_engine::plan::WhenLate;
use ouzel_engine::time::Span;

/// Reads the setting of a window.
pub(crate) fn read(table: &mut Table<'_, '_>) -> At<WhenLate> {
    let otherwise = At { what: WhenLate::Aside, place: table.place.clone() };
    let Some(text) = table.text("when_late") else { return otherwise };
    let (word, rest) = text.what.trim().split_once(char::is_whitespace).unwrap_or((text.what.trim(), ""));
    let (message, hint) = match (word, rest.trim()) {
        ("aside", "") => return At { what: WhenLate::Aside, place: text.place },
        ("forget", "") => return At { what: WhenLate::Forget, place: text.place },
        ("revise", "") => (
            "`revise` does not say how long closed windows are kept".to_owned(),
            "write when_late = \"revise 5m\"".to_owned(),
        ),
        ("revise", span) => match Span::parse(span) {
            Ok(span) if span > Span::ZERO => return At { what: WhenLate::Revise(span), place: text.place },
            Ok(_) => ("`revise` must be longer than nothing".to_owned(), "for example \"revise 5m\"".to_owned()),
            Err(why) => (format!("`{span}` is not a duration"), format!("{why}; for example \"revise 5m\"")),
        },
        _ => (format!("`when_late` cannot be `{}`", text.what), suggest::hint(word, &["aside", "forget", "revise 5m"])),
    };
    table.found.problem(&text.place, message, hint);
    otherwise
}
