//! What a table has for a reading: the version that is in force when the reading goes on, the row of its device, a cell.

use super::arrived::{Device, One};
use ouzel_engine::plan::{Factor, Operator, TableSpec};
use ouzel_engine::table::Table;
use ouzel_pipeline::tables::Tables;
use std::sync::Arc;

/// Versions, each with the number of the first input that it is in force for, in order.
pub type Versions<'a> = [(u64, &'a Tables)];

/// What the join makes of a channel: each of its channels, with its readings.
pub fn joined(
    operator: &Operator,
    spec: &TableSpec,
    device: &Device,
    channel: &str,
    versions: &Versions<'_>,
) -> Vec<(String, Vec<One>)> {
    let in_force = |released: u64| -> Option<&Arc<Table>> {
        let before = versions.iter().filter(|(from, _)| *from <= released);
        before
            .flat_map(|(_, tables)| tables.iter())
            .filter(|(name, _)| *name == operator.name)
            .map(|of| &of.1)
            .next_back()
    };
    let cell = |one: &One, column: &str| -> Option<f64> {
        let table = in_force(one.released)?;
        let number = table.number(table.row(&device.name, channel)?, table.column(column)?);
        (!number.is_nan()).then_some(number)
    };
    let has_row = |one: &One| in_force(one.released).is_some_and(|table| table.row(&device.name, channel).is_some());
    let factor = |one: &One, factor: &Option<Factor>, neutral: f64| match factor {
        None => neutral,
        Some(Factor::Plain(number)) => *number,
        Some(Factor::Column(column)) => cell(one, column).unwrap_or(neutral),
    };
    let value = |one: &One, word: &str| -> Option<f64> {
        if word == TableSpec::VALUE && spec.scales() {
            let scaled = one.value * factor(one, &spec.scale, 1.0) + factor(one, &spec.offset, 0.0);
            return (has_row(one) && scaled.is_finite()).then_some(scaled);
        }
        cell(one, word)
    };
    let readings = || device.in_order.get(channel).into_iter().flatten().filter(|one| one.good);
    let make = |word: &str| {
        let made = readings().filter_map(|one| Some(One { value: value(one, word)?, ..*one }));
        (format!("{}.{channel}.{word}", operator.name), made.collect())
    };
    spec.words().map(make).collect()
}
