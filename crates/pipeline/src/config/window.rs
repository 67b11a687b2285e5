//! `[window.NAME]`, and the names of what windows and filters make: `minute.temperature.mean`, `slim.temperature`.
//!
//! A name with dots is a result if its first part is a window or a filter, and must then be one that this one makes.
//! A name in backticks, and every other name, is a channel as the devices call it.

use super::filter::{self, Filter};
use super::memory::panes;
use super::place::{Findings, Place};
use super::sections::{Kind, Section, Sections};
use super::suggest;
use super::tree::At;
use ouzel_engine::plan::{Given, Keep, Per, Shape, Statistic, WhenLate, WindowSpec};
use ouzel_engine::time::Span;

/// The most pieces that a hopping window may have: 64 MB a series.
const PANES_MAX: u64 = 1_000_000;

/// A window as it was read. What could not be read is left open, so that one mistake is one problem.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) name: At<String>,
    /// The channels; empty if they could not be read.
    pub(crate) over: Vec<Input>,
    pub(crate) give: Vec<Given>,
    pub(crate) size: Option<At<Span>>,
    pub(crate) every: Option<At<Span>>,
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
    /// What the filter with this number keeps of a channel.
    Kept { filter: usize, channel: String },
    /// Begins like what this window or filter makes, and is nothing of it.
    Broken { maker: usize },
}

/// All that makes channels of channels. Windows have the first numbers, filters those behind them.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) list: Vec<Window>,
    pub(crate) filters: Vec<Filter>,
}

impl Windows {
    /// Reads all sections of these kinds, then looks up what they are over.
    pub(crate) fn read(sections: &Sections<'_>, found: &mut Findings) -> Windows {
        let (list, mut over): (Vec<Window>, Vec<Vec<At<String>>>) =
            sections.of(Kind::Window).map(|section| read(section, found)).unzip();
        let (filters, on): (Vec<Filter>, Vec<Vec<At<String>>>) =
            sections.of(Kind::Filter).map(|section| filter::read(section, found)).unzip();
        over.extend(on);
        let mut windows = Windows { list, filters };
        windows.told_apart(found);
        // First all names in the form of the plan, then their meaning: a window may be over a later one.
        for (index, names) in over.iter().enumerate() {
            let inputs = names.iter().map(|name| windows.input(name)).collect();
            match index.checked_sub(windows.list.len()) {
                None => windows.list[index].over = inputs,
                Some(filter) => windows.filters[filter].on = inputs,
            }
        }
        for name in over.iter().flatten() {
            windows.resolve(name, found);
        }
        windows
    }

    /// What a window and a filter make must not begin alike.
    fn told_apart(&self, found: &mut Findings) {
        for filter in &self.filters {
            if self.list.iter().any(|window| window.name.what == filter.name.what) {
                let message = format!("`{}` is a window, too: what they make would be called alike", filter.name.what);
                found.problem(&filter.name.place, message, "give one of them another name");
            }
        }
    }

    /// How many there are of both.
    pub(crate) fn count(&self) -> usize {
        self.list.len() + self.filters.len()
    }

    /// The name of a window or filter.
    pub(crate) fn name(&self, maker: usize) -> &At<String> {
        self.list.get(maker).map_or_else(|| &self.filters[maker - self.list.len()].name, |window| &window.name)
    }

    /// What a window or filter takes.
    pub(crate) fn takes(&self, maker: usize) -> &[Input] {
        self.list.get(maker).map_or_else(|| &self.filters[maker - self.list.len()].on, |window| &window.over)
    }

