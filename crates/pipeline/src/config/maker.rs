//! All that makes channels of channels, by one number: windows first, then filters, then features of series, then formulas, then
//! joins with tables, then what is made of readings that meet.

use super::feature::Feature;
use super::filter::Filter;
use super::formula::Formula;
use super::meet::Meet;
use super::table::TableJoin;
use super::tree::At;
use super::window::{Input, Window, Windows};
use ouzel_engine::plan::{Keep, Shape, Step, Work};
use ouzel_engine::time::Span;

/// What a number stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker<'w> {
    Window(&'w Window),
    Filter(&'w Filter),
    Feature(&'w Feature),
    Formula(&'w Formula),
    Table(&'w TableJoin),
    Meet(&'w Meet),
}

impl Maker<'_> {
    /// The kind of its section.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Maker::Window(_) => "window",
            Maker::Filter(_) => "filter",
            Maker::Feature(_) | Maker::Formula(_) => "feature",
            Maker::Table(_) => "join",
            Maker::Meet(meet) => meet.word(),
        }
    }
}

impl Windows {
    /// How many there are of all.
    pub(crate) fn count(&self) -> usize {
        self.meet_numbers().end
    }

    /// The numbers of the filters.
    pub(crate) fn filter_numbers(&self) -> std::ops::Range<usize> {
        self.list.len()..self.list.len() + self.filters.len()
    }

    /// The numbers of the features of series.
    pub(crate) fn feature_numbers(&self) -> std::ops::Range<usize> {
        let from = self.filter_numbers().end;
        from..from + self.features.len()
    }

    /// The numbers of the formulas.
    pub(crate) fn formula_numbers(&self) -> std::ops::Range<usize> {
        let from = self.feature_numbers().end;
        from..from + self.formulas.len()
    }

    /// The numbers of the joins with tables.
    pub(crate) fn table_numbers(&self) -> std::ops::Range<usize> {
        let from = self.formula_numbers().end;
        from..from + self.tables.len()
    }

    /// The numbers of what is made of readings that meet.
    pub(crate) fn meet_numbers(&self) -> std::ops::Range<usize> {
        let from = self.table_numbers().end;
        from..from + self.meets.len()
    }

    /// What a number stands for.
    pub(crate) fn maker(&self, number: usize) -> Maker<'_> {
        let (filters, features, formulas) = (self.filter_numbers(), self.feature_numbers(), self.formula_numbers());
        let (tables, meets) = (self.table_numbers(), self.meet_numbers());
        if filters.contains(&number) {
            Maker::Filter(&self.filters[number - filters.start])
        } else if features.contains(&number) {
            Maker::Feature(&self.features[number - features.start])
        } else if formulas.contains(&number) {
            Maker::Formula(&self.formulas[number - formulas.start])
        } else if tables.contains(&number) {
            Maker::Table(&self.tables[number - tables.start])
        } else if meets.contains(&number) {
            Maker::Meet(&self.meets[number - meets.start])
        } else {
            Maker::Window(&self.list[number])
        }
    }

    /// The name of its section.
    pub(crate) fn name(&self, number: usize) -> &At<String> {
        match self.maker(number) {
            Maker::Window(window) => &window.name,
            Maker::Filter(filter) => &filter.name,
            Maker::Feature(feature) => &feature.name,
            Maker::Formula(formula) => &formula.name,
            Maker::Table(table) => &table.name,
            Maker::Meet(meet) => &meet.name,
        }
    }

    /// What it works on.
    pub(crate) fn takes(&self, number: usize) -> &[Input] {
        match self.maker(number) {
            Maker::Window(window) => &window.over,
            Maker::Filter(filter) => &filter.on,
            Maker::Feature(feature) => &feature.on,
            Maker::Formula(_) => &[],
            Maker::Table(table) => &table.on,
            Maker::Meet(meet) => &meet.on,
        }
    }

    /// It works on these.
    pub(crate) fn set_takes(&mut self, number: usize, inputs: Vec<Input>) {
        let starts = [
            self.filter_numbers().start,
            self.feature_numbers().start,
            self.formula_numbers().start,
            self.table_numbers().start,
            self.meet_numbers().start,
        ];
        let [filters, features, formulas, tables, meets] = starts;
        match number {
            _ if number < filters => self.list[number].over = inputs,
            _ if number < features => self.filters[number - filters].on = inputs,
            _ if number < formulas => self.features[number - features].on = inputs,
            // What a formula asks for is found when it is read.
            _ if number < tables => {}
            _ if number < meets => self.tables[number - tables].on = inputs,
            _ => self.meets[number - meets].on = inputs,
        }
    }

    /// What its conditions ask for, or its formula, or whose partners its readings are.
    pub(crate) fn asks(&self, number: usize) -> &[Input] {
        match self.maker(number) {
            Maker::Window(window) => &window.asks,
            Maker::Filter(filter) => &filter.asks,
            Maker::Feature(_) | Maker::Table(_) => &[],
            Maker::Meet(meet) => &meet.asks,
            Maker::Formula(formula) => &formula.asks,
        }
    }

    /// Whether a channel comes behind its device's clock: what a swinging door keeps, what a session says, and what is made
    /// of that. (Circles are somebody else's problem.)
    pub(crate) fn is_behind(&self, input: &Input, depth: usize) -> bool {
        let Some(number) = input.from.filter(|_| depth < self.count()) else { return false };
        let own = match self.maker(number) {
            Maker::Window(window) => matches!(window.shape.as_ref().map(|shape| &shape.what), Some(Shape::Session(_))),
            Maker::Filter(filter) => {
                matches!(&filter.work, Some(Work::Compress(spec)) if matches!(spec.by, Keep::SwingingDoor { .. }))
            }
            Maker::Feature(_) | Maker::Formula(_) | Maker::Table(_) => false,
            // Their group's clock is behind theirs.
            Maker::Meet(_) => true,
        };
        own || self.made_of(number).iter().any(|input| self.is_behind(input, depth + 1))
    }

    /// Whether a channel is a result of a window, or made of one.
    pub(crate) fn is_of_a_window(&self, input: &Input, depth: usize) -> bool {
        let Some(number) = input.from.filter(|_| depth < self.count()) else { return false };
        let is_window = matches!(self.maker(number), Maker::Window(_));
        is_window || self.made_of(number).iter().any(|input| self.is_of_a_window(input, depth + 1))
    }

    /// The channels that what it makes is made of.
    fn made_of(&self, number: usize) -> &[Input] {
        if let Maker::Formula(formula) = self.maker(number) { &formula.asks } else { self.takes(number) }
    }

    /// The channel that a feature is of: it comes whenever that one does.
    pub(crate) fn source_of(&self, input: &Input) -> Option<&Input> {
        let Maker::Feature(feature) = self.maker(input.from?) else { return None };
        let is_of = |on: &&Input| feature.words.iter().any(|word| feature.result(&on.name, &word.what) == input.name);
        feature.on.iter().find(is_of)
    }

    /// Expected time between what it makes, if that can be told.
    pub(crate) fn every(&self, number: usize) -> Option<Span> {
        const HOUR: i64 = 3_600;
        match self.maker(number) {
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
            Maker::Filter(filter) => match filter.work.as_ref()? {
                Work::Compress(spec) => match spec.by {
                    Keep::Every(span) => Some(span),
                    _ => None,
                },
                _ => None,
            },
            Maker::Feature(_) | Maker::Formula(_) | Maker::Table(_) | Maker::Meet(_) => None,
        }
    }
}
