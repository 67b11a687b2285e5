//! Tables of joins: which files they stand in, and when one of them has another version.
//!
//! A version is read before the first reading. While a run goes on its file is looked at every few seconds: time and length
//! first, the content only where these have changed and then stayed. What the content says decides whether it is another
//! version, so a file that was only touched is none.

use ouzel_connect::fault::{Fault, Retry};
use ouzel_connect::table::{self, Wanted};
use ouzel_engine::table::Table;
use ouzel_engine::time::Span;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// How often files are looked at. A change takes effect at the second look that finds it, when nobody writes any more.
pub const LOOK: Span = Span::from_secs(2);

/// The versions in force, by the names of their joins.
pub type Tables = Vec<(String, Arc<Table>)>;

/// The table of a `[join.NAME]` section.
#[derive(Clone, Debug, PartialEq)]
pub struct TableConfig {
    /// The name of the join.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What is read of it.
    pub wanted: Wanted,
}

impl TableConfig {
    /// Reads the table as it is now.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(&self) -> Result<Arc<Table>, Fault> {
        table::read(&self.path, &self.wanted).map(Arc::new).map_err(|bad| bad.fault)
    }
}

/// Reads all of them, for a run over what was recorded.
///
/// # Errors
/// The first that cannot be read, with its join.
pub fn read_all(configs: &[TableConfig]) -> Result<Tables, Fault> {
    let one = |config: &TableConfig| match config.read() {
        Ok(table) => Ok((config.name.clone(), table)),
        Err(fault) => Err(Fault { what: format!("join `{}`: {}", config.name, fault.what), ..fault }),
    };
    configs.iter().map(one).collect()
}

/// What a file looks like from outside: when it was written, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    written: Option<SystemTime>,
    bytes: u64,
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let about = fs::metadata(path)?;
    Ok(Stamp { written: about.modified().ok(), bytes: about.len() })
}

/// What is known of a table's file from the looks before.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// The table.
    pub config: TableConfig,
    /// The file when it was read last; `None`: it was not, or could not be looked at.
    read: Option<Stamp>,
    /// The file at the last look, where that was another one.
    seen: Option<Stamp>,
}

/// What a look has found: a version, or why there is none; `None`: nothing new.
pub type Found = Option<Result<Arc<Table>, String>>;

/// Tables after a look, with what was found of each.
pub type Looked = Vec<(Watched, Found)>;

/// Reads these tables now, whatever their files look like.
pub fn look_now(list: Vec<Watched>) -> Looked {
    let read = |mut watched: Watched| {
        let found = watched.read();
        (watched, found)
    };
    list.into_iter().map(read).collect()
}

impl Watched {
    /// Never looked at.
    pub fn new(config: TableConfig) -> Watched {
        Watched { config, read: None, seen: None }
    }

    /// Reads the file, whatever it looks like. `None`: somebody writes it; the next looks will see the end of that.
    pub fn read(&mut self) -> Found {
        // A file that another one is moved over while it is read is whole at the second time.
        (0..2).find_map(|_| {
            let before = stamp(&self.config.path).ok();
            self.read_at(before)
        })
    }

    /// Reads the file that looks like this, and nothing if it looks like another one by then.
    fn read_at(&mut self, before: Option<Stamp>) -> Found {
        let got = self.config.read();
        let after = stamp(&self.config.path).ok();
        self.seen = after;
        if before != after {
            self.read = None;
            return None;
        }
        Some(self.remember(before, got))
    }

    /// A file that was read need not be read again as long as it looks the same: it would say the same. One that could not be
    /// read may be at any time, though it looks as before: somebody gives leave, a disk answers again.
    fn remember(&mut self, at: Option<Stamp>, got: Result<Arc<Table>, Fault>) -> Result<Arc<Table>, String> {
        self.read = match &got {
            Err(fault) if fault.retry != Retry::Never => None,
            _ => at,
        };
        got.map_err(|fault| fault.what)
    }

