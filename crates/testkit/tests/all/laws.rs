//! What must hold for every stream and every plan, tried on small random ones.
//!
//! * The size of batches, the number of shards, and a stop with a save anywhere change nothing.
//! * The order of arrival, within the allowance, changes only when something comes out, not what.
//! * Every reading is in its window, or late, or outside its range: none is lost and none is counted twice.
//!
//! The seed is fixed, so that a run is the same on every machine. `PROPTEST_CASES` and `PROPTEST_RNG_SEED` look
//! further.

use super::features;
use super::oracle::{conditions, formula, formulas, windows};
use ouzel_connect::fault::Fault;
use ouzel_connect::source::{Rows, Source};
use ouzel_engine::condition::Formula;
use ouzel_engine::output::What;
use ouzel_engine::plan::*;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::play::{Outcome, Recorded, first_difference, threaded};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::sync::Arc;

/// Cases of a law where nobody says how many.
const FEW: u32 = 64;

pub(super) fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = FEW;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(3);
    }
    config
}

/// More cases, for what is tried in memory alone.
pub(super) fn many() -> ProptestConfig {
    let config = config();
    let cases = if std::env::var_os("PROPTEST_CASES").is_none() { 256 } else { config.cases };
    ProptestConfig { cases, ..config }
}

/// Half a second: times are small multiples of it, so that ties, edges and gaps are common.
pub(super) const STEP: i64 = 500_000_000;
pub(super) const DEVICES: [&str; 5] = ["boiler", "ant", "press-1", "press-10", "zeppelin"];
const CHANNELS: [&str; 2] = ["x", "y"];
/// Plausible values of channel `x`.
const RANGE: (f64, f64) = (-40.0, 90.0);

/// A reading as a test has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sent {
    pub(super) device: usize,
    pub(super) channel: usize,
    /// In steps.
    pub(super) time: i64,
    /// In steps: how much later than its time it arrives.
    pub(super) delay: i64,
    pub(super) value: f64,
}

fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0i32..8).prop_map(|v| 20.0 + f64::from(v) * 0.1),
        2 => -50f64..120.0,
        1 => Just(20.0),
        1 => prop_oneof![Just(-40.0), Just(90.0), Just(91.0), Just(1e9), Just(-0.0)],
    ]
}

/// Readings in the order of their times; a delay of at most `late` steps each.
pub(super) fn stream(late: i64) -> impl Strategy<Value = Vec<Sent>> {
    let gap = prop_oneof![10 => 0i64..3, 3 => 3i64..12, 1 => 12i64..90];
    let one = (0..DEVICES.len(), 0..CHANNELS.len(), gap, 0..=late, values());
    prop::collection::vec(one, 1..120).prop_map(|all| {
        let mut time = -20;
        let sent = all.into_iter().map(|(device, channel, gap, delay, value)| {
            time += gap;
            Sent { device, channel, time, delay, value }
        });
        sent.collect()
    })
}

/// Plays readings in the order given, a few at a time.
#[derive(Clone)]
struct Script {
    sent: Vec<Sent>,
    next: usize,
    timing: Timing,
    at_once: usize,
}

impl Source for Script {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let until = self.sent.len().min(self.next + self.at_once);
        for sent in &self.sent[self.next..until] {
            let hall = if sent.device % 2 == 0 { "north" } else { "south" };
            let device = names.device(DEVICES[sent.device], self.timing, &[("hall", hall)]).expect("few devices");
            let channel = names.channel(CHANNELS[sent.channel]);
            let series = names.series(device, channel);
            into.rows.push(Reading::new(series, Time(sent.time * STEP), sent.value));
        }
        let more = self.next < until;
        self.next = until;
        Ok(more)
    }
}

pub(super) fn source(sent: &[Sent], late: i64, at_once: usize) -> Vec<Box<dyn Source>> {
    let timing = Timing { late: Span(late * STEP), arrival: false };
    vec![Box::new(Script { sent: sent.to_vec(), next: 0, timing, at_once })]
}

fn channels() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![Just(vec!["x".to_owned()]), Just(vec!["x".to_owned(), "y".to_owned()])]
}

pub(super) fn span(steps: i64) -> Span {
    Span(steps * STEP)
}

fn past() -> impl Strategy<Value = Past> {
    prop_oneof![(2u32..12).prop_map(Past::Count), (1i64..40).prop_map(|n| Past::Span(span(n)))]
}

