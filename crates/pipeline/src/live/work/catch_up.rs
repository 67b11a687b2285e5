//! Before the journal is followed: lake and page get what stands in the logs from before the checkpoint.
//!
//! The lake needs the readings that are in none of its files yet, and what was said of them: journal and output log are
//! read side by side, and joined by the numbers of inputs. The page gets the alerts and anomalies that the output log
//! still has, so that it looks as it did before the stop.

use super::Work;
use crate::config::InForce;
use crate::control::{Control, Order};
use crate::intake::Stretch;
use crate::journal::{Configured, Follower, Mender, Next, Record, Tabled};
use crate::log::Readers;
use crate::outputs::{Entry, Heard, Listener, Opening, Place, Said};
use crate::step::Step;
use ouzel_connect::fault::Fault;
use ouzel_engine::output::{Output, What};
use ouzel_engine::reading::Batch;
use std::sync::Arc;
use std::time::Duration;

/// Names that are shown at once.
const NAMES: usize = 10_000;

/// Bytes at the end of the output log that are shown to a page: more than its lists hold.
const SHOWN: u64 = 16 << 20;

impl Work {
    /// See the head of this file. Nothing of it is counted, told or written a second time.
    pub(super) fn catch_up(&mut self) -> Result<(), Fault> {
        let checkpoint = self.runner.position();
        if self.runner.names().device_count() == 0 && checkpoint == 0 {
            return Ok(());
        }
        for done in (0..).step_by(NAMES) {
            let mut names = Step { past: true, ..Step::default() };
            names.stretch.declarations = self.runner.names().declarations_behind(done, NAMES);
            if names.stretch.declarations.is_empty() {
                break;
            }
            // An empty stretch stands where the lake is.
            names.stretch.batch.first = self.lake.as_ref().map_or(0, |lake| lake.kept);
            self.show(names);
        }
        // A lake in memory only has no files that the logs could be joined with.
        let kept = self.lake.as_ref().map(|lake| lake.kept).filter(|kept| *kept > 0);
        let mut said = Backlog::new(&self.runner.outputs().readers(), kept)?;
        let next = self.runner.stream().next_input();
        if let Some(kept) = self.lake.as_ref().map(|lake| lake.kept) {
            self.fill_lake(kept, &mut said, true)?;
        }
        for older in said.before(next)? {
            self.show_older(older);
        }
        let config = Some(self.runner.config().clone());
        self.watch.show(Arc::new(Step { config, past: true, ..Step::default() }), &self.counters);
        let open = self.runner.stream().open_alerts();
        let output = |alert| Output {
            input: next,
            device: ouzel_engine::series::Device(0),
            node: 0,
            ordinal: 0,
            what: What::Alert(Box::new(alert)),
        };
        self.show_outputs(open.into_iter().map(output).collect());
        let mut controls = self.runner.words().controls();
        let at = self.runner.stream().clock().now();
        controls.extend(self.runner.retired().iter().map(|device| Control {
            at,
            by: String::new(),
            what: Order::Retire { device: device.clone(), input: 0 },
        }));
        self.watch.show(Arc::new(Step { controls, past: true, ..Step::default() }), &self.counters);
        Ok(())
    }

