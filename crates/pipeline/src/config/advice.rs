//! What is legal but unwise. Each piece of advice says what will happen, and what would be better.

use super::detector::{Detector, Known};
use super::feature::Feature;
use super::filter::Filter;
use super::group::Group;
use super::maker::Maker;
use super::memory::panes;
use super::place::Findings;
use super::sink::SinkKind;
use super::suggest;
use super::tree::{At, Table};
use super::window::{Input, Window, Windows};
use ouzel_connect::encode::is_statistic;
use ouzel_connect::sink::Noun;
use ouzel_engine::feature::sampled::SAMPLES;
use ouzel_engine::plan::{AlertRule, FORMULA_RESULT, Levels, Past, Per, Shape, ZScoreSpec};
use ouzel_engine::time::Span;

/// A mean and a spread of fewer readings than this are mostly chance.
const FEW_READINGS: u32 = 20;
/// Below this every twentieth good reading is a warning; above it hardly a bad one.
const USUAL_WARNING: std::ops::RangeInclusive<f64> = 1.5..=5.0;
/// Pieces of a hopping window; each costs 64 bytes a series.
const MANY_PANES: u64 = 1_000;
/// Readings of a past by time: sums and extremes of more leave in pieces of hundreds.
const PAST_READINGS: i64 = 100_000;

/// Waiting for stragglers has its price.
pub(crate) fn late(label: &str, late: &At<Span>, found: &mut Findings) {
    if late.what > Span::ZERO {
        let message = format!("alarms of `{label}` wait {} for late readings", late.what);
        found.advice(&late.place, message, "leave `late` out if its readings come in order");
    }
}

/// Settings of a z-score that make it blind or nervous.
pub(crate) fn zscore(table: &mut Table<'_, '_>, spec: &ZScoreSpec, levels: &Levels) {
    let place_of = |table: &Table<'_, '_>, keys: [&str; 2]| {
        keys.into_iter().find_map(|key| table.value_place(key)).unwrap_or(table.place.clone())
    };
    if let Past::Count(count) = spec.past {
        if spec.min > count {
            let message = format!("it speaks after `min` = {} readings and never holds more than {count}", spec.min);
            let hint = format!("write past = \"{}\" or more, or a smaller `min`", spec.min.max(100));
            let place = place_of(table, ["min", "past"]);
            table.found.advice(&place, message, hint);
        } else if count < FEW_READINGS {
            let message = format!("a spread from {count} readings is mostly chance");
            let place = place_of(table, ["past", "type"]);
            table.found.advice(&place, message, "write past = \"100\" or more");
        }
        let highest = (f64::from(count) - 1.0) / f64::from(count).sqrt();
        let lowest_level = levels.warning.into_iter().chain(levels.critical).reduce(f64::min);
        if spec.include && lowest_level.is_some_and(|level| level >= highest) {
            let message =
                format!("with `include` a score of {count} readings never exceeds {highest:.2}: it stays silent");
            let place = place_of(table, ["include", "type"]);
            table.found.advice(&place, message, "leave `include` out, or write a longer `past` or a lower level");
        }
    }
    if let Some(warning) = levels.warning.filter(|level| !USUAL_WARNING.contains(level)) {
        let message = match warning < *USUAL_WARNING.start() {
            true => format!("{warning} standard deviations are passed by many good readings"),
            false => format!("{warning} standard deviations are hardly ever passed"),
        };
        let place = place_of(table, ["warning", "type"]);
        table.found.advice(&place, message, "3 is usual, 1.5 to 5 is common");
    }
}

