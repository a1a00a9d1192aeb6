//! The locks of a spool. The kernel holds them (`flock`), so a lock ends with its process, for whatever reason.
//!
//! Each is a file in `claimed/.locks`. A label has no dot in front, so the locks whose names begin with a dot are no
//! dataset's.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fs2::FileExt;

use super::{Label, Layout, SpoolError};

/// How long a process waits for another burial. A burial holds the lock for two renames.
const BURIAL_MAX: Duration = Duration::from_secs(1);
/// How often it tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

/// Takes the lock of a file, and makes the file when it is missing. Returns none when another process has the lock, or
/// another part of this one.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, SpoolError> {
    let lock = open(path)?;
    match lock.try_lock_exclusive() {
        Ok(()) => Ok(Some(lock)),
        Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => Ok(None),
        Err(error) => Err(SpoolError::io("lock", path, error)),
    }
}

/// Takes the lock of a dataset's folder. Only its holder may list the folder to claim from it, or swap it.
pub(super) fn try_lock_dataset(layout: &Layout, label: &Label) -> Result<Option<File>, SpoolError> {
    try_lock(&layout.dataset_locks().join(label))
}

/// Waits for the lock of a dataset's folder.
pub(super) fn lock_dataset(layout: &Layout, label: &Label) -> Result<File, SpoolError> {
    let path = layout.dataset_locks().join(label);
    let lock = open(&path)?;
    lock.lock_exclusive().map_err(|error| SpoolError::io("lock", &path, error))?;
    Ok(lock)
}

/// Waits for the lock under which messages of a dataset are buried, for as long as a burial may take. Returns none when
/// it cannot be had, for instance because the process that holds it is stopped.
pub(super) fn lock_dead(layout: &Layout, label: &Label) -> Option<File> {
    let path = layout.dataset_locks().join(format!(".dead-{label}"));
    let until = Instant::now() + BURIAL_MAX;
    loop {
        match try_lock(&path) {
            Ok(None) if Instant::now() < until => thread::sleep(RETRY_INTERVAL),
            Ok(lock) => return lock,
            Err(_) => return None,
        }
    }
}

/// Takes the lock under which a dataset is packed, and files of its archive are removed. None when another has it.
pub(super) fn try_lock_archive(layout: &Layout, label: &Label) -> Result<Option<File>, SpoolError> {
    try_lock(&layout.dataset_locks().join(format!(".archive-{label}")))
}

/// Takes the lock under which one process removes what is over the limits. None when another has it.
pub(super) fn try_lock_limits(layout: &Layout) -> Result<Option<File>, SpoolError> {
    try_lock(&layout.dataset_locks().join(".keep-limits"))
}

fn open(path: &Path) -> Result<File, SpoolError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| SpoolError::io("open", path, error))
}
