//! What features say is what a slow recomputation says that knows nothing of the engine: every statistic, by readings and by
//! time, full or with a least number, of readings, of what filters let pass, and of features.

use super::laws::many;
use super::oracle::{agree, condition, conditions, facts, named, span, stream, windows, zone};
use ouzel_engine::plan::*;
use ouzel_engine::time::Time;
use proptest::prelude::*;

fn past() -> impl Strategy<Value = Past> {
    prop_oneof![(2u32..12).prop_map(Past::Count), (1i64..40).prop_map(|n| Past::Span(span(n)))]
}

/// Any statistics of a past; `min` is never more than a past by readings can hold.
fn rolling() -> impl Strategy<Value = PartSpec> {
    let mut all: Vec<Rolled> = Rolled::NAMED.iter().map(|named| named.1).collect();
    all.extend([5_000, 50_000, 95_000].map(Rolled::Quantile));
    let give = prop::sample::subsequence(all, 1..=15);
    (past(), prop::option::of(1u32..6), give).prop_map(|(past, min, give)| {
        let most = if let Past::Count(count) = past { count } else { u32::MAX };
        PartSpec::Rolling(RollingSpec { past, min: min.map(|min| min.min(most)), give })
    })
}

fn steps() -> impl Strategy<Value = PartSpec> {
    let one = prop_oneof![(1u32..12).prop_map(Stepped::Lag), Just(Stepped::Difference), Just(Stepped::Rate)];
    prop::collection::vec(one, 1..4).prop_map(|give| PartSpec::Steps(StepsSpec { give }))
}

fn decay() -> impl Strategy<Value = PartSpec> {
    let give = prop::sample::subsequence(vec![Decayed::Mean, Decayed::Std, Decayed::Variance], 1..=3);
    let half_life = prop_oneof![(2u32..12).prop_map(Past::Count), (1i64..40).prop_map(|n| Past::Span(span(n)))];
    (half_life, prop::option::of(1u32..6), give)
        .prop_map(|(half_life, min, give)| PartSpec::Decay(DecaySpec { half_life, min, give }))
}

/// Hands of a clock that is turned now and then, what is usual at a time of day, and bands of blocks of 16. Days of half a
/// minute: offsets go on by a day each.
fn signals() -> impl Strategy<Value = PartSpec> {
    let hands: Vec<Hand> = Hand::NAMED.iter().map(|named| named.1).collect();
    let clock = (zone(), prop::sample::subsequence(hands, 1..=8))
        .prop_map(|(zone, give)| PartSpec::Clock(ClockSpec { zone, give }));
    let days = (0..40).map(|day: i32| (Time(i64::from(day) * 30 * 1_000_000_000), day * 86_370)).collect::<Vec<_>>();
    let daily = (4u32..2_000, 2u32..6).prop_map(move |(slots, days_back)| {
        let zone = Zone { name: "Hasty".into(), first: 0, turns: days.clone() };
        PartSpec::Daily(DailySpec { slots, days: days_back, zone, give: vec![Daily::Expected, Daily::Residual] })
    });
    let spectrum = (1u32..=16, prop::sample::select(vec![0.5, 1.0, 2.0])).prop_map(|(hop, hertz)| {
        let bands = vec![(0.0, hertz / 5.0), (hertz / 5.0, hertz / 2.0)];
        let give = vec![Spectral::Band(0), Spectral::Band(1)];
        PartSpec::Spectrum(SpectrumSpec { hertz, block: 16, hop, bands, give })
    });
    prop_oneof![clock, daily, spectrum]
}

/// One to three parts, whose results are called `a0`, `a1`, `b0` and so on.
pub(super) fn spec() -> impl Strategy<Value = FeatureSpec> {
    let part = prop_oneof![3 => rolling().boxed(), 1 => steps().boxed(), 1 => decay().boxed(), 2 => signals().boxed()];
    prop::collection::vec(part, 1..4).prop_map(|parts| {
        let named = |(letter, work): (char, PartSpec)| {
            let count = match &work {
                PartSpec::Rolling(spec) => spec.give.len(),
                PartSpec::Steps(spec) => spec.give.len(),
                PartSpec::Decay(spec) => spec.give.len(),
                PartSpec::Clock(spec) => spec.give.len(),
                PartSpec::Daily(spec) => spec.give.len(),
                PartSpec::Spectrum(spec) => spec.give.len(),
            };
            FeaturePart { names: (0..count).map(|index| format!("{letter}{index}")).collect(), work }
        };
        FeatureSpec { parts: ('a'..).zip(parts).map(named).collect() }
    })
}

