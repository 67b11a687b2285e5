//! Answers from files and memory together. All functions may wait for a disk: call them where that is allowed.

use crate::held::{Chunks, Held, decode};
use crate::points::{Point, Points, Quality, Stretch, moment};
use crate::said::{meets, slot, time_of};
use crate::shared::{FileFacts, Shared};
use crate::table::Table;
use crate::tier::{Bucket, Tier, buckets, join};
use ouzel_connect::encode::{Book, ndjson};
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::Noun;
use ouzel_engine::output::{Output, What};
use ouzel_engine::series::Series;
use ouzel_engine::time::Time;
use std::sync::Arc;

#[cfg(feature = "parquet")]
mod files;
mod newest;

use newest::Newest;

/// Reads a lake; cloned for everybody who asks.
#[derive(Clone, Debug)]
pub struct LakeReader {
    shared: Arc<Shared>,
}

/// What is asked. Empty lists take all.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Names of devices.
    pub devices: Vec<String>,
    /// Names of channels.
    pub channels: Vec<String>,
    /// `warning`, `critical`; for anomalies and alerts.
    pub severities: Vec<String>,
    /// First moment inside.
    pub from: Time,
    /// First moment after; [`Time::MAX`] for no end.
    pub to: Time,
    /// The most rows to give.
    pub limit: usize,
}

impl Default for Asked {
    fn default() -> Asked {
        Asked {
            devices: Vec::new(),
            channels: Vec::new(),
            severities: Vec::new(),
            from: Time::MIN,
            to: Time::MAX,
            limit: 100,
        }
    }
}

/// A reading in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number in the stream.
    pub seq: u64,
    /// Who.
    pub device: String,
    /// What.
    pub channel: String,
    /// When, cut to microseconds.
    pub time: Time,
    /// The value.
    pub value: f64,
    /// Whether it may be trusted.
    pub quality: Quality,
    /// Whether it came after its device's watermark.
    pub late: bool,
}

/// One moment of a lake, as a question about known series sees it.
struct Seen {
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "there are no files without parquet"))]
    files: Arc<Vec<FileFacts>>,
    /// Chunks of each in order of arrival, with those of the roll that is under way.
    chunks: Vec<Chunks>,
}

impl LakeReader {
    pub(crate) fn new(shared: &Arc<Shared>) -> LakeReader {
        LakeReader { shared: Arc::clone(shared) }
    }

    /// Files of all tables.
    pub fn files(&self) -> u64 {
        self.shared.state().files.len() as u64
    }

    /// What the manifest says of each file.
    pub fn listing(&self) -> Arc<Vec<FileFacts>> {
        Arc::clone(&self.shared.state().files)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.listing().iter().map(|file| file.bytes).sum()
    }

    /// Readings in files.
    pub fn rows_kept(&self) -> u64 {
        self.listing().iter().filter(|file| file.table == Table::Readings).map(|file| file.rows).sum()
    }

    /// Readings that no file holds yet, and the bytes of memory behind all that waits.
    pub fn waiting(&self) -> (u64, u64) {
        let state = self.shared.state();
        let held = |held: &Held| (held.rows(), held.bytes() as u64);
        let (rows, bytes) = held(&state.live);
        let frozen = state.frozen.as_deref().map_or((0, 0), held);
        (rows + frozen.0, bytes + frozen.1)
    }

    /// Files that went because they were too old or too many.
    pub fn retired(&self) -> u64 {
        self.shared.state().retired
    }