    /// Expected time between what a window or filter makes, if it can be told.
    pub(crate) fn every(&self, maker: usize) -> Option<Span> {
        match self.list.get(maker) {
            Some(window) => match window.spec()?.shape {
                Shape::Time { every, .. } => Some(every),
                _ => None,
            },
            None => match self.filters[maker - self.list.len()].spec?.by {
                Keep::Every(span) => Some(span),
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
        };
        Input { name: plain, from, place: name.place.clone() }
    }

    /// What a name means in the plan; if it means nothing, that is noted.
    pub(crate) fn resolve(&self, name: &At<String>, found: &mut Findings) -> Option<Input> {
        let (message, hint) = match self.meaning(&name.what) {
            Named::Channel(channel) if channel.is_empty() => {
                ("this name is empty".to_owned(), "write the name of a channel".to_owned())
            }
            Named::Channel(_) => return Some(self.input(name)),
            Named::Broken { maker } => match self.list.get(maker) {
                Some(window) => window.has_no_result(&name.what),
                None => self.filters[maker - self.list.len()].lacks(""),
            },
            Named::Result { window, channel, statistic } => match self.list[window].lacks(&channel, statistic) {
                None => return Some(self.input(name)),
                Some(lack) => lack,
            },
            Named::Kept { filter, channel } => match &self.filters[filter].on {
                on if on.is_empty() || on.iter().any(|input| input.name == channel) => return Some(self.input(name)),
                _ => self.filters[filter].lacks(&channel),
            },
        };
        found.problem(&name.place, message, hint);
        None
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
    /// What the plan needs, if all of it could be read.
    pub(crate) fn spec(&self) -> Option<WindowSpec> {
        let size = self.size.as_ref()?.what;
        let every = self.every.as_ref().map_or(size, |every| every.what);
        let (per, when_late) = (Per::Device, WhenLate::Aside);
        let shape = Shape::Time { size, every };
        Some(WindowSpec { shape, give: self.give.clone(), min: 1, per, when_late, counts: Vec::new() })
    }

    /// What to say of a name that begins like a result of this window and is none.
    fn has_no_result(&self, name: &str) -> (String, String) {
        let of = |over: &Input| self.give.iter().map(|s| self.result(&over.name, &s.name)).collect::<Vec<_>>();
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
        let given: Vec<&str> = self.give.iter().map(|s| s.name.as_str()).collect();
        if given.contains(&statistic) {
            return None;
        }
        let message = format!("`window.{}` does not give `{statistic}`", self.name.what);
        let way = match Statistic::NAMED.iter().any(|named| named.0 == statistic) {
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

fn read(section: &Section<'_>, found: &mut Findings) -> (Window, Vec<At<String>>) {
    let mut table = section.table(found);
    let over = table.texts("over").unwrap_or_default();
    table.need("over", "the channels it sums up: over = [\"temperature\"]");
    table.choice("per", &[("device", ())]);
    let size = table.length("size");
    table.need("size", "how long it is: size = \"1m\"");
    let mut every = table.length("every");
    let give = table.choices("give", &Statistic::NAMED);
    if let (Some(size), Some(step)) = (&size, &every)
        && step.what > size.what
    {
        let gap = Span(step.what.0 - size.what.0);
        let message = format!("`every` is longer than `size`: {gap} of each {} would be in no window", step.what);
        table.found.problem(&step.place, message, format!("write \"{}\" or less", size.what));
        every = None;
    }
    if let (Some(size), Some(step)) = (&size, &every)
        && panes(size.what, step.what) > PANES_MAX
    {
        let message = format!("a window would be put together from {} pieces", panes(size.what, step.what));
        table.found.problem(&step.place, message, format!("write a longer `every` that divides {}", size.what));
        every = None;
    }
    table.finish(&[
        ("gap", "windows that end with a pause come in a later version"),
        ("count", "windows of a number of readings come in a later version; as a statistic, write it into `give`"),
        ("on", "write `over`"),
    ]);
    let give = give.unwrap_or_else(|| Statistic::USUAL.to_vec());
    let give = give.into_iter().map(|what| Given { name: what.name(), what }).collect();
    (Window { name: section.name.clone(), over: Vec::new(), give, size, every }, over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Windows {
        let at = |what: &str| At { what: what.to_owned(), place: 0..0 };
        let names = ["temperature", "Volume Flow RateRMS", "a.b"];
        let over = names.map(|name| Input { name: name.to_owned(), from: None, place: 0..0 }).to_vec();
        let slim = Filter { name: at("slim"), on: over.clone(), spec: None };
        let usual = Statistic::USUAL.map(|what| Given { name: what.name(), what }).to_vec();
        let minute = Window { name: at("minute"), over, give: usual, size: None, every: None };
        Windows { list: vec![minute], filters: vec![slim] }
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
