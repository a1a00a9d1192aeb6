//! A look at a spool that changes nothing in it: what waits, for how long, who is at work, who died.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use fs2::FileExt;
use rustix::fs::{AtFlags, CWD, FileType};

use super::batch::{list, open_folder};
use super::letters::{dead_names, folder_entries};
use super::worker::LOCK;
use super::{EntryKind, Layout, SpoolError, folder_label, now_ms};

/// The upper ends of the classes of age in [`Queue::ages`]; the last class has none.
pub const AGES: [Duration; 5] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(24 * 3600),
];

/// More than anybody publishes.
const PUBLISHED_BYTES_MAX: u64 = 1 << 20;

/// What a look found. Things move meanwhile, so a message may be counted in two places or in none.
#[derive(Debug, Default)]
pub struct Inspection {
    /// By the label of the dataset's folder.
    pub queues: BTreeMap<String, Queue>,
    /// By name.
    pub workers: Vec<WorkerSeen>,
}

/// The messages of one dataset's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    pub ready: u64,
    pub ready_bytes: u64,
    /// When the oldest ready message was last written, in ms since 1970 UTC.
    pub oldest_ready_ms: Option<i64>,
    /// Ready messages by age: up to each of [`AGES`], and beyond.
    pub ages: [u64; AGES.len() + 1],
    pub claimed: u64,
    pub dead: u64,
    /// What they take of the disk, with their reports.
    pub dead_bytes: u64,
}

impl Queue {
    /// Counts another folder's messages with these.
    pub fn add(&mut self, other: &Queue) {
        self.ready += other.ready;
        self.ready_bytes += other.ready_bytes;
        self.oldest_ready_ms = match (self.oldest_ready_ms, other.oldest_ready_ms) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        for (count, other) in self.ages.iter_mut().zip(other.ages) {
            *count += other;
        }
        self.claimed += other.claimed;
        self.dead += other.dead;
        self.dead_bytes += other.dead_bytes;
    }
}

/// A worker's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSeen {
    pub name: String,
    pub host: String,
    pub pid: Option<u32>,
    /// Whether its process holds the folder's lock.
    pub alive: bool,
    /// When its folder's lock was made, in ms since 1970 UTC, where the file system knows.
    pub since_ms: Option<i64>,
    /// Messages that it holds.
    pub claimed: u64,
    /// What it has published of itself (see [`super::publish`]).
    pub published: Vec<u8>,
}

/// Looks at a spool.
///
/// # Errors
/// When `incoming` can't be listed. A dataset's folder that can't be is left out of the count.
pub fn inspect(layout: &Layout) -> Result<Inspection, SpoolError> {
    let mut found = Inspection::default();
    let now = now_ms();
    let incoming = layout.incoming();
    for folder in folder_entries(&incoming, EntryKind::Folder)? {
        let queue = found.queues.entry(folder_label(&folder)).or_default();
        count_ready(&incoming.join(&folder), now, queue);
    }
    for folder in folder_entries(&layout.claimed(), EntryKind::Folder).unwrap_or_default() {
        if let Some(worker) = look_at_worker(&layout.claimed().join(&folder), &folder, &mut found.queues) {
            found.workers.push(worker);
        }
    }
    found.workers.sort_by(|one, other| one.name.cmp(&other.name));
    let dead = layout.dead();
    for folder in folder_entries(&dead, EntryKind::Folder).unwrap_or_default() {
        let queue = found.queues.entry(folder.to_string_lossy().into_owned()).or_default();
        let path = dead.join(&folder);
        queue.dead += dead_names(&path).map_or(0, |names| names.len() as u64);
        queue.dead_bytes += dead_bytes_in(&path, &|| false).ok().flatten().unwrap_or(0);
    }
    Ok(found)
}

/// How many messages wait in `incoming`; what can't be listed counts as none.
pub fn ready_messages(layout: &Layout) -> u64 {
    let incoming = layout.incoming();
    let folders = folder_entries(&incoming, EntryKind::Folder).unwrap_or_default();
    let listed =
        folders.into_iter().filter_map(|folder| open_folder(CWD, &incoming.join(folder)).and_then(list).ok());
    listed.flatten().flatten().filter(|entry| !entry.is_hidden() && entry.kind != EntryKind::Folder).count()
        as u64
}

/// What `dead` takes of the disk, reports included: as [`Queue::dead_bytes`], and no names are held in memory. None where
/// `stop` said so before all was counted.
pub fn dead_bytes(layout: &Layout, stop: &dyn Fn() -> bool) -> Result<Option<u64>, SpoolError> {
    let dead = layout.dead();
    let mut bytes = 0;
    for folder in folder_entries(&dead, EntryKind::Folder)? {
        let Some(of_folder) = dead_bytes_in(&dead.join(folder), stop)? else { return Ok(None) };
        bytes += of_folder;
    }
    Ok(Some(bytes))
}

