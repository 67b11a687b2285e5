//! What to say of names of results that are none: of features and joins, which give words for channels, `recent.temperature.mean`.

use super::suggest;
use super::window::{Input, near_or, written};

/// What a section gives.
pub(crate) struct Results<'r> {
    /// The kind of section, and its name.
    pub(crate) kind: &'r str,
    pub(crate) name: &'r str,
    /// The channels it works on; empty if they could not be read.
    pub(crate) on: &'r [Input],
    /// The words; empty if they could not be read.
    pub(crate) words: Vec<&'r str>,
}

impl Results<'_> {
    /// What to say of a name that begins like one of them and is none.
    pub(crate) fn has_none(&self, name: &str) -> (String, String) {
        let of = |on: &Input| self.words.iter().map(|word| written(self.name, &on.name, word)).collect();
        let all: Vec<String> = self.on.iter().flat_map::<Vec<String>, _>(of).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let hint = format!("its results: {}; a channel of that name stands in backticks", suggest::list(&all));
        (format!("`{name}` names no result of `{}.{}`", self.kind, self.name), hint)
    }

    /// What to say if there is no such word, or none for this channel.
    pub(crate) fn lack(&self, channel: &str, word: &str) -> Option<(String, String)> {
        let on: Vec<&str> = self.on.iter().map(|on| on.name.as_str()).collect();
        if !on.is_empty() && !on.contains(&channel) {
            let message = format!("`{}.{}` is not on `{channel}`", self.kind, self.name);
            let way = format!("add it to `on`, or use one of: {}", suggest::list(&on));
            return Some((message, near_or(channel, &on, way)));
        }
        if self.words.is_empty() || self.words.contains(&word) {
            return None;
        }
        let message = format!("`{}.{}` does not give `{word}`", self.kind, self.name);
        Some((message, near_or(word, &self.words, format!("it gives: {}", suggest::list(&self.words)))))
    }
}
