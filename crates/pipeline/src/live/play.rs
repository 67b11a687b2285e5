//! Sources of a live run that are no network: the simulator at the pace of the clock, and files at their own.

use crate::clock::Clock;
use crate::runner::Reread;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::source::live::{LiveSource, Next, Packet, Reference};
use ouzel_connect::source::simulate::{Label, Simulator};
use ouzel_connect::source::{Rows, Source, declarations};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::Names;
use ouzel_engine::time::{Span, Time};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// The simulator, as if its devices stood in the room.
pub struct Played {
    simulator: Simulator,
    names: Names,
    clock: Clock,
    truth: Truth,
}

/// What was played so far, for whoever wants to know how much of it was found.
#[derive(Clone, Debug, Default)]
pub struct Truth(Arc<Mutex<Vec<Label>>>);

impl Truth {
    /// The labels so far.
    pub fn labels(&self) -> Vec<Label> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Labels that are kept; a demo that runs for weeks is judged by its last ones.
const LABELS: usize = 100_000;

/// Messages that are due within this are waited for together, so that a fast simulator is no storm of small packets.
const TOGETHER: Span = Span::from_millis(5);

impl Played {
    /// A simulator whose times begin now, by the clock.
    pub fn new(simulator: Simulator, clock: Clock) -> (Played, Truth) {
        let truth = Truth::default();
        if let Clock::Manual(clock) = &clock {
            clock.join();
        }
        (Played { simulator, names: Names::new(), clock, truth: truth.clone() }, truth)
    }

    async fn packet(&mut self) -> Result<Option<Packet>, Fault> {
        loop {
            let Some(due) = self.simulator.next_due() else { return Ok(None) };
            // On a wall clock, time goes on while we wait; a manual one stops where it was put.
            self.clock.until(if matches!(self.clock, Clock::Wall) { due + TOGETHER } else { due }).await;
            let mut rows = Rows::default();
            self.simulator.read_until(self.clock.now(), &mut self.names, &mut rows)?;
            let mut labels = self.truth.0.lock().unwrap_or_else(PoisonError::into_inner);
            labels.extend(self.simulator.drain_labels());
            let old = labels.len().saturating_sub(LABELS);
            labels.drain(..old);
            drop(labels);
            if !rows.rows.is_empty() {
                return Ok(Some(packet(rows, &mut self.names)));
            }
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        if let Clock::Manual(clock) = &self.clock {
            clock.leave();
        }
    }
}

impl LiveSource for Played {
    fn next(&mut self) -> Next<'_> {
        Box::pin(self.packet())
    }
}

/// Files or standard input, read by a thread of their own as fast as the queue takes them.
pub struct ReadIn {
    packets: mpsc::Receiver<Result<Packet, Fault>>,
    /// Until the first packet is asked for.
    waiting: Option<Waiting>,
}

/// Where packets go, and the files that they are to come from.
type Waiting = (mpsc::Sender<Result<Packet, Fault>>, Vec<Reader>);

/// A file that is read in.
pub struct Reader {
    /// Its name, if it stays where it is: then the journal only refers to it. Standard input does not stay.
    pub stays: Option<String>,
    /// What reads it.
    pub source: Box<dyn Source>,
}

/// Packets that a file may be ahead.
const READ_AHEAD: usize = 2;

impl ReadIn {
    /// Begins to read these, one after the other, with the first call of [`LiveSource::next`]. A file that stays is read
    /// from where the journal has come to in it.
    pub fn new(readers: Vec<Reader>) -> ReadIn {
        let (to, packets) = mpsc::channel(READ_AHEAD);
        ReadIn { packets, waiting: Some((to, readers)) }
    }
}

impl LiveSource for ReadIn {
    fn next(&mut self) -> Next<'_> {
        if let Some((to, readers)) = self.waiting.take() {
            tokio::task::spawn_blocking(move || read_all(readers, &to));
        }
        Box::pin(async { self.packets.recv().await.transpose() })
    }

