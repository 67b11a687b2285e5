//! A recorded stream, played in every way that must not matter: cut anywhere, on any number of shards, on threads,
//! stopped and resumed.
//!
//! The golden cases and the laws run on this. What came out is compared as a journal of outputs would hold it: the
//! place of each, then its NDJSON with its id.

use ouzel_connect::encode::{Book, ndjson, text};
use ouzel_connect::source::{Rejected, Source};
use ouzel_engine::checkpoint::Checkpoint;
use ouzel_engine::output::{Output, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, TICK};
use ouzel_engine::series::{Declaration, Names};
use ouzel_engine::time::Time;
use ouzel_pipeline::intake::{Intake, Stretch};
use ouzel_pipeline::journal::{Journalled, Record, Tabled};
use ouzel_pipeline::stream::Stream;
use ouzel_pipeline::tables::Tables;
use ouzel_pipeline::worker;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What one way of running gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// A line an output: its place, then its NDJSON.
    pub bytes: String,
    /// The text form, rejected input among it.
    pub text: String,
}

impl Outcome {
    /// Outputs in words.
    pub fn of(plan: &Plan, names: &Names, outputs: &[Output], rejected: &[Rejected]) -> Outcome {
        let book = Book { names, plan };
        let (mut bytes, mut lines) = (String::new(), Vec::new());
        for output in outputs {
            let mut json = Vec::new();
            ndjson::push(output, &book, &mut json);
            let device = names.device_name(output.device);
            let _ = write!(bytes, "{} {device} {} {} ", output.input, output.node, output.ordinal);
            if let What::Over(over) = &output.what {
                let _ = writeln!(bytes, "over {}", over.time);
            } else {
                bytes.push_str(&String::from_utf8_lossy(&json));
                text::push(output, &book, &mut lines);
            }
        }
        rejected.iter().for_each(|rejected| text::push_rejected(rejected, &mut lines));
        Outcome { bytes, text: String::from_utf8_lossy(&lines).into_owned() }
    }

    /// The outputs of all operators but the one of this name, without the numbers that operators have: those change with
    /// the plan.
    pub fn without(&self, operator: &str) -> String {
        let mut others = String::new();
        for line in self.bytes.lines().filter(|line| !line.contains(operator)) {
            let mut words = line.splitn(4, ' ');
            let (input, device, _, rest) = (words.next(), words.next(), words.next(), words.next());
            let _ = writeln!(others, "{} {} {}", input.unwrap_or(""), device.unwrap_or(""), rest.unwrap_or(""));
        }
        others
    }

    /// The outputs without their places, sorted: what laws about the order of arrival compare.
    pub fn anywhere(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self.bytes.lines().filter_map(|line| line.splitn(5, ' ').nth(4)).collect();
        lines.sort_unstable();
        lines
    }
}

/// An input as a journal would hold it, so that it can be cut anywhere.
pub struct Recorded {
    stretches: Vec<Stretch>,
    rejected: Vec<Rejected>,
    /// Versions of tables, and the rows from which they are in force, in order.
    tables: Vec<(usize, Tables)>,
    /// How many rows it has: readings and ticks.
    pub rows: usize,
}

impl Recorded {
    /// Reads sources to their end.
    ///
    /// # Errors
    /// What a source says when it cannot be read.
    pub fn of(plan: &Arc<Plan>, sources: Vec<Box<dyn Source>>) -> Result<Recorded, String> {
        Recorded::with_tables(plan, sources, Tables::new())
    }

    /// The same, with tables that are in force before the first reading.
    ///
    /// # Errors
    /// As [`Recorded::of`].
    pub fn with_tables(plan: &Arc<Plan>, sources: Vec<Box<dyn Source>>, tables: Tables) -> Result<Recorded, String> {
        let mut intake = Intake::new(Arc::clone(plan), sources).with_tables(tables);
        let mut recorded = Recorded { stretches: Vec::new(), rejected: Vec::new(), tables: Vec::new(), rows: 0 };
        while let Some(mut stretch) = intake.next_stretch().map_err(|f| f.what)? {
            if !stretch.tables.is_empty() {
                recorded.tables.push((recorded.rows, std::mem::take(&mut stretch.tables)));
            }
            recorded.rejected.append(&mut stretch.rejected);
            recorded.rows += stretch.batch.rows.len();
            recorded.stretches.push(stretch);
        }
        // Sources name their file by the path it was opened by; a case is the same wherever it stands.
        for rejected in &mut recorded.rejected {
            let name = Path::new(&rejected.source).file_name().map(|name| name.to_string_lossy().into_owned());
            rejected.source = name.unwrap_or_default();
        }
        Ok(recorded)
    }

