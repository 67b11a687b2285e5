//! Drives the sources: reads, merges by event time, gives every row its number, and lets ticks follow from data time.
//!
//! What comes out is what a journal would hold: names, readings and ticks in one order. Several inputs merge by the
//! time of their next row; ties go in the order given, and disorder within an input is left as it is.

mod moves;

use crate::sequence::{self, Numbers, Seen};
use crate::tables::Tables;
use moves::Moves;
use ouzel_connect::fault::Fault;
use ouzel_connect::source::{Rejected, Retold, Rows, Source};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, Reading, TICK};
use ouzel_engine::series::{Declaration, Device, Names};
use ouzel_engine::time::{Span, Time};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

/// How many rows a stretch of several inputs has, more or less: 96 KiB of readings, a tenth of a usual cache.
const STRETCH: usize = 4_096;

/// One stretch of input, in order: first versions of tables, then the names, then the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// Versions of tables that are in force from here on. In a journal they are records of their own.
    pub tables: Tables,
    /// A device whose tags have changed so that it starts a new key, and the number of that input: what it began is ended. Such
    /// a stretch has nothing else; the next one declares it anew. Of files that are replayed; live it is a word in the journal.
    pub moved: Option<(u64, Device)>,
    /// Names that are new in it.
    pub declarations: Vec<Declaration>,
    /// Readings and ticks, numbered without gaps.
    pub batch: Batch,
    /// The ticks among the rows, with their numbers.
    pub ticks: Vec<(u64, Reading)>,
    /// The number of the end, where the input ends after these rows.
    pub end: Option<u64>,
    /// Input that could not be read.
    pub rejected: Vec<Rejected>,
    /// Cells that were empty.
    pub absent: u64,
    /// Readings of messages that came before, by their numbers, and were left out. Of files that are replayed; what comes
    /// live is counted where it comes.
    pub duplicates: u64,
}

impl Stretch {
    /// First and last time of its readings.
    pub fn span(&self) -> Option<(Time, Time)> {
        let readings = self.batch.rows.iter().filter(|row| row.series != TICK).map(|row| row.time);
        let (from, to) = readings.fold((Time::MAX, Time::MIN), |(from, to), time| (from.min(time), to.max(time)));
        (from <= to).then_some((from, to))
    }
}

/// Reads all inputs of a stream as one.
pub struct Intake {
    plan: Arc<Plan>,
    /// Tables that are given with the first stretch.
    tables: Tables,
    feeds: Vec<Feed>,
    names: Names,
    clock: Clock,
    next_number: u64,
    ended: bool,
    /// What a source could not do; told after what was read before it.
    fault: Option<Fault>,
    /// The inputs with a row in waiting, by its time; ties go in the order given.
    heads: BinaryHeap<Reverse<(Time, usize)>>,
    moves: Moves,
    /// Stretches that were read, and are to be given first.
    ready: VecDeque<Stretch>,
}

struct Feed {
    source: Box<dyn Source>,
    waiting: VecDeque<Reading>,
    rows: Rows,
    ended: bool,
    /// What was seen of the numbers of its messages.
    numbers: Numbers,
    /// What known devices said of themselves; each has its place among the rows in waiting.
    told: VecDeque<Retold>,
}

impl Intake {
    /// An intake of these sources, in the order in which ties go.
    pub fn new(plan: Arc<Plan>, sources: Vec<Box<dyn Source>>) -> Intake {
        let feed = |source| Feed {
            source,
            waiting: VecDeque::new(),
            rows: Rows::default(),
            ended: false,
            numbers: Numbers::default(),
            told: VecDeque::new(),
        };
        let mut names = Names::new();
        names.set_heeds_tags(plan.heeds_tags());
        Intake {
            plan,
            tables: Vec::new(),
            feeds: sources.into_iter().map(feed).collect(),
            names,
            clock: Clock::default(),
            next_number: 0,
            ended: false,
            fault: None,
            heads: BinaryHeap::new(),
            moves: Moves::default(),
            ready: VecDeque::new(),
        }
    }

