//! A batch: a folder with claimed messages of one dataset. The batch is the files that are in the folder now.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD};

use super::batch_id::{is_bulk_id, ordinary_id};
use super::folder::{Entry, has_acl, list, open_folder, same_owner_and_mode};
use super::lock::try_lock_dataset;
use super::rename::{exchange, numbered, rename, rename_at, rename_folder};
use super::sync::sync_all;
use super::{Label, Layout, SpoolError, now_ms};

/// A batch with more files than this goes back by a swap of folders, not file by file.
const SWAP_BACK_OVER: usize = 1_000;

/// A claimed batch in the folder of this process's worker.
#[derive(Debug)]
pub struct Batch {
    id: String,
    label: Label,
    path: PathBuf,
    folder: OwnedFd,
    claimed_at_ms: i64,
}

impl Batch {
    /// Makes the empty folder of a new batch.
    pub(super) fn create(id: String, path: PathBuf) -> Result<Batch, SpoolError> {
        fs::create_dir(&path).map_err(|error| SpoolError::io("make the folder", &path, error))?;
        Batch::open(id, path)
    }

    pub(super) fn open(id: String, path: PathBuf) -> Result<Batch, SpoolError> {
        let folder =
            open_folder(CWD, &path).map_err(|error| SpoolError::io("open the folder", &path, error))?;
        Ok(Batch::from_parts(id, path, folder))
    }

    pub(super) fn from_parts(id: String, path: PathBuf, folder: OwnedFd) -> Batch {
        Batch { label: Label::of_batch(&id), id, path, folder, claimed_at_ms: now_ms() }
    }

    /// The batch's id. It stays when another worker takes the batch over.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The label of the folder that its messages came from.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Whether the batch is delivered as a whole. Its id says so, also to a worker that takes it over.
    pub fn is_bulk(&self) -> bool {
        is_bulk_id(&self.id)
    }

    /// Renames the batch to an id without the mark of a bulk batch, so that a worker that takes it over does not try to
    /// deliver it as a whole either.
    pub fn as_ordinary(&self) -> Result<Batch, SpoolError> {
        let id = ordinary_id(&self.id);
        let path = self.path.with_file_name(&id);
        let failed = |error| SpoolError::io("rename", &self.path, error);
        let folder = self.folder.try_clone().map_err(failed)?;
        rename_folder(&self.path, &path).map_err(failed)?;
        Ok(Batch { id, label: self.label.clone(), path, folder, claimed_at_ms: self.claimed_at_ms })
    }