    /// Lets other versions of tables be in force from a reading on, counted from 1; from none where there are fewer.
    pub fn change_tables(&mut self, reading: usize, tables: Tables) {
        let rows = self.stretches.iter().flat_map(|stretch| &stretch.batch.rows);
        let mut readings = rows.enumerate().filter(|(_, row)| row.series != TICK).map(|(index, _)| index);
        if let Some(row) = readings.nth(reading.saturating_sub(1)) {
            self.tables.push((row, tables));
            self.tables.sort_by_key(|(row, _)| *row);
        }
    }

    /// Versions of tables, each with the number of the first row that it is in force for.
    pub fn tables(&self) -> impl Iterator<Item = (u64, &Tables)> {
        self.tables.iter().map(|(row, tables)| (self.number(*row), tables))
    }

    /// Whether versions change on the way.
    pub fn tables_change(&self) -> bool {
        self.tables.iter().any(|(row, _)| *row > 0)
    }

    fn number(&self, row: usize) -> u64 {
        let mut before = 0;
        for stretch in &self.stretches {
            let rows = stretch.batch.rows.len();
            if row < before + rows {
                return stretch.batch.first + (row - before) as u64;
            }
            before += rows;
        }
        u64::MAX
    }

    /// The readings, without ticks.
    pub fn readings(&self) -> usize {
        self.rows - self.stretches.iter().map(|stretch| stretch.ticks.len()).sum::<usize>()
    }

    /// As they were read.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// All of it, cut where a version of a table changes, and its end.
    pub fn pieces(&self) -> Vec<Stretch> {
        let mut pieces = self.cut(usize::MAX, 0..self.rows);
        pieces.push(self.end());
        pieces
    }

    /// The rows of a range in stretches of at most `rows`. Names of a stretch that is cut in two are all declared
    /// before its first row, and those of a stretch without rows stand alone.
    fn cut(&self, rows: usize, range: Range<usize>) -> Vec<Stretch> {
        let mut cut = Vec::new();
        let mut end = 0;
        for whole in &self.stretches {
            let begin = end;
            end += whole.batch.rows.len();
            let first_of = |row: usize| whole.batch.first + (row - begin) as u64;
            if range.contains(&begin) || (begin == self.rows && begin == range.end) {
                let (declarations, batch) =
                    (whole.declarations.clone(), Batch { first: first_of(begin), ..Batch::default() });
                cut.push(Stretch { declarations, batch, ..Stretch::default() });
            }
            let mut low = range.start.max(begin);
            while low < range.end.min(end) {
                let high = range.end.min(end).min(low.saturating_add(rows));
                // A version is in force from its row on, however rows are cut.
                let high =
                    self.tables.iter().map(|(row, _)| *row).find(|row| *row > low).map_or(high, |row| high.min(row));
                for (_, tables) in self.tables.iter().filter(|(row, _)| *row == low) {
                    let batch = Batch { first: first_of(low), ..Batch::default() };
                    cut.push(Stretch { tables: tables.clone(), batch, ..Stretch::default() });
                }
                let (first, rows) = (first_of(low), whole.batch.rows[low - begin..high - begin].to_vec());
                let ticks = (first..).zip(&rows).filter(|(_, r)| r.series == TICK).map(|(n, r)| (n, *r)).collect();
                cut.push(Stretch { batch: Batch { first, rows, offsets: Vec::new() }, ticks, ..Stretch::default() });
                low = high;
            }
        }
        cut
    }

    /// As the records of a journal, of at most `rows` rows each. What was rejected stands in the first of them.
    pub fn records(&self, rows: usize) -> Vec<Record> {
        let mut stretches = self.cut(rows, 0..self.rows);
        stretches.push(self.end());
        stretches[0].rejected.clone_from(&self.rejected);
        let mut records = Vec::new();
        for mut stretch in stretches {
            // What was recorded has no number to spare for them, and nothing comes of a table by itself: it takes that of the
            // row before.
            let input = stretch.batch.first.saturating_sub(1);
            let alone = !stretch.tables.is_empty();
            for (join, table) in std::mem::take(&mut stretch.tables) {
                records.push(Record::Table(Tabled { input, at: Time(0), join, table }));
            }
            if !alone {
                records.push(journalled(records.len(), stretch));
            }
        }
        records
    }

