//! What earlier runs have left in the folder: nothing of it is ever written over, unless it is known to come again.

use super::{place, place_of_folder};
use crate::fault::Fault;
use crate::sink::fault;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files right in a folder whose names say something, with what they say, the least first.
pub(super) fn files<K: Ord>(
    folder: &Path,
    mut says: impl FnMut(&str) -> Option<K>,
) -> Result<Vec<(K, PathBuf)>, Fault> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|e| fault(&place_of_folder(folder), &e))?;
    let mut files: Vec<(K, PathBuf)> = entries
        .iter()
        .filter_map(|entry| Some((says(entry.file_name().to_str()?)?, entry.path())))
        .filter(|(_, path)| path.is_file())
        .collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(files)
}

/// Gives a file another name, `NAME.old-1`, so that a new one may have its own, and says so. An empty one may go.
pub(super) fn put_aside(path: &Path, why: &str, notes: &mut Vec<String>) -> Result<(), Fault> {
    let failed = |e: &io::Error| fault(&place(path), e);
    if fs::metadata(path).map_err(|e| failed(&e))?.len() == 0 {
        return fs::remove_file(path).map_err(|e| failed(&e));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut number = 1_u64;
    let aside = loop {
        let aside = path.with_file_name(format!("{name}.old-{number}"));
        if !aside.exists() {
            break aside;
        }
        number += 1;
    };
    fs::rename(path, &aside).map_err(|e| failed(&e))?;
    notes.push(format!("{} {why}; it is kept as {}", place(path), place(&aside)));
    Ok(())
}
