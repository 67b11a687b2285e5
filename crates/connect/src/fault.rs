//! What went wrong at an edge: whose it is, and whether later may help. The driver decides; connectors never sleep.

use std::fmt;
use std::time::Duration;

/// Something that a source or sink could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose it is.
    pub whose: Whose,
    /// Whether trying again may help.
    pub retry: Retry,
    /// What, where and what to do, for the person at the machine: lower case, no full stop.
    pub what: String,
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The user: a wrong path, a wrong column.
    You,
    /// The other side: a broken file, a broker that is down.
    Peer,
    /// Ouzel itself.
    Us,
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No.
    Never,
    /// Perhaps, after a while.
    Later,
    /// Not before so long: the other side has said it.
    After(Duration),
    /// Nothing was broken off: it only had to be said. Go on at once.
    Now,
}

impl Fault {
    /// A fault that the user can mend and time cannot.
    pub fn yours(what: impl Into<String>) -> Fault {
        Fault { whose: Whose::You, retry: Retry::Never, what: what.into() }
    }

    /// A fault of the other side that time will not mend.
    pub fn theirs(what: impl Into<String>) -> Fault {
        Fault { whose: Whose::Peer, retry: Retry::Never, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}
