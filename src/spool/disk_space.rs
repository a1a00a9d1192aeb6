//! How full a file system is.

use std::io;
use std::path::Path;

/// How full a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    pub bytes: u64,
    /// What a program without special rights may still use.
    pub free_bytes: u64,
    /// 0 where the file system has no fixed number.
    pub inodes: u64,
    pub free_inodes: u64,
}

impl DiskSpace {
    /// Of the file system that `path` is on.
    pub fn of(path: &Path) -> io::Result<DiskSpace> {
        let found = rustix::fs::statvfs(path)?;
        // What is kept for the administrator counts as used by neither: so does `df`.
        let used = found.f_blocks - found.f_bfree;
        Ok(DiskSpace {
            bytes: (used + found.f_bavail) * found.f_frsize,
            free_bytes: found.f_bavail * found.f_frsize,
            inodes: found.f_files,
            free_inodes: found.f_favail,
        })
    }

    /// Of space or of inodes, whichever is fuller; in percent, rounded up, as `df` does.
    pub fn percent_used(&self) -> u32 {
        let percent = |all: u64, free: u64| match all {
            0 => 0,
            _ => (u128::from(all - free.min(all)) * 100).div_ceil(u128::from(all)) as u32,
        };
        percent(self.bytes, self.free_bytes).max(percent(self.inodes, self.free_inodes))
    }
}

/// What a file takes of the disk, where a file of ten bytes has a block to itself. Some file systems pack it into less than
/// its length; that is not counted on.
pub fn disk_bytes(bytes: u64, blocks: u64) -> u64 {
    bytes.max(blocks * 512)
}
