//! Counts what is in `dead`. There may be millions of files, so memory holds only the sums.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD};

use super::report::is_report;
use crate::spool::disk_space::disk_bytes;
use crate::spool::folder::{EntryKind, folder_entries, list, open_folder};
use crate::spool::{Layout, SpoolError};

/// What `dead` takes of the disk, with the reports. None when `stop` said so before everything was counted.
pub fn dead_bytes(layout: &Layout, stop: &dyn Fn() -> bool) -> Result<Option<u64>, SpoolError> {
    let dead = layout.dead();
    let mut bytes = 0;
    for folder in folder_entries(&dead, EntryKind::Folder)? {
        let path = dead.join(folder);
        let Ok(folder) = open_folder(CWD, &path) else { continue };
        if !each_dead(&folder, &path, stop, |_, found| bytes += found)? {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

/// How much is in a folder of `dead`.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::spool) struct DeadCount {
    pub(in crate::spool) messages: u64,
    /// What they take of the disk, with their reports.
    pub(in crate::spool) bytes: u64,
}

/// Counts one folder of `dead`.
pub(in crate::spool) fn count_dead(path: &Path) -> Result<DeadCount, SpoolError> {
    let folder = open_folder(CWD, path).map_err(|error| SpoolError::io("list", path, error))?;
    let exists = |name: &OsStr| rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    let mut dead = DeadCount::default();
    each_dead(&folder, path, &|| false, |name, bytes| {
        dead.messages += u64::from(!is_report(name, exists));
        dead.bytes += bytes;
    })?;
    Ok(dead)
}

/// Calls `take` with each message and report, and what it takes of the disk. What vanishes meanwhile is left out.
/// Returns false when `stop` said so.
fn each_dead(
    folder: &OwnedFd,
    path: &Path,
    stop: &dyn Fn() -> bool,
    mut take: impl FnMut(&OsStr, u64),
) -> Result<bool, SpoolError> {
    let failed = |error| SpoolError::io("list", path, error);
    for entry in list(folder).map_err(failed)? {
        if stop() {
            return Ok(false);
        }
        let entry = entry.map_err(failed)?;
        if entry.kind == EntryKind::Folder || entry.is_hidden() {
            continue;
        }
        if let Ok(found) = rustix::fs::statat(folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW) {
            take(&entry.name, disk_bytes(found.st_size as u64, found.st_blocks as u64));
        }
    }
    Ok(true)
}
