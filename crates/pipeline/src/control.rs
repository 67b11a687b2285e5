//! What people say to a running pipeline. It goes through the journal, so that a restart knows it, too.

use crate::clock::Clock;
use crate::config::InForce;
use crate::queue::Bell;
use crate::tables::Looked;
use crate::trouble::Trouble;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_engine::time::Time;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// A control record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// When it was said.
    pub at: Time,
    /// Who said it, as far as is known.
    pub by: String,
    /// What was said.
    pub what: Order,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// The process has started; silence counts from here.
    Start,
    /// Somebody has seen the alert and takes care of it.
    Acknowledge {
        /// The alert's id, 32 hexadecimal digits.
        alert: String,
        /// What they say of it; may be empty.
        note: String,
    },
    /// Nobody is to be told of the alert until then.
    Silence {
        /// The alert's id, 32 hexadecimal digits.
        alert: String,
        /// Until when.
        until: Time,
    },
    /// The device is not expected to speak any more: its state goes and its alerts are over. If it does speak, it is new.
    Retire {
        /// Its name.
        device: String,
        /// The number of this word among the inputs; the intake gives it.
        input: u64,
    },
    /// Trouble of the pipeline itself has begun, or is over.
    Trouble(Trouble),
}

/// Where people say things to a running pipeline. Cheap to clone; all clones speak to the same one.
#[derive(Clone, Debug)]
pub struct Controls {
    clock: Clock,
    /// Rings for the intake.
    bell: Arc<Bell>,
    /// The other end is held by the intake.
    to_intake: mpsc::Sender<Said>,
}

/// A word on its way into the journal.
#[derive(Debug)]
pub struct Said {
    /// What is to be written.
    pub word: Word,
    /// Hears of it once the journal is synced, or why it could not be.
    pub done: oneshot::Sender<Result<(), Fault>>,
}

/// What people give to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// A control record.
    Control(Control),
    /// Another config is to be in force, with its tables as they were read a moment ago. It may be the same config.
    Config(InForce, Looked),
}

impl Controls {
    /// How many may wait for the journal. People are slow; a script that is not has to wait its turn.
    const WAITING: usize = 64;

    /// A way to speak, and the end at which the intake listens.
    pub fn new(clock: Clock, bell: Arc<Bell>) -> (Controls, mpsc::Receiver<Said>) {
        let (to_intake, said) = mpsc::channel(Controls::WAITING);
        (Controls { clock, bell, to_intake }, said)
    }

    /// Says `what` and waits until the journal holds it. Gives what was written.
    ///
    /// # Errors
    /// Where the journal could not take it, or the pipeline has stopped.
    pub async fn say(&self, what: Order, by: &str) -> Result<Control, Fault> {
        let control = Control { at: self.clock.now(), by: by.to_owned(), what };
        self.give(Word::Control(control.clone())).await?;
        Ok(control)
    }

    /// Lets another config be in force, with its tables as they were read, and waits until the journal holds it.
    ///
    /// # Errors
    /// As [`Controls::say`].
    pub async fn reload(&self, config: InForce, looked: Looked) -> Result<(), Fault> {
        self.give(Word::Config(config, looked)).await
    }

    async fn give(&self, word: Word) -> Result<(), Fault> {
        let (done, heard) = oneshot::channel();
        self.to_intake.send(Said { word, done }).await.map_err(|_| stopped())?;
        self.bell.ring();
        heard.await.map_err(|_| stopped())?
    }

    /// The same for a thread that cannot wait: where too many words wait already this one is not heard, and the caller
    /// says it again later. Says whether it was taken.
    pub fn mention(&self, what: Order, by: &str) -> bool {
        let control = Control { at: self.clock.now(), by: by.to_owned(), what };
        let (done, _) = oneshot::channel();
        self.to_intake.try_send(Said { word: Word::Control(control), done }).is_ok()
    }
}

fn stopped() -> Fault {
    Fault { whose: Whose::Us, retry: Retry::Later, what: "the pipeline has stopped".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_word_counts_once_the_journal_holds_it_and_fails_with_the_pipeline() {
        let (controls, mut said) = Controls::new(Clock::manual(Time::from_secs(7)), Arc::default());
        let journal = tokio::spawn(async move {
            let Said { word, done } = said.recv().await.unwrap();
            done.send(Ok(())).unwrap();
            word
        });
        let control = controls.say(Order::Start, "ann").await.unwrap();
        assert_eq!((control.at, control.by.as_str()), (Time::from_secs(7), "ann"));
        assert_eq!(journal.await.unwrap(), Word::Control(control));
        assert_eq!(controls.say(Order::Start, "ann").await.unwrap_err().what, "the pipeline has stopped");
    }
}
