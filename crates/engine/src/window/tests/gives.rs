//! What goes beside good readings: bad ones, anomalies, conditions of sessions; and state that was damaged.

use super::*;
use crate::condition::{Condition, Known};

fn giving(mut spec: WindowSpec, give: &[Statistic]) -> WindowSpec {
    spec.give = WindowSpec::of(spec.shape.clone(), give).give;
    spec.counts = vec!["spike".into(), "drift".into()];
    spec
}

const BESIDE: [Statistic; 3] = [Statistic::Bad, Statistic::Anomalies(0), Statistic::Anomalies(1)];

fn each_shape() -> [WindowSpec; 7] {
    let calendar = of(Shape::Calendar { step: Step::Day, zone: Zone::default() });
    let sliding = of(Shape::Sliding { size: Span(10), every: Span(3) });
    let (count, lasting) = (of(Shape::Count { size: 4, every: 3 }), session(6, Some(30)));
    [time(10, 10), time(10, 4), calendar, sliding, count, lasting, general(time(10, 4))]
}

fn more(closed: &Closed) -> Vec<f64> {
    closed.more.as_deref().unwrap_or_default().to_vec()
}

#[test]
fn bad_readings_are_counted_and_alone_say_nothing() {
    let spec = giving(time(10, 10), &BESIDE);
    let mut player = Player::new(&spec);
    assert_eq!(player.windows.add_bad(&spec, Time(3)), Time(10));
    player.add(5, 1.0);
    player.close_until(Time(10));
    assert_eq!(player.windows.add_bad(&spec, Time(12)), Time(20));
    player.close_until(Time(30));
    let rows = player.end();
    assert_eq!((rows.len(), more(&rows[0])), (1, vec![1.0, 0.0, 0.0]));
}

#[test]
fn an_anomaly_counts_whether_it_is_told_before_its_reading_or_after() {
    for spec in each_shape() {
        let spec = giving(spec, &BESIDE);
        let said = |before: bool| {
            let mut player = Player::new(&spec);
            for time in 0..40 {
                let odd = time == 5 || time == 11;
                let place = u16::from(time == 11);
                player.close_until(Time(time));
                if odd && before {
                    player.windows.add_anomaly(&spec, Time(time), place);
                }
                player.windows.add(&spec, Time(time), 1.0);
                if odd && !before {
                    player.windows.add_anomaly(&spec, Time(time), place);
                }
                player.close_until(Time(time));
            }
            player.end()
        };
        assert_eq!(said(true), said(false));
        let total = said(true).iter().map(more).fold([0.0; 2], |sum, m| [sum[0] + m[1], sum[1] + m[2]]);
        assert!(total[0] >= 1.0 && total[1] >= 1.0, "{:?}: {total:?}", spec.shape);
    }
}

#[test]
fn an_anomaly_of_a_closed_time_or_without_a_reading_is_not_counted() {
    let spec = giving(time(10, 10), &BESIDE);
    let mut player = Player::new(&spec);
    player.add(5, 1.0);
    player.add(15, 1.0);
    player.windows.add_anomaly(&spec, Time(5), 0);
    player.windows.add_anomaly(&spec, Time(27), 0);
    player.add(28, 1.0);
    assert!(player.end().iter().all(|closed| more(closed) == [0.0; 3]));
}

