//! The sinks of a run, each behind the output log at its own pace.

use super::behind::Behind;
use super::cursor::{Cursor, Reached};
use super::deliver::{self, Deliverer};
use super::record::{Pen, Recorder, overtaken};
use super::roll::Roll;
use super::{Common, SinkPart, SinkWhat, fault, joined, spawn};
use crate::log::Readers;
use crate::outputs::Stand;
use crate::wants::Wants;
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Take;
use ouzel_connect::sink::dead::{self, DeadLetters};
use ouzel_connect::sink::limit::Gate;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// What the command's own sink is called.
pub(super) const WITNESS: &str = "witness";

/// The sinks that run.
#[derive(Default)]
pub(super) struct Running(Vec<One>);

/// A sink that runs.
struct One {
    name: String,
    take: Take,
    /// It was given by the command, and no config has it.
    given: bool,
    thread: JoinHandle<Result<(), Fault>>,
    task: Option<tokio::task::JoinHandle<()>>,
    /// It is to end where it stands.
    leave: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
}

impl Running {
    /// Waits until all have come to the end of the log, or have been stopped before it.
    pub(super) async fn end(self) -> Result<(), Fault> {
        // After this, what fails is not tried again.
        for one in &self.0 {
            let _ = one.stop.send(true);
        }
        let mut first = Ok(());
        for One { thread, task, .. } in self.0 {
            if let Some(task) = task {
                let _ = task.await;
            }
            let ended = tokio::task::spawn_blocking(move || joined(thread));
            first = first.and(ended.await.unwrap_or_else(|error| Err(fault(&error.to_string()))));
        }
        first
    }

    /// The sinks that no config has, and what they take.
    pub(super) fn kept(&self) -> impl Iterator<Item = (&str, &Take)> {
        self.0.iter().filter(|one| one.given).map(|one| (one.name.as_str(), &one.take))
    }

    /// Ends all but these where they stand, and gives the names of those that were ended.
    pub(super) async fn leave(&mut self, keep: &BTreeSet<&str>) -> Vec<String> {
        let mut gone = Vec::new();
        let (stay, leave) =
            std::mem::take(&mut self.0).into_iter().partition(|one| one.given || keep.contains(&*one.name));
        self.0 = stay;
        let leave: Vec<One> = leave;
        for One { name, thread, task, leave, stop, .. } in leave {
            leave.store(true, Ordering::Relaxed);
            let _ = stop.send(true);
            if let Some(task) = task {
                let _ = task.await;
            }
            // What it has to say it has said in its notices.
            let _ = tokio::task::spawn_blocking(move || joined(thread)).await;
            gone.push(name);
        }
        gone
    }

    /// Starts a sink behind the output log, which stands at `stand`: one that is new begins there.
    pub(super) fn start(
        &mut self,
        common: &Common,
        part: SinkPart,
        index: usize,
        readers: &Readers,
        roll: &Roll,
        stand: &Stand,
    ) -> Result<(), Fault> {
        let SinkPart { name, take, what } = part;
        let people = matches!(what, SinkWhat::Live { .. });
        let given = matches!(&what, SinkWhat::Now(_)) && name == WITNESS;
        let (leave, (stop, stopped)) = (Arc::new(AtomicBool::new(false)), watch::channel(false));
        let wants = Wants::new(&name, &take, people, &common.config.plan);
        let owed = stand.owed.get(&name).copied().unwrap_or_default();
        let (next, journal) = (stand.place, stand.journal);
        let now = Reached { next, journal, done: owed, progress: Vec::new() };
        common.counters.sinks[index].owed.set(owed as i64);
        let (pen, live) = match what {
            SinkWhat::Files(settings) => (Some(Pen::Files(settings)), None),
            SinkWhat::Now(sink) => (Some(Pen::Given(sink)), None),
            SinkWhat::Live { sink, at_most, beyond } => (None, Some((sink, at_most, beyond))),
        };
        let (cursor, found) = match &pen {
            Some(Pen::Given(_)) => (None, false),
            _ => {
                let (cursor, found, said) = Cursor::open(&common.disk, &common.logs.folder, &name, now.clone())?;
                if !found && said.is_none() && owed > 0 {
                    common.notices.warn(format!(
                        "sink `{name}`: its cursor is gone, though there were outputs for it; what was not delivered before \
                         this start is not"
                    ));
                }
                said.into_iter().for_each(|what| common.notices.warn(format!("sink `{name}`: {what}")));
                (Some(cursor), found)
            }
        };
        let from = cursor.as_ref().map_or(now, |cursor| cursor.reached().clone());
        common.counters.sinks[index].handled.set(from.done as i64);
        let (counters, notices) = (Arc::clone(&common.counters), common.notices.clone());
        let (readers, roll, config) = (readers.clone(), roll.clone(), common.config.clone());
        if let Some(pen) = pen {
            let ending = Arc::clone(&common.stopping);
            let recorder = Recorder {
                name: name.clone(),
                pen,
                cursor,
                from,
                readers,
                wants,
                roll,
                config,
                counters,
                index,
                notices,
                stop: ending,
                leave: Arc::clone(&leave),
                found,
            };
            let (word, heard) = (name.clone(), common.notices.clone());
            let thread = spawn(&name, move || {
                let ended = recorder.run();
                ended.inspect_err(|fault| heard.warn(format!("sink `{word}` has ended, until the next start: {fault}")))
            })?;
            self.0.push(One { name, take, given, thread, task: None, leave, stop });
        } else if let (Some((sink, at_most, beyond)), Some(cursor)) = (live, cursor) {
            let (to, due) = mpsc::channel(deliver::AHEAD);
            let behind = Behind::new(&readers, wants, roll, config, &from)?;
            let lost = {
                let (counters, notices, name) = (Arc::clone(&counters), notices.clone(), name.clone());
                move |lost: u64| {
                    counters.sinks[index].dropped.add(lost);
                    notices.warn(overtaken(&name, lost));
                }
            };
            let heard = notices.clone();
            let (word, gone) = (name.clone(), Arc::clone(&leave));
            let thread = spawn(&name, move || {
                let ended = deliver::read(behind, &from, &to, lost, &heard, &gone);
                ended.inspect_err(|fault| heard.warn(format!("sink `{word}` has ended, until the next start: {fault}")))
            })?;
            let dead = DeadLetters::open(&common.disk, &common.logs.folder, &name, dead::BOUND);
            let dead =
                dead.map_err(|error| notices.warn(format!("sink `{name}`: no dead letters can be kept: {error}")));
            let deliverer = Deliverer {
                name: name.clone(),
                sink,
                due,
                gate: Gate::new(at_most, beyond),
                dead: dead.ok(),
                cursor,
                clock: common.clock.clone(),
                counters,
                index,
                notices,
                stop: stopped,
                ends: None,
                began: Instant::now(),
                read: VecDeque::new(),
                troubles: Vec::new(),
                told: false,
            };
            let task = Some(tokio::spawn(deliverer.run()));
            self.0.push(One { name, take, given, thread, task, leave, stop });
        }
        Ok(())
    }
}
