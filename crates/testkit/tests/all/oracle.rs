//! What windows and filters say is what a slow recomputation says that knows nothing of the engine: every shape, every
//! statistic, every policy for the late, on simulated streams with disorder, duplicates, gaps and wrong clocks.

use super::laws::many;
use ouzel_connect::fault::Fault;
use ouzel_connect::source::{Rows, Source};
use ouzel_engine::condition::{Condition, Formula, Known};
use ouzel_engine::output::{Aggregate, Output, What};
use ouzel_engine::plan::*;
use ouzel_engine::reading::{Flags, Reading};
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::config;
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::oracle::compare::{Said, compare};
use ouzel_testkit::oracle::whole::{Found, whole};
use ouzel_testkit::play::Recorded;
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Times are small multiples of it, so that ties, edges and gaps are common.
pub(super) const STEP: i64 = 500_000_000;
const DEVICES: [&str; 4] = ["ant", "boiler", "press-1", "press-10"];
const CHANNELS: [&str; 3] = ["x", "y", "door"];
const HALLS: [&str; 4] = ["north", "south", "north", "north"];

/// A reading on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) device: usize,
    pub(super) channel: usize,
    /// In steps.
    pub(super) time: i64,
    pub(super) value: f64,
    /// Its message ends with it.
    pub(super) ends: bool,
}

/// Plays readings in the order given, a few at a time; each device has an allowance of its own, in steps.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) sent: Vec<Sent>,
    pub(super) next: usize,
    pub(super) late: [i64; 4],
    /// Nanoseconds.
    pub(super) step: i64,
}

impl Source for Script {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let until = self.sent.len().min(self.next + 7);
        for sent in &self.sent[self.next..until] {
            let timing = Timing { late: Span(self.late[sent.device].saturating_mul(self.step)), ..Timing::default() };
            let tags = [("hall", HALLS[sent.device])];
            let device = names.device(DEVICES[sent.device], timing, &tags).expect("few devices");
            let channel = names.channel(CHANNELS[sent.channel]);
            let series = names.series(device, channel);
            let mut reading = Reading::new(series, Time(sent.time.saturating_mul(self.step)), sent.value);
            if sent.ends {
                reading.flags = Flags::END_OF_MESSAGE;
            }
            into.rows.push(reading);
        }
        let more = self.next < until;
        self.next = until;
        Ok(more)
    }
}

pub(super) fn span(steps: i64) -> Span {
    Span(steps * STEP)
}

fn value(channel: usize) -> BoxedStrategy<f64> {
    if channel == 2 {
        return (0u32..3).prop_map(f64::from).boxed();
    }
    prop_oneof![
        8 => (0i32..8).prop_map(|v| 20.0 + f64::from(v) * 0.1),
        2 => -50f64..120.0,
        1 => prop_oneof![Just(-40.0), Just(90.0), Just(91.0), Just(1e9), Just(-0.0)],
    ]
    .boxed()
}

/// Readings in the order of arrival, with everything that goes wrong.
pub(super) fn stream(devices: usize, longest: usize) -> impl Strategy<Value = Vec<Sent>> {
    let gap = prop_oneof![10 => 0i64..3, 3 => 3i64..12, 1 => 12i64..90];
    let channel_and_value = (0..CHANNELS.len()).prop_flat_map(|channel| (Just(channel), value(channel)));
    // How much later it arrives; whether it comes twice; whether its clock is wrong for once.
    let delay = prop_oneof![3 => Just(0i64), 1 => 0i64..20];
    let wrong = prop_oneof![60 => Just(0i64), 1 => 100i64..100_000, 1 => -100_000i64..-100];
    let one = (0..devices, channel_and_value, gap, delay, prop::bool::weighted(0.1), wrong, prop::bool::weighted(0.2));
    prop::collection::vec(one, 1..longest).prop_map(|all| {
        let (mut time, mut arriving) = (-20, Vec::new());
        for (device, (channel, value), gap, delay, twice, wrong, ends) in all {
            time += gap;
            let sent = Sent { device, channel, time: time + wrong, value, ends };
            arriving.push((time + delay, sent));
            if twice {
                arriving.push((time + delay, sent));
            }
        }
        arriving.sort_by_key(|(arrives, _)| *arrives);
        arriving.into_iter().map(|(_, sent)| sent).collect()
    })
}