/// Sizes of windows that say little or cost much.
pub(crate) fn windows(known: &Known<'_>, found: &mut Findings) {
    for window in &known.windows.list {
        let Some(shape) = &window.shape else { continue };
        let (size, every) = match shape.what {
            Shape::Time { size, every } => (size, every),
            Shape::Sliding { size, .. } => (size, size),
            Shape::Calendar { .. } | Shape::Count { .. } | Shape::Session(_) => continue,
        };
        let channels = window.over.iter().filter(|input| input.from.is_none());
        let slowest = channels.filter_map(|input| Some((known.every(input)?, input))).max_by_key(|(e, _)| *e);
        if let Some((apart, input)) = slowest.filter(|(apart, _)| apart.0.saturating_mul(20) > size.0) {
            let holds = size.0 / apart.0.max(1);
            let readings = if holds == 1 { "reading" } else { "readings" };
            let message = format!("a window of {size} holds about {holds} {readings} of `{}`", input.name);
            let hint = format!("write \"{}\" or more for 20 readings", Span(apart.0.saturating_mul(20)));
            found.advice(&shape.place, message, hint);
        }
        let panes = panes(size, every);
        if let Some(step) = shape.step.as_ref().filter(|_| panes > MANY_PANES) {
            let message =
                format!("each window is put together from {panes} pieces: {} kB a series", panes * 64 / 1_000);
            found.advice(step, message, format!("write a longer `every` that divides {size}"));
        }
    }
}

/// Pasts by time that would hold more readings than are kept each for itself.
pub(crate) fn features(known: &Known<'_>, found: &mut Findings) {
    for feature in &known.windows.features {
        let most = if feature.has_quantiles() { SAMPLES as i64 } else { PAST_READINGS };
        for past in &feature.pasts {
            let Past::Span(span) = past.what else { continue };
            let fastest = feature.on.iter().filter_map(|input| Some((known.every(input)?, input)));
            let Some((every, input)) = fastest.min_by_key(|(every, _)| *every) else { continue };
            let holds = span.0 / every.0.max(1);
            if holds <= most {
                continue;
            }
            let message = format!("a past of {span} holds about {holds} readings of `{}`", input.name);
            let hint = match feature.has_quantiles() {
                true => {
                    let longest = Span(every.0.saturating_mul(most));
                    format!(
                        "quantiles are of a sample then, about one reading in {}; up to \"{longest}\" they are of all",
                        holds / most + 1
                    )
                }
                false => "take a window's results instead: on = \"minute.temperature.mean\"".to_owned(),
            };
            found.advice(&past.place, message, hint);
        }
    }
}

/// All that was read, for what only shows when it is seen together.
pub(crate) struct Whole<'w> {
    pub(crate) known: &'w Known<'w>,
    pub(crate) detectors: &'w [Detector],
    pub(crate) alerts: &'w [(At<String>, AlertRule)],
    pub(crate) groups: &'w [Group],
    pub(crate) sinks: &'w [(At<String>, SinkKind)],
    /// The channels that the sources give, with the places of their sections; `None`: only the input tells.
    pub(crate) given: Option<&'w [String]>,
    /// Names of `[channel.NAME]` sections.
    pub(crate) described: &'w [At<String>],
    /// There is a page that shows alerts.
    pub(crate) has_page: bool,
    /// There is a lake that keeps everything.
    pub(crate) has_lake: bool,
}