    /// The first `limit` readings of a series in `[from, to)`, in order of time.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn points(&self, device: &str, channel: &str, from: Time, to: Time, limit: usize) -> Result<Points, Fault> {
        let stretch = Stretch::new(from, to);
        let seen = self.seen_of(&[(device, channel)], stretch);
        let mut all: Vec<Point> = Vec::new();
        #[cfg(feature = "parquet")]
        files::points(&self.shared, &seen.files, device, channel, stretch, limit, &mut all)?;
        decode(&seen.chunks[0], stretch, &mut all);
        Ok(Points::of(all, limit))
    }

    /// The buckets of a series that begin in `[from, to)`, and the one that `from` is in, in order of time.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn buckets(&self, tier: Tier, device: &str, channel: &str, from: Time, to: Time) -> Result<Vec<Bucket>, Fault> {
        Ok(self.buckets_of(tier, &[(device, channel)], from, to)?.swap_remove(0))
    }

    /// [`LakeReader::buckets`] of several series by device and channel, in their order. A day is some 300 files, and
    /// this opens each of them once.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn buckets_of(
        &self,
        tier: Tier,
        series: &[(&str, &str)],
        from: Time,
        to: Time,
    ) -> Result<Vec<Vec<Bucket>>, Fault> {
        let Stretch { from, to } = Stretch::new(from, to);
        let begins = Stretch { from: tier.floor(from), to };
        // The last bucket has readings after `to`.
        let width = tier.width().0 / 1_000;
        let readings = Stretch { from: begins.from, to: tier.floor(to.saturating_sub(1)).saturating_add(width) };
        let seen = self.seen_of(series, readings);
        let mut parts: Vec<Vec<Bucket>> = series.iter().map(|_| Vec::new()).collect();
        #[cfg(feature = "parquet")]
        files::buckets(&self.shared, &seen.files, tier, series, begins, &mut parts)?;
        let mut points = Vec::new();
        for (chunks, parts) in seen.chunks.iter().zip(&mut parts) {
            points.clear();
            decode(chunks, readings, &mut points);
            points.sort_by_key(|point| (point.time, point.seq));
            parts.extend(buckets(tier, points.iter()));
        }
        Ok(parts.into_iter().map(join).collect())
    }

    /// Readings, newest first.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn readings(&self, asked: &Asked) -> Result<Vec<Row>, Fault> {
        let stretch = Stretch::new(asked.from, asked.to);
        let mut found = Newest::new(asked.limit);
        let files = loop {
            if let Some(files) = self.waiting_readings(asked, stretch, &mut found) {
                break files;
            }
            // A roll came in between; half of what was seen has moved.
            found = Newest::new(asked.limit);
        };
        #[cfg(feature = "parquet")]
        files::readings(&self.shared, &files, asked, stretch, &mut found)?;
        let _ = files;
        Ok(found.rows())
    }

    /// What windows, detectors or alerts said, newest first: an object of [`ndjson`] each, without the end of the
    /// line. Windows are asked by their start, anomalies by their time, alerts by the time of the change. Of a time with
    /// nanoseconds, files keep the microseconds.
    ///
    /// # Errors
    /// When a file cannot be read. [`Noun::Late`] and [`Noun::Rejected`] have no table, and give nothing.
    pub fn rows(&self, noun: Noun, asked: &Asked) -> Result<Vec<String>, Fault> {
        let Some(slot) = slot(noun) else { return Ok(Vec::new()) };
        let stretch = Stretch::new(asked.from, asked.to);
        let mut found = Newest::new(asked.limit);
        let (files, live, frozen) = {
            let state = self.shared.state();
            (Arc::clone(&state.files), state.live.said(slot).clone(), state.frozen.clone())
        };
        {
            let names = self.shared.names();
            let plan = self.shared.plan();
            let book = Book { names: &names, plan: &plan };
            let said = frozen.iter().flat_map(|held| held.said(slot).iter()).chain(live.iter());
            let mut wanted: Vec<&Output> = said.filter(|output| takes(output, asked, stretch, &book)).collect();
            wanted.sort_by_key(|output| std::cmp::Reverse((time_of(&output.what), output.input)));
            for output in wanted.into_iter().take(asked.limit) {
                found.offer(time_of(&output.what), output.input, || words(output, &book));
            }
        }
        #[cfg(feature = "parquet")]
        files::rows(&self.shared, &files, noun, asked, stretch, &mut found)?;
        let _ = files;
        Ok(found.rows())
    }

    /// Memory and files of one moment.
    fn seen_of(&self, series: &[(&str, &str)], stretch: Stretch) -> Seen {
        let numbers: Vec<Option<Series>> = {
            let names = self.shared.names();
            series.iter().map(|(device, channel)| names.find(device, channel)).collect()
        };
        let state = self.shared.state();
        let chunks = |number: &Option<Series>| {
            let of = |held: &Held| number.map_or_else(Vec::new, |series| held.chunks(series, stretch));
            let mut chunks = state.frozen.as_deref().map_or_else(Vec::new, of);
            chunks.extend(of(&state.live));
            chunks
        };
        Seen { files: Arc::clone(&state.files), chunks: numbers.iter().map(chunks).collect() }
    }

    /// Offers the readings in memory, those of the series that spoke last first: the newest hundred are of the hundred
    /// series that spoke last. The lock is taken anew for each. `None` when a roll came in between; else the files of
    /// the same moment.
    fn waiting_readings(
        &self,
        asked: &Asked,
        stretch: Stretch,
        found: &mut Newest<Row>,
    ) -> Option<Arc<Vec<FileFacts>>> {
        let (files, frozen, from, mut series) = {
            let state = self.shared.state();
            (Arc::clone(&state.files), state.frozen.clone(), state.live.from, state.live.series(stretch))
        };
        let in_frozen = frozen.as_deref().map_or_else(Vec::new, |held| held.series(stretch));
        let names = self.shared.names();
        let plan = self.shared.plan();
        let book = Book { names: &names, plan: &plan };
        let mut points = Vec::new();
        let mut offer = |series, chunks: &Chunks, found: &mut Newest<Row>| {
            points.clear();
            decode(chunks, stretch, &mut points);
            let (device, channel) = book.subject(series);
            for point in &points {
                found.offer(point.time, point.seq, || row(device, channel, point));
            }
        };
        let wanted = |series| {
            let (device, channel) = book.subject(series);
            one_of(&asked.devices, device) && one_of(&asked.channels, channel)
        };
        series.sort_by_key(|&(_, last)| std::cmp::Reverse(last));
        for (series, last) in series.into_iter().filter(|&(series, _)| wanted(series)) {
            if found.beyond(last) {
                break;
            }
            let chunks = {
                let state = self.shared.state();
                if state.live.from != from {
                    return None;
                }
                state.live.chunks(series, stretch)
            };
            offer(series, &chunks, found);
        }
        for (series, last) in in_frozen {
            if wanted(series) && !found.beyond(last) {
                let chunks = frozen.as_deref().map_or_else(Vec::new, |held| held.chunks(series, stretch));
                offer(series, &chunks, found);
            }
        }
        Some(files)
    }
}