    /// Lets these tables be in force before the first reading; devices get the tags that they have for them.
    #[must_use]
    pub fn with_tables(mut self, tables: Tables) -> Intake {
        self.names.enrich(tables.iter().map(|(_, table)| Arc::clone(table)));
        self.tables = tables;
        self
    }

    /// The next stretch; `None` after the one with the end.
    ///
    /// # Errors
    /// When a source cannot be read any further. The rows before it have been given by then.
    pub fn next_stretch(&mut self) -> Result<Option<Stretch>, Fault> {
        if let Some(stretch) = self.ready.pop_front() {
            return Ok(Some(stretch));
        }
        if let Some(fault) = self.fault.take() {
            self.ended = true;
            return Err(fault);
        }
        if self.ended {
            return Ok(None);
        }
        let mut stretch = Stretch {
            tables: std::mem::take(&mut self.tables),
            batch: Batch { first: self.next_number, ..Batch::default() },
            ..Stretch::default()
        };
        match &mut self.feeds[..] {
            [only] => {
                self.fault = only.read(&mut self.names, &mut stretch).err();
                self.ended = only.ended;
                stretch.batch.rows = std::mem::take(&mut only.rows.rows);
                if !only.told.is_empty() {
                    self.moves.among(&mut stretch.batch.rows, &mut only.told, &self.names, &self.plan);
                }
                self.clock.weave(&mut stretch, &self.names);
            }
            _ => self.fault = self.merge(&mut stretch).err(),
        }
        self.next_number += stretch.batch.rows.len() as u64;
        if self.ended && self.fault.is_none() {
            stretch.end = Some(self.next_number);
            self.next_number += 1;
        }
        stretch.declarations = self.plan.declare(&mut self.names);
        if self.moves.is_empty() {
            return Ok(Some(stretch));
        }
        self.ready = self.moves.cut(stretch, &self.plan, &mut self.names);
        Ok(self.ready.pop_front())
    }

    /// Takes back the rows of a stretch that has been worked off, to use their room again.
    pub fn give_back(&mut self, mut rows: Vec<Reading>) {
        if let [only] = &mut self.feeds[..]
            && only.rows.rows.capacity() == 0
        {
            rows.clear();
            only.rows.rows = rows;
        }
    }

    /// Takes rows from whichever input is earliest, until the stretch is full or all have ended.
    fn merge(&mut self, stretch: &mut Stretch) -> Result<(), Fault> {
        if self.next_number == 0 {
            (0..self.feeds.len()).try_for_each(|index| self.refill(index, stretch))?;
        }
        while stretch.batch.rows.len() < STRETCH {
            let Some(Reverse((_, earliest))) = self.heads.pop() else {
                self.ended = true;
                return Ok(());
            };
            // Until another input's next row is due: strictly before those given earlier, up to those given later.
            let until = self.heads.peek().map(|&Reverse(head)| head);
            let feed = &mut self.feeds[earliest];
            while let Some(&row) = feed.waiting.front() {
                if until.is_some_and(|other| (row.time, earliest) > other) {
                    break;
                }
                feed.waiting.pop_front();
                if row.series == moves::MARK {
                    let told = feed.told.pop_front();
                    if told.is_some_and(|told| self.moves.heed(told, &self.names, &self.plan)) {
                        stretch.batch.rows.push(row);
                    }
                    continue;
                }
                self.clock.take(row, &self.names, stretch);
            }
            self.refill(earliest, stretch)?;
        }
        Ok(())
    }

    /// Reads on where an input has nothing waiting, and puts it back among the heads.
    fn refill(&mut self, index: usize, stretch: &mut Stretch) -> Result<(), Fault> {
        let feed = &mut self.feeds[index];
        let filled = feed.fill(&mut self.names, stretch);
        if let Some(row) = feed.waiting.front() {
            self.heads.push(Reverse((row.time, index)));
        }
        filled
    }
}

