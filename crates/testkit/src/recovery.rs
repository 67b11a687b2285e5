//! A recorded stream by way of the disk: through a journal, an output log and checkpoints, killed anywhere, recovered, and
//! told to its end.
//!
//! This is the way of a live run without its threads: records are appended and synced, a [`Runner`] follows what is
//! synced, writes what comes out, and is saved now and then. A seed decides what is done next, and where the power goes:
//! between records, between working one off and writing what came out, in the middle of a checkpoint, or at any call of
//! the disk. Whatever it was, the output log holds in the end what the run that nobody stopped has in it.

use crate::chance::Chance;
use crate::play::Outcome;
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_connect::source::Rejected;
use ouzel_engine::series::Names;
use ouzel_engine::time::Time;
use ouzel_pipeline::checkpoint::{Draft, Moment, Store};
use ouzel_pipeline::config::InForce;
use ouzel_pipeline::journal::{Configured, Follower, JOURNAL, Next, Record, head, record};
use ouzel_pipeline::log::Log;
use ouzel_pipeline::outputs::{Entry, Heard, Listener, Place, Sizes};
use ouzel_pipeline::runner::{Recovered, Runner, Where, recover};
use ouzel_pipeline::wants::Wants;
use std::path::Path;
use std::time::Duration;

const FOLDER: &str = "journal";

/// The source whose messages the records are.
const SOURCE: u32 = 7;

/// The sink that is owed outputs.
const DESK: &str = "desk";

/// What a journal is to hold, and the run that follows it.
pub struct Journalled {
    config: InForce,
    /// Another one that a process may be started with, though the journal says what is in force.
    other: Option<InForce>,
    records: Vec<Record>,
    /// As bytes, and where each ends in the journal, and the number of the input behind it.
    written: Vec<(Vec<u8>, u64, u64)>,
}

/// What the output log has in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// All outputs.
    pub outcome: Outcome,
    /// Their places.
    pub places: Vec<Place>,
    /// The places of those that people are not told of.
    pub quiet: Vec<Place>,
    /// What could not be read.
    pub rejected: Vec<Rejected>,
    /// How many the sink was owed.
    pub owed: u64,
}

/// What a run went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Went {
    /// Processes that were started.
    pub lives: u64,
    /// Checkpoints that were kept.
    pub checkpoints: u64,
    /// Processes that began behind a checkpoint.
    pub resumed: u64,
    /// Bytes of journals that were torn.
    pub torn: u64,
    /// Bytes of output logs that were cut.
    pub cut: u64,
    /// Outputs that came out again and stood in the log already.
    pub again: u64,
}

impl Went {
    /// Both together.
    pub fn add(&mut self, other: &Went) {
        self.lives += other.lives;
        self.checkpoints += other.checkpoints;
        self.resumed += other.resumed;
        self.torn += other.torn;
        self.cut += other.cut;
        self.again += other.again;
    }
}

/// Why a life has ended.
enum Ended {
    /// The power went.
    Killed,
    /// Something is not as it should be.
    Wrong(String),
}

impl From<Fault> for Ended {
    fn from(_: Fault) -> Ended {
        Ended::Killed
    }
}

