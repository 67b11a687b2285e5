//! Tables of joins in a live run: a file that changes takes effect from a place in the journal on, and one that is bad changes
//! nothing.

use super::live::{Started, records, start_with};
use ouzel_connect::disk::Disk;
use ouzel_connect::source::live::Fate;
use ouzel_engine::output::{Output, What};
use ouzel_engine::series::Names;
use ouzel_engine::time::Span;
use ouzel_pipeline::config::{self, Config, DevicesConfig, InForce};
use ouzel_pipeline::journal::{Next, Record, Tabled};
use ouzel_pipeline::live::{Lake, Live, Reload, Same};
use ouzel_pipeline::outputs::{Entry, Heard, Listener};
use ouzel_pipeline::runner::recorded;
use std::path::Path;
use std::time::Duration;

const CONFIG: &str = r#"
[join.limits]
table = "limits.csv"
on = "heat"
give = ["high"]
tags = ["room"]

[filter.hot]
on = "heat"
when = "heat > limits.heat.high"

[window.peaks]
over = "hot.heat"
count = 1
give = ["last"]
"#;

fn read(folder: &Path, text: &str) -> (Config, InForce) {
    let read = config::read("test", text, folder);
    let config = read.config.clone().unwrap_or_else(|| panic!("{}", read.render_all(text)));
    let in_force = InForce::new(text, config.plan.clone());
    (config, in_force)
}

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("limits.csv"), text).unwrap();
}

fn started(disk: &Disk, now: i64, folder: &Path, text: &str) -> Started {
    let (config, in_force) = read(folder, text);
    start_with(disk, now, (in_force, config.tables), "desk", Lake::None)
}

/// The versions of tables that the journal has, by how many rows they have.
fn versions(disk: &Disk) -> Vec<Tabled> {
    let tables = records(disk).into_iter().filter_map(|record| match record {
        Record::Table(tabled) => Some(tabled),
        _ => None,
    });
    tables.collect()
}

/// The values that the window of the hot ones has said.
fn hot(outputs: &[Output]) -> Vec<f64> {
    let values = outputs.iter().filter_map(|output| match &output.what {
        What::Aggregate(aggregate) => Some(aggregate.max),
        _ => None,
    });
    values.collect()
}

fn said(disk: &Disk) -> Vec<f64> {
    let mut listener = Listener::recorded(disk, Path::new("journal"));
    let mut all = Vec::new();
    while let Heard::Entry(entry) = listener.next(Duration::ZERO).unwrap() {
        if let Entry::Said(said) = *entry {
            all.extend(hot(&said.outputs));
        }
    }
    all
}

/// Lets time pass until something is so; files are read by a thread of their own.
async fn until(started: &Started, so: impl Fn() -> bool) {
    let mover = started.live.mover(&started.clock);
    for _ in 0..10_000 {
        if so() {
            return;
        }
        mover.advance(Span::from_secs(1)).await;
    }
    panic!("it never was so");
}

async fn say(started: &mut Started, number: i64, value: f64) {
    assert_eq!(started.voice.say(number, value, false).await.await, Ok(Fate::Kept));
}

