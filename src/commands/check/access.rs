//! What this user may do with a file or a folder.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};
use rustix::io::Errno;

/// The mode bit of a folder such as /tmp, in which only a file's owner may delete or rename it.
pub(super) const STICKY: u32 = 0o1000;

/// What a user must be allowed in a folder to create, rename or delete files in it.
pub(super) const MAKE_FILES: Access = Access::WRITE_OK.union(Access::EXEC_OK);

/// Whether this user may do `what` with the path.
///
/// # Errors
/// The error that the system would return.
pub(super) fn may(path: &Path, what: Access) -> Result<(), Errno> {
    rustix::fs::accessat(CWD, path, what, AtFlags::EACCESS)
}

/// As [`may`], but a missing path is no error: a run creates it, or somebody has just deleted it.
pub(super) fn may_if_there(path: &Path, what: Access) -> Result<(), Errno> {
    match may(path, what) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// The folders in a folder, but for hidden ones.
pub(super) fn sub_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).filter(|path| !is_hidden(path)).collect()
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
