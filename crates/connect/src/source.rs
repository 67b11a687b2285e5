//! Where readings come from.

pub mod simulate;
