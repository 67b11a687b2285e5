//! What must hold when a run is killed and recovered from its disk, for every stream, plan and moment.

use super::laws::{any_plan, arrived, config, source, stream};
use ouzel_engine::plan::Plan;
use ouzel_pipeline::config::InForce;
use ouzel_pipeline::journal::Record;
use ouzel_testkit::lives::{Lives, Return};
use ouzel_testkit::play::{Outcome, Recorded, first_difference};
use ouzel_testkit::recovery::{Journalled, Went};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// What all runs of a law went through.
static WENT: Mutex<Option<Went>> = Mutex::new(None);

/// The way by the disk gives what the way in memory gives, and a kill changes nothing of it.
fn check(
    plan: &Arc<Plan>,
    records: Vec<Record>,
    straight: &Outcome,
    seeds: std::ops::Range<u64>,
) -> Result<(), TestCaseError> {
    // The text of a random plan is nothing but its name.
    let config = InForce { text: "a random plan".into(), plan: Arc::clone(plan) };
    let journalled = Journalled::of(&config, records).map_err(TestCaseError::fail)?;
    let whole = journalled.straight().map_err(TestCaseError::fail)?;
    let differs = || first_difference(&straight.bytes, &whole.outcome.bytes);
    prop_assert!(whole.outcome.bytes == straight.bytes, "by way of the disk:\n{}", differs());
    for seed in seeds {
        let (told, went) = journalled.killed(seed).map_err(|why| TestCaseError::fail(format!("seed {seed}: {why}")))?;
        let differs = || first_difference(&whole.outcome.bytes, &told.outcome.bytes);
        prop_assert!(told == whole, "seed {seed}: the output log of a killed run:\n{}", differs());
        WENT.lock().unwrap().get_or_insert_default().add(&went);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_kill_anywhere_changes_nothing_of_what_comes_out(
        sent in stream(12), plan in any_plan(), late in 0i64..8, at_once in 1usize..40, rows in 1usize..12, seed in any::<u32>(),
    ) {
        let (plan, sent) = (Arc::new(plan), arrived(&sent));
        let recorded = Recorded::of(&plan, source(&sent, late, at_once)).unwrap();
        let straight = recorded.play(&plan, usize::MAX, 1);
        let seed = u64::from(seed);
        check(&plan, recorded.records(rows), &straight, seed..seed + 8)?;
    }

    #[test]
    fn a_kill_anywhere_changes_nothing_when_devices_retire(
        sent in stream(12), plan in any_plan(), late in 0i64..8, retired in prop::collection::vec((0usize..150, 0usize..8), 1..12),
        rows in 1usize..12, seed in any::<u32>(),
    ) {
        let (plan, sent) = (Arc::new(plan), arrived(&sent));
        let lives = Lives::of(&Recorded::of(&plan, source(&sent, late, 7)).unwrap(), &retired, Return::AsItself);
        let straight = lives.play(&plan, usize::MAX, 1);
        let seed = u64::from(seed);
        check(&plan, lives.records(rows), &straight, seed..seed + 8)?;
    }
}
