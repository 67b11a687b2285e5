//! Takes the steps of a run, in order, and decides when files are written and when they go.

use crate::held::Held;
use crate::points::{Mark, Point, Quality, micros};
use crate::reader::LakeReader;
use crate::said::slot;
use crate::settings::LakeSettings;
use crate::shared::{Shared, SharedNames, State};
use ouzel_connect::disk::Disk;
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_connect::sink::Noun;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, TICK};
use ouzel_engine::series::Declaration;
use ouzel_engine::time::Time;
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "parquet")]
mod keep;

/// The one who writes to a lake; owned by one thread.
///
/// Every reading taken is in memory or in files, never in both, and reaches a file once: at the start the journal
/// gives again what comes after [`LakeWriter::kept`], and what it gives before that is passed over.
#[derive(Debug)]
pub struct LakeWriter {
    shared: Arc<Shared>,
    settings: LakeSettings,
    /// The number of the next input; rows before it have been taken.
    next: u64,
    /// What the plan says of the values of each series.
    ranges: Vec<Range>,
    #[cfg(feature = "parquet")]
    files: Option<keep::Files>,
    forgotten: u64,
}

/// What a channel's values may be.
#[derive(Clone, Copy, Debug)]
struct Range {
    low: f64,
    high: f64,
}

const ANY: Range = Range { low: f64::NEG_INFINITY, high: f64::INFINITY };

impl LakeWriter {
    /// Opens the lake in `dir`, which is made where it is not there, and removes what a roll of an earlier life has
    /// left unfinished.
    ///
    /// # Errors
    /// When the folder cannot be used; or, without the feature `parquet`, always.
    #[cfg(feature = "parquet")]
    pub fn open(
        disk: &Disk,
        dir: &Path,
        plan: Arc<Plan>,
        settings: LakeSettings,
    ) -> Result<(LakeWriter, LakeReader), Fault> {
        LakeWriter::open_with(disk, dir, plan, None, settings)
    }

    /// The same with names that somebody else keeps, and has added to before a step comes.
    ///
    /// # Errors
    /// As [`LakeWriter::open`].
    #[cfg(feature = "parquet")]
    pub fn open_with(
        disk: &Disk,
        dir: &Path,
        plan: Arc<Plan>,
        names: Option<SharedNames>,
        settings: LakeSettings,
    ) -> Result<(LakeWriter, LakeReader), Fault> {
        let (files, listed) = keep::Files::open(disk, dir)?;
        let kept = files.kept();
        let state = State { live: Held::new(kept), files: Arc::new(listed), ..State::default() };
        let shared = Arc::new(Shared::new(disk, dir, plan, names, state));
        let reader = LakeReader::new(&shared);
        let (ranges, files) = (Vec::new(), Some(files));
        Ok((LakeWriter { shared, settings, next: kept, ranges, files, forgotten: 0 }, reader))
    }

    /// Says that this build writes no files.
    ///
    /// # Errors
    /// Always; [`LakeWriter::in_memory`] works in every build.
    #[cfg(not(feature = "parquet"))]
    pub fn open(_: &Disk, dir: &Path, _: Arc<Plan>, _: LakeSettings) -> Result<(LakeWriter, LakeReader), Fault> {
        let dir = dir.display();
        Err(Fault::yours(format!(
            "this build of ouzel has no Parquet and cannot keep a lake in {dir}; take one with the feature `parquet`, or leave out `[lake]`"
        )))
    }

    /// The same.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "parquet"))]
    pub fn open_with(
        disk: &Disk,
        dir: &Path,
        plan: Arc<Plan>,
        _: Option<SharedNames>,
        settings: LakeSettings,
    ) -> Result<(LakeWriter, LakeReader), Fault> {
        LakeWriter::open(disk, dir, plan, settings)
    }

    /// A lake without files: the newest readings that fit into `settings.recent`, and what was said of them. What is
    /// older is forgotten, and counted.
    pub fn in_memory(plan: Arc<Plan>, settings: LakeSettings) -> (LakeWriter, LakeReader) {
        LakeWriter::in_memory_with(plan, None, settings)
    }

    /// The same with names that somebody else keeps, and has added to before a step comes.
    pub fn in_memory_with(
        plan: Arc<Plan>,
        names: Option<SharedNames>,
        settings: LakeSettings,
    ) -> (LakeWriter, LakeReader) {
        let shared = Arc::new(Shared::new(&Disk::simulated(), Path::new(""), plan, names, State::default()));
        let reader = LakeReader::new(&shared);
        let writer = LakeWriter {
            shared,
            settings,
            next: 0,
            ranges: Vec::new(),
            #[cfg(feature = "parquet")]
            files: None,
            forgotten: 0,
        };
        (writer, reader)
    }

    /// The number of the first input that is in no file yet: the journal must keep what comes from here on.
    pub fn kept(&self) -> u64 {
        if self.in_files() {
            let state = self.shared.state();
            let waiting = state.frozen.as_deref().or((!state.live.is_empty()).then_some(&state.live));
            waiting.map_or(self.next, |held| held.from)
        } else {
            self.next
        }
    }

