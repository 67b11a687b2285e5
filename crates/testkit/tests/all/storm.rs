//! The power goes at every kind of moment, in every way that POSIX allows; what is acknowledged is kept, once, and what
//! comes out is what a replay says. `cargo run -p ouzel-testkit --example storm -- --seeds N` tries more.

use ouzel_connect::disk::{EIO, ENOSPC, Lasting};
use ouzel_testkit::storm::{fault, storms};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

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
}

/// Runs that wait for the disk to work again do nothing else, so there may be many at once.
const AT_ONCE: u64 = 16;

#[test]
fn whichever_call_of_the_disk_fails_nothing_acknowledged_is_lost_and_it_is_said_why() {
    for (errno, lasting) in [(EIO, Lasting::Once), (ENOSPC, Lasting::Once), (ENOSPC, Lasting::Forever)] {
        let calls = fault(u64::MAX, errno, lasting).unwrap();
        assert!(calls > 40, "there are only {calls} calls");
        let (next, wrong) = (AtomicU64::new(1), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n > calls {
                            break;
                        }
                        wrong.lock().unwrap().extend(fault(n, errno, lasting).err());
                    }
                });
            }
        });
        let wrong = wrong.into_inner().unwrap();
        assert!(wrong.is_empty(), "{} of {calls} calls:\n{}", wrong.len(), wrong.join("\n"));
    }
}
