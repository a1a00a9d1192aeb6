//! Takes over the batches of dead workers.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::CWD;

use super::folder::open_folder;
use super::lock::try_lock;
use super::rename::rename_folder;
use super::worker::{LOCK, remove_folder, remove_hidden};
use super::{Batch, Layout, SpoolError, Worker};

/// A worker makes and locks its folder under a hidden name first. A crash left a hidden folder that is older than this.
const HIDDEN_AGE_MAX: Duration = Duration::from_secs(60);

/// What a worker took over from dead workers.
#[derive(Debug, Default)]
pub struct TakenOver {
    /// They are in the folder of this worker now.
    pub batches: Vec<Batch>,
    /// Why there may be more to take over: it is tried again the next time.
    pub failures: Vec<SpoolError>,
}

/// Tries the lock of every other worker's folder. A lock that it gets is a dead worker's: the worker's batches move,
/// under their old ids, into this worker's folder.
///
/// # Errors
/// When `claimed` cannot be listed at all.
pub fn take_over_dead_workers(layout: &Layout, worker: &Worker) -> Result<TakenOver, SpoolError> {
    let claimed = layout.claimed();
    let mut taken = TakenOver::default();
    for entry in fs::read_dir(&claimed).map_err(|error| SpoolError::io("list", &claimed, error))? {
        let entry = match entry {
            Ok(entry) => entry,
            // The batches that are taken over already must be delivered.
            Err(error) => {
                taken.failures.push(SpoolError::io("list", &claimed, error));
                break;
            }
        };
        let folder = entry.path();
        if folder == worker.folder() || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_string_lossy().starts_with('.') {
            remove_old_hidden(&folder);
            continue;
        }
        // A folder that fails now is there the next time, and holds up no other.
        let outcome = match lock_of_dead(&folder) {
            Ok(Some(lock)) => take_over(&folder, lock, worker, &mut taken.batches),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        taken.failures.extend(outcome.err());
    }
    Ok(taken)
}

/// How many workers have a folder: the live ones, and dead ones whose folder nobody could take over.
pub fn workers_on(layout: &Layout) -> Result<u32, SpoolError> {
    let claimed = layout.claimed();
    let entries = fs::read_dir(&claimed).map_err(|error| SpoolError::io("list", &claimed, error))?;
    let is_worker = |entry: &fs::DirEntry| {
        !entry.file_name().to_string_lossy().starts_with('.')
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    Ok(entries.flatten().filter(is_worker).count() as u32)
}

/// Takes the lock of a worker's folder if its owner is dead. None when it is still locked, or has gone.
fn lock_of_dead(folder: &Path) -> Result<Option<File>, SpoolError> {
    let path = folder.join(LOCK);
    // The lock file may be missing, and is then made: the worker died while it removed its folder.
    let lock = match try_lock(&path) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Ok(None),
        Err(SpoolError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Between our open and our lock another worker may have taken the folder over and removed it.
    let ours = lock.metadata().map_err(|error| SpoolError::io("look at", &path, error))?.ino();
    let still_there = fs::metadata(&path).is_ok_and(|found| found.ino() == ours);
    Ok(still_there.then_some(lock))
}

fn take_over(folder: &Path, lock: File, worker: &Worker, batches: &mut Vec<Batch>) -> Result<(), SpoolError> {
    for entry in fs::read_dir(folder).map_err(|error| SpoolError::io("list", folder, error))? {
        let entry = entry.map_err(|error| SpoolError::io("list", folder, error))?;
        if entry.file_name() == LOCK || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let id = entry.file_name().to_string_lossy().into_owned();
        let to = worker.folder().join(&id);
        // The folder is opened first: once it is moved, nothing may prevent its delivery.
        let opened = open_folder(CWD, &entry.path())
            .map_err(|error| SpoolError::io("open the folder", entry.path(), error))?;
        rename_folder(&entry.path(), &to)
            .map_err(|error| SpoolError::io("take over", entry.path(), error))?;
        batches.push(Batch::from_parts(id, to, opened));
    }
    remove_folder(folder, lock)
}

fn remove_old_hidden(folder: &Path) {
    let old = fs::metadata(folder).and_then(|found| found.modified()).is_ok_and(|modified| {
        SystemTime::now().duration_since(modified).is_ok_and(|age| age > HIDDEN_AGE_MAX)
    });
    if old && !folder.ends_with(".locks") {
        // A worker claims only under its real name, so nothing is lost if this fails.
        let _ = remove_hidden(folder, None);
    }
}
