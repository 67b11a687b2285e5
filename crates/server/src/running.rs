//! The seam to the pipeline: what a live run hands to the server when it starts.
//!
//! The server reads counters, follows steps, asks the history and says what people say. It holds no lock that the run
//! could wait for, and what it cannot follow fast enough is counted, not waited for.

use crate::history::History;
use axum::Router;
use ouzel_engine::plan::Plan;
use ouzel_engine::series::Series;
use ouzel_engine::time::Span;
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::control::Controls;
use ouzel_pipeline::counters::Counters;
use ouzel_pipeline::step::Step;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// A run that is shown.
pub struct Running {
    /// What people call it: `demo`, or the name of the config.
    pub name: String,
    /// A word for this start of the process; short, of letters and digits, and another one at each start.
    pub boot: String,
    /// What is computed.
    pub plan: Arc<Plan>,
    /// What the run counts.
    pub counters: Arc<Counters>,
    /// The run's clock.
    pub clock: Clock,
    /// What happens. Where the sender finds it full it may leave out readings (and count them in `counters.unseen`);
    /// names, controls and outputs have to come with a later step, for they come only once.
    pub steps: mpsc::Receiver<Arc<Step>>,
    /// Where the run hears whose open windows somebody looks at; [`Step::open`] tells of them from then on.
    pub looks: watch::Sender<Arc<[Series]>>,
    /// Where the run hears to whose readings somebody listens; [`Step::tapped`] has them from then on.
    pub taps: watch::Sender<Arc<[String]>>,
    /// Where people's words go.
    pub controls: Controls,
    /// What is known of the past.
    pub history: Arc<dyn History>,
    /// Moves a manual clock on and resolves when all that follows from it is done, the steps sent included. There is a
    /// route for it only with this.
    pub advance: Option<Advance>,
    /// Reads the config again and lets it be in force; where there is none, as in a demo, that cannot be asked for.
    pub reload: Option<Reload>,
}

/// See [`Running::reload`]. Gives what has changed, in sentences; or the config's problems, each with its place, and then
/// nothing was changed.
pub type Reload = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Vec<String>, Vec<String>>> + Send>> + Send + Sync>;

/// See [`Running::advance`].
pub type Advance = Arc<dyn Fn(Span) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// How the run is shown.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Without it only loopback addresses are served, and everything is allowed there; with it nothing is without it.
    pub key: Option<String>,
    /// Serve the page from here, not from the program itself.
    pub ui_dir: Option<PathBuf>,
    /// The most live streams at once.
    pub max_clients: usize,
    /// Routes of others, such as those that take readings in. They stand behind the same access rules.
    pub extra: Router,
    /// Routes of others that ask for a key of their own; the server's is not asked for there.
    pub keyed: Router,
}

impl Default for ServerSettings {
    fn default() -> ServerSettings {
        ServerSettings { key: None, ui_dir: None, max_clients: 64, extra: Router::new(), keyed: Router::new() }
    }
}
