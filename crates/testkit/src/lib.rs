//! Not shipped: what the tests of several crates need. The golden runner, slow and obvious oracles.

pub mod chance;
pub mod damage;
pub mod data;
pub mod golden;
pub mod lives;
pub mod numpy;
pub mod oracle;
pub mod play;
pub mod recovery;
pub mod services;
pub mod storm;
