//! Which files of the lake are valid, and how far they go: `manifest.jsonl`, a line a change, added at the end.
//!
//! ```text
//! {"kept":4711,"add":[{"table":"readings","date":"2026-01-01","from":0,"to":4711,"rows":4600,…}],"remove":[]}
//! ```
//! A roll counts when its line is durable, and not before: all its files or none. A line that a kill has torn has no
//! end, and is cut. Files that no line lists are of a roll that never counted, and are removed at the next start.

use crate::shared::{FileFacts, date};
use crate::table::Table;
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_engine::time::days_from_civil;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Lines that may pile up before the next start writes one in their place.
const LINES: usize = 1_000;

/// The manifest of a lake that is open.
#[derive(Debug)]
pub(crate) struct Manifest {
    dir: PathBuf,
    file: DiskFile,
    /// Bytes of whole lines.
    size: u64,
    /// There is half a line after them, which could not be cut.
    torn: bool,
    pub(crate) kept: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Line {
    /// The number of the first input that is in no file.
    kept: u64,
    #[serde(default)]
    add: Vec<Entry>,
    #[serde(default)]
    remove: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    table: String,
    date: String,
    from: u64,
    to: u64,
    rows: u64,
    /// Smallest and largest time, in microseconds.
    first: i64,
    last: i64,
    bytes: u64,
}

impl Entry {
    fn of(file: &FileFacts) -> Entry {
        let FileFacts { table, day, from, to, rows, first, last, bytes } = *file;
        Entry { table: table.name().to_owned(), date: date(day), from, to, rows, first, last, bytes }
    }

    /// `None` for a table of a later version.
    fn facts(&self) -> Option<FileFacts> {
        let table = Table::ALL.into_iter().find(|table| table.name() == self.table)?;
        let Entry { from, to, rows, first, last, bytes, .. } = *self;
        Some(FileFacts { table, day: day(&self.date)?, from, to, rows, first, last, bytes })
    }
}

/// The opposite of [`date`].
fn day(date: &str) -> Option<i64> {
    let mut parts = date.rsplitn(3, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    Some(days_from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

/// Files by table, date and first number.
type Listed = BTreeMap<(Table, i64, u64), FileFacts>;

fn key(file: &FileFacts) -> (Table, i64, u64) {
    (file.table, file.day, file.from)
}

impl Manifest {
    /// Reads the manifest and tidies the folder: what no line lists goes, what is listed and gone is forgotten. Gives
    /// the files, too.
    ///
    /// # Errors
    /// When the folder cannot be used: no right to write, a broken manifest, files without one.
    pub(crate) fn open(disk: &Disk, dir: &Path) -> Result<(Manifest, Vec<FileFacts>), Fault> {
        let wrong = |error: io::Error| fault(dir, &error);
        disk.create_folder(dir).map_err(wrong)?;
        let path = dir.join("manifest.jsonl");
        for name in disk.files(&dir.join("tmp")).map_err(wrong)? {
            disk.remove(&name).map_err(wrong)?;
        }
        let (kept, mut listed, whole) = match disk.read(&path) {
            Ok(bytes) => read(&path, &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (0, Listed::new(), false),
            Err(error) => return Err(wrong(error)),
        };
        let found = ours(disk, dir).map_err(wrong)?;
        if listed.is_empty() && kept == 0 && !found.is_empty() && disk.read(&path).is_err() {
            let found = found[0].display();
            return Err(Fault::yours(format!(
                "{} has files of a lake ({found}) but no manifest.jsonl; choose another folder, or put the manifest back",
                dir.display()
            )));
        }
        let listed_before = listed.len();
        let known: BTreeMap<PathBuf, (Table, i64, u64)> =
            listed.iter().map(|(&key, file)| (file.path(dir), key)).collect();
        for stray in found.iter().filter(|path| !known.contains_key(*path)) {
            disk.remove(stray).map_err(wrong)?;
        }
        for (_, gone) in known.iter().filter(|(path, _)| found.binary_search(path).is_err()) {
            listed.remove(gone);
        }
        let files: Vec<FileFacts> = listed.into_values().collect();
        if !whole || files.len() < listed_before {
            let line = Line { kept, add: files.iter().map(Entry::of).collect(), remove: Vec::new() };
            disk.replace(&path, &encode(&line)).map_err(wrong)?;
            disk.sync_folder(dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
                .map_err(wrong)?;
        }
        let file = disk.open(&path).map_err(wrong)?;
        let size = file.size().map_err(wrong)?;
        Ok((Manifest { dir: dir.to_owned(), file, size, torn: false, kept }, files))
    }

    /// Makes a change durable. When this fails, the change may have reached the disk or not; files that it names must
    /// stay as they are until the same change is tried again.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn commit(&mut self, kept: u64, add: &[FileFacts], remove: &[FileFacts]) -> Result<(), Fault> {
        let entries = |files: &[FileFacts]| files.iter().map(Entry::of).collect();
        let bytes = encode(&Line { kept, add: entries(add), remove: entries(remove) });
        self.mend()?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync());
        if let Err(error) = written {
            // Half a line would tear the next one. If it cannot be cut now, it is before the next line.
            self.torn = true;
            let _ = self.mend();
            return Err(fault(&self.dir, &error));
        }
        self.size += bytes.len() as u64;
        self.kept = kept;
        Ok(())
    }

    fn mend(&mut self) -> Result<(), Fault> {
        if self.torn {
            self.file.cut(self.size).map_err(|error| fault(&self.dir, &error))?;
            self.torn = false;
        }
        Ok(())
    }
}

fn encode(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("plain data always encodes");
    bytes.push(b'\n');
    bytes
}

/// What the lines add up to, and whether they may stay as they are.
fn read(path: &Path, bytes: &[u8]) -> Result<(u64, Listed, bool), Fault> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let mut kept = 0;
    let mut listed = Listed::new();
    let mut count = 0;
    for line in bytes[..whole].split_inclusive(|&byte| byte == b'\n') {
        count += 1;
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            let path = path.display();
            Fault::yours(format!("line {count} of {path} is damaged ({error}); without it, its files would be removed: mend it, or take another folder"))
        })?;
        kept = kept.max(line.kept);
        let facts = |entries: &[Entry]| entries.iter().filter_map(Entry::facts).collect::<Vec<_>>();
        for file in facts(&line.remove) {
            listed.remove(&key(&file));
        }
        listed.extend(facts(&line.add).iter().map(|file| (key(file), *file)));
    }
    Ok((kept, listed, whole == bytes.len() && count <= LINES))
}

/// All files that look like ours, sorted: in folders of tables and dates, with two numbers as a name.
fn ours(disk: &Disk, dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for table in Table::ALL {
        for folder in disk.folders(&dir.join(table.name()))? {
            if !folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("date=")) {
                continue;
            }
            found.extend(disk.files(&folder)?.into_iter().filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                let numbers = name.strip_suffix(".parquet").and_then(|name| name.split_once('-'));
                numbers.is_some_and(|(from, to)| digits(from) && digits(to))
            }));
        }
    }
    found.sort();
    Ok(found)
}

