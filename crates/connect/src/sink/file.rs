//! A folder with a file a noun: `aggregates.ndjson`, `alerts.ndjson`, …
//!
//! Text files are made when the sink is opened and grow in steps of 64 KiB, or when flushed. A Parquet file without
//! its footer is of no use to anyone, so it grows as `.aggregates.parquet.tmp` and gets its name at the end; what a
//! stopped run leaves of it is removed.
//!
//! A live run goes on where it was ([`Folder::resume`]): text files are cut to what was known to be done and written on,
//! and Parquet comes in parts, each whole.

use super::{Encoding, NO_PARQUET, Noun, Progress, Sink, Take, fault};
use crate::encode::Book;
use crate::encode::lines::Lines;
#[cfg(feature = "parquet")]
use crate::encode::parquet::Table;
#[cfg(feature = "parquet")]
use crate::encode::{Statistics, columns, fields, rejected_fields, statistics};
use crate::fault::Fault;
use crate::source::Rejected;
use ouzel_engine::output::Output;
#[cfg(feature = "parquet")]
use ouzel_engine::plan::Given;
use ouzel_engine::plan::Plan;
use std::fs::{self, File};
use std::path::Path;
#[cfg(feature = "parquet")]
use std::path::PathBuf;
use text::Text;

mod draft;
mod earlier;
#[cfg(feature = "parquet")]
mod part;
#[cfg(test)]
mod resumed;
mod text;

pub(crate) use draft::Draft;
#[cfg(feature = "parquet")]
use part::Parts;

/// The sink.
pub struct Folder {
    pages: Vec<Page>,
    take: Take,
}

/// The file of one noun.
struct Page {
    noun: Noun,
    body: Body,
}

enum Body {
    Lines(Text),
    #[cfg(feature = "parquet")]
    Table {
        path: PathBuf,
        table: Box<Table<File>>,
        statistics: Vec<Given>,
        draft: Option<Draft>,
    },
    #[cfg(feature = "parquet")]
    Parts(Parts),
}

impl Folder {
    /// Makes the folder where it is missing, and a file for each noun taken.
    ///
    /// # Errors
    /// A [`Fault`] when they cannot be made, or files cannot have this encoding.
    pub fn open(folder: &Path, encoding: Encoding, take: &Take, plan: &Plan) -> Result<Folder, Fault> {
        let taken = taken(folder, encoding, take)?;
        let pages = taken.map(|noun| Page::open(folder, encoding, noun, plan)).collect::<Result<_, _>>()?;
        Ok(Folder { pages, take: take.clone() })
    }

    /// Goes on with the files of an earlier run, as [`super::resume`] has it, and gives what is to be said of them.
    ///
    /// # Errors
    /// A [`Fault`] when they cannot be written, or files cannot have this encoding.
    pub fn resume(
        folder: &Path,
        encoding: Encoding,
        take: &Take,
        plan: &Plan,
        progress: Option<&[(String, u64)]>,
    ) -> Result<(Folder, Vec<String>), Fault> {
        let mut notes = Vec::new();
        let page = |noun| Page::resume(folder, encoding, noun, plan, progress.unwrap_or_default(), &mut notes);
        let pages = taken(folder, encoding, take)?.map(page).collect::<Result<_, _>>()?;
        sync_folder(folder)?;
        Ok((Folder { pages, take: take.clone() }, notes))
    }
}

/// The nouns that get a file, once there is a folder for it.
fn taken<'a>(folder: &Path, encoding: Encoding, take: &'a Take) -> Result<impl Iterator<Item = Noun> + use<'a>, Fault> {
    match encoding {
        Encoding::Text => {
            return Err(Fault::yours("text is for standard output; choose ndjson, csv or parquet for files"));
        }
        Encoding::Parquet if cfg!(not(feature = "parquet")) => return Err(Fault::yours(NO_PARQUET)),
        _ => {}
    }
    fs::create_dir_all(folder).map_err(|e| fault(&place_of_folder(folder), &e))?;
    Ok(Noun::ALL.into_iter().filter(|noun| take.has(*noun)))
}

impl Sink for Folder {
    fn write(&mut self, outputs: &[Output], book: &Book<'_>) -> Result<(), Fault> {
        for output in outputs {
            if !self.take.takes(output, book.plan) {
                continue;
            }
            let noun = Noun::of(&output.what);
            if let Some(page) = self.pages.iter_mut().find(|page| Some(page.noun) == noun) {
                page.push(output, book)?;
            }
        }
        Ok(())
    }

