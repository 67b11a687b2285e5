//! `[join.NAME]` with a `table`: what a file has for each device, at each of its readings: `limits.temperature.high`.
//!
//! Here the section is read; the file itself is only looked at where somebody asks (`check`): a text that was in force once
//! is understood wherever it stands, and whatever became of its table.

use super::place::{Findings, Place};
use super::sections::Section;
use super::suggest;
use super::tree::{At, Table};
use super::window::Input;
use crate::tables::TableConfig;
use ouzel_connect::table::{self, Wanted};
use ouzel_engine::plan::{Factor, Operator, TableSpec, Work};
use std::path::{Path, PathBuf};

/// A join with a table as it was read. What could not be read is left open, so that one mistake is one problem.
#[derive(Debug)]
pub(crate) struct TableJoin {
    pub(crate) name: At<String>,
    /// The channels; empty if they could not be read, or there are none.
    pub(crate) on: Vec<Input>,
    /// What it gives.
    pub(crate) spec: TableSpec,
    /// A setting could not be read, so that nobody knows all that it gives.
    pub(crate) is_open: bool,
    /// The file, with the place of its name.
    file: Option<At<PathBuf>>,
    wanted: Wanted,
    /// Where columns are named.
    columns: Vec<At<String>>,
}

/// The column with names of devices, where nobody says which.
const DEVICE: &str = "device";

/// Whether a section of kind `join` is one of these.
pub(crate) fn is_one(section: &Section<'_>) -> bool {
    section.has("table")
}

/// Reads a section; the names of its channels are given beside, not looked up yet.
pub(crate) fn read(section: &Section<'_>, folder: &Path, found: &mut Findings) -> (TableJoin, Vec<At<String>>) {
    let mut table = section.table(found);
    let path = table.text("table");
    table.need("table", "the file with a row for each device: table = \"sensors.csv\"");
    let on = table.texts("on");
    let mut columns = Vec::new();
    let mut named = |column: Option<At<String>>| {
        columns.extend(column.clone());
        column.map(|column| column.what)
    };
    let device = named(table.text("device")).unwrap_or_else(|| DEVICE.to_owned());
    let channel = named(table.text("channel"));
    let scale = factor(&mut table, "scale", &mut named);
    let offset = factor(&mut table, "offset", &mut named);
    let give: Vec<String> =
        table.texts("give").unwrap_or_default().into_iter().filter_map(|one| named(Some(one))).collect();
    let tags: Vec<String> =
        table.texts("tags").unwrap_or_default().into_iter().filter_map(|one| named(Some(one))).collect();
    let spec = TableSpec { scale, offset, give };
    let broken = |key: &str, read: bool| table.has(key) && !read;
    let is_open = broken("scale", spec.scale.is_some())
        || broken("offset", spec.offset.is_some())
        || broken("give", !spec.give.is_empty())
        || broken("on", on.is_some());
    check(&mut table, &spec, &tags);
    table.finish(&[
        ("file", "write `table`"),
        ("path", "write `table`"),
        ("over", "write `on`"),
        ("key", "the column with names of devices: `device`"),
        ("by", "the column with names of devices: `device`"),
        ("id", "the column with names of devices: `device`"),
        ("factor", "write `scale`"),
        ("gain", "write `scale`"),
        ("columns", "write `give`"),
        ("tag", "write `tags`"),
    ]);
    let mut numbers: Vec<String> = Vec::new();
    let factors = [&spec.scale, &spec.offset].into_iter().filter_map(|factor| match factor {
        Some(Factor::Column(name)) => Some(name),
        _ => None,
    });
    for name in factors.chain(&spec.give) {
        if !numbers.contains(name) {
            numbers.push(name.clone());
        }
    }
    let file = path.map(|path| At { what: folder.join(&path.what), place: path.place });
    let wanted = Wanted { device, channel, numbers, tags };
    let join = TableJoin { name: section.name.clone(), on: Vec::new(), spec, is_open, file, wanted, columns };
    (join, on.unwrap_or_default())
}

/// `scale` or `offset`: the name of a column, or a number.
fn factor(
    table: &mut Table<'_, '_>,
    key: &'static str,
    named: &mut impl FnMut(Option<At<String>>) -> Option<String>,
) -> Option<Factor> {
    if table.is_number(key) {
        return table.number(key).map(|number| Factor::Plain(number.what));
    }
    if table.has(key) && !table.is_text(key) {
        if let Some(value) = table.get(key) {
            table.wrong(key, value, "the name of a column, or a number", "write \"a_column\", or a number such as 1.8");
        }
        return None;
    }
    named(table.text(key)).map(Factor::Column)
}