fn window() -> impl Strategy<Value = Work> {
    (1i64..20, 1i64..20)
        .prop_map(|(size, every)| Work::Window(WindowSpec::time(span(size), span(every.min(size)), &Statistic::USUAL)))
}

fn limits(high: f64) -> impl Strategy<Value = Limits> {
    (0.2f64..1.0, any::<bool>(), 0i64..8, prop_oneof![Just(0.0), 0f64..1.0]).prop_map(
        move |(share, both, hold, hysteresis)| {
            let levels = Levels { warning: Some(high * share), critical: Some(high) };
            let below = Levels { warning: Some(-high * share), critical: None };
            let below = if both { below } else { Levels::default() };
            Limits { above: levels, below, hysteresis, hold: span(hold), kind: "odd".to_owned() }
        },
    )
}

/// Detectors that see readings in the order of their times.
fn in_order() -> impl Strategy<Value = Work> {
    let zscore = (past(), 1u32..6, prop_oneof![Just(0.0), Just(0.1)], any::<bool>());
    prop_oneof![
        (zscore, limits(3.0))
            .prop_map(|((past, min, floor, include), l)| Work::ZScore(ZScoreSpec { past, min, floor, include }, l)),
        limits(60.0).prop_map(Work::Threshold),
        (past(), prop_oneof![Just(0.0), Just(0.3)])
            .prop_map(|(past, spread)| Work::Flatline(FlatlineSpec { past, spread }, one(1.0))),
        Just(Work::RangeFault(one(0.0))),
    ]
}

/// Detectors that hear readings as they arrive, and the ticks.
fn on_arrival() -> impl Strategy<Value = Work> {
    prop_oneof![
        (1i64..30).prop_map(|n| Work::Silence(SilenceSpec { after: span(n) }, one(0.0))),
        (2i64..30, 1i64..4).prop_map(|(past, every)| Work::MissingRate(
            MissingRateSpec { past: span(past), every: span(every) },
            one(0.3)
        )),
    ]
}

pub(super) fn one(warning: f64) -> Limits {
    Limits { above: Levels { warning: Some(warning), critical: None }, kind: "odd".to_owned(), ..Limits::default() }
}

fn alert(on: Vec<String>) -> impl Strategy<Value = AlertRule> {
    (0i64..10, 0i64..30, prop_oneof![Just(0u32), Just(5)]).prop_map(move |(hold, clear, warm_up)| AlertRule {
        name: "trouble".to_owned(),
        on: on.clone(),
        severity: None,
        hold: span(hold),
        clear: span(clear),
        warm_up,
        say: String::new(),
        send: Vec::new(),
    })
}

fn keep() -> impl Strategy<Value = Work> {
    let error = prop_oneof![Just(0.0), Just(0.15), 0f64..20.0];
    let by = prop_oneof![
        3 => error.clone().prop_map(|error| Keep::SwingingDoor { error }),
        1 => error.prop_map(|error| Keep::DeadBand { error }),
        1 => (1i64..10).prop_map(|n| Keep::Every(span(n))),
        1 => (2u32..5).prop_map(Keep::First),
    ];
    let at_least = prop::option::of((1i64..30).prop_map(span));
    (by, at_least).prop_map(|(by, at_least)| Work::Compress(CompressSpec { by, at_least }))
}

/// A filter, and over what it keeps a window, a window over that window, a second filter and a detector.
fn kept() -> impl Strategy<Value = Vec<Operator>> {
    (keep(), window(), window(), keep(), in_order()).prop_map(|(slim, over, above, again, detector)| {
        let of = |name: &str, on: &str, work| Operator { name: name.to_owned(), on: vec![on.to_owned()], work };
        vec![
            of("slim", "x", slim),
            of("over", "slim.x", over),
            of("above", "over.slim.x.max", above),
            of("again", "slim.x", again),
            of("last", "again.slim.x", detector),
        ]
    })
}

