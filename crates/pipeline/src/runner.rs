//! What follows the journal: records in, outputs into the output log, and all state in one place to be saved and found again.
//!
//! It has no thread and no clock of its own: the thread that works drives it, and so does the test that stops it
//! anywhere. Recovery is in `runner/recover.rs`: load the newest good checkpoint, cut the output log to what is whole,
//! follow the journal from there; outputs that stand in the log already are not written a second time.

mod recover;

pub use recover::{Recovered, Report, Where, recorded, recover};

use crate::checkpoint::{Moment, Part};
use crate::config::InForce;
use crate::control::{Control, Order};
use crate::intake::Stretch;
use crate::journal::{Configured, Mender, Record, Referred, Tabled, record};
use crate::known::Remembered;
use crate::outputs::{OutputLog, Place, Said};
use crate::sequence::leave_out;
use crate::stream::Stream;
use crate::wants::Wants;
use crate::words::Words;
use ouzel_connect::encode::Book;
use ouzel_connect::fault::Fault;
use ouzel_engine::output::{Output, State, What};
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::{Batch, Reading};
use ouzel_engine::series::{Declaration, Names};
use ouzel_engine::time::Time;
use std::collections::HashSet;
use std::sync::Arc;

/// Reads a stretch of a file again that the journal only refers to.
pub trait Reread: Send {
    /// The rows of `file` of `source` from one place to another, and the reader's own names for them.
    ///
    /// # Errors
    /// Why they are not there any more, for people.
    fn read(&mut self, source: &str, file: &str, from: u64, to: u64) -> Result<(Names, Vec<Reading>), String>;
}

/// See the head of this file.
pub struct Runner {
    in_force: InForce,
    stream: Stream,
    mender: Mender,
    outputs: OutputLog,
    remembered: Remembered,
    words: Words,
    wants: Vec<Wants>,
    reread: Option<Box<dyn Reread>>,
    /// Where the journal goes on, and with which input.
    position: u64,
    next_input: u64,
    /// Readings by reference that could not be read again.
    lost: u64,
    /// What came out of the record that was taken last, if it has to be written still.
    unsaid: Option<Said>,
    trouble: Option<crate::trouble::Trouble>,
}

/// What a record was, once it was worked off.
#[derive(Debug)]
pub enum Taken {
    /// Input, and what came out of it.
    Stretch {
        /// When it arrived.
        arrived: Time,
        /// The input.
        stretch: Stretch,
        /// What came out, in order of place.
        outputs: Vec<Output>,
        /// The word that it came from, where it was no input.
        control: Option<Box<Control>>,
    },
    /// A word.
    Control(Control),
    /// Another config is in force, and alerts that are over by that, which were said under the one before.
    Config(InForce, Vec<Output>),
    /// A text that this build cannot read, and why; the config before it stays in force.
    BadConfig(String),
    /// Another version of the table of a join is in force.
    Table(Tabled),
    /// Input by reference that could not be read again, and why.
    Lost(Box<Referred>, String),
}

impl Runner {
    /// Works a record off that ends at `position` of the journal. What came out of it is written by [`Runner::write`].
    pub fn take(&mut self, record: Record, position: u64) -> Taken {
        self.remembered.see(&record);
        self.position = position;
        match record {
            Record::Stretch(journalled) => {
                let arrived = journalled.arrived;
                self.stretch(arrived, journalled.stretch)
            }
            Record::Reference(referred) => match self.recall(&referred) {
                Ok(stretch) => self.stretch(referred.arrived, stretch),
                Err(why) => {
                    self.lost += u64::from(referred.rows);
                    // Its names are known all the same: later records speak of them by number.
                    let first = referred.first + u64::from(referred.rows);
                    let (declarations, rejected) = (referred.declarations.clone(), referred.rejected.clone());
                    let batch = Batch { first, ..Batch::default() };
                    self.stretch(referred.arrived, Stretch { declarations, batch, rejected, ..Stretch::default() });
                    Taken::Lost(referred, why)
                }
            },
            Record::Table(tabled) => {
                self.next_input = tabled.input + 1;
                self.stream.take_table(&tabled.join, &tabled.table);
                Taken::Table(tabled)
            }
            Record::Control(control) => self.control(control),
            Record::Config(Configured { input, at, text }) => {
                self.next_input = input + 1;
                match self.in_force(&text) {
                    Ok(in_force) => {
                        let over = self.apply(&in_force, input, at);
                        Taken::Config(in_force, over)
                    }
                    Err(why) => Taken::BadConfig(why),
                }
            }
        }
    }

    fn stretch(&mut self, arrived: Time, mut stretch: Stretch) -> Taken {
        let end = stretch.batch.first + stretch.batch.rows.len() as u64;
        self.next_input = stretch.end.map_or(end, |end| end + 1);
        self.mender.mend(&mut stretch);
        let mut outputs = Vec::new();
        self.stream.step(&stretch, &mut outputs);
        self.said(arrived, &outputs, &stretch);
        Taken::Stretch { arrived, stretch, outputs, control: None }
    }