    /// A channel that it has.
    pub fn channel(&self) -> Option<String> {
        self.stretches.iter().flat_map(|stretch| &stretch.declarations).find_map(|declaration| match declaration {
            Declaration::Series { channel, .. } => Some(channel.clone()),
            Declaration::Device { .. } => None,
        })
    }

    /// What could not be read.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// The end of the input.
    fn end(&self) -> Stretch {
        let end = self.stretches.last().and_then(|stretch| stretch.end);
        Stretch { end, batch: Batch { first: end.unwrap_or_default(), ..Batch::default() }, ..Stretch::default() }
    }

    /// Plays it in stretches of at most `rows`.
    pub fn play(&self, plan: &Arc<Plan>, rows: usize, shards: usize) -> Outcome {
        let mut stream = Stream::new(plan, shards);
        let mut outputs = Vec::new();
        for stretch in self.cut(rows, 0..self.rows).iter().chain([&self.end()]) {
            stream.step(stretch, &mut outputs);
        }
        Outcome::of(plan, stream.names(), &outputs, &self.rejected)
    }

    /// Plays it up to row `stop` on `before` shards, saves to bytes, and goes on from those on `after` shards.
    ///
    /// # Errors
    /// When the bytes cannot be read, or saving what was just loaded gives other bytes.
    pub fn play_with_stop(
        &self,
        plan: &Arc<Plan>,
        stop: usize,
        before: usize,
        after: usize,
    ) -> Result<Outcome, String> {
        let mut outputs = Vec::new();
        let mut stream = Stream::new(plan, before);
        let first = if stop < self.rows { 0..stop } else { 0..self.rows };
        self.cut(13, first).iter().for_each(|stretch| stream.step(stretch, &mut outputs));
        let bytes = stream.save().to_bytes();
        drop(stream);
        let checkpoint = Checkpoint::from_bytes(&bytes).map_err(|why| why.to_string())?;
        let mut stream = Stream::resume(plan, after, &checkpoint)?;
        let again = stream.save().to_bytes();
        if again != bytes {
            return Err(format!("stopped before row {stop}: saving what was just loaded gives other bytes"));
        }
        let rest = if stop < self.rows { self.cut(17, stop..self.rows) } else { Vec::new() };
        for stretch in rest.iter().chain([&self.end()]) {
            stream.step(stretch, &mut outputs);
        }
        Ok(Outcome::of(plan, stream.names(), &outputs, &self.rejected))
    }
}

/// A stretch as a record that has arrived in its turn.
pub(crate) fn journalled(index: usize, stretch: Stretch) -> Record {
    let arrived = Time::from_secs(index as i64);
    Record::Stretch(Box::new(Journalled { arrived, stretch, ..Journalled::default() }))
}

/// Plays sources on threads, one for each shard. What was rejected is not in it.
///
/// # Errors
/// What a source says when it cannot be read.
pub fn threaded(
    plan: &Arc<Plan>,
    (sources, tables): (Vec<Box<dyn Source>>, Tables),
    shards: usize,
) -> Result<Outcome, String> {
    let intake = Intake::new(Arc::clone(plan), sources).with_tables(tables);
    let (mut all, mut kept) = (Vec::new(), Names::new());
    let stop = AtomicBool::new(false);
    worker::run(plan, intake, shards, &stop, |head, outputs, _| {
        head.declarations.iter().for_each(|declaration| kept.follow(declaration));
        all.extend_from_slice(outputs);
        Ok(true)
    })
    .map_err(|fault| fault.what)?;
    Ok(Outcome::of(plan, &kept, &all, &[]))
}

/// The first line in which two texts differ, for the person who reads a failed test.
pub fn first_difference(expected: &str, got: &str) -> String {
    let (mut left, mut right) = (expected.lines(), got.lines());
    for line in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let (a, b) = (a.unwrap_or("(end)"), b.unwrap_or("(end)"));
                return format!("  line {line}\n  expected  {a}\n  got       {b}");
            }
        }
    }
    "  only in their line ends".into()
}
