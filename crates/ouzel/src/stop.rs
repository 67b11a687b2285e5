//! Ctrl-C and SIGTERM: the first asks for an end between two steps, so that what was written is whole; the second is
//! the end.

use crate::ending::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that goes up when the user wants an end.
///
/// # Errors
/// When the system lets nobody listen to signals.
pub fn listen() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the flag is looked at before it is raised, so that only the second signal ends the process.
        flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::Failed(format!("cannot listen to signals: {error}")))?;
    }
    Ok(stop)
}

/// A flag that goes up when the config is to be read again.
///
/// # Errors
/// When the system lets nobody listen to signals.
pub fn listen_for_hangup() -> Result<Arc<AtomicBool>, Failure> {
    let hangup = Arc::new(AtomicBool::new(false));
    flag::register(SIGHUP, Arc::clone(&hangup))
        .map_err(|error| Failure::Failed(format!("cannot listen to signals: {error}")))?;
    Ok(hangup)
}

/// Standard input that ends when the user wants an end, though nothing comes and nobody closes it.
pub struct Input {
    stop: Arc<AtomicBool>,
}

impl Input {
    /// Standard input until `stop`.
    pub fn until(stop: &Arc<AtomicBool>) -> Input {
        Input { stop: Arc::clone(stop) }
    }
}

/// How long the flag may go unseen.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // The standard library's own buffer is passed by: what it held could not be waited for.
        let stdin = io::stdin();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&LOOK_EVERY)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(&stdin, into)?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