/// Features of readings, of what a filter keeps and of features, and over them a window and a detector.
fn worked_on() -> impl Strategy<Value = Vec<Operator>> {
    (features::spec(), features::spec(), features::spec(), window(), in_order()).prop_map(
        |(recent, slim, again, over, detector)| {
            let of = |name: &str, on: Vec<String>, work| Operator { name: name.to_owned(), on, work };
            let made =
                |of: &str, spec: &FeatureSpec| spec.names().map(|name| format!("{of}.{name}")).collect::<Vec<_>>();
            let (of_x, of_recent) = (made("recent.x", &recent), made("recent.y", &recent));
            let of_slim = made("slow.slim.x", &slim);
            vec![
                of("recent", vec!["x".to_owned(), "y".to_owned()], Work::Feature(recent)),
                of("slow", vec!["slim.x".to_owned()], Work::Feature(slim)),
                of("recent_again", vec![of_x[0].clone()], Work::Feature(again.clone())),
                of("recent_window", [of_x.clone(), of_slim].concat(), over),
                of("recent_trouble", of_recent, detector.clone()),
                of("again_trouble", made(&format!("recent_again.{}", of_x[0]), &again), detector),
            ]
        },
    )
}

/// Two windows, one over the other, some detectors over readings and one over what the first window says; and what
/// works on a filter.
fn plan(detector: impl Strategy<Value = Work> + 'static) -> impl Strategy<Value = Plan> {
    let detectors = prop::collection::vec((channels(), detector), 0..4);
    let derived = (prop_oneof![Just("mean"), Just("count"), Just("max")], in_order());
    let all = (window(), window(), detectors, derived, kept(), prop::option::of(worked_on()));
    all.prop_map(|(first, second, detectors, (statistic, work), kept, features)| {
        let features = features.unwrap_or_default();
        let of = |name: &str, on: Vec<String>, work| Operator { name: name.to_owned(), on, work };
        let on_first = |statistic: &str| vec![format!("first.x.{statistic}")];
        let mut operators = vec![of("first", vec!["x".into(), "y".into()], first)];
        let detectors = detectors.into_iter().enumerate();
        operators.extend(detectors.map(|(i, (on, work))| of(&format!("d{i}"), on, work)));
        operators.push(of("second", on_first("mean"), second));
        operators.push(of("derived", on_first(statistic), work));
        operators.extend(kept);
        operators.extend(features);
        let facts = ChannelFacts { name: "x".to_owned(), range: Some(RANGE), ..ChannelFacts::default() };
        Plan { channels: vec![facts], operators, alerts: Vec::new(), ..Plan::default() }
    })
}

/// A plan of everything there is of each device for itself. Windows of groups close when all that are known have passed, so
/// it matters to them who is known, and since when.
pub(super) fn plan_of_each_device() -> impl Strategy<Value = Plan> {
    let of_groups = |operator: &Operator| matches!(&operator.work, Work::Window(spec) if spec.per != Per::Device);
    any_plan().prop_map(move |mut plan| {
        plan.operators.retain(|operator| !of_groups(operator));
        plan
    })
}

/// Windows of every shape, of devices and groups; a filter, and windows over what passes it.
fn newer() -> impl Strategy<Value = Vec<Operator>> {
    let per = prop_oneof![3 => Just(Per::Device), 1 => Just(Per::All), 1 => Just(Per::Tag("hall".to_owned()))];
    let filter = (conditions(), any::<bool>(), any::<bool>());
    let of_filter = (filter, windows(Per::Device), in_order());
    let more = prop::collection::vec(per.prop_flat_map(windows), 0..4);
    (more, prop::option::of(of_filter)).prop_map(|(more, of_filter)| {
        let of = |name: String, on: &[&str], work| Operator {
            name,
            on: on.iter().map(|on| (*on).to_owned()).collect(),
            work,
        };
        let mut all = Vec::new();
        for (index, spec) in more.into_iter().enumerate() {
            // No channel is its own other one, and this stream has no third.
            let with = spec.with.clone().filter(|with| with == "y");
            let on: &[&str] = if with.is_some() { &["x"] } else { &CHANNELS };
            all.push(of(format!("w{index}"), on, Work::Window(WindowSpec { with, ..spec })));
        }
        if let Some(((when, drop, tell), spec, detector)) = of_filter {
            all.push(of("calm".to_owned(), &CHANNELS, Work::Filter(FilterSpec { when, drop, tell })));
            let spec = WindowSpec { with: None, ..spec };
            all.push(of("calm_window".to_owned(), &["calm.x", "calm.y"], Work::Window(spec)));
            all.push(of("calm_trouble".to_owned(), &["calm.x"], detector));
        }
        all
    })
}

