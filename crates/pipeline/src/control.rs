//! What people say to a running pipeline. It goes through the journal, so that a restart knows it, too.

use crate::clock::Clock;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_engine::time::Time;
use serde::{Deserialize, Serialize};
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
}

/// Where people say things to a running pipeline. Cheap to clone; all clones speak to the same one.
#[derive(Clone, Debug)]
pub struct Controls {
    clock: Clock,
    /// The other end is held by the intake.
    to_intake: mpsc::Sender<Said>,
}

/// A control on its way into the journal.
#[derive(Debug)]
pub struct Said {
    /// What is to be written.
    pub control: Control,
    /// Hears of it once the journal is synced, or why it could not be.
    pub done: oneshot::Sender<Result<(), Fault>>,
}

impl Controls {
    /// How many may wait for the journal. People are slow; a script that is not has to wait its turn.
    const WAITING: usize = 64;

    /// A way to speak, and the end at which the intake listens.
    pub fn new(clock: Clock) -> (Controls, mpsc::Receiver<Said>) {
        let (to_intake, said) = mpsc::channel(Controls::WAITING);
        (Controls { clock, to_intake }, said)
    }

    /// Says `what` and waits until the journal holds it. Gives what was written.
    ///
    /// # Errors
    /// Where the journal could not take it, or the pipeline has stopped.
    pub async fn say(&self, what: Order, by: &str) -> Result<Control, Fault> {
        let stopped = || Fault { whose: Whose::Us, retry: Retry::Later, what: "the pipeline has stopped".into() };
        let control = Control { at: self.clock.now(), by: by.to_owned(), what };
        let (done, heard) = oneshot::channel();
        self.to_intake.send(Said { control: control.clone(), done }).await.map_err(|_| stopped())?;
        heard.await.map_err(|_| stopped())??;
        Ok(control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_word_counts_once_the_journal_holds_it_and_fails_with_the_pipeline() {
        let (controls, mut said) = Controls::new(Clock::manual(Time::from_secs(7)));
        let journal = tokio::spawn(async move {
            let Said { control, done } = said.recv().await.unwrap();
            done.send(Ok(())).unwrap();
            control
        });
        let control = controls.say(Order::Start, "ann").await.unwrap();
        assert_eq!((control.at, control.by.as_str()), (Time::from_secs(7), "ann"));
        assert_eq!(journal.await.unwrap(), control);
        assert_eq!(controls.say(Order::Start, "ann").await.unwrap_err().what, "the pipeline has stopped");
    }
}
