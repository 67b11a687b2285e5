//! The start of a run: what was left is found, and every part gets its place, those who listen before those who speak.

use super::entry::{Bounds, Entry, Quarantine, Watching};
use super::held::{Held, Places};
use super::mover::ring_on_advance;
use super::roll::Roll;
use super::save;
use super::sinks::Running;
use super::work::{Watch, Work};
use super::{Common, Live, Parts, SinkPart, SourcePart, keep, spawn};
use crate::control::Controls;
use crate::counted::Counted;
use crate::counters::{Counters, SinkCounters, SourceCounters};
use crate::journal::Follower;
use crate::live::notice::Notices;
use crate::queue::Bell;
use crate::reserve::Reserve;
use crate::runner::{Recovered, Report, Where, recover};
use crate::wants::Wants;
use ouzel_connect::fault::Fault;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// Steps that a page may be behind before readings are left out for it.
const STEPS: usize = 256;

/// Changes that wait for the intake.
const CHANGES: usize = 16;

fn counters_of(sources: &[SourcePart], sinks: &[SinkPart]) -> Counters {
    let source = |part: &SourcePart| SourceCounters { name: part.name.clone(), ..SourceCounters::default() };
    let sink = |part: &SinkPart| SinkCounters { name: part.name.clone(), ..SinkCounters::default() };
    Counters {
        sources: sources.iter().map(source).collect(),
        sinks: sinks.iter().map(sink).collect(),
        ..Counters::default()
    }
}

impl Live {
    /// Starts everything. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the journal, the lake or a sink's cursor cannot be opened.
    pub fn start(parts: Parts) -> Result<Live, Fault> {
        let Parts { config, clock, disk, logs, devices, tables, sources, sinks, lake, reread, notices } = parts;
        let place =
            Where { disk: disk.clone(), folder: logs.folder.clone(), journal: logs.journal, outputs: logs.outputs };
        let Recovered { mut runner, mut known, journal, store, position, end, report, lock } =
            recover(&place, &config, reread)?;
        tell(&report, &notices);
        let counters = Arc::new(counters_of(&sources, &sinks));
        let stopping = Arc::new(AtomicBool::new(false));
        let held = Arc::new(Held::new(store.oldest()));
        let common = Common { config, clock, disk, logs, counters, held, notices, stopping };
        let mut threads = Vec::new();
        let bell = Arc::new(Bell::default());
        let (controls, said) = Controls::new(common.clock.clone(), Arc::clone(&bell));
        let plan = Arc::clone(runner.plan());
        let roll = Roll::new(std::mem::take(&mut known.names));
        let (to_lake, lake) = match keep::start(&common, lake, &plan, &roll, &controls, &mut known.next_number)? {
            Some(kept) => {
                threads.push(kept.thread);
                (Some(kept.way), Some(kept.reader))
            }
            None => (None, None),
        };
        let size = store.newest().map_or(0, |(_, size)| size);
        let reserve = Arc::new(Reserve::new(&common.disk, &common.logs.folder, common.logs.reserve + size));
        let (saves, saver) = save::pair(store, position, &reserve, &common);
        threads.push(spawn("checkpoints", move || saver.run())?);
        let (stand, readers) = (runner.outputs().stand(), runner.outputs().readers());
        let wants = |part: &SinkPart| Wants::new(&part.name, &part.take, part.people(), runner.plan());
        let wants = sinks.iter().map(wants).collect();
        runner.wants(wants);
        let mut running = Running::default();
        for (index, part) in sinks.into_iter().enumerate() {
            running.start(&common, part, index, &readers, &roll, &stand)?;
        }
        let (to_watch, steps) = mpsc::channel(STEPS);
        let (to_work, changed_sinks) = mpsc::channel(1);
        let (looks, looked) = watch::channel(Arc::from([]));
        let (taps, heard) = watch::channel(Arc::from([]));
        let work = Work {
            follower: Follower::of(&journal.readers(), position),
            runner,
            clock: common.clock.clone(),
            end,
            saves,
            lake: to_lake,
            watch: Watch { to: Some(to_watch), owed: None, looks: looked, taps: heard, tapped: Vec::new() },
            held: Arc::clone(&common.held),
            reserve: Arc::clone(&reserve),
            counters: Arc::clone(&common.counters),
            notices: common.notices.clone(),
            changes: changed_sinks,
            change: None,
            controls: controls.clone(),
            idle: devices.idle,
            looked: Instant::now(),
            earlier: Counted::default(),
            stop: Arc::clone(&common.stopping),
        };
        threads.push(spawn("work", move || work.run())?);
        let retired: HashSet<_> =
            known.remembered.retired().iter().filter_map(|name| roll.read().find_device(name)).collect();
        let (to_intake, changes) = mpsc::channel(CHANGES);
        let mut live = Live {
            counters: Arc::clone(&common.counters),
            controls,
            steps: Some(steps),
            looks,
            taps,
            lake,
            common,
            bell,
            roll,
            readers,
            to_intake,
            to_work,
            places: Places::default(),
            threads,
            sinks: running,
            sources: Vec::new(),
        };
        known.remembered.each_place(|source, file, to| live.places.set(source, file, to));
        let started = sources.into_iter().enumerate();
        let feeds = started.map(|(index, part)| live.start_source(part, index, devices)).collect();
        let common = &live.common;
        let entry = Entry {
            config: common.config.clone(),
            clock: common.clock.clone(),
            sync: common.logs.sync,
            journal,
            bounds: Bounds { holds: common.logs.journal.bound, keep: common.logs.keep },
            reserve,
            held: Arc::clone(&common.held),
            places: live.places.clone(),
            bell: Arc::clone(&live.bell),
            feeds,
            roll: live.roll.clone(),
            devices,
            remembered: known.remembered,
            next_number: known.next_number,
            text: known.text,
            retired,
            stand_ins: 0,
            said,
            changes,
            counters: Arc::clone(&common.counters),
            notices: common.notices.clone(),
            stop: Arc::clone(&common.stopping),
            quarantine: Quarantine::default(),
            tables: Watching::new(tables, known.tables),
            full: None,
            broken: None,
            _lock: lock,
        };
        ring_on_advance(&common.clock, &live.bell);
        live.threads.push(spawn("intake", move || entry.run())?);
        Ok(live)
    }
}