/// One reading a channel and moment.
pub(super) fn distinct(sent: Vec<Sent>) -> Vec<Sent> {
    let mut seen = std::collections::BTreeSet::new();
    sent.into_iter().filter(|s| seen.insert((s.device, s.channel, s.time))).collect()
}

/// Every statistic that one channel of a shape can give.
fn statistics(spec: &WindowSpec) -> Vec<Statistic> {
    let mut all: Vec<Statistic> = Statistic::NAMED.iter().map(|named| named.1).collect();
    all.extend([0, 25_000, 50_000, 95_000, 99_900, 100_000].map(Statistic::Quantile));
    all.extend([0, 1, 20].map(Statistic::Share));
    all.extend((0..spec.counts.len()).map(|place| Statistic::Anomalies(place as u16)));
    let of_order = |what: &Statistic| matches!(what, Statistic::Gap | Statistic::TimeMean | Statistic::Share(_));
    let of_history = |what: &Statistic| {
        matches!(what, Statistic::Change | Statistic::Slope | Statistic::Missing | Statistic::Reduction)
    };
    let judged = matches!(&spec.shape, Shape::Session(s) if s.start.is_some() || s.active.is_some());
    if matches!(spec.when_late, WhenLate::Revise(_)) {
        all.retain(|what| !of_order(what) && !of_history(what));
    }
    let of_pairs =
        |what: &Statistic| matches!(what, Statistic::Covariance | Statistic::Correlation | Statistic::SlopeWith);
    all.retain(|what| spec.with.is_some() || !of_pairs(what));
    if judged || spec.with.is_some() {
        // Bad readings are not part of points, and the numbers so far are not what the oracle follows there.
        all.retain(|what| !of_history(what) && !matches!(what, Statistic::Bad | Statistic::Anomalies(_)));
    }
    if spec.per != Per::Device {
        // Of two devices with readings of one time nobody knows which was first.
        let tied = |what: &Statistic| matches!(what, Statistic::First | Statistic::Last);
        all.retain(|what| !of_order(what) && !tied(what) && *what != Statistic::Rate);
        all.retain(|what| *what == Statistic::Missing || !of_history(what));
    }
    all
}

pub(super) fn condition(text: &str) -> Condition {
    let resolve = |name: &str| Ok(name.to_owned());
    let known = Known { channels: &[], resolve: &resolve };
    Condition::parse(text, &known).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"))
}

pub(super) fn conditions() -> impl Strategy<Value = Condition> {
    let texts = [
        "x > 20.2",
        "door = 1",
        "x > 20.2 and door != 0",
        "x between 20.1 and 20.5 or y < 20",
        "not (door = 2)",
        "x - previous(x) > 0",
        "door becomes true",
        "mean(x, 5s) > 20.3 and count(x, 10s) >= 2",
        "x > y",
        "last(door, 4s) = 1 and x > 20",
        "tag.hall = \"north\" and x > 20.1",
        "y is present or delta(x) < 0.2",
    ];
    prop::sample::select(texts.to_vec()).prop_map(condition)
}

pub(super) fn formulas() -> impl Strategy<Value = Formula> {
    let texts = [
        "x / y",
        "x - y",
        "x * 2",
        "x - last(y, 4s)",
        "mean(x, 5s) + lag(x, 3)",
        "range(x, 5) + range(y, 6s)",
        "10 / door",
        "x > 20.2 and door is present",
        "x > y",
        "door becomes true",
        "max(x, y) * count(door, 20s)",
        "y is absent",
        "tag.hall = \"north\" and x > 20.1",
    ];
    prop::sample::select(texts.to_vec()).prop_map(formula)
}

pub(super) fn formula(text: &str) -> Formula {
    let known = Known { channels: &[], resolve: &|name| Ok(name.to_owned()) };
    Formula::parse(text, &known).unwrap()
}

