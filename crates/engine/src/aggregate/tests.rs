//! Every statistic by hand, against a slow and obvious recomputation, and in parts.

use super::*;
use crate::plan::{Per, SessionSpec};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;

/// All statistics that need no other window, with two states and three quantiles.
const ALL: [Statistic; 22] = [
    Statistic::Count,
    Statistic::Mean,
    Statistic::Std,
    Statistic::Min,
    Statistic::Max,
    Statistic::Sum,
    Statistic::StdSample,
    Statistic::Variance,
    Statistic::VarianceSample,
    Statistic::Range,
    Statistic::First,
    Statistic::Last,
    Statistic::Rate,
    Statistic::Quantile(50_000),
    Statistic::Quantile(95_000),
    Statistic::TimeMean,
    Statistic::Share(2),
    Statistic::Share(3),
    Statistic::Missing,
    Statistic::Bad,
    Statistic::Gap,
    Statistic::Anomalies(1),
];

fn spec(give: &[Statistic]) -> WindowSpec {
    let mut spec = WindowSpec::time(Span::from_secs(60), Span::from_secs(60), give);
    spec.counts = vec!["spike".into(), "stuck".into()];
    spec
}

fn around(end: i64) -> Around {
    let (start, first, end) = (Time(0), Time(0), Time(end));
    Around { start, end, first, expected: Some(Span::from_secs(10)), previous: None, so_far: (1, 1) }
}

fn of(spec: &WindowSpec, readings: &[(i64, f64)]) -> Tally {
    let mut tally = Tally::new(spec);
    readings.iter().for_each(|&(time, value)| tally.add(Time(time), value));
    tally
}

/// One statistic of readings in seconds, in a window of a minute.
fn ask(what: Statistic, readings: &[(i64, f64)]) -> f64 {
    let (spec, readings): (_, Vec<_>) = (spec(&[what]), readings.iter().map(|r| (r.0 * SECOND, r.1)).collect());
    let tally = of(&spec, &readings);
    tally.more(&spec, &around(60 * SECOND)).expect("it is not one of the usual")[0]
}

fn check(what: Statistic, readings: &[(i64, f64)], expected: f64) {
    let got = ask(what, readings);
    assert!((got - expected).abs() < 1e-12 || got.is_nan() && expected.is_nan(), "{what:?}: {got}, not {expected}");
}

#[test]
fn four_readings_by_hand() {
    let four = [(0, 1.0), (10, 3.0), (20, 2.0), (50, 4.0)];
    check(Statistic::Sum, &four, 10.0);
    check(Statistic::Variance, &four, 1.25);
    check(Statistic::VarianceSample, &four, 5.0 / 3.0);
    check(Statistic::StdSample, &four, (5.0f64 / 3.0).sqrt());
    check(Statistic::Range, &four, 3.0);
    check(Statistic::First, &four, 1.0);
    check(Statistic::Last, &four, 4.0);
    check(Statistic::Rate, &four, 3.0 / 50.0);
    check(Statistic::Quantile(50_000), &four, 2.5);
    check(Statistic::Quantile(95_000), &four, 3.85);
    check(Statistic::Quantile(0), &four, 1.0);
    check(Statistic::Quantile(100_000), &four, 4.0);
    check(Statistic::TimeMean, &four, (10.0 + 30.0 + 60.0 + 40.0) / 60.0);
    check(Statistic::Share(2), &four, 0.5);
    check(Statistic::Share(4), &four, 10.0 / 60.0);
    check(Statistic::Share(7), &four, 0.0);
    check(Statistic::Gap, &four, 30.0);
    check(Statistic::Missing, &four, 1.0 / 3.0);
    check(Statistic::Bad, &four, 0.0);
}

#[test]
fn of_a_single_reading_some_things_cannot_be_said() {
    let one = [(60, 7.0)];
    check(Statistic::StdSample, &one, f64::NAN);
    check(Statistic::VarianceSample, &one, f64::NAN);
    check(Statistic::Rate, &one, f64::NAN);
    check(Statistic::Gap, &one, f64::NAN);
    check(Statistic::Range, &one, 0.0);
    // No time passes between the reading and the end: the last value counts.
    check(Statistic::TimeMean, &one, 7.0);
    check(Statistic::Share(7), &one, 1.0);
    check(Statistic::TimeMean, &[(60, 7.0), (60, 8.0)], 8.0);
    check(Statistic::Rate, &[(60, 7.0), (60, 8.0)], f64::NAN);
    check(Statistic::Gap, &[(60, 7.0), (60, 8.0)], 0.0);
}