/// What does not go together.
fn check(table: &mut Table<'_, '_>, spec: &TableSpec, tags: &[String]) {
    let has = |table: &Table<'_, '_>, keys: &[&str]| keys.iter().any(|key| table.has(key));
    if !has(table, &["scale", "offset", "give", "tags"]) {
        let message = format!("`{}` takes nothing from its table", table.label);
        let hint = "columns of numbers that become channels: `give`; of the value: `scale`, `offset`; of text: `tags`";
        let place = table.place.clone();
        table.found.problem(&place, message, hint);
    } else if has(table, &["scale", "offset", "give"]) {
        table.need("on", "the channels whose readings it is joined to: on = [\"temperature\"]");
    } else {
        let hint = "leave it out: tags are of devices, whatever they measure";
        table.refuse("on", "has no meaning where there is only `tags`", hint);
    }
    let at = table.value_place("give").unwrap_or(table.place.clone());
    for name in &spec.give {
        if name == TableSpec::VALUE && spec.scales() {
            let message = format!("`{name}` is what the scaled value is called");
            table.found.problem(&at, message, "rename the column in the file");
        } else if !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            let message = format!("`{name}` cannot be a part of a channel's name");
            table.found.problem(&at, message, "rename the column in the file: letters, digits, `_` and `-`");
        }
    }
    let place = table.value_place("tags").unwrap_or(table.place.clone());
    for name in tags.iter().filter(|name| spec.give.contains(name)) {
        let message = format!("`{name}` is in `give`, too");
        table.found.problem(&place, message, "a column has numbers or texts: leave one of them out");
    }
}

impl TableJoin {
    /// Its node in the plan; one that only has tags needs none.
    pub(crate) fn operator(&self) -> Option<Operator> {
        let on: Vec<String> = self.on.iter().map(|input| input.name.clone()).collect();
        let works = !on.is_empty() && self.spec.words().next().is_some();
        works.then(|| Operator { name: self.name.what.clone(), on, work: Work::Table(self.spec.clone()) })
    }

    /// What is to be read of which file.
    pub(crate) fn config(&self) -> Option<TableConfig> {
        let path = self.file.as_ref()?.what.clone();
        Some(TableConfig { name: self.name.what.clone(), path, wanted: self.wanted.clone() })
    }

    /// The tags that it gives.
    pub(crate) fn tags(&self) -> &[String] {
        &self.wanted.tags
    }

    /// Whether it does something that is seen without anybody naming what it makes.
    pub(crate) fn is_heard(&self) -> bool {
        !self.wanted.tags.is_empty()
    }

    /// All that it makes of a channel.
    fn makes(&self, channel: &str) -> Vec<String> {
        self.spec.words().map(|word| format!("{}.{channel}.{word}", self.name.what)).collect()
    }

    /// What to say of a name that begins like what this makes and is nothing of it.
    pub(crate) fn has_no_result(&self, name: &str) -> (String, String) {
        let all: Vec<String> = self.on.iter().flat_map(|input| self.makes(&input.name)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let hint = format!("it makes: {}; a channel of that name stands in backticks", suggest::list(&all));
        (format!("`{name}` names nothing that `join.{}` makes", self.name.what), hint)
    }

    /// What to say if this does not make this of this channel.
    pub(crate) fn lacks(&self, channel: &str, word: &str) -> Option<(String, String)> {
        if self.is_open {
            return None;
        }
        let on: Vec<&str> = self.on.iter().map(|input| input.name.as_str()).collect();
        if !on.is_empty() && !on.contains(&channel) {
            let message = format!("`join.{}` is not on `{channel}`", self.name.what);
            let near = suggest::nearest(channel, &on).map(|near| format!("did you mean `{near}`?"));
            let way = format!("add it to `on`, or use one of: {}", suggest::list(&on));
            return Some((message, near.unwrap_or(way)));
        }
        let words: Vec<&str> = self.spec.words().collect();
        if words.contains(&word) {
            return None;
        }
        let message = format!("`join.{}` does not give `{word}`", self.name.what);
        let way = match (word == TableSpec::VALUE, suggest::nearest(word, &words)) {
            (true, _) => "that is the value, scaled: write `scale` or `offset`".to_owned(),
            (_, Some(near)) => format!("did you mean `{near}`?"),
            _ => format!("add it to `give`, or use one of: {}", suggest::list(&words)),
        };
        Some((message, way))
    }

    /// Reads the file, and notes what is wrong with it; gives how many rows it has.
    pub(crate) fn look(&self, found: &mut Findings) -> Option<usize> {
        let At { what: path, place } = self.file.as_ref()?;
        let bad = match table::read(path, &self.wanted) {
            Ok(table) if table.rows() == 0 => {
                found.advice(place, "this table has no rows", "nothing is joined until it has some");
                return Some(0);
            }
            Ok(table) => return Some(table.rows()),
            Err(bad) => bad,
        };
        let named = |column: &String| self.columns.iter().find(|at| at.what == *column).map(|at| &at.place);
        let at: &Place = bad.column.as_ref().and_then(named).unwrap_or(place);
        let hint = match &bad.column {
            Some(column) if column == DEVICE && named(column).is_none() => {
                "name the column with devices: device = \"…\""
            }
            _ => "",
        };
        found.problem(at, bad.fault.what, hint);
        None
    }
}
