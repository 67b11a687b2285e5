//! What a storm has left: the journal against what was said and answered, deliveries against a straight run over the
//! journal, the lake against the journal.

use super::life::{JOURNAL, TAKE, plan};
use super::{Message, Told};
use ouzel_connect::disk::Disk;
use ouzel_connect::encode::{Book, ndjson};
use ouzel_connect::sink::Noun;
use ouzel_engine::reading::TICK;
use ouzel_engine::time::Time;
use ouzel_lake::{Asked, LakeReader};
use ouzel_pipeline::control::Order;
use ouzel_pipeline::journal::{Follower, Mender, Next, Record};
use ouzel_pipeline::stream::Stream;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// What a journal holds.
pub(super) struct Journal {
    /// Readings: number, time, value.
    pub(super) rows: Vec<(u64, Time, f64)>,
    orders: Vec<Order>,
}

/// Shows every record of the journal, mended.
fn records(disk: &Disk, mut see: impl FnMut(Record)) -> Result<(), String> {
    // A first life may have been cut before there was one.
    if disk
        .files(Path::new(JOURNAL))
        .map_err(|error| error.to_string())?
        .iter()
        .all(|path| path.extension().is_none_or(|e| e != "journal"))
    {
        return Ok(());
    }
    let mut tail = Follower::recorded(disk, Path::new(JOURNAL), 0);
    let mut mender = Mender::default();
    while let Next::Record(mut record) = tail.next(Duration::ZERO).map_err(|fault| fault.what)? {
        if let Record::Stretch(journalled) = &mut record {
            mender.mend(&mut journalled.stretch);
        }
        see(record);
    }
    Ok(())
}

impl Journal {
    pub(super) fn read(disk: &Disk) -> Result<Journal, String> {
        let mut journal = Journal { rows: Vec::new(), orders: Vec::new() };
        let mut next = 0;
        let mut wrong = None;
        records(disk, |record| match record {
            Record::Control(control) if control.what != Order::Start => journal.orders.push(control.what),
            Record::Stretch(journalled) => {
                let batch = &journalled.stretch.batch;
                if batch.first < next {
                    wrong = Some(format!("number {} comes behind number {next}", batch.first));
                }
                next = batch.first + batch.rows.len() as u64;
                let numbered = (0..batch.rows.len()).map(|row| (batch.number(row), batch.rows[row]));
                let readings = numbered.filter(|(_, row)| row.series != TICK);
                journal.rows.extend(readings.map(|(number, row)| (number, row.time, row.value)));
            }
            _ => {}
        })?;
        wrong.map_or(Ok(journal), Err)
    }

    /// What was acknowledged is there once, what was not at most once, and all of it in the order of what was said.
    pub(super) fn check(&self, messages: &[Message], orders: &[Order]) -> Result<(), String> {
        let mut counts: HashMap<Time, (u64, f64)> = HashMap::new();
        for (_, time, value) in &self.rows {
            let (count, _) = counts.entry(*time).or_insert((0, *value));
            *count += 1;
        }
        let mut known = 0;
        for (number, message) in messages.iter().enumerate() {
            for (time, value) in &message.rows {
                let (count, found) = counts.get(time).copied().unwrap_or((0, *value));
                known += count;
                let right = count == 1 || (count == 0 && !message.acknowledged);
                if !right || found != *value {
                    let word = if message.acknowledged { "acknowledged" } else { "not acknowledged" };
                    return Err(format!(
                        "a reading of message {number} (said {} times, {word}) stands {count} times in the journal",
                        message.said
                    ));
                }
            }
        }
        if known != self.rows.len() as u64 {
            return Err(format!("the journal has {} readings, of which {known} were said", self.rows.len()));
        }
        self.check_order(messages)?;
        match orders.iter().find(|order| self.orders.iter().filter(|kept| kept == order).count() != 1) {
            Some(order) => Err(format!("{order:?} was acknowledged and is not in the journal once")),
            None => Ok(()),
        }
    }

    /// Messages that were said once stand in the order in which they were said.
    fn check_order(&self, messages: &[Message]) -> Result<(), String> {
        let once = messages.iter().enumerate().filter(|(_, message)| message.said == 1);
        let places: HashMap<Time, usize> =
            once.flat_map(|(place, message)| message.rows.iter().map(move |(time, _)| (*time, place))).collect();
        let said: Vec<usize> = self.rows.iter().filter_map(|(_, time, _)| places.get(time).copied()).collect();
        match said.windows(2).find(|pair| pair[0] > pair[1]) {
            Some(pair) => Err(format!("message {} stands before message {}", pair[0], pair[1])),
            None => Ok(()),
        }
    }

    /// The lake holds what the journal holds, each reading once.
    pub(super) fn check_lake(&self, lake: &LakeReader) -> Result<(), String> {
        let asked = Asked { limit: self.rows.len() + 1_000, ..Asked::default() };
        let rows = lake.readings(&asked).map_err(|fault| fault.what)?;
        let mut rows: Vec<(u64, Time, f64)> = rows.iter().map(|row| (row.seq, row.time, row.value)).collect();
        rows.sort_by_key(|row| row.0);
        match rows == self.rows {
            true => Ok(()),
            false => {
                let differs = rows.iter().zip(&self.rows).position(|(lake, journal)| lake != journal);
                Err(format!(
                    "the lake has {} readings, the journal {}; the first that differs is {differs:?}",
                    rows.len(),
                    self.rows.len()
                ))
            }
        }
    }
}

/// What a straight run over the journal gives to the sink.
pub(super) fn outputs(disk: &Disk) -> Result<Vec<String>, String> {
    let plan = plan()?;
    let mut stream = Stream::new(&plan, 1);
    let mut lines = Vec::new();
    records(disk, |record| {
        let Record::Stretch(journalled) = record else { return };
        let mut outputs = Vec::new();
        stream.step(&journalled.stretch, &mut outputs);
        let book = Book { names: stream.names(), plan: &plan };
        for output in outputs.iter().filter(|output| Noun::of(&output.what).is_some_and(|noun| TAKE.contains(&noun))) {
            let mut line = Vec::new();
            ndjson::push(output, &book, &mut line);
            lines.push(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
        }
    })?;
    Ok(lines)
}

/// Every output was delivered, in order, and in each life from where the one before had come to, or from a little before.
/// Gives how many were delivered again, and the most in one life.
pub(super) fn deliveries(outputs: &[String], lives: &[Told]) -> Result<(u64, u64), String> {
    let places: HashMap<&str, usize> = (0..).zip(outputs).map(|(place, output)| (output.as_str(), place)).collect();
    if places.len() != outputs.len() {
        return Err("a straight run gives the same output twice".into());
    }
    let (mut next, mut again, mut most) = (0, 0, 0);
    for (life, told) in lives.iter().enumerate() {
        let mut place = None;
        for output in told {
            let here = *places.get(output.as_str()).ok_or_else(|| {
                format!("life {life} delivered what a straight run over the journal does not give: {output}")
            })?;
            let expected = place.map_or(here.min(next), |before| before + 1);
            if here != expected {
                return Err(format!("life {life} delivered output {here} where output {expected} was next: {output}"));
            }
            place = Some(here);
        }
        let Some(last) = place else { continue };
        let repeated = next.saturating_sub(last + 1 - told.len()).min(told.len()) as u64;
        again += repeated;
        most = most.max(repeated);
        next = next.max(last + 1);
    }
    match next == outputs.len() {
        true => Ok((again, most)),
        false => Err(format!("{} outputs were delivered, and a straight run gives {}", next, outputs.len())),
    }
}
