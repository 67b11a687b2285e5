//! A record that refers to a file: whatever it says, the rows that its file has are taken as they were, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::Time;
use ouzel_fuzz::given;
use ouzel_pipeline::journal::record::Sifted;
use ouzel_pipeline::journal::{Record, Referred, record};
use ouzel_pipeline::runner::{Reread, recall};
use std::sync::LazyLock;

/// A file of ten readings.
struct Ten;

impl Reread for Ten {
    fn read(&mut self, _: &str, _: &str, from: u64, to: u64) -> Result<(Names, Vec<Reading>), String> {
        let mut names = Names::new();
        let device = names.device("oven", Timing::default(), &[]).map_err(|_| "one device is enough")?;
        let channel = names.channel("heat");
        let series = names.series(device, channel);
        let rows = (0..10i64).filter(|row| (from..to).contains(&(*row as u64)));
        Ok((names, rows.map(|row| Reading::new(series, Time(row), row as f64)).collect()))
    }
}

static REAL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let (mut theirs, rows) = Ten.read("", "", 2, 7).expect("ten rows");
    let referred = Referred {
        arrived: Time(10),
        source: "floor".into(),
        file: "a.csv".into(),
        from: 2,
        to: 7,
        first: 0,
        rows: 5,
        checksum: record::checksum(&rows),
        declarations: theirs.take_fresh(),
        rejected: Vec::new(),
        absent: 0,
        sifted: Sifted::default(),
    };
    let mut bytes = Vec::new();
    record::reference(&referred, &mut bytes);
    vec![bytes]
});

fuzz_target!(|bytes: &[u8]| {
    let bytes = given(bytes, &REAL);
    let (Ok(Record::Reference(referred)), Ok((_, next))) = (record::read(&bytes), record::read_head(&bytes)) else {
        return;
    };
    if let Ok(stretch) = recall(&mut Ten, &referred, &Names::new()) {
        assert_eq!(stretch.batch.rows.len(), referred.rows as usize);
        assert_eq!(record::checksum(&stretch.batch.rows), referred.checksum);
        assert!(next >= Some(referred.first));
    }
});
