//! Devices whose tags change in a live run: each leaves its group for another, from a place in the journal on.

use super::live::{Started, records, start_with};
use ouzel_connect::disk::Disk;
use ouzel_connect::source::live::{Ack, Fate, Mark, Packet};
use ouzel_engine::output::What;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Declaration, Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::config::{self, InForce};
use ouzel_pipeline::control::Order;
use ouzel_pipeline::journal::Record;
use ouzel_pipeline::live::Lake;
use ouzel_pipeline::stream::Stream;
use ouzel_pipeline::tables::TableConfig;
use std::path::Path;
use tokio::sync::oneshot;

const CONFIG: &str = r#"
[group.room]
by = "tag:room"

[feature.around]
on = "heat"
per = "room"
fresh = "1h"
give = ["count"]

[window.each]
over = "around.heat.count"
count = 1
give = ["last"]
"#;

fn read(folder: &Path, text: &str) -> (InForce, Vec<TableConfig>) {
    let read = config::read("test", text, folder);
    let config = read.config.clone().unwrap_or_else(|| panic!("{}", read.render_all(text)));
    (InForce::new(text, config.plan), config.tables)
}

fn started(disk: &Disk, now: i64) -> Started {
    start_with(disk, now, read(Path::new(""), CONFIG), "desk", Lake::None)
}

/// A message of a device that is in a room, or does not say where; recognised by its second, and told apart by what it says.
async fn say(run: &mut Started, name: &str, room: &str, second: i64, again: bool) -> Fate {
    let names = &mut run.voice.names;
    let tags = [("room", room)];
    let is_known = names.find_device(name).is_some();
    let device = names.device(name, Timing::default(), if room.is_empty() { &[] } else { &tags }).unwrap();
    if is_known && !room.is_empty() {
        names.say_again(device, vec![("room".to_owned(), room.to_owned())]);
    }
    let channel = names.channel("heat");
    let series = names.series(device, channel);
    let (tell, told) = oneshot::channel();
    let packet = Packet {
        declarations: names.take_fresh(),
        rows: vec![Reading::new(series, Time::from_secs(second), 20.0)],
        mark: Some(Mark { hash: second as u64, compare: again }),
        ack: Some(Ack::new(move |fate| assert_eq!(tell.send(fate), Ok(())))),
        ..Packet::default()
    };
    run.voice.to.send(packet).await.ok().unwrap();
    told.await.unwrap()
}

/// `room 2@3`: in this room two devices count at second 3, by a replay of the journal.
fn counted(disk: &Disk) -> Vec<String> {
    let mut stream = Stream::new(&read(Path::new(""), CONFIG).0.plan, 3);
    let mut outputs = Vec::new();
    for record in records(disk) {
        match record {
            Record::Stretch(journalled) => stream.step(&journalled.stretch, &mut outputs),
            Record::Control(control) => {
                if let Order::Retire { device, input } = control.what {
                    assert_eq!(control.by, "its tags");
                    let device = stream.names().find_device(&device).unwrap();
                    stream.retire(input, &[device], &mut outputs);
                }
            }
            _ => {}
        }
    }
    let count = |what: &What| match what {
        What::Aggregate(it) => {
            let room = stream.names().device_name(stream.names().of(it.series).0).to_owned();
            Some(format!("{room} {}@{}", it.max, it.end.0 / 1_000_000_000))
        }
        _ => None,
    };
    outputs.iter().filter_map(|output| count(&output.what)).collect()
}

