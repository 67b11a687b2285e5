//! A live run from packet to output: what is acknowledged is kept, whatever happens, and a replay says the same.

use ouzel_connect::disk::Disk;
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::limit::Beyond;
use ouzel_connect::sink::live::{Delivered, Delivery, LiveSink};
use ouzel_connect::source::live::{Ack, Fate, LiveSource, Mark, Next, Packet};
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::{Span, Time};
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config::{self, DevicesConfig, InForce};
use ouzel_pipeline::control::Order;
use ouzel_pipeline::journal::{self, Follower, Record};
use ouzel_pipeline::live::notice::Notices;
use ouzel_pipeline::live::{Lake, Live, Logs, Parts, SinkPart, SinkWhat, SourcePart};
use ouzel_pipeline::queue::{QueueSettings, WhenFull};
use ouzel_pipeline::stream::Stream;
use ouzel_pipeline::tables::TableConfig;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const CONFIG: &str = r#"
[window.minute]
over = "heat"
size = "1m"
give = ["count", "mean", "max"]

[detector.hot]
type = "threshold"
on = "heat"
above = { warning = 30, critical = 50 }

[detector.gone]
type = "missing"
on = "heat"
silence = "30s"

[alert.hot]
on = ["hot", "gone"]
"#;

fn plan() -> Arc<Plan> {
    plan_of(CONFIG).plan
}

fn plan_of(text: &str) -> InForce {
    let read = config::read("test", text, Path::new(""));
    InForce::new(text, read.config.clone().unwrap_or_else(|| panic!("{}", read.render_all(text))).plan)
}

/// A source that the test speaks through.
struct Spoken(mpsc::Receiver<Packet>);

impl LiveSource for Spoken {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async { Ok(self.0.recv().await) })
    }
}

/// A device's voice: message `number` says `value` at second `number`, and is recognised by its number.
pub(super) struct Voice {
    pub(super) to: mpsc::Sender<Packet>,
    pub(super) names: Names,
}

impl Voice {
    fn new() -> (Voice, Spoken) {
        let (to, heard) = mpsc::channel(100);
        (Voice { to, names: Names::new() }, Spoken(heard))
    }

    pub(super) async fn say(&mut self, number: i64, value: f64, again: bool) -> oneshot::Receiver<Fate> {
        let device = self.names.device("oven", Timing::default(), &[("hall", "3")]).unwrap();
        let channel = self.names.channel("heat");
        let series = self.names.series(device, channel);
        let (tell, told) = oneshot::channel();
        let packet = Packet {
            declarations: self.names.take_fresh(),
            rows: vec![Reading::new(series, Time::from_secs(number), value)],
            mark: Some(Mark { hash: number as u64, compare: again }),
            ack: Some(Ack::new(move |fate| assert_eq!(tell.send(fate), Ok(())))),
            ..Packet::default()
        };
        self.to.send(packet).await.ok().unwrap();
        told
    }
}

struct Desk(Arc<Mutex<Vec<Delivery>>>);

impl LiveSink for Desk {
    fn deliver<'a>(&'a mut self, deliveries: &'a [Delivery]) -> Delivered<'a> {
        self.0.lock().unwrap().extend_from_slice(deliveries);
        Box::pin(async { Ok(()) })
    }
}

pub(super) struct Started {
    pub(super) live: Live,
    pub(super) voice: Voice,
    pub(super) delivered: Arc<Mutex<Vec<Delivery>>>,
    pub(super) clock: Clock,
}

pub(super) fn start(disk: &Disk, now: i64) -> Started {
    start_with(disk, now, (plan_of(CONFIG), Vec::new()), "desk", Lake::None)
}

pub(super) fn start_with(
    disk: &Disk,
    now: i64,
    (config, tables): (InForce, Vec<TableConfig>),
    desk: &str,
    lake: Lake,
) -> Started {
    let (voice, source) = Voice::new();
    let clock = Clock::manual(Time::from_secs(now));
    let delivered = Arc::default();
    let queue = QueueSettings { holds: 1_000, when_full: WhenFull::Block, spill: 0 };
    let live = Live::start(Parts {
        config,
        clock: clock.clone(),
        disk: disk.clone(),
        logs: Logs { sync: Duration::from_millis(1), ..Logs::new("journal") },
        devices: DevicesConfig { limit: 1_000, idle: None },
        tables,
        sources: vec![SourcePart {
            name: "floor".into(),
            source: Box::new(source),
            queue,
            eager: true,
            ahead: Span::from_secs(3_600),
        }],
        sinks: vec![SinkPart {
            name: desk.into(),
            take: vec![Noun::Alerts, Noun::Anomalies].into(),
            what: SinkWhat::Live { sink: Box::new(Desk(Arc::clone(&delivered))), at_most: None, beyond: Beyond::Wait },
        }],
        lake,
        reread: None,
        notices: Notices::new().0,
    });
    Started { live: live.unwrap(), voice, delivered, clock }
}