#[test]
fn of_nothing_nothing_is_said() {
    for what in ALL.into_iter().filter(|what| !Statistic::USUAL.contains(what)) {
        match what {
            Statistic::Sum | Statistic::Bad | Statistic::Anomalies(_) => check(what, &[], 0.0),
            Statistic::Missing => check(what, &[], 1.0),
            _ => check(what, &[], f64::NAN),
        }
    }
}

#[test]
fn whole_numbers_add_up_to_whole_numbers_whatever_their_parts() {
    let spec = spec(&[Statistic::Sum]);
    let mut whole = Tally::new(&spec);
    for part in 0..1_000 {
        let readings: Vec<_> = (0..7).map(|i| (part * 7 + i, (i * i + part) as f64 + 1e12)).collect();
        whole.absorb(&of(&spec, &readings));
    }
    let expected = 1_000 * 91 + 7 * 999 * 1_000 / 2 + 7_000_000_000_000_000i64;
    assert_eq!(whole.more(&spec, &around(60)).unwrap()[0], expected as f64);
    check(Statistic::Sum, &[(0, 1e100), (1, 1.0), (2, -1e100)], 1.0);
    check(Statistic::Sum, &[(0, f64::MAX), (1, f64::MAX)].map(|r| (r.0, r.1 / 4.0)), f64::MAX / 2.0);
    assert_eq!(ask(Statistic::Sum, &[(0, f64::MAX), (1, f64::MAX)]), f64::INFINITY);
}

#[test]
fn missing_counts_bad_readings_as_got_and_what_was_before_the_first_as_not_expected() {
    let spec = spec(&[Statistic::Missing, Statistic::Bad, Statistic::Mean]);
    let mut tally = of(&spec, &[(40 * SECOND, 1.0)]);
    tally.add_bad(Time(50 * SECOND));
    let mut around = around(60 * SECOND);
    assert_eq!(*tally.more(&spec, &around).unwrap(), [1.0 - 2.0 / 6.0, 1.0]);
    around.first = Time(20 * SECOND);
    assert_eq!(*tally.more(&spec, &around).unwrap(), [0.5, 1.0]);
    around.first = Time(59 * SECOND);
    assert_eq!(*tally.more(&spec, &around).unwrap(), [0.0, 1.0]);
    around.expected = None;
    assert!(tally.more(&spec, &around).unwrap()[0].is_nan());
    around.expected = Some(Span(0));
    assert!(tally.more(&spec, &around).unwrap()[0].is_nan());
}

#[test]
fn change_and_slope_look_at_the_result_before() {
    let spec = spec(&[Statistic::Change, Statistic::Slope, Statistic::Reduction]);
    let tally = of(&spec, &[(60 * SECOND, 1.0), (61 * SECOND, 4.0)]);
    let mut around = Around { start: Time::from_secs(60), so_far: (90, 4), ..around(120 * SECOND) };
    let said = tally.more(&spec, &around).unwrap();
    assert!(said[0].is_nan() && said[1].is_nan() && said[2] == 22.5);
    around.previous = Some((Time(0), 1.3));
    let said = tally.more(&spec, &around).unwrap();
    assert!((said[0] - 1.2).abs() < 1e-15 && (said[1] - 0.02).abs() < 1e-15);
    around.previous = Some((around.start, 1.3));
    assert!(tally.more(&spec, &around).unwrap()[1].is_nan());
}

#[test]
fn anomalies_are_counted_by_detector() {
    let spec = spec(&[Statistic::Anomalies(1), Statistic::Anomalies(0), Statistic::Anomalies(9)]);
    let mut tally = of(&spec, &[(0, 1.0)]);
    [1, 1, 0, 2, u16::MAX].into_iter().for_each(|place| tally.add_anomaly(place));
    let mut later = Tally::new(&spec);
    later.add_anomaly(1);
    tally.absorb(&later);
    let said = tally.more(&spec, &around(60)).unwrap();
    assert!(said[0] == 3.0 && said[1] == 1.0 && said[2].is_nan());
}