    fn control(&mut self, control: Control) -> Taken {
        self.words.heed(&control);
        match &control.what {
            Order::Retire { device, input } => {
                self.next_input = input + 1;
                let mut outputs = Vec::new();
                if let Some(device) = self.stream.names().find_device(device) {
                    self.stream.retire(*input, &[device], &mut outputs);
                }
                let stretch = Stretch { batch: Batch { first: *input, ..Batch::default() }, ..Stretch::default() };
                self.said(control.at, &outputs, &stretch);
                Taken::Stretch { arrived: control.at, stretch, outputs, control: Some(Box::new(control)) }
            }
            Order::Trouble(trouble) => {
                self.trouble = Some(trouble.clone());
                Taken::Control(control)
            }
            _ => Taken::Control(control),
        }
    }

    fn said(&mut self, arrived: Time, outputs: &[Output], stretch: &Stretch) {
        let from = Place::before(outputs.first().map_or(stretch.batch.first, |first| first.input));
        let through = Place::before(self.next_input);
        let book = Book { names: self.stream.names(), plan: &self.in_force.plan };
        let quiet = self.words.quiet(outputs, &book, arrived);
        let (outputs, rejected) = (outputs.to_vec(), stretch.rejected.clone());
        let journal = self.position;
        self.unsaid = Some(Said { from, through, journal, arrived, outputs, quiet, rejected, owed: Vec::new() });
    }

    /// Writes what came out of the last record into the output log, and shows it to those who read there. Gives how many
    /// outputs stand there for the first time.
    ///
    /// # Errors
    /// When the disk cannot; then it is to be called again before the next record is taken.
    pub fn write(&mut self) -> Result<u64, Fault> {
        let mut added = 0;
        if let Some(said) = &self.unsaid {
            let wants = &self.wants;
            let owed = |outputs: &[Output], quiet: &[u32]| {
                let owed = wants.iter().map(|wants| (wants.name.clone(), wants.count(outputs, quiet)));
                owed.filter(|(_, count)| *count > 0).collect()
            };
            added = self.outputs.say(said.clone(), owed)?;
            self.unsaid = None;
        }
        if let Some(trouble) = &self.trouble {
            self.outputs.trouble(trouble, self.position)?;
            self.trouble = None;
            added += 1;
        }
        // After what was said under the one before.
        self.outputs.config(&self.in_force.text)?;
        self.outputs.show();
        Ok(added)
    }

    fn in_force(&self, text: &str) -> Result<InForce, String> {
        if *text == *self.in_force.text { Ok(self.in_force.clone()) } else { InForce::read(text) }
    }

    /// Goes on under another plan, as the input of this number: operators that did not change keep their state. Alerts
    /// whose rule or detector there is no more are over, and that is said.
    fn apply(&mut self, in_force: &InForce, input: u64, at: Time) -> Vec<Output> {
        let mut over = Vec::new();
        if in_force.text != self.in_force.text {
            let open = self.stream.open_alerts();
            let mut slots = Vec::new();
            self.stream.save_slots(|slot, bytes| slots.push((slot, bytes.to_vec())));
            let fleet = self.stream.fleet_bytes();
            let names = self.stream.names().declarations();
            let mut stream = Stream::begin(&in_force.plan, 1, &names, self.stream.clock(), self.next_input);
            self.stream.tables().iter().for_each(|(name, table)| stream.take_table(name, table));
            for (slot, bytes) in slots {
                stream.restore_slot(slot, &bytes).expect("it was saved a moment ago");
            }
            stream.restore_fleet(&fleet).expect("it was saved a moment ago");
            let name = |plan: &Plan, rule: u16| plan.alerts.get(usize::from(rule)).map(|rule| rule.name.clone());
            let stays: HashSet<_> =
                stream.open_alerts().iter().map(|alert| (name(&in_force.plan, alert.rule), alert.series)).collect();
            for mut alert in open {
                if !stays.contains(&(name(&self.in_force.plan, alert.rule), alert.series)) {
                    (alert.state, alert.time) = (State::Cleared, alert.time.max(self.stream.clock().now()));
                    let device = self.stream.names().of(alert.series).0;
                    let node = self.in_force.plan.operators.len() as u16 + alert.rule;
                    let ordinal = over.len() as u32;
                    over.push(Output { input, device, node, ordinal, what: What::Alert(Box::new(alert)) });
                }
            }
            let stretch = Stretch { batch: Batch { first: input, ..Batch::default() }, ..Stretch::default() };
            self.said(at, &over, &stretch);
            self.stream = stream;
            self.wants.iter_mut().for_each(|wants| wants.plan(&in_force.plan));
        }
        self.in_force = in_force.clone();
        over
    }

    /// The sinks have changed.
    pub fn wants(&mut self, wants: Vec<Wants>) {
        self.wants = wants;
    }

    /// Reads the rows again that a record only refers to.
    ///
    /// # Errors
    /// They are not there any more, or are not what they were.
    pub fn recall(&mut self, referred: &Referred) -> Result<Stretch, String> {
        let Some(reread) = &mut self.reread else { return Err("there is nobody who reads files again".to_owned()) };
        recall(&mut **reread, referred, self.stream.names())
    }

