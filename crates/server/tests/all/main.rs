//! The server from outside: requests in, answers and live events out.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod bench;
mod rest;
mod windows;
mod tap;
mod control;
mod live;
mod past;
mod access;
