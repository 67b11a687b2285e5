//! The server from outside: requests in, answers and live events out.

mod bench;
mod rest;
mod live;
mod access;
