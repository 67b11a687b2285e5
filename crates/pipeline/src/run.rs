//! Makes the parts and joins them, in the order of the way: sources, intake, shards, fleet, outlet.

use crate::control::{Control, Order};
use crate::counted::Counted;
use crate::intake::{Intake, Stretch};
use crate::journal::{Follower, Mender, Next, Record};
use crate::outlet::Outlet;
use crate::runner::{Reread, recall};
use crate::stream::Stream;
use crate::summary::Summary;
use crate::tables::Tables;
use crate::worker;
use ouzel_connect::fault::Fault;
use ouzel_connect::source::Source;
use ouzel_engine::output::Output;
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::Names;
use ouzel_engine::time::{Span, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
    /// What the operators have counted.
    pub counted: Counted,
    /// It was stopped before the input ended.
    pub stopped: bool,
    /// Bytes of a journal that could not be read and were skipped.
    pub damaged: u64,
    /// Readings of a journal whose names were in what was skipped.
    pub lost: u64,
}

/// Runs sources to their end, with these tables, everything that comes out into the outlet. `stop` ends the run between two stretches.
/// The outlet is closed however it ends.
///
/// # Errors
/// What a source or a sink could not do.
pub fn run(
    plan: &Arc<Plan>,
    (sources, tables): (Vec<Box<dyn Source>>, Tables),
    outlet: &mut Outlet,
    settings: Settings,
    stop: &AtomicBool,
) -> Result<Ran, Fault> {
    let intake = Intake::new(Arc::clone(plan), sources).with_tables(tables);
    let ran = match settings.shards {
        0 => straight(plan, intake, outlet, stop),
        shards => threaded(plan, intake, outlet, shards, stop),
    };
    closed(ran, outlet)
}

/// Like [`run`], in one thread and no faster than `speed` times the pace at which the readings were made.
///
/// # Errors
/// What a source or a sink could not do.
pub fn run_paced(
    plan: &Arc<Plan>,
    (sources, tables): (Vec<Box<dyn Source>>, Tables),
    outlet: &mut Outlet,
    speed: f64,
    stop: &AtomicBool,
) -> Result<Ran, Fault> {
    let mut intake = Intake::new(Arc::clone(plan), sources).with_tables(tables);
    let mut straight = Straight::new(plan);
    let mut pace = Pace { speed, began: None };
    let mut walk = || -> Result<(), Fault> {
        while let Some(mut rest) = if stop.load(Ordering::Relaxed) { None } else { intake.next_stretch()? } {
            let due = due_times(&rest.batch.rows);
            let mut done = 0;
            while done < due.len() {
                let Some(now) = pace.wait(due[done], stop) else { return Ok(()) };
                let count = due[done..].partition_point(|&time| time <= now).max(1);
                done += count;
                straight.step(&front(&mut rest, count), outlet)?;
            }
            straight.step(&rest, outlet)?;
        }
        Ok(())
    };
    let walked = walk();
    closed(walked.map(|()| straight.ran()), outlet)
}

