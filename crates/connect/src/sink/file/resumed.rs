//! Files that are gone on with: after kills at any moment they hold each row once, and nothing of anybody else is lost.

use super::*;
use crate::encode::tests::{Bench, zscore};
use crate::sink::{self, Progress, SinkSettings, Target};
use ouzel_engine::output::What;
use ouzel_engine::plan::{Given, Past, Statistic, WindowSpec, Work};
use ouzel_engine::time::Span;
use proptest::prelude::*;

fn settings(folder: &Path, encoding: Encoding) -> SinkSettings {
    SinkSettings {
        target: Target::Folder(folder.to_owned()),
        encoding,
        take: vec![Noun::Aggregates, Noun::Anomalies].into(),
    }
}

/// Three outputs of two nouns an input, each other than all others.
fn outputs(bench: &Bench, input: u64) -> Vec<Output> {
    let (mut one, mut other) = (bench.aggregate(), bench.aggregate());
    let mut anomaly = bench.outputs().swap_remove(1);
    for (output, number) in [(&mut one, 2 * input), (&mut other, 2 * input + 1)] {
        output.input = input;
        let What::Aggregate(aggregate) = &mut output.what else { panic!("a window says this") };
        aggregate.start = aggregate.start + Span::from_secs(60 * number as i64);
        aggregate.end = aggregate.start + Span::from_secs(60);
    }
    anomaly.input = input;
    if let What::Anomaly(anomaly) = &mut anomaly.what {
        anomaly.value = input as f64;
    }
    vec![one, other, anomaly]
}

/// A plan whose aggregates have one more column.
fn other_plan(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for operator in &mut plan.operators {
        if let Work::Window(WindowSpec { give, .. }) = &mut operator.work {
            give.push(Given { name: "max".to_owned(), what: Statistic::Max });
        }
    }
    plan
}

/// The files of a folder that are no drafts, by name.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    files.sort();
    files
}

/// A driver and its cursor, which kills do not touch.
struct Driver {
    settings: SinkSettings,
    sink: Option<Box<dyn Sink>>,
    /// The next input, and what belongs to it.
    cursor: (u64, Option<Progress>),
    next: u64,
    notes: Vec<String>,
}

impl Driver {
    fn new(folder: &Path, encoding: Encoding) -> Driver {
        Driver { settings: settings(folder, encoding), sink: None, cursor: (0, None), next: 0, notes: Vec::new() }
    }

    fn sink(&mut self, plan: &Plan) -> &mut Box<dyn Sink> {
        let Driver { settings, sink, cursor, next, notes } = self;
        sink.get_or_insert_with(|| {
            let (sink, said) = sink::resume(settings, plan, cursor.1.as_deref()).unwrap();
            notes.extend(said);
            *next = cursor.0;
            sink
        })
    }

    fn write(&mut self, bench: &Bench, flush: bool) {
        self.sink(&bench.plan);
        let outputs = outputs(bench, self.next);
        self.sink(&bench.plan).write(&outputs, &bench.book()).unwrap();
        self.next += 1;
        if flush {
            self.sink(&bench.plan).flush().unwrap();
        }
    }

    fn save(&mut self, bench: &Bench) {
        if let Some(progress) = self.sink(&bench.plan).progress().unwrap() {
            self.cursor = (self.next, Some(progress));
        }
    }

    fn finish(&mut self, bench: &Bench) {
        self.sink(&bench.plan).finish().unwrap();
        self.save(bench);
    }
}

#[derive(Clone, Debug)]
enum Event {
    Write(bool),
    Save,
    Kill,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => any::<bool>().prop_map(Event::Write),
        2 => Just(Event::Save),
        1 => Just(Event::Kill),
    ];
    proptest::collection::vec(event, 1..60)
}

proptest! {
    // Each saves its files a dozen times, and syncs take their time.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn killed_at_any_moment_a_text_file_is_as_if_it_was_not(events in events(), csv in any::<bool>()) {
        let encoding = if csv { Encoding::Csv } else { Encoding::Ndjson };
        let bench = Bench::new();
        let (folder, straight) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut driver = Driver::new(folder.path(), encoding);
        let mut most = 0;
        // Its cursor is there from the first moment on, as that of a run is.
        driver.save(&bench);
        for event in events {
            match event {
                Event::Write(flush) => driver.write(&bench, flush),
                Event::Save => driver.save(&bench),
                Event::Kill => driver.sink = None,
            }
            most = most.max(driver.next);
        }
        driver.sink(&bench.plan);
        while driver.next < most {
            driver.write(&bench, false);
        }
        driver.finish(&bench);
        let mut straight_on = sink::open(&settings(straight.path(), encoding), &bench.plan).unwrap();
        for input in 0..driver.next {
            straight_on.write(&outputs(&bench, input), &bench.book()).unwrap();
        }
        straight_on.finish().unwrap();
        prop_assert_eq!(contents(folder.path()), contents(straight.path()));
        prop_assert_eq!(&driver.notes, &Vec::<String>::new());
    }
}

fn write_some(driver: &mut Driver, bench: &Bench, count: u64) {
    (0..count).for_each(|_| driver.write(bench, false));
    driver.save(bench);
}

