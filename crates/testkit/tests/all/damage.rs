//! A small store, damaged everywhere and in every way: a run starts on it, says what is wrong, and loses no more than what
//! stood there.

use ouzel_testkit::damage::{Damage, Outcome, Store};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs that wait for their threads do little else, so there may be many at once.
const AT_ONCE: usize = 12;

fn store() -> Store {
    let store = Store::make().unwrap();
    let files = store.files();
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let kinds = |kind: &str| files.iter().filter(|(path, _)| path.extension().is_some_and(|it| it == kind)).count();
    let counts = ["journal", "outputs", "checkpoint", "cursor"].map(kinds);
    println!("{bytes} bytes; journal, outputs, checkpoint, cursor: {counts:?}");
    assert!(bytes <= 32 << 10, "{bytes} bytes: {files:?}");
    assert!(counts[0] >= 3 && counts[1] >= 3 && counts[2] >= 3 && counts[3] == 2, "{counts:?}");
    store
}

/// What became of each of these damages.
fn all(store: &Store, damages: &[Damage]) -> Vec<Result<Outcome, String>> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(vec![Ok(Outcome::default()); damages.len()]));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(damage) = damages.get(index) else { break };
                    let outcome = store.with(damage);
                    outcomes.lock().unwrap()[index] = outcome;
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

fn is(path: &Path, kind: &str) -> bool {
    path.extension().is_some_and(|it| it == kind)
}

/// Panics with the first of them, if there are any.
fn none(wrong: &[String], of: usize) {
    assert!(wrong.is_empty(), "{} of {of}:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}

#[test]
fn one_flipped_byte_is_told_and_costs_no_more_than_what_stood_there() {
    let store = store();
    let flips = |(path, bytes): (PathBuf, Vec<u8>)| {
        (0..bytes.len()).map(move |at| Damage::Flip(path.clone(), at, 1 << (at % 8)))
    };
    let damages: Vec<Damage> = store.files().into_iter().flat_map(flips).collect();
    let outcomes = all(&store, &damages);
    let mut wrong = Vec::new();
    let mut sums = [(0, 0, 0, 0); 4];
    for (damage, outcome) in damages.iter().zip(outcomes) {
        let Damage::Flip(path, ..) = damage else { continue };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(why) => {
                wrong.push(why);
                continue;
            }
        };
        let kind = ["journal", "outputs", "checkpoint", "cursor"].iter().position(|kind| is(path, kind)).unwrap();
        let sum = &mut sums[kind];
        *sum =
            (sum.0 + u64::from(outcome.noticed), sum.1 + outcome.lost, sum.2 + outcome.untold, sum.3 + outcome.again);
        let holds = match kind {
            0 => outcome.lost <= 1 && outcome.again == 0 && outcome.noticed,
            1 => outcome.lost == 0 && outcome.again == 0 && (outcome.untold == 0 || outcome.noticed),
            2 => outcome.lost == 0 && outcome.again == 0 && outcome.untold == 0,
            _ => outcome.lost == 0 && outcome.again <= 4 && outcome.untold == 0,
        };
        if !holds {
            wrong.push(format!("{damage:?}: {outcome:?}"));
        }
    }
    println!("{} bytes flipped; noticed, lost, untold, again: {sums:?}", damages.len());
    none(&wrong, damages.len());
}
