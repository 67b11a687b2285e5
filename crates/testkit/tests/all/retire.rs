//! What must hold when devices are retired and come back.

use super::laws::{any_plan, arrived, config, one, plan_of_each_device, same, source, span, stream};
use super::meet::meetings;
use ouzel_engine::output::{State, What};
use ouzel_engine::plan::*;
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Device, Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::intake::Stretch;
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::lives::{AGAIN, Lives, Return};
use ouzel_testkit::play::{Recorded, first_difference};
use proptest::prelude::*;
use std::sync::Arc;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn batches_shards_and_stops_change_nothing_when_devices_retire(
        sent in stream(12), plan in prop_oneof![2 => any_plan(), 1 => meetings(span(20))], late in 0i64..8, retired in prop::collection::vec((0usize..150, 0usize..8), 1..12),
        rows in 1usize..30, shards in 1usize..6, after in 1usize..6, stop in 0f64..1.0,
    ) {
        let (plan, sent) = (Arc::new(plan), arrived(&sent));
        let lives = Lives::of(&Recorded::of(&plan, source(&sent, late, 7)).unwrap(), &retired, Return::AsItself);
        let straight = lives.play(&plan, usize::MAX, 1);
        same("batches of one", &straight, &lives.play(&plan, 1, 1))?;
        same(&format!("batches of {rows} on {shards} shards"), &straight, &lives.play(&plan, rows, shards))?;
        let stop = (stop * lives.inputs() as f64) as usize;
        for stop in [stop, lives.inputs()] {
            let resumed = lives.play_with_stop(&plan, stop, shards, after).map_err(TestCaseError::fail)?;
            same(&format!("a stop before input {stop}, {shards} shards, then {after}"), &straight, &resumed)?;
        }
    }

    /// Nothing of its former life is left, and nothing that it leaves behind gets into the life of another.
    #[test]
    fn a_device_that_comes_back_is_as_new(
        sent in stream(12), plan in plan_of_each_device(), late in 0i64..8, retired in prop::collection::vec((0usize..150, 0usize..8), 1..12),
    ) {
        let (plan, sent) = (Arc::new(plan), arrived(&sent));
        let recorded = Recorded::of(&plan, source(&sent, late, 7)).unwrap();
        let said = |back| Lives::of(&recorded, &retired, back).play(&plan, usize::MAX, 3).text.replace(AGAIN, "");
        let sorted = |text: String| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n")
        };
        let (itself, new) = (sorted(said(Return::AsItself)), sorted(said(Return::AsSomebodyNew)));
        prop_assert!(itself == new, "another life:\n{}", first_difference(&new, &itself));
    }
}

/// One device that is too hot, with a window and an alert over it.
struct Hot {
    stream: Stream,
    names: Names,
    number: u64,
}

impl Hot {
    fn new(shards: usize) -> Hot {
        let window = WindowSpec::time(span(20), span(20), &[Statistic::Count]);
        let on = vec!["heat".to_owned()];
        let operators = vec![
            Operator { name: "minute".to_owned(), on: on.clone(), work: Work::Window(window) },
            Operator { name: "hot".to_owned(), on, work: Work::Threshold(one(80.0)) },
        ];
        let alert = AlertRule {
            name: "heat".to_owned(),
            on: vec!["hot".to_owned()],
            severity: None,
            hold: Span::ZERO,
            clear: Span::from_secs(300),
            warm_up: 0,
            say: String::new(),
            send: Vec::new(),
        };
        let plan = Arc::new(Plan { operators, alerts: vec![alert], ..Plan::default() });
        Hot { stream: Stream::new(&plan, shards), names: Names::new(), number: 0 }
    }

    /// A device says a value at a second. What comes out, in a word each.
    fn says(&mut self, device: &str, second: i64, value: f64) -> Vec<String> {
        let device = self.names.device(device, Timing::default(), &[]).unwrap();
        let channel = self.names.channel("heat");
        let series = self.names.series(device, channel);
        // The clock of the stream comes to the same second.
        let tick = Reading::data_tick(Time::from_secs(second));
        let rows = vec![tick, Reading::new(series, Time::from_secs(second), value)];
        let (batch, ticks) = (Batch { first: self.number, rows, offsets: Vec::new() }, vec![(self.number, tick)]);
        self.number += 2;
        let mut outputs = Vec::new();
        let stretch = Stretch { declarations: self.names.take_fresh(), batch, ticks, ..Stretch::default() };
        self.stream.step(&stretch, &mut outputs);
        outputs.iter().map(|output| word(&output.what)).collect()
    }

