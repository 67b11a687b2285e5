//! From a config's sections to what a live run is made of.

use crate::ending::Failure;
use axum::Router;
use ouzel_connect::sink::SinkSettings;
use ouzel_connect::source::Source;
use ouzel_connect::source::file;
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config::{Config, SourceConfig, SourceKind};
use ouzel_pipeline::live::play::{Played, ReadIn, Truth, begin_now};
use ouzel_pipeline::live::{SinkPart, SourcePart};
use ouzel_pipeline::queue::{QueueSettings, WhenFull};
use tokio::task::JoinHandle;

/// What was made of a config.
#[derive(Default)]
pub struct Made {
    /// Its sources.
    pub sources: Vec<SourcePart>,
    /// Its sinks over networks.
    pub sinks: Vec<SinkPart>,
    /// Entrances of sources that are served where the page is.
    pub routes: Router,
    /// Those that have addresses of their own.
    pub entrances: Vec<JoinHandle<()>>,
    /// What its simulators play.
    pub truth: Vec<Truth>,
}

/// Readings that a queue holds where the config does not say.
const HOLDS: u64 = 50_000;

/// Makes the sources and the sinks over networks. Needs a runtime.
///
/// # Errors
/// When a file cannot be opened, a secret cannot be read, or an address is taken.
pub async fn make(config: &Config, clock: &Clock) -> Result<Made, Failure> {
    let mut made = Made::default();
    for source in &config.sources {
        add_source(source, clock, &mut made).await?;
    }
    Ok(made)
}

async fn add_source(source: &SourceConfig, clock: &Clock, made: &mut Made) -> Result<(), Failure> {
    let queue = QueueSettings { holds: HOLDS, when_full: WhenFull::Block };
    let mut add = |source_part, eager| {
        made.sources.push(SourcePart { name: source.name.clone(), source: source_part, queue, eager });
    };
    match &source.what {
        SourceKind::Simulate(settings) => {
            let (played, truth) = Played::new(begin_now(settings, source.timing, clock)?, clock.clone());
            add(Box::new(played), false);
            made.truth.push(truth);
        }
        SourceKind::Files { paths, format } => {
            let mut opened: Vec<Box<dyn Source>> = Vec::new();
            for path in paths {
                opened.push(file::open(path, format, source.timing, None)?.source);
            }
            add(Box::new(ReadIn::new(opened)), false);
        }
        SourceKind::Stdin { format } => {
            let input = Box::new(std::io::stdin());
            let opened = file::from_reader("stdin", input, format, source.timing, Some(&source.name))?;
            add(Box::new(ReadIn::new(vec![opened.source])), false);
        }
    }
    Ok(())
}

/// The sinks that are files.
pub fn files(config: &Config) -> Vec<(String, SinkSettings)> {
    config.sinks.clone()
}
