//! The thread that keeps the lake.
//!
//! It takes what the working thread hands on, and writes files now and then. While it is busy the other waits, for all of
//! it comes from the journal and nothing is lost; but where the lake has no room at all it says so, and is left behind.

use super::roll::Roll;
use super::work::LakeWay;
use super::{Common, Lake, spawn};
use crate::clock::Clock;
use crate::control::{Controls, Order};
use crate::counters::Counters;
use crate::live::held::Held;
use crate::live::notice::Notices;
use crate::step::Step;
use crate::trouble::Trouble;
use ouzel_connect::fault::{Fault, Retry};
use ouzel_engine::plan::Plan;
use ouzel_engine::time::Time;
use ouzel_lake::{LakeReader, LakeWriter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Steps that the lake may be behind before the working thread waits for it.
const STEPS: usize = 16;

/// A lake that is kept.
pub(super) struct Kept {
    pub(super) thread: JoinHandle<Result<(), Fault>>,
    pub(super) way: LakeWay,
    pub(super) reader: LakeReader,
}

/// Opens a lake and starts its thread. `next` is the number of the next input; where the lake has later ones it is moved
/// behind them, or the lake would take what comes for what it has.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn start(
    common: &Common,
    lake: Lake,
    plan: &Arc<Plan>,
    roll: &Roll,
    controls: &Controls,
    next: &mut u64,
) -> Result<Option<Kept>, Fault> {
    let plan = Arc::clone(plan);
    let in_files = matches!(lake, Lake::Files(_));
    let (writer, reader) = match lake {
        Lake::Files(settings) => {
            LakeWriter::open_with(&common.disk, &settings.dir.clone(), plan, Some(roll.share()), settings)?
        }
        Lake::Memory(settings) => LakeWriter::in_memory_with(plan, Some(roll.share()), settings),
        Lake::None => return Ok(None),
    };
    if writer.kept() > *next {
        common.notices.warn("the lake has more than the journal, which was removed or cut; it goes on behind that");
        *next = writer.kept();
    }
    let kept = writer.kept();
    if in_files {
        common.held.set_lake(kept);
    }
    let (to, steps) = sync_channel(STEPS);
    let stuck = Arc::new(AtomicBool::new(false));
    let way = LakeWay { to, stuck: Arc::clone(&stuck), kept, behind: false };
    let keeper = Keeper {
        writer,
        clock: common.clock.clone(),
        counters: Arc::clone(&common.counters),
        reader: reader.clone(),
        notices: common.notices.clone(),
        held: Arc::clone(&common.held),
        in_files,
        controls: controls.clone(),
        trouble: None,
        stuck,
        stop: Arc::clone(&common.stopping),
    };
    let thread = spawn("lake", move || keeper.run(&steps))?;
    Ok(Some(Kept { thread, way, reader }))
}

/// How often the lake looks whether files are to be written.
const TICK: Duration = Duration::from_secs(1);

struct Keeper {
    writer: LakeWriter,
    clock: Clock,
    counters: Arc<Counters>,
    reader: LakeReader,
    notices: Notices,
    held: Arc<Held>,
    in_files: bool,
    controls: Controls,
    /// Since when people know that there is no room.
    trouble: Option<Time>,
    /// Up while there is no room.
    stuck: Arc<AtomicBool>,
    /// The run is to end.
    stop: Arc<AtomicBool>,
}

impl Keeper {
    fn run(mut self, steps: &Receiver<Arc<Step>>) -> Result<(), Fault> {
        let mut told = None;
        loop {
            let kept = match steps.recv_timeout(TICK) {
                Ok(step) => self.keep(&step, &mut told),
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => return self.writer.finish(),
            };
            self.tell(kept, &mut told);
            if self.in_files {
                self.held.set_lake(self.writer.kept());
            }
            self.counters.lake_files.set(self.reader.files() as i64);
            self.counters.lake_readings.set(self.reader.rows_kept() as i64);
        }
    }

    /// Takes a step, and rolls files where it is time. What the lake has no room for waits here, and the journal holds
    /// what comes behind it.
    fn keep(&mut self, step: &Step, told: &mut Option<String>) -> Result<(), Fault> {
        if let Some(config) = &step.config {
            let written = self.writer.plan(Arc::clone(&config.plan));
            self.tell(written, told);
        }
        let stretch = &step.stretch;
        while let Err(fault) = self.writer.take(&stretch.declarations, &stretch.batch, &step.outputs) {
            if fault.retry == Retry::Never || self.stop.load(Ordering::Relaxed) {
                return Err(fault);
            }
            self.stuck.store(true, Ordering::Relaxed);
            let now = self.clock.now();
            if self.trouble.is_none() && self.mention(fault.to_string(), now, false) {
                self.trouble = Some(now);
            }
            self.tell(Err(fault), told);
            std::thread::sleep(TICK);
            // A failed roll is tried again by this.
            let _ = self.writer.tick(self.clock.now());
        }
        self.stuck.store(false, Ordering::Relaxed);
        if let Some(since) = self.trouble
            && self.mention("the lake can be written again".to_owned(), since, true)
        {
            self.trouble = None;
        }
        if step.past { Ok(()) } else { self.tick() }
    }

    /// Rolls files where it is time. Not while the disk is full: the room that is left there is for the journal.
    fn tick(&mut self) -> Result<(), Fault> {
        if self.held.is_full() { Ok(()) } else { self.writer.tick(self.clock.now()) }
    }

    /// Tells people of trouble by way of the journal; says whether it was taken.
    fn mention(&self, what: String, since: Time, over: bool) -> bool {
        let trouble = Trouble { part: "lake".to_owned(), what, since, at: self.clock.now(), over };
        self.controls.mention(Order::Trouble(trouble), "ouzel")
    }

    /// The same trouble is told once, not once a second.
    fn tell(&self, kept: Result<(), Fault>, told: &mut Option<String>) {
        let trouble = kept.err().map(|fault| fault.to_string());
        if let Some(what) = trouble.as_ref().filter(|_| trouble != *told) {
            self.notices.warn(format!("the lake: {what}"));
        }
        *told = trouble;
    }
}