    fn reject(&mut self, rejected: &[Rejected]) -> Result<(), Fault> {
        if let Some(page) = self.pages.iter_mut().find(|page| page.noun == Noun::Rejected) {
            rejected.iter().try_for_each(|rejected| page.push_rejected(rejected))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.pages.iter_mut().try_for_each(Page::flush)
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.flush()?;
        self.pages.iter_mut().try_for_each(Page::finish)
    }

    fn progress(&mut self) -> Result<Option<Progress>, Fault> {
        if self.pages.iter().any(Page::is_due) {
            // All at once, for the cursor is one for all.
            self.pages.iter_mut().try_for_each(Page::end_part)?;
        }
        let mut progress = Progress::new();
        for page in &mut self.pages {
            if page.is_unsettled() {
                return Ok(None);
            }
            progress.extend(page.progress()?);
        }
        Ok(Some(progress))
    }

    fn plan(&mut self, plan: &Plan) -> Result<Vec<String>, Fault> {
        let mut notes = Vec::new();
        self.pages.iter_mut().try_for_each(|page| page.plan(plan, &mut notes))?;
        Ok(notes)
    }
}

impl Page {
    fn open(folder: &Path, encoding: Encoding, noun: Noun, plan: &Plan) -> Result<Page, Fault> {
        let body = match Lines::of(encoding, plan) {
            Some(_) => Body::Lines(Text::create(folder, encoding, noun, plan)?),
            #[cfg(feature = "parquet")]
            None => {
                let path = folder.join(format!("{}.{}", noun.name(), encoding.extension()));
                let (draft, file) = Draft::begin(&path)?;
                let table = Table::new(&columns(noun, plan), file).map_err(|e| fault(&place(&path), &e))?;
                Body::Table { path, table: Box::new(table), statistics: statistics(plan), draft: Some(draft) }
            }
            #[cfg(not(feature = "parquet"))]
            None => return Err(Fault::yours(NO_PARQUET)),
        };
        Ok(Page { noun, body })
    }

    fn resume(
        folder: &Path,
        encoding: Encoding,
        noun: Noun,
        plan: &Plan,
        progress: &[(String, u64)],
        notes: &mut Vec<String>,
    ) -> Result<Page, Fault> {
        let body = match Lines::of(encoding, plan) {
            Some(_) => Body::Lines(Text::resume(folder, encoding, noun, plan, progress, notes)?),
            #[cfg(feature = "parquet")]
            None => Body::Parts(Parts::resume(folder, noun, plan, progress, notes)?),
            #[cfg(not(feature = "parquet"))]
            None => return Err(Fault::yours(NO_PARQUET)),
        };
        Ok(Page { noun, body })
    }

    fn push(&mut self, output: &Output, book: &Book<'_>) -> Result<(), Fault> {
        match &mut self.body {
            Body::Lines(text) => text.push(|lines, buffer| lines.push(output, book, buffer)),
            #[cfg(feature = "parquet")]
            Body::Table { path, table, statistics, .. } => {
                fields(output, book, Statistics::Columns(statistics), |_, value| table.cell(value));
                table.end_row().map_err(|e| fault(&place(path), &e))
            }
            #[cfg(feature = "parquet")]
            Body::Parts(parts) => parts.push(output, book),
        }
    }

    fn push_rejected(&mut self, rejected: &Rejected) -> Result<(), Fault> {
        match &mut self.body {
            Body::Lines(text) => text.push(|lines, buffer| lines.push_rejected(rejected, buffer)),
            #[cfg(feature = "parquet")]
            Body::Table { path, table, .. } => {
                rejected_fields(rejected, |_, value| table.cell(value));
                table.end_row().map_err(|e| fault(&place(path), &e))
            }
            #[cfg(feature = "parquet")]
            Body::Parts(parts) => parts.push_rejected(rejected),
        }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        match &mut self.body {
            Body::Lines(text) => text.flush(),
            #[cfg(feature = "parquet")]
            Body::Table { .. } | Body::Parts(_) => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        match &mut self.body {
            Body::Lines(_) => Ok(()),
            #[cfg(feature = "parquet")]
            Body::Table { path, table, draft, .. } => {
                let Some(draft) = draft.take() else { return Ok(()) };
                table.finish().map_err(|e| fault(&place(path), &e))?;
                draft.keep()
            }
            #[cfg(feature = "parquet")]
            Body::Parts(parts) => parts.end(),
        }
    }

    /// Whether its part is to be ended, or was; of text there are none.
    fn is_due(&self) -> bool {
        match &self.body {
            #[cfg(feature = "parquet")]
            Body::Parts(parts) => parts.is_due(),
            _ => false,
        }
    }

    fn end_part(&mut self) -> Result<(), Fault> {
        match &mut self.body {
            #[cfg(feature = "parquet")]
            Body::Parts(parts) => parts.end(),
            _ => Ok(()),
        }
    }

    /// Whether there are rows that a kill would take.
    fn is_unsettled(&self) -> bool {
        match &self.body {
            Body::Lines(_) => false,
            #[cfg(feature = "parquet")]
            Body::Table { draft, .. } => draft.is_some(),
            #[cfg(feature = "parquet")]
            Body::Parts(parts) => parts.is_open(),
        }
    }

    fn progress(&mut self) -> Result<Option<(String, u64)>, Fault> {
        match &mut self.body {
            Body::Lines(text) => text.progress().map(Some),
            // A file that a replay makes is made anew by the next.
            #[cfg(feature = "parquet")]
            Body::Table { .. } => Ok(None),
            #[cfg(feature = "parquet")]
            Body::Parts(parts) => Ok(parts.progress()),
        }
    }

    fn plan(&mut self, plan: &Plan, notes: &mut Vec<String>) -> Result<(), Fault> {
        match &mut self.body {
            Body::Lines(text) => text.plan(plan, notes),
            #[cfg(feature = "parquet")]
            Body::Table { path, .. } => {
                Err(Fault::yours(format!("{} cannot change its columns: it is one file", place(path))))
            }
            #[cfg(feature = "parquet")]
            Body::Parts(parts) => parts.plan(plan),
        }
    }
}

/// Makes a file, or says why it cannot be made.
pub(crate) fn create(path: &Path) -> Result<File, Fault> {
    File::create(path).map_err(|e| fault(&place(path), &e))
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), Fault> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|e| fault(&place_of_folder(folder), &e))
}

