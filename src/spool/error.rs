//! The errors of a spool.

use std::io;
use std::path::{Path, PathBuf};

/// Why an operation on the spool failed.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A file of the archive cannot be read, or not to its end.
    #[error("cannot read {path}: {source}", path = path.display())]
    DamagedArchive { path: PathBuf, source: io::Error },
    #[error("{} and {} are on different file systems", first.display(), second.display())]
    OtherFileSystem { first: PathBuf, second: PathBuf },
    #[error("{} is not a folder", path.display())]
    NotAFolder { path: PathBuf },
}

impl SpoolError {
    /// A failed system call: "cannot {action} {path}".
    pub(super) fn io(action: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        SpoolError::Io { action, path: path.as_ref().to_owned(), source: source.into() }
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, SpoolError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            SpoolError::Io { source, .. } | SpoolError::DamagedArchive { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(
                "run irispool as the user that runs the IRIS client, or give its user write access to the spool"
                    .to_owned(),
                )
            }
            SpoolError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space on the spool's file system".to_owned())
            }
            SpoolError::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => Some(
                "this file system is read-only: mount it for writing, or choose another folder; where systemd runs \
                 irispool, ReadWritePaths= in the unit names the folders that it may write to"
                    .to_owned(),
            ),
            SpoolError::Io { .. } | SpoolError::DamagedArchive { .. } => None,
            SpoolError::OtherFileSystem { .. } => Some(
                "messages are claimed by renaming, which needs incoming, claimed, dead and done on one file system: \
                 move the spool, and point the client's RelativeFileDownloadDirectory at its incoming folder"
                    .to_owned(),
            ),
            SpoolError::NotAFolder { .. } => Some("move it away, or choose another --spool".to_owned()),
        }
    }
}