impl Whole<'_> {
    /// Sections that work for nobody, and channels that nobody sends.
    pub(crate) fn advise(&self, found: &mut Findings) {
        self.unheard(found);
        self.unused_filters(found);
        self.unused_features(found);
        self.unused_joins(found);
        self.meets(found);
        self.unused_windows(found);
        self.unused_groups(found);
        self.unknown_channels(found);
    }

    fn taken(&self, noun: Noun) -> bool {
        self.sinks.iter().any(|(_, sink)| sink.take().has(noun))
    }

    fn inputs(&self) -> impl Iterator<Item = &Input> {
        let windows = self.known.windows;
        let of_makers = (0..windows.count()).flat_map(|maker| windows.takes(maker).iter().chain(windows.asks(maker)));
        of_makers.chain(self.detectors.iter().flat_map(|detector| &detector.on))
    }

    /// Whether somebody takes what a window, filter, feature or join makes.
    fn is_used(&self, maker: usize) -> bool {
        let name = format!("{}.", self.known.windows.name(maker).what);
        let mut channels = self.sinks.iter().flat_map(|(_, sink)| sink.take().channels());
        channels.any(|channel| channel.starts_with(&name)) || self.inputs().any(|input| input.from == Some(maker))
    }

    fn unheard(&self, found: &mut Findings) {
        for detector in self.detectors {
            let name = &detector.name;
            if !self.alerts.iter().any(|(_, rule)| rule.on.contains(&name.what)) {
                let message = format!("`detector.{}` is in nobody's alert; its anomalies go to sinks only", name.what);
                let hint = format!("add an alert: [alert.{}] with on = \"{}\"", name.what, name.what);
                found.advice(&name.place, message, hint);
            }
        }
        for (name, rule) in self.alerts {
            if rule.send.is_empty() && !self.taken(Noun::Alerts) && !self.has_page {
                let message = format!("`alert.{}` is sent nowhere, and no sink takes alerts", name.what);
                found.advice(&name.place, message, "add a sink: [sink.screen] with type = \"stdout\"");
            }
        }
    }

    fn unused_filters(&self, found: &mut Findings) {
        let windows = self.known.windows;
        for maker in windows.filter_numbers() {
            let Maker::Filter(filter) = windows.maker(maker) else { continue };
            if !filter.is_heard() && !self.is_used(maker) {
                let name = windows.name(maker);
                let message = format!("nobody uses what `filter.{}` keeps", name.what);
                let hint = format!("name `{}.CHANNEL` in a window or a detector", name.what);
                found.advice(&name.place, message, hint);
            }
        }
    }

    fn unused_features(&self, found: &mut Findings) {
        let windows = self.known.windows;
        for number in windows.feature_numbers() {
            let Maker::Feature(feature) = windows.maker(number) else { continue };
            if !self.is_used(number) {
                let name = &feature.name;
                let word = feature.words.first().map_or("mean", |word| word.what.as_str());
                let message = format!("nobody uses what `feature.{}` gives", name.what);
                let hint = format!("name `{}.CHANNEL.{word}` in a window, a filter or a detector", name.what);
                found.advice(&name.place, message, hint);
            }
        }
        for number in windows.formula_numbers().filter(|&number| !self.is_used(number)) {
            let name = windows.name(number);
            let message = format!("nobody uses the value of `feature.{}`", name.what);
            let hint = format!("name `{}.{FORMULA_RESULT}` in a window, a detector or a condition", name.what);
            found.advice(&name.place, message, hint);
        }
    }

    fn meets(&self, found: &mut Findings) {
        let windows = self.known.windows;
        for (number, meet) in windows.meet_numbers().zip(&windows.meets) {
            let Some(word) = meet.words.first() else { continue };
            if !self.is_used(number) {
                let message = format!("nobody uses what `{}.{}` gives", meet.word(), meet.name.what);
                let hint = format!("name `{}.CHANNEL.{}` in a window or a detector", meet.name.what, word.what);
                found.advice(&meet.name.place, message, hint);
            }
            if meet.per.what == Per::All && !meet.is_of_one() {
                let message = "readings of all devices meet here, so one core works on all of them";
                found.advice(&meet.per.place, message, "smaller groups spread over cores: per = \"tag:room\"");
            }
        }
    }

    fn unused_joins(&self, found: &mut Findings) {
        let windows = self.known.windows;
        for (maker, table) in windows.table_numbers().zip(&windows.tables) {
            let makes = table.spec.words().next().is_some();
            if makes && !table.is_heard() && !self.is_used(maker) {
                let message = format!("nobody uses what `join.{}` gives", table.name.what);
                let word = table.spec.words().next().unwrap_or_default();
                let hint = format!("name `{}.CHANNEL.{word}` in a condition, a window or a detector", table.name.what);
                found.advice(&table.name.place, message, hint);
            }
        }
    }

    fn unused_windows(&self, found: &mut Findings) {
        if self.taken(Noun::Aggregates) || self.has_lake {
            return;
        }
        for (index, window) in self.known.windows.list.iter().enumerate() {
            if !self.is_used(index) {
                let message = format!("nobody uses the results of `window.{}`", window.name.what);
                found.advice(
                    &window.name.place,
                    message,
                    "name one in a detector, or add a sink that takes aggregates",
                );
            }
        }
    }

    fn unused_groups(&self, found: &mut Findings) {
        for group in self.groups {
            let is_of = |window: &Window| group.per.as_ref() == Some(&window.per.what);
            let meets = self.known.windows.meets.iter().any(|meet| group.per.as_ref() == Some(&meet.per.what));
            let lies_around = |other: &Group| other.lies_in(&group.name.what);
            if !self.known.windows.list.iter().any(is_of) && !meets && !self.groups.iter().any(lies_around) {
                let message = format!("nobody uses `group.{}`", group.name.what);
                found.advice(
                    &group.name.place,
                    message,
                    format!("write per = \"{}\" in a window, a feature or a join", group.name.what),
                );
            }
        }
    }

    fn unknown_channels(&self, found: &mut Findings) {
        for input in self.inputs().filter(|input| input.from.is_none()) {
            if let Some(meant) = misspelt_result(&input.name, self.known.windows) {
                let message =
                    format!("`{}` is taken for a channel; no window, filter or feature is called that", input.name);
                found.advice(&input.place, message, format!("did you mean `{meant}`?"));
            } else if let Some(given) = self.given {
                let described = self.described.iter().map(|name| name.what.as_str());
                let described = described.filter(|name| !given.iter().any(|known| known == name));
                let known: Vec<&str> = given.iter().map(String::as_str).chain(described).collect();
                self.unknown_channel(&input.name, &known, &input.place, found);
            }
        }
        for name in self.described {
            let is_result = self.inputs().any(|input| input.from.is_some() && input.name == name.what);
            if let Some(given) = self.given.filter(|_| !is_result) {
                let known: Vec<&str> = given.iter().map(String::as_str).collect();
                self.unknown_channel(&name.what, &known, &name.place, found);
            }
        }
    }

    fn unknown_channel(&self, name: &str, known: &[&str], place: &super::place::Place, found: &mut Findings) {
        if !known.contains(&name) {
            found.advice(place, format!("no source gives a channel `{name}`"), suggest::hint(name, known));
        }
    }
}