/// What an error of the file system means to the person at the machine.
pub(crate) fn fault(place: &Path, error: &io::Error) -> Fault {
    use io::ErrorKind as Kind;
    let (whose, retry, what) = match error.kind() {
        Kind::PermissionDenied => (Whose::You, Retry::Never, "permission denied; choose another folder"),
        Kind::ReadOnlyFilesystem => (Whose::You, Retry::Never, "the file system is read-only; choose another folder"),
        Kind::NotADirectory | Kind::AlreadyExists => {
            (Whose::You, Retry::Never, "a file is in the way; choose another folder")
        }
        Kind::StorageFull | Kind::QuotaExceeded => {
            (Whose::You, Retry::Later, "the disk is full; make room, or set `keep` or `at_most`")
        }
        _ => {
            let what = format!("the lake in {} cannot go on: {error}", place.display());
            return Fault { whose: Whose::Peer, retry: Retry::Later, what };
        }
    };
    Fault { whose, retry, what: format!("the lake in {} cannot go on: {what}", place.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(from: u64, to: u64) -> FileFacts {
        FileFacts { table: Table::Readings, day: 20_454, from, to, rows: 1, first: 0, last: 1, bytes: 100 }
    }

    fn put(disk: &Disk, dir: &Path, file: &FileFacts) {
        disk.create(&file.path(dir)).unwrap().sync().unwrap();
        disk.sync_folder(&file.folder(dir)).unwrap();
    }

    #[test]
    fn a_line_that_was_torn_never_was() {
        for torn in 0..200 {
            let disk = Disk::simulated();
            let dir = Path::new("lake");
            let (mut manifest, _) = Manifest::open(&disk, dir).unwrap();
            put(&disk, dir, &file(0, 5));
            put(&disk, dir, &file(5, 9));
            manifest.commit(5, &[file(0, 5)], &[]).unwrap();
            let line = encode(&Line { kept: 9, add: vec![Entry::of(&file(5, 9))], remove: Vec::new() });
            manifest.file.write_all(&line).unwrap();
            disk.crash(torn);
            let (manifest, files) = Manifest::open(&disk, dir).unwrap();
            let expected = if torn < line.len() { (5, 1) } else { (9, 2) };
            assert_eq!((manifest.kept, files.len()), expected, "{torn} bytes of {}", line.len());
            assert_eq!(disk.files(&file(0, 5).folder(dir)).unwrap().len(), expected.1);
            // And it goes on from there.
            drop(manifest);
            assert_eq!(Manifest::open(&disk, dir).unwrap().1.len(), expected.1);
        }
    }

    #[test]
    fn files_without_a_manifest_are_never_touched() {
        let disk = Disk::simulated();
        put(&disk, Path::new("lake"), &file(0, 5));
        let fault = Manifest::open(&disk, Path::new("lake")).unwrap_err();
        assert_eq!(
            fault.what,
            "lake has files of a lake (lake/readings/date=2026-01-01/000000000000-000000000005.parquet) but no \
             manifest.jsonl; choose another folder, or put the manifest back"
        );
        assert_eq!(disk.files(&file(0, 5).folder(Path::new("lake"))).unwrap().len(), 1);
    }

    #[test]
    fn a_listed_file_that_somebody_removed_is_forgotten() {
        let disk = Disk::simulated();
        let dir = Path::new("lake");
        let (mut manifest, _) = Manifest::open(&disk, dir).unwrap();
        put(&disk, dir, &file(0, 5));
        manifest.commit(5, &[file(0, 5)], &[]).unwrap();
        disk.remove(&file(0, 5).path(dir)).unwrap();
        let (manifest, files) = Manifest::open(&disk, dir).unwrap();
        assert_eq!((manifest.kept, files.len()), (5, 0));
    }

    #[test]
    fn dates_are_read_back() {
        for days in [-700_000, -1, 0, 20_454, 2_932_896] {
            assert_eq!(day(&date(days)), Some(days));
        }
    }
}
