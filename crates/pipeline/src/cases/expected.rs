//! What a case expects: lines of JSON, each with the fields that it cares for.
//!
//! A line is compared with an output field by field: numbers to 1e-9 of their size, times as moments, everything else as
//! it is. Fields that a line does not name may be anything. Empty lines and lines that begin with `#` are left as they are,
//! so that a file can say why it expects what.

use crate::config::nearest_of;
use jiff::Timestamp;
use ouzel_connect::encode::{columns, is_statistic};
use ouzel_connect::sink::{Noun, Take};
use ouzel_engine::plan::Plan;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;

/// The lines of an expectation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    /// In their order.
    pub lines: Vec<Line>,
    /// Remarks behind the last line.
    pub after: String,
}

/// One output that must come.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The remarks before it, as they stand there.
    pub before: String,
    /// As it was written.
    pub text: String,
    /// Its fields, in their order.
    pub fields: Fields,
    /// Which line of its file or list it is, from 1.
    pub number: usize,
}

/// The fields of a JSON object, in the order in which they stand there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub Vec<(String, Value)>);

/// The word by which a line may say what sort of output it is; outputs themselves do not have it.
const NOUN: &str = "noun";

/// The field that the name of an operator stands in, by noun: it tells one noun from the others.
const NAMING: [(&str, Noun); 4] =
    [("alert", Noun::Alerts), ("detector", Noun::Anomalies), ("window", Noun::Aggregates), ("filter", Noun::Filtered)];

/// What is wrong with a line, and a way out.
pub type Wrong = (String, String);

impl Expected {
    /// Reads the text of a file of expected lines.
    ///
    /// # Errors
    /// The number of the first line that is none, what is wrong with it, and a way out.
    pub fn parse(text: &str) -> Result<Expected, (usize, Wrong)> {
        let mut all = Expected::default();
        for (number, line) in (1..).zip(text.lines()) {
            all.add(number, line).map_err(|wrong| (number, wrong))?;
        }
        Ok(all)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// What is wrong with it, and a way out.
    pub fn push(&mut self, line: &str) -> Result<(), Wrong> {
        let number = self.lines.last().map_or(0, |line| line.number) + 1;
        self.add(number, line)
    }

    fn add(&mut self, number: usize, line: &str) -> Result<(), Wrong> {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            self.after.push_str(line);
            self.after.push('\n');
            return Ok(());
        }
        let fields: Fields = serde_json::from_str(trimmed).map_err(|error| {
            let message = format!("this is no JSON object: {}", without_place(&error));
            (message, "write the fields that count: {\"alert\": \"hot\", \"state\": \"firing\"}".to_owned())
        })?;
        if fields.0.is_empty() {
            let hint = "name at least one field: {\"alert\": \"hot\"}";
            return Err(("this line names no field, so any output would do".to_owned(), hint.to_owned()));
        }
        let before = std::mem::take(&mut self.after);
        self.lines.push(Line { before, text: trimmed.to_owned(), fields, number });
        Ok(())
    }

    /// What its lines speak of; alerts where they do not say.
    pub fn spoken_of(&self, plan: &Plan) -> Take {
        let mut nouns: Vec<Noun> = self.lines.iter().filter_map(|line| line.noun(plan)).collect();
        nouns.sort_unstable();
        nouns.dedup();
        let mut channels: Vec<String> = self.lines.iter().filter_map(|line| line.derived(plan)).collect();
        channels.sort_unstable();
        channels.dedup();
        if nouns.is_empty() { Take::from(&[Noun::Alerts]) } else { Take::new(&nouns, &channels) }
    }
}

impl Line {
    /// The noun of the output that it is about, if its fields tell.
    pub fn noun(&self, plan: &Plan) -> Option<Noun> {
        if let Some(noun) = self.own_noun() {
            return Some(noun);
        }
        if self.names_derived(plan) {
            return Some(Noun::Readings);
        }
        let mut fitting = Noun::ALL.into_iter().filter(|noun| self.unknown(*noun, plan).is_none());
        let (first, second) = (fitting.next()?, fitting.next());
        match second {
            None => Some(first),
            Some(_) => {
                let fits = |noun: Noun| self.unknown(noun, plan).is_none();
                let named = NAMING.iter().find(|(field, noun)| self.fields.get(field).is_some() && fits(*noun));
                named.map(|(_, noun)| *noun)
            }
        }
    }

