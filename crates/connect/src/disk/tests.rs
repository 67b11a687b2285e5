//! Both disks do the same, and the simulated one loses what a real one may lose.

use super::*;
use proptest::prelude::*;

#[test]
fn a_crash_keeps_what_was_synced_and_tears_the_rest() {
    let disk = Disk::simulated();
    let path = Path::new("log/1");
    let mut file = disk.create(path).unwrap();
    file.write_all(b"durable").unwrap();
    file.sync().unwrap();
    disk.sync_folder(Path::new("log")).unwrap();
    file.write_all(b" and lost").unwrap();
    disk.create(Path::new("log/2")).unwrap().write_all(b"no name").unwrap();
    disk.crash(4);
    assert_eq!(disk.read(path).unwrap(), b"durable and");
    assert_eq!(disk.files(Path::new("log")).unwrap(), [path]);
}

#[test]
fn what_is_replaced_is_there_whole_or_not_at_all() {
    let disk = Disk::simulated();
    let path = Path::new("mark");
    disk.replace(path, b"one").unwrap();
    disk.limit(Some(1));
    assert_eq!(disk.replace(path, b"two").unwrap_err().kind(), io::ErrorKind::StorageFull);
    disk.crash(0);
    assert_eq!(disk.read(path).unwrap(), b"one");
}

