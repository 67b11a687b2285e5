//! Words to the user's terminal, or to whatever stands in its place.

use crate::ending::Failure;
use std::io::{self, IsTerminal, Write};

/// Writes a result, as it is, to standard output.
///
/// # Errors
/// [`Failure::Closed`] when nobody reads it any more.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Failed(format!("cannot write to standard output: {error}")),
    })
}

/// Writes a line to standard error.
pub fn say(line: &str) {
    // Where standard error is gone there is nobody left to tell.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Whether somebody watches standard error, so that a progress bar is of use.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}
