//! Sources of a live run that are no network: the simulator at the pace of the clock, and files at their own.

use crate::clock::Clock;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::source::live::{LiveSource, Mark, Next, Packet};
use ouzel_connect::source::simulate::{Label, Simulator};
use ouzel_connect::source::{Rows, Source};
use ouzel_engine::series::Names;
use ouzel_engine::time::{Span, Time};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use xxhash_rust::xxh3::xxh3_64;

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

/// A file or standard input, read by a thread of its own as fast as the queue takes it.
pub struct ReadIn {
    packets: mpsc::Receiver<Result<Packet, Fault>>,
}

/// Packets that a file may be ahead.
const READ_AHEAD: usize = 2;

impl ReadIn {
    /// Begins to read these, one after the other. Where they `stay` (files do, standard input does not) the next start
    /// reads them once more, so each stretch is marked by what is in it: what stands in the journal is not taken twice.
    pub fn new(sources: Vec<Box<dyn Source>>, stay: bool) -> ReadIn {
        let (to, packets) = mpsc::channel(READ_AHEAD);
        tokio::task::spawn_blocking(move || {
            let mut names = Names::new();
            for mut source in sources {
                loop {
                    let mut rows = Rows::default();
                    let more = source.next(&mut names, &mut rows);
                    let mark = (stay && !rows.rows.is_empty()).then(|| Mark { hash: hash_of(&rows), compare: true });
                    // Whoever listened has gone: the run is over.
                    if to.blocking_send(Ok(Packet { mark, ..packet(rows, &mut names) })).is_err() {
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
        });
        ReadIn { packets }
    }
}

impl LiveSource for ReadIn {
    fn next(&mut self) -> Next<'_> {
        Box::pin(async { self.packets.recv().await.transpose() })
    }
}

/// A hash of readings, with the numbers that the reader gave them: the same file gives the same each time.
fn hash_of(rows: &Rows) -> u64 {
    let mut bytes = Vec::with_capacity(rows.rows.len() * 20);
    for row in &rows.rows {
        bytes.extend(row.series.0.to_le_bytes());
        bytes.extend(row.time.0.to_le_bytes());
        bytes.extend(row.value.to_bits().to_le_bytes());
    }
    xxh3_64(&bytes)
}

fn packet(rows: Rows, names: &mut Names) -> Packet {
    let Rows { rows, rejected, absent } = rows;
    Packet { declarations: names.take_fresh(), rows, rejected, absent, ..Packet::default() }
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
