//! The output log from the outside: every output once, whatever was written before a stop.

use super::*;
use ouzel_engine::output::What;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Device, Series};
use proptest::prelude::*;

const SIZES: Sizes = Sizes { segment: 2_000, bound: 1 << 20 };

/// Outputs of inputs `first..first + 10`: as many of each input as these say.
fn said(first: u64, counts: &[u32]) -> Said {
    let mut outputs = Vec::new();
    for (input, &count) in (first..).zip(counts) {
        for ordinal in 0..count {
            let what = What::Late(Reading::new(Series(0), Time(input as i64), f64::from(ordinal)));
            outputs.push(Output { input, device: Device(0), node: 0, ordinal, what });
        }
    }
    let from = Place::before(outputs.first().map_or(first, |output| output.input));
    let through = Place::before(first + counts.len() as u64);
    Said { from, through, outputs, ..Said::default() }
}

fn owed(outputs: &[Output], _: &[u32]) -> Vec<(String, u32)> {
    if outputs.is_empty() { Vec::new() } else { vec![("desk".to_owned(), outputs.len() as u32)] }
}

fn open(disk: &Disk, stand: Option<&Stand>) -> OutputLog {
    OutputLog::open(disk, Path::new("j"), SIZES, stand, &"text".into()).unwrap().0
}

