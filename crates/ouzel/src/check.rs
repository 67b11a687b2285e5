//! `ouzel check`: all that is wrong with a config, what is unwise, and what it will cost.

use crate::ending::{Done, Ending, Failure};
use crate::figures::{bytes, counted};
use crate::load::load_with_tables;
use crate::screen;
use ouzel_engine::plan::{Operator, Work};
use ouzel_pipeline::config::{Config, shape_in_words};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Show every problem of a config at once, and advice
#[derive(clap::Args)]
pub struct Args {
    /// The config file
    config: PathBuf,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the config cannot be read, or nobody reads the answer.
pub fn run(args: &Args) -> Done {
    let loaded = match load_with_tables(&args.config) {
        Ok(mut loaded) => {
            loaded.look_at_files(false);
            loaded
        }
        Err(message) if args.json => {
            let problem = serde_json::json!({
                "message": message, "file": args.config.display().to_string(), "line": null, "column": null, "hint": null,
            });
            let answer = serde_json::json!({ "problems": [problem], "advice": [], "memory_bytes_per_series": null });
            screen::print(&format!("{answer}\n"))?;
            return Ok(Ending::BadConfig);
        }
        Err(message) => return Err(Failure::Config(message)),
    };
    let mut answer = String::new();
    if args.json {
        answer = format!("{}\n", loaded.read.to_json());
    } else {
        answer.push_str(&loaded.read.render_all(&loaded.text));
        if let Some(config) = &loaded.read.config {
            answer.push_str(&format!("{} is good: {}\n{}", loaded.read.label, outline(config), windows(config)));
            for (join, rows) in &loaded.read.tables {
                answer.push_str(&format!("  join {join}: a table of {}\n", counted(*rows as u64, "row")));
            }
        }
    }
    screen::print(&answer)?;
    Ok(if loaded.read.config.is_some() { Ending::Done } else { Ending::BadConfig })
}

/// What each window is, in words, a line each: many keys can say it, and one reads it back here.
fn windows(config: &Config) -> String {
    let mut lines = String::new();
    let mut known = BTreeSet::new();
    for operator in &config.plan.operators {
        // A section whose channels get different statistics is an operator for each, of one shape.
        if let Work::Window(spec) = &operator.work
            && known.insert(&operator.name)
        {
            lines.push_str(&format!("  window {}: {}\n", operator.name, shape_in_words(spec)));
        }
    }
    lines
}

/// What a config has, in a line. A detector may be several operators; it is counted once, as its section is.
fn outline(config: &Config) -> String {
    let names = |operators: &mut dyn Iterator<Item = &Operator>| {
        operators.map(|operator| operator.name.as_str()).collect::<BTreeSet<_>>().len()
    };
    let is_filter = |operator: &&Operator| matches!(operator.work, Work::Compress(_) | Work::Filter(_));
    let is_join = |operator: &&Operator| matches!(operator.work, Work::Join(_));
    let is_window = |operator: &&Operator| matches!(operator.work, Work::Window(_));
    let is_feature =
        |operator: &&Operator| matches!(operator.work, Work::Feature(_) | Work::Formula(_) | Work::Among(_));
    let is_detector = |operator: &&Operator| operator.work.limits().is_some();
    let operators = &config.plan.operators;
    // A table that gives tags alone makes nothing.
    let joins = config.tables.len() + names(&mut operators.iter().filter(is_join));
    let parts = [
        (config.sources.len(), "source"),
        (names(&mut operators.iter().filter(is_filter)), "filter"),
        (names(&mut operators.iter().filter(is_feature)), "feature"),
        (joins, "join"),
        (names(&mut operators.iter().filter(is_window)), "window"),
        (names(&mut operators.iter().filter(is_detector)), "detector"),
        (config.plan.alerts.len(), "alert"),
        (config.sinks.len() + config.live_sinks.len(), "sink"),
        (config.tests.len(), "test"),
    ];
    // Most configs have none of these, and need not hear of it.
    let seldom = ["filter", "feature", "join", "test"];
    let parts = parts.into_iter().filter(|(count, word)| *count > 0 || !seldom.contains(word));
    let parts = parts.map(|(count, word)| counted(count as u64, word)).collect::<Vec<_>>().join(", ");
    format!("{parts}; up to {} of memory for each series", bytes(config.bytes_per_series()))
}