    /// The batch's folder: `claimed/<worker>/<id>`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When this worker claimed the batch or took it over, in ms since 1970 UTC.
    pub fn claimed_at_ms(&self) -> i64 {
        self.claimed_at_ms
    }

    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// The entries of the folder now. The iterator reads them as it goes, so memory does not grow with the batch.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry, SpoolError>> + use<>, SpoolError> {
        let path = self.path.clone();
        let entries =
            self.folder.try_clone().and_then(list).map_err(|error| SpoolError::io("list", &path, error))?;
        Ok(entries.map(move |entry| entry.map_err(|error| SpoolError::io("list", &path, error))))
    }

    /// Puts one file back into its folder under `incoming`. Returns false when that folder has a file of this name
    /// (IRIS delivered the message again): then this one stays in the batch.
    pub fn give_back(&self, layout: &Layout, name: &OsStr) -> Result<bool, SpoolError> {
        let folder = layout.incoming().join(&self.label);
        let to = folder.join(name);
        let moved = || rename_at(self.folder(), name, CWD, &to);
        let result = match moved() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => {
                fs::create_dir_all(&folder).and_then(|()| moved())
            }
            other => other,
        };
        match result {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            // Somebody else moved the file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(SpoolError::io("give back", self.path.join(name), error)),
        }
    }

    /// Puts back all files that are left, and removes the folder. Returns how many files stay because their names are
    /// taken: they stay claimed, and the next worker delivers them. `is_in_use` says whether another thread may still
    /// remove files of this batch.
    pub fn give_back_all(&self, layout: &Layout, is_in_use: bool) -> Result<usize, SpoolError> {
        let left = self.entries()?.take(SWAP_BACK_OVER + 1).count();
        let incoming = layout.incoming().join(&self.label);
        // Without the lock, a worker that has just listed `incoming` would claim from another folder than it listed.
        let lock =
            if is_in_use || left <= SWAP_BACK_OVER { None } else { try_lock_dataset(layout, &self.label)? };
        if lock.is_some() && self.can_stand_in_for(&incoming) {
            // What came to `incoming` meanwhile is in the batch after the swap, and goes back file by file. If the swap
            // fails, everything goes back file by file.
            let _ = exchange(&self.path, &incoming);
        }
        drop(lock);
        // By its path: after a swap the open folder is the one in `incoming`.
        let swapped_in = Batch::open(self.id.clone(), self.path.clone())?;
        let mut names: Vec<OsString> =
            swapped_in.entries()?.map(|entry| entry.map(|entry| entry.name)).collect::<Result<_, _>>()?;
        // Temporary names first: a copier is about to rename those files.
        names.sort_by_key(|name| !layout.is_temporary(name));
        let mut stuck = 0;
        for name in &names {
            stuck += usize::from(!swapped_in.give_back(layout, name)?);
        }
        swapped_in.remove_if_empty()?;
        Ok(stuck)
    }

    /// Whether this folder can replace the one in `incoming` without the client noticing.
    fn can_stand_in_for(&self, incoming: &Path) -> bool {
        open_folder(CWD, incoming).is_ok_and(|incoming| {
            !has_acl(incoming.as_fd()) && same_owner_and_mode(incoming.as_fd(), self.folder())
        })
    }

    /// Waits until the disk knows that these files are in this batch. Without that, a power cut may put them back into
    /// `incoming`.
    pub fn sync(&self) -> Result<(), SpoolError> {
        let workers = self.path.parent().unwrap_or(Path::new("."));
        let sync = || -> io::Result<()> {
            sync_all(&self.folder)?;
            sync_all(open_folder(CWD, workers)?)
        };
        match sync() {
            // Some file systems cannot sync a folder.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other.map_err(|error| SpoolError::io("sync", &self.path, error)),
        }
    }

    /// Removes the folder. Returns false when it is not empty: the client may have made a file in it just when the
    /// folder was swapped away.
    pub fn remove_if_empty(&self) -> Result<bool, SpoolError> {
        match fs::remove_dir(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) => Err(SpoolError::io("remove", &self.path, error)),
        }
    }

    /// Removes a delivered message.
    pub(super) fn remove(&self, name: &OsStr) -> Result<(), SpoolError> {
        match rustix::fs::unlinkat(self.folder(), name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(SpoolError::io("remove", self.path.join(name), error)),
        }
    }

    /// Moves a message to `folder`, under its name or the first free one of `<name>~2`, `~3` …. Returns that name.
    pub(super) fn move_to(&self, name: &OsStr, folder: &Path) -> Result<OsString, SpoolError> {
        let from = self.path.join(name);
        for number in 1..10_000 {
            let new_name = if number == 1 { name.to_owned() } else { numbered(name, number) };
            match rename(&from, &folder.join(&new_name)) {
                Ok(()) => return Ok(new_name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(SpoolError::io("move", &from, error)),
            }
        }
        Err(SpoolError::io("move", &from, io::Error::from(io::ErrorKind::AlreadyExists)))
    }

    /// Moves a message, under its own name, to the first of some folders in which the name is free. Makes folders that
    /// are missing.
    pub(super) fn move_to_one_of(
        &self,
        name: &OsStr,
        folder: impl Fn(u32) -> PathBuf,
    ) -> Result<(), SpoolError> {
        let failed = |error| SpoolError::io("move", self.path.join(name), error);
        for number in 1..10_000 {
            let folder = folder(number);
            let move_it = || rename_at(self.folder(), name, CWD, &folder.join(name));
            let moved = match move_it() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(&folder)
                        .map_err(|error| SpoolError::io("make the folder", &folder, error))?;
                    move_it()
                }
                other => other,
            };
            match moved {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // The message has gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(io::Error::from(io::ErrorKind::AlreadyExists)))
    }
}
