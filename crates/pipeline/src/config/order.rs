//! Puts operators into an order in which each takes only what those before it give.
//!
//! Level 0 works on readings, level 1 on results of level 0, and so on; within a level the order is that of the file.
//! Results are what is named in `over` and `on`, what conditions ask for, and anomalies that a window counts. A filter that
//! drops readings stands before all others that take its channels, unless it needs them itself.

use super::detector::Detector;
use super::formula::Formula;
use super::give;
use super::maker::Maker;
use super::place::{Findings, Place};
use super::tree::At;
use super::window::{Input, Window, Windows};
use ouzel_engine::plan::{ChannelFacts, Given, Operator, WindowSpec, Work};

/// What they need of each other. Windows have the first numbers, then filters, features, formulas, tables, what meets, and detectors.
struct Graph<'g> {
    windows: &'g Windows,
    detectors: &'g [Detector],
    needs: Vec<Vec<Need<'g>>>,
}

/// That one thing needs another.
#[derive(Clone)]
struct Need<'g> {
    /// The number of the other.
    on: usize,
    /// How people say it: `is over`.
    verb: &'static str,
    place: &'g Place,
}

/// All operators of the config. Sections that need their own results are a problem.
pub(crate) fn operators(
    windows: &Windows,
    detectors: &[Detector],
    facts: &[ChannelFacts],
    found: &mut Findings,
) -> Vec<Operator> {
    let graph = Graph::new(windows, detectors, found);
    let levels = graph.levels(found);
    let mut all: Vec<(usize, usize, Vec<Operator>)> = Vec::new();
    for (index, level) in levels.into_iter().enumerate() {
        let operators = match index.checked_sub(windows.count()) {
            Some(detector) => detectors[detector].operators.clone(),
            None => match windows.maker(index) {
                Maker::Window(window) => of_window(window, facts, detectors),
                Maker::Filter(filter) => of_series(&filter.name, &filter.on, filter.work.clone()),
                Maker::Feature(feature) => {
                    of_series(&feature.name, &feature.on, feature.spec.clone().map(Work::Feature))
                }
                Maker::Formula(formula) => of_formula(formula),
                Maker::Table(table) => table.operator().into_iter().collect(),
                Maker::Meet(meet) => meet.operators(facts),
            },
        };
        all.push((level, graph.name(index).place.start, operators));
    }
    all.sort_by_key(|(level, place, _)| (*level, *place));
    all.into_iter().flat_map(|(_, _, operators)| operators).collect()
}

/// What a window gives of a channel, and the detectors that it counts.
type Gives = (Vec<Given>, Vec<String>);

/// A window is an operator for each list of statistics that some of its channels get: `give` may name channels.
fn of_window(window: &Window, facts: &[ChannelFacts], detectors: &[Detector]) -> Vec<Operator> {
    let Some(shape) = &window.shape else { return Vec::new() };
    let mut groups: Vec<(Gives, Vec<String>)> = Vec::new();
    for input in &window.over {
        let of = give::of_channel(&window.give, &input.name, facts, detectors);
        match groups.iter_mut().find(|(known, _)| *known == of) {
            Some((_, on)) => on.push(input.name.clone()),
            None => groups.push((of, vec![input.name.clone()])),
        }
    }
    let operator = |((give, counts), on)| {
        let (per, when_late) = (window.per.what.clone(), window.when_late.what);
        // Its first, because a session with conditions has none.
        let with = window.with.as_ref().and(window.asks.first()).map(|other| other.name.clone());
        let spec = WindowSpec { shape: shape.what.clone(), give, min: window.min, per, when_late, with, counts };
        Operator { name: window.name.what.clone(), on, work: Work::Window(spec) }
    };
    groups.into_iter().map(operator).collect()
}

fn of_series(name: &At<String>, on: &[Input], work: Option<Work>) -> Vec<Operator> {
    let on = on.iter().map(|input| input.name.clone()).collect();
    work.map(|work| Operator { name: name.what.clone(), on, work }).into_iter().collect()
}

fn of_formula(formula: &Formula) -> Vec<Operator> {
    let of = |work: Work, on: &[String]| Operator { name: formula.name.what.clone(), on: on.to_vec(), work };
    formula.work.iter().map(|work| of(Work::Formula(work.clone()), work.channels())).collect()
}