/// Formulas, formulas and filters of formulas, and windows over all of them.
pub(super) fn plan_of_formulas() -> impl Strategy<Value = Plan> {
    let windows = prop::collection::vec(windows(Per::Device), 4);
    let of_first =
        ["n0.value - previous(n0.value)", "n0.value * n1.value", "mean(n1.value, 6s)", "n0.value > last(x, 3s)"];
    let of_first = prop::sample::select(of_first.to_vec()).prop_map(formula);
    let drop = prop::option::of(any::<bool>());
    (formulas(), formulas(), of_first, drop, windows).prop_map(|(first, second, third, drop, windows)| {
        let on = |formula: &Formula| formula.channels().to_vec();
        let all = [
            (on(&first), Work::Formula(first)),
            (on(&second), Work::Formula(second)),
            (on(&third), Work::Formula(third)),
        ];
        let mut all = all.to_vec();
        let mut over: Vec<String> = ["n0.value", "n1.value", "n2.value"].map(str::to_owned).to_vec();
        if let Some(drop) = drop {
            let when = condition("n0.value > 0.5 or n0.value < 0");
            all.push((over[..1].to_vec(), Work::Filter(FilterSpec { when, drop, tell: true })));
            over.push("n3.n0.value".to_owned());
        }
        // Late readings go past formulas, and nothing of what they say is late.
        let of = |spec: WindowSpec| WindowSpec { with: None, when_late: WhenLate::Aside, ..spec };
        all.extend(windows.into_iter().map(|spec| (over.clone(), Work::Window(of(spec)))));
        let all =
            all.into_iter().enumerate().map(|(index, (on, work))| Operator { name: format!("n{index}"), on, work });
        Plan { channels: facts(), operators: all.collect(), alerts: Vec::new(), ..Plan::default() }
    })
}

/// How long a day is here: with so small times a calendar needs its clocks turned all the time.
pub(super) fn zone() -> impl Strategy<Value = Zone> {
    let turn = (-40i64..600, prop_oneof![Just(0), Just(1_800), Just(3_600), -50_000i32..50_000]);
    (0i32..7_200, prop::collection::vec(turn, 0..5)).prop_map(|(first, turns)| {
        let mut turns: Vec<(Time, i32)> = turns.into_iter().map(|(at, ahead)| (Time(at * STEP), ahead)).collect();
        turns.sort_unstable();
        turns.dedup_by_key(|turn| turn.0);
        Zone { name: "Nowhere".into(), first, turns }
    })
}

fn of_time() -> BoxedStrategy<Shape> {
    prop_oneof![
        3 => (1i64..30).prop_map(|size| Shape::Time { size: span(size), every: span(size) }),
        3 => (1i64..30, 1i64..30).prop_map(|(size, every)| Shape::Time { size: span(size), every: span(every.min(size)) }),
        1 => (prop_oneof![Just(Step::Hours(1)), Just(Step::Hours(12)), Just(Step::Day), Just(Step::Week), Just(Step::Month), Just(Step::Year)], zone())
            .prop_map(|(step, zone)| Shape::Calendar { step, zone }),
    ]
    .boxed()
}

pub(super) fn session(start: Option<Condition>, active: Option<Condition>) -> BoxedStrategy<Shape> {
    (1i64..20, prop::option::of(1i64..60))
        .prop_map(move |(gap, longest)| {
            let (start, active) = (start.clone(), active.clone());
            Shape::Session(Box::new(SessionSpec { gap: span(gap), longest: longest.map(span), start, active }))
        })
        .boxed()
}

