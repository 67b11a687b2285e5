//! Where readings come from and where results go: a file a protocol, a file a format.
//!
//! No detection, no retry loops, no threads of its own.

pub mod fault;
pub mod disk;
pub mod crash;
pub mod format;
pub mod secret;
#[cfg(any(feature = "http", feature = "mqtt"))]
mod tls;
#[cfg(feature = "mqtt")]
pub mod mqtt;
pub mod decode;
pub mod source;
pub mod table;
pub mod encode;
pub mod sink;
