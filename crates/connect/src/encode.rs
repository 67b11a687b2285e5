//! What a row says, once, for every form it may be written in.
//!
//! [`fields`] turns an [`Output`] into a flat list of named values; `ndjson`, `csv`, `text` and `parquet` only write
//! such lists. [`columns`] is the same list as a table's head. The words and their order are the product's promise.

use crate::sink::Noun;
use crate::source::Rejected;
use ouzel_engine::output::{Aggregate, Alert, Anomaly, Filtered, Id, Output, State, What};
use ouzel_engine::plan::{self, ChannelFacts, Given, Operator, Plan, Statistic, Work};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Names, Series};
use ouzel_engine::time::Time;

pub mod csv;
pub mod lines;
pub mod message;
pub mod ndjson;
pub mod number;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod readings;
pub mod text;

/// What it takes to put numbers back into words.
#[derive(Clone, Copy, Debug)]
pub struct Book<'a> {
    /// Names of devices, channels and series.
    pub names: &'a Names,
    /// The plan that the outputs were computed by.
    pub plan: &'a Plan,
}

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing to say.
    Null,
    /// Words.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// Any number but NaN, which is [`Value::Null`].
    Number(f64),
    /// A moment.
    Time(Time),
    /// Whether it is so.
    Flag(bool),
    /// The id of the row.
    Id(Id),
}

impl Value<'_> {
    /// A number, or nothing where it is NaN.
    pub fn number(number: f64) -> Value<'static> {
        if number.is_nan() { Value::Null } else { Value::Number(number) }
    }

    fn count(count: u64) -> Value<'static> {
        Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub name: String,
    /// What its cells hold.
    pub kind: Kind,
}

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// The id of the row.
    Id,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Moments.
    Time,
    /// Whether it is so.
    Flag,
}

/// Which statistics an aggregate's row has.
#[derive(Clone, Copy, Debug)]
pub enum Statistics<'a> {
    /// Those its window gives, in the order asked for.
    Own,
    /// Those of these names, with null where the window does not give one: a table has the same columns in every row.
    Columns(&'a [Given]),
}

/// The statistics that any window of a plan gives, in the order of the manual, each name once: `share_open` may be
/// another number in each channel.
pub fn statistics(plan: &Plan) -> Vec<Given> {
    let windows =
        plan.operators.iter().filter_map(|o| if let Work::Window(spec) = &o.work { Some(spec) } else { None });
    let mut all: Vec<Given> = Vec::new();
    for given in windows.flat_map(|spec| &spec.give) {
        if all.iter().all(|known| known.name != given.name) {
            all.push(given.clone());
        }
    }
    let place = |what| Statistic::NAMED.iter().position(|named| named.1 == what).unwrap_or(Statistic::NAMED.len());
    all.sort_by(|a, b| (place(a.what), a.what, &a.name).cmp(&(place(b.what), b.what, &b.name)));
    all
}

/// Whether a word is one for a statistic that a window may give: `mean`, `p95`, `share_open`.
pub fn is_statistic(word: &str) -> bool {
    let is_digits = |rest: &str| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    };
    Statistic::NAMED.iter().any(|named| named.0 == word)
        || word == "median"
        || word.strip_prefix('p').is_some_and(is_digits)
        || ["share_", "anomalies_"].iter().any(|begin| word.strip_prefix(begin).is_some_and(|rest| !rest.is_empty()))
}

/// What a statistic is as a cell: what counts things is whole.
fn is_whole(statistic: Statistic) -> bool {
    matches!(statistic, Statistic::Count | Statistic::Bad | Statistic::Anomalies(_))
}

/// The head of a noun's table under a plan. [`fields`] with [`Statistics::Columns`] of [`statistics`] gives a value
/// for each, in this order.
pub fn columns(noun: Noun, plan: &Plan) -> Vec<Column> {
    use Kind::{Flag, Id, Integer, Number, Text, Time};
    let fixed: &[(&str, Kind)] = match noun {
        Noun::Aggregates => &[
            ("id", Id),
            ("window", Text),
            ("key", Text),
            ("channel", Text),
            ("start", Time),
            ("end", Time),
            ("revision", Integer),
            ("partial", Flag),
        ],
        Noun::Anomalies => &[
            ("id", Id),
            ("detector", Text),
            ("device", Text),
            ("channel", Text),
            ("time", Time),
            ("value", Number),
            ("expected", Number),
            ("spread", Number),
            ("threshold", Number),
            ("score", Number),
            ("p_value", Number),
            ("kind", Text),
            ("class", Text),
            ("severity", Text),
            ("message", Text),
            ("why", Text),
        ],
        Noun::Alerts => &[
            ("id", Id),
            ("alert", Text),
            ("device", Text),
            ("channel", Text),
            ("state", Text),
            ("severity", Text),
            ("since", Time),
            ("time", Time),
            ("count", Integer),
            ("detector", Text),
            ("kind", Text),
            ("value", Number),
            ("message", Text),
        ],
        Noun::Late | Noun::Readings => {
            &[("id", Id), ("device", Text), ("channel", Text), ("time", Time), ("value", Number)]
        }
        Noun::Filtered => &[
            ("id", Id),
            ("filter", Text),
            ("device", Text),
            ("channel", Text),
            ("time", Time),
            ("value", Number),
            ("failed", Text),
            ("dropped", Flag),
        ],
        Noun::Rejected => &[("source", Text), ("line", Integer), ("reason", Text), ("text", Text)],
    };
    let mut columns: Vec<Column> = fixed.iter().map(|&(name, kind)| Column { name: name.to_owned(), kind }).collect();
    if noun == Noun::Aggregates {
        columns.extend(
            statistics(plan)
                .into_iter()
                .map(|s| Column { name: s.name, kind: if is_whole(s.what) { Integer } else { Number } }),
        );
    }
    columns
}