    /// Looks at the file, and reads it if it is another one than the last that was read, and was so at the last look.
    pub fn look(&mut self) -> Found {
        let now = match stamp(&self.config.path) {
            Ok(now) => now,
            // What it says of a file that is gone is said once, as that of one that is wrong.
            Err(_) if self.read.is_none() && self.seen.is_none() => return None,
            Err(_) => {
                (self.read, self.seen) = (None, None);
                // If it is back by now, the next looks find it.
                return self.config.read().err().map(|fault| Err(fault.what));
            }
        };
        let stays = self.seen.replace(now) == Some(now);
        if self.read == Some(now) || !stays { None } else { self.read_at(Some(now)) }
    }

    /// The next look reads the file again: what it said could not be taken.
    pub fn again(&mut self) {
        self.read = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(folder: &Path) -> Watched {
        let wanted = Wanted { device: "id".into(), numbers: vec!["high".into()], ..Wanted::default() };
        Watched::new(TableConfig { name: "limits".into(), path: folder.join("t.csv"), wanted })
    }

    fn high(table: &Table) -> f64 {
        table.number(table.row("a", "").unwrap(), 0)
    }

    #[test]
    fn another_version_is_taken_at_the_second_look_that_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut watched = watched(folder.path());
        let write = |text: &str| fs::write(folder.path().join("t.csv"), text).unwrap();
        write("id,high\na,1\n");
        assert_eq!(high(&watched.read().unwrap().unwrap()), 1.0);
        assert_eq!(watched.look(), None);
        write("id,high\na,12\n");
        assert_eq!(watched.look(), None);
        assert_eq!(high(&watched.look().unwrap().unwrap()), 12.0);
        assert_eq!(watched.look(), None);
        write("id,high\na,\n");
        assert_eq!(watched.look(), None);
        write("id,high\na,warm\n");
        assert_eq!(watched.look(), None);
        assert!(watched.look().unwrap().unwrap_err().ends_with("t.csv:2: column \"high\": \"warm\" is not a number"));
        assert_eq!(watched.look(), None, "it is told once");
        watched.again();
        assert!(watched.look().is_some());
    }

    #[test]
    fn a_file_that_goes_is_told_once_and_read_again_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut watched = watched(folder.path());
        assert!(watched.read().unwrap().unwrap_err().ends_with("t.csv does not exist"));
        assert_eq!(watched.look(), None);
        fs::write(folder.path().join("t.csv"), "id,high\na,1\n").unwrap();
        assert_eq!(watched.look(), None);
        assert_eq!(high(&watched.look().unwrap().unwrap()), 1.0);
        fs::remove_file(folder.path().join("t.csv")).unwrap();
        assert!(watched.look().unwrap().unwrap_err().ends_with("t.csv does not exist"));
        assert_eq!(watched.look(), None);
    }

    #[test]
    fn a_file_that_could_not_be_opened_is_read_again_though_it_looks_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut watched = watched(folder.path());
        fs::write(folder.path().join("t.csv"), "id,high\na,1\n").unwrap();
        let now = stamp(&watched.config.path).ok();
        watched.seen = now;
        let denied = Fault { retry: Retry::Later, ..Fault::yours("t.csv may not be read: permission denied") };
        assert!(watched.remember(now, Err(denied)).is_err());
        assert_eq!(high(&watched.look().unwrap().unwrap()), 1.0);
        assert!(watched.remember(now, Err(Fault::yours("its content is wrong"))).is_err());
        assert_eq!(watched.look(), None);
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_left_to_the_next_looks() {
        let folder = tempfile::tempdir().unwrap();
        let mut watched = watched(folder.path());
        let write = |text: &str| fs::write(folder.path().join("t.csv"), text).unwrap();
        write("id,high\n");
        let before = stamp(&watched.config.path).ok();
        write("id,high\na,1\n");
        assert_eq!(watched.read_at(before), None);
        assert_eq!(high(&watched.look().unwrap().unwrap()), 1.0);
        assert_eq!(watched.look(), None);
    }
}
