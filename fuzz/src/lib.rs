//! What the targets share: the files of a small real run, and bytes that are nearly those.
//!
//! Checksums keep a fuzzer out: hardly any of its bytes would get past them. So a target takes what it is given either as
//! it is, or as changes of something real whose checksums are made again afterwards.

use ouzel_connect::disk::Disk;
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Declaration, Names, Timing};
use ouzel_engine::time::Time;
use ouzel_pipeline::checkpoint::Part;
use ouzel_pipeline::config::InForce;
use ouzel_pipeline::intake::Stretch;
use ouzel_pipeline::journal::{Follower, head, record};
use ouzel_pipeline::log::block;
use ouzel_pipeline::outputs::Sizes;
use ouzel_pipeline::runner::{Recovered, Where, recover};
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

/// Everything that keeps state is in it.
const CONFIG: &str = r#"
[filter.slim]
type = "compress"
on = "heat"
by = "swinging-door"
error = 0.5

[window.hop]
over = ["heat", "slim.heat"]
size = "10s"
every = "5s"

[detector.odd]
type = "zscore"
on = "heat"
past = "5"
min = 2
warning = 2

[detector.stuck]
type = "flatline"
on = "heat"
past = "4s"

[detector.hot]
type = "threshold"
on = "heat"
above = { warning = 30, critical = 50 }

[detector.gone]
type = "missing"
on = "heat"
silence = "30s"

[alert.trouble]
on = ["odd", "stuck", "hot", "gone"]
"#;

/// Where the run's files are.
pub const FOLDER: &str = "j";

/// What a small run left, and its parts.
pub struct Real {
    /// Its files.
    pub disk: Disk,
    /// The config in force.
    pub config: InForce,
    /// The records of its journal.
    pub records: Vec<Vec<u8>>,
    /// The entries of its output log.
    pub entries: Vec<Vec<u8>>,
    /// Who is who.
    pub names: Vec<Declaration>,
    /// The state of its slots.
    pub slots: Vec<(u8, Vec<u8>)>,
    /// Its newest checkpoint, as a file.
    pub checkpoint: Vec<u8>,
}

/// A small run.
pub static REAL: LazyLock<Real> = LazyLock::new(run);

/// A folder of logs on a disk.
pub fn place(disk: &Disk) -> Where {
    let sizes = Sizes { segment: 1 << 20, bound: 1 << 30 };
    Where { disk: disk.clone(), folder: FOLDER.into(), journal: sizes, outputs: sizes }
}

fn run() -> Real {
    let disk = Disk::simulated();
    let config = InForce::read(CONFIG).expect("it is a config");
    let Recovered { mut runner, mut journal, mut store, .. } =
        recover(&place(&disk), &config, None).expect("an empty folder");
    let mut names = Names::new();
    let mut follower = Follower::of(&journal.readers(), 0);
    let (mut slots, mut records, mut next) = (Vec::new(), Vec::new(), 0);
    for second in 0..40 {
        let device = names.device(["oven", "press"][second % 2], Timing::default(), &[]).expect("two devices");
        let channel = names.channel("heat");
        let series = names.series(device, channel);
        let value = if second % 13 == 5 { 60.0 } else { 20.0 + (second % 3) as f64 };
        let (reading, tick) = (
            Reading::new(series, Time::from_secs(second as i64), value),
            Reading::tick(Time::from_secs(second as i64)),
        );
        let batch = Batch { first: next, rows: vec![reading, tick], offsets: Vec::new() };
        let stretch =
            Stretch { declarations: names.take_fresh(), batch, ticks: vec![(next + 1, tick)], ..Stretch::default() };
        next += 2;
        let mut bytes = Vec::new();
        record::stretch(Time::from_secs(second as i64), vec![(1, second as u64)], Vec::new(), &stretch, &mut bytes);
        journal.append(&bytes, || head(next)).expect("there is room");
        records.push(bytes);
        journal.sync().expect("a disk in memory");
        while let Ok(ouzel_pipeline::journal::Next::Record(record)) = follower.next(Duration::ZERO) {
            runner.take(record, follower.position());
            runner.write().expect("there is room");
        }
        if second % 10 == 9 {
            slots.clear();
            let mut draft = store.begin(runner.position()).expect("there is room");
            let moment = runner.save(Time(0), |part, bytes| {
                if let Part::Slot(slot) = part {
                    slots.push((slot, bytes.to_vec()));
                }
                store.add(&mut draft, part, bytes)
            });
            store.keep(draft, moment.expect("there is room"), || Ok(())).expect("there is room");
        }
    }
    runner.outputs().sync().expect("a disk in memory");
    let newest = disk.files(Path::new(FOLDER)).expect("a folder").into_iter().rfind(|path| ends(path, "checkpoint"));
    let checkpoint = disk.read(&newest.expect("there were some")).expect("a file");
    let outputs = disk.files(Path::new(FOLDER)).expect("a folder").into_iter().find(|path| ends(path, "outputs"));
    let entries = taken_apart(&disk.read(&outputs.expect("there is one")).expect("a file"));
    Real { disk, config, records, entries, names: runner.names().declarations(), slots, checkpoint }
}

fn ends(path: &Path, with: &str) -> bool {
    path.extension().is_some_and(|extension| extension == with)
}

/// The records of a segment.
pub fn taken_apart(segment: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut assembly, mut all) = (0, block::Assembly::default(), Vec::new());
    while at < segment.len() {
        match assembly.read(&segment[at..], at as u64) {
            block::Found::Record(size) => {
                all.push(assembly.record().to_vec());
                at += size;
            }
            block::Found::Part(size) | block::Found::Bad(size) => at += size,
            block::Found::Short => break,
        }
    }
    all
}

/// A segment with these records, whose checksums are right.
pub fn segment<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        block::push(record, bytes.len() as u64, &mut bytes);
    }
    bytes
}

/// Something real with some bytes of it set, flipped, taken out and put in.
pub fn nearly(real: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = real.to_vec();
    for change in changes.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % (bytes.len() + 1);
        match (change[2] % 4, bytes.get_mut(at)) {
            (0, Some(byte)) => *byte ^= change[3],
            (1, Some(byte)) => *byte = change[3],
            (2, Some(_)) => drop(bytes.remove(at)),
            _ => bytes.insert(at, change[3]),
        }
    }
    bytes
}

/// What a target is to look at: `bytes` as they are, or as changes of one of these.
pub fn given<'a>(bytes: &'a [u8], real: &[Vec<u8>]) -> std::borrow::Cow<'a, [u8]> {
    match bytes.split_first() {
        Some((&which, changes)) if which >= 0x80 && !real.is_empty() => {
            nearly(&real[usize::from(which & 0x7f) % real.len()], changes).into()
        }
        Some((_, raw)) => raw.into(),
        None => bytes.into(),
    }
}

/// A disk with a file in the folder.
pub fn disk_with(name: &str, bytes: &[u8]) -> Disk {
    let disk = Disk::simulated();
    let path = Path::new(FOLDER).join(name);
    disk.create(&path).and_then(|mut file| file.write_all(bytes)).expect("a disk in memory");
    disk
}
