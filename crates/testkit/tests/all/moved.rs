//! Devices whose tags change on the way: each leaves its group for another, at the same reading however the input is cut.

use super::laws::{DEVICES, STEP, Sent, any_plan, arrived, config, same, span, stream};
use super::meet::meetings;
use ouzel_connect::fault::Fault;
use ouzel_connect::source::{Retold, Rows, Source};
use ouzel_engine::checkpoint::Checkpoint;
use ouzel_engine::output::What;
use ouzel_engine::plan::*;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::intake::{Intake, Stretch};
use ouzel_pipeline::stream::Stream;
use ouzel_testkit::play::{Outcome, threaded};
use proptest::prelude::*;
use std::sync::Arc;

const HALLS: [&str; 2] = ["north", "south"];

/// Readings of devices that go to the other hall and back; told as decoders tell it.
#[derive(Clone)]
struct Moving {
    sent: Vec<Sent>,
    /// Before this row this device goes.
    moves: Vec<(usize, usize)>,
    late: i64,
    at_once: usize,
    next: usize,
    /// The halls that each is in, and that it has told.
    halls: [(usize, usize); DEVICES.len()],
}

impl Moving {
    fn new(sent: &[Sent], moves: &[(usize, usize)], late: i64, at_once: usize) -> Moving {
        let halls = std::array::from_fn(|device| (device % 2, usize::MAX));
        Moving { sent: sent.to_vec(), moves: moves.to_vec(), late, at_once, next: 0, halls }
    }

    fn stretches(&self, plan: &Arc<Plan>) -> Vec<Stretch> {
        let mut intake = Intake::new(Arc::clone(plan), vec![Box::new(self.clone())]);
        std::iter::from_fn(|| intake.next_stretch().unwrap()).collect()
    }

    fn play(&self, plan: &Arc<Plan>, shards: usize) -> Outcome {
        let (mut stream, mut outputs) = (Stream::new(plan, shards), Vec::new());
        self.stretches(plan).iter().for_each(|stretch| stream.step(stretch, &mut outputs));
        Outcome::of(plan, stream.names(), &outputs, &[])
    }

    /// Stopped behind so many stretches, and gone on with on other shards.
    fn play_with_stop(&self, plan: &Arc<Plan>, stop: f64, (before, after): (usize, usize)) -> Outcome {
        let (mut stream, mut outputs) = (Stream::new(plan, before), Vec::new());
        let stretches = self.stretches(plan);
        let stop = (stop * stretches.len() as f64) as usize;
        stretches[..stop].iter().for_each(|stretch| stream.step(stretch, &mut outputs));
        let bytes = stream.save().to_bytes();
        let mut stream = Stream::resume(plan, after, &Checkpoint::from_bytes(&bytes).unwrap()).unwrap();
        assert!(stream.save().to_bytes() == bytes, "saving what was just loaded gives other bytes");
        stretches[stop..].iter().for_each(|stretch| stream.step(stretch, &mut outputs));
        Outcome::of(plan, stream.names(), &outputs, &[])
    }
}

impl Source for Moving {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let until = self.sent.len().min(self.next + self.at_once);
        for (index, sent) in (self.next..until).zip(&self.sent[self.next..until]) {
            for &(_, device) in self.moves.iter().filter(|(row, _)| *row == index) {
                self.halls[device].0 = 1 - self.halls[device].0;
            }
            let timing = Timing { late: span(self.late), arrival: false };
            let (hall, told) = &mut self.halls[sent.device];
            let tags = [("hall", HALLS[*hall])];
            let device = names.device(DEVICES[sent.device], timing, &tags).unwrap();
            if hall != told && *told != usize::MAX {
                let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
                into.retold.push(Retold { row: into.rows.len() as u32, device, tags });
            }
            *told = *hall;
            let channel = names.channel(["x", "y"][sent.channel]);
            let series = names.series(device, channel);
            into.rows.push(Reading::new(series, Time(sent.time * STEP), sent.value));
        }
        let more = self.next < until;
        self.next = until;
        Ok(more)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn batches_shards_threads_and_stops_change_nothing_when_devices_move(
        sent in stream(12), plan in prop_oneof![1 => any_plan(), 2 => meetings(span(20))], late in 0i64..8,
        moves in prop::collection::vec((0usize..120, 0..DEVICES.len()), 1..12),
        at_once in 1usize..30, shards in 1usize..6, after in 1usize..6, stop in 0f64..1.0,
    ) {
        let (plan, sent) = (Arc::new(plan), arrived(&sent));
        let moving = |at_once| Moving::new(&sent, &moves, late, at_once);
        let straight = moving(1_000).play(&plan, 1);
        same("batches of one", &straight, &moving(1).play(&plan, 1))?;
        same(&format!("batches of {at_once} on {shards} shards"), &straight, &moving(at_once).play(&plan, shards))?;
        same("a stop", &straight, &moving(at_once).play_with_stop(&plan, stop, (shards, after)))?;
        let sources: Vec<Box<dyn Source>> = vec![Box::new(moving(at_once))];
        same("threads", &straight, &threaded(&plan, (sources, Vec::new()), shards).unwrap())?;
    }

