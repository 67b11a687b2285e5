//! All tests that need the whole way of a reading, in one program: linking is most of what a test program costs.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod golden;
mod laws;
mod damage;
mod features;
mod filter;
mod found;
mod map;
mod meet;
mod moved;
mod oracle;
mod pandas;
mod recorded;
mod recovery;
mod retire;
mod seed_000;
mod seed_004;
mod storm;
mod tables;
