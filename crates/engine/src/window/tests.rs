//! Each shape against a naive recomputation from all readings, saved and restored on the way, at the ends of time too.

use super::*;
use crate::plan::{SessionSpec, Statistic, Step, WhenLate, Zone};
use proptest::prelude::*;

mod gives;
mod revise;

/// A window as it should be: edges and values.
type Window = (i64, i64, Vec<f64>);

const FACTS: SeriesFacts = SeriesFacts { first: Time::MIN, expected: None };

fn time(size: i64, every: i64) -> WindowSpec {
    WindowSpec::time(Span(size), Span(every), &Statistic::USUAL)
}

fn of(shape: Shape) -> WindowSpec {
    WindowSpec::of(shape, &Statistic::USUAL)
}

fn session(gap: i64, longest: Option<i64>) -> WindowSpec {
    of(Shape::Session(Box::new(SessionSpec { gap: Span(gap), longest: longest.map(Span), start: None, active: None })))
}

/// The same windows in their general form, which keeps what closed for no time.
fn general(mut spec: WindowSpec) -> WindowSpec {
    spec.when_late = WhenLate::Revise(Span(0));
    spec
}

/// Plays the shard's part for one series.
struct Player {
    spec: WindowSpec,
    windows: Windows,
    watermark: Time,
    rows: Vec<(Closed, Time)>,
}

impl Player {
    fn new(spec: &WindowSpec) -> Player {
        Player { spec: spec.clone(), windows: Windows::new(spec), watermark: Time::MIN, rows: Vec::new() }
    }

    fn close_until(&mut self, time: Time) {
        while self.windows.next_end() <= time && self.windows.next_end() != Time::MAX {
            let end = self.windows.next_end();
            if let Some(closed) = self.windows.close(&self.spec, &FACTS) {
                self.rows.push((closed, end));
            }
            assert!(self.windows.next_end() >= end, "windows close in order of their ends");
        }
    }

    fn add(&mut self, time: i64, value: f64) {
        let time = Time(time);
        self.close_until(time);
        let before = self.windows.next_end();
        let told = self.windows.add(&self.spec, time, value);
        let after = self.windows.next_end();
        assert_eq!(told, if after < before { after } else { Time::MAX }, "{:?}: {before:?} {after:?}", self.windows);
        self.watermark = self.watermark.max(time);
        self.close_until(self.watermark);
    }

    /// A reading out of order: whether it found a window.
    fn late(&mut self, time: i64, value: f64) -> bool {
        let Player { spec, windows, watermark, rows } = self;
        windows.late(spec, &FACTS, Time(time), value, *watermark, |closed| rows.push((closed, *watermark)))
    }

    fn save_and_restore(&mut self) {
        let bytes = postcard::to_allocvec(&self.windows).unwrap();
        self.windows = postcard::from_bytes(&bytes).unwrap();
        assert!(self.windows.fits(&self.spec));
        assert_eq!(postcard::to_allocvec(&self.windows).unwrap(), bytes);
    }

    fn end(mut self) -> Vec<Closed> {
        self.close_until(Time::MAX);
        self.rows.into_iter().map(|(closed, _)| closed).collect()
    }
}

fn play(spec: &WindowSpec, readings: &[(i64, f64)]) -> Vec<Closed> {
    let mut player = Player::new(spec);
    readings.iter().for_each(|&(time, value)| player.add(time, value));
    player.end()
}

/// (start, end, count, mean) of each row.
fn rows(spec: &WindowSpec, readings: &[(i64, f64)]) -> Vec<(i64, i64, u64, f64)> {
    play(spec, readings).iter().map(|c| (c.start.0, c.end.0, c.summary.count(), c.summary.mean())).collect()
}