/// A window of each reading by itself: it says what a channel says.
fn each(on: Vec<String>) -> Operator {
    let spec = WindowSpec::of(Shape::Count { size: 1, every: 1 }, &[Statistic::Last]);
    Operator { name: "each".to_owned(), on, work: Work::Window(spec) }
}

fn made(of: &str, spec: &FeatureSpec) -> Vec<String> {
    spec.names().map(|name| format!("{of}.{name}")).collect()
}

fn operator(name: &str, on: &[&str], work: Work) -> Operator {
    Operator { name: name.to_owned(), on: on.iter().map(|on| (*on).to_owned()).collect(), work }
}

/// Features, each of their results by itself, and a window of any shape over some.
fn plan_of_features() -> impl Strategy<Value = Plan> {
    (spec(), spec(), windows(Per::Device)).prop_map(|(recent, again, window)| {
        let of_x = made("recent.x", &recent);
        let of_again = made(&format!("again.{}", of_x[0]), &again);
        let window = WindowSpec { with: None, when_late: WhenLate::Aside, ..window };
        // Its conditions ask for channels that it is not over.
        let judged = matches!(&window.shape, Shape::Session(s) if s.start.is_some() || s.active.is_some());
        let shape = if judged { Shape::Sliding { size: span(9), every: span(2) } } else { window.shape };
        let window = WindowSpec { shape, give: WindowSpec::time(span(1), span(1), &Statistic::USUAL).give, ..window };
        let over: Vec<&str> = of_x.iter().map(String::as_str).collect();
        let operators = vec![
            operator("recent", &["x", "y"], Work::Feature(recent.clone())),
            operator("again", &over[..1], Work::Feature(again)),
            each([of_x.clone(), made("recent.y", &recent), of_again].concat()),
            operator("over", &over, Work::Window(window)),
        ];
        Plan { channels: facts(), operators, alerts: Vec::new(), ..Plan::default() }
    })
}

/// Features of what a filter lets pass, and of what it leaves of the channel itself.
fn plan_behind_a_filter() -> impl Strategy<Value = Plan> {
    (conditions(), any::<bool>(), spec()).prop_map(|(when, drop, spec)| {
        let filter = Work::Filter(FilterSpec { when, drop, tell: false });
        let all = [made("recent.calm.x", &spec), made("recent.y", &spec)].concat();
        let operators = vec![
            operator("calm", &["x", "y"], filter),
            operator("recent", &["calm.x", "y"], Work::Feature(spec)),
            each(all),
        ];
        Plan { channels: facts(), operators, alerts: Vec::new(), ..Plan::default() }
    })
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn features_say_what_a_slow_recomputation_says(
        sent in stream(3, 150), late in prop::array::uniform4(0i64..12), plan in plan_of_features(),
    ) {
        let compared = agree(plan, &sent, late);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }

    #[test]
    fn features_of_what_passes_a_filter_are_of_that_alone(
        sent in stream(2, 150), late in prop::array::uniform4(0i64..12), plan in plan_behind_a_filter(),
    ) {
        let compared = agree(plan, &super::oracle::distinct(sent), late);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }

    /// A feature has the time of its reading and comes with it, so conditions may ask for both, and for other channels.
    #[test]
    fn conditions_ask_for_features_beside_other_channels_of_the_point(
        sent in stream(2, 150), late in prop::array::uniform4(0i64..12),
        text in prop::sample::select(vec![
            "x > `recent.x.mean`",
            "`recent.x.lag` is present and y < 20.5",
            "y > 20 and `recent.x.mean` < 20.4",
            "`recent.y.lag` > previous(y) or door = 1",
        ]),
        drop in any::<bool>(),
    ) {
        let rolling = RollingSpec { past: Past::Count(3), min: Some(2), give: vec![Rolled::Mean] };
        let steps = StepsSpec { give: vec![Stepped::Lag(2)] };
        let part = |name: &str, work| FeaturePart { names: vec![name.to_owned()], work };
        let parts = vec![part("mean", PartSpec::Rolling(rolling)), part("lag", PartSpec::Steps(steps))];
        let count = WindowSpec::of(Shape::Count { size: 1, every: 1 }, &[Statistic::Last]);
        let operators = named(vec![
            (vec!["x", "y"], Work::Feature(FeatureSpec { parts })),
            (vec!["x", "y"], Work::Filter(FilterSpec { when: condition(&text.replace("recent.", "n0.")), drop, tell: true })),
            (vec!["n1.x", "n1.y"], Work::Window(count)),
        ]);
        let plan = Plan { channels: facts(), operators, alerts: Vec::new(), ..Plan::default() };
        let compared = agree(plan, &super::oracle::distinct(sent), late);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }
}