    /// The state at this place, a section at a time; see [`crate::checkpoint`].
    ///
    /// # Errors
    /// What `take` cannot do; then nothing is to be kept of it.
    pub fn save(&mut self, at: Time, mut take: impl FnMut(Part, &[u8]) -> Result<(), Fault>) -> Result<Moment, Fault> {
        let mut done = Ok(());
        let mut put = |part: Part, bytes: &[u8]| {
            if done.is_ok() {
                done = take(part, bytes);
            }
        };
        for index in 0.. {
            let some = self.stream.names().declarations_behind(index as usize * NAMES, NAMES);
            if some.is_empty() {
                break;
            }
            put(Part::Names(index), &encode(&some));
        }
        self.stream.save_slots(|slot, bytes| put(Part::Slot(slot), bytes));
        put(Part::Fleet, &self.stream.fleet_bytes());
        put(Part::Intake, &self.remembered.to_bytes());
        put(Part::Words, &encode(&self.words.controls()));
        for (index, (name, table)) in (0..).zip(self.stream.tables()) {
            put(Part::Table(index), &encode(&(name, &**table)));
        }
        done?;
        Ok(Moment {
            position: self.position,
            next_input: self.next_input,
            clock: self.stream.clock(),
            outputs: self.outputs.stand(),
            text: self.in_force.text.to_string(),
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// The config in force.
    pub fn config(&self) -> &InForce {
        &self.in_force
    }

    /// What is computed.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.in_force.plan
    }

    /// What works.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Names as of the last record.
    pub fn names(&self) -> &Names {
        self.stream.names()
    }

    /// Where outputs are written.
    pub fn outputs(&mut self) -> &mut OutputLog {
        &mut self.outputs
    }

    /// Devices that were retired and have not spoken since.
    pub fn retired(&self) -> &std::collections::BTreeSet<String> {
        self.remembered.retired()
    }

    /// What people said of open alerts.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Where the journal goes on.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Readings that were lost: their names, or the files they stood in, are gone.
    pub fn lost(&self) -> u64 {
        self.mender.lost() + self.lost
    }
}

/// Declarations of one section: a new device changes one of them.
const NAMES: usize = 4_000;

fn encode<T: serde::Serialize + ?Sized>(what: &T) -> Vec<u8> {
    postcard::to_allocvec(what).expect("plain data always encodes")
}

/// Rows that a record refers to, as the stream numbers them; those that go aside are left out, as they were when they came.
///
/// # Errors
/// They are not there any more, or are not what they were.
pub fn recall(reread: &mut dyn Reread, referred: &Referred, names: &Names) -> Result<Stretch, String> {
    let (theirs, mut rows) = reread.read(&referred.source, &referred.file, referred.from, referred.to)?;
    leave_out(&mut rows, &referred.sifted.again);
    let rows = translate(&theirs, &rows, referred.sifted.latest, |device, channel| {
        names.find(device, channel).or_else(|| declared(&referred.declarations, names, device, channel))
    });
    if rows.len() != referred.rows as usize || record::checksum(&rows) != referred.checksum {
        return Err(format!(
            "{} has changed between {} and {}: {} of {} readings were found, and they are not the same",
            referred.file,
            referred.from,
            referred.to,
            rows.len(),
            referred.rows
        ));
    }
    Ok(Stretch {
        declarations: referred.declarations.clone(),
        batch: Batch { first: referred.first, rows, offsets: Vec::new() },
        rejected: referred.rejected.clone(),
        absent: referred.absent,
        ..Stretch::default()
    })
}

/// A reader's rows with the stream's numbers, without those behind `latest`, which went aside.
pub fn translate(
    theirs: &Names,
    rows: &[Reading],
    latest: Time,
    mut find: impl FnMut(&str, &str) -> Option<ouzel_engine::series::Series>,
) -> Vec<Reading> {
    let mut series = vec![None; theirs.series_count()];
    for (number, ours) in series.iter_mut().enumerate() {
        let (device, channel) = theirs.of(ouzel_engine::series::Series(number as u32));
        *ours = find(theirs.device_name(device), theirs.channel_name(channel));
    }
    let known = rows.iter().filter(|row| row.time <= latest);
    known.filter_map(|row| Some(Reading { series: series[row.series.0 as usize]?, ..*row })).collect()
}

/// A series that a record declares itself.
fn declared(
    declarations: &[Declaration],
    names: &Names,
    device: &str,
    channel: &str,
) -> Option<ouzel_engine::series::Series> {
    let number = declarations.iter().find_map(|declaration| match declaration {
        Declaration::Device { device: number, name, .. } if name == device => Some(*number),
        _ => None,
    });
    let number = number.or_else(|| names.find_device(device))?;
    declarations.iter().find_map(|declaration| match declaration {
        Declaration::Series { series, device, channel: name } if *device == number && name == channel => Some(*series),
        _ => None,
    })
}