    fn resume(&mut self, place: &dyn Fn(&str) -> Option<u64>) {
        let Some((_, readers)) = &mut self.waiting else { return };
        for Reader { stays, source } in readers {
            let Some(place) = stays.as_deref().and_then(place) else { continue };
            if let Err(fault) = source.seek(place) {
                // It is not the file that it was. What is in it now is another file, as far as anybody can tell.
                let _ = fault;
                *stays = None;
            }
        }
    }
}

/// Reads files to their ends, as packets of some size.
fn read_all(readers: Vec<Reader>, to: &mpsc::Sender<Result<Packet, Fault>>) {
    let mut names = Names::new();
    for Reader { stays, mut source } in readers {
        loop {
            let from = source.place();
            let mut rows = Rows::default();
            let more = source.next(&mut names, &mut rows);
            let empty = rows.rows.is_empty() && rows.rejected.is_empty() && rows.absent == 0;
            let reference = match (&stays, from, source.place()) {
                (Some(file), Some(from), Some(end)) if !empty => Some(Reference { file: file.clone(), from, to: end }),
                _ => None,
            };
            // Whoever listened has gone: the run is over.
            if to.blocking_send(Ok(Packet { reference, ..packet(rows, &mut names) })).is_err() {
                return;
            }
            match more {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => {
                    // A file is not opened a second time: what came of it would be there twice.
                    let _ = to.blocking_send(Err(Fault { retry: Retry::Never, ..fault }));
                    return;
                }
            }
        }
    }
}

/// Opens a file of a source.
type Open = dyn FnMut(&str, &str) -> Result<Box<dyn Source>, Fault> + Send;

/// Reads stretches of files again that the journal refers to.
pub struct Reopen {
    /// Opens a file of a source by its names.
    open: Box<Open>,
    /// The file that was read last: the next stretch is nearly always of the same, and behind it.
    last: Option<(String, String, Box<dyn Source>, Names)>,
}

impl Reopen {
    /// With what opens files.
    pub fn new(open: impl FnMut(&str, &str) -> Result<Box<dyn Source>, Fault> + Send + 'static) -> Reopen {
        Reopen { open: Box::new(open), last: None }
    }
}

impl Reread for Reopen {
    fn read(&mut self, source: &str, file: &str, from: u64, to: u64) -> Result<(Names, Vec<Reading>), String> {
        let known = self
            .last
            .take()
            .filter(|(of, name, reader, _)| of == source && name == file && reader.place() == Some(from));
        let (mut reader, mut names) = match known {
            Some((_, _, reader, names)) => (reader, names),
            None => {
                let mut reader = (self.open)(source, file).map_err(|fault| fault.what)?;
                reader.seek(from).map_err(|fault| fault.what)?;
                (reader, Names::new())
            }
        };
        let mut rows = Rows::default();
        reader.until(Some(to));
        while reader.place().is_some_and(|place| place < to) {
            if !reader.next(&mut names, &mut rows).map_err(|fault| fault.what)? {
                break;
            }
        }
        self.last = Some((source.to_owned(), file.to_owned(), reader, names.clone()));
        Ok((names, rows.rows))
    }
}

fn packet(rows: Rows, names: &mut Names) -> Packet {
    let Rows { rows, rejected, absent, numbered, retold } = rows;
    Packet { declarations: declarations(names, retold), rows, numbered, rejected, absent, ..Packet::default() }
}

/// A simulator that begins now.
///
/// # Errors
/// As [`Simulator::new`].
pub fn begin_now(
    settings: &ouzel_connect::source::simulate::Settings,
    timing: ouzel_engine::series::Timing,
    clock: &Clock,
) -> Result<Simulator, Fault> {
    let start = Time(clock.now().0 / 1_000_000 * 1_000_000);
    Simulator::new(&ouzel_connect::source::simulate::Settings { start, ..settings.clone() }, timing)
        .map_err(|fault| Fault { whose: Whose::You, ..fault })
}