fn assert_same(got: &[Closed], expected: &[Window]) {
    let edges = |all: &[Closed]| all.iter().map(|c| (c.start.0, c.end.0, c.summary.count())).collect::<Vec<_>>();
    let wanted: Vec<_> = expected.iter().map(|(start, end, values)| (*start, *end, values.len() as u64)).collect();
    assert_eq!(edges(got), wanted);
    for (row, (_, _, values)) in got.iter().zip(expected) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
        assert!(close(row.summary.mean(), mean), "{row:?} {values:?}");
        let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        assert!((row.summary.std() - std).abs() < 1e-6, "{row:?} {values:?}");
        assert_eq!(row.summary.min(), values.iter().copied().fold(f64::INFINITY, f64::min));
        assert_eq!(row.summary.max(), values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
}

/// All windows of time with a reading in them, in numbers that do not overflow.
fn naive_time(size: i64, every: i64, readings: &[(i64, f64)]) -> Vec<Window> {
    let (size, every) = (i128::from(size), i128::from(every));
    let mut starts = std::collections::BTreeSet::new();
    for &(time, _) in readings {
        let last = i128::from(time).div_euclid(every) * every;
        let mut start = last;
        while start + size > i128::from(time) {
            starts.insert(start);
            start -= every;
        }
    }
    let clamp = |t: i128| t.clamp(i128::from(i64::MIN), i128::from(LAST.0)) as i64;
    let values = |start: i128| {
        let inside = |t: i64| start <= i128::from(t) && i128::from(t) < start + size;
        readings.iter().filter(|r| inside(r.0)).map(|r| r.1).collect()
    };
    starts.into_iter().map(|start| (clamp(start), clamp(start + size), values(start))).collect()
}

fn naive_sliding(size: i64, every: i64, readings: &[(i64, f64)]) -> Vec<Window> {
    let mut spoke = None;
    let mut out = Vec::new();
    for (i, &(time, _)) in readings.iter().enumerate() {
        if time - *spoke.get_or_insert(time) >= every {
            spoke = Some(time);
            let inside = readings[..=i].iter().filter(|r| r.0 >= time - size).map(|r| r.1).collect();
            out.push((time - size, time, inside));
        }
    }
    out
}

fn naive_count(size: usize, every: usize, readings: &[(i64, f64)]) -> Vec<Window> {
    let full = (0..).map(|k| k * every).take_while(|start| start + size <= readings.len());
    full.map(|start| {
        let inside = &readings[start..start + size];
        (inside[0].0, inside[size - 1].0, inside.iter().map(|r| r.1).collect())
    })
    .collect()
}

fn naive_sessions(gap: i64, longest: Option<i64>, readings: &[(i64, f64)]) -> Vec<Window> {
    let mut out: Vec<Window> = Vec::new();
    for &(time, value) in readings {
        match out.last_mut() {
            Some(last) if time - last.1 <= gap && longest.is_none_or(|longest| time - last.0 < longest) => {
                last.1 = time;
                last.2.push(value);
            }
            _ => out.push((time, time, vec![value])),
        }
    }
    out
}

fn readings(steps: &[(i64, f64)]) -> Vec<(i64, f64)> {
    steps
        .iter()
        .scan(0, |time, &(step, value)| {
            *time += step;
            Some((*time, value))
        })
        .collect()
}

#[test]
fn tumbling_windows_hold_their_start_and_not_their_end() {
    for spec in [time(10, 10), general(time(10, 10))] {
        assert_eq!(
            rows(&spec, &[(0, 1.0), (9, 3.0), (10, 5.0), (35, 7.0)]),
            [(0, 10, 2, 2.0), (10, 20, 1, 5.0), (30, 40, 1, 7.0)]
        );
        assert_eq!(rows(&spec, &[(-1, 1.0)]), [(-10, 0, 1, 1.0)]);
    }
}

#[test]
fn hopping_windows_overlap_and_stop_after_the_last_reading() {
    for spec in [time(10, 5), general(time(10, 5))] {
        assert_eq!(rows(&spec, &[(7, 1.0), (12, 3.0)]), [(0, 10, 1, 1.0), (5, 15, 2, 2.0), (10, 20, 1, 3.0)]);
    }
}

#[test]
fn a_sliding_window_holds_both_its_ends_and_speaks_every_so_often() {
    let spec = of(Shape::Sliding { size: Span(10), every: Span(5) });
    let readings = [(0, 1.0), (4, 2.0), (6, 3.0), (10, 4.0), (12, 5.0)];
    // The first reading starts the count.
    assert_eq!(rows(&spec, &readings), [(-4, 6, 3, 2.0), (2, 12, 4, 3.5)]);
    let each = of(Shape::Sliding { size: Span(4), every: Span(0) });
    assert_eq!(rows(&each, &readings[..3]), [(-4, 0, 1, 1.0), (0, 4, 2, 1.5), (2, 6, 2, 2.5)]);
}

#[test]
fn ten_readings_a_second_for_thirty_seconds_slide_as_in_the_lab() {
    // 300 readings over 30 s, a window of 5 s every 1 s: 29 results with 46.7 readings on average; 50 readings every 10: 26.
    let readings: Vec<(i64, f64)> = (0..300).map(|i| (30_000_000_000 * i / 299, i as f64)).collect();
    let slides = rows(&of(Shape::Sliding { size: Span::from_secs(5), every: Span::from_secs(1) }), &readings);
    let total: u64 = slides.iter().map(|row| row.2).sum();
    assert_eq!((slides.len(), total), (29, 1_354));
    assert_eq!(rows(&of(Shape::Count { size: 50, every: 10 }), &readings).len(), 26);
}

#[test]
fn a_sliding_window_below_its_least_count_speaks_as_soon_as_it_has_enough() {
    let mut spec = of(Shape::Sliding { size: Span(10), every: Span(5) });
    spec.min = 3;
    assert_eq!(rows(&spec, &[(0, 1.0), (7, 2.0), (8, 3.0), (9, 4.0)]), [(-2, 8, 3, 2.0)]);
}

#[test]
fn a_dense_sliding_window_is_off_by_a_piece_of_it_at_most() {
    let size = 1_000_000;
    let spec = of(Shape::Sliding { size: Span(size), every: Span(size / 7) });
    let readings: Vec<(i64, f64)> = (0..20_000).map(|i| (i * 137, 1.0)).collect();
    let got = rows(&spec, &readings);
    let expected = naive_sliding(size, size / 7, &readings);
    assert_eq!(got.len(), expected.len());
    for (row, (start, end, values)) in got.iter().zip(&expected) {
        assert_eq!((row.0, row.1), (*start, *end));
        let more = row.2 as usize - values.len();
        assert!(more as i64 * 137 <= size / 1_024 + 137, "{more} too many");
    }
    let Windows::Any(_) = Player::new(&spec).windows else { panic!("a sliding window is a machine") };
}

#[test]
fn a_count_window_speaks_when_full() {
    let readings: Vec<(i64, f64)> = (0..7).map(|i| (i * i, i as f64)).collect();
    assert_eq!(rows(&of(Shape::Count { size: 3, every: 3 }), &readings), [(0, 4, 3, 1.0), (9, 25, 3, 4.0)]);
    let overlapping = rows(&of(Shape::Count { size: 3, every: 2 }), &readings);
    assert_eq!(overlapping, [(0, 4, 3, 1.0), (4, 16, 3, 3.0), (16, 36, 3, 5.0)]);
}

#[test]
fn a_pause_exactly_as_long_as_the_gap_is_inside_a_session() {
    assert_eq!(rows(&session(5, None), &[(0, 1.0), (5, 2.0), (11, 3.0)]), [(0, 5, 2, 1.5), (11, 11, 1, 3.0)]);
}

#[test]
fn a_session_ends_at_its_longest_length() {
    let readings: Vec<(i64, f64)> = (0..5).map(|i| (i * 4, i as f64)).collect();
    assert_eq!(rows(&session(5, Some(8)), &readings), [(0, 4, 2, 0.5), (8, 12, 2, 2.5), (16, 16, 1, 4.0)]);
}

#[test]
fn fewer_readings_than_asked_for_say_nothing() {
    let mut spec = time(10, 10);
    spec.min = 2;
    assert_eq!(rows(&spec, &[(0, 1.0), (11, 1.0), (12, 3.0)]), [(10, 20, 2, 2.0)]);
}

#[test]
fn a_window_is_partial_if_its_series_was_first_heard_inside_it() {
    let closed = |first: i64, expected: Option<i64>| {
        let mut windows = Windows::new(&time(10, 10));
        windows.add(&time(10, 10), Time(8), 1.0);
        let facts = SeriesFacts { first: Time(first), expected: expected.map(Span) };
        windows.close(&time(10, 10), &facts).unwrap().partial
    };
    assert!(closed(1, None) && !closed(0, None) && !closed(-5, None));
    assert!(closed(3, Some(2)) && !closed(2, Some(2)));
}

#[test]
fn the_open_window_says_what_it_knows_and_does_not_change() {
    for spec in
        [time(10, 10), time(10, 5), general(time(10, 10)), of(Shape::Count { size: 5, every: 5 }), session(9, None)]
    {
        let mut player = Player::new(&spec);
        player.add(11, 1.0);
        player.add(14, 3.0);
        let before = postcard::to_allocvec(&player.windows).unwrap();
        let said = player.windows.provisional(&spec, &FACTS, Time(14)).unwrap();
        assert_eq!((said.summary.count(), said.summary.mean()), (2, 2.0));
        assert_eq!(postcard::to_allocvec(&player.windows).unwrap(), before);
    }
}

#[test]
fn the_common_window_is_small() {
    assert!(size_of::<Windows>() <= 64);
}

fn shapes() -> impl Strategy<Value = (WindowSpec, u8)> {
    let time_shape =
        (1i64..12, 1i64..5, 0i64..12).prop_map(|(every, factor, extra)| time(every * factor + extra % every, every));
    let sliding =
        (0i64..60, 0i64..30).prop_map(|(size, every)| of(Shape::Sliding { size: Span(size), every: Span(every) }));
    let count = (1u32..20)
        .prop_flat_map(|size| (Just(size), 1..=size))
        .prop_map(|(size, every)| of(Shape::Count { size, every }));
    let sessions = (0i64..25, prop::option::of(1i64..80)).prop_map(|(gap, longest)| session(gap, longest));
    prop_oneof![
        time_shape.clone().prop_map(|spec| (spec, 0)),
        time_shape.prop_map(|spec| (general(spec), 0)),
        sliding.prop_map(|spec| (spec, 1)),
        count.prop_map(|spec| (spec, 2)),
        sessions.prop_map(|spec| (spec, 3)),
    ]
}

fn naive(spec: &WindowSpec, readings: &[(i64, f64)]) -> Vec<Window> {
    match &spec.shape {
        Shape::Time { size, every } => naive_time(size.0, every.0, readings),
        Shape::Sliding { size, every } => naive_sliding(size.0, every.0, readings),
        Shape::Count { size, every } => naive_count(*size as usize, *every as usize, readings),
        Shape::Session(rules) => naive_sessions(rules.gap.0, rules.longest.map(|l| l.0), readings),
        Shape::Calendar { .. } => unreachable!("the calendar has a law of its own"),
    }
}

proptest! {
    #[test]
    fn every_shape_equals_a_naive_recomputation(
        (spec, _) in shapes(), start in -200i64..200, steps in prop::collection::vec((0i64..25, -100f64..100.0), 1..120)
    ) {
        let mut readings = readings(&steps);
        readings.iter_mut().for_each(|reading| reading.0 += start);
        assert_same(&play(&spec, &readings), &naive(&spec, &readings));
    }

    #[test]
    fn saving_and_restoring_anywhere_changes_nothing(
        (spec, _) in shapes(), steps in prop::collection::vec((0i64..25, -100f64..100.0), 1..60), each in 1usize..7
    ) {
        let readings = readings(&steps);
        let mut player = Player::new(&spec);
        for (i, &(time, value)) in readings.iter().enumerate() {
            if i % each == 0 {
                player.save_and_restore();
            }
            player.add(time, value);
        }
        player.save_and_restore();
        prop_assert_eq!(player.end(), play(&spec, &readings));
    }

    #[test]
    fn windows_of_time_hold_at_both_ends_of_it(
        every in 1i64..40, factor in 1i64..4, extra in 0i64..40, offsets in prop::collection::vec(0i64..200, 1..20), low in any::<bool>()
    ) {
        let size = every * factor + extra % every;
        // The last nanosecond has rows of its own, see `LAST`.
        let at = |offset: i64| if low { i64::MIN + offset } else { i64::MAX - 2 - offset };
        let mut times: Vec<i64> = offsets.iter().map(|&offset| at(offset)).collect();
        times.sort_unstable();
        let readings: Vec<(i64, f64)> = times.iter().map(|&time| (time, 1.0)).collect();
        for spec in [time(size, every), general(time(size, every))] {
            assert_same(&play(&spec, &readings), &naive_time(size, every, &readings));
        }
    }

    #[test]
    fn nothing_overflows_whatever_the_times(
        (spec, _) in shapes(), big in 1i64..i64::MAX, mut times in prop::collection::vec(any::<i64>(), 1..20)
    ) {
        times.sort_unstable();
        let edge = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 2, i64::MAX - 1];
        let readings: Vec<(i64, f64)> = times.iter().chain(&edge).map(|&time| (time, 1.0)).collect();
        let mut sorted = readings;
        sorted.sort_by_key(|reading| reading.0);
        play(&spec, &sorted);
        let wide = [time(big, big), time(i64::MAX, big.max(i64::MAX / 4)), session(big, Some(big)), of(Shape::Sliding { size: Span(big), every: Span(0) })];
        for spec in wide {
            play(&spec, &sorted);
        }
    }
}
