//! A file whose form nobody says: guessed and read, or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_connect::format::FormatHints;
use ouzel_connect::source::{Rows, file};
use ouzel_engine::series::{Names, Timing};
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    let reader = Box::new(Cursor::new(bytes.to_vec()));
    let hints = FormatHints::default();
    let Ok(mut opened) = file::from_reader("fuzz", reader, &hints, Timing::default(), None) else { return };
    let (mut names, mut rows) = (Names::new(), Rows::default());
    while let Ok(true) = opened.source.next(&mut names, &mut rows) {}
    assert!(rows.rows.iter().all(|row| row.value.is_finite() && (row.series.0 as usize) < names.series_count()));
});
