//! Parquet in parts, for a live run: `aggregates-FIRSTINPUT.parquet`, each a whole file.
//!
//! A Parquet file cannot be written on, and is none before its footer. So rows gather in `.aggregates.parquet.tmp` until
//! there are enough of them or enough time has gone by; then the file gets its footer, is synced and gets its name. A part
//! is called by the number of the input that its first row comes from, so that names are in the order of rows; `.2`
//! follows where one input gives more than a part.

use super::earlier::{files, put_aside};
use super::{place, sync_folder};
use crate::encode::parquet::Table;
use crate::encode::{Book, Column, Statistics, columns, fields, rejected_fields, statistics};
use crate::fault::Fault;
use crate::sink::{Noun, fault};
use crate::source::Rejected;
use ouzel_engine::output::Output;
use ouzel_engine::plan::{Given, Plan};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Rows of a part: some MiB, as readers like it. The output log holds as much, for the cursor stands before the part.
const ROWS: u64 = 100_000;

/// How long a part may be under way: as late as its rows are seen by others, and as much is done again after a kill.
const AGE: Duration = Duration::from_secs(15 * 60);

pub(super) struct Parts {
    folder: PathBuf,
    noun: Noun,
    columns: Vec<Column>,
    statistics: Vec<Given>,
    open: Option<Part>,
    /// The last one that was ended.
    last: Option<(Mark, u64)>,
    /// One could not be ended, so its rows are lost here.
    broken: bool,
    /// One was ended, and nobody has asked how far we are.
    ended: bool,
    /// The last input that a row came from. What could not be read comes from none that is known here.
    input: u64,
    age: Duration,
}

/// Which part it is: the input of its first row, and its number among those of that input.
type Mark = (u64, u64);

struct Part {
    table: Box<Table<File>>,
    first: u64,
    rows: u64,
    begun: Instant,
}

fn name(noun: Noun, (first, number): Mark) -> String {
    let number = if number == 1 { String::new() } else { format!(".{number}") };
    format!("{}-{first}{number}.parquet", noun.name())
}

fn mark_of(name_of_file: &str, noun: Noun) -> Option<Mark> {
    let rest = name_of_file.strip_suffix(".parquet")?.strip_prefix(noun.name())?.strip_prefix('-')?;
    let (first, number) = rest.split_once('.').unwrap_or((rest, "1"));
    let mark = (first.parse().ok()?, number.parse().ok()?);
    (name(noun, mark) == name_of_file).then_some(mark)
}

impl Parts {
    /// Behind the parts that an earlier run has ended and that are known to be.
    pub(super) fn resume(
        folder: &Path,
        noun: Noun,
        plan: &Plan,
        progress: &[(String, u64)],
        notes: &mut Vec<String>,
    ) -> Result<Parts, Fault> {
        let last = progress.iter().filter_map(|(name, size)| Some((mark_of(name, noun)?, *size))).max();
        for (mark, path) in files(folder, |name| mark_of(name, noun))? {
            // With nothing known, all of them; else what was ended just before a kill, whose rows come again.
            if last.is_none_or(|(last, _)| mark > last) {
                let why = if last.is_some() { "was not known to be done" } else { "is of an earlier run" };
                put_aside(&path, why, notes)?;
            }
        }
        if let Some((mark, size)) = last {
            let path = folder.join(name(noun, mark));
            match fs::metadata(&path) {
                Ok(about) if about.len() == size => {}
                Ok(_) => notes.push(format!("{} is not as it was left", place(&path))),
                Err(_) => notes.push(format!("{} is gone, with {size} bytes of earlier results", place(&path))),
            }
        }
        let input = last.map_or(0, |((first, _), _)| first);
        let mut parts = Parts {
            folder: folder.to_owned(),
            noun,
            columns: columns(noun, plan),
            statistics: statistics(plan),
            open: None,
            last,
            broken: false,
            ended: false,
            input,
            age: AGE,
        };
        // So that a folder that cannot be written to is told now, and what a kill has left is gone.
        parts.begin(0)?;
        parts.open = None;
        fs::remove_file(parts.temporary()).map_err(|e| parts.fault(&e))?;
        Ok(parts)
    }

