//! What open windows would say by now: a question that changes nothing, answered as a close at that moment would.

#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

use ouzel_engine::condition::{Condition, Known};
use ouzel_engine::output::{Aggregate, Output, What};
use ouzel_engine::plan::{Operator, Per, Plan, SessionSpec, Shape, Statistic, WindowSpec, Work};
use ouzel_engine::reading::{Batch, Flags, Reading};
use ouzel_engine::series::{Names, SLOTS, Series, Timing};
use ouzel_engine::shard::{Input, Outputs, Shard};
use ouzel_engine::time::{Span, Time};
use proptest::prelude::*;
use std::sync::Arc;

/// Windows of `x` and `y`; those before this one say at the end of the input what they would have said before.
const ENDS: u16 = 6;

fn plan() -> Plan {
    let (ten, three) = (Span::from_secs(10), Span::from_secs(3));
    let many = [Statistic::Count, Statistic::Sum, Statistic::Quantile(50_000), Statistic::Last];
    let session = |active| SessionSpec { gap: three, longest: Some(ten), start: None, active };
    let resolve = |name: &str| Ok(name.to_owned());
    let active = Condition::parse("y > 0", &Known { channels: &[], resolve: &resolve }).unwrap();
    let of = |name: &str, on: &str, spec| Operator { name: name.into(), on: vec![on.into()], work: Work::Window(spec) };
    let pairs = WindowSpec { with: Some("y".into()), ..WindowSpec::time(ten, ten, &[Statistic::Covariance]) };
    let group = WindowSpec { per: Per::All, ..WindowSpec::time(ten, ten, &Statistic::USUAL) };
    let operators = vec![
        of("plain", "x", WindowSpec::time(ten, ten, &Statistic::USUAL)),
        of("hopping", "x", WindowSpec::time(ten, three, &Statistic::USUAL)),
        of("many", "x", WindowSpec::time(ten, ten, &many)),
        of("session", "x", WindowSpec::of(Shape::Session(Box::new(session(None))), &many)),
        of("busy", "x", WindowSpec::of(Shape::Session(Box::new(session(Some(active)))), &many)),
        of("pairs", "x", pairs),
        of("upon", "plain.x.mean", WindowSpec::time(Span::from_secs(60), Span::from_secs(60), &many)),
        of("count", "x", WindowSpec::of(Shape::Count { size: 5, every: 2 }, &many)),
        of("sliding", "x", WindowSpec::of(Shape::Sliding { size: ten, every: three }, &many)),
        of("group", "x", group),
    ];
    Plan { operators, ..Plan::default() }
}

struct Player {
    shard: Shard,
    out: Outputs,
    x: Series,
    y: Series,
    next: u64,
}

impl Player {
    fn new() -> Player {
        let plan = Arc::new(plan());
        let mut names = Names::new();
        let device = names.device("a", Timing::default(), &[]).unwrap();
        let (x, y) = (names.channel("x"), names.channel("y"));
        let (x, y) = (names.series(device, x), names.series(device, y));
        let (mut shard, mut out) = (Shard::new(Arc::clone(&plan), u64::MAX), Outputs::default());
        shard.step(&Input::Declare(&plan.declare(&mut names)), &mut out);
        Player { shard, out, x, y, next: 0 }
    }

    /// A message of the device: both channels, or `x` alone.
    fn say(&mut self, time: Time, value: f64, with: Option<f64>) {
        let mut rows = vec![Reading::new(self.x, time, value)];
        rows.extend(with.map(|with| Reading::new(self.y, time, with)));
        rows.last_mut().unwrap().flags = Flags::END_OF_MESSAGE;
        let batch = Batch { first: self.next, rows, ..Batch::default() };
        self.next += batch.rows.len() as u64;
        self.shard.step(&Input::Batch(&batch), &mut self.out);
    }

    fn look(&mut self) -> Vec<(u16, Aggregate)> {
        self.out.open.clear();
        self.shard.step(&Input::Look(&[self.x, Series(77)]), &mut self.out);
        self.out.open.clone()
    }

    fn saved(&mut self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for slot in 0..SLOTS as u8 {
            self.shard.step(&Input::Save(slot), &mut self.out);
            all.push(std::mem::take(&mut self.out.saved));
        }
        all
    }

    /// What each window says first when the input ends.
    fn end(&mut self) -> Vec<(u16, Aggregate)> {
        self.out.list.clear();
        self.shard.step(&Input::End(self.next), &mut self.out);
        let mut first: Vec<(u16, Aggregate)> = Vec::new();
        for Output { node, what, .. } in &self.out.list {
            if let What::Aggregate(aggregate) = what
                && first.iter().all(|known| known.0 != *node)
            {
                first.push((*node, aggregate.clone()));
            }
        }
        first
    }
}

/// A close puts panes together in another order, so that the last digit of a mean may be another.
fn rounded((node, row): (u16, Aggregate)) -> (u16, Aggregate) {
    let round = |value: f64| (value * 1e9).round() / 1e9;
    let more = row.more.map(|more| more.iter().copied().map(round).collect());
    (node, Aggregate { mean: round(row.mean), std: round(row.std), more, ..row })
}

fn messages() -> impl Strategy<Value = Vec<(i64, f64, Option<f64>)>> {
    let value = || (-20..20i32).prop_map(|value| f64::from(value) / 4.0);
    proptest::collection::vec((0..6i64, value(), proptest::option::of(value())), 1..60)
}

proptest! {
    #[test]
    fn a_question_changes_nothing(messages in messages()) {
        let (mut asked, mut quiet) = (Player::new(), Player::new());
        let mut time = Time(0);
        for &(gap, value, with) in &messages {
            time = time + Span::from_secs(gap);
            asked.say(time, value, with);
            quiet.say(time, value, with);
            asked.look();
        }
        prop_assert_eq!(asked.saved(), quiet.saved());
        prop_assert_eq!(asked.end(), quiet.end());
        prop_assert_eq!(&asked.out.list, &quiet.out.list);
    }

    #[test]
    fn what_is_open_says_what_it_would_say_if_it_closed(messages in messages()) {
        let mut player = Player::new();
        let mut time = Time(0);
        for &(gap, value, with) in &messages {
            time = time + Span::from_secs(gap);
            player.say(time, value, with);
        }
        let of_readings = |all: Vec<(u16, Aggregate)>| all.into_iter().filter(|(node, _)| *node < ENDS).map(rounded);
        let said: Vec<_> = of_readings(player.look()).collect();
        let ended: Vec<_> = of_readings(player.end()).collect();
        prop_assert_eq!(said, ended);
    }
}

#[test]
fn each_kind_of_window_tells_of_itself_and_of_what_is_derived() {
    let mut player = Player::new();
    assert_eq!(player.look(), []);
    for second in 0..14 {
        player.say(Time::from_secs(second), second as f64, Some(1.0));
    }
    let open = player.look();
    let told: Vec<(u16, i64, i64, u64)> =
        open.iter().map(|(node, a)| (*node, a.start.0 / 1_000_000_000, a.end.0 / 1_000_000_000, a.count)).collect();
    let expected = [
        (0, 10, 20, 4),
        (1, 6, 16, 8),
        (2, 10, 20, 4),
        (3, 10, 13, 4),
        (4, 10, 13, 4),
        (5, 10, 20, 4),
        (7, 10, 13, 4),
        (8, 3, 13, 11),
        (6, 0, 60, 1),
    ];
    assert_eq!(told, expected);
}