#[test]
fn where_a_window_ends_with_a_reading_its_last_value_has_no_weight() {
    let session = SessionSpec { gap: Span(1), longest: None, start: None, active: None };
    let shapes = [
        Shape::Sliding { size: Span(9), every: Span::ZERO },
        Shape::Count { size: 2, every: 1 },
        Shape::Session(Box::new(session)),
    ];
    for shape in shapes {
        let spec = WindowSpec::of(shape, &[Statistic::TimeMean, Statistic::Share(4), Statistic::Missing]);
        let tally = of(&spec, &[(0, 1.0), (10, 4.0)]);
        let around = Around { expected: Some(Span(5)), ..around(11) };
        assert_eq!(*tally.more(&spec, &around).unwrap(), [1.0, 0.0, 0.0]);
    }
}

#[test]
fn all_of_time_is_not_too_long() {
    let spec = spec(&ALL);
    let readings = [(i64::MIN, 2.0), (i64::MIN, 1.0), (0, 3.0), (i64::MAX, 4.0)];
    let around = Around { start: Time::MIN, end: Time::MAX, first: Time::MIN, ..around(0) };
    let said = of(&spec, &readings).more(&spec, &around).unwrap();
    let value = |what| said[ALL.iter().filter(|w| !Statistic::USUAL.contains(w)).position(|w| *w == what).unwrap()];
    assert!((value(Statistic::TimeMean) - 2.0).abs() < 1e-9);
    assert!((value(Statistic::Share(3)) - 0.5).abs() < 1e-9);
    assert!((value(Statistic::Rate) - 2.0 / 18_446_744_073.709_55).abs() < 1e-20);
    let late = of(&spec, &[(i64::MAX, 1.0)]);
    let mut early = of(&spec, &[(i64::MIN, 2.0)]);
    early.absorb(&late);
    early.absorb(&of(&spec, &[(i64::MIN, 2.0)]));
    assert!(early.more(&spec, &around).unwrap().iter().all(|value| !value.is_infinite()));
}

#[test]
fn plain_windows_need_no_heap_and_others_no_more_than_they_ask_for() {
    assert_eq!(of(&spec(&Statistic::USUAL), &[(0, 1.0); 5_000]).heap_bytes(), 0);
    let bytes =
        |give: &[Statistic]| of(&spec(give), &(0..5_000).map(|i| (i, i as f64)).collect::<Vec<_>>()).heap_bytes();
    assert!(bytes(&[Statistic::Sum, Statistic::Last, Statistic::Gap]) < 320);
    assert!(bytes(&ALL) < 24 * 1_024, "{}", bytes(&ALL));
}

#[test]
fn bad_readings_are_readings_where_somebody_asks_for_them() {
    let mut tally = Tally::new(&spec(&[Statistic::Bad]));
    assert!(tally.is_empty());
    tally.add_bad(Time(0));
    assert!(!tally.is_empty());
    tally.clear();
    assert!(tally.is_empty());
}

#[test]
fn devices_of_a_group_add_up_what_was_expected_of_each() {
    let spec =
        spec(&[Statistic::Missing, Statistic::First, Statistic::Last, Statistic::Quantile(50_000), Statistic::Gap]);
    let mut group = Tally::new(&spec);
    let devices = [(10, vec![(0, 5.0), (30, 6.0), (50, 7.0)]), (20, vec![(0, 1.0), (50, 2.0)]), (0, vec![(20, 9.0)])];
    for (every, readings) in devices {
        let readings: Vec<_> = readings.iter().map(|r: &(i64, f64)| (r.0 * SECOND, r.1)).collect();
        let mut device = of(&spec, &readings);
        let expected = (every > 0).then(|| Span::from_secs(every));
        device.settle(&spec, &Around { expected, ..around(60 * SECOND) });
        group.merge_beside(&device);
    }
    let said = group.more(&spec, &Around { expected: None, ..around(60 * SECOND) }).unwrap();
    // Six and three were expected, three and two came; of the third device nobody knows. 5.5 is between 5 and 6.
    assert!((said[0] - (1.0 - 5.0 / 9.0)).abs() < 1e-15);
    assert_eq!(said[1..4], [5.0, 2.0, 5.5]);
    assert!(said[4].is_nan());
}

