//! The config file again, while it runs: SIGHUP, or `POST /api/v1/reload`.
//!
//! A file with a mistake changes nothing. Else what differs is made anew, and the rest is left alone.

use super::parts::{self, Made, Sources};
use crate::load::{Loaded, load};
use ouzel_pipeline::clock::Clock;
use ouzel_pipeline::config::{Config, SourceConfig};
use ouzel_pipeline::live::{Live, Reload, Same, at_next_start};
use std::collections::BTreeSet;
use std::path::PathBuf;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Where a wish to reload is put; what is given hears how it went.
pub type Wish = oneshot::Sender<Answer>;

/// What has changed, in sentences; or what is wrong with the file, and nothing has changed.
pub type Answer = Result<Vec<String>, Vec<String>>;

/// The config in force, and what was made of it.
pub struct Current {
    /// Its file; a demo has none.
    pub path: Option<PathBuf>,
    /// What it says.
    pub config: Config,
    /// The entrances of its sources.
    pub entrances: Vec<(String, JoinHandle<()>)>,
    /// Where files of sources are looked up that the journal refers to.
    pub sources: Sources,
}

impl Current {
    /// Reads the file again and applies the difference.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn reload(&mut self, live: &mut Live, clock: &Clock) -> Answer {
        let mut made = Made::default();
        let answer = self.apply(live, clock, &mut made).await;
        // What was opened for a reload that failed is closed again.
        made.entrances.iter().for_each(|(_, entrance)| entrance.abort());
        answer
    }

    async fn apply(&mut self, live: &mut Live, clock: &Clock, made: &mut Made) -> Answer {
        let Some(path) = &self.path else { return Err(vec!["this run has no config file".to_owned()]) };
        let loaded = load(path).and_then(Loaded::in_force);
        // That nothing was started is no news here.
        let lines = |problems: String| {
            let kept = problems.lines().filter(|line| !line.is_empty() && !line.ends_with("nothing was started"));
            kept.map(str::to_owned).collect::<Vec<_>>()
        };
        let (config, in_force) = loaded.map_err(lines)?;
        if config.sources.is_empty() {
            return Err(vec!["it has no `[source.NAME]`, so there would be nothing to run".to_owned()]);
        }
        let mut said = Vec::new();
        let old = &self.config;
        for (section, same) in [
            ("journal", old.journal == config.journal),
            ("lake", old.lake == config.lake),
            ("server", old.server == config.server),
        ] {
            said.extend((!same).then(|| at_next_start(section)));
        }
        let (mut same_sources, mut config) = (BTreeSet::new(), config);
        for source in &mut config.sources {
            let before = old.sources.iter().find(|before| before.name == source.name);
            let beside_page = is_beside_page(source) || before.is_some_and(is_beside_page);
            if before == Some(&*source) {
                same_sources.insert(source.name.clone());
            } else if beside_page {
                said.push(at_next_start(&format!("source.{}", source.name)));
                same_sources.insert(source.name.clone());
                if let Some(before) = before {
                    *source = before.clone();
                }
            } else {
                // Its entrance is closed first, so that the new one finds the address free.
                for (_, entrance) in self.entrances.extract_if(.., |(name, _)| *name == source.name) {
                    entrance.abort();
                    let _ = entrance.await;
                }
                parts::add_source(source, clock, made).await.map_err(|failure| vec![failure.message().to_owned()])?;
            }
        }
        let mut same_sinks: Vec<Same> = Vec::new();
        for (name, settings) in &config.sinks {
            if old.sinks.iter().any(|(other, before)| other == name && before == settings) {
                same_sinks.push(Same { name: name.clone(), take: settings.take.clone(), people: false });
            } else {
                parts::add_sink(name, settings, &config.plan, made)
                    .map_err(|failure| vec![failure.message().to_owned()])?;
            }
        }
        for sink in &config.live_sinks {
            if old.live_sinks.contains(sink) {
                same_sinks.push(Same { name: sink.name.clone(), take: sink.take.clone(), people: true });
            } else {
                parts::add_live_sink(sink, clock, made).map_err(|failure| vec![failure.message().to_owned()])?;
            }
        }
        let (sources, sinks) = (std::mem::take(&mut made.sources), std::mem::take(&mut made.sinks));
        if let Ok(mut known) = self.sources.write() {
            let new: Vec<_> = config.sources.iter().filter(|source| !known.contains(source)).cloned().collect();
            known.extend(new);
        }
        let reload = Reload {
            config: in_force,
            devices: config.devices,
            tables: config.tables.clone(),
            sources: (sources, same_sources),
            sinks: (sinks, same_sinks),
        };
        let changed = live.reload(reload).await.map_err(|fault| vec![fault.to_string()])?;
        let names: BTreeSet<String> = config.sources.iter().map(|source| source.name.clone()).collect();
        for (_, entrance) in self.entrances.extract_if(.., |(name, _)| !names.contains(name)) {
            entrance.abort();
        }
        self.entrances.append(&mut made.entrances);
        self.config = config;
        // Where only sections of the next start differ, nothing else is worth saying.
        if said.is_empty() || changed.iter().any(|what| what != "nothing has changed") {
            said.extend(changed);
        }
        Ok(said)
    }
}

/// Whether a source is served where the page is: its routes were joined with the page's at the start.
#[cfg(feature = "http")]
fn is_beside_page(source: &SourceConfig) -> bool {
    use ouzel_pipeline::config::{LiveKind, SourceKind};
    matches!(&source.what, SourceKind::Live(LiveKind::Http(settings)) if settings.listen.is_none())
}

/// A build without HTTP has none.
#[cfg(not(feature = "http"))]
fn is_beside_page(_: &SourceConfig) -> bool {
    false
}