impl Journalled {
    /// These records, under this config; the journal says so in its first record.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub fn of(config: &InForce, records: Vec<Record>) -> Result<Journalled, String> {
        let mut records = records;
        let text = config.text.to_string();
        records.insert(0, Record::Config(Configured { input: 0, at: Time(0), text }));
        let mut journalled = Journalled { config: config.clone(), other: None, records, written: Vec::new() };
        journalled.written = journalled.write().map_err(|fault| fault.what)?;
        Ok(journalled)
    }

    /// Lets some processes be started with another config than the journal's.
    #[must_use]
    pub fn started_with(self, other: InForce) -> Journalled {
        Journalled { other: Some(other), ..self }
    }

    /// How many records there are.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    fn write(&self) -> Result<Vec<(Vec<u8>, u64, u64)>, Fault> {
        let disk = Disk::simulated();
        let (mut log, _) = Log::open(&disk, Path::new(FOLDER), &JOURNAL, place(&disk).journal.segment, 0, &head(0))?;
        let (mut written, mut next) = (Vec::new(), 0);
        for (index, record) in self.records.iter().enumerate() {
            let mut bytes = Vec::new();
            match record {
                Record::Stretch(it) => {
                    record::stretch(it.arrived, vec![(SOURCE, index as u64)], Vec::new(), &it.stretch, &mut bytes);
                }
                Record::Reference(it) => record::reference(it, &mut bytes),
                Record::Control(it) => record::control(it, &mut bytes),
                Record::Config(it) => record::config(it, &mut bytes),
                Record::Table(it) => record::table(it, &mut bytes),
            }
            log.append(&bytes, || head(next))?;
            if let Ok((_, Some(number))) = record::read_head(&bytes) {
                next = number;
            }
            written.push((bytes, log.end(), next));
        }
        Ok(written)
    }

    /// Runs it through, with nobody stopping it.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn straight(&self) -> Result<Told, String> {
        let (disk, mut went) = (Disk::simulated(), Went::default());
        let mut life =
            Life { of: self, chance: Chance(0), disk: disk.clone(), acknowledged: 0, unsynced: 0, went: &mut went };
        life.last_life().map_err(|ended| match ended {
            Ended::Killed => "the disk does not work".to_owned(),
            Ended::Wrong(why) => why,
        })
    }

    /// Runs it through with some kills, as the seed says.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn killed(&self, seed: u64) -> Result<(Told, Went), String> {
        let (disk, mut went) = (Disk::simulated(), Went::default());
        let mut life =
            Life { of: self, chance: Chance(seed), disk: disk.clone(), acknowledged: 0, unsynced: 0, went: &mut went };
        for _ in 0..1 + life.chance.below(5) {
            // Every second time the disk stops in its midst, at any call.
            let calls = life.chance.one_in(2).then(|| 1 + life.chance.below(120));
            disk.stop_after(calls);
            match life.until_killed() {
                Ok(()) => life.crash(),
                Err(Ended::Killed) if calls.is_some() => life.crash(),
                Err(Ended::Killed) => return Err("the disk does not work".to_owned()),
                Err(Ended::Wrong(why)) => return Err(why),
            }
        }
        let told = life.last_life().map_err(|ended| match ended {
            Ended::Killed => "the disk does not work".to_owned(),
            Ended::Wrong(why) => why,
        });
        told.map(|told| (told, went))
    }

    /// What the output log of a disk holds.
    fn told(&self, disk: &Disk, names: &Names) -> Result<Told, Ended> {
        let mut listener = Listener::recorded(disk, Path::new(FOLDER));
        let (bytes, text) = (String::new(), String::new());
        let mut told = Told {
            outcome: Outcome { bytes, text },
            places: Vec::new(),
            quiet: Vec::new(),
            rejected: Vec::new(),
            owed: 0,
        };
        let mut config = self.config.clone();
        while let Heard::Entry(entry) = listener.next(Duration::ZERO)? {
            if let Some(opening) = listener.take_opening() {
                config = self.read(&opening.text)?;
            }
            match *entry {
                Entry::Config(text) => config = self.read(&text)?,
                Entry::Trouble(..) => {}
                Entry::Said(said) => {
                    let outcome = Outcome::of(&config.plan, names, &said.outputs, &[]);
                    told.outcome.bytes.push_str(&outcome.bytes);
                    told.outcome.text.push_str(&outcome.text);
                    let places: Vec<Place> = said.placed().map(|(place, _)| place).collect();
                    told.quiet.extend(said.quiet.iter().map(|&index| places[index as usize]));
                    told.places.extend(places);
                    told.rejected.extend(said.rejected);
                }
            }
        }
        if let Some(pair) = told.places.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Ended::Wrong(format!("{:?} stands before {:?} in the output log", pair[0], pair[1])));
        }
        match listener.damaged() {
            0 => Ok(told),
            damaged => Err(Ended::Wrong(format!("{damaged} bytes of the output log cannot be read"))),
        }
    }

    fn read(&self, text: &str) -> Result<InForce, Ended> {
        match &self.other {
            _ if *text == *self.config.text => Ok(self.config.clone()),
            Some(other) if *text == *other.text => Ok(other.clone()),
            _ => InForce::read(text).map_err(Ended::Wrong),
        }
    }
}

