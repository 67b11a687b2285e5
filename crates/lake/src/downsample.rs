//! Fewer points for a picture, without losing what people look for.
//!
//! Lines are thinned by M4 (Jugel et al., VLDB 2014): of each pixel column the first, the smallest, the largest and the
//! last point, which draws the same pixels as all points do. Points of anomalies stay in any case, and where readings
//! are missing the line is broken. Pure functions; times ascend, and values that are NaN count as absent.

use crate::tier::{Bucket, join_into};
use ouzel_engine::time::{Span, Time};

/// A line to draw: `None` where it is broken. Times ascend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// When.
    pub time: Vec<Time>,
    /// How much; both have the same length.
    pub value: Vec<Option<f64>>,
}

/// The extent of the points in each pixel column that has any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    /// Start of the column.
    pub time: Vec<Time>,
    /// Smallest value.
    pub low: Vec<f64>,
    /// Largest value.
    pub high: Vec<f64>,
    /// Arithmetic mean.
    pub mean: Vec<f64>,
}

/// The pixel columns of a picture of `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    from: Time,
    /// Nanoseconds a column, at least 1.
    width: i64,
    count: usize,
}

impl Columns {
    /// `count` columns over `[from, to)`; at least one.
    pub fn new(from: Time, to: Time, count: usize) -> Columns {
        let count = count.max(1);
        let span = to.since(from).0.max(1);
        Columns { from, width: (span / count as i64 + i64::from(span % count as i64 != 0)).max(1), count }
    }

    /// How long a column is.
    pub fn width(&self) -> Span {
        Span(self.width)
    }

    /// The column of a moment; what is outside goes into the first or the last one.
    fn of(&self, time: Time) -> usize {
        let column = time.since(self.from).0.max(0) / self.width;
        usize::try_from(column).unwrap_or(usize::MAX).min(self.count - 1)
    }

    fn start(&self, column: usize) -> Time {
        self.from + Span(self.width.saturating_mul(column as i64))
    }
}

/// The usual time from one reading to the next: the median of the steps; zero for fewer than two readings.
pub fn usual_step(time: &[Time]) -> Span {
    let mut steps: Vec<Span> = time.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    if steps.is_empty() {
        return Span::ZERO;
    }
    let middle = steps.len() / 2;
    *steps.select_nth_unstable(middle).1
}

/// Thins a line: at most four points a column, the points at the times in `pinned` (by the microsecond, ascending),
/// and a break wherever two readings are further apart than `gap` and than two columns.
pub fn line(columns: Columns, time: &[Time], value: &[f64], pinned: &[Time], gap: Span) -> Line {
    let gap = gap.max(Span(columns.width.saturating_mul(2)));
    let mut out = Line::default();
    let mut pins = Pins { times: pinned, next: 0 };
    let mut column = Column::default();
    let mut last: Option<Time> = None;
    let present = time.iter().zip(value).enumerate().filter(|(_, (_, value))| !value.is_nan());
    for (index, (&at, &value_here)) in present {
        let here = columns.of(at);
        if column.number != here {
            column.give(time, value, &mut out);
            column.number = here;
        }
        if let Some(before) = last.filter(|&before| at.since(before) > gap) {
            // Longer than two columns, so the one before it is done, unless both lie outside of the picture.
            column.give(time, value, &mut out);
            out.time.push(before + Span(at.since(before).0 / 2));
            out.value.push(None);
        }
        column.see(index, value_here, value, pins.has(at));
        last = Some(at);
    }
    column.give(time, value, &mut out);
    out
}

/// The points of a column that will stay, by their index.
#[derive(Default)]
struct Column {
    number: usize,
    /// First, smallest, largest, last.
    four: Option<[usize; 4]>,
    pinned: Vec<usize>,
}

impl Column {
    fn see(&mut self, index: usize, here: f64, value: &[f64], pinned: bool) {
        match &mut self.four {
            None => self.four = Some([index; 4]),
            Some([_, min, max, last]) => {
                if here < value[*min] {
                    *min = index;
                }
                if here > value[*max] {
                    *max = index;
                }
                *last = index;
            }
        }
        if pinned {
            self.pinned.push(index);
        }
    }

    fn give(&mut self, time: &[Time], value: &[f64], out: &mut Line) {
        let Some(four) = self.four.take() else { return };
        self.pinned.extend(four);
        self.pinned.sort_unstable();
        self.pinned.dedup();
        for index in self.pinned.drain(..) {
            out.time.push(time[index]);
            out.value.push(Some(value[index]));
        }
    }
}

/// Walks the pinned times beside the points.
struct Pins<'a> {
    times: &'a [Time],
    next: usize,
}

impl Pins<'_> {
    fn has(&mut self, time: Time) -> bool {
        let micros = |time: Time| time.0.div_euclid(1_000);
        while self.times.get(self.next).is_some_and(|&pin| micros(pin) < micros(time)) {
            self.next += 1;
        }
        self.times.get(self.next).is_some_and(|&pin| micros(pin) == micros(time))
    }
}

/// Smallest, largest and mean value of each column that has points.
pub fn band(columns: Columns, time: &[Time], value: &[f64]) -> Band {
    let mut band = Band::default();
    let mut last = (usize::MAX, 0u64);
    for (&at, &value) in time.iter().zip(value).filter(|(_, value)| !value.is_nan()) {
        let column = columns.of(at);
        if last.0 != column {
            last = (column, 0);
            band.time.push(columns.start(column));
            band.low.push(value);
            band.high.push(value);
            band.mean.push(0.0);
        }
        last.1 += 1;
        let here = band.time.len() - 1;
        band.low[here] = band.low[here].min(value);
        band.high[here] = band.high[here].max(value);
        band.mean[here] += value / last.1 as f64 - band.mean[here] / last.1 as f64;
    }
    band
}