#[test]
fn nothing_of_an_earlier_run_is_written_over() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("aggregates.ndjson"), "mine\n").unwrap();
    fs::write(folder.path().join("aggregates.ndjson.old-1"), "older\n").unwrap();
    let mut driver = Driver::new(folder.path(), Encoding::Ndjson);
    write_some(&mut driver, &bench, 1);
    assert_eq!(fs::read(folder.path().join("aggregates.ndjson.old-2")).unwrap(), b"mine\n");
    assert_eq!(fs::read(folder.path().join("aggregates.ndjson.old-1")).unwrap(), b"older\n");
    let name = folder.path().join("aggregates.ndjson").display().to_string();
    assert_eq!(driver.notes, [format!("{name} is of an earlier run; it is kept as {name}.old-2")]);
}

#[test]
fn a_file_that_was_cut_or_taken_away_is_told_and_gone_on_with() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("aggregates.csv");
    let mut driver = Driver::new(folder.path(), Encoding::Csv);
    write_some(&mut driver, &bench, 3);
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    driver.sink = None;
    write_some(&mut driver, &bench, 1);
    let lines = whole.lines().count();
    let last = whole.lines().next_back().unwrap().len() + 1;
    let said = format!("{} has lost {last} bytes of earlier results; it goes on behind the rest", path.display());
    assert_eq!(driver.notes, [said]);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), lines - 1 + 2);

    fs::remove_file(&path).unwrap();
    driver.sink = None;
    write_some(&mut driver, &bench, 1);
    assert!(driver.notes[1].contains("is gone, with"), "{:?}", driver.notes);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("id,window") && text.lines().count() == 3, "{text}");
}

