//! A look at a spool that changes nothing in it: what waits, for how long, who is at work, who died.

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

use super::batch::{is_empty, list, open_folder};
use super::count::count_dead;
use super::letters::folder_entries;
use super::set_aside::is_set_aside;
use super::temporary::is_finders;
use super::worker::LOCK;
use super::{Entry, EntryKind, Layout, SpoolError, TemporaryNames, file_time_ms, folder_label, now_ms};

/// The upper ends of the classes of age in [`Queue::ages`]; the last class has none.
pub const AGES: [Duration; 5] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(24 * 3600),
];

/// Whoever writes a file under a temporary name renames it before that.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// More than anybody publishes.
const PUBLISHED_BYTES_MAX: u64 = 1 << 20;

/// What a look found. Things move meanwhile, so a message may be counted in two places or in none.
#[derive(Debug, Default)]
pub struct Inspection {
    /// By the label of the dataset's folder.
    pub queues: BTreeMap<String, Queue>,
    /// By name.
    pub workers: Vec<WorkerSeen>,
    /// The parts that can't be read, or not all of them, so that less is counted than is there; with the first reason.
    pub unread: BTreeMap<Part, String>,
    /// What lies directly in `incoming` and is no folder, or is a folder that is set aside: no worker takes it.
    pub stray: Sighting,
    /// Files in `incoming` whose names are temporary and that nobody has written to for [`ABANDONED_AFTER`]: no worker
    /// takes them, and whoever wrote them seems to be gone. Those with nothing in them are left out, such as `.gitkeep`.
    pub temporary: Sighting,
    /// Folders inside a dataset's folder that are not empty: no worker looks into them.
    pub too_deep: Sighting,
}

/// A part of a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Incoming,
    Claimed,
    Dead,
    /// The flow log.
    Flow,
}

/// How many there are, and the first that was met.
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

/// The messages of one dataset's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    pub ready: u64,
    pub claimed: u64,
    /// The size of all that are ready or claimed.
    pub backlog_bytes: u64,
    /// When the oldest of them was last written, in ms since 1970 UTC.
    pub oldest_ms: Option<i64>,
    /// These by age: up to each of [`AGES`], and beyond.
    pub ages: [u64; AGES.len() + 1],
    pub dead: u64,
    /// What they take of the disk, with their reports.
    pub dead_bytes: u64,
}

