//! `[window.NAME]`, and the names of what windows and filters make: `minute.temperature.mean`, `slim.temperature`.
//!
//! A name with dots is a result if its first part is a window or a filter, and must then be one that this one makes.
//! A name in backticks, and every other name, is a channel as the devices call it.

use super::filter::{self, Filter};
use super::give::{self, Entry};
use super::place::{Findings, Place};
use super::sections::{Kind, Section, Sections};
use super::shape::{self, Shaped};
use super::table::{self, TableJoin};
use super::tree::At;
use super::{condition, fit, group, late, suggest};
use ouzel_connect::encode::is_statistic;
use ouzel_engine::plan::{ChannelFacts, Keep, Per, Shape, Step, WhenLate, Work};
use ouzel_engine::time::Span;
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
    /// The number of the window or filter that makes it; `None`: it comes from a device.
    pub(crate) from: Option<usize>,
    /// Where it was named.
    pub(crate) place: Place,
}

/// What a name means.
#[derive(Debug, PartialEq)]
enum Named<'n> {
    /// A channel of readings.
    Channel(String),
    /// A result of the window with this number; the statistic is not checked yet.
    Result { window: usize, channel: String, statistic: &'n str },
    /// What the join with this number has for a channel; whether it gives this is not checked yet.
    Joined { table: usize, channel: String, word: &'n str },
    /// What the filter with this number keeps of a channel.
    Kept { filter: usize, channel: String },
    /// Begins like what this one makes, and is nothing of it.
    Broken { maker: usize },
}

/// All that makes channels of channels. Windows have the first numbers, filters those behind them, then joins with tables.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) list: Vec<Window>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) tables: Vec<TableJoin>,
}