/// Shows `visit` every field of an output, in the order of the manual. [`What::Over`] has none: it is not for people.
pub fn fields(output: &Output, book: &Book<'_>, statistics: Statistics<'_>, visit: impl FnMut(&str, Value<'_>)) {
    let id = Value::Id(id(output, book));
    match &output.what {
        What::Aggregate(aggregate) => {
            aggregate_fields(id, book.operator(output.node), aggregate, book, statistics, visit);
        }
        What::Anomaly(anomaly) => anomaly_fields(id, book.operator(output.node), anomaly, book, visit),
        What::Alert(alert) => alert_fields(id, alert, book, visit),
        What::Late(reading) => reading_fields(id, reading, book, visit),
        What::Reading(said) => reading_fields(id, &said.reading, book, visit),
        What::Filtered(filtered) => filtered_fields(id, book.operator(output.node), filtered, book, visit),
        What::Over(_) | What::Part(_) => {}
    }
}

/// Shows `visit` every field of a piece of input that could not be read.
pub fn rejected_fields(rejected: &Rejected, mut visit: impl FnMut(&str, Value<'_>)) {
    visit("source", Value::Text(&rejected.source));
    visit("line", Value::count(rejected.line));
    visit("reason", Value::Text(&rejected.reason));
    visit("text", Value::Text(&rejected.text));
}

fn aggregate_fields(
    id: Value<'_>,
    window: &Operator,
    aggregate: &Aggregate,
    book: &Book<'_>,
    statistics: Statistics<'_>,
    mut visit: impl FnMut(&str, Value<'_>),
) {
    let (device, channel) = book.subject(aggregate.series);
    visit("id", id);
    visit("window", Value::Text(&window.name));
    visit("key", Value::Text(device));
    visit("channel", Value::Text(channel));
    visit("start", Value::Time(aggregate.start));
    visit("end", Value::Time(aggregate.end));
    // What is nearly always the same stands in tables only.
    let table = matches!(statistics, Statistics::Columns(_));
    if table || aggregate.revision > 0 {
        visit("revision", Value::Integer(i64::from(aggregate.revision)));
    }
    if table || aggregate.partial {
        visit("partial", Value::Flag(aggregate.partial));
    }
    let give: &[Given] = if let Work::Window(spec) = &window.work { &spec.give } else { &[] };
    match statistics {
        Statistics::Own => {
            give.iter().enumerate().for_each(|(at, given)| visit(&given.name, statistic(aggregate, give, at)));
        }
        Statistics::Columns(all) => {
            for column in all {
                let at = give.iter().position(|given| given.name == column.name);
                visit(&column.name, at.map_or(Value::Null, |at| statistic(aggregate, give, at)));
            }
        }
    }
}

fn statistic(aggregate: &Aggregate, give: &[Given], at: usize) -> Value<'static> {
    let value = aggregate.value(give, at);
    match give[at].what {
        Statistic::Count => Value::count(aggregate.count),
        // A float's cast saturates.
        what if is_whole(what) && !value.is_nan() => Value::Integer(value as i64),
        _ => Value::number(value),
    }
}

fn anomaly_fields(
    id: Value<'_>,
    detector: &Operator,
    anomaly: &Anomaly,
    book: &Book<'_>,
    mut visit: impl FnMut(&str, Value<'_>),
) {
    let (device, channel) = book.subject(anomaly.series);
    visit("id", id);
    visit("detector", Value::Text(&detector.name));
    visit("device", Value::Text(device));
    visit("channel", Value::Text(channel));
    visit("time", Value::Time(anomaly.time));
    visit("value", Value::number(anomaly.value));
    visit("expected", Value::number(anomaly.expected));
    visit("spread", Value::number(anomaly.spread));
    visit("threshold", Value::number(anomaly.threshold));
    visit("score", Value::number(anomaly.score));
    // No detector is calibrated yet.
    visit("p_value", Value::Null);
    visit("kind", Value::Text(kind(detector)));
    visit("class", Value::Text(anomaly.class.name()));
    visit("severity", Value::Text(anomaly.severity.name()));
    visit("message", Value::Text(&message::of_anomaly(anomaly, detector, book)));
    visit("why", Value::Text(&message::why(anomaly, detector, book)));
}

fn alert_fields(id: Value<'_>, alert: &Alert, book: &Book<'_>, mut visit: impl FnMut(&str, Value<'_>)) {
    let (device, channel) = book.subject(alert.series);
    let detector = book.operator(alert.detector);
    visit("id", id);
    visit("alert", Value::Text(&book.plan.alerts[usize::from(alert.rule)].name));
    visit("device", Value::Text(device));
    visit("channel", Value::Text(channel));
    visit("state", Value::Text(alert.state.name()));
    visit("severity", Value::Text(alert.severity.name()));
    visit("since", Value::Time(alert.since));
    visit("time", Value::Time(alert.time));
    visit("count", Value::count(alert.count));
    visit("detector", Value::Text(&detector.name));
    visit("kind", Value::Text(kind(detector)));
    visit("value", Value::number(alert.worst.value));
    visit("message", Value::Text(&message::of_alert(alert, book)));
}

fn reading_fields(id: Value<'_>, reading: &Reading, book: &Book<'_>, mut visit: impl FnMut(&str, Value<'_>)) {
    let (device, channel) = book.subject(reading.series);
    visit("id", id);
    visit("device", Value::Text(device));
    visit("channel", Value::Text(channel));
    visit("time", Value::Time(reading.time));
    visit("value", Value::number(reading.value));
}

fn filtered_fields(
    id: Value<'_>,
    filter: &Operator,
    filtered: &Filtered,
    book: &Book<'_>,
    mut visit: impl FnMut(&str, Value<'_>),
) {
    let (device, channel) = book.subject(filtered.reading.series);
    visit("id", id);
    visit("filter", Value::Text(&filter.name));
    visit("device", Value::Text(device));
    visit("channel", Value::Text(channel));
    visit("time", Value::Time(filtered.reading.time));
    visit("value", Value::number(filtered.reading.value));
    match failed(filtered, filter) {
        Some(parts) => visit("failed", Value::Text(&parts)),
        None => visit("failed", Value::Null),
    }
    visit("dropped", Value::Flag(filtered.dropped));
}

/// The parts of its filter's condition that a reading failed, as they were written; `None`: none of them is known to be
/// false, so it could not be told.
pub fn failed(filtered: &Filtered, filter: &Operator) -> Option<String> {
    let Work::Filter(spec) = &filter.work else { return None };
    let parts = spec.when.parts().iter().take(64).enumerate();
    let failed: Vec<&str> =
        parts.filter(|(at, _)| filtered.failed >> at & 1 == 1).map(|(_, part)| part.as_str()).collect();
    (!failed.is_empty()).then(|| failed.join("; "))
}

/// The id of an output: made of what it says, so that it is the same on every run, and the same in every sink.
pub fn id(output: &Output, book: &Book<'_>) -> Id {
    let node = || book.operator(output.node);
    match &output.what {
        What::Aggregate(a) => {
            let (device, channel) = book.subject(a.series);
            // A window that late readings change gives another row; one that speaks at each reading may do so twice at a time.
            let (start, end, revision) = (a.start.0, a.end.0, i64::from(a.revision));
            match &node().work {
                Work::Window(plan::WindowSpec {
                    shape: plan::Shape::Sliding { .. } | plan::Shape::Count { .. },
                    ..
                }) => {
                    let numbers = [start, end, revision, a.count as i64, a.mean.to_bits() as i64];
                    Id::of(&["aggregate", &node().name, device, channel], &numbers)
                }
                _ => Id::of(&["aggregate", &node().name, device, channel], &[start, end, revision]),
            }
        }
        What::Anomaly(a) => {
            let (device, channel) = book.subject(a.series);
            let words = ["anomaly", &node().name, work_word(&node().work), device, channel];
            Id::of(&words, &[a.time.0, i64::from(a.twin)])
        }
        What::Alert(a) => {
            let (device, channel) = book.subject(a.series);
            let rule = &book.plan.alerts[usize::from(a.rule)].name;
            let state = match a.state {
                State::Pending => 0,
                State::Firing => 1,
                State::Cleared => 2,
            };
            Id::of(&["alert", rule, device, channel], &[a.since.0, state, a.severity as i64])
        }
        What::Late(reading) => {
            let (device, channel) = book.subject(reading.series);
            Id::of(&["late", device, channel], &[reading.time.0, output.input as i64])
        }
        What::Filtered(filtered) => {
            let (device, channel) = book.subject(filtered.reading.series);
            // When it was judged depends on what else came; what it says does not.
            let numbers = [filtered.reading.time.0, filtered.reading.value.to_bits() as i64];
            Id::of(&["filtered", &node().name, device, channel], &numbers)
        }
        What::Reading(said) => {
            // As with filtered readings: what it says is what makes it itself.
            let (device, channel) = book.subject(said.reading.series);
            Id::of(&["reading", device, channel], &[said.reading.time.0, said.reading.value.to_bits() as i64])
        }
        What::Over(over) => {
            let (device, channel) = book.subject(over.series);
            Id::of(&["over", &node().name, work_word(&node().work), device, channel], &[over.time.0])
        }
        What::Part(part) => {
            let (device, channel) = book.subject(part.series);
            Id::of(&["part", &node().name, device, channel], &[part.start.0, part.end.0])
        }
    }
}

/// The identity of an alert: its rule, its series and when it began; the same through all its changes, which have ids
/// of their own. It is what people name when they acknowledge or silence one.
pub fn identity(alert: &Alert, book: &Book<'_>) -> Id {
    let (device, channel) = book.subject(alert.series);
    let rule = &book.plan.alerts[usize::from(alert.rule)].name;
    Id::of(&["alert", rule, device, channel], &[alert.since.0])
}

/// One word for what an operator does. Ids are made of it: a `missing` detector is up to three operators of one name.
fn work_word(work: &Work) -> &'static str {
    match work {
        Work::Window(_) => "window",
        Work::Compress(_) => "compress",
        Work::Filter(_) => "filter",
        Work::Among(_) => "feature",
        Work::Join(_) => "join",
        Work::Feature(_) => "feature",
        Work::Formula(_) => "formula",
        Work::Table(_) => "table",
        Work::Threshold(_) => "threshold",
        Work::ZScore(..) => "zscore",
        Work::Flatline(..) => "flatline",
        Work::Silence(..) => "silence",
        Work::MissingRate(..) => "missing-rate",
        Work::RangeFault(_) => "range",
    }
}

/// The kind of trouble a detector looks for: the word of its section, else the detector's own.
pub fn kind(detector: &Operator) -> &str {
    match detector.work.limits() {
        None => "",
        Some(limits) if limits.kind.is_empty() => work_word(&detector.work),
        Some(limits) => &limits.kind,
    }
}

impl<'a> Book<'a> {
    /// An operator by its position in the plan.
    pub fn operator(&self, node: u16) -> &'a Operator {
        &self.plan.operators[usize::from(node)]
    }

    /// The names of a series: device and channel.
    pub fn subject(&self, series: Series) -> (&'a str, &'a str) {
        let (device, channel) = self.names.of(series);
        (self.names.device_name(device), self.names.channel_name(channel))
    }

    /// What the config says of a channel.
    pub fn facts(&self, channel: &str) -> Option<&'a ChannelFacts> {
        self.plan.channels.iter().find(|facts| facts.name == channel)
    }

    /// The unit of a statistic of a channel. A unit that no config has words for is none: `°C²`.
    fn unit_of(&self, statistic: Statistic, channel: &str) -> &'a str {
        match statistic {
            Statistic::Mean
            | Statistic::Std
            | Statistic::Min
            | Statistic::Max
            | Statistic::Sum
            | Statistic::StdSample
            | Statistic::Range
            | Statistic::First
            | Statistic::Last
            | Statistic::Quantile(_)
            | Statistic::TimeMean
            | Statistic::Change => self.unit(channel),
            Statistic::Gap => "s",
            Statistic::Count
            | Statistic::Variance
            | Statistic::VarianceSample
            | Statistic::Rate
            | Statistic::Share(_)
            | Statistic::Missing
            | Statistic::Bad
            | Statistic::Anomalies(_)
            | Statistic::Slope
            | Statistic::Covariance
            | Statistic::Correlation
            | Statistic::SlopeWith
            | Statistic::Reduction => "",
        }
    }

    /// The unit of a channel, or nothing. The mean of a temperature is a temperature; a count has no unit.
    pub fn unit(&self, channel: &str) -> &'a str {
        if let Some(facts) = self.facts(channel) {
            return &facts.unit;
        }
        for window in &self.plan.operators {
            let Work::Window(spec) = &window.work else { continue };
            let Some(rest) = channel.strip_prefix(window.name.as_str()).and_then(|r| r.strip_prefix('.')) else {
                continue;
            };
            for given in &spec.give {
                let Some(inner) = rest.strip_suffix(given.name.as_str()).and_then(|r| r.strip_suffix('.')) else {
                    continue;
                };
                return self.unit_of(given.what, inner);
            }
        }
        ""
    }
}

#[cfg(test)]
pub(crate) mod tests;
