//! What a table has for a device, at each of its readings: limits as they are, and the value itself, scaled.
//!
//! Of a series only the row that is about it is kept. What comes of a reading has its time and comes with it, so that
//! whoever asks for both finds them in one point. Where the table has nothing, nothing is given, and that is counted.

use super::Table;
use crate::checkpoint::append;
use crate::plan::{Factor, TableSpec};
use crate::reading::Reading;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;
use std::sync::Arc;

/// How many readings have found all that was asked for, and how many have not: nobody has a row for them, or a cell in it is
/// empty. In = found + missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookups {
    /// Readings that found all of it.
    pub found: u64,
    /// Readings that lacked something.
    pub missing: u64,
}

impl AddAssign<Lookups> for Lookups {
    fn add_assign(&mut self, other: Lookups) {
        self.found = self.found.saturating_add(other.found);
        self.missing = self.missing.saturating_add(other.missing);
    }
}

/// No row is about the series.
const NO_ROW: u32 = u32::MAX;

/// A table and what is kept of each series.
#[derive(Debug)]
pub struct TableNode {
    spec: TableSpec,
    /// The version in force; before the first one, one that knows nobody.
    table: Arc<Table>,
    /// Where its columns stand in that version.
    columns: Columns,
    states: Vec<State>,
    /// Of all series together, those that have left among them.
    pub total: Lookups,
}

/// Where the columns of a spec stand in a version. A version that was made for another config may lack some.
#[derive(Debug, Default)]
struct Columns {
    scale: Option<usize>,
    offset: Option<usize>,
    give: Vec<Option<usize>>,
}

#[derive(Debug)]
struct State {
    row: u32,
    joined: Lookups,
    /// What goes on, and as what: place among what is made of a channel, and the shard's place of the series that takes it.
    /// In the order of the first.
    feeds: Vec<(u16, u32)>,
}

const NEW: State = State { row: NO_ROW, joined: Lookups { found: 0, missing: 0 }, feeds: Vec::new() };

impl TableNode {
    /// Without a version, and without any series.
    pub fn new(spec: TableSpec) -> TableNode {
        let columns = Columns { give: vec![None; spec.give.len()], ..Columns::default() };
        TableNode { spec, table: Arc::default(), columns, states: Vec::new(), total: Lookups::default() }
    }

    /// Room for one more series; gives its place. It has no row until it is [resolved](TableNode::resolve).
    pub fn add_series(&mut self) -> u32 {
        self.states.push(NEW);
        self.states.len() as u32 - 1
    }

    /// Another version is in force. All series are to be resolved again.
    pub fn take(&mut self, table: Arc<Table>) {
        let of = |factor: &Option<Factor>| match factor {
            Some(Factor::Column(name)) => table.column(name),
            _ => None,
        };
        let give = self.spec.give.iter().map(|name| table.column(name)).collect();
        self.columns = Columns { scale: of(&self.spec.scale), offset: of(&self.spec.offset), give };
        self.table = table;
    }

    /// Looks up the row that is about a series.
    pub fn resolve(&mut self, place: u32, device: &str, channel: &str) {
        self.states[place as usize].row = self.table.row(device, channel).unwrap_or(NO_ROW);
    }

    /// What is made of this series is taken by the one at the shard's place `to`.
    pub fn feed(&mut self, place: u32, index: u16, to: u32) {
        let feeds = &mut self.states[place as usize].feeds;
        feeds.push((index, to));
        feeds.sort_unstable();
    }

    /// A reading of the series at `place`; what comes of it goes to `give`, with the series that takes it.
    #[inline(never)]
    pub fn observe(&mut self, place: u32, reading: &Reading, mut give: impl FnMut(u32, Reading)) {
        let TableNode { spec, table, columns, states, total } = self;
        let state = &mut states[place as usize];
        let cell = |column: Option<usize>| match column {
            Some(column) if state.row != NO_ROW => table.number(state.row, column),
            _ => f64::NAN,
        };
        let scaled = match (state.row, spec.scales()) {
            (NO_ROW, _) | (_, false) => f64::NAN,
            _ => {
                let scale = factor(spec.scale.as_ref(), columns.scale, cell, 1.0);
                let offset = factor(spec.offset.as_ref(), columns.offset, cell, 0.0);
                reading.value * scale + offset
            }
        };
        let first = usize::from(spec.scales());
        for &(index, to) in &state.feeds {
            let value = match usize::from(index).checked_sub(first) {
                None => scaled,
                Some(given) => cell(columns.give.get(given).copied().flatten()),
            };
            if value.is_finite() {
                give(to, Reading { value, ..*reading });
            }
        }
        let whole = (first == 0 || scaled.is_finite()) && columns.give.iter().all(|&column| cell(column).is_finite());
        let joined = Lookups { found: u64::from(whole), missing: u64::from(!whole) };
        state.joined += joined;
        *total += joined;
    }

