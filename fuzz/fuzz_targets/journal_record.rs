//! A record of the journal: any bytes are read or refused, with and without their rows, and what is read is written and
//! read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_fuzz::{REAL, given};
use ouzel_pipeline::journal::{Record, record};

fuzz_target!(|bytes: &[u8]| {
    let bytes = given(bytes, &REAL.records);
    let head = record::read_head(&bytes);
    let read = record::read(&bytes);
    assert!(head.is_ok() || read.is_err(), "what can be read whole can be read without its rows");
    let mut again = Vec::new();
    match &read {
        Ok(Record::Stretch(read)) => {
            record::stretch(read.arrived, read.marks.clone(), read.numbers.clone(), &read.stretch, &mut again)
        }
        Ok(Record::Control(read)) => record::control(read, &mut again),
        Ok(Record::Config(configured)) => record::config(configured, &mut again),
        Ok(Record::Table(tabled)) => record::table(tabled, &mut again),
        Ok(Record::Reference(read)) => record::reference(read, &mut again),
        Err(_) => return,
    }
    // NaN is not equal to itself, but it is written alike.
    assert_eq!(format!("{read:?}"), format!("{:?}", record::read(&again)));
});