#[test]
fn quantiles_of_overlapping_windows_are_exact_however_panes_are_summed() {
    let give = [Statistic::Quantile(50_000), Statistic::First, Statistic::Last];
    let readings: Vec<(i64, f64)> = (0..400).map(|i| (i, ((i * 7_919) % 101) as f64)).collect();
    for shape in [Shape::Count { size: 90, every: 1 }, Shape::Sliding { size: Span(70), every: Span(0) }] {
        for row in play(&giving(of(shape.clone()), &give), &readings) {
            let inside = readings.iter().filter(|r| row.start.0 <= r.0 && r.0 <= row.end.0).map(|r| r.1);
            let mut sorted: Vec<f64> = inside.clone().collect();
            sorted.sort_by(f64::total_cmp);
            let middle = (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
            assert_eq!(more(&row), [middle, inside.clone().next().unwrap(), inside.clone().next_back().unwrap()]);
        }
    }
}

#[test]
fn the_time_of_a_session_or_sliding_window_ends_with_its_last_reading() {
    let readings = [(0, 1.0), (4_000_000_000, 3.0), (8_000_000_000, 7.0)];
    let give = [Statistic::TimeMean, Statistic::Gap];
    let rows = play(&giving(session(5_000_000_000, None), &give), &readings);
    assert_eq!(more(&rows[0]), [2.0, 4.0]);
}

#[test]
fn change_and_reduction_know_the_result_before() {
    let spec = giving(time(10, 10), &[Statistic::Change, Statistic::Reduction]);
    let rows = play(&spec, &[(0, 1.0), (1, 3.0), (11, 7.0)]);
    assert!(more(&rows[0])[0].is_nan());
    assert_eq!((more(&rows[0])[1], more(&rows[1])), (2.0, vec![5.0, 1.5]));
}

fn condition() -> Condition {
    let resolve = |name: &str| Ok(name.to_owned());
    Condition::parse("motion > 0", &Known { channels: &[], resolve: &resolve }).unwrap()
}

fn judged(gap: i64, longest: Option<i64>, start: bool, active: bool) -> WindowSpec {
    let mut spec = session(gap, longest);
    if let Shape::Session(rules) = &mut spec.shape {
        rules.start = start.then(condition);
        rules.active = active.then(condition);
    }
    spec
}

/// Moments with whether the starting condition and the activity condition are met; the value of each is its number.
fn play_judged(spec: &WindowSpec, moments: &[(i64, bool, bool)], save: bool) -> Vec<(i64, i64, u64, f64)> {
    let Shape::Session(rules) = &spec.shape else { unreachable!("a session") };
    let mut player = Player::new(spec);
    for (number, &(time, begins, active)) in moments.iter().enumerate() {
        player.close_until(Time(time));
        if save {
            player.save_and_restore();
        }
        if begins && rules.start.is_some() {
            player.windows.begin(spec, Time(time));
        }
        if active && rules.active.is_some() {
            player.windows.active(spec, Time(time));
        }
        player.windows.add(spec, Time(time), number as f64);
        player.close_until(Time(time));
    }
    player.end().iter().map(|c| (c.start.0, c.end.0, c.summary.count(), c.summary.mean())).collect()
}

/// First from when to when, then what is inside.
fn naive_judged(spec: &WindowSpec, moments: &[(i64, bool, bool)]) -> Vec<(i64, i64, u64, f64)> {
    let Shape::Session(rules) = &spec.shape else { unreachable!("a session") };
    let (gap, longest) = (rules.gap.0, rules.longest.map_or(i64::MAX, |longest| longest.0));
    let mut sessions: Vec<(i64, i64)> = Vec::new();
    let mut goes_on = false;
    for &(time, begins, active) in moments {
        let begins = begins && rules.start.is_some();
        let active = active || rules.active.is_none();
        let recent = sessions.last().is_some_and(|last| time - last.1 <= gap);
        let short = sessions.last().is_some_and(|last| time - last.0 < longest);
        // What ended by its length goes on as another one with the next activity within the gap.
        goes_on = recent && (goes_on || !short);
        match sessions.last_mut() {
            Some(last) if recent && short && !goes_on => last.1 = if active { time } else { last.1 },
            _ if begins || (active && (rules.start.is_none() || goes_on)) => {
                sessions.push((time, time));
                goes_on = false;
            }
            _ => {}
        }
    }
    let inside = |&(start, last): &(i64, i64)| {
        let values = moments.iter().enumerate().filter(|(_, m)| start <= m.0 && m.0 <= last).map(|(i, _)| i as f64);
        let count = values.clone().count();
        (start, last, count as u64, values.sum::<f64>() / count as f64)
    };
    sessions.iter().map(inside).collect()
}

#[test]
fn what_comes_after_the_last_activity_is_not_in_the_session() {
    let spec = judged(10, None, true, true);
    let moments = [
        (0, false, true),
        (1, true, false),
        (5, false, true),
        (9, false, false),
        (12, false, true),
        (20, false, false),
    ];
    assert_eq!(play_judged(&spec, &moments, false), [(1, 12, 4, 2.5)]);
}

proptest! {
    #[test]
    fn sessions_with_conditions_hold_what_lies_between_their_first_and_last_activity(
        gap in 0i64..25, longest in prop::option::of(1i64..60), start in any::<bool>(), active in any::<bool>(), save in any::<bool>(),
        steps in prop::collection::vec((1i64..15, prop::bool::weighted(0.2), prop::bool::weighted(0.6)), 1..60)
    ) {
        let spec = judged(gap, longest, start, active);
        let mut now = 0;
        let moments: Vec<_> = steps.iter().map(|&(step, b, a)| { now += step; (now, b, a) }).collect();
        prop_assert_eq!(play_judged(&spec, &moments, save), naive_judged(&spec, &moments));
    }

    #[test]
    fn damaged_state_neither_panics_nor_hangs_nor_grows(
        shape in 0usize..7, steps in prop::collection::vec((0i64..25, -100f64..100.0), 1..40),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let give = [Statistic::Mean, Statistic::Quantile(95_000), Statistic::Missing, Statistic::Change, Statistic::Bad];
        let spec = giving(each_shape()[shape].clone(), &give);
        let readings = readings(&steps);
        let mut player = Player::new(&spec);
        readings.iter().for_each(|&(time, value)| player.add(time, value));
        let mut bytes = postcard::to_allocvec(&player.windows).unwrap();
        damage.iter().for_each(|(at, byte)| { let at = at.index(bytes.len()); bytes[at] ^= byte; });
        let Ok(mut windows) = postcard::from_bytes::<Windows>(&bytes) else { return Ok(()) };
        let now = readings.last().map_or(0, |last| last.0);
        let mut closes = 0;
        for i in 0..500 {
            let time = Time(now + i);
            while windows.next_end() <= time && windows.next_end() != Time::MAX && closes < 100_000 {
                windows.close(&spec, &FACTS);
                closes += 1;
            }
            windows.add(&spec, time, 1.0);
            windows.add_bad(&spec, time);
            windows.add_anomaly(&spec, time, 1);
            windows.late(&spec, &FACTS, Time(now - i), 1.0, time, |_| {});
            windows.provisional(&spec, &FACTS, time);
        }
        prop_assert!(closes < 20_000, "{} windows were closed", closes);
        prop_assert!(windows.heap_bytes() < 1_000_000, "{} bytes", windows.heap_bytes());
    }
}

#[test]
fn a_part_of_a_group_is_handed_over_with_its_bad_readings() {
    let mut spec = giving(time(10, 10), &[Statistic::Bad, Statistic::Missing]);
    (spec.per, spec.min) = (Per::All, 5);
    let facts = SeriesFacts { first: Time(0), expected: Some(Span(1)) };
    let mut windows = Windows::new(&spec);
    windows.add(&spec, Time(3), 1.0);
    windows.add_bad(&spec, Time(4));
    let (start, end, tally) = windows.close_part(&spec, &facts).unwrap();
    assert_eq!((start, end, tally.summary().count()), (Time(0), Time(10), 1));
    assert_eq!((windows.next_end(), windows.close_part(&spec, &facts).is_none()), (Time::MAX, true));
}
