//! A segment of the output log: whatever stands in the file, a run starts or says why not; what comes out then stands in
//! the log behind what was there, in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_engine::output::{Output, What};
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Device, Series};
use ouzel_engine::time::Time;
use ouzel_fuzz::{FOLDER, REAL, disk_with, given, place, segment};
use ouzel_pipeline::outputs::{Entry, Heard, Listener, OutputLog, Place, Said};
use std::path::Path;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let file = match bytes.split_first() {
        Some((&at, rest)) if at >= 0x80 => {
            let odd = given(rest, &REAL.entries);
            let mut records: Vec<&[u8]> = REAL.entries.iter().map(Vec::as_slice).collect();
            records.insert(1 + usize::from(at & 0x7f) % records.len(), &odd);
            segment(records)
        }
        _ => bytes.to_vec(),
    };
    let disk = disk_with("00000000000000000000.outputs", &file);
    let where_ = place(&disk);
    let Ok((mut log, _)) = OutputLog::open(&disk, Path::new(FOLDER), where_.outputs, None, &REAL.config.text) else {
        return;
    };
    let here = log.place();
    let Some(input) = here.input.checked_add(1).filter(|input| *input < u64::MAX) else { return };
    let what = What::Late(Reading::new(Series(0), Time(1), 1.0));
    let outputs = vec![Output { input, device: Device(0), node: 0, ordinal: 0, what }];
    let (from, through) = (Place::before(input), Place::before(input + 1));
    let said = Said { from, through, outputs, ..Said::default() };
    assert_eq!(log.say(said, |_, _| Vec::new()).expect("there is room"), 1);
    log.sync().expect("it can be synced");
    drop(log);
    let mut listener = Listener::recorded(&disk, Path::new(FOLDER));
    let mut last = None;
    while let Ok(Heard::Entry(entry)) = listener.next(Duration::ZERO) {
        if let Entry::Said(said) = *entry {
            last = said.placed().last().map(|(place, _)| place);
        }
    }
    assert_eq!(last, Some(from));
});