/// The rooms of a device, as they are declared one after the other.
fn rooms(disk: &Disk, device: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for record in records(disk) {
        let Record::Stretch(journalled) = record else { continue };
        for declaration in &journalled.stretch.declarations {
            if let Declaration::Device { name, tags, .. } = declaration
                && name == device
            {
                rooms.extend(tags.iter().filter(|(key, _)| key == "room").map(|(_, value)| value.clone()));
            }
        }
    }
    rooms
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_to_another_room_counts_there_whenever_the_run_is_killed() {
    let disk = Disk::simulated();
    let mut run = started(&disk, 0);
    for second in 1..=4 {
        let place = if second > 2 { "hall" } else { "kitchen" };
        assert_eq!(say(&mut run, "a", "kitchen", second * 10, false).await, Fate::Kept);
        assert_eq!(say(&mut run, "b", place, second * 10 + 1, false).await, Fate::Kept);
        run.live.mover(&run.clock).advance(Span::from_secs(10)).await;
    }
    // A redelivery of what it said in the kitchen does not bring it back, nor does one that says nothing of rooms.
    assert_eq!(say(&mut run, "b", "kitchen", 21, true).await, Fate::Known);
    assert_eq!(say(&mut run, "b", "", 50, false).await, Fate::Kept);
    assert_eq!((run.live.counters.moved.get(), run.live.counters.unmoved.get()), (1, 0));
    let killed = disk.fork();
    killed.crash(7);
    let now = run.clock.now().0 / 1_000_000_000;
    run.live.stop().await.unwrap();
    // What is said last waits for what comes next.
    let was = ["room=kitchen 1@10", "room=kitchen 2@11", "room=kitchen 2@20", "room=kitchen 2@21", "room=hall 1@31"];
    let mut said = counted(&killed);
    said.sort_by_key(|said| said.rsplit('@').next().unwrap().parse::<i64>().unwrap());
    assert_eq!(said, was);
    assert_eq!(rooms(&killed, "b"), ["kitchen", "hall"]);
    // The next process knows where it is; its source says it anew, and that it is somewhere else when it is.
    let mut run = started(&killed, now);
    assert_eq!(say(&mut run, "b", "hall", 60, false).await, Fate::Kept);
    assert_eq!(run.live.counters.moved.get(), 0);
    assert_eq!(say(&mut run, "b", "kitchen", 70, false).await, Fate::Kept);
    assert_eq!(run.live.counters.moved.get(), 1);
    run.live.stop().await.unwrap();
    assert_eq!(rooms(&killed, "b"), ["kitchen", "hall", "kitchen"]);
}

/// Packets that stand in the queue together: each reading is of the room that its message names.
#[tokio::test(flavor = "multi_thread")]
async fn packets_that_came_before_a_move_are_of_the_room_before() {
    let disk = Disk::simulated();
    let run = started(&disk, 0);
    let mut names = Names::new();
    let device = names.device("a", Timing::default(), &[("room", "r0")]).unwrap();
    let channel = names.channel("heat");
    let series = names.series(device, channel);
    let mut told = Vec::new();
    for second in 0..40 {
        if second > 0 && second % 4 == 0 {
            names.say_again(device, vec![("room".to_owned(), format!("r{}", second / 4))]);
        }
        let (tell, heard) = oneshot::channel();
        told.push(heard);
        let packet = Packet {
            declarations: names.take_fresh(),
            rows: vec![Reading::new(series, Time::from_secs(second), 20.0)],
            ack: Some(Ack::new(move |fate| assert_eq!(tell.send(fate), Ok(())))),
            ..Packet::default()
        };
        run.voice.to.send(packet).await.ok().unwrap();
    }
    for told in told {
        assert_eq!(told.await, Ok(Fate::Kept));
    }
    assert_eq!(run.live.counters.moved.get(), 9);
    run.live.mover(&run.clock).advance(Span::from_secs(60)).await;
    run.live.stop().await.unwrap();
    // What is said last of a room waits for what comes next.
    let told = (0..40).filter(|second| second % 4 < 3);
    let expected: Vec<String> = told.map(|second| format!("room=r{} 1@{second}", second / 4)).collect();
    let mut said = counted(&disk);
    said.sort_by_key(|said| said.rsplit('@').next().unwrap().parse::<i64>().unwrap());
    assert_eq!(said, expected);
    drop(run.voice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_moves_the_devices_that_do_not_say_themselves_where_they_are() {
    let (disk, folder) = (Disk::simulated(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let write = |text: &str| std::fs::write(folder.join("rooms.csv"), text).unwrap();
    let text = format!("{CONFIG}\n[join.rooms]\ntable = \"rooms.csv\"\ntags = [\"room\"]\n");
    write("device,room\na,kitchen\nb,kitchen\nc,kitchen\n");
    let mut run = start_with(&disk, 0, read(folder, &text), "desk", Lake::None);
    say(&mut run, "a", "", 1, false).await;
    say(&mut run, "b", "cellar", 2, false).await;
    write("device,room\na,hall\nb,hall\nc,hall\n");
    let tables = |disk: &Disk| records(disk).iter().filter(|record| matches!(record, Record::Table(_))).count();
    for _ in 0..10_000 {
        if tables(&disk) == 2 {
            break;
        }
        run.live.mover(&run.clock).advance(Span::from_secs(1)).await;
    }
    say(&mut run, "a", "", 3, false).await;
    say(&mut run, "c", "", 4, false).await;
    assert_eq!(run.live.counters.moved.get(), 1);
    run.live.stop().await.unwrap();
    assert_eq!(rooms(&disk, "a"), ["kitchen", "hall"]);
    assert_eq!(rooms(&disk, "b"), ["cellar"]);
    assert_eq!(rooms(&disk, "c"), ["hall"]);
}