/// Windows of one device or several, whatever they give.
pub(super) fn windows(per: Per) -> impl Strategy<Value = WindowSpec> {
    let of_readings = prop_oneof![
        (1i64..40, 0i64..10).prop_map(|(size, every)| Shape::Sliding { size: span(size), every: span(every) }),
        (1u32..12, 1u32..12).prop_map(|(size, every)| Shape::Count { size, every: every.min(size) }),
    ];
    let judged = (prop::option::of(conditions()), prop::option::of(conditions()))
        .prop_flat_map(|(start, active)| session(start, active));
    let shape = if per == Per::Device {
        prop_oneof![3 => of_time(), 2 => of_readings.boxed(), 1 => session(None, None), 1 => judged.boxed()].boxed()
    } else {
        of_time()
    };
    let plain = prop::bool::weighted(0.2);
    let when_late = prop_oneof![
        3 => Just(WhenLate::Aside),
        1 => Just(WhenLate::Forget),
        3 => (1i64..60).prop_map(|steps| WhenLate::Revise(span(steps))),
    ];
    (shape, 1u64..4, when_late, prop::bool::ANY, plain, any::<u64>()).prop_map(
        move |(shape, min, when_late, one, plain, pick)| {
            let mut spec = WindowSpec::of(shape, &Statistic::USUAL);
            (spec.min, spec.per) = (if one { 1 } else { min }, per.clone());
            let revises = match &spec.shape {
                Shape::Time { .. } => per == Per::Device,
                Shape::Calendar { step, .. } => per == Per::Device && matches!(step, Step::Hours(_) | Step::Day),
                Shape::Session(session) => session.start.is_none() && session.active.is_none(),
                _ => false,
            };
            if revises || !matches!(when_late, WhenLate::Revise(_)) {
                spec.when_late = when_late;
            }
            let alone = per == Per::Device
                && !matches!(&spec.shape, Shape::Session(s) if s.start.is_some() || s.active.is_some());
            if alone && spec.when_late == WhenLate::Aside && pick % 5 == 0 {
                spec.with = Some(CHANNELS[(pick % 3) as usize].to_owned());
            }
            if !plain {
                let mut gives = statistics(&spec);
                gives.retain(|what| (pick >> (gives_place(*what) % 64)) & 3 != 0);
                spec.give = gives.into_iter().map(|what| Given { name: what.name(), what }).collect();
            }
            spec
        },
    )
}

/// Any number for a statistic.
fn gives_place(what: Statistic) -> usize {
    what.name().bytes().map(usize::from).sum()
}

pub(super) fn named(operators: Vec<(Vec<&str>, Work)>) -> Vec<Operator> {
    let of = |(index, (on, work)): (usize, (Vec<&str>, Work))| {
        let on = on.into_iter().map(str::to_owned).collect();
        Operator { name: format!("n{index}"), on, work }
    };
    operators.into_iter().enumerate().map(of).collect()
}

pub(super) fn facts() -> Vec<ChannelFacts> {
    let x = ChannelFacts { name: "x".to_owned(), range: Some((-40.0, 90.0)), ..ChannelFacts::default() };
    let y = ChannelFacts { name: "y".to_owned(), every: Some(span(3)), ..ChannelFacts::default() };
    vec![x, y]
}

/// Windows over readings.
pub(super) fn plan_of_windows() -> impl Strategy<Value = Plan> {
    prop::collection::vec(windows(Per::Device), 1..5).prop_map(|windows| {
        let of = |spec: WindowSpec| {
            let on = CHANNELS.into_iter().filter(|channel| spec.with.as_deref() != Some(channel)).collect();
            (on, Work::Window(spec))
        };
        let all = windows.into_iter().map(of).collect();
        Plan { channels: facts(), operators: named(all), alerts: Vec::new(), ..Plan::default() }
    })
}

/// A filter, and windows over what passes it, over what it lets go, and over what came before it.
pub(super) fn plan_of_filters() -> impl Strategy<Value = Plan> {
    let windows = prop::collection::vec(windows(Per::Device), 3);
    (conditions(), conditions(), any::<(bool, bool, bool)>(), windows).prop_map(
        |(when, again, (drop, tell, drop_again), windows)| {
            let [before, passing, after]: [WindowSpec; 3] = windows.try_into().expect("three of them");
            // Late readings go past filters: that windows of dropped readings take them in again is not for this test.
            let alone = |spec: WindowSpec| WindowSpec { with: None, ..spec };
            let aside = |spec: WindowSpec| match spec.when_late {
                WhenLate::Revise(_) => WindowSpec { when_late: WhenLate::Aside, ..alone(spec) },
                _ => alone(spec),
            };
            let filter = |when, drop, tell| Work::Filter(FilterSpec { when, drop, tell });
            let all = vec![
                (CHANNELS.to_vec(), Work::Window(alone(before))),
                (vec!["x", "y"], filter(when, drop, tell)),
                (vec!["n1.x", "n1.y"], Work::Window(aside(passing))),
                (vec!["x", "door"], filter(again, drop_again, true)),
                (CHANNELS.to_vec(), Work::Window(aside(after))),
            ];
            Plan { channels: facts(), operators: named(all), alerts: Vec::new(), ..Plan::default() }
        },
    )
}

/// Plays a stream, and asks the oracle; gives how many numbers were compared.
pub(super) fn agree(plan: Plan, sent: &[Sent], late: [i64; 4]) -> Result<usize, String> {
    let plan = Arc::new(plan);
    let script = Script { sent: sent.to_vec(), next: 0, late, step: STEP };
    agree_on(&plan, &Recorded::of(&plan, vec![Box::new(script)])?)
}

