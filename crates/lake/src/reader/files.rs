//! The part of an answer that files give.

use super::{Asked, Newest, Row, one_of, row};
use crate::file::{self, Wanted};
use crate::points::{Point, Stretch};
use crate::said::{key_columns, table};
use crate::shared::{FileFacts, Shared};
use crate::table::Table;
use crate::tier::{Bucket, Tier};
use hashbrown::HashMap;
use ouzel_connect::encode::Value;
use ouzel_connect::encode::ndjson::push_string;
use ouzel_connect::encode::number::{push_integer, push_number, push_time};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_engine::plan::{Operator, Plan, Work};
use parquet::errors::ParquetError;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Adds the readings of a series: all, or when there are many at least the first `limit` and one more.
pub(super) fn points(
    shared: &Shared,
    files: &[FileFacts],
    device: &str,
    channel: &str,
    stretch: Stretch,
    limit: usize,
    into: &mut Vec<Point>,
) -> Result<(), Fault> {
    let wanted = series(device, channel, stretch);
    for facts in files.iter().filter(|facts| facts.table == Table::Readings && facts.meets(stretch)) {
        with(shared, facts, |file| file::points(file, &wanted, into))?;
        let most = limit.saturating_add(1);
        if into.len() > most.saturating_mul(2) {
            into.select_nth_unstable_by_key(most, |point| (point.time, point.seq));
            into.truncate(most);
        }
    }
    Ok(())
}

/// Adds the buckets of each series, in the order in which their readings came.
pub(super) fn buckets(
    shared: &Shared,
    files: &[FileFacts],
    tier: Tier,
    series: &[(&str, &str)],
    stretch: Stretch,
    into: &mut [Vec<Bucket>],
) -> Result<(), Fault> {
    let places: HashMap<(&str, &str), usize> = series.iter().enumerate().map(|(place, &key)| (key, place)).collect();
    let words = |word: fn(&(&str, &str)) -> String| series.iter().map(word).collect::<BTreeSet<_>>();
    let wanted = Wanted {
        devices: words(|key| key.0.to_owned()).into_iter().collect(),
        channels: words(|key| key.1.to_owned()).into_iter().collect(),
        stretch,
    };
    let mut files: Vec<&FileFacts> =
        files.iter().filter(|facts| facts.table == Table::Tier(tier) && facts.meets(stretch)).collect();
    files.sort_by_key(|facts| facts.from);
    files.into_iter().try_for_each(|facts| {
        with(shared, facts, |file| {
            file::buckets(file, &wanted, |device, channel, bucket| {
                // Asked for as a device of one pair and a channel of another.
                if let Some(&place) = places.get(&(device, channel)) {
                    into[place].push(bucket);
                }
            })
        })
    })
}

/// Offers the readings in files, those of the newest file first.
pub(super) fn readings(
    shared: &Shared,
    files: &[FileFacts],
    asked: &Asked,
    stretch: Stretch,
    found: &mut Newest<Row>,
) -> Result<(), Fault> {
    let wanted = any(asked, stretch);
    for facts in newest_first(files, Table::Readings, stretch) {
        if found.beyond(facts.last) {
            break;
        }
        with(shared, facts, |file| {
            file::newest(file, &wanted, |reading| {
                let file::Found { device, channel, point } = reading;
                found.offer(point.time, point.seq, || row(device, channel, &point));
            })
        })?;
    }
    Ok(())
}

/// Offers the rows of a noun in files, those of the newest file first.
pub(super) fn rows(
    shared: &Shared,
    files: &[FileFacts],
    noun: Noun,
    asked: &Asked,
    stretch: Stretch,
    found: &mut Newest<String>,
) -> Result<(), Fault> {
    let wanted = any(asked, stretch);
    let (time, device) = key_columns(noun);
    let plan = shared.plan();
    for facts in newest_first(files, table(noun), stretch) {
        if found.beyond(facts.last) {
            break;
        }
        with(shared, facts, |file| {
            file::rows(file, time, device, &wanted, |time, seq, cells| {
                let severity = cells.iter().find(|(name, _)| *name == "severity");
                if severity.is_none_or(|(_, word)| matches!(word, Value::Text(word) if one_of(&asked.severities, word)))
                {
                    found.offer(time, seq, || object(noun, cells, &plan));
                }
            })
        })?;
    }
    Ok(())
}

fn series(device: &str, channel: &str, stretch: Stretch) -> Wanted {
    Wanted { devices: vec![device.to_owned()], channels: vec![channel.to_owned()], stretch }
}

fn any(asked: &Asked, stretch: Stretch) -> Wanted {
    Wanted { devices: asked.devices.clone(), channels: asked.channels.clone(), stretch }
}

fn newest_first(files: &[FileFacts], table: Table, stretch: Stretch) -> Vec<&FileFacts> {
    let mut files: Vec<&FileFacts> =
        files.iter().filter(|facts| facts.table == table && facts.meets(stretch)).collect();
    files.sort_by_key(|facts| std::cmp::Reverse(facts.last));
    files
}

impl FileFacts {
    fn meets(&self, stretch: Stretch) -> bool {
        stretch.meets(self.first, self.last)
    }
}