#[test]
fn other_columns_begin_another_file_and_lines_of_json_go_on() {
    for stopped in [false, true] {
        for encoding in [Encoding::Csv, Encoding::Ndjson] {
            let (mut bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
            let mut driver = Driver::new(folder.path(), encoding);
            write_some(&mut driver, &bench, 2);
            bench.plan = other_plan(&bench.plan);
            if stopped {
                driver.sink = None;
            } else {
                let said = driver.sink(&bench.plan).plan(&bench.plan).unwrap();
                driver.notes.extend(said);
            }
            write_some(&mut driver, &bench, 1);
            driver.sink = None;
            write_some(&mut driver, &bench, 1);
            let files: Vec<(String, usize)> = contents(folder.path())
                .into_iter()
                .map(|(name, bytes)| (name, bytes.iter().filter(|&&byte| byte == b'\n').count()))
                .collect();
            let files: Vec<(&str, usize)> = files.iter().map(|(name, lines)| (name.as_str(), *lines)).collect();
            if encoding == Encoding::Ndjson {
                assert_eq!(files, [("aggregates.ndjson", 8), ("anomalies.ndjson", 4)]);
                assert_eq!(driver.notes, Vec::<String>::new());
            } else {
                assert_eq!(files, [("aggregates-2.csv", 5), ("aggregates.csv", 5), ("anomalies.csv", 5)]);
                let at = folder.path().display();
                let said = format!("{at}/aggregates.csv has other columns now: they begin in {at}/aggregates-2.csv");
                assert_eq!(driver.notes, [said]);
                let head = fs::read_to_string(folder.path().join("aggregates-2.csv")).unwrap();
                assert!(head.lines().next().unwrap().ends_with(",count,mean,max"), "{head}");
            }
        }
    }
}

#[test]
fn a_plan_with_the_same_columns_changes_no_file() {
    let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
    let mut driver = Driver::new(folder.path(), Encoding::Csv);
    write_some(&mut driver, &bench, 1);
    let other = Bench::with(zscore(Past::Count(7)));
    assert_eq!(driver.sink(&bench.plan).plan(&other.plan).unwrap(), Vec::<String>::new());
    write_some(&mut driver, &other, 1);
    assert_eq!(contents(folder.path()).len(), 2);
}

#[cfg(feature = "parquet")]
mod parts {
    use super::*;
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use arrow_array::cast::AsArray;
    use arrow_array::{Array, RecordBatch};

    /// The ids in a file, in order.
    fn ids(path: &Path) -> Vec<String> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        batches
            .iter()
            .flat_map(|batch| {
                let ids = batch["id"].as_string::<i32>();
                (0..ids.len()).map(|row| ids.value(row).to_owned()).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The names of the parts of a noun in their order, and the ids in all of them.
    fn parts(folder: &Path, noun: &str) -> (Vec<String>, Vec<String>) {
        let mut names: Vec<(u64, String)> = contents(folder)
            .into_iter()
            .filter_map(|(name, _)| {
                let first = name.strip_prefix(noun)?.strip_prefix('-')?.strip_suffix(".parquet")?;
                Some((first.parse().unwrap(), name))
            })
            .collect();
        names.sort();
        let ids = names.iter().flat_map(|(_, name)| ids(&folder.join(name))).collect();
        (names.into_iter().map(|(_, name)| name).collect(), ids)
    }

    fn all_ids(bench: &Bench, inputs: u64) -> Vec<String> {
        let outputs = (0..inputs).flat_map(|input| outputs(bench, input).into_iter().take(2));
        outputs.map(|output| crate::encode::id(&output, &bench.book()).to_string()).collect()
    }

    /// A folder whose parts are ended whenever it is asked how far they are.
    struct Hasty(Folder);

    fn hasty(folder: &Path, bench: &Bench, progress: Option<&[(String, u64)]>) -> (Hasty, Vec<String>) {
        let take = [Noun::Aggregates, Noun::Anomalies];
        let (mut sink, notes) =
            Folder::resume(folder, Encoding::Parquet, &(&take).into(), &bench.plan, progress).unwrap();
        for page in &mut sink.pages {
            if let Body::Parts(parts) = &mut page.body {
                parts.end_at_once();
            }
        }
        (Hasty(sink), notes)
    }

    #[test]
    fn a_part_counts_once_it_is_whole() {
        let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
        let mut driver = Driver::new(folder.path(), Encoding::Parquet);
        driver.save(&bench);
        assert_eq!(driver.cursor, (0, Some(Vec::new())));
        write_some(&mut driver, &bench, 2);
        assert_eq!(driver.cursor.0, 0);
        assert_eq!(contents(folder.path()), []);
        // A kill: what was in the draft comes again.
        driver.sink = None;
        write_some(&mut driver, &bench, 3);
        driver.finish(&bench);
        assert_eq!(driver.cursor.0, 3);
        let (names, found) = parts(folder.path(), "aggregates");
        assert_eq!((names, found), (vec!["aggregates-0.parquet".to_owned()], all_ids(&bench, 3)));

        driver.sink = None;
        write_some(&mut driver, &bench, 1);
        driver.finish(&bench);
        let (names, found) = parts(folder.path(), "aggregates");
        assert_eq!((names.len(), names[1].as_str(), found), (2, "aggregates-3.parquet", all_ids(&bench, 4)));
        assert_eq!(driver.notes, Vec::<String>::new());
    }

    #[test]
    fn a_part_that_no_cursor_knows_is_put_aside_for_its_rows_come_again() {
        let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
        let (mut sink, _) = hasty(folder.path(), &bench, None);
        sink.0.write(&outputs(&bench, 0), &bench.book()).unwrap();
        let known = sink.0.progress().unwrap().unwrap();
        assert_eq!(known.len(), 2);
        sink.0.write(&outputs(&bench, 1), &bench.book()).unwrap();
        sink.0.write(&outputs(&bench, 2), &bench.book()).unwrap();
        assert!(sink.0.progress().unwrap().is_some());
        // Killed before the cursor was written.
        let (mut sink, notes) = hasty(folder.path(), &bench, Some(&known));
        assert_eq!(notes.len(), 2, "{notes:?}");
        sink.0.write(&outputs(&bench, 1), &bench.book()).unwrap();
        assert!(sink.0.progress().unwrap().is_some());
        sink.0.write(&outputs(&bench, 2), &bench.book()).unwrap();
        sink.0.finish().unwrap();
        let (names, found) = parts(folder.path(), "aggregates");
        assert_eq!(names, ["aggregates-0.parquet", "aggregates-1.parquet", "aggregates-2.parquet"]);
        assert_eq!(found, all_ids(&bench, 3));
    }

    #[test]
    fn one_input_may_fill_several_parts_and_other_columns_begin_one() {
        let (mut bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
        let (mut sink, _) = hasty(folder.path(), &bench, None);
        for output in outputs(&bench, 7) {
            sink.0.write(&[output], &bench.book()).unwrap();
            assert!(sink.0.progress().unwrap().is_some());
        }
        bench.plan = other_plan(&bench.plan);
        sink.0.plan(&bench.plan).unwrap();
        sink.0.write(&outputs(&bench, 8), &bench.book()).unwrap();
        sink.0.finish().unwrap();
        let names: Vec<String> = contents(folder.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "aggregates-7.2.parquet",
                "aggregates-7.parquet",
                "aggregates-8.parquet",
                "anomalies-7.parquet",
                "anomalies-8.parquet"
            ]
        );
    }

    #[test]
    fn many_rows_end_a_part_between_two_inputs() {
        let (bench, folder) = (Bench::new(), tempfile::tempdir().unwrap());
        let take = [Noun::Aggregates];
        let mut sink = Folder::resume(folder.path(), Encoding::Parquet, &(&take).into(), &bench.plan, None).unwrap().0;
        let many: Vec<Output> = (0..60_000).map(|_| Output { input: 5, ..bench.aggregate() }).collect();
        for input in [5, 5, 6] {
            let many: Vec<Output> = many.iter().map(|output| Output { input, ..output.clone() }).collect();
            sink.write(&many, &bench.book()).unwrap();
        }
        // The first is whole; then the one under way is ended with it, for the cursor is one for all.
        assert!(sink.progress().unwrap().is_some());
        assert_eq!(ids(&folder.path().join("aggregates-5.parquet")).len(), 120_000);
        assert_eq!(ids(&folder.path().join("aggregates-6.parquet")).len(), 60_000);
    }
}