    /// The derived channel whose readings it is about.
    fn derived(&self, plan: &Plan) -> Option<String> {
        (self.noun(plan) == Some(Noun::Readings)).then(|| self.fields.get("channel")?.as_str().map(str::to_owned))?
    }

    /// Whether its channel is one that some operator makes, and its fields are those of a reading. Anomalies of such a channel
    /// name more, or their noun.
    fn names_derived(&self, plan: &Plan) -> bool {
        let channel = self.fields.get("channel").and_then(Value::as_str);
        channel.is_some_and(|channel| plan.maker(channel).is_some()) && self.unknown(Noun::Readings, plan).is_none()
    }

    fn own_noun(&self) -> Option<Noun> {
        let word = self.fields.get(NOUN)?.as_str()?;
        Noun::ALL.into_iter().find(|noun| noun.name() == word)
    }

    /// The first field that outputs of a noun do not have.
    fn unknown(&self, noun: Noun, plan: &Plan) -> Option<&str> {
        let known = columns(noun, plan);
        let has = |name: &str| {
            name == NOUN
                || known.iter().any(|column| column.name == name)
                || noun == Noun::Aggregates && is_statistic(name)
        };
        self.fields.0.iter().map(|(name, _)| name.as_str()).find(|name| !has(name))
    }

    /// Checks that some output could be what it says, and one of those that are compared.
    ///
    /// # Errors
    /// What is wrong with it, and a way out.
    pub fn fits(&self, plan: &Plan, take: Option<&Take>) -> Result<(), Wrong> {
        let words: Vec<&str> = Noun::ALL.iter().map(|noun| noun.name()).collect();
        if let Some(word) = self.fields.get(NOUN)
            && self.own_noun().is_none()
        {
            let word = word.as_str().unwrap_or("that");
            return Err((format!("`noun` cannot be `{word}`"), nearest_of(word, &words)));
        }
        let noun = self.noun(plan);
        let fits = |noun: &Noun| self.unknown(*noun, plan).is_none();
        if !noun.iter().chain(&Noun::ALL).any(fits) || noun.is_some_and(|noun| !fits(&noun)) {
            // What it looks like, and what that does not have.
            let named = NAMING.iter().find(|(field, _)| self.fields.get(field).is_some());
            let noun = noun.or(named.map(|(_, noun)| *noun)).unwrap_or(Noun::Alerts);
            let field = self.unknown(noun, plan).unwrap_or_default();
            let known = columns(noun, plan);
            let known: Vec<&str> = known.iter().map(|column| column.name.as_str()).collect();
            return Err((format!("{} have no field `{field}`", noun.name()), nearest_of(field, &known)));
        }
        match (noun, take) {
            (Some(Noun::Readings), _) if self.derived(plan).is_none_or(|channel| plan.maker(&channel).is_none()) => {
                let message = "this is about readings, and names no derived channel: none that a window, filter, feature or join makes"
                    .to_owned();
                Err((message, "name it: {\"channel\": \"minute.temperature.mean\", \"value\": 20}".to_owned()))
            }
            (Some(Noun::Readings), Some(take))
                if self.derived(plan).is_some_and(|it| !take.channels().contains(&it)) =>
            {
                let channel = self.derived(plan).unwrap_or_default();
                let message = format!("this is a reading of `{channel}`, which `take` leaves out");
                Err((message, format!("add \"{channel}\" to `take`, or leave `take` out")))
            }
            (Some(noun), Some(take)) if !take.has(noun) => {
                let message = format!("this is one of the {}, which `take` leaves out", noun.name());
                Err((message, format!("add \"{}\" to `take`, or leave `take` out", noun.name())))
            }
            _ => Ok(()),
        }
    }

    /// The fields in which an output differs from this line, by their place in it.
    pub fn differs(&self, noun: Noun, got: &Fields) -> Vec<usize> {
        let same = |name: &str, wanted: &Value| match got.get(name) {
            _ if name == NOUN => wanted.as_str() == Some(noun.name()),
            Some(value) => alike(wanted, value),
            None => alike(wanted, &absent(name)),
        };
        let differs = |(_, (name, wanted)): &(usize, &(String, Value))| !same(name, wanted);
        self.fields.0.iter().enumerate().filter(differs).map(|(at, _)| at).collect()
    }
}

/// What an output means that does not say a field: a window that was given once and is no partial one says neither.
fn absent(name: &str) -> Value {
    match name {
        "revision" => 0.into(),
        "partial" => false.into(),
        _ => Value::Null,
    }
}

