//! Messages that come twice in files: the same results as if they had come once.

use ouzel_connect::format::{FormatHints, Kind};
use ouzel_connect::source::file;
use ouzel_engine::plan::Plan;
use ouzel_engine::reading::TICK;
use ouzel_engine::series::Timing;
use ouzel_pipeline::intake::Intake;
use std::sync::Arc;

/// What comes of files, as `value@second`, and how many readings were left out.
fn taken(kind: Kind, hints: &FormatHints, files: &[&str]) -> (String, u64) {
    let hints = FormatHints { kind: Some(kind), sequence: Some("seq".into()), ..hints.clone() };
    let open = |text: &&str| {
        let bytes = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        file::from_reader("in", bytes, &hints, Timing::default(), None).unwrap().source
    };
    let mut intake = Intake::new(Arc::new(Plan::default()), files.iter().map(open).collect());
    let (mut said, mut duplicates) = (Vec::new(), 0);
    while let Some(stretch) = intake.next_stretch().unwrap() {
        let rows = stretch.batch.rows.iter().filter(|row| row.series != TICK);
        said.extend(rows.map(|row| format!("{}@{}", row.value, row.time.0 / 1_000_000_000)));
        duplicates += stretch.duplicates;
    }
    (said.join(" "), duplicates)
}

#[test]
fn a_line_that_stands_twice_in_a_file_is_read_once() {
    let csv =
        "ts,device,seq,a,b\n5,x,1,10,11\n6,x,2,12,\n5,x,1,10,11\n5,y,1,20,21\n6,x,2,12,\n7,x,,14,15\n7,x,,14,15\n";
    let hints = FormatHints { time: Some("ts".into()), time_format: Some("s".into()), ..FormatHints::default() };
    assert_eq!(taken(Kind::Csv, &hints, &[csv]), ("10@5 11@5 12@6 20@5 21@5 14@7 15@7 14@7 15@7".into(), 3));
    let json = "{\"ts\":5,\"seq\":1,\"a\":10}\n{\"ts\":6,\"seq\":2,\"a\":11}\n{\"ts\":5,\"seq\":1,\"a\":10}\n";
    assert_eq!(taken(Kind::Ndjson, &hints, &[json]), ("10@5 11@6".into(), 1));
    // Each file counts for itself.
    assert_eq!(taken(Kind::Ndjson, &hints, &[json, json]), ("10@5 10@5 11@6 11@6".into(), 2));
}

#[test]
fn rows_without_a_time_are_known_by_their_numbers_alone() {
    let hints = FormatHints { every: Some(ouzel_engine::time::Span::from_secs(1)), ..FormatHints::default() };
    let csv = "seq,a\n1,10\n2,11\n2,11\n3,12\n1,10\n";
    assert_eq!(taken(Kind::Csv, &hints, &[csv]), ("10@0 11@1 12@3".into(), 2));
}
