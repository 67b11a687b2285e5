//! A roll: what is held goes into files, sorted by device, channel and time, a file a table and date.
//!
//! ```text
//! tmp/…  written, synced  →  renamed to TABLE/date=…/FROM-TO.parquet  →  folders synced  →  a line of the manifest
//! ```
//! Wherever the power goes before the last arrow, the next start removes what there is of it, and the journal has it all.

use crate::file::{Buckets, Labels, Readings};
use crate::held::{Held, decode};
use crate::manifest::fault;
use crate::points::{Point, Stretch};
use crate::said::{NOUNS, table, time_of};
use crate::shared::{FileFacts, Shared};
use crate::table::Table;
use crate::tier::{Tier, buckets};
use ouzel_connect::crash;
use ouzel_connect::disk::DiskFile;
use ouzel_connect::encode::parquet::Table as Writer;
use ouzel_connect::encode::{Book, Column, Kind, Statistics, Value, columns, fields, statistics};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_engine::output::Output;
use ouzel_engine::series::Series;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Writes what `held` has, of the inputs up to and without `to`. The files are durable, but no line lists them yet.
///
/// # Errors
/// What the file system says. Files that are there by then stay: the next try has the same range, so it gives the same
/// files, in their place; and those of a try that is never repeated are removed at the next start.
pub(crate) fn write(shared: &Shared, held: &Held, to: u64) -> Result<Vec<FileFacts>, Fault> {
    let mut roll = Roll { shared, from: held.from, to, done: Vec::new() };
    roll.tables(held).and_then(|()| roll.sync_folders()).map_err(|error| fault(&shared.dir, &error))?;
    Ok(roll.done)
}

struct Roll<'a> {
    shared: &'a Shared,
    from: u64,
    to: u64,
    /// Files under their final names.
    done: Vec<FileFacts>,
}

/// A series with its words.
struct Labelled<'a> {
    series: Series,
    labels: Labels<'a>,
}

impl Roll<'_> {
    fn tables(&mut self, held: &Held) -> io::Result<()> {
        self.shared.disk.create_folder(&self.shared.dir.join("tmp"))?;
        let names = self.shared.names();
        let plan = self.shared.plan();
        let book = Book { names: &names, plan: &plan };
        let order = in_order(held, &book);
        let mut points = Vec::with_capacity(held.most_points());
        for day in days(held, &order, &mut points) {
            self.readings(held, &order, day, &mut points)?;
        }
        for (slot, noun) in NOUNS.into_iter().enumerate() {
            let mut by_day: BTreeMap<i64, Vec<&Output>> = BTreeMap::new();
            for output in held.said(slot).iter() {
                by_day.entry(time_of(&output.what).div_euclid(DAY)).or_default().push(output);
            }
            for (day, outputs) in by_day {
                self.said(noun, day, &outputs, &book)?;
            }
        }
        Ok(())
    }

    /// The readings of a day, and their buckets. No bucket crosses midnight.
    fn readings(&mut self, held: &Held, order: &[Labelled<'_>], day: i64, points: &mut Vec<Point>) -> io::Result<()> {
        let mut readings = Readings::new(self.create(Table::Readings, day)?)?;
        let mut tiers = Vec::new();
        for tier in Tier::ALL {
            tiers.push((tier, Buckets::new(self.create(Table::Tier(tier), day)?)?));
        }
        let (mut rows, mut first, mut last) = (0, i64::MAX, i64::MIN);
        for Labelled { series, labels } in order {
            sorted(held, *series, of_day(day), points);
            let Some((from, to)) = points.first().zip(points.last()) else { continue };
            rows += points.len() as u64;
            first = first.min(from.time);
            last = last.max(to.time);
            readings.series(labels, points)?;
            for (tier, file) in &mut tiers {
                file.series(labels, &buckets(*tier, points.iter()))?;
            }
        }
        self.keep(readings.finish()?, Table::Readings, day, (rows, first, last))?;
        for (tier, file) in tiers {
            let facts = (file.rows, file.first, file.last);
            self.keep(file.finish()?, Table::Tier(tier), day, facts)?;
        }
        Ok(())
    }

    fn said(&mut self, noun: Noun, day: i64, outputs: &[&Output], book: &Book<'_>) -> io::Result<()> {
        let mut head = vec![Column { name: "seq".to_owned(), kind: Kind::Integer }];
        head.extend(columns(noun, book.plan));
        let all = statistics(book.plan);
        let mut file = self.create(table(noun), day)?;
        let mut writer = Writer::new(&head, &mut file)?;
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for output in outputs {
            let time = time_of(&output.what);
            first = first.min(time);
            last = last.max(time);
            writer.cell(Value::Integer(output.input as i64));
            fields(output, book, Statistics::Columns(&all), |_, value| writer.cell(value));
            writer.end_row()?;
        }
        writer.finish()?;
        drop(writer);
        self.keep(file, table(noun), day, (outputs.len() as u64, first, last))
    }

    fn temporary(&self, table: Table, day: i64) -> PathBuf {
        self.shared.dir.join("tmp").join(format!("{}-{day}-{}.parquet", table.name(), self.from))
    }

    fn create(&self, table: Table, day: i64) -> io::Result<DiskFile> {
        self.shared.disk.create(&self.temporary(table, day))
    }

    /// Makes a whole file durable and gives it its name; without rows it goes.
    fn keep(&mut self, file: DiskFile, table: Table, day: i64, rows: (u64, i64, i64)) -> io::Result<()> {
        let temporary = self.temporary(table, day);
        let (rows, first, last) = rows;
        if rows == 0 {
            return self.shared.disk.remove(&temporary);
        }
        file.sync()?;
        let bytes = file.size()?;
        let facts = FileFacts { table, day, from: self.from, to: self.to, rows, first, last, bytes };
        self.shared.disk.create_folder(&facts.folder(&self.shared.dir))?;
        crash::point("lake-roll");
        self.shared.disk.rename(&temporary, &facts.path(&self.shared.dir))?;
        self.done.push(facts);
        Ok(())
    }

    /// Makes the names durable: of the files, and of folders that may be new.
    fn sync_folders(&self) -> io::Result<()> {
        let dir = &self.shared.dir;
        let mut folders: BTreeSet<PathBuf> = self.done.iter().map(|file| file.folder(dir)).collect();
        folders.extend(self.done.iter().map(|file| dir.join(file.table.name())));
        if !self.done.is_empty() {
            folders.insert(dir.clone());
        }
        folders.iter().try_for_each(|folder| self.shared.disk.sync_folder(folder))
    }
}

