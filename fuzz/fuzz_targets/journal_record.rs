//! A record of the journal: any bytes are read or refused, and what is read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_pipeline::journal::{Record, record};

fuzz_target!(|bytes: &[u8]| {
    match record::read(bytes) {
        Ok(Record::Stretch(read)) => {
            let mut again = Vec::new();
            record::stretch(read.arrived, read.marks.clone(), &read.stretch, &mut again);
            let Ok(Record::Stretch(second)) = record::read(&again) else { panic!("what was written cannot be read") };
            // NaN is not equal to itself, but it is written alike.
            assert_eq!(format!("{read:?}"), format!("{second:?}"));
        }
        Ok(Record::Control(read)) => {
            let mut again = Vec::new();
            record::control(&read, &mut again);
            assert_eq!(record::read(&again), Ok(Record::Control(read)));
        }
        Ok(Record::Begin) | Err(_) => {}
    }
});
