//! Real services for tests. Each is started on a port of its own, waited for by asking it, and killed when it is dropped.
//!
//! Where a machine lacks one, its tests say that they were not run; with `CI=true` they fail.

pub mod mosquitto;
pub mod mqtt;

use crate::data::not_run;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Says what this machine lacks.
///
/// # Panics
/// With `CI=true`, where every test must run.
pub fn lacking(what: &str) {
    assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1"), "this machine lacks {what}");
    not_run(&format!("this machine lacks {what}"));
}

/// A port of this machine at which nobody listens now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a machine has free ports");
    listener.local_addr().expect("it is bound").port()
}

/// How often something that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long anything may take on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until there is something.
///
/// # Panics
/// When [`PATIENCE`] is over.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {} s in vain until {what}", PATIENCE.as_secs());
        sleep(LOOK_EVERY);
    }
}

/// Sends a signal to a process of ours.
pub fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has a number");
    // It may have ended by itself; whoever waits for it will see.
    let _ = kill_process(pid, signal);
}

/// A process that does not outlive its test.
pub struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // It has ended already, or ends now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
