//! A column of words in which the same word stands in long runs, written as a Parquet column chunk.
//!
//! Rows of a file are sorted by device and channel, so a column of names is a few runs. The parquet crate would hash
//! each row's name to find that out again (some 25 ns a row and column; there are five such columns). Here the runs are
//! written as the format has them: a dictionary page, and a data page of `RLE_DICTIONARY` runs. Both are so small that
//! they are not compressed.

use hashbrown::HashMap;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::io::Write;

/// No word: null.
pub(crate) const NULL: u32 = u32::MAX;

/// The runs of a row group.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    words: Vec<String>,
    codes: HashMap<String, u32>,
    runs: Vec<(u32, u32)>,
    rows: u32,
}

impl Runs {
    /// The code of a word in this row group.
    pub(crate) fn code(&mut self, word: &str) -> u32 {
        if let Some(&code) = self.codes.get(word) {
            return code;
        }
        let code = self.words.len() as u32;
        self.words.push(word.to_owned());
        self.codes.insert(word.to_owned(), code);
        code
    }

    /// Adds rows with a word, by its code, or with [`NULL`].
    #[inline]
    pub(crate) fn push(&mut self, code: u32, rows: u32) {
        self.rows += rows;
        match self.runs.last_mut() {
            Some(last) if last.0 == code => last.1 += rows,
            _ => self.runs.push((code, rows)),
        }
    }

    /// Adds them as the next column of a row group, and begins anew.
    pub(crate) fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        column: ColumnDescPtr,
    ) -> Result<()> {
        let mut bytes = TrackedWrite::new(Vec::new());
        let mut pages = SerializedPageWriter::new(&mut bytes);
        let dictionary = pages.write_page(uncompressed(self.dictionary()))?;
        let data = pages.write_page(uncompressed(self.data(column.max_def_level() > 0)))?;
        let size = (dictionary.bytes_written + data.bytes_written) as i64;
        let metadata = ColumnChunkMetaData::builder(column)
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_compression(Compression::UNCOMPRESSED)
            .set_num_values(i64::from(self.rows))
            .set_total_compressed_size(size)
            .set_total_uncompressed_size(size)
            .set_dictionary_page_offset(Some(dictionary.offset as i64))
            .set_data_page_offset(data.offset as i64)
            .set_statistics(self.statistics())
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: size as u64,
            rows_written: u64::from(self.rows),
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        group.append_column(&bytes::Bytes::from(bytes.into_inner()?), close)?;
        *self = Runs::default();
        Ok(())
    }

    fn dictionary(&self) -> Page {
        let mut plain = Vec::new();
        for word in &self.words {
            plain.extend_from_slice(&(word.len() as u32).to_le_bytes());
            plain.extend_from_slice(word.as_bytes());
        }
        let num_values = self.words.len() as u32;
        Page::DictionaryPage { buf: plain.into(), num_values, encoding: Encoding::PLAIN, is_sorted: false }
    }

    fn data(&self, nullable: bool) -> Page {
        let mut bytes = Vec::new();
        if nullable {
            let mut levels = Vec::new();
            for &(code, count) in &self.runs {
                run(u32::from(code != NULL), count, 1, &mut levels);
            }
            bytes.extend_from_slice(&(levels.len() as u32).to_le_bytes());
            bytes.append(&mut levels);
        }
        // Width 0 is legal for a single word, but not every reader has seen it.
        let width = (u32::BITS - (self.words.len().max(2) as u32 - 1).leading_zeros()) as u8;
        bytes.push(width);
        for &(code, count) in self.runs.iter().filter(|run| run.0 != NULL) {
            run(code, count, usize::from(width).div_ceil(8), &mut bytes);
        }
        Page::DataPage {
            buf: bytes.into(),
            num_values: self.rows,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        }
    }

    fn statistics(&self) -> Statistics {
        let word = |word: Option<&String>| word.map(|word| ByteArray::from(word.as_bytes().to_vec()));
        let nulls: u32 = self.runs.iter().filter(|run| run.0 == NULL).map(|run| run.1).sum();
        let (min, max) = (word(self.words.iter().min()), word(self.words.iter().max()));
        Statistics::byte_array(min, max, None, Some(u64::from(nulls)), false)
    }
}

fn uncompressed(page: Page) -> CompressedPage {
    let size = page.buffer().len();
    CompressedPage::new(page, size)
}

/// A run of the RLE hybrid encoding: twice its length as a varint, then the value in whole bytes.
fn run(code: u32, count: u32, width_bytes: usize, into: &mut Vec<u8>) {
    let mut head = u64::from(count) << 1;
    while head >= 0x80 {
        into.push(head as u8 | 0x80);
        head >>= 7;
    }
    into.push(head as u8);
    into.extend_from_slice(&code.to_le_bytes()[..width_bytes]);
}
