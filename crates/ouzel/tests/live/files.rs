//! Reads what a lake's files say, once the lake is closed.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// All files below a folder.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it can be read").path()) {
        if path.is_dir() { files.extend(below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// The readings of a lake, as device and value.
pub(crate) fn readings(lake: &Path) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for path in below(&lake.join("readings")) {
        let file = File::open(&path).expect("it can be opened");
        let batches = ParquetRecordBatchReaderBuilder::try_new(file).expect("it is Parquet").build();
        for batch in batches.expect("it can be read") {
            let batch = batch.expect("it is whole");
            let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("a column `{name}`"));
            let devices = column("device").as_string::<i32>().iter().map(|name| name.expect("no null").to_owned());
            let values = column("value").as_primitive::<Float64Type>().values();
            all.extend(devices.zip(values.iter().copied()));
        }
    }
    all
}
