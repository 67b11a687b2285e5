//! Makes the parts and joins them, in the order of the way: sources, intake, shards, fleet, outlet.

use crate::intake::Intake;
use crate::outlet::Outlet;
use crate::stream::Stream;
use crate::summary::Summary;
use crate::worker;
use ouzel_connect::fault::Fault;
use ouzel_connect::source::Source;
use ouzel_engine::plan::Plan;
use ouzel_engine::series::Names;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many shards; 0: all in one thread, without any other.
    pub shards: usize,
}

/// What came of a run.
pub struct Ran {
    /// The counts.
    pub summary: Summary,
    /// The names, to print them with.
    pub names: Names,
    /// It was stopped before the input ended.
    pub stopped: bool,
}

/// Runs sources to their end, everything that comes out into the outlet. `stop` ends the run between two stretches;
/// the outlet is closed all the same.
///
/// # Errors
/// What a source or a sink could not do.
pub fn run(
    plan: &Arc<Plan>,
    sources: Vec<Box<dyn Source>>,
    outlet: &mut Outlet,
    settings: Settings,
    stop: &AtomicBool,
) -> Result<Ran, Fault> {
    let intake = Intake::new(Arc::clone(plan), sources);
    let mut summary = Summary::default();
    let mut kept = Names::new();
    let mut ended = false;
    if settings.shards == 0 {
        let (mut intake, mut stream, mut outputs) = (intake, Stream::new(plan, 1), Vec::new());
        while let Some(stretch) = if stop.load(Ordering::Relaxed) { None } else { intake.next_stretch()? } {
            outputs.clear();
            stream.step(&stretch, &mut outputs);
            summary.readings += (stretch.batch.rows.len() - stretch.ticks.len()) as u64;
            summary.absent += stretch.absent;
            summary.rejected += stretch.rejected.len() as u64;
            summary.count(&outputs);
            outlet.write(&outputs, &stretch.rejected, stream.names(), plan)?;
            ended |= stretch.end.is_some();
        }
        kept = stream.names().clone();
    } else {
        worker::run(plan, intake, settings.shards, stop, |head, outputs, names| {
            summary.readings += head.readings;
            summary.absent += head.stretch.absent;
            summary.rejected += head.stretch.rejected.len() as u64;
            summary.count(outputs);
            outlet.write(outputs, &head.stretch.rejected, names, plan)?;
            head.declarations.iter().for_each(|declaration| kept.follow(declaration));
            ended |= head.stretch.end.is_some();
            Ok(true)
        })?;
    }
    outlet.finish()?;
    summary.devices = kept.device_count() as u64;
    summary.series = kept.series_count() as u64;
    Ok(Ran { summary, names: kept, stopped: !ended })
}
