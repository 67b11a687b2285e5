//! How a command ends: its exit code, and what is said when it fails.

use crate::screen;
use ouzel_connect::fault::Fault;
use ouzel_connect::sink;
use std::process::ExitCode;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Done,
    /// It did what it should, and found what should not be; that was shown.
    Found,
    /// The config has problems; they were shown.
    BadConfig,
    /// The user stopped it; what was done until then is whole.
    Interrupted,
}

/// Why a command could not go on.
#[derive(Debug)]
pub enum Failure {
    /// An input that cannot be read, an output that cannot be written.
    Failed(String),
    /// Arguments that contradict each other or the world.
    Usage(String),
    /// A config that cannot be run; where it is more than a line, it is shown as it is.
    Config(String),
    /// Whoever read standard output has gone, as `head` does: a reason to stop, but none to complain.
    Closed,
}

/// What a command gives back.
pub type Done = Result<Ending, Failure>;

impl Failure {
    /// What it says to people; nothing, where there is nothing to say.
    pub fn message(&self) -> &str {
        match self {
            Failure::Failed(message) | Failure::Usage(message) | Failure::Config(message) => message,
            Failure::Closed => "",
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        if sink::is_closed(&fault) { Failure::Closed } else { Failure::Failed(fault.what) }
    }
}

/// Says what is left to say and gives the exit code: 0 ok, 1 finding or failure, 2 wrong usage (clap gives it, too), 78 wrong
/// config (`EX_CONFIG` of `sysexits.h`), 130 interrupted (128 + SIGINT, as shells have it).
pub fn exit(done: Done) -> ExitCode {
    let (code, message) = match done {
        Ok(Ending::Done) | Err(Failure::Closed) => (0, None),
        Ok(Ending::Found) => (1, None),
        Ok(Ending::BadConfig) => (78, None),
        Ok(Ending::Interrupted) => (130, None),
        Err(Failure::Failed(message)) => (1, Some(message)),
        Err(Failure::Usage(message)) => (2, Some(message)),
        Err(Failure::Config(message)) => (78, Some(message)),
    };
    match message {
        Some(shown) if shown.ends_with('\n') => screen::say(shown.trim_end()),
        Some(message) => screen::say(&format!("error: {message}")),
        None => {}
    }
    ExitCode::from(code)
}
