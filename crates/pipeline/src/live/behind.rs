//! What a sink reads of the output log, from its cursor on: behind the thread that works, as late as it likes.

use super::cursor::Reached;
use super::notice::Notices;
use super::roll::Roll;
use crate::config::InForce;
use crate::log::Readers;
use crate::outputs::{Entry, Heard, Listener, Opening, Place, Said};
use crate::trouble::Trouble;
use crate::wants::Wants;
use ouzel_connect::encode::{Book, ndjson};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_connect::sink::live::Delivery;
use ouzel_engine::output::{Id, Output, What};
use std::time::Duration;

/// A reader for one sink.
pub(super) struct Behind {
    listener: Listener,
    wants: Wants,
    roll: Roll,
    config: InForce,
    /// Everything before this place was read, or is not to be.
    next: Place,
    /// The same of what has no place, by the journal's.
    journal: u64,
    /// How many that the sink was owed are behind it, in all.
    passed: u64,
    first: bool,
    /// Bytes of the log that could not be read, and were told.
    damaged: u64,
}

/// What is there to be read.
pub(super) enum Chunk {
    /// Outputs from the sink's place on, with those it does not take; and how many it was owed that are gone.
    Said { said: Said, lost: u64 },
    /// Trouble of the pipeline itself.
    Trouble(Trouble, u64),
    /// Nothing for as long as was waited.
    Idle,
    /// There will be nothing more.
    End,
}

impl Behind {
    /// From where a cursor stands. The config is the one in force now; the log says where another one was.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) fn new(
        readers: &Readers,
        wants: Wants,
        roll: Roll,
        config: InForce,
        from: &Reached,
    ) -> Result<Behind, Fault> {
        let listener = Listener::of(readers, from.next)?;
        let Reached { next, journal, done: passed, .. } = *from;
        Ok(Behind { listener, wants, roll, config, next, journal, passed, first: true, damaged: 0 })
    }

    /// What comes next; waits for it up to `wait`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) fn next(&mut self, wait: Duration) -> Result<Chunk, Fault> {
        loop {
            let entry = match self.listener.next(wait)? {
                Heard::Entry(entry) => *entry,
                Heard::Idle => return Ok(Chunk::Idle),
                Heard::End => return Ok(Chunk::End),
            };
            let mut lost = 0;
            if let Some(opening) = self.listener.take_opening() {
                self.follow(&opening.text);
                lost = self.overtaken(&opening);
            }
            match entry {
                Entry::Config(text) => self.follow(&text),
                Entry::Trouble(trouble, journal) => return Ok(Chunk::Trouble(trouble, journal)),
                Entry::Said(mut said) => {
                    if said.journal <= self.journal {
                        said.rejected.clear();
                    }
                    if said.through <= self.next && said.rejected.is_empty() && lost == 0 {
                        continue;
                    }
                    let known = said.placed().take_while(|(place, _)| *place < self.next).count();
                    if known > 0 {
                        said.outputs.drain(..known);
                        said.quiet = said.quiet.iter().filter_map(|index| index.checked_sub(known as u32)).collect();
                        said.from = self.next;
                    }
                    // A sink that is ahead of this entry stays there.
                    said.through = said.through.max(self.next);
                    (self.next, self.journal) = (said.through, self.journal.max(said.journal));
                    said.journal = self.journal;
                    self.passed += u64::from(self.wants.count(&said.outputs, &said.quiet)) + lost;
                    return Ok(Chunk::Said { said, lost });
                }
            }
        }
    }

    /// The text in force where it reads.
    fn follow(&mut self, text: &str) {
        if *text != *self.config.text
            && let Ok(config) = InForce::read(text)
        {
            self.wants.plan(&config.plan);
            self.config = config;
        }
    }

    /// A segment says how much the sink was owed before it; what was not read of that is gone.
    fn overtaken(&mut self, opening: &Opening) -> u64 {
        let owed = opening.owed.get(&self.wants.name).copied().unwrap_or_default();
        let first = std::mem::replace(&mut self.first, false);
        if first && opening.place <= self.next {
            // It begins in this segment, somewhere: what it was owed before is behind it.
            return 0;
        }
        owed.saturating_sub(self.passed)
    }

    /// Tells people of bytes that cannot be read, if there are more of them than they were told of.
    pub(super) fn tell_damage(&mut self, notices: &Notices) {
        let damaged = self.listener.damaged() - self.damaged;
        if damaged > 0 {
            self.damaged += damaged;
            let name = &self.wants.name;
            notices.warn(format!(
                "sink `{name}`: {damaged} bytes of the output log cannot be read; what stood there and was not delivered \
                 before will not be"
            ));
        }
    }

    /// How many that the sink was owed were read, or are gone.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// The config in force where it reads.
    pub(super) fn config(&self) -> &InForce {
        &self.config
    }

    /// Who is who.
    pub(super) fn roll(&self) -> &Roll {
        &self.roll
    }

    /// Which outputs it takes.
    pub(super) fn wants(&self) -> &Wants {
        &self.wants
    }

    /// What of this the sink takes, in words, each with the place behind it.
    pub(super) fn deliveries(&self, said: &Said) -> Vec<(Place, Delivery)> {
        let names = self.roll.read();
        let book = Book { names: &names, plan: &self.config.plan };
        let mut all = Vec::new();
        for (index, (place, output)) in (0u32..).zip(said.placed()) {
            let told = !(self.wants.people && said.quiet.binary_search(&index).is_ok());
            if let Some(noun) = Noun::of(&output.what).filter(|_| told && self.wants.takes(&output.what)) {
                all.push((Place { nth: place.nth + 1, ..place }, delivery(output, noun, &book)));
            }
        }
        all
    }
}

/// An output in words.
fn delivery(output: &Output, noun: Noun, book: &Book<'_>) -> Delivery {
    let mut line = Vec::new();
    ndjson::push(output, book, &mut line);
    line.truncate(line.trim_ascii_end().len());
    let severity = match &output.what {
        What::Anomaly(anomaly) => Some(anomaly.severity),
        What::Alert(alert) => Some(alert.severity),
        _ => None,
    };
    let json = String::from_utf8_lossy(&line).into_owned();
    // What the output says is what makes it itself; late readings of one time differ in their input.
    let key = Id::of(&[&json], &[output.input as i64]).to_string();
    Delivery { input: output.input, noun, key, severity, json }
}