fn of_day(day: i64) -> Stretch {
    Stretch { from: day.saturating_mul(DAY), to: (day + 1).saturating_mul(DAY) }
}

const ALWAYS: Stretch = Stretch { from: i64::MIN, to: i64::MAX };

/// The series that have readings, by device and channel.
fn in_order<'a>(held: &Held, book: &Book<'a>) -> Vec<Labelled<'a>> {
    let mut order: Vec<Labelled<'a>> = held
        .series(ALWAYS)
        .into_iter()
        .map(|(series, _)| {
            let (device, channel) = book.subject(series);
            let tags = book.names.device_tags(book.names.of(series).0);
            Labelled { series, labels: Labels::new(device, channel, tags, book.facts(channel)) }
        })
        .collect();
    order.sort_by(|one, other| {
        (one.labels.device, one.labels.channel).cmp(&(other.labels.device, other.labels.channel))
    });
    order
}

/// The days that readings are of: nearly always one, at midnight two.
fn days(held: &Held, order: &[Labelled<'_>], points: &mut Vec<Point>) -> BTreeSet<i64> {
    let mut days = BTreeSet::new();
    for series in order {
        for chunk in held.chunks(series.series, ALWAYS) {
            let (first, last) = (chunk.first.div_euclid(DAY), chunk.last.div_euclid(DAY));
            days.insert(first);
            if first != last {
                points.clear();
                decode(&vec![chunk], ALWAYS, points);
                days.extend(points.iter().map(|point| point.time.div_euclid(DAY)));
            }
        }
    }
    days
}

/// The points of a series inside, in order of time and number.
fn sorted(held: &Held, series: Series, stretch: Stretch, points: &mut Vec<Point>) {
    points.clear();
    decode(&held.chunks(series, stretch), stretch, points);
    // They were appended by number, and most devices speak in order of time.
    if !points.is_sorted_by_key(|point| point.time) {
        points.sort_by_key(|point| (point.time, point.seq));
    }
}