    /// Gives the lake what the logs have from the input `kept` on to where the worker stands; and the page, if it has not seen
    /// it.
    pub(super) fn fill_lake(&mut self, kept: u64, said: &mut Backlog, page: bool) -> Result<(), Fault> {
        let (until, next) = (self.runner.position(), self.runner.stream().next_input());
        if kept >= next {
            return Ok(());
        }
        let journal = self.follower.readers();
        let mut follower = Follower::of(&journal, position_of(&journal, kept)?);
        let names = self.runner.names();
        let mut mender = Mender::behind(names.device_count(), names.series_count());
        while follower.position() < until
            && let Next::Record(record) = follower.next(Duration::ZERO)?
        {
            if follower.position() > until {
                break;
            }
            let mut stretch = match record {
                Record::Stretch(journalled) => journalled.stretch,
                Record::Reference(referred) => match self.runner.recall(&referred) {
                    Ok(stretch) => stretch,
                    // It was told when it was lost first, or will be when the lake is asked for it.
                    Err(_) => continue,
                },
                // They have a number, and alerts may have ended by them.
                Record::Control(Control { what: Order::Retire { input, .. }, .. })
                | Record::Config(Configured { input, .. })
                | Record::Table(Tabled { input, .. }) => {
                    Stretch { batch: Batch { first: input, ..Batch::default() }, ..Stretch::default() }
                }
                Record::Control(_) => continue,
            };
            let end = (stretch.batch.first + stretch.batch.rows.len() as u64).max(stretch.batch.first + 1);
            for older in said.before(stretch.batch.first)? {
                if page {
                    self.show_older(older);
                }
            }
            if end > kept {
                // A config changes between two records, never within one.
                let outputs = said.before(end)?.into_iter().flat_map(Older::outputs).collect();
                // The names are known already, in the order of their numbers; what is of none was taken out when it came.
                stretch.declarations.clear();
                mender.mend(&mut stretch);
                let step = Arc::new(Step { stretch, outputs, past: true, ..Step::default() });
                self.keep(&step);
                if page {
                    self.counters.past.add((step.stretch.batch.rows.len() - step.stretch.ticks.len()) as u64);
                    self.watch.show(step, &self.counters);
                }
            }
        }
        Ok(())
    }

    /// Shows the page what the output log has from before.
    fn show_older(&mut self, older: Older) {
        match older {
            Older::Said(outputs) => self.show_outputs(outputs),
            Older::Config(config) => {
                let step = Step { config: Some(config), past: true, ..Step::default() };
                self.watch.show(Arc::new(step), &self.counters);
            }
        }
    }

    /// Shows outputs to the page alone.
    fn show_outputs(&mut self, outputs: Vec<Output>) {
        if !outputs.is_empty() {
            self.watch.show(Arc::new(Step { outputs, past: true, ..Step::default() }), &self.counters);
        }
    }
}

/// Where in the journal to begin to find an input.
fn position_of(journal: &Readers, input: u64) -> Result<u64, Fault> {
    let heads = journal.heads()?;
    let before = heads.iter().rev().find(|(_, head)| head.next.is_some_and(|next| next <= input));
    Ok(before.or(heads.first()).map_or(0, |(start, _)| *start))
}

/// What the output log has from before.
enum Older {
    Said(Vec<Output>),
    /// Another config was in force from there on.
    Config(InForce),
}

impl Older {
    fn outputs(self) -> Vec<Output> {
        match self {
            Older::Said(outputs) => outputs,
            Older::Config(_) => Vec::new(),
        }
    }
}

/// What the output log has, in order.
pub(super) struct Backlog {
    listener: Listener,
    ahead: Option<Said>,
}

impl Backlog {
    /// From the last part of it, or from where the lake has nothing.
    pub(super) fn new(outputs: &Readers, kept: Option<u64>) -> Result<Backlog, Fault> {
        let end = outputs.end();
        let heads = outputs.heads()?;
        let shown = heads.iter().find(|(start, _)| end - start <= SHOWN).or(heads.last());
        let place = shown.and_then(|(_, head)| Opening::of(head)).map_or(Place::default(), |opening| opening.place);
        let place = kept.map_or(place, |kept| place.min(Place::before(kept)));
        Ok(Backlog { listener: Listener::of(outputs, place)?, ahead: None })
    }

    /// What stands there from before this input.
    fn before(&mut self, input: u64) -> Result<Vec<Older>, Fault> {
        let mut all = Vec::new();
        loop {
            let said = match self.ahead.take() {
                Some(said) => said,
                None => {
                    let heard = self.listener.next(Duration::ZERO)?;
                    if let Some(opening) = self.listener.take_opening() {
                        all.extend(InForce::read(&opening.text).ok().map(Older::Config));
                    }
                    match heard {
                        Heard::Entry(entry) => match *entry {
                            Entry::Said(said) => said,
                            Entry::Config(text) => {
                                all.extend(InForce::read(&text).ok().map(Older::Config));
                                continue;
                            }
                            Entry::Trouble(..) => continue,
                        },
                        Heard::Idle | Heard::End => return Ok(all),
                    }
                }
            };
            if said.from.input >= input {
                self.ahead = Some(said);
                return Ok(all);
            }
            all.push(Older::Said(said.outputs));
        }
    }
}
