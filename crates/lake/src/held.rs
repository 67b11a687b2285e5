//! What no file holds yet, by series, compressed and counted.

#[cfg(feature = "parquet")]
use crate::chunk::CHUNK;
use crate::chunk::{Chunk, Open};
use crate::points::{Point, Stretch};
use crate::said::{NOUNS, Said};
use ouzel_engine::output::Output;
use ouzel_engine::series::Series;
use std::sync::Arc;

/// No buffer yet.
const NONE: u32 = u32::MAX;

/// What came with the numbers from `from` on.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// The number of the first input that is not in files.
    pub(crate) from: u64,
    /// Of a series by its number, its place in `buffers`. Series that never had a reading (what windows derive) cost
    /// four bytes.
    slots: Vec<u32>,
    buffers: Vec<Buffer>,
    said: [Said; NOUNS.len()],
    rows: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Buffer {
    series: Series,
    chunks: Vec<Arc<Chunk>>,
    open: Open,
    first: i64,
    last: i64,
}

/// The chunks of one series at a moment, the last one perhaps still short.
pub(crate) type Chunks = Vec<Arc<Chunk>>;

impl Held {
    pub(crate) fn new(from: u64) -> Held {
        Held { from, ..Held::default() }
    }

    /// Readings.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0 && self.said.iter().all(|said| said.len() == 0)
    }

    #[inline]
    pub(crate) fn push(&mut self, series: Series, point: &Point) {
        let index = series.0 as usize;
        let slot = match self.slots.get(index) {
            Some(&slot) if slot != NONE => slot,
            _ => self.begin(series),
        };
        let buffer = &mut self.buffers[slot as usize];
        let before = buffer.open.room();
        if let Some(chunk) = buffer.open.push(point) {
            self.bytes += chunk.room() + size_of::<Chunk>() + size_of::<Arc<Chunk>>();
            buffer.first = buffer.first.min(chunk.first);
            buffer.last = buffer.last.max(chunk.last);
            buffer.chunks.push(Arc::new(chunk));
        }
        self.bytes += buffer.open.room() - before;
        self.rows += 1;
    }

    #[cold]
    fn begin(&mut self, series: Series) -> u32 {
        let index = series.0 as usize;
        if self.slots.len() <= index {
            self.bytes += (index + 1 - self.slots.len()) * size_of::<u32>();
            self.slots.resize(index + 1, NONE);
        }
        let slot = self.buffers.len() as u32;
        self.slots[index] = slot;
        self.bytes += size_of::<Buffer>();
        self.buffers.push(Buffer {
            series,
            chunks: Vec::new(),
            open: Open::default(),
            first: i64::MAX,
            last: i64::MIN,
        });
        slot
    }

    pub(crate) fn say(&mut self, slot: usize, output: &Output) {
        self.bytes += self.said[slot].push(output);
    }

    pub(crate) fn said(&self, slot: usize) -> &Said {
        &self.said[slot]
    }

    /// The series with anything in `stretch`, each with its last time.
    pub(crate) fn series(&self, stretch: Stretch) -> Vec<(Series, i64)> {
        let spans = self.buffers.iter().map(|buffer| {
            let (first, last) = buffer.open.span();
            (buffer.series, buffer.first.min(first), buffer.last.max(last))
        });
        spans.filter(|&(_, first, last)| stretch.meets(first, last)).map(|(series, _, last)| (series, last)).collect()
    }

    /// The chunks of a series that meet `stretch`. Of the open one a copy: at most a few KiB.
    pub(crate) fn chunks(&self, series: Series, stretch: Stretch) -> Chunks {
        let slot = self.slots.get(series.0 as usize).copied().unwrap_or(NONE);
        let Some(buffer) = self.buffers.get(slot as usize) else { return Vec::new() };
        let mut chunks: Chunks = buffer.chunks.iter().filter(|chunk| chunk.meets(stretch)).cloned().collect();
        let (first, last) = buffer.open.span();
        if !buffer.open.is_empty() && stretch.meets(first, last) {
            chunks.push(Arc::new(buffer.open.copy()));
        }
        chunks
    }

    /// The largest number of points that [`Held::chunks`] of a series stands for.
    #[cfg(feature = "parquet")]
    pub(crate) fn most_points(&self) -> usize {
        self.buffers.iter().map(|buffer| (buffer.chunks.len() + 1) * CHUNK as usize).max().unwrap_or(0)
    }
}

/// The points of chunks that are inside, in order of arrival, added to `into`.
pub(crate) fn decode(chunks: &Chunks, stretch: Stretch, into: &mut Vec<Point>) {
    for chunk in chunks {
        into.reserve(chunk.count as usize);
        into.extend(chunk.points().filter(|point| stretch.has(point.time)));
    }
}
