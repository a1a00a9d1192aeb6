//! Wakes a worker by file events. An event is only a hint: the worker finds its work by listing folders.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crossbeam_channel::{Receiver, Sender, bounded};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::TemporaryNames;
use crate::locks::Unpoisoned;

/// Watches `incoming` and the folders in it. If the system cannot (no inotify, too many watches), nothing is lost: the
/// periodic scan finds everything, later.
pub struct FolderWatch {
    watcher: Option<RecommendedWatcher>,
    watched: Watched,
    wake: Receiver<()>,
    /// Kept so that `wake` stays open when nothing is watched.
    _wake_sender: Sender<()>,
    warned: bool,
}

/// Each watched path with the inode of its folder: a watch follows the folder and not the path. A later folder may get
/// the same inode, so an event about a folder that has gone removes its entry.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<HashMap<PathBuf, u64>>>);

impl Watched {
    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, u64>> {
        self.0.lock().unpoisoned()
    }
}

impl FolderWatch {
    /// Starts watching nothing yet, see [`FolderWatch::follow`]. Events of files with temporary names wake nobody.
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
                    // The last path of a rename is the new name.
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
                // If the channel is full, the worker has not taken the last wake-up yet.
                let _ = sender.try_send(());
            }
        });
        let watcher = watcher.map_err(|error| tracing::warn!(%error, "no file events here")).ok();
        FolderWatch { watcher, watched, wake, _wake_sender: wake_sender, warned: false }
    }

    /// Whether the system sends file events at all.
    pub fn works(&self) -> bool {
        self.watcher.is_some()
    }

    /// Receives when something may have come.
    pub fn wake(&self) -> &Receiver<()> {
        &self.wake
    }

    /// Watches the folder that is at `path` now. Call this before a listing that must not miss anything. Returns
    /// whether the watch is new.
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

    /// Stops watching a folder until [`FolderWatch::follow`]. Otherwise every file that is renamed out of it is an
    /// event.
    pub fn let_go(&mut self, path: &Path) {
        // The lock is released before the watcher is called: the watcher's thread may be waiting for it.
        let was_watched = self.watched.lock().remove(path).is_some();
        if let Some(watcher) = self.watcher.as_mut().filter(|_| was_watched) {
            let _ = watcher.unwatch(path);
        }
    }
}

/// Whether a watched folder may be gone. The system does not watch it any longer then.
fn is_departure(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)))
}

/// Whether an event can mean a message or a new folder: a file closed after writing, a new name, a new folder.
fn is_hint(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Create(_) => true,
        EventKind::Modify(ModifyKind::Name(mode)) => !matches!(mode, RenameMode::From),
        // Only Linux sends an event when a file is closed.
        EventKind::Modify(_) => cfg!(not(target_os = "linux")),
        EventKind::Any | EventKind::Other => true,
        EventKind::Access(_) | EventKind::Remove(_) => false,
    }
}
