//! From a config's sections to what a live run is made of.

use crate::ending::Failure;
use axum::Router;
use ouzel_connect::fault::Fault;
#[cfg(any(feature = "mqtt", feature = "http"))]
use ouzel_connect::sink::live::LiveSink;
#[cfg(feature = "mqtt")]
use ouzel_connect::sink::mqtt as mqtt_sink;
#[cfg(feature = "http")]
use ouzel_connect::sink::webhook::Webhook;
use ouzel_connect::sink::{self, SinkSettings, Target};
use ouzel_connect::source::file;
#[cfg(feature = "http")]
use ouzel_connect::source::http::{self, Http};
use ouzel_connect::source::live::LiveSource;
#[cfg(any(feature = "mqtt", feature = "http"))]
use ouzel_connect::source::live::Now;
#[cfg(feature = "mqtt")]
use ouzel_connect::source::mqtt as mqtt_source;
use ouzel_engine::plan::Plan;
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config::{Config, LiveSinkConfig, SourceConfig, SourceKind};
#[cfg(any(feature = "mqtt", feature = "http"))]
use ouzel_pipeline::config::{LiveKind, LiveSinkKind};
use ouzel_pipeline::live::play::{Played, ReadIn, Reader, Reopen, Truth, begin_now};
use ouzel_pipeline::live::{SinkPart, SinkWhat, SourcePart};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::task::JoinHandle;

/// What was made of a config.
#[derive(Default)]
pub struct Made {
    /// Its sources.
    pub sources: Vec<SourcePart>,
    /// Its sinks.
    pub sinks: Vec<SinkPart>,
    /// Entrances of sources that are served where the page is.
    pub routes: Router,
    /// The same, where such a source asks for a key of its own.
    pub keyed: Router,
    /// Those that have addresses of their own.
    pub entrances: Vec<(String, JoinHandle<()>)>,
    /// What its simulators play.
    pub truth: Vec<Truth>,
}

/// Makes the sources and the sinks. Needs a runtime.
///
/// # Errors
/// When a file cannot be opened, a secret cannot be read, or an address is taken.
pub async fn make(config: &Config, clock: &Clock) -> Result<Made, Failure> {
    let mut made = Made::default();
    for source in &config.sources {
        add_source(source, clock, &mut made).await?;
    }
    for (name, settings) in &config.sinks {
        add_sink(name, settings, &config.plan, &mut made)?;
    }
    for sink in &config.live_sinks {
        add_live_sink(sink, clock, &mut made)?;
    }
    Ok(made)
}

/// Makes a sink that is written to here.
///
/// # Errors
/// When it cannot be opened.
pub fn add_sink(name: &str, settings: &SinkSettings, plan: &Plan, made: &mut Made) -> Result<(), Failure> {
    let what = match settings.target {
        Target::Folder(_) => SinkWhat::Files(settings.clone()),
        Target::Stdout => SinkWhat::Now(sink::open(settings, plan)?),
    };
    made.sinks.push(SinkPart { name: name.to_owned(), take: settings.take.clone(), what });
    Ok(())
}

/// The sources of the configs that were in force since the start, the newest last: the journal may refer to any of them.
/// A lock, because a reload adds to it while the worker reads; held to look one up.
pub type Sources = Arc<RwLock<Vec<SourceConfig>>>;

/// What reads the files of these sources again that a journal refers to.
pub fn reopen(sources: &Sources) -> Reopen {
    let sources = Arc::clone(sources);
    Reopen::new(move |name, file| {
        let sources = sources.read().unwrap_or_else(PoisonError::into_inner);
        let found = sources.iter().rev().filter(|source| source.name == name).find_map(|source| match &source.what {
            SourceKind::Files { paths, format } => {
                let path = paths.iter().find(|path| path.display().to_string() == file)?;
                Some((path.clone(), format.clone(), source.timing))
            }
            _ => None,
        });
        let (path, format, timing) = found
            .ok_or_else(|| Fault::yours(format!("the config has no `source.{name}` that reads {file} any more")))?;
        Ok(file::open(&path, &format, timing, None)?.source)
    })
}