/// Reads a file; one that retention has removed since gives nothing.
fn with(
    shared: &Shared,
    facts: &FileFacts,
    read: impl FnOnce(&file::File) -> Result<(), ParquetError>,
) -> Result<(), Fault> {
    let opened = shared.opened.get(&shared.disk, &shared.dir, facts);
    let read = opened.and_then(|file: Option<Arc<file::File>>| file.map_or(Ok(()), |file| read(&file)));
    read.map_err(|error| {
        let path = facts.path(&shared.dir);
        Fault::theirs(format!("cannot read {}: {error}", path.display()))
    })
}

/// The object that the ndjson form has for a row.
fn object(noun: Noun, cells: &[(&str, Value<'_>)], plan: &Plan) -> String {
    let mut object = Vec::new();
    let mut field = |name: &str, value: &Value<'_>| {
        object.push(if object.is_empty() { b'{' } else { b',' });
        push_string(name, &mut object);
        object.push(b':');
        push_value(value, &mut object);
    };
    let fixed = if noun == Noun::Aggregates { fixed(cells) } else { cells.len() };
    for (name, value) in &cells[1..fixed] {
        // What is nearly always the same stands in tables only.
        if noun == Noun::Aggregates && matches!(value, Value::Integer(0) | Value::Flag(false)) {
            continue;
        }
        field(name, value);
    }
    // The table has a column for each statistic that any window gives; a row in words has those of its own window, in
    // the order asked for. Of a window that the config has no more: those that are there.
    let (_, statistics) = cells.split_at(fixed);
    let window = cells.iter().find_map(|cell| match *cell {
        ("window", Value::Text(window)) => Some(window),
        _ => None,
    });
    let channel = cells.iter().find_map(|cell| match *cell {
        ("channel", Value::Text(channel)) => Some(channel),
        _ => None,
    });
    // A section may be several operators of one name, each over channels of its own.
    let called = |operator: &&Operator| window == Some(operator.name.as_str());
    let takes = |operator: &&Operator| operator.on.iter().any(|on| Some(on.as_str()) == channel);
    let operators = || plan.operators.iter().filter(called);
    match operators().find(takes).or_else(|| operators().next()).map(|operator| &operator.work) {
        Some(Work::Window(spec)) => {
            let named = |name: &str| statistics.iter().find(|(column, _)| *column == name);
            spec.give.iter().filter_map(|given| named(&given.name)).for_each(|(name, value)| field(name, value));
        }
        _ => statistics.iter().filter(|(_, value)| *value != Value::Null).for_each(|(name, value)| field(name, value)),
    }
    object.push(b'}');
    String::from_utf8(object).expect("words are UTF-8")
}

/// Columns of an aggregate before its statistics: seq, id, window, key, channel, start, end, and in all but the oldest files
/// revision and partial.
fn fixed(cells: &[(&str, Value<'_>)]) -> usize {
    let last = cells.iter().rposition(|(name, _)| matches!(*name, "end" | "partial"));
    last.map_or(cells.len(), |last| last + 1)
}

fn push_value(value: &Value<'_>, into: &mut Vec<u8>) {
    match *value {
        Value::Number(number) if number.is_finite() => push_number(number, into),
        Value::Integer(number) => push_integer(number, into),
        Value::Flag(flag) => into.extend_from_slice(if flag { b"true" } else { b"false" }),
        Value::Text(text) => push_string(text, into),
        Value::Time(time) => {
            into.push(b'"');
            push_time(time, into);
            into.push(b'"');
        }
        Value::Null | Value::Number(_) | Value::Id(_) => into.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::plan::{Given, Statistic, WindowSpec};
    use ouzel_engine::time::{Span, Time};

    fn plan() -> Plan {
        let minute = Span::from_secs(60);
        let give = ["p95", "count"].map(|name| {
            let what = if name == "count" { Statistic::Count } else { Statistic::Quantile(95_000) };
            Given { name: name.to_owned(), what }
        });
        let spec = WindowSpec { give: give.to_vec(), ..WindowSpec::time(minute, minute, &[]) };
        let operator = Operator { name: "minute".into(), on: vec!["heat".into()], work: Work::Window(spec) };
        Plan { operators: vec![operator], ..Plan::default() }
    }

    /// The row of a window, of a file whose columns behind `end` are these.
    fn row(behind: &[(&str, Value<'_>)]) -> String {
        let fixed = [
            ("seq", Value::Integer(0)),
            ("window", Value::Text("minute")),
            ("channel", Value::Text("heat")),
            ("end", Value::Time(Time(0))),
        ];
        let cells: Vec<(&str, Value<'_>)> = fixed.iter().chain(behind).copied().collect();
        let row = object(Noun::Aggregates, &cells, &plan());
        row.split_once("00Z\",").map_or("", |(_, rest)| rest).to_owned()
    }

    #[test]
    fn files_from_before_there_were_revisions_are_read_as_they_were_written() {
        let (count, p95) = (("count", Value::Integer(3)), ("p95", Value::Number(2.5)));
        assert_eq!(row(&[count, p95]), "\"p95\":2.5,\"count\":3}");
        assert_eq!(row(&[count]), "\"count\":3}");
    }

    #[test]
    fn what_is_nearly_always_the_same_is_told_where_it_is_not() {
        let of = |revision, partial| {
            row(&[
                ("revision", Value::Integer(revision)),
                ("partial", Value::Flag(partial)),
                ("count", Value::Integer(0)),
                ("p95", Value::Null),
            ])
        };
        assert_eq!(of(0, false), "\"p95\":null,\"count\":0}");
        assert_eq!(of(2, true), "\"revision\":2,\"partial\":true,\"p95\":null,\"count\":0}");
    }
}