impl Feed {
    /// Reads on, unless the input has ended.
    fn read(&mut self, names: &mut Names, stretch: &mut Stretch) -> Result<(), Fault> {
        let more = if self.ended { Ok(false) } else { self.source.next(names, &mut self.rows) };
        self.ended = !matches!(more, Ok(true));
        stretch.rejected.append(&mut self.rows.rejected);
        stretch.absent += std::mem::take(&mut self.rows.absent);
        stretch.duplicates += self.leave_out();
        self.told.extend(self.rows.retold.drain(..));
        more.map(drop)
    }

    /// Takes out what came before, by the numbers of its messages; how many readings that was.
    fn leave_out(&mut self) -> u64 {
        let Feed { rows: Rows { rows, numbered, retold, .. }, numbers, .. } = self;
        if numbered.is_empty() {
            return 0;
        }
        let mut again = Vec::new();
        for message in numbered.drain(..) {
            let first = &rows[message.row as usize];
            let time = message.timed.then_some(first.time);
            if !numbers.take(0, Seen { series: first.series, number: message.number, time }) {
                again.push((message.row, message.count));
            }
        }
        sequence::leave_out(rows, &again);
        moves::leave_out(retold, &again);
        again.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Reads until there is a row to compare, or the input has ended.
    fn fill(&mut self, names: &mut Names, stretch: &mut Stretch) -> Result<(), Fault> {
        while self.waiting.is_empty() && !self.ended {
            let read = self.read(names, stretch);
            match self.told.is_empty() {
                true => self.waiting.extend(self.rows.rows.drain(..)),
                false => self.waiting.extend(moves::mark(self.rows.rows.drain(..), &self.told)),
            }
            read?;
        }
        Ok(())
    }
}

/// The tick clock of recorded data: the second-highest device clock, so that one device with a wrong clock does not
/// make the others seem silent; a lone device's own. It steps by whole seconds, as live ticks do, and never back.
#[derive(Clone, Debug)]
struct Clock {
    highest: Time,
    leader: Option<Device>,
    second: Time,
    /// The last tick that was given out.
    ticked: Time,
    alone: bool,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { highest: Time::MIN, leader: None, second: Time::MIN, ticked: Time::MIN, alone: true }
    }
}

const STEP: Span = Span::from_secs(1);

impl Clock {
    /// Puts a row into the stretch, and a tick behind it if the clock has stepped.
    #[inline]
    fn take(&mut self, row: Reading, names: &Names, stretch: &mut Stretch) {
        stretch.batch.rows.push(row);
        if let Some(tick) = self.see(&row, names) {
            stretch.ticks.push((stretch.batch.first + stretch.batch.rows.len() as u64, tick));
            stretch.batch.rows.push(tick);
        }
    }