fn place(path: &Path) -> String {
    path.display().to_string()
}

/// A folder's path with a slash at its end, so that a reader sees what it is.
fn place_of_folder(folder: &Path) -> String {
    let place = place(folder);
    if place.ends_with('/') { place } else { place + "/" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::Bench;
    use crate::fault::{Retry, Whose};

    fn rejected() -> Rejected {
        Rejected { source: "in.csv".into(), line: 7, reason: "no".into(), text: "x".into() }
    }

    /// Writes one of each noun, twice, and gives what stands in the folder then, by name.
    fn check(encoding: Encoding, take: &[Noun], files: &[(&str, usize)]) {
        let bench = Bench::new();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/out");
        let mut sink = Folder::open(&out, encoding, &take.into(), &bench.plan).unwrap();
        for _ in 0..2 {
            sink.write(&bench.outputs(), &bench.book()).unwrap();
            sink.reject(&[rejected()]).unwrap();
        }
        sink.finish().unwrap();
        drop(sink);
        let mut found: Vec<(String, usize)> = fs::read_dir(&out)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read(&path).unwrap().iter().filter(|&&byte| byte == b'\n').count())
            })
            .collect();
        found.sort();
        let files: Vec<(String, usize)> = files.iter().map(|&(name, lines)| (name.to_owned(), lines)).collect();
        assert_eq!(found, files);
    }

    #[test]
    fn each_noun_taken_has_its_file() {
        check(
            Encoding::Ndjson,
            &Noun::NAMED,
            &[
                ("aggregates.ndjson", 2),
                ("alerts.ndjson", 2),
                ("anomalies.ndjson", 2),
                ("filtered.ndjson", 0),
                ("late.ndjson", 2),
                ("rejected.ndjson", 2),
            ],
        );
        check(Encoding::Csv, &[Noun::Alerts, Noun::Rejected], &[("alerts.csv", 3), ("rejected.csv", 3)]);
    }

    #[test]
    fn an_empty_result_is_an_empty_file_and_a_bare_head_in_csv() {
        let folder = tempfile::tempdir().unwrap();
        for (encoding, name, text) in
            [(Encoding::Ndjson, "late.ndjson", ""), (Encoding::Csv, "late.csv", "id,device,channel,time,value\n")]
        {
            let mut sink = Folder::open(folder.path(), encoding, &(&[Noun::Late]).into(), &Plan::default()).unwrap();
            sink.finish().unwrap();
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), text);
        }
    }

    #[test]
    fn rows_wait_in_the_buffer_until_flushed() {
        let bench = Bench::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aggregates.ndjson");
        let mut sink =
            Folder::open(folder.path(), Encoding::Ndjson, &(&[Noun::Aggregates]).into(), &bench.plan).unwrap();
        sink.write(&[bench.aggregate()], &bench.book()).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), 0);
        sink.flush().unwrap();
        let line = fs::read(&path).unwrap();
        assert_eq!(line.last(), Some(&b'\n'));
        let many = vec![bench.aggregate(); 1000];
        sink.write(&many, &bench.book()).unwrap();
        sink.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), line.repeat(1001));
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_the_users_to_mend() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "").unwrap();
        for path in [path.clone(), path.join("deeper")] {
            let fault = Folder::open(&path, Encoding::Ndjson, &Take::default(), &Plan::default()).err().unwrap();
            let what = format!("cannot write to {}/: a file is in the way; choose another path", path.display());
            assert_eq!((fault.whose, fault.retry, fault.what), (Whose::You, Retry::Never, what));
        }
    }

    #[test]
    fn a_folder_where_the_file_should_be_is_said_at_once() {
        let mut encodings = vec![Encoding::Csv, Encoding::Ndjson];
        if cfg!(feature = "parquet") {
            encodings.push(Encoding::Parquet);
        }
        for encoding in encodings {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join(format!("late.{}", encoding.extension()))).unwrap();
            let fault = Folder::open(folder.path(), encoding, &(&[Noun::Late]).into(), &Plan::default()).err().unwrap();
            assert!(fault.what.ends_with("that is a folder; choose another path"), "{fault}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_a_fault_that_may_pass() {
        let bench = Bench::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aggregates.ndjson");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut sink =
            Folder::open(folder.path(), Encoding::Ndjson, &(&[Noun::Aggregates]).into(), &bench.plan).unwrap();
        sink.write(&[bench.aggregate()], &bench.book()).unwrap();
        let fault = sink.finish().unwrap_err();
        assert_eq!((fault.whose, fault.retry), (Whose::You, Retry::Later));
        let what = format!("cannot write to {}: the disk is full; make room or choose another path", path.display());
        assert_eq!(fault.what, what);
    }

    #[test]
    fn text_is_refused_for_files() {
        let fault = Folder::open(Path::new("out"), Encoding::Text, &Take::default(), &Plan::default()).err().unwrap();
        assert_eq!(fault.what, "text is for standard output; choose ndjson, csv or parquet for files");
    }

    #[cfg(not(feature = "parquet"))]
    #[test]
    fn a_build_without_parquet_says_so() {
        let fault =
            Folder::open(Path::new("out"), Encoding::Parquet, &Take::default(), &Plan::default()).err().unwrap();
        assert_eq!(fault.what, NO_PARQUET);
    }

    #[cfg(feature = "parquet")]
    mod parquet {
        use super::*;
        use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
        use arrow_array::cast::AsArray;
        use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
        use arrow_array::{Array, RecordBatch};

        fn read(path: &Path) -> (Vec<RecordBatch>, usize) {
            let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
            let groups = builder.metadata().num_row_groups();
            (builder.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect(), groups)
        }

        #[test]
        fn rows_read_back_and_groups_are_bounded() {
            let bench = Bench::new();
            let folder = tempfile::tempdir().unwrap();
            let mut sink = Folder::open(folder.path(), Encoding::Parquet, &(&Noun::ALL).into(), &bench.plan).unwrap();
            let many = vec![bench.aggregate(); 10_000];
            for _ in 0..30 {
                sink.write(&many, &bench.book()).unwrap();
            }
            sink.write(&bench.outputs()[1..], &bench.book()).unwrap();
            sink.reject(&[rejected()]).unwrap();
            let path = folder.path().join("aggregates.parquet");
            assert!(!path.exists() && folder.path().join(".aggregates.parquet.tmp").exists());
            sink.finish().unwrap();
            assert!(path.exists() && !folder.path().join(".aggregates.parquet.tmp").exists());

            let (batches, groups) = read(&path);
            assert_eq!((batches.iter().map(RecordBatch::num_rows).sum::<usize>(), groups), (300_000, 2));
            let schema = batches[0].schema();
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            assert_eq!(
                names,
                ["id", "window", "key", "channel", "start", "end", "revision", "partial", "count", "mean"]
            );
            let last = batches.last().unwrap();
            assert_eq!(last["key"].as_string::<i32>().value(0), "press-1");
            assert_eq!(last["count"].as_primitive::<Int64Type>().value(0), 3);
            assert_eq!(last["mean"].as_primitive::<Float64Type>().value(0), 20.5);
            assert_eq!(last["end"].as_primitive::<TimestampMicrosecondType>().value(0), 1_704_067_260_000_000);

            let (anomalies, _) = read(&folder.path().join("anomalies.parquet"));
            assert!(anomalies[0]["p_value"].is_null(0));
            for noun in ["alerts", "late", "rejected"] {
                assert_eq!(read(&folder.path().join(format!("{noun}.parquet"))).0[0].num_rows(), 1);
            }
        }

        #[test]
        fn a_stopped_run_leaves_no_half_file() {
            let folder = tempfile::tempdir().unwrap();
            let sink = Folder::open(folder.path(), Encoding::Parquet, &(&Noun::ALL).into(), &Plan::default()).unwrap();
            drop(sink);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
