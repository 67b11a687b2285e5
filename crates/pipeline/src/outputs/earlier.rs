//! Entries of the first format, in which an aggregate said count, mean, spread and extremes and nothing else.
//!
//! A log may go on in a segment that an earlier Ouzel began, so each record says by its first byte what it is. These types
//! are what stood behind [`FIRST`]; nothing writes them any more.

use super::{Entry, Place, Said};
use crate::trouble::Trouble;
use ouzel_connect::source::Rejected;
use ouzel_engine::output::{self, Alert, Anomaly, Over};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Device, Series};
use ouzel_engine::time::Time;
use serde::Deserialize;

/// What an entry of the first format begins with.
pub(super) const FIRST: u8 = 1;

/// Reads what stands behind [`FIRST`].
pub(super) fn read(body: &[u8]) -> Option<Entry> {
    let entry: EntryOfFirst = postcard::from_bytes(body).ok()?;
    Some(match entry {
        EntryOfFirst::Config(text) => Entry::Config(text),
        EntryOfFirst::Said(said) => Entry::Said(said.into()),
        EntryOfFirst::Trouble(trouble, journal) => Entry::Trouble(trouble, journal),
    })
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
enum EntryOfFirst {
    Config(String),
    Said(SaidOfFirst),
    Trouble(Trouble, u64),
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct SaidOfFirst {
    from: Place,
    through: Place,
    journal: u64,
    arrived: Time,
    outputs: Vec<Output>,
    quiet: Vec<u32>,
    rejected: Vec<Rejected>,
    owed: Vec<(String, u32)>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Output {
    input: u64,
    device: Device,
    node: u16,
    ordinal: u32,
    what: What,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
enum What {
    Late(Reading),
    Aggregate(Aggregate),
    Anomaly(Box<Anomaly>),
    Over(Over),
    Alert(Box<Alert>),
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Aggregate {
    series: Series,
    start: Time,
    end: Time,
    count: u64,
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
}

impl From<SaidOfFirst> for Said {
    fn from(said: SaidOfFirst) -> Said {
        let SaidOfFirst { from, through, journal, arrived, outputs, quiet, rejected, owed } = said;
        let outputs = outputs.into_iter().map(output::Output::from).collect();
        Said { from, through, journal, arrived, outputs, quiet, rejected, owed }
    }
}

impl From<Output> for output::Output {
    fn from(output: Output) -> output::Output {
        let Output { input, device, node, ordinal, what } = output;
        let what = match what {
            What::Late(reading) => output::What::Late(reading),
            What::Aggregate(aggregate) => output::What::Aggregate(aggregate.into()),
            What::Anomaly(anomaly) => output::What::Anomaly(anomaly),
            What::Over(over) => output::What::Over(over),
            What::Alert(alert) => output::What::Alert(alert),
        };
        output::Output { input, device, node, ordinal, what }
    }
}

impl From<Aggregate> for output::Aggregate {
    fn from(aggregate: Aggregate) -> output::Aggregate {
        let Aggregate { series, start, end, count, mean, std, min, max } = aggregate;
        let (more, revision, partial) = (None, 0, false);
        output::Aggregate { series, start, end, count, mean, std, min, max, more, revision, partial }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aggregate_of_the_first_format_is_whole_and_given_once() {
        let (start, end) = (Time::from_secs(60), Time::from_secs(120));
        let (series, count, mean, std, min, max) = (Series(3), 2, 1.5, 0.5, 1.0, 2.0);
        let what = What::Aggregate(Aggregate { series, start, end, count, mean, std, min, max });
        let first = Output { input: 7, device: Device(1), node: 2, ordinal: 0, what };
        let what = What::Late(Reading::new(Series(3), start, -1.0));
        let second = Output { input: 7, device: Device(1), node: 0, ordinal: 1, what };
        let said = SaidOfFirst {
            from: Place::before(7),
            through: Place::before(8),
            journal: 99,
            arrived: end,
            outputs: vec![first, second],
            quiet: vec![1],
            rejected: Vec::new(),
            owed: vec![("desk".to_owned(), 2)],
        };
        let body = postcard::to_allocvec(&EntryOfFirst::Said(said)).unwrap();
        let Some(Entry::Said(said)) = super::super::read(&[&[FIRST], &body[..]].concat()) else { panic!("it is read") };
        assert_eq!((said.outputs.len(), said.quiet, said.owed), (2, vec![1], vec![("desk".to_owned(), 2)]));
        let (more, revision, partial) = (None, 0, false);
        let whole = output::Aggregate { series, start, end, count, mean, std, min, max, more, revision, partial };
        assert_eq!(said.outputs[0].what, output::What::Aggregate(whole));
    }
}
