//! A table about devices: one version of it, as a file had it at a time. Rooms, limits, calibration.
//!
//! A row is about a device, or about one channel of it; no two rows are about the same. Columns are numbers, which become
//! channels, or texts, which become tags. Rows stand in the order of names, so two files that say the same in another order
//! are the same version. A version has a bound and is never half taken.

mod node;

pub use node::{Lookups, TableNode};

use crate::checkpoint::floats;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// The most cells of a version: a row has one for each column that is used.
pub const MAX_CELLS: usize = 1_000_000;

/// The most bytes of names and texts of a version.
pub const MAX_BYTES: usize = 16 << 20;

/// A version of a table. An empty one knows nobody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Table {
    /// Names of the columns of numbers.
    numbers: Vec<String>,
    /// Names of the columns of text.
    tags: Vec<String>,
    /// A row is about a channel of a device.
    by_channel: bool,
    rows: u32,
    /// All texts end to end: of each row its device, its channel (empty where rows are about devices), its tags.
    text: String,
    /// Where each of them ends.
    ends: Vec<u32>,
    /// The numbers, row by row; NaN where a cell is empty.
    #[serde(with = "floats")]
    cells: Vec<f64>,
}

/// Why a table is refused; rows are counted from 0 in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has more than [`MAX_CELLS`].
    Cells,
    /// It has more than [`MAX_BYTES`] of text.
    Bytes,
    /// Two rows are about the same.
    Twice(u32, u32),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Cells => write!(f, "it has more than {MAX_CELLS} cells in the columns that are used"),
            Refused::Bytes => write!(f, "it has more than {} MiB of text", MAX_BYTES >> 20),
            Refused::Twice(first, second) => write!(f, "rows {first} and {second} are about the same"),
        }
    }
}

/// Bits count, so that an empty cell equals an empty cell.
impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        let heads = (&self.numbers, &self.tags, self.by_channel, self.rows);
        heads == (&other.numbers, &other.tags, other.by_channel, other.rows)
            && self.ends == other.ends
            && self.text == other.text
            && self.cells.len() == other.cells.len()
            && self.cells.iter().zip(&other.cells).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

/// A table that is read row by row.
#[derive(Debug)]
pub struct Builder(Table);

impl Builder {
    /// With these columns of numbers and of tags. `by_channel`: a row is about a channel of a device.
    pub fn new(numbers: Vec<String>, tags: Vec<String>, by_channel: bool) -> Builder {
        Builder(Table { numbers, tags, by_channel, ..Table::default() })
    }

    /// One more row: what it is about, its numbers (NaN where there is none) and texts, as many as there are columns.
    ///
    /// # Errors
    /// When the table is larger than it may be.
    pub fn push<'t>(
        &mut self,
        (device, channel): (&'t str, &'t str),
        numbers: impl Iterator<Item = f64>,
        tags: impl Iterator<Item = &'t str>,
    ) -> Result<(), Refused> {
        let table = &mut self.0;
        let channel = if table.by_channel { channel } else { "" };
        for word in [device, channel].into_iter().chain(tags.take(table.tags.len())) {
            if table.text.len() + word.len() > MAX_BYTES {
                return Err(Refused::Bytes);
            }
            table.text.push_str(word);
            table.ends.push(table.text.len() as u32);
        }
        // What is no number in a calculation is an empty cell.
        let numbers = numbers.take(table.numbers.len());
        table.cells.extend(numbers.map(|number| if number.is_finite() { number } else { f64::NAN }));
        table.rows += 1;
        if table.cell_count() > MAX_CELLS { Err(Refused::Cells) } else { Ok(()) }
    }

    /// The table, its rows in the order of names.
    ///
    /// # Errors
    /// When two rows are about the same.
    pub fn finish(self) -> Result<Table, Refused> {
        let from = self.0;
        let mut order: Vec<u32> = (0..from.rows).collect();
        order.sort_by(|&a, &b| from.key(a).cmp(&from.key(b)).then(a.cmp(&b)));
        if let Some(pair) = order.windows(2).find(|pair| from.key(pair[0]) == from.key(pair[1])) {
            return Err(Refused::Twice(pair[0], pair[1]));
        }
        let Table { numbers, tags, by_channel, rows, .. } = &from;
        let mut table = Table { by_channel: *by_channel, rows: *rows, ..Table::default() };
        (table.numbers, table.tags) = (numbers.clone(), tags.clone());
        for row in order {
            for word in 0..from.width() {
                table.text.push_str(from.word(row, word));
                table.ends.push(table.text.len() as u32);
            }
            table.cells.extend_from_slice(&from.cells[from.cells_of(row)]);
        }
        Ok(table)
    }
}