/// The same for what was recorded.
pub(super) fn agree_on(plan: &Arc<Plan>, recorded: &Recorded) -> Result<usize, String> {
    let (mut stream, mut outputs) = (Stream::new(plan, 2), Vec::new());
    recorded.pieces().iter().for_each(|stretch| stream.step(stretch, &mut outputs));
    let end = recorded.stretches().last().and_then(|stretch| stretch.end);
    let found = found(stream.names(), &outputs);
    let got = Said::of(plan, stream.names(), &outputs, end);
    let versions: Vec<_> = recorded.tables().collect();
    compare(plan, &whole(plan, recorded.stretches(), &found, &versions), &got)
}

fn found(names: &Names, outputs: &[Output]) -> Vec<Found> {
    let of = |output: &Output| {
        let What::Anomaly(anomaly) = &output.what else { return None };
        let (device, channel) = names.of(anomaly.series);
        let (device, channel) = (names.device_name(device).to_owned(), names.channel_name(channel).to_owned());
        Some((output.node, device, channel, anomaly.time.0))
    };
    outputs.iter().filter_map(of).collect()
}

fn allowances() -> impl Strategy<Value = [i64; 4]> {
    prop::array::uniform4(prop_oneof![1 => Just(0i64), 2 => 0i64..12])
}

/// Windows that count what a detector finds.
fn plan_of_anomalies() -> impl Strategy<Value = Plan> {
    let windows = prop::collection::vec(windows(Per::Device), 1..3);
    (windows, 1u32..8, 0.1f64..2.0).prop_map(|(windows, past, limit)| {
        let spec = ZScoreSpec { past: Past::Count(past), min: 1, floor: 0.05, include: false };
        let above = Levels { warning: Some(limit), critical: None };
        let limits = Limits { above, ..Limits::default() };
        let mut all = vec![(vec!["x"], Work::ZScore(spec, limits))];
        for spec in windows {
            let judged = matches!(&spec.shape, Shape::Session(s) if s.start.is_some() || s.active.is_some());
            let counted = Given { name: "anomalies_n0".to_owned(), what: Statistic::Anomalies(0) };
            let counts = !judged && spec.with.is_none() && spec.when_late == WhenLate::Aside;
            let (give, counts) = if counts { (vec![counted], vec!["n0".to_owned()]) } else { (spec.give, spec.counts) };
            all.push((vec!["x"], Work::Window(WindowSpec { give, counts, with: None, ..spec })));
        }
        Plan { channels: facts(), operators: named(all), alerts: Vec::new(), ..Plan::default() }
    })
}

/// Three devices that speak all the time and in time, so that none of them is idle. All have spoken before the first one goes on: a
/// group waits for those that it knows.
fn busy_stream() -> impl Strategy<Value = Vec<Sent>> {
    let all = (prop::array::uniform3(value(0)), prop::array::uniform3(value(1)), prop::array::uniform3(value(2)));
    let round = (1i64..4, all, prop::array::uniform9(prop_oneof![3 => Just(0i64), 1 => 0i64..5]));
    prop::collection::vec(round, 1..40).prop_map(|rounds| {
        let (mut time, mut arriving) = (-20, Vec::new());
        for (turn, (gap, (x, y, door), delays)) in rounds.into_iter().enumerate() {
            time += if turn == 1 { 5 } else { gap };
            let delays = if turn == 0 { [0; 9] } else { delays };
            for (index, delay) in delays.into_iter().enumerate() {
                let (device, channel) = (index / 3, index % 3);
                let value = [x, y, door][channel][device];
                arriving.push((time + delay, Sent { device, channel, time, value, ends: false }));
            }
        }
        arriving.sort_by_key(|(arrives, _)| *arrives);
        arriving.into_iter().map(|(_, sent)| sent).collect()
    })
}