/// Runs a journal through a plan, from the oldest place it has: its readings, and its own ticks. Under the plan it was
/// written with, the outputs are those of the live run. Where to begin [`recorded`](crate::runner::recorded) knows.
///
/// # Errors
/// What the journal does not give back, or a sink could not do.
pub fn run_journal(
    plan: &Arc<Plan>,
    (stream, mut follower): (Stream, Follower),
    mut reread: Option<Box<dyn Reread>>,
    outlet: &mut Outlet,
    stop: &AtomicBool,
) -> Result<Ran, Fault> {
    let mut mender = Mender::behind(stream.names().device_count(), stream.names().series_count());
    let mut straight = Straight { stream, ..Straight::new(plan) };
    let mut lost = 0;
    let mut walk = || -> Result<(), Fault> {
        while !stop.load(Ordering::Relaxed) {
            match follower.next(Duration::ZERO)? {
                Next::Record(Record::Stretch(mut journalled)) => {
                    mender.mend(&mut journalled.stretch);
                    straight.step(&journalled.stretch, outlet)?;
                }
                Next::Record(Record::Reference(referred)) => {
                    let again = match &mut reread {
                        Some(reread) => recall(&mut **reread, &referred, straight.stream.names()),
                        None => Err("nobody reads files again".to_owned()),
                    };
                    match again {
                        Ok(stretch) => straight.step(&stretch, outlet)?,
                        Err(_) => lost += u64::from(referred.rows),
                    }
                }
                Next::Record(Record::Control(Control { what: Order::Retire { device, input }, .. })) => {
                    straight.retire(&device, input, outlet)?;
                }
                Next::Record(Record::Table(tabled)) => straight.stream.take_table(&tabled.join, &tabled.table),
                Next::Record(Record::Control(_) | Record::Config(_)) | Next::Idle => {}
                Next::End => {
                    // A journal has no end of its input, only a last record so far.
                    straight.ended = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    };
    let walked = walk();
    let damaged = follower.damaged();
    let ran = closed(walked.map(|()| straight.ran()), outlet)?;
    Ok(Ran { damaged, lost: mender.lost() + lost, ..ran })
}

/// Closes the outlet; the first fault is the one that is told.
fn closed(ran: Result<Ran, Fault>, outlet: &mut Outlet) -> Result<Ran, Fault> {
    let finished = outlet.finish();
    let ran = ran?;
    finished.map(|()| ran)
}

/// A run in one thread.
struct Straight<'p> {
    plan: &'p Arc<Plan>,
    stream: Stream,
    outputs: Vec<Output>,
    summary: Summary,
    ended: bool,
}

impl<'p> Straight<'p> {
    fn new(plan: &'p Arc<Plan>) -> Straight<'p> {
        Straight { plan, stream: Stream::new(plan, 1), outputs: Vec::new(), summary: Summary::default(), ended: false }
    }

    fn step(&mut self, stretch: &Stretch, outlet: &mut Outlet) -> Result<(), Fault> {
        self.outputs.clear();
        self.stream.step(stretch, &mut self.outputs);
        self.summary.take((stretch.batch.rows.len() - stretch.ticks.len()) as u64, stretch.span());
        self.summary.absent += stretch.absent;
        self.summary.duplicates += stretch.duplicates;
        self.summary.moved += u64::from(stretch.moved.is_some());
        self.summary.reject(&stretch.rejected);
        self.summary.count(&self.outputs);
        self.ended |= stretch.end.is_some();
        outlet.write(&self.outputs, &stretch.rejected, self.stream.names(), self.plan)
    }

    fn retire(&mut self, device: &str, input: u64, outlet: &mut Outlet) -> Result<(), Fault> {
        self.outputs.clear();
        if let Some(device) = self.stream.names().find_device(device) {
            self.stream.retire(input, &[device], &mut self.outputs);
        }
        self.summary.count(&self.outputs);
        outlet.write(&self.outputs, &[], self.stream.names(), self.plan)
    }

    fn ran(self) -> Ran {
        Ran::new(self.plan, self.summary, self.stream.names().clone(), self.stream.counted(), self.ended)
    }
}

impl Ran {
    fn new(plan: &Plan, mut summary: Summary, names: Names, counted: Counted, ended: bool) -> Ran {
        summary.devices = (names.device_count() - plan.group_devices(&names)) as u64;
        summary.series = names.series_count() as u64;
        Ran { summary, names, counted, stopped: !ended, damaged: 0, lost: 0 }
    }
}

fn straight(plan: &Arc<Plan>, mut intake: Intake, outlet: &mut Outlet, stop: &AtomicBool) -> Result<Ran, Fault> {
    let mut straight = Straight::new(plan);
    while let Some(stretch) = if stop.load(Ordering::Relaxed) { None } else { intake.next_stretch()? } {
        straight.step(&stretch, outlet)?;
        intake.give_back(stretch.batch.rows);
    }
    Ok(straight.ran())
}

fn threaded(
    plan: &Arc<Plan>,
    intake: Intake,
    outlet: &mut Outlet,
    shards: usize,
    stop: &AtomicBool,
) -> Result<Ran, Fault> {
    let (mut summary, mut kept, mut ended) = (Summary::default(), Names::new(), false);
    let counted = worker::run(plan, intake, shards, stop, |head, outputs, names| {
        summary.take(head.readings, head.span);
        summary.absent += head.stretch.absent;
        summary.duplicates += head.stretch.duplicates;
        summary.moved += u64::from(head.stretch.moved.is_some());
        summary.reject(&head.stretch.rejected);
        summary.count(outputs);
        head.declarations.iter().for_each(|declaration| kept.follow(declaration));
        ended |= head.stretch.end.is_some();
        outlet.write(outputs, &head.stretch.rejected, names, plan)?;
        Ok(true)
    })?;
    Ok(Ran::new(plan, summary, kept, counted, ended))
}

/// Lets event time pass as fast as the wall clock times `speed`.
struct Pace {
    speed: f64,
    began: Option<(Time, Instant)>,
}

/// How long a stop may go unseen.
const NAP: Duration = Duration::from_millis(50);

impl Pace {
    /// Waits until `time` is due and gives the moment that is due by then; `None` when the run is to stop.
    fn wait(&mut self, time: Time, stop: &AtomicBool) -> Option<Time> {
        let &mut (first, began) = self.began.get_or_insert_with(|| (time, Instant::now()));
        while !stop.load(Ordering::Relaxed) {
            let passed = began.elapsed().as_secs_f64() * self.speed;
            let missing = time.since(first).as_secs_f64() - passed;
            if missing <= 0.0 {
                return Some(first + Span((passed * 1e9) as i64));
            }
            let wait = Duration::try_from_secs_f64(missing / self.speed).unwrap_or(NAP);
            std::thread::sleep(wait.min(NAP));
        }
        None
    }
}

/// When each row is due: at its time, or earlier if one after it is earlier, so that a wrong clock that runs ahead
/// holds nobody up.
fn due_times(rows: &[Reading]) -> Vec<Time> {
    let mut due: Vec<Time> = rows.iter().map(|row| row.time).collect();
    for index in (1..due.len()).rev() {
        due[index - 1] = due[index - 1].min(due[index]);
    }
    due
}

/// Cuts the first `count` rows off a stretch, with all that comes before its rows.
fn front(rest: &mut Stretch, count: usize) -> Stretch {
    let mut front = std::mem::take(rest);
    let split = front.batch.first + count as u64;
    rest.batch = Batch { first: split, rows: front.batch.rows.split_off(count), offsets: Vec::new() };
    rest.ticks = front.ticks.split_off(front.ticks.partition_point(|&(number, _)| number < split));
    rest.end = front.end.take();
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::series::Series;

    fn row(second: i64) -> Reading {
        Reading::new(Series(0), Time::from_secs(second), 0.0)
    }

    #[test]
    fn a_clock_that_runs_ahead_holds_nobody_up() {
        let rows = [1, 900, 2, 3].map(row);
        assert_eq!(due_times(&rows), [1, 2, 2, 3].map(Time::from_secs));
    }

    #[test]
    fn a_stretch_is_cut_without_losing_anything() {
        let rows = vec![row(1), Reading::data_tick(Time::from_secs(1)), row(2), Reading::data_tick(Time::from_secs(2))];
        let ticks = vec![(11, rows[1]), (13, rows[3])];
        let batch = Batch { first: 10, rows: rows.clone(), offsets: Vec::new() };
        let mut rest = Stretch { batch, ticks, end: Some(14), absent: 3, ..Stretch::default() };
        let front = front(&mut rest, 3);
        assert_eq!((front.batch.first, &front.batch.rows[..]), (10, &rows[..3]));
        assert_eq!((rest.batch.first, &rest.batch.rows[..]), (13, &rows[3..]));
        assert_eq!((front.ticks.len(), rest.ticks.len()), (1, 1));
        assert_eq!((front.end, rest.end, front.absent, rest.absent), (None, Some(14), 3, 0));
    }
}
