//! What comes at the edge in the wrong order: messages that came before, and clocks that are ahead.

use super::live::{Started, Voice, start};
use ouzel_connect::disk::Disk;
use ouzel_connect::source::Numbered;
use ouzel_connect::source::live::{Ack, Fate, Packet};
use ouzel_engine::output::What;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::Timing;
use ouzel_engine::time::{Span, Time};
use tokio::sync::oneshot;

/// A message of a device with two channels, at a second; with a number of its own or without.
async fn say(voice: &mut Voice, device: &str, number: Option<u64>, second: i64) -> Fate {
    let device = voice.names.device(device, Timing::default(), &[]).unwrap();
    let rows: Vec<Reading> = ["heat", "load"]
        .map(|channel| {
            let channel = voice.names.channel(channel);
            Reading::new(voice.names.series(device, channel), Time::from_secs(second), 20.0)
        })
        .to_vec();
    let numbered = number.map(|number| Numbered { row: 0, count: 2, number, timed: true });
    let (tell, told) = oneshot::channel();
    let packet = Packet {
        declarations: voice.names.take_fresh(),
        rows,
        numbered: numbered.into_iter().collect(),
        ack: Some(Ack::new(move |fate| assert_eq!(tell.send(fate), Ok(())))),
        ..Packet::default()
    };
    voice.to.send(packet).await.ok().unwrap();
    told.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_came_before_is_acknowledged_and_not_taken_again_whatever_was_stopped_between() {
    let disk = Disk::simulated();
    let mut read = 0;
    for life in 0..3 {
        let Started { live, mut voice, .. } = start(&disk, 100);
        // The same ten again, and one that is new.
        for number in 0..=10 + life {
            let fate = say(&mut voice, "press", Some(number), number as i64).await;
            assert_eq!(fate, Fate::Kept);
        }
        // Another device counts for itself, and who does not count is always heard.
        say(&mut voice, "oven", Some(3), 200 + life as i64).await;
        say(&mut voice, "lamp", None, 3).await;
        let counters = std::sync::Arc::clone(&live.counters);
        live.stop().await.unwrap();
        let source = &counters.sources[0];
        let again = if life == 0 { 0 } else { 2 * (10 + life) };
        assert_eq!(source.duplicates.get(), again, "life {life}");
        assert_eq!(counters.journalled.get(), source.passed.get() - again);
        read += counters.journalled.get();
    }
    assert_eq!(read, 2 * (11 + 1 + 1 + 3 + 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_years_ahead_moves_nobodys_time_and_people_hear_of_it_once() {
    let disk = Disk::simulated();
    let Started { mut live, mut voice, delivered, clock } = start(&disk, 1_000);
    let mover = live.mover(&clock);
    let year = 365 * 24 * 3_600;
    let why = "their time lies too far ahead of the clock here";
    for second in 0..5 {
        assert_eq!(say(&mut voice, "press", None, 1_000 + second).await, Fate::Kept);
        let fate = say(&mut voice, "wrong", Some(7), 3 * year + second).await;
        assert_eq!(fate, Fate::Partly { aside: 2, why });
        mover.advance(Span::from_secs(1)).await;
    }
    let quarantine = live.counters.quarantine.get();
    assert_eq!((quarantine.len(), live.counters.quarantined.get()), (1, 1));
    assert_eq!((&*quarantine[0].device, &*quarantine[0].source), ("wrong", "floor"));
    assert_eq!(quarantine[0].since, Time::from_secs(1_000));
    assert_eq!(live.counters.sources[0].ahead.get(), 10);
    // It is set right: its readings are taken, and after a minute people hear that it is over.
    for second in 1_005..1_075 {
        assert_eq!(say(&mut voice, "wrong", Some(second as u64), second).await, Fate::Kept);
        mover.advance(Span::from_secs(1)).await;
    }
    assert_eq!(live.counters.quarantined.get(), 0);
    let mut steps = live.steps.take().unwrap();
    live.stop().await.unwrap();
    while let Some(step) = steps.recv().await {
        assert!(step.outputs.iter().all(|output| !matches!(output.what, What::Late(_))), "nobody's watermark moved");
        assert!(step.stretch.batch.rows.iter().all(|row| row.time < Time::from_secs(2_000)));
    }
    let told: Vec<String> = delivered.lock().unwrap().iter().map(|delivery| delivery.json.clone()).collect();
    let told: Vec<&String> = told.iter().filter(|json| json.contains("clocks of source")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("firing") && told[0].contains("device `wrong`") && told[1].contains("cleared"),
        "{told:?}"
    );
}