/// What all of [`ALL`] should be, slow and obvious. Readings in order of time.
fn plain(readings: &[(i64, f64)], bad: usize, end: i64) -> Vec<f64> {
    let mut sorted: Vec<f64> = readings.iter().map(|r| r.1).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let sum: f64 = sorted.iter().sum();
    let squares: f64 = sorted.iter().map(|value| (value - sum / n).powi(2)).sum();
    let sample = if n > 1.0 { squares / (n - 1.0) } else { f64::NAN };
    let quantile = |q: f64| {
        let place = (n - 1.0) * q;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    let (first, last) = (readings[0], readings[readings.len() - 1]);
    let ends = readings[1..].iter().map(|r| r.0).chain([end]);
    let held: Vec<(f64, f64)> = readings.iter().zip(ends).map(|(r, until)| (r.1, (until - r.0) as f64)).collect();
    let time: f64 = held.iter().map(|h| h.1).sum();
    let weighted = held.iter().map(|h| h.0 * h.1).sum::<f64>() / time;
    let share = |state: f64| held.iter().filter(|h| h.0 == state).map(|h| h.1).sum::<f64>() / time;
    let still = |value: f64, otherwise: f64| if time > 0.0 { value } else { otherwise };
    let gaps = readings.windows(2).map(|two| (two[1].0 - two[0].0) as f64 / 1e9);
    vec![
        sum,
        sample.sqrt(),
        squares / n,
        sample,
        sorted[sorted.len() - 1] - sorted[0],
        first.1,
        last.1,
        if last.0 > first.0 { (last.1 - first.1) / ((last.0 - first.0) as f64 / 1e9) } else { f64::NAN },
        quantile(0.5),
        quantile(0.95),
        still(weighted, last.1),
        still(share(2.0), f64::from(u8::from(last.1 == 2.0))),
        still(share(3.0), f64::from(u8::from(last.1 == 3.0))),
        (1.0 - (n + bad as f64) / (end as f64 / 1e10).max(1.0)).clamp(0.0, 1.0),
        bad as f64,
        gaps.reduce(f64::max).unwrap_or(f64::NAN),
        0.0,
    ]
}

fn same(got: &[f64], expected: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let close = (g - e).abs() <= 1e-9 * e.abs().max(1.0) || g.is_nan() && e.is_nan();
        prop_assert!(close, "statistic {}: {} and not {}", i, g, e);
    }
    Ok(())
}

/// Readings in order of time, some of the same time; small whole numbers, so that there are states and ties.
fn readings() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let value = prop_oneof![(0u8..5).prop_map(f64::from), -1e3f64..1e3];
    prop::collection::vec((0i64..40, value), 1..80).prop_map(|steps| {
        let mut time = 0;
        let reading = |(step, value)| {
            time += step * SECOND / 4;
            (time, value)
        };
        steps.into_iter().map(reading).collect()
    })
}

