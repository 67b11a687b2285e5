//! How people see it: REST, the live stream, the dashboard.
//!
//! [`serve`] is given a [`Running`] and shows it. `running.rs` and `history.rs` are the seams; `hub.rs` follows the run
//! and keeps what it looks like (`model.rs`); `routes.rs` says where what is asked.

pub mod running;
pub mod history;
pub mod lake;
pub mod model;
pub mod hub;
mod query;
mod problem;
mod app;
mod access;
mod pack;
mod routes;
mod rest;
mod stream;
mod tap;
mod health;
mod metrics;
mod page;
mod connections;
mod serve;

pub use problem::Problem;
pub use running::{Advance, Reload, Running, ServerSettings};
pub use serve::{app, listen, serve};