    /// Two inputs that are read as one, each with devices that move.
    #[test]
    fn blocks_change_nothing_where_two_inputs_have_devices_that_move(
        sent in stream(0), plan in meetings(span(20)), moves in prop::collection::vec((0usize..120, 0..DEVICES.len()), 1..12), at_once in 1usize..30,
    ) {
        let plan = Arc::new(plan);
        let play = |at_once: usize| {
            let of = |odd: usize| {
                let own: Vec<Sent> = sent.iter().filter(|sent| sent.device % 2 == odd).copied().collect();
                Box::new(Moving::new(&own, &moves, 3, at_once)) as Box<dyn Source>
            };
            let mut intake = Intake::new(Arc::clone(&plan), vec![of(0), of(1)]);
            let (mut stream, mut outputs) = (Stream::new(&plan, 2), Vec::new());
            while let Some(stretch) = intake.next_stretch().unwrap() {
                stream.step(&stretch, &mut outputs);
            }
            Outcome::of(&plan, stream.names(), &outputs, &[]).anywhere().into_iter().map(str::to_owned).collect::<Vec<String>>()
        };
        let (blocks, one) = (play(at_once), play(1));
        prop_assert!(blocks == one, "{blocks:#?}\n{one:#?}");
    }
}

/// The count of devices of each hall, as readings come in.
#[test]
fn who_goes_to_another_hall_counts_there_from_its_next_reading_on() {
    let (fresh, idle) = (Span::from_secs(3_600), Span::from_secs(1));
    let give = vec![AmongGiven { name: "count".to_owned(), what: Among::Count }];
    let spec = AmongSpec { per: Per::Tag("hall".to_owned()), give, fresh, min: 1, idle };
    let operator = Operator { name: "all".to_owned(), on: vec!["x".to_owned()], work: Work::Among(spec) };
    let said = vec!["all.x.count".to_owned()];
    let plan = Arc::new(Plan { operators: vec![operator], said, ..Plan::default() });
    let sent = |time: i64, device: usize| Sent { device, channel: 0, time, delay: 0, value: 20.0 };
    let rounds = [0, 1, 2, 3].map(|round| [0, 1, 2, 3].map(|device| sent(round * 40 + device as i64 * 4, device)));
    // The third goes to the south before the third round, and back before the fourth.
    let moving = Moving::new(rounds.as_flattened(), &[(8, 2), (12, 2)], 0, 5);
    let (mut stream, mut outputs) = (Stream::new(&plan, 3), Vec::new());
    let stretches = moving.stretches(&plan);
    assert_eq!(stretches.iter().filter(|stretch| stretch.moved.is_some()).count(), 2);
    let mut counts = std::collections::BTreeMap::<String, Vec<f64>>::new();
    for stretch in &stretches {
        outputs.clear();
        stream.step(stretch, &mut outputs);
        for output in &outputs {
            if let What::Reading(reading) = &output.what {
                let device = stream.names().device_name(stream.names().of(reading.reading.series).0).to_owned();
                counts.entry(device).or_default().push(reading.reading.value);
            }
        }
    }
    let north = vec![1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 2.0];
    let south = vec![1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 2.0, 2.0];
    assert_eq!(counts.get("hall=north"), Some(&north), "{counts:?}");
    assert_eq!(counts.get("hall=south"), Some(&south), "{counts:?}");
}
