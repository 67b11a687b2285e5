//! From a folder to a runner that goes on where the last process was stopped, whatever stopped it.
//!
//! Nothing here needs a hand: what is damaged is skipped and told, what is torn is cut, what is newer is refused.

use super::{Reread, Runner};
use crate::checkpoint::{Found, Part, Store};
use crate::config::InForce;
use crate::control::Control;
use crate::journal::{self, Damage, Follower, Mender};
use crate::known::{Known, Remembered};
use crate::log::Log;
use crate::outputs::{OutputLog, Sizes};
use crate::stream::Stream;
use crate::words::Words;
use ouzel_connect::disk::{Disk, DiskFile};
use ouzel_connect::fault::{Fault, Retry, Whose};
use ouzel_engine::series::{Declaration, Names};
use ouzel_engine::table::Table;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the logs are, and how large they may be.
#[derive(Clone, Debug)]
pub struct Where {
    /// Where files are.
    pub disk: Disk,
    /// The folder of logs and checkpoints.
    pub folder: PathBuf,
    /// Of the journal; its bound is the intake's to hold.
    pub journal: Sizes,
    /// Of the output log.
    pub outputs: Sizes,
}

/// What was found in a folder, ready to go on.
pub struct Recovered {
    /// As of the checkpoint; it has to follow the journal from `position`.
    pub runner: Runner,
    /// What the intake knows, as of the journal's end.
    pub known: Known,
    /// To be written on.
    pub journal: Log,
    /// Checkpoints.
    pub store: Store,
    /// Where the runner goes on in the journal.
    pub position: u64,
    /// Where the journal ended when it was opened: what comes before was there before this process.
    pub end: u64,
    /// What was found.
    pub report: Report,
    /// The folder is ours as long as this is kept.
    pub lock: DiskFile,
}

/// What an opening found that people should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bytes of the journal's end that were cut, for they were torn.
    pub torn: u64,
    /// Bytes of the journal that could not be read, with something good behind them.
    pub damaged: u64,
    /// The damaged places, the first of them.
    pub damages: Vec<Damage>,
    /// Bytes of the output log that were cut; the replay gives them again.
    pub cut: u64,
    /// Inputs that the journal has lost at its end: the output log knows what came of them.
    pub ahead: u64,
    /// Readings of the journal's end whose names are lost.
    pub lost: u64,
    /// Checkpoints that could not be used, and why.
    pub skipped: Vec<String>,
    /// There were checkpoints, but none can be used: state begins anew where the journal begins.
    pub forgotten: bool,
    /// The journal had something in it.
    pub continued: bool,
    /// The config in force was one that this build cannot read.
    pub unreadable: Option<String>,
}

/// Opens a folder. `config` is what is in force where the journal does not say; a reread is for files it refers to.
///
/// # Errors
/// When another process has the folder, when it cannot be used, or when it is of a newer Ouzel.
pub fn recover(place: &Where, config: &InForce, reread: Option<Box<dyn Reread>>) -> Result<Recovered, Fault> {
    let Where { disk, folder, .. } = place;
    let lock = lock(place)?;
    let mut report = Report::default();
    let (store, found, skipped) = Store::open(disk, folder, journal::begin(disk, folder)?.unwrap_or_default())?;
    report.forgotten = found.is_none() && !skipped.is_empty();
    report.skipped = skipped;
    let loaded = match found {
        Some(found) => Loaded::of(found, config, &mut report)?,
        None => Loaded::nothing(config),
    };
    let Loaded { in_force, names, stream, remembered, words, moment } = loaded;
    let position = match &moment {
        Some(moment) => moment.position,
        None => journal::begin(disk, folder)?.unwrap_or_default(),
    };
    let mut known =
        Known::new(named(&names), moment.as_ref().map_or(0, |moment| moment.next_input), remembered.clone());
    known.text = moment.as_ref().map(|moment| moment.text.clone());
    known.tables = stream.tables().clone();
    let mut follower = Follower::recorded(disk, folder, position);
    while let Some((mut record, next)) = follower.next_head()? {
        report.continued = true;
        known.see(&mut record, next);
    }
    report.continued |= moment.is_some();
    report.damages = follower.take_damages();
    report.lost = known.lost();
    let (cut, damaged) = journal::cut_of(disk, folder, &follower)?;
    report.damaged = damaged;
    let stand = moment.as_ref().map(|moment| &moment.outputs);
    let (outputs, cut_off) = OutputLog::open(disk, folder, place.outputs, stand, &in_force.text)?;
    report.cut = cut_off;
    // Where the journal has lost what was synced, outputs of it may have been told. Their numbers are not given to
    // others, or what comes of those would be taken for what was told.
    let said = outputs.place();
    let behind = said.input + u64::from(said.nth > 0);
    report.ahead = behind.saturating_sub(known.next_number);
    known.next_number = known.next_number.max(behind);
    let (journal, torn) = journal::open(disk, folder, place.journal.segment, cut, known.next_number)?;
    report.torn = torn;
    let next_input = moment.as_ref().map_or(0, |moment| moment.next_input);
    let mender = Mender::behind(stream.names().device_count(), stream.names().series_count());
    let runner = Runner {
        in_force,
        stream,
        mender,
        outputs,
        remembered,
        words,
        wants: Vec::new(),
        reread,
        position,
        next_input,
        lost: 0,
        unsaid: None,
        trouble: None,
    };
    let end = journal.end();
    Ok(Recovered { runner, known, journal, store, position, end, report, lock })
}