fn row(device: &str, channel: &str, point: &Point) -> Row {
    Row {
        seq: point.seq,
        device: device.to_owned(),
        channel: channel.to_owned(),
        time: moment(point.time),
        value: point.value,
        quality: point.mark.quality(),
        late: point.mark.late(),
    }
}

fn one_of(words: &[String], word: &str) -> bool {
    words.is_empty() || words.iter().any(|want| want == word)
}

fn takes(output: &Output, asked: &Asked, stretch: Stretch, book: &Book<'_>) -> bool {
    let (device, channel) = book.subject(output.what.series());
    let severity = match &output.what {
        What::Anomaly(anomaly) => Some(anomaly.severity),
        What::Alert(alert) => Some(alert.severity),
        What::Late(_) | What::Aggregate(_) | What::Over(_) | What::Part(_) | What::Filtered(_) | What::Reading(_) => {
            None
        }
    };
    meets(output, stretch)
        && one_of(&asked.devices, device)
        && one_of(&asked.channels, channel)
        && severity.is_none_or(|severity| one_of(&asked.severities, severity.name()))
}

fn words(output: &Output, book: &Book<'_>) -> String {
    let mut line = Vec::new();
    ndjson::push(output, book, &mut line);
    line.pop();
    String::from_utf8(line).expect("words are UTF-8")
}
