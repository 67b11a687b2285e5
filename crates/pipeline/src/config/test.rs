//! `[test.NAME]`: a case of the config: readings in, and the lines that must come out.
//!
//! Here it is read and checked as far as its section goes. The files that it names are looked at by
//! [`crate::cases::look_at_files`]: a config is read at times when its files are not there.

use super::format;
use super::place::{Findings, Place};
use super::sections::{Kind, Section, Sections};
use super::source;
use super::tree::{At, Table, kind_of, scalar};
use super::window::Windows;
use super::{SourceConfig, SourceKind, take};
use crate::cases::Expected;
use ouzel_connect::decode::payload::ARRIVAL;
use ouzel_connect::format::FormatHints;
use ouzel_connect::sink::{Noun, Take};
use ouzel_engine::plan::Plan;
use ouzel_engine::series::Timing;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::DeValue;

/// A `[test.NAME]` section.
#[derive(Clone, Debug, PartialEq)]
pub struct TestConfig {
    /// Its name.
    pub name: String,
    /// What goes in.
    pub input: Input,
    /// How that is read.
    pub format: FormatHints,
    /// Clock and allowance of its devices.
    pub timing: Timing,
    /// What must come out.
    pub expect: Expect,
    /// What is compared; `None`: what the expectation speaks of.
    pub take: Option<Take>,
    /// Where its name stands in the config.
    pub(crate) place: Place,
}

/// What goes into a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Files, merged by event time, and where they are named in the config.
    Files(Vec<(PathBuf, Place)>),
    /// Lines that stand in the config.
    Lines(String),
}

/// What must come out of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// The lines of a file: as the user wrote its path, where it is, and where it is named in the config.
    File(String, PathBuf, Place),
    /// Lines that stand in the config.
    Lines(Expected),
}

/// Reads all sections of this kind. Paths are relative to `folder`, where the config stands.
pub(crate) fn read_all(
    sections: &Sections<'_>,
    sources: &[SourceConfig],
    windows: &Windows,
    plan: &Plan,
    folder: &Path,
    found: &mut Findings,
) -> Vec<TestConfig> {
    let around = Around { sections, sources, windows, plan, folder };
    sections.of(Kind::Test).filter_map(|section| around.read(section, found)).collect()
}

/// What a test may refer to.
struct Around<'a, 't> {
    sections: &'a Sections<'t>,
    sources: &'a [SourceConfig],
    windows: &'a Windows,
    plan: &'a Plan,
    folder: &'a Path,
}

impl Around<'_, '_> {
    fn read(&self, section: &Section<'_>, found: &mut Findings) -> Option<TestConfig> {
        let mut table = section.table(found);
        let input = self.input(&mut table);
        let own = table.get("format").is_some();
        let hints = own.then(|| format::read(&mut table));
        let source = table.text("source");
        let take = take::read(&mut table, &Noun::NAMED, self.windows);
        table.need("expect", "what must come out: expect = \"cases/hot.expected\", or the lines themselves");
        let expect = self.expect(&mut table, take.as_ref());
        table.finish(&[
            ("inputs", "write `input`; it may be a list"),
            ("path", "write `input`"),
            ("rows", "write `lines`"),
            ("expected", "write `expect`"),
            ("output", "write `expect`"),
            ("late", "it is that of the source that `source` names"),
        ]);
        let (format, timing) = match source {
            Some(name) => self.as_source(&name, hints, found)?,
            None => (hints.unwrap_or_default(), Timing::default()),
        };
        let (name, place) = (section.name.what.clone(), section.name.place.clone());
        Some(TestConfig { name, input: input?, format, timing, expect: expect?, take, place })
    }

    /// The files or lines that go in.
    fn input(&self, table: &mut Table<'_, '_>) -> Option<Input> {
        let files = table.texts("input");
        let lines = match table.get("lines") {
            Some(value) => lines(table, "lines", value, "time,device,temperature").map(|lines| {
                let lines: Vec<String> = lines.into_iter().map(|line| line.what).collect();
                lines.join("\n") + "\n"
            }),
            None => None,
        };
        if table.has("input") && table.has("lines") {
            table.refuse("lines", "and `input` exclude each other", "leave one of them out");
        } else if !table.has("lines") {
            table.need(
                "input",
                "readings to test with: input = \"cases/hot.csv\", or lines = [\"time,device,heat\", …]",
            );
        }
        let of_file = |file: At<String>| (self.folder.join(file.what), file.place);
        files.map(|files| Input::Files(files.into_iter().map(of_file).collect())).or(lines.map(Input::Lines))
    }