impl Table {
    /// Texts of a row.
    fn width(&self) -> usize {
        2 + self.tags.len()
    }

    fn cell_count(&self) -> usize {
        let own = 1 + usize::from(self.by_channel);
        (own + self.numbers.len() + self.tags.len()).saturating_mul(self.rows as usize)
    }

    fn word(&self, row: u32, word: usize) -> &str {
        let at = row as usize * self.width() + word;
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin as usize..self.ends[at] as usize]
    }

    fn key(&self, row: u32) -> (&str, &str) {
        (self.word(row, 0), self.word(row, 1))
    }

    fn cells_of(&self, row: u32) -> Range<usize> {
        let width = self.numbers.len();
        row as usize * width..(row as usize + 1) * width
    }

    /// Rows before the first that is not `before`.
    fn partition_point(&self, before: impl Fn((&str, &str)) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.key(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The row about a channel of a device.
    pub fn row(&self, device: &str, channel: &str) -> Option<u32> {
        let key = (device, if self.by_channel { channel } else { "" });
        let row = self.partition_point(|other| other < key);
        (row < self.rows && self.key(row) == key).then_some(row)
    }

    /// The place of a column of numbers.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.numbers.iter().position(|column| column == name)
    }

    /// The number in a cell; NaN where it is empty.
    pub fn number(&self, row: u32, column: usize) -> f64 {
        self.cells.get(row as usize * self.numbers.len() + column).copied().unwrap_or(f64::NAN)
    }

    /// The tags that it has for a device, in the order of its columns: of each the first row that says something.
    pub fn tags_of(&self, device: &str) -> Vec<(&str, &str)> {
        let first = self.partition_point(|other| other.0 < device);
        let rows = || (first..self.rows).take_while(|&row| self.word(row, 0) == device);
        let said = |index: usize| rows().map(|row| self.word(row, 2 + index)).find(|value| !value.is_empty());
        let tags = self.tags.iter().enumerate();
        tags.filter_map(|(index, tag)| Some((tag.as_str(), said(index)?))).collect()
    }

    /// Whether it has columns of tags.
    pub fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    /// The devices that it is about, in the order of names.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        let is_first = |&row: &u32| row == 0 || self.word(row - 1, 0) != self.word(row, 0);
        (0..self.rows).filter(is_first).map(|row| self.word(row, 0))
    }

    /// The devices whose tags this version changes, with what it has for them: those of the version before that it has no
    /// longer among them. For whoever starts a new key where a tag has changed.
    pub fn changed_tags<'t>(&'t self, before: &'t Table) -> Vec<(&'t str, Vec<(&'t str, &'t str)>)> {
        if !self.has_tags() && !before.has_tags() {
            return Vec::new();
        }
        let gone = before.devices().filter(|device| self.row_of(device).is_none());
        let mut all: Vec<&str> = self.devices().chain(gone).collect();
        all.sort_unstable();
        let tags = all.into_iter().map(|device| (device, self.tags_of(device)));
        tags.filter(|(device, tags)| *tags != before.tags_of(device)).collect()
    }

    fn row_of(&self, device: &str) -> Option<u32> {
        let row = self.partition_point(|other| other.0 < device);
        (row < self.rows && self.word(row, 0) == device).then_some(row)
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Whether it is what [`Builder::finish`] could have given: bytes that were read may be damaged.
    pub fn fits(&self) -> bool {
        let rows = self.rows as usize;
        let words = rows.checked_mul(self.width());
        let ascend = || self.ends.iter().zip(self.ends.iter().skip(1)).all(|(a, b)| a <= b);
        let whole = || self.ends.iter().all(|&end| self.text.is_char_boundary(end as usize));
        words == Some(self.ends.len())
            && rows.checked_mul(self.numbers.len()) == Some(self.cells.len())
            && self.cell_count() <= MAX_CELLS
            && self.text.len() <= MAX_BYTES
            && self.ends.last().map_or(0, |&end| end as usize) == self.text.len()
            && ascend()
            && whole()
            && (1..self.rows).all(|row| self.key(row - 1) < self.key(row))
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4 + self.cells.capacity() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(rows: &[(&str, &str, f64, &str)]) -> Result<Table, Refused> {
        let by_channel = rows.iter().any(|row| !row.1.is_empty());
        let mut builder = Builder::new(vec!["high".into()], vec!["room".into()], by_channel);
        for &(device, channel, high, room) in rows {
            builder.push((device, channel), std::iter::once(high), std::iter::once(room))?;
        }
        builder.finish()
    }

    #[test]
    fn a_row_is_found_by_its_device_and_by_its_channel_where_rows_are_about_channels() {
        let by_device = table(&[("oven", "", 80.0, "a"), ("belt", "", f64::NAN, "")]).unwrap();
        let row = by_device.row("oven", "heat").unwrap();
        assert_eq!((by_device.number(row, 0), by_device.tags_of("oven")), (80.0, vec![("room", "a")]));
        let row = by_device.row("belt", "speed").unwrap();
        assert!(by_device.number(row, 0).is_nan() && by_device.tags_of("belt").is_empty());
        assert_eq!(by_device.row("saw", "speed"), None);
        let by_channel = table(&[("oven", "heat", 80.0, ""), ("oven", "flow", 3.0, "b")]).unwrap();
        let high = |channel| by_channel.row("oven", channel).map(|row| by_channel.number(row, 0));
        assert_eq!((high("heat"), high("flow"), high("light")), (Some(80.0), Some(3.0), None));
        assert_eq!(by_channel.tags_of("oven"), [("room", "b")]);
        assert_eq!(by_channel.devices().collect::<Vec<_>>(), ["oven"]);
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_two_rows_about_one_device_are_refused() {
        let rows = [("b", "", 1.0, "x"), ("a", "", f64::NAN, "y"), ("", "", 3.0, "")];
        let mut turned = rows;
        turned.reverse();
        assert_eq!(table(&rows).unwrap(), table(&turned).unwrap());
        assert_ne!(table(&rows).unwrap(), table(&rows[1..]).unwrap());
        assert_eq!(table(&[("a", "", 1.0, ""), ("b", "", 1.0, ""), ("a", "", 1.0, "")]), Err(Refused::Twice(0, 2)));
    }

    #[test]
    fn a_table_that_is_too_large_is_refused() {
        let mut builder = Builder::new(vec!["high".into()], Vec::new(), false);
        let mut push = |n: usize| builder.push((&n.to_string(), ""), std::iter::once(1.0), std::iter::empty());
        assert!((0..MAX_CELLS / 2).all(|n| push(n).is_ok()));
        assert_eq!(push(MAX_CELLS), Err(Refused::Cells));
        let mut builder = Builder::new(Vec::new(), Vec::new(), false);
        let long = "x".repeat(MAX_BYTES / 4 + 1);
        let mut push = || builder.push((&long, ""), std::iter::empty(), std::iter::empty());
        assert!((0..3).all(|_| push().is_ok()));
        assert_eq!(push(), Err(Refused::Bytes));
    }

    #[test]
    fn devices_whose_tags_have_changed_are_named_also_those_that_are_gone() {
        let before = table(&[("a", "", 1.0, "x"), ("b", "", 1.0, "y"), ("c", "", 1.0, "z")]).unwrap();
        let now = table(&[("a", "", 9.0, "x"), ("b", "", 1.0, "w"), ("d", "", 1.0, "z")]).unwrap();
        let changed = now.changed_tags(&before);
        assert_eq!(changed, [("b", vec![("room", "w")]), ("c", vec![]), ("d", vec![("room", "z")])]);
        assert!(now.changed_tags(&now).is_empty());
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_no_table(
            rows in proptest::collection::btree_map("[aµ]{0,3}", ("[xµ]{0,2}", any::<f64>()), 0..6),
            at in any::<prop::sample::Index>(), bit in 0..8u8
        ) {
            let mut builder = Builder::new(vec!["n".into()], vec!["t".into()], false);
            for (device, (tag, number)) in &rows {
                builder.push((device, ""), std::iter::once(*number), std::iter::once(tag.as_str())).unwrap();
            }
            let table = builder.finish().unwrap();
            prop_assert!(table.fits());
            let mut bytes = postcard::to_allocvec(&table).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Table>(&bytes).unwrap(), &table);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(read) = postcard::from_bytes::<Table>(&bytes) && read.fits() {
                // What fits can be asked anything.
                for device in rows.keys() {
                    let _ = (read.row(device, "x").map(|row| read.number(row, 0)), read.tags_of(device));
                }
                let _ = read.changed_tags(&table);
            }
        }
    }
}
