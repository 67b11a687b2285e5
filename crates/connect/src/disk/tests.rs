//! Both disks do the same, and the simulated one loses what a real one may lose.

use super::*;

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