    fn retire(&mut self, device: u32) -> Vec<String> {
        let mut outputs = Vec::new();
        self.stream.retire(self.number, &[Device(device)], &mut outputs);
        self.number += 1;
        outputs.iter().map(|output| word(&output.what)).collect()
    }
}

fn word(what: &What) -> String {
    match what {
        What::Aggregate(aggregate) => format!("{} readings", aggregate.count),
        What::Alert(alert) => format!("{} after {}", alert.state.name(), alert.lasted()),
        What::Anomaly(_) => "anomaly".to_owned(),
        What::Late(_) => "late".to_owned(),
        What::Over(_) | What::Part(_) => "over".to_owned(),
        What::Filtered(_) => "filtered".to_owned(),
        What::Reading(_) => "reading".to_owned(),
    }
}

#[test]
fn what_a_retired_device_has_open_is_given_and_its_alert_is_over() {
    let mut hot = Hot::new(3);
    assert_eq!(hot.says("boiler", 1, 90.0), ["anomaly", "firing after 0s"]);
    assert_eq!(hot.says("ant", 2, 95.0), ["anomaly", "firing after 0s"]);
    assert_eq!(hot.says("boiler", 4, 91.0), [""; 0]);
    let open: Vec<_> = hot.stream.open_alerts().iter().map(|alert| (alert.state, alert.count, alert.time)).collect();
    assert_eq!(open, [(State::Firing, 1, Time::from_secs(1)), (State::Firing, 1, Time::from_secs(2))]);
    assert_eq!(hot.retire(0), ["2 readings", "cleared after 3s"]);
    assert_eq!(hot.stream.open_alerts().len(), 1);
    assert_eq!(hot.retire(0), [""; 0], "it is gone already");
}

#[test]
fn readings_of_a_retired_device_are_counted_until_it_is_declared_again() {
    let mut hot = Hot::new(2);
    hot.says("boiler", 1, 20.0);
    assert_eq!(hot.retire(0), ["1 readings"]);
    assert_eq!(hot.says("boiler", 1_000, 99.0), [""; 0]);
    assert_eq!(hot.stream.strays(), 1);
    let again = Stretch { declarations: hot.names.declarations_of(Device(0)), ..Stretch::default() };
    hot.stream.step(&again, &mut Vec::new());
    // Earlier than what it said in its former life: it has a clock of its own again.
    assert_eq!(hot.says("boiler", 0, 99.0), ["anomaly", "firing after 0s"]);
    // It lives: declared once more, nothing changes.
    hot.stream.step(&again, &mut Vec::new());
    assert_eq!(hot.says("boiler", 3, 99.0), [""; 0]);
    assert_eq!(hot.retire(0), ["2 readings", "cleared after 16m40s"], "the clock of the stream stands at 1 000 s");
    assert_eq!(hot.stream.strays(), 1);
}

#[test]
fn a_snapshot_leaves_retired_devices_out() {
    let mut hot = Hot::new(2);
    let none = hot.stream.save().slots;
    hot.says("boiler", 1, 20.0);
    hot.says("ant", 1, 20.0);
    let both = hot.stream.save().slots.len();
    hot.retire(0);
    hot.retire(1);
    assert_eq!((none.len(), both), (0, 2));
    assert_eq!(hot.stream.save().slots, none);
    assert_eq!(hot.stream.names().device_count(), 2, "names and numbers are kept");
}

/// A fleet that changes all the time takes the room of its largest moment.
#[test]
fn the_room_of_retired_devices_is_used_again() {
    let mut hot = Hot::new(1);
    let mut bytes = Vec::new();
    for round in 0..40 {
        for device in 0..10 {
            hot.says(&format!("d{round}-{device}"), i64::from(round * 10 + device), 20.0);
        }
        bytes.push(hot.stream.bytes());
        (round * 10..round * 10 + 10).for_each(|device| drop(hot.retire(device as u32)));
    }
    // The table from the stream's numbers to places grows by eight bytes a device, rounded up by its doubling.
    let grown = bytes[39] - bytes[0];
    assert!(grown <= 400 * 8 * 2, "{grown} bytes more after 40 rounds: {bytes:?}");
}