fn plan_of_groups() -> impl Strategy<Value = Plan> {
    let per = prop_oneof![Just(Per::All), Just(Per::Tag("hall".to_owned()))];
    prop::collection::vec(per.prop_flat_map(windows), 1..4).prop_map(|windows| {
        // Short ones: a device counts as idle when it has given nothing for ten seconds.
        let short = |shape: Shape| match shape {
            Shape::Time { size, every } => Shape::Time { size: size.min(span(8)), every: every.min(span(8)) },
            other => other,
        };
        let all = windows.into_iter().map(|spec| WindowSpec { shape: short(spec.shape.clone()), ..spec });
        let all = all.map(|spec| (CHANNELS.to_vec(), Work::Window(spec))).collect();
        Plan { channels: Vec::new(), operators: named(all), alerts: Vec::new(), ..Plan::default() }
    })
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn windows_say_what_a_slow_recomputation_says(
        sent in stream(3, 150), late in allowances(), plan in plan_of_windows(),
    ) {
        let compared = agree(plan, &sent, late);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }

    #[test]
    fn filters_let_pass_what_a_slow_recomputation_lets_pass(
        sent in stream(2, 150), late in allowances(), plan in plan_of_filters(),
    ) {
        let compared = agree(plan, &distinct(sent), late);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }

    #[test]
    fn formulas_give_what_a_slow_recomputation_gives(
        sent in stream(2, 150), late in allowances(), plan in plan_of_formulas(),
    ) {
        let compared = agree(plan, &distinct(sent), late);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }

    #[test]
    fn windows_count_the_anomalies_that_detectors_find(
        sent in stream(2, 150), late in allowances(), plan in plan_of_anomalies(),
    ) {
        let compared = agree(plan, &distinct(sent), late);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }

    #[test]
    fn windows_of_several_devices_say_what_all_their_readings_say(
        sent in busy_stream(), late in prop::array::uniform4(4i64..6), plan in plan_of_groups(),
    ) {
        let compared = agree(plan, &sent, late);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }

    /// Clocks of real places, and readings a quarter of an hour to some weeks apart.
    #[test]
    fn days_of_real_places_are_those_that_their_clocks_show(
        place in prop::sample::select(PLACES.to_vec()), length in prop::sample::select(LENGTHS.to_vec()), begin in -1_400_000i64..3_600_000,
        gaps in prop::collection::vec(prop_oneof![6 => 1i64..5, 2 => 1i64..200, 1 => 1i64..3_000], 1..200),
    ) {
        const QUARTER: i64 = 900_000_000_000;
        let plan = read(&format!("[window.n0]\nover = \"x\"\ncalendar = \"{length}\"\nzone = \"{place}\"\ngive = [\"count\", \"sum\"]\n"));
        let mut time = begin;
        let sent = gaps.iter().map(|gap| { time += gap; Sent { device: 0, channel: 0, time, value: 1.0, ends: false } });
        let script = Script { sent: sent.collect(), next: 0, late: [0; 4], step: QUARTER };
        let recorded = Recorded::of(&plan, vec![Box::new(script)]).unwrap();
        let compared = agree_on(&plan, &recorded);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }
}

const PLACES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",
];
const LENGTHS: [&str; 7] = ["1h", "6h", "12h", "day", "week", "month", "year"];

/// The plan of a config.
pub(super) fn read(text: &str) -> Arc<Plan> {
    let read = config::read("a test", text, Path::new("."));
    let shown = read.render_all(text);
    Arc::new(read.config.unwrap_or_else(|| panic!("{shown}")).plan)
}

/// Plays hourly readings, or half-hourly ones; gives length in minutes and count of every day.
fn days(place: &str, from: i64, minutes: i64, readings: i64) -> Vec<(i64, u64)> {
    let plan = read(&format!("[window.n0]\nover = \"x\"\ncalendar = \"day\"\nzone = \"{place}\"\n"));
    let sent = (0..readings).map(|turn| Sent {
        device: 0,
        channel: 0,
        time: from / 60 + turn * minutes,
        value: 1.0,
        ends: false,
    });
    let script = Script { sent: sent.collect(), next: 0, late: [0; 4], step: 60_000_000_000 };
    let recorded = Recorded::of(&plan, vec![Box::new(script)]).unwrap();
    let (mut stream, mut outputs) = (Stream::new(&plan, 1), Vec::new());
    recorded.stretches().iter().for_each(|stretch| stream.step(stretch, &mut outputs));
    let day = |output: Output| {
        let What::Aggregate(day) = output.what else { return None };
        Some(((day.end.0 - day.start.0) / 60_000_000_000, day.count))
    };
    outputs.into_iter().filter_map(day).collect()
}