impl Queue {
    /// Another message that is ready or claimed.
    fn add_undelivered(&mut self, found: &Stat, now: i64) {
        let written_ms = written_ms(found);
        if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
            self.backlog_bytes += found.st_size as u64;
        }
        self.oldest_ms = Some(self.oldest_ms.map_or(written_ms, |oldest| oldest.min(written_ms)));
        let age = age(found, now);
        let class = AGES.iter().position(|end| age < *end).unwrap_or(AGES.len());
        self.ages[class] += 1;
    }

    /// Counts another folder's messages with these.
    pub fn add(&mut self, other: &Queue) {
        self.ready += other.ready;
        self.backlog_bytes += other.backlog_bytes;
        self.oldest_ms = match (self.oldest_ms, other.oldest_ms) {
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

/// Looks at a spool. What of it can't be read is noted in [`Inspection::unread`], and the rest is looked at.
///
/// # Errors
/// When there is no spool.
pub fn inspect(layout: &Layout) -> Result<Inspection, SpoolError> {
    let mut found = Inspection::default();
    if let Err(error) = found.look_at_incoming(layout.temporary_names(), &layout.incoming()) {
        if matches!(layout.root().try_exists(), Ok(false)) {
            return Err(error);
        }
        // That it is not there is no excuse: the client writes into it.
        found.unread.insert(Part::Incoming, error.to_string());
    }
    let (claimed, now) = (layout.claimed(), now_ms());
    for name in found.folders(Part::Claimed, &claimed) {
        found.look_at_worker(layout.temporary_names(), &claimed.join(&name), &name, now);
    }
    found.workers.sort_by(|one, other| one.name.cmp(&other.name));
    let dead = layout.dead();
    for label in found.folders(Part::Dead, &dead) {
        let folder = dead.join(&label);
        let dead = found.of(Part::Dead, count_dead(&folder));
        let queue = found.queues.entry(label.to_string_lossy().into_owned()).or_default();
        queue.dead += dead.messages;
        queue.dead_bytes += dead.bytes;
    }
    Ok(found)
}

impl Inspection {
    /// What was read of a part; nothing where that failed, which is noted. What is not there, or vanishes meanwhile, is
    /// nothing, too.
    fn of<T: Default>(&mut self, part: Part, read: Result<T, SpoolError>) -> T {
        read.unwrap_or_else(|error| {
            if !error.is_not_found() {
                self.unread.entry(part).or_insert_with(|| error.to_string());
            }
            T::default()
        })
    }

    fn folders(&mut self, part: Part, path: &Path) -> Vec<OsString> {
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
                let mut queue = Queue::default();
                let add = |queue: &mut Queue| queue.ready += 1;
                let counted = count_messages(names, &path, now, &mut queue, add, |met| match met {
                    // Of one that can't be read the worst is thought.
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
                self.of(Part::Incoming, counted);
                self.queues.entry(folder_label(&entry.name)).or_default().add(&queue);
            } else if !names.is_temporary(&entry.name) {
                self.stray.add(path);
            }
        }
        Ok(())
    }

    /// A worker that has gone meanwhile, or can't be seen, is none.
    fn look_at_worker(&mut self, names: &TemporaryNames, folder: &Path, name: &OsStr, now: i64) {
        let lock = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(folder.join(LOCK));
        let (alive, since_ms, published) = match lock {
            Ok(lock) => (is_locked(&lock), made_at_ms(&lock), read_published(&lock)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder.exists() => {
                (false, None, Vec::new())
            }
            Err(error) => {
                return self.of(Part::Claimed, Err(SpoolError::io("open", folder.join(LOCK), error)));
            }
        };
        let mut claimed = 0;
        for batch in self.folders(Part::Claimed, folder) {
            let mut queue = Queue::default();
            let add = |queue: &mut Queue| queue.claimed += 1;
            let counted = count_messages(names, &folder.join(&batch), now, &mut queue, add, |_| {});
            self.of(Part::Claimed, counted);
            let id = batch.to_string_lossy();
            let label = id.split_once('.').map_or("unknown", |(_, label)| label);
            self.queues.entry(label.to_owned()).or_default().add(&queue);
            claimed += queue.claimed;
        }
        let name = name.to_string_lossy().into_owned();
        // `<host>-<pid>-<random>`; a host may have dashes of its own.
        let mut parts = name.rsplitn(3, '-');
        let (_, pid, host) = (parts.next(), parts.next(), parts.next());
        let pid = pid.and_then(|pid| pid.parse().ok());
        let host = host.unwrap_or(&name).to_owned();
        self.workers.push(WorkerSeen { name, host, pid, alive, since_ms, claimed, published });
    }
}

/// What a folder has in it beside messages.
enum Met<'a> {
    Folder(PathBuf),
    Temporary(PathBuf, &'a Stat),
}

/// How long ago it was last written to.
fn age(found: &Stat, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(now.saturating_sub(written_ms(found))).unwrap_or(0))
}

fn written_ms(found: &Stat) -> i64 {
    file_time_ms(found.st_mtime, found.st_mtime_nsec as i64)
}

/// Counts the messages of a folder. What vanishes meanwhile was claimed or settled, and is not counted. `add`: to which
/// of a queue's numbers they go; `meet`: what else is there.
fn count_messages(
    names: &TemporaryNames,
    path: &Path,
    now: i64,
    queue: &mut Queue,
    add: fn(&mut Queue),
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
