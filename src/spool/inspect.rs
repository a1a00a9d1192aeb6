//! Looks at a spool and changes nothing: what waits and for how long, which workers live, and which died.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs2::FileExt;
use rustix::fs::{AtFlags, CWD, FileType, Stat};
use serde::Serialize;

use super::dead::count_dead;
use super::folder::{Entry, EntryKind, folder_entries, is_empty, list, open_folder};
use super::set_aside_folders::is_set_aside;
use super::temporary_names::is_finders;
use super::time::file_time_ms;
use super::worker::LOCK;
use super::{Label, Layout, SpoolError, TemporaryNames, now_ms};

/// The upper ends of the age classes in [`DatasetQueue::ages`]. The last class has no end.
pub const AGES: [Duration; 5] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(24 * 3600),
];

/// A program that writes a file under a temporary name renames it sooner than this.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// More than any worker publishes.
const PUBLISHED_BYTES_MAX: u64 = 1 << 20;

/// What a look found. Messages move meanwhile, so one may be counted twice or not at all.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The messages by the label of their folder.
    pub queues: BTreeMap<Label, DatasetQueue>,
    /// The workers, sorted by name.
    pub workers: Vec<WorkerSeen>,
    /// The parts that could not be read in full, each with the first reason. Less is counted of them than there is.
    pub unread: BTreeMap<SpoolPart, String>,
    /// What lies directly in `incoming` and is no folder, or is a folder that is set aside. No worker takes it.
    pub stray: Sighting,
    /// Files in `incoming` with temporary names that nobody has written to for [`ABANDONED_AFTER`]. No worker takes
    /// them, and the program that wrote them seems to be gone. Empty files such as `.gitkeep` are left out.
    pub temporary: Sighting,
    /// Folders in a dataset's folder that are not empty. No worker looks into them.
    pub too_deep: Sighting,
}

/// A part of a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SpoolPart {
    Incoming,
    Claimed,
    Dead,
    /// The flow log.
    Flow,
}

/// How many there are, and the path of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sighting {
    pub count: u64,
    pub first: Option<PathBuf>,
}

impl Sighting {
    fn add(&mut self, path: PathBuf) {
        self.count += 1;
        self.first.get_or_insert(path);
    }
}

/// The messages of one dataset's folder, by their state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetQueue {
    pub ready: u64,
    pub claimed: u64,
    /// The size of all files that are ready or claimed.
    pub backlog_bytes: u64,
    /// When the oldest of them was last written, in ms since 1970 UTC.
    pub oldest_ms: Option<i64>,
    /// When the newest of them was last written, in ms since 1970 UTC.
    pub newest_ms: Option<i64>,
    /// How many are ready or claimed, by age: one number for each of [`AGES`], and one beyond.
    pub ages: [u64; AGES.len() + 1],
    pub dead: u64,
    /// What the dead ones take of the disk, with their reports.
    pub dead_bytes: u64,
}

impl DatasetQueue {
    /// Adds a message that is ready or claimed.
    fn add_undelivered(&mut self, found: &Stat, now: i64) {
        let written_ms = written_ms(found);
        if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
            self.backlog_bytes += found.st_size as u64;
        }
        self.oldest_ms = Some(self.oldest_ms.map_or(written_ms, |oldest| oldest.min(written_ms)));
        self.newest_ms = self.newest_ms.max(Some(written_ms));
        let age = age(found, now);
        let class = AGES.iter().position(|end| age < *end).unwrap_or(AGES.len());
        self.ages[class] += 1;
    }

    /// Adds the numbers of another folder.
    pub fn add(&mut self, other: &DatasetQueue) {
        self.ready += other.ready;
        self.backlog_bytes += other.backlog_bytes;
        self.oldest_ms = match (self.oldest_ms, other.oldest_ms) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.newest_ms = self.newest_ms.max(other.newest_ms);
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
    /// When its lock file was made, in ms since 1970 UTC, if the file system knows.
    pub since_ms: Option<i64>,
    /// How many messages it holds.
    pub claimed: u64,
    /// What it has published of itself (see [`super::publish`]).
    pub published: Vec<u8>,
}

/// Looks at a spool. A part that cannot be read is named in [`Inspection::unread`], and the rest is counted.
///
/// # Errors
/// When there is no spool.
pub fn inspect(layout: &Layout) -> Result<Inspection, SpoolError> {
    let mut found = Inspection::default();
    if let Err(error) = found.look_at_incoming(layout.temporary_names(), &layout.incoming()) {
        if matches!(layout.root().try_exists(), Ok(false)) {
            return Err(error);
        }
        // `incoming` must exist, because the client writes into it.
        found.unread.insert(SpoolPart::Incoming, error.to_string());
    }
    let (claimed, now) = (layout.claimed(), now_ms());
    for name in found.folders(SpoolPart::Claimed, &claimed) {
        found.look_at_worker(layout.temporary_names(), &claimed.join(&name), &name, now);
    }
    found.workers.sort_by(|one, other| one.name.cmp(&other.name));
    let dead = layout.dead();
    for label in found.folders(SpoolPart::Dead, &dead) {
        let folder = dead.join(&label);
        let dead = found.of(SpoolPart::Dead, count_dead(&folder));
        let queue = found.queues.entry(Label::of_labelled(&label)).or_default();
        queue.dead += dead.messages;
        queue.dead_bytes += dead.bytes;
    }
    Ok(found)
}

