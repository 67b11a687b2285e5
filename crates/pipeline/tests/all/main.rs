//! All tests of this crate from the outside, in one program: linking is most of what a test program costs.
#![expect(clippy::unwrap_used, reason = "clippy knows tests by their attribute, and their helpers have none")]

mod config;
mod config_feature;
mod config_filter;
mod config_formula;
mod config_table;
mod config_take;
mod config_window;
mod docs;
mod duplicates;
mod formats;
mod live;
mod live_moved;
mod live_order;
#[cfg(all(feature = "mqtt", feature = "http"))]
mod live_sections;
mod live_tables;
mod examples;
