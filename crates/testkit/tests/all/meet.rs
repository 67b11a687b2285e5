//! Readings that meet: what features of groups and joins say equals what the oracle says, whatever the order of arrival
//! within the allowance, the batches, the shards and the stops.

use super::laws::{Sent, arrived, many, one, same, source, span, stream};
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::*;
use ouzel_engine::series::Names;
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::oracle::meet::{Given, Said, meet};
use ouzel_testkit::play::{Recorded, first_difference, threaded};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Nobody is idle before this.
const NEVER: Span = Span(i64::MAX);

fn per() -> impl Strategy<Value = Per> {
    let hall = || "hall".to_owned();
    let listed = vec![
        ("west".to_owned(), vec!["boiler".to_owned(), "press-1".to_owned()]),
        ("east".to_owned(), vec!["ant".to_owned()]),
    ];
    prop_oneof![Just(Per::All), Just(Per::Tag(hall())), Just(Per::Tags(vec![hall()])), Just(Per::Listed(listed))]
}

fn given() -> impl Strategy<Value = Vec<AmongGiven>> {
    let all = [
        ("count", Among::Count),
        ("sum", Among::Sum),
        ("mean", Among::Mean),
        ("std", Among::Std),
        ("min", Among::Min),
        ("max", Among::Max),
        ("range", Among::Range),
        ("median", Among::Quantile(50_000)),
        ("p90", Among::Quantile(90_000)),
        ("count_true", Among::CountTrue),
        ("share_true", Among::ShareTrue),
        ("count_20", Among::CountOf(20)),
        ("share_20", Among::ShareOf(20)),
        ("residual", Among::Residual),
    ];
    let all: Vec<AmongGiven> = all.iter().map(|&(name, what)| AmongGiven { name: name.to_owned(), what }).collect();
    prop::sample::subsequence(all, 1..5)
}

fn among(idle: Span) -> impl Strategy<Value = Operator> {
    let on = prop_oneof![Just(vec!["x".to_owned()]), Just(vec!["x".to_owned(), "y".to_owned()])];
    (per(), given(), 1i64..40, 1u32..4, on).prop_map(move |(per, give, fresh, min, on)| {
        let spec = AmongSpec { per, give, fresh: span(fresh), min, idle };
        Operator { name: "among".to_owned(), on, work: Work::Among(spec) }
    })
}

fn join(idle: Span) -> impl Strategy<Value = Operator> {
    let how = prop_oneof![Just(How::AsOf), Just(How::Nearest), Just(How::Interval)];
    let per = prop_oneof![per(), Just(Per::Device)];
    let of = prop_oneof![3 => Just(None), 1 => Just(Some("ant".to_owned()))];
    let channels = prop_oneof![3 => Just(("x", "y")), 1 => Just(("x", "x"))];
    let give = prop::sample::subsequence(Paired::ALL.to_vec(), 1..=4);
    (per, how, of, 0i64..30, channels, give).prop_map(move |(per, how, of, tolerance, (on, with), give)| {
        let of = of.filter(|_| per != Per::Device);
        let spec = JoinSpec { per, with: with.to_owned(), of, how, tolerance: span(tolerance), give, idle };
        Operator { name: "join".to_owned(), on: vec![on.to_owned()], work: Work::Join(spec) }
    })
}

/// One whose readings meet, or two whose groups lie within each other; each of their results is a window of its own, and
/// has a detector and a window of time upon it.
pub(super) fn meetings(idle: Span) -> impl Strategy<Value = Plan> {
    (prop::option::of(among(idle)), join(idle), any::<bool>()).prop_map(|(among, join, both)| {
        let mut operators: Vec<Operator> = among.into_iter().collect();
        let nest = |operators: &[Operator]| {
            let per = |operator: &Operator| operator.meets().map(|(per, _)| per.clone());
            let (own, others) = (per(&join), operators.iter().filter_map(per).collect::<Vec<Per>>());
            own.is_some_and(|own| others.iter().all(|other| own.lies_within(other) || other.lies_within(&own)))
        };
        if operators.is_empty() || (both && nest(&operators)) {
            operators.push(join);
        }
        let mut derived = Vec::new();
        for operator in &operators {
            for on in &operator.on {
                derived.extend(operator.derived(on));
                derived.extend(operator.derived_of_group(on).into_iter().map(|(_, name)| name));
            }
        }
        let each = WindowSpec::of(Shape::Count { size: 1, every: 1 }, &[Statistic::Count]);
        let some = WindowSpec::time(span(10), span(5), &Statistic::USUAL);
        let of = |name: &str, work| Operator { name: name.to_owned(), on: derived.clone(), work };
        let more =
            [of("each", Work::Window(each)), of("some", Work::Window(some)), of("much", Work::Threshold(one(20.3)))];
        operators.extend(more);
        Plan { operators, ..Plan::default() }
    })
}

