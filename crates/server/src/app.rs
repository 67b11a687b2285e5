//! What all handlers share.

use crate::history::History;
use crate::hub::Handle;
use crate::page::Page;
use crate::problem::Problem;
use crate::running::{Advance, Reload};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use ouzel_connect::fault::Fault;
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::control::Controls;
use ouzel_pipeline::counters::Counters;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Questions to the past that are answered at once: each takes a thread, and memory for what it reads.
pub const READERS: usize = 4;

/// See the head of this file. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// What the run is called.
    pub name: Arc<str>,
    /// The word for this start.
    pub boot: Arc<str>,
    /// The hub.
    pub hub: Handle,
    /// The run's counters.
    pub counters: Arc<Counters>,
    /// The run's clock.
    pub clock: Clock,
    /// Where people's words go.
    pub controls: Controls,
    /// What is known of the past.
    pub history: Arc<dyn History>,
    /// Room for questions to it.
    pub readers: Arc<Semaphore>,
    /// Moves a manual clock.
    pub advance: Option<Advance>,
    /// Lets another config be in force.
    pub reload: Option<Reload>,
    /// The page.
    pub page: Arc<Page>,
}

impl App {
    /// Asks the past, on a thread that may wait for a disk.
    ///
    /// # Errors
    /// What the past could not answer.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn History) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Problem> {
        let room = self.readers.clone().acquire_owned().await.map_err(|_| Problem::stopping())?;
        let history = self.history.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let _room = room;
            question(&*history)
        });
        // Where it panicked, the panic has been reported; the one who asked is told that it is not their doing.
        let broken = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the history could not be read; see the log");
        Ok(answer.await.map_err(broken)??)
    }
}

/// An answer in JSON.
pub fn json(what: &impl Serialize) -> Response<Body> {
    text("application/json", serde_json::to_vec(what).expect("plain data always encodes"))
}

/// An answer of some kind.
pub fn text(kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
