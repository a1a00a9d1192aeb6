//! How full a file system is.

use std::io;
use std::path::Path;

/// How full a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    pub bytes: u64,
    /// What a program without special rights can still use.
    pub free_bytes: u64,
    /// 0 when the file system has no fixed number.
    pub inodes: u64,
    pub free_inodes: u64,
}

impl DiskSpace {
    /// How full the file system of `path` is.
    pub fn of(path: &Path) -> io::Result<DiskSpace> {
        let found = rustix::fs::statvfs(path)?;
        // Blocks that are reserved for root are neither used nor free, as in `df`.
        let used = found.f_blocks - found.f_bfree;
        Ok(DiskSpace {
            bytes: (used + found.f_bavail) * found.f_frsize,
            free_bytes: found.f_bavail * found.f_frsize,
            inodes: found.f_files,
            free_inodes: found.f_favail,
        })
    }

    /// The share of the space or of the inodes that is used, whichever is higher. In percent, rounded up, as in `df`.
    pub fn percent_used(&self) -> u32 {
        let percent = |all: u64, free: u64| match all {
            0 => 0,
            _ => (u128::from(all - free.min(all)) * 100).div_ceil(u128::from(all)) as u32,
        };
        percent(self.bytes, self.free_bytes).max(percent(self.inodes, self.free_inodes))
    }
}

/// How much of the disk a file takes: a file of ten bytes has a block to itself. Some file systems pack a file into
/// less than its length. This does not count on it.
pub fn disk_bytes(bytes: u64, blocks: u64) -> u64 {
    bytes.max(blocks * 512)
}
