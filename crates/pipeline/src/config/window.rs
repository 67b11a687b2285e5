//! `[window.NAME]`, and the names of what windows, filters and features make: `minute.temperature.mean`, `slim.temperature`,
//! `load.value`.
//!
//! A name with dots is a result if its first part is one of these, and must then be one that this one makes.
//! A name in backticks, and every other name, is a channel as the devices call it.

use super::feature::{self, Feature};
use super::filter::{self, Filter};
use super::formula::{self, Formula};
use super::give::{self, Entry};
use super::maker::Maker;
use super::meet::{self, Meet};
use super::place::{Findings, Place};
use super::sections::{Kind, Section, Sections};
use super::shape::{self, Shaped};
use super::table::{self, TableJoin};
use super::tree::At;
use super::{condition, fit, group, late, signal, suggest};
use ouzel_connect::encode::is_statistic;
use ouzel_engine::plan::{ChannelFacts, FORMULA_RESULT, Per, WhenLate};
use std::path::Path;

/// A window as it was read. What could not be read is left open, so that one mistake is one problem.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) name: At<String>,
    /// The channels; empty if they could not be read.
    pub(crate) over: Vec<Input>,
    /// What it gives; empty if that could not be read.
    pub(crate) give: Vec<Entry>,
    pub(crate) shape: Option<Shaped>,
    /// The channels that conditions of a session ask for, and the one of `with`.
    pub(crate) asks: Vec<Input>,
    /// The other channel of pairs.
    pub(crate) with: Option<At<String>>,
    pub(crate) min: u64,
    pub(crate) per: At<Per>,
    pub(crate) when_late: At<WhenLate>,
}

/// A channel that an operator takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Input {
    /// Its name in the plan.
    pub(crate) name: String,
    /// The number of what makes it; `None`: it comes from a device.
    pub(crate) from: Option<usize>,
    /// Where it was named.
    pub(crate) place: Place,
}

/// What a name means.
#[derive(Debug, PartialEq)]
enum Named<'n> {
    /// A channel of readings.
    Channel(String),
    /// A result of the window, feature or join with this number; the statistic is not checked yet.
    Result { maker: usize, channel: String, statistic: &'n str },
    /// What the filter with this number keeps of a channel.
    Kept { filter: usize, channel: String },
    /// The value of the formula with this number.
    Worked { formula: usize },
    /// Begins like what this window, filter or feature makes, and is nothing of it.
    Broken { maker: usize },
}

/// All that makes channels of channels; how they are numbered is in `maker.rs`.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) list: Vec<Window>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) features: Vec<Feature>,
    pub(crate) formulas: Vec<Formula>,
    pub(crate) tables: Vec<TableJoin>,
    pub(crate) meets: Vec<Meet>,
}