/// Takes the folder for this process, and says in it whose it is.
fn lock(place: &Where) -> Result<DiskFile, Fault> {
    let Where { disk, folder, .. } = place;
    let wrong = |error: io::Error| journal::cannot(folder, &error);
    disk.create_folder(folder).map_err(wrong)?;
    let owner = folder.join("owner");
    let lock = disk.lock(&folder.join("lock")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            let who = disk.read(&owner).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
            let who = if who.is_empty() { String::new() } else { format!(" ({})", who.trim()) };
            Fault::yours(format!(
                "another ouzel{who} runs with the journal {}: stop it, or give this one a journal of its own",
                folder.display()
            ))
        }
        _ => wrong(error),
    })?;
    let now =
        crate::clock::Clock::Wall.now().floor(ouzel_engine::time::Span::from_secs(1), ouzel_engine::time::Span::ZERO);
    let words = format!("process {}, since {now}\n", std::process::id());
    // It is for people only; a disk that is full has no room for it.
    let _ = disk.replace(&owner, words.as_bytes());
    Ok(lock)
}

/// The state where a recorded journal begins, for whoever reads all of it that there is: nothing, or the oldest checkpoint
/// where its begin was cut off; and a reader from there on.
///
/// # Errors
/// When there is no journal, or neither its begin nor a checkpoint.
pub fn recorded(disk: &Disk, folder: &std::path::Path, config: &InForce) -> Result<(Stream, Follower), Fault> {
    let none = || Fault::yours(format!("{} has no journal: name the folder of a `[journal]`", folder.display()));
    let begin = journal::begin(disk, folder)?.ok_or_else(none)?;
    if begin == 0 {
        return Ok((Stream::new(&config.plan, 1), Follower::recorded(disk, folder, 0)));
    }
    let (store, _) = Store::look(disk, folder)?;
    let found = store.load_oldest(begin).ok_or_else(|| {
        Fault::yours(format!("the begin of the journal {} is gone, and no checkpoint can be used", folder.display()))
    })?;
    let position = found.moment.position;
    let Found { moment, parts } = found;
    // The state goes over to the plan that was asked for: operators that did not change keep it.
    let found = Found { moment: crate::checkpoint::Moment { text: config.text.to_string(), ..moment }, parts };
    let loaded = Loaded::of(found, config, &mut Report::default())?;
    Ok((loaded.stream, Follower::recorded(disk, folder, position)))
}

/// What a checkpoint holds, taken apart.
struct Loaded {
    in_force: InForce,
    names: Vec<Declaration>,
    stream: Stream,
    remembered: Remembered,
    words: Words,
    moment: Option<crate::checkpoint::Moment>,
}

impl Loaded {
    fn nothing(config: &InForce) -> Loaded {
        Loaded {
            in_force: config.clone(),
            names: Vec::new(),
            stream: Stream::new(&config.plan, 1),
            remembered: Remembered::default(),
            words: Words::default(),
            moment: None,
        }
    }

    fn of(found: Found, config: &InForce, report: &mut Report) -> Result<Loaded, Fault> {
        let Found { moment, parts } = found;
        let in_force = match moment.text == *config.text {
            true => config.clone(),
            false => InForce::read(&moment.text).unwrap_or_else(|why| {
                report.unreadable = Some(why);
                config.clone()
            }),
        };
        let mut names: Vec<Declaration> = Vec::new();
        for (part, bytes) in &parts {
            if let Part::Names(_) = part {
                names.extend(decode::<Vec<Declaration>>(bytes)?);
            }
        }
        let (mut remembered, mut words) = (Remembered::default(), Words::default());
        let mut stream = Stream::begin(&in_force.plan, 1, &names, moment.clock, moment.next_input);
        for (part, bytes) in &parts {
            match part {
                Part::Names(_) => {}
                Part::Slot(slot) => stream.restore_slot(*slot, bytes).map_err(foreign)?,
                Part::Fleet => stream.restore_fleet(bytes).map_err(foreign)?,
                Part::Intake => {
                    remembered = Remembered::from_bytes(bytes).map_err(|error| foreign(error.to_string()))?;
                }
                Part::Words => words = Words::of(decode::<Vec<Control>>(bytes)?),
                Part::Table(_) => {
                    let (name, table): (String, Table) = decode(bytes)?;
                    if !table.fits() {
                        return Err(foreign(format!("the table of `{name}` is damaged")));
                    }
                    stream.take_table(&name, &Arc::new(table));
                }
            }
        }
        Ok(Loaded { in_force, names, stream, remembered, words, moment: Some(moment) })
    }
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    postcard::from_bytes(bytes).map_err(|error| foreign(error.to_string()))
}

/// A checkpoint whose checksums agree, and that cannot be understood all the same: another version wrote it.
fn foreign(why: String) -> Fault {
    let what = format!("the checkpoint cannot be understood by this ouzel: {why}; start the version that wrote it");
    Fault { whose: Whose::You, retry: Retry::Never, what }
}

fn named(declarations: &[Declaration]) -> Names {
    let mut names = Names::new();
    declarations.iter().for_each(|declaration| names.follow(declaration));
    names
}