#[test]
fn both_disks_do_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a");
    for disk in [Disk::Real, Disk::simulated()] {
        disk.create_folder(&root.join("date=2026-01-01")).unwrap();
        let path = root.join("date=2026-01-01/one");
        let mut file = disk.create(&path).unwrap();
        file.write_all(b"0123456789").unwrap();
        file.cut(4).unwrap();
        file.write_all(b"ab").unwrap();
        file.sync().unwrap();
        let mut bytes = [0; 3];
        assert_eq!((file.size().unwrap(), file.read_at(2, &mut bytes).unwrap()), (6, 3));
        assert_eq!(&bytes, b"23a");
        let mut again = disk.open(&path).unwrap();
        again.write_all(b"!").unwrap();
        assert_eq!(disk.read(&path).unwrap(), b"0123ab!");
        assert_eq!(disk.folders(&root).unwrap(), [root.join("date=2026-01-01")]);
        disk.rename(&path, &root.join("two")).unwrap();
        assert_eq!(disk.files(&root).unwrap(), [root.join("two")]);
        disk.remove(&root.join("two")).unwrap();
        assert_eq!(disk.files(&root.join("nothing")).unwrap(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_write_in_place_moves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for disk in [Disk::Real, Disk::simulated()] {
        let path = folder.path().join("one");
        let mut file = disk.create(&path).unwrap();
        file.write_all(b"0123456789").unwrap();
        file.write_at(2, b"ab").unwrap();
        let mut other = file.try_clone().unwrap();
        other.write_all(b"!").unwrap();
        file.write_all(b"?").unwrap();
        other.sync().unwrap();
        file.write_at(14, b"end").unwrap();
        assert_eq!(disk.read(&path).unwrap(), b"01ab456789!?\0\0end");
        assert_eq!(disk.size(&path).unwrap(), 17);
        assert!(disk.free(folder.path()).unwrap() > 1 << 20);
        disk.allocate(&path, 100_000).unwrap();
        assert_eq!((disk.size(&path).unwrap(), disk.read(&path).unwrap()[99_999]), (100_000, 0));
    }
}

#[test]
fn room_is_taken_and_given_back() {
    let disk = Disk::simulated();
    let (root, one, two) = (Path::new("."), Path::new("one"), Path::new("two"));
    let free = |expected: u64| assert_eq!(disk.free(root).unwrap(), expected);
    free(u64::MAX);
    disk.limit(Some(1_000));
    let mut file = disk.create(one).unwrap();
    file.write_all(&[1; 300]).unwrap();
    free(700);
    file.write_at(100, &[2; 250]).unwrap();
    free(650);
    file.cut(100).unwrap();
    free(900);
    disk.allocate(two, 900).unwrap();
    free(0);
    // What is there may be written over, and what is left is filled before the rest is refused.
    file.write_at(0, &[3; 100]).unwrap();
    assert_eq!(file.write_all(&[4; 1]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    disk.remove(two).unwrap();
    free(900);
    assert_eq!(disk.allocate(two, 901).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.files(Path::new("")).unwrap(), [one]);
    free(900);
    // A file without a name has its room until nobody has it open.
    disk.remove(one).unwrap();
    free(900);
    drop(file);
    free(1_000);
    disk.replace(one, &[5; 600]).unwrap();
    disk.replace(one, &[6; 400]).unwrap();
    free(600);
    assert_eq!(disk.replace(one, &[7; 601]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.read(one).unwrap(), [6; 400]);
}

#[test]
fn the_nth_call_fails_and_the_others_go_on() {
    let steps = |disk: &Disk| -> Vec<io::Result<()>> {
        let (one, two) = (Path::new("f/one"), Path::new("f/two"));
        let Ok(mut file) = disk.create(one) else { return vec![Err(io::Error::from_raw_os_error(EIO))] };
        vec![
            file.write_all(b"12"),
            file.sync(),
            file.cut(1),
            disk.rename(one, two),
            disk.sync_folder(Path::new("f")),
            disk.read(two).map(drop),
            disk.remove(two),
        ]
    };
    let quiet = Disk::simulated();
    assert!(steps(&quiet).iter().all(Result::is_ok));
    assert_eq!(quiet.calls(), 8);
    for n in 2..=8 {
        let disk = Disk::simulated();
        disk.fail_nth(None, n, ENOSPC, Lasting::Once);
        let failed: Vec<usize> = (0..).zip(steps(&disk)).filter(|(_, done)| done.is_err()).map(|(at, _)| at).collect();
        // Where a rename has failed, there is nothing at the new name.
        assert_eq!(failed, if n == 5 { vec![3, 5, 6] } else { vec![n as usize - 2] }, "{n}");
    }
    let disk = Disk::simulated();
    disk.fail_nth(Some(Call::Sync), 1, EIO, Lasting::Forever);
    for _ in 0..3 {
        let done = steps(&disk);
        assert_eq!(done[1].as_ref().unwrap_err().raw_os_error(), Some(EIO));
        assert!(done.iter().enumerate().all(|(at, done)| at == 1 || done.is_ok()), "{done:?}");
    }
    disk.mend();
    assert!(steps(&disk).iter().all(Result::is_ok));
}

/// The wrecks of a disk under many seeds.
fn wrecks(disk: &Disk) -> impl Iterator<Item = Disk> {
    (0..2_000).map(|seed| {
        let wreck = disk.fork();
        wreck.crash_with(seed);
        wreck
    })
}

#[test]
fn what_was_not_synced_is_lost_kept_torn_or_full_of_holes() {
    let disk = Disk::simulated();
    let path = Path::new("log");
    let mut file = disk.create(path).unwrap();
    file.write_all(&[1; 5_000]).unwrap();
    file.sync().unwrap();
    disk.sync_folder(Path::new(".")).unwrap();
    file.write_all(&[2; 20_000]).unwrap();
    let (mut none, mut all, mut torn, mut hole, mut empty) = (0, 0, 0, 0, 0);
    for wreck in wrecks(&disk) {
        let left = wreck.read(path).unwrap();
        let (synced, rest) = left.split_at(5_000);
        assert!(synced.iter().all(|byte| *byte == 1));
        assert!(rest.len() <= 20_000 && rest.iter().all(|byte| [0, 2].contains(byte)));
        let ends = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        none += u32::from(rest.is_empty());
        all += u32::from(rest == [2; 20_000]);
        torn += u32::from(ends == rest.len() && !(5_000 + ends).is_multiple_of(4_096));
        hole += u32::from(rest[ends..].contains(&2));
        empty += u32::from(!rest.is_empty() && ends == 0 && !rest.contains(&2));
    }
    assert!([none, all, torn, hole, empty].iter().all(|count| *count > 10), "{none} {all} {torn} {hole} {empty}");
}

#[test]
fn names_land_in_any_order_but_each_in_its_own() {
    let disk = Disk::simulated();
    let (old, new, other) = (Path::new("a/old"), Path::new("a/new"), Path::new("a/other"));
    disk.create(old).unwrap();
    disk.sync_folder(Path::new("a")).unwrap();
    let mut file = disk.open(old).unwrap();
    file.write_all(b"first").unwrap();
    file.sync().unwrap();
    disk.rename(old, new).unwrap();
    disk.create(old).unwrap().write_all(b"second").unwrap();
    disk.create(other).unwrap();
    let mut seen = std::collections::BTreeMap::<_, u32>::new();
    for wreck in wrecks(&disk) {
        let here = wreck.files(Path::new("a")).unwrap();
        // The first file has one of its names, whatever comes behind it.
        let first = here.iter().filter(|path| wreck.read(path).unwrap() == b"first").count();
        assert_eq!(first, 1, "{here:?}");
        *seen.entry(here).or_default() += 1;
    }
    let named = |names: &[&Path]| names.iter().map(|name| name.to_path_buf()).collect::<Vec<_>>();
    let expected = [&[old] as &[_], &[new], &[old, other], &[new, other], &[new, old], &[new, old, other]];
    let mut expected: Vec<_> = expected.iter().map(|names| named(names)).collect();
    expected.iter_mut().for_each(|names| names.sort());
    expected.sort();
    assert_eq!(seen.keys().cloned().collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_on_its_way_to_another_folder_may_have_both_names_but_never_none() {
    let disk = Disk::simulated();
    let (from, to) = (Path::new("a/one"), Path::new("b/one"));
    disk.create(from).unwrap();
    disk.sync_folder(Path::new("a")).unwrap();
    disk.rename(from, to).unwrap();
    let count = |disk: &Disk| ["a", "b"].map(|folder| disk.files(Path::new(folder)).unwrap().len());
    let mut seen: Vec<_> = wrecks(&disk).map(|wreck| count(&wreck)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [[0, 1], [1, 0], [1, 1]]);
    // Who lets go of the old name for good has the new one for good.
    disk.sync_folder(Path::new("a")).unwrap();
    assert!(wrecks(&disk).all(|wreck| count(&wreck) == [0, 1]));
}

#[test]
fn what_a_failed_sync_gave_up_no_later_one_makes_durable() {
    let path = Path::new("log");
    let mut lost = 0;
    for round in 0..64 {
        let disk = Disk::simulated();
        // A sync that failed at another call loses other pages.
        (0..round).for_each(|_| drop(disk.read(path)));
        let mut file = disk.create(path).unwrap();
        disk.sync_folder(Path::new(".")).unwrap();
        file.write_all(&[1; 10_000]).unwrap();
        disk.fail_nth(Some(Call::Sync), 1, EIO, Lasting::Once);
        file.sync().unwrap_err();
        file.write_all(&[2; 10]).unwrap();
        file.sync().unwrap();
        assert_eq!(disk.read(path).unwrap()[..10_000], [1; 10_000], "a reader sees what was written");
        disk.crash(0);
        let left = disk.read(path).unwrap();
        assert_eq!(left[10_000..], [2; 10]);
        lost += u32::from(left[..10_000] != [1; 10_000]);
    }
    assert!(lost > 10, "{lost}");
}

/// Something that is done to a disk.
#[derive(Clone, Debug)]
enum Deed {
    Create(u8),
    Append(u8, u16),
    WriteAt(u8, u16, u16),
    Cut(u8, u16),
    Rename(u8, u8),
    Remove(u8),
    Sync(u8),
    SyncFolder(u8),
    Replace(u8, u16),
}

fn deed() -> impl Strategy<Value = Deed> {
    let (name, size) = (0u8..6, 0u16..12_000);
    prop_oneof![
        2 => name.clone().prop_map(Deed::Create),
        4 => (name.clone(), size.clone()).prop_map(|(name, size)| Deed::Append(name, size)),
        2 => (name.clone(), size.clone(), size.clone()).prop_map(|(name, at, size)| Deed::WriteAt(name, at, size)),
        1 => (name.clone(), size.clone()).prop_map(|(name, size)| Deed::Cut(name, size)),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Deed::Rename(from, to)),
        1 => name.clone().prop_map(Deed::Remove),
        3 => name.clone().prop_map(Deed::Sync),
        3 => (0u8..2).prop_map(Deed::SyncFolder),
        1 => (name, size).prop_map(|(name, size)| Deed::Replace(name, size)),
    ]
}

fn path_of(name: u8) -> PathBuf {
    PathBuf::from(format!("{}/{name}", name % 2))
}

/// Does it; whether it could be done.
fn act(disk: &Disk, deed: &Deed, byte: u8) -> bool {
    let bytes = |size: &u16| vec![byte; usize::from(*size)];
    let done = match deed {
        Deed::Create(name) => disk.create(&path_of(*name)).map(drop),
        Deed::Append(name, size) => disk.open(&path_of(*name)).and_then(|mut file| file.write_all(&bytes(size))),
        Deed::WriteAt(name, at, size) => {
            disk.open(&path_of(*name)).and_then(|file| file.write_at(u64::from(*at), &bytes(size)))
        }
        Deed::Cut(name, size) => disk.open(&path_of(*name)).and_then(|mut file| file.cut(u64::from(*size))),
        Deed::Rename(from, to) => disk.rename(&path_of(*from), &path_of(*to)),
        Deed::Remove(name) => disk.remove(&path_of(*name)),
        Deed::Sync(name) => disk.open(&path_of(*name)).and_then(|file| file.sync()),
        Deed::SyncFolder(folder) => disk.sync_folder(Path::new(&folder.to_string())),
        Deed::Replace(name, size) => disk.replace(&path_of(*name), &bytes(size)),
    };
    done.is_ok()
}

fn contents(disk: &Disk) -> Vec<(PathBuf, Vec<u8>)> {
    let files = ["0", "1"].iter().flat_map(|folder| disk.files(Path::new(folder)).unwrap());
    files.map(|path| (path.clone(), disk.read(&path).unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever was done and synced, file and folder, is there after any loss of power, unless something was done to it
    /// since; and what is there twice in a row is there for good.
    #[test]
    fn what_was_synced_survives_every_loss_of_power(
        deeds in proptest::collection::vec(deed(), 1..40),
        more in proptest::collection::vec(deed(), 0..12),
        seeds in proptest::collection::vec(any::<u64>(), 20),
    ) {
        let disk = Disk::simulated();
        for (byte, deed) in (1..).zip(&deeds) {
            act(&disk, deed, byte);
        }
        for name in 0..6 {
            act(&disk, &Deed::Sync(name), 0);
        }
        (0..2).for_each(|folder| disk.sync_folder(Path::new(&folder.to_string())).unwrap());
        let synced = contents(&disk);
        // What is done after it, to other files, takes nothing of it away.
        let touched = |path: &PathBuf| more.iter().any(|deed| match deed {
            Deed::Create(a) | Deed::Append(a, _) | Deed::WriteAt(a, ..) | Deed::Cut(a, _) | Deed::Remove(a) => path_of(*a) == *path,
            Deed::Replace(a, _) => path.starts_with(path_of(*a)) || *path == path_of(*a),
            Deed::Rename(from, to) => path_of(*from) == *path || path_of(*to) == *path,
            Deed::Sync(_) | Deed::SyncFolder(_) => false,
        });
        for (byte, deed) in (100..).zip(&more) {
            act(&disk, deed, byte);
        }
        for seed in seeds {
            let wreck = disk.fork();
            wreck.crash_with(seed);
            let left = contents(&wreck);
            for (path, bytes) in synced.iter().filter(|(path, _)| !touched(path)) {
                let found = left.iter().find(|(name, _)| name == path);
                prop_assert_eq!(found.map(|(_, bytes)| bytes), Some(bytes), "{:?}", path);
            }
            // What the power has left is durable.
            wreck.crash_with(seed ^ 1);
            prop_assert_eq!(contents(&wreck), left.clone());
            wreck.crash(0);
            prop_assert_eq!(contents(&wreck), left);
        }
    }

    /// A file that is replaced is the old one or the new one, whenever the power goes.
    #[test]
    fn what_is_replaced_is_the_old_or_the_new(stop in 0u64..12, seed in any::<u64>(), size in 1u16..20_000) {
        let disk = Disk::simulated();
        let path = Path::new("a/mark");
        disk.replace(path, b"old").unwrap();
        disk.stop_after(Some(stop));
        let new = vec![7; usize::from(size)];
        let done = disk.replace(path, &new).is_ok();
        disk.stop_after(None);
        disk.crash_with(seed);
        let left = disk.read(path).unwrap();
        prop_assert!(left == new || (!done && left == b"old"), "{} bytes", left.len());
    }

    /// Room is the limit less what the files hold, whatever is done.
    #[test]
    fn room_and_files_add_up(deeds in proptest::collection::vec(deed(), 1..60), seed in any::<u64>()) {
        let disk = Disk::simulated();
        let limit = 60_000;
        disk.limit(Some(limit));
        let used = |disk: &Disk| contents(disk).iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        for (byte, deed) in (1..).zip(&deeds) {
            act(&disk, deed, byte);
            prop_assert_eq!(disk.free(Path::new(".")).unwrap() + used(&disk), limit);
        }
        disk.crash_with(seed);
        contents(&disk).iter().for_each(|(path, _)| disk.remove(path).unwrap());
        // More, where what was removed had come back into room that others had taken by then.
        prop_assert!(disk.free(Path::new(".")).unwrap() >= limit);
    }
}

#[test]
fn a_fork_holds_the_moment_before_a_call() {
    let disk = Disk::simulated();
    disk.fork_at(3);
    let mut file = disk.create(Path::new("one")).unwrap();
    for byte in 1..4 {
        file.write_all(&[byte]).unwrap();
    }
    assert_eq!((disk.calls(), disk.read(Path::new("one")).unwrap()), (4, vec![1, 2, 3]));
    assert_eq!(disk.forked().unwrap().read(Path::new("one")).unwrap(), [1]);
    assert!(disk.forked().is_none());
}
