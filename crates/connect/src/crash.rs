//! Named points at which a test kills this process, to see what is left.
//!
//! `OUZEL_CRASH=segment-roll:3` sends the process SIGKILL when it comes to that point for the third time (`:3` left out:
//! the first). Nothing is flushed, no destructor runs. Points are there in what the profile `dev` builds, so that tests
//! run the binary that cargo has built for them anyway, and with the feature `crash`, which is for measurements. In a
//! release a point is nothing at all.

/// The process ends here, if a test wants that.
#[cfg(not(any(feature = "crash", debug_assertions)))]
#[inline(always)]
pub fn point(_name: &'static str) {}

/// The process ends here, if a test wants that.
#[cfg(any(feature = "crash", debug_assertions))]
pub fn point(name: &'static str) {
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    // For the whole process, as the variable is: points stand where nothing of ours could be handed to.
    static WANTED: OnceLock<Option<(String, AtomicU64)>> = OnceLock::new();
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("OUZEL_CRASH").ok()?;
        let (name, nth) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), AtomicU64::new(nth.parse().unwrap_or(1))))
    });
    let Some((wanted, left)) = wanted else { return };
    if wanted == name && left.fetch_sub(1, Ordering::Relaxed) == 1 {
        let killed = kill_process(getpid(), Signal::KILL);
        // The signal may take a moment; nothing more is to happen until it has come.
        while killed.is_ok() {
            std::thread::park();
        }
    }
}
