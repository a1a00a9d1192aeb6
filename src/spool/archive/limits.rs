//! What is kept has limits, by age and by size: the oldest goes first.
//!
//! From the archive whole files go, never one of today, and none while it is packed into. From `done/` messages go, each
//! by the time of its last write; where `done/` is only the way into the archive, nothing is removed from it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Stat};

use super::{
    ArchiveFile, SpoolError, archive_files, begin_of, day_of, end_of, gone_is_fine, try_lock,
    try_lock_archive,
};
use crate::spool::batch::{list, open_folder};
use crate::spool::letters::folder_entries;
use crate::spool::{EntryKind, Layout};

/// Messages in `done/` are added up by the minute, so that memory does not grow with them.
const MINUTE: i64 = 60;

/// How much may be kept, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub max_age: Option<Duration>,
    pub max_bytes: Option<u64>,
    /// `done/` is where messages stay, not the way into the archive.
    pub done_is_kept: bool,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files of the archive.
    pub files: u64,
    /// Messages in `done/`.
    pub messages: u64,
    pub bytes: u64,
    /// What is still kept, as far as it was counted before a stop.
    pub bytes_left: u64,
}

/// Removes what is over the limits, until `stop` says so: the rest is removed the next time. Nothing, and none, where
/// another process is at it.
///
/// # Errors
/// When something can't be listed or removed; the rest is tried the next time.
pub fn remove_over_limits(
    layout: &Layout,
    limits: Limits,
    now_seconds: i64,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Removed>, SpoolError> {
    let Some(_lock) = try_lock(layout, ".keep-limits")? else { return Ok(None) };
    let oldest = limits.max_age.map_or(i64::MIN, |age| now_seconds.saturating_sub(age.as_secs() as i64));
    let today = day_of(now_seconds);
    let mut removed = Removed::default();
    let (old, files): (Vec<ArchiveFile>, Vec<ArchiveFile>) =
        archive_files(layout)?.into_iter().partition(|file| file.day < today && end_of(file.day) <= oldest);
    for file in &old {
        remove_file(layout, file, &mut removed)?;
    }
    let mut minutes: BTreeMap<i64, u64> = BTreeMap::new();
    if limits.done_is_kept {
        each_in_done(layout, stop, |message| {
            if message.seconds < oldest {
                message.remove(&mut removed)
            } else {
                *minutes.entry(message.seconds.div_euclid(MINUTE)).or_default() += message.bytes;
                Ok(())
            }
        })?;
    }
    let kept = files.iter().map(|file| file.file_bytes).sum::<u64>() + minutes.values().sum::<u64>();
    removed.bytes_left = kept;
    let over = limits.max_bytes.and_then(|most| kept.checked_sub(most));
    let Some(over) = over.filter(|over| *over > 0 && !stop()) else {
        return Ok(Some(removed));
    };
    let before = removed.bytes;
    let closed =
        files.iter().filter(|file| file.day < today).map(|file| (begin_of(file.day), Oldest::File(file)));
    let messages = minutes.iter().map(|(minute, bytes)| (minute * MINUTE, Oldest::Minute(*minute, *bytes)));
    let mut by_age: Vec<(i64, Oldest<'_>)> = closed.chain(messages).collect();
    by_age.sort_by_key(|(seconds, _)| *seconds);
    // Minutes all of whose messages go, and the one of which some go: so many bytes of it.
    let (mut whole_until, mut part) = (i64::MIN, None);
    let mut planned = 0;
    for (_, oldest) in by_age {
        let gone = removed.bytes - before + planned;
        if gone >= over {
            break;
        }
        match oldest {
            Oldest::File(file) => remove_file(layout, file, &mut removed)?,
            Oldest::Minute(minute, bytes) if gone + bytes <= over => {
                whole_until = minute;
                planned += bytes;
            }
            Oldest::Minute(minute, bytes) => {
                part = Some((minute, over - gone));
                planned += bytes;
            }
        }
    }
    if planned > 0 {
        let mut of_part = Vec::new();
        each_in_done(layout, stop, |message| {
            let minute = message.seconds.div_euclid(MINUTE);
            if minute <= whole_until {
                return message.remove(&mut removed);
            }
            if part.is_some_and(|(of, _)| of == minute) {
                of_part.push((message.time, message.folder_path.join(message.name), message.bytes));
            }
            Ok(())
        })?;
        of_part.sort();
        let mut wanted = part.map_or(0, |(_, bytes)| bytes);
        for (_, path, bytes) in of_part {
            if wanted == 0 || stop() {
                break;
            }
            gone_is_fine(fs::remove_file(&path)).map_err(|error| SpoolError::io("remove", &path, error))?;
            wanted = wanted.saturating_sub(bytes);
            removed.messages += 1;
            removed.bytes += bytes;
        }
    }
    removed.bytes_left = kept.saturating_sub(removed.bytes - before);
    Ok(Some(removed))
}

enum Oldest<'a> {
    File(&'a ArchiveFile),
    /// With the bytes of its messages.
    Minute(i64, u64),
}

/// Unless it is packed into just now: then it stays until the next time.
fn remove_file(layout: &Layout, file: &ArchiveFile, removed: &mut Removed) -> Result<(), SpoolError> {
    let Some(_lock) = try_lock_archive(layout, &file.label)? else { return Ok(()) };
    gone_is_fine(fs::remove_file(&file.path)).map_err(|error| SpoolError::io("remove", &file.path, error))?;
    removed.files += 1;
    removed.bytes += file.file_bytes;
    Ok(())
}

/// A message in `done/`.
struct Message<'a> {
    folder: BorrowedFd<'a>,
    folder_path: &'a PathBuf,
    name: &'a OsStr,
    bytes: u64,
    seconds: i64,
    /// To the nanosecond.
    time: (i64, u32),
}

impl Message<'_> {
    fn remove(&self, removed: &mut Removed) -> Result<(), SpoolError> {
        gone_is_fine(rustix::fs::unlinkat(self.folder, self.name, AtFlags::empty()).map_err(Into::into))
            .map_err(|error| SpoolError::io("remove", self.folder_path.join(self.name), error))?;
        removed.messages += 1;
        removed.bytes += self.bytes;
        Ok(())
    }
}

/// What is no message is passed over, and so is what vanishes meanwhile. It ends when `stop` says so.
fn each_in_done(
    layout: &Layout,
    stop: &dyn Fn() -> bool,
    mut take: impl FnMut(&Message<'_>) -> Result<(), SpoolError>,
) -> Result<(), SpoolError> {
    let done = layout.done();
    for folder in folder_entries(&done, EntryKind::Folder)? {
        let path = done.join(folder);
        let failed = |error| SpoolError::io("list", &path, error);
        let Ok(folder) = open_folder(CWD, &path) else { continue };
        for entry in list(&folder).map_err(failed)? {
            if stop() {
                return Ok(());
            }
            let entry = entry.map_err(failed)?;
            if entry.kind != EntryKind::File || entry.is_hidden() {
                continue;
            }
            let found: Stat = match rustix::fs::statat(&folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => found,
                Err(_) => continue,
            };
            take(&Message {
                folder: folder.as_fd(),
                folder_path: &path,
                name: &entry.name,
                bytes: found.st_size as u64,
                seconds: found.st_mtime,
                time: (found.st_mtime, found.st_mtime_nsec as u32),
            })?;
        }
    }
    Ok(())
}
