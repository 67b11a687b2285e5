//! Not shipped: what the tests of several crates need. The golden runner, slow and obvious oracles.

pub mod golden;
pub mod oracle;
