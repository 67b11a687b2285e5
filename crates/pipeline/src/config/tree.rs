//! Reads one table of the spanned TOML tree: setting by setting, noting every problem and going on.
//!
//! A [`Table`] remembers the settings that were asked for. What is in the file and was never asked for is unknown,
//! and what was asked for is what the message offers instead; so no list of settings is written twice.
//! Serde is not used here: its tagged and untagged enums lose the place of a problem.

use super::place::{Findings, Place};
use super::suggest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct At<T> {
    pub(crate) what: T,
    pub(crate) place: Place,
}

/// One table: a section, or a table inside one.
pub(crate) struct Table<'f, 't> {
    /// What messages call it: `detector.spike`.
    pub(crate) label: String,
    /// Where its name stands.
    pub(crate) place: Place,
    /// Where problems go.
    pub(crate) found: &'f mut Findings,
    entries: &'t DeTable<'t>,
    asked: Vec<&'static str>,
}

impl<'f, 't> Table<'f, 't> {
    pub(crate) fn new(label: String, place: Place, entries: &'t DeTable<'t>, found: &'f mut Findings) -> Self {
        Table { label, place, found, entries, asked: Vec::new() }
    }

    /// The value of a setting; from now on the setting is known here.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.entries.get(key)
    }

    /// Where the name of a setting stands, if it is there.
    pub(crate) fn key_place(&self, key: &str) -> Option<Place> {
        self.entries.get_key_value(key).map(|(key, _)| key.span())
    }

    /// Where the value of a setting stands, if it is there.
    pub(crate) fn value_place(&self, key: &str) -> Option<Place> {
        self.entries.get(key).map(Spanned::span)
    }

    /// Names and values, in the order of the file. For tables whose keys are the user's own.
    pub(crate) fn own_keys(&self) -> Vec<(At<String>, &'t Spanned<DeValue<'t>>)> {
        let mut all: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| (At { what: key.get_ref().to_string(), place: key.span() }, value))
            .collect();
        all.sort_by_key(|(key, _)| key.place.start);
        all
    }

    /// Whether a setting is there, rightly written or not.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Notes that a setting is missing, if it is, with what it could be.
    pub(crate) fn need(&mut self, key: &str, hint: impl Into<String>) {
        if self.has(key) {
            return;
        }
        let message = format!("`{}` needs `{key}`", self.label);
        let place = self.place.clone();
        self.found.problem(&place, message, hint);
    }

    /// Notes that a setting is there where it has no meaning.
    pub(crate) fn refuse(&mut self, key: &str, why: &str, hint: impl Into<String>) {
        if let Some(place) = self.key_place(key) {
            self.found.problem(&place, format!("`{key}` {why}"), hint);
        }
    }

    pub(crate) fn wrong(&mut self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str, hint: impl Into<String>) {
        let message = format!("`{key}` is {wanted}, not {}", kind_of(value.get_ref()));
        self.found.problem(&value.span(), message, hint);
    }

    /// Text that is not empty.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let value = self.get(key)?;
        self.text_of(key, value)
    }

    /// Text that may be nothing but white space.
    pub(crate) fn raw_text(&mut self, key: &'static str) -> Option<At<String>> {
        match self.entries.get(key).map(|value| (value.get_ref(), value.span())) {
            Some((DeValue::String(text), place)) if !text.is_empty() => {
                self.get(key);
                Some(At { what: text.to_string(), place })
            }
            _ => self.text(key),
        }
    }

    /// The text of a value that was already taken out.
    pub(crate) fn text_of(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                self.found.problem(&value.span(), format!("`{key}` is empty"), "write something, or leave it out");
                None
            }
            DeValue::String(text) => Some(At { what: text.to_string(), place: value.span() }),
            other => {
                let way = scalar(other).map_or("write text in quotes".to_owned(), |raw| format!("write \"{raw}\""));
                self.wrong(key, value, "text", way);
                None
            }
        }
    }

    /// One text, or a list of different ones; never an empty list.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<At<String>>> {
        let value = self.get(key)?;
        self.texts_of(key, value)
    }

    /// The same of a value that was already taken out.
    pub(crate) fn texts_of(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Vec<At<String>>> {
        let DeValue::Array(items) = value.get_ref() else {
            return self.text_of(key, value).map(|one| vec![one]);
        };
        let mut out: Vec<At<String>> = Vec::new();
        for item in items {
            let Some(text) = self.text_of(key, item) else { continue };
            if out.iter().any(|earlier| earlier.what == text.what) {
                let message = format!("`{}` stands twice in `{key}`", text.what);
                self.found.problem(&text.place, message, "leave one of them out");
            } else {
                out.push(text);
            }
        }
        if items.is_empty() {
            self.found.problem(&value.span(), format!("`{key}` is an empty list"), "name at least one");
        }
        Some(out).filter(|list| !list.is_empty())
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, known: &[(&'static str, T)]) -> Option<At<T>> {
        let text = self.text(key)?;
        self.one_of(key, &text, known)
    }

    pub(crate) fn one_of<T: Copy>(
        &mut self,
        key: &str,
        text: &At<String>,
        known: &[(&'static str, T)],
    ) -> Option<At<T>> {
        if let Some((_, chosen)) = known.iter().find(|(word, _)| *word == text.what) {
            return Some(At { what: *chosen, place: text.place.clone() });
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let message = format!("`{key}` cannot be `{}`", text.what);
        self.found.problem(&text.place, message, suggest::hint(&text.what, &words));
        None
    }

    /// True or false.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<At<bool>> {
        let value = self.get(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(At { what: *flag, place: value.span() });
        }
        self.wrong(key, value, "true or false", "write true or false without quotes");
        None
    }

    /// A finite number.
    pub(crate) fn number(&mut self, key: &'static str) -> Option<At<f64>> {
        let value = self.get(key)?;
        self.number_of(key, value)
    }

    /// The finite number of a value that was already taken out.
    pub(crate) fn number_of(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<At<f64>> {
        let number = match value.get_ref() {
            DeValue::Integer(whole) => i128::from_str_radix(whole.as_str(), whole.radix()).ok().map(|n| n as f64),
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::String(text) if text.trim().parse::<f64>().is_ok() => {
                self.wrong(key, value, "a number", format!("write {} without quotes", text.trim()));
                return None;
            }
            _ => {
                self.wrong(key, value, "a number", "write a number, for example 2.5");
                return None;
            }
        };
        let finite = number.filter(|n: &f64| n.is_finite());
        if finite.is_none() {
            self.found.problem(&value.span(), format!("`{key}` must be a finite number"), "for example 2.5");
        }
        Some(At { what: finite?, place: value.span() })
    }

    /// A number that is at least 0.
    pub(crate) fn not_negative(&mut self, key: &'static str) -> Option<At<f64>> {
        let number = self.number(key)?;
        if number.what < 0.0 {
            let hint = format!("write {} or leave it out", -number.what);
            self.found.problem(&number.place, format!("`{key}` cannot be negative"), hint);
            return None;
        }
        Some(number)
    }

    /// A whole number from `low` to `high`.
    pub(crate) fn whole(&mut self, key: &'static str, low: u64, high: u64) -> Option<At<u64>> {
        let value = self.get(key)?;
        if let DeValue::Float(raw) = value.get_ref() {
            let hint = "write a number without a decimal point";
            self.found.problem(&value.span(), format!("`{key}` must be whole, and {} is not", raw.as_str()), hint);
            return None;
        }
        let DeValue::Integer(raw) = value.get_ref() else {
            self.wrong(key, value, "a whole number", "write a whole number without quotes, for example 20");
            return None;
        };
        let number = i128::from_str_radix(raw.as_str(), raw.radix()).ok();
        match number.and_then(|n| u64::try_from(n).ok()).filter(|n| (low..=high).contains(n)) {
            Some(what) => Some(At { what, place: value.span() }),
            None => {
                let message = format!("`{key}` cannot be {}", raw.as_str());
                self.found.problem(&value.span(), message, format!("write a whole number from {low} to {high}"));
                None
            }
        }
    }

    /// A list of exactly two numbers.
    pub(crate) fn pair(&mut self, key: &'static str) -> Option<At<(f64, f64)>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Array(items) if items.len() == 2 => {
                let low = self.number_of(key, &items[0]);
                let high = self.number_of(key, &items[1]);
                Some(At { what: (low?.what, high?.what), place: value.span() })
            }
            _ => {
                self.wrong(key, value, "a list of two numbers", "write [low, high], for example [-40, 125]");
                None
            }
        }
    }

    /// Whether a setting is there and is a table.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// Whether a setting is there and is text.
    pub(crate) fn is_text(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| value.get_ref().is_str())
    }

    /// Whether a setting is there and is a number.
    pub(crate) fn is_number(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| value.get_ref().is_integer() || value.get_ref().is_float())
    }

    /// A table inside this one.
    pub(crate) fn table(&mut self, key: &'static str, example: &str) -> Option<Table<'_, 't>> {
        let value = self.get(key)?;
        let DeValue::Table(entries) = value.get_ref() else {
            self.wrong(key, value, "a table", format!("for example {example}"));
            return None;
        };
        let place = self.key_place(key).unwrap_or(value.span());
        Some(Table::new(format!("{}.{key}", self.label), place, entries, self.found))
    }

    /// Reads each table of a list of tables.
    pub(crate) fn tables<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl Fn(&mut Table<'_, '_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, "a list of tables", format!("for example [{example}]"));
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items {
            let DeValue::Table(entries) = item.get_ref() else {
                self.wrong(key, item, "a list of tables", format!("for example [{example}]"));
                continue;
            };
            let mut table = Table::new(format!("{}.{key}", self.label), item.span(), entries, self.found);
            let one = read(&mut table);
            table.finish(&[]);
            out.extend(one);
        }
        out
    }

    /// Notes every setting that nobody asked for. `ways` has a hint of its own for some of them.
    pub(crate) fn finish(self, ways: &[(&str, &str)]) {
        for (key, _) in self.own_keys() {
            if self.asked.contains(&key.what.as_str()) {
                continue;
            }
            let hint = self.way_of(&key.what, ways);
            self.found.problem(&key.place, format!("`{}` has no setting `{}`", self.label, key.what), hint);
        }
    }

    /// What to write instead of an unknown setting: the nearest known one, or what `ways` says of it.
    fn way_of(&self, key: &str, ways: &[(&str, &str)]) -> String {
        let way = |name: &str| ways.iter().find(|(known, _)| *known == name).map(|(_, way)| (*way).to_owned());
        let names: Vec<&str> = ways.iter().map(|(name, _)| *name).collect();
        let near_way = || suggest::nearest(key, &names).filter(|_| suggest::nearest(key, &self.asked).is_none());
        way(key).or_else(|| way(near_way()?)).unwrap_or_else(|| suggest::hint(key, &self.asked))
    }
}

/// What people call the kind of a value.
pub(crate) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The text of a number, date or flag, as it could stand in quotes.
pub(crate) fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::Integer(whole) => Some(whole.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(time) => Some(time.to_string()),
        DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
