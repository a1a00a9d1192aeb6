//! A batch: a folder of claimed messages of one dataset. Which files are in it is the batch.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};

use super::claim::{has_acl, same_owner_and_mode};
use super::lock::try_lock_dataset;
use super::rename::{exchange, numbered, rename, rename_at, rename_folder};
use super::sync::sync_all;
use super::worker::{is_bulk_id, ordinary_id};
use super::{Layout, SpoolError, now_ms};

/// With more files than this in it, a batch goes back by swapping folders, not file by file.
const SWAP_BACK_OVER: usize = 1_000;

/// A claimed batch, in the folder of this process's worker.
#[derive(Debug)]
pub struct Batch {
    id: String,
    label: String,
    path: PathBuf,
    folder: OwnedFd,
    claimed_at_ms: i64,
}

/// Something in a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: OsString,
    pub kind: EntryKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    SymbolicLink,
    /// A FIFO, a socket, a device.
    Other,
}

impl Entry {
    /// Hidden files are nobody's messages: editors, file systems and copying programs put them there. In `incoming` more
    /// names are left alone, see [`super::TemporaryNames`].
    pub fn is_hidden(&self) -> bool {
        self.name.as_bytes().starts_with(b".")
    }
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
        let label = id.split_once('.').map_or("unknown", |(_, label)| label).to_owned();
        Batch { id, label, path, folder, claimed_at_ms: now_ms() }
    }

    /// The batch's id, the same when another worker takes it over.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The label of the dataset folder that its messages came from (see [`super::folder_label`]).
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether it is delivered as a whole: its id says so, also to a worker that takes it over.
    pub fn is_bulk(&self) -> bool {
        is_bulk_id(&self.id)
    }

    /// The same batch under an id that says that it is not delivered as a whole: whoever takes it over must not try.
    pub fn as_ordinary(&self) -> Result<Batch, SpoolError> {
        let id = ordinary_id(&self.id);
        let path = self.path.with_file_name(&id);
        let failed = |error| SpoolError::io("rename", &self.path, error);
        let folder = self.folder.try_clone().map_err(failed)?;
        rename_folder(&self.path, &path).map_err(failed)?;
        Ok(Batch { id, label: self.label.clone(), path, folder, claimed_at_ms: self.claimed_at_ms })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// In ms since 1970 UTC; for a batch taken over, when it was.
    pub fn claimed_at_ms(&self) -> i64 {
        self.claimed_at_ms
    }

    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// What is in the folder now, read as it is asked for, so that memory does not grow with the batch.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry, SpoolError>> + use<>, SpoolError> {
        let path = self.path.clone();
        let entries =
            self.folder.try_clone().and_then(list).map_err(|error| SpoolError::io("list", &path, error))?;
        Ok(entries.map(move |entry| entry.map_err(|error| SpoolError::io("list", &path, error))))
    }

    /// Puts one file back into its dataset's folder under `incoming`. False: a file of that name is there already (a
    /// redelivery), and this one stays in the batch.
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
            // Somebody took the file away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(SpoolError::io("give back", self.path.join(name), error)),
        }
    }

    /// Puts back all that is left in the folder and removes it. Gives how many files could not go because their names
    /// are taken: they stay claimed, and the next worker delivers them. `is_in_use`: somebody may still remove files by
    /// this batch.
    pub fn give_back_all(&self, layout: &Layout, is_in_use: bool) -> Result<usize, SpoolError> {
        let left = self.entries()?.take(SWAP_BACK_OVER + 1).count();
        let incoming = layout.incoming().join(&self.label);
        // Another worker that lists `incoming` just now would go on to claim another folder than it listed.
        let lock =
            if is_in_use || left <= SWAP_BACK_OVER { None } else { try_lock_dataset(layout, &self.label)? };
        if lock.is_some() && self.can_stand_in_for(&incoming) {
            // What came to `incoming` meanwhile is now in the batch, and goes back file by file. Where the swap can't
            // be done, so does everything.
            let _ = exchange(&self.path, &incoming);
        }
        drop(lock);
        // The path, not the open folder: after a swap that is the one in `incoming`.
        let swapped_in = Batch::open(self.id.clone(), self.path.clone())?;
        let mut names: Vec<OsString> =
            swapped_in.entries()?.map(|entry| entry.map(|entry| entry.name)).collect::<Result<_, _>>()?;
        // A copier is about to rename them.
        names.sort_by_key(|name| !layout.is_temporary(name));
        let mut stuck = 0;
        for name in &names {
            stuck += usize::from(!swapped_in.give_back(layout, name)?);
        }
        swapped_in.remove_if_empty()?;
        Ok(stuck)
    }

    /// Whether the client would not notice this folder in the place of another.
    fn can_stand_in_for(&self, incoming: &Path) -> bool {
        open_folder(CWD, incoming).is_ok_and(|incoming| {
            !has_acl(incoming.as_fd()) && same_owner_and_mode(incoming.as_fd(), self.folder())
        })
    }

    /// Waits until the disk has it that these files are in this batch: a power cut would put them back into `incoming`.
    pub fn sync(&self) -> Result<(), SpoolError> {
        let workers = self.path.parent().unwrap_or(Path::new("."));
        let sync = || -> io::Result<()> {
            sync_all(&self.folder)?;
            sync_all(open_folder(CWD, workers)?)
        };
        match sync() {
            // There are file systems that sync no folders.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other.map_err(|error| SpoolError::io("sync", &self.path, error)),
        }
    }

    /// Removes the folder; false when there is something in it, for instance a file that the client was just making
    /// when its folder was swapped away.
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

    /// Moves a message to `folder` under its name, or under `<name>~2`, `~3` … where that is taken. Gives the name.
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

    /// Moves a message, under its own name, to the first of some folders in which that is not taken; they are made where
    /// they lack.
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
                // It is the message that has gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(io::Error::from(io::ErrorKind::AlreadyExists)))
    }
}

/// Opens a folder, never through a symbolic link.
pub(super) fn open_folder(at: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, path, flags, Mode::empty())?)
}

/// Whether a folder has nothing in it that can be seen.
pub(super) fn is_empty(at: BorrowedFd<'_>, path: &Path) -> bool {
    open_folder(at, path).and_then(list).map_or(true, |mut entries| entries.next().is_none())
}

/// The entries of an open folder, but for `.` and `..`.
pub(super) fn list<F: AsFd>(folder: F) -> io::Result<impl Iterator<Item = io::Result<Entry>> + use<F>> {
    let entries = Dir::read_from(&folder)?;
    Ok(entries.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error.into())),
        };
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            return None;
        }
        let kind = match entry.file_type() {
            // Some file systems don't say in the listing.
            FileType::Unknown => match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => FileType::from_raw_mode(found.st_mode),
                Err(rustix::io::Errno::NOENT) => return None,
                Err(error) => return Some(Err(error.into())),
            },
            kind => kind,
        };
        let kind = match kind {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Folder,
            FileType::Symlink => EntryKind::SymbolicLink,
            _ => EntryKind::Other,
        };
        Some(Ok(Entry { name: name.to_owned(), kind }))
    }))
}
