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
use ouzel_connect::sink::dead::{self, DeadLetters};
use ouzel_connect::sink::limit::Gate;
use ouzel_engine::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The threads and tasks of sinks that run.
#[derive(Default)]
pub(super) struct Running {
    threads: Vec<JoinHandle<Result<(), Fault>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Waits until all have come to the end of the log, or have been stopped before it.
    pub(super) async fn end(self) -> Result<(), Fault> {
        for task in self.tasks {
            let _ = task.await;
        }
        let threads = self.threads;
        let ended = tokio::task::spawn_blocking(move || {
            let mut first = Ok(());
            for thread in threads {
                first = first.and(joined(thread));
            }
            first
        });
        ended.await.unwrap_or_else(|error| Err(fault(&error.to_string())))
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
        let wants = Wants::new(&name, &take, people, &common.config.plan);
        let owed = stand.owed.get(&name).copied().unwrap_or_default();
        let (next, journal) = (stand.place, stand.journal);
        let now = Reached { next, journal, done: owed, trouble: Time::MIN, progress: Vec::new() };
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
            let stop = Arc::clone(&common.stopping);
            let thread = name.clone();
            let recorder = Recorder {
                name,
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
                stop,
                found,
            };
            self.threads.push(spawn(&thread, move || recorder.run())?);
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
            self.threads.push(spawn(&name, move || deliver::read(behind, &from, &to, lost, &heard))?);
            let dead = DeadLetters::open(&common.disk, &common.logs.folder, &name, dead::BOUND);
            let dead =
                dead.map_err(|error| notices.warn(format!("sink `{name}`: no dead letters can be kept: {error}")));
            let deliverer = Deliverer {
                name,
                sink,
                due,
                gate: Gate::new(at_most, beyond),
                dead: dead.ok(),
                cursor,
                clock: common.clock.clone(),
                counters,
                index,
                notices,
                stop: common.stopped.clone(),
                ends: None,
                began: Instant::now(),
                read: VecDeque::new(),
                told: false,
            };
            self.tasks.push(tokio::spawn(deliverer.run()));
        }
        Ok(())
    }
}