/// One that makes channels of channels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker<'w> {
    Window(&'w Window),
    Filter(&'w Filter),
    Table(&'w TableJoin),
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
        let (filters, on): (Vec<Filter>, Vec<Vec<At<String>>>) =
            sections.of(Kind::Filter).map(|section| filter::read(section, found)).unzip();
        over.extend(on);
        let joins = table::sections(sections, found);
        let (tables, on): (Vec<TableJoin>, Vec<Vec<At<String>>>) =
            joins.map(|section| table::read(section, folder, found)).unzip();
        over.extend(on);
        let mut windows = Windows { list, filters, tables };
        windows.told_apart(found);
        // First all names in the form of the plan, then their meaning: a window may be over a later one.
        for (index, names) in over.iter().enumerate() {
            let inputs = names.iter().map(|name| windows.input(name)).collect();
            match (index.checked_sub(windows.list.len()), index.checked_sub(windows.list.len() + windows.filters.len()))
            {
                (_, Some(table)) => windows.tables[table].on = inputs,
                (Some(filter), None) => windows.filters[filter].on = inputs,
                (None, None) => windows.list[index].over = inputs,
            }
        }
        windows.entries(facts, &detectors(sections), found);
        for name in over.iter().flatten() {
            windows.resolve(name, found);
        }
        for index in 0..windows.list.len() {
            let other = windows.list[index].with.as_ref().and_then(|with| windows.resolve(with, found));
            windows.list[index].asks.extend(other);
        }
        condition::read_all(&mut windows, facts, text, found);
        windows.list.iter().for_each(|window| fit::check(window, found));
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

    /// What windows, filters and joins make must not begin alike.
    fn told_apart(&self, found: &mut Findings) {
        for maker in 0..self.count() {
            let name = self.name(maker);
            if let Some(other) = (0..maker).find(|&other| self.name(other).what == name.what) {
                let word = match self.maker(other) {
                    Maker::Window(_) => "window",
                    Maker::Filter(_) => "filter",
                    Maker::Table(_) => "join",
                };
                let message = format!("`{}` is a {word}, too: what they make would be called alike", name.what);
                found.problem(&name.place, message, "give one of them another name");
            }
        }
    }

    /// How many there are of all.
    pub(crate) fn count(&self) -> usize {
        self.list.len() + self.filters.len() + self.tables.len()
    }

    /// The one with this number.
    pub(crate) fn maker(&self, maker: usize) -> Maker<'_> {
        if let Some(window) = self.list.get(maker) {
            return Maker::Window(window);
        }
        let filter = maker - self.list.len();
        match self.filters.get(filter) {
            Some(filter) => Maker::Filter(filter),
            None => Maker::Table(&self.tables[filter - self.filters.len()]),
        }
    }

    /// The name of one.
    pub(crate) fn name(&self, maker: usize) -> &At<String> {
        match self.maker(maker) {
            Maker::Window(window) => &window.name,
            Maker::Filter(filter) => &filter.name,
            Maker::Table(table) => &table.name,
        }
    }

    /// What one works on.
    pub(crate) fn takes(&self, maker: usize) -> &[Input] {
        match self.maker(maker) {
            Maker::Window(window) => &window.over,
            Maker::Filter(filter) => &filter.on,
            Maker::Table(table) => &table.on,
        }
    }

    /// What the conditions of a window or filter ask for.
    pub(crate) fn asks(&self, maker: usize) -> &[Input] {
        match self.maker(maker) {
            Maker::Window(window) => &window.asks,
            Maker::Filter(filter) => &filter.asks,
            Maker::Table(_) => &[],
        }
    }

    /// Whether a channel comes behind its device's clock: what a swinging door keeps, what a session says, and what is made
    /// of that. (Circles are somebody else's problem.)
    pub(crate) fn is_behind(&self, input: &Input, depth: usize) -> bool {
        let Some(maker) = input.from.filter(|_| depth < self.count()) else { return false };
        let own = match self.maker(maker) {
            Maker::Window(window) => matches!(window.shape.as_ref().map(|shape| &shape.what), Some(Shape::Session(_))),
            Maker::Filter(filter) => {
                matches!(&filter.work, Some(Work::Compress(spec)) if matches!(spec.by, Keep::SwingingDoor { .. }))
            }
            Maker::Table(_) => false,
        };
        own || self.takes(maker).iter().any(|input| self.is_behind(input, depth + 1))
    }

    /// Whether a channel is a result of a window, or made of one.
    pub(crate) fn is_of_a_window(&self, input: &Input, depth: usize) -> bool {
        let Some(maker) = input.from.filter(|_| depth < self.count()) else { return false };
        maker < self.list.len() || self.takes(maker).iter().any(|input| self.is_of_a_window(input, depth + 1))
    }

    /// Expected time between what a window or filter makes, if it can be told of it alone.
    pub(crate) fn every(&self, maker: usize) -> Option<Span> {
        const HOUR: i64 = 3_600;
        match self.maker(maker) {
            Maker::Window(window) => match window.shape.as_ref()?.what {
                Shape::Time { every, .. } => Some(every),
                Shape::Sliding { every, .. } => Some(every).filter(|every| *every > Span::ZERO),
                Shape::Calendar { step, .. } => Some(Span::from_secs(match step {
                    Step::Hours(hours) => i64::from(hours) * HOUR,
                    Step::Day => 24 * HOUR,
                    Step::Week => 7 * 24 * HOUR,
                    Step::Month => 31 * 24 * HOUR,
                    Step::Year => 366 * 24 * HOUR,
                })),
                Shape::Count { .. } | Shape::Session(_) => None,
            },
            Maker::Table(_) => None,
            Maker::Filter(filter) => match filter.work.as_ref()? {
                Work::Compress(spec) => match spec.by {
                    Keep::Every(span) => Some(span),
                    _ => None,
                },
                _ => None,
            },
        }
    }

    /// A name in the form of the plan, without backticks; not checked.
    fn input(&self, name: &At<String>) -> Input {
        let (plain, from) = match self.meaning(&name.what) {
            Named::Channel(channel) => (channel, None),
            Named::Broken { maker } => (name.what.clone(), Some(maker)),
            Named::Result { window, channel, statistic } => {
                (format!("{}.{channel}.{statistic}", self.list[window].name.what), Some(window))
            }
            Named::Kept { filter, channel } => {
                (format!("{}.{channel}", self.filters[filter].name.what), Some(self.list.len() + filter))
            }
            Named::Joined { table, channel, word } => {
                let name = format!("{}.{channel}.{word}", self.tables[table].name.what);
                (name, Some(self.list.len() + self.filters.len() + table))
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
            Named::Broken { maker } => match self.maker(maker) {
                Maker::Window(window) => window.has_no_result(&name.what),
                Maker::Filter(filter) => filter.lacks(""),
                Maker::Table(table) => table.has_no_result(&name.what),
            },
            Named::Joined { table, channel, word } => match self.tables[table].lacks(&channel, word) {
                None => return Ok(self.input(name)),
                Some(lack) => lack,
            },
            Named::Result { window, channel, statistic } => match self.list[window].lacks(&channel, statistic) {
                None => return Ok(self.input(name)),
                Some(lack) => lack,
            },
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
        if let Some(window) = self.list.iter().position(|window| window.name.what == first) {
            return match rest.rsplit_once('.') {
                Some((channel, statistic)) if !channel.is_empty() => {
                    let channel = unquoted(channel).unwrap_or(channel).to_owned();
                    Named::Result { window, channel, statistic }
                }
                _ => Named::Broken { maker: window },
            };
        }
        if let Some(table) = self.tables.iter().position(|table| table.name.what == first) {
            return match rest.rsplit_once('.') {
                Some((channel, word)) if !channel.is_empty() => {
                    let channel = unquoted(channel).unwrap_or(channel).to_owned();
                    Named::Joined { table, channel, word }
                }
                _ => Named::Broken { maker: self.list.len() + self.filters.len() + table },
            };
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
            let message =
                format!("`window.{}` is of several devices, and nothing can take its results yet", self.name.what);
            return Some((
                message,
                "they go to sinks, the lake and the page; for one device leave `per` out".to_owned(),
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
        let simple = channel.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
        let quote = if simple { "" } else { "`" };
        format!("{}.{quote}{channel}{quote}.{statistic}", self.name.what)
    }
}

/// What each detector is on, as it was written; what is wrong with it is said when detectors are read.
fn detectors(sections: &Sections<'_>) -> Vec<(String, Vec<At<String>>)> {
    let on = |section: &Section<'_>| section.table(&mut Findings::default()).texts("on").unwrap_or_default();
    sections.of(Kind::Detector).map(|section| (section.name.what.clone(), on(section))).collect()
}

fn near_or(word: &str, known: &[&str], otherwise: String) -> String {
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
        Windows { list: vec![minute], filters: vec![slim], tables: Vec::new() }
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
