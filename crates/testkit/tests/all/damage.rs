//! A small store, damaged everywhere and in every way: a run starts on it, says what is wrong, and loses no more than what
//! stood there.

use ouzel_testkit::damage::{Damage, Outcome, Store};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs that wait for their threads do little else, so there may be many at once.
const AT_ONCE: usize = 12;

#[expect(clippy::print_stdout, reason = "whoever runs it by hand wants to know how much was tried")]
fn print(what: &str) {
    println!("{what}");
}

fn store() -> Store {
    let store = Store::make().unwrap();
    let files = store.files();
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let kinds = |kind: &str| files.iter().filter(|(path, _)| path.extension().is_some_and(|it| it == kind)).count();
    let counts = ["journal", "outputs", "checkpoint", "cursor"].map(kinds);
    let checkpoints: Vec<u64> = files.iter().filter(|it| is(&it.0, "checkpoint")).map(|it| position(&it.0)).collect();
    print(&format!("{bytes} bytes; journal, outputs, checkpoint, cursor: {counts:?}"));
    print(&format!("the last record begins at {}, checkpoints stand at {checkpoints:?}", store.last_record()));
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

/// The position that a file of the journal's folder has in its name.
fn position(path: &Path) -> u64 {
    path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

/// Whether a flipped byte stands in the last record of the journal, and no checkpoint knows that the record was whole:
/// when the last checkpoint is made is up to its thread.
fn in_tail(store: &Store, damage: &Damage) -> bool {
    let Damage::Flip(path, at, _) = damage else { return false };
    let checkpoints = store.files().into_iter().map(|(path, _)| path).filter(|path| is(path, "checkpoint"));
    let known = checkpoints.map(|path| position(&path)).max().unwrap();
    position(path) + *at as u64 >= store.last_record().max(known)
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
    let (mut sums, mut most) = ([(0, 0, 0, 0); 4], 0);
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
        most = most.max(if kind == 1 { outcome.untold } else { 0 });
        let holds = match kind {
            // A record has one reading here; that of the last record of all was torn off, as far as anybody can know.
            0 => {
                outcome.lost <= 1 && outcome.again == 0 && outcome.noticed && (!in_tail(&store, damage) || outcome.torn)
            }
            // An entry has what came out of one record here.
            1 => {
                outcome.lost == 0
                    && outcome.again == 0
                    && outcome.untold <= 4
                    && (outcome.untold == 0 || outcome.noticed)
            }
            2 => outcome.lost == 0 && outcome.again == 0 && outcome.untold == 0,
            _ => outcome.lost == 0 && outcome.again <= 4 && outcome.untold == 0,
        };
        if !holds {
            wrong.push(format!("{damage:?}: {outcome:?}"));
        }
    }
    let flipped = damages.len();
    print(&format!("{flipped} bytes flipped; noticed, lost, untold, again: {sums:?}; the most untold: {most}"));
    none(&wrong, damages.len());
}

#[test]
fn a_file_that_is_cut_anywhere_costs_no_more_than_what_was_cut() {
    let store = store();
    let cuts = |(path, bytes): (PathBuf, Vec<u8>)| (0..bytes.len()).map(move |size| Damage::Cut(path.clone(), size));
    let damages: Vec<Damage> = store.files().into_iter().flat_map(cuts).collect();
    let outcomes = all(&store, &damages);
    let mut wrong = Vec::new();
    let mut sums = [(0, 0, 0, 0); 4];
    for (damage, outcome) in damages.iter().zip(outcomes) {
        let Damage::Cut(path, _) = damage else { continue };
        let kind = ["journal", "outputs", "checkpoint", "cursor"].iter().position(|kind| is(path, kind)).unwrap();
        match outcome {
            Ok(it) => {
                let sum = &mut sums[kind];
                *sum = (sum.0 + u64::from(it.noticed), sum.1 + it.lost, sum.2 + it.untold, sum.3 + it.again);
                let holds = match kind {
                    0 => it.again == 0 && (it.lost + it.untold == 0 || it.noticed || store.is_clean(damage)),
                    1 => it.lost == 0 && it.again == 0 && (it.untold == 0 || it.noticed),
                    2 => it.lost == 0 && it.again == 0 && it.untold == 0,
                    // Without its last slot a cursor is one delivery older; without both it begins now, and says so.
                    _ => it.lost == 0 && it.again <= 4 && (it.untold == 0 || it.noticed),
                };
                if !holds {
                    wrong.push(format!("{damage:?}: {it:?}"));
                }
            }
            Err(why) => wrong.push(why),
        }
    }
    print(&format!("{} cuts; noticed, lost, untold, again: {sums:?}", damages.len()));
    none(&wrong, damages.len());
}

#[test]
fn files_that_are_gone_and_files_that_are_not_ours_stop_nobody() {
    let store = store();
    let folder = Path::new(ouzel_testkit::damage::FOLDER);
    let mut damages: Vec<Damage> = store.files().into_iter().map(|(path, _)| Damage::Gone(path)).collect();
    let gone = damages.len();
    let first = damages.iter().position(|it| matches!(it, Damage::Gone(path) if is(path, "journal"))).unwrap();
    let names = [
        "00000000000000000000.journal.tmp",
        "00000000000000000000.outputs.tmp",
        "00000000000000000999.checkpoint.tmp",
        "sink-desk.cursor.tmp",
        "owner.tmp",
        "readme.txt",
        "x.journal",
        "x.checkpoint",
        "00000000000000000001.checkpoint",
        "00000000000000099999.checkpoint",
        "sink-other.cursor",
        "00000000000000099999.journal",
        "00000000000000099999.outputs",
        "18446744073709551615.journal",
    ];
    for name in names {
        for bytes in [&b""[..], b"\xffnot ours\x00", &[0; 3_000]] {
            damages.push(Damage::Foreign(folder.join(name), bytes.to_vec()));
        }
    }
    let outcomes = all(&store, &damages);
    let mut wrong = Vec::new();
    for (index, (damage, outcome)) in damages.iter().zip(outcomes).enumerate() {
        match outcome {
            // What has gone with a file is told. A journal without its begin is one that was cut behind a checkpoint.
            Ok(it) if index == first && (it.again, it.untold) == (0, 0) => {}
            Ok(it) if index < gone && it.again <= 64 && (it.lost + it.untold == 0 || it.noticed) => {}
            // What lies beside changes nothing.
            Ok(it) if index >= gone && (it.lost, it.untold, it.again) == (0, 0, 0) => {}
            Ok(it) => wrong.push(format!("{damage:?}: {it:?}")),
            Err(why) => wrong.push(why),
        }
    }
    none(&wrong, damages.len());
}