/// What the window of one reading over each result of an operator said.
fn said(plan: &Plan, outputs: &[Output], names: &Names, operator: &str) -> Given {
    let each = plan.operators.iter().position(|operator| operator.name == "each").unwrap() as u16;
    let mut given = Given::new();
    for output in outputs.iter().filter(|output| output.node == each) {
        let What::Aggregate(aggregate) = &output.what else { continue };
        let (device, channel) = names.of(aggregate.series);
        let channel = names.channel_name(channel).to_owned();
        if channel.starts_with(operator) {
            given.push((names.device_name(device).to_owned(), channel, aggregate.end, aggregate.mean));
        }
    }
    given.sort_by(|a, b| (&a.0, &a.1, a.2).cmp(&(&b.0, &b.1, b.2)).then(a.3.total_cmp(&b.3)));
    given
}

/// Times of one series are distinct, for ties go in order of arrival.
fn distinct(mut sent: Vec<Sent>) -> Vec<Sent> {
    let mut seen = BTreeSet::new();
    sent.retain(|s| seen.insert((s.device, s.channel, s.time)));
    sent
}

fn readings(sent: &[Sent]) -> Vec<Said> {
    let one = |s: &Sent| {
        let hall = if s.device.is_multiple_of(2) { "north" } else { "south" };
        let channel = if s.channel == 0 { "x" } else { "y" };
        Said {
            device: super::laws::DEVICES[s.device].to_owned(),
            tags: vec![("hall".to_owned(), hall.to_owned())],
            channel: channel.to_owned(),
            time: Time(s.time * super::laws::STEP),
            value: s.value,
        }
    };
    sent.iter().map(one).collect()
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn what_readings_that_meet_say_is_what_the_oracle_says(
        sent in stream(8), (plan, patient) in prop_oneof![(meetings(NEVER), Just(true)), (meetings(span(20)), Just(false))], shards in 1usize..4,
    ) {
        let sent = distinct(sent);
        let plan = Arc::new(plan);
        let all = readings(&sent);
        // Who comes in the order of time is never too late for anybody, however soon the others are taken for idle.
        let orders = if patient { vec![sent.clone(), arrived(&sent)] } else { vec![sent] };
        for sent in orders {
            let recorded = Recorded::of(&plan, source(&sent, 8, 7)).unwrap();
            let (mut stream, mut outputs) = (Stream::new(&plan, shards), Vec::new());
            recorded.stretches().iter().for_each(|stretch| stream.step(stretch, &mut outputs));
            for operator in plan.operators.iter().filter(|operator| operator.meets().is_some()) {
                let (expected, got) = (meet(operator, &all), said(&plan, &outputs, stream.names(), &operator.name));
                type One = (String, String, Time, f64);
                let close = |(a, b): (&One, &One)| {
                    (&a.0, &a.1, a.2) == (&b.0, &b.1, b.2) && (a.3 - b.3).abs() <= 1e-9 * a.3.abs().max(1.0)
                };
                let differs = expected.iter().zip(&got).position(|pair| !close(pair));
                prop_assert!(
                    differs.is_none() && expected.len() == got.len(),
                    "{operator:?}\n{} expected, {} given; first difference {differs:?}: {:?} {:?}",
                    expected.len(), got.len(), differs.map(|at| &expected[at]), differs.map(|at| &got[at])
                );
            }
        }
    }

    #[test]
    fn batches_shards_threads_and_stops_do_not_change_what_readings_that_meet_say(
        sent in stream(12), plan in prop_oneof![meetings(NEVER), meetings(span(20))], late in 0i64..8, at_once in 1usize..40,
        rows in 1usize..30, shards in 1usize..6, after in 1usize..6, stop in 0f64..1.0,
    ) {
        let (plan, sent) = (Arc::new(plan), arrived(&sent));
        let recorded = Recorded::of(&plan, source(&sent, late, at_once)).unwrap();
        let straight = recorded.play(&plan, usize::MAX, 1);
        same("batches of one", &straight, &recorded.play(&plan, 1, 1))?;
        same(&format!("batches of {rows} on {shards} shards"), &straight, &recorded.play(&plan, rows, shards))?;
        same(&format!("{shards} threads"), &straight, &threaded(&plan, (source(&sent, late, at_once), Vec::new()), shards).unwrap())?;
        let stop = (stop * recorded.rows as f64) as usize;
        for stop in [stop, recorded.rows] {
            let resumed = recorded.play_with_stop(&plan, stop, shards, after).map_err(TestCaseError::fail)?;
            same(&format!("a stop before row {stop}, {shards} shards, then {after}"), &straight, &resumed)?;
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_change_what_readings_that_meet_say(
        sent in stream(8), plan in meetings(NEVER), at_once in 1usize..40,
    ) {
        let sent = distinct(sent);
        let plan = Arc::new(plan);
        let play = |sent: &[Sent]| Recorded::of(&plan, source(sent, 8, at_once)).map(|r| r.play(&plan, usize::MAX, 1));
        let (in_time, as_arrived) = (play(&sent).unwrap(), play(&arrived(&sent)).unwrap());
        let (expected, got) = (in_time.anywhere().join("\n"), as_arrived.anywhere().join("\n"));
        prop_assert!(expected == got, "another order of arrival:\n{}\n{expected}\n\n{got}", first_difference(&expected, &got));
    }
}