impl Windows {
    /// Reads all sections of these kinds, then looks up what they are over.
    pub(crate) fn read(
        sections: &Sections<'_>,
        facts: &[ChannelFacts],
        groups: &[group::Group],
        (text, folder): (&str, &Path),
        found: &mut Findings,
    ) -> Windows {
        let (list, mut over): (Vec<Window>, Vec<Vec<At<String>>>) =
            sections.of(Kind::Window).map(|section| read(section, groups, found)).unzip();
        let mut windows = Windows { list, ..Windows::default() };
        for section in sections.of(Kind::Filter) {
            let (filter, on) = filter::read(section, found);
            windows.filters.push(filter);
            over.push(on);
        }
        let is_of_groups = |section: &&Section<'_>| section.has("per");
        let (formulas, features): (Vec<&Section<'_>>, Vec<_>) =
            sections.of(Kind::Feature).partition(|section| formula::is_one(section));
        let (of_groups, features): (Vec<&Section<'_>>, Vec<_>) = features.into_iter().partition(is_of_groups);
        for section in features {
            let (feature, on) = feature::read(section, found);
            windows.features.push(feature);
            over.push(on);
        }
        for section in formulas {
            windows.formulas.push(formula::read(section, found));
            over.push(Vec::new());
        }
        let (of_tables, of_streams): (Vec<&Section<'_>>, Vec<_>) =
            sections.of(Kind::Join).partition(|section| table::is_one(section));
        for section in of_tables {
            let (table, on) = table::read(section, folder, found);
            windows.tables.push(table);
            over.push(on);
        }
        let of_groups = of_groups.into_iter().map(|section| meet::among(section, groups, found)).collect::<Vec<_>>();
        let of_streams = of_streams.into_iter().map(|section| meet::join(section, groups, found));
        for (meet, on) in of_groups.into_iter().chain(of_streams) {
            windows.meets.push(meet);
            over.push(on);
        }
        windows.told_apart(found);
        // First all names in the form of the plan, then their meaning: a window may be over a later one.
        for (number, names) in over.iter().enumerate() {
            let inputs = names.iter().map(|name| windows.input(name)).collect();
            windows.set_takes(number, inputs);
        }
        windows.entries(facts, &detectors(sections), found);
        signal::settle(&mut windows.features, facts, found);
        for name in over.iter().flatten() {
            windows.resolve(name, found);
        }
        for index in 0..windows.list.len() {
            let other = windows.list[index].with.as_ref().and_then(|with| windows.resolve(with, found));
            windows.list[index].asks.extend(other);
        }
        for index in 0..windows.meets.len() {
            let other = windows.meets[index].with.as_ref().and_then(|with| windows.resolve(with, found));
            windows.meets[index].asks.extend(other);
        }
        condition::read_all(&mut windows, facts, text, found);
        windows.list.iter().for_each(|window| fit::check(window, found));
        windows.meets.iter().for_each(|meet| meet.check(facts, found));
        meet::nested(&windows.meets, found);
        (0..windows.count()).for_each(|maker| fit::meet(&windows, maker, found));
        windows
    }

    /// Which of the channels each entry of a `give` is for, now that all names have their meaning.
    fn entries(&mut self, facts: &[ChannelFacts], detectors: &[(String, Vec<At<String>>)], found: &mut Findings) {
        let on = |names: &[At<String>]| names.iter().map(|name| self.input(name).name).collect::<Vec<String>>();
        let detectors: Vec<(String, Vec<String>)> =
            detectors.iter().map(|(name, names)| (name.clone(), on(names))).collect();
        let named: Vec<Vec<Option<Input>>> = self
            .list
            .iter()
            .map(|window| window.give.iter().map(|entry| entry.named.as_ref().map(|name| self.input(name))).collect())
            .collect();
        for (window, named) in self.list.iter_mut().zip(named) {
            give::settle(&mut window.give, &named, &window.over, facts, &detectors, found);
        }
    }

    /// What two of them make must not begin alike.
    fn told_apart(&self, found: &mut Findings) {
        for number in 0..self.count() {
            let name = self.name(number);
            let earlier = (0..number).find(|&other| self.name(other).what == name.what);
            if let Some(other) = earlier.map(|other| self.maker(other).word()) {
                let message = format!("`{}` is a {other}, too: what they make would be called alike", name.what);
                found.problem(&name.place, message, "give one of them another name");
            }
        }
    }

    /// Whether somebody takes this channel as devices send it.
    pub(crate) fn measures(&self, channel: &str) -> bool {
        let inputs = (0..self.count()).flat_map(|maker| self.takes(maker).iter().chain(self.asks(maker)));
        inputs.into_iter().any(|input| input.from.is_none() && input.name == channel)
    }

    /// A name in the form of the plan, without backticks; not checked.
    fn input(&self, name: &At<String>) -> Input {
        let (plain, from) = match self.meaning(&name.what) {
            Named::Channel(channel) => (channel, None),
            Named::Broken { maker } => (name.what.clone(), Some(maker)),
            Named::Result { maker, channel, statistic } => {
                (format!("{}.{channel}.{statistic}", self.name(maker).what), Some(maker))
            }
            Named::Kept { filter, channel } => {
                (format!("{}.{channel}", self.filters[filter].name.what), Some(self.list.len() + filter))
            }
            Named::Worked { formula } => {
                let maker = self.formula_numbers().start + formula;
                (format!("{}.{FORMULA_RESULT}", self.name(maker).what), Some(maker))
            }
        };
        Input { name: plain, from, place: name.place.clone() }
    }

    /// What a name means in the plan; if it means nothing, that is noted.
    pub(crate) fn resolve(&self, name: &At<String>, found: &mut Findings) -> Option<Input> {
        match self.look_up(name) {
            Ok(input) => Some(input),
            Err((message, hint)) => {
                found.problem(&name.place, message, hint);
                None
            }
        }
    }

    /// What a name means in the plan; or what is wrong with it, and a way out.
    pub(crate) fn look_up(&self, name: &At<String>) -> Result<Input, (String, String)> {
        Err(match self.meaning(&name.what) {
            Named::Channel(channel) if channel.is_empty() => {
                ("this name is empty".to_owned(), "write the name of a channel".to_owned())
            }
            Named::Channel(_) => return Ok(self.input(name)),
            Named::Worked { .. } => return Ok(self.input(name)),
            Named::Broken { maker } => match self.maker(maker) {
                Maker::Window(window) => window.has_no_result(&name.what),
                Maker::Filter(filter) => filter.lacks(""),
                Maker::Formula(formula) => formula.has_no_result(&name.what),
                Maker::Table(table) => table.has_no_result(&name.what),
                Maker::Feature(feature) => feature.results().has_none(&name.what),
                Maker::Meet(meet) => meet.results().has_none(&name.what),
            },
            Named::Result { maker, channel, statistic } => {
                let lack = match self.maker(maker) {
                    Maker::Feature(feature) => feature.results().lack(&channel, statistic),
                    Maker::Table(table) => table.lacks(&channel, statistic),
                    Maker::Meet(meet) => meet.results().lack(&channel, statistic),
                    _ => self.list[maker].lacks(&channel, statistic),
                };
                match lack {
                    None => return Ok(self.input(name)),
                    Some(lack) => lack,
                }
            }
            Named::Kept { filter, channel } => match &self.filters[filter].on {
                on if on.is_empty() || on.iter().any(|input| input.name == channel) => {
                    return Ok(self.input(name));
                }
                _ => self.filters[filter].lacks(&channel),
            },
        })
    }

    fn meaning<'n>(&self, name: &'n str) -> Named<'n> {
        if let Some(literal) = unquoted(name) {
            return Named::Channel(literal.to_owned());
        }
        let Some((first, rest)) = name.split_once('.') else { return Named::Channel(name.to_owned()) };
        let gives_words = |number: &usize| !matches!(self.maker(*number), Maker::Filter(_) | Maker::Formula(_));
        let mut named = (0..self.count()).filter(|number| self.name(*number).what == first);
        if let Some(maker) = named.find(gives_words) {
            return match rest.rsplit_once('.') {
                Some((channel, statistic)) if !channel.is_empty() => {
                    let channel = unquoted(channel).unwrap_or(channel).to_owned();
                    Named::Result { maker, channel, statistic }
                }
                _ => Named::Broken { maker },
            };
        }
        if let Some(formula) = self.formulas.iter().position(|formula| formula.name.what == first) {
            let maker = self.formula_numbers().start + formula;
            return if rest == FORMULA_RESULT { Named::Worked { formula } } else { Named::Broken { maker } };
        }
        match self.filters.iter().position(|filter| filter.name.what == first) {
            Some(filter) if rest.is_empty() => Named::Broken { maker: self.list.len() + filter },
            Some(filter) => Named::Kept { filter, channel: unquoted(rest).unwrap_or(rest).to_owned() },
            None => Named::Channel(name.to_owned()),
        }
    }
}

impl Filter {
    /// What to say of a channel that this filter does not take.
    fn lacks(&self, channel: &str) -> (String, String) {
        let on: Vec<&str> = self.on.iter().map(|on| on.name.as_str()).collect();
        let makes: Vec<String> = on.iter().map(|channel| format!("{}.{channel}", self.name.what)).collect();
        let makes: Vec<&str> = makes.iter().map(String::as_str).collect();
        let message = match channel {
            "" => format!("`{}.` names no channel", self.name.what),
            _ => format!("`filter.{}` is not on `{channel}`", self.name.what),
        };
        (message, near_or(channel, &on, format!("it makes: {}", suggest::list(&makes))))
    }
}

impl Window {
    /// What to say of a name that begins like a result of this window and is none.
    fn has_no_result(&self, name: &str) -> (String, String) {
        let of = |over: &Input| {
            let entries = self.give.iter().filter(|entry| entry.is_of(&over.name));
            entries.map(|entry| self.result(&over.name, &entry.word)).collect::<Vec<_>>()
        };
        let all: Vec<String> = self.over.iter().flat_map(of).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let hint = format!("its results: {}; a channel of that name stands in backticks", suggest::list(&all));
        (format!("`{name}` names no result of `window.{}`", self.name.what), hint)
    }