/// All places in the log, in order.
fn places(disk: &Disk) -> Vec<(u64, u32)> {
    let mut listener = Listener::recorded(disk, Path::new("j"));
    let mut all = Vec::new();
    while let Heard::Entry(entry) = listener.next(Duration::ZERO).unwrap() {
        if let Entry::Said(said) = *entry {
            all.extend(said.placed().map(|(place, _)| (place.input, place.nth)));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A log that was stopped anywhere, and torn, and was given everything since its checkpoint again, is the log that was
    /// never stopped; and what its sinks were owed is counted once.
    #[test]
    fn what_is_said_again_stands_once(
        stretches in proptest::collection::vec(proptest::collection::vec(0u32..4, 1..6), 1..30),
        checkpoint in 0usize..30,
        stop in 0usize..30,
        torn in 0usize..4_000,
    ) {
        let all = {
            let mut first = 0;
            stretches.iter().map(|counts| {
                let said = said(first, counts);
                first += counts.len() as u64;
                said
            }).collect::<Vec<_>>()
        };
        let (checkpoint, stop) = (checkpoint.min(all.len()), stop.min(all.len()));
        let whole = Disk::simulated();
        let mut straight = open(&whole, None);
        all.iter().for_each(|said| assert!(straight.say(said.clone(), owed).unwrap() < u64::MAX));
        straight.sync().unwrap();

        let disk = Disk::simulated();
        let mut log = open(&disk, None);
        let mut stand = None;
        for (index, said) in all[..stop.max(checkpoint)].iter().enumerate() {
            if index == checkpoint {
                log.sync().unwrap();
                stand = Some(log.stand());
            }
            log.say(said.clone(), owed).unwrap();
        }
        drop(log);
        disk.crash(torn);
        let mut log = open(&disk, stand.as_ref());
        let from = if stand.is_some() { checkpoint } else { 0 };
        all[from..].iter().for_each(|said| assert!(log.say(said.clone(), owed).unwrap() < u64::MAX));
        log.sync().unwrap();
        prop_assert_eq!(places(&disk), places(&whole));
        prop_assert_eq!(log.owed("desk"), straight.owed("desk"));
        prop_assert_eq!(log.place(), straight.place());
    }
}

#[test]
fn what_is_too_much_for_one_entry_is_cut_into_several() {
    let disk = Disk::simulated();
    let mut log = OutputLog::open(&disk, Path::new("j"), Sizes { segment: 64 << 20, bound: 1 << 30 }, None, &"".into())
        .unwrap()
        .0;
    let mut said = said(5, &[PIECE as u32 + 3, PIECE as u32]);
    said.quiet = vec![1, PIECE as u32 + 1];
    log.say(said, owed).unwrap();
    log.sync().unwrap();
    let mut expected: Vec<(u64, u32)> = (0..PIECE as u32 + 3).map(|nth| (5, nth)).collect();
    expected.extend((0..PIECE as u32).map(|nth| (6, nth)));
    assert_eq!(places(&disk), expected);
    assert_eq!(log.owed("desk"), 2 * PIECE as u64 + 3);
    let mut listener = Listener::recorded(&disk, Path::new("j"));
    let mut quiet = Vec::new();
    while let Heard::Entry(entry) = listener.next(Duration::ZERO).unwrap() {
        if let Entry::Said(said) = *entry {
            quiet.extend(said.quiet.iter().map(|&index| said.placed().nth(index as usize).unwrap().0));
        }
    }
    assert_eq!(quiet, [Place { input: 5, nth: 1 }, Place { input: 5, nth: PIECE as u32 + 1 }]);
}

#[test]
fn the_oldest_goes_where_there_is_too_much_and_the_next_head_says_what_was_owed() {
    let disk = Disk::simulated();
    let sizes = Sizes { segment: 500, bound: 2_000 };
    let mut log = OutputLog::open(&disk, Path::new("j"), sizes, None, &"".into()).unwrap().0;
    for first in 0..100 {
        log.say(said(first, &[3]), owed).unwrap();
    }
    log.show();
    assert!(log.size() < 3_000);
    let mut listener = Listener::of(&log.readers(), Place::default()).unwrap();
    let Heard::Entry(entry) = listener.next(Duration::ZERO).unwrap() else { panic!("there is something left") };
    let Entry::Said(said) = *entry else { panic!("nothing else was written") };
    let opening = listener.take_opening().unwrap();
    assert_eq!(opening.owed["desk"], said.from.input * 3);
    assert_eq!(opening.place, said.from);
}

/// What could not be read has no place among the outputs: it is known by the journal's.
#[test]
fn what_was_rejected_stands_once_with_or_without_readings_beside_it() {
    let disk = Disk::simulated();
    let rejected = |line| Rejected { source: "a".into(), line, reason: "bad".into(), text: "x".into() };
    let only = |line: u64, input: u64| Said {
        from: Place::before(input),
        through: Place::before(input),
        journal: line * 100,
        rejected: vec![rejected(line)],
        ..Said::default()
    };
    let with =
        |line: u64, first: u64| Said { journal: line * 100, rejected: vec![rejected(line)], ..said(first, &[2]) };
    let all = [only(1, 0), only(2, 0), with(3, 0), only(4, 1), with(5, 1), only(6, 2)];
    // Stopped behind each of them, and given all again.
    for stop in 0..=all.len() {
        let disk = disk.fork();
        let mut log = open(&disk, None);
        all[..stop].iter().for_each(|said| assert!(log.say(said.clone(), owed).unwrap() < u64::MAX));
        log.sync().unwrap();
        drop(log);
        let mut log = open(&disk, None);
        all.iter().for_each(|said| assert!(log.say(said.clone(), owed).unwrap() < u64::MAX));
        log.sync().unwrap();
        let (mut listener, mut lines) = (Listener::recorded(&disk, Path::new("j")), Vec::new());
        while let Heard::Entry(entry) = listener.next(Duration::ZERO).unwrap() {
            let Entry::Said(said) = *entry else { continue };
            lines.extend(said.rejected.iter().map(|rejected| rejected.line));
        }
        assert_eq!(lines, [1, 2, 3, 4, 5, 6], "stopped behind {stop}");
        assert_eq!(places(&disk), [(0, 0), (0, 1), (1, 0), (1, 1)]);
    }
}

/// Entries say by a number what an output is: whoever adds one puts it at the end.
#[test]
fn what_an_output_is_keeps_its_number_in_the_log() {
    let reading = Reading::new(Series(0), Time(1), 2.0);
    let said = ouzel_engine::output::Said { reading, said: 3 };
    for (number, what) in [(0, What::Late(reading)), (7, What::Reading(said))] {
        let bytes = postcard::to_allocvec(&what).unwrap();
        assert_eq!(bytes[0], number, "{what:?}");
        assert_eq!(postcard::from_bytes::<What>(&bytes).unwrap(), what);
    }
}
