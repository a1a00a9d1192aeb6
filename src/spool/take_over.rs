//! Taking over what dead workers held.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::CWD;

use super::folder::open_folder;
use super::lock::try_lock;
use super::rename::rename_folder;
use super::worker::{LOCK, remove_folder, remove_unborn};
use super::{Batch, Layout, SpoolError, Worker};

/// A worker's folder is made and locked under a hidden name first; one so old is the leaving of a crash.
const UNBORN_AGE_MAX: Duration = Duration::from_secs(60);

/// What a worker took over from dead workers.
#[derive(Debug, Default)]
pub struct TakenOver {
    pub batches: Vec<Batch>,
    /// Why there may be more to take over: it is tried again the next time.
    pub failures: Vec<SpoolError>,
}

/// Tries the lock of every other worker's folder. A lock that it gets is a dead worker's: the worker's batches move, under
/// their old ids, into this worker's folder.
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
            remove_old_unborn(&folder);
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

/// How many workers have a folder: those alive, and dead ones whose folder could not be taken over.
pub fn workers_on(layout: &Layout) -> Result<u32, SpoolError> {
    let claimed = layout.claimed();
    let entries = fs::read_dir(&claimed).map_err(|error| SpoolError::io("list", &claimed, error))?;
    let is_worker = |entry: &fs::DirEntry| {
        !entry.file_name().to_string_lossy().starts_with('.')
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    Ok(entries.flatten().filter(is_worker).count() as u32)
}

/// The lock of a worker's folder if its owner is dead. Still locked, or gone meanwhile: none.
fn lock_of_dead(folder: &Path) -> Result<Option<File>, SpoolError> {
    let path = folder.join(LOCK);
    // Made where it lacks: its folder was being removed when that worker died.
    let lock = match try_lock(&path) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Ok(None),
        Err(SpoolError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Another worker may have taken over and removed the folder between our open and our lock.
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
        // Opened first: once it is moved, nothing may keep it from being delivered.
        let opened = open_folder(CWD, &entry.path())
            .map_err(|error| SpoolError::io("open the folder", entry.path(), error))?;
        rename_folder(&entry.path(), &to)
            .map_err(|error| SpoolError::io("take over", entry.path(), error))?;
        batches.push(Batch::from_parts(id, to, opened));
    }
    remove_folder(folder, lock)
}

fn remove_old_unborn(folder: &Path) {
    let old = fs::metadata(folder).and_then(|found| found.modified()).is_ok_and(|modified| {
        SystemTime::now().duration_since(modified).is_ok_and(|age| age > UNBORN_AGE_MAX)
    });
    if old && !folder.ends_with(".locks") {
        // A worker claims under its real name only, so nothing is lost should this fail.
        let _ = remove_unborn(folder, None);
    }
}
