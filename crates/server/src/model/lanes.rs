//! Where there was trouble: cells of ten seconds a series, for six hours.

use hashbrown::HashMap;
use ouzel_engine::output::Severity;
use ouzel_engine::series::Series;
use serde::Serialize;
use std::collections::BTreeMap;

/// Length of a cell in microseconds.
pub const CELL: i64 = 10_000_000;

/// How long cells are kept, in microseconds.
const KEPT: i64 = 6 * 3_600 * 1_000_000;

/// The most cells: with 48 bytes each, ten megabytes. A thousand series in trouble all the time have half an hour.
const CELLS: usize = 200_000;

/// The number on the wire.
pub fn level(severity: Severity) -> u8 {
    match severity {
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

/// Cells that are not empty, by their start and series.
#[derive(Debug, Default)]
pub struct Lanes {
    cells: BTreeMap<(i64, Series), (u8, u32)>,
}

/// Lanes over a range, for a picture of so many columns.
#[derive(Debug, PartialEq, Serialize)]
pub struct Lane {
    from: i64,
    to: i64,
    width: i64,
    all: Vec<u8>,
    series: Vec<SeriesLane>,
}

#[derive(Debug, PartialEq, Serialize)]
struct SeriesLane {
    s: u32,
    cells: Vec<(usize, u8, u32)>,
}

impl Lanes {
    /// An anomaly at `time`. Gives the start of its cell, unless it is older than what is kept.
    pub fn mark(&mut self, time: i64, series: Series, severity: Severity) -> Option<i64> {
        let start = time - time.rem_euclid(CELL);
        let oldest = self.cells.last_key_value().map_or(i64::MIN, |(&(newest, _), _)| newest.saturating_sub(KEPT));
        if start < oldest {
            return None;
        }
        let cell = self.cells.entry((start, series)).or_insert((0, 0));
        *cell = (cell.0.max(level(severity)), cell.1.saturating_add(1));
        let oldest = oldest.max(start.saturating_sub(KEPT));
        while let Some((&(first, _), _)) = self.cells.first_key_value()
            && (first < oldest || self.cells.len() > CELLS)
        {
            self.cells.pop_first();
        }
        Some(start)
    }

    /// Level and count of a cell.
    pub fn cell(&self, start: i64, series: Series) -> (u8, u32) {
        self.cells.get(&(start, series)).copied().unwrap_or_default()
    }

    /// The worst level of all series in the cell that starts there.
    pub fn worst(&self, start: i64) -> u8 {
        let range = (start, Series(0))..=(start, Series(u32::MAX));
        self.cells.range(range).map(|(_, &(level, _))| level).max().unwrap_or(0)
    }

    /// Cells from `from` to `to` (microseconds), merged into at most `buckets` and one columns. Columns are whole cells
    /// wide and begin at a multiple of their width, so that a picture can be moved on without being asked for again.
    /// The `most` series with the most anomalies are listed.
    pub fn lane(&self, from: i64, to: i64, buckets: usize, most: usize) -> Lane {
        let range = to.saturating_sub(from).max(1);
        let buckets = i64::try_from(buckets.max(1)).unwrap_or(i64::MAX);
        let width = range.div_euclid(buckets).saturating_add(CELL - 1).div_euclid(CELL).max(1).saturating_mul(CELL);
        let from = from.saturating_sub(from.rem_euclid(width));
        let columns = to.saturating_sub(from).saturating_add(width - 1).div_euclid(width).max(1);
        let mut all = vec![0; usize::try_from(columns).unwrap_or(1)];
        let mut series: HashMap<Series, Vec<(usize, u8, u32)>> = HashMap::new();
        for (&(start, of), &(level, count)) in self.cells.range((from, Series(0))..(to, Series(0))) {
            let column = usize::try_from((start - from).div_euclid(width)).unwrap_or(0).min(all.len() - 1);
            all[column] = level.max(all[column]);
            let cells = series.entry(of).or_default();
            match cells.last_mut().filter(|last| last.0 == column) {
                Some(last) => *last = (column, last.1.max(level), last.2.saturating_add(count)),
                None => cells.push((column, level, count)),
            }
        }
        let mut series: Vec<SeriesLane> = series.into_iter().map(|(s, cells)| SeriesLane { s: s.0, cells }).collect();
        let total = |lane: &SeriesLane| lane.cells.iter().map(|cell| u64::from(cell.2)).sum::<u64>();
        series.sort_by_key(|lane| (std::cmp::Reverse(total(lane)), lane.s));
        series.truncate(most);
        series.sort_by_key(|lane| lane.s);
        Lane { from, to, width, all, series }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn cells_merge_into_columns_that_are_whole_cells_wide() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.mark(905 * S, Series(3), Severity::Warning), Some(900 * S));
        lanes.mark(909 * S, Series(3), Severity::Critical);
        lanes.mark(915 * S, Series(3), Severity::Warning);
        lanes.mark(915 * S, Series(4), Severity::Warning);
        assert_eq!(lanes.cell(900 * S, Series(3)), (2, 2));
        assert_eq!((lanes.worst(910 * S), lanes.worst(920 * S)), (1, 0));
        let lane = lanes.lane(897 * S, 957 * S, 3, 10);
        assert_eq!((lane.from, lane.width, &lane.all[..]), (880 * S, 20 * S, &[0, 2, 0, 0][..]));
        assert_eq!(lane.series[0].cells, [(1, 2, 3)]);
        assert_eq!(lanes.lane(897 * S, 957 * S, 3, 1).series.len(), 1);
    }

    #[test]
    fn what_is_six_hours_old_goes_and_never_comes_back() {
        let mut lanes = Lanes::default();
        lanes.mark(0, Series(0), Severity::Warning);
        lanes.mark(KEPT + CELL, Series(0), Severity::Warning);
        assert_eq!(lanes.cells.len(), 1);
        assert_eq!(lanes.mark(5, Series(0), Severity::Warning), None);
    }

    #[test]
    fn cells_are_bounded_however_many_series_there_are() {
        let mut lanes = Lanes::default();
        for number in 0..CELLS as u32 + 10 {
            lanes.mark(i64::from(number / 1_000) * CELL, Series(number), Severity::Warning);
        }
        assert_eq!(lanes.cells.len(), CELLS);
    }

    #[test]
    fn no_range_is_too_odd() {
        let lanes = Lanes::default();
        for (from, to, buckets) in [(0, 0, 0), (i64::MIN, i64::MAX, 1), (i64::MAX, i64::MIN, 7), (-5, 5, usize::MAX)] {
            assert!(lanes.lane(from, to, buckets, 1).all.len() <= buckets.saturating_add(2).max(2));
        }
    }
}