/// Says what was found.
fn tell(report: &Report, notices: &Notices) {
    if report.torn > 0 {
        let torn = report.torn;
        notices.note(format!("the journal's last {torn} bytes were torn by a stop in their midst, and were cut"));
    }
    if report.cut > 0 {
        let cut = report.cut;
        notices.note(format!(
            "the last {cut} bytes of the output log were torn or damaged, and come again from the journal"
        ));
    }
    if report.damaged > 0 {
        notices.warn(format!("{} bytes of the journal are damaged and were skipped", report.damaged));
    }
    if report.ahead > 0 {
        notices.warn(format!(
            "the journal ends {} inputs before the output log does: its end is lost, and with it their readings",
            report.ahead
        ));
    }
    for damage in &report.damages {
        let after = damage.after.map_or("its begin".to_owned(), |time| time.to_string());
        notices.warn(format!("lost with them: what arrived between {after} and {}", damage.before));
    }
    if report.lost > 0 {
        notices.warn(format!(
            "{} readings of the journal are left out: the names of their series were in what is damaged",
            report.lost
        ));
    }
    for why in &report.skipped {
        notices.warn(format!("a checkpoint cannot be used: {why}; an older one is"));
    }
    if report.forgotten {
        notices.warn("no checkpoint can be used: state begins anew where the journal begins");
    }
    if let Some(why) = &report.unreadable {
        notices.warn(format!("the config that was in force cannot be read by this ouzel; the new one is used: {why}"));
    }
}
