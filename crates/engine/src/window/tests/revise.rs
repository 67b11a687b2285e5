//! Late readings: what was said is said again, as if all that was not refused had come in time.

use super::*;
use std::collections::BTreeMap;

fn revised(mut spec: WindowSpec, horizon: i64) -> WindowSpec {
    spec.when_late = WhenLate::Revise(Span(horizon));
    spec
}

/// A row: start, end, revision, count and mean.
type Row = (i64, i64, u32, u64, f64);

fn row(closed: &Closed) -> Row {
    (closed.start.0, closed.end.0, closed.revision, closed.summary.count(), closed.summary.mean())
}

/// Arrivals one after the other, where NaN only moves the clock, as another channel of the device does: rows, and for
/// each reading whether it found a window.
fn arrive(spec: &WindowSpec, arrivals: &[(i64, f64)], save_each: usize) -> (Vec<Row>, Vec<bool>) {
    let mut player = Player::new(spec);
    let mut found = Vec::new();
    for (i, &(time, value)) in arrivals.iter().enumerate() {
        if i % save_each == save_each - 1 {
            player.save_and_restore();
        }
        if value.is_nan() {
            player.watermark = player.watermark.max(Time(time));
            player.close_until(player.watermark);
            continue;
        }
        found.push(if Time(time) >= player.watermark {
            player.add(time, value);
            true
        } else {
            player.late(time, value)
        });
    }
    (player.end().iter().map(row).collect(), found)
}

/// All windows of time by themselves, each with its values and how often it was given.
fn naive_revised(spec: &WindowSpec, arrivals: &[(i64, f64)], horizon: i64) -> (Vec<Row>, Vec<bool>) {
    let Shape::Time { size, every } = spec.shape else { unreachable!("windows of time") };
    let (size, every) = (size.0, every.0);
    let mut windows: BTreeMap<i64, (Vec<f64>, u32, bool)> = BTreeMap::new();
    let (mut rows, mut found, mut watermark) = (Vec::new(), Vec::new(), i64::MIN);
    let tell = |start: i64, window: &mut (Vec<f64>, u32, bool), rows: &mut Vec<Row>| {
        if window.0.len() as u64 >= spec.min {
            let mean = window.0.iter().sum::<f64>() / window.0.len() as f64;
            rows.push((start, start + size, window.1, window.0.len() as u64, mean));
            window.1 += 1;
        }
    };
    for &(time, value) in arrivals.iter().chain(&[(1_000_000, f64::NAN)]) {
        if time >= watermark {
            for (&start, window) in windows.iter_mut().filter(|(start, window)| !window.2 && *start + size <= time) {
                window.2 = true;
                tell(start, window, &mut rows);
            }
            watermark = time;
        }
        if value.is_nan() {
            continue;
        }
        let mut any = false;
        let first = (time - size).div_euclid(every) * every + every;
        for start in (first..=time).step_by(every as usize) {
            let end = start + size;
            if end > watermark - horizon {
                any = true;
                let window = windows.entry(start).or_insert((Vec::new(), 0, end <= watermark));
                window.0.push(value);
                if end <= watermark {
                    tell(start, window, &mut rows);
                }
            }
        }
        found.push(any);
    }
    (rows, found)
}

fn assert_rows(got: &[Row], expected: &[Row]) {
    let edges = |rows: &[Row]| rows.iter().map(|r| (r.0, r.1, r.2, r.3)).collect::<Vec<_>>();
    assert_eq!(edges(got), edges(expected));
    got.iter().zip(expected).for_each(|(g, e)| assert!((g.4 - e.4).abs() < 1e-9, "{g:?} {e:?}"));
}

#[test]
fn a_late_reading_gives_its_closed_window_again() {
    let spec = revised(time(10, 10), 10);
    let (rows, found) = arrive(&spec, &[(5, 1.0), (12, 2.0), (6, 3.0), (7, 5.0), (20, 9.0), (9, 9.0), (15, 4.0)], 99);
    assert_eq!(found, [true, true, true, true, true, false, true]);
    assert_rows(
        &rows,
        &[
            (0, 10, 0, 1, 1.0),
            (0, 10, 1, 2, 2.0),
            (0, 10, 2, 3, 3.0),
            (10, 20, 0, 1, 2.0),
            (10, 20, 1, 2, 3.0),
            (20, 30, 0, 1, 9.0),
        ],
    );
}

#[test]
fn a_window_that_had_said_nothing_comes_without_a_revision() {
    let mut spec = revised(time(10, 10), 100);
    assert_rows(&arrive(&spec, &[(25, 1.0), (3, 2.0)], 99).0, &[(0, 10, 0, 1, 2.0), (20, 30, 0, 1, 1.0)]);
    spec.min = 2;
    let late = [(1, 1.0), (25, 1.0), (3, 2.0), (4, 3.0)];
    assert_rows(&arrive(&spec, &late, 99).0, &[(0, 10, 0, 2, 1.5), (0, 10, 1, 3, 2.0)]);
}

