//! Checkpoints from the outside: whole or not at all, and one damaged byte costs no state.

use super::*;

fn parts(round: u64) -> Vec<(Part, Vec<u8>)> {
    let changing = format!("slot 3 in round {round}").into_bytes();
    vec![
        (Part::Names(0), b"names that never change, and are long enough to be worth something".to_vec()),
        (Part::Slot(3), changing),
        (Part::Slot(4), b"a slot that sleeps".to_vec()),
        (Part::Fleet, vec![round as u8; 40]),
    ]
}

fn moment(position: u64) -> Moment {
    Moment { position, text: "text".into(), ..Moment::default() }
}

fn save(store: &mut Store, position: u64) -> Result<u64, Fault> {
    let mut draft = store.begin(position)?;
    for (part, bytes) in parts(position) {
        store.add(&mut draft, part, &bytes)?;
    }
    store.keep(draft, moment(position), || Ok(()))
}

/// The position of the one that was found, and its sections; and how many could not be used.
type Sections = Vec<(Part, Vec<u8>)>;
type Newest = (Option<(u64, Sections)>, usize);

fn found(disk: &Disk) -> Newest {
    let (_, found, skipped) = Store::open(disk, Path::new("j"), 0).unwrap();
    (found.map(|found| (found.moment.position, found.parts.into_iter().collect())), skipped.len())
}

#[test]
fn the_newest_is_found_three_are_kept_and_what_sleeps_is_written_twice_only() {
    let disk = Disk::simulated();
    let (mut store, nothing, _) = Store::open(&disk, Path::new("j"), 0).unwrap();
    assert!(nothing.is_none());
    let written: Vec<u64> = (1..=6).map(|round| save(&mut store, round * 100).unwrap()).collect();
    assert!(written[2] < written[0] - 60, "{written:?}");
    let (newest, skipped) = found(&disk);
    assert_eq!((newest, skipped), (Some((600, parts(600))), 0));
    assert_eq!(store.oldest(), Some(400));
    // Those that went on being referred to are still there.
    let files = disk.files(Path::new("j")).unwrap();
    assert_eq!(files.len(), 5, "{files:?}");
}

/// The journal of a kill was cut up to 400, and a replay of it began with a checkpoint before that.
#[test]
fn a_journal_whose_begin_was_cut_does_not_begin_with_an_older_file_that_is_referred_to() {
    let disk = Disk::simulated();
    let (mut store, _, _) = Store::open(&disk, Path::new("j"), 0).unwrap();
    (1..=6).for_each(|round| assert!(save(&mut store, round * 100).unwrap() > 0));
    let (store, _) = Store::look(&disk, Path::new("j")).unwrap();
    let oldest = |begin| store.load_oldest(begin).map(|found| found.moment.position);
    assert_eq!((oldest(0), oldest(350), oldest(601)), (Some(100), Some(400), None));
}

#[test]
fn every_flipped_byte_is_noticed_and_none_costs_state() {
    let disk = Disk::simulated();
    let (mut store, _, _) = Store::open(&disk, Path::new("j"), 0).unwrap();
    (1..=4).for_each(|round| assert!(save(&mut store, round * 100).unwrap() > 0));
    for path in disk.files(Path::new("j")).unwrap() {
        let whole = disk.read(&path).unwrap();
        for at in 0..whole.len() {
            let other = disk.fork();
            let mut flipped = whole.clone();
            flipped[at] ^= 0x20;
            other.create(&path).unwrap().write_all(&flipped).unwrap();
            let (newest, _) = found(&other);
            let (position, sections) = newest.unwrap_or_else(|| panic!("{} byte {at}", path.display()));
            assert!(position >= 300 && sections == parts(position), "{} byte {at}: {position}", path.display());
        }
    }
}

#[test]
fn wherever_the_power_goes_there_is_a_whole_one() {
    for steps in 0..60 {
        let disk = Disk::simulated();
        let (mut store, _, _) = Store::open(&disk, Path::new("j"), 0).unwrap();
        (1..=3).for_each(|round| assert!(save(&mut store, round * 100).unwrap() > 0));
        disk.stop_after(Some(steps));
        let done = save(&mut store, 400).is_ok();
        disk.stop_after(None);
        disk.crash(steps as usize * 7);
        let (newest, _) = found(&disk);
        let (position, sections) = newest.expect("three were whole");
        assert!(position == 300 && !done || position == 400, "after {steps} calls: {position}");
        assert_eq!(sections, parts(position));
    }
}

#[test]
fn a_newer_format_is_refused_with_both_versions_named() {
    let disk = Disk::simulated();
    let (mut store, _, _) = Store::open(&disk, Path::new("j"), 0).unwrap();
    save(&mut store, 100).unwrap();
    let path = path_of(Path::new("j"), 200);
    let table = postcard::to_allocvec(&Table { format: 9, ..Table::default() }).unwrap();
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&table);
    bytes.extend([&8u64.to_le_bytes()[..], &xxh3_64(&table).to_le_bytes(), MAGIC].concat());
    disk.create(&path).unwrap().write_all(&bytes).unwrap();
    let why = Store::open(&disk, Path::new("j"), 0).unwrap_err().what;
    assert!(why.contains("format 9") && why.contains("up to format 1"), "{why}");
}
