//! The table of a checkpoint whose checksum is right, whatever it says: it is used, passed over or refused as newer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ouzel_fuzz::{FOLDER, REAL, disk_with, nearly};
use ouzel_pipeline::checkpoint::Store;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

fuzz_target!(|bytes: &[u8]| {
    let real = &REAL.checkpoint;
    let foot = real.len() - 24;
    let offset = u64::from_le_bytes(real[foot..foot + 8].try_into().expect("eight bytes")) as usize;
    let table = match bytes.split_first() {
        Some((&which, changes)) if which >= 0x80 => nearly(&real[offset..foot], changes),
        _ => bytes.to_vec(),
    };
    let file =
        [&real[..offset], &table, &(offset as u64).to_le_bytes(), &xxh3_64(&table).to_le_bytes(), b"OUZELCKP"].concat();
    let disk = disk_with("00000000000000000100.checkpoint", &file);
    let Ok((store, found, skipped)) = Store::open(&disk, Path::new(FOLDER), 0) else { return };
    assert!(found.is_some() || !skipped.is_empty(), "it is used, or it is said why not");
    assert_eq!(store.oldest().is_some(), found.is_some());
});
