//! Limits what is kept, by age and by size: the oldest goes first.
//!
//! Whole files go from the archive, but none of today, and none that a packer is using. Single messages go from
//! `done/`, by the time of their last write. Nothing goes from `done/` when it is only the way into the archive.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD};
use rustix::io::Errno;

use super::first_error::FirstError;
use super::{ArchiveFile, Day, archive_files};
use crate::spool::folder::{EntryKind, folder_entries, list, open_folder};
use crate::spool::lock::{try_lock_archive, try_lock_limits};
use crate::spool::remove::gone_is_fine;
use crate::spool::{Layout, SpoolError};

/// The seconds of a minute. Messages in `done/` are added up by the minute, so that memory does not grow with them.
const MINUTE: i64 = 60;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionLimits {
    pub max_age: Option<Duration>,
    pub max_bytes: Option<u64>,
    /// Whether messages stay in `done/`. Otherwise `done/` is only the way into the archive.
    pub done_is_kept: bool,
}

/// What was removed.
#[derive(Debug, Default)]
pub struct Removed {
    /// How many files of the archive.
    pub files: u64,
    /// How many messages in `done/`.
    pub messages: u64,
    pub bytes: u64,
    /// How many bytes are still kept, as far as they were counted before a stop.
    pub bytes_left: u64,
    /// Why the first file that failed could not be listed or removed. It is tried again the next time.
    pub first_error: Option<SpoolError>,
}

/// Removes what is over the limits, until `stop` says so. The rest is removed the next time. Returns none when another
/// process is doing this.
///
/// A file that cannot be removed counts as removed: nothing newer goes instead.
///
/// # Errors
/// When the lock cannot be tried.
pub fn remove_over_limits(
    layout: &Layout,
    limits: RetentionLimits,
    now_seconds: i64,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Removed>, SpoolError> {
    let Some(_lock) = try_lock_limits(layout)? else { return Ok(None) };
    let oldest = limits.max_age.map_or(i64::MIN, |age| now_seconds.saturating_sub(age.as_secs() as i64));
    let today = Day::of(now_seconds);
    let (mut removed, mut errors) = (Removed::default(), FirstError::default());
    let (files, unread) = archive_files(layout, &|_| true);
    errors.first = unread;
    let mut seen: u64 = files.iter().map(|file| file.file_bytes).sum();
    let (old, files): (Vec<ArchiveFile>, Vec<ArchiveFile>) =
        files.into_iter().partition(|file| file.day < today && file.day.end() <= oldest);
    for file in &old {
        errors.unless(remove_file(layout, file, &mut removed));
    }
    let mut minutes: BTreeMap<i64, u64> = BTreeMap::new();
    if limits.done_is_kept {
        each_in_done(layout, stop, &mut errors, |message| {
            seen += message.bytes;
            if message.seconds < oldest {
                return message.remove(&mut removed);
            }
            *minutes.entry(message.seconds.div_euclid(MINUTE)).or_default() += message.bytes;
            Ok(())
        });
    }
    let kept = files.iter().map(|file| file.file_bytes).sum::<u64>() + minutes.values().sum::<u64>();
    let over = limits.max_bytes.and_then(|most| kept.checked_sub(most));
    if let Some(over) = over.filter(|over| *over > 0 && !stop()) {
        let files: Vec<&ArchiveFile> = files.iter().filter(|file| file.day < today).collect();
        let plan = plan(&files, &minutes, over);
        for file in &plan.files {
            errors.unless(remove_file(layout, file, &mut removed));
        }
        remove_from_done(layout, &plan, stop, &mut removed, &mut errors);
    }
    removed.bytes_left = seen.saturating_sub(removed.bytes);
    removed.first_error = errors.first;
    Ok(Some(removed))
}

/// What to remove: the oldest files and messages, until enough bytes are gone.
struct RemovalPlan<'a> {
    files: Vec<&'a ArchiveFile>,
    /// All messages up to the end of this minute go.
    whole_until: Option<i64>,
    /// The minute of which only some messages go, and how many bytes of it.
    part: Option<(i64, u64)>,
}

fn plan<'a>(files: &[&'a ArchiveFile], minutes: &BTreeMap<i64, u64>, over: u64) -> RemovalPlan<'a> {
    enum Oldest<'a> {
        File(&'a ArchiveFile),
        /// A minute, with the bytes of its messages.
        Minute(i64, u64),
    }
    let files = files.iter().map(|file| (file.day.begin(), Oldest::File(file)));
    let messages = minutes.iter().map(|(minute, bytes)| (minute * MINUTE, Oldest::Minute(*minute, *bytes)));
    let mut by_age: Vec<(i64, Oldest<'a>)> = files.chain(messages).collect();
    by_age.sort_by_key(|(seconds, _)| *seconds);
    let mut plan = RemovalPlan { files: Vec::new(), whole_until: None, part: None };
    let mut gone = 0;
    for (_, oldest) in by_age {
        if gone >= over {
            break;
        }
        gone += match oldest {
            Oldest::File(file) => {
                plan.files.push(file);
                file.file_bytes
            }
            Oldest::Minute(minute, bytes) if gone + bytes <= over => {
                plan.whole_until = Some(minute);
                bytes
            }
            Oldest::Minute(minute, bytes) => {
                plan.part = Some((minute, over - gone));
                bytes
            }
        };
    }
    plan
}

