//! The kernel's locks on files: they end with the process that holds them, however that ends.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fs2::FileExt;

use super::{Label, Layout, SpoolError};

/// Under this lock a burial is two renames.
const BURIAL_MAX: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Takes the lock of a file, which is made where it lacks. None: another process has it, or another part of this one.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, SpoolError> {
    let lock = open(path)?;
    match lock.try_lock_exclusive() {
        Ok(()) => Ok(Some(lock)),
        Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => Ok(None),
        Err(error) => Err(SpoolError::io("lock", path, error)),
    }
}

/// The same for who claims from a dataset's folder, or swaps it.
pub(super) fn try_lock_dataset(layout: &Layout, label: &Label) -> Result<Option<File>, SpoolError> {
    try_lock(&layout.dataset_locks().join(label))
}

/// Waits for it.
pub(super) fn lock_dataset(layout: &Layout, label: &Label) -> Result<File, SpoolError> {
    let path = layout.dataset_locks().join(label);
    let lock = open(&path)?;
    lock.lock_exclusive().map_err(|error| SpoolError::io("lock", &path, error))?;
    Ok(lock)
}

/// The lock of who buries messages of a dataset, waited for as long as a burial may take; none where it can't be had, for
/// instance as a process that holds it was stopped. A dataset's label has no dot at its front, so this is no dataset's
/// lock.
pub(super) fn lock_dead(layout: &Layout, label: &Label) -> Option<File> {
    let path = layout.dataset_locks().join(format!(".dead-{label}"));
    let until = Instant::now() + BURIAL_MAX;
    loop {
        match try_lock(&path) {
            Ok(None) if Instant::now() < until => thread::sleep(LOOK_AGAIN),
            Ok(lock) => return lock,
            Err(_) => return None,
        }
    }
}

/// The lock of whoever packs a dataset, or removes a file of its archive. A dataset's label has no dot at its front, so
/// this is no dataset's lock. None where another has it.
pub(super) fn try_lock_archive(layout: &Layout, label: &Label) -> Result<Option<File>, SpoolError> {
    try_lock(&layout.dataset_locks().join(format!(".archive-{label}")))
}

/// The lock of whoever removes what is over the limits. None where another has it.
pub(super) fn try_lock_limits(layout: &Layout) -> Result<Option<File>, SpoolError> {
    try_lock(&layout.dataset_locks().join(".keep-limits"))
}

fn open(path: &Path) -> Result<File, SpoolError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| SpoolError::io("open", path, error))
}