    /// Forgets what it knows of the series at a place.
    pub fn reset(&mut self, place: u32) {
        self.states[place as usize] = NEW;
    }

    /// Adds the state of a series to bytes: what was counted. Its row follows from the version in force, which is kept once.
    pub fn save(&self, place: u32, into: &mut Vec<u8>) {
        append(&self.states[place as usize].joined, into);
    }

    /// Takes it back.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn load(&mut self, place: u32, bytes: &[u8]) -> Result<(), postcard::Error> {
        let joined: Lookups = postcard::from_bytes(bytes)?;
        self.total += joined;
        self.states[place as usize].joined = joined;
        Ok(())
    }

    /// Bytes for all series, without the table itself.
    pub fn bytes(&self) -> usize {
        let feeds = |state: &State| state.feeds.capacity() * size_of::<(u16, u32)>();
        self.states.capacity() * size_of::<State>() + self.states.iter().map(feeds).sum::<usize>()
    }
}

/// A scale or an offset for a series: an empty cell changes nothing. A column that the version does not have is no empty cell:
/// without it nobody knows what the value would be.
fn factor(factor: Option<&Factor>, column: Option<usize>, cell: impl Fn(Option<usize>) -> f64, neutral: f64) -> f64 {
    match factor {
        None => neutral,
        Some(Factor::Plain(number)) => *number,
        Some(Factor::Column(_)) if column.is_none() => f64::NAN,
        Some(Factor::Column(_)) => Some(cell(column)).filter(|cell| cell.is_finite()).unwrap_or(neutral),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Series;
    use crate::table::Builder;
    use crate::time::Time;

    fn node(rows: &[(&str, [f64; 3])]) -> TableNode {
        let mut builder = Builder::new(["scale", "offset", "high"].map(str::to_owned).to_vec(), Vec::new(), false);
        rows.iter().for_each(|(device, cells)| {
            builder.push((device, ""), cells.iter().copied(), std::iter::empty()).unwrap();
        });
        let column = |name: &str| Some(Factor::Column(name.to_owned()));
        let spec = TableSpec { scale: column("scale"), offset: column("offset"), give: vec!["high".to_owned()] };
        let mut node = TableNode::new(spec);
        node.add_series();
        node.feed(0, 1, 8);
        node.feed(0, 0, 7);
        node.take(Arc::new(builder.finish().unwrap()));
        node
    }

    fn given(node: &mut TableNode, value: f64) -> Vec<(u32, f64)> {
        let mut all = Vec::new();
        node.observe(0, &Reading::new(Series(0), Time(5), value), |to, reading| all.push((to, reading.value)));
        all
    }

    #[test]
    fn a_value_is_scaled_before_it_is_moved_and_empty_cells_change_nothing() {
        for (cells, expected) in [
            ([2.0, 3.0, 90.0], vec![(7, 23.0), (8, 90.0)]),
            ([f64::NAN, 3.0, 90.0], vec![(7, 13.0), (8, 90.0)]),
            ([2.0, f64::NAN, f64::NAN], vec![(7, 20.0)]),
            ([f64::MAX, 0.0, 90.0], vec![(8, 90.0)]),
        ] {
            let mut node = node(&[("oven", cells)]);
            node.resolve(0, "oven", "heat");
            assert_eq!(given(&mut node, 10.0), expected);
            let whole = u64::from(expected.len() == 2);
            assert_eq!(node.total, Lookups { found: whole, missing: 1 - whole });
        }
    }

    #[test]
    fn a_device_that_nobody_has_a_row_for_is_given_nothing_and_counted() {
        let mut node = node(&[("oven", [1.0, 0.0, 90.0])]);
        node.resolve(0, "saw", "heat");
        assert!(given(&mut node, 10.0).is_empty());
        assert_eq!(node.total, Lookups { found: 0, missing: 1 });
        node.resolve(0, "oven", "heat");
        assert_eq!(given(&mut node, 10.0).len(), 2);
        let mut bytes = Vec::new();
        node.save(0, &mut bytes);
        let mut other = TableNode::new(node.spec.clone());
        other.add_series();
        other.load(0, &bytes).unwrap();
        assert_eq!(other.total, Lookups { found: 1, missing: 1 });
    }

    #[test]
    fn a_column_that_the_version_does_not_have_is_no_empty_cell() {
        let mut node = node(&[("oven", [2.0, 3.0, 90.0])]);
        let mut builder = Builder::new(["offset", "high"].map(str::to_owned).to_vec(), Vec::new(), false);
        builder.push(("oven", ""), [3.0, 90.0].into_iter(), std::iter::empty()).unwrap();
        node.take(Arc::new(builder.finish().unwrap()));
        node.resolve(0, "oven", "heat");
        assert_eq!(given(&mut node, 10.0), [(8, 90.0)]);
        assert_eq!(node.total, Lookups { found: 0, missing: 1 });
    }
}