    /// Readings of a lake without files that were forgotten to make room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Takes a step: names, rows, and what came out of just these rows. Rows that were taken before are passed over,
    /// with what came out of them; ticks are no readings.
    ///
    /// # Errors
    /// When there is no room in memory, because files cannot be written. Then nothing was taken; it may be tried
    /// again, and the journal holds the rest meanwhile.
    pub fn take(&mut self, declarations: &[Declaration], batch: &Batch, outputs: &[Output]) -> Result<(), Fault> {
        self.make_room()?;
        self.declare(declarations);
        let start = self.next;
        let known = self.ranges.len();
        if batch.rows.iter().any(|row| row.series != TICK && row.series.0 as usize >= known) {
            let what = "a reading came before the name of its series; please report it".to_owned();
            return Err(Fault { whose: Whose::Us, retry: Retry::Never, what });
        }
        let mut late = outputs.iter().filter(|output| matches!(output.what, What::Late(_))).map(|output| output.input);
        let mut next_late = late.next();
        let mut state = self.shared.state();
        let live = &mut state.live;
        for (index, row) in batch.rows.iter().enumerate() {
            let seq = batch.number(index);
            if row.series == TICK || seq < start {
                continue;
            }
            while next_late.is_some_and(|number| number < seq) {
                next_late = late.next();
            }
            let Range { low, high } = self.ranges[row.series.0 as usize];
            let inside = low <= row.value && row.value <= high;
            let quality = if inside || row.quality != Quality::Good { row.quality } else { Quality::OutOfRange };
            let mark = Mark::new(quality, next_late == Some(seq));
            live.push(row.series, &Point { time: micros(row.time), seq, value: row.value, mark });
        }
        for output in outputs.iter().filter(|output| output.input >= start) {
            if let Some(slot) = Noun::of(&output.what).and_then(slot) {
                live.say(slot, output);
            }
        }
        drop(state);
        if let Some(last) = batch.rows.len().checked_sub(1) {
            self.next = self.next.max(batch.number(last) + 1);
        }
        // The end of an input has a number of its own, and no row.
        if let Some(last) = outputs.last() {
            self.next = self.next.max(last.input + 1);
        }
        Ok(())
    }

    /// Outputs are computed by this plan from now on. What is held was said by the one before, so it is written first.
    ///
    /// # Errors
    /// When files cannot be written; the plan is taken over all the same.
    pub fn plan(&mut self, plan: Arc<Plan>) -> Result<(), Fault> {
        let written = self.finish();
        self.shared.set_plan(plan);
        written
    }

    /// The clock on the wall has come to `now`: files are written when that is due, and go when they are too old.
    ///
    /// # Errors
    /// When files cannot be written. What they would hold stays in memory, and is tried again.
    pub fn tick(&mut self, now: Time) -> Result<(), Fault> {
        #[cfg(feature = "parquet")]
        if let Some(files) = &mut self.files {
            return files.tick(&self.shared, &self.settings, now, self.next);
        }
        let _ = now;
        Ok(())
    }

    /// Writes what is left. More may be taken afterwards.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn finish(&mut self) -> Result<(), Fault> {
        #[cfg(feature = "parquet")]
        if let Some(files) = &mut self.files {
            return files.roll(&self.shared, self.next);
        }
        Ok(())
    }

    fn in_files(&self) -> bool {
        #[cfg(feature = "parquet")]
        return self.files.is_some();
        #[cfg(not(feature = "parquet"))]
        false
    }

    fn declare(&mut self, declarations: &[Declaration]) {
        if declarations.is_empty() {
            return;
        }
        let plan = self.shared.plan();
        self.shared.declare(declarations);
        for declaration in declarations {
            let Declaration::Series { series, channel, .. } = declaration else { continue };
            let index = series.0 as usize;
            if self.ranges.len() <= index {
                self.ranges.resize(index + 1, ANY);
            }
            let facts = plan.channels.iter().find(|facts| facts.name == *channel);
            self.ranges[index] = facts.and_then(|facts| facts.range).map_or(ANY, |(low, high)| Range { low, high });
        }
    }

    /// Writes files early where rows or bytes are near their bounds; without files, forgets.
    fn make_room(&mut self) -> Result<(), Fault> {
        let (rows, live, frozen) = {
            let state = self.shared.state();
            let frozen = state.frozen.as_ref().map_or(0, |held| held.bytes());
            (state.live.rows(), state.live.bytes() as u64, frozen as u64)
        };
        // A step adds its own rows after this, and a roll takes room of its own: a quarter is left for both.
        let near = self.settings.recent / 4 * 3;
        #[cfg(feature = "parquet")]
        if let Some(files) = &mut self.files {
            if rows < self.settings.rows && live + frozen < near {
                return Ok(());
            }
            let full = live + frozen >= self.settings.recent;
            return files.early(&self.shared, self.next, full);
        }
        let _ = (rows, frozen);
        if live >= near / 2 {
            self.forget();
        }
        Ok(())
    }

    /// Without files there are two halves of memory: the older one goes, and a new one begins.
    fn forget(&mut self) {
        let mut state = self.shared.state();
        let newest = std::mem::replace(&mut state.live, Held::new(self.next));
        let oldest = state.frozen.replace(Arc::new(newest));
        self.forgotten += oldest.map_or(0, |held| held.rows());
    }
}
