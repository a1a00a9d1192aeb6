//! What tells a file from the next one at its path.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::spool::SpoolError;
use crate::spool::remove::remove_file;

/// What tells a file from the next one at its path, and from itself when it has been away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    inode: u64,
    /// Of the last change of anything about it, its name included: seconds, and nanoseconds of the second.
    changed: (i64, i64),
}

impl FileIdentity {
    pub(super) fn of(found: &Metadata) -> FileIdentity {
        FileIdentity { inode: found.ino(), changed: (found.ctime(), found.ctime_nsec()) }
    }

    /// None where there is none, or none that can be looked at.
    pub(super) fn at(path: &Path) -> Option<FileIdentity> {
        path.symlink_metadata().ok().map(|found| FileIdentity::of(&found))
    }
}

/// Removes the report of a letter that has gone. Where the lock of who buries could not be had, a second copy may have
/// been buried under its name since: then the report is that one's, and another file.
pub(super) fn remove_if_same(report_path: &Path, report: Option<FileIdentity>) -> Result<(), SpoolError> {
    if FileIdentity::at(report_path) == report { remove_file(report_path) } else { Ok(()) }
}
