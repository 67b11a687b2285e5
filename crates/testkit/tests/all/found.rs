//! Defects that the laws found, each by its smallest input. They are fixed when these pass.

use super::laws::{Sent, any_plan, arrived, config, one, same, source, span, stream};
use ouzel_engine::plan::*;
use ouzel_testkit::play::Recorded;
use proptest::prelude::*;
use std::sync::Arc;

fn sent(device: usize, channel: usize, time: i64, delay: i64) -> Sent {
    Sent { device, channel, time, delay, value: 20.0 }
}

fn plan(work: Work) -> Arc<Plan> {
    let operator = Operator { name: "d".to_owned(), on: vec!["x".into(), "y".into()], work };
    Arc::new(Plan { operators: vec![operator], ..Plan::default() })
}

/// A shard that owns no saved slot must know the stream's clock all the same.
#[test]
fn a_shard_without_saved_slots_resumes_with_the_clock_of_the_stream() {
    let order = [(2, -17, 10), (0, -15, 8), (0, -13, 6), (0, -11, 0), (0, -10, 3), (0, -10, 3), (3, -8, 0), (0, -6, 0)];
    let all: Vec<Sent> = order.iter().map(|&(device, time, delay)| sent(device, 0, time, delay)).collect();
    let plan = plan(Work::Silence(SilenceSpec { after: span(2) }, one(0.0)));
    let recorded = Recorded::of(&plan, source(&arrived(&all), 0, 1)).unwrap();
    let straight = recorded.play(&plan, usize::MAX, 1);
    for stop in 0..=recorded.rows {
        let resumed = recorded.play_with_stop(&plan, stop, 1, 2).unwrap();
        assert_eq!(resumed.bytes, straight.bytes, "stopped before row {stop}");
    }
}

/// Two channels of one device speak of the same moment; whether one input decides both or two inputs do, the ids must
/// be the same.
#[test]
fn ids_do_not_depend_on_what_else_the_same_input_decides() {
    let in_time = [sent(0, 0, 0, 0), sent(0, 1, 0, 0), sent(0, 0, 20, 0), sent(0, 1, 20, 0)];
    let together = [in_time[0], in_time[1], in_time[2]];
    let apart = [in_time[0], sent(1, 0, 0, 0), in_time[1], in_time[2]];
    let plan = plan(Work::Threshold(one(10.0)));
    let ids = |all: &[Sent], late| {
        let recorded = Recorded::of(&plan, source(all, late, 1)).unwrap();
        let outcome = recorded.play(&plan, usize::MAX, 1);
        let of_first = outcome.anywhere().into_iter().filter(|line| line.contains("\"boiler\""));
        of_first.map(str::to_owned).collect::<Vec<_>>()
    };
    // Held back by the allowance, both go on with the third reading; without it, each goes on by itself.
    assert_eq!(ids(&together, 8)[..2], ids(&apart, 0)[..2]);
}

proptest! {
    #![proptest_config(config())]

    /// How the source cuts its rows decides nothing either.
    #[test]
    fn how_much_a_source_gives_at_once_changes_nothing(
        sent in stream(12), plan in any_plan(), late in 0i64..8, at_once in 1usize..40,
    ) {
        let (plan, sent) = (Arc::new(plan), arrived(&sent));
        let play = |at_once| Recorded::of(&plan, source(&sent, late, at_once)).map(|r| r.play(&plan, usize::MAX, 1));
        same("rows in pieces", &play(usize::MAX / 2).unwrap(), &play(at_once).unwrap())?;
    }
}
