//! What the writer and the readers share.

use crate::held::Held;
use crate::table::Table;
use ouzel_connect::disk::Disk;
use ouzel_engine::plan::Plan;
use ouzel_engine::series::{Declaration, Names};
use ouzel_engine::time::civil_from_days;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// A file that the manifest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Of which table.
    pub table: Table,
    /// The date of its rows, in days since 1970-01-01 UTC.
    pub day: i64,
    /// The number of the first input it stands for.
    pub from: u64,
    /// The number after the last one.
    pub to: u64,
    /// Rows in it.
    pub rows: u64,
    /// The smallest time in it, in microseconds.
    pub first: i64,
    /// The largest time in it, in microseconds.
    pub last: i64,
    /// Its size in bytes.
    pub bytes: u64,
}

impl FileFacts {
    /// The folder it is in.
    pub fn folder(&self, lake: &Path) -> PathBuf {
        lake.join(self.table.name()).join(format!("date={}", date(self.day)))
    }

    /// Where it is: `readings/date=2026-01-01/000000000000-000000004711.parquet`. The second number is of the first
    /// input that is not in it.
    pub fn path(&self, lake: &Path) -> PathBuf {
        self.folder(lake).join(format!("{:012}-{:012}.parquet", self.from, self.to))
    }
}

/// `2026-01-01`
pub(crate) fn date(day: i64) -> String {
    let (year, month, day) = civil_from_days(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// What changes when a roll is done, all at once.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What comes in now.
    pub(crate) live: Held,
    /// What a roll is writing; without files, what will be forgotten next.
    pub(crate) frozen: Option<Arc<Held>>,
    /// What is in files.
    pub(crate) files: Arc<Vec<FileFacts>>,
    /// Files that retention has removed.
    pub(crate) retired: u64,
}

/// The names of a stream, where a lake need not have its own.
pub type SharedNames = Arc<RwLock<Names>>;

/// Shared by a writer and its readers.
#[derive(Debug)]
pub(crate) struct Shared {
    #[cfg(feature = "parquet")]
    pub(crate) disk: Disk,
    #[cfg(feature = "parquet")]
    pub(crate) dir: PathBuf,
    /// A lock, because a config may be reloaded while readers put numbers into words; held to clone a pointer.
    plan: RwLock<Arc<Plan>>,
    /// A lock, because a reader must see memory and files of one moment: a reading that moved from one to the other in
    /// between would be missed or seen twice. The writer holds it for the rows of a step; readers while they clone a
    /// few pointers and copy an open chunk. Nobody reads or writes a file under it.
    state: Mutex<State>,
    /// A lock, because readers ask by names that the stream still adds to. Written when a name is new.
    names: SharedNames,
    /// Somebody else adds to them.
    shared_names: bool,
    #[cfg(feature = "parquet")]
    pub(crate) opened: crate::file::Opened,
}

impl Shared {
    /// Of a lake in `dir`; one that is only in memory never looks there.
    #[cfg_attr(not(feature = "parquet"), expect(unused_variables, reason = "there are no files without parquet"))]
    pub(crate) fn new(disk: &Disk, dir: &Path, plan: Arc<Plan>, names: Option<SharedNames>, state: State) -> Shared {
        Shared {
            #[cfg(feature = "parquet")]
            disk: disk.clone(),
            #[cfg(feature = "parquet")]
            dir: dir.to_owned(),
            plan: RwLock::new(plan),
            state: Mutex::new(state),
            names: names.clone().unwrap_or_default(),
            shared_names: names.is_some(),
            #[cfg(feature = "parquet")]
            opened: crate::file::Opened::default(),
        }
    }

    // A poisoned lock means that another thread has panicked between two whole changes or at an index of its own; what
    // is held are plain rows, and showing them is better than to fail with it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn names(&self) -> RwLockReadGuard<'_, Names> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a name over; where others add to them it is there already.
    pub(crate) fn declare(&self, declarations: &[Declaration]) {
        if !self.shared_names {
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            declarations.iter().for_each(|declaration| names.follow(declaration));
        }
    }

    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_plan(&self, plan: Arc<Plan>) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
    }
}
