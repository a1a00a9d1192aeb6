//! How much there is in `dead`. Nothing is held in memory but the sums, as there may be millions.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD};

use super::report::{is_called_report, report_name};
use crate::spool::disk_space::disk_bytes;
use crate::spool::folder::{EntryKind, folder_entries, list, open_folder};
use crate::spool::{Layout, SpoolError};

/// What `dead` takes of the disk, reports included: as [`super::DatasetQueue::dead_bytes`]. None where `stop` said so before all
/// was counted.
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

/// What is in a folder of `dead`.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::spool) struct DeadCount {
    pub(in crate::spool) messages: u64,
    /// Of the disk, with their reports.
    pub(in crate::spool) bytes: u64,
}

pub(in crate::spool) fn count_dead(path: &Path) -> Result<DeadCount, SpoolError> {
    let folder = open_folder(CWD, path).map_err(|error| SpoolError::io("list", path, error))?;
    let mut dead = DeadCount::default();
    each_dead(&folder, path, &|| false, |name, bytes| {
        dead.messages += u64::from(!is_report(&folder, name));
        dead.bytes += bytes;
    })?;
    Ok(dead)
}

/// A message may itself be called `….error.json`: then it has a report of its own.
fn is_report(folder: &OwnedFd, name: &OsStr) -> bool {
    let has_report =
        || rustix::fs::statat(folder, report_name(name).as_os_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok();
    is_called_report(name) && !has_report()
}

/// Each message and report, with what it takes of the disk; what vanishes meanwhile is left out. False where `stop` said so.
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
