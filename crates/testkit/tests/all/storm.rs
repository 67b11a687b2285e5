//! The power goes at every kind of moment, in every way that POSIX allows; what is acknowledged is kept, once, and what
//! comes out is what a replay says. `cargo run -p ouzel-testkit --example storm -- --seeds N` tries more.

use ouzel_testkit::storm::storms;

/// As many as the smallest machine that runs the tests has cores.
const THREADS: usize = 2;

#[test]
fn no_loss_of_power_takes_away_what_was_acknowledged() {
    let (all, wrong) = storms(0..2_000, THREADS);
    assert!(wrong.is_empty(), "{} of 2000 seeds:\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
    // The storms were storms: power was cut before all was answered, and there was much to deliver.
    assert!(all.said > all.acknowledged && all.kept > all.acknowledged, "{all:?}");
    assert!(all.lives > 5_000 && all.delivered > 20_000, "{all:?}");
    // And they were about checkpoints: most lives made some, and began behind one.
    assert!(all.checkpoints > all.lives, "{all:?}");
    println!("{all:?}");
}