async fn stop(live: Live) {
    live.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changes_is_in_force_from_a_place_on_and_one_that_is_bad_changes_nothing() {
    let (disk, folder) = (Disk::simulated(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    write(folder, "device,high,room\noven,30,kitchen\n");
    let mut run = started(&disk, 0, folder, CONFIG);
    say(&mut run, 1, 40.0).await;
    write(folder, "device,high,room\noven,50,kitchen\nbelt,1,hall\n");
    until(&run, || versions(&disk).len() == 2).await;
    say(&mut run, 2, 41.0).await;
    say(&mut run, 3, 51.0).await;
    write(folder, "device,high,room\noven,warm,kitchen\n");
    let told = |run: &Started, word: &str| {
        run.delivered
            .lock()
            .unwrap()
            .iter()
            .any(|delivery| delivery.json.contains("\"device\":\"join limits\"") && delivery.json.contains(word))
    };
    until(&run, || told(&run, "is not a number; the version before stays in force")).await;
    say(&mut run, 4, 42.0).await;
    let now = run.clock.now().0 / 1_000_000_000;
    stop(run.live).await;
    // The file is bad at the start, too: what the journal has is in force.
    let mut run = started(&disk, now, folder, CONFIG);
    say(&mut run, 5, 43.0).await;
    say(&mut run, 6, 52.0).await;
    write(folder, "device,high,room\noven,20,kitchen\n");
    until(&run, || told(&run, "can be read again")).await;
    say(&mut run, 7, 21.0).await;
    // A file that is only written again is no other version.
    write(folder, "device,high,room\noven,20,kitchen\n\n");
    for _ in 0..10 {
        run.live.mover(&run.clock).advance(Span::from_secs(1)).await;
    }
    stop(run.live).await;
    let versions = versions(&disk);
    assert_eq!(versions.iter().map(|tabled| tabled.table.rows()).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(said(&disk), [40.0, 51.0, 52.0, 21.0]);
    // A replay of the journal joins each reading to what was in force when it came, whatever the file says now.
    write(folder, "nothing of the kind");
    let (_, in_force) = read(folder, CONFIG);
    let (mut stream, mut follower) = recorded(&disk, Path::new("journal"), &in_force).unwrap();
    let mut outputs = Vec::new();
    while let Next::Record(record) = follower.next(Duration::ZERO).unwrap() {
        match record {
            Record::Stretch(journalled) => stream.step(&journalled.stretch, &mut outputs),
            Record::Table(tabled) => stream.take_table(&tabled.join, &tabled.table),
            _ => {}
        }
    }
    assert!(hot(&outputs).ends_with(&[21.0]), "{outputs:?}");
    assert_eq!(stream.counted().joins(&in_force.plan)[0].missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_outlives_the_journal_before_it_in_the_checkpoint() {
    let (disk, folder) = (Disk::simulated(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    write(folder, "device,high,room\noven,30,kitchen\n");
    let mut run = started(&disk, 0, folder, CONFIG);
    say(&mut run, 1, 40.0).await;
    stop(run.live).await;
    // The start goes on from the checkpoint, which stands behind the record; the file is gone.
    std::fs::remove_file(folder.join("limits.csv")).unwrap();
    let mut run = started(&disk, 10, folder, CONFIG);
    say(&mut run, 11, 31.0).await;
    say(&mut run, 12, 29.0).await;
    stop(run.live).await;
    assert_eq!(said(&disk), [40.0, 31.0]);
    assert_eq!(versions(&disk).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_reads_tables_again_and_brings_those_of_new_joins_with_the_config() {
    let (disk, folder) = (Disk::simulated(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    write(folder, "device,high,low,room\noven,30,10,kitchen\n");
    let mut run = started(&disk, 0, folder, CONFIG);
    say(&mut run, 1, 40.0).await;
    write(folder, "device,high,low,room\noven,50,10,kitchen\n");
    let reload = |text: &str| {
        let (config, in_force) = read(folder, text);
        let same = Same { name: "desk".into(), take: Vec::new().into(), people: true };
        Reload {
            config: in_force,
            devices: DevicesConfig { limit: 1_000, idle: None },
            tables: config.tables,
            sources: (Vec::new(), ["floor".to_owned()].into()),
            sinks: (Vec::new(), vec![same]),
        }
    };
    run.live.reload(reload(CONFIG)).await.unwrap();
    say(&mut run, 2, 41.0).await;
    let other = CONFIG.replace("heat > limits.heat.high", "heat < limits.heat.low").replace("[\"high\"]", "[\"low\"]");
    run.live.reload(reload(&other)).await.unwrap();
    say(&mut run, 3, 60.0).await;
    say(&mut run, 4, 9.0).await;
    // Without the join there is no table, and its room in the checkpoint is free.
    let none = "[window.peaks]\nover = \"heat\"\ncount = 1\ngive = [\"last\"]\n";
    run.live.reload(reload(none)).await.unwrap();
    say(&mut run, 5, 1.0).await;
    stop(run.live).await;
    assert_eq!(said(&disk), [40.0, 9.0, 1.0]);
    let rows: Vec<usize> = versions(&disk).iter().map(|tabled| tabled.table.rows()).collect();
    assert_eq!(rows, [1, 1, 1, 0]);
    let mut names = Names::new();
    for record in records(&disk) {
        if let Record::Stretch(journalled) = record {
            journalled.stretch.declarations.iter().for_each(|declaration| names.follow(declaration));
        }
    }
    let tags: Vec<&str> = names.device_tags(names.find_device("oven").unwrap()).iter().map(|tag| &*tag.1).collect();
    assert_eq!(tags, ["3", "kitchen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_is_pointed_at_a_file_that_is_not_there_does_not_go_on_with_the_one_before() {
    let (disk, folder) = (Disk::simulated(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    write(folder, "device,high,room\noven,30,kitchen\n");
    let mut run = started(&disk, 0, folder, CONFIG);
    say(&mut run, 1, 40.0).await;
    let (config, in_force) = read(folder, &CONFIG.replace("limits.csv", "other.csv"));
    let same = Same { name: "desk".into(), take: Vec::new().into(), people: true };
    let reload = Reload {
        config: in_force,
        devices: DevicesConfig { limit: 1_000, idle: None },
        tables: config.tables,
        sources: (Vec::new(), ["floor".to_owned()].into()),
        sinks: (Vec::new(), vec![same]),
    };
    run.live.reload(reload).await.unwrap();
    say(&mut run, 2, 41.0).await;
    std::fs::write(folder.join("other.csv"), "device,high,room\noven,20,kitchen\n").unwrap();
    until(&run, || versions(&disk).len() == 3).await;
    say(&mut run, 3, 42.0).await;
    stop(run.live).await;
    let rows: Vec<usize> = versions(&disk).iter().map(|tabled| tabled.table.rows()).collect();
    assert_eq!((said(&disk), rows), (vec![40.0, 42.0], vec![1, 0, 1]));
}
