//! The kernel's locks on files: they end with the process that holds them, however that ends.

use std::fs::{File, OpenOptions};
use std::path::Path;

use fs2::FileExt;

use super::{Layout, SpoolError};

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
pub(super) fn try_lock_dataset(layout: &Layout, label: &str) -> Result<Option<File>, SpoolError> {
    try_lock(&layout.dataset_locks().join(label))
}

/// Waits for it.
pub(super) fn lock_dataset(layout: &Layout, label: &str) -> Result<File, SpoolError> {
    lock(&layout.dataset_locks().join(label))
}

/// Waits for the lock of who buries messages of a dataset. A dataset's label has no dot at its front, so this is no
/// dataset's lock.
pub(super) fn lock_dead(layout: &Layout, label: &str) -> Result<File, SpoolError> {
    lock(&layout.dataset_locks().join(format!(".dead-{label}")))
}

fn lock(path: &Path) -> Result<File, SpoolError> {
    let lock = open(path)?;
    lock.lock_exclusive().map_err(|error| SpoolError::io("lock", path, error))?;
    Ok(lock)
}

fn open(path: &Path) -> Result<File, SpoolError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| SpoolError::io("open", path, error))
}