/// Two formulas, one of the other's value, and windows and detectors over what they say.
fn worked_out() -> impl Strategy<Value = Vec<Operator>> {
    let windows = (windows(Per::Device), windows(Per::All));
    (formulas(), formulas(), windows, in_order(), on_arrival()).prop_map(
        |(first, second, (own, all), order, arrival)| {
            let of = |name: &str, on: &[&str], work| Operator {
                name: name.to_owned(),
                on: on.iter().map(|on| (*on).to_owned()).collect(),
                work,
            };
            let worked_out = |name: &str, formula: Formula| Operator {
                name: name.to_owned(),
                on: formula.channels().to_vec(),
                work: Work::Formula(formula),
            };
            let spec = |spec: WindowSpec| WindowSpec { with: None, ..spec };
            let results = ["load.value", "other.value"];
            let change = formula("load.value - previous(load.value) + 0 * other.value");
            vec![
                worked_out("load", first),
                worked_out("other", second),
                worked_out("change", change),
                of("of_load", &results, Work::Window(spec(own))),
                of("of_loads", &["change.value", "load.value"], Work::Window(spec(all))),
                of("odd_load", &["load.value"], order),
                of("no_load", &["change.value"], arrival),
            ]
        },
    )
}

/// A plan of everything there is, with an alert on all of its detectors.
pub(super) fn any_plan() -> impl Strategy<Value = Plan> {
    let detector = prop_oneof![3 => in_order().boxed(), 2 => on_arrival().boxed()];
    (plan(detector), on_arrival(), newer(), prop::option::of(worked_out())).prop_flat_map(
        |(mut plan, work, newer, worked_out)| {
            plan.operators.splice(0..0, worked_out.into_iter().flatten());
            plan.operators.splice(0..0, newer);
            // One that hears what a filter keeps, as late as that comes.
            plan.operators.push(Operator { name: "hush".to_owned(), on: vec!["slim.x".to_owned()], work });
            let makes = |operator: &&Operator| {
                matches!(
                    operator.work,
                    Work::Window(_) | Work::Compress(_) | Work::Filter(_) | Work::Feature(_) | Work::Formula(_)
                )
            };
            let names = plan.operators.iter().filter(|operator| !makes(operator));
            let alert = alert(names.map(|operator| operator.name.clone()).collect());
            (Just(plan), alert, said()).prop_map(|(plan, alert, said)| Plan { alerts: vec![alert], said, ..plan })
        },
    )
}

/// Derived channels whose readings come out: some that others take, some that nobody does, and some that may not be made.
fn said() -> impl Strategy<Value = Vec<String>> {
    let some = ["again.slim.x", "calm.x", "first.x.max", "first.y.mean", "over.slim.x.count", "slim.x", "w0.x.mean"];
    prop::sample::subsequence(some.map(str::to_owned).to_vec(), 0..=some.len())
}

/// In the order of arrival. Nobody is late if no delay is longer than the allowance.
pub(super) fn arrived(sent: &[Sent]) -> Vec<Sent> {
    let mut arrived = sent.to_vec();
    arrived.sort_by_key(|sent| sent.time + sent.delay);
    arrived
}

pub(super) fn same(way: &str, expected: &Outcome, got: &Outcome) -> Result<(), TestCaseError> {
    let differs = || format!("{way} differs:\n{}", first_difference(&expected.bytes, &got.bytes));
    prop_assert!(expected.bytes == got.bytes, "{}", differs());
    Ok(())
}

/// All that came out, in no order. What a filter sets aside has an id of the input that it was judged by, for two readings
/// of one moment may be alike.
fn without_ids_of_filters(outcome: &Outcome) -> String {
    let id_less =
        |line: &&str| line.split_once("\"filter\"").map_or_else(|| (*line).to_owned(), |(_, rest)| rest.to_owned());
    let mut lines: Vec<String> = outcome.anywhere().iter().map(id_less).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Any moment, the ends of time more often than others.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        2 => any::<i64>(),
        2 => (0i64..5).prop_map(|n| i64::MIN + n),
        2 => (0i64..5).prop_map(|n| i64::MAX - n),
        2 => -5i64..5,
    ]
}

fn any_span() -> impl Strategy<Value = Span> {
    let any = prop_oneof![2 => 1i64..10, 2 => 1i64..i64::MAX, 1 => Just(i64::MAX), 1 => Just(STEP)];
    any.prop_map(Span)
}

