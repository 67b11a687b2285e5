//! When files are written, and when they go.

use crate::held::Held;
use crate::manifest::Manifest;
use crate::roll;
use crate::settings::LakeSettings;
use crate::shared::{FileFacts, Shared};
use ouzel_connect::disk::Disk;
use ouzel_connect::fault::Fault;
use ouzel_engine::time::{Span, Time};
use std::path::Path;
use std::sync::Arc;

/// A roll that failed is tried again after this long: a disk that is full stays so until somebody makes room. As often
/// it is looked whether files must go.
const AGAIN: Span = Span::from_secs(10);

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// The files of a lake, as its writer sees them.
#[derive(Debug)]
pub(super) struct Files {
    manifest: Manifest,
    /// When the next roll is due, by the clock on the wall; `None` before the first tick.
    due: Option<Time>,
    /// When it is next looked whether files must go.
    look: Time,
    /// A roll that rows or bytes asked for has failed since the last tick, and is not tried again before the next one,
    /// unless there is no room at all.
    failed: bool,
}

impl Files {
    pub(super) fn open(disk: &Disk, dir: &Path) -> Result<(Files, Vec<FileFacts>), Fault> {
        let (manifest, listed) = Manifest::open(disk, dir)?;
        Ok((Files { manifest, due: None, look: Time::MIN, failed: false }, listed))
    }

    pub(super) fn kept(&self) -> u64 {
        self.manifest.kept
    }

    pub(super) fn tick(&mut self, shared: &Shared, settings: &LakeSettings, now: Time, next: u64) -> Result<(), Fault> {
        self.failed = false;
        // First what makes room, so that a disk that is full does not stand in its own way.
        if self.look <= now {
            self.look = now + AGAIN;
            self.retain(shared, settings, now)?;
        }
        let due = *self.due.get_or_insert(now + settings.every);
        if now < due {
            return Ok(());
        }
        self.due = Some(now + AGAIN);
        self.roll(shared, next)?;
        self.due = Some(now + settings.every);
        self.retain(shared, settings, now)
    }

    /// A roll before its time. While there is room in memory, a failure waits for the next tick to be told.
    pub(super) fn early(&mut self, shared: &Shared, next: u64, full: bool) -> Result<(), Fault> {
        if self.failed && !full {
            return Ok(());
        }
        let rolled = self.roll(shared, next);
        self.failed = rolled.is_err();
        if self.failed {
            self.due = Some(Time::MIN);
        }
        if full { rolled } else { Ok(()) }
    }

    /// Writes what is held, up to and without the input `next`.
    pub(super) fn roll(&mut self, shared: &Shared, next: u64) -> Result<(), Fault> {
        // What an earlier try has frozen goes first, as the same files.
        for _ in 0..2 {
            let Some((held, to)) = freeze(shared, next) else { return Ok(()) };
            let written = roll::write(shared, &held, to)?;
            self.manifest.commit(to, &written, &[])?;
            let mut state = shared.state();
            let mut files = Vec::clone(&state.files);
            files.extend(written);
            state.files = Arc::new(files);
            state.frozen = None;
        }
        Ok(())
    }

    /// Lets go of files that are too old or too many: whole files, the oldest date first.
    fn retain(&mut self, shared: &Shared, settings: &LakeSettings, now: Time) -> Result<(), Fault> {
        let files = Arc::clone(&shared.state().files);
        let mut by_age: Vec<&FileFacts> = files.iter().collect();
        by_age.sort_by_key(|file| (file.day, file.to));
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let oldest = settings.keep.map_or(i64::MIN, |keep| (now - keep).0.div_euclid(DAY));
        let most = settings.at_most.unwrap_or(u64::MAX);
        let mut gone = Vec::new();
        for file in by_age {
            // A date goes when all of it is too old.
            if file.day >= oldest && bytes <= most {
                break;
            }
            bytes -= file.bytes;
            gone.push(*file);
        }
        if gone.is_empty() {
            return Ok(());
        }
        self.manifest.commit(self.manifest.kept, &[], &gone)?;
        let left = files.iter().filter(|file| !gone.contains(file)).copied().collect();
        shared.state().files = Arc::new(left);
        for file in &gone {
            shared.opened.forget(file);
            // Not listed any more: if it cannot be removed now, the next start does.
            let _ = shared.disk.remove(&file.path(&shared.dir));
        }
        shared.state().retired += gone.len() as u64;
        Ok(())
    }
}

/// What is to be written: what an earlier try has left, else what came since. With the number after it.
fn freeze(shared: &Shared, next: u64) -> Option<(Arc<Held>, u64)> {
    let mut state = shared.state();
    if state.frozen.is_none() {
        if state.live.is_empty() {
            // Ticks alone make no files.
            state.live.from = next;
            return None;
        }
        let held = std::mem::replace(&mut state.live, Held::new(next));
        state.frozen = Some(Arc::new(held));
    }
    let held = state.frozen.as_ref().map(Arc::clone)?;
    Some((held, state.live.from))
}
