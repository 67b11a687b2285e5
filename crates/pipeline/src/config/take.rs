//! `take`: which outputs a sink gets, or a test compares: nouns by their words, and derived channels (what a window,
//! filter, feature or join makes) by their names.

use super::place::Findings;
use super::suggest;
use super::tree::{At, Table};
use super::window::Windows;
use ouzel_connect::sink::{Noun, Take};

/// Reads the setting; `nouns` are those that may be named here. `None`: it is not there, or nothing in it could be read.
pub(crate) fn read(table: &mut Table<'_, '_>, nouns: &[Noun], windows: &Windows) -> Option<Take> {
    let names = table.texts("take")?;
    let (mut taken, mut channels) = (Vec::new(), Vec::new());
    for name in &names {
        match nouns.iter().find(|noun| noun.name() == name.what) {
            Some(noun) => taken.push(*noun),
            None => channels.extend(channel(name, nouns, windows, table.found)),
        }
    }
    (!taken.is_empty() || !channels.is_empty()).then(|| Take::new(&taken, &channels))
}

/// The derived channel of this name.
fn channel(name: &At<String>, nouns: &[Noun], windows: &Windows, found: &mut Findings) -> Option<String> {
    let words: Vec<&str> = nouns.iter().map(|noun| noun.name()).collect();
    if name.what == Noun::Readings.name() {
        let hint = "name the channels: take = [\"minute.temperature.mean\"]";
        found.problem(&name.place, "`take` cannot be `readings`: they are taken by channel", hint);
        return None;
    }
    // A word of the list that is misspelt is likelier than a channel without any dot.
    let input = match windows.look_up(name) {
        Ok(input) => input,
        Err((message, hint)) => {
            found.problem(&name.place, message, hint);
            return None;
        }
    };
    if input.from.is_some() {
        return Some(input.name);
    }
    let measured = windows.measures(&input.name);
    let message = match (measured, suggest::nearest(&name.what, &words)) {
        (true, _) => format!("`take` cannot be `{}`: what devices send is in the journal and the lake", name.what),
        (false, _) => format!("`take` cannot be `{}`", name.what),
    };
    let hint = match measured {
        true => {
            "sinks take derived channels: what a window, filter, feature or join makes, such as minute.temperature.mean"
                .to_owned()
        }
        false => format!(
            "{}; and derived channels: what a window, filter, feature or join makes, such as minute.temperature.mean",
            suggest::hint(&name.what, &words)
        ),
    };
    found.problem(&name.place, message, hint);
    None
}
