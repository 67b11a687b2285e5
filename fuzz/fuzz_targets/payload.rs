//! A message of a live source, as JSON, line protocol or CSV: readings or reasons, within their bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_connect::decode::payload::{Given, MAX_READINGS, Payload};
use ouzel_connect::format::{FormatHints, Kind};
use ouzel_connect::source::Rows;
use ouzel_engine::series::{Names, Timing};
use ouzel_engine::time::Time;

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, message)) = bytes.split_first() else { return };
    let kind = [None, Some(Kind::Ndjson), Some(Kind::Line), Some(Kind::Csv)][usize::from(first % 4)];
    let hints = FormatHints { kind, ..FormatHints::default() };
    let Ok(mut payload) = Payload::new("fuzz", &hints, Timing::default()) else { return };
    let (mut names, mut rows) = (Names::new(), Rows::default());
    payload.decode(message, &Given { now: Time(1), ..Given::default() }, &mut names, &mut rows);
    assert!(rows.rows.len() <= MAX_READINGS + 65_536);
    assert!(rows.rows.iter().all(|row| row.value.is_finite() && (row.series.0 as usize) < names.series_count()));
    assert!(rows.rejected.iter().all(|rejected| rejected.text.len() <= 200));
});
