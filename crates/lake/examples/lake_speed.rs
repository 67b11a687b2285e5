//! What the lake costs: nanoseconds a reading to take it, to write it into files, and to ask for it; bytes it takes in
//! memory and on disk. The simulator's fleet, with its faults; steps of 4 096 rows.
//!
//! `cargo run --release -p ouzel-lake --example lake_speed -- [DIR]`; without a folder the files go into memory.
#![expect(clippy::print_stdout, reason = "an example prints")]

use ouzel_connect::disk::Disk;
use ouzel_connect::fault::Fault;
use ouzel_connect::source::simulate::{Profile, Settings, Simulator};
use ouzel_connect::source::{Rows, Source};
use ouzel_engine::plan::{ChannelFacts, Plan};
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Declaration, Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_lake::{Asked, LakeReader, LakeSettings, LakeWriter, Table, Tier};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const READINGS: usize = 4_000_000;
const STEP: usize = 4_096;

fn main() -> Result<(), Fault> {
    let dir = std::env::args().nth(1).map(PathBuf::from);
    for devices in [5, 200, 2_000] {
        let (declarations, rows) = play(devices);
        let disk = if dir.is_some() { Disk::Real } else { Disk::simulated() };
        let root = dir.clone().unwrap_or_default().join(format!("fleet-{devices}"));
        let range = ChannelFacts { name: "temperature".to_owned(), range: Some((-40.0, 125.0)), ..Default::default() };
        let plan = Arc::new(Plan { channels: vec![range], ..Plan::default() });
        // No bound but that of rows, so that each figure is of one thing.
        let settings = LakeSettings { recent: 1 << 40, rows: u64::MAX, ..LakeSettings::new(&root) };
        let (mut writer, reader) = LakeWriter::open(&disk, &root, plan, settings)?;
        writer.take(&declarations, &Batch::default(), &[])?;
        let (mut taking, mut rolling, mut held) = (Duration::ZERO, Duration::ZERO, 0);
        let mut asking = Duration::ZERO;
        for (index, million) in rows.chunks(1_000_000).enumerate() {
            let begin = Instant::now();
            for (step, rows) in million.chunks(STEP).enumerate() {
                let first = (index * 1_000_000 + step * STEP) as u64;
                writer.take(&[], &Batch { first, rows: rows.to_vec(), offsets: Vec::new() }, &[])?;
            }
            taking += begin.elapsed();
            held += reader.waiting().1;
            asking += timed(|| ask(&reader));
            let begin = Instant::now();
            writer.finish()?;
            rolling += begin.elapsed();
        }
        let each = |time: Duration| time.as_nanos() as f64 / rows.len() as f64;
        let listing = reader.listing();
        let bytes =
            |table| listing.iter().filter(|file| file.table == table).map(|file| file.bytes).sum::<u64>() as f64;
        let tiers: f64 = Tier::ALL.into_iter().map(|tier| bytes(Table::Tier(tier))).sum();
        println!(
            "{devices:5} devices: take {:.1} ns, roll {:.1} ns a reading; memory {:.2}, readings {:.2}, tiers {:.2} bytes a reading",
            each(taking),
            each(rolling),
            held as f64 / rows.len() as f64,
            bytes(Table::Readings) / rows.len() as f64,
            tiers / rows.len() as f64,
        );
        println!(
            "        one series, all its points: {:?} of {} files, {:?} from memory",
            timed(|| ask(&reader)),
            listing.iter().filter(|file| file.table == Table::Readings).count(),
            asking / rows.chunks(1_000_000).count() as u32,
        );
        let newest = timed(|| drop(reader.readings(&Asked::default())));
        let tier = timed(|| drop(reader.buckets(Tier::Minute, "device-001", "temperature", Time::MIN, Time::MAX)));
        println!("        newest 100 readings: {newest:?}; one series by the minute: {tier:?}");
        small_steps(&declarations, &rows)?;
    }
    Ok(())
}

fn ask(reader: &LakeReader) {
    let device = reader.readings(&Asked { limit: 1, ..Asked::default() }).unwrap_or_default();
    if let Some(row) = device.first() {
        drop(reader.points(&row.device, &row.channel, Time::MIN, Time::MAX, usize::MAX));
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

/// At low rates a step is one row.
fn small_steps(declarations: &[Declaration], rows: &[Reading]) -> Result<(), Fault> {
    let settings = LakeSettings { recent: 1 << 40, rows: u64::MAX, ..LakeSettings::new("") };
    let (mut writer, _reader) = LakeWriter::in_memory(Arc::new(Plan::default()), settings);
    writer.take(declarations, &Batch::default(), &[])?;
    let mut batch = Batch { first: 0, rows: rows[..1].to_vec(), offsets: Vec::new() };
    let count = 1_000_000.min(rows.len());
    let begin = Instant::now();
    for (index, row) in rows[..count].iter().enumerate() {
        batch.first = index as u64;
        batch.rows[0] = *row;
        writer.take(&[], &batch, &[])?;
    }
    println!("        steps of one row: {:.1} ns a reading", begin.elapsed().as_nanos() as f64 / count as f64);
    Ok(())
}

fn play(devices: u32) -> (Vec<Declaration>, Vec<Reading>) {
    let settings = Settings { devices: Some(devices), ..Settings::new(Profile::Fleet) };
    let timing = Timing { late: Span::ZERO, arrival: false };
    let mut simulator = Simulator::new(&settings, timing).expect("the settings are good");
    let (mut names, mut rows) = (Names::new(), Rows::default());
    while rows.rows.len() < READINGS {
        simulator.next(&mut names, &mut rows).expect("the simulator never fails");
    }
    rows.rows.truncate(READINGS);
    (names.take_fresh(), rows.rows)
}