/// Readings of any time, in this order.
#[derive(Clone)]
struct Anytime {
    sent: Vec<(usize, usize, i64, f64)>,
    late: Span,
}

impl Source for Anytime {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let more = !self.sent.is_empty();
        for (device, channel, time, value) in self.sent.drain(..) {
            let timing = Timing { late: self.late, ..Timing::default() };
            let device = names.device(DEVICES[device], timing, &[]).expect("few devices");
            let channel = names.channel(CHANNELS[channel]);
            let series = names.series(device, channel);
            into.rows.push(Reading::new(series, Time(time), value));
        }
        Ok(more)
    }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn batches_shards_threads_and_stops_change_nothing(
        sent in stream(12), plan in any_plan(), late in 0i64..8, at_once in 1usize..40,
        rows in 1usize..30, shards in 1usize..6, after in 1usize..6, stop in 0f64..1.0,
    ) {
        let (plan, sent) = (Arc::new(plan), arrived(&sent));
        let recorded = Recorded::of(&plan, source(&sent, late, at_once)).unwrap();
        let straight = recorded.play(&plan, usize::MAX, 1);
        same("batches of one", &straight, &recorded.play(&plan, 1, 1))?;
        same(&format!("batches of {rows} on {shards} shards"), &straight, &recorded.play(&plan, rows, shards))?;
        let other = threaded(&plan, (source(&sent, late, at_once), Vec::new()), shards).unwrap();
        same(&format!("{shards} threads"), &straight, &other)?;
        let stop = (stop * recorded.rows as f64) as usize;
        for stop in [stop, recorded.rows] {
            let resumed = recorded.play_with_stop(&plan, stop, shards, after).map_err(TestCaseError::fail)?;
            same(&format!("a stop before row {stop}, {shards} shards, then {after}"), &straight, &resumed)?;
        }
    }

    /// Only for what works in the order of time: silence and missing readings are judged as they arrive, and alerts
    /// by the ticks between arrivals. Times of one series are distinct, for ties go in order of arrival.
    #[test]
    fn the_order_of_arrival_changes_places_only(sent in stream(8), plan in plan(in_order()), at_once in 1usize..40) {
        let mut sent = sent;
        let mut seen = std::collections::BTreeSet::new();
        sent.retain(|s| seen.insert((s.device, s.channel, s.time)));
        let plan = Arc::new(plan);
        let play = |sent: &[Sent]| Recorded::of(&plan, source(sent, 8, at_once)).map(|r| r.play(&plan, usize::MAX, 1));
        let (in_time, as_arrived) = (play(&sent).unwrap(), play(&arrived(&sent)).unwrap());
        let (expected, got) = (in_time.anywhere().join("\n"), as_arrived.anywhere().join("\n"));
        prop_assert!(expected == got, "another order of arrival:\n{}", first_difference(&expected, &got));
    }

    /// The same for windows of every shape, sessions with conditions, and filters. Those of groups close by the clock of the
    /// stream, and so by arrival.
    #[test]
    fn the_order_of_arrival_changes_only_places_of_what_newer_windows_say(
        sent in stream(8), windows in prop::collection::vec(windows(Per::Device), 1..4), when in conditions(), drop in any::<bool>(),
        at_once in 1usize..40,
    ) {
        let mut sent = sent;
        let mut seen = std::collections::BTreeSet::new();
        sent.retain(|s| seen.insert((s.device, s.channel, s.time)));
        let of = |name: String, on: &[&str], work| Operator { name, on: on.iter().map(|on| (*on).to_owned()).collect(), work };
        let mut operators = vec![of("calm".into(), &CHANNELS, Work::Filter(FilterSpec { when, drop, tell: true }))];
        for (index, spec) in windows.into_iter().enumerate() {
            let spec = WindowSpec { with: None, ..spec };
            let on = if index == 0 { ["calm.x", "calm.y"] } else { CHANNELS };
            operators.push(of(format!("w{index}"), &on, Work::Window(spec)));
        }
        let plan = Arc::new(Plan { operators, ..Plan::default() });
        let play = |sent: &[Sent]| Recorded::of(&plan, source(sent, 8, at_once)).map(|r| r.play(&plan, usize::MAX, 1));
        let (in_time, as_arrived) = (play(&sent).unwrap(), play(&arrived(&sent)).unwrap());
        let (expected, got) = (without_ids_of_filters(&in_time), without_ids_of_filters(&as_arrived));
        prop_assert!(expected == got, "another order of arrival:\n{}", first_difference(&expected, &got));
    }

    /// In windows that do not overlap, late, filtered, or outside the range; what is late is in a window that is given
    /// again, or aside.
    #[test]
    fn every_reading_is_in_its_last_revision_or_late_or_filtered_or_outside_its_range(
        sent in stream(12), late in 0i64..8, size in 1i64..20, horizon in prop::option::of(1i64..40), session in any::<bool>(), when in conditions(),
    ) {
        let sent = arrived(&sent);
        let shape = match session {
            true => Shape::Session(Box::new(SessionSpec { gap: span(size), longest: Some(span(4 * size)), start: None, active: None })),
            false => Shape::Time { size: span(size), every: span(size) },
        };
        let mut window = WindowSpec::of(shape, &[Statistic::Count]);
        window.when_late = horizon.map_or(WhenLate::Aside, |horizon| WhenLate::Revise(span(horizon)));
        let on = CHANNELS.map(str::to_owned).to_vec();
        let facts = ChannelFacts { name: "x".to_owned(), range: Some(RANGE), ..ChannelFacts::default() };
        let operators = vec![
            Operator { name: "some".to_owned(), on: on.clone(), work: Work::Filter(FilterSpec { when, drop: true, tell: true }) },
            Operator { name: "all".to_owned(), on: on.clone(), work: Work::Window(window) },
            Operator { name: "outside".to_owned(), on, work: Work::RangeFault(one(0.0)) },
        ];
        let plan = Arc::new(Plan { channels: vec![facts], operators, alerts: Vec::new(), ..Plan::default() });
        let recorded = Recorded::of(&plan, source(&sent, late, 7)).unwrap();
        let (mut stream, mut outputs) = (Stream::new(&plan, 3), Vec::new());
        recorded.stretches().iter().for_each(|stretch| stream.step(stretch, &mut outputs));
        let (mut windows, mut aside, mut filtered) = (std::collections::BTreeMap::new(), 0, 0);
        for output in outputs {
            match output.what {
                What::Aggregate(a) => { windows.insert((a.series, a.start, a.end), a.count); }
                What::Late(_) => aside += 1,
                What::Filtered(_) => filtered += 1,
                _ => {}
            }
        }
        // Of late ones those outside the range are aside, too, and no window takes them in.
        let mut latest = [i64::MIN; DEVICES.len()];
        let mut bad = 0;
        for s in &sent {
            let clock = &mut latest[s.device];
            if *clock == i64::MIN || s.time >= *clock - late {
                *clock = (*clock).max(s.time);
                bad += u64::from(s.channel == 0 && !(RANGE.0..=RANGE.1).contains(&s.value));
            }
        }
        let inside: u64 = windows.values().sum();
        prop_assert_eq!(inside + aside + filtered + bad, sent.len() as u64);
    }

    /// Whatever the times and lengths: nothing overflows, and no reading is lost.
    #[test]
    fn the_ends_of_time_are_times_like_any_other(
        times in prop::collection::vec((0usize..3, 0usize..2, any_time(), 0u32..3), 1..60), late in prop_oneof![Just(0), Just(i64::MAX), any::<i64>().prop_map(|n| n.saturating_abs())],
        size in any_span(), every in any_span(), windows in prop::collection::vec(windows(Per::Device), 1..4), rows in 1usize..9,
        features in features::spec(),
    ) {
        let size = size.max(every);
        let least = Span((size.0 / 1_000).max(1));
        let time = WindowSpec::time(size, size, &[Statistic::Count]);
        // A window for each moment would be more than there is room for.
        let hopping = WindowSpec::time(size, every.max(least), &[Statistic::Count, Statistic::Last]);
        let sliding = WindowSpec::of(Shape::Sliding { size, every }, &[Statistic::Count, Statistic::TimeMean]);
        let session = SessionSpec { gap: size, longest: Some(every), start: None, active: None };
        let session = WindowSpec::of(Shape::Session(Box::new(session)), &[Statistic::Count, Statistic::Missing]);
        let calendar = |step| WindowSpec::of(Shape::Calendar { step, zone: Zone { first: 3_600, ..Zone::default() } }, &[Statistic::Count, Statistic::Quantile(50_000)]);
        let mut specs = vec![time, hopping, sliding, session, calendar(Step::Day), calendar(Step::Year)];
        specs.extend(windows.into_iter().map(|spec| WindowSpec { with: None, ..spec }));
        let of = |(index, spec)| Operator { name: format!("w{index}"), on: CHANNELS.map(str::to_owned).to_vec(), work: Work::Window(spec) };
        let mut operators: Vec<Operator> = specs.into_iter().enumerate().map(of).collect();
        let mut features = features;
        for part in &mut features.parts {
            let (PartSpec::Rolling(RollingSpec { past: how_far, .. }) | PartSpec::Decay(DecaySpec { half_life: how_far, .. })) = &mut part.work else { continue };
            if let Past::Span(span) = how_far {
                *span = size;
            }
        }
        let made: Vec<String> = features.names().map(|name| format!("f.x.{name}")).collect();
        operators.push(Operator { name: "f".to_owned(), on: vec!["x".to_owned()], work: Work::Feature(features) });
        let each = WindowSpec::of(Shape::Count { size: 1, every: 1 }, &[Statistic::Last]);
        operators.push(Operator { name: "each".to_owned(), on: made, work: Work::Window(each) });
        let plan = Arc::new(Plan { operators, ..Plan::default() });
        let sent: Vec<_> = times.iter().map(|&(device, channel, time, value)| (device, channel, time, f64::from(value))).collect();
        let source = || -> Vec<Box<dyn Source>> { vec![Box::new(Anytime { sent: sent.clone(), late: Span(late) })] };
        let recorded = Recorded::of(&plan, source()).unwrap();
        let straight = recorded.play(&plan, usize::MAX, 1);
        same("small batches on two shards", &straight, &recorded.play(&plan, rows, 2))?;
        let resumed = recorded.play_with_stop(&plan, recorded.rows / 2, 1, 2).map_err(TestCaseError::fail)?;
        same("a stop", &straight, &resumed)?;
        let count = |line: &str| line.split(" count=").nth(1)?.split(' ').next()?.parse::<usize>().ok();
        let of_first = straight.text.lines().filter(|line| line.contains(" aggregate ") && line.contains(" w0 "));
        let inside: usize = of_first.filter_map(count).sum();
        let aside = straight.text.lines().filter(|line| line.contains(" late ")).count();
        prop_assert_eq!(inside + aside, sent.len());
    }

    #[test]
    fn every_reading_is_in_its_window_or_late_or_outside_its_range(sent in stream(12), late in 0i64..8, size in 1i64..20) {
        let sent = arrived(&sent);
        let window = WindowSpec::time(span(size), span(size), &[Statistic::Count]);
        let on = CHANNELS.map(str::to_owned).to_vec();
        let facts = ChannelFacts { name: "x".to_owned(), range: Some(RANGE), ..ChannelFacts::default() };
        let operators = vec![
            Operator { name: "all".to_owned(), on: on.clone(), work: Work::Window(window) },
            Operator { name: "outside".to_owned(), on, work: Work::RangeFault(one(0.0)) },
        ];
        let plan = Arc::new(Plan { channels: vec![facts], operators, alerts: Vec::new(), ..Plan::default() });
        let recorded = Recorded::of(&plan, source(&sent, late, 7)).unwrap();
        prop_assert_eq!(recorded.readings(), sent.len());
        let said = recorded.play(&plan, usize::MAX, 3).text;

        // What it should be, from the definition of late alone.
        let (mut latest, mut expected_late, mut bad, mut good) = ([i64::MIN; DEVICES.len()], 0, 0, 0);
        for s in &sent {
            let clock = &mut latest[s.device];
            if *clock != i64::MIN && s.time < *clock - late {
                expected_late += 1;
                continue;
            }
            *clock = (*clock).max(s.time);
            if s.channel == 0 && !(RANGE.0..=RANGE.1).contains(&s.value) { bad += 1 } else { good += 1 }
        }
        let count = |line: &str| line.split(" count=").nth(1)?.split(' ').next()?.parse::<usize>().ok();
        let in_windows: usize = said.lines().filter(|line| line.contains(" aggregate ")).filter_map(count).sum();
        let late_ones = said.lines().filter(|line| line.contains(" late ")).count();
        prop_assert_eq!((in_windows, late_ones, in_windows + late_ones + bad), (good, expected_late, sent.len()));
    }
}