/// Small, so that there are several segments.
fn place(disk: &Disk) -> Where {
    let (journal, outputs) = (Sizes { segment: 700, bound: 1 << 30 }, Sizes { segment: 900, bound: 1 << 30 });
    Where { disk: disk.clone(), folder: FOLDER.into(), journal, outputs }
}

/// The processes on one disk, one after the other.
struct Life<'a> {
    of: &'a Journalled,
    chance: Chance,
    disk: Disk,
    /// Records that somebody was told are kept.
    acknowledged: usize,
    /// Records that were appended since.
    unsynced: usize,
    went: &'a mut Went,
}

/// A process.
struct Process {
    runner: Runner,
    journal: Log,
    store: Store,
    follower: Follower,
    /// Records in the journal.
    there: usize,
    /// A checkpoint that is on its way.
    draft: Option<(Draft, Moment, DiskFile)>,
}

impl Life<'_> {
    fn crash(&mut self) {
        self.disk.stop_after(None);
        // Of several records that were not synced the later ones may be there and the first not; whoever sent them sends
        // them again, but this script cannot. So then the end is torn, and no hole.
        match std::mem::take(&mut self.unsynced) {
            0 | 1 => self.disk.crash_with(self.chance.any()),
            _ => self.disk.crash(self.chance.below(600) as usize),
        }
    }

    fn start(&mut self) -> Result<Process, Ended> {
        let config = match &self.of.other {
            Some(other) if self.chance.one_in(3) => other,
            _ => &self.of.config,
        };
        let Recovered { mut runner, known, journal, store, position, end, report, .. } =
            recover(&place(&self.disk), config, None)?;
        self.went.lives += 1;
        self.went.resumed += u64::from(position > 0);
        self.went.torn += report.torn;
        self.went.cut += report.cut;
        let wrong = |what: String| Err(Ended::Wrong(what));
        let there = self.of.written.iter().take_while(|(_, ends, _)| *ends <= end).count();
        if there < self.acknowledged {
            return wrong(format!("{} records were acknowledged, and {there} are there", self.acknowledged));
        }
        let next = there.checked_sub(1).map_or(0, |last| self.of.written[last].2);
        if known.next_number != next {
            return wrong(format!("behind {there} records the next input is {}, not {next}", known.next_number));
        }
        let marked = |index: &usize| matches!(self.of.records[*index], Record::Stretch(_));
        if let Some(index) = (0..there).filter(marked).find(|index| !known.remembered.has(SOURCE, *index as u64)) {
            return wrong(format!("a second delivery of message {index} would not be recognised"));
        }
        if report.forgotten || !report.skipped.is_empty() || report.lost > 0 {
            return wrong(format!("a loss of power has damaged what was durable: {report:?}"));
        }
        self.check_records(there)?;
        let nouns = [Noun::Aggregates, Noun::Anomalies, Noun::Alerts];
        runner.wants(vec![Wants::new(DESK, &(&nouns).into(), true, runner.plan())]);
        let follower = Follower::of(&journal.readers(), position);
        Ok(Process { runner, journal, store, follower, there, draft: None })
    }

    /// What stands in the journal is what was written, each record in its place.
    fn check_records(&self, there: usize) -> Result<(), Ended> {
        let begin = ouzel_pipeline::journal::begin(&self.disk, Path::new(FOLDER))?.unwrap_or_default();
        let mut follower = Follower::recorded(&self.disk, Path::new(FOLDER), begin);
        let mut index = self.of.written[..there].iter().take_while(|(_, ends, _)| *ends <= begin).count();
        while let Next::Record(_) = follower.next(Duration::ZERO)? {
            if self.of.written.get(index).is_none_or(|(_, ends, _)| *ends != follower.position()) {
                let at = follower.position();
                return Err(Ended::Wrong(format!("the record that ends at {at} of the journal is not number {index}")));
            }
            index += 1;
        }
        match index == there {
            true => Ok(()),
            false => Err(Ended::Wrong(format!("the journal has {index} records, of {there}"))),
        }
    }

    /// A process that is killed after some deeds.
    fn until_killed(&mut self) -> Result<(), Ended> {
        let mut process = self.start()?;
        for _ in 0..self.chance.below(2 * self.of.records.len() as u64 + 8) {
            if self.deed(&mut process)? {
                break;
            }
        }
        Ok(())
    }

    /// Does the next thing; says whether the power goes behind it.
    fn deed(&mut self, process: &mut Process) -> Result<bool, Ended> {
        match self.chance.below(12) {
            0..4 => self.append(process)?,
            4..6 => self.sync(process)?,
            6..10 => {
                for _ in 0..=self.chance.below(3) {
                    let kill = self.chance.one_in(40);
                    if self.follow(process, kill)? && kill {
                        return Ok(true);
                    }
                }
            }
            10 => return self.begin_checkpoint(process),
            _ => self.keep_checkpoint(process)?,
        }
        Ok(false)
    }

    fn append(&mut self, process: &mut Process) -> Result<(), Ended> {
        let Some((bytes, ends, _)) = self.of.written.get(process.there) else { return Ok(()) };
        let next = process.there.checked_sub(1).map_or(0, |last| self.of.written[last].2);
        self.unsynced += 1;
        process.journal.append(bytes, || head(next))?;
        if process.journal.end() != *ends {
            let end = process.journal.end();
            return Err(Ended::Wrong(format!("record {} ends at {end}, not at {ends}", process.there)));
        }
        process.there += 1;
        Ok(())
    }

    fn sync(&mut self, process: &mut Process) -> Result<(), Ended> {
        process.journal.sync()?;
        self.unsynced = 0;
        self.acknowledged = process.there;
        Ok(())
    }

    /// Works the next record off; where the process is killed then, it does not write what came out.
    fn follow(&mut self, process: &mut Process, kill: bool) -> Result<bool, Ended> {
        let Next::Record(record) = process.follower.next(Duration::ZERO)? else { return Ok(false) };
        process.runner.take(record, process.follower.position());
        if !kill {
            let before = process.runner.outputs().place();
            let added = process.runner.write()?;
            self.went.again += u64::from(added == 0 && process.runner.outputs().place() == before);
        }
        Ok(true)
    }

    /// Saves the state; it is kept later. Says whether the power goes in the middle of it.
    fn begin_checkpoint(&mut self, process: &mut Process) -> Result<bool, Ended> {
        let Process { runner, store, draft, .. } = process;
        if draft.is_some() || runner.position() <= store.newest().map_or(0, |(position, _)| position) {
            return Ok(false);
        }
        let mut begun = store.begin(runner.position())?;
        let mut sections = if self.chance.one_in(6) { self.chance.below(6) } else { u64::MAX };
        let saved = runner.save(Time(0), |part, bytes| {
            sections = sections.checked_sub(1).ok_or_else(|| Fault::yours("the power goes"))?;
            store.add(&mut begun, part, bytes)
        });
        if sections == 0 && saved.is_err() {
            return Ok(true);
        }
        *draft = Some((begun, saved?, runner.outputs().handle()?));
        Ok(false)
    }

    /// Makes the checkpoint count that is on its way, and frees the journal behind the oldest.
    fn keep_checkpoint(&mut self, process: &mut Process) -> Result<(), Ended> {
        let Some((draft, moment, outputs)) = process.draft.take() else { return Ok(()) };
        let sync = || outputs.sync().map_err(|error| Fault::yours(error.to_string()));
        process.store.keep(draft, moment, sync)?;
        self.went.checkpoints += 1;
        if let Some(oldest) = process.store.oldest().filter(|_| self.chance.one_in(2)) {
            process.journal.release(oldest, u64::MAX)?;
        }
        Ok(())
    }

    fn last_life(&mut self) -> Result<Told, Ended> {
        let mut process = self.start()?;
        while process.there < self.of.records.len() {
            self.append(&mut process)?;
        }
        self.sync(&mut process)?;
        while self.follow(&mut process, false)? {}
        process.runner.outputs().sync()?;
        let mut names = Names::new();
        process.runner.names().declarations().iter().for_each(|declaration| names.follow(declaration));
        let mut told = self.of.told(&self.disk, &names)?;
        told.owed = process.runner.outputs().owed(DESK);
        Ok(told)
    }
}
