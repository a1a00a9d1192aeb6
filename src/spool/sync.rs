//! Waiting until a file or a folder is on the disk.
//!
//! On Linux, `fsync` does that. On macOS, `fsync` only hands the data to the disk, which may keep it in its own memory;
//! the call that reaches the disk itself is `F_FULLFSYNC`. The standard library's `sync_all` and `sync_data` use it
//! there, and rustix's `fsync` does not. So everything in this folder that must survive a power cut goes through here.

use std::io;
use std::os::fd::AsFd;

#[cfg(target_vendor = "apple")]
use rustix::io::Errno;
use rustix::io::retry_on_intr;

/// Waits until the disk has the content of a file and everything that is known about it, or the names in a folder.
///
/// # Errors
/// What the system says. A file system that cannot sync folders says `InvalidInput`.
pub(super) fn sync_all(file: impl AsFd) -> io::Result<()> {
    #[cfg(target_vendor = "apple")]
    if full_sync(&file)? {
        return Ok(());
    }
    Ok(retry_on_intr(|| rustix::fs::fsync(&file))?)
}

/// Waits until the disk has the content of a file and its length.
///
/// # Errors
/// What the system says.
pub(super) fn sync_data(file: impl AsFd) -> io::Result<()> {
    #[cfg(target_vendor = "apple")]
    return sync_all(file);
    #[cfg(not(target_vendor = "apple"))]
    Ok(retry_on_intr(|| rustix::fs::fdatasync(&file))?)
}

/// Whether the file system has `F_FULLFSYNC`. APFS, HFS+, FAT and UDF have it (fcntl(2) of macOS); where it is missing,
/// `fsync` is all that there is.
#[cfg(target_vendor = "apple")]
fn full_sync(file: impl AsFd) -> io::Result<bool> {
    match retry_on_intr(|| rustix::fs::fcntl_fullfsync(&file)) {
        Ok(()) => Ok(true),
        Err(Errno::NOTSUP | Errno::NOTTY | Errno::INVAL) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