    /// Puts ticks among the rows of a stretch, where they stand: few, so the rows are moved once and not copied.
    fn weave(&mut self, stretch: &mut Stretch, names: &Names) {
        let rows = &mut stretch.batch.rows;
        let mut steps: Vec<(usize, Reading)> = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if row.time > self.second
                && let Some(tick) = self.advance(row, names)
            {
                steps.push((index + 1, tick));
            }
        }
        let mut end = rows.len();
        rows.resize(end + steps.len(), Reading::tick(Time::MIN));
        for (before, &(after, tick)) in steps.iter().enumerate().rev() {
            rows.copy_within(after..end, after + before + 1);
            rows[after + before] = tick;
            end = after;
        }
        let number = |(before, &(after, tick)): (usize, &(usize, Reading))| {
            (stretch.batch.first + (after + before) as u64, tick)
        };
        stretch.ticks = steps.iter().enumerate().map(number).collect();
    }

    /// Looks at a row; gives a tick if the clock has stepped by it.
    #[inline]
    fn see(&mut self, row: &Reading, names: &Names) -> Option<Reading> {
        if row.time > self.second { self.advance(row, names) } else { None }
    }

    fn advance(&mut self, row: &Reading, names: &Names) -> Option<Reading> {
        if row.series == moves::MARK {
            return None;
        }
        let device = names.of(row.series).0;
        if self.leader == Some(device) {
            self.highest = self.highest.max(row.time);
        } else {
            self.alone = self.leader.is_none();
            if row.time > self.highest {
                self.second = self.highest;
                (self.highest, self.leader) = (row.time, Some(device));
            } else {
                self.second = row.time;
            }
        }
        let now = if self.alone { self.highest } else { self.second };
        // Most rows fall into the second that has been ticked already.
        if now.since(self.ticked) < STEP && self.ticked != Time::MIN || now == Time::MIN {
            return None;
        }
        let step = now.floor(STEP, Span::ZERO);
        let steps = step > self.ticked;
        self.ticked = self.ticked.max(step);
        steps.then(|| Reading::data_tick(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ouzel_engine::series::Timing;

    struct Script(Vec<(&'static str, i64)>, bool);

    impl Source for Script {
        fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
            for (name, second) in self.0.drain(..) {
                let device = names.device(name, Timing::default(), &[]).expect("few devices");
                let channel = names.channel("x");
                let series = names.series(device, channel);
                into.rows.push(Reading::new(series, Time::from_secs(second), second as f64));
            }
            Ok(!std::mem::replace(&mut self.1, true))
        }
    }

    /// Inputs in; rows out as `a3` (device, second) and ticks as `|3`.
    fn check(inputs: Vec<Vec<(&'static str, i64)>>, expected: &str) {
        let sources = inputs.into_iter().map(|rows| Box::new(Script(rows, false)) as Box<dyn Source>).collect();
        let mut intake = Intake::new(Arc::new(Plan::default()), sources);
        let mut got = Vec::new();
        let mut next = 0;
        while let Some(stretch) = intake.next_stretch().expect("scripts do not fail") {
            assert_eq!(stretch.batch.first, next);
            for row in &stretch.batch.rows {
                let second = row.time.0 / 1_000_000_000;
                let device =
                    if row.series == TICK { "|" } else { intake.names.device_name(intake.names.of(row.series).0) };
                got.push(format!("{device}{second}"));
                next += 1;
            }
            next += u64::from(stretch.end.is_some());
        }
        assert_eq!(got.join(" "), expected);
    }

    #[test]
    fn a_lone_device_ticks_by_its_own_clock() {
        check(vec![vec![("a", 1), ("a", 2), ("a", 1), ("a", 9)]], "a1 |1 a2 |2 a1 a9 |9");
    }

    #[test]
    fn with_several_devices_the_second_highest_clock_ticks_and_never_runs_back() {
        check(
            vec![vec![("a", 1), ("b", 1), ("wrong", 900), ("a", 2), ("b", 2), ("b", 3)]],
            "a1 |1 b1 wrong900 a2 |2 b2 b3 |3",
        );
    }

    #[test]
    fn inputs_merge_by_time_and_ties_go_in_the_order_given() {
        check(
            vec![vec![("a", 1), ("a", 3), ("a", 5)], vec![("b", 1), ("b", 2), ("b", 5), ("b", 6)]],
            "a1 |1 b1 b2 a3 |2 a5 b5 |5 b6",
        );
    }

    /// Gives its rows and then cannot go on.
    struct Breaks(Script);

    impl Source for Breaks {
        fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
            self.0.next(names, into)?;
            Err(Fault::theirs("the file is damaged"))
        }
    }

    #[test]
    fn rows_before_a_fault_are_given_before_it_is_told() {
        let source = Breaks(Script(vec![("a", 1), ("a", 2)], false));
        let mut intake = Intake::new(Arc::new(Plan::default()), vec![Box::new(source)]);
        let stretch = intake.next_stretch().expect("the rows come first").expect("there are rows");
        assert_eq!((stretch.batch.rows.len(), stretch.end), (4, None));
        assert_eq!(intake.next_stretch().unwrap_err().what, "the file is damaged");
        assert!(intake.next_stretch().expect("told once").is_none());
    }

    #[test]
    fn disorder_within_an_input_is_left_as_it_is() {
        check(vec![vec![("a", 5), ("a", 1)], vec![("b", 4)]], "b4 |4 a5 a1");
    }
}
