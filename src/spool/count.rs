//! How much there is of something. Nothing is held in memory but the sums, as there may be millions.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD};

use super::batch::{list, open_folder};
use super::dead::{is_called_report, report_name};
use super::letters::folder_entries;
use super::set_aside::is_set_aside;
use super::{Entry, EntryKind, Layout, SpoolError};

/// How many messages wait in `incoming`; what can't be listed counts as none.
pub fn ready_messages(layout: &Layout) -> u64 {
    let incoming = layout.incoming();
    let folders = folder_entries(&incoming, EntryKind::Folder).unwrap_or_default();
    let listed = folders
        .into_iter()
        .filter(|folder| !is_set_aside(folder))
        .filter_map(|folder| open_folder(CWD, &incoming.join(folder)).and_then(list).ok());
    let is_message = |entry: &Entry| entry.kind != EntryKind::Folder && !layout.is_temporary(&entry.name);
    listed.flatten().flatten().filter(is_message).count() as u64
}

/// What `dead` takes of the disk, reports included: as [`super::Queue::dead_bytes`]. None where `stop` said so before all
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
pub(super) struct Dead {
    pub(super) messages: u64,
    /// Of the disk, with their reports.
    pub(super) bytes: u64,
}

pub(super) fn count_dead(path: &Path) -> Result<Dead, SpoolError> {
    let folder = open_folder(CWD, path).map_err(|error| SpoolError::io("list", path, error))?;
    let mut dead = Dead::default();
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

/// What a file takes of the disk, where a file of ten bytes has a block to itself. Some file systems pack it into less than
/// its length; that is not counted on.
pub fn disk_bytes(bytes: u64, blocks: u64) -> u64 {
    bytes.max(blocks * 512)
}
