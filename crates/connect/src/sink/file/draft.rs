//! Files that have their final name only once they are whole: half a Parquet file is none.

use super::place;
use crate::fault::Fault;
use crate::sink::fault;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file that has its final name only once it is whole.
pub(crate) struct Draft {
    temporary: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl Draft {
    /// Makes the file under a name of its own beside its final place: `.aggregates.parquet.tmp`.
    pub(crate) fn begin(path: &Path) -> Result<(Draft, File), Fault> {
        if path.is_dir() {
            // Else the last step would be the first to fail.
            return Err(fault(&place(path), &io::ErrorKind::IsADirectory.into()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.tmp"));
        let file = File::create(&temporary).map_err(|e| fault(&place(path), &e))?;
        Ok((Draft { temporary, path: path.to_owned(), kept: false }, file))
    }

    /// Gives the file its name. It is on disk before that, so that not even a power cut leaves half a file there.
    pub(crate) fn keep(mut self) -> Result<(), Fault> {
        let synced = File::open(&self.temporary).and_then(|file| file.sync_all());
        synced.and_then(|()| fs::rename(&self.temporary, &self.path)).map_err(|e| fault(&place(&self.path), &e))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // Best effort: the next run makes the file anew in any case.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