/// All that a journal has.
pub fn records(disk: &Disk) -> Vec<Record> {
    let mut follower = Follower::recorded(disk, Path::new("journal"), 0);
    let mut records = Vec::new();
    while let journal::Next::Record(record) = follower.next(Duration::ZERO).unwrap() {
        records.push(record);
    }
    records
}

/// What a journal says when it is replayed: its readings by time, and its outputs.
fn replay(disk: &Disk) -> (Vec<(Time, f64)>, Vec<Output>) {
    let mut stream = Stream::new(&plan(), 1);
    let (mut readings, mut outputs) = (Vec::new(), Vec::new());
    for record in records(disk) {
        let Record::Stretch(journalled) = record else { continue };
        let rows = &journalled.stretch.batch.rows;
        let ticks = journalled.stretch.ticks.iter().map(|(_, tick)| tick).collect::<Vec<_>>();
        readings.extend(rows.iter().filter(|row| !ticks.contains(row)).map(|row| (row.time, row.value)));
        stream.step(&journalled.stretch, &mut outputs);
    }
    (readings, outputs)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_in_the_journal_and_a_replay_of_it_says_the_same() {
    let disk = Disk::simulated();
    let Started { mut live, mut voice, delivered, clock } = start(&disk, 0);
    let mover = live.mover(&clock);
    for second in 0..90 {
        mover.advance(Span::from_secs(1)).await;
        let fate = voice.say(second, if second == 70 { 60.0 } else { 20.0 }, false).await;
        assert_eq!(fate.await, Ok(Fate::Kept));
        // Whatever the moment, a kill leaves what was acknowledged.
        if second % 17 == 0 {
            let killed = disk.fork();
            killed.crash(second as usize);
            assert_eq!(replay(&killed).0.len(), second as usize + 1);
        }
    }
    mover.advance(Span::from_secs(1)).await;
    let mut steps = live.steps.take().unwrap();
    live.stop().await.unwrap();
    let mut outputs = Vec::new();
    while let Some(step) = steps.recv().await {
        outputs.extend(step.outputs.iter().cloned());
    }
    assert!(outputs.iter().any(|output| matches!(output.what, What::Alert(_))));
    assert!(outputs.iter().any(|output| matches!(output.what, What::Aggregate(_))));
    // NaN is not equal to itself, and alerts have some.
    assert_eq!(format!("{outputs:?}"), format!("{:?}", replay(&disk).1));
    let nouns: Vec<Noun> = delivered.lock().unwrap().iter().map(|delivery| delivery.noun).collect();
    assert_eq!(nouns, [Noun::Anomalies, Noun::Alerts]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_a_redelivery_is_no_second_reading_and_nothing_is_told_twice() {
    let mut disk = Disk::simulated();
    let mut next = 0;
    let mut alerts = Vec::new();
    for round in 0..6 {
        let Started { live, mut voice, delivered, clock } = start(&disk, next);
        let mover = live.mover(&clock);
        // A sender that was not answered says it again, and some that were.
        for second in (next - 3).max(0)..next + 10 {
            let again = second < next;
            let fate = voice.say(second, if second % 20 == 5 { 60.0 } else { 20.0 }, again).await.await.unwrap();
            assert_eq!(fate, if again { Fate::Known } else { Fate::Kept }, "{second} in round {round}");
        }
        mover.advance(Span::from_secs(10)).await;
        next += 10;
        alerts.extend(delivered.lock().unwrap().iter().filter(|d| d.noun == Noun::Alerts).map(|d| d.key.clone()));
        // A kill: what is on the disk now is all that is left.
        let killed = disk.fork();
        killed.crash(round);
        live.stop().await.unwrap();
        disk = killed;
    }
    let (readings, outputs) = replay(&disk);
    assert_eq!(
        readings.iter().map(|(time, _)| *time).collect::<Vec<_>>(),
        (0..60).map(Time::from_secs).collect::<Vec<_>>()
    );
    assert!(outputs.iter().all(|output| !matches!(output.what, What::Late(_))));
    let mut unique = alerts.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), alerts.len(), "an alert was told twice");
    let said = outputs.iter().filter(|output| matches!(output.what, What::Alert(_))).count();
    assert_eq!(alerts.len(), said);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_was_silent_while_we_were_away() {
    let disk = Disk::simulated();
    let Started { live, mut voice, .. } = start(&disk, 100);
    voice.say(100, 20.0, false).await.await.unwrap();
    live.stop().await.unwrap();
    // An hour later. The device may take its 30 s from here.
    let Started { live, delivered, clock, .. } = start(&disk, 3_700);
    let mover = live.mover(&clock);
    mover.advance(Span::from_secs(30)).await;
    assert_eq!(delivered.lock().unwrap().len(), 0);
    mover.advance(Span::from_secs(2)).await;
    live.stop().await.unwrap();
    let said: Vec<Noun> = delivered.lock().unwrap().iter().map(|delivery| delivery.noun).collect();
    assert_eq!(said, [Noun::Anomalies, Noun::Alerts]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_is_kept_and_comes_back_after_a_restart() {
    let disk = Disk::simulated();
    let Started { live, clock, .. } = start(&disk, 0);
    let order = Order::Acknowledge { alert: "a".into(), note: "on my way".into() };
    live.controls.say(order.clone(), "ann").await.unwrap();
    drop(clock);
    live.stop().await.unwrap();
    let Started { mut live, clock, .. } = start(&disk, 10);
    live.mover(&clock).advance(Span::from_secs(1)).await;
    let mut steps = live.steps.take().unwrap();
    live.stop().await.unwrap();
    let mut said = Vec::new();
    while let Some(step) = steps.recv().await {
        said.extend(step.controls.iter().map(|control| control.what.clone()));
    }
    assert_eq!(said, [order, Order::Start]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silenced_alert_is_not_told_again_but_its_end_is() {
    let disk = Disk::simulated();
    let Started { mut live, mut voice, delivered, clock } = start(&disk, 0);
    let mover = live.mover(&clock);
    let told = || -> Vec<String> {
        let all = delivered.lock().unwrap();
        let alerts = all.iter().filter(|delivery| delivery.noun == Noun::Alerts);
        let state = |json: &str| json.split("\"state\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let severity = |json: &str| json.split("\"severity\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        alerts.map(|delivery| format!("{} {}", state(&delivery.json), severity(&delivery.json))).collect()
    };
    voice.say(0, 40.0, false).await.await.unwrap();
    mover.advance(Span::from_secs(1)).await;
    let mut steps = live.steps.take().unwrap();
    let mut identity = None;
    while identity.is_none() {
        let step = steps.recv().await.unwrap();
        let mut names = Names::new();
        step.stretch.declarations.iter().for_each(|declaration| names.follow(declaration));
        let plan = plan();
        let book = ouzel_connect::encode::Book { names: &names, plan: &plan };
        identity = step.outputs.iter().find_map(|output| match &output.what {
            What::Alert(alert) => Some(ouzel_connect::encode::identity(alert, &book).to_string()),
            _ => None,
        });
    }
    let order = Order::Silence { alert: identity.unwrap(), until: Time::from_secs(3_600) };
    live.controls.say(order, "ann").await.unwrap();
    // It gets worse, and then it is over.
    voice.say(1, 60.0, false).await.await.unwrap();
    voice.say(2, 20.0, false).await.await.unwrap();
    for second in 3..320 {
        voice.say(second, 20.0, false).await.await.unwrap();
        mover.advance(Span::from_secs(1)).await;
    }
    live.stop().await.unwrap();
    assert_eq!(told(), ["firing warning", "cleared critical"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detector_that_was_added_watches_devices_that_were_known_before() {
    let disk = Disk::simulated();
    let Started { live, mut voice, .. } = start(&disk, 0);
    voice.say(0, 20.0, false).await.await.unwrap();
    live.stop().await.unwrap();
    let more = format!(
        "{CONFIG}\n[detector.warm]\ntype = \"threshold\"\non = \"minute.heat.mean\"\nabove = 25\n[alert.warm]\non = \"warm\"\n"
    );
    let Started { live, mut voice, delivered, clock } =
        start_with(&disk, 60, (plan_of(&more), Vec::new()), "desk", Lake::None);
    let mover = live.mover(&clock);
    for second in [61, 70, 121] {
        voice.say(second, 28.0, false).await.await.unwrap();
    }
    mover.advance(Span::from_secs(1)).await;
    live.stop().await.unwrap();
    let said = delivered.lock().unwrap();
    assert!(said.iter().any(|delivery| delivery.json.contains("\"detector\":\"warm\"")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sink_begins_with_what_comes_now() {
    let disk = Disk::simulated();
    let Started { live, mut voice, delivered, clock } = start(&disk, 0);
    voice.say(0, 60.0, false).await.await.unwrap();
    live.mover(&clock).advance(Span::from_secs(1)).await;
    live.stop().await.unwrap();
    assert_eq!(delivered.lock().unwrap().len(), 2);
    let Started { live, mut voice, delivered, clock } =
        start_with(&disk, 10, (plan_of(CONFIG), Vec::new()), "other", Lake::None);
    let mover = live.mover(&clock);
    mover.advance(Span::from_secs(1)).await;
    assert_eq!(delivered.lock().unwrap().len(), 0);
    voice.say(11, 20.0, false).await.await.unwrap();
    voice.say(12, 60.0, false).await.await.unwrap();
    mover.advance(Span::from_secs(1)).await;
    live.stop().await.unwrap();
    assert!(!delivered.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_ends_the_run_and_nobody_is_told_that_it_is_kept() {
    let disk = Disk::simulated();
    let Started { live, mut voice, .. } = start(&disk, 0);
    voice.say(0, 20.0, false).await.await.unwrap();
    // The next sync is the last that is tried: writing still works.
    disk.fail_syncs();
    let fate = voice.say(1, 20.0, false).await;
    assert!(fate.await.is_err(), "the sender has to hear nothing, and to send again");
    while !live.is_broken() {
        tokio::task::yield_now().await;
    }
    let why = live.stop().await.unwrap_err();
    assert!(why.what.contains("journal"), "{why}");
}

#[cfg(feature = "parquet")]
#[tokio::test(flavor = "multi_thread")]
async fn a_lake_goes_on_behind_what_it_has_where_the_journal_was_removed() {
    let disk = Disk::simulated();
    let lake = || Lake::Files(ouzel_lake::LakeSettings::new("lake"));
    for round in 0..3 {
        let Started { live, mut voice, .. } =
            start_with(&disk, round * 100, (plan_of(CONFIG), Vec::new()), "desk", lake());
        for second in 0..10 {
            voice.say(round * 100 + second, 20.0, false).await.await.unwrap();
        }
        let reader = live.lake.clone().unwrap();
        live.stop().await.unwrap();
        assert_eq!(reader.rows_kept(), (round as u64 + 1) * 10);
        for file in disk.files(Path::new("journal")).unwrap() {
            disk.remove(&file).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_time_of_its_own_is_not_late_because_it_stood_in_a_queue() {
    let disk = Disk::simulated();
    let Started { mut live, mut voice, clock, .. } = start(&disk, 0);
    let mover = live.mover(&clock);
    let timing = Timing { arrival: true, ..Timing::default() };
    let device = voice.names.device("gate", timing, &[]).unwrap();
    let channel = voice.names.channel("heat");
    let series = voice.names.series(device, channel);
    for second in 0..5 {
        // Stamped long before the ticks that have come by now.
        let packet = Packet {
            declarations: voice.names.take_fresh(),
            rows: vec![Reading::new(series, Time::from_secs(second), 60.0)],
            ..Packet::default()
        };
        voice.to.send(packet).await.unwrap();
        mover.advance(Span::from_secs(3)).await;
    }
    let mut steps = live.steps.take().unwrap();
    live.stop().await.unwrap();
    let mut late = 0;
    while let Some(step) = steps.recv().await {
        late += step.outputs.iter().filter(|output| matches!(output.what, What::Late(_))).count();
    }
    assert_eq!(late, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_to_a_filter_hears_it_in_records_with_a_tick_too() {
    let text = "[filter.warm]\non = \"heat\"\nwhen = \"heat > 20\"\n
[window.minute]\nover = \"warm.heat\"\nsize = \"1m\"\n";
    let disk = Disk::simulated();
    let Started { mut live, mut voice, clock, .. } =
        start_with(&disk, 0, (plan_of(text), Vec::new()), "desk", Lake::None);
    let mover = live.mover(&clock);
    live.taps.send_replace(Arc::from(["warm".to_owned()]));
    // From the next record on somebody listens.
    mover.advance(Span::from_secs(1)).await;
    let mut steps = live.steps.take().unwrap();
    let (mut said, mut heard, mut together) = (0, 0, false);
    while !together && said < 2_000 {
        said += 1;
        // Whether the reading and the second come into one record is up to the threads; at some time they do.
        let fate = voice.say(said, 21.0, false).await;
        clock.advance(Span::from_secs(1));
        assert_eq!(fate.await, Ok(Fate::Kept));
        mover.advance(Span::from_millis(100)).await;
        while let Ok(step) = steps.try_recv() {
            heard += step.tapped.0.len() as i64;
            together |= !step.stretch.ticks.is_empty() && !step.tapped.0.is_empty();
        }
    }
    assert!(together);
    mover.advance(Span::from_secs(2)).await;
    live.stop().await.unwrap();
    while let Some(step) = steps.recv().await {
        heard += step.tapped.0.len() as i64;
    }
    assert_eq!(heard, said);
}
