//! Events wake the worker. They are a hint: what there is to do is always found by listing.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::TemporaryNames;

/// Watches `incoming` and the dataset folders in it. Where the system can't (no inotify, too many watches), nothing is
/// lost: the periodic scan finds everything, later.
pub struct FolderWatch {
    watcher: Option<RecommendedWatcher>,
    watched: Watched,
    wake: Receiver<()>,
    /// Kept so that `wake` stays silent, not closed, where nothing is watched.
    _wake_sender: Sender<()>,
    warned: bool,
}

/// Each watched path and the inode that is watched: a watch follows the folder, not the path. An inode may be another
/// folder's later, so who hears of a folder that went takes it out.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<HashMap<PathBuf, u64>>>);

impl Watched {
    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FolderWatch {
    /// Events of files with temporary names wake nobody: they are left alone.
    pub fn start(temporary_names: TemporaryNames) -> FolderWatch {
        let (wake_sender, wake) = bounded(1);
        let watched = Watched::default();
        let (sender, known) = (wake_sender.clone(), watched.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let wanted = match &event {
                Ok(event) => {
                    if is_departure(&event.kind) {
                        let mut known = known.lock();
                        for path in &event.paths {
                            known.remove(path);
                        }
                    }
                    // Of a rename the last path is the new name.
                    let name = event.paths.last().and_then(|path| path.file_name());
                    let is_temporary = name.is_some_and(|name| temporary_names.is_temporary(name));
                    is_hint(&event.kind) && !is_temporary || event.need_rescan()
                }
                Err(error) => {
                    tracing::warn!(%error, "lost sight of the spool for a moment");
                    true
                }
            };
            if wanted {
                // Full: the worker is being woken already.
                let _ = sender.try_send(());
            }
        });
        let watcher = watcher.map_err(|error| tracing::warn!(%error, "no file events here")).ok();
        FolderWatch { watcher, watched, wake, _wake_sender: wake_sender, warned: false }
    }

    /// Whether the system tells of anything at all.
    pub fn works(&self) -> bool {
        self.watcher.is_some()
    }

    /// Something may have come.
    pub fn wake(&self) -> &Receiver<()> {
        &self.wake
    }

    /// Sees to it that the folder that is at `path` now is watched. Call it before the listing that must not miss
    /// anything. True: the watch is new.
    pub fn follow(&mut self, path: &Path) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        let Ok(inode) = std::fs::symlink_metadata(path).map(|found| found.ino()) else { return false };
        if self.watched.lock().get(path) == Some(&inode) {
            return false;
        }
        let earlier = self.watched.lock().remove(path);
        if earlier.is_some() {
            let _ = watcher.unwatch(path);
        }
        match watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.lock().insert(path.to_owned(), inode);
                true
            }
            Err(error) => {
                if !self.warned {
                    self.warned = true;
                    tracing::warn!(
                        path = %path.display(), %error,
                        "cannot watch a folder: its messages are found by the periodic scan only"
                    );
                }
                false
            }
        }
    }

    /// Looks away from a folder until [`FolderWatch::follow`]: of many files that are renamed out of it each would be an event.
    pub fn let_go(&mut self, path: &Path) {
        // Not held while the watcher is asked: its thread may be waiting for it.
        let was_watched = self.watched.lock().remove(path).is_some();
        if let Some(watcher) = self.watcher.as_mut().filter(|_| was_watched) {
            let _ = watcher.unwatch(path);
        }
    }
}

/// Whether a folder that was watched may be gone: the system then no longer watches it.
fn is_departure(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)))
}

/// Whether an event can mean a message or a dataset folder: a file closed after writing, a new name, a folder made.
fn is_hint(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Create(_) => true,
        EventKind::Modify(ModifyKind::Name(mode)) => !matches!(mode, RenameMode::From),
        // Where the system does not tell of closes.
        EventKind::Modify(_) => cfg!(not(target_os = "linux")),
        EventKind::Any | EventKind::Other => true,
        EventKind::Access(_) | EventKind::Remove(_) => false,
    }
}