/// Makes a sink over a network.
///
/// # Errors
/// When a secret cannot be read.
#[cfg_attr(not(feature = "http"), expect(unused_variables, reason = "only webhooks ask for the time"))]
pub fn add_live_sink(sink: &LiveSinkConfig, clock: &Clock, made: &mut Made) -> Result<(), Failure> {
    let LiveSinkConfig { name, what, take, at_most, beyond } = sink;
    #[cfg(any(feature = "mqtt", feature = "http"))]
    {
        let delivers: Box<dyn LiveSink> = match what {
            #[cfg(feature = "http")]
            LiveSinkKind::Webhook(settings) => Box::new(Webhook::new(settings, now(clock))?),
            #[cfg(feature = "mqtt")]
            LiveSinkKind::Mqtt(settings) => Box::new(mqtt_sink::Mqtt::new(name, settings)),
        };
        let what = SinkWhat::Live { sink: delivers, at_most: *at_most, beyond: *beyond };
        made.sinks.push(SinkPart { name: name.clone(), take: take.clone(), what });
        Ok(())
    }
    #[cfg(not(any(feature = "mqtt", feature = "http")))]
    match *what {}
}

/// Makes a source.
///
/// # Errors
/// As [`make`].
pub async fn add_source(config: &SourceConfig, clock: &Clock, made: &mut Made) -> Result<(), Failure> {
    let SourceConfig { name, what, timing, ahead, queue } = config;
    let (source, eager): (Box<dyn LiveSource>, bool) = match what {
        SourceKind::Simulate(settings) => {
            let (played, truth) = Played::new(begin_now(settings, *timing, clock)?, clock.clone());
            made.truth.push(truth);
            (Box::new(played), false)
        }
        SourceKind::Files { paths, format } => {
            let mut readers = Vec::new();
            for path in paths {
                let source = file::open(path, format, *timing, None)?.source;
                // What arrives now has another time at the next reading.
                let stays = (!timing.arrival && source.place().is_some()).then(|| path.display().to_string());
                readers.push(Reader { stays, source });
            }
            (Box::new(ReadIn::new(readers)), false)
        }
        SourceKind::Stdin { format } => {
            let input = Box::new(std::io::stdin());
            let opened = file::from_reader("stdin", input, format, *timing, Some(name))?;
            (Box::new(ReadIn::new(vec![Reader { stays: None, source: opened.source }])), false)
        }
        #[cfg(feature = "mqtt")]
        SourceKind::Live(LiveKind::Mqtt(settings)) => {
            (Box::new(mqtt_source::Mqtt::new(name, settings, *timing, now(clock))?), false)
        }
        #[cfg(feature = "http")]
        SourceKind::Live(LiveKind::Http(settings)) => {
            let http = Http::new(name, settings, *timing, now(clock))?;
            match settings.listen {
                None => {
                    let routes = if settings.key.is_some() { &mut made.keyed } else { &mut made.routes };
                    *routes = std::mem::take(routes).merge(http.routes());
                }
                Some(address) => {
                    let (listener, routes) = (http::listen(address).await?, http.routes());
                    let entrance = tokio::spawn(async move {
                        // It ends with its source; until then there is nothing that could end it.
                        let _ = http::serve(listener, routes, std::future::pending()).await;
                    });
                    made.entrances.push((name.clone(), entrance));
                }
            }
            (Box::new(http), true)
        }
        #[cfg(not(any(feature = "mqtt", feature = "http")))]
        SourceKind::Live(kind) => match *kind {},
    };
    made.sources.push(SourcePart { name: name.clone(), source, queue: *queue, eager, ahead: *ahead });
    Ok(())
}

/// The clock, as sources and sinks ask for it.
#[cfg(any(feature = "mqtt", feature = "http"))]
fn now(clock: &Clock) -> Now {
    let clock = clock.clone();
    Arc::new(move || clock.now())
}