    /// What to say if this window does not give this statistic of this channel.
    fn lacks(&self, channel: &str, statistic: &str) -> Option<(String, String)> {
        let over: Vec<&str> = self.over.iter().map(|over| over.name.as_str()).collect();
        if !over.is_empty() && !over.contains(&channel) {
            let message = format!("`window.{}` is not over `{channel}`", self.name.what);
            let way = format!("add it to `over`, or use one of: {}", suggest::list(&over));
            return Some((message, near_or(channel, &over, way)));
        }
        if self.per.what != Per::Device {
            let message = format!("`window.{}` is of several devices, and its results are no channel", self.name.what);
            return Some((
                message,
                "they go to sinks, the lake and the page; a `[feature.NAME]` with `per` says what a group does, as a channel".to_owned(),
            ));
        }
        let given: Vec<&str> =
            self.give.iter().filter(|entry| entry.is_of(channel)).map(|entry| entry.word.as_str()).collect();
        if self.give.is_empty() || given.contains(&statistic) {
            return None;
        }
        let message = format!("`window.{}` does not give `{statistic}`", self.name.what);
        let way = match is_statistic(statistic) {
            true => format!("add it to `give`, or use one of: {}", suggest::list(&given)),
            false => format!("it gives: {}", suggest::list(&given)),
        };
        Some((message, near_or(statistic, &given, way)))
    }