#[test]
fn days_on_which_clocks_are_turned_have_23_and_25_hours() {
    // From midnight of 30 March 2024 in Berlin (UTC+1), and of 26 October 2024 (UTC+2).
    assert_eq!(days("Europe/Berlin", 1_711_753_200, 60, 71), [(1_440, 24), (1_380, 23), (1_440, 24)]);
    assert_eq!(days("Europe/Berlin", 1_729_893_600, 60, 73), [(1_440, 24), (1_500, 25), (1_440, 24)]);
    // Lord Howe Island turns by half an hour: 5 October 2024 (UTC+10:30), and 6 April 2024 (UTC+11).
    assert_eq!(days("Australia/Lord_Howe", 1_728_048_600, 30, 48 + 47), [(1_440, 48), (1_410, 47)]);
    assert_eq!(days("Australia/Lord_Howe", 1_712_322_000, 30, 48 + 49), [(1_440, 48), (1_470, 49)]);
}

#[test]
fn a_day_that_a_place_has_skipped_has_no_window() {
    // Samoa went from the 29th to the 31st of December 2011: from UTC-10 to UTC+14. From midnight of the 29th.
    assert_eq!(days("Pacific/Apia", 1_325_152_800, 60, 48), [(1_440, 24), (1_440, 24)]);
}

/// One device and channel, a reading each millisecond.
fn dense(shape: Shape, give: &[Statistic], readings: i64) -> (Vec<f64>, Vec<Aggregate>) {
    let spec = WindowSpec::of(shape, give);
    let plan = Arc::new(Plan { operators: named(vec![(vec!["y"], Work::Window(spec))]), ..Plan::default() });
    let mut chance = ouzel_testkit::chance::Chance(7);
    let values: Vec<f64> = (0..readings).map(|_| chance.below(1_000_000) as f64 / 7.0).collect();
    let sent = (0..).zip(&values).map(|(time, value)| Sent { device: 0, channel: 1, time, value: *value, ends: false });
    let script = Script { sent: sent.collect(), next: 0, late: [0; 4], step: 1_000_000 };
    let recorded = Recorded::of(&plan, vec![Box::new(script)]).unwrap();
    let (mut stream, mut outputs) = (Stream::new(&plan, 1), Vec::new());
    recorded.stretches().iter().for_each(|stretch| stream.step(stretch, &mut outputs));
    let result = |output: Output| if let What::Aggregate(aggregate) = output.what { Some(aggregate) } else { None };
    (values, outputs.into_iter().filter_map(result).collect())
}

#[test]
fn a_dense_sliding_window_reaches_back_by_a_1024th_too_far_at_most() {
    let shape = Shape::Sliding { size: Span::from_millis(3_000), every: Span::from_millis(70) };
    let (values, results) = dense(shape, &[Statistic::Count, Statistic::Mean], 12_000);
    assert!(results.len() > 160, "{}", results.len());
    for Aggregate { end, mean, count, .. } in results {
        let end = end.0 / 1_000_000;
        let exact = 3_001.min(end + 1);
        assert!((exact..=exact + 3).contains(&(count as i64)), "{count} at {end}, {exact} are inside");
        let inside = &values[(end + 1 - count as i64) as usize..=end as usize];
        let plain = ouzel_testkit::oracle::plain(inside);
        assert!((plain.mean - mean).abs() < 1e-9 * plain.mean, "{end}");
    }
}

#[test]
fn quantiles_of_many_readings_are_off_by_half_a_percent_of_rank_at_most() {
    let (values, results) =
        dense(Shape::Count { size: 6_000, every: 500 }, &[1_000, 50_000, 95_000].map(Statistic::Quantile), 20_000);
    assert_eq!(results.len(), 29);
    for Aggregate { end, more, .. } in results {
        let end = end.0 / 1_000_000;
        let inside = &values[(end - 5_999) as usize..=end as usize];
        for (share, quantile) in [0.01, 0.5, 0.95].into_iter().zip(more.unwrap()) {
            let rank = inside.iter().filter(|value| **value <= quantile).count() as f64 / 6_000.0;
            assert!((rank - share).abs() <= 0.005, "at {end}: {share} is {rank}");
        }
    }
}
