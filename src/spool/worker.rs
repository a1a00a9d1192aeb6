//! A worker: its folder under `claimed`, and the lock of that folder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use fs2::FileExt;

use super::batch_id::BULK_MARK;
use super::remove::gone_is_fine;
use super::{Label, Layout, SpoolError, now_ms};

/// The lock file in a worker's folder.
pub(super) const LOCK: &str = ".lock";

/// A live worker: a folder under `claimed` whose lock this process holds.
#[derive(Debug)]
pub struct Worker {
    name: String,
    /// `<pid>-<random>`, for batch ids.
    short_name: String,
    folder: PathBuf,
    /// The kernel holds the lock for as long as this file is open.
    lock: File,
    batches: AtomicU32,
}

impl Worker {
    /// Makes the folder `claimed/<host>-<pid>-<random>` and locks it.
    pub fn register(layout: &Layout) -> Result<Worker, SpoolError> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        let short_name = format!("{}-{:06x}", std::process::id(), random_24_bits());
        let name = format!("{host}-{short_name}");
        // `take_over` passes over hidden names, so nobody finds the folder before it is locked.
        let folder = layout.claimed().join(&name);
        let hidden = hidden_name(&folder);
        fs::create_dir(&hidden).map_err(|error| SpoolError::io("make the folder", &hidden, error))?;
        let lock_path = hidden.join(LOCK);
        let lock = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&lock_path)
            .map_err(|error| SpoolError::io("make", &lock_path, error))?;
        lock.try_lock_exclusive().map_err(|error| SpoolError::io("lock", &lock_path, error))?;
        fs::rename(&hidden, &folder).map_err(|error| SpoolError::io("rename", &hidden, error))?;
        Ok(Worker { name, short_name, folder, lock, batches: AtomicU32::new(0) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An id that no other batch has or had, see `batch_id`.
    pub(super) fn new_batch_id(&self, label: &Label, bulk: bool) -> String {
        let number = self.batches.fetch_add(1, Ordering::Relaxed);
        let time = jiff::Timestamp::from_millisecond(now_ms()).unwrap_or_default().strftime("%Y%m%dT%H%M%S");
        let bulk = if bulk { BULK_MARK } else { "" };
        format!("{time}-{}-{bulk}{number:05}.{label}", self.short_name)
    }

    /// Whether the folder still has a batch, as far as it can be listed.
    pub fn has_batches(&self) -> bool {
        has_batches(&self.folder).unwrap_or(false)
    }

    /// Removes the folder and releases the lock. The folder stays when it still has a batch.
    pub fn retire(self) -> Result<(), SpoolError> {
        remove_folder(&self.folder, self.lock)
    }
}

/// Writes what a live worker says about itself into its lock file, where [`super::inspect()`] reads it. Writes nothing
/// when the worker has retired.
pub fn publish(layout: &Layout, worker: &str, text: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let path = layout.claimed().join(worker).join(LOCK);
    let lock = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        lock => lock?,
    };
    // In this order a reader finds the whole text, perhaps with the end of a longer earlier one behind it.
    lock.write_all_at(text, 0)?;
    lock.set_len(text.len() as u64)
}

/// Removes a worker's folder, whose lock the caller holds and gives up. The folder stays when it still has a batch.
pub(super) fn remove_folder(folder: &Path, lock: File) -> Result<(), SpoolError> {
    if has_batches(folder).map_err(|error| SpoolError::io("list", folder, error))? {
        return Ok(());
    }
    // Hidden again: without its lock file it would look like a dead worker's folder.
    let hidden = hidden_name(folder);
    fs::rename(folder, &hidden).map_err(|error| SpoolError::io("rename", folder, error))?;
    remove_hidden(&hidden, Some(lock))
}

fn has_batches(folder: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(folder)?.any(|entry| entry.is_ok_and(|entry| entry.file_name() != LOCK)))
}

/// Removes a folder under its hidden name. It has at most a lock file in it. Two processes may do this at once.
pub(super) fn remove_hidden(folder: &Path, lock: Option<File>) -> Result<(), SpoolError> {
    let failed = |error| SpoolError::io("remove", folder, error);
    gone_is_fine(fs::remove_file(folder.join(LOCK))).map_err(failed)?;
    // NFS and most FUSE file systems keep a removed file in its folder for as long as it is open.
    drop(lock);
    gone_is_fine(fs::remove_dir(folder)).map_err(failed)
}

/// The hidden name of a worker's folder before it is locked, and while it is removed.
fn hidden_name(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}"))
}

pub(super) fn random_24_bits() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds each hasher from the system's randomness.
    (std::collections::hash_map::RandomState::new().build_hasher().finish() & 0xff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_live_workers_folder_is_locked_and_goes_when_it_retires() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path()).unwrap();
        let worker = Worker::register(&layout).unwrap();
        let folder = worker.folder().to_owned();
        let other = File::open(folder.join(LOCK)).unwrap();
        assert!(other.try_lock_exclusive().is_err());
        worker.retire().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn batch_ids_differ_between_workers_and_within_one() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path()).unwrap();
        let workers = [Worker::register(&layout).unwrap(), Worker::register(&layout).unwrap()];
        let ids: HashSet<String> = workers
            .iter()
            .flat_map(|worker| (0..100).map(|_| worker.new_batch_id(&Label::of("BOALF".as_ref()), false)))
            .collect();
        assert_eq!(ids.len(), 200);
        assert!(ids.iter().all(|id| id.ends_with(".BOALF")));
    }
}