proptest! {
    /// A whole, its parts from the left, from the right, and saved in the middle: all say what a slow recomputation says.
    #[test]
    fn any_parts_say_what_the_whole_says(
        readings in readings(), cuts in prop::collection::vec(0usize..80, 0..6), bad in 0usize..5, rest in 0i64..20
    ) {
        let spec = spec(&ALL);
        let around = around(readings[readings.len() - 1].0 + rest * SECOND);
        let expected = plain(&readings, bad, around.end.0);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % readings.len()).chain([0, readings.len()]).collect();
        cuts.sort_unstable();
        let mut parts: Vec<Tally> = cuts.windows(2).map(|two| of(&spec, &readings[two[0]..two[1]])).collect();
        (0..bad).for_each(|i| { let place = i % parts.len(); parts[place].add_bad(Time(0)); });
        let mut left = Tally::new(&spec);
        for part in &parts {
            left.absorb(part);
            let bytes = postcard::to_allocvec(&left).unwrap();
            let back: Tally = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&back, &left);
            left = back;
        }
        let mut right = Tally::new(&spec);
        for part in parts.iter().rev() {
            let mut earlier = part.clone();
            earlier.absorb(&right);
            right = earlier;
        }
        let mut whole = of(&spec, &readings);
        (0..bad).for_each(|_| whole.add_bad(Time(0)));
        for tally in [&whole, &left, &right] {
            same(&tally.more(&spec, &around).unwrap(), &expected)?;
            prop_assert_eq!(tally.summary().count(), readings.len() as u64);
        }
        // What is counted or chosen is the same to the last bit.
        let said = [&whole, &left, &right].map(|tally| tally.more(&spec, &around).unwrap());
        for exact in [4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15] {
            prop_assert_eq!(said[0][exact].to_bits(), said[1][exact].to_bits());
            prop_assert_eq!(said[0][exact].to_bits(), said[2][exact].to_bits());
        }
    }

    /// A tally that was saved between any two readings goes on to the same bits.
    #[test]
    fn a_tally_that_was_saved_goes_on_as_if_it_had_not_been(readings in readings(), at in 0usize..80) {
        let spec = spec(&ALL);
        let at = at % readings.len();
        let bytes = postcard::to_allocvec(&of(&spec, &readings[..at])).unwrap();
        let mut back: Tally = postcard::from_bytes(&bytes).unwrap();
        readings[at..].iter().for_each(|r| back.add(Time(r.0), r.1));
        prop_assert_eq!(back, of(&spec, &readings));
    }

    /// Windows that are revised take readings in any order; what may be asked of them does not depend on it.
    #[test]
    fn what_may_be_asked_of_revised_windows_does_not_depend_on_the_order(
        readings in readings(), seed in prop::collection::vec(0usize..80, 80), at in 0usize..80
    ) {
        let spec = spec(&ALL);
        let mut times = 0;
        // Different times: of twins the order of arrival counts.
        let readings: Vec<_> = readings.iter().map(|r| { times += 1; (r.0 + times, r.1) }).collect();
        let around = around(readings[readings.len() - 1].0);
        let expected = plain(&readings, 0, around.end.0);
        let mut mixed = readings.clone();
        seed.iter().enumerate().for_each(|(i, j)| mixed.swap(i % readings.len(), j % readings.len()));
        let mut parts = of(&spec, &mixed[..at % readings.len()]);
        parts.absorb(&of(&spec, &mixed[at % readings.len()..]));
        for tally in [of(&spec, &mixed), parts] {
            let said = tally.more(&spec, &around).unwrap();
            for free in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14] {
                same(&said[free..=free], &expected[free..=free])?;
            }
        }
    }

    /// Devices beside one another say the same in any grouping.
    #[test]
    fn devices_may_be_taken_together_in_any_grouping(a in readings(), b in readings(), c in readings()) {
        let give = [Statistic::Sum, Statistic::Variance, Statistic::Range, Statistic::First, Statistic::Last,
            Statistic::Quantile(50_000), Statistic::Missing, Statistic::Bad];
        let spec = WindowSpec { per: Per::All, ..spec(&give) };
        let around = around(1_000 * SECOND);
        let [a, b, c] = [a, b, c].map(|readings| {
            let mut tally = of(&spec, &readings);
            tally.settle(&spec, &around);
            tally
        });
        let beside = |a: &Tally, b: &Tally| { let mut both = a.clone(); both.merge_beside(b); both };
        let one = beside(&beside(&a, &b), &c).more(&spec, &around).unwrap();
        let other = beside(&a, &beside(&b, &c)).more(&spec, &around).unwrap();
        same(&one, &other)?;
    }

    /// Of damaged bytes either nothing comes back, or a tally that works.
    #[test]
    fn damaged_bytes_do_no_harm(readings in readings(), bit in 0usize..4_000) {
        let spec = spec(&ALL);
        let mut bytes = postcard::to_allocvec(&of(&spec, &readings)).unwrap();
        let at = bit % (bytes.len() * 8);
        bytes[at / 8] ^= 1 << (at % 8);
        if let Ok(mut tally) = postcard::from_bytes::<Tally>(&bytes) {
            tally.absorb(&of(&spec, &readings));
            tally.merge_beside(&of(&spec, &readings));
            readings.iter().for_each(|r| tally.add(Time(r.0), r.1));
            tally.add_bad(Time(0));
            tally.add_anomaly(1);
            prop_assert_eq!(tally.more(&spec, &around(9)).unwrap().len(), 17);
            prop_assert!(tally.heap_bytes() < 64 * 1_024);
        }
    }
}
