//! Recognises a file that was seen before.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::spool::SpoolError;
use crate::spool::remove::remove_file;

/// Tells a file from a later one at the same path, and from itself after any change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    inode: u64,
    /// The time of the last change of anything about it, its name included (ctime): seconds since 1970 UTC, and
    /// nanoseconds of the second.
    changed: (i64, i64),
}

impl FileIdentity {
    pub(super) fn of(found: &Metadata) -> FileIdentity {
        FileIdentity { inode: found.ino(), changed: (found.ctime(), found.ctime_nsec()) }
    }

    /// None when there is no file that can be looked at.
    pub(super) fn at(path: &Path) -> Option<FileIdentity> {
        path.symlink_metadata().ok().map(|found| FileIdentity::of(&found))
    }
}

/// Removes the report of a letter that has gone, if it is still the same file. Without the lock of burials a second
/// copy may have been buried under this name since. Then the report is that copy's.
pub(super) fn remove_if_same(report_path: &Path, report: Option<FileIdentity>) -> Result<(), SpoolError> {
    if FileIdentity::at(report_path) == report { remove_file(report_path) } else { Ok(()) }
}
