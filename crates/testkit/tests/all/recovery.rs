//! What must hold when a run is killed and recovered from its disk, for every stream, plan and moment.

use super::laws::{Sent, any_plan, arrived, config, source, stream};
use ouzel_engine::plan::Plan;
use ouzel_pipeline::config::InForce;
use ouzel_pipeline::journal::Record;
use ouzel_testkit::lives::{Lives, Return};
use ouzel_testkit::play::{Outcome, Recorded, first_difference};
use ouzel_testkit::recovery::{Journalled, Went};
use proptest::prelude::*;
use std::sync::Arc;

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
        let (told, _) = journalled.killed(seed).map_err(|why| TestCaseError::fail(format!("seed {seed}: {why}")))?;
        let differs = || first_difference(&whole.outcome.bytes, &told.outcome.bytes);
        prop_assert!(told == whole, "seed {seed}: the output log of a killed run:\n{}", differs());
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

/// Kills are kills: most lives begin behind a checkpoint, some journals are torn, and much comes out again.
#[test]
fn the_kills_are_of_all_kinds() {
    let config =
        InForce::read("[window.w]\nover = \"x\"\nsize = \"2s\"\n[detector.d]\ntype = \"zscore\"\non = \"x\"\n")
            .unwrap();
    let sent: Vec<Sent> =
        (0..80).map(|i| Sent { device: i % 3, channel: 0, time: i as i64, delay: 0, value: (i % 7) as f64 }).collect();
    let recorded = Recorded::of(&config.plan, source(&sent, 0, 5)).unwrap();
    let journalled = Journalled::of(&config, recorded.records(2)).unwrap();
    let straight = journalled.straight().unwrap();
    let mut all = Went::default();
    for seed in 0..400 {
        let (told, went) = journalled.killed(seed).unwrap();
        assert!(told == straight, "seed {seed}");
        all.add(&went);
    }
    assert!(all.lives > 1_000 && all.checkpoints > 1_000 && all.resumed > 400, "{all:?}");
    assert!(all.torn > 0 && all.cut > 0 && all.again > 1_000, "{all:?}");
}