/// `minut.temperature.mean` where there is a window `minute`: legal, since keys of JSON have dots, but hardly meant.
fn misspelt_result(name: &str, windows: &Windows) -> Option<String> {
    let (first, rest) = name.split_once('.')?;
    let takes = |filter: &&Filter| filter.on.iter().any(|input| input.name == rest);
    let filters: Vec<&str> = windows.filters.iter().filter(takes).map(|filter| filter.name.what.as_str()).collect();
    if let Some(near) = suggest::nearest(first, &filters) {
        return Some(format!("{near}.{rest}"));
    }
    let formulas: Vec<&str> = windows.formulas.iter().map(|formula| formula.name.what.as_str()).collect();
    if let Some(near) = suggest::nearest(first, &formulas).filter(|_| rest == FORMULA_RESULT) {
        return Some(format!("{near}.{rest}"));
    }
    let (_, last) = rest.rsplit_once('.')?;
    let gives = |feature: &&Feature| feature.words.iter().any(|word| word.what == last);
    let features: Vec<&str> = windows.features.iter().filter(gives).map(|feature| feature.name.what.as_str()).collect();
    if let Some(near) = suggest::nearest(first, &features) {
        return Some(format!("{near}.{rest}"));
    }
    if !is_statistic(last) {
        return None;
    }
    let names: Vec<&str> = windows.list.iter().map(|window: &Window| window.name.what.as_str()).collect();
    suggest::nearest(first, &names).map(|near| format!("{near}.{rest}"))
}