/// Two numbers are the same that differ by no more than this of the larger one: results of other machines and libraries
/// differ in their last digits.
const NUMBERS_APART: f64 = 1e-9;

fn alike(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Number(wanted), Value::Number(got)) => {
            let (wanted, got) = (wanted.as_f64().unwrap_or(f64::NAN), got.as_f64().unwrap_or(f64::NAN));
            wanted == got || (wanted - got).abs() <= NUMBERS_APART * wanted.abs().max(got.abs())
        }
        (Value::String(wanted), Value::String(got)) => {
            wanted == got
                || match (wanted.parse::<Timestamp>(), got.parse::<Timestamp>()) {
                    (Ok(wanted), Ok(got)) => wanted == got,
                    _ => false,
                }
        }
        _ => wanted == got,
    }
}

impl Fields {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{}: {value}", if at > 0 { ", " } else { "{" }, Value::from(name.as_str()))?;
        }
        f.write_str(if self.0.is_empty() { "{}" } else { "}" })
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.get(&name).is_some() {
                        return Err(M::Error::custom(format!("`{name}` stands there twice")));
                    }
                    fields.0.push((name, value));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// What serde says, without its line, which is always the first.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        let mut all = Expected::default();
        all.push(text).unwrap();
        all.lines.remove(0)
    }

    #[test]
    fn a_line_need_only_name_the_fields_it_cares_for() {
        let got: Fields = serde_json::from_str(
            r#"{"id":"7","window":"minute","key":"a","start":"2024-01-01T00:00:00Z","mean":0.30000000000000004}"#,
        )
        .unwrap();
        for (text, differs) in [
            (r#"{"window": "minute", "mean": 0.3}"#, vec![]),
            (r#"{"mean": 0.3000001, "key": "a"}"#, vec![0]),
            (r#"{"start": "2024-01-01T01:00:00+01:00", "partial": false, "revision": 0}"#, vec![]),
            (r#"{"noun": "aggregates", "max": null}"#, vec![]),
            (r#"{"key": "b", "count": 1}"#, vec![0, 1]),
        ] {
            assert_eq!(line(text).differs(Noun::Aggregates, &got), differs, "{text}");
        }
    }

    #[test]
    fn fields_tell_which_noun_a_line_is_about() {
        let plan = Plan::default();
        for (text, noun) in [
            (r#"{"alert": "hot"}"#, Some(Noun::Alerts)),
            (r#"{"detector": "hot"}"#, Some(Noun::Anomalies)),
            (r#"{"detector": "hot", "state": "firing"}"#, Some(Noun::Alerts)),
            (r#"{"mean": 3}"#, Some(Noun::Aggregates)),
            (r#"{"p95": 3, "device": "a"}"#, None),
            (r#"{"device": "a"}"#, None),
            (r#"{"noun": "late", "device": "a"}"#, Some(Noun::Late)),
            (r#"{"reason": "no time"}"#, Some(Noun::Rejected)),
        ] {
            assert_eq!(line(text).noun(&plan), noun, "{text}");
        }
    }

    #[test]
    fn what_no_output_can_be_is_told() {
        let plan = Plan::default();
        for (text, take, wrong) in [
            (r#"{"alert": "hot", "stat": "firing"}"#, None, Some("alerts have no field `stat`")),
            (r#"{"noun": "alarms"}"#, None, Some("`noun` cannot be `alarms`")),
            (r#"{"alert": "hot"}"#, Some(Noun::Anomalies), Some("this is one of the alerts, which `take` leaves out")),
            (r#"{"alert": "hot"}"#, Some(Noun::Alerts), None),
            (r#"{"device": "a"}"#, Some(Noun::Late), None),
        ] {
            let take = take.map(|noun| Take::from(&[noun]));
            let got = line(text).fits(&plan, take.as_ref());
            assert_eq!(got.err().map(|(message, _)| message).as_deref(), wrong, "{text}");
        }
        assert_eq!(Expected::parse("# one\n\n{\"a\": 1, \"a\": 2}\n").unwrap_err().0, 3);
        assert!(Expected::parse("[1]\n").is_err() && Expected::parse("{}\n").is_err());
    }

    #[test]
    fn remarks_stay_where_they_are() {
        let all = Expected::parse("# why\n\n{\"alert\": \"a\"}\n# the end\n").unwrap();
        assert_eq!((all.lines[0].before.as_str(), all.lines[0].number), ("# why\n\n", 3));
        assert_eq!(all.after, "# the end\n");
    }
}