impl Inspection {
    /// The result of reading a part, or nothing if that failed, which goes to `unread`. What is missing or vanishes
    /// meanwhile also counts as nothing.
    fn of<T: Default>(&mut self, part: SpoolPart, read: Result<T, SpoolError>) -> T {
        read.unwrap_or_else(|error| {
            if !error.is_not_found() {
                self.unread.entry(part).or_insert_with(|| error.to_string());
            }
            T::default()
        })
    }

    fn folders(&mut self, part: SpoolPart, path: &Path) -> Vec<OsString> {
        self.of(part, folder_entries(path, EntryKind::Folder))
    }

    fn look_at_incoming(&mut self, names: &TemporaryNames, incoming: &Path) -> Result<(), SpoolError> {
        let now = now_ms();
        for entry in entries(incoming)? {
            let entry = entry?;
            let path = incoming.join(&entry.name);
            if entry.kind == EntryKind::Folder && is_set_aside(&entry.name) {
                if !is_empty(CWD, &path) {
                    self.stray.add(path);
                }
            } else if entry.kind == EntryKind::Folder {
                let mut queue = DatasetQueue::default();
                let add = |queue: &mut DatasetQueue| queue.ready += 1;
                let counted = count_messages(names, &path, now, &mut queue, add, |met| match met {
                    // A folder that cannot be read may hold messages.
                    Met::Folder(folder) => {
                        if entries(&folder).map_or(true, |mut entries| entries.next().is_some()) {
                            self.too_deep.add(folder);
                        }
                    }
                    Met::Temporary(file, found) => {
                        let is_abandoned = age(found, now) >= ABANDONED_AFTER && found.st_size > 0;
                        if is_abandoned && !file.file_name().is_some_and(is_finders) {
                            self.temporary.add(file);
                        }
                    }
                });
                self.of(SpoolPart::Incoming, counted);
                self.queues.entry(Label::of(&entry.name)).or_default().add(&queue);
            } else if !names.is_temporary(&entry.name) {
                self.stray.add(path);
            }
        }
        Ok(())
    }

    /// Counts what a worker holds. A worker that has gone meanwhile is left out.
    fn look_at_worker(&mut self, names: &TemporaryNames, folder: &Path, name: &OsStr, now: i64) {
        let lock = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(folder.join(LOCK));
        let (alive, since_ms, published) = match lock {
            Ok(lock) => (is_locked(&lock), made_at_ms(&lock), read_published(&lock)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder.exists() => {
                (false, None, Vec::new())
            }
            Err(error) => {
                return self.of(SpoolPart::Claimed, Err(SpoolError::io("open", folder.join(LOCK), error)));
            }
        };
        let mut claimed = 0;
        for batch in self.folders(SpoolPart::Claimed, folder) {
            let mut queue = DatasetQueue::default();
            let add = |queue: &mut DatasetQueue| queue.claimed += 1;
            let counted = count_messages(names, &folder.join(&batch), now, &mut queue, add, |_| {});
            self.of(SpoolPart::Claimed, counted);
            let label = Label::of_batch(&batch.to_string_lossy());
            self.queues.entry(label).or_default().add(&queue);
            claimed += queue.claimed;
        }
        let name = name.to_string_lossy().into_owned();
        // `<host>-<pid>-<random>`. The host may have dashes too.
        let mut parts = name.rsplitn(3, '-');
        let (_, pid, host) = (parts.next(), parts.next(), parts.next());
        let pid = pid.and_then(|pid| pid.parse().ok());
        let host = host.unwrap_or(&name).to_owned();
        self.workers.push(WorkerSeen { name, host, pid, alive, since_ms, claimed, published });
    }
}

/// What a folder holds beside messages.
enum Met<'a> {
    Folder(PathBuf),
    Temporary(PathBuf, &'a Stat),
}

/// How long ago a file was last written to.
fn age(found: &Stat, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(now.saturating_sub(written_ms(found))).unwrap_or(0))
}

fn written_ms(found: &Stat) -> i64 {
    file_time_ms(found.st_mtime, found.st_mtime_nsec as i64)
}

/// Counts the messages of a folder. One that vanishes meanwhile was claimed or settled, and is not counted. `add`
/// counts one message; `meet` gets everything else.
fn count_messages(
    names: &TemporaryNames,
    path: &Path,
    now: i64,
    queue: &mut DatasetQueue,
    add: fn(&mut DatasetQueue),
    mut meet: impl FnMut(Met<'_>),
) -> Result<(), SpoolError> {
    let failed = |error| SpoolError::io("list", path, error);
    let folder = open_folder(CWD, path).map_err(failed)?;
    for entry in list(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.kind == EntryKind::Folder {
            if !entry.is_hidden() {
                meet(Met::Folder(path.join(&entry.name)));
            }
            continue;
        }
        match rustix::fs::statat(&folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if names.is_temporary(&entry.name) => {
                meet(Met::Temporary(path.join(&entry.name), &found));
            }
            Ok(found) => {
                add(queue);
                queue.add_undelivered(&found, now);
            }
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(SpoolError::io("look at", path.join(&entry.name), error)),
        }
    }
    Ok(())
}

fn entries(path: &Path) -> Result<impl Iterator<Item = Result<Entry, SpoolError>>, SpoolError> {
    let failed = move |error| SpoolError::io("list", path, error);
    let entries = open_folder(CWD, path).and_then(list).map_err(failed)?;
    Ok(entries.map(move |entry| entry.map_err(failed)))
}

/// Whether somebody holds the lock. This takes it as a shared lock and releases it at once. A worker that wants to take
/// the folder over just then finds it locked, as if its owner lived, and tries again at its next scan.
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