    /// The lines that must come out, or the file that they stand in.
    fn expect(&self, table: &mut Table<'_, '_>, take: Option<&Take>) -> Option<Expect> {
        let value = table.get("expect")?;
        if let DeValue::String(text) = value.get_ref()
            && !text.contains('\n')
            && !text.trim_start().starts_with('{')
        {
            let file = table.text_of("expect", value)?;
            let path = self.folder.join(&file.what);
            return Some(Expect::File(file.what, path, file.place));
        }
        let mut all = Expected::default();
        for line in lines(table, "expect", value, "{\"alert\": \"hot\", \"state\": \"firing\"}")? {
            let read = all.push(&line.what).and_then(|()| match all.lines.last() {
                Some(last) => last.fits(self.plan, take),
                None => Ok(()),
            });
            if let Err((message, hint)) = read {
                table.found.problem(&line.place, message, hint);
            }
        }
        Some(Expect::Lines(all))
    }

    /// The format and the allowance of the source of this name; a format of the test's own comes first.
    fn as_source(
        &self,
        name: &At<String>,
        hints: Option<FormatHints>,
        found: &mut Findings,
    ) -> Option<(FormatHints, Timing)> {
        self.sections.expect(Kind::Source, name, found).then_some(())?;
        // Where it is not among these, its own problems are told already.
        let source = self.sources.iter().find(|source| source.name == name.what)?;
        let format = match &source.what {
            SourceKind::Files { format, .. } | SourceKind::Stdin { format } => format.clone(),
            SourceKind::Simulate(_) => FormatHints::default(),
            SourceKind::Live(_) => source::live_format(&source.what).cloned().unwrap_or_default(),
        };
        let timing = Timing { arrival: false, ..source.timing };
        if hints.is_none() && format.time.as_deref() == Some(ARRIVAL) {
            let message = format!("the times of `source.{}` are those of arrival, and a test has none", name.what);
            let hint = "give the test a format of its own, with a column of times: format = { time = \"ts\" }";
            found.problem(&name.place, message, hint);
            return None;
        }
        Some((hints.unwrap_or(format), timing))
    }
}

/// The lines of a list, or of a text of several lines. What stands as a table in the list becomes a line of JSON.
fn lines(table: &mut Table<'_, '_>, key: &str, value: &Spanned<DeValue<'_>>, example: &str) -> Option<Vec<At<String>>> {
    let items = match value.get_ref() {
        DeValue::String(text) => {
            let place = value.span();
            let line = |line: &str| At { what: line.to_owned(), place: place.clone() };
            return Some(text.lines().map(line).collect());
        }
        DeValue::Array(items) => items,
        _ => {
            table.wrong(key, value, "a list of lines", format!("for example {key} = ['{example}']"));
            return None;
        }
    };
    let mut all = Vec::new();
    for item in items {
        match item.get_ref() {
            DeValue::String(text) => all.push(At { what: text.to_string(), place: item.span() }),
            DeValue::Table(_) if key == "expect" => all.push(At { what: json(item).to_string(), place: item.span() }),
            other => {
                let message = format!("a line of `{key}` is text, not {}", kind_of(other));
                table.found.problem(&item.span(), message, format!("for example '{example}'"));
            }
        }
    }
    Some(all)
}

/// A value of TOML as one of JSON, its keys in the order in which they were written.
fn json(value: &Spanned<DeValue<'_>>) -> Json {
    match value.get_ref() {
        DeValue::String(text) => Json::Leaf(serde_json::Value::from(text.as_ref())),
        DeValue::Integer(whole) => {
            let number = i128::from_str_radix(whole.as_str(), whole.radix()).ok();
            let whole = number.and_then(|number| i64::try_from(number).ok()).map(serde_json::Value::from);
            Json::Leaf(whole.unwrap_or_else(|| number.map_or(serde_json::Value::Null, |n| (n as f64).into())))
        }
        DeValue::Float(number) => {
            Json::Leaf(number.as_str().replace('_', "").parse::<f64>().unwrap_or(f64::NAN).into())
        }
        DeValue::Boolean(flag) => Json::Leaf((*flag).into()),
        date @ DeValue::Datetime(_) => Json::Leaf(scalar(date).into()),
        DeValue::Array(items) => Json::List(items.iter().map(json).collect()),
        DeValue::Table(entries) => {
            let mut all: Vec<_> = entries.iter().collect();
            all.sort_by_key(|(key, _)| key.span().start);
            Json::Object(all.into_iter().map(|(key, value)| (key.get_ref().to_string(), json(value))).collect())
        }
    }
}

/// JSON whose objects keep their order.
enum Json {
    Leaf(serde_json::Value),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Json::Leaf(value) => write!(f, "{value}"),
            Json::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Json::Object(entries) => {
                f.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    let (comma, key) = (if at > 0 { ", " } else { "" }, serde_json::Value::from(key.as_str()));
                    write!(f, "{comma}{key}: {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}