fn dead_bytes_in(path: &Path, stop: &dyn Fn() -> bool) -> Result<Option<u64>, SpoolError> {
    let failed = |error| SpoolError::io("list", path, error);
    let Ok(folder) = open_folder(CWD, path) else { return Ok(Some(0)) };
    let mut bytes = 0;
    for entry in list(&folder).map_err(failed)? {
        if stop() {
            return Ok(None);
        }
        let entry = entry.map_err(failed)?;
        if entry.kind == EntryKind::Folder || entry.is_hidden() {
            continue;
        }
        if let Ok(found) = rustix::fs::statat(&folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW) {
            bytes += disk_bytes(found.st_size as u64, found.st_blocks as u64);
        }
    }
    Ok(Some(bytes))
}

/// What a file takes of the disk, where a file of ten bytes has a block to itself. Some file systems pack it into less than
/// its length; that is not counted on.
pub fn disk_bytes(bytes: u64, blocks: u64) -> u64 {
    bytes.max(blocks * 512)
}

/// What vanishes while it is counted was claimed, and is not counted.
fn count_ready(path: &Path, now: i64, queue: &mut Queue) {
    let Ok(folder) = open_folder(CWD, path) else { return };
    let Ok(entries) = list(&folder) else { return };
    for entry in entries.flatten() {
        if entry.is_hidden() || entry.kind == EntryKind::Folder {
            continue;
        }
        let Ok(found) = rustix::fs::statat(&folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let written_ms = found.st_mtime * 1_000 + found.st_mtime_nsec as i64 / 1_000_000;
        queue.ready += 1;
        if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
            queue.ready_bytes += found.st_size as u64;
        }
        queue.oldest_ready_ms =
            Some(queue.oldest_ready_ms.map_or(written_ms, |oldest| oldest.min(written_ms)));
        let age = Duration::from_millis(u64::try_from(now - written_ms).unwrap_or(0));
        let class = AGES.iter().position(|end| age < *end).unwrap_or(AGES.len());
        queue.ages[class] += 1;
    }
}

/// None where it has gone meanwhile.
fn look_at_worker(folder: &Path, name: &OsStr, queues: &mut BTreeMap<String, Queue>) -> Option<WorkerSeen> {
    let mut claimed = 0;
    for batch in folder_entries(folder, EntryKind::Folder).ok()? {
        let messages = open_folder(CWD, &folder.join(&batch))
            .and_then(list)
            .map_or(0, |entries| entries.flatten().filter(|entry| !entry.is_hidden()).count() as u64);
        let id = batch.to_string_lossy();
        let label = id.split_once('.').map_or("unknown", |(_, label)| label);
        queues.entry(label.to_owned()).or_default().claimed += messages;
        claimed += messages;
    }
    let name = name.to_string_lossy().into_owned();
    // `<host>-<pid>-<random>`; a host may have dashes of its own.
    let mut parts = name.rsplitn(3, '-');
    let (_, pid, host) = (parts.next(), parts.next(), parts.next());
    let pid = pid.and_then(|pid| pid.parse().ok());
    let host = host.unwrap_or(&name).to_owned();
    let lock = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(folder.join(LOCK));
    let (alive, since_ms, published) = match lock {
        Ok(lock) => (is_locked(&lock), made_at_ms(&lock), read_published(&lock)),
        Err(_) if !folder.exists() => return None,
        Err(_) => (false, None, Vec::new()),
    };
    Some(WorkerSeen { name, host, pid, alive, since_ms, claimed, published })
}

/// Whether somebody holds the lock. It is tried as one that many may share, and given up at once: whoever wants to take
/// the folder over finds it locked for that moment at most, as if its owner lived, and comes back at the next scan.
fn is_locked(lock: &File) -> bool {
    match FileExt::try_lock_shared(lock) {
        Ok(()) => {
            let _ = FileExt::unlock(lock);
            false
        }
        Err(error) => error.raw_os_error() == fs2::lock_contended_error().raw_os_error(),
    }
}

fn made_at_ms(lock: &File) -> Option<i64> {
    let made = lock.metadata().ok()?.created().ok()?;
    made.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_millis() as i64)
}

fn read_published(lock: &File) -> Vec<u8> {
    use io::Read;
    let mut text = Vec::new();
    let _ = lock.take(PUBLISHED_BYTES_MAX).read_to_end(&mut text);
    text
}

/// How full a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    pub bytes: u64,
    /// What a program without special rights may still use.
    pub free_bytes: u64,
    /// 0 where the file system has no fixed number.
    pub inodes: u64,
    pub free_inodes: u64,
}

impl DiskSpace {
    /// Of the file system that `path` is on.
    pub fn of(path: &Path) -> io::Result<DiskSpace> {
        let found = rustix::fs::statvfs(path)?;
        // What is kept for the administrator counts as used by neither: so does `df`.
        let used = found.f_blocks - found.f_bfree;
        Ok(DiskSpace {
            bytes: (used + found.f_bavail) * found.f_frsize,
            free_bytes: found.f_bavail * found.f_frsize,
            inodes: found.f_files,
            free_inodes: found.f_favail,
        })
    }

    /// Of space or of inodes, whichever is fuller; in percent, rounded up, as `df` does.
    pub fn percent_used(&self) -> u32 {
        let percent = |all: u64, free: u64| match all {
            0 => 0,
            _ => (u128::from(all - free.min(all)) * 100).div_ceil(u128::from(all)) as u32,
        };
        percent(self.bytes, self.free_bytes).max(percent(self.inodes, self.free_inodes))
    }
}