impl<'g> Graph<'g> {
    fn new(windows: &'g Windows, detectors: &'g [Detector], found: &mut Findings) -> Graph<'g> {
        let made = |inputs: &'g [Input], verb| {
            let one = move |input: &'g Input| Some(Need { on: input.from?, verb, place: &input.place });
            inputs.iter().filter_map(one)
        };
        let mut needs: Vec<Vec<Need<'g>>> = Vec::new();
        for maker in 0..windows.count() {
            let mut own: Vec<Need<'g>> = made(windows.takes(maker), "is over").collect();
            own.extend(made(windows.asks(maker), "asks for"));
            if let Some(window) = windows.list.get(maker) {
                let counted = give::counted(&window.give, &window.over, detectors, found);
                let need = |(detector, place)| Need { on: windows.count() + detector, verb: "counts", place };
                own.extend(counted.into_iter().map(need));
            }
            needs.push(own);
        }
        needs.extend(detectors.iter().map(|detector| made(&detector.on, "is on").collect()));
        let mut graph = Graph { windows, detectors, needs };
        graph.drop_first();
        graph
    }

    /// What a filter drops is to reach nobody: all who take its channels come after it.
    fn drop_first(&mut self) {
        let windows = self.windows;
        let dropping = windows
            .filter_numbers()
            .filter(|&number| matches!(windows.maker(number), Maker::Filter(filter) if filter.drops()));
        for filter in dropping {
            let dropped: Vec<&str> = windows.takes(filter).iter().map(|input| input.name.as_str()).collect();
            for other in 0..self.needs.len() {
                let takes = self.takes(other).any(|input| dropped.contains(&input.name.as_str()));
                if other != filter && takes && !self.reaches(filter, other) {
                    let place = &windows.name(filter).place;
                    self.needs[other].push(Need { on: filter, verb: "comes after", place });
                }
            }
        }
    }

    /// All channels that somebody takes or asks for.
    fn takes(&self, index: usize) -> impl Iterator<Item = &'g Input> {
        let detector = index.checked_sub(self.windows.count()).map(|detector| &self.detectors[detector].on[..]);
        let (takes, asks) = match detector {
            Some(on) => (on, &[][..]),
            None => (self.windows.takes(index), self.windows.asks(index)),
        };
        takes.iter().chain(asks)
    }

    /// Whether one needs another, or something that does.
    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = vec![false; self.needs.len()];
        let mut open = vec![from];
        while let Some(index) = open.pop() {
            if index == to {
                return true;
            }
            if !std::mem::replace(&mut seen[index], true) {
                open.extend(self.needs[index].iter().map(|need| need.on));
            }
        }
        false
    }

    fn name(&self, index: usize) -> &'g At<String> {
        match index.checked_sub(self.windows.count()) {
            Some(detector) => &self.detectors[detector].name,
            None => self.windows.name(index),
        }
    }

    /// The level of each.
    fn levels(&self, found: &mut Findings) -> Vec<usize> {
        let mut levels: Vec<Option<usize>> = vec![None; self.needs.len()];
        loop {
            let mut moved = false;
            for index in 0..self.needs.len() {
                // `None` as soon as one of them is open.
                let below: Option<Vec<usize>> = self.needs[index].iter().map(|need| levels[need.on]).collect();
                if let (None, Some(below)) = (levels[index], below) {
                    levels[index] = Some(below.into_iter().map(|level| level + 1).max().unwrap_or(0));
                    moved = true;
                }
            }
            if moved {
                continue;
            }
            let Some(open) = levels.iter().position(Option::is_none) else { break };
            // A circle is reported, then taken for settled, so that a second one is found, too.
            let circle = self.circle(&levels, open);
            self.report(&circle, found);
            circle.iter().for_each(|&index| levels[index] = Some(0));
        }
        levels.into_iter().flatten().collect()
    }

    /// Follows what is open until something comes again. Each open one needs another that is open.
    fn circle(&self, levels: &[Option<usize>], start: usize) -> Vec<usize> {
        let mut path = vec![start];
        loop {
            let last = self.needs[path[path.len() - 1]].iter();
            let Some(next) = last.map(|need| need.on).find(|&on| levels[on].is_none()) else {
                return path;
            };
            if let Some(again) = path.iter().position(|&index| index == next) {
                let mut circle = path.split_off(again);
                let first = circle.iter().enumerate().min_by_key(|(_, index)| **index).map_or(0, |(at, _)| at);
                circle.rotate_left(first);
                return circle;
            }
            path.push(next);
        }
    }

    fn report(&self, circle: &[usize], found: &mut Findings) {
        let at = |step: usize| circle[step % circle.len()];
        let need = |step: usize| self.needs[at(step)].iter().find(|need| need.on == at(step + 1));
        let steps: Vec<String> = (0..circle.len())
            .map(|step| {
                let verb = need(step).map_or("needs", |need| need.verb);
                format!("`{}` {verb} `{}`", self.name(at(step)).what, self.name(at(step + 1)).what)
            })
            .collect();
        let place = need(0).map_or(&self.name(circle[0]).place, |need| need.place);
        let what = match circle.iter().max() {
            Some(&last) if last < self.windows.list.len() => "windows",
            Some(last) if self.windows.filter_numbers().contains(last) => "windows and filters",
            Some(&last) if last < self.windows.count() => "windows, filters and features",
            _ => "windows, filters, features and detectors",
        };
        let message = format!("{what} go round in a circle: {}", steps.join(", "));
        found.problem(place, message, "leave it out, or put what closes the circle into a window of its own");
    }
}
