//! Files opened for reading, with their footers, kept for the next question.

use crate::shared::FileFacts;
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use hashbrown::HashMap;
use ouzel_connect::disk::{Disk, DiskFile};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How many files stay open. A footer takes some 20 to 60 KiB, so this is a few MiB; at 288 files a day, a day of one
/// tier does not fit, but what a page asks for again and again does.
const MOST: usize = 128;

/// A file with its footer. It can be read as long as somebody holds it, even after it was removed.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) data: Data,
    pub(crate) footer: ArrowReaderMetadata,
}

/// The bytes of a file, as the parquet crate asks for them.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    file: Arc<DiskFile>,
    size: u64,
}

/// Bytes of a file from somewhere on.
pub(crate) struct Onwards {
    data: Data,
    at: u64,
}

/// Open files by what the manifest says of them.
#[derive(Debug, Default)]
pub(crate) struct Opened(
    /// A lock, because several readers ask at once; it is held for a look into the map, not for reading a file.
    Mutex<Cache>,
);

#[derive(Debug, Default)]
struct Cache {
    files: HashMap<(crate::Table, i64, u64), (Arc<File>, u64)>,
    uses: u64,
}

impl Opened {
    /// The open file; `None` where retention has removed it in the meantime.
    pub(crate) fn get(&self, disk: &Disk, dir: &Path, facts: &FileFacts) -> Result<Option<Arc<File>>> {
        let key = (facts.table, facts.day, facts.from);
        if let Some(file) = self.cache(|cache| {
            cache.uses += 1;
            let uses = cache.uses;
            cache.files.get_mut(&key).map(|(file, used)| {
                *used = uses;
                Arc::clone(file)
            })
        }) {
            return Ok(Some(file));
        }
        let file = match disk.open(&facts.path(dir)) {
            Ok(file) => Arc::new(open(file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ParquetError::External(Box::new(error))),
        };
        self.cache(|cache| {
            if cache.files.len() >= MOST {
                let oldest = cache.files.iter().min_by_key(|(_, (_, used))| *used).map(|(&key, _)| key);
                oldest.and_then(|key| cache.files.remove(&key));
            }
            cache.files.insert(key, (Arc::clone(&file), cache.uses));
        });
        Ok(Some(file))
    }

    /// Lets go of a file that is removed, so that its room on the disk comes free.
    pub(crate) fn forget(&self, facts: &FileFacts) {
        self.cache(|cache| cache.files.remove(&(facts.table, facts.day, facts.from)));
    }

    fn cache<T>(&self, with: impl FnOnce(&mut Cache) -> T) -> T {
        // Each use leaves the map whole, so a panic elsewhere is no reason to fail here.
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn open(file: DiskFile) -> Result<File> {
    let size = file.size().map_err(|error| ParquetError::External(Box::new(error)))?;
    let data = Data { file: Arc::new(file), size };
    let plain = ArrowReaderMetadata::load(&data, ArrowReaderOptions::new())?;
    // Words stay dictionaries, so that a name is compared once and not in each row.
    let fields = plain.schema().fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => {
            let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(Field::new(field.name(), words, field.is_nullable()))
        }
        _ => Arc::clone(field),
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(Arc::new(schema));
    let footer = ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options)?;
    Ok(File { data, footer })
}

impl Length for Data {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Data {
    type T = Onwards;

    fn get_read(&self, start: u64) -> Result<Onwards> {
        Ok(Onwards { data: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Read for Onwards {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.data.file.read_at(self.at, into)?;
        self.at += count as u64;
        Ok(count)
    }
}