    fn result(&self, channel: &str, statistic: &str) -> String {
        written(&self.name.what, channel, statistic)
    }
}

/// A result as a config names it.
pub(crate) fn written(section: &str, channel: &str, statistic: &str) -> String {
    let simple = channel.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    let quote = if simple { "" } else { "`" };
    format!("{section}.{quote}{channel}{quote}.{statistic}")
}

/// What each detector is on, as it was written; what is wrong with it is said when detectors are read.
fn detectors(sections: &Sections<'_>) -> Vec<(String, Vec<At<String>>)> {
    let on = |section: &Section<'_>| section.table(&mut Findings::default()).texts("on").unwrap_or_default();
    sections.of(Kind::Detector).map(|section| (section.name.what.clone(), on(section))).collect()
}

pub(crate) fn near_or(word: &str, known: &[&str], otherwise: String) -> String {
    match suggest::nearest(word, known) {
        Some(near) => format!("did you mean `{near}`? {otherwise}"),
        None => otherwise,
    }
}

/// The inside of a name that stands in backticks.
fn unquoted(name: &str) -> Option<&str> {
    name.strip_prefix('`')?.strip_suffix('`').filter(|inside| !inside.contains('`'))
}

fn read(section: &Section<'_>, groups: &[group::Group], found: &mut Findings) -> (Window, Vec<At<String>>) {
    let mut table = section.table(found);
    let over = table.texts("over").unwrap_or_default();
    table.need("over", "the channels it sums up: over = [\"temperature\"]");
    let per = group::per(&mut table, groups);
    let shape = shape::read(&mut table);
    let with = table.text("with");
    let min = table.whole("min", 1, u64::from(u32::MAX)).map_or(1, |min| min.what);
    let when_late = late::read(&mut table);
    let give = give::read(&mut table);
    table.finish(&[
        ("on", "write `over`"),
        ("for", "write `size`"),
        ("length", "write `size`"),
        ("slide", "write `every`"),
        ("step", "write `every`"),
        ("group", "write `per`"),
        ("late", "`late` stands in the source; what becomes of late readings here: `when_late`"),
        ("max", "the longest session: `longest`"),
        ("when", "conditions belong to sessions: `gap` with `start` and `active`; or to a [filter.NAME]"),
    ]);
    let window = Window {
        name: section.name.clone(),
        over: Vec::new(),
        give,
        shape,
        asks: Vec::new(),
        with,
        min,
        per,
        when_late,
    };
    (window, over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Windows {
        let at = |what: &str| At { what: what.to_owned(), place: 0..0 };
        let names = ["temperature", "Volume Flow RateRMS", "a.b"];
        let over = names.map(|name| Input { name: name.to_owned(), from: None, place: 0..0 }).to_vec();
        let slim = Filter::open(at("slim"), over.clone());
        let load = Formula::open(at("load"), None);
        let minute = Window {
            name: at("minute"),
            over,
            give: give::usual(),
            shape: None,
            asks: Vec::new(),
            with: None,
            min: 1,
            per: At { what: Per::Device, place: 0..0 },
            when_late: At { what: WhenLate::Aside, place: 0..0 },
        };
        Windows { list: vec![minute], filters: vec![slim], formulas: vec![load], ..Windows::default() }
    }

    #[test]
    fn names_are_channels_or_results_of_windows() {
        for (name, meant) in [
            ("temperature", Some("temperature")),
            ("Volume Flow RateRMS", Some("Volume Flow RateRMS")),
            ("`Volume Flow RateRMS`", Some("Volume Flow RateRMS")),
            ("engine.temperature", Some("engine.temperature")),
            ("minute.temperature.mean", Some("minute.temperature.mean")),
            ("minute.`Volume Flow RateRMS`.max", Some("minute.Volume Flow RateRMS.max")),
            ("minute.a.b.std", Some("minute.a.b.std")),
            ("`minute.temperature`", Some("minute.temperature")),
            ("slim.temperature", Some("slim.temperature")),
            ("slim.`Volume Flow RateRMS`", Some("slim.Volume Flow RateRMS")),
            ("slim.a.b", Some("slim.a.b")),
            ("load.value", Some("load.value")),
            ("load.mean", None),
            ("load.", None),
            ("`load.mean`", Some("load.mean")),
            ("slim.pressure", None),
            ("slim.", None),
            ("minute.temperature", None),
            ("minute.mean", None),
            ("minute.pressure.mean", None),
            ("minute.temperature.p95", None),
            ("minute.", None),
            ("``", None),
        ] {
            let mut found = Findings::default();
            let got = windows().resolve(&At { what: name.into(), place: 0..0 }, &mut found);
            assert_eq!(got.as_ref().map(|input| input.name.as_str()), meant, "{name}");
            assert_eq!(found.clean(), meant.is_some(), "{name}");
        }
    }
}
