//! The thread that writes checkpoints, so that the one that works need not wait for a disk.
//!
//! The worker gives the state a section at a time, no more than a few of them in memory; this thread writes, syncs both
//! logs' ends, names the file, and says what of the journal is free by it.

use super::Common;
use super::held::Held;
use super::notice::Notices;
use crate::checkpoint::{Draft, Moment, Part, Store};
use crate::counters::Counters;
use crate::reserve::Reserve;
use crate::runner::Runner;
use ouzel_connect::disk::DiskFile;
use ouzel_connect::fault::{Fault, Retry};
use ouzel_engine::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Sections on their way.
const SECTIONS: usize = 2;

/// What the worker gives.
enum Leaf {
    Begin(u64),
    Section(Part, Vec<u8>),
    /// Of which moment it was, and the output log's file, which is to be durable first.
    Keep(Box<Moment>, DiskFile),
    /// It cannot be made after all.
    Drop,
}

/// When checkpoints are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Often {
    /// After this time, if anything came.
    pub every: Duration,
    /// After so many bytes of journal.
    pub after: u64,
}

/// The worker's end.
pub(super) struct Saves {
    to: SyncSender<Leaf>,
    busy: Arc<AtomicBool>,
    often: Often,
    last: Instant,
    /// Where the journal stood then.
    position: u64,
    counters: Arc<Counters>,
}

/// The thread's end.
pub(super) struct Saver {
    pub(super) store: Store,
    pub(super) held: Arc<Held>,
    pub(super) reserve: Arc<Reserve>,
    /// What is set aside beside room for a checkpoint.
    pub(super) aside: u64,
    pub(super) counters: Arc<Counters>,
    pub(super) notices: Notices,
    from: Receiver<Leaf>,
    busy: Arc<AtomicBool>,
}

/// Both ends; the worker goes on from `position`.
pub(super) fn pair(store: Store, position: u64, reserve: &Arc<Reserve>, common: &Common) -> (Saves, Saver) {
    let (to, from) = sync_channel(SECTIONS);
    let busy = Arc::new(AtomicBool::new(false));
    let saver = Saver {
        store,
        held: Arc::clone(&common.held),
        reserve: Arc::clone(reserve),
        aside: common.logs.reserve,
        counters: Arc::clone(&common.counters),
        notices: common.notices.clone(),
        from,
        busy: Arc::clone(&busy),
    };
    let (often, counters) = (common.logs.checkpoints, Arc::clone(&common.counters));
    (Saves { to, busy, often, last: Instant::now(), position, counters }, saver)
}

impl Saves {
    /// Makes a checkpoint, if it is time and the last one is done.
    pub(super) fn perhaps(&mut self, runner: &mut Runner, at: Time) {
        let came = runner.position().saturating_sub(self.position);
        let due = came >= self.often.after || came > 0 && self.last.elapsed() >= self.often.every;
        if due && !self.busy.load(Ordering::Acquire) {
            self.save(runner, at);
        }
    }

    /// Makes a checkpoint now, unless nothing came since the last.
    pub(super) fn last(mut self, runner: &mut Runner, at: Time) {
        if runner.position() > self.position {
            self.save(runner, at);
        }
    }

    fn save(&mut self, runner: &mut Runner, at: Time) {
        let began = Instant::now();
        self.busy.store(true, Ordering::Release);
        (self.last, self.position) = (began, runner.position());
        // Where the thread has ended it said why, and there is nobody to save for.
        let _ = self.to.send(Leaf::Begin(runner.position()));
        let moment = runner.save(at, |part, bytes| {
            let _ = self.to.send(Leaf::Section(part, bytes.to_vec()));
            Ok(())
        });
        let last = match (moment, runner.outputs().handle()) {
            (Ok(moment), Ok(outputs)) => Leaf::Keep(Box::new(moment), outputs),
            _ => Leaf::Drop,
        };
        let _ = self.to.send(last);
        self.counters.checkpoint_pause.record(began.elapsed(), 1);
    }
}

impl Saver {
    /// Runs until the worker has gone.
    pub(super) fn run(mut self) -> Result<(), Fault> {
        let mut draft: Option<Draft> = None;
        let mut told = false;
        while let Ok(leaf) = self.from.recv() {
            let done = match leaf {
                Leaf::Begin(position) => self.store.begin(position).map(|begun| draft = Some(begun)),
                Leaf::Section(part, bytes) => match &mut draft {
                    Some(draft) => self.store.add(draft, part, &bytes),
                    None => Ok(()),
                },
                Leaf::Keep(moment, outputs) => {
                    // Where a section could not be written, that was said.
                    let kept = draft.take().map(|draft| self.keep(draft, *moment, &outputs));
                    self.busy.store(false, Ordering::Release);
                    if matches!(kept, Some(Ok(()))) && std::mem::take(&mut told) {
                        self.notices.note("checkpoints can be written again");
                    }
                    kept.unwrap_or(Ok(()))
                }
                Leaf::Drop => {
                    draft.take().iter().for_each(|draft| self.store.drop_draft(draft));
                    self.busy.store(false, Ordering::Release);
                    Ok(())
                }
            };
            if let Err(fault) = &done
                && fault.retry == Retry::Never
            {
                // The output log could not be synced: nobody knows what is on the disk.
                return done;
            }
            if let Err(fault) = done {
                draft.take().iter().for_each(|draft| self.store.drop_draft(draft));
                // The next one finds the room that was set aside.
                self.reserve.open();
                if !std::mem::replace(&mut told, true) {
                    self.notices.warn(format!("{fault}; the journal is kept from the last checkpoint on"));
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, draft: Draft, moment: Moment, outputs: &DiskFile) -> Result<(), Fault> {
        let at = moment.at;
        let sync = || {
            outputs.sync().map_err(|error| super::deliver::ours(&format!("the output log cannot be synced: {error}")))
        };
        let written = self.store.keep(draft, moment, sync)?;
        self.counters.checkpoints.add(1);
        self.counters.checkpoint_bytes.add(written);
        self.counters.checkpoint_us.set(at.0 / 1_000);
        if let Some(oldest) = self.store.oldest() {
            self.held.set_checkpoint(oldest);
        }
        if !self.held.is_full() {
            let size = self.store.newest().map_or(0, |(_, size)| size);
            self.reserve.resize(self.aside + size);
        }
        Ok(())
    }
}
