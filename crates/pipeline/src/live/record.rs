//! Drives a sink that is a file or standard output: a thread that reads the output log from the sink's cursor on.
//!
//! The cursor says how large each file was; after a kill they are cut to that and go on, so that every row is there once.
//! A sink without a cursor (standard output, a witness) is told what comes out from now on.

use super::behind::{Behind, Chunk};
use super::cursor::{Cursor, Reached};
use super::notice::Notices;
use super::roll::Roll;
use crate::config::InForce;
use crate::counters::Counters;
use crate::log::Readers;
use crate::outputs::{Place, Said};
use crate::wants::Wants;
use ouzel_connect::encode::Book;
use ouzel_connect::fault::{Fault, Retry};
use ouzel_connect::sink::{self, Sink, SinkSettings};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is written to.
pub(super) enum Pen {
    /// Files that go on after a restart.
    Files(SinkSettings),
    /// What this process alone writes to.
    Given(Box<dyn Sink>),
}

/// See the head of this file.
pub(super) struct Recorder {
    pub(super) name: String,
    pub(super) pen: Pen,
    pub(super) cursor: Option<Cursor>,
    pub(super) from: Reached,
    pub(super) readers: Readers,
    pub(super) wants: Wants,
    pub(super) roll: Roll,
    pub(super) config: InForce,
    pub(super) counters: Arc<Counters>,
    pub(super) index: usize,
    pub(super) notices: Notices,
    /// The run is to end.
    pub(super) stop: Arc<AtomicBool>,
    /// It is to end where it stands.
    pub(super) leave: Arc<AtomicBool>,
    /// It was found where an earlier process left it.
    pub(super) found: bool,
}

/// How long to wait for more before files are flushed.
const IDLE: Duration = Duration::from_millis(100);

/// How often the files are made durable while there is always more, and the cursor moved: so much is written again after a kill.
const SETTLE: Duration = Duration::from_secs(2);

/// How long to wait before a sink is opened again that could not be written.
const AGAIN: Duration = Duration::from_secs(1);

impl Recorder {
    /// Runs until the log ends.
    pub(super) fn run(mut self) -> Result<(), Fault> {
        let mut told = false;
        loop {
            let ended = match self.open() {
                Ok(sink) => self.write(sink, &mut told),
                Err(fault) => Err(fault),
            };
            let Err(fault) = ended else { return Ok(()) };
            let ends = self.stop.load(Ordering::Relaxed) || self.leave.load(Ordering::Relaxed);
            if sink::is_closed(&fault) || ends || matches!(self.pen, Pen::Given(_)) {
                return if sink::is_closed(&fault) { Ok(()) } else { Err(named(&self.name, fault)) };
            }
            if fault.retry == Retry::Never {
                return Err(named(&self.name, fault));
            }
            if !std::mem::replace(&mut told, true) {
                self.notices.warn(format!("sink `{}`: {fault}; it is tried again", self.name));
            }
            self.counters.sinks[self.index].retries.add(1);
            std::thread::sleep(AGAIN);
        }
    }

    fn open(&mut self) -> Result<Box<dyn Sink>, Fault> {
        match &mut self.pen {
            Pen::Given(sink) => Ok(std::mem::replace(sink, Box::new(Nowhere))),
            Pen::Files(settings) => {
                let progress = self.found.then_some(&self.from.progress[..]);
                let (sink, notes) = sink::resume(settings, &self.config.plan, progress)?;
                notes.into_iter().for_each(|note| self.notices.note(format!("sink `{}`: {note}", self.name)));
                Ok(sink)
            }
        }
    }

    /// Writes until the log ends, or the sink cannot.
    fn write(&mut self, mut sink: Box<dyn Sink>, told: &mut bool) -> Result<(), Fault> {
        let (wants, roll, config) = (self.wants.clone(), self.roll.clone(), self.config.clone());
        let mut behind = Behind::new(&self.readers, wants, roll, config, &self.from)?;
        let mut text = Arc::clone(&self.config.text);
        let (mut next, mut settled, mut dirty) = ((self.from.next, self.from.journal), Instant::now(), false);
        if !self.found {
            // Else the next start would take the files that were begun now for somebody else's.
            self.settle(&mut *sink, next, self.from.done)?;
        }
        loop {
            let chunk = behind.next(IDLE)?;
            behind.tell_damage(&self.notices);
            let over = matches!(chunk, Chunk::End) || self.leave.load(Ordering::Relaxed);
            let idle = matches!(chunk, Chunk::Idle);
            if let Chunk::Said { said, lost } = chunk {
                if lost > 0 {
                    self.counters.sinks[self.index].dropped.add(lost);
                    self.notices.warn(overtaken(&self.name, lost));
                }
                if text != behind.config().text {
                    text = Arc::clone(&behind.config().text);
                    for note in sink.plan(&behind.config().plan)? {
                        self.notices.note(format!("sink `{}`: {note}", self.name));
                    }
                }
                self.put(&mut *sink, &behind, &said)?;
                next = (said.through, said.journal);
                dirty = true;
            }
            if dirty && (idle || over || settled.elapsed() >= SETTLE) {
                self.settle(&mut *sink, next, behind.passed())?;
                (settled, dirty) = (Instant::now(), false);
                if std::mem::take(told) {
                    self.notices.note(format!("sink `{}` can be written again", self.name));
                }
            }
            if over {
                return sink.finish().and_then(|()| self.settle(&mut *sink, next, behind.passed()));
            }
        }
    }

    fn put(&self, sink: &mut dyn Sink, behind: &Behind, said: &Said) -> Result<(), Fault> {
        let names = behind.roll().read();
        let book = Book { names: &names, plan: &behind.config().plan };
        sink.write(&said.outputs, &book)?;
        if !said.rejected.is_empty() {
            sink.reject(&said.rejected)?;
        }
        let count = u64::from(behind.wants().count(&said.outputs, &[]));
        self.counters.sinks[self.index].delivered.add(count);
        Ok(())
    }

    /// Makes what was written durable, and says so in the cursor.
    fn settle(&mut self, sink: &mut dyn Sink, (next, journal): (Place, u64), done: u64) -> Result<(), Fault> {
        let Some(cursor) = &mut self.cursor else {
            self.counters.sinks[self.index].handled.set(done as i64);
            return sink.flush();
        };
        if let Some(progress) = sink.progress()? {
            self.from = Reached { next, journal, done, progress };
            self.found = true;
            cursor.set(self.from.clone())?;
            cursor.sync()?;
            self.counters.sinks[self.index].handled.set(done as i64);
        }
        Ok(())
    }
}

/// What is said of a sink that the log could not wait for.
pub(super) fn overtaken(sink: &str, lost: u64) -> String {
    format!("sink `{sink}` was too far behind: {lost} outputs are gone from the output log before it took them")
}

fn named(name: &str, fault: Fault) -> Fault {
    Fault { what: format!("sink `{name}`: {}", fault.what), ..fault }
}

/// Stands where a sink was that is in use.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: &[ouzel_engine::output::Output], _: &Book<'_>) -> Result<(), Fault> {
        Ok(())
    }
    fn reject(&mut self, _: &[ouzel_connect::source::Rejected]) -> Result<(), Fault> {
        Ok(())
    }
    fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }
    fn finish(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}
