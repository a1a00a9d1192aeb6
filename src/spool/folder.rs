//! Opens and lists folders, and compares their owners and rights.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid};

use super::SpoolError;

/// An entry of a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: OsString,
    pub kind: EntryKind,
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    SymbolicLink,
    /// A FIFO, a socket, a device.
    Other,
}

impl Entry {
    /// Whether the name begins with a dot. No hidden file is a message: editors, file systems and copying programs
    /// make them. In `incoming` irispool leaves more names alone, see [`super::TemporaryNames`].
    pub fn is_hidden(&self) -> bool {
        self.name.as_bytes().starts_with(b".")
    }
}

/// Opens a folder. A symbolic link is refused.
pub(super) fn open_folder(at: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, path, flags, Mode::empty())?)
}

/// Whether a folder has no entry, as far as it can be listed.
pub(super) fn is_empty(at: BorrowedFd<'_>, path: &Path) -> bool {
    open_folder(at, path).and_then(list).map_or(true, |mut entries| entries.next().is_none())
}

/// The entries of an open folder, without `.` and `..`.
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
            // On some file systems the listing does not say.
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

/// The names of a folder's entries of one kind, without the hidden ones.
pub(super) fn folder_entries(path: &Path, kind: EntryKind) -> Result<Vec<OsString>, SpoolError> {
    let failed = |error: io::Error| SpoolError::io("list", path, error);
    let folder = open_folder(CWD, path).map_err(failed)?;
    let mut names = Vec::new();
    for entry in list(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.kind == kind && !entry.is_hidden() {
            names.push(entry.name);
        }
    }
    Ok(names)
}

/// Gives the new folder the owner, group and mode of the old one, so that the client does not notice when the new one
/// replaces it. Returns whether that worked.
pub(super) fn same_owner_and_mode(old: BorrowedFd<'_>, new: BorrowedFd<'_>) -> bool {
    let (Ok(old), Ok(found)) = (rustix::fs::fstat(old), rustix::fs::fstat(new)) else { return false };
    if (old.st_uid, old.st_gid) != (found.st_uid, found.st_gid) {
        let owner = Some(Uid::from_raw(old.st_uid));
        let group = Some(Gid::from_raw(old.st_gid));
        if rustix::fs::fchown(new, owner, group).is_err() {
            return false;
        }
    }
    let mode = Mode::from_raw_mode(old.st_mode);
    rustix::fs::fchmod(new, mode).is_ok()
}

/// Whether a folder has access rules (ACLs) beside its mode. A swap would lose them.
pub(super) fn has_acl(folder: BorrowedFd<'_>) -> bool {
    let mut names = [0_u8; 4096];
    match rustix::fs::flistxattr(folder, &mut names) {
        Ok(length) => names[..length].windows(9).any(|part| part == b"posix_acl"),
        Err(rustix::io::Errno::RANGE) => true,
        Err(_) => false,
    }
}