/// Joins buckets of one column; each begins where the first of them does.
pub fn thin(columns: Columns, buckets: &[Bucket]) -> Vec<Bucket> {
    let mut thin: Vec<Bucket> = Vec::new();
    let mut last = usize::MAX;
    for bucket in buckets {
        let column = columns.of(bucket.start);
        match thin.last_mut() {
            Some(joined) if last == column => join_into(joined, bucket),
            _ => thin.push(*bucket),
        }
        last = column;
    }
    thin
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Time {
        Time(millis * 1_000_000)
    }

    fn kept(line: &Line) -> Vec<(Time, f64)> {
        line.time.iter().zip(&line.value).filter_map(|(&time, value)| Some((time, (*value)?))).collect()
    }

    #[test]
    fn a_column_keeps_first_smallest_largest_last_and_what_is_pinned() {
        let time: Vec<Time> = (0..10).map(at).collect();
        let value = [5.0, 1.0, 6.0, 4.5, 9.0, 2.0, 3.0, f64::NAN, 4.0, 7.0];
        let line = line(Columns::new(at(0), at(10), 1), &time, &value, &[at(3)], Span::from_secs(1));
        let expected = [(0, 5.0), (1, 1.0), (3, 4.5), (4, 9.0), (9, 7.0)];
        assert_eq!(kept(&line), expected.map(|(millis, value)| (at(millis), value)));
    }

    #[test]
    fn the_line_is_broken_where_readings_are_missing() {
        let time: Vec<Time> = [0, 100, 200, 5_200, 5_300].map(at).to_vec();
        let value = [1.0, 2.0, 3.0, 4.0, 5.0];
        let columns = Columns::new(at(0), at(10_000), 100);
        let broken = line(columns, &time, &value, &[], Span::from_millis(500));
        assert_eq!(broken.value, [Some(1.0), Some(2.0), Some(3.0), None, Some(4.0), Some(5.0)]);
        assert_eq!(broken.time[3], at(2_700));
        // A gap that would be less than two columns wide cannot be seen.
        let wide = Columns::new(at(0), at(10_000), 3);
        assert!(line(wide, &time, &value, &[], Span::from_millis(500)).value.iter().all(Option::is_some));
        assert_eq!(usual_step(&time), Span::from_millis(100));
    }

    #[test]
    fn a_band_has_the_extent_of_each_column() {
        let time: Vec<Time> = [0, 1, 2, 20, 21].map(at).to_vec();
        let band = band(Columns::new(at(0), at(30), 3), &time, &[1.0, 3.0, 2.0, f64::NAN, 8.0]);
        assert_eq!((band.time, band.low), (vec![at(0), at(20)], vec![1.0, 8.0]));
        assert_eq!((band.high, band.mean), (vec![3.0, 8.0], vec![2.0, 8.0]));
    }

    fn rows() -> impl Strategy<Value = Vec<(i64, f64)>> {
        let value = prop_oneof![9 => -1e3f64..1e3, 1 => Just(f64::NAN)];
        proptest::collection::vec((0i64..50, value), 0..400).prop_map(|steps| {
            let mut now = 0;
            let row = |(step, value)| {
                now += step;
                (now, value)
            };
            steps.into_iter().map(row).collect()
        })
    }

    proptest! {
        #[test]
        fn extremes_ends_order_and_pins_are_kept(
            rows in rows(),
            count in 1usize..40,
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let time: Vec<Time> = rows.iter().map(|row| at(row.0)).collect();
            let value: Vec<f64> = rows.iter().map(|row| row.1).collect();
            let mut pinned: Vec<Time> = picks.iter().filter(|_| !rows.is_empty()).map(|pick| time[pick.index(rows.len())]).collect();
            pinned.sort_unstable();
            let end = time.last().map_or(1, |last| last.0 / 1_000_000 + 1);
            let columns = Columns::new(at(0), at(end), count);
            let line = line(columns, &time, &value, &pinned, Span::ZERO);
            let kept = kept(&line);
            let all: Vec<(Time, f64)> = time.iter().copied().zip(value).filter(|row| !row.1.is_nan()).collect();

            prop_assert!(line.time.is_sorted());
            let pins = all.iter().filter(|row| pinned.contains(&row.0)).count();
            prop_assert!(kept.len() <= 4 * count + pins);
            prop_assert_eq!(kept.first(), all.first());
            prop_assert_eq!(kept.last(), all.last());
            for column in 0..count {
                let extremes = |rows: &[(Time, f64)]| {
                    let inside = rows.iter().filter(|row| columns.of(row.0) == column).map(|row| row.1);
                    inside.fold(None, |found: Option<(f64, f64)>, value| {
                        Some(found.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
                    })
                };
                prop_assert_eq!(extremes(&kept), extremes(&all));
            }
            // What is kept is of what was there, in its order.
            let mut left = all.iter();
            prop_assert!(kept.iter().all(|row| left.any(|other| other == row)));
            prop_assert!(all.iter().filter(|row| pinned.contains(&row.0)).all(|row| kept.contains(row)));
            // Breaks stand alone, and never at an end.
            prop_assert!(line.value.windows(2).all(|pair| pair[0].is_some() || pair[1].is_some()));
            prop_assert!(line.value.first().is_none_or(Option::is_some) && line.value.last().is_none_or(Option::is_some));
        }
    }
}