fn remove_from_done(
    layout: &Layout,
    plan: &RemovalPlan<'_>,
    stop: &dyn Fn() -> bool,
    removed: &mut Removed,
    errors: &mut FirstError,
) {
    if plan.whole_until.is_none() && plan.part.is_none() {
        return;
    }
    let mut of_part = Vec::new();
    each_in_done(layout, stop, errors, |message| {
        let minute = message.seconds.div_euclid(MINUTE);
        if plan.whole_until.is_some_and(|until| minute <= until) {
            return message.remove(removed);
        }
        if plan.part.is_some_and(|(of, _)| of == minute) {
            of_part.push((message.time, message.folder_path.join(message.name), message.bytes));
        }
        Ok(())
    });
    of_part.sort();
    let mut wanted = plan.part.map_or(0, |(_, bytes)| bytes);
    for (_, path, bytes) in of_part {
        if wanted == 0 || stop() {
            break;
        }
        wanted = wanted.saturating_sub(bytes);
        match gone_is_fine(fs::remove_file(&path)) {
            Ok(()) => {
                removed.messages += 1;
                removed.bytes += bytes;
            }
            Err(error) => errors.unless(Err(SpoolError::io("remove", &path, error))),
        }
    }
}

/// Removes a file of the archive. One that a packer is using stays until the next time.
fn remove_file(layout: &Layout, file: &ArchiveFile, removed: &mut Removed) -> Result<(), SpoolError> {
    let Some(_lock) = try_lock_archive(layout, &file.label)? else { return Ok(()) };
    gone_is_fine(fs::remove_file(&file.path)).map_err(|error| SpoolError::io("remove", &file.path, error))?;
    removed.files += 1;
    removed.bytes += file.file_bytes;
    Ok(())
}

/// A message in `done/`.
struct DoneMessage<'a> {
    folder: BorrowedFd<'a>,
    folder_path: &'a PathBuf,
    name: &'a OsStr,
    bytes: u64,
    seconds: i64,
    /// When it was last written: seconds since 1970 UTC, and nanoseconds of the second.
    time: (i64, u32),
}

impl DoneMessage<'_> {
    fn remove(&self, removed: &mut Removed) -> Result<(), SpoolError> {
        gone_is_fine(rustix::fs::unlinkat(self.folder, self.name, AtFlags::empty()).map_err(Into::into))
            .map_err(|error| SpoolError::io("remove", self.folder_path.join(self.name), error))?;
        removed.messages += 1;
        removed.bytes += self.bytes;
        Ok(())
    }
}

/// Calls `take` with each message in `done/`, until `stop` says so. What vanishes meanwhile is left out.
fn each_in_done(
    layout: &Layout,
    stop: &dyn Fn() -> bool,
    errors: &mut FirstError,
    mut take: impl FnMut(&DoneMessage<'_>) -> Result<(), SpoolError>,
) {
    let done = layout.done();
    for folder in errors.unless(folder_entries(&done, EntryKind::Folder)) {
        let path = done.join(folder);
        let mut in_folder = || -> Result<(), SpoolError> {
            let failed = |error| SpoolError::io("list", &path, error);
            let folder = open_folder(CWD, &path).map_err(failed)?;
            for entry in list(&folder).map_err(failed)? {
                if stop() {
                    return Ok(());
                }
                let entry = entry.map_err(failed)?;
                if entry.kind != EntryKind::File || entry.is_hidden() {
                    continue;
                }
                let found = match rustix::fs::statat(&folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(found) => found,
                    Err(Errno::NOENT) => continue,
                    Err(error) => {
                        let path = path.join(&entry.name);
                        errors.unless::<()>(Err(SpoolError::io("look at", path, error)));
                        continue;
                    }
                };
                errors.unless(take(&DoneMessage {
                    folder: folder.as_fd(),
                    folder_path: &path,
                    name: &entry.name,
                    bytes: found.st_size as u64,
                    seconds: found.st_mtime,
                    time: (found.st_mtime, found.st_mtime_nsec as u32),
                }));
            }
            Ok(())
        };
        match in_folder() {
            Err(error) if error.is_not_found() => {}
            listed => errors.unless(listed),
        }
    }
}