#[test]
fn a_late_reading_in_an_open_window_only_counts() {
    let spec = revised(time(10, 5), 5);
    let (rows, found) = arrive(&spec, &[(8, 1.0), (6, 3.0)], 99);
    assert_eq!(found, [true, true]);
    assert_rows(&rows, &[(0, 10, 0, 2, 2.0), (5, 15, 0, 2, 2.0)]);
}

#[test]
fn a_calendar_window_is_revised_like_any_other() {
    let hour = 3_600_000_000_000;
    let spec = revised(of(Shape::Calendar { step: Step::Hours(1), zone: Zone::default() }), hour);
    let (rows, found) = arrive(&spec, &[(5, 1.0), (hour, 2.0), (6, 3.0), (2 * hour, 1.0), (7, 1.0)], 2);
    assert_eq!(found, [true, true, true, true, false]);
    assert_eq!(rows[1], (0, hour, 1, 2, 2.0));
}

#[test]
fn a_late_reading_joins_a_session_it_lies_in_and_neither_stretches_one_nor_joins_two() {
    let spec = revised(session(5, None), 100);
    let arrivals = [
        (0, 1.0),
        (4, 3.0),
        (20, 1.0),
        (24, 1.0),
        (2, 5.0),
        (22, 4.0),
        (5, 0.0),
        (12, 0.0),
        (19, 0.0),
        (40, 1.0),
        (21, 6.0),
    ];
    let (rows, found) = arrive(&spec, &arrivals, 3);
    assert_eq!(found, [true, true, true, true, true, true, false, false, false, true, true]);
    let expected =
        [(0, 4, 0, 2, 2.0), (0, 4, 1, 3, 3.0), (20, 24, 0, 3, 2.0), (20, 24, 1, 4, 3.0), (40, 40, 0, 1, 1.0)];
    assert_rows(&rows, &expected);
}

#[test]
fn a_session_is_kept_as_long_as_the_horizon_after_it_was_over() {
    // It is over at 10, and gone at 30.
    let until = |watermark: i64| {
        let (_, found) =
            arrive(&revised(session(5, None), 20), &[(0, 1.0), (4, 3.0), (watermark, f64::NAN), (2, 5.0)], 99);
        found[2]
    };
    assert!(until(9) && until(10) && until(29) && !until(30));
}

#[test]
fn at_the_bound_the_oldest_windows_go_and_what_falls_in_them_is_refused() {
    let spec = revised(time(10, 10), i64::MAX);
    let mut player = Player::new(&spec);
    (0..3_000).for_each(|i| player.add(i * 10, 1.0));
    assert!(player.windows.heap_bytes() < 400_000, "{}", player.windows.heap_bytes());
    let given = player.rows.len();
    assert!(!player.late(5, 1.0) && !player.late((2_999 - MOST as i64 - 1) * 10, 1.0));
    assert_eq!(player.rows.len(), given);
    assert!(player.late((2_999 - MOST as i64) * 10, 1.0) && player.late(29_985, 1.0));
    assert_eq!(player.rows.last().unwrap().0.revision, 1);
}

proptest! {
    #[test]
    fn revised_windows_equal_a_recomputation_with_all_that_was_not_refused(
        every in 1i64..12, factor in 1i64..5, extra in 0i64..12, horizon in 0i64..60, min in 1u64..4, save_each in 1usize..9,
        steps in prop::collection::vec((0i64..20, 0i64..60, -100f64..100.0, prop::bool::weighted(0.2)), 1..80)
    ) {
        let mut spec = revised(time(every * factor + extra % every, every), horizon);
        spec.min = min;
        let mut now = 0;
        let arrivals: Vec<_> = steps.iter().map(|&(step, late, value, elsewhere)| {
            now += step;
            let value = if elsewhere { f64::NAN } else { value };
            (if late > 35 { now - (late - 35) * 3 } else { now }, value)
        }).collect();
        let (rows, found) = arrive(&spec, &arrivals, save_each);
        let (expected, expected_found) = naive_revised(&spec, &arrivals, horizon);
        prop_assert_eq!(found, expected_found);
        assert_rows(&rows, &expected);
    }

    #[test]
    fn late_readings_overflow_nothing(
        size in 1i64..i64::MAX, parts in 1i64..50, horizon in any::<i64>(), times in prop::collection::vec(any::<i64>(), 1..20)
    ) {
        let edges = [i64::MAX - 1, i64::MIN, 0, i64::MAX - 2, i64::MIN + 1];
        let arrivals: Vec<_> = times.iter().chain(&edges).map(|&time| (time.min(i64::MAX - 1), 1.0)).collect();
        for spec in [time(size, (size / parts).max(1)), time(size, size), session(size, None)] {
            arrive(&revised(spec, horizon.saturating_abs()), &arrivals, 5);
        }
    }
}
