//! What a running pipeline tells the people at the machine: a source that is away, a queue that fills.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// One line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub weight: Weight,
    /// What is the matter: lower case, no full stop.
    pub what: String,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Good to know.
    Note,
    /// Somebody should look.
    Warning,
}

/// Where notices go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notices(SyncSender<Notice>);

/// How many notices may wait to be shown; whoever comes after that is not heard, for nobody reads so fast.
const WAITING: usize = 1_000;

impl Notices {
    /// A way to tell, and the end where it is heard.
    pub fn new() -> (Notices, Receiver<Notice>) {
        let (to, heard) = sync_channel(WAITING);
        (Notices(to), heard)
    }

    /// Good to know.
    pub fn note(&self, what: impl Into<String>) {
        self.tell(Weight::Note, what.into());
    }

    /// Somebody should look.
    pub fn warn(&self, what: impl Into<String>) {
        self.tell(Weight::Warning, what.into());
    }

    fn tell(&self, weight: Weight, what: String) {
        // Nobody listens any more, or a thousand lines wait to be read.
        let _ = self.0.try_send(Notice { weight, what });
    }
}
