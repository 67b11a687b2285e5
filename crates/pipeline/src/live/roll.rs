//! The names of a run, once for the intake that gives them and the sinks that put numbers back into words.

use ouzel_engine::series::Names;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Cheap to clone. A lock, because a fleet's names are tens of megabytes and need not stand in memory for each of them;
/// written when somebody is heard for the first time, read for a batch of outputs.
#[derive(Clone, Debug, Default)]
pub struct Roll(Arc<RwLock<Names>>);

impl Roll {
    /// Of these names.
    pub fn new(names: Names) -> Roll {
        Roll(Arc::new(RwLock::new(names)))
    }

    /// For the lake, which reads them, too.
    pub fn share(&self) -> Arc<RwLock<Names>> {
        Arc::clone(&self.0)
    }

    /// To put into words.
    pub fn read(&self) -> RwLockReadGuard<'_, Names> {
        // A writer that has panicked has left whole names.
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// To give names.
    pub fn write(&self) -> RwLockWriteGuard<'_, Names> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