    pub(super) fn push(&mut self, output: &Output, book: &Book<'_>) -> Result<(), Fault> {
        if self.input != output.input && self.open.as_ref().is_some_and(|part| part.rows >= ROWS) {
            self.end()?;
        }
        self.input = self.input.max(output.input);
        let statistics = std::mem::take(&mut self.statistics);
        let pushed = self.row(|table| fields(output, book, Statistics::Columns(&statistics), |_, v| table.cell(v)));
        self.statistics = statistics;
        pushed
    }

    pub(super) fn push_rejected(&mut self, rejected: &Rejected) -> Result<(), Fault> {
        if self.open.as_ref().is_some_and(|part| part.rows >= ROWS) {
            self.end()?;
        }
        self.row(|table| rejected_fields(rejected, |_, value| table.cell(value)))
    }

    fn row(&mut self, cells: impl FnOnce(&mut Table<File>)) -> Result<(), Fault> {
        if self.open.is_none() {
            self.begin(self.input)?;
        }
        let Some(part) = &mut self.open else { return Ok(()) };
        cells(&mut part.table);
        part.rows += 1;
        if let Err(e) = part.table.end_row() {
            (self.open, self.broken) = (None, true);
            return Err(self.fault(&e));
        }
        Ok(())
    }

    fn begin(&mut self, first: u64) -> Result<(), Fault> {
        let table = File::create(self.temporary()).and_then(|file| Table::new(&self.columns, file));
        let table = Box::new(table.map_err(|e| self.fault(&e))?);
        self.open = Some(Part { table, first, rows: 0, begun: Instant::now() });
        Ok(())
    }

    /// Ends the part that is under way, if one is. After a fault its rows are lost, and come again from the log, for this
    /// never says again that it is settled.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        let Some(part) = self.open.take() else { return Ok(()) };
        self.broken = true;
        self.keep(part)?;
        self.broken = false;
        Ok(())
    }

    fn keep(&mut self, mut part: Part) -> Result<(), Fault> {
        let temporary = self.temporary();
        let size = part.table.finish().and_then(|file| {
            file.sync_all()?;
            Ok(file.metadata()?.len())
        });
        let size = size.map_err(|e| self.fault(&e))?;
        let mut mark = match self.last {
            // Names are in the order of rows, whatever input the first one is said to be from.
            Some((last, _)) if last.0 >= part.first => (last.0, last.1 + 1),
            _ => (part.first, 1),
        };
        while self.folder.join(name(self.noun, mark)).exists() {
            mark.1 += 1;
        }
        fs::rename(&temporary, self.folder.join(name(self.noun, mark))).map_err(|e| self.fault(&e))?;
        sync_folder(&self.folder)?;
        (self.last, self.ended) = (Some((mark, size)), true);
        Ok(())
    }

    /// Whether it is time to end what is under way, or something was ended.
    pub(super) fn is_due(&self) -> bool {
        self.ended || self.open.as_ref().is_some_and(|part| part.rows >= ROWS || part.begun.elapsed() >= self.age)
    }

    /// Whether rows are under way.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some() || self.broken
    }

    /// The last part that was ended. The ones before it are as durable and will not change, so they are not listed.
    pub(super) fn progress(&mut self) -> Option<(String, u64)> {
        self.ended = false;
        self.last.map(|(mark, size)| (name(self.noun, mark), size))
    }

    /// From now on by this plan.
    pub(super) fn plan(&mut self, plan: &Plan) -> Result<(), Fault> {
        let columns = columns(self.noun, plan);
        if columns != self.columns {
            self.end()?;
            (self.columns, self.statistics) = (columns, statistics(plan));
        }
        Ok(())
    }

    fn temporary(&self) -> PathBuf {
        self.folder.join(format!(".{}.parquet.tmp", self.noun.name()))
    }

    fn fault(&self, error: &io::Error) -> Fault {
        fault(&place(&self.folder.join(format!("{}.parquet", self.noun.name()))), error)
    }

    #[cfg(test)]
    pub(super) fn end_at_once(&mut self) {
        self.age = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_say_where_they_begin() {
        for mark in [(0, 1), (7, 1), (7, 2), (u64::MAX, 10)] {
            assert_eq!(mark_of(&name(Noun::Late, mark), Noun::Late), Some(mark));
        }
        assert_eq!(name(Noun::Late, (7, 2)), "late-7.2.parquet");
        for other in ["late.parquet", "late-7.1.parquet", "late-07.parquet", "late-7.parquet.old-1", "alerts-7.parquet"]
        {
            assert_eq!(mark_of(other, Noun::Late), None, "{other}");
        }
    }
}
