//! Renames that never replace anything, and the swap of two folders.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, RenameFlags};
use rustix::io::Errno;
use rustix::path::Arg;

/// Renames a file.
///
/// # Errors
/// `AlreadyExists` when the new name is taken.
pub(super) fn rename_at(
    from: impl AsFd,
    old: impl Arg + Copy,
    to: impl AsFd,
    new: impl Arg + Copy,
) -> io::Result<()> {
    let (from, to): (BorrowedFd<'_>, BorrowedFd<'_>) = (from.as_fd(), to.as_fd());
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // This file system has no such rename. A hard link also fails when the name is taken.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            rustix::fs::linkat(from, old, to, new, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(from, old, AtFlags::empty())?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the kernel or the file system does not know this kind of rename at all.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    Errno::from_io_error(error)
        .is_some_and(|errno| matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::NOTSUP))
}

/// [`rename_at`] for whole paths.
pub(super) fn rename(old: &Path, new: &Path) -> io::Result<()> {
    rename_at(CWD, old, CWD, new)
}

/// Renames a folder to a name that is not taken. File systems without `NOREPLACE` may replace an empty folder: their
/// plain rename refuses only to replace a folder that has entries.
pub(super) fn rename_folder(old: &Path, new: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, old, CWD, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => std::fs::rename(old, new),
        other => Ok(other?),
    }
}

/// The longest file name on Linux and macOS, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 255;

/// `<name>~2`, `<name>~3` …: another name for a file whose own name is taken. A name that becomes too long is cut.
pub(super) fn numbered(name: &OsStr, number: u32) -> OsString {
    let suffix = format!("~{number}");
    let bytes = name.as_bytes();
    let kept = bytes.len().min(NAME_BYTES_MAX - suffix.len());
    let mut numbered = bytes[..kept].to_vec();
    numbered.extend_from_slice(suffix.as_bytes());
    OsString::from_vec(numbered)
}

/// Swaps two folders in one step, so that both paths exist at every moment. Some file systems cannot do this.
pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}
